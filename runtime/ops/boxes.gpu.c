/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fov.Decode on the GPU: the best class of every anchor -> the K best anchors ->
 * every class of those -> the K best of these pairs -> sorted, boxes decoded.
 * What belongs to the K best pairs is always among the K best anchors, so the many
 * scores are read once, and only integers compete: the result is the same
 * however the lanes run.
 */
#include "ops/boxes.h"
#include "ops/frame.h"

#include "gpu/gpu.h"
#include "shaders/push.h"

#include <string.h>

enum { SCAN_ANY, SCAN_CLASSES, SCAN_ANCHORS };

/* Scratch of a picture, offsets in words. */
typedef struct {
    int keys, anchors, anchor_keys, pairs, chosen, chosen_keys, n_anchors, n_chosen, words;
} Scratch;

typedef struct {
    FovGpuProgram *program;
    const FovStep *step;
    const FovDecodeParams *params;
    FovHeads heads;
    Scratch s;
    int scratch;   /* float offset of picture 0's */
    int frame;     /* word offset of picture 0's in the inputs */
    guint n;       /* pictures */
    guint32 table; /* byte offset of the heads in the constants */
} Decode;

static Scratch
scratch_of (const FovDecodeParams *params, const FovHeads *heads)
{
    FovDecodeParams resolved = *params;
    int k = (int) params->max_candidates;
    Scratch s = { .keys = 0 };

    resolved.heads = *heads;
    s.anchors = (int) ((fov_heads_anchors (heads) + 3) / 4 * 4);
    s.anchor_keys = s.anchors + k;
    s.chosen = s.anchor_keys + k;
    s.chosen_keys = s.chosen + k;
    s.n_anchors = s.chosen_keys + k;
    s.n_chosen = s.n_anchors + 1;
    s.pairs = s.n_anchors + 16;
    s.words = (int) fov_decode_scratch_words (&resolved);
    if (heads->n_classes == 1) { /* the anchors are the pairs */
        s.chosen = s.anchors;
        s.chosen_keys = s.anchor_keys;
        s.n_chosen = s.n_anchors;
    }
    return s;
}

/* Fields name inputs; the shaders want addresses. */
static void
place_field (const FovStep *step, FovField *field)
{
    if (!field->input)
        return;
    field->first += (gint32) (step->in[field->input]->offset / 4);
    field->input = 1;
}

static gboolean
place_heads (Decode *d, GError **error)
{
    const FovStep *step = d->step;

    for (guint i = 1; i < step->node->n_inputs; i++)
        if (step->in[i]->place != FOV_PLACE_ARENA && (gint32) i != d->heads.priors)
            return fov_node_error (step->node, error, "input %u is no result of the graph", i);
    for (int l = 0; l < d->heads.n_levels; l++) {
        FovLevel *level = &d->heads.level[l];
        place_field (step, &level->score);
        place_field (step, &level->object);
        place_field (step, &level->box);
        place_field (step, &level->label);
    }
    if (d->heads.box_coding == FOV_BOX_PRIOR) {
        const FovOperand *priors = step->in[d->heads.priors];
        if (priors->place != FOV_PLACE_CONSTANT)
            return fov_node_error (step->node, error, "the priors must be constant");
        d->heads.priors =
            (gint32) (fov_gpu_program_add_constant (d->program,
                                                    g_bytes_get_data (priors->tensor->data, NULL),
                                                    priors->bytes) /
                      4);
    }
    d->table = fov_gpu_program_add_constant (d->program, &d->heads, sizeof d->heads);
    return TRUE;
}

static guint32
scan_mode (const FovLevel *level)
{
    const FovField *f = &level->score;
    int cells = level->grid_w * level->grid_h;

    if (f->component == 1)
        return SCAN_CLASSES;
    if (f->cell == 1 && !((f->first | f->component | f->prior | f->picture | cells) & 3))
        return SCAN_ANCHORS;
    return SCAN_ANY;
}

static gboolean
record_scan (Decode *d, const FovLevel *level, gint64 first_anchor, GError **error)
{
    const FovHeads *h = &d->heads;
    guint32 mode = scan_mode (level);
    guint lanes = (guint) fov_level_anchors (level) / (mode == SCAN_ANCHORS ? 4 : 1);
    struct fov_push_detect_scan push = {
        .score = level->score.first,
        .score_component = level->score.component,
        .score_prior = level->score.prior,
        .score_cell = level->score.cell,
        .score_picture = level->score.picture,
        .object = level->object.input ? level->object.first : -1,
        .object_prior = level->object.prior,
        .object_cell = level->object.cell,
        .object_picture = level->object.picture,
        .n_priors = level->n_priors,
        .cells = level->grid_w * level->grid_h,
        .n_classes = h->n_classes,
        .background = h->background,
        .score_coding = h->score_coding,
        .object_coding = h->object_coding,
        .score_power = h->score_power,
        .object_power = h->object_power,
        .frame = d->frame,
        .frame_step = FOV_FRAME_WORDS,
        .keys = d->scratch + d->s.keys + (int) first_anchor,
        .keys_step = d->s.words,
    };

    return lanes == 0 || fov_gpu_program_dispatch (d->program, "detect_scan", &mode, 1, &push,
                                                   sizeof push, (lanes + 63) / 64, d->n, 1, error);
}

static gboolean
record_select (Decode *d, gboolean pairs, GError **error)
{
    struct fov_push_detect_select push = {
        .keys = d->scratch + (pairs ? d->s.pairs : d->s.keys),
        .n = pairs ? -d->heads.n_classes : (int) fov_heads_anchors (&d->heads),
        .counted = d->scratch + d->s.n_anchors,
        .k = (int) d->params->max_candidates,
        .positions = d->scratch + (pairs ? d->s.chosen : d->s.anchors),
        .best = d->scratch + (pairs ? d->s.chosen_keys : d->s.anchor_keys),
        .count = d->scratch + (pairs ? d->s.n_chosen : d->s.n_anchors),
        .step = d->s.words,
    };

    return fov_gpu_program_dispatch (d->program, "detect_select", NULL, 0, &push, sizeof push, d->n,
                                     1, 1, error);
}

static gboolean
record_rows (Decode *d, GError **error)
{
    guint k = (guint) d->params->max_candidates;
    struct fov_push_detect_rows push = {
        .heads = (int) (d->table / 4),
        .scratch = d->scratch,
        .step = d->s.words,
        .anchors = d->s.anchors,
        .n_anchors = d->s.n_anchors,
        .pairs = d->s.pairs,
        .chosen = d->s.chosen,
        .best = d->s.chosen_keys,
        .n_chosen = d->s.n_chosen,
        .frame = d->frame,
        .frame_step = FOV_FRAME_WORDS,
        .k = (int) k,
        .rows = (int) (d->step->out[0]->offset / 4),
        .count = (int) (d->step->out[1]->offset / 4),
    };

    if (d->heads.n_classes > 1 &&
        (!fov_gpu_program_dispatch (d->program, "detect_expand", NULL, 0, &push, sizeof push,
                                    (k + 63) / 64, d->n, 1, error) ||
         !record_select (d, TRUE, error)))
        return FALSE;
    return fov_gpu_program_dispatch (d->program, "detect_rows", NULL, 0, &push, sizeof push, d->n,
                                     1, 1, error);
}

static gboolean
decode_record (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovDecodeParams *params = step->node->params;
    Decode d = { .program = program, .step = step, .params = params, .heads = params->heads };
    gint64 anchor = 0;

    if (step->node->n_outputs < 3 || !step->out[2])
        return fov_node_error (step->node, error, "has no scratch output");
    fov_heads_resolve (&d.heads, step->node);
    d.s = scratch_of (params, &d.heads);
    d.n = (guint) step->in[0]->shape.dim[0];
    d.scratch = (int) (step->out[2]->offset / 4);
    d.frame = (int) (fov_gpu_program_input_offset (program, step->in[0]->input) / 4);
    if (!place_heads (&d, error))
        return FALSE;
    for (int l = 0; l < d.heads.n_levels; l++) {
        if (l > 0)
            fov_gpu_program_overlap (program);
        if (!record_scan (&d, &d.heads.level[l], anchor, error))
            return FALSE;
        anchor += fov_level_anchors (&d.heads.level[l]);
    }
    return record_select (&d, FALSE, error) && record_rows (&d, error);
}

static gboolean
nms_record (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovNmsParams *params = step->node->params;
    struct fov_push_detect_nms push = {
        .rows = (int) (step->in[1]->offset / 4),
        .n_rows = (int) (step->in[2]->offset / 4),
        .k = (int) step->in[1]->shape.dim[1],
        .dst = (int) (step->out[0]->offset / 4),
        .count = (int) (step->out[1]->offset / 4),
        .m = (int) params->max_detections,
        .frame = (int) (fov_gpu_program_input_offset (program, step->in[0]->input) / 4),
        .frame_step = FOV_FRAME_WORDS,
        .suppress = params->suppress != 0,
    };

    return fov_gpu_program_dispatch (program, "detect_nms", NULL, 0, &push, sizeof push,
                                     (guint) step->in[0]->shape.dim[0], 1, 1, error);
}

static guint
planar (const FovNode *node, int block)
{
    return FOV_CAN_PLANAR;
}

const FovGpuOp fov_decode_gpu = { .formats = planar, .record = decode_record };
const FovGpuOp fov_nms_gpu = { .formats = planar, .record = nms_record };
