/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_PEAK_H
#define FOVEA_TOOLS_PEAK_H

#include <glib.h>

/**
 * Measures this machine's single-precision peak with n_threads threads (0: one
 * per processor), in floating-point operations a second: chains of independent
 * multiply-adds in registers, with the widest vectors that the processor has.
 * Takes about a third of a second.
 */
double host_peak (guint n_threads);

#endif
