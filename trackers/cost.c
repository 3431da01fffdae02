/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/cost.h"

#include <math.h>

#include "trackers/target.h"

static const FovTrack *
track_of (GArray *targets, guint i)
{
    gsize size = g_array_get_element_size (targets);

    return &((const FovTarget *) (gconstpointer) (targets->data + i * size))->track;
}

void
fov_cost_iou (const FovMatch *match, GArray *targets, const FovScene *scene, double *cost)
{
    guint n = fov_match_n_rows (match), m = fov_match_n_cols (match);

    for (guint i = 0; i < n; i++) {
        const FovTrack *track = track_of (targets, fov_match_row (match, i));
        for (guint j = 0; j < m; j++)
            *cost++ = -fov_box_iou (track->box, scene->detections[fov_match_col (match, j)].box);
    }
}

void
fov_cost_same_detector (const FovMatch *match, GArray *targets, const FovScene *scene, double *cost)
{
    guint n = fov_match_n_rows (match), m = fov_match_n_cols (match);

    for (guint i = 0; scene->n_classes > 0 && i < n; i++) {
        const FovTrack *track = track_of (targets, fov_match_row (match, i));
        for (guint j = 0; j < m; j++, cost++)
            if (!fov_scene_same_detector (scene, track->label,
                                          scene->detections[fov_match_col (match, j)].label))
                *cost = INFINITY;
    }
}

void
fov_cost_same_label (const FovMatch *match, GArray *targets, const FovScene *scene, double *cost)
{
    guint n = fov_match_n_rows (match), m = fov_match_n_cols (match);

    for (guint i = 0; i < n; i++) {
        const FovTrack *track = track_of (targets, fov_match_row (match, i));
        for (guint j = 0; j < m; j++, cost++)
            if (scene->detections[fov_match_col (match, j)].label != track->label)
                *cost = INFINITY;
    }
}

static FovBox
grown (FovBox b, double ratio)
{
    float w = (float) ratio * (b.x2 - b.x1), h = (float) ratio * (b.y2 - b.y1);

    return (FovBox){ b.x1 - w, b.y1 - h, b.x2 + w, b.y2 + h };
}

double
fov_overlap_giou (FovBox a, FovBox b, double ratio)
{
    a = grown (a, ratio);
    b = grown (b, ratio);
    FovBox hull = { fminf (a.x1, b.x1), fminf (a.y1, b.y1), fmaxf (a.x2, b.x2),
                    fmaxf (a.y2, b.y2) };
    double iou = fov_box_iou (a, b), outer = fov_box_area (hull);
    double both = ((double) fov_box_area (a) + fov_box_area (b)) / (1 + iou);

    return outer > 0 ? iou - (outer - both) / outer : iou;
}

double
fov_overlap_buffered (FovBox a, FovBox b, double ratio)
{
    return fov_box_iou (grown (a, ratio), grown (b, ratio));
}

double
fov_overlap_height (FovBox a, FovBox b)
{
    double inner = (double) fminf (a.y2, b.y2) - fmaxf (a.y1, b.y1);
    double outer = (double) fmaxf (a.y2, b.y2) - fminf (a.y1, b.y1);

    return inner > 0 && outer > 0 ? inner / outer : 0;
}
