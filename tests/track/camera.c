/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "../unit/check.h"
#include "trackers/camera.h"

#define WIDTH 960
#define HEIGHT 540

static const struct {
    const char *name;
    double angle, scale, dx, dy; /* about the picture's middle: radians, factor, pixels */
    gboolean moves;
} motions[] = {
    { "at rest", 0, 1, 0, 0, FALSE },
    { "pan", 0, 1, 7.3, 0, TRUE },
    { "pan far", 0, 1, -38, 6.5, TRUE },
    { "tilt", 0, 1, 0.4, -5.25, TRUE },
    { "turn", 0.02, 1, 0, 0, TRUE },
    { "zoom", 0, 1.02, 0, 0, TRUE },
    { "all of it", -0.015, 0.985, 9, -4, TRUE },
};

/* A texture of blobs of many sizes. */
static double
texture (double x, double y)
{
    double v = 0;

    for (int k = 0; k < 12; k++) {
        double a = k * 0.83, f = 0.015 * pow (1.35, k);
        v += sin (f * (cos (a) * x + sin (a) * y) + k) * sin (f * (cos (a + 1) * x - y) - k);
    }
    return 128 + 28 * v;
}

static void
map_of (gsize i, double m[6])
{
    double c = motions[i].scale * cos (motions[i].angle);
    double s = motions[i].scale * sin (motions[i].angle), x = WIDTH / 2.0, y = HEIGHT / 2.0;
    const double map[6] = { c, -s, x - c * x + s * y + motions[i].dx,
                            s, c,  y - s * x - c * y + motions[i].dy };

    memcpy (m, map, sizeof map);
}

/* What the camera sees after m; things in the boxes move by themselves. */
static void
paint (FovImage *image, const double m[6], const FovDetection *objects, guint n, double own)
{
    double det = m[0] * m[4] - m[1] * m[3];

    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            double u = x - m[2], v = y - m[5];
            double px = (m[4] * u - m[1] * v) / det, py = (m[0] * v - m[3] * u) / det;
            for (guint i = 0; i < n; i++) {
                FovBox b = objects[i].box;
                if ((float) x >= b.x1 && (float) x < b.x2 && (float) y >= b.y1 && (float) y < b.y2)
                    px = x + own, py = y + 300;
            }
            image->plane[0][y * image->stride[0] + x] =
                (guint8) CLAMP (lrint (texture (px, py)), 0, 255);
        }
}

static gboolean
next (FovCamera *camera, const FovImage *image, const FovDetection *objects, guint n, double m[6])
{
    FovView *view = fov_view_new ();

    fov_view_show (view, image);
    gboolean moved = fov_camera_next (camera, fov_view_reduced (view), objects, n, m);
    fov_view_free (view);
    return moved;
}

/* The furthest that the two maps send a corner of the picture apart. */
static double
apart (const double a[6], const double b[6])
{
    double most = 0;

    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? WIDTH : 0, y = i & 2 ? HEIGHT : 0;
        double dx = (a[0] - b[0]) * x + (a[1] - b[1]) * y + a[2] - b[2];
        double dy = (a[3] - b[3]) * x + (a[4] - b[4]) * y + a[5] - b[5];
        most = fmax (most, hypot (dx, dy));
    }
    return most;
}

static void
test_pictures (void **state)
{
    const FovDetection objects[2] = { { { 100, 100, 400, 440 }, 0.9f, 0 },
                                      { { 500, 50, 800, 300 }, 0.9f, 0 } };
    const double still[6] = { 1, 0, 0, 0, 1, 0 };
    FovImage before, after;

    assert_true (fov_image_alloc (&before, FOV_PIXEL_GRAY, WIDTH, HEIGHT, NULL));
    assert_true (fov_image_alloc (&after, FOV_PIXEL_GRAY, WIDTH, HEIGHT, NULL));
    paint (&before, still, objects, 2, 0);
    for (gsize i = 0; i < G_N_ELEMENTS (motions); i++) {
        FovCamera *camera = fov_camera_new ();
        double m[6], found[6], again[6];
        map_of (i, m);
        assert_false (next (camera, &before, objects, 2, found));
        paint (&after, m, objects, 2, 11);
        gboolean moved = next (camera, &after, objects, 2, found);
        print_message ("# %s: %.2f pixels off\n", motions[i].name, moved ? apart (m, found) : 0.0);
        assert_int_equal (moved, motions[i].moves);
        assert_true (!moved || apart (m, found) < 0.6);
        /* The same two pictures again, after a reset: bit for bit the same. */
        fov_camera_reset (camera);
        assert_false (next (camera, &before, objects, 2, again));
        assert_int_equal (next (camera, &after, objects, 2, again), moved);
        assert_true (!moved || memcmp (found, again, sizeof found) == 0);
        fov_camera_free (camera);
    }
    g_free (before.plane[0]);
    g_free (after.plane[0]);
}

/* A cut, or nothing to hold on to, is no motion; nor is a picture of another size. */
static void
test_no_motion (void **state)
{
    const double still[6] = { 1, 0, 0, 0, 1, 0 }, away[6] = { -1, 0, 5000, 0, 1, 3000 };
    FovCamera *camera = fov_camera_new ();
    FovImage image, small = { .format = FOV_PIXEL_GRAY, .width = 1, .height = 1, .stride = { 1 } };
    guint8 pixel = 0;
    double m[6];

    small.plane[0] = &pixel;
    assert_true (fov_image_alloc (&image, FOV_PIXEL_GRAY, WIDTH, HEIGHT, NULL));
    paint (&image, still, NULL, 0, 0);
    assert_false (next (camera, &image, NULL, 0, m));
    paint (&image, away, NULL, 0, 0);
    assert_false (next (camera, &image, NULL, 0, m));
    memset (image.plane[0], 90, (gsize) image.stride[0] * HEIGHT);
    assert_false (next (camera, &image, NULL, 0, m));
    assert_false (next (camera, &image, NULL, 0, m));
    assert_false (next (camera, &small, NULL, 0, m));
    assert_false (next (camera, &small, NULL, 0, m));
    fov_camera_free (camera);
    g_free (image.plane[0]);
}

/* Pictures of one row or column have no corners, and are survived. */
static void
test_thin (void **state)
{
    static guint8 row[4000];
    FovCamera *camera = fov_camera_new ();
    FovImage image = { .format = FOV_PIXEL_GRAY, .width = 4000, .height = 1, .stride = { 4000 } };
    double m[6];

    for (int turn = 0; turn < 2; turn++) {
        image.plane[0] = row;
        assert_false (next (camera, &image, NULL, 0, m));
        assert_false (next (camera, &image, NULL, 0, m));
        image.width = 1;
        image.height = 4000;
        image.stride[0] = 1;
    }
    fov_camera_free (camera);
}

/* The fit alone: flows on quarters of pixels, four in ten wrong. */
static void
test_fit (void **state)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (6);
    FovFlow flows[60 * 33];
    guint n = 0;

    for (gsize i = 1; i < G_N_ELEMENTS (motions); i++) {
        double m[6], found[6];
        map_of (i, m);
        n = 0;
        for (int y = 8; y < HEIGHT - 8; y += 16)
            for (int x = 8; x < WIDTH - 8; x += 16) {
                double u = m[0] * x + m[1] * y + m[2], v = m[3] * x + m[4] * y + m[5];
                if (g_rand_int_range (rand, 0, 10) < 4) {
                    u += g_rand_double_range (rand, -20, 20);
                    v += g_rand_double_range (rand, -20, 20);
                }
                flows[n++] = (FovFlow){ (float) x, (float) y, rintf ((float) (u * 4)) / 4,
                                        rintf ((float) (v * 4)) / 4, 1 };
            }
        assert_true (fov_similarity_fit (flows, n, 1.5, found));
        print_message ("# %s: %.2f pixels off\n", motions[i].name, apart (m, found));
        assert_true (apart (m, found) < 0.6);
    }
    assert_false (fov_similarity_fit (flows, 5, 1.5, (double[6]){ 0 }));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_pictures),
        cmocka_unit_test (test_no_motion),
        cmocka_unit_test (test_thin),
        cmocka_unit_test (test_fit),
    };
    return RUN ("camera", tests);
}
