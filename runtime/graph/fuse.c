/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a convolution can do on its way out: padding, residual, activation. */
#include "graph/passes.h"

#include "graph/op.h"
#include "graph/params.h"

#include <math.h>

static gboolean
is_conv (const FovNode *node)
{
    return fov_node_is (node, "Conv");
}

/* ---- Pad before a convolution ------------------------------------------- */

/* Spatial zero padding as top, left, bottom, right; FALSE if the Pad is more than that. */
static gboolean
read_pad (const FovNode *pad, gint64 out[4])
{
    const FovPadParams *p = pad->params;
    double value = 0;

    if (pad->outputs[0]->shape.rank != 4 || p->mode != FOV_PAD_CONSTANT)
        return FALSE;
    if (pad->n_inputs > 2 && pad->inputs[2] &&
        (!fov_tensor_scalar (pad->inputs[2], &value) || value != 0))
        return FALSE;
    for (int d = 0; d < 4; d++)
        if (p->begin.v[d] < 0 || p->end.v[d] < 0 || (d < 2 && (p->begin.v[d] || p->end.v[d])))
            return FALSE;
    for (int i = 0; i < 2; i++) {
        out[i] = p->begin.v[2 + i];
        out[2 + i] = p->end.v[2 + i];
    }
    return TRUE;
}

static void
fuse_pad (FovGraph *graph, FovNode *conv)
{
    FovConvParams *p = conv->params;
    FovNode *pad = conv->inputs[0]->producer;
    gint64 extra[4];

    if (!fov_node_is (pad, "Pad") || !fov_tensor_only_consumer (pad->outputs[0]) ||
        !read_pad (pad, extra) || p->pads.n != 4)
        return;
    for (int i = 0; i < 4; i++)
        p->pads.v[i] += extra[i];
    fov_graph_set_input (graph, conv, 0, pad->inputs[0]);
}

/* ---- behind a convolution ------------------------------------------------ */

static gboolean
has_residual (const FovNode *conv)
{
    return conv->n_inputs > 3 && conv->inputs[3];
}

/* Makes the convolution produce what next did. */
static void
take_over (FovGraph *graph, FovNode *conv, FovNode *next)
{
    FovTensor *out = conv->outputs[0];

    for (guint k = 0; k < next->n_inputs; k++)
        if (next->inputs[k])
            fov_graph_set_input (graph, next, k, NULL);
    fov_graph_replace_uses (graph, next->outputs[0], out);
}

static gboolean
fuse_act (FovGraph *graph, FovNode *conv, FovNode *next)
{
    FovConvParams *p = conv->params;

    if (!(next->op->flags & FOV_OP_UNARY) || next->n_inputs != 1 ||
        next->outputs[0]->dtype != FOV_F32 || p->act.kind != FOV_ACT_NONE || p->residual_last)
        return FALSE;
    p->act = ((const FovUnaryParams *) next->params)->act;
    take_over (graph, conv, next);
    return TRUE;
}

static gboolean
fuse_residual (FovGraph *graph, FovNode *conv, FovNode *next)
{
    FovConvParams *p = conv->params;
    FovTensor *out = conv->outputs[0];
    FovTensor *other;

    if (!is_conv (conv) || !fov_node_is (next, "Add") || has_residual (conv) ||
        next->inputs[0] == next->inputs[1])
        return FALSE;
    other = next->inputs[next->inputs[0] == out ? 1 : 0];
    if (other->data || other->dtype != FOV_F32 || !fov_shape_equal (&other->shape, &out->shape))
        return FALSE;
    /* next is the only reader of out, so other does not depend on conv: no cycle. */
    fov_graph_extend_input (graph, conv, 3, other);
    p->residual_last = p->act.kind != FOV_ACT_NONE;
    take_over (graph, conv, next);
    return TRUE;
}

/* Of x + y with both from convolutions, the one that comes later in the order takes the sum. */
static gboolean
comes_last (GHashTable *order, const FovNode *conv, const FovNode *add)
{
    guint own = GPOINTER_TO_UINT (g_hash_table_lookup (order, conv));

    for (guint k = 0; k < add->n_inputs; k++) {
        const FovTensor *in = add->inputs[k];
        if (in && in->producer &&
            GPOINTER_TO_UINT (g_hash_table_lookup (order, in->producer)) > own)
            return FALSE;
    }
    return TRUE;
}

gboolean
fov_pass_fuse (FovGraph *graph, GError **error)
{
    g_autoptr (GHashTable) order = g_hash_table_new (NULL, NULL);

    for (guint i = 0; i < graph->nodes->len; i++)
        g_hash_table_insert (order, graph->nodes->pdata[i], GUINT_TO_POINTER (i));
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *conv = graph->nodes->pdata[i];
        FovNode *next;

        if (!is_conv (conv) && !fov_node_is (conv, "ConvTranspose"))
            continue;
        if (conv->outputs[0]->dtype != FOV_F32 || !conv->inputs[1]->data ||
            fov_tensor_elements (conv->outputs[0]) < 0)
            continue;
        if (is_conv (conv))
            fuse_pad (graph, conv);
        while ((next = fov_tensor_only_consumer (conv->outputs[0]))) {
            if (fuse_act (graph, conv, next))
                continue;
            if (!fov_node_is (next, "Add") || !comes_last (order, conv, next) ||
                !fuse_residual (graph, conv, next))
                break;
        }
    }
    fov_graph_remove_unused (graph);
    return fov_graph_sort (graph, error);
}
