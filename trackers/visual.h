/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_VISUAL_H
#define FOV_TRACKERS_VISUAL_H

#include <fovea/visual.h>

/*
 * What a visual tracker is to visual.c, which checks every argument, keeps
 * handles, and calls with pictures and boxes that are sound: the picture has
 * passed fov_image_check, boxes are within +-1e6 pixels, at least FOV_VISUAL_MIN_SIDE wide
 * and high, and their centre is not further outside than their own size.
 */
typedef struct {
    const char *name;
    const char *blurb; /* one line with its paper */
    float clear;       /* share of a target's usual PSR below which it is not to be learned from */
    /* params: never NULL, max_targets filled in; its strings live only during the call. */
    gpointer (*create) (const FovVisualParams *params, GError **error);
    void (*destroy) (gpointer self);
    /* A target learned from box, or NULL with error. */
    gpointer (*add) (gpointer self, const FovImage *image, FovBox box, GError **error);
    void (*remove) (gpointer self, gpointer target);
    /* queries[i] asks for targets[i]; widen is filled in; n is 1..max_targets; found is zeroed. */
    gboolean (*locate) (gpointer self, const FovImage *image, gpointer const *targets,
                        const FovVisualQuery *queries, guint n, FovVisualFound *found,
                        GError **error);
    gboolean (*learn) (gpointer self, const FovImage *image, gpointer target, FovBox box,
                       GError **error);
} FovVisualClass;

/* Pixels; boxes thinner than this are refused. */
#define FOV_VISUAL_MIN_SIDE 1.0f

/* The class's clear. */
float fov_visual_clear_psr (const FovVisual *visual);
/* The most targets that one call of fov_visual_locate takes. */
guint fov_visual_most (const FovVisual *visual);

extern const FovVisualClass fov_visual_dcf;
extern const FovVisualClass fov_visual_siamese;

#endif
