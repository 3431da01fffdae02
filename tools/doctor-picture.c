/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor-picture.h"

#include "scene.h"

#include <fovea/media.h>

gboolean
doctor_picture (const ModelOptions *options, const char *path, const char *output, GError **error)
{
    g_autoptr (FovDetector) detector = NULL;
    g_autoptr (FovOverlay) overlay = NULL;
    g_autoptr (Scene) scene = NULL;
    g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    FovImage image;
    g_autofree guint8 *pixels = NULL;
    FovTicket ticket;
    gint64 start;

    if (!fov_image_load (path, &image, error))
        return FALSE;
    pixels = image.plane[0];
    detector = model_options_open (options, 1, NULL, error);
    if (!detector)
        return FALSE;
    start = g_get_monotonic_time ();
    ticket = fov_detector_submit (detector, &image, error);
    if (!ticket || !fov_detector_wait (detector, ticket, found, error))
        return FALSE;
    printf ("%s, %dx%d, on %s: %u objects in %.1f ms\n", path, image.width, image.height,
            fov_device_name (fov_detector_device (detector)), found->len,
            (double) (g_get_monotonic_time () - start) * 1e-3);
    if (found->len)
        print_detections (found, fov_detector_labels (detector), stdout);
    if (!output)
        return TRUE;
    overlay = fov_overlay_new (NULL);
    scene = scene_new ();
    scene_set (scene, found, NULL, image.width, image.height);
    if (!scene_draw (scene, overlay, &image, fov_detector_labels (detector), FALSE, error) ||
        !fov_image_save (&image, output, error))
        return FALSE;
    printf ("wrote %s\n", output);
    return TRUE;
}
