/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect-json.h"

#include "model-options.h"

#include <math.h>

static void
add_track (JsonBuilder *b, const FovTrack *track, int width, int height)
{
    json_builder_set_member_name (b, "track");
    json_builder_begin_object (b);
    if (track->id) {
        json_add_int (b, "id", (gint64) track->id);
        if (track->occluder)
            json_add_int (b, "occluder", (gint64) track->occluder);
        if (track->reason != FOV_TRACK_REASON_NONE)
            json_add_text (b, "reason", fov_track_reason_name (track->reason));
    }
    json_add_text (b, "state", fov_track_state_name (track->state));
    if (track->id) {
        json_builder_set_member_name (b, "velocity");
        json_builder_begin_object (b);
        json_add_number (b, "x", track->velocity_x / (float) width);
        json_add_number (b, "y", track->velocity_y / (float) height);
        json_builder_end_object (b);
        json_add_number (b, "visibility", track->visibility);
    }
    json_builder_end_object (b);
}

static void
add_object (JsonBuilder *b, const SceneObject *o, const char *label, int width, int height)
{
    gint64 x = llround (o->box.x1), y = llround (o->box.y1);

    json_builder_begin_object (b);
    json_builder_set_member_name (b, "detection");
    json_builder_begin_object (b);
    json_builder_set_member_name (b, "bounding_box");
    json_builder_begin_object (b);
    json_add_number (b, "x_max", o->box.x2 / width);
    json_add_number (b, "x_min", o->box.x1 / width);
    json_add_number (b, "y_max", o->box.y2 / height);
    json_add_number (b, "y_min", o->box.y1 / height);
    json_builder_end_object (b);
    json_add_number (b, "confidence", o->score);
    json_add_text (b, "label", label);
    if (o->label >= 0)
        json_add_int (b, "label_id", o->label);
    json_builder_end_object (b);
    json_add_int (b, "h", llround (o->box.y2) - y);
    if (scene_object_is_sure (o))
        json_add_int (b, "id", (gint64) o->track.id);
    json_add_text (b, "roi_type", label);
    if (o->judged)
        add_track (b, &o->track, width, height);
    json_add_int (b, "w", llround (o->box.x2) - x);
    json_add_int (b, "x", x);
    json_add_int (b, "y", y);
    json_builder_end_object (b);
}

static void
add_ended (JsonBuilder *b, const GArray *ended, FovLabels *labels)
{
    char buffer[32];

    json_builder_set_member_name (b, "ended");
    json_builder_begin_array (b);
    for (guint i = 0; i < ended->len; i++) {
        const FovTrack *track = &g_array_index (ended, FovTrack, i);
        json_builder_begin_object (b);
        json_add_int (b, "id", (gint64) track->id);
        json_add_text (b, "label", class_name (labels, track->label, buffer));
        json_add_text (b, "reason", fov_track_reason_name (track->reason));
        json_builder_end_object (b);
    }
    json_builder_end_array (b);
}

void
write_scene_json (const Scene *scene, const Picture *picture, FovLabels *labels, FILE *out)
{
    g_autoptr (JsonBuilder) b = json_builder_new ();
    g_autofree char *line = NULL;
    int width = picture->image.width, height = picture->image.height;
    char buffer[32];

    json_builder_begin_object (b);
    if (scene->ended->len)
        add_ended (b, scene->ended, labels);
    json_builder_set_member_name (b, "objects");
    json_builder_begin_array (b);
    for (guint i = 0; i < scene->objects->len; i++) {
        const SceneObject *o = &g_array_index (scene->objects, SceneObject, i);
        add_object (b, o, class_name (labels, o->label, buffer), width, height);
    }
    json_builder_end_array (b);
    json_builder_set_member_name (b, "resolution");
    json_builder_begin_object (b);
    json_add_int (b, "height", height);
    json_add_int (b, "width", width);
    json_builder_end_object (b);
    json_add_text (b, "source", picture->path ? picture->path : picture->source);
    json_add_int (b, "timestamp", picture->pts);
    json_builder_end_object (b);
    line = json_line (b);
    fprintf (out, "%s\n", line);
    if (out == stdout)
        fflush (stdout);
}
