/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "overlay/overlay-private.h"

#include <math.h>
#include <string.h>

/* A pixel's coverage is taken from the distance of its centre to the shape's edge. */

#define DASH_DUTY 0.58f

static guint8
to_alpha (float coverage)
{
    return (guint8) (CLAMP (coverage, 0.0f, 1.0f) * 255.0f + 0.5f);
}

/* To a rectangle with round corners, from qx, qy: the way past its straight sides. */
static float
distance (float qx, float qy, float radius)
{
    if (qx > 0 && qy > 0)
        return sqrtf (qx * qx + qy * qy) - radius;
    return MAX (qx, qy) - radius;
}

/* A dash lies on each end of a side, so corners are always whole. */
static float
dash (float along, float period)
{
    float t = along / period;
    return DASH_DUTY * 0.5f * period - fabsf (t - floorf (t + 0.5f)) * period + 0.5f;
}

static float
stroke_at (const FovStroke *s, float px, float py, float qx, float qy)
{
    float coverage = s->half_width - fabsf (distance (qx, qy, s->radius)) + 0.5f;
    if (s->dash_x > 0 && coverage > 0) {
        float cut = qx > qy ? dash (py + s->hy, s->dash_y) : dash (px + s->hx, s->dash_x);
        coverage = MIN (coverage, 1.0f) * CLAMP (cut, 0.0f, 1.0f);
    }
    return coverage;
}

static void
stroke_coverage (gconstpointer shape, int y, int x1, int x2, guint8 *alpha)
{
    const FovStroke *s = shape;
    float py = (float) y + 0.5f - s->cy;
    float qy = fabsf (py) - (s->hy - s->radius);
    /* Within this half width the nearest side is the top or bottom one. */
    float run = s->dash_x > 0 ? -1.0f : s->hx - s->radius + MIN (qy, 0.0f);
    guint8 run_alpha = to_alpha (s->half_width - fabsf (qy - s->radius) + 0.5f);

    for (int x = x1; x < x2; x++) {
        float px = (float) x + 0.5f - s->cx;
        if (fabsf (px) < run) {
            int end = MIN (x2, (int) ceilf (s->cx + run - 0.5f));
            if (end > x) {
                memset (alpha + x - x1, run_alpha, (gsize) (end - x));
                x = end - 1;
                continue;
            }
        }
        float qx = fabsf (px) - (s->hx - s->radius);
        alpha[x - x1] = to_alpha (stroke_at (s, px, py, qx, qy));
    }
}

static int
even_down (float v)
{
    return (int) floorf (v) & ~1;
}

static int
even_up (float v)
{
    return ((int) ceilf (v) + 1) & ~1;
}

/*
 * Thin strips along the sides and what the corners need besides, none over
 * another, so that the inside costs nothing.
 */
void
fov_stroke_draw (FovCanvas *canvas, const FovStroke *s, const FovInk *ink, guint8 opacity)
{
    float side = s->half_width + 1.0f, corner = MAX (side, s->radius + 1.0f);
    float x1 = s->cx - s->hx, x2 = s->cx + s->hx, y1 = s->cy - s->hy, y2 = s->cy + s->hy;
    const FovRect out = { even_down (x1 - side), even_down (y1 - side), even_up (x2 + side),
                          even_up (y2 + side) };
    const FovRect in = { even_up (x1 + side), even_up (y1 + side), even_down (x2 - side),
                         even_down (y2 - side) };
    const FovRect mid = { even_up (x1 + corner), even_up (y1 + corner), even_down (x2 - corner),
                          even_down (y2 - corner) };
    const FovRect parts[] = {
        { out.x1, out.y1, out.x2, in.y1 }, { out.x1, in.y2, out.x2, out.y2 },
        { out.x1, in.y1, mid.x1, mid.y1 }, { mid.x2, in.y1, out.x2, mid.y1 },
        { out.x1, mid.y2, mid.x1, in.y2 }, { mid.x2, mid.y2, out.x2, in.y2 },
        { out.x1, mid.y1, in.x1, mid.y2 }, { in.x2, mid.y1, out.x2, mid.y2 },
    };

    if (mid.x1 >= mid.x2 || mid.y1 >= mid.y2) {
        fov_canvas_blend (canvas, out, ink, opacity, stroke_coverage, s);
        return;
    }
    for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
        fov_canvas_blend (canvas, parts[i], ink, opacity, stroke_coverage, s);
}

static void
fill_coverage (gconstpointer shape, int y, int x1, int x2, guint8 *alpha)
{
    const FovFill *f = shape;
    const FovRect *r = &f->rect;
    float cx = (float) (r->x1 + r->x2) * 0.5f, cy = (float) (r->y1 + r->y2) * 0.5f;
    float hx = (float) (r->x2 - r->x1) * 0.5f, hy = (float) (r->y2 - r->y1) * 0.5f;
    float py = (float) y + 0.5f - cy, largest = 0;

    for (int i = 0; i < 4; i++)
        largest = MAX (largest, f->radius[i]);
    int from = MAX (x1, r->x1 + (int) ceilf (largest)),
        to = MIN (x2, r->x2 - (int) ceilf (largest));
    for (int x = x1; x < x2; x++) {
        if (x == from && from < to) {
            memset (alpha + x - x1, to_alpha (0.5f - fabsf (py) + hy), (gsize) (to - from));
            x = to - 1;
            continue;
        }
        float px = (float) x + 0.5f - cx;
        float radius = f->radius[py < 0 ? (px < 0 ? 0 : 1) : (px < 0 ? 3 : 2)];
        float d = distance (fabsf (px) - (hx - radius), fabsf (py) - (hy - radius), radius);
        alpha[x - x1] = to_alpha (0.5f - d);
    }
}

void
fov_fill_draw (FovCanvas *canvas, const FovFill *fill, const FovInk *ink, guint8 opacity)
{
    fov_canvas_blend (canvas, fill->rect, ink, opacity, fill_coverage, fill);
}

static void
mask_coverage (gconstpointer shape, int y, int x1, int x2, guint8 *alpha)
{
    const FovMask *m = shape;
    int from = MAX (x1, m->x), to = MIN (x2, m->x + m->w);

    memset (alpha, 0, (gsize) (x2 - x1));
    if (y >= m->y && y < m->y + m->h && from < to)
        memcpy (alpha + from - x1, m->alpha + (gsize) (y - m->y) * m->stride + from - m->x,
                (gsize) (to - from));
}

void
fov_mask_draw_part (FovCanvas *canvas, const FovMask *mask, FovRect part, const FovInk *ink)
{
    fov_canvas_blend (canvas, part, ink, 255, mask_coverage, mask);
}

void
fov_mask_draw (FovCanvas *canvas, const FovMask *mask, const FovInk *ink, guint8 opacity)
{
    FovRect rect = { mask->x, mask->y, mask->x + mask->w, mask->y + mask->h };
    fov_canvas_blend (canvas, rect, ink, opacity, mask_coverage, mask);
}
