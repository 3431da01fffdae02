/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_DECODE_H
#define FOV_TRAIN_DECODE_H

/* Pictures of a batch, decoded by a pool of threads, and kept while there is room. */
#include <fovea/loader.h>

typedef struct _FovDecoder FovDecoder;

/** threads, cache, masks, load and load_data of params. */
FovDecoder *fov_decoder_new (FovData *data, const FovLoaderParams *params, GError **error);
void fov_decoder_free (FovDecoder *decoder);

/** A sample's picture, RGB, RGBX or grey, and the map of its masks, where they are asked for. */
typedef struct {
    FovImage image, map;
} FovDecoded;

/**
 * Decodes n samples (an index may come several times), valid until the next call. The error is that
 * of the first in order that has one.
 */
gboolean fov_decoder_get (FovDecoder *decoder, const guint *samples, guint n,
                          const FovDecoded **decoded, GError **error);

#endif
