/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* COCO's annotations (Lin et al. 2014; the "instances" files). */
#include "train/data/data-private.h"

#include <string.h>

typedef struct {
    FovSample sample; /* video is owned here */
    const char *file; /* of the tree that is read */
    GArray *objects;
    GPtrArray *shapes; /* what their masks and points are in */
} Picture;

typedef struct {
    const FovDataParams *params;
    FovData *data;
    GHashTable *labels; /* category id -> label + 1; -1: left out */
    GHashTable *index;  /* gint64 * image id -> index into pictures, + 1 */
    GArray *pictures;   /* Picture */
    GPtrArray *to_sort; /* Category*: categories of the file's own list */
} Reader;

typedef struct {
    gint64 id;
    const char *name;
} Category;

static void
picture_clear (gpointer data)
{
    Picture *picture = data;

    g_free ((char *) picture->sample.video);
    g_array_unref (picture->objects);
    g_ptr_array_unref (picture->shapes);
}

/* ---- categories ---------------------------------------------------------------- */

static void
set_label (Reader *r, gint64 id, int label)
{
    g_hash_table_insert (r->labels, GINT_TO_POINTER ((int) id),
                         GINT_TO_POINTER (label < 0 ? -1 : label + 1));
}

static gboolean
read_category (Reader *r, const FovJsonAt *at, JsonObject *object)
{
    const char *name = fov_field_text (object, "name");
    Category *category;
    gint64 id;

    if (!fov_field_int (at, object, "id", 0, G_MAXINT, &id))
        return FALSE;
    if (!name || !name[strspn (name, " \t\r\n")])
        return fov_field_wrong (at, "\"name\" is %s", name ? "empty" : "missing");
    if (g_hash_table_contains (r->labels, GINT_TO_POINTER ((int) id)))
        return fov_field_wrong (at, "id %d is there twice", (int) id);
    if (!fov_field_point_names (at, object, r->data))
        return FALSE;
    set_label (r, id, -1);
    if (r->params->classes) {
        int label = fov_labels_find (r->params->classes, name);
        if (label < 0 && !r->params->skip_others)
            return fov_field_wrong (at, "'%s' is none of the %u classes that are to be learned",
                                    name, fov_labels_count (r->params->classes));
        set_label (r, id, label);
        return TRUE;
    }
    category = g_new (Category, 1);
    *category = (Category){ id, name };
    g_ptr_array_add (r->to_sort, category);
    return TRUE;
}

static int
by_id (gconstpointer a, gconstpointer b)
{
    const Category *x = *(Category *const *) a, *y = *(Category *const *) b;

    return (x->id > y->id) - (x->id < y->id);
}

static void
number_categories (Reader *r)
{
    g_ptr_array_sort (r->to_sort, by_id);
    for (guint i = 0; i < r->to_sort->len; i++) {
        const Category *category = r->to_sort->pdata[i];
        fov_data_add_category (r->data, category->name, (int) category->id);
        set_label (r, category->id, (int) i);
    }
}

/* ---- images and annotations ---------------------------------------------------- */

static gboolean
read_video (Picture *picture, const FovJsonAt *at, JsonObject *object)
{
    const char *video = fov_field_text (object, "video");
    const char *frame = fov_field_member (object, "frame") ? "frame" : "frame_id";
    gint64 id = -1;

    if (!fov_field_maybe_int (at, object, frame, 0, G_MAXINT64, &picture->sample.frame) ||
        (!video && !fov_field_maybe_int (at, object, "video_id", G_MININT64, G_MAXINT64, &id)))
        return FALSE;
    if (video)
        picture->sample.video = g_strdup (video);
    else if (fov_field_member (object, "video_id"))
        picture->sample.video = g_strdup_printf ("%" G_GINT64_FORMAT, id);
    return TRUE;
}

static gboolean
read_image (Reader *r, const FovJsonAt *at, JsonObject *object)
{
    Picture picture = { .sample.frame = -1, .file = fov_field_text (object, "file_name") };
    gint64 id, width, height, *key;

    if (!fov_field_int (at, object, "id", G_MININT64, G_MAXINT64, &id) ||
        !fov_field_int (at, object, "width", 1, 32768, &width) ||
        !fov_field_int (at, object, "height", 1, 32768, &height))
        return FALSE;
    if (!picture.file || !*picture.file)
        return fov_field_wrong (at, "\"file_name\" is missing");
    if (g_hash_table_contains (r->index, &id))
        return fov_field_wrong (at, "id %" G_GINT64_FORMAT " is there twice", id);
    picture.sample.width = (int) width;
    picture.sample.height = (int) height;
    picture.sample.id = id;
    picture.objects = fov_objects_new ();
    picture.shapes = g_ptr_array_new_with_free_func (fov_shape_2d_free);
    if (!read_video (&picture, at, object)) {
        picture_clear (&picture);
        return FALSE;
    }
    g_array_append_val (r->pictures, picture);
    key = g_new (gint64, 1);
    *key = id;
    g_hash_table_insert (r->index, key, GUINT_TO_POINTER (r->pictures->len));
    return TRUE;
}

static gboolean
read_annotation (Reader *r, const FovJsonAt *at, JsonObject *object)
{
    FovDataObject o = { 0 };
    gint64 image, category, crowd = 0, ignore = 0;
    Picture *picture;
    guint index;
    int label;

    if (!fov_field_int (at, object, "image_id", G_MININT64, G_MAXINT64, &image) ||
        !fov_field_int (at, object, "category_id", 0, G_MAXINT, &category) ||
        !fov_field_box (at, object, &o.box) ||
        !fov_field_maybe_int (at, object, "iscrowd", 0, 1, &crowd) ||
        !fov_field_maybe_int (at, object, "ignore", 0, 1, &ignore))
        return FALSE;
    index = GPOINTER_TO_UINT (g_hash_table_lookup (r->index, &image));
    label = GPOINTER_TO_INT (g_hash_table_lookup (r->labels, GINT_TO_POINTER ((int) category)));
    if (!index)
        return fov_field_wrong (at, "there is no image with id %" G_GINT64_FORMAT, image);
    if (!label)
        return fov_field_wrong (at, "there is no category with id %d", (int) category);
    if (label < 0)
        return TRUE;
    o.label = label - 1;
    o.area = fov_field_number (fov_field_member (object, "area"));
    if (!(o.area > 0 && o.area < 1e12))
        o.area = 0;
    o.ignore = crowd || ignore;
    picture = &g_array_index (r->pictures, Picture, index - 1);
    if (!fov_field_shapes (at, object, picture->sample.width, picture->sample.height, r->data, &o,
                           picture->shapes))
        return FALSE;
    g_array_append_val (picture->objects, o);
    return TRUE;
}

/* ---- the file ------------------------------------------------------------------- */

typedef gboolean (*ReadEntry) (Reader *r, const FovJsonAt *at, JsonObject *object);

static gboolean
read_list (Reader *r, JsonObject *root, const char *path, const char *name, ReadEntry read,
           GError **error)
{
    const FovJsonAt file = { path, NULL, 0, error };
    FovJsonAt at = { path, name, 0, error };
    JsonArray *array = fov_field_list (&file, root, name, TRUE);
    const guint n = array ? json_array_get_length (array) : 0;

    for (; at.index < n; at.index++) {
        JsonObject *object = fov_field_entry (&at, array);
        if (!object || !read (r, &at, object))
            return FALSE;
    }
    return array != NULL;
}

/* The first of the usual places that holds the first picture. */
static char *
find_folder (const Reader *r, const char *path)
{
    g_autofree char *dir = g_path_get_dirname (path), *base = g_path_get_basename (path);
    const char *name = g_str_has_prefix (base, "instances_") ? base + 10 : base;
    g_autofree char *stem = g_strndup (name, strcspn (name, "."));
    g_autofree char *up = g_path_get_dirname (dir);
    const char *const places[][2] = { { dir, "" },      { dir, stem }, { dir, "images" },
                                      { up, "images" }, { up, stem },  { up, "" } };

    for (guint i = 0; r->pictures->len && i < G_N_ELEMENTS (places); i++) {
        const char *file = g_array_index (r->pictures, Picture, 0).file;
        g_autofree char *picture = g_build_filename (places[i][0], places[i][1], file, NULL);
        if (g_file_test (picture, G_FILE_TEST_IS_REGULAR))
            return g_build_filename (places[i][0], places[i][1], NULL);
    }
    return g_strdup (dir);
}

/* Where a folder is given the file's name may have another in front, or none. */
static char *
picture_path (const Reader *r, const char *folder, const char *file)
{
    g_autofree char *path = g_build_filename (folder, file, NULL);
    g_autofree char *base = g_path_get_basename (file), *other = NULL;

    if (r->params->pictures && strchr (file, '/') && !g_file_test (path, G_FILE_TEST_EXISTS))
        other = g_build_filename (folder, base, NULL);
    return other && g_file_test (other, G_FILE_TEST_EXISTS) ? g_steal_pointer (&other)
                                                            : g_steal_pointer (&path);
}

static gboolean
add_pictures (Reader *r, const char *path, GError **error)
{
    g_autofree char *folder =
        r->params->pictures ? g_strdup (r->params->pictures) : find_folder (r, path);

    for (guint i = 0; i < r->pictures->len; i++) {
        Picture *p = &g_array_index (r->pictures, Picture, i);
        g_autofree char *name = picture_path (r, folder, p->file);
        p->sample.name = name;
        p->sample.objects = (const FovDataObject *) (void *) p->objects->data;
        p->sample.n_objects = p->objects->len;
        if (!fov_data_add (r->data, &p->sample, error)) {
            g_prefix_error (error, "'%s': images[%u]: ", path, i);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
read_all (Reader *r, const char *path, GError **error)
{
    g_autoptr (JsonNode) root = fov_field_file (path, error);
    JsonObject *object;

    if (!root)
        return FALSE;
    object = JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
    if (!read_list (r, object, path, "categories", read_category, error))
        return FALSE;
    number_categories (r);
    return read_list (r, object, path, "images", read_image, error) &&
           read_list (r, object, path, "annotations", read_annotation, error) &&
           add_pictures (r, path, error);
}

FovData *
fov_data_read_coco (const char *path, const FovDataParams *params, GError **error)
{
    Reader r = { .params = params,
                 .data = fov_data_new_with (params),
                 .labels = g_hash_table_new (NULL, NULL),
                 .index = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL),
                 .pictures = g_array_new (FALSE, FALSE, sizeof (Picture)),
                 .to_sort = g_ptr_array_new_with_free_func (g_free) };

    g_array_set_clear_func (r.pictures, picture_clear);
    if (!read_all (&r, path, error))
        g_clear_pointer (&r.data, fov_data_unref);
    g_array_unref (r.pictures);
    g_hash_table_unref (r.index);
    g_hash_table_unref (r.labels);
    g_ptr_array_unref (r.to_sort);
    return r.data;
}
