/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Concrete shapes for a graph, and everything constant computed once. */
#include "graph/backward.h"

#include <string.h>

/* What is folded, at most, for one node and for a whole graph; the rest is computed per run. A
 * few bytes of a file must not grow into gigabytes (Expand, Tile, ConstantOfShape). */
#define FOLD_LIMIT ((gsize) 64 << 20)
#define FOLD_LIMIT_TOTAL ((gsize) 512 << 20)
#define FOLD_LIMIT_WORK 2e9 /* operations, of the whole graph: the reference is slow */

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
            gint64 own = input->shape.dim[d];
            gint64 size = want->dim[d] >= 0 ? want->dim[d] : own >= 0 ? own : 1;
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

/* What is left of the limits. */
typedef struct {
    gsize bytes;
    double work;
} Budget;

static double
node_work (const FovNode *node, gsize bytes)
{
    return node->op->flops ? node->op->flops (node) : (double) bytes;
}

static gboolean
can_fold (const FovNode *node, Budget *budget)
{
    gsize bytes = 0;
    double work;

    if (node->op->flags & (FOV_OP_NO_FOLD | FOV_OP_DYNAMIC))
        return FALSE;
    for (guint i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] && !node->inputs[i]->data && !(node->op->flags & FOV_OP_SHAPE_ONLY))
            return FALSE;
    for (guint i = 0; i < node->n_outputs; i++) {
        const FovTensor *out = node->outputs[i];
        if (out && fov_tensor_elements (out) < 0)
            return FALSE;
        if (out) /* 2^46 elements of 8 bytes at most, and there are fewer than 2^14 outputs */
            bytes += (gsize) fov_tensor_elements (out) * fov_dtype_size (out->dtype);
        if (bytes > FOLD_LIMIT)
            return FALSE;
    }
    work = node_work (node, bytes);
    if (bytes > budget->bytes || !(work <= budget->work))
        return FALSE;
    budget->bytes -= bytes;
    budget->work -= work;
    return TRUE;
}

/* A reshape of a constant is a constant of the same bytes, whatever its size. */
static gboolean
share_constant (FovNode *node)
{
    FovTensor *in = node->inputs[0], *out = node->outputs[0];

    if (!(node->op->flags & FOV_OP_ALIAS) || !in->data || !out || in->dtype != out->dtype ||
        fov_tensor_elements (in) != fov_tensor_elements (out))
        return FALSE;
    out->data = g_bytes_ref (in->data);
    out->producer = NULL;
    node->outputs[0] = NULL;
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

/*
 * Behind a result whose size depends on data, only dtypes and ranks can be told, by inferring as if
 * every unknown size were 1. Where that does not fit, the outputs stay what they were made as.
 */
static void
guess_dtypes (FovNode *node)
{
    g_autofree FovShape *shapes = g_new0 (FovShape, node->n_inputs + 1);
    g_autofree gpointer params = g_memdup2 (node->params, node->op->params_size);

    for (guint i = 0; i < node->n_inputs; i++) {
        FovTensor *in = node->inputs[i];
        if (!in)
            continue;
        shapes[i] = in->shape;
        for (int d = 0; d < in->shape.rank; d++)
            if (in->shape.dim[d] < 0)
                in->shape.dim[d] = 1;
    }
    node->op->infer (node, NULL);
    for (guint i = node->n_inputs; i-- > 0;) /* backwards: one may be there twice */
        if (node->inputs[i])
            node->inputs[i]->shape = shapes[i];
    if (params)
        memcpy (node->params, params, node->op->params_size);
}

static void
mark_unknown (FovNode *node)
{
    guess_dtypes (node);
    for (guint i = 0; i < node->n_outputs; i++) {
        FovTensor *out = node->outputs[i];
        if (!out)
            continue;
        out->shape_known = FALSE;
        out->shape.rank = CLAMP (out->shape.rank, 1, FOV_MAX_RANK);
        for (int d = 0; d < out->shape.rank; d++)
            out->shape.dim[d] = -1;
    }
}

/* Puts nodes in the place of those that only stand for them, and folds what is constant there. */
static gboolean
expand_nodes (FovGraph *graph, Budget *budget, GError **error)
{
    const guint n = graph->nodes->len;
    guint n_expanded = 0;

    for (guint i = 0; i < n; i++) {
        FovNode *node = graph->nodes->pdata[i];
        FovGrad g = { .graph = graph, .node = node };
        g_autofree FovTensor **out = g_new0 (FovTensor *, node->n_outputs + 1);
        if (!node->op->expand || !all_known (node))
            continue;
        node->op->expand (&g, node, out);
        if (g.error) {
            g_propagate_error (error, g.error);
            return FALSE;
        }
        for (guint k = 0; k < node->n_outputs; k++)
            if (node->outputs[k])
                fov_graph_replace_uses (graph, node->outputs[k], out[k]);
        n_expanded++;
    }
    if (!n_expanded)
        return TRUE;
    fov_graph_remove_unused (graph); /* those expanded */
    if (!fov_graph_sort (graph, error))
        return FALSE;
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        if (all_known (node) && can_fold (node, budget) && !fold_node (graph, node, error))
            return FALSE;
    }
    fov_graph_remove_unused (graph);
    return TRUE;
}

/* Puts nodes in the place of Gradient nodes, in order, so that one may ask for another's. */
static gboolean
expand_gradients (FovGraph *graph, GError **error)
{
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        g_autofree FovTensor **grads = NULL;
        if (!fov_node_is (node, "Gradient") || !all_known (node))
            continue;
        grads = g_new0 (FovTensor *, node->n_inputs);
        if (!fov_graph_backward (graph, node->inputs[node->n_inputs - 1], node->inputs,
                                 node->n_inputs - 1, grads, error)) {
            g_prefix_error (error, "node '%s' (Gradient): ", node->name);
            return FALSE;
        }
        for (guint k = 0; k < node->n_outputs; k++)
            if (node->outputs[k])
                fov_graph_replace_uses (graph, node->outputs[k], grads[k]);
        fov_graph_remove_node (graph, node);
        i = G_MAXUINT; /* sorted anew: from the start, where the loop's increment leads */
    }
    return TRUE;
}

gboolean
fov_graph_specialize (FovGraph *graph, const FovShape *shapes, GError **error)
{
    Budget budget = { FOLD_LIMIT_TOTAL, FOLD_LIMIT_WORK };

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
        if (!share_constant (node) && can_fold (node, &budget) && !fold_node (graph, node, error))
            return FALSE;
    }
    fov_graph_remove_unused (graph); /* those folded have no outputs any more */
    return expand_nodes (graph, &budget, error) && expand_gradients (graph, error);
}
