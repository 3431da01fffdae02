/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../unit/check.h"
#include "scene.h"

#include <math.h>

#define FRAME G_GINT64_CONSTANT (40000000)

/* What happens in one picture of a story, from frame number k = 0 on. */
typedef void (*Story) (Scene *scene, int k);

static void
story_walk (Scene *scene, int k)
{
    scene->x = 60.0f + 2.0f * (float) k;
    scene->y = 120.0f;
}

/* Behind a square from about frame 22 to 48. */
static void
story_hide (Scene *scene, int k)
{
    story_walk (scene, k);
    scene->hide_x = 130.0f;
    scene->hide_y = 120.0f;
    scene->hide = 72.0f;
}

static void
story_light (Scene *scene, int k)
{
    story_walk (scene, k);
    scene->light = k < 20 ? 1.0f : k < 40 ? 0.4f : 0.9f;
}

/* Leaves at the right edge and comes back. */
static void
story_leave (Scene *scene, int k)
{
    scene->x = 240.0f + (k < 50 ? 3.0f * (float) k : 300.0f - 3.0f * (float) k);
    scene->y = 120.0f;
}

static void
story_shake (Scene *scene, int k)
{
    scene->camera_x = 12.0f * sinf (1.3f * (float) k);
    scene->camera_y = 7.0f * cosf (1.9f * (float) k);
    scene->x = 80.0f + 1.5f * (float) k + scene->camera_x;
    scene->y = 120.0f + scene->camera_y;
}

/* Hidden while the camera pans: only the scene's motion tells where it went. */
static void
story_pan_while_hidden (Scene *scene, int k)
{
    float pan = k < 24 ? 0.0f : k < 34 ? 8.0f * (float) (k - 24) : 80.0f;
    scene->camera_x = pan;
    scene->x = 90.0f + pan;
    scene->y = 110.0f;
    scene->hide = k >= 20 && k < 40 ? 66.0f : 0.0f;
    scene->hide_x = scene->x;
    scene->hide_y = scene->y;
}

/* Stops, stands, goes on. */
static void
story_stop (Scene *scene, int k)
{
    scene->x = 60.0f + 3.0f * (float) (k < 20 ? k : k < 50 ? 20 : k - 30);
    scene->y = 120.0f;
}

/* An equal object passes. */
static void
story_twin (Scene *scene, int k)
{
    story_walk (scene, k);
    scene->twin_x = 260.0f - 2.0f * (float) k;
    scene->twin_y = 178.0f;
}

static const struct {
    const char *name;
    Story story;
    int frames;
    int unseen_from, unseen_to; /* pictures in which it must say that it does not see; 0, 0: none */
    float iou;                  /* least in those */
} stories[] = {
    { "walking", story_walk, 70, 0, 0, 0.0f },
    { "full hide and return", story_hide, 75, 29, 41, 0.3f },
    { "light switch", story_light, 70, 0, 0, 0.0f },
    { "leaving and coming back", story_leave, 90, 36, 60, 0.0f },
    { "camera shake", story_shake, 60, 0, 0, 0.0f },
    { "camera pans while hidden", story_pan_while_hidden, 60, 22, 38, 0.5f },
    { "stop and go", story_stop, 80, 0, 0, 0.0f },
    { "an equal object passes", story_twin, 80, 0, 0, 0.0f },
};

static FovFollower *
start (FovVisual *visual, Scene *scene, Story story)
{
    GError *error = NULL;
    FovFollower *follower = fov_follower_new (visual, 0, &error);
    assert_fov_ok (follower != NULL, error);
    *scene = (Scene){ .w = 32, .h = 48 };
    story (scene, 0);
    g_autoptr (FovImage) image = scene_draw (scene, FOV_PIXEL_NV12);
    assert_fov_ok (fov_follower_init (follower, image, scene_box (scene), 0, &error), error);
    return follower;
}

static FovFollowed
update (FovFollower *follower, const Scene *scene, gint64 pts)
{
    GError *error = NULL;
    FovFollowed followed;
    g_autoptr (FovImage) image = scene_draw (scene, FOV_PIXEL_NV12);
    assert_fov_ok (fov_follower_update (follower, image, pts, &followed, &error), error);
    return followed;
}

static FovVisual *
new_visual (void)
{
    GError *error = NULL;
    FovVisual *visual = fov_visual_new ("dcf", NULL, &error);
    assert_fov_ok (visual != NULL, error);
    return visual;
}

static void
tell (guint i)
{
    Scene scene;
    g_autoptr (FovVisual) visual = new_visual ();
    g_autoptr (FovFollower) follower = start (visual, &scene, stories[i].story);
    FovFollowed followed = { 0 };
    for (int k = 1; k < stories[i].frames; k++) {
        stories[i].story (&scene, k);
        followed = update (follower, &scene, k * FRAME);
        gboolean hidden = k >= stories[i].unseen_from && k < stories[i].unseen_to;
        if (hidden && followed.seen)
            fail_msg ("%s: frame %d is said to be seen", stories[i].name, k);
        float iou = fov_box_iou (followed.box, scene_box (&scene));
        float least = hidden ? stories[i].iou : stories[i].unseen_to ? 0.0f : 0.5f;
        if (iou < least)
            fail_msg ("%s: IoU is %.2f in frame %d, expected %.2f", stories[i].name, iou, k, least);
    }
    if (!followed.seen || fov_box_iou (followed.box, scene_box (&scene)) < 0.6f)
        fail_msg ("%s: at the end IoU is %.2f, %s", stories[i].name,
                  fov_box_iou (followed.box, scene_box (&scene)),
                  followed.seen ? "seen" : "not seen");
}

static void
test_stories (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (stories); i++)
        tell (i);
}

static void
test_dropped_pictures_are_bridged_by_time (void **state)
{
    Scene scene;
    g_autoptr (FovVisual) visual = new_visual ();
    g_autoptr (FovFollower) follower = start (visual, &scene, story_walk);
    for (int k = 1; k < 70; k++) {
        if (k > 20 && k % 10 >= 3) /* seven of ten are missing: 14 pixels from one to the next */
            continue;
        story_walk (&scene, k);
        FovFollowed followed = update (follower, &scene, k * FRAME);
        if (fov_box_iou (followed.box, scene_box (&scene)) < 0.6f)
            fail_msg ("lost in frame %d", k);
    }
}

static void
test_the_same_calls_give_the_same_bytes (void **state)
{
    FovBox last[2];
    for (int run = 0; run < 2; run++) {
        Scene scene;
        g_autoptr (FovVisual) visual = new_visual ();
        g_autoptr (FovFollower) follower = start (visual, &scene, story_hide);
        for (int k = 1; k < 45; k++) { /* ends while particles are at work */
            story_hide (&scene, k);
            last[run] = update (follower, &scene, k * FRAME).box;
        }
    }
    assert_memory_equal (&last[0], &last[1], sizeof last[0]);
}

static void
test_wrong_calls_are_told (void **state)
{
    GError *error = NULL;
    FovFollowed followed;
    guint8 gray[64] = { 0 };
    FovImage small = {
        .format = FOV_PIXEL_GRAY, .width = 8, .height = 8, .plane = { gray }, .stride = { 8 }
    };
    g_autoptr (FovVisual) visual = new_visual ();
    g_autoptr (FovFollower) follower = fov_follower_new (visual, 0, &error);
    assert_false (fov_follower_update (follower, &small, 1, &followed, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "fov_follower_init");

    Scene scene = { .x = 100, .y = 100, .w = 30, .h = 30 };
    g_autoptr (FovImage) image = scene_draw (&scene, FOV_PIXEL_GRAY);
    FovBox outside = { -50, -50, -20, -20 };
    assert_false (fov_follower_init (follower, image, outside, 0, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "320x240");
    assert_fov_ok (fov_follower_init (follower, image, scene_box (&scene), 5, &error), error);
    assert_false (fov_follower_update (follower, &small, 6, &followed, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "8x8, expected 320x240");
    assert_false (fov_follower_update (follower, image, 5, &followed, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "pts");
    assert_fov_ok (fov_follower_update (follower, image, 6, &followed, &error), error);
    assert_true (followed.seen);
    assert_fov_ok (fov_follower_init (follower, &small, (FovBox){ 0, 0, 1, 1 }, 0, &error), error);
    for (int k = 1; k < 20; k++)
        assert_fov_ok (fov_follower_update (follower, &small, k, &followed, &error), error);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_stories),
        cmocka_unit_test (test_dropped_pictures_are_bridged_by_time),
        cmocka_unit_test (test_the_same_calls_give_the_same_bytes),
        cmocka_unit_test (test_wrong_calls_are_told),
    };
    return RUN ("follower", tests);
}
