/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sot-run.h"

#include "cli.h"
#include "cpu-time.h"
#include "frames.h"
#include "interrupt.h"

#include <math.h>

struct _SotRun {
    FovDevice *device; /* NULL: the host */
    FovVisual *visual;
    FovFollower *follower;
};

gboolean
sot_run_check (const SotRunOptions *o, GError **error)
{
    g_autofree char *names = g_strjoinv (", ", (char **) fov_visual_names ());
    gboolean siamese = o->tracker && g_str_equal (o->tracker, "siamese");

    if (!o->tracker)
        return cli_usage_error (error, "--tracker is missing: expected one of %s (or --results)",
                                names) >= 0;
    if (!g_strv_contains (fov_visual_names (), o->tracker))
        return cli_usage_error (error, "--tracker is '%s', expected one of %s", o->tracker,
                                names) >= 0;
    if (siamese && (!o->backbone || !o->head))
        return cli_usage_error (error, "--tracker siamese needs --backbone and --head") >= 0;
    if (!siamese && (o->backbone || o->head))
        return cli_usage_error (error, "--backbone and --head need --tracker siamese") >= 0;
    return TRUE;
}

SotRun *
sot_run_new (const SotRunOptions *o, GError **error)
{
    g_autoptr (SotRun) run = g_new0 (SotRun, 1);
    FovVisualParams params = { .backbone = o->backbone, .head = o->head };

    if (o->device && !(run->device = fov_device_open (o->device, error)))
        return NULL;
    params.device = run->device;
    run->visual = fov_visual_new (o->tracker, &params, error);
    run->follower = run->visual ? fov_follower_new (run->visual, 0, error) : NULL;
    return run->follower ? g_steal_pointer (&run) : NULL;
}

void
sot_run_free (SotRun *run)
{
    if (!run)
        return;
    g_clear_pointer (&run->follower, fov_follower_free);
    g_clear_pointer (&run->visual, fov_visual_free);
    g_clear_pointer (&run->device, fov_device_unref);
    g_free (run);
}

/* The data sets count pixels from 1. */
static FovBox
to_pixels (const FovSotBox *b)
{
    return (FovBox){ (float) (b->x - 1), (float) (b->y - 1), (float) (b->x - 1 + b->width),
                     (float) (b->y - 1 + b->height) };
}

static FovSotBox
from_pixels (FovBox b)
{
    return (FovSotBox){ (double) b.x1 + 1, (double) b.y1 + 1, (double) b.x2 - b.x1,
                        (double) b.y2 - b.y1 };
}

static gboolean
follow (SotRun *run, const SotSequence *s, Frames *frames, GArray *boxes, double *seconds,
        GError **error)
{
    const FovSotBox *first = &g_array_index (s->truths, FovSotBox, 0);
    FovFollowed followed;
    gint64 pts;

    for (guint i = 0; i < s->truths->len; i++) {
        const FovImage *image = frames_next (frames, &pts, error);
        double start = cpu_time ();
        gboolean ok =
            image &&
            (i == 0 ? fov_follower_init (run->follower, image, to_pixels (first), pts, error)
                    : fov_follower_update (run->follower, image, pts, &followed, error));
        if (ok && interrupted ()) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_CANCELLED, "interrupted");
            ok = FALSE;
        }
        if (!ok) {
            g_prefix_error (error, "%s, frame %u: ", s->name, i + 1);
            return FALSE;
        }
        *seconds += cpu_time () - start;
        FovSotBox box = i == 0 ? *first : from_pixels (followed.box);
        g_array_append_val (boxes, box);
    }
    return TRUE;
}

GArray *
sot_run_sequence (SotRun *run, const SotSequence *s, double *seconds, GError **error)
{
    g_autoptr (GArray) boxes = g_array_new (FALSE, FALSE, sizeof (FovSotBox));
    g_autoptr (Frames) frames = NULL;

    *seconds = 0;
    if (s->truths->len == 0 || !s->input) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: no %s", s->name,
                     s->input ? "boxes" : "pictures, expected img/ or a video in meta.json");
        return NULL;
    }
    frames = frames_open (s->input, s->skip, error);
    if (!frames || !follow (run, s, frames, boxes, seconds, error))
        return NULL;
    return g_steal_pointer (&boxes);
}
