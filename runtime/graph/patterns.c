/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Groups of nodes that exporters write for what is one op here: SiLU,
 * hard swish, Mish, Clip with bounds as inputs, channel shuffles.
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

/* ---- channel maps ------------------------------------------------------- */

/*
 * Where channel c of a 4-D tensor comes from, looking through concatenations
 * along channels and other channel maps.
 */
static FovTensor *
trace_channel (FovTensor *t, gint64 *channel)
{
    for (;;) {
        FovNode *node = t->producer;
        if (fov_node_is (node, "Concat") && t->shape.rank == 4 &&
            ((const FovAxisParams *) node->params)->axis == 1) {
            guint i = 0;
            while (*channel >= node->inputs[i]->shape.dim[1])
                *channel -= node->inputs[i++]->shape.dim[1];
            t = node->inputs[i];
        } else if (fov_node_is (node, "fov.ChannelMap")) {
            const gint32 *map = g_bytes_get_data (node->inputs[node->n_inputs - 1]->data, NULL);
            t = node->inputs[map[*channel * 2]];
            *channel = map[*channel * 2 + 1];
        } else {
            return t;
        }
    }
}

/* A fov.ChannelMap that gives channel index[c] of whole as its channel c. */
static FovNode *
add_channel_map (FovGraph *graph, const char *name, FovTensor *whole, const gint64 *index, gint64 n,
                 GError **error)
{
    g_autoptr (GPtrArray) sources = g_ptr_array_new ();
    g_autofree gint32 *map = g_new (gint32, 2 * n);
    g_autoptr (GBytes) data = NULL;
    FovShape shape = { 2, { n, 2 } };

    for (gint64 c = 0; c < n; c++) {
        gint64 channel = index[c];
        FovTensor *source = trace_channel (whole, &channel);
        guint at;
        if (!g_ptr_array_find (sources, source, &at)) {
            at = sources->len;
            g_ptr_array_add (sources, source);
        }
        map[2 * c] = (gint32) at;
        map[2 * c + 1] = (gint32) channel;
    }
    data = g_bytes_new (map, 2 * n * sizeof *map);
    g_ptr_array_add (sources, fov_graph_add_constant (graph, NULL, FOV_I32, &shape, data, NULL));
    return fov_graph_insert (graph, "fov.ChannelMap", name, (FovTensor **) sources->pdata,
                             sources->len, NULL, 0, error);
}

/* ShuffleNet's shuffle (Zhang et al. 2018): Reshape [N,g,C/g,H,W], Transpose 0 2 1 3 4, Reshape
 * back. */
static gboolean
match_shuffle (FovGraph *graph, FovNode *transpose, GError **error)
{
    const FovInts *perm = &((const FovTransposeParams *) transpose->params)->perm;
    FovNode *before = transpose->inputs[0]->producer;
    FovNode *after = fov_tensor_only_consumer (transpose->outputs[0]);
    const FovShape *five = &transpose->inputs[0]->shape;
    g_autofree gint64 *index = NULL;
    FovTensor *x;
    FovNode *map;
    gint64 channels;

    if (perm->n != 5 || perm->v[0] != 0 || perm->v[1] != 2 || perm->v[2] != 1 || perm->v[3] != 3 ||
        perm->v[4] != 4)
        return TRUE;
    if (!fov_node_is (before, "Reshape") || !fov_node_is (after, "Reshape"))
        return TRUE;
    x = before->inputs[0];
    channels = five->dim[1] * five->dim[2];
    if (x->shape.rank != 4 || x->dtype != FOV_F32 || x->shape.dim[1] != channels ||
        x->shape.dim[2] != five->dim[3] || !fov_shape_equal (&x->shape, &after->outputs[0]->shape))
        return TRUE;
    index = g_new (gint64, channels);
    for (gint64 c = 0; c < channels; c++)
        index[c] = c % five->dim[1] * five->dim[2] + c / five->dim[1];
    map = add_channel_map (graph, after->name, x, index, channels, error);
    if (!map)
        return FALSE;
    fov_graph_replace_uses (graph, after->outputs[0], map->outputs[0]);
    return TRUE;
}

/* Splits of a channel map are channel maps themselves. */
static gboolean
match_split (FovGraph *graph, FovNode *split, GError **error)
{
    gint64 at = 0;

    if (!fov_node_is (split->inputs[0]->producer, "fov.ChannelMap") ||
        ((const FovAxisParams *) split->params)->axis != 1)
        return TRUE;
    for (guint i = 0; i < split->n_outputs; i++) {
        FovTensor *out = split->outputs[i];
        gint64 n = out ? out->shape.dim[1] : 0;
        g_autofree gint64 *index = NULL;
        FovNode *map;
        if (!out)
            return TRUE;
        index = g_new (gint64, MAX (n, 1));
        for (gint64 c = 0; c < n; c++)
            index[c] = at + c;
        at += n;
        map = add_channel_map (graph, split->name, split->inputs[0], index, n, error);
        if (!map)
            return FALSE;
        fov_graph_replace_uses (graph, out, map->outputs[0]);
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
    else if (fov_node_is (node, "Transpose"))
        return match_shuffle (graph, node, error);
    else if (fov_node_is (node, "Split"))
        return match_split (graph, node, error);
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
