/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/backdrop.h"

#include <math.h>
#include <string.h>

/* What stands out differs by so much in one of its colours, 0..1. */
#define DIFFERENCE 0.1f
/* Pictures before a pixel is known, and those that its mean remembers. */
#define KNOWN 4
#define MEMORY 32
/* Objects' boxes are this much larger on each side, in their sizes, where they hide the backdrop:
 * a detector's are not exact. */
#define MARGIN 0.15f
/* A larger share of what is known standing out between the objects is another scene. */
#define CHANGED 0.15
/* An extent is looked for so far outside of a box, in its sizes, and needs so much of the box to
 * stand out and so much to be known. */
#define REACH 0.1f
#define LEAST_SHARE 0.15f
#define LEAST_KNOWN 0.9f
/* Shares of what stands out that are left out on each side: a neighbour's foot, a shadow. */
#define TRIM_X 0.03f
#define TRIM_Y 0.015f

enum { BEHIND, OUT, UNKNOWN };

struct _FovBackdrop {
    int width, height;
    float step;
    float *mean; /* three planes */
    guint8 *age; /* pictures, at most MEMORY */
    guint8 *mask;
    guint8 *hidden;    /* by an object in this picture */
    GArray *sums;      /* float: of columns, then of rows */
    gboolean has_mask; /* of this picture */
};

/* A half-open rectangle of reduced pixels. */
typedef struct {
    int x1, y1, x2, y2;
} Window;

FovBackdrop *
fov_backdrop_new (void)
{
    FovBackdrop *b = g_new0 (FovBackdrop, 1);

    b->sums = g_array_new (FALSE, FALSE, sizeof (float));
    return b;
}

void
fov_backdrop_free (FovBackdrop *b)
{
    if (!b)
        return;
    g_free (b->mean);
    g_free (b->age);
    g_free (b->mask);
    g_free (b->hidden);
    g_array_unref (b->sums);
    g_free (b);
}

void
fov_backdrop_reset (FovBackdrop *b)
{
    b->has_mask = FALSE;
    if (b->age)
        memset (b->age, 0, (gsize) b->width * (gsize) b->height);
}

static void
fit_size (FovBackdrop *b, const FovReduced *p)
{
    gsize n = (gsize) p->width * (gsize) p->height;

    if (b->width == p->width && b->height == p->height && b->step == p->step)
        return;
    b->width = p->width;
    b->height = p->height;
    b->step = p->step;
    b->mean = g_renew (float, b->mean, 3 * n);
    b->age = g_renew (guint8, b->age, n);
    b->mask = g_renew (guint8, b->mask, n);
    b->hidden = g_renew (guint8, b->hidden, n);
    g_array_set_size (b->sums, (guint) (p->width + p->height));
    fov_backdrop_reset (b);
}

/* What is not a number is the most. */
static float
within (float v, float most)
{
    return fmaxf (fminf (v, most), 0);
}

/* A box, grown by margin times its size on each side, on the picture. */
static Window
window_of (const FovBackdrop *b, FovBox box, float margin)
{
    float w = margin * (box.x2 - box.x1), h = margin * (box.y2 - box.y1);
    float width = (float) b->width, height = (float) b->height;

    return (Window){ (int) within ((box.x1 - w) / b->step, width),
                     (int) within ((box.y1 - h) / b->step, height),
                     (int) within (ceilf ((box.x2 + w) / b->step), width),
                     (int) within (ceilf ((box.y2 + h) / b->step), height) };
}

static void
hide (FovBackdrop *b, const FovBox *objects, guint n)
{
    memset (b->hidden, 0, (gsize) b->width * (gsize) b->height);
    for (guint i = 0; i < n; i++) {
        Window w = window_of (b, objects[i], MARGIN);
        for (int y = w.y1; y < w.y2 && w.x1 < w.x2; y++)
            memset (b->hidden + y * b->width + w.x1, 1, (gsize) (w.x2 - w.x1));
    }
}

static float
difference (const FovBackdrop *b, const float *rgb, gsize i)
{
    gsize plane = (gsize) b->width * (gsize) b->height;

    return fmaxf (fabsf (rgb[i] - b->mean[i]),
                  fmaxf (fabsf (rgb[i + plane] - b->mean[i + plane]),
                         fabsf (rgb[i + 2 * plane] - b->mean[i + 2 * plane])));
}

/* Fills the mask; FALSE where the scene between the objects is another one. */
static gboolean
compare (FovBackdrop *b, const float *rgb)
{
    gsize n = (gsize) b->width * (gsize) b->height, known = 0, out = 0;

    for (gsize i = 0; i < n; i++) {
        b->mask[i] = b->age[i] < KNOWN                     ? UNKNOWN
                     : difference (b, rgb, i) > DIFFERENCE ? OUT
                                                           : BEHIND;
        if (b->mask[i] != UNKNOWN && !b->hidden[i]) {
            known++;
            out += b->mask[i] == OUT;
        }
    }
    return (double) out <= CHANGED * (double) known;
}

static void
learn (FovBackdrop *b, const float *rgb)
{
    gsize plane = (gsize) b->width * (gsize) b->height;

    for (gsize i = 0; i < plane; i++) {
        if (b->hidden[i])
            continue;
        if (b->age[i] < MEMORY)
            b->age[i]++;
        float rate = 1.0f / b->age[i];
        for (gsize k = i; k < 3 * plane; k += plane)
            b->mean[k] = b->age[i] == 1 ? rgb[k] : b->mean[k] + rate * (rgb[k] - b->mean[k]);
    }
}

void
fov_backdrop_next (FovBackdrop *b, const FovReduced *picture, const FovBox *objects, guint n)
{
    fit_size (b, picture);
    hide (b, objects, n);
    b->has_mask = compare (b, picture->rgb);
    if (!b->has_mask)
        fov_backdrop_reset (b);
    learn (b, picture->rgb);
}

static gboolean
inside (FovBox box, float x, float y)
{
    return x >= box.x1 && x < box.x2 && y >= box.y1 && y < box.y2;
}

static gboolean
inside_any (float x, float y, const FovBox *boxes, guint n)
{
    for (guint i = 0; i < n; i++)
        if (inside (boxes[i], x, y))
            return TRUE;
    return FALSE;
}

/* Where the running sum of n values comes to share of all of it. */
static float
quantile (const float *sums, int n, float total, float share)
{
    float before = 0, wanted = share * total;

    for (int i = 0; i < n; i++) {
        if (before + sums[i] >= wanted && sums[i] > 0)
            return (float) i + (wanted - before) / sums[i];
        before += sums[i];
    }
    return (float) n;
}

/* What was counted in a window: pixels that stand out over its columns and rows, and shares. */
typedef struct {
    float *columns, *rows;
    int all, unknown, box, free, out, total;
} Count;

static void
count_row (const FovBackdrop *b, Window w, int py, FovBox box, const FovBox *others, guint n,
           gboolean mine, Count *c)
{
    const guint8 *mask = b->mask + py * b->width;
    float y = ((float) py + 0.5f) * b->step;

    c->rows[py - w.y1] = 0;
    for (int px = w.x1; px < w.x2; px++) {
        float x = ((float) px + 0.5f) * b->step;
        gboolean own = inside (box, x, y), theirs = !(own && mine) && inside_any (x, y, others, n);
        c->all++;
        c->unknown += mask[px] == UNKNOWN;
        c->box += own;
        c->free += own && !theirs;
        c->out += own && !theirs && mask[px] == OUT;
        if (mask[px] == OUT && !theirs) {
            c->columns[px - w.x1]++;
            c->rows[py - w.y1]++;
            c->total++;
        }
    }
}

gboolean
fov_backdrop_extent (const FovBackdrop *b, FovBox box, const FovBox *others, guint n, gboolean mine,
                     FovExtent *extent)
{
    float *sums = (float *) (gpointer) b->sums->data;
    Count c = { .columns = sums, .rows = sums + b->width };
    Window w;

    if (!b->has_mask)
        return FALSE;
    w = window_of (b, box, REACH);
    if (w.x2 <= w.x1 || w.y2 <= w.y1)
        return FALSE;
    memset (c.columns, 0, sizeof (float) * (gsize) (w.x2 - w.x1));
    for (int y = w.y1; y < w.y2; y++)
        count_row (b, w, y, box, others, n, mine, &c);
    if ((float) c.unknown > (1 - LEAST_KNOWN) * (float) c.all || c.free == 0 ||
        (float) c.total < LEAST_SHARE * (float) c.box)
        return FALSE;
    int width = w.x2 - w.x1, height = w.y2 - w.y1;
    float t = (float) c.total, x = (float) w.x1, y = (float) w.y1;
    extent->box = (FovBox){ (x + quantile (c.columns, width, t, TRIM_X)) * b->step,
                            (y + quantile (c.rows, height, t, TRIM_Y)) * b->step,
                            (x + quantile (c.columns, width, t, 1 - TRIM_X)) * b->step,
                            (y + quantile (c.rows, height, t, 1 - TRIM_Y)) * b->step };
    extent->free = (double) c.free / c.box;
    extent->share = (double) c.out / c.free;
    return extent->box.x2 > extent->box.x1 && extent->box.y2 > extent->box.y1;
}

static guint8
mask_at (const FovBackdrop *b, float x, float y)
{
    int px = (int) within (x / b->step, (float) (b->width - 1));
    int py = (int) within (y / b->step, (float) (b->height - 1));

    return b->mask[py * b->width + px];
}

gboolean
fov_backdrop_sample (const FovBackdrop *b, FovBox box, int columns, int rows, float *out)
{
    float w = (box.x2 - box.x1) / (float) columns, h = (box.y2 - box.y1) / (float) rows;
    int n = columns * rows, stands = 0, unknown = 0;

    for (int i = 0; i < n && b->has_mask; i++) {
        float x = box.x1 + ((float) (i % columns) + 0.5f) * w;
        float y = box.y1 + ((float) (i / columns) + 0.5f) * h;
        guint8 mask = mask_at (b, x, y);
        out[i] = mask == OUT;
        stands += mask == OUT;
        unknown += mask == UNKNOWN;
    }
    if (b->has_mask && (float) unknown <= (1 - LEAST_KNOWN) * (float) n &&
        (float) stands >= LEAST_SHARE * (float) n)
        return TRUE;
    for (int i = 0; i < n; i++)
        out[i] = 1;
    return FALSE;
}
