/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Elementwise functions: one loop per function, tails through a padded vector. */
#include "host/vec.h"

#define EACH(expression)                                                                           \
    do {                                                                                           \
        gsize i = 0;                                                                               \
        for (; i + VL <= n; i += VL) {                                                             \
            const V v = vload (x + i);                                                             \
            vstore (y + i, expression);                                                            \
        }                                                                                          \
        if (i < n) {                                                                               \
            const V v = vload_n (x + i, n - i);                                                    \
            vstore_n (y + i, expression, n - i);                                                   \
        }                                                                                          \
    } while (0)

#define SCALAR(expression)                                                                         \
    do {                                                                                           \
        for (gsize i = 0; i < n; i++) {                                                            \
            const float v = x[i];                                                                  \
            y[i] = expression;                                                                     \
        }                                                                                          \
    } while (0)

INLINE V
vclip (V v, float lo, float hi)
{
    return vmin (vmax (v, vset (lo)), vset (hi));
}

/* tanh (log (1 + e^x)) with e = e^x; above 20 it is 1 in float. */
INLINE V
vmish (V v)
{
    const V e = vexp (vmin (v, vset (20.0f)));
    const V q = e * (e + 2.0f);

    return v * q / (q + 2.0f);
}

static inline float
softplus (float v)
{
    return v > 0.0f ? v + log1pf (expf (-v)) : log1pf (expf (v));
}

static inline float
gelu (float v)
{
    return 0.5f * v * (1.0f + erff (v * 0.70710678f));
}

static void
run_scalar (const FovAct *act, const float *x, float *y, gsize n)
{
    switch (act->kind) {
    case FOV_ACT_SOFTPLUS:
        SCALAR (softplus (v));
        break;
    case FOV_ACT_GELU:
        SCALAR (gelu (v));
        break;
    case FOV_ACT_LOG:
        SCALAR (logf (v));
        break;
    case FOV_ACT_SQRT:
        SCALAR (sqrtf (v));
        break;
    case FOV_ACT_FLOOR:
        SCALAR (floorf (v));
        break;
    case FOV_ACT_CEIL:
        SCALAR (ceilf (v));
        break;
    case FOV_ACT_ROUND:
        SCALAR (rintf (v));
        break;
    case FOV_ACT_ERF:
        SCALAR (erff (v));
        break;
    case FOV_ACT_SIN:
        SCALAR (sinf (v));
        break;
    case FOV_ACT_COS:
        SCALAR (cosf (v));
        break;
    case FOV_ACT_SIGN:
        SCALAR ((float) ((v > 0.0f) - (v < 0.0f)));
        break;
    default:
        if (x != y)
            memcpy (y, x, n * sizeof (float));
        break;
    }
}

void
FOV_SUFFIX (fov_act_run) (const FovAct *act, const float *x, float *y, gsize n)
{
    const float a = act->a, b = act->b;

    switch (act->kind) {
    case FOV_ACT_RELU:
        EACH (vmax (v, (V){ 0 }));
        break;
    case FOV_ACT_CLIP:
        EACH (vclip (v, a, b));
        break;
    case FOV_ACT_LEAKY_RELU:
        EACH (vselect (v < 0.0f, a * v, v));
        break;
    case FOV_ACT_SIGMOID:
        EACH (vsigmoid (v));
        break;
    case FOV_ACT_SILU:
        EACH (v * vsigmoid (v));
        break;
    case FOV_ACT_HARD_SIGMOID:
        EACH (vclip (a * v + b, 0.0f, 1.0f));
        break;
    case FOV_ACT_HARD_SWISH:
        EACH (v * vclip (v * (1.0f / 6) + 0.5f, 0.0f, 1.0f));
        break;
    case FOV_ACT_TANH:
        EACH (vtanh (v));
        break;
    case FOV_ACT_ELU:
        EACH (vselect (v < 0.0f, a * vexpm1 (v), v));
        break;
    case FOV_ACT_SELU:
        EACH (b * vselect (v < 0.0f, a * vexpm1 (v), v));
        break;
    case FOV_ACT_MISH:
        EACH (vmish (v));
        break;
    case FOV_ACT_EXP:
        EACH (vexp (v));
        break;
    case FOV_ACT_NEG:
        EACH (-v);
        break;
    case FOV_ACT_ABS:
        EACH (vabs (v));
        break;
    case FOV_ACT_RECIPROCAL:
        EACH (1.0f / v);
        break;
    case FOV_ACT_SOFTSIGN:
        EACH (v / (1.0f + vabs (v)));
        break;
    case FOV_ACT_SQUARE:
        EACH (v * v);
        break;
    default:
        run_scalar (act, x, y, n);
        break;
    }
}
