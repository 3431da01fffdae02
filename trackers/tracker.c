/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/camera.h"
#include "trackers/ground.h"
#include "trackers/order.h"
#include "trackers/tracker-private.h"

#include <math.h>
#include <string.h>

#define MAX_DETECTIONS 100000
#define DEFAULT_RATE 30.0
/* Beyond this many pixels a coordinate is no place in any picture. */
#define FAR 1e6f
/* Beyond this, ns from 0, a difference of two times might not fit. */
#define LATEST (G_MAXINT64 / 2)
/* A gap counts as at most so many pictures. */
#define LONGEST_GAP 1e5

/* A usable detection and where the caller has it. */
typedef struct {
    FovDetection detection;
    int source;
} Entry;

struct _FovTracker {
    const FovTrackerClass *klass;
    gpointer self;
    FovTrackerParams params;
    double *set;
    double rate;
    gint64 last_pts;
    guint64 n_updates, next_id, ignored;
    gboolean has_camera;
    FovCamera *moves; /* estimates the camera's motion; NULL: the tracker does not compensate */
    int compensates;  /* the property that says whether to */
    double camera[6];
    FovView *view;
    GArray *classes;    /* FovClassDetector, for the next update */
    GArray *entries;    /* Entry */
    GArray *detections; /* FovDetection */
    GArray *source;     /* int */
};

static gboolean
rate_valid (double rate, GError **error)
{
    if (rate >= 0 && rate <= 1e6)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "tracker: frame_rate is %g, expected more than 0 to 1e6, or 0 for the default",
                 rate);
    return FALSE;
}

static gboolean
params_valid (const FovTrackerParams *p, GError **error)
{
    if (!rate_valid (p->frame_rate, error) || (p->ground && !fov_ground_sees (p->ground, error)))
        return FALSE;
    if (p->embed && (p->embed_dim < 1 || p->embed_dim > 4096))
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "tracker: embed_dim is %u, expected 1 to 4096", p->embed_dim);
    else
        return TRUE;
    return FALSE;
}

gboolean
fov_tracker_set_frame_rate (FovTracker *tracker, double frame_rate, GError **error)
{
    if (!rate_valid (frame_rate, error))
        return FALSE;
    tracker->rate = frame_rate > 0 ? frame_rate : DEFAULT_RATE;
    return TRUE;
}

gboolean
fov_tracker_set_ground (FovTracker *tracker, const FovGroundCamera *camera, GError **error)
{
    if (camera && !fov_ground_sees (camera, error))
        return FALSE;
    if (tracker->klass->set_ground)
        tracker->klass->set_ground (tracker->self, camera);
    return TRUE;
}

static int
find_property (FovTracker *tracker, const char *property, GError **error)
{
    const FovTrackerClass *klass = tracker->klass;

    for (guint i = 0; property && i < klass->n_properties; i++)
        if (g_str_equal (klass->properties[i].name, property))
            return (int) i;
    g_autoptr (GString) list = g_string_new (NULL);
    for (guint i = 0; i < klass->n_properties; i++)
        g_string_append_printf (list, "%s%s", i ? ", " : "", klass->properties[i].name);
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "tracker %s has no property \"%s\"; it has: %s", klass->name,
                 property ? property : "(null)", list->str);
    return -1;
}

FovTracker *
fov_tracker_new (const char *name, const FovTrackerParams *params, GError **error)
{
    static const FovTrackerParams defaults;
    const FovTrackerClass *klass = fov_tracker_class (name, error);
    FovTracker *tracker;

    params = params ? params : &defaults;
    if (!klass || !params_valid (params, error))
        return NULL;
    tracker = g_new0 (FovTracker, 1);
    tracker->klass = klass;
    tracker->params = *params;
    tracker->params.preset = NULL; /* the caller's */
    tracker->params.ground = NULL;
    fov_tracker_set_frame_rate (tracker, params->frame_rate, NULL); /* which is valid */
    tracker->set = g_new0 (double, klass->n_properties + 1);
    tracker->next_id = 1;
    if (!fov_tracker_defaults (klass, params->preset, tracker->set, error)) {
        g_free (tracker->set);
        g_free (tracker);
        return NULL;
    }
    tracker->classes = g_array_new (FALSE, FALSE, sizeof (FovClassDetector));
    tracker->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
    tracker->detections = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    tracker->source = g_array_new (FALSE, FALSE, sizeof (int));
    tracker->compensates = find_property (tracker, "camera-motion", NULL);
    if (tracker->compensates >= 0)
        tracker->moves = fov_camera_new ();
    tracker->view = fov_view_new ();
    tracker->self = klass->create (&tracker->params);
    fov_tracker_set_ground (tracker, params->ground, NULL); /* which is valid */
    return tracker;
}

void
fov_tracker_free (FovTracker *tracker)
{
    if (!tracker)
        return;
    tracker->klass->destroy (tracker->self);
    fov_camera_free (tracker->moves);
    fov_view_free (tracker->view);
    g_array_unref (tracker->classes);
    g_array_unref (tracker->entries);
    g_array_unref (tracker->detections);
    g_array_unref (tracker->source);
    g_free (tracker->set);
    g_free (tracker);
}

gboolean
fov_tracker_set (FovTracker *tracker, const char *property, double value, GError **error)
{
    int i = find_property (tracker, property, error);

    if (i < 0)
        return FALSE;
    const FovTrackerProperty *p = &tracker->klass->properties[i];
    if (!(value >= p->minimum && value <= p->maximum) || (p->whole && value != floor (value))) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "tracker %s: %s is %g, expected %s%g to %g", tracker->klass->name, property,
                     value, p->whole ? "a whole number " : "", p->minimum, p->maximum);
        return FALSE;
    }
    tracker->set[i] = value;
    return TRUE;
}

gboolean
fov_tracker_get (FovTracker *tracker, const char *property, double *value, GError **error)
{
    int i = find_property (tracker, property, error);

    if (i >= 0)
        *value = tracker->set[i];
    return i >= 0;
}

gboolean
fov_tracker_set_camera_motion (FovTracker *tracker, const double m[6], GError **error)
{
    double det = m[0] * m[4] - m[1] * m[3];
    gboolean finite = TRUE;

    for (int i = 0; i < 6; i++)
        finite = finite && isfinite (m[i]) && fabs (m[i]) < (double) FAR;
    if (!finite || fabs (det) < 1e-6) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "tracker: camera motion %g %g %g, %g %g %g can not be undone, expected a "
                     "finite map with an inverse",
                     m[0], m[1], m[2], m[3], m[4], m[5]);
        return FALSE;
    }
    memcpy (tracker->camera, m, sizeof tracker->camera);
    tracker->has_camera = TRUE;
    return TRUE;
}

void
fov_tracker_set_detectors (FovTracker *tracker, const FovClassDetector *classes, guint n)
{
    g_array_set_size (tracker->classes, 0);
    if (n > 0)
        g_array_append_vals (tracker->classes, classes, n);
}

static gboolean
usable (const FovDetection *d, double width, double height)
{
    FovBox b = d->box;
    float w = b.x2 - b.x1, h = b.y2 - b.y1;

    if (!(fabsf (b.x1) < FAR && fabsf (b.y1) < FAR && fabsf (b.x2) < FAR && fabsf (b.y2) < FAR))
        return FALSE;
    if (!(w > 0 && h > 0) || !isfinite (d->score))
        return FALSE;
    if (width > 0 && (b.x1 < -w || b.x2 > (float) width + w))
        return FALSE;
    return !(height > 0 && (b.y1 < -h || b.y2 > (float) height + h));
}

static int
compare_floats (float a, float b)
{
    return (a > b) - (a < b);
}

/* Best first; what the caller's order was decides only between equals. */
static int
compare_entries (gconstpointer a, gconstpointer b)
{
    const Entry *x = a, *y = b;
    const float p[] = { y->detection.score,  x->detection.box.x1, x->detection.box.y1,
                        x->detection.box.x2, x->detection.box.y2, (float) x->detection.label };
    const float q[] = { x->detection.score,  y->detection.box.x1, y->detection.box.y1,
                        y->detection.box.x2, y->detection.box.y2, (float) y->detection.label };

    for (guint i = 0; i < G_N_ELEMENTS (p); i++) {
        int c = compare_floats (p[i], q[i]);
        if (c)
            return c;
    }
    return x->source - y->source;
}

/* The camera's motion as it was given, or else from the pictures where the tracker wants it. */
static const double *
camera_motion (FovTracker *tracker, const FovScene *scene)
{
    if (!tracker->moves)
        return tracker->has_camera ? tracker->camera : NULL;
    if (tracker->has_camera || !tracker->set[tracker->compensates]) {
        /* The picture seen last is not the one before the next any more. */
        fov_camera_reset (tracker->moves);
        return tracker->has_camera ? tracker->camera : NULL;
    }
    if (!scene->image)
        return NULL;
    return fov_camera_next (tracker->moves, fov_view_reduced (scene->view), scene->detections,
                            scene->n, tracker->camera)
               ? tracker->camera
               : NULL;
}

static void
take_detections (FovTracker *tracker, const FovDetection *detections, guint n, double width,
                 double height)
{
    g_array_set_size (tracker->entries, 0);
    g_array_set_size (tracker->detections, 0);
    g_array_set_size (tracker->source, 0);
    for (guint i = 0; i < n; i++) {
        Entry e = { detections[i], (int) i };
        e.detection.score = CLAMP (e.detection.score, 0.0f, 1.0f);
        if (usable (&e.detection, width, height))
            g_array_append_val (tracker->entries, e);
    }
    fov_order (tracker->entries->data, tracker->entries->len, sizeof (Entry), compare_entries);
    guint kept = MIN (tracker->entries->len, FOV_TRACKER_MAX_OBJECTS);
    tracker->ignored += n - kept;
    for (guint i = 0; i < kept; i++) {
        const Entry *e = &g_array_index (tracker->entries, Entry, i);
        g_array_append_val (tracker->detections, e->detection);
        g_array_append_val (tracker->source, e->source);
    }
}

static gboolean
update_valid (FovTracker *tracker, const FovImage *image, int width, int height,
              const FovDetection *detections, guint n, gint64 pts, GError **error)
{
    if (image && !fov_image_check (image, error)) {
        g_prefix_error (error, "tracker: ");
        return FALSE;
    }
    if (width < 0 || height < 0)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "tracker: the picture's size is %d x %d, expected 0 or more", width, height);
    else if (image && (width || height) && (width != image->width || height != image->height))
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "tracker: the picture's size is given as %d x %d, but the image is %d x %d",
                     width, height, image->width, image->height);
    else if (n > MAX_DETECTIONS)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "tracker: %u detections in one picture, expected at most %d", n,
                     MAX_DETECTIONS);
    else if (n > 0 && !detections)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "tracker: %u detections, but no array of them", n);
    else if (pts < -LATEST || pts > LATEST)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "tracker: pts is %" G_GINT64_FORMAT " ns, expected one within +-2^62", pts);
    else if (tracker->n_updates > 0 && pts <= tracker->last_pts)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "tracker: pts %" G_GINT64_FORMAT " ns follows %" G_GINT64_FORMAT
                     " ns, expected a later one",
                     pts, tracker->last_pts);
    else
        return TRUE;
    return FALSE;
}

/* What found something looked, whatever was said; TRUE if any of the detectors did. */
static gboolean
who_looked (FovTracker *tracker, const FovDetection *detections, guint n)
{
    FovClassDetector *classes = (FovClassDetector *) (gpointer) tracker->classes->data;
    guint n_classes = tracker->classes->len;
    gboolean any = FALSE;

    for (guint i = 0; i < n; i++) {
        int label = detections[i].label;
        if (label < 0 || (guint) label >= n_classes || classes[label].ran)
            continue;
        for (guint k = 0; k < n_classes; k++)
            classes[k].ran |= classes[k].detector == classes[label].detector;
    }
    for (guint k = 0; k < n_classes; k++)
        any |= classes[k].ran;
    return any;
}

/* Timestamps are rounded, and some files' by a millisecond: near a whole number it is that. */
static double
pictures_since (FovTracker *tracker, gint64 pts)
{
    if (tracker->n_updates == 0)
        return 1;
    double dt = (double) (pts - tracker->last_pts) / 1e9 * tracker->rate;
    dt = CLAMP (dt, 1e-3, LONGEST_GAP);
    double whole = round (dt);
    return whole >= 1 && fabs (dt - whole) < 0.1 ? whole : dt;
}

static int
compare_ids (gconstpointer a, gconstpointer b)
{
    const FovTrack *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static void
finish (FovTracker *tracker, GArray *tracks, const FovScene *scene)
{
    fov_order (tracks->data, tracks->len, sizeof (FovTrack), compare_ids);
    for (guint i = 0; i < tracks->len; i++) {
        FovTrack *t = &g_array_index (tracks, FovTrack, i);
        if (t->detection >= 0)
            t->detection = g_array_index (tracker->source, int, t->detection);
    }
    fov_tracker_explain (tracks, scene);
}

gboolean
fov_tracker_update (FovTracker *tracker, const FovImage *image, int width, int height,
                    const FovDetection *detections, guint n, gboolean ran, gint64 pts,
                    GArray *tracks, GError **error)
{
    if (!update_valid (tracker, image, width, height, detections, n, pts, error))
        return FALSE;
    FovScene scene = { .image = image,
                       .view = tracker->view,
                       .width = image ? image->width : width,
                       .height = image ? image->height : height,
                       .ran = ran || n > 0,
                       .others_ran = ran || n > 0,
                       .classes = (const FovClassDetector *) (gpointer) tracker->classes->data,
                       .n_classes = tracker->classes->len,
                       .pts = pts,
                       .dt = pictures_since (tracker, pts),
                       .rate = tracker->rate,
                       .number = tracker->n_updates + 1,
                       .set = tracker->set,
                       .params = &tracker->params };
    scene.ran |= who_looked (tracker, detections, n);
    fov_view_show (tracker->view, image);
    take_detections (tracker, detections, n, scene.width, scene.height);
    scene.detections = (const FovDetection *) (gpointer) tracker->detections->data;
    scene.source = (const int *) (gpointer) tracker->source->data;
    scene.n = tracker->detections->len;
    scene.camera = camera_motion (tracker, &scene);
    g_array_set_size (tracks, 0);
    gboolean ok = tracker->klass->update (tracker->self, &scene, &tracker->next_id, tracks, error);
    finish (tracker, tracks, &scene);
    fov_view_show (tracker->view, NULL);
    tracker->has_camera = FALSE;
    g_array_set_size (tracker->classes, 0);
    tracker->last_pts = pts;
    tracker->n_updates++;
    return ok;
}

guint64
fov_tracker_ignored (FovTracker *tracker)
{
    return tracker->ignored;
}

void
fov_tracker_reset (FovTracker *tracker, gboolean restart_ids)
{
    tracker->klass->reset (tracker->self);
    tracker->n_updates = 0;
    tracker->has_camera = FALSE;
    g_array_set_size (tracker->classes, 0);
    if (tracker->moves)
        fov_camera_reset (tracker->moves);
    if (restart_ids)
        tracker->next_id = 1;
}
