/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gradients of elementwise functions of several inputs, and fov.BinaryGrad. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

#include <math.h>

/* ---- fov.BinaryGrad: dy, a, b -> dy df/da, dy df/db, of dy's shape ------ */

static gboolean
binary_grad_infer (FovNode *node, GError **error)
{
    FovShape shape = *fov_in_shape (node, 1);

    if (!fov_infer_dtypes (node, 2, FOV_FLOATS, error) ||
        !fov_infer_dtype (node, 2, FOV_NUMBERS, error) || /* Pow's may be integers */
        !fov_infer_broadcast (node, &shape, fov_in_shape (node, 2), error))
        return FALSE;
    if (!fov_shape_equal (&shape, fov_in_shape (node, 0)))
        return fov_node_error (node, error, "dy does not fit a and b");
    return fov_infer_same (node, error) &&
           fov_infer_output (node, 1, node->inputs[0]->dtype, &shape, error);
}

/* Slopes by a and b; of two equal values, Min and Max share theirs as PyTorch does. */
static void
slopes (int kind, double a, double b, double *by_a, double *by_b)
{
    switch (kind) {
    case FOV_BINARY_POW:
        *by_a = b == 0 ? 0 : b * pow (a, b - 1);
        *by_b = a > 0 ? pow (a, b) * log (a) : 0;
        break;
    case FOV_BINARY_MIN:
        *by_a = a < b ? 1 : a > b ? 0 : 0.5;
        *by_b = 1 - *by_a;
        break;
    case FOV_BINARY_MAX:
        *by_a = a > b ? 1 : a < b ? 0 : 0.5;
        *by_b = 1 - *by_a;
        break;
    case FOV_BINARY_PRELU:
        *by_a = a > 0 ? 1 : b;
        *by_b = a > 0 ? 0 : a;
        break;
    default: /* MOD: a - trunc (a / b) b */
        *by_a = 1;
        *by_b = -trunc (a / b);
    }
}

static gboolean
binary_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovBinaryParams *p = node->params;
    const FovShape *shape = &in[0].shape;
    gint64 sa[FOV_MAX_RANK], sb[FOV_MAX_RANK], at[FOV_MAX_RANK] = { 0 };
    gint64 n = fov_shape_elements (shape);

    fov_broadcast_strides (&in[1].shape, shape, sa);
    fov_broadcast_strides (&in[2].shape, shape, sb);
    for (gint64 i = 0; i < n; i++, fov_next_coord (shape, at)) {
        double dy = fov_view_get (&in[0], i), by_a, by_b;
        slopes (p->kind, fov_view_get (&in[1], fov_index (shape->rank, at, sa)),
                fov_view_get (&in[2], fov_index (shape->rank, at, sb)), &by_a, &by_b);
        fov_view_set (&out[0], i, dy * by_a);
        if (node->n_outputs > 1 && out[1].data)
            fov_view_set (&out[1], i, dy * by_b);
    }
    return TRUE;
}

static const FovOpDef binary_grad = {
    .name = "fov.BinaryGrad",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 2,
    .params_size = sizeof (FovBinaryParams),
    .infer = binary_grad_infer,
    .reference = binary_grad_reference,
    .gpu = &fov_gpu_binary_grad,
};

const FovOpDef *const fov_ops_binary_grad[] = { &binary_grad, NULL };

/* ---- the functions ---------------------------------------------------- */

/* Through fov.BinaryGrad, into da and db (either may be NULL). */
static void
by_slopes (FovGrad *g, int kind, FovTensor *dy, FovTensor *a, FovTensor *b, FovTensor **da,
           FovTensor **db)
{
    FovNode *node = fov_grad_node (g, "fov.BinaryGrad", (FovTensor *[]){ dy, a, b }, 3, 2, NULL, 0);

    if (!node)
        return;
    ((FovBinaryParams *) node->params)->kind = kind;
    if (da)
        *da = fov_grad_sum_to (g, node->outputs[0], &a->shape);
    if (db)
        *db = fov_grad_sum_to (g, node->outputs[1], &b->shape);
}

static FovTensor *
product (FovGrad *g, FovTensor *a, FovTensor *b, const FovTensor *like)
{
    return fov_grad_sum_to (g, fov_grad_binary (g, "Mul", a, b), &like->shape);
}

/* y = a / b: dy / b and -dy y / b */
static void
div_gradient (FovGrad *g, const FovNode *node, FovTensor *dy, FovTensor **dx)
{
    FovTensor *quotient = fov_grad_binary (g, "Div", dy, node->inputs[1]);

    if (fov_grad_wants (g, 0))
        dx[0] = fov_grad_sum_to (g, quotient, &node->inputs[0]->shape);
    if (fov_grad_wants (g, 1))
        dx[1] = fov_grad_unary (g, "Neg", product (g, quotient, node->outputs[0], node->inputs[1]));
}

void
fov_gradient_binary (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovBinaryParams *p = node->params;
    gboolean wanted[2] = { fov_grad_wants (g, 0), fov_grad_wants (g, 1) };

    switch (p->kind) {
    case FOV_BINARY_ADD:
    case FOV_BINARY_SUB:
    case FOV_BINARY_SUM:
    case FOV_BINARY_MEAN:
        for (guint i = 0; i < node->n_inputs; i++) {
            if (!fov_grad_wants (g, i))
                continue;
            dx[i] = fov_grad_sum_to (g, dy[0], &node->inputs[i]->shape);
            if (p->kind == FOV_BINARY_SUB && i == 1)
                dx[i] = fov_grad_unary (g, "Neg", dx[i]);
            if (p->kind == FOV_BINARY_MEAN)
                dx[i] = fov_grad_scale (g, dx[i], 1.0 / node->n_inputs);
        }
        return;
    case FOV_BINARY_MUL:
        for (guint i = 0; i < 2; i++)
            if (wanted[i])
                dx[i] = product (g, dy[0], node->inputs[1 - i], node->inputs[i]);
        return;
    case FOV_BINARY_DIV:
        div_gradient (g, node, dy[0], dx);
        return;
    default:
        by_slopes (g, p->kind, dy[0], node->inputs[0], node->inputs[1], wanted[0] ? &dx[0] : NULL,
                   wanted[1] ? &dx[1] : NULL);
    }
}

/* Min and Max of any number: of the first two, of that and the third, and so on. */
void
fov_gradient_extremum (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovBinaryParams *p = node->params;
    g_autofree FovTensor **so_far = g_new0 (FovTensor *, node->n_inputs);
    FovTensor *rest = dy[0];

    so_far[0] = node->inputs[0];
    for (guint i = 1; i < node->n_inputs; i++)
        so_far[i] = i + 1 == node->n_inputs
                        ? node->outputs[0]
                        : fov_grad_binary (g, node->op->name, so_far[i - 1], node->inputs[i]);
    for (guint i = node->n_inputs; i-- > 1 && !g->error;)
        by_slopes (g, p->kind, rest, so_far[i - 1], node->inputs[i], &rest,
                   fov_grad_wants (g, i) ? &dx[i] : NULL);
    dx[0] = rest;
}

void
fov_gradient_where (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    FovTensor *zero = fov_grad_scalar (g, dy[0], 0);

    for (guint i = 1; i < 3; i++) {
        FovTensor *inputs[] = { node->inputs[0], i == 1 ? dy[0] : zero, i == 1 ? zero : dy[0] };
        FovNode *where;
        if (!fov_grad_wants (g, i))
            continue;
        where = fov_grad_node (g, "Where", inputs, 3, 1, NULL, 0);
        dx[i] = where ? fov_grad_sum_to (g, where->outputs[0], &node->inputs[i]->shape) : NULL;
    }
}
