/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/load/warp.h"

#include <math.h>

FovWarp
fov_warp_scale_shift (double sx, double sy, double dx, double dy)
{
    return (FovWarp){ { sx, 0, dx, 0, sy, dy, 0, 0, 1 } };
}

FovWarp
fov_warp_after (FovWarp a, FovWarp b)
{
    FovWarp c = { { 0 } };

    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 3; k++)
                c.m[3 * i + j] += a.m[3 * i + k] * b.m[3 * k + j];
    return c;
}

static double
determinant (const double m[9])
{
    return m[0] * (m[4] * m[8] - m[5] * m[7]) + m[1] * (m[5] * m[6] - m[3] * m[8]) +
           m[2] * (m[3] * m[7] - m[4] * m[6]);
}

/* In front of the horizon the area's sign is the determinant's. */
gboolean
fov_warp_mirrors (const FovWarp *warp)
{
    return determinant (warp->m) < 0;
}

/* By cofactors. */
gboolean
fov_warp_inverse (const FovWarp *warp, FovWarp *inverse)
{
    const double *m = warp->m;
    const double c[9] = { m[4] * m[8] - m[5] * m[7], m[2] * m[7] - m[1] * m[8],
                          m[1] * m[5] - m[2] * m[4], m[5] * m[6] - m[3] * m[8],
                          m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
                          m[3] * m[7] - m[4] * m[6], m[1] * m[6] - m[0] * m[7],
                          m[0] * m[4] - m[1] * m[3] };
    const double det = determinant (m);

    if (!(fabs (det) > 1e-12) || !isfinite (det))
        return FALSE;
    for (int i = 0; i < 9; i++)
        inverse->m[i] = c[i] / det;
    return TRUE;
}

gboolean
fov_warp_point (const FovWarp *warp, double x, double y, double *to_x, double *to_y)
{
    const double *m = warp->m;
    const double w = m[6] * x + m[7] * y + m[8];

    if (!(w > 1e-6))
        return FALSE;
    *to_x = (m[0] * x + m[1] * y + m[2]) / w;
    *to_y = (m[3] * x + m[4] * y + m[5]) / w;
    return TRUE;
}

static gboolean
hull (const FovWarp *warp, FovBox box, FovBox *to)
{
    const float xs[2] = { box.x1, box.x2 }, ys[2] = { box.y1, box.y2 };

    *to = (FovBox){ G_MAXFLOAT, G_MAXFLOAT, -G_MAXFLOAT, -G_MAXFLOAT };
    for (int i = 0; i < 4; i++) {
        double x, y;
        if (!fov_warp_point (warp, (double) xs[i & 1], (double) ys[i >> 1], &x, &y))
            return FALSE;
        to->x1 = MIN (to->x1, (float) x);
        to->x2 = MAX (to->x2, (float) x);
        to->y1 = MIN (to->y1, (float) y);
        to->y2 = MAX (to->y2, (float) y);
    }
    return TRUE;
}

gboolean
fov_warp_box (const FovWarp *warp, FovBox box, FovBox region, int width, int height, FovBox *to,
              double *visible)
{
    const FovBox part = { MAX (box.x1, region.x1), MAX (box.y1, region.y1), MIN (box.x2, region.x2),
                          MIN (box.y2, region.y2) };
    const double whole = (double) fov_box_area (box);
    FovBox full;

    *visible = 0;
    if (!(fov_box_area (part) > 0) || !hull (warp, part, &full))
        return FALSE;
    *to = fov_box_clip (full, (float) width, (float) height);
    *visible = (double) fov_box_area (part) / whole * (double) fov_box_area (*to) /
               (double) fov_box_area (full);
    return *visible > 0;
}
