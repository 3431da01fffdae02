/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a picture of a batch costs, without decoding: processor time of the whole
 * process, the least of several rounds, for a network of 416 x 416. augment
 * [-d DEVICE] [LIST...] (as fovea train --augment takes it); needs FOVEA_TEST_DATA.
 */
#include <stdio.h>
#include <time.h>

#include <fovea/loader.h>
#include <fovea/media.h>

enum { BATCH = 8, BATCHES = 8, ROUNDS = 8, SKIPPED = 77 };

static double
processor_time (void)
{
    struct timespec t;

    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static gboolean
load (const FovSample *sample, FovImage *image, gpointer data, GError **error)
{
    return fov_image_load (sample->name, image, error);
}

static double
round_of (FovLoader *loader, GError **error)
{
    const double start = processor_time ();
    FovBatch batch;

    for (int i = 0; i < BATCHES; i++)
        if (!fov_loader_next (loader, &batch, error))
            return -1;
    return (processor_time () - start) / (BATCHES * BATCH);
}

static gboolean
measure (FovData *data, FovDevice *device, const char *text, GError **error)
{
    FovLoaderParams params = {
        .width = 416, .height = 416, .batch = BATCH, .threads = 1, .load = load, .device = device
    };
    g_autoptr (FovLoader) loader = NULL;
    double best = 1e9;

    if (!fov_augment_parse (text, &params.augment, error))
        return FALSE;
    loader = fov_loader_new (data, &params, error);
    for (int i = -3; loader && i < ROUNDS; i++) { /* until all pictures are kept, uncounted */
        const double seconds = round_of (loader, error);
        if (seconds < 0)
            return FALSE;
        best = i < 0 ? best : MIN (best, seconds);
    }
    if (loader)
        printf ("%-24s %6.2f ms a picture\n", text, best * 1e3);
    return loader != NULL;
}

int
main (int argc, char **argv)
{
    static const char *const lists[] = { "none",      "light",   "strong",  "mosaic=1", "mixup=1",
                                         "rotate=10", "clahe=1", "noise=8", "blur=1",   NULL };
    const char *root = g_getenv ("FOVEA_TEST_DATA");
    const gboolean has_device = argc > 2 && g_str_equal (argv[1], "-d");
    const int first = has_device ? 3 : 1;
    const char *const *list = argc > first ? (const char *const *) argv + first : lists;
    g_autofree char *path =
        g_build_filename (root ? root : "", "coco", "instances_train128.json", NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovData) data = NULL;
    g_autoptr (FovDevice) device = NULL;

    if (!root || !g_file_test (path, G_FILE_TEST_EXISTS)) {
        puts ("skipped: no coco/instances_train128.json in FOVEA_TEST_DATA");
        return SKIPPED;
    }
    data = fov_data_open (path, &(FovDataParams){ .most = 64 }, &error);
    device = data ? fov_device_open (has_device ? argv[2] : "cpu", &error) : NULL;
    for (; device && *list; list++)
        if (!measure (data, device, *list, &error))
            break;
    if (!error)
        return 0;
    fprintf (stderr, "%s\n", error->message);
    return 1;
}
