/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/match.h"

#include <math.h>

#include "vision/assign.h"

struct _FovMatch {
    FovAssign *assign;
    GArray *rows, *cols; /* guint */
    GArray *cost;        /* double */
    GArray *row_to_col;  /* int */
    GArray *taken;       /* gboolean [cols] */
    GArray *pairs;       /* FovPair */
};

FovMatch *
fov_match_new (void)
{
    FovMatch *match = g_new0 (FovMatch, 1);

    match->assign = fov_assign_new ();
    match->rows = g_array_new (FALSE, FALSE, sizeof (guint));
    match->cols = g_array_new (FALSE, FALSE, sizeof (guint));
    match->cost = g_array_new (FALSE, FALSE, sizeof (double));
    match->row_to_col = g_array_new (FALSE, FALSE, sizeof (int));
    match->taken = g_array_new (FALSE, TRUE, sizeof (gboolean));
    match->pairs = g_array_new (FALSE, FALSE, sizeof (FovPair));
    return match;
}

void
fov_match_free (FovMatch *match)
{
    if (!match)
        return;
    fov_assign_free (match->assign);
    g_array_unref (match->rows);
    g_array_unref (match->cols);
    g_array_unref (match->cost);
    g_array_unref (match->row_to_col);
    g_array_unref (match->taken);
    g_array_unref (match->pairs);
    g_free (match);
}

void
fov_match_clear_rows (FovMatch *match)
{
    g_array_set_size (match->rows, 0);
}

void
fov_match_clear_cols (FovMatch *match)
{
    g_array_set_size (match->cols, 0);
}

void
fov_match_add_row (FovMatch *match, guint index)
{
    g_array_append_val (match->rows, index);
}

void
fov_match_add_col (FovMatch *match, guint index)
{
    g_array_append_val (match->cols, index);
}

guint
fov_match_n_rows (const FovMatch *match)
{
    return match->rows->len;
}

guint
fov_match_n_cols (const FovMatch *match)
{
    return match->cols->len;
}

guint
fov_match_row (const FovMatch *match, guint i)
{
    return g_array_index (match->rows, guint, i);
}

guint
fov_match_col (const FovMatch *match, guint i)
{
    return g_array_index (match->cols, guint, i);
}

double *
fov_match_cost (FovMatch *match)
{
    g_array_set_size (match->cost, match->rows->len * match->cols->len);
    return (double *) (gpointer) match->cost->data;
}

/* Moves what row_to_col pairs to pairs and closes the gaps in rows and columns. */
static const FovPair *
take_pairs (FovMatch *match, guint *n_pairs)
{
    guint rows = 0, cols = 0;

    g_array_set_size (match->pairs, 0);
    g_array_set_size (match->taken, 0);
    g_array_set_size (match->taken, match->cols->len);
    for (guint i = 0; i < match->rows->len; i++) {
        int col = g_array_index (match->row_to_col, int, i);
        guint row = fov_match_row (match, i);
        if (col < 0) {
            g_array_index (match->rows, guint, rows++) = row;
            continue;
        }
        FovPair pair = { row, fov_match_col (match, (guint) col) };
        g_array_append_val (match->pairs, pair);
        g_array_index (match->taken, gboolean, col) = TRUE;
    }
    for (guint i = 0; i < match->cols->len; i++)
        if (!g_array_index (match->taken, gboolean, i))
            g_array_index (match->cols, guint, cols++) = fov_match_col (match, i);
    g_array_set_size (match->rows, rows);
    g_array_set_size (match->cols, cols);
    *n_pairs = match->pairs->len;
    return (const FovPair *) (gpointer) match->pairs->data;
}

const FovPair *
fov_match_solve (FovMatch *match, double limit, guint *n_pairs)
{
    guint n = match->rows->len, m = match->cols->len;

    g_array_set_size (match->row_to_col, n);
    fov_assign (match->assign, (const double *) (gpointer) match->cost->data, n, m, limit,
                (int *) (gpointer) match->row_to_col->data);
    return take_pairs (match, n_pairs);
}

const FovPair *
fov_match_solve_gated (FovMatch *match, const double *gate, double threshold, guint *n_pairs)
{
    guint n = match->rows->len, m = match->cols->len;
    int *row_to_col;

    g_array_set_size (match->row_to_col, n);
    row_to_col = (int *) (gpointer) match->row_to_col->data;
    fov_assign (match->assign, (const double *) (gpointer) match->cost->data, n, m, INFINITY,
                row_to_col);
    for (guint i = 0; i < n; i++)
        if (row_to_col[i] >= 0 && gate[i * m + (guint) row_to_col[i]] > threshold)
            row_to_col[i] = -1;
    return take_pairs (match, n_pairs);
}
