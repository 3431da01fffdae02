/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench-track: processor time of one picture's step with 50 detections and 50 tracks, for each
 * tracker, without pictures; the best and the median of many. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../track/walk.h"

#define N_WALKERS 50
#define N_FRAMES 2000

static double
now (void)
{
    struct timespec t;

    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static int
compare (const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}

/* Everyone is seen in every picture, so that there are 50 tracks. */
static guint
detect_all (Walker *walkers, GRand *rand, FovDetection *d)
{
    for (guint i = 0; i < N_WALKERS; i++) {
        Walker *w = &walkers[i];
        double x = w->x + g_rand_double_range (rand, -0.03, 0.03) * w->w;
        double y = w->y + g_rand_double_range (rand, -0.03, 0.03) * w->h;
        walk_step (w);
        d[i] = (FovDetection){ { (float) x, (float) y, (float) (x + w->w), (float) (y + w->h) },
                               0.9f,
                               0 };
    }
    return N_WALKERS;
}

static void
measure (const char *name)
{
    FovTrackerParams params = { .frame_rate = WALK_FPS };
    g_autoptr (FovTracker) tracker = fov_tracker_new (name, &params, NULL);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    g_autoptr (GRand) rand = g_rand_new_with_seed (9);
    static double times[N_FRAMES];
    Walker walkers[N_WALKERS];
    FovDetection d[N_WALKERS];
    double sum = 0;

    walk_start (walkers, N_WALKERS, rand);
    for (int frame = 0; frame < N_FRAMES; frame++) {
        guint n = detect_all (walkers, rand, d);
        double start = now ();
        if (!fov_tracker_update (tracker, NULL, 1920, 1080, d, n, TRUE, WALK_PTS (frame), tracks,
                                 NULL))
            exit (1);
        times[frame] = now () - start;
        sum += tracks->len;
    }
    qsort (times, N_FRAMES, sizeof *times, compare);
    printf ("%-10s median %6.1f us  best %6.1f us  99 %% %6.1f us  (%.1f tracks)\n", name,
            times[N_FRAMES / 2], times[0], times[N_FRAMES * 99 / 100], sum / N_FRAMES);
}

int
main (void)
{
    for (const char *const *name = fov_tracker_names (); *name; name++)
        measure (*name);
    return 0;
}
