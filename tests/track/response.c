/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a response is made of and read with: transforms, peaks, the scene's shift, features. */
#include "../unit/check.h"
#include "scene.h"
#include "trackers/features-color.h"
#include "trackers/features.h"
#include "trackers/fourier.h"
#include "trackers/peak.h"
#include "trackers/shift.h"

#include <math.h>
#include <string.h>

#define N 32

static void
test_fourier_there_and_back (void **state)
{
    static const int counts[] = { 1, 2, 3, 6 };
    GError *error = NULL;
    FovFourier *fourier = fov_fourier_new (N, &error);
    assert_fov_ok (fourier != NULL, error);
    gsize size = 2 * (gsize) fov_fourier_size (fourier);
    for (guint i = 0; i < G_N_ELEMENTS (counts); i++) {
        gsize n = (gsize) counts[i] * N * N;
        g_autofree float *planes = g_new (float, n), *back = g_new (float, n);
        g_autofree float *spectra = g_new (float, (gsize) counts[i] * size);
        for (gsize k = 0; k < n; k++)
            planes[k] = sinf (0.37f * (float) k) + 0.01f * (float) (k % 7);
        fov_fourier_forward (fourier, planes, counts[i], spectra);
        fov_fourier_inverse (fourier, spectra, counts[i], back);
        for (gsize k = 0; k < n; k++)
            assert_true (fabsf (planes[k] - back[k]) < 1e-5f);
    }
    fov_fourier_free (fourier);
}

/* A cosine along x has two lines; the half spectrum holds one of them. */
static void
test_fourier_of_a_cosine (void **state)
{
    FovFourier *fourier = fov_fourier_new (N, NULL);
    int size = fov_fourier_size (fourier);
    g_autofree float *plane = g_new (float, N *N), *spectrum = g_new (float, 2 * size);
    for (int i = 0; i < N * N; i++)
        plane[i] =
            cosf (2.0f * (float) G_PI * (3.0f * (float) (i % N) + 5.0f * (float) (i / N)) / N);
    fov_fourier_forward (fourier, plane, 1, spectrum);
    for (int i = 0; i < size; i++) {
        float wanted = i == 3 * N + 5 ? 0.5f * N * N : 0.0f;
        assert_true (fabsf (spectrum[i] - wanted) < 1e-2f);
        assert_true (fabsf (spectrum[size + i]) < 1e-2f);
    }
    fov_fourier_free (fourier);
}

static void
fill_peak (float *plane, float x, float y, float height)
{
    for (int i = 0; i < N * N; i++) {
        float dx = (float) (i % N) - x, dy = (float) (i / N) - y;
        dx -= N * roundf (dx / N);
        dy -= N * roundf (dy / N);
        plane[i] += height * expf (-0.5f * (dx * dx + dy * dy) / (1.5f * 1.5f));
    }
}

static void
test_peaks_are_found_between_cells (void **state)
{
    static const float places[][2] = {
        { 0, 0 }, { 3.4f, -2.3f }, { -7.5f, 5.2f }, { 0.49f, 0.51f }
    };
    FovFourier *fourier = fov_fourier_new (N, NULL);
    g_autofree float *plane = g_new (float, N *N);
    g_autofree float *spectrum = g_new (float, 2 * fov_fourier_size (fourier));
    for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
        FovPeak peak;
        memset (plane, 0, N * N * sizeof *plane);
        fill_peak (plane, places[i][0], places[i][1], 1.0f);
        fill_peak (plane, places[i][0] + 11.0f, places[i][1], 0.6f);
        fov_fourier_forward (fourier, plane, 1, spectrum);
        fov_peak_find (plane, N, 4.0f, 4.0f, &peak);
        fov_peak_refine (spectrum, N, &peak);
        assert_true (fabsf (peak.x - places[i][0]) < 0.02f);
        assert_true (fabsf (peak.y - places[i][1]) < 0.02f);
        assert_true (fabsf (peak.height - 1.0f) < 0.01f);
        assert_true (peak.second > 0.5f && peak.second < 0.61f);
        assert_true (fabsf (remainderf (peak.second_x - places[i][0] - 11.0f, N)) <= 1.0f);
    }
    fov_fourier_free (fourier);
}

static void
test_a_flat_response_is_survived (void **state)
{
    FovPeak peak;
    g_autofree float *plane = g_new0 (float, N *N);
    fov_peak_find (plane, N, 4.0f, 4.0f, &peak);
    assert_true (peak.psr == 0.0f && peak.apce == 0.0f && isfinite (peak.second));
}

static void
test_the_scenes_shift_is_measured (void **state)
{
    static const float shifts[][2] = { { 0, 0 }, { 9, -4 }, { -31, 12.5f }, { 2.5f, 1.5f } };
    GError *error = NULL;
    FovShift *shift = fov_shift_new (&error);
    assert_fov_ok (shift != NULL, error);
    for (guint i = 0; i < G_N_ELEMENTS (shifts); i++) {
        Scene scene = { .x = 100, .y = 100, .w = 30, .h = 30 };
        g_autoptr (FovImage) first = scene_draw (&scene, FOV_PIXEL_NV12);
        scene.camera_x = shifts[i][0];
        scene.camera_y = shifts[i][1];
        scene.x += 40.0f; /* one object goes its own way */
        g_autoptr (FovImage) second = scene_draw (&scene, FOV_PIXEL_NV12);
        float x, y;
        fov_shift_reset (shift);
        fov_shift_update (shift, first, &x, &y);
        assert_true (x == 0.0f && y == 0.0f);
        fov_shift_update (shift, second, &x, &y);
        if (hypotf (x - shifts[i][0], y - shifts[i][1]) > 1.0f)
            fail_msg ("moved %g, %g, measured %g, %g", shifts[i][0], shifts[i][1], x, y);
    }
    fov_shift_free (shift);
}

static void
test_gradients_know_direction_and_not_brightness (void **state)
{
    enum { SIDE = 8 * FOV_CELL };
    FovFeatures *features = fov_features_new (8, 8);
    g_autofree float *rgb = g_new (float, 3 * SIDE * SIDE);
    float hog[2][FOV_HOG_CHANNELS * 64];
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 3 * SIDE * SIDE; i++) /* brighter to the right, in 32 columns */
            rgb[i] = (k ? 0.3f : 0.8f) * (0.1f + 0.025f * (float) (i % SIDE));
        fov_features_hog (features, rgb, hog[k]);
    }
    int middle = 4 * 8 + 4, best = 0;
    for (int o = 0; o < 18; o++)
        best = hog[0][o * 64 + middle] > hog[0][best * 64 + middle] ? o : best;
    assert_int_equal (best, 0);
    for (int d = 0; d < FOV_HOG_CHANNELS; d++)
        assert_true (fabsf (hog[0][d * 64 + middle] - hog[1][d * 64 + middle]) < 0.05f);
    fov_features_free (features);
}

static void
test_colors_have_their_names (void **state)
{
    static const struct {
        float rgb[3];
        int name;
    } cases[] = {
        { { 0.02f, 0.02f, 0.02f }, 0 }, { { 0.1f, 0.2f, 0.9f }, 1 },  { { 0.5f, 0.5f, 0.5f }, 3 },
        { { 0.1f, 0.6f, 0.15f }, 4 },   { { 0.85f, 0.1f, 0.1f }, 8 }, { { 1.0f, 1.0f, 1.0f }, 9 },
        { { 0.95f, 0.9f, 0.1f }, 10 },
    };
    fov_color_names_init ();
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        const guint8 *names = fov_color_names (cases[i].rgb);
        int best = 0, sum = 0;
        for (int k = 0; k < FOV_COLOR_CHANNELS; k++) {
            best = names[k] > names[best] ? k : best;
            sum += names[k];
        }
        assert_int_equal (best, cases[i].name);
        assert_in_range (sum, 250, 260);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_fourier_there_and_back),
        cmocka_unit_test (test_fourier_of_a_cosine),
        cmocka_unit_test (test_peaks_are_found_between_cells),
        cmocka_unit_test (test_a_flat_response_is_survived),
        cmocka_unit_test (test_the_scenes_shift_is_measured),
        cmocka_unit_test (test_gradients_know_direction_and_not_brightness),
        cmocka_unit_test (test_colors_have_their_names),
    };
    return RUN ("response", tests);
}
