/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_DECODE_H
#define FOV_TRAIN_DECODE_H

/* Pictures of a batch, decoded by a pool of threads, and kept while there is room. */
#include <fovea/loader.h>

typedef struct _FovDecoder FovDecoder;

/** threads, cache, load and load_data of params. */
FovDecoder *fov_decoder_new (FovData *data, const FovLoaderParams *params, GError **error);
void fov_decoder_free (FovDecoder *decoder);

/**
 * Decodes n samples (an index may come several times): images[i] is RGB, RGBX or
 * grey and valid until the next call. The error is that of the first in order that
 * has one.
 */
gboolean fov_decoder_get (FovDecoder *decoder, const guint *samples, guint n,
                          const FovImage **images, GError **error);

#endif
