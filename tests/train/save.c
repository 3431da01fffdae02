/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Models written as a whole are ONNX that other runtimes take: attributes that opset 18 has, names
 * of their own, types of outputs; and they compute what they did. FOVEA_KEEP_MODELS=FOLDER keeps
 * them with what they give, for onnxruntime.js. */
#include "smallnet.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>

#include "graph/op.h"
#include "model/onnx.pb-c.h"

/* ---- what ONNX says -------------------------------------------------------- */

/* Attributes of operators as of opset 18 (Gelu: 20); those that are not listed have none. */
static const struct {
    const char *op, *attributes;
} schema[] = {
    { "ArgMax", "axis keepdims select_last_index" },
    { "ArgMin", "axis keepdims select_last_index" },
    { "AveragePool", "auto_pad ceil_mode count_include_pad kernel_shape pads strides" },
    { "BatchNormalization", "epsilon momentum training_mode" },
    { "Cast", "to" },
    { "Concat", "axis" },
    { "Conv", "auto_pad dilations group kernel_shape pads strides" },
    { "ConvTranspose",
      "auto_pad dilations group kernel_shape output_padding output_shape pads strides" },
    { "CumSum", "exclusive reverse" },
    { "DepthToSpace", "blocksize mode" },
    { "Dropout", "seed" },
    { "Elu", "alpha" },
    { "Flatten", "axis" },
    { "GRU", "activation_alpha activation_beta activations clip direction hidden_size layout "
             "linear_before_reset" },
    { "Gather", "axis" },
    { "GatherElements", "axis" },
    { "GatherND", "batch_dims" },
    { "Gelu", "approximate" },
    { "Gemm", "alpha beta transA transB" },
    { "GroupNormalization", "epsilon num_groups" },
    { "HardSigmoid", "alpha beta" },
    { "Hardmax", "axis" },
    { "InstanceNormalization", "epsilon" },
    { "LRN", "alpha beta bias size" },
    { "LSTM", "activation_alpha activation_beta activations clip direction hidden_size "
              "input_forget layout" },
    { "LayerNormalization", "axis epsilon stash_type" },
    { "LeakyRelu", "alpha" },
    { "LogSoftmax", "axis" },
    { "LpNormalization", "axis p" },
    { "MaxPool", "auto_pad ceil_mode dilations kernel_shape pads storage_order strides" },
    { "Mod", "fmod" },
    { "NegativeLogLikelihoodLoss", "ignore_index reduction" },
    { "NonMaxSuppression", "center_point_box" },
    { "OneHot", "axis" },
    { "Pad", "mode" },
    { "ReduceL1", "keepdims noop_with_empty_axes" },
    { "ReduceL2", "keepdims noop_with_empty_axes" },
    { "ReduceLogSum", "keepdims noop_with_empty_axes" },
    { "ReduceLogSumExp", "keepdims noop_with_empty_axes" },
    { "ReduceMax", "keepdims noop_with_empty_axes" },
    { "ReduceMean", "keepdims noop_with_empty_axes" },
    { "ReduceMin", "keepdims noop_with_empty_axes" },
    { "ReduceProd", "keepdims noop_with_empty_axes" },
    { "ReduceSum", "keepdims noop_with_empty_axes" },
    { "ReduceSumSquare", "keepdims noop_with_empty_axes" },
    { "Reshape", "allowzero" },
    { "Resize", "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside "
                "extrapolation_value keep_aspect_ratio_policy mode nearest_mode" },
    { "ScatterElements", "axis reduction" },
    { "ScatterND", "reduction" },
    { "Selu", "alpha gamma" },
    { "Shape", "end start" },
    { "Softmax", "axis" },
    { "SoftmaxCrossEntropyLoss", "ignore_index reduction" },
    { "SpaceToDepth", "blocksize" },
    { "Split", "axis num_outputs" },
    { "TopK", "axis largest sorted" },
    { "Transpose", "perm" },
    { "Trilu", "upper" },
};

static gboolean
has_attribute (const char *op, const char *name, gint64 opset)
{
    if (g_str_equal (op, "AveragePool") && g_str_equal (name, "dilations"))
        return opset >= 19;
    for (guint i = 0; i < G_N_ELEMENTS (schema); i++) {
        g_auto (GStrv) names = g_strsplit (schema[i].attributes, " ", 0);
        if (g_str_equal (schema[i].op, op))
            return g_strv_contains ((const char *const *) names, name);
    }
    return FALSE;
}

static void
check_attributes (const Onnx__NodeProto *node, gint64 opset, const char *what)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Onnx__AttributeProto *a = node->attribute[i];
        if (!has_attribute (node->op_type, a->name, opset))
            fail_msg ("%s: node '%s': %s has no attribute %s in opset %d", what, node->name,
                      node->op_type, a->name, (int) opset);
        if (g_str_equal (a->name, "num_outputs") && node->n_input > 1 && *node->input[1])
            fail_msg ("%s: node '%s' has both sizes and a number of outputs", what, node->name);
    }
    if (g_str_equal (node->op_type, "Gelu") && opset < 20)
        fail_msg ("%s: Gelu is of opset 20, not %d", what, (int) opset);
}

static void
define (GHashTable *values, const char *name, const char *what)
{
    if (!*name || !g_utf8_validate (name, -1, NULL) || !g_hash_table_add (values, (gpointer) name))
        fail_msg ("%s: value '%s' is no name or taken", what, name);
}

static void
check_file (const char *path, const char *what)
{
    g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
    g_autoptr (GHashTable) values = g_hash_table_new (g_str_hash, g_str_equal);
    g_autofree char *bytes = NULL;
    Onnx__ModelProto *model;
    gsize size;
    gint64 opset;

    assert_true (g_file_get_contents (path, &bytes, &size, NULL));
    model = onnx__model_proto__unpack (NULL, size, (guint8 *) bytes);
    assert_true (model && model->n_opset_import == 1);
    opset = model->opset_import[0]->version;
    for (size_t i = 0; i < model->graph->n_input; i++)
        define (values, model->graph->input[i]->name, what);
    for (size_t i = 0; i < model->graph->n_initializer; i++)
        define (values, model->graph->initializer[i]->name, what);
    for (size_t i = 0; i < model->graph->n_node; i++) {
        const Onnx__NodeProto *node = model->graph->node[i];
        if (!*node->name || !g_hash_table_add (names, node->name))
            fail_msg ("%s: node name '%s' is empty or taken", what, node->name);
        check_attributes (node, opset, what);
        for (size_t k = 0; k < node->n_input; k++)
            if (*node->input[k] && !g_hash_table_contains (values, node->input[k]))
                fail_msg ("%s: node '%s' reads '%s' before it is there", what, node->name,
                          node->input[k]);
        for (size_t k = 0; k < node->n_output; k++)
            if (*node->output[k])
                define (values, node->output[k], what);
    }
    onnx__model_proto__free_unpacked (model, NULL);
}

/* ---- what it computes ------------------------------------------------------ */

enum { MOST = 8 };

typedef struct {
    guint n_inputs, n_outputs;
    FovView x[MOST], y[MOST];
} Run;

static void
clear_run (Run *r)
{
    for (guint i = 0; i < r->n_inputs; i++)
        g_free (r->x[i].data);
    for (guint i = 0; i < r->n_outputs; i++)
        g_free (r->y[i].data);
}

static Run
run (FovModel *model)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", &error);
    g_autoptr (FovSession) session = fov_session_new (device, model, NULL, &error);
    FovView y[MOST];
    Run r;

    if (!session)
        fail_msg ("%s: %s", fov_model_path (model), error->message);
    r.n_inputs = fov_session_n_inputs (session);
    r.n_outputs = fov_session_n_outputs (session);
    assert_true (r.n_inputs <= MOST && r.n_outputs <= MOST);
    for (guint i = 0; i < r.n_inputs; i++) {
        FovTensorInfo info;
        fov_session_input (session, i, &info);
        r.x[i] = (FovView){ info.dtype, info.shape, NULL };
        r.x[i].data = g_malloc (fov_shape_elements (&info.shape) * 8);
        for (gint64 k = 0; k < fov_shape_elements (&info.shape); k++)
            fov_view_set (&r.x[i], k, 0.5 + 0.5 * sin (0.013 * (double) (k * (i + 1))));
    }
    if (!fov_session_run (session, r.x, y, &error))
        fail_msg ("%s: %s", fov_model_path (model), error->message);
    for (guint i = 0; i < r.n_outputs; i++) {
        r.y[i] = y[i];
        r.y[i].data = g_memdup2 (y[i].data, (gsize) fov_shape_elements (&y[i].shape) *
                                                fov_dtype_size (y[i].dtype));
    }
    return r;
}

static void
compare (const Run *got, const Run *want, const char *what)
{
    assert_int_equal (got->n_outputs, want->n_outputs);
    for (guint i = 0; i < got->n_outputs; i++) {
        const gint64 n = fov_shape_elements (&want->y[i].shape);
        assert_int_equal (got->y[i].dtype, want->y[i].dtype);
        assert_int_equal (n, fov_shape_elements (&got->y[i].shape));
        for (gint64 k = 0; k < n; k++) {
            const double a = fov_view_get (&got->y[i], k), b = fov_view_get (&want->y[i], k);
            if (!(fabs (a - b) <= 1e-5 * MAX (fabs (b), 1)))
                fail_msg ("%s: output %u, element %d is %g, expected %g", what, i, (int) k, a, b);
        }
    }
}

/* ---- what is kept for another runtime ---------------------------------------- */

static void
keep_view (GString *json, const char *folder, const char *name, const char *kind, guint i,
           const FovView *view)
{
    const gint64 n = fov_shape_elements (&view->shape);
    g_autofree char *path = g_strdup_printf ("%s/%s.%s%u", folder, name, kind, i);
    g_autofree float *values = g_new (float, n + 1);

    for (gint64 k = 0; k < n; k++)
        values[k] = (float) fov_view_get (view, k);
    assert_true (g_file_set_contents (path, (const char *) values, n * 4, NULL));
    g_string_append_printf (json, "%s[", i ? ", " : "");
    for (int d = 0; d < view->shape.rank; d++)
        g_string_append_printf (json, "%s%d", d ? ", " : "", (int) view->shape.dim[d]);
    g_string_append_c (json, ']');
}

/* NAME.onnx; NAME.json: the model it comes from (if it is the same), shapes; NAME.x0, .y0, ...:
 * values, float32. */
static void
keep (FovModel *model, const char *name, const char *source, const Run *r)
{
    const char *folder = g_getenv ("FOVEA_KEEP_MODELS");
    g_autofree char *onnx = g_strdup_printf ("%s/%s.onnx", folder, name);
    g_autofree char *path = g_strdup_printf ("%s/%s.json", folder, name);
    g_autoptr (GString) json = g_string_new (NULL);

    if (!folder)
        return;
    g_string_printf (json, "{ \"source\": \"%s\", \"x\": [", source ? source : "");
    for (guint i = 0; i < r->n_inputs; i++)
        keep_view (json, folder, name, "x", i, &r->x[i]);
    g_string_append (json, "], \"y\": [");
    for (guint i = 0; i < r->n_outputs; i++)
        keep_view (json, folder, name, "y", i, &r->y[i]);
    g_string_append (json, "] }\n");
    assert_true (fov_model_save (model, onnx, NULL));
    assert_true (g_file_set_contents (path, json->str, -1, NULL));
}

static void
check_saved (FovModel *model, const char *name, const char *source)
{
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), "fovea-save-XXXXXX.onnx", NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovModel) read = NULL;
    Run before = run (model), after;

    close (g_mkstemp (path));
    if (!fov_model_save (model, path, &error))
        fail_msg ("%s: %s", name, error->message);
    check_file (path, name);
    read = fov_model_load (path, &error);
    if (!read)
        fail_msg ("%s: %s", name, error->message);
    after = run (read);
    compare (&after, &before, name);
    keep (model, name, source, &before);
    g_unlink (path);
    clear_run (&before);
    clear_run (&after);
}

/* ---- tests ------------------------------------------------------------------- */

static const char *const samples[] = {
    "classify/squeezenet1.1.onnx",
    "detect/fastestdet.onnx",
    "detect/nanodet_320.onnx",
    "detect/ssd_mobilenetv2_oidv4.onnx",
    "detect/yolov8n_640.onnx",
    "detect/yolox_nano.onnx",
    "face/ultraface-RFB-320.onnx",
    "ocr/lprnet.onnx",
    "reid/osnet_x0_25_msmt17.onnx",
    "segment/deeplabv3_mnv2dm05_portrait513.onnx",
    "segment/prismanet_portrait256.onnx",
    "track/nanotrackv2_backbone.onnx",
    "track/nanotrackv2_head.onnx",
    "track/nanotrackv3_backbone.onnx",
    "track/nanotrackv3_head.onnx",
};

static FovModel *
load (const char *file)
{
    const char *data = g_getenv ("FOVEA_TEST_DATA");
    g_autofree char *path = data ? g_build_filename (data, "models", file, NULL) : NULL;
    g_autoptr (GError) error = NULL;
    FovModel *model;

    if (!path || !g_file_test (path, G_FILE_TEST_EXISTS)) {
        print_message ("# skipped: no %s in FOVEA_TEST_DATA\n", file);
        return NULL;
    }
    model = fov_model_load (path, &error);
    if (!model)
        fail_msg ("%s", error->message);
    return model;
}

static void
test_samples (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (samples); i++) {
        g_autoptr (FovModel) model = load (samples[i]);
        g_autofree char *name = g_path_get_basename (samples[i]);
        *strrchr (name, '.') = '\0';
        if (model)
            check_saved (model, name, fov_model_path (model));
    }
}

static void
test_new_heads (void **state)
{
    static const int heads[] = { 2, 3, 4, 5, 6 }; /* of samples */

    for (guint i = 0; i < G_N_ELEMENTS (heads); i++) {
        g_autoptr (FovModel) model = load (samples[heads[i]]);
        g_autofree char *base = g_path_get_basename (samples[heads[i]]);
        g_autofree char *name = NULL;
        g_autoptr (FovLabels) labels = fov_labels_parse ("thing,person,other", NULL);
        g_autoptr (FovModel) made = NULL;
        g_autoptr (GError) error = NULL;
        if (!model)
            continue;
        *strrchr (base, '.') = '\0';
        name = g_strconcat (base, "-head", NULL);
        made = fov_train_new_head (model, NULL, labels, 1, &error);
        if (!made)
            fail_msg ("%s: %s", name, error->message);
        check_saved (made, name, NULL);
    }
}

/* One node on x [1, 4, 6, 6] and perhaps a constant [4], of attributes. */
typedef struct {
    const char *name, *op;
    FovAttr attrs[3];
    gboolean constant;
    guint n_outputs;   /* 0: 1 */
    const char *error; /* NULL: it is written and gives what it did */
} Case;

static const gint64 twos[] = { 2, 2 }, ones[] = { 1, 1 }, fours[] = { 0, 0, 0, 0 };

static const Case cases[] = {
    { "limits as attributes", "Clip", { { .name = "max", .type = FOV_ATTR_FLOAT, .f = 0.6 } } },
    { "both limits",
      "Clip",
      { { .name = "min", .type = FOV_ATTR_FLOAT, .f = 0.2 },
        { .name = "max", .type = FOV_ATTR_FLOAT, .f = 0.6 } } },
    { "axis 0 is said", "Concat", { { .name = "axis", .type = FOV_ATTR_INT } } },
    { "no dilation",
      "AveragePool",
      { { .name = "kernel_shape", .type = FOV_ATTR_INTS, .ints = twos, .n = 2 },
        { .name = "dilations", .type = FOV_ATTR_INTS, .ints = ones, .n = 2 },
        { .name = "pads", .type = FOV_ATTR_INTS, .ints = fours, .n = 4 } } },
    { "a newer opset",
      "AveragePool",
      { { .name = "kernel_shape", .type = FOV_ATTR_INTS, .ints = twos, .n = 2 },
        { .name = "dilations", .type = FOV_ATTR_INTS, .ints = twos, .n = 2 } } },
    { "the newest", "Gelu", { { NULL } } },
    { "two parts without sizes",
      "Split",
      { { .name = "axis", .type = FOV_ATTR_INT, .i = 1 } },
      .n_outputs = 2 },
    { "a type of its own", "ArgMax", { { .name = "axis", .type = FOV_ATTR_INT, .i = 1 } } },
    { "only ours", "fov.Silu", .error = "fov.Silu" },
    { "a scale per channel",
      "GroupNormalization",
      { { .name = "num_groups", .type = FOV_ATTR_INT, .i = 2 } },
      TRUE,
      .error = "opset 21" },
};

static void
test_nodes (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        const Case *c = &cases[i];
        FovGraph *graph = fov_graph_new ();
        FovTensor *in[3] = { fov_graph_add_input (graph, "x", FOV_F32,
                                                  &(FovShape){ 4, { 1, 4, 6, 6 } }) };
        guint n = 0, n_in = c->constant ? 3 : 1;
        g_autoptr (GError) error = NULL;
        g_autoptr (FovModel) model = NULL;
        g_autofree char *name = g_strdelimit (g_strdup (c->name), " ", '-');
        FovNode *node;

        while (n < G_N_ELEMENTS (c->attrs) && c->attrs[n].name)
            n++;
        if (c->constant)
            in[1] = in[2] = fov_graph_add_floats (graph, "c", (float[]){ 1, 2, 3, 4 }, 4);
        node = fov_graph_add_node (graph, c->op, "n", in, n_in, MAX (c->n_outputs, 1), c->attrs, n,
                                   &error);
        assert_non_null (node);
        /* Another of the same name. */
        node = fov_graph_add_node (graph, "Identity", "n", node->outputs, 1, 1, NULL, 0, &error);
        fov_graph_add_output (graph, node->outputs[0]);
        model = fov_model_new_from_graph (graph, "made", "made", NULL);
        if (!c->error)
            check_saved (model, name, NULL);
        else if (fov_model_save (model, "/nonexistent/x.onnx", &error) ||
                 !strstr (error->message, c->error) || !strstr (error->message, "'n'"))
            fail_msg ("%s: %s", c->name, error ? error->message : "no error");
    }
}

/* ONNX's own cases of single operators: each form that can be read can be written and read. */
static void
test_operators (void **state)
{
    static const char folder[] = "/usr/share/libonnx-testdata/data/node";
    const char *kept = g_getenv ("FOVEA_KEEP_OPERATORS");
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), "fovea-save-XXXXXX.onnx", NULL);
    GDir *dir = g_dir_open (folder, 0, NULL);
    guint n = 0;

    if (!dir) {
        print_message ("# skipped: no %s\n", folder);
        skip ();
    }
    close (g_mkstemp (path));
    for (const char *name; (name = g_dir_read_name (dir));) {
        g_autofree char *from = g_build_filename (folder, name, "model.onnx", NULL);
        g_autofree char *to = kept ? g_strdup_printf ("%s/%s.onnx", kept, name) : g_strdup (path);
        g_autoptr (GError) error = NULL;
        g_autoptr (FovModel) model = fov_model_load (from, NULL);
        g_autoptr (FovModel) read = NULL;
        if (!model)
            continue;
        if (!fov_model_save (model, to, &error)) {
            if (!strstr (error->message, "training operators") &&
                !strstr (error->message, "opset 21"))
                fail_msg ("%s: %s", name, error->message);
            continue;
        }
        check_file (to, name);
        read = fov_model_load (to, &error);
        if (!read)
            fail_msg ("%s: %s", name, error->message);
        n++;
    }
    g_dir_close (dir);
    g_unlink (path);
    assert_true (n > 600);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_samples),
        cmocka_unit_test (test_new_heads),
        cmocka_unit_test (test_nodes),
        cmocka_unit_test (test_operators),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
