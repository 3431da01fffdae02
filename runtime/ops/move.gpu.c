/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ops that only move elements, on vulkan: each is a list of strided copies of
 * 4-byte words (move.comp), or of whole channels (channel_map.comp). A blocked
 * tensor is, to a copy, one of [N][C4][H][W][4] words.
 */
#include "ops/copy.h"
#include "ops/infer.h"

/* ---- fov.Reorder ------------------------------------------------------ */

static guint
reorder_formats (const FovNode *node, int block)
{
    if (fov_gpu_can_move (node->inputs[0]))
        return FOV_CAN_PLANAR | FOV_CAN_BLOCKED;
    return fov_gpu_can_typed (node->inputs[0]) ? FOV_CAN_PLANAR : 0;
}

/* Between a blocked picture and one that is not; channels_last: to [N][H][W][C]. */
static gboolean
dispatch_reorder (FovGpuProgram *program, const FovOperand *in, const FovOperand *out,
                  gboolean channels_last, GError **error)
{
    FovPicture picture = fov_picture (&in->shape);
    guint32 spec[4] = { fov_is_blocked (out), FALSE, FALSE, (guint32) channels_last };
    struct fov_push_reorder push = {
        .dst = fov_gpu_float (out),
        .c4 = picture.blocks,
        .channels = picture.c,
        .pixels = picture.h * picture.w,
    };

    push.src = fov_gpu_source (program, in, &spec[1]);
    spec[2] = (channels_last ? push.channels : push.pixels) % 4 == 0 && push.src % 4 == 0 &&
              push.dst % 4 == 0;
    return fov_gpu_program_dispatch (program, "reorder", spec, 4, &push, sizeof push,
                                     (guint) (push.pixels + 255) / 256,
                                     (guint) (picture.n * picture.blocks), 1, error);
}

static gboolean
record_reorder (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovOperand *in = step->in[0], *out = step->out[0];

    if (fov_is_blocked (in) == fov_is_blocked (out)) {
        /* Bytes beyond the last word's are padding on both sides. */
        FovMove m = {
            .rank = 1, .size = { (gint64) (in->bytes + 3) / 4 }, .src = { 1 }, .dst = { 1 }
        };
        return fov_gpu_record_move (program, &m, in, out, error);
    }
    return dispatch_reorder (program, in, out, FALSE, error);
}

const FovGpuOp fov_gpu_reorder = { reorder_formats, record_reorder };

/* ---- Concat, Split ---------------------------------------------------- */

/* The part's place in the whole, along axis, as a copy; from_whole: which way. */
static FovMove
part_move (const FovOperand *part, const FovOperand *whole, int axis, gint64 at,
           gboolean from_whole)
{
    gboolean blocked = fov_is_blocked (whole);
    FovShape p = fov_memory_shape (&part->shape, part->dtype, blocked);
    FovShape w = fov_memory_shape (&whole->shape, whole->dtype, blocked);
    gint64 ps[FOV_MAX_RANK], ws[FOV_MAX_RANK];
    gint64 position = blocked && axis == 1 ? at / 4 : at;
    FovMove m = { 0 };

    fov_strides (&p, ps);
    fov_strides (&w, ws);
    for (int d = 0; d < p.rank; d++)
        fov_move_add (&m, p.dim[d], from_whole ? ws[d] : ps[d], from_whole ? ps[d] : ws[d]);
    *(from_whole ? &m.src_start : &m.dst_start) = position * ws[axis];
    fov_move_collapse (&m);
    return m;
}

/* Whether the parts, along the channels, meet at borders of blocks. */
static gboolean
parts_aligned (FovTensor *const *parts, guint n, int axis)
{
    for (guint i = 0; i + 1 < n && axis == 1; i++)
        if (parts[i] && parts[i]->shape.dim[1] % 4)
            return FALSE;
    return TRUE;
}

static guint
join_formats (const FovTensor *whole, FovTensor *const *parts, guint n)
{
    guint can = FOV_CAN_PLANAR | (fov_gpu_can_block (whole) ? FOV_CAN_BLOCKED : 0);

    if (!fov_gpu_can_move (whole) || whole->shape.rank > FOV_MOVE_KERNEL_DIMS)
        return 0;
    for (guint i = 0; i < n; i++) {
        if (!parts[i] || !fov_gpu_can_move (parts[i]))
            return 0;
        if (!fov_gpu_can_block (parts[i]))
            can &= ~(guint) FOV_CAN_BLOCKED;
    }
    return can;
}

static guint
concat_formats (const FovNode *node, int block)
{
    return join_formats (node->outputs[0], node->inputs, node->n_inputs);
}

static gboolean
concat_channels (FovGpuProgram *program, const FovStep *step, GError **error)
{
    g_autofree FovChannelSource *sources = g_new (FovChannelSource, step->out[0]->shape.dim[1]);
    int at = 0;

    for (guint i = 0; i < step->node->n_inputs; i++)
        for (int c = 0; c < step->in[i]->shape.dim[1]; c++)
            sources[at++] = (FovChannelSource){ (int) i, c };
    return fov_gpu_record_channels (program, step, step->out[0], sources, error);
}

static gboolean
record_concat (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovOperand *out = step->out[0];
    int axis = (int) ((const FovAxisParams *) step->node->params)->axis;
    gint64 at = 0;
    gboolean first = TRUE;

    if (fov_is_blocked (out) && !parts_aligned (step->node->inputs, step->node->n_inputs, axis))
        return concat_channels (program, step, error);
    for (guint i = 0; i < step->node->n_inputs; i++) {
        FovMove m = part_move (step->in[i], out, axis, at, FALSE);
        at += step->in[i]->shape.dim[axis];
        if (fov_operand_lies_at (step->in[i], out, (gsize) m.dst_start * 4) && m.rank == 1)
            continue;
        if (!first)
            fov_gpu_program_overlap (program);
        first = FALSE;
        if (!fov_gpu_record_move (program, &m, step->in[i], out, error))
            return FALSE;
    }
    return TRUE;
}

static guint
split_formats (const FovNode *node, int block)
{
    guint can = fov_gpu_can_move (node->inputs[0]) && !node->inputs[0]->data
                    ? join_formats (node->inputs[0], node->outputs, node->n_outputs)
                    : 0;
    return can;
}

static gboolean
record_split (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovOperand *in = step->in[0];
    int axis = (int) ((const FovAxisParams *) step->node->params)->axis;
    gboolean aligned = parts_aligned (step->node->outputs, step->node->n_outputs, axis);
    gint64 at = 0;

    for (guint i = 0; i < step->node->n_outputs; i++) {
        const FovOperand *out = step->out[i];
        gint64 n = out->shape.dim[axis];
        if (fov_is_blocked (in) && !aligned) {
            g_autofree FovChannelSource *sources = g_new (FovChannelSource, n);
            for (int c = 0; c < n; c++)
                sources[c] = (FovChannelSource){ 0, (int) at + c };
            if (!fov_gpu_record_channels (program, step, out, sources, error))
                return FALSE;
        } else {
            FovMove m = part_move (out, in, axis, at, TRUE);
            if (!(fov_operand_lies_at (out, in, (gsize) m.src_start * 4) && m.rank == 1) &&
                !fov_gpu_record_move (program, &m, in, out, error))
                return FALSE;
        }
        at += n;
    }
    return TRUE;
}

const FovGpuOp fov_gpu_concat = { concat_formats, record_concat };
const FovGpuOp fov_gpu_split = { split_formats, record_split };

/* ---- Slice ------------------------------------------------------------ */

/* Blocked: pixels may be cut in any way if channels stay, and channels if pixels do. */
static gboolean
slice_can_block (const FovNode *node)
{
    const FovSliceParams *p = node->params;
    const gint64 *in = node->inputs[0]->shape.dim, *out = node->outputs[0]->shape.dim;

    if (!fov_gpu_can_block (node->inputs[0]) || !fov_gpu_can_block (node->outputs[0]) ||
        in[0] != out[0])
        return FALSE;
    return (in[1] == out[1] && p->step.v[1] == 1) ||
           (in[2] == out[2] && in[3] == out[3] && p->step.v[2] == 1 && p->step.v[3] == 1 &&
            (in[0] == 1 || p->step.v[0] == 1));
}

static guint
slice_formats (const FovNode *node, int block)
{
    const FovSliceParams *p = node->params;
    const FovTensor *in = node->inputs[0];

    if (!fov_gpu_can_move (in) || !fov_gpu_can_move (node->outputs[0]) || in->shape.rank > 5 ||
        p->start.n != in->shape.rank || p->step.n != in->shape.rank)
        return 0;
    return FOV_CAN_PLANAR | (slice_can_block (node) ? FOV_CAN_BLOCKED : 0);
}

static gboolean
slice_channels (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovSliceParams *p = step->node->params;
    gint64 n = step->out[0]->shape.dim[1];
    g_autofree FovChannelSource *sources = g_new (FovChannelSource, n);

    for (gint64 c = 0; c < n; c++)
        sources[c] = (FovChannelSource){ 0, (int) (p->start.v[1] + c * p->step.v[1]) };
    return fov_gpu_record_channels (program, step, step->out[0], sources, error);
}

static gboolean
record_slice (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovSliceParams *p = step->node->params;
    const FovOperand *in = step->in[0], *out = step->out[0];
    gboolean blocked = fov_is_blocked (in);
    FovShape from = fov_memory_shape (&in->shape, in->dtype, blocked);
    FovShape to = fov_memory_shape (&out->shape, out->dtype, blocked);
    gint64 src[FOV_MAX_RANK], dst[FOV_MAX_RANK];
    FovMove m = { 0 };

    if (blocked && (in->shape.dim[1] != out->shape.dim[1] || p->step.v[1] != 1))
        return slice_channels (program, step, error);
    fov_strides (&from, src);
    fov_strides (&to, dst);
    for (int d = 0; d < to.rank; d++) {
        gboolean cut = d < in->shape.rank && !(blocked && d == 1);
        gint64 step_by = cut ? p->step.v[d] : 1;
        fov_move_add (&m, to.dim[d], src[d] * step_by, dst[d]);
        m.src_start += cut ? p->start.v[d] * src[d] : 0;
    }
    fov_move_collapse (&m);
    return fov_gpu_record_move (program, &m, in, out, error);
}

const FovGpuOp fov_gpu_slice = { slice_formats, record_slice };

/* fov.SliceGrad: zeros, and dy back where it was read. */
static guint
slice_grad_formats (const FovNode *node, int block)
{
    return fov_gpu_can_floats (node, 1) && node->inputs[0]->shape.rank <= FOV_MOVE_KERNEL_DIMS
               ? FOV_CAN_PLANAR
               : 0;
}

static gboolean
record_slice_grad (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovSliceParams *p = step->node->params;
    const FovShape *x = &step->out[0]->shape, *y = &step->in[0]->shape;
    gint64 src[FOV_MAX_RANK], dst[FOV_MAX_RANK];
    FovMove m = { 0 };

    fov_strides (y, src);
    fov_strides (x, dst);
    for (int d = 0; d < x->rank; d++) {
        fov_move_add (&m, y->dim[d], src[d], dst[d] * p->step.v[d]);
        m.dst_start += p->start.v[d] * dst[d];
    }
    fov_move_collapse (&m);
    return fov_gpu_record_fill (program, step->out[0], 0, error) &&
           fov_gpu_record_move (program, &m, step->in[0], step->out[0], error);
}

const FovGpuOp fov_gpu_slice_grad = { slice_grad_formats, record_slice_grad };

/* ---- Transpose -------------------------------------------------------- */

static gboolean
puts_channels_last (const FovNode *node)
{
    const FovInts *perm = &((const FovTransposeParams *) node->params)->perm;

    return perm->n == 4 && perm->v[0] == 0 && perm->v[1] == 2 && perm->v[2] == 3 &&
           fov_gpu_can_block (node->inputs[0]);
}

static guint
transpose_formats (const FovNode *node, int block)
{
    if (!fov_gpu_can_move (node->inputs[0]) || node->inputs[0]->shape.rank > 5)
        return 0;
    return FOV_CAN_PLANAR | (puts_channels_last (node) ? FOV_READS_BLOCKED : 0);
}

static gboolean
record_transpose (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovTransposeParams *p = step->node->params;
    const FovShape *shape = &step->out[0]->shape;
    gint64 src[FOV_MAX_RANK], dst[FOV_MAX_RANK];
    int w = fov_dtype_words (step->out[0]->dtype);
    FovMove m = { 0 };

    if (fov_is_blocked (step->in[0]))
        return dispatch_reorder (program, step->in[0], step->out[0], TRUE, error);
    fov_strides (&step->in[0]->shape, src);
    fov_strides (shape, dst);
    for (int d = 0; d < shape->rank; d++)
        fov_move_add (&m, shape->dim[d], src[p->perm.v[d]] * w, dst[d] * w);
    fov_move_add (&m, w, 1, 1);
    fov_move_collapse (&m);
    return fov_gpu_record_move (program, &m, step->in[0], step->out[0], error);
}

const FovGpuOp fov_gpu_transpose = { transpose_formats, record_transpose };
