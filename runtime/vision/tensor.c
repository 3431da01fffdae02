/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/tensor.h>

#define MAX_ELEMENTS (G_GINT64_CONSTANT (1) << 46)

static const struct {
    const char *name;
    gsize size;
} dtypes[FOV_N_DTYPES] = {
    [FOV_F32] = { "float32", 4 }, [FOV_F64] = { "float64", 8 }, [FOV_F16] = { "float16", 2 },
    [FOV_I8] = { "int8", 1 },     [FOV_U8] = { "uint8", 1 },    [FOV_I16] = { "int16", 2 },
    [FOV_I32] = { "int32", 4 },   [FOV_I64] = { "int64", 8 },   [FOV_BOOL] = { "bool", 1 },
};

gsize
fov_dtype_size (FovDType dtype)
{
    return (guint) dtype < FOV_N_DTYPES ? dtypes[dtype].size : 0;
}

const char *
fov_dtype_name (FovDType dtype)
{
    return (guint) dtype < FOV_N_DTYPES ? dtypes[dtype].name : "unknown";
}

gint64
fov_shape_elements (const FovShape *shape)
{
    gboolean empty = FALSE;
    gint64 n = 1;

    if (shape->rank < 0 || shape->rank > FOV_MAX_RANK)
        return -1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 0)
            return -1;
        empty = empty || shape->dim[i] == 0;
    }
    if (empty)
        return 0;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] > MAX_ELEMENTS / n)
            return -1;
        n *= shape->dim[i];
    }
    return n;
}

gboolean
fov_shape_equal (const FovShape *a, const FovShape *b)
{
    if (a->rank != b->rank)
        return FALSE;
    for (int i = 0; i < MIN (a->rank, FOV_MAX_RANK); i++)
        if (a->dim[i] != b->dim[i])
            return FALSE;
    return TRUE;
}

char *
fov_shape_to_string (const FovShape *shape)
{
    if (shape->rank <= 0)
        return g_strdup ("scalar");
    GString *text = g_string_new (NULL);
    for (int i = 0; i < MIN (shape->rank, FOV_MAX_RANK); i++) {
        if (i > 0)
            g_string_append_c (text, 'x');
        if (shape->dim[i] < 0)
            g_string_append_c (text, '?');
        else
            g_string_append_printf (text, "%" G_GINT64_FORMAT, shape->dim[i]);
    }
    return g_string_free (text, FALSE);
}
