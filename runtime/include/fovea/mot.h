/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_MOT_H
#define FOVEA_MOT_H

#include <fovea/box.h>

G_BEGIN_DECLS

/**
 * How well a tracker keeps its objects, against what people marked: HOTA
 * (Luiten et al., IJCV 2021), CLEAR (Bernardin and Stiefelhagen 2008, with the
 * MOTChallenge's rules) and identity figures (Ristani et al. 2016), over one
 * or many sequences. Frames go in one by one, in order. Two boxes are as alike
 * as their IoU. One object, one thread at a time.
 */
typedef struct _FovMotEval FovMotEval;

/** HOTA's localisation thresholds: 0.05, 0.10, .. 0.95. */
#define FOV_MOT_N_ALPHA 19

/** What a marked box is for. */
typedef enum {
    FOV_MOT_COUNTED,    /**< to be found and followed */
    FOV_MOT_DISTRACTOR, /**< need not be found: a result matched with it is left out */
    FOV_MOT_NEUTRAL,    /**< not counted, but may keep a result from matching a distractor */
    FOV_MOT_REGION,     /**< ignore region: results mostly inside, matched with nothing, are out */
} FovMotRole;

/** One marked box of a frame. */
typedef struct {
    gint64 id; /**< lasting; counted truths of one frame differ in it */
    FovBox box;
    FovMotRole role;
} FovMotTruth;

/** One box that a tracker reports in a frame. */
typedef struct {
    gint64 id; /**< lasting; results of one frame differ in it */
    FovBox box;
} FovMotResult;

/**
 * Shares are in percent; one whose denominator is 0 is 0 (LocA: 100). The sums
 * over sequences are scored as one: counts are added, and HOTA's association
 * and localisation averaged over all true positives at each threshold.
 */
typedef struct {
    double hota, det_a, ass_a, loc_a; /**< means over the thresholds */
    double det_re, det_pr, ass_re, ass_pr;
    double mota, motp;     /**< at IoU 0.5; motp: mean IoU of true positives */
    double idf1, idr, idp; /**< at IoU 0.5 */

    guint64 n_tp, n_fp, n_fn; /**< CLEAR's */
    guint64 n_switches;       /**< truths matched with another identity than before */
    guint64 n_fragments;      /**< times that a truth was found again after a break */
    guint64 n_mostly_tracked, n_partly_tracked, n_mostly_lost; /**< > 80 %, between, < 20 % */
    guint64 n_idtp, n_idfp, n_idfn;
    guint64 n_frames, n_truths, n_results; /**< boxes, after what is left out */
    guint64 n_truth_ids, n_result_ids;

    double hota_at[FOV_MOT_N_ALPHA]; /**< percent, at each threshold */
    double det_a_at[FOV_MOT_N_ALPHA], ass_a_at[FOV_MOT_N_ALPHA], loc_a_at[FOV_MOT_N_ALPHA];
} FovMotScores;

FOV_API FovMotEval *fov_mot_eval_new (void);
FOV_API void fov_mot_eval_free (FovMotEval *eval);

/**
 * Begins a sequence; one that was begun and not ended is forgotten. min_height:
 * a result that matches nothing and is not higher than this (pixels) is left
 * out, as KITTI's rules have it (25); 0: none is.
 */
FOV_API void fov_mot_eval_begin (FovMotEval *eval, double min_height);

/**
 * Adds the sequence's next frame. First the benchmarks' preparation: results
 * are matched with all truths except regions, for the largest total IoU of
 * pairs of at least 0.5; those matched with a distractor are left out, as are
 * unmatched ones with more than half of their area in one region. Then results are
 * scored against the counted truths. Boxes that are empty or not finite
 * overlap nothing. Fails with FOV_ERROR_ARGUMENT where an id occurs twice or there
 * are more than 100,000 boxes, FOV_ERROR_MEMORY where too many boxes overlap
 * each other; the frame is then as if never added.
 */
FOV_API gboolean fov_mot_eval_add (FovMotEval *eval, const FovMotTruth *truths, guint n_truths,
                                   const FovMotResult *results, guint n_results, GError **error);

/**
 * Ends the sequence and adds it to the sums; scores (may be NULL) are its own.
 * Fails with FOV_ERROR_MEMORY where too many identities overlap each other.
 */
FOV_API gboolean fov_mot_eval_end (FovMotEval *eval, FovMotScores *scores, GError **error);

/** The scores of all ended sequences together. */
FOV_API void fov_mot_eval_combined (const FovMotEval *eval, FovMotScores *scores);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovMotEval, fov_mot_eval_free)

G_END_DECLS

#endif
