/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ops that only move elements, on vulkan: each is a list of strided copies of
 * 4-byte words (move.comp), or of whole channels (channel_map.comp). A blocked
 * tensor is, to a copy, one of [N][C4][H][W][4] words.
 */
#include "ops/infer.h"
#include "ops/record.h"

enum { MAX_DIMS = 14, KERNEL_DIMS = 6 };

/** A copy of words; strides and starts in words. */
typedef struct {
    int rank;
    gint64 size[MAX_DIMS], src[MAX_DIMS], dst[MAX_DIMS];
    gint64 src_start, dst_start;
} Move;

/* ---- building copies -------------------------------------------------- */

static int
words (FovDType dtype)
{
    return fov_dtype_size (dtype) == 4 ? 1 : fov_dtype_size (dtype) == 8 ? 2 : 0;
}

static gboolean
can_move (const FovTensor *tensor)
{
    gint64 n = fov_tensor_elements (tensor);

    return words (tensor->dtype) && n > 0 && n < (1 << 28) && tensor->shape.rank <= FOV_MAX_RANK;
}

static void
add_dim (Move *m, gint64 size, gint64 src, gint64 dst)
{
    m->size[m->rank] = size;
    m->src[m->rank] = src;
    m->dst[m->rank] = dst;
    m->rank++;
}

/* Drops dimensions of 1 and joins neighbours that are contiguous on both sides. */
static void
collapse (Move *m)
{
    int rank = 0;

    for (int d = 0; d < m->rank; d++) {
        if (m->size[d] == 1)
            continue;
        if (rank && m->src[rank - 1] == m->size[d] * m->src[d] &&
            m->dst[rank - 1] == m->size[d] * m->dst[d]) {
            m->size[rank - 1] *= m->size[d];
            m->src[rank - 1] = m->src[d];
            m->dst[rank - 1] = m->dst[d];
            continue;
        }
        m->size[rank] = m->size[d];
        m->src[rank] = m->src[d];
        m->dst[rank] = m->dst[d];
        rank++;
    }
    m->rank = rank;
    if (!rank)
        add_dim (m, 1, 1, 1);
}

/* The shape in memory: of words, channels in blocks where blocked. */
static FovShape
memory_shape (const FovShape *shape, FovDType dtype, gboolean blocked)
{
    FovShape s = *shape;

    if (blocked)
        return (FovShape){ 5, { s.dim[0], (s.dim[1] + 3) / 4, s.dim[2], s.dim[3], 4 } };
    if (words (dtype) == 2 && s.rank < FOV_MAX_RANK)
        s.dim[s.rank++] = 2;
    return s;
}

static gboolean
is_blocked (const FovOperand *operand)
{
    return operand->format.layout == FOV_BLOCKED;
}

static void
swap_dims (Move *m, int a, int b)
{
    gint64 *lists[] = { m->size, m->src, m->dst };

    for (guint i = 0; i < G_N_ELEMENTS (lists); i++) {
        gint64 v = lists[i][a];
        lists[i][a] = lists[i][b];
        lists[i][b] = v;
    }
}

/* The kernel's grid: the largest dimension last, the next before it. */
static void
sort_dims (Move *m)
{
    for (int place = m->rank - 1; place >= MAX (m->rank - 2, 1); place--) {
        int largest = place;
        for (int d = 0; d < place; d++)
            if (m->size[d] > m->size[largest])
                largest = d;
        swap_dims (m, place, largest);
    }
}

/* Dispatches a sorted copy; one that is too deep for the grid in slices of dimension 0. */
static gboolean
dispatch_move (FovGpuProgram *program, const Move *m, int src, int dst, const guint32 base[3],
               GError **error)
{
    gint64 last = m->size[m->rank - 1], depth = 1;
    guint32 each = last > 128 ? 4 : last > 64 ? 2 : 1;
    guint32 spec[4] = { (guint32) m->rank, base[0], base[1], each };
    struct fov_push_move push = { .src = src, .dst = dst, .value = (int) base[2] };

    for (int d = 0; d < m->rank; d++) {
        push.size[d] = (int) m->size[d];
        push.src_stride[d] = (int) m->src[d];
        push.dst_stride[d] = (int) m->dst[d];
        depth *= d < m->rank - 2 ? m->size[d] : 1;
    }
    if (depth <= 65535)
        return fov_gpu_program_dispatch (program, "move", spec, 4, &push, sizeof push,
                                         (guint) ((last + 64 * each - 1) / (64 * each)),
                                         m->rank > 1 ? (guint) m->size[m->rank - 2] : 1,
                                         (guint) depth, error);
    for (gint64 i = 0; i < m->size[0]; i++) {
        Move part = { .rank = m->rank - 1 };
        for (int d = 1; d < m->rank; d++) {
            part.size[d - 1] = m->size[d];
            part.src[d - 1] = m->src[d];
            part.dst[d - 1] = m->dst[d];
        }
        if (!dispatch_move (program, &part, src + (int) (i * m->src[0]),
                            dst + (int) (i * m->dst[0]), base, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
record_move (FovGpuProgram *program, const Move *move, const FovOperand *in, const FovOperand *out,
             GError **error)
{
    guint32 base[3] = { in->place == FOV_PLACE_CONSTANT, FALSE, 0 };
    Move m = *move;
    int src = fov_gpu_float (in);

    if (base[0])
        src =
            (int) fov_gpu_program_add_constant (program, g_bytes_get_data (in->tensor->data, NULL),
                                                in->bytes) /
            4;
    sort_dims (&m);
    return dispatch_move (program, &m, src + (int) m.src_start,
                          fov_gpu_float (out) + (int) m.dst_start, base, error);
}

static gboolean
record_fill (FovGpuProgram *program, const FovOperand *out, float value, GError **error)
{
    Move m = { .rank = 1, .size = { fov_gpu_n_floats (out) }, .dst = { 1 } };
    guint32 base[3] = { FALSE, TRUE, 0 };

    memcpy (&base[2], &value, sizeof value);
    return dispatch_move (program, &m, 0, fov_gpu_float (out), base, error);
}

/* ---- fov.Reorder ------------------------------------------------------ */

static guint
reorder_formats (const FovNode *node, int block)
{
    return can_move (node->inputs[0]) ? FOV_CAN_PLANAR | FOV_CAN_BLOCKED : 0;
}

static gboolean
record_reorder (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovOperand *in = step->in[0], *out = step->out[0];
    FovPicture picture = fov_picture (&in->shape);
    guint32 spec[2] = { is_blocked (out), FALSE };
    struct fov_push_reorder push = {
        .dst = fov_gpu_float (out),
        .c4 = picture.blocks,
        .channels = picture.c,
        .pixels = picture.h * picture.w,
    };

    if (is_blocked (in) == is_blocked (out)) {
        Move m = { .rank = 1, .size = { (gint64) in->bytes / 4 }, .src = { 1 }, .dst = { 1 } };
        return record_move (program, &m, in, out, error);
    }
    push.src = fov_gpu_source (program, in, &spec[1]);
    return fov_gpu_program_dispatch (program, "reorder", spec, 2, &push, sizeof push,
                                     (guint) (push.pixels + 255) / 256,
                                     (guint) (picture.n * picture.blocks), 1, error);
}

const FovGpuOp fov_gpu_reorder = { reorder_formats, record_reorder };

/* ---- channels --------------------------------------------------------- */

/** Where an output channel comes from; input < 0: it is 0. */
typedef struct {
    int input, channel;
} ChannelSource;

static gboolean
record_channels (FovGpuProgram *program, const FovStep *step, const FovOperand *out,
                 const ChannelSource *sources, GError **error)
{
    FovPicture picture = fov_picture (&out->shape);
    struct fov_push_channel_map push = {
        .dst = fov_gpu_texel (out),
        .c4 = picture.blocks,
        .pixels = picture.h * picture.w,
    };
    guint32 offset = 0;
    gint32 *to =
        fov_gpu_program_reserve_constant (program, (gsize) picture.blocks * 4 * 12, &offset);

    for (int c = 0; to && c < picture.blocks * 4; c++, to += 3) {
        if (c >= picture.c) {
            to[1] = -1;
            continue;
        }
        const FovOperand *in = step->in[sources[c].input];
        int blocks = (int) (in->shape.dim[1] + 3) / 4;
        to[0] = fov_gpu_texel (in) + sources[c].channel / 4 * push.pixels;
        to[1] = sources[c].channel % 4;
        to[2] = blocks * push.pixels;
    }
    push.map = (int) (offset / 4);
    return fov_gpu_program_dispatch (program, "channel_map", NULL, 0, &push, sizeof push,
                                     (guint) (push.pixels + 255) / 256, (guint) picture.blocks,
                                     (guint) picture.n, error);
}

static guint
channel_map_formats (const FovNode *node, int block)
{
    guint32 all_but_map = (1u << MIN (node->n_inputs - 1, 31)) - 1;

    if (node->n_inputs > 32 || !fov_gpu_can_floats (node, all_but_map))
        return 0;
    for (guint i = 0; i + 1 < node->n_inputs; i++)
        if (!fov_gpu_can_block (node->inputs[i]))
            return 0;
    return fov_gpu_can_block (node->outputs[0]) ? FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED : 0;
}

static gboolean
record_channel_map (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovTensor *map = step->in[step->node->n_inputs - 1]->tensor;
    const gint32 *v = g_bytes_get_data (map->data, NULL);
    g_autofree ChannelSource *sources = g_new (ChannelSource, map->shape.dim[0]);

    for (gint64 c = 0; c < map->shape.dim[0]; c++)
        sources[c] = (ChannelSource){ v[2 * c], v[2 * c + 1] };
    return record_channels (program, step, step->out[0], sources, error);
}

const FovGpuOp fov_gpu_channel_map = { channel_map_formats, record_channel_map };

/* ---- Concat, Split ---------------------------------------------------- */

/* The part's place in the whole, along axis, as a copy; from_whole: which way. */
static Move
part_move (const FovOperand *part, const FovOperand *whole, int axis, gint64 at,
           gboolean from_whole)
{
    gboolean blocked = is_blocked (whole);
    FovShape p = memory_shape (&part->shape, part->dtype, blocked);
    FovShape w = memory_shape (&whole->shape, whole->dtype, blocked);
    gint64 ps[FOV_MAX_RANK], ws[FOV_MAX_RANK];
    gint64 position = blocked && axis == 1 ? at / 4 : at;
    Move m = { 0 };

    fov_strides (&p, ps);
    fov_strides (&w, ws);
    for (int d = 0; d < p.rank; d++)
        add_dim (&m, p.dim[d], from_whole ? ws[d] : ps[d], from_whole ? ps[d] : ws[d]);
    *(from_whole ? &m.src_start : &m.dst_start) = position * ws[axis];
    collapse (&m);
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

    if (!can_move (whole) || whole->shape.rank > KERNEL_DIMS)
        return 0;
    for (guint i = 0; i < n; i++) {
        if (!parts[i] || !can_move (parts[i]))
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
    g_autofree ChannelSource *sources = g_new (ChannelSource, step->out[0]->shape.dim[1]);
    int at = 0;

    for (guint i = 0; i < step->node->n_inputs; i++)
        for (int c = 0; c < step->in[i]->shape.dim[1]; c++)
            sources[at++] = (ChannelSource){ (int) i, c };
    return record_channels (program, step, step->out[0], sources, error);
}

static gboolean
record_concat (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovOperand *out = step->out[0];
    int axis = (int) ((const FovAxisParams *) step->node->params)->axis;
    gint64 at = 0;
    gboolean first = TRUE;

    if (is_blocked (out) && !parts_aligned (step->node->inputs, step->node->n_inputs, axis))
        return concat_channels (program, step, error);
    for (guint i = 0; i < step->node->n_inputs; i++) {
        Move m = part_move (step->in[i], out, axis, at, FALSE);
        at += step->in[i]->shape.dim[axis];
        if (fov_operand_lies_at (step->in[i], out, (gsize) m.dst_start * 4) && m.rank == 1)
            continue;
        if (!first)
            fov_gpu_program_overlap (program);
        first = FALSE;
        if (!record_move (program, &m, step->in[i], out, error))
            return FALSE;
    }
    return TRUE;
}

static guint
split_formats (const FovNode *node, int block)
{
    guint can = can_move (node->inputs[0]) && !node->inputs[0]->data
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
        if (is_blocked (in) && !aligned) {
            g_autofree ChannelSource *sources = g_new (ChannelSource, n);
            for (int c = 0; c < n; c++)
                sources[c] = (ChannelSource){ 0, (int) at + c };
            if (!record_channels (program, step, out, sources, error))
                return FALSE;
        } else {
            Move m = part_move (out, in, axis, at, TRUE);
            if (!(fov_operand_lies_at (out, in, (gsize) m.src_start * 4) && m.rank == 1) &&
                !record_move (program, &m, in, out, error))
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

    if (!can_move (in) || !can_move (node->outputs[0]) || in->shape.rank > 5 ||
        p->start.n != in->shape.rank || p->step.n != in->shape.rank)
        return 0;
    return FOV_CAN_PLANAR | (slice_can_block (node) ? FOV_CAN_BLOCKED : 0);
}

static gboolean
slice_channels (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovSliceParams *p = step->node->params;
    gint64 n = step->out[0]->shape.dim[1];
    g_autofree ChannelSource *sources = g_new (ChannelSource, n);

    for (gint64 c = 0; c < n; c++)
        sources[c] = (ChannelSource){ 0, (int) (p->start.v[1] + c * p->step.v[1]) };
    return record_channels (program, step, step->out[0], sources, error);
}

static gboolean
record_slice (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovSliceParams *p = step->node->params;
    const FovOperand *in = step->in[0], *out = step->out[0];
    gboolean blocked = is_blocked (in);
    FovShape from = memory_shape (&in->shape, in->dtype, blocked);
    FovShape to = memory_shape (&out->shape, out->dtype, blocked);
    gint64 src[FOV_MAX_RANK], dst[FOV_MAX_RANK];
    Move m = { 0 };

    if (blocked && (in->shape.dim[1] != out->shape.dim[1] || p->step.v[1] != 1))
        return slice_channels (program, step, error);
    fov_strides (&from, src);
    fov_strides (&to, dst);
    for (int d = 0; d < to.rank; d++) {
        gboolean cut = d < in->shape.rank && !(blocked && d == 1);
        gint64 step_by = cut ? p->step.v[d] : 1;
        add_dim (&m, to.dim[d], src[d] * step_by, dst[d]);
        m.src_start += cut ? p->start.v[d] * src[d] : 0;
    }
    collapse (&m);
    return record_move (program, &m, in, out, error);
}

const FovGpuOp fov_gpu_slice = { slice_formats, record_slice };

/* ---- Transpose, Expand, Tile ------------------------------------------ */

static guint
transpose_formats (const FovNode *node, int block)
{
    return can_move (node->inputs[0]) && node->inputs[0]->shape.rank <= 5 ? FOV_CAN_PLANAR : 0;
}

static gboolean
record_transpose (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovTransposeParams *p = step->node->params;
    const FovShape *shape = &step->out[0]->shape;
    gint64 src[FOV_MAX_RANK], dst[FOV_MAX_RANK];
    int w = words (step->out[0]->dtype);
    Move m = { 0 };

    fov_strides (&step->in[0]->shape, src);
    fov_strides (shape, dst);
    for (int d = 0; d < shape->rank; d++)
        add_dim (&m, shape->dim[d], src[p->perm.v[d]] * w, dst[d] * w);
    add_dim (&m, w, 1, 1);
    collapse (&m);
    return record_move (program, &m, step->in[0], step->out[0], error);
}

const FovGpuOp fov_gpu_transpose = { transpose_formats, record_transpose };

static Move
expand_move (const FovShape *in, const FovShape *out, int w)
{
    gint64 src[FOV_MAX_RANK], dst[FOV_MAX_RANK];
    Move m = { 0 };

    fov_broadcast_strides (in, out, src);
    fov_strides (out, dst);
    for (int d = 0; d < out->rank; d++)
        add_dim (&m, out->dim[d], src[d] * w, dst[d] * w);
    add_dim (&m, w, 1, 1);
    collapse (&m);
    return m;
}

static Move
tile_move (const FovShape *in, const FovShape *out, int w)
{
    gint64 src[FOV_MAX_RANK], dst[FOV_MAX_RANK];
    Move m = { 0 };

    fov_strides (in, src);
    fov_strides (out, dst);
    for (int d = 0; d < out->rank && m.rank + 2 < MAX_DIMS; d++) {
        add_dim (&m, out->dim[d] / in->dim[d], 0, in->dim[d] * dst[d] * w);
        add_dim (&m, in->dim[d], src[d] * w, dst[d] * w);
    }
    add_dim (&m, w, 1, 1);
    collapse (&m);
    return m;
}

static guint
repeat_formats (const FovNode *node, Move (*build) (const FovShape *, const FovShape *, int))
{
    const FovTensor *in = node->inputs[0], *out = node->outputs[0];

    if (!can_move (in) || !can_move (out) || out->shape.rank > 6)
        return 0;
    return build (&in->shape, &out->shape, words (in->dtype)).rank <= KERNEL_DIMS ? FOV_CAN_PLANAR
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
    Move m = expand_move (&step->in[0]->shape, &step->out[0]->shape, words (step->in[0]->dtype));

    return record_move (program, &m, step->in[0], step->out[0], error);
}

static guint
tile_formats (const FovNode *node, int block)
{
    return repeat_formats (node, tile_move);
}

static gboolean
record_tile (FovGpuProgram *program, const FovStep *step, GError **error)
{
    Move m = tile_move (&step->in[0]->shape, &step->out[0]->shape, words (step->in[0]->dtype));

    return record_move (program, &m, step->in[0], step->out[0], error);
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
    gboolean blocked = is_blocked (in);
    FovShape from = memory_shape (&in->shape, in->dtype, blocked);
    FovShape to = memory_shape (&out->shape, out->dtype, blocked);
    gint64 src[FOV_MAX_RANK], dst[FOV_MAX_RANK];
    Move m = { 0 };
    double value;

    pad_value (step->node, &value);
    fov_strides (&from, src);
    fov_strides (&to, dst);
    for (int d = 0; d < to.rank; d++) {
        gint64 begin = d < in->shape.rank ? p->begin.v[d] : 0;
        gint64 end = d < in->shape.rank ? p->end.v[d] : 0;
        add_dim (&m, from.dim[d] + MIN (begin, 0) + MIN (end, 0), src[d], dst[d]);
        m.src_start += MAX (-begin, 0) * src[d];
        m.dst_start += MAX (begin, 0) * dst[d];
        if (m.size[d] < 1)
            return record_fill (program, out, (float) value, error);
    }
    collapse (&m);
    return record_fill (program, out, (float) value, error) &&
           record_move (program, &m, in, out, error);
}

const FovGpuOp fov_gpu_pad = { pad_formats, record_pad };

/* ---- DepthToSpace, SpaceToDepth --------------------------------------- */

static guint
depth_formats (const FovNode *node, int block)
{
    return can_move (node->inputs[0]) && can_move (node->outputs[0]) &&
                   words (node->inputs[0]->dtype) == 1
               ? FOV_CAN_PLANAR
               : 0;
}

/* Pixel (y b + i, x b + j) of the wide picture's channel c is pixel (y, x) of a deep channel. */
static gboolean
record_depth (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovDepthParams *p = step->node->params;
    gboolean to_space = !strcmp (step->node->op->name, "DepthToSpace");
    const gint64 *wide = (to_space ? step->out[0] : step->in[0])->shape.dim;
    gint64 b = p->blocksize, h = wide[2] / b, w = wide[3] / b, plane = h * w;
    gint64 channels = wide[1], i_step = p->mode ? b : b * channels;
    gint64 j_step = p->mode ? 1 : channels, c_step = p->mode ? b * b : 1;
    const gint64 sizes[] = { wide[0], channels, h, b, w, b };
    const gint64 in_wide[] = { channels * plane * b * b, plane * b * b, b * w * b, w * b, b, 1 };
    const gint64 in_deep[] = {
        channels * plane * b * b, c_step * plane, w, i_step * plane, 1, j_step * plane
    };
    Move m = { 0 };

    for (int d = 0; d < 6; d++)
        add_dim (&m, sizes[d], to_space ? in_deep[d] : in_wide[d],
                 to_space ? in_wide[d] : in_deep[d]);
    collapse (&m);
    return record_move (program, &m, step->in[0], step->out[0], error);
}

const FovGpuOp fov_gpu_depth = { depth_formats, record_depth };
