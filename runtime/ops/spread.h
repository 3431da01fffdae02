/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_SPREAD_H
#define FOV_OPS_SPREAD_H

/*
 * Gradient ops "dy, shape of x -> dx" of ops that only read x: dx collects
 * every dy that an element went to.
 */
#include "graph/backward.h"

/** Element of x that the forward op reads for coordinate `at` of its output; -1: none. */
typedef gint64 FovPlaceFunc (gconstpointer params, const FovShape *x, const gint64 *at);

/** dx has dy's dtype and the shape that input 1, a constant, holds. */
gboolean fov_spread_infer (FovNode *node, GError **error);
/** dx is 0 but for what was read. */
void fov_spread (const FovNode *node, FovPlaceFunc *place, const FovView *in, FovView *out);

/** Appends op of dy and the shape of node's first input, with node's params. */
FovTensor *fov_grad_spread (FovGrad *g, const char *op, const FovNode *node, FovTensor *dy);

#endif
