/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "overlay/overlay-private.h"

#include <string.h>

#include "vision/color-private.h"

void
fov_canvas_begin (FovCanvas *canvas, FovImage *image)
{
    canvas->image = image;
    canvas->step = (int) fov_pixel_format_row_bytes (image->format, 0, 1);
    if (canvas->capacity < image->width) {
        canvas->capacity = image->width;
        for (int i = 0; i < 2; i++) {
            g_free (canvas->row[i]);
            canvas->row[i] = g_malloc ((gsize) image->width);
        }
    }
}

void
fov_canvas_clear (FovCanvas *canvas)
{
    g_free (canvas->row[0]);
    g_free (canvas->row[1]);
    *canvas = (FovCanvas){ 0 };
}

FovInk
fov_canvas_ink (const FovCanvas *canvas, const guint8 rgb[3])
{
    FovPixelFormat format = canvas->image->format;
    guint8 yuv[3];

    if (format == FOV_PIXEL_RGB || format == FOV_PIXEL_RGBX)
        return (FovInk){ .first = { rgb[0], rgb[1], rgb[2] } };
    if (format == FOV_PIXEL_BGR || format == FOV_PIXEL_BGRX)
        return (FovInk){ .first = { rgb[2], rgb[1], rgb[0] } };
    fov_color_to_yuv (canvas->image, rgb, yuv);
    return (FovInk){ .first = { yuv[0] }, .u = yuv[1], .v = yuv[2] };
}

static inline guint8
mix (guint8 under, guint8 over, guint8 alpha)
{
    guint16 sum = (guint16) (under * (255 - alpha) + over * alpha + 128);
    return (guint8) ((sum + (sum >> 8)) >> 8); /* sum / 255, rounded */
}

/* One plane of bytes: restrict and locals let the compiler take many at a time. */
static void
blend_bytes (guint8 *restrict out, guint8 over, const guint8 *restrict alpha, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = mix (out[i], over, alpha[i]);
}

static void
blend_row (const FovCanvas *canvas, int y, int x, int n, const FovInk *ink, const guint8 *alpha)
{
    const FovImage *image = canvas->image;
    guint8 *out = image->plane[0] + (gsize) y * image->stride[0] + (gsize) x * canvas->step;
    guint8 c0 = ink->first[0], c1 = ink->first[1], c2 = ink->first[2];

    if (canvas->step == 1) {
        blend_bytes (out, c0, alpha, n);
        return;
    }
    for (int i = 0; i < n; i++, out += canvas->step) {
        if (alpha[i] == 0)
            continue;
        out[0] = mix (out[0], c0, alpha[i]);
        out[1] = mix (out[1], c1, alpha[i]);
        out[2] = mix (out[2], c2, alpha[i]);
    }
}

/* The mean coverage of a chroma sample's pixels; at odd borders it has fewer than four. */
static guint8
mean_alpha (const FovCanvas *canvas, int i, int n, int n_rows)
{
    const guint8 *top = canvas->row[0] + i, *bottom = canvas->row[n_rows - 1] + i;
    int next = i + 1 < n ? 1 : 0;
    return (guint8) ((top[0] + top[next] + bottom[0] + bottom[next] + 2) / 4);
}

/* x is even, so that i counts whole samples. */
static void
blend_chroma_row (const FovCanvas *canvas, int y, int x, int n, int n_rows, const FovInk *ink)
{
    const FovImage *image = canvas->image;
    gboolean nv12 = image->format == FOV_PIXEL_NV12;
    gsize row = (gsize) (y / 2) * image->stride[1];
    guint8 *u = image->plane[1] + row + (nv12 ? x : x / 2);
    guint8 *v = nv12 ? u + 1 : image->plane[2] + (gsize) (y / 2) * image->stride[2] + x / 2;
    guint8 over_u = ink->u, over_v = ink->v;
    int step = nv12 ? 2 : 1;

    for (int i = 0; i < n; i += 2, u += step, v += step) {
        guint8 alpha = mean_alpha (canvas, i, n, n_rows);
        if (alpha == 0)
            continue;
        *u = mix (*u, over_u, alpha);
        *v = mix (*v, over_v, alpha);
    }
}

static void
apply_opacity (guint8 *alpha, int n, guint8 opacity)
{
    for (int i = 0; i < n; i++)
        alpha[i] = (guint8) ((alpha[i] * opacity + 127) / 255);
}

void
fov_canvas_blend (FovCanvas *canvas, FovRect rect, const FovInk *ink, guint8 opacity,
                  FovCoverage coverage, gconstpointer shape)
{
    const FovImage *image = canvas->image;
    gboolean chroma = fov_pixel_format_n_planes (image->format) > 1;
    int x1 = MAX (rect.x1, 0) & ~1, y1 = MAX (rect.y1, 0) & ~1;
    int x2 = MIN ((MIN (rect.x2, image->width) + 1) & ~1, image->width);
    int y2 = MIN ((MIN (rect.y2, image->height) + 1) & ~1, image->height);

    if (x1 >= x2)
        return;
    for (int y = y1; y < y2; y += 2) {
        int n_rows = MIN (2, y2 - y);
        for (int r = 0; r < n_rows; r++) {
            coverage (shape, y + r, x1, x2, canvas->row[r]);
            if (opacity < 255)
                apply_opacity (canvas->row[r], x2 - x1, opacity);
            blend_row (canvas, y + r, x1, x2 - x1, ink, canvas->row[r]);
        }
        if (chroma)
            blend_chroma_row (canvas, y, x1, x2 - x1, n_rows, ink);
    }
}
