/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_PARTICLE_H
#define FOV_TRACKERS_PARTICLE_H

#include <glib.h>

/* One guess at where something is, in pixels and pixels per picture. */
typedef struct {
    float x, y, vx, vy;
    float weight; /* the weights of all are 1 together */
} FovParticle;

/*
 * A particle filter over position and velocity: sequential importance
 * resampling (Gordon, Salmond, Smith 1993), systematic (Kitagawa 1996), where fewer
 * than half of the particles count. The same seed and calls give the same
 * particles.
 */
typedef struct {
    guint n;
    FovParticle *particles, *spare;
    GRand *random;
    guint64 seed;
} FovParticles;

/* How likely it is at x, y: any scale, >= 0. */
typedef float (*FovLikelihood) (gpointer data, float x, float y);

FovParticles *fov_particles_new (guint n, guint64 seed);
void fov_particles_free (FovParticles *p);

/* All around one place and velocity, with these standard deviations. The seed's row starts over. */
void fov_particles_start (FovParticles *p, FovParticle centre, float spread, float spread_v);
/* dt pictures on, with noise per picture; shift: the camera's. */
void fov_particles_move (FovParticles *p, float dt, float shift_x, float shift_y, float noise,
                         float noise_v);
/*
 * Weighs every particle by its likelihood. Returns the mean likelihood under
 * the old weights; where it is 0, nothing changes.
 */
float fov_particles_weigh (FovParticles *p, FovLikelihood likelihood, gpointer data);
/* How many particles count: 1 / sum of squared weights, 1..n. */
float fov_particles_effective (const FovParticles *p);
/* The weighted mean; spread, if not NULL: standard deviation of the position. */
FovParticle fov_particles_mean (const FovParticles *p, float *spread);

#endif
