/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Gradient: x..., y -> dy/dx..., a question that fov_graph_specialize answers with nodes
 * (graph/backward.h); nothing is left of it in a plan.
 */
#include "ops/infer.h"

static gboolean
gradient_infer (FovNode *node, GError **error)
{
    if (node->n_outputs >= node->n_inputs)
        return fov_node_error (node, error, "%u outputs for %u inputs, expected fewer",
                               node->n_outputs, node->n_inputs);
    for (guint i = 0; i < node->n_inputs; i++)
        if (!fov_infer_dtype (node, i, FOV_FLOATS, error))
            return FALSE;
    for (guint i = 0; i < node->n_outputs; i++)
        if (!fov_infer_output (node, i, node->inputs[i]->dtype, fov_in_shape (node, i), error))
            return FALSE;
    return TRUE;
}

static gboolean
gradient_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    return fov_node_error (node, error, "computed from sizes that depend on data");
}

static const FovOpDef gradient = {
    .name = "Gradient",
    .min_inputs = 2,
    .max_inputs = G_MAXUINT,
    .min_outputs = 1,
    .max_outputs = G_MAXUINT,
    .flags = FOV_OP_NO_FOLD,
    .infer = gradient_infer,
    .reference = gradient_reference,
};

const FovOpDef *const fov_ops_gradient[] = { &gradient, NULL };
