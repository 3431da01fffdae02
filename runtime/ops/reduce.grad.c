/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gradients of reductions and softmax, and fov.ReduceGrad. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

#include <math.h>

/* ---- fov.ReduceGrad: dy, x, y -> dx; dy and y with the reduced axes as 1 ---- */

static gboolean
reduce_grad_infer (FovNode *node, GError **error)
{
    FovShape shape = *fov_in_shape (node, 1);

    if (!fov_infer_dtypes (node, 3, FOV_FLOATS, error) ||
        !fov_infer_broadcast (node, &shape, fov_in_shape (node, 0), error))
        return FALSE;
    if (!fov_shape_equal (&shape, fov_in_shape (node, 1)) ||
        !fov_shape_equal (fov_in_shape (node, 0), fov_in_shape (node, 2)))
        return fov_node_error (node, error, "dy and y do not fit x");
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &shape, error);
}

/* What the elements that one output stems from have in common. */
typedef struct {
    double product; /* of those that are not 0 */
    gint64 zeros, equal;
} Fiber;

static double
slope (int kind, double x, double y, const Fiber *f)
{
    switch (kind) {
    case FOV_REDUCE_MAX:
    case FOV_REDUCE_MIN:
        return x == y ? 1.0 / f->equal : 0; /* shared by equals, as PyTorch's amax does */
    case FOV_REDUCE_PROD:
        if (x == 0)
            return f->zeros == 1 ? f->product : 0;
        return f->zeros ? 0 : f->product / x;
    case FOV_REDUCE_L1:
        return (x > 0) - (x < 0);
    case FOV_REDUCE_L2:
        return y > 0 ? x / y : 0;
    case FOV_REDUCE_SUM_SQUARE:
        return 2 * x;
    case FOV_REDUCE_LOG_SUM:
        return exp (-y);
    default: /* FOV_REDUCE_LOG_SUM_EXP */
        return exp (x - y);
    }
}

static gboolean
reduce_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovReduceParams *p = node->params;
    const FovShape *shape = &in[1].shape;
    gint64 stride[FOV_MAX_RANK], at[FOV_MAX_RANK] = { 0 };
    gint64 n = fov_shape_elements (shape), results = fov_shape_elements (&in[0].shape);
    g_autofree Fiber *fibers = g_new0 (Fiber, MAX (results, 1));

    for (gint64 i = 0; i < results; i++)
        fibers[i].product = 1;
    fov_broadcast_strides (&in[0].shape, shape, stride);
    for (gint64 i = 0; i < n; i++, fov_next_coord (shape, at)) {
        gint64 o = fov_index (shape->rank, at, stride);
        double x = fov_view_get (&in[1], i);
        fibers[o].product *= x == 0 ? 1 : x;
        fibers[o].zeros += x == 0;
        fibers[o].equal += x == fov_view_get (&in[2], o);
    }
    memset (at, 0, sizeof at);
    for (gint64 i = 0; i < n; i++, fov_next_coord (shape, at)) {
        gint64 o = fov_index (shape->rank, at, stride);
        fov_view_set (out, i,
                      fov_view_get (&in[0], o) * slope (p->kind, fov_view_get (&in[1], i),
                                                        fov_view_get (&in[2], o), &fibers[o]));
    }
    return TRUE;
}

static const FovOpDef reduce_grad = {
    .name = "fov.ReduceGrad",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params_size = sizeof (FovReduceParams),
    .infer = reduce_grad_infer,
    .reference = reduce_grad_reference,
    .gpu = &fov_gpu_reduce_grad,
};

const FovOpDef *const fov_ops_reduce_grad[] = { &reduce_grad, NULL };

/* ---- the functions ---------------------------------------------------- */

static FovTensor *
by_slope (FovGrad *g, int kind, FovTensor *dy, FovTensor *x, FovTensor *y)
{
    FovNode *node = fov_grad_node (g, "fov.ReduceGrad", (FovTensor *[]){ dy, x, y }, 3, 1, NULL, 0);

    if (!node)
        return NULL;
    ((FovReduceParams *) node->params)->kind = kind;
    return node->outputs[0];
}

void
fov_gradient_reduce (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovReduceParams *p = node->params;
    FovTensor *x = node->inputs[0], *d;
    FovShape kept = x->shape;
    gint64 count = 1;

    for (int i = 0; i < kept.rank; i++) {
        if (!(p->mask & 1u << i))
            continue;
        count *= kept.dim[i];
        kept.dim[i] = 1;
    }
    d = fov_grad_reshape (g, dy[0], &kept);
    if (p->kind == FOV_REDUCE_SUM || p->kind == FOV_REDUCE_MEAN)
        dx[0] =
            fov_grad_expand (g, p->kind == FOV_REDUCE_MEAN ? fov_grad_scale (g, d, 1.0 / count) : d,
                             &x->shape);
    else
        dx[0] = by_slope (g, p->kind, d, x, fov_grad_reshape (g, node->outputs[0], &kept));
}

void
fov_gradient_global_average (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovShape *x = fov_in_shape (node, 0);

    dx[0] = fov_grad_expand (g, fov_grad_scale (g, dy[0], 1.0 / fov_shape_span (x, 2, x->rank)), x);
}

void
fov_gradient_global_max (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    dx[0] = by_slope (g, FOV_REDUCE_MAX, dy[0], node->inputs[0], node->outputs[0]);
}

/* Softmax: y (dy - sum of dy y); LogSoftmax: dy - exp (y) sum of dy. */
void
fov_gradient_softmax (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovAxisParams *p = node->params;
    int axis = (int) p->axis;
    FovTensor *y = node->outputs[0], *sum;

    if (p->kind == 0) {
        sum = fov_grad_sum (g, fov_grad_binary (g, "Mul", dy[0], y), axis, axis + 1);
        dx[0] = fov_grad_binary (g, "Mul", y, fov_grad_binary (g, "Sub", dy[0], sum));
    } else {
        sum = fov_grad_sum (g, dy[0], axis, axis + 1);
        dx[0] = fov_grad_binary (g, "Sub", dy[0],
                                 fov_grad_binary (g, "Mul", fov_grad_unary (g, "Exp", y), sum));
    }
}
