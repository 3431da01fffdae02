/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/flow.h"

#include <math.h>
#include <string.h>

/* The window that is followed has 2 RADIUS + 1 pixels each way. */
#define RADIUS 4
#define SIDE (2 * RADIUS + 1)
#define STEPS 12
/* A step shorter than this ends the search, pixels. */
#define SHORT 0.02f
/* Least lower eigenvalue of a corner's gradients, a pixel's mean, grey levels squared. */
#define CORNER 12.0f
/* A window whose grey differs more than this in the mean was not found again. */
#define DIFFERENT 18.0f

static int
level_width (const FovPyramid *p, int level)
{
    return p->width >> level;
}

static int
level_height (const FovPyramid *p, int level)
{
    return p->height >> level;
}

void
fov_pyramid_size (FovPyramid *pyramid, int width, int height)
{
    gsize need = (gsize) width * (gsize) height;

    pyramid->width = width;
    pyramid->height = height;
    if (need <= pyramid->capacity)
        return;
    pyramid->capacity = need;
    for (int l = 0; l < FOV_FLOW_LEVELS; l++)
        pyramid->level[l] = g_renew (float, pyramid->level[l], need >> (2 * l));
}

void
fov_pyramid_build (FovPyramid *pyramid)
{
    for (int l = 1; l < FOV_FLOW_LEVELS; l++) {
        int w = level_width (pyramid, l), h = level_height (pyramid, l);
        int below_w = level_width (pyramid, l - 1);
        for (int y = 0; y < h; y++) {
            const float *a = pyramid->level[l - 1] + (gsize) (2 * y) * below_w, *b = a + below_w;
            float *out = pyramid->level[l] + (gsize) y * w;
            for (int x = 0; x < w; x++)
                out[x] = 0.25f * (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]);
        }
    }
}

void
fov_pyramid_clear (FovPyramid *pyramid)
{
    for (int l = 0; l < FOV_FLOW_LEVELS; l++)
        g_free (pyramid->level[l]);
    *pyramid = (FovPyramid){ 0 };
}

/* The sums of gradient products over a window of 5 x 5. */
static float
cornerness (const FovPyramid *p, int x, int y)
{
    float xx = 0, xy = 0, yy = 0;
    int w = p->width;

    for (int j = y - 2; j <= y + 2; j++)
        for (int i = x - 2; i <= x + 2; i++) {
            const float *g = p->level[0] + (gsize) j * w + i;
            float gx = (g[1] - g[-1]) / 2, gy = (g[w] - g[-w]) / 2;
            xx += gx * gx;
            xy += gx * gy;
            yy += gy * gy;
        }
    return ((xx + yy) / 2 - sqrtf ((xx - yy) * (xx - yy) / 4 + xy * xy)) / 25;
}

gboolean
fov_flow_corner (const FovPyramid *pyramid, int x, int y, int side, float *corner_x,
                 float *corner_y)
{
    float best = CORNER;
    gboolean found = FALSE;

    /* Every fourth pixel: flow is followed as well from a place beside the corner. */
    for (int j = y; j < y + side; j += 4)
        for (int i = x; i < x + side; i += 4) {
            float c = cornerness (pyramid, i, j);
            if (c > best) {
                best = c;
                *corner_x = (float) i;
                *corner_y = (float) j;
                found = TRUE;
            }
        }
    return found;
}

/* A bilinear window of side + 2 around x, y; FALSE where it does not fit into the level. */
static gboolean
window (const float *level, int w, int h, float x, float y, int radius, float *out)
{
    /* A step along an edge can lead anywhere; the negation catches what is not a number. */
    if (!(x >= 0 && y >= 0 && x < (float) w && y < (float) h))
        return FALSE;
    int x0 = (int) floorf (x) - radius, y0 = (int) floorf (y) - radius;
    float fx = x - floorf (x), fy = y - floorf (y);
    int side = 2 * radius + 1;

    if (x0 < 0 || y0 < 0 || x0 + side >= w || y0 + side >= h)
        return FALSE;
    for (int j = 0; j < side; j++) {
        const float *a = level + (gsize) (y0 + j) * w + x0, *b = a + w;
        for (int i = 0; i < side; i++)
            out[j * side + i] = (1 - fy) * ((1 - fx) * a[i] + fx * a[i + 1]) +
                                fy * ((1 - fx) * b[i] + fx * b[i + 1]);
    }
    return TRUE;
}

/* The template of a window, its gradients and their inverse matrix. */
typedef struct {
    float grey[SIDE * SIDE], gx[SIDE * SIDE], gy[SIDE * SIDE];
    float xx, xy, yy, det;
} Template;

static gboolean
make_template (const FovPyramid *p, int level, float x, float y, Template *t)
{
    float wide[(SIDE + 2) * (SIDE + 2)];
    const int s = SIDE + 2;

    if (!window (p->level[level], level_width (p, level), level_height (p, level), x, y, RADIUS + 1,
                 wide))
        return FALSE;
    t->xx = t->xy = t->yy = 0;
    for (int j = 0; j < SIDE; j++)
        for (int i = 0; i < SIDE; i++) {
            const float *c = wide + (j + 1) * s + i + 1;
            int k = j * SIDE + i;
            t->grey[k] = c[0];
            t->gx[k] = (c[1] - c[-1]) / 2;
            t->gy[k] = (c[s] - c[-s]) / 2;
            t->xx += t->gx[k] * t->gx[k];
            t->xy += t->gx[k] * t->gy[k];
            t->yy += t->gy[k] * t->gy[k];
        }
    t->det = t->xx * t->yy - t->xy * t->xy;
    return t->det > 1e-3f * (t->xx + t->yy + 1);
}

/* Gauss-Newton steps at one level; the mean difference that is left. */
static gboolean
settle (const Template *t, const FovPyramid *p, int level, float *x, float *y, float *difference)
{
    float now[SIDE * SIDE];

    for (int step = 0; step < STEPS; step++) {
        float bx = 0, by = 0, sum = 0;
        if (!window (p->level[level], level_width (p, level), level_height (p, level), *x, *y,
                     RADIUS, now))
            return FALSE;
        for (int k = 0; k < SIDE * SIDE; k++) {
            float d = t->grey[k] - now[k];
            bx += d * t->gx[k];
            by += d * t->gy[k];
            sum += fabsf (d);
        }
        float dx = (t->yy * bx - t->xy * by) / t->det, dy = (t->xx * by - t->xy * bx) / t->det;
        *difference = sum / (SIDE * SIDE);
        *x += dx;
        *y += dy;
        if (dx * dx + dy * dy < SHORT * SHORT)
            break;
    }
    return TRUE;
}

gboolean
fov_flow_follow (const FovPyramid *from, const FovPyramid *to, float x, float y, float *to_x,
                 float *to_y)
{
    float difference = INFINITY, dx = *to_x - x, dy = *to_y - y;
    Template t;

    for (int level = FOV_FLOW_LEVELS - 1; level >= 0; level--) {
        float scale = 1.0f / (float) (1 << level);
        /* Pixel centres: a half's pixel 0 lies at 0.5. */
        float px = (x + 0.5f) * scale - 0.5f, py = (y + 0.5f) * scale - 0.5f;
        float qx = px + dx * scale, qy = py + dy * scale;
        gboolean ok = make_template (from, level, px, py, &t) &&
                      settle (&t, to, level, &qx, &qy, &difference);
        if (level == 0 && !ok)
            return FALSE;
        if (ok && fabsf (qx - px) < 2 * SIDE && fabsf (qy - py) < 2 * SIDE) {
            dx = (qx - px) / scale;
            dy = (qy - py) / scale;
        }
    }
    *to_x = x + dx;
    *to_y = y + dy;
    return difference < DIFFERENT;
}
