/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_H
#define FOV_OPS_H

/*
 * The families, each a NULL-terminated list of definitions from its own file.
 * Adding a family: its file, and one line here.
 */
#include "graph/op.h"

#define FOV_OP_FAMILIES(F)                                                                         \
    F (conv)      /* Conv, ConvTranspose */                                                        \
    F (unary)     /* Relu ... (FovActKind), Clip, Cast, Not, IsNaN, Identity, Dropout */           \
    F (binary)    /* Add Sub Mul Div Pow Min Max Mod PRelu, comparisons, logic, Where */           \
    F (pool)      /* MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool */                     \
    F (resize)    /* Resize, DepthToSpace, SpaceToDepth */                                         \
    F (shape)     /* Reshape, Flatten, Squeeze, Unsqueeze, Shape, Size, ConstantOfShape, Range */  \
    F (move)      /* Transpose, Concat, Slice, Split, fov.Reorder */                               \
    F (pad)       /* Pad, Expand, Tile, Trilu */                                                   \
    F (channel)   /* fov.ChannelMap */                                                             \
    F (norm)      /* BatchNormalization, InstanceNormalization, LayerNormalization, LRN ... */     \
    F (matmul)    /* MatMul, Gemm */                                                               \
    F (reduce)    /* ReduceSum ..., ArgMax, ArgMin, Softmax, LogSoftmax, Hardmax */                \
    F (gather)    /* Gather*, Scatter*, NonZero, OneHot */                                         \
    F (sort)      /* TopK, NonMaxSuppression, CumSum */                                            \
    F (frame)     /* fov.Preprocess */                                                             \
    F (augment)   /* fov.AugmentShape, fov.AugmentColor */                                         \
    F (boxes)     /* fov.Decode, fov.Nms */                                                        \
    F (loss)      /* NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss */                         \
    F (focal)     /* fov.Focal */                                                                  \
    F (ctc)       /* fov.Ctc */                                                                    \
    F (gru)       /* GRU */                                                                        \
    F (lstm)      /* LSTM */                                                                       \
    F (live)      /* fov.Dropout, fov.Gate */                                                      \
    F (assign)    /* fov.Assign, fov.AssignTargets */                                              \
    F (iou_loss)  /* fov.IouLoss */                                                                \
    F (optimiser) /* Momentum, Adagrad, Adam, fov.AdamW, fov.Ema */                                \
    F (gradient)  /* Gradient */                                                                   \
    F (conv_grad)                                                                                  \
    F (unary_grad)                                                                                 \
    F (binary_grad)                                                                                \
    F (pool_grad)                                                                                  \
    F (resize_grad)                                                                                \
    F (move_grad)                                                                                  \
    F (pad_grad)                                                                                   \
    F (norm_grad)                                                                                  \
    F (reduce_grad)                                                                                \
    F (gather_grad)

#define FOV_DECLARE_FAMILY(f) extern const FovOpDef *const fov_ops_##f[];
FOV_OP_FAMILIES (FOV_DECLARE_FAMILY)
#undef FOV_DECLARE_FAMILY

#endif
