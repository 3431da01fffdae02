/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SSDs whose graph decodes its boxes learn from what it decodes. Where the encodings lie, what they
 * are counted from and by which variances is not read off the form of the graph, which differs with
 * every export, but asked of it: the part behind a candidate is computed for encodings of 0 and 1
 * (Liu et al. 2016, eq. 2, solved for priors and variances), and must then give what the equation
 * does for others. */
#include "detect/net.h"

#include <math.h>
#include <string.h>

#define LIKE_EQUATION 1e-4 /* of a prior's size */
#define MOST_CANDIDATES 16

/* A row is centre x, centre y, width, height of an anchor. */
typedef struct {
    gint64 anchors;
    gboolean swap; /* y comes first, in boxes and encodings */
    double variance[2];
    float *priors;
} Priors;

/* The graph's boxes for encodings that are the same row everywhere; NULL: they depend on more. */
static float *
boxes_of (const FovDetectNet *net, const FovTensor *encodings, const FovTensor *boxes,
          const float row[4])
{
    g_autoptr (FovGraph) graph = fov_graph_copy (net->net.graph);
    FovTensor *from = graph->tensors->pdata[encodings->id], *to = graph->tensors->pdata[boxes->id];
    const gint64 n = fov_tensor_elements (from), wanted = fov_tensor_elements (to) / net->net.n;
    g_autofree float *values = g_new (float, n);
    g_autoptr (GBytes) data = NULL;
    FovTensor *constant;

    for (gint64 i = 0; i < n; i++)
        values[i] = row[i % 4];
    data = g_bytes_new (values, (gsize) n * sizeof *values);
    constant =
        fov_graph_add_constant (graph, "fov.encodings", FOV_F32, &encodings->shape, data, NULL);
    fov_graph_replace_uses (graph, from, constant);
    fov_graph_clear_outputs (graph);
    fov_graph_add_output (graph, to);
    fov_graph_remove_unused (graph);
    if (!fov_graph_specialize (graph, NULL, NULL))
        return NULL;
    to = graph->outputs->pdata[0];
    if (!to->data || to->dtype != FOV_F32)
        return NULL;
    return g_memdup2 (g_bytes_get_data (to->data, NULL), (gsize) wanted * sizeof (float));
}

/* Corners of all anchors, in the order that the graph gives them, as rows. */
static void
make_rows (const Priors *p, float *boxes)
{
    for (float *b = boxes; b < boxes + p->anchors * 4; b += 4) {
        const float x1 = b[p->swap], y1 = b[!p->swap], x2 = b[2 + p->swap], y2 = b[2 + !p->swap];
        b[0] = (x1 + x2) / 2;
        b[1] = (y1 + y2) / 2;
        b[2] = x2 - x1;
        b[3] = y2 - y1;
    }
}

static float *
rows_of (const FovDetectNet *net, const FovTensor *encodings, const FovTensor *boxes,
         const Priors *p, float x, float y, float w, float h)
{
    const float row[4] = { p->swap ? y : x, p->swap ? x : y, p->swap ? h : w, p->swap ? w : h };
    float *rows = boxes_of (net, encodings, boxes, row);

    if (rows)
        make_rows (p, rows);
    return rows;
}

static gboolean
follow_equation (const Priors *p, const float *rows, const double row[4])
{
    for (gint64 a = 0; a < p->anchors; a++)
        for (int d = 0; d < 2; d++) {
            const double at = (double) p->priors[a * 4 + d],
                         size = (double) p->priors[a * 4 + 2 + d];
            const double center = at + row[d] * p->variance[0] * size;
            const double extent = size * exp (row[2 + d] * p->variance[1]);
            if (!(fabs ((double) rows[a * 4 + d] - center) <= LIKE_EQUATION * size) ||
                !(fabs ((double) rows[a * 4 + 2 + d] - extent) <= LIKE_EQUATION * size))
                return FALSE;
        }
    return TRUE;
}

static gboolean
have_sizes (const Priors *p)
{
    for (gint64 a = 0; a < p->anchors; a++)
        if (!(p->priors[a * 4 + 2] > 0 && p->priors[a * 4 + 3] > 0))
            return FALSE;
    return TRUE;
}

static gboolean
solve (const FovDetectNet *net, const FovTensor *encodings, const FovTensor *boxes, Priors *p)
{
    g_autofree float *one = NULL, *other = NULL;

    p->priors = rows_of (net, encodings, boxes, p, 0, 0, 0, 0);
    one = p->priors && have_sizes (p) ? rows_of (net, encodings, boxes, p, 1, 1, 1, 1) : NULL;
    if (!one)
        return FALSE;
    p->variance[0] = (double) ((one[0] - p->priors[0]) / p->priors[2]);
    p->variance[1] = log ((double) (one[2] / p->priors[2]));
    if (!(p->variance[0] > 0 && p->variance[1] > 0))
        return FALSE;
    other = rows_of (net, encodings, boxes, p, 0.5f, -1.25f, -0.75f, 1.5f);
    return other && follow_equation (p, one, (const double[]){ 1, 1, 1, 1 }) &&
           follow_equation (p, other, (const double[]){ 0.5, -1.25, -0.75, 1.5 });
}

static void
read_encodings (FovDetectNet *net, FovTensor *encodings, Priors *p)
{
    FovHeads *h = &net->match.heads;

    h->box_coding = FOV_BOX_PRIOR;
    h->swap_xy = p->swap;
    for (int i = 0; i < 2; i++)
        h->variance[i] = (float) p->variance[i];
    h->level[0].box =
        fov_matrix_field (fov_match_input (&net->match, encodings), p->anchors, 4, 0, 0, FALSE);
    g_clear_pointer (&net->match.priors, g_bytes_unref);
    net->match.priors =
        g_bytes_new_take (g_steal_pointer (&p->priors), (gsize) p->anchors * 4 * sizeof (float));
}

void
fov_detect_net_cut_priors (FovDetectNet *net)
{
    const FovHeads *h = &net->match.heads;
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
    g_autoptr (GQueue) open = g_queue_new ();
    Priors p = { .anchors = fov_heads_anchors (h), .swap = h->swap_xy };
    const FovShape wanted = { 3, { net->net.n, p.anchors, 4 } };
    FovTensor *boxes;
    int tried = 0;

    if (h->box_coding != FOV_BOX_CORNERS || h->n_levels != 1 || h->level[0].object.input)
        return;
    boxes = net->match.inputs[h->level[0].box.input - 1];
    g_queue_push_tail (open, boxes);
    while (!g_queue_is_empty (open) && tried < MOST_CANDIDATES) {
        FovTensor *t = g_queue_pop_head (open);
        if (!t->producer || !g_hash_table_add (seen, t) || fov_node_is (t->producer, "Conv"))
            continue;
        if (t != boxes && fov_shape_equal (&t->shape, &wanted)) {
            tried++;
            if (solve (net, t, boxes, &p)) {
                read_encodings (net, t, &p);
                return;
            }
            g_clear_pointer (&p.priors, g_free);
        }
        for (guint i = 0; i < t->producer->n_inputs; i++)
            if (t->producer->inputs[i])
                g_queue_push_tail (open, t->producer->inputs[i]);
    }
}
