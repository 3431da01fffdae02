/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pad, Expand and Tile on vulkan, as strided copies. */
#include "ops/copy.h"
#include "ops/infer.h"

/* ---- Expand, Tile ----------------------------------------------------- */

static FovMove
expand_move (const FovShape *in, const FovShape *out, int w)
{
    gint64 src[FOV_MAX_RANK], dst[FOV_MAX_RANK];
    FovMove m = { 0 };

    fov_broadcast_strides (in, out, src);
    fov_strides (out, dst);
    for (int d = 0; d < out->rank; d++)
        fov_move_add (&m, out->dim[d], src[d] * w, dst[d] * w);
    fov_move_add (&m, w, 1, 1);
    fov_move_collapse (&m);
    return m;
}

static FovMove
tile_move (const FovShape *in, const FovShape *out, int w)
{
    gint64 src[FOV_MAX_RANK], dst[FOV_MAX_RANK];
    FovMove m = { 0 };

    fov_strides (in, src);
    fov_strides (out, dst);
    for (int d = 0; d < out->rank && m.rank + 2 < FOV_MOVE_DIMS; d++) {
        fov_move_add (&m, out->dim[d] / in->dim[d], 0, in->dim[d] * dst[d] * w);
        fov_move_add (&m, in->dim[d], src[d] * w, dst[d] * w);
    }
    fov_move_add (&m, w, 1, 1);
    fov_move_collapse (&m);
    return m;
}

static guint
repeat_formats (const FovNode *node, FovMove (*build) (const FovShape *, const FovShape *, int))
{
    const FovTensor *in = node->inputs[0], *out = node->outputs[0];

    if (!fov_gpu_can_move (in) || !fov_gpu_can_move (out) || out->shape.rank > 6)
        return 0;
    return build (&in->shape, &out->shape, fov_dtype_words (in->dtype)).rank <= FOV_MOVE_KERNEL_DIMS
               ? FOV_CAN_PLANAR
               : 0;
}

static guint
expand_formats (const FovNode *node, int block)
{
    return repeat_formats (node, expand_move);
}

static gboolean
record_expand (FovGpuProgram *program, const FovStep *step, GError **error)
{
    FovMove m = expand_move (&step->in[0]->shape, &step->out[0]->shape,
                             fov_dtype_words (step->in[0]->dtype));

    return fov_gpu_record_move (program, &m, step->in[0], step->out[0], error);
}

static guint
tile_formats (const FovNode *node, int block)
{
    return repeat_formats (node, tile_move);
}

static gboolean
record_tile (FovGpuProgram *program, const FovStep *step, GError **error)
{
    FovMove m =
        tile_move (&step->in[0]->shape, &step->out[0]->shape, fov_dtype_words (step->in[0]->dtype));

    return fov_gpu_record_move (program, &m, step->in[0], step->out[0], error);
}

const FovGpuOp fov_gpu_expand = { expand_formats, record_expand };
const FovGpuOp fov_gpu_tile = { tile_formats, record_tile };

/* ---- Pad -------------------------------------------------------------- */

static gboolean
pad_value (const FovNode *node, double *value)
{
    *value = 0;
    return node->n_inputs < 3 || !node->inputs[2] || fov_tensor_scalar (node->inputs[2], value);
}

static guint
pad_formats (const FovNode *node, int block)
{
    const FovPadParams *p = node->params;
    const FovTensor *in = node->inputs[0];
    double value;

    if (p->mode != FOV_PAD_CONSTANT || !fov_gpu_can_floats (node, 1) || in->shape.rank > 6 ||
        p->begin.n != in->shape.rank || p->end.n != in->shape.rank || !pad_value (node, &value))
        return 0;
    if (!fov_gpu_can_block (in) || !fov_gpu_can_block (node->outputs[0]) || p->begin.v[0] ||
        p->begin.v[1] || p->end.v[0] || p->end.v[1] || (value != 0 && in->shape.dim[1] % 4))
        return FOV_CAN_PLANAR;
    return FOV_CAN_PLANAR | FOV_CAN_BLOCKED;
}

/* Fills, then copies what of the input is left over it. */
static gboolean
record_pad (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovPadParams *p = step->node->params;
    const FovOperand *in = step->in[0], *out = step->out[0];
    gboolean blocked = fov_is_blocked (in);
    FovShape from = fov_memory_shape (&in->shape, in->dtype, blocked);
    FovShape to = fov_memory_shape (&out->shape, out->dtype, blocked);
    gint64 src[FOV_MAX_RANK], dst[FOV_MAX_RANK];
    FovMove m = { 0 };
    double value;

    pad_value (step->node, &value);
    fov_strides (&from, src);
    fov_strides (&to, dst);
    for (int d = 0; d < to.rank; d++) {
        gint64 begin = d < in->shape.rank ? p->begin.v[d] : 0;
        gint64 end = d < in->shape.rank ? p->end.v[d] : 0;
        fov_move_add (&m, from.dim[d] + MIN (begin, 0) + MIN (end, 0), src[d], dst[d]);
        m.src_start += MAX (-begin, 0) * src[d];
        m.dst_start += MAX (begin, 0) * dst[d];
        if (m.size[d] < 1)
            return fov_gpu_record_fill (program, out, (float) value, error);
    }
    fov_move_collapse (&m);
    return fov_gpu_record_fill (program, out, (float) value, error) &&
           fov_gpu_record_move (program, &m, in, out, error);
}

const FovGpuOp fov_gpu_pad = { pad_formats, record_pad };
