/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_VISION_YAML_H
#define FOVEA_VISION_YAML_H

#include <glib.h>
#include <yaml.h>

/** The text's first document; yaml_document_delete. FOV_ERROR_FORMAT: "line N: what is wrong". */
gboolean fov_yaml_load (yaml_document_t *document, const char *text, gsize size, GError **error);

/** What the outermost map has under key; NULL: nothing, or null. */
yaml_node_t *fov_yaml_member (yaml_document_t *document, const char *key);

/** A list's element or NULL behind the last; count from 0. */
yaml_node_t *fov_yaml_element (yaml_document_t *document, const yaml_node_t *list, guint index);

/** Of a word or number, NULL of lists and maps; belongs to the document. */
const char *fov_yaml_text (const yaml_node_t *node);

/** Where it begins, counted from 1. */
guint fov_yaml_line (const yaml_node_t *node);

#endif
