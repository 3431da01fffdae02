/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_VISUAL_H
#define FOVEA_VISUAL_H

#include <fovea/box.h>
#include <fovea/device.h>
#include <fovea/image.h>

G_BEGIN_DECLS

/**
 * A visual tracker: learns what targets look like and finds them again near
 * where they are expected, without a detector. It knows pictures only; motion,
 * loss and identity belong to its user (FovTracker, FovFollower). Many targets
 * are handled in one call. One object, one thread at a time.
 */
typedef struct _FovVisual FovVisual;

/** Zero means the default everywhere. */
typedef struct {
    /**
     * Where networks and batched filters run; NULL: the host. "dcf" computes the responses of all
     * targets of a call in one run of a Vulkan device, and by libavutil's transforms otherwise;
     * both agree to 1e-4 of the highest response.
     */
    FovDevice *device;
    const char *backbone; /**< "siamese": path of the backbone model */
    const char *head;     /**< "siamese": path of the head model */
    guint max_targets;    /**< in one call; 0: 64 */
} FovVisualParams;

/** Where to look for a target. */
typedef struct {
    guint target;    /**< handle from fov_visual_add */
    FovBox expected; /**< pixels: the predicted box, the centre of the search */
    /**
     * Search area's factor over the usual one in width and height, 1..4; 0: 1. "dcf" looks at
     * (2 ceil (widen - 1) + 1)^2 overlapping patches, so that the cost grows with the area.
     */
    float widen;
} FovVisualQuery;

/**
 * What was found. Which values mean loss is the user's judgement, against their running means: they
 * are comparable for one target over time, not between targets or trackers.
 */
typedef struct {
    FovBox box;        /**< pixels of the picture */
    float score;       /**< of the best place, 0..1; "dcf": over the response to what it learned */
    float psr;         /**< peak to side-lobe ratio of the response (Bolme et al. 2010) */
    float apce;        /**< average peak-to-correlation energy (Wang et al. 2017, eq. 9) */
    float second;      /**< best other peak's score over the best one's, 0..1: a distractor */
    FovBox second_box; /**< where that is */
} FovVisualFound;

/**
 * name: "dcf", a correlation filter trained against the background round the target (Kiani
 * Galoogahi et al. 2017) on gradients (Felzenszwalb et al. 2010), colour names and brightness, with
 * filters for size and aspect (Danelljan et al. 2017); or "siamese". FOV_ERROR_ARGUMENT lists what
 * there is. May block (loads models).
 */
FOV_API FovVisual *fov_visual_new (const char *name, const FovVisualParams *params, GError **error);
FOV_API void fov_visual_free (FovVisual *visual);
FOV_API const char *const *fov_visual_names (void);

/**
 * Learns a new target from its box; returns its handle (> 0), or 0 with error.
 * Boxes, here and below, are at least a pixel wide and high and within +-1e6
 * pixels; those that are learnt lie at least partly on the picture, and those
 * expected not further outside than their own size. FOV_ERROR_ARGUMENT else.
 * Allocates the target's memory.
 */
FOV_API guint fov_visual_add (FovVisual *visual, const FovImage *image, FovBox box, GError **error);
/** Forgets a target. An unknown handle does nothing. */
FOV_API void fov_visual_remove (FovVisual *visual, guint target);
FOV_API void fov_visual_clear (FovVisual *visual);

/**
 * Looks for n targets, at most max_targets, in one picture; learns nothing. found: n entries,
 * undefined after an error. Every pixel format is read in place, and only under the searched
 * patches; pictures may change their size from call to call. Allocates nothing after the first
 * call with so many targets.
 */
FOV_API gboolean fov_visual_locate (FovVisual *visual, const FovImage *image,
                                    const FovVisualQuery *queries, guint n, FovVisualFound *found,
                                    GError **error);
/** Learns from a picture in which the target is surely at box. Errors as fov_visual_add. */
FOV_API gboolean fov_visual_learn (FovVisual *visual, const FovImage *image, guint target,
                                   FovBox box, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovVisual, fov_visual_free)

/**
 * Follows one object from its box in the first picture, without a detector: a
 * visual tracker with a Kalman filter, its own judgement of loss, coasting and
 * re-detection. The score and the peak's energy (APCE) over what is usual for
 * this target, and the distance from where it is predicted, decide in every
 * picture whether it is learned from (if PSR agrees), only seen, or not seen: then the visual
 * tracker is frozen, the box coasts in the scene's coordinates (the camera's
 * motion by phase correlation), the search widens and particles look for the
 * target's colours. The same calls give the same boxes, bit for bit, on one
 * machine. One object, one thread at a time.
 */
typedef struct _FovFollower FovFollower;

typedef struct {
    FovBox box;       /**< pixels: found, or predicted while not seen */
    float confidence; /**< 0..1: what the place found is worth against the usual */
    gboolean seen;    /**< FALSE: coasting on the motion model */
} FovFollowed;

/** visual is borrowed and must outlive the follower; seed: of the particles. */
FOV_API FovFollower *fov_follower_new (FovVisual *visual, guint64 seed, GError **error);
FOV_API void fov_follower_free (FovFollower *follower);
/**
 * Starts, or starts over, with pictures of this size. FOV_ERROR_ARGUMENT for a box outside the
 * picture; what was followed before goes on then. pts: ns.
 */
FOV_API gboolean fov_follower_init (FovFollower *follower, const FovImage *image, FovBox box,
                                    gint64 pts, GError **error);
/**
 * The next picture, of the same size, with a later pts: FOV_ERROR_ARGUMENT else,
 * and the follower is unchanged. A gap is bridged by time, not by counting
 * pictures. On any other error start over.
 */
FOV_API gboolean fov_follower_update (FovFollower *follower, const FovImage *image, gint64 pts,
                                      FovFollowed *followed, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovFollower, fov_follower_free)

G_END_DECLS

#endif
