/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Elementwise functions of several inputs, with numpy's broadcasting. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

#include <math.h>

/* ---- inference -------------------------------------------------------- */

static gboolean
infer_broadcast_all (FovNode *node, FovDType dtype, GError **error)
{
    FovShape out = *fov_in_shape (node, 0);

    for (guint i = 1; i < node->n_inputs; i++)
        if (!fov_infer_broadcast (node, &out, fov_in_shape (node, i), error))
            return FALSE;
    return fov_infer_output (node, 0, dtype, &out, error);
}

static gboolean
all_inputs_there (const FovNode *node, GError **error)
{
    for (guint i = 0; i < node->n_inputs; i++)
        if (!node->inputs[i])
            return fov_node_error (node, error, "input %u is missing", i);
    return TRUE;
}

static gboolean
arithmetic_infer (FovNode *node, GError **error)
{
    const FovBinaryParams *p = node->params;
    FovDType dtype;

    if (!all_inputs_there (node, error) ||
        !fov_infer_dtypes (node, p->kind == FOV_BINARY_POW ? 1 : node->n_inputs, FOV_NUMBERS,
                           error) ||
        !fov_infer_dtype (node, node->n_inputs - 1, FOV_NUMBERS, error))
        return FALSE;
    dtype = node->inputs[0]->dtype;
    if (p->kind == FOV_BINARY_MOD && !p->fmod && fov_dtype_is_float (dtype))
        return fov_node_error (node, error, "fmod must be 1 for inputs of type %s",
                               fov_dtype_name (dtype));
    if (!infer_broadcast_all (node, dtype, error))
        return FALSE;
    if (p->kind == FOV_BINARY_PRELU &&
        !fov_shape_equal (&node->outputs[0]->shape, fov_in_shape (node, 0))) {
        g_autofree char *x = fov_shape_to_string (fov_in_shape (node, 0));
        g_autofree char *slope = fov_shape_to_string (fov_in_shape (node, 1));
        return fov_node_error (node, error, "the slope's shape %s does not broadcast to %s", slope,
                               x);
    }
    return TRUE;
}

static gboolean
compare_infer (FovNode *node, GError **error)
{
    const FovBinaryParams *p = node->params;
    guint set = p->kind == FOV_BINARY_EQUAL ? FOV_ANY_DTYPE : FOV_NUMBERS;

    return fov_infer_dtypes (node, 2, set, error) && infer_broadcast_all (node, FOV_BOOL, error);
}

static gboolean
logic_infer (FovNode *node, GError **error)
{
    return fov_infer_dtypes (node, 2, FOV_DTYPE_BIT (FOV_BOOL), error) &&
           infer_broadcast_all (node, FOV_BOOL, error);
}

/* ---- the functions ---------------------------------------------------- */

static double
value (const FovBinaryParams *p, double a, double b)
{
    switch (p->kind) {
    case FOV_BINARY_ADD:
    case FOV_BINARY_SUM:
    case FOV_BINARY_MEAN:
        return a + b;
    case FOV_BINARY_SUB:
        return a - b;
    case FOV_BINARY_MUL:
        return a * b;
    case FOV_BINARY_DIV:
        return a / b;
    case FOV_BINARY_POW:
        return pow (a, b);
    case FOV_BINARY_MIN:
        return a < b || isnan (a) ? a : b;
    case FOV_BINARY_MAX:
        return a > b || isnan (a) ? a : b;
    case FOV_BINARY_MOD:
        return fmod (a, b);
    case FOV_BINARY_PRELU:
        return a < 0 ? a * b : a;
    case FOV_BINARY_EQUAL:
        return a == b;
    case FOV_BINARY_GREATER:
        return a > b;
    case FOV_BINARY_GREATER_EQUAL:
        return a >= b;
    case FOV_BINARY_LESS:
        return a < b;
    case FOV_BINARY_LESS_EQUAL:
        return a <= b;
    default:
        return NAN;
    }
}

static gint64
power_int (gint64 base, gint64 exponent)
{
    guint64 result = 1, b = (guint64) base;

    if (exponent < 0) /* 1 / base^n, towards 0 */
        return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
    for (; exponent; exponent >>= 1, b *= b)
        if (exponent & 1)
            result *= b;
    return (gint64) result;
}

static gint64
mod_int (const FovBinaryParams *p, gint64 a, gint64 b)
{
    gint64 r = b == -1 ? 0 : a % b;

    return !p->fmod && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/* b is not 0 where it divides; sums and products wrap around. */
static gint64
value_int (const FovBinaryParams *p, gint64 a, gint64 b)
{
    switch (p->kind) {
    case FOV_BINARY_ADD:
    case FOV_BINARY_SUM:
    case FOV_BINARY_MEAN:
        return (gint64) ((guint64) a + (guint64) b);
    case FOV_BINARY_SUB:
        return (gint64) ((guint64) a - (guint64) b);
    case FOV_BINARY_MUL:
        return (gint64) ((guint64) a * (guint64) b);
    case FOV_BINARY_DIV:
        return b == -1 ? (gint64) (0 - (guint64) a) : a / b;
    case FOV_BINARY_POW:
        return power_int (a, b);
    case FOV_BINARY_MIN:
        return MIN (a, b);
    case FOV_BINARY_MAX:
        return MAX (a, b);
    case FOV_BINARY_MOD:
        return mod_int (p, a, b);
    case FOV_BINARY_PRELU:
        return a < 0 ? (gint64) ((guint64) a * (guint64) b) : a;
    case FOV_BINARY_EQUAL:
        return a == b;
    case FOV_BINARY_GREATER:
        return a > b;
    case FOV_BINARY_GREATER_EQUAL:
        return a >= b;
    case FOV_BINARY_LESS:
        return a < b;
    case FOV_BINARY_LESS_EQUAL:
        return a <= b;
    case FOV_BINARY_AND:
        return a && b;
    case FOV_BINARY_OR:
        return a || b;
    case FOV_BINARY_XOR:
        return !a != !b;
    default:
        return 0;
    }
}

/* ---- references ------------------------------------------------------- */

/* out = kind (a, b) elementwise, a and b broadcast. */
static gboolean
apply (const FovNode *node, const FovView *a, const FovView *b, FovView *out, GError **error)
{
    const FovBinaryParams *p = node->params;
    gboolean ints = !fov_dtype_is_float (a->dtype) && !fov_dtype_is_float (b->dtype);
    gboolean divides = p->kind == FOV_BINARY_DIV || p->kind == FOV_BINARY_MOD;
    gint64 sa[FOV_MAX_RANK], sb[FOV_MAX_RANK], at[FOV_MAX_RANK] = { 0 };
    gint64 n = fov_shape_elements (&out->shape);
    int rank = out->shape.rank;

    fov_broadcast_strides (&a->shape, &out->shape, sa);
    fov_broadcast_strides (&b->shape, &out->shape, sb);
    for (gint64 i = 0; i < n; i++, fov_next_coord (&out->shape, at)) {
        gint64 ia = fov_index (rank, at, sa), ib = fov_index (rank, at, sb);
        if (ints) {
            gint64 y = fov_view_get_int (b, ib);
            if (divides && y == 0)
                return fov_node_error (node, error, "integer division by zero");
            fov_view_set_int (out, i,
                              fov_wrap_int (out->dtype,
                                            value_int (p, fov_view_get_int (a, ia), y)));
        } else {
            double y = value (p, fov_view_get (a, ia), fov_view_get (b, ib));
            fov_view_set (out, i, fov_dtype_is_float (out->dtype) ? y : trunc (y));
        }
    }
    return TRUE;
}

static gboolean
binary_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    return apply (node, &in[0], &in[1], out, error);
}

/* Min, Max, Sum, Mean: in double over all inputs at each place. */
static gboolean
variadic_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovBinaryParams *p = node->params;
    gboolean ints = !fov_dtype_is_float (out->dtype);
    gint64 at[FOV_MAX_RANK] = { 0 }, n = fov_shape_elements (&out->shape);
    g_autofree gint64 *stride = g_new (gint64, node->n_inputs * FOV_MAX_RANK);

    for (guint k = 0; k < node->n_inputs; k++)
        fov_broadcast_strides (&in[k].shape, &out->shape, stride + k * FOV_MAX_RANK);
    for (gint64 i = 0; i < n; i++, fov_next_coord (&out->shape, at)) {
        double real = 0;
        gint64 whole = 0;
        for (guint k = 0; k < node->n_inputs; k++) {
            gint64 from = fov_index (out->shape.rank, at, stride + k * FOV_MAX_RANK);
            if (ints) {
                gint64 x = fov_view_get_int (&in[k], from);
                whole = k ? value_int (p, whole, x) : x;
            } else {
                double x = fov_view_get (&in[k], from);
                real = k ? value (p, real, x) : x;
            }
        }
        if (ints)
            fov_view_set_int (out, i, fov_wrap_int (out->dtype, whole));
        else
            fov_view_set (out, i, p->kind == FOV_BINARY_MEAN ? real / node->n_inputs : real);
    }
    return TRUE;
}

static gboolean
mean_infer (FovNode *node, GError **error)
{
    return all_inputs_there (node, error) && fov_infer_dtype (node, 0, FOV_FLOATS, error) &&
           arithmetic_infer (node, error);
}

/* ---- Where: condition ? X : Y ---------------------------------------- */

static gboolean
where_infer (FovNode *node, GError **error)
{
    FovDType dtype = node->inputs[1]->dtype;

    return fov_infer_dtype (node, 0, FOV_DTYPE_BIT (FOV_BOOL), error) &&
           fov_infer_dtype (node, 2, FOV_DTYPE_BIT (dtype), error) &&
           infer_broadcast_all (node, dtype, error);
}

static gboolean
where_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 stride[3][FOV_MAX_RANK], at[FOV_MAX_RANK] = { 0 };
    gint64 n = fov_shape_elements (&out->shape);

    for (int k = 0; k < 3; k++)
        fov_broadcast_strides (&in[k].shape, &out->shape, stride[k]);
    for (gint64 i = 0; i < n; i++, fov_next_coord (&out->shape, at)) {
        gint64 c = fov_index (out->shape.rank, at, stride[0]);
        int k = fov_view_get_int (&in[0], c) ? 1 : 2;
        fov_copy_elements (out, i, &in[k], fov_index (out->shape.rank, at, stride[k]), 1);
    }
    return TRUE;
}

/* ---- the table -------------------------------------------------------- */

/* The kinds that the host has a kernel for. */
#define HAS_HOST(kind)                                                                             \
    ((kind) <= FOV_BINARY_MAX || (kind) == FOV_BINARY_PRELU || (kind) == FOV_BINARY_SUM)
#define GRADIENT(kind)                                                                             \
    ((kind) == FOV_BINARY_MIN || (kind) == FOV_BINARY_MAX   ? fov_gradient_extremum                \
     : (kind) < FOV_BINARY_EQUAL || (kind) > FOV_BINARY_XOR ? fov_gradient_binary                  \
                                                            : NULL)
#define BINARY(id, op_name, op_kind, op_min, op_max, op_infer, op_reference, ...)                  \
    static const FovParam id##_params[] = { FOV_P_KIND (FovBinaryParams, kind, op_kind),           \
                                            ##__VA_ARGS__, FOV_P_END };                            \
    static const FovOpDef id = {                                                                   \
        .name = op_name,                                                                           \
        .min_inputs = op_min,                                                                      \
        .max_inputs = op_max,                                                                      \
        .min_outputs = 1,                                                                          \
        .max_outputs = 1,                                                                          \
        .params = id##_params,                                                                     \
        .params_size = sizeof (FovBinaryParams),                                                   \
        .infer = op_infer,                                                                         \
        .reference = op_reference,                                                                 \
        .gradient = GRADIENT (op_kind),                                                            \
        .parameters = op_kind == FOV_BINARY_PRELU ? 1 << 1 : 0,                                    \
        .host = HAS_HOST (op_kind) ? &fov_host_binary : NULL,                                      \
        .flops = NULL,                                                                             \
        .gpu = &fov_gpu_binary,                                                                    \
    };
#define ARITHMETIC(id, name, kind, ...)                                                            \
    BINARY (id, name, kind, 2, 2, arithmetic_infer, binary_reference, ##__VA_ARGS__)
#define COMPARE(id, name, kind) BINARY (id, name, kind, 2, 2, compare_infer, binary_reference)
#define LOGIC(id, name, kind) BINARY (id, name, kind, 2, 2, logic_infer, binary_reference)
#define VARIADIC(id, name, kind, infer)                                                            \
    BINARY (id, name, kind, 1, G_MAXUINT, infer, variadic_reference)

ARITHMETIC (add, "Add", FOV_BINARY_ADD)
ARITHMETIC (sub, "Sub", FOV_BINARY_SUB)
ARITHMETIC (mul, "Mul", FOV_BINARY_MUL)
ARITHMETIC (div_, "Div", FOV_BINARY_DIV)
ARITHMETIC (pow_, "Pow", FOV_BINARY_POW)
ARITHMETIC (mod, "Mod", FOV_BINARY_MOD, FOV_P_INT ("fmod", FovBinaryParams, fmod, 0))
ARITHMETIC (prelu, "PRelu", FOV_BINARY_PRELU)
VARIADIC (min, "Min", FOV_BINARY_MIN, arithmetic_infer)
VARIADIC (max, "Max", FOV_BINARY_MAX, arithmetic_infer)
VARIADIC (sum, "Sum", FOV_BINARY_SUM, mean_infer)
VARIADIC (mean, "Mean", FOV_BINARY_MEAN, mean_infer)
COMPARE (equal, "Equal", FOV_BINARY_EQUAL)
COMPARE (greater, "Greater", FOV_BINARY_GREATER)
COMPARE (greater_equal, "GreaterOrEqual", FOV_BINARY_GREATER_EQUAL)
COMPARE (less, "Less", FOV_BINARY_LESS)
COMPARE (less_equal, "LessOrEqual", FOV_BINARY_LESS_EQUAL)
LOGIC (and_, "And", FOV_BINARY_AND)
LOGIC (or_, "Or", FOV_BINARY_OR)
LOGIC (xor_, "Xor", FOV_BINARY_XOR)

static const FovOpDef where = {
    .name = "Where",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = where_infer,
    .reference = where_reference,
    .gradient = fov_gradient_where,
    .host = NULL,
    .flops = NULL,
    .gpu = &fov_gpu_where,
};

const FovOpDef *const fov_ops_binary[] = {
    &add,   &sub,     &mul,           &div_, &pow_,       &mod,  &prelu, &min,  &max,   &sum, &mean,
    &equal, &greater, &greater_equal, &less, &less_equal, &and_, &or_,   &xor_, &where, NULL,
};
