/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_DIAGNOSE_H
#define FOV_TRAIN_DIAGNOSE_H

#include "train/trainer.h"

/**
 * What can be said of a step whose loss or gradient is no number: the first of the states that has
 * a value which is none, and where the inputs are largest. views: the first n of the session's
 * inputs. "" if there is nothing to say; g_free.
 */
char *fov_train_diagnose (const GArray *states, FovSession *session, const FovView *views, guint n);

#endif
