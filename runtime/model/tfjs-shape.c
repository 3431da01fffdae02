/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TensorFlow's operators that name axes: they map them, or go back to NHWC. */
#include "model/tfjs-ops.h"

#include <string.h>

enum { MAX_AXES = FOV_MAX_RANK, MAX_PARTS = 1024 };

/* An axis of a value as it is kept. */
static gint64
kept_axis (const FovTfjsValue *value, gint64 axis)
{
    if (!value->nchw)
        return axis;
    if (axis < 0)
        axis += 4;
    return axis >= 0 && axis < 4 ? fov_tfjs_nchw_axis[axis] : axis;
}

static gboolean
const_axis (FovTfjsOp *op, guint index, gint64 *axis)
{
    guint n;

    if (!fov_tfjs_const_ints (op, index, axis, 1, &n))
        return FALSE;
    if (n == 1 && *axis >= -FOV_MAX_RANK && *axis < FOV_MAX_RANK)
        return TRUE;
    return fov_tfjs_error (op->node, FOV_ERROR_FORMAT, op->error,
                           "input %u is no axis, expected one number of %d to %d", index,
                           -FOV_MAX_RANK, FOV_MAX_RANK - 1);
}

static FovTensor *
unsqueeze (FovTfjsOp *op, FovTensor *x, gint64 axis)
{
    FovTensor *in[] = { x, fov_tfjs_ints (op, &axis, 1) };

    return fov_tfjs_op_emit (op, "Unsqueeze", in, 2, NULL, 0);
}

/* Axes that are the picture's height and width, whatever their order and sign. */
static gboolean
are_height_width (const gint64 *axes, guint n)
{
    return n == 2 && ((axes[0] & 3) + (axes[1] & 3) == 3) &&
           ((axes[0] & 3) == 1 || (axes[0] & 3) == 2) && axes[0] >= -4 && axes[0] < 4 &&
           axes[1] >= -4 && axes[1] < 4;
}

/* ---- shapes ---------------------------------------------------------------- */

static gboolean
convert_shape (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    FovTensor *in[2] = { fov_tfjs_op_emit (op, "Shape", &x->tensor, 1, NULL, 0), NULL };

    if (in[0] && x->nchw) {
        in[1] = fov_tfjs_ints (op, fov_tfjs_nchw_axis, 4);
        in[0] = fov_tfjs_op_emit (op, "Gather", in, 2, NULL, 0);
    }
    return fov_tfjs_done (op, in[0], FALSE, 1);
}

static int
length_of (const FovTensor *shape)
{
    return shape->data && shape->shape.rank == 1 ? (int) shape->shape.dim[0] : -1;
}

static gboolean
convert_reshape (FovTfjsOp *op)
{
    FovTensor *in[] = { fov_tfjs_plain_input (op, 0), fov_tfjs_plain_input (op, 1) };

    return in[0] && in[1] &&
           fov_tfjs_done (op, fov_tfjs_op_emit (op, "Reshape", in, 2, NULL, 0), FALSE,
                          length_of (in[1]));
}

static gboolean
convert_expand_dims (FovTfjsOp *op)
{
    FovTfjsValue *value = fov_tfjs_input (op, 0);
    FovTensor *x = fov_tfjs_plain_input (op, 0);
    gint64 axis;

    return x && const_axis (op, 1, &axis) &&
           fov_tfjs_done (op, unsqueeze (op, x, axis), FALSE,
                          value->rank < 0 ? -1 : value->rank + 1);
}

static gboolean
convert_squeeze (FovTfjsOp *op)
{
    FovTfjsValue *value = fov_tfjs_input (op, 0);
    JsonArray *list = fov_tfjs_attr_list (op, "squeeze_dims", "i");
    gint64 axes[MAX_AXES];
    guint n = 0;
    FovTensor *in[2] = { NULL, NULL };

    if (!list)
        list = fov_tfjs_attr_list (op, "axis", "i");
    for (guint i = 0; list && i < MIN (json_array_get_length (list), MAX_AXES); i++)
        if (fov_json_node_int (json_array_get_element (list, i), &axes[n]))
            n++;
    if (value->nchw && are_height_width (axes, n)) { /* 1x1 pictures: what is left is the same */
        in[0] = value->tensor;
        axes[0] = 2;
        axes[1] = 3;
    } else {
        in[0] = fov_tfjs_plain_input (op, 0);
    }
    if (n)
        in[1] = fov_tfjs_ints (op, axes, n);
    return in[0] && fov_tfjs_done (op, fov_tfjs_op_emit (op, "Squeeze", in, n ? 2 : 1, NULL, 0),
                                   FALSE, value->rank < 0 || !n ? -1 : value->rank - (int) n);
}

/* ---- joining and cutting ----------------------------------------------------- */

static gboolean
convert_pack (FovTfjsOp *op)
{
    g_autofree FovTensor **parts = g_new0 (FovTensor *, op->node->n_inputs);
    FovAttr axis = FOV_A_INT ("axis", fov_tfjs_attr_int (op, "axis", 0));
    int rank = fov_tfjs_input (op, 0)->rank;

    for (guint i = 0; i < op->node->n_inputs; i++) {
        FovTensor *x = fov_tfjs_plain_input (op, i);
        parts[i] = x ? unsqueeze (op, x, axis.i) : NULL;
        if (!parts[i])
            return FALSE;
    }
    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "Concat", parts, op->node->n_inputs, &axis, 1),
                          FALSE, rank < 0 ? -1 : rank + 1);
}

static gboolean
convert_concat (FovTfjsOp *op)
{
    const guint n = op->node->n_inputs - 1;
    const guint first = g_str_equal (op->node->op, "Concat") ? 1 : 0;
    g_autofree FovTensor **parts = g_new0 (FovTensor *, n);
    gboolean nchw = TRUE;
    FovAttr axis = FOV_A_INT ("axis", 0);

    if (!const_axis (op, first ? 0 : n, &axis.i))
        return FALSE;
    for (guint i = 0; i < n; i++)
        nchw = nchw && fov_tfjs_input (op, first + i)->nchw;
    for (guint i = 0; i < n; i++) {
        parts[i] =
            nchw ? fov_tfjs_input (op, first + i)->tensor : fov_tfjs_plain_input (op, first + i);
        if (!parts[i])
            return FALSE;
    }
    axis.i = kept_axis (&(FovTfjsValue){ .nchw = nchw }, axis.i);
    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "Concat", parts, n, &axis, 1), nchw,
                          fov_tfjs_input (op, first)->rank);
}

/* Split along axis into n outputs; sizes NULL: equal ones. */
static FovNode *
emit_split (FovTfjsOp *op, FovTensor *x, FovTensor *sizes, gint64 axis, gint64 n)
{
    FovAttr attrs[] = { FOV_A_INT ("axis", axis), FOV_A_INT ("num_outputs", n) };
    FovTensor *in[] = { x, sizes };

    if (n < 1 || n > MAX_PARTS) {
        fov_tfjs_error (op->node, FOV_ERROR_UNSUPPORTED, op->error,
                        "%" G_GINT64_FORMAT " parts, expected 1 to %d", n, MAX_PARTS);
        return NULL;
    }
    return fov_graph_add_node (op->tfjs->graph, "Split", op->node->shown, in, sizes ? 2 : 1,
                               (guint) n, attrs, sizes ? 1 : 2, op->error);
}

static gboolean
split_done (FovTfjsOp *op, FovNode *split, gboolean nchw, int rank)
{
    if (!split)
        return FALSE;
    op->node->n_values = split->n_outputs;
    op->node->values = g_new0 (FovTfjsValue, split->n_outputs);
    for (guint i = 0; i < split->n_outputs; i++)
        op->node->values[i] = (FovTfjsValue){ split->outputs[i], nchw, rank, NULL };
    return TRUE;
}

static gboolean
convert_split (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 1);
    gint64 axis;

    return const_axis (op, 0, &axis) &&
           split_done (op,
                       emit_split (op, x->tensor, NULL, kept_axis (x, axis),
                                   fov_tfjs_attr_int (op, "num_split", 0)),
                       x->nchw, x->rank);
}

static gboolean
convert_split_v (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    FovTensor *sizes = fov_tfjs_input (op, 1)->tensor;
    gint64 axis;

    return const_axis (op, 2, &axis) &&
           split_done (op,
                       emit_split (op, x->tensor, sizes, kept_axis (x, axis), length_of (sizes)),
                       x->nchw, x->rank);
}

static gboolean
convert_unpack (FovTfjsOp *op)
{
    FovTensor *x = fov_tfjs_plain_input (op, 0);
    gint64 axis = fov_tfjs_attr_int (op, "axis", 0);
    int rank = fov_tfjs_input (op, 0)->rank;
    FovNode *split = x ? emit_split (op, x, NULL, axis, fov_tfjs_attr_int (op, "num", 0)) : NULL;

    if (!split_done (op, split, FALSE, rank < 0 ? -1 : rank - 1))
        return FALSE;
    for (guint i = 0; i < op->node->n_values; i++) {
        FovTensor *in[] = { op->node->values[i].tensor, fov_tfjs_ints (op, &axis, 1) };
        op->node->values[i].tensor = fov_tfjs_op_emit (op, "Squeeze", in, 2, NULL, 0);
        if (!op->node->values[i].tensor)
            return FALSE;
    }
    return TRUE;
}

static FovTensor *
emit_slice (FovTfjsOp *op, FovTensor *x, const gint64 *starts, const gint64 *ends,
            const gint64 *steps, guint n)
{
    gint64 axes[MAX_AXES];
    FovTensor *in[5] = { x };

    for (guint i = 0; i < n; i++)
        axes[i] = i;
    in[1] = fov_tfjs_ints (op, starts, n);
    in[2] = fov_tfjs_ints (op, ends, n);
    in[3] = fov_tfjs_ints (op, axes, n);
    in[4] = fov_tfjs_ints (op, steps, n);
    return fov_tfjs_op_emit (op, "Slice", in, 5, NULL, 0);
}

static gboolean
convert_slice (FovTfjsOp *op)
{
    gint64 begin[MAX_AXES], size[MAX_AXES], one[MAX_AXES];
    FovTensor *x = fov_tfjs_plain_input (op, 0);
    guint n, n_sizes;

    if (!x || !fov_tfjs_const_ints (op, 1, begin, MAX_AXES, &n) ||
        !fov_tfjs_const_ints (op, 2, size, MAX_AXES, &n_sizes))
        return FALSE;
    if (n != n_sizes)
        return fov_tfjs_error (op->node, FOV_ERROR_FORMAT, op->error,
                               "%u begins but %u sizes, expected as many", n, n_sizes);
    for (guint i = 0; i < n; i++) {
        if (begin[i] < 0 || begin[i] > G_MAXINT32 || size[i] < -1 || size[i] > G_MAXINT32)
            return fov_tfjs_error (op->node, FOV_ERROR_FORMAT, op->error,
                                   "begin %" G_GINT64_FORMAT ", size %" G_GINT64_FORMAT
                                   " of axis %u, expected 0 or more",
                                   begin[i], size[i], i);
        size[i] = size[i] < 0 ? G_MAXINT64 : begin[i] + size[i];
        one[i] = 1;
    }
    return fov_tfjs_done (op, emit_slice (op, x, begin, size, one, n), FALSE,
                          fov_tfjs_input (op, 0)->rank);
}

/* x[b:e:s, ...]; a bit of shrink_axis_mask means one element, without its axis. */
static gboolean
convert_strided_slice (FovTfjsOp *op)
{
    gint64 begin[MAX_AXES], end[MAX_AXES], step[MAX_AXES], shrunk[MAX_AXES];
    gint64 begins = fov_tfjs_attr_int (op, "begin_mask", 0);
    gint64 ends = fov_tfjs_attr_int (op, "end_mask", 0);
    gint64 shrink = fov_tfjs_attr_int (op, "shrink_axis_mask", 0);
    FovTensor *in[2] = { fov_tfjs_plain_input (op, 0), NULL };
    int rank = fov_tfjs_input (op, 0)->rank;
    guint n[3], n_shrunk = 0;

    if (!in[0] || !fov_tfjs_const_ints (op, 1, begin, MAX_AXES, &n[0]) ||
        !fov_tfjs_const_ints (op, 2, end, MAX_AXES, &n[1]) ||
        !fov_tfjs_const_ints (op, 3, step, MAX_AXES, &n[2]))
        return FALSE;
    if (n[0] != n[1] || n[0] != n[2] || fov_tfjs_attr_int (op, "ellipsis_mask", 0) ||
        fov_tfjs_attr_int (op, "new_axis_mask", 0))
        return fov_tfjs_error (op->node, FOV_ERROR_UNSUPPORTED, op->error,
                               "%u begins, %u ends, %u strides, or a mask for an ellipsis or a new "
                               "axis; expected as many of each and no such mask",
                               n[0], n[1], n[2]);
    for (guint i = 0; i < n[0]; i++) {
        if (shrink >> i & 1) {
            shrunk[n_shrunk++] = i;
            step[i] = 1;
            end[i] = begin[i] == -1 ? G_MAXINT64 : begin[i] + (begin[i] < G_MAXINT64);
            continue;
        }
        if (begins >> i & 1)
            begin[i] = step[i] > 0 ? 0 : G_MAXINT64;
        if (ends >> i & 1)
            end[i] = step[i] > 0 ? G_MAXINT64 : G_MININT64;
    }
    in[0] = emit_slice (op, in[0], begin, end, step, n[0]);
    if (in[0] && n_shrunk) {
        in[1] = fov_tfjs_ints (op, shrunk, n_shrunk);
        in[0] = fov_tfjs_op_emit (op, "Squeeze", in, 2, NULL, 0);
    }
    return fov_tfjs_done (op, in[0], FALSE, rank < 0 ? -1 : rank - (int) n_shrunk);
}

/* ---- moving --------------------------------------------------------------------- */

static gboolean
convert_transpose (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    gint64 perm[MAX_AXES];
    guint n;
    FovAttr attr;

    if (!fov_tfjs_const_ints (op, 1, perm, MAX_AXES, &n))
        return FALSE;
    for (guint i = 0; i < n; i++)
        perm[i] = kept_axis (x, perm[i]);
    attr = FOV_A_INTS ("perm", perm, n);
    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "Transpose", &x->tensor, 1, &attr, 1), FALSE,
                          (int) n);
}

/* Paddings [[before, after], ...] by axis, ONNX wants all befores, then all afters. */
static gboolean
convert_pad (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    gint64 pairs[2 * MAX_AXES], pads[2 * MAX_AXES];
    g_autofree char *mirror = fov_tfjs_attr_string (op, "mode");
    FovAttr mode =
        FOV_A_STRING ("mode", g_strcmp0 (mirror, "REFLECT") == 0 ? "reflect" : "constant");
    FovTensor *in[3] = { x->tensor, NULL, NULL };
    guint n;

    if (!fov_tfjs_const_ints (op, 1, pairs, 2 * MAX_AXES, &n))
        return FALSE;
    if (n % 2 || (x->nchw && n != 8) || g_strcmp0 (mirror, "SYMMETRIC") == 0)
        return fov_tfjs_error (op->node, FOV_ERROR_UNSUPPORTED, op->error,
                               "%u paddings, mode %s; expected two per axis, and no SYMMETRIC", n,
                               mirror ? mirror : "constant");
    for (guint i = 0; i < n / 2; i++) {
        guint to = (guint) kept_axis (x, i);
        pads[to] = pairs[2 * i];
        pads[n / 2 + to] = pairs[2 * i + 1];
    }
    in[1] = fov_tfjs_ints (op, pads, n);
    if (g_str_equal (op->node->op, "PadV2") && op->node->n_inputs > 2)
        in[2] = fov_tfjs_input (op, 2)->tensor;
    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "Pad", in, in[2] ? 3 : 2, &mode, 1), x->nchw,
                          x->rank);
}

static gboolean
convert_tile (FovTfjsOp *op)
{
    FovTensor *in[] = { fov_tfjs_plain_input (op, 0), fov_tfjs_plain_input (op, 1) };

    return in[0] && in[1] &&
           fov_tfjs_done (op, fov_tfjs_op_emit (op, "Tile", in, 2, NULL, 0), FALSE,
                          fov_tfjs_input (op, 0)->rank);
}

/* Fill (shape, value) and BroadcastTo (value, shape). */
static gboolean
convert_fill (FovTfjsOp *op)
{
    guint shape = g_str_equal (op->node->op, "Fill") ? 0 : 1;
    FovTensor *in[] = { fov_tfjs_plain_input (op, 1 - shape), fov_tfjs_plain_input (op, shape) };

    return in[0] && in[1] &&
           fov_tfjs_done (op, fov_tfjs_op_emit (op, "Expand", in, 2, NULL, 0), FALSE,
                          length_of (in[1]));
}

static gboolean
convert_range (FovTfjsOp *op)
{
    FovTensor *in[3];

    for (guint i = 0; i < 3; i++)
        in[i] = fov_tfjs_input (op, i)->tensor;
    return fov_tfjs_done (op, fov_tfjs_op_emit (op, "Range", in, 3, NULL, 0), FALSE, 1);
}

static gboolean
convert_gather (FovTfjsOp *op)
{
    FovTensor *in[] = { fov_tfjs_plain_input (op, 0), fov_tfjs_plain_input (op, 1) };
    FovAttr axis = FOV_A_INT ("axis", 0);

    if (op->node->n_inputs > 2 && !const_axis (op, 2, &axis.i))
        return FALSE;
    return in[0] && in[1] &&
           fov_tfjs_done (op, fov_tfjs_op_emit (op, "Gather", in, 2, &axis, 1), FALSE, -1);
}

/* ---- reductions ---------------------------------------------------------------- */

static gboolean
convert_reduce (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    gint64 axes[MAX_AXES];
    gint64 keep = fov_tfjs_attr_int (op, "keep_dims", fov_tfjs_attr_int (op, "keepdims", 0));
    FovAttr keepdims = FOV_A_INT ("keepdims", keep != 0);
    FovTensor *in[2] = { x->tensor, NULL };
    gboolean mapped;
    guint n;

    if (!fov_tfjs_const_ints (op, 1, axes, MAX_AXES, &n))
        return FALSE;
    mapped = x->nchw && (keep || are_height_width (axes, n));
    if (!mapped)
        in[0] = fov_tfjs_plain_input (op, 0);
    for (guint i = 0; mapped && i < n; i++)
        axes[i] = kept_axis (x, axes[i]);
    in[1] = fov_tfjs_ints (op, axes, n);
    return in[0] &&
           fov_tfjs_done (op, fov_tfjs_op_emit (op, op->onnx, in, 2, &keepdims, 1), mapped && keep,
                          x->rank < 0 ? -1 : x->rank - (keep ? 0 : (int) n));
}

static gboolean
convert_arg (FovTfjsOp *op)
{
    FovTfjsValue *x = fov_tfjs_input (op, 0);
    FovTensor *plain = fov_tfjs_plain_input (op, 0);
    FovAttr attrs[] = { FOV_A_INT ("axis", 0), FOV_A_INT ("keepdims", 0) };

    return plain && const_axis (op, 1, &attrs[0].i) &&
           fov_tfjs_done (op, fov_tfjs_op_emit (op, op->onnx, &plain, 1, attrs, 2), FALSE,
                          x->rank < 0 ? -1 : x->rank - 1);
}

const FovTfjsRow fov_tfjs_shape_rows[] = {
    { "ArgMax", 2, convert_arg, "ArgMax" },
    { "ArgMin", 2, convert_arg, "ArgMin" },
    { "BroadcastTo", 2, convert_fill, NULL },
    { "Concat", 2, convert_concat, NULL },
    { "ConcatV2", 2, convert_concat, NULL },
    { "ExpandDims", 2, convert_expand_dims, NULL },
    { "Fill", 2, convert_fill, NULL },
    { "Gather", 2, convert_gather, NULL },
    { "GatherV2", 2, convert_gather, NULL },
    { "Max", 2, convert_reduce, "ReduceMax" },
    { "Mean", 2, convert_reduce, "ReduceMean" },
    { "Min", 2, convert_reduce, "ReduceMin" },
    { "MirrorPad", 2, convert_pad, NULL },
    { "Pack", 1, convert_pack, NULL },
    { "Pad", 2, convert_pad, NULL },
    { "PadV2", 2, convert_pad, NULL },
    { "Prod", 2, convert_reduce, "ReduceProd" },
    { "Range", 3, convert_range, NULL },
    { "Reshape", 2, convert_reshape, NULL },
    { "Shape", 1, convert_shape, NULL },
    { "Slice", 3, convert_slice, NULL },
    { "Split", 2, convert_split, NULL },
    { "SplitV", 3, convert_split_v, NULL },
    { "Squeeze", 1, convert_squeeze, NULL },
    { "StridedSlice", 4, convert_strided_slice, NULL },
    { "Sum", 2, convert_reduce, "ReduceSum" },
    { "Tile", 2, convert_tile, NULL },
    { "Transpose", 2, convert_transpose, NULL },
    { "Unpack", 1, convert_unpack, NULL },
    { NULL, 0, NULL, NULL },
};
