/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "trackers/features-color.h"
#include "trackers/fovea-private.h"
#include "trackers/seek.h"

/* A track of which a larger share is covered shows other colours than its own. */
#define COVERED_LEARN 0.2
/* How fast its usual colours follow what is seen. */
#define RATE 0.05f
/* Particles that are further apart than this, in the track's sizes, say nothing. */
#define WIDEST 1.0

struct _FoveaCoasts {
    FovPatcher *patcher;
    guint64 seed;
    GPtrArray *spare; /* FovParticles that no track uses */
};

FoveaCoasts *
fovea_coasts_new (guint64 seed)
{
    FoveaCoasts *c = g_new0 (FoveaCoasts, 1);

    c->patcher = fov_patcher_new ();
    c->seed = seed;
    c->spare = g_ptr_array_new_with_free_func ((GDestroyNotify) fov_particles_free);
    fov_color_names_init ();
    return c;
}

void
fovea_coasts_free (FoveaCoasts *c)
{
    fov_patcher_free (c->patcher);
    g_ptr_array_unref (c->spare);
    g_free (c);
}

void
fovea_coast_forget (FoveaCoasts *c, FoveaCoast *coast)
{
    if (coast->particles)
        g_ptr_array_add (c->spare, coast->particles);
    coast->particles = NULL;
}

/* So many particles, whose row of random numbers is the track's own. */
static FovParticles *
take_particles (FoveaCoasts *c, guint n, guint64 id)
{
    FovParticles *p = NULL;

    while (!p && c->spare->len > 0) {
        p = g_ptr_array_steal_index_fast (c->spare, c->spare->len - 1);
        if (p->n != n)
            g_clear_pointer (&p, fov_particles_free);
    }
    if (!p)
        p = fov_particles_new (n, 0);
    p->seed = c->seed + id;
    return p;
}

static void
learn (FoveaCoasts *c, FovItem *item, const FovScene *scene)
{
    FoveaCoast *coast = &item->coast;
    FovPalette palette;

    fov_palette_take (&palette, c->patcher, scene->image, item->target.track.box);
    if (coast->known)
        fov_palette_blend (&coast->usual, &palette, RATE);
    else
        coast->usual = palette;
    coast->known = TRUE;
}

static void
move (FovItem *item, const FovScene *scene, float size)
{
    FovParticles *p = item->coast.particles;
    float dx = 0, dy = 0;

    if (scene->camera && scene->set[FOVEA_CAMERA]) {
        const double *m = scene->camera;
        FovParticle mean = fov_particles_mean (p, NULL);
        dx = (float) ((m[0] - 1) * mean.x + m[1] * mean.y + m[2]);
        dy = (float) (m[3] * mean.x + (m[4] - 1) * mean.y + m[5]);
    }
    fov_seek_move (p, (float) scene->dt, dx, dy, size);
}

/* The filter's place follows the particles', as far as these agree. */
static void
coast (FoveaCoasts *c, FovItem *item, const FovScene *scene)
{
    FovKalman *k = &item->target.kalman;
    double pictures = FOVEA_TICKS / scene->rate, size = sqrt (fmax (k->x[2] * k->x[3], 1));
    float spread;

    if (!item->coast.particles) {
        FovParticle centre = { (float) k->x[0], (float) k->x[1], (float) (k->x[4] * pictures),
                               (float) (k->x[5] * pictures), 1 };
        item->coast.particles =
            take_particles (c, (guint) scene->set[FOVEA_PARTICLES], item->target.track.id);
        fov_seek_start (item->coast.particles, centre, (float) size);
    } else {
        move (item, scene, (float) size);
    }
    float fit = fov_seek_weigh (item->coast.particles, c->patcher, scene->image, &item->coast.usual,
                                k->x[2], k->x[3]);
    FovParticle mean = fov_particles_mean (item->coast.particles, &spread);
    if (!(fit > 0) || spread > WIDEST * size)
        return;
    double noise = (double) spread * spread + 1;
    fov_kalman_correct (k, (const double[FOV_KALMAN_N]){ mean.x, mean.y, 0, 0 },
                        (const double[FOV_KALMAN_N]){ noise, noise, INFINITY, INFINITY });
    item->target.track.box = fov_motion_xywh.box (k->x);
}

void
fovea_coast (Fovea *f, const FovScene *scene)
{
    if (!scene->image || !(scene->set[FOVEA_PARTICLES] > 0))
        return;
    for (guint i = 0; i < f->items->len; i++) {
        FovItem *item = fovea_item (f, i);
        const FovTrack *track = &item->target.track;
        if (track->unseen == 0 || item->target.dead)
            fovea_coast_forget (f->coasts, &item->coast);
        else if (item->coast.known && track->state != FOV_TRACK_TENTATIVE)
            coast (f->coasts, item, scene);
        if (track->detection >= 0 && track->score >= (float) scene->set[FOVEA_HIGH] &&
            item->hidden <= COVERED_LEARN)
            learn (f->coasts, item, scene);
    }
}
