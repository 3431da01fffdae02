/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fuzz.h"
#include "graph/op.h"
#include "model/model.h"

const char *
fuzz_file (const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];

    if (fd < 0) {
        fd = memfd_create ("fuzz", MFD_CLOEXEC);
        if (fd < 0)
            abort ();
        g_snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate (fd, 0) != 0)
        abort ();
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite (fd, data + done, size - done, (off_t) done);

        if (n <= 0)
            abort ();
        done += (size_t) n;
    }
    return path;
}

char *
fuzz_folder (void)
{
    char *path = g_strdup ("/dev/shm/fovea-fuzz-XXXXXX");

    if (!g_mkdtemp (path)) {
        g_free (path);
        path = g_dir_make_tmp ("fovea-fuzz-XXXXXX", NULL);
    }
    if (!path)
        abort ();
    return path;
}

char *
fuzz_string (const uint8_t *data, size_t size)
{
    char *string = g_malloc (size + 1);

    if (size > 0)
        memcpy (string, data, size);
    string[size] = 0;
    return string;
}

/* A model that was accepted can be asked everything, and specialised or refused with a reason. */
static void
check (FovModel *model)
{
    g_autoptr (FovGraph) graph = fov_graph_copy (fov_model_graph (model));
    GError *error = NULL;
    FovTensorInfo info;

    if (fov_model_n_outputs (model) == 0)
        abort ();
    for (guint i = 0; i < fov_model_n_inputs (model); i++) {
        fov_model_input (model, i, &info);
        if (!g_utf8_validate (info.name, -1, NULL) || info.shape.rank > FOV_MAX_RANK)
            abort ();
    }
    if (fov_graph_specialize (graph, NULL, &error) != (error == NULL))
        abort ();
    g_clear_error (&error);
}

void
fuzz_model (const char *path)
{
    GError *error = NULL;
    FovModel *model = fov_model_load (path, &error);

    if ((model == NULL) != (error != NULL) ||
        (error && !g_utf8_validate (error->message, -1, NULL)))
        abort ();
    if (model)
        check (model);
    fov_model_unref (model);
    g_clear_error (&error);
}
