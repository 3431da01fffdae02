/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Concrete shapes for a graph, and everything constant computed once. */
#include "graph/op.h"

#include <string.h>

/* What is folded, at most, for one node and for a whole graph; the rest is computed per run. A
 * few bytes of a file must not grow into gigabytes (Expand, Tile, ConstantOfShape). */
#define FOLD_LIMIT ((gsize) 64 << 20)
#define FOLD_LIMIT_TOTAL ((gsize) 512 << 20)

static gboolean
set_input_shapes (FovGraph *graph, const FovShape *shapes, GError **error)
{
    for (guint i = 0; i < graph->inputs->len; i++) {
        FovTensor *input = graph->inputs->pdata[i];
        const FovShape *want = shapes ? &shapes[i] : &input->shape;
        g_autofree char *is = fov_shape_to_string (&input->shape);

        if (want->rank != input->shape.rank) {
            g_autofree char *text = fov_shape_to_string (want);
            g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                         "input '%s': asked for shape %s, but the model's is %s", input->name, text,
                         is);
            return FALSE;
        }
        for (int d = 0; d < want->rank; d++) {
            gint64 size = want->dim[d] < 0 ? MAX (input->shape.dim[d], 1) : want->dim[d];
            if (input->shape.dim[d] >= 0 && size != input->shape.dim[d]) {
                g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                             "input '%s': asked for %" G_GINT64_FORMAT
                             " in dimension %d, but the model fixes its shape to %s",
                             input->name, size, d, is);
                return FALSE;
            }
            input->shape.dim[d] = size;
        }
        if (fov_tensor_elements (input) < 0 || fov_tensor_elements (input) > G_MAXINT32) {
            g_autofree char *text = fov_shape_to_string (&input->shape);
            g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE, "input '%s': shape %s is too large",
                         input->name, text);
            return FALSE;
        }
        input->shape_known = TRUE;
    }
    return TRUE;
}

static gboolean
all_known (const FovNode *node)
{
    for (guint i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] && fov_tensor_elements (node->inputs[i]) < 0)
            return FALSE;
    return TRUE;
}

static gboolean
can_fold (const FovNode *node, gsize *total)
{
    gsize bytes = 0;

    if (node->op->flags & (FOV_OP_NO_FOLD | FOV_OP_DYNAMIC))
        return FALSE;
    for (guint i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] && !node->inputs[i]->data && !(node->op->flags & FOV_OP_SHAPE_ONLY))
            return FALSE;
    for (guint i = 0; i < node->n_outputs; i++) {
        const FovTensor *out = node->outputs[i];
        if (out)
            bytes += (gsize) fov_tensor_elements (out) * fov_dtype_size (out->dtype);
    }
    if (bytes > FOLD_LIMIT || *total + bytes > FOLD_LIMIT_TOTAL)
        return FALSE;
    *total += bytes;
    return TRUE;
}

/* Runs the reference on constants and makes the outputs constants. */
static gboolean
fold_node (FovGraph *graph, FovNode *node, GError **error)
{
    g_autofree FovView *in = g_new0 (FovView, node->n_inputs + 1);
    g_autofree FovView *out = g_new0 (FovView, node->n_outputs + 1);
    gboolean ok;

    for (guint i = 0; i < node->n_inputs; i++) {
        if (!node->inputs[i])
            continue;
        in[i].dtype = node->inputs[i]->dtype;
        in[i].shape = node->inputs[i]->shape;
        if (node->inputs[i]->data)
            in[i].data = (void *) g_bytes_get_data (node->inputs[i]->data, NULL);
    }
    for (guint i = 0; i < node->n_outputs; i++) {
        FovTensor *t = node->outputs[i];
        if (!t)
            continue;
        out[i].dtype = t->dtype;
        out[i].shape = t->shape;
        out[i].data = g_malloc0 (MAX (fov_tensor_elements (t) * fov_dtype_size (t->dtype), 1));
    }
    ok = node->op->reference (node, in, out, error);
    for (guint i = 0; i < node->n_outputs; i++) {
        FovTensor *t = node->outputs[i];
        if (!t)
            continue;
        if (ok) {
            t->data =
                g_bytes_new_take (out[i].data, fov_tensor_elements (t) * fov_dtype_size (t->dtype));
            t->producer = NULL;
            node->outputs[i] = NULL;
        } else {
            g_free (out[i].data);
        }
    }
    return ok;
}

/* The shape of a tensor is known before its values are. */
static void
mark_known (FovNode *node)
{
    for (guint i = 0; i < node->n_outputs; i++)
        if (node->outputs[i])
            node->outputs[i]->shape_known = fov_tensor_elements (node->outputs[i]) >= 0;
}

static void
mark_unknown (FovNode *node)
{
    for (guint i = 0; i < node->n_outputs; i++)
        if (node->outputs[i]) {
            node->outputs[i]->shape.rank = MAX (node->outputs[i]->shape.rank, 1);
            for (int d = 0; d < node->outputs[i]->shape.rank; d++)
                node->outputs[i]->shape.dim[d] = -1;
        }
}

gboolean
fov_graph_specialize (FovGraph *graph, const FovShape *shapes, GError **error)
{
    g_autoptr (GPtrArray) folded = g_ptr_array_new ();
    gsize total = 0;

    if (!set_input_shapes (graph, shapes, error) || !fov_graph_sort (graph, error))
        return FALSE;
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        if (!all_known (node)) { /* behind a result whose size depends on data */
            mark_unknown (node);
            continue;
        }
        if (!node->op->infer (node, error))
            return FALSE;
        mark_known (node);
        /* Shape arithmetic needs values, not only shapes, to go on. */
        if (can_fold (node, &total)) {
            if (!fold_node (graph, node, error))
                return FALSE;
            g_ptr_array_add (folded, node);
        }
    }
    for (guint i = 0; i < folded->len; i++)
        fov_graph_remove_node (graph, folded->pdata[i]);
    fov_graph_remove_unused (graph);
    return TRUE;
}
