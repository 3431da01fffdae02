/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/picture.h"

#include <string.h>

static gsize
align (gsize bytes)
{
    return (bytes + 63) / 64 * 64;
}

gsize
fov_picture_bytes (const FovImage *image)
{
    gsize bytes =
        align (fov_pixel_format_row_bytes (image->format, 0, image->width)) * (gsize) image->height;

    if (fov_pixel_format_n_planes (image->format) > 1)
        bytes += align ((gsize) (image->width + 1) / 2 * 2) * (gsize) ((image->height + 1) / 2);
    return bytes;
}

static void
copy_rows (guint8 *to, gsize to_stride, const guint8 *from, gsize from_stride, gsize bytes,
           int rows)
{
    if (to_stride == from_stride) {
        memcpy (to, from, to_stride * (gsize) (rows - 1) + bytes);
        return;
    }
    for (int y = 0; y < rows; y++)
        memcpy (to + (gsize) y * to_stride, from + (gsize) y * from_stride, bytes);
}

static void
interleave_rows (guint8 *to, gsize stride, const FovImage *image)
{
    int w = (image->width + 1) / 2, h = (image->height + 1) / 2;

    for (int y = 0; y < h; y++) {
        guint8 *row = to + (gsize) y * stride;
        const guint8 *u = image->plane[1] + (gsize) y * (gsize) image->stride[1];
        const guint8 *v = image->plane[2] + (gsize) y * (gsize) image->stride[2];
        for (int x = 0; x < w; x++) {
            row[2 * x] = u[x];
            row[2 * x + 1] = v[x];
        }
    }
}

gsize
fov_picture_copy (const FovImage *image, FovFrameInfo *frame, guint8 *base, gsize at)
{
    gsize row = fov_pixel_format_row_bytes (image->format, 0, image->width), stride = align (row);

    copy_rows (base + at, stride, image->plane[0], (gsize) image->stride[0], row, image->height);
    frame->offset[0] = (gint64) at;
    frame->stride[0] = (gint32) stride;
    at += stride * (gsize) image->height;
    if (fov_pixel_format_n_planes (image->format) > 1) {
        int rows = (image->height + 1) / 2;
        row = (gsize) (image->width + 1) / 2 * 2;
        stride = align (row);
        if (image->format == FOV_PIXEL_I420)
            interleave_rows (base + at, stride, image);
        else
            copy_rows (base + at, stride, image->plane[1], (gsize) image->stride[1], row, rows);
        frame->kind = FOV_FRAME_SEMIPLANAR;
        frame->offset[1] = (gint64) at;
        frame->stride[1] = (gint32) stride;
        at += stride * (gsize) rows;
    }
    return at;
}

void
fov_picture_point (const FovImage *image, FovFrameInfo *frame, const guint8 *base)
{
    for (int p = 0; p < fov_pixel_format_n_planes (image->format); p++)
        frame->offset[p] = (gint64) ((guintptr) image->plane[p] - (guintptr) base);
}
