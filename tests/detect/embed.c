/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The embedder: crops of every format in every batch give what the reference
 * device gives for each alone. The network is small and fixes a batch of one, as
 * published ones do.
 */
#include "common.h"

#include <fovea/embedder.h>

#include "../unit/net.h"
#include "model/model.h"

#define WIDTH 10
#define HEIGHT 14
#define DIM 12
#define MOST 11

static FovModel *
model_of (Build *b, FovTensor *output)
{
    fov_graph_add_output (b->graph, output);
    g_clear_pointer (&b->rand, g_rand_free);
    return fov_model_new_from_graph (b->graph, "made.onnx", "ONNX opset 17", NULL);
}

static FovTensor *
begin (Build *b, FovShape shape)
{
    *b = (Build){ fov_graph_new (), g_rand_new_with_seed (3) };
    FovTensor *x = fov_graph_add_input (b->graph, "picture", FOV_F32, &shape);
    x->shape_known = TRUE;
    return x;
}

static FovModel *
make_model (void)
{
    Build b;
    FovTensor *x = begin (&b, (FovShape){ 4, { 1, 3, HEIGHT, WIDTH } });

    x = unary (&b, "Relu", conv (&b, x, DIM, 3, 2, 1));
    x = unary (&b, "GlobalAveragePool", conv (&b, x, DIM, 3, 1, 1));
    return model_of (&b, reshape (&b, x, (gint64[]){ 1, DIM }, 2));
}

static FovEmbedder *
make_embedder (FovDevice *device, const FovEmbedderParams *params)
{
    g_autoptr (FovModel) model = make_model ();
    g_autoptr (GError) error = NULL;
    FovEmbedder *embedder = fov_embedder_new (device, model, params, &error);
    int w, h;

    assert_fov_ok (embedder != NULL, error);
    fov_embedder_input_size (embedder, &w, &h);
    assert_int_equal (w, WIDTH);
    assert_int_equal (h, HEIGHT);
    assert_int_equal (fov_embedder_dim (embedder), DIM);
    return embedder;
}

/* Inside, over each edge, outside, less than a pixel. */
static const FovBox boxes[MOST] = {
    { 5, 3, 44, 38 },   { 0, 0, 60, 43 },      { 20.5f, 10.25f, 31, 40 }, { -30, -5, 12, 20 },
    { 50, 30, 99, 99 }, { -40, -40, -10, -9 }, { 70, 60, 90, 80 },        { 7, 7, 7.5f, 7.5f },
    { 1, 1, 59, 3 },    { 30, 2, 33, 41 },     { 12, 12, 30, 40 },
};

static void
assert_rows (const char *what, const float *got, const float *want, guint n)
{
    for (guint i = 0; i < n; i++) {
        double norm = 0;
        for (guint k = 0; k < DIM; k++) {
            norm += (double) got[i * DIM + k] * got[i * DIM + k];
            if (fabsf (got[i * DIM + k] - want[i * DIM + k]) > 2e-4f)
                fail_msg ("%s, box %u of %u: value %u is %g, expected %g", what, i, n, k,
                          got[i * DIM + k], want[i * DIM + k]);
        }
        assert_float_equal (norm, 1, 1e-5);
    }
}

static void
check (const char *spec)
{
    g_autoptr (FovDevice) reference = test_device ("reference");
    g_autoptr (FovDevice) device = test_device (spec);
    g_autoptr (GError) error = NULL;

    if (!device)
        skip ();
    g_autoptr (FovEmbedder) single = make_embedder (reference, &(FovEmbedderParams){ 1 });
    g_autoptr (FovEmbedder) many = make_embedder (device, &(FovEmbedderParams){ 4 });
    assert_int_equal (fov_embedder_max_batch (single), 1);
    assert_int_equal (fov_embedder_max_batch (many), 4);
    for (FovPixelFormat format = 0; format < FOV_PIXEL_N_FORMATS; format++) {
        float want[MOST * DIM], got[MOST * DIM];
        FovImage image;
        test_picture (&image, format, 60, 43, 5 + format);
        for (guint i = 0; i < MOST; i++)
            assert_true (fov_embedder_embed (single, &image, &boxes[i], 1, want + i * DIM, &error));
        for (guint n = 0; n <= MOST; n++) {
            memset (got, 0, sizeof got);
            assert_fov_ok (fov_embedder_embed (many, &image, boxes, n, got, &error), error);
            assert_rows (fov_pixel_format_name (format), got, want, n);
        }
        /* what differs looks different */
        assert_true (fabsf (want[0] - want[DIM]) > 1e-4f);
        g_free (image.plane[0]);
    }
}

static void
test_host (void **state)
{
    check ("cpu");
}

static void
test_vulkan (void **state)
{
    check ("vulkan");
}

/* A picture larger than what was planned for is the one thing that may allocate. */
static void
test_no_preparation (void **state)
{
    g_autoptr (FovDevice) device = test_device ("vulkan");
    float out[MOST * DIM];
    FovSessionInfo before, info;
    FovImage image;

    if (!device)
        skip ();
    g_autoptr (FovEmbedder) embedder = make_embedder (device, NULL);
    test_picture (&image, FOV_PIXEL_BGRX, 1920, 1080, 1);
    assert_true (fov_embedder_embed (embedder, &image, boxes, MOST, out, NULL));
    fov_embedder_info (embedder, TRUE, &before);
    for (int i = 0; i < 3; i++)
        assert_true (fov_embedder_embed (embedder, &image, boxes, MOST, out, NULL));
    fov_embedder_info (embedder, TRUE, &info);
    assert_int_equal (info.n_frames, 4);
    assert_int_equal (info.n_prepared, before.n_prepared);
    g_free (image.plane[0]);
}

static FovModel *
map_model (void)
{
    Build b;
    FovTensor *x = begin (&b, (FovShape){ 4, { 1, 3, 16, 16 } });
    x = conv (&b, x, 4, 3, 2, 1);
    fov_graph_rename (b.graph, x, "features");
    return model_of (&b, x);
}

static FovModel *
gray_model (void)
{
    Build b;
    FovTensor *x = begin (&b, (FovShape){ 4, { 1, 1, 16, 16 } });
    return model_of (&b, unary (&b, "GlobalAveragePool", x));
}

/* It mixes the pictures of a batch, so only one at a time goes. */
static FovModel *
single_model (void)
{
    Build b;
    FovTensor *x = begin (&b, (FovShape){ 4, { 1, 3, HEIGHT, WIDTH } });
    x = unary (&b, "GlobalAveragePool", conv (&b, x, DIM, 3, 2, 1));
    x = reshape (&b, x, (gint64[]){ DIM, 1, 1 }, 3);
    return model_of (&b, reshape (&b, x, (gint64[]){ 1, DIM }, 2));
}

static void
test_errors (void **state)
{
    const struct {
        FovModel *model;
        FovEmbedderParams params;
        FovErrorCode code;
        const char *text;
    } cases[] = {
        { map_model (), { 0 }, FOV_ERROR_UNSUPPORTED, "output 'features' is float32 1x4x8x8" },
        { gray_model (), { 0 }, FOV_ERROR_UNSUPPORTED, "input 'picture' is float32 1x1x16x16" },
        { make_model (), { .max_batch = 65 }, FOV_ERROR_ARGUMENT, "expected 1..64" },
        { make_model (), { .width = 64 }, FOV_ERROR_ARGUMENT, "fixes its input to 10" },
        { make_model (), { .height = -1 }, FOV_ERROR_ARGUMENT, "0x-1" },
        { make_model (), { .color_order = "xyz" }, FOV_ERROR_ARGUMENT, "expected rgb or bgr" },
        { make_model (), { .fit = "tight" }, FOV_ERROR_ARGUMENT, "letterbox-center or stretch" },
    };
    g_autoptr (FovDevice) device = test_device ("cpu:1");

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        assert_null (fov_embedder_new (device, cases[i].model, &cases[i].params, &error));
        assert_fov_error (&error, cases[i].code, cases[i].text);
        fov_model_unref (cases[i].model);
    }
}

static void
test_batch_of_one (void **state)
{
    g_autoptr (FovDevice) device = test_device ("cpu:1");
    g_autoptr (FovModel) model = single_model ();
    g_autoptr (GError) error = NULL;
    g_autoptr (FovEmbedder) embedder = fov_embedder_new (device, model, NULL, &error);
    float out[3 * DIM];
    FovImage image;

    assert_fov_ok (embedder != NULL, error);
    assert_int_equal (fov_embedder_max_batch (embedder), 1);
    test_picture (&image, FOV_PIXEL_RGB, 60, 43, 9);
    assert_true (fov_embedder_embed (embedder, &image, boxes, 3, out, &error));
    assert_rows ("one at a time", out, out, 3);
    image.width = 0;
    assert_false (fov_embedder_embed (embedder, &image, boxes, 3, out, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "width");
    g_free (image.plane[0]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_host),           cmocka_unit_test (test_vulkan),
        cmocka_unit_test (test_no_preparation), cmocka_unit_test (test_errors),
        cmocka_unit_test (test_batch_of_one),
    };
    return RUN ("detect-embed", tests);
}
