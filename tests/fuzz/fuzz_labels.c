/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <fovea/labels.h>
#include "fuzz.h"

/* A list that was accepted keeps the header's promises. */
static void
check (FovLabels *labels, GError *error)
{
    if ((labels == NULL) != (error != NULL))
        abort ();
    if (labels) {
        guint n = fov_labels_count (labels);

        if (n > 100000 || fov_labels_get (labels, n))
            abort ();
        for (guint i = 0; i < n; i++) {
            const char *name = fov_labels_get (labels, i);

            if (name && !g_utf8_validate (name, -1, NULL))
                abort ();
        }
        fov_labels_unref (labels);
    }
    g_clear_error (&error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree char *string = fuzz_string (data, size);
    GError *error = NULL;
    FovLabels *labels;

    labels = fov_labels_load (fuzz_file (data, size), &error);
    check (labels, error);
    error = NULL;
    labels = fov_labels_parse (string, &error);
    check (labels, error);
    error = NULL;
    labels = fov_labels_parse_names (string, &error);
    check (labels, error);
    return 0;
}
