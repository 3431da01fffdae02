/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_LOADER_H
#define FOVEA_LOADER_H

#include <fovea/data.h>
#include <fovea/device.h>
#include <fovea/image.h>
#include <fovea/tensor.h>

G_BEGIN_DECLS

/**
 * How pictures are changed before a network learns from them; 0: not at all.
 * What is drawn is drawn uniformly. noise, salt, blur and gamma come in three
 * pictures of ten each, so that most stay clear.
 */
typedef struct {
    float flip, flip_vertical; /**< probabilities */
    float rotate;              /**< up to so many degrees either way, 0..180 */
    float translate;           /**< up to this share of width and height, 0..1 */
    float scale;               /**< size times 1 / (1 + scale) to 1 + scale, 0..4 */
    float shear;               /**< up to so many degrees, 0..45 */
    float perspective;         /**< depth from one side to the other, 0..0.5 */
    float crop;                /**< probability that 30 % to 100 % are cut out */
    float brightness;          /**< times 1 - brightness to 1 + brightness, 0..1 */
    float contrast;            /**< about the middle grey, as brightness */
    float saturation;          /**< as brightness */
    float hue;                 /**< turned by up to so many degrees, 0..180 */
    float gamma;               /**< exponent 1 / (1 + gamma) to 1 + gamma, 0..4 */
    float light;           /**< brighter on one side, darker on the other, by up to this, 0..1 */
    float equalize, clahe; /**< probabilities of histogram equalisation */
    float noise;           /**< Gaussian, deviation up to this, 0..255 */
    float salt;            /**< black and white dots: up to this share of pixels, 0..1 */
    float blur;            /**< Gaussian, deviation up to so many pixels, 0..5 */
    float cutout, paste;   /**< probabilities of a plain patch, of one from another picture */
    float mosaic;          /**< probability that four pictures make one */
    float mixup;           /**< probability that another picture shines through */
    float visible;         /**< objects of which less of the box shows are ignored; 0: 0.2 */
} FovAugment;

/**
 * "none", "light" or "strong", "KEY=VALUE" for a field, or both: a preset, then
 * keys, separated by commas ("light,rotate=30,mosaic=0"). FOV_ERROR_ARGUMENT
 * names the word and what was expected.
 */
FOV_API gboolean fov_augment_parse (const char *text, FovAugment *augment, GError **error);

/** A field of FovAugment, for help and documentation. */
typedef struct {
    const char *key, *what;
    float most;          /**< values are 0..most */
    float light, strong; /**< of the presets */
} FovAugmentKey;

/** All of them, n is set to how many. Static. */
FOV_API const FovAugmentKey *fov_augment_keys (guint *n);

/**
 * Decodes a sample's picture (or, with masks, its mask, whose sample has a name and bytes
 * alone): sets image as fov_image_alloc does, which the
 * loader then owns. Called by several threads at once. In a build with FFmpeg
 * sample->bytes ? fov_image_decode : fov_image_load does it.
 */
typedef gboolean (*FovLoadPicture) (const FovSample *sample, FovImage *image, gpointer data,
                                    GError **error);

/** Zero means the default, but for what says "must". */
typedef struct {
    int width, height; /**< of the network's input, pixels; must be given */
    guint batch;       /**< pictures of a batch; 0: 8 */
    FovFit fit;
    gboolean bgr;       /**< blue is channel 0 */
    const float *mean;  /**< 3 values in network channel order, 0..255 scale; NULL: 0 */
    const float *scale; /**< 3 factors applied after the mean is subtracted; NULL: 1 */
    float pad;          /**< grey beyond the picture, 0..255; 0: 114; negative: black */
    guint max_objects;  /**< rows for each picture; 0: 120. Of more objects the largest are taken,
                           and the last row (of several) is a region to be ignored about the rest */
    FovAugment augment;
    double balance;      /**< power of fov_data_repeat_factors, 0..1 */
    gboolean in_order;   /**< as in the data, not shuffled */
    guint64 seed;        /**< decides order and changes */
    guint threads;       /**< that decode and change pictures; 0: 2 */
    guint ahead;         /**< batches made ahead, 1..16; 0: 2 */
    gint64 cache;        /**< bytes of decoded pictures kept; 0: 512 MiB; negative: none */
    gboolean masks;      /**< batches have masks and instances */
    guint group;         /**< so many pictures of one class come one behind the other; where there
                            are too few some come again. 0: as they come. For losses of pairs */
    FovLoadPicture load; /**< must be given */
    gpointer load_data;
    /**
     * Where pictures are changed: a Vulkan device does it in a session of its own, but for
     * batches whose pictures do not fit there; any other, or NULL: the host, in threads. Pictures
     * of both differ by rounding, less than a level of 255. Masks are the host's.
     */
    FovDevice *device;
} FovLoaderParams;

/** What a step learns from. Memory belongs to the loader. */
typedef struct {
    FovView pictures; /**< float32 [batch, 3, height, width], as the network wants it */
    /**
     * float32 [batch, max_objects, 6]: x1, y1, x2, y2 in pixels of the network's
     * input, label, weight: 1 an object, -1 a region to be ignored (label -1 where it
     * has none), 0 an empty row, after all others.
     */
    FovView objects;
    FovView labels; /**< int64 [batch]: the picture's first class, -1: none */
    /**
     * float32 [batch, classes of the data]: of each class, how much of what is seen is of
     * pictures that have it: 0 or 1, but between them where mosaic or mix-up put pictures
     * together (Zhang et al. 2018, eq. 1). Without data where there are no classes.
     */
    FovView classes;
    /**
     * int64 [batch, height, width], with masks alone: each pixel's class, see
     * fov_data_mask_classes; -1: nobody knows, as outside of the picture, under a plain
     * patch, in a box without a mask and where it is to be ignored. Nearest pixel. What
     * shines through in mix-up, fainter than the picture itself, changes none.
     */
    FovView masks;
    /**
     * int32 [batch, height, width], with masks alone: the object in front, its row among
     * the picture's objects + 1; 0: none; -1: nobody knows, or its row is not there.
     */
    FovView instances;
    /**
     * float32 [batch, max_objects, fov_data_n_points, 3], where objects have points: x, y in
     * pixels of the network's input, FovPointState: hidden under a patch, none (at 0, 0)
     * outside. A flip makes each its image in the mirror.
     */
    FovView points;
    const guint *samples; /**< [batch]: index of the (first) picture */
    guint64 epoch;        /**< of the first picture, from 0 */
} FovBatch;

/**
 * Makes batches of data in threads of its own while the last one is learned
 * from. The same data, params, device and place give the same bytes, whatever the
 * number of threads. Used by one thread at a time.
 */
typedef struct _FovLoader FovLoader;

/** FOV_ERROR_ARGUMENT for params out of range or data without pictures. */
FOV_API FovLoader *fov_loader_new (FovData *data, const FovLoaderParams *params, GError **error);
FOV_API void fov_loader_free (FovLoader *loader);

/** Batches of an epoch, rounded down, at least 1. An epoch's last pictures begin the next batch. */
FOV_API guint fov_loader_batches (FovLoader *loader);

/**
 * The next batch, valid until the next call. Blocks until it is made. A picture
 * that cannot be read, or has not the size that its annotations say, is an error
 * that names it; every later call returns it again, until fov_loader_seek.
 */
FOV_API gboolean fov_loader_next (FovLoader *loader, FovBatch *batch, GError **error);

/** The place of the next batch, as text for a checkpoint's notes; g_free it. */
FOV_API char *fov_loader_place (FovLoader *loader);
/**
 * Goes on at a place that fov_loader_place gave. FOV_ERROR_ARGUMENT where it is
 * none, or of a loader with another seed or number of pictures.
 */
FOV_API gboolean fov_loader_seek (FovLoader *loader, const char *place, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovLoader, fov_loader_free)

G_END_DECLS

#endif
