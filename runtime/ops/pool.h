/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_POOL_H
#define FOV_OPS_POOL_H

/* Windows of pools, for the references of the ops and their gradients. */
#include "graph/params.h"

/** Pixel that tap k of output (i, j) reads of a picture xd = [N,C,H,W]; FALSE: padding. */
gboolean fov_pool_tap (const FovPoolParams *p, const gint64 *xd, gint64 i, gint64 j, gint64 k,
                       gint64 *y, gint64 *x);
/**
 * How many an average of output (i, j) is over. Padding counts, where it does, only within the
 * pads asked for (not what ceil_mode adds).
 */
gint64 fov_pool_count (const FovPoolParams *p, const gint64 *xd, gint64 i, gint64 j);

#endif
