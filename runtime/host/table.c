/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vec.h"

const FovHostKernels FOV_SUFFIX (fov_host_kernels) = {
    .isa = (FovIsa) FOV_TIER,
    .block = VL,
    .gemm_columns = GEMM_VECTORS * VL,
    .conv = FOV_SUFFIX (fov_conv_run),
    .depthwise = FOV_SUFFIX (fov_depthwise_run),
    .conv_grad = FOV_SUFFIX (fov_conv_grad_run),
    .depthwise_grad = FOV_SUFFIX (fov_depthwise_grad_run),
    .act_grad = FOV_SUFFIX (fov_act_grad_run),
    .moments = FOV_SUFFIX (fov_moments_run),
    .norm_sums = FOV_SUFFIX (fov_norm_sums_run),
    .norm_grad = FOV_SUFFIX (fov_norm_grad_run),
    .act = FOV_SUFFIX (fov_act_run),
    .binary = FOV_SUFFIX (fov_binary_run),
    .affine = FOV_SUFFIX (fov_affine_run),
    .pool = FOV_SUFFIX (fov_pool_run),
    .resize_row = FOV_SUFFIX (fov_resize_row),
    .pick_row = FOV_SUFFIX (fov_pick_row),
    .interleave = FOV_SUFFIX (fov_interleave_run),
    .deinterleave = FOV_SUFFIX (fov_deinterleave_run),
    .quads = FOV_SUFFIX (fov_quads_run),
    .lanes = FOV_SUFFIX (fov_lanes_run),
    .gemm = FOV_SUFFIX (fov_gemm_run),
    .softmax = FOV_SUFFIX (fov_softmax_run),
    .reduce = FOV_SUFFIX (fov_reduce_run),
};
