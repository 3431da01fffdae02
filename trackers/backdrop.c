/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/backdrop.h"

#include <math.h>
#include <string.h>

#include "trackers/align.h"
#include "trackers/cover.h"

/* What stands out differs by so much in one of its colours, 0..1, or by so many times what the
 * backdrop differs from its mean, but by no more than this. Where that is more than DIFFERENCE,
 * the mean of nine pixels is compared, which is a third as noisy. */
#define DIFFERENCE 0.1f
#define NOISES 3.0f
#define MOST_DIFFERENCE 0.25f
#define SMOOTHER 3.0f
/* How fast the noise is followed, what counts as such, and every how many pixels it is measured. */
#define NOISE_STRIDE 7
#define NOISE_RATE 0.1
#define MOST_NOISE 0.3f
/* Pictures before a pixel is known, and those that its mean remembers. */
#define KNOWN 4
#define MEMORY 32
/* Objects' boxes are this much larger on each side, in their sizes, where they hide the backdrop:
 * a detector's are not exact. */
#define MARGIN 0.15f
/* A larger share of what is known standing out between the objects is another scene. */
#define CHANGED 0.15
/* Less than REST is no sway, more than FURTHEST another view, reduced pixels. */
#define REST 0.1f
#define FURTHEST 8.0f
/* An extent is looked for so far outside of a box, in its sizes, and needs so much of the box to
 * stand out and so much to be known. */
#define REACH 0.1f
#define LEAST_SHARE 0.15f
#define LEAST_KNOWN 0.9f
/* Shares of what stands out that are left out on each side: a neighbour's foot, a shadow. */
#define TRIM_X 0.03f
#define TRIM_Y 0.015f

enum { BEHIND, OUT, UNKNOWN };

/* Pixels up and left of a place: known to nobody; and of those that no box covers, or that so many
 * may: those that stand out, and all. */
typedef struct {
    guint32 v[4];
} Sums;

enum { FREE_OUT, FREE, OWN_OUT, OWN };

struct _FovBackdrop {
    int width, height;
    float step;
    /* Where a pixel of the mean is in this picture, from its own place: the camera's sway. */
    float shift[2];
    double noise; /* mean difference of what no object hides; less than 0: not measured */
    float *mean;  /* three planes */
    float *still; /* the picture without the sway; three planes */
    float *difference, *scratch;
    guint8 *age; /* pictures, at most MEMORY */
    guint8 *mask;
    guint8 *use; /* to be compared: seen before, not hidden by an object in this picture */
    FovCover cover;
    guint32 *unknown;  /* pixels up and left of each, one more each way */
    Sums *sums;        /* the same */
    GArray *counts;    /* float: of columns, then of rows */
    gboolean has_mask; /* of this picture */
};

FovBackdrop *
fov_backdrop_new (void)
{
    FovBackdrop *b = g_new0 (FovBackdrop, 1);

    b->counts = g_array_new (FALSE, FALSE, sizeof (float));
    return b;
}

void
fov_backdrop_free (FovBackdrop *b)
{
    if (!b)
        return;
    g_free (b->mean);
    g_free (b->still);
    g_free (b->difference);
    g_free (b->scratch);
    g_free (b->age);
    g_free (b->mask);
    g_free (b->use);
    g_free (b->unknown);
    g_free (b->sums);
    fov_cover_clear (&b->cover);
    g_array_unref (b->counts);
    g_free (b);
}

void
fov_backdrop_reset (FovBackdrop *b)
{
    b->has_mask = FALSE;
    b->shift[0] = b->shift[1] = 0;
    b->noise = -1;
    if (b->age)
        memset (b->age, 0, (gsize) b->width * (gsize) b->height);
}

static void
fit_size (FovBackdrop *b, const FovReduced *p)
{
    gsize n = (gsize) p->width * (gsize) p->height;
    gsize corners = (gsize) (p->width + 1) * (gsize) (p->height + 1);

    if (b->width == p->width && b->height == p->height && b->step == p->step)
        return;
    b->width = p->width;
    b->height = p->height;
    b->step = p->step;
    b->mean = g_renew (float, b->mean, 3 * n);
    b->still = g_renew (float, b->still, 3 * n);
    b->difference = g_renew (float, b->difference, 3 * n);
    b->scratch = g_renew (float, b->scratch, 3 * n);
    memset (b->mean, 0, 3 * n * sizeof *b->mean);
    b->age = g_renew (guint8, b->age, n);
    b->mask = g_renew (guint8, b->mask, n);
    b->use = g_renew (guint8, b->use, n);
    b->unknown = g_renew (guint32, b->unknown, corners);
    b->sums = g_renew (Sums, b->sums, corners);
    memset (b->unknown, 0, corners * sizeof *b->unknown);
    memset (b->sums, 0, corners * sizeof *b->sums);
    g_array_set_size (b->counts, (guint) (p->width + p->height));
    fov_backdrop_reset (b);
}

/* What is not a number is the most. */
static float
within (float v, float most)
{
    return fmaxf (fminf (v, most), 0);
}

/* A box of the picture where the mean has it, and back. */
static FovBox
moved (const FovBackdrop *b, FovBox box, float sign)
{
    float dx = sign * b->shift[0] * b->step, dy = sign * b->shift[1] * b->step;

    return (FovBox){ box.x1 + dx, box.y1 + dy, box.x2 + dx, box.y2 + dy };
}

/* A box of the mean, grown by margin times its size on each side. */
static FovWindow
window_of (const FovBackdrop *b, FovBox box, float margin)
{
    float w = margin * (box.x2 - box.x1), h = margin * (box.y2 - box.y1);
    float width = (float) b->width, height = (float) b->height;

    return (FovWindow){ (int) within ((box.x1 - w) / b->step, width),
                        (int) within ((box.y1 - h) / b->step, height),
                        (int) within (ceilf ((box.x2 + w) / b->step), width),
                        (int) within (ceilf ((box.y2 + h) / b->step), height) };
}

/* The first of n pixels whose centre is not before v. */
static int
first_pixel (const FovBackdrop *b, float v, int n)
{
    int p = (int) within (ceilf (v / b->step - 0.5f), (float) n);

    while (p > 0 && ((float) p - 0.5f) * b->step >= v)
        p--;
    while (p < n && ((float) p + 0.5f) * b->step < v)
        p++;
    return p;
}

/* The pixels of the mean whose centres are in a box. */
static FovWindow
pixels_of (const FovBackdrop *b, FovBox box)
{
    return (FovWindow){ first_pixel (b, box.x1, b->width), first_pixel (b, box.y1, b->height),
                        first_pixel (b, box.x2, b->width), first_pixel (b, box.y2, b->height) };
}

/* What of the mean no object hides and the picture shows. */
static void
find_usable (FovBackdrop *b, const FovBox *objects, guint n)
{
    int w = b->width, h = b->height;
    int x1 = (int) within (ceilf (-b->shift[0]), (float) w);
    int y1 = (int) within (ceilf (-b->shift[1]), (float) h);
    int x2 = (int) within (ceilf ((float) w - b->shift[0]), (float) w);
    int y2 = (int) within (ceilf ((float) h - b->shift[1]), (float) h);

    fov_cover_begin (&b->cover, w, h);
    fov_cover_add (&b->cover, (FovWindow){ 0, 0, x1, h });
    fov_cover_add (&b->cover, (FovWindow){ 0, 0, w, y1 });
    fov_cover_add (&b->cover, (FovWindow){ x2, 0, w, h });
    fov_cover_add (&b->cover, (FovWindow){ 0, y2, w, h });
    for (guint i = 0; i < n; i++)
        fov_cover_add (&b->cover, window_of (b, moved (b, objects[i], -1), MARGIN));
    fov_cover_end (&b->cover);
    for (int y = 0; y < h; y++) {
        const int *row = fov_cover_row (&b->cover, y);
        for (int x = 0; x < w; x++)
            b->use[y * w + x] = row[x] == 0;
    }
}

/* Where the camera has swayed to, from a guess of how it moved. FALSE: too far, or nobody knows. */
static gboolean
find_shift (FovBackdrop *b, const float *rgb, const float move[2], const FovBox *objects, guint n)
{
    gsize all = (gsize) b->width * (gsize) b->height;
    gboolean moves = move[0] != 0 || move[1] != 0;

    b->shift[0] += move[0] / b->step;
    b->shift[1] += move[1] / b->step;
    find_usable (b, objects, n);
    for (gsize i = 0; i < all; i++)
        b->use[i] = b->use[i] && b->age[i] > 0;
    if (!fov_align (b->mean, rgb, b->use, b->width, b->height, b->shift))
        return !moves;
    if (hypotf (b->shift[0], b->shift[1]) < REST)
        b->shift[0] = b->shift[1] = 0;
    return hypotf (b->shift[0], b->shift[1]) < FURTHEST;
}

/* How the picture differs from the mean, three planes. */
static void
subtract (FovBackdrop *b, const float *rgb)
{
    gsize n = 3 * (gsize) b->width * (gsize) b->height;

    for (gsize i = 0; i < n; i++)
        b->difference[i] = rgb[i] - b->mean[i];
}

static float
largest (const FovBackdrop *b, gsize i)
{
    gsize plane = (gsize) b->width * (gsize) b->height;
    const float *d = b->difference + i;

    float red = fabsf (d[0]), green = fabsf (d[plane]), blue = fabsf (d[2 * plane]);
    float two = MAX (red, green);

    return MAX (two, blue);
}

/* The mean of nine of each plane's pixels, along its rows and then along its columns; the
 * outermost stay. */
static void
smooth (FovBackdrop *b)
{
    gsize n = 3 * (gsize) b->width * (gsize) b->height, strides[2] = { 1, (gsize) b->width };

    for (int way = 0; way < 2; way++) {
        gsize s = strides[way];
        for (gsize i = 0; i < n; i++)
            b->scratch[i] =
                i >= s && i + s < n
                    ? (b->difference[i - s] + b->difference[i] + b->difference[i + s]) / 3
                    : b->difference[i];
        float *keep = b->difference;
        b->difference = b->scratch;
        b->scratch = keep;
    }
}

/* Mean difference of what was seen before and no object hides; less than 0: nothing. */
static double
measure_noise (const FovBackdrop *b)
{
    gsize n = (gsize) b->width * (gsize) b->height, seen = 0;
    double sum = 0;

    for (gsize i = 0; i < n; i += NOISE_STRIDE)
        if (b->use[i] && b->age[i] > 0) {
            float d = largest (b, i);
            sum += (double) MIN (d, MOST_NOISE);
            seen++;
        }
    return seen > 0 ? sum / (double) seen : -1;
}

/* Fills the mask; FALSE where the scene between the objects is another one. */
static gboolean
compare (FovBackdrop *b, const float *rgb)
{
    gsize n = (gsize) b->width * (gsize) b->height, known = 0, out = 0;
    float least = NOISES * (float) b->noise;

    subtract (b, rgb);
    double noise = measure_noise (b);
    if (least > DIFFERENCE) {
        smooth (b);
        least /= SMOOTHER;
    }
    least = CLAMP (least, DIFFERENCE, MOST_DIFFERENCE);
    for (gsize i = 0; i < n; i++) {
        b->mask[i] = b->age[i] < KNOWN ? UNKNOWN : largest (b, i) > least ? OUT : BEHIND;
        known += b->use[i] && b->mask[i] != UNKNOWN;
        out += b->use[i] && b->mask[i] == OUT;
    }
    if ((double) out > CHANGED * (double) known)
        return FALSE;
    if (noise >= 0)
        b->noise = b->noise < 0 ? noise : b->noise + NOISE_RATE * (noise - b->noise);
    return TRUE;
}

static void
learn (FovBackdrop *b, const float *rgb)
{
    gsize plane = (gsize) b->width * (gsize) b->height;

    for (gsize i = 0; i < plane; i++) {
        if (!b->use[i])
            continue;
        if (b->age[i] < MEMORY)
            b->age[i]++;
        float rate = 1.0f / b->age[i];
        for (gsize k = i; k < 3 * plane; k += plane)
            b->mean[k] = b->age[i] == 1 ? rgb[k] : b->mean[k] + rate * (rgb[k] - b->mean[k]);
    }
}

static void
sum_unknown (FovBackdrop *b)
{
    gsize stride = (gsize) b->width + 1;

    for (int y = 0; y < b->height; y++) {
        guint32 *sum = b->unknown + ((gsize) y + 1) * stride + 1, run = 0;
        const guint8 *mask = b->mask + y * b->width;
        for (int x = 0; x < b->width; x++)
            sum[x] = (run += mask[x] == UNKNOWN) + sum[x - (int) stride];
    }
}

void
fov_backdrop_next (FovBackdrop *b, const FovReduced *picture, const float move[2],
                   const FovBox *objects, guint n)
{
    const float *rgb = picture->rgb;

    fit_size (b, picture);
    if (!find_shift (b, rgb, move, objects, n))
        fov_backdrop_reset (b);
    find_usable (b, objects, n);
    if (b->shift[0] != 0 || b->shift[1] != 0) {
        fov_align_move (rgb, b->width, b->height, b->shift, b->still);
        rgb = b->still;
    }
    b->has_mask = compare (b, rgb);
    if (b->has_mask)
        sum_unknown (b);
    else {
        fov_backdrop_reset (b);
        find_usable (b, objects, n);
        rgb = picture->rgb;
    }
    learn (b, rgb);
}

void
fov_backdrop_cover (FovBackdrop *b, const FovBox *boxes, guint n, guint most)
{
    gsize stride = (gsize) b->width + 1;

    if (!b->has_mask)
        return;
    fov_cover_begin (&b->cover, b->width, b->height);
    for (guint i = 0; i < n; i++)
        fov_cover_add (&b->cover, pixels_of (b, moved (b, boxes[i], -1)));
    fov_cover_end (&b->cover);
    for (int y = 0; y < b->height; y++) {
        const int *cover = fov_cover_row (&b->cover, y);
        const guint8 *mask = b->mask + y * b->width;
        Sums *sums = b->sums + ((gsize) y + 1) * stride + 1, run = { { 0 } };
        for (int x = 0; x < b->width; x++) {
            guint32 free = cover[x] == 0, own = (guint) cover[x] <= most, out = mask[x] == OUT;
            const guint32 add[4] = { free & out, free, own & out, own };
            for (int i = 0; i < 4; i++) {
                run.v[i] += add[i];
                sums[x].v[i] = run.v[i] + sums[x - (int) stride].v[i];
            }
        }
    }
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

/* Of one kind in a window. */
static guint32
count (const FovBackdrop *b, FovWindow w, int kind)
{
    gsize stride = (gsize) b->width + 1;
    const Sums *top = b->sums + (gsize) w.y1 * stride, *end = b->sums + (gsize) w.y2 * stride;

    return end[w.x2].v[kind] - end[w.x1].v[kind] - top[w.x2].v[kind] + top[w.x1].v[kind];
}

static guint32
count_unknown (const FovBackdrop *b, FovWindow w)
{
    gsize stride = (gsize) b->width + 1;
    const guint32 *top = b->unknown + (gsize) w.y1 * stride;
    const guint32 *end = b->unknown + (gsize) w.y2 * stride;

    return end[w.x2] - end[w.x1] - top[w.x2] + top[w.x1];
}

static int
area (FovWindow w)
{
    return (w.x2 - w.x1) * (w.y2 - w.y1);
}

/* What stands out in a window: what is in the box of its kind, what is not free of others. */
static float
count_out (const FovBackdrop *b, FovWindow w, FovWindow box, gboolean own)
{
    FovWindow inner = { CLAMP (box.x1, w.x1, w.x2), CLAMP (box.y1, w.y1, w.y2),
                        CLAMP (box.x2, w.x1, w.x2), CLAMP (box.y2, w.y1, w.y2) };

    if (!own)
        return (float) count (b, w, FREE_OUT);
    return (float) (count (b, w, FREE_OUT) - count (b, inner, FREE_OUT) +
                    count (b, inner, OWN_OUT));
}

/* Fills the counts of columns and rows; that of all is returned. */
static float
count_lines (const FovBackdrop *b, FovWindow w, FovWindow box, gboolean own)
{
    float *columns = (float *) (gpointer) b->counts->data, *rows = columns + b->width;

    for (int x = w.x1; x < w.x2; x++)
        columns[x - w.x1] = count_out (b, (FovWindow){ x, w.y1, x + 1, w.y2 }, box, own);
    for (int y = w.y1; y < w.y2; y++)
        rows[y - w.y1] = count_out (b, (FovWindow){ w.x1, y, w.x2, y + 1 }, box, own);
    return count_out (b, w, box, own);
}

gboolean
fov_backdrop_extent (const FovBackdrop *b, FovBox box, gboolean own, FovExtent *extent)
{
    const float *columns = (const float *) (gpointer) b->counts->data;
    const float *rows = columns + b->width;

    if (!b->has_mask)
        return FALSE;
    box = moved (b, box, -1);
    FovWindow w = window_of (b, box, REACH), in = pixels_of (b, box);
    if (w.x2 <= w.x1 || w.y2 <= w.y1)
        return FALSE;
    float total = count_lines (b, w, in, own), all = (float) area (in);
    guint32 free = count (b, in, own ? OWN : FREE);
    if ((float) count_unknown (b, w) > (1 - LEAST_KNOWN) * (float) area (w) || free == 0 ||
        total < LEAST_SHARE * all)
        return FALSE;
    int width = w.x2 - w.x1, height = w.y2 - w.y1;
    float x = (float) w.x1, y = (float) w.y1;
    extent->box = (FovBox){ (x + quantile (columns, width, total, TRIM_X)) * b->step,
                            (y + quantile (rows, height, total, TRIM_Y)) * b->step,
                            (x + quantile (columns, width, total, 1 - TRIM_X)) * b->step,
                            (y + quantile (rows, height, total, 1 - TRIM_Y)) * b->step };
    extent->box = moved (b, extent->box, 1);
    extent->free = (double) free / all;
    extent->share = (double) count (b, in, own ? OWN_OUT : FREE_OUT) / free;
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
    box = moved (b, box, -1);
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
