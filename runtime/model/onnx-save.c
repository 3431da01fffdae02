/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A model's graph as an ONNX file: ops carry ONNX's names and newest meaning, so that nodes go out
 * as they are. */
#include "model/model.h"
#include "model/onnx.h"
#include "graph/op.h"

#include <string.h>

typedef struct {
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    GPtrArray *memory; /* everything that the protos point to */
} Save;

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

static gint32
onnx_type (FovDType dtype)
{
    static const gint32 types[FOV_N_DTYPES] = {
        [FOV_F32] = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
        [FOV_F64] = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
        [FOV_F16] = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16,
        [FOV_I8] = ONNX__TENSOR_PROTO__DATA_TYPE__INT8,
        [FOV_U8] = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8,
        [FOV_I16] = ONNX__TENSOR_PROTO__DATA_TYPE__INT16,
        [FOV_I32] = ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
        [FOV_I64] = ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
        [FOV_BOOL] = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL,
    };

    return types[dtype];
}

static Onnx__TensorProto *
tensor_proto (Save *s, const FovTensor *t)
{
    Onnx__TensorProto *proto = take (s, sizeof *proto);

    onnx__tensor_proto__init (proto);
    proto->name = t->name;
    proto->has_data_type = TRUE;
    proto->data_type = onnx_type (t->dtype);
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
    tensor->elem_type = onnx_type (t->dtype);
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

/* FALSE: nothing to say (a list that was left out, a kind that the op's name tells). */
static gboolean
fill_attr (Save *s, Onnx__AttributeProto *proto, const FovParam *p, gconstpointer params)
{
    const guint8 *field = (const guint8 *) params + p->offset;
    const FovInts *ints = (gconstpointer) field;
    const FovFloats *floats = (gconstpointer) field;

    proto->name = (char *) p->name;
    proto->has_type = TRUE;
    switch (p->type) {
    case FOV_PARAM_INT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        proto->has_i = TRUE;
        proto->i = *(const gint64 *) (gconstpointer) field;
        return TRUE;
    case FOV_PARAM_FLOAT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        proto->has_f = TRUE;
        proto->f = *(const float *) (gconstpointer) field;
        return TRUE;
    case FOV_PARAM_INTS:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        proto->n_ints = (size_t) ints->n;
        proto->ints = (int64_t *) ints->v;
        return ints->n > 0;
    case FOV_PARAM_FLOATS:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        proto->n_floats = (size_t) floats->n;
        proto->floats = (float *) floats->v;
        return floats->n > 0;
    default:
        if (!p->names[0])
            return FALSE;
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        proto->has_s = TRUE;
        proto->s.data = (guint8 *) p->names[*(const int *) (gconstpointer) field];
        proto->s.len = strlen ((const char *) proto->s.data);
        return TRUE;
    }
}

static Onnx__NodeProto *
node_proto (Save *s, const FovNode *node)
{
    Onnx__NodeProto *proto = take (s, sizeof *proto);
    guint n = 0;

    onnx__node_proto__init (proto);
    proto->op_type = (char *) node->op->name;
    proto->name = node->name;
    proto->n_input = node->n_inputs;
    proto->input = take (s, node->n_inputs * sizeof *proto->input);
    for (guint i = 0; i < node->n_inputs; i++)
        proto->input[i] = node->inputs[i] ? node->inputs[i]->name : take_text (s, "");
    proto->n_output = node->n_outputs;
    proto->output = take (s, node->n_outputs * sizeof *proto->output);
    for (guint i = 0; i < node->n_outputs; i++)
        proto->output[i] = node->outputs[i] ? node->outputs[i]->name : take_text (s, "");
    for (const FovParam *p = node->op->params; p && p->name; p++)
        n++;
    proto->attribute = take (s, n * sizeof *proto->attribute);
    for (const FovParam *p = node->op->params; p && p->name; p++) {
        Onnx__AttributeProto *attr = take (s, sizeof *attr);
        onnx__attribute_proto__init (attr);
        if (fill_attr (s, attr, p, node->params))
            proto->attribute[proto->n_attribute++] = attr;
    }
    return proto;
}

static gboolean
fill_graph (Save *s, const FovGraph *graph, GError **error)
{
    Onnx__GraphProto *g = &s->graph;

    g->name = take_text (s, "fovea");
    g->node = take (s, graph->nodes->len * sizeof *g->node);
    g->initializer = take (s, graph->tensors->len * sizeof *g->initializer);
    g->input = take (s, graph->inputs->len * sizeof *g->input);
    g->output = take (s, graph->outputs->len * sizeof *g->output);
    for (guint i = 0; i < graph->nodes->len; i++) {
        const FovNode *node = graph->nodes->pdata[i];
        if (g_str_has_prefix (node->op->name, "fov.")) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                         "node '%s': ONNX has no operator %s", node->name, node->op->name);
            return FALSE;
        }
        g->node[g->n_node++] = node_proto (s, node);
    }
    for (guint i = 0; i < graph->tensors->len; i++) {
        const FovTensor *t = graph->tensors->pdata[i];
        if (t && t->data)
            g->initializer[g->n_initializer++] = tensor_proto (s, t);
    }
    for (guint i = 0; i < graph->inputs->len; i++)
        g->input[g->n_input++] = value_proto (s, graph->inputs->pdata[i]);
    for (guint i = 0; i < graph->outputs->len; i++)
        g->output[g->n_output++] = value_proto (s, graph->outputs->pdata[i]);
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
    g_autoptr (GError) why = NULL;

    onnx__model_proto__pack (&s->model, bytes);
    if (g_file_set_contents (path, (const char *) bytes, (gssize) size, &why))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s", why->message);
    return FALSE;
}

gboolean
fov_model_save (FovModel *model, const char *path, GError **error)
{
    Save s = { .memory = g_ptr_array_new_with_free_func (g_free) };
    Onnx__OperatorSetIdProto opset, *opsets[] = { &opset };
    gboolean ok;

    onnx__model_proto__init (&s.model);
    onnx__graph_proto__init (&s.graph);
    onnx__operator_set_id_proto__init (&opset);
    opset.has_version = TRUE;
    opset.version = FOV_ONNX_SAVE_OPSET;
    s.model.has_ir_version = TRUE;
    s.model.ir_version = 8;
    s.model.producer_name = take_text (&s, "Fovea");
    s.model.n_opset_import = 1;
    s.model.opset_import = opsets;
    s.model.graph = &s.graph;
    fill_metadata (&s, model);
    ok = fill_graph (&s, fov_model_graph (model), error) && pack (&s, path, error);
    g_ptr_array_unref (s.memory);
    return ok;
}
