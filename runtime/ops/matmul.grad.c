/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gradients of matrix products: matrix products. */
#include "ops/gradients.h"
#include "ops/infer.h"

/* The last two dimensions in turn. */
static FovTensor *
turned (FovGrad *g, FovTensor *a)
{
    gint64 perm[FOV_MAX_RANK];
    int rank;

    if (g->error)
        return NULL;
    rank = a->shape.rank;
    for (int d = 0; d < rank; d++)
        perm[d] = d < rank - 2 ? d : 2 * rank - 3 - d;
    return fov_grad_transpose (g, a, perm);
}

/* A vector as a row (first) or a column. */
static FovTensor *
as_matrix (FovGrad *g, FovTensor *a, gboolean first)
{
    gint64 n = a->shape.dim[0];

    if (a->shape.rank > 1)
        return a;
    return fov_grad_reshape (g, a, first ? &(FovShape){ 2, { 1, n } } : &(FovShape){ 2, { n, 1 } });
}

/* All leading dimensions as one. */
static FovTensor *
as_rows (FovGrad *g, FovTensor *a)
{
    int last = a->shape.rank - 1;
    FovShape shape = { 2, { fov_shape_span (&a->shape, 0, last), a->shape.dim[last] } };

    return fov_grad_reshape (g, a, &shape);
}

void
fov_gradient_matmul (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    FovTensor *a = as_matrix (g, node->inputs[0], TRUE);
    FovTensor *b = as_matrix (g, node->inputs[1], FALSE), *d = dy[0];
    FovShape shape;

    if (g->error)
        return;
    shape = d->shape; /* with the dimensions that vectors lost */
    if (node->inputs[0]->shape.rank == 1) {
        shape.dim[shape.rank] = shape.rank ? shape.dim[shape.rank - 1] : 1;
        shape.dim[node->inputs[1]->shape.rank == 1 ? shape.rank : shape.rank - 1] = 1;
        shape.rank++;
    }
    if (node->inputs[1]->shape.rank == 1)
        shape.dim[shape.rank++] = 1;
    d = fov_grad_reshape (g, d, &shape);
    if (fov_grad_wants (g, 0))
        dx[0] =
            fov_grad_reshape (g,
                              fov_grad_sum_to (g, fov_grad_binary (g, "MatMul", d, turned (g, b)),
                                               &a->shape),
                              &node->inputs[0]->shape);
    if (!fov_grad_wants (g, 1) || g->error)
        return;
    if (b->shape.rank == 2) { /* all images at once: one product, and no sum behind */
        a = as_rows (g, a);
        d = as_rows (g, d);
    }
    dx[1] = fov_grad_reshape (g,
                              fov_grad_sum_to (g, fov_grad_binary (g, "MatMul", turned (g, a), d),
                                               &b->shape),
                              &node->inputs[1]->shape);
}

static FovTensor *
gemm (FovGrad *g, FovTensor *a, gboolean trans_a, FovTensor *b, gboolean trans_b, double alpha)
{
    FovAttr attrs[] = {
        { .name = "alpha", .type = FOV_ATTR_FLOAT, .f = alpha },
        { .name = "transA", .type = FOV_ATTR_INT, .i = trans_a },
        { .name = "transB", .type = FOV_ATTR_INT, .i = trans_b },
    };
    FovNode *node = fov_grad_node (g, "Gemm", (FovTensor *[]){ a, b }, 2, 1, attrs, 3);

    return node ? node->outputs[0] : NULL;
}

/* y = alpha A' B' + beta C */
void
fov_gradient_gemm (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovGemmParams *p = node->params;
    FovTensor *a = node->inputs[0], *b = node->inputs[1], *d = dy[0];

    if (fov_grad_wants (g, 0))
        dx[0] = p->trans_a ? gemm (g, b, p->trans_b != 0, d, TRUE, p->alpha)
                           : gemm (g, d, FALSE, b, !p->trans_b, p->alpha);
    if (fov_grad_wants (g, 1))
        dx[1] = p->trans_b ? gemm (g, d, TRUE, a, p->trans_a != 0, p->alpha)
                           : gemm (g, a, !p->trans_a, d, FALSE, p->alpha);
    if (fov_grad_wants (g, 2))
        dx[2] = fov_grad_scale (g, fov_grad_sum_to (g, d, &node->inputs[2]->shape), p->beta);
}
