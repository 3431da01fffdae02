/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_SIAMESE_H
#define FOV_TRACKERS_SIAMESE_H

/* What the parts of the Siamese tracker share: siamese.c, siamese-crop.c, siamese-search.c. */
#include <fovea/visual.h>

#include "trackers/patch.h"
#include "trackers/siamese-look.h"
#include "trackers/siamese-map.h"

typedef struct {
    float outside[3]; /* mean colour of its first picture: R, G, B of 0..255 */
    FovSiameseLook first, recent;
    gboolean has_recent;
    float usual; /* how much it looks like itself; 0: not known yet */
    guint tile;  /* next one of a wide search */
} FovSiameseTarget;

/* One target's search. Crop pixels are those of its first search crop. */
typedef struct {
    FovSiameseTarget *target;
    FovBox expected;
    float x, y, side;    /* of the usual search square, picture pixels */
    float scale;         /* crop pixels per picture pixel */
    float width, height; /* expected, crop pixels */
    FovSiamesePlace places[FOV_SIAMESE_MAX_PLACES];
    float alike[FOV_SIAMESE_MAX_PLACES]; /* to the target, 0..1 */
    guint n;
    float psr, apce; /* of the scores on the usual square */
} FovSiameseSearch;

typedef struct {
    FovSiameseNet *net;
    FovSiameseShape shape;
    guint batch; /* crops that are made before they run together */
    FovPatcher *patcher;
    float *window, *no_window;           /* map x map */
    float *crops, *features, *templates; /* batch of each, of the larger kind */
    float *scores, *boxes;               /* batch of each */
    FovSiameseSearch *searches;          /* batch */
} FovSiamese;

/** A tracker (of fov_visual_siamese) on that net, which it takes. */
FovSiamese *fov_siamese_new (FovSiameseNet *net);

/* ---- siamese-crop.c ---------------------------------------------------- */

float fov_siamese_centre_x (FovBox box);
float fov_siamese_centre_y (FovBox box);

/** Mean colour of a picture: R, G, B of 0..255. */
void fov_siamese_mean_colour (FovSiamese *s, const FovImage *image, float mean[3]);

/**
 * A square of side pixels round x, y as size x size values: planes B, G, R of 0..255, the mean
 * colour where the picture does not reach (Bertinetto et al. 2016, section 3.1).
 */
void fov_siamese_crop (FovSiamese *s, const FovSiameseTarget *t, const FovImage *image, float x,
                       float y, float side, int size, float *crop);

/** The crop that box is looked at by, into crop, and its colours. */
void fov_siamese_look_crop (FovSiamese *s, const FovSiameseTarget *t, const FovImage *image,
                            FovBox box, float *crop, float colours[FOV_SIAMESE_COLOURS]);

/* ---- siamese-search.c -------------------------------------------------- */

/** Looks for the targets of n (up to batch) searches, whose target and expected are set. */
gboolean fov_siamese_search (FovSiamese *s, const FovImage *image, const FovVisualQuery *queries,
                             guint n, GError **error);

/** How much a look is the target's, 0..1; 0: no more than any two things' are. */
float fov_siamese_alike (const FovSiamese *s, const FovSiameseTarget *t,
                         const FovSiameseLook *look);

/** What a search found. */
void fov_siamese_report (const FovSiameseSearch *search, FovVisualFound *found);

#endif
