/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fov.Focal and fov.FocalGrad. */
#include "ops/focal.h"

#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

#include <math.h>

static gboolean
focal_infer (FovNode *node, GError **error)
{
    const FovFocalParams *p = node->params;

    if (!fov_infer_dtypes (node, node->n_inputs, FOV_FLOATS, error))
        return FALSE;
    for (guint i = 1; i < node->n_inputs; i++)
        if (!fov_shape_equal (fov_in_shape (node, 0), fov_in_shape (node, i)))
            return fov_node_error (node, error, "inputs 0 and %u differ in shape", i);
    if (!(p->gamma >= 0) || !(p->alpha <= 1))
        return fov_node_error (node, error, "alpha %g and gamma %g, expected at most 1, at least 0",
                               (double) p->alpha, (double) p->gamma);
    return fov_infer_same (node, error);
}

/* log (1 + e^x), without overflow. */
static double
softplus (double x)
{
    return MAX (x, 0) + log1p (exp (-fabs (x)));
}

static double
balance (const FovFocalParams *p, double t)
{
    return p->alpha < 0 ? 1 : p->alpha * t + (1 - p->alpha) * (1 - t);
}

static gboolean
focal_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovFocalParams *p = node->params;

    for (gint64 i = 0; i < fov_shape_elements (&in->shape); i++) {
        double x = fov_view_get (&in[0], i), t = fov_view_get (&in[1], i);
        double yes = 1 / (1 + exp (-x)), no = 1 / (1 + exp (x));
        double wrong = t * no + (1 - t) * yes;
        fov_view_set (out, i, balance (p, t) * pow (wrong, p->gamma) * (softplus (x) - t * x));
    }
    return TRUE;
}

/* With w = 1 - r and the cross entropy c: (w^gamma c)' = w^gamma (p - t) + gamma w^(gamma - 1)
 * (1 - 2 t) p (1 - p) c. */
static gboolean
focal_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovFocalParams *p = node->params;

    for (gint64 i = 0; i < fov_shape_elements (&in->shape); i++) {
        double x = fov_view_get (&in[1], i), t = fov_view_get (&in[2], i);
        double yes = 1 / (1 + exp (-x)), no = 1 / (1 + exp (x));
        double wrong = t * no + (1 - t) * yes, slope = pow (wrong, p->gamma) * (yes - t);
        if (wrong > 0)
            slope += p->gamma * pow (wrong, p->gamma - 1) * (1 - 2 * t) * yes * no *
                     (softplus (x) - t * x);
        fov_view_set (out, i, fov_view_get (&in[0], i) * balance (p, t) * slope);
    }
    return TRUE;
}

static void
focal_gradient (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    FovTensor *inputs[] = { dy[0], node->inputs[0], node->inputs[1] };
    FovNode *made;

    if (fov_grad_wants (g, 1))
        fov_grad_unsupported (g, "by the targets");
    made = fov_grad_node (g, "fov.FocalGrad", inputs, 3, 1, NULL, 0);
    if (!made)
        return;
    *(FovFocalParams *) made->params = *(const FovFocalParams *) node->params;
    dx[0] = made->outputs[0];
}

static const FovParam params[] = {
    FOV_P_FLOAT ("alpha", FovFocalParams, alpha, 0.25),
    FOV_P_FLOAT ("gamma", FovFocalParams, gamma, 2),
    FOV_P_END,
};

static const FovOpDef focal = {
    .name = "fov.Focal",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_IN_PLACE,
    .params = params,
    .params_size = sizeof (FovFocalParams),
    .infer = focal_infer,
    .reference = focal_reference,
    .gradient = focal_gradient,
    .host = &fov_host_focal,
    .gpu = &fov_gpu_focal,
};

static const FovOpDef focal_grad = {
    .name = "fov.FocalGrad",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_IN_PLACE,
    .params = params,
    .params_size = sizeof (FovFocalParams),
    .infer = focal_infer,
    .reference = focal_grad_reference,
    .host = &fov_host_focal_grad,
    .gpu = &fov_gpu_focal,
};

const FovOpDef *const fov_ops_focal[] = { &focal, &focal_grad, NULL };
