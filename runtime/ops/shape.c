/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Views of the same bytes under another shape, and shape arithmetic. */
#include "ops/gradients.h"
#include "ops/infer.h"

#include <math.h>

/* ---- Reshape ---------------------------------------------------------- */

typedef struct {
    gint64 allowzero;
} ReshapeParams;

/* Replaces a 0 by the input's size and the one -1 by what is left. */
static gboolean
resolve_shape (const FovNode *node, gboolean allowzero, FovShape *shape, GError **error)
{
    const FovShape *x = fov_in_shape (node, 0);
    gint64 total = fov_shape_elements (x), rest = 1;
    int free_dim = -1;

    for (int d = 0; d < shape->rank; d++) {
        if (shape->dim[d] == 0 && !allowzero) {
            if (d >= x->rank)
                return fov_node_error (node, error,
                                       "shape has a 0 in dimension %d, the input's rank is %d", d,
                                       x->rank);
            shape->dim[d] = x->dim[d];
        }
        if (shape->dim[d] == -1 && free_dim < 0)
            free_dim = d;
        else if (!fov_checked_mul (rest, shape->dim[d], &rest))
            return fov_node_error (node, error, "shape has %" G_GINT64_FORMAT " in dimension %d",
                                   shape->dim[d], d);
    }
    if (free_dim >= 0) {
        shape->dim[free_dim] = rest > 0 ? total / rest : 0;
        rest *= shape->dim[free_dim];
    }
    if (rest != total || total < 0) {
        g_autofree char *from = fov_shape_to_string (x);
        g_autofree char *to = fov_shape_to_string (shape);
        return fov_node_error (node, error,
                               "%s (%" G_GINT64_FORMAT " elements) does not reshape to %s", from,
                               total, to);
    }
    return TRUE;
}

static gboolean
reshape_infer (FovNode *node, GError **error)
{
    const ReshapeParams *p = node->params;
    FovShape shape = { 0, { 0 } };
    guint n;

    switch (fov_infer_ints (node, 1, "shape", shape.dim, FOV_MAX_RANK, &n, error)) {
    case FOV_INTS_READ:
        shape.rank = (int) n;
        return resolve_shape (node, p->allowzero != 0, &shape, error) &&
               fov_infer_output (node, 0, node->inputs[0]->dtype, &shape, error);
    case FOV_INTS_UNKNOWN:
        fov_infer_unknown (node, 0, node->inputs[0]->dtype,
                           (int) fov_tensor_elements (node->inputs[1]));
        return TRUE;
    default:
        return FALSE;
    }
}

/* ---- Flatten, Squeeze, Unsqueeze -------------------------------------- */

typedef struct {
    gint64 axis;
} FlattenParams;

static gboolean
flatten_infer (FovNode *node, GError **error)
{
    const FlattenParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0);
    gint64 axis = p->axis < 0 ? p->axis + x->rank : p->axis;
    FovShape out = { 2, { 1, 1 } };

    if (axis < 0 || axis > x->rank)
        return fov_node_error (node, error,
                               "axis %" G_GINT64_FORMAT " is out of range for a tensor of rank %d",
                               p->axis, x->rank);
    for (int d = 0; d < x->rank; d++)
        if (!fov_checked_mul (out.dim[d >= axis], x->dim[d], &out.dim[d >= axis]))
            return fov_node_error (node, error, "the result is too large");
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
squeeze_infer (FovNode *node, GError **error)
{
    const FovShape *x = fov_in_shape (node, 0);
    FovDType dtype = node->inputs[0]->dtype;
    FovShape out = { 0, { 0 } };
    gint64 axes[FOV_MAX_RANK];
    guint n, mask = 0;

    switch (fov_infer_ints (node, 1, "axes", axes, FOV_MAX_RANK, &n, error)) {
    case FOV_INTS_BAD:
        return FALSE;
    case FOV_INTS_UNKNOWN:
        n = (guint) fov_tensor_elements (node->inputs[1]);
        fov_infer_unknown (node, 0, dtype, MAX (x->rank - (int) n, 0));
        return TRUE;
    case FOV_INTS_ABSENT:
        for (int d = 0; d < x->rank; d++)
            mask |= (x->dim[d] == 1) << d;
        break;
    case FOV_INTS_READ:
        if (!fov_infer_axes (node, axes, n, x->rank, &mask, error))
            return FALSE;
    }
    for (int d = 0; d < x->rank; d++) {
        if (!(mask & 1u << d))
            out.dim[out.rank++] = x->dim[d];
        else if (x->dim[d] != 1)
            return fov_node_error (node, error,
                                   "axis %d has size %" G_GINT64_FORMAT ", only 1 can be squeezed",
                                   d, x->dim[d]);
    }
    return fov_infer_output (node, 0, dtype, &out, error);
}

static gboolean
unsqueeze_infer (FovNode *node, GError **error)
{
    const FovShape *x = fov_in_shape (node, 0);
    FovDType dtype = node->inputs[0]->dtype;
    FovShape out = { 0, { 0 } };
    gint64 axes[FOV_MAX_RANK];
    guint n, mask;
    int rank, from = 0;
    FovIntsState state = fov_infer_ints (node, 1, "axes", axes, FOV_MAX_RANK, &n, error);

    if (state == FOV_INTS_BAD)
        return FALSE;
    if (state == FOV_INTS_UNKNOWN)
        n = (guint) fov_tensor_elements (node->inputs[1]);
    rank = x->rank + (int) n;
    if (rank > FOV_MAX_RANK)
        return fov_node_error (node, error, "the result has rank %d, at most %d is supported", rank,
                               FOV_MAX_RANK);
    if (state == FOV_INTS_UNKNOWN) {
        fov_infer_unknown (node, 0, dtype, rank);
        return TRUE;
    }
    if (!fov_infer_axes (node, axes, n, rank, &mask, error))
        return FALSE;
    for (out.rank = 0; out.rank < rank; out.rank++)
        out.dim[out.rank] = mask & 1u << out.rank ? 1 : x->dim[from++];
    return fov_infer_output (node, 0, dtype, &out, error);
}

/* ---- Shape, Size ------------------------------------------------------ */

typedef struct {
    gint64 start, end;
} ShapeParams;

static void
shape_range (const FovNode *node, int rank, gint64 *start, gint64 *end)
{
    const ShapeParams *p = node->params;

    *start = CLAMP (p->start < 0 ? p->start + rank : p->start, 0, rank);
    *end = CLAMP (p->end < 0 ? p->end + rank : p->end, 0, rank);
}

static gboolean
shape_infer (FovNode *node, GError **error)
{
    gint64 start, end;
    FovShape out = { 1, { 0 } };

    shape_range (node, fov_in_shape (node, 0)->rank, &start, &end);
    out.dim[0] = MAX (end - start, 0);
    return fov_infer_output (node, 0, FOV_I64, &out, error);
}

static gboolean
shape_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 start, end;

    shape_range (node, in->shape.rank, &start, &end);
    for (gint64 d = start; d < end; d++)
        fov_view_set_int (out, d - start, in->shape.dim[d]);
    return TRUE;
}

static gboolean
size_infer (FovNode *node, GError **error)
{
    return fov_infer_output (node, 0, FOV_I64, &(FovShape){ 0, { 0 } }, error);
}

static gboolean
size_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    fov_view_set_int (out, 0, fov_shape_elements (&in->shape));
    return TRUE;
}

/* ---- ConstantOfShape: readers pass value as value_float and dtype ------ */

typedef struct {
    float value;
    gint64 dtype; /* ONNX's number */
} ConstantParams;

static gboolean
constant_infer (FovNode *node, GError **error)
{
    const ConstantParams *p = node->params;
    FovShape out = { 0, { 0 } };
    FovDType dtype;
    guint n;

    if (!fov_dtype_from_onnx (p->dtype, &dtype))
        return fov_node_error (node, error,
                               "the value's ONNX data type %" G_GINT64_FORMAT " is not supported",
                               p->dtype);
    switch (fov_infer_ints (node, 0, "shape", out.dim, FOV_MAX_RANK, &n, error)) {
    case FOV_INTS_READ:
        out.rank = (int) n;
        return fov_infer_output (node, 0, dtype, &out, error);
    case FOV_INTS_UNKNOWN:
        fov_infer_unknown (node, 0, dtype, (int) fov_tensor_elements (node->inputs[0]));
        return TRUE;
    default:
        return FALSE;
    }
}

static gboolean
constant_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const ConstantParams *p = node->params;
    gint64 n = fov_shape_elements (&out->shape);

    for (gint64 i = 0; i < n; i++)
        fov_view_set (out, i, p->value);
    return TRUE;
}

/* ---- Range: start, start + delta, ... below limit --------------------- */

static gboolean
range_infer (FovNode *node, GError **error)
{
    FovShape out = { 1, { 0 } };
    double v[3], count;

    if (!fov_infer_dtypes (node, 3, FOV_NUMBERS, error))
        return FALSE;
    for (guint i = 0; i < 3; i++) {
        if (fov_tensor_elements (node->inputs[i]) != 1)
            return fov_node_error (node, error,
                                   "input %u has %" G_GINT64_FORMAT " elements, expected 1", i,
                                   fov_tensor_elements (node->inputs[i]));
        if (!fov_tensor_scalar (node->inputs[i], &v[i])) {
            fov_infer_unknown (node, 0, node->inputs[0]->dtype, 1);
            return TRUE;
        }
    }
    if (v[2] == 0)
        return fov_node_error (node, error, "delta is 0");
    count = ceil ((v[1] - v[0]) / v[2]);
    if (!(count <= G_MAXINT32)) /* NaN too */
        return fov_node_error (node, error, "from %g to %g by %g is too long", v[0], v[1], v[2]);
    out.dim[0] = count > 0 ? (gint64) count : 0;
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
range_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 n = fov_shape_elements (&out->shape);

    for (gint64 i = 0; i < n; i++) {
        if (fov_dtype_is_float (out->dtype))
            fov_view_set (out, i, fov_view_get (&in[0], 0) + i * fov_view_get (&in[2], 0));
        else
            fov_view_set_int (out, i,
                              (gint64) ((guint64) fov_view_get_int (&in[0], 0) +
                                        (guint64) i * (guint64) fov_view_get_int (&in[2], 0)));
    }
    return TRUE;
}

/* ---- the table -------------------------------------------------------- */

static const FovParam reshape_params[] = {
    FOV_P_INT ("allowzero", ReshapeParams, allowzero, 0),
    FOV_P_END,
};

static const FovOpDef reshape = {
    .name = "Reshape",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_ALIAS,
    .params = reshape_params,
    .params_size = sizeof (ReshapeParams),
    .infer = reshape_infer,
    .reference = fov_reference_copy,
    .gradient = fov_gradient_reshape,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovParam flatten_params[] = {
    FOV_P_INT ("axis", FlattenParams, axis, 1),
    FOV_P_END,
};

static const FovOpDef flatten = {
    .name = "Flatten",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_ALIAS,
    .params = flatten_params,
    .params_size = sizeof (FlattenParams),
    .infer = flatten_infer,
    .reference = fov_reference_copy,
    .gradient = fov_gradient_reshape,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovOpDef squeeze = {
    .name = "Squeeze",
    .min_inputs = 1,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_ALIAS,
    .infer = squeeze_infer,
    .reference = fov_reference_copy,
    .gradient = fov_gradient_reshape,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovOpDef unsqueeze = {
    .name = "Unsqueeze",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_ALIAS,
    .infer = unsqueeze_infer,
    .reference = fov_reference_copy,
    .gradient = fov_gradient_reshape,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovParam shape_params[] = {
    FOV_P_INT ("start", ShapeParams, start, 0),
    FOV_P_INT ("end", ShapeParams, end, G_MAXINT32),
    FOV_P_END,
};

static const FovOpDef shape_op = {
    .name = "Shape",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_SHAPE_ONLY,
    .params = shape_params,
    .params_size = sizeof (ShapeParams),
    .infer = shape_infer,
    .reference = shape_reference,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovOpDef size = {
    .name = "Size",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_SHAPE_ONLY,
    .infer = size_infer,
    .reference = size_reference,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovParam constant_params[] = {
    FOV_P_FLOAT ("value_float", ConstantParams, value, 0),
    FOV_P_INT ("dtype", ConstantParams, dtype, 1),
    FOV_P_END,
};

static const FovOpDef constant_of_shape = {
    .name = "ConstantOfShape",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = constant_params,
    .params_size = sizeof (ConstantParams),
    .infer = constant_infer,
    .reference = constant_reference,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovOpDef range = {
    .name = "Range",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = range_infer,
    .reference = range_reference,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

const FovOpDef *const fov_ops_shape[] = {
    &reshape, &flatten, &squeeze, &unsqueeze, &shape_op, &size, &constant_of_shape, &range, NULL,
};
