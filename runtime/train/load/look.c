/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Drawing a picture's colours. */
#include "train/load/scene.h"

#include <math.h>
#include <string.h>

enum { STREAM_LOOK = 0x100c };

/* Blur, noise and the like come in three pictures of ten. */
#define RARE 0.3
#define MIDDLE 128.0
#define CLAHE_CLIP 3.0f

static const double grey[3] = { 0.299, 0.587, 0.114 };

typedef double Matrix[3][4];

/* m = a after m. */
static void
follow_by (Matrix m, const double a[3][3], double add)
{
    Matrix old;

    memcpy (old, m, sizeof old);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++) {
            m[i][j] = j == 3 ? add : 0;
            for (int k = 0; k < 3; k++)
                m[i][j] += a[i][k] * old[k][j];
        }
}

/* Colours about their own grey by s, turned about the grey axis by an angle. */
static void
turn_colors (Matrix m, double s, double degrees)
{
    const double c = s * cos (degrees * G_PI / 180), d = s * sin (degrees * G_PI / 180);
    double a[3][3];

    /* Rodrigues' rotation of the part without luma, about (1, 1, 1). */
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            double turned = 0;
            for (int j = 0; j < 3; j++) {
                const double part = (j == k) - grey[k]; /* pixel less its luma */
                const double cross = j == i ? 0 : (j == (i + 1) % 3 ? -1 : 1) / sqrt (3);
                const double axis = 1.0 / 3;
                turned += ((i == j) * c + cross * d + axis * (s - c)) * part;
            }
            a[i][k] = grey[k] + turned;
        }
    follow_by (m, a, 0);
}

static void
stretch (Matrix m, double factor, double about)
{
    const double a[3][3] = { { factor, 0, 0 }, { 0, factor, 0 }, { 0, 0, factor } };

    follow_by (m, a, about * (1 - factor));
}

static double
around_one (FovRandom *random, float by)
{
    return fov_random_range (random, 1 - (double) by, 1 + (double) by);
}

static float
rarely (FovRandom *random, float most)
{
    const gboolean now = fov_random_chance (random, RARE);
    const double v = fov_random_range (random, 0, (double) most);

    return now ? (float) v : 0;
}

/* Every number is drawn in every picture: a strength that is changed leaves the others be. */
FovAugmentLook
fov_scene_look (const FovAugment *a, guint64 seed, guint64 place)
{
    FovRandom random = fov_random (seed, STREAM_LOOK, place);
    FovAugmentLook look = fov_augment_look_plain ();
    Matrix m = { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 } };
    const double saturation = around_one (&random, a->saturation);
    const double hue = fov_random_range (&random, (double) -a->hue, (double) a->hue);
    const double contrast = around_one (&random, a->contrast);
    const double brightness = around_one (&random, a->brightness);
    double log_gamma, equalize;

    if (a->saturation > 0 || a->hue > 0)
        turn_colors (m, saturation, hue);
    stretch (m, contrast, MIDDLE);
    stretch (m, brightness, 0);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++)
            look.matrix[i][j] = (float) m[i][j];
    log_gamma = fov_random_range (&random, -1, 1) * log1p ((double) a->gamma);
    look.gamma = fov_random_chance (&random, RARE) ? (float) exp (log_gamma) : 1;
    look.light[1] = (float) fov_random_range (&random, -2, 2) * a->light;
    look.light[2] = (float) fov_random_range (&random, -2, 2) * a->light;
    equalize = fov_random_unit (&random);
    if (equalize < (double) a->equalize)
        look.tiles = 1;
    else if (equalize < (double) (a->equalize + a->clahe)) {
        look.tiles = FOV_AUGMENT_TILES;
        look.clip = CLAHE_CLIP;
    }
    look.noise = rarely (&random, a->noise);
    look.salt = rarely (&random, a->salt);
    look.blur = rarely (&random, a->blur);
    look.blur = look.blur < 0.2f ? 0 : look.blur; /* narrower than a pixel: nothing to see */
    look.key[0] = fov_random_word (&random);
    look.key[1] = fov_random_word (&random);
    return look;
}
