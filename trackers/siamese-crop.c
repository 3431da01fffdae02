/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/siamese.h"

#include <math.h>

#define MEAN_SIDE 64 /* samples of the mean colour */

float
fov_siamese_centre_x (FovBox box)
{
    return 0.5f * (box.x1 + box.x2);
}

float
fov_siamese_centre_y (FovBox box)
{
    return 0.5f * (box.y1 + box.y2);
}

void
fov_siamese_mean_colour (FovSiamese *s, const FovImage *image, float mean[3])
{
    int size = MIN (s->shape.template_size, MEAN_SIDE), plane = size * size;
    float width = (float) image->width, height = (float) image->height;

    fov_patch_sample (s->patcher, image, 0.5f * width, 0.5f * height, width / (float) size,
                      height / (float) size, size, size, s->crops);
    for (int c = 0; c < 3; c++) {
        double sum = 0;
        for (int i = 0; i < plane; i++)
            sum += s->crops[c * plane + i];
        mean[c] = (float) (255 * sum / plane);
    }
}

/* R, G, B of 0..1 become B, G, R of 0..255. */
static void
to_codes (float *restrict crop, int plane)
{
    float *restrict red = crop, *restrict green = crop + plane, *restrict blue = crop + 2 * plane;

    for (int i = 0; i < plane; i++) {
        float r = red[i];
        red[i] = 255 * blue[i];
        green[i] *= 255;
        blue[i] = 255 * r;
    }
}

/* First and last sample of an axis that lie inside the picture. */
static void
inside (float centre, float side, int size, int length, int *from, int *to)
{
    float step = side / (float) size, first = centre - 0.5f * side + 0.5f * step;

    *from = (int) CLAMP (ceilf (-first / step), 0, (float) size);
    *to = (int) CLAMP (floorf (((float) length - first) / step) + 1, (float) *from, (float) size);
}

void
fov_siamese_crop (FovSiamese *s, const FovSiameseTarget *t, const FovImage *image, float x, float y,
                  float side, int size, float *crop)
{
    float step = side / (float) size;
    int x1, x2, y1, y2, plane = size * size;

    fov_patch_sample (s->patcher, image, x, y, step, step, size, size, crop);
    to_codes (crop, plane);
    inside (x, side, size, image->width, &x1, &x2);
    inside (y, side, size, image->height, &y1, &y2);
    if (x1 == 0 && y1 == 0 && x2 == size && y2 == size)
        return;
    for (int c = 0; c < 3; c++)
        for (int j = 0; j < size; j++)
            for (int i = 0; i < size; i++)
                if (j < y1 || j >= y2 || i < x1 || i >= x2)
                    crop[c * plane + j * size + i] = t->outside[2 - c];
}

void
fov_siamese_look_crop (FovSiamese *s, const FovSiameseTarget *t, const FovImage *image, FovBox box,
                       float *crop, float colours[FOV_SIAMESE_COLOURS])
{
    float w = box.x2 - box.x1, h = box.y2 - box.y1, side = fov_siamese_context (w, h);
    int size = s->shape.template_size;
    float scale = (float) size / side;

    fov_siamese_crop (s, t, image, fov_siamese_centre_x (box), fov_siamese_centre_y (box), side,
                      size, crop);
    fov_siamese_colours (crop, size, w * scale, h * scale, colours);
}
