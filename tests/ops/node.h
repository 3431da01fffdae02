/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_OPS_NODE_H
#define FOVEA_TESTS_OPS_NODE_H

/* One node with made-up inputs, and running a node on its reference function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "graph/op.h"

/** What "2x3", "c:" and "p:" below are from now on; float32 at first. */
void set_test_real (FovDType dtype);

/**
 * Adds a node named "test" whose inputs x0, x1, ... are described by inputs,
 * separated by blanks: "2x3" a float32 input of that shape ("scalar": rank 0),
 * "i64:2x3" of another dtype (i32, i64, u8, f64, bool), "=1,2" a constant int64
 * vector, "-" left out, "^" output 0 of the node before ("^2": of the one before that), "c:2x3" a
 * constant of random floats in -1..1 ("p:": 0.5..1.5, "n:": each third is no number), "map=0,1,..."
 * a channel map. attrs, separated by ';': "axis=1", "pads=0,1" (ints; kernel_shape and such with
 * one entry are ints too), "epsilon=1.0" (float), "mode='reflect" (string). Fails the test if the
 * node itself is refused.
 */
FovNode *add_test_node (FovGraph *graph, const char *op, const char *inputs, const char *attrs,
                        guint n_outputs);

/** Infers node, fills inputs without data with 0, and runs its reference into its outputs' data. */
gboolean run_test_node (FovNode *node, GError **error);

#endif
