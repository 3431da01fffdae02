/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Anchors of an SSD for the boxes of a data set. */
#include "detect/net.h"
#include "model/model.h"

#include <fovea/train.h>

#include <math.h>
#include <string.h>

/* Of two boxes in one place. */
static double
overlap_of (const float *a, const float *b)
{
    const double inter = fmin ((double) a[0], (double) b[0]) * fmin ((double) a[1], (double) b[1]);

    return inter / ((double) a[0] * (double) a[1] + (double) b[0] * (double) b[1] - inter);
}

static double
mean_overlap (const FovSsdLayer *layers, const float *sizes, guint n)
{
    double sum = 0;

    for (guint s = 0; s < n; s++) {
        double most = 0;
        for (int l = 0; l < FOV_SSD_LAYERS; l++)
            for (int i = 0; i < layers[l].n; i++)
                most = fmax (most, overlap_of (sizes + 2 * s, layers[l].size[i]));
        sum += most;
    }
    return sum / n;
}

/* The layer whose anchors' mean area is nearest, counted in factors. */
static int
layer_for (const FovSsdLayer *layers, const float *size)
{
    double least = INFINITY;
    int best = 0;

    for (int l = 0; l < FOV_SSD_LAYERS; l++) {
        double mean = 0, far;
        for (int i = 0; i < layers[l].n; i++)
            mean += log ((double) layers[l].size[i][0] * (double) layers[l].size[i][1]);
        far = fabs (mean / layers[l].n - log ((double) size[0] * (double) size[1]));
        best = far < least ? l : best;
        least = fmin (far, least);
    }
    return best;
}

/* Each takes the place of the anchor most like it, whose weights have learned such shapes. */
static void
replace (FovSsdLayer *layer, const float *anchors, guint k)
{
    const FovSsdLayer before = *layer;
    gboolean taken[FOV_SSD_MOST] = { FALSE };

    for (guint a = 0; a < k; a++) {
        double most = -1;
        int best = 0;
        for (int i = 0; i < before.n; i++) {
            const double u = taken[i] ? -1 : overlap_of (anchors + 2 * a, before.size[i]);
            best = u > most ? i : best;
            most = fmax (most, u);
        }
        taken[best] = TRUE;
        memcpy (layer->size[best], anchors + 2 * a, 2 * sizeof *anchors);
    }
}

static gboolean
move_layers (FovSsdLayer *layers, const float *sizes, guint n, guint32 seed, GError **error)
{
    GArray *own[FOV_SSD_LAYERS];
    gboolean ok = TRUE;

    for (int l = 0; l < FOV_SSD_LAYERS; l++)
        own[l] = g_array_new (FALSE, FALSE, 2 * sizeof (float));
    for (guint s = 0; s < n; s++)
        g_array_append_vals (own[layer_for (layers, sizes + 2 * s)], sizes + 2 * s, 1);
    for (int l = 0; l < FOV_SSD_LAYERS; l++) {
        const guint k = MIN (own[l]->len, (guint) layers[l].n);
        float anchors[FOV_SSD_MOST][2];
        ok = ok && (!k || fov_train_anchors ((const float *) (gpointer) own[l]->data, own[l]->len,
                                             k, seed, anchors[0], NULL, error));
        if (ok)
            replace (&layers[l], anchors[0], k);
        g_array_unref (own[l]);
    }
    return ok;
}

/* ---- boxes stay --------------------------------------------------------------------- */

static FovNode *
conv_of (FovTensor *t)
{
    static const char *const moves[] = { "Reshape", "Transpose", "Squeeze", "Unsqueeze",
                                         "Flatten", "Identity",  NULL };
    FovNode *node = t->producer;

    while (node && g_strv_contains (moves, node->op->name))
        node = node->inputs[0]->producer;
    return node && fov_node_is (node, "Conv") && node->n_inputs == 3 ? node : NULL;
}

/* A constant's floats to be changed; NULL: others read it too, or it is none. */
static float *
own_values (FovTensor *t, gint64 rows, gsize *length)
{
    float *values;

    if (!t || !t->data || t->dtype != FOV_F32 || t->consumers->len != 1 || t->shape.dim[0] != rows)
        return NULL;
    *length = g_bytes_get_size (t->data) / sizeof (float) / (gsize) rows;
    values = g_memdup2 (g_bytes_get_data (t->data, NULL), g_bytes_get_size (t->data));
    g_bytes_unref (t->data);
    t->data = g_bytes_new_take (values, *length * (gsize) rows * sizeof (float));
    return values;
}

/* Liu et al. 2016, eq. 2: places count in sizes of the anchor, sizes as logarithms of their ratio
 * to it; so of another anchor the same box has other numbers, which one layer can give. */
static gboolean
keep_layer (FovNode *conv, const FovSsdLayer *before, const FovSsdLayer *after, const FovHeads *h)
{
    const gint64 rows = 4 * before->n;
    gsize length, one;
    float *w = own_values (conv->inputs[1], rows, &length);
    float *b = own_values (conv->inputs[2], rows, &one);

    for (gint64 r = 0; w && b && r < rows; r++) {
        const int d = (int) (r % 2) ^ (h->swap_xy ? 1 : 0);
        const float ratio = before->size[r / 4][d] / after->size[r / 4][d];
        if (r % 4 >= 2) {
            b[r] += logf (ratio) / h->variance[1];
            continue;
        }
        b[r] *= ratio;
        for (gsize i = 0; i < length; i++)
            w[(gsize) r * length + i] *= ratio;
    }
    return w && b;
}

static gboolean
keep_boxes (FovGraph *graph, const FovDetectNet *net, const FovSsdLayer *before,
            const FovSsdLayer *after)
{
    const FovHeads *h = &net->match.heads;
    const char *name = net->match.inputs[h->level[0].box.input - 1]->name;
    FovTensor *boxes = fov_graph_find (graph, name);
    const FovNode *concat = boxes ? boxes->producer : NULL;
    FovNode *convs[FOV_SSD_LAYERS];

    while (concat && !fov_node_is (concat, "Concat") && concat->n_inputs && concat->inputs[0])
        concat = concat->inputs[0]->producer;
    if (!concat || concat->n_inputs != FOV_SSD_LAYERS)
        return FALSE;
    for (int l = 0; l < FOV_SSD_LAYERS; l++)
        convs[l] = conv_of (concat->inputs[l]);
    for (int l = 0; l < FOV_SSD_LAYERS; l++)
        if (!convs[l] || !keep_layer (convs[l], &before[l], &after[l], h))
            return FALSE;
    return TRUE;
}

/* ---- together ------------------------------------------------------------------------ */

FovModel *
fov_train_new_anchors (FovModel *model, const char *decoder, const float *sizes, guint n,
                       guint32 seed, double overlap[2], GError **error)
{
    const FovDetectorParams params = { .decoder = decoder };
    g_autoptr (FovDetectNet) net = fov_detect_net_new (model, &params, NULL, error);
    FovSsdLayer own[FOV_SSD_LAYERS], layers[FOV_SSD_LAYERS];
    GHashTable *metadata;
    FovGraph *graph;

    if (!net)
        return NULL;
    if (net->family != &fov_family_ssd || net->match.heads.box_coding != FOV_BOX_PRIOR) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%s: %s has no anchors that could be chosen: expected an SSD with raw "
                     "encodings of boxes",
                     fov_model_path (model), net->family->title);
        return NULL;
    }
    for (guint i = 0; i < 2 * n; i++)
        if (!(sizes[i] > 0 && sizes[i] <= 1)) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "box %u has the %s %g, expected a share of the picture", i / 2,
                         i % 2 ? "height" : "width", (double) sizes[i]);
            return NULL;
        }
    if (!n) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "no boxes to choose anchors for");
        return NULL;
    }
    fov_ssd_layers (model, own);
    memcpy (layers, own, sizeof layers);
    if (!move_layers (layers, sizes, n, seed, error))
        return NULL;
    if (overlap) {
        overlap[0] = mean_overlap (own, sizes, n);
        overlap[1] = mean_overlap (layers, sizes, n);
    }
    graph = fov_graph_copy (fov_model_graph (model));
    if (!keep_boxes (graph, net, own, layers)) {
        fov_graph_free (graph);
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%s: no convolution of its own, with a bias, gives each layer's boxes",
                     fov_model_path (model));
        return NULL;
    }
    metadata = fov_model_copy_metadata (model);
    g_hash_table_insert (metadata, g_strdup (FOV_SSD_ANCHORS), fov_ssd_layers_text (layers));
    return fov_model_new_from_graph (graph, fov_model_path (model), fov_model_format (model),
                                     metadata);
}
