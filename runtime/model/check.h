/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_MODEL_CHECK_H
#define FOV_MODEL_CHECK_H

/*
 * The start-up self-check: wrong results on some driver are the worst that can
 * happen here, so each kernel that a plan uses is compared with its op's
 * reference once on a device and driver, and the verdict kept (gpu/gpu.h).
 *
 * For each kernel not yet known the cheapest of the plan's steps that run it is
 * taken, at its place in the arena and with its constants, given seeded random
 * inputs, or those of the op's example. Not checked are kernels whose cheapest
 * step would take the reference seconds.
 */
#include "graph/plan.h"
#include "gpu/gpu.h"

/**
 * labels[i] is program's label of static step i. FALSE with FOV_ERROR_DEVICE
 * where a kernel is wrong and has no other form; *again: a wrong one has, so
 * that the program should be made anew. Blocks: the first time for as long as
 * the references take, afterwards for as long as it takes to look up names.
 */
gboolean fov_self_check (FovGpuProgram *program, const FovPlan *plan, const guint *labels,
                         gboolean *again, GError **error);

#endif
