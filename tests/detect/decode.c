/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Decode and fov.Nms: boxes are encoded by hand into heads of every coding and
 * layout, and must come out again on every executor.
 */
#include "common.h"

#include "detect/family.h"

#define NET_W 104 /* odd grids: 13 x 9 and 7 x 5 */
#define NET_H 72
#define CLASSES 5
#define BINS 8
#define QUIET -8.0f

typedef enum { ROWS, TURNED, PLANES } Arrangement;

typedef struct {
    const char *name;
    FovBoxCoding coding;
    Arrangement arrangement;
    FovScoreCoding score, object;
    gboolean has_object, background, swap_xy;
    float score_power, object_power;
} Case;

static const Case cases[] = {
    { "corners, rows", FOV_BOX_CORNERS, ROWS, FOV_SCORE_DONE },
    { "corners, y first", FOV_BOX_CORNERS, ROWS, FOV_SCORE_SOFTMAX, 0, FALSE, TRUE, TRUE },
    { "centre, turned", FOV_BOX_CENTER, TURNED, FOV_SCORE_DONE },
    { "centre, turned logits", FOV_BOX_CENTER, TURNED, FOV_SCORE_SIGMOID },
    { "centre, object", FOV_BOX_CENTER, ROWS, FOV_SCORE_SIGMOID, FOV_SCORE_SIGMOID, TRUE },
    { "grid exp", FOV_BOX_GRID_EXP, ROWS, FOV_SCORE_DONE, FOV_SCORE_DONE, TRUE },
    { "grid exp, planes", FOV_BOX_GRID_EXP, PLANES, FOV_SCORE_SIGMOID, FOV_SCORE_SIGMOID, TRUE },
    { "distance, rows", FOV_BOX_DISTANCE, ROWS, FOV_SCORE_DONE },
    { "distance, planes", FOV_BOX_DISTANCE, PLANES, FOV_SCORE_SIGMOID },
    { "tanh, powers", FOV_BOX_TANH, PLANES, FOV_SCORE_SOFTMAX, FOV_SCORE_SIGMOID, TRUE, FALSE,
      FALSE, 0.4f, 0.6f },
    { "anchors, exp", FOV_BOX_ANCHOR_EXP, PLANES, FOV_SCORE_SIGMOID, FOV_SCORE_SIGMOID, TRUE },
    { "anchors, square", FOV_BOX_ANCHOR_SQUARE, ROWS, FOV_SCORE_SIGMOID, FOV_SCORE_SIGMOID, TRUE },
    { "priors", FOV_BOX_PRIOR, ROWS, FOV_SCORE_SIGMOID, 0, FALSE, TRUE, TRUE },
};

/* What is hidden in the heads. */
typedef struct {
    int level, cell, label;
    float score;
    FovBox box;
} Planted;

static const Planted planted[] = {
    { 0, 5 * 13 + 4, 2, 0.9f, { 20, 30, 50, 56 } },
    { 0, 0, 0, 0.4f, { 1, 1.5f, 9, 12 } },
    { 1, 2 * 7 + 5, 4, 0.8f, { 70, 20, 100, 60 } },
    { 1, 34, 4, 0.6f, { 80, 50, 103, 71 } },
};

typedef struct {
    const Case *c;
    FovMatch match;
    FovGraph *graph;
    float *data[2]; /* of each level; negated: the graph turns them again */
    gsize floats[2];
    int components, anchors[2];
    float *priors;
    int max_candidates;
} Bench;

static int
box_numbers (const Case *c)
{
    return c->coding == FOV_BOX_DISTANCE ? 4 * BINS : 4;
}

static float *
at (Bench *b, int level, int cell, int component)
{
    gsize i = b->c->arrangement == ROWS
                  ? (gsize) cell * (gsize) b->components + (gsize) component
                  : (gsize) component * (gsize) b->anchors[level] + (gsize) cell;
    return &b->data[level][i];
}

static double
logit (double p)
{
    return log (p / (1 - p));
}

static double
axis_of (FovBox box, int axis, gboolean high)
{
    return axis ? (high ? box.y2 : box.y1) : (high ? box.x2 : box.x1);
}

/* The two numbers of one axis. */
static void
encode_axis (Bench *b, const Planted *p, int axis, double *t, double *s)
{
    const FovLevel *l = &b->match.heads.level[p->level];
    double low = axis_of (p->box, axis, FALSE), high = axis_of (p->box, axis, TRUE);
    double center = (low + high) / 2, size = high - low, step = axis ? l->step_y : l->step_x;
    double g = axis ? p->cell / l->grid_w : p->cell % l->grid_w;
    double prior = axis ? l->prior_h[0] : l->prior_w[0];
    const float *q = b->priors ? b->priors + 4 * p->cell : NULL;

    switch (b->c->coding) {
    case FOV_BOX_CORNERS:
        *t = low / step, *s = high / step;
        break;
    case FOV_BOX_CENTER:
        *t = center / step, *s = size / step;
        break;
    case FOV_BOX_GRID_EXP:
        *t = center / step - g, *s = log (size / step);
        break;
    case FOV_BOX_TANH:
        *t = atanh (center / step - g), *s = logit (size / (axis ? NET_H : NET_W));
        break;
    case FOV_BOX_ANCHOR_EXP:
        *t = logit (center / step - g), *s = log (size / prior);
        break;
    case FOV_BOX_ANCHOR_SQUARE:
        *t = logit ((center / step - g + 0.5) / 2), *s = logit (sqrt (size / prior) / 2);
        break;
    default:
        *t = (center / step - q[axis]) / q[2 + axis] / 0.1;
        *s = log (size / step / q[2 + axis]) / 0.2;
    }
}

/* A distance between two bins is the mean of a distribution over both. */
static void
encode_distance (Bench *b, const Planted *p, int side, double d)
{
    int low = (int) d;

    for (int k = 0; k < BINS; k++) {
        double share = k == low ? 1 - (d - low) : k == low + 1 ? d - low : 0;
        *at (b, p->level, p->cell, side * BINS + k) = (float) log (share + 1e-12);
    }
}

/* Where coding bounds the centre to its cell, the box moves there. */
static Planted
fitted (const Bench *b, Planted p)
{
    const FovLevel *l = &b->match.heads.level[p.level];
    float w = p.box.x2 - p.box.x1, h = p.box.y2 - p.box.y1;
    float cx = ((float) (p.cell % l->grid_w) + 0.6f) * 8 * (float) (1 << p.level);
    float cy = ((float) (p.cell / l->grid_w) + 0.3f) * 8 * (float) (1 << p.level);

    if (b->c->coding == FOV_BOX_DISTANCE) {
        w = MIN (w, 8 * 8 * (float) (1 << p.level));
        h = MIN (h, 8 * 8 * (float) (1 << p.level));
    } else if (b->c->coding != FOV_BOX_TANH && b->c->coding != FOV_BOX_ANCHOR_EXP &&
               b->c->coding != FOV_BOX_ANCHOR_SQUARE) {
        return p;
    }
    p.box = (FovBox){ cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2 };
    return p;
}

static int
first_score (const Case *c)
{
    return box_numbers (c) + (c->has_object ? 1 : 0);
}

static void
plant (Bench *b, const Planted *p)
{
    const Case *c = b->c;
    const FovLevel *l = &b->match.heads.level[p->level];
    double score = p->score;
    int n = CLASSES + c->background, k = first_score (c);

    for (int axis = 0; axis < 2; axis++) {
        int place = c->swap_xy ? 1 - axis : axis;
        double t, s, center = axis ? p->cell / l->grid_w + 0.5 : p->cell % l->grid_w + 0.5;
        if (c->coding == FOV_BOX_DISTANCE) {
            double step = axis ? l->step_y : l->step_x;
            encode_distance (b, p, place, center - axis_of (p->box, axis, FALSE) / step);
            encode_distance (b, p, place + 2, axis_of (p->box, axis, TRUE) / step - center);
            continue;
        }
        encode_axis (b, p, axis, &t, &s);
        *at (b, p->level, p->cell, place) = (float) t;
        *at (b, p->level, p->cell, place + 2) = (float) s;
    }
    if (c->has_object) { /* both factors the same */
        score = pow (score, 1 / (c->score_power > 0 ? c->score_power + c->object_power : 2));
        *at (b, p->level, p->cell, box_numbers (c)) =
            (float) (c->object == FOV_SCORE_SIGMOID ? logit (score) : score);
    }
    for (int i = 0; i < n; i++)
        *at (b, p->level, p->cell, k + i) = c->score == FOV_SCORE_SOFTMAX ? 0
                                            : c->score == FOV_SCORE_DONE  ? 0
                                                                          : QUIET;
    *at (b, p->level, p->cell, k + c->background + p->label) =
        (float) (c->score == FOV_SCORE_DONE      ? score
                 : c->score == FOV_SCORE_SIGMOID ? logit (score)
                                                 : logit (score) + log (n - 1));
}

static FovField
field (const Bench *b, int level, int component)
{
    if (b->c->arrangement == PLANES)
        return fov_plane_field (level + 1, b->components, b->anchors[level], component);
    if (b->c->arrangement == TURNED)
        return fov_matrix_field (level + 1, b->components, b->anchors[level], 0, component, TRUE);
    return fov_matrix_field (level + 1, b->anchors[level], b->components, 0, component, FALSE);
}

static void
describe (Bench *b)
{
    static const FovNet net = { .n = 1, .width = NET_W, .height = NET_H };
    const Case *c = b->c;
    FovHeads *h = &b->match.heads;

    fov_match_levels (&b->match, &net, 8, c->coding == FOV_BOX_PRIOR ? 1 : 2, 1);
    h->n_classes = CLASSES;
    h->background = c->background;
    h->score_coding = (gint32) c->score;
    h->object_coding = (gint32) c->object;
    h->score_power = c->score_power;
    h->object_power = c->object_power;
    h->box_coding = (gint32) c->coding;
    h->swap_xy = c->swap_xy;
    h->n_bins = BINS;
    h->origin = c->coding == FOV_BOX_DISTANCE ? 0.5f : 0;
    h->variance[0] = 0.1f;
    h->variance[1] = 0.2f;
    h->net_w = NET_W;
    h->net_h = NET_H;
    b->components = first_score (c) + CLASSES + c->background;
    for (int l = 0; l < h->n_levels; l++) {
        FovLevel *level = &h->level[l];
        b->anchors[l] = level->grid_w * level->grid_h;
        level->prior_w[0] = 24;
        level->prior_h[0] = 30;
        level->box = field (b, l, 0);
        if (c->has_object)
            level->object = field (b, l, box_numbers (c));
        level->score = field (b, l, first_score (c));
        if (c->coding == FOV_BOX_CORNERS || c->coding == FOV_BOX_CENTER ||
            c->coding == FOV_BOX_PRIOR) {
            level->step_x = c->coding == FOV_BOX_CENTER ? 1 : NET_W;
            level->step_y = c->coding == FOV_BOX_CENTER ? 1 : NET_H;
        }
    }
}

static void
bench_init (Bench *b, const Case *c)
{
    guint32 seed = 3;

    memset (b, 0, sizeof *b);
    b->c = c;
    b->max_candidates = FOV_MAX_CANDIDATES;
    describe (b);
    if (c->coding == FOV_BOX_PRIOR) {
        b->priors = g_new (float, 4 * b->anchors[0]);
        for (int i = 0; i < 4 * b->anchors[0]; i++)
            b->priors[i] = 0.2f + 0.6f * test_random (&seed);
    }
    for (int l = 0; l < b->match.heads.n_levels; l++) {
        b->floats[l] = (gsize) b->anchors[l] * (gsize) b->components;
        b->data[l] = g_new (float, b->floats[l]);
        for (int a = 0; a < b->anchors[l]; a++)
            for (int i = 0; i < b->components; i++) {
                gboolean score = i >= box_numbers (c), bg = c->background && i == first_score (c);
                float quiet = c->score == FOV_SCORE_DONE ? 0.01f : QUIET;
                float v = test_random (&seed);
                *at (b, l, a, i) = bg && c->score == FOV_SCORE_SOFTMAX ? 8.0f
                                   : score                             ? quiet * (1 + 0.1f * v)
                                                                       : v;
            }
    }
}

static void
bench_clear (Bench *b)
{
    for (int l = 0; l < 2; l++)
        g_free (b->data[l]);
    g_free (b->priors);
}

static FovGraph *
make_graph (Bench *b, guint max_detections)
{
    FovShape frame = { 2, { 1, FOV_FRAME_WORDS } };
    FovGraph *graph = fov_graph_new ();
    FovTensor *in[8] = { fov_graph_add_input (graph, "frames", FOV_I32, &frame) };
    guint n = 1;
    FovAttr most = { "max_detections", FOV_ATTR_INT, .i = max_detections };
    FovAttr kept = { "max_candidates", FOV_ATTR_INT, .i = b->max_candidates };
    FovNode *decode, *nms;

    for (int l = 0; l < b->match.heads.n_levels; l++, n++) {
        FovShape shape = { 1, { (gint64) b->floats[l] } };
        FovTensor *t = fov_graph_add_input (graph, "head", FOV_F32, &shape);
        in[n] = fov_graph_add_node (graph, "Neg", "neg", &t, 1, 1, NULL, 0, NULL)->outputs[0];
    }
    if (b->priors) {
        FovShape shape = { 2, { b->anchors[0], 4 } };
        g_autoptr (GBytes) bytes = g_bytes_new (b->priors, (gsize) b->anchors[0] * 16);
        b->match.heads.priors = (gint32) n;
        in[n++] = fov_graph_add_constant (graph, "priors", FOV_F32, &shape, bytes, NULL);
    }
    decode = fov_graph_add_node (graph, "fov.Decode", "decode", in, n, 3, &kept, 1, NULL);
    assert_non_null (decode);
    ((FovDecodeParams *) decode->params)->heads = b->match.heads;
    FovTensor *rest[] = { in[0], decode->outputs[0], decode->outputs[1] };
    nms = fov_graph_add_node (graph, "fov.Nms", "nms", rest, 3, 2, &most, 1, NULL);
    assert_non_null (nms);
    fov_graph_add_output (graph, nms->outputs[0]);
    fov_graph_add_output (graph, nms->outputs[1]);
    return graph;
}

/* Rows of six and their number. */
static int
run (Bench *b, FovDevice *device, float threshold, float iou, guint most, float **rows)
{
    FovFrameInfo frame = { .threshold = threshold, .iou_threshold = iou };
    const void *data[3] = { &frame };
    gsize bytes[3] = { sizeof frame };
    g_autofree float *negative[2] = { NULL, NULL };
    guint n = 1;
    gpointer out[2];
    int count;

    for (int l = 0; l < b->match.heads.n_levels; l++, n++) {
        negative[l] = g_new (float, b->floats[l]);
        for (gsize i = 0; i < b->floats[l]; i++)
            negative[l][i] = -b->data[l][i];
        data[n] = negative[l];
        bytes[n] = b->floats[l] * sizeof (float);
    }
    test_run (device, make_graph (b, most), data, bytes, n, out, 2);
    *rows = out[0];
    count = *(gint32 *) out[1];
    g_free (out[1]);
    return count;
}

static void
check_row (const Case *c, const char *spec, const float *row, const Planted *p)
{
    FovBox box = { row[0], row[1], row[2], row[3] };

    if ((int) row[5] != p->label || fabsf (row[4] - p->score) > 1e-3f ||
        fov_box_iou (box, p->box) < 0.99f)
        fail_msg ("%s on %s: label %g, score %g, box %g %g %g %g; expected %d, %g, %g %g %g %g",
                  c->name, spec, row[5], row[4], box.x1, box.y1, box.x2, box.y2, p->label, p->score,
                  p->box.x1, p->box.y1, p->box.x2, p->box.y2);
}

static void
check_planted (const char *spec)
{
    static const int order[] = { 0, 2, 3, 1 }; /* by score */
    g_autoptr (FovDevice) device = test_device (spec);

    if (!device)
        skip ();
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree float *rows = NULL;
        Planted wanted[4];
        int n_wanted = 0, n;
        Bench b;
        bench_init (&b, &cases[i]);
        for (int k = 0; k < 4; k++) {
            Planted p = planted[order[k]];
            if (p.level >= b.match.heads.n_levels)
                continue;
            wanted[n_wanted] = fitted (&b, p);
            plant (&b, &wanted[n_wanted++]);
        }
        n = run (&b, device, 0.3f, 0.5f, 20, &rows);
        if (n != n_wanted)
            fail_msg ("%s on %s: %d boxes, expected %d", cases[i].name, spec, n, n_wanted);
        for (int k = 0; k < n; k++)
            check_row (&cases[i], spec, rows + 6 * k, &wanted[k]);
        assert_float_equal (rows[6 * n + 4], 0, 0);
        bench_clear (&b);
    }
}

static void
test_planted_reference (void **state)
{
    check_planted ("reference");
}

static void
test_planted_host (void **state)
{
    check_planted ("cpu");
}

static void
test_planted_vulkan (void **state)
{
    check_planted ("vulkan");
}

/* Far more candidates than there is room for, many of the same score: which stay and in what
 * order must be the same everywhere. steps: scores are multiples of 1 / steps. */
static void
check_crowd (const char *spec, const Case *c, int steps, float threshold)
{
    g_autoptr (FovDevice) reference = test_device ("reference");
    g_autoptr (FovDevice) device = test_device (spec);
    g_autofree float *want = NULL, *got = NULL;
    guint32 seed = 11;
    int n, m;
    Bench b;

    if (!device)
        skip ();
    bench_init (&b, c);
    b.max_candidates = 100; /* of 152 anchors and 760 pairs */
    for (int l = 0; l < b.match.heads.n_levels; l++)
        for (int a = 0; a < b.anchors[l]; a++)
            for (int i = first_score (c); i < b.components; i++)
                *at (&b, l, a, i) = ceilf (test_random (&seed) * (float) steps) / (float) steps;
    n = run (&b, reference, threshold, 0.9f, 1000, &want);
    m = run (&b, device, threshold, 0.9f, 1000, &got);
    assert_int_equal (n, m);
    for (int i = 0; i < 6 * n; i++)
        if (fabsf (want[i] - got[i]) > 1e-3f)
            fail_msg ("%s on %s: row %d, number %d is %g, expected %g", c->name, spec, i / 6, i % 6,
                      got[i], want[i]);
    bench_clear (&b);
}

static void
test_crowd_host (void **state)
{
    check_crowd ("cpu", &cases[0], 16, 0.0f);
    check_crowd ("cpu", &cases[2], 1 << 20, 0.2f);
    check_crowd ("cpu", &cases[7], 1, 0.5f);
}

static void
test_crowd_vulkan (void **state)
{
    check_crowd ("vulkan", &cases[0], 16, 0.0f);
    check_crowd ("vulkan", &cases[2], 1 << 20, 0.2f);
    check_crowd ("vulkan", &cases[7], 1, 0.5f);
}

/* Scores and boxes that are no numbers never come out, and never take the others with them. */
static void
check_hostile (const char *spec)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY, 3e38f };
    g_autoptr (FovDevice) device = test_device (spec);
    g_autofree float *rows = NULL;
    Bench b;
    int n;

    bench_init (&b, &cases[6]);
    for (int l = 0; l < 2; l++)
        for (int a = 0; a < b.anchors[l]; a += 3)
            for (int i = 0; i < b.components; i++)
                *at (&b, l, a, i) = bad[(a + i) % 4];
    n = run (&b, device, 0.3f, 0.5f, 300, &rows);
    for (int i = 0; i < n; i++) {
        assert_true (rows[6 * i + 4] > 0 && rows[6 * i + 4] <= 1);
        for (int k = 0; k < 4; k++)
            assert_true (fabsf (rows[6 * i + k]) <= FOV_MAX_COORDINATE);
    }
    bench_clear (&b);
}

static void
test_hostile (void **state)
{
    check_hostile ("reference");
    check_hostile ("cpu");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_planted_reference), cmocka_unit_test (test_planted_host),
        cmocka_unit_test (test_planted_vulkan),    cmocka_unit_test (test_crowd_host),
        cmocka_unit_test (test_crowd_vulkan),      cmocka_unit_test (test_hostile),
    };
    return RUN ("detect-decode", tests);
}
