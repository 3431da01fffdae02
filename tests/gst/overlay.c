/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* foveaoverlay: draws in every format, and leaves alone what it should. */
#include "gsttest.h"

static const char *formats[] = { "NV12", "I420", "RGB",  "BGR",  "RGBx",
                                 "BGRx", "RGBA", "BGRA", "GRAY8" };

static char *
caps_of (const char *format, int width, int height)
{
    return g_strdup_printf ("video/x-raw,format=%s,width=%d,height=%d,framerate=30/1", format,
                            width, height);
}

static gsize
changed_bytes (GstBuffer *a, GstBuffer *b)
{
    GstMapInfo ma, mb;
    gsize n = 0;

    assert_true (gst_buffer_map (a, &ma, GST_MAP_READ));
    assert_true (gst_buffer_map (b, &mb, GST_MAP_READ));
    assert_int_equal (ma.size, mb.size);
    for (gsize i = 0; i < ma.size; i++)
        n += ma.data[i] != mb.data[i];
    gst_buffer_unmap (b, &mb);
    gst_buffer_unmap (a, &ma);
    return n;
}

static void
test_formats (void **state)
{
    static const int sizes[][2] = { { 320, 240 }, { 321, 181 }, { 1, 1 } };

    for (guint i = 0; i < G_N_ELEMENTS (formats) * G_N_ELEMENTS (sizes); i++) {
        const int *size = sizes[i / G_N_ELEMENTS (formats)];
        g_autofree char *caps = caps_of (formats[i % G_N_ELEMENTS (formats)], size[0], size[1]);
        GstHarness *h = gst_harness_new ("foveaoverlay");
        gst_harness_set_src_caps_str (h, caps);
        GstBuffer *in = test_frame (caps, 0);
        GstBuffer *before = gst_buffer_copy_deep (in);
        test_add_object (in, size[0], size[1], .25, .25, .75, .75, "cat");
        GstBuffer *out = gst_harness_push_and_pull (h, in);
        if (size[0] > 1 && changed_bytes (before, out) < 300)
            fail_msg ("%s: nothing drawn", caps);
        gst_buffer_unref (out);
        /* no objects: not a byte changes */
        out = gst_harness_push_and_pull (h, gst_buffer_ref (before));
        assert_int_equal (changed_bytes (before, out), 0);
        gst_buffer_unref (out);
        gst_buffer_unref (before);
        gst_harness_teardown (h);
    }
}

/* The sender's own reference must keep its pixels. */
static void
test_shared_buffer (void **state)
{
    g_autofree char *caps = caps_of ("GRAY8", 64, 64);
    GstHarness *h = gst_harness_new ("foveaoverlay");
    GstBuffer *in = test_frame (caps, 0);
    GstBuffer *clean = gst_buffer_copy_deep (in);

    gst_harness_set_src_caps_str (h, caps);
    test_add_object (in, 64, 64, .25, .25, .75, .75, "cat");
    GstBuffer *out = gst_harness_push_and_pull (h, gst_buffer_ref (in));
    assert_int_equal (changed_bytes (clean, in), 0);
    assert_true (changed_bytes (clean, out) > 0);
    gst_buffer_unref (out);
    gst_buffer_unref (in);
    gst_buffer_unref (clean);
    gst_harness_teardown (h);
}

static void
test_live_properties (void **state)
{
    g_autofree char *caps = caps_of ("GRAY8", 320, 240);
    GstHarness *h = gst_harness_new ("foveaoverlay");
    GstBuffer *thin, *thick;
    GstBuffer *clean = test_frame (caps, 0), *in = test_frame (caps, 0);

    gst_harness_set_src_caps_str (h, caps);
    test_add_object (in, 320, 240, .25, .25, .75, .75, NULL);
    gst_harness_set (h, "foveaoverlay", "line-width", 1.0f, "show-labels", FALSE, NULL);
    thin = gst_harness_push_and_pull (h, gst_buffer_ref (in));
    gst_harness_set (h, "foveaoverlay", "line-width", 12.0f, NULL);
    thick = gst_harness_push_and_pull (h, in);
    assert_true (changed_bytes (clean, thick) > 3 * changed_bytes (clean, thin));
    gst_buffer_unref (thin);
    gst_buffer_unref (thick);
    gst_buffer_unref (clean);
    gst_harness_teardown (h);
}

static void
test_corrupt (void **state)
{
    g_autofree char *caps = caps_of ("I420", 320, 240);
    gsize offset[GST_VIDEO_MAX_PLANES] = { 0, 76800, 96000 };
    int stride[GST_VIDEO_MAX_PLANES] = { 4000, 160, 160 };

    for (int kind = 0; kind < 2; kind++) {
        GstHarness *h = gst_harness_new ("foveaoverlay");
        gst_harness_set_src_caps_str (h, caps);
        GstBuffer *in = test_frame (caps, 0);
        test_add_object (in, 320, 240, .25, .25, .75, .75, "cat");
        if (kind == 0)
            gst_buffer_set_size (in, 1000);
        else
            gst_buffer_add_video_meta_full (in, 0, GST_VIDEO_FORMAT_I420, 320, 240, 3, offset,
                                            stride);
        GstBuffer *out = gst_harness_push_and_pull (h, in);
        assert_non_null (out);
        gst_buffer_unref (out);
        gst_harness_teardown (h);
    }
}

/* A frame with a tracked object at x, through the element; NULL: a frame without objects. */
static GstBuffer *
walk (GstHarness *h, const char *caps, guint index, double x, int state)
{
    GstBuffer *in = test_frame (caps, index);

    if (state >= 0) {
        test_add_object (in, 320, 240, x, .25, x + .1, .75, NULL);
        test_set_track (in, 5, (FovTrackState) state, FOV_TRACK_REASON_NONE);
    }
    return gst_harness_push_and_pull (h, in);
}

/* A trail stays behind for its time; a flush ends it, and so does trail=0. */
static void
test_trails (void **state)
{
    g_autofree char *caps = caps_of ("GRAY8", 320, 240);
    enum { PLAIN, LATER, OFF, FLUSHED, N_WAYS };

    for (int way = 0; way < N_WAYS; way++) {
        GstHarness *h = gst_harness_new ("foveaoverlay");
        GstBuffer *clean = test_frame (caps, 0), *out;
        gst_harness_set_src_caps_str (h, caps);
        gst_harness_set (h, "foveaoverlay", "show-labels", FALSE, "trail", way == OFF ? 0.f : 1.f,
                         NULL);
        for (guint i = 0; i < 10; i++)
            gst_buffer_unref (walk (h, caps, i, .1 + .05 * i, FOV_TRACK_CONFIRMED));
        if (way == FLUSHED) {
            GstSegment segment;
            gst_segment_init (&segment, GST_FORMAT_TIME);
            gst_harness_push_event (h, gst_event_new_flush_start ());
            gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
            gst_harness_push_event (h, gst_event_new_segment (&segment));
        }
        out = walk (h, caps, way == LATER ? 60 : 10, 0, -1);
        if ((changed_bytes (clean, out) > 100) != (way == PLAIN))
            fail_msg ("way %d: %zu bytes are drawn", way, changed_bytes (clean, out));
        gst_buffer_unref (out);
        gst_buffer_unref (clean);
        gst_harness_teardown (h);
    }
}

/* Occluded: fewer pixels, as it is dashed. Lost and tentative: only where asked for. */
static void
test_states (void **state)
{
    static const struct {
        int state;
        const char *property;
    } rows[] = { { FOV_TRACK_CONFIRMED, NULL },
                 { FOV_TRACK_RECOVERED, NULL },
                 { FOV_TRACK_OCCLUDED, NULL },
                 { FOV_TRACK_LOST, "show-lost" },
                 { FOV_TRACK_TENTATIVE, "show-tentative" } };
    g_autofree char *caps = caps_of ("GRAY8", 320, 240);
    GstBuffer *clean = test_frame (caps, 0);
    gsize solid = 0;

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        GstHarness *h = gst_harness_new ("foveaoverlay");
        gst_harness_set_src_caps_str (h, caps);
        gst_harness_set (h, "foveaoverlay", "show-labels", FALSE, NULL);
        for (guint asked = 0; asked < 2; asked++) {
            if (asked && rows[i].property)
                gst_harness_set (h, "foveaoverlay", rows[i].property, TRUE, NULL);
            GstBuffer *out = walk (h, caps, asked, .4, rows[i].state);
            gsize n = changed_bytes (clean, out);
            if (i == 0)
                solid = n;
            assert_int_equal (n > 100, asked || !rows[i].property);
            if (rows[i].state == FOV_TRACK_OCCLUDED)
                assert_true (n * 5 < solid * 4);
            gst_buffer_unref (out);
        }
        gst_harness_teardown (h);
    }
    gst_buffer_unref (clean);
}

int
main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_formats),         cmocka_unit_test (test_shared_buffer),
        cmocka_unit_test (test_live_properties), cmocka_unit_test (test_corrupt),
        cmocka_unit_test (test_trails),          cmocka_unit_test (test_states),
    };

    test_init (&argc, &argv);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
