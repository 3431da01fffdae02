/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "smallnet.h"

#include <math.h>

typedef struct {
    FovGraph *graph;
    guint n_parameters;
} Build;

static double
wave (gint64 i, double seed, double scale)
{
    return scale * sin (1.7 * (double) i + seed);
}

/* The k-th parameter that PyTorch lists, as train.py fills it. */
static FovTensor *
parameter (Build *b, const char *name, FovShape shape)
{
    gint64 n = fov_shape_elements (&shape);
    double fan = shape.rank > 1 ? (double) (n / shape.dim[0]) : 25;
    gboolean norm = g_str_has_prefix (name, "norm") && g_str_has_suffix (name, "weight");
    float *v = g_new (float, n);
    g_autoptr (GBytes) data = g_bytes_new_take (v, (gsize) n * sizeof *v);
    double scale = norm ? 0.2 : 1.5 / sqrt (fan);

    for (gint64 i = 0; i < n; i++)
        v[i] = (float) (wave (i, b->n_parameters, scale) + norm);
    b->n_parameters++;
    return fov_graph_add_constant (b->graph, name, FOV_F32, &shape, data, NULL);
}

static FovTensor *
channel_constant (Build *b, const char *name, gint64 n, float value)
{
    float *v = g_new (float, n);
    g_autoptr (GBytes) data = g_bytes_new_take (v, (gsize) n * sizeof *v);

    for (gint64 i = 0; i < n; i++)
        v[i] = value;
    return fov_graph_add_constant (b->graph, name, FOV_F32, &(FovShape){ 1, { n } }, data, NULL);
}

static FovTensor *
node (Build *b, const char *op, const char *name, FovTensor *const *inputs, guint n,
      const FovAttr *attrs, guint n_attrs)
{
    g_autoptr (GError) error = NULL;
    FovNode *made = fov_graph_add_node (b->graph, op, name, inputs, n, 1, attrs, n_attrs, &error);

    if (!made)
        fail_msg ("%s", error->message);
    return made->outputs[0];
}

static FovTensor *
conv (Build *b, const char *op, const char *name, FovTensor *x, FovShape w, gint64 bias, gint64 pad,
      gint64 stride, gint64 group)
{
    gint64 pads[] = { pad, pad, pad, pad }, strides[] = { stride, stride };
    FovAttr attrs[] = { { "pads", FOV_ATTR_INTS, .ints = pads, .n = 4 },
                        { "strides", FOV_ATTR_INTS, .ints = strides, .n = 2 },
                        { "group", FOV_ATTR_INT, .i = group } };
    g_autofree char *weight = g_strconcat (name, ".weight", NULL);
    g_autofree char *bias_name = g_strconcat (name, ".bias", NULL);
    FovTensor *inputs[3] = { x };

    inputs[1] = parameter (b, weight, w);
    if (bias)
        inputs[2] = parameter (b, bias_name, (FovShape){ 1, { bias } });
    return node (b, op, name, inputs, bias ? 3 : 2, attrs, 3);
}

static FovTensor *
norm (Build *b, const char *name, FovTensor *x, gint64 n)
{
    g_autofree char *names[4] = { g_strconcat (name, ".weight", NULL),
                                  g_strconcat (name, ".bias", NULL),
                                  g_strconcat (name, ".running_mean", NULL),
                                  g_strconcat (name, ".running_var", NULL) };
    FovTensor *inputs[5] = { x };

    inputs[1] = parameter (b, names[0], (FovShape){ 1, { n } });
    inputs[2] = parameter (b, names[1], (FovShape){ 1, { n } });
    inputs[3] = channel_constant (b, names[2], n, 0);
    inputs[4] = channel_constant (b, names[3], n, 1);
    g_free (g_steal_pointer (&names[1]));
    g_free (g_steal_pointer (&names[2]));
    g_free (g_steal_pointer (&names[3]));
    return node (b, "BatchNormalization", name, inputs, 5, NULL, 0);
}

FovGraph *
small_net (void)
{
    Build b = { fov_graph_new (), 0 };
    gint64 two[] = { 2, 2 };
    FovAttr pool[] = { { "kernel_shape", FOV_ATTR_INTS, .ints = two, .n = 2 },
                       { "strides", FOV_ATTR_INTS, .ints = two, .n = 2 } };
    FovAttr slope = { "alpha", FOV_ATTR_FLOAT, .f = 0.1 };
    FovAttr turned = { "transB", FOV_ATTR_INT, .i = 1 };
    FovTensor *x = fov_graph_add_input (b.graph, "x", FOV_F32,
                                        &(FovShape){ 4, { -1, 3, SMALL_SIZE, SMALL_SIZE } });
    FovTensor *y, *inputs[3];

    x = conv (&b, "Conv", "conv1", x, (FovShape){ 4, { 8, 3, 3, 3 } }, 0, 1, 1, 1);
    x = norm (&b, "norm1", x, 8);
    x = node (&b, "Relu", "relu1", &x, 1, NULL, 0);
    x = node (&b, "MaxPool", "pool", &x, 1, pool, 2);
    y = conv (&b, "Conv", "depth", x, (FovShape){ 4, { 8, 1, 3, 3 } }, 0, 1, 1, 8);
    y = norm (&b, "norm2", y, 8);
    y = node (&b, "fov.Silu", "silu", &y, 1, NULL, 0);
    y = conv (&b, "Conv", "conv2", y, (FovShape){ 4, { 12, 4, 3, 3 } }, 12, 1, 2, 2);
    y = node (&b, "LeakyRelu", "relu2", &y, 1, &slope, 1);
    y = conv (&b, "ConvTranspose", "up", y, (FovShape){ 4, { 12, 8, 2, 2 } }, 8, 0, 2, 1);
    x = node (&b, "Add", "add", (FovTensor *[]){ x, y }, 2, NULL, 0);
    x = node (&b, "GlobalAveragePool", "mean", &x, 1, NULL, 0);
    x = node (&b, "Flatten", "flat", &x, 1, NULL, 0);
    inputs[0] = x;
    inputs[1] = parameter (&b, "fc.weight", (FovShape){ 2, { SMALL_CLASSES, 8 } });
    inputs[2] = parameter (&b, "fc.bias", (FovShape){ 1, { SMALL_CLASSES } });
    x = node (&b, "Gemm", "fc", inputs, 3, &turned, 1);
    fov_graph_rename (b.graph, x, "scores");
    fov_graph_add_output (b.graph, x);
    return b.graph;
}

void
small_batch (SmallBatch *batch, guint step)
{
    const gint64 image = 3 * SMALL_SIZE * SMALL_SIZE;

    for (gint64 n = 0; n < SMALL_BATCH; n++) {
        for (gint64 i = 0; i < image; i++)
            batch->pixels[n * image + i] =
                (float) (wave (n * image + i, 0.1 * step, 1) +
                         wave ((SMALL_BATCH - 1 - n) * image + i, step, 0.3));
        batch->labels[n] = (n * 3 + step) % SMALL_CLASSES;
    }
    batch->x =
        (FovView){ FOV_F32, { 4, { SMALL_BATCH, 3, SMALL_SIZE, SMALL_SIZE } }, batch->pixels };
    batch->target = (FovView){ FOV_I64, { 1, { SMALL_BATCH } }, batch->labels };
}

double
small_step (FovTrainer *trainer, guint step)
{
    g_autoptr (GError) error = NULL;
    SmallBatch batch;
    double loss;

    small_batch (&batch, step);
    if (!fov_trainer_step (trainer, &batch.x, &batch.target, &loss, &error))
        fail_msg ("%s", error->message);
    return loss;
}

const FovView *
small_state (FovTrainer *trainer, const char *name)
{
    const GArray *states = fov_trainer_states (trainer);

    for (guint i = 0; i < states->len; i++) {
        const FovTrainerState *state = &g_array_index (states, FovTrainerState, i);
        if (g_str_equal (state->name, name))
            return &state->view;
    }
    fail_msg ("no state '%s'", name);
    return NULL;
}

char *
small_digest (FovTrainer *trainer)
{
    const GArray *states = fov_trainer_states (trainer);
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

    for (guint i = 0; i < states->len; i++) {
        const FovView *v = &g_array_index (states, FovTrainerState, i).view;
        g_checksum_update (sum, v->data,
                           fov_shape_elements (&v->shape) * (gssize) fov_dtype_size (v->dtype));
    }
    return g_strdup (g_checksum_get_string (sum));
}
