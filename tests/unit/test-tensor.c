/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "check.h"
#include <fovea/tensor.h>

static const struct {
    FovShape shape;
    gint64 elements;
    const char *text;
} shapes[] = {
    { { 0, { 0 } }, 1, "scalar" },
    { { 1, { 1 } }, 1, "1" },
    { { 4, { 1, 3, 416, 416 } }, 519168, "1x3x416x416" },
    { { 4, { -1, 3, 4, 5 } }, -1, "?x3x4x5" },
    { { 2, { 7, 0 } }, 0, "7x0" },
    { { 2, { -1, 0 } }, -1, "?x0" },
    { { 2, { 1 << 23, 1 << 23 } }, G_GINT64_CONSTANT (1) << 46, "8388608x8388608" },
    { { 2, { 1 << 23, (1 << 23) + 1 } }, -1, "8388608x8388609" },
    { { 3, { G_MAXINT64, G_MAXINT64, 2 } }, -1, "9223372036854775807x9223372036854775807x2" },
    { { 3, { G_MAXINT64, G_MAXINT64, 0 } }, 0, "9223372036854775807x9223372036854775807x0" },
    { { 8, { 1, 2, 1, 2, 1, 2, 1, 2 } }, 16, "1x2x1x2x1x2x1x2" },
};

static void
test_shapes (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++) {
        g_autofree char *text = fov_shape_to_string (&shapes[i].shape);
        assert_string_equal (text, shapes[i].text);
        assert_int_equal (fov_shape_elements (&shapes[i].shape), shapes[i].elements);
        for (gsize k = 0; k < G_N_ELEMENTS (shapes); k++)
            assert_int_equal (fov_shape_equal (&shapes[i].shape, &shapes[k].shape), i == k);
    }
    FovShape broken = { .rank = FOV_MAX_RANK + 1 };
    assert_int_equal (fov_shape_elements (&broken), -1);
}

static void
test_dtypes (void **state)
{
    static const gsize sizes[] = { 4, 8, 2, 1, 1, 2, 4, 8, 1 };
    for (int i = 0; i < FOV_N_DTYPES; i++) {
        assert_int_equal (fov_dtype_size (i), sizes[i]);
        assert_string_not_equal (fov_dtype_name (i), "unknown");
    }
    assert_string_equal (fov_dtype_name (FOV_F16), "float16");
    assert_int_equal (fov_dtype_size (FOV_N_DTYPES), 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_shapes),
                                        cmocka_unit_test (test_dtypes) };
    return RUN ("tensor", tests);
}
