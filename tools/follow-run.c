/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * `fovea track --init`: one object, from its box in the first picture, without a
 * detector.
 */
#include "detect-out.h"
#include "interrupt.h"

#define DEFAULT_VISUAL "dcf"

typedef struct {
    const DetectOptions *options;
    FovVisual *visual;
    FovFollower *follower;
    DetectOut *out;
    Progress *progress;
    Picture picture;
    GArray *none, *tracks; /* FovDetection: none; FovTrack: the one */
    FovBox last;
    gint64 last_pts;
    guint64 n;
} Follow;

/* The object as the track that it would be with a detector. */
static void
set_track (Follow *f, const FovFollowed *now, gint64 pts)
{
    FovTrack *track;
    gboolean first = f->tracks->len == 0;
    FovTrackState before;

    if (first)
        g_array_set_size (f->tracks, 1);
    track = &g_array_index (f->tracks, FovTrack, 0);
    before = first ? FOV_TRACK_CONFIRMED : track->state;
    double seconds = (double) (pts - f->last_pts) * 1e-9;
    FovTrack next = { .id = 1,
                      .box = now->box,
                      .score = now->confidence,
                      .label = -1,
                      .visibility = 1,
                      .detection = -1,
                      .age = (guint) f->n };
    next.state = now->seen ? FOV_TRACK_CONFIRMED : FOV_TRACK_LOST;
    next.reason = first ? FOV_TRACK_REASON_NEW : FOV_TRACK_REASON_NONE;
    if (before != FOV_TRACK_LOST && !now->seen)
        next.reason = FOV_TRACK_REASON_MISSED;
    if (before == FOV_TRACK_LOST && now->seen) {
        next.state = FOV_TRACK_RECOVERED;
        next.reason = FOV_TRACK_REASON_VISUAL;
    }
    if (!first && seconds > 0) {
        next.velocity_x =
            (float) ((now->box.x1 + now->box.x2 - f->last.x1 - f->last.x2) / 2 / seconds);
        next.velocity_y =
            (float) ((now->box.y1 + now->box.y2 - f->last.y1 - f->last.y2) / 2 / seconds);
    }
    *track = next;
    f->last = now->box;
    f->last_pts = pts;
}

static gboolean
take_frame (Follow *f, const FovFrame *frame, const char *input, const FovReaderInfo *info,
            FovBox box, GError **error)
{
    FovFollowed now = { box, 1, TRUE };
    Picture *p = &f->picture;
    gint64 start;
    gboolean ok;

    /* Always in colour where it has any: the tracker looks at it too. */
    if (!picture_take (p, frame, input, info, detect_out_draws (f->out), error))
        return FALSE;
    start = g_get_monotonic_time ();
    ok = f->n++ == 0 ? fov_follower_init (f->follower, &p->image, box, p->pts, error)
                     : fov_follower_update (f->follower, &p->image, p->pts, &now, error);
    if (!ok)
        return FALSE;
    detect_out_latency (f->out, (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC);
    set_track (f, &now, p->pts);
    progress_set (f->progress, (gint64) f->n);
    return detect_out_frame (f->out, p, f->none, f->tracks, FALSE, error);
}

static void
cancel (gpointer reader)
{
    fov_reader_cancel (reader);
}

static gboolean
read_frames (Follow *f, FovReader *reader, const char *input, FovBox box, GError **error)
{
    const FovReaderInfo *info = fov_reader_info (reader);
    guint64 most = (guint64) f->options->max_frames;
    g_autoptr (GError) found = NULL;
    FovFrame frame;

    while (!interrupted () && (!most || f->n < most) && fov_reader_read (reader, &frame, &found))
        if (!take_frame (f, &frame, input, info, box, error))
            return FALSE;
    if (found && !interrupted ()) {
        g_propagate_error (error, g_steal_pointer (&found));
        return FALSE;
    }
    return TRUE;
}

static void
follow_free (Follow *f)
{
    g_clear_pointer (&f->follower, fov_follower_free);
    g_clear_pointer (&f->visual, fov_visual_free);
    g_clear_pointer (&f->out, detect_out_free);
    g_clear_pointer (&f->progress, progress_free);
    picture_clear (&f->picture);
    g_array_unref (f->none);
    g_array_unref (f->tracks);
    g_free (f);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Follow, follow_free)

static Follow *
follow_new (const DetectOptions *options, GError **error)
{
    g_autoptr (Follow) f = g_new0 (Follow, 1);
    g_autoptr (FovDevice) device = NULL;
    TrackOptions track = *options->track;

    f->options = options;
    f->none = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    f->tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    f->progress = progress_new ("track", "frames", -1, options->quiet);
    if (!track.visual)
        track.visual = (char *) DEFAULT_VISUAL;
    device = fov_device_open (options->model.device, error);
    if (!device || !(f->visual = track_options_visual (&track, device, error)) ||
        !(f->follower = fov_follower_new (f->visual, (guint64) track.seed, error)) ||
        !(f->out = detect_out_new (options, NULL, 1, f->progress, error)))
        return NULL;
    return g_steal_pointer (&f);
}

gboolean
follow_run (const DetectOptions *options, const char *input, FovBox box, GError **error)
{
    g_autoptr (FovReader) reader = fov_reader_open (input, error);
    g_autoptr (Follow) f = NULL;
    gboolean ok;

    if (!reader || !(f = follow_new (options, error)))
        return FALSE;
    progress_set_total (f->progress, fov_reader_info (reader)->n_frames);
    interrupt_hook (cancel, reader);
    ok = detect_out_begin (f->out, input, fov_reader_info (reader), error) &&
         read_frames (f, reader, input, box, error);
    interrupt_hook (NULL, NULL);
    detect_out_damaged (f->out, fov_reader_damaged (reader));
    if (!detect_out_close (f->out, ok ? error : NULL))
        return FALSE;
    if (ok && !options->quiet)
        detect_out_summary (f->out, NULL);
    return ok;
}
