/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_CPU_TIME_H
#define FOVEA_TOOLS_CPU_TIME_H

#include <time.h>

/** Processor time of the process, all threads, in seconds. */
static inline double
cpu_time (void)
{
    struct timespec t;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

#endif
