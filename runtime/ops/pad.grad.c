/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gradients of ops that repeat elements or put others beside them. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"
#include "ops/pad.h"
#include "ops/spread.h"

/* ---- fov.PadGrad: dy, shape of x -> dx ---------------------------------- */

static gint64
pad_place (gconstpointer params, const FovShape *x, const gint64 *at)
{
    const FovPadParams *p = params;
    gint64 place = 0;

    for (int d = 0; d < x->rank; d++) {
        gint64 from = fov_pad_source (p->mode, at[d] - p->begin.v[d], x->dim[d]);
        if (from < 0)
            return -1;
        place = place * x->dim[d] + from;
    }
    return place;
}

static gboolean
pad_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    fov_spread (node, pad_place, in, out);
    return TRUE;
}

static const FovOpDef pad_grad = {
    .name = "fov.PadGrad",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params_size = sizeof (FovPadParams),
    .infer = fov_spread_infer,
    .reference = pad_grad_reference,
};

const FovOpDef *const fov_ops_pad_grad[] = { &pad_grad, NULL };

FovTensor *
fov_grad_padded (FovGrad *g, FovTensor *dy, const gint64 *begin, const gint64 *end)
{
    gint64 pads[2 * FOV_MAX_RANK];
    FovTensor *inputs[2] = { dy };
    FovNode *made;
    int rank;

    if (g->error)
        return NULL;
    rank = dy->shape.rank;
    for (int d = 0; d < rank; d++) {
        pads[d] = begin[d];
        pads[rank + d] = end[d];
    }
    inputs[1] = fov_grad_ints (g, pads, 2 * (guint) rank);
    made = fov_grad_node (g, "Pad", inputs, 2, 1, NULL, 0);
    return made ? made->outputs[0] : NULL;
}

/* ---- the functions ---------------------------------------------------- */

/* A constant's share is what did not come from x. */
void
fov_gradient_pad (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovPadParams *p = node->params;
    int rank = fov_in_shape (node, 0)->rank;
    gint64 begin[FOV_MAX_RANK], end[FOV_MAX_RANK];
    gboolean fits = p->mode == FOV_PAD_CONSTANT;

    for (int d = 0; d < rank; d++) {
        begin[d] = -p->begin.v[d];
        end[d] = -p->end.v[d];
    }
    dx[0] = fits ? fov_grad_padded (g, dy[0], begin, end)
                 : fov_grad_spread (g, "fov.PadGrad", node, dy[0]);
    if (fov_grad_wants (g, 2) && fits && !g->error) {
        FovTensor *all = fov_grad_sum (g, dy[0], 0, rank),
                  *inner = fov_grad_sum (g, dx[0], 0, rank);
        dx[2] =
            fov_grad_reshape (g, fov_grad_binary (g, "Sub", all, inner), fov_in_shape (node, 2));
    }
}

void
fov_gradient_expand (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    dx[0] = fov_grad_sum_to (g, dy[0], fov_in_shape (node, 0));
}

/* One dimension after the other: [before, repeats, size and after], summed over the middle. */
void
fov_gradient_tile (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovShape *x = fov_in_shape (node, 0);
    FovShape shape = node->outputs[0]->shape;
    FovTensor *d = dy[0];

    for (int i = 0; i < x->rank; i++) {
        FovShape three = { 3, { fov_shape_span (&shape, 0, i), 0, 0 } };
        if (shape.dim[i] == x->dim[i] || x->dim[i] == 0)
            continue;
        three.dim[1] = shape.dim[i] / x->dim[i];
        three.dim[2] = x->dim[i] * fov_shape_span (&shape, i + 1, shape.rank);
        d = fov_grad_sum (g, fov_grad_reshape (g, d, &three), 1, 2);
        shape.dim[i] = x->dim[i];
    }
    dx[0] = fov_grad_reshape (g, d, x);
}

void
fov_gradient_trilu (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    FovNode *made = fov_grad_node (g, "Trilu", (FovTensor *[]){ dy[0], fov_in (node, 1) },
                                   node->n_inputs, 1, NULL, 0);

    if (!made)
        return;
    memcpy (made->params, node->params, node->op->params_size);
    dx[0] = made->outputs[0];
}
