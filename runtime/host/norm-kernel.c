/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Statistics over the pixels of one channel block, and what batch norm's gradient makes of them. */
#include "host/vec.h"

/* Mean, and the sum of squares around it: two passes over a plane that stays in the cache. */
void
FOV_SUFFIX (fov_moments_run) (const float *x, gsize x_row, int rows, int width, float *mean,
                              float *squares)
{
    const float n = (float) rows * (float) width;
    V sum = { 0 }, square = { 0 }, m;

    for (int row = 0; row < rows; row++) {
        V part = { 0 };
        for (int i = 0; i < width; i++)
            part += vload (x + row * x_row + i * VL);
        sum += part;
    }
    m = sum / n;
    for (int row = 0; row < rows; row++) {
        V part = { 0 };
        for (int i = 0; i < width; i++) {
            const V d = vload (x + row * x_row + i * VL) - m;
            part += d * d;
        }
        square += part;
    }
    vstore (mean, m);
    vstore (squares, square);
}

/* Sums of dy and of dy (x - mean). */
void
FOV_SUFFIX (fov_norm_sums_run) (const float *x, gsize x_row, const float *dy, gsize dy_row,
                                int rows, int width, const float *mean, float *sum, float *dot)
{
    const V m = vload (mean);
    V s = { 0 }, t = { 0 };

    for (int row = 0; row < rows; row++) {
        V part = { 0 }, product = { 0 };
        for (int i = 0; i < width; i++) {
            const V d = vload (dy + row * dy_row + i * VL);
            part += d;
            product += d * (vload (x + row * x_row + i * VL) - m);
        }
        s += part;
        t += product;
    }
    vstore (sum, s);
    vstore (dot, t);
}

/* A row: dx = a dy + b x + c. */
void
FOV_SUFFIX (fov_norm_grad_run) (const float *x, const float *dy, const float *a, const float *b,
                                const float *c, float *dx, int width)
{
    const V va = vload (a), vb = vload (b), vc = vload (c);

    for (int i = 0; i < width; i++)
        vstore (dx + i * VL, va * vload (dy + i * VL) + (vb * vload (x + i * VL) + vc));
}
