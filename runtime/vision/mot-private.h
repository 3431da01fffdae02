/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_VISION_MOT_PRIVATE_H
#define FOVEA_VISION_MOT_PRIVATE_H

#include <fovea/mot.h>

#include <float.h>

/* Two things that might belong together; score > 0. */
typedef struct {
    guint row, col;
    double score;
} FovMotPair;

/*
 * Matching of sparse pairs: as each pair's score is above 0 and all others
 * count as 0, what is connected by pairs is solved by itself.
 */
typedef struct _FovMotMatcher FovMotMatcher;

FovMotMatcher *fov_mot_matcher_new (void);
void fov_mot_matcher_free (FovMotMatcher *matcher);

/*
 * The choice of pairs, each row and column in one at most, with the largest
 * total score. Returns for each row its column, or -1; valid until the next
 * call. NULL with FOV_ERROR_MEMORY where too much is connected.
 */
const int *fov_mot_match (FovMotMatcher *matcher, const FovMotPair *pairs, guint n_pairs,
                          guint n_rows, guint n_cols, GError **error);

/* A truth and a result that overlapped in some frame of the sequence. */
typedef struct {
    guint truth, result;
    double potential; /* HOTA: the sum of their shares of the frames' overlaps */
    guint n_overlaps; /* identity: frames with IoU >= 0.5 */
    guint n_matches[FOV_MOT_N_ALPHA];
} FovMotLink;

/* One overlap in a frame. */
typedef struct {
    guint row, col; /* place among the frame's truths and results */
    guint link;     /* index */
    double iou;
} FovMotOverlap;

/* A frame after the preparation. */
typedef struct {
    guint n_truths, n_results;
    guint first_overlap, n_overlaps;
} FovMotFrame;

typedef struct {
    gint64 id;
    guint64 seen; /* the frame that it was last in, from 1 */
    guint n_boxes;
    /* CLEAR, of truths only. */
    guint n_found, n_starts;
    gint64 last_result; /* index of the result that it was last matched with, or -1 */
    guint64 last_step;  /* the step in which that was */
} FovMotIdentity;

/* What is counted in a sequence; sums of these are scored the same way. */
typedef struct {
    guint64 n_frames, n_truths, n_results, n_truth_ids, n_result_ids;
    guint64 tp[FOV_MOT_N_ALPHA];
    double ass_a[FOV_MOT_N_ALPHA], ass_re[FOV_MOT_N_ALPHA], ass_pr[FOV_MOT_N_ALPHA];
    double iou[FOV_MOT_N_ALPHA]; /* all sums over true positives */
    guint64 clear_tp, n_switches, n_fragments;
    guint64 n_mostly_tracked, n_partly_tracked, n_mostly_lost;
    double clear_iou;
    guint64 idtp;
} FovMotCounts;

/* One sequence's frames so far. */
typedef struct {
    GArray *truths, *results;               /* FovMotIdentity */
    GHashTable *truth_index, *result_index; /* gint64 * id -> index + 1 */
    GArray *links;                          /* FovMotLink */
    GHashTable *link_index;                 /* gint64 * truth, result -> index + 1 */
    GArray *frames;                         /* FovMotFrame */
    GArray *overlaps;                       /* FovMotOverlap */
    guint64 clear_step;
    FovMotCounts counts;
} FovMotSequence;

/* Takes CLEAR's step over the sequence's last frame. */
gboolean fov_mot_clear_step (FovMotSequence *s, const guint *truths, const guint *results,
                             FovMotMatcher *matcher, GArray *pairs, GError **error);

/* The counts that need the whole sequence. */
void fov_mot_clear_finish (FovMotSequence *s);
gboolean fov_mot_hota_finish (FovMotSequence *s, FovMotMatcher *matcher, GArray *pairs,
                              GError **error);
gboolean fov_mot_identity_finish (FovMotSequence *s, FovMotMatcher *matcher, GArray *pairs,
                                  GError **error);

void fov_mot_counts_add (FovMotCounts *sum, const FovMotCounts *counts);
void fov_mot_counts_score (const FovMotCounts *counts, FovMotScores *scores);

/* Whether iou reaches threshold; what differs in the last bit does. */
static inline gboolean
fov_mot_reaches (double iou, double threshold)
{
    return iou >= threshold - DBL_EPSILON;
}

#endif
