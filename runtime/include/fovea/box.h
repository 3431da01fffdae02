/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_BOX_H
#define FOVEA_BOX_H

#include <fovea/error.h>

G_BEGIN_DECLS

/**
 * An axis-aligned box in pixels of the picture it belongs to. x1, y1 is the
 * top left corner, x2, y2 the bottom right one (exclusive): width = x2 - x1.
 */
typedef struct {
    float x1, y1, x2, y2;
} FovBox;

/** One object that a detector found. */
typedef struct {
    FovBox box;  /**< pixels of the submitted image, clipped to it */
    float score; /**< confidence, 0..1 */
    int label;   /**< class index, 0-based, into the detector's labels */
} FovDetection;

/** Area in square pixels; 0 for an empty or inverted box, never negative. */
FOV_API float fov_box_area (FovBox box);

/** Intersection over union, 0..1; 0 where either box is empty or not finite. */
FOV_API float fov_box_iou (FovBox a, FovBox b);

/** The box cut to 0..width, 0..height. */
FOV_API FovBox fov_box_clip (FovBox box, float width, float height);

/**
 * Greedy non-maximum suppression, in place: sorts by score (ties: the lower
 * label first, then the earlier entry), keeps a detection unless its IoU with
 * a kept one is above iou_threshold (0..1), and cuts to max_detections (0: no
 * limit). class_aware: boxes of different labels never suppress each other.
 * Entries with a score that is not finite are dropped. Returns how many stay;
 * they are the first of the array. O(n log n + n * kept), no allocation
 * beyond one sort buffer.
 */
FOV_API guint fov_nms (FovDetection *detections, guint n, float iou_threshold, gboolean class_aware,
                       guint max_detections);

/** How a picture is fitted into a network's input. */
typedef enum {
    FOV_FIT_LETTERBOX_CENTER,  /**< keep aspect, pad on both sides */
    FOV_FIT_LETTERBOX_TOPLEFT, /**< keep aspect, pad right and bottom (YOLOX) */
    FOV_FIT_STRETCH,           /**< fill, aspect lost (SSD) */
} FovFit;

/** An affine map without rotation: net = pixel * scale + offset. */
typedef struct {
    float scale_x, scale_y;                 /**< network pixels per image pixel */
    float offset_x, offset_y;               /**< network pixels */
    int inner_x, inner_y, inner_w, inner_h; /**< picture's part of the network input, pixels */
} FovLetterbox;

/**
 * The map from region (pixels of an image; e.g. the whole of it) to a network
 * input of net_w x net_h. The scaled size is rounded down (as YOLOX does) and
 * at least 1; scale_x and scale_y are those after rounding, so that the region
 * fills the inner rectangle exactly. An empty or non-finite region counts as
 * one pixel wide or high.
 */
FOV_API FovLetterbox fov_letterbox (FovBox region, int net_w, int net_h, FovFit fit);

/** A box in network pixels back to image pixels (not clipped). */
FOV_API FovBox fov_letterbox_unmap (const FovLetterbox *map, FovBox net);

G_END_DECLS

#endif
