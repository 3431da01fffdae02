/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The list of samples; the readers stand in files of their own. */
#include "train/data/data-private.h"

#include <math.h>
#include <string.h>

/* A sample with what it points to; shared by the halves of a split. */
typedef struct {
    FovSample sample;
    char *name, *video, *mask;
    FovDataObject *objects;
    int *classes;
    GPtrArray *shapes; /* what masks and points of objects are in; NULL: nothing */
} Entry;

struct _FovData {
    gatomicrefcount refs;
    GPtrArray *classes; /* char* */
    GArray *ids;        /* int: their categories */
    gboolean as_written, grey_is_class;
    GHashTable *index;     /* name -> label + 1 */
    GPtrArray *entries;    /* Entry*, atomic rc boxes */
    FovDataPoints *points; /* NULL: none */
};

static void
entry_clear (gpointer data)
{
    Entry *entry = data;

    g_free (entry->name);
    g_free (entry->video);
    g_free (entry->mask);
    g_free (entry->objects);
    g_free (entry->classes);
    g_clear_pointer (&entry->shapes, g_ptr_array_unref);
    g_clear_pointer (&entry->sample.bytes, g_bytes_unref);
    g_clear_pointer (&entry->sample.mask_bytes, g_bytes_unref);
}

static void
entry_unref (gpointer entry)
{
    g_atomic_rc_box_release_full (entry, entry_clear);
}

FovData *
fov_data_new (const char *const *classes)
{
    FovData *data = g_new0 (FovData, 1);

    g_atomic_ref_count_init (&data->refs);
    data->classes = g_ptr_array_new_with_free_func (g_free);
    data->ids = g_array_new (FALSE, FALSE, sizeof (int));
    data->index = g_hash_table_new (g_str_hash, g_str_equal);
    data->entries = g_ptr_array_new_with_free_func (entry_unref);
    for (guint i = 0; classes && classes[i]; i++)
        fov_data_add_class (data, classes[i]);
    return data;
}

void
fov_data_add_class (FovData *data, const char *name)
{
    fov_data_add_category (data, name, (int) data->classes->len);
}

void
fov_data_add_category (FovData *data, const char *name, int id)
{
    /* A line of a file of labels, whatever the data's own file can hold. */
    char *copy = g_strstrip (g_strdelimit (g_strdup (name), "\n\r\t\v\f", ' '));

    g_array_append_val (data->ids, id);
    g_ptr_array_add (data->classes, copy);
    if (!g_hash_table_contains (data->index, copy))
        g_hash_table_insert (data->index, copy, GUINT_TO_POINTER (data->classes->len));
}

void
fov_data_share_points (FovData *data, const FovData *from)
{
    data->points = from->points ? g_atomic_rc_box_acquire (from->points) : NULL;
}

FovData *
fov_data_new_like (const FovData *data)
{
    FovData *like = fov_data_new (NULL);

    like->grey_is_class = data->grey_is_class;
    for (guint i = 0; i < data->classes->len; i++)
        fov_data_add_category (like, data->classes->pdata[i], g_array_index (data->ids, int, i));
    fov_data_share_points (like, data);
    return like;
}

FovData *
fov_data_new_with (const FovDataParams *params)
{
    FovData *data = fov_data_new (NULL);

    data->as_written = params->as_written;
    data->grey_is_class = params->grey_is_class;
    for (guint i = 0; params->classes && i < fov_labels_count (params->classes); i++)
        fov_data_add_class (data, fov_labels_get (params->classes, i));
    return data;
}

FovData *
fov_data_ref (FovData *data)
{
    g_atomic_ref_count_inc (&data->refs);
    return data;
}

void
fov_data_unref (FovData *data)
{
    if (!data || !g_atomic_ref_count_dec (&data->refs))
        return;
    g_ptr_array_unref (data->entries);
    g_hash_table_unref (data->index);
    g_ptr_array_unref (data->classes);
    g_array_unref (data->ids);
    fov_data_points_unref (data->points);
    g_free (data);
}

/* ---- adding -------------------------------------------------------------------- */

gboolean
fov_data_wrong (const FovSample *sample, GError **error, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start (args, format);
    text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "'%s': %s", sample->name, text);
    return FALSE;
}

static gboolean
check_label (const FovData *data, const FovSample *sample, int label, GError **error)
{
    if (label >= 0 && (guint) label < data->classes->len)
        return TRUE;
    return fov_data_wrong (sample, error, "label %d, expected 0..%d (%u classes)", label,
                           (int) data->classes->len - 1, data->classes->len);
}

static gboolean
check_object (const FovData *data, const FovSample *sample, guint index, GError **error)
{
    const FovDataObject *o = &sample->objects[index];
    const FovBox b = o->box;

    if (!isfinite (b.x1) || !isfinite (b.y1) || !isfinite (b.x2) || !isfinite (b.y2) ||
        b.x2 < b.x1 || b.y2 < b.y1)
        return fov_data_wrong (sample, error, "object %u: box %g,%g to %g,%g", index, (double) b.x1,
                               (double) b.y1, (double) b.x2, (double) b.y2);
    return ((o->ignore && o->label == -1) || check_label (data, sample, o->label, error)) &&
           fov_data_check_shapes (sample, index, fov_data_n_points (data), error);
}

static gboolean
check_sample (const FovData *data, const FovSample *sample, GError **error)
{
    if (!sample->name) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "a picture without a name");
        return FALSE;
    }
    if (sample->width < 0 || sample->width > 32768 || sample->height < 0 ||
        sample->height > 32768 || !sample->width != !sample->height)
        return fov_data_wrong (sample, error,
                               "size %dx%d, expected 1..32768, or 0x0 where it is not known",
                               sample->width, sample->height);
    if (sample->n_objects > FOV_DATA_MAX_OBJECTS)
        return fov_data_wrong (sample, error, "%u objects, expected at most %d", sample->n_objects,
                               FOV_DATA_MAX_OBJECTS);
    if (data->entries->len >= FOV_DATA_MAX_SAMPLES)
        return fov_data_wrong (sample, error, "more than %d pictures", FOV_DATA_MAX_SAMPLES);
    for (guint i = 0; i < sample->n_objects; i++)
        if (!check_object (data, sample, i, error))
            return FALSE;
    for (guint i = 0; i < sample->n_classes; i++)
        if (!check_label (data, sample, sample->classes[i], error))
            return FALSE;
    return TRUE;
}

gboolean
fov_data_add (FovData *data, const FovSample *sample, GError **error)
{
    const float w = sample->width ? (float) sample->width : 1;
    const float h = sample->height ? (float) sample->height : 1;
    Entry *entry;
    guint n = 0;

    if (!check_sample (data, sample, error))
        return FALSE;
    entry = g_atomic_rc_box_new0 (Entry);
    entry->sample = *sample;
    entry->sample.name = entry->name = g_strdup (sample->name);
    entry->sample.video = entry->video = g_strdup (sample->video);
    entry->sample.mask = entry->mask = g_strdup (sample->mask);
    if (sample->bytes)
        g_bytes_ref (sample->bytes);
    if (sample->mask_bytes)
        g_bytes_ref (sample->mask_bytes);
    entry->objects = g_new (FovDataObject, sample->n_objects);
    for (guint i = 0; i < sample->n_objects; i++) {
        FovDataObject *o = &entry->objects[n];
        *o = sample->objects[i];
        if (!data->as_written)
            o->box = fov_box_clip (o->box, w, h);
        if (!data->as_written && !(fov_box_area (o->box) > 0))
            continue;
        if ((o->mask || o->points) && !entry->shapes)
            entry->shapes = g_ptr_array_new_with_free_func (g_free);
        fov_data_copy_shapes (o, fov_data_n_points (data), entry->shapes);
        n++;
    }
    entry->sample.objects = entry->objects;
    entry->sample.n_objects = n;
    entry->sample.classes = entry->classes =
        g_memdup2 (sample->classes, sample->n_classes * sizeof (int));
    g_ptr_array_add (data->entries, entry);
    return TRUE;
}

void
fov_data_share (FovData *data, const FovData *from, guint index)
{
    g_ptr_array_add (data->entries, g_atomic_rc_box_acquire (from->entries->pdata[index]));
}

gboolean
fov_data_set_points (FovData *data, guint n, const char *const *names, const int *mirror,
                     GError **error)
{
    FovDataPoints *points;

    if (data->entries->len) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "points: expected before the first of %u samples", data->entries->len);
        return FALSE;
    }
    points = fov_data_points_new (n, names, mirror, error);
    if (!points)
        return FALSE;
    fov_data_points_unref (data->points);
    data->points = points;
    return TRUE;
}

/* ---- asking -------------------------------------------------------------------- */

guint
fov_data_length (const FovData *data)
{
    return data->entries->len;
}

const FovSample *
fov_data_sample (const FovData *data, guint index)
{
    return &((const Entry *) data->entries->pdata[index])->sample;
}

guint
fov_data_n_classes (const FovData *data)
{
    return data->classes->len;
}

const char *
fov_data_class (const FovData *data, guint label)
{
    return data->classes->pdata[label];
}

int
fov_data_class_id (const FovData *data, guint label)
{
    return g_array_index (data->ids, int, label);
}

int
fov_data_find_class (const FovData *data, const char *name)
{
    return (int) GPOINTER_TO_UINT (g_hash_table_lookup (data->index, name)) - 1;
}

void
fov_data_count (const FovData *data, guint64 *counts)
{
    memset (counts, 0, data->classes->len * sizeof *counts);
    for (guint i = 0; i < data->entries->len; i++) {
        const FovSample *s = fov_data_sample (data, i);
        for (guint k = 0; k < s->n_objects; k++)
            if (!s->objects[k].ignore)
                counts[s->objects[k].label]++;
        for (guint k = 0; k < s->n_classes; k++)
            counts[s->classes[k]]++;
    }
}

guint
fov_data_n_points (const FovData *data)
{
    return data->points ? data->points->names->len : 0;
}

const char *
fov_data_point (const FovData *data, guint point)
{
    return data->points->names->pdata[point];
}

guint
fov_data_point_mirror (const FovData *data, guint point)
{
    return data->points->mirror[point];
}

static gboolean
has_pictures_of_classes (const FovData *data)
{
    for (guint i = 0; i < data->entries->len; i++)
        if (fov_data_sample (data, i)->mask)
            return TRUE;
    return FALSE;
}

gboolean
fov_data_has_masks (const FovData *data)
{
    for (guint i = 0; i < data->entries->len; i++) {
        const FovSample *s = fov_data_sample (data, i);
        for (guint k = 0; k < s->n_objects; k++)
            if (s->objects[k].mask)
                return TRUE;
    }
    return has_pictures_of_classes (data);
}

guint
fov_data_mask_classes (const FovData *data)
{
    return data->classes->len + !has_pictures_of_classes (data);
}

gboolean
fov_data_half_grey (const FovData *data)
{
    return data->classes->len <= 2 && !data->grey_is_class;
}

/* ---- opening ------------------------------------------------------------------- */

static gboolean
is_tar (const char *name)
{
    static const char *const ends[] = {
        ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2"
    };

    for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
        if (g_str_has_suffix (name, ends[i]))
            return TRUE;
    return FALSE;
}

static gboolean
holds (const char *path, gboolean (*is) (const char *name))
{
    g_autoptr (GPtrArray) files = fov_data_list (path, FALSE, NULL);

    for (guint i = 0; files && i < files->len; i++)
        if (is (files->pdata[i]))
            return TRUE;
    return FALSE;
}

FovDataFormat
fov_data_format (const char *path)
{
    g_autofree char *images = g_build_filename (path, "images", NULL);
    g_autofree char *labels = g_build_filename (path, "labels", NULL);
    g_autofree char *train = g_build_filename (path, "train", "images", NULL);
    g_autofree char *yaml = g_build_filename (path, "data.yaml", NULL);

    if (is_tar (path))
        return FOV_DATA_SHARDS;
    if (g_str_has_suffix (path, ".yaml") || g_str_has_suffix (path, ".yml"))
        return FOV_DATA_YOLO;
    if (g_str_has_suffix (path, ".json") || g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return FOV_DATA_COCO;
    if ((g_file_test (images, G_FILE_TEST_IS_DIR) && g_file_test (labels, G_FILE_TEST_IS_DIR)) ||
        g_file_test (train, G_FILE_TEST_IS_DIR))
        return FOV_DATA_YOLO;
    if (holds (path, is_tar))
        return FOV_DATA_SHARDS;
    if (holds (path, fov_data_is_mask))
        return FOV_DATA_MASKS;
    return g_file_test (yaml, G_FILE_TEST_IS_REGULAR) ? FOV_DATA_YOLO : FOV_DATA_FOLDERS;
}

/* Names are how classes are known from one list to another: none may be two's. */
static gboolean
check_classes (const FovData *data, const char *path, GError **error)
{
    g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < data->classes->len; i++) {
        const char *name = data->classes->pdata[i];
        char *folded = g_utf8_casefold (name, -1);
        const gpointer first = g_hash_table_lookup (seen, folded);
        if (first && *name) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "'%s': classes %u and %u are both called '%s' (upper and lower case, and "
                         "spaces around, are one)",
                         path, GPOINTER_TO_UINT (first), i + 1, name);
            g_free (folded);
            return FALSE;
        }
        g_hash_table_insert (seen, folded, GUINT_TO_POINTER (i + 1));
    }
    return TRUE;
}

FovData *
fov_data_open (const char *path, const FovDataParams *params, GError **error)
{
    static const FovDataRead readers[] = { [FOV_DATA_COCO] = fov_data_read_coco,
                                           [FOV_DATA_YOLO] = fov_data_read_yolo,
                                           [FOV_DATA_SHARDS] = fov_data_read_shards,
                                           [FOV_DATA_FOLDERS] = fov_data_read_folders,
                                           [FOV_DATA_MASKS] = fov_data_read_masks };
    static const FovDataParams defaults;
    const FovDataParams *p = params ? params : &defaults;
    FovDataFormat format = p->format;
    FovData *data;

    if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "'%s': there is no such file or folder", path);
        return NULL;
    }
    if (format == FOV_DATA_AUTO || format >= G_N_ELEMENTS (readers))
        format = fov_data_format (path);
    data = readers[format](path, p, error);
    if (data && p->most && p->most < data->entries->len)
        g_ptr_array_set_size (data->entries, (int) p->most);
    if (!data)
        return NULL;
    if (!p->as_written && !check_classes (data, path, error)) {
        fov_data_unref (data);
        return NULL;
    }
    if (fov_data_length (data))
        return data;
    fov_data_unref (data);
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "'%s': there are no pictures in it", path);
    return NULL;
}

/* ---- what readers share -------------------------------------------------------- */

static int
by_name (gconstpointer a, gconstpointer b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

GPtrArray *
fov_data_list (const char *folder, gboolean folders, GError **error)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    GPtrArray *names;

    if (!dir) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "'%s': not a folder that can be read", folder);
        return NULL;
    }
    names = g_ptr_array_new_with_free_func (g_free);
    for (const char *name; (name = g_dir_read_name (dir));) {
        g_autofree char *path = g_build_filename (folder, name, NULL);
        if (name[0] != '.' &&
            g_file_test (path, folders ? G_FILE_TEST_IS_DIR : G_FILE_TEST_IS_REGULAR))
            g_ptr_array_add (names, g_strdup (name));
    }
    g_ptr_array_sort (names, by_name);
    return names;
}

gboolean
fov_data_is_picture (const char *name)
{
    static const char *const ends[] = { ".jpg", ".jpeg", ".png", ".bmp", ".webp",
                                        ".tif", ".tiff", ".ppm", ".pgm" };
    g_autofree char *lower = g_ascii_strdown (name, -1);

    for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
        if (g_str_has_suffix (lower, ends[i]))
            return TRUE;
    return FALSE;
}

gboolean
fov_data_is_mask (const char *name)
{
    return g_str_has_suffix (name, ".mask.png");
}
