/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_SMALLNET_H
#define FOVEA_TESTS_SMALLNET_H

/* The net of tests/golden/train.py, which PyTorch has trained too, and its batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "model/model.h"
#include "train/trainer.h"

enum { SMALL_BATCH = 6, SMALL_CLASSES = 5, SMALL_SIZE = 12 };

/** Input "x", output "scores"; parameters named as PyTorch's. */
FovGraph *small_net (void);

typedef struct {
    float pixels[SMALL_BATCH * 3 * SMALL_SIZE * SMALL_SIZE];
    gint64 labels[SMALL_BATCH];
    FovView x, target;
} SmallBatch;

/** The batch of a step, from 1. */
void small_batch (SmallBatch *batch, guint step);
/** The step on it; fails the test on an error. */
double small_step (FovTrainer *trainer, guint step);
/** A state's values; fails the test if there is no such. */
const FovView *small_state (FovTrainer *trainer, const char *name);
/** SHA-256 of all states; g_free. */
char *small_digest (FovTrainer *trainer);

#endif
