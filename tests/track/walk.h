/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TESTS_WALK_H
#define FOV_TESTS_WALK_H

#include <math.h>
#include <string.h>

#include <fovea/tracker.h>

#include "../unit/check.h"

/* A synthetic street: walkers at constant speed, detections that jitter and miss; seeded. */

#define WALK_FPS 25
#define WALK_PTS(frame) ((gint64) (frame) * (G_GINT64_CONSTANT (1000000000) / WALK_FPS))

typedef struct {
    double x, y, w, h, vx, vy;
} Walker;

/* A tracker of the street's rate. */
static inline FovTracker *
walk_tracker (const char *name)
{
    GError *error = NULL;
    FovTrackerParams params = { .frame_rate = WALK_FPS };
    FovTracker *tracker = fov_tracker_new (name, &params, &error);

    assert_fov_ok (tracker != NULL, error);
    return tracker;
}

static inline void
walk_start (Walker *walkers, guint n, GRand *rand)
{
    for (guint i = 0; i < n; i++) {
        double h = g_rand_double_range (rand, 60, 200);
        walkers[i] = (Walker){
            g_rand_double_range (rand, 0, 1800), g_rand_double_range (rand, 0, 900), h * 0.4, h,
            g_rand_double_range (rand, -4, 4),   g_rand_double_range (rand, -1, 1)
        };
    }
}

static inline void
walk_step (Walker *w)
{
    w->x += w->vx;
    w->y += w->vy;
    if (w->x < 0 || w->x > 1800)
        w->vx = -w->vx;
    if (w->y < 0 || w->y > 900)
        w->vy = -w->vy;
}

/* One in ten is missed, one in ten has a low score. */
static inline guint
walk_detect (Walker *walkers, guint n, GRand *rand, FovDetection *out)
{
    guint found = 0;

    for (guint i = 0; i < n; i++) {
        Walker *w = &walkers[i];
        double jx = g_rand_double_range (rand, -0.03, 0.03) * w->w;
        double jy = g_rand_double_range (rand, -0.03, 0.03) * w->h;
        int luck = g_rand_int_range (rand, 0, 10);
        walk_step (w);
        if (luck == 0)
            continue;
        out[found++] = (FovDetection){ { (float) (w->x + jx), (float) (w->y + jy),
                                         (float) (w->x + jx + w->w), (float) (w->y + jy + w->h) },
                                       luck == 1 ? 0.3f : (float) (0.8 + 0.001 * i),
                                       0 };
    }
    return found;
}

#endif
