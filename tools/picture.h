/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_PICTURE_H
#define FOVEA_TOOLS_PICTURE_H

#include <fovea/media.h>

G_BEGIN_DECLS

/** A frame in memory of our own, which may be drawn on. */
typedef struct {
    FovImage image;
    gint64 pts;         /* ns, of its input */
    gint64 index;       /* of its input */
    char *path;         /* of an image file, else NULL */
    const char *source; /* the input's name */
    int fps_num, fps_den;
    gboolean camera_known;
    double camera[6]; /* its motion since the last frame, where it is known */
} Picture;

/** Copies a frame of that input; in_color: where it is grey, as RGB. */
gboolean picture_take (Picture *picture, const FovFrame *frame, const char *input,
                       const FovReaderInfo *info, gboolean in_color, GError **error);
void picture_clear (Picture *picture);

/** A name that no file has is better said before a model is prepared than after. */
gboolean picture_check_names (char **inputs, GError **error);

G_END_DECLS

#endif
