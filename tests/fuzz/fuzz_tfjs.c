/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glib/gstdio.h>
#include "graph/op.h"
#include "model/model.h"
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

static void
check (FovModel *model)
{
    g_autoptr (FovGraph) graph = fov_graph_copy (fov_model_graph (model));
    GError *error = NULL;

    if (fov_model_n_outputs (model) == 0)
        abort ();
    if (fov_graph_specialize (graph, NULL, &error) != (error == NULL))
        abort ();
    g_clear_error (&error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr (data, 0, size) : NULL;
    size_t json = zero ? (size_t) (zero - data) : size;
    GError *error = NULL;
    FovModel *model;

    if (!folder) {
        folder = g_dir_make_tmp ("fovea-fuzz-XXXXXX", NULL);
        if (!folder)
            abort ();
        atexit (remove_folder);
    }
    write_file ("model.json", data, json);
    write_file ("w", zero ? zero + 1 : data, zero ? size - json - 1 : 0);
    model = fov_model_load (folder, &error);
    if ((model == NULL) != (error != NULL) ||
        (error && !g_utf8_validate (error->message, -1, NULL)))
        abort ();
    if (model)
        check (model);
    fov_model_unref (model);
    g_clear_error (&error);
    return 0;
}
