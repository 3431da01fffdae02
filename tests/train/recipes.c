/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each recipe learns a batch by heart, and goes through an ONNX file. FOVEA_KEEP_RECIPES=FOLDER
 * keeps the files, with what they give for the batch: for tests/train/onnxruntime.js. */
#include "smallnet.h"

#include "gpu/gpu.h"

#include <math.h>
#include <unistd.h>
#include <fovea/session.h>
#include <glib/gstdio.h>

enum { BATCH = 4, TEXT = 5 };

typedef struct {
    const char *name;
    int width, height, outputs;
    FovLoss loss;
    double parameters; /* millions */
} Case;

static const Case cases[] = {
    { "residual", 24, 24, 3, FOV_LOSS_CROSS_ENTROPY, 0.17 },
    { "residual+se", 24, 24, 3, FOV_LOSS_BCE, 0.18 },
    { "residual+cbam", 24, 24, 3, FOV_LOSS_FOCAL, 0.18 },
    { "depthwise", 32, 32, 3, FOV_LOSS_CROSS_ENTROPY, 0.04 },
    { "depthwise+se", 32, 32, 3, FOV_LOSS_CROSS_ENTROPY, 0.06 },
    { "depthwise+cbam", 32, 32, 3, FOV_LOSS_CROSS_ENTROPY, 0.06 },
    { "embedding", 24, 24, 16, FOV_LOSS_TRIPLET, 0.18 },
    { "unet", 24, 16, 3, FOV_LOSS_CROSS_ENTROPY_DICE, 0.48 },
    { "unet+cbam", 16, 24, 2, FOV_LOSS_DICE, 0.5 },
    { "crnn", 48, 32, 6, FOV_LOSS_CTC, 0.24 },
    { "yolox", 96, 64, 3, FOV_LOSS_DETECTION, 0.19 },
    { "yolox+se", 64, 64, 1, FOV_LOSS_DETECTION, 0.2 },
};

static FovModel *
make (const Case *c, guint32 seed)
{
    g_autoptr (GError) error = NULL;
    FovModel *model = fov_recipe_build (&(FovRecipeParams){ .name = c->name,
                                                            .width = c->width,
                                                            .height = c->height,
                                                            .n_outputs = c->outputs,
                                                            .seed = seed },
                                        &error);

    if (!model)
        fail_msg ("%s", error->message);
    return model;
}

static FovView
make_pictures (const Case *c)
{
    FovView x = { FOV_F32, { 4, { BATCH, 3, c->height, c->width } }, NULL };
    float *v = x.data = g_new (float, fov_shape_elements (&x.shape));

    for (gint64 i = 0; i < fov_shape_elements (&x.shape); i++)
        v[i] = (float) sin (0.37 * (double) (i % 4001) + (double) (i / (3 * c->height * c->width)));
    return x;
}

/* One object in each picture, left or right. */
static void
fill_boxes (FovView *target, const Case *c)
{
    const gint64 rows = target->shape.dim[1];

    memset (target->data, 0, (gsize) fov_shape_elements (&target->shape) * sizeof (float));
    for (int n = 0; n < target->shape.dim[0]; n++) {
        const float x = n % 2 ? (float) c->width / 2 : 4;
        const float row[] = { x, 6, x + (float) c->width / 3, 40, (float) (n % c->outputs), 1 };
        memcpy ((float *) target->data + n * rows * 6, row, sizeof row);
    }
}

static void
fill_target (FovView *target, const Case *c)
{
    if (c->loss == FOV_LOSS_DETECTION) {
        fill_boxes (target, c);
        return;
    }
    for (gint64 i = 0; i < fov_shape_elements (&target->shape); i++)
        if (target->dtype == FOV_F32)
            fov_view_set (target, i, i * i % 3 == 1);
        else if (c->loss == FOV_LOSS_CTC)
            fov_view_set_int (target, i, i % TEXT == 4 ? -1 : 1 + i * 3 % (c->outputs - 1));
        else if (c->loss == FOV_LOSS_TRIPLET)
            fov_view_set_int (target, i, i / 2);
        else
            fov_view_set_int (target, i, i % c->outputs);
}

static FovTrainer *
make_trainer (const Case *c, FovDevice *device, FovModel *model, const FovShape *shape)
{
    g_autoptr (GError) error = NULL;
    FovTrainer *trainer = fov_trainer_new (device, model,
                                           &(FovTrainerParams){ .input_shapes = shape,
                                                                .loss = c->loss,
                                                                .label_length = TEXT,
                                                                .optimiser = FOV_OPTIMISER_ADAM,
                                                                .learning_rate = 0.003f },
                                           &error);
    FovTrainerInfo info;

    if (!trainer)
        fail_msg ("%s: %s", c->name, error->message);
    fov_trainer_info (trainer, &info);
    if (!(fabs ((double) info.n_values * 1e-6 - c->parameters) <= 0.1 * c->parameters))
        fail_msg ("%s has %.3f M parameters", c->name, (double) info.n_values * 1e-6);
    return trainer;
}

/* What a model gives for the pictures: g_free. */
static float *
outputs (FovDevice *device, FovModel *model, const FovView *x, gint64 *n)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovSession) session =
        fov_session_new (device, model, &(FovSessionParams){ .input_shapes = &x->shape }, &error);
    FovView y;

    if (!session || !fov_session_run (session, x, &y, &error))
        fail_msg ("%s", error->message);
    *n = fov_shape_elements (&y.shape);
    return g_memdup2 (y.data, (gsize) *n * sizeof (float));
}

static void
compare (const Case *c, FovDevice *device, FovModel *a, FovModel *b, const FovView *x)
{
    g_autoptr (FovDevice) reference = fov_device_open ("reference", NULL);
    gint64 n, m;
    g_autofree float *got = outputs (device, a, x, &n), *want = outputs (reference, b, x, &m);

    assert_int_equal (n, m);
    for (gint64 i = 0; i < n; i++)
        if (!(fabsf (got[i] - want[i]) <= 1e-4f * MAX (fabsf (want[i]), 1)))
            fail_msg ("%s: output %d is %g, expected %g", c->name, (int) i, (double) got[i],
                      (double) want[i]);
}

/* NAME.onnx, and NAME.txt: the input's dimensions, its values, the output's values. */
static void
keep (const Case *c, FovDevice *device, FovModel *model, const FovView *x)
{
    const char *folder = g_getenv ("FOVEA_KEEP_RECIPES");
    g_autofree char *onnx = g_strdup_printf ("%s/%s.onnx", folder, c->name);
    g_autofree char *path = g_strdup_printf ("%s/%s.txt", folder, c->name);
    g_autoptr (GString) text = g_string_new (NULL);
    g_autofree float *y = NULL;
    gint64 n;

    if (!folder)
        return;
    y = outputs (device, model, x, &n);
    g_string_append_printf (text, "%d %d\n", c->height, c->width);
    for (gint64 i = 0; i < fov_shape_elements (&x->shape); i++)
        g_string_append_printf (text, "%.9g ", fov_view_get (x, i));
    g_string_append_c (text, '\n');
    for (gint64 i = 0; i < n; i++)
        g_string_append_printf (text, "%.9g ", (double) y[i]);
    assert_true (fov_model_save (model, onnx, NULL));
    assert_true (g_file_set_contents (path, text->str, -1, NULL));
}

static void
run_case (const Case *c)
{
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), "fovea-recipe-XXXXXX.onnx", NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", NULL);
    g_autoptr (FovModel) model = make (c, 3);
    g_autoptr (FovModel) learned = NULL;
    g_autoptr (FovModel) read = NULL;
    FovView x = make_pictures (c), target;
    g_autoptr (FovTrainer) trainer = make_trainer (c, device, model, &x.shape);
    double first = 0, last = 0;
    FovTensorInfo info;

    fov_trainer_target (trainer, &info);
    target = (FovView){ info.dtype, info.shape, g_malloc (8 * fov_shape_elements (&info.shape)) };
    fill_target (&target, c);
    /* A detector first learns that most places hold nothing. */
    for (int i = 0; i < (c->loss == FOV_LOSS_DETECTION ? 100 : 40); i++)
        if (!fov_trainer_step (trainer, &x, &target, i ? &last : &first, &error))
            fail_msg ("%s: %s", c->name, error->message);
    if (!(last < first * 0.6))
        fail_msg ("%s: the loss went from %g to %g", c->name, first, last);
    learned = fov_trainer_model (trainer, FOV_WEIGHTS_CURRENT, &error);
    close (g_mkstemp (path));
    if (!fov_model_save (learned, path, &error) || !(read = fov_model_load (path, &error)))
        fail_msg ("%s: %s", c->name, error->message);
    compare (c, device, learned, read, &x);
    keep (c, device, learned, &x);
    g_unlink (path);
    g_free (x.data);
    g_free (target.data);
}

static void
test_learn (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
        run_case (&cases[i]);
}

/* ---- on vulkan ----------------------------------------------------------------- */

/* Losses of some steps, the last from the states that the others left; how much the host did. */
static guint
losses_of (const Case *c, const char *device_name, double losses[3])
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (device_name, NULL);
    g_autoptr (FovModel) model = make (c, 3);
    FovView x = make_pictures (c), target;
    g_autoptr (FovTrainer) trainer = make_trainer (c, device, model, &x.shape);
    FovSessionInfo session;
    FovTensorInfo info;

    fov_trainer_target (trainer, &info);
    target = (FovView){ info.dtype, info.shape, g_malloc (8 * fov_shape_elements (&info.shape)) };
    fill_target (&target, c);
    for (int i = 0; i < 3; i++)
        if (!fov_trainer_step (trainer, &x, &target, &losses[i], &error))
            fail_msg ("%s on %s: %s", c->name, device_name, error->message);
    fov_session_info (fov_trainer_session (trainer), &session);
    g_free (x.data);
    g_free (target.data);
    return session.n_host_steps;
}

/*
 * A step is all vulkan's, begins with the host's loss, and repeats. (Later losses differ by more
 * than rounding: Adam's first step is as long for a gradient that is next to nothing.)
 */
static void
test_vulkan (void **state)
{
    static const char *const names[] = { "residual+cbam", "depthwise+se", "embedding", "unet",
                                         "crnn",          "yolox+se",     NULL };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        double host[3], first[3], again[3];
        if (!g_strv_contains (names, cases[i].name))
            continue;
        losses_of (&cases[i], "cpu:2", host);
        if (losses_of (&cases[i], "vulkan", first) > 0)
            fail_msg ("%s: the host has to help", cases[i].name);
        losses_of (&cases[i], "vulkan", again);
        assert_memory_equal (first, again, sizeof first);
        if (!(fabs (first[0] - host[0]) <= 1e-5 * host[0]))
            fail_msg ("%s: the loss is %.9g, on the host %.9g", cases[i].name, first[0], host[0]);
    }
    assert_int_equal (fov_gpu_validation_errors (), 0);
}

static const struct {
    gint64 text[TEXT];
    const char *message;
} bad_texts[] = {
    { { 1, 2, 0, 3, 1 }, "label 2 of picture 1 is 0, expected 0 to 5 but for the blank (0)" },
    { { 1, 2, 6, 3, 1 }, "label 2 of picture 1 is 6, expected 0 to 5" },
    { { 1, 2, -2, 3, 1 }, "label 2 of picture 1 is -2, expected 0 to 5" },
};

/* Which label is wrong is said before a kernel makes a loss of it that is no number. */
static void
test_bad_texts (void **state)
{
    const Case *c = &cases[9];
    FovView x = make_pictures (c), target;

    for (guint i = 0; i < G_N_ELEMENTS (bad_texts); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (FovDevice) device = fov_device_open (i ? "vulkan" : "cpu:2", NULL);
        g_autoptr (FovModel) model = make (c, 3);
        g_autoptr (FovTrainer) trainer = make_trainer (c, device, model, &x.shape);
        FovTensorInfo info;
        fov_trainer_target (trainer, &info);
        target = (FovView){ info.dtype, info.shape, g_new (gint64, BATCH * TEXT) };
        fill_target (&target, c);
        memcpy ((gint64 *) target.data + TEXT, bad_texts[i].text, sizeof bad_texts[i].text);
        assert_false (fov_trainer_step (trainer, &x, &target, NULL, &error));
        if (!g_str_has_prefix (error->message, "step 1: ") ||
            !strstr (error->message, bad_texts[i].message))
            fail_msg ("'%s', expected '%s'", error->message, bad_texts[i].message);
        g_free (target.data);
    }
    g_free (x.data);
}

static void
test_embedding_has_length_1 (void **state)
{
    const Case *c = &cases[6];
    g_autoptr (FovDevice) device = fov_device_open ("cpu:1", NULL);
    g_autoptr (FovModel) model = make (c, 1);
    FovView x = make_pictures (c);
    gint64 n;
    g_autofree float *y = outputs (device, model, &x, &n);

    for (gint64 i = 0; i < BATCH; i++) {
        double sum = 0;
        for (gint64 k = 0; k < n / BATCH; k++)
            sum += (double) y[i * n / BATCH + k] * y[i * n / BATCH + k];
        assert_true (fabs (sum - 1) < 1e-5);
    }
    g_free (x.data);
}

/* Before it learns, a residual block is its shortcut: the norms that are added start at 0. */
static void
test_blocks_start_as_shortcuts (void **state)
{
    g_autoptr (FovModel) model = make (&cases[0], 1);
    const GPtrArray *nodes = fov_model_graph (model)->nodes;
    guint found = 0;

    for (guint i = 0; i < nodes->len; i++) {
        const FovNode *node = nodes->pdata[i];
        const FovNode *norm = fov_node_is (node, "Add") ? node->inputs[0]->producer : NULL;
        const float *scale;
        if (!fov_node_is (norm, "BatchNormalization"))
            continue;
        scale = g_bytes_get_data (norm->inputs[1]->data, NULL);
        for (gint64 c = 0; c < fov_tensor_elements (norm->inputs[1]); c++)
            assert_float_equal (scale[c], 0, 0);
        found++;
    }
    assert_int_equal (found, 6);
}

static void
test_dropout (void **state)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovModel) model =
        fov_recipe_build (&(FovRecipeParams){ "depthwise", 16, 16, 4, .dropout = 0.3f }, &error);
    guint found = 0;

    for (guint i = 0; i < fov_model_graph (model)->nodes->len; i++)
        found += fov_node_is (fov_model_graph (model)->nodes->pdata[i], "Dropout");
    assert_int_equal (found, 1);
}

static const struct {
    FovRecipeParams params;
    const char *message;
} bad[] = {
    { { "cake", 32, 32, 2 }, "recipe 'cake', expected residual, depthwise" },
    { { "residual+cake", 32, 32, 2 }, "recipe 'residual+cake'" },
    { { "resid", 32, 32, 2 }, "recipe 'resid'" },
    { { NULL, 32, 32, 2 }, "recipe ''" },
    { { "unet", 36, 32, 2 }, "expected multiples of 8" },
    { { "crnn", 128, 40, 2 }, "expected multiples of 16" },
    { { "residual", 4, 32, 2 }, "4x32 pixels" },
    { { "residual", 32, 32, 1 }, "1 outputs" },
    { { "residual", 32, 32, 2, .dropout = 1 }, "dropout 1" },
};

static void
test_bad (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        assert_null (fov_recipe_build (&bad[i].params, &error));
        if (!strstr (error->message, bad[i].message))
            fail_msg ("'%s', expected '%s'", error->message, bad[i].message);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_learn),
        cmocka_unit_test (test_vulkan),
        cmocka_unit_test (test_bad_texts),
        cmocka_unit_test (test_embedding_has_length_1),
        cmocka_unit_test (test_blocks_start_as_shortcuts),
        cmocka_unit_test (test_dropout),
        cmocka_unit_test (test_bad),
    };

    return cmocka_run_group_tests_name ("recipes", tests, NULL, NULL);
}
