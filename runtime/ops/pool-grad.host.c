/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fov.MaxPoolGrad on the host: blocked, a channel block of an image at a time. */
#include "ops/host-op.h"
#include "vision/clones.h"

#include <math.h>

typedef struct {
    FovBlockedStrides xs, ds, ys; /* x, dy, dx */
    int blocks, block;
} PoolGrad;

/* The window of an output along one axis: first and one past the last tap inside. */
FOV_INLINE void
window (int i, int stride, int pad, int dilation, int kernel, int size, int *from, int *to)
{
    const int start = i * stride - pad;

    *from = start < 0 ? (-start + dilation - 1) / dilation : 0;
    *to = start >= size ? 0 : MIN (kernel, (size - start + dilation - 1) / dilation);
}

/* dy of one output pixel's channels, to the first of the greatest of each. */
FOV_INLINE void
give_back (const FovPoolParams *p, const float *x, float *dx, const float *dy, gsize x_row,
           gsize dx_row, int y0, int x0, const int range[4], const int B)
{
    const int dil_y = (int) p->dilations.v[0], dil_x = (int) p->dilations.v[1];
    float max[16];
    int at[16];

    for (int k = 0; k < B; k++) {
        max[k] = -INFINITY;
        at[k] = range[0] << 16 | range[2];
    }
    for (int i = range[0]; i < range[1]; i++)
        for (int j = range[2]; j < range[3]; j++) {
            const float *v = x + (y0 + i * dil_y) * (gssize) x_row + (x0 + j * dil_x) * B;
            for (int k = 0; k < B; k++) {
                at[k] = v[k] > max[k] ? i << 16 | j : at[k];
                max[k] = v[k] > max[k] ? v[k] : max[k];
            }
        }
    for (int k = 0; k < B; k++)
        dx[(y0 + (at[k] >> 16) * dil_y) * (gssize) dx_row + (x0 + (at[k] & 0xffff) * dil_x) * B +
           k] += dy[k];
}

FOV_INLINE void
grad_plane (const FovPoolParams *p, const FovShape *x_shape, const FovShape *y_shape,
            const PoolGrad *s, const float *x, const float *dy, float *dx, const int B)
{
    const int h = (int) x_shape->dim[2], w = (int) x_shape->dim[3];
    int range[4];

    for (int row = 0; row < h; row++)
        memset (dx + row * s->ys.row, 0, (gsize) w * B * sizeof (float));
    for (int i = 0; i < y_shape->dim[2]; i++) {
        window (i, (int) p->strides.v[0], (int) p->pads.v[0], (int) p->dilations.v[0],
                (int) p->kernel_shape.v[0], h, &range[0], &range[1]);
        for (int j = 0; j < y_shape->dim[3]; j++) {
            window (j, (int) p->strides.v[1], (int) p->pads.v[1], (int) p->dilations.v[1],
                    (int) p->kernel_shape.v[1], w, &range[2], &range[3]);
            if (range[0] >= range[1] || range[2] >= range[3])
                continue;
            give_back (p, x, dx, dy + i * s->ds.row + j * B, s->xs.row, s->ys.row,
                       i * (int) p->strides.v[0] - (int) p->pads.v[0],
                       j * (int) p->strides.v[1] - (int) p->pads.v[1], range, B);
        }
    }
}

FOV_CLONES static void
grad_plane_16 (const FovPoolParams *p, const FovShape *x_shape, const FovShape *y_shape,
               const PoolGrad *s, const float *x, const float *dy, float *dx)
{
    grad_plane (p, x_shape, y_shape, s, x, dy, dx, 16);
}

FOV_CLONES static void
grad_plane_8 (const FovPoolParams *p, const FovShape *x_shape, const FovShape *y_shape,
              const PoolGrad *s, const float *x, const float *dy, float *dx)
{
    grad_plane (p, x_shape, y_shape, s, x, dy, dx, 8);
}

/* Blocks of 4 mean that the CPU has nothing wider: no clones. */
static void
grad_plane_4 (const FovPoolParams *p, const FovShape *x_shape, const FovShape *y_shape,
              const PoolGrad *s, const float *x, const float *dy, float *dx)
{
    grad_plane (p, x_shape, y_shape, s, x, dy, dx, 4);
}

static gsize
plane (const FovBlockedStrides *strides, const PoolGrad *s, guint task)
{
    return strides->base + task / s->blocks * strides->image + task % s->blocks * strides->block;
}

static void
pool_grad_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const PoolGrad *s = step->state;
    const float *dy = fov_host_in (frame, step->step.in[0]) + plane (&s->ds, s, task);
    const float *x = fov_host_in (frame, step->step.in[1]) + plane (&s->xs, s, task);
    float *dx = fov_host_out (frame, step->step.out[0]) + plane (&s->ys, s, task);

    (s->block == 16  ? grad_plane_16
     : s->block == 8 ? grad_plane_8
                     : grad_plane_4) (step->step.node->params, &step->step.in[1]->shape,
                                      &step->step.in[0]->shape, s, x, dy, dx);
}

static gboolean
pool_grad_prepare (FovHostStep *step, GError **error)
{
    const FovOperand *x = step->step.in[1];
    PoolGrad *s = g_new0 (PoolGrad, 1);

    s->block = x->format.block;
    s->blocks = (int) (x->shape.dim[1] + s->block - 1) / s->block;
    s->ds = fov_host_strides (step->step.in[0]);
    s->xs = fov_host_strides (x);
    s->ys = fov_host_strides (step->step.out[0]);
    step->state = s;
    step->free_state = g_free;
    step->run = pool_grad_run;
    step->n_tasks = (guint) (x->shape.dim[0] * s->blocks);
    return TRUE;
}

static guint
pool_grad_formats (const FovNode *node, int block)
{
    if (!fov_host_can_block (node->inputs[0]) || !fov_host_can_block (node->inputs[1]) ||
        fov_tensor_elements (node->inputs[0]) < 1)
        return 0;
    return FOV_CAN_BLOCKED;
}

const FovHostOp fov_host_max_pool_grad = { pool_grad_formats, NULL, pool_grad_prepare };
