/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdlib.h>

#include <fovea/motfile.h>
#include <fovea/sot.h>
#include <fovea/tracker.h>
#include "fuzz.h"

static void
check (gboolean ok, GError *error)
{
    if (ok == (error != NULL))
        abort ();
    g_clear_error (&error);
}

/* Rows that were accepted are sorted, numbered from 1 and finite; then they are scored. */
static void
score (GArray *rows)
{
    g_autoptr (FovMotEval) eval = fov_mot_eval_new ();
    g_autoptr (GArray) truths = g_array_new (FALSE, TRUE, sizeof (FovMotTruth));
    g_autoptr (GArray) results = g_array_new (FALSE, TRUE, sizeof (FovMotResult));
    FovMotScores scores;
    guint n;

    fov_mot_eval_begin (eval, 25);
    for (guint i = 0; i < rows->len; i += n) {
        const FovMotRow *row = &g_array_index (rows, FovMotRow, i);
        const FovMotRow *found = fov_mot_rows_of_frame (rows, row->frame, &n);
        if (found != row || row->frame < 1 || row->frame > FOV_MOT_MAX_FRAMES)
            abort ();
        g_array_set_size (truths, 0);
        g_array_set_size (results, 0);
        for (guint k = 0; k < n; k++) {
            FovMotTruth truth = { row[k].id, row[k].box, row[k].role };
            FovMotResult result = { row[k].id, row[k].box };
            if (!isfinite (row[k].box.x1 + row[k].box.y1 + row[k].box.x2 + row[k].box.y2))
                abort ();
            g_array_append_val (truths, truth);
            g_array_append_val (results, result);
        }
        fov_mot_eval_add (eval, (FovMotTruth *) (void *) truths->data, n,
                          (FovMotResult *) (void *) results->data, n, NULL);
    }
    if (!fov_mot_eval_end (eval, &scores, NULL) || !(scores.hota >= 0 && scores.hota < 100.001))
        abort ();
}

static void
rows (const char *path, FovMotFileKind kind, const char *object_class)
{
    GError *error = NULL;
    g_autoptr (GArray) array =
        fov_mot_file_read (path, kind, &(FovMotFileParams){ .object_class = object_class }, &error);

    check (array != NULL, error);
    if (array)
        score (array);
}

/* A camera that was accepted is one that a tracker takes. */
static void
camera (const char *path)
{
    GError *error = NULL;
    FovGroundCamera camera;
    gboolean ok = fov_ground_camera_load (path, &camera, &error);

    check (ok, error);
    if (!ok)
        return;
    g_autoptr (FovTracker) tracker =
        fov_tracker_new (NULL, &(FovTrackerParams){ .ground = &camera }, NULL);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    const FovDetection d = { { 10, 10, 50, 90 }, 0.9f, 0 };
    for (int i = 0; i < 3; i++)
        if (!tracker || !fov_tracker_update (tracker, NULL, 640, 480, &d, 1, TRUE, i * 40000000LL,
                                             tracks, NULL))
            abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const char *path = fuzz_file (data, size);
    FovMotSequenceInfo info;
    GError *error = NULL;
    GArray *array;
    gboolean ok;

    rows (path, FOV_MOT_FILE_TRUTHS, "car");
    rows (path, FOV_MOT_FILE_RESULTS, "pedestrian");
    rows (path, FOV_MOT_FILE_DETECTIONS, NULL);
    ok = fov_mot_sequence_info_read (path, &info, &error);
    check (ok, error);
    fov_mot_sequence_info_clear (&info);
    error = NULL;
    array = fov_mot_motions_read (path, &error);
    check (array != NULL, error);
    g_clear_pointer (&array, g_array_unref);
    error = NULL;
    array = fov_sot_file_read (path, &error);
    check (array != NULL, error);
    g_clear_pointer (&array, g_array_unref);
    camera (path);
    return 0;
}
