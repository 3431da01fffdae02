/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_MEDIA_PICTURE_H
#define FOVEA_MEDIA_PICTURE_H

#include "ffmpeg.h"

/** A cached libswscale conversion; start from zero, end with fov_scaler_clear. */
typedef struct {
    struct SwsContext *sws;
    int width, height;
    int src_format, dst_format;
    int src_matrix, dst_matrix;
    int src_full, dst_full;
} FovScaler;

void fov_scaler_clear (FovScaler *scaler);

/**
 * Converts src into dst's planes: same size, each side's format, colorspace
 * and color_range as its frame says (unspecified: as in fov_picture_view).
 */
gboolean fov_scaler_run (FovScaler *scaler, const AVFrame *src, AVFrame *dst, GError **error);

/** Tags an untagged still as JFIF has it, full-range BT.601: so do PNG (gray) and TIFF. */
void fov_picture_tag_still (AVFrame *frame);

/**
 * Points image at frame's planes, without a copy. FALSE where the pixel format
 * or a bottom-up row order has no FovImage. Colour: the frame's tags; where
 * there are none, BT.709 from 720 rows on, else BT.601, and limited range
 * (yuvj formats: full).
 */
gboolean fov_picture_view (const AVFrame *frame, FovImage *image);

/**
 * Converts a frame that has no view to the nearest format that has one: I420
 * for YUV (stills: RGB), RGB or GRAY for their like; matrix and range stay.
 * Consumes reuse, an earlier result or NULL. Returns NULL and error on failure.
 */
AVFrame *fov_picture_convert (FovScaler *scaler, const AVFrame *src, gboolean still, AVFrame *reuse,
                              GError **error);

/**
 * Turns a picture that says how it was held (EXIF's orientation) upright, as RGB or GRAY then;
 * leaves others as they are. FALSE: frame is untouched.
 */
gboolean fov_picture_turn_upright (AVFrame *frame, GError **error);

/** Describes image as a frame that owns nothing and borrows the planes. */
void fov_picture_wrap (const FovImage *image, AVFrame *frame);

/** A writable frame with padded rows, or NULL and error. */
AVFrame *fov_picture_new (enum AVPixelFormat format, int width, int height, GError **error);

#endif
