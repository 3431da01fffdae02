/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "check.h"
#include "overlay/overlay-private.h"

static FovImage
make (FovPixelFormat format, int width, int height)
{
    GError *error = NULL;
    FovImage image;
    assert_fov_ok (fov_image_alloc (&image, format, width, height, &error), error);
    return image;
}

static gsize
image_bytes (const FovImage *image)
{
    int last = fov_pixel_format_n_planes (image->format) - 1;
    return (gsize) (image->plane[last] - image->plane[0]) +
           (gsize) image->stride[last] *
               (gsize) fov_pixel_format_rows (image->format, last, image->height);
}

/* Noise in every byte, row padding too, so that a stray write shows. */
static FovImage
make_noise (FovPixelFormat format, int width, int height)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (3);
    FovImage image = make (format, width, height);
    for (gsize i = 0; i < image_bytes (&image); i++)
        image.plane[0][i] = (guint8) g_rand_int (rand);
    return image;
}

static FovImage
copy_image (const FovImage *image)
{
    FovImage copy = make (image->format, image->width, image->height);
    memcpy (copy.plane[0], image->plane[0], image_bytes (image));
    copy.matrix = image->matrix;
    copy.range = image->range;
    return copy;
}

static FovOverlayItem
item (float x1, float y1, float x2, float y2, const char *label)
{
    return (FovOverlayItem){ .box = { x1, y1, x2, y2 }, .label = label, .score = 0.87f, .id = -1 };
}

static void
draw (FovOverlay *overlay, FovImage *image, const FovOverlayItem *items, guint n)
{
    GError *error = NULL;
    assert_fov_ok (fov_overlay_draw (overlay, image, items, n, &error), error);
}

/* How far pixel x, y is from the box's line; an upper bound on what may change. */
static float
away (FovBox b, float x, float y)
{
    float dx = MAX (MAX (b.x1 - x, x - b.x2), 0), dy = MAX (MAX (b.y1 - y, y - b.y2), 0);
    if (dx > 0 || dy > 0)
        return MAX (dx, dy);
    return MIN (MIN (x - b.x1, b.x2 - x), MIN (y - b.y1, b.y2 - y));
}

static guint
count_changes (const FovImage *before, const FovImage *after, FovBox box, float reach)
{
    guint near = 0;
    for (int p = 0; p < fov_pixel_format_n_planes (before->format); p++) {
        int per = (int) fov_pixel_format_row_bytes (before->format, p, p > 0 ? 2 : 1);
        int size = p > 0 ? 2 : 1;
        for (int y = 0; y < fov_pixel_format_rows (before->format, p, before->height); y++)
            for (int i = 0; i < before->stride[p]; i++) {
                gsize at = (gsize) y * before->stride[p] + i;
                if (before->plane[p][at] == after->plane[p][at])
                    continue;
                float x = (float) (i / per * size), d = away (box, x, (float) (y * size));
                if (d > reach || x >= before->width)
                    fail_msg ("%s plane %d: pixel %g, %d changed", /* padding counts too */
                              fov_pixel_format_name (before->format), p, x, y * size);
                near++;
            }
    }
    return near;
}

static void
test_only_lines_change (void **state)
{
    static const int sizes[][2] = { { 64, 48 }, { 63, 47 }, { 200, 121 } };
    const FovOverlayParams params = { .line_width = 3, .hide_labels = TRUE };
    g_autoptr (FovOverlay) overlay = fov_overlay_new (&params);

    for (int f = 0; f < FOV_PIXEL_N_FORMATS; f++)
        for (gsize s = 0; s < G_N_ELEMENTS (sizes); s++) {
            FovImage image = make_noise (f, sizes[s][0], sizes[s][1]);
            FovImage before = copy_image (&image);
            FovOverlayItem one = item (11.3f, 9.7f, 50.2f, 44.5f, "x");
            draw (overlay, &image, &one, 1);
            /* Half the line, its rim, rounding of the edge, a corner's arc, a chroma sample. */
            assert_true (count_changes (&before, &image, one.box, 6) > 300);
            g_free (image.plane[0]);
            g_free (before.plane[0]);
        }
}

static void
test_unused_byte_stays (void **state)
{
    g_autoptr (FovOverlay) overlay = fov_overlay_new (NULL);
    FovImage image = make (FOV_PIXEL_BGRX, 80, 60);
    FovOverlayItem one = item (5, 20, 70, 55, "cat");

    memset (image.plane[0], 77, image_bytes (&image));
    draw (overlay, &image, &one, 1);
    for (int y = 0; y < image.height; y++)
        for (int x = 0; x < image.width; x++)
            assert_int_equal (image.plane[0][y * image.stride[0] + x * 4 + 3], 77);
    g_free (image.plane[0]);
}

/* A picture in flat blocks, so that subsampling alone makes no difference. */
static FovImage
make_blocks (int width, int height)
{
    FovImage rgb = make (FOV_PIXEL_RGB, width, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                rgb.plane[0][y * rgb.stride[0] + x * 3 + c] =
                    (guint8) (60 + (x / 16 * 37 + y / 16 * 59 + c * 83) % 128);
    return rgb;
}

static int
largest_difference (const FovImage *a, const FovImage *b)
{
    int largest = 0;
    for (int p = 0; p < fov_pixel_format_n_planes (a->format); p++)
        for (int y = 0; y < fov_pixel_format_rows (a->format, p, a->height); y++)
            for (gsize i = 0; i < fov_pixel_format_row_bytes (a->format, p, a->width); i++) {
                gsize at = (gsize) y * a->stride[p] + i;
                largest = MAX (largest, abs (a->plane[p][at] - b->plane[p][at]));
            }
    return largest;
}

/* Drawing into a format gives what drawing into RGB and converting would. */
static void
test_formats_agree (void **state)
{
    static const struct {
        FovColorMatrix matrix;
        FovColorRange range;
    } codes[] = { { FOV_MATRIX_BT601, FOV_RANGE_LIMITED }, { FOV_MATRIX_BT709, FOV_RANGE_FULL } };
    g_autoptr (FovOverlay) overlay = fov_overlay_new (NULL);
    FovOverlayItem items[] = { item (20.5f, 40, 150, 120, "person"),
                               item (90, 61, 201, 133, "bus") };
    FovImage rgb = make_blocks (207, 141), drawn = copy_image (&rgb);

    items[1].dashed = TRUE;
    draw (overlay, &drawn, items, 2);
    assert_true (largest_difference (&rgb, &drawn) > 60);
    for (int f = 0; f < FOV_PIXEL_N_FORMATS; f++)
        for (gsize c = 0; c < G_N_ELEMENTS (codes); c++) {
            FovImage want = make (f, 207, 141), got = make (f, 207, 141);
            want.matrix = got.matrix = codes[c].matrix;
            want.range = got.range = codes[c].range;
            assert_true (fov_image_convert (&drawn, &want, NULL));
            assert_true (fov_image_convert (&rgb, &got, NULL));
            draw (overlay, &got, items, 2);
            /* Each layer over a pixel rounds once. Where layers share a sample of chroma
             * their mean alphas are mixed, not the pixels': up to 12 at text on chips. */
            int limit = fov_pixel_format_n_planes (f) > 1 ? 14 : 2;
            assert_in_range (largest_difference (&want, &got), 0, limit);
            g_free (want.plane[0]);
            g_free (got.plane[0]);
        }
    g_free (rgb.plane[0]);
    g_free (drawn.plane[0]);
}

static gboolean
disjoint (FovRect a, FovRect b)
{
    return a.x2 <= b.x1 || b.x2 <= a.x1 || a.y2 <= b.y1 || b.y2 <= a.y1;
}

static void
assert_inside (FovRect r, int width, int height)
{
    if (r.x1 < 0 || r.y1 < 0 || r.x2 > width || r.y2 > height)
        fail_msg ("chip %d,%d..%d,%d leaves %dx%d", r.x1, r.y1, r.x2, r.y2, width, height);
}

static void
test_chips_stay_inside (void **state)
{
    static const int sizes[][2] = { { 160, 120 }, { 640, 360 }, { 1921, 1081 } };
    g_autoptr (FovOverlay) overlay = fov_overlay_new (NULL);

    for (gsize s = 0; s < G_N_ELEMENTS (sizes); s++) {
        int w = sizes[s][0], h = sizes[s][1];
        FovImage image = make (FOV_PIXEL_GRAY, w, h);
        for (int gy = -1; gy <= 3; gy++)
            for (int gx = -1; gx <= 3; gx++) {
                float x = (float) (gx * w) / 3, y = (float) (gy * h) / 3;
                FovOverlayItem one =
                    item (x - 20, y - 20, x + (float) w / 4, y + (float) h / 4, "person");
                guint n;
                draw (overlay, &image, &one, 1);
                const FovRect *chips = fov_overlay_chips (overlay, &n);
                gboolean seen = one.box.x1 < (float) w && one.box.y1 < (float) h &&
                                one.box.x2 > 0 && one.box.y2 > 0;
                assert_int_equal (n, seen);
                if (seen)
                    assert_inside (chips[0], w, h);
            }
        g_free (image.plane[0]);
    }
}

static void
test_chip_sits_on_its_box (void **state)
{
    g_autoptr (FovOverlay) overlay = fov_overlay_new (NULL);
    FovImage image = make (FOV_PIXEL_NV12, 640, 360);
    FovOverlayItem one = item (200, 100, 400, 300, "person");
    guint n;

    draw (overlay, &image, &one, 1);
    const FovRect *chip = fov_overlay_chips (overlay, &n);
    assert_int_equal (n, 1);
    assert_in_range (chip->x1, 198, 200);
    assert_in_range (chip->y2, 99, 102);
    assert_in_range (chip->y2 - chip->y1, 11, 24);
    g_free (image.plane[0]);
}

/* People side by side and in front of one another, as in any street. */
static void
test_chips_step_aside (void **state)
{
    g_autoptr (FovOverlay) overlay = fov_overlay_new (NULL);
    FovImage image = make (FOV_PIXEL_NV12, 1280, 720);
    FovOverlayItem items[12];
    guint n;

    for (int i = 0; i < 12; i++)
        items[i] = item (300 + (float) i * 11, 300 + (float) (i % 3) * 4, 400 + (float) i * 11, 600,
                         "person");
    draw (overlay, &image, items, 12);
    const FovRect *chips = fov_overlay_chips (overlay, &n);
    assert_int_equal (n, 12);
    for (guint i = 0; i < n; i++) {
        assert_inside (chips[i], 1280, 720);
        for (guint k = 0; k < i; k++)
            assert_true (disjoint (chips[i], chips[k]));
    }
    g_free (image.plane[0]);
}

static void
test_hostile_boxes (void **state)
{
    static const FovBox boxes[] = {
        { NAN, 0, 10, 10 },
        { 0, 0, INFINITY, 10 },
        { -INFINITY, 0, 5, 5 },
        { -3e38f, -3e38f, 3e38f, 3e38f },
        { 10, 10, 5, 5 },
        { -100, -100, -50, -50 },
        { 1e30f, 1e30f, 2e30f, 2e30f },
        { 0, 0, 0, 0 },
        { 3, 3, 3, 3 },
        { 0.2f, 0.2f, 0.4f, 0.4f },
        { -1e9f, 2, 1e9f, 3 },
        { 0, 0, 1, 1e20f },
    };
    static const int sizes[][2] = { { 1, 1 }, { 1, 9 }, { 9, 1 }, { 2, 2 }, { 3, 5 }, { 33, 17 } };
    FovOverlayItem items[G_N_ELEMENTS (boxes)];
    g_autoptr (FovOverlay) overlay = fov_overlay_new (NULL);

    for (gsize i = 0; i < G_N_ELEMENTS (boxes); i++) {
        items[i] = item (0, 0, 0, 0, i % 2 ? "a label" : NULL);
        items[i].box = boxes[i];
        items[i].dashed = i % 3 == 0;
        items[i].id = i % 4 == 0 ? G_MAXINT64 : -1;
        items[i].class_id = i % 5 == 0 ? -7 : (int) i;
        items[i].score = i % 2 ? NAN : 1e30f;
    }
    for (int f = 0; f < FOV_PIXEL_N_FORMATS; f++)
        for (gsize s = 0; s < G_N_ELEMENTS (sizes); s++) {
            FovImage image = make_noise (f, sizes[s][0], sizes[s][1]);
            draw (overlay, &image, items, G_N_ELEMENTS (items));
            g_free (image.plane[0]);
        }

    FovImage image = make_noise (FOV_PIXEL_RGB, 64, 64), before = copy_image (&image);
    draw (overlay, &image, items, 3);     /* the three that are not finite */
    draw (overlay, &image, items + 4, 3); /* inverted and outside */
    assert_memory_equal (image.plane[0], before.plane[0], image_bytes (&image));
    g_free (image.plane[0]);
    g_free (before.plane[0]);
}

static void
test_hostile_labels (void **state)
{
    g_autofree char *endless = g_strnfill (1 << 20, 'W');
    g_autofree char *broken = g_strnfill (5000, (char) 0x80);
    const char *labels[] = { "\xff\xfe\xfd",
                             "a\nb\r\n\tc",
                             "\xe2\x80\xae"
                             "abc",
                             endless,
                             broken,
                             "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
                             "<b>&amp;",
                             "%s%n",
                             "\x01\x7f",
                             "車",
                             "\xf0\x9f\x9a\x97" };
    g_autoptr (FovOverlay) overlay = fov_overlay_new (NULL);
    FovImage image = make (FOV_PIXEL_I420, 320, 241);

    for (gsize i = 0; i < G_N_ELEMENTS (labels); i++) {
        FovOverlayItem one = item (40, 80, 120, 160, labels[i]);
        guint n;
        draw (overlay, &image, &one, 1);
        const FovRect *chip = fov_overlay_chips (overlay, &n);
        assert_int_equal (n, 1);
        assert_inside (*chip, 320, 241);
    }
    g_free (image.plane[0]);
}

/* A string is rendered once, however often it is drawn; the cache has a bound. */
static void
test_text_cache (void **state)
{
    g_autoptr (FovOverlay) overlay = fov_overlay_new (NULL);
    const FovTextCache *texts = fov_overlay_texts (overlay);
    FovImage image = make (FOV_PIXEL_NV12, 320, 240), larger = make (FOV_PIXEL_NV12, 1280, 720);
    FovOverlayItem items[] = { item (10, 50, 90, 90, "cat"), item (110, 50, 190, 90, "cat"),
                               item (210, 50, 290, 90, "dog") };

    for (int i = 0; i < 10; i++)
        draw (overlay, &image, items, 3);
    assert_int_equal (fov_text_cache_rendered (texts), 3); /* cat, dog, 87% */
    draw (overlay, &larger, items, 3);
    assert_int_equal (fov_text_cache_rendered (texts), 6); /* another size */
    for (int i = 0; i < 2000; i++) {
        items[0].id = i;
        draw (overlay, &image, items, 1);
    }
    assert_in_range (fov_text_cache_count (texts), 100, FOV_TEXT_MAX_KEPT);
    guint rendered = fov_text_cache_rendered (texts);
    draw (overlay, &image, items, 1); /* what was in use stayed */
    assert_int_equal (fov_text_cache_rendered (texts), rendered);
    g_free (image.plane[0]);
    g_free (larger.plane[0]);
}

static guint
count_pixels (const FovImage *rgb, int y, const guint8 color[3])
{
    guint n = 0;
    for (int x = 0; x < rgb->width; x++)
        n += memcmp (rgb->plane[0] + y * rgb->stride[0] + x * 3, color, 3) == 0;
    return n;
}

static void
test_dashes_and_options (void **state)
{
    FovOverlayParams params = { .line_width = 4, .hide_labels = TRUE };
    g_autoptr (FovOverlay) overlay = fov_overlay_new (&params);
    FovImage solid = make (FOV_PIXEL_RGB, 300, 200), dashed = make (FOV_PIXEL_RGB, 300, 200);
    FovOverlayItem one = item (20, 50, 280, 150, "cat");
    guint8 color[3];
    guint n;

    one.class_id = 5;
    one.id = 3;
    fov_overlay_palette (3, color);
    draw (overlay, &solid, &one, 1);
    fov_overlay_chips (overlay, &n);
    assert_int_equal (n, 0);
    assert_in_range (count_pixels (&solid, 50, color), 240, 264);
    one.dashed = TRUE;
    draw (overlay, &dashed, &one, 1);
    assert_in_range (count_pixels (&dashed, 50, color), 100, 180);

    params = (FovOverlayParams){ .line_width = 4, .color = FOV_OVERLAY_COLOR_CLASS };
    fov_overlay_set_params (overlay, &params);
    fov_overlay_palette (5, color);
    one.dashed = FALSE;
    draw (overlay, &solid, &one, 1);
    assert_true (count_pixels (&solid, 150, color) > 240);
    fov_overlay_chips (overlay, &n);
    assert_int_equal (n, 1);
    g_free (solid.plane[0]);
    g_free (dashed.plane[0]);
}

/* White on the chip's colour or dark on it: there is text, and it can be read. */
static void
test_text_is_readable (void **state)
{
    g_autoptr (FovOverlay) overlay = fov_overlay_new (NULL);
    for (int i = 0; i < 40; i++) {
        FovImage image = make (FOV_PIXEL_GRAY, 640, 360);
        FovOverlayItem one = item (100, 100, 300, 300, "MWMWMW");
        int least = 255, most = 0;
        guint n;
        image.range = FOV_RANGE_FULL;
        one.class_id = i;
        draw (overlay, &image, &one, 1);
        FovRect chip = *fov_overlay_chips (overlay, &n);
        for (int y = chip.y1 + 2; y < chip.y2 - 2; y++)
            for (int x = chip.x1 + 2; x < chip.x2 - 2; x++) {
                int v = image.plane[0][y * image.stride[0] + x];
                least = MIN (least, v);
                most = MAX (most, v);
            }
        assert_true (most - least > 80);
        g_free (image.plane[0]);
    }
}

static void
test_palette (void **state)
{
    guint8 colors[12][3], again[3];
    for (guint i = 0; i < 12; i++) {
        fov_overlay_palette (i, colors[i]);
        for (guint k = 0; k < i; k++) {
            int sum = 0;
            for (int c = 0; c < 3; c++)
                sum += abs (colors[i][c] - colors[k][c]);
            assert_true (sum > 40);
        }
    }
    fov_overlay_palette (4, again);
    assert_memory_equal (again, colors[4], 3);
    fov_overlay_palette (G_MAXUINT, again);
}

static void
test_refuses_bad_image (void **state)
{
    g_autoptr (FovOverlay) overlay = fov_overlay_new (NULL);
    GError *error = NULL;
    FovImage image = make (FOV_PIXEL_NV12, 64, 64);

    image.stride[1] = 3;
    assert_false (fov_overlay_draw (overlay, &image, NULL, 0, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "stride[1]");
    g_free (image.plane[0]);
}

#define MS G_GINT64_CONSTANT (1000000)

/* A box that goes right by 8 pixels in each of n pictures 100 ms apart; the last one stays. */
static FovImage
walk (FovOverlay *overlay, FovPixelFormat format, int width, int height, int n, FovOverlayItem one)
{
    FovImage image = make (format, width, height);

    for (int i = 0; i < n; i++) {
        memset (image.plane[0], 0, image_bytes (&image));
        fov_overlay_set_time (overlay, i * 100 * MS);
        draw (overlay, &image, &one, 1);
        one.box.x1 += 8;
        one.box.x2 += 8;
    }
    return image;
}

/* How bright the trail is in a column; of GRAY. */
static int
brightest (const FovImage *image, int x, int y1, int y2)
{
    int most = 0;

    for (int y = y1; y < y2; y++)
        most = MAX (most, image->plane[0][y * image->stride[0] + x]);
    return most;
}

static void
test_trail_fades (void **state)
{
    const FovOverlayParams params = { .hide_labels = TRUE, .trail = 2, .line_width = 4 };
    g_autoptr (FovOverlay) overlay = fov_overlay_new (&params);
    FovOverlayItem one = item (8, 20, 32, 100, NULL);
    int column[3], later;

    one.id = 7;
    /* Its last place is 20 + 8 * 15 = 140; 13 steps ago it was at 36, 1.3 s old. */
    FovImage image = walk (overlay, FOV_PIXEL_GRAY, 320, 120, 16, one);
    for (int i = 0; i < 3; i++)
        column[i] = brightest (&image, 36 + i * 40, 95, 105);
    assert_true (column[0] > 20);
    assert_true (column[0] + 20 < column[1]);
    assert_true (column[1] + 20 < column[2]);
    assert_int_equal (brightest (&image, 36, 0, 90), 0);

    /* The object went; its trail fades out where it was. */
    memset (image.plane[0], 0, image_bytes (&image));
    fov_overlay_set_time (overlay, 2000 * MS);
    draw (overlay, &image, NULL, 0);
    later = brightest (&image, 116, 95, 105);
    assert_true (later > 20 && later + 20 < column[2]);
    memset (image.plane[0], 0, image_bytes (&image));
    fov_overlay_set_time (overlay, 3600 * MS);
    draw (overlay, &image, NULL, 0);
    assert_int_equal (brightest (&image, 116, 95, 105), 0);
    assert_int_equal (fov_trails_count (fov_overlay_trails (overlay)), 0);
    g_free (image.plane[0]);
}

/* Where it was not seen a trail is fainter; without an id, or unless asked for, there is none. */
static void
test_trail_of_whom (void **state)
{
    FovOverlayParams params = { .hide_labels = TRUE, .trail = 2, .line_width = 4 };
    static const struct {
        gint64 id;
        float seconds;
        gboolean dashed;
        int least, most;
    } rows[] = { { 1, 2, FALSE, 90, 255 }, { 1, 2, TRUE, 25, 80 },  { -1, 2, FALSE, 0, 0 },
                 { 1, 0, FALSE, 0, 0 },    { 1, NAN, FALSE, 0, 0 }, { 1, -3, FALSE, 0, 0 } };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        params.trail = rows[i].seconds;
        g_autoptr (FovOverlay) overlay = fov_overlay_new (&params);
        FovOverlayItem one = item (8, 20, 32, 100, NULL);
        one.id = rows[i].id;
        one.dashed = rows[i].dashed;
        FovImage image = walk (overlay, FOV_PIXEL_GRAY, 320, 120, 16, one);
        assert_in_range (brightest (&image, 100, 95, 105), rows[i].least, rows[i].most);
        g_free (image.plane[0]);
    }
}

static void
test_trail_is_forgotten (void **state)
{
    const FovOverlayParams params = { .hide_labels = TRUE, .trail = 5 };
    FovOverlayItem one = item (8, 20, 32, 100, NULL);

    one.id = 7;
    for (int way = 0; way < 3; way++) {
        g_autoptr (FovOverlay) overlay = fov_overlay_new (&params);
        FovImage image = walk (overlay, FOV_PIXEL_GRAY, 320, 120, 16, one);
        FovImage other = make (FOV_PIXEL_GRAY, 320, way == 2 ? 122 : 120);
        if (way == 0)
            fov_overlay_forget (overlay);
        else if (way == 1)
            fov_overlay_set_time (overlay, 300 * MS);
        draw (overlay, &other, NULL, 0);
        assert_int_equal (brightest (&other, 100, 0, 120), 0);
        g_free (image.plane[0]);
        g_free (other.plane[0]);
    }
}

/* In every format and odd sizes a trail runs between two places, and nothing else is between. */
static void
test_trail_formats (void **state)
{
    static const int sizes[][2] = { { 200, 120 }, { 201, 121 }, { 64, 101 } };
    const FovOverlayParams params = { .hide_labels = TRUE, .trail = 2, .line_width = 3 };

    for (int f = 0; f < FOV_PIXEL_N_FORMATS; f++)
        for (gsize s = 0; s < G_N_ELEMENTS (sizes); s++) {
            g_autoptr (FovOverlay) overlay = fov_overlay_new (&params);
            int width = sizes[s][0], height = sizes[s][1];
            FovImage first = make_noise (f, width, height), image = copy_image (&first);
            FovImage before = copy_image (&first);
            FovOverlayItem one = item (6, 20, 16, 90, NULL);
            one.id = 2;
            fov_overlay_set_time (overlay, 0);
            draw (overlay, &first, &one, 1);
            one.box = (FovBox){ (float) width - 16, 20, (float) width - 6, 90 };
            fov_overlay_set_time (overlay, 1000 * MS);
            draw (overlay, &image, &one, 1);
            for (int y = 0; y < height; y++) {
                gsize at = (gsize) y * image.stride[0] +
                           (gsize) (width / 2) * fov_pixel_format_row_bytes (f, 0, 1);
                if (y < 80 || y > 99)
                    assert_memory_equal (before.plane[0] + at, image.plane[0] + at, 4);
                if (y == 90)
                    assert_memory_not_equal (before.plane[0] + at, image.plane[0] + at, 4);
            }
            g_free (first.plane[0]);
            g_free (image.plane[0]);
            g_free (before.plane[0]);
        }
}

/* A way to a place that no picture has is drawn as far as the picture goes. */
static void
test_trail_far_away (void **state)
{
    const FovOverlayParams params = { .hide_labels = TRUE, .trail = 2, .line_width = 4 };
    const FovBox boxes[] = { { 10, 10, 30, 40 }, { 20, 0, 3e38f, 20 } };
    g_autoptr (FovOverlay) overlay = fov_overlay_new (&params);
    FovImage image = make (FOV_PIXEL_GRAY, 160, 90), before = copy_image (&image);

    for (gsize i = 0; i < G_N_ELEMENTS (boxes); i++) {
        FovOverlayItem one = item (0, 0, 0, 0, NULL);
        one.box = boxes[i];
        one.id = 1;
        fov_overlay_set_time (overlay, (gint64) i * 200 * MS);
        draw (overlay, &image, &one, 1);
    }
    memcpy (image.plane[0], before.plane[0], image_bytes (&image));
    draw (overlay, &image, NULL, 0);
    for (int x = 30; x < 160; x += 10) {
        gsize at = (gsize) (40 * image.stride[0] + x);
        assert_int_not_equal (image.plane[0][at], before.plane[0][at]);
    }
    g_free (image.plane[0]);
    g_free (before.plane[0]);
}

/* Thousands of ids, wild places, times at the ends of their range. */
static void
test_trail_bounds (void **state)
{
    const FovOverlayParams params = { .hide_labels = TRUE, .trail = 1e9f };
    g_autoptr (FovOverlay) overlay = fov_overlay_new (&params);
    g_autoptr (GRand) rand = g_rand_new_with_seed (5);
    FovImage image = make (FOV_PIXEL_NV12, 160, 90);

    for (int i = 0; i < 3000; i++) {
        float x = (float) g_rand_double_range (rand, -1e5, 1e5);
        FovOverlayItem one = item (x, -1e7f, x + 1e5f, (float) (i % 200), NULL);
        one.id = i % 2 ? i : G_MAXINT64;
        fov_overlay_set_time (overlay, i < 2990 ? i * MS : G_MAXINT64 - 3000 + i);
        draw (overlay, &image, &one, 1);
    }
    assert_in_range (fov_trails_count (fov_overlay_trails (overlay)), 1, 1024);
    fov_overlay_set_time (overlay, G_MININT64);
    draw (overlay, &image, NULL, 0);
    draw (overlay, &image, NULL, 0);
    assert_int_equal (fov_trails_count (fov_overlay_trails (overlay)), 0);
    g_free (image.plane[0]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_only_lines_change),    cmocka_unit_test (test_unused_byte_stays),
        cmocka_unit_test (test_formats_agree),        cmocka_unit_test (test_chips_stay_inside),
        cmocka_unit_test (test_chip_sits_on_its_box), cmocka_unit_test (test_chips_step_aside),
        cmocka_unit_test (test_hostile_boxes),        cmocka_unit_test (test_hostile_labels),
        cmocka_unit_test (test_text_cache),           cmocka_unit_test (test_dashes_and_options),
        cmocka_unit_test (test_text_is_readable),     cmocka_unit_test (test_palette),
        cmocka_unit_test (test_refuses_bad_image),    cmocka_unit_test (test_trail_fades),
        cmocka_unit_test (test_trail_of_whom),        cmocka_unit_test (test_trail_is_forgotten),
        cmocka_unit_test (test_trail_formats),        cmocka_unit_test (test_trail_bounds),
        cmocka_unit_test (test_trail_far_away),
    };
    return RUN ("overlay", tests);
}
