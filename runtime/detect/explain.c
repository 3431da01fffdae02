/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What `fovea doctor` says about a model. */
#include "detect/net.h"

static void
add_tensors (GString *text, FovModel *model, const FovDetectNet *net)
{
    for (guint i = 0; i < fov_model_n_inputs (model) + fov_model_n_outputs (model); i++) {
        gboolean in = i < fov_model_n_inputs (model);
        FovTensorInfo info;
        if (in)
            fov_model_input (model, i, &info);
        else
            fov_model_output (model, i - fov_model_n_inputs (model), &info);
        if (!in && net && i - fov_model_n_inputs (model) < net->net.n_outputs)
            info.shape = net->net.outputs[i - fov_model_n_inputs (model)].shape;
        g_autofree char *shape = fov_shape_to_string (&info.shape);
        g_string_append_printf (text, "%-8s '%s': %s %s\n", in ? "input" : "output", info.name,
                                fov_dtype_name (info.dtype), shape);
    }
}

static void
add_intake (GString *text, const FovDetectNet *net)
{
    static const char *const fits[] = { "aspect kept, centred", "aspect kept, top left",
                                        "stretched" };
    const FovIntake *in = &net->match.intake;

    g_string_append_printf (text, "picture  %dx%d %s, %s", net->net.width, net->net.height,
                            in->bgr ? "BGR" : "RGB", fits[in->fit]);
    if (in->fit != FOV_FIT_STRETCH)
        g_string_append_printf (text, " on %g", in->pad);
    if (net->net.prepared)
        g_string_append (text, "; 0..255, the graph normalises itself");
    g_string_append_printf (text, "; (pixel - (%g, %g, %g)) * (%g, %g, %g)\n", in->mean[0],
                            in->mean[1], in->mean[2], in->scale[0], in->scale[1], in->scale[2]);
}

static void
add_heads (GString *text, const FovDetectNet *net)
{
    static const char *const codings[] = { "as they are", "through a sigmoid",
                                           "through a softmax" };
    const FovHeads *h = &net->match.heads;

    g_string_append_printf (text, "family   %s (%s): %s\n", net->family->name, net->family->title,
                            net->match.form);
    for (int l = 0; l < h->n_levels; l++) {
        const FovLevel *level = &h->level[l];
        FovTensor *boxes = net->match.inputs[level->box.input - 1];
        FovTensor *scores = net->match.inputs[level->score.input - 1];
        if (level->grid_h < 0)
            g_string_append (text, "anchors  as many as the graph selects");
        else
            g_string_append_printf (text, "anchors  %" G_GINT64_FORMAT, fov_level_anchors (level));
        g_string_append_printf (text, ": boxes in '%s', scores in '%s'\n", boxes->name,
                                scores->name);
    }
    g_string_append_printf (text, "scores   %s%s%s\n", codings[h->score_coding],
                            h->background ? ", the first class is the background" : "",
                            h->final ? ", already selected" : "");
}

static void
add_labels (GString *text, const FovDetectNet *net)
{
    if (net->match.heads.final)
        g_string_append (text, "classes  chosen by the graph");
    else
        g_string_append_printf (text, "classes  %d", net->match.heads.n_classes);
    if (!net->labels) {
        g_string_append (text, ", without names (give a labels file)\n");
        return;
    }
    guint base = (guint) net->label_base, n = fov_labels_count (net->labels) - base;
    g_string_append_printf (text, ", names: %s", fov_labels_get (net->labels, base));
    if (n > 1)
        g_string_append_printf (text, ", %s%s", fov_labels_get (net->labels, base + 1),
                                n > 2 ? ", ..." : "");
    if (!net->match.heads.final && n != (guint) net->match.heads.n_classes)
        g_string_append_printf (text, " (%u of them: are they this model's?)", n);
    g_string_append_c (text, '\n');
}

char *
fov_detector_explain (FovModel *model, const FovDetectorParams *params, gboolean *ok)
{
    static const FovDetectorParams defaults;
    g_autoptr (GString) tried = g_string_new (NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDetectNet) net = NULL;
    GString *text = g_string_new (NULL);

    g_string_append_printf (text, "model    %s (%s)\n", fov_model_path (model),
                            fov_model_format (model));
    net = fov_detect_net_new (model, params ? params : &defaults, tried, &error);
    add_tensors (text, model, net);
    if (ok)
        *ok = net != NULL;
    if (net) {
        add_intake (text, net);
        add_heads (text, net);
        add_labels (text, net);
        return g_string_free (text, FALSE);
    }
    g_string_append_printf (text, "This model can not be used as a detector: %s.\n",
                            error->message);
    if (tried->len)
        g_string_append_printf (text, "What stands against each family:\n%s", tried->str);
    g_string_append (text, "What would fit:\n");
    for (guint i = 0; fov_families[i]; i++)
        g_string_append_printf (text, "  %-12s %s\n", fov_families[i]->name,
                                fov_families[i]->expects);
    return g_string_free (text, FALSE);
}
