/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which tensors share memory: reshapes, concatenations and cuts in place. */
#include "graph/storage.h"

#include "graph/params.h"

#include <string.h>

gsize
fov_format_bytes (const FovFormat *format, FovDType dtype, const FovShape *shape)
{
    gint64 n = fov_shape_elements (shape);

    if (n <= 0)
        return 0;
    if (format->layout == FOV_BLOCKED) {
        gint64 blocks = (shape->dim[1] + format->block - 1) / format->block;
        gint64 h = shape->dim[2] + 2 * (gint64) format->halo;
        gint64 w = shape->dim[3] + 2 * (gint64) format->halo;
        gint64 count;
        if (format->halo < 0 ||
            __builtin_mul_overflow (shape->dim[0] * format->block, blocks, &count) ||
            __builtin_mul_overflow (count, h, &count) ||
            __builtin_mul_overflow (count, w, &count) || count > G_MAXINT64 / 8)
            return 0;
        n = count;
    }
    return (gsize) n * fov_dtype_size (dtype);
}

static gsize
own_bytes (const FovPlanner *p, const FovTensor *t)
{
    const FovOperand *o = &p->plan->operands[t->id];
    return fov_format_bytes (&o->format, t->dtype, &t->shape);
}

gboolean
fov_planner_in_arena (const FovPlanner *p, const FovTensor *t)
{
    return !t->data && !t->is_input && !p->storage[t->id].external;
}

FovTensor *
fov_planner_root (const FovPlanner *p, FovTensor *t, gsize *offset)
{
    *offset = 0;
    while (p->storage[t->id].whole) {
        *offset += p->storage[t->id].offset;
        t = p->storage[t->id].whole;
    }
    return t;
}

/* Lays a tensor that has no whole yet into another, offset bytes from its start. */
static void
join (FovPlanner *p, FovTensor *part, FovTensor *whole, gsize offset)
{
    p->storage[part->id].whole = whole;
    p->storage[part->id].offset = offset;
}

/* Bytes before channel / axis position `at` of a tensor whose leading dimensions are 1; -1 where
 * the position is inside a block, or where a kernel's vectors would not be aligned at all. */
static gint64
axis_offset (const FovOperand *o, int axis, gint64 at)
{
    gint64 inner = 1;

    for (int d = 0; d < axis; d++)
        if (o->shape.dim[d] != 1)
            return -1;
    if (o->format.layout == FOV_BLOCKED) {
        if (axis != 1 || at % o->format.block)
            return -1;
        inner = (o->shape.dim[2] + 2 * o->format.halo) * (o->shape.dim[3] + 2 * o->format.halo);
    } else {
        for (int d = axis + 1; d < o->shape.rank; d++)
            inner *= o->shape.dim[d];
    }
    inner *= at * (gint64) fov_dtype_size (o->dtype);
    return inner % 4 ? -1 : inner;
}

/* The only axis along which the shapes differ (and so the axis that was cut or joined), or -1. */
static int
joined_axis (const FovShape *part, const FovShape *whole)
{
    int axis = -1;

    if (part->rank != whole->rank)
        return -1;
    for (int d = 0; d < whole->rank; d++) {
        if (part->dim[d] == whole->dim[d])
            continue;
        if (axis >= 0)
            return -1;
        axis = d;
    }
    return axis;
}

static gboolean
same_format (const FovOperand *a, const FovOperand *b)
{
    return a->format.layout == b->format.layout && a->format.halo == b->format.halo &&
           a->dtype == b->dtype;
}

/* Whether in already lies offset bytes into out. */
static gboolean
lies_at (const FovPlanner *p, FovTensor *in, FovTensor *out, gint64 offset)
{
    gsize in_offset, out_offset;

    return fov_planner_root (p, in, &in_offset) == fov_planner_root (p, out, &out_offset) &&
           in_offset == out_offset + (gsize) offset;
}

/*
 * Whether inputs of a concatenation, from index i on, are together the whole of
 * one piece of memory that can still be laid anywhere: one tensor, or all parts
 * of a tensor that was cut, in order.
 */
static gboolean
movable_inputs (const FovPlanner *p, const FovNode *node, guint i)
{
    FovTensor *out = node->outputs[0];
    const FovOperand *whole = &p->plan->operands[out->id];
    gsize offset, sum = 0;
    FovTensor *root = fov_planner_root (p, node->inputs[i], &offset);
    guint k = i;

    if (root == fov_planner_root (p, out, &offset) || root->initial)
        return FALSE;
    for (; k < node->n_inputs; k++) {
        FovTensor *in = node->inputs[k];
        const FovOperand *part = &p->plan->operands[in->id];
        if (!fov_planner_in_arena (p, in) || fov_planner_root (p, in, &offset) != root ||
            offset != sum || !same_format (part, whole))
            break;
        sum += p->storage[in->id].bytes;
        /* The unused channels of its last block would be the next one's. */
        if (part->format.layout == FOV_BLOCKED && in->shape.dim[1] % part->format.block &&
            k + 1 < node->n_inputs)
            return FALSE;
    }
    return k > i && sum == p->storage[root->id].bytes;
}

/* A concatenation's inputs are written where the result wants them. */
static void
elide_concat (FovPlanner *p, guint index)
{
    FovNode *node = p->plan->graph->nodes->pdata[index];
    FovTensor *out = node->outputs[0];
    gint64 at = 0;
    gboolean all = TRUE;

    for (guint i = 0; i < node->n_inputs; i++) {
        FovTensor *in = node->inputs[i];
        int axis = joined_axis (&in->shape, &out->shape);
        gint64 offset;
        gsize zero;

        if (axis < 0)
            return;
        offset = axis_offset (&p->plan->operands[out->id], axis, at);
        at += in->shape.dim[axis];
        if (offset >= 0 && !lies_at (p, in, out, offset) && movable_inputs (p, node, i))
            join (p, fov_planner_root (p, in, &zero), out, (gsize) offset);
        all = all && offset >= 0 && lies_at (p, in, out, offset);
    }
    p->skip[index] = all;
}

/* A cut along channels (or the outermost axis) is a look into the whole. */
static gboolean
elide_slice (FovPlanner *p, FovTensor *in, FovTensor *out, int axis, gint64 start)
{
    const FovOperand *whole = &p->plan->operands[in->id];
    const FovOperand *part = &p->plan->operands[out->id];
    gint64 offset = axis_offset (whole, axis, start);
    gint64 end = start + out->shape.dim[axis];
    gsize zero;

    if (fov_planner_root (p, in, &zero)->initial) /* it changes while the part is still read */
        return FALSE;
    if (offset < 0 || !fov_planner_in_arena (p, in) || !same_format (part, whole))
        return FALSE;
    if (whole->format.layout == FOV_BLOCKED && end % whole->format.block &&
        end != whole->shape.dim[1])
        return FALSE;
    join (p, out, in, (gsize) offset);
    return TRUE;
}

static gboolean
try_slice (FovPlanner *p, const FovNode *node)
{
    FovTensor *in = node->inputs[0], *out = node->outputs[0];
    const FovSliceParams *slice = node->params;
    int axis = joined_axis (&out->shape, &in->shape);

    for (int d = 0; d < in->shape.rank; d++) /* the others may be turned round */
        if (out->shape.dim[d] > 1 && slice->step.v[d] != 1)
            return FALSE;
    return axis >= 0 && elide_slice (p, in, out, axis, slice->start.v[axis]);
}

/* A split of which some outputs are views still has to copy the others; the kernels leave out what
 * already lies in place (fov_operand_lies_at). */
static gboolean
try_split (FovPlanner *p, const FovNode *node)
{
    FovTensor *in = node->inputs[0];
    gint64 start = 0;
    gboolean all = TRUE;

    for (guint i = 0; i < node->n_outputs; i++) {
        FovTensor *out = node->outputs[i];
        int axis = out ? joined_axis (&out->shape, &in->shape) : -1;
        if (axis < 0)
            return FALSE;
        if (!elide_slice (p, in, out, axis, start))
            all = FALSE;
        start += out->shape.dim[axis];
    }
    return all;
}

static void
reset (FovPlanner *p)
{
    FovGraph *graph = p->plan->graph;

    memset (p->skip, 0, graph->nodes->len * sizeof *p->skip);
    for (guint i = 0; i < graph->tensors->len; i++) {
        FovTensor *t = graph->tensors->pdata[i];
        p->storage[i] = (FovStorage){ .first = G_MAXUINT };
        if (t)
            p->storage[i].bytes = own_bytes (p, t);
    }
}

static void
find_groups (FovPlanner *p)
{
    FovGraph *graph = p->plan->graph;

    reset (p);
    for (guint i = 0; i < graph->tensors->len; i++) {
        FovTensor *t = graph->tensors->pdata[i];
        if (t && t->next)
            join (p, t->next, t, 0);
    }
    for (guint i = 0; i < p->n_static; i++) {
        FovNode *node = graph->nodes->pdata[i];
        if (node->op->flags & FOV_OP_ALIAS) {
            if (fov_planner_in_arena (p, node->inputs[0]))
                join (p, node->outputs[0], node->inputs[0], 0);
            else
                p->storage[node->outputs[0]->id].external = TRUE;
            p->skip[i] = TRUE;
        } else if (fov_node_is (node, "Slice")) {
            p->skip[i] = try_slice (p, node);
        } else if (fov_node_is (node, "Split")) {
            p->skip[i] = try_split (p, node);
        }
    }
    for (guint i = p->n_static; i-- > 0;)
        if (fov_node_is (graph->nodes->pdata[i], "Concat"))
            elide_concat (p, i);
}

/* ---- halos ------------------------------------------------------------ */

/* All members of a group share one halo, so that parts line up in the whole. Groups depend on
 * offsets and those on halos: a first grouping without halos tells who belongs together. */
static void
spread_halos (FovPlanner *p)
{
    FovGraph *graph = p->plan->graph;
    g_autofree int *need = g_new0 (int, graph->tensors->len + 1);
    gsize offset;

    for (guint i = 0; i < p->n_static; i++) {
        FovNode *node = graph->nodes->pdata[i];
        for (guint k = 0; k < node->n_inputs; k++) {
            FovTensor *in = node->inputs[k];
            guint root;
            if (!in || in->data || p->plan->operands[in->id].format.layout != FOV_BLOCKED)
                continue;
            root = fov_planner_root (p, in, &offset)->id;
            if (p->target->halo)
                need[root] = MAX (need[root], p->target->halo (node, k));
        }
    }
    for (guint i = 0; i < graph->tensors->len; i++) {
        FovFormat *f = &p->plan->operands[i].format;
        FovTensor *t = graph->tensors->pdata[i];
        if (t && f->layout == FOV_BLOCKED)
            f->halo = need[fov_planner_root (p, t, &offset)->id];
    }
}

static gboolean
check_sizes (const FovPlanner *p, GError **error)
{
    FovGraph *graph = p->plan->graph;

    for (guint i = 0; i < graph->tensors->len; i++) {
        const FovTensor *t = graph->tensors->pdata[i];
        g_autofree char *text = NULL;
        if (!t || fov_tensor_elements (t) <= 0 || own_bytes (p, t))
            continue;
        text = fov_shape_to_string (&t->shape);
        g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY,
                     "tensor '%s' of shape %s is too large with a border of %d pixels", t->name,
                     text, p->plan->operands[i].format.halo);
        return FALSE;
    }
    return TRUE;
}

gboolean
fov_planner_group (FovPlanner *p, GError **error)
{
    find_groups (p);
    if (p->target->use_halo) {
        spread_halos (p);
        if (!check_sizes (p, error))
            return FALSE;
        find_groups (p);
    }
    return check_sizes (p, error);
}
