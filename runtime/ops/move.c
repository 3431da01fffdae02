/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ops that only move elements: their references copy bytes, whatever the dtype. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

/* ---- Transpose -------------------------------------------------------- */

static gboolean
transpose_infer (FovNode *node, GError **error)
{
    FovTransposeParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0);
    FovShape out = { x->rank, { 0 } };
    guint mask;

    if (p->perm.n == 0) {
        p->perm.n = x->rank;
        for (int d = 0; d < x->rank; d++)
            p->perm.v[d] = x->rank - 1 - d;
    }
    if (p->perm.n != x->rank)
        return fov_node_error (node, error, "perm has %d entries for a tensor of rank %d",
                               p->perm.n, x->rank);
    if (!fov_infer_axes (node, p->perm.v, p->perm.n, x->rank, &mask, error))
        return FALSE;
    for (int d = 0; d < x->rank; d++) {
        if (p->perm.v[d] < 0)
            p->perm.v[d] += x->rank;
        out.dim[d] = x->dim[p->perm.v[d]];
    }
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
transpose_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovTransposeParams *p = node->params;
    gint64 own[FOV_MAX_RANK], stride[FOV_MAX_RANK];

    fov_strides (&in->shape, own);
    for (int d = 0; d < p->perm.n; d++)
        stride[d] = own[p->perm.v[d]];
    fov_copy_strided (in, 0, stride, out);
    return TRUE;
}

/* ---- Concat ----------------------------------------------------------- */

static gboolean
concat_infer (FovNode *node, GError **error)
{
    FovAxisParams *p = node->params;
    FovShape out = *fov_in_shape (node, 0);
    int axis;

    if (!fov_infer_axis (node, p->axis, out.rank, &axis, error))
        return FALSE;
    p->axis = axis;
    for (guint i = 1; i < node->n_inputs; i++) {
        const FovShape *x = node->inputs[i] ? fov_in_shape (node, i) : NULL;
        gboolean fits = x && x->rank == out.rank;
        for (int d = 0; fits && d < out.rank; d++)
            fits = d == axis || x->dim[d] == out.dim[d];
        if (!fits) {
            g_autofree char *a = fov_shape_to_string (fov_in_shape (node, 0));
            g_autofree char *b = x ? fov_shape_to_string (x) : g_strdup ("nothing");
            return fov_node_error (node, error,
                                   "input %u has shape %s, which does not join %s along axis %d", i,
                                   b, a, axis);
        }
        if (__builtin_add_overflow (out.dim[axis], x->dim[axis], &out.dim[axis]))
            return fov_node_error (node, error, "the result is too large");
    }
    return fov_infer_dtypes (node, node->n_inputs, FOV_ANY_DTYPE, error) &&
           fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
concat_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovAxisParams *p = node->params;
    int axis = (int) p->axis, rank = out->shape.rank;
    gint64 rows = fov_shape_span (&out->shape, 0, axis);
    gint64 width = fov_shape_span (&out->shape, axis, rank), done = 0;

    for (guint k = 0; k < node->n_inputs; k++) {
        gint64 part = fov_shape_span (&in[k].shape, axis, rank);
        for (gint64 r = 0; r < rows; r++)
            fov_copy_elements (out, r * width + done, &in[k], r * part, part);
        done += part;
    }
    return TRUE;
}

/* ---- Split ------------------------------------------------------------ */

/* Size of every part along the axis; FALSE with known = TRUE on an error. */
static gboolean
split_sizes (FovNode *node, gint64 size, gint64 *part, gboolean *known, GError **error)
{
    const FovAxisParams *p = node->params;
    gint64 count = node->n_outputs, sum = 0;
    guint n;

    *known = TRUE;
    switch (fov_infer_ints (node, 1, "split", part, node->n_outputs, &n, error)) {
    case FOV_INTS_BAD:
        return FALSE;
    case FOV_INTS_UNKNOWN:
        *known = FALSE;
        return FALSE;
    case FOV_INTS_READ:
        if (n != count)
            return fov_node_error (node, error, "split has %u entries for %u outputs", n,
                                   node->n_outputs);
        break;
    case FOV_INTS_ABSENT:
        if (p->num_outputs && p->num_outputs != count)
            return fov_node_error (node, error,
                                   "num_outputs is %" G_GINT64_FORMAT ", but there are %u outputs",
                                   p->num_outputs, node->n_outputs);
        if (!p->num_outputs && size % count)
            return fov_node_error (node, error,
                                   "%" G_GINT64_FORMAT " elements do not split into %u equal parts",
                                   size, node->n_outputs);
        for (gint64 i = 0; i < count; i++) {
            gint64 chunk = (size + count - 1) / count;
            part[i] = CLAMP (size - i * chunk, 0, chunk);
        }
    }
    for (gint64 i = 0; i < count; i++)
        if (part[i] < 0 || __builtin_add_overflow (sum, part[i], &sum))
            return fov_node_error (node, error, "split has an entry of %" G_GINT64_FORMAT, part[i]);
    if (sum != size)
        return fov_node_error (node, error,
                               "split adds up to %" G_GINT64_FORMAT ", expected %" G_GINT64_FORMAT,
                               sum, size);
    return TRUE;
}

static gboolean
split_infer (FovNode *node, GError **error)
{
    FovAxisParams *p = node->params;
    FovShape out = *fov_in_shape (node, 0);
    FovDType dtype = node->inputs[0]->dtype;
    g_autofree gint64 *part = g_new0 (gint64, node->n_outputs);
    gboolean known;
    int axis;

    if (!fov_infer_axis (node, p->axis, out.rank, &axis, error))
        return FALSE;
    p->axis = axis;
    if (!split_sizes (node, out.dim[axis], part, &known, error)) {
        for (guint i = 0; !known && i < node->n_outputs; i++)
            fov_infer_unknown (node, i, dtype, out.rank);
        return !known;
    }
    for (guint i = 0; i < node->n_outputs; i++) {
        out.dim[axis] = part[i];
        if (!fov_infer_output (node, i, dtype, &out, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
split_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovAxisParams *p = node->params;
    int axis = (int) p->axis, rank = in->shape.rank;
    gint64 rows = fov_shape_span (&in->shape, 0, axis);
    gint64 width = fov_shape_span (&in->shape, axis, rank);
    gint64 inner = fov_shape_span (&in->shape, axis + 1, rank), done = 0;

    for (guint k = 0; k < node->n_outputs; k++) {
        gint64 part = node->outputs[k] ? node->outputs[k]->shape.dim[axis] * inner : 0;
        for (gint64 r = 0; r < rows && out[k].data; r++)
            fov_copy_elements (&out[k], r * part, in, r * width + done, part);
        done += part;
    }
    return TRUE;
}

/* ---- Slice ------------------------------------------------------------ */

/* One axis by numpy's rules: start and count of what is taken. */
static gint64
slice_axis (gint64 size, gint64 from, gint64 to, gint64 step, gint64 *start)
{
    gint64 low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;

    from = CLAMP (from < 0 ? from + size : from, low, high);
    to = CLAMP (to < 0 ? to + size : to, low, high);
    *start = from;
    if (step > 0)
        return to > from ? (to - from - 1) / step + 1 : 0;
    return from > to ? (from - to - 1) / -step + 1 : 0;
}

/* starts, ends, axes, steps: 1 if read, 0 if they depend on data, -1 with the error set. */
static int
slice_inputs (const FovNode *node, gint64 v[4][FOV_MAX_RANK], guint *n, GError **error)
{
    static const char *const names[] = { "starts", "ends", "axes", "steps" };
    gboolean known = TRUE;
    guint count;

    for (guint k = 0; k < 4; k++) {
        FovIntsState state =
            fov_infer_ints (node, k + 1, names[k], v[k], FOV_MAX_RANK, &count, error);
        if (state == FOV_INTS_BAD)
            return -1;
        if (state == FOV_INTS_UNKNOWN)
            known = FALSE;
        if (state == FOV_INTS_ABSENT)
            for (guint i = 0; i < FOV_MAX_RANK; i++)
                v[k][i] = k == 3 ? 1 : i;
        if (state != FOV_INTS_READ)
            continue;
        if (k == 0)
            *n = count;
        if (known && count != *n) {
            fov_node_error (node, error, "%s has %u entries, starts has %u", names[k], count, *n);
            return -1;
        }
    }
    return known;
}

static gboolean
slice_infer (FovNode *node, GError **error)
{
    FovSliceParams *p = node->params;
    FovShape out = *fov_in_shape (node, 0);
    gint64 v[4][FOV_MAX_RANK];
    guint n = 0, mask;
    int known = slice_inputs (node, v, &n, error);

    if (known < 0)
        return FALSE;
    if (!known) {
        fov_infer_unknown (node, 0, node->inputs[0]->dtype, out.rank);
        return TRUE;
    }
    if (!fov_infer_axes (node, v[2], n, out.rank, &mask, error))
        return FALSE;
    p->start.n = p->step.n = out.rank;
    for (int d = 0; d < out.rank; d++) {
        p->start.v[d] = 0;
        p->step.v[d] = 1;
    }
    for (guint i = 0; i < n; i++) {
        int d = (int) (v[2][i] < 0 ? v[2][i] + out.rank : v[2][i]);
        gint64 step = CLAMP (v[3][i], -G_MAXINT32, G_MAXINT32); /* as far as any tensor is long */
        if (step == 0)
            return fov_node_error (node, error, "steps has a 0 for axis %d", d);
        p->step.v[d] = step;
        out.dim[d] = slice_axis (out.dim[d], v[0][i], v[1][i], step, &p->start.v[d]);
    }
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
slice_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovSliceParams *p = node->params;
    gint64 stride[FOV_MAX_RANK], start = 0;

    if (fov_shape_elements (&out->shape) == 0)
        return TRUE;
    fov_strides (&in->shape, stride);
    for (int d = 0; d < in->shape.rank; d++) {
        start += p->start.v[d] * stride[d];
        stride[d] *= p->step.v[d];
    }
    fov_copy_strided (in, start, stride, out);
    return TRUE;
}

/* ---- the table -------------------------------------------------------- */

static const FovParam transpose_params[] = {
    FOV_P_INTS ("perm", FovTransposeParams, perm),
    FOV_P_END,
};

static const FovOpDef transpose = {
    .name = "Transpose",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = transpose_params,
    .params_size = sizeof (FovTransposeParams),
    .infer = transpose_infer,
    .reference = transpose_reference,
    .gradient = fov_gradient_transpose,
    .host = &fov_host_transpose,
    .flops = NULL,
    .gpu = &fov_gpu_transpose,
};

static const FovParam concat_params[] = {
    FOV_P_INT ("axis", FovAxisParams, axis, 0),
    FOV_P_END,
};

static const FovOpDef concat = {
    .name = "Concat",
    .min_inputs = 1,
    .max_inputs = G_MAXUINT,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = concat_params,
    .params_size = sizeof (FovAxisParams),
    .infer = concat_infer,
    .reference = concat_reference,
    .gradient = fov_gradient_concat,
    .host = &fov_host_concat,
    .flops = NULL,
    .gpu = &fov_gpu_concat,
};

static const FovParam split_params[] = {
    FOV_P_INT ("axis", FovAxisParams, axis, 0),
    FOV_P_INT ("num_outputs", FovAxisParams, num_outputs, 0),
    FOV_P_END,
};

static const FovOpDef split = {
    .name = "Split",
    .min_inputs = 1,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = G_MAXUINT,
    .params = split_params,
    .params_size = sizeof (FovAxisParams),
    .infer = split_infer,
    .reference = split_reference,
    .gradient = fov_gradient_split,
    .host = &fov_host_split,
    .flops = NULL,
    .gpu = &fov_gpu_split,
};

static const FovOpDef slice = {
    .name = "Slice",
    .min_inputs = 3,
    .max_inputs = 5,
    .min_outputs = 1,
    .max_outputs = 1,
    .params_size = sizeof (FovSliceParams),
    .infer = slice_infer,
    .reference = slice_reference,
    .gradient = fov_gradient_slice,
    .host = &fov_host_slice,
    .flops = NULL,
    .gpu = &fov_gpu_slice,
};

static const char *const layout_names[] = { "planar", "blocked", NULL };

static const FovParam reorder_params[] = {
    FOV_P_ENUM ("to", FovReorderParams, to, FOV_PLANAR, layout_names),
    FOV_P_END,
};

static const FovOpDef reorder = {
    .name = "fov.Reorder",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = reorder_params,
    .params_size = sizeof (FovReorderParams),
    .infer = fov_infer_same,
    .reference = fov_reference_copy,
    .host = &fov_host_reorder,
    .flops = NULL,
    .gpu = &fov_gpu_reorder,
};

const FovOpDef *const fov_ops_move[] = {
    &transpose, &concat, &split, &slice, &reorder, NULL,
};
