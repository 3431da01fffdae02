/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Correlation filters on the runtime's devices: the same as with libavutil's transforms. */
#include "../unit/check.h"
#include "scene.h"
#include "trackers/dcf-device.h"
#include "trackers/dcf-filter.h"

#include <math.h>
#include <string.h>

#define N 32
#define CHANNELS 5
#define PATCHES 3

typedef struct {
    FovDcfPlan plan;
    FovDcfFilter filters[PATCHES];
    float planes[PATCHES * CHANNELS * N * N];
    float wanted[PATCHES * N * N];
} Case;

static void
fill (float *values, gsize n, guint32 seed)
{
    GRand *random = g_rand_new_with_seed (seed);
    for (gsize i = 0; i < n; i++)
        values[i] = (float) g_rand_double_range (random, -0.5, 0.5);
    g_rand_free (random);
}

/* Filters trained on noise, their responses to other noise from the transforms of libavutil. */
static Case *
make_case (void)
{
    Case *c = g_new0 (Case, 1);
    assert_true (fov_dcf_plan_init (&c->plan, N, CHANNELS, NULL));
    gsize size = 2 * (gsize) c->plan.size;
    g_autofree float *spectra = g_new (float, CHANNELS *size), *plane = g_new0 (float, N *N);
    for (int i = 0; i < PATCHES; i++) {
        FovDcfFilter *filter = &c->filters[i];
        float *planes = c->planes + i * CHANNELS * N * N;
        fov_dcf_filter_init (filter, &c->plan);
        for (int k = 0; k < N * N; k++)
            filter->mask[k] = k % N > 10 && k % N < 20 && k / N > 10 && k / N < 22 ? 1.0f : 0.0f;
        plane[0] = 1.0f;
        fov_fourier_forward (c->plan.fourier, plane, 1, filter->wanted);
        fill (planes, CHANNELS * N * N, (guint32) i);
        fov_fourier_forward (c->plan.fourier, planes, CHANNELS, spectra);
        fov_dcf_filter_learn (filter, &c->plan, spectra);
        fill (planes, CHANNELS * N * N, 100 + (guint32) i);
        fov_fourier_forward (c->plan.fourier, planes, CHANNELS, spectra);
        fov_dcf_respond (filter->filter, &c->plan, spectra, c->plan.work);
        fov_fourier_inverse (c->plan.fourier, c->plan.work, 1, c->wanted + i * N * N);
    }
    return c;
}

static void
free_case (Case *c)
{
    for (int i = 0; i < PATCHES; i++)
        fov_dcf_filter_clear (&c->filters[i]);
    fov_dcf_plan_clear (&c->plan);
    g_free (c);
}

static void
check_device (const char *spec)
{
    GError *error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (spec, &error);
    if (!device) {
        print_message ("no %s: %s\n", spec, error->message);
        g_clear_error (&error);
        skip ();
    }
    Case *c = make_case ();
    FovDcfDevice *on = fov_dcf_device_new (device, N, CHANNELS);
    float got[PATCHES * N * N], largest = 0.0f, worst = 0.0f;
    const float *filters[PATCHES];
    for (int i = 0; i < PATCHES; i++)
        filters[i] = c->filters[i].filter;
    for (guint count = PATCHES; count >= 1; count--) {
        memset (got, 0, sizeof got);
        assert_fov_ok (fov_dcf_device_respond (on, c->planes, filters, count, got, &error), error);
        for (guint k = 0; k < count * N * N; k++) {
            largest = fmaxf (largest, fabsf (c->wanted[k]));
            worst = fmaxf (worst, fabsf (got[k] - c->wanted[k]));
        }
    }
    if (!(largest > 0.0f && worst <= 1e-4f * largest))
        fail_msg ("%s: off by %g of %g", spec, worst, largest);
    fov_dcf_device_free (on);
    free_case (c);
}

static void
test_responses_on_the_host (void **state)
{
    check_device ("cpu");
}

static void
test_responses_of_the_reference (void **state)
{
    check_device ("reference");
}

static void
test_responses_on_vulkan (void **state)
{
    check_device ("vulkan");
}

static void
follow (FovDevice *device, FovVisualFound found[2])
{
    GError *error = NULL;
    FovVisualParams params = { .device = device };
    g_autoptr (FovVisual) visual = fov_visual_new ("dcf", &params, &error);
    assert_fov_ok (visual != NULL, error);
    Scene scene = { .x = 90, .y = 90, .w = 36, .h = 44, .twin_x = 210, .twin_y = 150 };
    Scene twin = scene;
    FovVisualQuery queries[2];
    twin.x = scene.twin_x;
    twin.y = scene.twin_y;
    g_autoptr (FovImage) first = scene_draw (&scene, FOV_PIXEL_NV12);
    queries[0] = (FovVisualQuery){ .expected = scene_box (&scene), .widen = 2.0f };
    queries[1] = (FovVisualQuery){ .expected = scene_box (&twin) };
    for (int i = 0; i < 2; i++)
        queries[i].target = fov_visual_add (visual, first, queries[i].expected, &error);
    scene.x += 5.0f;
    scene.twin_y -= 4.0f;
    g_autoptr (FovImage) next = scene_draw (&scene, FOV_PIXEL_NV12);
    assert_fov_ok (fov_visual_locate (visual, next, queries, 2, found, &error), error);
}

static void
test_targets_are_found_alike_on_vulkan (void **state)
{
    GError *error = NULL;
    FovVisualFound here[2], there[2];
    g_autoptr (FovDevice) device = fov_device_open ("vulkan", &error);
    if (!device) {
        print_message ("no vulkan: %s\n", error->message);
        g_clear_error (&error);
        skip ();
    }
    follow (NULL, here);
    follow (device, there);
    for (int i = 0; i < 2; i++) {
        assert_true (fabsf (here[i].box.x1 - there[i].box.x1) < 0.02f);
        assert_true (fabsf (here[i].box.y2 - there[i].box.y2) < 0.02f);
        assert_true (fabsf (here[i].score / there[i].score - 1.0f) < 1e-3f);
        assert_true (fabsf (here[i].psr / there[i].psr - 1.0f) < 1e-2f);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_responses_on_the_host),
        cmocka_unit_test (test_responses_of_the_reference),
        cmocka_unit_test (test_responses_on_vulkan),
        cmocka_unit_test (test_targets_are_found_alike_on_vulkan),
    };
    return RUN ("dcf-device", tests);
}
