/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_DETECT_COMMON_H
#define FOVEA_TESTS_DETECT_COMMON_H

#include <math.h>
#include <string.h>

#include "../unit/check.h"

#include "model/session.h"
#include "ops/frame.h"

/** The device, or NULL where this machine has none of that kind (vulkan alone). */
FovDevice *test_device (const char *spec);

/**
 * Runs a graph (taken) once: data[i] of bytes[i] goes to input i. out[i] (g_free) gets
 * a copy of output i as float32 or int32 values.
 */
void test_run (FovDevice *device, FovGraph *graph, const void *const *data, const gsize *bytes,
               guint n_inputs, gpointer *out, guint n_outputs);

/** Values in 0..1 that depend on seed alone. */
float test_random (guint32 *seed);

/** A picture (plane[0] to g_free) of such values. */
void test_picture (FovImage *image, FovPixelFormat format, int width, int height, guint32 seed);

#endif
