/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_LABELS_H
#define FOVEA_LABELS_H

#include <fovea/error.h>

G_BEGIN_DECLS

/** An immutable list of class names. Reference counted; thread safe. */
typedef struct _FovLabels FovLabels;

/**
 * A built-in list: "coco80", "coco90" (index is COCO's id - 1, gaps are empty
 * names), "voc20". NULL if unknown.
 */
FOV_API FovLabels *fov_labels_builtin (const char *name);

/**
 * Reads a labels file: one name a line (blank lines at the end are ignored,
 * CRLF and a UTF-8 byte order mark are understood), or a darknet .names file,
 * a Ultralytics-style "0: person" list, a TensorFlow .pbtxt label map, or a
 * JSON array or object of index -> name. A .pbtxt's ids count from 1 (index is
 * id - 1) unless one is 0. Indices that a file leaves out are empty names. At
 * most 100,000 names and 16 MiB; invalid UTF-8 is an error that names the line.
 */
FOV_API FovLabels *fov_labels_load (const char *path, GError **error);

/** From a comma-separated list ("person,car"), spaces around names removed. */
FOV_API FovLabels *fov_labels_parse (const char *list, GError **error);

/** From the "names" metadata that Ultralytics writes: {0: 'person', 1: ...} or ['person', ...]. */
FOV_API FovLabels *fov_labels_parse_names (const char *dict, GError **error);

/** Of n names as they are; "" for a gap. */
FOV_API FovLabels *fov_labels_new (const char *const *names, guint n);

FOV_API FovLabels *fov_labels_ref (FovLabels *labels);
FOV_API void fov_labels_unref (FovLabels *labels);
FOV_API guint fov_labels_count (const FovLabels *labels);

/** The name of class index, "" for a gap; NULL beyond the list (never a made-up one). */
FOV_API const char *fov_labels_get (const FovLabels *labels, guint index);

/** The index of name (case-insensitive), or -1. */
FOV_API int fov_labels_find (const FovLabels *labels, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovLabels, fov_labels_unref)

G_END_DECLS

#endif
