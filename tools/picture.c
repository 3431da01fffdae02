/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "picture.h"

#include <string.h>

gboolean
picture_take (Picture *picture, const FovFrame *frame, const char *input, const FovReaderInfo *info,
              gboolean in_color, GError **error)
{
    const FovImage *src = &frame->image;
    gboolean grey = src->format == FOV_PIXEL_GRAY && in_color;
    FovPixelFormat format = grey ? FOV_PIXEL_RGB : src->format;
    FovImage *dst = &picture->image;

    if (!dst->plane[0] || dst->format != format || dst->width != src->width ||
        dst->height != src->height) {
        g_free (dst->plane[0]);
        *dst = (FovImage){ 0 };
        if (!fov_image_alloc (dst, format, src->width, src->height, error))
            return FALSE;
    }
    dst->matrix = src->matrix;
    dst->range = src->range;
    if (!fov_image_convert (src, dst, error))
        return FALSE;
    picture->pts = frame->pts;
    picture->index = frame->index;
    g_free (picture->path);
    picture->path = g_strdup (frame->path);
    picture->source = input;
    picture->fps_num = info->fps_num;
    picture->fps_den = info->fps_den;
    picture->camera_known = !info->reordered && fov_frame_camera_motion (frame, picture->camera);
    return TRUE;
}

void
picture_clear (Picture *picture)
{
    g_free (picture->image.plane[0]);
    g_free (picture->path);
}

gboolean
picture_check_names (char **inputs, GError **error)
{
    for (char **input = inputs; *input; input++) {
        g_autoptr (FovReader) reader = NULL;
        if (strpbrk (*input, "*?[") || strstr (*input, "://") ||
            g_file_test (*input, G_FILE_TEST_EXISTS))
            continue;
        reader = fov_reader_open (*input, error);
        if (!reader)
            return FALSE;
    }
    return TRUE;
}
