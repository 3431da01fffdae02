/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SMOTE between what a classifier's last layer sees; that layer alone learns again. A picture
 * between two pictures is none, a feature between two of one class is. */
#include "train/trainer.h"

#include "graph/graph.h"
#include "graph/params.h"
#include "model/model.h"

#include <fovea/data.h>

#include <math.h>
#include <string.h>

enum { MOST_ROWS = 4096, STEPS = 150 };

typedef struct {
    FovTrainer *trainer;
    FovDevice *device;
    guint32 seed;
    FovModel *model; /* as it has learned */
    FovNode *layer;  /* of its graph: the last one */
    guint n_features, n_classes;
    GArray *features; /* float, [n, n_features] */
    GArray *labels;   /* gint64 */
} Smote;

static FovNode *
find_layer (const FovModel *model)
{
    static const char *const ends[] = { "Softmax", "LogSoftmax", "Sigmoid", "Identity", NULL };
    const FovGraph *graph = fov_model_graph ((FovModel *) model);
    FovNode *node = ((FovTensor *) graph->outputs->pdata[0])->producer;

    while (node && g_strv_contains (ends, node->op->name))
        node = node->inputs[0]->producer;
    if (!node || !fov_node_is (node, "Gemm") || !node->inputs[0]->producer)
        return NULL;
    for (guint i = 1; i < 3; i++)
        if (i >= node->n_inputs || !node->inputs[i] || !node->inputs[i]->data)
            return NULL;
    return node;
}

/* A parameter and its average; learned (may be NULL): what they become. */
static gboolean
find_states (const Smote *s, const char *name, const FovTensor *learned, GError **error)
{
    const GArray *states = fov_trainer_states (s->trainer);
    g_autofree char *average = g_strconcat (name, ".average", NULL);
    gboolean found = FALSE;

    for (guint i = 0; i < states->len; i++) {
        FovTrainerState *state = &g_array_index (states, FovTrainerState, i);
        if (!g_str_equal (state->name, name) && !g_str_equal (state->name, average))
            continue;
        if (learned)
            memcpy (state->view.data, g_bytes_get_data (learned->data, NULL),
                    g_bytes_get_size (learned->data));
        found = TRUE;
    }
    if (!found)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "'%s' is frozen, but SMOTE teaches the last layer", name);
    return found;
}

static gboolean
take_layer (Smote *s, GError **error)
{
    const FovGemmParams *gemm;
    const FovShape *w;

    s->model = fov_trainer_model (s->trainer, FOV_WEIGHTS_AVERAGED, error);
    if (!s->model)
        return FALSE;
    s->layer = find_layer (s->model);
    if (!s->layer) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%s: SMOTE needs scores that a fully connected layer (Gemm) with weights and "
                     "bias gives",
                     fov_model_path (s->model));
        return FALSE;
    }
    for (guint i = 1; i < 3; i++)
        if (!find_states (s, s->layer->inputs[i]->name, NULL, error))
            return FALSE;
    gemm = s->layer->params;
    w = &s->layer->inputs[1]->shape;
    s->n_classes = (guint) w->dim[gemm->trans_b ? 0 : 1];
    s->n_features = (guint) w->dim[gemm->trans_b ? 1 : 0];
    return TRUE;
}

/* ---- what the layer sees -------------------------------------------------------------- */

static FovSession *
feature_session (const Smote *s, const FovShape *shapes, GError **error)
{
    g_autoptr (FovModel) fitted = fov_model_reshape (s->model, shapes, error);
    FovGraph *graph;
    FovTensor *seen;

    if (!fitted)
        return NULL;
    graph = fov_graph_copy (fov_model_graph (fitted));
    seen = fov_graph_find (graph, s->layer->inputs[0]->name);
    fov_graph_clear_outputs (graph);
    fov_graph_add_output (graph, seen);
    return fov_session_new_from_graph (s->device, graph, NULL, error);
}

static gboolean
take_features (Smote *s, const FovNormFrames *pictures, GError **error)
{
    g_autoptr (FovSession) session = feature_session (s, pictures->input_shapes, error);
    FovView in, out;

    for (guint i = 0; session && i < pictures->n; i++) {
        if (!pictures->read (i, &in, pictures->user_data, error) ||
            !fov_session_run (session, &in, &out, error))
            return FALSE;
        if (fov_shape_elements (&out.shape) != s->n_features) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                         "picture %u gives %" G_GINT64_FORMAT " features, expected %u", i,
                         fov_shape_elements (&out.shape), s->n_features);
            return FALSE;
        }
        g_array_append_vals (s->features, out.data, s->n_features);
        if (pictures->progress)
            pictures->progress ("features", (double) (i + 1) / pictures->n,
                                pictures->progress_data);
    }
    return session != NULL;
}

/* ---- the layer learns again --------------------------------------------------------------- */

static FovModel *
layer_alone (const Smote *s)
{
    const FovGemmParams *gemm = s->layer->params;
    FovGraph *graph = fov_graph_new ();
    FovTensor *in[3] = { fov_graph_add_input (graph, "x", FOV_F32,
                                              &(FovShape){ 2, { -1, s->n_features } }) };
    FovAttr attrs[] = { { "alpha", FOV_ATTR_FLOAT, .f = gemm->alpha },
                        { "beta", FOV_ATTR_FLOAT, .f = gemm->beta },
                        { "transB", FOV_ATTR_INT, .i = gemm->trans_b } };
    FovNode *node;

    for (guint i = 1; i < 3; i++) {
        const FovTensor *t = s->layer->inputs[i];
        in[i] =
            fov_graph_add_constant (graph, i == 1 ? "w" : "b", FOV_F32, &t->shape, t->data, NULL);
    }
    node = fov_graph_add_node (graph, "Gemm", "scores", in, 3, 1, attrs, 3, NULL);
    fov_graph_add_output (graph, node->outputs[0]);
    return fov_model_new_from_graph (graph, "last layer", "made", NULL);
}

/* A step moves no score by much more than 1, whatever the features' scale. */
static float
learning_rate (const Smote *s)
{
    const float *v = (const float *) (gpointer) s->features->data;
    double sum = 0;

    for (guint i = 0; i < s->features->len; i++)
        sum += fabs ((double) v[i]);
    sum /= s->labels->len;
    return (float) fmin (0.02, 1 / fmax (sum, 1e-6));
}

static gboolean
run_steps (const Smote *s, FovTrainer *head, guint rows, GError **error)
{
    const gsize row = s->n_features * sizeof (float);
    const gboolean all = rows == s->labels->len;
    g_autofree float *some = all ? NULL : g_malloc (rows * row);
    g_autofree gint64 *named = all ? NULL : g_new (gint64, rows);
    g_autoptr (GRand) rand = g_rand_new_with_seed (s->seed);
    const FovView x = { FOV_F32,
                        { 2, { rows, s->n_features } },
                        all ? (gpointer) s->features->data : some };
    const FovView target = { FOV_I64, { 1, { rows } }, all ? (gpointer) s->labels->data : named };

    for (guint step = 0; step < STEPS; step++) {
        for (guint i = 0; !all && i < rows; i++) {
            const guint at = (guint) g_rand_int_range (rand, 0, (gint32) s->labels->len);
            memcpy (some + (gsize) i * s->n_features, s->features->data + at * row, row);
            named[i] = g_array_index (s->labels, gint64, at);
        }
        if (!fov_trainer_step (head, &x, &target, NULL, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
learn_layer (Smote *s, GError **error)
{
    const guint rows = MIN (s->labels->len, MOST_ROWS);
    const FovShape shape = { 2, { rows, s->n_features } };
    const FovTrainerParams params = { .input_shapes = &shape,
                                      .optimiser = FOV_OPTIMISER_ADAMW,
                                      .learning_rate = learning_rate (s),
                                      .weight_decay = 0.05f,
                                      .n_steps = STEPS };
    g_autoptr (FovModel) layer = layer_alone (s), learned = NULL;
    g_autoptr (FovTrainer) head = fov_trainer_new (s->device, layer, &params, error);
    const FovGraph *graph;

    if (!head || !run_steps (s, head, rows, error))
        return FALSE;
    learned = fov_trainer_model (head, FOV_WEIGHTS_CURRENT, error);
    if (!learned)
        return FALSE;
    graph = fov_model_graph (learned);
    return find_states (s, s->layer->inputs[1]->name, fov_graph_find (graph, "w"), error) &&
           find_states (s, s->layer->inputs[2]->name, fov_graph_find (graph, "b"), error) &&
           fov_session_store_states (fov_trainer_session (s->trainer), error);
}

gboolean
fov_trainer_smote (FovTrainer *trainer, FovDevice *device, const FovNormFrames *pictures,
                   const gint64 *labels, guint n_neighbours, guint32 seed, GError **error)
{
    Smote s = { .trainer = trainer, .device = device, .seed = seed };
    gboolean ok;

    s.features = g_array_new (FALSE, FALSE, sizeof (float));
    s.labels = g_array_new (FALSE, FALSE, sizeof (gint64));
    g_array_append_vals (s.labels, labels, pictures->n);
    ok = take_layer (&s, error) && (!pictures->n || take_features (&s, pictures, error));
    if (ok && pictures->n) {
        /* Sources and results apart: a GArray that grows moves. */
        g_autofree float *known = g_memdup2 (s.features->data, s.features->len * sizeof (float));
        ok = fov_smote (known, labels, pictures->n, s.n_features, s.n_classes, n_neighbours, seed,
                        s.features, s.labels, error) &&
             learn_layer (&s, error);
    }
    g_array_unref (s.features);
    g_array_unref (s.labels);
    g_clear_pointer (&s.model, fov_model_unref);
    return ok;
}
