/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Operators in the forms of older opsets compute what those opsets said. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "check.h"
#include <fovea/session.h>
#include "model/onnx.pb-c.h"

/* An attribute: ints, one int, one float, floats or a string, by what is set. */
typedef struct {
    const char *name;
    enum { I, F, S, IS, FS } kind;
    gint64 i;
    float f;
    const char *s;
    int n;
    gint64 ints[8];
    float floats[8];
} Attr;

/* An operator on x: 1x2x2x2 holding 1 .. 8; v is a second, constant input of floats. */
typedef struct {
    const char *name, *op;
    int opset;
    Attr attrs[4];
    int n_v;
    float v[8];
    const char *shape;
    float expected[40];
} Case;

static const Case cases[] = {
    { "Clip with attributes",
      "Clip",
      6 + 1,
      { { "min", F, .f = 2 }, { "max", F, .f = 5 } },
      0,
      { 0 },
      "1x2x2x2",
      { 2, 2, 3, 4, 5, 5, 5, 5 } },
    { "Slice with attributes",
      "Slice",
      9,
      { { "starts", IS, .n = 1, .ints = { 1 } },
        { "ends", IS, .n = 1, .ints = { 9 } },
        { "axes", IS, .n = 1, .ints = { 3 } } },
      0,
      { 0 },
      "1x2x2x1",
      { 2, 4, 6, 8 } },
    { "Pad with attributes",
      "Pad",
      10,
      { { "pads", IS, .n = 8, .ints = { 0, 0, 0, 1, 0, 0, 0, 0 } },
        { "value", F, .f = 9 },
        { "mode", S, .s = "constant" } },
      0,
      { 0 },
      "1x2x2x3",
      { 9, 1, 2, 9, 3, 4, 9, 5, 6, 9, 7, 8 } },
    { "Split into equal parts",
      "Split",
      12,
      { { "axis", I, .i = 1 } },
      0,
      { 0 },
      "1x1x2x2",
      { 1, 2, 3, 4 } },
    { "Split by an attribute",
      "Split",
      11,
      { { "axis", I, .i = 3 }, { "split", IS, .n = 2, .ints = { 1, 1 } } },
      0,
      { 0 },
      "1x2x2x1",
      { 1, 3, 5, 7 } },
    { "Squeeze with axes",
      "Squeeze",
      11,
      { { "axes", IS, .n = 1, .ints = { 0 } } },
      0,
      { 0 },
      "2x2x2",
      { 1, 2, 3, 4, 5, 6, 7, 8 } },
    { "Unsqueeze with axes",
      "Unsqueeze",
      12,
      { { "axes", IS, .n = 1, .ints = { 0 } } },
      0,
      { 0 },
      "1x1x2x2x2",
      { 1, 2, 3, 4, 5, 6, 7, 8 } },
    { "ReduceMean with axes",
      "ReduceMean",
      17,
      { { "axes", IS, .n = 2, .ints = { 2, 3 } }, { "keepdims", I, .i = 0 } },
      0,
      { 0 },
      "1x2",
      { 2.5f, 6.5f } },
    { "ReduceSum with axes",
      "ReduceSum",
      12,
      { { "axes", IS, .n = 1, .ints = { 1 } } },
      0,
      { 0 },
      "1x1x2x2",
      { 6, 8, 10, 12 } },
    { "TopK with k", "TopK", 9, { { "k", I, .i = 1 } }, 0, { 0 }, "1x2x2x1", { 2, 4, 6, 8 } },
    { "Upsample with attributes",
      "Upsample",
      8,
      { { "scales", FS, .n = 4, .floats = { 1, 1, 1, 2 } }, { "mode", S, .s = "nearest" } },
      0,
      { 0 },
      "1x2x2x4",
      { 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8 } },
    { "Upsample with an input, linear",
      "Upsample",
      9,
      { { "mode", S, .s = "linear" } },
      4,
      { 1, 1, 1, 2 },
      "1x2x2x4",
      { 1, 1.5f, 2, 2, 3, 3.5f, 4, 4, 5, 5.5f, 6, 6, 7, 7.5f, 8, 8 } },
    { "Resize of opset 10",
      "Resize",
      10,
      { { "mode", S, .s = "nearest" } },
      4,
      { 1, 1, 1, 1.5f },
      "1x2x2x3",
      { 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8 } },
    { "Dropout",
      "Dropout",
      7,
      { { "ratio", F, .f = 0.5f } },
      0,
      { 0 },
      "1x2x2x2",
      { 1, 2, 3, 4, 5, 6, 7, 8 } },
    { "Sum of two",
      "Sum",
      8,
      { { NULL } },
      1,
      { 10 },
      "1x2x2x2",
      { 11, 12, 13, 14, 15, 16, 17, 18 } },
    { "Mean of two",
      "Mean",
      8,
      { { NULL } },
      1,
      { 3 },
      "1x2x2x2",
      { 2, 2.5f, 3, 3.5f, 4, 4.5f, 5, 5.5f } },
    { "Cast to half stays float",
      "Cast",
      9,
      { { "to", I, .i = 10 } },
      0,
      { 0 },
      "1x2x2x2",
      { 1, 2, 3, 4, 5, 6, 7, 8 } },
    /* The whole of the row 1 .. 8, e^(k-8) (1 - 1/e) / (1 - e^-8), not the two channels. */
    { "Softmax over all that follows axis",
      "Softmax",
      12,
      { { "axis", I, .i = 1 } },
      0,
      { 0 },
      "1x2x2x2",
      { 0.000576612769f, 0.00156739595f, 0.00426062393f, 0.0115815769f, 0.0314819904f,
        0.0855769224f, 0.232622184f, 0.632332695f } },
    { "Softmax over one axis",
      "Softmax",
      13,
      { { "axis", I, .i = 3 } },
      0,
      { 0 },
      "1x2x2x2",
      { 0.268941421f, 0.731058579f, 0.268941421f, 0.731058579f, 0.268941421f, 0.731058579f,
        0.268941421f, 0.731058579f } },
};

/* ---- one operator as a file ------------------------------------------------- */

typedef struct {
    Onnx__AttributeProto proto[4], *list[4];
    int n;
} Attrs;

static void
make_attrs (Attrs *attrs, const Case *c)
{
    memset (attrs, 0, sizeof *attrs);
    for (; attrs->n < 4 && c->attrs[attrs->n].name; attrs->n++) {
        const Attr *from = &c->attrs[attrs->n];
        Onnx__AttributeProto *to = &attrs->proto[attrs->n];

        *to = (Onnx__AttributeProto) ONNX__ATTRIBUTE_PROTO__INIT;
        attrs->list[attrs->n] = to;
        to->name = (char *) from->name;
        to->has_i = from->kind == I; /* the type itself is left out, as early writers did */
        to->i = from->i;
        to->has_f = from->kind == F;
        to->f = from->f;
        to->has_s = from->kind == S;
        to->s.data = (guint8 *) from->s;
        to->s.len = from->s ? strlen (from->s) : 0;
        to->n_ints = from->kind == IS ? (size_t) from->n : 0;
        to->ints = (int64_t *) from->ints;
        to->n_floats = from->kind == FS ? (size_t) from->n : 0;
        to->floats = (float *) from->floats;
    }
}

static void
make_picture (Onnx__ValueInfoProto *info)
{
    static Onnx__TensorShapeProto__Dimension dim[4], *dims[4];
    static Onnx__TensorShapeProto shape = ONNX__TENSOR_SHAPE_PROTO__INIT;
    static Onnx__TypeProto__Tensor tensor = ONNX__TYPE_PROTO__TENSOR__INIT;
    static Onnx__TypeProto type = ONNX__TYPE_PROTO__INIT;

    for (int i = 0; i < 4; i++) {
        dim[i] = (Onnx__TensorShapeProto__Dimension) ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT;
        dim[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        dim[i].dim_value = i ? 2 : 1;
        dims[i] = &dim[i];
    }
    shape.n_dim = 4;
    shape.dim = dims;
    tensor.has_elem_type = 1;
    tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor.shape = &shape;
    type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type.tensor_type = &tensor;
    info->type = &type;
}

static FovModel *
load_case (const Case *c, GError **error)
{
    char *in[] = { (char *) "x", (char *) "v" }, *out[] = { (char *) "y", (char *) "z" };
    Attrs attrs;
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    Onnx__NodeProto node = ONNX__NODE_PROTO__INIT, *nodes[] = { &node };
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[] = { &opset };
    Onnx__TensorProto v = ONNX__TENSOR_PROTO__INIT, *weights[] = { &v };
    Onnx__ValueInfoProto x = ONNX__VALUE_INFO_PROTO__INIT, y = x, *xs[] = { &x }, *ys[] = { &y };
    int64_t n_v = c->n_v;
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), "fovea-opset-XXXXXX", NULL);
    g_autofree guint8 *data = NULL;
    FovModel *loaded;
    int fd = g_mkstemp (path);

    assert_true (fd >= 0);
    g_close (fd, NULL);
    make_attrs (&attrs, c);
    make_picture (&x);
    x.name = in[0];
    y.name = out[0];
    v.name = in[1];
    v.n_dims = 1;
    v.dims = &n_v;
    v.has_data_type = 1;
    v.data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    v.n_float_data = (size_t) n_v;
    v.float_data = (float *) c->v;
    node.op_type = (char *) c->op;
    node.n_input = c->n_v ? 2 : 1;
    node.input = in;
    node.n_output = g_str_equal (c->op, "Split") || g_str_equal (c->op, "TopK") ? 2 : 1;
    node.output = out;
    node.n_attribute = (size_t) attrs.n;
    node.attribute = attrs.list;
    opset.has_version = 1;
    opset.version = c->opset;
    graph.n_node = graph.n_initializer = graph.n_input = graph.n_output = 1;
    graph.node = nodes;
    graph.initializer = weights;
    graph.input = xs;
    graph.output = ys;
    model.graph = &graph;
    model.n_opset_import = 1;
    model.opset_import = opsets;
    data = g_malloc (onnx__model_proto__get_packed_size (&model));
    onnx__model_proto__pack (&model, data);
    assert_true (g_file_set_contents (path, (char *) data,
                                      (gssize) onnx__model_proto__get_packed_size (&model), NULL));
    loaded = fov_model_load (path, error);
    g_unlink (path);
    return loaded;
}

static void
test_opsets (void **state)
{
    static const float x[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    GError *error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("reference", &error);

    assert_fov_ok (device != NULL, error);
    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        FovView in = { FOV_F32, { 4, { 1, 2, 2, 2 } }, (void *) x }, out[2] = { 0 };

        print_message ("# %s\n", cases[i].name);
        g_autoptr (FovModel) model = load_case (&cases[i], &error);
        assert_fov_ok (model != NULL, error);
        g_autoptr (FovSession) session = fov_session_new (device, model, NULL, &error);
        assert_fov_ok (session != NULL, error);
        assert_fov_ok (fov_session_run (session, &in, out, &error), error);
        g_autofree char *shape = fov_shape_to_string (&out[0].shape);
        assert_string_equal (shape, cases[i].shape);
        for (gint64 k = 0; k < fov_shape_elements (&out[0].shape); k++)
            assert_float_equal (((const float *) out[0].data)[k], cases[i].expected[k], 1e-6);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_opsets) };

    return RUN ("model-opsets", tests);
}
