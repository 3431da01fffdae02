/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_VISION_COLOR_PRIVATE_H
#define FOVEA_VISION_COLOR_PRIVATE_H

#include <fovea/image.h>

/* The Y, U, V codes of an sRGB colour under the image's matrix and range. */
void fov_color_to_yuv (const FovImage *image, const guint8 rgb[3], guint8 yuv[3]);

#endif
