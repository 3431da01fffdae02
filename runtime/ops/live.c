/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fov.Dropout and fov.Gate. */
#include "ops/live.h"

#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

/* The last input is one number. */
static gboolean
infer (FovNode *node, GError **error)
{
    const guint last = node->n_inputs - 1;

    if (!fov_infer_dtypes (node, last, FOV_FLOATS, error) ||
        !fov_infer_dtype (node, last, FOV_FLOATS, error))
        return FALSE;
    if (fov_tensor_elements (node->inputs[last]) != 1)
        return fov_node_error (node, error, "input %u is not one number", last);
    if (last == 2 && !fov_shape_equal (fov_in_shape (node, 0), fov_in_shape (node, 1)))
        return fov_node_error (node, error, "old and new differ in shape");
    return fov_infer_same (node, error);
}

static gboolean
dropout_infer (FovNode *node, GError **error)
{
    const FovLiveDropoutParams *p = node->params;

    if (!(p->ratio >= 0 && p->ratio < 1))
        return fov_node_error (node, error, "ratio is %g, expected 0 or more and below 1",
                               (double) p->ratio);
    return infer (node, error);
}

static gboolean
dropout_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovLiveDropoutParams *p = node->params;
    const guint32 key = fov_live_key (p->seed, (float) fov_view_get (&in[1], 0));
    const guint32 threshold = fov_live_threshold (p->ratio);

    for (gint64 i = 0; i < fov_shape_elements (&in->shape); i++) {
        gboolean stays = fov_live_mix ((guint32) i ^ key) >= threshold;
        fov_view_set (out, i, stays ? fov_view_get (in, i) / (1 - (double) p->ratio) : 0);
    }
    return TRUE;
}

/* Linear: the same draw again. */
static void
dropout_gradient (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    FovTensor *inputs[] = { dy[0], node->inputs[1] };
    FovNode *made = fov_grad_node (g, "fov.Dropout", inputs, 2, 1, NULL, 0);

    if (!made)
        return;
    *(FovLiveDropoutParams *) made->params = *(const FovLiveDropoutParams *) node->params;
    dx[0] = made->outputs[0];
}

static gboolean
gate_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    return fov_reference_copy (node, fov_view_get (&in[2], 0) > 0 ? &in[1] : &in[0], out, error);
}

static const FovParam dropout_params[] = {
    FOV_P_INT ("seed", FovLiveDropoutParams, seed, 0),
    FOV_P_FLOAT ("ratio", FovLiveDropoutParams, ratio, 0.5),
    FOV_P_END,
};

static const FovOpDef dropout = {
    .name = "fov.Dropout",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_IN_PLACE | FOV_OP_NO_FOLD,
    .params = dropout_params,
    .params_size = sizeof (FovLiveDropoutParams),
    .infer = dropout_infer,
    .reference = dropout_reference,
    .gradient = dropout_gradient,
    .host = &fov_host_live_dropout,
    .gpu = &fov_gpu_live_dropout,
};

static const FovOpDef gate = {
    .name = "fov.Gate",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_IN_PLACE,
    .infer = infer,
    .reference = gate_reference,
    .host = &fov_host_gate,
    .gpu = &fov_gpu_gate,
};

const FovOpDef *const fov_ops_live[] = { &dropout, &gate, NULL };
