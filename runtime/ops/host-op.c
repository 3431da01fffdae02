/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/host-op.h"

#include <stdlib.h>

#define PLANAR_ROW 4096
#define TASK_SECONDS 15e-6
#define MAX_TASKS 48

FovBlockedStrides
fov_host_strides (const FovOperand *operand)
{
    const gint64 *dim = operand->shape.dim;
    const gsize b = operand->format.block, halo = operand->format.halo;
    FovBlockedStrides s;

    s.row = (dim[3] + 2 * halo) * b;
    s.block = (dim[2] + 2 * halo) * s.row;
    s.image = (dim[1] + b - 1) / b * s.block;
    s.base = halo * s.row + halo * b;
    return s;
}

FovRows
fov_host_rows (const FovOperand *operand)
{
    const gint64 *dim = operand->shape.dim;
    const gsize b = operand->format.block;
    FovRows r = { 0 };

    if (operand->format.layout == FOV_BLOCKED) {
        const FovBlockedStrides s = fov_host_strides (operand);
        r.base = s.base;
        r.planes = dim[0] * ((dim[1] + b - 1) / b);
        r.rows = dim[2];
        r.length = r.last_length = dim[3] * b;
        r.plane_step = s.block;
        r.row_step = s.row;
        return r;
    }
    const gsize n = fov_shape_elements (&operand->shape);
    r.planes = 1;
    r.rows = (n + PLANAR_ROW - 1) / PLANAR_ROW;
    r.length = r.row_step = PLANAR_ROW;
    r.last_length = r.rows ? n - (r.rows - 1) * PLANAR_ROW : 0;
    r.plane_step = n;
    return r;
}

guint
fov_host_tasks (double seconds, gsize units)
{
    const double wanted = CLAMP (seconds / TASK_SECONDS, 1, MAX_TASKS);

    return (guint) MIN ((gsize) wanted, units);
}

static _Thread_local gsize allocated;

gsize
fov_host_allocated (void)
{
    return allocated;
}

gpointer
fov_host_alloc (gsize bytes)
{
    void *p = NULL;

    allocated += bytes + 64;

    if (posix_memalign (&p, 64, bytes + 64))
        g_error ("no memory for %" G_GSIZE_FORMAT " bytes", bytes);
    memset (p, 0, bytes + 64);
    return p;
}
