/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading and writing at places that an index tensor names; a negative index counts from the end.
 */
#include "ops/gather.h"
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

gboolean
fov_gather_index (const FovNode *node, const FovView *indices, gint64 i, gint64 size, gint64 *index,
                  GError **error)
{
    gint64 v = fov_view_get_int (indices, i);

    *index = 0;
    if (v < -size || v >= size)
        return fov_node_error (node, error,
                               "index %" G_GINT64_FORMAT " is out of range, expected -%" //
                               G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                               v, size, size - 1);
    *index = v < 0 ? v + size : v;
    return TRUE;
}

static gboolean
check_indices (const FovNode *node, guint i, GError **error)
{
    return fov_infer_dtype (node, i, FOV_DTYPE_BIT (FOV_I32) | FOV_DTYPE_BIT (FOV_I64), error);
}

static gboolean
normalize_axis (FovNode *node, int rank, GError **error)
{
    FovAxisParams *p = node->params;
    int axis;

    if (!fov_infer_axis (node, p->axis, rank, &axis, error))
        return FALSE;
    p->axis = axis;
    return TRUE;
}

/* ---- Gather ----------------------------------------------------------- */

static gboolean
gather_infer (FovNode *node, GError **error)
{
    const FovAxisParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0), *indices = fov_in_shape (node, 1);
    FovShape out = { 0, { 0 } };

    if (!check_indices (node, 1, error) || !normalize_axis (node, x->rank, error))
        return FALSE;
    if (x->rank - 1 + indices->rank > FOV_MAX_RANK)
        return fov_node_error (node, error, "the result has rank %d, at most %d is supported",
                               x->rank - 1 + indices->rank, FOV_MAX_RANK);
    for (int d = 0; d < x->rank; d++) {
        if (d != p->axis) {
            out.dim[out.rank++] = x->dim[d];
            continue;
        }
        for (int i = 0; i < indices->rank; i++)
            out.dim[out.rank++] = indices->dim[i];
    }
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
gather_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovAxisParams *p = node->params;
    int axis = (int) p->axis;
    gint64 outer = fov_shape_span (&in->shape, 0, axis), size = in->shape.dim[axis];
    gint64 inner = fov_shape_span (&in->shape, axis + 1, in->shape.rank);
    gint64 n = fov_shape_elements (&in[1].shape);

    for (gint64 i = 0; i < n; i++) {
        gint64 index;
        if (!fov_gather_index (node, &in[1], i, size, &index, error))
            return FALSE;
        for (gint64 o = 0; o < outer; o++)
            fov_copy_elements (out, (o * n + i) * inner, in, (o * size + index) * inner, inner);
    }
    return TRUE;
}

/* ---- GatherElements, ScatterElements ---------------------------------- */

/* Ranks equal; indices no larger than the data but along the axis. */
static gboolean
check_elements (FovNode *node, GError **error)
{
    const FovAxisParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0), *indices = fov_in_shape (node, 1);

    if (!check_indices (node, 1, error) || !fov_infer_rank (node, 1, x->rank, x->rank, error) ||
        !normalize_axis (node, x->rank, error))
        return FALSE;
    for (int d = 0; d < x->rank; d++) {
        if (d != p->axis && indices->dim[d] > x->dim[d]) {
            g_autofree char *a = fov_shape_to_string (indices);
            g_autofree char *b = fov_shape_to_string (x);
            return fov_node_error (node, error, "indices of shape %s exceed the data's %s", a, b);
        }
    }
    return TRUE;
}

static gboolean
gather_elements_infer (FovNode *node, GError **error)
{
    return check_elements (node, error) &&
           fov_infer_output (node, 0, node->inputs[0]->dtype, fov_in_shape (node, 1), error);
}

/* Where in the data the element lies that indices' element i (at coord) names. */
static gboolean
element_place (const FovNode *node, const FovView *in, gint64 i, gint64 *coord,
               const gint64 *stride, gint64 *place, GError **error)
{
    const FovAxisParams *p = node->params;
    gint64 index;

    if (!fov_gather_index (node, &in[1], i, in->shape.dim[p->axis], &index, error))
        return FALSE;
    *place = fov_index (in->shape.rank, coord, stride) + (index - coord[p->axis]) * stride[p->axis];
    return TRUE;
}

static gboolean
gather_elements_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 stride[FOV_MAX_RANK], at[FOV_MAX_RANK] = { 0 }, place;
    gint64 n = fov_shape_elements (&out->shape);

    fov_strides (&in->shape, stride);
    for (gint64 i = 0; i < n; i++, fov_next_coord (&out->shape, at)) {
        if (!element_place (node, in, i, at, stride, &place, error))
            return FALSE;
        fov_copy_elements (out, i, in, place, 1);
    }
    return TRUE;
}

static const char *const reductions[] = { "none", "add", "mul", "min", "max", NULL };

/* out[o] = reduction (out[o], updates[i]) */
static void
update (int reduction, FovView *out, gint64 o, const FovView *updates, gint64 i)
{
    if (reduction == FOV_SCATTER_NONE) {
        fov_copy_elements (out, o, updates, i, 1);
    } else if (fov_dtype_is_float (out->dtype)) {
        double a = fov_view_get (out, o), b = fov_view_get (updates, i);
        fov_view_set (out, o,
                      reduction == FOV_SCATTER_ADD   ? a + b
                      : reduction == FOV_SCATTER_MUL ? a * b
                      : reduction == FOV_SCATTER_MIN ? MIN (a, b)
                                                     : MAX (a, b));
    } else {
        gint64 a = fov_view_get_int (out, o), b = fov_view_get_int (updates, i);
        gint64 y = reduction == FOV_SCATTER_ADD   ? (gint64) ((guint64) a + (guint64) b)
                   : reduction == FOV_SCATTER_MUL ? (gint64) ((guint64) a * (guint64) b)
                   : reduction == FOV_SCATTER_MIN ? MIN (a, b)
                                                  : MAX (a, b);
        fov_view_set_int (out, o, fov_wrap_int (out->dtype, y));
    }
}

static gboolean
scatter_elements_infer (FovNode *node, GError **error)
{
    const FovScatterParams *p = node->params;

    if (!check_elements (node, error) ||
        !fov_infer_dtype (node, 0, p->reduction ? FOV_NUMBERS : FOV_ANY_DTYPE, error) ||
        !fov_infer_dtype (node, 2, FOV_DTYPE_BIT (node->inputs[0]->dtype), error))
        return FALSE;
    if (!fov_shape_equal (fov_in_shape (node, 1), fov_in_shape (node, 2)))
        return fov_node_error (node, error, "indices and updates differ in shape");
    return fov_infer_same (node, error);
}

static gboolean
scatter_elements_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovScatterParams *p = node->params;
    gint64 stride[FOV_MAX_RANK], at[FOV_MAX_RANK] = { 0 }, place;
    gint64 n = fov_shape_elements (&in[1].shape);

    fov_reference_copy (node, in, out, NULL);
    fov_strides (&in->shape, stride);
    for (gint64 i = 0; i < n; i++, fov_next_coord (&in[1].shape, at)) {
        if (!element_place (node, in, i, at, stride, &place, error))
            return FALSE;
        update (p->reduction, out, place, &in[2], i);
    }
    return TRUE;
}

/* ---- GatherND, ScatterND ---------------------------------------------- */

/* Rows of indices: their count, how many entries each has, and what they name. */
typedef struct {
    gint64 rows, entries;
    gint64 batch; /* rows per batch */
    gint64 slice; /* elements each row names */
} NdLayout;

static gboolean
nd_check (const FovNode *node, gint64 batch_dims, GError **error)
{
    const FovShape *x = fov_in_shape (node, 0), *indices = fov_in_shape (node, 1);
    gint64 k;

    if (!check_indices (node, 1, error) || !fov_infer_rank (node, 0, 1, FOV_MAX_RANK, error) ||
        !fov_infer_rank (node, 1, 1, FOV_MAX_RANK, error))
        return FALSE;
    if (batch_dims < 0 || batch_dims >= MIN (x->rank, indices->rank))
        return fov_node_error (node, error, "batch_dims is %" G_GINT64_FORMAT, batch_dims);
    for (int d = 0; d < batch_dims; d++)
        if (x->dim[d] != indices->dim[d])
            return fov_node_error (node, error, "data and indices differ in batch dimension %d", d);
    k = indices->dim[indices->rank - 1];
    if (k < 1 || k > x->rank - batch_dims)
        return fov_node_error (node, error,
                               "indices have %" G_GINT64_FORMAT " entries, expected 1 to %" //
                               G_GINT64_FORMAT,
                               k, x->rank - batch_dims);
    return TRUE;
}

static NdLayout
nd_layout (const FovView *in, int batch_dims)
{
    const FovShape *indices = &in[1].shape;
    NdLayout l;

    l.entries = indices->dim[indices->rank - 1];
    l.rows = fov_shape_span (indices, 0, indices->rank - 1);
    l.batch = fov_shape_span (indices, batch_dims, indices->rank - 1);
    l.slice = fov_shape_span (&in->shape, batch_dims + (int) l.entries, in->shape.rank);
    return l;
}

/* First element that row names. */
static gboolean
nd_place (const FovNode *node, const FovView *in, const NdLayout *l, int batch_dims, gint64 row,
          gint64 *place, GError **error)
{
    gint64 stride[FOV_MAX_RANK], index;

    fov_strides (&in->shape, stride);
    *place = row / l->batch * fov_shape_span (&in->shape, batch_dims, in->shape.rank);
    for (gint64 k = 0; k < l->entries; k++) {
        int d = batch_dims + (int) k;
        if (!fov_gather_index (node, &in[1], row * l->entries + k, in->shape.dim[d], &index, error))
            return FALSE;
        *place += index * stride[d];
    }
    return TRUE;
}

/* indices.shape[:-1] + data.shape[batch_dims + entries:] */
static gboolean
nd_result (const FovNode *node, gint64 batch_dims, FovShape *out, GError **error)
{
    const FovShape *x = fov_in_shape (node, 0), *indices = fov_in_shape (node, 1);
    int first = (int) (batch_dims + indices->dim[indices->rank - 1]);

    if (indices->rank - 1 + x->rank - first > FOV_MAX_RANK)
        return fov_node_error (node, error, "the result has rank %d, at most %d is supported",
                               indices->rank - 1 + x->rank - first, FOV_MAX_RANK);
    *out = *indices;
    out->rank--;
    for (int d = first; d < x->rank; d++)
        out->dim[out->rank++] = x->dim[d];
    return TRUE;
}

static gboolean
gather_nd_infer (FovNode *node, GError **error)
{
    const FovGatherNdParams *p = node->params;
    FovShape out;

    return nd_check (node, p->batch_dims, error) && nd_result (node, p->batch_dims, &out, error) &&
           fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
gather_nd_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovGatherNdParams *p = node->params;
    int batch_dims = (int) p->batch_dims;
    NdLayout l = nd_layout (in, batch_dims);
    gint64 place;

    for (gint64 row = 0; row < l.rows; row++) {
        if (!nd_place (node, in, &l, batch_dims, row, &place, error))
            return FALSE;
        fov_copy_elements (out, row * l.slice, in, place, l.slice);
    }
    return TRUE;
}

static gboolean
scatter_nd_infer (FovNode *node, GError **error)
{
    const FovScatterParams *p = node->params;
    FovShape want;

    if (!nd_check (node, 0, error) || !nd_result (node, 0, &want, error) ||
        !fov_infer_dtype (node, 0, p->reduction ? FOV_NUMBERS : FOV_ANY_DTYPE, error) ||
        !fov_infer_dtype (node, 2, FOV_DTYPE_BIT (node->inputs[0]->dtype), error))
        return FALSE;
    if (!fov_shape_equal (fov_in_shape (node, 2), &want)) {
        g_autofree char *a = fov_shape_to_string (fov_in_shape (node, 2));
        g_autofree char *b = fov_shape_to_string (&want);
        return fov_node_error (node, error, "updates have shape %s, expected %s", a, b);
    }
    return fov_infer_same (node, error);
}

static gboolean
scatter_nd_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovScatterParams *p = node->params;
    NdLayout l = nd_layout (in, 0);
    gint64 place;

    fov_reference_copy (node, in, out, NULL);
    for (gint64 row = 0; row < l.rows; row++) {
        if (!nd_place (node, in, &l, 0, row, &place, error))
            return FALSE;
        for (gint64 i = 0; i < l.slice; i++)
            update (p->reduction, out, place + i, &in[2], row * l.slice + i);
    }
    return TRUE;
}

/* ---- NonZero: coordinates of what is not 0, [rank, count] ------------- */

static gboolean
non_zero_infer (FovNode *node, GError **error)
{
    FovTensor *out = fov_out (node, 0);

    fov_infer_unknown (node, 0, FOV_I64, 2);
    if (out)
        out->shape.dim[0] = fov_in_shape (node, 0)->rank;
    return TRUE;
}

static gboolean
non_zero_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 n = fov_shape_elements (&in->shape), count = 0, found = 0;
    gint64 at[FOV_MAX_RANK] = { 0 };
    int rank = in->shape.rank;

    for (gint64 i = 0; i < n; i++)
        count += fov_view_get (in, i) != 0;
    out->dtype = FOV_I64;
    out->shape = (FovShape){ 2, { rank, count } };
    out->data = g_new0 (gint64, MAX (rank * count, 1));
    for (gint64 i = 0; i < n; i++, fov_next_coord (&in->shape, at)) {
        if (fov_view_get (in, i) == 0)
            continue;
        for (int d = 0; d < rank; d++)
            fov_view_set_int (out, d * count + found, at[d]);
        found++;
    }
    return TRUE;
}

/* ---- OneHot ----------------------------------------------------------- */

static gboolean
one_hot_infer (FovNode *node, GError **error)
{
    FovAxisParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0);
    FovShape out = { x->rank + 1, { 0 } };
    double depth;
    int from = 0;

    if (!fov_infer_dtype (node, 0, FOV_NUMBERS, error) ||
        !fov_infer_dtype (node, 1, FOV_NUMBERS, error) || !fov_infer_vector (node, 2, 2, error))
        return FALSE;
    if (out.rank > FOV_MAX_RANK)
        return fov_node_error (node, error, "the result has rank %d, at most %d is supported",
                               out.rank, FOV_MAX_RANK);
    if (fov_tensor_elements (node->inputs[1]) != 1)
        return fov_node_error (node, error, "depth has %" G_GINT64_FORMAT " elements, expected 1",
                               fov_tensor_elements (node->inputs[1]));
    if (!normalize_axis (node, out.rank, error))
        return FALSE;
    if (!fov_tensor_scalar (node->inputs[1], &depth)) {
        fov_infer_unknown (node, 0, node->inputs[2]->dtype, out.rank);
        return TRUE;
    }
    if (!(depth >= 0 && depth <= G_MAXINT32))
        return fov_node_error (node, error, "depth is %g", depth);
    for (int d = 0; d < out.rank; d++)
        out.dim[d] = d == p->axis ? (gint64) depth : x->dim[from++];
    return fov_infer_output (node, 0, node->inputs[2]->dtype, &out, error);
}

static gboolean
one_hot_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovAxisParams *p = node->params;
    int axis = (int) p->axis;
    gint64 n = fov_shape_elements (&out->shape), depth = out->shape.dim[axis];
    gint64 inner = fov_shape_span (&out->shape, axis + 1, out->shape.rank);

    for (gint64 i = 0; i < n; i++) {
        gint64 index = fov_view_get_int (in, i / inner / depth * inner + i % inner);
        gint64 place = i / inner % depth;
        gboolean on = index == place || index == place - depth;
        fov_copy_elements (out, i, &in[2], on ? 1 : 0, 1);
    }
    return TRUE;
}

/* ---- the table -------------------------------------------------------- */

static const FovParam axis_params[] = {
    FOV_P_INT ("axis", FovAxisParams, axis, 0),
    FOV_P_END,
};

static const FovOpDef gather = {
    .name = "Gather",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = axis_params,
    .params_size = sizeof (FovAxisParams),
    .infer = gather_infer,
    .reference = gather_reference,
    .gradient = fov_gradient_gather,
    .host = &fov_host_gather,
    .flops = NULL,
    .gpu = &fov_gpu_gather,
};

static const FovOpDef gather_elements = {
    .name = "GatherElements",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = axis_params,
    .params_size = sizeof (FovAxisParams),
    .infer = gather_elements_infer,
    .reference = gather_elements_reference,
    .gradient = fov_gradient_gather_elements,
    .host = NULL,
    .flops = NULL,
    .gpu = &fov_gpu_gather_elements,
};

static const FovParam scatter_elements_params[] = {
    FOV_P_INT ("axis", FovScatterParams, axis.axis, 0),
    FOV_P_ENUM ("reduction", FovScatterParams, reduction, FOV_SCATTER_NONE, reductions),
    FOV_P_END,
};

static const FovOpDef scatter_elements = {
    .name = "ScatterElements",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = scatter_elements_params,
    .params_size = sizeof (FovScatterParams),
    .infer = scatter_elements_infer,
    .reference = scatter_elements_reference,
    .gradient = fov_gradient_scatter_elements,
    .host = NULL,
    .flops = NULL,
    .gpu = &fov_gpu_gather_elements,
};

static const FovParam gather_nd_params[] = {
    FOV_P_INT ("batch_dims", FovGatherNdParams, batch_dims, 0),
    FOV_P_END,
};

static const FovOpDef gather_nd = {
    .name = "GatherND",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = gather_nd_params,
    .params_size = sizeof (FovGatherNdParams),
    .infer = gather_nd_infer,
    .reference = gather_nd_reference,
    .gradient = fov_gradient_gather_nd,
    .host = NULL,
    .flops = NULL,
    .gpu = &fov_gpu_gather_nd,
};

static const FovParam scatter_nd_params[] = {
    FOV_P_ENUM ("reduction", FovScatterParams, reduction, FOV_SCATTER_NONE, reductions),
    FOV_P_END,
};

static const FovOpDef scatter_nd = {
    .name = "ScatterND",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = scatter_nd_params,
    .params_size = sizeof (FovScatterParams),
    .infer = scatter_nd_infer,
    .reference = scatter_nd_reference,
    .gradient = fov_gradient_scatter_nd,
    .host = NULL,
    .flops = NULL,
    .gpu = &fov_gpu_gather_nd,
};

static const FovOpDef non_zero = {
    .name = "NonZero",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_DYNAMIC,
    .infer = non_zero_infer,
    .reference = non_zero_reference,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovParam one_hot_params[] = {
    FOV_P_INT ("axis", FovAxisParams, axis, -1),
    FOV_P_END,
};

static const FovOpDef one_hot = {
    .name = "OneHot",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = one_hot_params,
    .params_size = sizeof (FovAxisParams),
    .infer = one_hot_infer,
    .reference = one_hot_reference,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

const FovOpDef *const fov_ops_gather[] = {
    &gather,     &gather_elements, &scatter_elements, &gather_nd,
    &scatter_nd, &non_zero,        &one_hot,          NULL,
};
