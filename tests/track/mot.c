/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "../unit/check.h"
#include "vision/mot-private.h"

#define COUNTED FOV_MOT_COUNTED
#define DISTRACTOR FOV_MOT_DISTRACTOR
#define NEUTRAL FOV_MOT_NEUTRAL
#define REGION FOV_MOT_REGION

/* ---- by hand --------------------------------------------------------------- */

/*
 * What stands at one place, frame by frame. truth: '1' there, '.' not. result:
 * a letter is an identity; as a small one its box is the truth's (40 x 40),
 * as a capital it is 10 pixels to the right: 30 of 50 columns shared, IoU 0.6;
 * '.' none. Places are far apart.
 */
typedef struct {
    int place;
    FovMotRole role;
    const char *truth, *result;
} Row;

typedef struct {
    const char *name;
    double min_height;
    Row rows[3];
    struct {
        double hota, det_a, ass_a, loc_a, mota, motp, idf1;
    };
    struct {
        guint fp, fn, switches, fragments;
    };
} Case;

static const Case cases[] = {
    { "perfect",
      0,
      { { 0, COUNTED, "1111111111", "aaaaaaaaaa" }, { 1, COUNTED, "..11111111", "..bbbbbbbb" } },
      { 100, 100, 100, 100, 100, 100, 100 },
      { 0, 0, 0, 0 } },
    /* LocA has nothing to average over. */
    { "all missed",
      0,
      { { 0, COUNTED, "1111111111", ".........." } },
      { 0, 0, 0, 100, 0, 0, 0 },
      { 0, 10, 0, 0 } },
    { "nothing there",
      0,
      { { 0, COUNTED, "....", "aa.." } },
      { 0, 0, 0, 100, -200, 0, 0 },
      { 2, 0, 0, 0 } },
    /* Each of 10 true positives: TPA 5, FNA 5, FPA 0. Identity: 5 of 10 + 10. */
    { "a new identity halfway",
      0,
      { { 0, COUNTED, "1111111111", "aaaaabbbbb" } },
      { 70.7107, 100, 50, 100, 90, 100, 50 },
      { 0, 0, 1, 0 } },
    /* Each of 20: TPA 5, FNA 5, FPA 5. Two switches of 20. */
    { "two swap",
      0,
      { { 0, COUNTED, "1111111111", "aaaaabbbbb" }, { 1, COUNTED, "1111111111", "bbbbbaaaaa" } },
      { 57.735, 100, 33.3333, 100, 90, 100, 50 },
      { 0, 0, 2, 0 } },
    /* DetA 18 / 20; AssA 8 / (10 + 8 - 8) for eight, 1 for ten; IDF1 2 * 18 / 38. */
    { "a gap",
      0,
      { { 0, COUNTED, "1111111111", "aaa..aaaaa" }, { 1, COUNTED, "1111111111", "cccccccccc" } },
      { 90.5539, 90, 91.1111, 100, 90, 100, 94.7368 },
      { 0, 2, 0, 1 } },
    /* One switch and one fragment. AssA: 3 of 10 for three, 5 of 10 for five, 1 for ten:
     * (0.9 + 2.5 + 10) / 18; HOTA sqrt (0.9 * 0.7444); IDF1 2 * (5 + 10) / 38. */
    { "a gap and another identity",
      0,
      { { 0, COUNTED, "1111111111", "aaa..bbbbb" }, { 1, COUNTED, "1111111111", "cccccccccc" } },
      { 81.8535, 90, 74.4444, 100, 85, 100, 78.9474 },
      { 0, 2, 1, 1 } },
    /* As the benchmarks count: without any result the frame is passed over by CLEAR's memory. */
    { "a frame without results breaks no match",
      0,
      { { 0, COUNTED, "1111111111", "aaa.aaaaaa" } },
      { 90, 90, 90, 100, 90, 100, 94.7368 },
      { 0, 1, 0, 0 } },
    /* DetA 10 / 15; IDF1 20 / 25; MOTA (10 - 5) / 10. */
    { "results on nothing",
      0,
      { { 0, COUNTED, "1111111111", "aaaaaaaaaa" }, { 1, COUNTED, "..........", "bbbbb....." } },
      { 81.6497, 66.6667, 100, 100, 50, 100, 80 },
      { 5, 0, 0, 0 } },
    /* Found at 12 of the 19 thresholds, 0.05 to 0.60 itself. LocA (12 * 0.6 + 7) / 19. */
    { "IoU 0.6",
      0,
      { { 0, COUNTED, "1111111111", "AAAAAAAAAA" } },
      { 63.1579, 63.1579, 63.1579, 74.7368, 100, 60, 100 },
      { 0, 0, 0, 0 } },
    /*
     * From the fourth frame on b lies better, but CLEAR stays with a: no
     * switch, MOTP (3 + 7 * 0.6) / 10, and b is a false positive. HOTA takes a
     * in 3 frames and, from alignment, b in 7 (0.7 > 0.6 of a's): at each
     * threshold 10 true positives of 17 boxes. Association: a 3 / (10 + 10 - 3),
     * b 7 / 10: (3 * 3 / 17 + 7 * 0.7) / 10. IDF1 2 * 10 / (10 + 17).
     */
    { "CLEAR stays with the match before",
      0,
      { { 0, COUNTED, "1111111111", "aaaAAAAAAA" }, { 0, COUNTED, "..........", "...bbbbbbb" } },
      { 56.5136, 58.8235, 54.2941, 100, 30, 72, 74.0741 },
      { 7, 0, 0, 0 } },
    /* The result on the distractor goes; so it does at IoU 0.6. */
    { "a distractor",
      0,
      { { 0, COUNTED, "1111", "aaaa" }, { 1, DISTRACTOR, "1111", "bBbB" } },
      { 100, 100, 100, 100, 100, 100, 100 },
      { 0, 0, 0, 0 } },
    { "a distractor that is not found",
      0,
      { { 0, COUNTED, "1111", "aaaa" }, { 1, DISTRACTOR, "1111", "...." } },
      { 100, 100, 100, 100, 100, 100, 100 },
      { 0, 0, 0, 0 } },
    /* Results on a neutral truth stay and are wrong. */
    { "a neutral truth",
      0,
      { { 0, COUNTED, "1111", "aaaa" },
        { 1, NEUTRAL, "1111", "bb.." },
        { 2, DISTRACTOR, "1", "." } },
      { 81.6497, 66.6667, 100, 100, 50, 100, 80 },
      { 2, 0, 0, 0 } },
    /* 30 of 40 columns inside are more than half. */
    { "an ignore region",
      0,
      { { 0, COUNTED, "1111", "aaaa" }, { 1, REGION, "1111", "bbBB" } },
      { 100, 100, 100, 100, 100, 100, 100 },
      { 0, 0, 0, 0 } },
    /* What matches a counted truth stays, region or not. */
    { "a truth in a region",
      0,
      { { 0, COUNTED, "1111", "aaaa" }, { 0, REGION, "1111", "...." } },
      { 100, 100, 100, 100, 100, 100, 100 },
      { 0, 0, 0, 0 } },
    /* Boxes are 40 high; that of the matched one does not matter. */
    { "too low to count",
      40,
      { { 0, COUNTED, "1111", "aaaa" }, { 1, COUNTED, "....", "bbbb" } },
      { 100, 100, 100, 100, 100, 100, 100 },
      { 0, 0, 0, 0 } },
    { "high enough to count",
      39,
      { { 0, COUNTED, "1111", "aaaa" }, { 1, COUNTED, "....", "bbbb" } },
      { 70.7107, 50, 100, 100, 0, 100, 66.6667 },
      { 4, 0, 0, 0 } },
};

static FovBox
box_at (int place, float shift)
{
    float x = 1000.0f * (float) place + shift;
    return (FovBox){ x, 100, x + 40, 140 };
}

static void
run_case (FovMotEval *eval, const Case *c, FovMotScores *scores)
{
    GError *error = NULL;

    fov_mot_eval_begin (eval, c->min_height);
    for (gsize f = 0; f < strlen (c->rows[0].truth); f++) {
        FovMotTruth truths[3];
        FovMotResult results[3];
        guint n_truths = 0, n_results = 0;
        for (int i = 0; i < 3 && c->rows[i].truth; i++) {
            const Row *row = &c->rows[i];
            char mark = f < strlen (row->result) ? row->result[f] : '.';
            if (f < strlen (row->truth) && row->truth[f] == '1')
                truths[n_truths++] = (FovMotTruth){ i + 1, box_at (row->place, 0), row->role };
            if (mark != '.')
                results[n_results++] =
                    (FovMotResult){ g_ascii_tolower (mark),
                                    box_at (row->place, g_ascii_isupper (mark) ? 10 : 0) };
        }
        gboolean ok = fov_mot_eval_add (eval, truths, n_truths, results, n_results, &error);
        assert_fov_ok (ok, error);
    }
    assert_fov_ok (fov_mot_eval_end (eval, scores, &error), error);
}

static void
check_figure (const Case *c, const char *what, double found, double expected)
{
    if (!(fabs (found - expected) < 1e-3))
        fail_msg ("%s: %s is %.4f, expected %.4f", c->name, what, found, expected);
}

static void
hand_made (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        const Case *c = &cases[i];
        g_autoptr (FovMotEval) eval = fov_mot_eval_new ();
        FovMotScores s;
        run_case (eval, c, &s);
        check_figure (c, "DetA", s.det_a, c->det_a);
        check_figure (c, "AssA", s.ass_a, c->ass_a);
        check_figure (c, "HOTA", s.hota, c->hota);
        check_figure (c, "LocA", s.loc_a, c->loc_a);
        check_figure (c, "MOTA", s.mota, c->mota);
        check_figure (c, "MOTP", s.motp, c->motp);
        check_figure (c, "IDF1", s.idf1, c->idf1);
        check_figure (c, "FP", (double) s.n_fp, c->fp);
        check_figure (c, "FN", (double) s.n_fn, c->fn);
        check_figure (c, "switches", (double) s.n_switches, c->switches);
        check_figure (c, "fragments", (double) s.n_fragments, c->fragments);
    }
}

/* Two sequences count as their sum: the first has 10 true positives of AssA 0.5, the other 18. */
static void
combination (void **state)
{
    g_autoptr (FovMotEval) eval = fov_mot_eval_new ();
    FovMotScores s;

    run_case (eval, &cases[3], &s);
    run_case (eval, &cases[0], &s);
    fov_mot_eval_combined (eval, &s);
    check_figure (&cases[3], "combined AssA", s.ass_a, 100 * (10 * 0.5 + 18) / 28);
    check_figure (&cases[3], "combined DetA", s.det_a, 100);
    check_figure (&cases[3], "combined MOTA", s.mota, 100.0 * (28 - 1) / 28);
    check_figure (&cases[3], "combined IDF1", s.idf1, 100.0 * 2 * (5 + 18) / 56);
    assert_int_equal (s.n_frames, 20);
    assert_int_equal (s.n_truth_ids, 3);
    assert_int_equal (s.n_result_ids, 4);
}

/* ---- properties ------------------------------------------------------------ */

#define N_FRAMES 60
#define N_OBJECTS 12

typedef struct {
    FovMotTruth truths[N_OBJECTS];
    FovMotResult results[N_OBJECTS];
    guint n_truths, n_results;
} RandomFrame;

/* Crowded boxes that wander; results shake, are missing at times and change their identity. */
static void
make_frames (RandomFrame *frames, guint32 seed)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    gint64 identity[N_OBJECTS];

    for (int i = 0; i < N_OBJECTS; i++)
        identity[i] = i;
    for (int f = 0; f < N_FRAMES; f++) {
        RandomFrame *frame = &frames[f];
        frame->n_truths = frame->n_results = 0;
        for (int i = 0; i < N_OBJECTS; i++) {
            float x = (float) (30 * i + g_rand_double_range (rand, -9, 9));
            float y = (float) (5 * i + g_rand_double_range (rand, -9, 9));
            float dx = (float) g_rand_double_range (rand, -15, 15);
            if (g_rand_int_range (rand, 0, 30) == 0)
                identity[i] = g_rand_int_range (rand, 100, 1000000);
            FovBox truth = { x, y, x + 50, y + 90 };
            FovBox result = { x + dx, y, x + dx + 50, y + 85 };
            if (g_rand_int_range (rand, 0, 9))
                frame->truths[frame->n_truths++] =
                    (FovMotTruth){ i, truth, i == 3 ? DISTRACTOR : COUNTED };
            if (g_rand_int_range (rand, 0, 9))
                frame->results[frame->n_results++] = (FovMotResult){ identity[i], result };
        }
    }
}

static void
score_frames (const RandomFrame *frames, FovMotScores *scores)
{
    g_autoptr (FovMotEval) eval = fov_mot_eval_new ();
    GError *error = NULL;

    fov_mot_eval_begin (eval, 0);
    for (int f = 0; f < N_FRAMES; f++)
        assert_fov_ok (fov_mot_eval_add (eval, frames[f].truths, frames[f].n_truths,
                                         frames[f].results, frames[f].n_results, &error),
                       error);
    assert_fov_ok (fov_mot_eval_end (eval, scores, &error), error);
}

static void
assert_same (const FovMotScores *a, const FovMotScores *b)
{
    Case named = { .name = "changed" };

    check_figure (&named, "HOTA", a->hota, b->hota);
    check_figure (&named, "MOTA", a->mota, b->mota);
    check_figure (&named, "IDF1", a->idf1, b->idf1);
    check_figure (&named, "LocA", a->loc_a, b->loc_a);
    assert_int_equal (a->n_switches, b->n_switches);
    assert_int_equal (a->n_fragments, b->n_fragments);
}

static void
reverse_order (RandomFrame *f)
{
    for (guint i = 0; i < f->n_truths / 2; i++) {
        FovMotTruth t = f->truths[i];
        f->truths[i] = f->truths[f->n_truths - 1 - i];
        f->truths[f->n_truths - 1 - i] = t;
    }
    for (guint i = 0; i < f->n_results / 2; i++) {
        FovMotResult r = f->results[i];
        f->results[i] = f->results[f->n_results - 1 - i];
        f->results[f->n_results - 1 - i] = r;
    }
}

static void
rename_all (RandomFrame *f)
{
    for (guint i = 0; i < f->n_truths; i++)
        f->truths[i].id = G_MAXINT64 - f->truths[i].id;
    for (guint i = 0; i < f->n_results; i++)
        f->results[i].id = -f->results[i].id * 4294967296;
}

static FovBox
times_four (FovBox b)
{
    return (FovBox){ 4 * b.x1, 4 * b.y1, 4 * b.x2, 4 * b.y2 };
}

static void
enlarge (RandomFrame *f)
{
    for (guint i = 0; i < f->n_truths; i++)
        f->truths[i].box = times_four (f->truths[i].box);
    for (guint i = 0; i < f->n_results; i++)
        f->results[i].box = times_four (f->results[i].box);
}

static void
what_changes_nothing (void **state)
{
    void (*const changes[]) (RandomFrame *) = { reverse_order, rename_all, enlarge };
    g_autofree RandomFrame *frames = g_new (RandomFrame, N_FRAMES);

    for (guint32 seed = 1; seed <= 5; seed++) {
        FovMotScores before, after;
        make_frames (frames, seed);
        score_frames (frames, &before);
        assert_true (before.hota > 5 && before.hota < 90 && before.n_switches > 0);
        for (gsize c = 0; c < G_N_ELEMENTS (changes); c++) {
            for (int f = 0; f < N_FRAMES; f++)
                changes[c](&frames[f]);
            score_frames (frames, &after);
            assert_same (&after, &before);
        }
    }
}

/* HOTA's and the identity figures' precision and recall change sides with truths and results. */
static void
sides_changed (void **state)
{
    g_autofree RandomFrame *frames = g_new (RandomFrame, N_FRAMES);
    Case named = { .name = "sides changed" };
    FovMotScores a, b;

    make_frames (frames, 9);
    for (int f = 0; f < N_FRAMES; f++)
        for (guint i = 0; i < frames[f].n_truths; i++)
            frames[f].truths[i].role = COUNTED;
    score_frames (frames, &a);
    for (int f = 0; f < N_FRAMES; f++) {
        RandomFrame old = frames[f];
        frames[f].n_truths = old.n_results;
        frames[f].n_results = old.n_truths;
        for (guint i = 0; i < old.n_results; i++)
            frames[f].truths[i] = (FovMotTruth){ old.results[i].id, old.results[i].box, COUNTED };
        for (guint i = 0; i < old.n_truths; i++)
            frames[f].results[i] = (FovMotResult){ old.truths[i].id, old.truths[i].box };
    }
    score_frames (frames, &b);
    check_figure (&named, "HOTA", b.hota, a.hota);
    check_figure (&named, "DetRe", b.det_re, a.det_pr);
    check_figure (&named, "AssPr", b.ass_pr, a.ass_re);
    check_figure (&named, "IDP", b.idp, a.idr);
}

/* ---- the matcher against all possibilities ---------------------------------- */

#define SIDE 5

static double
best_by_trial (double score[SIDE][SIDE], int row, guint taken)
{
    double best;

    if (row == SIDE)
        return 0;
    best = best_by_trial (score, row + 1, taken);
    for (int c = 0; c < SIDE; c++)
        if (!(taken >> c & 1) && score[row][c] > 0)
            best = MAX (best, score[row][c] + best_by_trial (score, row + 1, taken | 1u << c));
    return best;
}

static void
best_matches (void **state)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (4);
    FovMotMatcher *matcher = fov_mot_matcher_new ();

    for (int trial = 0; trial < 500; trial++) {
        double score[SIDE][SIDE] = { { 0 } }, sum = 0;
        FovMotPair pairs[SIDE * SIDE];
        guint n = 0, taken = 0;
        for (guint r = 0; r < SIDE; r++)
            for (guint c = 0; c < SIDE; c++)
                if (g_rand_int_range (rand, 0, 100) < 10 + trial / 6) {
                    score[r][c] = g_rand_double_range (rand, 0.01, 1);
                    pairs[n++] = (FovMotPair){ r, c, score[r][c] };
                }
        const int *chosen = fov_mot_match (matcher, pairs, n, SIDE, SIDE, NULL);
        for (int r = 0; r < SIDE; r++) {
            if (chosen[r] < 0)
                continue;
            assert_true (score[r][chosen[r]] > 0 && !(taken >> chosen[r] & 1));
            taken |= 1u << chosen[r];
            sum += score[r][chosen[r]];
        }
        if (fabs (sum - best_by_trial (score, 0, 0)) > 1e-9)
            fail_msg ("trial %d: %g, the best is %g", trial, sum, best_by_trial (score, 0, 0));
    }
    fov_mot_matcher_free (matcher);
}

/* ---- bad input --------------------------------------------------------------- */

static void
refusals (void **state)
{
    g_autoptr (FovMotEval) eval = fov_mot_eval_new ();
    const FovMotTruth truth = { 1, { 0, 0, 9, 9 }, COUNTED };
    const FovMotTruth twice[] = { truth, truth };
    const FovMotResult same[] = { { 7, { 0, 0, 9, 9 } }, { 7, { 20, 0, 29, 9 } } };
    FovMotScores s;
    GError *error = NULL;

    assert_false (fov_mot_eval_add (eval, NULL, 0, NULL, 0, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "no sequence was begun");
    assert_false (fov_mot_eval_end (eval, &s, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "no sequence was begun");
    fov_mot_eval_begin (eval, 0);
    assert_true (fov_mot_eval_add (eval, &truth, 1, same, 1, &error));
    assert_false (fov_mot_eval_add (eval, twice, 2, same, 1, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "truth 1 is twice in frame 2");
    assert_false (fov_mot_eval_add (eval, &truth, 1, same, 2, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "result 7 is twice in frame 2");
    assert_false (fov_mot_eval_add (eval, &truth, 1, same, 100001, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "frame 2 has 1 truths and 100001 results");
    /* What was refused left nothing behind. */
    assert_true (fov_mot_eval_add (eval, &truth, 1, same, 1, &error));
    assert_true (fov_mot_eval_end (eval, &s, &error));
    assert_int_equal (s.n_truths, 2);
    assert_true (s.hota > 99.999 && s.mota > 99.999);
}

static void
odd_boxes (void **state)
{
    const float nan = NAN, inf = INFINITY, huge = 3e38f;
    const FovBox odd[] = { { nan, 0, 1, 1 }, { 0, 0, nan, nan }, { -inf, -inf, inf, inf },
                           { 5, 5, 5, 5 },   { 9, 9, 0, 0 },     { -huge, -huge, huge, huge },
                           { 0, 0, inf, 1 }, { -5, -5, -1, -1 }, { 0, 0, 1e-40f, 1e-40f } };
    g_autoptr (FovMotEval) eval = fov_mot_eval_new ();
    FovMotTruth truths[2 * G_N_ELEMENTS (odd)];
    FovMotResult results[G_N_ELEMENTS (odd)];
    FovMotScores s;

    for (guint i = 0; i < G_N_ELEMENTS (odd); i++) {
        truths[2 * i] = (FovMotTruth){ i, odd[i], i % 2 ? DISTRACTOR : COUNTED };
        truths[2 * i + 1] = (FovMotTruth){ i, odd[i], REGION };
        results[i] = (FovMotResult){ i, odd[i] };
    }
    fov_mot_eval_begin (eval, 1);
    for (int f = 0; f < 3; f++)
        assert_true (fov_mot_eval_add (eval, truths, G_N_ELEMENTS (truths), results,
                                       G_N_ELEMENTS (results), NULL));
    assert_true (fov_mot_eval_end (eval, &s, NULL));
    assert_true (isfinite (s.hota) && isfinite (s.mota) && isfinite (s.idf1));
}

/* 100,000 results in one frame, each with its own identity, five times over. */
static void
many_boxes (void **state)
{
    g_autoptr (FovMotEval) eval = fov_mot_eval_new ();
    g_autofree FovMotResult *results = g_new (FovMotResult, 100000);
    const FovMotTruth truth = { 1, { 0, 0, 50, 50 }, COUNTED };
    FovMotScores s;

    fov_mot_eval_begin (eval, 0);
    for (int f = 0; f < 5; f++) {
        for (int i = 0; i < 100000; i++)
            results[i] =
                (FovMotResult){ (gint64) f * 100000 + i, { 0, 0, 10 + 1e-4f * (float) i, 50 } };
        assert_true (fov_mot_eval_add (eval, &truth, 1, results, 100000, NULL));
    }
    assert_true (fov_mot_eval_end (eval, &s, NULL));
    assert_int_equal (s.n_result_ids, 500000);
    assert_int_equal (s.n_fp, 500000);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (hand_made),    cmocka_unit_test (combination),
        cmocka_unit_test (refusals),     cmocka_unit_test (what_changes_nothing),
        cmocka_unit_test (best_matches), cmocka_unit_test (sides_changed),
        cmocka_unit_test (odd_boxes),    cmocka_unit_test (many_boxes),
    };
    return RUN ("track-mot", tests);
}
