/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * SSD (Liu et al., 2016) as TensorFlow's object detection API exports it: raw
 * encodings against generated priors, or boxes that the graph has decoded; also
 * PyTorch detectors of that kind (UltraFace).
 */
#include "detect/families.h"

#include <math.h>
#include <string.h>

/* ---- priors ----------------------------------------------------------- */

static int
layer_size (int size, int layer)
{
    int stride = 16 << layer;

    return MAX ((size + stride - 1) / stride, 1);
}

static gint64
count_priors (const FovNet *net)
{
    gint64 n = 0;

    for (int l = 0; l < FOV_SSD_LAYERS; l++)
        n += (gint64) layer_size (net->width, l) * layer_size (net->height, l) * (l ? 6 : 3);
    return n;
}

static void
set_size (FovSsdLayer *layer, float scale, float aspect)
{
    const float root = sqrtf (aspect);

    layer->size[layer->n][0] = scale * root;
    layer->size[layer->n++][1] = scale / root;
}

/* Scales grow evenly from 0.2 to 0.95 (eq. 4). */
static void
own_layer (int l, FovSsdLayer *layer)
{
    static const float aspects[] = { 1, 2, 0.5f, 3, 0.3333f };
    const double scale = 0.2 + 0.75 * l / (FOV_SSD_LAYERS - 1);
    const double next = l + 1 < FOV_SSD_LAYERS ? 0.2 + 0.75 * (l + 1) / (FOV_SSD_LAYERS - 1) : 1.0;

    layer->n = 0;
    if (l == 0) { /* fewer, and a small one, in the lowest layer */
        set_size (layer, 0.1f, 1);
        set_size (layer, 0.2f, 2);
        set_size (layer, 0.2f, 0.5f);
        return;
    }
    for (int a = 0; a < 5; a++)
        set_size (layer, (float) scale, aspects[a]);
    set_size (layer, (float) sqrt (scale * next), 1);
}

/* "w h w h w h;w h ...", of as many as SSD's own; FALSE: it is none. */
static gboolean
read_layers (const char *text, FovSsdLayer *layers)
{
    g_auto (GStrv) parts = g_strsplit (text, ";", -1);
    gboolean ok = g_strv_length (parts) == FOV_SSD_LAYERS;

    for (int l = 0; l < FOV_SSD_LAYERS && ok; l++) {
        g_auto (GStrv) numbers = g_strsplit (parts[l], " ", -1);
        ok = g_strv_length (numbers) == 2 * (guint) layers[l].n;
        for (int i = 0; i < 2 * layers[l].n && ok; i++) {
            const float v = (float) g_ascii_strtod (numbers[i], NULL);
            ok = v > 0 && v <= 10;
            layers[l].size[i / 2][i % 2] = v;
        }
    }
    return ok;
}

void
fov_ssd_layers (FovModel *model, FovSsdLayer layers[FOV_SSD_LAYERS])
{
    const char *text = fov_model_metadata (model, FOV_SSD_ANCHORS);

    for (int l = 0; l < FOV_SSD_LAYERS; l++)
        own_layer (l, &layers[l]);
    if (!text || read_layers (text, layers))
        return;
    g_warning ("%s: the metadata '%s' are no anchors; SSD's own are used", fov_model_path (model),
               FOV_SSD_ANCHORS);
    for (int l = 0; l < FOV_SSD_LAYERS; l++)
        own_layer (l, &layers[l]);
}

char *
fov_ssd_layers_text (const FovSsdLayer layers[FOV_SSD_LAYERS])
{
    GString *text = g_string_new (NULL);
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    for (int l = 0; l < FOV_SSD_LAYERS; l++)
        for (int i = 0; i < 2 * layers[l].n; i++)
            g_string_append_printf (text, "%s%s",
                                    i   ? " "
                                    : l ? ";"
                                        : "",
                                    g_ascii_formatd (number, sizeof number, "%.9g",
                                                     (double) layers[l].size[i / 2][i % 2]));
    return g_string_free (text, FALSE);
}

static GBytes *
make_priors (const FovNet *net)
{
    gsize bytes = (gsize) count_priors (net) * 4 * sizeof (float);
    float *priors = g_malloc (bytes), *at = priors;
    FovSsdLayer layers[FOV_SSD_LAYERS];

    fov_ssd_layers (net->model, layers);
    for (int l = 0; l < FOV_SSD_LAYERS; l++) {
        const int w = layer_size (net->width, l), h = layer_size (net->height, l), n = layers[l].n;
        for (int i = 0; i < w * h * n; i++, at += 4) {
            int cell = i / n;
            at[0] = ((float) (cell % w) + 0.5f) / (float) w;
            at[1] = ((float) (cell / w) + 0.5f) / (float) h;
            memcpy (at + 2, layers[l].size[i % n], 2 * sizeof *at);
        }
    }
    return g_bytes_new_take (priors, bytes);
}

/* ---- matching --------------------------------------------------------- */

static gboolean
is_tensorflow (const FovNet *net, const FovNetOutput *boxes)
{
    return g_str_has_prefix (fov_model_format (net->model), "TensorFlow") ||
           g_str_has_prefix (boxes->name, "Postprocessor") ||
           g_str_has_prefix (boxes->name, "raw_detection");
}

static void
set_raw (const FovNet *net, const FovNetOutput *scores, FovMatch *match, gint64 columns)
{
    FovHeads *h = &match->heads;

    h->box_coding = FOV_BOX_PRIOR;
    h->variance[0] = 0.1f;
    h->variance[1] = 0.2f;
    h->swap_xy = 1;
    h->score_coding = fov_score_coding_of (scores->tensor, FOV_SCORE_SIGMOID);
    h->background = columns > 1 && (net->n_labels != columns || net->names_background);
    match->priors = make_priors (net);
    match->form = "box encodings against generated priors, class scores";
}

static void
set_decoded (const FovNet *net, const FovNetOutput *boxes, const FovNetOutput *scores,
             FovMatch *match, gint64 columns)
{
    gboolean tensorflow = is_tensorflow (net, boxes);
    FovMadeBy made = fov_made_by (scores->tensor);

    match->heads.box_coding = FOV_BOX_CORNERS;
    match->heads.swap_xy = tensorflow;
    match->heads.score_coding = made == FOV_MADE_RAW ? FOV_SCORE_SOFTMAX : FOV_SCORE_DONE;
    match->heads.background = columns > 1 && (net->n_labels != columns || net->names_background) &&
                              (made == FOV_MADE_SOFTMAX || made == FOV_MADE_RAW ||
                               net->names_background || net->n_labels + 1 == columns);
    match->form = tensorflow ? "decoded boxes (y first, parts of the input), class scores"
                             : "decoded boxes (parts of the input), class scores";
    if (!tensorflow)
        for (int c = 0; c < 3; c++) {
            match->intake.mean[c] = 127;
            match->intake.scale[c] = 1 / 128.0f;
        }
}

static gboolean
match_pair (const FovNet *net, const FovNetOutput *boxes, const FovNetOutput *scores,
            FovMatch *match)
{
    gint64 rows, four, score_rows, columns;
    gboolean decoded, raw;
    FovLevel *level = &match->heads.level[0];
    FovHeads *h = &match->heads;

    if (!fov_net_matrix (net, boxes, &rows, &four) ||
        !fov_net_matrix (net, scores, &score_rows, &columns) || four != 4 || rows < 16 ||
        rows != score_rows)
        return FALSE;
    decoded = fov_made_with (boxes->tensor, "Exp");
    raw = !decoded && rows == count_priors (net);
    decoded |= !raw && net->forced;
    if (!decoded && !raw)
        return FALSE;
    if (raw)
        set_raw (net, scores, match, columns);
    else
        set_decoded (net, boxes, scores, match, columns);
    h->n_classes = (gint32) columns - h->background;
    h->n_levels = 1;
    *level = (FovLevel){ .grid_w = 1,
                         .grid_h = (gint32) rows,
                         .n_priors = 1,
                         .step_x = (float) net->width,
                         .step_y = (float) net->height };
    level->box = fov_matrix_field (fov_match_input (match, boxes->tensor), rows, 4, 0, 0, FALSE);
    level->score =
        fov_matrix_field (fov_match_input (match, scores->tensor), rows, columns, 0, 0, FALSE);
    return TRUE;
}

static gboolean
match (const FovNet *net, FovMatch *match, char **why)
{
    for (guint b = 0; b < net->n_outputs; b++)
        for (guint s = 0; s < net->n_outputs; s++)
            if (b != s && match_pair (net, &net->outputs[b], &net->outputs[s], match))
                return TRUE;
    *why =
        g_strdup_printf ("there is no pair of outputs with boxes (anchors x 4) and scores "
                         "(anchors x classes), either decoded by the graph or of %" G_GINT64_FORMAT
                         " anchors (SSD's at %dx%d)",
                         count_priors (net), net->width, net->height);
    return FALSE;
}

const FovFamily fov_family_ssd = {
    .name = "ssd",
    .title = "SSD",
    .width = 300,
    .height = 300,
    .expects =
        "boxes N x anchors x 4, decoded by the graph or of SSD's own anchors, and scores N x "
        "anchors x classes",
    .intake = { .fit = FOV_FIT_STRETCH,
                .mean = { 127.5f, 127.5f, 127.5f },
                .scale = { 1 / 127.5f, 1 / 127.5f, 1 / 127.5f } },
    .match = match,
};
