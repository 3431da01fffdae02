/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What any visual tracker refuses, and a tracker that asks for more than it takes. */
#include "../unit/check.h"

#include <math.h>

#include <fovea/tracker.h>

#define WIDTH 320
#define HEIGHT 240
#define N 6

static FovImage
picture (void)
{
    FovImage image;

    assert_true (fov_image_alloc (&image, FOV_PIXEL_GRAY, WIDTH, HEIGHT, NULL));
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            image.plane[0][y * image.stride[0] + x] = (guint8) (x * 7 ^ y * 13);
    return image;
}

static void
test_wrong_boxes (void **state)
{
    static const FovBox boxes[] = {
        { NAN, 0, 10, 10 },
        { 0, 0, INFINITY, 10 },
        { 0, 0, 0.5f, 10 },
        { 9, 9, 2, 2 },
        { -1e38f, -1e38f, 1e38f, 1e38f },
        { 0, 0, 1e7f, 20 },
        { -50, -50, -10, -10 },
        { 400, 0, 420, 20 },
    };
    const FovBox fine = { 20, 20, 60, 90 };
    g_autoptr (GError) error = NULL;
    g_autoptr (FovVisual) visual = fov_visual_new ("dcf", NULL, &error);
    FovImage image = picture ();

    assert_non_null (visual);
    guint target = fov_visual_add (visual, &image, fine, &error);
    assert_true (target > 0);
    for (guint i = 0; i < G_N_ELEMENTS (boxes); i++) {
        assert_int_equal (fov_visual_add (visual, &image, boxes[i], &error), 0);
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, "expected");
        assert_false (fov_visual_learn (visual, &image, target, boxes[i], &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, "expected");
    }
    for (guint i = 0; i < 6; i++) {
        FovVisualQuery query = { .target = target, .expected = boxes[i] };
        FovVisualFound found;
        assert_false (fov_visual_locate (visual, &image, &query, 1, &found, &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, "expected");
    }
    g_free (image.plane[0]);
}

/* Six objects that the detector lost sight of, and a visual tracker that takes two at once. */
static void
test_more_than_it_takes (void **state)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovVisual) visual =
        fov_visual_new ("dcf", &(FovVisualParams){ .max_targets = 2 }, &error);
    FovTrackerParams params = { .visual = visual };
    g_autoptr (FovTracker) tracker = fov_tracker_new ("fovea", &params, &error);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    FovImage image = picture ();
    FovDetection d[N];
    guint held = 0;

    for (int i = 0; i < N; i++) {
        float x = 10 + 50 * (float) i;
        d[i] = (FovDetection){ { x, 60, x + 30, 140 }, 0.9f, 0 };
    }
    for (int frame = 1; frame <= 12; frame++) {
        gboolean ran = frame <= 10;
        assert_fov_ok (fov_tracker_update (tracker, &image, 0, 0, ran ? d : NULL, ran ? N : 0, ran,
                                           frame * G_GINT64_CONSTANT (33333333), tracks, &error),
                       error);
    }
    assert_int_equal (tracks->len, N);
    for (guint i = 0; i < tracks->len; i++)
        held += g_array_index (tracks, FovTrack, i).reason == FOV_TRACK_REASON_VISUAL;
    assert_int_equal (held, 2);
    g_free (image.plane[0]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_wrong_boxes),
        cmocka_unit_test (test_more_than_it_takes),
    };
    return RUN ("track-visual", tests);
}
