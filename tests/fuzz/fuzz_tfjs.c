/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glib/gstdio.h>
#include "fuzz.h"

/* An input is a model.json, a zero byte, and the bytes of its weights file "w". */

static char *folder;

static void
remove_folder (void)
{
    g_autofree char *json = g_build_filename (folder, "model.json", NULL);
    g_autofree char *weights = g_build_filename (folder, "w", NULL);

    g_unlink (json);
    g_unlink (weights);
    g_rmdir (folder);
    g_free (folder);
}

static void
write_file (const char *name, const uint8_t *data, size_t size)
{
    g_autofree char *path = g_build_filename (folder, name, NULL);
    FILE *file = fopen (path, "wb");

    if (!file || fwrite (data, 1, size, file) != size || fclose (file) != 0)
        abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr (data, 0, size) : NULL;
    size_t json = zero ? (size_t) (zero - data) : size;

    if (!folder) {
        folder = fuzz_folder ();
        atexit (remove_folder);
    }
    write_file ("model.json", data, json);
    write_file ("w", zero ? zero + 1 : data, zero ? size - json - 1 : 0);
    fuzz_model (folder);
    return 0;
}
