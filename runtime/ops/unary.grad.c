/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gradients of elementwise functions of one variable, and fov.ActGrad. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

/* ---- fov.ActGrad: dy, x -> dy act' (x) -------------------------------- */

static gboolean
act_grad_infer (FovNode *node, GError **error)
{
    if (!fov_infer_dtypes (node, 2, FOV_FLOATS, error))
        return FALSE;
    if (!fov_shape_equal (fov_in_shape (node, 0), fov_in_shape (node, 1)))
        return fov_node_error (node, error, "dy and x differ in shape");
    return fov_infer_same (node, error);
}

static gboolean
act_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovUnaryParams *p = node->params;
    gint64 n = fov_shape_elements (&in->shape);

    for (gint64 i = 0; i < n; i++)
        fov_view_set (out, i,
                      fov_view_get (&in[0], i) * fov_act_slope (&p->act, fov_view_get (&in[1], i)));
    return TRUE;
}

static const FovOpDef act_grad = {
    .name = "fov.ActGrad",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_IN_PLACE,
    .params_size = sizeof (FovUnaryParams),
    .infer = act_grad_infer,
    .reference = act_grad_reference,
    .host = &fov_host_act_grad,
    .gpu = &fov_gpu_act_grad,
};

const FovOpDef *const fov_ops_unary_grad[] = { &act_grad, NULL };

/* ---- the functions ---------------------------------------------------- */

static FovTensor *
act_gradient (FovGrad *g, const FovAct *act, FovTensor *dy, FovTensor *x)
{
    FovNode *node = fov_grad_node (g, "fov.ActGrad", (FovTensor *[]){ dy, x }, 2, 1, NULL, 0);

    if (!node)
        return NULL;
    ((FovUnaryParams *) node->params)->act = *act;
    return node->outputs[0];
}

void
fov_gradient_unary (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovAct *act = &((const FovUnaryParams *) node->params)->act;

    switch (act->kind) {
    case FOV_ACT_FLOOR:
    case FOV_ACT_CEIL:
    case FOV_ACT_ROUND:
    case FOV_ACT_SIGN:
        return; /* 0 wherever there is one */
    case FOV_ACT_NEG:
        dx[0] = fov_grad_unary (g, "Neg", dy[0]);
        return;
    case FOV_ACT_EXP:
        dx[0] = fov_grad_binary (g, "Mul", dy[0], node->outputs[0]);
        return;
    case FOV_ACT_RELU: /* the slope is y's too, and then x can go */
        dx[0] = act_gradient (g, act, dy[0], node->outputs[0]);
        return;
    default:
        dx[0] = act_gradient (g, act, dy[0], node->inputs[0]);
    }
}

/* Bounds may be inputs; those are no parameters to learn. */
void
fov_gradient_clip (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    FovAct act = ((const FovUnaryParams *) node->params)->act;
    double low = act.a, high = act.b;

    for (guint i = 1; i < node->n_inputs; i++) {
        if (node->inputs[i] && !fov_tensor_scalar (node->inputs[i], i == 1 ? &low : &high)) {
            fov_grad_unsupported (g, "where its bounds are computed");
            return;
        }
    }
    act.a = (float) low;
    act.b = (float) high;
    dx[0] = act_gradient (g, &act, dy[0], node->inputs[0]);
}

void
fov_gradient_same (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    dx[0] = dy[0];
}

void
fov_gradient_cast (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    static const gint64 onnx[] = { [FOV_F32] = 1, [FOV_F64] = 11, [FOV_F16] = 10 };
    FovAttr to = { .name = "to", .type = FOV_ATTR_INT };
    FovNode *cast;

    to.i = onnx[node->inputs[0]->dtype]; /* a float, or nobody would ask */
    cast = fov_grad_node (g, "Cast", dy, 1, 1, &to, 1);
    dx[0] = cast ? cast->outputs[0] : NULL;
}
