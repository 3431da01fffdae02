/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the gradient enters a detector: before what exports put behind the last convolutions. */
#include "detect/net.h"

#include <string.h>

#define MOST_BINS 32

static const char *const moves[] = { "Reshape", "Transpose", "Identity", "Cast",
                                     "Concat",  "Slice",     "Split",    "Squeeze",
                                     "Flatten", "Unsqueeze", "Gather",   NULL };

static gboolean
is_one_of (const FovNode *node, const char *const *names)
{
    return g_strv_contains (names, node->op->name);
}

/* ---- scores ------------------------------------------------------------------ */

/* The function op that ends a tensor, or parts of it, is left out: its readers read what it reads.
 * Returns whether there was one. */
static gboolean
pass_by (FovDetectNet *net, FovTensor *tensor, const char *op, int depth)
{
    FovNode *node = tensor->producer;
    FovGraph *graph = net->net.graph;
    gboolean found = FALSE;

    if (!node || depth > 64)
        return FALSE;
    if (fov_node_is (node, op)) {
        for (guint i = 0; i < net->match.n_inputs; i++)
            if (net->match.inputs[i] == tensor)
                net->match.inputs[i] = node->inputs[0];
        fov_graph_replace_uses (graph, tensor, node->inputs[0]);
        return TRUE;
    }
    for (guint i = 0; i < node->n_inputs && is_one_of (node, moves); i++)
        if (node->inputs[i] && pass_by (net, node->inputs[i], op, depth + 1))
            found = TRUE;
    return found;
}

static gboolean
cut_scores (FovDetectNet *net, GError **error)
{
    FovHeads *h = &net->match.heads;
    gboolean sigmoid = FALSE, softmax = FALSE;

    if (h->score_coding != FOV_SCORE_DONE)
        return TRUE;
    for (int l = 0; l < h->n_levels; l++) {
        const int inputs[] = { h->level[l].score.input, h->level[l].object.input };
        for (guint i = 0; i < 2; i++) {
            if (!inputs[i])
                continue;
            sigmoid |= pass_by (net, net->match.inputs[inputs[i] - 1], "Sigmoid", 0);
            softmax |= pass_by (net, net->match.inputs[inputs[i] - 1], "Softmax", 0);
        }
    }
    if (sigmoid != softmax) {
        h->score_coding = sigmoid ? FOV_SCORE_SIGMOID : FOV_SCORE_SOFTMAX;
        h->object_coding = FOV_SCORE_SIGMOID;
        return TRUE;
    }
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                 "%s: neither a Sigmoid nor a Softmax makes the scores: there are no logits to "
                 "learn from",
                 net->family->name);
    return FALSE;
}

/* ---- boxes ------------------------------------------------------------------- */

/* Whether a node may lie between boxes and the softmax over their bins: a product with the bins'
 * numbers does. */
static gboolean
is_decoding (const FovNode *node)
{
    static const char *const products[] = { "Conv", "Gemm", "MatMul", NULL };

    return !is_one_of (node, products) ||
           (node->inputs[1] && fov_tensor_elements (node->inputs[1]) <= MOST_BINS);
}

/* The softmax that boxes are the mean of, or NULL. */
static const FovNode *
find_bins (const FovTensor *boxes)
{
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
    g_autoptr (GQueue) open = g_queue_new ();

    g_queue_push_tail (open, (gpointer) boxes);
    while (!g_queue_is_empty (open)) {
        const FovNode *node = ((const FovTensor *) g_queue_pop_head (open))->producer;
        if (!node || !g_hash_table_add (seen, (gpointer) node) || !is_decoding (node))
            continue;
        if (fov_node_is (node, "Softmax"))
            return node;
        for (guint i = 0; i < node->n_inputs; i++)
            if (node->inputs[i])
                g_queue_push_tail (open, node->inputs[i]);
    }
    return NULL;
}

/* Up from the softmax to a matrix of 4 bins numbers for each of the anchors. */
static FovTensor *
find_distances (const FovNode *softmax, int n, gint64 anchors, gboolean *turned)
{
    static const char *const forms[] = { "Reshape", "Transpose", NULL };
    FovTensor *t = softmax->inputs[0];

    for (int depth = 0; depth < 8; depth++) {
        const FovShape *s = &t->shape;
        *turned = s->rank == 3 && s->dim[2] == anchors;
        if (s->rank == 3 && s->dim[0] == n &&
            ((*turned && s->dim[1] % 4 == 0) || (s->dim[1] == anchors && s->dim[2] % 4 == 0)))
            return t;
        if (!t->producer || !is_one_of (t->producer, forms))
            return NULL;
        t = t->producer->inputs[0];
    }
    return NULL;
}

/* Levels of the strides that make so many cells. */
static gboolean
set_levels (FovDetectNet *net, gint64 anchors)
{
    for (int stride = 4; stride <= 8; stride *= 2)
        for (int n = 3; n <= 4; n++)
            if (fov_net_cells (&net->net, stride, n) == anchors) {
                fov_match_levels (&net->match, &net->net, stride, n, 1);
                return TRUE;
            }
    return FALSE;
}

static void
cut_boxes (FovDetectNet *net)
{
    FovHeads *h = &net->match.heads;
    const FovLevel whole = h->level[0];
    const gint64 anchors = fov_heads_anchors (h);
    const FovNode *softmax;
    FovTensor *raw;
    gint64 first = 0;
    gboolean turned;
    int numbers, input;

    if (h->box_coding != FOV_BOX_CENTER || h->n_levels != 1)
        return;
    softmax = find_bins (net->match.inputs[whole.box.input - 1]);
    raw = softmax ? find_distances (softmax, net->net.n, anchors, &turned) : NULL;
    if (!raw || !set_levels (net, anchors))
        return;
    numbers = (int) raw->shape.dim[turned ? 1 : 2];
    input = fov_match_input (&net->match, raw);
    for (int l = 0; l < h->n_levels; l++) {
        FovLevel *level = &h->level[l];
        level->score = whole.score;
        level->score.first += (gint32) first * whole.score.cell;
        level->box = turned ? fov_matrix_field (input, numbers, anchors, first, 0, TRUE)
                            : fov_matrix_field (input, anchors, numbers, first, 0, FALSE);
        first += fov_level_anchors (level);
    }
    h->box_coding = FOV_BOX_DISTANCE;
    h->n_bins = numbers / 4;
    h->origin = 0.5f;
}

gboolean
fov_detect_net_cut (FovDetectNet *net, GError **error)
{
    if (net->match.heads.final) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "the model selects its boxes itself (%s): there are no logits to learn from",
                     net->match.form);
        return FALSE;
    }
    cut_boxes (net);
    fov_detect_net_cut_priors (net);
    return cut_scores (net, error);
}
