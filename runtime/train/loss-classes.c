/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Losses of classes: cross entropy, binary cross entropy, focal. */
#include "train/losses.h"

static FovTensor *
weights_of (FovGrad *g, const FovTensor *x, const float *values)
{
    return values ? fov_loss_channels (g, values, x->shape.dim[1], x->shape.rank) : NULL;
}

/* -sum over classes of w log p, as a weighted mean over the labels that count. */
static FovTensor *
spread (FovGrad *g, FovTensor *x, FovTensor *labels, const FovTrainerParams *params)
{
    FovTensor *log_prob = fov_loss_node (g, "LogSoftmax", x, "axis", 1), *each;
    FovTensor *counts = fov_loss_counts (g, labels), *total = counts;

    if (params->class_weights && !g->error) {
        FovTensor *zero = fov_grad_ints (g, (gint64[]){ 0 }, 1), *flat;
        FovTensor *known = fov_grad_binary (g, "Max", labels, zero);
        log_prob = fov_grad_binary (g, "Mul", log_prob, weights_of (g, x, params->class_weights));
        flat = fov_graph_add_floats (g->graph, "fov.class_weights", params->class_weights,
                                     params->n_class_weights);
        total = fov_grad_binary (g, "Mul", counts, fov_grad_binary (g, "Gather", flat, known));
    }
    each = fov_grad_binary (g, "Mul", counts, fov_loss_sum (g, log_prob, (gint64[]){ 1 }, 1));
    total = fov_loss_at_least (g, fov_loss_sum (g, total, NULL, 0), 1e-12);
    return fov_grad_scale (g, fov_grad_binary (g, "Div", fov_loss_sum (g, each, NULL, 0), total),
                           -1);
}

/* (1 - s) -w log p[label] + s / C -sum w log p, weighted means: PyTorch's. */
FovTensor *
fov_loss_cross_entropy (FovGrad *g, FovTensor *x, FovTensor *labels, const FovTrainerParams *params)
{
    const double smoothing = params->label_smoothing;
    FovAttr ignore = { .name = "ignore_index", .type = FOV_ATTR_INT, .i = -1 };
    FovTensor *weights = params->class_weights
                             ? fov_graph_add_floats (g->graph, "fov.class_weights",
                                                     params->class_weights, params->n_class_weights)
                             : NULL;
    FovNode *node = fov_grad_node (g, "SoftmaxCrossEntropyLoss",
                                   (FovTensor *[]){ x, labels, weights }, 3, 1, &ignore, 1);
    FovTensor *loss = node ? node->outputs[0] : NULL;

    if (!node || smoothing == 0)
        return loss;
    return fov_grad_binary (g, "Add", fov_grad_scale (g, loss, 1 - smoothing),
                            fov_grad_scale (g, spread (g, x, labels, params),
                                            smoothing / (double) x->shape.dim[1]));
}

/* -t log s (x) - (1 - t) log (1 - s (x)) = log (1 + e^x) - t x; with a weight w of what is there:
 * (1 + (w - 1) t) (log (1 + e^x) - x) + (1 - t) x. */
FovTensor *
fov_loss_bce (FovGrad *g, FovTensor *x, FovTensor *target, const FovTrainerParams *params)
{
    FovTensor *soft = fov_grad_unary (g, "Softplus", x), *loss;

    if (params->positive_weights && !g->error) {
        FovTensor *one = fov_grad_scalar (g, x, 1);
        FovTensor *more =
            fov_grad_binary (g, "Sub", weights_of (g, x, params->positive_weights), one);
        FovTensor *factor =
            fov_grad_binary (g, "Add", fov_grad_binary (g, "Mul", target, more), one);
        loss = fov_grad_binary (
            g, "Add", fov_grad_binary (g, "Mul", factor, fov_grad_binary (g, "Sub", soft, x)),
            fov_grad_binary (g, "Mul", fov_grad_binary (g, "Sub", one, target), x));
    } else {
        loss = fov_grad_binary (g, "Sub", soft, fov_grad_binary (g, "Mul", x, target));
    }
    if (params->class_weights)
        loss = fov_grad_binary (g, "Mul", loss, weights_of (g, x, params->class_weights));
    return fov_loss_mean (g, loss);
}

FovTensor *
fov_loss_focal (FovGrad *g, FovTensor *x, FovTensor *target, const FovTrainerParams *params)
{
    FovAttr attrs[] = {
        { .name = "alpha", .type = FOV_ATTR_FLOAT, .f = params->focal_alpha },
        { .name = "gamma", .type = FOV_ATTR_FLOAT, .f = params->focal_gamma },
    };
    FovNode *node = fov_grad_node (g, "fov.Focal", (FovTensor *[]){ x, target }, 2, 1, attrs, 2);
    FovTensor *loss = node ? node->outputs[0] : NULL;

    if (params->class_weights)
        loss = fov_grad_binary (g, "Mul", loss, weights_of (g, x, params->class_weights));
    return fov_loss_mean (g, loss);
}
