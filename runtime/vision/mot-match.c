/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/mot-private.h"

#include <math.h>

#include "vision/assign.h"

/* Largest matrix of a connected part: 256 MiB. */
#define MAX_CELLS (1u << 25)

struct _FovMotMatcher {
    FovAssign *assign;
    GArray *parent; /* guint: union-find over rows, then columns */
    GArray *order;  /* guint: pairs, those of one part together */
    GArray *start;  /* guint: by root, where its pairs begin in order */
    GArray *place;  /* guint: of a row or column inside its part, + 1 */
    GArray *member; /* guint: rows of the part, then its columns */
    GArray *cost;   /* double */
    GArray *chosen; /* int: of the part */
    GArray *result; /* int */
};

#define GUINTS(array) ((guint *) (void *) (array)->data)
#define INTS(array) ((int *) (void *) (array)->data)

FovMotMatcher *
fov_mot_matcher_new (void)
{
    FovMotMatcher *m = g_new0 (FovMotMatcher, 1);
    m->assign = fov_assign_new ();
    m->parent = g_array_new (FALSE, FALSE, sizeof (guint));
    m->order = g_array_new (FALSE, FALSE, sizeof (guint));
    m->start = g_array_new (FALSE, TRUE, sizeof (guint));
    m->place = g_array_new (FALSE, TRUE, sizeof (guint));
    m->member = g_array_new (FALSE, FALSE, sizeof (guint));
    m->cost = g_array_new (FALSE, FALSE, sizeof (double));
    m->chosen = g_array_new (FALSE, FALSE, sizeof (int));
    m->result = g_array_new (FALSE, FALSE, sizeof (int));
    return m;
}

void
fov_mot_matcher_free (FovMotMatcher *m)
{
    if (!m)
        return;
    fov_assign_free (m->assign);
    g_array_unref (m->parent);
    g_array_unref (m->order);
    g_array_unref (m->start);
    g_array_unref (m->place);
    g_array_unref (m->member);
    g_array_unref (m->cost);
    g_array_unref (m->chosen);
    g_array_unref (m->result);
    g_free (m);
}

static guint
root_of (guint *parent, guint i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

/* Sorts the pairs by the part that they belong to; start[root] .. start[root + 1] are its own. */
static void
sort_into_parts (FovMotMatcher *m, const FovMotPair *pairs, guint n_pairs, guint n_rows,
                 guint n_cols)
{
    guint n = n_rows + n_cols;

    g_array_set_size (m->parent, n);
    guint *parent = GUINTS (m->parent);
    for (guint i = 0; i < n; i++)
        parent[i] = i;
    for (guint i = 0; i < n_pairs; i++)
        parent[root_of (parent, n_rows + pairs[i].col)] = root_of (parent, pairs[i].row);

    g_array_set_size (m->start, 0);
    g_array_set_size (m->start, n + 2);
    g_array_set_size (m->order, n_pairs);
    guint *start = GUINTS (m->start) + 1;
    for (guint i = 0; i < n_pairs; i++)
        start[root_of (parent, pairs[i].row) + 1]++;
    for (guint i = 0; i < n; i++)
        start[i + 1] += start[i];
    /* Filling moves each start to its end, which is the next one's start. */
    start--;
    for (guint i = 0; i < n_pairs; i++)
        GUINTS (m->order)[start[root_of (parent, pairs[i].row) + 1]++] = i;
}

/* The member's place in the part, which it is given where it has none. */
static guint
place_of (FovMotMatcher *m, guint member, guint *n)
{
    guint *place = &GUINTS (m->place)[member];
    if (!*place) {
        *place = ++*n;
        g_array_append_val (m->member, member);
    }
    return *place - 1;
}

static gboolean
solve_part (FovMotMatcher *m, const FovMotPair *pairs, const guint *order, guint n_pairs,
            guint n_rows, GError **error)
{
    guint rows = 0, cols = 0;

    g_array_set_size (m->member, 0);
    for (guint i = 0; i < n_pairs; i++)
        place_of (m, pairs[order[i]].row, &rows);
    for (guint i = 0; i < n_pairs; i++)
        place_of (m, n_rows + pairs[order[i]].col, &cols);
    if ((guint64) rows * cols > MAX_CELLS) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY,
                     "%u truths and %u results overlap each other, more than can be matched", rows,
                     cols);
        return FALSE;
    }
    g_array_set_size (m->cost, rows * cols);
    g_array_set_size (m->chosen, rows);
    double *cost = (double *) (void *) m->cost->data;
    for (guint i = 0; i < rows * cols; i++)
        cost[i] = INFINITY;
    for (guint i = 0; i < n_pairs; i++) {
        const FovMotPair *p = &pairs[order[i]];
        guint row = GUINTS (m->place)[p->row] - 1, col = GUINTS (m->place)[n_rows + p->col] - 1;
        cost[(gsize) row * cols + col] = -p->score;
    }
    fov_assign (m->assign, cost, rows, cols, 0.0, INTS (m->chosen));
    const guint *member = GUINTS (m->member);
    for (guint r = 0; r < rows; r++) {
        int c = INTS (m->chosen)[r];
        int *result = &INTS (m->result)[member[r]];
        *result = c < 0 ? -1 : (int) (member[rows + (guint) c] - n_rows);
    }
    return TRUE;
}

const int *
fov_mot_match (FovMotMatcher *m, const FovMotPair *pairs, guint n_pairs, guint n_rows, guint n_cols,
               GError **error)
{
    guint first = 0;

    g_array_set_size (m->result, n_rows + 1); /* never without memory */
    for (guint i = 0; i < n_rows; i++)
        INTS (m->result)[i] = -1;
    if (n_pairs == 0)
        return INTS (m->result);
    g_array_set_size (m->place, 0);
    g_array_set_size (m->place, n_rows + n_cols);
    sort_into_parts (m, pairs, n_pairs, n_rows, n_cols);
    for (guint root = 0; root < n_rows + n_cols; root++) {
        guint end = GUINTS (m->start)[root + 1];
        const guint *order = GUINTS (m->order) + first;
        if (end - first == 1)
            INTS (m->result)[pairs[*order].row] = (int) pairs[*order].col;
        else if (end > first && !solve_part (m, pairs, order, end - first, n_rows, error))
            return NULL;
        first = end;
    }
    return INTS (m->result);
}
