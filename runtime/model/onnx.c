/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ONNX, unpacked by protobuf-c, into a graph. */
#include "model/onnx.h"
#include "model/model.h"

#include <string.h>

#define MAX_DIM ((gint64) 1 << 31)

gboolean
fov_onnx_error (const FovOnnxNode *node, FovErrorCode code, GError **error, const char *format, ...)
{
    g_autofree char *op = fov_model_show_name (node->proto->op_type);
    g_autofree char *text = NULL;
    va_list args;

    va_start (args, format);
    text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, FOV_ERROR, code, "node '%s' (%s): %s", node->name, op, text);
    return FALSE;
}

static const char *
text_or_empty (const char *text)
{
    return text ? text : "";
}

/* ---- the model's head -------------------------------------------------- */

static gboolean
is_default_domain (const char *domain)
{
    return !domain || !*domain || g_str_equal (domain, "ai.onnx");
}

/* Of the optimisers and Gradient, whose names are nobody else's. */
static gboolean
is_training_domain (const char *domain)
{
    return domain && g_str_equal (domain, "ai.onnx.preview.training");
}

static gboolean
read_opset (FovOnnx *onnx, GError **error)
{
    const Onnx__ModelProto *model = onnx->model;
    gboolean only_training = FALSE;

    for (size_t i = 0; i < model->n_opset_import; i++)
        if (is_default_domain (model->opset_import[i]->domain))
            onnx->opset = MAX (onnx->opset, model->opset_import[i]->version);
        else if (is_training_domain (model->opset_import[i]->domain))
            only_training = TRUE;
    if (onnx->opset == 0 && only_training) /* then no operator of the others is there to convert */
        onnx->opset = FOV_ONNX_MAX_OPSET;
    if (onnx->opset >= FOV_ONNX_MIN_OPSET && onnx->opset <= FOV_ONNX_MAX_OPSET)
        return TRUE;
    if (onnx->opset == 0)
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "not an ONNX model: it imports no operator set, expected opset %d to %d",
                     FOV_ONNX_MIN_OPSET, FOV_ONNX_MAX_OPSET);
    else
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "opset %" G_GINT64_FORMAT ", expected %d to %d", onnx->opset,
                     FOV_ONNX_MIN_OPSET, FOV_ONNX_MAX_OPSET);
    return FALSE;
}

static gboolean
check_counts (const Onnx__GraphProto *graph, GError **error)
{
    const struct {
        const char *what;
        size_t n, most;
    } counts[] = {
        { "nodes", graph->n_node, FOV_MODEL_MAX_NODES },
        { "constants", graph->n_initializer, FOV_MODEL_MAX_TENSORS },
        { "inputs", graph->n_input, FOV_MODEL_MAX_TENSORS },
        { "outputs", graph->n_output, FOV_MODEL_MAX_TENSORS },
    };

    for (guint i = 0; i < G_N_ELEMENTS (counts); i++) {
        if (counts[i].n <= counts[i].most)
            continue;
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%" G_GSIZE_FORMAT " %s, expected at most %" G_GSIZE_FORMAT, counts[i].n,
                     counts[i].what, counts[i].most);
        return FALSE;
    }
    if (graph->n_sparse_initializer) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "sparse constants are not supported");
        return FALSE;
    }
    return TRUE;
}

static GHashTable *
read_metadata (const Onnx__ModelProto *model)
{
    GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

    for (size_t i = 0; i < model->n_metadata_props; i++)
        g_hash_table_replace (table,
                              g_utf8_make_valid (text_or_empty (model->metadata_props[i]->key), -1),
                              g_utf8_make_valid (text_or_empty (model->metadata_props[i]->value),
                                                 -1));
    return table;
}

/* ---- values ------------------------------------------------------------ */

/* Makes a name known; it may be so once only. */
static gboolean
bind_name (FovOnnx *onnx, const char *name, FovTensor *tensor, GError **error)
{
    if (g_hash_table_contains (onnx->tensors, name)) {
        g_autofree char *shown = fov_model_show_name (name);
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "two values have the name '%s', expected each name once", shown);
        return FALSE;
    }
    g_hash_table_insert (onnx->tensors, (gpointer) name, tensor);
    return TRUE;
}

static gboolean
read_initializers (FovOnnx *onnx, GError **error)
{
    const Onnx__GraphProto *graph = onnx->model->graph;

    for (size_t i = 0; i < graph->n_initializer; i++) {
        const char *name = text_or_empty (graph->initializer[i]->name);
        g_autofree char *valid = g_utf8_make_valid (name, -1);
        FovTensor *tensor = fov_onnx_add_tensor (onnx, graph->initializer[i], valid, error);

        if (!tensor || !bind_name (onnx, name, tensor, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_input_shape (const Onnx__TensorShapeProto *proto, FovShape *shape, GError **error)
{
    if (proto->n_dim > FOV_MAX_RANK) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%" G_GSIZE_FORMAT " dimensions, expected at most %d", proto->n_dim,
                     FOV_MAX_RANK);
        return FALSE;
    }
    shape->rank = (int) proto->n_dim;
    for (int i = 0; i < shape->rank; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = proto->dim[i];
        gint64 size = -1;

        if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
            dim->dim_value > 0)
            size = dim->dim_value;
        if (size > MAX_DIM) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "dimension %d is %" G_GINT64_FORMAT ", expected at most %" G_GINT64_FORMAT,
                         i, size, MAX_DIM);
            return FALSE;
        }
        shape->dim[i] = size;
    }
    return TRUE;
}

static gboolean
read_input (FovOnnx *onnx, const Onnx__ValueInfoProto *info, GError **error)
{
    const char *name = text_or_empty (info->name);
    g_autofree char *valid = g_utf8_make_valid (name, -1);
    const Onnx__TypeProto__Tensor *type;
    FovShape shape = { 0 };
    FovDType dtype;

    if (!info->type || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "not a tensor");
        return FALSE;
    }
    type = info->type->tensor_type;
    if (!fov_onnx_dtype (type->elem_type, &dtype)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "type %s (%d) is not supported",
                     fov_onnx_dtype_name (type->elem_type), type->elem_type);
        return FALSE;
    }
    if (!type->shape) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "no shape, expected a number of dimensions (sizes may be free)");
        return FALSE;
    }
    return read_input_shape (type->shape, &shape, error) &&
           bind_name (onnx, name, fov_graph_add_input (onnx->graph, valid, dtype, &shape), error);
}

static gboolean
read_inputs (FovOnnx *onnx, GError **error)
{
    const Onnx__GraphProto *graph = onnx->model->graph;

    for (size_t i = 0; i < graph->n_input; i++) {
        const char *name = text_or_empty (graph->input[i]->name);
        const FovTensor *known = g_hash_table_lookup (onnx->tensors, name);

        if (known && known->data) /* files older than IR 4 list constants here too */
            continue;
        if (!read_input (onnx, graph->input[i], error)) {
            g_autofree char *shown = fov_model_show_name (name);
            g_prefix_error (error, "input '%s': ", shown);
            return FALSE;
        }
    }
    return TRUE;
}

/* ---- order -------------------------------------------------------------- */

static char *
node_name (const Onnx__NodeProto *proto, size_t index)
{
    if (proto->name && *proto->name)
        return fov_model_show_name (proto->name);
    if (proto->n_output && *proto->output[0])
        return fov_model_show_name (proto->output[0]);
    return g_strdup_printf ("#%" G_GSIZE_FORMAT, index);
}

/* Who computes what: name -> index + 1. */
static GHashTable *
map_producers (const FovOnnx *onnx, GError **error)
{
    const Onnx__GraphProto *graph = onnx->model->graph;
    g_autoptr (GHashTable) producers = g_hash_table_new (g_str_hash, g_str_equal);

    for (size_t i = 0; i < graph->n_node; i++) {
        const Onnx__NodeProto *node = graph->node[i];
        for (size_t k = 0; k < node->n_output; k++) {
            char *output = node->output[k];
            gboolean taken = g_hash_table_contains (onnx->tensors, output);

            if (!*output ||
                (!taken && g_hash_table_insert (producers, output, GSIZE_TO_POINTER (i + 1))))
                continue;
            g_autofree char *name = node_name (node, i);
            g_autofree char *shown = fov_model_show_name (output);
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "node '%s': output '%s' is %s", name,
                         shown,
                         taken ? "an input or a constant of the model"
                               : "computed by another node already");
            return NULL;
        }
    }
    return g_steal_pointer (&producers);
}

typedef struct {
    gsize node, next_input;
} Visit;

/*
 * The order in which every value is computed before its use, depth first from
 * the first node on: a file that is in order stays so. NULL where there is none.
 */
static GArray *
sort_nodes (const Onnx__GraphProto *graph, GHashTable *producers, GError **error)
{
    enum { NEW, OPEN, DONE };
    GArray *order = g_array_sized_new (FALSE, FALSE, sizeof (gsize), (guint) graph->n_node);
    g_autoptr (GArray) stack = g_array_new (FALSE, FALSE, sizeof (Visit));
    g_autofree guint8 *state = g_new0 (guint8, graph->n_node + 1);

    for (gsize i = 0; i < graph->n_node; i++) {
        if (state[i] == NEW) {
            g_array_append_val (stack, ((Visit){ i, 0 }));
            state[i] = OPEN;
        }
        while (stack->len) {
            Visit *top = &g_array_index (stack, Visit, stack->len - 1);
            const Onnx__NodeProto *node = graph->node[top->node];
            gsize from;

            if (top->next_input == node->n_input) {
                state[top->node] = DONE;
                g_array_append_val (order, top->node);
                g_array_set_size (stack, stack->len - 1);
                continue;
            }
            from =
                GPOINTER_TO_SIZE (g_hash_table_lookup (producers, node->input[top->next_input++]));
            if (!from || state[from - 1] == DONE)
                continue;
            if (state[from - 1] == OPEN) {
                g_autofree char *name = node_name (graph->node[from - 1], from - 1);
                g_autofree char *op = fov_model_show_name (graph->node[from - 1]->op_type);
                g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                             "node '%s' (%s) depends on its own output: the graph has a cycle",
                             name, op);
                g_array_unref (order);
                return NULL;
            }
            state[from - 1] = OPEN;
            g_array_append_val (stack, ((Visit){ from - 1, 0 }));
        }
    }
    return order;
}

/* ---- nodes --------------------------------------------------------------- */

static gboolean
read_node_inputs (FovOnnxNode *node, GHashTable *producers, GError **error)
{
    const Onnx__NodeProto *proto = node->proto;

    for (size_t i = 0; i < proto->n_input; i++) {
        FovTensor *tensor = NULL;
        if (*proto->input[i]) {
            tensor = g_hash_table_lookup (node->onnx->tensors, proto->input[i]);
            if (!tensor) {
                g_autofree char *shown = fov_model_show_name (proto->input[i]);
                return fov_onnx_error (
                    node, FOV_ERROR_FORMAT, error, "input %" G_GSIZE_FORMAT " '%s' is %s", i, shown,
                    g_hash_table_contains (producers, proto->input[i])
                        ? "a training output, which is not supported"
                        : "neither an input of the model, a constant nor a node's output");
            }
        }
        g_ptr_array_add (node->inputs, tensor);
    }
    return TRUE;
}

static gint32
attr_type (const Onnx__AttributeProto *proto)
{
    if (proto->has_type && proto->type)
        return (gint32) proto->type;
    /* Early writers left the type out. */
    return proto->has_i      ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT
           : proto->has_f    ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT
           : proto->has_s    ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING
           : proto->t        ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR
           : proto->n_ints   ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS
           : proto->n_floats ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS
                             : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED;
}

/* Tensors and graphs are left to the converters that know them. */
static gboolean
read_attr (FovOnnxNode *node, const Onnx__AttributeProto *proto, GError **error)
{
    FovAttr attr = { .name = fov_model_show_name (text_or_empty (proto->name)) };

    g_ptr_array_add (node->strings, (gpointer) attr.name);
    switch (attr_type (proto)) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
        attr.type = FOV_ATTR_INT;
        attr.i = proto->i;
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
        attr.type = FOV_ATTR_FLOAT;
        attr.f = proto->f;
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
        attr.type = FOV_ATTR_STRING;
        attr.s = g_utf8_make_valid ((const char *) (proto->s.len ? proto->s.data : (guint8 *) ""),
                                    (gssize) proto->s.len);
        g_ptr_array_add (node->strings, (gpointer) attr.s);
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
        attr.type = FOV_ATTR_INTS;
        attr.ints = (const gint64 *) proto->ints;
        attr.n = proto->n_ints;
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
        attr.type = FOV_ATTR_FLOATS;
        attr.floats = proto->floats;
        attr.n = proto->n_floats;
        break;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH:
        return TRUE;
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
        if (g_str_equal (node->op, "Gradient"))
            return TRUE;
        /* fall through */
    default: {
        g_autofree char *shown = fov_model_show_name (attr.name);
        return fov_onnx_error (node, FOV_ERROR_UNSUPPORTED, error,
                               "attribute '%s' is of type %d, expected a number, a string, "
                               "a list of numbers or a tensor",
                               shown, attr_type (proto));
    }
    }
    g_array_append_val (node->attrs, attr);
    return TRUE;
}

static gboolean
bind_outputs (FovOnnxNode *node, FovTensor *const *outputs, guint n, GError **error)
{
    const Onnx__NodeProto *proto = node->proto;

    for (guint i = 0; i < n; i++) {
        g_autofree char *valid = NULL;
        if (!*proto->output[i])
            continue;
        if (!bind_name (node->onnx, proto->output[i], outputs[i], error)) {
            g_prefix_error (error, "node '%s': ", node->name);
            return FALSE;
        }
        valid = g_utf8_make_valid (proto->output[i], -1);
        fov_graph_rename (node->onnx->graph, outputs[i], valid);
    }
    return TRUE;
}

static gboolean
check_node (const FovOnnxNode *node, GError **error)
{
    const Onnx__NodeProto *proto = node->proto;

    if (!is_default_domain (proto->domain) && !is_training_domain (proto->domain)) {
        g_autofree char *shown = fov_model_show_name (proto->domain);
        return fov_onnx_error (node, FOV_ERROR_UNSUPPORTED, error,
                               "operator of domain '%s', expected the standard domain (ai.onnx)",
                               shown);
    }
    if (!node->n_outputs)
        return fov_onnx_error (node, FOV_ERROR_FORMAT, error, "no outputs");
    return TRUE;
}

static gboolean
add_node (FovOnnxNode *node, GHashTable *producers, GError **error)
{
    const Onnx__NodeProto *proto = node->proto;
    FovNode *made;

    if (!check_node (node, error) || !read_node_inputs (node, producers, error))
        return FALSE;
    for (size_t i = 0; i < proto->n_attribute; i++)
        if (!read_attr (node, proto->attribute[i], error))
            return FALSE;
    if (!fov_onnx_convert (node, error))
        return FALSE;
    if (node->result)
        return bind_outputs (node, &node->result, 1, error);
    made = fov_graph_add_node (node->onnx->graph, node->op, node->name,
                               (FovTensor *const *) node->inputs->pdata, node->inputs->len,
                               node->n_outputs, (const FovAttr *) (void *) node->attrs->data,
                               node->attrs->len, error);
    return made && bind_outputs (node, made->outputs, node->n_outputs, error);
}

static gboolean
read_node (FovOnnx *onnx, gsize index, GHashTable *producers, GError **error)
{
    const Onnx__NodeProto *proto = onnx->model->graph->node[index];
    g_autofree char *op = fov_model_show_name (text_or_empty (proto->op_type));
    FovOnnxNode node = { .onnx = onnx, .proto = proto, .op = op };
    gboolean ok;

    node.name = node_name (proto, index);
    node.inputs = g_ptr_array_new ();
    node.attrs = g_array_new (FALSE, FALSE, sizeof (FovAttr));
    node.strings = g_ptr_array_new_with_free_func (g_free);
    node.n_outputs = (guint) MIN (proto->n_output, FOV_MODEL_MAX_TENSORS);
    while (node.n_outputs && !*proto->output[node.n_outputs - 1])
        node.n_outputs--;
    ok = add_node (&node, producers, error);
    g_free (node.name);
    g_ptr_array_unref (node.inputs);
    g_array_unref (node.attrs);
    g_ptr_array_unref (node.strings);
    return ok;
}

static gboolean
read_nodes (FovOnnx *onnx, GError **error)
{
    const Onnx__GraphProto *graph = onnx->model->graph;
    g_autoptr (GHashTable) producers = map_producers (onnx, error);
    g_autoptr (GArray) order = producers ? sort_nodes (graph, producers, error) : NULL;

    for (guint i = 0; order && i < order->len; i++)
        if (!read_node (onnx, g_array_index (order, gsize, i), producers, error))
            return FALSE;
    return order != NULL;
}

/* ---- outputs --------------------------------------------------------------- */

/* What the file says of an output is only told on: inference has the last word. */
static void
declare_output (FovTensor *tensor, const Onnx__ValueInfoProto *info)
{
    FovShape shape = { 0 };

    if (info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
        info->type->tensor_type->shape &&
        read_input_shape (info->type->tensor_type->shape, &shape, NULL))
        tensor->shape = shape;
}

static gboolean
read_output (FovOnnx *onnx, const Onnx__ValueInfoProto *info, GError **error)
{
    const char *name = text_or_empty (info->name);
    FovTensor *tensor = g_hash_table_lookup (onnx->tensors, name);
    g_autofree char *shown = fov_model_show_name (name);

    if (!tensor || tensor->is_output) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "output '%s' %s", shown,
                     tensor ? "is listed twice" : "is computed by no node");
        return FALSE;
    }
    if (!tensor->producer) { /* an input or constant handed through */
        FovNode *node =
            fov_graph_add_node (onnx->graph, "Identity", shown, &tensor, 1, 1, NULL, 0, error);
        if (!node)
            return FALSE;
        tensor = node->outputs[0];
        fov_graph_rename (onnx->graph, tensor, shown);
    }
    declare_output (tensor, info);
    fov_graph_add_output (onnx->graph, tensor);
    return TRUE;
}

static gboolean
read_outputs (FovOnnx *onnx, GError **error)
{
    const Onnx__GraphProto *graph = onnx->model->graph;

    if (!graph->n_output) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "the graph has no outputs");
        return FALSE;
    }
    for (size_t i = 0; i < graph->n_output; i++)
        if (!read_output (onnx, graph->output[i], error))
            return FALSE;
    return TRUE;
}

/* ---- the whole -------------------------------------------------------------- */

static gboolean
unpack (FovOnnx *onnx, GBytes *bytes, GError **error)
{
    gsize size;
    const guint8 *data = g_bytes_get_data (bytes, &size);

    if (!fov_onnx_check_wire (data, size, error))
        return FALSE;
    onnx->model = onnx__model_proto__unpack (NULL, size, data);
    if (!onnx->model || !onnx->model->graph) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "not an ONNX model: %s",
                     onnx->model ? "it has no graph" : "its parts do not fit the format");
        return FALSE;
    }
    return TRUE;
}

static void
onnx_clear (FovOnnx *onnx)
{
    if (onnx->model)
        onnx__model_proto__free_unpacked (onnx->model, NULL);
    fov_graph_free (onnx->graph);
    g_hash_table_unref (onnx->tensors);
    g_hash_table_unref (onnx->files);
    g_free (onnx->folder);
}

FovGraph *
fov_onnx_read (const char *path, GBytes *data, char **format, GHashTable **metadata, GError **error)
{
    FovOnnx onnx = { .folder = g_path_get_dirname (path), .graph = fov_graph_new () };
    FovGraph *graph = NULL;

    onnx.tensors = g_hash_table_new (g_str_hash, g_str_equal);
    onnx.files =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
    if (unpack (&onnx, data, error) && read_opset (&onnx, error) &&
        check_counts (onnx.model->graph, error) && read_initializers (&onnx, error) &&
        read_inputs (&onnx, error) && read_nodes (&onnx, error) && read_outputs (&onnx, error)) {
        fov_graph_remove_unused (onnx.graph);
        *format = g_strdup_printf ("ONNX opset %" G_GINT64_FORMAT, onnx.opset);
        *metadata = read_metadata (onnx.model);
        graph = g_steal_pointer (&onnx.graph);
    }
    onnx_clear (&onnx);
    return graph;
}
