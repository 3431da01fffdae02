/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * YOLOX (Ge et al., 2021): one matrix, a row for each cell of strides 8, 16, 32
 * (and 64): four box numbers, objectness, classes. Boxes count from the cell, in
 * strides and as logarithms, unless the graph has decoded them.
 */
#include "detect/families.h"

/* Another output has four numbers for each of the rows: those are the boxes, these only scores. */
static gboolean
boxes_elsewhere (const FovNet *net, const FovNetOutput *scores, gint64 rows)
{
    for (guint i = 0; i < net->n_outputs; i++) {
        gint64 other, four;
        if (&net->outputs[i] != scores && fov_net_matrix (net, &net->outputs[i], &other, &four) &&
            other == rows && four == 4)
            return TRUE;
    }
    return FALSE;
}

static gboolean
match_output (const FovNet *net, const FovNetOutput *output, FovMatch *match)
{
    gint64 rows, columns, first = 0;
    int levels = 0, input, coding;

    if (!fov_net_matrix (net, output, &rows, &columns) || columns < 6)
        return FALSE;
    for (int n = 3; n <= 4; n++)
        if (rows == fov_net_cells (net, 8, n))
            levels = n;
    /* The same rows with four box numbers and no objectness are YOLOv8's, turned. */
    if (!levels || (!net->forced &&
                    (net->n_labels + 4 == columns || fov_made_with (output->tensor, "Softmax") ||
                     boxes_elsewhere (net, output, rows))))
        return FALSE;
    input = fov_match_input (match, output->tensor);
    coding = fov_score_coding_of (output->tensor, FOV_SCORE_SIGMOID);
    match->heads.n_classes = (gint32) columns - 5;
    match->heads.score_coding = match->heads.object_coding = coding;
    fov_match_levels (match, net, 8, levels, 1);
    if (fov_made_with (output->tensor, "Exp")) {
        match->heads.box_coding = FOV_BOX_CENTER;
        match->form = "boxes decoded to pixels, objectness and classes";
    } else {
        match->heads.box_coding = FOV_BOX_GRID_EXP;
        match->form = "boxes counted from their cells, objectness and classes";
    }
    for (int l = 0; l < levels; l++) {
        FovLevel *level = &match->heads.level[l];
        level->box = fov_matrix_field (input, rows, columns, first, 0, FALSE);
        level->object = fov_matrix_field (input, rows, columns, first, 4, FALSE);
        level->score = fov_matrix_field (input, rows, columns, first, 5, FALSE);
        if (match->heads.box_coding == FOV_BOX_CENTER)
            level->step_x = level->step_y = 1;
        first += fov_level_anchors (level);
    }
    return TRUE;
}

static gboolean
match (const FovNet *net, FovMatch *match, char **why)
{
    for (guint i = 0; i < net->n_outputs; i++)
        if (match_output (net, &net->outputs[i], match))
            return TRUE;
    *why = g_strdup_printf ("no output has %" G_GINT64_FORMAT " rows (cells of strides 8, 16, 32 "
                            "at %dx%d) of 5 + classes numbers",
                            fov_net_cells (net, 8, 3), net->width, net->height);
    return FALSE;
}

const FovFamily fov_family_yolox = {
    .name = "yolox",
    .title = "YOLOX",
    .width = 640,
    .height = 640,
    .expects = "one output N x cells x (5 + classes)",
    .intake = { .bgr = TRUE, .fit = FOV_FIT_LETTERBOX_TOPLEFT, .scale = { 1, 1, 1 }, .pad = 114 },
    .match = match,
};
