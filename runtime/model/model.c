/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/model.h"

#include <string.h>

struct _FovModel {
    FovGraph *graph;
    char *path, *format;
    GHashTable *metadata;
};

/* ---- the object ------------------------------------------------------- */

FovModel *
fov_model_new_from_graph (FovGraph *graph, const char *path, const char *format,
                          GHashTable *metadata)
{
    FovModel *model = g_atomic_rc_box_new0 (FovModel);

    model->graph = graph;
    model->path = g_strdup (path);
    model->format = g_strdup (format);
    model->metadata =
        metadata ? metadata : g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    return model;
}

static void
model_clear (gpointer data)
{
    FovModel *model = data;

    fov_graph_free (model->graph);
    g_free (model->path);
    g_free (model->format);
    g_hash_table_unref (model->metadata);
}

FovModel *
fov_model_ref (FovModel *model)
{
    return g_atomic_rc_box_acquire (model);
}

void
fov_model_unref (FovModel *model)
{
    if (model)
        g_atomic_rc_box_release_full (model, model_clear);
}

const FovGraph *
fov_model_graph (FovModel *model)
{
    return model->graph;
}

const char *
fov_model_path (FovModel *model)
{
    return model->path;
}

const char *
fov_model_format (FovModel *model)
{
    return model->format;
}

guint
fov_model_n_inputs (FovModel *model)
{
    return model->graph->inputs->len;
}

guint
fov_model_n_outputs (FovModel *model)
{
    return model->graph->outputs->len;
}

static void
tensor_info (const GPtrArray *tensors, guint index, FovTensorInfo *info)
{
    const FovTensor *tensor;

    memset (info, 0, sizeof *info);
    g_return_if_fail (index < tensors->len);
    tensor = tensors->pdata[index];
    info->name = tensor->name;
    info->dtype = tensor->dtype;
    info->shape = tensor->shape;
}

void
fov_model_input (FovModel *model, guint index, FovTensorInfo *info)
{
    tensor_info (model->graph->inputs, index, info);
}

void
fov_model_output (FovModel *model, guint index, FovTensorInfo *info)
{
    tensor_info (model->graph->outputs, index, info);
}

const char *
fov_model_metadata (FovModel *model, const char *key)
{
    return g_hash_table_lookup (model->metadata, key);
}

GHashTable *
fov_model_copy_metadata (FovModel *model)
{
    GHashTable *copy = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init (&iter, model->metadata);
    while (g_hash_table_iter_next (&iter, &key, &value))
        g_hash_table_insert (copy, g_strdup (key), g_strdup (value));
    return copy;
}

/* ---- files ------------------------------------------------------------ */

char *
fov_model_show_name (const char *name)
{
    enum { LONGEST = 120 };
    g_autofree char *valid = g_utf8_make_valid (name ? name : "", -1);

    for (char *c = valid; *c; c++)
        if ((guchar) *c < 0x20 || *c == 0x7f)
            *c = '?';
    if (g_utf8_strlen (valid, -1) > LONGEST) {
        g_autofree char *head = g_utf8_substring (valid, 0, LONGEST);
        return g_strconcat (head, "...", NULL);
    }
    return g_steal_pointer (&valid);
}

char *
fov_model_file_beside (const char *folder, const char *location, GError **error)
{
    g_auto (GStrv) parts = g_strsplit_set (location, "/\\", -1);
    gboolean ok = *location && !g_path_is_absolute (location) && *location != '\\';

    for (guint i = 0; ok && parts[i]; i++)
        ok = !g_str_equal (parts[i], "..");
    if (!ok) {
        g_autofree char *shown = fov_model_show_name (location);
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "refers to the file '%s', expected a relative path inside the model's folder",
                     shown);
        return NULL;
    }
    return g_build_filename (folder, location, NULL);
}

GBytes *
fov_model_map_file (const char *path, GError **error)
{
    g_autoptr (GMappedFile) file = NULL;
    g_autoptr (GError) why = NULL;

    if (g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_REGULAR)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "is not a regular file");
        return NULL;
    }
    file = g_mapped_file_new (path, FALSE, &why);
    if (!file) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "can not be read: %s", why->message);
        return NULL;
    }
    return g_mapped_file_get_bytes (file);
}

/* ---- which format ----------------------------------------------------- */

typedef FovGraph *(*Reader) (const char *path, GBytes *data, char **format, GHashTable **metadata,
                             GError **error);

static Reader
recognise (GBytes *bytes, GError **error)
{
    static const char lfs[] = "version https://git-lfs";
    gsize size, at = 0;
    const guint8 *data = g_bytes_get_data (bytes, &size);

    if (size == 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "the file is empty");
        return NULL;
    }
    if (size >= sizeof lfs - 1 && memcmp (data, lfs, sizeof lfs - 1) == 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "this is a Git LFS pointer, not the model; run 'git lfs pull'");
        return NULL;
    }
    if (size >= 8 && memcmp (data + 4, "TFL3", 4) == 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "this is a TensorFlow Lite model; convert it to ONNX");
        return NULL;
    }
    if (size >= 3 && memcmp (data, "\xef\xbb\xbf", 3) == 0)
        at = 3;
    while (at < size && g_ascii_isspace (data[at]))
        at++;
    return at < size && data[at] == '{' ? fov_tfjs_read : fov_onnx_read;
}

FovModel *
fov_model_load (const char *path, GError **error)
{
    g_autofree char *file = NULL, *format = NULL;
    g_autoptr (GBytes) data = NULL;
    g_autoptr (GHashTable) metadata = NULL;
    FovGraph *graph = NULL;
    Reader reader;

    g_return_val_if_fail (path, NULL);
    if (g_file_test (path, G_FILE_TEST_IS_DIR))
        file = g_build_filename (path, "model.json", NULL);
    else
        file = g_strdup (path);
    data = fov_model_map_file (file, error);
    reader = data ? recognise (data, error) : NULL;
    if (reader)
        graph = reader (file, data, &format, &metadata, error);
    if (!graph) {
        g_autofree char *shown = g_filename_display_name (file);
        g_prefix_error (error, "%s: ", shown);
        return NULL;
    }
    return fov_model_new_from_graph (graph, path, format, g_steal_pointer (&metadata));
}
