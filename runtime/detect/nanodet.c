/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * NanoDet: class scores and side distances over 8 bins for strides 8, 16, 32, from
 * cell centres; NanoDet-Plus: one matrix, stride 64 too, from cell corners. Trained on stretched
 * pictures, it finds more in those whose aspect is kept.
 */
#include "detect/dfl.h"
#include "detect/families.h"

#define BINS 8

static gboolean
match_plus (const FovNet *net, const FovNetOutput *output, FovMatch *match)
{
    gint64 rows, columns, first = 0;
    int levels = 0, input;

    if (!fov_net_matrix (net, output, &rows, &columns) || columns <= 4 * BINS)
        return FALSE;
    if (rows == fov_net_cells (net, 8, 4))
        levels = 4;
    else if (rows == fov_net_cells (net, 8, 3) &&
             (net->forced || columns - 4 * BINS == (net->n_labels ? net->n_labels : 80)))
        levels = 3;
    if (!levels || fov_made_with (output->tensor, "Exp"))
        return FALSE;
    input = fov_match_input (match, output->tensor);
    fov_match_levels (match, net, 8, levels, 1);
    match->heads.n_classes = (gint32) columns - 4 * BINS;
    match->heads.box_coding = FOV_BOX_DISTANCE;
    match->heads.n_bins = BINS;
    match->heads.origin = levels == 4 ? 0.0f : 0.5f;
    for (int l = 0; l < levels; l++) {
        FovLevel *level = &match->heads.level[l];
        level->score = fov_matrix_field (input, rows, columns, first, 0, FALSE);
        level->box = fov_matrix_field (input, rows, columns, first, match->heads.n_classes, FALSE);
        first += fov_level_anchors (level);
    }
    match->form = "one matrix of classes and distances over 8 bins";
    return TRUE;
}

static gboolean
match (const FovNet *net, FovMatch *match, char **why)
{
    if (net->n_outputs == 1 && match_plus (net, &net->outputs[0], match))
        return TRUE;
    if (fov_match_split_dfl (net, match, BINS)) {
        match->form = "classes and distances over 8 bins, an output each per level";
        match->intake.fit = FOV_FIT_LETTERBOX_CENTER; /* trained so, NanoDet-Plus stretched */
        return TRUE;
    }
    *why = g_strdup_printf ("the outputs are not pairs of classes and %d distances for each level "
                            "(%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT
                            " cells), nor one matrix of classes + %d columns",
                            4 * BINS, fov_net_cells (net, 8, 1), fov_net_cells (net, 16, 1),
                            fov_net_cells (net, 32, 1), 4 * BINS);
    return FALSE;
}

const FovFamily fov_family_nanodet = {
    .name = "nanodet",
    .title = "NanoDet",
    .width = 320,
    .height = 320,
    .expects = "per level cells x classes and cells x 32, or one N x cells x (classes + 32)",
    .intake = { .bgr = TRUE,
                .fit = FOV_FIT_LETTERBOX_CENTER,
                .mean = { 103.53f, 116.28f, 123.675f },
                .scale = { 1 / 57.375f, 1 / 57.12f, 1 / 58.395f } },
    .match = match,
};
