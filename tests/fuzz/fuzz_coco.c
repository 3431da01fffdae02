/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "../../tools/coco.h"
#include "fuzz.h"

/* An input is a file of annotations, a zero byte, and a file of results. */

static void
read_results (const Coco *coco, const uint8_t *data, size_t size)
{
    GError *error = NULL;
    GArray **found = coco_load_found (coco, fuzz_file (data, size), &error);

    if ((found == NULL) != (error != NULL))
        abort ();
    coco_free_found (coco, found);
    g_clear_error (&error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr (data, 0, size) : NULL;
    size_t first = zero ? (size_t) (zero - data) : size;
    GError *error = NULL;
    Coco *coco = coco_load (fuzz_file (data, first), 0, &error);

    if ((coco == NULL) != (error != NULL))
        abort ();
    if (coco) {
        g_autoptr (FovLabels) labels = fov_labels_builtin ("coco80");
        g_array_unref (coco_map_classes (coco, labels));
        if (zero)
            read_results (coco, zero + 1, size - first - 1);
    }
    coco_free (coco);
    g_clear_error (&error);
    return 0;
}
