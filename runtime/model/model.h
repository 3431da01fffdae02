/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_MODEL_MODEL_H
#define FOV_MODEL_MODEL_H

/* A model from the inside, and what the readers share. */
#include <fovea/model.h>
#include "graph/graph.h"

/** Nodes and tensors of one model at most; a larger file is refused. */
#define FOV_MODEL_MAX_NODES 100000
#define FOV_MODEL_MAX_TENSORS 200000

/** The graph; never changed, sessions work on a copy. Owned by the model. */
const FovGraph *fov_model_graph (FovModel *model);

/**
 * A model of a graph made by the caller, who gives up graph and metadata
 * (char* -> char*, or NULL). path and format are copied.
 */
FovModel *fov_model_new_from_graph (FovGraph *graph, const char *path, const char *format,
                                    GHashTable *metadata);

/** A copy of the metadata; g_hash_table_unref. */
GHashTable *fov_model_copy_metadata (FovModel *model);

/**
 * The readers: path as the caller gave it (for messages and for files beside
 * it), data its content. On success *format is what fov_model_format says
 * (g_free) and *metadata a table of char* -> char*.
 * Errors do not name the file; fov_model_load puts it in front.
 */
FovGraph *fov_onnx_read (const char *path, GBytes *data, char **format, GHashTable **metadata,
                         GError **error);
FovGraph *fov_tfjs_read (const char *path, GBytes *data, char **format, GHashTable **metadata,
                         GError **error);

/**
 * Copies the ONNX file source to path (written beside it, then renamed), with other values for its
 * constants: values (name, view, data) says which and fills a float32 view of the same size. As
 * many as n_values must be found.
 */
gboolean fov_onnx_write_back (const char *source, const char *path, guint n_values,
                              gboolean (*values) (const char *name, FovView *view, gpointer data),
                              gpointer data, GError **error);

/** A name from a file as it may be shown: valid UTF-8, no control characters, not long; g_free. */
char *fov_model_show_name (const char *name);

/**
 * Finds a file that a model names, in the model's folder: location must be a
 * relative path without "..". Returns the path (g_free), or NULL.
 */
char *fov_model_file_beside (const char *folder, const char *location, GError **error);

/** Maps a regular file; its size is the real one. */
GBytes *fov_model_map_file (const char *path, GError **error);

#endif
