/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BatchNormalization with statistics or parameters that are no constants, and its gradient. */
#include "ops/infer.h"
#include "ops/record.h"

static guint32
lanes_of (FovGpuProgram *program)
{
    return fov_gpu_on_processor (program) ? 32 : 256;
}

/* A lane's rounds over a picture: loops end early on some drivers. */
static gboolean
fits (const FovNode *node)
{
    const FovShape *x = &node->inputs[0]->shape;

    return fov_shape_span (x, 2, x->rank) <= 65535 * 32 && !node->inputs[0]->data;
}

static guint
layouts (const FovNode *node)
{
    return fov_gpu_can_block (node->inputs[0]) ? FOV_CAN_BLOCKED : FOV_CAN_PLANAR;
}

static gboolean
is_blocked (const FovOperand *operand)
{
    return operand->format.layout == FOV_BLOCKED;
}

static int
place_of (const FovOperand *operand)
{
    return is_blocked (operand) ? fov_gpu_texel (operand) : fov_gpu_float (operand);
}

static guint64
n_groups (const FovOperand *x)
{
    return (guint64) (is_blocked (x) ? (x->shape.dim[1] + 3) / 4 : x->shape.dim[1]);
}

/* ---- BatchNormalization ----------------------------------------------- */

guint
fov_gpu_batch_norm_formats (const FovNode *node)
{
    return fov_gpu_can_floats (node, ~0u) && fits (node) ? layouts (node) : 0;
}

gboolean
fov_gpu_record_batch_norm (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovBatchNormParams *p = step->node->params;
    const FovOperand *x = step->in[0], *out[4] = { NULL };
    guint32 spec[5] = { lanes_of (program), (guint32) is_blocked (x), p->training_mode != 0, 0, 0 };
    int given[4] = { 0 };
    struct fov_push_batch_norm push = {
        .src = place_of (x),
        .dst = place_of (step->out[0]),
        .images = (int) x->shape.dim[0],
        .pixels = (int) fov_shape_span (&x->shape, 2, x->shape.rank),
        .channels = (int) x->shape.dim[1],
        .scale = fov_gpu_masked_source (program, step->in[1], 0, &spec[3]),
        .bias = fov_gpu_masked_source (program, step->in[2], 1, &spec[3]),
        .mean = fov_gpu_masked_source (program, step->in[3], 2, &spec[3]),
        .variance = fov_gpu_masked_source (program, step->in[4], 3, &spec[3]),
        .epsilon = p->epsilon,
        .momentum = p->momentum,
    };

    for (guint i = 0; i < 4 && i + 1 < step->node->n_outputs; i++) {
        out[i] = step->out[i + 1];
        spec[4] |= out[i] ? 1u << i : 0;
        given[i] = out[i] ? fov_gpu_float (out[i]) : 0;
    }
    push.next_mean = given[0];
    push.next_variance = given[1];
    push.mean_out = given[2];
    push.variance_out = given[3];
    return fov_gpu_dispatch_flat (program, "batch_norm", spec, 5, &push, sizeof push, n_groups (x),
                                  1, error);
}

/* ---- fov.BatchNormGrad: dy, x, scale, mean, var -> dx, dscale, dbias ---- */

static guint
grad_formats (const FovNode *node, int block)
{
    return fov_gpu_can_floats (node, ~0u) && fits (node) && !node->inputs[1]->data ? layouts (node)
                                                                                   : 0;
}

static gboolean
is_read (const FovOperand *operand)
{
    return operand && (operand->tensor->consumers->len || fov_tensor_is_kept (operand->tensor));
}

static gboolean
record_grad (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovBatchNormParams *p = step->node->params;
    const FovOperand *x = step->in[1];
    guint32 spec[5] = { lanes_of (program), (guint32) is_blocked (x), p->training_mode != 0, 0, 0 };
    struct fov_push_batch_norm_grad push = {
        .dy = place_of (step->in[0]),
        .src = place_of (x),
        .dst = place_of (step->out[0]),
        .images = (int) x->shape.dim[0],
        .pixels = (int) fov_shape_span (&x->shape, 2, x->shape.rank),
        .channels = (int) x->shape.dim[1],
        .scale = fov_gpu_masked_source (program, step->in[2], 0, &spec[3]),
        .mean = fov_gpu_masked_source (program, step->in[3], 1, &spec[3]),
        .variance = fov_gpu_masked_source (program, step->in[4], 2, &spec[3]),
        .dscale = step->out[1] ? fov_gpu_float (step->out[1]) : 0,
        .dbias = step->out[2] ? fov_gpu_float (step->out[2]) : 0,
        .epsilon = p->epsilon,
    };

    for (guint i = 0; i < 3; i++)
        spec[4] |= is_read (step->out[i]) ? 1u << i : 0;
    return fov_gpu_dispatch_flat (program, "batch_norm_grad", spec, 5, &push, sizeof push,
                                  n_groups (x), 1, error);
}

const FovGpuOp fov_gpu_batch_norm_grad = { grad_formats, record_grad };
