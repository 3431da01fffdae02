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

/** AP of a model at the given input size on data's pictures, whose labels are the model's. */
gboolean detect_data_score (const FovData *data, FovDevice *device, FovModel *model,
                            const FovTrainerIntake *intake, FovLabels *labels,
                            FovCocoSummary *summary, GError **error);

G_END_DECLS

#endif
