/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sot-data.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define TRUTHS "groundtruth_rect.txt"
#define MAX_SKIP 10000000
/* The JSON parser recurses for each level that so many brackets can open. */
#define MAX_META (8 << 10)

static void
sequence_free (gpointer data)
{
    SotSequence *s = data;

    g_free (s->name);
    g_free (s->input);
    g_clear_pointer (&s->truths, g_array_unref);
    g_free (s);
}

/* ---- pictures --------------------------------------------------------------------- */

/* name beside folder or beside one of the folders above it; NULL where it is nowhere. */
static char *
find_above (const char *folder, const char *name)
{
    g_autofree char *at = g_canonicalize_filename (folder, NULL);

    for (;;) {
        g_autofree char *path = g_build_filename (at, name, NULL);
        g_autofree char *above = g_path_get_dirname (at);
        if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
            return g_steal_pointer (&path);
        if (!strcmp (above, at))
            return NULL;
        g_free (at);
        at = g_steal_pointer (&above);
    }
}

static gboolean
read_meta (SotSequence *s, const char *folder, const char *path, GError **error)
{
    g_autoptr (JsonParser) parser = json_parser_new ();
    g_autoptr (GError) cause = NULL;
    g_autofree char *text = NULL;
    gsize size;
    JsonNode *root, *video, *first;
    gint64 skip = 1;

    if (!g_file_get_contents (path, &text, &size, &cause)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s: %s", path, cause->message);
        return FALSE;
    }
    if (size > MAX_META) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "%s: %" G_GSIZE_FORMAT " bytes, expected a video's name and little more (%d)",
                     path, size, MAX_META);
        return FALSE;
    }
    if (!json_parser_load_from_data (parser, text, (gssize) size, &cause)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: %s", path, cause->message);
        return FALSE;
    }
    root = json_parser_get_root (parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT (root))
        return TRUE;
    video = json_object_get_member (json_node_get_object (root), "video");
    first = json_object_get_member (json_node_get_object (root), "first_frame");
    if (!video || !JSON_NODE_HOLDS_VALUE (video) ||
        json_node_get_value_type (video) != G_TYPE_STRING)
        return TRUE;
    if (first && JSON_NODE_HOLDS_VALUE (first))
        skip = json_node_get_int (first);
    if (skip < 1 || skip > MAX_SKIP) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "%s: first_frame is %" G_GINT64_FORMAT ", expected 1..%d", path, skip,
                     MAX_SKIP);
        return FALSE;
    }
    s->input = find_above (folder, json_node_get_string (video));
    s->skip = (guint) skip - 1;
    return TRUE;
}

static gboolean
find_pictures (SotSequence *s, const char *folder, GError **error)
{
    g_autofree char *images = g_build_filename (folder, "img", NULL);
    g_autofree char *meta = g_build_filename (folder, "meta.json", NULL);

    if (g_file_test (images, G_FILE_TEST_IS_DIR)) {
        s->input = g_steal_pointer (&images);
        return TRUE;
    }
    return !g_file_test (meta, G_FILE_TEST_EXISTS) || read_meta (s, folder, meta, error);
}

/* ---- sequences --------------------------------------------------------------------- */

/* Adds the folder where it is a sequence; FALSE with error where it is a damaged one. */
static gboolean
add (const char *folder, const char *name, char **only, GPtrArray *sequences, GError **error)
{
    g_autofree char *path = g_build_filename (folder, TRUTHS, NULL);
    SotSequence *s;

    if (!g_file_test (path, G_FILE_TEST_EXISTS) ||
        (only && !g_strv_contains ((const char *const *) only, name)))
        return TRUE;
    s = g_new0 (SotSequence, 1);
    g_ptr_array_add (sequences, s);
    s->name = g_strdup (name);
    s->truths = fov_sot_file_read (path, error);
    return s->truths && find_pictures (s, folder, error);
}

static int
by_name (gconstpointer a, gconstpointer b)
{
    const SotSequence *x = *(const SotSequence *const *) a, *y = *(const SotSequence *const *) b;
    return strcmp (x->name, y->name);
}

static gboolean
add_all (const char *dir, char **only, GPtrArray *sequences, GError **error)
{
    g_autoptr (GError) cause = NULL;
    g_autoptr (GDir) listing = g_dir_open (dir, 0, &cause);
    const char *name;

    if (!listing) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s: %s", dir, cause->message);
        return FALSE;
    }
    while ((name = g_dir_read_name (listing)) != NULL) {
        g_autofree char *folder = g_build_filename (dir, name, NULL);
        if (!add (folder, name, only, sequences, error))
            return FALSE;
    }
    g_ptr_array_sort (sequences, by_name);
    return TRUE;
}

GPtrArray *
sot_data_load (const char *dir, char **only, GError **error)
{
    g_autoptr (GPtrArray) sequences = g_ptr_array_new_with_free_func (sequence_free);
    g_autofree char *absolute = g_canonicalize_filename (dir, NULL);
    g_autofree char *base = g_path_get_basename (absolute);

    if (!add (dir, base, NULL, sequences, error) ||
        (sequences->len == 0 && !add_all (dir, only, sequences, error)))
        return NULL;
    if (sequences->len == 0 || (only && sequences->len < g_strv_length (only))) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "%s: %u sequences%s, expected folders with " TRUTHS, dir, sequences->len,
                     only ? " of these names" : "");
        return NULL;
    }
    return g_steal_pointer (&sequences);
}

GArray *
sot_data_results (const SotSequence *s, const char *dir, GError **error)
{
    g_autofree char *name = g_strconcat (s->name, ".txt", NULL);
    g_autofree char *path = g_build_filename (dir, name, NULL);
    GArray *boxes = fov_sot_file_read (path, error);

    if (boxes && boxes->len != s->truths->len) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: %u rows, but the truth has %u", path,
                     boxes->len, s->truths->len);
        g_clear_pointer (&boxes, g_array_unref);
    }
    return boxes;
}
