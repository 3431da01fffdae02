/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch-dir.h"

#include <glib/gstdio.h>

char *
scratch_dir_new (GError **error)
{
    return g_dir_make_tmp ("fovea-XXXXXX", error);
}

void
scratch_dir_empty (const char *path)
{
    g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name (dir))) {
        g_autofree char *child = g_build_filename (path, name, NULL);
        if (g_file_test (child, G_FILE_TEST_IS_DIR) && !g_file_test (child, G_FILE_TEST_IS_SYMLINK))
            scratch_dir_remove (child);
        else
            g_unlink (child);
    }
}

void
scratch_dir_remove (const char *path)
{
    scratch_dir_empty (path);
    g_rmdir (path);
}
