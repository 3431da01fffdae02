/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools and global pools on vulkan. */
#include "ops/record.h"

#include <string.h>

/* ---- windows ---------------------------------------------------------- */

static guint
pool_formats (const FovNode *node, int block)
{
    if ((node->n_outputs > 1 && node->outputs[1]) || !fov_gpu_can_floats (node, 1) ||
        !fov_gpu_can_block (node->inputs[0]) || !fov_gpu_can_block (node->outputs[0]))
        return 0;
    return FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED;
}

struct fov_push_pool
fov_gpu_push_pool (const FovPoolParams *p, const FovShape *x, const FovShape *y)
{
    const FovPicture in = fov_picture (x), out = fov_picture (y);

    return (struct fov_push_pool){
        .h = in.h,
        .w = in.w,
        .oh = out.h,
        .ow = out.w,
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
dispatch_strips (FovGpuProgram *program, guint32 average, struct fov_push_pool push, GError **error)
{
    guint lanes = fov_gpu_lanes (program) * 2;
    FovStrips strips = fov_gpu_strips (program, push.oh, push.ow, push.stride_x);
    guint32 spec[] = {
        lanes,
        (guint32) strips.columns,
        average,
        (guint32) push.kh,
        (guint32) push.kw,
        (guint32) push.stride_y,
        (guint32) push.stride_x,
    };

    push.rows = strips.rows;
    push.strips = strips.count;
    return fov_gpu_program_dispatch (program, "pool_strip", spec, G_N_ELEMENTS (spec), &push,
                                     sizeof push,
                                     (guint) (push.strips * push.planes + (int) lanes - 1) / lanes,
                                     (guint) ((push.oh + push.rows - 1) / push.rows), 1, error);
}

static gboolean
record_pool (FovGpuProgram *program, const FovStep *step, GError **error)
{
    FovPicture out = fov_picture (&step->out[0]->shape);
    guint32 average = !strcmp (step->node->op->name, "AveragePool");
    int lanes = (int) fov_gpu_lanes (program) * 2;
    guint32 spec[] = { (guint32) lanes, average };
    struct fov_push_pool push =
        fov_gpu_push_pool (step->node->params, &step->in[0]->shape, &step->out[0]->shape);

    push.src = fov_gpu_texel (step->in[0]);
    push.dst = fov_gpu_texel (step->out[0]);
    push.planes = out.n * out.blocks;
    if (push.kh <= 16 && push.kw <= 16 && push.stride_y <= 4 && push.stride_x <= 4 &&
        push.dilation_y == 1 && push.dilation_x == 1)
        return dispatch_strips (program, average, push, error);
    return fov_gpu_program_dispatch (program, "pool", spec, 2, &push, sizeof push,
                                     (guint) ((out.h * out.w + lanes - 1) / lanes),
                                     (guint) (out.n * out.blocks), 1, error);
}

const FovGpuOp fov_gpu_pool = { pool_formats, record_pool };

/* ---- global ----------------------------------------------------------- */

static guint
global_formats (const FovNode *node, int block)
{
    return fov_gpu_can_floats (node, 1) && fov_gpu_can_block (node->inputs[0])
               ? FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED
               : 0;
}

gboolean
fov_gpu_record_global_pool (FovGpuProgram *program, const FovOperand *in, const FovOperand *out,
                            FovGlobalKind kind, float scale, GError **error)
{
    FovPicture picture = fov_picture (&in->shape);
    guint32 spec[] = { kind };
    struct fov_push_global_pool push = {
        .src = fov_gpu_texel (in),
        .dst = fov_gpu_texel (out),
        .planes = picture.n * picture.blocks,
        .c4 = picture.blocks,
        .pixels = picture.h * picture.w,
        .keep = (picture.c - 1) % 4 + 1,
        .scale = scale,
    };

    return fov_gpu_dispatch_flat (program, "global_pool", spec, 1, &push, sizeof push,
                                  (guint64) push.planes, 1, error);
}

static gboolean
record_global (FovGpuProgram *program, const FovStep *step, GError **error)
{
    FovPicture picture = fov_picture (&step->in[0]->shape);
    gboolean max = !strcmp (step->node->op->name, "GlobalMaxPool");

    return fov_gpu_record_global_pool (program, step->in[0], step->out[0],
                                       max ? FOV_GLOBAL_MAX : FOV_GLOBAL_SUM,
                                       max ? 1 : 1 / ((float) picture.h * (float) picture.w),
                                       error);
}

const FovGpuOp fov_gpu_global_pool = { global_formats, record_global };
