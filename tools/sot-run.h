/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_SOT_RUN_H
#define FOVEA_TOOLS_SOT_RUN_H

/*
 * Running a visual tracker over single-object sequences.
 */
#include "sot-data.h"

#include <fovea/visual.h>

G_BEGIN_DECLS

typedef struct {
    char *tracker, *backbone, *head, *device;
} SotRunOptions;

typedef struct _SotRun SotRun;

/** What is wrong with the options, before anything is loaded: a CLI_ERROR. */
gboolean sot_run_check (const SotRunOptions *options, GError **error);

/** Loads the tracker. */
SotRun *sot_run_new (const SotRunOptions *options, GError **error);
void sot_run_free (SotRun *run);

/**
 * A box for each truth (GArray of FovSotBox), the first being the truth's.
 * seconds: processor time of the tracker.
 */
GArray *sot_run_sequence (SotRun *run, const SotSequence *sequence, double *seconds,
                          GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SotRun, sot_run_free)

G_END_DECLS

#endif
