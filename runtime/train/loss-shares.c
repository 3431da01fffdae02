/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cross entropy of shares of classes, as pictures that were put together have. */
#include "train/losses.h"

/* What of a class's log p counts: (1 - p)^gamma of it; the power's slope at 0 may be infinite. */
static FovTensor *
terms_of (FovGrad *g, FovTensor *x, double gamma)
{
    FovTensor *log_prob = fov_loss_node (g, "LogSoftmax", x, "axis", 1), *miss;

    if (gamma == 0 || g->error)
        return log_prob;
    miss =
        fov_grad_binary (g, "Sub", fov_grad_scalar (g, x, 1), fov_grad_unary (g, "Exp", log_prob));
    miss = fov_grad_binary (g, "Pow", fov_loss_at_least (g, miss, 1e-7),
                            fov_grad_scalar (g, x, gamma));
    return fov_grad_binary (g, "Mul", miss, log_prob);
}

/* Each share (1 - s) t + s / C of the picture's whole. */
static FovTensor *
smooth (FovGrad *g, const FovTensor *x, FovTensor *shares, double s)
{
    FovAttr keep = { .name = "keepdims", .type = FOV_ATTR_INT, .i = 1 };
    FovTensor *inputs[] = { shares, fov_grad_ints (g, (gint64[]){ 1 }, 1) };
    FovNode *whole = s == 0 ? NULL : fov_grad_node (g, "ReduceSum", inputs, 2, 1, &keep, 1);

    if (!whole)
        return shares;
    return fov_grad_binary (g, "Add", fov_grad_scale (g, shares, 1 - s),
                            fov_grad_scale (g, whole->outputs[0], s / (double) x->shape.dim[1]));
}

/* -sum t w log p / sum t w: cross entropy's weighted mean, where a share is 1. */
FovTensor *
fov_loss_shares (FovGrad *g, FovTensor *x, FovTensor *shares, const FovTrainerParams *params)
{
    FovTensor *terms = terms_of (g, x, (double) params->focal_gamma), *total = shares;
    FovTensor *spread = smooth (g, x, shares, (double) params->label_smoothing);

    if (params->class_weights && !g->error) {
        FovTensor *weights =
            fov_loss_channels (g, params->class_weights, x->shape.dim[1], x->shape.rank);
        terms = fov_grad_binary (g, "Mul", terms, weights);
        total = fov_grad_binary (g, "Mul", total, weights);
    }
    total = fov_loss_at_least (g, fov_loss_sum (g, total, NULL, 0), 1e-12);
    terms = fov_loss_sum (g, fov_grad_binary (g, "Mul", terms, spread), NULL, 0);
    return fov_grad_scale (g, fov_grad_binary (g, "Div", terms, total), -1);
}
