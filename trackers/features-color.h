/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_FEATURES_COLOR_H
#define FOV_TRACKERS_FEATURES_COLOR_H

#include <glib.h>

/*
 * The shares of the eleven basic colours in an RGB colour (0..1), in 1/255,
 * FOV_COLOR_CHANNELS of them; from a table that fov_color_names_init made.
 */
const guint8 *fov_color_names (const float rgb[3]);
/* Before the first fov_color_names. From any thread, once for all. */
void fov_color_names_init (void);

#endif
