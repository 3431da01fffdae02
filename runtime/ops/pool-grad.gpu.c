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

static struct fov_push_pool_grad
make_push (const FovStep *step)
{
    const FovPoolParams *p = step->node->params;
    FovPicture x = fov_picture (&step->out[0]->shape), y = fov_picture (&step->in[0]->shape);

    return (struct fov_push_pool_grad){
        .dy = fov_gpu_texel (step->in[0]),
        .dst = fov_gpu_texel (step->out[0]),
        .h = x.h,
        .w = x.w,
        .oh = y.h,
        .ow = y.w,
        .kh = (int) p->kernel_shape.v[0],
        .kw = (int) p->kernel_shape.v[1],
        .stride_y = (int) p->strides.v[0],
        .stride_x = (int) p->strides.v[1],
        .dilation_y = (int) p->dilations.v[0],
        .dilation_x = (int) p->dilations.v[1],
        .pad_top = (int) p->pads.v[0],
        .pad_left = (int) p->pads.v[1],
        .pad_bottom = (int) p->pads.v[2],
        .pad_right = (int) p->pads.v[3],
        .include_pad = p->count_include_pad != 0,
    };
}

static gboolean
dispatch (FovGpuProgram *program, const char *shader, const guint32 *spec, guint n_spec,
          const struct fov_push_pool_grad *push, int pixels, const FovPicture *picture,
          GError **error)
{
    return fov_gpu_program_dispatch (program, shader, spec, n_spec, push, sizeof *push,
                                     (guint) ((pixels + 63) / 64),
                                     (guint) (picture->n * picture->blocks), 1, error);
}

static gboolean
record (FovGpuProgram *program, const FovStep *step, GError **error)
{
    guint32 average = fov_node_is (step->node, "fov.AveragePoolGrad");
    struct fov_push_pool_grad push = make_push (step);
    FovPicture x = fov_picture (&step->out[0]->shape), y = fov_picture (&step->in[0]->shape);

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
