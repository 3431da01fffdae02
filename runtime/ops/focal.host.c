/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Focal loss on the host: elementwise, a task for a range of elements. */
#include "ops/focal.h"
#include "ops/host-op.h"

#include <math.h>

typedef struct {
    float yes, wrong, entropy, balance;
} Part;

static inline Part
part_of (const FovFocalParams *p, float x, float t)
{
    const float e = expf (-fabsf (x)), small = e / (1 + e), large = 1 / (1 + e);
    const float yes = x >= 0 ? large : small, no = x >= 0 ? small : large;

    return (Part){ .yes = yes,
                   .wrong = t * no + (1 - t) * yes,
                   .entropy = MAX (x, 0) + log1pf (e) - t * x,
                   .balance = p->alpha < 0 ? 1 : p->alpha * t + (1 - p->alpha) * (1 - t) };
}

/* The exponent that everybody takes costs no call. */
static inline float
power (float base, float exponent)
{
    return exponent == 2 ? base * base : powf (base, exponent);
}

static gsize
first_of (const FovHostStep *step, guint task)
{
    return fov_host_cut (fov_shape_elements (&step->step.out[0]->shape), step->n_tasks, task);
}

static void
focal_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const FovFocalParams *p = step->step.node->params;
    const float *x = fov_host_in (frame, step->step.in[0]);
    const float *t = fov_host_in (frame, step->step.in[1]);
    float *y = fov_host_out (frame, step->step.out[0]);

    for (gsize i = first_of (step, task); i < first_of (step, task + 1); i++) {
        const Part f = part_of (p, x[i], t[i]);
        y[i] = f.balance * power (f.wrong, p->gamma) * f.entropy;
    }
}

static void
focal_grad_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const FovFocalParams *p = step->step.node->params;
    const float *dy = fov_host_in (frame, step->step.in[0]);
    const float *x = fov_host_in (frame, step->step.in[1]);
    const float *t = fov_host_in (frame, step->step.in[2]);
    float *dx = fov_host_out (frame, step->step.out[0]);

    for (gsize i = first_of (step, task); i < first_of (step, task + 1); i++) {
        const Part f = part_of (p, x[i], t[i]);
        const float e = expf (-fabsf (x[i])), both = e / ((1 + e) * (1 + e));
        float slope = power (f.wrong, p->gamma) * (f.yes - t[i]);
        if (f.wrong > 0)
            slope += p->gamma * (p->gamma == 2 ? f.wrong : powf (f.wrong, p->gamma - 1)) *
                     (1 - 2 * t[i]) * both * f.entropy;
        dx[i] = dy[i] * f.balance * slope;
    }
}

static void
set_up (FovHostStep *step)
{
    const gsize n = fov_shape_elements (&step->step.out[0]->shape);

    step->n_tasks = fov_host_tasks (4e-8 * (double) n, n);
}

static gboolean
focal_prepare (FovHostStep *step, GError **error)
{
    set_up (step);
    step->run = focal_run;
    return TRUE;
}

static gboolean
focal_grad_prepare (FovHostStep *step, GError **error)
{
    set_up (step);
    step->run = focal_grad_run;
    return TRUE;
}

static guint
focal_formats (const FovNode *node, int block)
{
    for (guint i = 0; i < node->n_inputs; i++)
        if (node->inputs[i]->dtype != FOV_F32 || fov_tensor_elements (node->inputs[i]) < 1)
            return 0;
    return FOV_CAN_PLANAR;
}

const FovHostOp fov_host_focal = { focal_formats, NULL, focal_prepare };
const FovHostOp fov_host_focal_grad = { focal_formats, NULL, focal_grad_prepare };
