/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_FOLDER_H
#define FOVEA_TESTS_FOLDER_H

/* A folder of the test program's own, which goes with all in it when the tests are over. */
#include <glib/gstdio.h>

#include "check.h"

static char *folder;

/* These two give a path that belongs to the caller. */
static inline char *
in_folder (const char *name)
{
    return g_build_filename (folder, name, NULL);
}

static inline char *
file_with (const char *name, const char *text)
{
    char *path = in_folder (name);
    g_autofree char *parent = g_path_get_dirname (path);

    assert_int_equal (g_mkdir_with_parents (parent, 0700), 0);
    assert_true (g_file_set_contents (path, text, -1, NULL));
    return path;
}

/* A file that is known by its folder. */
static inline void
lay (const char *name, const char *text)
{
    g_free (file_with (name, text));
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

static inline int
make_folder (void **state)
{
    folder = g_dir_make_tmp ("fovea-test-XXXXXX", NULL);
    return folder ? 0 : -1;
}

static inline int
remove_folder (void **state)
{
    remove_all (folder);
    g_clear_pointer (&folder, g_free);
    return 0;
}

/* As RUN of check.h. */
#define RUN_IN_FOLDER(name, tests)                                                                 \
    cmocka_run_group_tests_name (name, tests, make_folder, remove_folder)

#endif
