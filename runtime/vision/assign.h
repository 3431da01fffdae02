/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_VISION_ASSIGN_H
#define FOV_VISION_ASSIGN_H

#include <glib.h>

/**
 * Linear assignment by shortest augmenting paths (Jonker and Volgenant 1987),
 * rectangular, gated and sparse: only entries below the limit are looked at.
 * The work space grows to the largest problem seen and is then reused; one
 * thread at a time.
 */
typedef struct _FovAssign FovAssign;

FovAssign *fov_assign_new (void);
void fov_assign_free (FovAssign *work);

/**
 * cost is n x m, row-major; an entry that is not finite is forbidden.
 * row_to_col has n entries: the column given to each row, -1 for none. The sum
 * of the pairs' costs is the least possible.
 *
 * limit INFINITY: as many pairs as the forbidden entries allow (min (n, m)
 * without any), the cheapest such set. A finite limit is the price of leaving a
 * pair out: a pair is made only where that lowers the sum of costs plus limit
 * times the pairs not made, so no pair costs limit or more. O(n e) for e entries
 * below the limit in the worst case, near O(e) where most rows have a column of
 * their own.
 */
void fov_assign (FovAssign *work, const double *cost, guint n, guint m, double limit,
                 int *row_to_col);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovAssign, fov_assign_free)

#endif
