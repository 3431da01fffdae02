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

typedef struct {
    float beta1, beta2, epsilon, decay;
    gint64 decoupled; /* decay apart from the moments; else it is part of the gradient */
} FovAdamWParams;

#endif
