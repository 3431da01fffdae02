/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TRACKER_H
#define FOVEA_TRACKER_H

#include <fovea/box.h>
#include <fovea/image.h>
#include <fovea/visual.h>

G_BEGIN_DECLS

/**
 * Follows objects from picture to picture: detections go in, tracks with a
 * lasting identity come out. Pure C on the processor; no GStreamer, no GPU.
 * One tracker belongs to one stream and one thread at a time. The same calls
 * with the same values give the same tracks, bit for bit, on every run.
 */
typedef struct _FovTracker FovTracker;

/** Where a track stands in its life. */
typedef enum {
    FOV_TRACK_TENTATIVE, /**< seen too few times to be believed */
    FOV_TRACK_CONFIRMED, /**< seen in this picture, by a detector or held by its looks */
    FOV_TRACK_OCCLUDED,  /**< no detection, and less than half visible; position estimated */
    FOV_TRACK_LOST,      /**< not seen and nothing explains it; position predicted */
    FOV_TRACK_RECOVERED, /**< seen again in this picture after occluded or lost */
    FOV_TRACK_REMOVED,   /**< given up in this picture: its last report */
    FOV_TRACK_N_STATES
} FovTrackState;

/** Why a track's identity began, went on, was joined again or ended in this picture. */
typedef enum {
    FOV_TRACK_REASON_NONE,       /**< nothing about the identity changed */
    FOV_TRACK_REASON_NEW,        /**< no track explained the detection */
    FOV_TRACK_REASON_CONFIRMED,  /**< seen often enough */
    FOV_TRACK_REASON_OCCLUDED,   /**< another track's box covers it */
    FOV_TRACK_REASON_MISSED,     /**< no detection, nothing covers it */
    FOV_TRACK_REASON_LEFT,       /**< went over the picture's edge */
    FOV_TRACK_REASON_MOTION,     /**< recovered: a detection where it was predicted */
    FOV_TRACK_REASON_APPEARANCE, /**< recovered: a detection that looks like it */
    FOV_TRACK_REASON_VISUAL,     /**< held by its looks, not a detection: in each such picture */
    FOV_TRACK_REASON_TIMEOUT,    /**< removed: unseen for too long */
    FOV_TRACK_REASON_NEVER_SURE, /**< removed while tentative */
    FOV_TRACK_REASON_DUPLICATE,  /**< removed: another track holds the same object */
    FOV_TRACK_REASON_RESET,      /**< removed: the stream or the tracker is another */
    FOV_TRACK_N_REASONS
} FovTrackReason;

/** One object in one picture. */
typedef struct {
    guint64 id; /**< 1, 2, ...: never used twice before a reset */
    FovBox box; /**< pixels, estimated; may reach over the picture's edge */
    /** The box grown behind what covers it to the size that is expected, where a detector cut it
     * off; else the box. */
    FovBox whole;
    float score; /**< of its last detection, 0..1 */
    int label;   /**< class index of the detections */
    FovTrackState state;
    FovTrackReason reason;
    float visibility;             /**< 0..1: share of whole that no nearer track covers */
    guint64 occluder;             /**< id of the track that covers it most; 0: none */
    int detection;                /**< index into this update's detections; -1: none */
    float velocity_x, velocity_y; /**< of the centre, pixels per second */
    guint age;                    /**< updates since birth, 1 in the first */
    guint unseen;                 /**< updates since a detection or visual tracker saw it; 0: now */
    gint64 first_pts, seen_pts;   /**< ns: birth, and when last seen */
} FovTrack;

/**
 * Computes appearance embeddings of n boxes of image: out holds n rows of dim
 * floats, each of length 1. Called only from fov_tracker_update, at most once
 * per update. Returns FALSE with error set.
 */
typedef gboolean (*FovEmbedFunc) (gpointer data, const FovImage *image, const FovBox *boxes,
                                  guint n, float *out, GError **error);

/**
 * A camera on a ground plane (UCMCTrack, Yi et al. 2024): projection =
 * intrinsic * extrinsic, 3 x 4, row-major, from metres to pixels of the pictures that are
 * followed; the ground is z = 0, and what is before the camera has a depth (third row) above 0.
 * It must see the ground: columns 1, 2 and 4 have an inverse.
 */
typedef struct {
    double projection[12];
} FovGroundCamera;

/**
 * Reads a camera file as UCMCTrack has them: three blocks in any order, each a line with its name
 * and then rows of three numbers within +-1e9, separated by spaces or commas.
 *
 *     RotationMatrices     3 rows: from the ground's axes to the camera's (right, down, ahead)
 *     TranslationVectors   1 row: the ground's origin as the camera sees it, millimetres
 *     IntrinsicMatrix      3 rows: focal lengths and centre, pixels
 *
 * FOV_ERROR_IO: it can not be read. FOV_ERROR_FORMAT: a number or block is missing, there twice or
 * not a number, or the camera does not see the ground. camera is the caller's, and left
 * alone after an error. Any thread; reads the file.
 */
FOV_API gboolean fov_ground_camera_load (const char *path, FovGroundCamera *camera, GError **error);

/** Zero means the default everywhere; what may change later is a property (below). */
typedef struct {
    const char *preset; /**< "crowd", "traffic", "static-camera"; NULL: general */
    double frame_rate;  /**< nominal pictures a second; 0: 30. Time-outs are kept in seconds */
    FovEmbedFunc embed; /**< NULL: no embeddings, colour stripes only */
    gpointer embed_data;
    guint embed_dim;   /**< floats per embedding, 1..4096 */
    FovVisual *visual; /**< borrowed visual tracker that fills in for the detector; NULL: none */
    const FovGroundCamera *ground; /**< copied; NULL: none. FOV_ERROR_ARGUMENT: it sees no ground */
    guint64 seed; /**< of the random numbers of "fovea"'s particles; no other tracker draws any */
} FovTrackerParams;

/** A number that can be set at any time; booleans are 0 and 1. */
typedef struct {
    const char *name;               /**< as in gst-inspect and on the command line: "max-age" */
    const char *blurb;              /**< what it does, with its unit */
    double minimum, maximum, value; /**< value: the default under the preset asked for */
    gboolean whole;                 /**< integers only */
} FovTrackerProperty;

/** The names of all trackers, NULL-terminated, static: "fovea", "bytetrack", ... */
FOV_API const char *const *fov_tracker_names (void);
FOV_API const char *const *fov_tracker_presets (void);
/** One line about a tracker, with its paper; NULL for an unknown name. */
FOV_API const char *fov_tracker_describe (const char *name);
/** What of FovTrackerParams has an effect on a tracker, or'd. */
typedef enum {
    FOV_TRACKER_USES_EMBEDDINGS = 1 << 0, /**< embed */
    FOV_TRACKER_USES_VISUAL = 1 << 1,     /**< visual */
    FOV_TRACKER_USES_GROUND = 1 << 2,     /**< ground */
} FovTrackerUses;

/** name NULL: "fovea"; 0 for an unknown name. */
FOV_API FovTrackerUses fov_tracker_uses (const char *name);
/**
 * A tracker's properties (GArray of FovTrackerProperty, g_array_unref), or NULL
 * with FOV_ERROR_ARGUMENT for an unknown name or preset.
 */
FOV_API GArray *fov_tracker_properties (const char *name, const char *preset, GError **error);

/** name NULL: "fovea". Fails with FOV_ERROR_ARGUMENT that lists what there is. */
FOV_API FovTracker *fov_tracker_new (const char *name, const FovTrackerParams *params,
                                     GError **error);
FOV_API void fov_tracker_free (FovTracker *tracker);

/** Takes effect at the next update. FOV_ERROR_ARGUMENT: no such property, or out of range. */
FOV_API gboolean fov_tracker_set (FovTracker *tracker, const char *property, double value,
                                  GError **error);
FOV_API gboolean fov_tracker_get (FovTracker *tracker, const char *property, double *value,
                                  GError **error);

/**
 * The nominal pictures a second from the next update on, more than 0 to 1e6, or 0 for 30; tracks
 * stay. FOV_ERROR_ARGUMENT otherwise.
 */
FOV_API gboolean fov_tracker_set_frame_rate (FovTracker *tracker, double frame_rate,
                                             GError **error);

/**
 * Where the ground is from the next update on, copied; NULL: nothing is known of it. Tracks stay;
 * their places on the ground are known with their next detections. No effect on trackers without
 * FOV_TRACKER_USES_GROUND. FOV_ERROR_ARGUMENT: it does not see the ground; the old one stays.
 */
FOV_API gboolean fov_tracker_set_ground (FovTracker *tracker, const FovGroundCamera *camera,
                                         GError **error);

/**
 * The camera's motion from the last picture to the one that the next update
 * is about: x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y + m[5], pixels.
 * Used once. Without it a tracker that compensates estimates the motion from
 * the pictures, where it is given them.
 */
FOV_API gboolean fov_tracker_set_camera_motion (FovTracker *tracker, const double m[6],
                                                GError **error);

/** Who finds the objects of a class, where several detectors stand before one tracker. */
typedef struct {
    guint detector; /**< its number: the same for all classes that it finds */
    gboolean ran;   /**< it looked at the picture */
} FovClassDetector;

/**
 * For detectors that do not all look at the same pictures: who finds class 0, 1, .. n - 1, and
 * whether it looked at the picture that the next update is about. Copied, and used once, in place
 * of the update's ran; classes from n on are found by one detector more, of which that speaks.
 * A track is missed, and given up in the end, only by the detector of its class. Tracks and
 * detections of different detectors are never paired, and do not cover each other: what one finds
 * may be part of what another does, as a face is of a person. Allocates only when there are more
 * classes than ever before.
 */
FOV_API void fov_tracker_set_detectors (FovTracker *tracker, const FovClassDetector *classes,
                                        guint n);

/**
 * One picture's step: predicts, associates, corrects, bears and buries tracks.
 * image: the picture, or NULL where only boxes are known (no appearance, no
 * camera motion, no visual tracker). detections: n of them in any order; NULL
 * with n = 0 and ran = FALSE says that the detector did not look at this
 * picture, which is not the same as finding nothing. width, height: the
 * picture's size in pixels, 0 where unknown and image is NULL. pts: ns, rising;
 * a gap is bridged by time, not by counting pictures.
 *
 * tracks (GArray of FovTrack) is replaced: every live track, tentative and lost
 * ones too, by rising id, and those removed in this step once.
 *
 * Detections that are not finite, empty, inverted, further outside than their
 * own size or beyond a million pixels are left out (fov_tracker_ignored counts
 * them); more than 100,000 is FOV_ERROR_ARGUMENT, as is a pts that does not rise or is not within
 * +-2^62: the tracker is then unchanged. Any other error is of the embeddings or
 * the visual tracker; the picture was then taken in without them. The best 2,000
 * detections and as many tracks are followed. Allocates only when there are more
 * objects than ever before.
 */
FOV_API gboolean fov_tracker_update (FovTracker *tracker, const FovImage *image, int width,
                                     int height, const FovDetection *detections, guint n,
                                     gboolean ran, gint64 pts, GArray *tracks, GError **error);

/** Detections left out so far: not usable boxes, or more than are followed. */
FOV_API guint64 fov_tracker_ignored (FovTracker *tracker);

/** Forgets every track (a seek, a cut, another stream). Ids start over only if asked to. */
FOV_API void fov_tracker_reset (FovTracker *tracker, gboolean restart_ids);

/** "tentative", "confirmed", ...; "new", "occluded", ...: as in the JSON. Static. */
FOV_API const char *fov_track_state_name (FovTrackState state);
FOV_API const char *fov_track_reason_name (FovTrackReason reason);

/** Whether benchmarks and overlays count the track: confirmed or recovered, or held visually. */
FOV_API gboolean fov_track_is_shown (const FovTrack *track);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovTracker, fov_tracker_free)

G_END_DECLS

#endif
