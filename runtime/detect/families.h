/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_DETECT_FAMILIES_H
#define FOV_DETECT_FAMILIES_H

#include "detect/family.h"

extern const FovFamily fov_family_yolox;
extern const FovFamily fov_family_yolov8;
extern const FovFamily fov_family_yolov5;
extern const FovFamily fov_family_yolov3;
extern const FovFamily fov_family_nanodet;
extern const FovFamily fov_family_fastestdet;
extern const FovFamily fov_family_ssd;
extern const FovFamily fov_family_endtoend;

/* ---- SSD's anchors (ssd.c) ------------------------------------------------ */

enum { FOV_SSD_LAYERS = 6, FOV_SSD_MOST = 6 };
#define FOV_SSD_ANCHORS "fovea.anchors" /* metadata: others than SSD's own */

/** Of each cell of one layer. */
typedef struct {
    int n;
    float size[FOV_SSD_MOST][2]; /* width and height, as shares of the input */
} FovSsdLayer;

/** Those that the model's metadata names, or SSD's own. */
void fov_ssd_layers (FovModel *model, FovSsdLayer layers[FOV_SSD_LAYERS]);
/** As the metadata has them; g_free. */
char *fov_ssd_layers_text (const FovSsdLayer layers[FOV_SSD_LAYERS]);

#endif
