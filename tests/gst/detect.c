/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* foveadetect with a small real network that finds bright squares. */
#include "gsttest.h"

#include "tinymodel.h"

#define CAPS "video/x-raw,format=GRAY8,width=32,height=32,framerate=30/1"
#define CAPS_64 "video/x-raw,format=GRAY8,width=64,height=64,framerate=30/1"

/* Where it runs: the host, unless the caller wants another device checked. */
static const char *
device (void)
{
    const char *name = g_getenv ("FOVEA_TEST_DEVICE");

    return name ? name : "cpu:1";
}

static char *dir, *model_8, *model_16, *model_slow, *garbage;

static int
set_up (void **state)
{
    dir = test_make_dir ();
    model_8 = g_build_filename (dir, "square8.onnx", NULL);
    model_16 = g_build_filename (dir, "square16.onnx", NULL);
    model_slow = g_build_filename (dir, "slow.onnx", NULL);
    garbage = g_build_filename (dir, "garbage.onnx", NULL);
    return tiny_model_write (model_8, 8, 0) && tiny_model_write (model_16, 16, 0) &&
                   tiny_model_write (model_slow, 8, 24) &&
                   g_file_set_contents (garbage, "not a model", -1, NULL)
               ? 0
               : -1;
}

static int
tear_down (void **state)
{
    test_remove_dir (dir);
    g_free (model_8);
    g_free (model_16);
    g_free (model_slow);
    g_free (garbage);
    return 0;
}

typedef struct {
    GstHarness *h;
    GstElement *detect;
    GstBus *bus;
} Rig;

static Rig
rig_new (const char *caps, const char *model, const char *more)
{
    g_autofree char *launch =
        g_strdup_printf ("foveadetect name=d device=%s labels=square model=\"%s\" %s", device (),
                         model, more);
    Rig rig;

    rig.h = gst_harness_new_parse (launch);
    rig.detect = gst_harness_find_element (rig.h, "foveadetect");
    rig.bus = gst_bus_new ();
    gst_element_set_bus (rig.detect, rig.bus);
    gst_harness_set_live (rig.h, FALSE);
    gst_harness_set_src_caps_str (rig.h, caps);
    return rig;
}

static void
rig_free (Rig *rig)
{
    gst_harness_teardown (rig->h);
    gst_element_set_bus (rig->detect, NULL);
    gst_object_unref (rig->bus);
    gst_object_unref (rig->detect);
}

/* The objects of the next frame that comes out. */
static GArray *
pull_objects (Rig *rig, const char *caps_text)
{
    GArray *objects = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    g_autoptr (GstCaps) caps = gst_caps_from_string (caps_text);
    GstBuffer *out = gst_harness_pull (rig->h);
    GstVideoInfo info;

    assert_non_null (out);
    assert_true (gst_video_info_from_caps (&info, caps));
    GstFoveaMeta *meta = gst_fovea_buffer_get_meta (out, g_quark_from_string ("d"));
    if (meta)
        assert_int_equal (meta->flags & ~GST_FOVEA_META_REGIONS, GST_FOVEA_META_INFERRED);
    gst_fovea_buffer_objects (out, &info, objects);
    gst_buffer_unref (out);
    return objects;
}

static void
expect_box (const GArray *objects, guint i, double x, double y, double size)
{
    const GstFoveaObject *o = &g_array_index (objects, GstFoveaObject, i);
    const double tolerance = 0.01;

    if (ABS (o->x_min - x) > tolerance || ABS (o->y_min - y) > tolerance ||
        ABS (o->x_max - x - size) > tolerance || ABS (o->y_max - y - size) > tolerance)
        fail_msg ("box %g,%g - %g,%g, expected %g,%g and %g wide", o->x_min, o->y_min, o->x_max,
                  o->y_max, x, y, size);
}

static void
test_finds (void **state)
{
    Rig rig = rig_new (CAPS, model_8, "");

    gst_harness_push (rig.h, test_square (CAPS, 0, 16, 8, 8));
    g_autoptr (GArray) objects = pull_objects (&rig, CAPS);
    assert_int_equal (objects->len, 1);
    expect_box (objects, 0, .5, .25, .25);
    const GstFoveaObject *o = &g_array_index (objects, GstFoveaObject, 0);
    assert_true (o->confidence > 0.9f);
    assert_int_equal (o->label_id, 0);
    assert_string_equal (g_quark_to_string (o->label), "square");
    gst_harness_push (rig.h, test_frame (CAPS, 1));
    g_autoptr (GArray) none = pull_objects (&rig, CAPS);
    assert_int_equal (none->len, 0);
    rig_free (&rig);
}

static void
test_formats (void **state)
{
    static const char *formats[] = { "NV12", "I420", "RGB",  "BGR",  "RGBx",
                                     "BGRx", "RGBA", "BGRA", "GRAY8" };

    for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
        g_autofree char *caps =
            g_strdup_printf ("video/x-raw,format=%s,width=64,height=48", formats[i]);
        g_autofree char *launch = g_strdup_printf (
            "videoconvertscale ! capsfilter caps=%s ! foveadetect name=d device=%s model=%s", caps,
            device (), model_8);
        Rig rig = { gst_harness_new_parse (launch), NULL, NULL };
        gst_harness_set_live (rig.h, FALSE);
        gst_harness_set_src_caps_str (rig.h,
                                      "video/x-raw,format=GRAY8,width=64,height=48,framerate=30/1");
        gst_harness_push (rig.h, test_square ("video/x-raw,format=GRAY8,width=64,height=48", 0, 16,
                                              16, 16));
        GstBuffer *out = gst_harness_pull (rig.h);
        GstFoveaMeta *meta = gst_fovea_buffer_get_meta (out, 0);
        if (!meta || meta->objects->len != 1)
            fail_msg ("%s: %u objects", formats[i], meta ? meta->objects->len : 0);
        const GstFoveaObject *o = &g_array_index (meta->objects, GstFoveaObject, 0);
        assert_float_equal (o->x_min, .25, .01);
        assert_float_equal (o->y_max, 32. / 48, .01);
        gst_buffer_unref (out);
        gst_harness_teardown (rig.h);
    }
}

static void
test_start_errors (void **state)
{
    const struct {
        const char *model, *property, *value, *text;
        GQuark domain;
        int code;
    } cases[] = {
        { NULL, NULL, NULL, "model", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS },
        { "/nonexistent.onnx", NULL, NULL, "/nonexistent.onnx", GST_RESOURCE_ERROR,
          GST_RESOURCE_ERROR_NOT_FOUND },
        { garbage, NULL, NULL, "garbage.onnx", GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE },
        { model_8, "device", "vulkan:nosuch", "nosuch", GST_RESOURCE_ERROR,
          GST_RESOURCE_ERROR_NOT_FOUND },
        { model_8, "labels-file", "/nonexistent.txt", "/nonexistent.txt", GST_RESOURCE_ERROR,
          GST_RESOURCE_ERROR_NOT_FOUND },
        { model_8, "mean", "1,2", "mean", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS },
        { model_8, "scale", "1,x,3", "scale", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS },
        { model_8, "decoder", "nosuch", "nosuch", 0, 0 },
        { model_8, "fit", "nosuch", "nosuch", 0, 0 },
        { model_8, "color-order", "nosuch", "nosuch", 0, 0 },
    };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        GstElement *element = gst_element_factory_make ("foveadetect", NULL);
        GstBus *bus = gst_bus_new ();
        g_autoptr (GError) error = NULL;
        gst_object_ref_sink (element);
        gst_element_set_bus (element, bus);
        g_object_set (element, "model", cases[i].model, "device", device (), NULL);
        if (cases[i].property)
            g_object_set (element, cases[i].property, cases[i].value, NULL);
        assert_int_equal (gst_element_set_state (element, GST_STATE_PAUSED),
                          GST_STATE_CHANGE_FAILURE);
        GstMessage *message = test_wait_message (bus, GST_MESSAGE_ERROR);
        assert_non_null (message);
        gst_message_parse_error (message, &error, NULL);
        if (cases[i].domain && !g_error_matches (error, cases[i].domain, cases[i].code))
            fail_msg ("case %u: %s %d: %s", i, g_quark_to_string (error->domain), error->code,
                      error->message);
        if (!strstr (error->message, cases[i].text))
            fail_msg ("case %u: \"%s\" does not name %s", i, error->message, cases[i].text);
        gst_message_unref (message);
        gst_element_set_state (element, GST_STATE_NULL);
        gst_element_set_bus (element, NULL);
        gst_object_unref (bus);
        gst_object_unref (element);
    }
}

/* Pushes frames until their box is of that size; each has exactly one result. */
static gboolean
box_becomes (Rig *rig, double size)
{
    gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

    for (guint i = 0; g_get_monotonic_time () < end; i++) {
        assert_int_equal (gst_harness_push (rig->h, test_square (CAPS_64, i, 16, 16, 16)),
                          GST_FLOW_OK);
        g_autoptr (GArray) objects = pull_objects (rig, CAPS_64);
        assert_int_equal (objects->len, 1);
        const GstFoveaObject *o = &g_array_index (objects, GstFoveaObject, 0);
        if (ABS (o->x_max - o->x_min - size) < .02)
            return TRUE;
        g_usleep (2000);
    }
    return FALSE;
}

static void
test_model_swap (void **state)
{
    Rig rig = rig_new (CAPS_64, model_8, "");

    assert_true (box_becomes (&rig, .25));
    g_object_set (rig.detect, "model", model_16, NULL);
    assert_true (box_becomes (&rig, .5));
    GstMessage *message = test_wait_message (rig.bus, GST_MESSAGE_ELEMENT);
    assert_non_null (message);
    assert_true (gst_message_has_name (message, "fovea-model-changed"));
    gst_message_unref (message);
    /* the last of several changes counts */
    g_object_set (rig.detect, "model", garbage, "model", model_16, "model", model_8, NULL);
    assert_true (box_becomes (&rig, .25));
    assert_null (gst_bus_pop_filtered (rig.bus, GST_MESSAGE_ERROR));
    rig_free (&rig);
}

static void
test_failed_swap (void **state)
{
    Rig rig = rig_new (CAPS_64, model_8, "");
    g_autoptr (GError) error = NULL;

    g_object_set (rig.detect, "model", "/nonexistent.onnx", NULL);
    GstMessage *message =
        gst_bus_timed_pop_filtered (rig.bus, 10 * GST_SECOND, GST_MESSAGE_WARNING);
    assert_non_null (message);
    gst_message_parse_warning (message, &error, NULL);
    assert_true (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
    assert_non_null (strstr (error->message, "/nonexistent.onnx"));
    gst_message_unref (message);
    assert_true (box_becomes (&rig, .25));
    assert_null (gst_bus_pop_filtered (rig.bus, GST_MESSAGE_ERROR));

    /* The property says what runs, and a later change does not stumble over the failed one. */
    g_autofree char *now = NULL;
    g_object_get (rig.detect, "model", &now, NULL);
    assert_string_equal (now, model_8);
    g_object_set (rig.detect, "device", "nosuch", NULL);
    message = gst_bus_timed_pop_filtered (rig.bus, 10 * GST_SECOND, GST_MESSAGE_WARNING);
    assert_non_null (message);
    gst_message_unref (message);
    g_object_set (rig.detect, "model", model_16, NULL);
    assert_true (box_becomes (&rig, .5));
    rig_free (&rig);
}

/* Leaving while the loader is busy. */
static void
test_stop_while_loading (void **state)
{
    for (int i = 0; i < 10; i++) {
        Rig rig = rig_new (CAPS_64, model_8, "");
        g_object_set (rig.detect, "model", i % 2 ? model_16 : model_slow, NULL);
        gst_harness_push (rig.h, test_frame (CAPS_64, 0));
        rig_free (&rig);
    }
}

static void
test_live_properties (void **state)
{
    Rig rig = rig_new (CAPS, model_8, "");

    for (guint i = 0; i < 6; i++) {
        g_object_set (rig.detect, "threshold", i % 2 ? 1.0f : 0.5f, NULL);
        gst_harness_push (rig.h, test_square (CAPS, i, 16, 8, 8));
        g_autoptr (GArray) objects = pull_objects (&rig, CAPS);
        assert_int_equal (objects->len, i % 2 ? 0 : 1);
    }
    g_object_set (rig.detect, "threshold", 0.5f, "inference-interval", 2, NULL);
    for (guint i = 6; i < 10; i++) {
        gst_harness_push (rig.h, test_square (CAPS, i, 16, 8, 8));
        g_autoptr (GArray) objects = pull_objects (&rig, CAPS);
        assert_int_equal (objects->len, i % 2 ? 0 : 1);
    }
    rig_free (&rig);
}

/* Each frame of a batch gets its own results. */
static void
test_batch (void **state)
{
    Rig rig = rig_new (CAPS, model_8, "batch-size=4");

    for (guint i = 0; i < 16; i++)
        gst_harness_push (rig.h, test_square (CAPS, i, (int) (i % 4) * 8, (int) (i / 4) * 8, 8));
    for (guint i = 0; i < 16; i++) {
        g_autoptr (GArray) objects = pull_objects (&rig, CAPS);
        assert_int_equal (objects->len, 1);
        expect_box (objects, 0, i % 4 * .25, i / 4 * .25, .25);
    }
    rig_free (&rig);
}

/* Only inside the objects of the wanted class, and tied to them. */
static void
test_roi_list (void **state)
{
    Rig rig = rig_new (CAPS_64, model_8, "inference-region=roi-list object-class=cat batch-size=2");
    GstBuffer *in = test_square (CAPS_64, 0, 8, 8, 8);
    GstBuffer *other = test_square (CAPS_64, 0, 40, 40, 8);
    GstMapInfo a, b;
    guint n_parts = 0;

    gst_buffer_map (in, &a, GST_MAP_WRITE);
    gst_buffer_map (other, &b, GST_MAP_READ);
    for (gsize i = 0; i < a.size; i++)
        a.data[i] |= b.data[i];
    gst_buffer_unmap (other, &b);
    gst_buffer_unmap (in, &a);
    gst_buffer_unref (other);
    int cat = test_add_object (in, 64, 64, 0, 0, .5, .5, "cat");
    test_add_object (in, 64, 64, .5, .5, 1, 1, "dog");
    test_add_object (in, 64, 64, .5, 0, 1, .5, "cat");
    gst_harness_push (rig.h, in);
    g_autoptr (GArray) objects = pull_objects (&rig, CAPS_64);
    for (guint i = 0; i < objects->len; i++) {
        const GstFoveaObject *o = &g_array_index (objects, GstFoveaObject, i);
        if (o->model_instance != g_quark_from_string ("d"))
            continue;
        n_parts++;
        expect_box (objects, i, .125, .125, .125);
        assert_int_equal (o->parent_id, cat);
    }
    assert_int_equal (n_parts, 1);
    assert_int_equal (objects->len, 4);
    /* nothing to look at is a result too */
    gst_harness_push (rig.h, test_square (CAPS_64, 1, 8, 8, 8));
    g_autoptr (GArray) none = pull_objects (&rig, CAPS_64);
    assert_int_equal (none->len, 0);
    rig_free (&rig);
}

static void
test_sizes (void **state)
{
    static const int sizes[][2] = { { 1, 1 }, { 33, 31 }, { 640, 360 }, { 31, 500 }, { 32, 32 } };
    Rig rig = rig_new (CAPS, model_8, "");

    for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
        g_autofree char *caps =
            g_strdup_printf ("video/x-raw,format=GRAY8,width=%d,height=%d,framerate=30/1",
                             sizes[i][0], sizes[i][1]);
        gst_harness_set_src_caps_str (rig.h, caps);
        for (guint k = 0; k < 3; k++)
            assert_int_equal (gst_harness_push (rig.h, test_frame (caps, i * 3 + k)), GST_FLOW_OK);
        for (guint k = 0; k < 3; k++) {
            g_autoptr (GArray) objects = pull_objects (&rig, caps);
            assert_int_equal (objects->len, 0);
        }
    }
    rig_free (&rig);
}

int
main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_finds),           cmocka_unit_test (test_formats),
        cmocka_unit_test (test_start_errors),    cmocka_unit_test (test_model_swap),
        cmocka_unit_test (test_failed_swap),     cmocka_unit_test (test_stop_while_loading),
        cmocka_unit_test (test_live_properties), cmocka_unit_test (test_batch),
        cmocka_unit_test (test_roi_list),        cmocka_unit_test (test_sizes),
    };

    test_init (&argc, &argv);
    return cmocka_run_group_tests (tests, set_up, tear_down);
}
