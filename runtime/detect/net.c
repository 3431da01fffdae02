/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/net.h"

#include <string.h>

#define MAX_BATCH 64
#define SMALL 256 /* pixels; there may be as few cells as a family has columns */
#define LARGE 640 /* where nobody has as many columns as there are cells */

void
fov_detect_net_free (FovDetectNet *net)
{
    if (!net)
        return;
    if (!net->borrowed)
        g_clear_pointer (&net->net.graph, fov_graph_free);
    g_clear_pointer (&net->match.priors, g_bytes_unref);
    g_clear_pointer (&net->labels, fov_labels_unref);
    g_clear_pointer (&net->net.model, fov_model_unref);
    g_free (net->net.outputs);
    g_free (net);
}

/* ---- the outputs ------------------------------------------------------ */

/* What depends on data has only its declared shape. */
static void
list_outputs (FovDetectNet *net)
{
    FovGraph *graph = net->net.graph;

    net->net.n_outputs = graph->outputs->len;
    net->net.outputs = g_new0 (FovNetOutput, graph->outputs->len + 1);
    for (guint i = 0; i < graph->outputs->len; i++) {
        FovNetOutput *o = &net->net.outputs[i];
        FovTensorInfo info;
        fov_model_output (net->net.model, i, &info);
        o->tensor = graph->outputs->pdata[i];
        o->name = info.name;
        o->shape = o->tensor->shape;
        if (fov_shape_elements (&o->shape) < 0 && info.shape.rank > 0)
            o->shape = info.shape;
    }
}

/* ---- recognising ------------------------------------------------------ */

static void
note_names (FovNet *net, FovLabels *stated, gboolean wanted)
{
    net->n_labels = stated ? fov_labels_count (stated) : 0;
    net->named = stated && !wanted;
    net->names_background = fov_detect_names_background (stated);
}

static FovDetectNet *
open_net (FovModel *model, const FovDetectorParams *params, FovLabels *stated,
          const FovFamily *family, GError **error)
{
    g_autoptr (FovDetectNet) net = g_new0 (FovDetectNet, 1);

    net->net.model = fov_model_ref (model);
    net->net.graph = fov_graph_copy (fov_model_graph (model));
    note_names (&net->net, stated, params->labels != NULL);
    net->net.forced = params->decoder != NULL;
    if (!fov_picture_input_find (&net->input, net->net.graph, "a detector", error) ||
        !fov_picture_input_size (&net->input, (int) MAX (params->batch, 1), params->width,
                                 params->height, family->width, family->height, error))
        return NULL;
    net->net.n = net->input.n;
    net->net.width = net->input.width;
    net->net.height = net->input.height;
    if (!fov_graph_specialize (net->net.graph, NULL, error))
        return NULL;
    net->net.prepared = fov_picture_input_prepares_itself (&net->input);
    list_outputs (net);
    return g_steal_pointer (&net);
}

static gboolean
try_family (FovDetectNet *net, const FovFamily *family, GString *report)
{
    g_autofree char *why = NULL;

    g_clear_pointer (&net->match.priors, g_bytes_unref);
    memset (&net->match, 0, sizeof net->match);
    net->match.intake = family->intake;
    if (family->match (&net->net, &net->match, &why)) {
        net->family = family;
        net->match.heads.net_w = net->net.width;
        net->match.heads.net_h = net->net.height;
        return TRUE;
    }
    if (report)
        g_string_append_printf (report, "  %-12s %s\n", family->name, why);
    return FALSE;
}

static const FovFamily *
find_family (const char *name)
{
    for (guint i = 0; fov_families[i]; i++)
        if (g_str_equal (fov_families[i]->name, name))
            return fov_families[i];
    return NULL;
}

static FovDetectNet *recognise (FovModel *model, const FovDetectorParams *params, FovLabels *stated,
                                GString *report, GError **error);

static gboolean
has_grown (const FovDetectNet *larger, const FovDetectNet *net)
{
    for (guint i = 0; i < net->net.n_outputs; i++)
        if (fov_shape_elements (&larger->net.outputs[i].shape) >
            fov_shape_elements (&net->net.outputs[i].shape))
            return TRUE;
    return FALSE;
}

/* What the model is at a size that leaves no doubt; NULL where it can not be looked at there. */
static const FovFamily *
look_larger (const FovDetectNet *small, FovLabels *stated)
{
    FovModel *model = small->net.model;
    g_autoptr (FovGraph) graph = fov_graph_copy (fov_model_graph (model));
    g_autofree FovShape *shapes = g_new0 (FovShape, graph->inputs->len);
    g_autoptr (FovModel) larger = NULL;
    g_autoptr (FovDetectNet) net = NULL;
    FovPictureInput input = { 0 };

    if (!fov_picture_input_find (&input, graph, "a detector", NULL) || graph->inputs->len != 1)
        return NULL;
    shapes[0] = input.tensor->shape;
    shapes[0].dim[0] = MAX (shapes[0].dim[0], 1);
    shapes[0].dim[input.nhwc ? 3 : 1] = 3;
    shapes[0].dim[input.nhwc ? 1 : 2] = shapes[0].dim[input.nhwc ? 2 : 3] = LARGE;
    larger = fov_model_reshape (model, shapes, NULL);
    if (larger)
        net = recognise (larger, &(FovDetectorParams){ .batch = (guint) shapes[0].dim[0] }, stated,
                         NULL, NULL);
    return net && has_grown (net, small) ? net->family : NULL;
}

/* Where the outputs of a small net fit other families too, it is what it is at a larger size. */
static void
settle (FovDetectNet *net, FovLabels *stated)
{
    const FovFamily *first = net->family, *right = NULL;
    guint n = 0;

    if (net->net.forced || (net->net.width >= SMALL && net->net.height >= SMALL))
        return;
    for (guint i = 0; fov_families[i]; i++)
        n += try_family (net, fov_families[i], NULL);
    if (n > 1)
        right = look_larger (net, stated);
    if (!right || !try_family (net, right, NULL))
        try_family (net, first, NULL);
}

/* A fixed input is looked at once; a free one at each family's own size. */
static FovDetectNet *
recognise (FovModel *model, const FovDetectorParams *params, FovLabels *stated, GString *report,
           GError **error)
{
    FovDetectNet *net = NULL;
    int at_w = 0, at_h = 0;

    for (guint i = 0; fov_families[i]; i++) {
        const FovFamily *family = fov_families[i];
        if (params->decoder && !g_str_equal (params->decoder, family->name))
            continue;
        if (!net || ((family->width != at_w || family->height != at_h) && net->net.width == at_w &&
                     net->net.height == at_h)) {
            g_clear_pointer (&net, fov_detect_net_free);
            net = open_net (model, params, stated, family, error);
            if (!net)
                return NULL;
            at_w = family->width;
            at_h = family->height;
        }
        if (try_family (net, family, report)) {
            settle (net, stated);
            return net;
        }
    }
    g_autofree char *outputs = fov_net_describe_outputs (&net->net);
    if (params->decoder)
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "the outputs do not fit %s, which expects %s; they are %s", params->decoder,
                     find_family (params->decoder)->expects, outputs);
    else
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "no detector family fits the outputs (%s); `fovea doctor MODEL` says what "
                     "stands against each",
                     outputs);
    fov_detect_net_free (net);
    return NULL;
}

FovDetectNet *
fov_detect_net_new (FovModel *model, const FovDetectorParams *params, GString *report,
                    GError **error)
{
    g_autoptr (FovLabels) stated = NULL;
    g_autoptr (FovDetectNet) net = NULL;

    if (params->batch > MAX_BATCH) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "batch is %u, expected 1..%d",
                     params->batch, MAX_BATCH);
        return NULL;
    }
    if (params->decoder && !find_family (params->decoder)) {
        g_autofree char *names = g_strjoinv (", ", (char **) fov_detector_families ());
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "no decoder \"%s\"; there are %s",
                     params->decoder, names);
        return NULL;
    }
    stated = fov_detect_stated_labels (model, params->labels);
    net = recognise (model, params, stated, report, error);
    if (!net || !fov_intake_apply (&net->match.intake, net->net.prepared,
                                   &(FovIntakeWishes){ params->color_order, params->fit,
                                                       params->mean, params->scale },
                                   error))
        return NULL;
    net->labels = fov_detect_labels (model, stated, params->labels != NULL, &net->match.heads);
    net->label_base = fov_detect_label_base (net->labels, &net->match.heads);
    return g_steal_pointer (&net);
}

static gboolean
try_families (FovDetectNet *net, const char *decoder, GError **error)
{
    g_autofree char *outputs = NULL;

    for (guint i = 0; fov_families[i]; i++)
        if ((!decoder || g_str_equal (decoder, fov_families[i]->name)) &&
            try_family (net, fov_families[i], NULL))
            return TRUE;
    outputs = fov_net_describe_outputs (&net->net);
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "no detector%s%s fits the outputs (%s)",
                 decoder ? " of family " : "", decoder ? decoder : "", outputs);
    return FALSE;
}

FovDetectNet *
fov_detect_net_look (FovModel *model, FovGraph *graph, const char *decoder, GError **error)
{
    g_autoptr (FovDetectNet) net = g_new0 (FovDetectNet, 1);
    g_autoptr (FovLabels) stated = fov_detect_stated_labels (model, NULL);
    const FovShape *s;

    net->borrowed = TRUE;
    net->net.model = fov_model_ref (model);
    net->net.graph = graph;
    note_names (&net->net, stated, FALSE);
    net->net.forced = decoder != NULL;
    if (!fov_picture_input_find (&net->input, graph, "a detector", error))
        return NULL;
    s = &net->input.tensor->shape;
    net->net.n = net->input.n = (int) s->dim[0];
    net->net.height = net->input.height = (int) s->dim[net->input.nhwc ? 1 : 2];
    net->net.width = net->input.width = (int) s->dim[net->input.nhwc ? 2 : 3];
    net->net.prepared = fov_picture_input_prepares_itself (&net->input);
    list_outputs (net);
    if (!try_families (net, decoder, error))
        return NULL;
    settle (net, stated);
    if (!fov_intake_apply (&net->match.intake, net->net.prepared, &(FovIntakeWishes){ NULL },
                           error))
        return NULL;
    return g_steal_pointer (&net);
}

const char *const *
fov_detector_families (void)
{
    static const char *names[32];
    static gsize made;

    if (g_once_init_enter (&made)) {
        for (guint i = 0; fov_families[i]; i++)
            names[i] = fov_families[i]->name;
        g_once_init_leave (&made, 1);
    }
    return names;
}
