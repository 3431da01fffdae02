/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/file.h>
#include <fovea/motfile.h>

#include <string.h>

#include "vision/lines.h"

#define MAX_ID (G_GINT64_CONSTANT (1) << 52) /* what a double can still tell apart */

typedef struct {
    FovMotFileKind kind;
    const char *wanted, *neighbour; /* KITTI's types */
    gboolean mot20, kitti;
    guint n_columns; /* of the first row */
} Format;

/* ---- MOTChallenge ---------------------------------------------------------- */

static FovMotRole
role_of_class (gint64 class_id, double mark, gboolean mot20)
{
    switch (class_id) {
    case 2:  /* person on a vehicle */
    case 7:  /* static person */
    case 8:  /* distractor */
    case 12: /* reflection */
        return FOV_MOT_DISTRACTOR;
    case 6: /* a vehicle without motor */
        return mot20 ? FOV_MOT_DISTRACTOR : FOV_MOT_NEUTRAL;
    case 1: /* pedestrian */
        return mark != 0 ? FOV_MOT_COUNTED : FOV_MOT_NEUTRAL;
    default:
        return FOV_MOT_NEUTRAL;
    }
}

static gboolean
read_mark (FovLines *lines, const Format *format, FovMotRow *row, gboolean *use, GError **error)
{
    guint n = fov_lines_count (lines);
    double mark = 1;
    gint64 class_id;

    if (n != format->n_columns)
        return fov_lines_fail (lines, error, "%u columns, expected %u as in the first row", n,
                               format->n_columns);
    if (n > 6 && !fov_lines_number (lines, 6, &mark, error))
        return FALSE;
    if (n == 8 || n == 9) {
        if (!fov_lines_whole (lines, 7, -1, 1000, &class_id, error))
            return FALSE;
        row->role = role_of_class (class_id, mark, format->mot20);
    } else {
        *use = mark != 0;
    }
    return TRUE;
}

static gboolean
read_mot_row (FovLines *lines, const Format *format, FovMotRow *row, gboolean *use, GError **error)
{
    gint64 frame;
    double v[4], score = 1;

    if (!fov_lines_whole (lines, 0, 1, FOV_MOT_MAX_FRAMES, &frame, error))
        return FALSE;
    if (format->kind != FOV_MOT_FILE_DETECTIONS &&
        !fov_lines_whole (lines, 1, -MAX_ID, MAX_ID, &row->id, error))
        return FALSE;
    for (guint i = 0; i < 4; i++)
        if (!fov_lines_number (lines, 2 + i, &v[i], error))
            return FALSE;
    if (format->kind == FOV_MOT_FILE_TRUTHS) {
        if (!read_mark (lines, format, row, use, error))
            return FALSE;
    } else if (fov_lines_count (lines) > 6 && !fov_lines_number (lines, 6, &score, error)) {
        return FALSE;
    }
    row->frame = (guint) frame;
    row->score = (float) score;
    row->box = (FovBox){ (float) v[0], (float) v[1], (float) (v[0] + v[2]), (float) (v[1] + v[3]) };
    return TRUE;
}

/* ---- KITTI ----------------------------------------------------------------- */

static gboolean
is_type (const char *text, const char *type)
{
    return g_ascii_strcasecmp (text, type) == 0;
}

static gboolean
read_type (FovLines *lines, const Format *format, FovMotRow *row, gboolean *use, GError **error)
{
    const char *type = fov_lines_text (lines, 2);
    double truncated, occluded;

    *use = is_type (type, format->wanted);
    if (format->kind != FOV_MOT_FILE_TRUTHS)
        return TRUE;
    if (!fov_lines_number (lines, 3, &truncated, error) ||
        !fov_lines_number (lines, 4, &occluded, error))
        return FALSE;
    if (*use) {
        row->role = truncated > 0 || occluded > 2 ? FOV_MOT_DISTRACTOR : FOV_MOT_COUNTED;
    } else if (is_type (type, "DontCare")) {
        row->role = FOV_MOT_REGION;
        *use = TRUE;
    } else if (is_type (type, format->neighbour) ||
               (is_type (type, "Person_sitting") && is_type (format->neighbour, "Person"))) {
        row->role = FOV_MOT_DISTRACTOR;
        *use = TRUE;
    }
    return TRUE;
}

static gboolean
read_kitti_row (FovLines *lines, const Format *format, FovMotRow *row, gboolean *use,
                GError **error)
{
    gint64 frame;
    double v[4], score = 1;

    if (!fov_lines_whole (lines, 0, 0, FOV_MOT_MAX_FRAMES - 1, &frame, error) ||
        !fov_lines_whole (lines, 1, -MAX_ID, MAX_ID, &row->id, error))
        return FALSE;
    for (guint i = 0; i < 4; i++)
        if (!fov_lines_number (lines, 6 + i, &v[i], error))
            return FALSE;
    if (!read_type (lines, format, row, use, error))
        return FALSE;
    if (fov_lines_count (lines) > 17 && !fov_lines_number (lines, 17, &score, error))
        return FALSE;
    row->frame = (guint) frame + 1;
    row->score = (float) score;
    row->box = (FovBox){ (float) v[0], (float) v[1], (float) v[2], (float) v[3] };
    return TRUE;
}

/* ---- any ------------------------------------------------------------------- */

static gboolean
choose_class (const FovMotFileParams *params, Format *format, GError **error)
{
    const char *name = params && params->object_class ? params->object_class : "car";

    format->mot20 = params && params->mot20;
    if (is_type (name, "car")) {
        format->wanted = "Car";
        format->neighbour = "Van";
    } else if (is_type (name, "pedestrian")) {
        format->wanted = "Pedestrian";
        format->neighbour = "Person";
    } else {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "object class '%s', expected car or pedestrian", name);
        return FALSE;
    }
    return TRUE;
}

/* A class's name, as KITTI has in column 3; "nan" is a broken number. */
static gboolean
is_word (const char *text)
{
    char *end;

    g_ascii_strtod (text, &end);
    return g_ascii_isalpha (*text) && *end;
}

static gboolean
read_rows (FovLines *lines, const char *path, Format *format, GArray *rows, GError **error)
{
    GError *local = NULL;

    while (fov_lines_next (lines, &local)) {
        FovMotRow row = { .id = -1 };
        gboolean use = TRUE;
        if (format->n_columns == 0) {
            format->n_columns = fov_lines_count (lines);
            format->kitti = is_word (fov_lines_text (lines, 2));
        }
        if (!(format->kitti ? read_kitti_row : read_mot_row) (lines, format, &row, &use, error))
            return FALSE;
        if (use && rows->len >= FOV_MOT_MAX_ROWS) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY, "%s: more than %d rows", path,
                         FOV_MOT_MAX_ROWS);
            return FALSE;
        }
        if (use)
            g_array_append_val (rows, row);
    }
    if (local)
        g_propagate_error (error, local);
    return !local;
}

static int
by_frame (gconstpointer a, gconstpointer b)
{
    const FovMotRow *x = a, *y = b;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

GArray *
fov_mot_file_read (const char *path, FovMotFileKind kind, const FovMotFileParams *params,
                   GError **error)
{
    g_autoptr (FovLines) lines = NULL;
    g_autoptr (GArray) rows = NULL;
    Format format = { .kind = kind };

    g_return_val_if_fail (path != NULL, NULL);
    if (!choose_class (params, &format, error))
        return NULL;
    lines = fov_lines_open (path, error);
    if (!lines)
        return NULL;
    rows = g_array_new (FALSE, FALSE, sizeof (FovMotRow));
    if (!read_rows (lines, path, &format, rows, error))
        return NULL;
    g_array_sort (rows, by_frame); /* stable */
    return g_steal_pointer (&rows);
}

const FovMotRow *
fov_mot_rows_of_frame (const GArray *rows, guint frame, guint *n)
{
    const FovMotRow *row = (const FovMotRow *) (const void *) rows->data;
    guint low = 0, high = rows->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (row[middle].frame < frame)
            low = middle + 1;
        else
            high = middle;
    }
    for (*n = 0; low + *n < rows->len && row[low + *n].frame == frame;)
        ++*n;
    return *n > 0 ? &row[low] : NULL;
}

/* ---- writing --------------------------------------------------------------- */

gboolean
fov_mot_file_write (const char *path, const GArray *rows, const char *kitti_class, GError **error)
{
    g_autoptr (GString) text = g_string_new (NULL);
    char number[5][G_ASCII_DTOSTR_BUF_SIZE];

    for (guint i = 0; i < rows->len; i++) {
        const FovMotRow *r = &g_array_index (rows, FovMotRow, i);
        double width = (double) r->box.x2 - r->box.x1, height = (double) r->box.y2 - r->box.y1;
        const double values[5] = { r->box.x1, r->box.y1, kitti_class ? r->box.x2 : width,
                                   kitti_class ? r->box.y2 : height, r->score };
        for (int k = 0; k < 5; k++)
            g_ascii_formatd (number[k], sizeof number[k], k < 4 ? "%.2f" : "%.4f", values[k]);
        if (kitti_class)
            g_string_append_printf (text,
                                    "%u %" G_GINT64_FORMAT " %s 0 0 -10 %s %s %s %s -1 -1 -1 "
                                    "-1000 -1000 -1000 -10 %s\n",
                                    r->frame - 1, r->id, kitti_class, number[0], number[1],
                                    number[2], number[3], number[4]);
        else
            g_string_append_printf (text, "%u,%" G_GINT64_FORMAT ",%s,%s,%s,%s,%s,-1,-1,-1\n",
                                    r->frame, r->id, number[0], number[1], number[2], number[3],
                                    number[4]);
    }
    return fov_file_write (path, text->str, text->len, error);
}
