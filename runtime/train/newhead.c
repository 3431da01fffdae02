/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A detector for other classes: the layers that give class scores get as many outputs as there are
 * classes now, and what counts their numbers follows. */
#include "detect/net.h"
#include "graph/op.h"
#include "model/model.h"

#include <fovea/train.h>

#include <math.h>
#include <string.h>

#define DEVIATION 0.01 /* of new weights, and */
#define PRIOR 0.01     /* the score that they start with (Lin et al. 2017, section 4.1) */

/* A layer's outputs: priors times so many, of which the classes begin at offset. */
typedef struct {
    gint64 priors, each, offset;
} Rows;

typedef struct {
    FovDetectNet *net;  /* the model as it was */
    FovGraph *graph;    /* a copy to be changed */
    GHashTable *layers; /* char* -> Rows*, of the nodes that give class scores */
    int before, after;  /* columns of scores */
    const FovLabels *labels;
    GRand *rand;
} Change;

static gboolean
failed (const Change *c, GError **error, const char *why)
{
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "%s: no new classes: %s",
                 c->net->family->name, why);
    return FALSE;
}

/* ---- the layers that give scores -------------------------------------------------- */

static gint64
axis_of (const FovNode *concat)
{
    const FovShape *out = &concat->outputs[0]->shape;
    const FovShape *in = &concat->inputs[0]->shape;

    for (int d = 0; d < out->rank; d++)
        if (in->rank == out->rank && in->dim[d] != out->dim[d])
            return d;
    return 0;
}

static void find_layers (Change *c, const FovTensor *t, gint64 offset, int depth);

/* Levels side by side are all looked at; of a level's numbers only the scores. */
static void
look_through_concat (Change *c, const FovNode *node, gint64 offset, int depth)
{
    const gint64 axis = axis_of (node);
    const gboolean all =
        node->outputs[0]->shape.dim[axis] == fov_heads_anchors (&c->net->match.heads);

    for (guint i = 0; i < node->n_inputs; i++) {
        const gint64 n = node->inputs[i]->shape.dim[axis];
        if (all || (offset >= 0 && offset < n))
            find_layers (c, node->inputs[i], offset, depth + 1);
        offset -= all ? 0 : n;
    }
}

/* Where a part's numbers begin in what it is part of. */
static gint64
part_offset (const FovNode *node, const FovTensor *part)
{
    gint64 from[FOV_MAX_RANK], offset = 0;
    guint n = 0;

    if (fov_node_is (node, "Slice") && fov_tensor_ints (node->inputs[1], from, FOV_MAX_RANK, &n))
        for (guint i = 0; i < n; i++)
            offset += MAX (from[i], 0);
    for (guint i = 0; fov_node_is (node, "Split") && node->outputs[i] != part; i++)
        for (int d = 0; d < part->shape.rank; d++)
            if (part->shape.dim[d] != node->inputs[0]->shape.dim[d])
                offset += node->outputs[i]->shape.dim[d];
    return offset;
}

static void
add_layer (Change *c, const FovNode *node, gint64 offset)
{
    const gint64 n = node->outputs[0]->shape.dim[1], whole = c->before + offset;
    Rows rows = { 1, n, offset };

    if (offset == 0 && n % c->before == 0)
        rows = (Rows){ n / c->before, c->before, 0 };
    else if (offset > 0 && n % whole == 0)
        rows = (Rows){ n / whole, whole, offset };
    if (rows.each >= rows.offset + c->before)
        g_hash_table_insert (c->layers, node->name, g_memdup2 (&rows, sizeof rows));
}

/* Up from a tensor to the convolutions (or products) whose outputs are classes, which begin at
 * offset of its numbers. */
static void
find_layers (Change *c, const FovTensor *t, gint64 offset, int depth)
{
    static const char *const steps[] = { "Reshape", "Transpose", "Identity",  "Cast",    "Slice",
                                         "Split",   "Squeeze",   "Unsqueeze", "Flatten", "Sigmoid",
                                         "Softmax", "Add",       NULL };
    const FovNode *node = t->producer;

    if (!node || depth > 64)
        return;
    if (fov_node_is (node, "Concat"))
        look_through_concat (c, node, offset, depth);
    else if (fov_node_is (node, "Conv") || fov_node_is (node, "Gemm"))
        add_layer (c, node, offset);
    else if (g_strv_contains (steps, node->op->name))
        find_layers (c, node->inputs[0], offset + part_offset (node, t), depth + 1);
}

/* ---- new weights ------------------------------------------------------------------- */

/* Box-Muller; GRand has no normal numbers. */
static double
normal (GRand *rand)
{
    const double a = 1 - g_rand_double (rand), b = g_rand_double (rand);

    return sqrt (-2 * log (a)) * cos (2 * G_PI * b);
}

/* The old column of a new one: the background, or the class of the same name; -1: none. */
static int
column_before (const Change *c, int column)
{
    const int background = c->net->match.heads.background;
    FovLabels *old = c->net->labels;
    const char *name;
    int label;

    if (column < background)
        return column;
    name = fov_labels_get (c->labels, (guint) (column - background));
    label = old && name && *name ? fov_labels_find (old, name) : -1;
    label -= label >= 0 ? c->net->label_base : 0;
    return label >= 0 && label + background < c->before ? label + background : -1;
}

/* The old row of a layer's new one; -1: none. */
static gint64
row_before (const Change *c, const Rows *rows, gint64 row)
{
    const gint64 each = rows->each - c->before + c->after, first = row / each * rows->each;
    const gint64 k = row % each;
    int column;

    if (k < rows->offset)
        return first + k;
    if (k >= rows->offset + c->after)
        return first + k - c->after + c->before;
    column = column_before (c, (int) (k - rows->offset));
    return column < 0 ? -1 : first + rows->offset + column;
}

static GBytes *
make_rows (const Change *c, const Rows *rows, const FovTensor *t, gboolean bias)
{
    const gint64 length = fov_tensor_elements (t) / t->shape.dim[0];
    const gint64 n = rows->priors * (rows->each - c->before + c->after);
    const float *old = g_bytes_get_data (t->data, NULL);
    const float start = (float) -log ((1 - PRIOR) / PRIOR);
    float *made = g_new (float, n *length);

    for (gint64 i = 0; i < n; i++) {
        const gint64 from = row_before (c, rows, i);
        float *row = made + i * length;
        if (from >= 0)
            memcpy (row, old + from * length, (gsize) length * sizeof *row);
        for (gint64 k = 0; k < length && from < 0; k++)
            row[k] = bias ? start : (float) (DEVIATION * normal (c->rand));
    }
    return g_bytes_new_take (made, (gsize) (n * length) * sizeof *made);
}

static gboolean
change_layer (Change *c, FovNode *node, const Rows *rows, GHashTable *done, GError **error)
{
    for (guint i = 1; i < 3 && i < node->n_inputs; i++) {
        FovTensor *t = node->inputs[i];
        GBytes *data;
        if (!t || g_hash_table_contains (done, t))
            continue;
        if (!t->data || t->dtype != FOV_F32 || t->shape.dim[0] != rows->priors * rows->each)
            return failed (c, error, "the weights of the class scores are no constants");
        g_hash_table_add (done, t);
        data = make_rows (c, rows, t, i == 2);
        t->shape.dim[0] = rows->priors * (rows->each - c->before + c->after);
        g_bytes_unref (t->data);
        t->data = data;
    }
    return TRUE;
}

/* ---- what counts their numbers --------------------------------------------------------- */

/* Scores alone, or with what stands beside them in a tensor: objectness, four numbers of a box or
 * its bins. */
static gboolean
counts_columns (const Change *c, gint64 v)
{
    const FovHeads *h = &c->net->match.heads;
    const int beside[] = { 0, 1, 4, 5, 4 * h->n_bins, 32, 64 };

    for (guint i = 0; i < G_N_ELEMENTS (beside); i++)
        if (v == c->before + beside[i])
            return TRUE;
    return FALSE;
}

/* A number of a constant that counts columns: the last where they come last, else the first; and
 * the same in constants that others are made of. */
static void
change_counts (Change *c, FovTensor *t, GHashTable *done, int depth)
{
    const gboolean wide = t && t->dtype == FOV_I64;
    FovView view;
    gboolean last;
    gint64 n;

    if (!t || depth > 16 || !g_hash_table_add (done, t))
        return;
    for (guint i = 0;
         t->producer && !fov_node_is (t->producer, "Shape") && i < t->producer->n_inputs; i++)
        change_counts (c, t->producer->inputs[i], done, depth + 1);
    if (!t->data || (!wide && t->dtype != FOV_I32))
        return;
    n = fov_tensor_elements (t);
    last = c->net->match.heads.level[0].score.component == 1;
    view = (FovView){ t->dtype, t->shape, (gpointer) g_bytes_get_data (t->data, NULL) };
    for (gint64 k = 0; k < n; k++) {
        const gint64 i = last ? n - 1 - k : k, v = fov_view_get_int (&view, i);
        if (!counts_columns (c, v))
            continue;
        view.data = g_memdup2 (view.data, g_bytes_get_size (t->data));
        fov_view_set_int (&view, i, v - c->before + c->after);
        n = (gint64) g_bytes_get_size (t->data);
        g_bytes_unref (t->data);
        t->data = g_bytes_new_take (view.data, (gsize) n);
        return;
    }
}

/* Shapes and sizes of all that comes behind the changed layers. */
static void
follow (Change *c, const FovNode *layer, GHashTable *seen, GHashTable *done)
{
    static const char *const counting[] = { "Reshape", "Split", "Slice", "Expand", NULL };
    g_autoptr (GPtrArray) open = g_ptr_array_new ();

    g_ptr_array_add (open, (gpointer) layer);
    while (open->len) {
        const FovNode *node = g_ptr_array_steal_index (open, open->len - 1);
        if (!g_hash_table_add (seen, (gpointer) node))
            continue;
        for (guint i = 1; i < node->n_inputs && g_strv_contains (counting, node->op->name); i++)
            change_counts (c, node->inputs[i], done, 0);
        for (guint i = 0; i < node->n_outputs; i++)
            for (guint k = 0; node->outputs[i] && k < node->outputs[i]->consumers->len; k++)
                g_ptr_array_add (open, node->outputs[i]->consumers->pdata[k]);
    }
}

/* ---- together ---------------------------------------------------------------------------- */

/* What was free stays free. */
static void
declare (FovShape *declared, const FovShape *found)
{
    const FovShape before = *declared;

    *declared = *found;
    for (int d = 0; d < found->rank && before.rank == found->rank; d++)
        if (before.dim[d] < 0)
            declared->dim[d] = -1;
}

static gboolean
change_graph (Change *c, GError **error)
{
    const FovMatch *match = &c->net->match;
    g_autoptr (GHashTable) done = g_hash_table_new (NULL, NULL);
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
    g_autoptr (GHashTable) counted = g_hash_table_new (NULL, NULL);
    g_autoptr (FovGraph) trial = NULL;

    for (int l = 0; l < match->heads.n_levels; l++) {
        const FovField *f = &match->heads.level[l].score;
        const gint64 wide = f->component == 1 ? f->cell : f->component;
        find_layers (c, match->inputs[f->input - 1],
                     f->component == 1 ? f->first % wide : f->first / wide, 0);
    }
    if (!g_hash_table_size (c->layers))
        return failed (c, error, "no convolution was found that gives the class scores");
    for (guint i = 0; i < c->graph->nodes->len; i++) {
        FovNode *node = c->graph->nodes->pdata[i];
        const Rows *rows = g_hash_table_lookup (c->layers, node->name);
        if (!rows)
            continue;
        if (!change_layer (c, node, rows, done, error))
            return FALSE;
        follow (c, node, seen, counted);
    }
    trial = fov_graph_copy (c->graph);
    for (guint i = 0; i < trial->outputs->len; i++)
        ((FovTensor *) trial->outputs->pdata[i])->shape_known = FALSE;
    if (!fov_graph_specialize (trial, NULL, error))
        return FALSE;
    for (guint i = 0; i < trial->outputs->len; i++)
        declare (&((FovTensor *) c->graph->outputs->pdata[i])->shape,
                 &((FovTensor *) trial->outputs->pdata[i])->shape);
    return TRUE;
}

/* As both Python and fov_labels_parse_names read it: escapes are known in double quotes alone. */
static void
add_quoted (GString *text, const char *name)
{
    const char quote = strpbrk (name, "'\\") ? '"' : '\'';

    g_string_append_c (text, quote);
    for (const char *c = name; *c; c++) {
        if (quote == '"' && (*c == '"' || *c == '\\'))
            g_string_append_c (text, '\\');
        g_string_append_c (text, *c);
    }
    g_string_append_c (text, quote);
}

/* {0: 'car', 1: 'bus'}, as others write and read it. */
static char *
names_text (const FovLabels *labels)
{
    GString *text = g_string_new ("{");

    for (guint i = 0; i < fov_labels_count (labels); i++) {
        g_string_append_printf (text, "%s%u: ", i ? ", " : "", i);
        add_quoted (text, fov_labels_get (labels, i));
    }
    g_string_append_c (text, '}');
    return g_string_free (text, FALSE);
}

static gboolean
check_made (const Change *c, FovModel *model, GError **error)
{
    FovDetectorParams params = { .decoder = c->net->family->name };
    g_autoptr (FovDetectNet) net = fov_detect_net_new (model, &params, NULL, error);

    if (net && net->match.heads.n_classes + net->match.heads.background == c->after)
        return TRUE;
    return net ? failed (c, error, "the changed network has another number of classes") : FALSE;
}

FovModel *
fov_train_new_head (FovModel *model, const char *decoder, const FovLabels *labels, guint32 seed,
                    GError **error)
{
    g_autoptr (FovDetectNet) net =
        fov_detect_net_new (model, &(FovDetectorParams){ .decoder = decoder }, NULL, error);
    FovModel *made = NULL;
    GHashTable *metadata;
    Change c = { .net = net, .labels = labels };
    gboolean ok;

    if (!net)
        return NULL;
    if (fov_labels_count (labels) < 1 || net->match.heads.final) {
        failed (&c, error,
                net->match.heads.final ? "the model selects its boxes itself" : "none were given");
        return NULL;
    }
    c.before = net->match.heads.n_classes + net->match.heads.background;
    c.after = (int) fov_labels_count (labels) + net->match.heads.background;
    c.layers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
    c.rand = g_rand_new_with_seed (seed);
    c.graph = fov_graph_copy (fov_model_graph (model));
    ok = change_graph (&c, error);
    if (ok) {
        metadata = fov_model_copy_metadata (model);
        g_hash_table_insert (metadata, g_strdup ("names"), names_text (labels));
        made = fov_model_new_from_graph (g_steal_pointer (&c.graph), fov_model_path (model),
                                         fov_model_format (model), metadata);
        if (!check_made (&c, made, error))
            g_clear_pointer (&made, fov_model_unref);
    }
    g_clear_pointer (&c.graph, fov_graph_free);
    g_hash_table_unref (c.layers);
    g_rand_free (c.rand);
    return made;
}
