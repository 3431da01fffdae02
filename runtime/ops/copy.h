/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_COPY_H
#define FOV_OPS_COPY_H

/*
 * Strided copies on vulkan (move.comp), for all ops that only move elements. A
 * blocked tensor is, to a copy, one of [N][C4][H][W][4] words of 4 bytes.
 */
#include "ops/record.h"

enum { FOV_MOVE_DIMS = 14, FOV_MOVE_KERNEL_DIMS = 6 };

/** A copy of words; strides and starts in words. At most 6 dimensions when it is recorded. */
typedef struct {
    int rank;
    gint64 size[FOV_MOVE_DIMS], src[FOV_MOVE_DIMS], dst[FOV_MOVE_DIMS];
    gint64 src_start, dst_start;
} FovMove;

/** Words of an element; 0 where it is smaller than one. */
int fov_dtype_words (FovDType dtype);
/** Whole words, shape known, not empty, and small enough for a kernel's 32-bit indices. */
gboolean fov_gpu_can_move (const FovTensor *tensor);
gboolean fov_is_blocked (const FovOperand *operand);
/** The shape in memory: of words, channels in blocks where blocked. */
FovShape fov_memory_shape (const FovShape *shape, FovDType dtype, gboolean blocked);

void fov_move_add (FovMove *m, gint64 size, gint64 src, gint64 dst);
/** Drops dimensions of 1 and joins neighbours that are contiguous on both sides. */
void fov_move_collapse (FovMove *m);

gboolean fov_gpu_record_move (FovGpuProgram *program, const FovMove *move, const FovOperand *in,
                              const FovOperand *out, GError **error);
/** Writes value to every word of an operand. */
gboolean fov_gpu_record_fill (FovGpuProgram *program, const FovOperand *out, float value,
                              GError **error);

#endif
