/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A picture's part as a network's input. */
#include <fovea/train.h>

#include <math.h>

static const float mean[] = { 123.675f, 116.28f, 103.53f };
static const float deviation[] = { 58.395f, 57.12f, 57.375f };

void
fov_picture_norm (float mean_out[3], float scale[3])
{
    for (int c = 0; c < 3; c++) {
        mean_out[c] = mean[c];
        scale[c] = 1 / deviation[c];
    }
}

/* What an output pixel covers along one axis: whole samples, each with its share. */
typedef struct {
    int first, n;
    double start, end;
} Span;

static Span
span_of (int i, int n, double from, double to, int size)
{
    const double step = (to - from) / n;
    Span s = { .start = from + i * step, .end = from + (i + 1) * step };

    if (s.end - s.start < 1) { /* enlarged: between the two nearest samples */
        const double centre = (s.start + s.end) / 2;
        s.start = centre - 0.5;
        s.end = centre + 0.5;
    }
    s.start = CLAMP (s.start, 0, size - 1);
    s.end = CLAMP (s.end, s.start + 1e-6, size);
    s.first = (int) floor (s.start);
    s.n = (int) ceil (s.end) - s.first;
    return s;
}

static double
share (const Span *s, int k)
{
    return MIN (s->end, s->first + k + 1.0) - MAX (s->start, (double) (s->first + k));
}

static void
average (const FovImage *rgb, const Span *y, const Span *x, double out[3])
{
    double total = 0;

    out[0] = out[1] = out[2] = 0;
    for (int i = 0; i < y->n; i++) {
        const guint8 *row = rgb->plane[0] + (gsize) (y->first + i) * rgb->stride[0];
        for (int j = 0; j < x->n; j++) {
            const double w = share (y, i) * share (x, j);
            for (int c = 0; c < 3; c++)
                out[c] += w * row[3 * (x->first + j) + c];
            total += w;
        }
    }
    for (int c = 0; c < 3; c++)
        out[c] /= total;
}

static gboolean
check (const FovImage *image, const FovPictureParams *p, GError **error)
{
    if (!fov_image_check (image, error))
        return FALSE;
    if (p->width > 0 && p->height > 0 && p->width <= 32768 && p->height <= 32768 &&
        p->region.x1 >= 0 && p->region.y1 >= 0 && p->region.x2 <= (float) image->width &&
        p->region.y2 <= (float) image->height)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "%dx%d pixels of the region %g,%g to %g,%g, expected a region inside %dx%d",
                 p->width, p->height, (double) p->region.x1, (double) p->region.y1,
                 (double) p->region.x2, (double) p->region.y2, image->width, image->height);
    return FALSE;
}

gboolean
fov_picture_to_tensor (const FovImage *image, const FovPictureParams *p, float *tensor,
                       GError **error)
{
    const gboolean whole = fov_box_area (p->region) <= 0;
    const FovBox r =
        whole ? (FovBox){ 0, 0, (float) image->width, (float) image->height } : p->region;
    FovImage rgb = { .format = FOV_PIXEL_RGB };

    if (!check (image, p, error) ||
        !fov_image_alloc (&rgb, FOV_PIXEL_RGB, image->width, image->height, error))
        return FALSE;
    if (!fov_image_convert (image, &rgb, error)) {
        g_free (rgb.plane[0]);
        return FALSE;
    }
    for (int y = 0; y < p->height; y++) {
        const Span sy = span_of (y, p->height, (double) r.y1, (double) r.y2, image->height);
        for (int x = 0; x < p->width; x++) {
            const int from = p->mirror ? p->width - 1 - x : x;
            const Span sx = span_of (from, p->width, (double) r.x1, (double) r.x2, image->width);
            double v[3];
            average (&rgb, &sy, &sx, v);
            for (int c = 0; c < 3; c++)
                tensor[((gsize) c * p->height + y) * p->width + x] =
                    (float) ((v[c] - mean[c]) / deviation[c]);
        }
    }
    g_free (rgb.plane[0]);
    return TRUE;
}
