/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/mot-private.h"

#include <math.h>

#define CLEAR_IOU 0.5

/* More than any sum of IoU in a frame could outweigh. */
#define CONTINUITY 1e6

static double
alpha (int i)
{
    return 0.05 * (i + 1);
}

static FovMotIdentity *
identity (GArray *array, guint index)
{
    return &g_array_index (array, FovMotIdentity, index);
}

static const FovMotOverlap *
overlap (const FovMotSequence *s, const FovMotFrame *frame, guint i)
{
    return &g_array_index (s->overlaps, FovMotOverlap, frame->first_overlap + i);
}

static void
add_pair (GArray *pairs, guint row, guint col, double score)
{
    FovMotPair pair = { row, col, score };
    g_array_append_val (pairs, pair);
}

static const int *
match (FovMotMatcher *matcher, GArray *pairs, guint n_rows, guint n_cols, GError **error)
{
    return fov_mot_match (matcher, (const FovMotPair *) (const void *) pairs->data, pairs->len,
                          n_rows, n_cols, error);
}

/* ---- CLEAR ----------------------------------------------------------------- */

static gboolean
was_matched (const FovMotSequence *s, const FovMotIdentity *truth)
{
    return truth->last_result >= 0 && truth->last_step == s->clear_step;
}

static void
clear_found (FovMotSequence *s, FovMotIdentity *truth, guint result)
{
    truth->n_found++;
    if (truth->last_result >= 0 && truth->last_result != (gint64) result)
        s->counts.n_switches++;
    if (!was_matched (s, truth))
        truth->n_starts++;
    truth->last_result = result;
    truth->last_step = s->clear_step + 1;
}

gboolean
fov_mot_clear_step (FovMotSequence *s, const guint *truths, const guint *results,
                    FovMotMatcher *matcher, GArray *pairs, GError **error)
{
    const FovMotFrame *frame = &g_array_index (s->frames, FovMotFrame, s->frames->len - 1);
    const int *chosen;

    /* As the benchmarks count, a frame without truths or results breaks no match. */
    if (frame->n_truths == 0 || frame->n_results == 0)
        return TRUE;
    g_array_set_size (pairs, 0);
    for (guint i = 0; i < frame->n_overlaps; i++) {
        const FovMotOverlap *o = overlap (s, frame, i);
        const FovMotIdentity *truth = identity (s->truths, truths[o->row]);
        gboolean same = was_matched (s, truth) && truth->last_result == (gint64) results[o->col];
        if (fov_mot_reaches (o->iou, CLEAR_IOU))
            add_pair (pairs, o->row, o->col, o->iou + (same ? CONTINUITY : 0));
    }
    chosen = match (matcher, pairs, frame->n_truths, frame->n_results, error);
    if (!chosen)
        return FALSE;
    for (guint i = 0; i < frame->n_overlaps; i++) {
        const FovMotOverlap *o = overlap (s, frame, i);
        if (chosen[o->row] != (int) o->col)
            continue;
        s->counts.clear_tp++;
        s->counts.clear_iou += o->iou;
        clear_found (s, identity (s->truths, truths[o->row]), results[o->col]);
    }
    s->clear_step++;
    return TRUE;
}

void
fov_mot_clear_finish (FovMotSequence *s)
{
    for (guint i = 0; i < s->truths->len; i++) {
        const FovMotIdentity *truth = identity (s->truths, i);
        if (truth->n_boxes == 0)
            continue;
        double share = (double) truth->n_found / truth->n_boxes;
        s->counts.n_fragments += truth->n_starts > 0 ? truth->n_starts - 1 : 0;
        if (share > 0.8)
            s->counts.n_mostly_tracked++;
        else if (share >= 0.2)
            s->counts.n_partly_tracked++;
        else
            s->counts.n_mostly_lost++;
    }
}

/* ---- HOTA ------------------------------------------------------------------ */

/*
 * How well truth and result fit over the whole sequence: the global alignment
 * that decides which of a frame's overlaps are matched.
 */
static double
alignment (const FovMotSequence *s, const FovMotLink *link)
{
    double boxes = (double) identity (s->truths, link->truth)->n_boxes +
                   identity (s->results, link->result)->n_boxes;
    return link->potential / (boxes - link->potential);
}

static gboolean
hota_frame (FovMotSequence *s, const FovMotFrame *frame, FovMotMatcher *matcher, GArray *pairs,
            GError **error)
{
    const int *chosen;

    g_array_set_size (pairs, 0);
    for (guint i = 0; i < frame->n_overlaps; i++) {
        const FovMotOverlap *o = overlap (s, frame, i);
        const FovMotLink *link = &g_array_index (s->links, FovMotLink, o->link);
        add_pair (pairs, o->row, o->col, o->iou * alignment (s, link));
    }
    chosen = match (matcher, pairs, frame->n_truths, frame->n_results, error);
    if (!chosen)
        return FALSE;
    for (guint i = 0; i < frame->n_overlaps; i++) {
        const FovMotOverlap *o = overlap (s, frame, i);
        FovMotLink *link = &g_array_index (s->links, FovMotLink, o->link);
        if (chosen[o->row] != (int) o->col)
            continue;
        for (int a = 0; a < FOV_MOT_N_ALPHA && fov_mot_reaches (o->iou, alpha (a)); a++) {
            s->counts.tp[a]++;
            s->counts.iou[a] += o->iou;
            link->n_matches[a]++;
        }
    }
    return TRUE;
}

gboolean
fov_mot_hota_finish (FovMotSequence *s, FovMotMatcher *matcher, GArray *pairs, GError **error)
{
    for (guint f = 0; f < s->frames->len; f++)
        if (!hota_frame (s, &g_array_index (s->frames, FovMotFrame, f), matcher, pairs, error))
            return FALSE;
    /* Luiten et al., eq. 6: each true positive's association, TPA / (TPA + FNA + FPA). */
    for (guint i = 0; i < s->links->len; i++) {
        const FovMotLink *link = &g_array_index (s->links, FovMotLink, i);
        double truth = identity (s->truths, link->truth)->n_boxes;
        double result = identity (s->results, link->result)->n_boxes;
        for (int a = 0; a < FOV_MOT_N_ALPHA && link->n_matches[a] > 0; a++) {
            double n = link->n_matches[a];
            s->counts.ass_a[a] += n * n / (truth + result - n);
            s->counts.ass_re[a] += n * n / truth;
            s->counts.ass_pr[a] += n * n / result;
        }
    }
    return TRUE;
}

/* ---- identity -------------------------------------------------------------- */

gboolean
fov_mot_identity_finish (FovMotSequence *s, FovMotMatcher *matcher, GArray *pairs, GError **error)
{
    const int *chosen;

    g_array_set_size (pairs, 0);
    for (guint i = 0; i < s->links->len; i++) {
        const FovMotLink *link = &g_array_index (s->links, FovMotLink, i);
        if (link->n_overlaps > 0)
            add_pair (pairs, link->truth, link->result, link->n_overlaps);
    }
    chosen = match (matcher, pairs, s->truths->len, s->results->len, error);
    if (!chosen)
        return FALSE;
    for (guint i = 0; i < s->links->len; i++) {
        const FovMotLink *link = &g_array_index (s->links, FovMotLink, i);
        if (chosen[link->truth] == (int) link->result)
            s->counts.idtp += link->n_overlaps;
    }
    return TRUE;
}

/* ---- figures --------------------------------------------------------------- */

void
fov_mot_counts_add (FovMotCounts *sum, const FovMotCounts *c)
{
    sum->n_frames += c->n_frames;
    sum->n_truths += c->n_truths;
    sum->n_results += c->n_results;
    sum->n_truth_ids += c->n_truth_ids;
    sum->n_result_ids += c->n_result_ids;
    for (int a = 0; a < FOV_MOT_N_ALPHA; a++) {
        sum->tp[a] += c->tp[a];
        sum->ass_a[a] += c->ass_a[a];
        sum->ass_re[a] += c->ass_re[a];
        sum->ass_pr[a] += c->ass_pr[a];
        sum->iou[a] += c->iou[a];
    }
    sum->clear_tp += c->clear_tp;
    sum->n_switches += c->n_switches;
    sum->n_fragments += c->n_fragments;
    sum->n_mostly_tracked += c->n_mostly_tracked;
    sum->n_partly_tracked += c->n_partly_tracked;
    sum->n_mostly_lost += c->n_mostly_lost;
    sum->clear_iou += c->clear_iou;
    sum->idtp += c->idtp;
}

static double
percent (double part, double whole)
{
    return whole > 0 ? 100.0 * part / whole : 0.0;
}

static void
score_hota (const FovMotCounts *c, FovMotScores *s)
{
    double truths = (double) c->n_truths, results = (double) c->n_results;

    for (int a = 0; a < FOV_MOT_N_ALPHA; a++) {
        double tp = (double) c->tp[a];
        s->det_a_at[a] = percent (tp, truths + results - tp);
        s->ass_a_at[a] = percent (c->ass_a[a], tp);
        s->loc_a_at[a] = tp > 0 ? percent (c->iou[a], tp) : 100.0;
        s->hota_at[a] = sqrt (s->det_a_at[a] * s->ass_a_at[a]);
        s->hota += s->hota_at[a] / FOV_MOT_N_ALPHA;
        s->det_a += s->det_a_at[a] / FOV_MOT_N_ALPHA;
        s->ass_a += s->ass_a_at[a] / FOV_MOT_N_ALPHA;
        s->loc_a += s->loc_a_at[a] / FOV_MOT_N_ALPHA;
        s->det_re += percent (tp, truths) / FOV_MOT_N_ALPHA;
        s->det_pr += percent (tp, results) / FOV_MOT_N_ALPHA;
        s->ass_re += percent (c->ass_re[a], tp) / FOV_MOT_N_ALPHA;
        s->ass_pr += percent (c->ass_pr[a], tp) / FOV_MOT_N_ALPHA;
    }
}

void
fov_mot_counts_score (const FovMotCounts *c, FovMotScores *s)
{
    double truths = (double) c->n_truths, results = (double) c->n_results;

    *s = (FovMotScores){
        .n_tp = c->clear_tp,
        .n_fp = c->n_results - c->clear_tp,
        .n_fn = c->n_truths - c->clear_tp,
        .n_switches = c->n_switches,
        .n_fragments = c->n_fragments,
        .n_mostly_tracked = c->n_mostly_tracked,
        .n_partly_tracked = c->n_partly_tracked,
        .n_mostly_lost = c->n_mostly_lost,
        .n_idtp = c->idtp,
        .n_idfp = c->n_results - c->idtp,
        .n_idfn = c->n_truths - c->idtp,
        .n_frames = c->n_frames,
        .n_truths = c->n_truths,
        .n_results = c->n_results,
        .n_truth_ids = c->n_truth_ids,
        .n_result_ids = c->n_result_ids,
        .motp = percent (c->clear_iou, (double) c->clear_tp),
        .idf1 = percent (2.0 * (double) c->idtp, truths + results),
        .idr = percent ((double) c->idtp, truths),
        .idp = percent ((double) c->idtp, results),
    };
    /* MOTA falls below 0 where mistakes outnumber truths; without truths each one counts whole. */
    s->mota =
        100.0 * ((double) s->n_tp - (double) s->n_fp - (double) s->n_switches) / MAX (truths, 1.0);
    score_hota (c, s);
}
