/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The transforms of Winograd's F(4x4, 3x3) (Lavin and Gray 2016): Y = A' ((G g G') * (B' d B)) A
 * for a 6x6 tile d of the input, a 3x3 kernel g and a 4x4 tile Y of the output, element by element
 * in between; and of its gradients, which run through the transposed ones. The matrices are those
 * of Toom and Cook for the points 0, +-P, +-Q and infinity: 5/8 and 3/2 round less than half as
 * much as the usual 1 and 2. Each lane is a channel of its own.
 */
#include "host/epilogue.h"

#define P 0.625f
#define Q 1.5f
#define P2 (P * P)
#define Q2 (Q * Q)
#define TILE 6
#define OUT 4

/* Transforms along one axis, in place: values step apart. */
typedef void (*Along) (V *t, int step);

/* B' */
INLINE void
along_input (V *t, int step)
{
    const V d0 = t[0], d1 = t[step], d2 = t[2 * step];
    const V d3 = t[3 * step], d4 = t[4 * step], d5 = t[5 * step];
    const V even_p = d4 - Q2 * d2, odd_p = P * (d3 - Q2 * d1);
    const V even_q = d4 - P2 * d2, odd_q = Q * (d3 - P2 * d1);

    t[0] = d4 - (P2 + Q2) * d2 + P2 * Q2 * d0;
    t[step] = even_p + odd_p;
    t[2 * step] = even_p - odd_p;
    t[3 * step] = even_q + odd_q;
    t[4 * step] = even_q - odd_q;
    t[5 * step] = d5 - (P2 + Q2) * d3 + P2 * Q2 * d1;
}

/* A', 6 to 4 */
INLINE void
along_output (V *t, int step)
{
    const V sum_p = t[step] + t[2 * step], diff_p = t[step] - t[2 * step];
    const V sum_q = t[3 * step] + t[4 * step], diff_q = t[3 * step] - t[4 * step];

    t[0] = t[0] + sum_p + sum_q;
    t[step] = P * diff_p + Q * diff_q;
    t[2 * step] = P2 * sum_p + Q2 * sum_q;
    t[3 * step] = P * P2 * diff_p + (Q * Q2 * diff_q + t[5 * step]);
}

/* A, 4 to 6 */
INLINE void
along_output_grad (V *t, int step)
{
    const V y0 = t[0], y1 = t[step], y2 = t[2 * step], y3 = t[3 * step];
    const V even_p = y0 + P2 * y2, odd_p = P * (y1 + P2 * y3);
    const V even_q = y0 + Q2 * y2, odd_q = Q * (y1 + Q2 * y3);

    t[step] = even_p + odd_p;
    t[2 * step] = even_p - odd_p;
    t[3 * step] = even_q + odd_q;
    t[4 * step] = even_q - odd_q;
    t[5 * step] = y3;
}

#define SCALE_0 (1.0f / (P2 * Q2))
#define SCALE_P (1.0f / (2.0f * P2 * (P2 - Q2)))
#define SCALE_Q (1.0f / (2.0f * Q2 * (Q2 - P2)))

/* G, 3 to 6 */
INLINE void
along_weights (V *t, int step)
{
    const V g0 = t[0], g1 = t[step], g2 = t[2 * step];
    const V even_p = SCALE_P * (g0 + P2 * g2), odd_p = SCALE_P * P * g1;
    const V even_q = SCALE_Q * (g0 + Q2 * g2), odd_q = SCALE_Q * Q * g1;

    t[0] = SCALE_0 * g0;
    t[step] = even_p + odd_p;
    t[2 * step] = even_p - odd_p;
    t[3 * step] = even_q + odd_q;
    t[4 * step] = even_q - odd_q;
    t[5 * step] = g2;
}

/* G', 6 to 3 */
INLINE void
along_weights_grad (V *t, int step)
{
    const V sum_p = SCALE_P * (t[step] + t[2 * step]);
    const V diff_p = SCALE_P * P * (t[step] - t[2 * step]);
    const V sum_q = SCALE_Q * (t[3 * step] + t[4 * step]);
    const V diff_q = SCALE_Q * Q * (t[3 * step] - t[4 * step]);

    t[0] = SCALE_0 * t[0] + sum_p + sum_q;
    t[step] = diff_p + diff_q;
    t[2 * step] = P2 * sum_p + (Q2 * sum_q + t[5 * step]);
}

/* Both axes of a square of n values a side, which becomes one of m. */
INLINE void
both (Along along, V *t, const int n, const int m)
{
    UNROLL
    for (int column = 0; column < n; column++)
        along (t + column, TILE);
    UNROLL
    for (int row = 0; row < m; row++)
        along (t + row * TILE, 1);
}

INLINE void
load_square (V *t, const float *from, gssize row, gssize step, const int n)
{
    UNROLL
    for (int i = 0; i < n; i++)
        UNROLL
    for (int j = 0; j < n; j++)
        t[i * TILE + j] = vload (from + i * row + j * step);
}

INLINE void
store_square (const V *t, float *to, gsize row, gsize step, const int n)
{
    UNROLL
    for (int i = 0; i < n; i++)
        UNROLL
    for (int j = 0; j < n; j++)
        vstore (to + i * row + j * step, t[i * TILE + j]);
}

/* A square of size pixels a side of which only rows x columns are there; the others are 0. */
INLINE void
load_pixels (V *t, const float *x, gsize x_row, int rows, int columns, const int size)
{
    float padded[TILE * TILE * VL];

    if (rows >= size && columns >= size) {
        load_square (t, x, x_row, VL, size);
        return;
    }
    memset (padded, 0, sizeof padded);
    for (int i = 0; i < MIN (rows, size); i++)
        memcpy (padded + i * TILE * VL, x + i * x_row,
                (gsize) MIN (columns, size) * VL * sizeof (float));
    load_square (t, padded, TILE * VL, VL, size);
}

void
FOV_SUFFIX (fov_winograd_input_run) (const float *x, gsize x_row, int rows, int columns, float *v,
                                     gsize step)
{
    V t[TILE * TILE];

    load_pixels (t, x, x_row, rows, columns, TILE);
    both (along_input, t, TILE, TILE);
    store_square (t, v, TILE * step, step, TILE);
}

void
FOV_SUFFIX (fov_winograd_output_grad_run) (const float *dy, gsize dy_row, int rows, int columns,
                                           float *v, gsize step)
{
    V t[TILE * TILE];

    load_pixels (t, dy, dy_row, rows, columns, OUT);
    both (along_output_grad, t, OUT, TILE);
    store_square (t, v, TILE * step, step, TILE);
}

void
FOV_SUFFIX (fov_winograd_output_run) (const float *m, gsize step, const float *bias,
                                      const FovConvArgs *to, int block, int row, int px, int rows,
                                      int columns)
{
    const V b = vload (bias);
    V t[TILE * TILE];

    load_square (t, m, TILE * step, step, TILE);
    both (along_output, t, TILE, OUT);
    UNROLL
    for (int i = 0; i < OUT * TILE; i++)
        t[i] += b;
    if (rows >= OUT && columns >= OUT) {
        UNROLL
        for (int i = 0; i < OUT; i++)
            store_pixels (to, t + i * TILE, 1, block, row + i, px, OUT);
        return;
    }
    for (int i = 0; i < MIN (rows, OUT); i++)
        for (int j = 0; j < MIN (columns, OUT); j++)
            store_pixels (to, t + i * TILE + j, 1, block, row + i, px + j, 1);
}

void
FOV_SUFFIX (fov_winograd_weights_run) (const float *w, gssize w_step, float *u, gsize step)
{
    V t[TILE * TILE];

    load_square (t, w, 3 * w_step, w_step, 3);
    both (along_weights, t, 3, TILE);
    store_square (t, u, TILE * step, step, TILE);
}

void
FOV_SUFFIX (fov_winograd_weights_grad_run) (const float *u, gsize step, float *w, gsize w_step)
{
    V t[TILE * TILE];

    load_square (t, u, TILE * step, step, TILE);
    both (along_weights_grad, t, TILE, 3);
    UNROLL
    for (int i = 0; i < 9; i++)
        vstore (w + i * w_step, vload (w + i * w_step) + t[i / 3 * TILE + i % 3]);
}
