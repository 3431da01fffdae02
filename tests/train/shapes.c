/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Masks and points: read from every format, refused where they are wrong, painted. */
#include <string.h>

#include "../unit/folder.h"

#include "train/load/paint.h"

static FovData *
open_data (const char *path)
{
    g_autoptr (GError) error = NULL;
    FovData *data = fov_data_open (path, NULL, &error);

    assert_fov_ok (data != NULL, error);
    return data;
}

/* ---- reading ---------------------------------------------------------------------- */

/* A picture of 7 x 5 pixels; its columns one behind the other are the code's pixels. */
#define COCO(keypoints, object)                                                                    \
    "{\"categories\":[{\"id\":1,\"name\":\"cat\"" keypoints "}],\"images\":[{\"id\":1,"            \
    "\"file_name\":\"a.jpg\",\"width\":7,\"height\":5}],\"annotations\":[{\"image_id\":1,"         \
    "\"category_id\":1,\"bbox\":[0,0,7,5]," object "}]}"
#define EYES ",\"keypoints\":[\"Left eye\",\"nose\",\"right Eye\"]"

static const struct {
    const char *object;
    guint n_outlines, n_runs;
} good_masks[] = {
    { "\"segmentation\":[[1,1,4,1,4,3],[5.5,0,7,0,7,5,5.5,5]]", 2, 0 },
    { "\"segmentation\":{\"size\":[5,7],\"counts\":[6,3,2,3,21]}", 0, 5 },
    { "\"segmentation\":{\"size\":[5,7],\"counts\":\"6320c0\"}", 0, 5 },
    { "\"segmentation\":{\"size\":[5,7],\"counts\":[0,35]},\"iscrowd\":1", 0, 2 },
    { "\"segmentation\":[]", 0, 0 },
    { "\"segmentation\":null", 0, 0 },
};

static void
test_read_masks (void **state)
{
    static const guint32 runs[] = { 6, 3, 2, 3, 21 };

    for (guint i = 0; i < G_N_ELEMENTS (good_masks); i++) {
        g_autofree char *text = g_strdup_printf (COCO ("", "%s"), good_masks[i].object);
        g_autofree char *path = file_with ("good.json", text);
        g_autoptr (FovData) data = open_data (path);
        const FovDataMask *mask = fov_data_sample (data, 0)->objects[0].mask;
        assert_int_equal (fov_data_has_masks (data), mask != NULL);
        assert_int_equal (mask ? mask->n_outlines : 0, good_masks[i].n_outlines);
        assert_int_equal (mask ? mask->n_runs : 0, good_masks[i].n_runs);
        if (mask && mask->n_runs == 5)
            assert_memory_equal (mask->runs, runs, sizeof runs);
        if (mask && mask->n_outlines)
            assert_float_equal (mask->corners[6], 5.5, 0); /* behind the first one's three */
    }
}

static void
test_read_points (void **state)
{
    g_autofree char *path =
        file_with ("points.json", COCO (EYES, "\"keypoints\":[1,2,2,0,0,0,3,4,1]"));
    g_autoptr (FovData) data = open_data (path), half = NULL, other = NULL;
    const FovDataPoint *p = fov_data_sample (data, 0)->objects[0].points;

    assert_int_equal (fov_data_n_points (data), 3);
    assert_string_equal (fov_data_point (data, 1), "nose");
    assert_int_equal (fov_data_point_mirror (data, 0), 2);
    assert_int_equal (fov_data_point_mirror (data, 1), 1);
    assert_float_equal (p[2].y, 4, 0);
    assert_int_equal (p[2].state, FOV_POINT_HIDDEN);
    assert_int_equal (p[1].state, FOV_POINT_NONE);
    fov_data_split (data, NULL, &half, &other);
    assert_int_equal (fov_data_point_mirror (half, 2), 0);
}

static const struct {
    const char *keypoints, *object, *says;
} bad[] = {
    { "", "\"segmentation\":[[1,1,4,1,4]]", "annotations[0]: \"segmentation\": an outline of 5" },
    { "", "\"segmentation\":[[1,1,4,1]]", "an outline of 4 numbers" },
    { "", "\"segmentation\":[1,1,4,1,4,3]", "an outline of 0 numbers" },
    { "", "\"segmentation\":[[1,1,4,1,4,1e999]]", "something else than numbers" },
    { "", "\"segmentation\":[[1,1,4,1,4,\"x\"]]", "something else than numbers" },
    { "", "\"segmentation\":7", "neither a list of outlines nor" },
    { "", "\"segmentation\":{\"counts\":[35]}",
      "\"size\" is missing or wrong, expected the "
      "picture's [5, 7]" },
    { "", "\"segmentation\":{\"size\":[7,5],\"counts\":[35]}", "\"size\" is missing or wrong" },
    { "", "\"segmentation\":{\"size\":[5,7]}", "\"counts\" is missing" },
    { "", "\"segmentation\":{\"size\":[5,7],\"counts\":[30,6]}",
      "counts[1] is 6, expected a whole "
      "number of at most 5" },
    { "", "\"segmentation\":{\"size\":[5,7],\"counts\":[30]}", "counts of 30 pixels, expected 35" },
    { "", "\"segmentation\":{\"size\":[5,7],\"counts\":[-1,36]}", "counts[0] is -1" },
    { "", "\"segmentation\":{\"size\":[5,7],\"counts\":[0.5]}", "counts[0] is 0.5" },
    { "", "\"segmentation\":{\"size\":[5,7],\"counts\":[4294967301]}", "counts[0] is 4294967301" },
    { "", "\"segmentation\":{\"size\":[5,7],\"counts\":\"6 \"}", "number 1 is no run-length code" },
    { "", "\"segmentation\":{\"size\":[5,7],\"counts\":\"oooooooooo\"}", "number 0 is no run" },
    { "", "\"segmentation\":{\"size\":[5,7],\"counts\":\"o\"}", "number 0 is no run" },
    { "", "\"segmentation\":{\"size\":[5,7],\"counts\":\"oooo0\"}", "counts[0] is 1048575" },
    { "", "\"segmentation\":{\"size\":[5,7],\"counts\":\"@\"}", "counts[0] is -16" },
    { EYES, "\"keypoints\":[1,2,2]", "3 numbers, expected x, y, 0..2 for each of 3" },
    { EYES, "\"keypoints\":[1,2,2,0,0,0,3,4,3]", "point 2 is 3, 4, 3" },
    { EYES, "\"keypoints\":[1,2,2,0,0,0,1e999,4,1]", "point 2 is inf" },
    { EYES, "\"keypoints\":{}", "0 numbers" },
    { "", "\"keypoints\":[1,2]", "2 numbers" },
    { ",\"keypoints\":[1]", "\"x\":0", "name 0 is no text" },
    { ",\"keypoints\":7", "\"x\":0", "expected a list of 1..1000 names" },
    { EYES "},{\"id\":2,\"name\":\"dog\",\"keypoints\":[\"tail\"]", "\"x\":0",
      "others than those" },
};

static void
test_bad (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autofree char *text =
            g_strdup_printf (COCO ("%s", "%s"), bad[i].keypoints, bad[i].object);
        g_autofree char *path = file_with ("bad.json", text);
        g_autoptr (GError) error = NULL;
        assert_null (fov_data_open (path, NULL, &error));
        assert_fov_error (&error, FOV_ERROR_FORMAT, bad[i].says);
    }
}

static void
test_pose (void **state)
{
    static const struct {
        const char *yaml, *text, *says;
    } wrong[] = {
        { "kpt_shape: [2, 3]", "0 .5 .5 .1 .1 .4 .4 2 .6 .6\n", "line 1: 10 numbers, expected 11" },
        { "kpt_shape: [2, 3]", "0 .5 .5 .1 .1 .4 .4 7 .6 .6 1\n", "expected shares" },
        { "kpt_shape: [2, 3]", "0 .5 .5 .1 .1 .4 .4 1 .6 .6 1.5\n", "third number" },
        { "kpt_shape: [2, 3]", "0 .5 .5 .1 .1 .4 nan 1 .6 .6 1\n", "expected numbers" },
        { "kpt_shape: [2]", "", "expected \"kpt_shape: [points, 2 or 3]\"" },
        { "kpt_shape: [2, 4]", "", "expected \"kpt_shape" },
        { "kpt_shape: [99999999999, 2]", "", "points of an object" },
        { "kpt_shape: [2, 3]\nflip_idx: [1]", "", "as many numbers" },
        { "kpt_shape: [2, 3]\nflip_idx: [1, 1]", "", "0 is 1 in a mirror" },
        { "kpt_shape: [2, 3]\nflip_idx: [2, 1]", "", "0 is 2 in a mirror" },
    };
    g_autofree char *root = in_folder ("pose");

    lay ("pose/images/a.jpg", "");
    lay ("pose/labels/a.txt", "0 .5 .5 .4 .4 .4 .3 2 0 0 0\n");
    lay ("pose/data.yaml", "kpt_shape: [2, 3] # x\nflip_idx: [1, 0]\nnames:\n  0: dog\n");
    g_autoptr (FovData) data = open_data (root);
    const FovDataObject *o = fov_data_sample (data, 0)->objects;
    assert_int_equal (fov_data_point_mirror (data, 0), 1);
    assert_float_equal (o->points[0].y, 0.3, 1e-6);
    assert_int_equal (o->points[1].state, FOV_POINT_NONE);
    assert_float_equal (o->box.x1, 0.3, 1e-6);
    assert_null (o->mask);
    for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
        g_autofree char *yaml = g_strconcat (wrong[i].yaml, "\nnames:\n  0: dog\n", NULL);
        g_autoptr (GError) error = NULL;
        lay ("pose/data.yaml", yaml);
        lay ("pose/labels/a.txt", wrong[i].text);
        assert_null (fov_data_open (root, NULL, &error));
        assert_fov_error (&error, FOV_ERROR_FORMAT, wrong[i].says);
    }
}

static void
test_folder (void **state)
{
    g_autofree char *root = in_folder ("cells");

    lay ("cells/a.jpg", "");
    lay ("cells/a.mask.png", "");
    lay ("cells/not_yet.jpg", "");
    g_autoptr (FovData) data = open_data (root);
    assert_int_equal (fov_data_length (data), 1);
    assert_true (g_str_has_suffix (fov_data_sample (data, 0)->mask, "cells/a.mask.png"));
    assert_int_equal (fov_data_mask_classes (data), 2);
    assert_true (fov_data_has_masks (data));
}

/* ---- painting ----------------------------------------------------------------------- */

enum { PW = 8, PH = 6 };

/* The classes of a map, a letter each: "." background, "a" label 0, "#" nobody knows. */
static void
assert_painted (const FovSample *sample, const char *expected)
{
    FovImage map;
    char text[PW * PH + 1] = { 0 };

    assert_true (fov_paint_map (sample, PW, PH, NULL, 2, FALSE, &map, NULL));
    for (int i = 0; i < PW * PH; i++) {
        const guint8 v = map.plane[0][i / PW * map.stride[0] + 3 * (i % PW)];
        text[i] = v == FOV_MAP_IGNORED ? '#' : v ? (char) ('a' + v - 1) : '.';
    }
    g_free (map.plane[0]);
    assert_string_equal (text, expected);
}

static void
test_paint (void **state)
{
    static const float big[] = { 1, 1, 7, 1, 7, 5, 1, 5 }, small[] = { 2, 2, 4, 2, 4, 4, 2, 4 };
    /* A frame: an outline that goes round twice, a hole by the even-odd rule. */
    static const float frame[] = { 0, 0, 6, 0, 6, 6, 0, 6, 0, 0, 2, 2, 2, 4, 4, 4, 4, 2, 2, 2 };
    static const float outside[] = { -9, 4.4f, 99, 4.4f, 99, 99, -9, 99 };
    static const float even[] = { 1, 1.5f, 5, 1.5f, 5, 3.5f, 1, 3.5f }; /* on rows' middles */
    static const guint four = 4, ten = 10;
    static const guint32 runs[] = { 7, 4, 2, 4, 31 };
    const FovDataMask masks[] = {
        { big, &four, 1 },     { small, &four, 1 },           { frame, &ten, 1 },
        { outside, &four, 1 }, { .runs = runs, .n_runs = 5 }, { even, &four, 1 }
    };
    const FovBox all = { 0, 0, PW, PH }, part = { 2, 2, 4, 4 };
    const FovDataObject a = { all, 0, FALSE, &masks[0] }, b = { part, 1, FALSE, &masks[1] };
    const FovDataObject ring = { all, 0, FALSE, &masks[2] }, far = { all, 0, FALSE, &masks[3] };
    const FovDataObject code = { all, 1, FALSE, &masks[4] }, crowd = { all, 1, TRUE, &masks[4] };
    const FovDataObject no_mask = { part, 1 }, middle = { all, 0, FALSE, &masks[5] };
    const struct {
        FovDataObject objects[2];
        const char *looks;
    } cases[] = {
        { { b, a },
          "........"
          ".aaaaaa."
          ".abbaaa."
          ".abbaaa."
          ".aaaaaa."
          "........" },
        { { a, b },
          "........"
          ".aaaaaa."
          ".abbaaa."
          ".abbaaa."
          ".aaaaaa."
          "........" },
        { { ring, ring },
          "aaaaaa.."
          "aaaaaa.."
          "aa..aa.."
          "aa..aa.."
          "aaaaaa.."
          "aaaaaa.." },
        { { far, far },
          "........"
          "........"
          "........"
          "........"
          "aaaaaaaa"
          "aaaaaaaa" },
        { { middle, middle },
          "........"
          ".aaaa..."
          ".aaaa..."
          "........"
          "........"
          "........" },
        { { code, code },
          "........"
          ".bb....."
          ".bb....."
          ".bb....."
          ".bb....."
          "........" },
        { { crowd, b },
          "........"
          ".##....."
          ".#bb...."
          ".#bb...."
          ".##....."
          "........" },
        { { a, no_mask },
          "........"
          ".aaaaaa."
          ".aaaaaa."
          ".aaaaaa."
          ".aaaaaa."
          "........" },
        { { no_mask, no_mask },
          "........"
          "........"
          "..##...."
          "..##...."
          "........"
          "........" },
    };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        const FovSample s = {
            .width = PW, .height = PH, .objects = cases[i].objects, .n_objects = 2
        };
        assert_painted (&s, cases[i].looks);
    }
}

static void
test_classes (void **state)
{
    guint8 grey[] = { 0, 127, 128, 255, 2, 1 };
    const FovImage image = { FOV_PIXEL_GRAY, 3, 2, { grey }, { 3 } };
    const FovSample s = { .name = "a", .mask = "a.mask.png" };
    g_autoptr (GError) error = NULL;
    FovImage map;

    assert_true (fov_paint_map (&s, 6, 4, &image, 2, TRUE, &map, NULL)); /* twice as large */
    assert_int_equal (map.plane[0][3 * 3], 0);
    assert_int_equal (map.plane[0][3 * 4], 1);
    assert_int_equal (map.plane[0][3 * map.stride[0]], 1);
    g_free (map.plane[0]);
    assert_false (fov_paint_map (&s, 3, 2, &image, 3, FALSE, &map, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT,
                      "a.mask.png': grey value 127 at 1,0, expected a "
                      "class, 0 to 2");
    grey[1] = grey[2] = 255;
    assert_true (fov_paint_map (&s, 3, 2, &image, 3, FALSE, &map, NULL));
    assert_int_equal (map.plane[0][3], FOV_MAP_IGNORED);
    g_free (map.plane[0]);
    grey[4] = 1; /* two classes, by number */
    assert_true (fov_paint_map (&s, 3, 2, &image, 2, FALSE, &map, NULL));
    assert_int_equal (map.plane[0][3], FOV_MAP_IGNORED);
    assert_int_equal (map.plane[0][map.stride[0] + 3], 1);
    g_free (map.plane[0]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_read_masks), cmocka_unit_test (test_read_points),
        cmocka_unit_test (test_bad),        cmocka_unit_test (test_pose),
        cmocka_unit_test (test_folder),     cmocka_unit_test (test_paint),
        cmocka_unit_test (test_classes),
    };
    return RUN_IN_FOLDER ("train-shapes", tests);
}
