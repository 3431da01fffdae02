/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small networks to train from scratch. */
#include "train/recipe.h"

#include "model/model.h"

#include <math.h>
#include <string.h>

/* ---- blocks ------------------------------------------------------------------- */

/* Two convolutions beside the identity, or a 1x1 convolution where the size changes (He et al.
 * 2016); the last norm starts at 0, so that the block starts as its shortcut. */
static FovTensor *
residual (FovRecipe *r, FovTensor *x, gint64 out, gint64 stride)
{
    FovTensor *y = fov_recipe_relu (r, fov_recipe_conv_norm (r, x, out, 3, stride, 1, 1));
    FovTensor *both[2];
    g_autofree char *name = NULL;

    both[0] = fov_recipe_attend (r, fov_recipe_conv_norm (r, y, out, 3, 1, 1, 0));
    both[1] = stride > 1 ? fov_recipe_conv_norm (r, x, out, 1, stride, 1, 1) : x;
    name = g_strdup_printf ("add%u", r->n_layers);
    return fov_recipe_relu (r, fov_recipe_add (r, "Add", name, both, 2, NULL, 0));
}

static FovTensor *
residual_body (FovRecipe *r, FovTensor *x)
{
    x = fov_recipe_relu (r, fov_recipe_conv_norm (r, x, 16, 3, 1, 1, 1));
    for (gint64 out = 16; out <= 64; out *= 2)
        x = residual (r, residual (r, x, out, out > 16 ? 2 : 1), out, 1);
    return x;
}

static FovTensor *
depthwise_body (FovRecipe *r, FovTensor *x)
{
    x = fov_recipe_relu (r, fov_recipe_conv_norm (r, x, 16, 3, 2, 1, 1));
    for (gint64 out = 32; out <= 128; out *= 2)
        for (int i = 0; i < 2; i++)
            x = fov_recipe_attend (r, fov_recipe_separable (r, x, out, i == 0 && out > 32 ? 2 : 1));
    return x;
}

/* ---- whole networks -------------------------------------------------------------- */

/* One vector per picture, [N, C]. */
static FovTensor *
pooled (FovRecipe *r, FovTensor *x, const FovRecipeParams *p)
{
    FovTensor *inputs[2];

    x = fov_recipe_add (r, "GlobalAveragePool", "pool", &x, 1, NULL, 0);
    x = fov_recipe_add (r, "Flatten", "flat", &x, 1, NULL, 0);
    if (p->dropout == 0 || r->error)
        return x;
    inputs[0] = x;
    inputs[1] =
        fov_recipe_constant (r, "drop", "ratio", (FovShape){ 0, { 0 } }, 0, (double) p->dropout);
    return fov_recipe_add (r, "Dropout", "drop", inputs, 2, NULL, 0);
}

static FovTensor *
residual_net (FovRecipe *r, FovTensor *x, const FovRecipeParams *p)
{
    return fov_recipe_linear (r, "head", "scores", pooled (r, residual_body (r, x), p),
                              p->n_outputs);
}

static FovTensor *
depthwise_net (FovRecipe *r, FovTensor *x, const FovRecipeParams *p)
{
    return fov_recipe_linear (r, "head", "scores", pooled (r, depthwise_body (r, x), p),
                              p->n_outputs);
}

/* x / max (|x|, 1e-6), of what a norm has centred: vectors that all start out alike would learn to
 * stay so. */
static FovTensor *
embedding_net (FovRecipe *r, FovTensor *x, const FovRecipeParams *p)
{
    FovTensor *pair[2], *length;

    x = fov_recipe_linear (r, "head", "vector", pooled (r, residual_body (r, x), p), p->n_outputs);
    x = fov_recipe_norm (r, "neck", x, 1);
    length = fov_recipe_with_ints (r, "ReduceL2", "length", x, (const gint64[]){ 1 }, 1);
    pair[0] = length;
    pair[1] = fov_recipe_constant (r, "length", "least", (FovShape){ 0, { 0 } }, 0, 1e-6);
    length = fov_recipe_add (r, "Max", "divisor", pair, 2, NULL, 0);
    return fov_recipe_add (r, "Div", "embedding", (FovTensor *[]){ x, length }, 2, NULL, 0);
}

static FovTensor *
double_conv (FovRecipe *r, FovTensor *x, gint64 out)
{
    x = fov_recipe_relu (r, fov_recipe_conv_norm (r, x, out, 3, 1, 1, 1));
    return fov_recipe_attend (r, fov_recipe_relu (r, fov_recipe_conv_norm (r, x, out, 3, 1, 1, 1)));
}

/* To twice the size, half the channels. */
static FovTensor *
enlarge (FovRecipe *r, FovTensor *x)
{
    const gint64 two[] = { 2, 2 }, in = x ? x->shape.dim[1] : 2;
    g_autofree char *name = g_strdup_printf ("up%u", r->n_layers);
    FovAttr attr = { "strides", FOV_ATTR_INTS, .ints = two, .n = 2 };
    FovTensor *inputs[3] = { x };

    inputs[1] = fov_recipe_constant (r, name, "weight", (FovShape){ 4, { in, in / 2, 2, 2 } },
                                     1.4 / sqrt ((double) in), 0);
    inputs[2] = fov_recipe_constant (r, name, "bias", (FovShape){ 1, { in / 2 } }, 0, 0);
    return fov_recipe_add (r, "ConvTranspose", name, inputs, 3, &attr, 1);
}

/* Ronneberger et al. 2015, three levels, padded so that the size stays. */
static FovTensor *
unet (FovRecipe *r, FovTensor *x, const FovRecipeParams *p)
{
    FovTensor *skip[3];

    for (int level = 0; level < 3; level++) {
        skip[level] = double_conv (r, x, 16 << level);
        x = fov_recipe_max_pool (r, skip[level], 2, 2);
    }
    x = double_conv (r, x, 128);
    for (int level = 3; level-- > 0;)
        x = double_conv (r, fov_recipe_concat (r, "skip", skip[level], enlarge (r, x)),
                         16 << level);
    return fov_recipe_conv (r, "scores", x, p->n_outputs, 1, 0);
}

/* Columns of features [W, N, C H] of [N, C, H, W]. */
static FovTensor *
columns (FovRecipe *r, FovTensor *x)
{
    const gint64 perm[] = { 3, 0, 1, 2 }, shape[] = { 0, 0, -1 };
    FovAttr order = { "perm", FOV_ATTR_INTS, .ints = perm, .n = 4 };

    x = fov_recipe_add (r, "Transpose", "columns", &x, 1, &order, 1);
    return fov_recipe_with_ints (r, "Reshape", "steps", x, shape, 3);
}

/* Shi et al. 2017, smaller: a step for each four pixels of width. */
static FovTensor *
crnn (FovRecipe *r, FovTensor *x, const FovRecipeParams *p)
{
    static const struct {
        int out, down, across;
    } levels[] = { { 24, 2, 2 }, { 48, 2, 2 }, { 64, 2, 1 }, { 96, 2, 1 } };
    const gint64 steps = p->width / 4, perm[] = { 1, 0, 2 };
    FovAttr order = { "perm", FOV_ATTR_INTS, .ints = perm, .n = 3 };

    for (guint i = 0; i < G_N_ELEMENTS (levels); i++) {
        x = fov_recipe_relu (r, fov_recipe_conv_norm (r, x, levels[i].out, 3, 1, 1, 1));
        x = fov_recipe_max_pool (r, fov_recipe_attend (r, x), levels[i].down, levels[i].across);
    }
    x = fov_recipe_lstm (r, columns (r, x), 64);
    x = fov_recipe_with_ints (r, "Reshape", "rows", x, (const gint64[]){ -1, 128 }, 2);
    x = fov_recipe_linear (r, "head", "symbols", x, p->n_outputs);
    x = fov_recipe_with_ints (r, "Reshape", "sequence", x,
                              (const gint64[]){ steps, -1, p->n_outputs }, 3);
    return fov_recipe_add (r, "Transpose", "scores", &x, 1, &order, 1);
}

/* ---- the table ------------------------------------------------------------------- */

static const struct {
    const char *name;
    FovTensor *(*build) (FovRecipe *r, FovTensor *x, const FovRecipeParams *p);
    int multiple; /* of which width and height are */
    int fewest;   /* outputs */
} recipes[] = {
    { "residual", residual_net, 1, 2 },
    { "depthwise", depthwise_net, 1, 2 },
    { "embedding", embedding_net, 1, 2 },
    { "unet", unet, 8, 2 },
    { "crnn", crnn, 16, 2 },
    { "yolox", fov_recipe_detector, 32, 1 },
};

static const char *const attentions[] = {
    [FOV_ATTENTION_NONE] = "", [FOV_ATTENTION_SE] = "+se", [FOV_ATTENTION_CBAM] = "+cbam"
};

/* "residual+se" is residual with that attention; G_N_ELEMENTS (recipes): there is none such. */
static guint
find (const char *name, FovAttention *attention)
{
    const char *plus = name ? strchr (name, '+') : NULL;
    const gsize length = !name ? 0 : plus ? (gsize) (plus - name) : strlen (name);
    guint k = 0, a = 0;

    while (a < G_N_ELEMENTS (attentions) && !g_str_equal (attentions[a], plus ? plus : ""))
        a++;
    while (k < G_N_ELEMENTS (recipes) &&
           (strlen (recipes[k].name) != length || strncmp (recipes[k].name, name, length) != 0))
        k++;
    *attention = (FovAttention) a;
    return a < G_N_ELEMENTS (attentions) ? k : G_N_ELEMENTS (recipes);
}

static gboolean
check (guint k, const FovRecipeParams *p, GError **error)
{
    const int m = k < G_N_ELEMENTS (recipes) ? recipes[k].multiple : 1;

    if (k == G_N_ELEMENTS (recipes)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "recipe '%s', expected residual, depthwise, embedding, unet, crnn or yolox, "
                     "and nothing, +se or +cbam behind it",
                     p->name ? p->name : "");
        return FALSE;
    }
    if (p->width < 8 || p->height < 8 || p->width > 4096 || p->height > 4096 || p->width % m ||
        p->height % m) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "recipe '%s' of %dx%d pixels, expected multiples of %d from %d to 4096",
                     p->name, p->width, p->height, m, MAX (m, 8));
        return FALSE;
    }
    if (p->n_outputs < recipes[k].fewest || p->n_outputs > 100000) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "recipe '%s' with %d outputs, expected %d to 100000", p->name, p->n_outputs,
                     recipes[k].fewest);
        return FALSE;
    }
    if (p->dropout >= 0 && p->dropout < 1)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "recipe '%s' with dropout %g, expected 0 to below 1", p->name,
                 (double) p->dropout);
    return FALSE;
}

FovModel *
fov_recipe_build (const FovRecipeParams *params, GError **error)
{
    FovRecipe r = { 0 };
    const guint k = find (params->name, &r.attention);
    FovTensor *x, *y;

    if (!check (k, params, error))
        return NULL;
    r.graph = fov_graph_new ();
    r.rand = g_rand_new_with_seed (params->seed);
    x = fov_graph_add_input (r.graph, "pictures", FOV_F32,
                             &(FovShape){ 4, { 1, 3, params->height, params->width } });
    y = recipes[k].build (&r, x, params);
    g_rand_free (r.rand);
    if (r.error) {
        fov_graph_free (r.graph);
        g_propagate_error (error, r.error);
        return NULL;
    }
    fov_graph_add_output (r.graph, y);
    x->shape.dim[0] = y->shape.dim[0] = -1; /* any batch */
    return fov_model_new_from_graph (r.graph, params->name, "recipe", NULL);
}

FovModel *
fov_recipe_new (const char *name, int size, int n_classes, guint32 seed, GError **error)
{
    return fov_recipe_build (
        &(FovRecipeParams){
            .name = name, .width = size, .height = size, .n_outputs = n_classes, .seed = seed },
        error);
}
