/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which losses there are and what each wants; pieces to build them of; the plain ones. */
#include "train/losses.h"

#include "graph/params.h"

/* ---- pieces ---------------------------------------------------------------- */

FovTensor *
fov_loss_node (FovGrad *g, const char *op, FovTensor *a, const char *attr, gint64 value)
{
    FovAttr attrs = { .name = attr, .type = FOV_ATTR_INT, .i = value };
    FovNode *node = fov_grad_node (g, op, &a, 1, 1, &attrs, 1);

    return node ? node->outputs[0] : NULL;
}

FovTensor *
fov_loss_mean (FovGrad *g, FovTensor *a)
{
    return fov_loss_node (g, "ReduceMean", a, "keepdims", 0);
}

FovTensor *
fov_loss_sum (FovGrad *g, FovTensor *a, const gint64 *axes, guint n)
{
    FovAttr drop = { .name = "keepdims", .type = FOV_ATTR_INT };
    FovTensor *inputs[] = { a, axes ? fov_grad_ints (g, axes, n) : NULL };
    FovNode *node = fov_grad_node (g, "ReduceSum", inputs, 2, 1, &drop, 1);

    return node ? node->outputs[0] : NULL;
}

FovTensor *
fov_loss_number (FovGrad *g, FovTensor *a)
{
    return fov_loss_node (g, "Cast", a, "to", 1);
}

FovTensor *
fov_loss_at_least (FovGrad *g, FovTensor *a, double low)
{
    FovAttr bounds[] = { { .name = "min", .type = FOV_ATTR_FLOAT, .f = low },
                         { .name = "max", .type = FOV_ATTR_FLOAT, .f = G_MAXFLOAT } };
    FovNode *node = fov_grad_node (g, "Clip", &a, 1, 1, bounds, 2);

    return node ? node->outputs[0] : NULL;
}

FovTensor *
fov_loss_counts (FovGrad *g, FovTensor *labels)
{
    FovTensor *none = fov_grad_ints (g, (gint64[]){ -1 }, 1);

    return fov_loss_number (g, fov_grad_binary (g, "Greater", labels, none));
}

FovTensor *
fov_loss_channels (FovGrad *g, const float *values, gint64 n, int rank)
{
    FovShape shape = { rank, { 1, n } };

    for (int d = 2; d < rank; d++)
        shape.dim[d] = 1;
    if (g->error)
        return NULL;
    return fov_grad_reshape (
        g, fov_graph_add_floats (g->graph, "fov.class_weights", values, (guint) n), &shape);
}

/* ---- plain losses -------------------------------------------------------------- */

FovTensor *
fov_loss_squares (FovGrad *g, FovTensor *x, FovTensor *target, const FovTrainerParams *params)
{
    return fov_loss_mean (g,
                          fov_grad_unary (g, "fov.Square", fov_grad_binary (g, "Sub", x, target)));
}

/* With c = min (|d|, 1): c (|d| - c / 2), which is d^2 / 2 below 1 and |d| - 1/2 above. */
FovTensor *
fov_loss_smooth_l1 (FovGrad *g, FovTensor *x, FovTensor *target, const FovTrainerParams *params)
{
    FovAttr bounds[] = { { .name = "min", .type = FOV_ATTR_FLOAT, .f = 0 },
                         { .name = "max", .type = FOV_ATTR_FLOAT, .f = 1 } };
    FovTensor *d = fov_grad_unary (g, "Abs", fov_grad_binary (g, "Sub", x, target));
    FovNode *node = fov_grad_node (g, "Clip", &d, 1, 1, bounds, 2);
    FovTensor *c = node ? node->outputs[0] : NULL;

    return fov_loss_mean (g, fov_grad_binary (g, "Mul", c,
                                              fov_grad_binary (g, "Sub", d,
                                                               fov_grad_scale (g, c, 0.5))));
}

/* Per symbol of the label, as PyTorch's mean: long labels do not weigh more. */
FovTensor *
fov_loss_ctc (FovGrad *g, FovTensor *x, FovTensor *target, const FovTrainerParams *params)
{
    FovTensor *lengths =
        fov_loss_at_least (g, fov_loss_sum (g, fov_loss_counts (g, target), (gint64[]){ 1 }, 1), 1);

    return fov_loss_mean (g, fov_grad_binary (g, "Div", fov_grad_binary (g, "fov.Ctc", x, target),
                                              lengths));
}

/* ---- the table ------------------------------------------------------------------ */

typedef enum {
    TARGET_VALUES,  /* float32 of the scores' shape */
    TARGET_CLASSES, /* int64 of the scores' shape without dimension 1 */
    TARGET_NAMES,   /* int64 [N], of scores [N, D] */
    TARGET_TEXTS,   /* int64 [N, label_length], of scores [N, T, C] */
} TargetKind;

static const struct {
    FovLossFunc *build;
    TargetKind target;
    const char *end; /* the function that the loss has in itself */
} losses[] = {
    [FOV_LOSS_CROSS_ENTROPY] = { fov_loss_cross_entropy, TARGET_CLASSES, "Softmax" },
    [FOV_LOSS_SHARES] = { fov_loss_shares, TARGET_VALUES, "Softmax" },
    [FOV_LOSS_BCE] = { fov_loss_bce, TARGET_VALUES, "Sigmoid" },
    [FOV_LOSS_MSE] = { fov_loss_squares, TARGET_VALUES, NULL },
    [FOV_LOSS_SMOOTH_L1] = { fov_loss_smooth_l1, TARGET_VALUES, NULL },
    [FOV_LOSS_FOCAL] = { fov_loss_focal, TARGET_VALUES, "Sigmoid" },
    [FOV_LOSS_DICE] = { fov_loss_dice, TARGET_CLASSES, "Softmax" },
    [FOV_LOSS_CROSS_ENTROPY_DICE] = { fov_loss_cross_entropy_dice, TARGET_CLASSES, "Softmax" },
    [FOV_LOSS_TRIPLET] = { fov_loss_triplet, TARGET_NAMES, NULL },
    [FOV_LOSS_CONTRASTIVE] = { fov_loss_contrastive, TARGET_NAMES, NULL },
    [FOV_LOSS_CTC] = { fov_loss_ctc, TARGET_TEXTS, "Softmax" },
};

/* What goes into the function that ends the model, where the loss has that in itself. */
static FovTensor *
scores_of (FovTensor *output, const char *end, TargetKind target)
{
    FovNode *node = output->producer;
    const int axis = target == TARGET_TEXTS ? 2 : 1;

    if (!end || !node)
        return output;
    if (g_str_equal (end, "Softmax"))
        return (fov_node_is (node, "Softmax") || fov_node_is (node, "LogSoftmax")) &&
                       ((const FovAxisParams *) node->params)->axis == axis
                   ? node->inputs[0]
                   : output;
    return fov_node_is (node, end) ? node->inputs[0] : output;
}

static gboolean
target_shape (TargetKind kind, const FovShape *x, const FovTrainerParams *params, FovShape *shape)
{
    *shape = *x;
    switch (kind) {
    case TARGET_VALUES:
        return TRUE;
    case TARGET_CLASSES:
        if (x->rank < 2)
            return FALSE;
        shape->rank = 0;
        for (int d = 0; d < x->rank; d++)
            if (d != 1)
                shape->dim[shape->rank++] = x->dim[d];
        return TRUE;
    case TARGET_NAMES:
        *shape = (FovShape){ 1, { x->dim[0] } };
        return x->rank == 2;
    default:
        *shape = (FovShape){ 2, { x->dim[0], params->label_length } };
        return x->rank == 3 && params->label_length > 0;
    }
}

static gboolean
check_weights (const FovTensor *x, TargetKind kind, const FovTrainerParams *params, GError **error)
{
    const gint64 classes = x->shape.rank > 1 ? x->shape.dim[1] : 0;
    const gboolean any = params->class_weights || params->positive_weights;
    gboolean fits = params->n_class_weights == classes;

    for (guint i = 0; any && fits && i < params->n_class_weights; i++)
        fits = (!params->class_weights || params->class_weights[i] >= 0) &&
               (!params->positive_weights || params->positive_weights[i] >= 0);
    if (!any || (fits && (kind == TARGET_CLASSES || kind == TARGET_VALUES)))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "%u weights of classes, expected %" G_GINT64_FORMAT " of 0 or more, and a loss "
                 "of classes",
                 params->n_class_weights, classes);
    return FALSE;
}

gboolean
fov_train_add_loss (FovTrainGraph *t, FovTensor *output, const FovTrainerParams *params,
                    GError **error)
{
    const TargetKind kind = losses[params->loss].target;
    FovTensor *x = scores_of (output, losses[params->loss].end, kind);
    FovGrad g = { .graph = t->graph };
    FovShape shape;

    if (x->dtype != FOV_F32 || fov_tensor_elements (x) < 1 ||
        !target_shape (kind, &x->shape, params, &shape)) {
        g_autofree char *text = fov_shape_to_string (&x->shape);
        g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                     "output '%s' is %s %s, which the loss can not be of", output->name,
                     fov_dtype_name (x->dtype), text);
        return FALSE;
    }
    if (!check_weights (x, kind, params, error))
        return FALSE;
    t->target = fov_graph_add_input (t->graph, "fov.target",
                                     kind == TARGET_VALUES ? FOV_F32 : FOV_I64, &shape);
    t->n_labels = kind == TARGET_CLASSES ? x->shape.dim[1] : 0;
    t->loss = losses[params->loss].build (&g, x, t->target, params);
    if (!g.error)
        return TRUE;
    g_propagate_error (error, g.error);
    return FALSE;
}
