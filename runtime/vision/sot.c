/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/file.h>
#include <fovea/sot.h>

#include <math.h>

#include "vision/lines.h"

#define N_SUCCESS 21
#define MAX_DISTANCE 20.0
#define MAX_SHARE 0.2
#define MAX_ROWS 4000000

static gboolean
is_box (const FovSotBox *b)
{
    return isfinite (b->x) && isfinite (b->y) && isfinite (b->width) && isfinite (b->height);
}

static double
overlap (const FovSotBox *a, const FovSotBox *b)
{
    double w = MIN (a->x + a->width, b->x + b->width) - MAX (a->x, b->x);
    double h = MIN (a->y + a->height, b->y + b->height) - MAX (a->y, b->y);
    double inter = MAX (w, 0) * MAX (h, 0);
    return inter / MAX (a->width * a->height + b->width * b->height - inter, 1e-9);
}

void
fov_sot_score (const FovSotBox *truths, const FovSotBox *results, guint n, FovSotScores *scores)
{
    guint64 success = 0, near = 0, near_share = 0, half = 0;
    guint n_frames = 0;

    for (guint i = 0; i < n; i++) {
        const FovSotBox *t = &truths[i];
        FovSotBox r = is_box (&results[i]) ? results[i] : (FovSotBox){ 0 };
        if (!is_box (t) || !(t->width > 0) || !(t->height > 0))
            continue;
        double iou = overlap (t, &r);
        double dx = t->x + t->width / 2 - r.x - r.width / 2;
        double dy = t->y + t->height / 2 - r.y - r.height / 2;
        n_frames++;
        for (int k = 0; k < N_SUCCESS; k++)
            success += iou > k * 0.05;
        half += iou > 0.5;
        near += hypot (dx, dy) <= MAX_DISTANCE;
        near_share += hypot (dx / t->width, dy / t->height) <= MAX_SHARE;
    }
    double whole = MAX (n_frames, 1);
    *scores = (FovSotScores){ .auc = 100.0 * (double) success / (whole * N_SUCCESS),
                              .precision = 100.0 * (double) near / whole,
                              .norm_precision = 100.0 * (double) near_share / whole,
                              .success = 100.0 * (double) half / whole,
                              .n_frames = n_frames };
}

static gboolean
read_row (const FovLines *lines, FovSotBox *box, GError **error)
{
    double *values[] = { &box->x, &box->y, &box->width, &box->height };

    for (guint i = 0; i < G_N_ELEMENTS (values); i++)
        if (g_ascii_strcasecmp (fov_lines_text (lines, i), "nan") == 0)
            *values[i] = NAN;
        else if (!fov_lines_number (lines, i, values[i], error))
            return FALSE;
    return TRUE;
}

GArray *
fov_sot_file_read (const char *path, GError **error)
{
    g_autoptr (FovLines) lines = fov_lines_open (path, error);
    g_autoptr (GArray) boxes = g_array_new (FALSE, FALSE, sizeof (FovSotBox));
    GError *local = NULL;

    if (!lines)
        return NULL;
    while (fov_lines_next (lines, &local)) {
        FovSotBox box;
        if (!read_row (lines, &box, error))
            return NULL;
        if (boxes->len >= MAX_ROWS) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY, "%s: more than %d rows", path,
                         MAX_ROWS);
            return NULL;
        }
        g_array_append_val (boxes, box);
    }
    if (local) {
        g_propagate_error (error, local);
        return NULL;
    }
    return g_steal_pointer (&boxes);
}

gboolean
fov_sot_file_write (const char *path, const GArray *boxes, GError **error)
{
    g_autoptr (GString) text = g_string_new (NULL);
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    for (guint i = 0; i < boxes->len; i++) {
        const FovSotBox *b = &g_array_index (boxes, FovSotBox, i);
        const double values[] = { b->x, b->y, b->width, b->height };
        for (guint k = 0; k < G_N_ELEMENTS (values); k++)
            g_string_append_printf (text, "%s%s", k > 0 ? "," : "",
                                    g_ascii_formatd (number, sizeof number, "%.4f", values[k]));
        g_string_append_c (text, '\n');
    }
    return fov_file_write (path, text->str, text->len, error);
}
