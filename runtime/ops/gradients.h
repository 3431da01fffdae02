/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_GRADIENTS_H
#define FOV_OPS_GRADIENTS_H

/*
 * The families' gradient functions (FovOpDef.gradient), each in foo.grad.c
 * beside the ops that only gradients use.
 */
#include "graph/backward.h"

typedef void FovGradientFunc (FovGrad *g, const FovNode *node, FovTensor *const *dy,
                              FovTensor **dx);

FovGradientFunc fov_gradient_conv, fov_gradient_conv_transpose;
FovGradientFunc fov_gradient_unary, fov_gradient_gelu, fov_gradient_clip, fov_gradient_same;
FovGradientFunc fov_gradient_cast;
FovGradientFunc fov_gradient_binary, fov_gradient_extremum, fov_gradient_where;
FovGradientFunc fov_gradient_max_pool, fov_gradient_average_pool;
FovGradientFunc fov_gradient_global_average, fov_gradient_global_max;
FovGradientFunc fov_gradient_resize, fov_gradient_depth_to_space, fov_gradient_space_to_depth;
FovGradientFunc fov_gradient_reshape;
FovGradientFunc fov_gradient_transpose, fov_gradient_concat, fov_gradient_split;
FovGradientFunc fov_gradient_slice, fov_gradient_pad, fov_gradient_expand, fov_gradient_tile;
FovGradientFunc fov_gradient_trilu;
FovGradientFunc fov_gradient_batch_norm, fov_gradient_instance_norm, fov_gradient_group_norm;
FovGradientFunc fov_gradient_layer_norm, fov_gradient_lrn, fov_gradient_lp;
FovGradientFunc fov_gradient_topk, fov_gradient_cumsum;
FovGradientFunc fov_gradient_matmul, fov_gradient_gemm;
FovGradientFunc fov_gradient_reduce, fov_gradient_softmax;
FovGradientFunc fov_gradient_gather, fov_gradient_gather_elements, fov_gradient_gather_nd;
FovGradientFunc fov_gradient_scatter_elements, fov_gradient_scatter_nd;
FovGradientFunc fov_gradient_lstm;
FovGradientFunc fov_gradient_cross_entropy, fov_gradient_nll, fov_gradient_iou_loss;

#endif
