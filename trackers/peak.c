/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/peak.h"

#include <math.h>

#define STEPS 8
/* Cells: the longest step, that along a slope, and one that is not worth making. */
#define MAX_STEP 0.5
#define SLOPE_STEP 0.2
#define CLOSE 1e-3
#define MAX_SIDE 128
/* Half side in cells of what a side lobe may not come from (Bolme et al.: 11 x 11). */
#define LOBE 5

static int
wrapped (int v, int n)
{
    return v >= n / 2 ? v - n : v;
}

static gboolean
is_near (int x, int y, int at, int n, float near_x, float near_y)
{
    int dx = wrapped ((x - at % n + n) % n, n), dy = wrapped ((y - at / n + n) % n, n);
    return fabsf ((float) dx) <= near_x && fabsf ((float) dy) <= near_y;
}

static gboolean
is_top (const float *plane, int n, int x, int y)
{
    float v = plane[y * n + x];
    int left = (x + n - 1) % n, right = (x + 1) % n, up = (y + n - 1) % n, down = (y + 1) % n;
    return v >= plane[y * n + left] && v >= plane[y * n + right] && v >= plane[up * n + x] &&
           v >= plane[down * n + x];
}

void
fov_peak_find (const float *plane, int n, float near_x, float near_y, FovPeak *peak)
{
    int best = 0, second = -1, lobes = 0;
    float lowest = plane[0];
    double sum = 0.0, squares = 0.0, energy = 0.0;

    for (int i = 1; i < n * n; i++) {
        best = plane[i] > plane[best] ? i : best;
        lowest = fminf (lowest, plane[i]);
    }
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            double v = plane[y * n + x];
            energy += (v - lowest) * (v - lowest);
            if (!is_near (x, y, best, n, LOBE, LOBE)) {
                lobes++;
                sum += v;
                squares += v * v;
            }
            if (!is_near (x, y, best, n, near_x, near_y) &&
                (second < 0 || plane[y * n + x] > plane[second]) && is_top (plane, n, x, y))
                second = y * n + x;
        }
    double mean = lobes ? sum / lobes : 0.0;
    double deviation = lobes ? sqrt (fmax (squares / lobes - mean * mean, 0.0)) : 0.0;
    double height = plane[best], range = height - lowest;
    *peak = (FovPeak){
        .x = (float) wrapped (best % n, n),
        .y = (float) wrapped (best / n, n),
        .height = plane[best],
        .psr = (float) ((height - mean) / fmax (deviation, 1e-6)),
        .apce = (float) (range * range / fmax (energy / (n * n), 1e-12)),
    };
    if (second >= 0) {
        peak->second = plane[second];
        peak->second_x = (float) wrapped (second % n, n);
        peak->second_y = (float) wrapped (second / n, n);
    }
}

/* Value, gradient and second derivatives of the interpolated response at a place. */
typedef struct {
    double v, x, y, xx, xy, yy;
} Shape;

static Shape
shape_at (const float *spectrum, int n, double px, double py)
{
    int size = n * (n / 2 + 1);
    double unit = 2.0 * G_PI / n, cosine[MAX_SIDE], sine[MAX_SIDE];
    Shape sum = { 0 };
    for (int ky = 0; ky < n; ky++) {
        cosine[ky] = cos (unit * wrapped (ky, n) * py);
        sine[ky] = sin (unit * wrapped (ky, n) * py);
    }
    for (int kx = 0; kx <= n / 2; kx++) {
        const float *re = spectrum + kx * n, *im = re + size;
        double fx = unit * kx, s_re[3] = { 0 }, s_im[3] = { 0 };
        for (int ky = 0; ky < n; ky++) {
            double fy = unit * wrapped (ky, n);
            double a = re[ky] * cosine[ky] - im[ky] * sine[ky];
            double b = re[ky] * sine[ky] + im[ky] * cosine[ky];
            s_re[0] += a;
            s_im[0] += b;
            s_re[1] -= fy * b; /* times i fy */
            s_im[1] += fy * a;
            s_re[2] -= fy * fy * a;
            s_im[2] -= fy * fy * b;
        }
        double c = cos (fx * px), s = sin (fx * px), w = kx == 0 || kx == n / 2 ? 1.0 : 2.0;
        sum.v += w * (s_re[0] * c - s_im[0] * s);
        sum.y += w * (s_re[1] * c - s_im[1] * s);
        sum.yy += w * (s_re[2] * c - s_im[2] * s);
        sum.x -= w * fx * (s_re[0] * s + s_im[0] * c);
        sum.xy -= w * fx * (s_re[1] * s + s_im[1] * c);
        sum.xx -= w * fx * fx * (s_re[0] * c - s_im[0] * s);
    }
    return sum;
}

/* Uphill: Newton's step where the response is a hill, else along the slope. */
static void
next_step (const Shape *at, double *dx, double *dy)
{
    double det = at->xx * at->yy - at->xy * at->xy, limit = MAX_STEP;
    if (det > 0.0 && at->xx < 0.0) {
        *dx = -(at->yy * at->x - at->xy * at->y) / det;
        *dy = -(at->xx * at->y - at->xy * at->x) / det;
    } else {
        *dx = at->x;
        *dy = at->y;
        limit = SLOPE_STEP;
    }
    double length = hypot (*dx, *dy);
    if (length > limit || limit == SLOPE_STEP) {
        *dx *= limit / fmax (length, 1e-12);
        *dy *= limit / fmax (length, 1e-12);
    }
}

void
fov_peak_refine (const float *spectrum, int n, FovPeak *peak)
{
    double x = peak->x, y = peak->y, dx, dy;
    Shape at = shape_at (spectrum, n, x, y);
    next_step (&at, &dx, &dy);
    for (int k = 0; k < STEPS && fabs (dx) + fabs (dy) > CLOSE; k++) {
        Shape there = shape_at (spectrum, n, x + dx, y + dy);
        if (there.v <= at.v) { /* too far */
            dx *= 0.5;
            dy *= 0.5;
            continue;
        }
        x += dx;
        y += dy;
        at = there;
        next_step (&at, &dx, &dy);
    }
    peak->x = (float) x;
    peak->y = (float) y;
    peak->height = (float) (at.v / ((double) n * n));
}
