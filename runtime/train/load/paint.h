/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_PAINT_H
#define FOV_TRAIN_PAINT_H

/*
 * A map of a picture's masks: three bytes a pixel. The first is the class (FOV_MAP_IGNORED:
 * nobody knows), the others say which object is in front: its index + 1, the low byte
 * first; 0: none.
 */
#include <fovea/data.h>
#include <fovea/image.h>

#define FOV_MAP_IGNORED 255

/**
 * Of a picture of width x height: its objects' masks, the largest first; what has a box
 * alone, or is to be ignored, is FOV_MAP_IGNORED. classes: the sample's decoded mask
 * (RGB, RGBX or grey), whose n_classes are taken instead of the objects', two by half grey
 * (fov_data_half_grey); or NULL.
 * map->plane[0] is to be freed.
 */
gboolean fov_paint_map (const FovSample *sample, int width, int height, const FovImage *classes,
                        guint n_classes, gboolean half_grey, FovImage *map, GError **error);

/** The object in front at a pixel's three bytes, 0: none. */
static inline guint
fov_map_object (const guint8 *pixel)
{
    return pixel[1] | (guint) pixel[2] << 8;
}

#endif
