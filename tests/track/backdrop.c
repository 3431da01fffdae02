/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A camera at rest: boxes made better from what stands out, objects held by it. */
#include <math.h>

#include "../unit/check.h"
#include "trackers/backdrop.h"
#include <fovea/tracker.h>

#define WIDTH 320
#define HEIGHT 240
#define FPS 25
#define FRAMES 80
#define W 30.0f
#define H 90.0f

static FovBox
walker_at (int frame)
{
    float x = 20 + 3 * (float) frame;

    return (FovBox){ x, 80, x + W, 80 + H };
}

/* A grainy wall, moved by shift pixels and lit by light, with a walker before it. */
static void
draw (FovImage *image, int frame, int shift, double light)
{
    FovBox b = walker_at (frame);

    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            guint8 *p = image->plane[0] + y * image->stride[0] + 3 * x;
            gboolean inside =
                (float) x >= b.x1 && (float) x < b.x2 && (float) y >= b.y1 && (float) y < b.y2;
            double grey = 90 + ((x + shift) / 8 * 37 + y / 8 * 53) % 60;
            p[0] = (guint8) (light * (inside ? 180 : grey));
            p[1] = p[2] = (guint8) (light * (inside ? 40 : grey));
        }
}

typedef struct {
    const char *name;
    double wide;   /* the detector's boxes are so much wider than the walker */
    double shake;  /* and tremble by so many widths */
    int pan;       /* pixels that the camera moves a picture */
    int dark_from; /* picture from which the light is half; 0: never */
    int miss_from, miss_to;
    int sway;           /* pixels that the camera moves to and fro */
    double least, most; /* mean IoU of the walker's box over the last 40 pictures */
} Case;

static const Case cases[] = {
    { "a trembling detector draws too wide", 1.4, 0.1, 0, 0, 0, 0, 0, 0.85, 1 },
    { "a steady detector is believed", 1.4, 0, 0, 0, 0, 0, 0, 0.65, 0.82 },
    { "nothing is known where the camera moves", 1.4, 0.1, 3, 0, 0, 0, 0, 0.6, 0.78 },
    { "a light switch is forgotten", 1.4, 0.1, 0, 45, 0, 0, 0, 0.8, 1 },
    { "held where the detector misses", 1.0, 0.1, 0, 0, 50, 65, 0, 0.8, 1 },
    { "held while the camera sways", 1.0, 0.1, 0, 0, 50, 65, 1, 0.8, 1 },
    { "held while the camera sways more", 1.0, 0.1, 0, 0, 50, 65, 3, 0.8, 1 },
};

static double
follow (const Case *c)
{
    FovTrackerParams params = { .frame_rate = FPS };
    g_autoptr (FovTracker) tracker = fov_tracker_new ("fovea", &params, NULL);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    g_autoptr (GRand) rand = g_rand_new_with_seed (7);
    GError *error = NULL;
    FovImage image;
    double sum = 0;

    assert_true (fov_image_alloc (&image, FOV_PIXEL_RGB, WIDTH, HEIGHT, NULL));
    for (int frame = 0; frame < FRAMES; frame++) {
        FovBox b = walker_at (frame);
        float grow = (float) (c->wide - 1) * W / 2;
        float left = (float) g_rand_double_range (rand, -1, 1) * (float) c->shake * W;
        float right = (float) g_rand_double_range (rand, -1, 1) * (float) c->shake * W;
        FovDetection d = { { b.x1 - grow + left, b.y1, b.x2 + grow + right, b.y2 }, 0.9f, 0 };
        guint n = frame >= c->miss_from && frame < c->miss_to ? 0 : 1;
        int shift = c->pan * frame + (int) lround (c->sway * sin (0.9 * frame));
        draw (&image, frame, shift, c->dark_from && frame >= c->dark_from ? 0.5 : 1);
        assert_fov_ok (fov_tracker_update (tracker, &image, 0, 0, &d, n, TRUE,
                                           (gint64) frame * 1000000000 / FPS, tracks, &error),
                       error);
        for (guint i = 0; frame >= FRAMES / 2 && i < tracks->len; i++) {
            const FovTrack *t = &g_array_index (tracks, FovTrack, i);
            assert_int_equal (t->id, 1);
            /* Nothing hides the walker, whether the detector sees it or the picture does. */
            assert_int_equal (t->state, FOV_TRACK_CONFIRMED);
            assert_int_equal (t->reason, n ? FOV_TRACK_REASON_NONE : FOV_TRACK_REASON_VISUAL);
            sum += fov_track_is_shown (t) ? fov_box_iou (t->box, b) : 0;
        }
    }
    g_free (image.plane[0]);
    return sum / (FRAMES - FRAMES / 2);
}

static void
test_boxes (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        double iou = follow (&cases[i]);
        print_message ("# %s: mean IoU %.3f\n", cases[i].name, iou);
        assert_true (iou >= cases[i].least && iou <= cases[i].most);
    }
}

/* Nothing is said of a place before it was seen free of objects, nor outside of the picture. */
static void
test_unknown (void **state)
{
    static float rgb[3 * 40 * 30];
    const FovReduced picture = { rgb, 40, 30, 2 };
    const FovBox seen = { 0, 0, 30, 60 }, hidden = { 40, 0, 60, 60 }, outside = { 90, 0, 99, 9 };
    const float still[2] = { 0, 0 };
    FovBackdrop *backdrop = fov_backdrop_new ();
    FovExtent extent;

    assert_false (fov_backdrop_extent (backdrop, seen, TRUE, &extent));
    for (int frame = 0; frame < 6; frame++)
        fov_backdrop_next (backdrop, &picture, still, &hidden, 1);
    for (int y = 5; y < 20; y++)
        rgb[y * 40 + 5] = rgb[y * 40 + 6] = 1; /* two columns of the first box */
    fov_backdrop_next (backdrop, &picture, still, &seen, 1);
    fov_backdrop_cover (backdrop, &seen, 1, 1);
    assert_true (fov_backdrop_extent (backdrop, (FovBox){ 6, 8, 18, 42 }, TRUE, &extent));
    assert_float_equal (extent.box.x1, 10, 0.5);
    assert_float_equal (extent.box.x2, 14, 0.5);
    assert_float_equal (extent.box.y1, 10, 1);
    assert_float_equal (extent.box.y2, 40, 1);
    assert_false (fov_backdrop_extent (backdrop, hidden, TRUE, &extent));
    assert_false (fov_backdrop_extent (backdrop, outside, TRUE, &extent));
    fov_backdrop_reset (backdrop);
    assert_false (fov_backdrop_extent (backdrop, seen, TRUE, &extent));
    fov_backdrop_free (backdrop);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_boxes),
        cmocka_unit_test (test_unknown),
    };
    return RUN ("backdrop", tests);
}
