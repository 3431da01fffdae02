/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graph/params.h"

#include <math.h>

static double
sigmoid (double x)
{
    return 1 / (1 + exp (-x));
}

/* log (1 + exp (x)) without overflow. */
static double
softplus (double x)
{
    return x > 0 ? x + log1p (exp (-x)) : log1p (exp (x));
}

/* Written so that NaN stays NaN. */
static double
clip (double x, double low, double high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

double
fov_act_value (const FovAct *act, double x)
{
    double a = act->a, b = act->b;

    switch (act->kind) {
    case FOV_ACT_RELU:
        return x < 0 ? 0 : x;
    case FOV_ACT_CLIP:
        return clip (x, a, b);
    case FOV_ACT_LEAKY_RELU:
        return x < 0 ? a * x : x;
    case FOV_ACT_SIGMOID:
        return sigmoid (x);
    case FOV_ACT_SILU:
        return x * sigmoid (x);
    case FOV_ACT_HARD_SIGMOID:
        return clip (a * x + b, 0, 1);
    case FOV_ACT_HARD_SWISH:
        return x * clip (x / 6 + 0.5, 0, 1);
    case FOV_ACT_TANH:
        return tanh (x);
    case FOV_ACT_ELU:
        return x < 0 ? a * expm1 (x) : x;
    case FOV_ACT_SELU:
        return b * (x < 0 ? a * expm1 (x) : x);
    case FOV_ACT_SOFTPLUS:
        return softplus (x);
    case FOV_ACT_MISH:
        return x * tanh (softplus (x));
    case FOV_ACT_GELU:
        return x * (1 + erf (x / M_SQRT2)) / 2;
    case FOV_ACT_EXP:
        return exp (x);
    case FOV_ACT_LOG:
        return log (x);
    case FOV_ACT_SQRT:
        return sqrt (x);
    case FOV_ACT_NEG:
        return -x;
    case FOV_ACT_ABS:
        return fabs (x);
    case FOV_ACT_RECIPROCAL:
        return 1 / x;
    case FOV_ACT_FLOOR:
        return floor (x);
    case FOV_ACT_CEIL:
        return ceil (x);
    case FOV_ACT_ROUND:
        return nearbyint (x);
    case FOV_ACT_ERF:
        return erf (x);
    case FOV_ACT_SIN:
        return sin (x);
    case FOV_ACT_COS:
        return cos (x);
    case FOV_ACT_SIGN:
        return (x > 0) - (x < 0);
    case FOV_ACT_SOFTSIGN:
        return x / (1 + fabs (x));
    case FOV_ACT_SQUARE:
        return x * x;
    case FOV_ACT_NONE:
    case FOV_N_ACTS:
        break;
    }
    return x;
}

/* Where there is a corner, the value that PyTorch takes. */
double
fov_act_slope (const FovAct *act, double x)
{
    double a = act->a, b = act->b, s = sigmoid (x), t;

    switch (act->kind) {
    case FOV_ACT_RELU:
        return x > 0;
    case FOV_ACT_CLIP:
        return x >= a && x <= b;
    case FOV_ACT_LEAKY_RELU:
        return x > 0 ? 1 : a;
    case FOV_ACT_SIGMOID:
        return s * (1 - s);
    case FOV_ACT_SILU:
        return s * (1 + x * (1 - s));
    case FOV_ACT_HARD_SIGMOID:
        return a * x + b > 0 && a * x + b < 1 ? a : 0;
    case FOV_ACT_HARD_SWISH:
        return x < -3 ? 0 : x <= 3 ? x / 3 + 0.5 : 1;
    case FOV_ACT_TANH:
        return 1 - tanh (x) * tanh (x);
    case FOV_ACT_ELU:
        return x < 0 ? a * exp (x) : 1;
    case FOV_ACT_SELU:
        return b * (x < 0 ? a * exp (x) : 1);
    case FOV_ACT_SOFTPLUS:
        return s;
    case FOV_ACT_MISH:
        t = tanh (softplus (x));
        return t + x * (1 - t * t) * s;
    case FOV_ACT_GELU:
        return (1 + erf (x / M_SQRT2)) / 2 + x * exp (-x * x / 2) / sqrt (2 * M_PI);
    case FOV_ACT_EXP:
        return exp (x);
    case FOV_ACT_LOG:
        return 1 / x;
    case FOV_ACT_SQRT:
        return 0.5 / sqrt (x);
    case FOV_ACT_NEG:
        return -1;
    case FOV_ACT_ABS:
        return (x > 0) - (x < 0);
    case FOV_ACT_RECIPROCAL:
        return -1 / (x * x);
    case FOV_ACT_ERF:
        return 2 / sqrt (M_PI) * exp (-x * x);
    case FOV_ACT_SIN:
        return cos (x);
    case FOV_ACT_COS:
        return -sin (x);
    case FOV_ACT_SOFTSIGN:
        return 1 / ((1 + fabs (x)) * (1 + fabs (x)));
    case FOV_ACT_SQUARE:
        return 2 * x;
    case FOV_ACT_FLOOR:
    case FOV_ACT_CEIL:
    case FOV_ACT_ROUND:
    case FOV_ACT_SIGN:
        return 0;
    case FOV_ACT_NONE:
    case FOV_N_ACTS:
        break;
    }
    return 1;
}
