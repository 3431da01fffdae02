/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_MOTFILE_H
#define FOVEA_MOTFILE_H

#include <fovea/mot.h>

G_BEGIN_DECLS

/**
 * The text files of tracking benchmarks: MOTChallenge's (also used by
 * DanceTrack, SportsMOT and others) and KITTI's. What is damaged is an error
 * that names file, line and column. Stateless; thread safe; all block.
 */

/** The highest frame number. */
#define FOV_MOT_MAX_FRAMES (1 << 24)
/** The most rows that are kept of a file. */
#define FOV_MOT_MAX_ROWS 4000000

typedef enum {
    FOV_MOT_FILE_TRUTHS,     /**< gt/gt.txt; label_02 */
    FOV_MOT_FILE_RESULTS,    /**< a tracker's output */
    FOV_MOT_FILE_DETECTIONS, /**< det/det.txt; the same columns, ids are not read */
} FovMotFileKind;

/** A row. Boxes are pixels, 0-based, as written: they may be empty or off the picture. */
typedef struct {
    guint frame; /**< from 1, also where the file counts from 0 */
    float score; /**< detections and results; as written (not always 0..1), 1 where left out */
    gint64 id;   /**< truths and results */
    FovBox box;
    FovMotRole role; /**< truths */
} FovMotRow;

/** Zero means the default. */
typedef struct {
    const char *object_class; /**< KITTI: "car" (default) or "pedestrian" */
    gboolean mot20;           /**< MOT20's rules: vehicles (class 6) are distractors too */
} FovMotFileParams;

/**
 * Reads a file's rows (GArray of FovMotRow, by rising frame, else in the
 * file's order). The format is told by the first row.
 *
 * MOTChallenge, commas: frame, id, left, top, width, height, then of
 * detections and results the score; of truths the mark, and where there are 8
 * or 9 columns the class. Classes 2, 7, 8 and 12 (people on vehicles, static
 * people, distractors, reflections) are distractors; marked pedestrians (1)
 * count; the rest is neutral. Without classes (MOT15) marked rows count and the
 * others are left out. All rows of truths must have as many columns.
 *
 * KITTI, spaces: frame (from 0), id, type, truncated, occluded, alpha, left,
 * top, right, bottom, 7 more, and maybe a score. Rows of the object class
 * count if not truncated and occluded no more than 2; those that are, and
 * those of the neighbouring class (van; person sitting), are distractors,
 * DontCare is a region; the rest is left out.
 *
 * FOV_ERROR_IO; FOV_ERROR_FORMAT with file, line and column; FOV_ERROR_MEMORY
 * beyond FOV_MOT_MAX_ROWS; FOV_ERROR_ARGUMENT for an unknown class.
 */
FOV_API GArray *fov_mot_file_read (const char *path, FovMotFileKind kind,
                                   const FovMotFileParams *params, GError **error);

/** The rows of one frame, among rows sorted by it; NULL with n 0 where there are none. */
FOV_API const FovMotRow *fov_mot_rows_of_frame (const GArray *rows, guint frame, guint *n);

/**
 * Writes a tracker's rows: MOTChallenge's columns, or KITTI's where
 * kitti_class ("Car") is given. The file appears whole or not at all.
 */
FOV_API gboolean fov_mot_file_write (const char *path, const GArray *rows, const char *kitti_class,
                                     GError **error);

/** What seqinfo.ini says; 0 or NULL where it does not. */
typedef struct {
    char *name;
    char *image_dir, *image_suffix; /**< "img1", ".jpg" */
    double frame_rate;
    guint n_frames;
    int width, height;
} FovMotSequenceInfo;

/** Clear with fov_mot_sequence_info_clear. FOV_ERROR_IO, FOV_ERROR_FORMAT. */
FOV_API gboolean fov_mot_sequence_info_read (const char *path, FovMotSequenceInfo *info,
                                             GError **error);
FOV_API void fov_mot_sequence_info_clear (FovMotSequenceInfo *info);

/**
 * How the camera moved from the frame before: x' = m[0] x + m[1] y + m[2],
 * y' = m[3] x + m[4] y + m[5], pixels.
 */
typedef struct {
    guint frame; /**< from 1 */
    double m[6];
} FovMotMotion;

/**
 * Rows "k a b tx c d ty", k from 0, each once: GArray of FovMotMotion, by rising frame.
 * FOV_ERROR_IO, FOV_ERROR_FORMAT.
 */
FOV_API GArray *fov_mot_motions_read (const char *path, GError **error);
/** Of one frame; NULL where the file has none. */
FOV_API const FovMotMotion *fov_mot_motion_of_frame (const GArray *motions, guint frame);

G_END_DECLS

#endif
