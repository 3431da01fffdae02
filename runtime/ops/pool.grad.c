/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gradients of MaxPool and AveragePool: fov.MaxPoolGrad, fov.AveragePoolGrad. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"
#include "ops/pool.h"

#include <math.h>

/* dy, x -> dx. */
static gboolean
max_grad_infer (FovNode *node, GError **error)
{
    return fov_infer_dtypes (node, 2, FOV_FLOATS, error) && fov_infer_rank (node, 0, 4, 4, error) &&
           fov_infer_rank (node, 1, 4, 4, error) &&
           fov_infer_output (node, 0, node->inputs[0]->dtype, fov_in_shape (node, 1), error);
}

/* dy, shape of x -> dx. */
static gboolean
average_grad_infer (FovNode *node, GError **error)
{
    FovShape shape = { 4, { 0 } };
    guint n;

    if (!fov_infer_dtype (node, 0, FOV_FLOATS, error) || !fov_infer_rank (node, 0, 4, 4, error))
        return FALSE;
    if (fov_infer_ints (node, 1, "shape", shape.dim, 4, &n, error) != FOV_INTS_READ || n != 4)
        return error && *error ? FALSE : fov_node_error (node, error, "expected a constant shape");
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &shape, error);
}

/* All of dy goes to the first of the greatest, the one that the forward pass names. */
static gboolean
max_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovPoolParams *p = node->params;
    const gint64 *xd = in[1].shape.dim, *yd = in[0].shape.dim;
    gint64 taps = p->kernel_shape.v[0] * p->kernel_shape.v[1], pixels = xd[2] * xd[3];
    gint64 n = fov_shape_elements (&in[0].shape), total = fov_shape_elements (&out->shape);
    g_autofree double *dx = g_new0 (double, MAX (total, 1));

    for (gint64 o = 0; o < n; o++) {
        gint64 plane = o / (yd[2] * yd[3]), best = -1, y, x;
        double max = -INFINITY;
        for (gint64 k = 0; k < taps; k++) {
            double v;
            if (!fov_pool_tap (p, xd, o / yd[3] % yd[2], o % yd[3], k, &y, &x))
                continue;
            v = fov_view_get (&in[1], plane * pixels + y * xd[3] + x);
            if (best < 0 || v > max || isnan (v)) {
                max = v;
                best = plane * pixels + y * xd[3] + x;
            }
        }
        if (best >= 0)
            dx[best] += fov_view_get (&in[0], o);
    }
    fov_view_from_double (out, dx);
    return TRUE;
}

static gboolean
average_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovPoolParams *p = node->params;
    const gint64 *xd = out->shape.dim, *yd = in[0].shape.dim;
    gint64 taps = p->kernel_shape.v[0] * p->kernel_shape.v[1], pixels = xd[2] * xd[3];
    gint64 n = fov_shape_elements (&in[0].shape), total = fov_shape_elements (&out->shape);
    g_autofree double *dx = g_new0 (double, MAX (total, 1));

    for (gint64 o = 0; o < n; o++) {
        gint64 i = o / yd[3] % yd[2], j = o % yd[3], plane = o / (yd[2] * yd[3]), y, x;
        double share = fov_view_get (&in[0], o) / MAX (fov_pool_count (p, xd, i, j), 1);
        for (gint64 k = 0; k < taps; k++)
            if (fov_pool_tap (p, xd, i, j, k, &y, &x))
                dx[plane * pixels + y * xd[3] + x] += share;
    }
    fov_view_from_double (out, dx);
    return TRUE;
}

static const FovOpDef max_grad = {
    .name = "fov.MaxPoolGrad",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params_size = sizeof (FovPoolParams),
    .infer = max_grad_infer,
    .reference = max_grad_reference,
    .host = &fov_host_max_pool_grad,
    .gpu = &fov_gpu_max_pool_grad,
};

static const FovOpDef average_grad = {
    .name = "fov.AveragePoolGrad",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params_size = sizeof (FovPoolParams),
    .infer = average_grad_infer,
    .reference = average_grad_reference,
    .gpu = &fov_gpu_average_pool_grad,
};

const FovOpDef *const fov_ops_pool_grad[] = { &max_grad, &average_grad, NULL };

static FovTensor *
pool_grad (FovGrad *g, const char *op, const FovNode *node, FovTensor *dy, FovTensor *second)
{
    FovNode *made = fov_grad_node (g, op, (FovTensor *[]){ dy, second }, 2, 1, NULL, 0);

    if (!made)
        return NULL;
    *(FovPoolParams *) made->params = *(const FovPoolParams *) node->params;
    return made->outputs[0];
}

void
fov_gradient_max_pool (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    if (dy[0]) /* indices have none */
        dx[0] = pool_grad (g, "fov.MaxPoolGrad", node, dy[0], node->inputs[0]);
}

void
fov_gradient_average_pool (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    dx[0] = pool_grad (g, "fov.AveragePoolGrad", node, dy[0],
                       fov_grad_ints (g, fov_in_shape (node, 0)->dim, 4));
}
