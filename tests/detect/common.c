/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common.h"

FovDevice *
test_device (const char *spec)
{
    g_autoptr (GError) error = NULL;
    FovDevice *device = fov_device_open (spec, &error);

    if (!device && !g_str_has_prefix (spec, "vulkan"))
        fail_msg ("%s: %s", spec, error->message);
    return device;
}

void
test_run (FovDevice *device, FovGraph *graph, const void *const *data, const gsize *bytes,
          guint n_inputs, gpointer *out, guint n_outputs)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovSession) session = fov_session_new_from_graph (device, graph, NULL, &error);
    guint slot;

    assert_fov_ok (session != NULL, error);
    slot = fov_session_begin (session, &error);
    for (guint i = 0; i < n_inputs; i++)
        memcpy (fov_session_slot_input (session, slot, i), data[i], bytes[i]);
    assert_fov_ok (fov_session_submit (session, slot, &error), error);
    assert_fov_ok (fov_session_wait (session, slot, &error), error);
    for (guint i = 0; i < n_outputs; i++) {
        gint64 n = fov_shape_elements (fov_session_slot_output_shape (session, slot, i));
        out[i] = g_memdup2 (fov_session_slot_output (session, slot, i), (gsize) n * 4);
    }
    fov_session_end (session, slot);
}

float
test_random (guint32 *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float) (*seed >> 8) / (float) (1 << 24);
}

void
test_picture (FovImage *image, FovPixelFormat format, int width, int height, guint32 seed)
{
    assert_true (fov_image_alloc (image, format, width, height, NULL));
    for (int p = 0; p < fov_pixel_format_n_planes (format); p++)
        for (int i = 0; i < image->stride[p] * fov_pixel_format_rows (format, p, height); i++)
            image->plane[p][i] = (guint8) (test_random (&seed) * 255);
}
