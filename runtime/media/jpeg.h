/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_MEDIA_JPEG_H
#define FOVEA_MEDIA_JPEG_H

#include <glib.h>

/**
 * Whether a JPEG has its end (EOI), which is behind all of its scans. FFmpeg emulates it, and makes
 * up what the last block lacks.
 */
gboolean fov_jpeg_ends (const guint8 *bytes, gsize n);

#endif
