/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* LSTM and fov.LstmGrad: shapes and references. */
#include "ops/lstm.h"

#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

#include <math.h>

FovLstmSize
fov_lstm_size (const FovNode *node)
{
    const gboolean grad = !fov_node_is (node, "LSTM");
    const FovShape *x = fov_in_shape (node, 0), *r = fov_in_shape (node, 2);

    return (FovLstmSize){ .steps = x->dim[0],
                          .batch = x->dim[1],
                          .inputs = x->dim[2],
                          .hidden = r->dim[2],
                          .directions = r->dim[0],
                          .h = grad ? 4 : 5,
                          .c = grad ? 5 : 6 };
}

/* ---- shapes ---------------------------------------------------------------- */

/* What both ops have. */
static gboolean
check (FovNode *node, FovLstmSize *s, GError **error)
{
    FovLstmParams *p = node->params;

    if (!fov_infer_dtype (node, 0, FOV_FLOATS, error) || !fov_infer_rank (node, 0, 3, 3, error) ||
        !fov_infer_rank (node, 2, 3, 3, error))
        return FALSE;
    *s = fov_lstm_size (node);
    if (p->layout || p->input_forget || p->clip < G_MAXFLOAT)
        return fov_node_error (node, error, "layout, input_forget and clip are not supported");
    if (p->hidden_size && p->hidden_size != s->hidden)
        return fov_node_error (node, error,
                               "hidden_size is %" G_GINT64_FORMAT ", but R has %" G_GINT64_FORMAT,
                               p->hidden_size, s->hidden);
    p->hidden_size = s->hidden; /* which ONNX files must name */
    if (s->directions != (p->direction == FOV_LSTM_BOTH ? 2 : 1) || s->hidden < 1)
        return fov_node_error (node, error, "R is of %" G_GINT64_FORMAT " directions",
                               s->directions);
    return fov_infer_input (node, 1, (FovShape){ 3, { s->directions, 4 * s->hidden, s->inputs } },
                            error) &&
           fov_infer_input (node, 2, (FovShape){ 3, { s->directions, 4 * s->hidden, s->hidden } },
                            error) &&
           fov_infer_input (node, 3, (FovShape){ 2, { s->directions, 8 * s->hidden } }, error) &&
           fov_infer_input (node, s->h, (FovShape){ 3, { s->directions, s->batch, s->hidden } },
                            error) &&
           fov_infer_input (node, s->c, (FovShape){ 3, { s->directions, s->batch, s->hidden } },
                            error);
}

static gboolean
lstm_infer (FovNode *node, GError **error)
{
    const FovDType dtype = node->inputs[0]->dtype;
    FovLstmSize s;

    if (!check (node, &s, error))
        return FALSE;
    if (fov_in (node, 4) || fov_in (node, 7))
        return fov_node_error (node, error, "%s are not supported",
                               fov_in (node, 4) ? "lengths of sequences" : "peepholes");
    for (guint i = 1; i < 3; i++)
        if (!fov_infer_output (node, i, dtype,
                               &(FovShape){ 3, { s.directions, s.batch, s.hidden } }, error))
            return FALSE;
    return fov_infer_output (node, 0, dtype,
                             &(FovShape){ 4, { s.steps, s.directions, s.batch, s.hidden } }, error);
}

static gboolean
grad_infer (FovNode *node, GError **error)
{
    const FovDType dtype = node->inputs[0]->dtype;
    FovLstmSize s;
    FovShape state, all;

    if (!check (node, &s, error))
        return FALSE;
    state = (FovShape){ 3, { s.directions, s.batch, s.hidden } };
    all = (FovShape){ 4, { s.directions, s.steps, s.batch, s.hidden } };
    if (!fov_infer_input (node, 6, (FovShape){ 4, { s.steps, s.directions, s.batch, s.hidden } },
                          error) ||
        !fov_infer_input (node, 7, state, error) || !fov_infer_input (node, 8, state, error) ||
        !fov_infer_output (node, 1, dtype, &state, error) ||
        !fov_infer_output (node, 2, dtype, &state, error) ||
        !fov_infer_output (node, 3, dtype, &all, error))
        return FALSE;
    all.dim[3] *= 4;
    return fov_infer_output (node, 0, dtype, &all, error);
}

static double
flops (const FovNode *node)
{
    const FovLstmSize s = fov_lstm_size (node);

    return 2.0 * (double) (s.directions * s.steps * s.batch * 4 * s.hidden) *
           (double) (s.inputs + s.hidden) * (fov_node_is (node, "LSTM") ? 1 : 2);
}

/* ---- one direction, in double ------------------------------------------------ */

/* Rows are [step][image], steps numbered as the input's whatever the direction. */
typedef struct {
    FovLstmSize s;
    const double *x, *w, *r, *b; /* b: NULL or [8H] */
    gboolean reverse;
    double *gates;        /* [T][N][4H], after their functions */
    double *start, *cell; /* [T][N][H]: h before and c after each step */
    double *h, *c;        /* [N][H]: first the initial state, then the last one */
} Line;

static gint64
step_at (const Line *l, gint64 k)
{
    return l->reverse ? l->s.steps - 1 - k : k;
}

static double
dot (const double *a, const double *b, gint64 n)
{
    double sum = 0;

    for (gint64 i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static double
sigmoid (double x)
{
    return 1 / (1 + exp (-x));
}

/* One step of one image; out: NULL or where its h goes. */
static void
step_forward (const Line *l, gint64 t, gint64 n, double *out)
{
    const gint64 h = l->s.hidden, row = t * l->s.batch + n;
    double *gates = l->gates + row * 4 * h, *start = l->start + row * h;

    memcpy (start, l->h + n * h, (gsize) h * sizeof *start);
    for (gint64 j = 0; j < 4 * h; j++) {
        double a = dot (l->w + j * l->s.inputs, l->x + row * l->s.inputs, l->s.inputs) +
                   dot (l->r + j * h, start, h);
        if (l->b)
            a += l->b[j] + l->b[4 * h + j];
        gates[j] = j < 3 * h ? sigmoid (a) : tanh (a);
    }
    for (gint64 j = 0; j < h; j++) {
        double c = gates[2 * h + j] * l->c[n * h + j] + gates[j] * gates[3 * h + j];
        l->c[n * h + j] = l->cell[row * h + j] = c;
        l->h[n * h + j] = gates[h + j] * tanh (c);
        if (out)
            out[j] = l->h[n * h + j];
    }
}

static void
line_forward (const Line *l)
{
    for (gint64 k = 0; k < l->s.steps; k++)
        for (gint64 n = 0; n < l->s.batch; n++)
            step_forward (l, step_at (l, k), n, NULL);
}

/* From dh and dc behind a step to da and those before it. first: c that the line began with. */
static void
step_backward (const Line *l, gint64 k, gint64 n, const double *first, double *dh, double *dc,
               double *da)
{
    const gint64 h = l->s.hidden, row = step_at (l, k) * l->s.batch + n;
    const double *gates = l->gates + row * 4 * h;
    const double *c_before =
        k ? l->cell + (step_at (l, k - 1) * l->s.batch + n) * h : first + n * h;

    for (gint64 j = 0; j < h; j++) {
        double i = gates[j], o = gates[h + j], f = gates[2 * h + j], g = gates[3 * h + j];
        double squashed = tanh (l->cell[row * h + j]);
        double d = dc[j] + dh[j] * o * (1 - squashed * squashed);
        da[j] = d * g * i * (1 - i);
        da[h + j] = dh[j] * squashed * o * (1 - o);
        da[2 * h + j] = d * c_before[j] * f * (1 - f);
        da[3 * h + j] = d * i * (1 - g * g);
        dc[j] = d * f;
    }
    memset (dh, 0, (gsize) h * sizeof *dh);
    for (gint64 j = 0; j < 4 * h; j++)
        for (gint64 i = 0; i < h; i++)
            dh[i] += da[j] * l->r[j * h + i];
}

/* ---- the references ------------------------------------------------------------ */

static double *
doubles (const FovView *view, gint64 n)
{
    return view && view->data ? fov_view_to_double (view) : g_new0 (double, n);
}

static const FovView *
given (const FovNode *node, const FovView *in, guint i)
{
    return i < node->n_inputs && in[i].data ? &in[i] : NULL;
}

/* All of a node's inputs, and one line at a time. */
typedef struct {
    FovLstmSize s;
    double *x, *w, *r, *b, *h, *c;
    Line line;
} Lstm;

static void
lstm_open (Lstm *l, const FovNode *node, const FovView *in)
{
    const FovLstmSize s = fov_lstm_size (node);
    const gint64 rows = s.steps * s.batch, states = s.directions * s.batch * s.hidden;

    *l = (Lstm){ .s = s,
                 .x = fov_view_to_double (&in[0]),
                 .w = fov_view_to_double (&in[1]),
                 .r = fov_view_to_double (&in[2]),
                 .b = given (node, in, 3) ? fov_view_to_double (&in[3]) : NULL,
                 .h = doubles (given (node, in, s.h), states),
                 .c = doubles (given (node, in, s.c), states) };
    l->line = (Line){ .s = s,
                      .x = l->x,
                      .gates = g_new0 (double, rows * 4 * s.hidden + 1),
                      .start = g_new0 (double, rows *s.hidden + 1),
                      .cell = g_new0 (double, rows *s.hidden + 1) };
}

static const Line *
lstm_line (Lstm *l, const FovNode *node, gint64 d)
{
    const gint64 h = l->s.hidden;

    l->line.w = l->w + d * 4 * h * l->s.inputs;
    l->line.r = l->r + d * 4 * h * h;
    l->line.b = l->b ? l->b + d * 8 * h : NULL;
    l->line.h = l->h + d * l->s.batch * h;
    l->line.c = l->c + d * l->s.batch * h;
    l->line.reverse = fov_lstm_reverse (node, d);
    return &l->line;
}

static void
lstm_close (Lstm *l)
{
    double *all[] = {
        l->x, l->w, l->r, l->b, l->h, l->c, l->line.gates, l->line.start, l->line.cell
    };

    for (guint i = 0; i < G_N_ELEMENTS (all); i++)
        g_free (all[i]);
}

static gboolean
lstm_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    Lstm l;
    gint64 h;

    lstm_open (&l, node, in);
    h = l.s.hidden;
    for (gint64 d = 0; d < l.s.directions; d++) {
        const Line *line = lstm_line (&l, node, d);
        g_autofree double *y = g_new0 (double, h + 1);
        for (gint64 k = 0; k < l.s.steps; k++)
            for (gint64 n = 0; n < l.s.batch; n++) {
                gint64 t = step_at (line, k), at = ((t * l.s.directions + d) * l.s.batch + n) * h;
                step_forward (line, t, n, y);
                for (gint64 j = 0; out[0].data && j < h; j++)
                    fov_view_set (&out[0], at + j, y[j]);
            }
    }
    if (node->n_outputs > 1 && out[1].data)
        fov_view_from_double (&out[1], l.h);
    if (node->n_outputs > 2 && out[2].data)
        fov_view_from_double (&out[2], l.c);
    lstm_close (&l);
    return TRUE;
}

typedef struct {
    double *y, *h, *c;  /* gradients by the outputs */
    double *da, *start; /* results */
    double *first;      /* the initial c, before the line runs */
} Backward;

static void
line_backward (const Line *l, gint64 d, const Backward *b)
{
    const gint64 h = l->s.hidden, rows = l->s.steps * l->s.batch;

    for (gint64 n = 0; n < l->s.batch; n++) {
        double *dh = b->h + (d * l->s.batch + n) * h, *dc = b->c + (d * l->s.batch + n) * h;
        for (gint64 k = l->s.steps - 1; k >= 0; k--) {
            gint64 t = step_at (l, k);
            const double *dy = b->y + ((t * l->s.directions + d) * l->s.batch + n) * h;
            for (gint64 j = 0; j < h; j++)
                dh[j] += dy[j];
            step_backward (l, k, n, b->first + d * l->s.batch * h, dh, dc,
                           b->da + (d * rows + t * l->s.batch + n) * 4 * h);
        }
    }
    memcpy (b->start + d * rows * h, l->start, (gsize) (rows * h) * sizeof (double));
}

static gboolean
grad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    Backward b;
    gint64 states, rows;
    double *results[4];
    Lstm l;

    lstm_open (&l, node, in);
    states = l.s.directions * l.s.batch * l.s.hidden;
    rows = l.s.directions * l.s.steps * l.s.batch;
    b = (Backward){ .y = doubles (given (node, in, 6), rows * l.s.hidden),
                    .h = doubles (given (node, in, 7), states),
                    .c = doubles (given (node, in, 8), states),
                    .da = g_new0 (double, rows * 4 * l.s.hidden + 1),
                    .start = g_new0 (double, rows *l.s.hidden + 1),
                    .first = g_memdup2 (l.c, (gsize) states * sizeof (double)) };
    for (gint64 d = 0; d < l.s.directions; d++) {
        const Line *line = lstm_line (&l, node, d);
        line_forward (line);
        line_backward (line, d, &b);
    }
    results[0] = b.da;
    results[1] = b.h;
    results[2] = b.c;
    results[3] = b.start;
    for (guint i = 0; i < 4; i++) {
        if (i < node->n_outputs && out[i].data)
            fov_view_from_double (&out[i], results[i]);
        g_free (results[i]);
    }
    g_free (b.y);
    g_free (b.first);
    lstm_close (&l);
    return TRUE;
}

/* ---- the table ------------------------------------------------------------------- */

const char *const fov_lstm_directions[] = { "forward", "reverse", "bidirectional", NULL };

static const FovParam params[] = {
    FOV_P_INT ("hidden_size", FovLstmParams, hidden_size, 0),
    FOV_P_INT ("layout", FovLstmParams, layout, 0),
    FOV_P_INT ("input_forget", FovLstmParams, input_forget, 0),
    FOV_P_FLOAT ("clip", FovLstmParams, clip, G_MAXFLOAT),
    FOV_P_ENUM ("direction", FovLstmParams, direction, FOV_LSTM_FORWARD, fov_lstm_directions),
    FOV_P_END,
};

static const FovOpDef lstm = {
    .name = "LSTM",
    .min_inputs = 3,
    .max_inputs = 8,
    .min_outputs = 1,
    .max_outputs = 3,
    .params = params,
    .params_size = sizeof (FovLstmParams),
    .infer = lstm_infer,
    .reference = lstm_reference,
    .gradient = fov_gradient_lstm,
    .flops = flops,
    .planar_inputs = 0xff,
    .planar_outputs = 7,
    .parameters = 1 << 1 | 1 << 2 | 1 << 3,
    .host = &fov_host_lstm,
    .gpu = &fov_gpu_lstm,
};

static const FovOpDef lstm_grad = {
    .name = "fov.LstmGrad",
    .min_inputs = 3,
    .max_inputs = 9,
    .min_outputs = 1,
    .max_outputs = 4,
    .params = params,
    .params_size = sizeof (FovLstmParams),
    .infer = grad_infer,
    .reference = grad_reference,
    .flops = flops,
    .planar_inputs = 0x1ff,
    .planar_outputs = 15,
    .host = &fov_host_lstm_grad,
    .gpu = &fov_gpu_lstm_grad,
};

const FovOpDef *const fov_ops_lstm[] = { &lstm, &lstm_grad, NULL };
