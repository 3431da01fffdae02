/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gradients of ops that move elements: moves back, and sums of what was repeated. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"
#include "ops/pad.h"
#include "ops/spread.h"

/* ---- fov.SliceGrad: dy, shape of x -> dx -------------------------------- */

static gint64
slice_place (gconstpointer params, const FovShape *x, const gint64 *at)
{
    const FovSliceParams *p = params;
    gint64 place = 0;

    for (int d = 0; d < x->rank; d++)
        place = place * x->dim[d] + p->start.v[d] + at[d] * p->step.v[d];
    return place;
}

static gboolean
slice_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    fov_spread (node, slice_place, in, out);
    return TRUE;
}

static const FovOpDef slice_grad = {
    .name = "fov.SliceGrad",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params_size = sizeof (FovSliceParams),
    .infer = fov_spread_infer,
    .reference = slice_grad_reference,
    .gpu = &fov_gpu_slice_grad,
};

const FovOpDef *const fov_ops_move_grad[] = { &slice_grad, NULL };

/* ---- the functions ---------------------------------------------------- */

void
fov_gradient_reshape (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    dx[0] = fov_grad_reshape (g, dy[0], fov_in_shape (node, 0));
}

void
fov_gradient_transpose (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovTransposeParams *p = node->params;
    gint64 back[FOV_MAX_RANK];

    for (int d = 0; d < p->perm.n; d++)
        back[p->perm.v[d]] = d;
    dx[0] = fov_grad_transpose (g, dy[0], back);
}

void
fov_gradient_concat (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovAxisParams *p = node->params;
    g_autofree gint64 *sizes = g_new (gint64, node->n_inputs);
    FovAttr axis = { .name = "axis", .type = FOV_ATTR_INT, .i = p->axis };
    FovNode *split;

    for (guint i = 0; i < node->n_inputs; i++)
        sizes[i] = fov_in_shape (node, i)->dim[p->axis];
    split = fov_grad_node (g, "Split",
                           (FovTensor *[]){ dy[0], fov_grad_ints (g, sizes, node->n_inputs) }, 2,
                           node->n_inputs, &axis, 1);
    for (guint i = 0; split && i < node->n_inputs; i++)
        dx[i] = split->outputs[i];
}

void
fov_gradient_split (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    FovAttr axis = { .name = "axis", .type = FOV_ATTR_INT };
    g_autofree FovTensor **parts = g_new0 (FovTensor *, node->n_outputs);
    FovNode *concat;

    axis.i = ((const FovAxisParams *) node->params)->axis;
    for (guint i = 0; i < node->n_outputs; i++)
        parts[i] = dy[i] ? dy[i] : fov_grad_zeros (g, node->outputs[i]);
    concat = fov_grad_node (g, "Concat", parts, node->n_outputs, 1, &axis, 1);
    dx[0] = concat ? concat->outputs[0] : NULL;
}

void
fov_gradient_slice (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovSliceParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0), *y = &node->outputs[0]->shape;
    gint64 end[FOV_MAX_RANK];
    gboolean plain = TRUE;

    for (int d = 0; d < x->rank; d++) {
        plain = plain && p->step.v[d] == 1;
        end[d] = x->dim[d] - p->start.v[d] - y->dim[d];
    }
    dx[0] = plain ? fov_grad_padded (g, dy[0], p->start.v, end)
                  : fov_grad_spread (g, "fov.SliceGrad", node, dy[0]);
}
