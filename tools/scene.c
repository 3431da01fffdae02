/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scene.h"

#include "model-options.h"

Scene *
scene_new (void)
{
    Scene *scene = g_new0 (Scene, 1);

    scene->objects = g_array_new (FALSE, FALSE, sizeof (SceneObject));
    scene->ended = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    return scene;
}

void
scene_free (Scene *scene)
{
    g_array_unref (scene->objects);
    g_array_unref (scene->ended);
    g_free (scene);
}

/* What only the tracker holds, as far as it is in the picture. */
static void
add_held (Scene *scene, const FovTrack *track, int width, int height)
{
    SceneObject o = { .box = fov_box_clip (track->box, (float) width, (float) height),
                      .score = track->score,
                      .label = track->label,
                      .judged = TRUE,
                      .track = *track };

    if (track->state != FOV_TRACK_TENTATIVE && fov_box_area (o.box) > 0)
        g_array_append_val (scene->objects, o);
}

void
scene_set (Scene *scene, const GArray *detections, const GArray *tracks, int width, int height)
{
    g_array_set_size (scene->objects, 0);
    g_array_set_size (scene->ended, 0);
    for (guint i = 0; i < detections->len; i++) {
        const FovDetection *d = &g_array_index (detections, FovDetection, i);
        SceneObject o = {
            .box = d->box, .score = d->score, .label = d->label, .judged = tracks != NULL
        };
        g_array_append_val (scene->objects, o);
    }
    for (guint i = 0; tracks && i < tracks->len; i++) {
        const FovTrack *track = &g_array_index (tracks, FovTrack, i);
        if (track->state == FOV_TRACK_REMOVED && track->reason != FOV_TRACK_REASON_NEVER_SURE)
            g_array_append_val (scene->ended, *track);
        else if (track->detection >= 0 && (guint) track->detection < detections->len)
            g_array_index (scene->objects, SceneObject, track->detection).track = *track;
        else if (track->state != FOV_TRACK_REMOVED)
            add_held (scene, track, width, height);
    }
}

gboolean
scene_object_is_sure (const SceneObject *object)
{
    return object->track.id > 0 && object->track.state != FOV_TRACK_TENTATIVE;
}

gboolean
scene_object_is_shown (const SceneObject *object, gboolean show_lost)
{
    if (!object->judged)
        return TRUE;
    return scene_object_is_sure (object) && (show_lost || object->track.state != FOV_TRACK_LOST);
}

gboolean
scene_draw (const Scene *scene, FovOverlay *overlay, FovImage *image, FovLabels *labels,
            gboolean show_lost, GError **error)
{
    guint n = scene->objects->len, n_items = 0;
    g_autofree FovOverlayItem *items = g_new0 (FovOverlayItem, n + 1);
    g_autofree char *names = g_malloc (32 * ((gsize) n + 1));

    for (guint i = 0; i < n; i++) {
        const SceneObject *o = &g_array_index (scene->objects, SceneObject, i);
        gboolean sure = scene_object_is_sure (o), lost = sure && o->track.state == FOV_TRACK_LOST;
        gboolean held = lost || (sure && o->track.state == FOV_TRACK_OCCLUDED);
        if (!scene_object_is_shown (o, show_lost))
            continue;
        items[n_items++] =
            (FovOverlayItem){ .box = o->box,
                              .label = class_name (labels, o->label, names + 32 * i),
                              .score = held ? -1 : o->score, /* it was another picture's */
                              .class_id = MAX (o->label, 0),
                              .id = sure ? (gint64) o->track.id : -1,
                              .dashed = held,
                              .faint = lost };
    }
    return fov_overlay_draw (overlay, image, items, n_items, error);
}
