/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "../../tools/coco.h"
#include "fuzz.h"

/* An input is a file of annotations, a zero byte, and a file of results. */

static void
read_results (const FovData *data, const uint8_t *bytes, size_t size)
{
    GError *error = NULL;
    GPtrArray *found = fov_data_read_detections (data, fuzz_file (bytes, size), &error);

    if ((found == NULL) != (error != NULL) || (found && found->len != fov_data_length (data)))
        abort ();
    g_clear_pointer (&found, g_ptr_array_unref);
    g_clear_error (&error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr (data, 0, size) : NULL;
    size_t first = zero ? (size_t) (zero - data) : size;
    const FovDataParams params = { .format = FOV_DATA_COCO, .as_written = TRUE };
    GError *error = NULL;
    FovData *truths = fov_data_open (fuzz_file (data, first), &params, &error);

    if ((truths == NULL) != (error != NULL))
        abort ();
    if (truths) {
        g_autoptr (FovLabels) labels = fov_labels_builtin ("coco80");
        g_array_unref (coco_map_classes (truths, labels));
        if (zero)
            read_results (truths, zero + 1, size - first - 1);
    }
    fov_data_unref (truths);
    g_clear_error (&error);
    return 0;
}
