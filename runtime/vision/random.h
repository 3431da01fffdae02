/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_VISION_RANDOM_H
#define FOVEA_VISION_RANDOM_H

/*
 * Random numbers by counting: Philox 4x32-10 (Salmon et al. 2011, section 3.3).
 * What is drawn depends on seed and place alone, so no thread and no break of a
 * run can change it.
 */
#include <glib.h>

static inline void
fov_philox (const guint32 key[2], const guint32 counter[4], guint32 out[4])
{
    guint32 k0 = key[0], k1 = key[1];
    guint32 c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];

    for (int round = 0; round < 10; round++) {
        const guint64 a = (guint64) 0xD2511F53u * c0, b = (guint64) 0xCD9E8D57u * c2;
        c0 = (guint32) (b >> 32) ^ c1 ^ k0;
        c2 = (guint32) (a >> 32) ^ c3 ^ k1;
        c1 = (guint32) b;
        c3 = (guint32) a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/** A sequence of its own for each seed, stream and place. */
typedef struct {
    guint32 key[2], counter[4], out[4];
    int left;
} FovRandom;

static inline FovRandom
fov_random (guint64 seed, guint32 stream, guint64 place)
{
    return (FovRandom){ .key = { (guint32) seed, (guint32) (seed >> 32) },
                        .counter = { 0, stream, (guint32) place, (guint32) (place >> 32) } };
}

static inline guint32
fov_random_word (FovRandom *random)
{
    if (!random->left) {
        fov_philox (random->key, random->counter, random->out);
        random->counter[0]++;
        random->left = 4;
    }
    return random->out[4 - random->left--];
}

/** 0 <= value < 1. */
static inline double
fov_random_unit (FovRandom *random)
{
    return fov_random_word (random) * 0x1p-32;
}

static inline double
fov_random_range (FovRandom *random, double from, double to)
{
    return from + (to - from) * fov_random_unit (random);
}

static inline gboolean
fov_random_chance (FovRandom *random, double probability)
{
    return fov_random_unit (random) < probability;
}

/** 0..n-1; n > 0. */
static inline guint
fov_random_below (FovRandom *random, guint n)
{
    return (guint) ((guint64) fov_random_word (random) * n >> 32);
}

#endif
