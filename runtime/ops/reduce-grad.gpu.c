/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fov.ReduceGrad and fov.NormGrad on vulkan, planar. */
#include "ops/infer.h"
#include "ops/record.h"

enum { MOST_STEPS = 65535 };

static gboolean
sees_lines (int kind)
{
    return kind == FOV_REDUCE_MAX || kind == FOV_REDUCE_MIN || kind == FOV_REDUCE_PROD;
}

/* What was reduced of x to y, of the same rank. */
static guint
reduced (const FovShape *x, const FovShape *y)
{
    guint mask = 0;

    for (int d = 0; d < x->rank; d++)
        if (x->dim[d] != y->dim[d])
            mask |= 1u << d;
    return mask;
}

static guint
formats (const FovNode *node, int block)
{
    const FovReduceParams *p = node->params;
    const FovShape *x = &node->inputs[1]->shape, *y = &node->inputs[2]->shape;
    FovLines lines;

    if (!fov_gpu_can_floats (node, 7) || node->inputs[1]->data || node->inputs[2]->data ||
        x->rank > 6 || x->rank != y->rank)
        return 0;
    if (sees_lines (p->kind) &&
        (!fov_gpu_find_lines (x, reduced (x, y), &lines) || lines.size > MOST_STEPS))
        return 0;
    return FOV_CAN_PLANAR;
}

static gboolean
count (FovGpuProgram *program, const FovStep *step, int kind, int *place, GError **error)
{
    const FovShape *x = &step->in[1]->shape, *y = &step->in[2]->shape;
    gint64 n = fov_shape_elements (y);
    guint32 extremum = kind != FOV_REDUCE_PROD;
    struct fov_push_reduce push;
    FovLines lines;

    fov_gpu_find_lines (x, reduced (x, y), &lines);
    *place = (int) (fov_gpu_program_scratch (program, (gsize) n * 8) / 4);
    push = (struct fov_push_reduce){
        .src = fov_gpu_float (step->in[1]),
        .dst = *place,
        .n = (int) n,
        .size = (int) lines.size,
        .inner = (int) lines.inner,
        .whole = fov_gpu_float (step->in[2]),
    };
    return fov_gpu_dispatch_flat (program, "reduce_count", &extremum, 1, &push, sizeof push,
                                  (guint64) n, 64, error);
}

static gboolean
record (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovReduceParams *p = step->node->params;
    const FovShape *x = &step->in[1]->shape;
    guint32 spec[3] = { (guint32) p->kind, (guint32) x->rank, 0 };
    struct fov_push_reduce_grad push = {
        .dy = fov_gpu_source (program, step->in[0], &spec[2]),
        .x = fov_gpu_float (step->in[1]),
        .y = fov_gpu_float (step->in[2]),
        .dst = fov_gpu_float (step->out[0]),
        .n = (int) fov_shape_elements (x),
    };
    gint64 stride[FOV_MAX_RANK];

    if (sees_lines (p->kind) && !count (program, step, p->kind, &push.lines, error))
        return FALSE;
    fov_broadcast_strides (&step->in[2]->shape, x, stride);
    for (int d = 0; d < x->rank; d++) {
        push.size[d] = (int) x->dim[d];
        push.stride[d] = (int) stride[d];
    }
    return fov_gpu_dispatch_flat (program, "reduce_grad", spec, 3, &push, sizeof push,
                                  (guint64) push.n, 64, error);
}

const FovGpuOp fov_gpu_reduce_grad = { formats, record };

/* ---- fov.NormGrad: u, x [..., run] -> dx, x^ ---- */

static guint
norm_formats (const FovNode *node, int block)
{
    const FovShape *x = &node->inputs[0]->shape;

    return fov_gpu_can_floats (node, 3) && !node->inputs[0]->data && !node->inputs[1]->data &&
                   x->dim[x->rank - 1] <= 32 * MOST_STEPS
               ? FOV_CAN_PLANAR
               : 0;
}

static gboolean
record_norm (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovShape *x = &step->in[0]->shape;
    guint32 lanes = fov_gpu_on_processor (program) ? 32 : 128;
    struct fov_push_norm_grad push = {
        .u = fov_gpu_float (step->in[0]),
        .src = fov_gpu_float (step->in[1]),
        .dst = fov_gpu_float (step->out[0]),
        .normal = step->out[1] ? fov_gpu_float (step->out[1]) : -1,
        .run = (int) x->dim[x->rank - 1],
        .epsilon = ((const FovNormParams *) step->node->params)->epsilon,
    };

    push.n = (int) (fov_shape_elements (x) / push.run);
    return fov_gpu_dispatch_flat (program, "norm_grad", &lanes, 1, &push, sizeof push,
                                  (guint64) push.n, 1, error);
}

const FovGpuOp fov_gpu_norm_grad = { norm_formats, record_norm };
