/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/box.h>

#include <math.h>

static gboolean
box_finite (FovBox b)
{
    return isfinite (b.x1) && isfinite (b.y1) && isfinite (b.x2) && isfinite (b.y2);
}

/* In double, since the product of two floats' range would overflow a float. */
static double
extent_area (double w, double h)
{
    return w > 0 && h > 0 ? w * h : 0.0;
}

static double
area (FovBox b)
{
    return extent_area ((double) b.x2 - b.x1, (double) b.y2 - b.y1);
}

float
fov_box_area (FovBox box)
{
    return (float) area (box);
}

float
fov_box_iou (FovBox a, FovBox b)
{
    if (!box_finite (a) || !box_finite (b))
        return 0.0f;
    double w = (double) fminf (a.x2, b.x2) - fmaxf (a.x1, b.x1);
    double h = (double) fminf (a.y2, b.y2) - fmaxf (a.y1, b.y1);
    double inter = extent_area (w, h);
    if (!(inter > 0))
        return 0.0f;
    return (float) (inter / (area (a) + area (b) - inter));
}

/* fmaxf prefers the number where one side is NaN, so NaN becomes 0. */
static float
clip (float v, float limit)
{
    return fminf (fmaxf (v, 0.0f), fmaxf (limit, 0.0f));
}

FovBox
fov_box_clip (FovBox box, float width, float height)
{
    return (FovBox){ clip (box.x1, width), clip (box.y1, height), clip (box.x2, width),
                     clip (box.y2, height) };
}
