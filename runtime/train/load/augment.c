/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What can be asked of augmentation, by name. */
#include <fovea/loader.h>

#include <math.h>
#include <string.h>

typedef struct {
    FovAugmentKey key;
    gsize offset;
} Key;

#define KEY(field, most, light, strong, what)                                                      \
    {                                                                                              \
        { #field, what, most, light, strong }, G_STRUCT_OFFSET (FovAugment, field)                 \
    }

static const Key keys[] = {
    KEY (flip, 1, 0.5f, 0.5f, "probability that left and right change places"),
    KEY (flip_vertical, 1, 0, 0, "probability that top and bottom do"),
    KEY (rotate, 180, 0, 10, "turned by up to so many degrees"),
    KEY (translate, 1, 0.1f, 0.1f, "moved by up to this share of width and height"),
    KEY (scale, 4, 0.25f, 0.6f, "size times 1 / (1 + scale) to 1 + scale"),
    KEY (shear, 45, 0, 2, "sheared by up to so many degrees"),
    KEY (perspective, 0.5f, 0, 0.05f, "depth from one side to the other"),
    KEY (crop, 1, 0, 0.1f, "probability that 30 % to 100 % of the picture are cut out"),
    KEY (brightness, 1, 0.1f, 0.3f, "times 1 - brightness to 1 + brightness"),
    KEY (contrast, 1, 0.1f, 0.3f, "the same about the middle grey"),
    KEY (saturation, 1, 0.2f, 0.5f, "the same about each pixel's own grey"),
    KEY (hue, 180, 4, 10, "colours turned by up to so many degrees"),
    KEY (gamma, 4, 0, 0.3f, "exponent 1 / (1 + gamma) to 1 + gamma"),
    KEY (light, 1, 0, 0.2f, "brighter on one side and darker on the other by up to this"),
    KEY (equalize, 1, 0, 0.02f, "probability of histogram equalisation"),
    KEY (clahe, 1, 0, 0.05f, "probability of the same in 8 x 8 tiles, contrast limited"),
    KEY (noise, 255, 0, 8, "Gaussian noise of up to this deviation"),
    KEY (salt, 1, 0, 0.003f, "black and white dots on up to this share of pixels"),
    KEY (blur, 5, 0, 1, "Gaussian blur of up to so many pixels"),
    KEY (cutout, 1, 0, 0.1f, "probability of a plain patch"),
    KEY (paste, 1, 0, 0.1f, "probability of a patch of another picture, to be ignored"),
    KEY (mosaic, 1, 0, 0.5f, "probability that four pictures make one"),
    KEY (mixup, 1, 0, 0.1f, "probability that another picture shines through"),
    KEY (visible, 1, 0.2f, 0.2f, "objects of which a smaller share shows are ignored"),
};

const FovAugmentKey *
fov_augment_keys (guint *n)
{
    static FovAugmentKey list[G_N_ELEMENTS (keys)];
    static gsize once;

    if (g_once_init_enter (&once)) {
        for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
            list[i] = keys[i].key;
        g_once_init_leave (&once, 1);
    }
    *n = G_N_ELEMENTS (keys);
    return list;
}

static float *
field (FovAugment *augment, const Key *key)
{
    return (float *) (void *) ((guint8 *) augment + key->offset);
}

static gboolean
set_preset (FovAugment *augment, const char *word)
{
    const gboolean strong = g_str_equal (word, "strong"), light = g_str_equal (word, "light");

    if (!strong && !light && !g_str_equal (word, "none"))
        return FALSE;
    *augment = (FovAugment){ 0 };
    for (guint i = 0; i < G_N_ELEMENTS (keys) && (strong || light); i++)
        *field (augment, &keys[i]) = strong ? keys[i].key.strong : keys[i].key.light;
    return TRUE;
}

static gboolean
set_key (FovAugment *augment, const char *name, const char *text, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
        const FovAugmentKey *key = &keys[i].key;
        char *end;
        double v;
        if (!g_str_equal (key->key, name))
            continue;
        v = g_ascii_strtod (text, &end);
        if (end != text && !*end && v >= 0 && v <= (double) key->most) {
            *field (augment, &keys[i]) = (float) v;
            return TRUE;
        }
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "%s is '%s', expected 0..%g (%s)", name,
                     text, (double) key->most, key->what);
        return FALSE;
    }
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "there is no augmentation '%s'; expected flip, rotate, scale ...", name);
    return FALSE;
}

gboolean
fov_augment_parse (const char *text, FovAugment *augment, GError **error)
{
    g_auto (GStrv) words = g_strsplit (text, ",", -1);
    FovAugment result = { 0 };

    for (guint i = 0; words[i]; i++) {
        char *word = g_strstrip (words[i]), *equals = strchr (word, '=');
        if (!*word || (!equals && i == 0 && set_preset (&result, word)))
            continue;
        if (!equals) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "'%s' in '%s': expected none, light or strong first, then KEY=VALUE", word,
                         text);
            return FALSE;
        }
        *equals = 0;
        if (!set_key (&result, g_strstrip (word), g_strstrip (equals + 1), error))
            return FALSE;
    }
    *augment = result;
    return TRUE;
}
