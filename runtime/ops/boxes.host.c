/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fov.Decode on the host, one task per picture. Scores are looked through in
 * the domain they come in (a logit is compared with the threshold's logit), so
 * that only what may pass is ever computed; what passes goes to a fixed list
 * that is cut to the K best whenever it is full.
 */
#include "ops/boxes.h"
#include "vision/clones.h"
#include "ops/frame.h"

#include <math.h>
#include <string.h>

#define LIST 8192 /* entries of a picture's list */
#define CHUNK 64

/* A candidate as one number: falling order is the order that is wanted. */
typedef guint64 Entry;

typedef struct {
    FovHeads heads;
    gint64 k;
    Entry *lists; /* LIST for each picture */
} State;

typedef struct {
    const FovHeads *heads;
    const float *data[32]; /* the node's inputs */
    float threshold;       /* rises when the list was cut */
    gint64 picture, k;
    Entry *list;
    guint n;
} Scan;

static Entry
entry_of (float score, gint64 index)
{
    guint32 bits;

    memcpy (&bits, &score, 4);
    return (Entry) bits << 32 | (guint32) (G_MAXUINT32 - (guint32) index);
}

static float
entry_score (Entry e)
{
    guint32 bits = (guint32) (e >> 32);
    float score;

    memcpy (&score, &bits, 4);
    return score;
}

static gint64
entry_index (Entry e)
{
    return G_MAXUINT32 - (guint32) e;
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
    Entry x = *(const Entry *) a, y = *(const Entry *) b;

    return (x < y) - (x > y);
}

static void
cut (Scan *s)
{
    qsort (s->list, s->n, sizeof *s->list, compare_entries);
    if (s->n <= s->k)
        return;
    s->n = (guint) s->k;
    s->threshold = MAX (s->threshold, entry_score (s->list[s->n - 1]));
}

static void
offer (Scan *s, float score, gint64 anchor, int label)
{
    if (!(score > 0 && score >= s->threshold && score < INFINITY))
        return;
    if (s->n == LIST)
        cut (s);
    s->list[s->n++] = entry_of (score, anchor * s->heads->n_classes + label);
}

/* ---- scores ----------------------------------------------------------- */

static const float *
field_at (const Scan *s, const FovField *field, gint64 prior, gint64 cell)
{
    return s->data[field->input] + field->first + prior * field->prior + cell * field->cell +
           s->picture * field->picture;
}

static float
sigmoid (float x)
{
    return 1 / (1 + expf (-x));
}

static float
powered (float score, float power)
{
    score = score > 1 ? 1 : score;
    return power > 0 && power != 1 ? powf (MAX (score, 0), power) : score;
}

static float
object_factor (const FovHeads *h, float raw)
{
    return powered (h->object_coding == FOV_SCORE_SIGMOID ? sigmoid (raw) : raw, h->object_power);
}

static float
class_factor (const FovHeads *h, float raw)
{
    return powered (h->score_coding == FOV_SCORE_SIGMOID ? sigmoid (raw) : raw, h->score_power);
}

/* The least raw class score that may reach the threshold beside this objectness, with slack for
 * rounding; the exact test follows. */
static float
raw_limit (const Scan *s, float object)
{
    const FovHeads *h = s->heads;
    float p = s->threshold / object * 0.9999f;

    if (!(p > 0))
        return h->score_coding == FOV_SCORE_SIGMOID ? -INFINITY : 0;
    if (h->score_power > 0 && h->score_power != 1)
        p = powf (p, 1 / h->score_power) * 0.9999f;
    if (p >= 1)
        return INFINITY;
    return h->score_coding == FOV_SCORE_SIGMOID ? logf (p / (1 - p)) - 1e-4f : p;
}

static FOV_CLONES gboolean
any_above (const float *x, int n, float limit)
{
    int any = 0;

    for (int i = 0; i < n; i++)
        any |= x[i] >= limit;
    return any;
}

static FOV_CLONES gboolean
any_above_each (const float *x, const float *limit, int n)
{
    int any = 0;

    for (int i = 0; i < n; i++)
        any |= x[i] >= limit[i];
    return any;
}

/* ---- anchor by anchor ------------------------------------------------- */

static void
scan_classes (Scan *s, const FovLevel *l, const float *raw, float object, gint64 anchor)
{
    const FovHeads *h = s->heads;
    gint64 step = l->score.component;
    float limit = raw_limit (s, object);

    if (limit == INFINITY)
        return;
    for (int c = 0; c < h->n_classes; c += CHUNK) {
        int n = MIN (CHUNK, h->n_classes - c);
        if (step == 1 && !any_above (raw + c, n, limit))
            continue;
        for (int j = c; j < c + n; j++)
            if (raw[j * step] >= limit)
                offer (s, class_factor (h, raw[j * step]) * object, anchor, j);
    }
}

/* p_c >= t asks for raw_c - raw_background >= logit t: most anchors end there. */
static gboolean
softmax_hopeless (const Scan *s, const FovLevel *l, const float *raw, float object)
{
    const FovHeads *h = s->heads;
    float limit = s->threshold / object * 0.999f;

    if (limit >= 1)
        return TRUE;
    if (!h->background || limit <= 0 || h->score_power > 0)
        return FALSE;
    limit = raw[0] + logf (limit / (1 - limit)) - 1e-4f;
    for (int c = 1; c <= h->n_classes; c++)
        if (raw[(gint64) c * l->score.component] >= limit)
            return FALSE;
    return TRUE;
}

static void
scan_softmax (Scan *s, const FovLevel *l, const float *raw, float object, gint64 anchor)
{
    const FovHeads *h = s->heads;
    gint64 step = l->score.component;
    int n = h->background + h->n_classes;
    float top = -INFINITY, sum = 0;

    if (softmax_hopeless (s, l, raw, object))
        return;
    for (int c = 0; c < n; c++)
        top = MAX (top, raw[c * step]);
    for (int c = 0; c < n; c++)
        sum += expf (raw[c * step] - top);
    for (int c = 0; c < h->n_classes; c++) {
        float p = expf (raw[(c + h->background) * step] - top) / sum;
        offer (s, powered (p, h->score_power) * object, anchor, c);
    }
}

static void
scan_anchors (Scan *s, const FovLevel *l, gint64 first_anchor)
{
    const FovHeads *h = s->heads;
    gint64 cells = (gint64) l->grid_w * l->grid_h,
           skip = (gint64) h->background * l->score.component;

    for (gint64 p = 0; p < l->n_priors; p++)
        for (gint64 cell = 0; cell < cells; cell++) {
            const float *raw = field_at (s, &l->score, p, cell);
            gint64 anchor = first_anchor + p * cells + cell;
            float object = 1;
            if (l->object.input)
                object = object_factor (h, *field_at (s, &l->object, p, cell));
            if (!(object > 0))
                continue;
            if (h->score_coding == FOV_SCORE_SOFTMAX)
                scan_softmax (s, l, raw, object, anchor);
            else
                scan_classes (s, l, raw + skip, object, anchor);
        }
}

/* ---- class planes, neighbouring cells together ------------------------ */

static void
scan_plane_chunk (Scan *s, const FovLevel *l, gint64 prior, gint64 cell, int n, gint64 anchor)
{
    const FovHeads *h = s->heads;
    float object[CHUNK], limit[CHUNK];
    float least = INFINITY;

    for (int j = 0; j < n; j++) {
        object[j] = 1;
        if (l->object.input)
            object[j] = object_factor (h, *field_at (s, &l->object, prior, cell + j));
        limit[j] = object[j] > 0 ? raw_limit (s, object[j]) : INFINITY;
        least = MIN (least, limit[j]);
        if (!l->object.input) { /* all are alike */
            for (int i = 1; i < n; i++) {
                object[i] = 1;
                limit[i] = limit[0];
            }
            break;
        }
    }
    if (least == INFINITY)
        return;
    const float *raw = field_at (s, &l->score, prior, cell);
    for (int c = 0; c < h->n_classes; c++) {
        const float *x = raw + (gint64) (c + h->background) * l->score.component;
        if (!any_above_each (x, limit, n))
            continue;
        for (int j = 0; j < n; j++)
            if (x[j] >= limit[j])
                offer (s, class_factor (h, x[j]) * object[j], anchor + j, c);
    }
}

static void
scan_planes (Scan *s, const FovLevel *l, gint64 first_anchor)
{
    gint64 cells = (gint64) l->grid_w * l->grid_h;

    for (gint64 p = 0; p < l->n_priors; p++)
        for (gint64 cell = 0; cell < cells; cell += CHUNK)
            scan_plane_chunk (s, l, p, cell, (int) MIN (CHUNK, cells - cell),
                              first_anchor + p * cells + cell);
}

/* ---- boxes ------------------------------------------------------------ */

static float
expected_bin (const float *raw, gint64 step, int n)
{
    float top = -INFINITY, sum = 0, mean = 0;

    if (n == 1)
        return raw[0];
    for (int k = 0; k < n; k++)
        top = MAX (top, raw[k * step]);
    for (int k = 0; k < n; k++) {
        float e = expf (raw[k * step] - top);
        sum += e;
        mean += (float) k * e;
    }
    return mean / sum;
}

static float
size_exp (float t)
{
    return expf (MIN (t, FOV_MAX_LOG_SIZE));
}

typedef struct {
    const Scan *scan;
    const FovLevel *level;
    gint64 prior, cell;
} Place;

static void
decode_axis (const Place *at, int axis, float t, float s, float *center, float *size)
{
    const FovHeads *h = at->scan->heads;
    const FovLevel *l = at->level;
    float step = axis ? l->step_y : l->step_x;
    float g = (float) (axis ? at->cell / l->grid_w : at->cell % l->grid_w);
    float prior = axis ? l->prior_h[at->prior] : l->prior_w[at->prior];

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
        *center = (tanhf (t) + g) * step;
        *size = sigmoid (s) * (float) (axis ? h->net_h : h->net_w);
        break;
    case FOV_BOX_ANCHOR_EXP:
        *center = (sigmoid (t) + g) * step;
        *size = size_exp (s) * prior;
        break;
    case FOV_BOX_ANCHOR_SQUARE:
        *center = (2 * sigmoid (t) - 0.5f + g) * step;
        *size = 4 * sigmoid (s) * sigmoid (s) * prior;
        break;
    default: { /* FOV_BOX_PRIOR */
        const float *priors = at->scan->data[h->priors] + at->cell * 4;
        *center = (t * h->variance[0] * priors[2 + axis] + priors[axis]) * step;
        *size = size_exp (s * h->variance[1]) * priors[2 + axis] * step;
    }
    }
}

static void
decode_box (const Place *at, float box[4])
{
    const FovHeads *h = at->scan->heads;
    const FovLevel *l = at->level;
    const float *raw = field_at (at->scan, &l->box, at->prior, at->cell);
    gint64 k = l->box.component;

    for (int axis = 0; axis < 2; axis++) {
        int c = h->swap_xy ? 1 - axis : axis;
        float step = axis ? l->step_y : l->step_x, low, high;
        if (h->box_coding == FOV_BOX_CORNERS) {
            low = raw[c * k] * step;
            high = raw[(c + 2) * k] * step;
        } else if (h->box_coding == FOV_BOX_DISTANCE) {
            float g = (float) (axis ? at->cell / l->grid_w : at->cell % l->grid_w) + h->origin;
            low = (g - expected_bin (raw + c * h->n_bins * k, k, h->n_bins)) * step;
            high = (g + expected_bin (raw + (c + 2) * h->n_bins * k, k, h->n_bins)) * step;
        } else {
            float center, size;
            decode_axis (at, axis, raw[c * k], raw[(c + 2) * k], &center, &size);
            low = center - size / 2;
            high = center + size / 2;
        }
        box[axis] = fminf (fmaxf (low, -FOV_MAX_COORDINATE), FOV_MAX_COORDINATE);
        box[2 + axis] = fminf (fmaxf (high, -FOV_MAX_COORDINATE), FOV_MAX_COORDINATE);
    }
}

static void
write_row (const Scan *s, Entry e, float *row)
{
    gint64 index = entry_index (e), anchor = index / s->heads->n_classes, n;
    const FovLevel *level = s->heads->level;
    Place at = { .scan = s };
    float label = (float) (index % s->heads->n_classes);

    while (anchor >= (n = fov_level_anchors (level))) {
        anchor -= n;
        level++;
    }
    n /= level->n_priors;
    at.level = level;
    at.prior = anchor / n;
    at.cell = anchor % n;
    decode_box (&at, row);
    if (level->label.input)
        label = CLAMP (nearbyintf (*field_at (s, &level->label, at.prior, at.cell)), 0, 1e6f);
    row[4] = entry_score (e);
    row[5] = label;
}

/* ---- the op ----------------------------------------------------------- */

static void
decode_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const State *state = step->state;
    const FovOperand *out = step->step.out[0];
    float *rows = (float *) fov_host_ptr (frame, out) + task * state->k * 6;
    Scan s = { .heads = &state->heads,
               .picture = task,
               .k = state->k,
               .list = state->lists + (gsize) task * LIST };
    gint64 anchor = 0;

    s.threshold = fov_frame_get (fov_host_ptr (frame, step->step.in[0]), task).threshold;
    for (guint i = 1; i < step->step.node->n_inputs; i++)
        s.data[i] = fov_host_ptr (frame, step->step.in[i]);
    for (int l = 0; l < s.heads->n_levels; l++) {
        const FovLevel *level = &s.heads->level[l];
        if (level->score.cell == 1 && s.heads->score_coding != FOV_SCORE_SOFTMAX)
            scan_planes (&s, level, anchor);
        else
            scan_anchors (&s, level, anchor);
        anchor += fov_level_anchors (level);
    }
    cut (&s);
    for (guint i = 0; i < s.n; i++)
        write_row (&s, s.list[i], rows + (gsize) i * 6);
    memset (rows + (gsize) s.n * 6, 0, (gsize) (state->k - s.n) * 6 * sizeof (float));
    if (step->step.out[1])
        ((gint32 *) fov_host_ptr (frame, step->step.out[1]))[task] = (gint32) s.n;
}

static void
state_free (gpointer data)
{
    State *state = data;

    g_free (state->lists);
    g_free (state);
}

static gboolean
decode_prepare (FovHostStep *step, GError **error)
{
    const FovNode *node = step->step.node;
    const FovDecodeParams *params = node->params;
    State *state;

    if (node->n_inputs > G_N_ELEMENTS (((Scan *) NULL)->data))
        return fov_node_error (node, error, "%u inputs, expected at most 32", node->n_inputs);
    state = g_new0 (State, 1);
    state->heads = params->heads;
    state->k = params->max_candidates;
    fov_heads_resolve (&state->heads, node);
    step->n_tasks = (guint) node->inputs[0]->shape.dim[0];
    state->lists = g_new (Entry, (gsize) step->n_tasks * LIST);
    step->run = decode_run;
    step->state = state;
    step->free_state = state_free;
    return TRUE;
}

/* ---- fov.Nms ---------------------------------------------------------- */

/* The kept boxes as columns, so that one box is held against many at once. */
typedef struct {
    float x1[FOV_MAX_CANDIDATES], y1[FOV_MAX_CANDIDATES], x2[FOV_MAX_CANDIDATES],
        y2[FOV_MAX_CANDIDATES], area[FOV_MAX_CANDIDATES], label[FOV_MAX_CANDIDATES];
    int n;
} Kept;

static float
area (const float *b)
{
    return MAX (b[2] - b[0], 0) * MAX (b[3] - b[1], 0);
}

static FOV_CLONES gboolean
suppressed (const Kept *kept, const float *row, float limit, gboolean agnostic)
{
    float x1 = row[0], y1 = row[1], x2 = row[2], y2 = row[3], label = row[5], size = area (row);

    for (int from = 0; from < kept->n; from += CHUNK) {
        int to = MIN (from + CHUNK, kept->n), hit = 0;
        for (int j = from; j < to; j++) {
            float right = x2 < kept->x2[j] ? x2 : kept->x2[j];
            float left = x1 > kept->x1[j] ? x1 : kept->x1[j];
            float bottom = y2 < kept->y2[j] ? y2 : kept->y2[j];
            float top = y1 > kept->y1[j] ? y1 : kept->y1[j];
            float w = right - left, h = bottom - top;
            float inter = (w > 0 ? w : 0) * (h > 0 ? h : 0);
            hit |= (inter > limit * (size + kept->area[j] - inter)) &
                   ((kept->label[j] == label) | agnostic);
        }
        if (hit)
            return TRUE;
    }
    return FALSE;
}

static void
keep (Kept *kept, const float *row)
{
    int n = kept->n++;

    kept->x1[n] = row[0];
    kept->y1[n] = row[1];
    kept->x2[n] = row[2];
    kept->y2[n] = row[3];
    kept->area[n] = area (row);
    kept->label[n] = row[5];
}

static void
nms_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const FovNmsParams *params = step->step.node->params;
    FovFrameInfo f = fov_frame_get (fov_host_ptr (frame, step->step.in[0]), task);
    gint64 k = step->step.in[1]->shape.dim[1], m = params->max_detections;
    const float *rows = (const float *) fov_host_ptr (frame, step->step.in[1]) + task * k * 6;
    gint32 n = ((const gint32 *) fov_host_ptr (frame, step->step.in[2]))[task];
    float *out = (float *) fov_host_ptr (frame, step->step.out[0]) + task * m * 6;
    Kept kept;

    kept.n = 0;
    for (gint32 i = 0; i < MIN (n, k) && kept.n < m; i++) {
        const float *row = rows + (gsize) i * 6;
        if (params->suppress && suppressed (&kept, row, f.iou_threshold, f.class_agnostic != 0))
            continue;
        memcpy (out + (gsize) kept.n * 6, row, 6 * sizeof *row);
        keep (&kept, row);
    }
    memset (out + (gsize) kept.n * 6, 0, (gsize) (m - kept.n) * 6 * sizeof *out);
    if (step->step.out[1])
        ((gint32 *) fov_host_ptr (frame, step->step.out[1]))[task] = kept.n;
}

static gboolean
nms_prepare (FovHostStep *step, GError **error)
{
    step->n_tasks = (guint) step->step.node->inputs[0]->shape.dim[0];
    step->run = nms_run;
    return TRUE;
}

static guint
planar (const FovNode *node, int block)
{
    return FOV_CAN_PLANAR;
}

const FovHostOp fov_decode_host = { .formats = planar, .prepare = decode_prepare };
const FovHostOp fov_nms_host = { .formats = planar, .prepare = nms_prepare };
