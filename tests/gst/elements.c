/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every element owes a stream, whatever it does to it: foveadetect has more of it in detect.c
 * and filter.c. */
#include "gsttest.h"

#define SMALL "video/x-raw,format=NV12,width=320,height=240,framerate=30/1"
#define ODD "video/x-raw,format=I420,width=641,height=361,framerate=25/1"

/* %s: where a publisher writes. */
static const char *const launches[] = {
    "foveatrack",
    "foveatrack visual=dcf",
    "foveaoverlay trail=1",
    "foveametaconvert add-empty-results=true",
    "foveametaconvert ! foveapublish file-path=%s",
    "foveapublish file-path=%s",
};

static GstHarness *
harness (const char *launch, const char *file)
{
    g_auto (GStrv) parts = g_strsplit (launch, "%s", -1);
    g_autofree char *line = g_strjoinv (file, parts);
    GstHarness *h = gst_harness_new_parse (line);

    gst_harness_set_src_caps_str (h, SMALL);
    return h;
}

/* A frame with an object goes in and comes out. */
static void
pass (GstHarness *h, const char *caps, guint index)
{
    GstBuffer *in = test_frame (caps, index);
    GstClockTime pts = GST_BUFFER_PTS (in);
    gsize size = gst_buffer_get_size (in);

    test_add_object (in, 320, 240, .25, .25, .5, .75, "cat");
    GstBuffer *out = gst_harness_push_and_pull (h, in);
    assert_non_null (out);
    assert_int_equal (GST_BUFFER_PTS (out), pts);
    assert_int_equal (gst_buffer_get_size (out), size);
    gst_buffer_unref (out);
}

static gboolean
event_comes (GstHarness *h, gboolean upstream, GstEventType type)
{
    gboolean found = FALSE;
    GstEvent *event;

    while (!found && (event = upstream ? gst_harness_try_pull_upstream_event (h)
                                       : gst_harness_try_pull_event (h))) {
        found = GST_EVENT_TYPE (event) == type;
        gst_event_unref (event);
    }
    return found;
}

static void
flush (GstHarness *h)
{
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    assert_true (gst_harness_push_event (h, gst_event_new_flush_start ()));
    assert_true (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
    assert_true (gst_harness_push_event (h, gst_event_new_segment (&segment)));
}

static void
check_stream (const char *launch, const char *file)
{
    GstHarness *h = harness (launch, file);

    for (guint i = 0; i < 3; i++)
        pass (h, SMALL, i);

    gst_harness_set_src_caps_str (h, ODD);
    pass (h, ODD, 3);
    g_autoptr (GstCaps) caps = gst_pad_get_current_caps (h->sinkpad),
                        odd = gst_caps_from_string (ODD);
    assert_true (gst_caps_is_subset (caps, odd));
    gst_harness_set_src_caps_str (h, SMALL);
    pass (h, SMALL, 4);

    assert_true (gst_harness_push_upstream_event (h, gst_event_new_seek (1, GST_FORMAT_TIME,
                                                                         GST_SEEK_FLAG_FLUSH,
                                                                         GST_SEEK_TYPE_SET, 0,
                                                                         GST_SEEK_TYPE_NONE, -1)));
    assert_true (event_comes (h, TRUE, GST_EVENT_SEEK));
    flush (h);
    pass (h, SMALL, 0);

    GstBuffer *cut = test_frame (SMALL, 1);
    gst_buffer_set_size (cut, 100);
    test_add_object (cut, 320, 240, .25, .25, .5, .75, "cat");
    GstBuffer *out = gst_harness_push_and_pull (h, cut);
    assert_non_null (out);
    gst_buffer_unref (out);
    pass (h, SMALL, 2);

    assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
    assert_true (event_comes (h, FALSE, GST_EVENT_EOS));
    gst_harness_teardown (h);
}

static void
test_streams (void **state)
{
    char *dir = test_make_dir ();
    g_autofree char *file = g_build_filename (dir, "out.jsonl", NULL);

    for (guint i = 0; i < G_N_ELEMENTS (launches); i++) {
        print_message ("# %s\n", launches[i]);
        check_stream (launches[i], file);
    }
    test_remove_dir (dir);
}

/* Starts and stops leave nothing behind. */
static void
test_cycles (void **state)
{
    char *dir = test_make_dir ();
    g_autofree char *file = g_build_filename (dir, "out.jsonl", NULL);
    gsize early = 0;

    for (int i = 0; i < 200; i++) {
        GstHarness *h = harness ("foveametaconvert ! foveapublish file-path=%s", file);
        for (int k = 0; k < 3; k++) {
            pass (h, SMALL, 0);
            gst_element_set_state (h->element, GST_STATE_NULL);
            gst_element_set_state (h->element, GST_STATE_PLAYING);
            gst_harness_set_src_caps_str (h, SMALL);
        }
        gst_harness_teardown (h);
        if (i == 50)
            early = test_rss ();
    }
    assert_true (test_rss () < early + (2 << 20));
    test_remove_dir (dir);
}

int
main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_streams),
        cmocka_unit_test (test_cycles),
    };

    test_init (&argc, &argv);
    return cmocka_run_group_tests_name ("elements", tests, NULL, NULL);
}
