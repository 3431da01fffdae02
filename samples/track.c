/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Follows the objects of a video: who is where, frame by frame.
 *
 *   cc track.c $(pkg-config --cflags --libs fovea) -o track
 *   ./track yolox_nano.onnx street.mp4
 */
#include <fovea/fovea.h>
#include <fovea/media.h>

#include <stdio.h>

typedef struct {
    FovDetector *detector;
    FovTracker *tracker;
    GArray *detections, *tracks;
} Follower;

static gboolean
follow (Follower *f, const FovFrame *frame, GError **error)
{
    FovTicket ticket = fov_detector_submit (f->detector, &frame->image, error); /* does not block */

    return ticket && fov_detector_wait (f->detector, ticket, f->detections, error) &&
           fov_tracker_update (f->tracker, &frame->image, 0, 0,
                               (const FovDetection *) (const void *) f->detections->data,
                               f->detections->len, TRUE, frame->pts, f->tracks, error);
}

static void
print_tracks (const Follower *f, const FovFrame *frame)
{
    FovLabels *labels = fov_detector_labels (f->detector);

    printf ("frame %" G_GINT64_FORMAT " at %.2f s\n", frame->index, frame->pts * 1e-9);
    for (guint i = 0; i < f->tracks->len; i++) {
        const FovTrack *t = &g_array_index (f->tracks, FovTrack, i);
        const char *name = labels ? fov_labels_get (labels, (guint) t->label) : NULL;
        if (t->state != FOV_TRACK_TENTATIVE)
            printf ("  #%-4" G_GUINT64_FORMAT " %-10s %-9s %.0f,%.0f to %.0f,%.0f  %s\n", t->id,
                    name ? name : "object", fov_track_state_name (t->state), t->box.x1, t->box.y1,
                    t->box.x2, t->box.y2,
                    t->reason == FOV_TRACK_REASON_NONE ? "" : fov_track_reason_name (t->reason));
    }
}

static gboolean
run (const char *model_path, const char *input, GError **error)
{
    g_autoptr (GArray) detections = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    g_autoptr (FovDevice) device = fov_device_open ("auto", error);
    g_autoptr (FovModel) model = device ? fov_model_load (model_path, error) : NULL;
    g_autoptr (FovDetector) detector = NULL;
    g_autoptr (FovTracker) tracker = NULL;
    g_autoptr (FovReader) reader = NULL;
    g_autoptr (GError) end = NULL;
    FovFrame frame;

    if (model)
        detector =
            fov_detector_new (device, model, &(FovDetectorParams){ .threshold = 0.1f }, error);
    if (detector)
        tracker = fov_tracker_new (NULL, NULL, error);
    if (tracker)
        reader = fov_reader_open (input, error);
    if (!reader)
        return FALSE;
    Follower f = { detector, tracker, detections, tracks };
    while (fov_reader_read (reader, &frame, &end)) {
        if (!follow (&f, &frame, error))
            return FALSE;
        print_tracks (&f, &frame);
    }
    if (end)
        g_propagate_error (error, g_steal_pointer (&end));
    return error == NULL || *error == NULL;
}

int
main (int argc, char **argv)
{
    g_autoptr (GError) error = NULL;

    if (argc != 3) {
        fprintf (stderr, "usage: track MODEL INPUT\n");
        return 2;
    }
    if (!run (argv[1], argv[2], &error)) {
        fprintf (stderr, "track: %s\n", error->message);
        return 1;
    }
    return 0;
}
