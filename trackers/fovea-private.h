/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_FOVEA_PRIVATE_H
#define FOV_TRACKERS_FOVEA_PRIVATE_H

#include "trackers/ground.h"
#include "trackers/hold.h"
#include "trackers/imm.h"
#include "trackers/jitter.h"
#include "trackers/looks.h"
#include "trackers/match.h"
#include "trackers/palette.h"
#include "trackers/particle.h"
#include "trackers/refine.h"
#include "trackers/target.h"

/** The joined tracker's properties. */
enum {
    FOVEA_HIGH,
    FOVEA_LOW,
    FOVEA_MATCH,
    FOVEA_MATCH_LOW,
    FOVEA_BUFFER,
    FOVEA_GIOU,
    FOVEA_HEIGHT,
    FOVEA_MAHALANOBIS,
    FOVEA_NOISE,
    FOVEA_TURNS,
    FOVEA_SURE,
    FOVEA_MAX_AGE,
    FOVEA_LOOK,
    FOVEA_LOOK_AGE,
    FOVEA_HOLD,
    FOVEA_PARTICLES,
    FOVEA_REFINE,
    FOVEA_GROUND,
    FOVEA_CAMERA,
    FOVEA_CLASS_AWARE,
    FOVEA_N_PROPERTIES
};

/** What a track is coasted by while nothing sees it. */
typedef struct {
    FovPalette usual;        /**< its colours */
    gboolean known;          /**< whether there are any */
    FovParticles *particles; /**< where it may be; NULL: it is seen */
} FoveaCoast;

/** The particles of all tracks; memory grows and is reused. */
typedef struct _FoveaCoasts FoveaCoasts;

/** One object that the joined tracker follows. */
typedef struct {
    FovTarget target;
    FovImm imm;
    FovJitterTrail trail, raw_trail;
    FovGroundState ground;
    FovLook look;
    FovHold hold;
    FoveaCoast coast;
    FovBox last;         /**< its last detection, moved with the camera since */
    double size[2];      /**< width and height that the filter held when last corrected */
    double hidden;       /**< share of the box at hand that a nearer track covers */
    double stands_out;   /**< usual share of its box that stands out from the backdrop */
    double evidence;     /**< seconds of detections, weighted by their scores */
    gint64 embedded_pts; /**< ns: when its embedding was last learnt */
    gint64 detected_pts; /**< ns: when the detector last saw it */
    guint misses;        /**< runs of the detector since it last saw it */
    double since_run;    /**< nominal pictures since the detector's last run, this one counted */
} FovItem;

/** The joined tracker. */
typedef struct {
    GArray *items; /* FovItem */
    FovMatch *high, *low;
    FovJitter jitter;     /* of the boxes that the filters are given */
    FovJitter raw_jitter; /* of the detector's own */
    FovRefine *refine;
    const FovDetection *raw; /* the detector's own boxes at hand */
    gboolean is_refined;     /* the boxes at hand are not the detector's own */
    GArray *boxes;           /* FovBox: scratch */
    FovGround ground;
    FovLooks *looks;
    FovHolds *holds;
    FoveaCoasts *coasts;
} Fovea;

/** Filters count time in thirtieths of a second, whatever the rate: that is what their noise
 * was published for. */
#define FOVEA_TICKS 30.0

/** A track is not given up, whatever the time, before the detector has missed it so often: time in
 * which nobody looked says nothing. */
#define FOVEA_LOOKS 2

static inline FovItem *
fovea_item (Fovea *fovea, guint i)
{
    return &g_array_index (fovea->items, FovItem, i);
}

/** Seconds since the track was last seen. */
static inline double
fovea_unseen (const FovItem *item, const FovScene *scene)
{
    return (double) (scene->pts - item->target.track.seen_pts) / 1e9;
}

/** Pairs the picture's detections with the tracks; fovea->high is left with detections that
 * none explains. */
gboolean fovea_associate (Fovea *fovea, const FovScene *scene, GError **error);

/** Takes the detection's look into the track's memory. */
void fovea_learn_look (Fovea *fovea, FovItem *item, const FovScene *scene, guint detection);
/** Has embeddings computed, in one call, of detections whose place does not say whose they are. */
gboolean fovea_ask_for_looks (Fovea *fovea, const FovScene *scene, GError **error);
/** Finds those that no detection was found for by what stands out from the backdrop. */
void fovea_stand (Fovea *fovea, const FovScene *scene);
/** Asks the visual tracker for those that no detection was found for. */
gboolean fovea_hold (Fovea *fovea, const FovScene *scene, GError **error);
/** What becomes of a track that was found without a detection. */
FovTrackState fovea_held_state (const FovTarget *target);
/** Has particles say where those may be that nothing saw, and learns the colours of the others. */
void fovea_coast (Fovea *fovea, const FovScene *scene);
FoveaCoasts *fovea_coasts_new (guint64 seed);
void fovea_coasts_free (FoveaCoasts *coasts);
/** Gives a track's particles back. */
void fovea_coast_forget (FoveaCoasts *coasts, FoveaCoast *coast);
/** Shows the visual tracker those that are surely seen. */
gboolean fovea_learn (Fovea *fovea, const FovScene *scene, GError **error);

#endif
