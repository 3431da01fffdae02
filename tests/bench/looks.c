/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the networks of trackers cost: processor time of the whole process, the
 * least of many, through a picture of 768 x 576. looks [DEVICE...]; needs
 * FOVEA_TEST_DATA.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <fovea/fovea.h>

#define RUNS 40
#define MOST 8
#define SKIPPED 77

static double
processor_time (void)
{
    struct timespec t;

    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static void
fill (FovImage *image)
{
    guint32 seed = 1;

    if (!fov_image_alloc (image, FOV_PIXEL_NV12, 768, 576, NULL))
        g_error ("no memory");
    for (int p = 0; p < 2; p++)
        for (int i = 0; i < image->stride[p] * fov_pixel_format_rows (image->format, p, 576); i++) {
            seed = seed * 1664525u + 1013904223u;
            image->plane[p][i] = (guint8) (seed >> 24);
        }
}

static FovBox
box_at (guint i)
{
    return (FovBox){ 40 + 80 * (float) i, 200, 75 + 80 * (float) i, 290 };
}

static void
fail (const char *what, const GError *error)
{
    fprintf (stderr, "%s: %s\n", what, error ? error->message : "failed");
}

static void
bench_visual (const char *device_name, FovDevice *device, const FovImage *image,
              const char *version, const char *folder)
{
    g_autofree char *backbone =
        g_strdup_printf ("%s/track/nanotrack%s_backbone.onnx", folder, version);
    g_autofree char *head = g_strdup_printf ("%s/track/nanotrack%s_head.onnx", folder, version);
    FovVisualParams params = { .device = device, .backbone = backbone, .head = head };
    g_autoptr (GError) error = NULL;
    g_autoptr (FovVisual) visual = fov_visual_new ("siamese", &params, &error);
    FovVisualQuery queries[MOST];
    FovVisualFound found[MOST];

    for (guint i = 0; visual && i < MOST; i++)
        queries[i] =
            (FovVisualQuery){ fov_visual_add (visual, image, box_at (i), &error), box_at (i), 1 };
    for (guint n = 1; visual && !error && n <= MOST; n *= MOST) {
        double least = 1e9, learn = 1e9;
        for (int run = 0; run < RUNS && !error; run++) {
            double start = processor_time (), middle;
            fov_visual_locate (visual, image, queries, n, found, &error);
            middle = processor_time ();
            fov_visual_learn (visual, image, queries[0].target, box_at (0), error ? NULL : &error);
            least = MIN (least, middle - start);
            learn = MIN (learn, processor_time () - middle);
        }
        printf ("%-8s siamese %s, %u target%s  %7.2f ms a target and picture, learning %.2f ms\n",
                device_name, version, n, n > 1 ? "s" : " ", 1e3 * least / n, 1e3 * learn);
    }
    if (error)
        fail ("siamese", error);
}

static void
bench_embedder (const char *device_name, FovDevice *device, const FovImage *image,
                const char *folder)
{
    g_autofree char *path = g_build_filename (folder, "reid", "osnet_x0_25_msmt17.onnx", NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovModel) model = fov_model_load (path, &error);
    g_autoptr (FovEmbedder) embedder =
        model ? fov_embedder_new (device, model, NULL, &error) : NULL;
    g_autofree float *out = embedder ? g_new (float, MOST *fov_embedder_dim (embedder)) : NULL;
    FovBox boxes[MOST];

    for (guint i = 0; i < MOST; i++)
        boxes[i] = box_at (i);
    for (guint n = 1; embedder && n <= MOST; n *= MOST) {
        double least = 1e9;
        for (int run = 0; run < RUNS && !error; run++) {
            double start = processor_time ();
            fov_embedder_embed (embedder, image, boxes, n, out, &error);
            least = MIN (least, processor_time () - start);
        }
        printf ("%-8s OSNet x0.25, %u crop%s    %7.2f ms a crop\n", device_name, n,
                n > 1 ? "s" : " ", 1e3 * least / n);
    }
    if (error)
        fail ("embedder", error);
}

int
main (int argc, char **argv)
{
    const char *data = g_getenv ("FOVEA_TEST_DATA"), *host[] = { "cpu" };
    g_autofree char *folder = data ? g_build_filename (data, "models", NULL) : NULL;
    FovImage image;

    if (!data) {
        printf ("FOVEA_TEST_DATA is not set\n");
        return SKIPPED;
    }
    fill (&image);
    for (int i = 0; i < MAX (argc - 1, 1); i++) {
        const char *name = argc > 1 ? argv[i + 1] : host[0];
        g_autoptr (GError) error = NULL;
        g_autoptr (FovDevice) device = fov_device_open (name, &error);
        if (!device) {
            fail (name, error);
            continue;
        }
        bench_visual (name, device, &image, "v2", folder);
        bench_visual (name, device, &image, "v3", folder);
        bench_embedder (name, device, &image, folder);
    }
    g_free (image.plane[0]);
    return 0;
}
