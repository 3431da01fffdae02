/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A model's graph as an ONNX file: ops carry ONNX's names and newest meaning, so that nodes go out
 * as they are. */
#include "model/model.h"
#include "model/onnx.h"
#include "graph/params.h"

#include <math.h>
#include <string.h>

#include <fovea/file.h>

typedef struct {
    const FovGraph *from;
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset; /* raised by what needs a newer one */
    GHashTable *names;              /* of nodes, taken ones */
    GPtrArray *memory;              /* everything that the protos point to */
} Save;

/* ---- pieces ------------------------------------------------------------ */

static gpointer
take (Save *s, gsize size)
{
    gpointer memory = g_malloc0 (MAX (size, 1));

    g_ptr_array_add (s->memory, memory);
    return memory;
}

static char *
take_text (Save *s, const char *text)
{
    char *copy = g_strdup (text);

    g_ptr_array_add (s->memory, copy);
    return copy;
}

static Onnx__TensorProto *
tensor_proto (Save *s, const FovTensor *t)
{
    Onnx__TensorProto *proto = take (s, sizeof *proto);

    onnx__tensor_proto__init (proto);
    proto->name = t->name;
    proto->has_data_type = TRUE;
    proto->data_type = fov_onnx_type (t->dtype);
    proto->n_dims = (size_t) t->shape.rank;
    proto->dims = take (s, proto->n_dims * sizeof *proto->dims);
    for (int d = 0; d < t->shape.rank; d++)
        proto->dims[d] = t->shape.dim[d];
    proto->has_raw_data = TRUE;
    proto->raw_data.data = (guint8 *) g_bytes_get_data (t->data, &proto->raw_data.len);
    return proto;
}

/* Free dimensions have no size. */
static Onnx__ValueInfoProto *
value_proto (Save *s, const FovTensor *t)
{
    Onnx__ValueInfoProto *proto = take (s, sizeof *proto);
    Onnx__TypeProto *type = take (s, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = take (s, sizeof *tensor);
    Onnx__TensorShapeProto *shape = take (s, sizeof *shape);

    onnx__value_info_proto__init (proto);
    onnx__type_proto__init (type);
    onnx__type_proto__tensor__init (tensor);
    onnx__tensor_shape_proto__init (shape);
    proto->name = t->name;
    proto->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = TRUE;
    tensor->elem_type = fov_onnx_type (t->dtype);
    tensor->shape = shape;
    shape->n_dim = (size_t) t->shape.rank;
    shape->dim = take (s, shape->n_dim * sizeof *shape->dim);
    for (int d = 0; d < t->shape.rank; d++) {
        shape->dim[d] = take (s, sizeof **shape->dim);
        onnx__tensor_shape_proto__dimension__init (shape->dim[d]);
        if (t->shape.dim[d] < 0)
            continue;
        shape->dim[d]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        shape->dim[d]->dim_value = t->shape.dim[d];
    }
    return proto;
}

/* ---- attributes -------------------------------------------------------- */

/* Forms that came after opset 18: the op, its attribute (NULL: the op itself), its value (NULL:
 * any), and the opset. */
static const struct {
    const char *op, *attr, *value;
    gint64 since;
} later[] = {
    { "AveragePool", "dilations", NULL, 19 },
    { "Gelu", NULL, NULL, 20 },
    { "Pad", "mode", "wrap", 19 },
};

/* What ONNX does not know by that name: it is an input there, or says what is so anyway. */
static const char *const unwritten[][2] = {
    { "Cast", "saturate" },
    { "Clip", "min" },
    { "Clip", "max" },
    { "GroupNormalization", "stash_type" },
};

/* What has no default in ONNX, though it has one here. */
static const char *const needed[][2] = {
    { "Cast", "to" },
    { "Concat", "axis" },
};

static gboolean
is_among (const char *const (*pairs)[2], guint n, const char *op, const char *attr)
{
    for (guint i = 0; i < n; i++)
        if (g_str_equal (pairs[i][0], op) && g_str_equal (pairs[i][1], attr))
            return TRUE;
    return FALSE;
}

static void
note_opset (Save *s, const char *op, const char *attr, const char *value)
{
    for (guint i = 0; i < G_N_ELEMENTS (later); i++)
        if (g_str_equal (later[i].op, op) && g_strcmp0 (later[i].attr, attr) == 0 &&
            (!later[i].value || g_strcmp0 (later[i].value, value) == 0))
            s->opset.version = MAX (s->opset.version, later[i].since);
}

/* Steps of one and no padding are what is meant where the list is left out. */
static gboolean
is_default_list (const char *name, const FovInts *list)
{
    const gboolean ones = g_str_equal (name, "strides") || g_str_equal (name, "dilations");
    int n = 0;

    if (!ones && !g_str_equal (name, "pads") && !g_str_equal (name, "output_padding"))
        return list->n == 0;
    while (n < list->n && list->v[n] == (ones ? 1 : 0))
        n++;
    return n == list->n;
}

/* FALSE: nothing to say. */
static gboolean
fill_attr (Onnx__AttributeProto *proto, const FovParam *p, gconstpointer field, gboolean always)
{
    const FovInts *ints = field;
    const FovFloats *floats = field;

    proto->name = (char *) p->name;
    proto->has_type = TRUE;
    switch (p->type) {
    case FOV_PARAM_INT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        proto->has_i = TRUE;
        proto->i = *(const gint64 *) field;
        return always || proto->i != (gint64) p->fallback;
    case FOV_PARAM_FLOAT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        proto->has_f = TRUE;
        proto->f = *(const float *) field;
        return always || memcmp (&proto->f, &(float){ (float) p->fallback }, sizeof proto->f) != 0;
    case FOV_PARAM_INTS:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        proto->n_ints = (size_t) ints->n;
        proto->ints = (int64_t *) ints->v;
        return !is_default_list (p->name, ints);
    case FOV_PARAM_FLOATS:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        proto->n_floats = (size_t) floats->n;
        proto->floats = (float *) floats->v;
        return floats->n > 0;
    default: /* a kind that the op's name tells has no names */
        if (!p->names[0] || (!always && *(const int *) field == (int) p->fallback))
            return FALSE;
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        proto->has_s = TRUE;
        proto->s.data = (guint8 *) p->names[*(const int *) field];
        proto->s.len = strlen ((const char *) proto->s.data);
        return TRUE;
    }
}

/* How many parts is said if and only if no sizes are given. */
static void
count_parts (Save *s, Onnx__NodeProto *proto, const FovNode *split)
{
    Onnx__AttributeProto *attr = NULL;
    size_t n = 0;

    for (size_t i = 0; i < proto->n_attribute; i++)
        if (!g_str_equal (proto->attribute[i]->name, "num_outputs"))
            proto->attribute[n++] = proto->attribute[i];
    proto->n_attribute = n;
    if (split->n_inputs > 1 && split->inputs[1])
        return;
    attr = take (s, sizeof *attr);
    onnx__attribute_proto__init (attr);
    attr->name = take_text (s, "num_outputs");
    attr->has_type = attr->has_i = TRUE;
    attr->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    attr->i = split->n_outputs;
    proto->attribute[proto->n_attribute++] = attr;
}

static void
fill_attrs (Save *s, Onnx__NodeProto *proto, const FovNode *node)
{
    const char *op = node->op->name;
    guint n = 0;

    for (const FovParam *p = node->op->params; p && p->name; p++)
        n++;
    proto->attribute = take (s, n * sizeof *proto->attribute);
    for (const FovParam *p = node->op->params; p && p->name; p++) {
        const gboolean always = is_among (needed, G_N_ELEMENTS (needed), op, p->name);
        Onnx__AttributeProto *attr = take (s, sizeof *attr);
        onnx__attribute_proto__init (attr);
        if (is_among (unwritten, G_N_ELEMENTS (unwritten), op, p->name) ||
            !fill_attr (attr, p, (const guint8 *) node->params + p->offset, always))
            continue;
        note_opset (s, op, p->name, attr->has_s ? (const char *) attr->s.data : NULL);
        proto->attribute[proto->n_attribute++] = attr;
    }
    note_opset (s, op, NULL, NULL);
    if (g_str_equal (op, "Split"))
        count_parts (s, proto, node);
}

/* ---- nodes ------------------------------------------------------------- */

static Onnx__TensorProto *
scalar_proto (Save *s, char *name, float value)
{
    Onnx__TensorProto *proto = take (s, sizeof *proto);

    onnx__tensor_proto__init (proto);
    proto->name = name;
    proto->has_data_type = TRUE;
    proto->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    proto->n_float_data = 1;
    proto->float_data = take (s, sizeof value);
    proto->float_data[0] = value;
    return proto;
}

/* Limits that are no inputs here become some. */
static void
write_limits (Save *s, Onnx__NodeProto *proto, const FovNode *node)
{
    const FovAct *act = &((const FovUnaryParams *) node->params)->act;
    const float limits[] = { act->a, act->b };
    char **inputs = take (s, 3 * sizeof *inputs);

    for (guint i = 0; i < 3; i++)
        inputs[i] = i < proto->n_input ? proto->input[i] : take_text (s, "");
    for (guint i = 0; i < 2; i++) {
        g_autoptr (GString) name = g_string_new (NULL);
        if (*inputs[i + 1] || isinf (limits[i]))
            continue;
        g_string_printf (name, "%s.%s", node->outputs[0]->name, i ? "max" : "min");
        while (fov_graph_find (s->from, name->str))
            g_string_append_c (name, '_');
        inputs[i + 1] = take_text (s, name->str);
        s->graph.initializer[s->graph.n_initializer++] = scalar_proto (s, inputs[i + 1], limits[i]);
    }
    proto->input = inputs;
    proto->n_input = *inputs[2] ? 3 : *inputs[1] ? 2 : 1;
}

/* Several nodes may stand for one that was read, and have its name. */
static char *
node_name (Save *s, const FovNode *node)
{
    const char *base = *node->name ? node->name : node->op->name;
    char *name = take_text (s, base);

    for (guint i = 2; !g_hash_table_add (s->names, name); i++) {
        g_autofree char *other = g_strdup_printf ("%s.%u", base, i);
        name = take_text (s, other);
    }
    return name;
}

static char **
value_names (Save *s, FovTensor *const *values, guint n)
{
    char **names = take (s, n * sizeof *names);

    for (guint i = 0; i < n; i++)
        names[i] = values[i] ? values[i]->name : take_text (s, "");
    return names;
}

static Onnx__NodeProto *
node_proto (Save *s, const FovNode *node)
{
    Onnx__NodeProto *proto = take (s, sizeof *proto);

    onnx__node_proto__init (proto);
    proto->op_type = (char *) node->op->name;
    proto->name = node_name (s, node);
    proto->n_input = node->n_inputs;
    proto->input = value_names (s, node->inputs, node->n_inputs);
    proto->n_output = node->n_outputs;
    proto->output = value_names (s, node->outputs, node->n_outputs);
    fill_attrs (s, proto, node);
    if (fov_node_is (node, "Clip"))
        write_limits (s, proto, node);
    return proto;
}

static gboolean
check_node (const FovNode *node, GError **error)
{
    static const char *const training[] = { "Adagrad", "Adam", "Gradient", "Momentum", NULL };
    const FovNormParams *norm = node->params;
    const char *why = NULL;

    if (g_str_has_prefix (node->op->name, "fov."))
        why = "ONNX has no such operator";
    else if (g_strv_contains (training, node->op->name))
        why = "it belongs to ONNX's training operators, which networks to be run do not have";
    else if (fov_node_is (node, "GroupNormalization") && node->inputs[1] && node->inputs[1]->data &&
             fov_tensor_elements (node->inputs[1]) != norm->num_groups)
        why = "ONNX has a scale for each channel from opset 21 on only, and 20 is the newest that "
              "Fovea knows";
    if (!why)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "node '%s' (%s) can not be written: %s",
                 node->name, node->op->name, why);
    return FALSE;
}

/* ---- the whole --------------------------------------------------------- */

/* What inference finds, of which only the dimensions that the model's inputs leave free are open;
 * what is declared, where it fails. */
static void
fill_outputs (Save *s)
{
    g_autoptr (FovGraph) trial = fov_graph_copy (s->from);
    gboolean known, fixed = TRUE;

    for (guint i = 0; i < trial->inputs->len; i++)
        fixed &= fov_tensor_elements (trial->inputs->pdata[i]) >= 0;
    known = fov_graph_specialize (trial, NULL, NULL);
    for (guint i = 0; i < s->from->outputs->len; i++) {
        const FovTensor *declared = s->from->outputs->pdata[i];
        const FovTensor *found = known ? trial->outputs->pdata[i] : declared;
        FovTensor t = { .name = declared->name, .dtype = found->dtype, .shape = found->shape };
        Onnx__ValueInfoProto *proto;
        for (int d = 0; d < t.shape.rank && !fixed; d++)
            t.shape.dim[d] = declared->shape.rank == t.shape.rank ? declared->shape.dim[d] : -1;
        proto = s->graph.output[s->graph.n_output++] = value_proto (s, &t);
        if (!known && !t.shape.rank)
            proto->type->tensor_type->shape = NULL; /* no scalar: nobody knows */
    }
}

static gboolean
fill_graph (Save *s, GError **error)
{
    const FovGraph *graph = s->from;
    Onnx__GraphProto *g = &s->graph;

    g->name = take_text (s, "fovea");
    g->node = take (s, graph->nodes->len * sizeof *g->node);
    /* Two more for each Clip at most. */
    g->initializer =
        take (s, (graph->tensors->len + 2 * graph->nodes->len) * sizeof *g->initializer);
    g->input = take (s, graph->inputs->len * sizeof *g->input);
    g->output = take (s, graph->outputs->len * sizeof *g->output);
    for (guint i = 0; i < graph->nodes->len; i++) {
        if (!check_node (graph->nodes->pdata[i], error))
            return FALSE;
        g->node[g->n_node++] = node_proto (s, graph->nodes->pdata[i]);
    }
    for (guint i = 0; i < graph->tensors->len; i++) {
        const FovTensor *t = graph->tensors->pdata[i];
        if (t && t->data && t->consumers->len)
            g->initializer[g->n_initializer++] = tensor_proto (s, t);
    }
    for (guint i = 0; i < graph->inputs->len; i++)
        g->input[g->n_input++] = value_proto (s, graph->inputs->pdata[i]);
    fill_outputs (s);
    return TRUE;
}

static void
fill_metadata (Save *s, FovModel *model)
{
    g_autoptr (GHashTable) metadata = fov_model_copy_metadata (model);
    g_autoptr (GList) keys = g_list_sort (g_hash_table_get_keys (metadata), (GCompareFunc) strcmp);

    s->model.metadata_props =
        take (s, g_hash_table_size (metadata) * sizeof *s->model.metadata_props);
    for (const GList *key = keys; key; key = key->next) {
        Onnx__StringStringEntryProto *entry = take (s, sizeof *entry);
        onnx__string_string_entry_proto__init (entry);
        entry->key = take_text (s, key->data);
        entry->value = take_text (s, g_hash_table_lookup (metadata, key->data));
        s->model.metadata_props[s->model.n_metadata_props++] = entry;
    }
}

static gboolean
pack (const Save *s, const char *path, GError **error)
{
    gsize size = onnx__model_proto__get_packed_size (&s->model);
    g_autofree guint8 *bytes = g_malloc (MAX (size, 1));

    onnx__model_proto__pack (&s->model, bytes);
    return fov_file_write (path, bytes, size, error);
}

gboolean
fov_model_save (FovModel *model, const char *path, GError **error)
{
    Save s = { .from = fov_model_graph (model),
               .names = g_hash_table_new (g_str_hash, g_str_equal),
               .memory = g_ptr_array_new_with_free_func (g_free) };
    Onnx__OperatorSetIdProto *opsets[] = { &s.opset };
    gboolean ok;

    onnx__model_proto__init (&s.model);
    onnx__graph_proto__init (&s.graph);
    onnx__operator_set_id_proto__init (&s.opset);
    s.opset.has_version = TRUE;
    s.opset.version = FOV_ONNX_SAVE_OPSET;
    s.model.producer_name = take_text (&s, "Fovea");
    s.model.n_opset_import = 1;
    s.model.opset_import = opsets;
    s.model.graph = &s.graph;
    fill_metadata (&s, model);
    ok = fill_graph (&s, error);
    s.model.has_ir_version = TRUE;
    s.model.ir_version = s.opset.version > 18 ? 9 : 8;
    ok = ok && pack (&s, path, error);
    g_hash_table_unref (s.names);
    g_ptr_array_unref (s.memory);
    return ok;
}
