/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Losses of segmentation: scores [N, C, ...], a class for each pixel. */
#include "train/losses.h"

#define SMOOTH 1.0 /* pixels; a class that is nowhere, and predicted nowhere, is a match */

FovTensor *
fov_loss_one_hot (FovGrad *g, const FovTensor *x, FovTensor *labels)
{
    const gint64 n = x->shape.dim[1];
    g_autofree gint64 *numbers = g_new (gint64, n);
    FovShape wide = x->shape, column = { x->shape.rank, { 1, n } };
    FovTensor *classes;

    for (gint64 i = 0; i < n; i++)
        numbers[i] = i;
    for (int d = 2; d < column.rank; d++)
        column.dim[d] = 1;
    wide.dim[1] = 1;
    classes = fov_grad_reshape (g, fov_grad_ints (g, numbers, (guint) n), &column);
    return fov_loss_number (g, fov_grad_binary (g, "Equal", fov_grad_reshape (g, labels, &wide),
                                                classes));
}

/* Milletari et al. 2016, without squares, per class over all pictures of the batch. */
FovTensor *
fov_loss_dice (FovGrad *g, FovTensor *x, FovTensor *labels, const FovTrainerParams *params)
{
    FovShape wide = x->shape, classes = { x->shape.rank, { 1, x->shape.dim[1] } };
    FovTensor *prob, *truth, *both, *all, *smooth;

    for (int d = 2; d < x->shape.rank; d++)
        classes.dim[d] = 1;
    wide.dim[1] = 1;
    prob = fov_grad_binary (g, "Mul", fov_loss_node (g, "Softmax", x, "axis", 1),
                            fov_grad_reshape (g, fov_loss_counts (g, labels), &wide));
    truth = fov_loss_one_hot (g, x, labels);
    both = fov_grad_sum_to (g, fov_grad_binary (g, "Mul", prob, truth), &classes);
    all = fov_grad_sum_to (g, fov_grad_binary (g, "Add", prob, truth), &classes);
    if (g->error)
        return NULL;
    smooth = fov_grad_scalar (g, x, SMOOTH);
    both = fov_grad_binary (g, "Add", fov_grad_scale (g, both, 2), smooth);
    all = fov_grad_binary (g, "Add", all, smooth);
    return fov_grad_binary (g, "Sub", fov_grad_scalar (g, x, 1),
                            fov_loss_mean (g, fov_grad_binary (g, "Div", both, all)));
}

FovTensor *
fov_loss_cross_entropy_dice (FovGrad *g, FovTensor *x, FovTensor *labels,
                             const FovTrainerParams *params)
{
    FovTensor *entropy = fov_loss_cross_entropy (g, x, labels, params);

    return fov_grad_binary (g, "Add", entropy, fov_loss_dice (g, x, labels, params));
}
