/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/dfl.h"

#include <string.h>

/* An output as cells x numbers of one level. */
typedef struct {
    const FovNetOutput *output;
    int level; /* stride 4 << level */
    gint64 cells, numbers;
    gboolean planes;
} Part;

static gboolean
read_part (const FovNet *net, const FovNetOutput *output, Part *part)
{
    int stride = fov_net_plane_stride (net, output);
    gint64 rows, columns;

    memset (part, 0, sizeof *part);
    part->output = output;
    if (stride) {
        part->planes = TRUE;
        part->numbers = output->shape.dim[1];
        part->cells = output->shape.dim[2] * output->shape.dim[3];
        part->level = g_bit_nth_lsf ((gulong) stride, -1) - 2;
        return TRUE;
    }
    if (!fov_net_matrix (net, output, &rows, &columns) || rows < 1)
        return FALSE;
    for (part->level = 1; part->level <= 5; part->level++) {
        if (rows != fov_net_cells (net, 4 << part->level, 1))
            continue;
        part->cells = rows;
        part->numbers = columns;
        return TRUE;
    }
    return FALSE;
}

static FovField
part_field (FovMatch *match, const Part *part)
{
    int input = fov_match_input (match, part->output->tensor);

    return part->planes ? fov_plane_field (input, part->numbers, part->cells, 0)
                        : fov_matrix_field (input, part->cells, part->numbers, 0, 0, FALSE);
}

gboolean
fov_match_split_dfl (const FovNet *net, FovMatch *match, int n_bins)
{
    const int n_levels = (int) net->n_outputs / 2;
    Part scores[6] = { 0 }, boxes[6] = { 0 };
    gint64 classes = 0;
    int first = -1;

    if (net->n_outputs % 2 || n_levels < 2 || n_levels > 5)
        return FALSE;
    for (guint i = 0; i < net->n_outputs; i++) {
        Part part;
        if (!read_part (net, &net->outputs[i], &part) || part.level > 5)
            return FALSE;
        gboolean is_box = part.numbers == 4 * n_bins && !boxes[part.level].output;
        Part *slot = is_box ? &boxes[part.level] : &scores[part.level];
        if (slot->output)
            return FALSE;
        *slot = part;
        first = first < 0 ? part.level : MIN (first, part.level);
        if (!is_box) {
            if (classes && classes != part.numbers)
                return FALSE;
            classes = part.numbers;
        }
    }
    for (int l = first; l < first + n_levels; l++)
        if (l > 5 || !scores[l].output || !boxes[l].output)
            return FALSE;
    fov_match_levels (match, net, 4 << first, n_levels, 1);
    for (int l = 0; l < n_levels; l++) {
        match->heads.level[l].score = part_field (match, &scores[first + l]);
        match->heads.level[l].box = part_field (match, &boxes[first + l]);
    }
    match->heads.n_classes = (gint32) classes;
    match->heads.score_coding =
        fov_score_coding_of (scores[first].output->tensor, FOV_SCORE_SIGMOID);
    match->heads.box_coding = FOV_BOX_DISTANCE;
    match->heads.n_bins = n_bins;
    match->heads.origin = 0.5f;
    return TRUE;
}
