/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_COCO_H
#define FOVEA_TOOLS_COCO_H

/*
 * A detector's results beside COCO's annotations.
 */
#include <fovea/data.h>
#include <fovea/metrics.h>

G_BEGIN_DECLS

/**
 * The data's class for each of a detector's n classes (0 labels: n 0), -1 where
 * there is none. By name where names match; what is left by position, where
 * there are as many on both sides; a detector with 90 classes and no matching
 * name counts as COCO's 90: class k has the id k + 1.
 */
GArray *coco_map_classes (const FovData *data, const FovLabels *labels);

/** Nothing yet: for each picture a GArray of FovDetection, whose labels will be the data's. */
GPtrArray *coco_new_found (const FovData *data);
/** Writes what fov_data_read_detections reads. */
gboolean coco_save_found (const FovData *data, const GPtrArray *found, const char *path,
                          GError **error);

G_END_DECLS

#endif
