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

static void
take_parameters (FovTrainGraph *t, FovNode *node)
{
    for (guint i = 0; i < node->n_inputs && i < 32; i++) {
        FovTensor *in = node->inputs[i];
        if (!(node->op->parameters & 1u << i) || !in || !in->data || in->dtype != FOV_F32 ||
            fov_tensor_elements (in) < 1)
            continue;
        fov_graph_make_state (t->graph, in);
        g_ptr_array_add (t->parameters, in);
    }
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

    add_before (frozen, border);
    if (params->freeze_backbone)
        add_backbone (frozen, t->graph);
    if (params->freeze_to && !border) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "freeze_to is '%s', but the model has no node or tensor of that name",
                     params->freeze_to);
        return FALSE;
    }
    for (guint i = 0; i < t->graph->nodes->len; i++) {
        FovNode *node = t->graph->nodes->pdata[i];
        if (g_hash_table_contains (frozen, node))
            continue;
        take_parameters (t, node);
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
