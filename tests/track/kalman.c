/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "../unit/check.h"
#include "trackers/imm.h"
#include "trackers/motion.h"

#define STATE FOV_KALMAN_STATE

static const struct {
    const char *name;
    const FovMotion *motion;
} motions[] = { { "sort", &fov_motion_sort },
                { "xyah", &fov_motion_xyah },
                { "xywh", &fov_motion_xywh } };

/* Cholesky's pivots of the whole covariance, over its scale; one that is not positive: FALSE. */
static gboolean
positive (const FovKalman *k, guint n)
{
    double l[STATE][STATE] = { { 0 } };

    for (guint j = 0; j < n; j++) {
        double d = k->p[j][j];
        for (guint m = 0; m < j; m++)
            d -= l[j][m] * l[j][m];
        if (!(d > 0))
            return FALSE;
        l[j][j] = sqrt (d);
        for (guint i = j + 1; i < n; i++) {
            double v = k->p[i][j];
            if (k->p[i][j] != k->p[j][i])
                return FALSE;
            for (guint m = 0; m < j; m++)
                v -= l[i][m] * l[j][m];
            l[i][j] = v / l[j][j];
        }
    }
    return TRUE;
}

static FovBox
random_box (GRand *rand)
{
    float x = (float) g_rand_double_range (rand, -500, 4000);
    float y = (float) g_rand_double_range (rand, -500, 3000);
    float w = (float) exp (g_rand_double_range (rand, 0, 7));
    float h = (float) exp (g_rand_double_range (rand, 0, 7));

    return (FovBox){ x, y, x + w, y + h };
}

static void
random_step (GRand *rand, const FovMotion *motion, FovKalman *k)
{
    double turn = g_rand_double_range (rand, -0.1, 0.1);
    double m[6] = { cos (turn), -sin (turn), 5, sin (turn), cos (turn), -3 };

    switch (g_rand_int_range (rand, 0, 8)) {
    case 0:
        fov_motion_warp (motion, k, m);
        break;
    case 1:
    case 2:
        fov_motion_correct (motion, k, random_box (rand), FOV_MEASURED_VISUAL, 1,
                            g_rand_boolean (rand));
        break;
    case 3:
    case 4:
    case 5:
        fov_motion_correct (motion, k, random_box (rand), FOV_MEASURED_DETECTOR,
                            exp (g_rand_double_range (rand, -6, 6)), FALSE);
        break;
    default:
        fov_motion_predict (motion, k, exp (g_rand_double_range (rand, -4, 3)));
    }
}

/* SORT's aspect has no velocity: its covariance has seven rows. */
static void
test_stays_positive (void **state)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (11);

    for (gsize i = 0; i < G_N_ELEMENTS (motions); i++) {
        FovKalman k;
        print_message ("# %s\n", motions[i].name);
        fov_motion_start (motions[i].motion, &k, random_box (rand));
        for (int step = 0; step < 1000000; step++) {
            random_step (rand, motions[i].motion, &k);
            if (!positive (&k, motions[i].motion == &fov_motion_sort ? 7 : 8))
                fail_msg ("not positive definite after %d steps", step);
        }
    }
}

/* Two kinds of motion mixed, in any order with what else is done to the filter. */
static void
test_imm_stays_positive (void **state)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (12);
    const FovMotion *motion = &fov_motion_xywh;
    FovImm imm = { 0 };
    FovKalman k;

    fov_motion_start (motion, &k, random_box (rand));
    for (int step = 0; step < 1000000; step++) {
        double z[4], r[4], q[STATE];
        motion->measure (random_box (rand), z);
        motion->noise (k.x, r);
        motion->drift (k.x, q);
        switch (g_rand_int_range (rand, 0, 6)) {
        case 0:
            random_step (rand, motion, &k);
            break;
        case 1:
            r[2] = r[3] = INFINITY;
            fov_imm_correct (&imm, &k, z, r);
            break;
        case 2:
        case 3:
            fov_imm_correct (&imm, &k, z, r);
            break;
        default:
            fov_imm_predict (&imm, &k, exp (g_rand_double_range (rand, -4, 3)), q);
        }
        if (!positive (&k, STATE) || !(imm.p[0] > 0 && imm.p[1] > 0))
            fail_msg ("not positive definite after %d steps", step);
    }
}

/* Mean distance of what is predicted from where a walker is who stops and goes, or never stops. */
static double
miss (gboolean imm, gboolean stops)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (13);
    const double r[4] = { 1, 1, 1, 1 };
    FovImm modes = { 0 };
    FovKalman k;
    double x = 100, sum = 0;

    fov_motion_start (&fov_motion_xywh, &k, (FovBox){ 80, 50, 120, 150 });
    for (int t = 1; t <= 400; t++) {
        double q[STATE];
        x += stops && t / 25 % 2 ? 0 : 5;
        fov_motion_xywh.drift (k.x, q);
        for (guint i = 0; i < STATE; i++)
            q[i] *= i < 4 ? 0.01 : 0.02; /* someone who walks evenly */
        if (imm)
            fov_imm_predict (&modes, &k, 1, q);
        else
            fov_kalman_predict (&k, 1, q);
        sum += t > 25 ? fabs (k.x[0] - x) : 0;
        const double z[4] = { x + g_rand_double_range (rand, -1, 1), 100, 40, 100 };
        if (imm)
            fov_imm_correct (&modes, &k, z, r);
        else
            fov_kalman_correct (&k, z, r);
    }
    return sum / 375;
}

static void
test_imm_stops (void **state)
{
    double even = miss (FALSE, FALSE), even_imm = miss (TRUE, FALSE);
    double stops = miss (FALSE, TRUE), stops_imm = miss (TRUE, TRUE);

    print_message ("# pixels off, even: %.2f, with turns %.2f; stop and go: %.2f, %.2f\n", even,
                   even_imm, stops, stops_imm);
    assert_true (stops_imm < 0.8 * stops);
    assert_true (even_imm < 1.2 * even);
}

static void
test_follows (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (motions); i++) {
        FovKalman k;
        FovBox box = { 100, 50, 140, 150 };
        print_message ("# %s\n", motions[i].name);
        fov_motion_start (motions[i].motion, &k, box);
        for (int t = 1; t < 60; t++) {
            float dx = 4.0f * (float) t, dy = -1.0f * (float) t;
            fov_motion_predict (motions[i].motion, &k, 1);
            box = (FovBox){ 100 + dx, 50 + dy, 140 + dx, 150 + dy };
            fov_motion_correct (motions[i].motion, &k, box, FOV_MEASURED_DETECTOR, 1, FALSE);
        }
        assert_float_equal (k.x[4], 4, 0.01);
        assert_float_equal (k.x[5], -1, 0.01);
        assert_true (fov_box_iou (fov_motion_box (motions[i].motion, &k), box) > 0.99f);
        /* Half a picture twice is one picture. */
        FovKalman half = k;
        fov_motion_predict (motions[i].motion, &k, 1);
        fov_motion_predict (motions[i].motion, &half, 0.5);
        fov_motion_predict (motions[i].motion, &half, 0.5);
        for (guint j = 0; j < STATE; j++)
            assert_float_equal (k.x[j], half.x[j], 1e-9);
    }
}

/* One coordinate alone, against the scalar filter's equations. */
static void
test_scalar (void **state)
{
    const double z0[4] = { 10, 0, 0, 0 }, z[4] = { 13, 0, 0, 0 }, q[STATE] = { 0.5, 1, 1, 1, 0.25 };
    const double variance[STATE] = { 4, 1, 1, 1, 9, 1, 1, 1 };
    const double r[4] = { 2, INFINITY, INFINITY, INFINITY };
    double log_det;
    FovKalman k;

    fov_kalman_init (&k, z0, variance);
    fov_kalman_predict (&k, 2, q);
    double p00 = 4 + 4 * 9 + 0.5, p01 = 2 * 9, p11 = 9 + 0.25, s = p00 + 2;
    assert_float_equal (k.p[0][0], p00, 1e-12);
    assert_float_equal (k.p[0][4], p01, 1e-12);
    assert_float_equal (fov_kalman_distance (&k, z, r, 1, &log_det), 9 / s, 1e-12);
    assert_float_equal (log_det, log (s), 1e-12);
    fov_kalman_correct (&k, z, r);
    assert_float_equal (k.x[0], 10 + p00 / s * 3, 1e-12);
    assert_float_equal (k.x[4], p01 / s * 3, 1e-12);
    assert_float_equal (k.p[0][0], p00 - p00 * p00 / s, 1e-10);
    assert_float_equal (k.p[4][4], p11 - p01 * p01 / s, 1e-10);
    assert_float_equal (k.x[1], 0, 0);
    assert_float_equal (k.p[1][1], 1 + 4 * 1 + 1, 1e-12);
}

/* A hidden object's box moves and keeps its size; a visual tracker's is trusted less. */
static void
test_noises (void **state)
{
    FovKalman start, kept, seen, visual;
    const FovBox box = { 0, 0, 40, 100 }, cut = { 10, 0, 50, 60 };

    fov_motion_start (&fov_motion_xywh, &start, box);
    fov_motion_predict (&fov_motion_xywh, &start, 1);
    kept = seen = visual = start;
    fov_motion_correct (&fov_motion_xywh, &kept, cut, FOV_MEASURED_DETECTOR, 1, TRUE);
    fov_motion_correct (&fov_motion_xywh, &seen, cut, FOV_MEASURED_DETECTOR, 1, FALSE);
    fov_motion_correct (&fov_motion_xywh, &visual, cut, FOV_MEASURED_VISUAL, 1, FALSE);
    assert_float_equal (kept.x[3], 100, 0);
    assert_float_equal (kept.x[0], seen.x[0], 1e-12);
    assert_true (seen.x[3] < visual.x[3] && visual.x[3] < 100);
    assert_true (visual.x[0] < seen.x[0] && visual.x[0] > 20);
}

static void
test_warp (void **state)
{
    const double m[6] = { 0, -1, 7, 1, 0, -2 }; /* a quarter turn and a shift */
    const double z[4] = { 10, 20, 0, 0 }, variance[STATE] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    FovKalman k;

    fov_kalman_init (&k, z, variance);
    k.x[4] = 3;
    fov_kalman_warp (&k, m, FALSE);
    assert_float_equal (k.x[0], -13, 1e-12);
    assert_float_equal (k.x[1], 8, 1e-12);
    assert_float_equal (k.x[4], 0, 1e-12);
    assert_float_equal (k.x[5], 3, 1e-12);
    assert_float_equal (k.p[0][0], 2, 1e-12);
    assert_float_equal (k.p[1][1], 1, 1e-12);
    assert_float_equal (k.p[2][2], 3, 0);
    assert_float_equal (k.p[4][4], 6, 1e-12);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_scalar),         cmocka_unit_test (test_follows),
        cmocka_unit_test (test_noises),         cmocka_unit_test (test_warp),
        cmocka_unit_test (test_stays_positive), cmocka_unit_test (test_imm_stays_positive),
        cmocka_unit_test (test_imm_stops),
    };
    return RUN ("kalman", tests);
}
