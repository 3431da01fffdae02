/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which family takes which output shapes, and what it makes of them. */
#include "common.h"

#include "detect/net.h"

typedef struct {
    const char *names[6];
    FovShape shapes[6];
    int size;
    const char *forced; /* decoder that the user named, or NULL */
    const char *labels;
    const char *family; /* NULL: none */
    int classes, anchors, levels;
} Case;

static const Case cases[] = {
    /* Cells of strides 8, 16, 32: 64 + 16 + 4 = 84 of 64x64, 144 + 36 + 9 = 189 of 96x96; of
     * stride 64: 1 and 4 more. */
    { { "o" }, { { 3, { 1, 189, 85 } } }, 96, NULL, NULL, "yolox", 80, 189, 3 },
    { { "o" }, { { 3, { 1, 85, 25 } } }, 64, NULL, NULL, "yolox", 20, 85, 4 },
    { { "o" }, { { 3, { 1, 84, 6 } } }, 64, NULL, "a,b", "yolov8", 2, 84, 1 },
    { { "o" }, { { 3, { 1, 24, 84 } } }, 64, NULL, NULL, "yolov8", 20, 84, 1 },
    { { "o", "p" },
      { { 3, { 1, 116, 84 } }, { 4, { 1, 32, 16, 16 } } },
      64,
      NULL,
      NULL,
      "yolov8",
      80,
      84,
      1 },
    { { "a", "b", "c" },
      { { 4, { 1, 66, 8, 8 } }, { 4, { 1, 66, 4, 4 } }, { 4, { 1, 66, 2, 2 } } },
      64,
      "yolov8",
      NULL,
      "yolov8",
      2,
      84,
      3 },
    { { "o" }, { { 3, { 1, 252, 15 } } }, 64, NULL, NULL, "yolov5", 10, 252, 1 },
    { { "a", "b", "c" },
      { { 5, { 1, 3, 2, 2, 9 } }, { 5, { 1, 3, 8, 8, 9 } }, { 5, { 1, 3, 4, 4, 9 } } },
      64,
      NULL,
      NULL,
      "yolov5",
      4,
      252,
      3 },
    { { "a", "b" },
      { { 4, { 1, 21, 2, 2 } }, { 4, { 1, 21, 4, 4 } } },
      64,
      NULL,
      NULL,
      "yolov3",
      2,
      60,
      2 },
    { { "a", "b", "c", "d", "e", "f" },
      { { 3, { 1, 16, 3 } },
        { 3, { 1, 4, 32 } },
        { 3, { 1, 64, 32 } },
        { 3, { 1, 4, 3 } },
        { 3, { 1, 64, 3 } },
        { 3, { 1, 16, 32 } } },
      64,
      NULL,
      NULL,
      "nanodet",
      3,
      84,
      3 },
    { { "o" }, { { 3, { 1, 85, 112 } } }, 64, NULL, NULL, "nanodet", 80, 85, 4 },
    { { "o" }, { { 4, { 1, 9, 4, 4 } } }, 64, NULL, NULL, "fastestdet", 4, 16, 1 },
    { { "box_encodings", "class_predictions" },
      { { 3, { 1, 1917, 4 } }, { 3, { 1, 1917, 91 } } },
      300,
      NULL,
      NULL,
      "ssd",
      90,
      1917,
      1 },
    { { "box_encodings", "class_predictions" }, /* a list that begins with the background */
      { { 3, { 1, 1917, 4 } }, { 3, { 1, 1917, 3 } } },
      300,
      NULL,
      "???,a,b",
      "ssd",
      2,
      1917,
      1 },
    { { "o" }, { { 3, { 1, 84, 84 } } }, 64, NULL, "a,b", "yolov8", 80, 84, 1 }, /* of another */
    { { "boxes", "scores" }, /* boxes and scores apart are not YOLOX's one matrix */
      { { 3, { 1, 84, 4 } }, { 3, { 1, 84, 20 } } },
      64,
      NULL,
      NULL,
      NULL,
      0,
      0,
      0 },
    { { "boxes", "scores" },
      { { 3, { 1, 84, 4 } }, { 3, { 1, 84, 20 } } },
      64,
      "ssd",
      NULL,
      "ssd",
      20,
      84,
      1 },
    { { "o" }, { { 3, { 1, 300, 6 } } }, 64, NULL, NULL, "endtoend", 1, 300, 1 },
    { { "o" }, { { 2, { 100, 7 } } }, 64, NULL, NULL, "endtoend", 1, 100, 1 },
    { { "num", "det_boxes", "det_scores", "det_classes" },
      { { 2, { 1, 1 } }, { 3, { 1, 100, 4 } }, { 2, { 1, 100 } }, { 2, { 1, 100 } } },
      64,
      NULL,
      NULL,
      "endtoend",
      1,
      100,
      1 },
    { { "dets", "labels" },
      { { 3, { 1, 100, 5 } }, { 2, { 1, 100 } } },
      64,
      NULL,
      NULL,
      "endtoend",
      1,
      100,
      1 },
    { { "logits" }, { { 2, { 1, 1000 } } }, 64, NULL, NULL, NULL, 0, 0, 0 },
    { { "mask" }, { { 4, { 1, 2, 64, 64 } } }, 64, NULL, NULL, NULL, 0, 0, 0 },
    { { "o" }, { { 3, { 1, 83, 86 } } }, 64, NULL, NULL, NULL, 0, 0, 0 },
};

static FovModel *
make_model (const Case *c)
{
    FovShape picture = { 4, { 1, 3, c->size, c->size } };
    FovGraph *graph = fov_graph_new ();

    fov_graph_add_input (graph, "picture", FOV_F32, &picture);
    for (int i = 0; i < 6 && c->names[i]; i++) {
        gsize bytes = (gsize) fov_shape_elements (&c->shapes[i]) * 4;
        g_autoptr (GBytes) data = g_bytes_new_take (g_malloc0 (bytes), bytes);
        fov_graph_add_output (graph, fov_graph_add_constant (graph, c->names[i], FOV_F32,
                                                             &c->shapes[i], data, NULL));
    }
    return fov_model_new_from_graph (graph, "made.onnx", "ONNX opset 17", NULL);
}

static void
test_shapes (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        const Case *c = &cases[i];
        g_autoptr (FovModel) model = make_model (c);
        g_autoptr (GError) error = NULL;
        g_autoptr (FovLabels) labels = c->labels ? fov_labels_parse (c->labels, NULL) : NULL;
        FovDetectorParams params = { .decoder = c->forced, .labels = labels };
        g_autoptr (FovDetectNet) net = fov_detect_net_new (model, &params, NULL, &error);
        if (!c->family) {
            assert_null (net);
            assert_fov_error (&error, FOV_ERROR_UNSUPPORTED, c->names[0]);
            continue;
        }
        if (!net)
            fail_msg ("case %u (%s): %s", i, c->family, error->message);
        if (g_strcmp0 (net->family->name, c->family) || net->match.heads.n_classes != c->classes ||
            net->match.heads.n_levels != c->levels ||
            fov_heads_anchors (&net->match.heads) != c->anchors)
            fail_msg ("case %u: %s with %d classes, %d anchors, %d levels; expected %s, %d, %d, %d",
                      i, net->family->name, net->match.heads.n_classes,
                      (int) fov_heads_anchors (&net->match.heads), net->match.heads.n_levels,
                      c->family, c->classes, c->anchors, c->levels);
    }
}

/* What a family says of its heads must stay inside the tensors: inference checks every field. */
static void
test_graphs (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        const Case *c = &cases[i];
        g_autoptr (FovModel) model = make_model (c);
        g_autoptr (GError) error = NULL;
        g_autoptr (FovLabels) labels = c->labels ? fov_labels_parse (c->labels, NULL) : NULL;
        FovDetectorParams params = { .decoder = c->forced, .labels = labels };
        g_autoptr (FovDetectNet) net = fov_detect_net_new (model, &params, NULL, NULL);
        if (!net)
            continue;
        g_autoptr (FovGraph) graph = fov_detect_net_graph (net, 64, 10, &error);
        assert_fov_ok (graph != NULL, error);
        assert_fov_ok (fov_graph_specialize (graph, NULL, &error), error);
    }
}

static void
test_options (void **state)
{
    static const struct {
        FovDetectorParams params;
        const char *message;
    } bad[] = {
        { { .batch = 2 }, "made for 1 pictures" },
        { { .width = 100 }, "fixes its input to 96" },
        { { .batch = 1000 }, "batch is 1000" },
        { { .color_order = "grb" }, "expected rgb or bgr" },
        { { .fit = "squeeze" }, "expected letterbox" },
        { { .decoder = "yolo9000" }, "no decoder" },
    };
    g_autoptr (FovModel) model = make_model (&cases[0]);

    for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        assert_null (fov_detect_net_new (model, &bad[i].params, NULL, &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, bad[i].message);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_shapes),
        cmocka_unit_test (test_graphs),
        cmocka_unit_test (test_options),
    };
    return RUN ("detect-families", tests);
}
