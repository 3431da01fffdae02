/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fov.MaxPoolGrad on the host: blocked, a channel block of an image at a time. */
#include "ops/host-op.h"

typedef struct {
    FovPoolArgs args;             /* but for x */
    FovBlockedStrides xs, ds, ys; /* x, dy, dx */
    int blocks, out_h;
} PoolGrad;

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
    float *dx = fov_host_out (frame, step->step.out[0]) + plane (&s->ys, s, task);
    const gsize width = (gsize) s->args.w * step->step.out[0]->format.block * sizeof (float);
    FovPoolArgs args = s->args;

    args.x = fov_host_in (frame, step->step.in[1]) + plane (&s->xs, s, task);
    for (int row = 0; row < s->args.h; row++)
        memset (dx + row * s->ys.row, 0, width);
    for (int row = 0; row < s->out_h; row++)
        fov_host_kernels ()->max_pool_grad (&args, row, dy + row * s->ds.row, dx, s->ys.row);
}

static gboolean
pool_grad_prepare (FovHostStep *step, GError **error)
{
    const FovOperand *dy = step->step.in[0], *x = step->step.in[1];
    const int block = x->format.block;
    PoolGrad *s = g_new0 (PoolGrad, 1);

    s->blocks = (int) (x->shape.dim[1] + block - 1) / block;
    s->out_h = (int) dy->shape.dim[2];
    s->ds = fov_host_strides (step->step.in[0]);
    s->xs = fov_host_strides (x);
    s->ys = fov_host_strides (step->step.out[0]);
    s->args = fov_host_pool_window (step->step.node->params);
    s->args.x_row = s->xs.row;
    s->args.h = (int) x->shape.dim[2];
    s->args.w = (int) x->shape.dim[3];
    s->args.out_w = (int) dy->shape.dim[3];
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
