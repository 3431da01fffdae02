/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mot-run.h"

#include "cli.h"
#include "cpu-time.h"
#include "frames.h"
#include "interrupt.h"

#include <string.h>

#define DEFAULT_RATE 30.0

typedef struct {
    const MotRunOptions *options;
    const MotSequence *sequence;
    FovTracker *tracker;
    Frames *frames;     /* NULL: boxes only */
    GArray *detections; /* FovDetection, of a frame */
    GArray *tracks;     /* FovTrack */
    GArray *rows;       /* FovMotRow: the outcome */
    double rate;
    MotRunCost cost;
} Run;

/* ---- options ------------------------------------------------------------------- */

static FovTracker *
make_tracker (Tracking *tracking, const MotSequence *s, double rate, GError **error)
{
    return tracking_make (tracking, rate, s->has_ground ? &s->ground : NULL, error);
}

/* "SEQUENCE=INPUT" for one, "INPUT" for all, where {} stands for the name; NULL: none. */
static char *
images_of (const MotRunOptions *o, const MotSequence *s)
{
    for (char **text = o->images; text && *text; text++) {
        const char *equals = strchr (*text, '=');
        const char *input = *text;
        gsize length = equals ? (gsize) (equals - *text) : 0;
        if (equals && (length != strlen (s->name) || strncmp (*text, s->name, length)))
            continue;
        if (equals)
            input = equals + 1;
        g_auto (GStrv) parts = g_strsplit (input, "{}", -1);
        return g_strjoinv (s->name, parts);
    }
    return NULL;
}

/* ---- a sequence ----------------------------------------------------------------- */

static void
take_detections (Run *run, guint frame)
{
    guint n;
    const FovMotRow *row =
        fov_mot_rows_of_frame (run->sequence->detections, frame + run->sequence->skip, &n);

    g_array_set_size (run->detections, 0);
    for (guint i = 0; i < n; i++) {
        FovDetection d = { row[i].box, row[i].score, 0 };
        g_array_append_val (run->detections, d);
    }
}

static void
keep_shown (Run *run, guint frame)
{
    for (guint i = 0; i < run->tracks->len; i++) {
        const FovTrack *t = &g_array_index (run->tracks, FovTrack, i);
        FovMotRow row = { frame, t->score, (gint64) t->id, t->box, FOV_MOT_COUNTED };
        if (fov_track_is_shown (t))
            g_array_append_val (run->rows, row);
    }
}

/* The first frame has none before it that the camera could have moved from. */
static gboolean
move_camera (Run *run, guint frame, GError **error)
{
    const GArray *motions = run->sequence->motions;
    const FovMotMotion *motion =
        motions && frame > 1 ? fov_mot_motion_of_frame (motions, frame + run->sequence->skip)
                             : NULL;

    return !motion || fov_tracker_set_camera_motion (run->tracker, motion->m, error);
}

static void
count_left_out (Run *run, guint frame, gboolean ran)
{
    MotRunCost *cost = &run->cost;

    cost->n_detections += ran ? run->detections->len : 0;
    cost->n_left_out = fov_tracker_ignored (run->tracker);
    if (cost->n_left_out > 0 && cost->first_left_out == 0)
        cost->first_left_out = frame;
}

static gboolean
run_frame (Run *run, guint frame, GError **error)
{
    const MotSequence *s = run->sequence;
    gboolean ran = (frame - 1) % (guint) run->options->every == 0;
    gint64 pts = (gint64) ((frame - 1) * 1e9 / run->rate);
    const FovImage *image = NULL;
    gint64 unused;
    double start;

    if (run->frames && !(image = frames_next (run->frames, &unused, error)))
        return FALSE;
    take_detections (run, frame);
    start = cpu_time ();
    if (!move_camera (run, frame, error) ||
        !fov_tracker_update (run->tracker, image, image ? image->width : s->width,
                             image ? image->height : s->height,
                             ran ? (const FovDetection *) (const void *) run->detections->data
                                 : NULL,
                             ran ? run->detections->len : 0, ran, pts, run->tracks, error))
        return FALSE;
    run->cost.seconds += cpu_time () - start;
    count_left_out (run, frame, ran);
    keep_shown (run, frame);
    return TRUE;
}

static gboolean
run_frames (Run *run, GError **error)
{
    for (guint frame = 1; frame <= run->sequence->n_frames; frame++) {
        if (interrupted ()) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_CANCELLED, "interrupted");
            return FALSE;
        }
        if (!run_frame (run, frame, error)) {
            g_prefix_error (error, "%s, frame %u: ", run->sequence->name, frame);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
open_frames (Run *run, GError **error)
{
    g_autofree char *images = images_of (run->options, run->sequence);

    if (images)
        run->frames = frames_open (images, run->sequence->skip, error);
    return !images || run->frames;
}

GArray *
mot_run (const MotRunOptions *options, Tracking *tracking, const MotSequence *sequence,
         MotRunCost *cost, GError **error)
{
    Run run = { .options = options, .sequence = sequence };
    g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (FovMotRow));
    gboolean ok;

    run.rate = options->rate > 0 ? options->rate : sequence->frame_rate;
    if (!(run.rate > 0))
        run.rate = DEFAULT_RATE;
    run.rows = rows;
    run.detections = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    run.tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    run.tracker = make_tracker (tracking, sequence, run.rate, error);
    ok = run.tracker && open_frames (&run, error) && run_frames (&run, error);
    *cost = run.cost;
    g_array_unref (run.detections);
    g_array_unref (run.tracks);
    g_clear_pointer (&run.tracker, fov_tracker_free);
    g_clear_pointer (&run.frames, frames_free);
    return ok ? g_steal_pointer (&rows) : NULL;
}
