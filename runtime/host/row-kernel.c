/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels along rows: binary functions, pooling, resizing, changes of layout. */
#include "host/vec.h"

/* ---- binary ------------------------------------------------------------ */

INLINE V
vpow (V a, V b)
{
    for (int i = 0; i < VL; i++)
        a[i] = powf (a[i], b[i]);
    return a;
}

INLINE V
binary_value (FovHostBinary op, V a, V b)
{
    switch (op) {
    case FOV_HOST_ADD:
        return a + b;
    case FOV_HOST_SUB:
        return a - b;
    case FOV_HOST_MUL:
        return a * b;
    case FOV_HOST_DIV:
        return a / b;
    case FOV_HOST_MIN:
        return vmin (a, b);
    case FOV_HOST_MAX:
        return vmax (a, b);
    case FOV_HOST_PRELU:
        return vselect (a < 0.0f, a * b, a);
    default:
        return vpow (a, b);
    }
}

INLINE V
fixed_operand (const float *p, FovHostStepKind step, gsize n)
{
    if (step == FOV_STEP_VECTOR)
        return vload (p);
    return step == FOV_STEP_SCALAR ? vset (*p) : (V){ 0 };
}

/* a_each, b_each and op are constants where this is inlined. */
INLINE void
binary_loop (FovHostBinary op, const float *a, gboolean a_each, V av, const float *b,
             gboolean b_each, V bv, float *y, gsize n)
{
    gsize i = 0;

    for (; i + VL <= n; i += VL)
        vstore (y + i, binary_value (op, a_each ? vload (a + i) : av, b_each ? vload (b + i) : bv));
    if (i < n)
        vstore_n (y + i,
                  binary_value (op, a_each ? vload_n (a + i, n - i) : av,
                                b_each ? vload_n (b + i, n - i) : bv),
                  n - i);
}

INLINE void
binary_steps (FovHostBinary op, const float *a, FovHostStepKind a_step, const float *b,
              FovHostStepKind b_step, float *y, gsize n)
{
    const V av = fixed_operand (a, a_step, n), bv = fixed_operand (b, b_step, n);

    if (a_step == FOV_STEP_EACH && b_step == FOV_STEP_EACH)
        binary_loop (op, a, TRUE, av, b, TRUE, bv, y, n);
    else if (a_step == FOV_STEP_EACH)
        binary_loop (op, a, TRUE, av, b, FALSE, bv, y, n);
    else if (b_step == FOV_STEP_EACH)
        binary_loop (op, a, FALSE, av, b, TRUE, bv, y, n);
    else
        binary_loop (op, a, FALSE, av, b, FALSE, bv, y, n);
}

void
FOV_SUFFIX (fov_binary_run) (FovHostBinary op, const float *a, FovHostStepKind a_step,
                             const float *b, FovHostStepKind b_step, float *y, gsize n)
{
    switch (op) {
#define CASE(name)                                                                                 \
    case name:                                                                                     \
        binary_steps (name, a, a_step, b, b_step, y, n);                                           \
        break;
        CASE (FOV_HOST_ADD)
        CASE (FOV_HOST_SUB)
        CASE (FOV_HOST_MUL)
        CASE (FOV_HOST_DIV)
        CASE (FOV_HOST_MIN)
        CASE (FOV_HOST_MAX)
        CASE (FOV_HOST_PRELU)
        CASE (FOV_HOST_POW)
#undef CASE
    default:
        break;
    }
}

void
FOV_SUFFIX (fov_affine_run) (const float *x, const float *s, const float *t, FovHostStepKind step,
                             float *y, gsize n)
{
    const V sv = fixed_operand (s, step, n), tv = fixed_operand (t, step, n);
    gsize i = 0;

    for (; i + VL <= n; i += VL)
        vstore (y + i, vload (x + i) * sv + tv);
    if (i < n)
        vstore_n (y + i, vload_n (x + i, n - i) * sv + tv, n - i);
}

/* ---- pooling ----------------------------------------------------------- */

/* First and one past the last tap of a window that lie inside [0, size). */
static inline void
clip_window (int start, int k, int dilation, int size, int *first, int *last)
{
    *first = start < 0 ? (-start + dilation - 1) / dilation : 0;
    *last = start >= size ? 0 : MIN (k, (size - start + dilation - 1) / dilation);
}

/* Two accumulators, so that long rows are not bound by the latency of one. */
INLINE V
pool_window (const FovPoolArgs *a, const float *x, int rows, int columns, gboolean max)
{
    const gsize dx = (gsize) a->dx * VL, dy = a->dy * a->x_row;
    V even = max ? vload (x) : (V){ 0 }, odd = even;

    for (int ky = 0; ky < rows; ky++, x += dy) {
        int kx = 0;
        for (; kx + 2 <= columns; kx += 2) {
            const V v = vload (x + kx * dx), u = vload (x + (kx + 1) * dx);
            even = max ? vmax (even, v) : even + v;
            odd = max ? vmax (odd, u) : odd + u;
        }
        if (kx < columns)
            even = max ? vmax (even, vload (x + kx * dx)) : even + vload (x + kx * dx);
    }
    return max ? vmax (even, odd) : even + odd;
}

/* Elements the average divides by: of the picture, or with its padding. */
static inline int
pool_count (const FovPoolArgs *a, int y, int x, int inside)
{
    int first, rows, columns;

    if (!a->include_pad)
        return MAX (inside, 1);
    clip_window (y + a->top, a->kh, a->dy, a->h + a->top + a->bottom, &first, &rows);
    clip_window (x + a->left, a->kw, a->dx, a->w + a->left + a->right, &first, &columns);
    return MAX (rows * columns, 1);
}

void
FOV_SUFFIX (fov_pool_run) (const FovPoolArgs *a, int row, float *y)
{
    const int y0 = row * a->sy - a->top;
    int ky0, ky1, kx0, kx1;

    clip_window (y0, a->kh, a->dy, a->h, &ky0, &ky1);
    for (int px = 0; px < a->out_w; px++, y += VL) {
        const int x0 = px * a->sx - a->left;
        clip_window (x0, a->kw, a->dx, a->w, &kx0, &kx1);
        const int rows = MAX (ky1 - ky0, 0), columns = MAX (kx1 - kx0, 0);
        const float *x =
            a->x + (y0 + ky0 * a->dy) * (gssize) a->x_row + (gssize) (x0 + kx0 * a->dx) * VL;
        if (rows == 0 || columns == 0)
            vstore (y, vset (a->max ? -INFINITY : 0.0f));
        else if (a->max)
            vstore (y, pool_window (a, x, rows, columns, TRUE));
        else
            vstore (y, pool_window (a, x, rows, columns, FALSE) *
                           (1.0f / (float) pool_count (a, y0, x0, rows * columns)));
    }
}

/*
 * dy of one window, to the first of the greatest of each channel. rows and columns are constants
 * where this is inlined for whole windows of common sizes.
 */
INLINE void
give_back (const FovPoolArgs *a, const float *x, V dy, float *dx, gsize dx_row, const int rows,
           const int columns)
{
    V max = vset (-INFINITY);
    VI at = { 0 };

    for (int ky = 0; ky < rows; ky++)
        for (int kx = 0; kx < columns; kx++) {
            const V v = vload (x + ky * a->dy * a->x_row + (gsize) (kx * a->dx) * VL);
            const VI more = v > max;
            at = (VI) vselect (more, (V) ((VI){ 0 } + (ky * columns + kx)), (V) at);
            max = vselect (more, v, max);
        }
    for (int ky = 0; ky < rows; ky++)
        for (int kx = 0; kx < columns; kx++) {
            float *to = dx + ky * a->dy * dx_row + (gsize) (kx * a->dx) * VL;
            vstore (to, vload (to) + vselect (at == ky * columns + kx, dy, (V){ 0 }));
        }
}

void
FOV_SUFFIX (fov_max_pool_grad_run) (const FovPoolArgs *a, int row, const float *dy, float *dx,
                                    gsize dx_row)
{
    const int y0 = row * a->sy - a->top;
    int ky0, ky1, kx0, kx1;

    clip_window (y0, a->kh, a->dy, a->h, &ky0, &ky1);
    for (int px = 0; px < a->out_w; px++, dy += VL) {
        const int x0 = px * a->sx - a->left;
        clip_window (x0, a->kw, a->dx, a->w, &kx0, &kx1);
        const int rows = MAX (ky1 - ky0, 0), columns = MAX (kx1 - kx0, 0);
        const gssize y = y0 + ky0 * a->dy, first = (gssize) (x0 + kx0 * a->dx) * VL;
        const float *from = a->x + y * (gssize) a->x_row + first;
        float *to = dx + y * (gssize) dx_row + first;
        if (rows == 2 && columns == 2)
            give_back (a, from, vload (dy), to, dx_row, 2, 2);
        else if (rows == 3 && columns == 3)
            give_back (a, from, vload (dy), to, dx_row, 3, 3);
        else
            give_back (a, from, vload (dy), to, dx_row, rows, columns);
    }
}

/* ---- resizing ---------------------------------------------------------- */

void
FOV_SUFFIX (fov_resize_row) (const float *row0, const float *row1, float ty, const int *x0,
                             const int *x1, const float *tx, float *y, int n)
{
    for (int i = 0; i < n; i++) {
        const V a = vload (row0 + x0[i] * VL), b = vload (row0 + x1[i] * VL);
        const V c = vload (row1 + x0[i] * VL), d = vload (row1 + x1[i] * VL);
        const V top = a + (b - a) * tx[i], low = c + (d - c) * tx[i];
        vstore (y + i * VL, top + (low - top) * ty);
    }
}

void
FOV_SUFFIX (fov_pick_row) (const float *x, const int *index, float *y, int n)
{
    for (int i = 0; i < n; i++)
        vstore (y + i * VL, vload (x + index[i] * VL));
}

/* ---- layouts ----------------------------------------------------------- */

#define LOW(l, d) ((l) & (d) ? VL + (l) - (d) : (l))
#define HIGH(l, d) ((l) & (d) ? VL + (l) : (l) + (d))
#if VL == 16
#define LANES(F, d)                                                                                \
    F (0, d), F (1, d), F (2, d), F (3, d), F (4, d), F (5, d), F (6, d), F (7, d), F (8, d),      \
        F (9, d), F (10, d), F (11, d), F (12, d), F (13, d), F (14, d), F (15, d)
#elif VL == 8
#define LANES(F, d) F (0, d), F (1, d), F (2, d), F (3, d), F (4, d), F (5, d), F (6, d), F (7, d)
#else
#define LANES(F, d) F (0, d), F (1, d), F (2, d), F (3, d)
#endif

/* One of log2 (VL) butterflies: swaps the bit d of row and lane numbers. */
#define BUTTERFLY(d)                                                                               \
    UNROLL                                                                                         \
    for (int i = 0; i < VL; i++)                                                                   \
        if (!(i & d)) {                                                                            \
            const V a = v[i], b = v[i + d];                                                        \
            v[i] = __builtin_shufflevector (a, b, LANES (LOW, d));                                 \
            v[i + d] = __builtin_shufflevector (a, b, LANES (HIGH, d));                            \
        }

INLINE void
transpose (V v[VL])
{
    BUTTERFLY (1)
    BUTTERFLY (2)
#if VL >= 8
    BUTTERFLY (4)
#endif
#if VL == 16
    BUTTERFLY (8)
#endif
}

void
FOV_SUFFIX (fov_interleave_run) (const float *x, gsize plane, int channels, float *y, gsize n)
{
    for (gsize i = 0; i < n; i += VL, x += VL, y += VL * VL) {
        const gsize left = MIN (n - i, VL);
        V v[VL] = { 0 };

        if (left == VL)
            for (int c = 0; c < channels; c++)
                v[c] = vload (x + c * plane);
        else
            for (int c = 0; c < channels; c++)
                v[c] = vload_n (x + c * plane, left);
        transpose (v);
        for (gsize k = 0; k < left; k++)
            vstore (y + k * VL, v[k]);
    }
}

void
FOV_SUFFIX (fov_deinterleave_run) (const float *x, float *y, gsize plane, int channels, gsize n)
{
    for (gsize i = 0; i < n; i += VL, x += VL * VL, y += VL) {
        const gsize left = MIN (n - i, VL);
        V v[VL] = { 0 };

        for (gsize k = 0; k < left; k++)
            v[k] = vload (x + k * VL);
        transpose (v);
        if (left == VL)
            for (int c = 0; c < channels; c++)
                vstore (y + c * plane, v[c]);
        else
            for (int c = 0; c < channels; c++)
                vstore_n (y + c * plane, v[c], left);
    }
}

/* Pairs of lanes of the lower (upper) halves of a and b. */
#define ZIP_LOW(l, d) ((l) % 2 ? VL + (l) / 2 : (l) / 2)
#define ZIP_HIGH(l, d) ((l) % 2 ? VL + VL / 2 + (l) / 2 : VL / 2 + (l) / 2)

typedef float V4 __attribute__ ((vector_size (16)));
typedef float V4U __attribute__ ((vector_size (16), aligned (4), may_alias));

/* VL / 4 pixels of four channels each, to pixel floats apart. */
INLINE void
store_quads (float *y, gsize pixel, V quads)
{
    V4 q[VL / 4];

    memcpy (q, &quads, sizeof q);
    UNROLL
    for (int i = 0; i < VL / 4; i++)
        *(V4U *) (y + i * pixel) = q[i];
}

void
FOV_SUFFIX (fov_quads_run) (const float *x, gsize plane, int channels, float *y, gsize pixel,
                            gsize n)
{
    gsize i = 0;

    for (; i + VL <= n; i += VL, y += VL * pixel) {
        V v[4] = { 0 };
        for (int c = 0; c < channels; c++)
            v[c] = vload (x + c * plane + i);
        const V even_low = __builtin_shufflevector (v[0], v[2], LANES (ZIP_LOW, 0));
        const V even_high = __builtin_shufflevector (v[0], v[2], LANES (ZIP_HIGH, 0));
        const V odd_low = __builtin_shufflevector (v[1], v[3], LANES (ZIP_LOW, 0));
        const V odd_high = __builtin_shufflevector (v[1], v[3], LANES (ZIP_HIGH, 0));
        store_quads (y, pixel, __builtin_shufflevector (even_low, odd_low, LANES (ZIP_LOW, 0)));
        store_quads (y + VL / 4 * pixel, pixel,
                     __builtin_shufflevector (even_low, odd_low, LANES (ZIP_HIGH, 0)));
        store_quads (y + VL / 2 * pixel, pixel,
                     __builtin_shufflevector (even_high, odd_high, LANES (ZIP_LOW, 0)));
        store_quads (y + VL * 3 / 4 * pixel, pixel,
                     __builtin_shufflevector (even_high, odd_high, LANES (ZIP_HIGH, 0)));
    }
    for (; i < n; i++, y += pixel)
        for (int c = 0; c < channels; c++)
            y[c] = x[c * plane + i];
}

INLINE V
permute (V v, VI index)
{
#if FOV_TIER == 2
    return (V) _mm512_permutexvar_ps ((__m512i) index, (__m512) v);
#elif FOV_TIER == 1
    return (V) _mm256_permutevar8x32_ps ((__m256) v, (__m256i) index);
#else
    V r;
    for (int i = 0; i < VL; i++)
        r[i] = v[index[i]];
    return r;
#endif
}

void
FOV_SUFFIX (fov_lanes_run) (const FovLaneSource *sources, const float *const *rows, int n_sources,
                            float *y, gsize n)
{
    for (int s = 0; s < n_sources; s++) {
        const float *x = rows[s];
        VI index, mask;
        for (int i = 0; i < VL; i++) {
            mask[i] = sources[s].lane[i] < 0 ? 0 : -1;
            index[i] = MAX (sources[s].lane[i], 0);
        }
        for (gsize i = 0; i < n; i++) {
            const V v = permute (vload (x + i * VL), index);
            vstore (y + i * VL, vselect (mask, v, s ? vload (y + i * VL) : (V){ 0 }));
        }
    }
    if (n_sources == 0)
        memset (y, 0, n * VL * sizeof (float));
}
