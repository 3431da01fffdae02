/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Losses, out of ops that have gradients. */
#include "train/build.h"

#include "graph/params.h"

static FovTensor *
mean (FovGrad *g, FovTensor *a)
{
    FovAttr drop = { .name = "keepdims", .type = FOV_ATTR_INT };
    FovNode *node = fov_grad_node (g, "ReduceMean", &a, 1, 1, &drop, 1);

    return node ? node->outputs[0] : NULL;
}

/* What goes into the function that ends the model, where the loss has that in itself. */
static FovTensor *
before (FovTensor *output, const char *op)
{
    FovNode *node = output->producer;

    if (!fov_node_is (node, op))
        return output;
    if (g_str_equal (op, "Softmax") && ((const FovAxisParams *) node->params)->axis != 1)
        return output;
    return node->inputs[0];
}

/* (1 - s) -log p[label], averaged, + s -log p averaged over the classes too. */
static FovTensor *
cross_entropy (FovGrad *g, FovTensor *scores, FovTensor *labels, float smoothing)
{
    FovAttr ignore = { .name = "ignore_index", .type = FOV_ATTR_INT, .i = -1 };
    FovAttr axis = { .name = "axis", .type = FOV_ATTR_INT, .i = 1 };
    FovNode *node = fov_grad_node (g, "SoftmaxCrossEntropyLoss", (FovTensor *[]){ scores, labels },
                                   2, 1, &ignore, 1);
    FovTensor *loss = node ? node->outputs[0] : NULL, *flat;

    if (!node || smoothing == 0)
        return loss;
    node = fov_grad_node (g, "LogSoftmax", &scores, 1, 1, &axis, 1);
    flat = node ? mean (g, node->outputs[0]) : NULL;
    return fov_grad_binary (g, "Sub", fov_grad_scale (g, loss, 1 - smoothing),
                            fov_grad_scale (g, flat, smoothing));
}

/* -t log s (x) - (1 - t) log (1 - s (x)) = log (1 + e^x) - t x */
static FovTensor *
binary_cross_entropy (FovGrad *g, FovTensor *x, FovTensor *target)
{
    return mean (g, fov_grad_binary (g, "Sub", fov_grad_unary (g, "Softplus", x),
                                     fov_grad_binary (g, "Mul", x, target)));
}

static FovTensor *
squares (FovGrad *g, FovTensor *x, FovTensor *target)
{
    return mean (g, fov_grad_unary (g, "fov.Square", fov_grad_binary (g, "Sub", x, target)));
}

/* With c = min (|d|, 1): c (|d| - c / 2), which is d^2 / 2 below 1 and |d| - 1/2 above. */
static FovTensor *
smooth_l1 (FovGrad *g, FovTensor *x, FovTensor *target)
{
    FovAttr bounds[] = { { .name = "min", .type = FOV_ATTR_FLOAT, .f = 0 },
                         { .name = "max", .type = FOV_ATTR_FLOAT, .f = 1 } };
    FovTensor *d = fov_grad_unary (g, "Abs", fov_grad_binary (g, "Sub", x, target));
    FovNode *node = fov_grad_node (g, "Clip", &d, 1, 1, bounds, 2);
    FovTensor *c = node ? node->outputs[0] : NULL;

    return mean (g, fov_grad_binary (g, "Mul", c,
                                     fov_grad_binary (g, "Sub", d, fov_grad_scale (g, c, 0.5))));
}

/* Labels: the scores' shape without the classes. */
static FovShape
label_shape (const FovShape *scores)
{
    FovShape shape = { 0, { 0 } };

    for (int d = 0; d < scores->rank; d++)
        if (d != 1)
            shape.dim[shape.rank++] = scores->dim[d];
    return shape;
}

gboolean
fov_train_add_loss (FovTrainGraph *t, FovTensor *output, const FovTrainerParams *params,
                    GError **error)
{
    FovGrad g = { .graph = t->graph };
    FovTensor *x = output;
    FovShape shape;

    if (params->loss == FOV_LOSS_CROSS_ENTROPY)
        x = before (output, "Softmax");
    else if (params->loss == FOV_LOSS_BCE)
        x = before (output, "Sigmoid");
    if (x->dtype != FOV_F32 || fov_tensor_elements (x) < 1 ||
        (params->loss == FOV_LOSS_CROSS_ENTROPY && x->shape.rank < 2)) {
        g_autofree char *text = fov_shape_to_string (&x->shape);
        g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                     "output '%s' is %s %s, which the loss can not be of", output->name,
                     fov_dtype_name (x->dtype), text);
        return FALSE;
    }
    shape = params->loss == FOV_LOSS_CROSS_ENTROPY ? label_shape (&x->shape) : x->shape;
    t->target =
        fov_graph_add_input (t->graph, "fov.target",
                             params->loss == FOV_LOSS_CROSS_ENTROPY ? FOV_I64 : FOV_F32, &shape);
    switch (params->loss) {
    case FOV_LOSS_CROSS_ENTROPY:
        t->loss = cross_entropy (&g, x, t->target, params->label_smoothing);
        break;
    case FOV_LOSS_BCE:
        t->loss = binary_cross_entropy (&g, x, t->target);
        break;
    case FOV_LOSS_MSE:
        t->loss = squares (&g, x, t->target);
        break;
    case FOV_LOSS_SMOOTH_L1:
        t->loss = smooth_l1 (&g, x, t->target);
        break;
    }
    if (!g.error)
        return TRUE;
    g_propagate_error (error, g.error);
    return FALSE;
}
