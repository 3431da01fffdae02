/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a camera stands above the ground: its file, and what following makes of it. */
#include <math.h>
#include <string.h>

#include "../unit/folder.h"
#include "trackers/ground.h"

#define ROTATION "RotationMatrices\n1 0 0\n0 0 -1\n0 1 0\n\n"
#define TRANSLATION "TranslationVectors\n0 2000 0\n\n"
#define INTRINSIC "IntrinsicMatrix\n1000 0 960\n0 1000 540\n0 0 1\n"

/* 2 m above the ground, looking along y to the horizon, which is at 540. */
static FovGroundCamera
low_camera (void)
{
    g_autofree char *path = file_with ("camera.txt", ROTATION TRANSLATION INTRINSIC);
    GError *error = NULL;
    FovGroundCamera camera;

    assert_fov_ok (fov_ground_camera_load (path, &camera, &error), error);
    return camera;
}

/* Someone 1.8 m high who stands there. */
static FovBox
person_at (double x, double y)
{
    double u = 960 + 1000 * x / y, foot = 540 + 2000 / y, head = 540 + 200 / y, half = 250 / y;

    return (FovBox){ (float) (u - half), (float) head, (float) (u + half), (float) foot };
}

/* ---- the file ---- */

static void
test_file (void **state)
{
    static const char *const texts[] = {
        ROTATION TRANSLATION INTRINSIC,
        "\xef\xbb\xbf" INTRINSIC "\r\n" TRANSLATION ROTATION,
        "RotationMatrices\n1,0,0\n0,0,-1\n0,1,0\n" INTRINSIC "TranslationVectors\n0\t2e3\t0",
    };
    const double ground[] = { 1, 10, 0, 1 };

    for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_autofree char *path = file_with ("camera.txt", texts[i]);
        GError *error = NULL;
        FovGroundCamera camera;
        double pixel[3] = { 0 };
        assert_fov_ok (fov_ground_camera_load (path, &camera, &error), error);
        for (int r = 0; r < 3; r++)
            for (int c = 0; c < 4; c++)
                pixel[r] += camera.projection[4 * r + c] * ground[c];
        assert_true (fabs (pixel[0] / pixel[2] - (960 + 100)) < 1e-9);
        assert_true (fabs (pixel[1] / pixel[2] - (540 + 200)) < 1e-9);
    }
}

static void
test_refused_files (void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "", "camera.txt: no RotationMatrices" },
        { "0 1 0 0 0 1\n", ":1: expected RotationMatrices, TranslationVectors or" },
        { TRANSLATION INTRINSIC, "no RotationMatrices" },
        { ROTATION TRANSLATION, "no IntrinsicMatrix" },
        { "RotationMatrices\n1 0 0\n0 1 0\n",
          "ends inside RotationMatrices, expected 3 rows of numbers" },
        { ROTATION TRANSLATION "IntrinsicMatrix\n1 2\n3 4 5\n6 7 8\n", "2 columns" },
        { ROTATION INTRINSIC TRANSLATION TRANSLATION, ":13: TranslationVectors is there twice" },
        { ROTATION INTRINSIC "TranslationVectors\n0 nan 0\n", "column 2 is 'nan'" },
        { ROTATION INTRINSIC "TranslationVectors\n0 inf 0\n", "column 2 is 'inf'" },
        { ROTATION INTRINSIC "TranslationVectors\n0 1e300 0\n", "column 2 is '1e300'" },
        { ROTATION INTRINSIC "TranslationVectors\n0 0 5000\n", "does not see the ground" },
        { ROTATION TRANSLATION "IntrinsicMatrix\n0 0 0\n0 0 0\n0 0 0\n",
          "does not see the ground" },
        { "RotationMatrices\n1 0 0\n0 0 -1\n0 0 0\n" TRANSLATION INTRINSIC,
          "does not see the ground" },
    };
    FovGroundCamera camera = { { 7 } };
    GError *error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *path = file_with ("camera.txt", rows[i].text);
        assert_false (fov_ground_camera_load (path, &camera, &error));
        assert_fov_error (&error, FOV_ERROR_FORMAT, rows[i].message);
    }
    assert_false (fov_ground_camera_load ("/nowhere", &camera, &error));
    assert_fov_error (&error, FOV_ERROR_IO, "/nowhere");
    assert_true (camera.projection[0] == 7);
}

/* ---- the plane ---- */

static void
test_places (void **state)
{
    FovGroundCamera camera = low_camera ();
    FovGroundState where;
    FovGround ground;

    fov_ground_init (&ground, &camera);
    fov_ground_start (&ground, &where, person_at (-3, 20));
    assert_true (where.known && fabs (where.x[0] + 3) < 1e-3 && fabs (where.x[1] - 20) < 1e-3);
    /* A metre aside is surely another place, a metre ahead may be the same: depth is what a camera
     * knows least. */
    fov_ground_start (&ground, &where, person_at (0, 20));
    assert_true (fov_ground_distance (&ground, &where, person_at (0, 20)) < 1e-6);
    assert_true (fov_ground_distance (&ground, &where, person_at (1, 20)) > 9);
    assert_true (fov_ground_distance (&ground, &where, person_at (0, 21)) < 4);
    /* What stands at or above the horizon is nowhere. */
    fov_ground_start (&ground, &where, (FovBox){ 900, 300, 940, 500 });
    assert_false (where.known);
    fov_ground_start (&ground, &where, (FovBox){ 900, 300, 940, 540 });
    assert_false (where.known);
}

/* ---- following ---- */

typedef struct {
    FovTracker *tracker;
    GArray *tracks;
    int frame;
} Stream;

static guint64
see (Stream *s, FovBox box)
{
    const FovDetection d = { box, 0.9f, 0 };
    guint64 id = 0;

    assert_true (fov_tracker_update (s->tracker, NULL, 1920, 1080, &d, 1, TRUE,
                                     40000000LL * s->frame++, s->tracks, NULL));
    for (guint i = 0; i < s->tracks->len; i++)
        if (g_array_index (s->tracks, FovTrack, i).detection == 0)
            id = g_array_index (s->tracks, FovTrack, i).id;
    return id;
}

typedef enum { NONE, BEFORE, LIVE, TAKEN_AWAY } Given;

/* Someone walks aside at 60 m. In the next picture a box overlaps theirs by half, but stands 22 m
 * nearer: on the ground it is another one. */
static void
test_another_place (void **state)
{
    static const struct {
        Given given;
        gboolean same;
    } rows[] = { { NONE, TRUE }, { BEFORE, FALSE }, { LIVE, FALSE }, { TAKEN_AWAY, TRUE } };
    FovGroundCamera camera = low_camera ();

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        Given given = rows[i].given;
        FovTrackerParams params = { .frame_rate = 25, .ground = given == BEFORE ? &camera : NULL };
        Stream s = { .tracker = fov_tracker_new (NULL, &params, NULL),
                     .tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack)) };
        assert_true (fov_tracker_set (s.tracker, "ground", 1, NULL));
        guint64 id = see (&s, person_at (0, 60));
        for (int k = 1; k < 20; k++) {
            FovBox box = person_at (0.05 * k, 60);
            if (k == 10 && given >= LIVE)
                assert_true (fov_tracker_set_ground (s.tracker, &camera, NULL));
            if (k == 15 && given == TAKEN_AWAY)
                assert_true (fov_tracker_set_ground (s.tracker, NULL, NULL));
            assert_true (see (&s, box) == id);
        }
        FovBox last = person_at (1, 60);
        last.y2 += 20;
        assert_int_equal (see (&s, last) == id, rows[i].same);
        fov_tracker_free (s.tracker);
        g_array_unref (s.tracks);
    }
}

static void
test_refused_cameras (void **state)
{
    FovGroundCamera flat = { { 0 } }, odd = low_camera ();
    GError *error = NULL;

    odd.projection[5] = NAN;
    assert_null (fov_tracker_new (NULL, &(FovTrackerParams){ .ground = &flat }, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "ground camera");
    g_autoptr (FovTracker) tracker = fov_tracker_new (NULL, NULL, NULL);
    assert_true (fov_tracker_set_ground (tracker, NULL, &error));
    odd.projection[0] = NAN;
    assert_false (fov_tracker_set_ground (tracker, &odd, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "ground camera");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_file),
        cmocka_unit_test (test_refused_files),
        cmocka_unit_test (test_places),
        cmocka_unit_test (test_another_place),
        cmocka_unit_test (test_refused_cameras),
    };
    return RUN_IN_FOLDER ("track-ground", tests);
}
