/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Batches and regions through the whole detector. The "network" only reads the
 * picture's own numbers as rows of box, score and class, so that what comes out
 * depends on every picture's place, size and format.
 */
#include "common.h"

#include <fovea/detector.h>

#include "model/model.h"

#define NET 16

static FovModel *
make_model (void)
{
    static const gint64 rows[] = { 0, -1, 6 };
    FovShape picture = { 4, { -1, 3, NET, NET } };
    FovGraph *graph = fov_graph_new ();
    FovTensor *in[] = { fov_graph_add_input (graph, "picture", FOV_F32, &picture), NULL };
    FovNode *node;

    in[1] = fov_graph_add_ints (graph, "rows", rows, 3);
    node = fov_graph_add_node (graph, "Reshape", "rows", in, 2, 1, NULL, 0, NULL);
    fov_graph_add_output (graph, node->outputs[0]);
    return fov_model_new_from_graph (graph, "made.onnx", "ONNX opset 17", NULL);
}

static FovDetector *
make_detector (FovDevice *device, guint batch)
{
    g_autoptr (FovModel) model = make_model ();
    g_autoptr (GError) error = NULL;
    FovDetectorParams params = {
        .batch = batch, .threshold = 0.3f, .fit = "letterbox", .decoder = "endtoend"
    };
    FovDetector *detector = fov_detector_new (device, model, &params, &error);

    assert_fov_ok (detector != NULL, error);
    assert_string_equal (fov_detector_family (detector), "endtoend");
    return detector;
}

static void
assert_same (const char *spec, int picture, GArray *got, GArray *want)
{
    if (got->len != want->len)
        fail_msg ("%s, picture %d: %u found, expected %u", spec, picture, got->len, want->len);
    for (guint i = 0; i < got->len; i++) {
        const FovDetection *g = &g_array_index (got, FovDetection, i);
        const FovDetection *w = &g_array_index (want, FovDetection, i);
        if (fabsf (g->score - w->score) > 1e-3f || fabsf (g->box.x1 - w->box.x1) > 0.02f ||
            fabsf (g->box.y2 - w->box.y2) > 0.02f)
            fail_msg ("%s, picture %d, row %u: score %g, x1 %g; expected %g, %g", spec, picture, i,
                      g->score, g->box.x1, w->score, w->box.x1);
    }
}

static void
check (const char *spec)
{
    g_autoptr (FovDevice) reference = test_device ("reference");
    g_autoptr (FovDevice) device = test_device (spec);
    const FovBox regions[] = { { 5, 3, 44, 38 }, { 0, 0, 33, 20 }, { 2, 2, 30, 61 } };
    GArray *got[3], *want = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    g_autoptr (GError) error = NULL;
    FovImage images[3];

    if (!device)
        skip ();
    test_picture (&images[0], FOV_PIXEL_NV12, 50, 40, 1);
    test_picture (&images[1], FOV_PIXEL_BGR, 33, 20, 2);
    test_picture (&images[2], FOV_PIXEL_I420, 31, 61, 3);
    for (int i = 0; i < 3; i++)
        got[i] = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    g_autoptr (FovDetector) single = make_detector (reference, 1);
    g_autoptr (FovDetector) many = make_detector (device, 3);
    for (guint n = 2; n <= 3; n++) { /* a short batch too */
        FovTicket t = fov_detector_submit_batch (many, images, regions, n, &error);
        assert_fov_ok (t != 0, error);
        assert_fov_ok (fov_detector_wait_batch (many, t, got, n, &error), error);
        for (guint i = 0; i < n; i++) {
            t = fov_detector_submit_batch (single, &images[i], &regions[i], 1, &error);
            assert_fov_ok (fov_detector_wait (single, t, want, &error), error);
            assert_in_range (want->len, 5, 128);
            assert_same (spec, (int) i, got[i], want);
        }
    }
    assert_int_equal (fov_detector_submit_batch (many, images, NULL, 4, &error), 0);
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "expected 1..3");
    for (int i = 0; i < 3; i++) {
        g_array_unref (got[i]);
        g_free (images[i].plane[0]);
    }
    g_array_unref (want);
}

static void
test_host (void **state)
{
    check ("cpu");
}

static void
test_vulkan (void **state)
{
    check ("vulkan");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_host),
        cmocka_unit_test (test_vulkan),
    };
    return RUN ("detect-batch", tests);
}
