/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The way of a frame through `fovea detect` and `fovea track`: read, copied,
 * submitted; while it is worked on the next one is read; then waited for, shown to
 * the tracker if there is one, and given out, in order.
 */
#include "detect-out.h"
#include "interrupt.h"

#define MOST_IN_FLIGHT 2
#define MOST_BATCH 64

/* One run of the detector: up to a batch of pictures. */
typedef struct {
    Picture pictures[MOST_BATCH];
    GArray *found[MOST_BATCH];
    guint n;
    FovTicket ticket;
    gint64 submitted; /* monotonic us */
} Run;

typedef struct {
    const DetectOptions *options;
    FovDetector *detector;
    DetectOut *out;
    Progress *progress;
    guint batch, in_flight;
    Run runs[MOST_IN_FLIGHT +
             1]; /* a ring: `count` submitted ones from head on, then the open one */
    guint head, count;
    GArray *last;       /* the newest detections, for frames that are not looked at */
    Tracking *tracking; /* or NULL */
    GArray *tracks;     /* FovTrack, of the frame given out */
    gint64 n_read, n_done;
} Flow;

/* ---- runs ------------------------------------------------------------------ */

static Run *
run_at (Flow *flow, guint i)
{
    return &flow->runs[(flow->head + i) % G_N_ELEMENTS (flow->runs)];
}

static void
remember (Flow *flow, const GArray *found)
{
    g_array_set_size (flow->last, 0);
    if (found->len)
        g_array_append_vals (flow->last, found->data, found->len);
}

/* found: what was detected in it; of a frame that was not looked at, in one before it. */
static gboolean
give_frame (Flow *flow, Picture *picture, const GArray *found, gboolean looked, GError **error)
{
    progress_set (flow->progress, ++flow->n_done);
    if (!flow->tracking)
        return detect_out_frame (flow->out, picture, found, NULL, looked, error);
    return tracking_update (flow->tracking, &picture->image,
                            picture->camera_known ? picture->camera : NULL, found, looked,
                            picture->pts, flow->tracks, error) &&
           detect_out_frame (flow->out, picture, found, flow->tracks, looked, error);
}

static gboolean
give_out (Flow *flow, Run *run, GError **error)
{
    for (guint i = 0; i < run->n; i++) {
        if (flow->tracking)
            tracking_select (flow->tracking, run->found[i]);
        remember (flow, run->found[i]);
        if (!give_frame (flow, &run->pictures[i], run->found[i], TRUE, error))
            return FALSE;
    }
    return TRUE;
}

/* Waits for the oldest run and gives its pictures out; with drop, for its end only. */
static gboolean
finish_oldest (Flow *flow, gboolean drop, GError **error)
{
    Run *run = run_at (flow, 0);
    gboolean ok = fov_detector_wait_batch (flow->detector, run->ticket, run->found, run->n, error);

    flow->head = (flow->head + 1) % G_N_ELEMENTS (flow->runs);
    flow->count--;
    if (ok && !drop) {
        detect_out_latency (flow->out,
                            (double) (g_get_monotonic_time () - run->submitted) / G_USEC_PER_SEC);
        ok = give_out (flow, run, error);
    }
    run->n = 0;
    return ok;
}

static gboolean
submit_open (Flow *flow, GError **error)
{
    Run *run = run_at (flow, flow->count);
    FovImage images[MOST_BATCH];

    if (!run->n)
        return TRUE;
    for (guint i = 0; i < run->n; i++)
        images[i] = run->pictures[i].image;
    run->submitted = g_get_monotonic_time ();
    run->ticket = fov_detector_submit_batch (flow->detector, images, NULL, run->n, error);
    if (!run->ticket)
        return FALSE;
    flow->count++;
    return flow->count < flow->in_flight || finish_oldest (flow, FALSE, error);
}

static gboolean
finish_all (Flow *flow, GError **error)
{
    if (!submit_open (flow, error))
        return FALSE;
    while (flow->count)
        if (!finish_oldest (flow, FALSE, error))
            return FALSE;
    return TRUE;
}

/* ---- inputs ---------------------------------------------------------------- */

static gboolean
take_frame (Flow *flow, const char *input, const FovReaderInfo *info, const FovFrame *frame,
            GError **error)
{
    gboolean look = flow->n_read++ % flow->options->every == 0;
    Run *run;

    if (!look) {
        /* Its boxes, or where they are looked for, come of the frame before it. */
        if (!detect_out_draws (flow->out) && !flow->tracking) {
            detect_out_skipped (flow->out);
            progress_set (flow->progress, ++flow->n_done);
            return TRUE;
        }
        if (!finish_all (flow, error))
            return FALSE;
    }
    run = run_at (flow, flow->count);
    if (!picture_take (&run->pictures[run->n], frame, input, info, detect_out_draws (flow->out),
                       error))
        return FALSE;
    if (!look) {
        if (flow->tracking)
            g_array_set_size (flow->last, 0);
        return give_frame (flow, &run->pictures[run->n], flow->last, FALSE, error);
    }
    return ++run->n < flow->batch || submit_open (flow, error);
}

static gboolean
enough (const Flow *flow)
{
    int most = flow->options->max_frames;

    return interrupted () || (most && flow->n_read >= most);
}

static void
cancel (gpointer reader)
{
    fov_reader_cancel (reader);
}

static gboolean
read_frames (Flow *flow, const char *input, FovReader *reader, GError **error)
{
    const FovReaderInfo *info = fov_reader_info (reader);
    g_autoptr (GError) found = NULL;
    FovFrame frame;

    while (!enough (flow) && fov_reader_read (reader, &frame, &found))
        if (!take_frame (flow, input, info, &frame, error))
            return FALSE;
    if (found && !interrupted ()) {
        g_propagate_error (error, g_steal_pointer (&found));
        return FALSE;
    }
    return TRUE;
}

static double
frame_rate (const FovReaderInfo *info)
{
    return info->fps_num > 0 ? (double) info->fps_num / info->fps_den : 0;
}

static gboolean
run_input (Flow *flow, const char *input, gboolean only, GError **error)
{
    const FovReaderParams params = { .motion_vectors = flow->options->track &&
                                                       flow->options->track->motion_vectors };
    g_autoptr (FovReader) reader = fov_reader_open_full (input, &params, error);
    const FovReaderInfo *info;
    gint64 n;
    gboolean ok;

    if (!reader)
        return FALSE;
    info = fov_reader_info (reader);
    n = info->n_frames;
    if (flow->options->max_frames)
        n = n < 0 ? flow->options->max_frames : MIN (n, flow->options->max_frames);
    if (only)
        progress_set_total (flow->progress, n);
    /* From a camera a result matters more than the next frame. */
    flow->in_flight = info->live ? 1 : MOST_IN_FLIGHT;
    interrupt_hook (cancel, reader);
    ok = (!flow->tracking || tracking_begin (flow->tracking, frame_rate (info), error)) &&
         detect_out_begin (flow->out, input, info, error) &&
         read_frames (flow, input, reader, error) && finish_all (flow, error);
    interrupt_hook (NULL, NULL);
    detect_out_damaged (flow->out, fov_reader_damaged (reader));
    return ok;
}

/* ---- all of it ------------------------------------------------------------- */

static void
flow_free (Flow *flow)
{
    /* After an error the detector may still read pictures. */
    while (flow->count)
        finish_oldest (flow, TRUE, NULL);
    for (guint r = 0; r < G_N_ELEMENTS (flow->runs); r++) {
        for (guint i = 0; i < MOST_BATCH; i++) {
            picture_clear (&flow->runs[r].pictures[i]);
            g_array_unref (flow->runs[r].found[i]);
        }
    }
    g_clear_pointer (&flow->out, detect_out_free);
    g_clear_pointer (&flow->tracking, tracking_free);
    g_clear_pointer (&flow->detector, fov_detector_unref);
    g_clear_pointer (&flow->progress, progress_free);
    g_array_unref (flow->last);
    g_array_unref (flow->tracks);
    g_free (flow);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Flow, flow_free)

static Flow *
flow_new (const DetectOptions *options)
{
    Flow *flow = g_new0 (Flow, 1);

    flow->options = options;
    flow->progress =
        progress_new (options->track ? "track" : "detect", "frames", -1, options->quiet);
    flow->batch = (guint) MAX (options->model.batch, 1);
    flow->last = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    flow->tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    for (guint r = 0; r < G_N_ELEMENTS (flow->runs); r++)
        for (guint i = 0; i < MOST_BATCH; i++)
            flow->runs[r].found[i] = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    return flow;
}

/* Opens what takes long. */
static gboolean
open_all (Flow *flow, guint n_inputs, GError **error)
{
    const DetectOptions *o = flow->options;

    flow->detector = model_options_open (&o->model, MOST_IN_FLIGHT, flow->progress, error);
    if (!flow->detector)
        return FALSE;
    if (o->track) {
        flow->tracking = tracking_new (o->track, fov_detector_device (flow->detector),
                                       fov_detector_labels (flow->detector), error);
        if (!flow->tracking)
            return FALSE;
    }
    flow->out = detect_out_new (o, flow->detector, n_inputs, flow->progress, error);
    return flow->out != NULL;
}

gboolean
detect_run (const DetectOptions *options, char **inputs, GError **error)
{
    g_autoptr (Flow) flow = flow_new (options);
    guint n_inputs = g_strv_length (inputs);
    gboolean ok = TRUE;

    if (!options->model.model)
        return cli_usage_error (error, MODEL_MISSING) >= 0;
    if (!picture_check_names (inputs, error))
        return FALSE;
    if (!open_all (flow, n_inputs, error))
        return FALSE;
    for (guint i = 0; ok && i < n_inputs && !enough (flow); i++)
        ok = run_input (flow, inputs[i], n_inputs == 1, error);
    /* The files are completed even so: what was done until an error is worth keeping. */
    if (!detect_out_close (flow->out, ok ? error : NULL))
        return FALSE;
    if (ok && !options->quiet)
        detect_out_summary (flow->out, flow->tracking);
    return ok;
}
