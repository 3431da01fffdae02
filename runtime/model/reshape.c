/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A model for other input sizes than its file was made with. */
#include "model/model.h"

#include "graph/op.h"

/* The batch that exporters write into a Reshape: a leading 1 over a tensor whose first dimension
 * is 1 says nothing else than "as it is", which ONNX writes as 0. */
static gboolean
loosen_reshape (FovGraph *graph, FovNode *node, const FovGraph *original)
{
    const FovTensor *in = fov_graph_find (original, node->inputs[0]->name);
    gint64 to[FOV_MAX_RANK];
    guint n;

    if (!node->inputs[1]->data || !in || in->shape.rank < 1 || in->shape.dim[0] != 1 ||
        !fov_tensor_ints (node->inputs[1], to, FOV_MAX_RANK, &n) || n < 1 || to[0] != 1)
        return FALSE;
    for (guint i = 1; i < n; i++)
        if (to[i] == 0) /* may mean a size of none */
            return FALSE;
    to[0] = 0;
    fov_graph_set_input (graph, node, 1, fov_graph_add_ints (graph, "reshape", to, n));
    return TRUE;
}

static void
set_inputs (FovGraph *graph, const FovShape *inputs)
{
    for (guint i = 0; i < graph->inputs->len; i++)
        ((FovTensor *) graph->inputs->pdata[i])->shape = inputs[i];
}

static gboolean
check_ranks (const FovGraph *graph, const FovShape *inputs, GError **error)
{
    for (guint i = 0; i < graph->inputs->len; i++) {
        const FovTensor *t = graph->inputs->pdata[i];
        g_autofree char *is = fov_shape_to_string (&t->shape);
        g_autofree char *asked = fov_shape_to_string (&inputs[i]);
        if (t->shape.rank == inputs[i].rank)
            continue;
        g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                     "input '%s': asked for shape %s, but the model's is %s", t->name, asked, is);
        return FALSE;
    }
    return TRUE;
}

static FovGraph *
reshape_graph (const FovGraph *model, const FovShape *inputs, GError **error)
{
    g_autoptr (FovGraph) original = fov_graph_copy (model);
    g_autoptr (FovGraph) graph = fov_graph_copy (model);
    g_autoptr (FovGraph) trial = NULL;

    if (!check_ranks (model, inputs, error) || !fov_graph_specialize (original, NULL, error))
        return NULL;
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        if (fov_node_is (node, "Reshape") && node->n_inputs > 1 && node->inputs[1])
            loosen_reshape (graph, node, original);
    }
    set_inputs (graph, inputs);
    trial = fov_graph_copy (graph);
    if (!fov_graph_specialize (trial, NULL, error))
        return NULL;
    for (guint i = 0; i < graph->outputs->len; i++)
        ((FovTensor *) graph->outputs->pdata[i])->shape =
            ((FovTensor *) trial->outputs->pdata[i])->shape;
    return g_steal_pointer (&graph);
}

FovModel *
fov_model_reshape (FovModel *model, const FovShape *inputs, GError **error)
{
    FovGraph *graph = reshape_graph (fov_model_graph (model), inputs, error);

    if (!graph) {
        g_prefix_error (error, "%s: ", fov_model_path (model));
        return NULL;
    }
    return fov_model_new_from_graph (graph, fov_model_path (model), fov_model_format (model),
                                     fov_model_copy_metadata (model));
}
