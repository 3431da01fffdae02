/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The weights manifest: groups of files, cut into tensors one after another. */
#include "model/tfjs.h"
#include "model/model.h"

#include <math.h>
#include <string.h>

/* How a weight lies in its group's bytes. */
typedef struct {
    const char *dtype;  /* what it is */
    const char *stored; /* what lies in the file */
    gsize size;         /* bytes per element there */
    double scale, min;  /* quantised: value = stored * scale + min */
    gboolean quantised;
} Coding;

static gsize
stored_size (const char *name)
{
    static const struct {
        const char *name;
        gsize size;
    } sizes[] = { { "float32", 4 }, { "int32", 4 },  { "bool", 1 },
                  { "uint8", 1 },   { "uint16", 2 }, { "float16", 2 } };

    for (guint i = 0; name && i < G_N_ELEMENTS (sizes); i++)
        if (g_str_equal (sizes[i].name, name))
            return sizes[i].size;
    return 0;
}

static gboolean
read_coding (JsonObject *spec, Coding *coding, GError **error)
{
    JsonObject *quantisation = fov_json_object (spec, "quantization");

    coding->dtype = fov_json_string (spec, "dtype");
    coding->stored = quantisation ? fov_json_string (quantisation, "dtype") : coding->dtype;
    coding->quantised = quantisation && g_strcmp0 (coding->stored, "float16") != 0;
    coding->scale = fov_json_number (quantisation, "scale", 1);
    coding->min = fov_json_number (quantisation, "min", 0);
    coding->size = stored_size (coding->stored);
    if (coding->size &&
        (g_strcmp0 (coding->dtype, "float32") == 0 || g_strcmp0 (coding->dtype, "int32") == 0 ||
         g_strcmp0 (coding->dtype, "bool") == 0) &&
        isfinite (coding->scale) && isfinite (coding->min))
        return TRUE;
    g_autofree char *dtype = fov_model_show_name (coding->dtype);
    g_autofree char *stored = fov_model_show_name (coding->stored);
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                 "type '%s' stored as '%s', expected float32, int32 or bool, as such or stored as "
                 "uint8, uint16 or float16",
                 dtype, stored);
    return FALSE;
}

static double
stored_value (const Coding *coding, const guint8 *at)
{
    if (g_str_equal (coding->stored, "float32")) {
        float f;
        memcpy (&f, at, sizeof f);
        return f;
    }
    if (g_str_equal (coding->stored, "int32")) {
        gint32 i;
        memcpy (&i, at, sizeof i);
        return i;
    }
    if (coding->size == 2) {
        guint16 v;
        memcpy (&v, at, sizeof v);
        if (g_str_equal (coding->stored, "uint16"))
            return v;
        return fov_view_get (&(FovView){ FOV_F16, { 1, { 1 } }, &v }, 0);
    }
    return *at;
}

static GBytes *
decode (const Coding *coding, FovDType dtype, const guint8 *raw, gsize n)
{
    FovView out = { dtype, { 1, { (gint64) n } }, g_malloc (MAX (n * fov_dtype_size (dtype), 1)) };

    if (dtype == FOV_F32 && g_str_equal (coding->stored, "float32")) {
        memcpy (out.data, raw, n * sizeof (float));
        return g_bytes_new_take (out.data, n * sizeof (float));
    }
    for (gsize i = 0; i < n; i++) {
        double value = stored_value (coding, raw + i * coding->size);
        if (coding->quantised)
            value = value * coding->scale + coding->min;
        if (dtype == FOV_F32)
            ((float *) out.data)[i] = (float) value;
        else if (dtype == FOV_I64)
            ((gint64 *) out.data)[i] = (gint64) CLAMP (rint (value), G_MININT32, G_MAXINT32);
        else
            ((guint8 *) out.data)[i] = value != 0;
    }
    return g_bytes_new_take (out.data, n * fov_dtype_size (dtype));
}

static gboolean
read_shape (JsonObject *spec, FovShape *shape, GError **error)
{
    JsonArray *dims = fov_json_array (spec, "shape");

    shape->rank = dims ? (int) MIN (json_array_get_length (dims), FOV_MAX_RANK + 1) : -1;
    for (int i = 0; i < MIN (shape->rank, FOV_MAX_RANK); i++)
        if (!fov_json_node_int (json_array_get_element (dims, (guint) i), &shape->dim[i]))
            shape->dim[i] = -1;
    if (fov_shape_elements (shape) >= 0)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                 "no usable shape, expected at most %d sizes of 0 or more", FOV_MAX_RANK);
    return FALSE;
}

/* One row of a group: *at moves on. Data may be NULL on the first look, for the sizes alone. */
static gboolean
read_weight (JsonNode *node, const guint8 *data, guint64 *at, GHashTable *weights, GError **error)
{
    JsonObject *spec = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
    const char *name = fov_json_string (spec, "name");
    FovTfjsWeight weight = { 0 };
    Coding coding = { 0 };
    guint64 n;

    if (!name) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "a weight without a name");
        return FALSE;
    }
    if (!read_coding (spec, &coding, error) || !read_shape (spec, &weight.shape, error)) {
        g_autofree char *shown = fov_model_show_name (name);
        g_prefix_error (error, "weight '%s': ", shown);
        return FALSE;
    }
    n = (guint64) fov_shape_elements (&weight.shape);
    if (data) {
        if (g_hash_table_contains (weights, name)) {
            g_autofree char *shown = fov_model_show_name (name);
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "two weights have the name '%s', expected each name once", shown);
            return FALSE;
        }
        weight.dtype = g_str_equal (coding.dtype, "float32") ? FOV_F32
                       : g_str_equal (coding.dtype, "int32") ? FOV_I64
                                                             : FOV_BOOL;
        weight.data = decode (&coding, weight.dtype, data + *at, n);
        g_hash_table_insert (weights, g_strdup (name), g_memdup2 (&weight, sizeof weight));
    }
    *at += n * coding.size; /* below 2^49 each, and at most 2^15 of them */
    return TRUE;
}

static gboolean
read_specs (JsonArray *specs, const guint8 *data, guint64 *bytes, GHashTable *weights,
            GError **error)
{
    guint n = specs ? json_array_get_length (specs) : 0;

    if (n > FOV_MODEL_MAX_TENSORS / 8) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%u weights in a group, expected at most %d", n, FOV_MODEL_MAX_TENSORS / 8);
        return FALSE;
    }
    *bytes = 0;
    for (guint i = 0; i < n; i++)
        if (!read_weight (json_array_get_element (specs, i), data, bytes, weights, error))
            return FALSE;
    return TRUE;
}

/* Maps a group's files; their sizes must add up to bytes. */
static GPtrArray *
map_shards (JsonArray *paths, const char *folder, guint64 bytes, GHashTable *seen, GError **error)
{
    g_autoptr (GPtrArray) shards = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
    guint64 total = 0;

    for (guint i = 0; paths && i < json_array_get_length (paths); i++) {
        JsonNode *node = json_array_get_element (paths, i);
        const char *name =
            json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
        g_autofree char *shown = fov_model_show_name (name);
        g_autofree char *path = NULL;
        GBytes *shard = NULL;

        if (!name || !g_hash_table_add (seen, (gpointer) name)) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "weights: path %u ('%s') is no file name or there twice", i, shown);
            return NULL;
        }
        path = fov_model_file_beside (folder, name, error);
        shard = path ? fov_model_map_file (path, error) : NULL;
        if (!shard) {
            g_prefix_error (error, path ? "weights file '%s' " : "weightsManifest ", shown);
            return NULL;
        }
        total += g_bytes_get_size (shard);
        g_ptr_array_add (shards, shard);
    }
    if (total != bytes) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "weights files have %" G_GUINT64_FORMAT " bytes, expected %" G_GUINT64_FORMAT
                     " for the weights listed",
                     total, bytes);
        return NULL;
    }
    return g_steal_pointer (&shards);
}

static gboolean
read_group (JsonObject *group, const char *folder, GHashTable *seen, GHashTable *weights,
            GError **error)
{
    JsonArray *specs = fov_json_array (group, "weights");
    g_autoptr (GPtrArray) shards = NULL;
    g_autoptr (GByteArray) joined = NULL;
    guint64 bytes;

    if (!read_specs (specs, NULL, &bytes, weights, error))
        return FALSE;
    shards = map_shards (fov_json_array (group, "paths"), folder, bytes, seen, error);
    if (!shards)
        return FALSE;
    if (bytes > G_MAXUINT32) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "more than 4 GiB of weights");
        return FALSE;
    }
    joined = g_byte_array_sized_new ((guint) bytes + 1);
    for (guint i = 0; i < shards->len; i++) {
        gsize size;
        const guint8 *data = g_bytes_get_data (shards->pdata[i], &size);
        if (size)
            g_byte_array_append (joined, data, (guint) size);
    }
    g_byte_array_append (joined, (const guint8 *) "", 1); /* never without data */
    return read_specs (specs, joined->data, &bytes, weights, error);
}

static void
weight_free (gpointer data)
{
    FovTfjsWeight *weight = data;

    g_bytes_unref (weight->data);
    g_free (weight);
}

GHashTable *
fov_tfjs_read_weights (JsonArray *manifest, const char *folder, GError **error)
{
    g_autoptr (GHashTable) weights =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, weight_free);
    g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal); /* files */

    for (guint i = 0; manifest && i < json_array_get_length (manifest); i++) {
        JsonNode *node = json_array_get_element (manifest, i);
        if (!JSON_NODE_HOLDS_OBJECT (node)) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "weightsManifest: group %u is no object", i);
            return NULL;
        }
        if (!read_group (json_node_get_object (node), folder, seen, weights, error))
            return NULL;
    }
    return g_steal_pointer (&weights);
}
