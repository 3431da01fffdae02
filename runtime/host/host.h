/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_HOST_H
#define FOV_HOST_H

/*
 * The host executor's kernels: plain C with GCC vector extensions, compiled
 * once per instruction set (baseline, AVX2 + FMA, AVX-512) from the same files and chosen at run
 * time through one table per domain. They know pointers and sizes, not nodes:
 * the ops' .host.c files call them.
 */
#include <fovea/error.h>

typedef enum { FOV_ISA_BASELINE, FOV_ISA_AVX2, FOV_ISA_AVX512 } FovIsa;

/** The best instruction set of this machine, lowered by FOVEA_ISA=baseline|avx2|avx512. */
FovIsa fov_host_isa (void);
const char *fov_host_isa_name (void);
/** Channels per block of blocked tensors: 16 on AVX-512, else 8. */
int fov_host_block (void);

#endif
