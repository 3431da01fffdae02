/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Embeddings of people in a real film: one's crops look more alike than two people's. */
#include "common.h"

#include <stdio.h>

#include <fovea/embedder.h>
#include <fovea/media.h>

#define EVERY 30 /* pictures */
#define LAST 240
#define MOST 128

typedef struct {
    int frame, id;
    FovBox box;
} Crop;

typedef struct {
    Crop crop[MOST];
    guint n;
    float *rows;
} Crops;

/* The benchmark's own truth, the walkers that touch nobody. */
static void
read_truth (const char *data, Crops *crops)
{
    g_autofree char *path =
        g_build_filename (data, "track", "mot", "MOT15", "PETS09-S2L1", "gt", "gt.txt", NULL);
    g_autofree char *text = NULL;
    g_auto (GStrv) lines = NULL;
    Crop all[MOST];
    guint n = 0;

    assert_true (g_file_get_contents (path, &text, NULL, NULL));
    lines = g_strsplit (text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        Crop c;
        float w, h;
        if (sscanf (lines[i], "%d,%d,%f,%f,%f,%f", &c.frame, &c.id, &c.box.x1, &c.box.y1, &w, &h) !=
                6 ||
            c.frame > LAST || (c.frame - 1) % EVERY)
            continue;
        c.box.x2 = c.box.x1 + w;
        c.box.y2 = c.box.y1 + h;
        assert_true (n < MOST);
        all[n++] = c;
    }
    for (guint i = 0; i < n; i++) {
        gboolean alone = TRUE;
        for (guint k = 0; k < n; k++)
            alone &=
                k == i || all[k].frame != all[i].frame || fov_box_iou (all[i].box, all[k].box) == 0;
        if (alone)
            crops->crop[crops->n++] = all[i];
    }
}

static void
embed (const char *data, FovEmbedder *embedder, Crops *crops)
{
    g_autofree char *path = g_build_filename (data, "video", "vtest.avi", NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovReader) reader = fov_reader_open (path, &error);
    guint dim = fov_embedder_dim (embedder);
    FovFrame frame;

    assert_fov_ok (reader != NULL, error);
    crops->rows = g_new0 (float, (gsize) crops->n *dim);
    for (int number = 1; number <= LAST && fov_reader_read (reader, &frame, NULL); number++)
        for (guint i = 0; i < crops->n; i++)
            if (crops->crop[i].frame == number)
                assert_true (fov_embedder_embed (embedder, &frame.image, &crops->crop[i].box, 1,
                                                 crops->rows + (gsize) i * dim, &error));
}

/* Mean similarities of one person's crops and of two people's. */
static void
compare (const Crops *crops, guint dim, double *same, double *other)
{
    double sum[2] = { 0 };
    guint n[2] = { 0 };

    for (guint i = 0; i < crops->n; i++)
        for (guint k = 0; k < i; k++) {
            int is_same = crops->crop[i].id == crops->crop[k].id;
            double dot = 0;
            for (guint d = 0; d < dim; d++)
                dot += (double) crops->rows[i * dim + d] * crops->rows[k * dim + d];
            sum[is_same] += dot;
            n[is_same]++;
        }
    assert_in_range (n[1], 20, 1000);
    *same = sum[1] / n[1];
    *other = sum[0] / n[0];
}

static void
check (const char *spec)
{
    const char *data = g_getenv ("FOVEA_TEST_DATA");
    g_autoptr (FovDevice) device = data ? test_device (spec) : NULL;
    g_autoptr (GError) error = NULL;
    double same, other;
    Crops crops = { .n = 0 };

    if (!device)
        skip ();
    g_autofree char *path =
        g_build_filename (data, "models", "reid", "osnet_x0_25_msmt17.onnx", NULL);
    g_autoptr (FovModel) model = fov_model_load (path, &error);
    assert_fov_ok (model != NULL, error);
    g_autoptr (FovEmbedder) embedder = fov_embedder_new (device, model, NULL, &error);
    assert_fov_ok (embedder != NULL, error);
    assert_int_equal (fov_embedder_dim (embedder), 512);
    read_truth (data, &crops);
    embed (data, embedder, &crops);
    compare (&crops, 512, &same, &other);
    print_message ("# %s: %u crops, one person's %.3f alike, two people's %.3f\n", spec, crops.n,
                   same, other);
    assert_true (same > other + 0.12);
    g_free (crops.rows);
}

static void
test_host (void **state)
{
    check ("cpu");
}

static void
test_vulkan (void **state)
{
    check ("vulkan");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_host),
        cmocka_unit_test (test_vulkan),
    };
    return RUN ("detect-people", tests);
}
