/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * GRU (Cho et al. 2014), as ONNX has it. Per direction, with gates in the order z, r, h:
 *
 *   z, r = sigmoid (W x + Wb + R h + Rb)
 *   n = tanh (W x + Wb + (r h) R + Rb), or with linear_before_reset tanh (W x + Wb + r (R h + Rb))
 *   h' = (1 - z) n + z h
 *
 * X [T,N,I], W [D,3H,I], R [D,3H,H], B [D,6H], -, initial h [D,N,H] -> Y [T,D,N,H], last h [D,N,H].
 * Executors never see it: it is expanded into products and gates of each step, whose kernels and
 * gradients are there already.
 */
#include "graph/backward.h"
#include "ops/infer.h"
#include "ops/lstm.h"

#include <math.h>

#define MOST_STEPS 1024 /* a dozen nodes each */

typedef struct {
    gint64 hidden_size, layout, linear_before_reset;
    float clip;
    int direction;
} GruParams;

typedef struct {
    gint64 steps, batch, inputs, hidden, directions;
} Size;

static Size
size_of (const FovNode *node)
{
    const FovShape *x = fov_in_shape (node, 0), *r = fov_in_shape (node, 2);

    return (Size){ x->dim[0], x->dim[1], x->dim[2], r->dim[2], r->dim[0] };
}

static gboolean
is_reverse (const FovNode *node, gint64 d)
{
    return d == 1 || ((const GruParams *) node->params)->direction == FOV_LSTM_REVERSE;
}

/* ---- shapes ---------------------------------------------------------------- */

static gboolean
check_params (FovNode *node, const Size *s, GError **error)
{
    GruParams *p = node->params;

    if (p->layout || p->clip < G_MAXFLOAT)
        return fov_node_error (node, error, "layout and clip are not supported");
    if (fov_in (node, 4))
        return fov_node_error (node, error, "lengths of sequences are not supported");
    if (p->hidden_size && p->hidden_size != s->hidden)
        return fov_node_error (node, error,
                               "hidden_size is %" G_GINT64_FORMAT ", but R has %" G_GINT64_FORMAT,
                               p->hidden_size, s->hidden);
    if (s->directions != (p->direction == FOV_LSTM_BOTH ? 2 : 1) || s->hidden < 1)
        return fov_node_error (node, error, "R is of %" G_GINT64_FORMAT " directions",
                               s->directions);
    if (s->steps < 1 || s->steps > MOST_STEPS)
        return fov_node_error (node, error, "%" G_GINT64_FORMAT " steps, expected 1..%d", s->steps,
                               MOST_STEPS);
    return TRUE;
}

static gboolean
gru_infer (FovNode *node, GError **error)
{
    const FovDType dtype = node->inputs[0]->dtype;
    FovShape state;
    Size s;

    if (!fov_infer_dtype (node, 0, FOV_FLOATS, error) || !fov_infer_rank (node, 0, 3, 3, error) ||
        !fov_infer_rank (node, 2, 3, 3, error))
        return FALSE;
    s = size_of (node);
    state = (FovShape){ 3, { s.directions, s.batch, s.hidden } };
    if (!check_params (node, &s, error) ||
        !fov_infer_input (node, 1, (FovShape){ 3, { s.directions, 3 * s.hidden, s.inputs } },
                          error) ||
        !fov_infer_input (node, 2, (FovShape){ 3, { s.directions, 3 * s.hidden, s.hidden } },
                          error) ||
        !fov_infer_input (node, 3, (FovShape){ 2, { s.directions, 6 * s.hidden } }, error) ||
        !fov_infer_input (node, 5, state, error) ||
        !fov_infer_output (node, 1, dtype, &state, error))
        return FALSE;
    return fov_infer_output (node, 0, dtype,
                             &(FovShape){ 4, { s.steps, s.directions, s.batch, s.hidden } }, error);
}

static double
flops (const FovNode *node)
{
    const Size s = size_of (node);

    return 6.0 * (double) (s.directions * s.steps * s.batch * s.hidden) *
           (double) (s.inputs + s.hidden);
}

/* ---- the reference ----------------------------------------------------------- */

/* One direction's weights and state; b may be NULL. */
typedef struct {
    Size s;
    gboolean before_reset;
    const double *w, *r, *b;
    double *gates; /* [3H] */
} Line;

static double
dot (const double *a, const double *b, gint64 n)
{
    double sum = 0;

    for (gint64 i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* From x [I] and h [H] to the next h, in next. */
static void
step (const Line *l, const double *x, const double *h, double *next)
{
    const gint64 n = l->s.hidden, in = l->s.inputs;
    double *z = l->gates, *r = z + n, *reset = r + n;

    for (gint64 j = 0; j < 2 * n; j++)
        z[j] = 1 / (1 + exp (-(dot (l->w + j * in, x, in) + dot (l->r + j * n, h, n) +
                               (l->b ? l->b[j] + l->b[3 * n + j] : 0))));
    for (gint64 j = 0; j < n; j++)
        reset[j] = r[j] * h[j];
    for (gint64 j = 0; j < n; j++) {
        const double *row = l->r + (2 * n + j) * n;
        const double rb = l->b ? l->b[5 * n + j] : 0;
        const double a = dot (l->w + (2 * n + j) * in, x, in) + (l->b ? l->b[2 * n + j] : 0);
        const double made =
            tanh (a + (l->before_reset ? r[j] * (dot (row, h, n) + rb) : dot (row, reset, n) + rb));
        next[j] = (1 - z[j]) * made + z[j] * h[j];
    }
}

static gboolean
gru_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const Size s = size_of (node);
    const gint64 h = s.hidden, rows = s.steps * s.batch;
    const gboolean has_b = node->n_inputs > 3 && in[3].data;
    g_autofree double *x = fov_view_to_double (&in[0]), *w = fov_view_to_double (&in[1]);
    g_autofree double *r = fov_view_to_double (&in[2]);
    g_autofree double *b = has_b ? fov_view_to_double (&in[3]) : NULL;
    g_autofree double *state = node->n_inputs > 5 && in[5].data
                                   ? fov_view_to_double (&in[5])
                                   : g_new0 (double, s.directions *s.batch *h);
    g_autofree double *y = g_new0 (double, rows *s.directions *h);
    g_autofree double *gates = g_new (double, 3 * h), *next = g_new (double, h);

    for (gint64 d = 0; d < s.directions; d++) {
        const Line line = { s,
                            ((const GruParams *) node->params)->linear_before_reset != 0,
                            w + d * 3 * h * s.inputs,
                            r + d * 3 * h * h,
                            b ? b + d * 6 * h : NULL,
                            gates };
        for (gint64 k = 0; k < rows; k++) {
            gint64 t = is_reverse (node, d) ? s.steps - 1 - k / s.batch : k / s.batch;
            gint64 n = k % s.batch;
            double *own = state + (d * s.batch + n) * h;
            step (&line, x + (t * s.batch + n) * s.inputs, own, next);
            memcpy (own, next, (gsize) h * sizeof *own);
            memcpy (y + ((t * s.directions + d) * s.batch + n) * h, own, (gsize) h * sizeof *own);
        }
    }
    if (out[0].data)
        fov_view_from_double (&out[0], y);
    if (node->n_outputs > 1 && out[1].data)
        fov_view_from_double (&out[1], state);
    return TRUE;
}

/* ---- as other nodes ------------------------------------------------------------ */

static FovTensor *
part (FovGrad *g, FovTensor *a, gint64 axis, gint64 from, gint64 to)
{
    FovTensor *inputs[] = { a, fov_grad_ints (g, &from, 1), fov_grad_ints (g, &to, 1),
                            fov_grad_ints (g, &axis, 1) };
    FovNode *node = fov_grad_node (g, "Slice", inputs, 4, 1, NULL, 0);

    return node ? node->outputs[0] : NULL;
}

static FovTensor *
joined (FovGrad *g, FovTensor **parts, gint64 n, gint64 axis)
{
    FovAttr attr = { .name = "axis", .type = FOV_ATTR_INT, .i = axis };
    FovNode *node =
        n > 1 && !g->error ? fov_grad_node (g, "Concat", parts, (guint) n, 1, &attr, 1) : NULL;

    return node ? node->outputs[0] : n > 1 ? NULL : parts[0];
}

/* Direction d of a [D, ...] tensor, as shape. */
static FovTensor *
direction_of (FovGrad *g, FovTensor *a, gint64 d, FovShape shape)
{
    FovTensor *one = part (g, a, 0, d, d + 1);

    return one ? fov_grad_reshape (g, one, &shape) : NULL;
}

/* What the steps of one direction share: inputs' share of the gates [T N, .], weights [H, .]. */
typedef struct {
    FovTensor *zr, *n, *r_zr, *r_n, *b_n; /* b_n: NULL, or what is added to R h before r */
} Shared;

static Shared
share (FovGrad *g, const FovNode *node, const Size *s, gint64 d)
{
    static const gint64 turn[] = { 1, 0 };
    const gint64 h = s->hidden;
    const gboolean before = ((const GruParams *) node->params)->linear_before_reset != 0;
    FovTensor *w = direction_of (g, node->inputs[1], d, (FovShape){ 2, { 3 * h, s->inputs } });
    FovTensor *r = direction_of (g, node->inputs[2], d, (FovShape){ 2, { 3 * h, h } });
    FovTensor *x =
        fov_grad_reshape (g, node->inputs[0], &(FovShape){ 2, { s->steps * s->batch, s->inputs } });
    FovTensor *a =
        g->error ? NULL : fov_grad_binary (g, "MatMul", x, fov_grad_transpose (g, w, turn));
    Shared shared = { NULL };

    if (g->error)
        return shared;
    r = fov_grad_transpose (g, r, turn);
    shared.zr = part (g, a, 1, 0, 2 * h);
    shared.n = part (g, a, 1, 2 * h, 3 * h);
    shared.r_zr = part (g, r, 1, 0, 2 * h);
    shared.r_n = part (g, r, 1, 2 * h, 3 * h);
    if (fov_in (node, 3)) {
        FovTensor *b = direction_of (g, node->inputs[3], d, (FovShape){ 1, { 6 * h } });
        FovTensor *last = part (g, b, 0, 5 * h, 6 * h);
        shared.zr = fov_grad_binary (g, "Add", shared.zr, part (g, b, 0, 0, 2 * h));
        shared.zr = fov_grad_binary (g, "Add", shared.zr, part (g, b, 0, 3 * h, 5 * h));
        shared.n = fov_grad_binary (g, "Add", shared.n, part (g, b, 0, 2 * h, 3 * h));
        if (before)
            shared.b_n = last;
        else
            shared.n = fov_grad_binary (g, "Add", shared.n, last);
    }
    return shared;
}

static FovTensor *
next_state (FovGrad *g, const FovNode *node, const Size *s, const Shared *shared, gint64 t,
            FovTensor *h)
{
    const gint64 from = t * s->batch, to = from + s->batch, n = s->hidden;
    const gboolean before = ((const GruParams *) node->params)->linear_before_reset != 0;
    FovTensor *gates = fov_grad_binary (g, "Add", part (g, shared->zr, 0, from, to),
                                        fov_grad_binary (g, "MatMul", h, shared->r_zr));
    FovTensor *zr = fov_grad_unary (g, "Sigmoid", gates), *z, *r, *inner, *made;

    if (g->error)
        return NULL;
    z = part (g, zr, 1, 0, n);
    r = part (g, zr, 1, n, 2 * n);
    if (before) {
        inner = fov_grad_binary (g, "MatMul", h, shared->r_n);
        if (shared->b_n)
            inner = fov_grad_binary (g, "Add", inner, shared->b_n);
        inner = fov_grad_binary (g, "Mul", r, inner);
    } else {
        inner = fov_grad_binary (g, "MatMul", fov_grad_binary (g, "Mul", r, h), shared->r_n);
    }
    made = fov_grad_unary (g, "Tanh",
                           fov_grad_binary (g, "Add", part (g, shared->n, 0, from, to), inner));
    return fov_grad_binary (g, "Add", made,
                            fov_grad_binary (g, "Mul", z, fov_grad_binary (g, "Sub", h, made)));
}

static FovTensor *
first_state (FovGrad *g, const FovNode *node, const Size *s, gint64 d)
{
    const FovShape shape = { 2, { s->batch, s->hidden } };
    const FovDType dtype = node->inputs[0]->dtype;
    const gsize size = (gsize) (s->batch * s->hidden) * fov_dtype_size (dtype);
    g_autoptr (GBytes) zeros = NULL;

    if (fov_in (node, 5))
        return direction_of (g, node->inputs[5], d, shape);
    if (g->error)
        return NULL;
    zeros = g_bytes_new_take (g_malloc0 (size), size);
    return fov_graph_add_constant (g->graph, NULL, dtype, &shape, zeros, &g->error);
}

static void
gru_expand (FovGrad *g, const FovNode *node, FovTensor **out)
{
    const Size s = size_of (node);
    FovTensor *y[2] = { NULL }, *last[2] = { NULL };
    g_autofree FovTensor **states = g_new0 (FovTensor *, s.steps);

    for (gint64 d = 0; d < s.directions && !g->error; d++) {
        const Shared shared = share (g, node, &s, d);
        FovTensor *h = first_state (g, node, &s, d);
        for (gint64 k = 0; k < s.steps && !g->error; k++) {
            gint64 t = is_reverse (node, d) ? s.steps - 1 - k : k;
            h = states[t] = next_state (g, node, &s, &shared, t, h);
        }
        if (g->error)
            return;
        last[d] = fov_grad_reshape (g, h, &(FovShape){ 3, { 1, s.batch, s.hidden } });
        y[d] = joined (g, states, s.steps, 0);
        if (y[d])
            y[d] = fov_grad_reshape (g, y[d], &(FovShape){ 4, { s.steps, 1, s.batch, s.hidden } });
    }
    if (g->error)
        return;
    out[0] = joined (g, y, s.directions, 1);
    if (node->n_outputs > 1)
        out[1] = joined (g, last, s.directions, 0);
}

/* ---- the table ------------------------------------------------------------------- */

static const FovParam params[] = {
    FOV_P_INT ("hidden_size", GruParams, hidden_size, 0),
    FOV_P_INT ("layout", GruParams, layout, 0),
    FOV_P_INT ("linear_before_reset", GruParams, linear_before_reset, 0),
    FOV_P_FLOAT ("clip", GruParams, clip, G_MAXFLOAT),
    FOV_P_ENUM ("direction", GruParams, direction, FOV_LSTM_FORWARD, fov_lstm_directions),
    FOV_P_END,
};

static const FovOpDef gru = {
    .name = "GRU",
    .min_inputs = 3,
    .max_inputs = 6,
    .min_outputs = 1,
    .max_outputs = 2,
    .params = params,
    .params_size = sizeof (GruParams),
    .infer = gru_infer,
    .reference = gru_reference,
    .expand = gru_expand,
    .flops = flops,
    .planar_inputs = 0x3f,
    .planar_outputs = 3,
    .parameters = 1 << 1 | 1 << 2 | 1 << 3,
};

const FovOpDef *const fov_ops_gru[] = { &gru, NULL };
