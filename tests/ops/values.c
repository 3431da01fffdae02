/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What ONNX's own node tests do not reach: internal ops, epilogues, exact integers, newer forms. */
#include "node.h"

#include <math.h>
#include "graph/params.h"

static void
set_floats (FovTensor *tensor, const float *v)
{
    g_clear_pointer (&tensor->data, g_bytes_unref);
    tensor->data = g_bytes_new (v, fov_tensor_elements (tensor) * sizeof *v);
}

static void
assert_floats (const FovNode *node, const float *expected, guint n)
{
    gsize size;
    const float *v = g_bytes_get_data (node->outputs[0]->data, &size);

    assert_int_equal (size, n * sizeof *v);
    for (guint i = 0; i < n; i++)
        if (!(fabsf (v[i] - expected[i]) <= 1e-6f * MAX (1, fabsf (expected[i]))))
            fail_msg ("%s: element %u is %.9g, expected %.9g", node->op->name, i, v[i],
                      expected[i]);
}

static void
run (FovNode *node)
{
    g_autoptr (GError) error = NULL;

    if (!run_test_node (node, &error))
        fail_msg ("%s", error->message);
}

/* x = -1.5, 0.5: computed by hand with 12 digits */
static const struct {
    const char *op, *attrs;
    float y[2];
} acts[] = {
    { "fov.Silu", "", { -0.273638286f, 0.311229666f } },
    { "fov.Square", "", { 2.25f, 0.25f } },
    { "Mish", "", { -0.298099742f, 0.375245211f } },
    { "Gelu", "", { -0.100210802f, 0.345731231f } },
    { "HardSwish", "", { -0.375f, 0.291666667f } },
    { "LeakyRelu", "alpha=0.25", { -0.375f, 0.5f } },
    { "Clip", "min=-1.0;max=0.25", { -1, 0.25f } },
    { "HardSigmoid", "", { 0.2f, 0.6f } },
};

static void
test_acts (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (acts); i++) {
        g_autoptr (FovGraph) graph = fov_graph_new ();
        FovNode *node = add_test_node (graph, acts[i].op, "2", acts[i].attrs, 1);
        set_floats (node->inputs[0], (float[]){ -1.5f, 0.5f });
        run (node);
        assert_floats (node, acts[i].y, 2);
    }
}

static void
test_act_keeps_nan (void **state)
{
    static const FovActKind kinds[] = { FOV_ACT_RELU, FOV_ACT_CLIP, FOV_ACT_HARD_SIGMOID };

    for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
        assert_true (isnan (fov_act_value (&(FovAct){ kinds[i], -1, 1 }, NAN)));
    assert_true (fov_act_value (&(FovAct){ FOV_ACT_SOFTPLUS, 0, 0 }, 1000) == 1000);
    assert_true (fov_act_value (&(FovAct){ FOV_ACT_SIGMOID, 0, 0 }, -1000) == 0);
}

/* y = relu (2 x + b + r), or relu (2 x + b) + r */
static void
test_conv_epilogue (void **state)
{
    for (int last = 0; last < 2; last++) {
        g_autoptr (FovGraph) graph = fov_graph_new ();
        FovNode *node = add_test_node (graph, "Conv", "1x1x1x3 1x1x1x1 1 1x1x1x3", "", 1);
        FovConvParams *p = node->params;
        p->act.kind = FOV_ACT_RELU;
        p->residual_last = last;
        set_floats (node->inputs[0], (float[]){ -1, 0, 2 });
        set_floats (node->inputs[1], (float[]){ 2 });
        set_floats (node->inputs[2], (float[]){ 0.5f });
        set_floats (node->inputs[3], (float[]){ 1, -1, -1 });
        run (node);
        assert_floats (node, last ? (float[]){ 1, -0.5f, 3.5f } : (float[]){ 0, 0, 3.5f }, 3);
    }
}

static void
test_channel_map (void **state)
{
    static const gint32 map[] = { 1, 0, 0, 1, 0, 1, 0, 0 };
    g_autoptr (FovGraph) graph = fov_graph_new ();
    g_autoptr (GError) error = NULL;
    FovNode *node = add_test_node (graph, "fov.ChannelMap", "2x2x1x1 2x1x1x1 i32:4x2", "", 1);

    set_floats (node->inputs[0], (float[]){ 1, 2, 3, 4 });
    set_floats (node->inputs[1], (float[]){ 5, 6 });
    node->inputs[2]->data = g_bytes_new_static (map, sizeof map);
    run (node);
    assert_floats (node, (float[]){ 5, 2, 2, 1, 6, 4, 4, 3 }, 8);

    g_bytes_unref (node->inputs[2]->data);
    node->inputs[2]->data = g_bytes_new_static ((gint32[]){ 1, 1, 0, 0, 0, 0, 0, 0 }, sizeof map);
    assert_false (node->op->infer (node, &error));
    assert_non_null (strstr (error->message, "from channel 1 of input 1, which has 1"));
}

static void
test_group_norm (void **state)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovNode *node =
        add_test_node (graph, "GroupNormalization", "1x4x1x1 4 4", "num_groups=2;epsilon=0.0", 1);

    set_floats (node->inputs[0], (float[]){ 1, 3, -2, 2 });
    set_floats (node->inputs[1], (float[]){ 1, 2, 3, 4 });
    set_floats (node->inputs[2], (float[]){ 0, 0, 1, 1 });
    run (node);
    assert_floats (node, (float[]){ -1, 2, -2, 5 }, 4);
}

/* Halving with the widened tent: weights 1, 3, 3, 1 over 8, cut and shared out at the edge. */
static void
test_resize_antialias (void **state)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovNode *node = add_test_node (graph, "Resize", "1x8 - - =1,4",
                                   "mode='linear;antialias=1;exclude_outside=1", 1);

    set_floats (node->inputs[0], (float[]){ 8, 0, 0, 0, 8, 0, 0, 0 });
    run (node);
    assert_floats (node, (float[]){ 24 / 7.f, 1, 3, 0 }, 4);
}

/* Beyond 2^53, where double would round. */
static const struct {
    const char *op, *inputs, *attrs;
    gint64 y;
} exact[] = {
    { "Add", "=9007199254740992 =1", "", 9007199254740993 },
    { "Sub", "=9223372036854775807 =1", "", 9223372036854775806 },
    { "Mul", "=3037000499 =3037000500", "", 9223372033963249500 },
    { "Div", "=9223372036854775807 =1", "", G_MAXINT64 },
    { "Div", "=-7 =2", "", -3 },
    { "Mod", "=-7 =3", "", 2 },
    { "Mod", "=-7 =3", "fmod=1", -1 },
    { "Min", "=9223372036854775807 =9223372036854775806", "", 9223372036854775806 },
    { "Neg", "=9223372036854775807", "", -9223372036854775807 },
    { "ReduceMax", "=9223372036854775806,9223372036854775807", "", G_MAXINT64 },
    { "ReduceProd", "=3037000499,3037000500", "", 9223372033963249500 },
    { "Gather", "=0,9223372036854775807 =-1", "", G_MAXINT64 },
    { "Concat", "=9223372036854775807", "", G_MAXINT64 },
    { "Clip", "=9223372036854775807 =0", "", G_MAXINT64 },
};

static void
test_exact_integers (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (exact); i++) {
        g_autoptr (FovGraph) graph = fov_graph_new ();
        FovNode *node = add_test_node (graph, exact[i].op, exact[i].inputs, exact[i].attrs, 1);
        gint64 y;
        guint n;
        run (node);
        assert_true (fov_tensor_ints (node->outputs[0], &y, 1, &n) && n == 1);
        if (y != exact[i].y)
            fail_msg ("%s of %s is %" G_GINT64_FORMAT ", expected %" G_GINT64_FORMAT, exact[i].op,
                      exact[i].inputs, y, exact[i].y);
    }
}

/* Every op is found by its name, once, and has what the executors rely on. */
static void
test_table (void **state)
{
    guint n = 0;

    for (const FovOpDef *const *op = fov_op_list (); *op; op++, n++) {
        assert_ptr_equal (fov_op_find ((*op)->name), *op);
        assert_non_null ((*op)->infer);
        assert_non_null ((*op)->reference);
        if ((*op)->flags & FOV_OP_UNARY)
            assert_true ((*op)->params_size >= sizeof (FovUnaryParams));
    }
    assert_true (n > 100);
    assert_null (fov_op_find ("NoSuchOp"));
}

/* docs/models.md is what a refused model's user is sent to. */
static void
test_table_told (void **state)
{
    g_autofree char *text = NULL;

    assert_true (g_file_get_contents (DOCS_DIR "/models.md", &text, NULL, NULL));
    for (const FovOpDef *const *op = fov_op_list (); *op; op++) {
        g_autofree char *quoted = g_strdup_printf ("`%s`", (*op)->name);
        if (!g_str_has_prefix ((*op)->name, "fov.") && !strstr (text, quoted))
            fail_msg ("docs/models.md does not list %s", (*op)->name);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_acts),           cmocka_unit_test (test_act_keeps_nan),
        cmocka_unit_test (test_conv_epilogue),  cmocka_unit_test (test_channel_map),
        cmocka_unit_test (test_group_norm),     cmocka_unit_test (test_resize_antialias),
        cmocka_unit_test (test_exact_integers), cmocka_unit_test (test_table),
        cmocka_unit_test (test_table_told),
    };

    return cmocka_run_group_tests_name ("values", tests, NULL, NULL);
}
