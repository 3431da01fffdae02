/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_GATHER_H
#define FOV_OPS_GATHER_H

/* What gathers and scatters share with their gradients. */
#include "graph/params.h"

/** ScatterElements has an axis, ScatterND none. */
typedef enum {
    FOV_SCATTER_NONE,
    FOV_SCATTER_ADD,
    FOV_SCATTER_MUL,
    FOV_SCATTER_MIN,
    FOV_SCATTER_MAX
} FovScatterReduction;

typedef struct {
    FovAxisParams axis;
    int reduction; /* FovScatterReduction */
} FovScatterParams;

typedef struct {
    gint64 batch_dims;
} FovGatherNdParams;

/** Index i of a view, made 0..size-1; FALSE with an error if it is out of range. */
gboolean fov_gather_index (const FovNode *node, const FovView *indices, gint64 i, gint64 size,
                           gint64 *index, GError **error);

#endif
