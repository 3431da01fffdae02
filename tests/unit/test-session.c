/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A session's slots: order, threads, errors, and leaving early. */
#include "net.h"

#include "check.h"

#define SIZE 64

/* y = 3 x + 1 after `depth` pools of one element, which keep the executor busy. */
static FovGraph *
line_graph (guint depth)
{
    Build b = { fov_graph_new (), g_rand_new_with_seed (1) };
    FovTensor *x = fov_graph_add_input (b.graph, "x", FOV_F32, &(FovShape){ 2, { 1, SIZE } });
    FovTensor *y = binary (&b, "Mul", x, fov_graph_add_floats (b.graph, NULL, (float[]){ 3 }, 1));

    y = binary (&b, "Add", y, fov_graph_add_floats (b.graph, NULL, (float[]){ 1 }, 1));
    for (guint i = 0; i < depth; i++)
        y = unary (&b, i % 2 ? "Ceil" : "Floor", y); /* whole numbers stay */
    fov_graph_rename (b.graph, y, "y");
    fov_graph_add_output (b.graph, y);
    g_rand_free (b.rand);
    return b.graph;
}

static FovDevice *
open_device (const char *spec)
{
    g_autoptr (GError) error = NULL;
    FovDevice *device = fov_device_open (spec, &error);

    if (!device) {
        print_message ("%s\n", error->message);
        skip ();
    }
    return device;
}

static FovSession *
open_session (const char *spec, FovGraph *graph, guint slots)
{
    g_autoptr (FovDevice) device = open_device (spec);
    FovSessionParams params = { .max_in_flight = slots };
    GError *error = NULL;
    FovSession *session = fov_session_new_from_graph (device, graph, &params, &error);

    assert_fov_ok (session != NULL, error);
    return session;
}

static void
fill (float *x, float value)
{
    for (guint i = 0; i < SIZE; i++)
        x[i] = value + (float) i;
}

static void
assert_line (const float *y, float value)
{
    for (guint i = 0; i < SIZE; i++)
        if (y[i] != 3 * (value + (float) i) + 1)
            fail_msg ("y[%u] is %g, expected %g", i, y[i], 3 * (value + (float) i) + 1);
}

/* ---- frames in slots ----------------------------------------------------- */

static void
check_in_flight (const char *spec)
{
    g_autoptr (FovSession) session = open_session (spec, line_graph (4), 3);
    GError *error = NULL;
    FovSessionInfo info;
    guint slots[3];

    for (guint round = 0; round < 10; round++) {
        for (guint i = 0; i < 3; i++) {
            slots[i] = fov_session_begin (session, &error);
            assert_in_range (slots[i], 1, 3);
            fill (fov_session_slot_input (session, slots[i], 0), (float) (10 * round + i));
            assert_fov_ok (fov_session_submit (session, slots[i], &error), error);
        }
        for (guint i = 3; i-- > 0;) { /* in any order */
            assert_fov_ok (fov_session_wait (session, slots[i], &error), error);
            assert_true (fov_session_done (session, slots[i]));
            assert_line (fov_session_slot_output (session, slots[i], 0), (float) (10 * round + i));
            fov_session_end (session, slots[i]);
        }
        fov_session_info (session, &info);
        assert_int_equal (info.n_frames, 3 * (round + 1));
        assert_int_equal (info.n_prepared, 0);
    }
}

static void
test_in_flight (void **state)
{
    check_in_flight ("reference");
    check_in_flight ("cpu:2");
}

static void
test_in_flight_vulkan (void **state)
{
    check_in_flight ("vulkan");
}

/* Bound and written inputs take turns in one slot; nothing of an earlier frame is read. */
static void
test_bind_or_copy (void **state)
{
    g_autoptr (FovSession) session = open_session ("cpu:1", line_graph (0), 1);
    GError *error = NULL;

    assert_true (fov_session_reads_in_place (session));
    for (guint i = 0; i < 6; i++) {
        g_autofree float *own = g_new (float, SIZE);
        guint slot = fov_session_begin (session, &error);
        fill (own, (float) i);
        if (i % 2)
            fov_session_slot_bind (session, slot, 0, own);
        else
            memcpy (fov_session_slot_input (session, slot, 0), own, SIZE * sizeof *own);
        assert_fov_ok (fov_session_submit (session, slot, &error), error);
        assert_fov_ok (fov_session_wait (session, slot, &error), error);
        assert_line (fov_session_slot_output (session, slot, 0), (float) i);
        fov_session_end (session, slot);
    }
}

/* ---- what is refused ------------------------------------------------------ */

static void
test_order_of_calls (void **state)
{
    g_autoptr (FovSession) session = open_session ("reference", line_graph (0), 2);
    GError *error = NULL;
    guint slot = fov_session_begin (session, &error);

    assert_false (fov_session_submit (session, slot, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "input 'x' was not given");
    assert_false (fov_session_wait (session, slot, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "was not submitted");
    fill (fov_session_slot_input (session, slot, 0), 5);
    assert_fov_ok (fov_session_submit (session, slot, &error), error);
    assert_false (fov_session_submit (session, slot, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "under way already");
    assert_fov_ok (fov_session_wait (session, slot, &error), error);
    assert_false (fov_session_wait (session, slot, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "was not submitted");
    assert_false (fov_session_submit (session, slot, &error)); /* inputs are per frame */
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "input 'x' was not given");
    fov_session_end (session, slot);
    assert_false (fov_session_submit (session, slot, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "not taken");
}

static void
test_params (void **state)
{
    static const struct {
        guint slots;
        const char *error; /* NULL: fine */
    } cases[] = {
        { 0, NULL },
        { 1, NULL },
        { 16, NULL },
        { 17, "max_in_flight is 17, expected 1 to 16" },
        { G_MAXUINT, "expected 1 to 16" },
    };
    g_autoptr (FovDevice) device = open_device ("reference");

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        FovSessionParams params = { .max_in_flight = cases[i].slots };
        GError *error = NULL;
        g_autoptr (FovSession) session =
            fov_session_new_from_graph (device, line_graph (0), &params, &error);
        if (cases[i].error)
            assert_fov_error (&error, FOV_ERROR_ARGUMENT, cases[i].error);
        else
            assert_fov_ok (session != NULL, error);
    }
}

static void
test_wrong_inputs (void **state)
{
    float x[SIZE] = { 0 };
    const struct {
        FovView view;
        const char *error;
    } cases[] = {
        { { FOV_F64, { 2, { 1, SIZE } }, x }, "got float64 1x64, expected float32 1x64" },
        { { FOV_F32, { 1, { SIZE } }, x }, "got float32 64, expected float32 1x64" },
        { { FOV_F32, { 2, { SIZE, 1 } }, x }, "got float32 64x1" },
        { { FOV_F32, { 2, { 1, SIZE } }, NULL }, "without data" },
    };
    g_autoptr (FovSession) session = open_session ("reference", line_graph (0), 1);
    GError *error = NULL;
    FovView out;

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        assert_false (fov_session_run (session, &cases[i].view, &out, &error));
        assert_fov_error (&error, FOV_ERROR_SHAPE, cases[i].error);
    }
}

/* The results of fov_session_run live in a slot; frames use the others. */
static void
test_run_beside_frames (void **state)
{
    float x[SIZE];
    FovView in = { FOV_F32, { 2, { 1, SIZE } }, x }, out;
    g_autoptr (FovSession) one = open_session ("reference", line_graph (0), 1);
    g_autoptr (FovSession) two = open_session ("reference", line_graph (0), 2);
    GError *error = NULL;
    guint slot;

    fill (x, 7);
    assert_fov_ok (fov_session_run (one, &in, &out, &error), error);
    assert_int_equal (fov_session_begin (one, &error), 0);
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "max_in_flight is 1");
    assert_fov_ok (fov_session_run (two, &in, &out, &error), error);
    slot = fov_session_begin (two, &error);
    fill (fov_session_slot_input (two, slot, 0), 8);
    assert_fov_ok (fov_session_submit (two, slot, &error), error);
    assert_fov_ok (fov_session_wait (two, slot, &error), error);
    assert_line (fov_session_slot_output (two, slot, 0), 8);
    assert_line (out.data, 7);
    fov_session_end (two, slot);
    assert_fov_ok (fov_session_reserve_input (two, 0, 4096, &error), error);
    assert_line (out.data, 7);
}

static void
test_reserve (void **state)
{
    g_autoptr (FovSession) session = open_session ("cpu:1", line_graph (0), 2);
    GError *error = NULL;

    for (gsize bytes = 1 << 10; bytes <= 1 << 20; bytes *= 4) {
        guint slot;
        float *x;
        assert_fov_ok (fov_session_reserve_input (session, 0, bytes, &error), error);
        slot = fov_session_begin (session, &error);
        x = fov_session_slot_input (session, slot, 0);
        memset (x, 0, bytes);
        fill (x, (float) bytes);
        assert_fov_ok (fov_session_submit (session, slot, &error), error);
        assert_fov_ok (fov_session_wait (session, slot, &error), error);
        assert_line (fov_session_slot_output (session, slot, 0), (float) bytes);
        fov_session_end (session, slot);
    }
    assert_false (fov_session_reserve_input (session, 0, G_MAXINT64, &error));
    assert_fov_error (&error, FOV_ERROR_MEMORY, "no memory for");
}

/* A frame whose values a node refuses fails alone: Gather of an index out of range. */
static void
check_failing_frame (const char *spec)
{
    FovGraph *graph = fov_graph_new ();
    Build b = { graph, NULL };
    FovTensor *index = fov_graph_add_input (graph, "i", FOV_I64, &(FovShape){ 1, { 1 } });
    FovTensor *from = fov_graph_add_floats (graph, NULL, (float[]){ 5, 6, 7 }, 3);
    g_autoptr (FovSession) session = NULL;
    GError *error = NULL;
    gint64 value = 1;
    FovView in = { FOV_I64, { 1, { 1 } }, &value }, out;

    fov_graph_add_output (graph, unary (&b, "Neg", binary (&b, "Gather", from, index)));
    session = open_session (spec, graph, 2);
    for (guint i = 0; i < 3; i++) {
        value = i == 1 ? 3 : 2;
        if (i == 1) {
            assert_false (fov_session_run (session, &in, &out, &error));
            assert_non_null (strstr (error->message, "Gather"));
            g_clear_error (&error);
        } else {
            assert_fov_ok (fov_session_run (session, &in, &out, &error), error);
            assert_float_equal (*(float *) out.data, -7, 0);
        }
    }
}

static void
test_failing_frame (void **state)
{
    check_failing_frame ("reference");
}

/* ---- names and shapes ----------------------------------------------------- */

/* Fusing and layouts put other tensors in the outputs' places: their names stay. */
static void
test_names (void **state)
{
    static const char *const specs[] = { "reference", "cpu:1" };

    for (guint i = 0; i < G_N_ELEMENTS (specs); i++) {
        Build b = { fov_graph_new (), g_rand_new_with_seed (1) };
        FovTensor *x =
            fov_graph_add_input (b.graph, "image", FOV_F32, &(FovShape){ 4, { 1, 3, 8, 8 } });
        FovTensor *y = unary (&b, "Relu", conv (&b, x, 16, 3, 1, 1));
        g_autoptr (FovSession) session = NULL;
        FovTensorInfo info;

        fov_graph_rename (b.graph, y, "heat");
        fov_graph_add_output (b.graph, y);
        fov_graph_add_output (b.graph, y);
        fov_graph_add_output (b.graph, x);
        session = open_session (specs[i], b.graph, 1);
        fov_session_input (session, 0, &info);
        assert_string_equal (info.name, "image");
        for (guint k = 0; k < 3; k++) {
            fov_session_output (session, k, &info);
            assert_string_equal (info.name, k < 2 ? "heat" : "image");
        }
        g_rand_free (b.rand);
    }
}

/* Where of x is more than 0, as floats: sizes follow the data, what the session tells does not. */
static void
check_sizes_from_data (const char *spec)
{
    static const float frames[][4] = { { 1, 0, 1, 0 }, { 0, 0, 0, 0 }, { 1, 1, 1, 1 } };
    static const gint64 found[] = { 2, 0, 4 };
    FovGraph *graph = fov_graph_new ();
    FovTensor *x = fov_graph_add_input (graph, "x", FOV_F32, &(FovShape){ 1, { 4 } });
    FovNode *relu = fov_graph_add_node (graph, "Relu", "r", &x, 1, 1, NULL, 0, NULL);
    FovNode *where = fov_graph_add_node (graph, "NonZero", "w", relu->outputs, 1, 1, NULL, 0, NULL);
    FovNode *neg = fov_graph_add_node (graph, "Neg", "n", where->outputs, 1, 1, NULL, 0, NULL);
    g_autoptr (FovSession) session = NULL;
    GError *error = NULL;

    fov_graph_add_output (graph, neg->outputs[0]);
    fov_graph_add_output (graph, neg->outputs[0]);
    fov_graph_add_output (graph, relu->outputs[0]);
    session = open_session (spec, graph, 2);
    for (guint i = 0; i < G_N_ELEMENTS (frames); i++) {
        FovView in = { FOV_F32, { 1, { 4 } }, (void *) frames[i] }, out[3];
        FovTensorInfo info;
        fov_session_output (session, 0, &info);
        assert_int_equal (info.dtype, FOV_I64);
        assert_int_equal (info.shape.dim[1], -1);
        assert_fov_ok (fov_session_run (session, &in, out, &error), error);
        for (guint k = 0; k < 2; k++) {
            assert_int_equal (out[k].dtype, FOV_I64);
            assert_int_equal (out[k].shape.dim[1], found[i]);
        }
        assert_memory_equal (out[2].data, frames[i], sizeof frames[i]);
        if (found[i])
            assert_int_equal (((gint64 *) out[0].data)[found[i] - 1], i ? -3 : -2);
    }
}

static void
test_sizes_from_data (void **state)
{
    check_sizes_from_data ("reference");
    check_sizes_from_data ("cpu:2");
}

static void
test_sizes_from_data_vulkan (void **state)
{
    check_sizes_from_data ("vulkan");
}

/* No input, no node left, nothing in a tensor. */
static void
test_empty (void **state)
{
    static const char *const specs[] = { "reference", "cpu:2" };

    for (guint i = 0; i < G_N_ELEMENTS (specs); i++) {
        FovGraph *graph = fov_graph_new ();
        Build b = { graph, NULL };
        FovTensor *x = fov_graph_add_input (graph, "x", FOV_F32, &(FovShape){ 2, { 0, 3 } });
        FovTensor *s = fov_graph_add_input (graph, "s", FOV_F32, &(FovShape){ 0, { 0 } });
        FovTensor *c = fov_graph_add_floats (graph, "c", (float[]){ 4 }, 1);
        g_autoptr (FovSession) session = NULL, none = NULL;
        GError *error = NULL;
        float value = 2;
        FovView in[2] = { { FOV_F32, { 2, { 0, 3 } }, &value }, { FOV_F32, { 0 }, &value } };
        FovView out[3];

        fov_graph_add_output (graph, unary (&b, "Relu", x));
        fov_graph_add_output (graph, unary (&b, "Neg", s));
        fov_graph_add_output (graph, c);
        session = open_session (specs[i], graph, 1);
        assert_fov_ok (fov_session_run (session, in, out, &error), error);
        assert_int_equal (fov_shape_elements (&out[0].shape), 0);
        assert_float_equal (*(float *) out[1].data, -2, 0);
        assert_float_equal (*(float *) out[2].data, 4, 0);
        none = open_session (specs[i], fov_graph_new (), 1);
        assert_fov_ok (fov_session_run (none, NULL, NULL, &error), error);
    }
}

/* ---- threads --------------------------------------------------------------- */

typedef struct {
    FovSession *session;
    guint index;
    gboolean reserves;
} Client;

static gpointer
client_main (gpointer data)
{
    const Client *client = data;
    GError *error = NULL;

    for (guint i = 0; i < 200; i++) {
        float value = (float) (1000 * client->index + i);
        guint slot;
        FovSessionInfo info;
        if (client->reserves && i % 10 == 0 &&
            !fov_session_reserve_input (client->session, 0, 1024 + i * 16, &error))
            return (gpointer) "reserve failed";
        slot = fov_session_begin (client->session, &error);
        fill (fov_session_slot_input (client->session, slot, 0), value);
        if (!fov_session_submit (client->session, slot, &error))
            return (gpointer) "submit failed";
        fov_session_info (client->session, &info);
        if (i % 7 == 3) { /* leaves without waiting */
            fov_session_end (client->session, slot);
            continue;
        }
        if (!fov_session_wait (client->session, slot, &error))
            return (gpointer) "wait failed";
        if (((const float *) fov_session_slot_output (client->session, slot, 0))[1] !=
            3 * (value + 1) + 1)
            return (gpointer) "a result is another frame's";
        g_array_unref (fov_session_profile (client->session));
        fov_session_end (client->session, slot);
    }
    return NULL;
}

static void
test_threads (void **state)
{
    FovSessionParams params = { .max_in_flight = 3, .profile = TRUE };
    g_autoptr (FovDevice) device = open_device ("cpu:2");
    GError *error = NULL;
    g_autoptr (FovSession) session =
        fov_session_new_from_graph (device, line_graph (3), &params, &error);
    Client clients[6];
    GThread *threads[6];

    assert_fov_ok (session != NULL, error);
    for (guint i = 0; i < 6; i++) {
        clients[i] = (Client){ session, i, i % 3 == 0 };
        threads[i] = g_thread_new ("client", client_main, &clients[i]);
    }
    for (guint i = 0; i < 6; i++) {
        const char *problem = g_thread_join (threads[i]);
        if (problem)
            fail_msg ("thread %u: %s", i, problem);
    }
}

/* A session given up with frames under way finishes them first. */
static void
check_leaving (const char *spec)
{
    for (guint i = 0; i < 5; i++) {
        FovSession *session = open_session (spec, line_graph (200), 4);
        GError *error = NULL;
        for (guint k = 0; k < 4; k++) {
            guint slot = fov_session_begin (session, &error);
            fill (fov_session_slot_input (session, slot, 0), (float) k);
            assert_fov_ok (fov_session_submit (session, slot, &error), error);
        }
        fov_session_unref (session);
    }
}

static void
test_leaving (void **state)
{
    check_leaving ("cpu:2");
}

static void
test_leaving_vulkan (void **state)
{
    check_leaving ("vulkan");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_in_flight),
        cmocka_unit_test (test_in_flight_vulkan),
        cmocka_unit_test (test_bind_or_copy),
        cmocka_unit_test (test_order_of_calls),
        cmocka_unit_test (test_params),
        cmocka_unit_test (test_wrong_inputs),
        cmocka_unit_test (test_run_beside_frames),
        cmocka_unit_test (test_reserve),
        cmocka_unit_test (test_failing_frame),
        cmocka_unit_test (test_names),
        cmocka_unit_test (test_sizes_from_data),
        cmocka_unit_test (test_sizes_from_data_vulkan),
        cmocka_unit_test (test_empty),
        cmocka_unit_test (test_threads),
        cmocka_unit_test (test_leaving),
        cmocka_unit_test (test_leaving_vulkan),
    };

    return RUN ("session", tests);
}
