/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../unit/check.h"
#include "scene.h"

#include <math.h>

static FovVisual *
new_dcf (void)
{
    GError *error = NULL;
    FovVisual *visual = fov_visual_new ("dcf", NULL, &error);
    assert_fov_ok (visual != NULL, error);
    return visual;
}

static guint
add (FovVisual *visual, const Scene *scene)
{
    GError *error = NULL;
    g_autoptr (FovImage) image = scene_draw (scene, FOV_PIXEL_RGB);
    guint target = fov_visual_add (visual, image, scene_box (scene), &error);
    assert_fov_ok (target != 0, error);
    return target;
}

static FovVisualFound
locate (FovVisual *visual, const Scene *scene, guint target, FovBox expected, float widen)
{
    GError *error = NULL;
    FovVisualFound found;
    FovVisualQuery query = { target, expected, widen };
    g_autoptr (FovImage) image = scene_draw (scene, FOV_PIXEL_RGB);
    assert_fov_ok (fov_visual_locate (visual, image, &query, 1, &found, &error), error);
    return found;
}

static void
learn (FovVisual *visual, const Scene *scene, guint target, FovBox box)
{
    GError *error = NULL;
    g_autoptr (FovImage) image = scene_draw (scene, FOV_PIXEL_RGB);
    assert_fov_ok (fov_visual_learn (visual, image, target, box, &error), error);
}

static float
centre_error (FovBox box, const Scene *scene)
{
    return hypotf (0.5f * (box.x1 + box.x2) - scene->x, 0.5f * (box.y1 + box.y2) - scene->y);
}

static void
test_moving_target_is_found_between_pixels (void **state)
{
    g_autoptr (FovVisual) visual = new_dcf ();
    Scene scene = { .x = 80, .y = 90, .w = 36, .h = 48 };
    guint target = add (visual, &scene);
    FovBox box = scene_box (&scene);
    float worst = 0.0f;
    for (int k = 0; k < 30; k++) {
        scene.x += 3.3f;
        scene.y += 1.7f;
        FovVisualFound found = locate (visual, &scene, target, box, 0.0f);
        box = found.box;
        worst = fmaxf (worst, centre_error (box, &scene));
        learn (visual, &scene, target, box);
    }
    if (worst > 1.0f)
        fail_msg ("the centre is %.2f pixels off, expected at most 1", worst);
}

static void
test_size_and_shape_are_followed (void **state)
{
    static const struct {
        const char *name;
        float grow_w, grow_h;
    } cases[] = { { "larger", 1.01f, 1.01f },
                  { "smaller", 0.99f, 0.99f },
                  { "wider", 1.008f, 1.0f } };
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (FovVisual) visual = new_dcf ();
        Scene scene = { .x = 150, .y = 120, .w = 40, .h = 50 };
        guint target = add (visual, &scene);
        FovBox box = scene_box (&scene);
        for (int k = 0; k < 40; k++) {
            scene.w *= cases[i].grow_w;
            scene.h *= cases[i].grow_h;
            box = locate (visual, &scene, target, box, 0.0f).box;
            learn (visual, &scene, target, box);
        }
        float iou = fov_box_iou (box, scene_box (&scene));
        if (iou < 0.8f)
            fail_msg ("%s: found %.0f x %.0f of %.0f x %.0f, IoU %.2f, expected 0.8", cases[i].name,
                      box.x2 - box.x1, box.y2 - box.y1, scene.w, scene.h, iou);
    }
}

static void
test_measures_fall_when_the_target_is_hidden (void **state)
{
    g_autoptr (FovVisual) visual = new_dcf ();
    Scene scene = { .x = 150, .y = 120, .w = 40, .h = 50 };
    guint target = add (visual, &scene);
    scene.x += 2.0f;
    FovVisualFound clear = locate (visual, &scene, target, scene_box (&scene), 0.0f);
    scene.hide_x = scene.x;
    scene.hide_y = scene.y;
    scene.hide = 70;
    FovVisualFound hidden = locate (visual, &scene, target, scene_box (&scene), 0.0f);
    assert_true (hidden.psr < 0.6f * clear.psr);
    assert_true (hidden.apce < 0.6f * clear.apce);
    assert_true (hidden.score < 0.6f * clear.score);
    assert_true (clear.score > 0.5f && clear.score <= 1.0f);
}

static void
test_a_wider_search_reaches_further (void **state)
{
    g_autoptr (FovVisual) visual = new_dcf ();
    Scene scene = { .x = 70, .y = 70, .w = 30, .h = 30 };
    guint target = add (visual, &scene);
    FovBox expected = scene_box (&scene);
    scene.x = 185;
    scene.y = 150;
    assert_true (centre_error (locate (visual, &scene, target, expected, 1.0f).box, &scene) > 30);
    assert_true (centre_error (locate (visual, &scene, target, expected, 3.0f).box, &scene) < 2);
}

static void
test_a_twin_is_the_second_place (void **state)
{
    g_autoptr (FovVisual) visual = new_dcf ();
    Scene scene = { .x = 150, .y = 120, .w = 32, .h = 32 };
    guint target = add (visual, &scene);
    FovVisualFound alone = locate (visual, &scene, target, scene_box (&scene), 0.0f);
    scene.twin_x = 196;
    scene.twin_y = 120;
    FovVisualFound both = locate (visual, &scene, target, scene_box (&scene), 0.0f);
    assert_true (centre_error (both.box, &scene) < 1.0f);
    assert_true (both.second > alone.second + 0.1f && both.second <= 1.0f);
    float twin = 0.5f * (both.second_box.x1 + both.second_box.x2);
    assert_true (fabsf (twin - scene.twin_x) < 6.0f);
}

static void
test_every_pixel_format_gives_the_same_place (void **state)
{
    Scene scene = { .x = 121, .y = 90, .w = 40, .h = 56 };
    for (int format = 0; format < FOV_PIXEL_N_FORMATS; format++) {
        GError *error = NULL;
        FovVisualFound found;
        g_autoptr (FovVisual) visual = new_dcf ();
        g_autoptr (FovImage) first = scene_draw (&scene, (FovPixelFormat) format);
        guint target = fov_visual_add (visual, first, scene_box (&scene), &error);
        assert_fov_ok (target != 0, error);
        Scene moved = scene;
        moved.x += 7.0f;
        moved.y += 4.0f;
        g_autoptr (FovImage) next = scene_draw (&moved, (FovPixelFormat) format);
        FovVisualQuery query = { .target = target, .expected = scene_box (&scene) };
        assert_fov_ok (fov_visual_locate (visual, next, &query, 1, &found, &error), error);
        if (centre_error (found.box, &moved) > 1.0f)
            fail_msg ("%s: %.2f pixels off", fov_pixel_format_name ((FovPixelFormat) format),
                      centre_error (found.box, &moved));
    }
}

static void
test_many_targets_are_found_as_each_alone (void **state)
{
    GError *error = NULL;
    g_autoptr (FovVisual) visual = new_dcf ();
    Scene scene = { .x = 90, .y = 90, .w = 36, .h = 44, .twin_x = 210, .twin_y = 150 };
    FovVisualQuery queries[2];
    FovVisualFound found[2], alone;
    g_autoptr (FovImage) image = scene_draw (&scene, FOV_PIXEL_NV12);
    Scene twin = scene;
    twin.x = scene.twin_x;
    twin.y = scene.twin_y;
    queries[0] = (FovVisualQuery){ .expected = scene_box (&scene), .widen = 2.0f };
    queries[1] = (FovVisualQuery){ .expected = scene_box (&twin) };
    for (int i = 0; i < 2; i++)
        queries[i].target = fov_visual_add (visual, image, queries[i].expected, &error);
    assert_int_not_equal (queries[0].target, queries[1].target);
    assert_fov_ok (fov_visual_locate (visual, image, queries, 2, found, &error), error);
    for (int i = 0; i < 2; i++) {
        assert_fov_ok (fov_visual_locate (visual, image, &queries[i], 1, &alone, &error), error);
        assert_memory_equal (&alone, &found[i], sizeof alone);
    }
}

static void
test_the_same_calls_give_the_same_bytes (void **state)
{
    FovBox last[2];
    for (int run = 0; run < 2; run++) {
        g_autoptr (FovVisual) visual = new_dcf ();
        Scene scene = { .x = 100, .y = 100, .w = 30, .h = 60 };
        guint target = add (visual, &scene);
        last[run] = scene_box (&scene);
        for (int k = 0; k < 5; k++) {
            scene.x += 2.5f;
            last[run] = locate (visual, &scene, target, last[run], 0.0f).box;
            learn (visual, &scene, target, last[run]);
        }
    }
    assert_memory_equal (&last[0], &last[1], sizeof last[0]);
}

static void
test_boxes_of_every_kind (void **state)
{
    static const struct {
        const char *name;
        FovBox box;
        gboolean fine;
    } cases[] = {
        { "one pixel", { 100, 100, 101, 101 }, TRUE },
        { "a line", { 20, 100, 300, 101 }, TRUE },
        { "larger than the picture", { -200, -200, 700, 700 }, TRUE },
        { "half outside", { -20, 50, 20, 90 }, TRUE },
        { "a corner", { 310, 230, 350, 260 }, TRUE },
        { "nothing", { 100, 100, 100, 100 }, FALSE },
        { "inverted", { 100, 100, 50, 50 }, FALSE },
        { "outside", { 400, 100, 440, 140 }, FALSE },
        { "far outside", { 1e30f, 1e30f, 2e30f, 2e30f }, FALSE },
        { "not a number", { NAN, 100, 140, 140 }, FALSE },
        { "infinite", { 100, 100, INFINITY, 140 }, FALSE },
    };
    Scene scene = { .x = 100, .y = 100, .w = 40, .h = 40 };
    g_autoptr (FovImage) image = scene_draw (&scene, FOV_PIXEL_I420);
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        GError *error = NULL;
        FovVisualFound found;
        g_autoptr (FovVisual) visual = new_dcf ();
        guint target = fov_visual_add (visual, image, cases[i].box, &error);
        if (!cases[i].fine) {
            assert_int_equal (target, 0);
            assert_fov_error (&error, FOV_ERROR_ARGUMENT, "a new target");
            continue;
        }
        if (!target)
            fail_msg ("%s: %s", cases[i].name, error->message);
        FovVisualQuery query = { target, cases[i].box, 4.0f };
        assert_fov_ok (fov_visual_locate (visual, image, &query, 1, &found, &error), error);
        assert_true (isfinite (found.box.x1) && isfinite (found.box.y2) && isfinite (found.psr) &&
                     isfinite (found.apce) && found.score >= 0.0f && found.score <= 1.0f);
        assert_fov_ok (fov_visual_learn (visual, image, target, cases[i].box, &error), error);
    }
}

static void
test_wrong_calls_are_told (void **state)
{
    GError *error = NULL;
    FovVisualFound found[2];
    Scene scene = { .x = 100, .y = 100, .w = 40, .h = 40 };
    g_autoptr (FovImage) image = scene_draw (&scene, FOV_PIXEL_RGB);
    assert_null (fov_visual_new ("nothing", NULL, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "dcf");
    assert_null (fov_visual_new (NULL, NULL, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "dcf");

    g_autoptr (FovVisual) visual =
        fov_visual_new ("dcf", &(FovVisualParams){ .max_targets = 1 }, &error);
    assert_fov_ok (visual != NULL, error);
    guint target = fov_visual_add (visual, image, scene_box (&scene), &error);
    FovVisualQuery queries[2] = { { target, scene_box (&scene), 0.0f },
                                  { target, scene_box (&scene), 0.0f } };
    assert_false (fov_visual_locate (visual, image, queries, 2, found, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "max_targets = 1");
    queries[0].widen = 9.0f;
    assert_false (fov_visual_locate (visual, image, queries, 1, found, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "widen");
    queries[1].expected.x2 = NAN;
    assert_false (fov_visual_locate (visual, image, queries + 1, 1, found, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "expected box");
    assert_false (fov_visual_learn (visual, image, target + 1, scene_box (&scene), &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "no target");
    fov_visual_remove (visual, target + 1);
    fov_visual_remove (visual, target);
    assert_false (fov_visual_learn (visual, image, target, scene_box (&scene), &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "no target");
    image->stride[0] = 1;
    assert_int_equal (fov_visual_add (visual, image, scene_box (&scene), &error), 0);
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "stride");
}

static void
test_a_picture_of_another_size_is_searched (void **state)
{
    GError *error = NULL;
    FovVisualFound found;
    guint8 pixels[64 * 48] = { 0 };
    FovImage small = {
        .format = FOV_PIXEL_GRAY, .width = 64, .height = 48, .plane = { pixels }, .stride = { 64 }
    };
    g_autoptr (FovVisual) visual = new_dcf ();
    Scene scene = { .x = 60, .y = 46, .w = 40, .h = 40 };
    FovVisualQuery query = { add (visual, &scene), scene_box (&scene), 2.0f };
    assert_fov_ok (fov_visual_locate (visual, &small, &query, 1, &found, &error), error);
    assert_fov_ok (fov_visual_learn (visual, &small, query.target, scene_box (&scene), &error),
                   error);
    small.width = small.height = small.stride[0] = 1;
    query.expected = (FovBox){ 0, 0, 2, 2 };
    assert_fov_ok (fov_visual_locate (visual, &small, &query, 1, &found, &error), error);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_moving_target_is_found_between_pixels),
        cmocka_unit_test (test_size_and_shape_are_followed),
        cmocka_unit_test (test_measures_fall_when_the_target_is_hidden),
        cmocka_unit_test (test_a_wider_search_reaches_further),
        cmocka_unit_test (test_a_twin_is_the_second_place),
        cmocka_unit_test (test_every_pixel_format_gives_the_same_place),
        cmocka_unit_test (test_many_targets_are_found_as_each_alone),
        cmocka_unit_test (test_the_same_calls_give_the_same_bytes),
        cmocka_unit_test (test_boxes_of_every_kind),
        cmocka_unit_test (test_wrong_calls_are_told),
        cmocka_unit_test (test_a_picture_of_another_size_is_searched),
    };
    return RUN ("dcf", tests);
}
