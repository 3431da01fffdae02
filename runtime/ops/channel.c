/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fov.ChannelMap: inputs X0, X1, ... [N,Ck,H,W] of equal N, H, W, and last a
 * constant int32 map [Cout,2]. Output channel c is channel map[c][1] of input
 * map[c][0]. Expresses channel shuffles, and slices and concatenations that do
 * not meet a block's border.
 */
#include "ops/impl.h"
#include "ops/infer.h"

static gboolean
check_map (const FovNode *node, GError **error)
{
    guint last = node->n_inputs - 1;
    const FovTensor *map = node->inputs[last];
    const gint32 *v;

    if (!map || !map->data || map->dtype != FOV_I32 || map->shape.rank != 2 ||
        map->shape.dim[1] != 2)
        return fov_node_error (node, error, "the last input must be a constant int32 map, Cx2");
    v = g_bytes_get_data (map->data, NULL);
    for (gint64 c = 0; c < map->shape.dim[0]; c++) {
        gint32 source = v[2 * c], channel = v[2 * c + 1];
        if (source < 0 || source >= (gint32) last)
            return fov_node_error (node, error,
                                   "the map takes channel %" G_GINT64_FORMAT
                                   " from input %d, expected 0 to %u",
                                   c, source, last - 1);
        if (channel < 0 || channel >= fov_in_shape (node, source)->dim[1])
            return fov_node_error (node, error,
                                   "the map takes channel %" G_GINT64_FORMAT
                                   " from channel %d of input %d, which has %" G_GINT64_FORMAT,
                                   c, channel, source, fov_in_shape (node, source)->dim[1]);
    }
    return TRUE;
}

static gboolean
channel_map_infer (FovNode *node, GError **error)
{
    guint last = node->n_inputs - 1;
    FovShape out;

    for (guint i = 0; i < last; i++) {
        FovShape x;
        if (!node->inputs[i])
            return fov_node_error (node, error, "input %u is missing", i);
        if (!fov_infer_rank (node, i, 4, 4, error) ||
            !fov_infer_dtype (node, i, FOV_DTYPE_BIT (node->inputs[0]->dtype), error))
            return FALSE;
        x = *fov_in_shape (node, i);
        if (i == 0)
            out = x;
        x.dim[1] = out.dim[1];
        if (!fov_shape_equal (&x, &out)) {
            g_autofree char *a = fov_shape_to_string (fov_in_shape (node, 0));
            g_autofree char *b = fov_shape_to_string (fov_in_shape (node, i));
            return fov_node_error (node, error,
                                   "input %u has shape %s, which differs from %s in more than "
                                   "channels",
                                   i, b, a);
        }
    }
    if (!check_map (node, error))
        return FALSE;
    out.dim[1] = node->inputs[last]->shape.dim[0];
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
channel_map_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovView *map = &in[node->n_inputs - 1];
    const gint64 *dim = out->shape.dim;
    gint64 plane = dim[2] * dim[3];

    for (gint64 n = 0; n < dim[0]; n++) {
        for (gint64 c = 0; c < dim[1]; c++) {
            const FovView *x = &in[fov_view_get_int (map, 2 * c)];
            gint64 channel = n * x->shape.dim[1] + fov_view_get_int (map, 2 * c + 1);
            fov_copy_elements (out, (n * dim[1] + c) * plane, x, channel * plane, plane);
        }
    }
    return TRUE;
}

static const FovOpDef channel_map = {
    .name = "fov.ChannelMap",
    .min_inputs = 2,
    .max_inputs = G_MAXUINT,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = channel_map_infer,
    .reference = channel_map_reference,
    .host = &fov_host_channel_map,
    .flops = NULL,
    .gpu = &fov_gpu_channel_map,
};

const FovOpDef *const fov_ops_channel[] = { &channel_map, NULL };
