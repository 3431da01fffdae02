/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The start-up self-check: kernels that are right, wrong ones, and what is remembered. */
#include "net.h"

#include <fovea/loader.h>

#include "gpu/shader-table.h"
#include "ops/boxes.h"
#include "ops/frame.h"

#include "folder.h"
#include "nothing.h"

static char *
verdict_file (void)
{
    g_autofree char *kept = in_folder ("fovea");
    g_autoptr (GDir) dir = g_dir_open (kept, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name (dir)))
        if (g_str_has_suffix (name, "-checked"))
            return g_build_filename (kept, name, NULL);
    return NULL;
}

static char *
verdicts (void)
{
    g_autofree char *path = verdict_file ();
    char *text = NULL;

    assert_non_null (path);
    assert_true (g_file_get_contents (path, &text, NULL, NULL));
    return text;
}

static int
forget (void **state)
{
    g_autofree char *path = verdict_file ();

    if (path)
        g_unlink (path);
    return 0;
}

static FovDevice *
open_vulkan (void)
{
    g_autoptr (GError) error = NULL;
    FovDevice *device = fov_device_open ("vulkan", &error);

    if (!device) {
        print_message ("%s\n", error->message);
        skip ();
    }
    return device;
}

/* A depthwise convolution and an op that no other takes in. */
static FovGraph *
small_graph (void)
{
    Build b = { fov_graph_new (), g_rand_new_with_seed (1) };
    FovTensor *x = fov_graph_add_input (b.graph, "x", FOV_F32, &(FovShape){ 4, { 1, 8, 12, 12 } });
    FovTensor *y = unary (&b, "Softmax", conv (&b, x, 8, 3, 1, 8));

    fov_graph_add_output (b.graph, y);
    g_rand_free (b.rand);
    return b.graph;
}

static const FovShader nothing = { NULL, nothing_words, G_N_ELEMENTS (nothing_words) };

static FovSession *
new_session (FovDevice *device, GError **error)
{
    return fov_session_new_from_graph (device, small_graph (), NULL, error);
}

/* How far the session's result is from the references'. */
static double
off (FovSession *session)
{
    g_autoptr (FovGraph) graph = small_graph ();
    float x[8 * 12 * 12];
    FovView in = { FOV_F32, { 4, { 1, 8, 12, 12 } }, x }, out;
    g_autoptr (GPtrArray) values = NULL;
    const FovTensor *y = graph->outputs->pdata[0];
    GError *error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS (x); i++)
        x[i] = (float) (i * 7919 % 1000) / 500 - 1;
    values = run_naive (graph, x);
    assert_fov_ok (fov_session_run (session, &in, &out, &error), error);
    return worst_error (out.data, values->pdata[y->id], fov_shape_elements (&out.shape));
}

static void
test_right_kernels (void **state)
{
    g_autoptr (FovDevice) device = open_vulkan ();
    GError *error = NULL;
    g_autoptr (FovSession) session = new_session (device, &error);

    assert_fov_ok (session != NULL, error);
    assert_true (off (session) < 1e-4);
    g_autofree char *text = verdicts ();
    assert_non_null (strstr (text, "conv_depth"));
    assert_non_null (strstr (text, "softmax,"));
    assert_null (strchr (text, ' '));
}

/* What was right once is not looked at again: a change of the driver would bring another file. */
static void
test_checked_once (void **state)
{
    g_autoptr (FovDevice) first = open_vulkan (), second = NULL;
    FovShader wrong = nothing;
    GError *error = NULL;
    g_autoptr (FovSession) session = new_session (first, &error);
    g_autoptr (FovSession) again = NULL;

    assert_fov_ok (session != NULL, error);
    second = open_vulkan ();
    wrong.name = "softmax";
    fov_gpu_replace_shader (second->gpu, &wrong);
    again = new_session (second, &error);
    assert_fov_ok (again != NULL, error);
    assert_true (off (again) > 0.1);
}

/* One that has no other form is refused by name, now and, from memory, at the next start. */
static void
test_wrong_kernel (void **state)
{
    FovShader wrong = nothing;

    wrong.name = "softmax";
    for (int start = 0; start < 2; start++) {
        g_autoptr (FovDevice) device = open_vulkan ();
        g_autoptr (GError) error = NULL;
        if (start == 0)
            fov_gpu_replace_shader (device->gpu, &wrong);
        assert_null (new_session (device, &error));
        assert_true (g_error_matches (error, FOV_ERROR, FOV_ERROR_DEVICE));
        assert_non_null (strstr (error->message, "kernel softmax,"));
        assert_non_null (strstr (error->message, "Softmax"));
        assert_non_null (strstr (error->message, "cpu"));
    }
}

/* The reference takes few integers as labels, and refuses others: so such must be tried. */
static void
test_wrong_kernel_of_labels (void **state)
{
    g_autoptr (FovDevice) device = open_vulkan ();
    g_autoptr (GError) error = NULL;
    FovShader wrong = nothing;
    FovGraph *graph = fov_graph_new ();
    FovTensor *in[] = { fov_graph_add_input (graph, "x", FOV_F32, &(FovShape){ 3, { 2, 9, 5 } }),
                        fov_graph_add_input (graph, "text", FOV_I64, &(FovShape){ 2, { 2, 3 } }) };

    fov_graph_add_output (
        graph, fov_graph_add_node (graph, "fov.Ctc", "ctc", in, 2, 1, NULL, 0, NULL)->outputs[0]);
    wrong.name = "ctc";
    fov_gpu_replace_shader (device->gpu, &wrong);
    assert_null (fov_session_new_from_graph (device, graph, NULL, &error));
    assert_true (g_error_matches (error, FOV_ERROR, FOV_ERROR_DEVICE));
    assert_non_null (strstr (error->message, "fov.Ctc"));
}

/* A network of none: pictures of 32 x 32 are the rows of 384 boxes with 3 classes. */
static FovGraph *
detector_graph (void)
{
    const FovField field = { .input = 1, .component = 1, .cell = 8, .picture = 384 * 8 };
    const FovAttr size[] = { { "width", FOV_ATTR_INT, .i = 32 },
                             { "height", FOV_ATTR_INT, .i = 32 } };
    const FovAttr most = { "max_candidates", FOV_ATTR_INT, .i = 100 };
    FovGraph *graph = fov_graph_new ();
    FovTensor *pictures = fov_graph_add_input (graph, "p", FOV_U8, &(FovShape){ 2, { 1, 3000 } });
    FovTensor *frames =
        fov_graph_add_input (graph, "f", FOV_I32, &(FovShape){ 2, { 1, FOV_FRAME_WORDS } });
    FovNode *made = fov_graph_add_node (graph, "fov.Preprocess", "preprocess",
                                        (FovTensor *[]){ pictures, frames }, 2, 1, size, 2, NULL);
    FovTensor *shape = fov_graph_add_ints (graph, "rows", (const gint64[]){ 1, 384, 8 }, 3);
    FovHeads *heads;

    made = fov_graph_add_node (graph, "Reshape", "rows", (FovTensor *[]){ made->outputs[0], shape },
                               2, 1, NULL, 0, NULL);
    made = fov_graph_add_node (graph, "fov.Decode", "decode",
                               (FovTensor *[]){ frames, made->outputs[0] }, 2, 3, &most, 1, NULL);
    heads = &((FovDecodeParams *) made->params)->heads;
    *heads = (FovHeads){ .n_levels = 1, .n_classes = 3, .net_w = 32, .net_h = 32 };
    heads->level[0] = (FovLevel){ .score = field,
                                  .object = field,
                                  .box = field,
                                  .grid_w = 384,
                                  .grid_h = 1,
                                  .n_priors = 1,
                                  .step_x = 1,
                                  .step_y = 1 };
    heads->level[0].object.first = 4;
    heads->level[0].score.first = 5;
    made = fov_graph_add_node (graph, "fov.Nms", "nms",
                               (FovTensor *[]){ frames, made->outputs[0], made->outputs[1] }, 3, 2,
                               NULL, 0, NULL);
    fov_graph_add_output (graph, made->outputs[0]);
    fov_graph_add_output (graph, made->outputs[1]);
    return graph;
}

/* What reads frames, and not tensors alone, gets some made for it. */
static void
test_wrong_kernels_of_detectors (void **state)
{
    static const struct {
        const char *shader, *op; /* NULL: none is wrong */
    } rows[] = {
        { "preprocess", "fov.Preprocess" },
        { "detect_scan", "fov.Decode" },
        { "detect_select", "fov.Decode" },
        { "detect_expand", "fov.Decode" },
        { "detect_rows", "fov.Decode" },
        { "detect_nms", "fov.Nms" },
        { NULL, NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS (rows) && !forget (NULL); i++) {
        g_autoptr (FovDevice) device = open_vulkan ();
        g_autoptr (GError) error = NULL;
        g_autoptr (FovSession) session = NULL;
        FovShader wrong = nothing;
        wrong.name = rows[i].shader;
        if (rows[i].shader)
            fov_gpu_replace_shader (device->gpu, &wrong);
        session = fov_session_new_from_graph (device, detector_graph (), NULL, &error);
        if (!rows[i].shader)
            assert_fov_ok (session != NULL, error);
        else if (session || !strstr (error->message, rows[i].op))
            fail_msg ("%s that does nothing: %s", rows[i].shader,
                      error ? error->message : "unseen");
    }
}

/* One that has another form gives way to it, and results are right. */
static void
test_demoted_kernel (void **state)
{
    g_autoptr (FovDevice) device = open_vulkan ();
    FovShader wrong = nothing;
    GError *error = NULL;
    g_autoptr (FovSession) session = NULL;

    wrong.name = "conv_depth.wide";
    fov_gpu_replace_shader (device->gpu, &wrong);
    session = new_session (device, &error);
    assert_fov_ok (session != NULL, error);
    assert_true (off (session) < 1e-4);
    g_autofree char *text = verdicts ();
    if (!strstr (text, "conv_depth.wide"))
        skip (); /* the device does not run that form */
    assert_non_null (strstr (text, "expected"));
    assert_non_null (strstr (text, "conv_depth,"));
}

/* A damaged file costs a check. */
static void
test_damaged_file (void **state)
{
    static const char *const damage[] = { "", "\n\n ", " x\n", "\xff\xfe what is this\n",
                                          "softmax" };
    g_autoptr (FovDevice) device = open_vulkan ();
    GError *error = NULL;

    fov_session_unref (new_session (device, NULL));
    for (guint i = 0; i < G_N_ELEMENTS (damage); i++) {
        g_autofree char *path = verdict_file ();
        g_autoptr (FovSession) session = NULL;
        assert_true (g_file_set_contents (path, damage[i], -1, NULL));
        g_clear_pointer (&device, fov_device_unref);
        device = open_vulkan ();
        session = new_session (device, &error);
        assert_fov_ok (session != NULL, error);
        g_autofree char *text = verdicts ();
        assert_non_null (strstr (text, "softmax,"));
    }
}

static gboolean
load_grey (const FovSample *sample, FovImage *image, gpointer data, GError **error)
{
    return fov_image_alloc (image, FOV_PIXEL_GRAY, 9, 9, error);
}

static void
keep_message (const char *domain, GLogLevelFlags level, const char *message, gpointer kept)
{
    g_string_append (kept, message);
}

/* Who learns from pictures gets them from the host then, and can read so. */
static void
test_wrong_augmentation (void **state)
{
    static const char *const rows[][2] = { { "augment_shape", "fov.AugmentShape" },
                                           { "augment_color", "fov.AugmentColor" } };
    g_autoptr (FovData) data = fov_data_new (NULL);

    assert_true (fov_data_add (data, &(FovSample){ .name = "grey" }, NULL));
    for (guint i = 0; i < G_N_ELEMENTS (rows) && !forget (NULL); i++) {
        g_autoptr (FovDevice) device = open_vulkan ();
        g_autoptr (GString) log = g_string_new (NULL);
        g_autoptr (GError) error = NULL;
        const FovLoaderParams params = {
            .width = 16, .height = 16, .batch = 1, .load = load_grey, .device = device
        };
        FovShader wrong = nothing;
        FovBatch batch;
        guint handler;
        wrong.name = rows[i][0];
        fov_gpu_replace_shader (device->gpu, &wrong);
        handler = g_log_set_handler ("Fovea", G_LOG_LEVEL_INFO, keep_message, log);
        g_autoptr (FovLoader) loader = fov_loader_new (data, &params, &error);
        g_log_remove_handler ("Fovea", handler);
        assert_fov_ok (loader != NULL, error);
        assert_non_null (strstr (log->str, "does not augment pictures, the host does: "));
        assert_non_null (strstr (log->str, rows[i][1]));
        assert_non_null (strstr (log->str, "gives wrong results with this driver"));
        assert_fov_ok (fov_loader_next (loader, &batch, &error), error);
        assert_float_equal (((const float *) batch.pictures.data)[0], 0, 0);
    }
}

static void
test_validation_silent (void **state)
{
    assert_int_equal (fov_gpu_validation_errors (), 0);
}

/* The tests' own cache directory, so that the user's is left alone. */
static int
make_cache (void **state)
{
    int failed = make_folder (state);

    g_setenv ("XDG_CACHE_HOME", folder, TRUE);
    g_setenv ("MESA_SHADER_CACHE_DISABLE", "true", TRUE);
    return failed;
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup (test_right_kernels, forget),
        cmocka_unit_test_setup (test_checked_once, forget),
        cmocka_unit_test_setup (test_wrong_kernel, forget),
        cmocka_unit_test_setup (test_wrong_kernel_of_labels, forget),
        cmocka_unit_test (test_wrong_kernels_of_detectors),
        cmocka_unit_test_setup (test_demoted_kernel, forget),
        cmocka_unit_test_setup (test_damaged_file, forget),
        cmocka_unit_test (test_wrong_augmentation),
        cmocka_unit_test (test_validation_silent),
    };
    return cmocka_run_group_tests (tests, make_cache, remove_folder);
}
