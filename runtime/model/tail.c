/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The tail of a plan: steps whose sizes depend on data (a graph that ends in
 * NMS). They are few and small, so they are interpreted: shapes inferred and
 * results allocated per frame.
 */
#include "model/session.h"

#include <string.h>

GPtrArray *
fov_tail_inputs (const FovPlan *plan)
{
    GPtrArray *inputs = g_ptr_array_new ();
    g_autoptr (GHashTable) inside = g_hash_table_new (NULL, NULL);

    for (guint i = plan->n_static; i < plan->n_steps; i++) {
        const FovNode *node = plan->steps[i].node;
        for (guint k = 0; k < node->n_inputs; k++) {
            FovTensor *t = node->inputs[k];
            if (t && !t->data && !g_hash_table_contains (inside, t) &&
                !g_ptr_array_find (inputs, t, NULL))
                g_ptr_array_add (inputs, t);
        }
        for (guint k = 0; k < node->n_outputs; k++)
            if (node->outputs[k])
                g_hash_table_add (inside, node->outputs[k]);
    }
    return inputs;
}

typedef struct {
    const FovPlan *plan;
    gconstpointer (*value) (const FovTensor *tensor, gpointer user_data);
    gpointer user_data;
    GHashTable *made; /* FovTensor* of the tail that hold data now */
    GHashTable *lent; /* FovTensor* of the static part whose values are lent as data */
} Tail;

/* Inference reads values (a K, a shape) that the static part computed from its tensors' data. */
static void
lend_inputs (Tail *tail, const FovNode *node)
{
    for (guint k = 0; k < node->n_inputs; k++) {
        FovTensor *t = node->inputs[k];
        if (!t || t->data)
            continue;
        t->data = g_bytes_new_static (tail->value (t, tail->user_data),
                                      fov_tensor_elements (t) * fov_dtype_size (t->dtype));
        g_hash_table_add (tail->lent, t);
    }
}

static void
clear_data (GHashTable *tensors)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init (&iter, tensors);
    while (g_hash_table_iter_next (&iter, &key, NULL))
        g_clear_pointer (&((FovTensor *) key)->data, g_bytes_unref);
}

static void
get_inputs (const FovNode *node, FovView *in)
{
    for (guint k = 0; k < node->n_inputs; k++) {
        FovTensor *t = node->inputs[k];
        if (!t)
            continue;
        in[k].dtype = t->dtype;
        in[k].shape = t->shape;
        in[k].data = (gpointer) g_bytes_get_data (t->data, NULL);
    }
}

/* Memory for what the node makes; a FOV_OP_DYNAMIC op takes its own. */
static gboolean
take_outputs (const FovNode *node, FovView *out, GError **error)
{
    for (guint k = 0; k < node->n_outputs; k++) {
        const FovTensor *t = node->outputs[k];
        gint64 n = t ? fov_tensor_elements (t) : 0;
        if (!t)
            continue;
        out[k].dtype = t->dtype;
        out[k].shape = t->shape;
        if (node->op->flags & FOV_OP_DYNAMIC)
            continue;
        if (n < 0) /* all inputs have values, so it should be known */
            return fov_node_error (node, error, "output %u has no definite size", k);
        out[k].data = g_try_malloc0 (MAX ((gsize) n * fov_dtype_size (t->dtype), 1));
        if (!out[k].data) {
            fov_node_error (node, error, "no memory for %" G_GINT64_FORMAT " elements", n);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
run_node (Tail *tail, const FovNode *node, GError **error)
{
    g_autofree FovView *in = g_new0 (FovView, node->n_inputs + 1);
    g_autofree FovView *out = g_new0 (FovView, node->n_outputs + 1);
    gboolean ok;

    lend_inputs (tail, node);
    if (!node->op->infer ((FovNode *) node, error))
        return FALSE;
    get_inputs (node, in);
    ok = take_outputs (node, out, error) && node->op->reference (node, in, out, error);
    for (guint k = 0; k < node->n_outputs; k++) {
        FovTensor *t = node->outputs[k];
        if (!t || !ok) {
            g_free (out[k].data);
            continue;
        }
        t->shape = out[k].shape;
        t->data = g_bytes_new_take (out[k].data,
                                    fov_shape_elements (&out[k].shape) * fov_dtype_size (t->dtype));
        g_hash_table_add (tail->made, t);
    }
    return ok;
}

static void
collect (const Tail *tail, FovTailResult *result)
{
    const GPtrArray *outputs = tail->plan->graph->outputs;

    for (guint i = 0; i < outputs->len; i++) {
        FovTensor *t = outputs->pdata[i];
        gsize size;
        if (!g_hash_table_contains (tail->made, t))
            continue;
        result->outputs[i].dtype = t->dtype;
        result->outputs[i].shape = t->shape;
        result->outputs[i].data =
            g_memdup2 (g_bytes_get_data (t->data, &size), MAX (g_bytes_get_size (t->data), 1));
        if (!result->outputs[i].data)
            result->outputs[i].data = g_malloc0 (1);
    }
}

gboolean
fov_tail_run (const FovPlan *plan,
              gconstpointer (*value) (const FovTensor *tensor, gpointer user_data),
              gpointer user_data, FovTailResult *result, GError **error)
{
    g_autoptr (GHashTable) made = g_hash_table_new (NULL, NULL);
    g_autoptr (GHashTable) lent = g_hash_table_new (NULL, NULL);
    Tail tail = { plan, value, user_data, made, lent };
    gboolean ok = TRUE;

    for (guint i = plan->n_static; i < plan->n_steps && ok; i++) {
        FovNode *node = (FovNode *) plan->steps[i].node;
        /* Inference completes parameters for these shapes; the next frame has others. */
        g_autofree gpointer params = g_memdup2 (node->params, node->op->params_size);
        ok = run_node (&tail, node, error);
        if (params)
            memcpy (node->params, params, node->op->params_size);
    }
    fov_tail_clear (result);
    if (ok)
        collect (&tail, result);
    clear_data (made);
    clear_data (lent);
    return ok;
}

void
fov_tail_clear (FovTailResult *result)
{
    for (guint i = 0; i < result->n_outputs; i++)
        g_clear_pointer (&result->outputs[i].data, g_free);
}
