/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Augmentation: a device against the references, and each change against what it should do. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../unit/check.h"

#include "gpu/gpu.h"
#include "model/session.h"
#include "ops/frame.h"
#include "train/load/scene.h"

enum { W = 37, H = 29, N = 2, OUT = 3 * W * H };

/* ---- running ---------------------------------------------------------------------- */

/* 64 x 48 RGB, and what kernels may read beyond. */
static guint8 picture[64 * 3 * 48 + FOV_AUGMENT_SLACK];
/* repeats: gives the same bytes as the one tested. */
static FovDevice *tested, *repeats, *reference;

static void
make_noise (guint8 *at, gsize n)
{
    FovRandom random = fov_random (3, 0, 0);

    for (gsize i = 0; i < n; i++)
        at[i] = (guint8) fov_random_word (&random);
}

static FovAugmentLayer
whole_picture (void)
{
    return (FovAugmentLayer){ .stride = 64 * 3,
                              .bytes = 3,
                              .x_max = 63,
                              .y_max = 47,
                              .region = { 0, 0, 64, 48 },
                              .h = { 1, 0, 0, 0, 1, 0, 0, 0, 1 },
                              .alpha = 1 };
}

/* A graph of one node; what it gives. */
static float *
run_node (FovDevice *device, const char *op, FovView *in, const FovAttr *attrs, guint n_attrs)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovSession) s = NULL;
    FovGraph *graph = fov_graph_new ();
    FovTensor *t[] = { fov_graph_add_input (graph, "a", in[0].dtype, &in[0].shape),
                       fov_graph_add_input (graph, "b", in[1].dtype, &in[1].shape) };
    FovNode *node = fov_graph_add_node (graph, op, "n", t, 2, 1, attrs, n_attrs, &error);
    FovView out;

    assert_fov_ok (node != NULL, error);
    fov_graph_add_output (graph, node->outputs[0]);
    s = fov_session_new_from_graph (device, graph, NULL, &error);
    assert_fov_ok (s != NULL, error);
    /* Kernels of the device, not references in their place. */
    assert_int_equal (fov_session_plan (s)->n_static, fov_session_plan (s)->n_steps);
    assert_fov_ok (fov_session_run (s, in, &out, &error), error);
    return g_memdup2 (out.data, (gsize) fov_shape_elements (&out.shape) * 4);
}

static float *
run_shape_in (FovDevice *device, const FovAugmentLayer *layers, int width, int height, int channels,
              gboolean nearest)
{
    const FovAttr attrs[] = { { "width", FOV_ATTR_INT, .i = width },
                              { "height", FOV_ATTR_INT, .i = height },
                              { "channels", FOV_ATTR_INT, .i = channels },
                              { "nearest", FOV_ATTR_INT, .i = nearest },
                              { "pad", FOV_ATTR_FLOAT, .f = 114 } };
    FovView in[] = {
        { FOV_U8, { 2, { N, sizeof picture / N } }, picture },
        { FOV_I32, { 3, { N, FOV_AUGMENT_LAYERS, FOV_AUGMENT_LAYER_WORDS } }, (gpointer) layers }
    };

    return run_node (device, "fov.AugmentShape", in, attrs, G_N_ELEMENTS (attrs));
}

static float *
run_shape (FovDevice *device, const FovAugmentLayer *layers)
{
    return run_shape_in (device, layers, W, H, 3, FALSE);
}

static float *
run_color_in (FovDevice *device, const float *pixels, const FovAugmentLook *looks, int width,
              int height, gboolean bgr)
{
    static const float mean[] = { 1, 2, 3 }, scale[] = { 1, 0.5f, 2 };
    const FovAttr attrs[] = { { "bgr", FOV_ATTR_INT, .i = bgr },
                              { "mean", FOV_ATTR_FLOATS, .floats = mean, .n = 3 },
                              { "scale", FOV_ATTR_FLOATS, .floats = scale, .n = 3 } };
    FovView in[] = { { FOV_F32, { 4, { N, 3, height, width } }, (gpointer) pixels },
                     { FOV_I32, { 2, { N, FOV_AUGMENT_LOOK_WORDS } }, (gpointer) looks } };

    return run_node (device, "fov.AugmentColor", in, attrs, bgr ? 3 : 0);
}

static float *
run_color (FovDevice *device, const float *pixels, const FovAugmentLook *looks)
{
    return run_color_in (device, pixels, looks, W, H, FALSE);
}

static void
compare (const char *name, const float *got, const float *want, gsize n, float tolerance)
{
    for (gsize i = 0; i < n; i++)
        if (!(fabsf (got[i] - want[i]) <= tolerance))
            fail_msg ("%s: value %zu is %g, expected %g", name, i, got[i], want[i]);
}

/* ---- the device against the reference -------------------------------------------------- */

static const struct {
    const char *name;
    float h[9], region[4], alpha;
    int bytes;
} shapes[] = {
    { "as it is", { 1, 0, 0, 0, 1, 0, 0, 0, 1 }, { 0, 0, 64, 48 }, 1, 3 },
    { "grey", { 1, 0, 0, 0, 1, 0, 0, 0, 1 }, { 0, 0, 64, 48 }, 1, 1 },
    { "four bytes", { 0.5f, 0, 3, 0, 0.5f, 2, 0, 0, 1 }, { 0, 0, 30, 48 }, 1, 4 },
    { "turned", { 0.8f, -0.6f, 20, 0.6f, 0.8f, 1, 0, 0, 1 }, { 3.3f, 4.7f, 50, 40 }, 1, 3 },
    { "smaller", { 3, 0, -20, 0, 3, -10, 0, 0, 1 }, { 0, 0, 64, 48 }, 0.6f, 3 },
    { "depth", { 1, 0.1f, 3, 0, 1.2f, 2, 0.004f, -0.003f, 1 }, { 0, 0, 64, 48 }, 1, 3 },
    { "fill", { 1, 0, 0, 0, 1, 0, 0, 0, 1 }, { 5, 6, 9.5f, 20 }, 0.5f, 0 },
};

static void
make_layers (guint k, FovAugmentLayer *layers)
{
    memset (layers, 0, N * FOV_AUGMENT_LAYERS * sizeof *layers);
    for (guint n = 0; n < N; n++) { /* in the second picture over the one before */
        FovAugmentLayer *l = &layers[n * FOV_AUGMENT_LAYERS + 1];
        l[0] = whole_picture ();
        l[0].bytes = shapes[k].bytes;
        l[0].x_max = shapes[k].bytes == 4 ? 47 : 63;
        l[0].alpha = shapes[k].alpha;
        memcpy (l[0].h, shapes[k].h, sizeof l->h);
        memcpy (l[0].region, shapes[k].region, sizeof l->region);
        l[0].fill[1] = 200;
        l[-1] = whole_picture ();
        l[-1].alpha = (float) n;
        l[3] = whole_picture (); /* a few pixels in the middle alone */
        memcpy (l[3].region, (float[]){ 11, 9, 17.5f, 14 }, sizeof l->region);
        l[3].alpha = 0.7f * (float) n;
        l[3].h[0] = 1.1f;
    }
}

static const struct {
    int width, height;
} sizes[] = { { W, H }, { 1, 1 }, { 64, 3 }, { 2, 31 } };

/* A source position of some tens of pixels is rounded to 2^-19, a pixel's slope is up to 255. */
static void
check_shape (guint k, guint size, int channels, gboolean nearest)
{
    const int w = sizes[size].width, h = sizes[size].height;
    const gsize n = (gsize) N * channels * w * h;
    FovAugmentLayer layers[N * FOV_AUGMENT_LAYERS];

    make_layers (k, layers);
    g_autofree float *want = run_shape_in (reference, layers, w, h, channels, nearest);
    g_autofree float *got = run_shape_in (tested, layers, w, h, channels, nearest);
    g_autofree float *again = run_shape_in (repeats, layers, w, h, channels, nearest);
    compare (shapes[k].name, got, want, n, 0.01f);
    assert_memory_equal (got, again, n * sizeof (float));
}

static void
test_shape (void **state)
{
    for (guint k = 0; k < G_N_ELEMENTS (shapes); k++)
        for (int channels = 1; channels <= 3; channels += 2)
            for (int nearest = 0; nearest < 2; nearest++)
                check_shape (k, 0, channels, nearest);
    for (guint size = 1; size < G_N_ELEMENTS (sizes); size++)
        check_shape (3, size, 3, FALSE);
}

static const struct {
    const char *name;
    float gamma, light, blur, clip, noise, salt;
    int tiles;
} looks[] = {
    { "plain", 1, 0, 0, 0, 0, 0, 0 },
    { "gamma", 1.7f, 0, 0, 0, 0, 0, 0 },
    { "light", 1, 0.4f, 0, 0, 0, 0, 0 },
    { "blur", 1, 0, 1.3f, 0, 0, 0, 0 },
    { "wide blur", 1, 0, 9, 0, 0, 0, 0 },
    { "equalised", 1, 0, 0, 0, 0, 0, 1 },
    { "clahe", 1, 0, 0, 3, 0, 0, 8 },
    { "two tiles", 1, 0, 0, 1.5f, 0, 0, 2 },
    { "noise", 1, 0, 0, 0, 12, 0, 0 },
    { "salt", 1, 0, 0, 0, 0, 0.1f, 0 },
    { "all", 0.8f, 0.2f, 0.7f, 2, 5, 0.05f, 4 },
};

static FovAugmentLook
make_look (guint k)
{
    FovAugmentLook look = fov_augment_look_plain ();

    look.matrix[0][1] = 0.1f;
    look.matrix[2][3] = -9;
    look.gamma = looks[k].gamma;
    look.light[1] = looks[k].light;
    look.light[2] = -looks[k].light;
    look.blur = looks[k].blur;
    look.clip = looks[k].clip;
    look.tiles = looks[k].tiles;
    look.noise = looks[k].noise;
    look.salt = looks[k].salt;
    look.key[0] = 7;
    return look;
}

static float *
noise_pixels (int n)
{
    float *pixels = g_new (float, n);
    FovRandom random = fov_random (5, 0, 0);

    for (int i = 0; i < n; i++)
        pixels[i] = (float) fov_random_range (&random, 20, 250);
    return pixels;
}

static void
check_color (guint k, guint size, gboolean bgr)
{
    const int w = sizes[size].width, h = sizes[size].height, n = N * 3 * w * h;
    const FovAugmentLook two[N] = { fov_augment_look_plain (), make_look (k) };
    g_autofree float *pixels = noise_pixels (n);
    g_autofree float *want = run_color_in (reference, pixels, two, w, h, bgr);
    g_autofree float *got = run_color_in (tested, pixels, two, w, h, bgr);
    g_autofree float *again = run_color_in (repeats, pixels, two, w, h, bgr);

    compare (looks[k].name, got, want, (gsize) n, 0.02f);
    assert_memory_equal (got, again, (gsize) n * sizeof (float));
}

static void
test_color (void **state)
{
    for (guint k = 0; k < G_N_ELEMENTS (looks); k++)
        for (int bgr = 0; bgr < 2; bgr++)
            check_color (k, 0, bgr);
    for (guint size = 1; size < G_N_ELEMENTS (sizes); size++)
        check_color (G_N_ELEMENTS (looks) - 1, size, FALSE);
}

/* The random numbers themselves are the reference's, bit for bit. */
static void
test_random (void **state)
{
    FovAugmentLook noise = fov_augment_look_plain (), salt = noise;
    g_autofree float *pixels = noise_pixels (N * OUT);
    const double step = 16 / 295.6032701; /* of a sum of bytes */

    memset (noise.matrix, 0, sizeof noise.matrix);
    for (int c = 0; c < 3; c++)
        noise.matrix[c][3] = 128;
    noise.noise = 16;
    noise.key[1] = 77;
    salt.salt = 0.37f;
    const FovAugmentLook two[N] = { noise, salt };
    g_autofree float *want = run_color (reference, pixels, two);
    g_autofree float *got = run_color (tested, pixels, two);
    for (int i = 0; i < OUT; i++)
        assert_int_equal (lrint ((double) got[i] / step), lrint ((double) want[i] / step));
    for (int i = OUT; i < N * OUT; i++) /* nothing between black or white and what was there */
        assert_float_equal (got[i], want[i], 1e-4);
}

/* ---- what each change does to pixels --------------------------------------------------- */

static float
value (const float *out, int c, int x, int y)
{
    return out[(c * H + y) * W + x];
}

static void
test_identity (void **state)
{
    FovAugmentLayer layers[N * FOV_AUGMENT_LAYERS] = { 0 };
    layers[0] = whole_picture ();
    g_autofree float *out = run_shape (tested, layers);

    for (int c = 0; c < 3; c++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++)
                assert_float_equal (value (out, c, x, y), picture[(y * 64 + x) * 3 + c], 0);
    for (int i = OUT; i < 2 * OUT; i++) /* no layer at all */
        assert_float_equal (out[i], 114, 0);
}

/* A pixel goes where its warp says, and nowhere else. */
static void
test_moved (void **state)
{
    const FovWarp turn = { { 0, -1, 30, 1, 0, 2, 0, 0, 1 } }; /* a quarter, then a shift */
    FovAugmentLayer layers[N * FOV_AUGMENT_LAYERS] = { 0 };
    double x, y;
    FovWarp back;

    memset (picture, 0, sizeof picture);
    picture[(11 * 64 + 20) * 3 + 1] = 255;
    assert_true (fov_warp_inverse (&turn, &back));
    layers[0] = whole_picture ();
    for (int i = 0; i < 9; i++)
        layers[0].h[i] = (float) back.m[i];
    g_autofree float *out = run_shape (tested, layers);
    assert_true (fov_warp_point (&turn, 20.5, 11.5, &x, &y));
    assert_float_equal (x, 18.5, 1e-12);
    assert_float_equal (y, 22.5, 1e-12);
    for (int j = 0; j < H; j++)
        for (int i = 0; i < W; i++) {
            const float pad = i >= 30 || j < 2 ? 114 : 0;
            assert_float_equal (value (out, 1, i, j), i == 18 && j == 22 ? 255 : pad, 1e-3);
        }
    make_noise (picture, sizeof picture);
}

static void
look_at (FovAugmentLook look, float *out)
{
    g_autofree float *pixels = noise_pixels (N * OUT);
    const FovAugmentLook two[N] = { look, fov_augment_look_plain () };
    g_autofree float *got = run_color (tested, pixels, two);

    memcpy (out, got, OUT * 4);
}

static void
moments (const float *a, const float *b, int n, double *mean, double *deviation)
{
    double sum = 0, squares = 0;

    for (int i = 0; i < n; i++) {
        sum += (double) (a[i] - b[i]);
        squares += (double) (a[i] - b[i]) * (double) (a[i] - b[i]);
    }
    *mean = sum / n;
    *deviation = sqrt (squares / n - *mean * *mean);
}

static void
test_noise (void **state)
{
    float plain[OUT], noisy[OUT];
    FovAugmentLook look = fov_augment_look_plain ();
    double mean, deviation;
    int dots = 0;

    look_at (look, plain);
    look.noise = 4; /* far from 0 and 255, which would cut it */
    look_at (look, noisy);
    moments (noisy, plain, OUT, &mean, &deviation);
    assert_float_equal (mean, 0, 0.3);
    assert_float_equal (deviation, 4, 0.2);
    look.noise = 0;
    look.salt = 0.1f;
    look_at (look, noisy);
    for (int i = 0; i < W * H; i++)
        dots += noisy[i] == 0 || noisy[i] == 255;
    assert_in_range (dots, W * H * 7 / 100, W * H * 13 / 100);
}

static void
test_blur (void **state)
{
    float plain[OUT], blurred[OUT];
    FovAugmentLook look = fov_augment_look_plain ();
    double mean, before, after;
    const float zeros[OUT] = { 0 };

    look_at (look, plain);
    look.blur = 1;
    look_at (look, blurred);
    moments (plain, zeros, OUT, &mean, &before);
    moments (blurred, zeros, OUT, &mean, &after);
    /* White noise under a Gaussian: its deviation falls to 1 / (2 sqrt (pi) sigma). */
    assert_float_equal (after / before, 1 / (2 * sqrt (G_PI)), 0.03);
}

/* A flat histogram, whatever it was before. */
static void
test_equalise (void **state)
{
    g_autofree float *pixels = g_new (float, N *OUT);
    FovAugmentLook look = fov_augment_look_plain ();
    guint bins[4] = { 0 };

    for (int i = 0; i < N * OUT; i++)
        pixels[i] = 100 + (float) (i % (W * H) * 20) / (W * H); /* grey, of little contrast */
    look.tiles = 1;
    const FovAugmentLook two[N] = { look, look };
    g_autofree float *out = run_color (tested, pixels, two);
    for (int i = 0; i < W * H; i++)
        bins[CLAMP ((int) out[i] / 64, 0, 3)]++;
    for (int b = 0; b < 4; b++)
        assert_in_range (bins[b], W * H * 22 / 100, W * H * 28 / 100);
}

/* ---- warps and boxes --------------------------------------------------------------------- */

static void
test_inverse (void **state)
{
    const FovWarp w = { { 1.2, -0.4, 30, 0.3, 0.9, -12, 0.0007, -0.0004, 1 } };
    FovWarp back;
    double x, y;

    assert_true (fov_warp_inverse (&w, &back));
    for (int i = 0; i < 100; i++) {
        assert_true (fov_warp_point (&w, i * 7, i * 3, &x, &y));
        assert_true (fov_warp_point (&back, x, y, &x, &y));
        assert_float_equal (x, i * 7, 1e-8);
        assert_float_equal (y, i * 3, 1e-8);
    }
    assert_false (fov_warp_inverse (&(FovWarp){ { 1, 2, 3, 2, 4, 6, 0, 0, 1 } }, &back));
}

static void
test_boxes (void **state)
{
    const FovBox all = { 0, 0, 100, 100 };
    const double c = sqrt (0.5);
    const FovWarp same = fov_warp_scale_shift (1, 1, 0, 0),
                  half = fov_warp_scale_shift (1, 1, -10, 0);
    const FovWarp turn = { { c, -c, 50, c, c, 0, 0, 0, 1 } };
    double visible;
    FovBox to;

    assert_true (fov_warp_box (&same, (FovBox){ 10, 20, 30, 40 }, all, 100, 100, &to, &visible));
    assert_float_equal (to.x2, 30, 0);
    assert_float_equal (visible, 1, 1e-9);
    /* Half of it leaves at the left. */
    assert_true (fov_warp_box (&half, (FovBox){ 0, 0, 20, 20 }, all, 100, 100, &to, &visible));
    assert_float_equal (to.x2 - to.x1, 10, 1e-5);
    assert_float_equal (visible, 0.5, 1e-6);
    /* A quarter of it is inside the part that shows. */
    assert_true (fov_warp_box (&same, (FovBox){ 0, 0, 20, 20 }, (FovBox){ 10, 10, 90, 90 }, 100,
                               100, &to, &visible));
    assert_float_equal (visible, 0.25, 1e-6);
    assert_true (fov_warp_box (&same, (FovBox){ 80, 85, 100, 95 }, (FovBox){ 10, 10, 90, 90 }, 100,
                               100, &to, &visible));
    assert_float_equal (visible, 0.25, 1e-6);
    assert_float_equal (to.x2, 90, 0);
    /* The hull of a turned square. */
    assert_true (fov_warp_box (&turn, (FovBox){ 0, 0, 10, 10 }, all, 100, 100, &to, &visible));
    assert_float_equal (to.x2 - to.x1, 20 * c, 1e-4);
    assert_float_equal (to.y2, 20 * c, 1e-4);
    assert_false (fov_warp_box (&same, (FovBox){ 0, 0, 5, 5 }, (FovBox){ 50, 50, 60, 60 }, 100, 100,
                                &to, &visible));
}

/* ---- scenes -------------------------------------------------------------------------------- */

typedef struct {
    FovDataObject objects[3];
    FovSample sample;
    FovImage image;
} Stage;

static void
make_stage (Stage *s)
{
    *s = (Stage){ .objects = { { { 4, 4, 20, 20 }, 0 },
                               { { 30, 10, 60, 40 }, 1 },
                               { { 0, 30, 10, 48 }, -1, TRUE } } };
    s->sample = (FovSample){
        .name = "x", .width = 64, .height = 48, .objects = s->objects, .n_objects = 3
    };
    s->image = (FovImage){ FOV_PIXEL_RGB, 64, 48, { picture }, { 64 * 3 } };
}

static void
place_in (const FovAugment *a, guint64 at, int width, int height, FovSceneResult *result)
{
    const guint order[] = { 0 };
    const FovSceneFrame frame = { a, width, height, FOV_FIT_LETTERBOX_CENTER, 11 };
    const FovScene scene = fov_scene_choose (a, 11, at, order, 1, 0);
    FovScenePicture pictures[FOV_SCENE_PICTURES];
    Stage stage;

    make_stage (&stage);
    for (guint i = 0; i < FOV_SCENE_PICTURES; i++)
        pictures[i] = (FovScenePicture){ &stage.sample, &stage.image };
    fov_scene_place (&scene, &frame, pictures, result);
}

static void
place (const FovAugment *a, guint64 at, FovSceneResult *result)
{
    place_in (a, at, 96, 80, result);
}

static const FovTarget *
target (const FovSceneResult *r, guint i)
{
    return &g_array_index (r->targets, FovTarget, i);
}

/* Without changes: as the detector's own preprocessing fits pictures in. */
static void
test_scene_plain (void **state)
{
    const FovAugment none = { 0 };
    const FovLetterbox map =
        fov_letterbox ((FovBox){ 0, 0, 64, 48 }, 96, 80, FOV_FIT_LETTERBOX_CENTER);
    g_autoptr (GArray) targets = g_array_new (FALSE, FALSE, sizeof (FovTarget));
    FovSceneResult r = { .targets = targets };
    const FovAugmentLook plain = fov_augment_look_plain ();

    place (&none, 0, &r);
    assert_int_equal (targets->len, 3);
    assert_float_equal (target (&r, 0)->x1, 4 * map.scale_x + map.offset_x, 1e-4);
    assert_float_equal (target (&r, 1)->y2, 40 * map.scale_y + map.offset_y, 1e-4);
    assert_float_equal (target (&r, 1)->label, 1, 0);
    assert_float_equal (target (&r, 2)->weight, -1, 0);
    assert_float_equal (r.layers[0].h[0], 1 / map.scale_x, 1e-6);
    assert_float_equal (fabsf (r.look.light[1]) + fabsf (r.look.light[2]), 0, 0);
    r.look.light[1] = r.look.light[2] = 0; /* of either sign */
    r.look.key[0] = r.look.key[1] = 0;
    assert_memory_equal (&r.look, &plain, sizeof plain);
}

/* Without changes a network in training sees what it will see as a detector. */
static void
test_as_preprocess (void **state)
{
    const FovAugment none = { 0 };
    const FovBox all = { 0, 0, 64, 48 };
    const FovLetterbox map = fov_letterbox (all, W, H, FOV_FIT_LETTERBOX_CENTER);
    const FovAttr attrs[] = { { "width", FOV_ATTR_INT, .i = W },
                              { "height", FOV_ATTR_INT, .i = H },
                              { "pad", FOV_ATTR_FLOAT, .f = 114 } };
    g_autoptr (GArray) targets = g_array_new (FALSE, FALSE, sizeof (FovTarget));
    FovAugmentLayer layers[N * FOV_AUGMENT_LAYERS] = { 0 };
    FovSceneResult r = { .targets = targets };
    FovFrameInfo info = { 0 };
    Stage stage;

    make_stage (&stage);
    place_in (&none, 0, W, H, &r);
    layers[0] = r.layers[0];
    layers[0].stride = 64 * 3;
    layers[0].bytes = 3;
    fov_frame_set_picture (&info, &stage.image, all, &map);
    FovView in[] = { { FOV_U8, { 2, { 1, sizeof picture } }, picture },
                     { FOV_I32, { 2, { 1, FOV_FRAME_WORDS } }, &info } };
    g_autofree float *want = run_node (reference, "fov.Preprocess", in, attrs, 3);
    g_autofree float *got = run_shape (tested, layers);
    compare ("fov.Preprocess", got, want, OUT, 0.01f);
}

/* Each object's middle, looked up through its layer, is the object's middle again. */
static void
test_scene_follows (void **state)
{
    const FovAugment a = {
        .flip = 0.5f, .flip_vertical = 0.5f, .translate = 0.1f, .scale = 0.3f, .crop = 0.5f
    };
    g_autoptr (GArray) targets = g_array_new (FALSE, FALSE, sizeof (FovTarget));
    FovSceneResult r = { .targets = targets };
    guint whole = 0;

    for (guint64 at = 0; at < 200; at++) {
        place (&a, at, &r);
        for (guint i = 0; i < targets->len; i++) {
            const FovTarget *t = target (&r, i);
            const float *h = r.layers[0].h;
            const float u = h[0] * (t->x1 + t->x2) / 2 + h[2],
                        v = h[4] * (t->y1 + t->y2) / 2 + h[5];
            const float *region = r.layers[0].region; /* one that was cut lies elsewhere */
            if (region[0] > 30 || region[1] > 10 || region[2] < 60 || region[3] < 40)
                continue;
            if (t->label != 1 || t->weight != 1 || t->x1 <= 0 || t->y1 <= 0 || t->x2 >= 96 ||
                t->y2 >= 80)
                continue;
            assert_float_equal (u, 45, 1e-2);
            assert_float_equal (v, 25, 1e-2);
            whole++;
        }
    }
    assert_true (whole > 50);
}

/* A corner of what layer k shows, in the output. */
static void
corner (const FovSceneResult *r, int k, gboolean right, gboolean bottom, double *x, double *y)
{
    const FovAugmentLayer *l = &r->layers[k];
    FovWarp back, there;

    for (int i = 0; i < 9; i++)
        back.m[i] = (double) l->h[i];
    assert_true (fov_warp_inverse (&back, &there));
    assert_true (fov_warp_point (&there, (double) l->region[right ? 2 : 0],
                                 (double) l->region[bottom ? 3 : 1], x, y));
}

/* What is cut out and flipped still fills the output as a whole picture would. */
static void
test_crop_fills (void **state)
{
    const FovAugment a = { .flip = 0.5f, .flip_vertical = 0.5f, .crop = 1 };
    g_autoptr (GArray) targets = g_array_new (FALSE, FALSE, sizeof (FovTarget));
    FovSceneResult r = { .targets = targets };
    double x[2], y[2];

    for (guint64 at = 0; at < 50; at++) {
        place (&a, at, &r);
        for (int k = 0; k < 2; k++)
            corner (&r, 0, k, k, &x[k], &y[k]);
        const double w = fabs (x[1] - x[0]), h = fabs (y[1] - y[0]);
        assert_true (w > 95 || h > 79);
        /* In the middle, but for rounding to whole pixels. */
        assert_float_equal (x[0] + x[1], 96, 1.01);
        assert_float_equal (y[0] + y[1], 80, 1.01);
    }
}

/* However large and cut, the four meet in one point. */
static void
test_mosaic_meets (void **state)
{
    const FovAugment a = { .mosaic = 1, .scale = 0.5f, .rotate = 20, .perspective = 0.1f };
    g_autoptr (GArray) targets = g_array_new (FALSE, FALSE, sizeof (FovTarget));
    FovSceneResult r = { .targets = targets };
    double x, y, first_x, first_y;

    for (guint64 at = 0; at < 50; at++) {
        place (&a, at, &r);
        corner (&r, 0, TRUE, TRUE, &first_x, &first_y);
        for (int k = 1; k < 4; k++) {
            corner (&r, k, !(k & 1), !(k & 2), &x, &y);
            assert_float_equal (x, first_x, 0.01);
            assert_float_equal (y, first_y, 0.01);
        }
    }
}

static void
test_mosaic (void **state)
{
    const FovAugment a = { .mosaic = 1, .flip = 0.5f };
    g_autoptr (GArray) targets = g_array_new (FALSE, FALSE, sizeof (FovTarget));
    FovSceneResult r = { .targets = targets };

    for (guint64 at = 0; at < 100; at++) {
        place (&a, at, &r);
        assert_int_equal (targets->len, 12);
        for (int k = 0; k < FOV_AUGMENT_LAYERS; k++)
            assert_true ((r.layers[k].alpha > 0) == (k < 4));
    }
}

static void
test_hidden (void **state)
{
    const FovAugment patches = { .cutout = 1, .paste = 1, .visible = 0.9f };
    const FovAugment mixed = { .mixup = 1 };
    g_autoptr (GArray) targets = g_array_new (FALSE, FALSE, sizeof (FovTarget));
    FovSceneResult r = { .targets = targets };
    guint kept = 0;

    for (guint64 at = 0; at < 100; at++) {
        place (&patches, at, &r);
        assert_int_equal (targets->len, 4); /* what is hidden says nothing, as the patch itself */
        assert_float_equal (target (&r, 3)->weight, -1, 0);
        for (guint i = 0; i < 3; i++)
            kept += target (&r, i)->weight > 0;
        assert_int_equal (r.picture[2], -1);
    }
    assert_in_range (kept, 100, 190);
    place (&mixed, 0, &r);
    assert_int_equal (targets->len, 6);
    assert_true (r.layers[1].alpha >= 0.3f && r.layers[1].alpha <= 0.5f);
}

/* ---- words ----------------------------------------------------------------------------------- */

static void
test_parse (void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        { "heavy", "'heavy' in 'heavy': expected none, light or strong" },
        { "rotate=5,light", "expected none, light or strong first" },
        { "light,rotate=181", "rotate is '181', expected 0..180" },
        { "light,rotate=x", "rotate is 'x'" },
        { "light,spin=1", "no augmentation 'spin'" },
    };
    FovAugment a;
    g_autoptr (GError) error = NULL;

    assert_true (fov_augment_parse ("light, rotate = 30 ,flip=0", &a, &error));
    assert_float_equal (a.rotate, 30, 0);
    assert_float_equal (a.flip, 0, 0);
    assert_float_equal (a.translate, 0.1f, 0);
    assert_true (fov_augment_parse ("mosaic=1", &a, &error));
    assert_float_equal (a.translate, 0, 0);
    for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
        assert_false (fov_augment_parse (bad[i].text, &a, &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, bad[i].says);
    }
}

/* The published answers for a counter and key of zeros and of ones (Random123's kat_vectors). */
static void
test_philox (void **state)
{
    const guint32 zeros[4] = { 0 }, ones[4] = { ~0u, ~0u, ~0u, ~0u };
    guint32 out[4];

    fov_philox (zeros, zeros, out);
    assert_int_equal (out[0], 0x6627e8d5);
    assert_int_equal (out[3], 0x9b00dbd8);
    fov_philox (ones, ones, out);
    assert_int_equal (out[0], 0x408f276d);
    assert_int_equal (out[3], 0x6d5451fd);
}

static void
test_validation_silent (void **state)
{
    assert_int_equal (fov_gpu_validation_errors (), 0);
}

/* augment [DEVICE] */
int
main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_shape),
        cmocka_unit_test (test_color),
        cmocka_unit_test (test_random),
        cmocka_unit_test (test_identity),
        cmocka_unit_test (test_moved),
        cmocka_unit_test (test_noise),
        cmocka_unit_test (test_blur),
        cmocka_unit_test (test_equalise),
        cmocka_unit_test (test_as_preprocess),
        cmocka_unit_test (test_validation_silent), /* the last that a device has part in */
        cmocka_unit_test (test_inverse),
        cmocka_unit_test (test_boxes),
        cmocka_unit_test (test_scene_plain),
        cmocka_unit_test (test_scene_follows),
        cmocka_unit_test (test_crop_fills),
        cmocka_unit_test (test_mosaic_meets),
        cmocka_unit_test (test_mosaic),
        cmocka_unit_test (test_hidden),
        cmocka_unit_test (test_parse),
        cmocka_unit_test (test_philox),
    };
    const gsize n = argc > 1 ? 10 : G_N_ELEMENTS (tests);
    g_autoptr (GError) error = NULL;
    int failed;

    tested = fov_device_open (argc > 1 ? argv[1] : "cpu:3", &error);
    if (!tested) {
        printf ("1..0 # SKIP %s\n", error->message);
        return 0;
    }
    repeats = argc > 1 ? fov_device_ref (tested) : fov_device_open ("cpu:1", NULL);
    reference = fov_device_open ("reference", NULL);
    make_noise (picture, sizeof picture);
    failed = _cmocka_run_group_tests ("train-augment", tests, n, NULL, NULL);
    fov_device_unref (reference);
    fov_device_unref (repeats);
    fov_device_unref (tested);
    return failed;
}
