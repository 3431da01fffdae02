/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a YOLO set has its names and its pictures: Darknet's, Ultralytics' and Roboflow's folders.
 */
#include "train/data/yolo.h"

#include <string.h>

static char *
first_file (const char *root, const char *const *usual, guint n, const char *const *ends)
{
    g_autoptr (GPtrArray) files = fov_data_list (root, FALSE, NULL);

    for (guint i = 0; i < n; i++) {
        g_autofree char *path = g_build_filename (root, usual[i], NULL);
        if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
            return g_steal_pointer (&path);
    }
    for (guint i = 0; files && i < files->len; i++)
        for (guint k = 0; ends[k]; k++)
            if (g_str_has_suffix (files->pdata[i], ends[k]))
                return g_build_filename (root, files->pdata[i], NULL);
    return NULL;
}

static gboolean
is_yaml (const char *path)
{
    return g_str_has_suffix (path, ".yaml") || g_str_has_suffix (path, ".yml");
}

static gboolean
load_yaml (FovYoloSet *set, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr (GError) found = NULL;
    gsize size;

    if (!g_file_get_contents (set->yaml, &text, &size, &found)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "cannot read '%s': %s", set->yaml,
                     found->message);
        return FALSE;
    }
    set->loaded = fov_yaml_load (&set->document, text, size, error);
    if (!set->loaded)
        g_prefix_error (error, "'%s': ", set->yaml);
    return set->loaded;
}

gboolean
fov_yolo_open (FovYoloSet *set, const char *path, GError **error)
{
    static const char *const yamls[] = { "data.yaml", "data.yml", "dataset.yaml" };
    static const char *const lists[] = { "classes.txt", "names.txt", "obj.names" };

    if (is_yaml (path) && g_file_test (path, G_FILE_TEST_IS_REGULAR)) {
        set->root = g_path_get_dirname (path);
        set->yaml = g_strdup (path);
    } else {
        set->root = g_strdup (path);
        set->yaml = first_file (path, yamls, G_N_ELEMENTS (yamls),
                                (const char *const[]){ ".yaml", ".yml", NULL });
    }
    if (set->yaml && !load_yaml (set, error))
        return FALSE;
    set->names = fov_yolo_member (set, "names")
                     ? g_strdup (set->yaml)
                     : first_file (set->root, lists, G_N_ELEMENTS (lists),
                                   (const char *const[]){ ".names", NULL });
    return TRUE;
}

void
fov_yolo_clear (FovYoloSet *set)
{
    if (set->loaded)
        yaml_document_delete (&set->document);
    g_free (set->root);
    g_free (set->yaml);
    g_free (set->names);
}

yaml_node_t *
fov_yolo_member (FovYoloSet *set, const char *key)
{
    return set->loaded ? fov_yaml_member (&set->document, key) : NULL;
}

/* ---- folders ------------------------------------------------------------------- */

static gboolean
is_folder (const char *path)
{
    return g_file_test (path, G_FILE_TEST_IS_DIR);
}

static void
add_folder (GPtrArray *folders, const char *path)
{
    if (is_folder (path) && !g_ptr_array_find_with_equal_func (folders, path, g_str_equal, NULL))
        g_ptr_array_add (folders, g_strdup (path));
}

/* "path" says what "train" and "val" are in; those that Roboflow writes start one folder too high.
 */
static char *
resolve (FovYoloSet *set, const char *text)
{
    const yaml_node_t *node = fov_yolo_member (set, "path");
    const char *path = node && fov_yaml_text (node) ? fov_yaml_text (node) : ".";
    g_autofree char *base =
        g_path_is_absolute (path) ? g_strdup (path) : g_build_filename (set->root, path, NULL);
    const char *below = g_str_has_prefix (text, "../") ? text + 3 : text;
    char *places[] = { g_path_is_absolute (text) ? g_strdup (text)
                                                 : g_build_filename (base, text, NULL),
                       g_build_filename (set->root, text, NULL),
                       g_build_filename (set->root, below, NULL) };
    char *found = NULL;

    for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
        g_autofree char *place = places[i];
        g_autofree char *images = g_build_filename (place, "images", NULL);
        if (!found && is_folder (place))
            found = g_strdup (is_folder (images) ? images : place);
    }
    return found;
}

static gboolean
add_named (FovYoloSet *set, const yaml_node_t *node, GPtrArray *folders, GError **error)
{
    const char *text = fov_yaml_text (node);
    g_autofree char *path = text && *text ? resolve (set, text) : NULL;

    if (path) {
        add_folder (folders, path);
        return TRUE;
    }
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                 "'%s': line %u: \"%.200s\" is no folder, expected one with pictures", set->yaml,
                 fov_yaml_line (node), text ? text : "");
    return FALSE;
}

/* What the description names, one folder or a list of them. FALSE: something that is not there. */
static gboolean
add_described (FovYoloSet *set, const char *part, GPtrArray *folders, GError **error)
{
    const yaml_node_t *node = fov_yolo_member (set, part), *one;

    if (!node || node->type != YAML_SEQUENCE_NODE)
        return !node || add_named (set, node, folders, error);
    for (guint i = 0; (one = fov_yaml_element (&set->document, node, i)); i++)
        if (!add_named (set, one, folders, error))
            return FALSE;
    return TRUE;
}

static const char *const measured[] = { "val", "valid", "validation", NULL };

/* images/PART or PART/images; of the part that is measured on under any of its names. */
static void
add_usual (FovYoloSet *set, const char *part, GPtrArray *folders)
{
    const char *const itself[] = { part, NULL };
    const char *const *names = g_strv_contains (measured, part) ? measured : itself;

    for (guint i = 0; names[i] && !folders->len; i++) {
        g_autofree char *below = g_build_filename (set->root, "images", names[i], NULL);
        g_autofree char *above = g_build_filename (set->root, names[i], "images", NULL);
        add_folder (folders, below);
        if (!folders->len)
            add_folder (folders, above);
    }
}

static gboolean
add_part (FovYoloSet *set, const char *part, GPtrArray *folders, GError **error)
{
    const guint before = folders->len;
    g_autoptr (GPtrArray) usual = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GError) found = NULL;

    if (!add_described (set, g_strv_contains (measured, part) ? "val" : part, folders, &found) ||
        folders->len == before) {
        add_usual (set, part, usual);
        for (guint i = 0; i < usual->len; i++)
            add_folder (folders, usual->pdata[i]);
    }
    if (found && !usual->len) {
        g_propagate_error (error, g_steal_pointer (&found));
        return FALSE;
    }
    return TRUE;
}

GPtrArray *
fov_yolo_folders (FovYoloSet *set, const char *part, GError **error)
{
    g_autoptr (GPtrArray) folders = g_ptr_array_new_with_free_func (g_free);
    g_autofree char *images = g_build_filename (set->root, "images", NULL);

    if (!part)
        add_folder (folders, images);
    if (part && !add_part (set, part, folders, error))
        return NULL;
    if (!part && !folders->len &&
        (!add_part (set, "train", folders, error) || !add_part (set, "val", folders, error)))
        return NULL;
    if (folders->len)
        return g_steal_pointer (&folders);
    g_set_error (error, FOV_ERROR, FOV_ERROR_IO,
                 "'%s': there are no pictures%s%s, expected a folder images/%s, %s/images or what "
                 "data.yaml names",
                 set->root, part ? " of the part " : "", part ? part : "", part ? part : "",
                 part ? part : "train");
    return NULL;
}

char *
fov_yolo_labels (const char *images)
{
    for (const char *at = images + strlen (images); at > images; at--)
        if (g_str_has_prefix (at - 1, "/images") && (at[6] == '/' || !at[6])) {
            g_autofree char *front = g_strndup (images, (gsize) (at - images));
            return g_strconcat (front, "labels", at + 6, NULL);
        }
    return g_strdup (images);
}

gboolean
fov_data_has_parts (const char *path)
{
    FovYoloSet set = { 0 };
    g_autoptr (GPtrArray) train = NULL, valid = NULL;

    if (fov_data_format (path) == FOV_DATA_YOLO && fov_yolo_open (&set, path, NULL)) {
        train = fov_yolo_folders (&set, "train", NULL);
        valid = fov_yolo_folders (&set, "val", NULL);
    }
    fov_yolo_clear (&set);
    for (guint i = 0; train && valid && i < valid->len; i++)
        if (g_ptr_array_find_with_equal_func (train, valid->pdata[i], g_str_equal, NULL))
            return FALSE;
    return train && valid;
}
