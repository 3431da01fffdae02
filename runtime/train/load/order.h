/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_ORDER_H
#define FOV_TRAIN_ORDER_H

#include <glib.h>

/** In which order an epoch shows its pictures; a function of its arguments alone. */
typedef struct {
    guint *index; /* [n] into the data */
    guint n;
    guint64 epoch;
} FovOrder;

/**
 * factors[n]: how often each picture comes, on average (by chance between the two
 * whole numbers next to it). in_order: not shuffled.
 */
void fov_order_make (FovOrder *order, const double *factors, guint n, gboolean in_order,
                     guint64 seed, guint64 epoch);
/** Moves pictures of one class together, group at a time; what is missing to a whole group comes
 * again. classes[n of the data], by data index. */
void fov_order_group (FovOrder *order, const int *classes, guint group, guint64 seed);
void fov_order_clear (FovOrder *order);

#endif
