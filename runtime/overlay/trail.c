/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "overlay/overlay-private.h"

#include <math.h>
#include <string.h>

/* More of a way than this is not told apart on a screen; it bounds memory and time. */
#define MAX_POINTS 64
#define MAX_TRAILS 1024
#define SHADE 60   /* opacity of the dark rim at the newest end, of 255 */
#define STRONG 235 /* opacity of the line there */
#define HIDDEN 0.4f

typedef struct {
    float x, y;
    float weight; /* of the opacity: less where the object was not seen */
    gint64 time;  /* ns */
} Point;

/* The newest point is the object's present place; the others stay where they are. */
typedef struct {
    gint64 id;
    guint8 rgb[3];
    guint n;
    Point points[MAX_POINTS];
} Trail;

/* What of a row of the mask may differ from zero; empty where x1 >= x2. */
typedef struct {
    int x1, x2;
} Span;

struct _FovTrails {
    GArray *trails; /* Trail */
    guint8 *mask;   /* coverage of the trail being drawn; all zero between two */
    Span *rows;     /* of mask; all empty between two */
    int width, height;
};

FovTrails *
fov_trails_new (void)
{
    FovTrails *t = g_new0 (FovTrails, 1);

    t->trails = g_array_new (FALSE, FALSE, sizeof (Trail));
    return t;
}

void
fov_trails_free (FovTrails *t)
{
    g_array_unref (t->trails);
    g_free (t->mask);
    g_free (t->rows);
    g_free (t);
}

void
fov_trails_clear (FovTrails *t)
{
    g_array_set_size (t->trails, 0);
}

guint
fov_trails_count (const FovTrails *t)
{
    return t->trails->len;
}

void
fov_trails_begin (FovTrails *t, int width, int height)
{
    if (t->width == width && t->height == height)
        return;
    fov_trails_clear (t);
    g_clear_pointer (&t->mask, g_free);
    g_clear_pointer (&t->rows, g_free);
    t->width = width;
    t->height = height;
}

/* Only pictures with trails pay for it. */
static void
make_mask (FovTrails *t)
{
    if (t->mask)
        return;
    t->mask = g_malloc0 ((gsize) t->width * (gsize) t->height);
    t->rows = g_new (Span, t->height);
    for (int y = 0; y < t->height; y++)
        t->rows[y] = (Span){ t->width, 0 };
}

static Trail *
find (FovTrails *t, gint64 id)
{
    for (guint i = 0; i < t->trails->len; i++) {
        Trail *trail = &g_array_index (t->trails, Trail, i);
        if (trail->id == id)
            return trail;
    }
    if (t->trails->len == MAX_TRAILS)
        return NULL;
    g_array_set_size (t->trails, t->trails->len + 1);
    Trail *trail = &g_array_index (t->trails, Trail, t->trails->len - 1);
    trail->id = id;
    trail->n = 0;
    return trail;
}

static void
drop_first (Trail *trail)
{
    trail->n--;
    memmove (trail->points, trail->points + 1, trail->n * sizeof *trail->points);
}

void
fov_trails_add (FovTrails *t, gint64 id, const guint8 rgb[3], float x, float y, gboolean hidden,
                float step, gint64 now, gint64 length)
{
    const Point point = { x, y, hidden ? HIDDEN : 1.0f, now };
    Trail *trail = find (t, id);

    if (!trail)
        return;
    memcpy (trail->rgb, rgb, 3);
    if (trail->n >= 2) {
        const Point *kept = &trail->points[trail->n - 2];
        /* An object at rest must not become a scribble, nor a fast camera fill the list. */
        if (hypotf (x - kept->x, y - kept->y) < step ||
            now - kept->time < length / (MAX_POINTS - 2))
            trail->n--;
    }
    if (trail->n == MAX_POINTS)
        drop_first (trail);
    trail->points[trail->n++] = point;
}

/* Binomial smoothing: detectors' boxes tremble, and a way does not. The ends stay. */
static void
smooth (Point *points, guint n)
{
    for (int pass = 0; pass < 2; pass++) {
        Point before = points[0];
        for (guint i = 1; i + 1 < n; i++) {
            Point here = points[i];
            points[i].x = 0.25f * before.x + 0.5f * here.x + 0.25f * points[i + 1].x;
            points[i].y = 0.25f * before.y + 0.5f * here.y + 0.25f * points[i + 1].y;
            before = here;
        }
    }
}

/* One end of a stretch: place, half width and opacity there. */
typedef struct {
    float x, y, half, alpha;
} End;

/*
 * The larger coverage wins, so that where stretches meet nothing shows twice. No
 * branch and no other memory in the loop: the compiler takes many pixels at once.
 */
static void
cover_pixels (guint8 *restrict row, int n, float px, float py, const End *a, const End *b)
{
    const float dx = b->x - a->x, dy = b->y - a->y, length = dx * dx + dy * dy;
    const float scale = length > 1e-6f ? 1.0f / length : 0.0f;
    const float half = a->half + 0.5f, wider = b->half - a->half;
    const float alpha = a->alpha, stronger = b->alpha - a->alpha;

    for (int i = 0; i < n; i++) {
        float x = px + (float) i, along = (x * dx + py * dy) * scale;
        along = CLAMP (along, 0.0f, 1.0f);
        float ex = x - along * dx, ey = py - along * dy;
        float cover = half + along * wider - sqrtf (ex * ex + ey * ey);
        cover = CLAMP (cover, 0.0f, 1.0f);
        guint8 value = (guint8) (int) (cover * (alpha + along * stronger));
        row[i] = MAX (row[i], value);
    }
}

static void
cover_row (FovTrails *t, int y, int x1, int x2, const End *a, const End *b)
{
    cover_pixels (t->mask + (gsize) y * (gsize) t->width + x1, x2 - x1, (float) x1 + 0.5f - a->x,
                  (float) y + 0.5f - a->y, a, b);
    t->rows[y].x1 = MIN (t->rows[y].x1, x1);
    t->rows[y].x2 = MAX (t->rows[y].x2, x2);
}

static void
cover (FovTrails *t, FovRect *touched, const End *a, const End *b)
{
    float reach = MAX (a->half, b->half) + 1.0f;
    float left = CLAMP (MIN (a->x, b->x) - reach, 0.0f, (float) t->width);
    float right = CLAMP (MAX (a->x, b->x) + reach, 0.0f, (float) t->width);
    float top = CLAMP (MIN (a->y, b->y) - reach, 0.0f, (float) t->height);
    float bottom = CLAMP (MAX (a->y, b->y) + reach, 0.0f, (float) t->height);
    int x1 = (int) left, x2 = (int) ceilf (right), y1 = (int) top, y2 = (int) ceilf (bottom);

    if (x1 >= x2 || y1 >= y2)
        return;
    for (int y = y1; y < y2; y++)
        cover_row (t, y, x1, x2, a, b);
    touched->y1 = MIN (touched->y1, y1);
    touched->y2 = MAX (touched->y2, y2);
}

/* Two rows at a time, as chroma has them, and only as wide as they are covered. */
static void
blend (FovTrails *t, FovCanvas *canvas, FovRect touched, const FovInk *ink)
{
    const FovMask mask = { t->mask, t->width, 0, 0, t->width, t->height };

    for (int y = touched.y1 & ~1; y < touched.y2; y += 2) {
        FovRect rect = { t->width, y, 0, y + 2 };
        for (int r = MAX (y, touched.y1); r < MIN (y + 2, touched.y2); r++) {
            rect.x1 = MIN (rect.x1, t->rows[r].x1);
            rect.x2 = MAX (rect.x2, t->rows[r].x2);
        }
        fov_mask_draw_part (canvas, &mask, rect, ink);
    }
    for (int y = touched.y1; y < touched.y2; y++) {
        Span *row = &t->rows[y];
        if (row->x1 < row->x2)
            memset (t->mask + (gsize) y * (gsize) t->width + row->x1, 0,
                    (gsize) (row->x2 - row->x1));
        *row = (Span){ t->width, 0 };
    }
}

/* Narrower and fainter the longer ago. */
static End
end_of (const Point *p, float line, float rim, float opacity, gint64 now, gint64 length)
{
    float fresh = 1.0f - (float) ((double) (now - p->time) / (double) length);

    fresh = CLAMP (fresh, 0.0f, 1.0f);
    return (End){ p->x, p->y, line * (0.3f + 0.55f * fresh) + rim,
                  opacity * p->weight * powf (fresh, 0.8f) };
}

static void
draw_trail (FovTrails *t, FovCanvas *canvas, const Trail *trail, float line, gint64 now,
            gint64 length)
{
    static const guint8 black[3] = { 0, 0, 0 };
    Point points[MAX_POINTS];

    make_mask (t);
    memcpy (points, trail->points, trail->n * sizeof *points);
    smooth (points, trail->n);
    for (int layer = 0; layer < 2; layer++) {
        FovInk ink = fov_canvas_ink (canvas, layer ? trail->rgb : black);
        float rim = layer ? 0.0f : MAX (line * 0.25f, 0.75f);
        FovRect touched = { 0, t->height, 0, 0 };
        End from = end_of (&points[0], line, rim, layer ? STRONG : SHADE, now, length);
        for (guint i = 1; i < trail->n; i++) {
            End to = end_of (&points[i], line, rim, layer ? STRONG : SHADE, now, length);
            cover (t, &touched, &from, &to);
            from = to;
        }
        blend (t, canvas, touched, &ink);
    }
}

void
fov_trails_draw (FovTrails *t, FovCanvas *canvas, float line, gint64 now, gint64 length)
{
    for (guint i = t->trails->len; i-- > 0;) {
        Trail *trail = &g_array_index (t->trails, Trail, i);
        /* The first of the points that are too old keeps the end from jumping. */
        while (trail->n > 1 && now - trail->points[1].time >= length)
            drop_first (trail);
        if (trail->n == 0 || (trail->n == 1 && now - trail->points[0].time >= length))
            g_array_remove_index_fast (t->trails, i);
        else if (trail->n > 1)
            draw_trail (t, canvas, trail, line, now, length);
    }
}
