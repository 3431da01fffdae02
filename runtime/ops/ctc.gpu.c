/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fov.Ctc and fov.CtcGrad on vulkan. A label that is none makes the loss no number. */
#include "ops/ctc.h"
#include "ops/record.h"

enum {
    MOST_LENGTH = 800, /* of a label with its blanks: five words of shared memory for each */
    MOST_ROUNDS = 65535,
    MOST_WORDS = 1 << 29,
};

/* Of 2 S + 1 symbols. */
static gint64
length_of (const FovShape *labels)
{
    return 2 * labels->dim[1] + 1;
}

static guint
can (const FovTensor *x, const FovTensor *labels)
{
    const FovShape *s = &x->shape;

    if (!fov_gpu_can_float (x) || x->data || labels->data || fov_tensor_elements (labels) < 1)
        return 0;
    return length_of (&labels->shape) <= MOST_LENGTH && s->dim[0] <= MOST_ROUNDS &&
                   s->dim[1] <= MOST_ROUNDS && s->dim[2] <= MOST_ROUNDS &&
                   s->dim[0] * s->dim[1] * length_of (&labels->shape) < MOST_WORDS
               ? FOV_CAN_PLANAR
               : 0;
}

/* Log probabilities go to scratch memory. */
static gboolean
log_softmax (FovGpuProgram *program, const FovOperand *x, int *to, GError **error)
{
    const guint32 log = TRUE;
    struct fov_push_reduce push = {
        .src = fov_gpu_float (x),
        .n = (int) (x->shape.dim[0] * x->shape.dim[1]),
        .size = (int) x->shape.dim[2],
        .inner = 1,
    };

    *to = push.dst = (int) (fov_gpu_program_scratch (program, x->bytes) / 4);
    return fov_gpu_dispatch_flat (program, "softmax", &log, 1, &push, sizeof push, (guint64) push.n,
                                  64, error);
}

static guint32
label_words (const FovOperand *labels)
{
    return labels->dtype == FOV_I64 ? 2 : 1;
}

static struct fov_push_ctc
make_push (const FovStep *step, const FovOperand *x, const FovOperand *labels)
{
    return (struct fov_push_ctc){
        .labels = fov_gpu_float (labels),
        .dst = fov_gpu_float (step->out[0]),
        .n = (int) fov_shape_elements (&x->shape),
        .steps = (int) x->shape.dim[1],
        .classes = (int) x->shape.dim[2],
        .blank = (int) ((const FovCtcParams *) step->node->params)->blank,
    };
}

static gboolean
dispatch (FovGpuProgram *program, const FovOperand *x, const FovOperand *labels, gboolean posterior,
          struct fov_push_ctc *push, GError **error)
{
    guint32 spec[4] = { fov_gpu_on_processor (program) ? 8 : 32,
                        (guint32) length_of (&labels->shape), label_words (labels),
                        (guint32) posterior };

    while (spec[0] < spec[1] && spec[0] < (fov_gpu_on_processor (program) ? 64 : 256))
        spec[0] *= 2;
    return log_softmax (program, x, &push->scores, error) &&
           fov_gpu_program_dispatch (program, "ctc", spec, 4, push, sizeof *push,
                                     (guint) x->shape.dim[0], 1, 1, error);
}

static guint
ctc_formats (const FovNode *node, int block)
{
    return can (node->inputs[0], node->inputs[1]);
}

static gboolean
record_ctc (FovGpuProgram *program, const FovStep *step, GError **error)
{
    struct fov_push_ctc push = make_push (step, step->in[0], step->in[1]);

    return dispatch (program, step->in[0], step->in[1], FALSE, &push, error);
}

const FovGpuOp fov_gpu_ctc = { ctc_formats, record_ctc };

static guint
grad_formats (const FovNode *node, int block)
{
    return fov_gpu_can_float (node->inputs[0]) ? can (node->inputs[1], node->inputs[2]) : 0;
}

static gboolean
record_grad (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovOperand *x = step->in[1], *labels = step->in[2];
    struct fov_push_ctc push = make_push (step, x, labels);
    guint32 spec[3] = { (guint32) length_of (&labels->shape), label_words (labels), 0 };
    const gint64 kept = x->shape.dim[0] * x->shape.dim[1] * length_of (&labels->shape);

    push.kept = (int) (fov_gpu_program_scratch (program, (gsize) kept * 4) / 4);
    push.dy = fov_gpu_source (program, step->in[0], &spec[2]);
    return dispatch (program, x, labels, TRUE, &push, error) &&
           fov_gpu_dispatch_flat (program, "ctc_grad", spec, 3, &push, sizeof push,
                                  (guint64) push.n, 64, error);
}

const FovGpuOp fov_gpu_ctc_grad = { grad_formats, record_grad };
