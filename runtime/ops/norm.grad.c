/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Gradients of normalisations. With x^ = (x - mean) / s over the n elements
 * that share statistics, and u = dy scale:
 * dx = (u - mean (u) - x^ mean (u x^)) / s (Ioffe and Szegedy 2015, section 3).
 */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"
#include "ops/norm.h"

#include <math.h>

/* ---- fov.BatchNormGrad: dy, x, scale, mean, var -> dx, dscale, dbias ---- */

static gboolean
batch_grad_infer (FovNode *node, GError **error)
{
    gint64 channels;

    if (!fov_infer_dtypes (node, node->n_inputs, FOV_FLOATS, error) ||
        !fov_infer_rank (node, 0, 2, FOV_MAX_RANK, error))
        return FALSE;
    channels = fov_in_shape (node, 0)->dim[1];
    for (guint i = 2; i < node->n_inputs; i++)
        if (!fov_infer_vector (node, i, channels, error))
            return FALSE;
    if (!fov_shape_equal (fov_in_shape (node, 0), fov_in_shape (node, 1)))
        return fov_node_error (node, error, "dy and x differ in shape");
    return fov_infer_same (node, error) &&
           fov_infer_output (node, 1, node->inputs[0]->dtype, fov_in_shape (node, 2), error) &&
           fov_infer_output (node, 2, node->inputs[0]->dtype, fov_in_shape (node, 2), error);
}

static void
channel_gradient (const FovNode *node, const FovView *in, FovView *out, gint64 c)
{
    const FovBatchNormParams *p = node->params;
    FovChannel ch = fov_channel (&in[1].shape, c);
    double mean = fov_view_get (&in[3], c), sum = 0, dot = 0;
    double inverse = 1 / sqrt (fov_view_get (&in[4], c) + p->epsilon);

    for (gint64 i = 0; i < ch.n; i++) {
        gint64 at = fov_channel_index (&ch, i);
        double dy = fov_view_get (&in[0], at);
        sum += dy;
        dot += dy * (fov_view_get (&in[1], at) - mean) * inverse;
    }
    for (gint64 i = 0; i < ch.n; i++) {
        gint64 at = fov_channel_index (&ch, i);
        double dy = fov_view_get (&in[0], at), x = fov_view_get (&in[1], at);
        if (p->training_mode)
            dy -= (sum + (x - mean) * inverse * dot) / ch.n;
        fov_view_set (&out[0], at, dy * fov_view_get (&in[2], c) * inverse);
    }
    if (out[1].data)
        fov_view_set (&out[1], c, dot);
    if (out[2].data)
        fov_view_set (&out[2], c, sum);
}

static gboolean
batch_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    for (gint64 c = 0; c < in->shape.dim[1]; c++)
        channel_gradient (node, in, out, c);
    return TRUE;
}

static const FovOpDef batch_grad = {
    .name = "fov.BatchNormGrad",
    .min_inputs = 5,
    .max_inputs = 5,
    .min_outputs = 3,
    .max_outputs = 3,
    .params_size = sizeof (FovBatchNormParams),
    .infer = batch_grad_infer,
    .reference = batch_grad_reference,
    .host = &fov_host_batch_norm_grad,
    .gpu = &fov_gpu_batch_norm_grad,
};

/* ---- fov.NormGrad: u, x [..., run] -> dx, x^; statistics over the last dimension ---- */

static gboolean
norm_grad_infer (FovNode *node, GError **error)
{
    if (!fov_infer_dtypes (node, 2, FOV_FLOATS, error) ||
        !fov_infer_rank (node, 0, 1, FOV_MAX_RANK, error))
        return FALSE;
    if (!fov_shape_equal (fov_in_shape (node, 0), fov_in_shape (node, 1)))
        return fov_node_error (node, error, "u and x differ in shape");
    return fov_infer_same (node, error) &&
           fov_infer_output (node, 1, node->inputs[0]->dtype, fov_in_shape (node, 0), error);
}

static gboolean
norm_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovNormParams *p = node->params;
    gint64 n = fov_shape_elements (&in->shape), run = in->shape.dim[in->shape.rank - 1];

    for (gint64 start = 0; start < n; start += run) {
        double mean, inverse, sum = 0, dot = 0;
        fov_moments (&in[1], start, run, p->epsilon, &mean, &inverse);
        for (gint64 i = start; i < start + run; i++) {
            sum += fov_view_get (&in[0], i);
            dot += fov_view_get (&in[0], i) * (fov_view_get (&in[1], i) - mean) * inverse;
        }
        for (gint64 i = start; i < start + run; i++) {
            double x = (fov_view_get (&in[1], i) - mean) * inverse;
            fov_view_set (&out[0], i, (fov_view_get (&in[0], i) - (sum + x * dot) / run) * inverse);
            fov_view_set (&out[1], i, x);
        }
    }
    return TRUE;
}

static const FovOpDef norm_grad = {
    .name = "fov.NormGrad",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 2,
    .max_outputs = 2,
    .params_size = sizeof (FovNormParams),
    .infer = norm_grad_infer,
    .reference = norm_grad_reference,
    .gpu = &fov_gpu_norm_grad,
};

const FovOpDef *const fov_ops_norm_grad[] = { &batch_grad, &norm_grad, NULL };

/* ---- the functions ---------------------------------------------------- */

/* The statistics that the forward pass used: the running ones, or two more outputs of it. */
static gboolean
statistics (FovGrad *g, FovNode *node, FovTensor *stats[2])
{
    const FovBatchNormParams *p = node->params;

    for (guint i = 0; i < 2; i++)
        stats[i] = p->training_mode ? fov_graph_extend_output (g->graph, node, 3 + i)
                                    : node->inputs[3 + i];
    return !p->training_mode || node->op->infer (node, &g->error);
}

void
fov_gradient_batch_norm (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    FovTensor *inputs[] = { dy[0], node->inputs[0], node->inputs[1], NULL, NULL };
    FovNode *made;

    if (!dy[0] || fov_grad_wants (g, 3) || fov_grad_wants (g, 4)) {
        fov_grad_unsupported (g, "by its statistics");
        return;
    }
    if (!statistics (g, (FovNode *) node, inputs + 3))
        return;
    made = fov_grad_node (g, "fov.BatchNormGrad", inputs, 5, 3, NULL, 0);
    if (!made)
        return;
    *(FovBatchNormParams *) made->params = *(const FovBatchNormParams *) node->params;
    for (guint i = 0; i < 3; i++)
        dx[i] = made->outputs[i];
}

/* With x and dy seen as view, scale and bias as scale and bias broadcast to it; every run elements
 * share statistics. */
static void
norm_gradient (FovGrad *g, const FovNode *node, FovTensor *dy, FovTensor **dx, const FovShape *view,
               const FovShape *scale, const FovShape *bias, gint64 run)
{
    const FovNormParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0);
    gint64 n = fov_shape_elements (x);
    FovShape runs = { 2, { n / MAX (run, 1), run } };
    FovTensor *d = fov_grad_reshape (g, dy, view), *u;
    FovNode *made;

    u = fov_grad_binary (g, "Mul", d, fov_grad_reshape (g, node->inputs[1], scale));
    if (g->error)
        return;
    made = fov_grad_node (g, "fov.NormGrad",
                          (FovTensor *[]){ fov_grad_reshape (g, u, &runs),
                                           fov_grad_reshape (g, node->inputs[0], &runs) },
                          2, 2, NULL, 0);
    if (!made)
        return;
    ((FovNormParams *) made->params)->epsilon = p->epsilon;
    dx[0] = fov_grad_reshape (g, made->outputs[0], x);
    if (fov_grad_wants (g, 1)) {
        FovTensor *by_scale =
            fov_grad_binary (g, "Mul", d, fov_grad_reshape (g, made->outputs[1], view));
        dx[1] = fov_grad_reshape (g, fov_grad_sum_to (g, by_scale, scale), fov_in_shape (node, 1));
    }
    if (fov_grad_wants (g, 2))
        dx[2] = fov_grad_reshape (g, fov_grad_sum_to (g, d, bias), fov_in_shape (node, 2));
}

static void
channel_norm (FovGrad *g, const FovNode *node, FovTensor *dy, FovTensor **dx, gint64 groups)
{
    const FovShape *x = fov_in_shape (node, 0);
    gint64 rows = fov_in_shape (node, 1)->dim[0], image = fov_shape_span (x, 1, x->rank);
    FovShape view = { 3, { x->dim[0], rows, image / rows } };
    FovShape column = { 2, { rows, 1 } };

    norm_gradient (g, node, dy, dx, &view, &column, &column, image / groups);
}

void
fov_gradient_instance_norm (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    channel_norm (g, node, dy[0], dx, fov_in_shape (node, 0)->dim[1]);
}

void
fov_gradient_group_norm (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    channel_norm (g, node, dy[0], dx, ((const FovNormParams *) node->params)->num_groups);
}

void
fov_gradient_layer_norm (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovShape *x = fov_in_shape (node, 0);
    int axis = (int) ((const FovNormParams *) node->params)->axis;

    if (!dy[0] || (node->n_outputs > 1 && dy[1]) || (node->n_outputs > 2 && dy[2])) {
        fov_grad_unsupported (g, "by its statistics");
        return;
    }
    norm_gradient (g, node, dy[0], dx, x, fov_in_shape (node, 1),
                   fov_in (node, 2) ? fov_in_shape (node, 2) : NULL,
                   fov_shape_span (x, axis, x->rank));
}

/* With s the sum of |x|^p along the axis, y = x / s^(1 / p):
 * dx = (dy - d sum (dy y)) / s^(1 / p), d = y, or the sign of x where p is 1. Where all are 0, so
 * is dx. */
void
fov_gradient_lp (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovLpParams *p = node->params;
    const int axis = (int) p->axis;
    const gboolean plain = p->p == 1;
    FovTensor *x = node->inputs[0], *y = node->outputs[0], *sum, *norm, *inverse, *along;

    sum = fov_grad_sum (g, fov_grad_unary (g, plain ? "Abs" : "fov.Square", x), axis, axis + 1);
    norm = plain ? sum : fov_grad_unary (g, "Sqrt", sum);
    sum = plain ? fov_grad_unary (g, "fov.Square", sum) : sum; /* the norm's square, now */
    if (g->error)
        return;
    inverse = fov_grad_binary (g, "Div", norm,
                               fov_grad_binary (g, "Max", sum, fov_grad_scalar (g, x, 1e-30)));
    along = fov_grad_sum (g, fov_grad_binary (g, "Mul", dy[0], y), axis, axis + 1);
    along = fov_grad_binary (g, "Mul", plain ? fov_grad_unary (g, "Sign", x) : y, along);
    dx[0] = fov_grad_binary (g, "Mul", fov_grad_binary (g, "Sub", dy[0], along), inverse);
}

/* The mean over size channels, from before of them on, beyond the edge 0: a pool over planes of
 * channels by pixels. */
static FovTensor *
channel_mean (FovGrad *g, FovTensor *x, gint64 size, gint64 before)
{
    const gint64 pads[] = { before, 0, size - 1 - before, 0 }, kernel[] = { size, 1 };
    const FovAttr attrs[] = {
        { .name = "kernel_shape", .type = FOV_ATTR_INTS, .ints = kernel, .n = 2 },
        { .name = "pads", .type = FOV_ATTR_INTS, .ints = pads, .n = 4 },
        { .name = "count_include_pad", .type = FOV_ATTR_INT, .i = 1 },
    };
    FovShape plane = { 4, { 0 } };
    FovNode *pool;

    if (g->error)
        return NULL;
    plane = (FovShape){
        4, { x->shape.dim[0], 1, x->shape.dim[1], fov_shape_span (&x->shape, 2, x->shape.rank) }
    };
    pool = fov_grad_node (g, "AveragePool", (FovTensor *[]){ fov_grad_reshape (g, x, &plane) }, 1,
                          1, attrs, G_N_ELEMENTS (attrs));
    return pool ? fov_grad_reshape (g, pool->outputs[0], &x->shape) : NULL;
}

/* With D = bias + alpha mean (x^2), y = x D^-beta (the mean counts size channels at edges too):
 * dx = dy D^-beta - 2 alpha beta x mean' (dy y / D), over the channels whose mean x is part of. */
void
fov_gradient_lrn (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovLrnParams *p = node->params;
    const double alpha = (double) p->alpha, beta = (double) p->beta;
    const gint64 before = (p->size - 1) / 2;
    FovTensor *x = node->inputs[0], *d, *direct, *others;

    d = channel_mean (g, fov_grad_unary (g, "fov.Square", x), p->size, before);
    d = fov_grad_scale (g, d, alpha);
    if (g->error)
        return;
    d = fov_grad_binary (g, "Add", d, fov_grad_scalar (g, x, (double) p->bias));
    direct = fov_grad_binary (g, "Pow", d, fov_grad_scalar (g, x, -beta));
    direct = fov_grad_binary (g, "Mul", dy[0], direct);
    others = fov_grad_binary (g, "Div", fov_grad_binary (g, "Mul", dy[0], node->outputs[0]), d);
    others = channel_mean (g, others, p->size, p->size - 1 - before);
    others = fov_grad_binary (g, "Mul", x, fov_grad_scale (g, others, 2 * alpha * beta));
    dx[0] = fov_grad_binary (g, "Sub", direct, others);
}
