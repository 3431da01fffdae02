/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "check.h"
#include <fovea/metrics.h>

#define BOX(x, y, w, h)                                                                            \
    {                                                                                              \
        (x), (y), (x) + (w), (y) + (h)                                                             \
    }
#define TRUTH(x, y, w, h)                                                                          \
    {                                                                                              \
        BOX (x, y, w, h), (w) * (h), 1, FALSE                                                      \
    }
#define CROWD(x, y, w, h)                                                                          \
    {                                                                                              \
        BOX (x, y, w, h), (w) * (h), 1, TRUE                                                       \
    }

typedef struct {
    const char *name;
    FovCocoTruth truths[4];
    guint n_truths;
    FovDetection found[4];
    guint n_found;
    double ap, ap50, ap75, ar100;
} Case;

/* A recall of 1 of 2 covers the recall points 0.00 .. 0.50: 51 of 101. */
#define HALF (100.0 * 51 / 101)

static const Case cases[] = {
    { "perfect",
      { TRUTH (10, 10, 50, 50) },
      1,
      { { BOX (10, 10, 50, 50), 0.9f, 1 } },
      1,
      100,
      100,
      100,
      100 },
    { "one missed",
      { TRUTH (10, 10, 50, 50), TRUTH (200, 10, 50, 50) },
      2,
      { { BOX (10, 10, 50, 50), 0.9f, 1 } },
      1,
      HALF,
      HALF,
      HALF,
      50 },
    { "nothing found",
      { TRUTH (10, 10, 50, 50) },
      1,
      { { BOX (0, 0, 0, 0), 0, 0 } },
      0,
      0,
      0,
      0,
      0 },
    { "duplicate after the hit costs nothing",
      { TRUTH (10, 10, 50, 50) },
      1,
      { { BOX (10, 10, 50, 50), 0.9f, 1 }, { BOX (10, 10, 50, 50), 0.8f, 1 } },
      2,
      100,
      100,
      100,
      100 },
    { "duplicate between two hits",
      { TRUTH (10, 10, 50, 50), TRUTH (200, 10, 50, 50) },
      2,
      { { BOX (10, 10, 50, 50), 0.9f, 1 },
        { BOX (10, 10, 50, 50), 0.8f, 1 },
        { BOX (200, 10, 50, 50), 0.7f, 1 } },
      3,
      100.0 * (51 + 50 * 2.0 / 3) / 101,
      100.0 * (51 + 50 * 2.0 / 3) / 101,
      100.0 * (51 + 50 * 2.0 / 3) / 101,
      100 },
    { "false alarm first",
      { TRUTH (10, 10, 50, 50) },
      1,
      { { BOX (300, 10, 50, 50), 0.9f, 1 }, { BOX (10, 10, 50, 50), 0.8f, 1 } },
      2,
      50,
      50,
      50,
      100 },
    /* 0.8 of the width: IoU 0.8 meets the thresholds 0.50 .. 0.80, 7 of 10. */
    { "IoU 0.8",
      { TRUTH (0, 0, 100, 100) },
      1,
      { { BOX (0, 0, 80, 100), 0.9f, 1 } },
      1,
      70,
      100,
      100,
      70 },
    { "IoU 0.5 meets 0.50 only",
      { TRUTH (0, 0, 100, 100) },
      1,
      { { BOX (0, 0, 50, 100), 0.9f, 1 } },
      1,
      10,
      100,
      0,
      10 },
    { "IoU below 0.5",
      { TRUTH (0, 0, 100, 100) },
      1,
      { { BOX (0, 0, 49, 100), 0.9f, 1 } },
      1,
      0,
      0,
      0,
      0 },
    { "in a crowd region is no false alarm",
      { TRUTH (10, 10, 50, 50), CROWD (200, 0, 300, 300) },
      2,
      { { BOX (210, 10, 20, 20), 0.95f, 1 },
        { BOX (250, 50, 20, 20), 0.94f, 1 },
        { BOX (10, 10, 50, 50), 0.9f, 1 } },
      3,
      100,
      100,
      100,
      100 },
    { "the crowd does not take what an object needs",
      { CROWD (0, 0, 300, 300), TRUTH (10, 10, 50, 50) },
      2,
      { { BOX (10, 10, 50, 45), 0.9f, 1 } },
      1,
      90,
      100,
      100,
      90 },
    { "crowd only: nothing to measure",
      { CROWD (0, 0, 300, 300) },
      1,
      { { BOX (10, 10, 50, 50), 0.9f, 1 } },
      1,
      NAN,
      NAN,
      NAN,
      NAN },
    { "other category",
      { TRUTH (10, 10, 50, 50) },
      1,
      { { BOX (10, 10, 50, 50), 0.9f, 2 } },
      1,
      0,
      0,
      0,
      0 },
    { "scores and boxes that are no numbers",
      { TRUTH (10, 10, 50, 50) },
      1,
      { { BOX (10, 10, 50, 50), NAN, 1 },
        { { NAN, NAN, NAN, NAN }, 0.1f, 1 },
        { BOX (10, 10, 50, 50), 0.9f, 1 } },
      3,
      100,
      100,
      100,
      100 },
    { "no truth",
      { TRUTH (0, 0, 0, 0) },
      0,
      { { BOX (10, 10, 50, 50), 0.9f, 1 } },
      1,
      NAN,
      NAN,
      NAN,
      NAN },
};

static void
assert_figure (const char *what, double got, double want)
{
    if (isnan (want) ? !isnan (got) : !(fabs (got - want) <= 1e-6))
        fail_msg ("%s is %.9f, expected %.9f", what, got, want);
}

static void
test_by_hand (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        const Case *c = &cases[i];
        g_autoptr (FovCocoEval) eval = fov_coco_eval_new ();
        FovCocoSummary s;
        double ap50;
        print_message ("# %s\n", c->name);
        fov_coco_eval_add (eval, c->truths, c->n_truths, c->found, c->n_found);
        fov_coco_eval_summarize (eval, &s);
        assert_figure ("AP", s.ap, c->ap);
        assert_figure ("AP50", s.ap50, c->ap50);
        assert_figure ("AP75", s.ap75, c->ap75);
        assert_figure ("AR", s.ar100, c->ar100);
        assert_figure ("category AP", fov_coco_eval_category (eval, 1, &ap50), c->ap);
        assert_figure ("category AP50", ap50, c->ap50);
    }
}

static void
test_area_ranges (void **state)
{
    const FovCocoTruth truths[] = { TRUTH (0, 0, 32, 32), TRUTH (100, 0, 96, 96),
                                    TRUTH (300, 0, 97, 97) };
    const FovDetection found[] = { { BOX (0, 0, 32, 32), 0.9f, 1 },
                                   { BOX (300, 0, 97, 97), 0.8f, 1 },
                                   { BOX (500, 300, 10, 10), 0.7f, 1 } };
    g_autoptr (FovCocoEval) eval = fov_coco_eval_new ();
    FovCocoSummary s;

    fov_coco_eval_add (eval, truths, 3, found, 3);
    fov_coco_eval_summarize (eval, &s);
    assert_figure ("small", s.ap_small, 100);
    assert_figure ("medium: 32 x 32 and 96 x 96 count, one was found", s.ap_medium, HALF);
    assert_figure ("large: 96 x 96 counts here too, as missed", s.ap_large, HALF);
    assert_int_equal (s.n_categories, 1);
}

/* The 101st best detection of an image does not count. */
static void
test_limit (void **state)
{
    const FovCocoTruth truth = TRUTH (1000, 0, 50, 50);
    FovDetection found[101];
    FovCocoSummary s;

    for (int n = 99; n <= 100; n++) {
        g_autoptr (FovCocoEval) eval = fov_coco_eval_new ();
        for (int i = 0; i < n; i++)
            found[i] = (FovDetection){ BOX (0, 0, 10, 10), 0.9f, 1 };
        found[n] = (FovDetection){ BOX (1000, 0, 50, 50), 0.5f, 1 };
        fov_coco_eval_add (eval, &truth, 1, found, (guint) n + 1);
        fov_coco_eval_summarize (eval, &s);
        assert_figure ("AR", s.ar100, n == 99 ? 100 : 0);
    }
}

/* Mean over categories; one without truth does not count, whatever was found. */
static void
test_categories (void **state)
{
    const FovCocoTruth truths[] = { { BOX (0, 0, 50, 50), 2500, 7, FALSE },
                                    { BOX (0, 0, 50, 50), 2500, -3, FALSE } };
    const FovDetection found[] = { { BOX (0, 0, 50, 50), 0.9f, 7 },
                                   { BOX (0, 0, 50, 50), 0.9f, 5 } };
    g_autoptr (FovCocoEval) eval = fov_coco_eval_new ();
    FovCocoSummary s;

    fov_coco_eval_add (eval, truths, 2, found, 2);
    fov_coco_eval_summarize (eval, &s);
    assert_int_equal (s.n_categories, 2);
    assert_figure ("AP", s.ap, 50);
    assert_figure ("AP of 5", fov_coco_eval_category (eval, 5, NULL), NAN);
    assert_figure ("AP of -3", fov_coco_eval_category (eval, -3, NULL), 0);
    assert_figure ("AP of 99", fov_coco_eval_category (eval, 99, NULL), NAN);
}

/* Random scenes of a small generator, so that another program can make the same ones. */
typedef struct {
    guint32 seed;
    int n_images, extra;
    double want[7]; /* AP, AP50, AP75, small, medium, large, AR */
    guint n_categories;
} Scene;

/* The figures come from an independent program written in numpy from the same rules. */
static const Scene scenes[] = {
    { 1,
      20,
      4,
      { 24.109149422, 46.164804740, 18.843951792, 29.933404055, 20.988091666, 49.342291372,
        37.936507937 },
      4 },
    { 2,
      20,
      8,
      { 16.955025179, 34.009089531, 11.430035861, 17.617577280, 12.942897170, 35.318481848,
        36.667857143 },
      4 },
    { 3,
      1,
      6,
      { 51.666666667, 83.333333333, 66.666666667, 55.000000000, NAN, 70.000000000, 60.000000000 },
      3 },
    { 4,
      40,
      12,
      { 12.052435317, 25.806913781, 9.437129596, 12.953511799, 10.241417176, 25.835663237,
        38.068753142 },
      4 },
    { 5,
      6,
      1200,
      { 0.231967179, 0.622276312, 0.128271286, 0.369126198, 0.025374397, 3.209623182,
        26.041666667 },
      4 },
    { 6,
      2,
      0,
      { 42.132838284, 62.871287129, 53.465346535, 20.198019802, 56.349009901, 15.148514851,
        43.125000000 },
      4 },
};

static int
draw (guint32 *seed, int n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (int) ((*seed >> 8) % (guint32) n);
}

static int
jitter (guint32 *seed, int size)
{
    return draw (seed, size / 4 + 1) - size / 8;
}

static void
add_guesses (guint32 *r, const FovCocoTruth *truth, GArray *found)
{
    int w = (int) (truth->box.x2 - truth->box.x1), h = (int) (truth->box.y2 - truth->box.y1);

    for (int n = draw (r, 3); n > 0; n--) {
        FovDetection d = { truth->box, 0, truth->category };
        d.box.x1 += (float) jitter (r, w);
        d.box.y1 += (float) jitter (r, h);
        d.box.x2 = d.box.x1 + (float) (w + jitter (r, w));
        d.box.y2 = d.box.y1 + (float) (h + jitter (r, h));
        if (draw (r, 12) == 0)
            d.label = 1 + draw (r, 5);
        d.score = (float) draw (r, 64) / 64;
        g_array_append_val (found, d);
    }
}

static void
add_image (guint32 *r, int extra, GArray *truths, GArray *found)
{
    static const int sizes[][2] = { { 4, 24 }, { 32, 60 }, { 100, 150 } };

    for (int n = draw (r, 8); n > 0; n--) {
        const int *size = sizes[draw (r, 3)];
        int x = draw (r, 400), y = draw (r, 300);
        int w = size[0] + draw (r, size[1]);
        int h = size[0] + draw (r, size[1]);
        FovCocoTruth t = { .box = { (float) x, (float) y, (float) (x + w), (float) (y + h) } };
        t.area = w * h * (50 + draw (r, 51)) / 100.0;
        t.category = 1 + draw (r, 4);
        t.crowd = draw (r, 10) == 0;
        g_array_append_val (truths, t);
        add_guesses (r, &t, found);
    }
    for (int n = extra > 0 ? draw (r, extra) : 0; n > 0; n--) {
        FovDetection d = { 0 };
        d.box.x1 = (float) draw (r, 400);
        d.box.y1 = (float) draw (r, 300);
        d.box.x2 = d.box.x1 + 4 + (float) draw (r, 120);
        d.box.y2 = d.box.y1 + 4 + (float) draw (r, 120);
        d.score = (float) draw (r, 64) / 64;
        d.label = 1 + draw (r, 5);
        g_array_append_val (found, d);
    }
}

static void
test_scenes (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (scenes); i++) {
        g_autoptr (GArray) truths = g_array_new (FALSE, FALSE, sizeof (FovCocoTruth));
        g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (FovDetection));
        g_autoptr (FovCocoEval) eval = fov_coco_eval_new ();
        const Scene *scene = &scenes[i];
        guint32 r = scene->seed;
        FovCocoSummary s;

        for (int n = 0; n < scene->n_images; n++) {
            g_array_set_size (truths, 0);
            g_array_set_size (found, 0);
            add_image (&r, scene->extra, truths, found);
            fov_coco_eval_add (eval, (const FovCocoTruth *) (void *) truths->data, truths->len,
                               (const FovDetection *) (void *) found->data, found->len);
        }
        fov_coco_eval_summarize (eval, &s);
        const double got[] = { s.ap, s.ap50, s.ap75, s.ap_small, s.ap_medium, s.ap_large, s.ar100 };
        print_message ("# seed %u\n", scene->seed);
        for (gsize k = 0; k < G_N_ELEMENTS (got); k++)
            assert_figure ("figure", got[k], scene->want[k]);
        assert_int_equal (s.n_categories, scene->n_categories);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_by_hand), cmocka_unit_test (test_area_ranges),
        cmocka_unit_test (test_limit),   cmocka_unit_test (test_categories),
        cmocka_unit_test (test_scenes),
    };
    return RUN ("metrics", tests);
}
