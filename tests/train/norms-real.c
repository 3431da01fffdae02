/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A real detector on real photos: un-folded norms change nothing, nor do those of the same photos.
 */
#include "smallnet.h"

#include <fovea/detector.h>
#include <fovea/media.h>
#include <fovea/norms.h>

#include <math.h>

#define MODEL "models/detect/yolox_nano.onnx"
#define PHOTOS "coco/val64"
#define N_PHOTOS 4

typedef struct {
    FovTensorInfo info;
    float *tensor[N_PHOTOS];
} Photos;

static char *
data_path (const char *name)
{
    const char *data = g_getenv ("FOVEA_TEST_DATA");
    char *path = data ? g_build_filename (data, name, NULL) : NULL;

    if (path && g_file_test (path, G_FILE_TEST_EXISTS))
        return path;
    print_message ("# skipped: no %s in FOVEA_TEST_DATA\n", name);
    skip ();
    return NULL;
}

static gboolean
read_photo (guint index, FovView *inputs, gpointer user_data, GError **error)
{
    Photos *p = user_data;

    inputs[0] = (FovView){ p->info.dtype, p->info.shape, p->tensor[index] };
    return TRUE;
}

static void
load_photos (Photos *p, FovPreparer *preparer, const char *folder)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);

    fov_preparer_info (preparer, &p->info);
    for (guint i = 0; i < N_PHOTOS; i++) {
        g_autofree char *path = g_build_filename (folder, g_dir_read_name (dir), NULL);
        g_autoptr (GError) error = NULL;
        FovImage image = { 0 };
        p->tensor[i] = g_new0 (float, fov_shape_elements (&p->info.shape));
        if (!fov_image_load (path, &image, &error) ||
            !fov_preparer_run (preparer, &image, p->tensor[i], &error))
            fail_msg ("%s", error->message);
        g_free (image.plane[0]);
    }
}

/* Largest difference of what the two give for the photos, as a share of the value where it is
 * above 1. */
static double
difference (FovDevice *device, FovModel *a, FovModel *b, Photos *photos)
{
    g_autoptr (FovSession) x = fov_session_new (device, a, NULL, NULL);
    g_autoptr (FovSession) y = fov_session_new (device, b, NULL, NULL);
    double most = 0;

    for (guint i = 0; i < N_PHOTOS; i++) {
        FovView in, of_x, of_y;
        read_photo (i, &in, photos, NULL);
        assert_true (fov_session_run (x, &in, &of_x, NULL));
        assert_true (fov_session_run (y, &in, &of_y, NULL));
        for (gint64 k = 0; k < fov_shape_elements (&of_x.shape); k++) {
            const double v = fov_view_get (&of_x, k), w = fov_view_get (&of_y, k);
            most = MAX (most, fabs (v - w) / MAX (fabs (v), 1));
        }
    }
    return most;
}

static void
test_detector (void **state)
{
    g_autofree char *path = data_path (MODEL), *folder = data_path (PHOTOS);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", &error);
    g_autoptr (FovModel) model = fov_model_load (path, &error);
    g_autoptr (FovPreparer) preparer = fov_preparer_new (model, NULL, &error);
    g_autoptr (GArray) moves = fov_norm_moves_new ();
    g_autoptr (FovModel) made = NULL, again = NULL;
    Photos photos = { 0 };
    FovNormFrames frames = { .n = N_PHOTOS, .read = read_photo, .user_data = &photos };

    load_photos (&photos, preparer, folder);
    made = fov_model_unfold (model, device, &frames, &error);
    again = made ? fov_model_recalibrate (made, device, &frames, moves, &error) : NULL;
    if (!again)
        fail_msg ("%s", error->message);
    /* all convolutions but the nine that predict */
    assert_int_equal (fov_model_n_norms (model), 0);
    assert_int_equal (fov_model_n_norms (made), moves->len);
    assert_int_equal (moves->len, 104);
    assert_true (difference (device, model, made, &photos) <= 1e-5);
    assert_true (difference (device, model, again, &photos) <= 1e-5);
    for (guint i = 0; i < moves->len; i++)
        assert_float_equal (g_array_index (moves, FovNormMove, i).shift, 0, 1e-4);
    for (guint i = 0; i < N_PHOTOS; i++)
        g_free (photos.tensor[i]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_detector) };

    return cmocka_run_group_tests_name ("norms-real", tests, NULL, NULL);
}
