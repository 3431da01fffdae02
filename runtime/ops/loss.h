/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_LOSS_H
#define FOV_OPS_LOSS_H

/* Parameters of the losses of labels and of their gradient. */
#include "graph/op.h"

enum { FOV_LOSS_REDUCE_NONE, FOV_LOSS_REDUCE_SUM, FOV_LOSS_REDUCE_MEAN };

typedef struct {
    gint64 ignore_index; /* G_MININT64: none */
    int reduction;
} FovLossParams;

#endif
