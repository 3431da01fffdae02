/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The order of nodes: every one behind what it reads, and behind those who read what it overwrites.
 */
#include "graph/op.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    FovNode *node;
    guint index;      /* in the order before */
    guint waits;      /* inputs whose producers are to come, and readers of states it overwrites */
    GPtrArray *frees; /* FovNode*: what overwrites states that this one reads, or NULL */
} Sorting;

/* ---- states: who overwrites one comes behind all that read it ----------- */

static void
wait_for_readers (const FovTensor *t, FovNode *writer, GHashTable *by_node)
{
    for (guint i = 0; i < t->consumers->len; i++) {
        FovNode *reader = t->consumers->pdata[i];
        Sorting *s = g_hash_table_lookup (by_node, reader);
        if (!s || reader == writer)
            continue;
        if (!s->frees)
            s->frees = g_ptr_array_new ();
        g_ptr_array_add (s->frees, writer);
        ((Sorting *) g_hash_table_lookup (by_node, writer))->waits++;
        if (reader->op->flags & FOV_OP_ALIAS) /* its readers read the state's memory */
            wait_for_readers (reader->outputs[0], writer, by_node);
    }
}

static void
order_states (const FovGraph *graph, GHashTable *by_node)
{
    for (guint i = 0; i < graph->tensors->len; i++) {
        const FovTensor *t = graph->tensors->pdata[i];
        FovNode *writer = t && t->next ? t->next->producer : NULL;
        if (writer && g_hash_table_contains (by_node, writer))
            wait_for_readers (t, writer, by_node);
    }
}

/* ---- sorting ------------------------------------------------------------ */

static int
later_first (gconstpointer a, gconstpointer b)
{
    const Sorting *x = *(Sorting *const *) a, *y = *(Sorting *const *) b;
    return x->index < y->index ? 1 : x->index > y->index ? -1 : 0;
}

static void
release (const FovNode *node, GHashTable *by_node, GPtrArray *ready)
{
    Sorting *next = g_hash_table_lookup (by_node, node);

    if (next && --next->waits == 0)
        g_ptr_array_add (ready, next);
}

/* Counts the node's results as there; readers that wait for nothing more are ready. Where several
 * are, the one that was first comes first (the list is a stack). */
static void
release_readers (const Sorting *done, GHashTable *by_node, GPtrArray *ready)
{
    const FovNode *node = done->node;
    guint first = ready->len;

    for (guint k = 0; k < node->n_outputs; k++) {
        const FovTensor *out = node->outputs[k];
        for (guint c = 0; out && c < out->consumers->len; c++)
            release (out->consumers->pdata[c], by_node, ready);
    }
    for (guint i = 0; done->frees && i < done->frees->len; i++)
        release (done->frees->pdata[i], by_node, ready);
    if (ready->len > first + 1)
        qsort (ready->pdata + first, ready->len - first, sizeof (gpointer), later_first);
}

gboolean
fov_graph_sort (FovGraph *graph, GError **error)
{
    guint n = graph->nodes->len, n_sorted = 0;
    g_autofree Sorting *all = g_new0 (Sorting, MAX (n, 1));
    g_autofree gpointer *sorted = g_new (gpointer, MAX (n, 1));
    g_autoptr (GHashTable) by_node = g_hash_table_new (NULL, NULL);
    g_autoptr (GPtrArray) ready = g_ptr_array_new ();

    for (guint i = n; i-- > 0;) {
        FovNode *node = graph->nodes->pdata[i];
        all[i].node = node;
        all[i].index = i;
        for (guint k = 0; k < node->n_inputs; k++)
            all[i].waits += node->inputs[k] && node->inputs[k]->producer;
        g_hash_table_insert (by_node, node, &all[i]);
    }
    order_states (graph, by_node);
    for (guint i = n; i-- > 0;)
        if (!all[i].waits)
            g_ptr_array_add (ready, &all[i]);
    while (ready->len) {
        Sorting *next = g_ptr_array_steal_index (ready, ready->len - 1);
        sorted[n_sorted++] = next->node;
        release_readers (next, by_node, ready);
    }
    for (guint i = 0; i < n; i++)
        g_clear_pointer (&all[i].frees, g_ptr_array_unref);
    for (guint i = 0; i < n && n_sorted < n; i++) {
        if (!all[i].waits)
            continue;
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "node '%s' (%s) depends on its own output: the graph has a cycle",
                     all[i].node->name, all[i].node->op->name);
        return FALSE;
    }
    if (n)
        memcpy (graph->nodes->pdata, sorted, n * sizeof (gpointer));
    return TRUE;
}
