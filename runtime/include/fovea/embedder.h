/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_EMBEDDER_H
#define FOVEA_EMBEDDER_H

#include <fovea/box.h>
#include <fovea/image.h>
#include <fovea/session.h>

G_BEGIN_DECLS

/**
 * Turns parts of a picture into embeddings: vectors of length 1 whose dot product
 * says how much two objects look alike (re-identification). Cropping, resizing,
 * normalisation and the network are one planned graph on the device. Reference
 * counted; thread safe, one call at a time runs.
 */
typedef struct _FovEmbedder FovEmbedder;

/** Zero means the default everywhere. */
typedef struct {
    guint max_batch;   /**< crops per run, 1..64; 0: 4 on the host, 16 elsewhere */
    int width, height; /**< network input where the model leaves it free; 0: 128 x 256 */
    /* preprocessing */
    const char *color_order; /**< "rgb" (default) or "bgr" */
    const char *fit;         /**< "stretch" (default), "letterbox", "letterbox-center" */
    const float *mean;  /**< 3 values in network channel order, 0..255 scale; NULL: ImageNet's */
    const float *scale; /**< 3 factors applied after the mean is subtracted; NULL: ImageNet's */
    gboolean profile;
    FovProgress progress;
    gpointer progress_data;
} FovEmbedderParams;

/**
 * Any model that takes one picture (1x3xHxW or 1xHxWx3; a batch of one that the
 * file fixes is loosened where the graph allows it) and gives a vector, 1xD or
 * 1xDx1x1, D 2..4096; of several outputs the first such. Mean and scale are left
 * out where the graph begins with its own normalisation. Sessions for 1, 2, 4,
 * ... max_batch crops are planned here, so this blocks (compiles, packs). Errors
 * name the tensor that does not fit and the shapes that would.
 */
FOV_API FovEmbedder *fov_embedder_new (FovDevice *device, FovModel *model,
                                       const FovEmbedderParams *params, GError **error);
FOV_API FovEmbedder *fov_embedder_ref (FovEmbedder *embedder);
FOV_API void fov_embedder_unref (FovEmbedder *embedder);

/** Floats per embedding, D. */
FOV_API guint fov_embedder_dim (FovEmbedder *embedder);
FOV_API void fov_embedder_input_size (FovEmbedder *embedder, int *width, int *height);
/** Most crops in one run; 1 where the graph allows no other batch. */
FOV_API guint fov_embedder_max_batch (FovEmbedder *embedder);

/**
 * Embeds n parts of image: out gets n rows of D floats, each of length 1 (all 0
 * where the network gave no finite vector). boxes are pixels and cut to the
 * picture; of one that lies outside, the nearest pixel is taken. embedder is a
 * FovEmbedder: the signature is FovEmbedFunc's (tracker.h). Blocks; allocates
 * nothing but for the first picture of a larger size.
 */
FOV_API gboolean fov_embedder_embed (gpointer embedder, const FovImage *image, const FovBox *boxes,
                                     guint n, float *out, GError **error);

/** Of the session that runs one crop (or max_batch, see fov_embedder_max_batch). */
FOV_API void fov_embedder_info (FovEmbedder *embedder, gboolean of_max_batch, FovSessionInfo *info);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovEmbedder, fov_embedder_unref)

G_END_DECLS

#endif
