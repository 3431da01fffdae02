/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_EVAL_H
#define FOVEA_TOOLS_EVAL_H

#include "coco.h"
#include "model-options.h"

G_BEGIN_DECLS

typedef struct {
    ModelOptions model;
    char *images, *annotations, *detections, *save;
    int max_images;
    gboolean per_class, json, quiet;
} EvalOptions;

/** Runs the detector on all pictures; the labels of found (coco_new_found) are the data's. */
gboolean eval_run_model (const EvalOptions *options, const FovData *data, GPtrArray *found,
                         GError **error);

G_END_DECLS

#endif
