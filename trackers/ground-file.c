/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UCMCTrack's camera files. */
#include <string.h>

#include "trackers/ground.h"
#include "vision/lines.h"

#define MILLIMETRES 1000.0

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
        if (blocks[i].found)
            return fov_lines_fail (lines, error, "%s is there twice", word);
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
fov_ground_camera_load (const char *path, FovGroundCamera *camera, GError **error)
{
    Block blocks[] = { { "RotationMatrices", 3, { 0 }, FALSE },
                       { "TranslationVectors", 1, { 0 }, FALSE },
                       { "IntrinsicMatrix", 3, { 0 }, FALSE } };
    g_autoptr (FovLines) lines = fov_lines_open (path, error);
    FovGroundCamera read;

    if (!lines || !read_blocks (lines, path, blocks, G_N_ELEMENTS (blocks), error))
        return FALSE;
    const double *rotation = blocks[0].values, *translation = blocks[1].values;
    const double *intrinsic = blocks[2].values;
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 4; c++) {
            double sum = 0;
            for (int k = 0; k < 3; k++)
                sum += intrinsic[3 * r + k] *
                       (c < 3 ? rotation[3 * k + c] : translation[k] / MILLIMETRES);
            read.projection[4 * r + c] = sum;
        }
    if (!fov_ground_sees (&read, NULL)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "%s: the camera does not see the ground, expected matrices under which each "
                     "pixel below the horizon is one place on it",
                     path);
        return FALSE;
    }
    *camera = read;
    return TRUE;
}
