/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_MOT_DATA_H
#define FOVEA_TOOLS_MOT_DATA_H

/*
 * Folders of tracking sequences: where the files of each lie and what is in
 * them.
 */
#include <fovea/motfile.h>
#include <fovea/tracker.h>

G_BEGIN_DECLS

typedef struct {
    const char *detections;    /**< their name: "yolox" is det/yolox.txt; NULL: not needed */
    const char *object_class;  /**< KITTI's; NULL: car */
    char **only;               /**< names of the sequences to take; NULL: all */
    gboolean val_half;         /**< only the second half, renumbered */
    gboolean no_camera_motion; /**< gmc.txt is left alone */
    gboolean ground;           /**< cam_para.txt too */
    gboolean quiet;            /**< nothing is said of scores that had to be scaled */
} MotDataParams;

/** A sequence; frames are counted from 1 at the first that is evaluated. */
typedef struct {
    char *name, *folder;
    gboolean kitti;
    double frame_rate; /**< 0: unknown */
    int width, height; /**< pixels; 0: unknown */
    guint skip;        /**< frames before the first evaluated one */
    guint n_frames;
    GArray *truths;     /**< FovMotRow, frames as in the file */
    GArray *detections; /**< FovMotRow, frames as in the file, scores 0..1; NULL */
    gboolean ranked;    /**< their scores went beyond that, and were replaced by their ranks */
    GArray *motions;    /**< FovMotMotion, frames as in the file; NULL: none */
    gboolean has_ground;
    FovGroundCamera ground;
} MotSequence;

/**
 * Reads DIR's sequences, by name (GPtrArray of MotSequence): folders with
 * gt/gt.txt (MOTChallenge) or label_02.txt (KITTI), or DIR itself as the only one.
 */
GPtrArray *mot_data_load (const char *dir, const MotDataParams *params, GError **error);

/** A tracker's output for the sequence: DIR/NAME.txt, frames from 1 as evaluated. */
GArray *mot_data_results (const MotSequence *sequence, const char *dir, const MotDataParams *params,
                          GError **error);

/** Scores results (GArray of FovMotRow) as the next sequence of eval. */
gboolean mot_data_score (const MotSequence *sequence, const GArray *results, FovMotEval *eval,
                         FovMotScores *scores, GError **error);

G_END_DECLS

#endif
