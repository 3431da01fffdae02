/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_SCENE_H
#define FOVEA_TOOLS_SCENE_H

/*
 * What is known of one picture: what a detector found and, where objects are
 * followed, what their tracks say.
 */
#include <fovea/labels.h>
#include <fovea/overlay.h>
#include <fovea/tracker.h>

G_BEGIN_DECLS

typedef struct {
    FovBox box;
    float score;
    int label;
    gboolean judged; /* a tracker looked at it */
    FovTrack track;  /* id 0: none holds it */
} SceneObject;

typedef struct {
    GArray *objects; /* SceneObject */
    GArray *ended;   /* FovTrack, given up in this picture */
} Scene;

Scene *scene_new (void);
void scene_free (Scene *scene);

/**
 * Replaces what is in scene by FovDetections and, unless tracks is NULL, a
 * tracker's FovTracks for a picture of that size: each track joins its
 * detection, and those without one are objects of their own unless tentative.
 */
void scene_set (Scene *scene, const GArray *detections, const GArray *tracks, int width,
                int height);

/** Whether a track is sure of it: its id counts. */
gboolean scene_object_is_sure (const SceneObject *object);

/** Whether it is to be drawn and listed; what is lost or not yet believed is not. */
gboolean scene_object_is_shown (const SceneObject *object, gboolean show_lost);

/** Draws the objects with their classes' names. */
gboolean scene_draw (const Scene *scene, FovOverlay *overlay, FovImage *image, FovLabels *labels,
                     gboolean show_lost, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Scene, scene_free)

G_END_DECLS

#endif
