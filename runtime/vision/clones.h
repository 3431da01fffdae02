/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_VISION_CLONES_H
#define FOV_VISION_CLONES_H

/* Compiles a plain loop for several instruction sets; the loader picks one. What it calls must
 * be FOV_INLINE to be compiled along. (It picks before ThreadSanitizer can bear it.) */
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define FOV_CLONES                                                                                 \
    __attribute__ ((optimize ("O3"), target_clones ("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define FOV_CLONES
#endif
#define FOV_INLINE static inline __attribute__ ((always_inline))

#endif
