/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * TensorFlow means NHWC, the graph wants NCHW. A value that comes out of a
 * convolution stays NCHW, with a note, through everything that does not care;
 * only where an op's meaning depends on the order of axes is it turned back.
 */
#include "model/tfjs.h"

#include <string.h>

const gint64 fov_tfjs_nchw_axis[4] = { 0, 2, 3, 1 };

static const gint64 to_nhwc[4] = { 0, 2, 3, 1 };
static const gint64 to_nchw[4] = { 0, 3, 1, 2 };

FovTensor *
fov_tfjs_emit (FovTfjs *tfjs, const FovTfjsNode *node, const char *op, FovTensor *const *inputs,
               guint n_inputs, const FovAttr *attrs, guint n_attrs, GError **error)
{
    FovNode *made = fov_graph_add_node (tfjs->graph, op, node->shown, inputs, n_inputs, 1, attrs,
                                        n_attrs, error);

    return made ? made->outputs[0] : NULL;
}

static GBytes *
permute_bytes (const FovTensor *constant, const int *perm)
{
    const gsize size = fov_dtype_size (constant->dtype);
    const guint8 *from = g_bytes_get_data (constant->data, NULL);
    const int rank = constant->shape.rank;
    gsize n = (gsize) fov_tensor_elements (constant), at = 0;
    gint64 stride[FOV_MAX_RANK], index[FOV_MAX_RANK] = { 0 };
    guint8 *to = g_malloc (MAX (n * size, 1));
    gint64 step = 1;

    for (int i = rank; i-- > 0;) {
        stride[i] = step;
        step *= constant->shape.dim[i];
    }
    for (gsize k = 0; k < n; k++) {
        memcpy (to + k * size, from + at * size, size);
        for (int i = rank; i-- > 0;) { /* an odometer over the new shape */
            at += (gsize) stride[perm[i]];
            if (++index[i] < constant->shape.dim[perm[i]])
                break;
            at -= (gsize) (index[i] * stride[perm[i]]);
            index[i] = 0;
        }
    }
    return g_bytes_new_take (to, n * size);
}

/* One filter may serve many nodes: it is turned and kept once. */
FovTensor *
fov_tfjs_permute (FovTfjs *tfjs, const FovTensor *constant, const int *perm, const FovShape *shape)
{
    g_autofree char *from = fov_shape_to_string (&constant->shape);
    g_autofree char *to = fov_shape_to_string (shape);
    g_autofree char *key = g_strdup_printf ("%p %s %d %s", (const void *) constant->data, from,
                                            perm[0] * 8 + perm[1], to);
    FovTensor *tensor = g_hash_table_lookup (tfjs->permuted, key);
    g_autoptr (GBytes) data = NULL;

    if (tensor)
        return tensor;
    data = permute_bytes (constant, perm);
    tensor = fov_graph_add_constant (tfjs->graph, NULL, constant->dtype, shape, data, NULL);
    g_hash_table_insert (tfjs->permuted, g_steal_pointer (&key), tensor);
    return tensor;
}

static FovTensor *
transpose (FovTfjs *tfjs, const FovTfjsNode *node, FovTensor *tensor, const gint64 *perm,
           GError **error)
{
    FovAttr attr = { .name = "perm", .type = FOV_ATTR_INTS, .ints = perm, .n = 4 };

    return fov_tfjs_emit (tfjs, node, "Transpose", &tensor, 1, &attr, 1, error);
}

FovTensor *
fov_tfjs_plain (FovTfjs *tfjs, const FovTfjsNode *node, FovTfjsValue *value, GError **error)
{
    if (!value->nchw)
        return value->tensor;
    if (!value->other)
        value->other = transpose (tfjs, node, value->tensor, to_nhwc, error);
    return value->other;
}

FovTensor *
fov_tfjs_nchw (FovTfjs *tfjs, const FovTfjsNode *node, FovTfjsValue *value, GError **error)
{
    if (value->nchw)
        return value->tensor;
    if (value->rank >= 0 && value->rank != 4) {
        fov_tfjs_error (node, FOV_ERROR_SHAPE, error, "an input of %d dimensions, expected 4",
                        value->rank);
        return NULL;
    }
    if (!value->other)
        value->other = transpose (tfjs, node, value->tensor, to_nchw, error);
    return value->other;
}

FovTensor *
fov_tfjs_beside_nchw (FovTfjs *tfjs, const FovTfjsNode *node, FovTfjsValue *value, GError **error)
{
    static const int turn[4] = { 0, 3, 1, 2 };
    FovTensor *tensor = value->tensor;
    FovShape turned = { 4, { 1, 1, 1, 1 } };
    FovTensor wide;

    if (value->nchw || value->rank == 4)
        return fov_tfjs_nchw (tfjs, node, value, error);
    if (value->rank == 0)
        return tensor;
    if (!tensor->data || tensor->shape.rank > 4)
        return NULL;
    if (fov_tensor_elements (tensor) == 1 && tensor->shape.rank <= 1)
        return tensor;
    wide = *tensor; /* the same bytes, with leading ones */
    wide.shape = turned;
    for (int i = 0; i < tensor->shape.rank; i++)
        wide.shape.dim[4 - tensor->shape.rank + i] = tensor->shape.dim[i];
    for (int i = 0; i < 4; i++)
        turned.dim[i] = wide.shape.dim[turn[i]];
    return fov_tfjs_permute (tfjs, &wide, turn, &turned);
}
