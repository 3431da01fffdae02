/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A real detector from an ONNX file: all of it can be differentiated, and goes back into ONNX. */
#include "smallnet.h"

#include <unistd.h>
#include <glib/gstdio.h>

#define MODEL "detect/yolox_nano.onnx"

static char *
model_path (void)
{
    const char *data = g_getenv ("FOVEA_TEST_DATA");
    char *path = data ? g_build_filename (data, "models", MODEL, NULL) : NULL;

    if (path && g_file_test (path, G_FILE_TEST_EXISTS))
        return path;
    print_message ("# skipped: no " MODEL " in FOVEA_TEST_DATA\n");
    skip ();
    return NULL;
}

/* Of all constants: those that learned differ, as the trainer has them, others are the same. */
static void
compare (FovTrainer *trainer, FovModel *before, FovModel *after)
{
    const FovGraph *a = fov_model_graph (before), *b = fov_model_graph (after);
    FovTrainerInfo info;
    guint changed = 0;

    fov_trainer_info (trainer, &info);
    assert_int_equal (a->tensors->len, b->tensors->len);
    for (guint i = 0; i < a->tensors->len; i++) {
        const FovTensor *x = a->tensors->pdata[i], *y = b->tensors->pdata[i];
        if (!x || !x->data)
            continue;
        assert_string_equal (x->name, y->name);
        if (g_bytes_equal (x->data, y->data))
            continue;
        assert_memory_equal (g_bytes_get_data (y->data, NULL), small_state (trainer, x->name)->data,
                             g_bytes_get_size (y->data));
        changed++;
    }
    assert_in_range (changed, info.n_parameters * 9 / 10, info.n_parameters);
}

static void
test_detector (void **state)
{
    g_autofree char *path = model_path ();
    g_autofree char *copy = g_build_filename (g_get_tmp_dir (), "fovea-XXXXXX.onnx", NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", &error);
    g_autoptr (FovModel) model = fov_model_load (path, &error);
    g_autoptr (FovModel) learned = NULL;
    g_autoptr (FovTrainer) trainer =
        model ? fov_trainer_new (device, model,
                                 &(FovTrainerParams){ .loss = FOV_LOSS_SMOOTH_L1,
                                                      .optimiser = FOV_OPTIMISER_ADAM },
                                 &error)
              : NULL;
    FovTensorInfo x, target;
    FovView in, want;
    double first = 0, last = 0;

    if (!trainer)
        fail_msg ("%s", error->message);
    fov_model_input (model, 0, &x);
    fov_trainer_target (trainer, &target);
    in = (FovView){ x.dtype, x.shape, g_new0 (float, fov_shape_elements (&x.shape)) };
    want =
        (FovView){ target.dtype, target.shape, g_new0 (float, fov_shape_elements (&target.shape)) };
    for (gint64 i = 0; i < fov_shape_elements (&x.shape); i++)
        fov_view_set (&in, i, i * 37 % 256);
    for (int i = 0; i < 4; i++)
        if (!fov_trainer_step (trainer, &in, &want, i ? &last : &first, &error))
            fail_msg ("%s", error->message);
    assert_true (last < first);
    close (g_mkstemp (copy));
    if (!fov_trainer_write_onnx (trainer, copy, FOV_WEIGHTS_CURRENT, &error) ||
        !(learned = fov_model_load (copy, &error)))
        fail_msg ("%s", error->message);
    compare (trainer, model, learned);
    g_unlink (copy);
    g_free (in.data);
    g_free (want.data);
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_detector) };

    return cmocka_run_group_tests_name ("onnx", tests, NULL, NULL);
}
