/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* After the first pictures no update allocates. glibc's own entry points are replaced by ones
 * that count, which the sanitizers' allocators do not allow. */
#include <stdlib.h>

#include "../sanitized.h"
#include "../unit/check.h"
#include "walk.h"

#define N_WALKERS 50

static guint64 n_allocations;

#if defined(SANITIZED) || !defined(__GLIBC__)
#define COUNTS 0
#else
#define COUNTS 1

/* Without it GLib and libc would go on calling their own. */
#define EXPORTED __attribute__ ((visibility ("default")))

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t n, size_t size);
extern void *__libc_realloc (void *p, size_t size);

EXPORTED void *
malloc (size_t size)
{
    n_allocations++;
    return __libc_malloc (size);
}

EXPORTED void *
calloc (size_t n, size_t size)
{
    n_allocations++;
    return __libc_calloc (n, size);
}

EXPORTED void *
realloc (void *p, size_t size)
{
    n_allocations++;
    return __libc_realloc (p, size);
}
#endif

static void
run (const char *name, const FovImage *image, int frames, int settled)
{
    FovTrackerParams params = { .frame_rate = WALK_FPS };
    g_autoptr (FovTracker) tracker = fov_tracker_new (name, &params, NULL);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    g_autoptr (GRand) rand = g_rand_new_with_seed (4);
    Walker walkers[N_WALKERS];
    FovDetection d[N_WALKERS];
    guint64 before = 0;

    walk_start (walkers, N_WALKERS, rand);
    for (int frame = 1; frame <= frames; frame++) {
        guint n = walk_detect (walkers, N_WALKERS, rand, d);
        if (frame == settled)
            before = n_allocations;
        assert_true (fov_tracker_update (tracker, image, 1920, 1080, d, n, TRUE, WALK_PTS (frame),
                                         tracks, NULL));
    }
    print_message ("# %s: %u allocations in %d pictures\n", name, (guint) (n_allocations - before),
                   frames - settled);
    /* Arrays grow when there are more tracks than ever before: now and then, not per picture. */
    assert_true (n_allocations - before <= 10);
}

static void
test_boxes (void **state)
{
    if (!COUNTS)
        skip ();
    g_free (g_malloc (1)); /* GLib's count too */
    assert_true (n_allocations > 0);
    for (const char *const *name = fov_tracker_names (); *name; name++)
        run (*name, NULL, 3000, 300);
}

static void
test_pictures (void **state)
{
    FovImage image;

    if (!COUNTS)
        skip ();
    assert_true (fov_image_alloc (&image, FOV_PIXEL_NV12, 1920, 1080, NULL));
    run ("fovea", &image, 400, 200);
    g_free (image.plane[0]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_boxes),
        cmocka_unit_test (test_pictures),
    };
    return RUN ("memory", tests);
}
