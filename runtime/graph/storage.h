/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_GRAPH_STORAGE_H
#define FOV_GRAPH_STORAGE_H

/*
 * The planner's work on memory: which tensors share it (storage.c), and where
 * it lies (place.c). Only for plan.c.
 *
 * Tensors that are the same bytes (reshapes), or parts of one another (the
 * inputs of a concatenation, the outputs of a channel slice), form a group
 * with one piece of memory, that of the group's root.
 */
#include "graph/op.h"

/** Placed memory starts at multiples of this; as many first bytes of the arena stay zero. */
#define FOV_ARENA_ALIGN 64

typedef struct {
    FovTensor *whole; /* the tensor whose memory it is a part of, or NULL: a root */
    gsize offset;     /* from the start of whole; of a root: of the arena; bytes */
    gsize bytes;
    guint first, last; /* of a root: steps from the first write to the last read */
    gboolean external; /* a reshape of a graph input or constant */
} FovStorage;

typedef struct {
    FovPlan *plan; /* graph, operands with formats */
    const FovPlanTarget *target;
    guint n_static;      /* nodes that are planned */
    FovStorage *storage; /* by tensor id */
    gboolean *skip;      /* by node index: nothing to run */
} FovPlanner;

/**
 * Finds groups, gives blocked tensors their halos (formats in plan->operands) and sets what is
 * skipped. FOV_ERROR_MEMORY where a tensor's size overflows.
 */
gboolean fov_planner_group (FovPlanner *planner, GError **error);
/** Offsets of all roots; plan->arena_bytes and naive_bytes. FOV_ERROR_MEMORY on overflow. */
gboolean fov_planner_place (FovPlanner *planner, GError **error);

/** The root of a tensor's group, and where the tensor lies in it. */
FovTensor *fov_planner_root (const FovPlanner *planner, FovTensor *tensor, gsize *offset);
/** Whether the tensor's memory is the planner's to choose. */
gboolean fov_planner_in_arena (const FovPlanner *planner, const FovTensor *tensor);

#endif
