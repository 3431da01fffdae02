/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A folder of pictures, each with one of its pixels' classes beside it. */
#include "train/data/data-private.h"

#include <string.h>

/* A picture that nobody has painted yet is left out. */
static gboolean
read_picture (FovData *data, const char *folder, const char *name, GError **error)
{
    const char *dot = strrchr (name, '.');
    g_autofree char *picture = g_build_filename (folder, name, NULL);
    g_autofree char *base = g_strdup_printf ("%.*s.mask.png", (int) (dot - name), name);
    g_autofree char *mask = g_build_filename (folder, base, NULL);
    const FovSample sample = { .name = picture, .mask = mask };

    return !g_file_test (mask, G_FILE_TEST_EXISTS) || fov_data_add (data, &sample, error);
}

FovData *
fov_data_read_masks (const char *path, const FovDataParams *params, GError **error)
{
    g_autoptr (FovData) data = fov_data_new_with (params);
    g_autoptr (GPtrArray) files = fov_data_list (path, FALSE, error);

    if (!params->classes) {
        fov_data_add_class (data, "background");
        fov_data_add_class (data, "object");
    }
    for (guint i = 0; files && i < files->len; i++) {
        const char *name = files->pdata[i];
        if (fov_data_is_picture (name) && !fov_data_is_mask (name) &&
            !read_picture (data, path, name, error))
            return NULL;
    }
    return files ? g_steal_pointer (&data) : NULL;
}
