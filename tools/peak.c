/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "peak.h"

#include <time.h>

#define ROUNDS 1000
#define CHAINS 12 /* latency times ports of current cores is 8 to 10 */
#define RUN_SECONDS 0.1
#define REPEATS 3

/* Runs ROUNDS rounds of CHAINS vector multiply-adds; returns a value that depends on all. */
typedef float (*Kernel) (float start);

/* Named one by one: an array would be kept in memory, and its stores be measured. */
#define EACH_CHAIN(X) X (0) X (1) X (2) X (3) X (4) X (5) X (6) X (7) X (8) X (9) X (10) X (11)
#define CHAIN_START(i) Vector acc##i = b + (start + (float) (i));
#define CHAIN_STEP(i) acc##i = acc##i * b + c;
#define CHAIN_SUM(i) +acc##i[0]

/* acc * b + c stays near 1, so that no value overflows or becomes denormal. */
#define DEFINE_KERNEL(name, bytes, attribute)                                                      \
    attribute static float name (float start)                                                      \
    {                                                                                              \
        typedef float Vector __attribute__ ((vector_size (bytes)));                                \
        Vector b = { 0 }, c = { 0 };                                                               \
        b += 0.5f;                                                                                 \
        c += 0.5f;                                                                                 \
        EACH_CHAIN (CHAIN_START)                                                                   \
        for (int round = 0; round < ROUNDS; round++) {                                             \
            EACH_CHAIN (CHAIN_STEP)                                                                \
        }                                                                                          \
        return 0 EACH_CHAIN (CHAIN_SUM);                                                           \
    }

DEFINE_KERNEL (chains_16, 16, )
#ifdef __x86_64__
DEFINE_KERNEL (chains_32, 32, __attribute__ ((target ("avx2,fma"))))
DEFINE_KERNEL (chains_64, 64, __attribute__ ((target ("avx512f"))))
#endif

static Kernel
best_kernel (guint *lanes)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports ("avx512f")) {
        *lanes = 16;
        return chains_64;
    }
    if (__builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma")) {
        *lanes = 8;
        return chains_32;
    }
#endif
    *lanes = 4;
    return chains_16;
}

typedef struct {
    gint *go; /* set once all threads stand ready */
    double flops;
    volatile float sink;
} Runner;

/* A thread's own time: what other programs take is no part of the machine's peak. */
static double
thread_seconds (void)
{
    struct timespec time;

    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
    return (double) time.tv_sec + (double) time.tv_nsec * 1e-9;
}

static gpointer
run_chains (gpointer data)
{
    Runner *runner = data;
    guint lanes, n = 0;
    Kernel kernel = best_kernel (&lanes);
    double start, now;

    while (!g_atomic_int_get (runner->go))
        g_thread_yield ();
    start = thread_seconds ();
    do {
        for (int i = 0; i < 16; i++, n++)
            runner->sink = kernel (1e-3f * (float) i);
        now = thread_seconds ();
    } while (now - start < RUN_SECONDS);
    runner->flops = 2.0 * lanes * CHAINS * ROUNDS * n / (now - start);
    return NULL;
}

double
host_peak (guint n_threads)
{
    guint n = n_threads ? n_threads : g_get_num_processors ();
    g_autofree Runner *runners = g_new0 (Runner, n);
    g_autofree GThread **threads = g_new0 (GThread *, n);
    double best = 0;

    for (guint repeat = 0; repeat < REPEATS; repeat++) {
        gint go = 0;
        double sum = 0;
        for (guint i = 0; i < n; i++) {
            runners[i].go = &go;
            threads[i] = g_thread_new ("peak", run_chains, &runners[i]);
        }
        g_atomic_int_set (&go, 1);
        for (guint i = 0; i < n; i++) {
            g_thread_join (threads[i]);
            sum += runners[i].flops;
        }
        best = MAX (best, sum);
    }
    return best;
}
