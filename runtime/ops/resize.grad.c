/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gradients of Resize, which is linear in its input, and of DepthToSpace and SpaceToDepth. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"
#include "ops/spread.h"

/* ---- fov.ResizeGrad: dy, shape of x -> dx ------------------------------- */

/* The transpose of resizing dimension d of shape `from` (the smaller index side is x's) to size. */
static double *
spread_axis (const FovResizeParams *p, const double *dy, const FovShape *from, int d, gint64 n)
{
    gint64 size = from->dim[d], inner = fov_shape_span (from, d + 1, from->rank);
    gint64 outer = fov_shape_span (from, 0, d);
    int n_taps = fov_resize_n_taps (p, d, n, size);
    g_autofree FovTap *taps = g_new (FovTap, n_taps);
    double *dx = g_new0 (double, outer *n *inner);

    for (gint64 k = 0; k < size; k++) {
        fov_resize_taps (p, d, k, n, size, taps);
        for (gint64 o = 0; o < outer; o++)
            for (gint64 j = 0; j < inner; j++)
                for (int t = 0; t < n_taps; t++)
                    dx[(o * n + taps[t].at) * inner + j] +=
                        taps[t].weight * dy[(o * size + k) * inner + j];
    }
    return dx;
}

static gboolean
resize_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovResizeParams *p = node->params;
    FovShape shape = in->shape;
    double *d = fov_view_to_double (in);

    for (int i = 0; i < shape.rank; i++) {
        double *before;
        if (out->shape.dim[i] == shape.dim[i] && p->scale.v[i] == 1)
            continue;
        before = spread_axis (p, d, &shape, i, out->shape.dim[i]);
        shape.dim[i] = out->shape.dim[i];
        g_free (d);
        d = before;
    }
    fov_view_from_double (out, d);
    g_free (d);
    return TRUE;
}

static const FovOpDef resize_grad = {
    .name = "fov.ResizeGrad",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params_size = sizeof (FovResizeParams),
    .infer = fov_spread_infer,
    .reference = resize_grad_reference,
    .gpu = &fov_gpu_resize_grad,
};

const FovOpDef *const fov_ops_resize_grad[] = { &resize_grad, NULL };

/* ---- the functions ---------------------------------------------------- */

void
fov_gradient_resize (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    dx[0] = fov_grad_spread (g, "fov.ResizeGrad", node, dy[0]);
}

static FovTensor *
depth_op (FovGrad *g, const char *op, const FovNode *node, FovTensor *x)
{
    FovAttr size = { .name = "blocksize", .type = FOV_ATTR_INT };
    FovNode *made;

    size.i = ((const FovDepthParams *) node->params)->blocksize;
    made = fov_grad_node (g, op, &x, 1, 1, &size, 1);
    return made ? made->outputs[0] : NULL;
}

void
fov_gradient_space_to_depth (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    dx[0] = depth_op (g, "DepthToSpace", node, dy[0]);
}

/* SpaceToDepth leaves channels in DCR's order; CRD's are those of each pixel together. */
void
fov_gradient_depth_to_space (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    static const gint64 swap[] = { 0, 2, 1, 3, 4 };
    const FovDepthParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0);
    gint64 pixels = p->blocksize * p->blocksize;
    FovShape five = { 5, { x->dim[0], pixels, x->dim[1] / pixels, x->dim[2], x->dim[3] } };

    dx[0] = depth_op (g, "SpaceToDepth", node, dy[0]);
    if (p->mode)
        dx[0] =
            fov_grad_reshape (g, fov_grad_transpose (g, fov_grad_reshape (g, dx[0], &five), swap),
                              x);
}
