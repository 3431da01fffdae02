/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/align.h"

#include <math.h>

#define TURNS 12
/* Every so many pixels are compared in each direction. */
#define STRIDE 2
/* Distance of the pixels that a gradient is taken from, and the one while the shift is far. */
#define REACH 1
#define FAR_REACH 3
#define FAR 0.5f
/* A smaller step ends, in pixels. */
#define CLOSE 0.01f
/* Differences of the sum of three colours are clipped here. */
#define CLIP 0.3f
/* Pixels that must be compared. */
#define LEAST 500

/* Of Gauss-Newton: the gradients' products, and theirs with the difference. */
typedef struct {
    double xx, xy, yy, x, y;
    guint n;
} Normal;

typedef struct {
    const float *template, *picture;
    const guint8 *use;
    int width, height;
} Pair;

static float
sum_at (const float *p, gsize plane, gsize i)
{
    return p[i] + p[i + plane] + p[i + 2 * plane];
}

/* Rows of the picture that the template's row y is compared with, x from..to. */
static void
add_row (const Pair *p, int y, const float shift[2], int reach, Normal *sum)
{
    gsize plane = (gsize) p->width * (gsize) p->height, w = (gsize) p->width;
    int ix = (int) floorf (shift[0]), iy = (int) floorf (shift[1]);
    float fx = shift[0] - (float) ix, fy = shift[1] - (float) iy;
    int from = MAX (reach, -ix), to = MIN (p->width - reach, p->width - 1 - ix);

    if (y + iy < 0 || y + iy + 1 >= p->height)
        return;
    for (int x = from; x < to; x += STRIDE) {
        gsize i = (gsize) y * w + (gsize) x, k = (gsize) (y + iy) * w + (gsize) (x + ix);
        if (!p->use[i])
            continue;
        float top = sum_at (p->picture, plane, k) * (1 - fx);
        float low = sum_at (p->picture, plane, k + w) * (1 - fx);
        top += sum_at (p->picture, plane, k + 1) * fx;
        low += sum_at (p->picture, plane, k + w + 1) * fx;
        float d = top * (1 - fy) + low * fy - sum_at (p->template, plane, i);
        d = CLAMP (d, -CLIP, CLIP);
        gsize r = (gsize) reach, ry = r * w;
        float over = 1 / (2 * (float) reach);
        float gx = sum_at (p->template, plane, i + r) - sum_at (p->template, plane, i - r);
        float gy = sum_at (p->template, plane, i + ry) - sum_at (p->template, plane, i - ry);
        gx *= over;
        gy *= over;
        sum->xx += (double) (gx * gx);
        sum->xy += (double) (gx * gy);
        sum->yy += (double) (gy * gy);
        sum->x += (double) (gx * d);
        sum->y += (double) (gy * d);
        sum->n++;
    }
}

/* One step of the shift; its length, or less than 0 where there is none. */
static float
step (const Pair *p, float shift[2], int reach)
{
    Normal s = { 0 };

    for (int y = reach; y < p->height - reach; y += STRIDE)
        add_row (p, y, shift, reach, &s);
    double det = s.xx * s.yy - s.xy * s.xy;
    if (s.n < LEAST || !(det > 1e-3 * (s.xx + s.yy) * (s.xx + s.yy)))
        return -1;
    float dx = (float) ((s.yy * s.x - s.xy * s.y) / det);
    float dy = (float) ((s.xx * s.y - s.xy * s.x) / det);
    shift[0] -= dx;
    shift[1] -= dy;
    return hypotf (dx, dy);
}

gboolean
fov_align (const float *template, const float *picture, const guint8 *use, int width, int height,
           float shift[2])
{
    const Pair pair = { template, picture, use, width, height };
    float at[2] = { shift[0], shift[1] }, far = (float) MAX (width, height), length = 0;

    for (int turn = 0; turn < TURNS; turn++) {
        if (!(fabsf (at[0]) < far && fabsf (at[1]) < far))
            return FALSE;
        length = step (&pair, at, length > FAR ? FAR_REACH : REACH);
        if (length < 0)
            return FALSE;
        if (length < CLOSE) {
            shift[0] = at[0];
            shift[1] = at[1];
            return TRUE;
        }
    }
    return FALSE;
}

void
fov_align_move (const float *picture, int width, int height, const float shift[2], float *moved)
{
    gsize plane = (gsize) width * (gsize) height;
    int ix = (int) floorf (shift[0]), iy = (int) floorf (shift[1]);
    float fx = shift[0] - (float) ix, fy = shift[1] - (float) iy;

    for (int y = 0; y < height; y++) {
        gsize top = (gsize) CLAMP (y + iy, 0, height - 1) * (gsize) width;
        gsize low = (gsize) CLAMP (y + iy + 1, 0, height - 1) * (gsize) width;
        for (int x = 0; x < width; x++) {
            gsize left = (gsize) CLAMP (x + ix, 0, width - 1);
            gsize right = (gsize) CLAMP (x + ix + 1, 0, width - 1);
            float *out = moved + (gsize) y * (gsize) width + x;
            for (int c = 0; c < 3; c++) {
                const float *p = picture + (gsize) c * plane;
                float a = p[top + left] + fx * (p[top + right] - p[top + left]);
                float b = p[low + left] + fx * (p[low + right] - p[low + left]);
                out[(gsize) c * plane] = a + fy * (b - a);
            }
        }
    }
}
