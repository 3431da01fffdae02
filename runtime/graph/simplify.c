/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nodes that change nothing, chains of transposes, and transposes that a picture can have. */
#include "graph/passes.h"

#include "graph/op.h"
#include "graph/params.h"

static gboolean
same_tensor (const FovNode *node)
{
    const FovTensor *in = node->inputs[0], *out = node->outputs[0];
    return in->dtype == out->dtype && fov_shape_equal (&in->shape, &out->shape);
}

static gboolean
pads_nothing (const FovPadParams *p, int rank)
{
    for (int d = 0; d < rank; d++)
        if (p->begin.v[d] || p->end.v[d])
            return FALSE;
    return TRUE;
}

static gboolean
perm_is_identity (const FovInts *perm)
{
    for (int i = 0; i < perm->n; i++)
        if (perm->v[i] != i)
            return FALSE;
    return TRUE;
}

/* A transpose that moves only dimensions of size 1 leaves the bytes where they are. */
static gboolean
keeps_order (const FovNode *node)
{
    const FovInts *perm = &((const FovTransposeParams *) node->params)->perm;
    gint64 last = -1;

    for (int i = 0; i < perm->n; i++) {
        if (node->inputs[0]->shape.dim[perm->v[i]] == 1)
            continue;
        if (perm->v[i] < last)
            return FALSE;
        last = perm->v[i];
    }
    return TRUE;
}

static gboolean
is_no_op (const FovNode *node)
{
    if (!node->n_inputs || !node->inputs[0] || !node->outputs[0] ||
        fov_tensor_elements (node->outputs[0]) < 0)
        return FALSE;
    if (fov_node_is (node, "Identity") || fov_node_is (node, "Dropout"))
        return TRUE;
    if (!same_tensor (node))
        return FALSE;
    if (node->op->flags & FOV_OP_ALIAS || fov_node_is (node, "Cast") ||
        fov_node_is (node, "Expand") || fov_node_is (node, "Tile"))
        return TRUE;
    if (fov_node_is (node, "Concat"))
        return node->n_inputs == 1;
    if (fov_node_is (node, "Transpose"))
        return perm_is_identity (&((const FovTransposeParams *) node->params)->perm);
    if (fov_node_is (node, "Pad"))
        return pads_nothing (node->params, node->outputs[0]->shape.rank);
    return FALSE;
}

/* Transpose (Transpose (x)) -> one Transpose of x. */
static gboolean
join_transposes (FovGraph *graph, FovNode *node, GError **error)
{
    FovNode *before = node->inputs[0]->producer;
    FovInts perm = ((const FovTransposeParams *) node->params)->perm;
    FovAttr attr = { "perm", FOV_ATTR_INTS };
    FovNode *joined;

    if (!fov_node_is (before, "Transpose"))
        return TRUE;
    for (int i = 0; i < perm.n; i++)
        perm.v[i] = ((const FovTransposeParams *) before->params)->perm.v[perm.v[i]];
    attr.ints = perm.v;
    attr.n = (gsize) perm.n;
    joined =
        fov_graph_insert (graph, "Transpose", node->name, &before->inputs[0], 1, &attr, 1, error);
    if (!joined)
        return FALSE;
    fov_graph_replace_uses (graph, node->outputs[0], joined->outputs[0]);
    return TRUE;
}

/* [N, C, H, W] -> [N, C, H W], or [C, H W] of one picture; read by consumer alone. */
static gboolean
flattens_pixels (const FovTensor *tensor, const FovNode *consumer)
{
    const FovNode *reshape = tensor->producer;
    const FovShape *from, *to = &tensor->shape;

    if (!fov_node_is (reshape, "Reshape") || fov_tensor_only_consumer (tensor) != consumer)
        return FALSE;
    from = &reshape->inputs[0]->shape;
    if (from->rank != 4 || reshape->inputs[0]->data || fov_shape_elements (to) < 1)
        return FALSE;
    return to->rank == 3 ? to->dim[0] == from->dim[0] && to->dim[1] == from->dim[1]
                         : to->rank == 2 && from->dim[0] == 1 && to->dim[0] == from->dim[1];
}

static gboolean
swaps_last_two (const FovNode *node)
{
    const FovInts *perm = &((const FovTransposeParams *) node->params)->perm;

    return (perm->n == 3 && perm->v[0] == 0 && perm->v[1] == 2) ||
           (perm->n == 2 && perm->v[0] == 1);
}

/* Flattened pictures are transposed as pictures: in one step with what their layout is. */
static gboolean
lift_over_reshape (FovGraph *graph, FovNode *node, GError **error)
{
    static const gint64 perm[] = { 0, 2, 3, 1 };
    FovAttr attr = { "perm", FOV_ATTR_INTS, .ints = perm, .n = G_N_ELEMENTS (perm) };
    FovNode *reshape = node->inputs[0]->producer, *transpose;
    const FovShape *shape = &node->outputs[0]->shape;
    FovTensor *inputs[2];

    transpose =
        fov_graph_insert (graph, "Transpose", node->name, &reshape->inputs[0], 1, &attr, 1, error);
    if (!transpose)
        return FALSE;
    inputs[0] = transpose->outputs[0];
    inputs[1] = fov_graph_add_ints (graph, NULL, shape->dim, (guint) shape->rank);
    reshape = fov_graph_insert (graph, "Reshape", node->name, inputs, 2, NULL, 0, error);
    if (!reshape)
        return FALSE;
    fov_graph_replace_uses (graph, node->outputs[0], reshape->outputs[0]);
    return TRUE;
}

/* A concatenation of flattened pictures, pixel after pixel, read by node alone. */
static gboolean
joins_pixels (const FovTensor *tensor, const FovNode *node)
{
    const FovNode *concat = tensor->producer;

    if (!fov_node_is (concat, "Concat") || fov_tensor_only_consumer (tensor) != node ||
        ((const FovAxisParams *) concat->params)->axis != tensor->shape.rank - 1)
        return FALSE;
    for (guint i = 0; i < concat->n_inputs; i++)
        if (!flattens_pixels (concat->inputs[i], concat))
            return FALSE;
    return TRUE;
}

static gboolean
lift_over_concat (FovGraph *graph, FovNode *node, GError **error)
{
    const FovInts *perm = &((const FovTransposeParams *) node->params)->perm;
    FovAttr swap = { "perm", FOV_ATTR_INTS, .ints = perm->v, .n = (gsize) perm->n };
    FovAttr axis = { "axis", FOV_ATTR_INT, .i = perm->n - 2 };
    FovNode *before = node->inputs[0]->producer, *concat;
    g_autofree FovTensor **parts = g_new (FovTensor *, before->n_inputs);

    for (guint i = 0; i < before->n_inputs; i++) {
        FovNode *part = fov_graph_insert (graph, "Transpose", node->name, &before->inputs[i], 1,
                                          &swap, 1, error);
        if (!part)
            return FALSE;
        fov_graph_set_input (graph, before, i, NULL); /* so that part is its only reader */
        parts[i] = part->outputs[0];
    }
    concat =
        fov_graph_insert (graph, "Concat", node->name, parts, before->n_inputs, &axis, 1, error);
    if (!concat)
        return FALSE;
    fov_graph_replace_uses (graph, node->outputs[0], concat->outputs[0]);
    return TRUE;
}

static gboolean
is_used (const FovNode *node)
{
    return node->outputs[0]->consumers->len || fov_tensor_is_kept (node->outputs[0]);
}

static gboolean
transpose_to_reshape (FovGraph *graph, FovNode *node, GError **error)
{
    const FovShape *shape = &node->outputs[0]->shape;
    FovTensor *inputs[2] = { node->inputs[0] };
    FovNode *reshape;

    /* In a Reshape's shape, 0 has a meaning of its own. */
    if (shape->rank == 0 || fov_shape_elements (shape) == 0 || node->inputs[0]->data ||
        !keeps_order (node))
        return TRUE;
    inputs[1] = fov_graph_add_ints (graph, NULL, shape->dim, (guint) shape->rank);
    reshape = fov_graph_insert (graph, "Reshape", node->name, inputs, 2, NULL, 0, error);
    if (!reshape)
        return FALSE;
    fov_graph_replace_uses (graph, node->outputs[0], reshape->outputs[0]);
    return TRUE;
}

/* A graph output keeps a node of its own: it must not become the input itself under the executor's
 * feet (fov_plan_new copies those). */
static gboolean
visit (FovGraph *graph, FovNode *node, GError **error)
{
    if (is_no_op (node)) {
        fov_graph_replace_uses (graph, node->outputs[0], node->inputs[0]);
        return TRUE;
    }
    if (!fov_node_is (node, "Transpose") || fov_tensor_elements (node->outputs[0]) < 0)
        return TRUE;
    if (!join_transposes (graph, node, error))
        return FALSE;
    if (is_used (node) && !transpose_to_reshape (graph, node, error))
        return FALSE;
    if (!is_used (node) || !swaps_last_two (node))
        return TRUE;
    if (flattens_pixels (node->inputs[0], node))
        return lift_over_reshape (graph, node, error);
    return joins_pixels (node->inputs[0], node) ? lift_over_concat (graph, node, error) : TRUE;
}

gboolean
fov_pass_simplify (FovGraph *graph, GError **error)
{
    for (guint i = 0; i < graph->nodes->len; i++) /* what is appended is looked at too */
        if (!visit (graph, graph->nodes->pdata[i], error))
            return FALSE;
    fov_graph_remove_unused (graph);
    return fov_graph_sort (graph, error);
}
