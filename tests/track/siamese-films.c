/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Siamese tracker on real sequences: kept, lost behind something, found again. */
#include "../unit/check.h"

#include <stdio.h>
#include <string.h>

#include <fovea/media.h>
#include <fovea/visual.h>

#define LAST 60
/* Pictures in which the target is painted over. */
#define HIDE 30
#define SHOW 42

typedef struct {
    const char *name, *version;
    float least_iou; /* mean where the target can be seen */
    gboolean hide;
} Case;

static const Case cases[] = {
    { "Crossing", "v2", 0.65f, FALSE },  { "Crossing", "v3", 0.65f, FALSE },
    { "person12_1", "v2", 0.7f, FALSE }, { "boat1", "v2", 0.7f, FALSE },
    { "Crossing", "v2", 0.6f, TRUE },    { "boat1", "v2", 0.6f, TRUE },
};

static const char *
data_folder (void)
{
    const char *data = g_getenv ("FOVEA_TEST_DATA");

    if (!data)
        skip ();
    return data;
}

static guint
read_truth (const char *folder, FovBox *boxes)
{
    g_autofree char *path = g_build_filename (folder, "groundtruth_rect.txt", NULL), *text = NULL;
    g_auto (GStrv) lines = NULL;
    guint n = 0;

    assert_true (g_file_get_contents (path, &text, NULL, NULL));
    lines = g_strsplit (text, "\n", LAST + 1);
    for (; n < LAST && lines[n]; n++) {
        float x, y, w, h;
        if (sscanf (lines[n], "%f,%f,%f,%f", &x, &y, &w, &h) != 4)
            break;
        boxes[n] = (FovBox){ x - 1, y - 1, x - 1 + w, y - 1 + h };
    }
    return n;
}

static FovImage
read_picture (const char *folder, guint number)
{
    g_autofree char *path = g_strdup_printf ("%s/img/%04u.jpg", folder, number);
    g_autoptr (GError) error = NULL;
    FovImage image;

    assert_fov_ok (fov_image_load (path, &image, &error), error);
    return image;
}

/* Grey over the target and a margin. */
static void
paint_over (FovImage *image, FovBox box)
{
    FovBox cut = fov_box_clip ((FovBox){ box.x1 - 4, box.y1 - 4, box.x2 + 4, box.y2 + 4 },
                               (float) image->width, (float) image->height);

    for (int y = (int) cut.y1; y < (int) cut.y2; y++)
        memset (image->plane[0] + y * image->stride[0] + 3 * (int) cut.x1, 120,
                3 * (gsize) ((int) cut.x2 - (int) cut.x1));
}

static FovVisual *
open_visual (const char *data, const char *version)
{
    g_autofree char *backbone =
        g_strdup_printf ("%s/models/track/nanotrack%s_backbone.onnx", data, version);
    g_autofree char *head =
        g_strdup_printf ("%s/models/track/nanotrack%s_head.onnx", data, version);
    g_autoptr (GError) error = NULL;
    FovVisual *visual =
        fov_visual_new ("siamese", &(FovVisualParams){ .backbone = backbone, .head = head },
                        &error);

    assert_fov_ok (visual != NULL, error);
    return visual;
}

typedef struct {
    float iou; /* mean over what can be seen */
    guint n, lost_while_hidden;
} Result;

static Result
follow (const char *data, const Case *c)
{
    g_autofree char *folder = g_build_filename (data, "track", "sot", c->name, NULL);
    g_autoptr (FovVisual) visual = open_visual (data, c->version);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovFollower) follower = fov_follower_new (visual, 0, &error);
    FovBox truth[LAST];
    guint n = read_truth (folder, truth);
    Result result = { 0 };

    assert_int_equal (n, LAST);
    for (guint i = 0; i < n; i++) {
        gint64 pts = (gint64) i * 33333333;
        gboolean hidden = c->hide && i >= HIDE && i < SHOW;
        FovImage image = read_picture (folder, i + 1);
        FovFollowed followed = { .seen = TRUE, .box = truth[0] };
        if (hidden)
            paint_over (&image, truth[i]);
        if (i == 0)
            assert_true (fov_follower_init (follower, &image, truth[0], pts, &error));
        else
            assert_true (fov_follower_update (follower, &image, pts, &followed, &error));
        if (hidden) {
            result.lost_while_hidden += !followed.seen;
        } else {
            result.iou += fov_box_iou (followed.box, truth[i]);
            result.n++;
        }
        g_free (image.plane[0]);
    }
    result.iou /= (float) result.n;
    return result;
}

static void
test_films (void **state)
{
    const char *data = data_folder ();

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        const Case *c = &cases[i];
        Result r = follow (data, c);
        print_message ("# %s %s%s: mean IoU %.2f, lost in %u of %d hidden pictures\n", c->name,
                       c->version, c->hide ? ", hidden" : "", r.iou, r.lost_while_hidden,
                       c->hide ? SHOW - HIDE : 0);
        assert_true (r.iou > c->least_iou);
        if (c->hide)
            assert_in_range (r.lost_while_hidden, SHOW - HIDE - 3, SHOW - HIDE);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_films),
    };
    return RUN ("track-siamese-films", tests);
}
