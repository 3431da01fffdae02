/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fovea/data.h>
#include <glib/gstdio.h>

#include "fuzz.h"

/* An input is 'c', 's' or 'y' and the bytes of a COCO file, of a shard, or of a YOLO text file. */

static char *root; /* of a YOLO set of one picture; goes at the end */

static void
put (const char *folder, const char *name, const void *bytes, size_t size)
{
    g_autofree char *dir = g_build_filename (root, folder, NULL);
    g_autofree char *path = g_build_filename (dir, name, NULL);
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
    static const char *const all[] = { "images/a.jpg", "labels/a.txt", "classes.txt",
                                       "images",       "labels",       "" };

    for (size_t i = 0; i < G_N_ELEMENTS (all); i++) {
        g_autofree char *path = g_build_filename (root, all[i], NULL);
        g_remove (path);
    }
    g_free (root);
}

static const char *
yolo_folder (const uint8_t *data, size_t size)
{
    if (!root) {
        root = g_dir_make_tmp ("fovea-fuzz-XXXXXX", NULL);
        if (!root)
            abort ();
        atexit (clean_up);
        put ("images", "a.jpg", "", 0);
        put (".", "classes.txt", "dog\ncat\n", 8);
    }
    put ("labels", "a.txt", data, size);
    return root;
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
        }
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
    const char *path;
    FovData *read;

    if (!size)
        return 0;
    if (data[0] == 'y') {
        params.format = FOV_DATA_YOLO;
        path = yolo_folder (data + 1, size - 1);
    } else {
        params.format = data[0] == 's' ? FOV_DATA_SHARDS : FOV_DATA_COCO;
        path = fuzz_file (data + 1, size - 1);
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
