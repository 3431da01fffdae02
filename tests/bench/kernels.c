/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How near the host executor's convolution kernels come to what one core can do: the peak rate of
 * multiply-adds in registers, then each kernel's rate on shapes of real detectors, on one thread.
 * All times are the thread's own processor time, the best of many samples, so that a busy machine
 * shows little. Set FOVEA_ISA to look at a lesser instruction set's kernels.
 */
#include "host/kernels.h"

#include <glib.h>
#include <stdio.h>
#include <time.h>

#define SAMPLE_SECONDS 2e-3
#define SAMPLES 80

static double
thread_seconds (void)
{
    struct timespec t;

    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static double
time_calls (void (*call) (gpointer data), gpointer data, int n)
{
    double start = thread_seconds ();

    for (int i = 0; i < n; i++)
        call (data);
    return (thread_seconds () - start) / n;
}

/* Seconds of a call in the fastest sample; a sample is long enough for the clock. */
static double
best_time (void (*call) (gpointer data), gpointer data)
{
    double once = MAX (time_calls (call, data, 3), 1e-7), best = G_MAXDOUBLE;
    int n = (int) MAX (SAMPLE_SECONDS / once, 1);

    for (int i = 0; i < SAMPLES; i++)
        best = MIN (best, time_calls (call, data, n));
    return best;
}

/* ---- the peak --------------------------------------------------------- */

#define CHAINS 12 /* more than latency times ports of current cores */
#define ROUNDS 2000
#define UNROLL _Pragma ("GCC unroll 12")

/* The chains must not leave the registers. Values stay near 1: none overflows or is denormal. */
#define PEAK_LOOP(name, bytes, attribute)                                                          \
    attribute static void name (gpointer data)                                                     \
    {                                                                                              \
        typedef float Vector __attribute__ ((vector_size (bytes)));                                \
        volatile float *sink = data;                                                               \
        Vector acc[CHAINS], half = { 0 };                                                          \
        half += 0.5f;                                                                              \
        UNROLL                                                                                     \
        for (int i = 0; i < CHAINS; i++)                                                           \
            acc[i] = half + (float) i * *sink;                                                     \
        for (int round = 0; round < ROUNDS; round++) {                                             \
            UNROLL                                                                                 \
            for (int i = 0; i < CHAINS; i++)                                                       \
                acc[i] = acc[i] * half + half;                                                     \
        }                                                                                          \
        UNROLL                                                                                     \
        for (int i = 1; i < CHAINS; i++)                                                           \
            acc[0] += acc[i];                                                                      \
        *sink = acc[0][0] * 1e-6f;                                                                 \
    }

PEAK_LOOP (peak_baseline, 16, )
#ifdef __x86_64__
PEAK_LOOP (peak_avx2, 32, __attribute__ ((target ("avx2,fma"))))
PEAK_LOOP (peak_avx512, 64, __attribute__ ((target ("avx512f"))))
#endif

/* Floating-point operations a second of one core, with the vectors of the chosen instruction set
 * (baseline: multiply and add are two instructions). */
static double
peak_rate (void)
{
    volatile float sink = 1e-3f;
    double lanes = 4;
    void (*loop) (gpointer data) = peak_baseline;

#ifdef __x86_64__
    if (fov_host_isa () == FOV_ISA_AVX2) {
        lanes = 8;
        loop = peak_avx2;
    } else if (fov_host_isa () == FOV_ISA_AVX512) {
        lanes = 16;
        loop = peak_avx512;
    }
#endif
    return 2.0 * lanes * CHAINS * ROUNDS / best_time (loop, (gpointer) &sink);
}

/* ---- kernels ---------------------------------------------------------- */

typedef struct {
    const char *where;
    int in, out, size, kernel, stride; /* channels, output pixels a side */
    gboolean depthwise;
    FovActKind act;
} Shape;

static const Shape shapes[] = {
    { "first layer", 3, 16, 160, 3, 2, FALSE, FOV_ACT_RELU },
    { "YOLOX focus", 12, 16, 208, 3, 1, FALSE, FOV_ACT_SILU },
    { "YOLOv8 stem", 16, 32, 160, 3, 2, FALSE, FOV_ACT_SILU },
    { "YOLOv8 body", 64, 64, 40, 3, 1, FALSE, FOV_ACT_SILU },
    { "YOLOv8 down", 64, 128, 40, 3, 2, FALSE, FOV_ACT_SILU },
    { "YOLOX pointwise", 32, 32, 104, 1, 1, FALSE, FOV_ACT_SILU },
    { "YOLOX head", 64, 64, 52, 1, 1, FALSE, FOV_ACT_SILU },
    { "MobileNet expand", 96, 576, 19, 1, 1, FALSE, FOV_ACT_RELU },
    { "MobileNet project", 576, 160, 10, 1, 1, FALSE, FOV_ACT_NONE },
    { "deep pointwise", 256, 256, 13, 1, 1, FALSE, FOV_ACT_SILU },
    { "depthwise 3", 64, 64, 52, 3, 1, TRUE, FOV_ACT_SILU },
    { "depthwise 3 / 2", 96, 96, 38, 3, 2, TRUE, FOV_ACT_RELU },
    { "depthwise 5", 96, 96, 20, 5, 1, TRUE, FOV_ACT_RELU },
};

typedef struct {
    FovConvArgs args;
    GArray *parts;
    float *x, *y, *w, *bias;
    int blocks, rows;
    gboolean depthwise;
} Job;

static float *
new_floats (gsize n, float step)
{
    float *values = g_aligned_alloc (n, sizeof *values, 64);

    for (gsize i = 0; i < n; i++)
        values[i] = (float) (i % 7) * step;
    return values;
}

static void
add_parts (Job *job, const Shape *s, int v)
{
    for (int block = 0; block < job->blocks; block += 2) {
        FovConvPart part = { .out_block = block,
                             .blocks = MIN (2, job->blocks - block),
                             .channels = s->in,
                             .bias = job->bias + block * v };
        part.w = job->w + (gsize) block * v * s->in * s->kernel * s->kernel;
        g_array_append_val (job->parts, part);
    }
}

static void
job_init (Job *job, const Shape *s)
{
    const int v = fov_host_kernels ()->block, k = s->kernel;
    const int in_size = s->size * s->stride + k - 1;
    const int in_blocks = (s->in + v - 1) / v;
    const gsize plane = (gsize) in_size * in_size * v;
    const gsize weights = (gsize) k * k * v * (s->depthwise ? 1 : s->in);

    *job = (Job){ .blocks = (s->out + v - 1) / v, .rows = s->size, .depthwise = s->depthwise };
    job->x = new_floats (plane * in_blocks, 0.1f);
    job->y = new_floats ((gsize) s->size * s->size * v * job->blocks, 0);
    job->w = new_floats (weights * job->blocks, 0.01f);
    job->bias = new_floats ((gsize) job->blocks * v, 0.1f);
    job->parts = g_array_new (FALSE, FALSE, sizeof (FovConvPart));
    if (!s->depthwise)
        add_parts (job, s, v);
    job->args = (FovConvArgs){
        .x = job->x,
        .y = job->y,
        .x_block = plane,
        .x_row = (gsize) in_size * v * s->stride,
        .x_pixel = (gsize) v * s->stride,
        .y_block = (gsize) s->size * s->size * v,
        .y_row = (gsize) s->size * v,
        .tap_row = (gsize) in_size * v,
        .tap_pixel = v,
        .kh = k,
        .kw = k,
        .width = s->size,
        .act = { .kind = s->act },
        .parts = (const FovConvPart *) (gpointer) job->parts->data,
        .w = job->w,
        .bias = job->bias,
    };
}

static void
job_clear (Job *job)
{
    g_array_unref (job->parts);
    g_aligned_free (job->x);
    g_aligned_free (job->y);
    g_aligned_free (job->w);
    g_aligned_free (job->bias);
}

static void
job_run (gpointer data)
{
    const Job *job = data;

    if (job->depthwise)
        fov_host_kernels ()->depthwise (&job->args, 0, job->blocks, 0, job->rows);
    else
        fov_host_kernels ()->conv (&job->args, 0, (int) job->parts->len, 0, job->rows);
}

static double
shape_seconds (const Shape *s)
{
    double seconds;
    Job job;

    job_init (&job, s);
    seconds = best_time (job_run, &job);
    job_clear (&job);
    return seconds;
}

static void
print_shape (const Shape *s, double seconds, double peak)
{
    double flops =
        2.0 * s->size * s->size * s->out * s->kernel * s->kernel * (s->depthwise ? 1 : s->in);
    char what[64];

    g_snprintf (what, sizeof what, "%d -> %d, %dx%d, %dx%d%s", s->in, s->out, s->size, s->size,
                s->kernel, s->kernel, s->stride == 2 ? " / 2" : "");
    printf ("| %-17s | %-28s | %8.1f | %7.1f | %6.0f%% |\n", s->where, what, seconds * 1e6,
            flops / seconds * 1e-9, flops / seconds / peak * 100);
}

int
main (void)
{
    double seconds[G_N_ELEMENTS (shapes)], peak = 0;

    for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++) {
        peak = MAX (peak, peak_rate ()); /* the clock rate changes with time */
        seconds[i] = shape_seconds (&shapes[i]);
    }
    printf ("%s, one thread: peak %.1f GFLOP/s (multiply-adds in registers)\n\n",
            fov_host_isa_name (), peak * 1e-9);
    printf ("| %-17s | %-28s | %8s | %7s | %7s |\n", "kernel", "channels, output, window", "us",
            "GFLOP/s", "of peak");
    printf ("| %.17s | %.28s | %.7s: | %.6s: | %.6s: |\n", "-----------------",
            "----------------------------", "-------", "------", "------");
    for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++)
        print_shape (&shapes[i], seconds[i], peak);
    return 0;
}
