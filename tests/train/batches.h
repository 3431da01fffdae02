/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_TRAIN_BATCHES_H
#define FOVEA_TESTS_TRAIN_BATCHES_H

/* Loaders that are not refused, and what their batches are. */
#include <string.h>

#include "../unit/check.h"

#include <fovea/loader.h>

/* Of these params, but for how pictures are changed. */
static inline FovLoader *
loader_with (FovData *data, const char *augment, FovLoaderParams params)
{
    g_autoptr (GError) error = NULL;
    FovLoader *loader;

    assert_fov_ok (fov_augment_parse (augment, &params.augment, &error), error);
    loader = fov_loader_new (data, &params, &error);
    assert_fov_ok (loader != NULL, error);
    return loader;
}

/* The next batch's every byte as a short text; the caller's. */
static inline char *
digest (FovLoader *loader)
{
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
    g_autoptr (GError) error = NULL;
    FovBatch b;

    assert_fov_ok (fov_loader_next (loader, &b, &error), error);
    const FovView *const all[] = { &b.pictures, &b.objects,   &b.labels, &b.classes,
                                   &b.masks,    &b.instances, &b.points };
    for (guint i = 0; i < G_N_ELEMENTS (all); i++)
        if (all[i]->data)
            g_checksum_update (sum, all[i]->data,
                               (gssize) (fov_shape_elements (&all[i]->shape) *
                                         fov_dtype_size (all[i]->dtype)));
    g_checksum_update (sum, (const guchar *) b.samples,
                       b.pictures.shape.dim[0] * (gssize) sizeof (guint));
    return g_strdup (g_checksum_get_string (sum));
}

#endif
