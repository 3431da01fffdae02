/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a fuzz target over every file of its corpus without libFuzzer: once
 * whole and cut short at seeded places, so that each build, sanitised or not,
 * meets damaged input. Speaks TAP; a crash or a sanitizer's report fails it.
 */
#include <stdio.h>
#include <stdlib.h>
#include "fuzz.h"

enum { CUTS = 16 };

static int
by_name (gconstpointer a, gconstpointer b)
{
    return g_strcmp0 (*(const char *const *) a, *(const char *const *) b);
}

static GPtrArray *
list_files (const char *folder, GError **error)
{
    GPtrArray *files = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
    const char *name;

    while (dir && (name = g_dir_read_name (dir)))
        g_ptr_array_add (files, g_build_filename (folder, name, NULL));
    g_ptr_array_sort (files, by_name);
    return files;
}

/* An exact-size copy each time, so that a read past the end is seen. */
static void
run (const char *data, gsize size)
{
    uint8_t *copy = g_memdup2 (data, size);

    LLVMFuzzerTestOneInput (copy, size);
    g_free (copy);
}

static void
replay (const char *data, gsize size)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (1);

    run (data, size);
    for (int i = 0; i < CUTS && size > 0; i++)
        run (data, (gsize) (g_rand_double (rand) * (double) size));
}

int
main (int argc, char **argv)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) files = NULL;

    if (argc != 2) {
        fprintf (stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    files = list_files (argv[1], &error);
    if (files->len == 0) {
        printf ("Bail out! %s\n", error ? error->message : "the corpus is empty");
        return EXIT_FAILURE;
    }
    printf ("1..%u\n", files->len);
    for (guint i = 0; i < files->len; i++) {
        const char *path = g_ptr_array_index (files, i);
        g_autofree char *data = NULL;
        gsize size;
        gboolean ok = g_file_get_contents (path, &data, &size, NULL);

        if (ok)
            replay (data, size);
        printf ("%s %u - %s\n", ok ? "ok" : "not ok", i + 1, path);
        fflush (stdout);
    }
    return EXIT_SUCCESS;
}
