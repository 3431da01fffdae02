/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bench-train [DEVICE [NET|MODEL.onnx:BATCH...]]: a training step of small and common nets, or of a
 * model with squares of its first output as the loss; processor time of all threads and wall time,
 * the best of several, and where it goes. train.py is PyTorch's side.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "model/session.h"
#include "train/trainer.h"

typedef struct {
    FovGraph *graph;
    GRand *rand;
} Build;

static FovTensor *
parameter (Build *b, FovShape shape, double low, double high)
{
    gint64 n = fov_shape_elements (&shape);
    float *v = g_new (float, n);
    g_autoptr (GBytes) data = g_bytes_new_take (v, (gsize) n * sizeof *v);

    for (gint64 i = 0; i < n; i++)
        v[i] = (float) g_rand_double_range (b->rand, low, high);
    return fov_graph_add_constant (b->graph, "w", FOV_F32, &shape, data, NULL);
}

static FovTensor *
add (Build *b, const char *op, FovTensor *const *inputs, guint n, const FovAttr *attrs,
     guint n_attrs)
{
    g_autoptr (GError) error = NULL;
    FovNode *node = fov_graph_insert (b->graph, op, op, inputs, n, attrs, n_attrs, &error);

    if (!node)
        g_error ("%s", error->message);
    return node->outputs[0];
}

static FovTensor *
conv (Build *b, FovTensor *x, gint64 out, gint64 kernel, gint64 stride)
{
    gint64 in = x->shape.dim[1], pad = kernel / 2, pads[] = { pad, pad, pad, pad };
    gint64 strides[] = { stride, stride };
    FovAttr attrs[] = { { "pads", FOV_ATTR_INTS, .ints = pads, .n = 4 },
                        { "strides", FOV_ATTR_INTS, .ints = strides, .n = 2 } };
    double scale = 2.0 / (double) (in * kernel * kernel);
    FovTensor *inputs[] = { x, parameter (b, (FovShape){ 4, { out, in, kernel, kernel } }, -scale,
                                          scale) };

    return add (b, "Conv", inputs, 2, attrs, 2);
}

static FovTensor *
norm (Build *b, FovTensor *x)
{
    FovShape c = { 1, { x->shape.dim[1] } };
    FovTensor *inputs[] = { x, parameter (b, c, 1, 1.001), parameter (b, c, 0, 0.001),
                            parameter (b, c, 0, 0.001), parameter (b, c, 1, 1.001) };

    return add (b, "BatchNormalization", inputs, 5, NULL, 0);
}

static FovTensor *
relu (Build *b, FovTensor *x)
{
    return add (b, "Relu", &x, 1, NULL, 0);
}

static FovTensor *
block (Build *b, FovTensor *x, gint64 out, gint64 stride)
{
    return relu (b, norm (b, conv (b, x, out, 3, stride)));
}

static FovTensor *
pool (Build *b, FovTensor *x, gint64 kernel, gint64 pad)
{
    gint64 k[] = { kernel, kernel }, s[] = { 2, 2 }, p[] = { pad, pad, pad, pad };
    FovAttr attrs[] = { { "kernel_shape", FOV_ATTR_INTS, .ints = k, .n = 2 },
                        { "strides", FOV_ATTR_INTS, .ints = s, .n = 2 },
                        { "pads", FOV_ATTR_INTS, .ints = p, .n = 4 } };

    return add (b, "MaxPool", &x, 1, attrs, 3);
}

static void
classify (Build *b, FovTensor *x, gint64 classes)
{
    FovAttr turned = { "transB", FOV_ATTR_INT, .i = 1 };
    FovTensor *inputs[3];

    x = add (b, "GlobalAveragePool", &x, 1, NULL, 0);
    inputs[0] = add (b, "Flatten", &x, 1, NULL, 0);
    inputs[1] = parameter (b, (FovShape){ 2, { classes, x->shape.dim[1] } }, -0.05, 0.05);
    inputs[2] = parameter (b, (FovShape){ 1, { classes } }, -0.05, 0.05);
    fov_graph_add_output (b->graph, add (b, "Gemm", inputs, 3, &turned, 1));
}

static void
cifar6 (Build *b, FovTensor *x)
{
    x = pool (b, block (b, block (b, x, 32, 1), 32, 1), 2, 0);
    x = pool (b, block (b, block (b, x, 64, 1), 64, 1), 2, 0);
    classify (b, block (b, block (b, x, 128, 1), 128, 1), 10);
}

static FovTensor *
basic (Build *b, FovTensor *x, gint64 out, gint64 stride)
{
    FovTensor *y = norm (b, conv (b, block (b, x, out, stride), out, 3, 1));
    FovTensor *both[] = { y, stride > 1 ? norm (b, conv (b, x, out, 1, stride)) : x };

    return relu (b, add (b, "Add", both, 2, NULL, 0));
}

static void
resnet18 (Build *b, FovTensor *x)
{
    x = pool (b, relu (b, norm (b, conv (b, x, 64, 7, 2))), 3, 1);
    for (gint64 out = 64; out <= 512; out *= 2)
        x = basic (b, basic (b, x, out, out > 64 ? 2 : 1), out, 1);
    classify (b, x, 1000);
}

static const struct {
    const char *name;
    void (*build) (Build *b, FovTensor *x);
    FovShape shape;
    gint64 classes;
    int steps;
} nets[] = {
    { "cifar6", cifar6, { 4, { 64, 3, 32, 32 } }, 10, 8 },
    { "resnet18", resnet18, { 4, { 8, 3, 224, 224 } }, 1000, 4 },
};

static double
seconds (clockid_t clock)
{
    struct timespec t;

    clock_gettime (clock, &t);
    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

/* Processor time of each op of a step, largest first. */
static void
print_profile (FovTrainer *trainer)
{
    g_autoptr (GArray) times = fov_session_profile (fov_trainer_session (trainer));
    g_autoptr (GHashTable) sums = g_hash_table_new (g_str_hash, g_str_equal);
    g_autoptr (GArray) ops = g_array_new (FALSE, FALSE, sizeof (FovStepTime));

    for (guint i = 0; i < times->len; i++) {
        const FovStepTime *t = &g_array_index (times, FovStepTime, i);
        gpointer at;
        if (!g_hash_table_lookup_extended (sums, t->op, NULL, &at)) {
            at = GUINT_TO_POINTER (ops->len);
            g_hash_table_insert (sums, (gpointer) t->op, at);
            g_array_append_vals (ops, t, 1);
        } else {
            FovStepTime *sum = &g_array_index (ops, FovStepTime, GPOINTER_TO_UINT (at));
            sum->seconds += t->seconds;
            sum->flops += t->flops;
        }
    }
    for (guint i = 0; i < ops->len; i++) {
        const FovStepTime *t = &g_array_index (ops, FovStepTime, i);
        if (t->seconds > 5e-4)
            printf ("    %-22s %8.2f ms wall %8.1f GFLOP/s\n", t->op, t->seconds * 1e3,
                    t->flops / t->seconds * 1e-9);
    }
}

/* Steps on one batch; takes the trainer. */
static void
measure (const char *name, FovTrainer *trainer, const FovView *x, const FovView *target, int steps)
{
    g_autoptr (GError) error = NULL;
    double best_cpu = 1e9, best_wall = 1e9;
    FovTrainerInfo info;

    for (int i = 0; i < steps; i++) {
        double cpu = seconds (CLOCK_PROCESS_CPUTIME_ID), wall = seconds (CLOCK_MONOTONIC);
        if (!fov_trainer_step (trainer, x, target, NULL, &error))
            g_error ("%s", error->message);
        best_cpu = MIN (best_cpu, seconds (CLOCK_PROCESS_CPUTIME_ID) - cpu);
        best_wall = MIN (best_wall, seconds (CLOCK_MONOTONIC) - wall);
    }
    fov_trainer_info (trainer, &info);
    printf ("%-10s %8.1f ms processor time, %8.1f ms wall, %.1f GFLOP, %.1f MiB\n", name,
            best_cpu * 1e3, best_wall * 1e3, info.flops * 1e-9,
            (double) info.planned_bytes / 1048576);
    print_profile (trainer);
    fov_trainer_free (trainer);
}

static FovView
random_view (const FovShape *shape, GRand *rand)
{
    gint64 n = fov_shape_elements (shape);
    float *v = g_new (float, n);

    for (gint64 i = 0; i < n; i++)
        v[i] = (float) g_rand_double_range (rand, -1.7, 1.7);
    return (FovView){ FOV_F32, *shape, v };
}

static void
run (FovDevice *device, guint net)
{
    g_autoptr (GError) error = NULL;
    Build b = { fov_graph_new (), g_rand_new_with_seed (1) };
    gint64 n = nets[net].shape.dim[0];
    g_autofree gint64 *labels = g_new (gint64, n);
    FovView x, target = { FOV_I64, { 1, { n } }, labels };
    FovTrainer *trainer;

    for (gint64 i = 0; i < n; i++)
        labels[i] = i % nets[net].classes;
    nets[net].build (&b, fov_graph_add_input (b.graph, "x", FOV_F32, &nets[net].shape));
    trainer = fov_trainer_new_from_graph (device, b.graph,
                                          &(FovTrainerParams){ .learning_rate = 0.01f }, &error);
    if (!trainer)
        g_error ("%s", error->message);
    x = random_view (&nets[net].shape, b.rand);
    measure (nets[net].name, trainer, &x, &target, nets[net].steps);
    g_free (x.data);
    g_rand_free (b.rand);
}

/* what: MODEL.onnx:BATCH */
static void
run_model (FovDevice *device, const char *what)
{
    g_autoptr (GError) error = NULL;
    g_auto (GStrv) parts = g_strsplit (what, ":", 2);
    g_autoptr (FovModel) model = fov_model_load (parts[0], &error);
    g_autoptr (FovModel) resized = NULL;
    g_autofree char *name = g_path_get_basename (parts[0]);
    GRand *rand = g_rand_new_with_seed (1);
    FovTrainerParams params = { .loss = FOV_LOSS_MSE, .learning_rate = 1e-6f };
    FovTensorInfo input, output;
    FovTrainer *trainer;
    FovView x, target;

    if (!model)
        g_error ("%s", error->message);
    fov_model_input (model, 0, &input);
    if (parts[1])
        input.shape.dim[0] = g_ascii_strtoll (parts[1], NULL, 10);
    params.input_shapes = &input.shape;
    resized = fov_model_reshape (model, &input.shape, &error);
    trainer = resized ? fov_trainer_new (device, resized, &params, &error) : NULL;
    if (!trainer)
        g_error ("%s", error->message);
    fov_trainer_target (trainer, &output);
    x = random_view (&input.shape, rand);
    target = random_view (&output.shape, rand);
    measure (name, trainer, &x, &target, 2);
    g_free (x.data);
    g_free (target.data);
    g_rand_free (rand);
}

/* The recipe of a detector on pictures of 160 pixels, with three objects in each; all of its loss,
 * SimOTA included. */
static void
run_detector (FovDevice *device)
{
    const FovRecipeParams recipe = { "yolox", 160, 160, 3, 0, 1 };
    const FovShape shape = { 4, { 8, 3, 160, 160 } };
    g_autoptr (GError) error = NULL;
    g_autoptr (FovModel) model = fov_recipe_build (&recipe, &error);
    const FovTrainerParams params = { .input_shapes = &shape,
                                      .loss = FOV_LOSS_DETECTION,
                                      .learning_rate = 0.01f };
    FovTrainer *trainer = model ? fov_trainer_new (device, model, &params, &error) : NULL;
    GRand *rand = g_rand_new_with_seed (1);
    FovView x, target;
    FovTensorInfo info;

    if (!trainer)
        g_error ("%s", error->message);
    x = random_view (&shape, rand);
    fov_trainer_target (trainer, &info);
    target = (FovView){ info.dtype, info.shape, NULL };
    target.data = g_new0 (float, fov_shape_elements (&info.shape));
    for (gint64 i = 0; i < 8 * 3; i++) {
        float at = (float) (i % 3) * 50 + 5;
        const float row[] = { at, at, at + 40, at + 30, (float) (i % 3), 1 };
        memcpy ((float *) target.data + (i / 3 * info.shape.dim[1] + i % 3) * 6, row, sizeof row);
    }
    measure ("detector", trainer, &x, &target, 8);
    g_free (x.data);
    g_free (target.data);
    g_rand_free (rand);
}

static gboolean
is_wanted (const char *name, int argc, char **argv)
{
    gboolean wanted = argc < 3;

    for (int k = 2; k < argc; k++)
        wanted = wanted || g_str_equal (argv[k], name);
    return wanted;
}

int
main (int argc, char **argv)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (argc > 1 ? argv[1] : "cpu:2", &error);

    if (!device)
        g_error ("%s", error->message);
    for (guint i = 0; i < G_N_ELEMENTS (nets); i++)
        if (is_wanted (nets[i].name, argc, argv))
            run (device, i);
    if (is_wanted ("detector", argc, argv))
        run_detector (device);
    for (int k = 2; k < argc; k++)
        if (strstr (argv[k], ".onnx"))
            run_model (device, argv[k]);
    return 0;
}
