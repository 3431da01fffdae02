/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_COCO_H
#define FOVEA_TOOLS_COCO_H

/*
 * COCO's files: annotations ("instances") and detection results.
 */
#include <fovea/labels.h>
#include <fovea/metrics.h>

G_BEGIN_DECLS

typedef struct {
    gint64 id;
    char *file; /**< its name, without folder */
    int width, height;
    GArray *truths; /**< FovCocoTruth */
} CocoImage;

typedef struct {
    int id;
    char *name;
} CocoCategory;

typedef struct {
    GArray *images;     /**< CocoImage, in the file's order */
    GArray *categories; /**< CocoCategory, in the file's order */
    GHashTable *index;  /**< gint64 * image id -> index into images, + 1 */
    guint n_truths;
} Coco;

/** max_images: only the first ones (0: all). Errors name the file and the entry. */
Coco *coco_load (const char *path, guint max_images, GError **error);
void coco_free (Coco *coco);

/**
 * The category id of each of a detector's n classes (0 labels: n 0), -1 where
 * there is none. By name where names match; what is left by position, where
 * there are as many classes as categories; a detector with 90 classes and no
 * matching name counts as COCO's 90: class k is id k + 1.
 */
GArray *coco_map_classes (const Coco *coco, const FovLabels *labels);

/** Results ("[{image_id, category_id, bbox, score}]"): per image a GArray of FovDetection whose
 * label is the category id. g_free the array, g_array_unref its entries (coco_free_found). */
GArray **coco_load_found (const Coco *coco, const char *path, GError **error);
gboolean coco_save_found (const Coco *coco, GArray *const *found, const char *path, GError **error);
GArray **coco_new_found (const Coco *coco);
void coco_free_found (const Coco *coco, GArray **found);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Coco, coco_free)

G_END_DECLS

#endif
