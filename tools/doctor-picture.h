/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_DOCTOR_PICTURE_H
#define FOVEA_TOOLS_DOCTOR_PICTURE_H

#include "model-options.h"

/** Detects on one image file and prints the boxes; output (or NULL) gets them drawn. */
gboolean doctor_picture (const ModelOptions *options, const char *path, const char *output,
                         GError **error);

#endif
