/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_PASSES_H
#define FOV_PASSES_H

/*
 * Rewrites of a specialised graph. Each keeps its meaning: outputs stay the
 * same up to float rounding. fov_plan_new runs them in this order.
 */
#include "graph/plan.h"

/** Drops identities, no-op casts / reshapes / transposes; joins chains of them; Dropout out. */
gboolean fov_pass_simplify (FovGraph *graph, GError **error);
/** Folds batch norm, and per-channel Mul / Add by constants, into the convolution before it. */
gboolean fov_pass_fold_norm (FovGraph *graph, GError **error);
/**
 * The same for one batch norm with constant inputs behind conv (its only reader), whose weights
 * and bias, if any, are constants. FALSE and unchanged where the norm's values are no numbers.
 */
gboolean fov_graph_fold_norm (FovGraph *graph, FovNode *conv, FovNode *norm);
/** x * Sigmoid(x) -> fov.Silu, x * HardSigmoid(x) -> HardSwish, Clip's bounds into its params ...
 */
gboolean fov_pass_patterns (FovGraph *graph, GError **error);
/**
 * Chains of reshapes, transposes, slices, splits and gathers that only pick channels of a picture
 * (channel shuffles and splits, slices written in NHWC) become one Slice or fov.ChannelMap.
 */
gboolean fov_pass_channels (FovGraph *graph, GError **error);
/** Focus (slices of every second pixel, concatenated) goes into the convolution behind it. */
gboolean fov_pass_focus (FovGraph *graph, GError **error);
/** Explicit Pad before a convolution / pool, bias, activation and residual Add into the
 * convolution. */
gboolean fov_pass_fuse (FovGraph *graph, GError **error);
/** Chooses layouts and inserts fov.Reorder where they meet; formats[tensor id], grown as needed.
 * Late nodes (of the plan's tail; a set of FovNode) are planar. */
gboolean fov_pass_layout (FovGraph *graph, const FovPlanTarget *target, GHashTable *late,
                          GArray *formats, GError **error);

#endif
