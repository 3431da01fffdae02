/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frames.h"

#include <fovea/media.h>

struct _Frames {
    char *input;
    FovReader *reader;
    FovFrame frame;
    guint n; /* read so far */
};

Frames *
frames_open (const char *input, guint skip, GError **error)
{
    g_autoptr (Frames) frames = g_new0 (Frames, 1);
    gint64 pts;

    frames->input = g_strdup (input);
    frames->reader = fov_reader_open (input, error);
    if (!frames->reader)
        return NULL;
    while (frames->n < skip)
        if (!frames_next (frames, &pts, error))
            return NULL;
    return g_steal_pointer (&frames);
}

void
frames_free (Frames *frames)
{
    if (!frames)
        return;
    g_clear_pointer (&frames->reader, fov_reader_free);
    g_free (frames->input);
    g_free (frames);
}

/* A picture that was passed over would put all later ones beside the wrong boxes. */
const FovImage *
frames_next (Frames *frames, gint64 *pts, GError **error)
{
    GError *local = NULL;
    gboolean got = fov_reader_read (frames->reader, &frames->frame, &local);
    const char *damage = fov_reader_damage (frames->reader);

    if (got && !damage) {
        frames->n++;
        *pts = frames->frame.pts;
        return &frames->frame.image;
    }
    if (local)
        g_propagate_error (error, local);
    else if (damage)
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: picture %u is damaged: %s",
                     frames->input, frames->n, damage);
    else
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: ends after %u pictures",
                     frames->input, frames->n);
    return NULL;
}
