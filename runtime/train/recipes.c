/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small networks to train from scratch. */
#include <fovea/train.h>

#include "graph/graph.h"
#include "model/model.h"

#include <math.h>
#include <string.h>

typedef struct {
    FovGraph *graph;
    GRand *rand;
    guint n_layers;
    GError *error;
} Recipe;

/* Normal numbers by Box and Muller's way (1958). */
static double
normal (GRand *rand)
{
    double u = 1 - g_rand_double (rand), v = g_rand_double (rand);

    return sqrt (-2 * log (u)) * cos (2 * G_PI * v);
}

static FovTensor *
constant (Recipe *r, const char *layer, const char *what, FovShape shape, double spread,
          double value)
{
    g_autofree char *name = g_strdup_printf ("%s.%s", layer, what);
    gint64 n = fov_shape_elements (&shape);
    float *v = g_new (float, n);
    g_autoptr (GBytes) data = g_bytes_new_take (v, (gsize) n * sizeof *v);

    for (gint64 i = 0; i < n; i++)
        v[i] = (float) (value + (spread > 0 ? spread * normal (r->rand) : 0));
    return fov_graph_add_constant (r->graph, name, FOV_F32, &shape, data, NULL);
}

static FovTensor *
add (Recipe *r, const char *op, const char *name, FovTensor *const *inputs, guint n,
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

/* Convolution (He et al. 2015's start, eq. 10) and batch norm; gain: the norm's first scale. */
static FovTensor *
conv_norm (Recipe *r, FovTensor *x, gint64 out, gint64 kernel, gint64 stride, gint64 group,
           double gain)
{
    gint64 in = x ? x->shape.dim[1] : 1, pad = kernel / 2;
    gint64 pads[] = { pad, pad, pad, pad }, strides[] = { stride, stride };
    FovAttr attrs[] = { { "pads", FOV_ATTR_INTS, .ints = pads, .n = 4 },
                        { "strides", FOV_ATTR_INTS, .ints = strides, .n = 2 },
                        { "group", FOV_ATTR_INT, .i = group } };
    g_autofree char *conv = g_strdup_printf ("conv%u", ++r->n_layers);
    g_autofree char *norm = g_strdup_printf ("norm%u", r->n_layers);
    FovShape w = { 4, { out, in / group, kernel, kernel } }, c = { 1, { out } };
    FovTensor *inputs[5] = { x };

    inputs[1] =
        constant (r, conv, "weight", w, sqrt (2.0 / (double) (w.dim[1] * kernel * kernel)), 0);
    inputs[0] = add (r, "Conv", conv, inputs, 2, attrs, 3);
    inputs[1] = constant (r, norm, "scale", c, 0, gain);
    inputs[2] = constant (r, norm, "bias", c, 0, 0);
    inputs[3] = constant (r, norm, "mean", c, 0, 0);
    inputs[4] = constant (r, norm, "var", c, 0, 1);
    return add (r, "BatchNormalization", norm, inputs, 5, NULL, 0);
}

static FovTensor *
relu (Recipe *r, FovTensor *x)
{
    g_autofree char *name = g_strdup_printf ("relu%u", r->n_layers);

    return add (r, "Relu", name, &x, 1, NULL, 0);
}

/* Two convolutions beside the identity, or a 1x1 convolution where the size changes (He et al.
 * 2016); the last norm starts at 0, so that the block starts as its shortcut. */
static FovTensor *
residual (Recipe *r, FovTensor *x, gint64 out, gint64 stride)
{
    FovTensor *y = conv_norm (r, relu (r, conv_norm (r, x, out, 3, stride, 1, 1)), out, 3, 1, 1, 0);
    FovTensor *both[2] = { y, x };
    g_autofree char *name = NULL;

    if (stride > 1)
        both[1] = conv_norm (r, x, out, 1, stride, 1, 1);
    name = g_strdup_printf ("add%u", r->n_layers);
    return relu (r, add (r, "Add", name, both, 2, NULL, 0));
}

/* A depthwise and a pointwise convolution (Howard et al. 2017). */
static FovTensor *
separable (Recipe *r, FovTensor *x, gint64 out, gint64 stride)
{
    gint64 in = x ? x->shape.dim[1] : 1;

    x = relu (r, conv_norm (r, x, in, 3, stride, in, 1));
    return relu (r, conv_norm (r, x, out, 1, 1, 1, 1));
}

static FovTensor *
residual_body (Recipe *r, FovTensor *x)
{
    x = relu (r, conv_norm (r, x, 16, 3, 1, 1, 1));
    for (gint64 out = 16; out <= 64; out *= 2)
        x = residual (r, residual (r, x, out, out > 16 ? 2 : 1), out, 1);
    return x;
}

static FovTensor *
depthwise_body (Recipe *r, FovTensor *x)
{
    x = relu (r, conv_norm (r, x, 16, 3, 2, 1, 1));
    for (gint64 out = 32; out <= 128; out *= 2)
        x = separable (r, separable (r, x, out, out > 32 ? 2 : 1), out, 1);
    return x;
}

static const struct {
    const char *name;
    FovTensor *(*body) (Recipe *r, FovTensor *x);
} recipes[] = {
    { "residual", residual_body },
    { "depthwise", depthwise_body },
};

static void
classify (Recipe *r, FovTensor *x, gint64 classes)
{
    FovAttr turned = { "transB", FOV_ATTR_INT, .i = 1 };
    FovTensor *inputs[3];

    x = add (r, "GlobalAveragePool", "pool", &x, 1, NULL, 0);
    inputs[0] = add (r, "Flatten", "flat", &x, 1, NULL, 0);
    if (r->error)
        return;
    inputs[1] = constant (r, "head", "weight",
                          (FovShape){ 2, { classes, inputs[0]->shape.dim[1] } }, 0.01, 0);
    inputs[2] = constant (r, "head", "bias", (FovShape){ 1, { classes } }, 0, 0);
    x = add (r, "Gemm", "scores", inputs, 3, &turned, 1);
    if (x)
        fov_graph_add_output (r->graph, x);
}

FovModel *
fov_recipe_new (const char *name, int size, int n_classes, guint32 seed, GError **error)
{
    Recipe r = { .graph = fov_graph_new (), .rand = g_rand_new_with_seed (seed) };
    FovTensor *x;
    guint k = 0;

    while (k < G_N_ELEMENTS (recipes) && !g_str_equal (recipes[k].name, name))
        k++;
    if (k == G_N_ELEMENTS (recipes) || size < 8 || size > 4096 || n_classes < 2)
        g_set_error (
            &r.error, FOV_ERROR, FOV_ERROR_ARGUMENT,
            "recipe '%s' of %d pixels and %d classes, expected residual or depthwise, 8 to "
            "4096 pixels and 2 classes or more",
            name, size, n_classes);
    if (!r.error) {
        x = fov_graph_add_input (r.graph, "pictures", FOV_F32,
                                 &(FovShape){ 4, { 1, 3, size, size } });
        classify (&r, recipes[k].body (&r, x), n_classes);
        x->shape.dim[0] = -1; /* any batch */
        if (!r.error)
            ((FovTensor *) r.graph->outputs->pdata[0])->shape.dim[0] = -1;
    }
    g_rand_free (r.rand);
    if (!r.error)
        return fov_model_new_from_graph (r.graph, name, "recipe", NULL);
    fov_graph_free (r.graph);
    g_propagate_error (error, r.error);
    return NULL;
}
