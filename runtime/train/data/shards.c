/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tar files of NAME.jpg and NAME.json, read through libarchive. */
#include "train/data/data-private.h"

#include "vision/json.h"

#ifdef HAVE_LIBARCHIVE

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

/* A lying header must not make us ask for more than a picture or a shard set can be. */
enum { MAX_PICTURE = 256 << 20, MAX_TEXT = 64 << 20 };
#define MAX_TOTAL (G_GINT64_CONSTANT (8) << 30)

typedef struct {
    GBytes *picture, *mask;
    JsonNode *text;
    char *name;      /* SHARD:KEY */
    const char *key; /* in name */
} Pair;

typedef struct {
    const FovDataParams *params;
    FovData *data;
    GPtrArray *pairs;  /* Pair*, in the shards' order */
    GHashTable *open;  /* key -> Pair*, of one shard */
    GHashTable *names; /* class names found (a set), where none are given */
    gint64 total;      /* bytes kept */
} Reader;

static void
pair_free (gpointer data)
{
    Pair *pair = data;

    g_clear_pointer (&pair->picture, g_bytes_unref);
    g_clear_pointer (&pair->mask, g_bytes_unref);
    g_clear_pointer (&pair->text, json_node_unref);
    g_free (pair->name);
    g_free (pair);
}

/* ---- the archive --------------------------------------------------------------- */

static gboolean
archive_wrong (struct archive *archive, const char *path, const char *entry, GError **error)
{
    const char *text = archive_error_string (archive);

    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "'%s': %s%s%s", path, entry ? entry : "",
                 entry ? ": " : "", text ? text : "cannot be read");
    return FALSE;
}

static GByteArray *
read_entry (struct archive *archive, const char *path, const char *name, gsize most, GError **error)
{
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    guint8 block[16384];

    for (;;) {
        la_ssize_t got = archive_read_data (archive, block, sizeof block);
        if (got == 0)
            return g_steal_pointer (&bytes);
        if (got < 0) {
            archive_wrong (archive, path, name, error);
            return NULL;
        }
        g_byte_array_append (bytes, block, (guint) got);
        if (bytes->len > most) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "'%s': %s: larger than %" G_GSIZE_FORMAT " bytes", path, name, most);
            return NULL;
        }
    }
}

static Pair *
pair_of (Reader *r, const char *path, const char *key)
{
    Pair *pair = g_hash_table_lookup (r->open, key);

    if (pair)
        return pair;
    pair = g_new0 (Pair, 1);
    pair->name = g_strdup_printf ("%s:%s", path, key);
    pair->key = pair->name + strlen (path) + 1;
    g_ptr_array_add (r->pairs, pair);
    g_hash_table_insert (r->open, g_strdup (key), pair);
    return pair;
}

static gboolean
take_picture (Reader *r, GBytes **picture, struct archive *archive, const char *path,
              const char *name, GError **error)
{
    GByteArray *bytes = read_entry (archive, path, name, MAX_PICTURE, error);

    if (!bytes)
        return FALSE;
    r->total += bytes->len;
    g_clear_pointer (picture, g_bytes_unref);
    *picture = g_byte_array_free_to_bytes (bytes);
    if (r->total <= MAX_TOTAL)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY,
                 "'%s': the shards hold more than 8 GiB of pictures, which are kept in memory",
                 path);
    return FALSE;
}

static gboolean
take_text (Pair *pair, struct archive *archive, const char *path, const char *name, GError **error)
{
    g_autoptr (GByteArray) bytes = read_entry (archive, path, name, MAX_TEXT, error);
    g_autoptr (GError) found = NULL;

    if (!bytes)
        return FALSE;
    g_clear_pointer (&pair->text, json_node_unref);
    pair->text = fov_json_parse ((const char *) bytes->data, bytes->len, &found);
    if (pair->text)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "'%s': %s: %s", path, name, found->message);
    return FALSE;
}

static gboolean
take_entry (Reader *r, struct archive *archive, struct archive_entry *entry, const char *path,
            GError **error)
{
    const char *name = archive_entry_pathname (entry);
    const char *dot = name ? strrchr (name, '.') : NULL;
    const gboolean text = dot && g_str_equal (dot, ".json");
    const gboolean mask = dot && fov_data_is_mask (name);
    g_autofree char *key =
        dot ? g_strndup (name, (gsize) (dot - name) - (mask ? strlen (".mask") : 0)) : NULL;
    Pair *pair;

    if (!dot || archive_entry_filetype (entry) != AE_IFREG ||
        (!text && !fov_data_is_picture (name)))
        return TRUE;
    pair = pair_of (r, path, key);
    return text ? take_text (pair, archive, path, name, error)
                : take_picture (r, mask ? &pair->mask : &pair->picture, archive, path, name, error);
}

static gboolean
read_shard (Reader *r, const char *path, GError **error)
{
    struct archive *archive = archive_read_new ();
    struct archive_entry *entry;
    gboolean ok = TRUE;
    int result;

    /* One by one: "all" has filters that start programs. */
    archive_read_support_filter_gzip (archive);
    archive_read_support_filter_bzip2 (archive);
    archive_read_support_filter_xz (archive);
    archive_read_support_filter_zstd (archive);
    archive_read_support_format_tar (archive);
    g_hash_table_remove_all (r->open);
    if (archive_read_open_filename (archive, path, 65536) != ARCHIVE_OK)
        ok = archive_wrong (archive, path, NULL, error);
    while (ok && (result = archive_read_next_header (archive, &entry)) != ARCHIVE_EOF)
        ok = result == ARCHIVE_OK || result == ARCHIVE_WARN
                 ? take_entry (r, archive, entry, path, error)
                 : archive_wrong (archive, path, NULL, error);
    archive_read_free (archive);
    return ok;
}

/* ---- classes ------------------------------------------------------------------- */

static const char *
class_text (JsonNode *node)
{
    return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
               ? json_node_get_string (node)
               : NULL;
}

static void
note_class (Reader *r, JsonNode *node)
{
    const char *name = class_text (node);

    if (name && !g_hash_table_contains (r->names, name))
        g_hash_table_add (r->names, g_strdup (name));
}

static JsonObject *
root_of (const Pair *pair)
{
    return pair->text && JSON_NODE_HOLDS_OBJECT (pair->text) ? json_node_get_object (pair->text)
                                                             : NULL;
}

static JsonNode *
element_label (JsonArray *array, guint i)
{
    JsonNode *node = json_array_get_element (array, i);

    return JSON_NODE_HOLDS_OBJECT (node) ? fov_field_member (json_node_get_object (node), "label")
                                         : node;
}

static void
note_classes (Reader *r, const Pair *pair)
{
    static const char *const lists[] = { "objects", "classes" };
    JsonObject *root = root_of (pair);

    for (guint k = 0; root && k < G_N_ELEMENTS (lists); k++) {
        JsonNode *node = fov_field_member (root, lists[k]);
        JsonArray *array = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
        for (guint i = 0; array && i < json_array_get_length (array); i++)
            note_class (r, element_label (array, i));
    }
}

static int
by_text (gconstpointer a, gconstpointer b)
{
    return strcmp (a, b);
}

/* Without a list of classes: the names that are there, sorted, so that the order of shards does
 * not matter. */
static void
make_classes (Reader *r)
{
    GList *names;

    for (guint i = 0; i < r->pairs->len; i++)
        note_classes (r, r->pairs->pdata[i]);
    names = g_list_sort (g_hash_table_get_keys (r->names), by_text);
    for (GList *at = names; at; at = at->next)
        fov_data_add_class (r->data, at->data);
    g_list_free (names);
}

/* A name or an index; -1: of no class that is asked for. */
static gboolean
read_label (Reader *r, const FovJsonAt *at, JsonNode *node, int *label)
{
    const char *name = class_text (node);

    if (!name && node && JSON_NODE_HOLDS_VALUE (node) &&
        json_node_get_value_type (node) == G_TYPE_INT64) {
        gint64 index = json_node_get_int (node), n = fov_data_n_classes (r->data);
        *label = (int) index;
        return (index >= 0 && index < n) ||
               fov_field_wrong (at,
                                "label %" G_GINT64_FORMAT ", expected one of %" G_GINT64_FORMAT
                                " classes",
                                index, n);
    }
    if (!name)
        return fov_field_wrong (at, "\"label\" is missing, expected a class's name or index");
    *label = fov_data_find_class (r->data, name);
    return *label >= 0 || r->params->skip_others ||
           fov_field_wrong (at, "'%s' is none of the %u classes that are to be learned", name,
                            fov_data_n_classes (r->data));
}

/* ---- a sample ------------------------------------------------------------------- */

/* A sample under way. */
typedef struct {
    FovSample sample;
    GArray *objects, *classes;
    GPtrArray *shapes;
} Reading;

static gboolean
read_object (Reader *r, const FovJsonAt *at, JsonObject *object, Reading *w)
{
    FovDataObject o = { .label = -1 };
    JsonNode *ignore = fov_field_member (object, "ignore");

    o.ignore = ignore && JSON_NODE_HOLDS_VALUE (ignore) && json_node_get_boolean (ignore);
    if (!fov_field_box (at, object, &o.box))
        return FALSE;
    if ((!o.ignore || fov_field_member (object, "label")) &&
        !read_label (r, at, fov_field_member (object, "label"), &o.label))
        return FALSE;
    if (!fov_field_shapes (at, object, w->sample.width, w->sample.height, r->data, &o, w->shapes))
        return FALSE;
    if (o.label >= 0 || o.ignore)
        g_array_append_val (w->objects, o);
    return TRUE;
}

static gboolean
read_lists (Reader *r, const Pair *pair, JsonObject *root, Reading *w, GError **error)
{
    const FovJsonAt file = { pair->name, NULL, 0, error };
    FovJsonAt at = { pair->name, "objects", 0, error };
    JsonArray *list = fov_field_list (&file, root, "objects", FALSE);

    if (!list && fov_field_member (root, "objects"))
        return FALSE;
    for (; list && at.index < json_array_get_length (list); at.index++) {
        JsonObject *object = fov_field_entry (&at, list);
        if (!object || !read_object (r, &at, object, w))
            return FALSE;
    }
    at = (FovJsonAt){ pair->name, "classes", 0, error };
    list = fov_field_list (&file, root, "classes", FALSE);
    if (!list && fov_field_member (root, "classes"))
        return FALSE;
    for (; list && at.index < json_array_get_length (list); at.index++) {
        int label;
        if (!read_label (r, &at, json_array_get_element (list, at.index), &label))
            return FALSE;
        if (label >= 0)
            g_array_append_val (w->classes, label);
    }
    return TRUE;
}

/* A video may span shards: what they are called says nothing, what stands in them does. */
static gboolean
read_frame (const Pair *pair, const FovJsonAt *at, JsonObject *root, FovSample *s, char **video)
{
    gboolean named;

    s->frame = -1;
    named = fov_data_name_frame (pair->key, strlen (pair->key), video, &s->frame);
    s->video = fov_field_text (root, "video");
    if (!s->video && named)
        s->video = *video;
    return fov_field_maybe_int (at, root, "frame", 0, G_MAXINT64, &s->frame);
}

static gboolean
add_pair (Reader *r, const Pair *pair, GError **error)
{
    const FovJsonAt at = { pair->name, NULL, 0, error };
    JsonObject *root = root_of (pair);
    g_autoptr (GArray) objects = fov_objects_new ();
    g_autoptr (GArray) classes = g_array_new (FALSE, FALSE, sizeof (int));
    g_autoptr (GPtrArray) shapes = g_ptr_array_new_with_free_func (fov_shape_2d_free);
    Reading w = { { .name = pair->name, .bytes = pair->picture }, objects, classes, shapes };
    g_autofree char *mask = g_strconcat (pair->name, ".mask.png", NULL), *video = NULL;
    FovSample *s = &w.sample;
    gint64 width = 0, height = 0;

    if (!pair->picture)
        return fov_field_wrong (&at, "there is a .json, but no picture of that name");
    if (!root)
        return fov_field_wrong (&at, pair->text ? "the .json holds no object"
                                                : "there is a picture, but no .json of that name");
    if (!fov_field_maybe_int (&at, root, "width", 1, 32768, &width) ||
        !fov_field_maybe_int (&at, root, "height", 1, 32768, &height) ||
        !read_frame (pair, &at, root, s, &video))
        return FALSE;
    s->width = height ? (int) width : 0;
    s->height = width ? (int) height : 0;
    if (!read_lists (r, pair, root, &w, error))
        return FALSE;
    if (objects->len && !s->width)
        return fov_field_wrong (&at, "\"width\" and \"height\" of the picture are missing");
    s->mask = pair->mask ? mask : NULL;
    s->mask_bytes = pair->mask;
    s->objects = (const FovDataObject *) (void *) objects->data;
    s->n_objects = objects->len;
    s->classes = (const int *) (void *) classes->data;
    s->n_classes = classes->len;
    return fov_data_add (r->data, s, error);
}

static gboolean
read_all (Reader *r, const char *path, GError **error)
{
    g_autoptr (GPtrArray) files = NULL;

    if (!g_file_test (path, G_FILE_TEST_IS_DIR)) {
        if (!read_shard (r, path, error))
            return FALSE;
    } else {
        files = fov_data_list (path, FALSE, error);
        for (guint i = 0; files && i < files->len; i++) {
            g_autofree char *shard = g_build_filename (path, files->pdata[i], NULL);
            if (strstr (files->pdata[i], ".tar") && !read_shard (r, shard, error))
                return FALSE;
        }
        if (!files)
            return FALSE;
    }
    if (!r->params->classes)
        make_classes (r);
    for (guint i = 0; i < r->pairs->len; i++) {
        const Pair *pair = r->pairs->pdata[i];
        const FovJsonAt at = { pair->name, NULL, 0, error };
        JsonObject *root = root_of (pair);
        if (root && !fov_field_point_names (&at, root, r->data))
            return FALSE;
    }
    for (guint i = 0; i < r->pairs->len; i++)
        if (!add_pair (r, r->pairs->pdata[i], error))
            return FALSE;
    return TRUE;
}

FovData *
fov_data_read_shards (const char *path, const FovDataParams *params, GError **error)
{
    Reader r = { .params = params,
                 .data = fov_data_new_with (params),
                 .pairs = g_ptr_array_new_with_free_func (pair_free),
                 .open = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
                 .names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };

    if (!read_all (&r, path, error))
        g_clear_pointer (&r.data, fov_data_unref);
    g_hash_table_unref (r.open);
    g_hash_table_unref (r.names);
    g_ptr_array_unref (r.pairs);
    return r.data;
}

#else

FovData *
fov_data_read_shards (const char *path, const FovDataParams *params, GError **error)
{
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                 "'%s': this build cannot read tar files; expected one configured with "
                 "-Dshards=enabled (libarchive)",
                 path);
    return NULL;
}

#endif
