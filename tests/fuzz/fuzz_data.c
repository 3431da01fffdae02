/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fovea/data.h>
#include <glib/gstdio.h>

#include "fuzz.h"
#include "train/load/paint.h"

/*
 * An input is 'c', 's' or 'y' and the bytes of a COCO file, of a shard, or of a YOLO text file;
 * 'p' and those of a YOLO data.yaml, a zero byte, and a text file.
 */

static char *root; /* of YOLO sets of one picture, without and with a data.yaml; goes at the end */

static void
put (const char *name, const void *bytes, size_t size)
{
    g_autofree char *path = g_build_filename (root, name, NULL);
    g_autofree char *dir = g_path_get_dirname (path);
    int file;

    g_mkdir_with_parents (dir, 0700);
    file = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || write (file, bytes, size) != (ssize_t) size)
        abort ();
    close (file);
}

static void
clean_up (void)
{
    static const char *const all[] = { "y/images/a.jpg",
                                       "y/labels/a.txt",
                                       "y/classes.txt",
                                       "y/images",
                                       "y/labels",
                                       "y",
                                       "p/images/a.jpg",
                                       "p/labels/a.txt",
                                       "p/data.yaml",
                                       "p/images",
                                       "p/labels",
                                       "p",
                                       "" };

    for (size_t i = 0; i < G_N_ELEMENTS (all); i++) {
        g_autofree char *path = g_build_filename (root, all[i], NULL);
        g_remove (path);
    }
    g_free (root);
}

static char *
yolo_folder (const uint8_t *data, size_t size)
{
    const gboolean posed = data[0] == 'p';
    const uint8_t *text = data + 1, *zero = posed ? memchr (text, 0, size - 1) : NULL;

    if (!root) {
        root = fuzz_folder ();
        atexit (clean_up);
        put ("y/images/a.jpg", "", 0);
        put ("p/images/a.jpg", "", 0);
        put ("y/classes.txt", "dog\ncat\n", 8);
    }
    if (posed)
        put ("p/data.yaml", text, zero ? (size_t) (zero - text) : size - 1);
    text = zero ? zero + 1 : text;
    put (posed ? "p/labels/a.txt" : "y/labels/a.txt", text, (size_t) (data + size - text));
    return g_build_filename (root, posed ? "p" : "y", NULL);
}

/* A picture of that size can be made of the masks. */
static void
paint (const FovSample *s)
{
    FovImage map;

    if (s->width > 400 || s->height > 400)
        return;
    if (!fov_paint_map (s, s->width ? s->width : 40, s->width ? s->height : 30, NULL, 2, FALSE,
                        &map, NULL))
        abort ();
    g_free (map.plane[0]);
}

/* What was read keeps the promises that the loader relies on. */
static void
check (const FovData *data)
{
    for (guint i = 0; i < fov_data_length (data); i++) {
        const FovSample *s = fov_data_sample (data, i);
        const float w = s->width ? (float) s->width : 1, h = s->height ? (float) s->height : 1;
        for (guint k = 0; k < s->n_objects; k++) {
            const FovDataObject *o = &s->objects[k];
            if (!(o->box.x1 >= 0 && o->box.x1 < o->box.x2 && o->box.x2 <= w && o->box.y1 >= 0 &&
                  o->box.y1 < o->box.y2 && o->box.y2 <= h) ||
                o->label < (o->ignore ? -1 : 0) || o->label >= (int) fov_data_n_classes (data))
                abort ();
            for (guint p = 0; o->points && p < fov_data_n_points (data); p++)
                if (o->points[p].state > FOV_POINT_VISIBLE ||
                    fov_data_point_mirror (data, fov_data_point_mirror (data, p)) != p)
                    abort ();
        }
        paint (s);
        for (guint k = 0; k < s->n_classes; k++)
            if (s->classes[k] < 0 || s->classes[k] >= (int) fov_data_n_classes (data))
                abort ();
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    FovDataParams params = { .format = FOV_DATA_COCO };
    GError *error = NULL;
    g_autofree char *path = NULL;
    FovData *read;

    if (!size)
        return 0;
    if (data[0] == 'y' || data[0] == 'p') {
        params.format = FOV_DATA_YOLO;
        path = yolo_folder (data, size);
    } else {
        params.format = data[0] == 's' ? FOV_DATA_SHARDS : FOV_DATA_COCO;
        path = g_strdup (fuzz_file (data + 1, size - 1));
    }
    read = fov_data_open (path, &params, &error);
    if ((read == NULL) != (error != NULL))
        abort ();
    if (read) {
        FovData *train, *valid;
        check (read);
        fov_data_split (read, NULL, &train, &valid);
        fov_data_unref (train);
        fov_data_unref (valid);
    }
    fov_data_unref (read);
    g_clear_error (&error);
    return 0;
}
