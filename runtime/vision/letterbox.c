/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/box.h>

#include <math.h>

/* Forgives what division and multiplication lose: 416 / 500 * 500 is 416. */
#define ROUNDING 1e-6

static double
extent (float from, float to)
{
    double size = (double) to - from;
    return isfinite (size) && size > 0 ? size : 1.0;
}

static int
scaled (double size, double scale, int limit)
{
    return (int) CLAMP (floor (size * scale + ROUNDING), 1.0, (double) limit);
}

FovLetterbox
fov_letterbox (FovBox region, int net_w, int net_h, FovFit fit)
{
    FovLetterbox map = { 0 };
    double w = extent (region.x1, region.x2), h = extent (region.y1, region.y2);

    map.inner_w = net_w = MAX (net_w, 1);
    map.inner_h = net_h = MAX (net_h, 1);
    if (fit != FOV_FIT_STRETCH) {
        double scale = MIN (net_w / w, net_h / h);
        map.inner_w = scaled (w, scale, net_w);
        map.inner_h = scaled (h, scale, net_h);
    }
    if (fit == FOV_FIT_LETTERBOX_CENTER) {
        map.inner_x = (net_w - map.inner_w) / 2;
        map.inner_y = (net_h - map.inner_h) / 2;
    }
    /* The scale of what the resampler really does, after rounding down. */
    double sx = map.inner_w / w, sy = map.inner_h / h;
    map.scale_x = (float) sx;
    map.scale_y = (float) sy;
    map.offset_x = (float) (map.inner_x - (isfinite (region.x1) ? region.x1 * sx : 0.0));
    map.offset_y = (float) (map.inner_y - (isfinite (region.y1) ? region.y1 * sy : 0.0));
    return map;
}

FovBox
fov_letterbox_unmap (const FovLetterbox *map, FovBox net)
{
    return (FovBox){
        (net.x1 - map->offset_x) / map->scale_x,
        (net.y1 - map->offset_y) / map->scale_y,
        (net.x2 - map->offset_x) / map->scale_x,
        (net.y2 - map->offset_y) / map->scale_y,
    };
}
