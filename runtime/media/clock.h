/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_MEDIA_CLOCK_H
#define FOVEA_MEDIA_CLOCK_H

#include <glib.h>

/** Marks a picture that carries no time. */
#define FOV_CLOCK_NONE G_MININT64

/** Makes times that start at 0 and always increase out of a stream's own. */
typedef struct {
    gint64 step; /* ns between pictures that carry no time, > 0 */
    gint64 base, last;
    gboolean started;
} FovClock;

/**
 * The next picture's time in ns. A small step back becomes one of 1 us; a
 * large one (a stream that starts over) continues after the last picture.
 */
gint64 fov_clock_next (FovClock *clock, gint64 time);

#endif
