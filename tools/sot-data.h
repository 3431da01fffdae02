/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_SOT_DATA_H
#define FOVEA_TOOLS_SOT_DATA_H

/*
 * Folders of single-object sequences.
 */
#include <fovea/sot.h>

G_BEGIN_DECLS

typedef struct {
    char *name;
    GArray *truths; /**< FovSotBox, corner counted from 1 */
    char *input;    /**< a folder of pictures or a video; NULL: none */
    guint skip;     /**< pictures of it before the first */
} SotSequence;

/**
 * Reads DIR's sequences, by name (GPtrArray of SotSequence): folders with
 * groundtruth_rect.txt, or DIR itself as the only one. Their pictures are in
 * img/, or in the video that meta.json names ("video", relative to the folder
 * or one above it; "first_frame" from 1). only: names to take; NULL: all.
 */
GPtrArray *sot_data_load (const char *dir, char **only, GError **error);

/** A tracker's boxes for the sequence, a row a frame: DIR/NAME.txt. */
GArray *sot_data_results (const SotSequence *sequence, const char *dir, GError **error);

G_END_DECLS

#endif
