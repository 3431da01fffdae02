/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_TRAIN_SCENES_H
#define FOVEA_TESTS_TRAIN_SCENES_H

/* The scenes of tests/golden/assign.py, thrown again. */
#include <glib.h>

enum { SCENE_SIZE = 64, SCENE_CLASSES = 3, SCENE_ROWS = 7 };

/** A roll of 0..n-1 from the generator's state. */
static inline int
roll (guint64 *state, int n)
{
    *state = *state * G_GUINT64_CONSTANT (6364136223846793005) +
             G_GUINT64_CONSTANT (1442695040888963407);
    return (int) ((*state >> 33) % (guint64) n);
}

/** Rows of a target; returns how many objects there are. */
static inline int
throw_targets (guint64 *dice, gboolean empty, float rows[SCENE_ROWS][6])
{
    const int n = empty ? 0 : roll (dice, SCENE_ROWS - 1);

    for (int i = 0; i < SCENE_ROWS; i++)
        for (int k = 0; k < 6; k++)
            rows[i][k] = 0;
    for (int i = 0; i < n; i++) {
        const int w = 4 + roll (dice, 40), h = 4 + roll (dice, 40);
        const int x = roll (dice, SCENE_SIZE - w), y = roll (dice, SCENE_SIZE - h);
        const int box[] = { x, y, x + w, y + h };
        rows[i][4] = (float) roll (dice, SCENE_CLASSES);
        rows[i][5] = 1;
        for (int k = 0; k < 4; k++)
            rows[i][k] = (float) box[k];
        if (i && roll (dice, 4) == 0)
            for (int k = 0; k < 4; k++)
                rows[i][k] = rows[i - 1][k];
    }
    if (roll (dice, 2)) {
        const int x = roll (dice, 32), y = roll (dice, 32);
        const int row[] = { x, y, x + 24, y + 24, 0, -1 };
        for (int k = 0; k < 6; k++)
            rows[n][k] = (float) row[k];
    }
    return n;
}

#endif
