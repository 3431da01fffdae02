/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The graph itself: building, attributes, copies, order, surgery, specialisation. */
#include "net.h"

#include <time.h>

#include "check.h"

static FovTensor *
input (FovGraph *graph, const char *name, FovShape shape)
{
    return fov_graph_add_input (graph, name, FOV_F32, &shape);
}

static FovTensor *
relu (FovGraph *graph, FovTensor *x)
{
    GError *error = NULL;
    FovNode *node = fov_graph_add_node (graph, "Relu", "relu", &x, 1, 1, NULL, 0, &error);

    assert_fov_ok (node != NULL, error);
    return node->outputs[0];
}

static FovTensor *
add (FovGraph *graph, FovTensor *x, FovTensor *y)
{
    FovTensor *inputs[] = { x, y };
    return fov_graph_add_node (graph, "Add", "add", inputs, 2, 1, NULL, 0, NULL)->outputs[0];
}

static gboolean
has_node (const FovGraph *graph, const char *op)
{
    for (guint i = 0; i < graph->nodes->len; i++)
        if (fov_node_is (graph->nodes->pdata[i], op))
            return TRUE;
    return FALSE;
}

/* ---- building ------------------------------------------------------------ */

static const gint64 ints[17] = { 1 };
static const float floats[17] = { 1 };

static const struct {
    const char *op;
    guint n_inputs, n_outputs;
    FovAttr attr;
    const char *error;
} refused[] = {
    { "Wombat", 1, 1, { NULL }, "node 'n': operator 'Wombat' is not supported" },
    { "Relu", 0, 1, { NULL }, "node 'n' (Relu): 0 inputs, expected 1 to 1" },
    { "Relu", 3, 1, { NULL }, "3 inputs, expected 1 to 1" },
    { "Relu", 1, 2, { NULL }, "2 outputs, expected 1 to 1" },
    { "Relu", 1, 0, { NULL }, "0 outputs, expected 1 to 1" },
    { "Conv", 2, 1, { "grupp", FOV_ATTR_INT, .i = 1 }, "attribute 'grupp' is not known" },
    { "Conv",
      2,
      1,
      { "group", FOV_ATTR_FLOAT, .f = 1.5 },
      "attribute 'group' is float 1.5, expected an integer" },
    { "Conv",
      2,
      1,
      { "pads", FOV_ATTR_INT, .i = 3 },
      "attribute 'pads' is integer 3, expected at most 16 integers" },
    { "Conv",
      2,
      1,
      { "pads", FOV_ATTR_INTS, .ints = ints, .n = 17 },
      "attribute 'pads' is 17 integers, expected at most 16" },
    { "Conv",
      2,
      1,
      { "pads", FOV_ATTR_FLOATS, .floats = floats, .n = 2 },
      "attribute 'pads' is 2 floats" },
    { "Conv",
      2,
      1,
      { "auto_pad", FOV_ATTR_STRING, .s = "SOME" },
      "attribute 'auto_pad' is 'SOME', expected one of NOTSET, SAME_UPPER" },
    { "Conv", 2, 1, { "auto_pad", FOV_ATTR_INT, .i = 0 }, "attribute 'auto_pad' is integer 0" },
    { "LeakyRelu",
      1,
      1,
      { "alpha", FOV_ATTR_STRING, .s = "much" },
      "attribute 'alpha' is 'much', expected a float" },
};

static void
test_refused (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
        g_autoptr (FovGraph) graph = fov_graph_new ();
        FovTensor *x = input (graph, "x", (FovShape){ 4, { 1, 1, 4, 4 } });
        FovTensor *inputs[] = { x, x, x };
        GError *error = NULL;
        guint n_tensors = graph->tensors->len;

        assert_null (fov_graph_add_node (graph, refused[i].op, "n", inputs, refused[i].n_inputs,
                                         refused[i].n_outputs, &refused[i].attr,
                                         refused[i].attr.name ? 1 : 0, &error));
        if (!strstr (error->message, refused[i].error))
            fail_msg ("case %u: \"%s\", expected \"%s\"", i, error->message, refused[i].error);
        g_clear_error (&error);
        assert_int_equal (graph->tensors->len, n_tensors);
        assert_int_equal (graph->nodes->len, 0);
        assert_int_equal (x->consumers->len, 0);
    }
}

static void
test_missing_input (void **state)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovTensor *x = input (graph, "x", (FovShape){ 4, { 1, 1, 4, 4 } });
    FovTensor *holes[] = { NULL, x }, *trailing[] = { x, NULL, NULL };
    GError *error = NULL;
    FovNode *clip;

    assert_null (fov_graph_add_node (graph, "Add", "n", holes, 2, 1, NULL, 0, &error));
    assert_fov_error (&error, FOV_ERROR_SHAPE, "input 0 is missing");
    clip = fov_graph_add_node (graph, "Clip", "n", trailing, 3, 1, NULL, 0, &error);
    assert_fov_ok (clip != NULL, error);
    assert_int_equal (clip->n_inputs, 1);
}

static void
test_constants (void **state)
{
    static const struct {
        FovDType dtype;
        FovShape shape;
        gsize bytes;
        gboolean ok;
    } cases[] = {
        { FOV_F32, { 1, { 3 } }, 12, TRUE },
        { FOV_F32, { 0, { 0 } }, 4, TRUE },
        { FOV_I64, { 2, { 0, 5 } }, 0, TRUE },
        { FOV_F32, { 1, { 3 } }, 11, FALSE },
        { FOV_F64, { 1, { 3 } }, 12, FALSE },
        { FOV_F32, { 1, { -1 } }, 12, FALSE },
        { FOV_U8, { 3, { 1 << 30, 1 << 30, 16 } }, 0, FALSE },
        { FOV_F32, { FOV_MAX_RANK + 1, { 1 } }, 4, FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (FovGraph) graph = fov_graph_new ();
        g_autoptr (GBytes) data = g_bytes_new ("123456789012", cases[i].bytes);
        GError *error = NULL;
        FovTensor *t =
            fov_graph_add_constant (graph, "c", cases[i].dtype, &cases[i].shape, data, &error);
        if (cases[i].ok)
            assert_fov_ok (t != NULL, error);
        else
            assert_fov_error (&error, FOV_ERROR_FORMAT, "constant 'c': ");
    }
}

static void
test_names (void **state)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovShape shape = { 1, { 1 } };
    FovTensor *a = input (graph, "x", shape), *b = input (graph, "x", shape);
    FovTensor *c = input (graph, NULL, shape), *d = input (graph, "", shape);

    assert_string_equal (a->name, "x");
    assert_string_not_equal (b->name, "x");
    assert_ptr_equal (fov_graph_find (graph, b->name), b);
    assert_string_not_equal (c->name, d->name);
    fov_graph_rename (graph, a, a->name);
    assert_ptr_equal (fov_graph_find (graph, "x"), a);
    fov_graph_rename (graph, a, "y");
    assert_null (fov_graph_find (graph, "x"));
    fov_graph_rename (graph, b, "y");
    assert_ptr_equal (fov_graph_find (graph, "y"), a);
    assert_ptr_equal (fov_graph_find (graph, b->name), b);
}

static void
test_copy (void **state)
{
    FovGraph *graph = fov_graph_new ();
    FovTensor *x = input (graph, "x", (FovShape){ 2, { 1, 3 } });
    FovTensor *c = fov_graph_add_floats (graph, "c", floats, 3);
    FovTensor *dead = relu (graph, x), *y = add (graph, relu (graph, x), c);
    g_autoptr (FovGraph) copy = NULL;
    g_autofree char *y_name = g_strdup (y->name);
    FovTensor *z;
    guint n_tensors;

    fov_graph_remove_node (graph, dead->producer); /* leaves a hole among the tensors */
    fov_graph_add_output (graph, y);
    n_tensors = graph->tensors->len;
    copy = fov_graph_copy (graph);
    assert_ptr_equal (fov_graph_find (copy, "c")->data, c->data);
    fov_graph_free (graph); /* the copy stands alone */
    assert_int_equal (copy->tensors->len, n_tensors);
    assert_int_equal (copy->nodes->len, 2);
    z = copy->outputs->pdata[0];
    assert_string_equal (z->name, y_name);
    assert_true (z->is_output);
    assert_true (fov_node_is (z->producer, "Add"));
    assert_true (fov_node_is (z->producer->inputs[0]->producer, "Relu"));
    assert_ptr_equal (z->producer->inputs[0]->consumers->pdata[0], z->producer);
    assert_int_equal (fov_graph_find (copy, "x")->consumers->len, 1);
    assert_true (fov_graph_specialize (copy, NULL, NULL));
}

/* ---- order ------------------------------------------------------------------ */

static void
assert_in_order (const FovGraph *graph)
{
    g_autoptr (GHashTable) made = g_hash_table_new (NULL, NULL);

    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        for (guint k = 0; k < node->n_inputs; k++)
            assert_true (!node->inputs[k]->producer ||
                         g_hash_table_contains (made, node->inputs[k]->producer));
        g_hash_table_add (made, node);
    }
}

static void
test_sort (void **state)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();
    g_autoptr (GRand) rand = g_rand_new_with_seed (1);
    FovTensor *t[100];

    t[0] = input (graph, "x", (FovShape){ 1, { 1 } });
    for (gint i = 1; i < 100; i++)
        t[i] = add (graph, t[g_rand_int_range (rand, 0, i)], t[g_rand_int_range (rand, 0, i)]);
    for (guint i = 99; i-- > 1;) {
        guint k = g_rand_int_range (rand, 0, (gint32) i + 1);
        gpointer swap = graph->nodes->pdata[i];
        graph->nodes->pdata[i] = graph->nodes->pdata[k];
        graph->nodes->pdata[k] = swap;
    }
    assert_true (fov_graph_sort (graph, NULL));
    assert_int_equal (graph->nodes->len, 99);
    assert_in_order (graph);
}

static void
test_cycle (void **state)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovTensor *x = input (graph, "x", (FovShape){ 1, { 1 } });
    FovTensor *a = add (graph, x, x), *b = relu (graph, a), *c = relu (graph, b);
    GError *error = NULL;

    fov_graph_add_output (graph, c);
    fov_graph_set_input (graph, a->producer, 1, b);
    assert_false (fov_graph_sort (graph, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "node 'add' (Add) depends on its own output");
    assert_int_equal (graph->nodes->len, 3);
    assert_false (fov_graph_specialize (graph, NULL, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "cycle");
}

/* Time must not grow by the square: this takes a second, or an hour. */
static void
test_deep (void **state)
{
    enum { DEPTH = 100000 };
    g_autoptr (FovDevice) device = fov_device_open ("reference", NULL);
    FovPlanTarget target = fov_session_target (device);
    FovGraph *graph = fov_graph_new ();
    FovTensor *x = input (graph, "x", (FovShape){ 1, { -1 } });
    FovTensor *one = fov_graph_add_floats (graph, "one", (float[]){ 1 }, 1);
    FovTensor *low = fov_graph_add_floats (graph, "low", (float[]){ 0 }, 1);
    FovTensor *constant = one;
    g_autoptr (FovPlan) plan = NULL;
    GError *error = NULL;
    clock_t start = clock ();

    for (guint i = 0; i < DEPTH; i++) {
        FovTensor *inputs[] = { x, low };
        x = i % 2 ? add (graph, x, one)
                  : fov_graph_add_node (graph, "Clip", "clip", inputs, 2, 1, NULL, 0, NULL)
                        ->outputs[0];
        constant = add (graph, constant, one);
        if (i % 4 == 0)
            relu (graph, x); /* of no use */
    }
    fov_graph_add_output (graph, add (graph, x, constant));
    assert_fov_ok (fov_graph_specialize (graph, &(FovShape){ 1, { 4 } }, &error), error);
    plan = fov_plan_new (graph, &target, &error);
    assert_fov_ok (plan != NULL, error);
    assert_int_equal (plan->n_steps, DEPTH + 1);
    assert_int_equal (plan->arena_bytes, 64 * 3 - 48);
    assert_in_range ((clock () - start) / CLOCKS_PER_SEC, 0, 60);
}

/* ---- surgery ------------------------------------------------------------------ */

static void
test_replace_uses (void **state)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovTensor *x = input (graph, "x", (FovShape){ 1, { 1 } });
    FovTensor *a = relu (graph, x), *b = add (graph, a, a), *c = add (graph, a, x);

    fov_graph_add_output (graph, a);
    fov_graph_add_output (graph, b);
    fov_graph_add_output (graph, a);
    fov_graph_replace_uses (graph, a, a); /* nothing happens, and it ends */
    assert_int_equal (a->consumers->len, 3);
    fov_graph_replace_uses (graph, a, x);
    assert_int_equal (a->consumers->len, 0);
    assert_int_equal (x->consumers->len, 5);
    assert_ptr_equal (b->producer->inputs[0], x);
    assert_ptr_equal (b->producer->inputs[1], x);
    assert_ptr_equal (c->producer->inputs[0], x);
    assert_ptr_equal (graph->outputs->pdata[0], x);
    assert_ptr_equal (graph->outputs->pdata[2], x);
    assert_false (a->is_output);
    assert_true (x->is_output);
    fov_graph_remove_unused (graph);
    assert_int_equal (graph->nodes->len, 1);
    assert_int_equal (x->consumers->len, 2);
}

static void
test_inputs_of_nodes (void **state)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovTensor *x = input (graph, "x", (FovShape){ 4, { 1, 1, 1, 1 } });
    FovTensor *inputs[] = { x, x };
    FovNode *conv = fov_graph_add_node (graph, "Conv", "c", inputs, 2, 1, NULL, 0, NULL);

    assert_null (fov_tensor_only_consumer (x)); /* used twice */
    fov_graph_set_input (graph, conv, 0, NULL);
    assert_ptr_equal (fov_tensor_only_consumer (x), conv);
    fov_graph_extend_input (graph, conv, 3, x);
    assert_int_equal (conv->n_inputs, 4);
    assert_null (conv->inputs[2]);
    assert_ptr_equal (conv->inputs[3], x);
    assert_int_equal (x->consumers->len, 2);
    assert_ptr_equal (fov_tensor_only_consumer (conv->outputs[0]), NULL);
}

/* Whatever the order of the nodes, what feeds only dead nodes is dead. */
static void
test_remove_unused (void **state)
{
    for (guint turn = 0; turn < 2; turn++) {
        g_autoptr (FovGraph) graph = fov_graph_new ();
        FovTensor *x = input (graph, "x", (FovShape){ 1, { 1 } });
        FovTensor *c = fov_graph_add_floats (graph, "c", floats, 1);
        FovTensor *dead = x;

        fov_graph_add_output (graph, relu (graph, x));
        for (guint i = 0; i < 5; i++)
            dead = add (graph, dead, c);
        for (guint i = 0; turn && i < 3; i++) {
            gpointer swap = graph->nodes->pdata[i];
            graph->nodes->pdata[i] = graph->nodes->pdata[5 - i];
            graph->nodes->pdata[5 - i] = swap;
        }
        fov_graph_remove_unused (graph);
        assert_int_equal (graph->nodes->len, 1);
        assert_null (fov_graph_find (graph, "c"));
        assert_int_equal (x->consumers->len, 1);
    }
}

/* ---- specialisation ------------------------------------------------------------- */

static const struct {
    FovShape model, asked;
    const char *error;
    FovShape got;
} shape_cases[] = {
    { { 2, { -1, 3 } }, { 2, { 4, 3 } }, NULL, { 2, { 4, 3 } } },
    { { 2, { -1, 3 } }, { 2, { -1, -1 } }, NULL, { 2, { 1, 3 } } },
    { { 2, { -1, 3 } }, { 2, { 0, 3 } }, NULL, { 2, { 0, 3 } } },
    { { 2, { 0, 3 } }, { 2, { -1, -1 } }, NULL, { 2, { 0, 3 } } },
    { { 0, { 0 } }, { 0, { 0 } }, NULL, { 0, { 0 } } },
    { { 2, { -1, 3 } }, { 2, { 4, 2 } }, "asked for 2 in dimension 1, but the model fixes", { 0 } },
    { { 2, { -1, 3 } },
      { 3, { 1, 1, 3 } },
      "asked for shape 1x1x3, but the model's is ?x3",
      { 0 } },
    { { 1, { -1 } }, { 1, { G_MAXINT64 } }, "is too large", { 0 } },
    { { 2, { -1, -1 } }, { 2, { 1 << 16, 1 << 16 } }, "65536x65536 is too large", { 0 } },
};

static void
test_shapes (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (shape_cases); i++) {
        g_autoptr (FovGraph) graph = fov_graph_new ();
        FovTensor *x = input (graph, "x", shape_cases[i].model), *y = relu (graph, x);
        GError *error = NULL;
        gboolean ok;

        fov_graph_add_output (graph, y);
        ok = fov_graph_specialize (graph, &shape_cases[i].asked, &error);
        if (shape_cases[i].error) {
            assert_false (ok);
            assert_fov_error (&error, FOV_ERROR_SHAPE, shape_cases[i].error);
        } else {
            assert_fov_ok (ok, error);
            assert_true (fov_shape_equal (&y->shape, &shape_cases[i].got));
        }
    }
}

/* Reshape (x, Concat (Shape (x)[0:1], [-1])): nothing but the reshape is left. */
static void
test_shape_arithmetic (void **state)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovTensor *x = input (graph, "x", (FovShape){ 3, { -1, 3, 4 } });
    FovTensor *zero = fov_graph_add_ints (graph, NULL, (gint64[]){ 0 }, 1);
    FovTensor *rest = fov_graph_add_ints (graph, NULL, (gint64[]){ -1 }, 1);
    FovAttr axis = { "axis", FOV_ATTR_INT, .i = 0 };
    FovNode *shape = fov_graph_add_node (graph, "Shape", "s", &x, 1, 1, NULL, 0, NULL);
    FovNode *gather =
        fov_graph_add_node (graph, "Gather", "g", (FovTensor *[]){ shape->outputs[0], zero }, 2, 1,
                            NULL, 0, NULL);
    FovNode *concat =
        fov_graph_add_node (graph, "Concat", "c", (FovTensor *[]){ gather->outputs[0], rest }, 2, 1,
                            &axis, 1, NULL);
    FovNode *reshape =
        fov_graph_add_node (graph, "Reshape", "r", (FovTensor *[]){ x, concat->outputs[0] }, 2, 1,
                            NULL, 0, NULL);
    GError *error = NULL;

    fov_graph_add_output (graph, reshape->outputs[0]);
    assert_fov_ok (fov_graph_specialize (graph, &(FovShape){ 3, { 5, 3, 4 } }, &error), error);
    assert_int_equal (graph->nodes->len, 1);
    assert_true (fov_shape_equal (&reshape->outputs[0]->shape, &(FovShape){ 2, { 5, 12 } }));
}

/* A few bytes do not become gigabytes, nor hours: what is too much to fold stays a node. */
static void
test_fold_budget (void **state)
{
    static const struct {
        gint64 size[2]; /* expanded to */
        gboolean folded;
    } cases[] = { { { 100, 100 }, TRUE }, { { 1 << 13, 1 << 12 }, FALSE } };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (FovGraph) graph = fov_graph_new ();
        FovTensor *inputs[] = { fov_graph_add_floats (graph, NULL, floats, 1),
                                fov_graph_add_ints (graph, NULL, cases[i].size, 2) };
        FovNode *expand = fov_graph_add_node (graph, "Expand", "e", inputs, 2, 1, NULL, 0, NULL);
        GError *error = NULL;

        fov_graph_add_output (graph, expand->outputs[0]);
        assert_fov_ok (fov_graph_specialize (graph, NULL, &error), error);
        assert_int_equal (has_node (graph, "Expand"), !cases[i].folded);
    }
}

static void
test_fold_work (void **state)
{
    static const gint64 size[] = { 1, 64, 128, 128 }, filter[] = { 64, 64, 5, 5 };
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovTensor *one = fov_graph_add_floats (graph, NULL, floats, 1), *inputs[2];
    GError *error = NULL;
    clock_t start = clock ();

    for (guint i = 0; i < 2; i++) {
        FovTensor *in[] = { one, fov_graph_add_ints (graph, NULL, i ? filter : size, 4) };
        inputs[i] = fov_graph_add_node (graph, "Expand", "e", in, 2, 1, NULL, 0, NULL)->outputs[0];
    }
    fov_graph_add_output (
        graph, fov_graph_add_node (graph, "Conv", "c", inputs, 2, 1, NULL, 0, NULL)->outputs[0]);
    assert_fov_ok (fov_graph_specialize (graph, NULL, &error), error);
    assert_true (has_node (graph, "Conv")); /* 3e9 operations */
    assert_false (has_node (graph, "Expand"));
    assert_in_range ((clock () - start) / CLOCKS_PER_SEC, 0, 20);
}

/* A reshape of a constant, however large, is a view of the same bytes. */
static void
test_fold_reshape (void **state)
{
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovShape shape = { 1, { 80 << 18 } };
    g_autoptr (GBytes) data = g_bytes_new_take (g_malloc0 ((gsize) 80 << 20), (gsize) 80 << 20);
    FovTensor *inputs[] = { fov_graph_add_constant (graph, "c", FOV_F32, &shape, data, NULL),
                            fov_graph_add_ints (graph, NULL, (gint64[]){ 80, -1 }, 2) };
    FovTensor *y =
        fov_graph_add_node (graph, "Reshape", "r", inputs, 2, 1, NULL, 0, NULL)->outputs[0];

    fov_graph_add_output (graph, y);
    assert_true (fov_graph_specialize (graph, NULL, NULL));
    assert_int_equal (graph->nodes->len, 0);
    assert_ptr_equal (y->data, data);
    assert_int_equal (y->shape.dim[1], 1 << 18);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_refused),
        cmocka_unit_test (test_missing_input),
        cmocka_unit_test (test_constants),
        cmocka_unit_test (test_names),
        cmocka_unit_test (test_copy),
        cmocka_unit_test (test_sort),
        cmocka_unit_test (test_cycle),
        cmocka_unit_test (test_deep),
        cmocka_unit_test (test_replace_uses),
        cmocka_unit_test (test_inputs_of_nodes),
        cmocka_unit_test (test_remove_unused),
        cmocka_unit_test (test_shapes),
        cmocka_unit_test (test_shape_arithmetic),
        cmocka_unit_test (test_fold_budget),
        cmocka_unit_test (test_fold_work),
        cmocka_unit_test (test_fold_reshape),
    };

    return RUN ("graph", tests);
}
