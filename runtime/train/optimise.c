/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The optimiser: a node per parameter; the schedule that feeds it. */
#include "train/build.h"

#include <math.h>

/* ---- parameters ---------------------------------------------------------- */

gboolean
fov_train_complete (FovTrainerParams *p, GError **error)
{
    const struct {
        const char *name;
        float value, low, high;
    } ranges[] = {
        { "label_smoothing", p->label_smoothing, 0, 1 },
        { "learning_rate", p->learning_rate, 0, 1e6f },
        { "momentum", p->momentum, -G_MAXFLOAT, 1 },
        { "beta1", p->beta1, 0, 0.99999f },
        { "beta2", p->beta2, 0, 0.9999999f },
        { "weight_decay", p->weight_decay, 0, 1e3f },
        { "clip_norm", p->clip_norm, 0, G_MAXFLOAT },
        { "final_rate", p->final_rate, 0, 1 },
        { "average", p->average, 0, 1 },
        { "focal_alpha", p->focal_alpha, -G_MAXFLOAT, 1 },
        { "focal_gamma", p->focal_gamma, 0, 100 },
        { "margin", p->margin, 0, 1e6f },
    };

    for (guint i = 0; i < G_N_ELEMENTS (ranges); i++) {
        if (ranges[i].value >= ranges[i].low && ranges[i].value <= ranges[i].high)
            continue;
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "%s is %g, expected %g to %g",
                     ranges[i].name, (double) ranges[i].value, (double) ranges[i].low,
                     (double) ranges[i].high);
        return FALSE;
    }
    if (p->focal_gamma > 0 && p->label_smoothing > 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "focal_gamma %g and label_smoothing %g, expected one of them",
                     (double) p->focal_gamma, (double) p->label_smoothing);
        return FALSE;
    }
    if (p->max_objects > 10000) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "max_objects is %u, expected up to 10000", p->max_objects);
        return FALSE;
    }
    if (p->learning_rate == 0)
        p->learning_rate = p->optimiser == FOV_OPTIMISER_SGD ? 0.01f : 0.001f;
    p->max_objects = p->max_objects == 0 ? 120 : p->max_objects;
    p->momentum = p->momentum < 0 ? 0 : p->momentum == 0 ? 0.9f : p->momentum;
    p->beta1 = p->beta1 == 0 ? 0.9f : p->beta1;
    p->beta2 = p->beta2 == 0 ? 0.999f : p->beta2;
    p->final_rate = p->final_rate == 0 ? 0.01f : p->final_rate;
    p->focal_alpha = p->focal_alpha == 0 ? 0.25f : p->focal_alpha;
    if (p->focal_gamma == 0 && p->loss == FOV_LOSS_FOCAL)
        p->focal_gamma = 2;
    if (p->margin == 0)
        p->margin = p->loss == FOV_LOSS_TRIPLET ? 0.3f : 1;
    return TRUE;
}

static double
rate_at (const FovTrainerParams *p, guint64 t)
{
    double base = p->learning_rate, low = base * p->final_rate, done;

    if (t <= p->warmup_steps)
        return base * (double) t / (double) p->warmup_steps;
    if (p->n_steps <= p->warmup_steps + 1)
        return base;
    done = (double) (t - p->warmup_steps - 1) / (double) (p->n_steps - p->warmup_steps - 1);
    return low + (base - low) * (1 + cos (G_PI * MIN (done, 1))) / 2;
}

void
fov_train_schedule (const FovTrainerParams *p, guint64 batch, float step[FOV_STEP_N])
{
    const guint64 n = MAX (p->accumulate, 1), t = (batch + n - 1) / n; /* of parameters, from 1 */
    const gboolean last = batch % n == 0;
    double horizon = MAX (p->average * (double) (p->n_steps ? p->n_steps : 1000), 1);

    step[FOV_STEP_RATE] = (float) rate_at (p, t);
    step[FOV_STEP_CORRECTION1] = (float) (1 - pow (p->beta1, (double) t));
    step[FOV_STEP_CORRECTION2] = (float) (1 - pow (p->beta2, (double) t));
    /* A plain mean at first, so that the start has no weight of its own. */
    step[FOV_STEP_AVERAGE] = last ? (float) (1 / MIN ((double) t, horizon)) : 0;
    step[FOV_STEP_DRAW] = (float) (batch % (1 << 24)); /* what a float holds exactly */
    step[FOV_STEP_KEEP] = (batch - 1) % n ? 1 : 0;
    step[FOV_STEP_APPLY] = last;
}

/* ---- nodes ---------------------------------------------------------------- */

/* A state like another, named after it; zero, or with its value. */
static FovTensor *
state_like (FovGrad *g, const FovTensor *of, const char *suffix, gboolean same)
{
    g_autofree char *name = g_strconcat (of->name, suffix, NULL);
    gsize size = g_bytes_get_size (of->initial);
    g_autoptr (GBytes) data =
        same ? g_bytes_ref (of->initial) : g_bytes_new_take (g_malloc0 (size), size);

    if (g->error)
        return NULL;
    return fov_graph_add_state (g->graph, name, of->dtype, &of->shape, data, &g->error);
}

/* Norms and biases are not pulled to 0, whatever they were written as. */
static double
decay_of (const FovTrainGraph *t, const FovTrainerParams *p, const FovTensor *parameter)
{
    return parameter->shape.rank > 1 && !g_hash_table_contains (t->scales, parameter)
               ? p->weight_decay
               : 0;
}

/* With batches added up, a state changes with the last of them alone. */
static void
set_next (FovGrad *g, FovTrainGraph *t, FovTensor *state, FovTensor *next)
{
    if (t->apply) {
        FovTensor *inputs[] = { state, next, t->apply };
        FovNode *node = fov_grad_node (g, "fov.Gate", inputs, 3, 1, NULL, 0);
        next = node ? node->outputs[0] : NULL;
    }
    if (next)
        fov_graph_set_next (g->graph, state, next);
}

static void
add_sgd (FovGrad *g, FovTrainGraph *t, FovTensor *w, FovTensor *gradient, FovTensor *rate,
         FovTensor *one, const FovTrainerParams *p)
{
    FovTensor *v = state_like (g, w, ".momentum", FALSE);
    FovTensor *inputs[] = { rate, one, w, gradient, v };
    FovAttr attrs[] = {
        { .name = "alpha", .type = FOV_ATTR_FLOAT, .f = p->momentum },
        { .name = "norm_coefficient", .type = FOV_ATTR_FLOAT, .f = decay_of (t, p, w) },
        { .name = "mode", .type = FOV_ATTR_STRING, .s = p->plain ? "standard" : "nesterov" },
    };
    FovNode *node = fov_grad_node (g, "Momentum", inputs, 5, 2, attrs, G_N_ELEMENTS (attrs));

    if (!node)
        return;
    set_next (g, t, w, node->outputs[0]);
    set_next (g, t, v, node->outputs[1]);
}

static void
add_adam (FovGrad *g, FovTrainGraph *t, FovTensor *w, FovTensor *gradient,
          const FovTrainerParams *p)
{
    FovTensor *m = state_like (g, w, ".moment1", FALSE), *v = state_like (g, w, ".moment2", FALSE);
    FovTensor *inputs[] = { w, gradient, m, v, t->step };
    FovAttr attrs[] = {
        { .name = "beta1", .type = FOV_ATTR_FLOAT, .f = p->beta1 },
        { .name = "beta2", .type = FOV_ATTR_FLOAT, .f = p->beta2 },
        { .name = "decay", .type = FOV_ATTR_FLOAT, .f = decay_of (t, p, w) },
        { .name = "decoupled", .type = FOV_ATTR_INT, .i = p->optimiser == FOV_OPTIMISER_ADAMW },
    };
    FovNode *node = fov_grad_node (g, "fov.AdamW", inputs, 5, 3, attrs, G_N_ELEMENTS (attrs));

    if (!node)
        return;
    set_next (g, t, w, node->outputs[0]);
    set_next (g, t, m, node->outputs[1]);
    set_next (g, t, v, node->outputs[2]);
}

/* Of all gradients together; no number if one of them is none. */
static void
add_norm (FovGrad *g, FovTrainGraph *t, FovTensor *const *gradients)
{
    FovAttr drop = { .name = "keepdims", .type = FOV_ATTR_INT };
    FovAttr axis = { .name = "axis", .type = FOV_ATTR_INT };
    guint n = t->parameters->len;
    g_autofree FovTensor **squares = g_new0 (FovTensor *, n + 1);
    FovNode *node = NULL;

    for (guint i = 0; i < n; i++) {
        FovTensor *gradient = gradients[i];
        node = fov_grad_node (g, "ReduceSumSquare", &gradient, 1, 1, &drop, 1);
        squares[i] = node ? fov_grad_reshape (g, node->outputs[0], &(FovShape){ 1, { 1 } }) : NULL;
    }
    node = fov_grad_node (g, "Concat", squares, n, 1, &axis, 1);
    node = node ? fov_grad_node (g, "ReduceSum", node->outputs, 1, 1, &drop, 1) : NULL;
    t->gradient_norm = node ? fov_grad_unary (g, "Sqrt", node->outputs[0]) : NULL;
}

/* min (1, most / norm) */
static FovTensor *
clip_scale (FovGrad *g, FovTensor *norm, float most)
{
    FovTensor *bottom, *ratio;

    if (g->error)
        return NULL;
    bottom = fov_grad_binary (g, "Add", norm, fov_grad_scalar (g, norm, 1e-6));
    ratio = fov_grad_binary (g, "Div", fov_grad_scalar (g, norm, most), bottom);
    return fov_grad_binary (g, "Min", fov_grad_scalar (g, norm, 1), ratio);
}

static void
add_average (FovGrad *g, FovTrainGraph *t, FovTensor *of, FovTensor *rate)
{
    FovTensor *average = state_like (g, of, ".average", TRUE);
    FovTensor *inputs[] = { average, of->next, rate };
    FovNode *node = fov_grad_node (g, "fov.Ema", inputs, 3, 1, NULL, 0);

    if (!node)
        return;
    fov_graph_set_next (g->graph, average, node->outputs[0]);
    g_ptr_array_add (t->averages, average);
}

/* Each gradient becomes the sum so far of those of the batches of a step, for their mean. */
static void
accumulate (FovGrad *g, FovTrainGraph *t, FovTensor **gradients, guint n)
{
    FovTensor *keep = fov_train_step_element (g, t, FOV_STEP_KEEP);

    t->apply = fov_train_step_element (g, t, FOV_STEP_APPLY);
    for (guint i = 0; i < t->parameters->len && !g->error; i++) {
        FovTensor *sum = state_like (g, t->parameters->pdata[i], ".gradient", FALSE);
        gradients[i] = fov_grad_binary (g, "Add", fov_grad_binary (g, "Mul", sum, keep),
                                        fov_grad_scale (g, gradients[i], 1.0 / n));
        if (gradients[i])
            fov_graph_set_next (g->graph, sum, gradients[i]);
    }
}

gboolean
fov_train_add_optimiser (FovTrainGraph *t, FovTensor **gradients, const FovTrainerParams *params,
                         GError **error)
{
    FovGrad g = { .graph = t->graph };
    FovTensor *rate = fov_train_step_element (&g, t, FOV_STEP_RATE), *scale = NULL;
    FovTensor *one = fov_grad_ints (&g, (gint64[]){ 1 }, 1);

    if (params->accumulate > 1)
        accumulate (&g, t, gradients, params->accumulate);
    add_norm (&g, t, gradients);
    if (params->clip_norm > 0)
        scale = clip_scale (&g, t->gradient_norm, params->clip_norm);
    for (guint i = 0; i < t->parameters->len; i++) {
        FovTensor *w = t->parameters->pdata[i], *d = gradients[i];
        if (scale)
            d = fov_grad_binary (&g, "Mul", d, scale);
        if (params->optimiser == FOV_OPTIMISER_SGD)
            add_sgd (&g, t, w, d, rate, one, params);
        else
            add_adam (&g, t, w, d, params);
    }
    if (params->average > 0 && !g.error) {
        rate = fov_train_step_element (&g, t, FOV_STEP_AVERAGE);
        for (guint i = 0; i < t->parameters->len; i++)
            add_average (&g, t, t->parameters->pdata[i], rate);
        for (guint i = 0; i < t->statistics->len; i++)
            add_average (&g, t, t->statistics->pdata[i], rate);
    }
    if (!g.error)
        return TRUE;
    g_propagate_error (error, g.error);
    return FALSE;
}
