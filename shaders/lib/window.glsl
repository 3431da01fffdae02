/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_WINDOW_GLSL
#define FOV_WINDOW_GLSL

/*
 * Pixels q of all pictures' dy, in one row, for the gradients of convolutions by their weights.
 * Needs push (fov_push_conv_grad), lib/bind and lib/divide.
 */
struct Pixel {
    int dy;        /* texel of block 0 of dy; 0 where q is beyond the end */
    int top, left; /* of its window; far outside where q is beyond the end */
    int x;         /* texel of block 0 of the picture */
};

Pixel pixel_at (int q, int end)
{
    bool there = q < end;
    q = min (q, end - 1);
    int n = divide (q, push.out_plane), p = q - n * push.out_plane;
    int oy = divide (p, push.ow), ox = p - oy * push.ow;
    return Pixel (there ? push.dy + n * push.m4 * push.out_plane + p : 0,
                  there ? oy * push.stride_y - push.pad_y : -(1 << 20),
                  ox * push.stride_x - push.pad_x, push.x + n * push.c4 * push.plane);
}

/* The texel of block 0 that tap (ky, kx) sees; -(1 << 30): outside the picture. */
int tap_at (Pixel p, int ky, int kx)
{
    int y = p.top + ky * push.dilation_y, x = p.left + kx * push.dilation_x;
    bool inside = y >= 0 && y < push.h && x >= 0 && x < push.w;
    return inside ? p.x + y * push.w + x : -(1 << 30);
}

#endif
