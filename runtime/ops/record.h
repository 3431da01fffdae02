/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_RECORD_H
#define FOV_OPS_RECORD_H

/* What the families' GPU halves (foo.gpu.c) share. */
#include "gpu/gpu.h"
#include "graph/op.h"
#include "graph/plan.h"
#include "ops/impl.h"
#include "graph/params.h"
#include "shaders/push.h"

/** Sizes of a 4-D tensor; blocks: of 4 channels. */
typedef struct {
    int n, c, blocks, h, w;
} FovPicture;

FovPicture fov_picture (const FovShape *shape);

/** float32, shape known, not empty, and small enough for a kernel's 32-bit indices. */
gboolean fov_gpu_can_float (const FovTensor *tensor);
/** The same for input 0 and every output of a node, and every further input in the mask. */
gboolean fov_gpu_can_floats (const FovNode *node, guint inputs);
/** Whether a 4-D tensor can be blocked. */
gboolean fov_gpu_can_block (const FovTensor *tensor);

/** Where an arena operand starts, in vec4 / in floats. */
int fov_gpu_texel (const FovOperand *operand);
int fov_gpu_float (const FovOperand *operand);
/** Floats of an operand as it lies in memory, unused channels and all. */
int fov_gpu_n_floats (const FovOperand *operand);
/**
 * Where an operand is read from, in floats: *constant tells the block. A
 * constant is added to the program, once per call; 64-bit integers become ints.
 */
int fov_gpu_source (FovGpuProgram *program, const FovOperand *operand, guint32 *constant);

/** The same; sets bit i of a mask where it is a constant (fetch_masked of lib/fetch.glsl). */
int fov_gpu_masked_source (FovGpuProgram *program, const FovOperand *operand, guint i,
                           guint32 *mask);
/** The same of integers; kind: INDEX of lib/indices.glsl. */
int fov_gpu_index_source (FovGpuProgram *program, const FovOperand *indices, guint32 *kind);

struct fov_push_normalise fov_gpu_push_normalise (gint64 bgr, const FovFloats *mean,
                                                  const FovFloats *scale);

/** Lanes of a workgroup that works on rows of pixels: as narrow as a narrow device's subgroup. */
guint fov_gpu_lanes (FovGpuProgram *program);
/** A processor plays the GPU: a lane that does much costs less than many lanes. */
gboolean fov_gpu_on_processor (FovGpuProgram *program);
/** How lanes share a picture of w columns when each walks down a strip of them. */
typedef struct {
    int columns; /* of a strip */
    int rows;    /* that a lane walks */
    int count;   /* strips beside each other */
} FovStrips;

FovStrips fov_gpu_strips (FovGpuProgram *program, int h, int w, int stride_x);
/** Dispatches as many workgroups as cover n items, `each` items by each, spread over x and y. */
gboolean fov_gpu_dispatch_flat (FovGpuProgram *program, const char *shader, const guint32 *spec,
                                guint n_spec, gconstpointer push, gsize push_bytes, guint64 n,
                                guint each, GError **error);

/** act (0) != 0: the unused channels of a last block have to be cleared after it. */
gboolean fov_gpu_act_moves_zero (const FovAct *act);

/** Where an output channel comes from. */
typedef struct {
    int input, channel; /* input: of the step */
} FovChannelSource;

/** Blocked all; sources: one per channel of out. */
gboolean fov_gpu_record_channels (FovGpuProgram *program, const FovStep *step,
                                  const FovOperand *out, const FovChannelSource *sources,
                                  GError **error);

/* ---- typed.gpu.c: types beside float32 -------------------------------- */

/** float32, int8, uint8, int32, int64 or bool, shape known, not empty, not too large. */
gboolean fov_gpu_can_typed (const FovTensor *tensor);

/** Functions of cast.comp. */
typedef enum {
    FOV_CAST,
    FOV_CAST_NOT,
    FOV_CAST_IS_NAN,
    FOV_CAST_NEG, /* from here on of integers */
    FOV_CAST_ABS,
    FOV_CAST_SIGN,
    FOV_CAST_RELU,
} FovCastFunc;
gboolean fov_gpu_record_cast (FovGpuProgram *program, const FovStep *step, FovCastFunc func,
                              GError **error);

/** Binary ops of integers or that give bool. */
guint fov_gpu_binary_typed_formats (const FovNode *node);
gboolean fov_gpu_record_binary_typed (FovGpuProgram *program, const FovStep *step, GError **error);

/* ---- reduce.gpu.c ----------------------------------------------------- */

/** A planar tensor as lines along one or more neighbouring dimensions. */
typedef struct {
    gint64 outer, size, inner;
} FovLines;

/** Dimensions in mask must be neighbours, but for those of size 1. */
gboolean fov_gpu_find_lines (const FovShape *shape, guint mask, FovLines *lines);

/* ---- batch-norm.gpu.c ------------------------------------------------- */

/** BatchNormalization where not all but its input are constants. */
guint fov_gpu_batch_norm_formats (const FovNode *node);
gboolean fov_gpu_record_batch_norm (FovGpuProgram *program, const FovStep *step, GError **error);

/* ---- pool.gpu.c ------------------------------------------------------- */

/** Sizes of x and y, and the window; the rest 0. */
struct fov_push_pool fov_gpu_push_pool (const FovPoolParams *p, const FovShape *x,
                                        const FovShape *y);

typedef enum { FOV_GLOBAL_SUM, FOV_GLOBAL_MAX, FOV_GLOBAL_MIN } FovGlobalKind;
/** One value per channel of a blocked picture, times scale. */
gboolean fov_gpu_record_global_pool (FovGpuProgram *program, const FovOperand *in,
                                     const FovOperand *out, FovGlobalKind kind, float scale,
                                     GError **error);

#endif
