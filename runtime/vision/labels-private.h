/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_VISION_LABELS_PRIVATE_H
#define FOVEA_VISION_LABELS_PRIVATE_H

#include <fovea/labels.h>

/* Most names that a list may have. */
#define FOV_LABELS_MAX 100000

/*
 * The readers of one format each append to a list of owned names; an index
 * that the file leaves out is an empty name. Messages say what is wrong and
 * where inside the text; the caller puts the file's name before them. The text
 * is valid UTF-8 and ends with a zero byte.
 */
gboolean fov_labels_read_lines (const char *text, GPtrArray *names, GError **error);
gboolean fov_labels_read_indexed (const char *text, GPtrArray *names, GError **error);
gboolean fov_labels_read_yaml (const char *text, GPtrArray *names, GError **error);
gboolean fov_labels_read_pbtxt (const char *text, GPtrArray *names, GError **error);
gboolean fov_labels_read_json (const char *text, GPtrArray *names, GError **error);
gboolean fov_labels_read_dict (const char *text, GPtrArray *names, GError **error);

/* Appends a copy of name[0..len), white space around it removed. */
gboolean fov_labels_append (GPtrArray *names, const char *name, gsize len, GError **error);

/* Puts a copy of name at index, with empty names before it where there are none yet. */
gboolean fov_labels_put (GPtrArray *names, guint64 index, const char *name, GError **error);

/* TRUE where the text is "0: person" lines. */
gboolean fov_labels_is_indexed (const char *text);

/* TRUE where it looks like YAML with a "names:" in it, as training's data.yaml. */
gboolean fov_labels_is_yaml (const char *text);

/* TRUE where the text looks like a TensorFlow label map. */
gboolean fov_labels_is_pbtxt (const char *text);

#endif
