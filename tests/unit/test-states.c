/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Values that a graph keeps from one run to the next: who sees the old one, who the new one. */
#include "net.h"

#define N 5

static FovTensor *
add_state (Build *b, const char *name, float first)
{
    float v[N];
    g_autoptr (GBytes) data = NULL;

    for (int i = 0; i < N; i++)
        v[i] = first + (float) i;
    data = g_bytes_new (v, sizeof v);
    return fov_graph_add_state (b->graph, name, FOV_F32, &(FovShape){ 1, { N } }, data, NULL);
}

static FovTensor *
reshaped (Build *b, FovTensor *x, FovShape shape)
{
    FovTensor *inputs[] = { x, fov_graph_add_ints (b->graph, NULL, shape.dim, (guint) shape.rank) };

    return node (b, "Reshape", inputs, 2, NULL, 0);
}

/* What becomes of s, given x: written so that it can be, or not, where s lies. */
static FovTensor *
next_sum (Build *b, FovTensor *s, FovTensor *x)
{
    return binary (b, "Add", s, x);
}

static FovTensor *
next_sum_reshaped (Build *b, FovTensor *s, FovTensor *x)
{
    FovTensor *a = reshaped (b, s, (FovShape){ 2, { N, 1 } });
    FovTensor *c = binary (b, "Add", a, reshaped (b, x, (FovShape){ 2, { N, 1 } }));

    return reshaped (b, c, (FovShape){ 1, { N } });
}

/* Every element of the result needs another element of s. */
static FovTensor *
next_turned (Build *b, FovTensor *s, FovTensor *x)
{
    gint64 v[] = { 4, 3, 2, 1, 0 };
    FovTensor *inputs[] = { s, fov_graph_add_ints (b->graph, NULL, v, N) };
    FovTensor *turned = node (b, "Gather", inputs, 2, NULL, 0);

    return binary (b, "Add", turned, x);
}

static FovTensor *
next_gathered (Build *b, FovTensor *s, FovTensor *x)
{
    gint64 v[] = { 1, 2, 3, 4, 0 };
    FovTensor *inputs[] = { s, fov_graph_add_ints (b->graph, NULL, v, N) };

    return node (b, "Gather", inputs, 2, NULL, 0);
}

static FovTensor *
next_joined (Build *b, FovTensor *s, FovTensor *x)
{
    gint64 from[] = { 1 }, to[] = { N };
    FovTensor *cut[] = { s, fov_graph_add_ints (b->graph, NULL, from, 1),
                         fov_graph_add_ints (b->graph, NULL, to, 1) };
    FovTensor *tail = node (b, "Slice", cut, 3, NULL, 0);
    FovAttr axis = { "axis", FOV_ATTR_INT, .i = 0 };
    FovTensor *head[] = { x, cut[1], cut[2] };

    from[0] = 0;
    to[0] = 1;
    head[1] = fov_graph_add_ints (b->graph, NULL, from, 1);
    head[2] = fov_graph_add_ints (b->graph, NULL, to, 1);
    return node (b, "Concat", (FovTensor *[]){ tail, node (b, "Slice", head, 3, NULL, 0) }, 2,
                 &axis, 1);
}

static FovTensor *
next_input (Build *b, FovTensor *s, FovTensor *x)
{
    return x;
}

static const struct {
    const char *name;
    FovTensor *(*next) (Build *b, FovTensor *s, FovTensor *x);
    float after[N]; /* two runs with x = 10, 20, ... and s = 1, 2, ... at first */
} cases[] = {
    { "sum", next_sum, { 21, 42, 63, 84, 105 } },
    { "sum under another shape", next_sum_reshaped, { 21, 42, 63, 84, 105 } },
    { "turned round", next_turned, { 61, 62, 63, 64, 65 } },
    { "gathered", next_gathered, { 3, 4, 5, 1, 2 } },
    { "joined", next_joined, { 3, 4, 5, 10, 10 } },
    { "an input", next_input, { 10, 20, 30, 40, 50 } },
};

static void
run_case (guint i, const char *device_name)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (device_name, &error);
    Build b = { fov_graph_new (), NULL };
    FovTensor *x = fov_graph_add_input (b.graph, "x", FOV_F32, &(FovShape){ 1, { N } });
    FovTensor *s = add_state (&b, "s", 1), *next;
    FovSession *session;
    float in[N] = { 10, 20, 30, 40, 50 }, old[N];
    FovView view = { FOV_F32, { 1, { N } }, in }, out[2];
    const float *kept;

    assert_non_null (device);
    next = cases[i].next (&b, s, x);
    fov_graph_set_next (b.graph, s, next);
    /* Added last, but these see the value from before the run, and after it. */
    fov_graph_add_output (b.graph, unary (&b, "Neg", s));
    fov_graph_add_output (b.graph, unary (&b, "Neg", next));
    session = fov_session_new_from_graph (device, b.graph,
                                          &(FovSessionParams){ .max_in_flight = 1 }, &error);
    if (!session)
        fail_msg ("%s: %s", cases[i].name, error->message);
    kept = fov_session_state (session, fov_graph_find (fov_session_plan (session)->graph, "s"));
    assert_true (kept[0] == 1 && kept[N - 1] == N);
    for (int run = 0; run < 2; run++) {
        memcpy (old, kept, sizeof old);
        if (!fov_session_run (session, &view, out, &error))
            fail_msg ("%s: %s", cases[i].name, error->message);
        assert_true (fov_session_fetch_states (session, &error));
        for (int k = 0; k < N; k++) {
            assert_true (((const float *) out[0].data)[k] == -old[k]);
            assert_true (((const float *) out[1].data)[k] == -kept[k]);
        }
    }
    for (int k = 0; k < N; k++)
        if (kept[k] != cases[i].after[k])
            fail_msg ("%s on %s: element %d is %g, expected %g", cases[i].name, device_name, k,
                      (double) kept[k], (double) cases[i].after[k]);
    fov_session_unref (session);
}

static void
test_next_values (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        run_case (i, "cpu:2");
        run_case (i, "reference");
        run_case (i, "vulkan");
    }
}

/* What is written into a state's memory is what the next run sees. */
static void
test_store (void **state)
{
    static const char *const devices[] = { "cpu:2", "vulkan" };

    for (guint i = 0; i < G_N_ELEMENTS (devices); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (FovDevice) device = fov_device_open (devices[i], &error);
        g_autoptr (FovSession) session = NULL;
        Build b = { fov_graph_new (), NULL };
        FovTensor *s = add_state (&b, "s", 1), *next = unary (&b, "Neg", s);
        FovView out;
        float *kept;

        fov_graph_set_next (b.graph, s, next);
        fov_graph_add_output (b.graph, next);
        session = fov_session_new_from_graph (device, b.graph,
                                              &(FovSessionParams){ .max_in_flight = 1 }, &error);
        assert_non_null (session);
        assert_true (fov_session_run (session, NULL, &out, &error));
        kept = fov_session_state (session, fov_graph_find (fov_session_plan (session)->graph, "s"));
        assert_true (fov_session_fetch_states (session, &error) && kept[2] == -3);
        kept[2] = 7;
        assert_true (fov_session_store_states (session, &error));
        assert_true (fov_session_run (session, NULL, &out, &error));
        assert_true (((const float *) out.data)[2] == -7 && ((const float *) out.data)[1] == 2);
    }
}

/* A copy of a graph has states of its own. */
static void
test_copy (void **state)
{
    Build b = { fov_graph_new (), NULL };
    FovTensor *s = add_state (&b, "s", 1);
    g_autoptr (FovGraph) copy = NULL;

    fov_graph_set_next (b.graph, s, unary (&b, "Neg", s));
    copy = fov_graph_copy (b.graph);
    assert_ptr_equal (fov_graph_find (copy, "s")->next->state, fov_graph_find (copy, "s"));
    assert_ptr_not_equal (fov_graph_find (copy, "s"), s);
    fov_graph_remove_unused (copy);
    assert_int_equal (copy->nodes->len, 1);
    fov_graph_free (b.graph);
}

static void
test_errors (void **state)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:1", &error);
    Build b = { fov_graph_new (), NULL };
    FovTensor *s = add_state (&b, "s", 1), *next = unary (&b, "Neg", s);

    fov_graph_set_next (b.graph, s, next);
    fov_graph_add_output (b.graph, next);
    assert_null (fov_session_new_from_graph (device, fov_graph_copy (b.graph), NULL, &error));
    assert_non_null (strstr (error->message, "max_in_flight is 2, expected 1"));
    g_clear_error (&error);
    /* Who reads the old value can not wait for the new one. */
    fov_graph_add_output (b.graph, binary (&b, "Mul", s, next));
    assert_null (fov_session_new_from_graph (device, b.graph,
                                             &(FovSessionParams){ .max_in_flight = 1 }, &error));
    assert_non_null (strstr (error->message, "depends on its own output"));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_next_values),
        cmocka_unit_test (test_store),
        cmocka_unit_test (test_copy),
        cmocka_unit_test (test_errors),
    };

    return cmocka_run_group_tests_name ("states", tests, NULL, NULL);
}
