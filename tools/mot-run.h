/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_MOT_RUN_H
#define FOVEA_TOOLS_MOT_RUN_H

/*
 * Running a tracker over a sequence's detections.
 */
#include "mot-data.h"
#include "tracking.h"

G_BEGIN_DECLS

typedef struct {
    TrackOptions track;
    char *device;
    char **images; /* [SEQUENCE=]INPUT */
    double rate;   /* 0: the sequence's */
    int every;     /* the detector looks at every N-th frame */
} MotRunOptions;

/** What a run took. */
typedef struct {
    double seconds;                   /* processor time of the tracker's updates */
    guint64 n_detections, n_left_out; /* by the tracker */
    guint first_left_out;             /* frame, from 1; 0: none */
} MotRunCost;

/** The shown tracks (GArray of FovMotRow). */
GArray *mot_run (const MotRunOptions *options, Tracking *tracking, const MotSequence *sequence,
                 MotRunCost *cost, GError **error);

G_END_DECLS

#endif
