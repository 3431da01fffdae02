/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_RECIPE_H
#define FOV_TRAIN_RECIPE_H

/*
 * What recipes are built of: layers that put nodes and random constants behind a tensor. After an
 * error they do nothing and give NULL, so that a recipe reads as a list of layers.
 */
#include <fovea/train.h>

#include "graph/graph.h"

/** What weighs channels or places at the end of a block. */
typedef enum { FOV_ATTENTION_NONE, FOV_ATTENTION_SE, FOV_ATTENTION_CBAM } FovAttention;

typedef struct {
    FovGraph *graph;
    GRand *rand;
    guint n_layers;
    FovAttention attention;
    GError *error;
} FovRecipe;

/** Of normal numbers of that spread around value; named LAYER.WHAT. */
FovTensor *fov_recipe_constant (FovRecipe *r, const char *layer, const char *what, FovShape shape,
                                double spread, double value);
/** A node that is named as its one output is; attrs may be NULL. */
FovTensor *fov_recipe_add (FovRecipe *r, const char *op, const char *name, FovTensor *const *inputs,
                           guint n, const FovAttr *attrs, guint n_attrs);
/** The same of one input, named NAME and the number of layers so far. */
FovTensor *fov_recipe_unary (FovRecipe *r, const char *op, const char *name, FovTensor *x,
                             const FovAttr *attrs, guint n_attrs);
/** Op with a constant list of integers as second input: Reshape, ReduceMean, ... */
FovTensor *fov_recipe_with_ints (FovRecipe *r, const char *op, const char *name, FovTensor *x,
                                 const gint64 *ints, guint n);

/** Convolution (He et al. 2015's start, eq. 10) with "same" padding, with a bias that starts there.
 */
FovTensor *fov_recipe_conv (FovRecipe *r, const char *name, FovTensor *x, gint64 out, gint64 kernel,
                            double bias);
/** Batch norm; gain: its first scale. */
FovTensor *fov_recipe_norm (FovRecipe *r, const char *name, FovTensor *x, double gain);
/** Convolution and batch norm; gain: the norm's first scale. */
FovTensor *fov_recipe_conv_norm (FovRecipe *r, FovTensor *x, gint64 out, gint64 kernel,
                                 gint64 stride, gint64 group, double gain);
FovTensor *fov_recipe_relu (FovRecipe *r, FovTensor *x);
/** A depthwise and a pointwise convolution (Howard et al. 2017). */
FovTensor *fov_recipe_separable (FovRecipe *r, FovTensor *x, gint64 out, gint64 stride);
FovTensor *fov_recipe_max_pool (FovRecipe *r, FovTensor *x, gint64 down, gint64 across);
/** Channels of a and then of b; NAME and the number of layers. */
FovTensor *fov_recipe_concat (FovRecipe *r, const char *name, FovTensor *a, FovTensor *b);
/** A matrix [out, in] and a bias behind x [N, in]. */
FovTensor *fov_recipe_linear (FovRecipe *r, const char *layer, const char *name, FovTensor *x,
                              gint64 out);
/** Both ways over x [T, N, I]: [T, N, 2 hidden]. */
FovTensor *fov_recipe_lstm (FovRecipe *r, FovTensor *x, gint64 hidden);
/** The recipe's attention, or x itself. */
FovTensor *fov_recipe_attend (FovRecipe *r, FovTensor *x);

/** The recipe of a detector (recipe-detector.c). */
FovTensor *fov_recipe_detector (FovRecipe *r, FovTensor *x, const FovRecipeParams *params);

#endif
