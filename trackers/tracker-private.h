/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_TRACKER_PRIVATE_H
#define FOV_TRACKERS_TRACKER_PRIVATE_H

#include <fovea/tracker.h>

#include "trackers/view.h"

/** More detections than this in one picture, or tracks alive, are not followed: the best are. */
#define FOV_TRACKER_MAX_OBJECTS 2000

/** One picture as a tracker sees it: checked, ordered, with time in nominal pictures. */
typedef struct {
    const FovImage *image;          /**< NULL: none */
    FovView *view;                  /**< the picture reduced */
    double width, height;           /**< pixels; 0: unknown */
    const FovDetection *detections; /**< usable ones, best first; order depends on values only */
    const int *source;              /**< their index in the caller's array */
    guint n;
    gboolean ran;                    /**< FALSE: no detector looked */
    gboolean others_ran;             /**< the detector of classes beyond n_classes looked */
    const FovClassDetector *classes; /**< who finds which class, [n_classes] */
    guint n_classes;                 /**< 0: one detector finds all */
    gint64 pts;
    double dt;            /**< nominal pictures since the last update; 1 at the first */
    double rate;          /**< nominal pictures per second */
    guint64 number;       /**< updates since the reset, 1 at the first */
    const double *camera; /**< x' = camera (x), 6 numbers; NULL: at rest or unknown */
    const double *set;    /**< property values, in the order of the class's table */
    const FovTrackerParams *params;
} FovScene;

/** Whether the detector that finds this class looked at the picture. */
static inline gboolean
fov_scene_looked (const FovScene *scene, int label)
{
    return label >= 0 && (guint) label < scene->n_classes ? scene->classes[label].ran
                                                          : scene->others_ran;
}

/** Whether one detector finds both classes. */
static inline gboolean
fov_scene_same_detector (const FovScene *scene, int a, int b)
{
    const gboolean known_a = a >= 0 && (guint) a < scene->n_classes;
    const gboolean known_b = b >= 0 && (guint) b < scene->n_classes;

    return known_a && known_b ? scene->classes[a].detector == scene->classes[b].detector
                              : known_a == known_b;
}

/** A kind of tracker: one const struct, one line in the registry. */
typedef struct {
    const char *name;
    const char *describe;
    const FovTrackerProperty *properties; /**< value: the default */
    guint n_properties;
    FovTrackerUses uses; /**< of FovTrackerParams */
    gpointer (*create) (const FovTrackerParams *params);
    /** Appends a FovTrack for every live track and every one removed now; next_id is the next free.
     */
    gboolean (*update) (gpointer self, const FovScene *scene, guint64 *next_id, GArray *tracks,
                        GError **error);
    /** The camera's place has changed; NULL: none is known. May itself be NULL. */
    void (*set_ground) (gpointer self, const FovGroundCamera *camera);
    void (*reset) (gpointer self);
    void (*destroy) (gpointer self);
} FovTrackerClass;

extern const FovTrackerClass fov_tracker_fovea;
extern const FovTrackerClass fov_tracker_sort;
extern const FovTrackerClass fov_tracker_iou;
extern const FovTrackerClass fov_tracker_bytetrack;
extern const FovTrackerClass fov_tracker_botsort;
extern const FovTrackerClass fov_tracker_ocsort;

/** A class by name, or NULL with FOV_ERROR_ARGUMENT that lists the names. NULL name: the default.
 */
const FovTrackerClass *fov_tracker_class (const char *name, GError **error);
/** The property values under a preset (NULL: general) into set[n_properties]. */
gboolean fov_tracker_defaults (const FovTrackerClass *klass, const char *preset, double *set,
                               GError **error);

/** A track without a detection of which less is to be seen is hidden behind another one. */
#define FOV_TRACKER_VISIBLE 0.5f

/** The share of box that other covers, 0..1. */
float fov_tracker_covered (FovBox box, FovBox other);

/**
 * Fills whole, visibility and occluder of tracks: another one covers what it is nearer than (its
 * lower edge is lower). A track's whole says how large it is expected to be, somewhere; empty: as
 * its box. And says of those that are lost or held without a detection that they are occluded
 * where more than half of them is covered, and of no others; of those given up that they left
 * where more than half of them lies outside of the picture.
 */
void fov_tracker_explain (GArray *tracks, const FovScene *scene);

#endif
