/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Operators as older opsets wrote them, turned into the newest form. */
#include "model/onnx.h"
#include "model/model.h"

#include <string.h>

/* ---- pieces ----------------------------------------------------------- */

static FovAttr *
attr_find (FovOnnxNode *node, const char *name)
{
    for (guint i = 0; i < node->attrs->len; i++) {
        FovAttr *attr = &g_array_index (node->attrs, FovAttr, i);
        if (g_str_equal (attr->name, name))
            return attr;
    }
    return NULL;
}

static void
attr_drop (FovOnnxNode *node, const char *name)
{
    FovAttr *attr = attr_find (node, name);

    if (attr)
        g_array_remove_index (node->attrs,
                              (guint) (attr - &g_array_index (node->attrs, FovAttr, 0)));
}

static void
attr_set_int (FovOnnxNode *node, const char *name, gint64 value)
{
    FovAttr attr = { .name = name, .type = FOV_ATTR_INT, .i = value };

    attr_drop (node, name);
    g_array_append_val (node->attrs, attr);
}

static void
attr_set_string (FovOnnxNode *node, const char *name, const char *value)
{
    FovAttr attr = { .name = name, .type = FOV_ATTR_STRING, .s = value };

    attr_drop (node, name);
    g_array_append_val (node->attrs, attr);
}

static gint64
attr_int (FovOnnxNode *node, const char *name, gint64 fallback)
{
    const FovAttr *attr = attr_find (node, name);

    return attr && attr->type == FOV_ATTR_INT ? attr->i : fallback;
}

static FovTensor *
input (const FovOnnxNode *node, guint index)
{
    return index < node->inputs->len ? node->inputs->pdata[index] : NULL;
}

static void
set_input (FovOnnxNode *node, guint index, FovTensor *tensor)
{
    if (node->inputs->len <= index)
        g_ptr_array_set_size (node->inputs, (gint) index + 1);
    node->inputs->pdata[index] = tensor;
}

static FovTensor *
scalar_constant (FovGraph *graph, FovDType dtype, gconstpointer value)
{
    g_autoptr (GBytes) data = g_bytes_new (value, fov_dtype_size (dtype));
    FovShape shape = { 0 };

    return fov_graph_add_constant (graph, NULL, dtype, &shape, data, NULL);
}

/* Moves an attribute to an input: ints as int64, floats as float32, one float as a scalar. */
static gboolean
attr_to_input (FovOnnxNode *node, const char *name, guint index, GError **error)
{
    const FovAttr *attr = attr_find (node, name);
    FovGraph *graph = node->onnx->graph;
    FovTensor *tensor;

    if (!attr)
        return TRUE;
    switch (attr->type) {
    case FOV_ATTR_INTS:
        tensor = fov_graph_add_ints (graph, NULL, attr->ints, (guint) attr->n);
        break;
    case FOV_ATTR_FLOATS:
        tensor = fov_graph_add_floats (graph, NULL, attr->floats, (guint) attr->n);
        break;
    case FOV_ATTR_INT:
        tensor = fov_graph_add_ints (graph, NULL, &attr->i, 1);
        break;
    case FOV_ATTR_FLOAT:
        tensor = scalar_constant (graph, FOV_F32, &(float){ (float) attr->f });
        break;
    default:
        return fov_onnx_error (node, FOV_ERROR_FORMAT, error,
                               "attribute '%s' is a string, expected numbers", name);
    }
    set_input (node, index, tensor);
    attr_drop (node, name);
    return TRUE;
}

/* Adds a node on the way to the one that is read; NULL: error set. */
static FovTensor *
emit (FovOnnxNode *node, const char *op, FovTensor *const *inputs, guint n_inputs,
      const FovAttr *attrs, guint n_attrs, GError **error)
{
    FovNode *made = fov_graph_add_node (node->onnx->graph, op, node->name, inputs, n_inputs, 1,
                                        attrs, n_attrs, error);

    return made ? made->outputs[0] : NULL;
}

/* ---- converters ------------------------------------------------------- */

static gboolean
axes_to_input (FovOnnxNode *node, GError **error)
{
    return attr_to_input (node, "axes", 1, error);
}

static gboolean
convert_clip (FovOnnxNode *node, GError **error)
{
    return attr_to_input (node, "min", 1, error) && attr_to_input (node, "max", 2, error);
}

static gboolean
convert_slice (FovOnnxNode *node, GError **error)
{
    return attr_to_input (node, "starts", 1, error) && attr_to_input (node, "ends", 2, error) &&
           attr_to_input (node, "axes", 3, error);
}

static gboolean
convert_pad (FovOnnxNode *node, GError **error)
{
    return attr_to_input (node, "pads", 1, error) && attr_to_input (node, "value", 2, error);
}

/* Without sizes a split was into equal parts, one per output. */
static gboolean
convert_split (FovOnnxNode *node, GError **error)
{
    if (!attr_to_input (node, "split", 1, error))
        return FALSE;
    if (!input (node, 1))
        attr_set_int (node, "num_outputs", node->n_outputs);
    return TRUE;
}

static gboolean
convert_top_k (FovOnnxNode *node, GError **error)
{
    return attr_to_input (node, "k", 1, error);
}

/* An empty constant stands for "left out". */
static void
drop_empty_inputs (FovOnnxNode *node)
{
    for (guint i = 1; i < node->inputs->len; i++) {
        const FovTensor *tensor = node->inputs->pdata[i];
        if (tensor && tensor->data && g_bytes_get_size (tensor->data) == 0)
            node->inputs->pdata[i] = NULL;
    }
}

static gboolean
convert_resize (FovOnnxNode *node, GError **error)
{
    drop_empty_inputs (node);
    return TRUE;
}

/* Upsample, and Resize before opset 11: X, scales; no half-pixel centres then. */
static gboolean
convert_old_resize (FovOnnxNode *node, GError **error)
{
    FovTensor *scales;

    if (!attr_to_input (node, "scales", 1, error))
        return FALSE;
    scales = input (node, 1);
    if (!scales)
        return fov_onnx_error (node, FOV_ERROR_FORMAT, error, "no scales");
    node->op = "Resize";
    set_input (node, 1, NULL);
    set_input (node, 2, scales);
    attr_set_string (node, "coordinate_transformation_mode", "asymmetric");
    attr_set_string (node, "nearest_mode", "floor");
    return TRUE;
}

/*
 * Before opset 13 the input counted as a matrix, rows up to axis, and a whole
 * row was normalised: reshape there and back. For the last axis it is the same.
 */
static gboolean
convert_softmax (FovOnnxNode *node, GError **error)
{
    gint64 axis = attr_int (node, "axis", 1);
    FovAttr flat_axis = { .name = "axis", .type = FOV_ATTR_INT, .i = axis };
    FovAttr row_axis = { .name = "axis", .type = FOV_ATTR_INT, .i = 1 };
    FovTensor *x = input (node, 0), *shape, *y;

    if (axis == -1 || !x)
        return TRUE;
    shape = emit (node, "Shape", &x, 1, NULL, 0, error);
    y = shape ? emit (node, "Flatten", &x, 1, &flat_axis, 1, error) : NULL;
    y = y ? emit (node, node->op, &y, 1, &row_axis, 1, error) : NULL;
    node->result =
        y ? emit (node, "Reshape", (FovTensor *[]){ y, shape }, 2, NULL, 0, error) : NULL;
    return node->result != NULL;
}

/* The ratio stays, for who goes on training; outputs beyond the first belong to training. */
static gboolean
convert_dropout (FovOnnxNode *node, GError **error)
{
    if (!attr_to_input (node, "ratio", 1, error))
        return FALSE;
    g_array_set_size (node->attrs, 0);
    g_ptr_array_set_size (node->inputs, MIN (node->inputs->len, 2));
    node->n_outputs = 1;
    return TRUE;
}

static gboolean
convert_batch_norm (FovOnnxNode *node, GError **error)
{
    if (attr_int (node, "spatial", 1) == 0)
        return fov_onnx_error (node, FOV_ERROR_UNSUPPORTED, error,
                               "spatial is 0, expected 1 (statistics per channel)");
    attr_drop (node, "spatial");
    if (attr_int (node, "training_mode", 0))
        return fov_onnx_error (node, FOV_ERROR_UNSUPPORTED, error,
                               "training_mode is 1, expected 0; export the model for inference");
    attr_drop (node, "training_mode");
    node->n_outputs = 1;
    return TRUE;
}

/* All floats are float32 here, so a cast between widths is one to float32. */
static gboolean
convert_cast (FovOnnxNode *node, GError **error)
{
    const FovAttr *to;
    FovDType dtype;

    attr_drop (node, "saturate");
    to = attr_find (node, "to");
    if (!to || to->type != FOV_ATTR_INT)
        return fov_onnx_error (node, FOV_ERROR_FORMAT, error, "no number 'to', the target type");
    if (to->i < 0 || to->i > G_MAXINT32 || !fov_onnx_dtype ((gint32) to->i, &dtype))
        return fov_onnx_error (node, FOV_ERROR_UNSUPPORTED, error,
                               "cast to type %" G_GINT64_FORMAT " (%s)", to->i,
                               fov_onnx_dtype_name ((gint32) CLAMP (to->i, -1, G_MAXINT32)));
    attr_set_int (node, "to", fov_onnx_type (dtype));
    return TRUE;
}

/* ---- constants -------------------------------------------------------- */

static Onnx__AttributeProto *
proto_attr (const FovOnnxNode *node, const char *name)
{
    for (size_t i = 0; i < node->proto->n_attribute; i++)
        if (g_strcmp0 (node->proto->attribute[i]->name, name) == 0)
            return node->proto->attribute[i];
    return NULL;
}

static gboolean
convert_constant (FovOnnxNode *node, GError **error)
{
    FovGraph *graph = node->onnx->graph;
    Onnx__AttributeProto *value = proto_attr (node, "value");
    const FovAttr *attr = node->attrs->len ? &g_array_index (node->attrs, FovAttr, 0) : NULL;

    if (value && value->t) {
        node->result = fov_onnx_add_tensor (node->onnx, value->t, node->name, error);
        return node->result != NULL;
    }
    if (!attr)
        return fov_onnx_error (node, FOV_ERROR_FORMAT, error, "no value");
    if (attr->type == FOV_ATTR_INT)
        node->result = scalar_constant (graph, FOV_I64, &attr->i);
    else if (attr->type == FOV_ATTR_FLOAT)
        node->result = scalar_constant (graph, FOV_F32, &(float){ (float) attr->f });
    else if (attr->type == FOV_ATTR_INTS)
        node->result = fov_graph_add_ints (graph, NULL, attr->ints, (guint) attr->n);
    else if (attr->type == FOV_ATTR_FLOATS)
        node->result = fov_graph_add_floats (graph, NULL, attr->floats, (guint) attr->n);
    else
        return fov_onnx_error (node, FOV_ERROR_UNSUPPORTED, error, "a constant of strings");
    return TRUE;
}

/* The value, spread over the shape. */
static gboolean
convert_constant_of_shape (FovOnnxNode *node, GError **error)
{
    Onnx__AttributeProto *attr = proto_attr (node, "value");
    FovTensor *value, *shape = input (node, 0);

    if (!shape)
        return fov_onnx_error (node, FOV_ERROR_FORMAT, error, "input 0 (shape) is missing");
    if (attr && attr->t)
        value = fov_onnx_add_tensor (node->onnx, attr->t, node->name, error);
    else
        value = scalar_constant (node->onnx->graph, FOV_F32, &(float){ 0 });
    if (!value)
        return FALSE;
    if (fov_tensor_elements (value) != 1)
        return fov_onnx_error (node, FOV_ERROR_FORMAT, error,
                               "value has %" G_GINT64_FORMAT " elements, expected 1",
                               fov_tensor_elements (value));
    value->shape.rank = 0;
    node->result = emit (node, "Expand", (FovTensor *[]){ value, shape }, 2, NULL, 0, error);
    return node->result != NULL;
}

/* ---- several inputs, two at a time ------------------------------------ */

static gboolean
convert_sum (FovOnnxNode *node, GError **error)
{
    FovTensor *sum = input (node, 0);

    if (!sum)
        return fov_onnx_error (node, FOV_ERROR_FORMAT, error, "input 0 is missing");
    for (guint i = 1; i < node->inputs->len; i++) {
        FovTensor *pair[] = { sum, node->inputs->pdata[i] };
        if (!pair[1])
            return fov_onnx_error (node, FOV_ERROR_FORMAT, error, "input %u is missing", i);
        sum = emit (node, "Add", pair, 2, NULL, 0, error);
        if (!sum)
            return FALSE;
    }
    if (node->inputs->len == 1)
        sum = emit (node, "Identity", &sum, 1, NULL, 0, error);
    if (sum && g_str_equal (node->op, "Mean")) {
        float n = (float) node->inputs->len;
        FovTensor *pair[] = { sum, scalar_constant (node->onnx->graph, FOV_F32, &n) };
        sum = emit (node, "Div", pair, 2, NULL, 0, error);
    }
    node->result = sum;
    return sum != NULL;
}

/* ---- what can not be --------------------------------------------------- */

static gboolean
refuse_control_flow (FovOnnxNode *node, GError **error)
{
    return fov_onnx_error (node, FOV_ERROR_UNSUPPORTED, error,
                           "control flow (If, Loop, Scan) is not supported; "
                           "export the model with fixed input sizes or without control flow");
}

/* Names of tensors become inputs: xs, then y. */
static gboolean
convert_gradient (FovOnnxNode *node, GError **error)
{
    const Onnx__AttributeProto *xs = proto_attr (node, "xs"), *zs = proto_attr (node, "zs");
    const FovAttr *y = attr_find (node, "y");
    FovTensor *of =
        y && y->type == FOV_ATTR_STRING ? g_hash_table_lookup (node->onnx->tensors, y->s) : NULL;

    if (!of)
        return fov_onnx_error (node, FOV_ERROR_FORMAT, error, "y names no tensor before this node");
    if (!xs || xs->n_strings != node->inputs->len || (zs && zs->n_strings))
        return fov_onnx_error (node, FOV_ERROR_UNSUPPORTED, error,
                               "expected as many inputs as xs has names, and no zs");
    for (size_t i = 0; i < xs->n_strings; i++)
        if (strlen (node->proto->input[i]) != xs->strings[i].len ||
            memcmp (node->proto->input[i], xs->strings[i].data, xs->strings[i].len) != 0)
            return fov_onnx_error (node, FOV_ERROR_UNSUPPORTED, error,
                                   "input %" G_GSIZE_FORMAT " is not the tensor that xs names", i);
    g_ptr_array_add (node->inputs, of);
    attr_drop (node, "y");
    return TRUE;
}

static gboolean
refuse_quantised (FovOnnxNode *node, GError **error)
{
    return fov_onnx_error (node, FOV_ERROR_UNSUPPORTED, error,
                           "quantised operators are not supported; use the float model");
}

/* ---- the table --------------------------------------------------------- */

/* Applies to models of an opset below `below`; the first row that fits counts. */
static const struct {
    const char *op;
    int below;
    gboolean (*convert) (FovOnnxNode *node, GError **error);
} converters[] = {
    { "BatchNormalization", 99, convert_batch_norm },
    { "Cast", 99, convert_cast },
    { "Clip", 11, convert_clip },
    { "Constant", 99, convert_constant },
    { "ConstantOfShape", 99, convert_constant_of_shape },
    { "ConvInteger", 99, refuse_quantised },
    { "DequantizeLinear", 99, refuse_quantised },
    { "Dropout", 99, convert_dropout },
    { "DynamicQuantizeLinear", 99, refuse_quantised },
    { "Gradient", 99, convert_gradient },
    { "If", 99, refuse_control_flow },
    { "LogSoftmax", 13, convert_softmax },
    { "Loop", 99, refuse_control_flow },
    { "MatMulInteger", 99, refuse_quantised },
    { "Mean", 99, convert_sum },
    { "Pad", 11, convert_pad },
    { "QLinearConv", 99, refuse_quantised },
    { "QLinearMatMul", 99, refuse_quantised },
    { "QuantizeLinear", 99, refuse_quantised },
    { "ReduceL1", 18, axes_to_input },
    { "ReduceL2", 18, axes_to_input },
    { "ReduceLogSum", 18, axes_to_input },
    { "ReduceLogSumExp", 18, axes_to_input },
    { "ReduceMax", 18, axes_to_input },
    { "ReduceMean", 18, axes_to_input },
    { "ReduceMin", 18, axes_to_input },
    { "ReduceProd", 18, axes_to_input },
    { "ReduceSum", 13, axes_to_input },
    { "ReduceSumSquare", 18, axes_to_input },
    { "Resize", 11, convert_old_resize },
    { "Resize", 99, convert_resize },
    { "Scan", 99, refuse_control_flow },
    { "Slice", 10, convert_slice },
    { "Softmax", 13, convert_softmax },
    { "Split", 18, convert_split },
    { "Squeeze", 13, axes_to_input },
    { "Sum", 99, convert_sum },
    { "TopK", 10, convert_top_k },
    { "Unsqueeze", 13, axes_to_input },
    { "Upsample", 10, convert_old_resize },
};

gboolean
fov_onnx_convert (FovOnnxNode *node, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS (converters); i++)
        if (g_str_equal (converters[i].op, node->op) && node->onnx->opset < converters[i].below)
            return converters[i].convert (node, error);
    return TRUE;
}
