/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_OPTIMISER_H
#define FOV_OPS_OPTIMISER_H

/* Parameters of the optimisers that have kernels. */
#include "graph/op.h"

enum { FOV_MOMENTUM_STANDARD, FOV_MOMENTUM_NESTEROV };

/** Momentum: v' = alpha v + beta g (beta from the second step on), x' = x - R v' or Nesterov's. */
typedef struct {
    float alpha, beta, norm_coefficient;
    int mode;
} FovMomentumParams;

/** Adagrad: h' = h + g^2, x' = x - R / (1 + T decay_factor) g / (sqrt (h') + epsilon). */
typedef struct {
    float decay_factor, epsilon, norm_coefficient;
} FovAdagradParams;

/** ONNX's Adam: alpha, beta are the moments' shares; norm_coefficient_post: decay behind the step.
 */
typedef struct {
    float alpha, beta, epsilon, norm_coefficient, norm_coefficient_post;
} FovAdamParams;

/** fov.AdamW. */
typedef struct {
    float beta1, beta2, epsilon, decay;
    gint64 decoupled; /* decay apart from the moments; else it is part of the gradient */
} FovAdamWParams;

#endif
