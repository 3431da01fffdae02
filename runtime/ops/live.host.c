/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fov.Dropout and fov.Gate on the host. */
#include "ops/live.h"

#include "ops/host-op.h"
#include "vision/clones.h"

static gsize
first_of (const FovHostStep *step, guint task)
{
    return fov_host_cut (fov_shape_elements (&step->step.out[0]->shape), step->n_tasks, task);
}

FOV_CLONES static void
drop (const float *x, float *y, gsize first, gsize end, guint32 key, guint32 threshold, float scale)
{
    for (gsize i = first; i < end; i++)
        y[i] = fov_live_mix ((guint32) i ^ key) >= threshold ? x[i] * scale : 0;
}

static void
dropout_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const FovLiveDropoutParams *p = step->step.node->params;

    drop (fov_host_in (frame, step->step.in[0]), fov_host_out (frame, step->step.out[0]),
          first_of (step, task), first_of (step, task + 1),
          fov_live_key (p->seed, *fov_host_in (frame, step->step.in[1])),
          fov_live_threshold (p->ratio), 1 / (1 - p->ratio));
}

static void
gate_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const guint from = *fov_host_in (frame, step->step.in[2]) > 0 ? 1 : 0;
    const gsize first = first_of (step, task), n = first_of (step, task + 1) - first;

    memmove (fov_host_out (frame, step->step.out[0]) + first,
             fov_host_in (frame, step->step.in[from]) + first, n * sizeof (float));
}

static gboolean
dropout_prepare (FovHostStep *step, GError **error)
{
    const gsize n = fov_shape_elements (&step->step.out[0]->shape);

    step->n_tasks = fov_host_tasks (1e-9 * (double) n, n);
    step->run = dropout_run;
    return TRUE;
}

static gboolean
gate_prepare (FovHostStep *step, GError **error)
{
    const gsize n = fov_shape_elements (&step->step.out[0]->shape);

    step->n_tasks = fov_host_tasks (5e-10 * (double) n, n);
    step->run = gate_run;
    return TRUE;
}

static guint
formats (const FovNode *node, int block)
{
    for (guint i = 0; i < node->n_inputs; i++)
        if (node->inputs[i]->dtype != FOV_F32 || fov_tensor_elements (node->inputs[i]) < 1)
            return 0;
    return FOV_CAN_PLANAR;
}

const FovHostOp fov_host_live_dropout = { formats, NULL, dropout_prepare };
const FovHostOp fov_host_gate = { formats, NULL, gate_prepare };
