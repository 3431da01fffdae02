/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/gallery.h"

#include <math.h>
#include <string.h>

/* The mean forgets slowly (BoT-SORT's 0.9); a sample is kept if it is this unlike all others. */
#define MEMORY 0.9f
#define UNLIKE 0.08f

static float
product (const float *a, const float *b, guint dim)
{
    float sum = 0;

    for (guint i = 0; i < dim; i++)
        sum += a[i] * b[i];
    return sum;
}

static float
nearest (const FovGallery *gallery, const float *look, guint dim)
{
    float best = -1;

    for (guint s = 0; s < gallery->n; s++)
        best = fmaxf (best, product (gallery->block + (1 + s) * dim, look, dim));
    return best;
}

static void
update_mean (FovGallery *gallery, const float *look, guint dim)
{
    float *mean = gallery->block,
          memory = fminf (MEMORY, (float) gallery->seen / (gallery->seen + 1));
    float length = 0;

    for (guint i = 0; i < dim; i++) {
        mean[i] = gallery->seen ? memory * mean[i] + (1 - memory) * look[i] : look[i];
        length += mean[i] * mean[i];
    }
    length = sqrtf (fmaxf (length, 1e-20f));
    for (guint i = 0; i < dim; i++)
        mean[i] /= length;
}

void
fov_gallery_learn (FovGallery *gallery, const float *look, guint dim)
{
    update_mean (gallery, look, dim);
    gallery->seen++;
    if (gallery->n == 0 || 1 - nearest (gallery, look, dim) > UNLIKE) {
        /* Full: the oldest sample goes. */
        if (gallery->n == FOV_GALLERY_SAMPLES) {
            memmove (gallery->block + dim, gallery->block + 2 * dim,
                     (FOV_GALLERY_SAMPLES - 1) * dim * sizeof *look);
            gallery->n--;
        }
        memcpy (gallery->block + (1 + gallery->n) * dim, look, dim * sizeof *look);
        gallery->n++;
    }
}

double
fov_gallery_distance (const FovGallery *gallery, const float *look, guint dim)
{
    if (gallery->seen == 0)
        return 1;
    return 1 - fmaxf (product (gallery->block, look, dim), nearest (gallery, look, dim));
}
