/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Batch norms behind convolutions that had theirs folded away. With m and v the
 * moments of what a convolution gives, y = sqrt (v + e) (x - m) / sqrt (v + e) + m
 * is x; statistics of other pictures in the places of m and v bring x back to the
 * place and spread that what follows has learned (Li et al. 2017).
 */
#include "train/norms.h"

#include "graph/op.h"
#include "graph/params.h"
#include "model/model.h"

#include <math.h>
#include <string.h>

#define SUFFIX ".unfolded"
#define EPSILON 1e-5f

gboolean
fov_norm_is_unfolded (const FovNode *node)
{
    return fov_node_is (node, "BatchNormalization") && g_str_has_suffix (node->name, SUFFIX);
}

/* ---- which convolutions ----------------------------------------------------- */

static gboolean
is_convolution (const FovNode *node)
{
    return fov_node_is (node, "Conv") || fov_node_is (node, "ConvTranspose");
}

static gboolean
is_own_constant (const FovNode *node, guint input)
{
    const FovTensor *t = node->n_inputs > input ? node->inputs[input] : NULL;

    return t && t->data && t->dtype == FOV_F32 && t->consumers->len == 1;
}

/* Whether the node learned something of its own: fixed convolutions of decoders have no bias. */
static gboolean
is_layer (const FovNode *node)
{
    static const char *const others[] = { "MatMul", "Gemm", "LSTM", "GRU", NULL };

    if (is_convolution (node))
        return node->n_inputs > 2 && node->inputs[2];
    return g_strv_contains (others, node->op->name) && node->inputs[1] && node->inputs[1]->data;
}

/* The nodes from which a layer is reached; what passes a softmax is a prediction. */
static GHashTable *
nodes_before_layers (const FovGraph *graph)
{
    GHashTable *before = g_hash_table_new (NULL, NULL);

    for (guint i = graph->nodes->len; i-- > 0;) {
        FovNode *node = graph->nodes->pdata[i];
        gboolean counts = is_layer (node) ||
                          (g_hash_table_contains (before, node) && !fov_node_is (node, "Softmax"));
        for (guint k = 0; counts && k < node->n_inputs; k++)
            if (node->inputs[k] && node->inputs[k]->producer)
                g_hash_table_add (before, node->inputs[k]->producer);
    }
    return before;
}

static gboolean
has_norm (const FovTensor *x)
{
    for (guint i = 0; i < x->consumers->len; i++)
        if (fov_node_is (x->consumers->pdata[i], "BatchNormalization"))
            return TRUE;
    return FALSE;
}

/* Convolutions that had a norm, as far as the graph tells. */
static GPtrArray *
find_convolutions (const FovGraph *graph)
{
    g_autoptr (GHashTable) before = nodes_before_layers (graph);
    GPtrArray *found = g_ptr_array_new ();

    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        if (is_convolution (node) && g_hash_table_contains (before, node) &&
            is_own_constant (node, 1) && is_own_constant (node, 2) &&
            !fov_tensor_is_kept (node->outputs[0]) && !has_norm (node->outputs[0]))
            g_ptr_array_add (found, node);
    }
    return found;
}

/* ---- putting norms in -------------------------------------------------------- */

static FovTensor *
add_vector (FovGraph *graph, const FovNode *conv, const char *what, const double *values, guint n)
{
    g_autofree char *name = g_strconcat (conv->inputs[1]->name, SUFFIX ".", what, NULL);
    g_autofree float *v = g_new (float, n);

    for (guint i = 0; i < n; i++)
        v[i] = (float) values[i];
    return fov_graph_add_floats (graph, name, v, n);
}

static gboolean
add_norm (FovGraph *graph, FovNode *conv, const FovMoments *m, GError **error)
{
    g_autofree char *name = g_strconcat (conv->name, SUFFIX, NULL);
    g_autofree double *scale = g_new (double, m->channels), *var = g_new (double, m->channels);
    FovTensor *x = conv->outputs[0];
    FovAttr epsilon = { .name = "epsilon", .type = FOV_ATTR_FLOAT, .f = EPSILON };
    FovNode *norm;

    for (guint c = 0; c < m->channels; c++) {
        var[c] = (float) (m->m2[c] / m->n);
        scale[c] = sqrt (var[c] + (double) EPSILON);
    }
    FovTensor *inputs[] = { x, add_vector (graph, conv, "scale", scale, m->channels),
                            add_vector (graph, conv, "bias", m->mean, m->channels),
                            add_vector (graph, conv, "mean", m->mean, m->channels),
                            add_vector (graph, conv, "var", var, m->channels) };
    norm = fov_graph_add_node (graph, "BatchNormalization", name, inputs, G_N_ELEMENTS (inputs), 1,
                               &epsilon, 1, error);
    if (!norm)
        return FALSE;
    fov_graph_replace_uses (graph, x, norm->outputs[0]);
    fov_graph_set_input (graph, norm, 0, x);
    return TRUE;
}

static GPtrArray *
output_names (const GPtrArray *convs)
{
    GPtrArray *names = g_ptr_array_new ();

    for (guint i = 0; i < convs->len; i++)
        g_ptr_array_add (names, ((FovNode *) convs->pdata[i])->outputs[0]->name);
    return names;
}

FovModel *
fov_model_unfold (FovModel *model, FovDevice *device, const FovNormFrames *reference,
                  GError **error)
{
    g_autoptr (FovGraph) graph = fov_graph_copy (fov_model_graph (model));
    g_autoptr (GPtrArray) convs = find_convolutions (graph);
    g_autoptr (GPtrArray) names = output_names (convs);
    g_autofree FovMoments *moments = g_new0 (FovMoments, convs->len + 1);
    FovMeasureProgress progress = { "measuring norms", 0, reference ? reference->n : 0 };
    gboolean ok = TRUE;

    if (!fov_norm_frames_check (reference, error))
        return NULL;
    if (!convs->len) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%s: no convolution that a norm was folded into (with a bias, weights of its "
                     "own, and a layer behind it)",
                     fov_model_path (model));
        return NULL;
    }
    if (!fov_measure (graph, device, reference, names, moments, &progress, error)) {
        g_prefix_error (error, "%s: ", fov_model_path (model));
        return NULL;
    }
    for (guint i = 0; i < convs->len; i++) {
        if (ok && moments[i].pixels > 1)
            ok = add_norm (graph, convs->pdata[i], &moments[i], error);
        fov_moments_clear (&moments[i]);
    }
    if (!ok || !fov_graph_sort (graph, error))
        return NULL;
    return fov_model_new_from_graph (g_steal_pointer (&graph), fov_model_path (model),
                                     fov_model_format (model), fov_model_copy_metadata (model));
}
