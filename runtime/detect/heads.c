/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/family.h"

#include <string.h>

/* ---- shapes ----------------------------------------------------------- */

gboolean
fov_net_matrix (const FovNet *net, const FovNetOutput *output, gint64 *rows, gint64 *columns)
{
    const FovShape *s = &output->shape;
    gint64 n = fov_shape_elements (s);

    if (s->rank < 2 || s->dim[s->rank - 1] < 1)
        return FALSE;
    *columns = s->dim[s->rank - 1];
    if (n < 0) {
        *rows = -1;
        return net->n == 1;
    }
    if (n == 0 || n % (*columns * net->n) || (net->n > 1 && s->dim[0] != net->n))
        return FALSE;
    *rows = n / *columns / net->n;
    return TRUE;
}

static int
cells_of (int size, int stride)
{
    return (size + stride - 1) / stride;
}

int
fov_net_plane_stride (const FovNet *net, const FovNetOutput *output)
{
    const FovShape *s = &output->shape;

    if (s->rank != 4 || s->dim[0] != net->n)
        return 0;
    for (int stride = 4; stride <= 128; stride *= 2)
        if (s->dim[3] == cells_of (net->width, stride) &&
            s->dim[2] == cells_of (net->height, stride))
            return stride;
    return 0;
}

gint64
fov_net_cells (const FovNet *net, int stride, int n_levels)
{
    gint64 n = 0;

    for (int l = 0; l < n_levels; l++, stride *= 2)
        n += (gint64) cells_of (net->width, stride) * cells_of (net->height, stride);
    return n;
}

char *
fov_net_describe_outputs (const FovNet *net)
{
    GString *text = g_string_new (NULL);

    for (guint i = 0; i < net->n_outputs; i++) {
        g_autofree char *shape = fov_shape_to_string (&net->outputs[i].shape);
        g_string_append_printf (text, "%s'%s' %s", i ? ", " : "", net->outputs[i].name, shape);
    }
    return g_string_free (text, FALSE);
}

/* ---- fields ----------------------------------------------------------- */

int
fov_match_input (FovMatch *match, FovTensor *tensor)
{
    for (guint i = 0; i < match->n_inputs; i++)
        if (match->inputs[i] == tensor)
            return (int) i + 1;
    g_assert (match->n_inputs < FOV_MATCH_INPUTS);
    match->inputs[match->n_inputs++] = tensor;
    return (int) match->n_inputs;
}

FovField
fov_matrix_field (int input, gint64 rows, gint64 columns, gint64 first_anchor, int component,
                  gboolean turned)
{
    FovField f = { .input = input };

    if (turned) { /* rows are components */
        f.component = (gint32) columns;
        f.cell = 1;
    } else {
        f.component = 1;
        f.cell = (gint32) columns;
    }
    f.first = (gint32) (component * f.component + first_anchor * f.cell);
    f.picture = (gint32) MAX (rows * columns, 0);
    return f;
}

FovField
fov_plane_field (int input, gint64 channels, gint64 cells, int channel)
{
    return (FovField){ .input = input,
                       .first = (gint32) (channel * cells),
                       .component = (gint32) cells,
                       .cell = 1,
                       .picture = (gint32) (channels * cells) };
}

void
fov_match_levels (FovMatch *match, const FovNet *net, int stride, int n_levels, int n_priors)
{
    match->heads.n_levels = n_levels;
    for (int l = 0; l < n_levels; l++, stride *= 2) {
        FovLevel *level = &match->heads.level[l];
        level->grid_w = cells_of (net->width, stride);
        level->grid_h = cells_of (net->height, stride);
        level->n_priors = n_priors;
        level->step_x = level->step_y = (float) stride;
    }
}

/* ---- what computes a tensor ------------------------------------------- */

static gboolean
is_one_of (const FovNode *node, const char *const *names)
{
    return g_strv_contains (names, node->op->name);
}

static const char *const moves[] = { "Reshape", "Transpose", "Identity", "Cast",
                                     "Concat",  "Slice",     "Split",    "Squeeze",
                                     "Flatten", "Unsqueeze", "Gather",   NULL };
static const char *const products[] = { "Conv",   "ConvTranspose",      "Gemm",
                                        "MatMul", "BatchNormalization", NULL };

FovMadeBy
fov_made_by (const FovTensor *tensor)
{
    for (int depth = 0; depth < 64 && tensor && tensor->producer; depth++) {
        const FovNode *node = tensor->producer;
        if (g_str_equal (node->op->name, "Sigmoid"))
            return FOV_MADE_SIGMOID;
        if (g_str_equal (node->op->name, "Softmax"))
            return FOV_MADE_SOFTMAX;
        if (is_one_of (node, products))
            return FOV_MADE_RAW;
        if (!is_one_of (node, moves))
            return FOV_MADE_OTHER;
        /* Class scores are the last channels everywhere. */
        tensor = g_str_equal (node->op->name, "Concat") ? node->inputs[node->n_inputs - 1]
                                                        : node->inputs[0];
    }
    return FOV_MADE_OTHER;
}

int
fov_score_coding_of (const FovTensor *tensor, int raw_coding)
{
    return fov_made_by (tensor) == FOV_MADE_RAW ? raw_coding : FOV_SCORE_DONE;
}

/* Walks up from tensor through everything but products; visit says when to stop. */
static gboolean
search_up (const FovTensor *tensor, gboolean (*visit) (const FovNode *node, gpointer data),
           gpointer data)
{
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
    g_autoptr (GQueue) open = g_queue_new ();

    g_queue_push_tail (open, (gpointer) tensor);
    while (!g_queue_is_empty (open)) {
        const FovTensor *t = g_queue_pop_head (open);
        const FovNode *node = t->producer;
        if (!node || is_one_of (node, products) || !g_hash_table_add (seen, (gpointer) node))
            continue;
        if (visit (node, data))
            return TRUE;
        for (guint i = 0; i < node->n_inputs; i++)
            if (node->inputs[i])
                g_queue_push_tail (open, node->inputs[i]);
    }
    return FALSE;
}

static gboolean
has_name (const FovNode *node, gpointer name)
{
    return g_str_equal (node->op->name, name);
}

gboolean
fov_made_with (const FovTensor *tensor, const char *op)
{
    return search_up (tensor, has_name, (gpointer) op);
}

typedef struct {
    gint64 rows;
    double largest;
} Scales;

static double
largest_of (const FovTensor *tensor)
{
    FovView view = { tensor->dtype, tensor->shape, NULL };
    gint64 n = fov_tensor_elements (tensor);
    double most = 0;

    view.data = (void *) g_bytes_get_data (tensor->data, NULL);
    for (gint64 i = 0; i < n; i++)
        most = MAX (most, fov_view_get (&view, i));
    return most;
}

/* A factor for each anchor: the strides, in pixels or as parts of the input. */
static gboolean
find_scale (const FovNode *node, gpointer data)
{
    Scales *scales = data;

    if (!g_str_equal (node->op->name, "Mul"))
        return FALSE;
    for (guint i = 0; i < 2; i++) {
        const FovTensor *t = node->inputs[i];
        gint64 n = t->data ? fov_tensor_elements (t) : 0;
        if (n >= scales->rows && n % scales->rows == 0)
            scales->largest = MAX (scales->largest, largest_of (t));
    }
    return FALSE;
}

gboolean
fov_boxes_normalized (const FovTensor *tensor, gint64 rows)
{
    Scales scales = { .rows = rows };

    if (rows > 0)
        search_up (tensor, find_scale, &scales);
    return scales.largest > 0 && scales.largest <= 1;
}
