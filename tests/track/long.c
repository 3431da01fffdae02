/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A day of a street at 25 pictures a second, as fast as it goes: memory stays flat, ids rise. */
#include <stdio.h>

#include "../unit/check.h"
#include "walk.h"

#define N_WALKERS 20
#define N_FRAMES (24 * 3600 * WALK_FPS)
#define SETTLED (N_FRAMES / 24)

static gsize
resident (void)
{
    unsigned long size = 0, pages = 0;
    FILE *f = fopen ("/proc/self/statm", "r");

    if (f && fscanf (f, "%lu %lu", &size, &pages) != 2)
        pages = 0;
    if (f)
        fclose (f);
    return pages * 4096;
}

static void
test_day (void **state)
{
    FovTrackerParams params = { .frame_rate = WALK_FPS };
    g_autoptr (FovTracker) tracker = fov_tracker_new (NULL, &params, NULL);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    g_autoptr (GRand) rand = g_rand_new_with_seed (8);
    Walker walkers[N_WALKERS];
    FovDetection d[N_WALKERS];
    gsize before = 0;

    walk_start (walkers, N_WALKERS, rand);
    for (int frame = 1; frame <= N_FRAMES; frame++) {
        guint n = walk_detect (walkers, N_WALKERS, rand, d);
        if (frame % 5000 == 0)
            walk_start (walkers, N_WALKERS, rand);
        if (frame == SETTLED)
            before = resident ();
        assert_true (fov_tracker_update (tracker, NULL, 1920, 1080, d, n, TRUE, WALK_PTS (frame),
                                         tracks, NULL));
        assert_in_range (tracks->len, 0, 4 * N_WALKERS);
    }
    gsize grown = resident () - before;
    print_message ("# %d pictures, grown by %d kB, last id %d\n", N_FRAMES,
                   (int) ((gint64) grown / 1024),
                   (int) g_array_index (tracks, FovTrack, tracks->len - 1).id);
    assert_true ((gint64) grown <= 256 * 1024);
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_day) };

    return RUN ("long", tests);
}
