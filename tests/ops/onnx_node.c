/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ONNX's own backend node tests (Debian: libonnx-testdata): each case is a
 * model of one or a few nodes with inputs and expected outputs. Every case
 * whose ops we have goes through the reader, inference and the reference
 * functions; only those in the table below are left out.
 */
#include <math.h>
#include <unistd.h>

#include "node.h"
#include "model/model.h"
#include "model/onnx.h"
#include "model/session.h"

#define DEFAULT_FOLDER "/usr/share/libonnx-testdata/data/node"
#define FEWEST_CASES 700 /* that must run for the test to mean anything */

/* Cases of ops that we have which are not run: a glob and why. */
static const struct {
    const char *pattern, *reason;
} left_out[] = {
    { "test_*BFLOAT16*", "the data files call bfloat16 uint16" },
    { "test_*STRING*", "strings" },
    { "test_convtranspose_1d", "pictures only" },
    { "test_convtranspose_3d", "pictures only" },
    { "test_*pool_1d_default", "pictures only" },
    { "test_*pool_3d_default", "pictures only" },
    { "test_batchnorm_*_training_mode", "the reader takes models for inference: see below" },
    { "test_training_dropout_zero_ratio_mask", "inference only: the reader drops the mask" },
    { "test_training_dropout", "by chance" },
    { "test_training_dropout_mask", "by chance" },
    { "test_training_dropout_default*", "by chance" },
    { "test_dropout_default_mask*", "inference only: the reader drops the mask" },
    { "test_gru_batchwise", "batches first are not supported" },
    { "test_lstm_batchwise", "batches first are not supported" },
    { "test_lstm_with_peepholes", "peepholes are not supported" },
    { "test_identity_sequence", "a sequence" },
    { "test_identity_opt", "an optional" },
    { "test_adam_multiple", "the file lacks the epsilon that its results were made with" },
    { "test_resize_tf_crop_and_resize", "crops are not supported" },
    { "test_resize_downsample_scales_*_align_corners",
      "expects corners of a fractional output size; ONNX Runtime and PyTorch take the whole one" },
    { NULL, NULL },
};

static const char *
reason_left_out (const char *name)
{
    for (guint i = 0; left_out[i].pattern; i++)
        if (g_pattern_match_simple (left_out[i].pattern, name))
            return left_out[i].reason;
    return NULL;
}

/* ---- reading ---------------------------------------------------------- */

static Onnx__ModelProto *
read_model (const char *folder)
{
    g_autofree char *path = g_build_filename (folder, "model.onnx", NULL);
    g_autofree char *bytes = NULL;
    Onnx__ModelProto *model;
    gsize size;

    if (!g_file_get_contents (path, &bytes, &size, NULL))
        fail_msg ("%s can not be read", path);
    model = onnx__model_proto__unpack (NULL, size, (guint8 *) bytes);
    if (!model)
        fail_msg ("%s is no model", path);
    return model;
}

static gboolean
has_all_ops (const Onnx__ModelProto *model)
{
    for (size_t i = 0; i < model->graph->n_node; i++) {
        const char *op = model->graph->node[i]->op_type;
        if (!fov_op_find (op) && !g_str_equal (op, "Constant"))
            return FALSE;
    }
    return TRUE;
}

/* Through our reader. Ops that never changed are tested under opsets older than it takes. */
static FovModel *
load_model (Onnx__ModelProto *model, GError **error)
{
    gsize size;
    g_autofree guint8 *bytes = NULL;
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), "fovea-XXXXXX.onnx", NULL);
    FovModel *loaded = NULL;
    int fd = g_mkstemp (path);

    assert_true (fd >= 0);
    for (size_t i = 0; i < model->n_opset_import; i++)
        model->opset_import[i]->version = MAX (model->opset_import[i]->version, FOV_ONNX_MIN_OPSET);
    bytes = g_malloc (onnx__model_proto__get_packed_size (model));
    size = onnx__model_proto__pack (model, bytes);
    if (g_file_set_contents (path, (const char *) bytes, (gssize) size, error))
        loaded = fov_model_load (path, error);
    close (fd);
    unlink (path);
    return loaded;
}

/* A TensorProto file as a constant of graph. */
static FovTensor *
read_tensor (FovGraph *graph, const char *folder, const char *kind, guint index, GError **error)
{
    g_autofree char *name = g_strdup_printf ("%s_%u.pb", kind, index);
    g_autofree char *path = g_build_filename (folder, "test_data_set_0", name, NULL);
    g_autofree char *bytes = NULL;
    gsize size;
    FovOnnx onnx = { .graph = graph };
    Onnx__TensorProto *proto;
    FovTensor *tensor;

    if (!g_file_get_contents (path, &bytes, &size, error))
        return NULL;
    proto = onnx__tensor_proto__unpack (NULL, size, (guint8 *) bytes);
    if (!proto) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s is no tensor", path);
        return NULL;
    }
    tensor = fov_onnx_add_tensor (&onnx, proto, name, error);
    onnx__tensor_proto__free_unpacked (proto, NULL);
    return tensor;
}

/* ---- running ---------------------------------------------------------- */

static FovView
view_of (const FovTensor *tensor)
{
    FovView view = { tensor->dtype, tensor->shape, NULL };

    view.data = (void *) g_bytes_get_data (tensor->data, NULL);
    return view;
}

static gboolean
same_value (const FovView *a, const FovView *b, gint64 i)
{
    double x = fov_view_get (a, i), y = fov_view_get (b, i);

    if (a->dtype != FOV_F32)
        return fov_view_get_int (a, i) == fov_view_get_int (b, i);
    if (!isfinite (x) || !isfinite (y))
        return (isnan (x) && isnan (y)) || x == y;
    return fabs (x - y) <= 1e-5 + 1e-3 * fabs (y); /* ONNX's own relative tolerance */
}

static gboolean
same_tensor (const FovTensor *found, const FovTensor *expected, GError **error)
{
    FovView a = view_of (found), b = view_of (expected);

    if (a.dtype != b.dtype || !fov_shape_equal (&a.shape, &b.shape)) {
        g_autofree char *sa = fov_shape_to_string (&a.shape);
        g_autofree char *sb = fov_shape_to_string (&b.shape);
        g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE, "output '%s' is %s %s, expected %s %s",
                     found->name, fov_dtype_name (a.dtype), sa, fov_dtype_name (b.dtype), sb);
        return FALSE;
    }
    for (gint64 i = 0; i < fov_shape_elements (&a.shape); i++) {
        if (!same_value (&a, &b, i)) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FAILED,
                         "output '%s' [%" G_GINT64_FORMAT "] is %.9g, expected %.9g", found->name,
                         i, fov_view_get (&a, i), fov_view_get (&b, i));
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
run_case (const char *folder, Onnx__ModelProto *proto, GError **error)
{
    g_autoptr (FovModel) model = load_model (proto, error);
    g_autoptr (FovGraph) graph = NULL;

    if (!model)
        return FALSE;
    graph = fov_graph_copy (fov_model_graph (model));
    for (guint i = 0; i < graph->inputs->len; i++) {
        FovTensor *input = graph->inputs->pdata[i];
        FovTensor *given = read_tensor (graph, folder, "input", i, error);
        if (!given)
            return FALSE;
        input->dtype = given->dtype;
        input->shape = given->shape;
        input->data = g_bytes_ref (given->data);
    }
    for (guint i = 0; i < graph->nodes->len; i++)
        if (!run_test_node (graph->nodes->pdata[i], error))
            return FALSE;
    for (guint i = 0; i < graph->outputs->len; i++) {
        FovTensor *expected = read_tensor (graph, folder, "output", i, error);
        if (!expected || !same_tensor (graph->outputs->pdata[i], expected, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- the cases -------------------------------------------------------- */

static const char *
data_folder (void)
{
    const char *folder = g_getenv ("FOVEA_ONNX_TESTDATA");

    return folder ? folder : DEFAULT_FOLDER;
}

static void
test_all_cases (void **state)
{
    g_autoptr (GDir) dir = g_dir_open (data_folder (), 0, NULL);
    guint ran = 0, failed = 0, left = 0, foreign = 0;

    if (!dir) {
        print_message ("# skipped: no ONNX node tests in %s (Debian: libonnx-testdata)\n",
                       data_folder ());
        skip ();
    }
    for (const char *name; (name = g_dir_read_name (dir));) {
        g_autofree char *folder = g_build_filename (data_folder (), name, NULL);
        Onnx__ModelProto *model = read_model (folder);
        g_autoptr (GError) error = NULL;
        const char *reason = reason_left_out (name);
        if (!has_all_ops (model)) {
            foreign++;
        } else if (reason) {
            print_message ("# left out: %s (%s)\n", name, reason);
            left++;
        } else {
            ran++;
            if (!run_case (folder, model, &error)) {
                print_message ("# FAILED: %s: %s\n", name, error->message);
                failed++;
            }
        }
        onnx__model_proto__free_unpacked (model, NULL);
    }
    print_message ("# %u cases ran, %u failed, %u left out, %u of ops we do not have\n", ran,
                   failed, left, foreign);
    assert_int_equal (failed, 0);
    assert_true (ran >= FEWEST_CASES);
}

/* ---- what training has alone --------------------------------------------- */

/* The reader refuses a norm that is to learn; the trainer makes such nodes of those it reads. */
static void
run_live_norm (const char *folder)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();
    g_autoptr (GError) error = NULL;
    Onnx__ModelProto *proto = read_model (folder);
    const Onnx__NodeProto *given = proto->graph->node[0];
    FovAttr attrs[2] = { { .name = "training_mode", .type = FOV_ATTR_INT, .i = 1 } };
    guint n_attrs = 1;
    FovTensor *in[5];
    FovNode *node;

    for (size_t i = 0; i < given->n_attribute; i++)
        if (g_str_equal (given->attribute[i]->name, "epsilon"))
            attrs[n_attrs++] = (FovAttr){ .name = "epsilon",
                                          .type = FOV_ATTR_FLOAT,
                                          .f = (double) given->attribute[i]->f };
    for (guint i = 0; i < 5; i++)
        in[i] = read_tensor (graph, folder, "input", i, &error);
    node = fov_graph_add_node (graph, given->op_type, "n", in, 5, 3, attrs, n_attrs, &error);
    if (!node || !run_test_node (node, &error))
        fail_msg ("%s: %s", folder, error->message);
    for (guint i = 0; i < 3; i++)
        if (!same_tensor (node->outputs[i], read_tensor (graph, folder, "output", i, &error),
                          &error))
            fail_msg ("%s: %s", folder, error->message);
    onnx__model_proto__free_unpacked (proto, NULL);
}

static void
test_live_norms (void **state)
{
    static const char *const names[] = { "test_batchnorm_example_training_mode",
                                         "test_batchnorm_epsilon_training_mode" };

    for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *folder = g_build_filename (data_folder (), names[i], NULL);
        if (!g_file_test (folder, G_FILE_TEST_IS_DIR)) {
            print_message ("# skipped: no %s (Debian: libonnx-testdata)\n", folder);
            skip ();
        }
        run_live_norm (folder);
    }
}

/* ---- Gradient ----------------------------------------------------------- */

/* Those are answered when a session is made. */
static void
run_session (const char *folder, FovDevice *device)
{
    g_autoptr (GError) error = NULL;
    Onnx__ModelProto *proto = read_model (folder);
    g_autoptr (FovModel) model = load_model (proto, &error);
    g_autoptr (FovGraph) data = fov_graph_new ();
    g_autoptr (FovSession) session = model ? fov_session_new (device, model, NULL, &error) : NULL;
    FovView in[4], out[4];

    if (!session)
        fail_msg ("%s: %s", folder, error->message);
    for (guint i = 0; i < fov_session_n_inputs (session); i++)
        in[i] = view_of (read_tensor (data, folder, "input", i, &error));
    if (!fov_session_run (session, in, out, &error))
        fail_msg ("%s: %s", folder, error->message);
    for (guint i = 0; i < fov_session_n_outputs (session); i++) {
        FovView want = view_of (read_tensor (data, folder, "output", i, &error));
        assert_true (fov_shape_equal (&want.shape, &out[i].shape));
        for (gint64 k = 0; k < fov_shape_elements (&want.shape); k++)
            assert_true (same_value (&out[i], &want, k));
    }
    onnx__model_proto__free_unpacked (proto, NULL);
}

static void
test_gradient_cases (void **state)
{
    static const char *const names[] = { "test_gradient_of_add", "test_gradient_of_add_and_mul" };
    static const char *const devices[] = { "reference", "cpu:2" };

    for (guint i = 0; i < 4; i++) {
        g_autofree char *folder =
            g_build_filename (data_folder (), "..", "simple", names[i / 2], NULL);
        g_autoptr (FovDevice) device = fov_device_open (devices[i % 2], NULL);
        if (!g_file_test (folder, G_FILE_TEST_IS_DIR)) {
            print_message ("# skipped: no %s (Debian: libonnx-testdata)\n", folder);
            skip ();
        }
        run_session (folder, device);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_all_cases),
                                        cmocka_unit_test (test_live_norms),
                                        cmocka_unit_test (test_gradient_cases) };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
