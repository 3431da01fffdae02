/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A TensorFlow.js graph model (model.json and its shards) into a graph. */
#include "model/tfjs.h"
#include "model/model.h"

#include <string.h>

enum { NEW, OPEN, DONE };

gboolean
fov_tfjs_error (const FovTfjsNode *node, FovErrorCode code, GError **error, const char *format, ...)
{
    g_autofree char *op = fov_model_show_name (node->op);
    g_autofree char *text = NULL;
    va_list args;

    va_start (args, format);
    text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, FOV_ERROR, code, "node '%s' (%s): %s", node->shown, op, text);
    return FALSE;
}

/* ---- nodes ---------------------------------------------------------------- */

static gboolean
read_names (FovTfjs *tfjs, JsonArray *list, GHashTable *by_name, GError **error)
{
    for (guint i = 0; i < tfjs->n_nodes; i++) {
        JsonNode *json = json_array_get_element (list, i);
        JsonObject *object = JSON_NODE_HOLDS_OBJECT (json) ? json_node_get_object (json) : NULL;
        FovTfjsNode *node = &tfjs->nodes[i];

        node->name = fov_json_string (object, "name");
        node->op = fov_json_string (object, "op");
        node->attr = fov_json_object (object, "attr");
        node->shown = fov_model_show_name (node->name);
        if (!node->name || !node->op) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "modelTopology: node %u lacks a name or an op", i);
            return FALSE;
        }
        if (!g_hash_table_insert (by_name, (gpointer) node->name, GUINT_TO_POINTER (i + 1)))
            return fov_tfjs_error (node, FOV_ERROR_FORMAT, error,
                                   "another node has this name, expected each name once");
    }
    return TRUE;
}

/* "name", "name:2", or "^name" for control alone. */
static gboolean
read_input (FovTfjs *tfjs, FovTfjsNode *node, const char *text, GHashTable *by_name, GError **error)
{
    const char *colon = strrchr (text, ':');
    guint64 output = 0;
    g_autofree char *name = NULL;
    guint index;

    if (*text == '^')
        return TRUE;
    if (colon && !g_ascii_string_to_unsigned (colon + 1, 10, 0, 65535, &output, NULL))
        colon = NULL;
    name = colon ? g_strndup (text, (gsize) (colon - text)) : g_strdup (text);
    index = GPOINTER_TO_UINT (g_hash_table_lookup (by_name, name));
    if (!index) {
        g_autofree char *shown = fov_model_show_name (name);
        return fov_tfjs_error (node, FOV_ERROR_FORMAT, error,
                               "input %u '%s' is no node of this graph", node->n_inputs, shown);
    }
    node->inputs[node->n_inputs] = index - 1;
    node->input_outputs[node->n_inputs++] = (guint) output;
    tfjs->nodes[index - 1].consumed = TRUE;
    return TRUE;
}

static gboolean
read_inputs (FovTfjs *tfjs, FovTfjsNode *node, JsonArray *list, GHashTable *by_name, GError **error)
{
    guint n = list ? json_array_get_length (list) : 0;

    node->inputs = g_new0 (guint, n + 1);
    node->input_outputs = g_new0 (guint, n + 1);
    for (guint i = 0; i < n; i++) {
        JsonNode *json = json_array_get_element (list, i);
        if (json_node_get_value_type (json) != G_TYPE_STRING)
            return fov_tfjs_error (node, FOV_ERROR_FORMAT, error, "input %u is no name", i);
        if (!read_input (tfjs, node, json_node_get_string (json), by_name, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_nodes (FovTfjs *tfjs, JsonObject *topology, GHashTable *by_name, GError **error)
{
    JsonArray *list = fov_json_array (topology, "node");
    guint n = list ? json_array_get_length (list) : 0;

    if (n == 0 || n > FOV_MODEL_MAX_NODES) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "modelTopology has %u nodes, expected 1 to %d%s", n, FOV_MODEL_MAX_NODES,
                     fov_json_object (topology, "model_config")
                         ? "; this is a layers model, convert it to a graph model"
                         : "");
        return FALSE;
    }
    tfjs->nodes = g_new0 (FovTfjsNode, n);
    tfjs->n_nodes = n;
    if (!read_names (tfjs, list, by_name, error))
        return FALSE;
    for (guint i = 0; i < n; i++)
        if (!read_inputs (tfjs, &tfjs->nodes[i],
                          fov_json_array (json_array_get_object_element (list, i), "input"),
                          by_name, error))
            return FALSE;
    return TRUE;
}

/* ---- cutting the picture loop off ------------------------------------------- */

/* It can only be cut off, not converted. */
static gboolean
is_control_flow (const char *op)
{
    static const char *const ops[] = {
        "Enter",  "Exit",           "If",    "LoopCond", "Merge",    "NextIteration", "StatelessIf",
        "Switch", "StatelessWhile", "While", "RefEnter", "RefSwitch"
    };

    for (guint i = 0; i < G_N_ELEMENTS (ops); i++)
        if (g_str_equal (ops[i], op))
            return TRUE;
    return g_str_has_prefix (op, "TensorArray") || g_str_has_prefix (op, "TensorList");
}

typedef struct {
    const FovTfjsNode *placeholder;
    gint64 size[2]; /* height, width the loop resizes to */
    gboolean has_size;
} Loop;

static void
look_at_loop_node (FovTfjs *tfjs, const FovTfjsNode *node, Loop *loop)
{
    const FovTfjsNode *from;
    const FovTfjsWeight *size;

    if (g_str_equal (node->op, "Placeholder"))
        loop->placeholder = node;
    if (!g_str_has_prefix (node->op, "Resize") || node->n_inputs < 2)
        return;
    from = &tfjs->nodes[node->inputs[1]];
    size = g_hash_table_lookup (tfjs->weights, from->name);
    if (size && size->dtype == FOV_I64 && fov_shape_elements (&size->shape) == 2) {
        memcpy (loop->size, g_bytes_get_data (size->data, NULL), sizeof loop->size);
        loop->has_size = TRUE;
    }
}

/* Looks at everything that leads to node. */
static Loop
trace_loop (FovTfjs *tfjs, guint start)
{
    Loop loop = { 0 };
    g_autoptr (GArray) todo = g_array_new (FALSE, FALSE, sizeof (guint));
    g_autofree guint8 *seen = g_new0 (guint8, tfjs->n_nodes);

    g_array_append_val (todo, start);
    seen[start] = 1;
    while (todo->len) {
        const FovTfjsNode *node = &tfjs->nodes[g_array_index (todo, guint, todo->len - 1)];
        g_array_set_size (todo, todo->len - 1);
        look_at_loop_node (tfjs, node, &loop);
        for (guint i = 0; i < node->n_inputs; i++) {
            if (seen[node->inputs[i]])
                continue;
            seen[node->inputs[i]] = 1;
            g_array_append_val (todo, node->inputs[i]);
        }
    }
    return loop;
}

/*
 * Exported detectors bring every picture of a batch to the network's size in a
 * loop. Where a tensor array is gathered that a placeholder was fed through a
 * resize into, the loop is left out and the resized pictures are the input.
 */
static void
cut_loops (FovTfjs *tfjs)
{
    guint left = 8; /* each cut looks at the whole graph once */

    for (guint i = 0; i < tfjs->n_nodes && left; i++) {
        FovTfjsNode *node = &tfjs->nodes[i];
        Loop loop;

        if (!g_str_has_prefix (node->op, "TensorArrayGather"))
            continue;
        left--;
        loop = trace_loop (tfjs, i);
        if (!loop.placeholder || !loop.has_size || loop.size[0] < 1 || loop.size[1] < 1 ||
            loop.size[0] > G_MAXINT16 || loop.size[1] > G_MAXINT16)
            continue;
        node->cut = (FovShape){ 4, { 1, 3, loop.size[0], loop.size[1] } };
        node->cut_name = loop.placeholder->name;
    }
}

/* ---- sources ----------------------------------------------------------------- */

static gboolean
set_value (FovTfjsNode *node, FovTensor *tensor, gboolean nchw, int rank)
{
    node->values = g_new0 (FovTfjsValue, 1);
    node->values[0] = (FovTfjsValue){ tensor, nchw, rank, NULL };
    node->n_values = 1;
    return TRUE;
}

static gboolean
add_const (FovTfjs *tfjs, FovTfjsNode *node, GError **error)
{
    const FovTfjsWeight *weight = g_hash_table_lookup (tfjs->weights, node->name);
    FovTensor *tensor;

    if (!weight)
        return fov_tfjs_error (node, FOV_ERROR_FORMAT, error,
                               "its value is missing: weightsManifest lists no such weight");
    tensor = fov_graph_add_constant (tfjs->graph, node->name, weight->dtype, &weight->shape,
                                     weight->data, error);
    return tensor && set_value (node, tensor, FALSE, weight->shape.rank);
}

/* A picture is taken as NCHW. Whole-number pictures are floats here: what follows casts them. */
static gboolean
add_placeholder (FovTfjs *tfjs, FovTfjsNode *node, GError **error)
{
    JsonObject *outer = fov_json_object (fov_json_object (node->attr, "shape"), "shape");
    JsonArray *dims = fov_json_array (outer, "dim");
    guint n = dims ? json_array_get_length (dims) : 0;
    FovShape shape = { 0 };
    gint64 type = fov_json_int (fov_json_object (node->attr, "dtype"), "type", 1);

    if (!outer || fov_json_int (outer, "unknownRank", 0) || n > FOV_MAX_RANK)
        return fov_tfjs_error (node, FOV_ERROR_UNSUPPORTED, error,
                               "no shape of at most %d dimensions", FOV_MAX_RANK);
    shape.rank = (int) n;
    for (guint i = 0; i < n; i++) {
        JsonNode *dim = json_array_get_element (dims, i);
        gint64 size =
            fov_json_int (JSON_NODE_HOLDS_OBJECT (dim) ? json_node_get_object (dim) : NULL, "size",
                          -1);
        shape.dim[n == 4 ? fov_tfjs_nchw_axis[i] : i] = size > 0 && size <= G_MAXINT32 ? size : -1;
    }
    return set_value (node,
                      fov_graph_add_input (tfjs->graph, node->name,
                                           type == 1 || n == 4 ? FOV_F32 : FOV_I64, &shape),
                      n == 4, (int) n);
}

static gboolean
add_node (FovTfjs *tfjs, FovTfjsNode *node, GError **error)
{
    if (node->cut.rank)
        return set_value (node,
                          fov_graph_add_input (tfjs->graph, node->cut_name, FOV_F32, &node->cut),
                          TRUE, 4);
    if (g_str_equal (node->op, "Const"))
        return add_const (tfjs, node, error);
    if (g_str_equal (node->op, "Placeholder"))
        return add_placeholder (tfjs, node, error);
    if (is_control_flow (node->op))
        return fov_tfjs_error (node, FOV_ERROR_UNSUPPORTED, error,
                               "control flow is supported only where it resizes the pictures of a "
                               "batch before the network");
    if (tfjs->graph->tensors->len > 4 * FOV_MODEL_MAX_TENSORS)
        return fov_tfjs_error (node, FOV_ERROR_UNSUPPORTED, error,
                               "more than %d values before this node", 4 * FOV_MODEL_MAX_TENSORS);
    if (!fov_tfjs_convert (tfjs, node, error))
        return FALSE;
    for (guint i = 0; i < node->n_values; i++) {
        g_autofree char *name =
            i ? g_strdup_printf ("%s:%u", node->name, i) : g_strdup (node->name);
        if (node->values[i].tensor->producer)
            fov_graph_rename (tfjs->graph, node->values[i].tensor, name);
    }
    return TRUE;
}

/* ---- order ---------------------------------------------------------------------- */

typedef struct {
    guint node, next_input;
} Visit;

/* Adds what leads to a node, then the node; depth first, without recursion. */
static gboolean
add_with_inputs (FovTfjs *tfjs, guint start, GError **error)
{
    g_autoptr (GArray) stack = g_array_new (FALSE, FALSE, sizeof (Visit));

    if (tfjs->nodes[start].state == DONE)
        return TRUE;
    g_array_append_val (stack, ((Visit){ start, 0 }));
    tfjs->nodes[start].state = OPEN;
    while (stack->len) {
        Visit *top = &g_array_index (stack, Visit, stack->len - 1);
        FovTfjsNode *node = &tfjs->nodes[top->node], *from;
        guint index;

        /* A loop's nodes are named as such, before the cycle is met. */
        if (node->cut.rank || is_control_flow (node->op) || top->next_input == node->n_inputs) {
            if (!add_node (tfjs, node, error))
                return FALSE;
            node->state = DONE;
            g_array_set_size (stack, stack->len - 1);
            continue;
        }
        index = node->inputs[top->next_input++];
        from = &tfjs->nodes[index];
        if (from->state == OPEN)
            return fov_tfjs_error (from, FOV_ERROR_FORMAT, error,
                                   "depends on its own output: the graph has a cycle");
        if (from->state == NEW) {
            from->state = OPEN;
            g_array_append_val (stack, ((Visit){ index, 0 }));
        }
    }
    return TRUE;
}

/* ---- outputs ----------------------------------------------------------------------- */

static gboolean
add_output (FovTfjs *tfjs, guint index, guint output, GError **error)
{
    FovTfjsNode *node = &tfjs->nodes[index];
    FovTensor *tensor;

    if (!add_with_inputs (tfjs, index, error))
        return FALSE;
    if (output >= node->n_values)
        return fov_tfjs_error (node, FOV_ERROR_FORMAT, error,
                               "output %u is an output of the model, but the node has %u", output,
                               node->n_values);
    tensor = node->values[output].tensor;
    if (tensor->is_output)
        return TRUE;
    if (!tensor->producer) { /* an input or constant handed through */
        tensor = fov_tfjs_emit (tfjs, node, "Identity", &tensor, 1, NULL, 0, error);
        if (!tensor)
            return FALSE;
        fov_graph_rename (tfjs->graph, tensor, node->name);
    }
    fov_graph_add_output (tfjs->graph, tensor);
    return TRUE;
}

/* "signature": { "outputs": { key: { "name": "node:0" } } } */
static gboolean
add_signature (FovTfjs *tfjs, JsonObject *outputs, GHashTable *by_name, GError **error)
{
    g_autoptr (GList) keys = json_object_get_members (outputs);

    for (GList *l = keys; l; l = l->next) {
        const char *text = fov_json_string (fov_json_object (outputs, l->data), "name");
        const char *colon = text ? strrchr (text, ':') : NULL;
        guint64 output = 0;
        g_autofree char *name = NULL;
        guint index;

        if (colon && !g_ascii_string_to_unsigned (colon + 1, 10, 0, 65535, &output, NULL))
            colon = NULL;
        name = colon ? g_strndup (text, (gsize) (colon - text)) : g_strdup (text ? text : "");
        index = GPOINTER_TO_UINT (g_hash_table_lookup (by_name, name));
        if (!index) {
            g_autofree char *shown = fov_model_show_name (name);
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "signature: output '%s' is no node of this graph", shown);
            return FALSE;
        }
        if (!add_output (tfjs, index - 1, (guint) output, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
add_outputs (FovTfjs *tfjs, JsonObject *root, GHashTable *by_name, GError **error)
{
    JsonObject *signature = fov_json_object (root, "signature");
    JsonObject *outputs;

    if (!signature)
        signature = fov_json_object (fov_json_object (root, "userDefinedMetadata"), "signature");
    outputs = fov_json_object (signature, "outputs");
    if (outputs && json_object_get_size (outputs))
        return add_signature (tfjs, outputs, by_name, error);
    for (guint i = 0; i < tfjs->n_nodes; i++) {
        const FovTfjsNode *node = &tfjs->nodes[i];
        if (node->consumed || is_control_flow (node->op) || g_str_equal (node->op, "Const") ||
            g_str_equal (node->op, "Placeholder") || g_str_equal (node->op, "NoOp"))
            continue;
        if (!add_output (tfjs, i, 0, error))
            return FALSE;
    }
    if (tfjs->graph->outputs->len)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                 "modelTopology has no node whose result is left over as an output");
    return FALSE;
}

/* ---- the whole ------------------------------------------------------------------------ */

static GHashTable *
read_metadata (JsonObject *root)
{
    static const char *const keys[] = { "format", "generatedBy", "convertedBy" };
    GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

    for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
        if (fov_json_string (root, keys[i]))
            g_hash_table_replace (table, g_strdup (keys[i]),
                                  g_strdup (fov_json_string (root, keys[i])));
    return table;
}

static gboolean
read_graph (FovTfjs *tfjs, JsonObject *root, const char *folder, GError **error)
{
    JsonObject *topology = fov_json_object (root, "modelTopology");
    g_autoptr (GHashTable) by_name = g_hash_table_new (g_str_hash, g_str_equal);

    if (!topology) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "not a TensorFlow.js graph model: no modelTopology");
        return FALSE;
    }
    if (!read_nodes (tfjs, topology, by_name, error))
        return FALSE;
    tfjs->weights = fov_tfjs_read_weights (fov_json_array (root, "weightsManifest"), folder, error);
    if (!tfjs->weights)
        return FALSE;
    cut_loops (tfjs);
    return add_outputs (tfjs, root, by_name, error);
}

static void
tfjs_clear (FovTfjs *tfjs)
{
    for (guint i = 0; i < tfjs->n_nodes; i++) {
        g_free (tfjs->nodes[i].shown);
        g_free (tfjs->nodes[i].inputs);
        g_free (tfjs->nodes[i].input_outputs);
        g_free (tfjs->nodes[i].values);
    }
    g_free (tfjs->nodes);
    g_clear_pointer (&tfjs->weights, g_hash_table_unref);
    g_hash_table_unref (tfjs->permuted);
    fov_graph_free (tfjs->graph);
}

FovGraph *
fov_tfjs_read (const char *path, GBytes *data, char **format, GHashTable **metadata, GError **error)
{
    g_autofree char *folder = g_path_get_dirname (path);
    JsonNode *json = fov_tfjs_parse (data, error);
    FovTfjs tfjs = { .graph = fov_graph_new () };
    FovGraph *graph = NULL;

    tfjs.permuted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    if (json && !JSON_NODE_HOLDS_OBJECT (json))
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "JSON, but no object");
    else if (json && read_graph (&tfjs, json_node_get_object (json), folder, error)) {
        fov_graph_remove_unused (tfjs.graph);
        *format = g_strdup ("TensorFlow.js graph model");
        *metadata = read_metadata (json_node_get_object (json));
        graph = g_steal_pointer (&tfjs.graph);
    }
    tfjs_clear (&tfjs);
    if (json)
        json_node_unref (json);
    return graph;
}
