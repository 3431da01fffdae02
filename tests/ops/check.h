/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_OPS_CHECK_H
#define FOVEA_TESTS_OPS_CHECK_H

/*
 * The table of small networks that each executor is compared with the
 * references on. Adding a case: one line in check-cases.c.
 */
#include "node.h"

/** A node, as add_test_node takes it. */
typedef struct {
    const char *op, *inputs, *attrs;
    guint n_outputs; /* 0 means 1 */
} CheckStep;

/** A chain of nodes; the outputs of the last are compared. */
typedef struct {
    const char *name;
    CheckStep steps[5];
} CheckCase;

/** Its nodes, with the outputs of the last as the graph's. */
FovGraph *case_graph (const CheckCase *c);

extern const CheckCase check_cases[]; /* ends with a NULL name */

/** Ops with a kernel that need no case here, and why. */
typedef struct {
    const char *op, *why;
} CheckException;
extern const CheckException check_exceptions[]; /* ends with a NULL op */

#endif
