/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/seek.h"

#include <math.h>

/* Standard deviations over the size: of places and velocities at first, and gained per picture. */
#define SPREAD 0.2f
#define NOISE 0.15f
#define NOISE_VELOCITY 0.015f
/* A particle's likelihood is exp (-k (1 - likeness)). */
#define SHARPNESS 40.0f

/* What the likelihood looks at. */
typedef struct {
    FovPatcher *patcher;
    const FovImage *image;
    const FovPalette *usual;
    double width, height;
} Scene;

static float
color_likelihood (gpointer data, float x, float y)
{
    Scene *s = data;
    double w = 0.5 * s->width, h = 0.5 * s->height, at_x = x, at_y = y;
    FovPalette palette;

    if (x < 0.0f || y < 0.0f || x > (float) s->image->width || y > (float) s->image->height)
        return 0.0f;
    fov_palette_take (&palette, s->patcher, s->image,
                      (FovBox){ (float) (at_x - w), (float) (at_y - h), (float) (at_x + w),
                                (float) (at_y + h) });
    return expf (SHARPNESS * (fov_palette_likeness (&palette, s->usual) - 1.0f));
}

void
fov_seek_start (FovParticles *p, FovParticle centre, float size)
{
    fov_particles_start (p, centre, SPREAD * size, NOISE * size);
}

void
fov_seek_move (FovParticles *p, float dt, float shift_x, float shift_y, float size)
{
    fov_particles_move (p, dt, shift_x, shift_y, NOISE * size, NOISE_VELOCITY * size);
}

float
fov_seek_weigh (FovParticles *p, FovPatcher *patcher, const FovImage *image,
                const FovPalette *usual, double width, double height)
{
    Scene scene = { patcher, image, usual, width, height };

    return fov_particles_weigh (p, color_likelihood, &scene);
}
