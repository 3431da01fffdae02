/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/infer.h"

#define MAX_ELEMENTS ((gint64) G_MAXINT32)

const char *const fov_no_names[] = { NULL };

gboolean
fov_dtype_from_onnx (gint64 number, FovDType *dtype)
{
    static const struct {
        gint64 number;
        FovDType dtype;
    } table[] = { { 1, FOV_F32 }, { 2, FOV_U8 },   { 3, FOV_I8 },   { 5, FOV_I16 }, { 6, FOV_I32 },
                  { 7, FOV_I64 }, { 9, FOV_BOOL }, { 10, FOV_F16 }, { 11, FOV_F64 } };

    for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
        if (table[i].number == number) {
            *dtype = table[i].dtype;
            return TRUE;
        }
    }
    return FALSE;
}

gint64
fov_wrap_int (FovDType dtype, gint64 value)
{
    switch (dtype) {
    case FOV_I8:
        return (gint8) value;
    case FOV_U8:
        return (guint8) value;
    case FOV_I16:
        return (gint16) value;
    case FOV_I32:
        return (gint32) value;
    default:
        return value;
    }
}

/* ---- inputs ----------------------------------------------------------- */

static char *
set_names (guint set)
{
    GString *text = g_string_new (NULL);

    for (guint t = 0; t < FOV_N_DTYPES; t++)
        if (set & FOV_DTYPE_BIT (t))
            g_string_append_printf (text, "%s%s", text->len ? ", " : "", fov_dtype_name (t));
    return g_string_free (text, FALSE);
}

gboolean
fov_infer_dtype (const FovNode *node, guint i, guint set, GError **error)
{
    const FovTensor *input = fov_in (node, i);
    g_autofree char *names = NULL;

    if (!input || (set & FOV_DTYPE_BIT (input->dtype)))
        return TRUE;
    names = set_names (set);
    return fov_node_error (node, error, "input %u ('%s') is of type %s, expected %s", i,
                           input->name, fov_dtype_name (input->dtype), names);
}

gboolean
fov_infer_dtypes (const FovNode *node, guint n, guint set, GError **error)
{
    if (!fov_infer_dtype (node, 0, set, error))
        return FALSE;
    for (guint i = 1; i < n; i++)
        if (!fov_infer_dtype (node, i, FOV_DTYPE_BIT (node->inputs[0]->dtype), error))
            return FALSE;
    return TRUE;
}

gboolean
fov_infer_rank (const FovNode *node, guint i, int min, int max, GError **error)
{
    const FovTensor *input = fov_in (node, i);
    g_autofree char *shape = NULL;

    if (!input || (input->shape.rank >= min && input->shape.rank <= max))
        return TRUE;
    shape = fov_shape_to_string (&input->shape);
    if (min == max)
        return fov_node_error (node, error, "input %u ('%s') has shape %s, expected rank %d", i,
                               input->name, shape, min);
    return fov_node_error (node, error, "input %u ('%s') has shape %s, expected rank %d to %d", i,
                           input->name, shape, min, max);
}

gboolean
fov_infer_vector (const FovNode *node, guint i, gint64 n, GError **error)
{
    const FovTensor *input = fov_in (node, i);
    g_autofree char *shape = NULL;

    if (!input || (input->shape.rank == 1 && input->shape.dim[0] == n))
        return TRUE;
    shape = fov_shape_to_string (&input->shape);
    return fov_node_error (node, error,
                           "input %u ('%s') has shape %s, expected a vector of %" G_GINT64_FORMAT
                           " elements",
                           i, input->name, shape, n);
}

FovIntsState
fov_infer_ints (const FovNode *node, guint i, const char *what, gint64 *v, guint cap, guint *n,
                GError **error)
{
    const FovTensor *input = fov_in (node, i);

    *n = 0;
    if (!input)
        return FOV_INTS_ABSENT;
    if (!fov_infer_dtype (node, i, FOV_INTEGERS, error) || !fov_infer_rank (node, i, 0, 1, error))
        return FOV_INTS_BAD;
    if (fov_tensor_elements (input) > cap) {
        fov_node_error (node, error, "%s has %" G_GINT64_FORMAT " entries, expected at most %u",
                        what, fov_tensor_elements (input), cap);
        return FOV_INTS_BAD;
    }
    return fov_tensor_ints (input, v, cap, n) ? FOV_INTS_READ : FOV_INTS_UNKNOWN;
}

gboolean
fov_infer_axis (const FovNode *node, gint64 axis, int rank, int *normal, GError **error)
{
    *normal = 0;
    if (axis < -rank || axis >= rank)
        return fov_node_error (node, error,
                               "axis %" G_GINT64_FORMAT " is out of range for a tensor of rank %d",
                               axis, rank);
    *normal = (int) (axis < 0 ? axis + rank : axis);
    return TRUE;
}

gboolean
fov_infer_axes (const FovNode *node, const gint64 *axes, guint n, int rank, guint *mask,
                GError **error)
{
    *mask = 0;
    for (guint i = 0; i < n; i++) {
        int axis;
        if (!fov_infer_axis (node, axes[i], rank, &axis, error))
            return FALSE;
        if (*mask & 1u << axis)
            return fov_node_error (node, error, "axis %d is given twice", axis);
        *mask |= 1u << axis;
    }
    return TRUE;
}

/* ---- outputs ---------------------------------------------------------- */

gboolean
fov_checked_mul (gint64 a, gint64 b, gint64 *product)
{
    return a >= 0 && b >= 0 && !__builtin_mul_overflow (a, b, product);
}

gboolean
fov_infer_input (const FovNode *node, guint i, FovShape want, GError **error)
{
    const FovTensor *in = fov_in (node, i);

    if (!in || (fov_shape_equal (&in->shape, &want) && in->dtype == node->inputs[0]->dtype))
        return TRUE;
    g_autofree char *found = fov_shape_to_string (&in->shape);
    g_autofree char *expected = fov_shape_to_string (&want);
    return fov_node_error (node, error, "input %u is %s, expected %s", i, found, expected);
}

gboolean
fov_infer_output (FovNode *node, guint i, FovDType dtype, const FovShape *shape, GError **error)
{
    FovTensor *output = fov_out (node, i);
    gint64 n = 1;

    if (shape->rank < 0 || shape->rank > FOV_MAX_RANK)
        return fov_node_error (node, error, "output %u has rank %d, at most %d is supported", i,
                               shape->rank, FOV_MAX_RANK);
    for (int d = 0; d < shape->rank; d++) {
        if (shape->dim[d] < 0)
            return fov_node_error (node, error,
                                   "output %u has a negative size, %" G_GINT64_FORMAT
                                   ", in dimension %d",
                                   i, shape->dim[d], d);
        if (!fov_checked_mul (n, MAX (shape->dim[d], 1), &n) || n > MAX_ELEMENTS) {
            g_autofree char *text = fov_shape_to_string (shape);
            return fov_node_error (node, error,
                                   "output %u of shape %s is too large, at most 2^31 - 1 elements",
                                   i, text);
        }
    }
    if (output) {
        output->dtype = dtype;
        output->shape = *shape;
    }
    return TRUE;
}

void
fov_infer_unknown (FovNode *node, guint i, FovDType dtype, int rank)
{
    FovTensor *output = fov_out (node, i);

    if (!output)
        return;
    output->dtype = dtype;
    output->shape.rank = rank;
    for (int d = 0; d < rank; d++)
        output->shape.dim[d] = -1;
}

gboolean
fov_infer_same (FovNode *node, GError **error)
{
    return fov_infer_output (node, 0, node->inputs[0]->dtype, fov_in_shape (node, 0), error);
}

gboolean
fov_infer_broadcast (const FovNode *node, FovShape *shape, const FovShape *other, GError **error)
{
    FovShape a = *shape;
    int rank = MAX (a.rank, other->rank);

    shape->rank = rank;
    for (int d = 0; d < rank; d++) {
        int da = d - (rank - a.rank), db = d - (rank - other->rank);
        gint64 x = da < 0 ? 1 : a.dim[da], y = db < 0 ? 1 : other->dim[db];
        if (x != y && x != 1 && y != 1) {
            g_autofree char *text = fov_shape_to_string (&a);
            g_autofree char *text2 = fov_shape_to_string (other);
            return fov_node_error (node, error, "shapes %s and %s do not broadcast", text, text2);
        }
        shape->dim[d] = x == 1 ? y : x;
    }
    return TRUE;
}

/* ---- windows of convolutions and pools -------------------------------- */

#define MAX_WINDOW 65536 /* of any kernel, stride, dilation or padding; keeps products small */

gboolean
fov_infer_list (const FovNode *node, FovInts *list, const char *what, int n, gint64 value,
                gint64 min, gint64 max, GError **error)
{
    if (list->n == 0) {
        list->n = n;
        for (int i = 0; i < n; i++)
            list->v[i] = value;
    }
    if (list->n != n)
        return fov_node_error (node, error, "%s has %d entries, expected %d", what, list->n, n);
    for (int i = 0; i < n; i++)
        if (list->v[i] < min || list->v[i] > max)
            return fov_node_error (node, error,
                                   "%s has an entry %" G_GINT64_FORMAT
                                   ", expected %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                                   what, list->v[i], min, max);
    return TRUE;
}

gboolean
fov_infer_window (const FovNode *node, const FovWindow *w, GError **error)
{
    if (w->kernel_shape->n == 0)
        return fov_node_error (node, error, "kernel_shape is missing");
    return fov_infer_list (node, w->kernel_shape, "kernel_shape", 2, 1, 1, MAX_WINDOW, error) &&
           fov_infer_list (node, w->strides, "strides", 2, 1, 1, MAX_WINDOW, error) &&
           fov_infer_list (node, w->dilations, "dilations", 2, 1, 1, MAX_WINDOW, error) &&
           fov_infer_list (node, w->pads, "pads", 4, 0, 0, MAX_WINDOW, error);
}

/* Pads so that the output has ceil (size / stride) elements. */
static void
resolve_auto_pad (const FovWindow *w, int axis, gint64 size, gint64 extent)
{
    gint64 stride = w->strides->v[axis];
    gint64 total = 0;

    if (*w->auto_pad != FOV_PAD_VALID)
        total = MAX (((size + stride - 1) / stride - 1) * stride + extent - size, 0);
    w->pads->v[axis] = *w->auto_pad == FOV_PAD_SAME_LOWER ? total - total / 2 : total / 2;
    w->pads->v[axis + 2] = total - w->pads->v[axis];
}

gboolean
fov_infer_window_output (const FovNode *node, const FovWindow *w, const FovShape *input,
                         gboolean ceil_mode, gint64 out[2], GError **error)
{
    for (int axis = 0; axis < 2; axis++) {
        gint64 size = input->dim[axis + 2];
        gint64 stride = w->strides->v[axis];
        gint64 extent = (w->kernel_shape->v[axis] - 1) * w->dilations->v[axis] + 1;
        gint64 padded, last;

        if (*w->auto_pad != FOV_PAD_NOTSET)
            resolve_auto_pad (w, axis, size, extent);
        padded = size + w->pads->v[axis] + w->pads->v[axis + 2];
        if (size < 1 || extent > padded)
            return fov_node_error (node, error,
                                   "the kernel covers %" G_GINT64_FORMAT
                                   " pixels, more than the padded input's %" G_GINT64_FORMAT
                                   " in its %s",
                                   extent, size < 1 ? 0 : padded, axis ? "width" : "height");
        last = padded - extent;
        out[axis] = (ceil_mode ? (last + stride - 1) / stride : last / stride) + 1;
        if (ceil_mode && (out[axis] - 1) * stride >= size + w->pads->v[axis])
            out[axis]--;
    }
    *w->auto_pad = FOV_PAD_NOTSET;
    return TRUE;
}

/* ---- walking over elements -------------------------------------------- */

void
fov_strides (const FovShape *shape, gint64 *stride)
{
    guint64 n = 1; /* unsigned: an empty tensor's other dimensions may be of any size */

    for (int d = shape->rank - 1; d >= 0; d--) {
        stride[d] = (gint64) n;
        n *= (guint64) shape->dim[d];
    }
}

void
fov_broadcast_strides (const FovShape *shape, const FovShape *out, gint64 *stride)
{
    gint64 own[FOV_MAX_RANK];
    int lead = out->rank - shape->rank;

    fov_strides (shape, own);
    for (int d = 0; d < out->rank; d++)
        stride[d] = d < lead || shape->dim[d - lead] == 1 ? 0 : own[d - lead];
}

gint64
fov_shape_span (const FovShape *shape, int from, int to)
{
    guint64 n = 1;

    for (int d = from; d < to; d++)
        n *= (guint64) shape->dim[d];
    return (gint64) n;
}

void
fov_copy_strided (const FovView *in, gint64 start, const gint64 *stride, FovView *out)
{
    gint64 at[FOV_MAX_RANK] = { 0 }, n = fov_shape_elements (&out->shape);

    for (gint64 i = 0; i < n; i++, fov_next_coord (&out->shape, at))
        fov_copy_elements (out, i, in, start + fov_index (out->shape.rank, at, stride), 1);
}

gboolean
fov_reference_copy (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    fov_copy_elements (out, 0, in, 0, fov_shape_elements (&in->shape));
    return TRUE;
}
