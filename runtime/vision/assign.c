/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/assign.h"

#include <math.h>

/* A pair that may be made. */
typedef struct {
    double cost;
    guint col;
} Entry;

struct _FovAssign {
    GArray *entries; /* Entry, row by row */
    GArray *first;   /* guint [n + 1]: a row's first entry */
    GArray *rows;    /* Row [n] */
    GArray *cols;    /* Col [m] */
    GArray *reached; /* guint: columns reached by the search at hand, done ones first */
};

typedef struct {
    double potential;
} Row;

typedef struct {
    double potential;
    double distance; /* of the search at hand; INFINITY: not reached */
    int row;         /* whose it is; -1: free */
    int from;        /* the row that it was reached from */
    gboolean done;   /* its distance is final, whatever rounding says */
} Col;

FovAssign *
fov_assign_new (void)
{
    FovAssign *work = g_new0 (FovAssign, 1);

    work->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
    work->first = g_array_new (FALSE, FALSE, sizeof (guint));
    work->rows = g_array_new (FALSE, FALSE, sizeof (Row));
    work->cols = g_array_new (FALSE, FALSE, sizeof (Col));
    work->reached = g_array_new (FALSE, FALSE, sizeof (guint));
    return work;
}

void
fov_assign_free (FovAssign *work)
{
    if (!work)
        return;
    g_array_unref (work->entries);
    g_array_unref (work->first);
    g_array_unref (work->rows);
    g_array_unref (work->cols);
    g_array_unref (work->reached);
    g_free (work);
}

/* What leaving a pair out costs where as many as possible are to be made: more than
 * any rearrangement of the others could save. Costs are shifted by lowest. */
static double
forbidding (const double *cost, guint n, guint m, double *lowest)
{
    double low = INFINITY, high = -INFINITY;

    for (gsize i = 0; i < (gsize) n * m; i++)
        if (isfinite (cost[i])) {
            low = fmin (low, cost[i]);
            high = fmax (high, cost[i]);
        }
    if (low > high)
        low = high = 0;
    *lowest = low;
    return (high - low + 1) * (MIN (n, m) + 1.0);
}

static void
list_entries (FovAssign *work, const double *cost, guint n, guint m, double limit, double shift)
{
    g_array_set_size (work->entries, 0);
    g_array_set_size (work->first, n + 1);
    for (guint r = 0; r < n; r++) {
        g_array_index (work->first, guint, r) = work->entries->len;
        for (guint c = 0; c < m; c++) {
            Entry e = { cost[(gsize) r * m + c] - shift, c };
            if (isfinite (e.cost) && e.cost < limit)
                g_array_append_val (work->entries, e);
        }
    }
    g_array_index (work->first, guint, n) = work->entries->len;
}

/* Each row takes its cheapest column where that is free; the rest is left to the search. */
static void
reduce_rows (FovAssign *work, guint n, double limit, int *row_to_col)
{
    Row *rows = (Row *) (gpointer) work->rows->data;
    Col *cols = (Col *) (gpointer) work->cols->data;

    for (guint r = 0; r < n; r++) {
        guint end = g_array_index (work->first, guint, r + 1);
        int best = -1;
        rows[r].potential = limit;
        for (guint i = g_array_index (work->first, guint, r); i < end; i++) {
            const Entry *e = &g_array_index (work->entries, Entry, i);
            /* Of equal ones a free one: else each of many equal rows would search them all. */
            if (e->cost < rows[r].potential || (e->cost == rows[r].potential && best >= 0 &&
                                                cols[best].row >= 0 && cols[e->col].row < 0)) {
                rows[r].potential = e->cost;
                best = (int) e->col;
            }
        }
        row_to_col[r] = best >= 0 && cols[best].row < 0 ? best : -1;
        if (row_to_col[r] >= 0)
            cols[best].row = (int) r;
    }
}

/* Shortens the ways to row's columns through row, which lies at distance. */
static void
relax (FovAssign *work, int row, double distance)
{
    Col *cols = (Col *) (gpointer) work->cols->data;
    double base = distance - g_array_index (work->rows, Row, row).potential;
    guint end = g_array_index (work->first, guint, row + 1);

    for (guint i = g_array_index (work->first, guint, row); i < end; i++) {
        const Entry *e = &g_array_index (work->entries, Entry, i);
        Col *c = &cols[e->col];
        double d = base + e->cost - c->potential;
        if (!c->done && d < c->distance) {
            if (isinf (c->distance))
                g_array_append_val (work->reached, e->col);
            c->distance = d;
            c->from = row;
        }
    }
}

/* Moves the nearest column that is not done yet, of equally near ones a free one, to the end of
 * those done; its index or -1. */
static int
nearest (FovAssign *work, guint done)
{
    guint *reached = (guint *) (gpointer) work->reached->data;
    const Col *cols = (const Col *) (gpointer) work->cols->data;
    guint best = done;

    if (done == work->reached->len)
        return -1;
    for (guint i = done + 1; i < work->reached->len; i++) {
        const Col *c = &cols[reached[i]], *b = &cols[reached[best]];
        if (c->distance < b->distance || (c->distance == b->distance && c->row < 0 && b->row >= 0))
            best = i;
    }
    guint col = reached[best];
    reached[best] = reached[done];
    reached[done] = col;
    return (int) col;
}

/* A row on the way at this distance may be left without a column for limit: then the way
 * ends there. Such a row is never reached again, so its own end needs no potential. */
typedef struct {
    double distance;
    int row, col; /* one of them -1 */
} End;

static End
search (FovAssign *work, int start, double limit, guint *n_done)
{
    Row *rows = (Row *) (gpointer) work->rows->data;
    Col *cols = (Col *) (gpointer) work->cols->data;
    End end = { limit - rows[start].potential, start, -1 };
    guint done = 0;

    g_array_set_size (work->reached, 0);
    relax (work, start, 0);
    for (;;) {
        int col = nearest (work, done);
        if (col < 0 || cols[col].distance >= end.distance)
            break;
        int row = cols[col].row;
        if (row < 0) {
            end = (End){ cols[col].distance, -1, col };
            break;
        }
        cols[col].done = TRUE;
        done++;
        double out = cols[col].distance + limit - rows[row].potential;
        if (out < end.distance)
            end = (End){ out, row, -1 };
        relax (work, row, cols[col].distance);
    }
    *n_done = done;
    return end;
}

/* Keeps reduced costs >= 0, with 0 along the way, and clears the search's marks. */
static void
raise_potentials (FovAssign *work, int start, End end, guint done)
{
    Row *rows = (Row *) (gpointer) work->rows->data;
    Col *cols = (Col *) (gpointer) work->cols->data;

    rows[start].potential += end.distance;
    for (guint i = 0; i < work->reached->len; i++) {
        Col *c = &cols[g_array_index (work->reached, guint, i)];
        if (i < done) {
            rows[c->row].potential += end.distance - c->distance;
            c->potential -= end.distance - c->distance;
        }
        c->distance = INFINITY;
        c->done = FALSE;
    }
}

static void
augment (FovAssign *work, int start, End end, int *row_to_col)
{
    Col *cols = (Col *) (gpointer) work->cols->data;
    int col = end.col;

    if (col < 0) {
        col = row_to_col[end.row];
        row_to_col[end.row] = -1;
        if (end.row == start)
            return;
    }
    for (;;) {
        int row = cols[col].from, next = row_to_col[row];
        cols[col].row = row;
        row_to_col[row] = col;
        if (row == start)
            return;
        col = next;
    }
}

void
fov_assign (FovAssign *work, const double *cost, guint n, guint m, double limit, int *row_to_col)
{
    double shift = 0;

    if (limit == INFINITY)
        limit = forbidding (cost, n, m, &shift);
    g_array_set_size (work->rows, n);
    g_array_set_size (work->cols, m);
    for (guint c = 0; c < m; c++)
        g_array_index (work->cols, Col, c) = (Col){ 0, INFINITY, -1, -1, FALSE };
    list_entries (work, cost, n, m, limit, shift);
    reduce_rows (work, n, limit, row_to_col);
    for (guint r = 0; r < n; r++) {
        guint done;
        guint n_entries =
            g_array_index (work->first, guint, r + 1) - g_array_index (work->first, guint, r);
        if (row_to_col[r] >= 0 || n_entries == 0)
            continue;
        End end = search (work, (int) r, limit, &done);
        raise_potentials (work, (int) r, end, done);
        augment (work, (int) r, end, row_to_col);
    }
}
