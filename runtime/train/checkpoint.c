/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/checkpoint.h"

#include "model/model.h"
#include "model/tfjs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include <fovea/file.h>

#define DIGEST "sha256"
#define DIGEST_LENGTH 64
#define MOST_HEADER ((guint64) 64 << 20)

static const char *const dtypes[FOV_N_DTYPES] = {
    [FOV_F32] = "F32", [FOV_F64] = "F64", [FOV_F16] = "F16", [FOV_I8] = "I8",    [FOV_U8] = "U8",
    [FOV_I16] = "I16", [FOV_I32] = "I32", [FOV_I64] = "I64", [FOV_BOOL] = "BOOL"
};

static gsize
view_bytes (const FovView *view)
{
    return (gsize) fov_shape_elements (&view->shape) * fov_dtype_size (view->dtype);
}

/* ---- writing ----------------------------------------------------------------- */

static void
add_notes (JsonBuilder *b, GHashTable *notes)
{
    g_autoptr (GList) keys = notes ? g_hash_table_get_keys (notes) : NULL;
    g_autofree char *zeros = g_strnfill (DIGEST_LENGTH, '0');

    keys = g_list_sort (keys, (GCompareFunc) strcmp);
    json_builder_set_member_name (b, "__metadata__");
    json_builder_begin_object (b);
    json_builder_set_member_name (b, DIGEST);
    json_builder_add_string_value (b, zeros);
    for (GList *k = keys; k; k = k->next) {
        json_builder_set_member_name (b, k->data);
        json_builder_add_string_value (b, g_hash_table_lookup (notes, k->data));
    }
    json_builder_end_object (b);
}

static void
add_state (JsonBuilder *b, const FovTrainerState *state, gsize *offset)
{
    json_builder_set_member_name (b, state->name);
    json_builder_begin_object (b);
    json_builder_set_member_name (b, "dtype");
    json_builder_add_string_value (b, dtypes[state->view.dtype]);
    json_builder_set_member_name (b, "shape");
    json_builder_begin_array (b);
    for (int d = 0; d < state->view.shape.rank; d++)
        json_builder_add_int_value (b, state->view.shape.dim[d]);
    json_builder_end_array (b);
    json_builder_set_member_name (b, "data_offsets");
    json_builder_begin_array (b);
    json_builder_add_int_value (b, (gint64) *offset);
    *offset += view_bytes (&state->view);
    json_builder_add_int_value (b, (gint64) *offset);
    json_builder_end_array (b);
    json_builder_end_object (b);
}

/* With zeros for the digest; padded so that the values are aligned. */
static GString *
make_header (const GArray *states, GHashTable *notes)
{
    g_autoptr (JsonBuilder) b = json_builder_new ();
    g_autoptr (JsonNode) root = NULL;
    g_autofree char *text = NULL;
    GString *header;
    gsize offset = 0;

    json_builder_begin_object (b);
    add_notes (b, notes);
    for (guint i = 0; i < states->len; i++)
        add_state (b, &g_array_index (states, FovTrainerState, i), &offset);
    json_builder_end_object (b);
    root = json_builder_get_root (b);
    text = json_to_string (root, FALSE);
    header = g_string_new (text);
    while (header->len % 8)
        g_string_append_c (header, ' ');
    return header;
}

/* Bytes where the digest stands in a header; NULL: none, or not one place. */
static char *
find_digest (char *header)
{
    static const char key[] = "\"" DIGEST "\":\"";
    char *at = strstr (header, key);

    if (!at || strlen (at + sizeof key - 1) < DIGEST_LENGTH)
        return NULL;
    return at + sizeof key - 1;
}

static char *
digest_of (const char *header, gsize length, const guint8 *values, gsize size)
{
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

    g_checksum_update (sum, (const guchar *) header, (gssize) length);
    g_checksum_update (sum, values, (gssize) size);
    return g_strdup (g_checksum_get_string (sum));
}

static GByteArray *
make_file (const GArray *states, GHashTable *notes)
{
    g_autoptr (GString) header = make_header (states, notes);
    guint64 length = GUINT64_TO_LE ((guint64) header->len);
    GByteArray *file = g_byte_array_new ();
    g_autofree char *digest = NULL;

    g_byte_array_append (file, (const guint8 *) &length, sizeof length);
    g_byte_array_append (file, (const guint8 *) header->str, (guint) header->len);
    for (guint i = 0; i < states->len; i++) {
        const FovView *view = &g_array_index (states, FovTrainerState, i).view;
        g_byte_array_append (file, view->data, (guint) view_bytes (view));
    }
    digest = digest_of (header->str, header->len, file->data + 8 + header->len,
                        file->len - 8 - header->len);
    memcpy (file->data + 8 + (find_digest (header->str) - header->str), digest, DIGEST_LENGTH);
    return file;
}

static gboolean
io_error (const char *what, const char *path, GError **error)
{
    int code = errno;
    g_autofree char *shown = g_filename_display_name (path);

    g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s: can not be %s: %s", shown, what,
                 g_strerror (code));
    return FALSE;
}

/* The renames themselves are on disk once the folder is. */
static void
sync_folder (const char *path)
{
    g_autofree char *folder = g_path_get_dirname (path);
    int fd = g_open (folder, O_RDONLY, 0);

    if (fd < 0)
        return;
    fsync (fd);
    close (fd);
}

gboolean
fov_checkpoint_write (const char *path, const GArray *states, GHashTable *notes, GError **error)
{
    g_autoptr (GByteArray) file = make_file (states, notes);
    g_autofree char *target = fov_file_target (path, error);
    g_autofree char *fresh = target ? g_strconcat (target, ".new", NULL) : NULL;
    g_autofree char *previous = target ? g_strconcat (target, ".1", NULL) : NULL;
    g_autoptr (GError) why = NULL;

    if (!target)
        return FALSE;
    g_unlink (fresh); /* of a run that was killed */
    if (!g_file_set_contents_full (fresh, (const char *) file->data, (gssize) file->len,
                                   G_FILE_SET_CONTENTS_DURABLE, 0666, &why)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "checkpoint: %s", why->message);
        g_unlink (fresh);
        return FALSE;
    }
    if (g_file_test (target, G_FILE_TEST_EXISTS) && g_rename (target, previous) != 0)
        return io_error ("kept", path, error);
    if (g_rename (fresh, target) != 0)
        return io_error ("written", path, error);
    sync_folder (target);
    return TRUE;
}

void
fov_checkpoint_set_aside (const char *path)
{
    g_autofree char *damaged = g_strconcat (path, ".damaged", NULL);
    g_autoptr (GError) why = NULL;

    if (g_rename (path, damaged) != 0 && !io_error ("renamed", path, &why))
        g_warning ("%s", why->message);
}

/* ---- reading ------------------------------------------------------------------ */

static gboolean
damaged (GError **error, const char *what)
{
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s", what);
    return FALSE;
}

/* The file's two parts; the header as a string of its own. */
static char *
split_file (GBytes *bytes, const guint8 **values, gsize *n_values, GError **error)
{
    gsize size;
    const guint8 *data = g_bytes_get_data (bytes, &size);
    g_autofree char *header = NULL, *digest = NULL, *stored = NULL;
    guint64 length = 0;
    char *at;

    if (size >= 8)
        memcpy (&length, data, 8);
    length = GUINT64_FROM_LE (length);
    if (size < 8 || length > MOST_HEADER || length > size - 8) {
        damaged (error, "not a checkpoint, or cut short");
        return NULL;
    }
    header = g_strndup ((const char *) data + 8, (gsize) length);
    *values = data + 8 + length;
    *n_values = size - 8 - (gsize) length;
    at = strlen (header) == length ? find_digest (header) : NULL;
    if (!at) {
        damaged (error, "the header has no digest");
        return NULL;
    }
    stored = g_strndup (at, DIGEST_LENGTH);
    memset (at, '0', DIGEST_LENGTH);
    digest = digest_of (header, (gsize) length, *values, *n_values);
    if (!g_str_equal (digest, stored)) {
        damaged (error, "its content does not fit its digest: damaged or cut short");
        return NULL;
    }
    return g_steal_pointer (&header);
}

/* Where a state's values are; NULL: error set. */
static const guint8 *
find_values (JsonObject *root, const FovTrainerState *state, const guint8 *values, gsize n_values,
             GError **error)
{
    JsonObject *entry = fov_json_object (root, state->name);
    const char *dtype = entry ? fov_json_string (entry, "dtype") : NULL;
    JsonArray *dims = entry ? fov_json_array (entry, "shape") : NULL;
    JsonArray *offsets = entry ? fov_json_array (entry, "data_offsets") : NULL;
    gsize bytes = view_bytes (&state->view);
    gint64 begin = -1, end = -1, dim;
    gboolean fits = dtype && g_str_equal (dtype, dtypes[state->view.dtype]) && dims &&
                    json_array_get_length (dims) == (guint) state->view.shape.rank;

    for (int d = 0; fits && d < state->view.shape.rank; d++)
        fits = fov_json_node_int (json_array_get_element (dims, (guint) d), &dim) &&
               dim == state->view.shape.dim[d];
    if (!entry || !fits) {
        g_autofree char *want = fov_shape_to_string (&state->view.shape);
        g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE, "%s '%s', expected %s %s",
                     entry ? "another type or shape of" : "no tensor", state->name,
                     fov_dtype_name (state->view.dtype), want);
        return NULL;
    }
    if (!offsets || json_array_get_length (offsets) != 2 ||
        !fov_json_node_int (json_array_get_element (offsets, 0), &begin) ||
        !fov_json_node_int (json_array_get_element (offsets, 1), &end) || begin < 0 ||
        end < begin || end - begin != (gint64) bytes || (guint64) end > n_values) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "tensor '%s' lies outside the file",
                     state->name);
        return NULL;
    }
    return values + begin;
}

static GHashTable *
read_notes (JsonObject *root)
{
    GHashTable *notes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    JsonObject *metadata = fov_json_object (root, "__metadata__");
    g_autoptr (GList) keys = metadata ? json_object_get_members (metadata) : NULL;

    for (GList *k = keys; k; k = k->next) {
        const char *value = fov_json_string (metadata, k->data);
        if (value && !g_str_equal (k->data, DIGEST))
            g_hash_table_insert (notes, g_strdup (k->data), g_strdup (value));
    }
    return notes;
}

static int
by_address (gconstpointer a, gconstpointer b)
{
    const guint8 *const *x = a, *const *y = b;

    return (x[0] > y[0]) - (x[0] < y[0]);
}

/* No byte may be two tensors'. */
static gboolean
check_overlap (const guint8 *const *from, const GArray *states, GError **error)
{
    g_autofree const guint8 **ranges = g_new (const guint8 *, 2 * states->len + 1);
    guint n = 0;

    for (guint i = 0; i < states->len; i++) {
        const gsize bytes = view_bytes (&g_array_index (states, FovTrainerState, i).view);
        if (!bytes)
            continue;
        ranges[2 * n] = from[i];
        ranges[2 * n++ + 1] = from[i] + bytes;
    }
    qsort (ranges, n, 2 * sizeof *ranges, by_address);
    for (guint i = 1; i < n; i++)
        if (ranges[2 * i] < ranges[2 * i - 1])
            return damaged (error, "tensors overlap");
    return TRUE;
}

static gboolean
read_file (GBytes *bytes, const GArray *states, GHashTable **notes, GError **error)
{
    const guint8 *values;
    gsize n_values;
    g_autofree char *header = split_file (bytes, &values, &n_values, error);
    g_autofree const guint8 **from = g_new0 (const guint8 *, states->len + 1);
    g_autoptr (GBytes) text = NULL;
    g_autoptr (JsonNode) node = NULL;

    if (!header)
        return FALSE;
    text = g_bytes_new_static (header, strlen (header));
    node = fov_tfjs_parse (text, error);
    if (!node || !JSON_NODE_HOLDS_OBJECT (node))
        return node ? damaged (error, "the header is no JSON object") : FALSE;
    for (guint i = 0; i < states->len; i++) {
        from[i] =
            find_values (json_node_get_object (node), &g_array_index (states, FovTrainerState, i),
                         values, n_values, error);
        if (!from[i])
            return FALSE;
    }
    if (!check_overlap (from, states, error))
        return FALSE;
    for (guint i = 0; i < states->len; i++) {
        const FovView *view = &g_array_index (states, FovTrainerState, i).view;
        memcpy (view->data, from[i], view_bytes (view));
    }
    *notes = read_notes (json_node_get_object (node));
    return TRUE;
}

gboolean
fov_checkpoint_read (const char *path, const GArray *states, GHashTable **notes, GError **error)
{
    g_autoptr (GBytes) bytes = fov_model_map_file (path, error);

    if (bytes && read_file (bytes, states, notes, error))
        return TRUE;
    g_prefix_error (error, "%s: ", path);
    return FALSE;
}
