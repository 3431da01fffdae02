/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfoveafilter.h"

#include <stdlib.h>
#include <string.h>

#include "gstfoveaelements.h"
#include "gstfoveafilter-private.h"
#include "gstfoveaprops.h"
#include "gstfoveavideo.h"

#define GST_CAT_DEFAULT gst_fovea_debug

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (GstFoveaFilter, gst_fovea_filter, GST_TYPE_ELEMENT)

enum {
    PROP_0,
    PROP_MAX_LATENCY,
    PROP_LATE_POLICY,
    PROP_QOS,
    PROP_FRAMES_IN,
    PROP_FRAMES_INFERRED,
    PROP_FRAMES_SKIPPED,
    PROP_FRAMES_DROPPED,
    PROP_LATENCY_P50,
    PROP_LATENCY_P95,
    PROP_FPS
};

static GType
late_policy_get_type (void)
{
    static gsize type = 0;
    static const GEnumValue values[] = { { GST_FOVEA_LATE_SKIP, "Pass the frame without results",
                                           "skip" },
                                         { GST_FOVEA_LATE_DROP, "Drop the frame", "drop" },
                                         { 0, NULL, NULL } };

    return gst_fovea_enum_type (&type, "GstFoveaLatePolicy", values);
}

GstFoveaFilterPrivate *
gst_fovea_filter_priv (GstFoveaFilter *filter)
{
    return gst_fovea_filter_get_instance_private (filter);
}

void
gst_fovea_filter_set_capacity (GstFoveaFilter *filter, guint max_in_flight, guint batch)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);

    g_mutex_lock (&p->lock);
    p->max_in_flight = CLAMP (max_in_flight, 1, 16);
    p->batch = CLAMP (batch, 1, 64);
    g_cond_broadcast (&p->changed);
    g_mutex_unlock (&p->lock);
}

static void
reset (GstFoveaFilterPrivate *p)
{
    g_mutex_lock (&p->lock);
    p->eos = p->discont = p->have_caps = p->live_known = p->live = FALSE;
    p->corrupt_told = p->slow_told = p->flow_told = FALSE;
    p->n_outstanding = p->n_buffers = p->n_services = p->n_latencies = 0;
    p->last_ready = 0;
    p->n_in = p->n_inferred = p->n_skipped = p->n_dropped = p->n_out = 0;
    p->last_done = p->auto_budget = p->frame_time = 0;
    p->service = 0;
    gst_segment_init (&p->segment, GST_FORMAT_UNDEFINED);
    gst_fovea_filter_qos_reset (p);
    g_mutex_unlock (&p->lock);
}

static gboolean
start (GstFoveaFilter *filter)
{
    GstFoveaFilterClass *klass = GST_FOVEA_FILTER_GET_CLASS (filter);
    g_autoptr (GError) error = NULL;

    reset (gst_fovea_filter_priv (filter));
    if (klass->start && !klass->start (filter, &error)) {
        gst_fovea_post_error (filter, error, "Can not start");
        return FALSE;
    }
    gst_fovea_filter_start_worker (filter);
    return TRUE;
}

static void
stop (GstFoveaFilter *filter)
{
    GstFoveaFilterClass *klass = GST_FOVEA_FILTER_GET_CLASS (filter);

    if (!gst_fovea_filter_priv (filter)->worker)
        return;
    gst_fovea_filter_stop_worker (filter);
    if (klass->stop)
        klass->stop (filter);
}

static GstStateChangeReturn
change_state (GstElement *element, GstStateChange transition)
{
    GstFoveaFilter *filter = GST_FOVEA_FILTER (element);
    GstStateChangeReturn ret;

    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start (filter))
        return GST_STATE_CHANGE_FAILURE;
    ret = GST_ELEMENT_CLASS (gst_fovea_filter_parent_class)->change_state (element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
        (transition == GST_STATE_CHANGE_READY_TO_PAUSED && ret == GST_STATE_CHANGE_FAILURE))
        stop (filter);
    return ret;
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (GST_FOVEA_FILTER (object));
    gboolean latency = FALSE;

    g_mutex_lock (&p->lock);
    switch (id) {
    case PROP_MAX_LATENCY:
        p->max_latency = g_value_get_uint (value);
        p->slow_told = FALSE;
        latency = p->live;
        g_cond_broadcast (&p->changed);
        break;
    case PROP_LATE_POLICY:
        p->late_policy = g_value_get_enum (value);
        break;
    case PROP_QOS:
        p->qos = g_value_get_boolean (value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
    g_mutex_unlock (&p->lock);
    if (latency)
        gst_element_post_message (GST_ELEMENT (object),
                                  gst_message_new_latency (GST_OBJECT (object)));
}

static int
compare_times (const void *a, const void *b)
{
    gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

    return x < y ? -1 : x > y;
}

/* Nanoseconds that a share of the last frames stayed below. */
static guint64
latency_quantile (const GstFoveaFilterPrivate *p, double share)
{
    gint64 sorted[N_LATENCIES];
    guint n = MIN (p->n_latencies, N_LATENCIES);

    if (n == 0)
        return 0;
    memcpy (sorted, p->latencies, n * sizeof *sorted);
    qsort (sorted, n, sizeof *sorted, compare_times);
    return (guint64) sorted[(guint) (share * (n - 1) + 0.5)] * GST_USECOND;
}

static double
frame_rate (const GstFoveaFilterPrivate *p)
{
    guint size = G_N_ELEMENTS (p->out_times);
    guint n = (guint) MIN (p->n_out, size);

    if (n < 2)
        return 0;
    gint64 last = p->out_times[(p->n_out - 1) % size], first = p->out_times[(p->n_out - n) % size];
    return last > first ? (n - 1) * (double) G_USEC_PER_SEC / (double) (last - first) : 0;
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (GST_FOVEA_FILTER (object));

    g_mutex_lock (&p->lock);
    switch (id) {
    case PROP_MAX_LATENCY:
        g_value_set_uint (value, p->max_latency);
        break;
    case PROP_LATE_POLICY:
        g_value_set_enum (value, p->late_policy);
        break;
    case PROP_QOS:
        g_value_set_boolean (value, p->qos);
        break;
    case PROP_FRAMES_IN:
        g_value_set_uint64 (value, p->n_in);
        break;
    case PROP_FRAMES_INFERRED:
        g_value_set_uint64 (value, p->n_inferred);
        break;
    case PROP_FRAMES_SKIPPED:
        g_value_set_uint64 (value, p->n_skipped);
        break;
    case PROP_FRAMES_DROPPED:
        g_value_set_uint64 (value, p->n_dropped);
        break;
    case PROP_LATENCY_P50:
        g_value_set_uint64 (value, latency_quantile (p, 0.5));
        break;
    case PROP_LATENCY_P95:
        g_value_set_uint64 (value, latency_quantile (p, 0.95));
        break;
    case PROP_FPS:
        g_value_set_double (value, frame_rate (p));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
    g_mutex_unlock (&p->lock);
}

static void
finalize (GObject *object)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (GST_FOVEA_FILTER (object));

    g_mutex_clear (&p->lock);
    g_cond_clear (&p->changed);
    G_OBJECT_CLASS (gst_fovea_filter_parent_class)->finalize (object);
}

static void
gst_fovea_filter_init (GstFoveaFilter *filter)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);

    g_mutex_init (&p->lock);
    g_cond_init (&p->changed);
    p->max_in_flight = 2;
    p->batch = 1;
    p->flow = GST_FLOW_FLUSHING;
    gst_fovea_filter_add_pads (filter);
}

static void
install_counter (GObjectClass *object_class, guint id, const char *name, const char *nick,
                 const char *blurb)
{
    g_object_class_install_property (object_class, id,
                                     g_param_spec_uint64 (name, nick, blurb, 0, G_MAXUINT64, 0,
                                                          GST_FOVEA_READ));
}

static void
install_properties (GObjectClass *object_class)
{
    g_object_class_install_property (
        object_class, PROP_MAX_LATENCY,
        g_param_spec_uint ("max-latency", "Maximum latency",
                           "Milliseconds that a frame of a live pipeline may stay in this element; "
                           "0: as many frame durations as frames are under way, or more where "
                           "inference takes longer. Not used where the pipeline is not live. Takes "
                           "effect at once",
                           0, 60000, 0, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_LATE_POLICY,
        g_param_spec_enum ("late-policy", "Late policy",
                           "What happens to a frame whose results can not be ready within "
                           "max-latency (in a live pipeline) or before the sink wants it (see "
                           "qos). Takes effect with the next such frame",
                           late_policy_get_type (), GST_FOVEA_LATE_SKIP, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_QOS,
        g_param_spec_boolean ("qos", "Quality of service",
                              "Heed a sink that synchronises and gets frames too late: those that "
                              "would be late too go by late-policy, without inference, until the "
                              "stream has caught up. Takes effect with the next frame",
                              TRUE, GST_FOVEA_LIVE | G_PARAM_CONSTRUCT));
    install_counter (object_class, PROP_FRAMES_IN, "frames-in", "Frames in",
                     "Frames that came in since the element left READY");
    install_counter (object_class, PROP_FRAMES_INFERRED, "frames-inferred", "Frames inferred",
                     "Frames that went out with results");
    install_counter (object_class, PROP_FRAMES_SKIPPED, "frames-skipped", "Frames skipped",
                     "Frames that went out without the results they should have had");
    install_counter (object_class, PROP_FRAMES_DROPPED, "frames-dropped", "Frames dropped",
                     "Frames that did not go out because of late-policy=drop");
    install_counter (
        object_class, PROP_LATENCY_P50, "latency-p50", "Median latency",
        "Nanoseconds that half of the last 256 frames took in this element at most, until "
        "they could go out");
    install_counter (
        object_class, PROP_LATENCY_P95, "latency-p95", "95 % latency",
        "Nanoseconds that 95 % of the last 256 frames took in this element at most, until "
        "they could go out");
    g_object_class_install_property (
        object_class, PROP_FPS,
        g_param_spec_double ("fps", "Frame rate", "Frames a second that go out, over the last 32",
                             0, G_MAXDOUBLE, 0, GST_FOVEA_READ));
}

static void
gst_fovea_filter_class_init (GstFoveaFilterClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
    g_autoptr (GstCaps) caps = gst_caps_from_string (GST_VIDEO_CAPS_MAKE (GST_FOVEA_VIDEO_FORMATS));

    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    element_class->change_state = change_state;
    install_properties (object_class);
    gst_fovea_add_pad_templates (element_class, caps);
    gst_type_mark_as_plugin_api (late_policy_get_type (), 0);
    gst_type_mark_as_plugin_api (GST_TYPE_FOVEA_FILTER, 0);
}
