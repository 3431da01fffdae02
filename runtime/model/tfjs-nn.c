/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TensorFlow's layers of networks: they want NCHW and give it. */
#include "model/tfjs-ops.h"

#include <string.h>

/* ---- windows -------------------------------------------------------------- */

/* What convolutions and pools have in common, as attributes. */
typedef struct {
    gint64 strides[2], dilations[2], kernel[2], pads[4];
    FovAttr attrs[8];
    guint n;
} Window;

static gboolean
read_padding (FovTfjsOp *op, Window *w)
{
    g_autofree char *padding = fov_tfjs_attr_string (op, "padding");
    JsonArray *list = fov_tfjs_attr_list (op, "explicit_paddings", "i");
    gint64 v[8] = { 0 };

    if (g_strcmp0 (padding, "SAME") == 0) {
        w->attrs[w->n++] = FOV_A_STRING ("auto_pad", "SAME_UPPER");
        return TRUE;
    }
    if (g_strcmp0 (padding, "VALID") == 0)
        return TRUE;
    if (g_strcmp0 (padding, "EXPLICIT") == 0 && list && json_array_get_length (list) == 8) {
        for (guint i = 0; i < 8; i++)
            if (!fov_json_node_int (json_array_get_element (list, i), &v[i]))
                v[i] = -1;
        w->pads[0] = v[2];
        w->pads[1] = v[4];
        w->pads[2] = v[3];
        w->pads[3] = v[5];
        w->attrs[w->n++] = FOV_A_INTS ("pads", w->pads, 4);
        if (v[0] == 0 && v[1] == 0 && v[6] == 0 && v[7] == 0)
            return TRUE;
    }
    return fov_tfjs_error (op->node, FOV_ERROR_UNSUPPORTED, op->error,
                           "padding '%s', expected SAME, VALID or EXPLICIT by height and width",
                           padding ? padding : "");
}

static gboolean
read_window (FovTfjsOp *op, Window *w)
{
    g_autofree char *format = fov_tfjs_attr_string (op, "data_format");

    w->n = 0;
    if (format && !g_str_equal (format, "NHWC"))
        return fov_tfjs_error (op->node, FOV_ERROR_UNSUPPORTED, op->error,
                               "data_format '%s', expected NHWC", format);
    if (!fov_tfjs_attr_hw (op, "strides", w->strides) || !read_padding (op, w))
        return FALSE;
    w->attrs[w->n++] = FOV_A_INTS ("strides", w->strides, 2);
    return TRUE;
}

/* ---- convolutions ----------------------------------------------------------- */

/* HWIO -> OIHW; depthwise HWCM -> (C M)1HW. */
static FovTensor *
turn_filter (FovTfjsOp *op, gboolean depthwise, gint64 *groups)
{
    static const int plain[] = { 3, 2, 0, 1 }, deep[] = { 2, 3, 0, 1 };
    const FovTensor *filter = fov_tfjs_input (op, 1)->tensor;
    const gint64 *dim = filter->shape.dim;
    FovShape shape = { 4, { dim[3], dim[2], dim[0], dim[1] } };

    if (!filter->data || filter->shape.rank != 4) {
        fov_tfjs_error (op->node, FOV_ERROR_UNSUPPORTED, op->error,
                        "input 1 (the filter) is no constant of 4 dimensions");
        return NULL;
    }
    *groups = 1;
    if (depthwise) {
        *groups = dim[2];
        shape.dim[0] = dim[2] * dim[3];
        shape.dim[1] = 1;
    }
    return fov_tfjs_permute (op->tfjs, filter, depthwise ? deep : plain, &shape);
}

static FovTensor *
emit_conv (FovTfjsOp *op, gboolean depthwise, FovTensor *bias)
{
    FovTensor *in[3] = { NULL, NULL, bias };
    Window w;
    gint64 groups;

    if (!read_window (op, &w) || !fov_tfjs_attr_hw (op, "dilations", w.dilations))
        return NULL;
    w.attrs[w.n++] = FOV_A_INTS ("dilations", w.dilations, 2);
    in[0] = fov_tfjs_nchw_input (op, 0);
    in[1] = in[0] ? turn_filter (op, depthwise, &groups) : NULL;
    if (!in[1])
        return NULL;
    w.attrs[w.n++] = FOV_A_INT ("group", groups);
    return fov_tfjs_op_emit (op, "Conv", in, bias ? 3 : 2, w.attrs, w.n);
}

static gboolean
convert_conv (FovTfjsOp *op)
{
    return fov_tfjs_done (op, emit_conv (op, FALSE, NULL), TRUE, 4);
}

static gboolean
convert_depthwise (FovTfjsOp *op)
{
    return fov_tfjs_done (op, emit_conv (op, TRUE, NULL), TRUE, 4);
}

static FovTensor *
emit_batch_norm (FovTfjsOp *op, FovTensor *x, guint first)
{
    FovTensor *in[5] = { x };
    FovAttr epsilon = FOV_A_FLOAT ("epsilon", fov_tfjs_attr_float (op, "epsilon", 1e-4));

    if (op->node->n_inputs < first + 4) {
        fov_tfjs_error (op->node, FOV_ERROR_FORMAT, op->error, "%u inputs, expected %u",
                        op->node->n_inputs, first + 4);
        return NULL;
    }
    for (guint i = 0; i < 4; i++)
        in[i + 1] = fov_tfjs_input (op, first + i)->tensor;
    return fov_tfjs_op_emit (op, "BatchNormalization", in, 5, &epsilon, 1);
}

static gboolean
convert_batch_norm (FovTfjsOp *op)
{
    FovTensor *x = fov_tfjs_nchw_input (op, 0);

    return x && fov_tfjs_done (op, emit_batch_norm (op, x, 1), TRUE, 4);
}

/* ---- fused forms: x, filter, then what fused_ops ask for, in order ----------- */

static FovTensor *
emit_activation (FovTfjsOp *op, const char *name, FovTensor *x, guint *next, gboolean nchw)
{
    static const char *const plain[] = { "Relu", "Elu", "Sigmoid", "Tanh" };
    FovTensor *clip[] = { x, NULL, NULL }, *prelu[] = { x, NULL };
    FovAttr alpha = FOV_A_FLOAT ("alpha", fov_tfjs_attr_float (op, "leakyrelu_alpha", 0.2));

    for (guint i = 0; i < G_N_ELEMENTS (plain); i++)
        if (g_str_equal (name, plain[i]))
            return fov_tfjs_op_emit (op, name, &x, 1, NULL, 0);
    if (g_str_equal (name, "Relu6")) {
        clip[1] = fov_tfjs_scalar (op, 0);
        clip[2] = fov_tfjs_scalar (op, 6);
        return fov_tfjs_op_emit (op, "Clip", clip, 3, NULL, 0);
    }
    if (g_str_equal (name, "LeakyRelu"))
        return fov_tfjs_op_emit (op, "LeakyRelu", &x, 1, &alpha, 1);
    if (g_str_equal (name, "Prelu") && *next < op->node->n_inputs) {
        FovTfjsValue *slope = fov_tfjs_input (op, (*next)++);
        prelu[1] =
            nchw ? fov_tfjs_beside_nchw (op->tfjs, op->node, slope, op->error) : slope->tensor;
        if (prelu[1])
            return fov_tfjs_op_emit (op, "PRelu", prelu, 2, NULL, 0);
    }
    if (!op->error || !*op->error)
        fov_tfjs_error (op->node, FOV_ERROR_UNSUPPORTED, op->error,
                        "fused operator '%s' is not supported", name);
    return NULL;
}

/* What follows the product: bias (unless it is in already), norm, activation. */
static FovTensor *
emit_fused (FovTfjsOp *op, FovTensor *x, gboolean bias_done, gboolean nchw)
{
    JsonArray *list = fov_tfjs_attr_list (op, "fused_ops", "s");
    guint next = 2;

    for (guint i = 0; x && list && i < MIN (json_array_get_length (list), 4); i++) {
        g_autofree char *name = fov_json_bytes (json_array_get_element (list, i));
        if (!name)
            continue;
        if (g_str_equal (name, "BiasAdd") && next < op->node->n_inputs) {
            FovTensor *pair[] = { x, fov_tfjs_input (op, next++)->tensor };
            if (!bias_done)
                x = fov_tfjs_op_emit (op, "Add", pair, 2, NULL, 0);
        } else if (g_str_equal (name, "FusedBatchNorm")) {
            x = emit_batch_norm (op, x, next);
            next += 4;
        } else {
            x = emit_activation (op, name, x, &next, nchw);
        }
    }
    return x;
}

static gboolean
starts_with_bias (FovTfjsOp *op)
{
    JsonArray *list = fov_tfjs_attr_list (op, "fused_ops", "s");
    g_autofree char *name = list && json_array_get_length (list)
                                ? fov_json_bytes (json_array_get_element (list, 0))
                                : NULL;

    return g_strcmp0 (name, "BiasAdd") == 0;
}

static gboolean
convert_fused (FovTfjsOp *op, gboolean depthwise)
{
    FovTensor *bias = NULL;
    FovTensor *x;

    if (starts_with_bias (op) && op->node->n_inputs > 2)
        bias = fov_tfjs_input (op, 2)->tensor;
    x = emit_conv (op, depthwise, bias);
    return x && fov_tfjs_done (op, emit_fused (op, x, TRUE, TRUE), TRUE, 4);
}

static gboolean
convert_fused_conv (FovTfjsOp *op)
{
    return convert_fused (op, FALSE);
}

static gboolean
convert_fused_depthwise (FovTfjsOp *op)
{
    return convert_fused (op, TRUE);
}

/* ---- products -------------------------------------------------------------- */

static gboolean
convert_mat_mul (FovTfjsOp *op)
{
    static const gint64 swap[] = { 1, 0 };
    static const char *const flags[] = { "transpose_a", "transpose_b" };
    FovAttr perm = FOV_A_INTS ("perm", swap, 2);
    FovTensor *in[2];

    for (guint i = 0; i < 2; i++) {
        in[i] = fov_tfjs_plain_input (op, i);
        if (in[i] && fov_tfjs_attr_int (op, flags[i], 0))
            in[i] = fov_tfjs_op_emit (op, "Transpose", &in[i], 1, &perm, 1);
        if (!in[i])
            return FALSE;
    }
    in[0] = fov_tfjs_op_emit (op, "MatMul", in, 2, NULL, 0);
    return in[0] && fov_tfjs_done (op, emit_fused (op, in[0], FALSE, FALSE), FALSE, 2);
}

static gboolean
convert_batch_mat_mul (FovTfjsOp *op)
{
    FovTensor *in[] = { fov_tfjs_plain_input (op, 0), fov_tfjs_plain_input (op, 1) };

    if (fov_tfjs_attr_int (op, "adj_x", 0) || fov_tfjs_attr_int (op, "adj_y", 0))
        return fov_tfjs_error (op->node, FOV_ERROR_UNSUPPORTED, op->error,
                               "adj_x or adj_y is set, expected neither");
    return in[0] && in[1] &&
           fov_tfjs_done (op, fov_tfjs_op_emit (op, "MatMul", in, 2, NULL, 0), FALSE, -1);
}

/* ---- pools and sizes --------------------------------------------------------- */

static gboolean
convert_pool (FovTfjsOp *op)
{
    FovTensor *x = fov_tfjs_nchw_input (op, 0);
    Window w;

    if (!x || !read_window (op, &w) || !fov_tfjs_attr_hw (op, "ksize", w.kernel))
        return FALSE;
    w.attrs[w.n++] = FOV_A_INTS ("kernel_shape", w.kernel, 2);
    return fov_tfjs_done (op, fov_tfjs_op_emit (op, op->onnx, &x, 1, w.attrs, w.n), TRUE, 4);
}

/* X, size [height, width]. Coordinates: TensorFlow's kernels' three conventions. */
static gboolean
convert_resize (FovTfjsOp *op)
{
    static const gint64 spatial[] = { 2, 3 };
    gboolean nearest = g_str_equal (op->onnx, "nearest");
    gboolean corners = fov_tfjs_attr_int (op, "align_corners", 0) != 0;
    gboolean centres = fov_tfjs_attr_int (op, "half_pixel_centers", 0) != 0;
    const char *mode = corners              ? "align_corners"
                       : centres && nearest ? "tf_half_pixel_for_nn"
                       : centres            ? "half_pixel"
                                            : "asymmetric";
    FovAttr attrs[] = {
        FOV_A_STRING ("mode", op->onnx),
        FOV_A_STRING ("coordinate_transformation_mode", mode),
        FOV_A_STRING ("nearest_mode", corners ? "round_prefer_ceil" : "floor"),
        FOV_A_INTS ("axes", spatial, 2),
    };
    FovTensor *in[4] = { fov_tfjs_nchw_input (op, 0), NULL, NULL, fov_tfjs_plain_input (op, 1) };

    return in[0] && in[3] &&
           fov_tfjs_done (op, fov_tfjs_op_emit (op, "Resize", in, 4, attrs, 4), TRUE, 4);
}

static gboolean
convert_block (FovTfjsOp *op)
{
    FovTensor *x = fov_tfjs_nchw_input (op, 0);
    FovAttr size = FOV_A_INT ("blocksize", fov_tfjs_attr_int (op, "block_size", 0));

    return x && fov_tfjs_done (op, fov_tfjs_op_emit (op, op->onnx, &x, 1, &size, 1), TRUE, 4);
}

static gboolean
convert_softmax (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    FovAttr axis = FOV_A_INT ("axis", x->nchw ? 1 : -1);

    return fov_tfjs_done (op, fov_tfjs_op_emit (op, op->onnx, &x->tensor, 1, &axis, 1), x->nchw,
                          x->rank);
}

const FovTfjsRow fov_tfjs_nn_rows[] = {
    { "AvgPool", 1, convert_pool, "AveragePool" },
    { "BatchMatMul", 2, convert_batch_mat_mul, NULL },
    { "BatchMatMulV2", 2, convert_batch_mat_mul, NULL },
    { "Conv2D", 2, convert_conv, NULL },
    { "DepthToSpace", 1, convert_block, "DepthToSpace" },
    { "DepthwiseConv2d", 2, convert_depthwise, NULL },
    { "DepthwiseConv2dNative", 2, convert_depthwise, NULL },
    { "FusedBatchNorm", 5, convert_batch_norm, NULL },
    { "FusedBatchNormV2", 5, convert_batch_norm, NULL },
    { "FusedBatchNormV3", 5, convert_batch_norm, NULL },
    { "FusedDepthwiseConv2dNative", 2, convert_fused_depthwise, NULL },
    { "LogSoftmax", 1, convert_softmax, "LogSoftmax" },
    { "MatMul", 2, convert_mat_mul, NULL },
    { "MaxPool", 1, convert_pool, "MaxPool" },
    { "ResizeBilinear", 2, convert_resize, "linear" },
    { "ResizeNearestNeighbor", 2, convert_resize, "nearest" },
    { "Softmax", 1, convert_softmax, "Softmax" },
    { "SpaceToDepth", 1, convert_block, "SpaceToDepth" },
    { "_FusedConv2D", 2, convert_fused_conv, NULL },
    { "_FusedDepthwiseConv2dNative", 2, convert_fused_depthwise, NULL },
    { "_FusedMatMul", 2, convert_mat_mul, NULL },
    { NULL, 0, NULL, NULL },
};
