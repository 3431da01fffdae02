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

int
main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_formats),
        cmocka_unit_test (test_shared_buffer),
        cmocka_unit_test (test_live_properties),
        cmocka_unit_test (test_corrupt),
    };

    test_init (&argc, &argv);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
