/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_MOT_RUN_H
#define FOVEA_TOOLS_MOT_RUN_H

/*
 * Running a tracker over a sequence's detections.
 */
#include "mot-data.h"

#include <fovea/tracker.h>

G_BEGIN_DECLS

typedef struct {
    char *tracker, *preset, **set;
    char **images; /* [SEQUENCE=]INPUT */
    double rate;   /* 0: the sequence's */
    int every;     /* the detector looks at every N-th frame */
    int seed;
} MotRunOptions;

/** What is wrong with the options, before anything is loaded: a CLI_ERROR. */
gboolean mot_run_check (const MotRunOptions *options, GError **error);

/**
 * The shown tracks (GArray of FovMotRow). seconds: processor time of the
 * tracker's updates.
 */
GArray *mot_run (const MotRunOptions *options, const MotSequence *sequence, double *seconds,
                 GError **error);

G_END_DECLS

#endif
