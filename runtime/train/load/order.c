/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/load/order.h"

#include "vision/random.h"

#include <math.h>

enum { STREAM_REPEAT = 0x0bd1, STREAM_SHUFFLE = 0x0bd2 };

void
fov_order_make (FovOrder *order, const double *factors, guint n, gboolean in_order, guint64 seed,
                guint64 epoch)
{
    FovRandom random = fov_random (seed, STREAM_REPEAT, epoch);
    g_autoptr (GArray) list = g_array_sized_new (FALSE, FALSE, sizeof (guint), n);
    guint *at;

    for (guint i = 0; i < n; i++) {
        const double whole = floor (factors[i]);
        const guint times = (guint) whole + fov_random_chance (&random, factors[i] - whole);
        for (guint k = 0; k < times; k++)
            g_array_append_val (list, i);
    }
    at = (guint *) (void *) list->data;
    random = fov_random (seed, STREAM_SHUFFLE, epoch);
    for (guint i = list->len; i > 1 && !in_order; i--) {
        const guint k = fov_random_below (&random, i), swap = at[i - 1];
        at[i - 1] = at[k];
        at[k] = swap;
    }
    fov_order_clear (order);
    *order = (FovOrder){ g_memdup2 (at, list->len * sizeof *at), list->len, epoch };
}

void
fov_order_clear (FovOrder *order)
{
    g_clear_pointer (&order->index, g_free);
    order->n = 0;
}
