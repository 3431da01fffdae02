/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_HOST_VEC_H
#define FOV_HOST_VEC_H

/*
 * What the kernels' sources see of the instruction set they are compiled for:
 * FOV_TIER (0 baseline, 1 AVX2, 2 AVX-512) is given by the build. One vector is
 * one block of channels.
 */
#include "host/kernels.h"
#include <math.h>
#include <string.h>

#if FOV_TIER > 0
#include <immintrin.h>
#endif

#if FOV_TIER == 2
#define VL 16
#define FOV_SUFFIX(name) name##_avx512
#elif FOV_TIER == 1
#define VL 8
#define FOV_SUFFIX(name) name##_avx2
#else
#define VL 4 /* what any processor has: of longer vectors the compiler keeps none in registers */
#define FOV_SUFFIX(name) name##_baseline
#endif

#define INLINE static inline __attribute__ ((always_inline))
#define UNROLL _Pragma ("GCC unroll 32")

typedef float V __attribute__ ((vector_size (VL * 4)));
typedef int VI __attribute__ ((vector_size (VL * 4)));
typedef float VU __attribute__ ((vector_size (VL * 4), aligned (4), may_alias));

INLINE V
vload (const float *p)
{
    return *(const VU *) p;
}

INLINE void
vstore (float *p, V v)
{
    *(VU *) p = v;
}

INLINE V
vset (float x)
{
    return x - (V){ 0 };
}

/* The first n lanes, the others 0. */
INLINE V
vload_n (const float *p, gsize n)
{
#if FOV_TIER == 2
    return (V) _mm512_maskz_loadu_ps ((__mmask16) ((1u << n) - 1), p);
#else
    V v = { 0 };

    memcpy (&v, p, n * sizeof (float));
    return v;
#endif
}

INLINE void
vstore_n (float *p, V v, gsize n)
{
#if FOV_TIER == 2
    _mm512_mask_storeu_ps (p, (__mmask16) ((1u << n) - 1), (__m512) v);
#else
    memcpy (p, &v, n * sizeof (float));
#endif
}

/* mask: all ones or all zeros per lane. */
INLINE V
vselect (VI mask, V yes, V no)
{
    return (V) ((mask & (VI) yes) | (~mask & (VI) no));
}

INLINE V
vmax (V a, V b)
{
#if FOV_TIER == 2
    return (V) _mm512_max_ps ((__m512) a, (__m512) b);
#elif FOV_TIER == 1
    return (V) _mm256_max_ps ((__m256) a, (__m256) b);
#else
    return vselect (a > b, a, b);
#endif
}

INLINE V
vmin (V a, V b)
{
#if FOV_TIER == 2
    return (V) _mm512_min_ps ((__m512) a, (__m512) b);
#elif FOV_TIER == 1
    return (V) _mm256_min_ps ((__m256) a, (__m256) b);
#else
    return vselect (a < b, a, b);
#endif
}

INLINE V
vabs (V a)
{
    return (V) ((VI) a & 0x7fffffff);
}

/* 1 / d; one Newton step on AVX-512, where a division of a whole vector is slow. d finite. */
INLINE V
vrecip (V d)
{
#if FOV_TIER == 2
    V y = (V) _mm512_rcp14_ps ((__m512) d);

    return y * (2.0f - d * y);
#else
    return 1.0f / d;
#endif
}

/*
 * exp: x = n ln 2 + r, |r| <= ln 2 / 2, the near-minimax (Chebyshev) polynomial of degree 6 for
 * exp r, then 2^n in two factors so that n may be 128. Below -87.3 the result stays
 * at 2^-126, above 88.7 it is infinite.
 */
INLINE V
vexp_finite (V x)
{
    const V magic = vset (12582912.0f); /* 1.5 * 2^23: the sum's low bits are round (x) */
    V c = vmin (vmax (x, vset (-87.33654f)), vset (88.72f));
    V t = c * 1.44269504f + magic;
    V n = t - magic;
    V r = c - n * 0.693359375f + n * 2.12194440e-4f;
    V p = vset (1.394110844e-3f);

    p = p * r + 8.375126398e-3f;
    p = p * r + 4.166635290e-2f;
    p = p * r + 1.666641551e-1f;
    p = p * r + 5.000000047e-1f;
    p = p * r + 1.000000038f;
    p = p * r + 1.0f;
#if FOV_TIER == 2
    p = (V) _mm512_scalef_ps ((__m512) p, (__m512) n);
#else
    VI i = (VI) t - (VI) magic;
    VI half = i >> 1;
    p = p * (V) ((half + 127) << 23) * (V) ((i - half + 127) << 23);
#endif
    return p;
}

INLINE V
vexp (V x)
{
    return vselect (x > 88.72284f, vset (INFINITY), vexp_finite (x));
}

/* From -88 down it stays at 6e-39. */
INLINE V
vsigmoid (V x)
{
    return vrecip (1.0f + vexp_finite (-x));
}

/* exp (x) - 1; near 0 by its series, where the difference would lose digits. */
INLINE V
vexpm1 (V x)
{
    V s = x * (1.0f / 5040) + 1.0f / 720;

    s = s * x + 1.0f / 120;
    s = s * x + 1.0f / 24;
    s = s * x + 1.0f / 6;
    s = s * x + 0.5f;
    s = s * (x * x) + x;
    return vselect (vabs (x) < 0.35f, s, vexp (x) - 1.0f);
}

INLINE V
vtanh (V x)
{
    V q = x * x;
    V s = q * (-1382.0f / 155925) + 62.0f / 2835;
    V e = vexp (-2.0f * vabs (x));
    V big = 2.0f / (1.0f + e) - 1.0f;

    s = s * q - 17.0f / 315;
    s = s * q + 2.0f / 15;
    s = s * q - 1.0f / 3;
    s = s * q * x + x;
    return vselect (q < 0.1225f, s, vselect (x < 0.0f, -big, big));
}

/* The number of columns that gemm's B is packed by. */
#define GEMM_VECTORS (FOV_TIER == 2 ? 4 : FOV_TIER == 1 ? 2 : 1)

/* What the table lists (and act: what other kernels' epilogues call). */
void FOV_SUFFIX (fov_act_run) (const FovAct *act, const float *x, float *y, gsize n);
gboolean FOV_SUFFIX (fov_act_grad_run) (const FovAct *act, const float *x, const float *dy,
                                        float *y, gsize n);
void FOV_SUFFIX (fov_moments_run) (const float *x, gsize x_row, int rows, int width, float *mean,
                                   float *squares);
void FOV_SUFFIX (fov_norm_sums_run) (const float *x, gsize x_row, const float *dy, gsize dy_row,
                                     int rows, int width, const float *mean, float *sum,
                                     float *dot);
void FOV_SUFFIX (fov_norm_grad_run) (const float *x, const float *dy, const float *a,
                                     const float *b, const float *c, float *dx, int width);
void FOV_SUFFIX (fov_conv_grad_run) (const FovConvGradArgs *a);
void FOV_SUFFIX (fov_depthwise_grad_run) (const FovConvGradArgs *a);
void FOV_SUFFIX (fov_winograd_input_run) (const float *x, gsize x_row, int rows, int columns,
                                          float *v, gsize step);
void FOV_SUFFIX (fov_winograd_output_run) (const float *m, gsize step, const float *bias,
                                           const FovConvArgs *to, int block, int row, int px,
                                           int rows, int columns);
void FOV_SUFFIX (fov_winograd_output_grad_run) (const float *dy, gsize dy_row, int rows,
                                                int columns, float *m, gsize step);
void FOV_SUFFIX (fov_winograd_weights_run) (const float *w, gssize w_step, float *u, gsize step);
void FOV_SUFFIX (fov_winograd_weights_grad_run) (const float *u, gsize step, float *w,
                                                 gsize w_step);
void FOV_SUFFIX (fov_conv_run) (const FovConvArgs *args, int part0, int part1, int row0, int row1);
void FOV_SUFFIX (fov_depthwise_run) (const FovConvArgs *args, int block0, int block1, int row0,
                                     int row1);
void FOV_SUFFIX (fov_binary_run) (FovHostBinary op, const float *a, FovHostStepKind a_step,
                                  const float *b, FovHostStepKind b_step, float *y, gsize n);
void FOV_SUFFIX (fov_affine_run) (const float *x, const float *s, const float *t,
                                  FovHostStepKind step, float *y, gsize n);
void FOV_SUFFIX (fov_pool_run) (const FovPoolArgs *a, int row, float *y);
void FOV_SUFFIX (fov_max_pool_grad_run) (const FovPoolArgs *a, int row, const float *dy, float *dx,
                                         gsize dx_row);
void FOV_SUFFIX (fov_resize_row) (const float *row0, const float *row1, float ty, const int *x0,
                                  const int *x1, const float *tx, float *y, int n);
void FOV_SUFFIX (fov_pick_row) (const float *x, const int *index, float *y, int n);
void FOV_SUFFIX (fov_interleave_run) (const float *x, gsize plane, int channels, float *y, gsize n);
void FOV_SUFFIX (fov_deinterleave_run) (const float *x, float *y, gsize plane, int channels,
                                        gsize n);
void FOV_SUFFIX (fov_quads_run) (const float *x, gsize plane, int channels, float *y, gsize pixel,
                                 gsize n);
void FOV_SUFFIX (fov_lanes_run) (const FovLaneSource *sources, const float *const *rows,
                                 int n_sources, float *y, gsize n);
void FOV_SUFFIX (fov_gemm_run) (const float *a, gsize lda_row, gsize lda_k, const float *b,
                                gsize ldb, const float *bias, const FovAct *act, float *c,
                                gsize ldc, int rows, int k, int col0, int col1);
void FOV_SUFFIX (fov_softmax_run) (const float *x, float *y, gsize m, gsize step, gsize n,
                                   gboolean log_of);
void FOV_SUFFIX (fov_reduce_run) (const float *x, float *y, gsize m, gsize step, gsize n, int kind,
                                  float scale);

#endif
