/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Batches made ahead: the same bytes whatever the threads and breaks, errors that name pictures. */
#include <math.h>

#include "batches.h"

#include "gpu/gpu.h"

enum { SIDE = 40, PICTURES = 11, BATCH = 4 };

/* A picture of its own for each name; "bad" can not be read. */
static gboolean
load (const FovSample *sample, FovImage *image, gpointer data, GError **error)
{
    guint32 seed = g_str_hash (sample->name);
    const int width = 50 + (int) (seed % 5);

    if (strstr (sample->name, "bad")) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "no picture");
        return FALSE;
    }
    if (!fov_image_alloc (image, seed % 3 ? FOV_PIXEL_RGB : FOV_PIXEL_I420, width, 30, error))
        return FALSE;
    for (int y = 0; y < 30; y++)
        for (int x = 0; x < width; x++)
            image->plane[0][y * image->stride[0] + x] =
                (guint8) (seed = seed * 1664525u + 1013904223u);
    if (data)
        g_atomic_int_inc ((int *) data);
    return TRUE;
}

static FovData *
make_data (guint n, const char *last)
{
    static const char *const classes[] = { "a", "b", NULL };
    FovData *data = fov_data_new (classes);

    for (guint i = 0; i < n; i++) {
        g_autofree char *name =
            i + 1 == n && last ? g_strdup (last) : g_strdup_printf ("picture %u", i);
        const FovDataObject objects[] = { { { 0.1f, 0.2f, 0.5f, 0.6f }, i == 0 },
                                          { { 0.5f, 0.5f, 0.7f, 0.9f }, -1, TRUE } };
        const FovSample s = { .name = name, .objects = objects, .n_objects = 2 };
        assert_true (fov_data_add (data, &s, NULL));
    }
    return data;
}

static FovLoader *
make_loader_on (FovDevice *device, FovData *data, const char *augment, guint threads, gint64 cache)
{
    return loader_with (data, augment,
                        (FovLoaderParams){ .width = SIDE,
                                           .height = SIDE,
                                           .batch = BATCH,
                                           .seed = 9,
                                           .threads = threads,
                                           .cache = cache,
                                           .max_objects = 10,
                                           .load = load,
                                           .device = device });
}

static FovLoader *
make_loader (FovData *data, const char *augment, guint threads, gint64 cache)
{
    return make_loader_on (NULL, data, augment, threads, cache);
}

static void
test_threads (void **state)
{
    g_autoptr (FovData) data = make_data (PICTURES, NULL);
    g_autoptr (FovLoader) one = make_loader (data, "strong", 1, -1);
    g_autoptr (FovLoader) three = make_loader (data, "strong", 3, 0);
    g_autoptr (FovLoader) few = make_loader (data, "strong", 2, 20000);
    g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

    for (int i = 0; i < 12; i++) {
        g_autofree char *a = digest (one), *b = digest (three), *c = digest (few);
        assert_string_equal (a, b);
        assert_string_equal (a, c);
        assert_true (g_hash_table_add (seen, g_steal_pointer (&a))); /* no batch twice */
    }
}

static void
test_resume (void **state)
{
    g_autoptr (FovData) data = make_data (PICTURES, NULL);
    g_autoptr (FovLoader) first = make_loader (data, "strong", 2, 0);
    g_autoptr (FovLoader) second = make_loader (data, "strong", 2, 0);
    char *places[8], *sums[8];
    g_autoptr (GError) error = NULL;

    for (int i = 0; i < 8; i++) {
        places[i] = fov_loader_place (first);
        sums[i] = digest (first);
    }
    for (int i = 7; i >= 0; i--) {
        assert_fov_ok (fov_loader_seek (second, places[i], &error), error);
        g_autofree char *again = digest (second), *place = fov_loader_place (second);
        assert_string_equal (again, sums[i]);
        assert_true (i == 7 || !strcmp (place, places[i + 1]));
    }
    for (int i = 0; i < 8; i++) {
        g_free (places[i]);
        g_free (sums[i]);
    }
}

static void
test_bad_place (void **state)
{
    static const char *const bad[] = { "",           "1 9 11 0",   "x 9 11 0 0", "1 9 11 0 -1",
                                       "1 8 11 0 0", "1 9 12 0 0", "2 9 11 0 0" };
    g_autoptr (FovData) data = make_data (PICTURES, NULL);
    g_autoptr (FovLoader) loader = make_loader (data, "none", 1, 0);

    for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        assert_false (fov_loader_seek (loader, bad[i], &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, "place");
    }
}

/* In an epoch each picture comes once, in another order than in the one before. */
static void
test_epochs (void **state)
{
    g_autoptr (FovData) data = make_data (8, NULL);
    g_autoptr (FovLoader) loader = make_loader (data, "none", 2, 0);
    guint order[3][8];

    assert_int_equal (fov_loader_batches (loader), 2);
    for (int i = 0; i < 6; i++) {
        FovBatch b;
        assert_true (fov_loader_next (loader, &b, NULL));
        assert_int_equal (b.epoch, i / 2);
        memcpy (order[i / 2] + i % 2 * BATCH, b.samples, sizeof (guint) * BATCH);
    }
    for (int e = 0; e < 3; e++) {
        guint seen = 0;
        for (int i = 0; i < 8; i++)
            seen |= 1u << order[e][i];
        assert_int_equal (seen, 255);
    }
    assert_memory_not_equal (order[0], order[1], sizeof order[0]);
}

/* The rare class is one of eleven; balanced, it is seen as often as the other. */
static void
test_balance (void **state)
{
    g_autoptr (FovData) data = make_data (PICTURES, NULL);
    const FovLoaderParams p = { .width = 8, .height = 8, .batch = 10, .load = load, .balance = 1 };
    g_autoptr (FovLoader) loader = fov_loader_new (data, &p, NULL);
    guint rare = 0;

    for (int i = 0; i < 20; i++) {
        FovBatch b;
        assert_true (fov_loader_next (loader, &b, NULL));
        for (int k = 0; k < 10; k++)
            rare += b.samples[k] == 0;
    }
    assert_in_range (rare, 98, 102); /* of 200: every epoch of 20 has ten */
}

static void
test_objects (void **state)
{
    g_autoptr (FovData) data = make_data (PICTURES, NULL);
    g_autoptr (FovLoader) loader = make_loader (data, "none", 2, 0);
    const float *row;
    FovBatch b;

    assert_true (fov_loader_next (loader, &b, NULL));
    row = b.objects.data;
    assert_float_equal (row[5], 1, 0);
    assert_float_equal (row[6 + 4], -1, 0);
    assert_float_equal (row[6 + 5], -1, 0);
    assert_float_equal (row[12 + 5], 0, 0);
    /* 40 pixels for 30 of height and more of width: 40 wide, centred; shares of the picture. */
    assert_float_equal (row[0], 0.1 * SIDE, 1e-3);
    assert_float_equal (row[2], 0.5 * SIDE, 1e-3);
}

/* Where rows are few, the largest stay. */
static void
test_few_rows (void **state)
{
    g_autoptr (FovData) data = make_data (PICTURES, NULL);
    const FovLoaderParams p = { .width = SIDE, .height = SIDE, .max_objects = 1, .load = load };
    g_autoptr (FovLoader) loader = fov_loader_new (data, &p, NULL);
    FovBatch b;

    assert_true (fov_loader_next (loader, &b, NULL));
    assert_float_equal (((float *) b.objects.data)[5], 1, 0);
    assert_int_equal (b.objects.shape.dim[1], 1);
}

/* And what is left over is no background. */
static void
test_region_of_the_rest (void **state)
{
    static const FovDataObject objects[] = { { { 0.1f, 0.1f, 0.2f, 0.2f }, 0 },
                                             { { 0.1f, 0.1f, 0.5f, 0.6f }, 1 },
                                             { { 0.5f, 0.5f, 0.6f, 0.7f }, 0 },
                                             { { 0.3f, 0.5f, 0.9f, 0.9f }, 0 } };
    const FovSample s = { .name = "full", .objects = objects, .n_objects = 4 };
    const FovLoaderParams p = {
        .width = 100, .height = 100, .fit = FOV_FIT_STRETCH, .max_objects = 3, .load = load
    };
    static const float want[3][6] = { { 30, 50, 90, 90, 0, 1 },
                                      { 10, 10, 50, 60, 1, 1 },
                                      { 10, 10, 60, 70, -1, -1 } };
    g_autoptr (FovData) data = make_data (0, NULL);
    FovBatch b;

    assert_true (fov_data_add (data, &s, NULL));
    g_autoptr (FovLoader) loader = fov_loader_new (data, &p, NULL);
    assert_true (fov_loader_next (loader, &b, NULL));
    for (int i = 0; i < 18; i++)
        assert_float_equal (((const float *) b.objects.data)[i], want[i / 6][i % 6], 1e-3);
}

static void
test_cache (void **state)
{
    g_autoptr (FovData) data = make_data (PICTURES, NULL);
    int loads = 0;
    const FovLoaderParams p = { .width = SIDE, .height = SIDE, .load = load, .load_data = &loads };
    g_autoptr (FovLoader) loader = fov_loader_new (data, &p, NULL);

    for (int i = 0; i < 20; i++) {
        FovBatch b;
        assert_true (fov_loader_next (loader, &b, NULL));
    }
    assert_int_equal (g_atomic_int_get (&loads), PICTURES);
}

static void
test_bad_picture (void **state)
{
    g_autoptr (FovData) data = make_data (PICTURES, "a bad one");
    g_autoptr (FovLoader) loader = make_loader (data, "none", 2, 0);
    g_autofree char *start = fov_loader_place (loader);
    g_autoptr (GError) error = NULL;
    FovBatch b;
    int n = 0;

    while (fov_loader_next (loader, &b, &error))
        assert_true (++n < PICTURES);
    assert_fov_error (&error, FOV_ERROR_FORMAT, "picture 'a bad one': no picture");
    assert_false (fov_loader_next (loader, &b, &error)); /* and again */
    assert_fov_error (&error, FOV_ERROR_FORMAT, "a bad one");
    assert_true (fov_loader_seek (loader, start, NULL));
    assert_true (n == 0 || fov_loader_next (loader, &b, NULL));
}

static void
test_wrong_size (void **state)
{
    g_autoptr (FovData) data = fov_data_new (NULL);
    const FovSample s = { .name = "x", .width = 7, .height = 7 };
    g_autoptr (GError) error = NULL;
    FovBatch b;

    assert_true (fov_data_add (data, &s, NULL));
    g_autoptr (FovLoader) loader = make_loader (data, "none", 1, 0);
    assert_false (fov_loader_next (loader, &b, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "its annotations are for 7x7");
}

static void
test_bad_params (void **state)
{
    g_autoptr (FovData) data = make_data (1, NULL), none = make_data (0, NULL);
    g_autoptr (GError) error = NULL;

    assert_null (fov_loader_new (data, &(FovLoaderParams){ .load = load }, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "input size");
    assert_null (fov_loader_new (data, &(FovLoaderParams){ .width = 4, .height = 4 }, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "no function that loads");
    assert_null (
        fov_loader_new (none, &(FovLoaderParams){ .width = 4, .height = 4, .load = load }, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "no pictures");
}

/* ---- on a GPU ------------------------------------------------------------------------ */

#define ALL_OF_IT                                                                                  \
    "strong,blur=2,noise=20,salt=0.05,clahe=0.5,equalize=0.5,cutout=0.5,paste=0.5,mixup=0.5"

static FovDevice *
find_vulkan (void)
{
    FovDevice *device = fov_device_open ("vulkan", NULL);

    if (!device)
        skip ();
    return device;
}

/* From run to run, whatever the threads, and after a break. */
static void
test_vulkan_repeats (void **state)
{
    g_autoptr (FovDevice) device = find_vulkan ();
    g_autoptr (FovData) data = make_data (PICTURES, NULL);
    g_autoptr (FovLoader) one = make_loader_on (device, data, ALL_OF_IT, 1, -1);
    g_autoptr (FovLoader) three = make_loader_on (device, data, ALL_OF_IT, 3, 0);
    g_autofree char *start = fov_loader_place (one);
    g_autofree char *first = digest (one), *same = digest (three);

    assert_string_equal (first, same);
    for (int i = 0; i < 12; i++) {
        g_autofree char *a = digest (one), *b = digest (three);
        assert_string_equal (a, b);
    }
    assert_true (fov_loader_seek (three, start, NULL));
    g_autofree char *again = digest (three);
    assert_string_equal (first, again);
}

/* Pictures are the host's but for rounding. */
static void
test_vulkan_agrees (void **state)
{
    g_autoptr (FovDevice) device = find_vulkan ();
    g_autoptr (FovData) data = make_data (PICTURES, NULL);
    g_autoptr (FovLoader) gpu = make_loader_on (device, data, ALL_OF_IT, 2, 0);
    g_autoptr (FovLoader) host = make_loader (data, ALL_OF_IT, 2, 0);
    double most = 0;
    FovBatch a, b;

    for (int k = 0; k < 25; k++) {
        assert_true (fov_loader_next (gpu, &a, NULL) && fov_loader_next (host, &b, NULL));
        for (int i = 0; i < BATCH * 3 * SIDE * SIDE; i++)
            most = MAX (most, fabs ((double) ((float *) a.pictures.data)[i] -
                                    (double) ((float *) b.pictures.data)[i]));
        assert_memory_equal (a.objects.data, b.objects.data, BATCH * 10 * 6 * sizeof (float));
    }
    print_message ("# host and vulkan differ by %.4f levels at most\n", most);
    assert_true (most > 0); /* else it was the host twice */
    assert_true (most < 1);
}

static gboolean
load_large (const FovSample *sample, FovImage *image, gpointer data, GError **error)
{
    return fov_image_alloc (image, FOV_PIXEL_RGB, 20000, 18000, error);
}

/* What no storage buffer should hold is left to the host, and not refused. */
static void
test_vulkan_too_large (void **state)
{
    g_autoptr (FovDevice) device = find_vulkan ();
    g_autoptr (FovData) data = make_data (1, NULL);
    const FovLoaderParams p = {
        .width = 8, .height = 8, .batch = 1, .ahead = 1, .load = load_large, .device = device
    };
    g_autoptr (FovLoader) loader = fov_loader_new (data, &p, NULL);
    g_autoptr (GError) error = NULL;
    FovBatch b;

    assert_fov_ok (fov_loader_next (loader, &b, &error), error);
    assert_int_equal (fov_gpu_validation_errors (), 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_threads),
        cmocka_unit_test (test_resume),
        cmocka_unit_test (test_bad_place),
        cmocka_unit_test (test_epochs),
        cmocka_unit_test (test_balance),
        cmocka_unit_test (test_objects),
        cmocka_unit_test (test_few_rows),
        cmocka_unit_test (test_region_of_the_rest),
        cmocka_unit_test (test_cache),
        cmocka_unit_test (test_bad_picture),
        cmocka_unit_test (test_wrong_size),
        cmocka_unit_test (test_bad_params),
        cmocka_unit_test (test_vulkan_repeats),
        cmocka_unit_test (test_vulkan_agrees),
        cmocka_unit_test (test_vulkan_too_large),
    };

    return RUN ("train-loader", tests);
}
