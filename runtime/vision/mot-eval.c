/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/mot-private.h"

#include "vision/overlap.h"

#define MAX_BOXES 100000
#define MATCH_IOU 0.5
#define REGION_SHARE 0.5

struct _FovMotEval {
    FovMotMatcher *matcher;
    FovMotSequence sequence;
    gboolean begun;
    double min_height;
    FovMotCounts sum;
    /* Scratch of one frame. */
    GArray *pairs;    /* FovMotPair: truths and results of the input that overlap */
    GArray *scored;   /* FovMotPair, for the matcher */
    GArray *left_out; /* gboolean by result */
    GArray *truths;   /* guint: input index, then identity, of those scored */
    GArray *results;
    GArray *rows, *cols;       /* guint: input index -> place among those scored, + 1 */
    GArray *row_sum, *col_sum; /* double: of IoU */
};

#define GUINTS(array) ((guint *) (void *) (array)->data)
#define DOUBLES(array) ((double *) (void *) (array)->data)

/* ---- life ------------------------------------------------------------------ */

/* Mixed, as a truth's links differ in the low half of the key only. */
static guint
hash_key (gconstpointer key)
{
    guint64 x = *(const guint64 *) key * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
    return (guint) (x >> 32);
}

static GHashTable *
index_new (void)
{
    return g_hash_table_new_full (hash_key, g_int64_equal, g_free, NULL);
}

FovMotEval *
fov_mot_eval_new (void)
{
    FovMotEval *e = g_new0 (FovMotEval, 1);
    FovMotSequence *s = &e->sequence;

    e->matcher = fov_mot_matcher_new ();
    e->pairs = g_array_new (FALSE, FALSE, sizeof (FovMotPair));
    e->scored = g_array_new (FALSE, FALSE, sizeof (FovMotPair));
    e->left_out = g_array_new (FALSE, TRUE, sizeof (gboolean));
    e->truths = g_array_new (FALSE, FALSE, sizeof (guint));
    e->results = g_array_new (FALSE, FALSE, sizeof (guint));
    e->rows = g_array_new (FALSE, TRUE, sizeof (guint));
    e->cols = g_array_new (FALSE, TRUE, sizeof (guint));
    e->row_sum = g_array_new (FALSE, TRUE, sizeof (double));
    e->col_sum = g_array_new (FALSE, TRUE, sizeof (double));
    s->truths = g_array_new (FALSE, FALSE, sizeof (FovMotIdentity));
    s->results = g_array_new (FALSE, FALSE, sizeof (FovMotIdentity));
    s->truth_index = index_new ();
    s->result_index = index_new ();
    s->links = g_array_new (FALSE, FALSE, sizeof (FovMotLink));
    s->link_index = index_new ();
    s->frames = g_array_new (FALSE, FALSE, sizeof (FovMotFrame));
    s->overlaps = g_array_new (FALSE, FALSE, sizeof (FovMotOverlap));
    return e;
}

void
fov_mot_eval_free (FovMotEval *e)
{
    if (!e)
        return;
    GArray *arrays[] = { e->pairs,
                         e->scored,
                         e->left_out,
                         e->truths,
                         e->results,
                         e->rows,
                         e->cols,
                         e->row_sum,
                         e->col_sum,
                         e->sequence.truths,
                         e->sequence.results,
                         e->sequence.links,
                         e->sequence.frames,
                         e->sequence.overlaps };
    for (guint i = 0; i < G_N_ELEMENTS (arrays); i++)
        g_array_unref (arrays[i]);
    g_hash_table_unref (e->sequence.truth_index);
    g_hash_table_unref (e->sequence.result_index);
    g_hash_table_unref (e->sequence.link_index);
    fov_mot_matcher_free (e->matcher);
    g_free (e);
}

void
fov_mot_eval_begin (FovMotEval *e, double min_height)
{
    FovMotSequence *s = &e->sequence;

    g_return_if_fail (e != NULL);
    GArray *arrays[] = { s->truths, s->results, s->links, s->frames, s->overlaps };
    for (guint i = 0; i < G_N_ELEMENTS (arrays); i++)
        g_array_set_size (arrays[i], 0);
    g_hash_table_remove_all (s->truth_index);
    g_hash_table_remove_all (s->result_index);
    g_hash_table_remove_all (s->link_index);
    s->counts = (FovMotCounts){ 0 };
    s->clear_step = 0;
    e->min_height = min_height;
    e->begun = TRUE;
}

/* ---- checks ---------------------------------------------------------------- */

static guint
lookup (GHashTable *index, gint64 key)
{
    return GPOINTER_TO_UINT (g_hash_table_lookup (index, &key));
}

static void
remember (GHashTable *index, gint64 key, guint position)
{
    g_hash_table_insert (index, g_memdup2 (&key, sizeof key), GUINT_TO_POINTER (position + 1));
}

static FovMotIdentity *
identity_of (GHashTable *index, GArray *array, gint64 id, guint *position)
{
    guint found = lookup (index, id);
    if (!found) {
        FovMotIdentity fresh = { .id = id, .last_result = -1 };
        g_array_append_val (array, fresh);
        remember (index, id, array->len - 1);
        found = array->len;
    }
    *position = found - 1;
    return &g_array_index (array, FovMotIdentity, found - 1);
}

/* Marks the identity as present in the frame; FALSE where it already was. */
static gboolean
present (FovMotSequence *s, GHashTable *index, GArray *array, gint64 id, const char *what,
         GError **error)
{
    guint position;
    FovMotIdentity *identity = identity_of (index, array, id, &position);

    if (identity->seen == s->counts.n_frames + 1) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "%s %" G_GINT64_FORMAT " is twice in frame %" G_GUINT64_FORMAT, what, id,
                     s->counts.n_frames + 1);
        return FALSE;
    }
    identity->seen = s->counts.n_frames + 1;
    return TRUE;
}

/* What a refused frame marked is marked no longer. */
static void
unmark (FovMotSequence *s)
{
    for (guint i = 0; i < s->truths->len; i++)
        g_array_index (s->truths, FovMotIdentity, i).seen = 0;
    for (guint i = 0; i < s->results->len; i++)
        g_array_index (s->results, FovMotIdentity, i).seen = 0;
}

static gboolean
not_begun (GError **error)
{
    g_set_error_literal (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "no sequence was begun");
    return FALSE;
}

static gboolean
check_frame (FovMotEval *e, const FovMotTruth *truths, guint n_truths, const FovMotResult *results,
             guint n_results, GError **error)
{
    FovMotSequence *s = &e->sequence;
    gboolean ok = TRUE;

    if (MAX (n_truths, n_results) > MAX_BOXES) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "frame %" G_GUINT64_FORMAT
                     " has %u truths and %u results, at most %d of each can be scored",
                     s->counts.n_frames + 1, n_truths, n_results, MAX_BOXES);
        return FALSE;
    }
    for (guint i = 0; ok && i < n_truths; i++)
        if (truths[i].role == FOV_MOT_COUNTED)
            ok = present (s, s->truth_index, s->truths, truths[i].id, "truth", error);
    for (guint i = 0; ok && i < n_results; i++)
        ok = present (s, s->result_index, s->results, results[i].id, "result", error);
    if (!ok)
        unmark (s);
    return ok;
}

/* ---- preparation ----------------------------------------------------------- */

static void
find_overlaps (FovMotEval *e, const FovMotTruth *truths, guint n_truths,
               const FovMotResult *results, guint n_results)
{
    g_array_set_size (e->pairs, 0);
    for (guint t = 0; t < n_truths; t++) {
        double area = fov_exact_area (truths[t].box);
        if (!(area > 0) || truths[t].role == FOV_MOT_REGION)
            continue;
        for (guint r = 0; r < n_results; r++) {
            double inter = fov_exact_intersection (truths[t].box, results[r].box);
            double other = inter > 0 ? fov_exact_area (results[r].box) : 0;
            if (!(other > 0))
                continue;
            FovMotPair pair = { t, r, inter / (area + other - inter) };
            if (pair.score > 0)
                g_array_append_val (e->pairs, pair);
        }
    }
}

static gboolean
in_a_region (const FovMotTruth *truths, guint n_truths, FovBox box)
{
    double area = fov_exact_area (box);

    for (guint t = 0; t < n_truths; t++)
        if (truths[t].role == FOV_MOT_REGION && area > 0 && fov_exact_area (truths[t].box) > 0 &&
            fov_exact_intersection (truths[t].box, box) / area > REGION_SHARE + DBL_EPSILON)
            return TRUE;
    return FALSE;
}

/* Decides which results the benchmark's rules leave out. */
static gboolean
prepare (FovMotEval *e, const FovMotTruth *truths, guint n_truths, const FovMotResult *results,
         guint n_results, GError **error)
{
    gboolean needed = e->min_height > 0;

    g_array_set_size (e->left_out, 0);
    g_array_set_size (e->left_out, n_results);
    for (guint t = 0; t < n_truths && !needed; t++)
        needed = truths[t].role == FOV_MOT_DISTRACTOR || truths[t].role == FOV_MOT_REGION;
    if (!needed || n_results == 0)
        return TRUE;

    g_array_set_size (e->scored, 0);
    for (guint i = 0; i < e->pairs->len; i++) {
        FovMotPair pair = g_array_index (e->pairs, FovMotPair, i);
        if (fov_mot_reaches (pair.score, MATCH_IOU))
            g_array_append_val (e->scored, pair);
    }
    const int *chosen = fov_mot_match (e->matcher, (const FovMotPair *) (void *) e->scored->data,
                                       e->scored->len, n_truths, n_results, error);
    if (!chosen)
        return FALSE;
    gboolean *left_out = (gboolean *) (void *) e->left_out->data;
    for (guint r = 0; r < n_results; r++) {
        double height = (double) results[r].box.y2 - results[r].box.y1;
        gboolean low = e->min_height > 0 && height <= e->min_height + DBL_EPSILON;
        left_out[r] = low || in_a_region (truths, n_truths, results[r].box);
    }
    for (guint t = 0; t < n_truths; t++)
        if (chosen[t] >= 0)
            left_out[chosen[t]] = truths[t].role == FOV_MOT_DISTRACTOR;
    return TRUE;
}

/* ---- a frame --------------------------------------------------------------- */

/* Which truths and results stay, by their identity; rows and cols lead there. */
static void
keep (FovMotEval *e, const FovMotTruth *truths, guint n_truths, const FovMotResult *results,
      guint n_results)
{
    FovMotSequence *s = &e->sequence;
    GArray *cleared[] = { e->truths, e->results, e->rows, e->cols, e->row_sum, e->col_sum };
    guint position;

    for (guint i = 0; i < G_N_ELEMENTS (cleared); i++)
        g_array_set_size (cleared[i], 0);
    g_array_set_size (e->rows, n_truths);
    g_array_set_size (e->cols, n_results);
    for (guint t = 0; t < n_truths; t++) {
        if (truths[t].role != FOV_MOT_COUNTED)
            continue;
        identity_of (s->truth_index, s->truths, truths[t].id, &position);
        g_array_append_val (e->truths, position);
        GUINTS (e->rows)[t] = e->truths->len;
    }
    for (guint r = 0; r < n_results; r++) {
        if (g_array_index (e->left_out, gboolean, r))
            continue;
        identity_of (s->result_index, s->results, results[r].id, &position);
        g_array_append_val (e->results, position);
        GUINTS (e->cols)[r] = e->results->len;
    }
    g_array_set_size (e->row_sum, e->truths->len);
    g_array_set_size (e->col_sum, e->results->len);
}

static guint
link_of (FovMotSequence *s, guint truth, guint result)
{
    gint64 key = (gint64) ((guint64) truth << 32 | result);
    guint found = lookup (s->link_index, key);

    if (!found) {
        FovMotLink link = { .truth = truth, .result = result };
        g_array_append_val (s->links, link);
        remember (s->link_index, key, s->links->len - 1);
        found = s->links->len;
    }
    return found - 1;
}

static void
store_overlaps (FovMotEval *e)
{
    FovMotSequence *s = &e->sequence;

    for (guint i = 0; i < e->pairs->len; i++) {
        const FovMotPair *p = &g_array_index (e->pairs, FovMotPair, i);
        guint row = GUINTS (e->rows)[p->row], col = GUINTS (e->cols)[p->col];
        if (!row || !col)
            continue;
        FovMotOverlap o = { row - 1, col - 1, 0, p->score };
        o.link = link_of (s, GUINTS (e->truths)[o.row], GUINTS (e->results)[o.col]);
        DOUBLES (e->row_sum)[o.row] += o.iou;
        DOUBLES (e->col_sum)[o.col] += o.iou;
        g_array_append_val (s->overlaps, o);
    }
}

/*
 * Counts the stored frame into its links. HOTA's potential match is the
 * overlap's share of all overlaps that its truth and its result have.
 */
static void
count_frame (FovMotEval *e, const FovMotFrame *frame)
{
    FovMotSequence *s = &e->sequence;

    for (guint i = frame->first_overlap; i < s->overlaps->len; i++) {
        const FovMotOverlap *o = &g_array_index (s->overlaps, FovMotOverlap, i);
        FovMotLink *link = &g_array_index (s->links, FovMotLink, o->link);
        link->potential +=
            o->iou / (DOUBLES (e->row_sum)[o->row] + DOUBLES (e->col_sum)[o->col] - o->iou);
        if (fov_mot_reaches (o->iou, MATCH_IOU))
            link->n_overlaps++;
    }
    for (guint i = 0; i < frame->n_truths; i++)
        g_array_index (s->truths, FovMotIdentity, GUINTS (e->truths)[i]).n_boxes++;
    for (guint i = 0; i < frame->n_results; i++)
        g_array_index (s->results, FovMotIdentity, GUINTS (e->results)[i]).n_boxes++;
    s->counts.n_frames++;
    s->counts.n_truths += frame->n_truths;
    s->counts.n_results += frame->n_results;
}

gboolean
fov_mot_eval_add (FovMotEval *e, const FovMotTruth *truths, guint n_truths,
                  const FovMotResult *results, guint n_results, GError **error)
{
    FovMotSequence *s = &e->sequence;

    g_return_val_if_fail (e != NULL, FALSE);
    if (!e->begun)
        return not_begun (error);
    if (!check_frame (e, truths, n_truths, results, n_results, error))
        return FALSE;
    find_overlaps (e, truths, n_truths, results, n_results);
    if (!prepare (e, truths, n_truths, results, n_results, error)) {
        unmark (s);
        return FALSE;
    }
    keep (e, truths, n_truths, results, n_results);

    FovMotFrame frame = { e->truths->len, e->results->len, s->overlaps->len, 0 };
    store_overlaps (e);
    frame.n_overlaps = s->overlaps->len - frame.first_overlap;
    g_array_append_val (s->frames, frame);
    if (!fov_mot_clear_step (s, GUINTS (e->truths), GUINTS (e->results), e->matcher, e->scored,
                             error)) {
        g_array_set_size (s->frames, s->frames->len - 1);
        g_array_set_size (s->overlaps, frame.first_overlap);
        unmark (s);
        return FALSE;
    }
    count_frame (e, &frame);
    return TRUE;
}

/* ---- the end --------------------------------------------------------------- */

/* Identities that were left out in every frame do not count as any. */
static guint64
count_present (const GArray *identities)
{
    guint64 n = 0;
    for (guint i = 0; i < identities->len; i++)
        n += g_array_index (identities, FovMotIdentity, i).n_boxes > 0;
    return n;
}

gboolean
fov_mot_eval_end (FovMotEval *e, FovMotScores *scores, GError **error)
{
    FovMotSequence *s = &e->sequence;

    g_return_val_if_fail (e != NULL, FALSE);
    if (!e->begun)
        return not_begun (error);
    e->begun = FALSE;
    s->counts.n_truth_ids = count_present (s->truths);
    s->counts.n_result_ids = count_present (s->results);
    fov_mot_clear_finish (s);
    if (!fov_mot_hota_finish (s, e->matcher, e->scored, error) ||
        !fov_mot_identity_finish (s, e->matcher, e->scored, error))
        return FALSE;
    fov_mot_counts_add (&e->sum, &s->counts);
    if (scores)
        fov_mot_counts_score (&s->counts, scores);
    return TRUE;
}

void
fov_mot_eval_combined (const FovMotEval *e, FovMotScores *scores)
{
    g_return_if_fail (e != NULL && scores != NULL);
    fov_mot_counts_score (&e->sum, scores);
}
