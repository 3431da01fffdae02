/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "check.h"
#include <fovea/image.h>

static FovImage
make (FovPixelFormat format, int width, int height)
{
    GError *error = NULL;
    FovImage image;
    assert_fov_ok (fov_image_alloc (&image, format, width, height, &error), error);
    return image;
}

static const struct {
    FovPixelFormat format;
    const char *name;
    int n_planes;
    gsize row[3]; /* at width 5 */
    int rows[3];  /* at height 3 */
} layouts[] = {
    { FOV_PIXEL_NV12, "nv12", 2, { 5, 6 }, { 3, 2 } },
    { FOV_PIXEL_I420, "i420", 3, { 5, 3, 3 }, { 3, 2, 2 } },
    { FOV_PIXEL_RGB, "rgb", 1, { 15 }, { 3 } },
    { FOV_PIXEL_BGR, "bgr", 1, { 15 }, { 3 } },
    { FOV_PIXEL_RGBX, "rgbx", 1, { 20 }, { 3 } },
    { FOV_PIXEL_BGRX, "bgrx", 1, { 20 }, { 3 } },
    { FOV_PIXEL_GRAY, "gray", 1, { 5 }, { 3 } },
};

static void
test_layouts (void **state)
{
    assert_int_equal (G_N_ELEMENTS (layouts), FOV_PIXEL_N_FORMATS);
    for (gsize i = 0; i < G_N_ELEMENTS (layouts); i++) {
        FovPixelFormat f = layouts[i].format;
        assert_string_equal (fov_pixel_format_name (f), layouts[i].name);
        assert_int_equal (fov_pixel_format_n_planes (f), layouts[i].n_planes);
        for (int p = 0; p < 3; p++) {
            assert_int_equal (fov_pixel_format_row_bytes (f, p, 5), layouts[i].row[p]);
            assert_int_equal (fov_pixel_format_rows (f, p, 3), layouts[i].rows[p]);
        }
    }
    assert_null (fov_pixel_format_name (FOV_PIXEL_N_FORMATS));
}

static void
test_check (void **state)
{
    GError *error = NULL;
    FovImage good = make (FOV_PIXEL_NV12, 6, 4), bad;

    assert_fov_ok (fov_image_check (&good, &error), error);
    assert_false (fov_image_check (NULL, NULL));
#define BAD(field, value, text)                                                                    \
    bad = good;                                                                                    \
    bad.field = value;                                                                             \
    assert_false (fov_image_check (&bad, &error));                                                 \
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, text)
    BAD (width, 0, "0x4");
    BAD (width, -1, "-1x4");
    BAD (height, 32769, "32769");
    BAD (format, 77, "format is 77");
    BAD (plane[1], NULL, "plane[1] is NULL");
    BAD (stride[0], 5, "stride[0] is 5");
    BAD (stride[1], -64, "stride[1] is -64");
    BAD (matrix, 9, "matrix is 9");
    BAD (range, -1, "range is -1");
    g_free (good.plane[0]);
}

static void
test_alloc_refuses (void **state)
{
    static const int sizes[][2] = { { 0, 1 }, { 1, 0 }, { -4, 4 }, { 32769, 1 }, { G_MAXINT, 1 } };
    GError *error = NULL;
    FovImage image = { .width = 42 };

    for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
        assert_false (fov_image_alloc (&image, FOV_PIXEL_RGB, sizes[i][0], sizes[i][1], &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, "size");
        assert_int_equal (image.width, 42);
    }
}

/* Colours whose codes the two standards print, limited range. */
static const struct {
    FovColorMatrix matrix;
    FovColorRange range;
    guint8 rgb[3], yuv[3];
} colors[] = {
    { FOV_MATRIX_BT601, FOV_RANGE_LIMITED, { 0, 0, 0 }, { 16, 128, 128 } },
    { FOV_MATRIX_BT601, FOV_RANGE_LIMITED, { 255, 255, 255 }, { 235, 128, 128 } },
    { FOV_MATRIX_BT601, FOV_RANGE_LIMITED, { 255, 0, 0 }, { 81, 90, 240 } },
    { FOV_MATRIX_BT601, FOV_RANGE_LIMITED, { 0, 255, 0 }, { 145, 54, 34 } },
    { FOV_MATRIX_BT601, FOV_RANGE_LIMITED, { 0, 0, 255 }, { 41, 240, 110 } },
    { FOV_MATRIX_BT709, FOV_RANGE_LIMITED, { 255, 0, 0 }, { 63, 102, 240 } },
    { FOV_MATRIX_BT709, FOV_RANGE_LIMITED, { 0, 255, 0 }, { 173, 42, 26 } },
    { FOV_MATRIX_BT709, FOV_RANGE_LIMITED, { 0, 0, 255 }, { 32, 240, 118 } },
    { FOV_MATRIX_BT601, FOV_RANGE_FULL, { 255, 0, 0 }, { 76, 85, 255 } },
    { FOV_MATRIX_BT601, FOV_RANGE_FULL, { 128, 128, 128 }, { 128, 128, 128 } },
    { FOV_MATRIX_BT709, FOV_RANGE_FULL, { 255, 255, 255 }, { 255, 128, 128 } },
};

static void
test_known_colors (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (colors); i++) {
        FovImage rgb = make (FOV_PIXEL_RGB, 1, 1), yuv = make (FOV_PIXEL_I420, 1, 1);
        yuv.matrix = colors[i].matrix;
        yuv.range = colors[i].range;
        memcpy (rgb.plane[0], colors[i].rgb, 3);
        assert_true (fov_image_convert (&rgb, &yuv, NULL));
        for (int p = 0; p < 3; p++)
            assert_int_equal (yuv.plane[p][0], colors[i].yuv[p]);
        memset (rgb.plane[0], 7, 3);
        assert_true (fov_image_convert (&yuv, &rgb, NULL));
        for (int c = 0; c < 3; c++) /* 8 bits of limited range lose up to 2 of 255 */
            assert_in_range (rgb.plane[0][c] + 2, colors[i].rgb[c], colors[i].rgb[c] + 4);
        g_free (rgb.plane[0]);
        g_free (yuv.plane[0]);
    }
}

static void
fill_flat_blocks (FovImage *rgb, GRand *rand)
{
    for (int y = 0; y < rgb->height; y += 2)
        for (int x = 0; x < rgb->width; x += 2) {
            guint8 c[3] = { (guint8) g_rand_int (rand), (guint8) g_rand_int (rand),
                            (guint8) g_rand_int (rand) };
            for (int i = 0; i < 4; i++)
                if (x + i % 2 < rgb->width && y + i / 2 < rgb->height)
                    memcpy (rgb->plane[0] + (y + i / 2) * rgb->stride[0] + (x + i % 2) * 3, c, 3);
        }
}

/* Every pair of formats, at odd sizes: out and back gives the picture again. */
static void
test_every_pair (void **state)
{
    static const int sizes[][2] = { { 1, 1 }, { 2, 2 }, { 5, 3 }, { 8, 7 }, { 17, 2 } };
    g_autoptr (GRand) rand = g_rand_new_with_seed (11);

    for (gsize s = 0; s < G_N_ELEMENTS (sizes); s++) {
        FovImage rgb = make (FOV_PIXEL_RGB, sizes[s][0], sizes[s][1]);
        FovImage back = make (FOV_PIXEL_RGB, sizes[s][0], sizes[s][1]);
        fill_flat_blocks (&rgb, rand);
        for (int a = 0; a < FOV_PIXEL_GRAY; a++)
            for (int b = 0; b < FOV_PIXEL_GRAY; b++) {
                FovImage one = make (a, rgb.width, rgb.height);
                FovImage two = make (b, rgb.width, rgb.height);
                one.range = two.range = FOV_RANGE_FULL;
                two.matrix = FOV_MATRIX_BT709;
                assert_true (fov_image_convert (&rgb, &one, NULL));
                assert_true (fov_image_convert (&one, &two, NULL));
                assert_true (fov_image_convert (&two, &back, NULL));
                for (int y = 0; y < rgb.height; y++)
                    for (int x = 0; x < rgb.width * 3; x++) {
                        int want = rgb.plane[0][y * rgb.stride[0] + x];
                        int got = back.plane[0][y * back.stride[0] + x];
                        if (abs (want - got) > 4) /* two roundings of 8-bit chroma */
                            fail_msg ("%s to %s: %d, expected %d", fov_pixel_format_name (a),
                                      fov_pixel_format_name (b), got, want);
                    }
                g_free (one.plane[0]);
                g_free (two.plane[0]);
            }
        g_free (rgb.plane[0]);
        g_free (back.plane[0]);
    }
}

static void
test_gray_and_chroma_average (void **state)
{
    FovImage rgb = make (FOV_PIXEL_RGB, 2, 1), yuv = make (FOV_PIXEL_NV12, 2, 1);
    FovImage gray = make (FOV_PIXEL_GRAY, 2, 1), bgrx = make (FOV_PIXEL_BGRX, 2, 1);
    const guint8 red_and_blue[6] = { 255, 0, 0, 0, 0, 255 };

    memcpy (rgb.plane[0], red_and_blue, 6);
    assert_true (fov_image_convert (&rgb, &yuv, NULL));
    assert_int_equal (yuv.plane[1][0], 165); /* (90 + 240) / 2 */
    assert_int_equal (yuv.plane[1][1], 175); /* (240 + 110) / 2 */
    assert_true (fov_image_convert (&yuv, &gray, NULL));
    assert_memory_equal (gray.plane[0], yuv.plane[0], 2);
    assert_true (fov_image_convert (&gray, &yuv, NULL));
    assert_int_equal (yuv.plane[1][0], 128);
    assert_true (fov_image_convert (&rgb, &bgrx, NULL));
    assert_memory_equal (bgrx.plane[0], ((guint8[]){ 0, 0, 255, 255, 255, 0, 0, 255 }), 8);
    g_free (rgb.plane[0]);
    g_free (yuv.plane[0]);
    g_free (gray.plane[0]);
    g_free (bgrx.plane[0]);
}

static void
test_convert_refuses (void **state)
{
    GError *error = NULL;
    FovImage a = make (FOV_PIXEL_RGB, 4, 4), b = make (FOV_PIXEL_NV12, 4, 5);
    assert_false (fov_image_convert (&a, &b, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "4x4 to 4x5");
    b.plane[1] = NULL;
    assert_false (fov_image_convert (&a, &b, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "plane[1]");
    g_free (a.plane[0]);
    g_free (b.plane[0]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_layouts),         cmocka_unit_test (test_check),
        cmocka_unit_test (test_alloc_refuses),   cmocka_unit_test (test_known_colors),
        cmocka_unit_test (test_every_pair),      cmocka_unit_test (test_gray_and_chroma_average),
        cmocka_unit_test (test_convert_refuses),
    };
    return RUN ("image", tests);
}
