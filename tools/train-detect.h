/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_TRAIN_DETECT_H
#define FOVEA_TOOLS_TRAIN_DETECT_H

/* What the parts of training a detector share. */
#include "train.h"

#include <fovea/detector.h>
#include <fovea/metrics.h>

G_BEGIN_DECLS

/** The classes' names. */
FovLabels *detect_data_labels (const FovData *data);

/** Of all classes, without those to be ignored. */
guint64 detect_count_objects (const FovData *data);

/** What was read: all of a set, or its parts of these names. */
typedef struct {
    const FovData *data[2];
    const char *name[2];
} DetectParts;

/**
 * FALSE: there is nothing to learn from, and the error says where it was looked for. Tells of label
 * files and pictures that lack each other. train, valid (may be NULL): what became of the parts.
 */
gboolean detect_check_labels (const TrainOptions *options, const char *path,
                              const DetectParts *parts, const FovData *train, const FovData *valid,
                              GError **error);

/** AP of a model at the given input size on data's pictures, whose labels are the model's. */
gboolean detect_data_score (const FovData *data, FovDevice *device, FovModel *model,
                            const FovTrainerIntake *intake, FovLabels *labels,
                            FovCocoSummary *summary, GError **error);

G_END_DECLS

#endif
