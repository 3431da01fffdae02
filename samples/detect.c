/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The shortest program: finds the objects of a video or a picture.
 *
 *   cc detect.c $(pkg-config --cflags --libs fovea) -o detect
 *   ./detect yolox_nano.onnx street.mp4
 */
#include <fovea/fovea.h>
#include <fovea/media.h>

#include <stdio.h>

static gboolean
print_objects (FovDetector *detector, const FovFrame *frame, GArray *detections, GError **error)
{
    FovLabels *labels = fov_detector_labels (detector);
    FovTicket ticket = fov_detector_submit (detector, &frame->image, error); /* does not block */

    if (!ticket || !fov_detector_wait (detector, ticket, detections, error))
        return FALSE;
    printf ("frame %" G_GINT64_FORMAT " at %.2f s\n", frame->index, frame->pts * 1e-9);
    for (guint i = 0; i < detections->len; i++) {
        const FovDetection *d = &g_array_index (detections, FovDetection, i);
        const char *name = labels ? fov_labels_get (labels, (guint) d->label) : NULL;
        printf ("  %-12s %.2f  %.0f,%.0f to %.0f,%.0f\n", name ? name : "object", d->score,
                d->box.x1, d->box.y1, d->box.x2, d->box.y2);
    }
    return TRUE;
}

static gboolean
run (const char *model_path, const char *input, GError **error)
{
    g_autoptr (GArray) detections = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    g_autoptr (FovDevice) device = fov_device_open ("auto", error);
    g_autoptr (FovModel) model = device ? fov_model_load (model_path, error) : NULL;
    g_autoptr (FovDetector) detector = NULL;
    g_autoptr (FovReader) reader = NULL;
    g_autoptr (GError) end = NULL;
    FovFrame frame;

    if (model)
        detector =
            fov_detector_new (device, model, &(FovDetectorParams){ .threshold = 0.4f }, error);
    if (detector)
        reader = fov_reader_open (input, error);
    if (!reader)
        return FALSE;
    while (fov_reader_read (reader, &frame, &end))
        if (!print_objects (detector, &frame, detections, error))
            return FALSE;
    if (end)
        g_propagate_error (error, g_steal_pointer (&end));
    return error == NULL || *error == NULL;
}

int
main (int argc, char **argv)
{
    g_autoptr (GError) error = NULL;

    if (argc != 3) {
        fprintf (stderr, "usage: detect MODEL INPUT\n");
        return 2;
    }
    if (!run (argv[1], argv[2], &error)) {
        fprintf (stderr, "detect: %s\n", error->message);
        return 1;
    }
    return 0;
}
