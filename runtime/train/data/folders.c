/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A folder for each class. */
#include "train/data/data-private.h"

static gboolean
read_class (FovData *data, const char *path, const char *name, int label, GError **error)
{
    g_autofree char *folder = g_build_filename (path, name, NULL);
    g_autoptr (GPtrArray) files = fov_data_list (folder, FALSE, error);

    for (guint i = 0; files && i < files->len; i++) {
        g_autofree char *picture = g_build_filename (folder, files->pdata[i], NULL);
        const FovSample sample = { .name = picture, .classes = &label, .n_classes = 1 };
        if (fov_data_is_picture (files->pdata[i]) && !fov_data_add (data, &sample, error))
            return FALSE;
    }
    return files != NULL;
}

FovData *
fov_data_read_folders (const char *path, const FovDataParams *params, GError **error)
{
    g_autoptr (FovData) data = fov_data_new_with (params);
    g_autoptr (GPtrArray) folders = fov_data_list (path, TRUE, error);

    for (guint i = 0; folders && i < folders->len; i++) {
        const char *name = folders->pdata[i];
        int label = params->classes ? fov_labels_find (params->classes, name) : (int) i;
        if (!params->classes)
            fov_data_add_class (data, name);
        if (label < 0 && params->skip_others)
            continue;
        if (label < 0) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "'%s': the folder '%s' is none of the %u classes that are to be learned",
                         path, name, fov_labels_count (params->classes));
            return NULL;
        }
        if (!read_class (data, path, name, label, error))
            return NULL;
    }
    return folders ? g_steal_pointer (&data) : NULL;
}
