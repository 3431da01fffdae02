/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Biases and scales that are written as Add, Mul and the like learn; what prepares a picture or
 * decodes boxes does not. */
#include "smallnet.h"

#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>

#include "model/onnx.pb-c.h"

/* ---- graphs: constants are named "learns..." or "stays..." --------------------- */

typedef struct {
    FovGraph *graph;
    FovTensor *at;
    guint seed;
} Net;

static Net
begin (int rank, const gint64 *dims)
{
    Net net = { .graph = fov_graph_new () };
    FovShape shape = { .rank = rank };

    memcpy (shape.dim, dims, (gsize) rank * sizeof *dims);
    net.at = fov_graph_add_input (net.graph, "x", FOV_F32, &shape);
    return net;
}

static FovTensor *
constant (Net *net, const char *name, int rank, const gint64 *dims)
{
    FovShape shape = { .rank = rank };
    g_autofree float *v = NULL;
    g_autoptr (GBytes) data = NULL;
    gint64 n;

    memcpy (shape.dim, dims, (gsize) rank * sizeof *dims);
    n = fov_shape_elements (&shape);
    v = g_new (float, n);
    for (gint64 i = 0; i < n; i++)
        v[i] = (float) (0.7 + 0.3 * sin (1.7 * (double) ++net->seed));
    data = g_bytes_new (v, (gsize) n * sizeof *v);
    return fov_graph_add_constant (net->graph, name, FOV_F32, &shape, data, NULL);
}
#define CONSTANT(net, name, ...)                                                                   \
    constant (net, name, (int) (sizeof (gint64[]){ __VA_ARGS__ } / sizeof (gint64)),               \
              (gint64[]){ __VA_ARGS__ })

/* A node on what is there, and perhaps another operand. */
static void
put (Net *net, const char *op, FovTensor *operand, const FovAttr *attrs, guint n)
{
    FovTensor *inputs[] = { net->at, operand };
    g_autoptr (GError) error = NULL;
    FovNode *node =
        fov_graph_add_node (net->graph, op, op, inputs, operand ? 2 : 1, 1, attrs, n, &error);

    if (!node)
        fail_msg ("%s", error->message);
    net->at = node->outputs[0];
}

static void
ints (Net *net, const char *op, guint n, const gint64 *values)
{
    put (net, op, fov_graph_add_ints (net->graph, NULL, values, n), NULL, 0);
}

static void
axis (Net *net, const char *op, gint64 value)
{
    put (net, op, NULL, &(FovAttr){ .name = "axis", .type = FOV_ATTR_INT, .i = value }, 1);
}

/* PyTorch's Linear of rows. */
static Net
linear (void)
{
    Net net = begin (3, (gint64[]){ 2, 3, 4 });

    put (&net, "MatMul", CONSTANT (&net, "learns.weight", 4, 5), NULL, 0);
    put (&net, "Add", CONSTANT (&net, "learns.bias", 5), NULL, 0);
    put (&net, "Relu", NULL, NULL, 0);
    put (&net, "MatMul", CONSTANT (&net, "learns.weight2", 5, 1), NULL, 0);
    put (&net, "Add", CONSTANT (&net, "learns.bias2", 1), NULL, 0);
    put (&net, "Mul", CONSTANT (&net, "stays.one", 1), NULL, 0);
    return net;
}

/* A picture is normalised; Conv, Mul, Add as TensorFlow writes them; then through a pool. */
static Net
planes (void)
{
    Net net = begin (4, (gint64[]){ 1, 3, 6, 6 });

    put (&net, "Sub", CONSTANT (&net, "stays.mean", 1, 3, 1, 1), NULL, 0);
    put (&net, "Div", CONSTANT (&net, "stays.deviation", 3, 1, 1), NULL, 0);
    put (&net, "Conv", CONSTANT (&net, "learns.kernel", 4, 3, 3, 3), NULL, 0);
    put (&net, "Sub", CONSTANT (&net, "learns.moved", 1, 4, 1, 1), NULL, 0);
    put (&net, "Div", CONSTANT (&net, "learns.spread", 1, 4, 1, 1), NULL, 0);
    put (&net, "Mul", CONSTANT (&net, "learns.gain", 1, 4, 1, 1), NULL, 0);
    put (&net, "Add", CONSTANT (&net, "learns.bias", 4, 1, 1), NULL, 0);
    put (&net, "Mul", CONSTANT (&net, "stays.plane", 1, 1, 4, 4), NULL, 0);
    put (&net, "GlobalAveragePool", NULL, NULL, 0);
    axis (&net, "Flatten", 1);
    put (&net, "Mul", CONSTANT (&net, "learns.last", 4), NULL, 0);
    return net;
}

/* Boxes of cells are cut out, moved and stretched; scores are weighted. */
static Net
boxes (void)
{
    Net net = begin (4, (gint64[]){ 1, 2, 5, 5 });

    put (&net, "Conv", CONSTANT (&net, "learns.kernel", 4, 2, 1, 1), NULL, 0);
    ints (&net, "Reshape", 3, (gint64[]){ 1, 4, 25 });
    put (&net, "Add", CONSTANT (&net, "learns.bias", 4, 1), NULL, 0);
    put (&net, "Mul", CONSTANT (&net, "stays.strides", 25), NULL, 0);
    put (&net, "Transpose", NULL,
         &(FovAttr){ .name = "perm", .type = FOV_ATTR_INTS, .ints = (gint64[]){ 0, 2, 1 }, .n = 3 },
         1);
    put (&net, "Add", CONSTANT (&net, "stays.grid", 25, 4), NULL, 0);
    put (&net, "Add", CONSTANT (&net, "learns.bias2", 4), NULL, 0);
    put (&net, "Exp", NULL, NULL, 0);
    put (&net, "Mul", CONSTANT (&net, "stays.size", 4), NULL, 0);
    return net;
}

/* LayerNormalization of its parts, and a gain that a sum uses too. */
static Net
norm (void)
{
    Net net = begin (3, (gint64[]){ 1, 3, 4 });
    FovTensor *x, *centred, *shared,
        *last = fov_graph_add_ints (net.graph, NULL, (gint64[]){ -1 }, 1);

    put (&net, "MatMul", CONSTANT (&net, "learns.weight", 4, 4), NULL, 0);
    x = net.at;
    put (&net, "ReduceMean", last, NULL, 0);
    centred = net.at;
    net.at = x;
    put (&net, "Sub", centred, NULL, 0);
    centred = net.at;
    put (&net, "Mul", centred, NULL, 0);
    put (&net, "ReduceMean", last, NULL, 0);
    put (&net, "Sqrt", NULL, NULL, 0);
    x = net.at;
    net.at = centred;
    put (&net, "Div", x, NULL, 0);
    put (&net, "Mul", CONSTANT (&net, "learns.gain", 4), NULL, 0);
    put (&net, "Add", CONSTANT (&net, "learns.bias", 4), NULL, 0);
    shared = CONSTANT (&net, "stays.shared", 4);
    put (&net, "Add", shared, NULL, 0);
    put (&net, "Pow", shared, NULL, 0);
    return net;
}

/* PyTorch's group norm: the instance norm's own numbers stay 1 and 0 in effect. */
static Net
groups (void)
{
    Net net = begin (4, (gint64[]){ 1, 3, 6, 6 });
    FovTensor *inputs[3];
    FovNode *node;

    put (&net, "Conv", CONSTANT (&net, "learns.kernel", 8, 3, 3, 3), NULL, 0);
    ints (&net, "Reshape", 3, (gint64[]){ 0, 2, -1 });
    inputs[0] = net.at;
    inputs[1] = CONSTANT (&net, "stays.ones", 2);
    inputs[2] = CONSTANT (&net, "stays.zeros", 2);
    node = fov_graph_add_node (net.graph, "InstanceNormalization", "norm", inputs, 3, 1, NULL, 0,
                               NULL);
    net.at = node->outputs[0];
    ints (&net, "Reshape", 4, (gint64[]){ 1, 8, 4, 4 });
    put (&net, "Mul", CONSTANT (&net, "learns.gain", 8, 1, 1), NULL, 0);
    put (&net, "Add", CONSTANT (&net, "learns.bias", 8, 1, 1), NULL, 0);
    return net;
}

/* Constants that are brought into form first. */
static Net
formed (void)
{
    Net net = begin (3, (gint64[]){ 1, 3, 4 });
    FovTensor *x = net.at;

    net.at = CONSTANT (&net, "learns.weight", 5, 4);
    put (&net, "Transpose", NULL, NULL, 0);
    put (&net, "Cast", NULL, &(FovAttr){ .name = "to", .type = FOV_ATTR_INT, .i = 1 }, 1);
    {
        FovTensor *weight = net.at;
        net.at = x;
        put (&net, "MatMul", weight, NULL, 0);
    }
    x = net.at;
    net.at = CONSTANT (&net, "learns.bias", 5);
    put (&net, "Cast", NULL, &(FovAttr){ .name = "to", .type = FOV_ATTR_INT, .i = 1 }, 1);
    put (&net, "Add", x, NULL, 0);
    return net;
}

static const struct {
    const char *name;
    Net (*make) (void);
} cases[] = {
    { "linear", linear }, { "planes", planes }, { "boxes", boxes },
    { "norm", norm },     { "groups", groups }, { "formed", formed },
};

/* ---- how the file holds its constants ------------------------------------------- */

typedef enum { AS_IT_IS, HALVES, BRAINS, NODES, N_FORMS } Form;

static void
shorten (Onnx__TensorProto *t, gboolean brain)
{
    const gsize n = t->raw_data.len / 4;
    const float *from = (const float *) (void *) t->raw_data.data;
    FovView to = { FOV_F16, { 1, { (gint64) n } }, malloc (n * 2) };

    for (gsize i = 0; i < n; i++) {
        guint32 bits;
        memcpy (&bits, &from[i], sizeof bits);
        if (brain)
            ((guint16 *) to.data)[i] = (guint16) (bits >> 16);
        else
            fov_view_set (&to, (gint64) i, (double) from[i]);
    }
    free (t->raw_data.data);
    t->raw_data.data = to.data;
    t->raw_data.len = n * 2;
    t->data_type =
        brain ? ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16 : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16;
}

/* A constant of one dimension as a node with a list of floats. */
static Onnx__NodeProto *
as_node (const Onnx__TensorProto *t)
{
    Onnx__NodeProto *node = malloc (sizeof *node);
    Onnx__AttributeProto *attr = malloc (sizeof *attr);

    onnx__node_proto__init (node);
    onnx__attribute_proto__init (attr);
    attr->name = strdup ("value_floats");
    attr->has_type = TRUE;
    attr->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
    attr->n_floats = t->raw_data.len / 4;
    attr->floats = malloc (t->raw_data.len);
    memcpy (attr->floats, t->raw_data.data, t->raw_data.len);
    node->op_type = strdup ("Constant");
    node->n_output = node->n_attribute = 1;
    node->output = malloc (sizeof *node->output);
    node->output[0] = strdup (t->name);
    node->attribute = malloc (sizeof *node->attribute);
    node->attribute[0] = attr;
    return node;
}

static void
hold (const char *path, Form form)
{
    g_autofree char *bytes = NULL;
    g_autofree guint8 *packed = NULL;
    Onnx__ModelProto *model;
    Onnx__GraphProto *g;
    gsize size, n = 0;

    assert_true (g_file_get_contents (path, &bytes, &size, NULL));
    model = onnx__model_proto__unpack (NULL, size, (guint8 *) bytes);
    g = model->graph;
    g->node = realloc (g->node, (g->n_node + g->n_initializer) * sizeof *g->node);
    for (size_t i = 0; i < g->n_initializer; i++) {
        Onnx__TensorProto *t = g->initializer[i];
        const gboolean ours = t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
        if (ours && (form == HALVES || form == BRAINS))
            shorten (t, form == BRAINS);
        if (ours && form == NODES && t->n_dims == 1) {
            g->node[g->n_node++] = as_node (t);
            onnx__tensor_proto__free_unpacked (t, NULL);
            continue;
        }
        g->initializer[n++] = t;
    }
    g->n_initializer = n;
    packed = g_malloc (onnx__model_proto__get_packed_size (model));
    size = onnx__model_proto__pack (model, packed);
    assert_true (g_file_set_contents (path, (char *) packed, (gssize) size, NULL));
    onnx__model_proto__free_unpacked (model, NULL);
}

/* ---- tests -------------------------------------------------------------------------- */

static void
learn (FovModel *model, float decay, int steps, const char *path, const char *what)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:1", NULL);
    g_autoptr (FovTrainer) trainer =
        fov_trainer_new (device, model,
                         &(FovTrainerParams){
                             .loss = FOV_LOSS_MSE, .weight_decay = decay, .learning_rate = 0.05f },
                         &error);
    FovTensorInfo x, y;
    FovView in, target;

    if (!trainer)
        fail_msg ("%s: %s", what, error->message);
    fov_model_input (model, 0, &x);
    fov_trainer_target (trainer, &y);
    in = (FovView){ x.dtype, x.shape, g_malloc (fov_shape_elements (&x.shape) * 4) };
    target = (FovView){ y.dtype, y.shape, g_malloc0 (fov_shape_elements (&y.shape) * 4) };
    for (gint64 i = 0; i < fov_shape_elements (&x.shape); i++)
        fov_view_set (&in, i, 0.6 + 0.4 * cos (0.9 * (double) i));
    for (int i = 0; i < steps; i++)
        if (!fov_trainer_step (trainer, &in, &target, NULL, &error))
            fail_msg ("%s: %s", what, error->message);
    if (!fov_trainer_write_onnx (trainer, path, FOV_WEIGHTS_CURRENT, &error))
        fail_msg ("%s: %s", what, error->message);
    g_free (in.data);
    g_free (target.data);
}

static void
run_case (guint c, Form form)
{
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), "fovea-scales-XXXXXX", NULL);
    g_autofree char *what = g_strdup_printf ("%s, form %d", cases[c].name, form);
    g_autoptr (GError) error = NULL;
    Net net = cases[c].make ();
    g_autoptr (FovModel) made = NULL;
    g_autoptr (FovModel) model = NULL;
    g_autoptr (FovModel) learned = NULL;
    guint n = 0;

    fov_graph_add_output (net.graph, net.at);
    made = fov_model_new_from_graph (net.graph, "made", "made", NULL);
    close (g_mkstemp (path));
    assert_true (fov_model_save (made, path, NULL));
    hold (path, form);
    model = fov_model_load (path, &error);
    if (!model)
        fail_msg ("%s: %s", what, error->message);
    learn (model, 0.1f, 2, path, what);
    learned = fov_model_load (path, &error);
    if (!learned)
        fail_msg ("%s: %s", what, error->message);
    for (guint i = 0; i < fov_model_graph (model)->tensors->len; i++) {
        const FovTensor *a = fov_model_graph (model)->tensors->pdata[i];
        const FovTensor *b = a ? fov_graph_find (fov_model_graph (learned), a->name) : NULL;
        if (!a || !a->data || a->dtype != FOV_F32)
            continue;
        n++;
        if (g_bytes_equal (a->data, b->data) != g_str_has_prefix (a->name, "stays"))
            fail_msg ("%s: %s", what, a->name);
    }
    assert_true (n >= 2);
    g_unlink (path);
}

static void
test_what_learns (void **state)
{
    for (guint c = 0; c < G_N_ELEMENTS (cases); c++)
        for (Form form = AS_IT_IS; form < N_FORMS; form++)
            run_case (c, form);
}

/* An LSTM's or GRU's constants after a step. */
static FovModel *
learn_cells (const char *op, gint64 gates, float decay)
{
    enum { IN = 3, HIDDEN = 4 };
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), "fovea-cells-XXXXXX", NULL);
    const FovAttr hidden = { .name = "hidden_size", .type = FOV_ATTR_INT, .i = HIDDEN };
    Net net = begin (3, (gint64[]){ 5, 2, IN });
    FovTensor *inputs[] = { net.at, CONSTANT (&net, "weight", 1, gates * HIDDEN, IN),
                            CONSTANT (&net, "repeated", 1, gates * HIDDEN, HIDDEN),
                            CONSTANT (&net, "bias", 1, 2 * gates * HIDDEN) };
    FovNode *node = fov_graph_add_node (net.graph, op, op, inputs, 4, 1, &hidden, 1, NULL);
    g_autoptr (FovModel) model = NULL;
    FovModel *learned;

    fov_graph_add_output (net.graph, node->outputs[0]);
    model = fov_model_new_from_graph (net.graph, "made", "made", NULL);
    close (g_mkstemp (path));
    assert_true (fov_model_save (model, path, NULL));
    g_clear_pointer (&model, fov_model_unref);
    model = fov_model_load (path, NULL);
    learn (model, decay, 1, path, op);
    learned = fov_model_load (path, NULL);
    assert_non_null (learned);
    g_unlink (path);
    return learned;
}

static gboolean
same_constant (FovModel *a, FovModel *b, const char *name)
{
    return g_bytes_equal (fov_graph_find (fov_model_graph (a), name)->data,
                          fov_graph_find (fov_model_graph (b), name)->data);
}

/* They have two dimensions, unlike other biases. */
static void
test_biases_of_cells_do_not_decay (void **state)
{
    static const struct {
        const char *op;
        gint64 gates;
    } cells[] = { { "LSTM", 4 }, { "GRU", 3 } };

    (void) state;
    for (guint i = 0; i < G_N_ELEMENTS (cells); i++) {
        g_autoptr (FovModel) free = learn_cells (cells[i].op, cells[i].gates, 0);
        g_autoptr (FovModel) drawn = learn_cells (cells[i].op, cells[i].gates, 0.5f);
        assert_false (same_constant (free, drawn, "weight"));
        assert_false (same_constant (free, drawn, "repeated"));
        if (!same_constant (free, drawn, "bias"))
            fail_msg ("the biases of %s decay", cells[i].op);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_what_learns),
                                        cmocka_unit_test (test_biases_of_cells_do_not_decay) };

    return cmocka_run_group_tests_name ("scales", tests, NULL, NULL);
}
