/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/features-color.h"
#include "trackers/features.h"

#include <math.h>

#define LEVELS 32
/* Distance in CIELAB over which a colour name fades, about that between neighbouring names. */
#define SOFTNESS 22.0f

/* sRGB of the eleven basic colours' foci: black, blue, brown, grey, green, orange, pink,
 * purple, red, white, yellow. */
static const guint8 foci[FOV_COLOR_CHANNELS][3] = {
    { 10, 10, 10 },  { 30, 70, 200 },   { 115, 70, 35 },   { 128, 128, 128 },
    { 30, 140, 50 }, { 245, 140, 20 },  { 245, 160, 185 }, { 125, 40, 150 },
    { 205, 25, 35 }, { 245, 245, 245 }, { 245, 220, 40 },
};

static guint8 table[LEVELS * LEVELS * LEVELS][FOV_COLOR_CHANNELS];

static float
linear (float v)
{
    return v <= 0.04045f ? v / 12.92f : powf ((v + 0.055f) / 1.055f, 2.4f);
}

static float
lab_curve (float t)
{
    return t > 0.008856f ? cbrtf (t) : 7.787f * t + 16.0f / 116.0f;
}

/* CIE 1976 L*a*b* under D65. */
static void
to_lab (const float rgb[3], float lab[3])
{
    float r = linear (rgb[0]), g = linear (rgb[1]), b = linear (rgb[2]);
    float x = lab_curve ((0.4124f * r + 0.3576f * g + 0.1805f * b) / 0.9505f);
    float y = lab_curve (0.2126f * r + 0.7152f * g + 0.0722f * b);
    float z = lab_curve ((0.0193f * r + 0.1192f * g + 0.9505f * b) / 1.089f);
    lab[0] = 116.0f * y - 16.0f;
    lab[1] = 500.0f * (x - y);
    lab[2] = 200.0f * (y - z);
}

static void
fill_entry (guint8 *out, const float rgb[3], float (*focus)[3])
{
    float lab[3], share[FOV_COLOR_CHANNELS], sum = 0.0f, nearest = G_MAXFLOAT;
    to_lab (rgb, lab);
    for (int k = 0; k < FOV_COLOR_CHANNELS; k++) {
        share[k] = 0.0f;
        for (int c = 0; c < 3; c++)
            share[k] += (lab[c] - focus[k][c]) * (lab[c] - focus[k][c]);
        nearest = fminf (nearest, share[k]);
    }
    for (int k = 0; k < FOV_COLOR_CHANNELS; k++)
        sum += share[k] = expf ((nearest - share[k]) / (2.0f * SOFTNESS * SOFTNESS));
    for (int k = 0; k < FOV_COLOR_CHANNELS; k++)
        out[k] = (guint8) (255.0f * share[k] / sum + 0.5f);
}

void
fov_color_names_init (void)
{
    static gsize done;
    if (!g_once_init_enter (&done))
        return;
    float focus[FOV_COLOR_CHANNELS][3];
    for (int k = 0; k < FOV_COLOR_CHANNELS; k++) {
        float rgb[3] = { foci[k][0] / 255.0f, foci[k][1] / 255.0f, foci[k][2] / 255.0f };
        to_lab (rgb, focus[k]);
    }
    for (int i = 0; i < LEVELS * LEVELS * LEVELS; i++) {
        float rgb[3] = { (float) (i / (LEVELS * LEVELS)), (float) (i / LEVELS % LEVELS),
                         (float) (i % LEVELS) };
        for (int c = 0; c < 3; c++)
            rgb[c] = (rgb[c] + 0.5f) / LEVELS;
        fill_entry (table[i], rgb, focus);
    }
    g_once_init_leave (&done, 1);
}

const guint8 *
fov_color_names (const float rgb[3])
{
    int level[3];
    for (int c = 0; c < 3; c++)
        level[c] = CLAMP ((int) (rgb[c] * LEVELS), 0, LEVELS - 1);
    return table[(level[0] * LEVELS + level[1]) * LEVELS + level[2]];
}
