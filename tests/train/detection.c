/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Detectors' losses and their gradients against PyTorch (tests/golden/assign.py), on networks that
 * are one matrix. */
#include "smallnet.h"

#include "model/model.h"
#include "scenes.h"

#include <math.h>

enum { BATCH = 2 };

typedef struct {
    const char *name;
    int anchors, columns;
    int levels[4]; /* cells of levels that have outputs of their own */
    int cut[3];    /* columns of the outputs; 0: one output of all */
    gboolean softmax;
    int sigmoid; /* columns that have gone through one, as exports do it */
} Kind;

static const Kind kinds[] = {
    { "yolox", 84, 5 + SCENE_CLASSES, { 0 }, { 0 }, FALSE },
    { "yolov8", 84, 64 + SCENE_CLASSES, { 64, 16, 4 }, { 64, SCENE_CLASSES }, FALSE },
    { "nanodet", 85, 32 + SCENE_CLASSES, { 0 }, { 0 }, FALSE, SCENE_CLASSES },
    { "ssd", 96, 5 + SCENE_CLASSES, { 96 }, { 4, 1 + SCENE_CLASSES }, FALSE },
    { "ssd-softmax", 96, 5 + SCENE_CLASSES, { 96 }, { 4, 1 + SCENE_CLASSES }, TRUE },
};

/* ---- the network --------------------------------------------------------------- */

static void
wave (float *v, gint64 n, double seed, double scale)
{
    for (gint64 i = 0; i < n; i++)
        v[i] = (float) (scale * sin (1.7 * (double) i + seed));
}

static FovTensor *
wave_constant (FovGraph *graph, const char *name, FovShape shape, double seed, double scale)
{
    const gint64 n = fov_shape_elements (&shape);
    float *v = g_new (float, n);
    g_autoptr (GBytes) data = g_bytes_new_take (v, (gsize) n * sizeof *v);

    wave (v, n, seed, scale);
    return fov_graph_add_constant (graph, name, FOV_F32, &shape, data, NULL);
}

static FovTensor *
node (FovGraph *graph, const char *op, FovTensor *const *in, guint n, const FovAttr *attr)
{
    g_autoptr (GError) error = NULL;
    FovNode *made = fov_graph_add_node (graph, op, op, in, n, 1, attr, attr ? 1 : 0, &error);

    if (!made)
        fail_msg ("%s", error->message);
    return made->outputs[0];
}

static FovTensor *
part (FovGraph *graph, FovTensor *x, gint64 axis, gint64 from, gint64 to)
{
    FovTensor *in[] = { x, fov_graph_add_ints (graph, "from", &from, 1),
                        fov_graph_add_ints (graph, "to", &to, 1),
                        fov_graph_add_ints (graph, "axis", &axis, 1) };

    return node (graph, "Slice", in, 4, NULL);
}

static void
add_outputs (FovGraph *graph, FovTensor *heads, const Kind *kind)
{
    FovAttr last = { .name = "axis", .type = FOV_ATTR_INT, .i = 2 };
    int row = 0;

    if (kind->sigmoid) {
        FovTensor *done = part (graph, heads, 2, 0, kind->sigmoid);
        FovTensor *in[] = { node (graph, "Sigmoid", &done, 1, NULL),
                            part (graph, heads, 2, kind->sigmoid, kind->columns) };
        heads = node (graph, "Concat", in, 2, &last);
    }
    if (!kind->cut[0])
        fov_graph_add_output (graph, heads);
    for (int l = 0; kind->levels[l]; l++) {
        FovTensor *level = part (graph, heads, 1, row, row + kind->levels[l]);
        int column = 0;
        for (int k = 0; kind->cut[k]; column += kind->cut[k++]) {
            FovTensor *out = part (graph, level, 2, column, column + kind->cut[k]);
            if (k == 1 && kind->softmax)
                out = node (graph, "Softmax", &out, 1, &last);
            fov_graph_add_output (graph, out);
        }
        row += kind->levels[l];
    }
}

static FovModel *
make_model (const Kind *kind)
{
    FovGraph *graph = fov_graph_new ();
    const gint64 n = (gint64) kind->anchors * kind->columns;
    const gint64 flat[] = { BATCH, 3 }, rows[] = { BATCH, kind->anchors, kind->columns };
    FovTensor *x = fov_graph_add_input (graph, "pictures", FOV_F32,
                                        &(FovShape){ 4, { BATCH, 3, SCENE_SIZE, SCENE_SIZE } });

    x = node (graph, "GlobalAveragePool", &x, 1, NULL);
    x = node (graph, "Reshape", (FovTensor *[]){ x, fov_graph_add_ints (graph, "flat", flat, 2) },
              2, NULL);
    x = node (graph, "Gemm",
              (FovTensor *[]){ x, wave_constant (graph, "w", (FovShape){ 2, { 3, n } }, 1.1, 0.7),
                               wave_constant (graph, "b", (FovShape){ 1, { n } }, 2.9, 1.5) },
              3, NULL);
    x = node (graph, "Reshape", (FovTensor *[]){ x, fov_graph_add_ints (graph, "rows", rows, 3) },
              2, NULL);
    add_outputs (graph, x, kind);
    return fov_model_new_from_graph (graph, "heads.onnx", "ONNX", NULL);
}

/* ---- one step ------------------------------------------------------------------- */

static void
run_step (FovTrainer *trainer)
{
    static float pixels[BATCH][3][SCENE_SIZE * SCENE_SIZE], rows[BATCH][SCENE_ROWS][6];
    const FovView x = { FOV_F32, { 4, { BATCH, 3, SCENE_SIZE, SCENE_SIZE } }, pixels };
    const FovView target = { FOV_F32, { 3, { BATCH, SCENE_ROWS, 6 } }, rows };
    g_autoptr (GError) error = NULL;
    float means[BATCH * 3];
    double loss;

    wave (means, BATCH * 3, 0.3, 1);
    for (int b = 0; b < BATCH; b++) {
        guint64 dice = 1000 + (guint64) b;
        throw_targets (&dice, FALSE, rows[b]);
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < SCENE_SIZE * SCENE_SIZE; i++)
                pixels[b][c][i] = means[b * 3 + c];
    }
    if (!fov_trainer_step (trainer, &x, &target, &loss, &error))
        fail_msg ("%s", error->message);
}

static double
part_named (FovTrainer *trainer, const char *name)
{
    FovTrainerInfo info;
    const char *n;
    double value;

    for (guint i = 0; fov_trainer_part (trainer, i, &n, &value); i++)
        if (g_str_equal (n, name))
            return value;
    assert_string_equal (name, "gradient");
    fov_trainer_info (trainer, &info);
    return info.gradient_norm;
}

/* A line of the reference: the family, then names and values. */
static void
compare (const char *line, const char *device_name)
{
    g_auto (GStrv) words = g_strsplit (line, " ", -1);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (device_name, &error);
    const Kind *kind = kinds;
    FovTrainer *trainer;
    FovModel *model;

    while (!g_str_equal (kind->name, words[0]))
        kind++;
    model = make_model (kind);
    trainer = fov_trainer_new (device, model,
                               &(FovTrainerParams){ .loss = FOV_LOSS_DETECTION,
                                                    .max_objects = SCENE_ROWS },
                               &error);
    if (!trainer)
        fail_msg ("%s: %s", kind->name, error->message);
    run_step (trainer);
    for (guint i = 1; words[i]; i += 2) {
        const double got = part_named (trainer, words[i]);
        const double want = g_ascii_strtod (words[i + 1], NULL);
        if (!(fabs (got - want) <= 1e-5 * want))
            fail_msg ("%s: %s is %.9g, expected %.9g", kind->name, words[i], got, want);
    }
    fov_trainer_free (trainer);
    fov_model_unref (model);
}

static void
test_losses (void **state)
{
    g_autofree char *path = g_build_filename (GOLDEN_DIR, "detection.txt", NULL), *text = NULL;
    g_auto (GStrv) lines = NULL;

    assert_true (g_file_get_contents (path, &text, NULL, NULL));
    lines = g_strsplit (g_strchomp (text), "\n", -1);
    assert_int_equal (g_strv_length (lines), G_N_ELEMENTS (kinds));
    for (guint i = 0; lines[i]; i++)
        compare (lines[i], *state);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        { "losses and gradients as PyTorch's, reference", test_losses, NULL, NULL,
          (void *) "reference" },
        { "losses and gradients as PyTorch's, host", test_losses, NULL, NULL, (void *) "cpu:2" },
        { "losses and gradients as PyTorch's, vulkan", test_losses, NULL, NULL, (void *) "vulkan" },
    };

    return cmocka_run_group_tests_name ("train-detection", tests, NULL, NULL);
}
