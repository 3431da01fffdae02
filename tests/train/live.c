/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What differs from batch to batch: dropout's draws, and batches that add up to one step. */
#include "smallnet.h"

#include <math.h>
#include <glib/gstdio.h>

enum { WIDE = 400, CLASSES = 5 };

/* ---- several batches, one step -------------------------------------------------- */

static FovTrainer *
make_small (FovTrainerParams params, gint64 batch)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", NULL);
    const FovShape shape = { 4, { batch, 3, SMALL_SIZE, SMALL_SIZE } };
    FovTrainer *trainer;

    params.input_shapes = &shape;
    params.frozen_norms = TRUE; /* live statistics are of a batch */
    trainer = fov_trainer_new_from_graph (device, small_net (), &params, &error);
    if (!trainer)
        fail_msg ("%s", error->message);
    return trainer;
}

/* Pictures first..first + n - 1 of a step's batch. */
static void
part_step (FovTrainer *trainer, guint step, gint64 first, gint64 n)
{
    g_autoptr (GError) error = NULL;
    SmallBatch batch;

    small_batch (&batch, step);
    batch.x.shape.dim[0] = batch.target.shape.dim[0] = n;
    batch.x.data = batch.pixels + first * 3 * SMALL_SIZE * SMALL_SIZE;
    batch.target.data = batch.labels + first;
    if (!fov_trainer_step (trainer, &batch.x, &batch.target, NULL, &error))
        fail_msg ("%s", error->message);
}

static void
test_accumulate (void **state)
{
    static const FovTrainerParams params[] = {
        { .learning_rate = 0.05f, .weight_decay = 0.01f, .average = 0.2f, .clip_norm = 0.5f },
        { .optimiser = FOV_OPTIMISER_ADAMW, .learning_rate = 0.003f, .average = 0.2f },
    };

    for (guint k = 0; k < G_N_ELEMENTS (params); k++) {
        FovTrainerParams split = params[k];
        g_autoptr (FovTrainer) whole = make_small (params[k], SMALL_BATCH);
        g_autoptr (FovTrainer) parts = NULL;
        const GArray *states = fov_trainer_states (whole);
        FovTrainerInfo info;
        split.accumulate = 3;
        parts = make_small (split, SMALL_BATCH / 3);
        for (guint step = 1; step <= 4; step++) {
            part_step (whole, step, 0, SMALL_BATCH);
            for (gint64 i = 0; i < 3; i++)
                part_step (parts, step, i * SMALL_BATCH / 3, SMALL_BATCH / 3);
        }
        fov_trainer_info (parts, &info);
        assert_int_equal (info.step, 4);
        for (guint i = 0; i < states->len; i++) {
            const FovTrainerState *a = &g_array_index (states, FovTrainerState, i);
            const FovView *b = small_state (parts, a->name);
            for (gint64 j = 0; j < fov_shape_elements (&b->shape); j++)
                if (!(fabs (fov_view_get (&a->view, j) - fov_view_get (b, j)) <= 2e-6))
                    fail_msg ("%s[%d] is %.9g, expected %.9g", a->name, (int) j,
                              fov_view_get (b, j), fov_view_get (&a->view, j));
        }
    }
}

/* Between the batches of a step nothing changes but the sum of gradients. */
static void
test_parameters_wait (void **state)
{
    g_autoptr (FovTrainer) trainer =
        make_small ((FovTrainerParams){ .accumulate = 2, .average = 0.1f }, SMALL_BATCH);
    const FovView *w = small_state (trainer, "fc.weight");
    const FovView *average = small_state (trainer, "fc.weight.average");
    const float before[] = { ((float *) w->data)[0], ((float *) average->data)[0] };

    part_step (trainer, 1, 0, SMALL_BATCH);
    assert_true (((float *) w->data)[0] == before[0]);
    assert_true (((float *) average->data)[0] == before[1]);
    part_step (trainer, 1, 0, SMALL_BATCH);
    assert_true (((float *) w->data)[0] != before[0]);
    assert_true (((float *) average->data)[0] != before[1]);
}

/* ---- dropout -------------------------------------------------------------------- */

static FovTensor *
ones (FovGraph *graph, const char *name, FovShape shape, float value)
{
    const gint64 n = fov_shape_elements (&shape);
    float *v = g_new (float, n);
    g_autoptr (GBytes) data = g_bytes_new_take (v, (gsize) n * sizeof *v);

    for (gint64 i = 0; i < n; i++)
        v[i] = value;
    return fov_graph_add_constant (graph, name, FOV_F32, &shape, data, NULL);
}

/* x [2, WIDE] -> Dropout -> times a weight per column -> sums of blocks of columns. */
static FovGraph *
dropout_net (float ratio)
{
    FovGraph *graph = fov_graph_new ();
    FovTensor *x = fov_graph_add_input (graph, "x", FOV_F32, &(FovShape){ 2, { 2, WIDE } });
    FovTensor *in[2] = { x, ones (graph, "ratio", (FovShape){ 0, { 0 } }, ratio) };
    FovNode *node = fov_graph_add_node (graph, "Dropout", "drop", in, 2, 1, NULL, 0, NULL);

    in[0] = node->outputs[0];
    in[1] = ones (graph, "w", (FovShape){ 2, { WIDE, CLASSES } }, 0.01f);
    node = fov_graph_add_node (graph, "MatMul", "head", in, 2, 1, NULL, 0, NULL);
    fov_graph_add_output (graph, node->outputs[0]);
    return graph;
}

static FovTrainer *
make_dropout (const char *device_name, float ratio, guint32 seed, guint accumulate)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (device_name, NULL);
    g_autoptr (FovModel) model =
        fov_model_new_from_graph (dropout_net (ratio), "dropout", "test", NULL);
    FovTrainer *trainer =
        fov_trainer_new (device, model,
                         &(FovTrainerParams){
                             .seed = seed, .accumulate = accumulate, .learning_rate = 0.1f },
                         &error);

    if (!trainer)
        fail_msg ("%s", error->message);
    return trainer;
}

/* A step on ones; which columns' weights got a gradient are those that stayed in any row. */
static double
dropout_step (FovTrainer *trainer)
{
    float x[2 * WIDE];
    gint64 labels[] = { 1, 3 };
    const FovView in = { FOV_F32, { 2, { 2, WIDE } }, x },
                  target = { FOV_I64, { 1, { 2 } }, labels };
    g_autoptr (GError) error = NULL;
    double loss;

    for (int i = 0; i < 2 * WIDE; i++)
        x[i] = 1;
    if (!fov_trainer_step (trainer, &in, &target, &loss, &error))
        fail_msg ("%s", error->message);
    return loss;
}

static guint
untouched (FovTrainer *trainer)
{
    const float *w = small_state (trainer, "w")->data;
    guint n = 0;

    for (int i = 0; i < WIDE; i++)
        n += w[i * CLASSES + 1] == 0.01f && w[i * CLASSES + 3] == 0.01f;
    return n;
}

static void
test_dropout_share (void **state)
{
    static const double ratios[] = { 0, 0.2, 0.5, 0.9 };

    for (guint k = 0; k < G_N_ELEMENTS (ratios); k++) {
        g_autoptr (FovTrainer) trainer = make_dropout ("cpu:2", (float) ratios[k], 1, 1);
        const double want = WIDE * ratios[k] * ratios[k]; /* out in both rows */
        dropout_step (trainer);
        if (fabs (untouched (trainer) - want) > 4 * sqrt (want) + 1e-9)
            fail_msg ("%u columns of %d were out, expected about %g", untouched (trainer), WIDE,
                      want);
    }
}

static GBytes *
weights_after (FovTrainer *trainer, guint steps)
{
    const FovView *w = small_state (trainer, "w");

    for (guint i = 0; i < steps; i++)
        dropout_step (trainer);
    return g_bytes_new (w->data, WIDE * CLASSES * sizeof (float));
}

static void
test_dropout_is_seeded (void **state)
{
    static const struct {
        const char *device;
        guint32 seed;
        guint first;
        gboolean same;
    } rows[] = { { "cpu:1", 7, 0, TRUE },
                 { "cpu:3", 7, 0, TRUE },
                 { "cpu:1", 8, 0, FALSE },
                 { "cpu:1", 7, 1, FALSE } };
    g_autoptr (FovTrainer) trainer = make_dropout ("cpu:2", 0.5f, 7, 1);
    g_autoptr (GBytes) want = weights_after (trainer, 1);

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (FovTrainer) other = make_dropout (rows[i].device, 0.5f, rows[i].seed, 1);
        g_autoptr (GBytes) got = NULL;
        fov_trainer_set_step_number (other, rows[i].first); /* the batch's number draws too */
        got = weights_after (other, 1);
        assert_int_equal (g_bytes_equal (want, got), rows[i].same);
    }
}

/* On the references the same elements go. */
static void
test_dropout_on_reference (void **state)
{
    g_autoptr (FovTrainer) a = make_dropout ("cpu:2", 0.3f, 9, 1);
    g_autoptr (FovTrainer) b = make_dropout ("reference", 0.3f, 9, 1);

    for (int i = 0; i < 3; i++) {
        const double got = dropout_step (a), want = dropout_step (b);
        if (!(fabs (got - want) <= 1e-5 * want))
            fail_msg ("loss %.9g, expected %.9g", got, want);
    }
    assert_int_equal (untouched (a), untouched (b));
}

/* A break in the middle of a step, with draws: the same bits as without. */
static void
test_resume (void **state)
{
    g_autofree char *folder = g_dir_make_tmp ("fovea-XXXXXX", NULL);
    g_autofree char *path = g_build_filename (folder, "c.safetensors", NULL);
    g_autoptr (FovTrainer) whole = make_dropout ("cpu:2", 0.5f, 3, 3);
    g_autoptr (FovTrainer) first = make_dropout ("cpu:2", 0.5f, 3, 3);
    g_autoptr (FovTrainer) second = make_dropout ("cpu:1", 0.5f, 3, 3);
    g_autoptr (GBytes) want = weights_after (whole, 9), got = NULL;

    g_bytes_unref (weights_after (first, 4));
    assert_true (fov_trainer_save (first, path, NULL, NULL));
    assert_true (fov_trainer_load (second, path, NULL, NULL));
    got = weights_after (second, 5);
    assert_true (g_bytes_equal (want, got));
    g_unlink (path);
    g_rmdir (folder);
}

/* What was learned is for inference: nothing is dropped. */
static void
test_inference (void **state)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:1", NULL);
    g_autoptr (FovTrainer) trainer = make_dropout ("cpu:1", 0.5f, 1, 1);
    g_autoptr (FovModel) model = fov_trainer_model (trainer, FOV_WEIGHTS_CURRENT, &error);
    g_autoptr (FovSession) session = fov_session_new (device, model, NULL, &error);
    float x[2 * WIDE];
    const FovView in = { FOV_F32, { 2, { 2, WIDE } }, x };
    FovView out;

    for (int i = 0; i < 2 * WIDE; i++)
        x[i] = 1;
    assert_true (fov_session_run (session, &in, &out, &error));
    for (int i = 0; i < 2 * CLASSES; i++)
        assert_true (fabs (fov_view_get (&out, i) - WIDE * 0.01) < 1e-4);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_accumulate),
        cmocka_unit_test (test_parameters_wait),
        cmocka_unit_test (test_dropout_share),
        cmocka_unit_test (test_dropout_is_seeded),
        cmocka_unit_test (test_dropout_on_reference),
        cmocka_unit_test (test_resume),
        cmocka_unit_test (test_inference),
    };

    return cmocka_run_group_tests_name ("live", tests, NULL, NULL);
}
