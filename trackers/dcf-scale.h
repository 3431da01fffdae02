/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_DCF_SCALE_H
#define FOV_TRACKERS_DCF_SCALE_H

#include "trackers/features.h"
#include "trackers/patch.h"

/* How many sizes are looked at; odd. */
#define FOV_SCALES 17

/* Work memory that all targets share. */
typedef struct {
    FovPatcher *patcher;
    float *rgb;
    float *features; /* FOV_SCALES rows of a sample's features */
    float *spectra;  /* half spectra along the scales: re, im rows of features */
} FovScalePlan;

/*
 * Finds a target's size by a one-dimensional correlation filter over sizes
 * (Danelljan et al., "Discriminative scale space tracking", 2017).
 */
typedef struct {
    int cells_x, cells_y;   /* of a sample */
    int length;             /* of a sample's features */
    float power_x, power_y; /* how width and height change with the size looked at */
    FovFeatures *features;
    float *numerator; /* half spectra, FOV_SCALES / 2 + 1 pairs of rows */
    float denominator[FOV_SCALES / 2 + 1];
    gboolean trained;
} FovScaleFilter;

void fov_scale_plan_init (FovScalePlan *plan, FovPatcher *patcher);
void fov_scale_plan_clear (FovScalePlan *plan);
void fov_scale_filter_init (FovScaleFilter *filter, float width, float height, float power_x,
                            float power_y);
void fov_scale_filter_clear (FovScaleFilter *filter);

/* The factor by which a target at centre is larger than width x height. */
float fov_scale_filter_find (const FovScaleFilter *filter, FovScalePlan *plan,
                             const FovImage *image, float centre_x, float centre_y, float width,
                             float height);
void fov_scale_filter_learn (FovScaleFilter *filter, FovScalePlan *plan, const FovImage *image,
                             float centre_x, float centre_y, float width, float height);

#endif
