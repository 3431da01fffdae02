/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Memory and order of a plan.
 *
 * Tensors that are the same bytes (reshapes), or parts of one another (the
 * inputs of a concatenation, the outputs of a channel slice), form a group
 * with one piece of memory. Groups get their offsets largest first, each at the lowest place that
 * is free over its whole lifetime (the "greedy by size" of Pisarchyk and Lee, 2020).
 */
#include "graph/op.h"
#include "graph/passes.h"
#include "graph/params.h"

#include <string.h>

#define ALIGN 64

typedef struct {
    FovTensor *whole; /* the tensor whose memory it is a part of, or NULL */
    gsize offset;     /* from the start of whole; without one: of the arena; bytes */
    gsize bytes;
    guint first, last; /* without whole: steps from the first write to the last read */
    gboolean external; /* a reshape of a graph input or constant */
} Storage;

typedef struct {
    FovPlan *plan;
    const FovPlanTarget *target;
    Storage *storage; /* by tensor id */
    gboolean *skip;   /* by node index: nothing to run */
} Planner;

gsize
fov_format_bytes (const FovFormat *format, FovDType dtype, const FovShape *shape)
{
    gint64 n = fov_shape_elements (shape);

    if (n < 0)
        return 0;
    if (format->layout == FOV_BLOCKED) {
        gint64 blocks = (shape->dim[1] + format->block - 1) / format->block;
        gint64 h = shape->dim[2] + 2 * format->halo, w = shape->dim[3] + 2 * format->halo;
        gint64 count;
        if (__builtin_mul_overflow (shape->dim[0] * format->block, blocks, &count) ||
            __builtin_mul_overflow (count, h, &count) ||
            __builtin_mul_overflow (count, w, &count) || count > G_MAXINT64 / 8)
            return 0;
        n = count;
    }
    return (gsize) n * fov_dtype_size (dtype);
}

/* ---- storage groups --------------------------------------------------- */

static gsize
own_bytes (const Planner *p, const FovTensor *t)
{
    const FovOperand *o = &p->plan->operands[t->id];
    return fov_format_bytes (&o->format, t->dtype, &t->shape);
}

static gboolean
in_arena (const Planner *p, const FovTensor *t)
{
    return !t->data && !t->is_input && !p->storage[t->id].external;
}

/* The tensor that owns the memory, and where t lies in it. */
static FovTensor *
find_root (const Planner *p, FovTensor *t, gsize *offset)
{
    *offset = 0;
    while (p->storage[t->id].whole) {
        *offset += p->storage[t->id].offset;
        t = p->storage[t->id].whole;
    }
    return t;
}

static Storage *
root_storage (const Planner *p, FovTensor *t)
{
    gsize offset;
    return &p->storage[find_root (p, t, &offset)->id];
}

/* Lays a tensor that has no whole yet into another, offset bytes from its start. */
static void
join (Planner *p, FovTensor *part, FovTensor *whole, gsize offset)
{
    p->storage[part->id].whole = whole;
    p->storage[part->id].offset = offset;
}

/* Elements before channel / axis position `at` of a tensor whose leading dimensions are 1, in the
 * bytes of its format; -1 where the position is inside a block. */
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
    return at * inner * (gint64) fov_dtype_size (o->dtype);
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

/* Whether in already lies offset bytes into out. */
static gboolean
lies_at (const Planner *p, FovTensor *in, FovTensor *out, gint64 offset)
{
    gsize in_offset, out_offset;

    return find_root (p, in, &in_offset) == find_root (p, out, &out_offset) &&
           in_offset == out_offset + (gsize) offset;
}

/*
 * Whether inputs of a concatenation, from index i on, are together the whole of
 * one piece of memory that can still be laid anywhere: one tensor, or all parts
 * of a tensor that was cut, in order.
 */
static gboolean
movable_inputs (const Planner *p, const FovNode *node, guint i)
{
    FovTensor *out = node->outputs[0];
    const FovOperand *whole = &p->plan->operands[out->id];
    gsize offset, sum = 0;
    FovTensor *root = find_root (p, node->inputs[i], &offset);
    guint k = i;

    if (root == find_root (p, out, &offset))
        return FALSE;
    for (; k < node->n_inputs; k++) {
        FovTensor *in = node->inputs[k];
        const FovOperand *part = &p->plan->operands[in->id];
        if (!in_arena (p, in) || find_root (p, in, &offset) != root || offset != sum ||
            part->format.layout != whole->format.layout || part->dtype != whole->dtype)
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
elide_concat (Planner *p, guint index)
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
            join (p, find_root (p, in, &zero), out, (gsize) offset);
        all = all && offset >= 0 && lies_at (p, in, out, offset);
    }
    p->skip[index] = all;
}

/* A cut along channels (or the outermost axis) is a look into the whole. */
static void
elide_slice (Planner *p, guint index, FovTensor *in, FovTensor *out, int axis, gint64 start)
{
    const FovOperand *whole = &p->plan->operands[in->id];
    const FovOperand *part = &p->plan->operands[out->id];
    gint64 offset = axis_offset (whole, axis, start);
    gint64 end = start + out->shape.dim[axis];

    p->skip[index] = FALSE;
    if (offset < 0 || !in_arena (p, in) || part->format.layout != whole->format.layout)
        return;
    if (whole->format.layout == FOV_BLOCKED && end % whole->format.block &&
        end != whole->shape.dim[1])
        return;
    join (p, out, in, (gsize) offset);
    p->skip[index] = TRUE;
}

static void
try_slice (Planner *p, guint index)
{
    FovNode *node = p->plan->graph->nodes->pdata[index];
    FovTensor *in = node->inputs[0], *out = node->outputs[0];
    const FovSliceParams *slice = node->params;
    int axis = joined_axis (&out->shape, &in->shape);

    if (axis >= 0 && slice->step.v[axis] == 1)
        elide_slice (p, index, in, out, axis, slice->start.v[axis]);
}

static void
try_split (Planner *p, guint index)
{
    FovNode *node = p->plan->graph->nodes->pdata[index];
    gint64 start = 0;
    gboolean all = TRUE;

    for (guint i = 0; i < node->n_outputs; i++) {
        FovTensor *out = node->outputs[i];
        int axis;
        if (!out || node->n_outputs < 2)
            return;
        axis = joined_axis (&out->shape, &node->inputs[0]->shape);
        if (axis < 0)
            return;
        elide_slice (p, index, node->inputs[0], out, axis, start);
        all = all && p->skip[index];
        start += out->shape.dim[axis];
    }
    /* A split of which some outputs are views still has to copy the others; the kernels leave out
     * what already lies in place (fov_operand_lies_at). */
    p->skip[index] = all;
}

static void
find_groups (Planner *p, guint n_static)
{
    FovGraph *graph = p->plan->graph;

    for (guint i = 0; i < n_static; i++) {
        FovNode *node = graph->nodes->pdata[i];
        if (node->op->flags & FOV_OP_ALIAS) {
            if (in_arena (p, node->inputs[0]))
                join (p, node->outputs[0], node->inputs[0], 0);
            else
                p->storage[node->outputs[0]->id].external = TRUE;
            p->skip[i] = TRUE;
        } else if (fov_node_is (node, "Slice")) {
            try_slice (p, i);
        } else if (fov_node_is (node, "Split")) {
            try_split (p, i);
        }
    }
    for (guint i = n_static; i-- > 0;)
        if (fov_node_is (graph->nodes->pdata[i], "Concat"))
            elide_concat (p, i);
}

/* ---- halos ------------------------------------------------------------ */

/* All members of a group share one halo, so that parts line up in the whole. Groups depend on
 * offsets and those on halos: a first grouping without halos tells who belongs together. */
static void
spread_halos (Planner *p, guint n_static)
{
    FovGraph *graph = p->plan->graph;
    g_autofree int *need = g_new0 (int, graph->tensors->len);

    for (guint i = 0; i < n_static; i++) {
        FovNode *node = graph->nodes->pdata[i];
        for (guint k = 0; k < node->n_inputs; k++) {
            FovTensor *in = node->inputs[k];
            guint root;
            if (!in || in->data || p->plan->operands[in->id].format.layout != FOV_BLOCKED)
                continue;
            root = root_storage (p, in) - p->storage;
            if (p->target->halo)
                need[root] = MAX (need[root], p->target->halo (node, k));
        }
    }
    for (guint i = 0; i < graph->tensors->len; i++) {
        FovFormat *f = &p->plan->operands[i].format;
        if (graph->tensors->pdata[i] && f->layout == FOV_BLOCKED)
            f->halo = need[root_storage (p, graph->tensors->pdata[i]) - p->storage];
    }
}

/* ---- placement -------------------------------------------------------- */

static void
reset_storage (Planner *p)
{
    FovGraph *graph = p->plan->graph;

    memset (p->skip, 0, graph->nodes->len * sizeof *p->skip);
    for (guint i = 0; i < graph->tensors->len; i++) {
        FovTensor *t = graph->tensors->pdata[i];
        p->storage[i] = (Storage){ .first = G_MAXUINT };
        if (t)
            p->storage[i].bytes = own_bytes (p, t);
    }
}

static void
find_lifetimes (Planner *p, guint n_static)
{
    FovGraph *graph = p->plan->graph;

    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        guint when = MIN (i, n_static); /* the tail reads after everything static */
        for (guint k = 0; k < node->n_outputs && i < n_static; k++) {
            if (!node->outputs[k])
                continue;
            Storage *s = root_storage (p, node->outputs[k]);
            s->first = MIN (s->first, when);
            s->last = MAX (s->last, when);
        }
        for (guint k = 0; k < node->n_inputs; k++) {
            if (!node->inputs[k])
                continue;
            Storage *s = root_storage (p, node->inputs[k]);
            s->last = MAX (s->last, when);
        }
    }
    for (guint i = 0; i < graph->outputs->len; i++) {
        FovTensor *t = graph->outputs->pdata[i];
        root_storage (p, t)->last = n_static;
    }
}

static int
larger_first (gconstpointer a, gconstpointer b)
{
    const Storage *x = *(Storage *const *) a, *y = *(Storage *const *) b;

    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y; /* in one array, by tensor id */
}

/* The lowest offset where s fits between the placed groups alive at the same time. */
static gsize
lowest_gap (GPtrArray *placed, const Storage *s)
{
    gsize at = ALIGN; /* the first bytes are the zero texel */

    for (guint i = 0; i < placed->len; i++) { /* sorted by offset */
        const Storage *o = placed->pdata[i];
        if (o->last < s->first || s->last < o->first)
            continue;
        if (o->offset >= at + s->bytes)
            break;
        at = MAX (at, (o->offset + o->bytes + ALIGN - 1) / ALIGN * ALIGN);
    }
    return at;
}

static void
place_groups (Planner *p)
{
    FovGraph *graph = p->plan->graph;
    g_autoptr (GPtrArray) groups = g_ptr_array_new ();
    g_autoptr (GPtrArray) placed = g_ptr_array_new ();

    p->plan->arena_bytes = ALIGN;
    for (guint i = 0; i < graph->tensors->len; i++) {
        Storage *s = &p->storage[i];
        FovTensor *t = graph->tensors->pdata[i];
        if (t && !s->whole && in_arena (p, t) && s->first != G_MAXUINT)
            g_ptr_array_add (groups, s);
    }
    g_ptr_array_sort (groups, larger_first);
    for (guint i = 0; i < groups->len; i++) {
        Storage *s = groups->pdata[i];
        guint k = 0;
        s->offset = lowest_gap (placed, s);
        while (k < placed->len && ((Storage *) placed->pdata[k])->offset <= s->offset)
            k++;
        g_ptr_array_insert (placed, (int) k, s);
        p->plan->arena_bytes = MAX (p->plan->arena_bytes, s->offset + s->bytes);
        p->plan->naive_bytes += s->bytes;
    }
}

/* ---- the plan --------------------------------------------------------- */

static gboolean
node_is_heavy (const FovNode *node)
{
    return fov_node_is (node, "Conv") || fov_node_is (node, "ConvTranspose") ||
           fov_node_is (node, "MatMul") || fov_node_is (node, "Gemm");
}

static gboolean
output_unknown (const FovNode *node)
{
    for (guint i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] && fov_tensor_elements (node->outputs[i]) < 0)
            return TRUE;
    return node->op->flags & FOV_OP_DYNAMIC;
}

/*
 * Moves everything that can not be planned (sizes depend on data, or the
 * executor lacks the op), and all that follows from it, behind the rest.
 * Returns how many nodes are planned.
 */
static gboolean
split_tail (FovGraph *graph, const FovPlanTarget *target, guint *n_static, GError **error)
{
    g_autoptr (GHashTable) late = g_hash_table_new (NULL, NULL); /* tensors of the tail */
    g_autoptr (GPtrArray) head = g_ptr_array_new ();
    g_autoptr (GPtrArray) tail = g_ptr_array_new ();
    const FovNode *lacking = NULL;
    gboolean ok = TRUE;

    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        gboolean has = node->op->flags & FOV_OP_ALIAS || output_unknown (node) ||
                       target->formats (node, target->block);
        gboolean is_late = output_unknown (node) || !has;
        for (guint k = 0; k < node->n_inputs; k++)
            is_late = is_late || (node->inputs[k] && g_hash_table_contains (late, node->inputs[k]));
        if (!has && !lacking)
            lacking = node;
        if (!is_late) {
            g_ptr_array_add (head, node);
            continue;
        }
        if (node_is_heavy (node) && ok) {
            const FovNode *why = lacking ? lacking : tail->len ? tail->pdata[0] : node;
            g_set_error (
                error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                "node '%s' (%s) %s, and '%s' (%s) behind it is too heavy to be interpreted",
                why->name, why->op->name,
                lacking ? "is not available on this device"
                        : "has a result whose size depends on data",
                node->name, node->op->name);
            ok = FALSE;
        }
        g_ptr_array_add (tail, node);
        for (guint k = 0; k < node->n_outputs; k++)
            if (node->outputs[k])
                g_hash_table_add (late, node->outputs[k]);
    }
    *n_static = head->len;
    for (guint i = 0; i < head->len; i++)
        graph->nodes->pdata[i] = head->pdata[i];
    for (guint i = 0; i < tail->len; i++)
        graph->nodes->pdata[head->len + i] = tail->pdata[i];
    return ok;
}

static void
fill_operands (Planner *p)
{
    FovGraph *graph = p->plan->graph;

    for (guint i = 0; i < graph->tensors->len; i++) {
        FovTensor *t = graph->tensors->pdata[i];
        FovOperand *o = &p->plan->operands[i];
        gsize offset;
        if (!t)
            continue;
        o->bytes = own_bytes (p, t);
        o->place = t->data ? FOV_PLACE_CONSTANT : t->is_input ? FOV_PLACE_INPUT : FOV_PLACE_ARENA;
        if (o->place == FOV_PLACE_ARENA)
            o->offset = p->storage[find_root (p, t, &offset)->id].offset;
        if (o->place == FOV_PLACE_ARENA)
            o->offset += offset;
        if (t->data)
            p->plan->constant_bytes += g_bytes_get_size (t->data);
    }
    for (guint i = 0; i < graph->inputs->len; i++)
        p->plan->operands[((FovTensor *) graph->inputs->pdata[i])->id].input = i;
    /* A reshape of a graph input is the input. */
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        if (!(node->op->flags & FOV_OP_ALIAS) || !node->outputs[0] ||
            !p->storage[node->outputs[0]->id].external)
            continue;
        FovOperand *o = &p->plan->operands[node->outputs[0]->id];
        const FovOperand *from = &p->plan->operands[node->inputs[0]->id];
        o->place = from->place;
        o->input = from->input;
    }
}

static double
node_flops (const FovNode *node)
{
    if (node->op->flops)
        return node->op->flops (node);
    if (node->op->flags & FOV_OP_ALIAS || !node->outputs[0])
        return 0;
    return MAX (fov_tensor_elements (node->outputs[0]), 0);
}

static void
fill_steps (Planner *p, guint n_static)
{
    FovGraph *graph = p->plan->graph;
    FovPlan *plan = p->plan;

    plan->steps = g_new0 (FovStep, graph->nodes->len + 1);
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        FovStep *step;
        if (i < n_static && p->skip[i])
            continue;
        step = &plan->steps[plan->n_steps++];
        step->node = node;
        step->in = g_new0 (const FovOperand *, node->n_inputs + 1);
        step->out = g_new0 (const FovOperand *, node->n_outputs + 1);
        for (guint k = 0; k < node->n_inputs; k++)
            step->in[k] = node->inputs[k] ? &plan->operands[node->inputs[k]->id] : NULL;
        for (guint k = 0; k < node->n_outputs; k++)
            step->out[k] = node->outputs[k] ? &plan->operands[node->outputs[k]->id] : NULL;
        plan->flops += node_flops (node);
        if (i < n_static)
            plan->n_static = plan->n_steps;
    }
}

static void
fill_formats (FovPlan *plan, GArray *formats)
{
    plan->operands = g_new0 (FovOperand, plan->graph->tensors->len + 1);
    for (guint i = 0; i < plan->graph->tensors->len; i++) {
        FovTensor *t = plan->graph->tensors->pdata[i];
        FovOperand *o = &plan->operands[i];
        if (!t)
            continue;
        o->tensor = t;
        o->dtype = t->dtype;
        o->shape = t->shape;
        o->format = g_array_index (formats, FovFormat, i);
    }
}

static gboolean
optimise (FovGraph *graph, GError **error)
{
    return fov_pass_simplify (graph, error) && fov_pass_fold_norm (graph, error) &&
           fov_pass_patterns (graph, error) && fov_pass_channels (graph, error) &&
           fov_pass_fuse (graph, error) && fov_graph_sort (graph, error);
}

/* A result that is an input, a constant or an output already gets a copy of its own. */
static gboolean
separate_outputs (FovGraph *graph, GError **error)
{
    for (guint i = 0; i < graph->outputs->len; i++) {
        FovTensor *t = graph->outputs->pdata[i];
        gboolean again = FALSE;
        FovNode *node;
        for (guint k = 0; k < i; k++)
            again = again || graph->outputs->pdata[k] == t;
        if (!t->is_input && !t->data && !again)
            continue;
        node = fov_graph_insert (graph, "fov.Reorder", t->name, &t, 1, NULL, 0, error);
        if (!node)
            return FALSE;
        node->outputs[0]->is_output = TRUE;
        graph->outputs->pdata[i] = node->outputs[0];
    }
    return TRUE;
}

static gboolean
read_in_place (const FovTensor *input)
{
    for (guint i = 0; i < input->consumers->len; i++)
        if (!(((FovNode *) input->consumers->pdata[i])->op->flags & FOV_OP_READS_INPUT))
            return FALSE;
    return TRUE;
}

static gboolean
copy_inputs (FovGraph *graph, GError **error)
{
    for (guint i = 0; i < graph->inputs->len; i++) {
        FovTensor *t = graph->inputs->pdata[i];
        FovNode *node;
        if (read_in_place (t))
            continue;
        node = fov_graph_insert (graph, "fov.Reorder", t->name, &t, 1, NULL, 0, error);
        if (!node)
            return FALSE;
        fov_graph_replace_uses (graph, t, node->outputs[0]);
        fov_graph_set_input (graph, node, 0, t);
    }
    return fov_graph_sort (graph, error);
}

FovPlan *
fov_plan_new (FovGraph *graph, const FovPlanTarget *target, GError **error)
{
    g_autoptr (FovPlan) plan = g_new0 (FovPlan, 1);
    g_autoptr (GArray) formats = g_array_new (FALSE, TRUE, sizeof (FovFormat));
    Planner p = { .plan = plan, .target = target };
    guint n_static;

    plan->graph = graph;
    if (!optimise (graph, error) || !separate_outputs (graph, error) ||
        (target->copy_inputs && !copy_inputs (graph, error)) ||
        !fov_pass_layout (graph, target, formats, error) ||
        !split_tail (graph, target, &n_static, error))
        return NULL;
    fill_formats (plan, formats);
    p.storage = g_new0 (Storage, graph->tensors->len + 1);
    p.skip = g_new0 (gboolean, graph->nodes->len + 1);
    reset_storage (&p);
    find_groups (&p, n_static);
    if (target->use_halo) {
        spread_halos (&p, n_static);
        reset_storage (&p);
        find_groups (&p, n_static);
    }
    find_lifetimes (&p, n_static);
    place_groups (&p);
    fill_operands (&p);
    fill_steps (&p, n_static);
    g_free (p.storage);
    g_free (p.skip);
    return g_steal_pointer (&plan);
}

void
fov_plan_free (FovPlan *plan)
{
    if (!plan)
        return;
    for (guint i = 0; i < plan->n_steps; i++) {
        g_free (plan->steps[i].in);
        g_free (plan->steps[i].out);
    }
    g_free (plan->steps);
    g_free (plan->operands);
    fov_graph_free (plan->graph);
    g_free (plan);
}

gboolean
fov_operand_lies_at (const FovOperand *part, const FovOperand *whole, gsize offset)
{
    return part->place == FOV_PLACE_ARENA && whole->place == FOV_PLACE_ARENA &&
           part->offset == whole->offset + offset;
}
