/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fov.IouLoss and its gradient: how far a box is off, by what it and its target share. */
#include "ops/assign.h"
#include "ops/gradients.h"
#include "ops/host-op.h"
#include "ops/impl.h"

#include <math.h>

#define LEAST 1e-7 /* area in square pixels: nothing is divided by 0 */

static const char *const kinds[] = { "plain", "square", "giou", "ciou", NULL };

/* A number and its derivatives by the four of the box. */
typedef struct {
    double v, d[4];
} Dual;

static Dual
constant (double v)
{
    return (Dual){ .v = v };
}

static Dual
variable (double v, int i)
{
    Dual x = { .v = v };

    x.d[i] = 1;
    return x;
}

/* The number v of a and b whose derivatives by them are da and db. */
static Dual
combine (double v, Dual a, double da, Dual b, double db)
{
    Dual x = { .v = v };

    for (int i = 0; i < 4; i++)
        x.d[i] = da * a.d[i] + db * b.d[i];
    return x;
}

static Dual
add (Dual a, Dual b)
{
    return combine (a.v + b.v, a, 1, b, 1);
}

static Dual
sub (Dual a, Dual b)
{
    return combine (a.v - b.v, a, 1, b, -1);
}

static Dual
mul (Dual a, Dual b)
{
    return combine (a.v * b.v, a, b.v, b, a.v);
}

static Dual
quotient (Dual a, Dual b)
{
    return combine (a.v / b.v, a, 1 / b.v, b, -a.v / (b.v * b.v));
}

static Dual
least (Dual a, Dual b)
{
    return a.v < b.v ? a : b;
}

static Dual
most (Dual a, Dual b)
{
    return a.v > b.v ? a : b;
}

static Dual
shape_angle (Dual w, Dual h)
{
    double square = w.v * w.v + h.v * h.v + LEAST;

    return combine (atan2 (w.v, h.v), w, h.v / square, h, -w.v / square);
}

/* Squared distance of the centres, by the enclosing box's squared diagonal. */
static Dual
center_distance (const Dual *b, const Dual *t, Dual w, Dual h)
{
    Dual dx = sub (add (b[0], b[2]), add (t[0], t[2]));
    Dual dy = sub (add (b[1], b[3]), add (t[1], t[3]));
    Dual diagonal = add (add (mul (w, w), mul (h, h)), constant (LEAST));

    return quotient (add (mul (dx, dx), mul (dy, dy)), mul (constant (4), diagonal));
}

/* alpha v, with v the squared difference of the shapes and alpha = v / (1 - IoU + v). */
static Dual
shape_difference (Dual iou, Dual w, Dual h, Dual tw, Dual th)
{
    Dual angle = sub (shape_angle (tw, th), shape_angle (w, h));
    Dual v = mul (constant (4 / (G_PI * G_PI)), mul (angle, angle));

    return quotient (mul (v, v), add (sub (constant (1 + LEAST), iou), v));
}

static Dual
loss_of (FovIouKind kind, const Dual *b, const Dual *t)
{
    const Dual zero = constant (0), one = constant (1);
    Dual w = most (sub (b[2], b[0]), zero), h = most (sub (b[3], b[1]), zero);
    Dual tw = most (sub (t[2], t[0]), zero), th = most (sub (t[3], t[1]), zero);
    Dual iw = most (sub (least (b[2], t[2]), most (b[0], t[0])), zero);
    Dual ih = most (sub (least (b[3], t[3]), most (b[1], t[1])), zero);
    Dual cw = most (sub (most (b[2], t[2]), least (b[0], t[0])), zero);
    Dual ch = most (sub (most (b[3], t[3]), least (b[1], t[1])), zero);
    Dual inter = mul (iw, ih);
    Dual both = sub (add (add (mul (w, h), mul (tw, th)), constant (LEAST)), inter);
    Dual iou = quotient (inter, both), all;

    switch (kind) {
    case FOV_IOU_SQUARE:
        return sub (one, mul (iou, iou));
    case FOV_IOU_GIOU:
        all = add (mul (cw, ch), constant (LEAST));
        return add (sub (one, iou), quotient (sub (all, both), all));
    case FOV_IOU_CIOU:
        return add (sub (one, iou),
                    add (center_distance (b, t, cw, ch), shape_difference (iou, w, h, tw, th)));
    default:
        return sub (one, iou);
    }
}

double
fov_iou_loss (FovIouKind kind, const double box[4], const double target[4], double gradient[4])
{
    Dual b[4], t[4], loss;

    for (int i = 0; i < 4; i++) {
        b[i] = variable (box[i], i);
        t[i] = constant (target[i]);
    }
    loss = loss_of (kind, b, t);
    if (gradient)
        memcpy (gradient, loss.d, sizeof loss.d);
    return loss.v;
}

/* ---- fov.IouLoss: boxes, targets, weights -> losses; Grad: dy before these -> by boxes ---- */

static gboolean
check (const FovNode *node, guint first, GError **error)
{
    const FovShape *boxes = fov_in_shape (node, first);
    FovShape rows = *boxes;

    rows.rank--;
    if (boxes->rank >= 1 && boxes->dim[rows.rank] == 4 &&
        fov_shape_equal (boxes, fov_in_shape (node, first + 1)) &&
        fov_shape_equal (&rows, fov_in_shape (node, first + 2)))
        return fov_infer_dtypes (node, node->n_inputs, FOV_FLOATS, error);
    return fov_node_error (node, error, "expected boxes and targets [..., 4], weights [...]");
}

static gboolean
loss_infer (FovNode *node, GError **error)
{
    return check (node, 0, error) &&
           fov_infer_output (node, 0, node->inputs[0]->dtype, fov_in_shape (node, 2), error);
}

static gboolean
grad_infer (FovNode *node, GError **error)
{
    return check (node, 1, error) &&
           fov_infer_output (node, 0, node->inputs[0]->dtype, fov_in_shape (node, 1), error);
}

/* Row i of the losses (in: boxes, targets, weights). */
static double
row_loss (const FovNode *node, const FovView *in, gint64 i, double gradient[4])
{
    const FovIouParams *p = node->params;
    const double weight = fov_view_get (&in[2], i);
    double box[4], target[4], loss;

    if (gradient)
        memset (gradient, 0, 4 * sizeof *gradient);
    if (weight == 0)
        return 0;
    for (int k = 0; k < 4; k++) {
        box[k] = fov_view_get (&in[0], i * 4 + k);
        target[k] = fov_view_get (&in[1], i * 4 + k);
    }
    loss = fov_iou_loss ((FovIouKind) p->kind, box, target, gradient);
    for (int k = 0; gradient && k < 4; k++)
        gradient[k] *= weight;
    return weight * loss;
}

static gboolean
loss_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    for (gint64 i = 0; i < fov_shape_elements (&out->shape); i++)
        fov_view_set (out, i, row_loss (node, in, i, NULL));
    return TRUE;
}

static gboolean
grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    for (gint64 i = 0; i < fov_shape_elements (&in->shape); i++) {
        double gradient[4];
        row_loss (node, in + 1, i, gradient);
        for (int k = 0; k < 4; k++)
            fov_view_set (out, i * 4 + k, fov_view_get (&in[0], i) * gradient[k]);
    }
    return TRUE;
}

void
fov_gradient_iou_loss (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    FovTensor *inputs[] = { dy[0], node->inputs[0], node->inputs[1], node->inputs[2] };
    FovNode *made = fov_grad_node (g, "fov.IouLossGrad", inputs, 4, 1, NULL, 0);

    if (fov_grad_wants (g, 1) || fov_grad_wants (g, 2))
        fov_grad_unsupported (g, "by targets and weights");
    if (!made)
        return;
    *(FovIouParams *) made->params = *(const FovIouParams *) node->params;
    dx[0] = made->outputs[0];
}

/* ---- host ------------------------------------------------------------------------- */

static FovView
view_of (const FovHostFrame *frame, const FovOperand *operand)
{
    return (FovView){ operand->dtype, operand->shape, fov_host_ptr (frame, operand) };
}

/* Most rows have weight 0: the others are few. */
static void
loss_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const gboolean grad = step->step.node->n_inputs == 4;
    FovView in[4], out = view_of (frame, step->step.out[0]);

    for (guint i = 0; i < step->step.node->n_inputs; i++)
        in[i] = view_of (frame, step->step.in[i]);
    if (grad)
        grad_reference (step->step.node, in, &out, NULL);
    else
        loss_reference (step->step.node, in, &out, NULL);
}

static gboolean
prepare (FovHostStep *step, GError **error)
{
    step->n_tasks = 1;
    step->run = loss_run;
    return TRUE;
}

static guint
formats (const FovNode *node, int block)
{
    return node->inputs[0]->dtype == FOV_F32 ? FOV_CAN_PLANAR : 0;
}

const FovHostOp fov_host_iou_loss = { formats, NULL, prepare };

/* ---- the table -------------------------------------------------------------------- */

static const FovParam params[] = {
    FOV_P_ENUM ("kind", FovIouParams, kind, FOV_IOU_PLAIN, kinds),
    FOV_P_END,
};

static const FovOpDef iou_loss = {
    .name = "fov.IouLoss",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = params,
    .params_size = sizeof (FovIouParams),
    .infer = loss_infer,
    .reference = loss_reference,
    .gradient = fov_gradient_iou_loss,
    .host = &fov_host_iou_loss,
    .gpu = &fov_gpu_iou_loss,
};

static const FovOpDef iou_loss_grad = {
    .name = "fov.IouLossGrad",
    .min_inputs = 4,
    .max_inputs = 4,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = params,
    .params_size = sizeof (FovIouParams),
    .infer = grad_infer,
    .reference = grad_reference,
    .host = &fov_host_iou_loss,
    .gpu = &fov_gpu_iou_loss,
};

const FovOpDef *const fov_ops_iou_loss[] = { &iou_loss, &iou_loss_grad, NULL };
