/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Optimiser steps on the host: plain loops over the parameters' memory. */
#include "ops/host-op.h"
#include "ops/optimiser.h"
#include "vision/clones.h"

#include <math.h>

#define UNIT 4096 /* elements */

typedef struct {
    gsize n, units;
} Flat;

static void
set_up (FovHostStep *step, const FovOperand *o,
        void (*run) (const FovHostStep *step, const FovHostFrame *frame, guint task))
{
    Flat *s = g_new0 (Flat, 1);

    s->n = fov_shape_elements (&o->shape);
    s->units = (s->n + UNIT - 1) / UNIT;
    step->state = s;
    step->free_state = g_free;
    step->run = run;
    step->n_tasks = fov_host_tasks (1e-9 * s->n, s->units);
}

/* Elements [first, last) of a task. */
static gsize
task_range (const FovHostStep *step, guint task, gsize *last)
{
    const Flat *s = step->state;

    *last = MIN (fov_host_cut (s->units, step->n_tasks, task + 1) * UNIT, s->n);
    return fov_host_cut (s->units, step->n_tasks, task) * UNIT;
}

static gboolean
all_float (const FovNode *node, guint first)
{
    for (guint i = first; i < node->n_inputs; i++)
        if (node->inputs[i]->dtype != FOV_F32)
            return FALSE;
    return fov_tensor_elements (node->inputs[first]) > 0;
}

/* ---- Momentum --------------------------------------------------------------- */

/* x and v may be where x2 and v2 are: each element is read before it is written. */
FOV_CLONES static void
momentum_loop (const float *x, const float *g, const float *v, float *x2, float *v2, gsize n,
               float rate, float alpha, float beta, float norm, float look_ahead)
{
    for (gsize i = 0; i < n; i++) {
        const float d = g[i] + norm * x[i], m = alpha * v[i] + beta * d;
        v2[i] = m;
        x2[i] = x[i] - rate * (look_ahead > 0 ? d + alpha * m : m);
    }
}

static void
momentum_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const FovMomentumParams *p = step->step.node->params;
    const float rate = *fov_host_in (frame, step->step.in[0]);
    const gint64 t = *(const gint64 *) fov_host_ptr (frame, step->step.in[1]);
    gsize last, at = task_range (step, task, &last);

    momentum_loop (fov_host_in (frame, step->step.in[2]) + at,
                   fov_host_in (frame, step->step.in[3]) + at,
                   fov_host_in (frame, step->step.in[4]) + at,
                   fov_host_out (frame, step->step.out[0]) + at,
                   fov_host_out (frame, step->step.out[1]) + at, last - at, rate, p->alpha,
                   t > 0 ? p->beta : 1.0f, p->norm_coefficient,
                   p->mode == FOV_MOMENTUM_NESTEROV ? 1.0f : 0.0f);
}

static gboolean
momentum_prepare (FovHostStep *step, GError **error)
{
    set_up (step, step->step.out[0], momentum_run);
    return TRUE;
}

static guint
momentum_formats (const FovNode *node, int block)
{
    return node->n_inputs == 5 && node->inputs[0]->dtype == FOV_F32 && all_float (node, 2)
               ? FOV_CAN_PLANAR
               : 0;
}

const FovHostOp fov_host_momentum = { momentum_formats, NULL, momentum_prepare };

/* ---- fov.AdamW --------------------------------------------------------------- */

typedef struct {
    float beta1, beta2, epsilon, rate, shrink, l2, c2;
} AdamFactors;

FOV_CLONES static void
adamw_loop (const float *x, const float *g, const float *m, const float *v, float *x2, float *m2,
            float *v2, gsize n, AdamFactors f)
{
    for (gsize i = 0; i < n; i++) {
        const float d = g[i] + f.l2 * x[i];
        const float first = f.beta1 * m[i] + (1.0f - f.beta1) * d;
        const float second = f.beta2 * v[i] + (1.0f - f.beta2) * d * d;
        x2[i] = x[i] * f.shrink - f.rate * first / (sqrtf (second * f.c2) + f.epsilon);
        m2[i] = first;
        v2[i] = second;
    }
}

static void
adamw_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const FovAdamWParams *p = step->step.node->params;
    const float *s = fov_host_in (frame, step->step.in[4]);
    const AdamFactors f = { .beta1 = p->beta1,
                            .beta2 = p->beta2,
                            .epsilon = p->epsilon,
                            .rate = s[0] / s[1],
                            .shrink = p->decoupled ? 1.0f - s[0] * p->decay : 1.0f,
                            .l2 = p->decoupled ? 0.0f : p->decay,
                            .c2 = 1.0f / s[2] };
    gsize last, at = task_range (step, task, &last);

    adamw_loop (fov_host_in (frame, step->step.in[0]) + at,
                fov_host_in (frame, step->step.in[1]) + at,
                fov_host_in (frame, step->step.in[2]) + at,
                fov_host_in (frame, step->step.in[3]) + at,
                fov_host_out (frame, step->step.out[0]) + at,
                fov_host_out (frame, step->step.out[1]) + at,
                fov_host_out (frame, step->step.out[2]) + at, last - at, f);
}

static gboolean
adamw_prepare (FovHostStep *step, GError **error)
{
    set_up (step, step->step.out[0], adamw_run);
    return TRUE;
}

static guint
float_formats (const FovNode *node, int block)
{
    return all_float (node, 0) ? FOV_CAN_PLANAR : 0;
}

const FovHostOp fov_host_adamw = { float_formats, NULL, adamw_prepare };

/* ---- fov.Ema ------------------------------------------------------------------ */

FOV_CLONES static void
ema_loop (const float *e, const float *x, float *e2, gsize n, float rate)
{
    for (gsize i = 0; i < n; i++)
        e2[i] = e[i] + rate * (x[i] - e[i]);
}

static void
ema_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    gsize last, at = task_range (step, task, &last);

    ema_loop (fov_host_in (frame, step->step.in[0]) + at,
              fov_host_in (frame, step->step.in[1]) + at,
              fov_host_out (frame, step->step.out[0]) + at, last - at,
              *fov_host_in (frame, step->step.in[2]));
}

static gboolean
ema_prepare (FovHostStep *step, GError **error)
{
    set_up (step, step->step.out[0], ema_run);
    return TRUE;
}

const FovHostOp fov_host_ema = { float_formats, NULL, ema_prepare };

/* ---- ReduceSumSquare of everything --------------------------------------------- */

/* A sum of UNIT elements in 16 strands, so that vectors of any length add up alike. */
FOV_CLONES static double
unit_squares (const float *x, gsize n)
{
    float strand[16] = { 0 };
    double sum = 0;
    gsize i = 0;

    for (; i + 16 <= n; i += 16)
        for (int k = 0; k < 16; k++)
            strand[k] += x[i + k] * x[i + k];
    for (int k = 0; k < 16; k++)
        sum += strand[k];
    for (; i < n; i++)
        sum += (double) x[i] * x[i];
    return sum;
}

static void
squares_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Flat *s = step->state;
    const float *x = fov_host_in (frame, step->step.in[0]);
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1);
    double *sums = frame->scratch;

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++)
        sums[u] = unit_squares (x + u * UNIT, MIN (UNIT, s->n - u * UNIT));
}

static void
squares_last (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Flat *s = step->state;
    const double *sums = frame->scratch;
    double sum = 0;

    for (gsize u = 0; u < s->units; u++)
        sum += sums[u];
    *fov_host_out (frame, step->step.out[0]) = (float) sum;
}

gboolean
fov_host_squares_fit (const FovNode *node)
{
    return node->inputs[0]->dtype == FOV_F32 && fov_tensor_elements (node->outputs[0]) == 1 &&
           fov_tensor_elements (node->inputs[0]) > 0;
}

void
fov_host_squares_prepare (FovHostStep *step)
{
    const Flat *s;

    set_up (step, step->step.in[0], squares_run);
    s = step->state;
    step->last = squares_last;
    step->n_last = 1;
    step->scratch_bytes = s->units * sizeof (double);
}
