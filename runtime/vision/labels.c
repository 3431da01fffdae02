/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/labels-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define MAX_FILE_BYTES (16 << 20)

struct _FovLabels {
    GPtrArray *names;  /* char *, "" for a gap */
    GHashTable *index; /* case-folded name -> index + 1 */
};

static const char *const coco80[] = {
    "person",        "bicycle",      "car",
    "motorcycle",    "airplane",     "bus",
    "train",         "truck",        "boat",
    "traffic light", "fire hydrant", "stop sign",
    "parking meter", "bench",        "bird",
    "cat",           "dog",          "horse",
    "sheep",         "cow",          "elephant",
    "bear",          "zebra",        "giraffe",
    "backpack",      "umbrella",     "handbag",
    "tie",           "suitcase",     "frisbee",
    "skis",          "snowboard",    "sports ball",
    "kite",          "baseball bat", "baseball glove",
    "skateboard",    "surfboard",    "tennis racket",
    "bottle",        "wine glass",   "cup",
    "fork",          "knife",        "spoon",
    "bowl",          "banana",       "apple",
    "sandwich",      "orange",       "broccoli",
    "carrot",        "hot dog",      "pizza",
    "donut",         "cake",         "chair",
    "couch",         "potted plant", "bed",
    "dining table",  "toilet",       "tv",
    "laptop",        "mouse",        "remote",
    "keyboard",      "cell phone",   "microwave",
    "oven",          "toaster",      "sink",
    "refrigerator",  "book",         "clock",
    "vase",          "scissors",     "teddy bear",
    "hair drier",    "toothbrush",
};

static const char *const voc20[] = {
    "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",       "car",
    "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",     "motorbike",
    "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor",
};

/* COCO's category ids run to 90; these have no objects. */
static const guint8 coco_gaps[] = { 12, 26, 29, 30, 45, 66, 68, 69, 71, 83 };

static FovLabels *
labels_take (GPtrArray *names)
{
    FovLabels *labels = g_atomic_rc_box_new0 (FovLabels);
    labels->names = names;
    labels->index = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        g_autofree char *folded = g_utf8_casefold (name, -1);
        if (*name && !g_hash_table_contains (labels->index, folded))
            g_hash_table_insert (labels->index, g_steal_pointer (&folded),
                                 GUINT_TO_POINTER (i + 1));
    }
    return labels;
}

static GPtrArray *
names_new (void)
{
    return g_ptr_array_new_with_free_func (g_free);
}

FovLabels *
fov_labels_new (const char *const *names, guint n)
{
    GPtrArray *copies = names_new ();

    for (guint i = 0; i < n; i++)
        g_ptr_array_add (copies, g_strdup (names[i]));
    return labels_take (copies);
}

static FovLabels *
coco90 (void)
{
    GPtrArray *names = names_new ();
    gsize next = 0;
    for (guint id = 1; id <= 90; id++) {
        gboolean gap = memchr (coco_gaps, (int) id, sizeof coco_gaps) != NULL;
        g_ptr_array_add (names, g_strdup (gap ? "" : coco80[next++]));
    }
    return labels_take (names);
}

FovLabels *
fov_labels_builtin (const char *name)
{
    if (g_strcmp0 (name, "coco80") == 0)
        return fov_labels_new (coco80, G_N_ELEMENTS (coco80));
    if (g_strcmp0 (name, "coco90") == 0)
        return coco90 ();
    if (g_strcmp0 (name, "voc20") == 0)
        return fov_labels_new (voc20, G_N_ELEMENTS (voc20));
    return NULL;
}

/* Reads in one go but never more than the limit, whatever size the file claims. */
static GString *
read_file (const char *path, GError **error)
{
    g_autoptr (GString) text = g_string_new (NULL);
    FILE *file = g_fopen (path, "rbe");
    char block[4096];
    gsize got;

    if (!file) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "labels %s: %s", path, g_strerror (errno));
        return NULL;
    }
    errno = 0;
    while (text->len <= MAX_FILE_BYTES && (got = fread (block, 1, sizeof block, file)) > 0)
        g_string_append_len (text, block, (gssize) got);
    int failed = ferror (file) ? errno : 0;
    fclose (file);
    if (failed) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "labels %s: %s", path, g_strerror (failed));
        return NULL;
    }
    if (text->len > MAX_FILE_BYTES) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "labels %s: larger than %d MiB, expected a list of names", path,
                     MAX_FILE_BYTES >> 20);
        return NULL;
    }
    return g_steal_pointer (&text);
}

static gboolean
check_utf8 (const char *text, gsize len, GError **error)
{
    const char *bad;
    if (g_utf8_validate_len (text, len, &bad))
        return TRUE;
    guint line = 1;
    for (const char *p = text; p < bad; p++)
        line += *p == '\n';
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "line %u: byte 0x%02x is not valid UTF-8 text",
                 line, (guint8) *bad);
    return FALSE;
}

/* A Python dict begins as a JSON object does; its keys or quotes tell them apart. */
static gboolean
read_braced (const char *text, GPtrArray *names, GError **error)
{
    g_autoptr (GError) json_error = NULL;
    if (fov_labels_read_json (text, names, &json_error))
        return TRUE;
    g_ptr_array_set_size (names, 0);
    if (fov_labels_read_dict (text, names, NULL))
        return TRUE;
    g_propagate_error (error, g_steal_pointer (&json_error));
    return FALSE;
}

static gboolean
read_any (const char *text, gsize len, GPtrArray *names, GError **error)
{
    if (!check_utf8 (text, len, error))
        return FALSE;
    if (g_str_has_prefix (text, "\xef\xbb\xbf"))
        text += 3;
    const char *first = text + strspn (text, " \t\r\n");
    gboolean ok;
    if (*first == '{' || *first == '[')
        ok = read_braced (first, names, error);
    else if (fov_labels_is_pbtxt (first))
        ok = fov_labels_read_pbtxt (first, names, error);
    else if (fov_labels_is_yaml (text))
        ok = fov_labels_read_yaml (text, names, error);
    else if (fov_labels_is_indexed (text))
        ok = fov_labels_read_indexed (text, names, error);
    else
        ok = fov_labels_read_lines (text, names, error);
    if (ok && names->len == 0) {
        g_set_error_literal (error, FOV_ERROR, FOV_ERROR_FORMAT,
                             "holds no names, expected one a line");
        return FALSE;
    }
    return ok;
}

FovLabels *
fov_labels_load (const char *path, GError **error)
{
    g_autoptr (GString) text = read_file (path, error);
    if (!text)
        return NULL;
    g_autoptr (GPtrArray) names = names_new ();
    if (!read_any (text->str, text->len, names, error)) {
        g_prefix_error (error, "labels %s: ", path);
        return NULL;
    }
    return labels_take (g_steal_pointer (&names));
}

FovLabels *
fov_labels_parse (const char *list, GError **error)
{
    g_autoptr (GPtrArray) names = names_new ();

    if (!g_utf8_validate (list, -1, NULL)) {
        g_set_error_literal (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                             "labels: the list is not valid UTF-8 text");
        return NULL;
    }
    for (const char *p = list;; p++) {
        gsize len = strcspn (p, ",");
        if (!fov_labels_append (names, p, len, error))
            return NULL;
        if (!*(char *) names->pdata[names->len - 1]) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "labels: name %u of \"%s\" is empty, expected a comma-separated list",
                         names->len, list);
            return NULL;
        }
        p += len;
        if (!*p)
            break;
    }
    return labels_take (g_steal_pointer (&names));
}

FovLabels *
fov_labels_parse_names (const char *dict, GError **error)
{
    g_autoptr (GPtrArray) names = names_new ();

    if (!check_utf8 (dict, strlen (dict), error) || !fov_labels_read_dict (dict, names, error)) {
        g_prefix_error (error, "names metadata: ");
        return NULL;
    }
    if (names->len == 0) {
        g_set_error_literal (error, FOV_ERROR, FOV_ERROR_FORMAT, "names metadata: holds no names");
        return NULL;
    }
    return labels_take (g_steal_pointer (&names));
}

FovLabels *
fov_labels_ref (FovLabels *labels)
{
    return g_atomic_rc_box_acquire (labels);
}

static void
labels_clear (gpointer data)
{
    FovLabels *labels = data;
    g_ptr_array_unref (labels->names);
    g_hash_table_unref (labels->index);
}

void
fov_labels_unref (FovLabels *labels)
{
    if (labels)
        g_atomic_rc_box_release_full (labels, labels_clear);
}

guint
fov_labels_count (const FovLabels *labels)
{
    return labels->names->len;
}

const char *
fov_labels_get (const FovLabels *labels, guint index)
{
    return index < labels->names->len ? labels->names->pdata[index] : NULL;
}

int
fov_labels_find (const FovLabels *labels, const char *name)
{
    if (!name || !g_utf8_validate (name, -1, NULL))
        return -1;
    g_autofree char *folded = g_utf8_casefold (name, -1);
    return (int) GPOINTER_TO_UINT (g_hash_table_lookup (labels->index, folded)) - 1;
}
