/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/motfile.h>

#include <math.h>
#include <string.h>

#include "vision/lines.h"

#define MAX_INFO_BYTES (1 << 20)
#define GROUP "Sequence"
#define MAX_SIDE 65536

/* ---- seqinfo.ini ----------------------------------------------------------- */

static gboolean
info_number (GKeyFile *file, const char *path, const char *key, double max, gboolean whole,
             double *value, GError **error)
{
    g_autofree char *text = g_key_file_get_value (file, GROUP, key, NULL);
    g_autofree char *shown = NULL;
    char *end = text;

    *value = 0;
    if (!text)
        return TRUE;
    if (g_ascii_isdigit (*g_strstrip (text)))
        *value = g_ascii_strtod (text, &end);
    if (end > text && *end == '\0' && *value > 0 && *value <= max &&
        (!whole || *value == floor (*value)))
        return TRUE;
    shown = g_strescape (text, NULL);
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: %s is '%.24s', expected a %s up to %.0f",
                 path, key, shown, whole ? "whole number from 1" : "number above 0", max);
    return FALSE;
}

static gboolean
read_info (GKeyFile *file, const char *path, FovMotSequenceInfo *info, GError **error)
{
    double rate, frames, width, height;

    if (!info_number (file, path, "frameRate", 10000, FALSE, &rate, error) ||
        !info_number (file, path, "seqLength", FOV_MOT_MAX_FRAMES, TRUE, &frames, error) ||
        !info_number (file, path, "imWidth", MAX_SIDE, TRUE, &width, error) ||
        !info_number (file, path, "imHeight", MAX_SIDE, TRUE, &height, error))
        return FALSE;
    info->frame_rate = rate;
    info->n_frames = (guint) frames;
    info->width = (int) width;
    info->height = (int) height;
    info->name = g_key_file_get_string (file, GROUP, "name", NULL);
    info->image_dir = g_key_file_get_string (file, GROUP, "imDir", NULL);
    info->image_suffix = g_key_file_get_string (file, GROUP, "imExt", NULL);
    return TRUE;
}

gboolean
fov_mot_sequence_info_read (const char *path, FovMotSequenceInfo *info, GError **error)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_autoptr (GError) cause = NULL;
    g_autofree char *text = NULL;
    gsize len;

    *info = (FovMotSequenceInfo){ 0 };
    if (!g_file_get_contents (path, &text, &len, &cause)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s: %s", path, cause->message);
        return FALSE;
    }
    if (len > MAX_INFO_BYTES || !g_key_file_load_from_data (file, text, len, 0, &cause) ||
        !g_key_file_has_group (file, GROUP)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: %s", path,
                     len > MAX_INFO_BYTES ? "larger than 1 MiB"
                     : cause              ? cause->message
                                          : "expected a group [" GROUP "]");
        return FALSE;
    }
    return read_info (file, path, info, error);
}

void
fov_mot_sequence_info_clear (FovMotSequenceInfo *info)
{
    g_clear_pointer (&info->name, g_free);
    g_clear_pointer (&info->image_dir, g_free);
    g_clear_pointer (&info->image_suffix, g_free);
}

/* ---- gmc.txt --------------------------------------------------------------- */

static int
by_frame (gconstpointer a, gconstpointer b)
{
    const FovMotMotion *x = a, *y = b;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

GArray *
fov_mot_motions_read (const char *path, GError **error)
{
    g_autoptr (FovLines) lines = fov_lines_open (path, error);
    g_autoptr (GArray) motions = g_array_new (FALSE, FALSE, sizeof (FovMotMotion));
    GError *local = NULL;

    if (!lines)
        return NULL;
    while (fov_lines_next (lines, &local)) {
        FovMotMotion motion;
        gint64 k;
        if (!fov_lines_whole (lines, 0, 0, FOV_MOT_MAX_FRAMES - 1, &k, error))
            return NULL;
        for (guint i = 0; i < 6; i++)
            if (!fov_lines_number (lines, 1 + i, &motion.m[i], error))
                return NULL;
        motion.frame = (guint) k + 1;
        if (motions->len >= FOV_MOT_MAX_ROWS) {
            fov_lines_fail (lines, error, "more than %d rows", FOV_MOT_MAX_ROWS);
            return NULL;
        }
        g_array_append_val (motions, motion);
    }
    if (local) {
        g_propagate_error (error, local);
        return NULL;
    }
    g_array_sort (motions, by_frame);
    for (guint i = 1; i < motions->len; i++)
        if (by_frame (&g_array_index (motions, FovMotMotion, i - 1),
                      &g_array_index (motions, FovMotMotion, i)) == 0) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: picture %u is there twice", path,
                         g_array_index (motions, FovMotMotion, i).frame - 1);
            return NULL;
        }
    return g_steal_pointer (&motions);
}

const FovMotMotion *
fov_mot_motion_of_frame (const GArray *motions, guint frame)
{
    FovMotMotion key = { .frame = frame };
    guint i;

    if (!g_array_binary_search ((GArray *) motions, &key, by_frame, &i))
        return NULL;
    return &g_array_index (motions, FovMotMotion, i);
}
