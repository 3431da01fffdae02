/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What gradient functions build with. */
#include "graph/backward.h"

#include <string.h>

gboolean
fov_grad_wants (const FovGrad *g, guint input)
{
    return input < g->node->n_inputs && g->node->inputs[input] &&
           g_hash_table_contains (g->needed, g->node->inputs[input]);
}

void
fov_grad_unsupported (FovGrad *g, const char *why)
{
    if (!g->error)
        g_set_error (&g->error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "node '%s' (%s) has no gradient%s%s, and the loss depends on it",
                     g->node->name, g->node->op->name, why ? " " : "", why ? why : "");
}

FovNode *
fov_grad_node (FovGrad *g, const char *op, FovTensor *const *inputs, guint n_inputs,
               guint n_outputs, const FovAttr *attrs, guint n_attrs)
{
    g_autofree char *name = NULL;
    FovNode *node;

    if (g->error)
        return NULL;
    name = g->node ? g_strconcat (g->node->name, ".grad", NULL) : g_strdup ("train");
    node = fov_graph_add_node (g->graph, op, name, inputs, n_inputs, n_outputs, attrs, n_attrs,
                               &g->error);
    if (!node || !node->op->infer (node, &g->error))
        return NULL;
    for (guint i = 0; i < n_outputs; i++)
        node->outputs[i]->shape_known = TRUE;
    return node;
}

static FovTensor *
first_output (const FovNode *node)
{
    return node ? node->outputs[0] : NULL;
}

FovTensor *
fov_grad_unary (FovGrad *g, const char *op, FovTensor *a)
{
    return first_output (fov_grad_node (g, op, &a, 1, 1, NULL, 0));
}

FovTensor *
fov_grad_binary (FovGrad *g, const char *op, FovTensor *a, FovTensor *b)
{
    FovTensor *inputs[] = { a, b };

    return first_output (fov_grad_node (g, op, inputs, 2, 1, NULL, 0));
}

FovTensor *
fov_grad_scale (FovGrad *g, FovTensor *a, double by)
{
    if (g->error || by == 1)
        return a;
    return fov_grad_binary (g, "Mul", a, fov_grad_scalar (g, a, by));
}

FovTensor *
fov_grad_scalar (FovGrad *g, const FovTensor *like, double value)
{
    double room;
    FovView view = { .data = &room };
    g_autoptr (GBytes) data = NULL;

    if (g->error)
        return NULL;
    view.dtype = like->dtype;
    fov_view_set (&view, 0, value);
    data = g_bytes_new (&room, fov_dtype_size (like->dtype));
    return fov_graph_add_constant (g->graph, NULL, like->dtype, &view.shape, data, &g->error);
}

FovTensor *
fov_grad_ints (FovGrad *g, const gint64 *v, guint n)
{
    return g->error ? NULL : fov_graph_add_ints (g->graph, NULL, v, n);
}

FovTensor *
fov_grad_zeros (FovGrad *g, const FovTensor *like)
{
    g_autoptr (GBytes) data = NULL;
    gsize size;

    if (g->error)
        return NULL;
    size = (gsize) fov_tensor_elements (like) * fov_dtype_size (like->dtype);
    data = g_bytes_new_take (g_malloc0 (MAX (size, 1)), size);
    return fov_graph_add_constant (g->graph, NULL, like->dtype, &like->shape, data, &g->error);
}

FovTensor *
fov_grad_reshape (FovGrad *g, FovTensor *a, const FovShape *shape)
{
    FovTensor *inputs[2] = { a };
    FovAttr zeros = { .name = "allowzero", .type = FOV_ATTR_INT, .i = 1 };

    if (g->error || fov_shape_equal (&a->shape, shape))
        return a;
    inputs[1] = fov_grad_ints (g, shape->dim, (guint) shape->rank);
    return first_output (fov_grad_node (g, "Reshape", inputs, 2, 1, &zeros, 1));
}

FovTensor *
fov_grad_sum (FovGrad *g, FovTensor *a, int from, int to)
{
    gint64 axes[FOV_MAX_RANK];
    FovTensor *inputs[2] = { a };

    if (g->error || to <= from)
        return a;
    for (int d = from; d < to; d++)
        axes[d - from] = d;
    inputs[1] = fov_grad_ints (g, axes, (guint) (to - from));
    return first_output (fov_grad_node (g, "ReduceSum", inputs, 2, 1, NULL, 0));
}

FovTensor *
fov_grad_sum_to (FovGrad *g, FovTensor *a, const FovShape *shape)
{
    int lead;

    if (g->error)
        return NULL;
    lead = a->shape.rank - shape->rank;
    /* One run of neighbouring axes after the other: kernels take those. */
    for (int d = 0; d < (g->error ? 0 : a->shape.rank); d++) {
        int end = d;
        while (end < a->shape.rank && a->shape.dim[end] != 1 &&
               (end < lead || shape->dim[end - lead] == 1))
            end++;
        a = fov_grad_sum (g, a, d, end);
        d = MAX (d, end - 1);
        if (g->error)
            return NULL;
    }
    return fov_grad_reshape (g, a, shape);
}

FovTensor *
fov_grad_expand (FovGrad *g, FovTensor *a, const FovShape *shape)
{
    FovTensor *inputs[2] = { a };

    if (g->error || fov_shape_equal (&a->shape, shape))
        return a;
    inputs[1] = fov_grad_ints (g, shape->dim, (guint) shape->rank);
    return first_output (fov_grad_node (g, "Expand", inputs, 2, 1, NULL, 0));
}

FovTensor *
fov_grad_transpose (FovGrad *g, FovTensor *a, const gint64 *perm)
{
    FovAttr attr = { .name = "perm", .type = FOV_ATTR_INTS, .ints = perm };

    if (g->error)
        return NULL;
    attr.n = (gsize) a->shape.rank;
    return first_output (fov_grad_node (g, "Transpose", &a, 1, 1, &attr, 1));
}
