/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Resize of pictures on the host: nearest and linear, by tables of indices and weights. */
#include "ops/host-op.h"

typedef struct {
    int *low, *high; /* low alone for nearest */
    float *t;
} Axis;

typedef struct {
    Axis y, x;
    gboolean nearest;
    FovBlockedStrides xs;
    FovRows out;
    gsize blocks, units;
    int width;
} ResizeState;

static void
resize_free (gpointer data)
{
    ResizeState *s = data;
    Axis *axes[] = { &s->y, &s->x };

    for (int i = 0; i < 2; i++) {
        g_free (axes[i]->low);
        g_free (axes[i]->high);
        g_free (axes[i]->t);
    }
    g_free (s);
}

static Axis
make_axis (const FovNode *node, int d)
{
    const FovResizeParams *p = node->params;
    const gint64 in = node->inputs[0]->shape.dim[d], out = node->outputs[0]->shape.dim[d];
    Axis a = { g_new (int, out), g_new (int, out), g_new (float, out) };

    for (gint64 o = 0; o < out; o++) {
        FovTap taps[2] = { 0 };
        fov_resize_taps (p, d, o, in, out, taps);
        a.low[o] = (int) taps[0].at;
        a.high[o] = (int) taps[1].at;
        a.t[o] = (float) taps[1].weight;
    }
    return a;
}

static void
resize_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const ResizeState *s = step->state;
    const FovHostKernels *k = fov_host_kernels ();
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1);

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++) {
        const gsize plane = u / s->out.rows, row = u % s->out.rows;
        const float *x = fov_host_in (frame, step->step.in[0]) + s->xs.base +
                         plane / s->blocks * s->xs.image + plane % s->blocks * s->xs.block;
        float *y = fov_host_out (frame, step->step.out[0]) + fov_rows_offset (&s->out, u);
        const float *low = x + s->y.low[row] * s->xs.row;
        if (s->nearest)
            k->pick_row (low, s->x.low, y, s->width);
        else
            k->resize_row (low, x + s->y.high[row] * s->xs.row, s->y.t[row], s->x.low, s->x.high,
                           s->x.t, y, s->width);
    }
}

static gboolean
resize_prepare (FovHostStep *step, GError **error)
{
    const FovNode *node = step->step.node;
    const FovResizeParams *p = node->params;
    const FovOperand *y = step->step.out[0];
    ResizeState *s = g_new0 (ResizeState, 1);

    step->state = s;
    step->free_state = resize_free;
    step->run = resize_run;
    s->nearest = p->mode == FOV_RESIZE_NEAREST;
    s->y = make_axis (node, 2);
    s->x = make_axis (node, 3);
    s->xs = fov_host_strides (step->step.in[0]);
    s->out = fov_host_rows (y);
    s->blocks = (y->shape.dim[1] + y->format.block - 1) / y->format.block;
    s->units = s->out.planes * s->out.rows;
    s->width = (int) y->shape.dim[3];
    step->n_tasks = fov_host_tasks (2e-10 * fov_shape_elements (&y->shape), s->units);
    return TRUE;
}

static guint
resize_formats (const FovNode *node, int block)
{
    const FovResizeParams *p = node->params;
    const FovShape *x = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;

    if (!fov_host_can_block (node->inputs[0]) || p->mode > FOV_RESIZE_LINEAR ||
        (p->mode == FOV_RESIZE_LINEAR && p->antialias))
        return 0;
    if (x->dim[0] != y->dim[0] || x->dim[1] != y->dim[1] || p->scale.v[0] != 1 ||
        p->scale.v[1] != 1)
        return 0;
    return FOV_CAN_BLOCKED;
}

const FovHostOp fov_host_resize = { resize_formats, NULL, resize_prepare };
