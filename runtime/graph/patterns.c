/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Groups of nodes that exporters write for what is one op here: SiLU,
 * hard swish, Mish, Clip with bounds as inputs.
 */
#include "graph/passes.h"

#include "graph/op.h"
#include "graph/params.h"

#include <math.h>

static FovAct *
act_of (FovNode *node)
{
    return node && node->op->flags & FOV_OP_UNARY ? &((FovUnaryParams *) node->params)->act : NULL;
}

/* ---- Clip -------------------------------------------------------------- */

static void
clip_bounds (FovGraph *graph, FovNode *node)
{
    FovAct *act = act_of (node);
    double low = act->a, high = act->b;

    if (node->outputs[0]->dtype != FOV_F32) /* params are float: not exact for integers */
        return;
    for (guint i = 1; i < node->n_inputs; i++)
        if (node->inputs[i] && !fov_tensor_scalar (node->inputs[i], i == 1 ? &low : &high))
            return;
    for (guint i = 1; i < node->n_inputs; i++)
        fov_graph_set_input (graph, node, i, NULL);
    node->n_inputs = 1;
    act->a = (float) low;
    act->b = (float) high;
    if (act->a == 0 && isinf (act->b) && act->b > 0)
        act->kind = FOV_ACT_RELU;
}

/* ---- x * f (x) ---------------------------------------------------------- */

static gboolean
replace_by_unary (FovGraph *graph, FovNode *node, FovTensor *x, const char *op, GError **error)
{
    FovNode *unary = fov_graph_insert (graph, op, node->name, &x, 1, NULL, 0, error);

    if (!unary)
        return FALSE;
    fov_graph_replace_uses (graph, node->outputs[0], unary->outputs[0]);
    return TRUE;
}

/* What x * gate is when gate is a function of x alone; NULL: nothing known. */
static const char *
gated (const FovTensor *x, const FovTensor *gate)
{
    FovNode *f = gate->producer;
    const FovAct *act = act_of (f);
    FovNode *inner;

    if (!act)
        return NULL;
    if (act->kind == FOV_ACT_TANH) {
        inner = f->inputs[0]->producer;
        act = act_of (inner);
        return act && act->kind == FOV_ACT_SOFTPLUS && inner->inputs[0] == x ? "Mish" : NULL;
    }
    if (f->inputs[0] != x)
        return NULL;
    if (act->kind == FOV_ACT_SIGMOID)
        return "fov.Silu";
    if (act->kind == FOV_ACT_HARD_SIGMOID && fabsf (act->a - 1 / 6.f) < 1e-6f && act->b == .5f)
        return "HardSwish";
    return NULL;
}

static gboolean
match_gate (FovGraph *graph, FovNode *mul, GError **error)
{
    for (guint i = 0; i < 2; i++) {
        const char *op = gated (mul->inputs[i], mul->inputs[1 - i]);
        if (op)
            return replace_by_unary (graph, mul, mul->inputs[i], op, error);
    }
    return TRUE;
}

/* ---- the pass ----------------------------------------------------------- */

static gboolean
visit (FovGraph *graph, FovNode *node, GError **error)
{
    if (!node->outputs[0] || fov_tensor_elements (node->outputs[0]) < 0)
        return TRUE;
    if (fov_node_is (node, "Clip"))
        clip_bounds (graph, node);
    else if (fov_node_is (node, "Mul") &&
             fov_shape_equal (&node->inputs[0]->shape, &node->inputs[1]->shape))
        return match_gate (graph, node, error);
    return TRUE;
}

gboolean
fov_pass_patterns (FovGraph *graph, GError **error)
{
    guint n = graph->nodes->len; /* in topological order; new ones need no look */

    for (guint i = 0; i < n; i++)
        if (!visit (graph, graph->nodes->pdata[i], error))
            return FALSE;
    fov_graph_remove_unused (graph);
    return fov_graph_sort (graph, error);
}
