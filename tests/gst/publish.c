/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* foveametaconvert and foveapublish: the schema, whole records, errors. */
#include "gsttest.h"

#include <json-glib/json-glib.h>

#include "gstfoveajson.h"

#define CAPS "video/x-raw,format=GRAY8,width=640,height=480,framerate=30/1"

static GstBuffer *
frame_with_object (guint index, const char *label)
{
    GstBuffer *buffer = test_frame (CAPS, index);

    test_add_object (buffer, 640, 480, .25, .125, .75, .5, label);
    return buffer;
}

static char *
convert (const char *launch, GstBuffer *buffer)
{
    GstHarness *h = gst_harness_new_parse (launch);

    gst_harness_set_src_caps_str (h, CAPS);
    GstBuffer *out = gst_harness_push_and_pull (h, buffer);
    char *text = g_strdup (gst_fovea_buffer_get_json (out));
    gst_buffer_unref (out);
    gst_harness_teardown (h);
    return text;
}

static void
test_schema (void **state)
{
    g_autofree char *text = convert ("foveametaconvert source=cam1 tags=\"{\\\"site\\\":7}\"",
                                     frame_with_object (3, "cat"));
    const char *expected =
        "{\"objects\":[{\"detection\":{\"bounding_box\":{\"x_max\":0.75,\"x_min\":0.25,"
        "\"y_max\":0.5,\"y_min\":0.125},\"confidence\":0.75,\"label\":\"cat\",\"label_id\":3},"
        "\"h\":180,\"roi_type\":\"cat\",\"w\":320,\"x\":160,\"y\":60}],"
        "\"resolution\":{\"height\":480,\"width\":640},\"source\":\"cam1\",\"tags\":{\"site\":7},"
        "\"timestamp\":100000000}";

    assert_string_equal (text, expected);
}

/* What a tracker adds: the identity where gvametaconvert has it, the rest beside it. */
static void
test_tracks (void **state)
{
    static const struct {
        FovTrackState state;
        FovTrackReason reason;
        const char *id, *track;
    } rows[] = {
        { FOV_TRACK_OCCLUDED, FOV_TRACK_REASON_OCCLUDED, "\"id\":7,",
          "{\"id\":7,\"occluder\":4,\"reason\":\"occluded\",\"state\":\"occluded\","
          "\"velocity\":{\"x\":0.25,\"y\":-0.5},\"visibility\":0.5}" },
        { FOV_TRACK_TENTATIVE, FOV_TRACK_REASON_NONE, "",
          "{\"id\":7,\"occluder\":4,\"state\":\"tentative\","
          "\"velocity\":{\"x\":0.25,\"y\":-0.5},\"visibility\":0.5}" },
    };

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        GstBuffer *buffer = frame_with_object (0, "cat");
        test_set_track (buffer, 7, rows[i].state, rows[i].reason);
        g_autofree char *text = convert ("foveametaconvert", buffer);
        g_autofree char *expected =
            g_strdup_printf ("\"h\":180,%s\"roi_type\":\"cat\",\"track\":%s,\"w\":320,", rows[i].id,
                             rows[i].track);
        if (!strstr (text, expected))
            fail_msg ("%s lacks %s", text, expected);
    }
}

/* A track that ended is a result even where nothing is left to see. */
static void
test_ended (void **state)
{
    GstBuffer *buffer = test_frame (CAPS, 0);
    GstFoveaMeta *meta = gst_fovea_buffer_add_meta (buffer, 640, 480, 0, GST_FOVEA_META_TRACKED);
    GstFoveaObject o = GST_FOVEA_OBJECT_INIT;

    o.x_max = o.y_max = .5;
    o.track_id = 9;
    o.track_state = FOV_TRACK_REMOVED;
    o.track_reason = FOV_TRACK_REASON_LEFT;
    o.label = g_quark_from_static_string ("cat");
    gst_fovea_meta_add_ended (meta, &o);
    g_autofree char *text = convert ("foveametaconvert", buffer);
    assert_non_null (text);
    assert_true (g_str_has_prefix (
        text, "{\"ended\":[{\"id\":9,\"label\":\"cat\",\"reason\":\"left\"}],\"objects\":[],"));
}

static void
test_strange_label (void **state)
{
    g_autofree char *text =
        convert ("foveametaconvert", frame_with_object (0, "a \"b\"\n\\ \xc3\xa9"));
    g_autoptr (JsonNode) root = json_from_string (text, NULL);

    assert_non_null (root);
    assert_null (strchr (text, '\n'));
    JsonArray *objects = json_object_get_array_member (json_node_get_object (root), "objects");
    JsonObject *first = json_array_get_object_element (objects, 0);
    assert_string_equal (json_object_get_string_member (first, "roi_type"), "a \"b\"\n\\ \xc3\xa9");
}

static void
test_empty_results (void **state)
{
    g_autofree char *without = convert ("foveametaconvert", test_frame (CAPS, 0));
    g_autofree char *with =
        convert ("foveametaconvert add-empty-results=true", test_frame (CAPS, 0));

    assert_null (without);
    assert_string_equal (with, "{\"objects\":[],\"resolution\":{\"height\":480,\"width\":640},"
                               "\"timestamp\":0}");
}

static void
test_bad_tags (void **state)
{
    static const char *bad[] = { "[1]", "{", "3", "{\"a\":}" };
    GstElement *element = gst_element_factory_make ("foveametaconvert", NULL);
    GstBus *bus = gst_bus_new ();

    gst_object_ref_sink (element);
    gst_element_set_bus (element, bus);
    g_object_set (element, "tags", "{\"a\":1}", NULL);
    for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autofree char *kept = NULL;
        g_object_set (element, "tags", bad[i], NULL);
        g_object_get (element, "tags", &kept, NULL);
        assert_string_equal (kept, "{\"a\":1}");
        GstMessage *message = test_wait_message (bus, GST_MESSAGE_WARNING);
        assert_non_null (message);
        gst_message_unref (message);
    }
    gst_element_set_bus (element, NULL);
    gst_object_unref (bus);
    gst_object_unref (element);
}

static GstHarness *
publisher (const char *path, const char *format)
{
    g_autofree char *launch =
        g_strdup_printf ("foveametaconvert ! foveapublish file-path=\"%s\" file-format=%s", path,
                         format);
    GstHarness *h = gst_harness_new_parse (launch);

    gst_harness_set_src_caps_str (h, CAPS);
    return h;
}

static char *
contents (const char *path)
{
    char *text = NULL;

    assert_true (g_file_get_contents (path, &text, NULL, NULL));
    return text;
}

/* After each frame the file ends with a whole record. */
static void
test_lines (void **state)
{
    char *dir = test_make_dir ();
    g_autofree char *path = g_build_filename (dir, "out.jsonl", NULL);
    GstHarness *h = publisher (path, "json-lines");

    for (guint i = 0; i < 5; i++) {
        GstBuffer *in = i == 2 ? test_frame (CAPS, i) : frame_with_object (i, "cat");
        gst_buffer_unref (gst_harness_push_and_pull (h, in));
        g_autofree char *text = contents (path);
        g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
        guint n = g_strv_length (lines);
        assert_int_equal (n, (i < 2 ? i + 1 : i) + 1);
        assert_string_equal (lines[n - 1], "");
        for (guint k = 0; k + 1 < n; k++) {
            g_autoptr (JsonNode) node = json_from_string (lines[k], NULL);
            assert_non_null (node);
        }
    }
    gst_harness_teardown (h);
    test_remove_dir (dir);
}

static void
expect_array (const char *path, guint n)
{
    g_autofree char *text = contents (path);
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonNode) root = json_from_string (text, &error);

    assert_non_null (root);
    assert_true (JSON_NODE_HOLDS_ARRAY (root));
    assert_int_equal (json_array_get_length (json_node_get_array (root)), n);
}

/* Closed at EOS, and again when more follows; closed without EOS too. */
static void
test_array (void **state)
{
    char *dir = test_make_dir ();
    g_autofree char *path = g_build_filename (dir, "out.json", NULL);
    GstHarness *h = publisher (path, "json");
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    for (guint round = 1; round <= 2; round++) {
        for (guint i = 0; i < 3; i++)
            gst_buffer_unref (gst_harness_push_and_pull (h, frame_with_object (i, "cat")));
        gst_harness_push_event (h, gst_event_new_eos ());
        expect_array (path, 3 * round);
        gst_harness_push_event (h, gst_event_new_flush_start ());
        gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
        gst_harness_push_event (h, gst_event_new_segment (&segment));
    }
    gst_buffer_unref (gst_harness_push_and_pull (h, frame_with_object (9, "cat")));
    gst_harness_teardown (h);
    expect_array (path, 7);

    h = publisher (path, "json");
    gst_harness_teardown (h);
    expect_array (path, 0);
    test_remove_dir (dir);
}

static void
test_no_such_folder (void **state)
{
    GstElement *element = gst_element_factory_make ("foveapublish", NULL);
    GstBus *bus = gst_bus_new ();
    g_autoptr (GError) error = NULL;

    gst_object_ref_sink (element);
    gst_element_set_bus (element, bus);
    g_object_set (element, "file-path", "/nonexistent/folder/out.json", NULL);
    assert_int_equal (gst_element_set_state (element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    GstMessage *message = test_wait_message (bus, GST_MESSAGE_ERROR);
    assert_non_null (message);
    gst_message_parse_error (message, &error, NULL);
    assert_true (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE));
    assert_non_null (strstr (error->message, "/nonexistent/folder/out.json"));
    gst_message_unref (message);
    gst_element_set_state (element, GST_STATE_NULL);
    gst_element_set_bus (element, NULL);
    gst_object_unref (bus);
    gst_object_unref (element);
}

static void
test_disk_full (void **state)
{
    if (!g_file_test ("/dev/full", G_FILE_TEST_EXISTS)) {
        print_message ("no /dev/full here\n");
        skip ();
    }
    GstHarness *h = publisher ("/dev/full", "json-lines");
    GstElement *publish = gst_harness_find_element (h, "foveapublish");
    GstBus *bus = gst_bus_new ();
    g_autoptr (GError) error = NULL;

    gst_element_set_bus (publish, bus);
    assert_int_equal (gst_harness_push (h, frame_with_object (0, "cat")), GST_FLOW_ERROR);
    GstMessage *message = test_wait_message (bus, GST_MESSAGE_ERROR);
    assert_non_null (message);
    gst_message_parse_error (message, &error, NULL);
    assert_true (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT));
    gst_message_unref (message);
    gst_element_set_bus (publish, NULL);
    gst_object_unref (publish);
    gst_harness_teardown (h);
    gst_object_unref (bus);
}

int
main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_schema),         cmocka_unit_test (test_tracks),
        cmocka_unit_test (test_ended),          cmocka_unit_test (test_strange_label),
        cmocka_unit_test (test_empty_results),  cmocka_unit_test (test_bad_tags),
        cmocka_unit_test (test_lines),          cmocka_unit_test (test_array),
        cmocka_unit_test (test_no_such_folder), cmocka_unit_test (test_disk_full),
    };

    test_init (&argc, &argv);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
