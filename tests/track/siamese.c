/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Siamese tracker on a pair of networks made by hand (tinysiamese.h). */
#include "../unit/check.h"

#include "tinysiamese.h"
#include "trackers/siamese.h"
#include "trackers/visual.h"

#define WIDTH 160
#define HEIGHT 120
#define SIDE 16

typedef struct {
    float x, y; /* centre */
    guint8 rgb[3];
} Square;

static const guint8 red[3] = { 220, 40, 40 }, green[3] = { 40, 200, 60 };

/* Squares on grey, in any format. */
static FovImage
picture (FovPixelFormat format, const Square *squares, int n)
{
    FovImage rgb, image;

    assert_true (fov_image_alloc (&rgb, FOV_PIXEL_RGB, WIDTH, HEIGHT, NULL));
    memset (rgb.plane[0], 110, (gsize) rgb.stride[0] * HEIGHT);
    for (int i = 0; i < n; i++)
        for (int y = (int) squares[i].y - SIDE / 2; y < (int) squares[i].y + SIDE / 2; y++)
            for (int x = (int) squares[i].x - SIDE / 2; x < (int) squares[i].x + SIDE / 2; x++)
                if (x >= 0 && y >= 0 && x < WIDTH && y < HEIGHT)
                    memcpy (rgb.plane[0] + y * rgb.stride[0] + 3 * x, squares[i].rgb, 3);
    assert_true (fov_image_alloc (&image, format, WIDTH, HEIGHT, NULL));
    assert_true (fov_image_convert (&rgb, &image, NULL));
    g_free (rgb.plane[0]);
    return image;
}

static FovBox
box_at (float x, float y)
{
    return (FovBox){ x - SIDE / 2, y - SIDE / 2, x + SIDE / 2, y + SIDE / 2 };
}

static Square
square (float x, float y, const guint8 rgb[3])
{
    return (Square){ x, y, { rgb[0], rgb[1], rgb[2] } };
}

/* NULL where the machine has no such device. */
static FovSiamese *
tracker (const char *spec, gboolean batched)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (spec, &error);
    g_autoptr (FovModel) backbone = tiny_backbone ();
    g_autoptr (FovModel) head = tiny_head (!batched, 8);
    FovSiameseNet *net;

    if (!device && g_str_has_prefix (spec, "vulkan"))
        return NULL;
    assert_fov_ok (device != NULL, error);
    net = fov_siamese_net_new (device, backbone, head, &error);
    assert_fov_ok (net != NULL, error);
    return fov_siamese_new (net);
}

static gpointer
add (FovSiamese *s, const FovImage *image, FovBox box)
{
    g_autoptr (GError) error = NULL;
    gpointer target = fov_visual_siamese.add (s, image, box, &error);

    assert_fov_ok (target != NULL, error);
    return target;
}

static FovVisualFound
locate (FovSiamese *s, const FovImage *image, gpointer target, FovBox expected, float widen)
{
    FovVisualQuery query = { 1, expected, widen };
    FovVisualFound found = { .score = 0 };
    g_autoptr (GError) error = NULL;

    assert_fov_ok (fov_visual_siamese.locate (s, image, &target, &query, 1, &found, &error), error);
    return found;
}

static void
assert_at (const char *what, const FovVisualFound *found, FovBox box, float iou)
{
    if (fov_box_iou (found->box, box) < iou)
        fail_msg ("%s: found %g,%g to %g,%g (score %g), expected %g,%g to %g,%g", what,
                  found->box.x1, found->box.y1, found->box.x2, found->box.y2, found->score, box.x1,
                  box.y1, box.x2, box.y2);
}

/* ---- what is found ---------------------------------------------------- */

static void
test_shape (void **state)
{
    FovSiamese *s = tracker ("cpu:1", TRUE);

    assert_int_equal (s->shape.search_size, TINY_CROP);
    assert_int_equal (s->shape.template_size, TINY_CROP / 2); /* 31 would make 7 cells */
    assert_int_equal (s->shape.template_cells, TINY_TEMPLATE_CELLS);
    assert_int_equal (s->shape.map, TINY_CELLS);
    assert_int_equal (s->shape.stride, 4);
    fov_visual_siamese.destroy (s);
}

/* In every pixel format, inside and over the picture's edges. */
static void
test_moves (void **state)
{
    static const struct {
        const char *name;
        float x, y, to_x, to_y;
    } cases[] = {
        { "still", 80, 60, 80, 60 }, { "right", 80, 60, 88, 60 },  { "up left", 80, 60, 71, 53 },
        { "corner", 10, 9, 6, 8 },   { "edge", 150, 70, 155, 74 }, { "bottom", 40, 108, 44, 112 },
    };
    FovSiamese *s = tracker ("cpu:1", TRUE);

    for (FovPixelFormat format = 0; format < FOV_PIXEL_N_FORMATS; format++)
        for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
            const guint8 white[3] = { 240, 240, 240 };
            const guint8 *colour = format == FOV_PIXEL_GRAY ? white : red;
            Square before = square (cases[i].x, cases[i].y, colour);
            Square after = square (cases[i].to_x, cases[i].to_y, colour);
            FovImage first = picture (format, &before, 1), next = picture (format, &after, 1);
            gpointer target = add (s, &first, box_at (cases[i].x, cases[i].y));
            FovVisualFound found = locate (s, &next, target, box_at (cases[i].x, cases[i].y), 1);
            assert_at (cases[i].name, &found, box_at (cases[i].to_x, cases[i].to_y), 0.55f);
            assert_true (found.score > 0.7f);
            assert_true (found.psr > 3 && found.apce > 3);
            fov_visual_siamese.remove (s, target);
            g_free (first.plane[0]);
            g_free (next.plane[0]);
        }
    fov_visual_siamese.destroy (s);
}

/* The head sees a square where a flat box was expected: sizes go there, but not all the way. */
static void
test_size (void **state)
{
    FovSiamese *s = tracker ("cpu:1", TRUE);
    Square there = square (80, 60, red);
    FovImage image = picture (FOV_PIXEL_RGB, &there, 1);
    gpointer target = add (s, &image, box_at (80, 60));
    const FovBox flat = { 80 - SIDE, 60 - SIDE / 4, 80 + SIDE, 60 + SIDE / 4 };
    FovBox box = locate (s, &image, target, flat, 1).box;

    assert_true (box.x2 - box.x1 < 1.95f * SIDE && box.x2 - box.x1 > 1.2f * SIDE);
    assert_true (box.y2 - box.y1 > 0.55f * SIDE && box.y2 - box.y1 < 0.9f * SIDE);
    fov_visual_siamese.remove (s, target);
    g_free (image.plane[0]);
    fov_visual_siamese.destroy (s);
}

/* What is half as like the target as it usually is scores less, and no more for being very like. */
static void
test_usual (void **state)
{
    FovSiamese *s = tracker ("cpu:1", TRUE);
    Square there = square (80, 60, red);
    FovImage image = picture (FOV_PIXEL_RGB, &there, 1);
    FovSiameseTarget *target = add (s, &image, box_at (80, 60));
    float scores[3];

    for (int i = 0; i < 3; i++) {
        target->usual = (float[]){ 1, 2, 0.5f }[i];
        scores[i] = locate (s, &image, target, box_at (80, 60), 1).score;
    }
    assert_true (scores[1] < 0.9f * scores[0] && scores[1] > 0);
    assert_float_equal (scores[2], scores[0], 0.05);
    fov_visual_siamese.remove (s, target);
    g_free (image.plane[0]);
    fov_visual_siamese.destroy (s);
}

/* Hidden, the target's score falls; the follower's judgement lives on that. */
static void
test_hidden (void **state)
{
    FovSiamese *s = tracker ("cpu:1", TRUE);
    Square target_square = square (80, 60, red), other = square (80, 60, green);
    FovImage first = picture (FOV_PIXEL_NV12, &target_square, 1);
    FovImage hidden = picture (FOV_PIXEL_NV12, &other, 1), none = picture (FOV_PIXEL_NV12, NULL, 0);
    gpointer target = add (s, &first, box_at (80, 60));
    float seen = locate (s, &first, target, box_at (80, 60), 1).score;

    assert_true (seen > 0.9f);
    assert_true (locate (s, &hidden, target, box_at (80, 60), 1).score < 0.5f * seen);
    assert_true (locate (s, &none, target, box_at (80, 60), 1).score < 0.5f * seen);
    fov_visual_siamese.remove (s, target);
    g_free (first.plane[0]);
    g_free (hidden.plane[0]);
    g_free (none.plane[0]);
    fov_visual_siamese.destroy (s);
}

/* Of two that the head likes, the one that looks like the target; the other is reported too. */
static void
test_distractor (void **state)
{
    static const guint8 dark[3] = { 180, 40, 40 };
    const Square two[] = { square (68, 60, dark), square (96, 60, red) };
    FovSiamese *s = tracker ("cpu:1", TRUE);
    FovImage first = picture (FOV_PIXEL_RGB, &two[1], 1), next = picture (FOV_PIXEL_RGB, two, 2);
    gpointer target = add (s, &first, box_at (96, 60));
    FovVisualFound found = locate (s, &next, target, box_at (77, 60), 1);

    assert_at ("target", &found, box_at (96, 60), 0.55f);
    assert_true (found.second > 0.2f && found.second < 0.95f);
    assert_true (fov_box_iou (found.second_box, box_at (68, 60)) > 0.5f);
    fov_visual_siamese.remove (s, target);
    g_free (first.plane[0]);
    g_free (next.plane[0]);
    fov_visual_siamese.destroy (s);
}

/* A wide search comes by every neighbour within a few calls. */
static void
test_wide (void **state)
{
    FovSiamese *s = tracker ("cpu:1", TRUE);
    Square before = square (30, 30, red), after = square (100, 60, red);
    FovImage first = picture (FOV_PIXEL_BGRX, &before, 1);
    FovImage next = picture (FOV_PIXEL_BGRX, &after, 1);
    gpointer target = add (s, &first, box_at (30, 30));
    FovVisualFound found = { .score = 0 };

    assert_true (locate (s, &next, target, box_at (30, 30), 1).score < 0.5f);
    for (int i = 0; i < 8 && found.score < 0.7f; i++)
        found = locate (s, &next, target, box_at (30, 30), 3);
    assert_at ("far away", &found, box_at (100, 60), 0.55f);
    fov_visual_siamese.remove (s, target);
    g_free (first.plane[0]);
    g_free (next.plane[0]);
    fov_visual_siamese.destroy (s);
}

/* A target that changes its colour step by step is kept by learning, and lost without. */
static void
test_learning (void **state)
{
    FovSiamese *s = tracker ("cpu:1", TRUE);
    Square now = square (80, 60, red);
    FovImage image = picture (FOV_PIXEL_RGB, &now, 1);
    gpointer learning = add (s, &image, box_at (80, 60)),
             keeping = add (s, &image, box_at (80, 60));
    FovVisualFound found = { .score = 0 };

    for (int i = 1; i <= 40; i++) {
        g_free (image.plane[0]);
        for (int c = 0; c < 3; c++)
            now.rgb[c] = (guint8) (red[c] + (green[c] - red[c]) * i / 80);
        image = picture (FOV_PIXEL_RGB, &now, 1);
        assert_true (fov_visual_siamese.learn (s, &image, learning, box_at (80, 60), NULL));
    }
    found = locate (s, &image, learning, box_at (80, 60), 1);
    assert_true (found.score > 0.65f);
    assert_true (found.score > locate (s, &image, keeping, box_at (80, 60), 1).score + 0.3f);
    fov_visual_siamese.remove (s, learning);
    fov_visual_siamese.remove (s, keeping);
    g_free (image.plane[0]);
    fov_visual_siamese.destroy (s);
}

/* A head that answers nonsense finds nothing, and nothing breaks. */
static void
test_nonsense (void **state)
{
    const float reaches[] = { NAN, INFINITY, 1e30f, -1e30f };
    Square now = square (80, 60, red);
    FovImage image = picture (FOV_PIXEL_RGB, &now, 1);

    for (guint i = 0; i < G_N_ELEMENTS (reaches); i++) {
        g_autoptr (FovModel) backbone = tiny_backbone ();
        g_autoptr (FovModel) head = tiny_head (FALSE, reaches[i]);
        FovSiamese *s = fov_siamese_new (fov_siamese_net_new (NULL, backbone, head, NULL));
        gpointer target = add (s, &image, box_at (80, 60));
        FovVisualFound found = locate (s, &image, target, box_at (82, 60), 2);
        assert_float_equal (found.score, 0, 0);
        assert_float_equal (found.box.x1, box_at (82, 60).x1, 0);
        fov_visual_siamese.remove (s, target);
        fov_visual_siamese.destroy (s);
    }
    g_free (image.plane[0]);
}

/* ---- many targets ----------------------------------------------------- */

#define MANY 11

static void
check_many (const char *spec, gboolean batched)
{
    FovSiamese *s = tracker (spec, batched), *single = tracker ("cpu:1", FALSE);
    gpointer targets[MANY], alone[MANY];
    FovVisualFound found[MANY] = { { .score = 0 } };
    FovVisualQuery queries[MANY];
    g_autoptr (GError) error = NULL;
    Square squares[MANY];

    if (!s) {
        fov_visual_siamese.destroy (single);
        skip ();
    }
    for (int i = 0; i < MANY; i++)
        squares[i] =
            (Square){ (float) (14 + 36 * (i % 4)),
                      (float) (18 + 34 * (i / 4)),
                      { (guint8) (20 * i), (guint8) (250 - 20 * i), (guint8) (i % 2 * 200) } };
    FovImage image = picture (FOV_PIXEL_I420, squares, MANY);
    for (int i = 0; i < MANY; i++) {
        FovBox box = box_at (squares[i].x, squares[i].y);
        targets[i] = add (s, &image, box);
        alone[i] = add (single, &image, box);
        queries[i] =
            (FovVisualQuery){ 1, box_at (squares[i].x + 3, squares[i].y - 2), i % 3 ? 1 : 2 };
    }
    assert_fov_ok (fov_visual_siamese.locate (s, &image, targets, queries, MANY, found, &error),
                   error);
    for (int i = 0; i < MANY; i++) {
        FovVisualFound want =
            locate (single, &image, alone[i], queries[i].expected, queries[i].widen);
        assert_at (spec, &found[i], box_at (squares[i].x, squares[i].y), 0.55f);
        assert_float_equal (found[i].box.x1, want.box.x1, 0.01);
        assert_float_equal (found[i].score, want.score, 1e-3);
        fov_visual_siamese.remove (s, targets[i]);
        fov_visual_siamese.remove (single, alone[i]);
    }
    g_free (image.plane[0]);
    fov_visual_siamese.destroy (s);
    fov_visual_siamese.destroy (single);
}

static void
test_many_host (void **state)
{
    check_many ("cpu:2", TRUE);
}

static void
test_many_vulkan (void **state)
{
    check_many ("vulkan", TRUE);
}

static void
test_many_unbatched (void **state)
{
    check_many ("vulkan", FALSE);
}

/* ---- errors ----------------------------------------------------------- */

/* Models of one convolution or none, of any shapes. */
static FovModel *
other_model (const char *path, const FovShape *inputs, int n_inputs, const FovShape *outputs,
             int n_outputs)
{
    static const char *const names[] = { "first", "second", "third" };
    Build b = { .graph = fov_graph_new () };
    FovTensor *in[3];

    for (int i = 0; i < n_inputs; i++)
        in[i] = tiny_input (&b, names[i], inputs[i]);
    for (int i = 0; i < n_outputs; i++) {
        FovTensor *made =
            reshape (&b, in[MIN (i, n_inputs - 1)], outputs[i].dim, (guint) outputs[i].rank);
        g_autofree char *name = g_strdup_printf ("made-%s", names[i]);
        fov_graph_rename (b.graph, made, name);
        fov_graph_add_output (b.graph, made);
    }
    return fov_model_new_from_graph (b.graph, path, "ONNX opset 17", NULL);
}

static void
test_errors (void **state)
{
    const FovShape crop = { 4, { 1, 3, 64, 64 } }, gray = { 4, { 1, 1, 64, 64 } };
    const FovShape oblong = { 4, { 1, 3, 64, 32 } }, flat = { 2, { 1, 12288 } };
    const FovShape map = { 4, { 1, 12, 32, 32 } }, wide = { 4, { 1, 6, 32, 64 } };
    const FovShape search = { 4, { 1, 4, 16, 16 } }, other = { 4, { 1, 4, 8, 8 } };
    const FovShape five = { 4, { 1, 5, 8, 8 } }, tiny = { 4, { 1, 4, 3, 3 } };
    const struct {
        FovModel *backbone, *head;
        const char *text[2];
    } cases[] = {
        { other_model ("b.onnx", &gray, 1, &gray, 1),
          tiny_head (FALSE, 8),
          { "b.onnx: input 'first' is float32 1x1x64x64", "1x3xSxS" } },
        { other_model ("b.onnx", &oblong, 1, &oblong, 1),
          tiny_head (FALSE, 8),
          { "b.onnx: input 'first' is float32 1x3x64x32", "a square crop" } },
        { other_model ("b.onnx", (FovShape[]){ crop, crop }, 2, &crop, 1),
          tiny_head (FALSE, 8),
          { "b.onnx: 2 inputs and 1 outputs", "one crop in" } },
        { other_model ("b.onnx", &crop, 1, &flat, 1),
          tiny_head (FALSE, 8),
          { "b.onnx: output 'made-first' is float32 1x12288", "1xCxNxN" } },
        { other_model ("b.onnx", &crop, 1, &wide, 1),
          tiny_head (FALSE, 8),
          { "b.onnx: output 'made-first' is float32 1x6x32x64", "1xCxNxN" } },
        { other_model ("b.onnx", &crop, 1, &map, 1),
          tiny_head (FALSE, 8),
          { "head.onnx: input 'template' is float32 1x4x8x8", "1x12xNxN with N 2..31" } },
        { tiny_backbone (),
          tiny_backbone (),
          { "backbone.onnx: 1 inputs and 1 outputs", "a head" } },
        { tiny_backbone (),
          other_model ("h.onnx", (FovShape[]){ five, search }, 2, (FovShape[]){ five, search }, 2),
          { "h.onnx: input 'first' is float32 1x5x8x8",
            "a template's features, float32 1x4xNxN" } },
        { tiny_backbone (),
          other_model ("h.onnx", (FovShape[]){ other, other }, 2, (FovShape[]){ other, other }, 2),
          { "h.onnx: input 'second' is float32 1x4x8x8", "float32 1x4x16x16" } },
        { tiny_backbone (),
          other_model ("h.onnx", (FovShape[]){ tiny, search }, 2, (FovShape[]){ tiny, search }, 2),
          { "h.onnx: the head's template is 3 cells", "about half the search crop's 64 pixels" } },
        { tiny_backbone (),
          other_model ("h.onnx", (FovShape[]){ other, search }, 2, (FovShape[]){ other, search },
                       2),
          { "h.onnx: output 'made-first' is float32 1x4x8x8", "1x2xMxM" } },
    };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        assert_null (fov_siamese_net_new (NULL, cases[i].backbone, cases[i].head, &error));
        assert_non_null (error);
        for (int k = 0; k < 2; k++)
            if (!strstr (error->message, cases[i].text[k]))
                fail_msg ("case %u: \"%s\" lacks \"%s\"", i, error->message, cases[i].text[k]);
        fov_model_unref (cases[i].backbone);
        fov_model_unref (cases[i].head);
    }
}

static void
test_missing_models (void **state)
{
    g_autoptr (GError) error = NULL;

    assert_null (fov_visual_new ("siamese", NULL, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "the backbone is missing");
    assert_null (
        fov_visual_new ("siamese", &(FovVisualParams){ .backbone = "no-such.onnx" }, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "the head is missing");
    assert_null (
        fov_visual_new ("siamese",
                        &(FovVisualParams){ .backbone = "no-such.onnx", .head = "no-such.onnx" },
                        &error));
    assert_fov_error (&error, FOV_ERROR_IO, "no-such.onnx");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_shape),       cmocka_unit_test (test_moves),
        cmocka_unit_test (test_size),        cmocka_unit_test (test_usual),
        cmocka_unit_test (test_hidden),      cmocka_unit_test (test_distractor),
        cmocka_unit_test (test_wide),        cmocka_unit_test (test_learning),
        cmocka_unit_test (test_nonsense),    cmocka_unit_test (test_many_host),
        cmocka_unit_test (test_many_vulkan), cmocka_unit_test (test_many_unbatched),
        cmocka_unit_test (test_errors),      cmocka_unit_test (test_missing_models),
    };
    return RUN ("track-siamese", tests);
}
