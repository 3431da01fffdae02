/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_VISION_JSON_H
#define FOVEA_VISION_JSON_H

#include <json-glib/json-glib.h>

/**
 * The root of JSON that somebody else may have written; json_node_unref. FOV_ERROR_FORMAT for
 * what is no JSON, for nothing at all, and for lists in lists deeper than 64 levels.
 */
JsonNode *fov_json_parse (const char *text, gsize size, GError **error);

#endif
