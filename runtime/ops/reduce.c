/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reductions over axes, ArgMax and ArgMin, and Softmax and its kin. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

#include <math.h>

/* ---- Reduce* ---------------------------------------------------------- */

/* The input's shape without the axes of mask (or with 1 in their place). */
static FovShape
reduced_shape (const FovShape *x, guint mask, gboolean keep)
{
    FovShape out = { 0, { 0 } };

    for (int d = 0; d < x->rank; d++) {
        if (!(mask & 1u << d))
            out.dim[out.rank++] = x->dim[d];
        else if (keep)
            out.dim[out.rank++] = 1;
    }
    return out;
}

static guint
reduce_dtypes (int kind)
{
    switch (kind) {
    case FOV_REDUCE_L2:
    case FOV_REDUCE_LOG_SUM:
    case FOV_REDUCE_LOG_SUM_EXP:
        return FOV_FLOATS;
    default:
        return FOV_NUMBERS;
    }
}

static gboolean
reduce_infer (FovNode *node, GError **error)
{
    FovReduceParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0);
    FovDType dtype = node->inputs[0]->dtype;
    gint64 axes[FOV_MAX_RANK];
    FovShape out;
    guint n;
    FovIntsState state = fov_infer_ints (node, 1, "axes", axes, FOV_MAX_RANK, &n, error);

    if (state == FOV_INTS_BAD || !fov_infer_dtype (node, 0, reduce_dtypes (p->kind), error))
        return FALSE;
    if (state == FOV_INTS_UNKNOWN) {
        n = (guint) fov_tensor_elements (node->inputs[1]);
        fov_infer_unknown (node, 0, dtype, p->keepdims ? x->rank : MAX (x->rank - (int) n, 0));
        return TRUE;
    }
    if (!fov_infer_axes (node, axes, n, x->rank, &p->mask, error))
        return FALSE;
    if (n == 0 && !p->noop_with_empty_axes)
        p->mask = (1u << x->rank) - 1;
    out = reduced_shape (x, p->mask, p->keepdims != 0);
    return fov_infer_output (node, 0, dtype, &out, error);
}

/* The part of the input that falls into one output: its shape and strides. */
typedef struct {
    const FovView *x;
    FovShape shape;
    gint64 stride[FOV_MAX_RANK];
    gint64 n;
} Fiber;

static double
reduce_float (int kind, const Fiber *f, gint64 base)
{
    gint64 at[FOV_MAX_RANK] = { 0 };
    gboolean product = kind == FOV_REDUCE_PROD;
    double acc = product ? 1 : 0, max = -INFINITY, min = INFINITY, peak = 0;

    for (gint64 i = 0; kind == FOV_REDUCE_LOG_SUM_EXP && i < f->n; i++) {
        double v = fov_view_get (f->x, base + fov_index (f->shape.rank, at, f->stride));
        peak = i == 0 ? v : MAX (peak, v);
        fov_next_coord (&f->shape, at);
    }
    peak = isfinite (peak) ? peak : 0; /* subtracted so that exp does not overflow */
    for (gint64 i = 0; i < f->n; i++, fov_next_coord (&f->shape, at)) {
        double v = fov_view_get (f->x, base + fov_index (f->shape.rank, at, f->stride));
        max = v > max || isnan (v) ? v : max;
        min = v < min || isnan (v) ? v : min;
        if (product)
            acc *= v;
        else if (kind == FOV_REDUCE_L1)
            acc += fabs (v);
        else if (kind == FOV_REDUCE_L2 || kind == FOV_REDUCE_SUM_SQUARE)
            acc += v * v;
        else
            acc += kind == FOV_REDUCE_LOG_SUM_EXP ? exp (v - peak) : v;
    }
    switch (kind) {
    case FOV_REDUCE_MEAN:
        return acc / f->n;
    case FOV_REDUCE_MAX:
        return max;
    case FOV_REDUCE_MIN:
        return min;
    case FOV_REDUCE_L2:
        return sqrt (acc);
    case FOV_REDUCE_LOG_SUM:
        return log (acc);
    case FOV_REDUCE_LOG_SUM_EXP:
        return log (acc) + peak;
    default:
        return acc;
    }
}

/* Sums and products wrap around; a mean is cut towards 0. */
static gint64
reduce_int (int kind, const Fiber *f, gint64 base)
{
    gint64 at[FOV_MAX_RANK] = { 0 }, max = G_MININT64, min = G_MAXINT64;
    guint64 acc = kind == FOV_REDUCE_PROD ? 1 : 0;

    for (gint64 i = 0; i < f->n; i++, fov_next_coord (&f->shape, at)) {
        gint64 v = fov_view_get_int (f->x, base + fov_index (f->shape.rank, at, f->stride));
        guint64 u = (guint64) v;
        max = MAX (max, v);
        min = MIN (min, v);
        if (kind == FOV_REDUCE_PROD)
            acc *= u;
        else if (kind == FOV_REDUCE_SUM_SQUARE)
            acc += u * u;
        else
            acc += kind == FOV_REDUCE_L1 && v < 0 ? 0 - u : u;
    }
    switch (kind) {
    case FOV_REDUCE_MAX:
        return max;
    case FOV_REDUCE_MIN:
        return min;
    case FOV_REDUCE_MEAN:
        return f->n ? (gint64) acc / f->n : 0;
    default:
        return (gint64) acc;
    }
}

static gboolean
reduce_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovReduceParams *p = node->params;
    gint64 own[FOV_MAX_RANK], stride[FOV_MAX_RANK], at[FOV_MAX_RANK] = { 0 };
    gint64 n = fov_shape_elements (&out->shape);
    FovShape kept = reduced_shape (&in->shape, p->mask, FALSE);
    Fiber f = { .x = in };
    int rank = 0;

    fov_strides (&in->shape, own);
    for (int d = 0; d < in->shape.rank; d++) {
        if (p->mask & 1u << d) {
            f.stride[f.shape.rank] = own[d];
            f.shape.dim[f.shape.rank++] = in->shape.dim[d];
        } else {
            stride[rank++] = own[d];
        }
    }
    f.n = fov_shape_elements (&f.shape);
    for (gint64 i = 0; i < n; i++, fov_next_coord (&kept, at)) {
        gint64 base = fov_index (rank, at, stride);
        if (fov_dtype_is_float (in->dtype))
            fov_view_set (out, i, reduce_float (p->kind, &f, base));
        else
            fov_view_set_int (out, i, fov_wrap_int (out->dtype, reduce_int (p->kind, &f, base)));
    }
    return TRUE;
}

static double
reduce_flops (const FovNode *node)
{
    return (double) fov_tensor_elements (node->inputs[0]);
}

/* ---- ArgMax, ArgMin --------------------------------------------------- */

static gboolean
arg_infer (FovNode *node, GError **error)
{
    FovArgParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0);
    FovShape out;
    int axis;

    if (!fov_infer_dtype (node, 0, FOV_NUMBERS, error) ||
        !fov_infer_axis (node, p->axis, x->rank, &axis, error))
        return FALSE;
    if (x->dim[axis] < 1)
        return fov_node_error (node, error, "axis %d is empty", axis);
    p->axis = axis;
    out = reduced_shape (x, 1u << axis, p->keepdims != 0);
    return fov_infer_output (node, 0, FOV_I64, &out, error);
}

static gboolean
arg_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovArgParams *p = node->params;
    int axis = (int) p->axis;
    gint64 inner = fov_shape_span (&in->shape, axis + 1, in->shape.rank);
    gint64 size = in->shape.dim[axis], n = fov_shape_elements (&out->shape);

    for (gint64 o = 0; o < n; o++) {
        gint64 base = o / inner * size * inner + o % inner, best = 0;
        for (gint64 k = 1; k < size; k++) {
            double v = fov_view_get (in, base + k * inner);
            double b = fov_view_get (in, base + best * inner);
            if (p->min ? v < b : v > b)
                best = k;
            else if (v == b && p->select_last_index)
                best = k;
        }
        fov_view_set_int (out, o, best);
    }
    return TRUE;
}

/* ---- Softmax, LogSoftmax, Hardmax ------------------------------------- */

enum { SOFTMAX, LOG_SOFTMAX, HARDMAX };

static gboolean
softmax_infer (FovNode *node, GError **error)
{
    FovAxisParams *p = node->params;
    int axis;

    if (!fov_infer_dtype (node, 0, FOV_FLOATS, error) ||
        !fov_infer_axis (node, p->axis, fov_in_shape (node, 0)->rank, &axis, error))
        return FALSE;
    p->axis = axis;
    return fov_infer_same (node, error);
}

static void
softmax_line (int kind, const FovView *in, FovView *out, gint64 base, gint64 step, gint64 size)
{
    gint64 best = 0;
    double max = fov_view_get (in, base), sum = 0;

    for (gint64 k = 1; k < size; k++) {
        double v = fov_view_get (in, base + k * step);
        best = v > max ? k : best;
        max = MAX (max, v);
    }
    for (gint64 k = 0; k < size; k++)
        sum += exp (fov_view_get (in, base + k * step) - max);
    for (gint64 k = 0; k < size; k++) {
        double d = fov_view_get (in, base + k * step) - max;
        double y = kind == SOFTMAX ? exp (d) / sum : kind == HARDMAX ? k == best : d - log (sum);
        fov_view_set (out, base + k * step, y);
    }
}

static gboolean
softmax_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovAxisParams *p = node->params;
    int axis = (int) p->axis;
    gint64 inner = fov_shape_span (&in->shape, axis + 1, in->shape.rank);
    gint64 outer = fov_shape_span (&in->shape, 0, axis), size = in->shape.dim[axis];

    if (fov_shape_elements (&in->shape) == 0)
        return TRUE;
    for (gint64 o = 0; o < outer; o++)
        for (gint64 i = 0; i < inner; i++)
            softmax_line (p->kind, in, out, o * size * inner + i, inner, size);
    return TRUE;
}

/* ---- the table -------------------------------------------------------- */

#define REDUCE(id, op_name, op_kind)                                                               \
    static const FovParam id##_params[] = {                                                        \
        FOV_P_KIND (FovReduceParams, kind, op_kind),                                               \
        FOV_P_INT ("keepdims", FovReduceParams, keepdims, 1),                                      \
        FOV_P_INT ("noop_with_empty_axes", FovReduceParams, noop_with_empty_axes, 0),              \
        FOV_P_END,                                                                                 \
    };                                                                                             \
    static const FovOpDef id = {                                                                   \
        .name = op_name,                                                                           \
        .min_inputs = 1,                                                                           \
        .max_inputs = 2,                                                                           \
        .min_outputs = 1,                                                                          \
        .max_outputs = 1,                                                                          \
        .params = id##_params,                                                                     \
        .params_size = sizeof (FovReduceParams),                                                   \
        .infer = reduce_infer,                                                                     \
        .reference = reduce_reference,                                                             \
        .gradient = fov_gradient_reduce,                                                           \
        .host = (op_kind) <= FOV_REDUCE_MIN || (op_kind) == FOV_REDUCE_SUM_SQUARE                  \
                    ? &fov_host_reduce                                                             \
                    : NULL,                                                                        \
        .flops = reduce_flops,                                                                     \
        .gpu = &fov_gpu_reduce,                                                                    \
    };

REDUCE (sum, "ReduceSum", FOV_REDUCE_SUM)
REDUCE (mean, "ReduceMean", FOV_REDUCE_MEAN)
REDUCE (max, "ReduceMax", FOV_REDUCE_MAX)
REDUCE (min, "ReduceMin", FOV_REDUCE_MIN)
REDUCE (prod, "ReduceProd", FOV_REDUCE_PROD)
REDUCE (l1, "ReduceL1", FOV_REDUCE_L1)
REDUCE (l2, "ReduceL2", FOV_REDUCE_L2)
REDUCE (sum_square, "ReduceSumSquare", FOV_REDUCE_SUM_SQUARE)
REDUCE (log_sum, "ReduceLogSum", FOV_REDUCE_LOG_SUM)
REDUCE (log_sum_exp, "ReduceLogSumExp", FOV_REDUCE_LOG_SUM_EXP)

#define ARG(id, op_name, is_min)                                                                   \
    static const FovParam id##_params[] = {                                                        \
        FOV_P_KIND (FovArgParams, min, is_min),                                                    \
        FOV_P_INT ("axis", FovArgParams, axis, 0),                                                 \
        FOV_P_INT ("keepdims", FovArgParams, keepdims, 1),                                         \
        FOV_P_INT ("select_last_index", FovArgParams, select_last_index, 0),                       \
        FOV_P_END,                                                                                 \
    };                                                                                             \
    static const FovOpDef id = {                                                                   \
        .name = op_name,                                                                           \
        .min_inputs = 1,                                                                           \
        .max_inputs = 1,                                                                           \
        .min_outputs = 1,                                                                          \
        .max_outputs = 1,                                                                          \
        .params = id##_params,                                                                     \
        .params_size = sizeof (FovArgParams),                                                      \
        .infer = arg_infer,                                                                        \
        .reference = arg_reference,                                                                \
        .host = NULL,                                                                              \
        .flops = reduce_flops,                                                                     \
        .gpu = &fov_gpu_arg,                                                                       \
    };

ARG (arg_max, "ArgMax", 0)
ARG (arg_min, "ArgMin", 1)

#define SOFTMAX_OP(id, op_name, op_kind)                                                           \
    static const FovParam id##_params[] = {                                                        \
        FOV_P_KIND (FovAxisParams, kind, op_kind),                                                 \
        FOV_P_INT ("axis", FovAxisParams, axis, -1),                                               \
        FOV_P_END,                                                                                 \
    };                                                                                             \
    static const FovOpDef id = {                                                                   \
        .name = op_name,                                                                           \
        .min_inputs = 1,                                                                           \
        .max_inputs = 1,                                                                           \
        .min_outputs = 1,                                                                          \
        .max_outputs = 1,                                                                          \
        .params = id##_params,                                                                     \
        .params_size = sizeof (FovAxisParams),                                                     \
        .infer = softmax_infer,                                                                    \
        .reference = softmax_reference,                                                            \
        .gradient = op_kind == HARDMAX ? NULL : fov_gradient_softmax,                              \
        .host = (op_kind) <= 1 ? &fov_host_softmax : NULL,                                         \
        .flops = NULL,                                                                             \
        .gpu = op_kind == HARDMAX ? NULL : &fov_gpu_softmax,                                       \
    };

SOFTMAX_OP (softmax, "Softmax", SOFTMAX)
SOFTMAX_OP (log_softmax, "LogSoftmax", LOG_SOFTMAX)
SOFTMAX_OP (hardmax, "Hardmax", HARDMAX)

const FovOpDef *const fov_ops_reduce[] = {
    &sum,     &mean,        &max,     &min,     &prod,    &l1,          &l2,      &sum_square,
    &log_sum, &log_sum_exp, &arg_max, &arg_min, &softmax, &log_softmax, &hardmax, NULL,
};
