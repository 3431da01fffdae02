/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/jitter.h"

#include <math.h>
#include <string.h>

#define N FOV_KALMAN_N

#define PRIOR (1.0 / 400)   /* variance: a twentieth of the size */
#define PRIOR_WEIGHT 20     /* detections that the prior is worth */
#define MEMORY 3000         /* detections that the estimate remembers */
#define WORST 0.04          /* one jump counts no more than this: it is another object's box */
#define SECOND_DIFFERENCE 6 /* variance of z2 - 2 z1 + z0 over that of each */
/* A detector's errors last over pictures, second differences show the quick part alone. */
#define LASTING 4
/* Tremble at which filter and detection are reported half and half. */
#define EVEN (0.04 * 0.04)

void
fov_jitter_init (FovJitter *jitter)
{
    for (guint i = 0; i < N; i++)
        jitter->variance[i] = PRIOR;
    jitter->weight = 0;
}

void
fov_jitter_add (FovJitter *jitter, FovJitterTrail *trail, const double z[N], gboolean in_row)
{
    trail->n = in_row ? MIN (trail->n + 1, 3) : 1;
    if (trail->n == 3) {
        for (guint i = 0; i < N; i++) {
            double d = (z[i] - 2 * trail->z[0][i] + trail->z[1][i]) / z[2 + i % 2];
            double v = fmin (d * d / SECOND_DIFFERENCE, WORST);
            jitter->variance[i] += (v - jitter->variance[i]) / (jitter->weight + PRIOR_WEIGHT);
        }
        jitter->weight = fmin (jitter->weight + 1, MEMORY);
    }
    memcpy (trail->z[1], trail->z[0], sizeof trail->z[0]);
    memcpy (trail->z[0], z, sizeof trail->z[0]);
}

void
fov_jitter_noise (const FovJitter *jitter, double width, double height, double noise[N])
{
    for (guint i = 0; i < N; i++) {
        double size = i % 2 ? height : width;
        noise[i] = LASTING * fmax (jitter->variance[i], 1e-6) * size * size;
    }
}

double
fov_jitter_trust (const FovJitter *jitter)
{
    double mean = 0;

    for (guint i = 0; i < N; i++)
        mean += jitter->variance[i] / N;
    return EVEN / (EVEN + mean);
}
