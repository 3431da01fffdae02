/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_IMAGE_H
#define FOVEA_IMAGE_H

#include <fovea/error.h>

G_BEGIN_DECLS

/** Pixel formats that every part of Fovea accepts. 8 bits per sample. */
typedef enum {
    FOV_PIXEL_NV12, /**< plane 0: Y; plane 1: interleaved U, V at half size */
    FOV_PIXEL_I420, /**< planes: Y; U and V at half width and height */
    FOV_PIXEL_RGB,  /**< one plane, bytes R, G, B */
    FOV_PIXEL_BGR,  /**< one plane, bytes B, G, R */
    FOV_PIXEL_RGBX, /**< one plane, bytes R, G, B, unused (or alpha) */
    FOV_PIXEL_BGRX, /**< one plane, bytes B, G, R, unused (or alpha) */
    FOV_PIXEL_GRAY, /**< one plane of luma */
    FOV_PIXEL_N_FORMATS
} FovPixelFormat;

/** Luma coefficients of a YUV image. */
typedef enum { FOV_MATRIX_BT601, FOV_MATRIX_BT709 } FovColorMatrix;

/** Limited: Y in 16..235, chroma in 16..240. Full: 0..255. */
typedef enum { FOV_RANGE_LIMITED, FOV_RANGE_FULL } FovColorRange;

/**
 * A picture in the caller's memory: a plain value that owns nothing. Chroma
 * planes of an odd-sized image have (size + 1) / 2 columns and rows.
 */
typedef struct {
    FovPixelFormat format;
    int width;        /**< pixels, 1..32768 */
    int height;       /**< pixels, 1..32768 */
    guint8 *plane[3]; /**< first byte of each plane; unused ones NULL */
    int stride[3];    /**< bytes from one row to the next, > 0 */
    FovColorMatrix matrix;
    FovColorRange range;
} FovImage;

/** How many planes the format has, 1..3. */
FOV_API int fov_pixel_format_n_planes (FovPixelFormat format);

/** Bytes that a row of plane holds at this image width (no padding). */
FOV_API gsize fov_pixel_format_row_bytes (FovPixelFormat format, int plane, int width);

/** Rows of plane at this image height. */
FOV_API int fov_pixel_format_rows (FovPixelFormat format, int plane, int height);

/** Lower-case name ("nv12", ...), never NULL for a valid format. */
FOV_API const char *fov_pixel_format_name (FovPixelFormat format);

/**
 * Checks size, planes and strides. Returns FALSE with FOV_ERROR_ARGUMENT that
 * names the field, what was found and what was expected.
 */
FOV_API gboolean fov_image_check (const FovImage *image, GError **error);

/**
 * Allocates one block that holds all planes (rows padded to 64 bytes) and
 * points image at it: all zero, BT.601, limited range. The caller frees it with
 * g_free (image->plane[0]). Returns FALSE with image untouched on a size out of
 * range (FOV_ERROR_ARGUMENT) or without memory (FOV_ERROR_MEMORY).
 */
FOV_API gboolean fov_image_alloc (FovImage *image, FovPixelFormat format, int width, int height,
                                  GError **error);

/**
 * Converts between any two formats at the same size (pixel-exact reference
 * conversion, round to nearest; chroma by box average down, replication up).
 * dst's planes must be allocated and not overlap src's; dst's matrix and range
 * say what is wanted. A grey picture has neutral chroma; an unused fourth byte
 * becomes 255.
 */
FOV_API gboolean fov_image_convert (const FovImage *src, FovImage *dst, GError **error);

G_END_DECLS

#endif
