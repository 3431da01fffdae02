/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_DETECTOR_H
#define FOVEA_DETECTOR_H

#include <fovea/box.h>
#include <fovea/image.h>
#include <fovea/labels.h>
#include <fovea/session.h>

G_BEGIN_DECLS

/**
 * Finds objects in pictures: preprocessing, network, decoding and NMS as one
 * planned graph. Thread safe; several frames are in flight.
 */
typedef struct _FovDetector FovDetector;

/** Zero means the default everywhere. */
typedef struct {
    float threshold;      /**< lowest score kept, 0..1; 0: 0.25. Negative: 0, keep all */
    float iou_threshold;  /**< NMS, 0..1; 0: 0.45. Negative: 0 */
    guint max_detections; /**< per picture; 0: 300 (at most 1000) */
    gboolean class_agnostic_nms;
    const char *decoder; /**< family name; NULL: recognised */
    FovLabels *labels;   /**< NULL: model's metadata, else a built-in list of that length */
    int width, height; /**< network input where the model leaves it free; 0: model's, else family's
                          default */
    guint batch;       /**< pictures per run, 1..64; 0: 1 */
    guint max_in_flight; /**< runs at once; 0: 2 */
    /* preprocessing; by default the family's own */
    const char *color_order; /**< "rgb" or "bgr" */
    const char *fit;         /**< "letterbox", "letterbox-center", "stretch" */
    const float *mean;       /**< 3 values in network channel order, 0..255 scale */
    const float *scale;      /**< 3 factors applied after the mean is subtracted */
    gboolean profile;
    FovProgress progress;
    gpointer progress_data;
} FovDetectorParams;

/** Names a submitted run; 0 is never valid. */
typedef guint64 FovTicket;

/** Blocks (compiles, packs). Errors name the tensor that does not fit and the shapes that would. */
FOV_API FovDetector *fov_detector_new (FovDevice *device, FovModel *model,
                                       const FovDetectorParams *params, GError **error);
FOV_API FovDetector *fov_detector_ref (FovDetector *detector);
FOV_API void fov_detector_unref (FovDetector *detector);

/**
 * Starts detection on one picture and returns its ticket, or 0 with error.
 * The picture's memory must stay valid and unchanged until the ticket was
 * waited for. Blocks only while max_in_flight runs are under way. A picture of
 * another size or format than before is fine (the first of a larger size may
 * allocate).
 */
FOV_API FovTicket fov_detector_submit (FovDetector *detector, const FovImage *image,
                                       GError **error);

/**
 * The same for 1..batch pictures in one run; regions (pixels, one per picture)
 * may be NULL or cut out the part to look at.
 */
FOV_API FovTicket fov_detector_submit_batch (FovDetector *detector, const FovImage *images,
                                             const FovBox *regions, guint n, GError **error);

/**
 * Waits for a ticket and replaces detections' content (GArray of
 * FovDetection, by falling score). Every ticket must be waited for once.
 * Blocks. On an error the ticket is gone too.
 */
FOV_API gboolean fov_detector_wait (FovDetector *detector, FovTicket ticket, GArray *detections,
                                    GError **error);

/** The same for a batch: detections[i] belongs to picture i. */
FOV_API gboolean fov_detector_wait_batch (FovDetector *detector, FovTicket ticket,
                                          GArray *const *detections, guint n, GError **error);

/** TRUE once the ticket's results are there; never blocks. */
FOV_API gboolean fov_detector_ready (FovDetector *detector, FovTicket ticket);

/** Take effect from the next submit on. Any thread. Range 0..1. */
FOV_API void fov_detector_set_threshold (FovDetector *detector, float threshold);
FOV_API void fov_detector_set_iou_threshold (FovDetector *detector, float iou_threshold);

/** Owned by the detector; its length is the number of classes where known. */
FOV_API FovLabels *fov_detector_labels (FovDetector *detector);
/** Name of the decoder family in use. */
FOV_API const char *fov_detector_family (FovDetector *detector);
FOV_API FovDevice *fov_detector_device (FovDetector *detector);
FOV_API void fov_detector_input_size (FovDetector *detector, int *width, int *height);
FOV_API void fov_detector_info (FovDetector *detector, FovSessionInfo *info);
FOV_API GArray *fov_detector_profile (FovDetector *detector);

/**
 * Explains a model in plain lines for people: what was recognised and why,
 * each input and output, what will be done with it, or, where nothing fits,
 * each family with the tensor that stood against it and the shapes that would
 * fit. Returns text to g_free; never NULL. ok may be NULL.
 */
FOV_API char *fov_detector_explain (FovModel *model, const FovDetectorParams *params, gboolean *ok);

/** The names of all decoder families, NULL-terminated, static. */
FOV_API const char *const *fov_detector_families (void);

/**
 * A detector's preprocessing alone: pictures as its network wants to see them,
 * letterboxed and scaled as FovDetector does it. For what runs the network by
 * itself: training, statistics. Used by one thread at a time; works on the CPU.
 */
typedef struct _FovPreparer FovPreparer;

/** params as for fov_detector_new, of which batch is the number of pictures that the tensor
 * holds: 1 is expected. Errors as fov_detector_new. */
FOV_API FovPreparer *fov_preparer_new (FovModel *model, const FovDetectorParams *params,
                                       GError **error);
FOV_API void fov_preparer_free (FovPreparer *preparer);
/** The network's picture input: its name (owned by the preparer), type and shape. */
FOV_API void fov_preparer_info (FovPreparer *preparer, FovTensorInfo *info);
/** Fills tensor, dense values of that type and shape, from the whole of image. Blocks. */
FOV_API gboolean fov_preparer_run (FovPreparer *preparer, const FovImage *image, void *tensor,
                                   GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovDetector, fov_detector_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovPreparer, fov_preparer_free)

G_END_DECLS

#endif
