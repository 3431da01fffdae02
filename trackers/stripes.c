/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/stripes.h"

#include <math.h>
#include <string.h>

/* Samples across and down a box: enough for a histogram, and the same cost for any size. */
#define COLUMNS 12
#define ROWS 48
/* What is the backdrop's counts as little as this. */
#define BEHIND 0.1f

/* Adds weight to the two bins nearest to place, which counts in bins; round: the first
 * follows the last. */
static void
add_soft (float *bins, int n, float place, gboolean round, float weight)
{
    float low = floorf (place - 0.5f), share = place - 0.5f - low;
    int a = (int) low, b = a + 1;

    a = round ? (a + n) % n : CLAMP (a, 0, n - 1);
    b = round ? (b + n) % n : CLAMP (b, 0, n - 1);
    bins[a] += weight * (1 - share);
    bins[b] += weight * share;
}

/* A pixel's hue counts as much as it is colourful, the rest goes to its brightness. */
static void
add_pixel (float *bins, float r, float g, float b, float weight)
{
    float top = fmaxf (r, fmaxf (g, b)), chroma = top - fminf (r, fminf (g, b));
    float colour = fminf (chroma / (0.5f * top + 0.05f), 1);
    float hue = 0;

    if (chroma > 0) {
        if (top == r)
            hue = (g - b) / chroma;
        else if (top == g)
            hue = 2 + (b - r) / chroma;
        else
            hue = 4 + (r - g) / chroma;
    }
    hue = (hue < 0 ? hue + 6 : hue) / 6;
    add_soft (bins, FOV_STRIPE_HUES, hue * FOV_STRIPE_HUES, TRUE, weight * colour);
    add_soft (bins + FOV_STRIPE_HUES, FOV_STRIPE_GREYS, top * FOV_STRIPE_GREYS, FALSE,
              weight * (1 - colour));
}

/* Rows fade from a stripe into the next, since boxes jitter. */
static void
add_row (float *out, int row, const float *rgb, const float *own)
{
    const gsize plane = ROWS * COLUMNS;
    float place = (row + 0.5f) * FOV_STRIPES / ROWS - 0.5f;
    int upper = (int) floorf (place);
    float share = place - upper, bins[FOV_STRIPE_BINS] = { 0 };
    int a = CLAMP (upper, 0, FOV_STRIPES - 1), b = CLAMP (upper + 1, 0, FOV_STRIPES - 1);

    for (int c = 0; c < COLUMNS; c++) {
        const float *p = rgb + row * COLUMNS + c;
        float x = (c + 0.5f) * 2 / COLUMNS - 1;
        add_pixel (bins, p[0], p[plane], p[2 * plane], (1 - x * x) * own[c]);
    }
    for (int i = 0; i < FOV_STRIPE_BINS; i++) {
        out[a * FOV_STRIPE_BINS + i] += bins[i] * (1 - share);
        out[b * FOV_STRIPE_BINS + i] += bins[i] * share;
    }
}

void
fov_stripes_describe (FovPatcher *patcher, const FovImage *image, FovBox box,
                      const FovBackdrop *backdrop, float out[FOV_STRIPES_N])
{
    float rgb[3 * ROWS * COLUMNS], own[ROWS * COLUMNS], sum = 0;
    float w = box.x2 - box.x1, h = box.y2 - box.y1;

    fov_patch_sample (patcher, image, box.x1 + w / 2, box.y1 + h / 2, w * 0.9f / COLUMNS, h / ROWS,
                      COLUMNS, ROWS, rgb);
    float edge = w * 0.05f;
    FovBox inner = { box.x1 + edge, box.y1, box.x2 - edge, box.y2 };
    for (int i = 0; i < ROWS * COLUMNS; i++)
        own[i] = 1;
    if (backdrop && fov_backdrop_sample (backdrop, inner, COLUMNS, ROWS, own))
        for (int i = 0; i < ROWS * COLUMNS; i++)
            own[i] = BEHIND + (1 - BEHIND) * own[i];
    memset (out, 0, FOV_STRIPES_N * sizeof *out);
    for (int row = 0; row < ROWS; row++)
        add_row (out, row, rgb, own + row * COLUMNS);
    for (int i = 0; i < FOV_STRIPES_N; i++)
        sum += out[i];
    for (int i = 0; i < FOV_STRIPES_N; i++)
        out[i] = sqrtf (out[i] / sum);
}
