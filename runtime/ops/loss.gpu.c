/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Losses of labels on vulkan. A label that names no class makes the loss no number. */
#include "ops/infer.h"
#include "ops/loss.h"
#include "ops/record.h"

enum { LANES = 64, MOST_ROUNDS = 65535 };

/* Labels are input 1; weights input `weight`, if there. */
static gboolean
can_label (const FovNode *node, guint weight)
{
    const FovTensor *labels = node->inputs[1], *w = fov_in (node, weight);

    return !labels->data && (labels->dtype == FOV_I32 || labels->dtype == FOV_I64) &&
           fov_tensor_elements (labels) <= LANES * MOST_ROUNDS && (!w || fov_gpu_can_float (w));
}

static struct fov_push_nll
make_push (FovGpuProgram *program, const FovStep *step, const FovShape *x, guint weight,
           guint32 *words, guint32 *weights)
{
    const FovLossParams *p = step->node->params;
    const FovOperand *w = step->node->n_inputs > weight ? step->in[weight] : NULL;
    struct fov_push_nll push = {
        .labels = fov_gpu_float (step->in[1]),
        .total = -1,
        .n = (int) fov_shape_elements (&step->in[1]->shape),
        .classes = (int) x->dim[1],
        .pixels = (int) fov_shape_span (x, 2, x->rank),
        .ignored = p->ignore_index < G_MININT32 || p->ignore_index > G_MAXINT32
                       ? G_MININT32
                       : (int) p->ignore_index,
    };

    *words = step->in[1]->dtype == FOV_I64 ? 2 : 1;
    *weights = 0;
    if (w) {
        push.weight = fov_gpu_source (program, w, weights);
        ++*weights;
    }
    return push;
}

/* ---- the losses ------------------------------------------------------- */

static guint
nll_formats (const FovNode *node, int block)
{
    return fov_gpu_can_floats (node, 1) && !node->inputs[0]->data && can_label (node, 2)
               ? FOV_CAN_PLANAR
               : 0;
}

/* src: log probabilities, in floats. */
static gboolean
dispatch_nll (FovGpuProgram *program, const FovStep *step, int src, GError **error)
{
    const FovLossParams *p = step->node->params;
    guint32 spec[6] = {
        LANES, 0, 0, p->reduction == FOV_LOSS_REDUCE_NONE, p->reduction == FOV_LOSS_REDUCE_MEAN,
        TRUE
    };
    struct fov_push_nll push =
        make_push (program, step, &step->in[0]->shape, 2, &spec[1], &spec[2]);

    push.src = src;
    push.dst = fov_gpu_float (step->out[0]);
    return fov_gpu_program_dispatch (program, "nll", spec, 6, &push, sizeof push, 1, 1, 1, error);
}

static gboolean
record_nll (FovGpuProgram *program, const FovStep *step, GError **error)
{
    return dispatch_nll (program, step, fov_gpu_float (step->in[0]), error);
}

const FovGpuOp fov_gpu_nll = { nll_formats, record_nll };

static guint
cross_entropy_formats (const FovNode *node, int block)
{
    return node->inputs[0]->shape.dim[1] <= MOST_ROUNDS ? nll_formats (node, block) : 0;
}

/* The log probabilities are an output that may be left out. */
static gboolean
record_cross_entropy (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovShape *x = &step->in[0]->shape;
    const FovOperand *given = step->node->n_outputs > 1 ? step->out[1] : NULL;
    guint32 log = TRUE;
    struct fov_push_reduce push = {
        .src = fov_gpu_float (step->in[0]),
        .size = (int) x->dim[1],
        .inner = (int) fov_shape_span (x, 2, x->rank),
    };

    push.dst = given ? fov_gpu_float (given)
                     : (int) (fov_gpu_program_scratch (program, step->in[0]->bytes) / 4);
    push.n = (int) x->dim[0] * push.inner;
    return fov_gpu_dispatch_flat (program, "softmax", &log, 1, &push, sizeof push, (guint64) push.n,
                                  64, error) &&
           dispatch_nll (program, step, push.dst, error);
}

const FovGpuOp fov_gpu_cross_entropy = { cross_entropy_formats, record_cross_entropy };

/* ---- fov.NllGrad: dy, labels, shape of X, weight or nothing -> dX -------- */

static guint
grad_formats (const FovNode *node, int block)
{
    return fov_gpu_can_floats (node, 1) && can_label (node, 3) ? FOV_CAN_PLANAR : 0;
}

static gboolean
record_grad (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovLossParams *p = step->node->params;
    gboolean mean = p->reduction == FOV_LOSS_REDUCE_MEAN;
    guint32 total[6] = { LANES, 0, 0, FALSE, FALSE, FALSE };
    guint32 spec[5] = { 0, 0, p->reduction == FOV_LOSS_REDUCE_NONE, (guint32) mean, 0 };
    struct fov_push_nll push =
        make_push (program, step, &step->out[0]->shape, 3, &spec[0], &spec[1]);

    if (mean) {
        push.total = (int) (fov_gpu_program_scratch (program, 4) / 4);
        total[1] = spec[0];
        total[2] = spec[1];
        if (!fov_gpu_program_dispatch (program, "nll", total, 6, &push, sizeof push, 1, 1, 1,
                                       error))
            return FALSE;
    }
    push.src = fov_gpu_source (program, step->in[0], &spec[4]);
    push.dst = fov_gpu_float (step->out[0]);
    push.n = (int) fov_shape_elements (&step->out[0]->shape);
    return fov_gpu_dispatch_flat (program, "nll_grad", spec, 5, &push, sizeof push,
                                  (guint64) push.n, 64, error);
}

const FovGpuOp fov_gpu_nll_grad = { grad_formats, record_grad };
