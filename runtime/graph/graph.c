/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graph/op.h"

#include <stdlib.h>
#include <string.h>

/* ---- tensors ---------------------------------------------------------- */

static FovTensor *
tensor_new (FovGraph *graph, const char *name, FovDType dtype)
{
    FovTensor *tensor = g_new0 (FovTensor, 1);

    tensor->id = graph->tensors->len;
    tensor->dtype = dtype;
    tensor->consumers = g_ptr_array_new ();
    g_ptr_array_add (graph->tensors, tensor);
    fov_graph_rename (graph, tensor, name);
    return tensor;
}

static void
tensor_free (FovTensor *tensor)
{
    if (!tensor)
        return;
    g_free (tensor->name);
    g_clear_pointer (&tensor->data, g_bytes_unref);
    g_clear_pointer (&tensor->initial, g_bytes_unref);
    g_ptr_array_unref (tensor->consumers);
    g_free (tensor);
}

static void
node_free (FovNode *node)
{
    g_free (node->name);
    g_free (node->params);
    g_free (node->inputs);
    g_free (node->outputs);
    g_free (node);
}

FovGraph *
fov_graph_new (void)
{
    FovGraph *graph = g_new0 (FovGraph, 1);

    graph->tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) tensor_free);
    graph->nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) node_free);
    graph->inputs = g_ptr_array_new ();
    graph->outputs = g_ptr_array_new ();
    graph->names = g_hash_table_new (g_str_hash, g_str_equal);
    return graph;
}

void
fov_graph_free (FovGraph *graph)
{
    if (!graph)
        return;
    g_hash_table_unref (graph->names);
    g_ptr_array_unref (graph->inputs);
    g_ptr_array_unref (graph->outputs);
    g_ptr_array_unref (graph->nodes);
    g_ptr_array_unref (graph->tensors);
    g_free (graph);
}

void
fov_graph_rename (FovGraph *graph, FovTensor *tensor, const char *name)
{
    char *unique;

    if (!name || !*name)
        unique = g_strdup_printf ("t%u", tensor->id);
    else
        unique = g_strdup (name);
    for (guint i = 1;; i++) {
        FovTensor *taken = g_hash_table_lookup (graph->names, unique);
        if (!taken || taken == tensor)
            break;
        g_free (unique);
        unique = g_strdup_printf ("%s.%u", name && *name ? name : "t", tensor->id + i - 1);
    }
    if (tensor->name)
        g_hash_table_remove (graph->names, tensor->name);
    g_free (tensor->name);
    tensor->name = unique;
    g_hash_table_insert (graph->names, tensor->name, tensor);
}

void
fov_graph_clear_outputs (FovGraph *graph)
{
    for (guint i = 0; i < graph->outputs->len; i++)
        ((FovTensor *) graph->outputs->pdata[i])->is_output = FALSE;
    g_ptr_array_set_size (graph->outputs, 0);
}

FovTensor *
fov_graph_find (const FovGraph *graph, const char *name)
{
    return g_hash_table_lookup (graph->names, name);
}

FovTensor *
fov_graph_add_input (FovGraph *graph, const char *name, FovDType dtype, const FovShape *shape)
{
    FovTensor *tensor = tensor_new (graph, name, dtype);

    tensor->shape = *shape;
    tensor->is_input = TRUE;
    tensor->shape_known = fov_shape_elements (shape) >= 0;
    g_ptr_array_add (graph->inputs, tensor);
    return tensor;
}

FovTensor *
fov_graph_add_constant (FovGraph *graph, const char *name, FovDType dtype, const FovShape *shape,
                        GBytes *data, GError **error)
{
    gint64 n = fov_shape_elements (shape);
    FovTensor *tensor;

    if (n < 0 || (gsize) n * fov_dtype_size (dtype) != g_bytes_get_size (data)) {
        g_autofree char *text = fov_shape_to_string (shape);
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "constant '%s': %" G_GSIZE_FORMAT
                     " bytes of data, but %s of shape %s needs %" G_GINT64_FORMAT
                     " elements of %" G_GSIZE_FORMAT " bytes",
                     name ? name : "", g_bytes_get_size (data), fov_dtype_name (dtype), text, n,
                     fov_dtype_size (dtype));
        return NULL;
    }
    tensor = tensor_new (graph, name, dtype);
    tensor->shape = *shape;
    tensor->shape_known = TRUE;
    tensor->data = g_bytes_ref (data);
    return tensor;
}

static FovTensor *
add_vector (FovGraph *graph, const char *name, FovDType dtype, gconstpointer v, guint n)
{
    g_autoptr (GBytes) data = g_bytes_new (v, n * fov_dtype_size (dtype));
    FovShape shape = { 1, { n } };

    return fov_graph_add_constant (graph, name, dtype, &shape, data, NULL);
}

FovTensor *
fov_graph_add_ints (FovGraph *graph, const char *name, const gint64 *v, guint n)
{
    return add_vector (graph, name, FOV_I64, v, n);
}

FovTensor *
fov_graph_add_floats (FovGraph *graph, const char *name, const float *v, guint n)
{
    return add_vector (graph, name, FOV_F32, v, n);
}

void
fov_graph_add_output (FovGraph *graph, FovTensor *tensor)
{
    tensor->is_output = TRUE;
    g_ptr_array_add (graph->outputs, tensor);
}

/* ---- states ----------------------------------------------------------- */

FovTensor *
fov_graph_add_state (FovGraph *graph, const char *name, FovDType dtype, const FovShape *shape,
                     GBytes *initial, GError **error)
{
    FovTensor *tensor = fov_graph_add_constant (graph, name, dtype, shape, initial, error);

    if (tensor)
        fov_graph_make_state (graph, tensor);
    return tensor;
}

void
fov_graph_make_state (FovGraph *graph, FovTensor *constant)
{
    g_return_if_fail (constant->data != NULL);
    constant->initial = g_steal_pointer (&constant->data);
}

void
fov_graph_set_next (FovGraph *graph, FovTensor *state, FovTensor *next)
{
    g_return_if_fail (state->initial != NULL && (!next || !next->state));
    if (state->next)
        state->next->state = NULL;
    state->next = next;
    if (next)
        next->state = state;
}

gboolean
fov_tensor_is_kept (const FovTensor *tensor)
{
    return tensor->is_output || tensor->state;
}

/* ---- nodes ------------------------------------------------------------ */

gboolean
fov_node_error (const FovNode *node, GError **error, const char *format, ...)
{
    va_list args;
    g_autofree char *text = NULL;

    va_start (args, format);
    text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE, "node '%s' (%s): %s", node->name,
                 node->op->name, text);
    return FALSE;
}

static FovNode *
node_new (const FovOpDef *op, const char *name, guint n_inputs, guint n_outputs)
{
    FovNode *node = g_new0 (FovNode, 1);

    node->op = op;
    node->name = g_strdup (name ? name : "");
    node->params = g_malloc0 (MAX (op->params_size, 1));
    node->n_inputs = n_inputs;
    node->n_outputs = n_outputs;
    node->inputs = g_new0 (FovTensor *, MAX (n_inputs, 1));
    node->outputs = g_new0 (FovTensor *, MAX (n_outputs, 1));
    return node;
}

static gboolean
check_arity (const FovNode *node, FovTensor *const *inputs, GError **error)
{
    const FovOpDef *op = node->op;

    if (node->n_inputs < op->min_inputs || node->n_inputs > op->max_inputs)
        return fov_node_error (node, error, "%u inputs, expected %u to %u", node->n_inputs,
                               op->min_inputs, op->max_inputs);
    if (node->n_outputs < op->min_outputs || node->n_outputs > op->max_outputs)
        return fov_node_error (node, error, "%u outputs, expected %u to %u", node->n_outputs,
                               op->min_outputs, op->max_outputs);
    for (guint i = 0; i < op->min_inputs; i++)
        if (!inputs[i])
            return fov_node_error (node, error, "input %u is missing", i);
    return TRUE;
}

FovNode *
fov_graph_add_node (FovGraph *graph, const char *op_name, const char *name,
                    FovTensor *const *inputs, guint n_inputs, guint n_outputs, const FovAttr *attrs,
                    guint n_attrs, GError **error)
{
    const FovOpDef *op = fov_op_find (op_name);
    FovNode *node;

    if (!op) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "node '%s': operator '%s' is not supported, expected one of those that "
                     "docs/models.md lists",
                     name ? name : "", op_name);
        return NULL;
    }
    while (n_inputs > op->min_inputs && !inputs[n_inputs - 1])
        n_inputs--; /* trailing optional inputs left out */
    node = node_new (op, name, n_inputs, n_outputs);
    if (!check_arity (node, inputs, error) || !fov_node_parse_attrs (node, attrs, n_attrs, error)) {
        node_free (node);
        return NULL;
    }
    for (guint i = 0; i < n_inputs; i++) {
        node->inputs[i] = inputs[i];
        if (inputs[i])
            g_ptr_array_add (inputs[i]->consumers, node);
    }
    for (guint i = 0; i < n_outputs; i++) {
        node->outputs[i] = tensor_new (graph, NULL, FOV_F32);
        node->outputs[i]->producer = node;
    }
    g_ptr_array_add (graph->nodes, node);
    return node;
}

FovGraph *
fov_graph_copy (const FovGraph *graph)
{
    FovGraph *copy = fov_graph_new ();

    for (guint i = 0; i < graph->tensors->len; i++) {
        const FovTensor *from = graph->tensors->pdata[i];
        FovTensor *to;
        if (!from) { /* ids stay as they are */
            g_ptr_array_add (copy->tensors, NULL);
            continue;
        }
        to = tensor_new (copy, from->name, from->dtype);
        to->shape = from->shape;
        to->shape_known = from->shape_known;
        to->data = from->data ? g_bytes_ref (from->data) : NULL;
        to->initial = from->initial ? g_bytes_ref (from->initial) : NULL;
        to->is_input = from->is_input;
        to->is_output = from->is_output;
    }
    for (guint i = 0; i < graph->nodes->len; i++) {
        const FovNode *from = graph->nodes->pdata[i];
        FovNode *to = node_new (from->op, from->name, from->n_inputs, from->n_outputs);
        memcpy (to->params, from->params, from->op->params_size);
        for (guint k = 0; k < from->n_inputs; k++) {
            if (!from->inputs[k])
                continue;
            to->inputs[k] = copy->tensors->pdata[from->inputs[k]->id];
            g_ptr_array_add (to->inputs[k]->consumers, to);
        }
        for (guint k = 0; k < from->n_outputs; k++) {
            if (!from->outputs[k])
                continue;
            to->outputs[k] = copy->tensors->pdata[from->outputs[k]->id];
            to->outputs[k]->producer = to;
        }
        g_ptr_array_add (copy->nodes, to);
    }
    for (guint i = 0; i < graph->tensors->len; i++) {
        const FovTensor *from = graph->tensors->pdata[i];
        if (from && from->next)
            fov_graph_set_next (copy, copy->tensors->pdata[i],
                                copy->tensors->pdata[from->next->id]);
    }
    for (guint i = 0; i < graph->inputs->len; i++)
        g_ptr_array_add (copy->inputs,
                         copy->tensors->pdata[((FovTensor *) graph->inputs->pdata[i])->id]);
    for (guint i = 0; i < graph->outputs->len; i++)
        g_ptr_array_add (copy->outputs,
                         copy->tensors->pdata[((FovTensor *) graph->outputs->pdata[i])->id]);
    return copy;
}

/* ---- surgery ---------------------------------------------------------- */

/* Forgets one use. Passes go through a graph from either end, and a constant may have as many
 * readers as the graph has nodes: so look from both ends, and do not close the gap. */
static void
drop_consumer (FovTensor *tensor, const FovNode *node)
{
    GPtrArray *uses = tensor->consumers;

    for (guint i = 0; i < uses->len; i++) {
        guint back = uses->len - 1 - i;
        if (uses->pdata[back] == node) {
            g_ptr_array_remove_index_fast (uses, back);
            return;
        }
        if (uses->pdata[i] == node) {
            g_ptr_array_remove_index_fast (uses, i);
            return;
        }
    }
}

void
fov_graph_set_input (FovGraph *graph, FovNode *node, guint index, FovTensor *tensor)
{
    FovTensor *old = node->inputs[index];

    if (old)
        drop_consumer (old, node);
    node->inputs[index] = tensor;
    if (tensor)
        g_ptr_array_add (tensor->consumers, node);
}

void
fov_graph_replace_uses (FovGraph *graph, FovTensor *old_tensor, FovTensor *new_tensor)
{
    GPtrArray *uses = old_tensor->consumers;

    if (old_tensor == new_tensor)
        return;
    for (guint i = 0; i < uses->len; i++) { /* one entry per use */
        FovNode *node = uses->pdata[i];
        guint k = 0;
        while (node->inputs[k] != old_tensor)
            k++;
        node->inputs[k] = new_tensor;
        g_ptr_array_add (new_tensor->consumers, node);
    }
    g_ptr_array_set_size (uses, 0);
    if (old_tensor->state && !new_tensor->state) /* else both are computed */
        fov_graph_set_next (graph, old_tensor->state, new_tensor);
    if (!old_tensor->is_output)
        return;
    for (guint i = 0; i < graph->outputs->len; i++)
        if (graph->outputs->pdata[i] == old_tensor)
            graph->outputs->pdata[i] = new_tensor;
    old_tensor->is_output = FALSE;
    new_tensor->is_output = TRUE;
}

void
fov_graph_extend_input (FovGraph *graph, FovNode *node, guint index, FovTensor *tensor)
{
    if (index >= node->n_inputs) {
        node->inputs = g_renew (FovTensor *, node->inputs, index + 1);
        for (guint i = node->n_inputs; i <= index; i++)
            node->inputs[i] = NULL;
        node->n_inputs = index + 1;
    }
    fov_graph_set_input (graph, node, index, tensor);
}

FovTensor *
fov_graph_extend_output (FovGraph *graph, FovNode *node, guint index)
{
    if (index >= node->n_outputs) {
        node->outputs = g_renew (FovTensor *, node->outputs, index + 1);
        for (guint i = node->n_outputs; i <= index; i++)
            node->outputs[i] = NULL;
        node->n_outputs = index + 1;
    }
    if (!node->outputs[index]) {
        node->outputs[index] = tensor_new (graph, NULL, FOV_F32);
        node->outputs[index]->producer = node;
    }
    return node->outputs[index];
}

FovNode *
fov_tensor_only_consumer (const FovTensor *tensor)
{
    return tensor->consumers->len == 1 && !fov_tensor_is_kept (tensor) ? tensor->consumers->pdata[0]
                                                                       : NULL;
}

gboolean
fov_node_is (const FovNode *node, const char *op)
{
    return node && g_str_equal (node->op->name, op);
}

FovNode *
fov_graph_insert (FovGraph *graph, const char *op, const char *name, FovTensor *const *inputs,
                  guint n_inputs, const FovAttr *attrs, guint n_attrs, GError **error)
{
    FovNode *node =
        fov_graph_add_node (graph, op, name, inputs, n_inputs, 1, attrs, n_attrs, error);

    if (!node || !node->op->infer (node, error))
        return NULL;
    node->outputs[0]->shape_known = TRUE;
    return node;
}

static void
drop_tensor (FovGraph *graph, FovTensor *tensor)
{
    guint id = tensor->id;

    g_hash_table_remove (graph->names, tensor->name);
    graph->tensors->pdata[id] = NULL;
    tensor_free (tensor);
}

static void
detach_node (FovGraph *graph, FovNode *node)
{
    for (guint i = 0; i < node->n_inputs; i++)
        if (node->inputs[i])
            drop_consumer (node->inputs[i], node);
    for (guint i = 0; i < node->n_outputs; i++) {
        if (!node->outputs[i])
            continue;
        g_assert (node->outputs[i]->consumers->len == 0 && !fov_tensor_is_kept (node->outputs[i]));
        drop_tensor (graph, node->outputs[i]);
    }
}

void
fov_graph_remove_node (FovGraph *graph, FovNode *node)
{
    detach_node (graph, node);
    g_ptr_array_remove (graph->nodes, node);
}

static gboolean
node_is_unused (const FovNode *node)
{
    for (guint i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] &&
            (node->outputs[i]->consumers->len || fov_tensor_is_kept (node->outputs[i])))
            return FALSE;
    return TRUE;
}

/* Takes the node apart but for itself; producers that nobody needs any more go to the list. */
static void
kill_node (FovGraph *graph, FovNode *node, GHashTable *dead, GPtrArray *next)
{
    g_hash_table_add (dead, node);
    for (guint i = 0; i < node->n_inputs; i++) {
        FovTensor *in = node->inputs[i];
        if (!in)
            continue;
        drop_consumer (in, node);
        node->inputs[i] = NULL;
        if (in->producer && node_is_unused (in->producer) &&
            !g_hash_table_contains (dead, in->producer))
            g_ptr_array_add (next, in->producer);
    }
    detach_node (graph, node);
    node->n_outputs = 0;
}

void
fov_graph_remove_unused (FovGraph *graph)
{
    g_autoptr (GHashTable) dead = g_hash_table_new (NULL, NULL);
    g_autoptr (GPtrArray) list = g_ptr_array_new ();
    guint n = 0;

    for (guint i = 0; i < graph->nodes->len; i++)
        if (node_is_unused (graph->nodes->pdata[i]))
            g_ptr_array_add (list, graph->nodes->pdata[i]);
    while (list->len) {
        FovNode *node = g_ptr_array_steal_index (list, list->len - 1);
        if (!g_hash_table_contains (dead, node))
            kill_node (graph, node, dead, list);
    }
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        if (g_hash_table_contains (dead, node))
            node_free (node);
        else
            graph->nodes->pdata[n++] = node;
    }
    g_ptr_array_set_free_func (graph->nodes, NULL);
    g_ptr_array_set_size (graph->nodes, (int) n);
    g_ptr_array_set_free_func (graph->nodes, (GDestroyNotify) node_free);
    for (guint i = 0; i < graph->tensors->len; i++) {
        FovTensor *tensor = graph->tensors->pdata[i];
        if (tensor && tensor->data && !tensor->consumers->len && !tensor->is_output)
            drop_tensor (graph, tensor);
    }
}
