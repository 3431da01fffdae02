/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_DCF_FILTER_H
#define FOV_TRACKERS_DCF_FILTER_H

#include "trackers/fourier.h"

/* What all filters of one size share: never changed while they are used, work memory apart. */
typedef struct {
    int n, channels; /* planes of n x n cells */
    int size;        /* of a half spectrum */
    FovFourier *fourier;
    float *planes; /* work: channels planes */
    /* Work of training, channels spectra each: a sum; h, the filter confined to the target; u, the
     * scaled multiplier of g = h. */
    float *work, *masked, *dual;
} FovDcfPlan;

/* One target's filter; spectra of plan->channels channels. */
typedef struct {
    float *model;  /* running mean of the target's features */
    float *filter; /* g: what the response is computed with */
    float *wanted; /* one spectrum: the response that training aims at */
    float *mask;   /* n x n: how freely each place of the filter may differ from zero, 0..1 */
    float full;    /* response to the model itself at its place */
    gboolean trained;
} FovDcfFilter;

gboolean fov_dcf_plan_init (FovDcfPlan *plan, int n, int channels, GError **error);
void fov_dcf_plan_clear (FovDcfPlan *plan);

void fov_dcf_filter_init (FovDcfFilter *filter, const FovDcfPlan *plan);
void fov_dcf_filter_clear (FovDcfFilter *filter);

/*
 * Takes the features' spectra into the model and finds the filter that answers
 * the model with the wanted response and is zero outside of the target:
 * min sum over shifts |sum_d x_d * h_d - y|^2 by a few rounds of ADMM over g = h
 * (Kiani Galoogahi et al., "Learning background-aware correlation filters for
 * visual tracking", 2017).
 */
void fov_dcf_filter_learn (FovDcfFilter *filter, FovDcfPlan *plan, const float *features);

/* A filter's response to features, one spectrum: sum over channels of g* z. */
void fov_dcf_respond (const float *filter, const FovDcfPlan *plan, const float *features,
                      float *response);

#endif
