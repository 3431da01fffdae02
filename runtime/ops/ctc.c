/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fov.Ctc and fov.CtcGrad: shapes and references. */
#include "ops/ctc.h"

#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

#include <math.h>

typedef struct {
    gint64 steps, classes, length; /* length: of the label with blanks between: 2 n + 1 */
    const gint64 *symbols;         /* [length] */
    double *log_prob;              /* [steps][classes] */
} Sample;

static gboolean
check (FovNode *node, guint first, GError **error)
{
    const FovCtcParams *p = node->params;
    const FovShape *x, *labels;

    if (!fov_infer_dtypes (node, first + 1, FOV_FLOATS, error) ||
        !fov_infer_rank (node, first, 3, 3, error) ||
        !fov_infer_rank (node, first + 1, 2, 2, error) ||
        !fov_infer_dtype (node, first + 1, FOV_DTYPE_BIT (FOV_I32) | FOV_DTYPE_BIT (FOV_I64),
                          error))
        return FALSE;
    x = fov_in_shape (node, first);
    labels = fov_in_shape (node, first + 1);
    if (x->dim[0] != labels->dim[0])
        return fov_node_error (node, error,
                               "%" G_GINT64_FORMAT " labels for %" G_GINT64_FORMAT " scores",
                               labels->dim[0], x->dim[0]);
    if (x->dim[1] < 1)
        return fov_node_error (node, error, "scores of no steps");
    if (p->blank < 0 || p->blank >= x->dim[2])
        return fov_node_error (node, error,
                               "blank is %" G_GINT64_FORMAT ", expected 0 to %" G_GINT64_FORMAT,
                               p->blank, x->dim[2] - 1);
    return TRUE;
}

/* log (e^a + e^b) */
static double
log_add (double a, double b)
{
    double most = MAX (a, b);

    return most == -INFINITY ? most : most + log1p (exp (MIN (a, b) - most));
}

/* A symbol may follow the one two before it where a blank stands between two that differ. */
static gboolean
may_skip (const Sample *s, gint64 k)
{
    return k >= 2 && s->symbols[k] != s->symbols[k - 2] && k % 2;
}

/* alpha[t][k]: log probability of all ways to be at k after steps 0..t (eq. 6 and 7). */
static double *
forward (const Sample *s)
{
    double *alpha = g_new (double, s->steps * s->length);

    for (gint64 t = 0; t < s->steps; t++)
        for (gint64 k = 0; k < s->length; k++) {
            const double *before = alpha + (t - 1) * s->length;
            double v = t == 0 && k < 2 ? 0 : -INFINITY;
            if (t > 0)
                v = k > 0 ? log_add (before[k], before[k - 1]) : before[k];
            if (t > 0 && may_skip (s, k))
                v = log_add (v, before[k - 2]);
            alpha[t * s->length + k] = v + s->log_prob[t * s->classes + s->symbols[k]];
        }
    return alpha;
}

/* beta[t][k]: of all ways to go on from k through steps t + 1..T-1 to the end. */
static double *
backward (const Sample *s)
{
    double *beta = g_new (double, s->steps * s->length);

    for (gint64 t = s->steps - 1; t >= 0; t--)
        for (gint64 k = 0; k < s->length; k++) {
            double v = t + 1 == s->steps && k >= s->length - 2 ? 0 : -INFINITY;
            for (gint64 to = k; t + 1 < s->steps && to < MIN (k + 3, s->length); to++)
                if (to < k + 2 || may_skip (s, to))
                    v = log_add (v, beta[(t + 1) * s->length + to] +
                                        s->log_prob[(t + 1) * s->classes + s->symbols[to]]);
            beta[t * s->length + k] = v;
        }
    return beta;
}

static double
log_likelihood (const Sample *s, const double *alpha)
{
    const double *last = alpha + (s->steps - 1) * s->length;

    return s->length > 1 ? log_add (last[s->length - 1], last[s->length - 2]) : last[0];
}

/* dx = softmax - the share of all ways that give class c at step t. */
static void
slopes (const Sample *s, double dy, double *dx)
{
    g_autofree double *alpha = forward (s), *beta = backward (s);
    const double all = log_likelihood (s, alpha);

    for (gint64 i = 0; i < s->steps * s->classes; i++)
        dx[i] = dy * exp (s->log_prob[i]);
    for (gint64 t = 0; t < s->steps; t++)
        for (gint64 k = 0; k < s->length; k++)
            dx[t * s->classes + s->symbols[k]] -=
                dy * exp (alpha[t * s->length + k] + beta[t * s->length + k] - all);
}

static void
log_softmax (double *x, gint64 n)
{
    double max = -INFINITY, sum = 0;

    for (gint64 i = 0; i < n; i++)
        max = MAX (max, x[i]);
    for (gint64 i = 0; i < n; i++)
        sum += exp (x[i] - max);
    for (gint64 i = 0; i < n; i++)
        x[i] -= max + log (sum);
}

/* symbols: room for 2 S + 1. Counts the steps that the label needs: one for each, and one for the
 * blank between two that are the same. */
static gboolean
read_label (const FovNode *node, const FovView *labels, gint64 n, gint64 *symbols, Sample *s,
            GError **error)
{
    const gint64 blank = ((const FovCtcParams *) node->params)->blank, most = labels->shape.dim[1];
    gint64 needed = 0, previous = -1;

    s->length = 1;
    symbols[0] = blank;
    for (gint64 i = 0; i < most; i++) {
        gint64 c = fov_view_get_int (labels, n * most + i);
        if (c == -1)
            break;
        if (c < 0 || c >= s->classes || c == blank)
            return fov_node_error (node, error,
                                   "label %" G_GINT64_FORMAT " of picture %" G_GINT64_FORMAT
                                   " is %" G_GINT64_FORMAT ", expected 0 to %" G_GINT64_FORMAT
                                   " but for the blank (%" G_GINT64_FORMAT "), or -1 at the end",
                                   i, n, c, s->classes - 1, blank);
        needed += 1 + (c == previous);
        symbols[s->length++] = previous = c;
        symbols[s->length++] = blank;
    }
    s->symbols = symbols;
    if (needed <= s->steps)
        return TRUE;
    return fov_node_error (node, error,
                           "the label of picture %" G_GINT64_FORMAT " needs %" G_GINT64_FORMAT
                           " steps, but there are %" G_GINT64_FORMAT,
                           n, needed, s->steps);
}

gboolean
fov_ctc_check_labels (const FovNode *node, const FovView *labels, GError **error)
{
    const FovShape *scores = fov_in_shape (node, 0);
    g_autofree gint64 *symbols = g_new (gint64, 2 * labels->shape.dim[1] + 1);
    Sample s = { .steps = scores->dim[1], .classes = scores->dim[2] };

    for (gint64 n = 0; n < labels->shape.dim[0]; n++)
        if (!read_label (node, labels, n, symbols, &s, error))
            return FALSE;
    return TRUE;
}

/* loss [N] or dx [N,T,C] is given. */
static gboolean
run (const FovNode *node, const FovView *x, const FovView *labels, const FovView *dy, double *loss,
     double *dx, GError **error)
{
    const gint64 image = x->shape.dim[1] * x->shape.dim[2];
    g_autofree double *scores = fov_view_to_double (x);
    g_autofree gint64 *symbols = g_new (gint64, 2 * labels->shape.dim[1] + 1);

    for (gint64 n = 0; n < x->shape.dim[0]; n++) {
        Sample s = { .steps = x->shape.dim[1],
                     .classes = x->shape.dim[2],
                     .log_prob = scores + n * image };
        g_autofree double *alpha = NULL;
        if (!read_label (node, labels, n, symbols, &s, error))
            return FALSE;
        for (gint64 t = 0; t < s.steps; t++)
            log_softmax (s.log_prob + t * s.classes, s.classes);
        if (dx) {
            slopes (&s, fov_view_get (dy, n), dx + n * image);
        } else {
            alpha = forward (&s);
            loss[n] = -log_likelihood (&s, alpha);
        }
    }
    return TRUE;
}

/* ---- the ops ----------------------------------------------------------- */

static gboolean
ctc_infer (FovNode *node, GError **error)
{
    return check (node, 0, error) &&
           fov_infer_output (node, 0, node->inputs[0]->dtype,
                             &(FovShape){ 1, { fov_in_shape (node, 0)->dim[0] } }, error);
}

static gboolean
ctc_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    g_autofree double *loss = g_new0 (double, in->shape.dim[0] + 1);

    if (!run (node, &in[0], &in[1], NULL, loss, NULL, error))
        return FALSE;
    fov_view_from_double (out, loss);
    return TRUE;
}

static gboolean
ctc_grad_infer (FovNode *node, GError **error)
{
    if (!check (node, 1, error))
        return FALSE;
    if (!fov_shape_equal (fov_in_shape (node, 0),
                          &(FovShape){ 1, { fov_in_shape (node, 1)->dim[0] } }))
        return fov_node_error (node, error, "dy does not fit the scores");
    return fov_infer_output (node, 0, node->inputs[1]->dtype, fov_in_shape (node, 1), error);
}

static gboolean
ctc_grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    g_autofree double *dx = g_new0 (double, fov_shape_elements (&out->shape) + 1);

    if (!run (node, &in[1], &in[2], &in[0], NULL, dx, error))
        return FALSE;
    fov_view_from_double (out, dx);
    return TRUE;
}

static void
ctc_gradient (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    FovTensor *inputs[] = { dy[0], node->inputs[0], node->inputs[1] };
    FovNode *made = fov_grad_node (g, "fov.CtcGrad", inputs, 3, 1, NULL, 0);

    if (!made)
        return;
    *(FovCtcParams *) made->params = *(const FovCtcParams *) node->params;
    dx[0] = made->outputs[0];
}

static const FovParam params[] = {
    FOV_P_INT ("blank", FovCtcParams, blank, 0),
    FOV_P_END,
};

static const FovOpDef ctc = {
    .name = "fov.Ctc",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = params,
    .params_size = sizeof (FovCtcParams),
    .infer = ctc_infer,
    .reference = ctc_reference,
    .gradient = ctc_gradient,
    .gpu = &fov_gpu_ctc,
};

static const FovOpDef ctc_grad = {
    .name = "fov.CtcGrad",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = params,
    .params_size = sizeof (FovCtcParams),
    .infer = ctc_grad_infer,
    .reference = ctc_grad_reference,
    .gpu = &fov_gpu_ctc_grad,
};

const FovOpDef *const fov_ops_ctc[] = { &ctc, &ctc_grad, NULL };
