#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Convolution whose weights the graph computes (a Siamese head's correlation):
 *   y[m][oy][ox] = act (bias[m] + sum over c of the group, ky, kx of
 *                       w[m][c][ky][kx] x[c][oy sy - pad_y + ky dy][ox sx - pad_x + kx dx])
 * and a residual before or behind act. All planar; w: [M][C / groups][kh][kw].
 * A lane makes one value; workgroups of 64 cover n values.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/act.glsl"
#include "lib/divide.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int ACT = 0;
layout (constant_id = 1) const int RESIDUAL = 0; /* 1: before act, 2: behind it */
layout (constant_id = 2) const bool BIAS = false;
layout (constant_id = 3) const bool WEIGHTS_CONSTANT = false;
layout (constant_id = 4) const bool BIAS_CONSTANT = false;
layout (push_constant) uniform Push { fov_push_conv_given push; };

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x);
    if (i >= push.n)
        return;
    int row = divide (i, push.ow), ox = i - row * push.ow;
    int picture_m = divide (row, push.oh), oy = row - picture_m * push.oh;
    int n = divide (picture_m, push.m), m = picture_m - n * push.m;
    int taps = push.kh * push.kw, at = push.weights + m * push.group_in * taps;
    int first = n * push.c + divide (m, push.group_out) * push.group_in;
    float sum = 0.0;

    if (BIAS)
        sum = BIAS_CONSTANT ? const1[push.bias + m] : arena[push.bias + m];
    for (int c = 0; c < push.group_in; c++)
        for (int ky = 0; ky < push.kh; ky++) {
            int y = oy * push.stride_y - push.pad_y + ky * push.dilation_y;
            int line = push.src + ((first + c) * push.h + y) * push.w;
            for (int kx = 0; kx < push.kw; kx++, at++) {
                int x = ox * push.stride_x - push.pad_x + kx * push.dilation_x;
                if (y >= 0 && y < push.h && x >= 0 && x < push.w)
                    sum += (WEIGHTS_CONSTANT ? const1[at] : arena[at]) * arena[line + x];
            }
        }
    if (RESIDUAL == 1)
        sum += arena[push.residual + i];
    sum = act (vec4 (sum), ACT, push.a, push.b).x;
    if (RESIDUAL == 2)
        sum += arena[push.residual + i];
    arena[push.dst + i] = sum;
}
