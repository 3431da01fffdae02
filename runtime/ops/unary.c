/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Elementwise functions of one variable: all of FovActKind through
 * fov_act_value, and Cast, Not, IsNaN, Identity, Dropout. An op with the flag
 * FOV_OP_UNARY has FovUnaryParams first in its params.
 */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

#include <math.h>

/* What the functions that are defined for integers too give for one. */
static gint64
act_int (const FovAct *act, gint64 x)
{
    switch (act->kind) {
    case FOV_ACT_RELU:
        return MAX (x, 0);
    case FOV_ACT_NEG:
        return (gint64) (0 - (guint64) x);
    case FOV_ACT_ABS:
        return x < 0 ? (gint64) (0 - (guint64) x) : x;
    case FOV_ACT_SIGN:
        return (x > 0) - (x < 0);
    default:
        return x;
    }
}

static guint
act_dtypes (FovActKind kind)
{
    switch (kind) {
    case FOV_ACT_RELU:
    case FOV_ACT_NEG:
    case FOV_ACT_ABS:
    case FOV_ACT_SIGN:
    case FOV_ACT_CLIP:
        return FOV_NUMBERS;
    default:
        return FOV_FLOATS;
    }
}

static gboolean
unary_infer (FovNode *node, GError **error)
{
    const FovUnaryParams *p = node->params;

    return fov_infer_dtype (node, 0, act_dtypes (p->act.kind), error) &&
           fov_infer_same (node, error);
}

static gboolean
unary_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovUnaryParams *p = node->params;
    gint64 n = fov_shape_elements (&in->shape);

    for (gint64 i = 0; i < n; i++) {
        if (fov_dtype_is_float (in->dtype))
            fov_view_set (out, i, fov_act_value (&p->act, fov_view_get (in, i)));
        else
            fov_view_set_int (out, i,
                              fov_wrap_int (out->dtype,
                                            act_int (&p->act, fov_view_get_int (in, i))));
    }
    return TRUE;
}

/* ---- Clip: bounds from the params (-inf, inf unless a pass put them there) and from inputs ----
 */

static gboolean
clip_infer (FovNode *node, GError **error)
{
    for (guint i = 1; i < node->n_inputs; i++)
        if (node->inputs[i] && fov_tensor_elements (node->inputs[i]) != 1)
            return fov_node_error (node, error,
                                   "input %u (%s) has %" G_GINT64_FORMAT " elements, expected 1", i,
                                   i == 1 ? "min" : "max", fov_tensor_elements (node->inputs[i]));
    return fov_infer_dtypes (node, node->n_inputs, FOV_NUMBERS, error) &&
           fov_infer_same (node, error);
}

static gboolean
clip_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovUnaryParams *p = node->params;
    const FovView *low = node->n_inputs > 1 && in[1].data ? &in[1] : NULL;
    const FovView *high = node->n_inputs > 2 && in[2].data ? &in[2] : NULL;
    gint64 n = fov_shape_elements (&in->shape);

    for (gint64 i = 0; i < n; i++) {
        if (fov_dtype_is_float (in->dtype)) {
            double x = fov_act_value (&p->act, fov_view_get (in, i));
            if (low && x < fov_view_get (low, 0))
                x = fov_view_get (low, 0);
            if (high && x > fov_view_get (high, 0))
                x = fov_view_get (high, 0);
            fov_view_set (out, i, x);
        } else {
            gint64 x = fov_view_get_int (in, i);
            if (low)
                x = MAX (x, fov_view_get_int (low, 0));
            if (high)
                x = MIN (x, fov_view_get_int (high, 0));
            fov_view_set_int (out, i, x);
        }
    }
    return TRUE;
}

/* ---- Gelu ---- */

typedef struct {
    FovUnaryParams unary;
    int approximate;
} GeluParams;

static const char *const gelu_names[] = { "none", "tanh", NULL };

static gboolean
gelu_infer (FovNode *node, GError **error)
{
    const GeluParams *p = node->params;

    if (p->approximate)
        return fov_node_error (node, error,
                               "approximate is 'tanh', only the exact form ('none') is supported");
    return unary_infer (node, error);
}

/* ---- Cast ---- */

typedef struct {
    gint64 to, saturate;
} CastParams;

static gboolean
cast_infer (FovNode *node, GError **error)
{
    const CastParams *p = node->params;
    FovDType to;

    if (!fov_dtype_from_onnx (p->to, &to))
        return fov_node_error (node, error,
                               "cannot cast to ONNX data type %" G_GINT64_FORMAT
                               ", expected float32, float64, float16, int8, uint8, int16, int32, "
                               "int64 or bool",
                               p->to);
    return fov_infer_output (node, 0, to, fov_in_shape (node, 0), error);
}

static gboolean
cast_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 n = fov_shape_elements (&in->shape);
    gboolean from_float = fov_dtype_is_float (in->dtype);
    gboolean to_float = fov_dtype_is_float (out->dtype) || out->dtype == FOV_BOOL;

    for (gint64 i = 0; i < n; i++) {
        if (from_float && to_float)
            fov_view_set (out, i, fov_view_get (in, i));
        else if (from_float)
            fov_view_set (out, i, trunc (fov_view_get (in, i)));
        else
            fov_view_set_int (out, i, fov_wrap_int (out->dtype, fov_view_get_int (in, i)));
    }
    return TRUE;
}

/* ---- Not, IsNaN ---- */

static gboolean
not_infer (FovNode *node, GError **error)
{
    return fov_infer_dtype (node, 0, FOV_DTYPE_BIT (FOV_BOOL), error) &&
           fov_infer_same (node, error);
}

static gboolean
not_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 n = fov_shape_elements (&in->shape);

    for (gint64 i = 0; i < n; i++)
        fov_view_set_int (out, i, !fov_view_get_int (in, i));
    return TRUE;
}

static gboolean
isnan_infer (FovNode *node, GError **error)
{
    return fov_infer_dtype (node, 0, FOV_FLOATS, error) &&
           fov_infer_output (node, 0, FOV_BOOL, fov_in_shape (node, 0), error);
}

static gboolean
isnan_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 n = fov_shape_elements (&in->shape);

    for (gint64 i = 0; i < n; i++)
        fov_view_set_int (out, i, isnan (fov_view_get (in, i)));
    return TRUE;
}

/* ---- Dropout: identity, and a mask of ones where asked for ---- */

static gboolean
dropout_infer (FovNode *node, GError **error)
{
    double training;

    if (fov_in (node, 2) && fov_tensor_scalar (node->inputs[2], &training) && training != 0)
        return fov_node_error (node, error, "training_mode is set, only inference is supported");
    return fov_infer_same (node, error) &&
           fov_infer_output (node, 1, FOV_BOOL, fov_in_shape (node, 0), error);
}

static gboolean
dropout_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    if (node->n_outputs > 1 && out[1].data)
        memset (out[1].data, 1, fov_shape_elements (&out[1].shape));
    return fov_reference_copy (node, in, out, error);
}

/* ---- the table ---- */

#define KIND(kind_) FOV_P_KIND (FovUnaryParams, act.kind, kind_)

#define UNARY(id, op_name, ...)                                                                    \
    static const FovParam id##_params[] = { __VA_ARGS__, FOV_P_END };                              \
    static const FovOpDef id = {                                                                   \
        .name = op_name,                                                                           \
        .min_inputs = 1,                                                                           \
        .max_inputs = 1,                                                                           \
        .min_outputs = 1,                                                                          \
        .max_outputs = 1,                                                                          \
        .flags = FOV_OP_UNARY,                                                                     \
        .params = id##_params,                                                                     \
        .params_size = sizeof (FovUnaryParams),                                                    \
        .infer = unary_infer,                                                                      \
        .reference = unary_reference,                                                              \
        .gradient = fov_gradient_unary,                                                            \
        .host = &fov_host_unary,                                                                   \
        .flops = NULL,                                                                             \
        .gpu = &fov_gpu_unary,                                                                     \
    };
#define ALPHA(name, value) FOV_P_FLOAT (name, FovUnaryParams, act.a, value)
#define BETA(name, value) FOV_P_FLOAT (name, FovUnaryParams, act.b, value)

UNARY (relu, "Relu", KIND (FOV_ACT_RELU))
UNARY (leaky_relu, "LeakyRelu", KIND (FOV_ACT_LEAKY_RELU), ALPHA ("alpha", 0.01))
UNARY (sigmoid, "Sigmoid", KIND (FOV_ACT_SIGMOID))
UNARY (silu, "fov.Silu", KIND (FOV_ACT_SILU))
UNARY (hard_sigmoid, "HardSigmoid", KIND (FOV_ACT_HARD_SIGMOID), ALPHA ("alpha", 0.2),
       BETA ("beta", 0.5))
UNARY (hard_swish, "HardSwish", KIND (FOV_ACT_HARD_SWISH))
UNARY (tanh_, "Tanh", KIND (FOV_ACT_TANH))
UNARY (elu, "Elu", KIND (FOV_ACT_ELU), ALPHA ("alpha", 1))
UNARY (selu, "Selu", KIND (FOV_ACT_SELU), ALPHA ("alpha", 1.67326319217681884765625),
       BETA ("gamma", 1.05070102214813232421875))
UNARY (softplus, "Softplus", KIND (FOV_ACT_SOFTPLUS))
UNARY (mish, "Mish", KIND (FOV_ACT_MISH))
UNARY (exp_, "Exp", KIND (FOV_ACT_EXP))
UNARY (log_, "Log", KIND (FOV_ACT_LOG))
UNARY (sqrt_, "Sqrt", KIND (FOV_ACT_SQRT))
UNARY (neg, "Neg", KIND (FOV_ACT_NEG))
UNARY (abs_, "Abs", KIND (FOV_ACT_ABS))
UNARY (reciprocal, "Reciprocal", KIND (FOV_ACT_RECIPROCAL))
UNARY (floor_, "Floor", KIND (FOV_ACT_FLOOR))
UNARY (ceil_, "Ceil", KIND (FOV_ACT_CEIL))
UNARY (round_, "Round", KIND (FOV_ACT_ROUND))
UNARY (erf_, "Erf", KIND (FOV_ACT_ERF))
UNARY (sin_, "Sin", KIND (FOV_ACT_SIN))
UNARY (cos_, "Cos", KIND (FOV_ACT_COS))
UNARY (sign, "Sign", KIND (FOV_ACT_SIGN))
UNARY (softsign, "Softsign", KIND (FOV_ACT_SOFTSIGN))
UNARY (square, "fov.Square", KIND (FOV_ACT_SQUARE))

static const FovParam gelu_params[] = {
    FOV_P_KIND (GeluParams, unary.act.kind, FOV_ACT_GELU),
    FOV_P_ENUM ("approximate", GeluParams, approximate, 0, gelu_names),
    FOV_P_END,
};

static const FovOpDef gelu = {
    .name = "Gelu",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_UNARY,
    .params = gelu_params,
    .params_size = sizeof (GeluParams),
    .infer = gelu_infer,
    .reference = unary_reference,
    .gradient = fov_gradient_unary,
    .host = &fov_host_unary,
    .flops = NULL,
    .gpu = &fov_gpu_unary,
};

static const FovParam clip_params[] = {
    KIND (FOV_ACT_CLIP),
    ALPHA ("min", -INFINITY),
    BETA ("max", INFINITY),
    FOV_P_END,
};

static const FovOpDef clip = {
    .name = "Clip",
    .min_inputs = 1,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_UNARY,
    .params = clip_params,
    .params_size = sizeof (FovUnaryParams),
    .infer = clip_infer,
    .reference = clip_reference,
    .gradient = fov_gradient_clip,
    .host = &fov_host_unary,
    .flops = NULL,
    .gpu = &fov_gpu_unary,
};

static const FovParam cast_params[] = {
    FOV_P_INT ("to", CastParams, to, 0),
    FOV_P_INT ("saturate", CastParams, saturate, 1),
    FOV_P_END,
};

static const FovOpDef cast = {
    .name = "Cast",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = cast_params,
    .params_size = sizeof (CastParams),
    .infer = cast_infer,
    .reference = cast_reference,
    .gradient = fov_gradient_cast,
    .host = NULL,
    .flops = NULL,
    .gpu = &fov_gpu_cast,
};

static const FovOpDef not_ = {
    .name = "Not",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = not_infer,
    .reference = not_reference,
    .host = NULL,
    .flops = NULL,
    .gpu = &fov_gpu_not,
};

static const FovOpDef is_nan = {
    .name = "IsNaN",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = isnan_infer,
    .reference = isnan_reference,
    .host = NULL,
    .flops = NULL,
    .gpu = &fov_gpu_is_nan,
};

static const FovOpDef identity = {
    .name = "Identity",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_ALIAS,
    .infer = fov_infer_same,
    .reference = fov_reference_copy,
    .gradient = fov_gradient_same,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovParam dropout_params[] = {
    FOV_P_INT ("seed", FovDropoutParams, seed, 0),
    FOV_P_END,
};

static const FovOpDef dropout = {
    .name = "Dropout",
    .min_inputs = 1,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 2,
    .params = dropout_params,
    .params_size = sizeof (FovDropoutParams),
    .infer = dropout_infer,
    .reference = dropout_reference,
    .gradient = fov_gradient_same,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

const FovOpDef *const fov_ops_unary[] = {
    &relu,   &clip,  &leaky_relu, &sigmoid,  &silu,       &hard_sigmoid, &hard_swish,
    &tanh_,  &elu,   &selu,       &softplus, &mish,       &gelu,         &exp_,
    &log_,   &sqrt_, &neg,        &abs_,     &reciprocal, &floor_,       &ceil_,
    &round_, &erf_,  &sin_,       &cos_,     &sign,       &softsign,     &square,
    &cast,   &not_,  &is_nan,     &identity, &dropout,    NULL,
};
