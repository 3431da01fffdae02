/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fov.Dropout, fov.Gate, fov.Focal and fov.IouLoss on vulkan: a lane an element, or a box. */
#include "ops/assign.h"
#include "ops/focal.h"
#include "ops/live.h"
#include "ops/record.h"

static guint
formats (const FovNode *node, int block)
{
    return fov_gpu_can_floats (node, ~0u) ? FOV_CAN_PLANAR : 0;
}

/* Input i of the step, which the shader counts as its operand number `as`. */
static int
source (FovGpuProgram *program, const FovStep *step, guint i, guint as, guint32 *mask)
{
    return fov_gpu_masked_source (program, step->in[i], as, mask);
}

static gboolean
record_dropout (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovLiveDropoutParams *p = step->node->params;
    guint32 spec[2] = { FALSE, 0 };
    struct fov_push_live push = {
        .src = source (program, step, 0, 0, &spec[1]),
        .switch_at = source (program, step, 1, 2, &spec[1]),
        .dst = fov_gpu_float (step->out[0]),
        .n = (int) fov_shape_elements (&step->out[0]->shape),
        /* What the number adds, the kernel does. */
        .key = (int) (fov_live_key (p->seed, 0) ^ fov_live_mix (0)),
        .threshold = (int) fov_live_threshold (p->ratio),
        .scale = 1 / (1 - p->ratio),
    };

    return fov_gpu_dispatch_flat (program, "live", spec, 2, &push, sizeof push, (guint64) push.n,
                                  64, error);
}

static gboolean
record_gate (FovGpuProgram *program, const FovStep *step, GError **error)
{
    guint32 spec[2] = { TRUE, 0 };
    struct fov_push_live push = {
        .src = source (program, step, 0, 0, &spec[1]),
        .given = source (program, step, 1, 1, &spec[1]),
        .switch_at = source (program, step, 2, 2, &spec[1]),
        .dst = fov_gpu_float (step->out[0]),
        .n = (int) fov_shape_elements (&step->out[0]->shape),
    };

    return fov_gpu_dispatch_flat (program, "live", spec, 2, &push, sizeof push, (guint64) push.n,
                                  64, error);
}

const FovGpuOp fov_gpu_live_dropout = { formats, record_dropout };
const FovGpuOp fov_gpu_gate = { formats, record_gate };

/* With dy first, the gradient. */
static gboolean
record_focal (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovFocalParams *p = step->node->params;
    guint grad = step->node->n_inputs == 3;
    guint32 spec[2] = { grad, 0 };
    struct fov_push_focal push = {
        .dy = grad ? source (program, step, 0, 0, &spec[1]) : 0,
        .x = source (program, step, grad, 1, &spec[1]),
        .t = source (program, step, grad + 1, 2, &spec[1]),
        .dst = fov_gpu_float (step->out[0]),
        .n = (int) fov_shape_elements (&step->out[0]->shape),
        .alpha = p->alpha,
        .gamma = p->gamma,
    };

    return fov_gpu_dispatch_flat (program, "focal", spec, 2, &push, sizeof push, (guint64) push.n,
                                  64, error);
}

const FovGpuOp fov_gpu_focal = { formats, record_focal };

static gboolean
record_iou (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovIouParams *p = step->node->params;
    guint grad = step->node->n_inputs == 4;
    guint32 spec[3] = { (guint32) p->kind, grad, 0 };
    struct fov_push_iou_loss push = {
        .dy = grad ? source (program, step, 0, 0, &spec[2]) : 0,
        .boxes = source (program, step, grad, 1, &spec[2]),
        .targets = source (program, step, grad + 1, 2, &spec[2]),
        .weights = source (program, step, grad + 2, 3, &spec[2]),
        .dst = fov_gpu_float (step->out[0]),
        .n = (int) fov_shape_elements (&step->in[grad + 2]->shape),
    };

    return fov_gpu_dispatch_flat (program, "iou_loss", spec, 3, &push, sizeof push,
                                  (guint64) push.n, 64, error);
}

const FovGpuOp fov_gpu_iou_loss = { formats, record_iou };
