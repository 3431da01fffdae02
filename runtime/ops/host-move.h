/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_HOST_MOVE_H
#define FOV_OPS_HOST_MOVE_H

/* The blocked halves of Concat, Split and Slice along channels. */
#include "ops/host-op.h"

gboolean fov_host_concat_lanes (FovHostStep *step);
gboolean fov_host_split_lanes (FovHostStep *step);
gboolean fov_host_slice_lanes (FovHostStep *step);

#endif
