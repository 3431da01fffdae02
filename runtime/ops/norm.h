/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_NORM_H
#define FOV_OPS_NORM_H

/* Statistics, for the references of normalisations and their gradients. */
#include "graph/graph.h"

/** Mean and 1 / sqrt (variance + epsilon) of n elements from index start on. */
void fov_moments (const FovView *x, gint64 start, gint64 n, double epsilon, double *mean,
                  double *inverse);

/** The elements of one channel of [N,C,...]. */
typedef struct {
    gint64 images, first, pixels;
    gint64 n; /* of all images */
    gint64 image_step;
} FovChannel;

FovChannel fov_channel (const FovShape *shape, gint64 c);

static inline gint64
fov_channel_index (const FovChannel *c, gint64 i)
{
    return c->first + i / c->pixels * c->image_step + i % c->pixels;
}

/** Mean and variance (over n, not n - 1). */
void fov_channel_moments (const FovView *x, const FovChannel *c, double *mean, double *var);

#endif
