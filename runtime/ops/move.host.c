/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Data movement of planar tensors on the host. Each op is a list of boxes to
 * be copied (or filled) with a stride per dimension on either side.
 */
#include "ops/host-move.h"

#define MAX_BOX_RANK (2 * FOV_MAX_RANK)

typedef struct {
    const FovOperand *from, *to;  /* from NULL: filled */
    gsize from_offset, to_offset; /* elements */
    int rank;
    gint64 dim[MAX_BOX_RANK], from_step[MAX_BOX_RANK], to_step[MAX_BOX_RANK];
} Box;

typedef struct {
    guint box;
    gint64 first, last; /* of dimension 0 */
} BoxTask;

typedef struct {
    GArray *boxes, *tasks;
    gsize size; /* of an element */
    guint64 fill;
} Moves;

static void
moves_free (gpointer data)
{
    Moves *m = data;

    g_array_unref (m->boxes);
    g_array_unref (m->tasks);
    g_free (m);
}

/* ---- copying ----------------------------------------------------------- */

#define LINE(type)                                                                                 \
    do {                                                                                           \
        const type *f = from;                                                                      \
        type *t = to;                                                                              \
        for (gint64 i = 0; i < n; i++)                                                             \
            t[i * ts] = f[i * fs];                                                                 \
    } while (0)

static void
copy_line (void *to, gint64 ts, const void *from, gint64 fs, gint64 n, gsize size)
{
    if (ts == 1 && fs == 1)
        memcpy (to, from, n * size);
    else if (size == 4)
        LINE (guint32);
    else if (size == 8)
        LINE (guint64);
    else if (size == 2)
        LINE (guint16);
    else
        LINE (guint8);
}

#define TILE 16

/* The two innermost dimensions: tile by tile where lines on one side are columns on the other. */
static void
copy_plane (const Box *b, guint8 *to, const guint8 *from, gsize size)
{
    const int r = b->rank;
    const gint64 n0 = b->dim[r - 2], n1 = b->dim[r - 1];
    const gint64 f0 = b->from_step[r - 2], f1 = b->from_step[r - 1];
    const gint64 t0 = b->to_step[r - 2], t1 = b->to_step[r - 1];

    if (f0 != 1 || f1 == 1) {
        for (gint64 i = 0; i < n0; i++)
            copy_line (to + i * t0 * (gint64) size, t1, from + i * f0 * (gint64) size, f1, n1,
                       size);
        return;
    }
    for (gint64 i = 0; i < n0; i += TILE)
        for (gint64 k = 0; k < n1; k += TILE)
            for (gint64 l = i; l < MIN (i + TILE, n0); l++)
                copy_line (to + (l * t0 + k * t1) * (gint64) size, t1,
                           from + (l * f0 + k * f1) * (gint64) size, f1, MIN (n1 - k, TILE), size);
}

static void
copy_box (const Box *b, int d, guint8 *to, const guint8 *from, gsize size)
{
    if (d == b->rank - 2) {
        copy_plane (b, to, from, size);
        return;
    }
    for (gint64 i = 0; i < b->dim[d]; i++)
        copy_box (b, d + 1, to + i * b->to_step[d] * (gint64) size,
                  from + i * b->from_step[d] * (gint64) size, size);
}

static void
moves_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Moves *m = step->state;
    const BoxTask *t = &g_array_index (m->tasks, BoxTask, task);
    const gint64 size = (gint64) m->size;
    Box b = g_array_index (m->boxes, Box, t->box);
    guint8 *to = (guint8 *) fov_host_ptr (frame, b.to) + b.to_offset * size;
    const guint8 *from = b.from
                             ? (const guint8 *) fov_host_ptr (frame, b.from) + b.from_offset * size
                             : (const guint8 *) &m->fill;

    b.dim[0] = t->last - t->first;
    copy_box (&b, 0, to + t->first * b.to_step[0] * size, from + t->first * b.from_step[0] * size,
              m->size);
}

/* ---- building ---------------------------------------------------------- */

/* Merges neighbouring dimensions that are one on both sides; at least two remain. */
static void
simplify_box (Box *b)
{
    Box s = *b;

    s.rank = 0;
    for (int d = 0; d < b->rank; d++) {
        const int k = s.rank - 1;
        if (b->dim[d] == 1)
            continue;
        if (k >= 0 && s.from_step[k] == b->from_step[d] * b->dim[d] &&
            s.to_step[k] == b->to_step[d] * b->dim[d]) {
            s.dim[k] *= b->dim[d];
            s.from_step[k] = b->from_step[d];
            s.to_step[k] = b->to_step[d];
            continue;
        }
        s.dim[s.rank] = b->dim[d];
        s.from_step[s.rank] = b->from_step[d];
        s.to_step[s.rank++] = b->to_step[d];
    }
    for (; s.rank < 2; s.rank++) {
        memmove (s.dim + 1, s.dim, s.rank * sizeof *s.dim);
        memmove (s.from_step + 1, s.from_step, s.rank * sizeof *s.dim);
        memmove (s.to_step + 1, s.to_step, s.rank * sizeof *s.dim);
        s.dim[0] = 1;
        s.from_step[0] = s.to_step[0] = 0;
    }
    *b = s;
}

/* A long line is cut into rows, so that tasks can share it. */
static void
cut_line (Box *b)
{
    gint64 pieces = MIN (b->dim[1] / 8192, 64);

    if (b->rank != 2 || b->dim[0] != 1)
        return;
    while (pieces > 1 && b->dim[1] % pieces)
        pieces--;
    if (pieces < 2)
        return;
    b->dim[0] = pieces;
    b->dim[1] /= pieces;
    b->from_step[0] = b->from_step[1] * b->dim[1];
    b->to_step[0] = b->to_step[1] * b->dim[1];
}

static void
add_box (Moves *m, const Box *box)
{
    Box b = *box;
    gint64 n = 1;

    for (int d = 0; d < b.rank; d++)
        n *= b.dim[d];
    if (n == 0 ||
        (b.from && fov_operand_lies_at (b.from, b.to, (b.to_offset - b.from_offset) * m->size)))
        return;
    simplify_box (&b);
    cut_line (&b);
    const guint pieces = fov_host_tasks (n * 5e-10, b.dim[0]);
    for (guint i = 0; i < pieces; i++) {
        const BoxTask t = { m->boxes->len, (gint64) fov_host_cut (b.dim[0], pieces, i),
                            (gint64) fov_host_cut (b.dim[0], pieces, i + 1) };
        g_array_append_val (m->tasks, t);
    }
    g_array_append_val (m->boxes, b);
}

static Moves *
moves_new (FovHostStep *step)
{
    Moves *m = g_new0 (Moves, 1);

    m->boxes = g_array_new (FALSE, FALSE, sizeof (Box));
    m->tasks = g_array_new (FALSE, FALSE, sizeof (BoxTask));
    m->size =
        fov_dtype_size (step->step.out[0] ? step->step.out[0]->dtype : step->step.in[0]->dtype);
    step->state = m;
    step->free_state = moves_free;
    step->run = moves_run;
    return m;
}

static gboolean
moves_done (FovHostStep *step, const Moves *m)
{
    step->n_tasks = m->tasks->len;
    return TRUE;
}

/* All of `shape`, dense strides of from_shape and to_shape. */
static Box
dense_box (const FovOperand *from, const FovShape *from_shape, const FovOperand *to,
           const FovShape *to_shape, const FovShape *shape)
{
    Box b = { .from = from, .to = to, .rank = shape->rank };

    memcpy (b.dim, shape->dim, sizeof shape->dim);
    fov_strides (from_shape, b.from_step);
    fov_strides (to_shape, b.to_step);
    return b;
}

static gboolean
is_channel_axis (const FovNode *node, gint64 axis)
{
    return axis == 1 && fov_host_can_block (node->inputs[0]);
}

/* ---- Concat, Split, Slice ---------------------------------------------- */

static gboolean
concat_prepare (FovHostStep *step, GError **error)
{
    const FovNode *node = step->step.node;
    const int axis = (int) ((const FovAxisParams *) node->params)->axis;
    const FovOperand *y = step->step.out[0];
    gsize at = 0;

    if (y->format.layout == FOV_BLOCKED)
        return fov_host_concat_lanes (step);
    Moves *m = moves_new (step);
    for (guint i = 0; i < node->n_inputs; i++) {
        const FovOperand *x = step->step.in[i];
        Box b = dense_box (x, &x->shape, y, &y->shape, &x->shape);
        b.to_offset = at * b.to_step[axis];
        at += x->shape.dim[axis];
        add_box (m, &b);
    }
    return moves_done (step, m);
}

static guint
concat_formats (const FovNode *node, int block)
{
    guint can = FOV_CAN_PLANAR | FOV_CAN_BLOCKED;

    if (!is_channel_axis (node, ((const FovAxisParams *) node->params)->axis))
        return FOV_CAN_PLANAR;
    for (guint i = 0; i < node->n_inputs; i++)
        if (!fov_host_can_block (node->inputs[i]))
            can = FOV_CAN_PLANAR;
    return can;
}

const FovHostOp fov_host_concat = { concat_formats, NULL, concat_prepare };

static gboolean
split_prepare (FovHostStep *step, GError **error)
{
    const FovNode *node = step->step.node;
    const int axis = (int) ((const FovAxisParams *) node->params)->axis;
    const FovOperand *x = step->step.in[0];
    gsize at = 0;

    if (x->format.layout == FOV_BLOCKED)
        return fov_host_split_lanes (step);
    Moves *m = moves_new (step);
    for (guint i = 0; i < node->n_outputs; i++) {
        const FovOperand *y = step->step.out[i];
        Box b = dense_box (x, &x->shape, y, &y->shape, &y->shape);
        b.from_offset = at * b.from_step[axis];
        at += y->shape.dim[axis];
        add_box (m, &b);
    }
    return moves_done (step, m);
}

static guint
split_formats (const FovNode *node, int block)
{
    for (guint i = 0; i < node->n_outputs; i++)
        if (!node->outputs[i])
            return 0;
    return is_channel_axis (node, ((const FovAxisParams *) node->params)->axis)
               ? FOV_CAN_PLANAR | FOV_CAN_BLOCKED
               : FOV_CAN_PLANAR;
}

const FovHostOp fov_host_split = { split_formats, NULL, split_prepare };

static gboolean
slice_prepare (FovHostStep *step, GError **error)
{
    const FovSliceParams *p = step->step.node->params;
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];

    if (x->format.layout == FOV_BLOCKED)
        return fov_host_slice_lanes (step);
    Moves *m = moves_new (step);
    Box b = dense_box (x, &x->shape, y, &y->shape, &y->shape);
    for (int d = 0; d < b.rank; d++) {
        b.from_offset += p->start.v[d] * b.from_step[d];
        b.from_step[d] *= p->step.v[d];
    }
    add_box (m, &b);
    return moves_done (step, m);
}

static guint
slice_formats (const FovNode *node, int block)
{
    const FovShape *x = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;

    if (!fov_host_can_block (node->inputs[0]) || x->dim[0] != y->dim[0] || x->dim[2] != y->dim[2] ||
        x->dim[3] != y->dim[3])
        return FOV_CAN_PLANAR;
    for (int d = 0; d < 4; d++)
        if (d != 1 && ((const FovSliceParams *) node->params)->step.v[d] != 1)
            return FOV_CAN_PLANAR;
    return FOV_CAN_PLANAR | FOV_CAN_BLOCKED;
}

const FovHostOp fov_host_slice = { slice_formats, NULL, slice_prepare };

/* ---- Transpose, Expand, Tile, depth and space --------------------------- */

static guint
planar_formats (const FovNode *node, int block)
{
    return FOV_CAN_PLANAR;
}

static gboolean
transpose_prepare (FovHostStep *step, GError **error)
{
    const FovTransposeParams *p = step->step.node->params;
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    Moves *m = moves_new (step);
    Box b = dense_box (x, &x->shape, y, &y->shape, &y->shape);
    gint64 stride[FOV_MAX_RANK];

    fov_strides (&x->shape, stride);
    for (int d = 0; d < b.rank; d++)
        b.from_step[d] = stride[p->perm.v[d]];
    add_box (m, &b);
    return moves_done (step, m);
}

const FovHostOp fov_host_transpose = { planar_formats, NULL, transpose_prepare };

static gboolean
expand_prepare (FovHostStep *step, GError **error)
{
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    Moves *m = moves_new (step);
    Box b = dense_box (x, &x->shape, y, &y->shape, &y->shape);

    fov_broadcast_strides (&x->shape, &y->shape, b.from_step);
    add_box (m, &b);
    return moves_done (step, m);
}

const FovHostOp fov_host_expand = { planar_formats, NULL, expand_prepare };

/* Dimension d of the output as repeat x size. */
static gboolean
tile_prepare (FovHostStep *step, GError **error)
{
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    Moves *m = moves_new (step);
    Box b = { .from = x, .to = y };
    gint64 from[FOV_MAX_RANK], to[FOV_MAX_RANK];

    fov_strides (&x->shape, from);
    fov_strides (&y->shape, to);
    for (int d = 0; d < x->shape.rank; d++) {
        const gint64 n = x->shape.dim[d];
        b.dim[b.rank] = n ? y->shape.dim[d] / n : 0;
        b.from_step[b.rank] = 0;
        b.to_step[b.rank++] = n * to[d];
        b.dim[b.rank] = n;
        b.from_step[b.rank] = from[d];
        b.to_step[b.rank++] = to[d];
    }
    add_box (m, &b);
    return moves_done (step, m);
}

const FovHostOp fov_host_tile = { planar_formats, NULL, tile_prepare };

/* The wide picture as [N][C][H / b][b][W / b][b]. */
static gboolean
depth_prepare (FovHostStep *step, GError **error)
{
    const FovDepthParams *p = step->step.node->params;
    const gboolean to_space = g_str_equal (step->step.node->op->name, "DepthToSpace");
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    const gint64 *wide = (to_space ? y : x)->shape.dim, *deep = (to_space ? x : y)->shape.dim;
    const gint64 k = p->blocksize, plane = deep[2] * deep[3], channels = wide[1];
    const gint64 dim[] = { wide[0], channels, deep[2], k, deep[3], k };
    const gint64 w[] = {
        channels * wide[2] * wide[3], wide[2] * wide[3], k * wide[3], wide[3], k, 1
    };
    const gboolean crd = to_space && p->mode;
    const gint64 d[] = { deep[1] * plane,
                         crd ? k * k * plane : plane,
                         deep[3],
                         crd ? k * plane : k * channels * plane,
                         1,
                         crd ? plane : channels * plane };
    Moves *m = moves_new (step);
    Box b = { .from = x, .to = y, .rank = 6 };

    memcpy (b.dim, dim, sizeof dim);
    memcpy (b.from_step, to_space ? d : w, sizeof w);
    memcpy (b.to_step, to_space ? w : d, sizeof w);
    add_box (m, &b);
    return moves_done (step, m);
}

const FovHostOp fov_host_depth = { planar_formats, NULL, depth_prepare };

/* ---- Pad --------------------------------------------------------------- */

/* The border around the inside, dimension by dimension: two slabs each. */
static void
add_border (Moves *m, const FovOperand *y, const gint64 *begin, const gint64 *inside)
{
    Box all = dense_box (NULL, &y->shape, y, &y->shape, &y->shape);

    memset (all.from_step, 0, sizeof all.from_step);
    for (int d = 0; d < all.rank; d++) {
        const gint64 size = all.dim[d], after = begin[d] + inside[d];
        Box slab = all;
        slab.dim[d] = begin[d];
        add_box (m, &slab);
        slab.dim[d] = size - after;
        slab.to_offset += after * all.to_step[d];
        add_box (m, &slab);
        all.dim[d] = inside[d];
        all.to_offset += begin[d] * all.to_step[d];
    }
}

static gboolean
pad_prepare (FovHostStep *step, GError **error)
{
    const FovNode *node = step->step.node;
    const FovPadParams *p = node->params;
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    const FovTensor *fill = fov_in (node, 2);
    gint64 begin[FOV_MAX_RANK], inside[FOV_MAX_RANK];
    Moves *m = moves_new (step);
    Box b = dense_box (x, &x->shape, y, &y->shape, &y->shape);

    if (fill)
        memcpy (&m->fill, g_bytes_get_data (fill->data, NULL), m->size);
    for (int d = 0; d < b.rank; d++) {
        const gint64 cut = MAX (-p->begin.v[d], 0), cut_end = MAX (-p->end.v[d], 0);
        begin[d] = MAX (p->begin.v[d], 0);
        inside[d] = b.dim[d] = MAX (x->shape.dim[d] - cut - cut_end, 0);
        b.from_offset += cut * b.from_step[d];
        b.to_offset += begin[d] * b.to_step[d];
    }
    add_border (m, y, begin, inside);
    add_box (m, &b);
    return moves_done (step, m);
}

static guint
pad_formats (const FovNode *node, int block)
{
    const FovPadParams *p = node->params;

    if (p->mode != FOV_PAD_CONSTANT || (fov_in (node, 2) && !node->inputs[2]->data))
        return 0;
    return FOV_CAN_PLANAR;
}

const FovHostOp fov_host_pad = { pad_formats, NULL, pad_prepare };

/* ---- Gather with constant indices -------------------------------------- */

static gint64
gather_index (const FovNode *node, gint64 i)
{
    const FovTensor *t = node->inputs[1];
    const FovView view = { t->dtype, t->shape, (void *) g_bytes_get_data (t->data, NULL) };
    const FovAxisParams *p = node->params;
    const gint64 index = fov_view_get_int (&view, i);

    return index < 0 ? index + node->inputs[0]->shape.dim[p->axis] : index;
}

static gboolean
gather_prepare (FovHostStep *step, GError **error)
{
    const FovNode *node = step->step.node;
    const int axis = (int) ((const FovAxisParams *) node->params)->axis;
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    const gint64 outer = fov_shape_span (&x->shape, 0, axis);
    const gint64 inner = fov_shape_span (&x->shape, axis + 1, x->shape.rank);
    const gint64 n = fov_tensor_elements (node->inputs[1]);
    Moves *m = moves_new (step);

    for (gint64 i = 0, run; i < n; i += run) {
        const gint64 first = gather_index (node, i);
        for (run = 1; i + run < n && gather_index (node, i + run) == first + run;)
            run++;
        Box b = { .from = x, .to = y, .rank = 2 };
        b.from_offset = first * inner;
        b.to_offset = i * inner;
        b.dim[0] = outer;
        b.dim[1] = run * inner;
        b.from_step[0] = x->shape.dim[axis] * inner;
        b.to_step[0] = n * inner;
        b.from_step[1] = b.to_step[1] = 1;
        add_box (m, &b);
    }
    return moves_done (step, m);
}

static guint
gather_formats (const FovNode *node, int block)
{
    const FovAxisParams *p = node->params;
    const gint64 size = node->inputs[0]->shape.dim[p->axis];

    if (!node->inputs[1]->data || fov_tensor_elements (node->inputs[1]) > 4096)
        return 0;
    for (gint64 i = 0; i < fov_tensor_elements (node->inputs[1]); i++) {
        const gint64 index = gather_index (node, i);
        if (index < 0 || index >= size)
            return 0;
    }
    return FOV_CAN_PLANAR;
}

const FovHostOp fov_host_gather = { gather_formats, NULL, gather_prepare };
