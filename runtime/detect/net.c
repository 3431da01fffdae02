/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/net.h"

#include <string.h>

#define MAX_SIZE 4096
#define MAX_BATCH 64

void
fov_detect_net_free (FovDetectNet *net)
{
    if (!net)
        return;
    g_clear_pointer (&net->net.graph, fov_graph_free);
    g_clear_pointer (&net->match.priors, g_bytes_unref);
    g_clear_pointer (&net->labels, fov_labels_unref);
    g_clear_pointer (&net->net.model, fov_model_unref);
    g_free (net->net.outputs);
    g_free (net);
}

/* ---- the input -------------------------------------------------------- */

static gboolean
find_input (FovDetectNet *net, GError **error)
{
    FovGraph *graph = net->net.graph;

    for (guint i = 0; i < graph->inputs->len; i++) {
        FovTensor *t = graph->inputs->pdata[i];
        g_autofree char *shape = fov_shape_to_string (&t->shape);
        if (t->shape.rank == 4 && !net->input &&
            (t->shape.dim[1] == 3 || t->shape.dim[3] == 3 || t->shape.dim[1] < 0)) {
            net->input = t;
            net->nhwc = t->shape.dim[1] != 3 && t->shape.dim[3] == 3;
        } else if (t->consumers->len) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                         "input '%s' is %s %s; a detector takes one picture: 1x3xHxW or 1xHxWx3",
                         t->name, fov_dtype_name (t->dtype), shape);
            return FALSE;
        }
    }
    if (!net->input)
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "there is no input; a detector takes one picture: 1x3xHxW or 1xHxWx3");
    return net->input != NULL;
}

/* Integer pixels that the graph makes floats of at once may as well come as floats. */
static void
retype_input (FovTensor *input)
{
    for (guint i = 0; i < input->consumers->len; i++)
        if (!g_str_equal (((FovNode *) input->consumers->pdata[i])->op->name, "Cast"))
            return;
    input->dtype = FOV_F32;
}

static gboolean
choose_size (FovDetectNet *net, const FovDetectorParams *params, int free_width, int free_height,
             GError **error)
{
    FovShape *s = &net->input->shape;
    int y = net->nhwc ? 1 : 2, wanted[2] = { params->height, params->width };
    int fallback[2] = { free_height, free_width };
    gint64 batch = MAX (params->batch, 1);

    if (s->dim[0] >= 0 && s->dim[0] != batch) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "batch is %" G_GINT64_FORMAT
                     ", but the model's input is made for %" G_GINT64_FORMAT " pictures",
                     batch, s->dim[0]);
        return FALSE;
    }
    if (s->dim[net->nhwc ? 3 : 1] < 0)
        s->dim[net->nhwc ? 3 : 1] = 3;
    s->dim[0] = batch;
    for (int i = 0; i < 2; i++) {
        gint64 *size = &s->dim[y + i];
        if (*size >= 0 && wanted[i] && wanted[i] != *size) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "%s is %d, but the model fixes its input to %" G_GINT64_FORMAT,
                         i ? "width" : "height", wanted[i], *size);
            return FALSE;
        }
        if (*size < 0)
            *size = wanted[i] ? wanted[i] : fallback[i];
        if (*size < 1 || *size > MAX_SIZE) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "input %s is %" G_GINT64_FORMAT ", expected 1..%d", i ? "width" : "height",
                         *size, MAX_SIZE);
            return FALSE;
        }
    }
    net->net.n = (int) batch;
    net->net.height = (int) s->dim[y];
    net->net.width = (int) s->dim[y + 1];
    return TRUE;
}

/* The graph begins with arithmetic on the pixels: it wants them as they are. */
static gboolean
prepares_itself (const FovTensor *t)
{
    static const char *const arithmetic[] = { "Mul", "Sub", "Div", "Add", NULL };
    static const char *const moves[] = { "Cast",   "Transpose", "Identity",  "Reshape",
                                         "Resize", "Squeeze",   "Unsqueeze", NULL };

    for (int depth = 0; depth < 16 && t && t->consumers->len == 1; depth++) {
        const FovNode *node = t->consumers->pdata[0];
        if (g_strv_contains (arithmetic, node->op->name))
            return TRUE;
        if (!g_strv_contains (moves, node->op->name))
            return FALSE;
        t = node->outputs[0];
    }
    return FALSE;
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

static FovDetectNet *
open_net (FovModel *model, const FovDetectorParams *params, const FovFamily *family, GError **error)
{
    g_autoptr (FovDetectNet) net = g_new0 (FovDetectNet, 1);
    g_autoptr (FovLabels) stated = fov_detect_stated_labels (model, params->labels);

    net->net.model = fov_model_ref (model);
    net->net.graph = fov_graph_copy (fov_model_graph (model));
    net->net.n_labels = stated ? fov_labels_count (stated) : 0;
    net->net.forced = params->decoder != NULL;
    if (!find_input (net, error) ||
        !choose_size (net, params, family->width, family->height, error))
        return NULL;
    retype_input (net->input);
    if (!fov_graph_specialize (net->net.graph, NULL, error))
        return NULL;
    net->net.prepared = prepares_itself (net->input);
    list_outputs (net);
    return g_steal_pointer (&net);
}

static gboolean
set_intake (FovDetectNet *net, const FovDetectorParams *p, GError **error)
{
    FovIntake *intake = &net->match.intake;

    if (net->net.prepared)
        for (int c = 0; c < 3; c++) {
            intake->mean[c] = 0;
            intake->scale[c] = 1;
        }
    if (p->color_order) {
        if (!g_str_equal (p->color_order, "rgb") && !g_str_equal (p->color_order, "bgr")) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "color_order is \"%s\", expected rgb or bgr", p->color_order);
            return FALSE;
        }
        intake->bgr = g_str_equal (p->color_order, "bgr");
    }
    if (p->fit) {
        static const char *const names[] = { "letterbox-center", "letterbox", "stretch" };
        guint i = 0;
        while (i < G_N_ELEMENTS (names) && !g_str_equal (p->fit, names[i]))
            i++;
        if (i == G_N_ELEMENTS (names)) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "fit is \"%s\", expected letterbox, letterbox-center or stretch", p->fit);
            return FALSE;
        }
        intake->fit = (FovFit) i;
    }
    for (int c = 0; c < 3; c++) {
        if (p->mean)
            intake->mean[c] = p->mean[c];
        if (p->scale)
            intake->scale[c] = p->scale[c];
    }
    return TRUE;
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

/* A fixed input is looked at once; a free one at each family's own size. */
static FovDetectNet *
recognise (FovModel *model, const FovDetectorParams *params, GString *report, GError **error)
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
            net = open_net (model, params, family, error);
            if (!net)
                return NULL;
            at_w = family->width;
            at_h = family->height;
        }
        if (try_family (net, family, report))
            return net;
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
    g_autoptr (FovDetectNet) net = NULL;
    guint n;

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
    net = recognise (model, params, report, error);
    if (!net || !set_intake (net, params, error))
        return NULL;
    n = net->match.heads.final ? 0 : (guint) net->match.heads.n_classes;
    net->labels = fov_detect_labels (model, params->labels, n);
    net->label_base = n && net->labels && fov_labels_count (net->labels) == n + 1;
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
