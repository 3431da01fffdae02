/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds chains of nodes that only move elements and that, all in all, pick
 * channels: ShuffleNet's channel shuffle (Zhang et al. 2018) and split however
 * they are written, and slices in NHWC between two transposes.
 *
 * Nothing is matched by form: the chain is run on a tensor that holds its own
 * indices, and where every element's index is that of one whole channel, the
 * chain is a channel map.
 */
#include "graph/passes.h"

#include "graph/op.h"
#include "graph/params.h"

#define MAX_CHAIN 16
#define MAX_ELEMENTS (16 << 20) /* of the tensors looked at, to bound time at load */
#define MAX_MOVES (2e9)         /* of all chains together */

static gboolean
is_move (const FovNode *node)
{
    if (!node || !node->n_inputs || !node->inputs[0] || node->inputs[0]->data)
        return FALSE;
    for (guint i = 1; i < node->n_inputs; i++)
        if (node->inputs[i] && !node->inputs[i]->data)
            return FALSE;
    return node->op->flags & FOV_OP_ALIAS || fov_node_is (node, "Transpose") ||
           fov_node_is (node, "Slice") || fov_node_is (node, "Split") ||
           fov_node_is (node, "Gather");
}

static gboolean
is_picture (const FovTensor *t)
{
    return t->shape.rank == 4 && t->dtype == FOV_F32 && !t->data && fov_tensor_elements (t) > 0;
}

static gboolean
same_picture (const FovTensor *a, const FovTensor *b)
{
    return a->shape.dim[0] == b->shape.dim[0] && a->shape.dim[2] == b->shape.dim[2] &&
           a->shape.dim[3] == b->shape.dim[3];
}

/* ---- running a chain on indices ----------------------------------------- */

static gint32 *
iota (gint64 n)
{
    gint32 *v = g_new (gint32, n);

    for (gint64 i = 0; i < n; i++)
        v[i] = (gint32) i;
    return v;
}

/* One node on int32 values; returns those of the wanted output, or NULL. */
static gint32 *
move_indices (const FovNode *node, const gint32 *values, const FovTensor *wanted)
{
    g_autofree FovView *in = g_new0 (FovView, node->n_inputs + 1);
    g_autofree FovView *out = g_new0 (FovView, node->n_outputs + 1);
    gint32 *result = NULL;
    gboolean ok;

    for (guint i = 0; i < node->n_inputs; i++) {
        if (!node->inputs[i])
            continue;
        in[i].dtype = i ? node->inputs[i]->dtype : FOV_I32;
        in[i].shape = node->inputs[i]->shape;
        in[i].data =
            i ? (gpointer) g_bytes_get_data (node->inputs[i]->data, NULL) : (gpointer) values;
    }
    for (guint i = 0; i < node->n_outputs; i++) {
        if (!node->outputs[i])
            continue;
        out[i].dtype = FOV_I32;
        out[i].shape = node->outputs[i]->shape;
        out[i].data = g_new0 (gint32, MAX (fov_tensor_elements (node->outputs[i]), 1));
    }
    ok = node->op->reference (node, in, out, NULL);
    for (guint i = 0; i < node->n_outputs; i++) {
        if (ok && node->outputs[i] == wanted)
            result = out[i].data;
        else
            g_free (out[i].data);
    }
    return result;
}

/* Where each element of the last tensor comes from in tensors[n - 1] (the chain runs backwards);
 * NULL where that can not be told, or would take longer than what is left of moves. */
static gint32 *
run_chain (FovTensor *const *tensors, guint n, double *moves)
{
    gint32 *values;

    for (guint i = 0; i < n; i++)
        *moves -= (double) fov_tensor_elements (tensors[i]);
    if (*moves < 0)
        return NULL;
    values = iota (fov_tensor_elements (tensors[n - 1]));
    for (guint i = n - 1; i-- > 0 && values;) {
        const FovNode *node = tensors[i]->producer;
        gint32 *next = node->op->flags & FOV_OP_ALIAS ? g_steal_pointer (&values)
                                                      : move_indices (node, values, tensors[i]);
        g_free (values);
        values = next;
    }
    return values;
}

/* The source channel of each channel of `to`, or NULL if the elements say otherwise. */
static gint64 *
as_channel_map (const gint32 *index, const FovTensor *from, const FovTensor *to)
{
    gint64 plane = to->shape.dim[2] * to->shape.dim[3], n_to = to->shape.dim[1];
    gint64 n_from = from->shape.dim[1];
    gint64 *map = g_new (gint64, n_to);

    for (gint64 i = 0; i < to->shape.dim[0] * n_to; i++) {
        gint64 n = i / n_to, c = i % n_to;
        gint64 source = index[i * plane] / plane - n * n_from;
        if (n == 0)
            map[c] = source;
        if (source != map[c] || source < 0 || source >= n_from)
            goto no;
        for (gint64 k = 0; k < plane; k++)
            if (index[i * plane + k] != (n * n_from + source) * plane + k)
                goto no;
    }
    return map;
no:
    g_free (map);
    return NULL;
}

/* ---- replacing it -------------------------------------------------------- */

/* Where a channel comes from behind concatenations along channels and other channel maps. */
static FovTensor *
trace_channel (FovTensor *t, gint64 *channel)
{
    for (;;) {
        FovNode *node = t->producer;
        if (fov_node_is (node, "Concat") && t->shape.rank == 4 &&
            ((const FovAxisParams *) node->params)->axis == 1) {
            guint i = 0;
            while (*channel >= node->inputs[i]->shape.dim[1])
                *channel -= node->inputs[i++]->shape.dim[1];
            t = node->inputs[i];
        } else if (fov_node_is (node, "fov.ChannelMap")) {
            const gint32 *map = g_bytes_get_data (node->inputs[node->n_inputs - 1]->data, NULL);
            t = node->inputs[map[*channel * 2]];
            *channel = map[*channel * 2 + 1];
        } else {
            return t;
        }
        if (t->data) /* a constant plane: rare, and not worth a case in every kernel */
            return NULL;
    }
}

static FovNode *
add_channel_map (FovGraph *graph, const char *name, FovTensor *from, const gint64 *map, gint64 n,
                 GError **error)
{
    g_autoptr (GPtrArray) sources = g_ptr_array_new ();
    g_autofree gint32 *table = g_new (gint32, 2 * n);
    g_autoptr (GBytes) data = NULL;
    FovShape shape = { 2, { n, 2 } };

    for (gint64 c = 0; c < n; c++) {
        gint64 channel = map[c];
        FovTensor *source = trace_channel (from, &channel);
        guint at;
        if (!source) {
            source = from;
            channel = map[c];
        }
        if (!g_ptr_array_find (sources, source, &at)) {
            at = sources->len;
            g_ptr_array_add (sources, source);
        }
        table[2 * c] = (gint32) at;
        table[2 * c + 1] = (gint32) channel;
    }
    data = g_bytes_new (table, 2 * (gsize) n * sizeof *table);
    g_ptr_array_add (sources, fov_graph_add_constant (graph, NULL, FOV_I32, &shape, data, NULL));
    return fov_graph_insert (graph, "fov.ChannelMap", name, (FovTensor **) sources->pdata,
                             sources->len, NULL, 0, error);
}

static FovNode *
add_slice (FovGraph *graph, const char *name, FovTensor *from, gint64 start, gint64 end,
           GError **error)
{
    gint64 axis = 1;
    FovTensor *inputs[] = { from, fov_graph_add_ints (graph, NULL, &start, 1),
                            fov_graph_add_ints (graph, NULL, &end, 1),
                            fov_graph_add_ints (graph, NULL, &axis, 1) };

    return fov_graph_insert (graph, "Slice", name, inputs, 4, NULL, 0, error);
}

static gboolean
is_range (const gint64 *map, gint64 n)
{
    for (gint64 c = 1; c < n; c++)
        if (map[c] != map[0] + c)
            return FALSE;
    return TRUE;
}

static gboolean
replace_chain (FovGraph *graph, FovTensor *from, FovTensor *to, const gint64 *map, GError **error)
{
    gint64 n = to->shape.dim[1];
    FovNode *node;

    if (is_range (map, n) && n == from->shape.dim[1]) {
        fov_graph_replace_uses (graph, to, from);
        return TRUE;
    }
    node = is_range (map, n) ? add_slice (graph, to->name, from, map[0], map[0] + n, error)
                             : add_channel_map (graph, to->name, from, map, n, error);
    if (!node)
        return FALSE;
    fov_graph_replace_uses (graph, to, node->outputs[0]);
    return TRUE;
}

/* ---- the pass ------------------------------------------------------------ */

/* Only the end of a chain is looked at: somebody uses it other than by moving it on. */
static gboolean
is_chain_end (const FovTensor *t)
{
    if (fov_tensor_is_kept (t))
        return TRUE;
    for (guint i = 0; i < t->consumers->len; i++)
        if (!is_move (t->consumers->pdata[i]))
            return TRUE;
    return FALSE;
}

static gboolean
visit (FovGraph *graph, FovTensor *end, double *moves, GError **error)
{
    FovTensor *chain[MAX_CHAIN] = { end };
    guint n = 1;

    if (fov_tensor_elements (end) > MAX_ELEMENTS)
        return TRUE;
    while (n < MAX_CHAIN && is_move (chain[n - 1]->producer)) {
        chain[n] = chain[n - 1]->producer->inputs[0];
        if (fov_tensor_elements (chain[n]) > MAX_ELEMENTS)
            break;
        n++;
    }
    for (; n > 1; n--) { /* the farthest source first */
        FovTensor *from = chain[n - 1];
        g_autofree gint32 *index = NULL;
        g_autofree gint64 *map = NULL;
        if (!is_picture (from) || !same_picture (from, end))
            continue;
        if (n == 2 && fov_node_is (end->producer, "Slice"))
            break; /* as short as it gets */
        index = run_chain (chain, n, moves);
        map = index ? as_channel_map (index, from, end) : NULL;
        if (map)
            return replace_chain (graph, from, end, map, error);
    }
    return TRUE;
}

gboolean
fov_pass_channels (FovGraph *graph, GError **error)
{
    guint n = graph->nodes->len;
    double moves = MAX_MOVES;

    for (guint i = 0; i < n; i++) {
        FovNode *node = graph->nodes->pdata[i];
        for (guint k = 0; k < node->n_outputs; k++) {
            FovTensor *t = node->outputs[k];
            if (t && is_move (node) && is_picture (t) && is_chain_end (t) &&
                !visit (graph, t, &moves, error))
                return FALSE;
        }
    }
    fov_graph_remove_unused (graph);
    return fov_graph_sort (graph, error);
}
