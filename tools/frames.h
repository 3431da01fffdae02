/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_FRAMES_H
#define FOVEA_TOOLS_FRAMES_H

/*
 * The pictures of a data set's sequence, none of which may be missing.
 */
#include <fovea/image.h>

G_BEGIN_DECLS

typedef struct _Frames Frames;

/** A video, a glob, or a folder of pictures; the first skip ones are passed over. */
Frames *frames_open (const char *input, guint skip, GError **error);
void frames_free (Frames *frames);

/** The next picture, valid until the next call; NULL with an error, at the end too. pts: ns. */
const FovImage *frames_next (Frames *frames, gint64 *pts, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Frames, frames_free)

G_END_DECLS

#endif
