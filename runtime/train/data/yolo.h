/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_DATA_YOLO_H
#define FOV_TRAIN_DATA_YOLO_H

#include "train/data/data-private.h"
#include "vision/yaml.h"

/** A folder of pictures, their labels and what describes them. */
typedef struct {
    char *root, *yaml, *names; /* files; NULL: not there */
    yaml_document_t document;  /* of yaml */
    gboolean loaded;
} FovYoloSet;

/** path: the folder, or the .yaml in it. set is zero, and to be cleared even after an error. */
gboolean fov_yolo_open (FovYoloSet *set, const char *path, GError **error);
void fov_yolo_clear (FovYoloSet *set);
/** What the description says; NULL: nothing. */
yaml_node_t *fov_yolo_member (FovYoloSet *set, const char *key);
/** Folders of pictures of a part, one at least; NULL: of all that learns or is measured on. */
GPtrArray *fov_yolo_folders (FovYoloSet *set, const char *part, GError **error);
/** The folder of their text files: "labels" for the last "images" of its path; else the same. */
char *fov_yolo_labels (const char *images);

#endif
