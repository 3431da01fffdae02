/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where groups lie: largest first, each at the lowest place that is free over its whole lifetime
 * (the "greedy by size" of Pisarchyk and Lee, 2020).
 *
 * Who is alive at the same time is asked of a segment tree over the steps, so
 * that a long chain of layers does not take time by the square of its length.
 */
#include "graph/storage.h"

#include <stdlib.h>

#define MAX_NEIGHBOURS 4096 /* more groups than this at once are not fitted in between */

/* ---- lifetimes ---------------------------------------------------------- */

static FovStorage *
root_storage (const FovPlanner *p, FovTensor *t)
{
    gsize offset;
    return &p->storage[fov_planner_root (p, t, &offset)->id];
}

static void
find_lifetimes (FovPlanner *p)
{
    FovGraph *graph = p->plan->graph;

    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        guint when = MIN (i, p->n_static); /* the tail reads after everything static */
        for (guint k = 0; k < node->n_outputs && i < p->n_static; k++) {
            if (!node->outputs[k])
                continue;
            FovStorage *s = root_storage (p, node->outputs[k]);
            s->first = MIN (s->first, when);
            s->last = MAX (s->last, when);
        }
        for (guint k = 0; k < node->n_inputs; k++) {
            if (!node->inputs[k])
                continue;
            FovStorage *s = root_storage (p, node->inputs[k]);
            s->last = MAX (s->last, when);
        }
    }
    for (guint i = 0; i < graph->outputs->len; i++) {
        FovTensor *t = graph->outputs->pdata[i];
        root_storage (p, t)->last = p->n_static;
    }
    for (guint i = 0; i < graph->tensors->len; i++) {
        FovTensor *t = graph->tensors->pdata[i];
        if (!t || !t->initial)
            continue;
        p->storage[i].first = 0;
        p->storage[i].last = p->n_static;
    }
}

/* ---- who lives at the same time ----------------------------------------- */

typedef struct {
    guint n;          /* steps */
    GPtrArray **at;   /* by tree node, 1 is the root: FovStorage* that live all its steps */
    guint *count;     /* by tree node: of insertions at it and below */
    GPtrArray *found; /* FovStorage* */
    GHashTable *seen;
} Tree;

static void
tree_init (Tree *tree, guint n)
{
    guint size = 1;

    while (size < n)
        size *= 2;
    tree->n = size;
    tree->at = g_new0 (GPtrArray *, 2 * (gsize) size);
    tree->count = g_new0 (guint, 2 * (gsize) size);
    tree->found = g_ptr_array_new ();
    tree->seen = g_hash_table_new (NULL, NULL);
}

static void
tree_clear (Tree *tree)
{
    for (guint i = 0; i < 2 * tree->n; i++)
        if (tree->at[i])
            g_ptr_array_unref (tree->at[i]);
    g_free (tree->at);
    g_free (tree->count);
    g_ptr_array_unref (tree->found);
    g_hash_table_unref (tree->seen);
}

/* Both recurse over the depth of the tree, 32 at most; node stands for steps low..high. */
static void
tree_insert (Tree *tree, guint node, guint low, guint high, FovStorage *s)
{
    guint middle = low + (high - low) / 2;

    if (s->last < low || high < s->first)
        return;
    tree->count[node]++;
    if (s->first <= low && high <= s->last) {
        if (!tree->at[node])
            tree->at[node] = g_ptr_array_new ();
        g_ptr_array_add (tree->at[node], s);
        return;
    }
    tree_insert (tree, 2 * node, low, middle, s);
    tree_insert (tree, 2 * node + 1, middle + 1, high, s);
}

static void
tree_find (Tree *tree, guint node, guint low, guint high, const FovStorage *s)
{
    guint middle = low + (high - low) / 2;

    if (s->last < low || high < s->first || !tree->count[node])
        return;
    for (guint i = 0; tree->at[node] && i < tree->at[node]->len; i++) {
        if (tree->found->len == MAX_NEIGHBOURS)
            return;
        if (g_hash_table_add (tree->seen, tree->at[node]->pdata[i]))
            g_ptr_array_add (tree->found, tree->at[node]->pdata[i]);
    }
    if (low == high)
        return;
    tree_find (tree, 2 * node, low, middle, s);
    tree_find (tree, 2 * node + 1, middle + 1, high, s);
}

/* ---- placing ------------------------------------------------------------ */

static int
larger_first (gconstpointer a, gconstpointer b)
{
    const FovStorage *x = *(FovStorage *const *) a, *y = *(FovStorage *const *) b;

    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y; /* in one array, by tensor id */
}

static int
lower_first (gconstpointer a, gconstpointer b)
{
    const FovStorage *x = *(FovStorage *const *) a, *y = *(FovStorage *const *) b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x < y ? -1 : x > y;
}

static gsize
align (gsize bytes)
{
    return (bytes + FOV_ARENA_ALIGN - 1) / FOV_ARENA_ALIGN * FOV_ARENA_ALIGN;
}

/* The lowest offset where s fits between the placed groups alive at the same time. */
static gsize
lowest_gap (Tree *tree, const FovStorage *s, gsize end)
{
    gsize at = FOV_ARENA_ALIGN; /* the first bytes are the zero texel */

    g_ptr_array_set_size (tree->found, 0);
    g_hash_table_remove_all (tree->seen);
    tree_find (tree, 1, 0, tree->n - 1, s);
    if (tree->found->len == MAX_NEIGHBOURS)
        return align (end);
    g_ptr_array_sort (tree->found, lower_first);
    for (guint i = 0; i < tree->found->len; i++) {
        const FovStorage *o = tree->found->pdata[i];
        if (o->offset >= at + s->bytes)
            break;
        at = MAX (at, align (o->offset + o->bytes));
    }
    return at;
}

static GPtrArray *
find_roots (const FovPlanner *p)
{
    FovGraph *graph = p->plan->graph;
    GPtrArray *roots = g_ptr_array_new ();

    for (guint i = 0; i < graph->tensors->len; i++) {
        FovStorage *s = &p->storage[i];
        FovTensor *t = graph->tensors->pdata[i];
        if (t && !s->whole && fov_planner_in_arena (p, t) && s->first != G_MAXUINT)
            g_ptr_array_add (roots, s);
    }
    g_ptr_array_sort (roots, larger_first);
    return roots;
}

gboolean
fov_planner_place (FovPlanner *p, GError **error)
{
    g_autoptr (GPtrArray) roots = NULL;
    FovPlan *plan = p->plan;
    gboolean ok = TRUE;
    Tree tree;

    find_lifetimes (p);
    roots = find_roots (p);
    tree_init (&tree, p->n_static + 1);
    plan->arena_bytes = FOV_ARENA_ALIGN;
    for (guint i = 0; i < roots->len && ok; i++) {
        FovStorage *s = roots->pdata[i];
        ok = s->bytes <= G_MAXINT64 / 4 - plan->naive_bytes;
        if (!ok)
            break;
        s->offset = lowest_gap (&tree, s, plan->arena_bytes);
        tree_insert (&tree, 1, 0, tree.n - 1, s);
        plan->arena_bytes = MAX (plan->arena_bytes, s->offset + s->bytes);
        plan->naive_bytes += s->bytes;
    }
    tree_clear (&tree);
    if (!ok)
        g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY,
                     "the graph's activations are larger than any memory");
    return ok;
}
