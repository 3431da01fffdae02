/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_TRAIN_CURVE_H
#define FOVEA_TOOLS_TRAIN_CURVE_H

#include "train-loop.h"

G_BEGIN_DECLS

/**
 * A run's curve as a PNG at path, which is replaced at once: losses, what was measured and the
 * learning rate, over epochs. csv: epoch, step, loss, its parts, learning_rate, figures, with a
 * first line of names.
 */
gboolean train_curve_draw (const char *csv, const char *title, const TrainFigure *figures,
                           guint n_figures, const char *path, GError **error);

G_END_DECLS

#endif
