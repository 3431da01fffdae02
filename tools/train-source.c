/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train-source.h"

#include "interrupt.h"

#include <math.h>
#include <string.h>

#include <fovea/media.h>

/* ---- one picture ---------------------------------------------------------------- */

static FovBox
middle_square (const FovImage *image)
{
    const float w = (float) image->width, h = (float) image->height, side = MIN (w, h);
    const float x = floorf ((w - side) / 2), y = floorf ((h - side) / 2);

    return (FovBox){ x, y, x + side, y + side };
}

/* The same part in so many pixels, each the mean of what it covers. */
static gboolean
shrink (FovImage *image, FovBox region, int width, int height, GError **error)
{
    const gsize plane = (gsize) width * (gsize) height;
    g_autofree float *values = g_new (float, 3 * plane);
    float mean[3], scale[3];
    FovImage small;

    if (!fov_picture_to_tensor (
            image, &(FovPictureParams){ .width = width, .height = height, .region = region },
            values, error) ||
        !fov_image_alloc (&small, FOV_PIXEL_RGB, width, height, error))
        return FALSE;
    fov_picture_norm (mean, scale);
    for (gsize i = 0; i < 3 * plane; i++) {
        const gsize c = i / plane, at = i % plane;
        const float v = values[i] / scale[c] + mean[c] + 0.5f;
        small
            .plane[0][at / (gsize) width * (gsize) small.stride[0] + 3 * (at % (gsize) width) + c] =
            (guint8) CLAMP (v, 0, 255);
    }
    g_free (image->plane[0]);
    *image = small;
    return TRUE;
}

/* As wide for its height as the network's input is. */
static gboolean
fill_up (const TrainSource *s, FovImage *image, GError **error)
{
    const int width = (int) lround ((double) image->height * s->width / s->height);
    const gsize bytes = image->format == FOV_PIXEL_GRAY  ? 1
                        : image->format == FOV_PIXEL_RGB ? 3
                                                         : 4;
    FovImage wide;

    if (width <= image->width)
        return TRUE;
    if (!fov_image_alloc (&wide, image->format, width, image->height, error))
        return FALSE;
    for (int y = 0; y < wide.height; y++) {
        const guint8 *from = image->plane[0] + (gsize) y * (gsize) image->stride[0];
        guint8 *to = wide.plane[0] + (gsize) y * (gsize) wide.stride[0];
        for (int x = 0; x < width; x++)
            memcpy (to + bytes * (gsize) x, from + bytes * (gsize) MIN (x, image->width - 1),
                    bytes);
    }
    g_free (image->plane[0]);
    *image = wide;
    return TRUE;
}

/*
 * Not much larger than the network's input, so that what is left out in it is a mean and many
 * fit in the loader's memory. Masks stay as they are, and so do pictures whose objects lie at
 * pixels.
 */
static gboolean
load_fitted (const FovSample *sample, FovImage *image, gpointer data, GError **error)
{
    const TrainSource *s = data;
    FovBox region;
    int width, height;

    if (!train_load_picture (sample, image, NULL, error))
        return FALSE;
    if (sample->width || g_str_has_suffix (sample->name, ".mask.png"))
        return TRUE;
    if (s->fit == SOURCE_LINE && !fill_up (s, image, error))
        return FALSE;
    region = s->fit == SOURCE_CUT ? middle_square (image)
                                  : (FovBox){ 0, 0, (float) image->width, (float) image->height };
    width = MIN ((int) (region.x2 - region.x1), s->width + s->width / 4);
    height = MIN ((int) (region.y2 - region.y1), s->height + s->height / 4);
    if (width == image->width && height == image->height)
        return TRUE;
    return shrink (image, region, width, height, error);
}

/* ---- both sides ------------------------------------------------------------------- */

void
source_take (TrainSource *s, const TrainOptions *o, FovData *data)
{
    if (!o->validation) {
        s->train = data;
        return;
    }
    fov_data_split (data,
                    &(FovSplitParams){ .share = (float) o->validation / 100,
                                       .seed = (guint64) o->seed },
                    &s->train, &s->valid);
    fov_data_unref (data);
}

void
source_clear (TrainSource *s)
{
    g_clear_pointer (&s->train, fov_data_unref);
    g_clear_pointer (&s->valid, fov_data_unref);
}

gboolean
source_augment (const TrainSource *s, const TrainOptions *o, FovAugment *augment, GError **error)
{
    if (!train_parse_augment (o->augment ? o->augment : s->augment, augment, error))
        return FALSE;
    if (s->one_sided)
        augment->flip = augment->flip_vertical = 0;
    if (s->alone)
        augment->mosaic = augment->mixup = augment->paste = 0;
    return TRUE;
}

static FovLoader *
open_loader (TrainSource *s, FovData *data, FovLoaderParams *params, gboolean raw, GError **error)
{
    float mean[3], scale[3];

    fov_picture_norm (mean, scale);
    params->width = s->width;
    params->height = s->height;
    params->fit = FOV_FIT_STRETCH;
    params->mean = raw ? NULL : mean;
    params->scale = raw ? NULL : scale;
    params->masks = s->masks;
    params->max_objects = 1;
    params->load = load_fitted;
    params->load_data = s;
    return fov_loader_new (data, params, error);
}

FovLoader *
source_learn (TrainSource *s, const TrainOptions *o, FovDevice *device, gboolean raw,
              GError **error)
{
    FovLoaderParams params = { .batch = (guint) o->batch,
                               .seed = (guint64) o->seed,
                               .balance = o->balance,
                               .group = s->group,
                               .device = device };

    return source_augment (s, o, &params.augment, error)
               ? open_loader (s, s->train, &params, raw, error)
               : NULL;
}

/* ---- pictures as they are ----------------------------------------------------------- */

struct _SourceWalk {
    FovLoader *loader;
    char *start;          /* its place */
    guint batch, n, next; /* next: the picture that the loader comes to */
};

SourceWalk *
source_walk_new (TrainSource *s, const FovData *data, guint batch, GError **error)
{
    FovLoaderParams params = { .batch = batch, .in_order = TRUE, .ahead = 1 };
    SourceWalk *walk = g_new0 (SourceWalk, 1);

    walk->batch = batch;
    walk->n = data ? fov_data_length (data) : 0;
    if (!walk->n)
        return walk;
    walk->loader = open_loader (s, (FovData *) data, &params, FALSE, error);
    if (!walk->loader) {
        source_walk_free (walk);
        return NULL;
    }
    walk->start = fov_loader_place (walk->loader);
    return walk;
}

void
source_walk_free (SourceWalk *walk)
{
    if (!walk)
        return;
    g_clear_pointer (&walk->loader, fov_loader_free);
    g_free (walk->start);
    g_free (walk);
}

static gboolean
to_start (SourceWalk *walk, GError **error)
{
    walk->next = 0;
    return !walk->loader || fov_loader_seek (walk->loader, walk->start, error);
}

gboolean
source_walk_all (SourceWalk *walk, SourceLook look, gpointer user_data, GError **error)
{
    if (!to_start (walk, error))
        return FALSE;
    while (walk->next < walk->n && !interrupted ()) {
        const guint n = MIN (walk->batch, walk->n - walk->next);
        FovBatch batch;
        if (!fov_loader_next (walk->loader, &batch, error) || !look (&batch, n, user_data, error))
            return FALSE;
        walk->next += n;
    }
    return TRUE;
}

gboolean
source_walk_read (guint index, FovView *inputs, gpointer data, GError **error)
{
    SourceWalk *walk = data;
    FovBatch batch;

    if (interrupted ()) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_CANCELLED, "interrupted");
        return FALSE;
    }
    if (index < walk->next && !to_start (walk, error))
        return FALSE;
    do {
        if (!fov_loader_next (walk->loader, &batch, error))
            return FALSE;
    } while (walk->next++ < index);
    inputs[0] = batch.pictures;
    return TRUE;
}

/* ---- a picture by itself -------------------------------------------------------------- */

gboolean
train_picture_tensor (const FovImage *image, int width, int height, float *tensor, GError **error)
{
    const float w = (float) image->width, h = (float) image->height;
    const float s = MIN (w / (float) width, h / (float) height);
    const float x = MAX ((w - s * (float) width) / 2, 0), y = MAX ((h - s * (float) height) / 2, 0);

    return fov_picture_to_tensor (image,
                                  &(FovPictureParams){ .width = width,
                                                       .height = height,
                                                       .region = { x, y, w - x, h - y } },
                                  tensor, error);
}
