/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_PUSH_H
#define FOV_PUSH_H

/*
 * Push constants, for C and GLSL alike: structs of int and float alone, at most
 * 128 bytes. A shader says
 *     layout (push_constant) uniform Push { fov_push_x push; };
 * Offsets into the arena and the constants count in the unit that the comment
 * says: float (4 bytes) or vec4 (16 bytes).
 */

/** test_scale: out[i] = in[i] * factor + constant[i & 3]; float offsets. */
struct fov_push_test_scale {
    int src, dst, constants, n;
    float factor;
};

#endif
