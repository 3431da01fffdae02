/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether there is anything to learn, and YOLO's label files are where they are looked for: a
 * picture without one has no objects, so one that is not found unlearns what is on it. */
#include "train-detect.h"

#include <stdio.h>
#include <string.h>

#define FEW 5 /* a picture in so many without a label file is nothing to speak of */

typedef struct {
    GHashTable *expected; /* char*: label files of pictures */
    guint pictures, without, strays;
    const char *picture; /* the first without one: */
    char *label;         /* what was looked for */
    char *stray;         /* the first */
} Files;

static void
files_clear (Files *f)
{
    g_hash_table_unref (f->expected);
    g_free (f->label);
    g_free (f->stray);
}

static void
note_pictures (Files *f, const FovData *data)
{
    for (guint i = 0; data && i < fov_data_length (data); i++) {
        const char *picture = fov_data_sample (data, i)->name;
        char *label = fov_data_label_file (picture);
        f->pictures++;
        if (!g_file_test (label, G_FILE_TEST_EXISTS) && f->without++ == 0) {
            f->picture = picture;
            f->label = g_strdup (label);
        }
        g_hash_table_add (f->expected, label);
    }
}

/* Links may run in a circle: folders are followed four deep, as those of pictures. */
static void
note_strays (Files *f, const char *folder, int depth)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);

    for (const char *name; dir && (name = g_dir_read_name (dir));) {
        g_autofree char *path = g_build_filename (folder, name, NULL);
        if (g_file_test (path, G_FILE_TEST_IS_DIR)) {
            if (depth)
                note_strays (f, path, depth - 1);
            continue;
        }
        /* Some programs that mark objects leave their list of classes there. */
        if (!g_str_has_suffix (name, ".txt") || g_str_equal (name, "classes.txt") ||
            g_hash_table_contains (f->expected, path))
            continue;
        f->strays++;
        g_hash_table_add (f->expected, g_strdup (path)); /* counted */
        if (!f->stray || strcmp (path, f->stray) < 0) {
            g_free (f->stray);
            f->stray = g_steal_pointer (&path);
        }
    }
}

/* In the folders that label files are expected in, wherever the set has them. */
static void
note_beside (Files *f, const FovData *data)
{
    g_autofree char *last = NULL;

    for (guint i = 0; i < fov_data_length (data); i++) {
        g_autofree char *label = fov_data_label_file (fov_data_sample (data, i)->name);
        g_autofree char *folder = g_path_get_dirname (label);
        if (g_strcmp0 (folder, last))
            note_strays (f, folder, 0);
        g_free (last);
        last = g_steal_pointer (&folder);
    }
}

static Files
find_files (const TrainOptions *o, const char *root, const DetectParts *parts)
{
    Files f = { .expected = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };

    if (fov_data_format (root) != FOV_DATA_YOLO)
        return f;
    /* Of pictures left out the label files are there all the same. */
    for (guint i = 0; i < G_N_ELEMENTS (parts->data); i++)
        note_pictures (&f, parts->data[i]);
    for (guint i = 0; i < G_N_ELEMENTS (parts->data) && !o->max_images; i++) {
        g_autofree char *folder = g_build_filename (root, "labels", parts->name[i], NULL);
        if (parts->data[i]) {
            note_strays (&f, folder, 4);
            note_beside (&f, parts->data[i]);
        }
    }
    return f;
}

static char *
describe_strays (const Files *f)
{
    return f->strays ? g_strdup_printf ("%u label files belong to no picture, as '%s'", f->strays,
                                        f->stray)
                     : g_strdup ("");
}

static void
fail (const Files *f, const char *path, const FovData *train, guint64 apart, GError **error)
{
    const FovSample *first = fov_data_length (train) ? fov_data_sample (train, 0) : NULL;
    g_autofree char *strays = describe_strays (f), *where = NULL;
    g_autofree char *label =
        first && fov_data_format (path) == FOV_DATA_YOLO ? fov_data_label_file (first->name) : NULL;

    if (apart)
        where = g_strdup_printf ("%" G_GUINT64_FORMAT
                                 " are on those that are kept apart (see --validation)",
                                 apart);
    else if (label)
        where = g_strdup_printf ("those of '%s' were looked for in '%s', %s", first->name, label,
                                 g_file_test (label, G_FILE_TEST_EXISTS) ? "which names none"
                                                                         : "which is not there");
    else
        where = g_strdup ("expected boxes with an area, which are not all to be ignored");
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "%s: no object on any of %u pictures to learn from; %s%s%s", path,
                 fov_data_length (train), where, f->strays ? "; " : "", strays);
}

static void
warn (const Files *f, const char *path)
{
    g_autofree char *strays = describe_strays (f);

    if (f->without > f->pictures / FEW)
        g_printerr ("%s: %u of %u pictures have no label file and count as without objects, as "
                    "'%s', for which there is no '%s'%s%s\n",
                    path, f->without, f->pictures, f->picture, f->label, f->strays ? "; " : "",
                    strays);
    else if (f->strays)
        g_printerr ("%s: %s\n", path, strays);
}

guint64
detect_count_objects (const FovData *data)
{
    g_autofree guint64 *counts = g_new0 (guint64, fov_data_n_classes (data) + 1);
    guint64 n = 0;

    fov_data_count (data, counts);
    for (guint i = 0; i < fov_data_n_classes (data); i++)
        n += counts[i];
    return n;
}

gboolean
detect_check_labels (const TrainOptions *o, const char *path, const DetectParts *parts,
                     const FovData *train, const FovData *valid, GError **error)
{
    const char *file = o->annotations ? o->annotations : path;
    const gboolean ok = detect_count_objects (train) > 0;
    const gboolean dealt = valid && !parts->data[1] && !o->valid_annotations;
    Files f = find_files (o, file, parts);

    if (ok)
        warn (&f, file);
    else
        fail (&f, file, train, dealt ? detect_count_objects (valid) : 0, error);
    files_clear (&f);
    return ok;
}
