/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Models made in code rather than read from a file. */
#include "model/model.h"

static FovTensor *
find (const FovGraph *graph, const char *name, const char *user, GError **error)
{
    FovTensor *tensor = name ? fov_graph_find (graph, name) : NULL;

    if (!tensor)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "model: %s uses \"%s\", which nothing before it makes", user,
                     name ? name : "(none)");
    return tensor;
}

static gboolean
is_new (const FovGraph *graph, const char *name, GError **error)
{
    if (name && !fov_graph_find (graph, name))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "model: a value is named \"%s\", expected a name that no other has",
                 name ? name : "(none)");
    return FALSE;
}

static gboolean
add_value (FovGraph *graph, const FovModelValue *value, GError **error)
{
    if (!is_new (graph, value->name, error))
        return FALSE;
    if (!value->data) {
        fov_graph_add_input (graph, value->name, value->dtype, &value->shape);
        return TRUE;
    }
    gint64 n = fov_shape_elements (&value->shape);
    if (n < 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                     "model: the constant \"%s\" has a dimension that is not known", value->name);
        return FALSE;
    }
    g_autoptr (GBytes) data = g_bytes_new (value->data, (gsize) n * fov_dtype_size (value->dtype));
    return fov_graph_add_constant (graph, value->name, value->dtype, &value->shape, data, error) !=
           NULL;
}

static gboolean
add_node (FovGraph *graph, const FovModelNode *node, GError **error)
{
    FovTensor *inputs[FOV_MODEL_NODE_INPUTS];
    guint n = 0;
    FovAttr attr = { .name = node->attribute,
                     .type = node->n_values ? FOV_ATTR_INTS : FOV_ATTR_INT,
                     .i = node->values[0],
                     .ints = node->values,
                     .n = MIN (node->n_values, G_N_ELEMENTS (node->values)) };

    if (!is_new (graph, node->output, error))
        return FALSE;
    for (; n < FOV_MODEL_NODE_INPUTS && node->inputs[n]; n++) {
        inputs[n] = find (graph, node->inputs[n], node->output, error);
        if (!inputs[n])
            return FALSE;
    }
    FovNode *made = fov_graph_add_node (graph, node->op, node->output, inputs, n, 1, &attr,
                                        node->attribute ? 1 : 0, error);
    if (!made)
        return FALSE;
    fov_graph_rename (graph, made->outputs[0], node->output);
    return TRUE;
}

FovModel *
fov_model_build (const FovModelValue *values, guint n_values, const FovModelNode *nodes,
                 guint n_nodes, const char *const *outputs, GError **error)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();

    for (guint i = 0; i < n_values; i++)
        if (!add_value (graph, &values[i], error))
            return NULL;
    for (guint i = 0; i < n_nodes; i++)
        if (!add_node (graph, &nodes[i], error))
            return NULL;
    for (; *outputs; outputs++) {
        FovTensor *tensor = find (graph, *outputs, "the list of outputs", error);
        if (!tensor)
            return NULL;
        fov_graph_add_output (graph, tensor);
    }
    return fov_model_new_from_graph (g_steal_pointer (&graph), "(made in code)", "made in code",
                                     NULL);
}
