/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/cover.h"

#include <string.h>

void
fov_cover_begin (FovCover *c, int width, int height)
{
    gsize n = (gsize) (width + 1) * (gsize) (height + 1);

    c->width = width;
    c->height = height;
    if (n > c->capacity) {
        c->count = g_renew (int, c->count, n);
        c->capacity = n;
    }
    memset (c->count, 0, n * sizeof *c->count);
}

void
fov_cover_add (FovCover *c, FovWindow w)
{
    int *top = c->count + (gsize) w.y1 * (gsize) (c->width + 1);
    int *end = c->count + (gsize) w.y2 * (gsize) (c->width + 1);

    if (w.x2 <= w.x1 || w.y2 <= w.y1)
        return;
    top[w.x1]++;
    top[w.x2]--;
    end[w.x1]--;
    end[w.x2]++;
}

void
fov_cover_end (FovCover *c)
{
    int stride = c->width + 1;

    for (int y = 0; y < c->height; y++) {
        int *row = c->count + (gsize) y * (gsize) stride, run = 0;
        for (int x = 0; x < c->width; x++) {
            run += row[x];
            row[x] = run + (y > 0 ? row[x - stride] : 0);
        }
    }
}

void
fov_cover_clear (FovCover *c)
{
    g_free (c->count);
    *c = (FovCover){ 0 };
}
