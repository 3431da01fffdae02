/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Batch norm under training on the host. First, every image's plane of a channel block is summed
 * up by itself; then who needs a channel's sums adds those of the images in order. A task takes
 * some images of a block, since each has to add up those of all.
 */
#include "ops/host-op.h"
#include "vision/clones.h"

#include <math.h>

#define MOST_TASKS 48
#define MOST_LANES 16 /* of a block */

typedef struct {
    FovBlockedStrides xs, ys, ds; /* x, the result, dy */
    int images, rows, width, channels, block, n_blocks;
    guint n_groups; /* of images */
} Norm;

static void
norm_geometry (Norm *s, const FovOperand *x, const FovOperand *y)
{
    s->xs = fov_host_strides (x);
    s->ys = fov_host_strides (y);
    s->block = x->format.block;
    s->images = (int) x->shape.dim[0];
    s->channels = (int) x->shape.dim[1];
    s->rows = (int) x->shape.dim[2];
    s->width = (int) x->shape.dim[3];
    s->n_blocks = (s->channels + s->block - 1) / s->block;
}

static gsize
plane (const FovBlockedStrides *strides, int image, int block)
{
    return strides->base + image * strides->image + block * strides->block;
}

/* Two vectors of sums of an image's block. */
static float *
sums_of (const Norm *s, const FovHostFrame *frame, int image, int block)
{
    return (float *) frame->scratch + ((gsize) block * s->images + image) * 2 * s->block;
}

static void
set_up (FovHostStep *step, Norm *s)
{
    step->state = s;
    step->free_state = g_free;
    s->n_groups = (guint) CLAMP (MOST_TASKS / s->n_blocks, 1, s->images);
    step->n_first = (guint) (s->images * s->n_blocks);
    step->n_tasks = s->n_groups * (guint) s->n_blocks;
    step->scratch_bytes = (gsize) step->n_first * 2 * s->block * sizeof (float);
}

/* The images of a task. */
static void
task_images (const Norm *s, guint task, int *first, int *end)
{
    *first = (int) fov_host_cut (s->images, s->n_groups, task % s->n_groups);
    *end = (int) fov_host_cut (s->images, s->n_groups, task % s->n_groups + 1);
}

static int
lanes_of (const Norm *s, int block)
{
    return MIN (s->block, s->channels - block * s->block);
}

/* ---- forward --------------------------------------------------------------- */

static void
live_first (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Norm *s = step->state;
    const int image = (int) task % s->images, block = (int) task / s->images;
    float *sums = sums_of (s, frame, image, block);

    fov_host_kernels ()->moments (fov_host_in (frame, step->step.in[0]) +
                                      plane (&s->xs, image, block),
                                  s->xs.row, s->rows, s->width, sums, sums + s->block);
}

/* Of all images, whose sums follow each other: Chan, Golub and LeVeque 1983, eq. 1.5, image after
 * image. */
FOV_CLONES static void
join_moments (const float *sums, int images, int block, double n, double *mean, double *var)
{
    for (int lane = 0; lane < block; lane++)
        mean[lane] = var[lane] = 0;
    for (int image = 0; image < images; image++, sums += 2 * block) {
        const double share = 1.0 / (image + 1), weight = n * image * share;
        for (int lane = 0; lane < block; lane++) {
            const double d = sums[lane] - mean[lane];
            mean[lane] += d * share;
            var[lane] += sums[block + lane] + d * d * weight;
        }
    }
    for (int lane = 0; lane < block; lane++)
        var[lane] /= n * images;
}

static void
set_output (const FovHostStep *step, const FovHostFrame *frame, guint i, int channel, double v)
{
    if (fov_out (step->step.node, i))
        fov_host_out (frame, step->step.out[i])[channel] = (float) v;
}

/* Running statistics overwrite their old values: only the block's first task may touch them. */
static void
give_statistics (const FovHostStep *step, const FovHostFrame *frame, int channel, double mean,
                 double var)
{
    const double keep = ((const FovBatchNormParams *) step->step.node->params)->momentum;

    set_output (step, frame, 1, channel,
                keep * fov_host_in (frame, step->step.in[3])[channel] + (1 - keep) * mean);
    set_output (step, frame, 2, channel,
                keep * fov_host_in (frame, step->step.in[4])[channel] + (1 - keep) * var);
    set_output (step, frame, 3, channel, mean);
    set_output (step, frame, 4, channel, var);
}

static void
live_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Norm *s = step->state;
    const FovBatchNormParams *p = step->step.node->params;
    const int block = (int) (task / s->n_groups);
    const float *scale = fov_host_in (frame, step->step.in[1]);
    const float *bias = fov_host_in (frame, step->step.in[2]);
    double mean[MOST_LANES], var[MOST_LANES];
    float factor[MOST_LANES] = { 0 }, offset[MOST_LANES] = { 0 };
    int image, end;

    task_images (s, task, &image, &end);
    join_moments (sums_of (s, frame, 0, block), s->images, s->block, (double) s->rows * s->width,
                  mean, var);
    for (int lane = 0; lane < lanes_of (s, block); lane++) {
        const int c = block * s->block + lane;
        const double f = scale[c] / sqrt (var[lane] + p->epsilon);
        factor[lane] = (float) f;
        offset[lane] = (float) (bias[c] - mean[lane] * f);
        if (image == 0)
            give_statistics (step, frame, c, mean[lane], var[lane]);
    }
    for (; image < end; image++) {
        const float *x = fov_host_in (frame, step->step.in[0]) + plane (&s->xs, image, block);
        float *y = fov_host_out (frame, step->step.out[0]) + plane (&s->ys, image, block);
        for (int row = 0; row < s->rows; row++)
            fov_host_kernels ()->affine (x + row * s->xs.row, factor, offset, FOV_STEP_VECTOR,
                                         y + row * s->ys.row, (gsize) s->width * s->block);
    }
}

gboolean
fov_host_live_norm_fits (const FovNode *node)
{
    for (guint i = 1; i < 5; i++)
        if (node->inputs[i]->dtype != FOV_F32)
            return FALSE;
    return fov_host_can_block (node->inputs[0]) && fov_tensor_elements (node->inputs[0]) > 0;
}

void
fov_host_live_norm_prepare (FovHostStep *step)
{
    Norm *s = g_new0 (Norm, 1);

    norm_geometry (s, step->step.in[0], step->step.out[0]);
    set_up (step, s);
    step->first = live_first;
    step->run = live_run;
}

/* ---- fov.BatchNormGrad ------------------------------------------------------ */

static void
grad_first (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Norm *s = step->state;
    const int image = (int) task % s->images, block = (int) task / s->images;
    const float *mean = fov_host_in (frame, step->step.in[3]) + block * s->block;
    float *sums = sums_of (s, frame, image, block), some[MOST_LANES] = { 0 };

    memcpy (some, mean, lanes_of (s, block) * sizeof *mean);
    fov_host_kernels ()->norm_sums (
        fov_host_in (frame, step->step.in[1]) + plane (&s->xs, image, block), s->xs.row,
        fov_host_in (frame, step->step.in[0]) + plane (&s->ds, image, block), s->ds.row, s->rows,
        s->width, some, sums, sums + s->block);
}

FOV_CLONES static void
join_sums (const float *sums, int images, int block, double *sum, double *dot)
{
    for (int lane = 0; lane < block; lane++)
        sum[lane] = dot[lane] = 0;
    for (int image = 0; image < images; image++, sums += 2 * block)
        for (int lane = 0; lane < block; lane++) {
            sum[lane] += sums[lane];
            dot[lane] += sums[block + lane];
        }
}

/* One channel's dx = a dy + b x + c; the first image's task gives dscale and dbias. */
static void
grad_factors (const FovHostStep *step, const FovHostFrame *frame, int image, int channel,
              double sum, double dot, float *a, float *b, float *c)
{
    const Norm *s = step->state;
    const FovBatchNormParams *p = step->step.node->params;
    const double scale = fov_host_in (frame, step->step.in[2])[channel];
    const double mean = fov_host_in (frame, step->step.in[3])[channel];
    const double inverse =
        1 / sqrt (fov_host_in (frame, step->step.in[4])[channel] + (double) p->epsilon);
    const double n = (double) s->images * s->rows * s->width;
    const double slope = p->training_mode ? -inverse * inverse * dot / n : 0;

    *a = (float) (scale * inverse);
    *b = (float) (scale * inverse * slope);
    *c = (float) (scale * inverse * ((p->training_mode ? -sum / n : 0) - slope * mean));
    if (image)
        return;
    set_output (step, frame, 1, channel, dot * inverse);
    set_output (step, frame, 2, channel, sum);
}

static void
grad_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Norm *s = step->state;
    const int block = (int) (task / s->n_groups);
    double sum[MOST_LANES], dot[MOST_LANES];
    float a[MOST_LANES] = { 0 }, b[MOST_LANES] = { 0 }, c[MOST_LANES] = { 0 };
    int image, end;

    task_images (s, task, &image, &end);
    join_sums (sums_of (s, frame, 0, block), s->images, s->block, sum, dot);
    for (int lane = 0; lane < lanes_of (s, block); lane++)
        grad_factors (step, frame, image, block * s->block + lane, sum[lane], dot[lane], &a[lane],
                      &b[lane], &c[lane]);
    for (; image < end; image++) {
        const float *x = fov_host_in (frame, step->step.in[1]) + plane (&s->xs, image, block);
        const float *dy = fov_host_in (frame, step->step.in[0]) + plane (&s->ds, image, block);
        float *dx = fov_host_out (frame, step->step.out[0]) + plane (&s->ys, image, block);
        for (int row = 0; row < s->rows; row++)
            fov_host_kernels ()->norm_grad (x + row * s->xs.row, dy + row * s->ds.row, a, b, c,
                                            dx + row * s->ys.row, s->width);
    }
}

static gboolean
grad_prepare (FovHostStep *step, GError **error)
{
    Norm *s = g_new0 (Norm, 1);

    norm_geometry (s, step->step.in[1], step->step.out[0]);
    s->ds = fov_host_strides (step->step.in[0]);
    set_up (step, s);
    step->first = grad_first;
    step->run = grad_run;
    return TRUE;
}

static guint
grad_formats (const FovNode *node, int block)
{
    for (guint i = 2; i < 5; i++)
        if (node->inputs[i]->dtype != FOV_F32)
            return 0;
    return fov_host_can_block (node->inputs[0]) && fov_host_can_block (node->inputs[1]) &&
                   fov_tensor_elements (node->inputs[0]) > 0
               ? FOV_CAN_BLOCKED
               : 0;
}

const FovHostOp fov_host_batch_norm_grad = { grad_formats, NULL, grad_prepare };
