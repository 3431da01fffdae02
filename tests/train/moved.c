/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Masks and points move with their pictures; pictures of one class come together. */
#include "batches.h"

enum { W = 120, H = 90, SIDE = 96, BATCH = 6, ROWS = 30, POINTS = 4 };

static gboolean
load (const FovSample *sample, FovImage *image, gpointer data, GError **error)
{
    return fov_image_alloc (image, FOV_PIXEL_GRAY, sample->width, sample->height, error);
}

/* Rectangles that do not meet, each with a mask that fills its box and a point in each corner:
 * of two on the left and two on the right. */
static FovData *
make_data (void)
{
    static const char *const classes[] = { "a", "b", NULL };
    static const char *const names[POINTS] = { "left top", "right top", "left low", "right low" };
    static const guint four = 4;
    FovData *data = fov_data_new (classes);

    assert_true (fov_data_set_points (data, POINTS, names, NULL, NULL));
    for (int i = 0; i < 9; i++) {
        g_autofree char *name = g_strdup_printf ("%d", i);
        FovDataObject objects[2];
        float corners[2][8];
        FovDataMask masks[2];
        FovDataPoint points[2][POINTS];
        FovSample s = { .name = name,
                        .width = W,
                        .height = H,
                        .objects = objects,
                        .n_objects = 2,
                        .classes = (const int[]){ i % 2 },
                        .n_classes = 1 };
        for (int k = 0; k < 2; k++) {
            const float x1 = (float) (5 + 60 * k + i), y1 = (float) (8 + 3 * i);
            const float x2 = x1 + 30 + (float) i, y2 = y1 + 40 - (float) i;
            const float around[] = { x1, y1, x2, y1, x2, y2, x1, y2 };
            memcpy (corners[k], around, sizeof around);
            masks[k] = (FovDataMask){ corners[k], &four, 1 };
            for (int p = 0; p < POINTS; p++)
                points[k][p] =
                    (FovDataPoint){ p % 2 ? x2 : x1, p / 2 ? y2 : y1, FOV_POINT_VISIBLE };
            objects[k] = (FovDataObject){ { x1, y1, x2, y2 }, k, FALSE, &masks[k], points[k] };
        }
        assert_true (fov_data_add (data, &s, NULL));
    }
    return data;
}

static FovLoader *
make_loader (FovData *data, const char *augment, guint threads)
{
    return loader_with (data, augment,
                        (FovLoaderParams){ .width = SIDE,
                                           .height = SIDE,
                                           .batch = BATCH,
                                           .max_objects = ROWS,
                                           .seed = 4,
                                           .threads = threads,
                                           .masks = TRUE,
                                           .load = load });
}

/* The box of a row's pixels; how many they are. */
static guint
box_of_instance (const gint32 *map, gint32 value, FovBox *box)
{
    guint n = 0;

    *box = (FovBox){ SIDE, SIDE, 0, 0 };
    for (int i = 0; i < SIDE * SIDE; i++) {
        const float x = (float) (i % SIDE), y = (float) (i / SIDE);
        if (map[i] != value)
            continue;
        *box = (FovBox){ MIN (box->x1, x), MIN (box->y1, y), MAX (box->x2, x + 1),
                         MAX (box->y2, y + 1) };
        n++;
    }
    return n;
}

/* Every way to move that there is: what a box's object covers stays inside the box, and reaches
 * its sides. */
static void
test_together (void **state)
{
    static const char *const ways[] = { "none",
                                        "none,flip=0.5,flip_vertical=0.5",
                                        "none,rotate=180",
                                        "none,scale=2,translate=0.4",
                                        "none,shear=30,perspective=0.3",
                                        "none,crop=1",
                                        "none,mosaic=1,scale=0.5,flip=0.5,rotate=20",
                                        "strong,cutout=0,paste=0,mixup=0" };
    g_autoptr (FovData) data = make_data ();

    for (guint w = 0; w < G_N_ELEMENTS (ways); w++) {
        g_autoptr (FovLoader) loader = make_loader (data, ways[w], 2);
        guint seen = 0;
        for (int b = 0; b < 12; b++) {
            FovBatch batch;
            assert_true (fov_loader_next (loader, &batch, NULL));
            for (int i = 0; i < BATCH * ROWS; i++) {
                const float *r = (const float *) batch.objects.data + 6 * i;
                const gint32 *map = (const gint32 *) batch.instances.data + i / ROWS * SIDE * SIDE;
                const gint64 *classes = (const gint64 *) batch.masks.data + i / ROWS * SIDE * SIDE;
                FovBox found;
                if (r[5] == 0 || r[2] - r[0] < 3 || r[3] - r[1] < 3)
                    continue;
                seen++;
                assert_true (box_of_instance (map, i % ROWS + 1, &found) > 0);
                assert_true (found.x1 >= r[0] - 1 && found.y1 >= r[1] - 1 && found.x2 <= r[2] + 1 &&
                             found.y2 <= r[3] + 1);
                for (int k = 0; k < SIDE * SIDE; k++)
                    assert_true (map[k] != i % ROWS + 1 || classes[k] == (gint64) r[4] + 1);
                if (w < 4) /* a turned sliver's end may lie between pixels */
                    assert_true (found.x1 <= r[0] + 2 && found.y1 <= r[1] + 2 &&
                                 found.x2 >= r[2] - 2 && found.y2 >= r[3] - 2);
            }
        }
        assert_true (seen > 50);
    }
}

/* ---- flips and points ------------------------------------------------------------------ */

/* One object on a square picture: three corners of a rectangle, so that it has no symmetry. */
static FovData *
make_one (const FovDataPoint *points, const FovDataMask *mask, FovBox box)
{
    static const char *const classes[] = { "a", NULL };
    static const char *const names[POINTS] = { "left top", "right top", "nose", "tail" };
    FovData *data = fov_data_new (classes);
    const FovDataObject o = { box, 0, FALSE, mask, points };
    const FovSample s = {
        .name = "x", .width = SIDE, .height = SIDE, .objects = &o, .n_objects = 1
    };

    assert_true (fov_data_set_points (data, POINTS, names, NULL, NULL));
    assert_true (fov_data_add (data, &s, NULL));
    return data;
}

typedef struct {
    FovBox box;
    FovDataPoint points[POINTS];
    gint32 map[SIDE * SIDE];
} Seen;

static void
look (FovData *data, const char *augment, Seen *seen)
{
    g_autoptr (FovLoader) loader = make_loader (data, augment, 1);
    const float *row, *p;
    FovBatch batch;

    assert_true (fov_loader_next (loader, &batch, NULL));
    row = batch.objects.data;
    p = batch.points.data;
    seen->box = (FovBox){ row[0], row[1], row[2], row[3] };
    for (int i = 0; i < POINTS; i++, p += 3)
        seen->points[i] = (FovDataPoint){ p[0], p[1], (FovPointState) p[2] };
    memcpy (seen->map, batch.instances.data, sizeof seen->map);
}

/* As run-length code. */
static GArray *
runs_of (const gint32 *map)
{
    GArray *runs = g_array_new (FALSE, FALSE, sizeof (guint32));
    gint32 now = 0;
    guint32 n = 0;

    for (int i = 0; i < SIDE * SIDE; i++, n++) {
        const gint32 value = map[i % SIDE * SIDE + i / SIDE];
        if (value == now)
            continue;
        g_array_append_val (runs, n);
        now = value;
        n = 0;
    }
    g_array_append_val (runs, n);
    return runs;
}

static const FovDataPoint standing[POINTS] = { { 20, 30, FOV_POINT_VISIBLE },
                                               { 50, 30, FOV_POINT_HIDDEN },
                                               { 35, 40, FOV_POINT_VISIBLE },
                                               { 0, 0, FOV_POINT_NONE } };
static const float triangle[] = { 15, 20, 60, 22, 30, 75 };
static const guint three = 3;

static FovData *
make_standing (void)
{
    return make_one (standing, &(FovDataMask){ triangle, &three, 1 }, (FovBox){ 15, 20, 60, 75 });
}

/* What is flipped and flipped again is as it was: pixels, names of sides and all. */
static void
test_flip_twice (void **state)
{
    static const char *const ways[] = { "none,flip=1", "none,flip_vertical=1",
                                        "none,flip=1,flip_vertical=1" };
    g_autoptr (FovData) data = make_standing ();
    g_autofree Seen *plain = g_new (Seen, 1), *once = g_new (Seen, 1), *twice = g_new (Seen, 1);

    look (data, "none", plain);
    for (guint w = 0; w < G_N_ELEMENTS (ways); w++) {
        look (data, ways[w], once);
        g_autoptr (GArray) runs = runs_of (once->map);
        const FovDataMask mask = { .runs = (guint32 *) (void *) runs->data, .n_runs = runs->len };
        g_autoptr (FovData) flipped = make_one (once->points, &mask, once->box);
        look (flipped, ways[w], twice);
        assert_memory_not_equal (plain->map, once->map, sizeof plain->map);
        assert_memory_equal (plain->map, twice->map, sizeof plain->map);
        assert_memory_equal (plain->points, twice->points, sizeof plain->points);
        assert_memory_equal (&plain->box, &twice->box, sizeof plain->box);
    }
}

/* A mirror makes a left eye a right one; turned by half a circle it stays one. */
static void
test_sides (void **state)
{
    static const struct {
        const char *augment;
        FovDataPoint left; /* where the point "left top" is then */
    } ways[] = { { "none", { 20, 30, FOV_POINT_VISIBLE } },
                 { "none,flip=1", { SIDE - 50, 30, FOV_POINT_HIDDEN } },
                 { "none,flip_vertical=1", { 50, SIDE - 30, FOV_POINT_HIDDEN } },
                 { "none,flip=1,flip_vertical=1", { SIDE - 20, SIDE - 30, FOV_POINT_VISIBLE } } };
    g_autoptr (FovData) data = make_standing ();
    g_autofree Seen *seen = g_new (Seen, 1);

    for (guint w = 0; w < G_N_ELEMENTS (ways); w++) {
        look (data, ways[w].augment, seen);
        assert_float_equal (seen->points[0].x, ways[w].left.x, 1e-4);
        assert_float_equal (seen->points[0].y, ways[w].left.y, 1e-4);
        assert_int_equal (seen->points[0].state, ways[w].left.state);
        assert_int_equal (seen->points[3].state, FOV_POINT_NONE);
        assert_float_equal (seen->points[3].x, 0, 0);
    }
}

/* Points lie in the picture or are none; those under a patch, where the map knows nothing, are
 * hidden, and no others. */
static void
test_hidden_points (void **state)
{
    g_autoptr (FovData) data = make_data ();
    g_autoptr (FovLoader) loader =
        make_loader (data, "none,cutout=1,scale=2,translate=0.3,crop=0.5", 2);
    guint hidden = 0, none = 0, visible = 0;

    for (int b = 0; b < 20; b++) {
        FovBatch batch;
        assert_true (fov_loader_next (loader, &batch, NULL));
        for (int i = 0; i < BATCH * ROWS * POINTS; i++) {
            const float *r = (const float *) batch.objects.data + 6 * (i / POINTS);
            const float *p = (const float *) batch.points.data + 3 * i;
            const gint32 *map =
                (const gint32 *) batch.instances.data + i / POINTS / ROWS * SIDE * SIDE;
            /* The pixel of the object beside the corner. */
            const int x = (int) CLAMP (p[0] + (i % 2 ? -1.5f : 1.5f), 0, SIDE - 1);
            const int y = (int) CLAMP (p[1] + (i % 4 / 2 ? -1.5f : 1.5f), 0, SIDE - 1);
            if (r[5] == 0)
                continue;
            hidden += p[2] == FOV_POINT_HIDDEN;
            visible += p[2] == FOV_POINT_VISIBLE;
            none += p[2] == FOV_POINT_NONE;
            assert_true (p[0] >= 0 && p[0] <= SIDE && p[1] >= 0 && p[1] <= SIDE);
            if (p[2] == FOV_POINT_NONE)
                assert_true (p[0] == 0 && p[1] == 0);
            else
                assert_true (p[0] >= r[0] - 1e-2f && p[0] <= r[2] + 1e-2f);
            if (p[2] == FOV_POINT_HIDDEN) /* the patch reaches over the corner */
                assert_true (map[y * SIDE + x] == -1 ||
                             map[(int) MIN (p[1], SIDE - 1) * SIDE + (int) MIN (p[0], SIDE - 1)] ==
                                 -1);
        }
    }
    assert_true (hidden > 10 && none > 100 && visible > 100);
}

/* ---- what patches and others do ----------------------------------------------------------- */

/* What shines through adds rows, but no pixels; a patch takes pixels away; outside is unknown. */
static void
test_covered (void **state)
{
    static const struct {
        const char *augment;
        gboolean unknown, others;                 /* pixels of -1; rows beyond the picture's two */
    } ways[] = { { "none,scale=0", TRUE, FALSE }, /* 120 x 90 fitted into a square */
                 { "none,mixup=1", TRUE, TRUE },
                 { "none,cutout=1", TRUE, FALSE },
                 { "none,paste=1", TRUE, TRUE } };
    g_autoptr (FovData) data = make_data ();
    guint counts[G_N_ELEMENTS (ways)] = { 0 };

    for (guint w = 0; w < G_N_ELEMENTS (ways); w++) {
        g_autoptr (FovLoader) loader = make_loader (data, ways[w].augment, 2);
        FovBatch batch;
        guint rows = 0;
        assert_true (fov_loader_next (loader, &batch, NULL));
        for (int i = 0; i < BATCH * SIDE * SIDE; i++) {
            const gint32 at = ((const gint32 *) batch.instances.data)[i];
            assert_in_range (at + 1, 0, 3); /* never the third or fourth row's */
            counts[w] += at < 0;
        }
        for (int i = 0; i < BATCH * ROWS; i++)
            rows += ((const float *) batch.objects.data)[6 * i + 5] != 0;
        assert_int_equal (rows > 2 * BATCH, ways[w].others);
        assert_int_equal (counts[w] > 0, ways[w].unknown);
    }
    assert_int_equal (counts[0], BATCH * SIDE * SIDE / 4); /* above and below */
    assert_int_equal (counts[1], counts[0]);
    assert_true (counts[2] > counts[0] && counts[3] > counts[0]);
}

/* ---- classes ------------------------------------------------------------------------------- */

static void
test_soft (void **state)
{
    static const char *const ways[] = { "none", "none,mixup=1", "none,mosaic=1",
                                        "none,mosaic=1,mixup=1" };
    g_autoptr (FovData) data = make_data ();

    for (guint w = 0; w < G_N_ELEMENTS (ways); w++) {
        g_autoptr (FovLoader) loader = make_loader (data, ways[w], 1);
        guint between = 0;
        for (int b = 0; b < 4; b++) {
            FovBatch batch;
            assert_true (fov_loader_next (loader, &batch, NULL));
            for (int i = 0; i < BATCH; i++) {
                const float *c = (const float *) batch.classes.data + 2 * i;
                const gint64 label = ((const gint64 *) batch.labels.data)[i];
                assert_float_equal (c[0] + c[1], 1, 1e-5);
                between += c[0] > 0.01f && c[0] < 0.99f;
                if (w < 2)
                    assert_true (c[label] > 0.49f);
            }
        }
        assert_int_equal (between > 0, w > 0);
    }
}

/* Four of a class one behind the other, in an order of their own each time; of nine each three come
 * again, and the one that is alone comes four times. */
static void
test_groups (void **state)
{
    enum { N = 28, SEEN = 40 };
    g_autoptr (FovData) data = fov_data_new ((const char *const[]){ "a", "b", "c", "d", NULL });
    guint order[2][SEEN];

    for (int i = 0; i < N; i++) {
        const int label = i == N - 1 ? 3 : i % 3;
        const FovSample s = {
            .name = "x", .width = 4, .height = 4, .classes = &label, .n_classes = 1
        };
        assert_true (fov_data_add (data, &s, NULL));
    }
    g_autoptr (FovLoader) loader =
        fov_loader_new (data,
                        &(FovLoaderParams){
                            .width = 8, .height = 8, .batch = SEEN / 2, .group = 4, .load = load },
                        NULL);
    assert_int_equal (fov_loader_batches (loader), 2);
    for (int e = 0; e < 2; e++) {
        FovBatch batch;
        guint32 seen = 0, alone = 0;
        for (int i = 0; i < SEEN; i++) {
            const gint64 *label;
            const int k = i % (SEEN / 2);
            if (k == 0)
                assert_true (fov_loader_next (loader, &batch, NULL));
            label = batch.labels.data;
            order[e][i] = batch.samples[k];
            seen |= 1u << batch.samples[k];
            alone += label[k] == 3;
            assert_int_equal (label[k], label[k / 4 * 4]);
            if (label[k] < 3 && k % 4)
                assert_int_not_equal (order[e][i], order[e][i - 1]);
        }
        assert_int_equal (seen, (1u << N) - 1);
        assert_int_equal (alone, 4);
    }
    assert_memory_not_equal (order[0], order[1], sizeof order[0]);
}

/* ---- the same bytes ------------------------------------------------------------------------- */

static void
test_threads (void **state)
{
    g_autoptr (FovData) data = make_data ();
    g_autoptr (FovLoader) one = make_loader (data, "strong", 1);
    g_autoptr (FovLoader) many = make_loader (data, "strong", 3);
    g_autofree char *place = NULL, *first = NULL, *again = NULL;

    for (int i = 0; i < 6; i++) {
        g_autofree char *a = digest (one), *b = digest (many);
        assert_string_equal (a, b);
    }
    place = fov_loader_place (one);
    first = digest (one);
    assert_true (fov_loader_seek (many, place, NULL));
    again = digest (many);
    assert_string_equal (first, again);
}

static gboolean
load_broken (const FovSample *sample, FovImage *image, gpointer data, GError **error)
{
    if (!g_str_has_suffix (sample->name, ".mask.png"))
        return fov_image_alloc (image, FOV_PIXEL_GRAY, 9, 9, error);
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "no picture");
    return FALSE;
}

static void
test_broken_mask (void **state)
{
    g_autoptr (FovData) data = fov_data_new ((const char *const[]){ "a", "b", NULL });
    const FovSample s = { .name = "a.jpg", .mask = "a.mask.png" };
    const FovLoaderParams p = { .width = 8, .height = 8, .masks = TRUE, .load = load_broken };
    g_autoptr (GError) error = NULL;
    FovBatch batch;

    assert_true (fov_data_add (data, &s, NULL));
    g_autoptr (FovLoader) loader = fov_loader_new (data, &p, NULL);
    assert_false (fov_loader_next (loader, &batch, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "picture 'a.jpg': mask 'a.mask.png': no picture");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_together),    cmocka_unit_test (test_flip_twice),
        cmocka_unit_test (test_sides),       cmocka_unit_test (test_hidden_points),
        cmocka_unit_test (test_covered),     cmocka_unit_test (test_soft),
        cmocka_unit_test (test_groups),      cmocka_unit_test (test_threads),
        cmocka_unit_test (test_broken_mask),
    };

    return RUN ("train-moved", tests);
}
