/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_SIAMESE_NET_H
#define FOV_TRACKERS_SIAMESE_NET_H

/*
 * The two networks of a Siamese tracker (SiamFC, SiamBAN, NanoTrack): a backbone
 * that turns a crop into features, and a head that compares a template's with a
 * search crop's and gives a map of scores and boxes.
 */
#include <fovea/device.h>
#include <fovea/session.h>

#define FOV_SIAMESE_MAX_BATCH 8

typedef struct _FovSiameseNet FovSiameseNet;

/** Sizes in pixels of crops, elements of features and cells of the map. */
typedef struct {
    int template_size, search_size;             /* crops: 127 and 255 */
    int template_floats, search_floats;         /* features of one crop */
    int channels, template_cells, search_cells; /* the same by dimension: cells a side */
    int map;                                    /* cells a side of the head's answer */
    int stride;                                 /* crop pixels from cell to cell */
} FovSiameseShape;

/**
 * Plans the pair for one crop and, where the graphs allow it and the device gains
 * from it, for several at once. Errors name the model, the tensor, its shape and
 * what was expected. device NULL: the host.
 */
FovSiameseNet *fov_siamese_net_new (FovDevice *device, FovModel *backbone, FovModel *head,
                                    GError **error);
void fov_siamese_net_free (FovSiameseNet *net);
const FovSiameseShape *fov_siamese_net_shape (const FovSiameseNet *net);

/** Most crops that run together, 1..FOV_SIAMESE_MAX_BATCH. */
guint fov_siamese_net_batch (const FovSiameseNet *net);

/** Crops (planar, size as asked) to features, n of each, dense. */
gboolean fov_siamese_net_template (FovSiameseNet *net, const float *crops, guint n, float *features,
                                   GError **error);
gboolean fov_siamese_net_search (FovSiameseNet *net, const float *crops, guint n, float *features,
                                 GError **error);
/**
 * n pairs of features to maps: scores[n][map * map], the probability of the target, 0..1, and
 * boxes[n][4][map * map], the distances of left, top, right and bottom edge from the cell's
 * point, crop pixels.
 */
gboolean fov_siamese_net_head (FovSiameseNet *net, const float *templates, const float *searches,
                               guint n, float *scores, float *boxes, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovSiameseNet, fov_siamese_net_free)

#endif
