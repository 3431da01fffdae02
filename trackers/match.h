/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_MATCH_H
#define FOV_TRACKERS_MATCH_H

#include <glib.h>

/** One pair that was made: indices as they were put in. */
typedef struct {
    guint row, col;
} FovPair;

/**
 * One stage of an association: rows (tracks) and columns (detections) go in as
 * indices into the caller's arrays; what is paired comes out and what is left
 * stays for the next stage. Memory grows to the largest stage and is reused.
 */
typedef struct _FovMatch FovMatch;

FovMatch *fov_match_new (void);
void fov_match_free (FovMatch *match);

void fov_match_clear_rows (FovMatch *match);
void fov_match_clear_cols (FovMatch *match);
void fov_match_add_row (FovMatch *match, guint index);
void fov_match_add_col (FovMatch *match, guint index);

guint fov_match_n_rows (const FovMatch *match);
guint fov_match_n_cols (const FovMatch *match);
/** The index at place i of the rows or columns at hand. */
guint fov_match_row (const FovMatch *match, guint i);
guint fov_match_col (const FovMatch *match, guint i);

/** Room for the cost of all rows x columns, row-major, to be filled before fov_match_solve. */
double *fov_match_cost (FovMatch *match);

/**
 * Pairs rows and columns (fov_assign with this limit). Returns the pairs, valid
 * until the next call; rows and columns that are left keep their order.
 */
const FovPair *fov_match_solve (FovMatch *match, double limit, guint *n_pairs);

/**
 * As fov_match_solve without a limit, but pairs whose entry in gate (of the
 * cost's shape; the cost itself will do) is above the threshold are undone
 * afterwards (SORT).
 */
const FovPair *fov_match_solve_gated (FovMatch *match, const double *gate, double threshold,
                                      guint *n_pairs);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovMatch, fov_match_free)

#endif
