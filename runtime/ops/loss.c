/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss, and fov.NllGrad. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"
#include "ops/loss.h"

#include <math.h>

static const char *const reductions[] = { "none", "sum", "mean", NULL };

/* X [N,C,...], target [N,...], weight [C] or left out. */
static gboolean
check_targets (const FovNode *node, const FovShape *x, guint weight, GError **error)
{
    const FovShape *t = fov_in_shape (node, 1);
    gboolean fits = t->rank == x->rank - 1 && t->dim[0] == x->dim[0];

    for (int d = 1; fits && d < t->rank; d++)
        fits = t->dim[d] == x->dim[d + 1];
    if (!fits) {
        g_autofree char *a = fov_shape_to_string (t);
        g_autofree char *b = fov_shape_to_string (x);
        return fov_node_error (node, error, "labels of shape %s do not fit scores of shape %s", a,
                               b);
    }
    return fov_infer_dtype (node, 1, FOV_DTYPE_BIT (FOV_I32) | FOV_DTYPE_BIT (FOV_I64), error) &&
           fov_infer_vector (node, weight, x->dim[1], error);
}

static gboolean
loss_infer (FovNode *node, GError **error)
{
    const FovLossParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0);
    FovShape out = { 0, { 0 } };

    if (!fov_infer_dtype (node, 0, FOV_FLOATS, error) ||
        !fov_infer_rank (node, 0, 2, FOV_MAX_RANK, error) || !check_targets (node, x, 2, error) ||
        !fov_infer_dtype (node, 2, FOV_DTYPE_BIT (node->inputs[0]->dtype), error))
        return FALSE;
    if (p->reduction == FOV_LOSS_REDUCE_NONE)
        out = *fov_in_shape (node, 1);
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error) &&
           fov_infer_output (node, 1, node->inputs[0]->dtype, x, error);
}

/* Weight of label i and the element of X that it names; weight 0: left out. */
static gboolean
label_place (const FovNode *node, const FovShape *x, const FovView *target, const FovView *weight,
             gint64 i, double *w, gint64 *place, GError **error)
{
    const FovLossParams *p = node->params;
    gint64 pixels = fov_shape_span (x, 2, x->rank), classes = x->dim[1];
    gint64 label = fov_view_get_int (target, i);

    *w = 0;
    *place = 0;
    if (label == p->ignore_index)
        return TRUE;
    if (label < 0 || label >= classes)
        return fov_node_error (node, error,
                               "label %" G_GINT64_FORMAT " at %" G_GINT64_FORMAT
                               ", expected 0 to %" G_GINT64_FORMAT,
                               label, i, classes - 1);
    *w = weight ? fov_view_get (weight, label) : 1;
    *place = (i / pixels * classes + label) * pixels + i % pixels;
    return TRUE;
}

/* Of log probabilities. */
static gboolean
likelihood (const FovNode *node, const double *x, const FovShape *shape, const FovView *target,
            const FovView *weight, FovView *out, GError **error)
{
    const FovLossParams *p = node->params;
    gint64 n = fov_shape_elements (&target->shape);
    double sum = 0, total = 0;

    for (gint64 i = 0; i < n; i++) {
        double w;
        gint64 place;
        if (!label_place (node, shape, target, weight, i, &w, &place, error))
            return FALSE;
        if (p->reduction == FOV_LOSS_REDUCE_NONE)
            fov_view_set (out, i, w == 0 ? 0 : -w * x[place]);
        sum -= w == 0 ? 0 : w * x[place];
        total += w;
    }
    if (p->reduction != FOV_LOSS_REDUCE_NONE)
        fov_view_set (out, 0,
                      p->reduction == FOV_LOSS_REDUCE_MEAN && total != 0 ? sum / total : sum);
    return TRUE;
}

static gboolean
nll_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    g_autofree double *x = fov_view_to_double (in);

    return likelihood (node, x, &in->shape, &in[1],
                       node->n_inputs > 2 && in[2].data ? &in[2] : NULL, out, error);
}

/* x becomes log softmax over the classes. */
static void
log_softmax (double *x, const FovShape *shape)
{
    gint64 classes = shape->dim[1], pixels = fov_shape_span (shape, 2, shape->rank);

    for (gint64 i = 0; i < shape->dim[0] * pixels; i++) {
        double *line = x + i / pixels * classes * pixels + i % pixels, max = -INFINITY, sum = 0;
        for (gint64 c = 0; c < classes; c++)
            max = MAX (max, line[c * pixels]);
        for (gint64 c = 0; c < classes; c++)
            sum += exp (line[c * pixels] - max);
        for (gint64 c = 0; c < classes; c++)
            line[c * pixels] -= max + log (sum);
    }
}

static gboolean
cross_entropy_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    g_autofree double *x = fov_view_to_double (in);

    log_softmax (x, &in->shape);
    if (node->n_outputs > 1 && out[1].data)
        fov_view_from_double (&out[1], x);
    return likelihood (node, x, &in->shape, &in[1],
                       node->n_inputs > 2 && in[2].data ? &in[2] : NULL, out, error);
}

/* ---- fov.NllGrad: dy, target, shape of X, weight or nothing -> dX -------- */

static gboolean
nll_grad_infer (FovNode *node, GError **error)
{
    FovShape shape = { 0, { 0 } };
    guint n;

    if (!fov_infer_dtype (node, 0, FOV_FLOATS, error))
        return FALSE;
    if (fov_infer_ints (node, 2, "shape", shape.dim, FOV_MAX_RANK, &n, error) != FOV_INTS_READ)
        return error && *error ? FALSE : fov_node_error (node, error, "expected a constant shape");
    shape.rank = (int) n;
    return check_targets (node, &shape, 3, error) &&
           fov_infer_output (node, 0, node->inputs[0]->dtype, &shape, error);
}

static gboolean
nll_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovLossParams *p = node->params;
    const FovView *weight = node->n_inputs > 3 && in[3].data ? &in[3] : NULL;
    gint64 n = fov_shape_elements (&in[1].shape), all = fov_shape_elements (&out->shape), place;
    g_autofree double *dx = g_new0 (double, MAX (all, 1));
    double total = 0, w;

    for (gint64 i = 0; i < n; i++) {
        if (!label_place (node, &out->shape, &in[1], weight, i, &w, &place, error))
            return FALSE;
        total += w;
    }
    for (gint64 i = 0; i < n; i++) {
        label_place (node, &out->shape, &in[1], weight, i, &w, &place, NULL);
        w *= fov_view_get (in, p->reduction == FOV_LOSS_REDUCE_NONE ? i : 0);
        dx[place] -= p->reduction == FOV_LOSS_REDUCE_MEAN && total != 0 ? w / total : w;
    }
    fov_view_from_double (out, dx);
    return TRUE;
}

/* ---- the functions ---------------------------------------------------- */

static FovTensor *
by_log_prob (FovGrad *g, const FovNode *node, FovTensor *dy)
{
    const FovShape *x = fov_in_shape (node, 0);
    FovTensor *inputs[] = { dy, node->inputs[1], fov_grad_ints (g, x->dim, (guint) x->rank),
                            fov_in (node, 2) };
    FovNode *made = fov_grad_node (g, "fov.NllGrad", inputs, 4, 1, NULL, 0);

    if (!made)
        return NULL;
    *(FovLossParams *) made->params = *(const FovLossParams *) node->params;
    return made->outputs[0];
}

void
fov_gradient_nll (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    if (fov_grad_wants (g, 2))
        fov_grad_unsupported (g, "by the weights of classes");
    dx[0] = by_log_prob (g, node, dy[0]);
}

/* Through log p: d - softmax sum of d. */
void
fov_gradient_cross_entropy (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    FovAttr axis = { .name = "axis", .type = FOV_ATTR_INT, .i = 1 };
    FovTensor *log_prob = fov_out (node, 1), *d = dy[0] ? by_log_prob (g, node, dy[0]) : dy[1];

    if (fov_grad_wants (g, 2))
        fov_grad_unsupported (g, "by the weights of classes");
    if (!log_prob) {
        FovNode *made = fov_grad_node (g, "LogSoftmax", node->inputs, 1, 1, &axis, 1);
        log_prob = made ? made->outputs[0] : NULL;
    }
    if (dy[0] && node->n_outputs > 1 && dy[1])
        d = fov_grad_binary (g, "Add", d, dy[1]);
    dx[0] = fov_grad_binary (g, "Sub", d,
                             fov_grad_binary (g, "Mul", fov_grad_unary (g, "Exp", log_prob),
                                              fov_grad_sum (g, d, 1, 2)));
}

/* ---- the table -------------------------------------------------------- */

static const FovParam loss_params[] = {
    FOV_P_INT ("ignore_index", FovLossParams, ignore_index, -0x1p63),
    FOV_P_ENUM ("reduction", FovLossParams, reduction, FOV_LOSS_REDUCE_MEAN, reductions),
    FOV_P_END,
};

static const FovOpDef nll = {
    .name = "NegativeLogLikelihoodLoss",
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = loss_params,
    .params_size = sizeof (FovLossParams),
    .infer = loss_infer,
    .reference = nll_reference,
    .gradient = fov_gradient_nll,
    .gpu = &fov_gpu_nll,
};

static const FovOpDef cross_entropy = {
    .name = "SoftmaxCrossEntropyLoss",
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 2,
    .params = loss_params,
    .params_size = sizeof (FovLossParams),
    .infer = loss_infer,
    .reference = cross_entropy_reference,
    .gradient = fov_gradient_cross_entropy,
    .gpu = &fov_gpu_cross_entropy,
};

static const FovOpDef nll_grad = {
    .name = "fov.NllGrad",
    .min_inputs = 3,
    .max_inputs = 4,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = loss_params,
    .params_size = sizeof (FovLossParams),
    .infer = nll_grad_infer,
    .reference = nll_grad_reference,
    .gpu = &fov_gpu_nll_grad,
};

const FovOpDef *const fov_ops_loss[] = { &nll, &cross_entropy, &nll_grad, NULL };
