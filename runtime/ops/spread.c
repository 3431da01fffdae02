/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What takes a move back when one element may have gone to several places. */
#include "ops/spread.h"
#include "ops/infer.h"

#include <string.h>

gboolean
fov_spread_infer (FovNode *node, GError **error)
{
    FovShape shape = { 0, { 0 } };
    guint n;

    if (!fov_infer_dtype (node, 0, FOV_FLOATS, error))
        return FALSE;
    switch (fov_infer_ints (node, 1, "shape", shape.dim, FOV_MAX_RANK, &n, error)) {
    case FOV_INTS_READ:
        shape.rank = (int) n;
        if (shape.rank != fov_in_shape (node, 0)->rank)
            return fov_node_error (node, error, "the shape's rank is not dy's");
        return fov_infer_output (node, 0, node->inputs[0]->dtype, &shape, error);
    case FOV_INTS_BAD:
        return FALSE;
    default:
        return fov_node_error (node, error, "expected a constant shape");
    }
}

void
fov_spread (const FovNode *node, FovPlaceFunc *place, const FovView *in, FovView *out)
{
    gint64 at[FOV_MAX_RANK] = { 0 }, n = fov_shape_elements (&in->shape);
    g_autofree double *dx = g_new0 (double, MAX (fov_shape_elements (&out->shape), 1));

    for (gint64 i = 0; i < n; i++, fov_next_coord (&in->shape, at)) {
        gint64 to = place (node->params, &out->shape, at);
        if (to >= 0)
            dx[to] += fov_view_get (in, i);
    }
    fov_view_from_double (out, dx);
}

FovTensor *
fov_grad_spread (FovGrad *g, const char *op, const FovNode *node, FovTensor *dy)
{
    const FovShape *x = fov_in_shape (node, 0);
    FovNode *made =
        fov_grad_node (g, op, (FovTensor *[]){ dy, fov_grad_ints (g, x->dim, (guint) x->rank) }, 2,
                       1, NULL, 0);

    if (!made)
        return NULL;
    memcpy (made->params, node->params, node->op->params_size);
    return made->outputs[0];
}
