/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_HOST_EPILOGUE_H
#define FOV_HOST_EPILOGUE_H

/* How convolutions' kernels give what they summed up: residual, activation, unused channels. */
#include "host/vec.h"

/* Activations other than the inlined ones, and whatever leaves unused channels not 0. */
static void
finish (const FovConvArgs *a, float *y, const float *r, int block, int n)
{
    FOV_SUFFIX (fov_act_run) (&a->act, y, y, (gsize) n * VL);
    if (r && a->residual_last)
        for (int i = 0; i < n; i++)
            vstore (y + i * VL, vload (y + i * VL) + vload (r + i * VL));
    if (a->tail && block == a->tail_block)
        for (int i = 0; i < n; i++)
            for (int c = a->tail; c < VL; c++)
                y[i * VL + c] = 0.0f;
}

INLINE V
inline_act (V v, int kind, V lo, V hi)
{
    if (kind == FOV_ACT_CLIP)
        return vmin (vmax (v, lo), hi);
    return vmax (v, (V){ 0 }) + lo * vmin (v, (V){ 0 });
}

/* Adds the residual, applies the activation and stores P pixels of one block. */
INLINE void
store_pixels (const FovConvArgs *a, V *acc, int acc_step, int block, int row, int px, const int P)
{
    float *y = a->y + block * a->y_block + row * a->y_row + px * VL;
    const float *r = a->r ? a->r + block * a->r_block + row * a->r_row + px * VL : NULL;
    const int kind = a->act.kind;

    if (r && !a->residual_last) {
        UNROLL
        for (int i = 0; i < P; i++)
            acc[i * acc_step] += vload (r + i * VL);
    }
    if (a->simple && kind != FOV_ACT_NONE) {
        V lo = vset (a->act.a), hi = vset (a->act.b);
        if (kind == FOV_ACT_CLIP) {
            UNROLL
            for (int i = 0; i < P; i++)
                acc[i * acc_step] = inline_act (acc[i * acc_step], FOV_ACT_CLIP, lo, hi);
        } else {
            UNROLL
            for (int i = 0; i < P; i++)
                acc[i * acc_step] = inline_act (acc[i * acc_step], FOV_ACT_LEAKY_RELU, lo, hi);
        }
    }
    if (r && a->residual_last && a->simple) {
        UNROLL
        for (int i = 0; i < P; i++)
            acc[i * acc_step] += vload (r + i * VL);
    }
    UNROLL
    for (int i = 0; i < P; i++)
        vstore (y + i * VL, acc[i * acc_step]);
    if (!a->simple)
        finish (a, y, r, block, P);
}

#endif
