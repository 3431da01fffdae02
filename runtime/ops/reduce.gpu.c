/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reduce*, ArgMax, ArgMin, Softmax, LogSoftmax and Gather on vulkan. */
#include "ops/copy.h"
#include "ops/infer.h"

enum { MOST_STEPS = 65535, KIND_ARG_MAX = 16, KIND_ARG_MIN = 17 }; /* of the shader */

/** A planar tensor as lines along one or more neighbouring dimensions. */
typedef struct {
    gint64 outer, size, inner;
} Lines;

/* Dimensions in mask must be neighbours, but for those of size 1. */
static gboolean
find_lines (const FovShape *shape, guint mask, Lines *lines)
{
    *lines = (Lines){ 1, 1, 1 };
    for (int d = 0; d < shape->rank; d++) {
        gint64 n = shape->dim[d];
        if (n == 1)
            continue;
        if (mask & (1u << d)) {
            if (lines->inner > 1)
                return FALSE;
            lines->size *= n;
        } else if (lines->size > 1) {
            lines->inner *= n;
        } else {
            lines->outer *= n;
        }
    }
    return lines->size <= MOST_STEPS;
}

static gboolean
dispatch_lines (FovGpuProgram *program, const char *shader, const guint32 *spec, guint n_spec,
                const FovStep *step, const Lines *lines, GError **error)
{
    struct fov_push_reduce push = {
        .src = fov_gpu_float (step->in[0]),
        .dst = fov_gpu_float (step->out[0]),
        .n = (int) (lines->outer * lines->inner),
        .size = (int) lines->size,
        .inner = (int) lines->inner,
    };

    return fov_gpu_dispatch_flat (program, shader, spec, n_spec, &push, sizeof push,
                                  (guint64) push.n, 64, error);
}

/* ---- Reduce ----------------------------------------------------------- */

static gboolean
is_global (const FovNode *node)
{
    const FovReduceParams *p = node->params;

    return p->kind <= FOV_REDUCE_MIN && p->mask == 12 && p->keepdims &&
           fov_gpu_can_block (node->inputs[0]) && fov_gpu_can_block (node->outputs[0]);
}

static guint
reduce_formats (const FovNode *node, int block)
{
    const FovReduceParams *p = node->params;
    Lines lines;
    guint can = 0;

    if (!fov_gpu_can_floats (node, 1) || p->kind == FOV_REDUCE_LOG_SUM_EXP || node->inputs[0]->data)
        return 0;
    if (find_lines (&node->inputs[0]->shape, p->mask, &lines))
        can |= FOV_CAN_PLANAR;
    return can | (is_global (node) ? FOV_CAN_BLOCKED : 0);
}

static gboolean
record_reduce (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovReduceParams *p = step->node->params;
    guint32 spec[2] = { (guint32) p->kind, FALSE };
    Lines lines;

    if (step->in[0]->format.layout == FOV_BLOCKED) {
        FovPicture picture = fov_picture (&step->in[0]->shape);
        FovGlobalKind kind = p->kind == FOV_REDUCE_MAX   ? FOV_GLOBAL_MAX
                             : p->kind == FOV_REDUCE_MIN ? FOV_GLOBAL_MIN
                                                         : FOV_GLOBAL_SUM;
        float scale = p->kind == FOV_REDUCE_MEAN ? 1 / ((float) picture.h * (float) picture.w) : 1;
        return fov_gpu_record_global_pool (program, step->in[0], step->out[0], kind, scale, error);
    }
    find_lines (&step->in[0]->shape, p->mask, &lines);
    return dispatch_lines (program, "reduce", spec, 2, step, &lines, error);
}

const FovGpuOp fov_gpu_reduce = { reduce_formats, record_reduce };

/* ---- ArgMax, ArgMin --------------------------------------------------- */

static guint
arg_formats (const FovNode *node, int block)
{
    const FovArgParams *p = node->params;
    Lines lines;

    return fov_gpu_can_float (node->inputs[0]) && !node->inputs[0]->data &&
                   find_lines (&node->inputs[0]->shape, 1u << p->axis, &lines)
               ? FOV_CAN_PLANAR
               : 0;
}

static gboolean
record_arg (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovArgParams *p = step->node->params;
    guint32 spec[2] = { p->min ? KIND_ARG_MIN : KIND_ARG_MAX, p->select_last_index != 0 };
    Lines lines;

    find_lines (&step->in[0]->shape, 1u << p->axis, &lines);
    return dispatch_lines (program, "reduce", spec, 2, step, &lines, error);
}

const FovGpuOp fov_gpu_arg = { arg_formats, record_arg };

/* ---- Softmax ---------------------------------------------------------- */

static guint
softmax_formats (const FovNode *node, int block)
{
    const FovAxisParams *p = node->params;
    Lines lines;

    return p->kind <= 1 && fov_gpu_can_floats (node, 1) && !node->inputs[0]->data &&
                   find_lines (&node->inputs[0]->shape, 1u << p->axis, &lines)
               ? FOV_CAN_PLANAR
               : 0;
}

static gboolean
record_softmax (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovAxisParams *p = step->node->params;
    guint32 spec[1] = { p->kind == 1 };
    Lines lines;

    find_lines (&step->in[0]->shape, 1u << p->axis, &lines);
    return dispatch_lines (program, "softmax", spec, 1, step, &lines, error);
}

const FovGpuOp fov_gpu_softmax = { softmax_formats, record_softmax };

/* ---- Gather ----------------------------------------------------------- */

static guint
gather_formats (const FovNode *node, int block)
{
    const FovAxisParams *p = node->params;
    const FovTensor *x = node->inputs[0], *indices = node->inputs[1];
    gint64 count = fov_tensor_elements (indices);

    if (!indices->data || x->data || !fov_gpu_can_move (x) || count < 1 || count > 65535 ||
        fov_shape_span (&x->shape, 0, (int) p->axis) > 65535)
        return 0;
    return FOV_CAN_PLANAR;
}

static gboolean
record_gather (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovAxisParams *p = step->node->params;
    const FovShape *x = &step->in[0]->shape;
    const FovTensor *indices = step->in[1]->tensor;
    FovView view = { indices->dtype, indices->shape,
                     (gpointer) g_bytes_get_data (indices->data, NULL) };
    gint64 size = x->dim[p->axis], count = fov_tensor_elements (indices);
    gint64 outer = fov_shape_span (x, 0, (int) p->axis);
    guint32 spec[1] = { FALSE }, offset = 0;
    gint32 *to = fov_gpu_program_reserve_constant (program, (gsize) count * 4, &offset);
    struct fov_push_gather push = {
        .src = fov_gpu_float (step->in[0]),
        .dst = fov_gpu_float (step->out[0]),
        .indices = (int) (offset / 4),
        .size = (int) size,
        .count = (int) count,
        .inner = (int) fov_shape_span (x, (int) p->axis + 1, x->rank) *
                 fov_dtype_words (step->in[0]->dtype),
    };

    for (gint64 i = 0; to && i < count; i++) {
        gint64 k = fov_view_get_int (&view, i);
        if (k < -size || k >= size)
            return fov_node_error (step->node, error,
                                   "index %" G_GINT64_FORMAT
                                   " is outside the axis of %" G_GINT64_FORMAT,
                                   k, size);
        to[i] = (gint32) (k < 0 ? k + size : k);
    }
    return fov_gpu_program_dispatch (program, "gather", spec, 1, &push, sizeof push,
                                     (guint) (push.inner + 63) / 64, (guint) count, (guint) outer,
                                     error);
}

const FovGpuOp fov_gpu_gather = { gather_formats, record_gather };
