/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_IMPL_H
#define FOV_OPS_IMPL_H

/* What the executors' halves of the families (foo.host.c, foo.gpu.c) offer to the definitions. */
#include "graph/plan.h"

/* ---- host -------------------------------------------------------------- */

extern const FovHostOp fov_host_conv, fov_host_conv_transpose;
extern const FovHostOp fov_host_conv_grad, fov_host_act_grad, fov_host_batch_norm_grad;
extern const FovHostOp fov_host_max_pool_grad;
extern const FovHostOp fov_host_focal, fov_host_focal_grad, fov_host_lstm, fov_host_lstm_grad;
extern const FovHostOp fov_host_live_dropout, fov_host_gate;
extern const FovHostOp fov_host_momentum, fov_host_adamw, fov_host_ema;
extern const FovHostOp fov_host_unary, fov_host_binary, fov_host_batch_norm;
extern const FovHostOp fov_host_pool, fov_host_global_pool, fov_host_resize;
extern const FovHostOp fov_host_reorder, fov_host_channel_map;
extern const FovHostOp fov_host_concat, fov_host_split, fov_host_slice;
extern const FovHostOp fov_host_transpose, fov_host_pad, fov_host_expand, fov_host_tile;
extern const FovHostOp fov_host_depth, fov_host_gather;
extern const FovHostOp fov_host_matmul, fov_host_gemm, fov_host_softmax, fov_host_reduce;

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
extern const FovGpuOp fov_gpu_arg;
extern const FovGpuOp fov_gpu_depth;
extern const FovGpuOp fov_gpu_matmul;
extern const FovGpuOp fov_gpu_gemm;
extern const FovGpuOp fov_gpu_batch_norm;
extern const FovGpuOp fov_gpu_instance_norm;
extern const FovGpuOp fov_gpu_group_norm;
extern const FovGpuOp fov_gpu_layer_norm;
extern const FovGpuOp fov_gpu_cast;
extern const FovGpuOp fov_gpu_not;
extern const FovGpuOp fov_gpu_is_nan;
extern const FovGpuOp fov_gpu_where;
extern const FovGpuOp fov_gpu_conv_grad, fov_gpu_act_grad, fov_gpu_binary_grad;
extern const FovGpuOp fov_gpu_batch_norm_grad, fov_gpu_norm_grad, fov_gpu_reduce_grad;
extern const FovGpuOp fov_gpu_max_pool_grad, fov_gpu_average_pool_grad, fov_gpu_resize_grad;
extern const FovGpuOp fov_gpu_slice_grad;
extern const FovGpuOp fov_gpu_gather_grad, fov_gpu_gather_elements, fov_gpu_gather_nd;
extern const FovGpuOp fov_gpu_live_dropout, fov_gpu_gate, fov_gpu_focal, fov_gpu_iou_loss;
extern const FovGpuOp fov_gpu_assign, fov_gpu_assign_targets;
extern const FovGpuOp fov_gpu_ctc, fov_gpu_ctc_grad;
extern const FovGpuOp fov_gpu_lstm, fov_gpu_lstm_grad;
extern const FovGpuOp fov_gpu_nll, fov_gpu_cross_entropy, fov_gpu_nll_grad;
extern const FovGpuOp fov_gpu_optimiser, fov_gpu_adamw, fov_gpu_ema;

#endif
