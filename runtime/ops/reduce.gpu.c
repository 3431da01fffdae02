/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reduce*, ArgMax, ArgMin, Softmax, LogSoftmax and Gather on vulkan. */
#include "ops/copy.h"
#include "ops/infer.h"

enum { MOST_STEPS = 65535, PART = 1024, FEW_LINES = 256, LONG_LINE = 256 };
enum { KIND_ROOT = 10, KIND_ARG_MAX = 16, KIND_ARG_MIN = 17 }; /* of the shader, as FovReduceKind */

gboolean
fov_gpu_find_lines (const FovShape *shape, guint mask, FovLines *lines)
{
    *lines = (FovLines){ 1, 1, 1 };
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
    return TRUE;
}

static gboolean
find_short_lines (const FovShape *shape, guint mask, FovLines *lines)
{
    return fov_gpu_find_lines (shape, mask, lines) && lines->size <= MOST_STEPS;
}

static gboolean
dispatch_lines (FovGpuProgram *program, const char *shader, const guint32 *spec, guint n_spec,
                const FovStep *step, const FovLines *lines, GError **error)
{
    struct fov_push_reduce push = {
        .parts = 1,
        .whole = (int) lines->size,
        .scale = 1 / (float) lines->size,
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
    FovLines lines;
    guint can = 0;

    if (!fov_gpu_can_floats (node, 1) || node->inputs[0]->data)
        return 0;
    if (fov_gpu_find_lines (&node->inputs[0]->shape, p->mask, &lines) &&
        lines.size <= (p->kind == FOV_REDUCE_LOG_SUM_EXP ? MOST_STEPS : MOST_STEPS * PART))
        can |= FOV_CAN_PLANAR;
    return can | (is_global (node) ? FOV_CAN_BLOCKED : 0);
}

/* What puts parts together, and what a part is made of. */
static int
kind_of_parts (int kind, int *whole)
{
    *whole = kind;
    switch (kind) {
    case FOV_REDUCE_MEAN:
    case FOV_REDUCE_LOG_SUM:
        return FOV_REDUCE_SUM;
    case FOV_REDUCE_L1:
    case FOV_REDUCE_SUM_SQUARE:
        *whole = FOV_REDUCE_SUM;
        return kind;
    case FOV_REDUCE_L2:
        *whole = KIND_ROOT;
        return FOV_REDUCE_SUM_SQUARE;
    default:
        return kind;
    }
}

/* Lines this long are cut into about as many parts as those have elements. */
static int
part_of (gint64 size)
{
    int part = 16;

    while (part < PART && (gint64) part * part < size)
        part *= 2;
    return part;
}

/* Few long lines: parts of each first, so that there is work for all lanes. */
static gboolean
record_parts (FovGpuProgram *program, const FovStep *step, int kind, const FovLines *lines,
              GError **error)
{
    int size = part_of (lines->size), parts = (int) ((lines->size + size - 1) / size);
    int whole, part = kind_of_parts (kind, &whole);
    gint64 n = lines->outer * lines->inner * parts;
    int place = (int) (fov_gpu_program_scratch (program, (gsize) n * 4) / 4);
    guint32 spec[2] = { (guint32) part, FALSE };
    struct fov_push_reduce push = {
        .src = fov_gpu_float (step->in[0]),
        .dst = place,
        .n = (int) n,
        .size = size,
        .inner = (int) lines->inner,
        .whole = (int) lines->size,
        .parts = parts,
        .scale = 1,
    };

    if (!fov_gpu_dispatch_flat (program, "reduce", spec, 2, &push, sizeof push, (guint64) n, 64,
                                error))
        return FALSE;
    spec[0] = (guint32) whole;
    push.src = place;
    push.dst = fov_gpu_float (step->out[0]);
    push.n = (int) (lines->outer * lines->inner);
    push.size = push.whole = parts;
    push.parts = 1;
    push.scale = 1 / (float) lines->size;
    return fov_gpu_dispatch_flat (program, "reduce", spec, 2, &push, sizeof push, (guint64) push.n,
                                  64, error);
}

static gboolean
record_reduce (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovReduceParams *p = step->node->params;
    guint32 spec[2] = { (guint32) p->kind, FALSE };
    FovLines lines;

    if (step->in[0]->format.layout == FOV_BLOCKED) {
        FovPicture picture = fov_picture (&step->in[0]->shape);
        FovGlobalKind kind = p->kind == FOV_REDUCE_MAX   ? FOV_GLOBAL_MAX
                             : p->kind == FOV_REDUCE_MIN ? FOV_GLOBAL_MIN
                                                         : FOV_GLOBAL_SUM;
        float scale = p->kind == FOV_REDUCE_MEAN ? 1 / ((float) picture.h * (float) picture.w) : 1;
        return fov_gpu_record_global_pool (program, step->in[0], step->out[0], kind, scale, error);
    }
    fov_gpu_find_lines (&step->in[0]->shape, p->mask, &lines);
    if (p->kind != FOV_REDUCE_LOG_SUM_EXP &&
        (lines.size > MOST_STEPS ||
         (lines.size >= LONG_LINE && lines.outer * lines.inner < FEW_LINES)))
        return record_parts (program, step, p->kind, &lines, error);
    return dispatch_lines (program, "reduce", spec, 2, step, &lines, error);
}

const FovGpuOp fov_gpu_reduce = { reduce_formats, record_reduce };

/* ---- ArgMax, ArgMin --------------------------------------------------- */

static guint
arg_formats (const FovNode *node, int block)
{
    const FovArgParams *p = node->params;
    FovLines lines;

    return fov_gpu_can_float (node->inputs[0]) && !node->inputs[0]->data &&
                   find_short_lines (&node->inputs[0]->shape, 1u << p->axis, &lines)
               ? FOV_CAN_PLANAR
               : 0;
}

static gboolean
record_arg (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovArgParams *p = step->node->params;
    guint32 spec[2] = { p->min ? KIND_ARG_MIN : KIND_ARG_MAX, p->select_last_index != 0 };
    FovLines lines;

    fov_gpu_find_lines (&step->in[0]->shape, 1u << p->axis, &lines);
    return dispatch_lines (program, "reduce", spec, 2, step, &lines, error);
}

const FovGpuOp fov_gpu_arg = { arg_formats, record_arg };

/* ---- Softmax ---------------------------------------------------------- */

static guint
softmax_formats (const FovNode *node, int block)
{
    const FovAxisParams *p = node->params;
    FovLines lines;

    return p->kind <= 1 && fov_gpu_can_floats (node, 1) && !node->inputs[0]->data &&
                   find_short_lines (&node->inputs[0]->shape, 1u << p->axis, &lines)
               ? FOV_CAN_PLANAR
               : 0;
}

static gboolean
record_softmax (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovAxisParams *p = step->node->params;
    guint32 spec[1] = { p->kind == 1 };
    FovLines lines;

    fov_gpu_find_lines (&step->in[0]->shape, 1u << p->axis, &lines);
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

    if ((indices->dtype != FOV_I64 && indices->dtype != FOV_I32) || x->data ||
        !fov_gpu_can_move (x) || count < 1 || count > 65535 ||
        fov_shape_span (&x->shape, 0, (int) p->axis) > 65535)
        return 0;
    return FOV_CAN_PLANAR;
}

/* Constants out of range are an error; what is computed the kernel can not complain of. */
static gboolean
check_indices (const FovStep *step, gint64 size, GError **error)
{
    const FovTensor *indices = step->in[1]->tensor;
    FovView view = { indices->dtype, indices->shape, NULL };

    if (!indices->data)
        return TRUE;
    view.data = (gpointer) g_bytes_get_data (indices->data, NULL);
    for (gint64 i = 0; i < fov_tensor_elements (indices); i++) {
        gint64 k = fov_view_get_int (&view, i);
        if (k < -size || k >= size)
            return fov_node_error (step->node, error,
                                   "index %" G_GINT64_FORMAT
                                   " is outside the axis of %" G_GINT64_FORMAT,
                                   k, size);
    }
    return TRUE;
}

static gboolean
record_gather (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovAxisParams *p = step->node->params;
    const FovShape *x = &step->in[0]->shape;
    guint32 spec[2] = { FALSE, 0 };
    struct fov_push_gather push = {
        .src = fov_gpu_float (step->in[0]),
        .dst = fov_gpu_float (step->out[0]),
        .indices = fov_gpu_index_source (program, step->in[1], &spec[1]),
        .size = (int) x->dim[p->axis],
        .count = (int) fov_shape_elements (&step->in[1]->shape),
        .inner = (int) fov_shape_span (x, (int) p->axis + 1, x->rank) *
                 fov_dtype_words (step->in[0]->dtype),
    };

    return check_indices (step, x->dim[p->axis], error) &&
           fov_gpu_program_dispatch (program, "gather", spec, 2, &push, sizeof push,
                                     (guint) (push.inner + 63) / 64, (guint) push.count,
                                     (guint) fov_shape_span (x, 0, (int) p->axis), error);
}

const FovGpuOp fov_gpu_gather = { gather_formats, record_gather };
