/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsttest.h"

#include <stdio.h>
#include <unistd.h>

#include "../unit/folder.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
    return gst_fovea_register_elements (plugin);
}

void
test_init (int *argc, char ***argv)
{
    gst_init (argc, argv);
    gst_plugin_register_static (GST_VERSION_MAJOR, GST_VERSION_MINOR, "foveatest", "elements",
                                plugin_init, "0", "LGPL", "fovea", "fovea", "fovea");
}

GstBuffer *
test_frame (const char *caps_text, guint index)
{
    g_autoptr (GstCaps) caps = gst_caps_from_string (caps_text);
    GstVideoInfo info;

    assert_true (gst_video_info_from_caps (&info, caps));
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&info), NULL);
    gst_buffer_memset (buffer, 0, 0, GST_VIDEO_INFO_SIZE (&info));
    GST_BUFFER_PTS (buffer) = gst_util_uint64_scale_int (GST_SECOND, (int) index, 30);
    GST_BUFFER_DURATION (buffer) = GST_SECOND / 30;
    return buffer;
}

GstBuffer *
test_square (const char *caps_text, guint index, int x, int y, int size)
{
    g_autoptr (GstCaps) caps = gst_caps_from_string (caps_text);
    GstBuffer *buffer = test_frame (caps_text, index);
    GstVideoInfo info;

    assert_true (gst_video_info_from_caps (&info, caps));
    for (int row = y; row < y + size; row++)
        gst_buffer_memset (buffer, (gsize) (row * GST_VIDEO_INFO_PLANE_STRIDE (&info, 0) + x), 255,
                           (gsize) size);
    return buffer;
}

int
test_add_object (GstBuffer *buffer, int width, int height, double x_min, double y_min, double x_max,
                 double y_max, const char *label)
{
    GstFoveaMeta *meta = gst_fovea_buffer_get_meta (buffer, 0);
    GstFoveaObject o = GST_FOVEA_OBJECT_INIT;

    if (!meta)
        meta = gst_fovea_buffer_add_meta (buffer, width, height, 0, GST_FOVEA_META_INFERRED);
    o.x_min = x_min;
    o.y_min = y_min;
    o.x_max = x_max;
    o.y_max = y_max;
    o.confidence = 0.75f;
    o.label_id = 3;
    o.label = label ? g_quark_from_string (label) : 0;
    gst_fovea_buffer_add_object (buffer, meta, &o);
    return o.roi_id;
}

void
test_set_track (GstBuffer *buffer, gint64 id, FovTrackState state, FovTrackReason reason)
{
    GstFoveaMeta *meta = gst_fovea_buffer_get_meta (buffer, 0);
    g_autoptr (GArray) objects = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    GstFoveaObject o = g_array_index (meta->objects, GstFoveaObject, meta->objects->len - 1);

    o.track_id = id;
    o.track_state = state;
    o.track_reason = reason;
    o.visibility = .5f;
    o.occluder = 4;
    o.velocity_x = .25f;
    o.velocity_y = -.5f;
    g_array_append_val (objects, o);
    gst_fovea_buffer_set_tracks (buffer, meta, objects);
}

GstMessage *
test_wait_message (GstBus *bus, GstMessageType type)
{
    return gst_bus_timed_pop_filtered (bus, GST_SECOND, type);
}

char *
test_make_dir (void)
{
    char *dir = g_dir_make_tmp ("fovea-gst-XXXXXX", NULL);

    assert_non_null (dir);
    return dir;
}

void
test_remove_dir (char *dir)
{
    remove_all (dir);
    g_free (dir);
}

gsize
test_rss (void)
{
    g_autofree char *text = NULL;
    unsigned long size = 0, resident = 0;

    assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
    assert_int_equal (sscanf (text, "%lu %lu", &size, &resident), 2);
    return resident * (gsize) sysconf (_SC_PAGESIZE);
}
