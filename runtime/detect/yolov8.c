/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * YOLOv8 and what kept its heads (v9, v11): decoded to centre and size with a
 * score per class and no objectness, turned (rows are components) or not; or raw
 * distances over 16 bins and classes per level.
 */
#include "detect/dfl.h"
#include "detect/families.h"

#define BINS 16

static int
levels_of (const FovNet *net, gint64 anchors, int *stride)
{
    static const struct {
        int stride, n;
    } kinds[] = { { 8, 3 }, { 8, 4 }, { 4, 4 } };

    for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
        *stride = kinds[i].stride;
        if (anchors == fov_net_cells (net, kinds[i].stride, kinds[i].n))
            return kinds[i].n;
    }
    return 0;
}

/* Behind the classes may come mask coefficients or key points, if the model itself says so. */
static gint64
n_classes (const FovNet *net, gint64 components)
{
    if (net->named && net->n_labels + 4 <= components)
        return net->n_labels;
    for (guint i = 0; i < net->n_outputs; i++) {
        const FovShape *s = &net->outputs[i].shape;
        if (s->rank == 4 && s->dim[1] == 32 && components > 36)
            return components - 36;
    }
    return components - 4;
}

static gboolean
match_decoded (const FovNet *net, const FovNetOutput *output, FovMatch *match)
{
    gint64 rows, columns, anchors;
    gboolean turned = TRUE, unit;
    int stride, levels, input;
    FovLevel *level = &match->heads.level[0];

    if (!fov_net_matrix (net, output, &rows, &columns))
        return FALSE;
    levels = rows > 4 ? levels_of (net, columns, &stride) : 0;
    if (!levels) { /* not turned: YOLOX has the same rows, so there must be a sign */
        turned = FALSE;
        levels = columns > 4 ? levels_of (net, rows, &stride) : 0;
        if (!levels || !(net->forced || net->n_labels + 4 == columns ||
                         fov_made_with (output->tensor, "Softmax")))
            return FALSE;
    }
    anchors = turned ? columns : rows;
    input = fov_match_input (match, output->tensor);
    match->heads.n_classes = (gint32) n_classes (net, turned ? rows : columns);
    match->heads.score_coding = fov_score_coding_of (output->tensor, FOV_SCORE_SIGMOID);
    match->heads.box_coding = FOV_BOX_CENTER;
    match->heads.n_levels = 1;
    unit = fov_boxes_normalized (output->tensor, anchors);
    *level = (FovLevel){ .grid_w = 1, .grid_h = (gint32) anchors, .n_priors = 1 };
    level->step_x = unit ? (float) net->width : 1;
    level->step_y = unit ? (float) net->height : 1;
    level->box = fov_matrix_field (input, rows, columns, 0, 0, turned);
    level->score = fov_matrix_field (input, rows, columns, 0, 4, turned);
    match->form = unit ? "boxes decoded to parts of the input, a score per class"
                       : "boxes decoded to pixels, a score per class";
    return TRUE;
}

/* Distances and classes in one set of planes per level; both come from convolutions of their
 * own, which tells them from anchor heads of the same size. */
static gboolean
match_raw (const FovNet *net, FovMatch *match)
{
    gint64 channels = 0;
    int seen = 0;

    if (net->n_outputs < 3 || net->n_outputs > 4)
        return FALSE;
    for (guint i = 0; i < net->n_outputs; i++) {
        const FovNetOutput *output = &net->outputs[i];
        int stride = fov_net_plane_stride (net, output);
        int l = stride ? g_bit_nth_lsf ((gulong) stride, -1) - 3 : -1;
        gboolean joined =
            output->tensor->producer && g_str_equal (output->tensor->producer->op->name, "Concat");
        if (l < 0 || l >= 4 || seen & 1 << l || output->shape.dim[1] <= 4 * BINS ||
            (channels && channels != output->shape.dim[1]) || !(joined || net->forced))
            return FALSE;
        seen |= 1 << l;
        channels = output->shape.dim[1];
    }
    if (seen != (1 << net->n_outputs) - 1)
        return FALSE;
    fov_match_levels (match, net, 8, (int) net->n_outputs, 1);
    for (guint i = 0; i < net->n_outputs; i++) {
        const FovNetOutput *output = &net->outputs[i];
        int l = g_bit_nth_lsf ((gulong) fov_net_plane_stride (net, output), -1) - 3;
        FovLevel *level = &match->heads.level[l];
        int input = fov_match_input (match, output->tensor);
        level->box = fov_plane_field (input, channels, fov_level_anchors (level), 0);
        level->score = fov_plane_field (input, channels, fov_level_anchors (level), 4 * BINS);
        match->heads.score_coding = fov_score_coding_of (output->tensor, FOV_SCORE_SIGMOID);
    }
    match->heads.n_classes = (gint32) channels - 4 * BINS;
    match->heads.box_coding = FOV_BOX_DISTANCE;
    match->heads.n_bins = BINS;
    match->heads.origin = 0.5f;
    match->form = "raw distances over 16 bins and classes, one output per level";
    return TRUE;
}

static gboolean
match (const FovNet *net, FovMatch *match, char **why)
{
    for (guint i = 0; i < net->n_outputs; i++)
        if (match_decoded (net, &net->outputs[i], match))
            return TRUE;
    if (match_raw (net, match))
        return TRUE;
    if (fov_match_split_dfl (net, match, BINS)) {
        match->form = "raw distances over 16 bins and classes, an output each per level";
        return TRUE;
    }
    *why = g_strdup_printf ("no output is (4 + classes) x %" G_GINT64_FORMAT
                            " (cells of strides 8, 16, 32 at %dx%d), and there are no raw heads of "
                            "%d + classes planes per level",
                            fov_net_cells (net, 8, 3), net->width, net->height, 4 * BINS);
    return FALSE;
}

const FovFamily fov_family_yolov8 = {
    .name = "yolov8",
    .title = "YOLOv8 / v9 / v11",
    .width = 640,
    .height = 640,
    .expects = "one output N x (4 + classes) x cells, or raw heads of (64 + classes) planes",
    .intake = FOV_INTAKE_RGB_UNIT,
    .match = match,
};
