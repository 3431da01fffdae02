/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GstFoveaMeta through GStreamer's own elements: right, or gone, but never stale. */
#include "gsttest.h"

#define CAPS "video/x-raw,format=I420,width=640,height=480,framerate=30/1"

typedef struct {
    const char *name, *pipeline;
    gboolean crop_downstream; /* downstream takes GstVideoCropMeta */
    gboolean kept;
    double x_min, y_min, x_max, y_max; /* of what was at 160,120 - 480,240 */
    gboolean cuts;                     /* the object is not whole any more */
} Way;

static const Way ways[] = {
    { "nothing", "identity", FALSE, TRUE, .25, .25, .75, .5 },
    { "queue", "queue", FALSE, TRUE, .25, .25, .75, .5 },
    { "videoconvert", "videoconvert ! capsfilter caps=video/x-raw,format=RGB", FALSE, TRUE, .25,
      .25, .75, .5 },
    { "videoscale", "videoscale ! capsfilter caps=video/x-raw,width=320,height=240", FALSE, TRUE,
      .25, .25, .75, .5 },
    { "videoscale with another pixel aspect",
      "videoscale ! capsfilter caps=video/x-raw,width=320,height=480", FALSE, TRUE, .25, .25, .75,
      .5 },
    { "videoscale with borders above and below",
      "videoscale ! capsfilter caps=video/x-raw,width=640,height=640,pixel-aspect-ratio=1/1", FALSE,
      TRUE, .25, (80 + 120) / 640., .75, (80 + 240) / 640. },
    { "videoscale with borders left and right",
      "videoscale ! capsfilter caps=video/x-raw,width=1280,height=480,pixel-aspect-ratio=1/1",
      FALSE, TRUE, (320 + 160) / 1280., .25, (320 + 480) / 1280., .5 },
    { "videoconvertscale",
      "videoconvertscale ! capsfilter caps=video/x-raw,format=BGRx,width=160,height=120", FALSE,
      TRUE, .25, .25, .75, .5 },
    { "scaled twice",
      "videoscale ! capsfilter caps=video/x-raw,width=320,height=320,pixel-aspect-ratio=1/1 ! "
      "videoconvertscale ! capsfilter caps=video/x-raw,format=RGB,width=160,height=160",
      FALSE, TRUE, .25, (80 + 120) / 640., .75, (80 + 240) / 640. },
    { "videocrop that copies", "videocrop left=160 top=120", FALSE, FALSE },
    { "videocrop by meta", "videocrop left=160 top=120", TRUE, TRUE, 0, 0, 320 / 480., 120 / 360. },
    { "videocrop by meta cuts the object", "videocrop right=320 bottom=300", TRUE, TRUE, .5,
      120 / 180., 1, 1, TRUE },
    { "videocrop by meta without the object", "videocrop left=500", TRUE, FALSE },
    { "videobox", "videobox left=-20", FALSE, FALSE },
    { "videoflip", "videoflip video-direction=horiz", FALSE, FALSE },
    { "videobalance", "videobalance brightness=0.1", FALSE, TRUE, .25, .25, .75, .5 },
    { "gamma", "gamma gamma=2", FALSE, TRUE, .25, .25, .75, .5 },
};

static GstBuffer *
through (const Way *way, GstVideoInfo *out_info, int *roi_id)
{
    g_autoptr (GError) error = NULL;
    GstElement *bin = gst_parse_bin_from_description (way->pipeline, TRUE, &error);

    if (!bin)
        fail_msg ("%s: %s", way->name, error->message);
    GstHarness *h = gst_harness_new_with_element (bin, "sink", "src");
    if (way->crop_downstream) {
        gst_harness_add_propose_allocation_meta (h, GST_VIDEO_CROP_META_API_TYPE, NULL);
        gst_harness_add_propose_allocation_meta (h, GST_VIDEO_META_API_TYPE, NULL);
    }
    gst_harness_set_src_caps_str (h, CAPS);
    GstBuffer *in = test_frame (CAPS, 0);
    *roi_id = test_add_object (in, 640, 480, .25, .25, .75, .5, "cat");
    test_set_track (in, 7, FOV_TRACK_OCCLUDED, FOV_TRACK_REASON_OCCLUDED);
    GstFoveaMeta *meta = gst_fovea_buffer_get_meta (in, 0);
    gst_fovea_meta_add_ended (meta, &g_array_index (meta->objects, GstFoveaObject, 0));
    assert_int_equal (gst_harness_push (h, in), GST_FLOW_OK);
    GstBuffer *out = gst_harness_pull (h);
    assert_non_null (out);
    g_autoptr (GstCaps) caps = gst_pad_get_current_caps (h->sinkpad);
    assert_true (gst_video_info_from_caps (out_info, caps));
    gst_harness_teardown (h);
    gst_object_unref (bin);
    return out;
}

/* The track's part, and its velocity in parts of the picture as it is now. */
static void
check_track (const Way *way, const GstFoveaObject *o)
{
    double scale_x = (way->x_max - way->x_min) / .5, scale_y = (way->y_max - way->y_min) / .25;

    assert_int_equal (o->track_id, 7);
    assert_int_equal (o->track_state, FOV_TRACK_OCCLUDED);
    assert_int_equal (o->track_reason, FOV_TRACK_REASON_OCCLUDED);
    assert_int_equal (o->occluder, 4);
    assert_float_equal (o->visibility, .5, 0);
    if (!way->cuts) {
        assert_float_equal (o->velocity_x, .25 * scale_x, 1e-6);
        assert_float_equal (o->velocity_y, -.5 * scale_y, 1e-6);
    }
}

static void
test_ways (void **state)
{
    g_autoptr (GArray) objects = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    g_autoptr (GArray) ended = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));

    for (guint i = 0; i < G_N_ELEMENTS (ways); i++) {
        const Way *way = &ways[i];
        GstVideoInfo info;
        int id;
        GstBuffer *out = through (way, &info, &id);
        guint n = gst_fovea_buffer_objects (out, &info, objects);
        if (n != (way->kept ? 1u : 0u))
            fail_msg ("%s: %u objects came out", way->name, n);
        if (n) {
            const GstFoveaObject *o = &g_array_index (objects, GstFoveaObject, 0);
            double off = MAX (MAX (ABS (o->x_min - way->x_min), ABS (o->x_max - way->x_max)),
                              MAX (ABS (o->y_min - way->y_min), ABS (o->y_max - way->y_max)));
            if (off > 1e-6)
                fail_msg ("%s: box is %g,%g - %g,%g", way->name, o->x_min, o->y_min, o->x_max,
                          o->y_max);
            assert_int_equal (o->roi_id, id);
            assert_int_equal (o->label_id, 3);
            assert_float_equal (o->confidence, .75f, 0);
            assert_string_equal (g_quark_to_string (o->label), "cat");
            check_track (way, o);
            assert_int_equal (gst_fovea_buffer_ended (out, &info, ended), 1);
            check_track (way, &g_array_index (ended, GstFoveaObject, 0));
        }
        gst_buffer_unref (out);
    }
}

static void
test_roi_beside (void **state)
{
    GstBuffer *buffer = test_frame (CAPS, 0);
    int id = test_add_object (buffer, 640, 480, .25, .25, .75, .5, "cat");
    GstVideoRegionOfInterestMeta *roi =
        gst_buffer_get_video_region_of_interest_meta_id (buffer, id);
    double x_min = 0, confidence = 0;
    int label_id = -1;

    assert_non_null (roi);
    assert_int_equal (roi->x, 160);
    assert_int_equal (roi->y, 120);
    assert_int_equal (roi->w, 320);
    assert_int_equal (roi->h, 120);
    assert_string_equal (g_quark_to_string (roi->roi_type), "cat");
    GstStructure *s = gst_video_region_of_interest_meta_get_param (roi, "detection");
    assert_non_null (s);
    assert_true (gst_structure_get_double (s, "x_min", &x_min));
    assert_true (gst_structure_get_double (s, "confidence", &confidence));
    assert_true (gst_structure_get_int (s, "label_id", &label_id));
    assert_float_equal (x_min, .25, 1e-9);
    assert_float_equal (confidence, .75, 1e-9);
    assert_int_equal (label_id, 3);
    gst_buffer_unref (buffer);
}

/* Others read an identity as gvatrack writes it, and only one that a track is sure of. */
static void
test_track_beside (void **state)
{
    static const struct {
        FovTrackState state;
        gboolean known;
    } rows[] = { { FOV_TRACK_TENTATIVE, FALSE },
                 { FOV_TRACK_CONFIRMED, TRUE },
                 { FOV_TRACK_LOST, TRUE },
                 { FOV_TRACK_RECOVERED, TRUE } };

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        GstBuffer *buffer = test_frame (CAPS, 0);
        int roi = test_add_object (buffer, 640, 480, .25, .25, .75, .5, "cat"), id = -1;
        test_set_track (buffer, 11, rows[i].state, FOV_TRACK_REASON_NONE);
        test_set_track (buffer, 12, rows[i].state, FOV_TRACK_REASON_NONE);
        GstStructure *s = gst_video_region_of_interest_meta_get_param (
            gst_buffer_get_video_region_of_interest_meta_id (buffer, roi), "object_id");
        assert_int_equal (s != NULL, rows[i].known);
        if (s)
            assert_true (gst_structure_get_int (s, "id", &id) && id == 12);
        if (s)
            assert_string_equal (gst_structure_get_string (s, "state"),
                                 fov_track_state_name (rows[i].state));
        gst_buffer_unref (buffer);
    }
}

static void
test_foreign_roi (void **state)
{
    g_autoptr (GArray) objects = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    GstBuffer *buffer = test_frame (CAPS, 0);
    g_autoptr (GstCaps) caps = gst_caps_from_string (CAPS);
    GstVideoInfo info;

    gst_video_info_from_caps (&info, caps);
    GstVideoRegionOfInterestMeta *roi =
        gst_buffer_add_video_region_of_interest_meta (buffer, "face", 64, 48, 64, 48);
    roi->id = G_MAXINT;
    test_add_object (buffer, 640, 480, .5, .5, .75, .75, "cat");
    assert_int_equal (gst_fovea_buffer_objects (buffer, &info, objects), 2);
    const GstFoveaObject *o = &g_array_index (objects, GstFoveaObject, 1);
    assert_string_equal (g_quark_to_string (o->label), "face");
    assert_float_equal (o->x_min, .1, 1e-9);
    assert_true (o->confidence < 0);
    gst_buffer_unref (buffer);
}

static void
test_part_of_a_buffer (void **state)
{
    GstBuffer *buffer = test_frame (CAPS, 0);

    test_add_object (buffer, 640, 480, .5, .5, .75, .75, "cat");
    GstBuffer *copy = gst_buffer_copy_deep (buffer);
    GstBuffer *part = gst_buffer_copy_region (buffer, GST_BUFFER_COPY_ALL, 0, 640);
    assert_non_null (gst_fovea_buffer_get_meta (copy, 0));
    assert_null (gst_fovea_buffer_get_meta (part, 0));
    gst_buffer_unref (part);
    gst_buffer_unref (copy);
    gst_buffer_unref (buffer);
}

static void
test_instances (void **state)
{
    GstBuffer *buffer = test_frame (CAPS, 0);
    GQuark a = g_quark_from_string ("a"), b = g_quark_from_string ("b");
    GstFoveaMeta *first = gst_fovea_buffer_add_meta (buffer, 640, 480, a, 0);

    assert_ptr_not_equal (first, gst_fovea_buffer_add_meta (buffer, 640, 480, b, 0));
    assert_ptr_equal (first, gst_fovea_buffer_add_meta (buffer, 320, 240, a, 0));
    assert_ptr_equal (first, gst_fovea_buffer_get_meta (buffer, a));
    assert_int_equal (first->width, 320);
    assert_null (gst_fovea_buffer_get_meta (buffer, g_quark_from_string ("c")));
    gst_buffer_unref (buffer);
}

int
main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_ways),        cmocka_unit_test (test_roi_beside),
        cmocka_unit_test (test_foreign_roi), cmocka_unit_test (test_part_of_a_buffer),
        cmocka_unit_test (test_instances),   cmocka_unit_test (test_track_beside),
    };

    test_init (&argc, &argv);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
