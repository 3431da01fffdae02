/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea-run: detects and follows what is in a video file and says what came out:
 * frames, frames per second, latency, objects by class, tracks. It keeps the
 * frame that shows the most objects well as a still.
 */
#include <gst/gst.h>
#include <gst/video/video.h>

#include <stdlib.h>
#include <string.h>

typedef struct {
    char *video, *model, *device, *json, *output, *still;
    float threshold;
} Options;

typedef struct {
    GMutex lock;
    GHashTable *by_class; /* label quark -> count */
    guint64 frames, objects;
    double most; /* worth of the still */
    GstSample *still;
    gboolean want_still;
    gint64 first, last; /* monotonic us of the first and the last frame */
} Tally;

/* A file name as a value of a launch description. */
static char *
quoted (const char *text)
{
    g_autofree char *escaped = g_strescape (text, NULL);
    return g_strdup_printf ("\"%s\"", escaped);
}

static char *
describe (const Options *o)
{
    g_autofree char *video = quoted (o->video), *model = quoted (o->model);
    g_autofree char *device = quoted (o->device ? o->device : "auto");
    GString *text = g_string_new (NULL);

    g_string_append_printf (text,
                            "filesrc location=%s ! decodebin ! videoconvert ! "
                            "foveadetect name=detect model=%s device=%s threshold=%g ! "
                            "foveatrack name=track ! ",
                            video, model, device, o->threshold);
    if (o->json) {
        g_autofree char *json = quoted (o->json);
        g_string_append_printf (text,
                                "foveametaconvert add-empty-results=true ! "
                                "foveapublish file-format=json-lines file-path=%s ! ",
                                json);
    }
    g_string_append (text, "foveaoverlay name=overlay ! ");
    if (o->output) {
        g_autofree char *output = quoted (o->output);
        g_string_append_printf (
            text,
            "queue ! videoconvert ! openh264enc name=encoder bitrate=2000000 complexity=low "
            "multi-thread=1 ! h264parse ! mp4mux ! filesink location=%s",
            output);
    } else {
        g_string_append (text, "fakesink sync=false");
    }
    return g_string_free (text, FALSE);
}

/* ---- counting ---------------------------------------------------------- */

/* What an object adds to a still: many that are sure, and none that may be wrong or is hidden. */
static double
worth_of (GstVideoRegionOfInterestMeta *roi, const GstStructure *id)
{
    const char *state = gst_structure_get_string (id, "state");
    GstStructure *found = gst_video_region_of_interest_meta_get_param (roi, "detection");
    double confidence = 0;

    if (found && g_strcmp0 (state, "confirmed") == 0)
        gst_structure_get_double (found, "confidence", &confidence);
    return confidence < 0.6 ? -1 : confidence;
}

/* Of objects that a track is sure of and that are thought to be in sight. */
static guint
count_objects (Tally *tally, GstBuffer *buffer, double *worth)
{
    gpointer state = NULL;
    GstMeta *meta;
    guint n = 0;

    while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state,
                                                     GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
        GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *) meta;
        GstStructure *id = gst_video_region_of_interest_meta_get_param (roi, "object_id");
        if (!id || g_strcmp0 (gst_structure_get_string (id, "state"), "lost") == 0)
            continue;
        gpointer key = GUINT_TO_POINTER (roi->roi_type);
        guint so_far = GPOINTER_TO_UINT (g_hash_table_lookup (tally->by_class, key));
        g_hash_table_insert (tally->by_class, key, GUINT_TO_POINTER (so_far + 1));
        *worth += worth_of (roi, id);
        n++;
    }
    return n;
}

static void
keep_still (Tally *tally, GstPad *pad, GstBuffer *buffer, double worth)
{
    g_autoptr (GstCaps) caps = NULL;

    if (!tally->want_still || (tally->still && worth <= tally->most))
        return;
    caps = gst_pad_get_current_caps (pad);
    if (!caps)
        return;
    g_clear_pointer (&tally->still, gst_sample_unref);
    /* A copy of the pixels: the buffer goes back to its pool. */
    g_autoptr (GstBuffer) copy = gst_buffer_copy_deep (buffer);
    tally->still = gst_sample_new (copy, caps, NULL, NULL);
    tally->most = worth;
}

static GstPadProbeReturn
on_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    Tally *tally = user_data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
    double worth = 0;
    guint n;

    g_mutex_lock (&tally->lock);
    tally->last = g_get_monotonic_time ();
    if (!tally->frames++)
        tally->first = tally->last;
    n = count_objects (tally, buffer, &worth);
    tally->objects += n;
    keep_still (tally, pad, buffer, worth);
    g_mutex_unlock (&tally->lock);
    return GST_PAD_PROBE_OK;
}

/*
 * The end goes round OpenH264, not through it: it holds no frames back, but when
 * asked for some at the end it complains on the standard error.
 */
static GstPadProbeReturn
on_encoder_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstPad *behind = user_data;

    if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_EOS)
        return GST_PAD_PROBE_OK;
    gst_pad_push_event (behind, gst_event_new_eos ());
    return GST_PAD_PROBE_DROP;
}

static void
watch_encoder (GstBin *pipeline)
{
    g_autoptr (GstElement) encoder = gst_bin_get_by_name (pipeline, "encoder");

    if (!encoder)
        return;
    g_autoptr (GstPad) pad = gst_element_get_static_pad (encoder, "sink");
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_encoder_event,
                       gst_element_get_static_pad (encoder, "src"), gst_object_unref);
}

static gboolean
save_still (const Tally *tally, const char *path, GError **error)
{
    g_autoptr (GstCaps) png = gst_caps_from_string ("image/png");
    g_autoptr (GstSample) sample = NULL;
    GstMapInfo map;
    gboolean ok;

    if (!tally->still)
        return TRUE;
    sample = gst_video_convert_sample (tally->still, png, 10 * GST_SECOND, error);
    if (!sample)
        return FALSE;
    if (!gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ))
        return FALSE;
    ok = g_file_set_contents (path, (const char *) map.data, (gssize) map.size, error);
    gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
    return ok;
}

/* ---- the closing summary ------------------------------------------------ */

static int
by_count (gconstpointer a, gconstpointer b, gpointer table)
{
    guint x = GPOINTER_TO_UINT (g_hash_table_lookup (table, *(const gpointer *) a));
    guint y = GPOINTER_TO_UINT (g_hash_table_lookup (table, *(const gpointer *) b));

    if (x != y)
        return x > y ? -1 : 1;
    return strcmp (g_quark_to_string (GPOINTER_TO_UINT (*(const gpointer *) a)),
                   g_quark_to_string (GPOINTER_TO_UINT (*(const gpointer *) b)));
}

static void
print_classes (Tally *tally)
{
    guint n;
    g_autofree gpointer *keys = g_hash_table_get_keys_as_array (tally->by_class, &n);

    g_qsort_with_data (keys, (int) n, sizeof *keys, by_count, tally->by_class);
    for (guint i = 0; i < n; i++)
        g_print ("%s%s %u", i ? ", " : "", g_quark_to_string (GPOINTER_TO_UINT (keys[i])),
                 GPOINTER_TO_UINT (g_hash_table_lookup (tally->by_class, keys[i])));
    g_print ("%s\n", n ? "" : "none");
}

static void
print_summary (GstElement *detect, GstElement *track, Tally *tally, const Options *o)
{
    g_autofree char *device = NULL;
    guint64 p50 = 0, p95 = 0, skipped = 0, dropped = 0, tracks = 0;
    double seconds = (tally->last - tally->first) * 1e-6;

    g_object_get (detect, "device-name", &device, "latency-p50", &p50, "latency-p95", &p95,
                  "frames-skipped", &skipped, "frames-dropped", &dropped, NULL);
    g_object_get (track, "tracks", &tracks, NULL);
    g_print ("\ndevice     %s\n", device);
    g_print ("frames     %" G_GUINT64_FORMAT " (%" G_GUINT64_FORMAT " skipped, %" G_GUINT64_FORMAT
             " dropped)\n",
             tally->frames, skipped, dropped);
    g_print ("speed      %.1f frames a second\n",
             seconds > 0 ? (double) (tally->frames - 1) / seconds : 0);
    g_print ("latency    p50 %.1f ms, p95 %.1f ms\n", p50 * 1e-6, p95 * 1e-6);
    g_print ("objects    ");
    print_classes (tally);
    g_print ("tracks     %" G_GUINT64_FORMAT "\n", tracks);
    for (guint i = 0; i < 3; i++) {
        const char *file = i == 0 ? o->output : i == 1 ? o->json : o->still;
        if (file)
            g_print ("%s%s\n", i ? "           " : "written    ", file);
    }
}

/* ---- running ------------------------------------------------------------ */

static gboolean
show_progress (gpointer user_data)
{
    Tally *tally = user_data;

    g_mutex_lock (&tally->lock);
    g_printerr ("  %" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " objects\n", tally->frames,
                tally->objects);
    g_mutex_unlock (&tally->lock);
    return G_SOURCE_CONTINUE;
}

typedef struct {
    GMainLoop *loop;
    gboolean ok;
} Run;

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
    Run *run = user_data;
    g_autoptr (GError) error = NULL;
    g_autofree char *detail = NULL;

    switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_EOS:
        run->ok = TRUE;
        g_main_loop_quit (run->loop);
        break;
    case GST_MESSAGE_ERROR:
        gst_message_parse_error (message, &error, &detail);
        g_printerr ("%s: %s\n", GST_OBJECT_NAME (message->src), error->message);
        if (detail)
            g_printerr ("  %s\n", detail);
        g_main_loop_quit (run->loop);
        break;
    case GST_MESSAGE_WARNING:
        gst_message_parse_warning (message, &error, &detail);
        g_printerr ("warning: %s: %s\n", GST_OBJECT_NAME (message->src), error->message);
        break;
    default:
        break;
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
run_pipeline (GstElement *pipeline, Tally *tally)
{
    g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
    g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
    Run run = { loop, FALSE };
    guint watch = gst_bus_add_watch (bus, on_message, &run);
    guint progress = g_timeout_add_seconds (5, show_progress, tally);

    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    g_main_loop_run (loop);
    g_source_remove (progress);
    g_source_remove (watch);
    return run.ok;
}

static gboolean
run (const Options *o, GError **error)
{
    g_autofree char *description = describe (o);
    g_autoptr (GstElement) pipeline = gst_parse_launch (description, error);
    g_autoptr (GstElement) detect = NULL, track = NULL, overlay = NULL;
    Tally tally = { .by_class = g_hash_table_new (NULL, NULL), .want_still = o->still != NULL };
    gboolean ok;

    if (!pipeline)
        return FALSE;
    g_mutex_init (&tally.lock);
    detect = gst_bin_get_by_name (GST_BIN (pipeline), "detect");
    track = gst_bin_get_by_name (GST_BIN (pipeline), "track");
    overlay = gst_bin_get_by_name (GST_BIN (pipeline), "overlay");
    g_autoptr (GstPad) pad = gst_element_get_static_pad (overlay, "src");
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, &tally, NULL);
    watch_encoder (GST_BIN (pipeline));
    g_printerr ("%s\n", description);
    ok = run_pipeline (pipeline, &tally);
    if (ok && o->still)
        ok = save_still (&tally, o->still, error);
    if (ok)
        print_summary (detect, track, &tally, o);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    g_clear_pointer (&tally.still, gst_sample_unref);
    g_hash_table_unref (tally.by_class);
    g_mutex_clear (&tally.lock);
    return ok;
}

int
main (int argc, char **argv)
{
    Options o = { .threshold = 0.5f };
    double threshold = 0.5;
    const GOptionEntry entries[] = {
        { "video", 0, 0, G_OPTION_ARG_FILENAME, &o.video, "Video file to read", "FILE" },
        { "model", 0, 0, G_OPTION_ARG_FILENAME, &o.model, "Detector: .onnx or model.json", "FILE" },
        { "device", 0, 0, G_OPTION_ARG_STRING, &o.device,
          "auto, cpu[:THREADS], gpu[:N], vulkan[:N or NAME] (default: auto)", "DEVICE" },
        { "threshold", 0, 0, G_OPTION_ARG_DOUBLE, &threshold, "Lowest score, 0..1 (default: 0.5)",
          "SCORE" },
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o.output, "Write the annotated video (.mp4)",
          "FILE" },
        { "json", 0, 0, G_OPTION_ARG_FILENAME, &o.json, "Write the objects, a line a frame",
          "FILE" },
        { "still", 0, 0, G_OPTION_ARG_FILENAME, &o.still,
          "Write the frame that shows the most objects", "FILE" },
        { NULL },
    };
    g_autoptr (GOptionContext) context = g_option_context_new ("- find objects in a video");
    g_autoptr (GError) error = NULL;
    gboolean ok;

    g_option_context_add_main_entries (context, entries, NULL);
    g_option_context_add_group (context, gst_init_get_option_group ());
    if (!g_option_context_parse (context, &argc, &argv, &error) || !o.video || !o.model) {
        g_printerr ("%s\n", error ? error->message : "--video and --model are needed; see --help");
        return 2;
    }
    o.threshold = (float) threshold;
    ok = run (&o, &error);
    if (error)
        g_printerr ("%s\n", error->message);
    g_free (o.video);
    g_free (o.model);
    g_free (o.device);
    g_free (o.output);
    g_free (o.json);
    g_free (o.still);
    return ok ? 0 : 1;
}
