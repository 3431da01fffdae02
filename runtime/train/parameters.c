/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which constants of a graph learn. */
#include "train/build.h"

#include "graph/params.h"

/* ---- freezing ------------------------------------------------------------ */

static const FovTensor *
find_border (const FovGraph *graph, const char *name)
{
    const FovTensor *tensor = fov_graph_find (graph, name);

    for (guint i = 0; !tensor && i < graph->nodes->len; i++) {
        const FovNode *node = graph->nodes->pdata[i];
        if (g_str_equal (node->name, name))
            tensor = node->outputs[0];
    }
    return tensor;
}

/* Adds the nodes that border (or NULL) depends on. */
static void
add_before (GHashTable *before, const FovTensor *border)
{
    g_autoptr (GPtrArray) list = g_ptr_array_new ();

    if (border && border->producer)
        g_ptr_array_add (list, border->producer);
    while (list->len) {
        FovNode *node = g_ptr_array_steal_index (list, list->len - 1);
        if (!g_hash_table_add (before, node))
            continue;
        for (guint i = 0; i < node->n_inputs; i++)
            if (node->inputs[i] && node->inputs[i]->producer)
                g_ptr_array_add (list, node->inputs[i]->producer);
    }
}

/* What all outputs depend on. */
static void
add_shared (GHashTable *before, const FovGraph *graph)
{
    GHashTableIter iter;
    gpointer node;

    add_before (before, graph->outputs->pdata[0]);
    for (guint i = 1; i < graph->outputs->len; i++) {
        g_autoptr (GHashTable) other = g_hash_table_new (NULL, NULL);
        add_before (other, graph->outputs->pdata[i]);
        g_hash_table_iter_init (&iter, before);
        while (g_hash_table_iter_next (&iter, &node, NULL))
            if (!g_hash_table_contains (other, node))
                g_hash_table_iter_remove (&iter);
    }
}

/* Detectors enlarge what their backbone gives, first of all where it is smallest; those that do
 * not (SSD) look at it as it is. */
static void
add_backbone (GHashTable *before, const FovGraph *graph)
{
    for (guint i = 0; i < graph->nodes->len; i++) {
        const FovNode *node = graph->nodes->pdata[i];
        if (fov_node_is (node, "Resize") || fov_node_is (node, "ConvTranspose")) {
            add_before (before, node->inputs[0]);
            return;
        }
    }
    add_shared (before, graph);
}

/* ---- states -------------------------------------------------------------- */

static gboolean
depends_on_input (const FovTensor *t)
{
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
    g_autoptr (GPtrArray) open = g_ptr_array_new ();

    g_ptr_array_add (open, (gpointer) t);
    while (open->len) {
        const FovTensor *at = g_ptr_array_steal_index (open, open->len - 1);
        if (at->is_input || at->initial)
            return TRUE;
        for (guint i = 0; at->producer && i < at->producer->n_inputs; i++)
            if (at->producer->inputs[i] && g_hash_table_add (seen, at->producer->inputs[i]))
                g_ptr_array_add (open, at->producer->inputs[i]);
    }
    return FALSE;
}

static void
take_parameter (FovTrainGraph *t, FovNode *node, guint index, gboolean scale)
{
    FovTensor *in = node->inputs[index], *constant = fov_train_source (in);

    if (constant && fov_tensor_elements (constant) > 0) {
        fov_graph_make_state (t->graph, constant);
        g_ptr_array_add (t->parameters, constant);
        if (scale)
            g_hash_table_add (t->scales, constant);
    } else if (in && in->producer && !depends_on_input (in)) {
        g_info ("node '%s' (%s): input %u '%s' is computed from constants (%s) and does not learn",
                node->name, node->op->name, index, in->name, in->producer->op->name);
    }
}

/* Theirs have a dimension for directions, unlike those of other layers. */
static gboolean
is_bias_of_cells (const FovNode *node, guint index)
{
    return index == 3 && (fov_node_is (node, "LSTM") || fov_node_is (node, "GRU"));
}

static void
take_parameters (FovTrainGraph *t, FovNode *node, GHashTable *scales)
{
    gpointer found = NULL;
    const gboolean known = g_hash_table_lookup_extended (scales, node, NULL, &found);
    const guint scale = GPOINTER_TO_UINT (found);

    if (known && !scale)
        return;
    for (guint i = 0; i < node->n_inputs && i < 32; i++)
        if (node->op->parameters & 1u << i || i + 1 == scale)
            take_parameter (t, node, i, i + 1 == scale || is_bias_of_cells (node, i));
}

/* Live statistics, and running ones that follow them. */
static void
enliven (FovTrainGraph *t, FovNode *norm)
{
    FovBatchNormParams *p = norm->params;

    for (guint i = 3; i < 5; i++)
        if (!norm->inputs[i]->data || norm->inputs[i]->consumers->len != 1)
            return; /* computed, or shared: stays as it is */
    p->training_mode = 1;
    for (guint i = 3; i < 5; i++) {
        FovTensor *running = norm->inputs[i];
        fov_graph_make_state (t->graph, running);
        fov_graph_set_next (t->graph, running, fov_graph_extend_output (t->graph, norm, i - 2));
        g_ptr_array_add (t->statistics, running);
    }
}

gboolean
fov_train_find_parameters (FovTrainGraph *t, const FovTrainerParams *params, GError **error)
{
    const FovTensor *border = params->freeze_to ? find_border (t->graph, params->freeze_to) : NULL;
    g_autoptr (GHashTable) frozen = g_hash_table_new (NULL, NULL);
    g_autoptr (GHashTable) scales = fov_train_find_scales (t->graph, params->input_shapes, error);

    if (!scales)
        return FALSE;
    add_before (frozen, border);
    if (params->freeze_backbone)
        add_backbone (frozen, t->graph);
    if (params->freeze_to && !border) {
        g_set_error (
            error, FOV_ERROR, FOV_ERROR_ARGUMENT,
            "there is no node or tensor '%s', which is to stay as it is with all before it",
            params->freeze_to);
        return FALSE;
    }
    for (guint i = 0; i < t->graph->nodes->len; i++) {
        FovNode *node = t->graph->nodes->pdata[i];
        if (g_hash_table_contains (frozen, node))
            continue;
        take_parameters (t, node, scales);
        if (fov_node_is (node, "Dropout"))
            ((FovDropoutParams *) node->params)->live = TRUE;
        if (fov_node_is (node, "BatchNormalization") && !params->frozen_norms)
            enliven (t, node);
    }
    if (t->parameters->len)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "the model has no parameters to learn%s%s",
                 border ? " behind " : "", border ? params->freeze_to : "");
    return FALSE;
}
