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

/* ---- cam_para.txt ---------------------------------------------------------- */

typedef struct {
    const char *name;
    guint n_rows;
    double values[9];
    gboolean found;
} Block;

static gboolean
read_block (FovLines *lines, const char *path, Block *block, GError **error)
{
    for (guint row = 0; row < block->n_rows; row++) {
        GError *local = NULL;
        if (!fov_lines_next (lines, &local)) {
            if (local)
                g_propagate_error (error, local);
            else
                g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                             "%s: ends inside %s, expected %u rows of numbers", path, block->name,
                             block->n_rows);
            return FALSE;
        }
        for (guint i = 0; i < 3; i++)
            if (!fov_lines_number (lines, i, &block->values[3 * row + i], error))
                return FALSE;
    }
    block->found = TRUE;
    return TRUE;
}

static gboolean
read_blocks (FovLines *lines, const char *path, Block *blocks, guint n, GError **error)
{
    GError *local = NULL;

    while (fov_lines_next (lines, &local)) {
        const char *word = fov_lines_text (lines, 0);
        guint i = 0;
        while (i < n && strcmp (word, blocks[i].name) != 0)
            i++;
        if (i == n)
            return fov_lines_fail (lines, error, "expected %s, %s or %s", blocks[0].name,
                                   blocks[1].name, blocks[2].name);
        if (!read_block (lines, path, &blocks[i], error))
            return FALSE;
    }
    if (local) {
        g_propagate_error (error, local);
        return FALSE;
    }
    for (guint i = 0; i < n; i++)
        if (!blocks[i].found) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: no %s", path, blocks[i].name);
            return FALSE;
        }
    return TRUE;
}

gboolean
fov_mot_camera_read (const char *path, double projection[12], GError **error)
{
    Block blocks[] = { { "RotationMatrices", 3, { 0 }, FALSE },
                       { "TranslationVectors", 1, { 0 }, FALSE },
                       { "IntrinsicMatrix", 3, { 0 }, FALSE } };
    g_autoptr (FovLines) lines = fov_lines_open (path, error);

    if (!lines || !read_blocks (lines, path, blocks, G_N_ELEMENTS (blocks), error))
        return FALSE;
    const double *rotation = blocks[0].values, *millimetres = blocks[1].values;
    const double *intrinsic = blocks[2].values;
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 4; c++) {
            double sum = 0;
            for (int k = 0; k < 3; k++)
                sum +=
                    intrinsic[3 * r + k] * (c < 3 ? rotation[3 * k + c] : millimetres[k] / 1000.0);
            projection[4 * r + c] = sum;
        }
    return TRUE;
}
