/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One optimiser step per op, elementwise, so that parameters and moments are overwritten where they
 * lie: ONNX's Momentum, Adagrad and Adam (any number of tensors), fov.AdamW and fov.Ema.
 */
#include "ops/impl.h"
#include "ops/infer.h"
#include "ops/optimiser.h"

#include <math.h>

/* ---- ONNX's: R (rate), T (steps so far), X..., G..., then moments -> X..., moments ---- */

static gboolean
infer_scalars (const FovNode *node, GError **error)
{
    for (guint i = 0; i < 2; i++)
        if (fov_tensor_elements (node->inputs[i]) != 1)
            return fov_node_error (node, error,
                                   "input %u (%s) has %" G_GINT64_FORMAT " elements, expected 1", i,
                                   i ? "T" : "R", fov_tensor_elements (node->inputs[i]));
    return fov_infer_dtype (node, 0, FOV_DTYPE_BIT (FOV_F32) | FOV_DTYPE_BIT (FOV_F64), error) &&
           fov_infer_dtype (node, 1, FOV_DTYPE_BIT (FOV_I64), error);
}

static gboolean
onnx_infer (FovNode *node, GError **error)
{
    const guint moments = fov_node_is (node, "Adam") ? 2 : 1,
                n = (node->n_inputs - 2) / (2 + moments);

    if (!infer_scalars (node, error))
        return FALSE;
    if (n < 1 || node->n_inputs != 2 + n * (2 + moments) || node->n_outputs != n * (1 + moments))
        return fov_node_error (node, error, "%u inputs and %u outputs do not go together",
                               node->n_inputs, node->n_outputs);
    for (guint i = 2; i < node->n_inputs; i++) {
        guint of = 2 + (i - 2) % n;
        if (!node->inputs[i] || !fov_infer_dtype (node, i, FOV_FLOATS, error))
            return FALSE;
        if (!fov_shape_equal (fov_in_shape (node, i), fov_in_shape (node, of)))
            return fov_node_error (node, error, "inputs %u and %u differ in shape", of, i);
    }
    for (guint i = 0; i < node->n_outputs; i++)
        if (!fov_infer_output (node, i, node->inputs[2 + i % n]->dtype,
                               fov_in_shape (node, 2 + i % n), error))
            return FALSE;
    return TRUE;
}

/* One element of one tensor: x, gradient and moments before -> after. */
static void
momentum_step (const FovMomentumParams *p, double rate, double t, double *x, double g, double *v)
{
    double share = t > 0 ? p->beta : 1;

    g += p->norm_coefficient * *x;
    *v = p->alpha * *v + share * g;
    *x -= rate * (p->mode == FOV_MOMENTUM_NESTEROV ? g + p->alpha * *v : *v);
}

static gboolean
momentum_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const guint n = (node->n_inputs - 2) / 3;
    double rate = fov_view_get (&in[0], 0), t = fov_view_get (&in[1], 0);

    for (guint k = 0; k < n; k++) {
        gint64 count = fov_shape_elements (&in[2 + k].shape);
        for (gint64 i = 0; i < count; i++) {
            double x = fov_view_get (&in[2 + k], i), v = fov_view_get (&in[2 + 2 * n + k], i);
            momentum_step (node->params, rate, t, &x, fov_view_get (&in[2 + n + k], i), &v);
            fov_view_set (&out[k], i, x);
            fov_view_set (&out[n + k], i, v);
        }
    }
    return TRUE;
}

static gboolean
adagrad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovAdagradParams *p = node->params;
    const guint n = (node->n_inputs - 2) / 3;
    double rate = fov_view_get (&in[0], 0) / (1 + fov_view_get (&in[1], 0) * p->decay_factor);

    for (guint k = 0; k < n; k++) {
        gint64 count = fov_shape_elements (&in[2 + k].shape);
        for (gint64 i = 0; i < count; i++) {
            double x = fov_view_get (&in[2 + k], i), h = fov_view_get (&in[2 + 2 * n + k], i);
            double g = p->norm_coefficient * x + fov_view_get (&in[2 + n + k], i);
            h += g * g;
            fov_view_set (&out[k], i, x - rate * g / (sqrt (h) + p->epsilon));
            fov_view_set (&out[n + k], i, h);
        }
    }
    return TRUE;
}

static gboolean
adam_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovAdamParams *p = node->params;
    const guint n = (node->n_inputs - 2) / 4;
    double rate = fov_view_get (&in[0], 0), t = fov_view_get (&in[1], 0);

    if (t > 0)
        rate *= sqrt (1 - pow (p->beta, t)) / (1 - pow (p->alpha, t));
    for (guint k = 0; k < n; k++) {
        const FovView *x = &in[2 + k], *v = &in[2 + 2 * n + k], *h = &in[2 + 3 * n + k];
        gint64 count = fov_shape_elements (&x->shape);
        for (gint64 i = 0; i < count; i++) {
            double old = fov_view_get (x, i);
            double g = p->norm_coefficient * old + fov_view_get (&in[2 + n + k], i);
            double first = p->alpha * fov_view_get (v, i) + (1 - p->alpha) * g;
            double second = p->beta * fov_view_get (h, i) + (1 - p->beta) * g * g;
            double y = old - rate * first / (sqrt (second) + p->epsilon);
            fov_view_set (&out[k], i, (1 - p->norm_coefficient_post) * y);
            fov_view_set (&out[n + k], i, first);
            fov_view_set (&out[2 * n + k], i, second);
        }
    }
    return TRUE;
}

/* ---- fov.AdamW: X, G, M, V, step [rate, 1 - beta1^t, 1 - beta2^t, ...] -> X, M, V ---- */

static gboolean
same_shapes (FovNode *node, guint n, GError **error)
{
    if (!fov_infer_dtypes (node, n, FOV_FLOATS, error))
        return FALSE;
    for (guint i = 1; i < n; i++)
        if (!fov_shape_equal (fov_in_shape (node, i), fov_in_shape (node, 0)))
            return fov_node_error (node, error, "inputs 0 and %u differ in shape", i);
    for (guint i = 0; i < node->n_outputs; i++)
        if (!fov_infer_output (node, i, node->inputs[0]->dtype, fov_in_shape (node, 0), error))
            return FALSE;
    return TRUE;
}

static gboolean
adamw_infer (FovNode *node, GError **error)
{
    if (!same_shapes (node, 4, error) || !fov_infer_dtype (node, 4, FOV_FLOATS, error))
        return FALSE;
    if (fov_tensor_elements (node->inputs[4]) < 3)
        return fov_node_error (node, error, "step has fewer than 3 elements");
    return TRUE;
}

/* Kingma and Ba 2015, algorithm 1; decay as Loshchilov and Hutter 2019, algorithm 2. */
static gboolean
adamw_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovAdamWParams *p = node->params;
    double rate = fov_view_get (&in[4], 0);
    double c1 = fov_view_get (&in[4], 1), c2 = fov_view_get (&in[4], 2);
    gint64 n = fov_shape_elements (&in->shape);

    for (gint64 i = 0; i < n; i++) {
        double x = fov_view_get (&in[0], i), g = fov_view_get (&in[1], i), m, v;
        if (p->decoupled)
            x *= 1 - rate * p->decay;
        else
            g += p->decay * x;
        m = p->beta1 * fov_view_get (&in[2], i) + (1 - p->beta1) * g;
        v = p->beta2 * fov_view_get (&in[3], i) + (1 - p->beta2) * g * g;
        fov_view_set (&out[0], i, x - rate / c1 * m / (sqrt (v / c2) + p->epsilon));
        fov_view_set (&out[1], i, m);
        fov_view_set (&out[2], i, v);
    }
    return TRUE;
}

/* ---- fov.Ema: E, X, rate -> E + rate (X - E) ---------------------------- */

static gboolean
ema_infer (FovNode *node, GError **error)
{
    if (fov_tensor_elements (node->inputs[2]) != 1)
        return fov_node_error (node, error, "rate is no scalar");
    return same_shapes (node, 2, error) && fov_infer_dtype (node, 2, FOV_FLOATS, error);
}

static gboolean
ema_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    double rate = fov_view_get (&in[2], 0);
    gint64 n = fov_shape_elements (&in->shape);

    for (gint64 i = 0; i < n; i++) {
        double e = fov_view_get (&in[0], i);
        fov_view_set (out, i, e + rate * (fov_view_get (&in[1], i) - e));
    }
    return TRUE;
}

/* ---- the table -------------------------------------------------------- */

static const char *const momentum_modes[] = { "standard", "nesterov", NULL };

static const FovParam momentum_params[] = {
    FOV_P_FLOAT ("alpha", FovMomentumParams, alpha, 0),
    FOV_P_FLOAT ("beta", FovMomentumParams, beta, 1),
    FOV_P_FLOAT ("norm_coefficient", FovMomentumParams, norm_coefficient, 0),
    FOV_P_ENUM ("mode", FovMomentumParams, mode, FOV_MOMENTUM_STANDARD, momentum_modes),
    FOV_P_END,
};

static const FovParam adagrad_params[] = {
    FOV_P_FLOAT ("decay_factor", FovAdagradParams, decay_factor, 0),
    FOV_P_FLOAT ("epsilon", FovAdagradParams, epsilon, 0),
    FOV_P_FLOAT ("norm_coefficient", FovAdagradParams, norm_coefficient, 0),
    FOV_P_END,
};

static const FovParam adam_params[] = {
    FOV_P_FLOAT ("alpha", FovAdamParams, alpha, 0.9),
    FOV_P_FLOAT ("beta", FovAdamParams, beta, 0.999),
    FOV_P_FLOAT ("epsilon", FovAdamParams, epsilon, 0),
    FOV_P_FLOAT ("norm_coefficient", FovAdamParams, norm_coefficient, 0),
    FOV_P_FLOAT ("norm_coefficient_post", FovAdamParams, norm_coefficient_post, 0),
    FOV_P_END,
};

#define ONNX_OPTIMISER(id, op_name, op_params, P, op_reference, op_host)                           \
    static const FovOpDef id = {                                                                   \
        .name = op_name,                                                                           \
        .min_inputs = 5,                                                                           \
        .max_inputs = G_MAXUINT,                                                                   \
        .min_outputs = 2,                                                                          \
        .max_outputs = G_MAXUINT,                                                                  \
        .flags = FOV_OP_IN_PLACE,                                                                  \
        .params = op_params,                                                                       \
        .params_size = sizeof (P),                                                                 \
        .infer = onnx_infer,                                                                       \
        .reference = op_reference,                                                                 \
        .host = op_host,                                                                           \
        .gpu = &fov_gpu_optimiser,                                                                 \
    };

ONNX_OPTIMISER (momentum, "Momentum", momentum_params, FovMomentumParams, momentum_reference,
                &fov_host_momentum)
ONNX_OPTIMISER (adagrad, "Adagrad", adagrad_params, FovAdagradParams, adagrad_reference, NULL)
ONNX_OPTIMISER (adam, "Adam", adam_params, FovAdamParams, adam_reference, NULL)

static const FovParam adamw_params[] = {
    FOV_P_FLOAT ("beta1", FovAdamWParams, beta1, 0.9),
    FOV_P_FLOAT ("beta2", FovAdamWParams, beta2, 0.999),
    FOV_P_FLOAT ("epsilon", FovAdamWParams, epsilon, 1e-8),
    FOV_P_FLOAT ("decay", FovAdamWParams, decay, 0),
    FOV_P_INT ("decoupled", FovAdamWParams, decoupled, 1),
    FOV_P_END,
};

static const FovOpDef adamw = {
    .name = "fov.AdamW",
    .min_inputs = 5,
    .max_inputs = 5,
    .min_outputs = 3,
    .max_outputs = 3,
    .flags = FOV_OP_IN_PLACE,
    .params = adamw_params,
    .params_size = sizeof (FovAdamWParams),
    .infer = adamw_infer,
    .reference = adamw_reference,
    .host = &fov_host_adamw,
    .gpu = &fov_gpu_adamw,
};

static const FovOpDef ema = {
    .name = "fov.Ema",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_IN_PLACE,
    .infer = ema_infer,
    .reference = ema_reference,
    .host = &fov_host_ema,
    .gpu = &fov_gpu_ema,
};

const FovOpDef *const fov_ops_optimiser[] = { &momentum, &adagrad, &adam, &adamw, &ema, NULL };
