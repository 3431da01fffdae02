/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_NORMS_H
#define FOVEA_NORMS_H

#include <fovea/device.h>
#include <fovea/model.h>

G_BEGIN_DECLS

/*
 * Batch norms of a model that was exported, and their statistics.
 *
 * A network that has seen one kind of picture meets another (dusk, another
 * camera): what its layers compute is shifted and stretched, and what stands
 * behind them no longer fits. Means and variances taken of the new pictures undo
 * that, with forward passes alone (Li et al. 2017, "Adaptive batch
 * normalization"; Schneider et al. 2020). Exports have their norms folded into
 * the convolutions; un-folding puts them back.
 */

/** Frames that statistics are taken of. Zero means the default. */
typedef struct {
    guint n; /**< how many; at least 1 */
    /**
     * Points inputs, one per input of the model, at the dense values of frame
     * index, of the types and shapes of the session; they stay valid until the
     * next call. Called again for each frame and layer.
     */
    gboolean (*read) (guint index, FovView *inputs, gpointer user_data, GError **error);
    gpointer user_data;
    const FovShape *input_shapes; /**< one per model input; NULL: the model's (free: 1) */
    /**
     * Weight of the old statistics, in frames: new = (prior old + n measured) /
     * (prior + n), means and variances alike (Schneider et al. 2020, eq. 3). For
     * few frames. Default 0: the frames alone count. Used by fov_model_recalibrate.
     */
    float prior;
    FovProgress progress; /**< may be NULL */
    gpointer progress_data;
} FovNormFrames;

/** How far one layer's statistics moved. */
typedef struct {
    char *layer; /**< name of the norm's node, or of the convolution it was un-folded from */
    guint channels;
    double shift;   /**< of the means, in old deviations: root of the mean square over channels */
    double stretch; /**< new deviation over old, geometric mean over channels */
} FovNormMove;

/** Batch norms of the model whose statistics can be taken anew. */
FOV_API guint fov_model_n_norms (FovModel *model);

/**
 * Puts a batch norm behind each convolution (and transposed one) whose own was
 * folded away: with mean and variance of what it gives for the reference frames,
 * and scale and bias that undo them, so that the model computes what it did. The
 * frames should be such as the model is known to be good on.
 *
 * Left as they are: convolutions without a bias or with weights that others
 * share, those that give one value a channel and picture, those with a norm of
 * their own, and predictions (with no layer that has weights behind them).
 *
 * The model trains and runs like any other and is written with
 * fov_model_write_back or fov_trainer_write_onnx, which fold the norms again.
 * FOV_ERROR_UNSUPPORTED where there is no such convolution, FOV_ERROR_FAILED
 * where a layer gives values that are no numbers. Blocks: one forward pass a frame.
 */
FOV_API FovModel *fov_model_unfold (FovModel *model, FovDevice *device,
                                    const FovNormFrames *reference, GError **error);

/**
 * The model with statistics of these frames in all its batch norms: exact means
 * and variances over all frames, layer after layer, each behind those that have
 * theirs already; so neither order nor number of frames at once matters, and the
 * frames that statistics were taken of before change nothing. moves (may be NULL)
 * gets one FovNormMove per norm, g_array_unref; it may be created with
 * fov_norm_moves_new. Errors as fov_model_unfold; FOV_ERROR_UNSUPPORTED where the
 * model has no batch norms. Blocks: a forward pass per frame and depth of norms,
 * each as far as that norm.
 */
FOV_API FovModel *fov_model_recalibrate (FovModel *model, FovDevice *device,
                                         const FovNormFrames *frames, GArray *moves,
                                         GError **error);

/** For fov_model_recalibrate: an empty array that owns its names. */
FOV_API GArray *fov_norm_moves_new (void);

/**
 * Writes the ONNX file that the model was read from to path, with the statistics
 * of its norms; those that were un-folded are folded into weights and biases.
 * Nothing but constants changes, by name. The file is written beside path and
 * renamed. FOV_ERROR_UNSUPPORTED as fov_trainer_write_onnx.
 */
FOV_API gboolean fov_model_write_back (FovModel *model, const char *path, GError **error);

G_END_DECLS

#endif
