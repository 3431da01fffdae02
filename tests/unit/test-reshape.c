/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A model for other input sizes than its file fixes. */
#include "net.h"

#include "check.h"
#include "model/model.h"

#define CHANNELS 6

/* Squeeze and excite, its reshapes naming a batch of one as exporters write them. */
static FovModel *
make_model (void)
{
    Build b = { fov_graph_new (), g_rand_new_with_seed (4) };
    FovTensor *x = fov_graph_add_input (b.graph, "x", FOV_F32, &(FovShape){ 4, { 1, 3, 9, 9 } });
    FovTensor *gate;

    x->shape_known = TRUE;
    x = conv (&b, x, CHANNELS, 3, 2, 1);
    gate = reshape (&b, unary (&b, "GlobalAveragePool", x), (gint64[]){ 1, CHANNELS }, 2);
    gate = reshape (&b, unary (&b, "Sigmoid", gate), (gint64[]){ 1, CHANNELS, 1, 1 }, 4);
    x = binary (&b, "Mul", x, gate);
    fov_graph_rename (b.graph, x, "y");
    fov_graph_add_output (b.graph, x);
    g_rand_free (b.rand);
    return fov_model_new_from_graph (b.graph, "made.onnx", "ONNX opset 17", NULL);
}

static float *
run (FovModel *model, const float *values, FovShape *shape)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("reference", &error);
    g_autoptr (FovSession) session = fov_session_new (device, model, NULL, &error);
    FovTensorInfo info;
    FovView in, out;

    assert_fov_ok (session != NULL, error);
    fov_session_input (session, 0, &info);
    in = (FovView){ FOV_F32, info.shape, (float *) values };
    assert_fov_ok (fov_session_run (session, &in, &out, &error), error);
    *shape = out.shape;
    return g_memdup2 (out.data, (gsize) fov_shape_elements (shape) * sizeof (float));
}

/* Three pictures in a batch give what each gives alone. */
static void
test_batch (void **state)
{
    enum { N = 3, IN = 3 * 9 * 9, OUT = CHANNELS * 5 * 5 };
    g_autoptr (FovModel) model = make_model ();
    g_autoptr (GError) error = NULL;
    g_autoptr (FovModel) three =
        fov_model_reshape (model, &(FovShape){ 4, { N, 3, 9, 9 } }, &error);
    float values[N * IN];
    FovTensorInfo info;
    FovShape shape;

    assert_fov_ok (three != NULL, error);
    fov_model_output (three, 0, &info);
    assert_true (fov_shape_equal (&info.shape, &(FovShape){ 4, { N, CHANNELS, 5, 5 } }));
    for (int i = 0; i < N * IN; i++)
        values[i] = (float) (i * 37 % 101) / 50 - 1;
    g_autofree float *all = run (three, values, &shape);
    assert_int_equal (shape.dim[0], N);
    for (int n = 0; n < N; n++) {
        g_autofree float *alone = run (model, values + n * IN, &shape);
        assert_int_equal (shape.dim[0], 1);
        for (int i = 0; i < OUT; i++)
            assert_float_equal (all[n * OUT + i], alone[i], 1e-6);
    }
}

static void
test_size (void **state)
{
    g_autoptr (FovModel) model = make_model ();
    g_autoptr (GError) error = NULL;
    g_autoptr (FovModel) large =
        fov_model_reshape (model, &(FovShape){ 4, { 1, 3, 20, 15 } }, &error);
    FovTensorInfo info;

    assert_fov_ok (large != NULL, error);
    fov_model_input (large, 0, &info);
    assert_true (fov_shape_equal (&info.shape, &(FovShape){ 4, { 1, 3, 20, 15 } }));
    fov_model_output (large, 0, &info);
    assert_true (fov_shape_equal (&info.shape, &(FovShape){ 4, { 1, CHANNELS, 10, 8 } }));
    assert_string_equal (info.name, "y");
    fov_model_input (model, 0, &info); /* which stays as it was */
    assert_int_equal (info.shape.dim[2], 9);
}

static void
test_errors (void **state)
{
    g_autoptr (FovModel) model = make_model ();
    g_autoptr (GError) error = NULL;

    assert_null (fov_model_reshape (model, &(FovShape){ 3, { 3, 9, 9 } }, &error));
    assert_fov_error (&error, FOV_ERROR_SHAPE, "asked for shape 3x9x9, but the model's is 1x3x9x9");
    assert_null (fov_model_reshape (model, &(FovShape){ 4, { 1, 4, 9, 9 } }, &error));
    assert_fov_error (&error, FOV_ERROR_SHAPE, "made.onnx: node 'Conv'");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_batch),
        cmocka_unit_test (test_size),
        cmocka_unit_test (test_errors),
    };
    return RUN ("reshape", tests);
}
