/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_TRAINER_H
#define FOV_TRAIN_TRAINER_H

/* The trainer from the inside, for checkpoints and tests. */
#include <fovea/train.h>

#include "model/session.h"

/** A trainer of a graph (taken, also on failure; not yet specialised). */
FovTrainer *fov_trainer_new_from_graph (FovDevice *device, FovGraph *graph,
                                        const FovTrainerParams *params, GError **error);

/**
 * Everything that a step changes, by name: parameters, moments, statistics,
 * averages, in the plan's order; views of the session's memory of them (which
 * fov_trainer_states brings up to date), valid until the trainer goes. The
 * GArray of FovTrainerState belongs to the trainer.
 */
typedef struct {
    const char *name;
    FovView view;
} FovTrainerState;

FovSession *fov_trainer_session (FovTrainer *trainer);
const GArray *fov_trainer_states (FovTrainer *trainer);
guint64 fov_trainer_step_number (FovTrainer *trainer);
void fov_trainer_set_step_number (FovTrainer *trainer, guint64 step);

#endif
