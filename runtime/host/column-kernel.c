/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels over neighbouring columns of planar tensors: matrix product, softmax, reductions. */
#include "host/vec.h"

/* ---- matrix product ---------------------------------------------------- */

#define GEMM_ROWS 4

typedef struct {
    const float *a, *b, *bias;
    float *c;
    gsize lda_row, lda_k, ldb, ldc;
    int k;
    const FovAct *act;
} GemmTile;

/* R rows by NV vectors; the last vector has last valid columns. */
INLINE void
gemm_tile (const GemmTile *t, const int R, const int NV, const int last)
{
    V acc[GEMM_ROWS][4];
    const float *a = t->a, *b = t->b;

    UNROLL
    for (int r = 0; r < R; r++)
        UNROLL
    for (int j = 0; j < NV; j++)
        acc[r][j] = !t->bias    ? (V){ 0 }
                    : last < VL ? vload_n (t->bias + j * VL, last)
                                : vload (t->bias + j * VL);
    for (int k = 0; k < t->k; k++, a += t->lda_k, b += t->ldb) {
        V bv[4];
        UNROLL
        for (int j = 0; j < NV; j++)
            bv[j] = last < VL ? vload_n (b + j * VL, last) : vload (b + j * VL);
        UNROLL
        for (int r = 0; r < R; r++) {
            const float s = a[r * t->lda_row];
            UNROLL
            for (int j = 0; j < NV; j++)
                acc[r][j] += bv[j] * s;
        }
    }
    UNROLL
    for (int r = 0; r < R; r++) {
        float *c = t->c + r * t->ldc;
        UNROLL
        for (int j = 0; j < NV; j++)
            if (last < VL)
                vstore_n (c + j * VL, acc[r][j], last);
            else
                vstore (c + j * VL, acc[r][j]);
        if (t->act->kind != FOV_ACT_NONE)
            FOV_SUFFIX (fov_act_run) (t->act, c, c, (NV - 1) * VL + last);
    }
}

/* All rows of one column strip. */
INLINE void
gemm_strip (GemmTile t, int rows, const int NV, const int last)
{
    for (; rows >= GEMM_ROWS; rows -= GEMM_ROWS) {
        gemm_tile (&t, GEMM_ROWS, NV, last);
        t.a += GEMM_ROWS * t.lda_row;
        t.c += GEMM_ROWS * t.ldc;
    }
    for (; rows > 0; rows--) {
        gemm_tile (&t, 1, NV, last);
        t.a += t.lda_row;
        t.c += t.ldc;
    }
}

void
FOV_SUFFIX (fov_gemm_run) (const float *a, gsize lda_row, gsize lda_k, const float *b, gsize ldb,
                           const float *bias, const FovAct *act, float *c, gsize ldc, int rows,
                           int k, int col0, int col1)
{
    const gboolean packed = ldb == 0;
    const int wide = GEMM_VECTORS * VL;
    GemmTile t = { .a = a, .lda_row = lda_row, .lda_k = lda_k, .ldc = ldc, .k = k, .act = act };

    t.ldb = packed ? (gsize) wide : ldb;
    for (int col = col0; col < col1;) {
        const int left = col1 - col, strip = col / wide * wide;
        t.b = packed ? b + (gsize) strip * k + (col - strip) : b + col;
        t.bias = bias ? bias + col : NULL;
        t.c = c + col;
        if (left >= wide && col == strip) {
            gemm_strip (t, rows, GEMM_VECTORS, VL);
            col += wide;
        } else if (left >= VL) {
            gemm_strip (t, rows, 1, VL);
            col += VL;
        } else {
            gemm_strip (t, rows, 1, left);
            col += left;
        }
    }
}

/* ---- softmax and reductions -------------------------------------------- */

INLINE V
load_some (const float *x, gsize n)
{
    return n < VL ? vload_n (x, n) : vload (x);
}

INLINE void
store_some (float *y, V v, gsize n)
{
    if (n < VL)
        vstore_n (y, v, n);
    else
        vstore (y, v);
}

/* e^(x - max) / sum, or x - max - log sum, for up to VL neighbouring columns. */
static void
softmax_columns (const float *x, float *y, gsize m, gsize step, gsize n, gboolean log_of)
{
    V max = load_some (x, n), sum = { 0 };

    for (gsize i = 1; i < m; i++)
        max = vmax (max, load_some (x + i * step, n));
    for (gsize i = 0; i < m; i++) {
        const V e = vexp_finite (load_some (x + i * step, n) - max);
        sum += e;
        if (!log_of)
            store_some (y + i * step, e, n);
    }
    if (log_of)
        for (int i = 0; i < VL; i++)
            max[i] += logf (sum[i]);
    const V scale = 1.0f / sum;
    for (gsize i = 0; i < m; i++)
        store_some (y + i * step,
                    log_of ? load_some (x + i * step, n) - max
                           : load_some (y + i * step, n) * scale,
                    n);
}

/* The same along neighbouring values. */
static void
softmax_row (const float *x, float *y, gsize m, gboolean log_of)
{
    float max = x[0], sum = 0.0f;
    gsize i = 0;

    for (gsize k = 1; k < m; k++)
        max = MAX (max, x[k]);
    for (; i < m; i += VL) {
        const V e = vexp_finite (load_some (x + i, m - i) - max);
        for (gsize k = 0; k < MIN (m - i, VL); k++)
            sum += e[k];
        if (!log_of)
            store_some (y + i, e, m - i);
    }
    const float scale = 1.0f / sum, shift = max + logf (sum);
    for (i = 0; i < m; i += VL)
        store_some (y + i,
                    log_of ? load_some (x + i, m - i) - shift : load_some (y + i, m - i) * scale,
                    m - i);
}

void
FOV_SUFFIX (fov_softmax_run) (const float *x, float *y, gsize m, gsize step, gsize n,
                              gboolean log_of)
{
    if (n == 1 && step == 1) {
        softmax_row (x, y, m, log_of);
        return;
    }
    for (gsize i = 0; i < n; i += VL)
        softmax_columns (x + i, y + i, m, step, n - i, log_of);
}

INLINE V
reduce_pair (int kind, V a, V b)
{
    return kind == 0 ? a + b : kind == 1 ? vmax (a, b) : vmin (a, b);
}

static float
reduce_row (const float *x, gsize m, int kind)
{
    float r = x[0];
    gsize i = 1;

    if (m >= VL) {
        V v = vload (x);
        for (i = VL; i + VL <= m; i += VL)
            v = reduce_pair (kind, v, vload (x + i));
        r = v[0];
        for (int k = 1; k < VL; k++)
            r = reduce_pair (kind, vset (r), vset (v[k]))[0];
    }
    for (; i < m; i++)
        r = reduce_pair (kind, vset (r), vset (x[i]))[0];
    return r;
}

void
FOV_SUFFIX (fov_reduce_run) (const float *x, float *y, gsize m, gsize step, gsize n, int kind,
                             float scale)
{
    if (n == 1 && step == 1) {
        *y = reduce_row (x, m, kind) * scale;
        return;
    }
    for (gsize i = 0; i < n; i += VL) {
        V v = load_some (x + i, n - i);
        for (gsize k = 1; k < m; k++)
            v = reduce_pair (kind, v, load_some (x + i + k * step, n - i));
        store_some (y + i, v * scale, n - i);
    }
}
