/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fov.ConvGradWeight on vulkan. The pixels are cut into chunks, so that there is work for all of
 * the device; each chunk's sums go to scratch memory and are added up in order. Where they are cut
 * depends on shapes and the kind of device alone.
 */
#include "ops/record.h"

enum { MOST_TAPS = 49, MOST_CHUNKS = 1024, LANES_AT_LEAST = 8 };

static guint
formats (const FovNode *node, int block)
{
    if (!fov_gpu_can_floats (node, 3) || !fov_gpu_can_block (node->inputs[0]) ||
        !fov_gpu_can_block (node->inputs[1]))
        return 0;
    return FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED;
}

/* How many chunks of a picture, given the workgroups of one. */
static int
count_chunks (FovGpuProgram *program, guint64 groups, const struct fov_push_conv_grad *push)
{
    gboolean few = fov_gpu_on_processor (program);
    guint64 want = few ? 16 : 4096;
    int smallest = few ? 512 : 2048, most = push->out_plane * push->images / smallest, n;

    n = (int) MIN ((want + groups - 1) / groups, MOST_CHUNKS);
    n = CLAMP (n, 1, MAX (MIN (most, push->out_plane / 64), 1));
    /* A loop of more than 65535 rounds ends early on some drivers. */
    return MAX (n, (push->out_plane + 65535 * LANES_AT_LEAST - 1) / (65535 * LANES_AT_LEAST));
}

/* Blocks of a tile, so that tiles of `most` at most are about equal. */
static guint32
tile_of (int blocks, int most)
{
    int tiles = (blocks + most - 1) / most;

    return (guint32) ((blocks + tiles - 1) / tiles);
}

static struct fov_push_conv_grad
make_push (const FovStep *step)
{
    const FovConvGradParams *p = step->node->params;
    FovPicture x = fov_picture (&step->in[0]->shape), dy = fov_picture (&step->in[1]->shape);

    return (struct fov_push_conv_grad){
        .x = fov_gpu_texel (step->in[0]),
        .dy = fov_gpu_texel (step->in[1]),
        .images = x.n,
        .c4 = x.blocks,
        .h = x.h,
        .w = x.w,
        .plane = x.h * x.w,
        .m4 = dy.blocks,
        .ow = dy.w,
        .out_plane = dy.h * dy.w,
        .kh = (int) p->kernel_shape.v[0],
        .kw = (int) p->kernel_shape.v[1],
        .stride_y = (int) p->strides.v[0],
        .stride_x = (int) p->strides.v[1],
        .pad_y = (int) p->pads.v[0],
        .pad_x = (int) p->pads.v[1],
        .dilation_y = (int) p->dilations.v[0],
        .dilation_x = (int) p->dilations.v[1],
        .c = x.c / (int) p->group,
        .m = dy.c,
        .n = fov_gpu_n_floats (step->out[0]),
    };
}

/* A kernel of a workgroup per x, y and chunk, and the sum of the chunks. */
static gboolean
dispatch (FovGpuProgram *program, const FovStep *step, const char *shader, const guint32 *spec,
          guint n_spec, struct fov_push_conv_grad push, guint64 x, guint y, GError **error)
{
    int chunks = count_chunks (program, x * y, &push);
    guint64 rows = (x + 65534) / 65535;
    gsize bytes = (gsize) chunks * (gsize) push.n * 4;
    struct fov_push_reduce sum = {
        .dst = fov_gpu_float (step->out[0]),
        .n = push.n,
        .inner = push.n,
        .parts = 1,
        .scale = 1,
    };
    guint32 kind[2] = { FOV_REDUCE_SUM, FALSE };

    push.chunk = (push.out_plane + chunks - 1) / chunks;
    sum.size = sum.whole = chunks = (push.out_plane + push.chunk - 1) / push.chunk;
    sum.src = chunks > 1 ? (int) (fov_gpu_program_scratch (program, bytes) / 4) : sum.dst;
    push.dst = sum.src;
    if (rows > 1 && y == 1) { /* one row of workgroups over two dimensions */
        x = (x + rows - 1) / rows;
        y = (guint) rows;
    }
    if (!fov_gpu_program_dispatch (program, shader, spec, n_spec, &push, sizeof push, (guint) x, y,
                                   (guint) chunks, error))
        return FALSE;
    return chunks == 1 || fov_gpu_dispatch_flat (program, "reduce", kind, 2, &sum, sizeof sum,
                                                 (guint64) sum.n, 64, error);
}

static gboolean
has_window (const FovConvGradParams *p)
{
    for (int i = 0; i < 4; i++)
        if (p->pads.v[i] || p->kernel_shape.v[i % 2] != 1 || p->strides.v[i % 2] != 1)
            return TRUE;
    return FALSE;
}

static gboolean
record (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovConvGradParams *p = step->node->params;
    struct fov_push_conv_grad push = make_push (step);
    guint32 lanes = fov_gpu_lanes (program);
    gint64 channels = step->in[0]->shape.dim[1];

    if (p->group == 1) {
        guint32 m = tile_of (push.m4, fov_gpu_on_processor (program) ? 4 : 2);
        guint32 c = tile_of (push.c4, 2);
        guint32 spec[] = { lanes, m, c, has_window (p) };
        guint64 tiles = (((guint64) push.m4 + m - 1) / m) * (((guint64) push.c4 + c - 1) / c);
        return dispatch (program, step, "conv_grad", spec, 4, push, tiles,
                         (guint) (push.kh * push.kw), error);
    }
    if (p->group == channels && push.m == channels && push.kh * push.kw <= MOST_TAPS) {
        guint32 spec[] = { lanes, (guint32) push.kh, (guint32) push.kw };
        return dispatch (program, step, "conv_grad_depth", spec, 3, push, (guint64) push.m4, 1,
                         error);
    }
    push.m /= (int) p->group;
    return dispatch (program, step, "conv_grad_group", &lanes, 1, push, (guint64) push.n, 1, error);
}

const FovGpuOp fov_gpu_conv_grad = { formats, record };
