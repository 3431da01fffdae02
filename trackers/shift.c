/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/shift.h"
#include "trackers/fourier.h"
#include "trackers/patch.h"
#include "trackers/peak.h"

#include <math.h>
#include <string.h>

#define SIDE 64
/* A phase correlation's peak is 1 for equal pictures; lower ones are chance. */
#define SHIFT_LEAST 0.06f

struct _FovShift {
    FovFourier *fourier;
    FovPatcher *patcher;
    float *rgb, *window, *plane;
    float *last, *now, *cross; /* spectra */
    gboolean has_last;
};

FovShift *
fov_shift_new (GError **error)
{
    FovFourier *fourier = fov_fourier_new (SIDE, error);
    if (!fourier)
        return NULL;
    FovShift *shift = g_new0 (FovShift, 1);
    gsize spectrum = 2 * (gsize) fov_fourier_size (fourier);
    shift->fourier = fourier;
    shift->patcher = fov_patcher_new ();
    shift->rgb = g_new (float, 3 * SIDE * SIDE);
    shift->plane = g_new (float, SIDE *SIDE);
    shift->window = g_new (float, SIDE);
    for (int i = 0; i < SIDE; i++)
        shift->window[i] = 0.5f - 0.5f * cosf (6.2831853f * ((float) i + 0.5f) / SIDE);
    shift->last = g_new (float, 3 * spectrum);
    shift->now = shift->last + spectrum;
    shift->cross = shift->now + spectrum;
    return shift;
}

void
fov_shift_free (FovShift *shift)
{
    if (!shift)
        return;
    fov_fourier_free (shift->fourier);
    fov_patcher_free (shift->patcher);
    g_free (shift->rgb);
    g_free (shift->plane);
    g_free (shift->window);
    g_free (MIN (shift->last, shift->now));
    g_free (shift);
}

void
fov_shift_reset (FovShift *shift)
{
    shift->has_last = FALSE;
}

static void
transform_picture (FovShift *shift, const FovImage *image)
{
    float width = (float) image->width, height = (float) image->height, mean = 0.0f;
    fov_patch_sample (shift->patcher, image, 0.5f * width, 0.5f * height, width / SIDE,
                      height / SIDE, SIDE, SIDE, shift->rgb);
    const float *red = shift->rgb, *green = red + SIDE * SIDE, *blue = green + SIDE * SIDE;
    for (int i = 0; i < SIDE * SIDE; i++) {
        shift->plane[i] = 0.299f * red[i] + 0.587f * green[i] + 0.114f * blue[i];
        mean += shift->plane[i];
    }
    mean /= SIDE * SIDE;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            shift->plane[y * SIDE + x] =
                (shift->plane[y * SIDE + x] - mean) * shift->window[x] * shift->window[y];
    fov_fourier_forward (shift->fourier, shift->plane, 1, shift->now);
}

/* Weighs every frequency by the root of its strength: pure phase would let noise in. */
static float
cross_spectrum (FovShift *shift)
{
    int size = fov_fourier_size (shift->fourier);
    float sum = 0.0f;
    for (int i = 0; i < size; i++) {
        float a = shift->last[i], b = shift->last[size + i];
        float c = shift->now[i], d = shift->now[size + i];
        float re = a * c + b * d, im = a * d - b * c;
        float norm = sqrtf (sqrtf (re * re + im * im)) + 1e-6f;
        shift->cross[i] = re / norm;
        shift->cross[size + i] = im / norm;
        sum += (i < SIDE || i >= size - SIDE ? 1.0f : 2.0f) * norm;
    }
    return sum / (SIDE * SIDE);
}

void
fov_shift_update (FovShift *shift, const FovImage *image, float *x, float *y)
{
    FovPeak peak;
    *x = *y = 0.0f;
    transform_picture (shift, image);
    if (shift->has_last) {
        float full = cross_spectrum (shift);
        fov_fourier_inverse (shift->fourier, shift->cross, 1, shift->plane);
        fov_peak_find (shift->plane, SIDE, 2.0f, 2.0f, &peak);
        fov_peak_refine (shift->cross, SIDE, &peak);
        if (peak.height > SHIFT_LEAST * full) {
            *x = peak.x * (float) image->width / SIDE;
            *y = peak.y * (float) image->height / SIDE;
        }
    }
    float *swap = shift->last;
    shift->last = shift->now;
    shift->now = swap;
    shift->has_last = TRUE;
}
