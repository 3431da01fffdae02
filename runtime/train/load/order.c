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

/* GArray of guint: pictures of each class, classes and pictures as they come in the order. */
static GPtrArray *
find_classes (const FovOrder *order, const int *classes)
{
    g_autoptr (GHashTable) known = g_hash_table_new (NULL, NULL);
    GPtrArray *found = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);

    for (guint i = 0; i < order->n; i++) {
        gpointer key = GINT_TO_POINTER (classes[order->index[i]]);
        GArray *members = g_hash_table_lookup (known, key);
        if (!members) {
            members = g_array_new (FALSE, FALSE, sizeof (guint));
            g_hash_table_insert (known, key, members);
            g_ptr_array_add (found, members);
        }
        g_array_append_val (members, order->index[i]);
    }
    return found;
}

/* A class's last group is filled up with those that came first, so that batches which are a
 * multiple of a group never have a part of one. */
void
fov_order_group (FovOrder *order, const int *classes, guint group, guint64 seed)
{
    g_autoptr (GPtrArray) found = find_classes (order, classes);
    g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (guint));
    g_autofree guint *turn = NULL;
    FovRandom random = fov_random (seed, STREAM_GROUP, order->epoch);

    for (guint c = 0; c < found->len; c++) {
        GArray *members = found->pdata[c];
        for (guint k = 0; members->len % group; k++) {
            const guint again = g_array_index (members, guint, k);
            g_array_append_val (members, again);
        }
        g_array_append_vals (all, members->data, members->len);
    }
    turn = g_new (guint, all->len / group + 1);
    for (guint i = 0; i < all->len / group; i++)
        turn[i] = i;
    shuffle (turn, all->len / group, &random);
    g_free (order->index);
    order->n = all->len;
    order->index = g_new (guint, order->n);
    for (guint i = 0; i < order->n; i++)
        order->index[i] = g_array_index (all, guint, turn[i / group] * group + i % group);
}

void
fov_order_clear (FovOrder *order)
{
    g_clear_pointer (&order->index, g_free);
    order->n = 0;
}
