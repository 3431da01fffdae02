/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/dcf-scale.h"

#include "vision/clones.h"

#include <math.h>
#include <string.h>

#define HALF (FOV_SCALES / 2 + 1)
#define MAX_CELLS 64
#define FINE 8 /* places looked at between two sizes */
#define SCALE_STEP 1.025f
#define SCALE_RATE 0.025f
#define SCALE_SIGMA 1.2f
#define SCALE_RIDGE 1e-2f
#define SCALE_AREA 32.0f /* cells */
#define COLOR_GAIN 2.0f

void
fov_scale_plan_init (FovScalePlan *plan, FovPatcher *patcher)
{
    gsize longest = MAX_CELLS * FOV_FEATURE_CHANNELS;
    plan->patcher = patcher;
    plan->rgb = g_new (float, MAX_CELLS *FOV_CELL *FOV_CELL * 3);
    plan->features = g_new (float, FOV_SCALES *longest);
    plan->spectra = g_new (float, 2 * HALF * longest);
}

void
fov_scale_plan_clear (FovScalePlan *plan)
{
    g_free (plan->rgb);
    g_free (plan->features);
    g_free (plan->spectra);
}

void
fov_scale_filter_init (FovScaleFilter *filter, float width, float height, float power_x,
                       float power_y)
{
    filter->power_x = power_x;
    filter->power_y = power_y;
    float cell = sqrtf (width * height / SCALE_AREA);
    filter->cells_x = CLAMP ((int) (width / cell + 0.5f), 1, 16);
    filter->cells_y = CLAMP ((int) (height / cell + 0.5f), 1, 16);
    while (filter->cells_x * filter->cells_y > MAX_CELLS)
        *(filter->cells_x > filter->cells_y ? &filter->cells_x : &filter->cells_y) -= 1;
    filter->length = filter->cells_x * filter->cells_y * FOV_FEATURE_CHANNELS;
    filter->features = fov_features_new (filter->cells_x, filter->cells_y);
    filter->numerator = g_new0 (float, (gsize) (2 * HALF) * (gsize) filter->length);
    filter->trained = FALSE;
}

void
fov_scale_filter_clear (FovScaleFilter *filter)
{
    fov_features_free (filter->features);
    g_free (filter->numerator);
}

/* The size of sample i relative to the middle one. */
static float
scale_of (float i)
{
    return powf (SCALE_STEP, i - FOV_SCALES / 2);
}

FOV_CLONES static void
axpy (float *restrict out, const float *restrict in, float a, int n)
{
    for (int i = 0; i < n; i++)
        out[i] += a * in[i];
}

FOV_CLONES static void
scale_by (float *restrict out, float a, int n)
{
    for (int i = 0; i < n; i++)
        out[i] *= a;
}

/* Features at every size, and their spectra along the sizes. */
static void
sample (const FovScaleFilter *filter, FovScalePlan *plan, const FovImage *image, float centre_x,
        float centre_y, float width, float height)
{
    int w = filter->cells_x * FOV_CELL, h = filter->cells_y * FOV_CELL, length = filter->length;
    int hog = filter->cells_x * filter->cells_y * FOV_HOG_CHANNELS;
    for (int s = 0; s < FOV_SCALES; s++) {
        float *out = plan->features + s * length, factor = scale_of ((float) s);
        fov_patch_sample (plan->patcher, image, centre_x, centre_y,
                          width * powf (factor, filter->power_x) / (float) w,
                          height * powf (factor, filter->power_y) / (float) h, w, h, plan->rgb);
        fov_features_hog (filter->features, plan->rgb, out);
        fov_features_color (filter->features, plan->rgb, out + hog);
        scale_by (out + hog, COLOR_GAIN, length - hog);
        scale_by (out, 0.5f - 0.5f * cosf (6.2831853f * ((float) s + 0.5f) / FOV_SCALES), length);
    }
    memset (plan->spectra, 0, (gsize) (2 * HALF) * (gsize) length * sizeof (float));
    for (int k = 0; k < HALF; k++)
        for (int s = 0; s < FOV_SCALES; s++) {
            float angle = -6.2831853f * (float) (k * (s - FOV_SCALES / 2)) / FOV_SCALES;
            axpy (plan->spectra + 2 * k * length, plan->features + s * length, cosf (angle),
                  length);
            axpy (plan->spectra + (2 * k + 1) * length, plan->features + s * length, sinf (angle),
                  length);
        }
}

FOV_CLONES static float
dot (const float *restrict a, const float *restrict b, int n)
{
    float part[16] = { 0 }, sum = 0.0f;
    int i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++)
            part[j] += a[i + j] * b[i + j];
    for (; i < n; i++)
        part[0] += a[i] * b[i];
    for (int j = 0; j < 16; j++)
        sum += part[j];
    return sum;
}

float
fov_scale_filter_find (const FovScaleFilter *filter, FovScalePlan *plan, const FovImage *image,
                       float centre_x, float centre_y, float width, float height)
{
    float re[HALF], im[HALF], best = 0.0f, best_at = 0.0f;
    int n = filter->length;
    sample (filter, plan, image, centre_x, centre_y, width, height);
    for (int k = 0; k < HALF; k++) {
        const float *a = filter->numerator + 2 * k * n, *z = plan->spectra + 2 * k * n;
        float share = (k ? 2.0f : 1.0f) / (filter->denominator[k] + SCALE_RIDGE);
        re[k] = (dot (a, z, n) + dot (a + n, z + n, n)) * share;
        im[k] = (dot (a, z + n, n) - dot (a + n, z, n)) * share;
    }
    for (int i = -(FOV_SCALES / 2) * FINE; i <= FOV_SCALES / 2 * FINE; i++) {
        float at = (float) i / FINE, v = 0.0f;
        for (int k = 0; k < HALF; k++) {
            float angle = 6.2831853f * (float) k * at / FOV_SCALES;
            v += re[k] * cosf (angle) - im[k] * sinf (angle);
        }
        if (i == -(FOV_SCALES / 2) * FINE || v > best) {
            best = v;
            best_at = at;
        }
    }
    return scale_of (best_at + FOV_SCALES / 2);
}

void
fov_scale_filter_learn (FovScaleFilter *filter, FovScalePlan *plan, const FovImage *image,
                        float centre_x, float centre_y, float width, float height)
{
    int n = filter->length;
    float rate = filter->trained ? SCALE_RATE : 1.0f;
    sample (filter, plan, image, centre_x, centre_y, width, height);
    for (int k = 0; k < HALF; k++) {
        float wanted = 0.0f, energy; /* the wanted response is even: its spectrum is real */
        for (int s = -(FOV_SCALES / 2); s <= FOV_SCALES / 2; s++)
            wanted += expf (-0.5f * (float) (s * s) / (SCALE_SIGMA * SCALE_SIGMA)) *
                      cosf (6.2831853f * (float) (k * s) / FOV_SCALES);
        const float *z = plan->spectra + 2 * k * n;
        energy = dot (z, z, n) + dot (z + n, z + n, n);
        scale_by (filter->numerator + 2 * k * n, 1.0f - rate, 2 * n);
        axpy (filter->numerator + 2 * k * n, z, rate * wanted, 2 * n);
        filter->denominator[k] += rate * (energy - filter->denominator[k]);
    }
    filter->trained = TRUE;
}
