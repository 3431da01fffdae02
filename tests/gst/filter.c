/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The base class: order, draining, flushing, bounded latency, errors. */
#include "gsttest.h"

#include "slowfilter.h"

#define CAPS "video/x-raw,format=GRAY8,width=64,height=48,framerate=30/1"
#define CAPS2 "video/x-raw,format=I420,width=33,height=17,framerate=30/1"

typedef struct {
    GstHarness *h;
    SlowFilter *filter;
    GstBus *bus;
} Rig;

static Rig
rig_new (guint delay_ms, gboolean live)
{
    Rig rig;

    rig.filter = g_object_new (SLOW_TYPE_FILTER, NULL);
    gst_object_ref_sink (rig.filter);
    rig.filter->delay_ms = delay_ms;
    rig.bus = gst_bus_new ();
    gst_element_set_bus (GST_ELEMENT (rig.filter), rig.bus);
    rig.h = gst_harness_new_with_element (GST_ELEMENT (rig.filter), "sink", "src");
    gst_harness_set_live (rig.h, live);
    gst_harness_set_src_caps_str (rig.h, CAPS);
    return rig;
}

static void
rig_free (Rig *rig)
{
    gst_harness_teardown (rig->h);
    gst_element_set_bus (GST_ELEMENT (rig->filter), NULL);
    gst_object_unref (rig->bus);
    assert_int_equal (rig->filter->n_started, rig->filter->n_stopped);
    assert_int_equal (rig->filter->n_running, 0);
    assert_int_equal (GST_OBJECT_REFCOUNT (rig->filter), 1);
    gst_object_unref (rig->filter);
}

static guint64
counter (Rig *rig, const char *name)
{
    guint64 value;

    g_object_get (rig->filter, name, &value, NULL);
    return value;
}

static GstFoveaMetaFlags
flags_of (GstBuffer *buffer)
{
    GstFoveaMeta *meta = gst_fovea_buffer_get_meta (buffer, 0);

    return meta ? meta->flags : 0;
}

/* Pulls what came out after EOS; every frame in order, each with results. */
static void
expect_all (Rig *rig, guint n)
{
    for (guint i = 0; i < n; i++) {
        GstBuffer *out = gst_harness_pull (rig->h);
        assert_non_null (out);
        assert_int_equal (GST_BUFFER_PTS (out),
                          gst_util_uint64_scale_int (GST_SECOND, (int) i, 30));
        assert_int_equal (flags_of (out), GST_FOVEA_META_INFERRED);
        gst_buffer_unref (out);
    }
    assert_null (gst_harness_try_pull (rig->h));
}

static gboolean
wait_eos (Rig *rig)
{
    for (int i = 0; i < 400; i++) {
        GstEvent *event;
        while ((event = gst_harness_try_pull_event (rig->h))) {
            gboolean eos = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
            gst_event_unref (event);
            if (eos)
                return TRUE;
        }
        g_usleep (10000);
    }
    return FALSE;
}

static void
test_eos_drains (void **state)
{
    Rig rig = rig_new (5, FALSE);

    for (guint i = 0; i < 20; i++)
        assert_int_equal (gst_harness_push (rig.h, test_frame (CAPS, i)), GST_FLOW_OK);
    assert_true (gst_harness_push_event (rig.h, gst_event_new_eos ()));
    assert_true (wait_eos (&rig));
    expect_all (&rig, 20);
    assert_int_equal (counter (&rig, "frames-in"), 20);
    assert_int_equal (counter (&rig, "frames-inferred"), 20);
    assert_int_equal (counter (&rig, "frames-skipped"), 0);
    assert_int_equal (rig.filter->most_running, 2);
    assert_true (counter (&rig, "latency-p50") >= 4 * GST_MSECOND);
    assert_true (counter (&rig, "latency-p95") >= counter (&rig, "latency-p50"));
    rig_free (&rig);
}

/* Writes a letter per thing that passes. */
static GstPadProbeReturn
note (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    GString *seen = data;

    if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
        g_string_append_c (seen, 'b');
        return GST_PAD_PROBE_OK;
    }
    switch (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info))) {
    case GST_EVENT_CAPS:
        g_string_append_c (seen, 'C');
        break;
    case GST_EVENT_GAP:
        g_string_append_c (seen, 'G');
        break;
    case GST_EVENT_TAG:
        g_string_append_c (seen, 'T');
        break;
    case GST_EVENT_EOS:
        g_string_append_c (seen, 'E');
        break;
    default:
        break;
    }
    return GST_PAD_PROBE_OK;
}

/* Events stay where they were between the frames, also when several frames are one job. */
static void
test_order (void **state)
{
    for (guint batch = 1; batch <= 4; batch += 3) {
        Rig rig = rig_new (10, FALSE);
        g_autoptr (GString) seen = g_string_new (NULL);

        gst_fovea_filter_set_capacity (GST_FOVEA_FILTER (rig.filter), 2, batch);
        gst_pad_add_probe (rig.h->sinkpad,
                           GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, note,
                           seen, NULL);
        gst_harness_push (rig.h, test_frame (CAPS, 0));
        gst_harness_push_event (rig.h, gst_event_new_gap (GST_SECOND / 30, GST_SECOND / 30));
        gst_harness_push (rig.h, test_frame (CAPS, 1));
        gst_harness_push_event (rig.h,
                                gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE, "t", NULL)));
        gst_harness_push (rig.h, test_frame (CAPS, 2));
        gst_harness_push (rig.h, test_frame (CAPS, 3));
        gst_harness_set_src_caps_str (rig.h, CAPS2);
        gst_harness_push (rig.h, test_frame (CAPS2, 4));
        gst_harness_push_event (rig.h, gst_event_new_eos ());
        assert_true (wait_eos (&rig));
        expect_all (&rig, 5);
        if (!g_str_has_suffix (seen->str, "bGbTbbCbE"))
            fail_msg ("batch %u: came out as %s", batch, seen->str);
        rig_free (&rig);
    }
}

static void
test_renegotiation (void **state)
{
    Rig rig = rig_new (5, FALSE);

    for (guint i = 0; i < 12; i++) {
        const char *caps = i / 3 % 2 ? CAPS2 : CAPS;
        if (i % 3 == 0)
            gst_harness_set_src_caps_str (rig.h, caps);
        assert_int_equal (gst_harness_push (rig.h, test_frame (caps, i)), GST_FLOW_OK);
    }
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    for (guint i = 0; i < 12; i++) {
        GstBuffer *out = gst_harness_pull (rig.h);
        GstFoveaMeta *meta = gst_fovea_buffer_get_meta (out, 0);
        assert_int_equal (meta->width, i / 3 % 2 ? 33 : 64);
        gst_buffer_unref (out);
    }
    rig_free (&rig);
}

static void
test_flush (void **state)
{
    Rig rig = rig_new (100, FALSE);
    GstSegment segment;
    gint64 begin;

    gst_harness_push (rig.h, test_frame (CAPS, 0));
    gst_harness_push (rig.h, test_frame (CAPS, 1));
    begin = g_get_monotonic_time ();
    gst_harness_push_event (rig.h, gst_event_new_flush_start ());
    gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE));
    assert_true (g_get_monotonic_time () - begin < 80 * G_TIME_SPAN_MILLISECOND);
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    for (guint i = 5; i < 8; i++)
        assert_int_equal (gst_harness_push (rig.h, test_frame (CAPS, i)), GST_FLOW_OK);
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    assert_true (wait_eos (&rig));
    for (guint i = 5; i < 8; i++) {
        GstBuffer *out = gst_harness_pull (rig.h);
        assert_int_equal (GST_BUFFER_PTS (out),
                          gst_util_uint64_scale_int (GST_SECOND, (int) i, 30));
        gst_buffer_unref (out);
    }
    assert_null (gst_harness_try_pull (rig.h));
    rig_free (&rig);
}

/* A flush reaches a streaming thread that waits for room. */
static gpointer
push_many (gpointer data)
{
    Rig *rig = data;
    GstFlowReturn flow = GST_FLOW_OK;

    for (guint i = 0; i < 50 && flow == GST_FLOW_OK; i++)
        flow = gst_harness_push (rig->h, test_frame (CAPS, i));
    return GINT_TO_POINTER (flow);
}

static void
test_flush_while_full (void **state)
{
    Rig rig = rig_new (50, FALSE);
    GThread *thread = g_thread_new ("push", push_many, &rig);

    g_usleep (60000);
    gst_harness_push_event (rig.h, gst_event_new_flush_start ());
    assert_int_equal (GPOINTER_TO_INT (g_thread_join (thread)), GST_FLOW_FLUSHING);
    gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE));
    rig_free (&rig);
}

/* A serialised query is answered after what came before it. */
static void
test_query_order (void **state)
{
    Rig rig = rig_new (20, FALSE);
    g_autoptr (GstCaps) caps = gst_caps_from_string (CAPS);
    GstQuery *query = gst_query_new_allocation (caps, TRUE);

    gst_harness_push (rig.h, test_frame (CAPS, 0));
    gst_harness_push (rig.h, test_frame (CAPS, 1));
    gst_pad_peer_query (rig.h->srcpad, query);
    assert_int_equal (gst_harness_buffers_received (rig.h), 2);
    gst_query_unref (query);
    rig_free (&rig);
}

static void
test_interval (void **state)
{
    Rig rig = rig_new (1, FALSE);

    rig.filter->every = 3;
    for (guint i = 0; i < 7; i++)
        gst_harness_push (rig.h, test_frame (CAPS, i));
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    for (guint i = 0; i < 7; i++) {
        GstBuffer *out = gst_harness_pull (rig.h);
        assert_int_equal (flags_of (out), i % 3 ? 0 : GST_FOVEA_META_INFERRED);
        gst_buffer_unref (out);
    }
    assert_int_equal (counter (&rig, "frames-inferred"), 3);
    assert_int_equal (counter (&rig, "frames-skipped"), 0);
    rig_free (&rig);
}

/* A camera of 100 frames a second before a model that takes 40 ms. */
static void
live_run (GstFoveaLatePolicy policy, guint delay_ms, guint max_latency, Rig *rig)
{
    *rig = rig_new (delay_ms, TRUE);
    g_object_set (rig->filter, "max-latency", max_latency, NULL);
    gst_util_set_object_arg (G_OBJECT (rig->filter), "late-policy",
                             policy == GST_FOVEA_LATE_DROP ? "drop" : "skip");
    for (guint i = 0; i < 60; i++) {
        assert_int_equal (gst_harness_push (rig->h, test_frame (CAPS, i)), GST_FLOW_OK);
        g_usleep (10000);
    }
    gst_harness_push_event (rig->h, gst_event_new_eos ());
    assert_true (wait_eos (rig));
}

static void
test_live_skips (void **state)
{
    Rig rig;
    guint n_skipped = 0, n_inferred = 0;

    live_run (GST_FOVEA_LATE_SKIP, 40, 100, &rig);
    for (guint i = 0; i < 60; i++) {
        GstBuffer *out = gst_harness_pull (rig.h);
        assert_int_equal (GST_BUFFER_PTS (out),
                          gst_util_uint64_scale_int (GST_SECOND, (int) i, 30));
        n_skipped += flags_of (out) == GST_FOVEA_META_SKIPPED;
        n_inferred += flags_of (out) == GST_FOVEA_META_INFERRED;
        gst_buffer_unref (out);
    }
    assert_int_equal (n_skipped + n_inferred, 60);
    assert_int_equal (counter (&rig, "frames-skipped"), n_skipped);
    assert_int_equal (counter (&rig, "frames-inferred"), n_inferred);
    assert_true (n_skipped >= 20);
    assert_true (n_inferred >= 8);
    assert_true (counter (&rig, "latency-p95") < 125 * GST_MSECOND);
    rig_free (&rig);
}

static void
test_live_drops (void **state)
{
    Rig rig;

    live_run (GST_FOVEA_LATE_DROP, 40, 100, &rig);
    guint64 dropped = counter (&rig, "frames-dropped");
    guint n = gst_harness_buffers_received (rig.h);
    assert_true (dropped >= 20);
    assert_int_equal (n + dropped, 60);
    assert_int_equal (counter (&rig, "frames-skipped"), 0);
    for (guint i = 0; i < n; i++) {
        GstBuffer *out = gst_harness_pull (rig.h);
        assert_int_equal (flags_of (out), GST_FOVEA_META_INFERRED);
        gst_buffer_unref (out);
    }
    rig_free (&rig);
}

/* One run takes longer than a frame may stay: frames pass, and somebody is told. */
static void
test_live_hopeless (void **state)
{
    Rig rig;

    live_run (GST_FOVEA_LATE_SKIP, 120, 30, &rig);
    assert_int_equal (counter (&rig, "frames-skipped"), 60);
    assert_true (counter (&rig, "latency-p95") < 60 * GST_MSECOND);
    GstMessage *message = test_wait_message (rig.bus, GST_MESSAGE_WARNING);
    assert_non_null (message);
    gst_message_unref (message);
    rig_free (&rig);
}

static void
test_latency_query (void **state)
{
    static const struct {
        gboolean live;
        guint max_latency;
        GstClockTime expected;
    } cases[] = {
        { FALSE, 80, 0 },
        { TRUE, 80, 80 * GST_MSECOND },
        { TRUE, 0, 3 * (GST_SECOND / 30 / GST_USECOND) * GST_USECOND },
    };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        Rig rig = rig_new (1, cases[i].live);
        gst_harness_set_upstream_latency (rig.h, 0);
        g_object_set (rig.filter, "max-latency", cases[i].max_latency, NULL);
        GstClockTime latency = gst_harness_query_latency (rig.h);
        assert_int_equal (latency, cases[i].expected);
        rig_free (&rig);
    }
}

/* The automatic latency follows a model that takes long, so that there are results. */
static void
test_auto_latency (void **state)
{
    Rig rig = rig_new (150, TRUE);

    for (guint i = 0; i < 60; i++) {
        gst_harness_push (rig.h, test_frame (CAPS, i));
        g_usleep (20000);
    }
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    assert_true (wait_eos (&rig));
    assert_true (counter (&rig, "frames-inferred") >= 2);
    GstMessage *message = test_wait_message (rig.bus, GST_MESSAGE_LATENCY);
    assert_non_null (message);
    gst_message_unref (message);
    rig_free (&rig);
}

/* Pops what was posted of frames without results; checks the last one's figures. */
static guint
pop_qos (Rig *rig, guint64 processed)
{
    guint64 n_processed = 0, n_dropped = 0;
    GstFormat format = GST_FORMAT_UNDEFINED;
    GstMessage *message;
    guint n = 0;

    while ((message = gst_bus_pop_filtered (rig->bus, GST_MESSAGE_QOS))) {
        gst_message_parse_qos_stats (message, &format, &n_processed, &n_dropped);
        assert_int_equal (n_dropped, ++n);
        gst_message_unref (message);
    }
    if (n) {
        assert_int_equal (format, GST_FORMAT_BUFFERS);
        assert_int_equal (n_processed, processed);
    }
    return n;
}

/* A sink that is 100 ms late at the start: frames within 200 ms and one more are not worth it. */
static void
test_qos (void **state)
{
    static const struct {
        gboolean qos, drop;
        guint late;
    } cases[] = { { TRUE, FALSE, 7 }, { TRUE, TRUE, 7 }, { FALSE, FALSE, 0 } };

    for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
        Rig rig = rig_new (1, FALSE);
        g_object_set (rig.filter, "qos", cases[k].qos, NULL);
        gst_util_set_object_arg (G_OBJECT (rig.filter), "late-policy",
                                 cases[k].drop ? "drop" : "skip");
        assert_true (
            gst_harness_push_upstream_event (rig.h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2,
                                                                       100 * GST_MSECOND, 0)));
        GstEvent *event;
        gboolean forwarded = FALSE;
        while ((event = gst_harness_try_pull_upstream_event (rig.h))) {
            forwarded |= GST_EVENT_TYPE (event) == GST_EVENT_QOS;
            gst_event_unref (event);
        }
        assert_true (forwarded);
        for (guint i = 0; i < 20; i++)
            assert_int_equal (gst_harness_push (rig.h, test_frame (CAPS, i)), GST_FLOW_OK);
        gst_harness_push_event (rig.h, gst_event_new_eos ());
        assert_true (wait_eos (&rig));
        for (guint i = cases[k].drop ? cases[k].late : 0; i < 20; i++) {
            GstBuffer *out = gst_harness_pull (rig.h);
            assert_int_equal (flags_of (out),
                              i < cases[k].late ? GST_FOVEA_META_SKIPPED : GST_FOVEA_META_INFERRED);
            gst_buffer_unref (out);
        }
        assert_int_equal (counter (&rig, "frames-inferred"), 20 - cases[k].late);
        assert_int_equal (counter (&rig, "frames-dropped"), cases[k].drop ? cases[k].late : 0);
        assert_int_equal (pop_qos (&rig, 0), cases[k].late);
        rig_free (&rig);
    }
}

/* After a flush the sink has not complained yet. */
static void
test_qos_flushed (void **state)
{
    Rig rig = rig_new (1, FALSE);
    GstSegment segment;

    gst_harness_push_upstream_event (rig.h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2,
                                                               10 * GST_SECOND, 0));
    gst_harness_push_event (rig.h, gst_event_new_flush_start ());
    gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE));
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    for (guint i = 0; i < 5; i++)
        assert_int_equal (gst_harness_push (rig.h, test_frame (CAPS, i)), GST_FLOW_OK);
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    assert_true (wait_eos (&rig));
    expect_all (&rig, 5);
    rig_free (&rig);
}

static GstBuffer *
corrupt_frame (guint kind)
{
    gsize offset[GST_VIDEO_MAX_PLANES] = { 0, 33 * 17, 5000 }, missing[] = { 0, 0, 0, 0 };
    int stride[GST_VIDEO_MAX_PLANES] = { 36, 20, 20 }, wide[] = { 1 << 20, 1 << 20, 1 << 20, 0 };
    GstBuffer *buffer = test_frame (CAPS2, 0);

    switch (kind) {
    case 0: /* empty */
        gst_buffer_remove_all_memory (buffer);
        break;
    case 1: /* too small */
        gst_buffer_set_size (buffer, 100);
        break;
    case 2: /* a plane outside */
        gst_buffer_add_video_meta_full (buffer, 0, GST_VIDEO_FORMAT_I420, 33, 17, 3, offset,
                                        stride);
        break;
    case 3: /* planes missing */
        gst_buffer_add_video_meta_full (buffer, 0, GST_VIDEO_FORMAT_GRAY8, 33, 17, 1, missing,
                                        stride);
        break;
    default: /* a stride beyond the memory */
        gst_buffer_add_video_meta_full (buffer, 0, GST_VIDEO_FORMAT_I420, 33, 17, 3, offset, wide);
    }
    return buffer;
}

static void
test_corrupt_frames (void **state)
{
    for (guint kind = 0; kind < 5; kind++) {
        Rig rig = rig_new (1, FALSE);
        gst_harness_set_src_caps_str (rig.h, CAPS2);
        assert_int_equal (gst_harness_push (rig.h, corrupt_frame (kind)), GST_FLOW_OK);
        assert_int_equal (gst_harness_push (rig.h, test_frame (CAPS2, 1)), GST_FLOW_OK);
        GstBuffer *out = gst_harness_pull (rig.h);
        assert_int_equal (flags_of (out), GST_FOVEA_META_SKIPPED);
        gst_buffer_unref (out);
        out = gst_harness_pull (rig.h);
        assert_int_equal (flags_of (out), GST_FOVEA_META_INFERRED);
        gst_buffer_unref (out);
        GstMessage *message = test_wait_message (rig.bus, GST_MESSAGE_WARNING);
        assert_non_null (message);
        gst_message_unref (message);
        rig_free (&rig);
    }
}

static void
test_errors (void **state)
{
    static const struct {
        int submit, collect;
        gboolean recovers;
    } cases[] = { { 3, -1, FALSE }, { -1, 3, FALSE }, { 3, -1, TRUE }, { -1, 3, TRUE } };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        Rig rig = rig_new (2, FALSE);
        GstFlowReturn flow = GST_FLOW_OK;
        rig.filter->fail_submit = cases[i].submit;
        rig.filter->fail_collect = cases[i].collect;
        rig.filter->recovers = cases[i].recovers;
        for (guint k = 0; k < 30 && flow == GST_FLOW_OK; k++)
            flow = gst_harness_push (rig.h, test_frame (CAPS, k));
        assert_int_equal (flow, cases[i].recovers ? GST_FLOW_OK : GST_FLOW_ERROR);
        gst_harness_push_event (rig.h, gst_event_new_eos ());
        assert_true (wait_eos (&rig));
        assert_int_equal (counter (&rig, "frames-skipped"), cases[i].recovers ? 1 : 0);
        GstMessage *message = gst_bus_pop_filtered (rig.bus, GST_MESSAGE_ERROR);
        assert_int_equal (message != NULL, !cases[i].recovers);
        g_clear_pointer (&message, gst_message_unref);
        /* told once */
        assert_null (gst_bus_pop_filtered (rig.bus, GST_MESSAGE_ERROR));
        rig_free (&rig);
    }
}

static void
test_no_caps (void **state)
{
    SlowFilter *filter = g_object_new (SLOW_TYPE_FILTER, NULL);
    GstPad *pad = gst_element_get_static_pad (GST_ELEMENT (gst_object_ref_sink (filter)), "sink");
    GstSegment segment;

    gst_element_set_state (GST_ELEMENT (filter), GST_STATE_PAUSED);
    gst_pad_send_event (pad, gst_event_new_stream_start ("s"));
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_send_event (pad, gst_event_new_segment (&segment));
    assert_int_not_equal (gst_pad_chain (pad, test_frame (CAPS, 0)), GST_FLOW_OK);
    gst_element_set_state (GST_ELEMENT (filter), GST_STATE_NULL);
    gst_object_unref (pad);
    gst_object_unref (filter);
}

/* Downstream's refusal reaches upstream, and EOS still comes to an end. */
static void
test_not_linked (void **state)
{
    SlowFilter *filter = g_object_new (SLOW_TYPE_FILTER, NULL);
    GstHarness *h;
    GstFlowReturn flow = GST_FLOW_OK;

    gst_object_ref_sink (filter);
    h = gst_harness_new_with_element (GST_ELEMENT (filter), "sink", NULL);
    gst_harness_set_live (h, FALSE);
    gst_harness_set_src_caps_str (h, CAPS);
    for (guint i = 0; i < 30 && flow == GST_FLOW_OK; i++)
        flow = gst_harness_push (h, test_frame (CAPS, i));
    assert_int_equal (flow, GST_FLOW_NOT_LINKED);
    gst_harness_teardown (h);
    gst_object_unref (filter);
}

int
main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_eos_drains),
        cmocka_unit_test (test_order),
        cmocka_unit_test (test_renegotiation),
        cmocka_unit_test (test_flush),
        cmocka_unit_test (test_flush_while_full),
        cmocka_unit_test (test_query_order),
        cmocka_unit_test (test_interval),
        cmocka_unit_test (test_live_skips),
        cmocka_unit_test (test_live_drops),
        cmocka_unit_test (test_live_hopeless),
        cmocka_unit_test (test_latency_query),
        cmocka_unit_test (test_auto_latency),
        cmocka_unit_test (test_corrupt_frames),
        cmocka_unit_test (test_errors),
        cmocka_unit_test (test_no_caps),
        cmocka_unit_test (test_not_linked),
        cmocka_unit_test (test_qos),
        cmocka_unit_test (test_qos_flushed),
    };

    test_init (&argc, &argv);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
