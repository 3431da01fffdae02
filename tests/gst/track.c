/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* foveatrack: identities through whatever a stream does. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "gsttest.h"

#include "gstfoveajson.h"

#define WIDTH 640
#define HEIGHT 480
#define CAPS "video/x-raw,format=GRAY8,width=640,height=480,framerate=30/1"
#define N_SURE 8 /* frames after which any tracker believes an object */

typedef struct {
    GstHarness *h;
    GArray *objects; /* of the last buffer */
    GstVideoInfo info;
    char *json;
} Stream;

static void
stream_open (Stream *s, const char *launch)
{
    g_autoptr (GstCaps) caps = gst_caps_from_string (CAPS);

    s->h = gst_harness_new_parse (launch);
    s->objects = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    s->json = NULL;
    assert_true (gst_video_info_from_caps (&s->info, caps));
    gst_harness_set_src_caps_str (s->h, CAPS);
}

static void
stream_close (Stream *s)
{
    gst_harness_teardown (s->h);
    g_array_unref (s->objects);
    g_free (s->json);
}

static void
stream_push (Stream *s, GstBuffer *buffer)
{
    GstBuffer *out = gst_harness_push_and_pull (s->h, buffer);

    assert_non_null (out);
    gst_fovea_buffer_objects (out, &s->info, s->objects);
    g_free (s->json);
    s->json = g_strdup (gst_fovea_buffer_get_json (out));
    gst_buffer_unref (out);
}

/* A frame in which a detector looked, with an object whose left edge is x parts of the width. */
static GstBuffer *
seen (guint index, double x)
{
    GstBuffer *buffer = test_frame (CAPS, index);

    test_add_object (buffer, WIDTH, HEIGHT, x, .3, x + .15, .7, "cat");
    return buffer;
}

static double
place (guint index)
{
    return .1 + .006 * index;
}

/* The id of the object labelled so, -1: none is sure. */
static gint64
id_of (const Stream *s, const char *label)
{
    for (guint i = 0; i < s->objects->len; i++) {
        const GstFoveaObject *o = &g_array_index (s->objects, GstFoveaObject, i);
        if (o->label == g_quark_from_string (label) && gst_fovea_object_is_tracked (o))
            return o->track_id;
    }
    return -1;
}

/* Frames from, from + 1, ... until a cat has an identity. */
static gint64
make_sure (Stream *s, guint from)
{
    for (guint i = from; i < from + N_SURE; i++)
        stream_push (s, seen (i, place (i)));
    assert_true (id_of (s, "cat") >= 0);
    return id_of (s, "cat");
}

static void
test_identities (void **state)
{
    Stream s;
    gint64 cat = -1, dog = -1;

    stream_open (&s, "foveatrack ! foveametaconvert");
    for (guint i = 0; i < 30; i++) {
        GstBuffer *buffer = seen (i, place (i));
        int roi =
            test_add_object (buffer, WIDTH, HEIGHT, .8 - .006 * i, .1, .9 - .006 * i, .25, "dog");
        GstBuffer *out = gst_harness_push_and_pull (s.h, buffer);
        gst_fovea_buffer_objects (out, &s.info, s.objects);
        if (i >= N_SURE) {
            const char *json = gst_fovea_buffer_get_json (out);
            GstStructure *st = gst_video_region_of_interest_meta_get_param (
                gst_buffer_get_video_region_of_interest_meta_id (out, roi), "object_id");
            g_autofree char *expected = NULL;
            int id = -1;
            assert_true (i == N_SURE || id_of (&s, "cat") == cat);
            assert_true (i == N_SURE || id_of (&s, "dog") == dog);
            cat = id_of (&s, "cat");
            dog = id_of (&s, "dog");
            assert_true (cat >= 0 && dog >= 0 && cat != dog);
            assert_int_equal (s.objects->len, 2);
            assert_true (st && gst_structure_get_int (st, "id", &id));
            assert_int_equal (id, dog);
            expected =
                g_strdup_printf ("\"id\":%d,\"roi_type\":\"dog\",\"track\":{\"id\":%d,", id, id);
            assert_non_null (strstr (json, expected));
            assert_non_null (strstr (json, "\"state\":\"confirmed\",\"velocity\":{\"x\":"));
        }
        gst_buffer_unref (out);
    }
    /* 0.006 widths in 1/30 s. */
    assert_true (fabs ((double) g_array_index (s.objects, GstFoveaObject, 0).velocity_x - .18) <
                 .05);
    stream_close (&s);
}

/* What a frame says of the detector. */
typedef enum { SEEN, SKIPPED, SILENT } Look;

/* The tracker fills the gap where the detector has no time, or not its turn. */
static void
test_between_detections (void **state)
{
    for (Look look = SKIPPED; look <= SILENT; look++) {
        Stream s;
        gint64 id;

        stream_open (&s, "foveatrack ! foveametaconvert");
        id = make_sure (&s, 0);
        for (guint i = N_SURE; i < 40; i++) {
            GstBuffer *buffer = i % 4 ? test_frame (CAPS, i) : seen (i, place (i));
            if (i % 4 && look == SKIPPED)
                gst_fovea_buffer_add_meta (buffer, WIDTH, HEIGHT, 0, GST_FOVEA_META_SKIPPED);
            stream_push (&s, buffer);
            assert_int_equal (s.objects->len, 1);
            assert_int_equal (id_of (&s, "cat"), id);
            const GstFoveaObject *o = &g_array_index (s.objects, GstFoveaObject, 0);
            assert_true (fabs (o->x_min - place (i)) < .02);
            assert_true (o->roi_id > 0);
            assert_int_equal (o->label_id, 3);
            assert_int_equal (o->track_state, FOV_TRACK_CONFIRMED);
        }
        stream_close (&s);
    }
}

/* What a detector leaves on a frame that it looked at: an object labelled so, of that size in parts
 * of the frame, or word of nothing. */
static void
leave (GstBuffer *buffer, const char *instance, double x, double size, const char *label)
{
    GstFoveaMeta *meta =
        gst_fovea_buffer_add_meta (buffer, WIDTH, HEIGHT, g_quark_from_string (instance),
                                   GST_FOVEA_META_INFERRED);
    GstFoveaObject o = GST_FOVEA_OBJECT_INIT;

    o.x_min = x;
    o.y_min = .3;
    o.x_max = x + size;
    o.y_max = .3 + size;
    o.confidence = .9f;
    o.label = label ? g_quark_from_string (label) : 0;
    if (label)
        gst_fovea_buffer_add_object (buffer, meta, &o);
}

/* A frame of a detector of people and a slower one of faces. */
static GstBuffer *
two_look (guint index, gboolean person)
{
    GstBuffer *buffer = test_frame (CAPS, index);

    leave (buffer, "people", .1, .4, person ? "person" : NULL);
    if (index % 5 == 0)
        leave (buffer, "faces", .2, .1, "face");
    else if (index % 5 == 1)
        gst_fovea_buffer_add_meta (buffer, WIDTH, HEIGHT, g_quark_from_string ("faces"),
                                   GST_FOVEA_META_SKIPPED);
    return buffer;
}

/* Detectors that look at different frames: each one's tracks are missed by it alone. */
static void
test_two_detectors (void **state)
{
    gint64 face = -1, person = -1;
    Stream s;

    stream_open (&s, "foveatrack ! foveametaconvert");
    for (guint i = 0; i < 150; i++) {
        stream_push (&s, two_look (i, i < 50));
        if (i == 20) {
            face = id_of (&s, "face");
            person = id_of (&s, "person");
            assert_true (face >= 0 && person >= 0 && face != person);
        }
        for (guint k = 0; i >= 20 && k < s.objects->len; k++) {
            const GstFoveaObject *o = &g_array_index (s.objects, GstFoveaObject, k);
            if (o->track_id == face && (o->track_state != FOV_TRACK_CONFIRMED || o->visibility < 1))
                fail_msg ("frame %u: the face is %s", i,
                          fov_track_state_name ((FovTrackState) o->track_state));
        }
        assert_true (i < 20 || id_of (&s, "face") == face);
        assert_true (i < 20 || i >= 50 || id_of (&s, "person") == person);
    }
    assert_int_equal (id_of (&s, "person"), -1);

    /* The slower one is taken away: in the end the other one's looks end its tracks. */
    for (guint i = 0; i < 8; i++) {
        GstBuffer *buffer = test_frame (CAPS, 150 + 300 * i);
        leave (buffer, "people", 0, 0, NULL);
        stream_push (&s, buffer);
        assert_true (i == 7 || id_of (&s, "face") == face);
    }
    assert_int_equal (id_of (&s, "face"), -1);
    stream_close (&s);
}

/* What one tracker holds is no detection for another one. */
static void
test_two_trackers (void **state)
{
    Stream s;

    stream_open (&s, "foveatrack name=a object-class=cat ! foveatrack name=b");
    gint64 id = make_sure (&s, 0);
    stream_push (&s, seen (N_SURE, place (N_SURE)));
    for (guint i = N_SURE + 1; i < N_SURE + 20; i++) {
        guint n = 0;
        stream_push (&s, test_frame (CAPS, i));
        for (guint k = 0; k < s.objects->len; k++)
            n += g_array_index (s.objects, GstFoveaObject, k).track_id == id;
        assert_int_equal (s.objects->len, 2); /* held by each of them */
        assert_int_equal (n, 2);
    }
    stream_close (&s);
}

/* Nothing found is not the same as not looked: the track is lost, then given up. */
static void
test_the_end_of_a_track (void **state)
{
    Stream s;
    gboolean lost = FALSE, ended = FALSE;

    stream_open (&s, "foveatrack ! foveametaconvert");
    gint64 id = make_sure (&s, 0);
    g_autofree char *words = g_strdup_printf ("{\"ended\":[{\"id\":%" G_GINT64_FORMAT
                                              ",\"label\":\"cat\",\"reason\":\"timeout\"}]",
                                              id);
    for (guint i = N_SURE; i < 3000 && !ended; i++) {
        GstBuffer *buffer = test_frame (CAPS, i);
        gst_fovea_buffer_add_meta (buffer, WIDTH, HEIGHT, 0, GST_FOVEA_META_INFERRED);
        stream_push (&s, buffer);
        for (guint k = 0; k < s.objects->len; k++)
            lost |= g_array_index (s.objects, GstFoveaObject, k).track_state == FOV_TRACK_LOST;
        ended = s.json && strstr (s.json, words);
    }
    assert_true (lost);
    assert_true (ended);
    assert_int_equal (s.objects->len, 0);
    stream_close (&s);
}

static void
flush (Stream *s)
{
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    assert_true (gst_harness_push_event (s->h, gst_event_new_flush_start ()));
    assert_true (gst_harness_push_event (s->h, gst_event_new_flush_stop (TRUE)));
    assert_true (gst_harness_push_event (s->h, gst_event_new_segment (&segment)));
}

static void
stream_start (Stream *s)
{
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    assert_true (gst_harness_push_event (s->h, gst_event_new_stream_start ("another")));
    assert_true (gst_harness_push_event (s->h, gst_event_new_caps (gst_caps_from_string (CAPS))));
    assert_true (gst_harness_push_event (s->h, gst_event_new_segment (&segment)));
}

static void
other_caps (Stream *s)
{
    gst_harness_set_src_caps_str (s->h,
                                  "video/x-raw,format=GRAY8,width=320,height=240,framerate=30/1");
    gst_harness_set_src_caps_str (s->h, CAPS);
}

static void
other_rate (Stream *s)
{
    gst_harness_set_src_caps_str (s->h,
                                  "video/x-raw,format=GRAY8,width=640,height=480,framerate=15/1");
}

static void
push_segment (Stream *s, double rate, guint start, guint time)
{
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    segment.rate = rate;
    segment.start = start * GST_SECOND / 30;
    segment.time = time * GST_SECOND / 30;
    segment.base = N_SURE * GST_SECOND / 30;
    if (rate < 0)
        segment.stop = segment.start;
    if (rate < 0)
        segment.start = segment.time = 0;
    assert_true (gst_harness_push_event (s->h, gst_event_new_segment (&segment)));
}

static void
starts_over (Stream *s)
{
    push_segment (s, 1, 0, 0);
}

static void
further_ahead (Stream *s)
{
    push_segment (s, 1, N_SURE + 300, N_SURE + 300);
}

static void
other_stamps (Stream *s)
{
    push_segment (s, 1, 0, N_SURE);
}

static void
faster (Stream *s)
{
    push_segment (s, 2, N_SURE, N_SURE);
}

/* What forgets and what does not. All are followed by a frame at index next. */
static const struct {
    const char *name;
    void (*event) (Stream *s);
    guint next;
    gboolean discont, same;
} cuts[] = {
    { "nothing", NULL, N_SURE, FALSE, TRUE },
    { "dropped frames", NULL, N_SURE + 5, FALSE, TRUE },
    { "dropped frames, marked", NULL, N_SURE + 5, TRUE, TRUE },
    { "another frame rate", other_rate, N_SURE, FALSE, TRUE },
    { "a jump ahead, marked", NULL, N_SURE + 300, TRUE, FALSE },
    { "a jump back, marked", NULL, 1, TRUE, FALSE },
    { "a flush", flush, N_SURE, FALSE, FALSE },
    { "a seek back", flush, 2, FALSE, FALSE },
    { "another stream", stream_start, 0, FALSE, FALSE },
    { "another size", other_caps, N_SURE, FALSE, FALSE },
    { "a segment that starts over", starts_over, 0, FALSE, FALSE },
    { "a segment further ahead", further_ahead, N_SURE + 300, FALSE, FALSE },
    { "a segment that goes on with other timestamps", other_stamps, 0, FALSE, TRUE },
    { "a faster segment", faster, N_SURE, FALSE, TRUE },
};

/* Whether the last frame's JSON says that the track was ended by a reset. */
static gboolean
ended_by_reset (const Stream *s, gint64 id)
{
    g_autofree char *words =
        g_strdup_printf ("{\"id\":%" G_GINT64_FORMAT ",\"label\":\"cat\",\"reason\":\"reset\"}",
                         id);

    return s->json && strstr (s->json, words);
}

static void
test_cuts (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (cuts); i++) {
        Stream s;
        stream_open (&s, "foveatrack ! foveametaconvert");
        gint64 before = make_sure (&s, 0), after = -1;
        double start = place (cuts[i].next < N_SURE ? N_SURE : MIN (cuts[i].next, N_SURE + 5));
        if (cuts[i].event)
            cuts[i].event (&s);
        for (guint k = 0; k < N_SURE; k++) {
            GstBuffer *buffer = seen (cuts[i].next + k, start + .006 * k);
            if (k == 0 && cuts[i].discont)
                GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
            stream_push (&s, buffer);
            if (k == 0 && ended_by_reset (&s, before) == cuts[i].same)
                fail_msg ("%s: the end of %d is %s", cuts[i].name, (int) before,
                          cuts[i].same ? "said" : "not said");
            if (k == 0 && (id_of (&s, "cat") == before) != cuts[i].same)
                fail_msg ("%s: the identity %s", cuts[i].name, cuts[i].same ? "is gone" : "stayed");
        }
        after = id_of (&s, "cat");
        if (after < 0 || (after == before) != cuts[i].same)
            fail_msg ("%s: id %d, then %d", cuts[i].name, (int) before, (int) after);
        stream_close (&s);
    }
}

/* Time-outs that count pictures count those of the stream's rate at hand: two of 200 ms. */
static void
test_slower (void **state)
{
    Stream s;

    stream_open (&s, "foveatrack tracker=bytetrack max-age=2");
    gint64 id = make_sure (&s, 0);
    gst_harness_set_src_caps_str (s.h,
                                  "video/x-raw,format=GRAY8,width=640,height=480,framerate=5/1");
    for (guint k = 1; k <= 3; k++) {
        guint index = N_SURE - 1 + 6 * k;
        GstBuffer *buffer = k < 3 ? test_frame (CAPS, index) : seen (index, place (N_SURE + 2));
        gst_fovea_buffer_add_meta (buffer, WIDTH, HEIGHT, 0, GST_FOVEA_META_INFERRED);
        stream_push (&s, buffer);
    }
    assert_int_equal (id_of (&s, "cat"), id);
    stream_close (&s);
}

/* Played backwards: another way of moving, but one identity through all of it. */
static void
test_backwards (void **state)
{
    Stream s;
    gint64 before, id = -1;

    stream_open (&s, "foveatrack ! foveametaconvert");
    before = make_sure (&s, 60);
    push_segment (&s, -1, 60 + N_SURE, 0);
    for (guint i = 60 + N_SURE; i-- > 0;) {
        stream_push (&s, seen (i, place (i)));
        if (i == 59 + N_SURE)
            assert_true (ended_by_reset (&s, before));
        if (i == 59)
            id = id_of (&s, "cat");
        assert_true (i > 59 || (id > before && id_of (&s, "cat") == id));
    }
    stream_close (&s);
}

/* Frames that go back in time or have none: each goes through, and the identity stays. */
static void
test_strange_times (void **state)
{
    Stream s;
    gint64 id;

    stream_open (&s, "foveatrack");
    id = make_sure (&s, 0);
    GstBuffer *again = seen (N_SURE - 1, place (N_SURE - 1));
    stream_push (&s, again);
    assert_int_equal (s.objects->len, 1);
    GstBuffer *timeless = seen (N_SURE, place (N_SURE));
    GST_BUFFER_PTS (timeless) = GST_CLOCK_TIME_NONE;
    stream_push (&s, timeless);
    assert_int_equal (id_of (&s, "cat"), id);
    stream_push (&s, seen (N_SURE + 1, place (N_SURE + 1)));
    assert_int_equal (id_of (&s, "cat"), id);
    stream_close (&s);
}

/* Objects of elements that do not know Fovea. */
static void
test_foreign_rois (void **state)
{
    Stream s;

    stream_open (&s, "foveatrack");
    for (guint i = 0; i < N_SURE; i++) {
        GstBuffer *buffer = test_frame (CAPS, i), *out;
        for (guint k = 0; k < 2; k++)
            gst_buffer_add_video_region_of_interest_meta (buffer, k ? "face" : "cat", 100 + 5 * i,
                                                          60 + 200 * k, 80, 90);
        out = gst_harness_push_and_pull (s.h, buffer);
        assert_int_equal (gst_fovea_buffer_objects (out, &s.info, s.objects), 2);
        if (i == N_SURE - 1) {
            gpointer it = NULL;
            GstMeta *meta;
            guint n = 0;
            while ((meta = gst_buffer_iterate_meta_filtered (
                        out, &it, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
                GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *) meta;
                assert_non_null (gst_video_region_of_interest_meta_get_param (roi, "object_id"));
                n++;
            }
            assert_int_equal (n, 2);
        }
        gst_buffer_unref (out);
    }
    assert_true (id_of (&s, "cat") >= 0 && id_of (&s, "face") >= 0);
    assert_true (id_of (&s, "cat") != id_of (&s, "face"));
    stream_close (&s);
}

/* A confidence that is no number is none: the object is followed, and its record is JSON. */
static void
test_foreign_confidence (void **state)
{
    static const double broken[] = { NAN, INFINITY, -INFINITY };

    for (guint k = 0; k < G_N_ELEMENTS (broken); k++) {
        Stream s;
        stream_open (&s, "foveatrack ! foveametaconvert");
        for (guint i = 0; i < N_SURE; i++) {
            GstBuffer *buffer = test_frame (CAPS, i);
            GstVideoRegionOfInterestMeta *roi =
                gst_buffer_add_video_region_of_interest_meta (buffer, "cat", 100, 60, 80, 90);
            gst_video_region_of_interest_meta_add_param (
                roi, gst_structure_new ("detection", "confidence", G_TYPE_DOUBLE, broken[k], NULL));
            stream_push (&s, buffer);
        }
        assert_true (id_of (&s, "cat") >= 0);
        assert_null (strstr (s.json, "confidence"));
        stream_close (&s);
    }
}

/* Parts of objects and unwanted classes have no identity; what is wanted can change. */
static void
test_whom (void **state)
{
    Stream s;

    stream_open (&s, "foveatrack name=t object-class=\"dog, cat\"");
    for (guint i = 0; i < 3 * N_SURE; i++) {
        GstBuffer *buffer = seen (i, place (i));
        GstFoveaMeta *meta = gst_fovea_buffer_get_meta (buffer, 0);
        GstFoveaObject part = g_array_index (meta->objects, GstFoveaObject, 0);
        test_add_object (buffer, WIDTH, HEIGHT, .7, .1, .8, .3, "bird");
        part.parent_id = part.roi_id;
        part.roi_id = -1;
        part.label = g_quark_from_string ("ear");
        part.x_max -= .05;
        gst_fovea_buffer_add_object (buffer, meta, &part);
        if (i == N_SURE)
            gst_harness_set (s.h, "foveatrack", "object-class", NULL, NULL);
        if (i == 2 * N_SURE)
            gst_harness_set (s.h, "foveatrack", "object-class", "bird", NULL);
        stream_push (&s, buffer);
        assert_int_equal (id_of (&s, "ear"), -1);
        if (i == N_SURE - 1) {
            assert_true (id_of (&s, "cat") >= 0);
            assert_int_equal (id_of (&s, "bird"), -1);
        }
        if (i >= 2 * N_SURE - 1)
            assert_true (id_of (&s, "bird") >= 0);
    }
    stream_close (&s);
}

static void
test_corrupt (void **state)
{
    g_autoptr (GstBus) bus = gst_bus_new ();
    Stream s;
    gint64 id;

    stream_open (&s, "foveatrack");
    gst_element_set_bus (s.h->element, bus);
    id = make_sure (&s, 0);
    for (guint i = N_SURE; i < N_SURE + 3; i++) {
        GstBuffer *buffer = seen (i, place (i));
        gst_buffer_set_size (buffer, 100);
        stream_push (&s, buffer);
        assert_int_equal (id_of (&s, "cat"), id);
    }
    GstMessage *message = test_wait_message (bus, GST_MESSAGE_WARNING);
    assert_non_null (message);
    gst_message_unref (message);
    assert_null (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR));
    gst_element_set_bus (s.h->element, NULL);
    stream_close (&s);
}

/* Every number takes its whole range while frames run, and is read back. */
static void
test_numbers (void **state)
{
    Stream s;
    guint n, n_numbers = 0;

    stream_open (&s, "foveatrack");
    make_sure (&s, 0);
    g_autoptr (GstElement) element = gst_harness_find_element (s.h, "foveatrack");
    g_autoptr (GArray) numbers = fov_tracker_properties (NULL, NULL, NULL);
    g_autofree GParamSpec **specs =
        g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
    for (guint i = 0; i < numbers->len; i++) {
        const FovTrackerProperty *p = &g_array_index (numbers, FovTrackerProperty, i);
        for (guint k = 0; k < n; k++) {
            const double ends[] = { p->minimum, p->maximum, p->value };
            if (!g_str_equal (specs[k]->name, p->name))
                continue;
            n_numbers++;
            for (guint e = 0; e < 3; e++) {
                g_auto (GValue) value = G_VALUE_INIT, back = G_VALUE_INIT, real = G_VALUE_INIT;
                g_value_init (&real, G_TYPE_DOUBLE);
                g_value_init (&value, specs[k]->value_type);
                g_value_init (&back, specs[k]->value_type);
                g_value_set_double (&real, ends[e]);
                if (G_VALUE_HOLDS_BOOLEAN (&value))
                    g_value_set_boolean (&value, ends[e] != 0);
                else
                    g_value_transform (&real, &value);
                g_object_set_property (G_OBJECT (element), p->name, &value);
                g_object_get_property (G_OBJECT (element), p->name, &back);
                assert_int_equal (gst_value_compare (&value, &back), GST_VALUE_EQUAL);
                guint at = N_SURE + 3 * i + e;
                stream_push (&s, seen (at, .1 + .001 * at));
            }
        }
    }
    assert_int_equal (n_numbers, numbers->len);
    stream_close (&s);
}

/* A property that iou does not have, with its default. */
static void
set_foreign_number (GstElement *element)
{
    g_autoptr (GArray) all = fov_tracker_properties ("bytetrack", NULL, NULL);
    g_autoptr (GArray) few = fov_tracker_properties ("iou", NULL, NULL);

    for (guint i = 0; i < all->len; i++) {
        const char *name = g_array_index (all, FovTrackerProperty, i).name;
        gboolean both = FALSE;
        for (guint k = 0; k < few->len; k++)
            both |= g_str_equal (name, g_array_index (few, FovTrackerProperty, k).name);
        if (!both) {
            GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), name);
            g_object_set_property (G_OBJECT (element), name, g_param_spec_get_default_value (spec));
            return;
        }
    }
    fail_msg ("iou has every property");
}

/* A number that this tracker does not have: said once, however often it is set. */
static void
test_foreign_number (void **state)
{
    g_autoptr (GstBus) bus = gst_bus_new ();
    Stream s;

    stream_open (&s, "foveatrack tracker=iou");
    g_autoptr (GstElement) element = gst_harness_find_element (s.h, "foveatrack");
    gst_element_set_bus (element, bus);
    for (guint i = 0; i < 4; i++) {
        set_foreign_number (element);
        stream_push (&s, seen (i, place (i)));
    }
    GstMessage *message = test_wait_message (bus, GST_MESSAGE_WARNING);
    assert_non_null (message);
    gst_message_unref (message);
    assert_null (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));
    gst_element_set_bus (element, NULL);
    stream_close (&s);
}

/* A visual tracker that this tracker does not ask: said once, and not where it is asked. */
static void
test_unused_visual (void **state)
{
    static const char *const trackers[] = { "bytetrack", "fovea" };

    for (guint k = 0; k < G_N_ELEMENTS (trackers); k++) {
        g_autofree char *launch = g_strdup_printf ("foveatrack visual=dcf tracker=%s", trackers[k]);
        g_autoptr (GstBus) bus = gst_bus_new ();
        g_autoptr (GError) error = NULL;
        Stream s;

        stream_open (&s, launch);
        g_autoptr (GstElement) element = gst_harness_find_element (s.h, "foveatrack");
        gst_element_set_bus (element, bus);
        for (guint i = 0; i < 4; i++) {
            gst_harness_set (s.h, "foveatrack", "preset", i % 2, NULL);
            stream_push (&s, seen (i, place (i)));
        }
        GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
        assert_int_equal (message != NULL, k == 0);
        if (message) {
            gst_message_parse_warning (message, &error, NULL);
            assert_non_null (strstr (error->message, "visual has no effect on tracker=bytetrack"));
            gst_message_unref (message);
        }
        assert_null (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));
        gst_element_set_bus (element, NULL);
        stream_close (&s);
    }
}

/* Another tracker takes over between two frames, with identities that were not given before. */
static void
test_other_tracker (void **state)
{
    Stream s;
    gint64 ids[3];

    stream_open (&s, "foveatrack");
    ids[0] = make_sure (&s, 0);
    gst_harness_set (s.h, "foveatrack", "preset", 1, NULL);
    ids[1] = make_sure (&s, 10);
    g_autoptr (GstElement) element = gst_harness_find_element (s.h, "foveatrack");
    gst_util_set_object_arg (G_OBJECT (element), "tracker", "iou");
    ids[2] = make_sure (&s, 20);
    assert_true (ids[0] < ids[1] && ids[1] < ids[2]);
    stream_close (&s);
}

/* A camera 2 m above the ground, its horizon in the middle of the frame. */
#define CAMERA                                                                                     \
    "RotationMatrices\n1 0 0\n0 0 -1\n0 1 0\nTranslationVectors\n0 2000 0\n"                       \
    "IntrinsicMatrix\n500 0 320\n0 500 240\n0 0 1\n"

/* A frame with someone whose feet are so many pixels below the horizon: their id if they are whom
 * the track was of, -1 if it is lost. */
static gint64
see_feet (Stream *s, guint index, double feet)
{
    GstBuffer *buffer = test_frame (CAPS, index);

    test_add_object (buffer, WIDTH, HEIGHT, .49, 243. / HEIGHT, .51, (240. + feet) / HEIGHT, "cat");
    stream_push (s, buffer);
    for (guint i = 0; i < s->objects->len; i++)
        if (g_array_index (s->objects, GstFoveaObject, i).track_state == FOV_TRACK_LOST)
            return -1;
    return id_of (s, "cat");
}

static void
expect_camera_file (Stream *s, const char *expected)
{
    g_autofree char *path = NULL;

    gst_harness_get (s->h, "foveatrack", "camera-file", &path, NULL);
    assert_string_equal (path ? path : "", expected ? expected : "");
}

/* Feet ten pixels lower are six metres nearer, once the camera is known: another one's. A bad file
 * changes nothing. */
static void
test_camera_file (void **state)
{
    g_autofree char *path = NULL;
    g_autoptr (GstBus) bus = gst_bus_new ();
    int fd = g_file_open_tmp ("fovea-camera-XXXXXX", &path, NULL);
    Stream s;

    assert_true (fd >= 0 && g_file_set_contents (path, CAMERA, -1, NULL));
    stream_open (&s, "foveatrack ground=1");
    g_autoptr (GstElement) element = gst_harness_find_element (s.h, "foveatrack");
    gst_element_set_bus (element, bus);
    for (guint i = 0; i < N_SURE; i++)
        see_feet (&s, i, 33);
    gint64 id = id_of (&s, "cat");
    assert_true (id >= 0 && see_feet (&s, 10, 43) == id && see_feet (&s, 11, 33) == id);
    gst_harness_set (s.h, "foveatrack", "camera-file", path, NULL);
    assert_true (see_feet (&s, 12, 33) == id && see_feet (&s, 13, 33) == id);
    expect_camera_file (&s, path);
    assert_null (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));
    gst_harness_set (s.h, "foveatrack", "camera-file", "/nowhere.txt", NULL);
    assert_int_equal (see_feet (&s, 14, 33), id);
    assert_int_equal (see_feet (&s, 15, 43), -1);
    expect_camera_file (&s, path);
    GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
    assert_non_null (message);
    gst_message_unref (message);
    assert_true (see_feet (&s, 16, 33) == id);
    gst_harness_set (s.h, "foveatrack", "camera-file", NULL, NULL);
    assert_true (see_feet (&s, 17, 43) == id);
    expect_camera_file (&s, NULL);
    gst_element_set_bus (element, NULL);
    stream_close (&s);
    g_unlink (path);
    close (fd);
}

static void
test_refused (void **state)
{
    static const struct {
        const char *properties;
        GQuark (*domain) (void);
        int code;
    } rows[] = {
        { "embedding-model=/nowhere.onnx", gst_resource_error_quark, GST_RESOURCE_ERROR_NOT_FOUND },
        { "camera-file=/nowhere.txt", gst_resource_error_quark, GST_RESOURCE_ERROR_NOT_FOUND },
        { "visual=dcf embedding-model=/nowhere.onnx", gst_resource_error_quark,
          GST_RESOURCE_ERROR_NOT_FOUND },
        { "visual=dcf device=nonsense", gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS },
    };

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *launch = g_strdup_printf ("foveatrack %s", rows[i].properties);
        g_autoptr (GstElement) element = gst_parse_launch (launch, NULL);
        g_autoptr (GstBus) bus = gst_bus_new ();
        g_autoptr (GError) error = NULL;
        gst_element_set_bus (element, bus);
        assert_int_equal (gst_element_set_state (element, GST_STATE_PAUSED),
                          GST_STATE_CHANGE_FAILURE);
        GstMessage *message = test_wait_message (bus, GST_MESSAGE_ERROR);
        assert_non_null (message);
        gst_message_parse_error (message, &error, NULL);
        if (error->domain != rows[i].domain () || error->code != rows[i].code)
            fail_msg ("%s: %s", rows[i].properties, error->message);
        gst_message_unref (message);
        gst_element_set_bus (element, NULL);
        gst_element_set_state (element, GST_STATE_NULL);
    }
}

/* A square that the detector sees in the first frames alone is held by its looks; networks are
 * real ones. */
static void
test_networks (void **state)
{
    static const char *const launches[] = {
        "foveatrack device=cpu embedding-model=%1$s/models/reid/osnet_x0_25_msmt17.onnx",
        "foveatrack device=cpu visual=siamese "
        "visual-backbone=%1$s/models/track/nanotrackv2_backbone.onnx "
        "visual-head=%1$s/models/track/nanotrackv2_head.onnx",
    };
    const char *data = g_getenv ("FOVEA_TEST_DATA");

    if (!data)
        skip ();
    for (guint i = 0; i < G_N_ELEMENTS (launches); i++) {
        g_auto (GStrv) words = g_strsplit (launches[i], "%1$s", -1);
        g_autofree char *launch = g_strjoinv (data, words);
        Stream s;
        gint64 id = -1;
        stream_open (&s, launch);
        for (guint k = 0; k < 16; k++) {
            int x = 150 + 4 * (int) k, side = 90;
            gboolean looks = i == 0 || k < 10;
            GstBuffer *buffer = test_square (CAPS, k, x, 180, side);
            gst_fovea_buffer_add_meta (buffer, WIDTH, HEIGHT, 0,
                                       looks ? GST_FOVEA_META_INFERRED : GST_FOVEA_META_SKIPPED);
            if (looks)
                test_add_object (buffer, WIDTH, HEIGHT, (double) x / WIDTH, 180. / HEIGHT,
                                 (double) (x + side) / WIDTH, (180. + side) / HEIGHT, "cat");
            stream_push (&s, buffer);
            if (k == 9)
                id = id_of (&s, "cat");
        }
        assert_true (id >= 0);
        assert_int_equal (id_of (&s, "cat"), id);
        const GstFoveaObject *o = &g_array_index (s.objects, GstFoveaObject, 0);
        assert_float_equal (o->x_min * WIDTH, 150 + 4 * 15, 12);
        if (i == 1)
            assert_int_equal (o->track_reason, FOV_TRACK_REASON_VISUAL);
        stream_close (&s);
    }
}

/* It adds no latency, and the end and gaps come through. */
static void
test_events (void **state)
{
    Stream s;

    stream_open (&s, "foveatrack");
    gst_harness_set_upstream_latency (s.h, 20 * GST_MSECOND);
    make_sure (&s, 0);
    assert_int_equal (gst_harness_query_latency (s.h), 20 * GST_MSECOND);
    assert_true (gst_harness_push_event (s.h, gst_event_new_gap (N_SURE * GST_SECOND / 30,
                                                                 GST_SECOND / 30)));
    stream_push (&s, seen (N_SURE + 1, place (N_SURE + 1)));
    assert_true (id_of (&s, "cat") >= 0);
    assert_true (gst_harness_push_event (s.h, gst_event_new_eos ()));
    GstEvent *event;
    gboolean eos = FALSE;
    while ((event = gst_harness_try_pull_event (s.h))) {
        eos |= GST_EVENT_TYPE (event) == GST_EVENT_EOS;
        gst_event_unref (event);
    }
    assert_true (eos);
    stream_close (&s);
}

int
main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_identities),
        cmocka_unit_test (test_between_detections),
        cmocka_unit_test (test_two_detectors),
        cmocka_unit_test (test_two_trackers),
        cmocka_unit_test (test_the_end_of_a_track),
        cmocka_unit_test (test_cuts),
        cmocka_unit_test (test_slower),
        cmocka_unit_test (test_backwards),
        cmocka_unit_test (test_strange_times),
        cmocka_unit_test (test_foreign_rois),
        cmocka_unit_test (test_foreign_confidence),
        cmocka_unit_test (test_whom),
        cmocka_unit_test (test_corrupt),
        cmocka_unit_test (test_numbers),
        cmocka_unit_test (test_foreign_number),
        cmocka_unit_test (test_unused_visual),
        cmocka_unit_test (test_other_tracker),
        cmocka_unit_test (test_camera_file),
        cmocka_unit_test (test_refused),
        cmocka_unit_test (test_networks),
        cmocka_unit_test (test_events),
    };

    test_init (&argc, &argv);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
