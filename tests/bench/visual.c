/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the correlation filter and the follower cost: processor time of one thread per target and
 * picture, for 1, 8 and 64 targets in one call. The pictures are made up (640 x 480, NV12). All
 * times are the fastest of many pictures, so that a busy machine shows little.
 */
#include <fovea/visual.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WIDTH 640
#define HEIGHT 480
#define PICTURES 40
#define MOST 64

static double
thread_seconds (void)
{
    struct timespec t;

    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

/* Blurred noise that moves with k. */
static void
draw (FovImage *image, int k)
{
    for (int p = 0; p < 2; p++)
        for (int y = 0; y < HEIGHT >> p; y++)
            for (int x = 0; x < WIDTH; x++) {
                guint u = (guint) (x + 2 * k) / 7, v = (guint) (y + k) / 5;
                guint h = (u * 374761393u + v * 668265263u) * 1274126177u;
                image->plane[p][y * image->stride[p] + x] = (guint8) (64 + ((h >> 16) & 127));
            }
}

static FovBox
box_of (guint i)
{
    float x = (float) (40 + (i % 8) * 70), y = (float) (30 + (i / 8) * 50);
    return (FovBox){ x, y, x + 30.0f + (float) (i % 3) * 10.0f, y + 60.0f };
}

static void
measure_targets (const FovImage *pictures, guint n)
{
    FovVisual *visual = fov_visual_new ("dcf", NULL, NULL);
    FovVisualQuery queries[MOST];
    FovVisualFound found[MOST];
    double locate = G_MAXDOUBLE, learn = G_MAXDOUBLE;

    for (guint i = 0; i < n; i++) {
        queries[i] = (FovVisualQuery){ .expected = box_of (i) };
        queries[i].target = fov_visual_add (visual, &pictures[0], box_of (i), NULL);
    }
    for (int k = 1; k < PICTURES; k++) {
        const FovImage *image = &pictures[k % 2];
        double start = thread_seconds ();
        if (!fov_visual_locate (visual, image, queries, n, found, NULL))
            g_error ("cannot locate");
        double middle = thread_seconds ();
        for (guint i = 0; i < n; i++)
            fov_visual_learn (visual, image, queries[i].target, queries[i].expected, NULL);
        locate = MIN (locate, middle - start);
        learn = MIN (learn, thread_seconds () - middle);
    }
    printf ("| %2u | %.3f | %.3f | %.0f |\n", n, 1e3 * locate / n, 1e3 * learn / n,
            1.0 / (locate + learn));
    fov_visual_free (visual);
}

static void
measure_follower (const FovImage *pictures)
{
    FovVisual *visual = fov_visual_new ("dcf", NULL, NULL);
    FovFollower *follower = fov_follower_new (visual, 0, NULL);
    FovFollowed followed;
    double best = G_MAXDOUBLE;

    fov_follower_init (follower, &pictures[0], box_of (20), 0, NULL);
    for (int k = 1; k < PICTURES; k++) {
        double start = thread_seconds ();
        if (!fov_follower_update (follower, &pictures[k % 2], k, &followed, NULL))
            g_error ("cannot follow");
        best = MIN (best, thread_seconds () - start);
    }
    printf ("\nfollower: %.3f ms a picture, %.0f pictures a second\n", 1e3 * best, 1.0 / best);
    fov_follower_free (follower);
    fov_visual_free (visual);
}

int
main (void)
{
    FovImage pictures[2];

    for (int k = 0; k < 2; k++) {
        if (!fov_image_alloc (&pictures[k], FOV_PIXEL_NV12, WIDTH, HEIGHT, NULL))
            return 1;
        draw (&pictures[k], k);
    }
    printf ("| targets | locate, ms each | learn, ms each | pictures a second |\n");
    printf ("|---:|---:|---:|---:|\n");
    for (guint n = 1; n <= MOST; n *= 8)
        measure_targets (pictures, n);
    measure_follower (pictures);
    for (int k = 0; k < 2; k++)
        g_free (pictures[k].plane[0]);
    return 0;
}
