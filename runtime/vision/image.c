/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/color-private.h"

#include <string.h>

#define MAX_SIZE 32768
#define ROW_ALIGN 64

/* What one plane holds: samples of bytes each, one per (1 << shift) pixels. */
typedef struct {
    guint8 bytes;
    guint8 shift;
} PlaneInfo;

typedef struct {
    const char *name;
    int n_planes;
    PlaneInfo plane[3];
    gint8 rgb[3]; /* byte offsets of R, G, B; -1 for formats that hold luma */
} FormatInfo;

static const FormatInfo formats[FOV_PIXEL_N_FORMATS] = {
    [FOV_PIXEL_NV12] = { "nv12", 2, { { 1, 0 }, { 2, 1 } }, { -1, -1, -1 } },
    [FOV_PIXEL_I420] = { "i420", 3, { { 1, 0 }, { 1, 1 }, { 1, 1 } }, { -1, -1, -1 } },
    [FOV_PIXEL_RGB] = { "rgb", 1, { { 3, 0 } }, { 0, 1, 2 } },
    [FOV_PIXEL_BGR] = { "bgr", 1, { { 3, 0 } }, { 2, 1, 0 } },
    [FOV_PIXEL_RGBX] = { "rgbx", 1, { { 4, 0 } }, { 0, 1, 2 } },
    [FOV_PIXEL_BGRX] = { "bgrx", 1, { { 4, 0 } }, { 2, 1, 0 } },
    [FOV_PIXEL_GRAY] = { "gray", 1, { { 1, 0 } }, { -1, -1, -1 } },
};

static gboolean
format_valid (FovPixelFormat format)
{
    return (guint) format < FOV_PIXEL_N_FORMATS;
}

static gboolean
plane_valid (FovPixelFormat format, int plane)
{
    return format_valid (format) && plane >= 0 && plane < formats[format].n_planes;
}

static int
shifted (int size, int shift)
{
    return (int) (((gint64) size + (1 << shift) - 1) >> shift);
}

int
fov_pixel_format_n_planes (FovPixelFormat format)
{
    return format_valid (format) ? formats[format].n_planes : 0;
}

gsize
fov_pixel_format_row_bytes (FovPixelFormat format, int plane, int width)
{
    if (!plane_valid (format, plane) || width <= 0)
        return 0;
    const PlaneInfo *info = &formats[format].plane[plane];
    return (gsize) shifted (width, info->shift) * info->bytes;
}

int
fov_pixel_format_rows (FovPixelFormat format, int plane, int height)
{
    if (!plane_valid (format, plane) || height <= 0)
        return 0;
    return shifted (height, formats[format].plane[plane].shift);
}

const char *
fov_pixel_format_name (FovPixelFormat format)
{
    return format_valid (format) ? formats[format].name : NULL;
}

static gboolean
check_size (FovPixelFormat format, int width, int height, GError **error)
{
    if (!format_valid (format)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "image: format is %d, expected a pixel format 0..%d", (int) format,
                     FOV_PIXEL_N_FORMATS - 1);
        return FALSE;
    }
    if (width < 1 || width > MAX_SIZE || height < 1 || height > MAX_SIZE) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "image: size is %dx%d, expected 1..%d in width and height", width, height,
                     MAX_SIZE);
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_plane (const FovImage *image, int plane, GError **error)
{
    gsize row = fov_pixel_format_row_bytes (image->format, plane, image->width);
    if (!image->plane[plane]) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "image: plane[%d] is NULL, but %s has %d planes", plane,
                     formats[image->format].name, formats[image->format].n_planes);
        return FALSE;
    }
    if (image->stride[plane] <= 0 || (gsize) image->stride[plane] < row) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "image: stride[%d] is %d bytes, expected at least %" G_GSIZE_FORMAT
                     " for %s of width %d",
                     plane, image->stride[plane], row, formats[image->format].name, image->width);
        return FALSE;
    }
    return TRUE;
}

gboolean
fov_image_check (const FovImage *image, GError **error)
{
    if (!image) {
        g_set_error_literal (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "image: NULL");
        return FALSE;
    }
    if (!check_size (image->format, image->width, image->height, error))
        return FALSE;
    for (int p = 0; p < formats[image->format].n_planes; p++)
        if (!check_plane (image, p, error))
            return FALSE;
    if ((guint) image->matrix > FOV_MATRIX_BT709 || (guint) image->range > FOV_RANGE_FULL) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "image: matrix is %d and range is %d, expected 0 or 1 in each",
                     (int) image->matrix, (int) image->range);
        return FALSE;
    }
    return TRUE;
}

gboolean
fov_image_alloc (FovImage *image, FovPixelFormat format, int width, int height, GError **error)
{
    gsize offset[3] = { 0 }, total = 0;
    FovImage made = { .format = format, .width = width, .height = height };

    if (!check_size (format, width, height, error))
        return FALSE;
    for (int p = 0; p < formats[format].n_planes; p++) {
        gsize row = fov_pixel_format_row_bytes (format, p, width);
        gsize stride = (row + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN, bytes;
        made.stride[p] = (int) stride;
        offset[p] = total;
        if (!g_size_checked_mul (&bytes, stride,
                                 (gsize) fov_pixel_format_rows (format, p, height)) ||
            !g_size_checked_add (&total, total, bytes))
            total = 0;
        if (total == 0)
            break;
    }
    guint8 *block = total ? g_try_malloc0 (total) : NULL;
    if (!block) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY, "image: no memory for %dx%d %s", width,
                     height, formats[format].name);
        return FALSE;
    }
    for (int p = 0; p < formats[format].n_planes; p++)
        made.plane[p] = block + offset[p];
    *image = made;
    return TRUE;
}

/* Luma coefficients of ITU-R BT.601 and BT.709; green is what is left. */
static const struct {
    float kr, kb;
} matrices[] = {
    [FOV_MATRIX_BT601] = { 0.299f, 0.114f }, [FOV_MATRIX_BT709] = { 0.2126f, 0.0722f }
};

/* Codes of a YUV image: luma = y0 + y_gain * Y', chroma = 128 + c_gain * C. */
typedef struct {
    float kr, kg, kb;
    float y0, y_gain, c_gain;
} Codes;

static Codes
codes_of (const FovImage *image)
{
    gboolean full = image->range == FOV_RANGE_FULL;
    Codes codes = { .kr = matrices[image->matrix].kr, .kb = matrices[image->matrix].kb };
    codes.kg = 1.0f - codes.kr - codes.kb;
    codes.y0 = full ? 0.0f : 16.0f;
    codes.y_gain = full ? 255.0f : 219.0f;
    codes.c_gain = full ? 255.0f : 224.0f;
    return codes;
}

static guint8
to_byte (float v)
{
    return (guint8) (CLAMP (v, 0.0f, 255.0f) + 0.5f);
}

static void
load_chroma (const FovImage *image, int x, int y, float *u, float *v)
{
    const guint8 *c = image->plane[1] ? image->plane[1] + (gsize) (y / 2) * image->stride[1] : NULL;
    switch (image->format) {
    case FOV_PIXEL_NV12:
        *u = c[x / 2 * 2];
        *v = c[x / 2 * 2 + 1];
        break;
    case FOV_PIXEL_I420:
        *u = c[x / 2];
        *v = image->plane[2][(gsize) (y / 2) * image->stride[2] + x / 2];
        break;
    default:
        *u = *v = 128.0f;
        break;
    }
}

/* One row as RGB in 0..1; values of YUV outside the RGB cube are left there. */
static void
load_row (const FovImage *image, const Codes *codes, int y, float *rgb)
{
    const FormatInfo *info = &formats[image->format];
    const guint8 *row = image->plane[0] + (gsize) y * image->stride[0];
    float red = 2.0f * (1.0f - codes->kr), blue = 2.0f * (1.0f - codes->kb);

    for (int x = 0; x < image->width; x++, rgb += 3) {
        if (info->rgb[0] >= 0) {
            for (int c = 0; c < 3; c++)
                rgb[c] = row[(gsize) x * info->plane[0].bytes + info->rgb[c]] / 255.0f;
            continue;
        }
        float u, v, luma = (row[x] - codes->y0) / codes->y_gain;
        load_chroma (image, x, y, &u, &v);
        u = (u - 128.0f) / codes->c_gain;
        v = (v - 128.0f) / codes->c_gain;
        rgb[0] = luma + red * v;
        rgb[1] = luma - (codes->kr * red * v + codes->kb * blue * u) / codes->kg;
        rgb[2] = luma + blue * u;
    }
}

static void
store_rgb_row (FovImage *image, int y, const float *rgb)
{
    const FormatInfo *info = &formats[image->format];
    guint8 *out = image->plane[0] + (gsize) y * image->stride[0];

    for (int x = 0; x < image->width; x++, rgb += 3, out += info->plane[0].bytes) {
        for (int c = 0; c < 3; c++)
            out[info->rgb[c]] = to_byte (rgb[c] * 255.0f);
        if (info->plane[0].bytes == 4)
            out[3] = 255;
    }
}

static float
luma_of (const Codes *codes, const float *rgb)
{
    return codes->kr * rgb[0] + codes->kg * rgb[1] + codes->kb * rgb[2];
}

static void
store_luma_row (FovImage *image, const Codes *codes, int y, const float *rgb)
{
    guint8 *out = image->plane[0] + (gsize) y * image->stride[0];
    for (int x = 0; x < image->width; x++, rgb += 3)
        out[x] = to_byte (codes->y0 + codes->y_gain * luma_of (codes, rgb));
}

static void
chroma_of (const Codes *codes, const float *rgb, guint8 *u, guint8 *v)
{
    float luma = luma_of (codes, rgb);
    float cb = (rgb[2] - luma) / (2.0f * (1.0f - codes->kb));
    float cr = (rgb[0] - luma) / (2.0f * (1.0f - codes->kr));
    *u = to_byte (128.0f + codes->c_gain * cb);
    *v = to_byte (128.0f + codes->c_gain * cr);
}

void
fov_color_to_yuv (const FovImage *image, const guint8 rgb[3], guint8 yuv[3])
{
    const float unit[3] = { rgb[0] / 255.0f, rgb[1] / 255.0f, rgb[2] / 255.0f };
    Codes codes = codes_of (image);
    yuv[0] = to_byte (codes.y0 + codes.y_gain * luma_of (&codes, unit));
    chroma_of (&codes, unit, &yuv[1], &yuv[2]);
}

static void
put_chroma (FovImage *image, int cx, int cy, guint8 u, guint8 v)
{
    guint8 *row = image->plane[1] + (gsize) cy * image->stride[1];
    if (image->format == FOV_PIXEL_NV12) {
        row[2 * cx] = u;
        row[2 * cx + 1] = v;
    } else {
        row[cx] = u;
        image->plane[2][(gsize) cy * image->stride[2] + cx] = v;
    }
}

/* Chroma is linear in RGB, so the mean colour of a block has its mean chroma. */
static void
store_chroma_row (FovImage *image, const Codes *codes, int cy, const float *top,
                  const float *bottom)
{
    for (int cx = 0; cx < (image->width + 1) / 2; cx++) {
        gsize left = (gsize) cx * 6;
        gsize right = 2 * cx + 1 < image->width ? left + 3 : left;
        float mean[3];
        for (int c = 0; c < 3; c++)
            mean[c] =
                (top[left + c] + top[right + c] + bottom[left + c] + bottom[right + c]) * 0.25f;
        guint8 u, v;
        chroma_of (codes, mean, &u, &v);
        put_chroma (image, cx, cy, u, v);
    }
}

static void
convert_through_rgb (const FovImage *src, FovImage *dst, float *rows)
{
    Codes in = codes_of (src), out = codes_of (dst);
    gsize row_len = (gsize) src->width * 3;

    for (int y = 0; y < src->height; y += 2) {
        float *top = rows, *bottom = y + 1 < src->height ? rows + row_len : rows;
        for (int i = 0; i < (bottom == top ? 1 : 2); i++) {
            load_row (src, &in, y + i, rows + i * row_len);
            if (formats[dst->format].rgb[0] >= 0)
                store_rgb_row (dst, y + i, rows + i * row_len);
            else
                store_luma_row (dst, &out, y + i, rows + i * row_len);
        }
        if (formats[dst->format].n_planes > 1)
            store_chroma_row (dst, &out, y / 2, top, bottom);
    }
}

static void
copy_plane (const FovImage *src, FovImage *dst, int plane)
{
    gsize bytes = fov_pixel_format_row_bytes (src->format, plane, src->width);
    for (int y = 0; y < fov_pixel_format_rows (src->format, plane, src->height); y++)
        memcpy (dst->plane[plane] + (gsize) y * dst->stride[plane],
                src->plane[plane] + (gsize) y * src->stride[plane], bytes);
}

/* Luma formats of one matrix and range share their samples: nothing is computed. */
static void
copy_luma_format (const FovImage *src, FovImage *dst)
{
    gsize bytes = (gsize) src->width;
    for (int y = 0; y < src->height; y++)
        memcpy (dst->plane[0] + (gsize) y * dst->stride[0],
                src->plane[0] + (gsize) y * src->stride[0], bytes);
    if (formats[dst->format].n_planes == 1)
        return;
    for (int cy = 0; cy < (src->height + 1) / 2; cy++)
        for (int cx = 0; cx < (src->width + 1) / 2; cx++) {
            float u, v;
            load_chroma (src, 2 * cx, 2 * cy, &u, &v);
            put_chroma (dst, cx, cy, (guint8) u, (guint8) v);
        }
}

static gboolean
same_codes (const FovImage *src, const FovImage *dst)
{
    gboolean gray = src->format == FOV_PIXEL_GRAY || dst->format == FOV_PIXEL_GRAY;
    return src->range == dst->range && (gray || src->matrix == dst->matrix);
}

gboolean
fov_image_convert (const FovImage *src, FovImage *dst, GError **error)
{
    if (!fov_image_check (src, error) || !fov_image_check (dst, error))
        return FALSE;
    if (src->width != dst->width || src->height != dst->height) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "image: cannot convert %dx%d to %dx%d, expected equal sizes", src->width,
                     src->height, dst->width, dst->height);
        return FALSE;
    }
    gboolean src_rgb = formats[src->format].rgb[0] >= 0;
    gboolean dst_rgb = formats[dst->format].rgb[0] >= 0;
    if (src->format == dst->format && (src_rgb || same_codes (src, dst))) {
        for (int p = 0; p < formats[src->format].n_planes; p++)
            copy_plane (src, dst, p);
    } else if (!src_rgb && !dst_rgb && same_codes (src, dst)) {
        copy_luma_format (src, dst);
    } else {
        g_autofree float *rows = g_new (float, (gsize) src->width * 6);
        convert_through_rgb (src, dst, rows);
    }
    return TRUE;
}
