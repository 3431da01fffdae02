/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * YOLOv5 and YOLOv3: three priors a cell, objectness and classes. Decoded by the
 * graph (one matrix), or raw heads per level: v5 with (2 s(t))^2 priors, v3 with
 * exp(t) priors. The priors are COCO's, as both projects ship them.
 */
#include "detect/families.h"

#define PRIORS 3

static const float coco_priors[3][PRIORS][2] = {
    { { 10, 13 }, { 16, 30 }, { 33, 23 } },
    { { 30, 61 }, { 62, 45 }, { 59, 119 } },
    { { 116, 90 }, { 156, 198 }, { 373, 326 } },
};
static const float tiny_priors[2][PRIORS][2] = {
    { { 10, 14 }, { 23, 27 }, { 37, 58 } },
    { { 81, 82 }, { 135, 169 }, { 344, 319 } },
};

static gboolean
match_decoded (const FovNet *net, const FovNetOutput *output, FovMatch *match)
{
    static const struct {
        int stride, n;
    } kinds[] = { { 8, 3 }, { 8, 4 }, { 16, 2 } };
    FovLevel *level = &match->heads.level[0];
    gint64 rows, columns;
    gboolean fits = FALSE, unit;
    int input;

    if (!fov_net_matrix (net, output, &rows, &columns) || columns < 6)
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
        fits = fits || rows == PRIORS * fov_net_cells (net, kinds[i].stride, kinds[i].n);
    if (!fits)
        return FALSE;
    input = fov_match_input (match, output->tensor);
    unit = fov_boxes_normalized (output->tensor, rows);
    match->heads.n_levels = 1;
    match->heads.n_classes = (gint32) columns - 5;
    match->heads.box_coding = FOV_BOX_CENTER;
    *level = (FovLevel){ .grid_w = 1, .grid_h = (gint32) rows, .n_priors = 1 };
    level->step_x = unit ? (float) net->width : 1;
    level->step_y = unit ? (float) net->height : 1;
    level->box = fov_matrix_field (input, rows, columns, 0, 0, FALSE);
    level->object = fov_matrix_field (input, rows, columns, 0, 4, FALSE);
    level->score = fov_matrix_field (input, rows, columns, 0, 5, FALSE);
    match->form = "boxes decoded by the graph, objectness and classes";
    return TRUE;
}

/* A raw head: [n, 3, h, w, 5 + classes] or [n, 3 (5 + classes), h, w]. */
static int
raw_stride (const FovNet *net, const FovNetOutput *output, gint64 *components)
{
    const FovShape *s = &output->shape;
    FovNetOutput flat = *output;

    if (s->rank == 5 && s->dim[1] == PRIORS) {
        *components = s->dim[4];
        flat.shape = (FovShape){ 4, { s->dim[0], 1, s->dim[2], s->dim[3] } };
    } else if (s->rank == 4 && s->dim[1] % PRIORS == 0) {
        *components = s->dim[1] / PRIORS;
    } else {
        return 0;
    }
    return *components >= 6 ? fov_net_plane_stride (net, &flat) : 0;
}

static void
set_raw_level (FovMatch *match, const FovNetOutput *output, FovLevel *level, int components,
               const float priors[PRIORS][2])
{
    int input = fov_match_input (match, output->tensor);
    gint32 cells = level->grid_w * level->grid_h;
    gboolean last = output->shape.rank == 5; /* components are neighbours */
    FovField f = { .input = input,
                   .component = last ? 1 : cells,
                   .cell = last ? components : 1,
                   .prior = cells * components,
                   .picture = PRIORS * cells * components };

    level->box = level->object = level->score = f;
    level->object.first = 4 * f.component;
    level->score.first = 5 * f.component;
    for (int p = 0; p < PRIORS; p++) {
        level->prior_w[p] = priors[p][0];
        level->prior_h[p] = priors[p][1];
    }
}

static gboolean
match_raw (const FovNet *net, FovMatch *match, int rank)
{
    int first = net->n_outputs == 3 ? 8 : 16, seen = 0;
    const float (*priors)[PRIORS][2] = net->n_outputs == 3 ? coco_priors : tiny_priors;
    gint64 components = 0;

    if (net->n_outputs < 2 || net->n_outputs > 3)
        return FALSE;
    for (guint i = 0; i < net->n_outputs; i++) {
        gint64 here = 0;
        int stride = raw_stride (net, &net->outputs[i], &here);
        if (net->outputs[i].shape.rank != rank || stride < first || stride > 32 || seen & stride ||
            (components && here != components))
            return FALSE;
        seen |= stride;
        components = here;
    }
    fov_match_levels (match, net, first, (int) net->n_outputs, PRIORS);
    for (guint i = 0; i < net->n_outputs; i++) {
        gint64 unused;
        int l = g_bit_nth_lsf ((gulong) raw_stride (net, &net->outputs[i], &unused), -1) -
                (first == 8 ? 3 : 4);
        set_raw_level (match, &net->outputs[i], &match->heads.level[l], (int) components,
                       priors[l]);
    }
    match->heads.n_classes = (gint32) components - 5;
    match->heads.score_coding = match->heads.object_coding =
        fov_score_coding_of (net->outputs[0].tensor, FOV_SCORE_SIGMOID);
    match->form = "raw heads of three priors a cell, COCO's priors";
    return TRUE;
}

static gboolean
match_v5 (const FovNet *net, FovMatch *match, char **why)
{
    for (guint i = 0; i < net->n_outputs; i++)
        if (match_decoded (net, &net->outputs[i], match))
            return TRUE;
    if (match_raw (net, match, 5) || match_raw (net, match, 4)) {
        match->heads.box_coding = FOV_BOX_ANCHOR_SQUARE;
        return TRUE;
    }
    *why =
        g_strdup_printf ("no output has %" G_GINT64_FORMAT " rows (three for each cell of strides "
                         "8, 16, 32 at %dx%d) of 5 + classes numbers, and there are no raw heads",
                         PRIORS * fov_net_cells (net, 8, 3), net->width, net->height);
    return FALSE;
}

static gboolean
match_v3 (const FovNet *net, FovMatch *match, char **why)
{
    if (match_raw (net, match, 4)) {
        match->heads.box_coding = FOV_BOX_ANCHOR_EXP;
        return TRUE;
    }
    *why = g_strdup_printf ("the outputs are not two or three raw heads of 3 (5 + classes) planes "
                            "on grids of strides 8, 16, 32");
    return FALSE;
}

const FovFamily fov_family_yolov5 = {
    .name = "yolov5",
    .title = "YOLOv5 (and decoded YOLOv3, v7)",
    .width = 640,
    .height = 640,
    .expects = "one output N x 3 cells x (5 + classes), or raw N x 3 x h x w x (5 + classes)",
    .intake = FOV_INTAKE_RGB_UNIT,
    .match = match_v5,
};

const FovFamily fov_family_yolov3 = {
    .name = "yolov3",
    .title = "YOLOv3 (and tiny), raw heads",
    .width = 416,
    .height = 416,
    .expects = "raw heads N x 3 (5 + classes) x h x w of strides (8,) 16, 32",
    .intake = FOV_INTAKE_RGB_UNIT,
    .match = match_v3,
};
