/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A plan from a graph: passes, the tail, steps in order. Memory: storage.c and place.c. */
#include "graph/passes.h"
#include "graph/storage.h"

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

static gboolean
is_lacking (const FovNode *node, const FovPlanTarget *target)
{
    return !(node->op->flags & FOV_OP_ALIAS) && !output_unknown (node) &&
           !target->formats (node, target->block);
}

/* Whether a node runs behind the static part, as it is one of those or reads one's result. */
static gboolean
is_late (const FovNode *node, gboolean lacking, GHashTable *late)
{
    if (lacking || output_unknown (node))
        return TRUE;
    for (guint k = 0; k < node->n_inputs; k++)
        if (node->inputs[k] && node->inputs[k]->producer &&
            g_hash_table_contains (late, node->inputs[k]->producer))
            return TRUE;
    return FALSE;
}

static void
too_heavy (const FovNode *why, gboolean lacking, const FovNode *node, GError **error)
{
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                 "node '%s' (%s) %s, and '%s' (%s) behind it is too heavy to be interpreted",
                 why->name, why->op->name,
                 lacking ? "is not available on this device"
                         : "has a result whose size depends on data",
                 node->name, node->op->name);
}

/*
 * The nodes that can not be planned (sizes depend on data, or the executor
 * lacks the op) and all that follow from them. NULL and an error where one of
 * them is too much for the reference functions.
 */
static GHashTable *
find_late (const FovGraph *graph, const FovPlanTarget *target, GError **error)
{
    g_autoptr (GHashTable) late = g_hash_table_new (NULL, NULL);
    const FovNode *first = NULL, *lacking = NULL;

    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        gboolean lacks = is_lacking (node, target);
        if (!is_late (node, lacks, late))
            continue;
        first = first ? first : node;
        lacking = !lacking && lacks ? node : lacking;
        if (node_is_heavy (node)) {
            too_heavy (lacking ? lacking : first, lacking != NULL, node, error);
            return NULL;
        }
        g_hash_table_add (late, node);
    }
    return g_steal_pointer (&late);
}

/* The first late node, which makes others late. */
static const FovNode *
first_late (const FovGraph *graph, GHashTable *late)
{
    for (guint i = 0; i < graph->nodes->len; i++)
        if (g_hash_table_contains (late, graph->nodes->pdata[i]))
            return graph->nodes->pdata[i];
    return NULL;
}

static gboolean
states_are_static (const FovGraph *graph, const FovPlanTarget *target, GHashTable *late,
                   GError **error)
{
    for (guint i = 0; i < graph->tensors->len; i++) {
        const FovTensor *t = graph->tensors->pdata[i];
        const FovNode *why;
        if (!t || !t->next || !t->next->producer ||
            !g_hash_table_contains (late, t->next->producer))
            continue;
        why = first_late (graph, late);
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "node '%s' (%s) %s, so that '%s' can not be updated", why->name, why->op->name,
                     is_lacking (why, target) ? "is not available on this device"
                                              : "has a result whose size depends on data",
                     t->name);
        return FALSE;
    }
    return TRUE;
}

/* Puts the late nodes behind the rest, in their order. Returns how many the rest are. */
static guint
split_tail (FovGraph *graph, GHashTable *late)
{
    g_autoptr (GPtrArray) tail = g_ptr_array_new ();
    guint n = 0;

    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        if (g_hash_table_contains (late, node))
            g_ptr_array_add (tail, node);
        else
            graph->nodes->pdata[n++] = node;
    }
    for (guint i = 0; i < tail->len; i++)
        graph->nodes->pdata[n + i] = tail->pdata[i];
    return n;
}

static void
fill_operands (FovPlanner *p)
{
    FovGraph *graph = p->plan->graph;

    for (guint i = 0; i < graph->tensors->len; i++) {
        FovTensor *t = graph->tensors->pdata[i];
        FovOperand *o = &p->plan->operands[i];
        gsize offset;
        if (!t)
            continue;
        o->bytes = p->storage[i].bytes;
        o->place = t->data ? FOV_PLACE_CONSTANT : t->is_input ? FOV_PLACE_INPUT : FOV_PLACE_ARENA;
        if (o->place == FOV_PLACE_ARENA) {
            o->offset = p->storage[fov_planner_root (p, t, &offset)->id].offset;
            o->offset += offset;
        }
        if (t->data)
            p->plan->constant_bytes += g_bytes_get_size (t->data);
        if (t->initial)
            p->plan->state_bytes += g_bytes_get_size (t->initial);
    }
    for (guint i = 0; i < graph->inputs->len; i++)
        p->plan->operands[((FovTensor *) graph->inputs->pdata[i])->id].input = i;
    /* A reshape of a graph input or constant is just that. */
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        if (!(node->op->flags & FOV_OP_ALIAS) || !node->outputs[0] ||
            !p->storage[node->outputs[0]->id].external)
            continue;
        FovOperand *o = &p->plan->operands[node->outputs[0]->id];
        const FovOperand *from = &p->plan->operands[node->inputs[0]->id];
        o->place = from->place;
        o->input = from->input;
        o->tensor = from->tensor;
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
fill_steps (FovPlanner *p)
{
    FovGraph *graph = p->plan->graph;
    FovPlan *plan = p->plan;

    plan->steps = g_new0 (FovStep, graph->nodes->len + 1);
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        FovStep *step;
        if (i < p->n_static && p->skip[i])
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
        if (i < p->n_static)
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
           fov_pass_focus (graph, error) && fov_pass_fuse (graph, error);
}

/* A copy of t; of one whose size depends on data, inference waits until that is there. */
static FovTensor *
add_copy (FovGraph *graph, FovTensor *t, GError **error)
{
    FovNode *node = fov_graph_add_node (graph, "fov.Reorder", t->name, &t, 1, 1, NULL, 0, error);

    if (!node || (fov_tensor_elements (t) >= 0 && !node->op->infer (node, error)))
        return NULL;
    node->outputs[0]->dtype = t->dtype;
    node->outputs[0]->shape = t->shape;
    node->outputs[0]->shape_known = t->shape_known;
    return node->outputs[0];
}

/* A result that is (a reshape of) an input or constant, or an output already, gets a copy of its
 * own. */
static gboolean
separate_outputs (FovGraph *graph, GError **error)
{
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

    for (guint i = 0; i < graph->outputs->len; i++) {
        FovTensor *t = graph->outputs->pdata[i];
        const FovTensor *source = t;
        gboolean again = !g_hash_table_add (seen, t);
        FovTensor *copy;
        while (source->producer && source->producer->op->flags & FOV_OP_ALIAS)
            source = source->producer->inputs[0];
        if (!again && !source->is_input && !source->data)
            continue;
        copy = add_copy (graph, t, error);
        if (!copy)
            return FALSE;
        copy->is_output = TRUE;
        if (!again)
            t->is_output = FALSE;
        graph->outputs->pdata[i] = copy;
    }
    return TRUE;
}

/* Whether the node may write the state's memory though it reads it. */
static gboolean
overwrites (const FovNode *node, const FovTensor *state, const FovTensor *out)
{
    for (guint i = 0; i < node->n_inputs; i++) {
        const FovTensor *in = node->inputs[i];
        if (in == state &&
            !(node->op->flags & FOV_OP_IN_PLACE && fov_shape_equal (&in->shape, &out->shape)))
            return FALSE;
        for (; in && in->producer && in->producer->op->flags & FOV_OP_ALIAS;
             in = in->producer->inputs[0])
            if (in->producer->inputs[0] == state)
                return FALSE;
    }
    return TRUE;
}

/* A next value that can not be written where the state lies gets copied there. */
static gboolean
separate_next (FovGraph *graph, GError **error)
{
    guint n = graph->tensors->len;

    for (guint i = 0; i < n; i++) {
        FovTensor *state = graph->tensors->pdata[i];
        FovTensor *next = state ? state->next : NULL;
        FovNode *node = next ? next->producer : NULL;
        if (!next)
            continue;
        if (next->dtype != state->dtype || !fov_shape_equal (&next->shape, &state->shape)) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                         "state '%s' and its next value differ in type or shape", state->name);
            return FALSE;
        }
        /* These share memory with their inputs. */
        if (node && !(node->op->flags & FOV_OP_ALIAS) && !fov_node_is (node, "Concat") &&
            !fov_node_is (node, "Slice") && !fov_node_is (node, "Split") &&
            overwrites (node, state, next))
            continue;
        next = add_copy (graph, next, error);
        if (!next)
            return FALSE;
        fov_graph_set_next (graph, state, next);
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
    return TRUE;
}

/* Everything that changes the graph; formats by tensor id. Returns the late nodes, NULL on error.
 */
static GHashTable *
prepare_graph (FovGraph *graph, const FovPlanTarget *target, GArray *formats, GError **error)
{
    g_autoptr (GHashTable) late = NULL;

    if (!optimise (graph, error) || !separate_outputs (graph, error) ||
        !separate_next (graph, error) || (target->copy_inputs && !copy_inputs (graph, error)) ||
        !fov_graph_sort (graph, error))
        return NULL;
    late = find_late (graph, target, error);
    if (!late || !states_are_static (graph, target, late, error) ||
        !fov_pass_layout (graph, target, late, formats, error))
        return NULL;
    return g_steal_pointer (&late);
}

FovPlan *
fov_plan_new (FovGraph *graph, const FovPlanTarget *target, GError **error)
{
    g_autoptr (FovPlan) plan = g_new0 (FovPlan, 1);
    g_autoptr (GArray) formats = g_array_new (FALSE, TRUE, sizeof (FovFormat));
    g_autoptr (GHashTable) late = NULL;
    g_autofree FovStorage *storage = NULL;
    g_autofree gboolean *skip = NULL;
    FovPlanner p = { .plan = plan, .target = target };

    plan->graph = graph;
    late = prepare_graph (graph, target, formats, error);
    if (!late)
        return NULL;
    p.n_static = split_tail (graph, late);
    p.storage = storage = g_new0 (FovStorage, graph->tensors->len + 1);
    p.skip = skip = g_new0 (gboolean, graph->nodes->len + 1);
    fill_formats (plan, formats);
    if (!fov_planner_group (&p, error) || !fov_planner_place (&p, error))
        return NULL;
    fill_operands (&p);
    fill_steps (&p);
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
