/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "graph/backward.h"

static gboolean
is_real (const FovTensor *t)
{
    return t->dtype == FOV_F32 || t->dtype == FOV_F64 || t->dtype == FOV_F16;
}

/* Everything real that is computed from a wanted tensor, and those themselves. */
static GHashTable *
find_needed (const FovGraph *graph, FovTensor *const *wanted, guint n_wanted)
{
    GHashTable *needed = g_hash_table_new (NULL, NULL);

    for (guint i = 0; i < n_wanted; i++)
        g_hash_table_add (needed, wanted[i]);
    for (guint i = 0; i < graph->nodes->len; i++) {
        const FovNode *node = graph->nodes->pdata[i];
        gboolean reached = FALSE;
        for (guint k = 0; k < node->n_inputs && !(node->op->flags & FOV_OP_NO_GRADIENT); k++)
            reached =
                reached || (node->inputs[k] && g_hash_table_contains (needed, node->inputs[k]));
        for (guint k = 0; reached && k < node->n_outputs; k++)
            if (node->outputs[k] && is_real (node->outputs[k]))
                g_hash_table_add (needed, node->outputs[k]);
    }
    return needed;
}

/* grads: FovTensor* -> the gradient so far. */
static void
add_gradient (FovGrad *g, GHashTable *grads, FovTensor *of, FovTensor *gradient)
{
    FovTensor *so_far = g_hash_table_lookup (grads, of);

    if (g->error)
        return;
    if (!fov_shape_equal (&of->shape, &gradient->shape) || of->dtype != gradient->dtype) {
        g_autofree char *a = fov_shape_to_string (&of->shape);
        g_autofree char *b = fov_shape_to_string (&gradient->shape);
        g_set_error (&g->error, FOV_ERROR, FOV_ERROR_FAILED,
                     "node '%s' (%s): a gradient has %s %s, expected %s %s", g->node->name,
                     g->node->op->name, fov_dtype_name (gradient->dtype), b,
                     fov_dtype_name (of->dtype), a);
        return;
    }
    if (so_far)
        gradient = fov_grad_binary (g, "Add", so_far, gradient);
    g_hash_table_insert (grads, of, gradient);
}

static void
differentiate (FovGrad *g, FovNode *node, GHashTable *grads)
{
    g_autofree FovTensor **dy = g_new0 (FovTensor *, node->n_outputs + 1);
    g_autofree FovTensor **dx = g_new0 (FovTensor *, node->n_inputs + 1);
    gboolean used = FALSE, asked = FALSE;

    for (guint k = 0; k < node->n_outputs; k++) {
        dy[k] = node->outputs[k] ? g_hash_table_lookup (grads, node->outputs[k]) : NULL;
        used = used || dy[k];
    }
    g->node = node;
    for (guint k = 0; k < node->n_inputs; k++)
        asked = asked || fov_grad_wants (g, k);
    if (!used || !asked)
        return;
    if (!node->op->gradient) {
        fov_grad_unsupported (g, NULL);
        return;
    }
    node->op->gradient (g, node, dy, dx);
    for (guint k = 0; k < node->n_inputs; k++)
        if (dx[k] && fov_grad_wants (g, k))
            add_gradient (g, grads, node->inputs[k], dx[k]);
}

static FovTensor *
ones_like (FovGrad *g, const FovTensor *t)
{
    return fov_tensor_elements (t) == 1 ? fov_grad_reshape (g, fov_grad_scalar (g, t, 1), &t->shape)
                                        : fov_grad_expand (g, fov_grad_scalar (g, t, 1), &t->shape);
}

gboolean
fov_graph_backward (FovGraph *graph, FovTensor *loss, FovTensor *const *wanted, guint n_wanted,
                    FovTensor **grads_out, GError **error)
{
    g_autoptr (GHashTable) needed = NULL;
    g_autoptr (GHashTable) grads = g_hash_table_new (NULL, NULL);
    FovGrad g = { .graph = graph };
    guint n;

    if (!fov_graph_sort (graph, error))
        return FALSE;
    n = graph->nodes->len;
    g.needed = needed = find_needed (graph, wanted, n_wanted);
    if (g_hash_table_contains (needed, loss)) {
        g.node = loss->producer ? loss->producer : NULL;
        g_hash_table_insert (grads, loss, ones_like (&g, loss));
    }
    for (guint i = n; i-- > 0 && !g.error;)
        differentiate (&g, graph->nodes->pdata[i], grads);
    for (guint i = 0; i < n_wanted && !g.error; i++) {
        grads_out[i] = g_hash_table_lookup (grads, wanted[i]);
        if (!grads_out[i])
            grads_out[i] = fov_grad_zeros (&g, wanted[i]);
    }
    if (!g.error)
        return TRUE;
    g_propagate_error (error, g.error);
    return FALSE;
}
