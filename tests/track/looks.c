/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The joined tracker's helpers: embeddings that are asked for, a visual tracker that fills in. */
#include <math.h>
#include <string.h>

#include "../unit/check.h"
#include "trackers/looks.h"
#include "trackers/stripes.h"
#include <fovea/tracker.h>

#define WIDTH 320
#define HEIGHT 240
#define DIM 4

typedef struct {
    guint calls, boxes, calls_now;
    gboolean fail;
} Embedder;

/* Left and right halves of the picture look different. */
static gboolean
embed (gpointer data, const FovImage *image, const FovBox *boxes, guint n, float *out,
       GError **error)
{
    Embedder *e = data;

    e->calls++;
    e->calls_now++;
    e->boxes += n;
    assert_true (n > 0 && image != NULL);
    if (e->fail) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_DEVICE_LOST, "the embedder's device is gone");
        return FALSE;
    }
    memset (out, 0, n * DIM * sizeof *out);
    for (guint i = 0; i < n; i++)
        out[i * DIM + (boxes[i].x1 > WIDTH / 2.0f)] = 1;
    return TRUE;
}

static void
fill (FovImage *image, FovBox box, guint8 r, guint8 g, guint8 b)
{
    box = fov_box_clip (box, WIDTH, HEIGHT);
    for (int y = (int) box.y1; y < (int) box.y2; y++)
        for (int x = (int) box.x1; x < (int) box.x2; x++) {
            guint8 *p = image->plane[0] + y * image->stride[0] + 3 * x;
            int grain = (x * 31 + y * 17 + x * y) % 40;
            p[0] = (guint8) (r + grain);
            p[1] = (guint8) (g + grain);
            p[2] = (guint8) (b + grain);
        }
}

static void
new_image (FovImage *image)
{
    assert_true (fov_image_alloc (image, FOV_PIXEL_RGB, WIDTH, HEIGHT, NULL));
    fill (image, (FovBox){ 0, 0, WIDTH, HEIGHT }, 100, 100, 100);
}

/* Two that stand apart need a look now and then; two that meet need one in each picture. */
static void
test_embeddings (void **state)
{
    Embedder e = { 0 };
    FovTrackerParams params = { .embed = embed, .embed_data = &e, .embed_dim = DIM };
    g_autoptr (FovTracker) tracker = fov_tracker_new ("fovea", &params, NULL);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    GError *error = NULL;
    FovImage image;
    guint apart = 0;

    new_image (&image);
    for (int frame = 0; frame < 90; frame++) {
        float near = frame < 60 ? 0 : 120;
        const FovDetection d[2] = { { { 40 + near, 50, 80 + near, 150 }, 0.9f, 0 },
                                    { { 200 - near / 4, 50, 240 - near / 4, 150 }, 0.9f, 0 } };
        e.calls_now = 0;
        assert_fov_ok (fov_tracker_update (tracker, &image, 0, 0, d, 2, TRUE,
                                           (gint64) frame * 33333333, tracks, &error),
                       error);
        assert_true (e.calls_now <= 1);
        if (frame == 59)
            apart = e.boxes;
    }
    print_message ("# %u looks at two apart in 60 pictures, %u at two together in 30\n", apart,
                   e.boxes - apart);
    assert_in_range (apart, 2, 12);
    assert_true (e.boxes - apart >= 40);

    /* A failure is told, and the step is done. */
    e.fail = TRUE;
    const FovDetection d = { { 160, 50, 200, 150 }, 0.9f, 0 };
    assert_false (fov_tracker_update (tracker, &image, 0, 0, &d, 1, TRUE,
                                      G_GINT64_CONSTANT (4000000000), tracks, &error));
    assert_fov_error (&error, FOV_ERROR_DEVICE_LOST, "gone");
    assert_true (tracks->len >= 2);
    g_free (image.plane[0]);
}

static float
product (const float *a, const float *b)
{
    float sum = 0;

    for (int i = 0; i < FOV_STRIPES_N; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The same clothes in another place, size and format look the same; others do not. */
static void
test_stripes (void **state)
{
    const struct {
        guint8 top[3], legs[3];
    } clothes[3] = { { { 190, 30, 30 }, { 20, 20, 60 } },
                     { { 30, 60, 180 }, { 150, 150, 140 } },
                     { { 20, 20, 60 }, { 190, 30, 30 } } };
    FovPatcher *patcher = fov_patcher_new ();
    float look[3][2][FOV_STRIPES_N];
    FovImage image, nv12;

    new_image (&image);
    assert_true (fov_image_alloc (&nv12, FOV_PIXEL_NV12, WIDTH, HEIGHT, NULL));
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < 2; k++) {
            float x = k ? 180 : 20, h = k ? 160 : 100;
            FovBox box = { x, 40, x + 0.4f * h, 40 + h };
            const guint8 *t = clothes[c].top, *l = clothes[c].legs;
            fill (&image, (FovBox){ x, 40, x + 0.4f * h, 40 + h / 2 }, t[0], t[1], t[2]);
            fill (&image, (FovBox){ x, 40 + h / 2, x + 0.4f * h, 40 + h }, l[0], l[1], l[2]);
            assert_true (fov_image_convert (&image, &nv12, NULL));
            fov_stripes_describe (patcher, k ? &nv12 : &image, box, NULL, look[c][k]);
            assert_float_equal (product (look[c][k], look[c][k]), 1, 1e-4);
        }
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) {
            float p = product (look[a][0], look[b][1]);
            assert_true (a == b ? p > 0.9f : p < 0.6f);
        }
    fov_patcher_free (patcher);
    g_free (image.plane[0]);
    g_free (nv12.plane[0]);
}

/* Mean IoU with an object that swings, the detector looking at every fifth picture. */
static double
swing (FovVisual *visual)
{
    FovTrackerParams params = { .visual = visual, .frame_rate = 25 };
    g_autoptr (FovTracker) tracker = fov_tracker_new ("fovea", &params, NULL);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    GError *error = NULL;
    FovImage image;
    double sum = 0;

    new_image (&image);
    for (int frame = 0; frame < 150; frame++) {
        float x = 140 + 60 * sinf ((float) frame * 0.15f);
        const FovDetection d = { { x, 60, x + 40, 160 }, 0.9f, 0 };
        gboolean ran = frame % 5 == 0;
        fill (&image, (FovBox){ 0, 0, WIDTH, HEIGHT }, 100, 100, 100);
        fill (&image, (FovBox){ x, 60, x + 40, 110 }, 190, 30, 30);
        fill (&image, (FovBox){ x, 110, x + 40, 160 }, 20, 20, 90);
        assert_fov_ok (fov_tracker_update (tracker, &image, 0, 0, ran ? &d : NULL, ran, ran,
                                           (gint64) frame * 40000000, tracks, &error),
                       error);
        if (frame >= 20 && tracks->len > 0 &&
            fov_track_is_shown (&g_array_index (tracks, FovTrack, 0)))
            sum += fov_box_iou (g_array_index (tracks, FovTrack, 0).box, d.box);
    }
    g_free (image.plane[0]);
    return sum / 130;
}

static void
test_shadow (void **state)
{
    GError *error = NULL;
    FovVisual *visual = fov_visual_new ("dcf", NULL, &error);

    assert_fov_ok (visual != NULL, error);
    double with = swing (visual), without = swing (NULL);
    print_message ("# mean IoU %.2f, without a visual tracker %.2f\n", with, without);
    assert_true (with > 0.7);
    assert_true (with > without + 0.1);
    fov_visual_free (visual);
}

#define N_UNSEEN 14

/*
 * Someone in red walks to the right until the detector fails, and there turns back. Where the track
 * is then thought to be, in the N_UNSEEN pictures after that, goes to xs; mean distance from where
 * they are.
 */
static double
coast (double particles, guint64 seed, float *xs)
{
    FovTrackerParams params = { .seed = seed };
    g_autoptr (FovTracker) tracker = fov_tracker_new (NULL, &params, NULL);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    double off = 0;

    assert_true (fov_tracker_set (tracker, "particles", particles, NULL));
    assert_true (fov_tracker_set (tracker, "refine", 0, NULL)); /* which would hold it */
    for (int frame = 0; frame < 30 + N_UNSEEN; frame++) {
        float x = 60 + 3 * (float) (frame < 30 ? frame : 60 - frame);
        const FovDetection d = { { x, 80, x + 30, 160 }, 0.9f, 0 };
        FovImage image;
        new_image (&image);
        fill (&image, d.box, 200, 20, 20);
        assert_true (fov_tracker_update (tracker, &image, 0, 0, &d, frame < 30, TRUE,
                                         frame * 33333333LL, tracks, NULL));
        g_free (image.plane[0]);
        const FovTrack *t = &g_array_index (tracks, FovTrack, 0);
        assert_true (tracks->len == 1 && t->id == 1);
        if (frame < 30)
            continue;
        assert_int_equal (t->state, FOV_TRACK_LOST);
        xs[frame - 30] = (t->box.x1 + t->box.x2) / 2;
        off += fabs (xs[frame - 30] - x - 15) / N_UNSEEN;
    }
    return off;
}

/* Particles follow the colours of a track that nothing else sees, as the seed has it. */
static void
test_coasting (void **state)
{
    float xs[4][N_UNSEEN];
    double by_motion = coast (0, 0, xs[0]), by_colours = coast (200, 0, xs[1]);

    print_message ("# %.1f pixels off by motion alone, %.1f by colours\n", by_motion, by_colours);
    assert_true (by_motion > 30 && by_colours < 15);
    coast (200, 0, xs[2]);
    coast (200, 7, xs[3]);
    assert_memory_equal (xs[1], xs[2], sizeof xs[1]);
    assert_memory_not_equal (xs[1], xs[3], sizeof xs[1]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_embeddings),
        cmocka_unit_test (test_stripes),
        cmocka_unit_test (test_shadow),
        cmocka_unit_test (test_coasting),
    };
    return RUN ("looks", tests);
}
