/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Losses of vectors [N, D] whose names [N] say which belong together. */
#include "train/losses.h"

#define TINY 1e-12 /* square of the least distance: the root's slope there is finite */
#define FAR 1e9    /* farther than anything */

/* |a|^2 + |b|^2 - 2 a b for all pairs: [N, N]. */
static FovTensor *
squared_distances (FovGrad *g, FovTensor *x)
{
    const gint64 n = x->shape.dim[0];
    FovTensor *turned = fov_grad_transpose (g, x, (const gint64[]){ 1, 0 });
    FovTensor *squares = fov_loss_sum (g, fov_grad_unary (g, "fov.Square", x), (gint64[]){ 1 }, 1);
    FovTensor *both =
        fov_grad_binary (g, "Add", fov_grad_reshape (g, squares, &(FovShape){ 2, { n, 1 } }),
                         fov_grad_reshape (g, squares, &(FovShape){ 2, { 1, n } }));

    return fov_loss_at_least (
        g,
        fov_grad_binary (g, "Sub", both,
                         fov_grad_scale (g, fov_grad_binary (g, "MatMul", x, turned), 2)),
        TINY);
}

/* [N, N] of bool: the same name. */
static FovTensor *
same_names (FovGrad *g, FovTensor *names)
{
    const gint64 n = names->shape.dim[0];

    return fov_grad_binary (g, "Equal", fov_grad_reshape (g, names, &(FovShape){ 2, { n, 1 } }),
                            fov_grad_reshape (g, names, &(FovShape){ 2, { 1, n } }));
}

static FovTensor *
where (FovGrad *g, FovTensor *which, FovTensor *yes, FovTensor *no)
{
    FovNode *node = fov_grad_node (g, "Where", (FovTensor *[]){ which, yes, no }, 3, 1, NULL, 0);

    return node ? node->outputs[0] : NULL;
}

static FovTensor *
over_rows (FovGrad *g, const char *op, FovTensor *a)
{
    FovAttr drop = { .name = "keepdims", .type = FOV_ATTR_INT };
    FovNode *node =
        fov_grad_node (g, op, (FovTensor *[]){ a, fov_grad_ints (g, (gint64[]){ 1 }, 1) }, 2, 1,
                       &drop, 1);

    return node ? node->outputs[0] : NULL;
}

/* Batch-hard: of each vector, the farthest of its name and the nearest of another (Hermans et al.
 * 2017, eq. 5). */
FovTensor *
fov_loss_triplet (FovGrad *g, FovTensor *x, FovTensor *names, const FovTrainerParams *params)
{
    FovTensor *d = fov_grad_unary (g, "Sqrt", squared_distances (g, x)),
              *same = same_names (g, names), *far, *near;

    if (g->error)
        return NULL;
    far = over_rows (g, "ReduceMax", where (g, same, d, fov_grad_scalar (g, x, 0)));
    near = over_rows (g, "ReduceMin", where (g, same, fov_grad_scalar (g, x, FAR), d));
    if (g->error)
        return NULL;
    d = fov_grad_binary (g, "Add", fov_grad_binary (g, "Sub", far, near),
                         fov_grad_scalar (g, x, params->margin));
    return fov_loss_mean (g, fov_grad_unary (g, "Relu", d));
}

/* Of pairs: d^2 / 2 where they belong together, else max (0, margin - d)^2 / 2 (Hadsell et al.
 * 2006, eq. 4), the mean over all pairs of two. */
FovTensor *
fov_loss_contrastive (FovGrad *g, FovTensor *x, FovTensor *names, const FovTrainerParams *params)
{
    const double n = (double) x->shape.dim[0];
    FovTensor *square = squared_distances (g, x), *short_of, *each;

    if (g->error)
        return NULL;
    short_of = fov_grad_binary (g, "Sub", fov_grad_scalar (g, x, params->margin),
                                fov_grad_unary (g, "Sqrt", square));
    each = where (g, same_names (g, names), square,
                  fov_grad_unary (g, "fov.Square", fov_grad_unary (g, "Relu", short_of)));
    return fov_grad_scale (g, fov_loss_sum (g, each, NULL, 0), 0.5 / MAX (n * (n - 1), 1));
}
