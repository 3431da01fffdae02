/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A small detector: strides 8, 16 and 32, features passed from coarse to fine (Lin et al. 2017),
 * and YOLOX's decoupled heads without anchors (Ge et al. 2021, section 2.1), as its own exports lay
 * them out before decoding.
 */
#include "train/recipe.h"

#include <math.h>

#define LEVELS 3
#define WIDTH 48   /* channels of the neck and the heads */
#define PRIOR -4.6 /* log odds of 0.01: what classes and objectness start at (Lin et al. 2017) */

static FovTensor *
stage (FovRecipe *r, FovTensor *x, gint64 out)
{
    x = fov_recipe_relu (r, fov_recipe_conv_norm (r, x, out, 3, 2, 1, 1));
    return fov_recipe_separable (r, fov_recipe_separable (r, x, out, 1), out, 1);
}

static FovTensor *
lateral (FovRecipe *r, FovTensor *x)
{
    return fov_recipe_relu (r, fov_recipe_conv_norm (r, x, WIDTH, 1, 1, 1, 1));
}

/* Each pixel becomes four. */
static FovTensor *
doubled (FovRecipe *r, FovTensor *x)
{
    static const float twice[] = { 1, 1, 2, 2 };
    g_autoptr (GBytes) data = g_bytes_new_static (twice, sizeof twice);
    g_autofree char *name = g_strdup_printf ("double%u", r->n_layers);
    g_autofree char *scales = g_strconcat (name, ".scales", NULL);
    FovAttr attrs[] = { { "mode", FOV_ATTR_STRING, .s = "nearest" },
                        { "coordinate_transformation_mode", FOV_ATTR_STRING, .s = "asymmetric" },
                        { "nearest_mode", FOV_ATTR_STRING, .s = "floor" } };
    FovTensor *inputs[3] = { x };

    if (r->error)
        return NULL;
    inputs[2] = fov_graph_add_constant (r->graph, scales, FOV_F32, &(FovShape){ 1, { 4 } }, data,
                                        &r->error);
    return fov_recipe_add (r, "Resize", name, inputs, 3, attrs, 3);
}

/* [N, 5 + classes, h, w] of one level: box, objectness, classes. */
static FovTensor *
head (FovRecipe *r, FovTensor *x, int level, gint64 n_classes)
{
    const struct {
        const char *what;
        gint64 out;
        double bias;
    } parts[] = { { "box", 4, 0 }, { "object", 1, PRIOR }, { "class", n_classes, PRIOR } };
    FovTensor *places = fov_recipe_separable (r, fov_recipe_separable (r, x, WIDTH, 1), WIDTH, 1);
    FovTensor *classes = fov_recipe_separable (r, fov_recipe_separable (r, x, WIDTH, 1), WIDTH, 1);
    FovTensor *from[] = { places, places, classes }, *out[G_N_ELEMENTS (parts)];
    FovAttr axis = { "axis", FOV_ATTR_INT, .i = 1 };
    g_autofree char *name = g_strdup_printf ("head%d", level);

    for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
        g_autofree char *full = g_strdup_printf ("%s.%s", name, parts[i].what);
        out[i] = fov_recipe_conv (r, full, from[i], parts[i].out, 1, parts[i].bias);
    }
    return fov_recipe_add (r, "Concat", name, out, G_N_ELEMENTS (parts), &axis, 1);
}

/* Rows of a level: [N, cells, 5 + classes]. */
static FovTensor *
rows (FovRecipe *r, FovTensor *x, int level, gint64 n_classes)
{
    const gint64 perm[] = { 0, 2, 3, 1 }, shape[] = { 0, -1, 5 + n_classes };
    FovAttr order = { "perm", FOV_ATTR_INTS, .ints = perm, .n = 4 };
    g_autofree char *turned = g_strdup_printf ("turned%d", level);
    g_autofree char *flat = g_strdup_printf ("rows%d", level);

    x = fov_recipe_add (r, "Transpose", turned, &x, 1, &order, 1);
    return fov_recipe_with_ints (r, "Reshape", flat, x, shape, 3);
}

FovTensor *
fov_recipe_detector (FovRecipe *r, FovTensor *x, const FovRecipeParams *p)
{
    static const gint64 widths[] = { 48, 64, 96 };
    FovAttr axis = { "axis", FOV_ATTR_INT, .i = 1 };
    FovTensor *level[LEVELS], *all[LEVELS];

    x = fov_recipe_relu (r, fov_recipe_conv_norm (r, x, 16, 3, 2, 1, 1));
    x = stage (r, x, 32);
    for (int l = 0; l < LEVELS; l++) {
        x = stage (r, x, widths[l]);
        level[l] = lateral (r, fov_recipe_attend (r, x));
    }
    for (int l = LEVELS - 1; l-- > 0;) {
        g_autofree char *name = g_strdup_printf ("down%d", l);
        FovTensor *both[] = { level[l], doubled (r, level[l + 1]) };
        level[l] = fov_recipe_add (r, "Add", name, both, 2, NULL, 0);
        level[l] = fov_recipe_separable (r, level[l], WIDTH, 1);
    }
    for (int l = 0; l < LEVELS; l++)
        all[l] = rows (r, head (r, level[l], l, p->n_outputs), l, p->n_outputs);
    return fov_recipe_add (r, "Concat", "detections", all, LEVELS, &axis, 1);
}
