/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_LOSSES_H
#define FOV_TRAIN_LOSSES_H

/*
 * The losses, each a function that puts its nodes behind the scores x and gives one number. All
 * are made of ops that have gradients, so that executors know nothing of them.
 */
#include "train/build.h"

typedef FovTensor *FovLossFunc (FovGrad *g, FovTensor *x, FovTensor *target,
                                const FovTrainerParams *params);

FovLossFunc fov_loss_cross_entropy, fov_loss_bce, fov_loss_focal; /* loss-classes.c */
FovLossFunc fov_loss_shares;                                      /* loss-shares.c */
FovLossFunc fov_loss_dice, fov_loss_cross_entropy_dice;           /* loss-masks.c */
FovLossFunc fov_loss_triplet, fov_loss_contrastive;               /* loss-embeddings.c */
FovLossFunc fov_loss_squares, fov_loss_smooth_l1, fov_loss_ctc;   /* loss.c */

/* ---- pieces; with an error set they do nothing and give NULL ---- */

/** The mean of all, or the sum over axes (NULL: all), as a scalar or without those axes. */
FovTensor *fov_loss_mean (FovGrad *g, FovTensor *a);
FovTensor *fov_loss_sum (FovGrad *g, FovTensor *a, const gint64 *axes, guint n);
/** The only result of an op with one integer attribute. */
FovTensor *fov_loss_node (FovGrad *g, const char *op, FovTensor *a, const char *attr, gint64 value);
/** Bool as 0 and 1. */
FovTensor *fov_loss_number (FovGrad *g, FovTensor *a);
/** max (a, low) */
FovTensor *fov_loss_at_least (FovGrad *g, FovTensor *a, double low);
/** Where an integer label is not -1: 1, else 0. */
FovTensor *fov_loss_counts (FovGrad *g, FovTensor *labels);
/** Labels of scores x as [N, C, ...] of 0 and 1; all 0 where the label is -1. */
FovTensor *fov_loss_one_hot (FovGrad *g, const FovTensor *x, FovTensor *labels);
/** n numbers as [1, n, 1, ...], to be multiplied to a tensor of that rank. */
FovTensor *fov_loss_channels (FovGrad *g, const float *values, gint64 n, int rank);

#endif
