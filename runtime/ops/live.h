/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_LIVE_H
#define FOV_OPS_LIVE_H

/*
 * What is only there while a model learns.
 *
 * fov.Dropout: X and a draw's number (one float) -> X with a share of its elements 0 and the others
 *     larger for it (Srivastava et al. 2014, scaled as in section 10). Which, the seed, the number
 *     and the element's index decide alone, so that every run and executor has the same.
 * fov.Gate: old, new, gate (one float) -> new where gate is above 0, else old.
 */
#include "graph/op.h"

typedef struct {
    gint64 seed;
    float ratio;
} FovLiveDropoutParams;

/** 32 bits that look random: three rounds of multiplying and shifting (Wellons' triple32). */
static inline guint32
fov_live_mix (guint32 x)
{
    x = (x ^ x >> 17) * 0xed5ad4bbu;
    x = (x ^ x >> 11) * 0xac4c1b51u;
    x = (x ^ x >> 15) * 0x31848babu;
    return x ^ x >> 14;
}

/** What all elements of a draw have in common. */
static inline guint32
fov_live_key (gint64 seed, float draw)
{
    const guint64 s = (guint64) seed;

    return fov_live_mix (fov_live_mix ((guint32) s ^ 0x9e3779b9u) ^ (guint32) (s >> 32)) ^
           fov_live_mix ((guint32) draw);
}

/** Elements whose number is below this go. */
static inline guint32
fov_live_threshold (float ratio)
{
    return (guint32) MIN ((double) ratio * 0x1p32, 0xffffffff);
}

#endif
