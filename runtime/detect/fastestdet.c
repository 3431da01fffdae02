/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * FastestDet: one plane set of stride 16: objectness, four box numbers, classes.
 * centre = (tanh t + cell) stride, size = sigmoid t of the whole input, score =
 * objectness ^ 0.6 class ^ 0.4.
 */
#include "detect/families.h"

static gboolean
match_output (const FovNet *net, const FovNetOutput *output, FovMatch *match)
{
    int stride = fov_net_plane_stride (net, output), input;
    gint64 channels = output->shape.dim[1];
    FovLevel *level = &match->heads.level[0];
    FovHeads *h = &match->heads;
    gint64 cells;

    if (!stride || channels < 6 || net->n_outputs != 1)
        return FALSE;
    fov_match_levels (match, net, stride, 1, 1);
    cells = fov_level_anchors (level);
    input = fov_match_input (match, output->tensor);
    level->object = fov_plane_field (input, channels, cells, 0);
    level->box = fov_plane_field (input, channels, cells, 1);
    level->score = fov_plane_field (input, channels, cells, 5);
    h->n_classes = (gint32) channels - 5;
    h->score_coding = fov_score_coding_of (output->tensor, FOV_SCORE_SOFTMAX);
    h->object_coding = h->score_coding ? FOV_SCORE_SIGMOID : FOV_SCORE_DONE;
    h->object_power = 0.6f;
    h->score_power = 0.4f;
    h->box_coding = FOV_BOX_TANH;
    match->form = "one grid of objectness, boxes and classes";
    return TRUE;
}

static gboolean
match (const FovNet *net, FovMatch *match, char **why)
{
    if (net->n_outputs == 1 && match_output (net, &net->outputs[0], match))
        return TRUE;
    *why = g_strdup_printf ("there is not one single output of planes (1 + 4 + classes) on a grid "
                            "of %dx%d",
                            net->width / 16, net->height / 16);
    return FALSE;
}

const FovFamily fov_family_fastestdet = {
    .name = "fastestdet",
    .title = "FastestDet",
    .width = 352,
    .height = 352,
    .expects = "one output N x (5 + classes) x H/16 x W/16",
    .intake = { .bgr = TRUE,
                .fit = FOV_FIT_STRETCH,
                .scale = { 1 / 255.0f, 1 / 255.0f, 1 / 255.0f } },
    .match = match,
};
