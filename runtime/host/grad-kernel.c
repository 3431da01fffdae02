/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gradient of a convolution's weights: for one tap, some input channels by one or two blocks
 * of output channels stay in registers while the pixels stream by. Each pixel's input is
 * broadcast against the vectors of dy, as in the convolution itself.
 */
#include "host/vec.h"

#define LANES (FOV_TIER == 2 ? 8 : 4)       /* input channels at once; divides VL */
#define TAPS 4                              /* of a depthwise kernel at once */
#define MOST_BLOCKS (FOV_TIER == 0 ? 1 : 2) /* in registers together */

/* N input channels by OB blocks of the output's, both constants where this is inlined. */
INLINE void
grad_tile (const FovConvGradArgs *a, const float *x, const float *dy, float *acc, const int N,
           const int OB)
{
    const gsize x_pixel = a->x_pixel, dy_block = a->dy_block, step = a->acc_step;
    V sum[LANES][2];

    UNROLL
    for (int k = 0; k < N; k++)
        UNROLL
    for (int o = 0; o < OB; o++)
        sum[k][o] = vload (acc + k * step + o * VL);
    for (int row = 0; row < a->rows; row++, x += a->x_row, dy += a->dy_row) {
        for (int i = 0; i < a->width; i++) {
            const V d0 = vload (dy + i * VL), d1 = OB == 2 ? vload (dy + dy_block + i * VL) : d0;
            UNROLL
            for (int k = 0; k < N; k++) {
                const float s = x[i * x_pixel + k];
                sum[k][0] += d0 * s;
                if (OB == 2)
                    sum[k][1] += d1 * s;
            }
        }
    }
    UNROLL
    for (int k = 0; k < N; k++)
        UNROLL
    for (int o = 0; o < OB; o++)
        vstore (acc + k * step + o * VL, sum[k][o]);
}

static void
grad_lanes (const FovConvGradArgs *a, const float *x, const float *dy, float *acc, const int OB)
{
    if (OB == 2)
        grad_tile (a, x, dy, acc, LANES, 2);
    else
        grad_tile (a, x, dy, acc, LANES, 1);
}

/* The same of a picture's three colours alone. */
static void
grad_colours (const FovConvGradArgs *a, const float *x, const float *dy, float *acc, const int OB)
{
    if (OB == 2)
        grad_tile (a, x, dy, acc, 3, 2);
    else
        grad_tile (a, x, dy, acc, 3, 1);
}

void
FOV_SUFFIX (fov_conv_grad_run) (const FovConvGradArgs *a)
{
    for (int tap = 0; tap < a->kh * a->kw; tap++) {
        const float *x = a->x + tap / a->kw * a->tap_row + tap % a->kw * a->tap_pixel;
        float *acc = a->acc + (gsize) tap * VL * a->acc_step;
        for (int k = 0; k < a->lanes; k += LANES)
            for (int o = 0; o < a->blocks; o += MOST_BLOCKS)
                (a->lanes - k == 3 ? grad_colours : grad_lanes) (a, x + k, a->dy + o * a->dy_block,
                                                                 acc + k * a->acc_step + o * VL,
                                                                 MIN (MOST_BLOCKS, a->blocks - o));
    }
}

/* ---- depthwise --------------------------------------------------------- */

INLINE void
grad_taps (const FovConvGradArgs *a, int first, const int N)
{
    const float *x[TAPS], *dy = a->dy;
    V sum[TAPS];

    UNROLL
    for (int t = 0; t < N; t++) {
        x[t] = a->x + (first + t) / a->kw * a->tap_row + (first + t) % a->kw * a->tap_pixel;
        sum[t] = vload (a->acc + (first + t) * VL);
    }
    for (int row = 0; row < a->rows; row++, dy += a->dy_row) {
        const gsize at = row * a->x_row;
        for (int i = 0; i < a->width; i++) {
            const V d = vload (dy + i * VL);
            UNROLL
            for (int t = 0; t < N; t++)
                sum[t] += d * vload (x[t] + at + i * a->x_pixel);
        }
    }
    UNROLL
    for (int t = 0; t < N; t++)
        vstore (a->acc + (first + t) * VL, sum[t]);
}

void
FOV_SUFFIX (fov_depthwise_grad_run) (const FovConvGradArgs *a)
{
    const int taps = a->kh * a->kw;
    int t = 0;

    for (; t + TAPS <= taps; t += TAPS)
        grad_taps (a, t, TAPS);
    for (; t < taps; t++)
        grad_taps (a, t, 1);
}

/* ---- activations ------------------------------------------------------- */

#define EACH(expression)                                                                           \
    do {                                                                                           \
        gsize i = 0;                                                                               \
        for (; i + VL <= n; i += VL) {                                                             \
            const V v = vload (x + i), d = vload (dy + i);                                         \
            vstore (y + i, expression);                                                            \
        }                                                                                          \
        if (i < n) {                                                                               \
            const V v = vload_n (x + i, n - i), d = vload_n (dy + i, n - i);                       \
            vstore_n (y + i, expression, n - i);                                                   \
        }                                                                                          \
    } while (0)

INLINE V
silu_slope (V v)
{
    const V s = vsigmoid (v);

    return s * (1.0f + v * (1.0f - s));
}

INLINE V
sigmoid_slope (V v)
{
    const V s = vsigmoid (v);

    return s * (1.0f - s);
}

/* t + x (1 - t^2) s (x), t = tanh (log (1 + e^x)). */
INLINE V
mish_slope (V v)
{
    const V e = vexp (vmin (v, vset (20.0f))), q = e * (e + 2.0f), t = q / (q + 2.0f);

    return t + v * (1.0f - t * t) * vsigmoid (v);
}

gboolean
FOV_SUFFIX (fov_act_grad_run) (const FovAct *act, const float *x, const float *dy, float *y,
                               gsize n)
{
    const float a = act->a, b = act->b;
    const V zero = { 0 };

    switch (act->kind) {
    case FOV_ACT_RELU:
        EACH (vselect (v > 0.0f, d, zero));
        break;
    case FOV_ACT_LEAKY_RELU:
        EACH (vselect (v > 0.0f, d, a * d));
        break;
    case FOV_ACT_CLIP:
        EACH (vselect ((v >= a) & (v <= b), d, zero));
        break;
    case FOV_ACT_HARD_SIGMOID:
        EACH (vselect ((a * v + b > 0.0f) & (a * v + b < 1.0f), a * d, zero));
        break;
    case FOV_ACT_HARD_SWISH:
        EACH (vselect (v < -3.0f, zero, vselect (v <= 3.0f, d * (v * (1.0f / 3) + 0.5f), d)));
        break;
    case FOV_ACT_SIGMOID:
        EACH (d * sigmoid_slope (v));
        break;
    case FOV_ACT_SILU:
        EACH (d * silu_slope (v));
        break;
    case FOV_ACT_MISH:
        EACH (d * mish_slope (v));
        break;
    case FOV_ACT_SOFTPLUS:
        EACH (d * vsigmoid (v));
        break;
    case FOV_ACT_TANH:
        EACH (d * (1.0f - vtanh (v) * vtanh (v)));
        break;
    case FOV_ACT_ABS:
        EACH (vselect (v > 0.0f, d, vselect (v < 0.0f, -d, zero)));
        break;
    case FOV_ACT_SQUARE:
        EACH (2.0f * d * v);
        break;
    default:
        return FALSE;
    }
    return TRUE;
}
