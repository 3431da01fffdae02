/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ConvTranspose on the host. The output pixels of one phase (row and column
 * modulo the strides) see a fixed subset of the taps, so each phase is a
 * convolution of the input; its rows are computed densely and then spread out.
 */
#include "ops/host-conv.h"
#include "ops/host-winograd.h"

#include <stdlib.h>

/* The taps that reach one phase along one axis, in the order of the input they read. */
typedef struct {
    int n;     /* taps */
    int last;  /* kernel index of the tap that reads first */
    int step;  /* kernel indices between taps */
    int first; /* input position of the first tap for the phase's output 0 */
    int apart; /* input positions between taps */
    int size;  /* outputs */
} Phase;

typedef struct {
    FovHostConv conv;
    int py, px;
    gsize x_base;
    int *taps; /* of the phase, as the kernel's */
} PhaseConv;

typedef struct {
    PhaseConv *phases;
    int n_phases, sy, sx;
    FovBlockedStrides xs, ys;
    gsize scratch_floats; /* per task */
    int *tasks;           /* phase, part, first row, last row, image: five ints a task */
} Deconv;

static Phase
find_phase (int phase, int k, int stride, int dilation, int pad, int out_size)
{
    Phase p = { .n = 0 };

    for (int i = 0; i < k; i++) {
        if ((phase + pad - i * dilation) % stride)
            continue;
        if (p.n == 1)
            p.step = i - p.last;
        p.last = i;
        p.n++;
    }
    p.first = p.n ? (phase + pad - p.last * dilation) / stride : 0;
    p.apart = p.step * dilation / stride;
    p.size = out_size > phase ? (out_size - phase + stride - 1) / stride : 0;
    return p;
}

static Phase
phase_of (const FovNode *node, int axis, int phase)
{
    const FovConvParams *p = node->params;

    return find_phase (phase, (int) p->kernel_shape.v[axis], (int) p->strides.v[axis],
                       (int) p->dilations.v[axis], (int) p->pads.v[axis],
                       (int) node->outputs[0]->shape.dim[axis + 2]);
}

static float
deconv_weight (const FovConvWeights *cw, int o, int c, int tap)
{
    const int m = cw->out_channels / cw->group;

    return cw->w[((gsize) c * m + o % m) * cw->kernel_taps + cw->tap_index[tap]];
}

static void
deconv_free (gpointer data)
{
    Deconv *d = data;

    for (int i = 0; i < d->n_phases; i++) {
        free (d->phases[i].conv.weights);
        free (d->phases[i].conv.bias);
        g_free (d->phases[i].conv.parts);
        g_free (d->phases[i].taps);
    }
    g_free (d->phases);
    g_free (d->tasks);
    g_free (d);
}

/* Rows of one phase and part, one at a time through the scratch. */
static void
deconv_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Deconv *d = step->state;
    const int *t = d->tasks + 5 * task;
    const PhaseConv *phase = &d->phases[t[0]];
    const FovConvPart *part = &phase->conv.parts[t[1]];
    const gsize b = step->step.out[0]->format.block;
    float *scratch = (float *) frame->scratch + task * d->scratch_floats;
    FovConvArgs a = phase->conv.args;
    float *y = fov_host_out (frame, step->step.out[0]) + d->ys.base + t[4] * d->ys.image;

    a.x = fov_host_in (frame, step->step.in[0]) + phase->x_base + t[4] * d->xs.image;
    a.y = scratch - part->out_block * a.y_block; /* a row at a time: y_row is 0 */
    a.parts = phase->conv.parts;
    for (int row = t[2]; row < t[3]; row++) {
        fov_host_kernels ()->conv (&a, t[1], t[1] + 1, row, row + 1);
        for (int o = 0; o < part->blocks; o++) {
            const float *from = scratch + o * a.y_block;
            float *to = y + (part->out_block + o) * d->ys.block +
                        (row * d->sy + phase->py) * d->ys.row + phase->px * b;
            for (int i = 0; i < a.width; i++)
                memcpy (to + i * d->sx * b, from + i * b, b * sizeof (float));
        }
    }
}

/* Weights under training: a task per part of a phase. */
static void
deconv_first (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Deconv *d = step->state;
    const FovNode *node = step->step.node;
    int phase = 0;

    while ((int) task >= d->phases[phase].conv.n_parts)
        task -= d->phases[phase++].conv.n_parts;
    fov_host_conv_pack_part (&d->phases[phase].conv, fov_host_in (frame, step->step.in[1]),
                             fov_in (node, 2) ? fov_host_in (frame, step->step.in[2]) : NULL,
                             step->step.out[0]->format.block, (int) task);
}

static void
prepare_phase (FovHostStep *step, Deconv *d, PhaseConv *pc)
{
    const FovNode *node = step->step.node;
    const FovConvParams *p = node->params;
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    const int block = y->format.block, kw = (int) p->kernel_shape.v[1];
    const Phase v = phase_of (node, 0, pc->py), h = phase_of (node, 1, pc->px);
    FovConvWeights *cw = &pc->conv.cw;
    FovConvArgs *a = &pc->conv.args;

    pc->taps = g_new0 (int, v.n *h.n + 1);
    *cw = (FovConvWeights){ .in_channels = (int) x->shape.dim[1],
                            .out_channels = (int) y->shape.dim[1],
                            .group = (int) p->group,
                            .taps = v.n * h.n,
                            .at = deconv_weight,
                            .tap_index = pc->taps,
                            .kernel_taps = (int) p->kernel_shape.v[0] * kw };
    cw->out_step = cw->kernel_taps;
    cw->in_step = cw->out_channels * cw->kernel_taps;
    for (int i = 0; i < v.n; i++)
        for (int k = 0; k < h.n; k++)
            pc->taps[i * h.n + k] = (v.last - i * v.step) * kw + h.last - k * h.step;
    fov_host_conv_layout (&pc->conv, block);
    if (fov_host_conv_is_constant (node))
        fov_host_conv_pack (&pc->conv, fov_host_constant (node->inputs[1]),
                            fov_in (node, 2) ? fov_host_constant (node->inputs[2]) : NULL, block);
    pc->x_base = d->xs.base + (gssize) v.first * d->xs.row + (gssize) h.first * block;
    pc->conv.rows = v.size;
    a->act = p->act;
    a->tail = cw->out_channels % block;
    a->tail_block = cw->out_channels / block;
    a->x_block = d->xs.block;
    a->x_row = d->xs.row;
    a->x_pixel = block;
    a->y_block = (gsize) h.size * block;
    a->tap_row = v.apart * d->xs.row;
    a->tap_pixel = (gsize) h.apart * block;
    a->kh = v.n;
    a->kw = h.n;
    a->width = h.size;
    d->scratch_floats = MAX (d->scratch_floats, 2 * a->y_block);
}

/* Every phase, part and image, in enough groups of rows. */
static void
list_tasks (FovHostStep *step, Deconv *d, double seconds)
{
    const int images = (int) step->step.out[0]->shape.dim[0];
    GArray *tasks = g_array_new (FALSE, FALSE, sizeof (int));
    guint cuts = fov_host_tasks (seconds, 1 << 20);
    guint pieces = 0;

    for (int i = 0; i < d->n_phases; i++)
        pieces += d->phases[i].conv.n_parts * images;
    cuts = (cuts + pieces - 1) / MAX (pieces, 1);
    for (int i = 0; i < d->n_phases; i++)
        for (int part = 0; part < d->phases[i].conv.n_parts; part++)
            for (int image = 0; image < images; image++) {
                const int rows = d->phases[i].conv.rows;
                const guint n = MIN (cuts, (guint) rows);
                for (guint c = 0; c < n; c++) {
                    const int task[5] = { i, part, (int) fov_host_cut (rows, n, c),
                                          (int) fov_host_cut (rows, n, c + 1), image };
                    g_array_append_vals (tasks, task, 5);
                }
            }
    step->n_tasks = tasks->len / 5;
    d->tasks = (int *) g_array_free (tasks, FALSE);
}

static gboolean
deconv_prepare (FovHostStep *step, GError **error)
{
    const FovNode *node = step->step.node;
    const FovConvParams *p = node->params;
    Deconv *d;

    if (fov_host_winograd_fits (step)) {
        fov_host_winograd_prepare (step);
        return TRUE;
    }
    d = g_new0 (Deconv, 1);
    step->state = d;
    step->free_state = deconv_free;
    step->run = deconv_run;
    d->sy = (int) p->strides.v[0];
    d->sx = (int) p->strides.v[1];
    d->xs = fov_host_strides (step->step.in[0]);
    d->ys = fov_host_strides (step->step.out[0]);
    d->phases = g_new0 (PhaseConv, d->sy * d->sx);
    for (int i = 0; i < d->sy * d->sx; i++) {
        PhaseConv *pc = &d->phases[d->n_phases];
        pc->py = i / d->sx;
        pc->px = i % d->sx;
        if (phase_of (node, 0, pc->py).size == 0 || phase_of (node, 1, pc->px).size == 0)
            continue;
        prepare_phase (step, d, pc);
        d->n_phases++;
    }
    for (int i = 0; i < d->n_phases && !fov_host_conv_is_constant (node); i++) {
        step->first = deconv_first;
        step->n_first += d->phases[i].conv.n_parts;
    }
    list_tasks (step, d, node->op->flops (node) / 80e9);
    step->scratch_bytes = d->scratch_floats * step->n_tasks * sizeof (float);
    return TRUE;
}

/* How far outside the picture the phases of one axis read. */
static int
axis_reach (const FovNode *node, int axis)
{
    const FovConvParams *p = node->params;
    const int size = (int) node->inputs[0]->shape.dim[axis + 2];
    int reach = 0;

    for (int i = 0; i < p->strides.v[axis]; i++) {
        const Phase phase = phase_of (node, axis, i);
        if (phase.n == 0 || phase.size == 0)
            continue;
        reach = MAX (reach, -phase.first);
        reach = MAX (reach, phase.first + (phase.n - 1) * phase.apart + phase.size - size);
    }
    return reach;
}

static int
deconv_halo (const FovNode *node, guint index)
{
    return index == 0 ? MAX (axis_reach (node, 0), axis_reach (node, 1)) : 0;
}

static guint
deconv_formats (const FovNode *node, int block)
{
    const FovConvParams *p = node->params;

    if (!fov_host_conv_fits (node) || p->strides.v[0] * p->strides.v[1] > 256 ||
        deconv_halo (node, 0) > 512)
        return 0;
    return FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED;
}

const FovHostOp fov_host_conv_transpose = { deconv_formats, deconv_halo, deconv_prepare };
