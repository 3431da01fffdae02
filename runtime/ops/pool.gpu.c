/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools, global pools and Resize on vulkan. */
#include "ops/record.h"

#include <math.h>
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

static gboolean
record_pool (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovPoolParams *p = step->node->params;
    FovPicture in = fov_picture (&step->in[0]->shape), out = fov_picture (&step->out[0]->shape);
    gboolean average = !strcmp (step->node->op->name, "AveragePool");
    int lanes = (int) fov_gpu_lanes (program) * 2;
    guint32 spec[] = { (guint32) lanes, (guint32) average };
    struct fov_push_pool push = {
        .src = fov_gpu_texel (step->in[0]),
        .dst = fov_gpu_texel (step->out[0]),
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

/* ---- Resize ----------------------------------------------------------- */

enum { NEAREST, LINEAR, CUBIC };
enum { HALF_PIXEL, ASYMMETRIC, ALIGN_CORNERS, PYTORCH_HALF_PIXEL, TF_HALF_PIXEL_FOR_NN };
enum { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, FLOOR, CEIL };

static guint
resize_formats (const FovNode *node, int block)
{
    const FovResizeParams *p = node->params;
    const FovTensor *in = node->inputs[0], *out = node->outputs[0];

    if (!fov_gpu_can_float (in) || !fov_gpu_can_float (out) || !fov_gpu_can_block (in) ||
        !fov_gpu_can_block (out) || p->antialias || p->mode > CUBIC ||
        in->shape.dim[0] != out->shape.dim[0] || in->shape.dim[1] != out->shape.dim[1] ||
        out->shape.dim[2] > 65535)
        return 0;
    return FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED;
}

static double
source (const FovResizeParams *p, int o, double scale, int in, int out)
{
    switch (p->coordinate_mode) {
    case ASYMMETRIC:
        return o / scale;
    case ALIGN_CORNERS:
        return out > 1 ? (double) o * (in - 1) / (out - 1) : 0;
    case PYTORCH_HALF_PIXEL:
        return out > 1 ? (o + 0.5) / scale - 0.5 : 0;
    case TF_HALF_PIXEL_FOR_NN:
        return (o + 0.5) / scale;
    default:
        return (o + 0.5) / scale - 0.5;
    }
}

static int
nearest (const FovResizeParams *p, double x)
{
    switch (p->nearest_mode) {
    case ROUND_PREFER_CEIL:
        return (int) floor (x + 0.5);
    case FLOOR:
        return (int) floor (x);
    case CEIL:
        return (int) ceil (x);
    default:
        return (int) ceil (x - 0.5);
    }
}

static double
weight (const FovResizeParams *p, double t)
{
    double a = (double) p->cubic_coeff_a;

    t = fabs (t);
    if (p->mode == LINEAR)
        return MAX (1 - t, 0);
    if (t <= 1)
        return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/* The samples of one output coordinate: (index, weight, -, -) each. */
static void
fill_taps (const FovResizeParams *p, float *to, int taps, double x, int n)
{
    int base = (int) floor (x), first = p->mode == CUBIC ? -1 : 0;
    double total = 0;

    if (p->mode == NEAREST) {
        to[0] = (float) CLAMP (nearest (p, x), 0, n - 1);
        to[1] = 1;
        return;
    }
    for (int k = 0; k < taps; k++) {
        int i = base + first + k;
        double w = p->exclude_outside && (i < 0 || i >= n) ? 0 : weight (p, i - x);
        to[k * 4] = (float) CLAMP (i, 0, n - 1);
        to[k * 4 + 1] = (float) w;
        total += w;
    }
    for (int k = 0; k < taps && p->exclude_outside; k++)
        to[k * 4 + 1] = (float) ((double) to[k * 4 + 1] / total);
}

/* The model's scale, or the exact ratio where the stored float is just that, rounded. */
static double
exact_scale (const FovResizeParams *p, int d, int in, int out)
{
    double ratio = (double) out / in;
    double given = d < p->scale.n ? (double) p->scale.v[d] : ratio;

    return (double) (float) ratio == given ? ratio : given;
}

static int
add_taps (FovGpuProgram *program, const FovResizeParams *p, int d, int taps, int in, int out)
{
    double scale = exact_scale (p, d, in, out);
    guint32 offset = 0;
    float *to =
        fov_gpu_program_reserve_constant (program, (gsize) out * (gsize) taps * 16, &offset);

    for (int o = 0; to && o < out; o++)
        fill_taps (p, to + (gsize) o * (gsize) taps * 4, taps, source (p, o, scale, in, out), in);
    return (int) (offset / 16);
}

static gboolean
record_resize (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovResizeParams *p = step->node->params;
    FovPicture in = fov_picture (&step->in[0]->shape), out = fov_picture (&step->out[0]->shape);
    int taps = p->mode == NEAREST ? 1 : p->mode == LINEAR ? 2 : 4;
    guint32 spec[] = { (guint32) taps };
    struct fov_push_resize push = {
        .src = fov_gpu_texel (step->in[0]),
        .dst = fov_gpu_texel (step->out[0]),
        .rows = add_taps (program, p, 2, taps, in.h, out.h),
        .columns = add_taps (program, p, 3, taps, in.w, out.w),
        .h = in.h,
        .w = in.w,
        .oh = out.h,
        .ow = out.w,
    };

    return fov_gpu_program_dispatch (program, "resize", spec, 1, &push, sizeof push,
                                     (guint) ((out.h * out.w + 63) / 64),
                                     (guint) (out.n * out.blocks), 1, error);
}

const FovGpuOp fov_gpu_resize = { resize_formats, record_resize };
