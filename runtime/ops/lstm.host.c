/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LSTM and its gradient on the host: a task runs all steps of a few images in one direction, for
 * images do not depend on each other. Weights are packed in each run, as they may learn.
 */
#include "ops/lstm.h"

#include "ops/host-op.h"
#include "vision/clones.h"

#include <math.h>
#include <stdlib.h>

#define ROWS 4 /* images of a task */

/* Two matrices of a direction as gemm wants them: [columns / wide][k][wide]. */
typedef struct {
    float *w, *r, *back, *bias; /* back: for the gradient, da -> dh */
} Packed;

typedef struct {
    FovLstmSize s;
    guint chunks; /* of images */
    gboolean grad;
    Packed packed[2];
    gsize scratch; /* floats of a task */
} Lstm;

static void
lstm_free (gpointer data)
{
    Lstm *l = data;

    for (guint d = 0; d < 2; d++) {
        free (l->packed[d].w);
        free (l->packed[d].r);
        free (l->packed[d].back);
        free (l->packed[d].bias);
    }
    g_free (l);
}

/* ---- packing ------------------------------------------------------------------- */

static gsize
packed_size (gsize k, gsize columns)
{
    const gsize wide = (gsize) fov_host_kernels ()->gemm_columns;

    return (columns + wide - 1) / wide * wide * k * sizeof (float);
}

/* B[i][j] = from[i k_step + j n_step] */
static void
pack (float *to, const float *from, gsize k, gsize columns, gsize k_step, gsize n_step)
{
    const gsize wide = (gsize) fov_host_kernels ()->gemm_columns;

    for (gsize first = 0; first < columns; first += wide)
        for (gsize i = 0; i < k; i++, to += wide)
            for (gsize j = 0; j < MIN (wide, columns - first); j++)
                to[j] = from[i * k_step + (first + j) * n_step];
}

static void
lstm_first (const FovHostStep *step, const FovHostFrame *frame, guint d)
{
    const Lstm *l = step->state;
    const Packed *p = &l->packed[d];
    const gsize h = (gsize) l->s.hidden, in = (gsize) l->s.inputs;
    const float *w = fov_host_in (frame, step->step.in[1]) + d * 4 * h * in;
    const float *r = fov_host_in (frame, step->step.in[2]) + d * 4 * h * h;

    pack (p->w, w, in, 4 * h, 1, in);
    pack (p->r, r, h, 4 * h, 1, h);
    if (p->back)
        pack (p->back, r, 4 * h, h, h, 1);
    if (fov_in (step->step.node, 3)) {
        const float *b = fov_host_in (frame, step->step.in[3]) + d * 8 * h;
        for (gsize j = 0; j < 4 * h; j++)
            p->bias[j] = b[j] + b[4 * h + j];
    }
}

/* ---- a step of a few images ------------------------------------------------------ */

FOV_CLONES static void
add_to (float *a, const float *b, gsize n)
{
    for (gsize i = 0; i < n; i++)
        a[i] += b[i];
}

/* c' = f c + i g; h' = o times what tanh made of c', put there by the caller. */
FOV_CLONES static void
new_cell (const float *gates, float *c, gsize n)
{
    for (gsize j = 0; j < n; j++)
        c[j] = gates[2 * n + j] * c[j] + gates[j] * gates[3 * n + j];
}

FOV_CLONES static void
product (const float *a, float *b, gsize n)
{
    for (gsize j = 0; j < n; j++)
        b[j] *= a[j];
}

/* What a task works on: rows images from the first on. h, c: [rows][H], now and then. */
typedef struct {
    const Lstm *l;
    const Packed *p;
    gsize d, first;
    int rows;
    gboolean reverse;
    float *h, *c, *sum; /* sum: [rows][4H] */
} Task;

static gsize
step_at (const Task *t, gsize k)
{
    return t->reverse ? (gsize) t->l->s.steps - 1 - k : k;
}

/* gates: [rows][4H], becomes what the functions give. */
static void
step_forward (const Task *t, const float *x, float *gates)
{
    static const FovAct none, sigmoid = { .kind = FOV_ACT_SIGMOID },
                              tanh_ = { .kind = FOV_ACT_TANH };
    const FovHostKernels *k = fov_host_kernels ();
    const int h = (int) t->l->s.hidden, in = (int) t->l->s.inputs;

    k->gemm (x, (gsize) in, 1, t->p->w, 0, t->p->bias, &none, gates, 4 * (gsize) h, t->rows, in, 0,
             4 * h);
    k->gemm (t->h, (gsize) h, 1, t->p->r, 0, NULL, &none, t->sum, 4 * (gsize) h, t->rows, h, 0,
             4 * h);
    add_to (gates, t->sum, (gsize) t->rows * 4 * h);
    for (int row = 0; row < t->rows; row++) {
        float *a = gates + (gsize) row * 4 * h, *c = t->c + (gsize) row * h;
        k->act (&sigmoid, a, a, 3 * (gsize) h);
        k->act (&tanh_, a + 3 * h, a + 3 * h, (gsize) h);
        new_cell (a, c, (gsize) h);
        k->act (&tanh_, c, t->h + (gsize) row * h, (gsize) h);
        product (a + h, t->h + (gsize) row * h, (gsize) h);
    }
}

/* The initial states, or 0. */
static void
start (const Task *t, const FovHostStep *step, const FovHostFrame *frame)
{
    const gsize n = (gsize) t->rows * t->l->s.hidden;
    const gsize at = (t->d * (gsize) t->l->s.batch + t->first) * (gsize) t->l->s.hidden;
    const guint inputs[] = { t->l->s.h, t->l->s.c };
    float *to[] = { t->h, t->c };

    for (guint i = 0; i < 2; i++) {
        if (fov_in (step->step.node, inputs[i]))
            memcpy (to[i], fov_host_in (frame, step->step.in[inputs[i]]) + at, n * sizeof (float));
        else
            memset (to[i], 0, n * sizeof (float));
    }
}

static Task
task_of (const FovHostStep *step, const FovHostFrame *frame, guint task, float **rest)
{
    const Lstm *l = step->state;
    const gsize h = (gsize) l->s.hidden;
    float *scratch = (float *) frame->scratch + task * l->scratch;
    Task t = { .l = l, .d = task / l->chunks };

    t.p = &l->packed[t.d];
    t.first = (gsize) (task % l->chunks) * ROWS;
    t.rows = (int) MIN (ROWS, (gsize) l->s.batch - t.first);
    t.reverse = fov_lstm_reverse (step->step.node, (gint64) t.d);
    t.h = scratch;
    t.c = t.h + ROWS * h;
    t.sum = t.c + ROWS * h;
    *rest = t.sum + ROWS * 4 * h;
    start (&t, step, frame);
    return t;
}

static const float *
input_at (const Task *t, const FovHostStep *step, const FovHostFrame *frame, gsize at)
{
    return fov_host_in (frame, step->step.in[0]) +
           (at * (gsize) t->l->s.batch + t->first) * (gsize) t->l->s.inputs;
}

/* ---- forward --------------------------------------------------------------------- */

static void
lstm_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    float *gates;
    const Task t = task_of (step, frame, task, &gates);
    const FovLstmSize *s = &t.l->s;
    const gsize n = (gsize) t.rows * s->hidden;
    const float *last[] = { t.h, t.c };

    for (gsize k = 0; k < (gsize) s->steps; k++) {
        const gsize at = step_at (&t, k);
        step_forward (&t, input_at (&t, step, frame, at), gates);
        if (step->step.node->outputs[0])
            memcpy (fov_host_out (frame, step->step.out[0]) +
                        ((at * s->directions + t.d) * s->batch + t.first) * s->hidden,
                    t.h, n * sizeof (float));
    }
    for (guint i = 0; i < 2; i++)
        if (fov_out (step->step.node, i + 1))
            memcpy (fov_host_out (frame, step->step.out[i + 1]) +
                        (t.d * s->batch + t.first) * s->hidden,
                    last[i], n * sizeof (float));
}

/* ---- backward -------------------------------------------------------------------- */

/* tanh (c) of the step is in squashed; dc becomes that of the step before. */
FOV_CLONES static void
cell_back (const float *gates, const float *squashed, const float *c_before, const float *dh,
           float *dc, float *da, gsize n)
{
    for (gsize j = 0; j < n; j++) {
        const float i = gates[j], o = gates[n + j], f = gates[2 * n + j], g = gates[3 * n + j];
        const float d = dc[j] + dh[j] * o * (1 - squashed[j] * squashed[j]);
        da[j] = d * g * i * (1 - i);
        da[n + j] = dh[j] * squashed[j] * o * (1 - o);
        da[2 * n + j] = d * c_before[j] * f * (1 - f);
        da[3 * n + j] = d * i * (1 - g * g);
        dc[j] = d * f;
    }
}

/* dh, dc: [rows][H]. cells: [steps + 1][rows][H], by k; the first is the initial one. */
static void
step_back (const Task *t, const float *gates, const float *cells, float *dh, float *dc, float *da)
{
    static const FovAct none, tanh_ = { .kind = FOV_ACT_TANH };
    const FovHostKernels *k = fov_host_kernels ();
    const gsize h = (gsize) t->l->s.hidden, n = (gsize) t->rows * h;

    k->act (&tanh_, cells + n, t->sum, n);
    for (gsize row = 0; row < (gsize) t->rows; row++)
        cell_back (gates + row * 4 * h, t->sum + row * h, cells + row * h, dh + row * h,
                   dc + row * h, da + row * 4 * h, h);
    k->gemm (da, 4 * h, 1, t->p->back, 0, NULL, &none, dh, h, t->rows, (int) (4 * h), 0, (int) h);
}

/* Gates and cells of all steps; what each started from goes to output 3. */
static void
remember (const Task *t, const FovHostStep *step, const FovHostFrame *frame, float *gates,
          float *cells)
{
    const FovLstmSize *s = &t->l->s;
    const gsize n = (gsize) t->rows * s->hidden;

    memcpy (cells, t->c, n * sizeof (float));
    for (gsize k = 0; k < (gsize) s->steps; k++) {
        const gsize at = step_at (t, k);
        if (fov_out (step->step.node, 3))
            memcpy (fov_host_out (frame, step->step.out[3]) +
                        ((t->d * s->steps + at) * s->batch + t->first) * s->hidden,
                    t->h, n * sizeof (float));
        step_forward (t, input_at (t, step, frame, at), gates + k * 4 * n);
        memcpy (cells + (k + 1) * n, t->c, n * sizeof (float));
    }
}

static void
take_gradient (const Task *t, const FovHostStep *step, const FovHostFrame *frame, guint input,
               float *to)
{
    const gsize n = (gsize) t->rows * t->l->s.hidden;

    if (fov_in (step->step.node, input))
        memcpy (to,
                fov_host_in (frame, step->step.in[input]) +
                    (t->d * t->l->s.batch + t->first) * t->l->s.hidden,
                n * sizeof (float));
    else
        memset (to, 0, n * sizeof (float));
}

static void
grad_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    float *gates, *cells;
    const Task t = task_of (step, frame, task, &gates);
    const FovLstmSize *s = &t.l->s;
    const gsize n = (gsize) t.rows * s->hidden;
    float *d[] = { t.h, t.c }; /* free once the way forward is done */

    cells = gates + (gsize) s->steps * ROWS * 4 * s->hidden;
    remember (&t, step, frame, gates, cells);
    for (guint i = 0; i < 2; i++)
        take_gradient (&t, step, frame, 7 + i, d[i]);
    for (gsize k = (gsize) s->steps; k-- > 0;) {
        const gsize at = step_at (&t, k);
        if (fov_in (step->step.node, 6))
            add_to (t.h,
                    fov_host_in (frame, step->step.in[6]) +
                        ((at * s->directions + t.d) * s->batch + t.first) * s->hidden,
                    n);
        step_back (&t, gates + k * 4 * n, cells + k * n, t.h, t.c,
                   fov_host_out (frame, step->step.out[0]) +
                       ((t.d * s->steps + at) * s->batch + t.first) * 4 * s->hidden);
    }
    for (guint i = 0; i < 2; i++)
        if (fov_out (step->step.node, i + 1))
            memcpy (fov_host_out (frame, step->step.out[i + 1]) +
                        (t.d * s->batch + t.first) * s->hidden,
                    d[i], n * sizeof (float));
}

/* ---- setting up -------------------------------------------------------------------- */

static Lstm *
set_up (FovHostStep *step, gboolean grad)
{
    Lstm *l = g_new0 (Lstm, 1);
    const gsize strip = (gsize) fov_host_kernels ()->gemm_columns;

    l->s = fov_lstm_size (step->step.node);
    l->grad = grad;
    l->chunks = ((guint) l->s.batch + ROWS - 1) / ROWS;
    const gsize h = (gsize) l->s.hidden, in = (gsize) l->s.inputs;
    for (gsize d = 0; d < (gsize) l->s.directions; d++) {
        l->packed[d].w = fov_host_alloc (packed_size (in, 4 * h));
        l->packed[d].r = fov_host_alloc (packed_size (h, 4 * h));
        l->packed[d].bias = fov_host_alloc ((4 * h + strip) * sizeof (float));
        if (grad)
            l->packed[d].back = fov_host_alloc (packed_size (4 * h, h));
    }
    l->scratch = ROWS * h * (2 + 4 + 4);
    if (grad)
        l->scratch += (gsize) l->s.steps * ROWS * 5 * h;
    step->state = l;
    step->free_state = lstm_free;
    step->first = lstm_first;
    step->n_first = (guint) l->s.directions;
    step->n_tasks = (guint) l->s.directions * l->chunks;
    step->scratch_bytes = step->n_tasks * l->scratch * sizeof (float);
    return l;
}

static gboolean
lstm_prepare (FovHostStep *step, GError **error)
{
    set_up (step, FALSE);
    step->run = lstm_run;
    return TRUE;
}

static gboolean
grad_prepare (FovHostStep *step, GError **error)
{
    set_up (step, TRUE);
    step->run = grad_run;
    return TRUE;
}

static guint
formats (const FovNode *node, int block)
{
    for (guint i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] &&
            (node->inputs[i]->dtype != FOV_F32 || fov_tensor_elements (node->inputs[i]) < 1))
            return 0;
    return FOV_CAN_PLANAR;
}

const FovHostOp fov_host_lstm = { formats, NULL, lstm_prepare };
const FovHostOp fov_host_lstm_grad = { formats, NULL, grad_prepare };
