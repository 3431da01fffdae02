/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Conv and ConvTranspose over pictures, with the epilogue that the fuse pass
 * puts in. Inputs and the residual: see FovConvParams.
 */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

static const char *const auto_pad_names[] = { "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL };

static FovWindow
conv_window (FovConvParams *p)
{
    return (FovWindow){ &p->kernel_shape, &p->strides, &p->pads, &p->dilations, &p->auto_pad };
}

/* Common to both: ranks, kernel_shape against the weights, bias. m: output channels. */
static gboolean
infer_weights (const FovNode *node, gint64 *m, GError **error)
{
    FovConvParams *p = node->params;
    const FovShape *x, *w;
    FovWindow window = conv_window (p);
    gboolean transposed = g_str_equal (node->op->name, "ConvTranspose");
    gint64 want;

    if (!fov_infer_dtypes (node, node->n_inputs, FOV_FLOATS, error) ||
        !fov_infer_rank (node, 0, 4, 4, error) || !fov_infer_rank (node, 1, 4, 4, error))
        return FALSE;
    x = fov_in_shape (node, 0);
    w = fov_in_shape (node, 1);
    if (p->kernel_shape.n == 0)
        p->kernel_shape = (FovInts){ 2, { w->dim[2], w->dim[3] } };
    if (!fov_infer_window (node, &window, error))
        return FALSE;
    if (p->kernel_shape.v[0] != w->dim[2] || p->kernel_shape.v[1] != w->dim[3])
        return fov_node_error (node, error,
                               "kernel_shape is %" G_GINT64_FORMAT "x%" G_GINT64_FORMAT
                               ", but the weights' kernel is %" G_GINT64_FORMAT
                               "x%" G_GINT64_FORMAT,
                               p->kernel_shape.v[0], p->kernel_shape.v[1], w->dim[2], w->dim[3]);
    if (w->dim[0] < 1 || w->dim[1] < 1 || p->group < 1 || w->dim[0] % p->group != 0)
        return fov_node_error (node, error,
                               "group %" G_GINT64_FORMAT " does not divide the weights' %" //
                               G_GINT64_FORMAT " channels",
                               p->group, w->dim[0]);
    if (!fov_checked_mul (w->dim[1], p->group, &want))
        return fov_node_error (node, error, "group %" G_GINT64_FORMAT " is too large", p->group);
    *m = transposed ? want : w->dim[0];
    if (transposed)
        want = w->dim[0];
    if (x->dim[1] != want)
        return fov_node_error (node, error,
                               "the input has %" G_GINT64_FORMAT
                               " channels, the weights are for %" G_GINT64_FORMAT,
                               x->dim[1], want);
    return fov_infer_vector (node, 2, *m, error);
}

static gboolean
conv_infer (FovNode *node, GError **error)
{
    FovConvParams *p = node->params;
    FovWindow window = conv_window (p);
    FovShape out = { 4, { 0 } };

    if (!infer_weights (node, &out.dim[1], error) ||
        !fov_infer_window_output (node, &window, fov_in_shape (node, 0), FALSE, &out.dim[2], error))
        return FALSE;
    out.dim[0] = fov_in_shape (node, 0)->dim[0];
    if (fov_in (node, 3) && !fov_shape_equal (fov_in_shape (node, 3), &out)) {
        g_autofree char *found = fov_shape_to_string (fov_in_shape (node, 3));
        g_autofree char *want = fov_shape_to_string (&out);
        return fov_node_error (node, error, "the residual has shape %s, expected %s", found, want);
    }
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

/* acc[oh][ow] += weight * x at that tap of every window. */
static void
add_tap (const FovConvParams *p, const double *x, gint64 ih, gint64 iw, gint64 kh, gint64 kw,
         double weight, double *acc, gint64 oh, gint64 ow)
{
    gint64 sy = p->strides.v[0], sx = p->strides.v[1];
    gint64 y0 = kh * p->dilations.v[0] - p->pads.v[0];
    gint64 x0 = kw * p->dilations.v[1] - p->pads.v[1];
    /* first and one past the last window whose tap is inside the row */
    gint64 from = x0 < 0 ? (-x0 + sx - 1) / sx : 0;
    gint64 to = x0 >= iw ? 0 : MIN (ow, (iw - 1 - x0) / sx + 1);

    for (gint64 i = 0; i < oh; i++) {
        gint64 y = y0 + i * sy;
        if (y < 0 || y >= ih)
            continue;
        for (gint64 j = from; j < to; j++)
            acc[i * ow + j] += weight * x[y * iw + x0 + j * sx];
    }
}

/* y = act (acc + residual), or act (acc) + residual. */
static double
epilogue (const FovConvParams *p, double acc, double residual)
{
    if (p->residual_last)
        return fov_act_value (&p->act, acc) + residual;
    return fov_act_value (&p->act, acc + residual);
}

static gboolean
conv_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovConvParams *p = node->params;
    const gint64 *xd = in[0].shape.dim, *wd = in[1].shape.dim, *yd = out[0].shape.dim;
    gint64 per_group = wd[0] / p->group, plane = yd[2] * yd[3], kernel = wd[2] * wd[3];
    g_autofree double *x = fov_view_to_double (&in[0]);
    g_autofree double *w = fov_view_to_double (&in[1]);
    g_autofree double *acc = g_new (double, plane);
    const FovView *bias = node->n_inputs > 2 && in[2].data ? &in[2] : NULL;
    const FovView *residual = node->n_inputs > 3 && in[3].data ? &in[3] : NULL;

    for (gint64 n = 0; n < yd[0]; n++) {
        for (gint64 m = 0; m < yd[1]; m++) {
            gint64 first = m / per_group * wd[1], o = (n * yd[1] + m) * plane;
            for (gint64 i = 0; i < plane; i++)
                acc[i] = bias ? fov_view_get (bias, m) : 0;
            for (gint64 c = 0; c < wd[1]; c++)
                for (gint64 k = 0; k < kernel; k++)
                    add_tap (p, x + (n * xd[1] + first + c) * xd[2] * xd[3], xd[2], xd[3],
                             k / wd[3], k % wd[3], w[(m * wd[1] + c) * kernel + k], acc, yd[2],
                             yd[3]);
            for (gint64 i = 0; i < plane; i++)
                fov_view_set (&out[0], o + i,
                              epilogue (p, acc[i], residual ? fov_view_get (residual, o + i) : 0));
        }
    }
    return TRUE;
}

static double
conv_flops (const FovNode *node)
{
    const FovShape *w = fov_in_shape (node, 1);

    return 2.0 * fov_tensor_elements (node->outputs[0]) * w->dim[1] * w->dim[2] * w->dim[3];
}

/* ---- ConvTranspose ---------------------------------------------------- */

/* Size and padding along one axis, from whichever of them is given. */
static gboolean
infer_transposed_axis (const FovNode *node, int axis, gint64 *out, GError **error)
{
    FovConvParams *p = node->params;
    gint64 size = fov_in_shape (node, 0)->dim[axis + 2];
    gint64 extent = (p->kernel_shape.v[axis] - 1) * p->dilations.v[axis] + 1;
    gint64 full = (size - 1) * p->strides.v[axis] + extent + p->output_padding.v[axis];
    gboolean same = p->auto_pad == FOV_PAD_SAME_UPPER || p->auto_pad == FOV_PAD_SAME_LOWER;

    if (size < 1)
        return fov_node_error (node, error, "the input picture is empty");
    if (p->output_shape.n || same) {
        gint64 want = p->output_shape.n ? p->output_shape.v[axis] : size * p->strides.v[axis];
        gint64 total = full - want;
        if (total < 0) { /* more than the windows reach: only bias there */
            p->output_padding.v[axis] -= total;
            full -= total;
            total = 0;
        }
        p->pads.v[axis] = p->auto_pad == FOV_PAD_SAME_UPPER ? total / 2 : total - total / 2;
        p->pads.v[axis + 2] = total - p->pads.v[axis];
    } else if (p->auto_pad == FOV_PAD_VALID) {
        p->pads.v[axis] = p->pads.v[axis + 2] = 0;
    }
    *out = full - p->pads.v[axis] - p->pads.v[axis + 2];
    if (*out < 1)
        return fov_node_error (node, error,
                               "the padding leaves %" G_GINT64_FORMAT " pixels of the output's %s",
                               *out, axis ? "width" : "height");
    return TRUE;
}

static gboolean
transposed_infer (FovNode *node, GError **error)
{
    FovConvParams *p = node->params;
    FovShape out = { 4, { 0 } };

    if (!infer_weights (node, &out.dim[1], error) ||
        !fov_infer_list (node, &p->output_padding, "output_padding", 2, 0, 0, 65536, error))
        return FALSE;
    if (p->output_shape.n &&
        !fov_infer_list (node, &p->output_shape, "output_shape", 2, 1, 1, G_MAXINT32, error))
        return FALSE;
    out.dim[0] = fov_in_shape (node, 0)->dim[0];
    if (!infer_transposed_axis (node, 0, &out.dim[2], error) ||
        !infer_transposed_axis (node, 1, &out.dim[3], error))
        return FALSE;
    p->auto_pad = FOV_PAD_NOTSET;
    p->output_shape.n = 0;
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

/* Adds one input pixel times the kernel to the output plane. */
static void
scatter_pixel (const FovConvParams *p, double x, gint64 i, gint64 j, const double *w, double *acc,
               gint64 oh, gint64 ow)
{
    gint64 kw = p->kernel_shape.v[1], taps = p->kernel_shape.v[0] * kw;

    for (gint64 k = 0; k < taps; k++) {
        gint64 y = i * p->strides.v[0] + k / kw * p->dilations.v[0] - p->pads.v[0];
        gint64 z = j * p->strides.v[1] + k % kw * p->dilations.v[1] - p->pads.v[1];
        if (y >= 0 && y < oh && z >= 0 && z < ow)
            acc[y * ow + z] += x * w[k];
    }
}

static gboolean
transposed_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovConvParams *p = node->params;
    const gint64 *xd = in[0].shape.dim, *wd = in[1].shape.dim, *yd = out[0].shape.dim;
    gint64 plane = yd[2] * yd[3], pixels = xd[2] * xd[3], per_group = xd[1] / p->group;
    g_autofree double *x = fov_view_to_double (&in[0]);
    g_autofree double *w = fov_view_to_double (&in[1]);
    g_autofree double *acc = g_new (double, plane);
    const FovView *bias = node->n_inputs > 2 && in[2].data ? &in[2] : NULL;

    for (gint64 n = 0; n < yd[0]; n++) {
        for (gint64 m = 0; m < yd[1]; m++) {
            gint64 first = m / wd[1] * per_group;
            for (gint64 i = 0; i < plane; i++)
                acc[i] = bias ? fov_view_get (bias, m) : 0;
            for (gint64 c = first; c < first + per_group; c++)
                for (gint64 i = 0; i < pixels; i++)
                    scatter_pixel (p, x[(n * xd[1] + c) * pixels + i], i / xd[3], i % xd[3],
                                   w + (c * wd[1] + m % wd[1]) * wd[2] * wd[3], acc, yd[2], yd[3]);
            for (gint64 i = 0; i < plane; i++)
                fov_view_set (&out[0], (n * yd[1] + m) * plane + i,
                              fov_act_value (&p->act, acc[i]));
        }
    }
    return TRUE;
}

static double
transposed_flops (const FovNode *node)
{
    const FovShape *w = fov_in_shape (node, 1);

    return 2.0 * fov_tensor_elements (node->inputs[0]) * w->dim[1] * w->dim[2] * w->dim[3];
}

static const FovParam conv_params[] = {
    FOV_P_INTS ("kernel_shape", FovConvParams, kernel_shape),
    FOV_P_INTS ("strides", FovConvParams, strides),
    FOV_P_INTS ("pads", FovConvParams, pads),
    FOV_P_INTS ("dilations", FovConvParams, dilations),
    FOV_P_INT ("group", FovConvParams, group, 1),
    FOV_P_ENUM ("auto_pad", FovConvParams, auto_pad, FOV_PAD_NOTSET, auto_pad_names),
    FOV_P_END,
};

static const FovParam transposed_params[] = {
    FOV_P_INTS ("kernel_shape", FovConvParams, kernel_shape),
    FOV_P_INTS ("strides", FovConvParams, strides),
    FOV_P_INTS ("pads", FovConvParams, pads),
    FOV_P_INTS ("dilations", FovConvParams, dilations),
    FOV_P_INTS ("output_padding", FovConvParams, output_padding),
    FOV_P_INTS ("output_shape", FovConvParams, output_shape),
    FOV_P_INT ("group", FovConvParams, group, 1),
    FOV_P_ENUM ("auto_pad", FovConvParams, auto_pad, FOV_PAD_NOTSET, auto_pad_names),
    FOV_P_END,
};

static const FovOpDef conv = {
    .name = "Conv",
    .min_inputs = 2,
    .max_inputs = 4,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = conv_params,
    .params_size = sizeof (FovConvParams),
    .infer = conv_infer,
    .reference = conv_reference,
    .gradient = fov_gradient_conv,
    .parameters = 1 << 1 | 1 << 2,
    .planar_inputs = 1 << 1,
    .host = &fov_host_conv,
    .flops = conv_flops,
    .gpu = &fov_gpu_conv,
};

static const FovOpDef conv_transpose = {
    .name = "ConvTranspose",
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = transposed_params,
    .params_size = sizeof (FovConvParams),
    .infer = transposed_infer,
    .reference = transposed_reference,
    .gradient = fov_gradient_conv_transpose,
    .parameters = 1 << 1 | 1 << 2,
    .planar_inputs = 1 << 1,
    .host = &fov_host_conv_transpose,
    .flops = transposed_flops,
    .gpu = &fov_gpu_conv_transpose,
};

const FovOpDef *const fov_ops_conv[] = { &conv, &conv_transpose, NULL };
