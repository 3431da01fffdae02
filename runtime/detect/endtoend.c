/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Graphs that end in their own selection: rows of (x1, y1, x2, y2, score, class),
 * rows of (picture, x1, y1, x2, y2, class, score), or boxes, scores and classes in an output
 * each, or boxes with their scores and classes apart. Nothing is suppressed again.
 */
#include "detect/families.h"

#include <string.h>

#define MOST_ROWS 5000

static void
set_rows (const FovNet *net, FovMatch *match, gint64 rows, float step_x, float step_y)
{
    match->heads.n_levels = 1;
    match->heads.n_classes = 1; /* as the decoder sees it: one score a row, the label beside it */
    match->heads.box_coding = FOV_BOX_CORNERS;
    match->heads.final = 1;
    match->heads.level[0] = (FovLevel){
        .grid_w = 1, .grid_h = (gint32) rows, .n_priors = 1, .step_x = step_x, .step_y = step_y
    };
}

static gboolean
match_rows (const FovNet *net, const FovNetOutput *output, FovMatch *match)
{
    gint64 rows, columns;
    FovLevel *level = &match->heads.level[0];
    gboolean numbered;
    int input;

    if (net->n_outputs != 1 || !fov_net_matrix (net, output, &rows, &columns) || rows > MOST_ROWS ||
        columns < 6 || columns > 7 || output->shape.rank > 3)
        return FALSE;
    numbered = columns == 7;
    if (numbered && net->n > 1)
        return FALSE;
    set_rows (net, match, rows, 1, 1);
    input = fov_match_input (match, output->tensor);
    level->box = fov_matrix_field (input, rows, columns, 0, numbered, FALSE);
    level->score = fov_matrix_field (input, rows, columns, 0, numbered ? 6 : 4, FALSE);
    level->label = fov_matrix_field (input, rows, columns, 0, 5, FALSE);
    match->form = numbered ? "rows of picture, box, class, score" : "rows of box, score, class";
    return TRUE;
}

static const FovNetOutput *
find_output (const FovNet *net, const char *const *parts)
{
    for (guint i = 0; i < net->n_outputs; i++) {
        g_autofree char *name = g_ascii_strdown (net->outputs[i].name, -1);
        for (guint k = 0; parts[k]; k++)
            if (strstr (name, parts[k]))
                return &net->outputs[i];
    }
    return NULL;
}

/* How many values a picture has in an output of one number a row. */
static gint64
column_rows (const FovNet *net, const FovNetOutput *output)
{
    gint64 n = fov_shape_elements (&output->shape);

    return n < 0 ? -1 : n / net->n;
}

static gboolean
match_separate (const FovNet *net, FovMatch *match)
{
    const FovNetOutput *boxes = find_output (net, (const char *const[]){ "box", NULL });
    const FovNetOutput *scores = find_output (net, (const char *const[]){ "score", "conf", NULL });
    const FovNetOutput *classes =
        find_output (net, (const char *const[]){ "class", "label", NULL });
    FovLevel *level = &match->heads.level[0];
    gint64 rows, four;
    gboolean tensorflow;

    if (!boxes || !scores || !classes || boxes == scores || scores == classes || boxes == classes ||
        !fov_net_matrix (net, boxes, &rows, &four) || four != 4 ||
        column_rows (net, scores) != rows || column_rows (net, classes) != rows)
        return FALSE;
    tensorflow = strstr (boxes->name, "detection_boxes") != NULL;
    set_rows (net, match, rows, tensorflow ? (float) net->width : 1,
              tensorflow ? (float) net->height : 1);
    match->heads.swap_xy = tensorflow;
    level->box = fov_matrix_field (fov_match_input (match, boxes->tensor), rows, 4, 0, 0, FALSE);
    level->score = fov_matrix_field (fov_match_input (match, scores->tensor), rows, 1, 0, 0, FALSE);
    level->label =
        fov_matrix_field (fov_match_input (match, classes->tensor), rows, 1, 0, 0, FALSE);
    if (tensorflow)
        match->intake = (FovIntake){ .fit = FOV_FIT_STRETCH, .scale = { 1, 1, 1 } };
    match->form = "boxes, scores and classes in an output each";
    return TRUE;
}

/* "dets" of box and score, "labels": MMDetection's exports. */
static gboolean
match_scored_boxes (const FovNet *net, FovMatch *match)
{
    const FovNetOutput *boxes = find_output (net, (const char *const[]){ "det", "box", NULL });
    const FovNetOutput *classes =
        find_output (net, (const char *const[]){ "class", "label", NULL });
    FovLevel *level = &match->heads.level[0];
    gint64 rows, five;
    int input;

    if (net->n_outputs < 2 || !boxes || !classes || boxes == classes ||
        !fov_net_matrix (net, boxes, &rows, &five) || five != 5 || rows > MOST_ROWS ||
        column_rows (net, classes) != rows)
        return FALSE;
    set_rows (net, match, rows, 1, 1);
    input = fov_match_input (match, boxes->tensor);
    level->box = fov_matrix_field (input, rows, 5, 0, 0, FALSE);
    level->score = fov_matrix_field (input, rows, 5, 0, 4, FALSE);
    level->label =
        fov_matrix_field (fov_match_input (match, classes->tensor), rows, 1, 0, 0, FALSE);
    match->form = "rows of box and score, classes in an output of their own";
    return TRUE;
}

static gboolean
match (const FovNet *net, FovMatch *match, char **why)
{
    for (guint i = 0; i < net->n_outputs; i++)
        if (match_rows (net, &net->outputs[i], match))
            return TRUE;
    if (match_separate (net, match) || match_scored_boxes (net, match))
        return TRUE;
    *why = g_strdup ("there is neither a single output of rows of 6 or 7 numbers, nor outputs "
                     "named as boxes (rows x 4), scores and classes (one number a row), nor boxes "
                     "with scores (rows x 5) and classes");
    return FALSE;
}

const FovFamily fov_family_endtoend = {
    .name = "endtoend",
    .title = "with its own selection",
    .width = 640,
    .height = 640,
    .expects = "N x rows x 6, rows x 7, or boxes, scores and classes",
    .intake = FOV_INTAKE_RGB_UNIT,
    .match = match,
};
