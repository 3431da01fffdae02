/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_PAD_H
#define FOV_OPS_PAD_H

/* What Pad and gradients share. */
#include "graph/backward.h"
#include "graph/params.h"

/** Where a coordinate left of, inside or right of 0..size-1 is read; -1: the constant. */
gint64 fov_pad_source (int mode, gint64 x, gint64 size);

/** dy with that many elements before and after each dimension, zeros or cut off. */
FovTensor *fov_grad_padded (FovGrad *g, FovTensor *dy, const gint64 *begin, const gint64 *end);

#endif
