/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_METRICS_H
#define FOVEA_METRICS_H

#include <fovea/box.h>

G_BEGIN_DECLS

/**
 * Average precision of a ranking: n scores, and for each whether it is true
 * (not 0). The sum over the distinct scores, from the highest, of the precision
 * there times the recall that it adds; equal scores count as one. 0..1, NAN
 * where none is true or n is 0. Thread safe.
 */
FOV_API double fov_average_precision (const float *scores, const guint8 *truths, guint n);

/**
 * COCO's detection metric (Lin et al. 2014, and the rules of its published
 * evaluation: 10 IoU thresholds 0.50..0.95, 101 recall points, at most 100
 * detections an image, crowd regions ignored by intersection over detection
 * area). Single-threaded; one object, one thread at a time.
 */
typedef struct _FovCocoEval FovCocoEval;

/** One annotated object. category: the data set's own id. */
typedef struct {
    FovBox box;  /**< pixels */
    double area; /**< square pixels, as annotated (for small/medium/large) */
    int category;
    gboolean crowd;
} FovCocoTruth;

/** Figures in percent; NAN where there is nothing to measure. */
typedef struct {
    double ap;   /**< mean over classes and IoU 0.50..0.95 */
    double ap50; /**< at IoU 0.50 */
    double ap75;
    double ap_small, ap_medium, ap_large;
    double ar100;       /**< average recall at 100 detections */
    guint n_categories; /**< that have at least one object */
} FovCocoSummary;

FOV_API FovCocoEval *fov_coco_eval_new (void);
FOV_API void fov_coco_eval_free (FovCocoEval *eval);

/**
 * Adds one image: its truths, and its detections with label already mapped to
 * the category id. Arrays are copied.
 */
FOV_API void fov_coco_eval_add (FovCocoEval *eval, const FovCocoTruth *truths, guint n_truths,
                                const FovDetection *detections, guint n_detections);

/** Computes the summary over all images added so far. */
FOV_API void fov_coco_eval_summarize (FovCocoEval *eval, FovCocoSummary *summary);

/** AP (0.50..0.95) of one category in percent; ap50 may be NULL. NAN if it has no truth. */
FOV_API double fov_coco_eval_category (FovCocoEval *eval, int category, double *ap50);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovCocoEval, fov_coco_eval_free)

G_END_DECLS

#endif
