/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_TRAIN_DETECT_H
#define FOVEA_TOOLS_TRAIN_DETECT_H

/* What the parts of training a detector share. */
#include "coco.h"
#include "train.h"

#include <fovea/detector.h>

G_BEGIN_DECLS

/** Pictures with their objects, and the detector's class of each object's category. */
typedef struct {
    Coco *coco;
    gboolean shared;   /* coco belongs to the set that this one was split from */
    char *folder;      /* of the pictures */
    GHashTable *class; /* category id -> class + 1 */
    GArray *order;     /* guint: which of coco's images */
} DetectData;

/** images NULL: the folder of annotations. */
DetectData *detect_data_open (const char *annotations, const char *images, guint most,
                              GError **error);
void detect_data_free (DetectData *data);
/** Of the categories that have objects, whether the classes of labels hold all. */
gboolean detect_data_known (const DetectData *data, const FovLabels *labels);
void detect_data_map (DetectData *data, const FovLabels *labels);
/** The categories' names, in the file's order, which a file of labels gets too. */
FovLabels *detect_data_labels (const DetectData *data, const char *path, GError **error);
/** Every n-th picture, as percent asks, goes from data to another one of the same file. */
DetectData *detect_data_split (DetectData *data, int percent);

/** The pictures for a loader, their objects with labels' classes (detect_data_map came before);
 * objects of none are left out. */
FovData *detect_data_samples (const DetectData *data, const FovLabels *labels, GError **error);

/** AP of a model file at the given input size on data's pictures. */
gboolean detect_data_score (const DetectData *data, FovDevice *device, FovModel *model,
                            const FovTrainerIntake *intake, FovLabels *labels,
                            FovCocoSummary *summary, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DetectData, detect_data_free)

G_END_DECLS

#endif
