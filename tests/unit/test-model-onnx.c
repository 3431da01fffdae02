/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ONNX reader on a small network, whole and broken in every way we could think of. */
#include <string.h>

#include "folder.h"
#include "graph/op.h"
#include "model/model.h"
#include "model/onnx.pb-c.h"

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x
#define ATTR(x) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##x

/* ---- the network: z = Relu (Conv (x, w)), x 1x1x4x4, w 1x1x3x3 ---------- */

typedef struct {
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    Onnx__NodeProto node[2], *nodes[2];
    char *conv_in[4], *conv_out[2], *relu_in[2], *relu_out[2];
    Onnx__AttributeProto attr, *attrs[1];
    Onnx__TensorProto w, other, *weights[2];
    int64_t dims[9], ints[20];
    float values[9];
    int32_t int32s[9];
    Onnx__StringStringEntryProto entry[3], *entries[3];
    Onnx__ValueInfoProto x, z, x2, *inputs[2], *outputs[2];
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor tensor_type;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dim[9], *dim_list[9];
} Net;

static void
net_input (Net *net)
{
    net->shape = (Onnx__TensorShapeProto) ONNX__TENSOR_SHAPE_PROTO__INIT;
    for (int i = 0; i < 9; i++) {
        net->dim[i] = (Onnx__TensorShapeProto__Dimension) ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT;
        net->dim[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        net->dim[i].dim_value = i < 2 ? 1 : 4;
        net->dim_list[i] = &net->dim[i];
    }
    net->shape.n_dim = 4;
    net->shape.dim = net->dim_list;
    net->tensor_type = (Onnx__TypeProto__Tensor) ONNX__TYPE_PROTO__TENSOR__INIT;
    net->tensor_type.has_elem_type = 1;
    net->tensor_type.elem_type = TYPE (FLOAT);
    net->tensor_type.shape = &net->shape;
    net->type = (Onnx__TypeProto) ONNX__TYPE_PROTO__INIT;
    net->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    net->type.tensor_type = &net->tensor_type;
    net->x = net->x2 = net->z = (Onnx__ValueInfoProto) ONNX__VALUE_INFO_PROTO__INIT;
    net->x.name = (char *) "x";
    net->x2.name = (char *) "w";
    net->z.name = (char *) "z";
    net->x.type = net->x2.type = net->z.type = &net->type;
    net->inputs[0] = &net->x;
    net->inputs[1] = &net->x2;
    net->outputs[0] = net->outputs[1] = &net->z;
}

static void
net_weight (Net *net)
{
    static const char *const keys[] = { "location", "offset", "length" };

    net->w = net->other = (Onnx__TensorProto) ONNX__TENSOR_PROTO__INIT;
    net->w.name = (char *) "w";
    net->other.name = (char *) "v";
    for (int i = 0; i < 9; i++) {
        net->dims[i] = i < 2 ? 1 : 3;
        net->values[i] = (float) i;
        net->int32s[i] = 0x3c00; /* 1 as a half */
    }
    net->w.n_dims = 4;
    net->w.dims = net->dims;
    net->w.has_data_type = 1;
    net->w.data_type = TYPE (FLOAT);
    net->w.n_float_data = 9;
    net->w.float_data = net->values;
    for (int i = 0; i < 3; i++) {
        net->entry[i] = (Onnx__StringStringEntryProto) ONNX__STRING_STRING_ENTRY_PROTO__INIT;
        net->entry[i].key = (char *) keys[i];
        net->entries[i] = &net->entry[i];
    }
    net->weights[0] = &net->w;
    net->weights[1] = &net->other;
}

static void
net_nodes (Net *net)
{
    net->node[0] = net->node[1] = (Onnx__NodeProto) ONNX__NODE_PROTO__INIT;
    net->conv_in[0] = (char *) "x";
    net->conv_in[1] = (char *) "w";
    net->conv_in[2] = net->conv_in[3] = (char *) "";
    net->conv_out[0] = net->relu_in[0] = (char *) "y";
    net->conv_out[1] = net->relu_out[1] = net->relu_in[1] = (char *) "";
    net->relu_out[0] = (char *) "z";
    net->node[0].name = (char *) "first";
    net->node[0].op_type = (char *) "Conv";
    net->node[0].n_input = 2;
    net->node[0].input = net->conv_in;
    net->node[0].n_output = 1;
    net->node[0].output = net->conv_out;
    net->attr = (Onnx__AttributeProto) ONNX__ATTRIBUTE_PROTO__INIT;
    net->attr.name = (char *) "group";
    net->attr.has_type = 1;
    net->attr.type = ATTR (INT);
    net->attr.has_i = 1;
    net->attr.i = 1;
    net->attrs[0] = &net->attr;
    net->node[0].n_attribute = 1;
    net->node[0].attribute = net->attrs;
    net->node[1].name = (char *) "second";
    net->node[1].op_type = (char *) "Relu";
    net->node[1].n_input = 1;
    net->node[1].input = net->relu_in;
    net->node[1].n_output = 1;
    net->node[1].output = net->relu_out;
    net->nodes[0] = &net->node[0];
    net->nodes[1] = &net->node[1];
}

static void
net_make (Net *net)
{
    memset (net, 0, sizeof *net);
    net_input (net);
    net_weight (net);
    net_nodes (net);
    net->opset = (Onnx__OperatorSetIdProto) ONNX__OPERATOR_SET_ID_PROTO__INIT;
    net->opset.has_version = 1;
    net->opset.version = 13;
    net->opsets[0] = &net->opset;
    net->graph = (Onnx__GraphProto) ONNX__GRAPH_PROTO__INIT;
    net->graph.n_node = 2;
    net->graph.node = net->nodes;
    net->graph.n_initializer = 1;
    net->graph.initializer = net->weights;
    net->graph.n_input = 1;
    net->graph.input = net->inputs;
    net->graph.n_output = 1;
    net->graph.output = net->outputs;
    net->model = (Onnx__ModelProto) ONNX__MODEL_PROTO__INIT;
    net->model.graph = &net->graph;
    net->model.n_opset_import = 1;
    net->model.opset_import = net->opsets;
}

/* ---- files ----------------------------------------------------------------- */

static int
make_data (void **state)
{
    int failed = make_folder (state);

    lay ("data.bin", "0123456789abcdef0123456789abcdef0123456789");
    return failed;
}

static FovModel *
load_bytes (const guint8 *data, gsize size, GError **error)
{
    g_autofree char *path = in_folder ("m.onnx");

    assert_true (g_file_set_contents (path, (const char *) data, (gssize) size, NULL));
    return fov_model_load (path, error);
}

static guint8 *
net_pack (const Net *net, gsize *size)
{
    guint8 *data;

    *size = onnx__model_proto__get_packed_size (&net->model);
    data = g_malloc (*size + 1);
    onnx__model_proto__pack (&net->model, data);
    return data;
}

static FovModel *
net_load (const Net *net, GError **error)
{
    gsize size;
    g_autofree guint8 *data = net_pack (net, &size);

    return load_bytes (data, size, error);
}

/* ---- broken in one place each ------------------------------------------------- */

#define BREAK(name, ...)                                                                           \
    static void break_##name (Net *net)                                                            \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

BREAK (opset_old, net->opset.version = 6;)
BREAK (opset_new, net->opset.version = 21;)
BREAK (opset_none, net->model.n_opset_import = 0;)
BREAK (no_graph, net->model.graph = NULL;)
BREAK (no_outputs, net->graph.n_output = 0;)
BREAK (output_unknown, net->z.name = (char *) "q";)
BREAK (output_twice, net->graph.n_output = 2;)
BREAK (input_missing, net->conv_in[0] = (char *) "nowhere";)
BREAK (weights_missing, net->graph.n_initializer = 0;)
BREAK (op_unknown, net->node[1].op_type = (char *) "Frobnicate";)
BREAK (op_quantised, net->node[0].op_type = (char *) "QLinearConv";)
BREAK (op_loop, net->node[0].op_type = (char *) "Loop";)
BREAK (domain, net->node[0].domain = (char *) "com.microsoft";)
BREAK (name_twice, net->relu_out[0] = (char *) "y"; net->z.name = (char *) "y";)
BREAK (name_of_input, net->relu_out[0] = (char *) "x"; net->z.name = (char *) "x";)
BREAK (weight_twice, net->graph.n_initializer = 2; net->other = net->w;)
BREAK (cycle, net->conv_in[0] = (char *) "z";)
BREAK (self, net->relu_in[0] = (char *) "z";)
BREAK (no_output, net->node[1].n_output = 0;)
BREAK (attr_unknown, net->attr.name = (char *) "colour";)
BREAK (attr_type, net->attr.type = ATTR (STRING);)
BREAK (attr_strings, net->attr.type = ATTR (STRINGS);)
BREAK (attr_long, net->attr.name = (char *) "pads"; net->attr.type = ATTR (INTS);
       net->attr.n_ints = 20; net->attr.ints = net->ints;)
BREAK (dims_negative, net->dims[0] = -3;)
BREAK (dims_absurd, net->dims[0] = G_MAXINT64; net->dims[1] = G_MAXINT64;)
BREAK (dims_large, net->dims[0] = 1 << 20; net->dims[1] = 1 << 20;)
BREAK (dims_many, net->w.n_dims = 9;)
BREAK (values_few, net->w.n_float_data = 8;)
BREAK (values_other, net->w.data_type = TYPE (INT64);)
BREAK (type_string, net->w.data_type = TYPE (STRING);)
BREAK (type_number, net->w.data_type = 77;)
BREAK (type_negative, net->w.data_type = -1;)
BREAK (raw_short, net->w.has_raw_data = 1; net->w.raw_data.len = 35;
       net->w.raw_data.data = (guint8 *) net->values;)
BREAK (input_rank, net->shape.n_dim = 9;)
BREAK (input_size, net->dim[0].dim_value = (gint64) 1 << 40;)
BREAK (input_type, net->tensor_type.elem_type = TYPE (STRING);)
BREAK (input_untyped, net->x.type = NULL;)
BREAK (input_shapeless, net->tensor_type.shape = NULL;)

static void
external (Net *net, const char *location, const char *offset, const char *length)
{
    net->w.n_float_data = 0;
    net->w.has_data_location = 1;
    net->w.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    net->w.n_external_data = 3;
    net->w.external_data = net->entries;
    net->entry[0].value = (char *) location;
    net->entry[1].value = (char *) offset;
    net->entry[2].value = (char *) length;
}

BREAK (external_absolute, external (net, "/etc/passwd", "0", "36");)
BREAK (external_up, external (net, "../data.bin", "0", "36");)
BREAK (external_inside_up, external (net, "a/../../data.bin", "0", "36");)
BREAK (external_empty, external (net, "", "0", "36");)
BREAK (external_none, external (net, "gone.bin", "0", "36");)
BREAK (external_folder, external (net, ".", "0", "36");)
BREAK (external_beyond, external (net, "data.bin", "40", "36");)
BREAK (external_overflow, external (net, "data.bin", "18446744073709551615", "36");)
BREAK (external_negative, external (net, "data.bin", "-1", "36");)
BREAK (external_length, external (net, "data.bin", "0", "35");)
BREAK (external_nowhere, external (net, NULL, "0", "36");)

static const struct {
    const char *name;
    void (*change) (Net *net);
    FovErrorCode code;
    const char *expected;
} broken[] = {
    { "opset too old", break_opset_old, FOV_ERROR_UNSUPPORTED, "opset 6, expected 7 to 20" },
    { "opset too new", break_opset_new, FOV_ERROR_UNSUPPORTED, "opset 21, expected 7 to 20" },
    { "no opset", break_opset_none, FOV_ERROR_FORMAT, "imports no operator set" },
    { "no graph", break_no_graph, FOV_ERROR_FORMAT, "it has no graph" },
    { "no outputs", break_no_outputs, FOV_ERROR_FORMAT, "no outputs" },
    { "output nobody computes", break_output_unknown, FOV_ERROR_FORMAT,
      "output 'q' is computed by no node" },
    { "output twice", break_output_twice, FOV_ERROR_FORMAT, "output 'z' is listed twice" },
    { "input nobody computes", break_input_missing, FOV_ERROR_FORMAT,
      "node 'first' (Conv): input 0 'nowhere'" },
    { "weights left out", break_weights_missing, FOV_ERROR_FORMAT,
      "node 'first' (Conv): input 1 'w'" },
    { "unknown operator", break_op_unknown, FOV_ERROR_UNSUPPORTED,
      "node 'second': operator 'Frobnicate'" },
    { "quantised operator", break_op_quantised, FOV_ERROR_UNSUPPORTED,
      "node 'first' (QLinearConv): quantised" },
    { "control flow", break_op_loop, FOV_ERROR_UNSUPPORTED, "node 'first' (Loop): control flow" },
    { "foreign domain", break_domain, FOV_ERROR_UNSUPPORTED,
      "node 'first' (Conv): operator of domain 'com.microsoft'" },
    { "two nodes, one name", break_name_twice, FOV_ERROR_FORMAT, "node 'second': output 'y'" },
    { "a node and an input, one name", break_name_of_input, FOV_ERROR_FORMAT,
      "node 'second': output 'x' is an input" },
    { "two weights, one name", break_weight_twice, FOV_ERROR_FORMAT,
      "two values have the name 'w'" },
    { "cycle", break_cycle, FOV_ERROR_FORMAT, "the graph has a cycle" },
    { "its own input", break_self, FOV_ERROR_FORMAT, "node 'second' (Relu) depends on its own" },
    { "node without outputs", break_no_output, FOV_ERROR_FORMAT, "node 'second' (Relu)" },
    { "unknown attribute", break_attr_unknown, FOV_ERROR_SHAPE, "attribute 'colour'" },
    { "attribute of another type", break_attr_type, FOV_ERROR_SHAPE,
      "node 'first' (Conv): attribute 'group' is '', expected an integer" },
    { "attribute of strings", break_attr_strings, FOV_ERROR_UNSUPPORTED, "is of type 8" },
    { "attribute too long", break_attr_long, FOV_ERROR_SHAPE, "'pads' is 20 integers" },
    { "negative size", break_dims_negative, FOV_ERROR_FORMAT, "constant 'w': impossible shape" },
    { "sizes that overflow", break_dims_absurd, FOV_ERROR_FORMAT, "constant 'w': impossible" },
    { "sizes the file has no data for", break_dims_large, FOV_ERROR_FORMAT,
      "9 values, expected 9895604649984" },
    { "nine dimensions", break_dims_many, FOV_ERROR_UNSUPPORTED, "9 dimensions" },
    { "too few values", break_values_few, FOV_ERROR_FORMAT, "8 values, expected 9" },
    { "values in another list", break_values_other, FOV_ERROR_FORMAT, "0 values, expected 9" },
    { "strings", break_type_string, FOV_ERROR_UNSUPPORTED, "constant 'w': string (type 8)" },
    { "a type nobody knows", break_type_number, FOV_ERROR_UNSUPPORTED, "(type 77)" },
    { "a negative type", break_type_negative, FOV_ERROR_UNSUPPORTED, "(type -1)" },
    { "raw data too short", break_raw_short, FOV_ERROR_FORMAT, "35 bytes of data, expected 36" },
    { "input of nine dimensions", break_input_rank, FOV_ERROR_UNSUPPORTED, "input 'x': 9 dim" },
    { "input of absurd size", break_input_size, FOV_ERROR_FORMAT, "input 'x': dimension 0 is" },
    { "input of strings", break_input_type, FOV_ERROR_UNSUPPORTED, "input 'x': type string" },
    { "input without a type", break_input_untyped, FOV_ERROR_UNSUPPORTED, "not a tensor" },
    { "input without a shape", break_input_shapeless, FOV_ERROR_UNSUPPORTED, "no shape" },
    { "data: absolute path", break_external_absolute, FOV_ERROR_FORMAT, "'/etc/passwd'" },
    { "data: path upwards", break_external_up, FOV_ERROR_FORMAT, "'../data.bin'" },
    { "data: path down and up", break_external_inside_up, FOV_ERROR_FORMAT, "relative path" },
    { "data: empty path", break_external_empty, FOV_ERROR_FORMAT, "relative path" },
    { "data: no such file", break_external_none, FOV_ERROR_IO, "external data 'gone.bin'" },
    { "data: a folder", break_external_folder, FOV_ERROR_IO, "not a regular file" },
    { "data: beyond the end", break_external_beyond, FOV_ERROR_FORMAT, "'data.bin' has 42" },
    { "data: offset overflows", break_external_overflow, FOV_ERROR_FORMAT, "offset is" },
    { "data: negative offset", break_external_negative, FOV_ERROR_FORMAT, "offset is '-1'" },
    { "data: length not the shape's", break_external_length, FOV_ERROR_FORMAT, "35 bytes" },
    { "data: no location", break_external_nowhere, FOV_ERROR_FORMAT, "without a location" },
};

static void
test_broken (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (broken); i++) {
        GError *error = NULL;
        Net net;

        print_message ("# %s\n", broken[i].name);
        net_make (&net);
        broken[i].change (&net);
        assert_null (net_load (&net, &error));
        assert_non_null (strstr (error->message, "m.onnx: "));
        assert_fov_error (&error, broken[i].code, broken[i].expected);
    }
}

/* Cut anywhere, the file is refused: its outputs come last. */
static void
test_truncated (void **state)
{
    GError *error = NULL;
    gsize size;
    Net net;

    net_make (&net);
    g_autofree guint8 *data = net_pack (&net, &size);
    for (gsize n = 0; n < size - 6; n++) { /* the opset's own six bytes end the file */
        assert_null (load_bytes (data, n, &error));
        assert_fov_error (&error, FOV_ERROR_FORMAT, "m.onnx: ");
    }
}

static void
test_other_content (void **state)
{
    static const struct {
        const char *data;
        gsize size;
        FovErrorCode code;
        const char *expected;
    } files[] = {
        { "", 0, FOV_ERROR_FORMAT, "empty" },
        { "<html>", 6, FOV_ERROR_FORMAT, "not a whole ONNX model" },
        { "version https://git-lfs.github.com", 34, FOV_ERROR_FORMAT, "git lfs pull" },
        { "\x1c\0\0\0TFL3", 8, FOV_ERROR_UNSUPPORTED, "TensorFlow Lite" },
        { "\x08\x07", 2, FOV_ERROR_FORMAT, "no graph" },
        { "\x3a\xff\xff\xff\xff\x0f", 6, FOV_ERROR_FORMAT, "reaches beyond its end" },
        { "{", 1, FOV_ERROR_FORMAT, "JSON" },
    };
    GError *error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
        assert_null (load_bytes ((const guint8 *) files[i].data, files[i].size, &error));
        assert_fov_error (&error, files[i].code, files[i].expected);
    }
    assert_null (fov_model_load ("/nonexistent/m.onnx", &error));
    assert_fov_error (&error, FOV_ERROR_IO, "/nonexistent/m.onnx");
    assert_null (fov_model_load (folder, &error));
    assert_fov_error (&error, FOV_ERROR_IO, "model.json");
    assert_null (fov_model_load ("/dev/zero", &error));
    assert_fov_error (&error, FOV_ERROR_IO, "regular");
}

/* Graph in node in attribute in graph ...: a small file must not use up the stack. */
static void
test_nesting (void **state)
{
    static const guint8 tags[] = { 0x3a, 0x0a, 0x2a, 0x32 }; /* graph, node, attribute, g */
    GError *error = NULL;
    g_autoptr (GByteArray) bytes = g_byte_array_new ();

    for (int depth = 20000; depth >= 0; depth--) { /* written from the inside out */
        guint8 tag = depth == 0 ? tags[0] : tags[1 + (depth - 1) % 3], varint[5];
        guint n = 0;
        for (guint size = bytes->len;; size >>= 7) {
            varint[n++] = (guint8) (size & 0x7f) | (size > 0x7f ? 0x80 : 0);
            if (size <= 0x7f)
                break;
        }
        g_byte_array_prepend (bytes, varint, n);
        g_byte_array_prepend (bytes, &tag, 1);
    }
    assert_null (load_bytes (bytes->data, bytes->len, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "nested too deeply");
}

/* ---- what is read right ------------------------------------------------------------ */

static const FovTensor *
weight_of (FovModel *model)
{
    const FovTensor *w = fov_graph_find (fov_model_graph (model), "w");

    assert_non_null (w);
    assert_non_null (w->data);
    assert_int_equal (w->dtype, FOV_F32);
    return w;
}

static void
test_whole (void **state)
{
    GError *error = NULL;
    FovTensorInfo info;
    Net net;

    net_make (&net);
    net.dim[0].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    net.dim[0].dim_param = (char *) "batch";
    net.dim[2].dim_value = 0;
    net.graph.n_input = 2; /* the weight too, as old files have it */
    net.nodes[0] = &net.node[1];
    net.nodes[1] = &net.node[0]; /* out of order */
    g_autoptr (FovModel) model = net_load (&net, &error);
    assert_fov_ok (model != NULL, error);
    assert_string_equal (fov_model_format (model), "ONNX opset 13");
    assert_int_equal (fov_model_n_inputs (model), 1);
    assert_int_equal (fov_model_n_outputs (model), 1);
    fov_model_input (model, 0, &info);
    assert_string_equal (info.name, "x");
    assert_true (fov_shape_equal (&info.shape, &(FovShape){ 4, { -1, 1, -1, 4 } }));
    fov_model_output (model, 0, &info);
    assert_string_equal (info.name, "z");
    assert_float_equal (((const float *) g_bytes_get_data (weight_of (model)->data, NULL))[8], 8,
                        0);
    assert_null (fov_model_metadata (model, "names"));
}

/* The same values however they are written. */
static void
test_weight_forms (void **state)
{
    static const guint16 halves[9] = { 0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x3c00,
                                       0x3c00, 0x3c00, 0x3c00, 0x3c00 };
    static const guint16 brains[9] = { 0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x3f80,
                                       0x3f80, 0x3f80, 0x3f80, 0x3f80 };
    static const double doubles[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    static const float floats[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    const struct {
        gint32 type;
        const void *raw;
        gsize size;
    } forms[] = {
        { TYPE (FLOAT), floats, sizeof floats },
        { TYPE (DOUBLE), doubles, sizeof doubles },
        { TYPE (FLOAT16), halves, sizeof halves },
        { TYPE (BFLOAT16), brains, sizeof brains },
        { TYPE (FLOAT16), NULL, 0 }, /* int32_data */
    };

    for (gsize i = 0; i < G_N_ELEMENTS (forms); i++) {
        GError *error = NULL;
        Net net;

        net_make (&net);
        net.w.data_type = forms[i].type;
        net.w.n_float_data = 0;
        net.w.has_raw_data = forms[i].raw != NULL;
        net.w.raw_data.data = (guint8 *) forms[i].raw;
        net.w.raw_data.len = forms[i].size;
        net.w.n_int32_data = forms[i].raw ? 0 : 9;
        net.w.int32_data = net.int32s;
        g_autoptr (FovModel) model = net_load (&net, &error);
        assert_fov_ok (model != NULL, error);
        for (int k = 0; k < 9; k++)
            assert_float_equal (((const float *) g_bytes_get_data (weight_of (model)->data,
                                                                   NULL))[k],
                                1, 0);
    }
}

static void
test_external (void **state)
{
    GError *error = NULL;
    Net net;

    net_make (&net);
    external (&net, "data.bin", "3", "36"); /* at no multiple of four */
    g_autoptr (FovModel) model = net_load (&net, &error);
    assert_fov_ok (model != NULL, error);
    assert_memory_equal (g_bytes_get_data (weight_of (model)->data, NULL),
                         "3456789abcdef0123456789abcdef0123456", 36);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_whole),     cmocka_unit_test (test_weight_forms),
        cmocka_unit_test (test_external),  cmocka_unit_test (test_broken),
        cmocka_unit_test (test_truncated), cmocka_unit_test (test_other_content),
        cmocka_unit_test (test_nesting),
    };

    return cmocka_run_group_tests_name ("model-onnx", tests, make_data, remove_folder);
}
