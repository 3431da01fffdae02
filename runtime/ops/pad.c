/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ops that repeat elements or put others beside them: their references copy bytes. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"
#include "ops/pad.h"

/* ---- Pad -------------------------------------------------------------- */

static const char *const pad_modes[] = { "constant", "reflect", "edge", "wrap", NULL };

static gboolean
pad_axes (FovNode *node, const gint64 *pads, guint n_pads, const gint64 *axes, guint n_axes,
          GError **error)
{
    FovPadParams *p = node->params;
    int rank = fov_in_shape (node, 0)->rank;
    guint mask;

    if (n_pads != 2 * n_axes)
        return fov_node_error (node, error, "pads has %u entries for %u axes, expected %u", n_pads,
                               n_axes, 2 * n_axes);
    if (!fov_infer_axes (node, axes, n_axes, rank, &mask, error))
        return FALSE;
    p->begin = p->end = (FovInts){ rank, { 0 } };
    for (guint i = 0; i < n_axes; i++) {
        gint64 d = axes[i] < 0 ? axes[i] + rank : axes[i];
        p->begin.v[d] = pads[i];
        p->end.v[d] = pads[i + n_axes];
    }
    return TRUE;
}

static gboolean
pad_output (FovNode *node, GError **error)
{
    const FovPadParams *p = node->params;
    FovShape out = *fov_in_shape (node, 0);

    for (int d = 0; d < out.rank; d++) {
        gint64 size = out.dim[d], begin = p->begin.v[d], end = p->end.v[d];
        gint64 room = p->mode == FOV_PAD_REFLECT ? size - 1 : G_MAXINT32;
        if (p->mode != FOV_PAD_CONSTANT && size == 0)
            room = 0;
        if (begin < -size || end < -size || begin > room || end > room)
            return fov_node_error (node, error,
                                   "pads %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT
                                   " do not fit dimension %d of size %" G_GINT64_FORMAT
                                   " in mode '%s'",
                                   begin, end, d, size, pad_modes[p->mode]);
        out.dim[d] = size + begin + end;
    }
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
pad_infer (FovNode *node, GError **error)
{
    FovDType dtype = node->inputs[0]->dtype;
    int rank = fov_in_shape (node, 0)->rank;
    gint64 pads[2 * FOV_MAX_RANK], axes[FOV_MAX_RANK];
    guint n_pads, n_axes;
    FovIntsState pads_state, axes_state;

    pads_state = fov_infer_ints (node, 1, "pads", pads, G_N_ELEMENTS (pads), &n_pads, error);
    if (pads_state == FOV_INTS_BAD || !fov_infer_dtype (node, 2, FOV_DTYPE_BIT (dtype), error))
        return FALSE;
    if (fov_in (node, 2) && fov_tensor_elements (node->inputs[2]) != 1)
        return fov_node_error (node, error,
                               "constant_value has %" G_GINT64_FORMAT " elements, expected 1",
                               fov_tensor_elements (node->inputs[2]));
    axes_state = fov_infer_ints (node, 3, "axes", axes, G_N_ELEMENTS (axes), &n_axes, error);
    if (axes_state == FOV_INTS_BAD)
        return FALSE;
    if (pads_state == FOV_INTS_UNKNOWN || axes_state == FOV_INTS_UNKNOWN) {
        fov_infer_unknown (node, 0, dtype, rank);
        return TRUE;
    }
    if (axes_state == FOV_INTS_ABSENT)
        for (n_axes = 0; (int) n_axes < rank; n_axes++)
            axes[n_axes] = n_axes;
    return pad_axes (node, pads, n_pads, axes, n_axes, error) && pad_output (node, error);
}

gint64
fov_pad_source (int mode, gint64 x, gint64 size)
{
    if (x >= 0 && x < size)
        return x;
    switch (mode) {
    case FOV_PAD_REFLECT:
        return x < 0 ? -x : 2 * (size - 1) - x;
    case FOV_PAD_EDGE:
        return CLAMP (x, 0, size - 1);
    case FOV_PAD_WRAP:
        return (x % size + size) % size;
    default:
        return -1;
    }
}

static gboolean
pad_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovPadParams *p = node->params;
    const FovView *fill = node->n_inputs > 2 && in[2].data ? &in[2] : NULL;
    gint64 stride[FOV_MAX_RANK], at[FOV_MAX_RANK] = { 0 };
    gint64 n = fov_shape_elements (&out->shape);

    fov_strides (&in->shape, stride);
    for (gint64 i = 0; i < n; i++, fov_next_coord (&out->shape, at)) {
        gint64 from = 0;
        gboolean inside = TRUE;
        for (int d = 0; d < out->shape.rank; d++) {
            gint64 x = fov_pad_source (p->mode, at[d] - p->begin.v[d], in->shape.dim[d]);
            inside = inside && x >= 0;
            from += x * stride[d];
        }
        if (inside)
            fov_copy_elements (out, i, in, from, 1);
        else if (fill)
            fov_copy_elements (out, i, fill, 0, 1);
        else
            fov_view_set_int (out, i, 0);
    }
    return TRUE;
}

/* ---- Expand, Tile ----------------------------------------------------- */

static gboolean
expand_infer (FovNode *node, GError **error)
{
    FovShape out = *fov_in_shape (node, 0), want = { 0, { 0 } };
    FovDType dtype = node->inputs[0]->dtype;
    guint n;

    switch (fov_infer_ints (node, 1, "shape", want.dim, FOV_MAX_RANK, &n, error)) {
    case FOV_INTS_READ:
        want.rank = (int) n;
        return fov_infer_broadcast (node, &out, &want, error) &&
               fov_infer_output (node, 0, dtype, &out, error);
    case FOV_INTS_UNKNOWN:
        n = (guint) fov_tensor_elements (node->inputs[1]);
        fov_infer_unknown (node, 0, dtype, MAX (out.rank, (int) n));
        return TRUE;
    default:
        return FALSE;
    }
}

static gboolean
expand_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 stride[FOV_MAX_RANK];

    fov_broadcast_strides (&in->shape, &out->shape, stride);
    fov_copy_strided (in, 0, stride, out);
    return TRUE;
}

static gboolean
tile_infer (FovNode *node, GError **error)
{
    FovShape out = *fov_in_shape (node, 0);
    gint64 repeats[FOV_MAX_RANK];
    guint n;

    switch (fov_infer_ints (node, 1, "repeats", repeats, FOV_MAX_RANK, &n, error)) {
    case FOV_INTS_READ:
        break;
    case FOV_INTS_UNKNOWN:
        fov_infer_unknown (node, 0, node->inputs[0]->dtype, out.rank);
        return TRUE;
    default:
        return FALSE;
    }
    if ((int) n != out.rank)
        return fov_node_error (node, error, "repeats has %u entries for a tensor of rank %d", n,
                               out.rank);
    for (guint d = 0; d < n; d++)
        if (!fov_checked_mul (out.dim[d], repeats[d], &out.dim[d]))
            return fov_node_error (node, error,
                                   "repeats has an entry %" G_GINT64_FORMAT " out of range",
                                   repeats[d]);
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
tile_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 stride[FOV_MAX_RANK], at[FOV_MAX_RANK] = { 0 };
    gint64 n = fov_shape_elements (&out->shape);

    fov_strides (&in->shape, stride);
    for (gint64 i = 0; i < n; i++, fov_next_coord (&out->shape, at)) {
        gint64 from = 0;
        for (int d = 0; d < out->shape.rank; d++)
            from += at[d] % in->shape.dim[d] * stride[d];
        fov_copy_elements (out, i, in, from, 1);
    }
    return TRUE;
}

/* ---- Trilu ------------------------------------------------------------ */

typedef struct {
    gint64 upper;
} TriluParams;

static gboolean
trilu_infer (FovNode *node, GError **error)
{
    if (fov_in (node, 1) && fov_tensor_elements (node->inputs[1]) != 1)
        return fov_node_error (node, error, "k has %" G_GINT64_FORMAT " elements, expected 1",
                               fov_tensor_elements (node->inputs[1]));
    return fov_infer_rank (node, 0, 2, FOV_MAX_RANK, error) &&
           fov_infer_dtype (node, 1, FOV_INTEGERS, error) && fov_infer_same (node, error);
}

static gboolean
trilu_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const TriluParams *p = node->params;
    gint64 k = node->n_inputs > 1 && in[1].data ? fov_view_get_int (&in[1], 0) : 0;
    gint64 h = in->shape.dim[in->shape.rank - 2], w = in->shape.dim[in->shape.rank - 1];
    gint64 n = fov_shape_elements (&in->shape);

    k = CLAMP (k, -h, w); /* beyond that all or nothing is kept */
    for (gint64 i = 0; i < n; i++) {
        gint64 diagonal = i % w - i / w % h;
        if (p->upper ? diagonal >= k : diagonal <= k)
            fov_copy_elements (out, i, in, i, 1);
        else
            fov_view_set_int (out, i, 0);
    }
    return TRUE;
}

/* ---- the table -------------------------------------------------------- */

static const FovParam pad_params[] = {
    FOV_P_ENUM ("mode", FovPadParams, mode, FOV_PAD_CONSTANT, pad_modes),
    FOV_P_END,
};

static const FovOpDef pad = {
    .name = "Pad",
    .min_inputs = 2,
    .max_inputs = 4,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = pad_params,
    .params_size = sizeof (FovPadParams),
    .infer = pad_infer,
    .reference = pad_reference,
    .gradient = fov_gradient_pad,
    .host = &fov_host_pad,
    .flops = NULL,
    .gpu = &fov_gpu_pad,
};

static const FovOpDef expand = {
    .name = "Expand",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = expand_infer,
    .reference = expand_reference,
    .gradient = fov_gradient_expand,
    .host = &fov_host_expand,
    .flops = NULL,
    .gpu = &fov_gpu_expand,
};

static const FovOpDef tile = {
    .name = "Tile",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = tile_infer,
    .reference = tile_reference,
    .gradient = fov_gradient_tile,
    .host = &fov_host_tile,
    .flops = NULL,
    .gpu = &fov_gpu_tile,
};

static const FovParam trilu_params[] = {
    FOV_P_INT ("upper", TriluParams, upper, 1),
    FOV_P_END,
};

static const FovOpDef trilu = {
    .name = "Trilu",
    .min_inputs = 1,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = trilu_params,
    .params_size = sizeof (TriluParams),
    .infer = trilu_infer,
    .reference = trilu_reference,
    .gradient = fov_gradient_trilu,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

const FovOpDef *const fov_ops_pad[] = { &pad, &expand, &tile, &trilu, NULL };
