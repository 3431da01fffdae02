/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/boxes.h"

#include "ops/frame.h"
#include "ops/ops.h"

#include <math.h>
#include <string.h>

gint64
fov_level_anchors (const FovLevel *level)
{
    return (gint64) level->n_priors * level->grid_w * level->grid_h;
}

gint64
fov_heads_anchors (const FovHeads *heads)
{
    gint64 n = 0;

    for (int l = 0; l < heads->n_levels; l++)
        n += fov_level_anchors (&heads->level[l]);
    return n;
}

/* Keys of all anchors, the chosen anchors (position and key), keys of their classes, the chosen
 * pairs, counts. */
gint64
fov_decode_scratch_words (const FovDecodeParams *params)
{
    gint64 k = params->max_candidates, anchors = fov_heads_anchors (&params->heads);

    return (anchors + 3) / 4 * 4 + 4 * k + k * params->heads.n_classes + 16;
}

/* ---- inference -------------------------------------------------------- */

static gint64
field_last (const FovField *field, const FovLevel *level, gint64 n_components, gint64 pictures)
{
    gint64 cells = (gint64) level->grid_w * level->grid_h;

    return field->first + field->component * (n_components - 1) +
           (gint64) field->prior * (level->n_priors - 1) + field->cell * (cells - 1) +
           field->picture * (pictures - 1);
}

static gboolean
check_field (const FovNode *node, const FovField *field, const FovLevel *level, gint64 n_components,
             const char *what, GError **error)
{
    gint64 pictures = node->inputs[0]->shape.dim[0], last;

    if (field->input == 0)
        return TRUE;
    if (field->input < 0 || (guint) field->input >= node->n_inputs)
        return fov_node_error (node, error, "%s: input %d of %u", what, field->input,
                               node->n_inputs);
    last = field_last (field, level, n_components, pictures);
    if (field->first < 0 || last >= fov_tensor_elements (node->inputs[field->input]))
        return fov_node_error (node, error,
                               "%s: element %" G_GINT64_FORMAT
                               " of input %d, which has %" G_GINT64_FORMAT,
                               what, last, field->input,
                               fov_tensor_elements (node->inputs[field->input]));
    return TRUE;
}

int
fov_box_components (const FovHeads *heads)
{
    return heads->box_coding == FOV_BOX_DISTANCE ? 4 * heads->n_bins : 4;
}

static gboolean
check_level (const FovNode *node, const FovHeads *heads, const FovLevel *level, GError **error)
{
    return check_field (node, &level->score, level, heads->background + heads->n_classes, "scores",
                        error) &&
           check_field (node, &level->object, level, 1, "objectness", error) &&
           check_field (node, &level->box, level, fov_box_components (heads), "boxes", error) &&
           check_field (node, &level->label, level, 1, "labels", error);
}

static gint64
open_rows (const FovLevel *level, gint64 elements)
{
    gint64 stride = MAX (level->score.cell, 1);

    return MIN ((elements + stride - 1) / stride, G_MAXINT32);
}

void
fov_heads_resolve (FovHeads *heads, const FovNode *node)
{
    for (int l = 0; l < heads->n_levels; l++) {
        FovLevel *level = &heads->level[l];
        if (level->grid_h < 0)
            level->grid_h =
                (gint32) open_rows (level, fov_tensor_elements (node->inputs[level->score.input]));
    }
}

static gboolean
check_frames (const FovNode *node, GError **error)
{
    const FovTensor *frames = node->inputs[0];

    if (frames->dtype != FOV_I32 || frames->shape.rank != 2 ||
        frames->shape.dim[1] != FOV_FRAME_WORDS)
        return fov_node_error (node, error, "input 0 must be int32 [N, %d]", FOV_FRAME_WORDS);
    return TRUE;
}

static void
set_out (FovNode *node, guint i, FovDType dtype, FovShape shape)
{
    if (i >= node->n_outputs || !node->outputs[i])
        return;
    node->outputs[i]->dtype = dtype;
    node->outputs[i]->shape = shape;
}

static gboolean
check_inputs (const FovNode *node, const FovHeads *heads, GError **error)
{
    for (guint i = 1; i < node->n_inputs; i++)
        if (node->inputs[i]->dtype != FOV_F32)
            return fov_node_error (node, error, "input %u must be float32", i);
    if (heads->n_levels < 1 || heads->n_levels > FOV_MAX_LEVELS || heads->n_classes < 1)
        return fov_node_error (node, error, "%d levels and %d classes", heads->n_levels,
                               heads->n_classes);
    for (int l = 0; l < heads->n_levels; l++) {
        guint score = (guint) heads->level[l].score.input;
        if (score < 1 || score >= node->n_inputs || heads->level[l].box.input < 1)
            return fov_node_error (node, error, "level %d: scores or boxes have no input", l);
    }
    if (heads->box_coding == FOV_BOX_PRIOR &&
        (heads->priors < 1 || (guint) heads->priors >= node->n_inputs))
        return fov_node_error (node, error, "priors: input %d of %u", heads->priors,
                               node->n_inputs);
    return TRUE;
}

static gboolean
decode_infer (FovNode *node, GError **error)
{
    FovDecodeParams params = *(const FovDecodeParams *) node->params;
    FovHeads *heads = &params.heads;
    gint64 n;

    if (!check_frames (node, error) || !check_inputs (node, heads, error))
        return FALSE;
    n = node->inputs[0]->shape.dim[0];
    if (params.max_candidates < 1 || params.max_candidates > FOV_MAX_CANDIDATES)
        return fov_node_error (node, error,
                               "max_candidates is %" G_GINT64_FORMAT ", expected 1..%d",
                               params.max_candidates, FOV_MAX_CANDIDATES);
    fov_heads_resolve (heads, node);
    for (int l = 0; l < heads->n_levels; l++)
        if (fov_level_anchors (&heads->level[l]) > 0 &&
            !check_level (node, heads, &heads->level[l], error))
            return FALSE;
    if (fov_heads_anchors (heads) * heads->n_classes > G_MAXINT32)
        return fov_node_error (node, error, "too many anchors and classes");
    if (heads->box_coding == FOV_BOX_PRIOR &&
        fov_tensor_elements (node->inputs[heads->priors]) < 4 * fov_heads_anchors (heads))
        return fov_node_error (node, error, "fewer priors than anchors");
    set_out (node, 0, FOV_F32, (FovShape){ 3, { n, params.max_candidates, 6 } });
    set_out (node, 1, FOV_I32, (FovShape){ 1, { n } });
    set_out (node, 2, FOV_I32, (FovShape){ 2, { n, fov_decode_scratch_words (&params) } });
    return TRUE;
}

/* ---- reference: fov.Decode -------------------------------------------- */

typedef struct {
    float score;
    gint32 anchor, label;
    double box[4];
} Candidate;

/* What is being decoded: one anchor of one picture. */
typedef struct {
    const FovHeads *heads;
    const FovLevel *level;
    const FovView *in;
    gint64 picture, prior, cell;
} Place;

static double
value (const Place *at, const FovField *field, gint64 component)
{
    return fov_view_get (&at->in[field->input],
                         field->first + component * field->component + at->prior * field->prior +
                             at->cell * field->cell + at->picture * field->picture);
}

static double
sigmoid (double x)
{
    return 1 / (1 + exp (-x));
}

/* Scores are at most 1 (a NaN stays one and is never kept). */
static double
powered (double score, double power)
{
    score = score > 1 ? 1 : score;
    return power > 0 && power != 1 ? pow (fmax (score, 0), power) : score;
}

static double
class_score (const Place *at, int label)
{
    const FovHeads *h = at->heads;
    const FovField *field = &at->level->score;
    double raw = value (at, field, label + h->background), sum = 0;

    if (h->score_coding == FOV_SCORE_SIGMOID)
        return sigmoid (raw);
    if (h->score_coding == FOV_SCORE_DONE)
        return raw;
    for (int c = 0; c < h->background + h->n_classes; c++)
        sum += exp (value (at, field, c) - raw);
    return 1 / sum;
}

static double
score_of (const Place *at, int label)
{
    const FovHeads *h = at->heads;
    double score = powered (class_score (at, label), h->score_power);

    if (at->level->object.input) {
        double object = value (at, &at->level->object, 0);
        if (h->object_coding == FOV_SCORE_SIGMOID)
            object = sigmoid (object);
        score *= powered (object, h->object_power);
    }
    return score;
}

/* Mean of the distribution over bins 0..n-1 of one side (Generalized Focal Loss, eq. 4). */
static double
expected_bin (const Place *at, int side)
{
    int n = at->heads->n_bins;
    double top = -INFINITY, sum = 0, mean = 0;

    if (n == 1)
        return value (at, &at->level->box, side);
    for (int k = 0; k < n; k++)
        top = fmax (top, value (at, &at->level->box, side * n + k));
    for (int k = 0; k < n; k++) {
        double e = exp (value (at, &at->level->box, side * n + k) - top);
        sum += e;
        mean += k * e;
    }
    return mean / sum;
}

static double
size_exp (double t)
{
    return exp (fmin (t, FOV_MAX_LOG_SIZE));
}

/* Centre and size along one axis (0: x, 1: y) of a box coded by t (centre) and s (size). */
static void
decode_axis (const Place *at, int axis, double t, double s, double *center, double *size)
{
    const FovHeads *h = at->heads;
    const FovLevel *l = at->level;
    double step = axis ? l->step_y : l->step_x;
    double g = axis ? at->cell / l->grid_w : at->cell % l->grid_w;
    double prior = axis ? l->prior_h[at->prior] : l->prior_w[at->prior];

    switch (h->box_coding) {
    case FOV_BOX_CENTER:
        *center = t * step;
        *size = s * step;
        break;
    case FOV_BOX_GRID_EXP:
        *center = (t + g + h->origin) * step;
        *size = size_exp (s) * step;
        break;
    case FOV_BOX_TANH:
        *center = (tanh (t) + g) * step;
        *size = sigmoid (s) * (axis ? h->net_h : h->net_w);
        break;
    case FOV_BOX_ANCHOR_EXP:
        *center = (sigmoid (t) + g) * step;
        *size = size_exp (s) * prior;
        break;
    case FOV_BOX_ANCHOR_SQUARE:
        *center = (2 * sigmoid (t) - 0.5 + g) * step;
        *size = 4 * sigmoid (s) * sigmoid (s) * prior;
        break;
    default: { /* FOV_BOX_PRIOR: anchors of one level, in the order of the constant */
        const FovView *priors = &at->in[h->priors];
        double p = fov_view_get (priors, at->cell * 4 + axis);
        double extent = fov_view_get (priors, at->cell * 4 + 2 + axis);
        *center = (t * h->variance[0] * extent + p) * step;
        *size = size_exp (s * h->variance[1]) * extent * step;
    }
    }
}

static void
decode_box (const Place *at, double box[4])
{
    const FovHeads *h = at->heads;
    const FovLevel *l = at->level;

    for (int axis = 0; axis < 2; axis++) {
        int c = h->swap_xy ? 1 - axis : axis; /* component of the first number of this axis */
        double step = axis ? l->step_y : l->step_x;
        double *low = &box[axis], *high = &box[2 + axis];
        if (h->box_coding == FOV_BOX_CORNERS) {
            *low = value (at, &l->box, c) * step;
            *high = value (at, &l->box, c + 2) * step;
        } else if (h->box_coding == FOV_BOX_DISTANCE) {
            double g = (axis ? at->cell / l->grid_w : at->cell % l->grid_w) + h->origin;
            *low = (g - expected_bin (at, c)) * step;
            *high = (g + expected_bin (at, c + 2)) * step;
        } else {
            double center, size;
            decode_axis (at, axis, value (at, &l->box, c), value (at, &l->box, c + 2), &center,
                         &size);
            *low = center - size / 2;
            *high = center + size / 2;
        }
        *low = fmin (fmax (*low, -FOV_MAX_COORDINATE), FOV_MAX_COORDINATE);
        *high = fmin (fmax (*high, -FOV_MAX_COORDINATE), FOV_MAX_COORDINATE);
    }
}

static int
compare_candidates (gconstpointer a, gconstpointer b)
{
    const Candidate *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->anchor != y->anchor)
        return x->anchor < y->anchor ? -1 : 1;
    return (x->label > y->label) - (x->label < y->label);
}

/* Adds what an anchor has to offer. */
static void
collect (const Place *at, gint32 anchor, float threshold, GArray *found)
{
    for (int c = 0; c < at->heads->n_classes; c++) {
        Candidate made = { .score = (float) score_of (at, c), .anchor = anchor, .label = c };
        if (!(made.score > 0 && made.score >= threshold && made.score < INFINITY))
            continue;
        if (at->level->label.input)
            made.label = (gint32) CLAMP (nearbyint (value (at, &at->level->label, 0)), 0, 1e6);
        decode_box (at, made.box);
        g_array_append_val (found, made);
    }
}

static void
decode_picture (const FovHeads *heads, const FovView *in, gint64 picture, GArray *found)
{
    FovFrameInfo frame = fov_frame_get (in[0].data, picture);
    gint32 anchor = 0;

    for (int l = 0; l < heads->n_levels; l++) {
        Place at = { .heads = heads, .level = &heads->level[l], .in = in, .picture = picture };
        gint64 rows = at.level->grid_h, cells;
        if (rows < 0)
            rows = open_rows (at.level, fov_shape_elements (&in[at.level->score.input].shape));
        cells = at.level->grid_w * rows;
        for (at.prior = 0; at.prior < at.level->n_priors; at.prior++)
            for (at.cell = 0; at.cell < cells; at.cell++, anchor++)
                collect (&at, anchor, frame.threshold, found);
    }
    g_array_sort (found, compare_candidates);
}

static gboolean
decode_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovDecodeParams *params = node->params;
    gint64 k = params->max_candidates;

    memset (out[0].data, 0, (gsize) fov_shape_elements (&out[0].shape) * 4);
    for (gint64 n = 0; n < in[0].shape.dim[0]; n++) {
        g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (Candidate));
        decode_picture (&params->heads, in, n, found);
        for (guint i = 0; i < MIN (found->len, k); i++) {
            const Candidate *c = &g_array_index (found, Candidate, i);
            gint64 row = (n * k + i) * 6;
            for (int b = 0; b < 4; b++)
                fov_view_set (&out[0], row + b, c->box[b]);
            fov_view_set (&out[0], row + 4, c->score);
            fov_view_set (&out[0], row + 5, c->label);
        }
        if (out[1].data)
            fov_view_set_int (&out[1], n, MIN (found->len, k));
    }
    return TRUE;
}

static double
decode_flops (const FovNode *node)
{
    const FovDecodeParams *params = node->params;

    return (double) fov_heads_anchors (&params->heads) * params->heads.n_classes *
           node->inputs[0]->shape.dim[0];
}

/* ---- fov.Nms ---------------------------------------------------------- */

static gboolean
nms_infer (FovNode *node, GError **error)
{
    FovNmsParams *params = node->params;
    const FovTensor *boxes = node->inputs[1], *count = node->inputs[2];
    gint64 n;

    if (!check_frames (node, error))
        return FALSE;
    n = node->inputs[0]->shape.dim[0];
    if (boxes->dtype != FOV_F32 || boxes->shape.rank != 3 || boxes->shape.dim[0] != n ||
        boxes->shape.dim[1] > FOV_MAX_CANDIDATES || boxes->shape.dim[2] != 6)
        return fov_node_error (node, error, "input 1 must be float32 [N, up to %d, 6]",
                               FOV_MAX_CANDIDATES);
    if (count->dtype != FOV_I32 || fov_tensor_elements (count) != n)
        return fov_node_error (node, error, "input 2 must be int32 [N]");
    if (params->max_detections < 1 || params->max_detections > FOV_MAX_CANDIDATES)
        return fov_node_error (node, error,
                               "max_detections is %" G_GINT64_FORMAT ", expected 1..%d",
                               params->max_detections, FOV_MAX_CANDIDATES);
    set_out (node, 0, FOV_F32, (FovShape){ 3, { n, params->max_detections, 6 } });
    set_out (node, 1, FOV_I32, (FovShape){ 1, { n } });
    return TRUE;
}

static double
area (const float *b)
{
    return fmax ((double) b[2] - b[0], 0) * fmax ((double) b[3] - b[1], 0);
}

/* Intersection over union above the limit, without a division. */
static gboolean
overlaps (const float *a, const float *b, double limit)
{
    double w = fmin (a[2], b[2]) - fmax (a[0], b[0]);
    double h = fmin (a[3], b[3]) - fmax (a[1], b[1]);
    double inter = fmax (w, 0) * fmax (h, 0);

    return inter > limit * (area (a) + area (b) - inter);
}

static gboolean
nms_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovNmsParams *params = node->params;
    gint64 k = in[1].shape.dim[1], m = params->max_detections;

    memset (out[0].data, 0, (gsize) fov_shape_elements (&out[0].shape) * 4);
    for (gint64 n = 0; n < in[0].shape.dim[0]; n++) {
        FovFrameInfo frame = fov_frame_get (in[0].data, n);
        const float *rows = (const float *) in[1].data + n * k * 6;
        float *kept = (float *) out[0].data + n * m * 6;
        gint64 n_rows = CLAMP (fov_view_get_int (&in[2], n), 0, k), n_kept = 0;
        for (gint64 i = 0; i < n_rows && n_kept < m; i++) {
            const float *row = rows + i * 6;
            gboolean drop = FALSE;
            for (gint64 j = 0; j < n_kept && params->suppress && !drop; j++)
                drop = (frame.class_agnostic || kept[j * 6 + 5] == row[5]) &&
                       overlaps (kept + j * 6, row, frame.iou_threshold);
            if (!drop)
                memcpy (kept + n_kept++ * 6, row, 6 * sizeof *row);
        }
        if (out[1].data)
            fov_view_set_int (&out[1], n, n_kept);
    }
    return TRUE;
}

/* ---- the table -------------------------------------------------------- */

static const FovParam decode_params[] = {
    { "max_candidates", FOV_PARAM_INT, offsetof (FovDecodeParams, max_candidates),
      FOV_MAX_CANDIDATES, NULL },
    { NULL, 0, 0, 0, NULL },
};

static const FovParam nms_params[] = {
    { "max_detections", FOV_PARAM_INT, offsetof (FovNmsParams, max_detections), 300, NULL },
    { "suppress", FOV_PARAM_INT, offsetof (FovNmsParams, suppress), 1, NULL },
    { NULL, 0, 0, 0, NULL },
};

static const FovOpDef decode = {
    .name = "fov.Decode",
    .min_inputs = 2,
    .max_inputs = G_MAXUINT,
    .min_outputs = 2,
    .max_outputs = 3,
    .flags = FOV_OP_NO_FOLD | FOV_OP_READS_INPUT,
    .params = decode_params,
    .params_size = sizeof (FovDecodeParams),
    .infer = decode_infer,
    .reference = decode_reference,
    .flops = decode_flops,
    .scratch_outputs = 1 << 2,
    .row_outputs = 1 << 0,
    .example = fov_decode_example,
    .host = &fov_decode_host,
    .gpu = &fov_decode_gpu,
};

static const FovOpDef nms = {
    .name = "fov.Nms",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 2,
    .max_outputs = 2,
    .flags = FOV_OP_NO_FOLD | FOV_OP_READS_INPUT,
    .params = nms_params,
    .params_size = sizeof (FovNmsParams),
    .infer = nms_infer,
    .reference = nms_reference,
    .row_outputs = 1 << 0,
    .example = fov_nms_example,
    .host = &fov_nms_host,
    .gpu = &fov_nms_gpu,
};

const FovOpDef *const fov_ops_boxes[] = { &decode, &nms, NULL };
