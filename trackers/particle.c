/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/particle.h"

#include <math.h>

FovParticles *
fov_particles_new (guint n, guint64 seed)
{
    FovParticles *p = g_new0 (FovParticles, 1);
    p->n = MAX (n, 1);
    p->particles = g_new0 (FovParticle, p->n);
    p->spare = g_new0 (FovParticle, p->n);
    p->random = g_rand_new_with_seed (0);
    p->seed = seed;
    return p;
}

void
fov_particles_free (FovParticles *p)
{
    if (!p)
        return;
    g_rand_free (p->random);
    g_free (p->particles);
    g_free (p->spare);
    g_free (p);
}

/* Two independent numbers of the normal distribution (Box and Muller 1958). */
static void
draw_normal (FovParticles *p, float deviation, float *a, float *b)
{
    double radius = deviation * sqrt (-2.0 * log (1.0 - g_rand_double (p->random)));
    double angle = 2.0 * G_PI * g_rand_double (p->random);
    *a += (float) (radius * cos (angle));
    *b += (float) (radius * sin (angle));
}

void
fov_particles_start (FovParticles *p, FovParticle centre, float spread, float spread_v)
{
    const guint32 seed[2] = { (guint32) p->seed, (guint32) (p->seed >> 32) };
    g_rand_set_seed_array (p->random, seed, G_N_ELEMENTS (seed));
    for (guint i = 0; i < p->n; i++) {
        FovParticle *one = &p->particles[i];
        *one = centre;
        one->weight = 1.0f / (float) p->n;
        draw_normal (p, spread, &one->x, &one->y);
        draw_normal (p, spread_v, &one->vx, &one->vy);
    }
}

void
fov_particles_move (FovParticles *p, float dt, float shift_x, float shift_y, float noise,
                    float noise_v)
{
    float root = sqrtf (dt);
    for (guint i = 0; i < p->n; i++) {
        FovParticle *one = &p->particles[i];
        one->x += one->vx * dt + shift_x;
        one->y += one->vy * dt + shift_y;
        draw_normal (p, noise * root, &one->x, &one->y);
        draw_normal (p, noise_v * root, &one->vx, &one->vy);
    }
}

float
fov_particles_effective (const FovParticles *p)
{
    float squares = 0.0f;
    for (guint i = 0; i < p->n; i++)
        squares += p->particles[i].weight * p->particles[i].weight;
    return 1.0f / squares;
}

/* One draw for all: the k-th survivor holds the place (k + u) / n of the weights' sum. */
static void
resample (FovParticles *p)
{
    double u = g_rand_double (p->random), sum = p->particles[0].weight;
    guint from = 0;
    for (guint k = 0; k < p->n; k++) {
        double place = (k + u) / p->n;
        while (sum < place && from + 1 < p->n)
            sum += p->particles[++from].weight;
        p->spare[k] = p->particles[from];
        p->spare[k].weight = 1.0f / (float) p->n;
    }
    FovParticle *swap = p->particles;
    p->particles = p->spare;
    p->spare = swap;
}

float
fov_particles_weigh (FovParticles *p, FovLikelihood likelihood, gpointer data)
{
    double sum = 0.0;
    for (guint i = 0; i < p->n; i++) {
        FovParticle *one = &p->particles[i];
        p->spare[i].weight = one->weight * likelihood (data, one->x, one->y);
        sum += p->spare[i].weight;
    }
    if (!(sum > 0.0) || !isfinite (sum))
        return 0.0f;
    for (guint i = 0; i < p->n; i++)
        p->particles[i].weight = (float) (p->spare[i].weight / sum);
    if (fov_particles_effective (p) < 0.5f * (float) p->n)
        resample (p);
    return (float) sum;
}

FovParticle
fov_particles_mean (const FovParticles *p, float *spread)
{
    double x = 0.0, y = 0.0, vx = 0.0, vy = 0.0, square = 0.0;
    for (guint i = 0; i < p->n; i++) {
        const FovParticle *one = &p->particles[i];
        x += (double) one->weight * one->x;
        y += (double) one->weight * one->y;
        vx += (double) one->weight * one->vx;
        vy += (double) one->weight * one->vy;
    }
    for (guint i = 0; i < p->n; i++) {
        double dx = p->particles[i].x - x, dy = p->particles[i].y - y;
        square += p->particles[i].weight * (dx * dx + dy * dy);
    }
    if (spread)
        *spread = (float) sqrt (square);
    return (FovParticle){ (float) x, (float) y, (float) vx, (float) vy, 1.0f };
}
