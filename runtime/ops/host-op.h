/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_HOST_OP_H
#define FOV_OPS_HOST_OP_H

/* What the .host.c files share: operands as rows, cutting work into tasks. */
#include <string.h>

#include "host/kernels.h"
#include "ops/impl.h"
#include "ops/infer.h"

/**
 * An operand as planes of rows of floats. Blocked: a plane per image and
 * channel block, a row per line of pixels, without the halo. Planar: one plane
 * cut into rows of equal length, but for the last.
 */
typedef struct {
    gsize base; /* floats from the operand's start */
    gsize planes, rows, length, last_length;
    gsize plane_step, row_step;
} FovRows;

FovRows fov_host_rows (const FovOperand *operand);

/** Floats of row `unit` (0..planes rows - 1). */
static inline gsize
fov_rows_length (const FovRows *r, gsize unit)
{
    return unit % r->rows + 1 == r->rows ? r->last_length : r->length;
}

static inline gsize
fov_rows_offset (const FovRows *r, gsize unit)
{
    return r->base + unit / r->rows * r->plane_step + unit % r->rows * r->row_step;
}

static inline const float *
fov_host_in (const FovHostFrame *frame, const FovOperand *operand)
{
    return fov_host_ptr (frame, operand);
}

static inline float *
fov_host_out (const FovHostFrame *frame, const FovOperand *operand)
{
    return fov_host_ptr (frame, operand);
}

/** Into how many tasks work of about that many seconds on one core is cut, at most units. */
guint fov_host_tasks (double seconds, gsize units);

/** First unit of task: [fov_host_cut (t), fov_host_cut (t + 1)). */
static inline gsize
fov_host_cut (gsize units, guint n_tasks, guint task)
{
    return (gsize) ((guint64) units * task / n_tasks);
}

/** A 4-D float32 tensor that is no constant. */
static inline gboolean
fov_host_can_block (const FovTensor *t)
{
    return t && !t->data && t->dtype == FOV_F32 && t->shape.rank == 4;
}

/** Values of a constant float32 tensor. */
static inline const float *
fov_host_constant (const FovTensor *t)
{
    return g_bytes_get_data (t->data, NULL);
}

/** Pixels of halo of a blocked operand, 0 of a planar one. */
static inline gsize
fov_host_halo (const FovOperand *operand)
{
    return operand->format.layout == FOV_BLOCKED ? (gsize) operand->format.halo : 0;
}

/** Strides of a blocked operand, in floats. */
typedef struct {
    gsize base, image, block, row;
} FovBlockedStrides;

FovBlockedStrides fov_host_strides (const FovOperand *operand);

/** A pool's window; the picture is the caller's to add. */
FovPoolArgs fov_host_pool_window (const FovPoolParams *p);

/** ReduceSumSquare of a whole tensor. */
gboolean fov_host_squares_fit (const FovNode *node);
void fov_host_squares_prepare (FovHostStep *step);
/** BatchNormalization with live statistics: whether there is a kernel, and its preparation. */
gboolean fov_host_live_norm_fits (const FovNode *node);
void fov_host_live_norm_prepare (FovHostStep *step);

/** Zeroed memory at a multiple of 64 bytes; free () it. Never NULL. */
gpointer fov_host_alloc (gsize bytes);

#endif
