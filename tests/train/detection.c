/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Detectors' losses and their gradients against PyTorch (tests/golden/assign.py), on networks that
 * are one matrix. */
#include "smallnet.h"

#include "detect/net.h"
#include "gpu/gpu.h"
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
    int sigmoid;    /* columns that have gone through one, as exports do it */
    const char *as; /* the kind that it is, but for boxes that the graph decodes */
} Kind;

static const Kind kinds[] = {
    { "yolox", 84, 5 + SCENE_CLASSES, { 0 }, { 0 }, FALSE },
    { "yolov8", 84, 64 + SCENE_CLASSES, { 64, 16, 4 }, { 64, SCENE_CLASSES }, FALSE },
    { "nanodet", 85, 32 + SCENE_CLASSES, { 0 }, { 0 }, FALSE, SCENE_CLASSES },
    { "ssd", 96, 5 + SCENE_CLASSES, { 96 }, { 4, 1 + SCENE_CLASSES }, FALSE },
    { "ssd-softmax", 96, 5 + SCENE_CLASSES, { 96 }, { 4, 1 + SCENE_CLASSES }, TRUE },
    { "ssd-decoded",
      96,
      5 + SCENE_CLASSES,
      { 96 },
      { 4, 1 + SCENE_CLASSES },
      TRUE,
      0,
      "ssd-softmax" },
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

static FovTensor *
both (FovGraph *graph, const char *op, FovTensor *a, FovTensor *b)
{
    return node (graph, op, (FovTensor *[]){ a, b }, 2, NULL);
}

static FovTensor *
beside (FovGraph *graph, FovTensor *a, FovTensor *b)
{
    FovAttr last = { .name = "axis", .type = FOV_ATTR_INT, .i = 2 };

    return node (graph, "Concat", (FovTensor *[]){ a, b }, 2, &last);
}

/* Corners as exports compute them, of rows whose encodings have y first. */
static FovTensor *
decode_boxes (FovGraph *graph, FovTensor *rows, GBytes *priors)
{
    const FovShape shape = { 3, { 1, 96, 4 } };
    FovTensor *all = fov_graph_add_constant (graph, "priors", FOV_F32, &shape, priors, NULL);
    FovTensor *at = part (graph, all, 2, 0, 2), *size = part (graph, all, 2, 2, 4), *center, *half;
    const float variances[] = { 0.1f, 0.2f, 0.5f };
    FovTensor *v[3];

    for (int i = 0; i < 3; i++)
        v[i] = fov_graph_add_floats (graph, "variance", &variances[i], 1);
    rows = beside (graph, beside (graph, part (graph, rows, 2, 1, 2), part (graph, rows, 2, 0, 1)),
                   beside (graph, part (graph, rows, 2, 3, 4), part (graph, rows, 2, 2, 3)));
    center = both (graph, "Mul", both (graph, "Mul", part (graph, rows, 2, 0, 2), v[0]), size);
    center = both (graph, "Add", center, at);
    half = both (graph, "Mul", part (graph, rows, 2, 2, 4), v[1]);
    half =
        both (graph, "Mul", both (graph, "Mul", node (graph, "Exp", &half, 1, NULL), size), v[2]);
    return beside (graph, both (graph, "Sub", center, half), both (graph, "Add", center, half));
}

static void
add_outputs (FovGraph *graph, FovTensor *heads, const Kind *kind, GBytes *priors)
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
            if (k == 0 && priors)
                out = decode_boxes (graph, out, priors);
            if (k == 1 && kind->softmax)
                out = node (graph, "Softmax", &out, 1, &last);
            fov_graph_add_output (graph, out);
        }
        row += kind->levels[l];
    }
}

static FovModel *
make_model (const Kind *kind, GBytes *priors)
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
    add_outputs (graph, x, kind, priors);
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

/* The model of a kind; boxes are decoded against the priors that the raw form is read with. */
static FovModel *
model_of (const Kind *kind)
{
    FovDetectorParams params = { .decoder = "ssd", .batch = BATCH };
    FovModel *model = make_model (kind, NULL);
    g_autoptr (FovDetectNet) net = NULL;

    if (!kind->as)
        return model;
    net = fov_detect_net_new (model, &params, NULL, NULL);
    fov_model_unref (model);
    return make_model (kind, net->match.priors);
}

/* Nothing of a step is left to the host, but for the assignment where there are no doubles. */
static void
assert_all_on_device (FovTrainer *trainer, FovDevice *device)
{
    const gboolean lacks =
        fov_device_kind (device) == FOV_DEVICE_VULKAN && g_getenv ("FOVEA_NO_DOUBLES");
    FovSessionInfo info;

    fov_session_info (fov_trainer_session (trainer), &info);
    assert_int_equal (info.n_host_steps, lacks ? 1 : 0);
    assert_int_equal (fov_gpu_validation_errors (), 0);
}

/* Names and values of the reference's line. */
static void
compare (const Kind *kind, char **words, const char *device_name)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (device_name, &error);
    FovModel *model = model_of (kind);
    FovTrainer *trainer;

    trainer = fov_trainer_new (device, model,
                               &(FovTrainerParams){ .loss = FOV_LOSS_DETECTION,
                                                    .max_objects = SCENE_ROWS },
                               &error);
    if (!trainer)
        fail_msg ("%s: %s", kind->name, error->message);
    run_step (trainer);
    assert_all_on_device (trainer, device);
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
    for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
        const char *name = kinds[k].as ? kinds[k].as : kinds[k].name;
        gboolean found = FALSE;
        for (guint i = 0; lines[i]; i++) {
            g_auto (GStrv) words = g_strsplit (lines[i], " ", -1);
            if (g_str_equal (words[0], name)) {
                compare (&kinds[k], words, *state);
                found = TRUE;
            }
        }
        assert_true (found);
    }
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
