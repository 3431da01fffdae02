/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Passes and planner: whatever they do to a graph, its outputs stay the same.
 * Random little networks, made of what detectors are made of, are run as they
 * stand (node by node, on the reference functions) and as a session plans them.
 */
#include "net.h"

/* ---- one random layer --------------------------------------------------- */

static FovTensor *
pick (Build *b, GPtrArray *pool)
{
    return pool->pdata[g_rand_int_range (b->rand, 0, (gint32) pool->len)];
}

static FovTensor *
activation (Build *b, FovTensor *x)
{
    switch (g_rand_int_range (b->rand, 0, 6)) {
    case 0:
        return unary (b, "Relu", x);
    case 1:
        return binary (b, "Mul", x, unary (b, "Sigmoid", x));
    case 2:
        return unary (b, "LeakyRelu", x);
    case 3: {
        float low = 0, high = 6;
        FovTensor *inputs[] = { x, fov_graph_add_floats (b->graph, NULL, &low, 1),
                                fov_graph_add_floats (b->graph, NULL, &high, 1) };
        inputs[1]->shape.rank = inputs[2]->shape.rank = 0;
        return node (b, "Clip", inputs, 3, NULL, 0);
    }
    case 4:
        return unary (b, "HardSwish", x);
    default:
        return unary (b, "Sigmoid", x);
    }
}

static FovTensor *
conv_block (Build *b, FovTensor *x)
{
    static const gint64 outs[] = { 3, 8, 16, 20, 32 }, kernels[] = { 1, 3, 5 };
    gboolean depthwise = g_rand_int_range (b->rand, 0, 3) == 0;
    gint64 out = depthwise ? channels (x) : outs[g_rand_int_range (b->rand, 0, 5)];

    gint64 kernel = kernels[g_rand_int_range (b->rand, 0, 3)], pads[4];

    for (guint i = 0; i < 4; i++) /* a quarter of them uneven */
        pads[i] = kernel / 2;
    for (guint i = 0; i < 4 && MIN (x->shape.dim[2], x->shape.dim[3]) >= kernel; i++)
        if (g_rand_int_range (b->rand, 0, 8) == 0)
            pads[i] = g_rand_int_range (b->rand, 0, 4);
    x = conv_padded (b, x, out, kernel, g_rand_int_range (b->rand, 0, 4) ? 1 : 2,
                     depthwise ? channels (x) : 1, pads);
    if (g_rand_boolean (b->rand))
        x = batch_norm (b, x);
    return g_rand_int_range (b->rand, 0, 4) ? activation (b, x) : x;
}

static FovTensor *
same_shape (Build *b, GPtrArray *pool, const FovTensor *x, gboolean channels_too)
{
    g_autoptr (GPtrArray) fit = g_ptr_array_new ();

    for (guint i = 0; i < pool->len; i++) {
        FovTensor *t = pool->pdata[i];
        if (t->shape.dim[2] == x->shape.dim[2] && t->shape.dim[3] == x->shape.dim[3] &&
            (!channels_too || channels (t) == channels (x)))
            g_ptr_array_add (fit, t);
    }
    return pick (b, fit);
}

static FovTensor *
layer (Build *b, GPtrArray *pool)
{
    FovTensor *x = pick (b, pool);
    gint64 c = channels (x);

    switch (g_rand_int_range (b->rand, 0, 13)) {
    case 0:
        return binary (b, "Add", x, same_shape (b, pool, x, TRUE));
    case 1:
        return concat (b, x, same_shape (b, pool, x, FALSE));
    case 2:
        return c > 1 ? slice (b, x, 1, c / 2, c, 1) : x;
    case 3:
        return c % 16 == 0 && c > 16 ? slice (b, x, 1, 16, c, 1) : activation (b, x);
    case 4:
        return c % 2 == 0 ? shuffle (b, x, 2) : x;
    case 5:
        return max_pool (b, x);
    case 6:
        return x->shape.dim[2] < 12 ? upsample (b, x) : activation (b, x);
    case 8:
        return x->shape.dim[2] % 2 || x->shape.dim[3] % 2
                   ? conv_block (b, x)
                   : conv (b, focus (b, x), 8, g_rand_boolean (b->rand) ? 3 : 1, 1, 1);
    case 7:
        return binary (b, "Mul", x, constant (b, (FovShape){ 4, { 1, c, 1, 1 } }, .5, 1.5));
    default:
        return conv_block (b, x);
    }
}

/* A residual block: the sum on either side, an activation before or behind it. */
static FovTensor *
bottleneck (Build *b, FovTensor *x)
{
    FovTensor *y = activation (b, conv (b, x, 8, 1, 1, 1));

    y = conv (b, y, channels (x), 3, 1, 1);
    y = g_rand_boolean (b->rand) ? activation (b, y) : y;
    y = binary (b, "Add", g_rand_boolean (b->rand) ? x : y, y);
    return g_rand_boolean (b->rand) ? unary (b, "Relu", y) : y;
}

/* Heads as detectors have them: planar behind blocked. */
static FovTensor *
head (Build *b, FovTensor *x)
{
    gint64 n = x->shape.dim[2] * x->shape.dim[3];

    switch (g_rand_int_range (b->rand, 0, 3)) {
    case 0:
        x = transpose (b, x, (gint64[]){ 0, 2, 3, 1 }, 4);
        return transpose (b, x, (gint64[]){ 0, 3, 1, 2 }, 4);
    case 1:
        x = reshape (b, x, (gint64[]){ x->shape.dim[0], channels (x), n }, 3);
        return transpose (b, x, (gint64[]){ 0, 2, 1 }, 3);
    default:
        return x;
    }
}

static FovGraph *
random_graph (guint32 seed)
{
    Build b = { fov_graph_new (), g_rand_new_with_seed (seed) };
    g_autoptr (GPtrArray) pool = g_ptr_array_new ();
    static const gint64 sizes[] = { 5, 7, 8, 13, 16 };
    FovShape shape = { 4,
                       { g_rand_int_range (b.rand, 0, 4) ? 1 : 2, g_rand_boolean (b.rand) ? 3 : 16,
                         sizes[g_rand_int_range (b.rand, 0, 5)],
                         sizes[g_rand_int_range (b.rand, 0, 5)] } };
    gint32 depth = g_rand_int_range (b.rand, 3, 14);

    g_ptr_array_add (pool, fov_graph_add_input (b.graph, "x", FOV_F32, &shape));
    for (gint32 i = 0; i < depth; i++) {
        FovTensor *x = pick (&b, pool);
        g_ptr_array_add (pool,
                         g_rand_int_range (b.rand, 0, 5) ? layer (&b, pool) : bottleneck (&b, x));
    }
    fov_graph_add_output (b.graph, head (&b, pool->pdata[pool->len - 1]));
    fov_graph_add_output (b.graph, head (&b, pick (&b, pool)));
    g_rand_free (b.rand);
    return b.graph;
}

/* ---- running it ---------------------------------------------------------- */

static void
check_seed (FovDevice *device, guint32 seed, gint runs, double tolerance)
{
    FovGraph *graph = random_graph (seed);
    FovTensor *input = graph->inputs->pdata[0];
    gint64 n = fov_tensor_elements (input);
    g_autofree float *x = g_new (float, n);
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    g_autoptr (GPtrArray) want = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (FovSession) session = NULL;
    FovView in = { FOV_F32, input->shape, x }, out[2];

    for (gint64 i = 0; i < n; i++)
        x[i] = (float) g_rand_double_range (rand, -1, 1);
    want = run_naive (graph, x);
    session = fov_session_new_from_graph (device, fov_graph_copy (graph), NULL, &error);
    if (!session)
        fail_msg ("seed %u: %s", seed, error->message);
    for (gint run = 0; run < runs; run++) { /* memory is used again: the second run is the harder */
        if (!fov_session_run (session, &in, out, &error))
            fail_msg ("seed %u: %s", seed, error->message);
        for (guint i = 0; i < 2; i++) {
            FovTensor *t = graph->outputs->pdata[i];
            double e = worst_error (out[i].data, want->pdata[t->id], fov_tensor_elements (t));
            if (!(e <= tolerance))
                fail_msg ("seed %u, run %d, output %u: relative error %g on %s", seed, run, i, e,
                          fov_device_name (device));
        }
    }
    fov_graph_free (graph);
}

static void
check_device (const char *spec, guint32 n_seeds, double tolerance)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (spec, &error);

    if (!device) {
        print_message ("%s\n", error->message);
        skip ();
    }
    for (guint32 seed = 1; seed <= n_seeds; seed++)
        check_seed (device, seed, 2, tolerance);
}

static void
test_reference (void **state)
{
    check_device ("reference", 300, 2e-6);
}

static void
test_host (void **state)
{
    check_device ("cpu:2", 300, 2e-5);
}

static void
test_vulkan (void **state)
{
    check_device ("vulkan", 40, 2e-5);
    assert_int_equal (fov_gpu_validation_errors (), 0);
}

/* ---- memory -------------------------------------------------------------- */

/* Memory planning must pay: a chain of n equal layers needs two, whatever n is. */
static void
test_memory_is_shared (void **state)
{
    Build b = { fov_graph_new (), g_rand_new_with_seed (1) };
    FovShape shape = { 4, { 1, 16, 8, 8 } };
    FovTensor *x = fov_graph_add_input (b.graph, "x", FOV_F32, &shape);
    gsize layer_bytes = 16 * 8 * 8 * sizeof (float);
    g_autoptr (FovDevice) device = fov_device_open ("reference", NULL);
    FovPlanTarget target = fov_session_target (device);
    g_autoptr (FovPlan) plan = NULL;

    for (guint i = 0; i < 10; i++)
        x = max_pool (&b, x);
    fov_graph_add_output (b.graph, x);
    assert_true (fov_graph_specialize (b.graph, NULL, NULL));
    plan = fov_plan_new (b.graph, &target, NULL);
    assert_non_null (plan);
    assert_int_equal (plan->naive_bytes, 10 * layer_bytes);
    assert_int_equal (plan->arena_bytes, 64 + 2 * layer_bytes);
    g_rand_free (b.rand);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_memory_is_shared),
        cmocka_unit_test (test_reference),
        cmocka_unit_test (test_host),
        cmocka_unit_test (test_vulkan),
    };
    return cmocka_run_group_tests_name ("plan", tests, NULL, NULL);
}
