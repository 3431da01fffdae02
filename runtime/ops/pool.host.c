/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pools on the host: blocked, row by row; the window is clipped, so no halo is needed. */
#include "ops/host-op.h"

typedef struct {
    FovPoolArgs args; /* but for x */
    FovBlockedStrides xs;
    FovRows y;
    gsize blocks, units;
} Pool;

static void
pool_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Pool *s = step->state;
    const float *x = fov_host_in (frame, step->step.in[0]);
    float *y = fov_host_out (frame, step->step.out[0]);
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1);

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++) {
        const gsize plane = u / s->y.rows;
        FovPoolArgs args = s->args;
        args.x = x + s->xs.base + plane / s->blocks * s->xs.image + plane % s->blocks * s->xs.block;
        fov_host_kernels ()->pool (&args, (int) (u % s->y.rows), y + fov_rows_offset (&s->y, u));
    }
}

static void
prepare_common (FovHostStep *step, Pool *s)
{
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];

    step->state = s;
    step->free_state = g_free;
    step->run = pool_run;
    s->xs = fov_host_strides (x);
    s->y = fov_host_rows (y);
    s->blocks = (y->shape.dim[1] + y->format.block - 1) / y->format.block;
    s->units = s->y.planes * s->y.rows;
    s->args.x_row = s->xs.row;
    s->args.h = (int) x->shape.dim[2];
    s->args.w = (int) x->shape.dim[3];
    s->args.out_w = (int) y->shape.dim[3];
    step->n_tasks =
        fov_host_tasks (1e-10 * s->args.kh * s->args.kw * fov_shape_elements (&y->shape), s->units);
}

FovPoolArgs
fov_host_pool_window (const FovPoolParams *p)
{
    return (FovPoolArgs){ .kh = (int) p->kernel_shape.v[0],
                          .kw = (int) p->kernel_shape.v[1],
                          .sy = (int) p->strides.v[0],
                          .sx = (int) p->strides.v[1],
                          .dy = (int) p->dilations.v[0],
                          .dx = (int) p->dilations.v[1],
                          .top = (int) p->pads.v[0],
                          .left = (int) p->pads.v[1],
                          .bottom = (int) p->pads.v[2],
                          .right = (int) p->pads.v[3],
                          .include_pad = p->count_include_pad != 0 };
}

static gboolean
pool_prepare (FovHostStep *step, GError **error)
{
    Pool *s = g_new0 (Pool, 1);

    s->args = fov_host_pool_window (step->step.node->params);
    s->args.max = g_str_equal (step->step.node->op->name, "MaxPool");
    prepare_common (step, s);
    return TRUE;
}

/* Also ReduceMean and ReduceMax over pictures. */
static gboolean
global_pool_prepare (FovHostStep *step, GError **error)
{
    const char *name = step->step.node->op->name;
    const FovShape *x = &step->step.in[0]->shape;
    Pool *s = g_new0 (Pool, 1);

    s->args = (FovPoolArgs){ .kh = (int) x->dim[2],
                             .kw = (int) x->dim[3],
                             .sy = 1,
                             .sx = 1,
                             .dy = 1,
                             .dx = 1,
                             .max = g_str_equal (name, "GlobalMaxPool") };
    prepare_common (step, s);
    return TRUE;
}

static guint
pool_formats (const FovNode *node, int block)
{
    if (!fov_host_can_block (node->inputs[0]) || fov_out (node, 1) ||
        fov_tensor_elements (node->outputs[0]) < 1)
        return 0;
    return FOV_CAN_BLOCKED;
}

const FovHostOp fov_host_pool = { pool_formats, NULL, pool_prepare };
const FovHostOp fov_host_global_pool = { pool_formats, NULL, global_pool_prepare };
