/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sizes that a data set's boxes come in. */
#include <fovea/train.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROUNDS 300
#define STARTS 10 /* of which the best counts: k-means finds what is near to its start */

/* Of two boxes with one corner in common. */
static double
overlap (const float *a, const double *b)
{
    const double inter = fmin ((double) a[0], b[0]) * fmin ((double) a[1], b[1]);

    return inter / ((double) a[0] * (double) a[1] + b[0] * b[1] - inter);
}

/* The anchor that overlaps a size most; of equals the first. */
static guint
nearest (const float *size, const double *anchors, guint k, double *most)
{
    guint best = 0;

    *most = -1;
    for (guint i = 0; i < k; i++) {
        const double u = overlap (size, anchors + 2 * i);
        if (u <= *most)
            continue;
        *most = u;
        best = i;
    }
    return best;
}

/* Each next one is drawn by its distance from those before (Arthur and Vassilvitskii 2007). */
static void
begin (const float *sizes, guint n, double *anchors, guint k, GRand *rand)
{
    g_autofree double *far = g_new (double, n);
    guint pick = (guint) g_rand_int_range (rand, 0, (gint32) n);

    for (guint i = 0; i < k; i++) {
        double sum = 0, at;
        anchors[2 * i] = (double) sizes[2 * pick];
        anchors[2 * i + 1] = (double) sizes[2 * pick + 1];
        for (guint s = 0; s < n; s++) {
            nearest (sizes + 2 * s, anchors, i + 1, &far[s]);
            far[s] = (1 - far[s]) * (1 - far[s]);
            sum += far[s];
        }
        at = g_rand_double (rand) * sum;
        for (pick = 0; pick + 1 < n && at >= far[pick]; pick++)
            at -= far[pick];
    }
}

/* Moves anchors to the mean of what is nearest to them; FALSE: nothing changed place. */
static gboolean
move (const float *sizes, guint n, double *anchors, guint k, guint *owner)
{
    g_autofree double *sums = g_new0 (double, 3 * k);
    gboolean moved = FALSE;

    for (guint s = 0; s < n; s++) {
        double most;
        const guint i = nearest (sizes + 2 * s, anchors, k, &most);
        moved = moved || owner[s] != i;
        owner[s] = i;
        sums[3 * i] += (double) sizes[2 * s];
        sums[3 * i + 1] += (double) sizes[2 * s + 1];
        sums[3 * i + 2]++;
    }
    for (guint i = 0; i < k; i++)
        for (guint d = 0; d < 2 && sums[3 * i + 2] > 0; d++)
            anchors[2 * i + d] = sums[3 * i + d] / sums[3 * i + 2];
    return moved;
}

static int
by_area (const void *a, const void *b)
{
    const float *x = a, *y = b;
    const float p = x[0] * x[1], q = y[0] * y[1];

    return p != q ? (p > q) - (p < q) : (x[0] > y[0]) - (x[0] < y[0]);
}

/* Anchors from one start; returns the mean overlap. */
static double
try_start (const float *sizes, guint n, double *anchors, guint k, GRand *rand)
{
    g_autofree guint *owner = g_new (guint, n);
    double sum = 0, most;

    memset (owner, 0xff, n * sizeof *owner);
    begin (sizes, n, anchors, k, rand);
    for (int round = 0; round < MOST_ROUNDS && move (sizes, n, anchors, k, owner); round++)
        ;
    for (guint s = 0; s < n; s++) {
        nearest (sizes + 2 * s, anchors, k, &most);
        sum += most;
    }
    return sum / n;
}

gboolean
fov_train_anchors (const float *sizes, guint n, guint k, guint32 seed, float *anchors,
                   double *overlap_out, GError **error)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    g_autofree double *at = NULL;
    double best = -1;

    for (guint i = 0; i < 2 * n; i++)
        if (!(sizes[i] > 0 && isfinite (sizes[i]))) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "box %u has the %s %g", i / 2,
                         i % 2 ? "height" : "width", (double) sizes[i]);
            return FALSE;
        }
    if (k < 1 || k > n) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "%u anchors of %u boxes, expected 1..%u",
                     k, n, n);
        return FALSE;
    }
    at = g_new (double, 2 * k);
    for (int start = 0; start < STARTS; start++) {
        const double mean = try_start (sizes, n, at, k, rand);
        for (guint i = 0; i < 2 * k && mean > best; i++)
            anchors[i] = (float) at[i];
        best = fmax (best, mean);
    }
    qsort (anchors, k, 2 * sizeof *anchors, by_area);
    if (overlap_out)
        *overlap_out = best;
    return TRUE;
}
