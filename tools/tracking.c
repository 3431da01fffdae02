/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tracking.h"

#include "model-options.h"

#include <fovea/embedder.h>

#include <string.h>

struct _Tracking {
    const TrackOptions *options;
    FovLabels *labels;
    FovEmbedder *embedder;
    FovVisual *visual;
    FovTracker *tracker;
    char **classes; /* NULL: all */
    FovGroundCamera camera;
    int width, height; /* of the last picture; 0: there was none */
    GArray *known;     /* FovTrack: as last reported */
    /* the summary */
    Samples *seconds;  /* of each update */
    GHashTable *alive; /* ids of the present stream that were counted and have not ended */
    guint64 n_tracks;
    guint64 n_pictures; /* in which they were, all together */
    Counts *changes;
};

const char *const *
visual_words (void)
{
    static const char *words[16] = { "none" };

    for (guint i = 0; fov_visual_names ()[i] && i + 2 < G_N_ELEMENTS (words); i++)
        words[i + 1] = fov_visual_names ()[i];
    return words;
}

/* ---- options ------------------------------------------------------------- */

static const FovTrackerProperty *
find_property (const GArray *properties, const char *name)
{
    for (guint i = 0; i < properties->len; i++) {
        const FovTrackerProperty *p = &g_array_index (properties, FovTrackerProperty, i);
        if (g_str_equal (p->name, name))
            return p;
    }
    return NULL;
}

static gboolean
unknown_number (const GArray *properties, const char *name, GError **error)
{
    g_autoptr (GPtrArray) names = g_ptr_array_new ();
    const char *near;

    for (guint i = 0; i < properties->len; i++)
        g_ptr_array_add (names, (gpointer) g_array_index (properties, FovTrackerProperty, i).name);
    g_ptr_array_add (names, NULL);
    near = cli_nearest (name, (const char *const *) names->pdata);
    if (near)
        cli_usage_error (error, "--set %s: the tracker has no such number; did you mean '%s'?",
                         name, near);
    else
        cli_usage_error (error, "--set %s: the tracker has no such number; --numbers lists them",
                         name);
    return FALSE;
}

/* "NAME=VALUE", or "NAME" for 1. */
static gboolean
parse_number (const char *text, const GArray *properties, char **name, double *value,
              GError **error)
{
    const char *equals = strchr (text, '=');
    char *end = NULL;
    const FovTrackerProperty *p;

    g_free (*name);
    *name = equals ? g_strndup (text, (gsize) (equals - text)) : g_strdup (text);
    if (!(p = find_property (properties, *name)))
        return unknown_number (properties, *name, error);
    *value = equals ? g_ascii_strtod (equals + 1, &end) : 1;
    if (!(equals ? end != equals + 1 && !*end : TRUE) || !(*value >= p->minimum) ||
        !(*value <= p->maximum) || (p->whole && *value != (double) (gint64) *value)) {
        cli_usage_error (error, "--set is '%s', expected %s=%s from %g to %g", text, *name,
                         p->whole ? "a whole number" : "a number", p->minimum, p->maximum);
        return FALSE;
    }
    return TRUE;
}

gboolean
track_options_check (const TrackOptions *o, GError **error)
{
    g_autoptr (GArray) properties = NULL;
    g_autofree char *name = NULL;
    gboolean siamese = o->visual && g_str_equal (o->visual, "siamese");
    double value;

    if (!cli_check_word ("tracker", o->tracker, fov_tracker_names (), error) ||
        !cli_check_word ("preset", o->preset, fov_tracker_presets (), error) ||
        !cli_check_word ("visual", o->visual, visual_words (), error))
        return FALSE;
    if (o->embedding_model && !(fov_tracker_uses (o->tracker) & FOV_TRACKER_USES_EMBEDDINGS))
        return cli_usage_error (error, "--embedding-model has no effect on --tracker %s",
                                o->tracker) >= 0;
    if (o->visual && !g_str_equal (o->visual, "none") &&
        !(fov_tracker_uses (o->tracker) & FOV_TRACKER_USES_VISUAL))
        return cli_usage_error (error, "--visual has no effect on --tracker %s", o->tracker) >= 0;
    if (o->ground && !(fov_tracker_uses (o->tracker) & FOV_TRACKER_USES_GROUND))
        return cli_usage_error (error, "--ground has no effect on --tracker %s", o->tracker) >= 0;
    if (siamese && (!o->backbone || !o->head))
        return cli_usage_error (error, "--visual siamese needs --backbone and --head") >= 0;
    if (!siamese && (o->backbone || o->head))
        return cli_usage_error (error, "--backbone and --head need --visual siamese") >= 0;
    properties = fov_tracker_properties (o->tracker, o->preset, error);
    if (!properties)
        return FALSE;
    for (char **set = o->set; set && *set; set++)
        if (!parse_number (*set, properties, &name, &value, error))
            return FALSE;
    return TRUE;
}

gboolean
print_tracker_numbers (const TrackOptions *o, GError **error)
{
    g_autoptr (GArray) properties = fov_tracker_properties (o->tracker, o->preset, error);
    g_autoptr (Table) table = table_new ("lrrl", 0);
    const char *name = o->tracker;

    if (!properties)
        return FALSE;
    if (name)
        printf ("%s: %s\n\n", name, fov_tracker_describe (name));
    table_add (table, "number", "default", "range", "meaning");
    for (guint i = 0; i < properties->len; i++) {
        const FovTrackerProperty *p = &g_array_index (properties, FovTrackerProperty, i);
        table_cell (table, "%s", p->name);
        table_cell (table, "%g", p->value);
        table_cell (table, "%g..%g", p->minimum, p->maximum);
        table_cell (table, "%s", p->blurb);
    }
    table_print (table, stdout);
    return TRUE;
}

/* ---- what they describe ---------------------------------------------------- */

FovVisual *
track_options_visual (const TrackOptions *o, FovDevice *device, GError **error)
{
    FovVisualParams params = { .device = device, .backbone = o->backbone, .head = o->head };

    if (!o->visual || g_str_equal (o->visual, "none"))
        return NULL;
    return fov_visual_new (o->visual, &params, error);
}

static gboolean
open_embedder (Tracking *t, FovDevice *device, GError **error)
{
    g_autoptr (FovModel) model = NULL;

    if (!t->options->embedding_model)
        return TRUE;
    model = fov_model_load (t->options->embedding_model, error);
    if (!model)
        return FALSE;
    t->embedder = fov_embedder_new (device, model, NULL, error);
    return t->embedder != NULL;
}

Tracking *
tracking_new (const TrackOptions *options, FovDevice *device, FovLabels *labels, GError **error)
{
    g_autoptr (Tracking) t = g_new0 (Tracking, 1);
    g_autoptr (GError) failed = NULL;

    t->options = options;
    t->labels = labels;
    t->classes = options->classes ? g_strsplit (options->classes, ",", -1) : NULL;
    for (char **c = t->classes; c && *c; c++)
        g_strstrip (*c);
    t->known = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    t->seconds = samples_new ();
    t->alive = g_hash_table_new (NULL, NULL);
    t->changes = counts_new ();
    if (options->ground && !fov_ground_camera_load (options->ground, &t->camera, error))
        return NULL;
    t->visual = track_options_visual (options, device, &failed);
    if (failed) {
        g_propagate_error (error, g_steal_pointer (&failed));
        return NULL;
    }
    return open_embedder (t, device, error) ? g_steal_pointer (&t) : NULL;
}

void
tracking_free (Tracking *t)
{
    g_clear_pointer (&t->tracker, fov_tracker_free);
    g_clear_pointer (&t->visual, fov_visual_free);
    g_clear_pointer (&t->embedder, fov_embedder_unref);
    g_strfreev (t->classes);
    g_array_unref (t->known);
    samples_free (t->seconds);
    g_hash_table_unref (t->alive);
    counts_free (t->changes);
    g_free (t);
}

static gboolean
set_numbers (const TrackOptions *o, FovTracker *tracker, GError **error)
{
    g_autoptr (GArray) properties = fov_tracker_properties (o->tracker, o->preset, error);
    g_autofree char *name = NULL;
    double value;

    for (char **set = o->set; properties && set && *set; set++)
        if (!parse_number (*set, properties, &name, &value, error) ||
            !fov_tracker_set (tracker, name, value, error))
            return FALSE;
    return properties != NULL;
}

FovTracker *
tracking_make (Tracking *t, double frame_rate, const FovGroundCamera *ground, GError **error)
{
    FovTrackerParams params = { .preset = t->options->preset,
                                .frame_rate = frame_rate,
                                .visual = t->visual,
                                .ground = ground,
                                .seed = (guint64) t->options->seed };
    g_autoptr (FovTracker) tracker = NULL;

    if (t->embedder) {
        params.embed = fov_embedder_embed;
        params.embed_data = t->embedder;
        params.embed_dim = fov_embedder_dim (t->embedder);
    }
    if (t->visual)
        fov_visual_clear (t->visual);
    tracker = fov_tracker_new (t->options->tracker, &params, error);
    return tracker && set_numbers (t->options, tracker, error) ? g_steal_pointer (&tracker) : NULL;
}

gboolean
tracking_begin (Tracking *t, double frame_rate, GError **error)
{
    g_hash_table_remove_all (t->alive);
    g_array_set_size (t->known, 0);
    t->width = t->height = 0;
    g_clear_pointer (&t->tracker, fov_tracker_free);
    t->tracker = tracking_make (t, frame_rate, t->options->ground ? &t->camera : NULL, error);
    return t->tracker != NULL;
}

/* ---- pictures -------------------------------------------------------------- */

static gboolean
is_wanted (const Tracking *t, int label)
{
    char buffer[32];
    const char *name = class_name (t->labels, label, buffer);

    for (char **c = t->classes; c && *c; c++)
        if (!g_ascii_strcasecmp (*c, name))
            return TRUE;
    return t->classes == NULL;
}

void
tracking_select (const Tracking *t, GArray *detections)
{
    guint kept = 0;

    for (guint i = 0; i < detections->len; i++) {
        FovDetection d = g_array_index (detections, FovDetection, i);
        if (is_wanted (t, d.label))
            g_array_index (detections, FovDetection, kept++) = d;
    }
    g_array_set_size (detections, kept);
}

static void
count (Tracking *t, const FovTrack *track)
{
    gpointer key = GSIZE_TO_POINTER ((gsize) track->id);

    if (track->state == FOV_TRACK_REMOVED)
        g_hash_table_remove (t->alive, key);
    if (track->state == FOV_TRACK_TENTATIVE || track->reason == FOV_TRACK_REASON_NEVER_SURE)
        return;
    /* That goes on for many pictures where a track is held. */
    if (track->reason != FOV_TRACK_REASON_NONE &&
        (track->reason != FOV_TRACK_REASON_VISUAL || track->state == FOV_TRACK_RECOVERED))
        counts_add (t->changes, fov_track_reason_name (track->reason), 1);
    if (track->state == FOV_TRACK_REMOVED)
        return;
    t->n_pictures++;
    t->n_tracks += g_hash_table_add (t->alive, key);
}

/* Places in pictures of another size say nothing about this one. */
static gboolean
take_size (Tracking *t, const FovImage *image)
{
    gboolean other = t->width && (image->width != t->width || image->height != t->height);

    t->width = image->width;
    t->height = image->height;
    if (other)
        fov_tracker_reset (t->tracker, FALSE);
    return other;
}

static void
end_known (Tracking *t, GArray *tracks)
{
    for (guint i = 0; i < t->known->len; i++) {
        FovTrack *track = &g_array_index (t->known, FovTrack, i);
        if (track->state == FOV_TRACK_REMOVED || track->state == FOV_TRACK_TENTATIVE)
            continue;
        track->state = FOV_TRACK_REMOVED;
        track->reason = FOV_TRACK_REASON_RESET;
        track->detection = -1;
        g_array_append_val (tracks, *track);
    }
}

gboolean
tracking_update (Tracking *t, const FovImage *image, const double *camera, const GArray *detections,
                 gboolean ran, gint64 pts, GArray *tracks, GError **error)
{
    gint64 start = g_get_monotonic_time ();
    gboolean other = take_size (t, image);

    if (camera && !other && !fov_tracker_set_camera_motion (t->tracker, camera, error))
        return FALSE;
    if (!fov_tracker_update (t->tracker, image, image->width, image->height,
                             ran ? (const FovDetection *) (const void *) detections->data : NULL,
                             ran ? detections->len : 0, ran, pts, tracks, error))
        return FALSE;
    samples_add (t->seconds, (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC);
    if (other)
        end_known (t, tracks);
    g_array_set_size (t->known, 0);
    g_array_append_vals (t->known, tracks->data, tracks->len);
    for (guint i = 0; i < tracks->len; i++)
        count (t, &g_array_index (tracks, FovTrack, i));
    return TRUE;
}

void
tracking_summary (Tracking *t, FILE *out)
{
    g_autofree char *changes = counts_text (t->changes);

    fprintf (out, "tracking   %.2f ms a frame, p50 %.2f, p95 %.2f\n",
             samples_mean (t->seconds) * 1e3, samples_quantile (t->seconds, 0.5) * 1e3,
             samples_quantile (t->seconds, 0.95) * 1e3);
    fprintf (out, "tracks     %" G_GUINT64_FORMAT ", mean length %.1f frames\n", t->n_tracks,
             t->n_tracks ? (double) t->n_pictures / (double) t->n_tracks : 0);
    fprintf (out, "changes    %s\n", changes);
}
