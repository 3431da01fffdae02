/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/load/order.h"

#include "vision/random.h"

#include <math.h>

enum { STREAM_REPEAT = 0x0bd1, STREAM_SHUFFLE = 0x0bd2, STREAM_GROUP = 0x0bd3 };

static void
shuffle (guint *at, guint n, FovRandom *random)
{
    for (guint i = n; i > 1; i--) {
        const guint k = fov_random_below (random, i), swap = at[i - 1];
        at[i - 1] = at[k];
        at[k] = swap;
    }
}

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
    if (!in_order)
        shuffle (at, list->len, &random);
    fov_order_clear (order);
    *order = (FovOrder){ g_memdup2 (at, list->len * sizeof *at), list->len, epoch };
}

/* Positions of pictures of one class, group at a time, one group behind the other. */
static GArray *
find_groups (const FovOrder *order, const int *classes, guint group)
{
    g_autoptr (GHashTable) open =
        g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_array_unref);
    GArray *full = g_array_new (FALSE, FALSE, sizeof (guint));

    for (guint i = 0; i < order->n; i++) {
        gpointer key = GINT_TO_POINTER (classes[order->index[i]]);
        GArray *members = g_hash_table_lookup (open, key);
        if (!members) {
            members = g_array_new (FALSE, FALSE, sizeof (guint));
            g_hash_table_insert (open, key, members);
        }
        g_array_append_val (members, i);
        if (members->len == group) {
            g_array_append_vals (full, members->data, group);
            g_array_set_size (members, 0);
        }
    }
    return full;
}

/* Full groups in an order of their own, then what is left over. */
void
fov_order_group (FovOrder *order, const int *classes, guint group, guint64 seed)
{
    g_autoptr (GArray) full = find_groups (order, classes, group);
    const guint n_groups = full->len / group;
    g_autofree guint *turn = g_new (guint, n_groups + 1), *to = g_new (guint, order->n);
    g_autofree gboolean *taken = g_new0 (gboolean, order->n);
    FovRandom random = fov_random (seed, STREAM_GROUP, order->epoch);
    guint n = 0;

    for (guint i = 0; i < n_groups; i++)
        turn[i] = i;
    shuffle (turn, n_groups, &random);
    for (guint i = 0; i < full->len; i++) {
        const guint position = g_array_index (full, guint, turn[i / group] * group + i % group);
        taken[position] = TRUE;
        to[n++] = order->index[position];
    }
    for (guint i = 0; i < order->n; i++)
        if (!taken[i])
            to[n++] = order->index[i];
    g_free (order->index);
    order->index = g_steal_pointer (&to);
}

void
fov_order_clear (FovOrder *order)
{
    g_clear_pointer (&order->index, g_free);
    order->n = 0;
}
