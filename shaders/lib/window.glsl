/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_WINDOW_GLSL
#define FOV_WINDOW_GLSL

/*
 * A lane's walk over the pixels of a picture's dy, LANES at a time, and what tap (ky, kx) of their
 * windows sees, for the gradients of convolutions by their weights. There is one division, at the
 * start. Needs push (fov_push_conv_grad), LANES and lib/divide.
 */
struct Walk {
    int q;      /* pixel of dy */
    int ox;     /* its column */
    int iy, ix; /* pixel of x, which may be outside */
};

int step_rows, step_columns; /* LANES pixels further */

Walk walk_from (int q, int ky, int kx)
{
    step_rows = divide (LANES, push.ow);
    step_columns = LANES - step_rows * push.ow;
    int oy = divide (q, push.ow), ox = q - oy * push.ow;
    return Walk (q, ox, oy * push.stride_y - push.pad_y + ky * push.dilation_y,
                 ox * push.stride_x - push.pad_x + kx * push.dilation_x);
}

Walk walk_on (Walk p, int stride_y, int stride_x, int ow)
{
    p.q += LANES;
    p.ox += step_columns;
    bool wraps = p.ox >= ow;
    p.ox -= wraps ? ow : 0;
    p.ix += (step_columns - (wraps ? ow : 0)) * stride_x;
    p.iy += (step_rows + (wraps ? 1 : 0)) * stride_y;
    return p;
}

#endif
