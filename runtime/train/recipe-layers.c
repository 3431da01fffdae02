/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The layers of recipes. */
#include "train/recipe.h"

#include <math.h>

/* Normal numbers by Box and Muller's way (1958). */
static double
normal (GRand *rand)
{
    double u = 1 - g_rand_double (rand), v = g_rand_double (rand);

    return sqrt (-2 * log (u)) * cos (2 * G_PI * v);
}

FovTensor *
fov_recipe_constant (FovRecipe *r, const char *layer, const char *what, FovShape shape,
                     double spread, double value)
{
    g_autofree char *name = g_strdup_printf ("%s.%s", layer, what);
    gint64 n = fov_shape_elements (&shape);
    float *v = g_new (float, n);
    g_autoptr (GBytes) data = g_bytes_new_take (v, (gsize) n * sizeof *v);

    for (gint64 i = 0; i < n; i++)
        v[i] = (float) (value + (spread > 0 ? spread * normal (r->rand) : 0));
    return fov_graph_add_constant (r->graph, name, FOV_F32, &shape, data, NULL);
}

FovTensor *
fov_recipe_add (FovRecipe *r, const char *op, const char *name, FovTensor *const *inputs, guint n,
                const FovAttr *attrs, guint n_attrs)
{
    FovNode *node;

    if (r->error)
        return NULL;
    node = fov_graph_insert (r->graph, op, name, inputs, n, attrs, n_attrs, &r->error);
    if (!node)
        return NULL;
    fov_graph_rename (r->graph, node->outputs[0], name);
    return node->outputs[0];
}

FovTensor *
fov_recipe_unary (FovRecipe *r, const char *op, const char *name, FovTensor *x,
                  const FovAttr *attrs, guint n_attrs)
{
    g_autofree char *full = g_strdup_printf ("%s%u", name, r->n_layers);

    return fov_recipe_add (r, op, full, &x, 1, attrs, n_attrs);
}

FovTensor *
fov_recipe_with_ints (FovRecipe *r, const char *op, const char *name, FovTensor *x,
                      const gint64 *ints, guint n)
{
    g_autofree char *constant = g_strconcat (name, ".list", NULL);
    FovTensor *inputs[2] = { x, NULL };

    if (r->error)
        return NULL;
    inputs[1] = fov_graph_add_ints (r->graph, constant, ints, n);
    return fov_recipe_add (r, op, name, inputs, 2, NULL, 0);
}

/* ---- convolutions ------------------------------------------------------------- */

/* inputs: x, weights and perhaps a bias. */
static FovTensor *
conv_node (FovRecipe *r, const char *name, FovTensor *const *inputs, guint n, gint64 kernel,
           gint64 stride, gint64 group)
{
    gint64 pad = kernel / 2, pads[] = { pad, pad, pad, pad }, strides[] = { stride, stride };
    FovAttr attrs[] = { { "pads", FOV_ATTR_INTS, .ints = pads, .n = 4 },
                        { "strides", FOV_ATTR_INTS, .ints = strides, .n = 2 },
                        { "group", FOV_ATTR_INT, .i = group } };

    return fov_recipe_add (r, "Conv", name, inputs, n, attrs, 3);
}

static FovTensor *
conv_weights (FovRecipe *r, const char *name, gint64 out, gint64 in, gint64 kernel)
{
    const FovShape shape = { 4, { out, in, kernel, kernel } };

    return fov_recipe_constant (r, name, "weight", shape,
                                sqrt (2.0 / (double) (in * kernel * kernel)), 0);
}

FovTensor *
fov_recipe_conv (FovRecipe *r, const char *name, FovTensor *x, gint64 out, gint64 kernel,
                 double bias)
{
    FovTensor *inputs[3] = { x };

    if (r->error)
        return NULL;
    inputs[1] = conv_weights (r, name, out, x->shape.dim[1], kernel);
    inputs[2] = fov_recipe_constant (r, name, "bias", (FovShape){ 1, { out } }, 0, bias);
    return conv_node (r, name, inputs, 3, kernel, 1, 1);
}

FovTensor *
fov_recipe_norm (FovRecipe *r, const char *name, FovTensor *x, double gain)
{
    const FovShape c = { 1, { x ? x->shape.dim[1] : 1 } };
    FovTensor *inputs[5] = { x };

    if (r->error)
        return NULL;
    inputs[1] = fov_recipe_constant (r, name, "scale", c, 0, gain);
    inputs[2] = fov_recipe_constant (r, name, "bias", c, 0, 0);
    inputs[3] = fov_recipe_constant (r, name, "mean", c, 0, 0);
    inputs[4] = fov_recipe_constant (r, name, "var", c, 0, 1);
    return fov_recipe_add (r, "BatchNormalization", name, inputs, 5, NULL, 0);
}

FovTensor *
fov_recipe_conv_norm (FovRecipe *r, FovTensor *x, gint64 out, gint64 kernel, gint64 stride,
                      gint64 group, double gain)
{
    g_autofree char *conv = g_strdup_printf ("conv%u", ++r->n_layers);
    g_autofree char *norm = g_strdup_printf ("norm%u", r->n_layers);
    FovTensor *inputs[2] = { x };

    if (r->error)
        return NULL;
    inputs[1] = conv_weights (r, conv, out, x->shape.dim[1] / group, kernel);
    return fov_recipe_norm (r, norm, conv_node (r, conv, inputs, 2, kernel, stride, group), gain);
}

FovTensor *
fov_recipe_relu (FovRecipe *r, FovTensor *x)
{
    return fov_recipe_unary (r, "Relu", "relu", x, NULL, 0);
}

FovTensor *
fov_recipe_separable (FovRecipe *r, FovTensor *x, gint64 out, gint64 stride)
{
    gint64 in = x ? x->shape.dim[1] : 1;

    x = fov_recipe_relu (r, fov_recipe_conv_norm (r, x, in, 3, stride, in, 1));
    return fov_recipe_relu (r, fov_recipe_conv_norm (r, x, out, 1, 1, 1, 1));
}

FovTensor *
fov_recipe_max_pool (FovRecipe *r, FovTensor *x, gint64 down, gint64 across)
{
    gint64 size[] = { down, across };
    FovAttr attrs[] = { { "kernel_shape", FOV_ATTR_INTS, .ints = size, .n = 2 },
                        { "strides", FOV_ATTR_INTS, .ints = size, .n = 2 } };

    return fov_recipe_unary (r, "MaxPool", "max", x, attrs, 2);
}

FovTensor *
fov_recipe_concat (FovRecipe *r, const char *name, FovTensor *a, FovTensor *b)
{
    g_autofree char *full = g_strdup_printf ("%s%u", name, r->n_layers);
    FovAttr attr = { "axis", FOV_ATTR_INT, .i = 1 };

    return fov_recipe_add (r, "Concat", full, (FovTensor *[]){ a, b }, 2, &attr, 1);
}

FovTensor *
fov_recipe_linear (FovRecipe *r, const char *layer, const char *name, FovTensor *x, gint64 out)
{
    FovAttr turned = { "transB", FOV_ATTR_INT, .i = 1 };
    FovTensor *inputs[3] = { x };

    if (r->error)
        return NULL;
    inputs[1] = fov_recipe_constant (r, layer, "weight", (FovShape){ 2, { out, x->shape.dim[1] } },
                                     0.01, 0);
    inputs[2] = fov_recipe_constant (r, layer, "bias", (FovShape){ 1, { out } }, 0, 0);
    return fov_recipe_add (r, "Gemm", name, inputs, 3, &turned, 1);
}

/* ---- sequences ------------------------------------------------------------------ */

/* Gates start open to what was: the forget gate's bias is 1 (Jozefowicz et al. 2015). */
static FovTensor *
lstm_bias (FovRecipe *r, const char *name, gint64 hidden)
{
    const FovShape shape = { 2, { 2, 8 * hidden } };
    g_autofree char *full = g_strconcat (name, ".bias", NULL);
    float *v = g_new0 (float, 16 * hidden);
    g_autoptr (GBytes) data = g_bytes_new_take (v, (gsize) (16 * hidden) * sizeof *v);

    for (gint64 i = 0; i < 2 * hidden; i++)
        v[i / hidden * 8 * hidden + 2 * hidden + i % hidden] = 1;
    return fov_graph_add_constant (r->graph, full, FOV_F32, &shape, data, NULL);
}

FovTensor *
fov_recipe_lstm (FovRecipe *r, FovTensor *x, gint64 hidden)
{
    g_autofree char *name = g_strdup_printf ("lstm%u", ++r->n_layers);
    g_autofree char *turned = g_strdup_printf ("turned%u", r->n_layers);
    g_autofree char *both = g_strdup_printf ("both%u", r->n_layers);
    const double spread = 1 / sqrt ((double) hidden);
    const gint64 perm[] = { 0, 2, 1, 3 };
    FovAttr attrs[] = { { "direction", FOV_ATTR_STRING, .s = "bidirectional" },
                        { "hidden_size", FOV_ATTR_INT, .i = hidden } };
    FovAttr order = { "perm", FOV_ATTR_INTS, .ints = perm, .n = 4 };
    FovTensor *inputs[4] = { x };

    if (r->error)
        return NULL;
    inputs[1] =
        fov_recipe_constant (r, name, "weight", (FovShape){ 3, { 2, 4 * hidden, x->shape.dim[2] } },
                             spread, 0);
    inputs[2] = fov_recipe_constant (r, name, "recurrent",
                                     (FovShape){ 3, { 2, 4 * hidden, hidden } }, spread, 0);
    inputs[3] = lstm_bias (r, name, hidden);
    x = fov_recipe_add (r, "LSTM", name, inputs, 4, attrs, 2);
    x = fov_recipe_add (r, "Transpose", turned, &x, 1, &order, 1);
    return fov_recipe_with_ints (r, "Reshape", both, x, (const gint64[]){ 0, 0, 2 * hidden }, 3);
}

/* ---- attention ------------------------------------------------------------------- */

static FovTensor *
binary (FovRecipe *r, const char *op, const char *name, FovTensor *a, FovTensor *b)
{
    g_autofree char *full = g_strdup_printf ("%s%u", name, r->n_layers);

    return fov_recipe_add (r, op, full, (FovTensor *[]){ a, b }, 2, NULL, 0);
}

/* Two 1x1 convolutions with a narrow middle; made once, used by one or more tensors. */
typedef struct {
    char *names[2];
    FovTensor *weights[2], *biases[2];
} Squeeze;

static Squeeze
squeeze_new (FovRecipe *r, gint64 channels)
{
    const gint64 middle = MAX (channels / 4, 4), out[] = { middle, channels };
    Squeeze s;

    for (int i = 0; i < 2; i++) {
        s.names[i] = g_strdup_printf ("squeeze%u.%d", r->n_layers, i + 1);
        s.weights[i] = conv_weights (r, s.names[i], out[i], out[1 - i], 1);
        s.biases[i] =
            fov_recipe_constant (r, s.names[i], "bias", (FovShape){ 1, { out[i] } }, 0, 0);
    }
    return s;
}

static FovTensor *
squeeze_run (FovRecipe *r, const Squeeze *s, FovTensor *x, const char *of)
{
    for (int i = 0; i < 2; i++) {
        g_autofree char *name = g_strdup_printf ("%s.%s", s->names[i], of);
        g_autofree char *relu = g_strconcat (name, ".relu", NULL);
        x = conv_node (r, name, (FovTensor *[]){ x, s->weights[i], s->biases[i] }, 3, 1, 1, 1);
        if (i == 0)
            x = fov_recipe_add (r, "Relu", relu, &x, 1, NULL, 0);
    }
    return x;
}

static void
squeeze_clear (Squeeze *s)
{
    g_free (s->names[0]);
    g_free (s->names[1]);
}

/* Hu et al. 2018. */
static FovTensor *
squeeze_excite (FovRecipe *r, FovTensor *x)
{
    Squeeze s = squeeze_new (r, x->shape.dim[1]);
    FovTensor *mean = fov_recipe_unary (r, "GlobalAveragePool", "se.mean", x, NULL, 0);
    FovTensor *gate =
        fov_recipe_unary (r, "Sigmoid", "se.gate", squeeze_run (r, &s, mean, "mean"), NULL, 0);

    squeeze_clear (&s);
    return binary (r, "Mul", "se", x, gate);
}

static FovTensor *
over_channels (FovRecipe *r, const char *op, const char *name, FovTensor *x)
{
    g_autofree char *full = g_strdup_printf ("%s%u", name, r->n_layers);

    return fov_recipe_with_ints (r, op, full, x, (const gint64[]){ 1 }, 1);
}

/* Channels, then places (Woo et al. 2018). */
static FovTensor *
cbam (FovRecipe *r, FovTensor *x)
{
    Squeeze s = squeeze_new (r, x->shape.dim[1]);
    g_autofree char *place = g_strdup_printf ("place%u", r->n_layers);
    FovTensor *mean = fov_recipe_unary (r, "GlobalAveragePool", "cbam.mean", x, NULL, 0);
    FovTensor *most = fov_recipe_unary (r, "GlobalMaxPool", "cbam.max", x, NULL, 0);

    mean = binary (r, "Add", "cbam.sum", squeeze_run (r, &s, mean, "mean"),
                   squeeze_run (r, &s, most, "max"));
    squeeze_clear (&s);
    x = binary (r, "Mul", "cbam.channels", x,
                fov_recipe_unary (r, "Sigmoid", "cbam.gate", mean, NULL, 0));
    mean = over_channels (r, "ReduceMean", "cbam.average", x);
    most = over_channels (r, "ReduceMax", "cbam.most", x);
    mean = fov_recipe_conv (r, place, fov_recipe_concat (r, "cbam.both", mean, most), 1, 7, 0);
    return binary (r, "Mul", "cbam", x,
                   fov_recipe_unary (r, "Sigmoid", "cbam.where", mean, NULL, 0));
}

FovTensor *
fov_recipe_attend (FovRecipe *r, FovTensor *x)
{
    if (r->error || r->attention == FOV_ATTENTION_NONE)
        return x;
    return r->attention == FOV_ATTENTION_SE ? squeeze_excite (r, x) : cbam (r, x);
}
