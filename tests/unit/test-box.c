/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "check.h"
#include <fovea/box.h>

static const struct {
    const char *name;
    FovBox a, b;
    float iou;
} pairs[] = {
    { "same", { 0, 0, 10, 10 }, { 0, 0, 10, 10 }, 1.0f },
    { "half", { 0, 0, 10, 10 }, { 0, 5, 10, 15 }, 1.0f / 3 },
    { "touching", { 0, 0, 10, 10 }, { 10, 0, 20, 10 }, 0.0f },
    { "inside", { 0, 0, 10, 10 }, { 2, 2, 4, 4 }, 0.04f },
    { "apart", { 0, 0, 1, 1 }, { 5, 5, 6, 6 }, 0.0f },
    { "empty", { 3, 3, 3, 3 }, { 0, 0, 10, 10 }, 0.0f },
    { "inverted", { 10, 10, 0, 0 }, { 0, 0, 10, 10 }, 0.0f },
    { "NaN", { NAN, 0, 10, 10 }, { 0, 0, 10, 10 }, 0.0f },
    { "infinite", { 0, 0, INFINITY, 10 }, { 0, 0, 10, 10 }, 0.0f },
    { "huge", { -3e38f, -3e38f, 3e38f, 3e38f }, { -3e38f, -3e38f, 3e38f, 3e38f }, 1.0f },
    { "negative", { -10, -10, -5, -5 }, { -10, -10, -5, -5 }, 1.0f },
};

static void
test_iou (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++) {
        print_message ("# %s\n", pairs[i].name);
        assert_float_equal (fov_box_iou (pairs[i].a, pairs[i].b), pairs[i].iou, 1e-6);
        assert_float_equal (fov_box_iou (pairs[i].b, pairs[i].a), pairs[i].iou, 1e-6);
    }
}

static void
test_area_and_clip (void **state)
{
    assert_float_equal (fov_box_area ((FovBox){ 1, 2, 4, 6 }), 12, 0);
    assert_float_equal (fov_box_area ((FovBox){ 4, 6, 1, 2 }), 0, 0);
    assert_float_equal (fov_box_area ((FovBox){ NAN, 0, 1, 1 }), 0, 0);

    FovBox c = fov_box_clip ((FovBox){ -5, NAN, 700, INFINITY }, 640, 480);
    assert_float_equal (c.x1, 0, 0);
    assert_float_equal (c.y1, 0, 0);
    assert_float_equal (c.x2, 640, 0);
    assert_float_equal (c.y2, 480, 0);
}

#define AT(x)                                                                                      \
    {                                                                                              \
        (x), 0, (x) + 10, 10                                                                       \
    }

typedef struct {
    const char *name;
    FovDetection in[5];
    guint n;
    float threshold;
    gboolean class_aware;
    guint max;
    float kept[5]; /* x1 of what stays, in order */
    guint n_kept;
} NmsCase;

static const NmsCase nms_cases[] = {
    { "none", { { { 0 } } }, 0, 0.5f, FALSE, 0, { 0 }, 0 },
    { "best of two", { { AT (0), 0.5f, 0 }, { AT (1), 0.9f, 0 } }, 2, 0.5f, FALSE, 0, { 1 }, 1 },
    { "at the threshold both stay",
      { { AT (0), 0.9f, 0 }, { AT (0), 0.8f, 0 } },
      2,
      1.0f,
      FALSE,
      0,
      { 0, 0 },
      2 },
    { "other class stays",
      { { AT (0), 0.9f, 0 }, { AT (1), 0.8f, 1 } },
      2,
      0.5f,
      TRUE,
      0,
      { 0, 1 },
      2 },
    { "other class goes",
      { { AT (0), 0.9f, 0 }, { AT (1), 0.8f, 1 } },
      2,
      0.5f,
      FALSE,
      0,
      { 0 },
      1 },
    { "tie: lower label, then earlier",
      { { AT (80), 0.5f, 2 }, { AT (60), 0.5f, 1 }, { AT (40), 0.5f, 1 }, { AT (20), 0.5f, 0 } },
      4,
      0.5f,
      FALSE,
      0,
      { 20, 60, 40, 80 },
      4 },
    { "limit",
      { { AT (0), 0.1f, 0 }, { AT (20), 0.2f, 0 }, { AT (40), 0.3f, 0 } },
      3,
      0.5f,
      FALSE,
      2,
      { 40, 20 },
      2 },
    { "a suppressed box does not suppress",
      { { AT (0), 0.9f, 0 }, { AT (4), 0.8f, 0 }, { AT (8), 0.7f, 0 } },
      3,
      0.3f,
      FALSE,
      0,
      { 0, 8 },
      2 },
    { "odd scores dropped",
      { { AT (0), NAN, 0 }, { AT (20), 0.2f, 0 }, { AT (40), INFINITY, 0 } },
      3,
      0.5f,
      FALSE,
      0,
      { 20 },
      1 },
    { "odd boxes stay",
      { { { NAN, NAN, NAN, NAN }, 0.1f, 0 }, { AT (3), 0.2f, 0 } },
      2,
      0.5f,
      FALSE,
      1,
      { 3 },
      1 },
};

static void
test_nms (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (nms_cases); i++) {
        const NmsCase *c = &nms_cases[i];
        FovDetection d[5];
        memcpy (d, c->in, sizeof d);
        print_message ("# %s\n", c->name);
        assert_int_equal (fov_nms (d, c->n, c->threshold, c->class_aware, c->max), c->n_kept);
        for (guint k = 0; k < c->n_kept; k++)
            assert_float_equal (d[k].box.x1, c->kept[k], 0);
    }
}

/* What stays never overlaps above the threshold, and what went overlaps something kept. */
static void
test_nms_random (void **state)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (7);
    FovDetection in[300], out[300];

    for (guint i = 0; i < G_N_ELEMENTS (in); i++) {
        float x = (float) g_rand_double_range (rand, 0, 100);
        float y = (float) g_rand_double_range (rand, 0, 100);
        in[i] = (FovDetection){ { x, y, x + 20, y + 20 },
                                (float) g_rand_int_range (rand, 0, 50) / 50,
                                g_rand_int_range (rand, 0, 3) };
    }
    memcpy (out, in, sizeof in);
    guint n = fov_nms (out, G_N_ELEMENTS (out), 0.4f, TRUE, 0);
    assert_in_range (n, 2, G_N_ELEMENTS (out) - 1);
    for (guint i = 0; i < n; i++)
        for (guint k = 0; k < i; k++) {
            assert_true (out[k].score >= out[i].score);
            assert_true (out[k].label != out[i].label ||
                         fov_box_iou (out[k].box, out[i].box) <= 0.4f);
        }
    for (guint i = 0; i < G_N_ELEMENTS (in); i++) {
        gboolean covered = FALSE;
        for (guint k = 0; k < n && !covered; k++)
            covered = in[i].label == out[k].label && in[i].score <= out[k].score &&
                      fov_box_iou (in[i].box, out[k].box) > 0.4f;
        for (guint k = 0; k < n && !covered; k++)
            covered = memcmp (&in[i], &out[k], sizeof in[i]) == 0;
        assert_true (covered);
    }
}

static const struct {
    const char *name;
    FovBox region;
    int net_w, net_h;
    FovFit fit;
    int inner[4];
} fits[] = {
    { "wide", { 0, 0, 640, 480 }, 416, 416, FOV_FIT_LETTERBOX_TOPLEFT, { 0, 0, 416, 312 } },
    { "wide, centre", { 0, 0, 640, 480 }, 416, 416, FOV_FIT_LETTERBOX_CENTER, { 0, 52, 416, 312 } },
    { "tall", { 0, 0, 810, 1080 }, 640, 640, FOV_FIT_LETTERBOX_CENTER, { 80, 0, 480, 640 } },
    { "stretch", { 0, 0, 810, 1080 }, 300, 300, FOV_FIT_STRETCH, { 0, 0, 300, 300 } },
    { "rounds down", { 0, 0, 500, 333 }, 416, 416, FOV_FIT_LETTERBOX_TOPLEFT, { 0, 0, 416, 277 } },
    { "a line", { 0, 0, 10000, 1 }, 416, 416, FOV_FIT_LETTERBOX_CENTER, { 0, 207, 416, 1 } },
    { "region", { 100, 50, 200, 100 }, 64, 64, FOV_FIT_LETTERBOX_CENTER, { 0, 16, 64, 32 } },
};

static void
test_letterbox (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (fits); i++) {
        FovBox r = fits[i].region;
        FovLetterbox map = fov_letterbox (r, fits[i].net_w, fits[i].net_h, fits[i].fit);
        const int *inner = fits[i].inner;
        print_message ("# %s\n", fits[i].name);
        assert_int_equal (map.inner_x, inner[0]);
        assert_int_equal (map.inner_y, inner[1]);
        assert_int_equal (map.inner_w, inner[2]);
        assert_int_equal (map.inner_h, inner[3]);

        FovBox whole = { (float) inner[0], (float) inner[1], (float) (inner[0] + inner[2]),
                         (float) (inner[1] + inner[3]) };
        FovBox back = fov_letterbox_unmap (&map, whole);
        assert_float_equal (back.x1, r.x1, 1e-2);
        assert_float_equal (back.y1, r.y1, 1e-2);
        assert_float_equal (back.x2, r.x2, 1e-2);
        assert_float_equal (back.y2, r.y2, 1e-2);
    }
}

/* The longer side always fills the network's input, whatever the division rounds to. */
static void
test_letterbox_fills (void **state)
{
    for (int size = 1; size < 3000; size++) {
        FovLetterbox map =
            fov_letterbox ((FovBox){ 0, 0, (float) size, 1 }, 416, 416, FOV_FIT_LETTERBOX_TOPLEFT);
        assert_int_equal (map.inner_w, 416);
    }
    FovLetterbox odd =
        fov_letterbox ((FovBox){ NAN, 0, INFINITY, -5 }, 0, -3, FOV_FIT_LETTERBOX_CENTER);
    assert_true (isfinite (odd.scale_x) && isfinite (odd.scale_y));
    assert_true (isfinite (odd.offset_x) && isfinite (odd.offset_y));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_iou),       cmocka_unit_test (test_area_and_clip),
        cmocka_unit_test (test_nms),       cmocka_unit_test (test_nms_random),
        cmocka_unit_test (test_letterbox), cmocka_unit_test (test_letterbox_fills),
    };
    return RUN ("box", tests);
}
