/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole pipelines: nothing lost, seeking, living through many starts.
 * pipeline [DEVICE CYCLES]: with arguments, the many starts alone.
 */
#include <fovea/device.h>
#include <stdlib.h>
#include <string.h>

#include "gsttest.h"

#include "tinymodel.h"

static const char *device = "cpu:1";
static int n_cycles = 200;
static char *dir, *model, *model_slow;

static int
set_up (void **state)
{
    dir = test_make_dir ();
    model = g_build_filename (dir, "square.onnx", NULL);
    model_slow = g_build_filename (dir, "slow.onnx", NULL);
    return tiny_model_write (model, 8, 0) && tiny_model_write (model_slow, 8, 16) ? 0 : -1;
}

static int
tear_down (void **state)
{
    test_remove_dir (dir);
    g_free (model);
    g_free (model_slow);
    return 0;
}

static GstElement *parse (const char *format, ...) G_GNUC_PRINTF (1, 2);

static GstElement *
parse (const char *format, ...)
{
    g_autoptr (GError) error = NULL;
    va_list args;

    va_start (args, format);
    g_autofree char *launch = g_strdup_vprintf (format, args);
    va_end (args);
    GstElement *pipeline = gst_parse_launch (launch, &error);
    if (!pipeline || error)
        fail_msg ("%s: %s", launch, error ? error->message : "?");
    return pipeline;
}

/* Runs to EOS; fails on an error or after a minute. */
static void
run_to_end (GstElement *pipeline)
{
    g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
    g_autoptr (GError) error = NULL;
    g_autofree char *debug = NULL;

    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    GstMessage *message =
        gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    assert_non_null (message);
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error (message, &error, &debug);
        fail_msg ("%s (%s)", error->message, debug);
    }
    gst_message_unref (message);
}

typedef struct {
    guint n;
    GstClockTime last;
    gboolean in_order;
} Count;

static GstPadProbeReturn
count (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    Count *c = data;
    GstClockTime pts = GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info));

    c->in_order = c->in_order && (c->n == 0 || pts > c->last);
    c->last = pts;
    c->n++;
    return GST_PAD_PROBE_OK;
}

static void
watch (GstElement *pipeline, Count *c)
{
    g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "out");
    g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");

    *c = (Count){ .in_order = TRUE };
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count, c, NULL);
}

static guint64
counter (GstElement *pipeline, const char *name)
{
    g_autoptr (GstElement) detect = gst_bin_get_by_name (GST_BIN (pipeline), "d");
    guint64 value;

    g_object_get (detect, name, &value, NULL);
    return value;
}

/* Also with a queue on either side, in batches, and through every element. */
static void
test_nothing_lost (void **state)
{
    static const char *middles[] = {
        "", "batch-size=3 ", "inference-interval=4 ! queue", "inference-interval=3 ! foveatrack",
        "! foveatrack ! foveaoverlay ! foveametaconvert add-empty-results=true ! videoconvert"
    };

    for (guint i = 0; i < G_N_ELEMENTS (middles); i++) {
        Count c;
        GstElement *pipeline =
            parse ("videotestsrc num-buffers=150 ! video/x-raw,format=I420,width=96,height=64 ! "
                   "foveadetect name=d device=%s model=%s %s ! fakesink name=out sync=false",
                   device, model, middles[i]);
        watch (pipeline, &c);
        run_to_end (pipeline);
        assert_int_equal (c.n, 150);
        assert_true (c.in_order);
        assert_int_equal (counter (pipeline, "frames-in"), 150);
        assert_int_equal (counter (pipeline, "frames-skipped"), 0);
        gst_element_set_state (pipeline, GST_STATE_NULL);
        gst_object_unref (pipeline);
    }
}

static void
test_seek (void **state)
{
    GstElement *pipeline =
        parse ("videotestsrc num-buffers=300 ! video/x-raw,format=GRAY8,width=64,height=64 ! "
               "foveadetect name=d device=%s model=%s ! fakesink name=out sync=false",
               device, model);
    Count c;

    watch (pipeline, &c);
    gst_element_set_state (pipeline, GST_STATE_PAUSED);
    assert_int_equal (gst_element_get_state (pipeline, NULL, NULL, 20 * GST_SECOND),
                      GST_STATE_CHANGE_SUCCESS);
    for (guint i = 0; i < 10; i++) {
        c = (Count){ .in_order = TRUE };
        assert_true (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
                                              GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
                                              (10 - i) * GST_SECOND / 2));
        assert_int_equal (gst_element_get_state (pipeline, NULL, NULL, 20 * GST_SECOND),
                          GST_STATE_CHANGE_SUCCESS);
        assert_int_equal (c.last, (10 - i) * GST_SECOND / 2);
    }
    run_to_end (pipeline);
    assert_true (c.in_order);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (pipeline);
}

/* A camera that is faster than the model: bounded latency, and every frame is accounted for. */
static void
test_live (void **state)
{
    GstElement *pipeline = parse (
        "videotestsrc is-live=true num-buffers=60 ! "
        "video/x-raw,format=GRAY8,width=64,height=64,framerate=30/1 ! "
        "foveadetect name=d device=reference model=%s max-latency=60 ! fakesink name=out sync=true",
        model_slow);
    Count c;

    watch (pipeline, &c);
    run_to_end (pipeline);
    guint64 skipped = counter (pipeline, "frames-skipped");
    assert_int_equal (c.n, 60);
    assert_true (c.in_order);
    assert_int_equal (counter (pipeline, "frames-inferred") + skipped, 60);
    assert_true (skipped > 10);
    /* 60, and what a busy machine takes to wake a thread. */
    assert_true (counter (pipeline, "latency-p95") < 100 * GST_MSECOND);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (pipeline);
}

/* Starts and stops, at any moment, without growing. */
static void
test_cycles (void **state)
{
    GstElement *pipeline = parse ("videotestsrc ! video/x-raw,format=NV12,width=96,height=64 ! "
                                  "foveadetect name=d device=%s model=%s inference-interval=2 ! "
                                  "foveatrack visual=dcf device=%s ! "
                                  "foveaoverlay ! foveametaconvert ! "
                                  "fakesink name=out sync=false",
                                  device, model, device);
    gsize early = 0;

    for (int i = 0; i < n_cycles; i++) {
        assert_int_not_equal (gst_element_set_state (pipeline, GST_STATE_PLAYING),
                              GST_STATE_CHANGE_FAILURE);
        if (i % 4 == 0)
            assert_int_equal (gst_element_get_state (pipeline, NULL, NULL, 20 * GST_SECOND),
                              GST_STATE_CHANGE_SUCCESS);
        g_usleep (i % 4 * 1000);
        gst_element_set_state (pipeline, i % 8 == 4 ? GST_STATE_READY : GST_STATE_NULL);
        if (i == n_cycles / 4)
            early = test_rss ();
    }
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gsize late = test_rss ();
    gst_object_unref (pipeline);
    if (late > early + (8 << 20))
        fail_msg ("grew from %zu to %zu bytes in %d cycles", early, late, n_cycles * 3 / 4);
}

/* The whole chain writes what it found. */
static void
test_publish (void **state)
{
    g_autofree char *path = g_build_filename (dir, "out.jsonl", NULL);
    g_autofree char *text = NULL;
    GstElement *pipeline = parse (
        "videotestsrc num-buffers=20 pattern=white ! "
        "video/x-raw,format=GRAY8,width=64,height=64 ! foveadetect name=d device=%s model=%s "
        "labels=square ! foveametaconvert source=test ! foveapublish file-path=\"%s\" ! fakesink",
        device, model, path);

    run_to_end (pipeline);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (pipeline);
    assert_true (g_file_get_contents (path, &text, NULL, NULL));
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    assert_int_equal (g_strv_length (lines), 21);
    assert_non_null (strstr (lines[0], "\"label\":\"square\""));
}

/* ---- a film, with what a detector found in it from a file ---- */

/* What a MOTChallenge file says of each frame. */
typedef struct {
    GPtrArray *frames; /* GArray of FovDetection; the first is frame 1 */
    guint next;
} Found;

static void
found_read (Found *found, const char *path)
{
    g_autofree char *text = NULL;

    found->frames = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
    found->next = 0;
    assert_true (g_file_get_contents (path, &text, NULL, NULL));
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    for (guint i = 0; lines[i] && *lines[i]; i++) {
        g_auto (GStrv) f = g_strsplit (lines[i], ",", 8);
        guint frame = (guint) g_ascii_strtoull (f[0], NULL, 10);
        float x = (float) g_ascii_strtod (f[2], NULL), y = (float) g_ascii_strtod (f[3], NULL);
        FovDetection d = { { x, y, x + (float) g_ascii_strtod (f[4], NULL),
                             y + (float) g_ascii_strtod (f[5], NULL) },
                           (float) g_ascii_strtod (f[6], NULL),
                           0 };
        while (found->frames->len < frame)
            g_ptr_array_add (found->frames, g_array_new (FALSE, FALSE, sizeof (FovDetection)));
        g_array_append_val ((GArray *) g_ptr_array_index (found->frames, frame - 1), d);
    }
}

/* Stands in for foveadetect on every n-th frame. */
static GstPadProbeReturn
put_found (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    Found *found = data;
    GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
    const GArray *now =
        found->next < found->frames->len ? g_ptr_array_index (found->frames, found->next) : NULL;
    GstFoveaMeta *meta = gst_fovea_buffer_add_meta (buffer, 768, 576, 0, GST_FOVEA_META_INFERRED);

    GST_PAD_PROBE_INFO_DATA (info) = buffer;
    for (guint i = 0; now && i < now->len; i++) {
        const FovDetection *d = &g_array_index (now, FovDetection, i);
        GstFoveaObject o = GST_FOVEA_OBJECT_INIT;
        o.x_min = MAX (d->box.x1 / 768., 0);
        o.x_max = MIN (d->box.x2 / 768., 1);
        o.y_min = MAX (d->box.y1 / 576., 0);
        o.y_max = MIN (d->box.y2 / 576., 1);
        o.confidence = d->score;
        o.label_id = 0;
        o.label = g_quark_from_static_string ("person");
        gst_fovea_buffer_add_object (buffer, meta, &o);
    }
    found->next++;
    return GST_PAD_PROBE_OK;
}

static char *
follow_walkers (const char *film, const char *detections, const char *properties)
{
    g_autofree char *path = g_build_filename (dir, "walkers.jsonl", NULL);
    char *text = NULL;
    Found found;
    GstElement *pipeline =
        parse ("filesrc location=\"%s\" ! decodebin ! videoconvert ! video/x-raw,format=I420 ! "
               "foveatrack name=t %s ! foveametaconvert ! foveapublish file-path=\"%s\" ! fakesink",
               film, properties, path);
    g_autoptr (GstElement) track = gst_bin_get_by_name (GST_BIN (pipeline), "t");
    g_autoptr (GstPad) pad = gst_element_get_static_pad (track, "sink");
    guint64 n_tracks = 0;

    found_read (&found, detections);
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, put_found, &found, NULL);
    run_to_end (pipeline);
    g_object_get (track, "tracks", &n_tracks, NULL);
    assert_int_equal (found.next, 795);
    /* 19 people walk through; each that is lost counts again. */
    assert_in_range (n_tracks, 15, 150);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (pipeline);
    g_ptr_array_unref (found.frames);
    assert_true (g_file_get_contents (path, &text, NULL, NULL));
    return text;
}

/* The same film and seed give the same text, to the byte. */
static void
test_same_every_time (void **state)
{
    static const char *const rows[] = { "seed=3", "tracker=bytetrack" };
    const char *data = g_getenv ("FOVEA_TEST_DATA");

    if (!data)
        skip ();
    g_autofree char *film = g_build_filename (data, "video/vtest.avi", NULL);
    g_autofree char *found =
        g_build_filename (data, "track/mot/MOT15/PETS09-S2L1/det/frcnn.txt", NULL);
    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *first = follow_walkers (film, found, rows[i]);
        g_autofree char *second = follow_walkers (film, found, rows[i]);
        assert_string_equal (first, second);
        assert_non_null (strstr (first, "\"state\":\"confirmed\""));
        assert_non_null (strstr (first, "{\"ended\":["));
    }
}

int
main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_nothing_lost), cmocka_unit_test (test_seek),
        cmocka_unit_test (test_live),         cmocka_unit_test (test_cycles),
        cmocka_unit_test (test_publish),      cmocka_unit_test (test_same_every_time),
    };

    const struct CMUnitTest cycles[] = { cmocka_unit_test (test_cycles) };

    test_init (&argc, &argv);
    if (argc != 3)
        return cmocka_run_group_tests (tests, set_up, tear_down);
    device = argv[1];
    n_cycles = atoi (argv[2]);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) found = fov_device_open (device, &error);
    if (!found) {
        g_print ("1..0 # SKIP %s\n", error->message);
        return 0;
    }
    return cmocka_run_group_tests (cycles, set_up, tear_down);
}
