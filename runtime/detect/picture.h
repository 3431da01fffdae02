/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_DETECT_PICTURE_H
#define FOV_DETECT_PICTURE_H

/* How a picture's bytes reach fov.Preprocess: read where they lie, or copied. */
#include "ops/frame.h"

/** Kernels may read this far beyond a picture's copy. */
#define FOV_PICTURE_SLACK 16

/** Bytes of a picture's copy: rows at multiples of 64, both chroma planes made one. */
gsize fov_picture_bytes (const FovImage *image);

/**
 * Copies image to base + at (a multiple of 64) and changes frame's kind, offsets
 * and strides to say so. Returns where the copy ends.
 */
gsize fov_picture_copy (const FovImage *image, FovFrameInfo *frame, guint8 *base, gsize at);

/** Sets frame's offsets to the picture's own planes, seen from base. */
void fov_picture_point (const FovImage *image, FovFrameInfo *frame, const guint8 *base);

#endif
