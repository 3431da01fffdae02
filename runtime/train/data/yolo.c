/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Darknet's and Ultralytics' layout: images/ and, beside it, labels/ with a text file for each. */
#include "train/data/yolo.h"

#include <math.h>
#include <string.h>

typedef struct {
    const FovDataParams *params;
    FovData *data;
    GArray *map; /* int: the file's class -> label, -1: left out */
    guint
        point_words; /* of a point in a line: 2 or 3; 0: no points, more than a box is a polygon */
} Reader;

/* Of one file. */
typedef struct {
    GArray *objects;
    GPtrArray *shapes; /* what their masks and points are in */
} Read;

/* ---- classes ------------------------------------------------------------------- */

static gboolean
map_classes (Reader *r, const FovYoloSet *set, GError **error)
{
    const char *path = set->names;
    g_autoptr (FovLabels) names = NULL;

    if (!path && r->params->classes) { /* the files' numbers are taken as they are */
        for (int i = 0; i < (int) fov_labels_count (r->params->classes); i++)
            g_array_append_val (r->map, i);
        return TRUE;
    }
    if (!path) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO,
                     "'%s': there are no class names: expected \"names\" in data.yaml, "
                     "classes.txt or a *.names file",
                     set->root);
        return FALSE;
    }
    names = fov_labels_load (path, error);
    for (guint i = 0; names && i < fov_labels_count (names); i++) {
        const char *name = fov_labels_get (names, i);
        int label = r->params->classes ? fov_labels_find (r->params->classes, name) : (int) i;
        if (label < 0 && !r->params->skip_others) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "'%s': '%s' is none of the %u classes that are to be learned", path, name,
                         fov_labels_count (r->params->classes));
            return FALSE;
        }
        if (!r->params->classes)
            fov_data_add_class (r->data, name);
        g_array_append_val (r->map, label);
    }
    return names != NULL;
}

/* ---- points -------------------------------------------------------------------- */

/* Without UTF-8's byte order mark, which some editors put first. */
static const char *
without_mark (const char *text)
{
    return g_str_has_prefix (text, "\xef\xbb\xbf") ? text + 3 : text;
}

/* "key: [1, 2]"; FALSE where it is not there. What is no number is left out. */
static gboolean
find_list (FovYoloSet *set, const char *key, GArray *numbers)
{
    const yaml_node_t *list = fov_yolo_member (set, key), *node;

    g_array_set_size (numbers, 0);
    for (guint i = 0; list && list->type == YAML_SEQUENCE_NODE &&
                      (node = fov_yaml_element (&set->document, list, i));
         i++) {
        guint64 v;
        const char *text = fov_yaml_text (node);
        int number;
        if (!text || !g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &v, NULL))
            continue;
        number = (int) MIN (v, G_MAXINT);
        g_array_append_val (numbers, number);
    }
    return list != NULL;
}

static gboolean
read_points_of (Reader *r, FovYoloSet *set, GError **error)
{
    g_autoptr (GArray) shape = g_array_new (FALSE, FALSE, sizeof (int));
    g_autoptr (GArray) mirror = g_array_new (FALSE, FALSE, sizeof (int));
    g_autoptr (GError) found = NULL;
    const int *size;
    gboolean flips;

    if (!find_list (set, "kpt_shape", shape))
        return TRUE;
    size = (const int *) (gconstpointer) shape->data;
    flips = find_list (set, "flip_idx", mirror);
    if (shape->len != 2 || size[0] < 1 || size[1] < 2 || size[1] > 3 ||
        (flips && mirror->len != (guint) size[0])) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "'%s': line %u: expected \"kpt_shape: [points, 2 or 3]\" and as many numbers "
                     "in \"flip_idx: [...]\"",
                     set->yaml, fov_yaml_line (fov_yolo_member (set, "kpt_shape")));
        return FALSE;
    }
    r->point_words = (guint) size[1];
    if (fov_data_set_points (r->data, (guint) size[0], NULL,
                             flips ? (const int *) (gconstpointer) mirror->data : NULL, &found))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "'%s': %s", set->yaml, found->message);
    return FALSE;
}

/* ---- label files ---------------------------------------------------------------- */

/* A line's numbers; FALSE where something else is in it. */
static gboolean
read_numbers (const char *line, GArray *values)
{
    g_array_set_size (values, 0);
    for (const char *p = line;;) {
        char *end;
        double v;
        while (*p == ' ' || *p == '\t' || *p == '\r')
            p++;
        if (!*p)
            return TRUE;
        v = g_ascii_strtod (p, &end);
        if (end == p || !isfinite (v) || (*end && !strchr (" \t\r", *end)))
            return FALSE;
        g_array_append_val (values, v);
        p = end;
    }
}

/* "cx cy w h", or a polygon's corners. */
static FovBox
box_of (const double *v, guint n)
{
    FovBox box = { (float) v[0], (float) v[1], (float) v[0], (float) v[1] };

    if (n == 4)
        return (FovBox){ (float) (v[0] - v[2] / 2), (float) (v[1] - v[3] / 2),
                         (float) (v[0] + v[2] / 2), (float) (v[1] + v[3] / 2) };
    for (guint i = 0; i < n; i += 2) {
        box.x1 = MIN (box.x1, (float) v[i]);
        box.x2 = MAX (box.x2, (float) v[i]);
        box.y1 = MIN (box.y1, (float) v[i + 1]);
        box.y2 = MAX (box.y2, (float) v[i + 1]);
    }
    return box;
}

/* What stands behind a box; a state that is not written is "visible" but at 0, 0. */
static gboolean
take_points (const Reader *r, const double *v, FovShape2D *shape)
{
    for (guint i = 0; i < fov_data_n_points (r->data); i++, v += r->point_words) {
        const double state = r->point_words == 3      ? v[2]
                             : v[0] == 0 && v[1] == 0 ? FOV_POINT_NONE
                                                      : FOV_POINT_VISIBLE;
        const FovDataPoint p = { (float) v[0], (float) v[1], (FovPointState) state };
        if (state != 0 && state != 1 && state != 2)
            return FALSE;
        g_array_append_val (shape->points, p);
    }
    return TRUE;
}

static void
take_polygon (const double *v, guint n, FovShape2D *shape)
{
    const guint corners = n / 2;

    for (guint i = 0; i < n; i++) {
        const float value = (float) v[i];
        g_array_append_val (shape->corners, value);
    }
    g_array_append_val (shape->lengths, corners);
}

static gboolean
wrong (const char *path, guint line, GError **error, const char *text)
{
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "'%s': line %u: %s", path, line, text);
    return FALSE;
}

static gboolean
check_line (const Reader *r, const char *path, guint line, const double *v, guint n, GError **error)
{
    const guint points = fov_data_n_points (r->data), posed = 5 + points * r->point_words;

    if (points && n != posed) {
        g_autofree char *text =
            g_strdup_printf ("%u numbers, expected %u: a class, 4 numbers and %u points of %u", n,
                             posed, points, r->point_words);
        return wrong (path, line, error, text);
    }
    if (!points && n != 5 && (n < 7 || n % 2 == 0))
        return wrong (path, line, error,
                      "expected a class and 4 numbers, or the 3 or more corners of a polygon");
    if (v[0] != floor (v[0]) || v[0] < -1 || v[0] >= (double) r->map->len) {
        g_autofree char *text =
            g_strdup_printf ("class %g, expected 0..%d, or -1 for a region to be ignored", v[0],
                             (int) r->map->len - 1);
        return wrong (path, line, error, text);
    }
    for (guint i = 1; i < n; i++)
        if (v[i] < -1 || v[i] > 2)
            return wrong (path, line, error, "expected shares of the picture, 0..1");
    if ((points || n == 5) && (v[3] < 0 || v[4] < 0))
        return wrong (path, line, error, "a negative size");
    return TRUE;
}

static gboolean
read_line (Reader *r, const char *path, guint line, const GArray *values, Read *read,
           GError **error)
{
    const double *v = &g_array_index (values, double, 0);
    const guint n = values->len;
    FovDataObject o = { .label = -1 };
    FovShape2D *shape = NULL;

    if (!check_line (r, path, line, v, n, error))
        return FALSE;
    if (n > 5) {
        shape = fov_shape_2d_new ();
        g_ptr_array_add (read->shapes, shape);
    }
    if (r->point_words && !take_points (r, v + 5, shape))
        return wrong (path, line, error, "a point's third number is none of 0, 1, 2");
    if (shape && !r->point_words)
        take_polygon (v + 1, n - 1, shape);
    o.ignore = v[0] < 0;
    o.box = box_of (v + 1, r->point_words ? 4 : n - 1);
    if (shape)
        fov_shape_2d_give (shape, &o);
    if (!o.ignore)
        o.label = g_array_index (r->map, int, (guint) v[0]);
    if (o.ignore || o.label >= 0)
        g_array_append_val (read->objects, o);
    return TRUE;
}

static gboolean
read_objects (Reader *r, const char *path, Read *read, GError **error)
{
    g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (double));
    g_autofree char *text = NULL;
    g_autoptr (GError) found = NULL;
    g_auto (GStrv) lines = NULL;
    gsize length;

    if (!g_file_get_contents (path, &text, &length, &found)) {
        if (g_error_matches (found, G_FILE_ERROR, G_FILE_ERROR_NOENT))
            return TRUE; /* a picture without objects */
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "cannot read '%s': %s", path, found->message);
        return FALSE;
    }
    if (memchr (text, 0, length))
        return wrong (path, 1, error, "a zero byte: this is no text");
    lines = g_strsplit (without_mark (text), "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        if (!read_numbers (lines[i], values))
            return wrong (path, i + 1, error, "expected numbers");
        if (values->len && !read_line (r, path, i + 1, values, read, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- folders -------------------------------------------------------------------- */

char *
fov_data_label_file (const char *picture)
{
    g_autofree char *images = g_path_get_dirname (picture), *base = g_path_get_basename (picture);
    g_autofree char *labels = fov_yolo_labels (images);
    const char *dot = strrchr (base, '.');
    g_autofree char *stem = dot ? g_strndup (base, (gsize) (dot - base)) : g_strdup (base);
    g_autofree char *file = g_strconcat (stem, ".txt", NULL);

    return g_build_filename (labels, file, NULL);
}

static gboolean
read_picture (Reader *r, const char *images, const char *name, GError **error)
{
    g_autofree char *picture = g_build_filename (images, name, NULL);
    g_autofree char *text = fov_data_label_file (picture);
    g_autoptr (GArray) objects = fov_objects_new ();
    g_autoptr (GPtrArray) shapes = g_ptr_array_new_with_free_func (fov_shape_2d_free);
    FovSample sample = { .name = picture };

    if (!read_objects (r, text, &(Read){ objects, shapes }, error))
        return FALSE;
    sample.objects = (const FovDataObject *) (void *) objects->data;
    sample.n_objects = objects->len;
    return fov_data_add (r->data, &sample, error);
}

static gboolean
read_folder (Reader *r, const char *images, int depth, GError **error)
{
    g_autoptr (GPtrArray) files = fov_data_list (images, FALSE, error);
    g_autoptr (GPtrArray) folders = files ? fov_data_list (images, TRUE, error) : NULL;

    for (guint i = 0; folders && i < files->len; i++)
        if (fov_data_is_picture (files->pdata[i]) &&
            !read_picture (r, images, files->pdata[i], error))
            return FALSE;
    for (guint i = 0; folders && depth && i < folders->len; i++) {
        g_autofree char *below = g_build_filename (images, folders->pdata[i], NULL);
        if (!read_folder (r, below, depth - 1, error))
            return FALSE;
    }
    return folders != NULL;
}

static gboolean
read_set (Reader *r, FovYoloSet *set, const char *path, GError **error)
{
    g_autoptr (GPtrArray) folders = NULL;

    if (!fov_yolo_open (set, path, error) || !map_classes (r, set, error) ||
        !read_points_of (r, set, error))
        return FALSE;
    folders = fov_yolo_folders (set, r->params->part, error);
    for (guint i = 0; folders && i < folders->len; i++) {
        /* Links may run in a circle: folders are followed four deep. */
        if (!read_folder (r, folders->pdata[i], 4, error))
            return FALSE;
    }
    return folders != NULL;
}

FovData *
fov_data_read_yolo (const char *path, const FovDataParams *params, GError **error)
{
    Reader r = { .params = params,
                 .data = fov_data_new_with (params),
                 .map = g_array_new (FALSE, FALSE, sizeof (int)) };
    FovYoloSet set = { 0 };

    if (!read_set (&r, &set, path, error))
        g_clear_pointer (&r.data, fov_data_unref);
    fov_yolo_clear (&set);
    g_array_unref (r.map);
    return r.data;
}
