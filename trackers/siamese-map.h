/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_SIAMESE_MAP_H
#define FOV_TRACKERS_SIAMESE_MAP_H

/* What a head's maps say: places where the target may be. */
#include <fovea/box.h>

#include "trackers/siamese-net.h"

/** How places are ranked (Li et al., "High performance visual tracking with Siamese region proposal
 * network", 2018, section 4.3). */
typedef struct {
    float penalty; /* of a change of size or shape */
    float window;  /* share of the cosine window in the rank */
} FovSiameseRanking;

typedef struct {
    FovBox box;    /* crop pixels from the crop's centre */
    float score;   /* of the head, 0..1 */
    float penalty; /* of its size and shape, 0..1; 1: as expected */
    float rank;    /* what places are compared by */
} FovSiamesePlace;

/** The largest number of places asked for at once. */
#define FOV_SIAMESE_MAX_PLACES 16

/** Side of the square round a box of w x h that holds its context (SiamFC: half its size). */
float fov_siamese_context (float w, float h);

/** cells x cells, highest in the middle. */
void fov_siamese_window (int cells, float *window);

/**
 * Adds the best places of a map that overlap none before them, best first, until places holds
 * most; all but the first of them all score at least floor. width, height: of the target, crop
 * pixels; x, y: of this crop's centre from the first one's. Returns how many there are then.
 */
guint fov_siamese_places (const FovSiameseShape *shape, const FovSiameseRanking *ranking,
                          const float *scores, const float *boxes, const float *window, float width,
                          float height, float x, float y, float floor, FovSiamesePlace *places,
                          guint n, guint most);

#endif
