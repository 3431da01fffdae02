/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TESTS_LAY_H
#define FOV_TESTS_LAY_H

/* Files of a data set, laid out in a folder of the test's own. */
#include <glib/gstdio.h>

#include "../unit/check.h"

static char *scratch;

static inline char *
put (const char *name, const char *text)
{
    char *path = g_build_filename (scratch, name, NULL);
    g_autofree char *dir = g_path_get_dirname (path);

    g_mkdir_with_parents (dir, 0700);
    assert_true (g_file_set_contents (path, text, -1, NULL));
    return path;
}

/* A file that is known by its folder. */
static inline void
lay (const char *name, const char *text)
{
    g_free (put (name, text));
}

static inline void
remove_all (const char *path)
{
    GDir *dir = g_dir_open (path, 0, NULL);

    for (const char *name; dir && (name = g_dir_read_name (dir));) {
        g_autofree char *below = g_build_filename (path, name, NULL);
        remove_all (below);
    }
    g_clear_pointer (&dir, g_dir_close);
    g_remove (path);
}

#endif
