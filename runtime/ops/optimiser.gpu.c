/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Optimisers on vulkan: optimise.comp, once for each tensor. */
#include "ops/optimiser.h"
#include "ops/record.h"

#include <math.h>

enum {
    KIND_MOMENTUM,
    KIND_NESTEROV,
    KIND_ADAGRAD,
    KIND_ADAM,
    KIND_ADAMW,
    KIND_ADAM_DECAY,
    KIND_EMA
};

static gboolean
in_arena (const FovNode *node, guint first)
{
    for (guint i = first; i < node->n_inputs; i++)
        if (!node->inputs[i] || node->inputs[i]->data || !fov_gpu_can_float (node->inputs[i]))
            return FALSE;
    for (guint i = 0; i < node->n_outputs; i++)
        if (!node->outputs[i])
            return FALSE;
    return TRUE;
}

static gboolean
dispatch (FovGpuProgram *program, guint kind, gboolean stepped, struct fov_push_optimise push,
          const FovOperand *x, GError **error)
{
    guint32 spec[] = { kind, (guint32) stepped };

    push.n = (int) fov_shape_elements (&x->shape);
    return fov_gpu_dispatch_flat (program, "optimise", spec, 2, &push, sizeof push,
                                  (guint64) push.n, 64, error);
}

/* ---- ONNX's: R, T, X..., G..., moments -> X..., moments ---- */

/* T, the number of the step, must be known: what it does to the rate is computed here. */
static guint
onnx_formats (const FovNode *node, int block)
{
    return node->inputs[1]->data && !node->inputs[0]->data && fov_gpu_can_float (node->inputs[0]) &&
                   in_arena (node, 2)
               ? FOV_CAN_PLANAR
               : 0;
}

static guint
describe (const FovNode *node, double t, struct fov_push_optimise *push)
{
    if (fov_node_is (node, "Momentum")) {
        const FovMomentumParams *p = node->params;
        push->a = p->alpha;
        push->b = p->beta;
        push->decay = p->norm_coefficient;
        return p->mode == FOV_MOMENTUM_NESTEROV ? KIND_NESTEROV : KIND_MOMENTUM;
    }
    if (fov_node_is (node, "Adagrad")) {
        const FovAdagradParams *p = node->params;
        push->a = (float) (1 / (1 + t * (double) p->decay_factor));
        push->epsilon = p->epsilon;
        push->decay = p->norm_coefficient;
        return KIND_ADAGRAD;
    }
    const FovAdamParams *p = node->params;
    push->a = p->alpha;
    push->b = p->beta;
    push->epsilon = p->epsilon;
    push->decay = p->norm_coefficient;
    push->decay_after = p->norm_coefficient_post;
    push->correction1 = 1;
    if (t > 0)
        push->correction1 =
            (float) (sqrt (1 - pow ((double) p->beta, t)) / (1 - pow ((double) p->alpha, t)));
    return KIND_ADAM;
}

static gboolean
record_onnx (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovNode *node = step->node;
    const guint moments = fov_node_is (node, "Adam") ? 2 : 1;
    const guint n = (node->n_inputs - 2) / (2 + moments);
    struct fov_push_optimise push = { .rate = fov_gpu_float (step->in[0]) };
    double t = 0;
    guint kind;

    fov_tensor_scalar (node->inputs[1], &t);
    kind = describe (node, t, &push);
    for (guint k = 0; k < n; k++) {
        push.x = fov_gpu_float (step->in[2 + k]);
        push.g = fov_gpu_float (step->in[2 + n + k]);
        push.m = fov_gpu_float (step->in[2 + 2 * n + k]);
        push.x_out = fov_gpu_float (step->out[k]);
        push.m_out = fov_gpu_float (step->out[n + k]);
        if (moments > 1) {
            push.v = fov_gpu_float (step->in[2 + 3 * n + k]);
            push.v_out = fov_gpu_float (step->out[2 * n + k]);
        }
        if (k)
            fov_gpu_program_overlap (program);
        if (!dispatch (program, kind, t > 0, push, step->out[k], error))
            return FALSE;
    }
    return TRUE;
}

const FovGpuOp fov_gpu_optimiser = { onnx_formats, record_onnx };

/* ---- fov.AdamW: X, G, M, V, step -> X, M, V; fov.Ema: E, X, rate -> E ---- */

static guint
formats (const FovNode *node, int block)
{
    return in_arena (node, 0) ? FOV_CAN_PLANAR : 0;
}

static gboolean
record_adamw (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovAdamWParams *p = step->node->params;
    struct fov_push_optimise push = {
        .x = fov_gpu_float (step->in[0]),
        .g = fov_gpu_float (step->in[1]),
        .m = fov_gpu_float (step->in[2]),
        .v = fov_gpu_float (step->in[3]),
        .rate = fov_gpu_float (step->in[4]),
        .x_out = fov_gpu_float (step->out[0]),
        .m_out = fov_gpu_float (step->out[1]),
        .v_out = fov_gpu_float (step->out[2]),
        .a = p->beta1,
        .b = p->beta2,
        .epsilon = p->epsilon,
        .decay = p->decay,
    };

    return dispatch (program, p->decoupled ? KIND_ADAMW : KIND_ADAM_DECAY, TRUE, push, step->out[0],
                     error);
}

const FovGpuOp fov_gpu_adamw = { formats, record_adamw };

static gboolean
record_ema (FovGpuProgram *program, const FovStep *step, GError **error)
{
    struct fov_push_optimise push = {
        .x = fov_gpu_float (step->in[0]),
        .g = fov_gpu_float (step->in[1]),
        .rate = fov_gpu_float (step->in[2]),
        .x_out = fov_gpu_float (step->out[0]),
    };

    return dispatch (program, KIND_EMA, TRUE, push, step->out[0], error);
}

const FovGpuOp fov_gpu_ema = { formats, record_ema };
