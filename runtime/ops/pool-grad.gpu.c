/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fov.MaxPoolGrad and fov.AveragePoolGrad on vulkan: each pixel of x asks who read it. */
#include "ops/record.h"

static guint
max_formats (const FovNode *node, int block)
{
    return fov_gpu_can_floats (node, 3) && fov_gpu_can_block (node->inputs[0]) &&
                   fov_gpu_can_block (node->inputs[1])
               ? FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED
               : 0;
}

static guint
average_formats (const FovNode *node, int block)
{
    return fov_gpu_can_floats (node, 1) && fov_gpu_can_block (node->inputs[0]) &&
                   fov_gpu_can_block (node->outputs[0])
               ? FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED
               : 0;
}

static gboolean
dispatch (FovGpuProgram *program, const char *shader, const guint32 *spec, guint n_spec,
          const struct fov_push_pool *push, int pixels, const FovPicture *picture, GError **error)
{
    return fov_gpu_program_dispatch (program, shader, spec, n_spec, push, sizeof *push,
                                     (guint) ((pixels + 63) / 64),
                                     (guint) (picture->n * picture->blocks), 1, error);
}

static gboolean
record (FovGpuProgram *program, const FovStep *step, GError **error)
{
    guint32 average = fov_node_is (step->node, "fov.AveragePoolGrad");
    struct fov_push_pool push =
        fov_gpu_push_pool (step->node->params, &step->out[0]->shape, &step->in[0]->shape);
    FovPicture x = fov_picture (&step->out[0]->shape), y = fov_picture (&step->in[0]->shape);

    push.dy = fov_gpu_texel (step->in[0]);
    push.dst = fov_gpu_texel (step->out[0]);
    if (!average) {
        push.src = fov_gpu_texel (step->in[1]);
        push.places = (int) (fov_gpu_program_scratch (program, step->in[0]->bytes) / 16);
        if (!dispatch (program, "pool_place", NULL, 0, &push, y.h * y.w, &y, error))
            return FALSE;
    }
    return dispatch (program, "pool_grad", &average, 1, &push, x.h * x.w, &x, error);
}

const FovGpuOp fov_gpu_max_pool_grad = { max_formats, record };
const FovGpuOp fov_gpu_average_pool_grad = { average_formats, record };
