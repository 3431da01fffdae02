/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/kernels.h"

static FovIsa
machine_isa (void)
{
#if defined(__x86_64__)
    __builtin_cpu_init ();
    if (__builtin_cpu_supports ("avx512f") && __builtin_cpu_supports ("avx512bw") &&
        __builtin_cpu_supports ("avx512dq") && __builtin_cpu_supports ("avx512vl"))
        return FOV_ISA_AVX512;
    if (__builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma"))
        return FOV_ISA_AVX2;
#endif
    return FOV_ISA_BASELINE;
}

static const char *const isa_names[] = { "baseline", "avx2", "avx512" };

static FovIsa
choose_isa (void)
{
    FovIsa best = machine_isa ();
    const char *wanted = g_getenv ("FOVEA_ISA");

    if (!wanted || !*wanted)
        return best;
    for (guint i = 0; i < G_N_ELEMENTS (isa_names); i++)
        if (g_str_equal (wanted, isa_names[i]))
            return MIN (best, (FovIsa) i);
    g_warning ("FOVEA_ISA is \"%s\", expected baseline, avx2 or avx512; using %s", wanted,
               isa_names[best]);
    return best;
}

FovIsa
fov_host_isa (void)
{
    static gsize chosen;

    if (g_once_init_enter (&chosen))
        g_once_init_leave (&chosen, (gsize) choose_isa () + 1);
    return (FovIsa) (chosen - 1);
}

const char *
fov_host_isa_name (void)
{
    static const char *const names[] = { "baseline", "AVX2", "AVX-512" };

    return names[fov_host_isa ()];
}

const FovHostKernels *
fov_host_kernels (void)
{
    switch (fov_host_isa ()) {
#if defined(__x86_64__)
    case FOV_ISA_AVX512:
        return &fov_host_kernels_avx512;
    case FOV_ISA_AVX2:
        return &fov_host_kernels_avx2;
#endif
    default:
        return &fov_host_kernels_baseline;
    }
}

int
fov_host_block (void)
{
    return fov_host_kernels ()->block;
}
