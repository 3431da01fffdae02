/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Losses of classes: cross entropy, binary cross entropy, focal. */
#include "train/losses.h"

static FovTensor *
weights_of (FovGrad *g, const FovTensor *x, const float *values)
{
    return values ? fov_loss_channels (g, values, x->shape.dim[1], x->shape.rank) : NULL;
}

/* The weight of each label, 0 where it does not count. */
static FovTensor *
label_weights (FovGrad *g, FovTensor *labels, const FovTrainerParams *params)
{
    FovTensor *counts = fov_loss_counts (g, labels), *zero, *known, *flat;

    if (!params->class_weights || g->error)
        return counts;
    zero = fov_grad_ints (g, (gint64[]){ 0 }, 1);
    known = fov_grad_binary (g, "Max", labels, zero);
    flat = fov_graph_add_floats (g->graph, "fov.class_weights", params->class_weights,
                                 params->n_class_weights);
    return fov_grad_binary (g, "Mul", counts, fov_grad_binary (g, "Gather", flat, known));
}

/* -sum of terms / sum of weights. */
static FovTensor *
weighted_mean (FovGrad *g, FovTensor *terms, FovTensor *weights)
{
    FovTensor *total = fov_loss_at_least (g, fov_loss_sum (g, weights, NULL, 0), 1e-12);

    return fov_grad_scale (g, fov_grad_binary (g, "Div", fov_loss_sum (g, terms, NULL, 0), total),
                           -1);
}

/* -sum over classes of w log p, as a weighted mean over the labels that count. */
static FovTensor *
spread (FovGrad *g, FovTensor *x, FovTensor *labels, const FovTrainerParams *params)
{
    FovTensor *log_prob = fov_loss_node (g, "LogSoftmax", x, "axis", 1), *each;
    FovTensor *weights = label_weights (g, labels, params);

    if (params->class_weights && !g->error)
        log_prob = fov_grad_binary (g, "Mul", log_prob, weights_of (g, x, params->class_weights));
    each = fov_grad_binary (g, "Mul", fov_loss_counts (g, labels),
                            fov_loss_sum (g, log_prob, (gint64[]){ 1 }, 1));
    return weighted_mean (g, each, weights);
}

/* -w (1 - p[label])^gamma log p[label] (Lin et al. 2017, eq. 5, of a softmax), a weighted mean. The
 * power's slope at 0 may be infinite. */
static FovTensor *
focal_cross_entropy (FovGrad *g, FovTensor *x, FovTensor *labels, const FovTrainerParams *params)
{
    FovTensor *log_prob = fov_loss_node (g, "LogSoftmax", x, "axis", 1);
    FovTensor *own =
        fov_loss_sum (g, fov_grad_binary (g, "Mul", log_prob, fov_loss_one_hot (g, x, labels)),
                      (gint64[]){ 1 }, 1);
    FovTensor *weights = label_weights (g, labels, params), *miss;

    if (g->error)
        return NULL;
    miss = fov_grad_binary (g, "Sub", fov_grad_scalar (g, x, 1), fov_grad_unary (g, "Exp", own));
    miss = fov_grad_binary (g, "Pow", fov_loss_at_least (g, miss, 1e-7),
                            fov_grad_scalar (g, x, (double) params->focal_gamma));
    return weighted_mean (
        g, fov_grad_binary (g, "Mul", weights, fov_grad_binary (g, "Mul", miss, own)), weights);
}

/* (1 - s) -w log p[label] + s / C -sum w log p, weighted means: PyTorch's. */
FovTensor *
fov_loss_cross_entropy (FovGrad *g, FovTensor *x, FovTensor *labels, const FovTrainerParams *params)
{
    const double smoothing = params->label_smoothing;
    const gboolean plain = params->focal_gamma == 0;
    FovAttr ignore = { .name = "ignore_index", .type = FOV_ATTR_INT, .i = -1 };
    FovTensor *weights = params->class_weights && plain
                             ? fov_graph_add_floats (g->graph, "fov.class_weights",
                                                     params->class_weights, params->n_class_weights)
                             : NULL;
    FovNode *node = plain ? fov_grad_node (g, "SoftmaxCrossEntropyLoss",
                                           (FovTensor *[]){ x, labels, weights }, 3, 1, &ignore, 1)
                          : NULL;
    FovTensor *loss = node ? node->outputs[0] : NULL;

    if (!plain)
        return focal_cross_entropy (g, x, labels, params);
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
