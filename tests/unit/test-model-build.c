/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"

#include <fovea/session.h>

#include <string.h>

static const float weights[6] = { 1, 2, 3, 4, 5, 6 }; /* 3 x 2 */
static const char *const outputs[] = { "y", NULL };

/* y = transpose (x w) */
static const FovModelValue values[] = {
    { "x", FOV_F32, { 2, { -1, 3 } }, NULL },
    { "w", FOV_F32, { 2, { 3, 2 } }, weights },
};
static const FovModelNode nodes[] = {
    { "MatMul", "p", { "x", "w" }, NULL, { 0 }, 0 },
    { "Transpose", "y", { "p" }, "perm", { 1, 0 }, 2 },
};

static void
test_a_built_model_runs (void **state)
{
    static const char *const devices[] = { "reference", "cpu" };
    float x[6] = { 1, 0, 0, 0, 1, 1 };
    for (guint i = 0; i < G_N_ELEMENTS (devices); i++) {
        GError *error = NULL;
        g_autoptr (FovModel) model = fov_model_build (values, 2, nodes, 2, outputs, &error);
        assert_fov_ok (model != NULL, error);
        assert_int_equal (fov_model_n_inputs (model), 1);
        g_autoptr (FovDevice) device = fov_device_open (devices[i], &error);
        FovShape shape = { 2, { 2, 3 } };
        FovSessionParams params = { .input_shapes = &shape };
        g_autoptr (FovSession) session = fov_session_new (device, model, &params, &error);
        assert_fov_ok (session != NULL, error);
        FovView in = { FOV_F32, shape, x }, out;
        assert_fov_ok (fov_session_run (session, &in, &out, &error), error);
        const float wanted[4] = { 1, 8, 2, 10 };
        assert_memory_equal (out.data, wanted, sizeof wanted);
    }
}

static void
test_faults_are_named (void **state)
{
    static const struct {
        FovModelNode node;
        FovErrorCode code;
        const char *text;
    } cases[] = {
        { { "Relu", "z", { "nobody" }, NULL, { 0 }, 0 }, FOV_ERROR_ARGUMENT, "nobody" },
        { { "Relu", "x", { "x" }, NULL, { 0 }, 0 }, FOV_ERROR_ARGUMENT, "\"x\"" },
        { { "NoSuchOp", "z", { "x" }, NULL, { 0 }, 0 }, FOV_ERROR_UNSUPPORTED, "NoSuchOp" },
    };
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        GError *error = NULL;
        assert_null (fov_model_build (values, 2, &cases[i].node, 1, outputs, &error));
        assert_fov_error (&error, cases[i].code, cases[i].text);
    }
    GError *error = NULL;
    assert_null (fov_model_build (values, 2, nodes, 1, outputs, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "outputs");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_built_model_runs),
        cmocka_unit_test (test_faults_are_named),
    };
    return RUN ("model-build", tests);
}
