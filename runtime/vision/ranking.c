/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/metrics.h>

#include <math.h>

typedef struct {
    float score;
    gboolean truth;
} Rank;

static int
falling (gconstpointer a, gconstpointer b)
{
    const float x = ((const Rank *) a)->score, y = ((const Rank *) b)->score;

    return (x < y) - (x > y);
}

double
fov_average_precision (const float *scores, const guint8 *truths, guint n)
{
    g_autoptr (GArray) ranks = g_array_sized_new (FALSE, FALSE, sizeof (Rank), n);
    guint hits = 0, counted = 0;
    double sum = 0;

    for (guint i = 0; i < n; i++) {
        Rank rank = { scores[i], truths[i] != 0 };
        g_array_append_val (ranks, rank);
    }
    g_array_sort (ranks, falling);
    for (guint i = 0; i < n; i++) {
        const Rank *rank = &g_array_index (ranks, Rank, i);
        hits += rank->truth;
        if (i + 1 < n && g_array_index (ranks, Rank, i + 1).score == rank->score)
            continue;
        sum += (double) (hits - counted) * hits / (i + 1);
        counted = hits;
    }
    return hits ? sum / hits : NAN;
}
