/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What trackers make of pictures in which no detector looked: nothing is missed in them, nothing
 * is seen. */
#include "../unit/check.h"
#include "walk.h"

enum { WIDTH = 1920, HEIGHT = 1080 };

/* The only track after a picture; looked: with a box of that width in it, or none where it is 0. */
static FovTrack
see (FovTracker *tracker, const FovImage *image, double width, gboolean looked, int frame)
{
    const float w = (float) width;
    const FovDetection d = { .box = { 900 - w / 2, 300, 900 + w / 2, 300 + w }, .score = 0.9f };
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    GError *error = NULL;

    assert_fov_ok (fov_tracker_update (tracker, image, WIDTH, HEIGHT, &d, w > 0, looked,
                                       WALK_PTS (frame), tracks, &error),
                   error);
    for (guint i = 0; i < tracks->len; i++) {
        const FovBox box = g_array_index (tracks, FovTrack, i).box;
        assert_true (box.x1 <= box.x2 && box.y1 <= box.y2);
    }
    return tracks->len ? g_array_index (tracks, FovTrack, 0) : (FovTrack){ 0 };
}

/* An object that shrank while it was seen does not shrink through nothing once it is not. */
static void
test_sizes (void **state)
{
    for (const char *const *name = fov_tracker_names (); *name; name++)
        for (double growth = -19; growth <= 19; growth += 38) {
            g_autoptr (FovTracker) tracker = walk_tracker (*name);
            double width = 500 - 6 * growth;
            FovTrack track = { 0 };
            int frame = 0;
            for (; frame < 12; frame++)
                track = see (tracker, NULL, width += growth, TRUE, frame);
            for (; frame < 72; frame++)
                track = see (tracker, NULL, 0, FALSE, frame);
            if (!g_str_equal (*name, "fovea"))
                continue;
            assert_true (track.box.x2 - track.box.x1 > 0.45 * width);
            assert_true (track.box.x2 - track.box.x1 < 2.2 * width);
        }
}

/* Particles weigh boxes of the size that the filter holds. */
static void
test_particles (void **state)
{
    g_autofree guint8 *pixels = g_malloc0 (3 * WIDTH * HEIGHT);
    const FovImage image = { .format = FOV_PIXEL_RGB,
                             .width = WIDTH,
                             .height = HEIGHT,
                             .plane = { pixels },
                             .stride = { 3 * WIDTH } };
    g_autoptr (FovTracker) tracker = walk_tracker ("fovea");
    GError *error = NULL;
    double width = 300;

    for (int i = 0; i < 3 * WIDTH * HEIGHT; i++)
        pixels[i] = (guint8) (i / 7 * 31);
    assert_fov_ok (fov_tracker_set (tracker, "particles", 50, &error), error);
    for (int frame = 0; frame < 12; frame++)
        see (tracker, &image, width -= 19, TRUE, frame);
    for (int frame = 40; frame < 44; frame++)
        see (tracker, &image, 0, TRUE, frame);
}

/* A detector that pauses, or looks seldom, costs no identity of what stands still. */
static void
test_pause (void **state)
{
    static const struct {
        int every, from, until; /* frames at which it looks; without those from .. until */
    } cases[] = { { 1, 60, 60 + 5 * WALK_FPS }, { 2 * WALK_FPS, 0, 0 } };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (FovTracker) tracker = walk_tracker ("fovea");
        guint64 id = 0;
        for (int frame = 0; frame < 300; frame++) {
            const gboolean pause = frame >= cases[i].from && frame < cases[i].until;
            const gboolean looks = frame % cases[i].every == 0 && !pause;
            const FovTrack track = see (tracker, NULL, looks ? 200 : 0, looks, frame);
            id = id ? id : track.id;
            assert_int_equal (track.id, id);
        }
    }
}

/* What nobody looked for is not said to be there for ever. */
static void
test_doubt (void **state)
{
    for (const char *const *name = fov_tracker_names (); *name; name++) {
        g_autoptr (FovTracker) tracker = walk_tracker (*name);
        FovTrack track = { 0 };
        guint64 id;
        int frame = 0, missed = 0;
        for (; frame < 30; frame++)
            track = see (tracker, NULL, 200, TRUE, frame);
        id = track.id;
        for (; frame < 30 + WALK_FPS; frame++) {
            assert_int_equal (track.state, FOV_TRACK_CONFIRMED);
            track = see (tracker, NULL, 0, FALSE, frame);
        }
        for (; frame < 30 + 3 * WALK_FPS; frame++) {
            track = see (tracker, NULL, 0, FALSE, frame);
            missed += track.reason == FOV_TRACK_REASON_MISSED;
        }
        assert_int_equal (track.state, FOV_TRACK_LOST);
        assert_int_equal (missed, 1);
        track = see (tracker, NULL, 200, TRUE, frame);
        assert_int_equal (track.state, FOV_TRACK_RECOVERED);
        assert_int_equal (track.reason, FOV_TRACK_REASON_MOTION);
        track = see (tracker, NULL, 0, FALSE, frame + 1);
        assert_int_equal (track.state, FOV_TRACK_CONFIRMED);
        track = see (tracker, NULL, 200, TRUE, frame + 2);
        assert_int_equal (track.state, FOV_TRACK_CONFIRMED);
        assert_int_equal (track.id, id);
    }
}

/* The track of a class after a picture in which one detector looks for class 0, and another one for
 * class 1 if slow; each finds its object where told. */
static FovTrack
see_two (FovTracker *tracker, FovBox second, gboolean slow, const gboolean found[2], int label,
         int frame)
{
    const float x = (float) frame;
    const FovClassDetector looks[] = { { 7, TRUE }, { 3, slow } };
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    FovDetection d[2];
    FovTrack track = { 0 };
    GError *error = NULL;
    guint n = 0;

    if (found[0])
        d[n++] = (FovDetection){ { 300 + x, 300, 400 + x, 540 }, 0.9f, 0 };
    if (found[1] && slow)
        d[n++] = (FovDetection){
            { 300 + x + second.x1, 300 + second.y1, 300 + x + second.x2, 300 + second.y2 }, 0.8f, 1
        };
    fov_tracker_set_detectors (tracker, looks, 2);
    assert_fov_ok (fov_tracker_update (tracker, NULL, WIDTH, HEIGHT, d, n, TRUE, WALK_PTS (frame),
                                       tracks, &error),
                   error);
    assert_true (tracks->len <= 2);
    for (guint i = 0; i < tracks->len; i++)
        if (g_array_index (tracks, FovTrack, i).label == label)
            track = g_array_index (tracks, FovTrack, i);
    return track;
}

/* What only a slow detector finds is missed by that one alone, and no other one feeds it; be it
 * part of what that finds, or in the same place. */
static void
test_two_detectors (void **state)
{
    static const FovBox second[] = { { 30, 10, 70, 60 }, { 0, 0, 100, 240 } };
    static const gboolean both[] = { TRUE, TRUE },
                          only[2][2] = { { TRUE, FALSE }, { FALSE, TRUE } };

    for (const char *const *name = fov_tracker_names (); *name; name++)
        for (guint i = 0; i < 4; i++) {
            g_autoptr (FovTracker) tracker = walk_tracker (*name);
            const int gone = (int) i / 2;
            FovTrack track[2] = { 0 };
            for (int frame = 0; frame < 200; frame++) {
                const gboolean slow = frame % 5 == 0;
                track[1 - gone] = see_two (tracker, second[i % 2], slow,
                                           frame < 100 ? both : only[1 - gone], 1 - gone, frame);
                if (frame > 20 && (track[1 - gone].state != FOV_TRACK_CONFIRMED ||
                                   track[1 - gone].visibility < 1 || track[1 - gone].id > 2))
                    fail_msg ("%s, case %u, frame %d: class %d is %s", *name, i, frame, 1 - gone,
                              fov_track_state_name (track[1 - gone].state));
            }
            track[gone] = see_two (tracker, second[i % 2], FALSE, only[1 - gone], gone, 200);
            assert_true (track[gone].id == 0 || track[gone].state == FOV_TRACK_LOST);
        }
}

/* Walkers whose classes tremble: whatever the detectors do, no track changes from one to another.
 */
static void
test_one_detector_each (void **state)
{
    /* Classes 0 and 1 are one detector's, 2 another's; 3 and what has no class a third one's. */
    static const guint detector[] = { 1, 1, 0, 2 };

    for (const char *const *name = fov_tracker_names (); *name; name++) {
        g_autoptr (FovTracker) tracker = walk_tracker (*name);
        g_autoptr (GRand) rand = g_rand_new_with_seed (5);
        g_autoptr (GHashTable) owner = g_hash_table_new (NULL, NULL);
        g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
        GError *error = NULL;
        Walker walkers[30];
        walk_start (walkers, 30, rand);
        fov_tracker_set (tracker, "class-aware", 0, NULL); /* those that have it */
        for (int frame = 0; frame < 300; frame++) {
            FovClassDetector looks[3];
            FovDetection d[30];
            guint n = walk_detect (walkers, 30, rand, d);
            for (guint i = 0; i < 3; i++)
                looks[i] = (FovClassDetector){ detector[i], g_rand_boolean (rand) };
            for (guint i = 0; i < n; i++)
                d[i].label = g_rand_int_range (rand, -1, 4);
            fov_tracker_set_detectors (tracker, looks, 3);
            assert_fov_ok (fov_tracker_update (tracker, NULL, WIDTH, HEIGHT, d, n, TRUE,
                                               WALK_PTS (frame), tracks, &error),
                           error);
            for (guint i = 0; i < tracks->len; i++) {
                const FovTrack *t = &g_array_index (tracks, FovTrack, i);
                gpointer id = GSIZE_TO_POINTER ((gsize) t->id);
                guint of = 1 + detector[t->label < 0 ? 3 : t->label];
                guint before = GPOINTER_TO_UINT (g_hash_table_lookup (owner, id));
                if (before && before != of)
                    fail_msg ("%s, frame %d: track %u changes its detector", *name, frame,
                              (guint) t->id);
                g_hash_table_insert (owner, id, GUINT_TO_POINTER (of));
            }
        }
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_sizes),         cmocka_unit_test (test_particles),
        cmocka_unit_test (test_pause),         cmocka_unit_test (test_doubt),
        cmocka_unit_test (test_two_detectors), cmocka_unit_test (test_one_detector_each),
    };
    return RUN ("unlooked", tests);
}
