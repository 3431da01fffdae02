/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TRAIN_H
#define FOVEA_TRAIN_H

#include <fovea/box.h>
#include <fovea/device.h>
#include <fovea/image.h>
#include <fovea/labels.h>
#include <fovea/model.h>
#include <fovea/norms.h>

G_BEGIN_DECLS

/**
 * A model in training: its parameters, an optimiser's moments and running
 * statistics on one device, and the plan of one step. Used by one thread at a
 * time. Runs on every device: on the host the same steps give the same bits
 * whatever the number of threads, on vulkan on the same device and driver.
 */
typedef struct _FovTrainer FovTrainer;

typedef enum {
    /**
     * Softmax cross entropy; labels are int64 of the scores' shape without
     * dimension 1 ([N] for [N, C]), 0..C-1, or -1: left out. A Softmax that ends
     * the model is taken into the loss.
     */
    FOV_LOSS_CROSS_ENTROPY,
    /** Binary cross entropy of logits, multi-label; targets 0..1 of the scores' shape. A Sigmoid
     * that ends the model is taken into the loss. */
    FOV_LOSS_BCE,
    FOV_LOSS_MSE,       /**< mean of squares; targets of the output's shape */
    FOV_LOSS_SMOOTH_L1, /**< Girshick 2015, eq. 3, quadratic below 1 */
    /** Lin et al. 2017, eq. 5, of logits, multi-label; targets and Sigmoid as for BCE. */
    FOV_LOSS_FOCAL,
    /**
     * 1 - Dice (Milletari et al. 2016, without squares), the mean over the classes, each over all
     * pixels of the batch; scores [N, C, H, W] before softmax, labels as for cross entropy.
     */
    FOV_LOSS_DICE,
    FOV_LOSS_CROSS_ENTROPY_DICE, /**< their sum, for segmentation */
    /**
     * Batch-hard triplets (Hermans et al. 2017, eq. 5) of vectors [N, D]; target int64 [N]: those
     * of one number belong together. A batch should have several of each.
     */
    FOV_LOSS_TRIPLET,
    FOV_LOSS_CONTRASTIVE, /**< Hadsell et al. 2006, eq. 4, over all pairs of the batch; as above */
    /**
     * Connectionist temporal classification (Graves et al. 2006) of scores [N, T, C] before
     * softmax, class 0 the blank; labels int64 [N, label_length], 1..C-1, shorter ones ended by -1;
     * each divided by its length. A label that needs more than T steps is an error.
     */
    FOV_LOSS_CTC,
    /**
     * A detector's, of all outputs, as its family (as FovDetector recognises it) is trained: YOLOX
     * and others with an objectness SimOTA, IoU and cross entropy; YOLOv8 task-aligned, CIoU,
     * distribution focal loss; NanoDet the same with quality focal loss and GIoU; SSD multibox.
     * Targets are float32 [batch, max_objects, 6]: x1, y1, x2, y2 in pixels of the network's
     * input; class 0..C-1; and 1 an object, 0 an empty row (behind all others), -1 a region
     * that says nothing: what the network finds there is neither right nor wrong.
     */
    FOV_LOSS_DETECTION,
    /**
     * Cross entropy of shares: float32 of the scores' shape, in 0..1, of each picture 1 in all (or
     * 0: left out), as mosaic and mix-up make them (FovBatch.classes). A share of 1 is a label's
     * cross entropy, weights, smoothing and focal_gamma too.
     */
    FOV_LOSS_SHARES,
} FovLoss;

typedef enum {
    FOV_OPTIMISER_SGD,   /**< with Nesterov's momentum (Sutskever et al. 2013), as PyTorch's */
    FOV_OPTIMISER_ADAM,  /**< Kingma and Ba 2015, algorithm 1 */
    FOV_OPTIMISER_ADAMW, /**< Loshchilov and Hutter 2019, algorithm 2 */
} FovOptimiser;

/** Zero means the default. */
typedef struct {
    const FovShape *input_shapes; /**< one per model input, with the batch; NULL: the model's */
    guint output;                 /**< which output the loss is of */
    FovLoss loss;
    float label_smoothing; /**< share spread over all classes, 0..1 (cross entropy); default 0 */
    /**
     * A factor for each class, or NULL: of its labels (cross entropy, a weighted mean then), of its
     * scores (BCE, focal). positive_weights: of the targets that are 1 (BCE). Copied.
     */
    const float *class_weights, *positive_weights;
    guint n_class_weights;
    float focal_alpha; /**< weight of targets that are 1; default 0.25, negative: no weights */
    /**
     * Exponent of what is missing: focal's, default 2. Of cross entropy each label's term gets the
     * factor (1 - p)^gamma (Lin et al. 2017, eq. 5, of a softmax), default 0; without smoothing.
     */
    float focal_gamma;
    float margin;     /**< of distances; default: triplet 0.3, contrastive 1 */
    int label_length; /**< CTC: most symbols of a label; must be given */

    FovOptimiser optimiser;
    float learning_rate; /**< default 0.01, Adam 0.001 */
    float momentum;      /**< SGD; default 0.9, negative: none */
    gboolean plain;      /**< SGD: momentum without Nesterov's look ahead */
    float beta1, beta2;  /**< Adam; default 0.9 and 0.999 */
    float weight_decay;  /**< not of biases and norms (parameters of one dimension); default 0 */
    float clip_norm;     /**< gradients are shortened to this norm, all together; 0: not */
    /**
     * Parameters change once in so many batches, by the mean of their gradients: as in one batch of
     * all of them, but for live statistics and means over weights. Default 1.
     */
    guint accumulate;
    guint32 seed; /**< of dropout: its masks depend on it and the batch's number alone */

    guint64 n_steps;      /**< of the whole run: the rate falls as a half cosine; 0: it stays */
    guint64 warmup_steps; /**< the rate rises from 0 in a straight line */
    float final_rate;     /**< share of learning_rate at the end; default 0.01 */
    float average;        /**< horizon of the parameters' running average, as a share of n_steps
                               (of 1000 steps if that is 0); 0: none */

    guint max_objects;   /**< rows of a picture's target (detection); default 120 */
    const char *decoder; /**< family (detection), as in FovDetectorParams; NULL: recognised */

    gboolean frozen_norms; /**< batch norms keep their statistics */
    const char *freeze_to; /**< name of a node or tensor: it and all before it stay as they are */
    gboolean freeze_backbone; /**< all before the first layer that enlarges, or where none does
                                   before the layers that all outputs share, stays as it is */
} FovTrainerParams;

typedef struct {
    guint64 step;          /**< steps done: changes of the parameters */
    double learning_rate;  /**< of the last step */
    double gradient_norm;  /**< of the last step, all together, before clipping */
    guint n_parameters;    /**< tensors that learn */
    guint64 n_values;      /**< numbers in them */
    guint64 planned_bytes; /**< all memory: parameters and moments, twice (as they started), what
                                stays as it is, activations, what kernels pack and put beside */
    guint64 state_bytes;   /**< of it, what is kept from step to step */
    double flops;          /**< of a step */
} FovTrainerInfo;

/**
 * Plans training of a model, which itself does not change. FOV_ERROR_SHAPE
 * where loss and output do not fit, FOV_ERROR_UNSUPPORTED where a node on the
 * way from the parameters to the loss has no gradient, FOV_ERROR_ARGUMENT for
 * parameters out of range or nothing to learn. Blocks.
 */
FOV_API FovTrainer *fov_trainer_new (FovDevice *device, FovModel *model,
                                     const FovTrainerParams *params, GError **error);
FOV_API void fov_trainer_free (FovTrainer *trainer);

/** Shape and type of what fov_trainer_step wants as target. */
FOV_API void fov_trainer_target (FovTrainer *trainer, FovTensorInfo *info);

/**
 * One step: inputs are the model's (of input_shapes), target as
 * fov_trainer_target says; parameters change in place. *loss (may be NULL): of
 * this batch, before the change. A picture or target with a value that is no
 * finite number is FOV_ERROR_ARGUMENT, names both, and changes nothing. A loss
 * or gradient that is none is FOV_ERROR_FAILED and names the step, a tensor that
 * it has spoilt and the picture with the largest values; parameters are of no
 * use then. Blocks.
 */
FOV_API gboolean fov_trainer_step (FovTrainer *trainer, const FovView *inputs,
                                   const FovView *target, double *loss, GError **error);

FOV_API void fov_trainer_info (FovTrainer *trainer, FovTrainerInfo *info);

/**
 * Part index (0, 1, ...) of the last step's loss: "box", "class", ...; they add up to it. FALSE:
 * there are no more. Detection has parts.
 */
FOV_API gboolean fov_trainer_part (FovTrainer *trainer, guint index, const char **name,
                                   double *value);

/** How a detector under training wants its pictures (all of one size, RGB order unless bgr). */
typedef struct {
    int width, height;       /**< of the network's input, pixels */
    gboolean bgr;            /**< blue comes first */
    gboolean stretch;        /**< a picture is stretched to the input; else its aspect stays */
    gboolean center;         /**< with its aspect kept, it lies in the middle; else top left */
    float mean[3], scale[3]; /**< the input is (v - mean) scale of v 0..255, in its order */
    float pad;               /**< v beside the picture */
    guint n_classes;
} FovTrainerIntake;

/** FALSE where the trainer's loss is none of a detector. */
FOV_API gboolean fov_trainer_intake (FovTrainer *trainer, FovTrainerIntake *intake);

/**
 * SMOTE in embedding space, for a classifier (FOV_LOSS_CROSS_ENTROPY) at the end of its training
 * where classes are rare: its last layer, a Gemm with weights and bias in front of the first
 * output, learns again from the features that it sees of these pictures and of points between
 * them, so that all classes have as many (fov_smote). That layer's weights and bias change, the
 * averaged and the current ones; fov_trainer_write_onnx writes them. pictures: one at a time, with
 * a batch of 1 in input_shapes; labels[pictures->n]. None of them: only whether it could be done is
 * looked at, which is best before the first step. The same seed gives the same bits.
 * FOV_ERROR_UNSUPPORTED where there is no such layer, FOV_ERROR_ARGUMENT where it is frozen.
 * Blocks: a forward pass a picture, and 150 steps of one layer.
 */
FOV_API gboolean fov_trainer_smote (FovTrainer *trainer, FovDevice *device,
                                    const FovNormFrames *pictures, const gint64 *labels,
                                    guint n_neighbours, guint32 seed, GError **error);

/** Which values of the parameters. */
typedef enum {
    FOV_WEIGHTS_CURRENT,
    FOV_WEIGHTS_AVERAGED, /**< the running average; the current ones where there is none */
} FovWeights;

/** The model with what was learned, for inference; the same names, metadata and shapes. */
FOV_API FovModel *fov_trainer_model (FovTrainer *trainer, FovWeights weights, GError **error);

/**
 * Saves parameters, moments, statistics, averages and the step as safetensors,
 * with notes (char* -> char*, or NULL: a sampler's place, a random state). The
 * file is written beside path, synced and renamed; the one before is kept as
 * path.1. A crash or a full disk at any time leaves a whole one.
 */
FOV_API gboolean fov_trainer_save (FovTrainer *trainer, const char *path, GHashTable *notes,
                                   GError **error);
/**
 * Takes up where fov_trainer_save left off: the next steps give the same bits
 * (host) as if there had been no break. Where path is damaged, missing or does
 * not fit, path.1 is used if it does, and a warning logged; a damaged one is renamed to
 * path.damaged, so that the next save keeps the good one. *notes (may be NULL) becomes those
 * saved (g_hash_table_unref). FOV_ERROR_SHAPE where the checkpoint is of another model or
 * optimiser. On an error nothing has changed.
 */
FOV_API gboolean fov_trainer_load (FovTrainer *trainer, const char *path, GHashTable **notes,
                                   GError **error);

/** FALSE, and an error: a checkpoint with these notes can not be used. FOV_ERROR_FORMAT: they are
 * damaged. */
typedef gboolean (*FovNotesCheck) (GHashTable *notes, gpointer user_data, GError **error);
/**
 * The same for notes that someone else may have written: a checkpoint is used only where check
 * (may be NULL) has nothing against its notes, and one whose notes are damaged is treated as
 * damaged. check is called for path and then perhaps for path.1.
 */
FOV_API gboolean fov_trainer_load_checked (FovTrainer *trainer, const char *path,
                                           FovNotesCheck check, gpointer user_data,
                                           GHashTable **notes, GError **error);

/**
 * Writes the ONNX file that the trainer's model was read from to path, with
 * what was learned in place of the constants of the same names; nothing else
 * changes. FOV_ERROR_UNSUPPORTED for a model that is no ONNX file, or keeps its
 * constants in other files.
 */
FOV_API gboolean fov_trainer_write_onnx (FovTrainer *trainer, const char *path, FovWeights weights,
                                         GError **error);

/** Zero means the default. */
typedef struct {
    /**
     * Which network; each takes "pictures" [batch, 3, height, width] as fov_picture_to_tensor makes
     * them.
     *
     * residual: a classifier (He et al. 2016, 15 convolutions, 0.18 M parameters); "scores" [batch,
     *     n_outputs], for FOV_LOSS_CROSS_ENTROPY, or BCE and focal where a picture has several
     *     labels.
     * depthwise: the same with depthwise convolutions (Howard et al. 2017, 0.04 M, a twentieth of
     *     the work).
     * embedding: residual's body; "embedding" [batch, n_outputs] of length 1, for triplets.
     * unet: segmentation (Ronneberger et al. 2015, three levels, 0.48 M); "scores" [batch,
     *     n_outputs, height, width]; sizes are multiples of 8.
     * crnn: reads a line of text (Shi et al. 2017, convolutions, one LSTM both ways, 0.24 M);
     *     "scores" [batch, width / 4, n_outputs], class 0 the blank, for FOV_LOSS_CTC; sizes are
     *     multiples of 16.
     *
     * yolox: a detector (heads as Ge et al. 2021, 0.19 M), for FOV_LOSS_DETECTION; "detections"
     *     [batch, cells, 5 + n_outputs], which FovDetector takes for YOLOX's, with pictures as
     *     YOLOX has them; sizes are multiples of 32.
     *
     * "+se" behind the name weighs channels at the end of each block (Hu et al. 2018), "+cbam"
     * channels and places (Woo et al. 2018).
     */
    const char *name;
    int width, height; /**< pixels, 8..4096; must be given */
    int n_outputs; /**< classes, characters and the blank, or numbers of a vector; must be given */
    float dropout; /**< before the last layer of classifiers and embeddings, 0..1; default 0 */
    guint32 seed;  /**< the same seed gives the same start */
} FovRecipeParams;

/** A network to train from scratch; FOV_ERROR_ARGUMENT says what is out of range. */
FOV_API FovModel *fov_recipe_build (const FovRecipeParams *params, GError **error);
/** The short form: square pictures. */
FOV_API FovModel *fov_recipe_new (const char *name, int size, int n_classes, guint32 seed,
                                  GError **error);

/**
 * Sizes for the anchors of a detector that counts boxes from them: sizes [n, 2] are the widths and
 * heights of a data set's boxes (any unit, above 0), anchors [k, 2] become k that overlap them
 * best, by rising area: k-means by 1 - IoU (Redmon and Farhadi 2017, section 2). overlap (may be
 * NULL): mean IoU of a box with its nearest anchor. The same seed gives the same anchors.
 * FOV_ERROR_ARGUMENT for k out of 1..n or a size that is none. Thread safe.
 */
FOV_API gboolean fov_train_anchors (const float *sizes, guint n, guint k, guint32 seed,
                                    float *anchors, double *overlap, GError **error);

/**
 * A detector for other classes: the layers that give class scores get a row for each of labels,
 * those of names that the model knows the old one, others new weights, which start with scores of
 * 0.01; all else is kept. The metadata's names become labels'. decoder: family, or NULL. The same
 * seed gives the same weights. FOV_ERROR_UNSUPPORTED where those layers are not found, or the
 * network can not be changed so. Write it with fov_model_save.
 */
FOV_API FovModel *fov_train_new_head (FovModel *model, const char *decoder, const FovLabels *labels,
                                      guint32 seed, GError **error);

/**
 * An SSD with anchors for a data set's boxes: sizes [n, 2] are their widths and heights, as shares
 * of the picture. Each layer's anchors move to what fov_train_anchors finds for the boxes of its
 * scale; where there are none they stay. overlap (may be NULL): mean IoU of a box with the anchor
 * of the nearest shape, before and after. Weights of boxes change with them, so
 * that the network finds what it found; what differs is which anchor learns which object. The
 * metadata "fovea.anchors" has them, which other programs do not know.
 * FOV_ERROR_UNSUPPORTED for models of which they are not known: expected is an SSD with raw
 * encodings of boxes (fovea doctor says so) that convolutions give. The same seed gives the same
 * anchors.
 */
FOV_API FovModel *fov_train_new_anchors (FovModel *model, const char *decoder, const float *sizes,
                                         guint n, guint32 seed, double overlap[2], GError **error);

/** Zero means the default. */
typedef struct {
    int width, height; /**< of the result, pixels; must be given */
    FovBox region;     /**< of the picture, pixels; without area: the whole */
    gboolean mirror;   /**< left and right in turn */
} FovPictureParams;

/**
 * A picture as classifiers trained on ImageNet want it: tensor is [3, height,
 * width], RGB, (v - mean) / deviation with means 123.675, 116.28, 103.53 and
 * deviations 58.395, 57.12, 57.375. Shrinking averages over what a pixel
 * covers, enlarging interpolates between neighbours. Thread safe.
 */
FOV_API gboolean fov_picture_to_tensor (const FovImage *image, const FovPictureParams *params,
                                        float *tensor, GError **error);
/** Its means and factors, of R, G and B, for a loader (FovLoaderParams.mean and scale). */
FOV_API void fov_picture_norm (float mean[3], float scale[3]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovTrainer, fov_trainer_free)

G_END_DECLS

#endif
