/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TensorFlow's operators: what the converters share, and the elementwise ones. */
#include "model/tfjs-ops.h"
#include "model/model.h"

#include <string.h>

/* ---- inputs and outputs ------------------------------------------------ */

FovTfjsValue *
fov_tfjs_input (FovTfjsOp *op, guint index)
{
    FovTfjsNode *from = &op->tfjs->nodes[op->node->inputs[index]];

    return &from->values[op->node->input_outputs[index]];
}

FovTensor *
fov_tfjs_plain_input (FovTfjsOp *op, guint index)
{
    return fov_tfjs_plain (op->tfjs, op->node, fov_tfjs_input (op, index), op->error);
}

FovTensor *
fov_tfjs_nchw_input (FovTfjsOp *op, guint index)
{
    return fov_tfjs_nchw (op->tfjs, op->node, fov_tfjs_input (op, index), op->error);
}

FovTensor *
fov_tfjs_op_emit (FovTfjsOp *op, const char *onnx, FovTensor *const *inputs, guint n_inputs,
                  const FovAttr *attrs, guint n_attrs)
{
    return fov_tfjs_emit (op->tfjs, op->node, onnx, inputs, n_inputs, attrs, n_attrs, op->error);
}

gboolean
fov_tfjs_done (FovTfjsOp *op, FovTensor *tensor, gboolean nchw, int rank)
{
    if (!tensor)
        return FALSE;
    op->node->values = g_new0 (FovTfjsValue, 1);
    op->node->values[0] = (FovTfjsValue){ tensor, nchw, rank, NULL };
    op->node->n_values = 1;
    return TRUE;
}

FovTensor *
fov_tfjs_scalar (FovTfjsOp *op, float value)
{
    g_autoptr (GBytes) data = g_bytes_new (&value, sizeof value);
    FovShape shape = { 0 };

    return fov_graph_add_constant (op->tfjs->graph, NULL, FOV_F32, &shape, data, NULL);
}

FovTensor *
fov_tfjs_ints (FovTfjsOp *op, const gint64 *v, guint n)
{
    return fov_graph_add_ints (op->tfjs->graph, NULL, v, n);
}

gboolean
fov_tfjs_const_ints (FovTfjsOp *op, guint index, gint64 *v, guint cap, guint *n)
{
    if (fov_tensor_ints (fov_tfjs_input (op, index)->tensor, v, cap, n))
        return TRUE;
    return fov_tfjs_error (op->node, FOV_ERROR_UNSUPPORTED, op->error,
                           "input %u is computed, expected a constant of at most %u integers",
                           index, cap);
}

/* ---- attributes ---------------------------------------------------------- */

static JsonObject *
attr (FovTfjsOp *op, const char *name)
{
    return fov_json_object (op->node->attr, name);
}

JsonArray *
fov_tfjs_attr_list (FovTfjsOp *op, const char *name, const char *kind)
{
    return fov_json_array (fov_json_object (attr (op, name), "list"), kind);
}

gboolean
fov_tfjs_attr_hw (FovTfjsOp *op, const char *name, gint64 hw[2])
{
    JsonArray *list = fov_tfjs_attr_list (op, name, "i");
    gint64 v[4] = { 1, 1, 1, 1 };
    guint n = list ? json_array_get_length (list) : 0;
    gboolean ok = n == 0 || n == 4;

    for (guint i = 0; ok && i < n; i++)
        ok = fov_json_node_int (json_array_get_element (list, i), &v[i]) && v[i] > 0 &&
             v[i] < G_MAXINT32;
    if (!ok || v[0] != 1 || v[3] != 1)
        return fov_tfjs_error (op->node, FOV_ERROR_UNSUPPORTED, op->error,
                               "attribute '%s' is not [1, height, width, 1]", name);
    hw[0] = v[1];
    hw[1] = v[2];
    return TRUE;
}

gint64
fov_tfjs_attr_int (FovTfjsOp *op, const char *name, gint64 fallback)
{
    JsonObject *object = attr (op, name);

    return fov_json_int (object, "i", fov_json_int (object, "b", fallback));
}

double
fov_tfjs_attr_float (FovTfjsOp *op, const char *name, double fallback)
{
    return fov_json_number (attr (op, name), "f", fallback);
}

char *
fov_tfjs_attr_string (FovTfjsOp *op, const char *name)
{
    JsonObject *object = attr (op, name);

    return object ? fov_json_bytes (json_object_get_member (object, "s")) : NULL;
}

/* ---- elementwise ---------------------------------------------------------- */

gboolean
fov_tfjs_binary (FovTfjsOp *op, const char *onnx, FovTfjsValue *a, FovTfjsValue *b,
                 FovTfjsValue *out)
{
    FovTensor *pair[2] = { a->tensor, b->tensor };
    gboolean nchw = a->nchw || b->nchw;
    int rank = a->rank < 0 || b->rank < 0 ? -1 : MAX (a->rank, b->rank);

    if (nchw) {
        GError *why = NULL;
        pair[0] = fov_tfjs_beside_nchw (op->tfjs, op->node, a, &why);
        pair[1] = why ? NULL : fov_tfjs_beside_nchw (op->tfjs, op->node, b, &why);
        if (why) {
            g_propagate_error (op->error, why);
            return FALSE;
        }
        nchw = pair[0] && pair[1];
        if (!nchw) { /* how the two line up is known in NHWC only */
            pair[0] = fov_tfjs_plain (op->tfjs, op->node, a, op->error);
            pair[1] = fov_tfjs_plain (op->tfjs, op->node, b, op->error);
            if (!pair[0] || !pair[1])
                return FALSE;
        }
    }
    *out = (FovTfjsValue){ fov_tfjs_op_emit (op, onnx, pair, 2, NULL, 0), nchw, nchw ? 4 : rank,
                           NULL };
    return out->tensor != NULL;
}

static gboolean
convert_binary (FovTfjsOp *op)
{
    FovTfjsValue out;

    return fov_tfjs_binary (op, op->onnx, fov_tfjs_input (op, 0), fov_tfjs_input (op, 1), &out) &&
           fov_tfjs_done (op, out.tensor, out.nchw, out.rank);
}

static gboolean
convert_add_n (FovTfjsOp *op)
{
    FovTfjsValue sum = *fov_tfjs_input (op, 0);

    for (guint i = 1; i < op->node->n_inputs; i++) {
        FovTfjsValue left = sum;
        if (!fov_tfjs_binary (op, "Add", &left, fov_tfjs_input (op, i), &sum))
            return FALSE;
    }
    return fov_tfjs_done (op, sum.tensor, sum.nchw, sum.rank);
}

static gboolean
convert_squared_difference (FovTfjsOp *op)
{
    FovTfjsValue d;
    FovTensor *pair[2];

    if (!fov_tfjs_binary (op, "Sub", fov_tfjs_input (op, 0), fov_tfjs_input (op, 1), &d))
        return FALSE;
    pair[0] = pair[1] = d.tensor;
    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "Mul", pair, 2, NULL, 0), d.nchw, d.rank);
}

static gboolean
convert_unary (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);

    return fov_tfjs_done (op, fov_tfjs_op_emit (op, op->onnx, &x->tensor, 1, NULL, 0), x->nchw,
                          x->rank);
}

static gboolean
convert_same (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);

    return fov_tfjs_done (op, x->tensor, x->nchw, x->rank);
}

static gboolean
convert_square (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    FovTensor *pair[] = { x->tensor, x->tensor };

    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "Mul", pair, 2, NULL, 0), x->nchw, x->rank);
}

static gboolean
convert_rsqrt (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    FovTensor *root = fov_tfjs_op_emit (op, "Sqrt", &x->tensor, 1, NULL, 0);

    return root && fov_tfjs_done (op, fov_tfjs_op_emit (op, "Reciprocal", &root, 1, NULL, 0),
                                  x->nchw, x->rank);
}

static gboolean
convert_relu6 (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    FovTensor *in[] = { x->tensor, fov_tfjs_scalar (op, 0), fov_tfjs_scalar (op, 6) };

    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "Clip", in, 3, NULL, 0), x->nchw, x->rank);
}

static gboolean
convert_clip (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    FovTensor *in[] = { x->tensor, fov_tfjs_input (op, 1)->tensor, fov_tfjs_input (op, 2)->tensor };

    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "Clip", in, 3, NULL, 0), x->nchw, x->rank);
}

static gboolean
convert_leaky_relu (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    FovAttr alpha = FOV_A_FLOAT ("alpha", fov_tfjs_attr_float (op, "alpha", 0.2));

    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "LeakyRelu", &x->tensor, 1, &alpha, 1), x->nchw,
                          x->rank);
}

/* DataType in TensorFlow's types.proto -> ONNX's number; integers are int64 here. */
static gboolean
convert_cast (FovTfjsOp *op)
{
    enum { TF_FLOAT = 1, TF_DOUBLE = 2, TF_BOOL = 10, TF_HALF = 19 };
    enum { ONNX_FLOAT = 1, ONNX_INT64 = 7, ONNX_BOOL = 9 };
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    JsonObject *to = attr (op, "DstT");
    const char *name = fov_json_string (to, "type");
    gint64 type = fov_json_int (to, "type", TF_FLOAT), onnx = ONNX_INT64;
    FovAttr attr_to;

    if (g_strcmp0 (name, "DT_FLOAT") == 0 || g_strcmp0 (name, "DT_HALF") == 0)
        type = TF_FLOAT;
    else if (name && !g_ascii_isdigit (*name))
        type = g_str_equal (name, "DT_BOOL") ? TF_BOOL : 3;
    if (type == TF_FLOAT || type == TF_DOUBLE || type == TF_HALF)
        onnx = ONNX_FLOAT;
    else if (type == TF_BOOL)
        onnx = ONNX_BOOL;
    attr_to = FOV_A_INT ("to", onnx);
    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "Cast", &x->tensor, 1, &attr_to, 1), x->nchw,
                          x->rank);
}

static gboolean
convert_select (FovTfjsOp *op)
{
    FovTensor *in[3];

    for (guint i = 0; i < 3; i++)
        if (!(in[i] = fov_tfjs_plain_input (op, i)))
            return FALSE;
    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "Where", in, 3, NULL, 0), FALSE, -1);
}

static const FovTfjsRow elementwise_rows[] = {
    { "Abs", 1, convert_unary, "Abs" },
    { "Add", 2, convert_binary, "Add" },
    { "AddN", 1, convert_add_n, NULL },
    { "AddV2", 2, convert_binary, "Add" },
    { "BiasAdd", 2, convert_binary, "Add" },
    { "Cast", 1, convert_cast, NULL },
    { "Ceil", 1, convert_unary, "Ceil" },
    { "CheckNumerics", 1, convert_same, NULL },
    { "ClipByValue", 3, convert_clip, NULL },
    { "Cos", 1, convert_unary, "Cos" },
    { "Div", 2, convert_binary, "Div" },
    { "Elu", 1, convert_unary, "Elu" },
    { "Equal", 2, convert_binary, "Equal" },
    { "Erf", 1, convert_unary, "Erf" },
    { "Exp", 1, convert_unary, "Exp" },
    { "Floor", 1, convert_unary, "Floor" },
    { "Greater", 2, convert_binary, "Greater" },
    { "GreaterEqual", 2, convert_binary, "GreaterOrEqual" },
    { "Identity", 1, convert_same, NULL },
    { "Inv", 1, convert_unary, "Reciprocal" },
    { "LeakyRelu", 1, convert_leaky_relu, NULL },
    { "Less", 2, convert_binary, "Less" },
    { "LessEqual", 2, convert_binary, "LessOrEqual" },
    { "Log", 1, convert_unary, "Log" },
    { "LogicalAnd", 2, convert_binary, "And" },
    { "LogicalNot", 1, convert_unary, "Not" },
    { "LogicalOr", 2, convert_binary, "Or" },
    { "Maximum", 2, convert_binary, "Max" },
    { "Minimum", 2, convert_binary, "Min" },
    { "Mul", 2, convert_binary, "Mul" },
    { "Neg", 1, convert_unary, "Neg" },
    { "Pow", 2, convert_binary, "Pow" },
    { "Prelu", 2, convert_binary, "PRelu" },
    { "RealDiv", 2, convert_binary, "Div" },
    { "Reciprocal", 1, convert_unary, "Reciprocal" },
    { "Relu", 1, convert_unary, "Relu" },
    { "Relu6", 1, convert_relu6, NULL },
    { "Round", 1, convert_unary, "Round" },
    { "Rsqrt", 1, convert_rsqrt, NULL },
    { "Select", 3, convert_select, NULL },
    { "SelectV2", 3, convert_select, NULL },
    { "Selu", 1, convert_unary, "Selu" },
    { "Sigmoid", 1, convert_unary, "Sigmoid" },
    { "Sign", 1, convert_unary, "Sign" },
    { "Sin", 1, convert_unary, "Sin" },
    { "Snapshot", 1, convert_same, NULL },
    { "Softplus", 1, convert_unary, "Softplus" },
    { "Sqrt", 1, convert_unary, "Sqrt" },
    { "Square", 1, convert_square, NULL },
    { "SquaredDifference", 2, convert_squared_difference, NULL },
    { "StopGradient", 1, convert_same, NULL },
    { "Sub", 2, convert_binary, "Sub" },
    { "Tanh", 1, convert_unary, "Tanh" },
    { NULL, 0, NULL, NULL },
};

/* ---- finding the row -------------------------------------------------------- */

static gboolean
convert_by (const FovTfjsRow *row, FovTfjs *tfjs, FovTfjsNode *node, GError **error)
{
    FovTfjsOp op = { tfjs, node, row->onnx, error };

    if (node->n_inputs < row->n_inputs)
        return fov_tfjs_error (node, FOV_ERROR_FORMAT, error, "%u inputs, expected at least %u",
                               node->n_inputs, row->n_inputs);
    for (guint i = 0; i < node->n_inputs; i++) {
        const FovTfjsNode *from = &tfjs->nodes[node->inputs[i]];
        if (node->input_outputs[i] >= from->n_values)
            return fov_tfjs_error (node, FOV_ERROR_FORMAT, error,
                                   "input %u is output %u of node '%s', which has %u", i,
                                   node->input_outputs[i], from->shown, from->n_values);
    }
    return row->convert (&op);
}

gboolean
fov_tfjs_convert (FovTfjs *tfjs, FovTfjsNode *node, GError **error)
{
    const FovTfjsRow *const families[] = { elementwise_rows, fov_tfjs_nn_rows,
                                           fov_tfjs_shape_rows };

    for (guint f = 0; f < G_N_ELEMENTS (families); f++)
        for (const FovTfjsRow *row = families[f]; row->name; row++)
            if (g_str_equal (row->name, node->op))
                return convert_by (row, tfjs, node, error);
    return fov_tfjs_error (node, FOV_ERROR_UNSUPPORTED, error, "operator is not supported");
}
