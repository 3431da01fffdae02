/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Gradients of convolutions. By the input, a convolution's is the transposed
 * convolution of dy with the same weights, and the other way round; by the
 * weights, both are fov.ConvGradWeight with its operands in turn.
 */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

/* ---- fov.ConvGradWeight ----------------------------------------------- */

/*
 * X [N,C,H,W], dY [N,M,OH,OW] -> dW [M,C/group,kh,kw],
 * dW[m,c,k] = sum over n, i, j of dY[n,m,i,j] X[n,c',i s + k d - p].
 */
static gboolean
weight_infer (FovNode *node, GError **error)
{
    FovConvGradParams *p = node->params;
    int no_auto_pad = FOV_PAD_NOTSET;
    FovWindow window = { &p->kernel_shape, &p->strides, &p->pads, &p->dilations, &no_auto_pad };
    const gint64 *x, *dy;
    gint64 want[2];

    if (!fov_infer_dtypes (node, 2, FOV_FLOATS, error) || !fov_infer_rank (node, 0, 4, 4, error) ||
        !fov_infer_rank (node, 1, 4, 4, error) || !fov_infer_window (node, &window, error) ||
        !fov_infer_window_output (node, &window, fov_in_shape (node, 0), FALSE, want, error))
        return FALSE;
    x = fov_in_shape (node, 0)->dim;
    dy = fov_in_shape (node, 1)->dim;
    if (dy[0] != x[0] || dy[2] != want[0] || dy[3] != want[1])
        return fov_node_error (node, error, "dy does not fit x");
    if (p->group < 1 || x[1] % p->group || dy[1] % p->group)
        return fov_node_error (node, error, "group %" G_GINT64_FORMAT " does not divide channels",
                               p->group);
    return fov_infer_output (
        node, 0, node->inputs[0]->dtype,
        &(FovShape){ 4, { dy[1], x[1] / p->group, p->kernel_shape.v[0], p->kernel_shape.v[1] } },
        error);
}

/* Sum over one plane of dy, each times the pixel of x that tap (kh, kw) of its window sees. */
static double
correlate (const FovConvGradParams *p, const double *x, const gint64 *xd, const double *dy,
           const gint64 *yd, gint64 kh, gint64 kw)
{
    double sum = 0;

    for (gint64 i = 0; i < yd[2]; i++) {
        gint64 y = i * p->strides.v[0] + kh * p->dilations.v[0] - p->pads.v[0];
        for (gint64 j = 0; y >= 0 && y < xd[2] && j < yd[3]; j++) {
            gint64 z = j * p->strides.v[1] + kw * p->dilations.v[1] - p->pads.v[1];
            if (z >= 0 && z < xd[3])
                sum += dy[i * yd[3] + j] * x[y * xd[3] + z];
        }
    }
    return sum;
}

static gboolean
weight_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovConvGradParams *p = node->params;
    const gint64 *xd = in[0].shape.dim, *yd = in[1].shape.dim, *wd = out->shape.dim;
    gint64 n = fov_shape_elements (&out->shape), per_group = wd[0] / p->group;
    g_autofree double *x = fov_view_to_double (&in[0]);
    g_autofree double *dy = fov_view_to_double (&in[1]);

    for (gint64 o = 0; o < n; o++) {
        gint64 kw = o % wd[3], kh = o / wd[3] % wd[2];
        gint64 c = o / (wd[2] * wd[3]) % wd[1], m = o / (wd[1] * wd[2] * wd[3]);
        double sum = 0;
        c += m / per_group * wd[1];
        for (gint64 b = 0; b < xd[0]; b++)
            sum += correlate (p, x + (b * xd[1] + c) * xd[2] * xd[3], xd,
                              dy + (b * yd[1] + m) * yd[2] * yd[3], yd, kh, kw);
        fov_view_set (out, o, sum);
    }
    return TRUE;
}

static double
weight_flops (const FovNode *node)
{
    const FovShape *w = &node->outputs[0]->shape;

    return 2.0 * fov_tensor_elements (node->inputs[1]) * w->dim[1] * w->dim[2] * w->dim[3];
}

static const FovParam weight_params[] = {
    FOV_P_INTS ("kernel_shape", FovConvGradParams, kernel_shape),
    FOV_P_INTS ("strides", FovConvGradParams, strides),
    FOV_P_INTS ("pads", FovConvGradParams, pads),
    FOV_P_INTS ("dilations", FovConvGradParams, dilations),
    FOV_P_INT ("group", FovConvGradParams, group, 1),
    FOV_P_END,
};

static const FovOpDef weight_grad = {
    .name = "fov.ConvGradWeight",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = weight_params,
    .params_size = sizeof (FovConvGradParams),
    .infer = weight_infer,
    .reference = weight_reference,
    .flops = weight_flops,
    .planar_outputs = 1 << 0,
    .host = &fov_host_conv_grad,
    .gpu = &fov_gpu_conv_grad,
};

const FovOpDef *const fov_ops_conv_grad[] = { &weight_grad, NULL };

/* ---- the functions ---------------------------------------------------- */

static FovAttr
ints_attr (const char *name, const FovInts *v)
{
    return (FovAttr){ .name = name, .type = FOV_ATTR_INTS, .ints = v->v, .n = (gsize) v->n };
}

/* The convolution as attributes; pads are the caller's. */
static guint
conv_attrs (const FovConvParams *p, const FovInts *pads, FovAttr attrs[5])
{
    attrs[0] = ints_attr ("kernel_shape", &p->kernel_shape);
    attrs[1] = ints_attr ("strides", &p->strides);
    attrs[2] = ints_attr ("pads", pads);
    attrs[3] = ints_attr ("dilations", &p->dilations);
    attrs[4] = (FovAttr){ .name = "group", .type = FOV_ATTR_INT, .i = p->group };
    return 5;
}

/* fused: with an epilogue, which only passes add after differentiation. */
static gboolean
is_plain (FovGrad *g, const FovNode *node)
{
    const FovConvParams *p = node->params;

    if (p->act.kind == FOV_ACT_NONE && !fov_in (node, 3))
        return TRUE;
    fov_grad_unsupported (g, "once it is fused");
    return FALSE;
}

static FovTensor *
channel_sums (FovGrad *g, FovTensor *dy)
{
    FovTensor *sum = fov_grad_sum (g, fov_grad_sum (g, dy, 2, 4), 0, 1);

    return sum ? fov_grad_reshape (g, sum, &(FovShape){ 1, { dy->shape.dim[1] } }) : NULL;
}

static FovTensor *
only_output (const FovNode *node)
{
    return node ? node->outputs[0] : NULL;
}

/* A depthwise convolution of stride 1: by its input, again one, with the kernel turned round. */
static gboolean
is_depthwise (const FovNode *node)
{
    const FovConvParams *p = node->params;

    for (int i = 0; i < 2; i++) {
        gint64 reach = (p->kernel_shape.v[i] - 1) * p->dilations.v[i];
        if (p->strides.v[i] != 1 || p->pads.v[i] > reach || p->pads.v[2 + i] > reach)
            return FALSE;
    }
    return p->group > 1 && p->group == node->inputs[0]->shape.dim[1] &&
           p->group == node->outputs[0]->shape.dim[1];
}

static FovTensor *
depthwise_input (FovGrad *g, const FovNode *node, FovTensor *dy)
{
    const FovConvParams *p = node->params;
    const gint64 last[] = { -1, -1 }, before[] = { G_MININT32, G_MININT32 }, axes[] = { 2, 3 };
    FovTensor *cut[] = { node->inputs[1], fov_grad_ints (g, last, 2), fov_grad_ints (g, before, 2),
                         fov_grad_ints (g, axes, 2), fov_grad_ints (g, last, 2) };
    FovTensor *turned = only_output (fov_grad_node (g, "Slice", cut, 5, 1, NULL, 0));
    FovInts pads = p->pads;
    FovAttr attrs[5];

    for (int i = 0; i < 4; i++)
        pads.v[i] = (p->kernel_shape.v[i % 2] - 1) * p->dilations.v[i % 2] - p->pads.v[i];
    return only_output (fov_grad_node (g, "Conv", (FovTensor *[]){ dy, turned }, 2, 1, attrs,
                                       conv_attrs (p, &pads, attrs)));
}

void
fov_gradient_conv (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovConvParams *p = node->params;
    const gint64 *x = node->inputs[0]->shape.dim, *y = dy[0]->shape.dim;
    FovInts rest = { 2, { 0 } };
    FovAttr attrs[6];
    guint n = conv_attrs (p, &p->pads, attrs);

    if (!is_plain (g, node))
        return;
    for (int i = 0; i < 2; i++) /* pixels that no window reached */
        rest.v[i] =
            x[2 + i] + p->pads.v[i] + p->pads.v[2 + i] -
            ((y[2 + i] - 1) * p->strides.v[i] + (p->kernel_shape.v[i] - 1) * p->dilations.v[i] + 1);
    attrs[5] = ints_attr ("output_padding", &rest);
    if (fov_grad_wants (g, 0) && is_depthwise (node))
        dx[0] = depthwise_input (g, node, dy[0]);
    else if (fov_grad_wants (g, 0))
        dx[0] = only_output (fov_grad_node (g, "ConvTranspose",
                                            (FovTensor *[]){ dy[0], node->inputs[1] }, 2, 1, attrs,
                                            n + 1));
    if (fov_grad_wants (g, 1))
        dx[1] =
            only_output (fov_grad_node (g, "fov.ConvGradWeight",
                                        (FovTensor *[]){ node->inputs[0], dy[0] }, 2, 1, attrs, n));
    if (fov_grad_wants (g, 2))
        dx[2] = channel_sums (g, dy[0]);
}

/* dy without what lies behind the last window (output_padding beyond a stride). */
static FovTensor *
reached (FovGrad *g, const FovNode *node, FovTensor *dy, FovInts *pads)
{
    const FovConvParams *p = node->params;
    gint64 cut[8] = { 0 };
    FovTensor *inputs[2] = { dy };
    gboolean crops = FALSE;

    for (int i = 0; i < 2; i++) {
        gint64 spare = p->output_padding.v[i] - pads->v[2 + i];
        pads->v[2 + i] = MAX (-spare, 0);
        cut[6 + i] = -MAX (spare, 0);
        crops = crops || spare > 0;
    }
    if (!crops)
        return dy;
    inputs[1] = fov_grad_ints (g, cut, 8);
    return only_output (fov_grad_node (g, "Pad", inputs, 2, 1, NULL, 0));
}

void
fov_gradient_conv_transpose (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovConvParams *p = node->params;
    FovInts pads = p->pads;
    FovTensor *inner;
    FovAttr attrs[5];
    guint n;

    if (!is_plain (g, node))
        return;
    inner = reached (g, node, dy[0], &pads);
    n = conv_attrs (p, &pads, attrs);
    if (fov_grad_wants (g, 0))
        dx[0] = only_output (
            fov_grad_node (g, "Conv", (FovTensor *[]){ inner, node->inputs[1] }, 2, 1, attrs, n));
    if (fov_grad_wants (g, 1))
        dx[1] =
            only_output (fov_grad_node (g, "fov.ConvGradWeight",
                                        (FovTensor *[]){ inner, node->inputs[0] }, 2, 1, attrs, n));
    if (fov_grad_wants (g, 2))
        dx[2] = channel_sums (g, dy[0]);
}
