/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Training steps: as PyTorch takes them, the same bits every time, and only where asked for. */
#include "smallnet.h"

#include "gpu/gpu.h"

#include <math.h>

enum { STEPS = 20 };

static const FovShape batch_shape = { 4, { SMALL_BATCH, 3, SMALL_SIZE, SMALL_SIZE } };

static FovTrainer *
make (const char *device_name, FovTrainerParams params)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (device_name, &error);
    FovTrainer *trainer;

    assert_non_null (device);
    params.input_shapes = &batch_shape;
    trainer = fov_trainer_new_from_graph (device, small_net (), &params, &error);
    if (!trainer)
        fail_msg ("%s: %s", device_name, error->message);
    return trainer;
}

/* ---- PyTorch ---------------------------------------------------------------- */

static const struct {
    const char *name;
    FovTrainerParams params;
} recipes[] = {
    { "sgd", { .learning_rate = 0.05f, .weight_decay = 0.01f } },
    { "adam",
      { .optimiser = FOV_OPTIMISER_ADAM,
        .learning_rate = 0.004f,
        .weight_decay = 0.01f,
        .label_smoothing = 0.1f } },
    { "adamw",
      { .optimiser = FOV_OPTIMISER_ADAMW,
        .learning_rate = 0.004f,
        .weight_decay = 0.05f,
        .clip_norm = 0.7f } },
};

/* A line: name, values. */
static GHashTable *
read_golden (const char *name)
{
    g_autofree char *path = g_strdup_printf ("%s/train-%s.txt", GOLDEN_DIR, name), *text = NULL;
    GHashTable *table =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_strfreev);
    g_auto (GStrv) lines = NULL;

    if (!g_file_get_contents (path, &text, NULL, NULL))
        fail_msg ("%s can not be read", path);
    lines = g_strsplit (g_strchomp (text), "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        char **words = g_strsplit (lines[i], " ", -1);
        g_hash_table_insert (table, g_strdup (words[0]), words);
    }
    return table;
}

static void
compare_weights (FovTrainer *trainer, GHashTable *golden, const char *recipe)
{
    GHashTableIter iter;
    gpointer name, words;
    guint n = 0;

    g_hash_table_iter_init (&iter, golden);
    while (g_hash_table_iter_next (&iter, &name, &words)) {
        const FovView *view;
        if (g_str_equal (name, "loss"))
            continue;
        view = small_state (trainer, name);
        assert_int_equal (g_strv_length (words) - 1, fov_shape_elements (&view->shape));
        for (gint64 i = 0; i < fov_shape_elements (&view->shape); i++, n++) {
            double want = g_ascii_strtod (((char **) words)[i + 1], NULL);
            double got = fov_view_get (view, i);
            if (!(fabs (got - want) <= 1e-5))
                fail_msg ("%s: %s[%d] is %.9g after step 1, expected %.9g", recipe, (char *) name,
                          (int) i, got, want);
        }
    }
    assert_true (n > 1000);
}

static void
follow (const char *device, guint recipe)
{
    g_autoptr (GHashTable) golden = read_golden (recipes[recipe].name);
    g_autoptr (FovTrainer) trainer = make (device, recipes[recipe].params);
    char **losses = g_hash_table_lookup (golden, "loss");

    for (guint step = 1; step <= STEPS; step++) {
        double loss = small_step (trainer, step), want = g_ascii_strtod (losses[step], NULL);
        if (!(fabs (loss - want) <= 1e-3 * want))
            fail_msg ("%s on %s: loss %.9g at step %u, expected %.9g", recipes[recipe].name, device,
                      loss, step, want);
        if (step == 1)
            compare_weights (trainer, golden, recipes[recipe].name);
    }
}

static void
test_follows_pytorch (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (recipes); i++) {
        follow ("reference", i);
        follow ("cpu:2", i);
        follow ("vulkan", i);
    }
}

/* ---- the same bits ------------------------------------------------------------ */

static char *
digest_after (const char *device, guint recipe)
{
    FovTrainerParams params = recipes[recipe].params;
    g_autoptr (FovTrainer) trainer = NULL;

    params.average = 0.1f;
    trainer = make (device, params);
    for (guint step = 1; step <= 5; step++)
        small_step (trainer, step);
    return small_digest (trainer);
}

/* Of layers that are wide enough for kernels of their own. */
static char *
digest_of_wide (const char *name)
{
    const FovShape shape = { 4, { 8, 3, 32, 32 } };
    const FovTrainerParams params = { .input_shapes = &shape, .learning_rate = 0.05f };
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (name, &error);
    g_autoptr (FovModel) model = fov_recipe_new ("residual", 32, 4, 1, &error);
    g_autoptr (FovTrainer) trainer = fov_trainer_new (device, model, &params, &error);
    g_autofree float *pixels = g_new (float, 8 * 3 * 32 * 32);
    gint64 labels[] = { 0, 1, 2, 3, 0, 1, 2, 3 };
    const FovView x = { FOV_F32, shape, pixels }, target = { FOV_I64, { 1, { 8 } }, labels };

    for (int i = 0; i < 8 * 3 * 32 * 32; i++)
        pixels[i] = (float) sin (1.7 * i + i / 700);
    for (int step = 0; step < 2; step++)
        if (!trainer || !fov_trainer_step (trainer, &x, &target, NULL, &error))
            fail_msg ("%s", error->message);
    return small_digest (trainer);
}

static const char *const teams[] = { "cpu:1", "cpu:2", "cpu:3", "cpu:7" };

static void
test_bits_repeat (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (recipes); i++) {
        g_autofree char *first = digest_after ("cpu:1", i), *gpu = digest_after ("vulkan", i);
        g_autofree char *gpu_again = digest_after ("vulkan", i);
        for (guint d = 0; d < G_N_ELEMENTS (teams); d++) {
            g_autofree char *again = digest_after (teams[d], i);
            assert_string_equal (first, again);
        }
        assert_string_equal (gpu, gpu_again);
    }
}

static void
test_bits_of_wide_layers_repeat (void **state)
{
    g_autofree char *first = digest_of_wide ("cpu:1");

    for (guint d = 0; d < G_N_ELEMENTS (teams); d++) {
        g_autofree char *again = digest_of_wide (teams[d]);
        assert_string_equal (first, again);
    }
}

/* ---- what learns ---------------------------------------------------------------- */

static gboolean
changed (FovTrainer *trainer, const char *name)
{
    g_autoptr (FovGraph) fresh = small_net ();
    const FovTensor *before = fov_graph_find (fresh, name);
    const FovView *now = small_state (trainer, name);
    gsize size;
    gconstpointer data = g_bytes_get_data (before->data, &size);

    return memcmp (data, now->data, size) != 0;
}

static gboolean
is_state (FovTrainer *trainer, const char *name)
{
    const GArray *states = fov_trainer_states (trainer);

    for (guint i = 0; i < states->len; i++)
        if (g_str_equal (g_array_index (states, FovTrainerState, i).name, name))
            return TRUE;
    return FALSE;
}

static void
test_freeze (void **state)
{
    FovTrainerInfo all, head;
    g_autoptr (FovTrainer) whole = make ("cpu:2", (FovTrainerParams){ 0 });
    g_autoptr (FovTrainer) trainer = make ("cpu:2", (FovTrainerParams){ .freeze_to = "up" });

    small_step (whole, 1);
    small_step (trainer, 1);
    fov_trainer_info (whole, &all);
    fov_trainer_info (trainer, &head);
    assert_true (changed (whole, "conv1.weight") && changed (whole, "norm2.running_var"));
    assert_true (changed (trainer, "fc.weight") && changed (trainer, "fc.bias"));
    assert_false (is_state (trainer, "conv1.weight"));
    assert_false (is_state (trainer, "up.weight"));
    assert_false (is_state (trainer, "norm1.running_mean"));
    assert_int_equal (head.n_parameters, 2);
    assert_int_equal (all.n_parameters, 12);
    assert_true (head.flops < all.flops / 2);
}

static void
test_frozen_norms (void **state)
{
    g_autoptr (FovTrainer) trainer =
        make ("cpu:2", (FovTrainerParams){ .frozen_norms = TRUE, .learning_rate = 0.001f });

    small_step (trainer, 1);
    assert_true (changed (trainer, "norm1.weight"));
    assert_false (is_state (trainer, "norm1.running_mean"));
}

/* The mean of the first steps' parameters. */
static void
test_average (void **state)
{
    g_autoptr (FovTrainer) trainer =
        make ("cpu:2", (FovTrainerParams){ .average = 0.5f, .n_steps = 20 });
    const FovView *w = small_state (trainer, "fc.weight");
    const FovView *average = small_state (trainer, "fc.weight.average");
    double sum[SMALL_CLASSES * 8] = { 0 };

    for (guint step = 1; step <= 4; step++) {
        small_step (trainer, step);
        for (guint i = 0; i < G_N_ELEMENTS (sum); i++)
            sum[i] += fov_view_get (w, i) / 4;
    }
    for (guint i = 0; i < G_N_ELEMENTS (sum); i++)
        assert_true (fabs (fov_view_get (average, i) - sum[i]) <= 1e-6);
}

static void
test_schedule (void **state)
{
    static const double want[] = { 0.25,   0.5,   0.75,   1,     1,    0.934,
                                   0.7525, 0.505, 0.2575, 0.076, 0.01, 0.01 };
    g_autoptr (FovTrainer) trainer =
        make ("cpu:2", (FovTrainerParams){ .learning_rate = 1, .warmup_steps = 4, .n_steps = 11 });

    for (guint i = 0; i < G_N_ELEMENTS (want); i++) {
        FovTrainerInfo info;
        fov_trainer_set_step_number (trainer, i + 1);
        fov_trainer_info (trainer, &info);
        if (fabs (info.learning_rate - want[i]) > 1e-3)
            fail_msg ("rate %g at step %u, expected %g", info.learning_rate, i + 1, want[i]);
    }
}

/* A few steps on one batch bring its loss down, and the model of them predicts it. */
static void
learn (const char *device_name)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (device_name, &error);
    g_autoptr (FovModel) model = fov_model_new_from_graph (small_net (), "small", "test", NULL);
    g_autoptr (FovTrainer) trainer =
        fov_trainer_new (device, model,
                         &(FovTrainerParams){ .input_shapes = &batch_shape,
                                              .learning_rate = 0.05f },
                         &error);
    g_autoptr (FovModel) learned = NULL;
    g_autoptr (FovSession) session = NULL;
    double first, last = 0;
    SmallBatch batch;
    FovView scores;
    guint right = 0;

    if (!trainer)
        fail_msg ("%s", error->message);
    first = small_step (trainer, 1);
    for (int i = 0; i < 80; i++)
        last = small_step (trainer, 1);
    assert_true (last < first / 10);
    learned = fov_trainer_model (trainer, FOV_WEIGHTS_CURRENT, &error);
    session = fov_session_new (device, learned, &(FovSessionParams){ .input_shapes = &batch_shape },
                               &error);
    assert_non_null (session);
    small_batch (&batch, 1);
    assert_true (fov_session_run (session, &batch.x, &scores, &error));
    for (gint64 n = 0; n < SMALL_BATCH; n++) {
        gint64 best = 0;
        for (gint64 c = 1; c < SMALL_CLASSES; c++)
            if (fov_view_get (&scores, n * SMALL_CLASSES + c) >
                fov_view_get (&scores, n * SMALL_CLASSES + best))
                best = c;
        right += best == batch.labels[n];
    }
    assert_int_equal (right, SMALL_BATCH);
}

static void
test_model_has_learned (void **state)
{
    learn ("cpu:2");
    learn ("vulkan");
}

/* ---- errors ------------------------------------------------------------------ */

static const struct {
    FovTrainerParams params;
    const char *message;
} bad[] = {
    { { .output = 1 }, "output is 1, but the model has 1 outputs" },
    { { .freeze_to = "nowhere" }, "there is no node or tensor 'nowhere'" },
    { { .freeze_to = "scores" }, "no parameters to learn behind scores" },
    { { .momentum = 2 }, "momentum is 2, expected" },
    { { .average = NAN }, "average is nan, expected 0 to 1" },
};

static void
test_bad_parameters (void **state)
{
    g_autoptr (FovDevice) device = fov_device_open ("cpu:1", NULL);

    for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        assert_null (fov_trainer_new_from_graph (device, small_net (), &bad[i].params, &error));
        if (!strstr (error->message, bad[i].message))
            fail_msg ("'%s', expected '%s'", error->message, bad[i].message);
    }
}

static void
refuse_batches (const char *device)
{
    g_autoptr (FovTrainer) trainer = make (device, (FovTrainerParams){ 0 });
    g_autoptr (GError) error = NULL;
    SmallBatch batch;

    small_batch (&batch, 1);
    batch.target.shape.dim[0] = 3;
    assert_false (fov_trainer_step (trainer, &batch.x, &batch.target, NULL, &error));
    assert_non_null (strstr (error->message, "'fov.target': got int64 3, expected int64 6"));
    g_clear_error (&error);
    small_batch (&batch, 1);
    batch.labels[4] = 5;
    assert_false (fov_trainer_step (trainer, &batch.x, &batch.target, NULL, &error));
    assert_non_null (strstr (error->message, "step 1: "));
    assert_non_null (strstr (error->message, "label 5 at 4, expected 0 to 4"));
    g_clear_error (&error);
    small_batch (&batch, 1);
    batch.pixels[2 * 3 * SMALL_SIZE * SMALL_SIZE + 77] = NAN;
    assert_false (fov_trainer_step (trainer, &batch.x, &batch.target, NULL, &error));
    assert_non_null (strstr (error->message, "step 1: input 'x' has nan in picture 2"));
}

static void
test_bad_batches (void **state)
{
    refuse_batches ("cpu:2");
    refuse_batches ("vulkan");
}

/* Weights that run away are noticed in the same step. */
static void
test_divergence (void **state)
{
    g_autoptr (FovTrainer) trainer = make ("cpu:2", (FovTrainerParams){ .learning_rate = 1e6f });
    g_autoptr (GError) error = NULL;
    SmallBatch batch;
    guint step = 0;

    do
        small_batch (&batch, ++step);
    while (fov_trainer_step (trainer, &batch.x, &batch.target, NULL, &error) && step < 100);
    assert_non_null (error);
    assert_non_null (strstr (error->message, "lower the learning rate (1e+06)"));
}

static void
test_validation_silent (void **state)
{
    assert_int_equal (fov_gpu_validation_errors (), 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_follows_pytorch),
        cmocka_unit_test (test_bits_repeat),
        cmocka_unit_test (test_bits_of_wide_layers_repeat),
        cmocka_unit_test (test_freeze),
        cmocka_unit_test (test_frozen_norms),
        cmocka_unit_test (test_average),
        cmocka_unit_test (test_schedule),
        cmocka_unit_test (test_model_has_learned),
        cmocka_unit_test (test_bad_parameters),
        cmocka_unit_test (test_bad_batches),
        cmocka_unit_test (test_divergence),
        cmocka_unit_test (test_validation_silent),
    };

    return cmocka_run_group_tests_name ("trainer", tests, NULL, NULL);
}
