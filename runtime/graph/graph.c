/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graph/op.h"

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

/* ---- attributes ------------------------------------------------------- */

static void
params_set_fallbacks (const FovOpDef *op, gpointer params)
{
    for (const FovParam *p = op->params; p && p->name; p++) {
        void *field = (guint8 *) params + p->offset;
        if (p->type == FOV_PARAM_INT)
            *(gint64 *) field = (gint64) p->fallback;
        else if (p->type == FOV_PARAM_FLOAT)
            *(float *) field = (float) p->fallback;
        else if (p->type == FOV_PARAM_ENUM)
            *(int *) field = (int) p->fallback;
    }
}

static gboolean
param_set_enum (const FovParam *p, const FovAttr *attr, int *field)
{
    if (attr->type != FOV_ATTR_STRING)
        return FALSE;
    for (int i = 0; p->names[i]; i++) {
        if (g_str_equal (p->names[i], attr->s)) {
            *field = i;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
param_set (const FovParam *p, const FovAttr *attr, void *field)
{
    switch (p->type) {
    case FOV_PARAM_INT:
        if (attr->type != FOV_ATTR_INT)
            return FALSE;
        *(gint64 *) field = attr->i;
        return TRUE;
    case FOV_PARAM_FLOAT:
        if (attr->type != FOV_ATTR_FLOAT)
            return FALSE;
        *(float *) field = (float) attr->f;
        return TRUE;
    case FOV_PARAM_INTS: {
        FovInts *list = field;
        if (attr->type != FOV_ATTR_INTS || attr->n > G_N_ELEMENTS (list->v))
            return FALSE;
        list->n = (int) attr->n;
        if (attr->n)
            memcpy (list->v, attr->ints, attr->n * sizeof *list->v);
        return TRUE;
    }
    case FOV_PARAM_FLOATS: {
        FovFloats *list = field;
        if (attr->type != FOV_ATTR_FLOATS || attr->n > G_N_ELEMENTS (list->v))
            return FALSE;
        list->n = (int) attr->n;
        if (attr->n)
            memcpy (list->v, attr->floats, attr->n * sizeof *list->v);
        return TRUE;
    }
    case FOV_PARAM_ENUM:
        return param_set_enum (p, attr, field);
    }
    return FALSE;
}

static char *
param_expected (const FovParam *p)
{
    static const char *const types[] = { "an integer", "a float", "at most 16 integers",
                                         "at most 16 floats" };
    if (p->type == FOV_PARAM_ENUM) {
        g_autofree char *all = g_strjoinv (", ", (char **) p->names);
        return g_strdup_printf ("one of %s", all);
    }
    return g_strdup (types[p->type]);
}

static char *
attr_found (const FovAttr *attr)
{
    switch (attr->type) {
    case FOV_ATTR_INT:
        return g_strdup_printf ("integer %" G_GINT64_FORMAT, attr->i);
    case FOV_ATTR_FLOAT:
        return g_strdup_printf ("float %g", attr->f);
    case FOV_ATTR_STRING:
        return g_strdup_printf ("'%s'", attr->s);
    case FOV_ATTR_INTS:
        return g_strdup_printf ("%" G_GSIZE_FORMAT " integers", attr->n);
    default:
        return g_strdup_printf ("%" G_GSIZE_FORMAT " floats", attr->n);
    }
}

static gboolean
params_parse (FovNode *node, const FovAttr *attrs, guint n_attrs, GError **error)
{
    params_set_fallbacks (node->op, node->params);
    for (guint i = 0; i < n_attrs; i++) {
        const FovParam *p = node->op->params;
        while (p && p->name && !g_str_equal (p->name, attrs[i].name))
            p++;
        if (!p || !p->name)
            return fov_node_error (node, error, "attribute '%s' is not known to this op",
                                   attrs[i].name);
        if (!param_set (p, &attrs[i], (guint8 *) node->params + p->offset)) {
            g_autofree char *found = attr_found (&attrs[i]);
            g_autofree char *expected = param_expected (p);
            return fov_node_error (node, error, "attribute '%s' is %s, expected %s", p->name, found,
                                   expected);
        }
    }
    return TRUE;
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
                     "node '%s': operator '%s' is not supported", name ? name : "", op_name);
        return NULL;
    }
    while (n_inputs > op->min_inputs && !inputs[n_inputs - 1])
        n_inputs--; /* trailing optional inputs left out */
    node = node_new (op, name, n_inputs, n_outputs);
    if (!check_arity (node, inputs, error) || !params_parse (node, attrs, n_attrs, error)) {
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
            to->outputs[k] = copy->tensors->pdata[from->outputs[k]->id];
            to->outputs[k]->producer = to;
        }
        g_ptr_array_add (copy->nodes, to);
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

void
fov_graph_set_input (FovGraph *graph, FovNode *node, guint index, FovTensor *tensor)
{
    FovTensor *old = node->inputs[index];

    if (old)
        g_ptr_array_remove (old->consumers, node);
    node->inputs[index] = tensor;
    if (tensor)
        g_ptr_array_add (tensor->consumers, node);
}

void
fov_graph_replace_uses (FovGraph *graph, FovTensor *old_tensor, FovTensor *new_tensor)
{
    while (old_tensor->consumers->len) {
        FovNode *node = old_tensor->consumers->pdata[0];
        for (guint i = 0; i < node->n_inputs; i++)
            if (node->inputs[i] == old_tensor)
                fov_graph_set_input (graph, node, i, new_tensor);
    }
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

FovNode *
fov_tensor_only_consumer (const FovTensor *tensor)
{
    return tensor->consumers->len == 1 && !tensor->is_output ? tensor->consumers->pdata[0] : NULL;
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
            g_ptr_array_remove (node->inputs[i]->consumers, node);
    for (guint i = 0; i < node->n_outputs; i++) {
        if (!node->outputs[i])
            continue;
        g_assert (node->outputs[i]->consumers->len == 0 && !node->outputs[i]->is_output);
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
        if (node->outputs[i] && (node->outputs[i]->consumers->len || node->outputs[i]->is_output))
            return FALSE;
    return TRUE;
}

void
fov_graph_remove_unused (FovGraph *graph)
{
    GPtrArray *kept = g_ptr_array_new_with_free_func ((GDestroyNotify) node_free);

    for (guint i = graph->nodes->len; i-- > 0;) {
        FovNode *node = graph->nodes->pdata[i];
        if (node_is_unused (node)) {
            detach_node (graph, node);
            node_free (node);
        } else {
            g_ptr_array_add (kept, node);
        }
    }
    for (guint i = 0; i < kept->len / 2; i++) {
        gpointer swap = kept->pdata[i];
        kept->pdata[i] = kept->pdata[kept->len - 1 - i];
        kept->pdata[kept->len - 1 - i] = swap;
    }
    g_ptr_array_set_free_func (graph->nodes, NULL);
    g_ptr_array_unref (graph->nodes);
    graph->nodes = kept;
    for (guint i = 0; i < graph->tensors->len; i++) {
        FovTensor *tensor = graph->tensors->pdata[i];
        if (tensor && tensor->data && !tensor->consumers->len && !tensor->is_output)
            drop_tensor (graph, tensor);
    }
}

gboolean
fov_graph_sort (FovGraph *graph, GError **error)
{
    guint n = graph->nodes->len;
    g_autoptr (GHashTable) waits = g_hash_table_new (NULL, NULL); /* node -> producers to come */
    g_autoptr (GPtrArray) sorted = g_ptr_array_sized_new (n);
    g_autoptr (GPtrArray) ready = g_ptr_array_new ();

    /* A ready list kept in reverse of the present order makes the sort stable enough:
     * what was in order stays so. */
    for (guint i = n; i-- > 0;) {
        FovNode *node = graph->nodes->pdata[i];
        guint count = 0;
        for (guint k = 0; k < node->n_inputs; k++)
            count += node->inputs[k] && node->inputs[k]->producer;
        g_hash_table_insert (waits, node, GUINT_TO_POINTER (count));
        if (!count)
            g_ptr_array_add (ready, node);
    }
    while (ready->len) {
        FovNode *node = g_ptr_array_steal_index (ready, ready->len - 1);
        g_ptr_array_add (sorted, node);
        for (guint k = node->n_outputs; k-- > 0;) {
            FovTensor *out = node->outputs[k];
            for (guint c = out ? out->consumers->len : 0; c-- > 0;) {
                FovNode *next = out->consumers->pdata[c];
                guint left = GPOINTER_TO_UINT (g_hash_table_lookup (waits, next)) - 1;
                g_hash_table_insert (waits, next, GUINT_TO_POINTER (left));
                if (!left)
                    g_ptr_array_add (ready, next);
            }
        }
    }
    if (sorted->len != n) {
        for (guint i = 0; i < n; i++) {
            FovNode *node = graph->nodes->pdata[i];
            if (g_hash_table_lookup (waits, node)) {
                g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                             "node '%s' (%s) depends on its own output: the graph has a cycle",
                             node->name, node->op->name);
                break;
            }
        }
        return FALSE;
    }
    memcpy (graph->nodes->pdata, sorted->pdata, n * sizeof (gpointer));
    return TRUE;
}
