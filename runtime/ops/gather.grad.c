/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gradients of gathers and scatters, and fov.GatherGrad. */
#include "ops/gather.h"
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

/* ---- fov.GatherGrad: dy, indices, shape of x -> dx ---------------------- */

static gboolean
gather_grad_infer (FovNode *node, GError **error)
{
    FovShape shape = { 0, { 0 } };
    guint n;

    if (!fov_infer_dtype (node, 0, FOV_FLOATS, error))
        return FALSE;
    switch (fov_infer_ints (node, 2, "shape", shape.dim, FOV_MAX_RANK, &n, error)) {
    case FOV_INTS_READ:
        shape.rank = (int) n;
        return fov_infer_output (node, 0, node->inputs[0]->dtype, &shape, error);
    case FOV_INTS_BAD:
        return FALSE;
    default:
        return fov_node_error (node, error, "expected a constant shape");
    }
}

static gboolean
gather_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    int axis = (int) ((const FovAxisParams *) node->params)->axis;
    gint64 outer = fov_shape_span (&out->shape, 0, axis), size = out->shape.dim[axis];
    gint64 inner = fov_shape_span (&out->shape, axis + 1, out->shape.rank);
    gint64 n = fov_shape_elements (&in[1].shape);
    g_autofree double *dx = g_new0 (double, MAX (fov_shape_elements (&out->shape), 1));

    for (gint64 i = 0; i < n; i++) {
        gint64 index;
        if (!fov_gather_index (node, &in[1], i, size, &index, error))
            return FALSE;
        for (gint64 o = 0; o < outer; o++)
            for (gint64 k = 0; k < inner; k++)
                dx[(o * size + index) * inner + k] += fov_view_get (in, (o * n + i) * inner + k);
    }
    fov_view_from_double (out, dx);
    return TRUE;
}

static const FovParam gather_params[] = {
    FOV_P_INT ("axis", FovAxisParams, axis, 0),
    FOV_P_END,
};

static const FovOpDef gather_grad = {
    .name = "fov.GatherGrad",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = gather_params,
    .params_size = sizeof (FovAxisParams),
    .infer = gather_grad_infer,
    .reference = gather_grad_reference,
    .gpu = &fov_gpu_gather_grad,
};

const FovOpDef *const fov_ops_gather_grad[] = { &gather_grad, NULL };

/* ---- the functions ---------------------------------------------------- */

static FovTensor *
only_output (const FovNode *node)
{
    return node ? node->outputs[0] : NULL;
}

static FovAttr
axis_attr (const FovNode *node)
{
    return (FovAttr){ .name = "axis",
                      .type = FOV_ATTR_INT,
                      .i = ((const FovAxisParams *) node->params)->axis };
}

void
fov_gradient_gather (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovShape *x = fov_in_shape (node, 0);
    FovAttr axis = axis_attr (node);
    FovTensor *inputs[] = { dy[0], node->inputs[1], fov_grad_ints (g, x->dim, (guint) x->rank) };

    dx[0] = only_output (fov_grad_node (g, "fov.GatherGrad", inputs, 3, 1, &axis, 1));
}

/* updates added to zeros where the node's indices point. */
static FovTensor *
scatter (FovGrad *g, const char *op, const FovNode *node, FovTensor *updates, gboolean has_axis)
{
    FovAttr attrs[2] = { { .name = "reduction", .type = FOV_ATTR_STRING, .s = "add" } };
    FovTensor *inputs[] = { fov_grad_zeros (g, node->inputs[0]), node->inputs[1], updates };

    if (has_axis)
        attrs[1] = axis_attr (node);
    return only_output (fov_grad_node (g, op, inputs, 3, 1, attrs, has_axis ? 2 : 1));
}

void
fov_gradient_gather_elements (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    dx[0] = scatter (g, "ScatterElements", node, dy[0], TRUE);
}

void
fov_gradient_gather_nd (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    if (((const FovGatherNdParams *) node->params)->batch_dims)
        fov_grad_unsupported (g, "with batch_dims");
    dx[0] = scatter (g, "ScatterND", node, dy[0], FALSE);
}

/* Of what replaces, only the last update at a place counts: indices must not repeat. */
static void
scatter_gradient (FovGrad *g, const FovNode *node, FovTensor *dy, FovTensor **dx,
                  const char *scatter_op, const char *gather_op)
{
    const FovScatterParams *p = node->params;
    gboolean has_axis = g_str_equal (gather_op, "GatherElements");
    FovAttr axis = axis_attr (node);
    FovTensor *zeros;

    if (p->reduction != FOV_SCATTER_NONE && p->reduction != FOV_SCATTER_ADD) {
        fov_grad_unsupported (g, "with this reduction");
        return;
    }
    if (fov_grad_wants (g, 2))
        dx[2] = only_output (fov_grad_node (g, gather_op, (FovTensor *[]){ dy, node->inputs[1] }, 2,
                                            1, &axis, has_axis));
    if (p->reduction == FOV_SCATTER_ADD) {
        dx[0] = dy;
    } else if (fov_grad_wants (g, 0)) {
        zeros = fov_grad_zeros (g, node->inputs[2]);
        dx[0] = only_output (fov_grad_node (g, scatter_op,
                                            (FovTensor *[]){ dy, node->inputs[1], zeros }, 3, 1,
                                            &axis, has_axis));
    }
}

void
fov_gradient_scatter_elements (FovGrad *g, const FovNode *node, FovTensor *const *dy,
                               FovTensor **dx)
{
    scatter_gradient (g, node, dy[0], dx, "ScatterElements", "GatherElements");
}

void
fov_gradient_scatter_nd (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    scatter_gradient (g, node, dy[0], dx, "ScatterND", "GatherND");
}
