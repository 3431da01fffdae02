/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nodes that do not fit are refused by inference, with a message that says why. */
#include "node.h"

/* inputs: shapes "1x3x8x8 i64:2 ...", "-" left out, "=v,v" a constant int64 vector. */
static const struct {
    const char *op, *inputs, *attrs, *message;
} bad[] = {
    /* windows */
    { "Conv", "1x3x8 4x3x3x3", "", "expected rank 4" },
    { "Conv", "1x4x8x8 4x3x3x3", "", "the input has 4 channels, the weights are for 3" },
    { "Conv", "1x6x8x8 4x2x3x3", "group=3", "group 3 does not divide" },
    { "Conv", "1x6x8x8 4x2x3x3", "group=0", "group 0 does not divide" },
    { "Conv", "1x3x8x8 4x3x3x3", "kernel_shape=5,5", "kernel_shape is 5x5" },
    { "Conv", "1x3x8x8 4x3x3x3 3", "", "expected a vector of 4" },
    { "Conv", "1x3x8x8 4x3x3x3 4 1x4x8x8", "", "the residual has shape 1x4x8x8" },
    { "Conv", "1x3x8x2 4x3x3x3", "", "the kernel covers 3 pixels" },
    { "Conv", "1x3x8x8 4x3x3x3", "strides=0,1", "strides has an entry 0" },
    { "Conv", "1x3x8x8 4x3x3x3", "strides=1", "strides has 1 entries, expected 2" },
    { "Conv", "1x3x8x8 4x3x3x3", "pads=-1,0,0,0", "pads has an entry -1" },
    { "Conv", "1x3x8x8 4x3x3x3", "dilations=99999,1", "dilations has an entry 99999" },
    { "Conv", "1x3x0x8 4x3x3x3", "", "the kernel covers" },
    { "Conv", "i32:1x3x8x8 i32:4x3x3x3", "", "input 0 ('x0') is of type int32" },
    { "Conv", "1x3x8x8 f64:4x3x3x3", "", "input 1 ('x1') is of type float64, expected float32" },
    { "Conv", "1x3x60000x60000 4x3x1x1", "", "too large" },
    { "ConvTranspose", "1x3x4x4 3x2x3x3", "pads=9,9,9,9", "leaves -12 pixels" },
    { "ConvTranspose", "1x4x4x4 3x2x3x3", "", "the input has 4 channels" },
    { "ConvTranspose", "1x3x4x4 3x2x3x3", "output_shape=0,4", "output_shape has an entry 0" },
    { "MaxPool", "1x3x8x8", "", "kernel_shape is missing" },
    { "MaxPool", "1x3x8x8", "kernel_shape=9,9", "the kernel covers 9 pixels" },
    { "MaxPool", "1x3x8x8", "kernel_shape=2,2;pads=2,0,0,0", "expected less than the kernel's 2" },
    { "AveragePool", "i64:1x3x8x8", "kernel_shape=2,2", "is of type int64" },
    { "GlobalAveragePool", "1x3x0x0", "", "empty" },
    { "GlobalMaxPool", "1x3", "", "rank 3 to 8" },
    /* elementwise */
    { "Sigmoid", "i64:4", "", "is of type int64" },
    { "Clip", "4 2", "", "input 1 (min) has 2 elements" },
    { "Cast", "4", "to=8", "ONNX data type 8" },
    { "Not", "4", "", "expected bool" },
    { "Gelu", "4", "approximate='tanh", "only the exact form" },
    { "Add", "2x3 4x3", "", "shapes 2x3 and 4x3 do not broadcast" },
    { "Add", "2x3 f64:2x3", "", "is of type float64" },
    { "Add", "65536x1 1x65536", "", "too large" },
    { "Mod", "4 4", "", "fmod must be 1" },
    { "PRelu", "1x3 2x3", "", "the slope's shape 2x3" },
    { "And", "4 4", "", "expected bool" },
    { "Where", "4 4 4", "", "expected bool" },
    /* shapes and moves */
    { "Reshape", "2x3 =4,2", "", "2x3 (6 elements) does not reshape to 4x2" },
    { "Reshape", "2x3 =-1,-1", "", "shape has -1 in dimension 1" },
    { "Reshape", "2x3 =-2,3", "", "shape has -2" },
    { "Reshape", "2x3 =6,1,0", "", "shape has a 0 in dimension 2" },
    { "Reshape", "2x3 =1,1,1,1,1,1,1,1,6", "", "shape has 9 entries" },
    { "Reshape", "2x3 =4611686018427387904,4,6", "", "shape has" },
    { "Reshape", "2x3 6", "", "is of type float32" },
    { "Flatten", "2x3", "axis=3", "axis 3 is out of range" },
    { "Squeeze", "2x3 =0", "", "axis 0 has size 2" },
    { "Squeeze", "1x3 =0,-2", "", "axis 0 is given twice" },
    { "Unsqueeze", "2x3 =5", "", "axis 5 is out of range for a tensor of rank 3" },
    { "ConstantOfShape", "=-1", "", "negative size, -1" },
    { "ConstantOfShape", "=65536,65536", "", "too large" },
    { "ConstantOfShape", "=4", "dtype=8", "ONNX data type 8" },
    { "Range", "=0 =9 =0", "", "delta is 0" },
    { "Range", "=0 =9000000000000 =1", "", "too long" },
    { "Transpose", "2x3", "perm=0,0", "axis 0 is given twice" },
    { "Transpose", "2x3", "perm=0", "perm has 1 entries" },
    { "Concat", "2x3 2x4", "axis=0", "does not join 2x3" },
    { "Concat", "2x3 2x3", "axis=2", "axis 2 is out of range" },
    { "Split", "2x3", "axis=1;num_outputs=2", "num_outputs is 2, but there are 1" },
    { "Split", "2x3 =2", "axis=1", "split adds up to 2, expected 3" },
    { "Slice", "2x3 =0 =1 =2", "", "axis 2 is out of range" },
    { "Slice", "2x3 =0,0 =1", "", "ends has 1 entries, starts has 2" },
    { "Slice", "2x3 =0 =1 =0 =0", "", "steps has a 0" },
    { "Pad", "2x3 =1,1", "", "pads has 2 entries for 2 axes, expected 4" },
    { "Pad", "2x3 =-3,0,0,0", "", "pads -3 and 0 do not fit dimension 0" },
    { "Pad", "2x3 =2,0,0,0", "mode='reflect", "in mode 'reflect'" },
    { "Expand", "2x3 =4,1", "", "do not broadcast" },
    { "Tile", "2x3 =2", "", "repeats has 1 entries" },
    { "Tile", "2x3 =2,-1", "", "repeats has an entry -1" },
    { "Tile", "2x3 =9223372036854775807,2", "", "out of range" },
    { "Trilu", "4", "", "rank 2 to 8" },
    { "Resize", "1x3x4x4", "", "either scales or sizes" },
    { "Resize", "1x3x4x4 - - =1,3", "", "sizes has 2 entries, expected 4" },
    { "Resize", "1x3x4x4 - - =1,3,0,8", "", "sizes has an entry 0" },
    { "Resize", "1x3x4x4 - - =1,3,8,8", "axes=1,1,2,3", "axis 1 is given twice" },
    { "DepthToSpace", "1x6x2x2", "blocksize=2", "blocksize 2 does not divide" },
    { "SpaceToDepth", "1x1x3x4", "blocksize=2", "blocksize 2 does not divide" },
    { "SpaceToDepth", "1x1x4x4", "blocksize=0", "blocksize is 0" },
    { "fov.ChannelMap", "1x4x2x2 1x4x2x2", "", "constant int32 map" },
    /* gathers */
    { "Gather", "2x3 4", "", "is of type float32, expected int32, int64" },
    { "Gather", "2x3 =0", "axis=2", "axis 2 is out of range" },
    { "GatherElements", "2x3 i64:3x3", "axis=1", "exceed the data's 2x3" },
    { "GatherND", "2x3 i64:4x3", "", "indices have 3 entries, expected 1 to 2" },
    { "ScatterND", "2x3 i64:4x1 4x2", "", "updates have shape 4x2, expected 4x3" },
    { "ScatterElements", "2x3 i64:1x3 2x3", "", "differ in shape" },
    { "OneHot", "i64:4 =-1 =0,1", "", "depth is -1" },
    /* norms, products, reductions, sorting */
    { "BatchNormalization", "1x3x2x2 3 3 3 4", "", "expected a vector of 3" },
    { "BatchNormalization", "1x3x2x2 3 3 3 3", "epsilon=-1.0", "epsilon is -1" },
    { "GroupNormalization", "1x6x2x2 6 6", "num_groups=4", "does not divide 6" },
    { "LayerNormalization", "2x3 4", "", "do not broadcast" },
    { "LRN", "1x3x2x2", "size=0", "size is 0" },
    { "MatMul", "2x3 4x2", "", "shapes 2x3 and 4x2 do not multiply" },
    { "MatMul", "2x2x3 3x3x2", "", "do not broadcast" },
    { "Gemm", "2x3 4x2", "", "A has 3 columns, B has 4 rows" },
    { "Gemm", "2x3 3x4 3", "", "do not broadcast" },
    { "ReduceSum", "2x3 =2", "", "axis 2 is out of range" },
    { "ReduceL2", "i64:2x3", "", "is of type int64" },
    { "ArgMax", "2x0", "axis=1", "axis 1 is empty" },
    { "Softmax", "2x3", "axis=-3", "axis -3 is out of range" },
    { "TopK", "2x3 =4", "", "K is 4, expected 0 to the 3" },
    { "NonMaxSuppression", "1x6x4 1x2x5", "", "do not fit" },
    { "CumSum", "2x3 =2", "", "axis 2 is out of range" },
};

static void
test_refused (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (FovGraph) graph = fov_graph_new ();
        g_autoptr (GError) error = NULL;
        FovNode *node = add_test_node (graph, bad[i].op, bad[i].inputs, bad[i].attrs, 1);
        if (node->op->infer (node, &error))
            fail_msg ("row %u: %s of %s [%s] was accepted", i, bad[i].op, bad[i].inputs,
                      bad[i].attrs);
        assert_non_null (error);
        if (!g_error_matches (error, FOV_ERROR, FOV_ERROR_SHAPE) ||
            !strstr (error->message, bad[i].message) || !strstr (error->message, "'test'"))
            fail_msg ("row %u: %s of %s [%s] says \"%s\", expected \"%s\"", i, bad[i].op,
                      bad[i].inputs, bad[i].attrs, error->message, bad[i].message);
    }
}

/* What is accepted: output 0's shape, "?" where it depends on data. */
static const struct {
    const char *op, *inputs, *attrs, *shape;
} good[] = {
    { "Conv", "2x6x9x8 4x3x3x3", "group=2;strides=2,2;pads=1,1,1,1", "2x4x5x4" },
    { "Conv", "1x3x9x8 4x3x3x3", "auto_pad='SAME_UPPER;strides=2,2", "1x4x5x4" },
    { "Conv", "0x3x9x8 4x3x3x3", "", "0x4x7x6" },
    { "ConvTranspose", "1x4x3x3 4x2x2x2", "strides=2,2", "1x2x6x6" },
    { "ConvTranspose", "1x4x3x3 4x2x3x3", "strides=2,2;auto_pad='SAME_UPPER", "1x2x6x6" },
    { "MaxPool", "1x2x6x6", "kernel_shape=3,3;strides=2,2;ceil_mode=1", "1x2x3x3" },
    { "MaxPool", "1x2x3x3", "kernel_shape=1,1;strides=3,3;ceil_mode=1", "1x2x1x1" },
    { "MaxPool", "1x2x4x4", "kernel_shape=1,1;strides=3,3;ceil_mode=1", "1x2x2x2" },
    { "Reshape", "2x3x4 =0,-1", "", "2x12" },
    { "Reshape", "0x3 =3,0", "allowzero=1", "3x0" },
    { "Reshape", "2x3x4 i64:3", "", "?x?x?" },
    { "Slice", "8x6 =-1 =-9223372036854775807 =0 =-2", "", "4x6" },
    { "Slice", "8x6 =2 =9223372036854775807 =1 =4", "", "8x1" },
    { "Slice", "8x6 i64:1 i64:1", "", "?x?" },
    { "Pad", "2x3 =1,0,0,-1", "", "3x2" },
    { "Range", "=0 =10 =3", "", "4" },
    { "Range", "=10 =0 =3", "", "0" },
    { "Gather", "5x6x7 i64:2x3", "axis=1", "5x2x3x7" },
    { "GatherND", "2x3x4 i64:2x1", "batch_dims=1", "2x4" },
    { "MatMul", "5x1x2x3 4x3x7", "", "5x4x2x7" },
    { "MatMul", "3 3", "", "scalar" },
    { "ReduceMean", "2x3x4 =1,-1", "keepdims=0", "2" },
    { "ReduceMean", "2x3x4", "", "1x1x1" },
    { "TopK", "2x9 =4", "", "2x4" },
    { "TopK", "2x9 i64:1", "", "?x?" },
    { "Resize", "1x3x4x6 - - =8,9", "axes=2,3;keep_aspect_ratio_policy='not_larger", "1x3x6x9" },
    { "NonZero", "2x3x4", "", "3x?" },
    { "NonMaxSuppression", "1x6x4 1x2x6", "", "?x3" },
    { "DepthToSpace", "1x8x2x3", "blocksize=2", "1x2x4x6" },
    { "Split", "2x3 =3", "axis=1", "2x3" },
    { "Shape", "2x3x4", "start=-2", "2" },
};

static void
test_accepted (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
        g_autoptr (FovGraph) graph = fov_graph_new ();
        g_autoptr (GError) error = NULL;
        g_autofree char *shape = NULL;
        FovNode *node = add_test_node (graph, good[i].op, good[i].inputs, good[i].attrs, 1);
        if (!node->op->infer (node, &error))
            fail_msg ("row %u: %s", i, error->message);
        shape = fov_shape_to_string (&node->outputs[0]->shape);
        if (!g_str_equal (shape, good[i].shape))
            fail_msg ("row %u: %s of %s [%s] gives %s, expected %s", i, good[i].op, good[i].inputs,
                      good[i].attrs, shape, good[i].shape);
        /* Completed parameters mean the same a second time. */
        g_free (g_steal_pointer (&shape));
        assert_true (node->op->infer (node, &error));
        shape = fov_shape_to_string (&node->outputs[0]->shape);
        assert_string_equal (shape, good[i].shape);
    }
}

/* Indices are data: the reference itself must refuse them. */
static const struct {
    const char *op, *inputs, *message;
} bad_data[] = {
    { "Gather", "2x3 =2", "index 2 is out of range, expected -2 to 1" },
    { "Gather", "2x3 =-3", "index -3 is out of range" },
    { "Gather", "0x3 =0", "index 0 is out of range" },
    { "GatherND", "2x3 =1,3", "index 3 is out of range" },
    { "ScatterND", "2x3 =0,-4 scalar", "index -4 is out of range" },
    { "GatherElements", "3 =0,9223372036854775807", "out of range" },
    { "Div", "=4,5 =1,0", "integer division by zero" },
    { "Mod", "=4,5 =1,0", "integer division by zero" },
};

static void
test_data_refused (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (bad_data); i++) {
        g_autoptr (FovGraph) graph = fov_graph_new ();
        g_autoptr (GError) error = NULL;
        FovNode *node = add_test_node (graph, bad_data[i].op, bad_data[i].inputs, "", 1);
        if (run_test_node (node, &error))
            fail_msg ("row %u: %s of %s was accepted", i, bad_data[i].op, bad_data[i].inputs);
        if (!strstr (error->message, bad_data[i].message))
            fail_msg ("row %u says \"%s\", expected \"%s\"", i, error->message,
                      bad_data[i].message);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_refused),
        cmocka_unit_test (test_accepted),
        cmocka_unit_test (test_data_refused),
    };

    return cmocka_run_group_tests_name ("infer", tests, NULL, NULL);
}
