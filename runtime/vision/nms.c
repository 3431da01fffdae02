/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/box.h>

#include <math.h>

static int
compare (gconstpointer a, gconstpointer b, gpointer user)
{
    const FovDetection *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->label > y->label) - (x->label < y->label);
}

static gboolean
suppressed (const FovDetection *kept, guint n_kept, const FovDetection *d, float iou_threshold,
            gboolean class_aware)
{
    for (guint k = 0; k < n_kept; k++) {
        if (class_aware && kept[k].label != d->label)
            continue;
        if (fov_box_iou (kept[k].box, d->box) > iou_threshold)
            return TRUE;
    }
    return FALSE;
}

guint
fov_nms (FovDetection *detections, guint n, float iou_threshold, gboolean class_aware,
         guint max_detections)
{
    guint n_finite = 0, n_kept = 0;

    for (guint i = 0; i < n; i++)
        if (isfinite (detections[i].score))
            detections[n_finite++] = detections[i];
    if (n_finite == 0)
        return 0;
    /* GLib's sort is stable: equal entries stay in their order. */
    g_qsort_with_data (detections, (int) MIN (n_finite, (guint) G_MAXINT), sizeof *detections,
                       compare, NULL);
    for (guint i = 0; i < n_finite; i++) {
        if (max_detections > 0 && n_kept == max_detections)
            break;
        FovDetection d = detections[i];
        if (!suppressed (detections, n_kept, &d, iou_threshold, class_aware))
            detections[n_kept++] = d;
    }
    return n_kept;
}
