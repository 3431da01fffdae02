/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_IMPL_H
#define FOV_OPS_IMPL_H

/* What the executors' halves of the families (foo.host.c, foo.gpu.c) offer to the definitions. */
#include "graph/plan.h"

/* ---- vulkan ----------------------------------------------------------- */

extern const FovGpuOp fov_gpu_conv;
extern const FovGpuOp fov_gpu_conv_transpose;
extern const FovGpuOp fov_gpu_unary;
extern const FovGpuOp fov_gpu_binary;
extern const FovGpuOp fov_gpu_pool;
extern const FovGpuOp fov_gpu_global_pool;
extern const FovGpuOp fov_gpu_resize;
extern const FovGpuOp fov_gpu_reorder;
extern const FovGpuOp fov_gpu_channel_map;
extern const FovGpuOp fov_gpu_transpose;
extern const FovGpuOp fov_gpu_concat;
extern const FovGpuOp fov_gpu_split;
extern const FovGpuOp fov_gpu_slice;
extern const FovGpuOp fov_gpu_pad;
extern const FovGpuOp fov_gpu_expand;
extern const FovGpuOp fov_gpu_tile;
extern const FovGpuOp fov_gpu_gather;
extern const FovGpuOp fov_gpu_softmax;
extern const FovGpuOp fov_gpu_reduce;
extern const FovGpuOp fov_gpu_matmul;
extern const FovGpuOp fov_gpu_gemm;
extern const FovGpuOp fov_gpu_batch_norm;

#endif
