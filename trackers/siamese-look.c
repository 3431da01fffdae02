/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/siamese-look.h"

#include <math.h>
#include <string.h>

#define HUES 8
#define SATURATIONS 4
#define VALUES 4
#define GREY 0.1f /* saturation below which a hue means nothing */
/* Stripes of a person: head and shoulders, trunk, legs; borders from -1 (top) to 1. */
#define SHOULDERS -0.2f
#define HIPS 0.3f

void
fov_siamese_look_init (FovSiameseLook *look, const FovSiameseShape *shape)
{
    look->features = g_new0 (float, shape->template_floats);
    memset (look->colours, 0, sizeof look->colours);
}

void
fov_siamese_look_clear (FovSiameseLook *look)
{
    g_clear_pointer (&look->features, g_free);
}

void
fov_siamese_look_blend (FovSiameseLook *look, const FovSiameseLook *other,
                        const FovSiameseShape *shape, float rate)
{
    for (int i = 0; i < shape->template_floats; i++)
        look->features[i] += rate * (other->features[i] - look->features[i]);
    for (int i = 0; i < FOV_SIAMESE_COLOURS; i++)
        look->colours[i] += rate * (other->colours[i] - look->colours[i]);
}

/* ---- colours ---------------------------------------------------------- */

static int
colour_of (float b, float g, float r)
{
    float high = fmaxf (r, fmaxf (g, b)), range = high - fminf (r, fminf (g, b));
    float saturation = high > 0 ? range / high : 0, hue = 0;

    if (saturation >= GREY && range > 1) {
        hue = high == r ? (g - b) / range : high == g ? 2 + (b - r) / range : 4 + (r - g) / range;
        hue = (hue < 0 ? hue + 6 : hue) * (HUES / 6.0f);
    }
    int s = (int) fminf (saturation * SATURATIONS, SATURATIONS - 1);
    int v = (int) fminf (high * (VALUES / 256.0f), VALUES - 1);
    return (((int) hue % HUES) * SATURATIONS + s) * VALUES + v;
}

void
fov_siamese_colours (const float *crop, int size, float width, float height,
                     float colours[FOV_SIAMESE_COLOURS])
{
    const float *blue = crop, *green = crop + size * size, *red = crop + 2 * size * size;
    float sum = 0;

    memset (colours, 0, FOV_SIAMESE_COLOURS * sizeof *colours);
    for (int y = 0; y < size; y++) {
        float dy = ((float) y + 0.5f - 0.5f * (float) size) / (0.5f * height);
        int stripe = dy < SHOULDERS ? 0 : dy < HIPS ? 1 : 2;
        float *bins = colours + stripe * (FOV_SIAMESE_COLOURS / 3);
        for (int x = 0; x < size && fabsf (dy) < 1; x++) {
            float dx = ((float) x + 0.5f - 0.5f * (float) size) / (0.5f * width);
            float weight = 1 - dx * dx - dy * dy;
            int i = y * size + x;
            if (weight <= 0)
                continue;
            bins[colour_of (blue[i], green[i], red[i])] += weight;
            sum += weight;
        }
    }
    for (int i = 0; i < FOV_SIAMESE_COLOURS && sum > 0; i++)
        colours[i] /= sum;
}

float
fov_siamese_colours_alike (const float *a, const float *b)
{
    float sum = 0;

    for (int i = 0; i < FOV_SIAMESE_COLOURS; i++)
        sum += sqrtf (a[i] * b[i]);
    return sum;
}

/* ---- features --------------------------------------------------------- */

float
fov_siamese_features_alike (const FovSiameseShape *shape, const float *a, const float *b)
{
    int n = shape->template_cells, margin = n / 4;
    double ab = 0, aa = 0, bb = 0;

    for (int c = 0; c < shape->channels; c++)
        for (int y = margin; y < n - margin; y++)
            for (int x = margin; x < n - margin; x++) {
                int i = (c * n + y) * n + x;
                ab += (double) a[i] * b[i];
                aa += (double) a[i] * a[i];
                bb += (double) b[i] * b[i];
            }
    return aa > 0 && bb > 0 ? (float) (ab / sqrt (aa * bb)) : 0;
}
