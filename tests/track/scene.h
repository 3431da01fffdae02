/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_TRACK_SCENE_H
#define FOVEA_TESTS_TRACK_SCENE_H

#include <fovea/visual.h>

#define SCENE_W 320
#define SCENE_H 240

/* One picture of a made-up scene: smooth, coloured textures that are the same in every run. */
typedef struct {
    float x, y, w, h;           /* of the target: its centre and size; w 0: none */
    float twin_x, twin_y;       /* of an equal object; 0, 0: none */
    float camera_x, camera_y;   /* how far the scene has moved in the picture */
    float light;                /* factor on every pixel; 0: 1 */
    float hide_x, hide_y, hide; /* a square of this side covers what is there; 0: none */
    guint seed;                 /* of the background's texture */
} Scene;

/* A picture of SCENE_W x SCENE_H; scene_free it. */
FovImage *scene_draw (const Scene *scene, FovPixelFormat format);
void scene_free (FovImage *image);
FovBox scene_box (const Scene *scene);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovImage, scene_free)

#endif
