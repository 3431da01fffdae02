/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TINY_MODEL_H
#define FOVEA_TINY_MODEL_H

#include <glib.h>

/**
 * Writes an ONNX network of the YOLOX family, [n,3,32,32] -> [n,21,6], made by
 * hand: it finds bright squares. Of its 4x4 cells of 8x8 pixels each one whose
 * mean is well above 128 becomes a box of box_size pixels around the cell's
 * centre; the cells of the coarser grids never do. Confidence is close to 1.
 *
 * n_slow is how many convolutions of 64 channels on 32x32 pixels it does
 * besides, 75 million operations each, to be slow; they change nothing.
 *
 * FALSE if the file can not be written.
 */
gboolean tiny_model_write (const char *path, float box_size, int n_slow);

#endif
