/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_COVER_H
#define FOV_TRACKERS_COVER_H

#include <glib.h>

/**
 * How many of any number of rectangles lie over each pixel of a grid, in time of
 * their number and of the pixels, not of what they cover. A value that starts as
 * zeros; its memory grows and is reused.
 */
typedef struct {
    int width, height;
    int *count; /**< one column and one row more than the grid */
    gsize capacity;
} FovCover;

/** A half-open rectangle of pixels. */
typedef struct {
    int x1, y1, x2, y2;
} FovWindow;

void fov_cover_begin (FovCover *cover, int width, int height);
/** A window on the grid; an empty one covers nothing. */
void fov_cover_add (FovCover *cover, FovWindow window);
/** Counts, when all are added; fov_cover_row then reads them. */
void fov_cover_end (FovCover *cover);
void fov_cover_clear (FovCover *cover);

static inline const int *
fov_cover_row (const FovCover *cover, int y)
{
    return cover->count + (gsize) y * (gsize) (cover->width + 1);
}

#endif
