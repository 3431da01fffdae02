/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Chooses a layout for every node and puts fov.Reorder where two meet.
 *
 * Nodes decide in topological order: those that want blocked tensors get them,
 * those that can have either follow the larger part of their inputs, the rest
 * is planar. Graph inputs and outputs are planar.
 */
#include "graph/passes.h"

#include "graph/op.h"
#include "graph/params.h"

/* Whether the tensor has a layout at all: a 4-D float activation. */
static gboolean
has_layout (const FovTensor *tensor)
{
    return tensor && !tensor->data && !tensor->initial && tensor->dtype == FOV_F32 &&
           tensor->shape.rank == 4;
}

static gboolean
is_planar (guint mask, guint i)
{
    return i < 32 && mask & 1u << i;
}

static FovLayout
layout_of (const GArray *layouts, const FovTensor *tensor)
{
    if (!has_layout (tensor) || tensor->id >= layouts->len)
        return FOV_PLANAR;
    return g_array_index (layouts, FovFormat, tensor->id).layout;
}

static gboolean
is_empty (const FovNode *node)
{
    for (guint i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] && fov_tensor_elements (node->inputs[i]) == 0)
            return TRUE;
    for (guint i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] && fov_tensor_elements (node->outputs[i]) == 0)
            return TRUE;
    return FALSE;
}

static FovLayout
choose (const FovNode *node, const FovPlanTarget *target, const GArray *layouts)
{
    gint64 blocked = 0, planar = 0;
    guint can;

    /* A fov.Reorder that is there already is a copy for the outside. */
    if (node->op->flags & FOV_OP_ALIAS || fov_node_is (node, "fov.Reorder") || is_empty (node))
        return FOV_PLANAR;
    can = target->formats (node, target->block);
    if (!(can & FOV_CAN_BLOCKED))
        return FOV_PLANAR;
    if (can & FOV_WANTS_BLOCKED || !(can & FOV_CAN_PLANAR))
        return FOV_BLOCKED;
    for (guint i = 0; i < node->n_inputs; i++) {
        if (!has_layout (node->inputs[i]) || is_planar (node->op->planar_inputs, i))
            continue;
        if (layout_of (layouts, node->inputs[i]) == FOV_BLOCKED)
            blocked += fov_tensor_elements (node->inputs[i]);
        else
            planar += fov_tensor_elements (node->inputs[i]);
    }
    return blocked > planar ? FOV_BLOCKED : FOV_PLANAR;
}

static void
set_layout (GArray *formats, const FovTensor *tensor, FovLayout layout, int block)
{
    if (formats->len <= tensor->id)
        g_array_set_size (formats, tensor->id + 1);
    g_array_index (formats, FovFormat, tensor->id) =
        (FovFormat){ layout, layout == FOV_BLOCKED ? block : 1, 0 };
}

/* The tensor in the other layout; one fov.Reorder serves all who ask. */
static FovTensor *
reordered (FovGraph *graph, FovTensor *tensor, FovLayout layout, int block, GArray *formats,
           GHashTable *done, GError **error)
{
    FovTensor *other = g_hash_table_lookup (done, tensor);
    g_autofree char *name = NULL;
    FovNode *node;

    if (other)
        return other;
    name = g_strdup_printf ("%s.%s", tensor->name, layout == FOV_BLOCKED ? "blocked" : "planar");
    node = fov_graph_insert (graph, "fov.Reorder", name, &tensor, 1, NULL, 0, error);
    if (!node)
        return NULL;
    ((FovReorderParams *) node->params)->to = layout;
    other = node->outputs[0];
    fov_graph_rename (graph, other, name);
    set_layout (formats, other, layout, block);
    g_hash_table_insert (done, tensor, other);
    return other;
}

static gboolean
convert_inputs (FovGraph *graph, FovNode *node, FovLayout layout, gboolean late,
                const FovPlanTarget *target, GArray *formats, GHashTable *done, GError **error)
{
    guint stays = layout == FOV_BLOCKED ? FOV_READS_PLANAR : FOV_READS_BLOCKED;
    gboolean takes_either;

    if (fov_node_is (node, "fov.Reorder"))
        return TRUE;
    takes_either = !late && !is_empty (node) && target->formats (node, target->block) & stays;
    for (guint i = 0; i < node->n_inputs; i++) {
        FovTensor *tensor = node->inputs[i];
        FovLayout want = is_planar (node->op->planar_inputs, i) ? FOV_PLANAR : layout;
        if (!has_layout (tensor) || layout_of (formats, tensor) == want || (i == 0 && takes_either))
            continue;
        tensor = reordered (graph, tensor, want, target->block, formats, done, error);
        if (!tensor)
            return FALSE;
        fov_graph_set_input (graph, node, i, tensor);
    }
    return TRUE;
}

static gboolean
convert_outputs (FovGraph *graph, int block, GArray *formats, GHashTable *done, GError **error)
{
    for (guint i = 0; i < graph->outputs->len; i++) {
        FovTensor *tensor = graph->outputs->pdata[i];
        FovTensor *planar;
        if (layout_of (formats, tensor) == FOV_PLANAR)
            continue;
        planar = reordered (graph, tensor, FOV_PLANAR, block, formats, done, error);
        if (!planar)
            return FALSE;
        graph->outputs->pdata[i] = planar;
        tensor->is_output = FALSE;
        planar->is_output = TRUE;
    }
    return TRUE;
}

/* A state is planar, and so is what it becomes. */
static gboolean
convert_next (FovGraph *graph, int block, GArray *formats, GHashTable *done, GError **error)
{
    guint n = graph->tensors->len;

    for (guint i = 0; i < n; i++) {
        FovTensor *state = graph->tensors->pdata[i];
        FovTensor *next = state ? state->next : NULL;
        if (!next || layout_of (formats, next) == FOV_PLANAR)
            continue;
        next = reordered (graph, next, FOV_PLANAR, block, formats, done, error);
        if (!next)
            return FALSE;
        fov_graph_set_next (graph, state, next);
    }
    return TRUE;
}

gboolean
fov_pass_layout (FovGraph *graph, const FovPlanTarget *target, GHashTable *late, GArray *formats,
                 GError **error)
{
    g_autoptr (GHashTable) done = g_hash_table_new (NULL, NULL);
    guint n_nodes = graph->nodes->len; /* those added here need no look */
    FovFormat planar = { FOV_PLANAR, 1, 0 };

    g_array_set_size (formats, 0);
    for (guint i = 0; i < graph->tensors->len; i++)
        g_array_append_val (formats, planar);
    for (guint i = 0; i < n_nodes; i++) {
        FovNode *node = graph->nodes->pdata[i];
        gboolean is_late = g_hash_table_contains (late, node);
        FovLayout layout = is_late ? FOV_PLANAR : choose (node, target, formats);

        if (!convert_inputs (graph, node, layout, is_late, target, formats, done, error))
            return FALSE;
        for (guint k = 0; k < node->n_outputs; k++)
            if (has_layout (node->outputs[k]) && !is_planar (node->op->planar_outputs, k))
                set_layout (formats, node->outputs[k], layout, target->block);
    }
    if (!convert_outputs (graph, target->block, formats, done, error) ||
        !convert_next (graph, target->block, formats, done, error))
        return FALSE;
    for (guint i = formats->len; i < graph->tensors->len; i++)
        g_array_append_val (formats, planar);
    return fov_graph_sort (graph, error);
}
