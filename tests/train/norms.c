/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Norms put back behind convolutions, their statistics taken anew, and folded again. */
#include "smallnet.h"

#include <fovea/norms.h>

#include <math.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "train/norms.h"

#define IMAGE (3 * SMALL_SIZE * SMALL_SIZE)

static FovDevice *device;

/* ---- frames ------------------------------------------------------------------ */

typedef struct {
    float scale;
    float spoiled; /* added to one value */
    SmallBatch batch;
} Frames;

static gboolean
read_frame (guint index, FovView *inputs, gpointer user_data, GError **error)
{
    Frames *f = user_data;

    small_batch (&f->batch, index + 1);
    for (int i = 0; i < SMALL_BATCH * IMAGE; i++)
        f->batch.pixels[i] *= f->scale;
    f->batch.pixels[5] += f->spoiled;
    inputs[0] = f->batch.x;
    return TRUE;
}

static FovNormFrames
take (Frames *f, guint n)
{
    static const FovShape shape = { 4, { SMALL_BATCH, 3, SMALL_SIZE, SMALL_SIZE } };

    return (FovNormFrames){ .n = n, .read = read_frame, .user_data = f, .input_shapes = &shape };
}

/* ---- models ------------------------------------------------------------------ */

static FovModel *
unfolded (FovModel *model, Frames *frames)
{
    g_autoptr (GError) error = NULL;
    FovNormFrames of = take (frames, 3);
    FovModel *made = fov_model_unfold (model, device, &of, &error);

    if (!made)
        fail_msg ("%s", error->message);
    return made;
}

static FovModel *
recalibrated (FovModel *model, Frames *frames, GArray *moves)
{
    g_autoptr (GError) error = NULL;
    FovNormFrames of = take (frames, 3);
    FovModel *made = fov_model_recalibrate (model, device, &of, moves, &error);

    if (!made)
        fail_msg ("%s", error->message);
    return made;
}

/* The small net with statistics that fit its pictures. */
static FovModel *
small_model (Frames *frames)
{
    g_autoptr (FovModel) fresh =
        fov_model_new_from_graph (small_net (), "small", "made here", NULL);

    return recalibrated (fresh, frames, NULL);
}

static void
scores (FovModel *model, Frames *frames, float out[SMALL_BATCH * SMALL_CLASSES])
{
    g_autoptr (GError) error = NULL;
    FovNormFrames of = take (frames, 1);
    g_autoptr (FovSession) session =
        fov_session_new (device, model, &(FovSessionParams){ .input_shapes = of.input_shapes },
                         &error);
    FovView in, view = { 0 };

    read_frame (7, &in, frames, NULL);
    if (!session || !fov_session_run (session, &in, &view, &error))
        fail_msg ("%s", error->message);
    memcpy (out, view.data, SMALL_BATCH * SMALL_CLASSES * sizeof *out);
}

static void
assert_same_scores (FovModel *a, Frames *of_a, FovModel *b, Frames *of_b, double tolerance)
{
    float x[SMALL_BATCH * SMALL_CLASSES], y[SMALL_BATCH * SMALL_CLASSES];

    scores (a, of_a, x);
    scores (b, of_b, y);
    for (int i = 0; i < SMALL_BATCH * SMALL_CLASSES; i++)
        assert_float_equal (x[i], y[i], tolerance);
}

/* ---- tests --------------------------------------------------------------------- */

static void
test_function_stays (void **state)
{
    Frames frames = { .scale = 1 };
    g_autoptr (FovModel) model = small_model (&frames), made = unfolded (model, &frames);

    assert_int_equal (fov_model_n_norms (model), 2);
    assert_int_equal (fov_model_n_norms (made), 4); /* behind the grouped and the transposed one */
    assert_same_scores (model, &frames, made, &frames, 1e-5);
}

static void
test_same_frames_change_nothing (void **state)
{
    Frames frames = { .scale = 1 };
    g_autoptr (FovModel) model = small_model (&frames), made = unfolded (model, &frames);
    g_autoptr (GArray) moves = fov_norm_moves_new ();
    g_autoptr (FovModel) again = recalibrated (made, &frames, moves);

    assert_int_equal (moves->len, 4);
    for (guint i = 0; i < moves->len; i++) {
        const FovNormMove *m = &g_array_index (moves, FovNormMove, i);
        assert_float_equal (m->shift, 0, 1e-5);
        assert_float_equal (m->stretch, 1, 1e-5);
    }
    assert_string_equal (g_array_index (moves, FovNormMove, 2).layer, "conv2");
    assert_same_scores (made, &frames, again, &frames, 1e-5);
}

/* Pictures of a third of the contrast give what those of the full one gave: each norm undoes what
 * is left once those before it did. Epsilon, a larger share of the smaller variances, stays. */
static void
test_contrast_comes_back (void **state)
{
    Frames frames = { .scale = 1 }, pale = { .scale = 0.3f };
    g_autoptr (FovModel) model = small_model (&frames), made = unfolded (model, &frames);
    g_autoptr (FovModel) better = recalibrated (made, &pale, NULL);
    float far[SMALL_BATCH * SMALL_CLASSES], right[SMALL_BATCH * SMALL_CLASSES];
    double most = 0;

    scores (model, &frames, right);
    scores (model, &pale, far);
    for (int i = 0; i < SMALL_BATCH * SMALL_CLASSES; i++)
        most = MAX (most, fabs (far[i] - right[i]));
    assert_true (most > 0.5);
    assert_same_scores (model, &frames, better, &pale, 5e-3);
}

static void
test_statistics (void **state)
{
    static const struct {
        float prior;
        double keep; /* share of the old: mean 0, variance 1 */
    } cases[] = { { 0, 0 }, { 3, 0.5 }, { 9, 0.75 } };
    g_autoptr (FovModel) fresh =
        fov_model_new_from_graph (small_net (), "small", "made here", NULL);
    Frames frames = { .scale = 1 };
    FovNormFrames of = take (&frames, 3);
    g_autoptr (GPtrArray) names = g_ptr_array_new ();
    const FovTensor *x = fov_graph_find (fov_model_graph (fresh), "norm1.running_mean");
    FovMeasureProgress progress = { "", 0, 3 };
    FovMoments m = { 0 };

    g_ptr_array_add (names, ((FovNode *) x->consumers->pdata[0])->inputs[0]->name);
    assert_true (fov_measure (fov_model_graph (fresh), device, &of, names, &m, &progress, NULL));
    assert_int_equal (m.n, 3 * SMALL_BATCH * SMALL_SIZE * SMALL_SIZE);
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (FovModel) made = NULL;
        of.prior = cases[i].prior;
        made = fov_model_recalibrate (fresh, device, &of, NULL, NULL);
        const FovGraph *graph = fov_model_graph (made);
        const float *mean =
            g_bytes_get_data (fov_graph_find (graph, "norm1.running_mean")->data, NULL);
        const float *var =
            g_bytes_get_data (fov_graph_find (graph, "norm1.running_var")->data, NULL);
        for (int c = 0; c < 8; c++) {
            const double keep = cases[i].keep;
            assert_float_equal (mean[c], (1 - keep) * m.mean[c], 1e-6);
            assert_float_equal (var[c], keep + (1 - keep) * m.m2[c] / m.n, 1e-6);
        }
    }
    fov_moments_clear (&m);
}

/* Moments of a convolution that passes its input on are those of the pictures. */
static void
test_moments (void **state)
{
    static const float pass[9] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    const FovModelValue values[] = {
        { "x", FOV_F32, { 4, { SMALL_BATCH, 3, SMALL_SIZE, SMALL_SIZE } }, NULL },
        { "w", FOV_F32, { 4, { 3, 3, 1, 1 } }, pass },
    };
    const FovModelNode nodes[] = { { "Conv", "y", { "x", "w" }, NULL, { 0 }, 0 } };
    const char *outputs[] = { "y", NULL };
    g_autoptr (FovModel) model = fov_model_build (values, 2, nodes, 1, outputs, NULL);
    g_autoptr (GPtrArray) names = g_ptr_array_new ();
    Frames frames = { .scale = 1 };
    FovNormFrames of = take (&frames, 4);
    FovMeasureProgress progress = { "", 0, 4 };
    FovMoments m = { 0 };

    g_ptr_array_add (names, (gpointer) "y");
    assert_true (fov_measure (fov_model_graph (model), device, &of, names, &m, &progress, NULL));
    for (int c = 0; c < 3; c++) {
        const int pixels = SMALL_SIZE * SMALL_SIZE;
        double n = 0, sum = 0, squares = 0;
        FovView in;
        for (guint f = 0; f < 4; f++) {
            read_frame (f, &in, &frames, NULL);
            for (int b = 0; b < SMALL_BATCH; b++)
                for (int i = 0; i < pixels; i++, n++) {
                    const double v = ((float *) in.data)[(b * 3 + c) * pixels + i];
                    sum += v;
                    squares += v * v;
                }
        }
        assert_float_equal (m.mean[c], sum / n, 1e-9);
        assert_float_equal (m.m2[c] / m.n, squares / n - sum / n * (sum / n), 1e-9);
    }
    fov_moments_clear (&m);
}

/* ---- what gets a norm ------------------------------------------------------------ */

static FovTensor *
add (FovGraph *graph, const char *op, const char *name, FovTensor *const *in, guint n)
{
    g_autoptr (GError) error = NULL;
    FovNode *node = fov_graph_add_node (graph, op, name, in, n, 1, NULL, 0, &error);

    if (!node)
        fail_msg ("%s", error->message);
    return node->outputs[0];
}

static FovTensor *
add_conv (FovGraph *graph, const char *name, FovTensor *x, gint64 channels)
{
    const FovShape shape = { 4, { 4, channels, 1, 1 } };
    static float values[16] = { 1, 2, 3, 4, 5, -1, -2, -3, 1, 0, 2 };
    g_autoptr (GBytes) data = g_bytes_new (values, 4 * (gsize) channels * sizeof *values);
    FovTensor *in[] = { x, fov_graph_add_constant (graph, name, FOV_F32, &shape, data, NULL),
                        fov_graph_add_floats (graph, "bias", values, 4) };

    return add (graph, "Conv", name, in, 3);
}

/* A gate of squeeze and excitation gives one value a channel; the last convolution predicts. */
static void
test_left_alone (void **state)
{
    FovGraph *graph = fov_graph_new ();
    Frames frames = { .scale = 1 };
    FovTensor *x = fov_graph_add_input (graph, "x", FOV_F32,
                                        &(FovShape){ 4, { -1, 3, SMALL_SIZE, SMALL_SIZE } });
    FovTensor *y = add_conv (graph, "first", x, 3), *gate;
    g_autoptr (FovModel) model = NULL, made = NULL;
    g_autoptr (GArray) moves = fov_norm_moves_new ();
    g_autoptr (FovModel) again = NULL;

    gate = add (graph, "GlobalAveragePool", "squeeze", &y, 1);
    gate = add_conv (graph, "excite", gate, 4);
    y = add (graph, "Mul", "gated", (FovTensor *[]){ y, gate }, 2);
    y = add_conv (graph, "predict", y, 4);
    y = add (graph, "Sigmoid", "probability", &y, 1);
    fov_graph_add_output (graph, y);
    model = fov_model_new_from_graph (graph, "gate", "made here", NULL);
    made = unfolded (model, &frames);
    again = recalibrated (made, &frames, moves);
    assert_int_equal (moves->len, 1);
    assert_string_equal (g_array_index (moves, FovNormMove, 0).layer, "first");
}

/* ---- files ----------------------------------------------------------------------- */

static FovModel *
load (const char *path)
{
    g_autoptr (GError) error = NULL;
    FovModel *model = fov_model_load (path, &error);

    if (!model)
        fail_msg ("%s", error->message);
    return model;
}

/* The small net from a file: it has fov.Silu otherwise. */
static FovModel *
small_file (Frames *frames, const char *path)
{
    FovGraph *graph = small_net ();
    FovNode *silu = fov_graph_find (graph, "scores")->producer;
    g_autoptr (GError) error = NULL;
    g_autoptr (FovModel) fresh = NULL, fitted = NULL;

    for (guint i = 0; i < graph->nodes->len; i++)
        if (fov_node_is (graph->nodes->pdata[i], "fov.Silu"))
            silu = graph->nodes->pdata[i];
    fov_graph_replace_uses (graph, silu->outputs[0],
                            add (graph, "Relu", "relu", &silu->inputs[0], 1));
    fov_graph_remove_unused (graph);
    assert_true (fov_graph_sort (graph, NULL));
    fresh = fov_model_new_from_graph (graph, path, "made here", NULL);
    fitted = recalibrated (fresh, frames, NULL);
    if (!fov_model_save (fitted, path, &error))
        fail_msg ("%s", error->message);
    return load (path);
}

/* Nodes are the same, and constants but for those that may differ. */
static void
assert_same_but_constants (FovModel *a, FovModel *b, guint n_changed)
{
    const FovGraph *x = fov_model_graph (a), *y = fov_model_graph (b);
    guint changed = 0;

    assert_int_equal (x->nodes->len, y->nodes->len);
    for (guint i = 0; i < x->nodes->len; i++)
        assert_string_equal (((FovNode *) x->nodes->pdata[i])->name,
                             ((FovNode *) y->nodes->pdata[i])->name);
    assert_int_equal (x->tensors->len, y->tensors->len);
    for (guint i = 0; i < x->tensors->len; i++) {
        const FovTensor *s = x->tensors->pdata[i], *t = y->tensors->pdata[i];
        assert_string_equal (s->name, t->name);
        if (s->data)
            changed += !g_bytes_equal (s->data, t->data);
    }
    assert_int_equal (changed, n_changed);
}

static void
test_written (void **state)
{
    g_autofree char *folder = g_dir_make_tmp ("fovea-XXXXXX", NULL);
    g_autofree char *from = g_build_filename (folder, "a.onnx", NULL);
    g_autofree char *to = g_build_filename (folder, "b.onnx", NULL);
    Frames frames = { .scale = 1 }, pale = { .scale = 0.3f };
    g_autoptr (FovModel) model = small_file (&frames, from), made = unfolded (model, &frames);
    g_autoptr (FovModel) better = recalibrated (made, &pale, NULL), read = NULL;
    g_autoptr (GError) error = NULL;

    if (!fov_model_write_back (better, to, &error))
        fail_msg ("%s", error->message);
    read = load (to);
    /* two norms' statistics, and two convolutions that took theirs in */
    assert_same_but_constants (model, read, 8);
    assert_same_scores (better, &pale, read, &pale, 1e-5);
    g_unlink (from);
    g_unlink (to);
    g_rmdir (folder);
}

static void
test_trained (void **state)
{
    g_autofree char *folder = g_dir_make_tmp ("fovea-XXXXXX", NULL);
    g_autofree char *from = g_build_filename (folder, "a.onnx", NULL);
    g_autofree char *to = g_build_filename (folder, "b.onnx", NULL);
    Frames frames = { .scale = 1 };
    g_autoptr (FovModel) model = small_file (&frames, from), made = unfolded (model, &frames);
    g_autoptr (FovModel) learned = NULL, read = NULL;
    g_autoptr (GError) error = NULL;

    for (int frozen = 0; frozen < 2; frozen++) {
        FovTrainer *trainer = NULL;
        trainer =
            fov_trainer_new (device, made,
                             &(FovTrainerParams){ .input_shapes = take (&frames, 1).input_shapes,
                                                  .frozen_norms = frozen },
                             &error);
        if (!trainer)
            fail_msg ("%s", error->message);
        for (guint i = 1; i <= 5; i++)
            small_step (trainer, i);
        g_clear_pointer (&learned, fov_model_unref);
        g_clear_pointer (&read, fov_model_unref);
        learned = fov_trainer_model (trainer, FOV_WEIGHTS_CURRENT, &error);
        if (!learned || !fov_trainer_write_onnx (trainer, to, FOV_WEIGHTS_CURRENT, &error))
            fail_msg ("%s", error->message);
        read = load (to);
        assert_same_scores (learned, &frames, read, &frames, 1e-5);
        fov_trainer_free (trainer);
    }
    g_unlink (from);
    g_unlink (to);
    g_rmdir (folder);
}

/* ---- errors ------------------------------------------------------------------------ */

static void
assert_refused (FovModel *made, GError **error, int code, const char *text)
{
    assert_null (made);
    assert_non_null (*error);
    if ((*error)->code != code || !strstr ((*error)->message, text))
        fail_msg ("'%s' does not say '%s'", (*error)->message, text);
    g_clear_error (error);
}

static void
test_errors (void **state)
{
    Frames frames = { .scale = 1 }, spoiled = { .scale = 1, .spoiled = NAN };
    g_autoptr (FovModel) model = small_model (&frames);
    const FovModelValue x = { "x", FOV_F32, { 2, { 1, 3 } }, NULL };
    const FovModelNode relu = { "Relu", "y", { "x" }, NULL, { 0 }, 0 };
    const char *outputs[] = { "y", NULL };
    g_autoptr (FovModel) plain = fov_model_build (&x, 1, &relu, 1, outputs, NULL);
    FovNormFrames none = take (&frames, 0), good = take (&frames, 1), bad = take (&spoiled, 1);
    GError *error = NULL;

    assert_refused (fov_model_unfold (model, device, &none, &error), &error, FOV_ERROR_ARGUMENT,
                    "n is 0");
    assert_refused (fov_model_unfold (plain, device, &good, &error), &error, FOV_ERROR_UNSUPPORTED,
                    "no convolution");
    assert_refused (fov_model_recalibrate (plain, device, &good, NULL, &error), &error,
                    FOV_ERROR_UNSUPPORTED, "no batch norms");
    assert_refused (fov_model_recalibrate (model, device, &bad, NULL, &error), &error,
                    FOV_ERROR_FAILED, "no numbers");
    good.prior = -1;
    assert_refused (fov_model_recalibrate (model, device, &good, NULL, &error), &error,
                    FOV_ERROR_ARGUMENT, "prior");
    assert_false (fov_model_write_back (model, "/nowhere/x.onnx", &error));
    g_clear_error (&error);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_function_stays),
        cmocka_unit_test (test_same_frames_change_nothing),
        cmocka_unit_test (test_contrast_comes_back),
        cmocka_unit_test (test_statistics),
        cmocka_unit_test (test_moments),
        cmocka_unit_test (test_left_alone),
        cmocka_unit_test (test_written),
        cmocka_unit_test (test_trained),
        cmocka_unit_test (test_errors),
    };
    int failed;

    device = fov_device_open ("cpu:2", NULL);
    failed = cmocka_run_group_tests_name ("norms", tests, NULL, NULL);
    fov_device_unref (device);
    return failed;
}
