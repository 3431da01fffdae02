/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_HOST_ACT_H
#define FOV_HOST_ACT_H

/**
 * Elementwise functions of one variable, each an op of its own (Relu, ...) and
 * an epilogue of convolutions. Shared with the shaders (lib/act.glsl).
 */
typedef enum {
    FOV_ACT_NONE = 0,
    FOV_ACT_RELU = 1,         /* max(x, 0) */
    FOV_ACT_CLIP = 2,         /* min(max(x, a), b) */
    FOV_ACT_LEAKY_RELU = 3,   /* x < 0 ? a x : x */
    FOV_ACT_SIGMOID = 4,      /* 1 / (1 + exp(-x)) */
    FOV_ACT_SILU = 5,         /* x sigmoid(x) */
    FOV_ACT_HARD_SIGMOID = 6, /* clip(a x + b, 0, 1) */
    FOV_ACT_HARD_SWISH = 7,   /* x clip(x / 6 + 1/2, 0, 1) */
    FOV_ACT_TANH = 8,
    FOV_ACT_ELU = 9,       /* x < 0 ? a (exp(x) - 1) : x */
    FOV_ACT_SELU = 10,     /* b (x < 0 ? a (exp(x) - 1) : x) */
    FOV_ACT_SOFTPLUS = 11, /* log(1 + exp(x)) */
    FOV_ACT_MISH = 12,     /* x tanh(softplus(x)) */
    FOV_ACT_GELU = 13,     /* x (1 + erf(x / sqrt 2)) / 2 */
    FOV_ACT_EXP = 14,
    FOV_ACT_LOG = 15,
    FOV_ACT_SQRT = 16,
    FOV_ACT_NEG = 17,
    FOV_ACT_ABS = 18,
    FOV_ACT_RECIPROCAL = 19,
    FOV_ACT_FLOOR = 20,
    FOV_ACT_CEIL = 21,
    FOV_ACT_ROUND = 22, /* half to even */
    FOV_ACT_ERF = 23,
    FOV_ACT_SIN = 24,
    FOV_ACT_COS = 25,
    FOV_ACT_SIGN = 26,
    FOV_ACT_SOFTSIGN = 27, /* x / (1 + |x|) */
    FOV_ACT_SQUARE = 28,
    FOV_N_ACTS
} FovActKind;

typedef struct {
    FovActKind kind;
    float a, b;
} FovAct;

#endif
