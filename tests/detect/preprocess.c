/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fov.Preprocess: every format and odd size, each executor against the reference. */
#include "common.h"

#include "detect/picture.h"

typedef struct {
    const char *name;
    FovPixelFormat format;
    int width, height;
    FovBox region;
    int net_w, net_h;
    FovFit fit;
    gboolean bgr;
    FovColorMatrix matrix;
    FovColorRange range;
} Case;

static const Case cases[] = {
    { "nv12", FOV_PIXEL_NV12, 64, 48, { 0, 0, 64, 48 }, 32, 32, FOV_FIT_LETTERBOX_CENTER },
    { "nv12 odd",
      FOV_PIXEL_NV12,
      67,
      45,
      { 0, 0, 67, 45 },
      33,
      29,
      FOV_FIT_LETTERBOX_TOPLEFT,
      TRUE,
      FOV_MATRIX_BT709 },
    { "nv12 up", FOV_PIXEL_NV12, 9, 7, { 0, 0, 9, 7 }, 70, 66, FOV_FIT_STRETCH },
    { "i420",
      FOV_PIXEL_I420,
      66,
      44,
      { 0, 0, 66, 44 },
      40,
      24,
      FOV_FIT_STRETCH,
      FALSE,
      FOV_MATRIX_BT601,
      FOV_RANGE_FULL },
    { "i420 odd",
      FOV_PIXEL_I420,
      35,
      31,
      { 0, 0, 35, 31 },
      31,
      17,
      FOV_FIT_LETTERBOX_CENTER,
      TRUE },
    { "rgb", FOV_PIXEL_RGB, 50, 40, { 0, 0, 50, 40 }, 32, 32, FOV_FIT_LETTERBOX_TOPLEFT },
    { "rgb region", FOV_PIXEL_RGB, 51, 41, { 7, 3, 30.5f, 38 }, 36, 20, FOV_FIT_LETTERBOX_CENTER },
    { "bgr wide", FOV_PIXEL_BGR, 301, 3, { 0, 0, 301, 3 }, 64, 64, FOV_FIT_LETTERBOX_CENTER, TRUE },
    { "rgbx", FOV_PIXEL_RGBX, 33, 57, { 0, 0, 33, 57 }, 16, 48, FOV_FIT_STRETCH },
    { "bgrx", FOV_PIXEL_BGRX, 40, 40, { 0, 0, 40, 40 }, 40, 40, FOV_FIT_STRETCH, TRUE },
    { "gray",
      FOV_PIXEL_GRAY,
      47,
      21,
      { 0, 0, 47, 21 },
      24,
      24,
      FOV_FIT_LETTERBOX_CENTER,
      FALSE,
      FOV_MATRIX_BT601,
      FOV_RANGE_FULL },
    { "one pixel", FOV_PIXEL_NV12, 1, 1, { 0, 0, 1, 1 }, 8, 5, FOV_FIT_STRETCH },
    { "one column", FOV_PIXEL_RGB, 1, 9, { 0, 0, 1, 9 }, 7, 7, FOV_FIT_STRETCH },
    { "two columns", FOV_PIXEL_I420, 2, 9, { 0, 0, 2, 9 }, 7, 7, FOV_FIT_STRETCH },
};

static const float mean[3] = { 10, 20, 30 }, scale[3] = { 0.5f, 1, 2 };

static void
make_picture (const Case *c, FovImage *image)
{
    guint32 seed = 7;

    assert_true (fov_image_alloc (image, c->format, c->width, c->height, NULL));
    image->matrix = c->matrix;
    image->range = c->range;
    for (int p = 0; p < fov_pixel_format_n_planes (c->format); p++)
        for (int y = 0; y < fov_pixel_format_rows (c->format, p, c->height); y++)
            for (gsize x = 0; x < fov_pixel_format_row_bytes (c->format, p, c->width); x++)
                image->plane[p][y * image->stride[p] + (int) x] =
                    (guint8) (test_random (&seed) * 255.99f);
}

static float *
preprocess (FovDevice *device, const Case *c, const FovImage *image)
{
    gsize bytes = fov_picture_bytes (image) + FOV_PICTURE_SLACK;
    g_autofree guint8 *copy = g_malloc0 (bytes);
    FovLetterbox map = fov_letterbox (c->region, c->net_w, c->net_h, c->fit);
    FovFrameInfo frame = { 0 };
    FovShape picture_shape = { 2, { 1, (gint64) bytes } },
             frame_shape = { 2, { 1, FOV_FRAME_WORDS } };
    FovGraph *graph = fov_graph_new ();
    FovTensor *in[] = { fov_graph_add_input (graph, "p", FOV_U8, &picture_shape),
                        fov_graph_add_input (graph, "f", FOV_I32, &frame_shape) };
    FovAttr attrs[] = { { "width", FOV_ATTR_INT, .i = c->net_w },
                        { "height", FOV_ATTR_INT, .i = c->net_h },
                        { "bgr", FOV_ATTR_INT, .i = c->bgr },
                        { "mean", FOV_ATTR_FLOATS, .floats = mean, .n = 3 },
                        { "scale", FOV_ATTR_FLOATS, .floats = scale, .n = 3 },
                        { "pad", FOV_ATTR_FLOAT, .f = 114 } };
    g_autoptr (GError) error = NULL;
    FovNode *node = fov_graph_add_node (graph, "fov.Preprocess", "p", in, 2, 1, attrs, 6, &error);
    gpointer out[1];

    assert_fov_ok (node != NULL, error);
    fov_graph_add_output (graph, node->outputs[0]);
    fov_frame_set_picture (&frame, image, c->region, &map);
    fov_picture_copy (image, &frame, copy, 0);
    test_run (device, graph, (const void *[]){ copy, &frame }, (gsize[]){ bytes, sizeof frame }, 2,
              out, 1);
    return out[0];
}

static void
compare (const Case *c, const char *what, const float *got, const float *want, float tolerance)
{
    for (int i = 0; i < 3 * c->net_w * c->net_h; i++)
        if (!(fabsf (got[i] - want[i]) <= tolerance))
            fail_msg ("%s, %s: value %d (channel %d, x %d, y %d) is %g, expected %g", c->name, what,
                      i, i / (c->net_w * c->net_h), i % c->net_w, i / c->net_w % c->net_h, got[i],
                      want[i]);
}

/* The tolerance is float rounding of a source position (2^-24 of some hundred pixels) times the
 * largest slope (255 a pixel) and scale (2). */
static void
check_executor (const char *spec)
{
    g_autoptr (FovDevice) reference = test_device ("reference");
    g_autoptr (FovDevice) device = test_device (spec);

    if (!device)
        skip ();
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        FovImage image;
        make_picture (&cases[i], &image);
        g_autofree float *want = preprocess (reference, &cases[i], &image);
        g_autofree float *got = preprocess (device, &cases[i], &image);
        compare (&cases[i], spec, got, want, 0.05f);
        g_free (image.plane[0]);
    }
}

static void
test_host (void **state)
{
    check_executor ("cpu");
}

static void
test_vulkan (void **state)
{
    check_executor ("vulkan");
}

/* At the network's own size nothing is resampled but chroma; over flat chroma blocks that is
 * the exact conversion. */
static void
test_colours (void **state)
{
    g_autoptr (FovDevice) device = test_device ("cpu");

    for (int k = 0; k < 8; k++) {
        Case c = { "colours",
                   k & 1 ? FOV_PIXEL_NV12 : FOV_PIXEL_I420,
                   16,
                   12,
                   { 0, 0, 16, 12 },
                   16,
                   12,
                   FOV_FIT_STRETCH,
                   FALSE,
                   k & 2 ? FOV_MATRIX_BT709 : FOV_MATRIX_BT601,
                   k & 4 ? FOV_RANGE_FULL : FOV_RANGE_LIMITED };
        FovImage image, rgb;
        make_picture (&c, &image);
        for (int p = 1; p < fov_pixel_format_n_planes (c.format); p++)
            for (int i = 0; i < image.stride[p] * 6; i++)
                image.plane[p][i] =
                    c.format == FOV_PIXEL_I420 || i % 2 ? (guint8) (90 + 40 * p) : 160;
        assert_true (fov_image_alloc (&rgb, FOV_PIXEL_RGB, 16, 12, NULL));
        assert_true (fov_image_convert (&image, &rgb, NULL));
        g_autofree float *got = preprocess (device, &c, &image);
        for (int ch = 0; ch < 3; ch++)
            for (int y = 0; y < 12; y++)
                for (int x = 0; x < 16; x++) {
                    float v = got[(ch * 12 + y) * 16 + x] / scale[ch] + mean[ch];
                    float want = rgb.plane[0][y * rgb.stride[0] + 3 * x + ch];
                    if (fabsf (v - want) > 0.51f)
                        fail_msg ("case %d, channel %d at %d, %d: %g, expected %g", k, ch, x, y, v,
                                  want);
                }
        g_free (image.plane[0]);
        g_free (rgb.plane[0]);
    }
}

/* What a letterbox leaves free is the padding, normalised as all else. */
static void
test_padding (void **state)
{
    const Case c = {
        "pad", FOV_PIXEL_RGB, 40, 10, { 0, 0, 40, 10 }, 20, 20, FOV_FIT_LETTERBOX_TOPLEFT
    };
    g_autoptr (FovDevice) device = test_device ("cpu");
    FovImage image;

    make_picture (&c, &image);
    g_autofree float *got = preprocess (device, &c, &image);
    for (int ch = 0; ch < 3; ch++)
        for (int y = 5; y < 20; y++)
            assert_float_equal (got[(ch * 20 + y) * 20 + 3], (114 - mean[ch]) * scale[ch], 1e-4);
    g_free (image.plane[0]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_host),
        cmocka_unit_test (test_vulkan),
        cmocka_unit_test (test_colours),
        cmocka_unit_test (test_padding),
    };
    return RUN ("detect-preprocess", tests);
}
