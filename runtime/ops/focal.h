/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_FOCAL_H
#define FOV_OPS_FOCAL_H

/* Focal loss of a logit, Lin et al. 2017, eq. 5. */

/**
 * fov.Focal: logits x and targets t (0..1), of one shape -> of each, with p = sigmoid (x), the
 * share that is right r = t p + (1 - t) (1 - p) and a = alpha t + (1 - alpha) (1 - t):
 * -a (1 - r)^gamma (t log p + (1 - t) log (1 - p)); alpha below 0: a = 1.
 * fov.FocalGrad: dy, x, t -> dx.
 */
typedef struct {
    float alpha, gamma;
} FovFocalParams;

#endif
