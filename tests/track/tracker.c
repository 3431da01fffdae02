/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "../unit/check.h"
#include "walk.h"

#define N_WALKERS 30
#define N_FRAMES 120

#define EACH_TRACKER(name)                                                                         \
    for (const char *const *name = fov_tracker_names ();                                           \
         *name && (print_message ("# %s\n", *name), 1); name++)

static void
update (FovTracker *tracker, const FovDetection *d, guint n, int frame, GArray *tracks)
{
    GError *error = NULL;

    assert_fov_ok (fov_tracker_update (tracker, NULL, 1920, 1080, d, n, TRUE, WALK_PTS (frame),
                                       tracks, &error),
                   error);
}

static GArray *
new_tracks (void)
{
    return g_array_new (FALSE, FALSE, sizeof (FovTrack));
}

static const FovTrack *
at (const GArray *tracks, guint i)
{
    return &g_array_index (tracks, FovTrack, i);
}

/* ---- names, properties, errors ---- */

static void
test_registry (void **state)
{
    GError *error = NULL;

    EACH_TRACKER (name)
    {
        g_autoptr (GArray) list = fov_tracker_properties (*name, NULL, &error);
        assert_fov_ok (list != NULL, error);
        assert_non_null (fov_tracker_describe (*name));
        g_autoptr (FovTracker) tracker = walk_tracker (*name);
        for (guint i = 0; i < list->len; i++) {
            const FovTrackerProperty *p = &g_array_index (list, FovTrackerProperty, i);
            double value = NAN;
            assert_true (p->minimum <= p->value && p->value <= p->maximum);
            assert_true (fov_tracker_get (tracker, p->name, &value, &error));
            assert_true (value == p->value);
            assert_true (fov_tracker_set (tracker, p->name, p->maximum, &error));
            assert_true (fov_tracker_get (tracker, p->name, &value, &error));
            assert_true (value == p->maximum);
            assert_false (fov_tracker_set (tracker, p->name, p->maximum + 1, &error));
            assert_fov_error (&error, FOV_ERROR_ARGUMENT, p->name);
            assert_false (fov_tracker_set (tracker, p->name, NAN, &error));
            g_clear_error (&error);
        }
        for (const char *const *p = fov_tracker_presets (); *p; p++) {
            g_autoptr (GArray) preset = fov_tracker_properties (*name, *p, &error);
            assert_fov_ok (preset != NULL, error);
            assert_int_equal (preset->len, list->len);
        }
    }
}

/* Each preset changes a number of the default tracker. */
static void
test_presets (void **state)
{
    g_autoptr (GArray) general = fov_tracker_properties (NULL, NULL, NULL);

    for (const char *const *p = fov_tracker_presets (); *p; p++) {
        g_autoptr (GArray) preset = fov_tracker_properties (NULL, *p, NULL);
        guint changed = 0;
        for (guint i = 0; i < general->len; i++)
            changed += g_array_index (preset, FovTrackerProperty, i).value !=
                       g_array_index (general, FovTrackerProperty, i).value;
        assert_true (changed > 0);
    }
}

/* Someone who walks over the picture's edge has left; who vanishes in its middle timed out. */
static void
test_left (void **state)
{
    for (int leaves = 0; leaves < 2; leaves++) {
        g_autoptr (FovTracker) tracker = fov_tracker_new (NULL, NULL, NULL);
        g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
        FovTrackReason reason = FOV_TRACK_REASON_NONE;
        for (int frame = 0; frame < 200; frame++) {
            float x = (leaves ? 560.0f : 300.0f) + 2 * (float) frame;
            const FovDetection d = { { x, 100, x + 40, 200 }, 0.9f, 0 };
            assert_true (fov_tracker_update (tracker, NULL, 640, 360, &d, frame < 36, TRUE,
                                             (gint64) frame * 33333333, tracks, NULL));
            for (guint i = 0; i < tracks->len; i++)
                if (g_array_index (tracks, FovTrack, i).state == FOV_TRACK_REMOVED)
                    reason = g_array_index (tracks, FovTrack, i).reason;
        }
        assert_int_equal (reason, leaves ? FOV_TRACK_REASON_LEFT : FOV_TRACK_REASON_TIMEOUT);
    }
}

static void
test_wrong_arguments (void **state)
{
    GError *error = NULL;
    FovTrackerParams params = { .preset = "moon" };

    assert_null (fov_tracker_new ("nosort", NULL, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "bytetrack");
    assert_null (fov_tracker_new ("sort", &params, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "static-camera");
    assert_null (fov_tracker_properties ("sort", "moon", &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "moon");
    params = (FovTrackerParams){ .frame_rate = -1 };
    assert_null (fov_tracker_new ("sort", &params, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "frame_rate");
    assert_null (fov_tracker_describe ("nosort"));
    fov_tracker_free (NULL);

    g_autoptr (FovTracker) tracker = walk_tracker (NULL);
    assert_false (fov_tracker_set (tracker, "colour", 1, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "colour");
    const double flat[6] = { 1, 1, 0, 1, 1, 0 }, odd[6] = { 1, 0, NAN, 0, 1, 0 };
    assert_false (fov_tracker_set_camera_motion (tracker, flat, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "camera");
    assert_false (fov_tracker_set_camera_motion (tracker, odd, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "camera");
}

/* An update that fails leaves the tracker as it was. */
static void
test_update_errors (void **state)
{
    GError *error = NULL;
    g_autoptr (GArray) tracks = new_tracks ();
    const FovDetection d = { { 10, 10, 50, 90 }, 0.9f, 0 };
    FovImage broken = { .format = FOV_PIXEL_RGB, .width = 10, .height = 10 };

    EACH_TRACKER (name)
    {
        g_autoptr (FovTracker) tracker = walk_tracker (*name);
        update (tracker, &d, 1, 5, tracks);
        assert_int_equal (tracks->len, 1);
        assert_false (
            fov_tracker_update (tracker, NULL, 0, 0, &d, 1, TRUE, WALK_PTS (5), tracks, &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, "later");
        assert_false (
            fov_tracker_update (tracker, &broken, 0, 0, &d, 1, TRUE, WALK_PTS (6), tracks, &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, "tracker");
        assert_false (fov_tracker_update (tracker, NULL, 0, 0, &d, 100001, TRUE, WALK_PTS (6),
                                          tracks, &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, "100001");
        assert_false (
            fov_tracker_update (tracker, NULL, -1, 0, &d, 1, TRUE, WALK_PTS (6), tracks, &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, "size");
        assert_false (
            fov_tracker_update (tracker, NULL, 0, 0, &d, 1, TRUE, G_MAXINT64, tracks, &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, "2^62");
        assert_int_equal (tracks->len, 1);
        update (tracker, &d, 1, 6, tracks);
        assert_int_equal (at (tracks, 0)->id, 1);
        assert_int_equal (at (tracks, 0)->age, 2);
        fov_tracker_reset (tracker, FALSE);
        update (tracker, &d, 1, 1, tracks);
        assert_int_equal (at (tracks, 0)->id, 2);
        fov_tracker_reset (tracker, TRUE);
        update (tracker, &d, 1, 1, tracks);
        assert_int_equal (at (tracks, 0)->id, 1);
    }
}

static void
test_odd_boxes (void **state)
{
    const FovDetection odd[] = {
        { { NAN, 0, 10, 10 }, 0.9f, 0 },
        { { 0, 0, INFINITY, 10 }, 0.9f, 0 },
        { { 5, 5, 5, 9 }, 0.9f, 0 },
        { { 9, 9, 2, 2 }, 0.9f, 0 },
        { { 0, 0, 10, 10 }, NAN, 0 },
        { { -100, 0, -60, 40 }, 0.9f, 0 },
        { { 3000, 0, 3010, 40 }, 0.9f, 0 },
        { { 0, -900, 40, -700 }, 0.9f, 0 },
        { { -3e38f, -3e38f, 3e38f, 3e38f }, 1, 0 },
    };
    const FovDetection fine = { { -30, 10, 30, 200 }, 0.9f, 0 };
    g_autoptr (GArray) tracks = new_tracks ();

    EACH_TRACKER (name)
    {
        g_autoptr (FovTracker) tracker = walk_tracker (*name);
        update (tracker, odd, G_N_ELEMENTS (odd), 1, tracks);
        assert_int_equal (tracks->len, 0);
        assert_int_equal (fov_tracker_ignored (tracker), G_N_ELEMENTS (odd));
        update (tracker, &fine, 1, 2, tracks);
        assert_int_equal (tracks->len, 1);
    }
}

/* The most detections that are taken, all different; then none, for long. */
static void
test_hundred_thousand (void **state)
{
    enum { N = 100000 };
    g_autofree FovDetection *d = g_new0 (FovDetection, N);
    g_autoptr (GArray) tracks = new_tracks ();

    for (int i = 0; i < N; i++) {
        float x = (float) (i % 400) * 4, y = (float) (i / 400) * 4;
        d[i] = (FovDetection){ { x, y, x + 6, y + 6 }, 0.8f + 1e-6f * (float) i, 0 };
    }
    EACH_TRACKER (name)
    {
        g_autoptr (FovTracker) tracker = walk_tracker (*name);
        for (int frame = 1; frame <= 3; frame++)
            update (tracker, d, N, frame, tracks);
        assert_in_range (tracks->len, 1, 5000);
        assert_true (fov_tracker_ignored (tracker) > 0);
        for (int look = 0; look < 3; look++) /* missed twice they end, then they are gone */
            update (tracker, NULL, 0, 100000 + look, tracks);
        assert_int_equal (tracks->len, 0);
    }
}

/* As many in one place: every pair costs the same. */
static void
test_all_alike (void **state)
{
    enum { N = 100000 };
    g_autofree FovDetection *d = g_new0 (FovDetection, N);
    g_autoptr (GArray) tracks = new_tracks ();

    for (int i = 0; i < N; i++)
        d[i] = (FovDetection){ { 100, 100, 140, 180 }, 0.9f, 0 };
    EACH_TRACKER (name)
    {
        g_autoptr (FovTracker) tracker = walk_tracker (*name);
        for (int frame = 1; frame <= 3; frame++)
            update (tracker, d, N, frame, tracks);
        assert_in_range (tracks->len, 1, 5000);
    }
}

/* ---- properties that hold for any input ---- */

/* What one update said, with the detection's index out of it. */
static void
assert_same (const GArray *a, const GArray *b)
{
    assert_int_equal (a->len, b->len);
    for (guint i = 0; i < a->len; i++) {
        FovTrack x = *at (a, i), y = *at (b, i);
        assert_int_equal (x.detection < 0, y.detection < 0);
        x.detection = y.detection = 0;
        assert_int_equal (x.id, y.id);
        assert_memory_equal (&x.box, &y.box, sizeof x.box);
        assert_int_equal (x.state, y.state);
        assert_int_equal (x.reason, y.reason);
        assert_memory_equal (&x.visibility, &y.visibility, sizeof x.visibility);
        assert_memory_equal (&x.velocity_x, &y.velocity_x, sizeof x.velocity_x);
    }
}

static void
shuffle (FovDetection *d, guint n, GRand *rand)
{
    for (guint i = n; i > 1; i--) {
        guint k = (guint) g_rand_int_range (rand, 0, (gint32) i);
        FovDetection keep = d[i - 1];
        d[i - 1] = d[k];
        d[k] = keep;
    }
}

/* Twice the same, the second time in another order: bit for bit the same tracks. */
static void
test_order_and_determinism (void **state)
{
    EACH_TRACKER (name)
    {
        g_autoptr (FovTracker) a = walk_tracker (*name);
        g_autoptr (FovTracker) b = walk_tracker (*name);
        g_autoptr (GArray) tracks_a = new_tracks ();
        g_autoptr (GArray) tracks_b = new_tracks ();
        g_autoptr (GRand) rand = g_rand_new_with_seed (1);
        Walker walkers[N_WALKERS];
        FovDetection d[N_WALKERS], turned[N_WALKERS];
        walk_start (walkers, N_WALKERS, rand);
        for (int frame = 1; frame <= N_FRAMES; frame++) {
            guint n = walk_detect (walkers, N_WALKERS, rand, d);
            for (guint i = 0; i < n && frame % 2; i++)
                d[i].score = 0.9f; /* which of them comes first, scores do not say */
            memcpy (turned, d, sizeof d);
            shuffle (turned, n, rand);
            update (a, d, n, frame, tracks_a);
            update (b, turned, n, frame, tracks_b);
            assert_same (tracks_a, tracks_b);
            for (guint i = 0; i < tracks_b->len; i++) {
                int x = at (tracks_a, i)->detection, y = at (tracks_b, i)->detection;
                assert_true (x < 0 || memcmp (&d[x], &turned[y], sizeof *d) == 0);
            }
        }
        assert_true (tracks_a->len >= N_WALKERS / 2);
    }
}

/* A picture four times as large has boxes four times as large, and the same ids. SORT's and
 * OC-SORT's noise is in pixels, as published: they are left out. */
static void
test_scale (void **state)
{
    EACH_TRACKER (name)
    {
        if (strstr (*name, "sort") && !g_str_equal (*name, "botsort"))
            continue;
        g_autoptr (FovTracker) a = walk_tracker (*name);
        g_autoptr (FovTracker) b = walk_tracker (*name);
        g_autoptr (GArray) tracks_a = new_tracks ();
        g_autoptr (GArray) tracks_b = new_tracks ();
        g_autoptr (GRand) rand = g_rand_new_with_seed (2);
        GError *error = NULL;
        Walker walkers[N_WALKERS];
        FovDetection d[N_WALKERS];
        walk_start (walkers, N_WALKERS, rand);
        for (int frame = 1; frame <= N_FRAMES; frame++) {
            guint n = walk_detect (walkers, N_WALKERS, rand, d);
            update (a, d, n, frame, tracks_a);
            for (guint i = 0; i < n; i++)
                d[i].box =
                    (FovBox){ d[i].box.x1 * 4, d[i].box.y1 * 4, d[i].box.x2 * 4, d[i].box.y2 * 4 };
            assert_fov_ok (fov_tracker_update (b, NULL, 7680, 4320, d, n, TRUE, WALK_PTS (frame),
                                               tracks_b, &error),
                           error);
            assert_int_equal (tracks_a->len, tracks_b->len);
            for (guint i = 0; i < tracks_a->len; i++) {
                const FovTrack *x = at (tracks_a, i), *y = at (tracks_b, i);
                assert_int_equal (x->id, y->id);
                assert_int_equal (x->state, y->state);
                assert_float_equal (x->box.x1 * 4, y->box.x1, 0.01);
                assert_float_equal (x->box.y2 * 4, y->box.y2, 0.01);
            }
        }
    }
}

/* Ids rise, are never used again, and every track that ends says so once. */
static void
test_life (void **state)
{
    EACH_TRACKER (name)
    {
        g_autoptr (FovTracker) tracker = walk_tracker (*name);
        g_autoptr (GArray) tracks = new_tracks ();
        g_autoptr (GRand) rand = g_rand_new_with_seed (3);
        g_autoptr (GHashTable) ended = g_hash_table_new (g_direct_hash, g_direct_equal);
        Walker walkers[N_WALKERS];
        FovDetection d[N_WALKERS];
        walk_start (walkers, N_WALKERS, rand);
        for (int frame = 1; frame <= 400; frame++) {
            guint n = walk_detect (walkers, N_WALKERS, rand, d);
            if (frame % 100 == 0)
                walk_start (walkers, N_WALKERS, rand); /* a cut */
            update (tracker, d, n, frame, tracks);
            for (guint i = 0; i < tracks->len; i++) {
                const FovTrack *t = at (tracks, i);
                gpointer key = GSIZE_TO_POINTER (t->id);
                assert_true (t->id > 0 && (i == 0 || at (tracks, i - 1)->id < t->id));
                assert_false (g_hash_table_contains (ended, key));
                assert_true (t->visibility >= 0 && t->visibility <= 1 && t->occluder != t->id);
                assert_true (t->detection < (int) n);
                if (t->state != FOV_TRACK_REMOVED)
                    continue;
                assert_int_equal (t->detection, -1);
                g_hash_table_add (ended, key);
            }
        }
        assert_true (g_hash_table_size (ended) >= N_WALKERS);
    }
}

/* A newer object comes to where an older one is waited for: one of them goes, without a detection.
 */
static void
test_duplicate (void **state)
{
    g_autoptr (FovTracker) tracker = walk_tracker ("bytetrack");
    g_autoptr (GArray) tracks = new_tracks ();
    const FovTrack *ended = NULL;

    for (int frame = 1; frame <= 130 && !ended; frame++) {
        float x = frame > 110 ? fmaxf (100, 100 + 6 * (float) (125 - frame)) : 190;
        FovDetection d[2] = { { { x, 100, x + 100, 300 }, 0.9f, 0 },
                              { { 100, 100, 200, 300 }, 0.9f, 0 } };
        gboolean both = frame <= 100;
        update (tracker, both ? d + 1 : d, 1, frame, tracks);
        for (guint i = 0; i < tracks->len; i++)
            if (at (tracks, i)->reason == FOV_TRACK_REASON_DUPLICATE)
                ended = at (tracks, i);
    }
    assert_non_null (ended);
    assert_int_equal (ended->state, FOV_TRACK_REMOVED);
    assert_int_equal (ended->detection, -1);
}

/* Times at the ends of their range: a gap of a century is one. */
static void
test_long_gap (void **state)
{
    const FovDetection d = { { 10, 10, 50, 90 }, 0.9f, 0 };

    EACH_TRACKER (name)
    {
        g_autoptr (FovTracker) tracker = walk_tracker (*name);
        g_autoptr (GArray) tracks = new_tracks ();
        const gint64 times[] = { -G_MAXINT64 / 2, 0, G_MAXINT64 / 2 };
        for (guint k = 0; k < G_N_ELEMENTS (times); k++) {
            assert_true (fov_tracker_update (tracker, NULL, 1920, 1080, &d, 1, TRUE, times[k],
                                             tracks, NULL));
            for (guint i = 0; i < tracks->len; i++)
                assert_true (isfinite (at (tracks, i)->box.x1) &&
                             isfinite (at (tracks, i)->box.y2));
        }
    }
}

/* The detector rests in two pictures of three: nothing is lost by that. */
static void
test_resting_detector (void **state)
{
    EACH_TRACKER (name)
    {
        g_autoptr (FovTracker) tracker = walk_tracker (*name);
        g_autoptr (GArray) tracks = new_tracks ();
        GError *error = NULL;
        for (int frame = 1; frame <= 90; frame++) {
            float x = 100 + (float) frame;
            FovDetection d = { { x, 100, x + 50, 220 }, 0.9f, 0 };
            gboolean ran = frame % 3 == 1;
            assert_fov_ok (fov_tracker_update (tracker, NULL, 1920, 1080, ran ? &d : NULL, ran, ran,
                                               WALK_PTS (frame), tracks, &error),
                           error);
            assert_int_equal (tracks->len, 1);
            assert_int_equal (at (tracks, 0)->id, 1);
            if (frame > 30) {
                assert_true (fov_track_is_shown (at (tracks, 0)));
                assert_true (fov_box_iou (at (tracks, 0)->box, d.box) > 0.9f);
            }
        }
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_registry),
        cmocka_unit_test (test_presets),
        cmocka_unit_test (test_left),
        cmocka_unit_test (test_wrong_arguments),
        cmocka_unit_test (test_update_errors),
        cmocka_unit_test (test_odd_boxes),
        cmocka_unit_test (test_hundred_thousand),
        cmocka_unit_test (test_all_alike),
        cmocka_unit_test (test_order_and_determinism),
        cmocka_unit_test (test_scale),
        cmocka_unit_test (test_life),
        cmocka_unit_test (test_duplicate),
        cmocka_unit_test (test_long_gap),
        cmocka_unit_test (test_resting_detector),
    };
    return RUN ("tracker", tests);
}
