/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The TensorFlow.js reader: damaged files, and what small networks compute,
 * with the numbers that their NHWC meaning gives. ' stands for " in the JSON.
 */
#include <math.h>
#include <string.h>

#include "folder.h"
#include <fovea/session.h>

static void
write_file (const char *name, const void *data, gsize size)
{
    g_autofree char *path = in_folder (name);

    assert_true (g_file_set_contents (path, data, (gssize) size, NULL));
}

static FovModel *
load_json (const char *json, GError **error)
{
    g_autofree char *text = g_strdelimit (g_strdup (json), "'", '"');

    write_file ("model.json", text, strlen (text));
    return fov_model_load (folder, error);
}

static FovModel *
load_net (const char *nodes, const char *weights, const void *data, gsize size, GError **error)
{
    g_autofree char *json =
        g_strdup_printf ("{'modelTopology': {'node': [%s]}, "
                         "'weightsManifest': [{'paths': ['w'], 'weights': [%s]}]}",
                         nodes, weights);

    write_file ("w", data, size);
    return load_json (json, error);
}

/* ---- damaged files -------------------------------------------------------- */

#define X                                                                                          \
    "{'name': 'x', 'op': 'Placeholder', 'attr': {'shape': {'shape': {'dim': [{'size': '2'}]}}}}"
#define K "{'name': 'k', 'op': 'Const'}"
#define ADD "{'name': 'y', 'op': 'Add', 'input': ['x', 'k']}"
#define K_FLOAT "{'name': 'k', 'shape': [1], 'dtype': 'float32'}"

static const struct {
    const char *name, *nodes, *weights;
    FovErrorCode code;
    const char *expected;
} nets[] = {
    { "no nodes", "", "", FOV_ERROR_FORMAT, "0 nodes, expected 1 to" },
    { "a node that is a number", "7", "", FOV_ERROR_FORMAT, "node 0 lacks a name" },
    { "a node without an op", "{'name': 'x'}", "", FOV_ERROR_FORMAT, "lacks a name or an op" },
    { "two nodes, one name", X "," X, "", FOV_ERROR_FORMAT, "node 'x' (Placeholder): another" },
    { "input nobody computes", X "," ADD, "", FOV_ERROR_FORMAT,
      "node 'y' (Add): input 1 'k' is no node" },
    { "input that is a number", "{'name': 'y', 'op': 'Relu', 'input': [4]}", "", FOV_ERROR_FORMAT,
      "node 'y' (Relu): input 0 is no name" },
    { "output that is not there", X ",{'name': 'y', 'op': 'Relu', 'input': ['x:3']}", "",
      FOV_ERROR_FORMAT, "is output 3 of node 'x', which has 1" },
    { "too few inputs", X ",{'name': 'y', 'op': 'Add', 'input': ['x']}", "", FOV_ERROR_FORMAT,
      "1 inputs, expected at least 2" },
    { "constant without a weight", X "," K "," ADD, "", FOV_ERROR_FORMAT,
      "node 'k' (Const): its value is missing" },
    { "unknown operator", X ",{'name': 'y', 'op': 'Frobnicate', 'input': ['x']}", "",
      FOV_ERROR_UNSUPPORTED, "node 'y' (Frobnicate): operator is not supported" },
    { "cycle",
      "{'name': 'y', 'op': 'Relu', 'input': ['z']}, {'name': 'z', 'op': 'Relu', 'input': ['y']},"
      "{'name': 'q', 'op': 'Relu', 'input': ['z']}",
      "", FOV_ERROR_FORMAT, "the graph has a cycle" },
    { "control flow that is no picture loop",
      X ",{'name': 's', 'op': 'Switch', 'input': ['x', 'x']},"
        "{'name': 'y', 'op': 'Relu', 'input': ['s']}",
      "", FOV_ERROR_UNSUPPORTED, "node 's' (Switch): control flow" },
    { "nothing left over", X, "", FOV_ERROR_FORMAT, "left over as an output" },
    { "picture without a shape",
      "{'name': 'x', 'op': 'Placeholder'}, {'name': 'y', 'op': 'Relu', 'input': ['x']}", "",
      FOV_ERROR_UNSUPPORTED, "node 'x' (Placeholder): no shape" },
    { "weights file too short", X "," K "," ADD, "{'name': 'k', 'shape': [3], 'dtype': 'float32'}",
      FOV_ERROR_FORMAT, "have 8 bytes, expected 12" },
    { "weights file too long", X "," K "," ADD, K_FLOAT, FOV_ERROR_FORMAT,
      "have 8 bytes, expected 4" },
    { "two weights, one name", X "," K "," ADD, K_FLOAT "," K_FLOAT, FOV_ERROR_FORMAT,
      "two weights have the name 'k'" },
    { "negative size", X, "{'name': 'k', 'shape': [-2], 'dtype': 'float32'}", FOV_ERROR_FORMAT,
      "weight 'k': no usable shape" },
    { "size of text", X, "{'name': 'k', 'shape': ['big'], 'dtype': 'float32'}", FOV_ERROR_FORMAT,
      "weight 'k': no usable shape" },
    { "absurd size", X, "{'name': 'k', 'shape': [4000000000, 4000000000], 'dtype': 'float32'}",
      FOV_ERROR_FORMAT, "weight 'k': no usable shape" },
    { "size beyond the file", X, "{'name': 'k', 'shape': [1000000, 1000000], 'dtype': 'float32'}",
      FOV_ERROR_FORMAT, "have 8 bytes, expected 4000000000000" },
    { "strings", X, "{'name': 'k', 'shape': [1], 'dtype': 'string'}", FOV_ERROR_UNSUPPORTED,
      "weight 'k': type 'string'" },
    { "coded as something else", X,
      "{'name': 'k', 'shape': [1], 'dtype': 'float32', 'quantization': {'dtype': 'int4'}}",
      FOV_ERROR_UNSUPPORTED, "stored as 'int4'" },
    { "weight without a name", X, "{'shape': [1], 'dtype': 'float32'}", FOV_ERROR_FORMAT,
      "without a name" },
    { "a filter of two dimensions",
      X "," K ",{'name': 'y', 'op': 'Conv2D', 'input': ['x', 'k'], 'attr': {'padding': "
        "{'s': [83, 65, 77, 69]}}}",
      "{'name': 'k', 'shape': [2, 1], 'dtype': 'float32'}", FOV_ERROR_SHAPE,
      "an input of 1 dimensions, expected 4" },
    { "an axis that is computed", X ",{'name': 'y', 'op': 'Mean', 'input': ['x', 'x']}", "",
      FOV_ERROR_UNSUPPORTED, "node 'y' (Mean): input 1 is computed" },
    { "parts beyond count",
      X ",{'name': 'y', 'op': 'Unpack', 'input': ['x'], 'attr': {'num': {'i': '1000000'}}}", "",
      FOV_ERROR_UNSUPPORTED, "1000000 parts" },
};

static void
test_damaged (void **state)
{
    static const float data[] = { 1, 2 };

    for (gsize i = 0; i < G_N_ELEMENTS (nets); i++) {
        GError *error = NULL;

        print_message ("# %s\n", nets[i].name);
        /* Where the case is not about weights, the file is empty as the list is. */
        assert_null (load_net (nets[i].nodes, nets[i].weights, data,
                               *nets[i].weights ? sizeof data : 0, &error));
        assert_non_null (strstr (error->message, "model.json: "));
        assert_fov_error (&error, nets[i].code, nets[i].expected);
    }
}

static void
test_files (void **state)
{
    static const struct {
        const char *paths;
        FovErrorCode code;
        const char *expected;
    } files[] = {
        { "'gone'", FOV_ERROR_IO, "weights file 'gone' can not be read" },
        { "'../w'", FOV_ERROR_FORMAT, "'../w', expected a relative path" },
        { "'/etc/passwd'", FOV_ERROR_FORMAT, "'/etc/passwd', expected a relative path" },
        { "'w', 'w'", FOV_ERROR_FORMAT, "path 1 ('w') is no file name or there twice" },
        { "[]", FOV_ERROR_FORMAT, "path 0 ('') is no file name" },
    };
    GError *error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
        g_autofree char *json =
            g_strdup_printf ("{'modelTopology': {'node': [" X "]}, 'weightsManifest': "
                             "[{'paths': [%s], 'weights': [" K_FLOAT "]}]}",
                             files[i].paths);
        write_file ("w", "1234", 4);
        assert_null (load_json (json, &error));
        assert_fov_error (&error, files[i].code, files[i].expected);
    }
}

static void
test_json (void **state)
{
    static const struct {
        const char *text, *expected;
    } texts[] = {
        { "{", "not JSON" },
        { "{}", "no modelTopology" },
        { "{'modelTopology': []}", "no modelTopology" },
        { "{'modelTopology': {'node': {}}}", "0 nodes" },
        { "{'modelTopology': {'model_config': {}}}", "layers model" },
        { "{} /* [ */", "'/' outside a string" },
        { "{'a': '\xff'}", "not JSON" },
    };
    GError *error = NULL;
    g_autoptr (GString) deep = g_string_new ("{'a': ");

    for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
        assert_null (load_json (texts[i].text, &error));
        assert_fov_error (&error, FOV_ERROR_FORMAT, texts[i].expected);
    }
    for (int i = 0; i < 1000000; i++)
        g_string_append_c (deep, '[');
    assert_null (load_json (deep->str, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "nested deeper");
}

/* ---- what networks compute -------------------------------------------------- */

/*
 * The picture is 2 rows, 2 columns, 2 channels; its values in NHWC order are
 * 1 .. 8, so channel 0 is 1 3 5 7 and channel 1 is 2 4 6 8.
 */
#define DIM(n) "{'size': '" #n "'}"
#define PICTURE                                                                                    \
    "{'name': 'x', 'op': 'Placeholder', 'attr': {'dtype': {'type': 1}, 'shape': {'shape': "        \
    "{'dim': [" DIM (1) "," DIM (2) "," DIM (2) "," DIM (2) "]}}}}"
#define CONST(n) ",{'name': '" n "', 'op': 'Const'}"
#define INTS(n, shape) "{'name': '" n "', 'shape': " shape ", 'dtype': 'int32'}"
#define LAST(op, inputs, attr)                                                                     \
    ",{'name': 'y', 'op': '" op "', 'input': [" inputs "], 'attr': {" attr "}}"
#define SAME "'padding': {'s': 'U0FNRQ=='}" /* base64 */
#define VALID "'padding': {'s': [86, 65, 76, 73, 68]}"
#define INT(n, v) "'" n "': {'i': '" #v "'}"
#define LIST(n, v) "'" n "': {'list': {'i': [" v "]}}"

static const struct {
    const char *name, *nodes, *weights;
    union {
        gint32 i[16];
        float f[16];
    } data;
    gsize bytes;
    const char *shape;
    float expected[16];
} computed[] = {
    { "reshape sees NHWC",
      PICTURE CONST ("s") LAST ("Reshape", "'x', 's'", ""),
      INTS ("s", "[2]"),
      { .i = { 2, 4 } },
      8,
      "2x4",
      { 1, 2, 3, 4, 5, 6, 7, 8 } },
    { "transpose of axes by NHWC",
      PICTURE CONST ("p") LAST ("Transpose", "'x', 'p'", ""),
      INTS ("p", "[4]"),
      { .i = { 3, 0, 1, 2 } },
      16,
      "2x1x2x2",
      { 1, 3, 5, 7, 2, 4, 6, 8 } },
    { "bias by channel",
      PICTURE CONST ("b") LAST ("BiasAdd", "'x', 'b'", ""),
      "{'name': 'b', 'shape': [2], 'dtype': 'float32'}",
      { .f = { 10, 20 } },
      8,
      "1x2x2x2",
      { 11, 13, 15, 17, 22, 24, 26, 28 } },
    { "a constant row of columns",
      PICTURE CONST ("b") LAST ("Mul", "'b', 'x'", ""),
      "{'name': 'b', 'shape': [2, 1], 'dtype': 'float32'}",
      { .f = { 1, 10 } },
      8,
      "1x2x2x2",
      { 1, 30, 5, 70, 2, 40, 6, 80 } },
    { "filter HWIO",
      PICTURE CONST ("k") LAST ("Conv2D", "'x', 'k'", SAME "," LIST ("strides", "1, 1, 1, 1")),
      "{'name': 'k', 'shape': [1, 1, 2, 1], 'dtype': 'float32'}",
      { .f = { 1, 100 } },
      8,
      "1x1x2x2",
      { 201, 403, 605, 807 } },
    { "depthwise filter HWCM",
      PICTURE CONST ("k")
          LAST ("DepthwiseConv2dNative", "'x', 'k'", VALID "," LIST ("strides", "1, 1, 1, 1")),
      "{'name': 'k', 'shape': [2, 2, 2, 1], 'dtype': 'float32'}",
      { .f = { 1, 0, 10, 0, 100, 0, 1000, 1 } },
      32,
      "1x2x1x1",
      { 7531, 8 } },
    { "quantised filter",
      PICTURE CONST ("k") LAST ("Conv2D", "'x', 'k'", VALID),
      "{'name': 'k', 'shape': [1, 1, 2, 1], 'dtype': 'float32', 'quantization': "
      "{'dtype': 'uint16', 'scale': 0.5, 'min': -1}}",
      { .i = { 0x00040002 } },
      4,
      "1x1x2x2",
      { 2, 4, 6, 8 } },
    { "SAME pads at the end",
      PICTURE LAST ("MaxPool", "'x'", SAME "," LIST ("ksize", "1, 2, 2, 1")),
      "",
      { .i = { 0 } },
      0,
      "1x2x2x2",
      { 7, 7, 7, 7, 8, 8, 8, 8 } },
    { "mean over the picture",
      PICTURE CONST ("a") LAST ("Mean", "'x', 'a'", ""),
      INTS ("a", "[2]"),
      { .i = { 1, 2 } },
      8,
      "1x2",
      { 4, 5 } },
    { "sum over rows, kept",
      PICTURE CONST ("a") LAST ("Sum", "'x', 'a'", "'keep_dims': {'b': true}"),
      INTS ("a", "[1]"),
      { .i = { 1 } },
      4,
      "1x2x1x2",
      { 6, 10, 8, 12 } },
    { "join of channels",
      PICTURE CONST ("a") LAST ("ConcatV2", "'x', 'x', 'a'", ""),
      INTS ("a", "[]"),
      { .i = { -1 } },
      4,
      "1x4x2x2",
      { 1, 3, 5, 7, 2, 4, 6, 8, 1, 3, 5, 7, 2, 4, 6, 8 } },
    { "paddings by NHWC",
      PICTURE CONST ("p") LAST ("Pad", "'x', 'p'", ""),
      INTS ("p", "[4, 2]"),
      { .i = { 0, 0, 0, 0, 1, 0, 0, 0 } },
      32,
      "1x2x2x3",
      { 0, 1, 3, 0, 5, 7, 0, 2, 4, 0, 6, 8 } },
    { "shape by NHWC, one element of it",
      PICTURE CONST ("p") CONST ("b") CONST ("e") CONST (
          "m") ",{'name': 'z', 'op': 'Pad', 'input': ['x', 'p']}"
               ",{'name': 's', 'op': 'Shape', 'input': ['z']}"
               ",{'name': 'c', 'op': 'StridedSlice', 'input': ['s', 'b', 'e', 'e'], "
               "'attr': {'shrink_axis_mask': {'i': '1'}}}"
               ",{'name': 'd', 'op': 'Pack', 'input': ['c', 'm']}" LAST ("Reshape", "'z', 'd'", ""),
      INTS ("p", "[4, 2]") "," INTS ("b", "[1]") "," INTS ("e", "[1]") "," INTS ("m", "[]"),
      { .i = { 0, 0, 0, 0, 1, 0, 0, 0, 2, 1, -1 } },
      44,
      "3x4",
      { 0, 0, 1, 2, 3, 4, 0, 0, 5, 6, 7, 8 } },
    { "slice of rows",
      PICTURE CONST ("b") CONST ("n") LAST ("Slice", "'x', 'b', 'n'", ""),
      INTS ("b", "[4]") "," INTS ("n", "[4]"),
      { .i = { 0, 1, 0, 0, -1, 1, -1, 1 } },
      32,
      "1x1x2x1",
      { 5, 7 } },
    { "unpacked rows",
      PICTURE LAST ("Unpack", "'x'", INT ("num", 2) "," INT ("axis", 1)),
      "",
      { .i = { 0 } },
      0,
      "1x2x2",
      { 1, 2, 3, 4 } },
    { "resize, corners aligned",
      PICTURE CONST ("s") LAST ("ResizeBilinear", "'x', 's'", "'align_corners': {'b': true}"),
      INTS ("s", "[2]"),
      { .i = { 1, 3 } },
      8,
      "1x2x1x3",
      { 1, 2, 3, 2, 3, 4 } },
};

static FovModel *
load_computed (gsize i, GError **error)
{
    return load_net (computed[i].nodes, computed[i].weights, &computed[i].data, computed[i].bytes,
                     error);
}

static void
test_computed (void **state)
{
    static const float nchw[] = { 1, 3, 5, 7, 2, 4, 6, 8 };
    GError *error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("reference", &error);

    assert_fov_ok (device != NULL, error);
    for (gsize i = 0; i < G_N_ELEMENTS (computed); i++) {
        FovView in = { FOV_F32, { 4, { 1, 2, 2, 2 } }, (void *) nchw }, out[2] = { 0 };

        print_message ("# %s\n", computed[i].name);
        g_autoptr (FovModel) model = load_computed (i, &error);
        assert_fov_ok (model != NULL, error);
        g_autoptr (FovSession) session = fov_session_new (device, model, NULL, &error);
        assert_fov_ok (session != NULL, error);
        assert_fov_ok (fov_session_run (session, &in, out, &error), error);
        g_autofree char *shape = fov_shape_to_string (&out[0].shape);
        assert_string_equal (shape, computed[i].shape);
        for (gint64 k = 0; k < fov_shape_elements (&out[0].shape); k++)
            assert_float_equal (((const float *) out[0].data)[k], computed[i].expected[k], 1e-5);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_computed),
        cmocka_unit_test (test_damaged),
        cmocka_unit_test (test_files),
        cmocka_unit_test (test_json),
    };

    return RUN_IN_FOLDER ("model-tfjs", tests);
}
