/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/overlay.h>

#include <math.h>

#define GOLDEN_RATIO 0.61803398874989485
#define FIRST_HUE 0.72 /* a friendly blue */
#define YELLOW 0.29

static double
gamma_encode (double v)
{
    return v <= 0.0031308 ? 12.92 * v : 1.055 * pow (v, 1 / 2.4) - 0.055;
}

/* OKLab (Ottosson 2020) to linear sRGB: equal L looks equally bright in every hue. */
static void
oklch_to_linear (double l, double c, double hue, double rgb[3])
{
    double a = c * cos (2 * G_PI * hue), b = c * sin (2 * G_PI * hue);
    double x = pow (l + 0.3963377774 * a + 0.2158037573 * b, 3);
    double y = pow (l - 0.1055613458 * a - 0.0638541728 * b, 3);
    double z = pow (l - 0.0894841775 * a - 1.2914855480 * b, 3);
    rgb[0] = 4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z;
    rgb[1] = -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z;
    rgb[2] = -0.0041960863 * x - 0.7034186147 * y + 1.7076147010 * z;
}

static gboolean
in_gamut (const double rgb[3])
{
    for (int i = 0; i < 3; i++)
        if (rgb[i] < 0.0 || rgb[i] > 1.0)
            return FALSE;
    return TRUE;
}

/* Yellow is itself only when light; at the lightness of the others it is olive. */
static double
lightness_of (guint index, double hue)
{
    static const double lightness[] = { 0.70, 0.76, 0.64 };
    double away = (hue - YELLOW) / 0.1;
    double base = lightness[index % G_N_ELEMENTS (lightness)];
    return base + (0.86 - base) * exp (-away * away);
}

void
fov_overlay_palette (guint index, guint8 rgb[3])
{
    double hue = fmod (FIRST_HUE + index * GOLDEN_RATIO, 1.0);
    double light = lightness_of (index, hue), linear[3], chroma = 0.22;

    do {
        oklch_to_linear (light, chroma, hue, linear);
        chroma -= 0.005;
    } while (!in_gamut (linear) && chroma > 0);
    for (int i = 0; i < 3; i++)
        rgb[i] = (guint8) (gamma_encode (CLAMP (linear[i], 0.0, 1.0)) * 255.0 + 0.5);
}
