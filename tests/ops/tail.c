/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sizes that depend on data: K of a TopK is computed from the input, frame by frame. */
#include "node.h"

#include <fovea/session.h>
#include "model/model.h"

/* Y = the sum of x (as a whole number) largest elements of x; N = where x is not 0. */
static FovModel *
make_model (void)
{
    g_autoptr (GError) error = NULL;
    FovGraph *graph = fov_graph_new ();
    FovTensor *x = fov_graph_add_input (graph, "x", FOV_F32, &(FovShape){ 1, { 6 } });
    FovAttr to = { .name = "to", .type = FOV_ATTR_INT, .i = 7 };
    FovNode *sum, *k, *top, *non_zero;

    sum = fov_graph_add_node (graph, "ReduceSum", "sum", &x, 1, 1, NULL, 0, &error);
    k = fov_graph_add_node (graph, "Cast", "k", sum->outputs, 1, 1, &to, 1, &error);
    top = fov_graph_add_node (graph, "TopK", "top", (FovTensor *[]){ x, k->outputs[0] }, 2, 2, NULL,
                              0, &error);
    non_zero = fov_graph_add_node (graph, "NonZero", "nz", &x, 1, 1, NULL, 0, &error);
    fov_graph_add_output (graph, top->outputs[0]);
    fov_graph_add_output (graph, non_zero->outputs[0]);
    return fov_model_new_from_graph (graph, "tail", "test", NULL);
}

static const struct {
    float x[6];
    gint64 k, n;
    float best;
} frames[] = {
    { { 1, 0, 2, 0, 0, 0 }, 3, 2, 2 },
    { { 0, 1, 0, 0, 0, 0 }, 1, 1, 1 },
    { { 0, 0, 0, 0, 0, 0 }, 0, 0, 0 },
    { { 1, 1, 1, 1, 1, 1 }, 6, 6, 1 },
};

static void
test_sizes_follow_data (void **state)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("reference", &error);
    g_autoptr (FovModel) model = make_model ();
    g_autoptr (FovSession) session =
        fov_session_new (device, model, &(FovSessionParams){ 0 }, &error);

    if (!session)
        fail_msg ("%s", error->message);
    for (guint i = 0; i < G_N_ELEMENTS (frames); i++) {
        FovView in = { FOV_F32, { 1, { 6 } }, (void *) frames[i].x }, out[2];
        if (!fov_session_run (session, &in, out, &error))
            fail_msg ("frame %u: %s", i, error->message);
        assert_int_equal (out[0].shape.dim[0], frames[i].k);
        assert_int_equal (out[1].shape.dim[1], frames[i].n);
        if (frames[i].k)
            assert_true (((const float *) out[0].data)[0] == frames[i].best);
    }
}

/* One frame that can not be computed fails; the next one works. */
static void
test_error_passes (void **state)
{
    static const float bad[6] = { 9 }, good[6] = { 2 };
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("reference", &error);
    g_autoptr (FovModel) model = make_model ();
    g_autoptr (FovSession) session =
        fov_session_new (device, model, &(FovSessionParams){ 0 }, &error);
    FovView in = { FOV_F32, { 1, { 6 } }, (void *) bad }, out[2];

    assert_non_null (session);
    assert_false (fov_session_run (session, &in, out, &error));
    assert_non_null (strstr (error->message, "K is 9, expected 0 to the 6"));
    g_clear_error (&error);
    in.data = (void *) good;
    assert_true (fov_session_run (session, &in, out, &error));
    assert_int_equal (out[0].shape.dim[0], 2);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_sizes_follow_data),
        cmocka_unit_test (test_error_passes),
    };

    return cmocka_run_group_tests_name ("tail", tests, NULL, NULL);
}
