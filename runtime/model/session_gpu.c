/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The vulkan executor: every planned step records its dispatches into one
 * program, which is replayed per frame. What the tail reads comes back to the
 * host as further outputs.
 */
#include "model/check.h"
#include "model/session.h"

#include <string.h>

typedef struct {
    FovTailResult tail;
    FovView *views; /* of the graph's outputs */
} GpuSlot;

typedef struct {
    const FovPlan *plan;
    FovGpuProgram *program;
    GPtrArray *readback; /* FovTensor*: static graph outputs, then what the tail reads */
    gint *output_index;  /* graph output -> index in readback, or -1: made by the tail */
    GpuSlot *slots;
    guint n_slots;
    GMutex tail_lock;
    GArray *states;       /* FovGpuPiece: where each lies in the arena and in the copy */
    GHashTable *state_at; /* FovTensor* -> its memory in the copy */
    guint8 *state_copy;
    GPtrArray *host_steps; /* HostStep */
} Gpu;

static void
gpu_destroy (gpointer executor)
{
    Gpu *gpu = executor;

    g_clear_pointer (&gpu->program, fov_gpu_program_free);
    for (guint i = 0; i < gpu->n_slots; i++) {
        fov_tail_clear (&gpu->slots[i].tail);
        g_free (gpu->slots[i].tail.outputs);
        g_free (gpu->slots[i].views);
    }
    g_free (gpu->slots);
    g_array_unref (gpu->states);
    g_hash_table_unref (gpu->state_at);
    g_free (gpu->state_copy);
    g_ptr_array_unref (gpu->host_steps);
    g_free (gpu->output_index);
    g_ptr_array_unref (gpu->readback);
    g_mutex_clear (&gpu->tail_lock);
    g_free (gpu);
}

/* What has to come back from the device. */
static void
find_readback (Gpu *gpu)
{
    const FovGraph *graph = gpu->plan->graph;
    g_autoptr (GPtrArray) tail_inputs = fov_tail_inputs (gpu->plan);
    g_autoptr (GHashTable) late = g_hash_table_new (NULL, NULL);

    for (guint i = gpu->plan->n_static; i < gpu->plan->n_steps; i++)
        for (guint k = 0; k < gpu->plan->steps[i].node->n_outputs; k++)
            g_hash_table_add (late, gpu->plan->steps[i].node->outputs[k]);
    gpu->readback = g_ptr_array_new ();
    gpu->output_index = g_new0 (gint, graph->outputs->len + 1);
    for (guint i = 0; i < graph->outputs->len; i++) {
        FovTensor *t = graph->outputs->pdata[i];
        gpu->output_index[i] = -1;
        if (g_hash_table_contains (late, t))
            continue;
        gpu->output_index[i] = (gint) gpu->readback->len;
        g_ptr_array_add (gpu->readback, t);
    }
    for (guint i = 0; i < tail_inputs->len; i++)
        if (!((FovTensor *) tail_inputs->pdata[i])->is_input)
            g_ptr_array_add (gpu->readback, tail_inputs->pdata[i]);
}

static gboolean
make_program (Gpu *gpu, FovDevice *device, const FovSessionParams *params, GError **error)
{
    const FovPlan *plan = gpu->plan;
    g_autofree gsize *in = g_new0 (gsize, plan->graph->inputs->len + 1);
    g_autofree gsize *out = g_new0 (gsize, gpu->readback->len + 1);
    FovGpuProgramParams p = {
        .arena_bytes = plan->arena_bytes,
        .n_slots = gpu->n_slots,
        .n_inputs = plan->graph->inputs->len,
        .n_outputs = gpu->readback->len,
        .input_bytes = in,
        .output_bytes = out,
        .profile = params->profile,
        .progress = params->progress,
        .progress_data = params->progress_data,
    };

    for (guint i = 0; i < p.n_inputs; i++)
        in[i] = plan->operands[((FovTensor *) plan->graph->inputs->pdata[i])->id].bytes;
    for (guint i = 0; i < p.n_outputs; i++)
        out[i] = plan->operands[((FovTensor *) gpu->readback->pdata[i])->id].bytes;
    gpu->program = fov_gpu_program_new (device->gpu, &p, error);
    return gpu->program != NULL;
}

/* ---- steps of the host -------------------------------------------------- */

/*
 * What vulkan has no kernel for, in a graph with states: the program stops there, the reference
 * runs, and the rest follows. Operands are read and written in the arena where the host can reach
 * it, else through copies.
 */
typedef struct {
    Gpu *gpu;
    const FovStep *step;
    FovView *in, *out;
    GArray *pieces_in, *pieces_out; /* FovGpuPiece of operands in the arena; data: the copies */
} HostStep;

static void
host_step_free (gpointer data)
{
    HostStep *hs = data;
    GArray *pieces[] = { hs->pieces_in, hs->pieces_out };

    for (guint k = 0; k < 2; k++) {
        for (guint i = 0; i < pieces[k]->len; i++)
            g_free (g_array_index (pieces[k], FovGpuPiece, i).data);
        g_array_unref (pieces[k]);
    }
    g_free (hs->in);
    g_free (hs->out);
    g_free (hs);
}

static void
add_operand (GArray *pieces, FovView *view, const FovOperand *operand)
{
    FovGpuPiece piece;

    if (!operand)
        return;
    *view = (FovView){ operand->dtype, operand->shape, NULL };
    if (operand->place == FOV_PLACE_CONSTANT) {
        view->data = (gpointer) g_bytes_get_data (operand->tensor->data, NULL);
        return;
    }
    piece = (FovGpuPiece){ operand->offset, operand->bytes, NULL };
    g_array_append_val (pieces, piece);
}

static HostStep *
host_step_new (Gpu *gpu, const FovStep *step)
{
    HostStep *hs = g_new0 (HostStep, 1);
    const FovNode *node = step->node;

    hs->gpu = gpu;
    hs->step = step;
    hs->in = g_new0 (FovView, node->n_inputs + 1);
    hs->out = g_new0 (FovView, node->n_outputs + 1);
    hs->pieces_in = g_array_new (FALSE, FALSE, sizeof (FovGpuPiece));
    hs->pieces_out = g_array_new (FALSE, FALSE, sizeof (FovGpuPiece));
    for (guint i = 0; i < node->n_inputs; i++)
        add_operand (hs->pieces_in, &hs->in[i], step->in[i]);
    for (guint i = 0; i < node->n_outputs; i++)
        add_operand (hs->pieces_out, &hs->out[i], step->out[i]);
    return hs;
}

/* Points views at their operands; in a copy where there is no arena. */
static void
find_operands (FovView *views, guint n, const FovOperand **operands, GArray *pieces, guint8 *arena)
{
    guint at = 0;

    for (guint i = 0; i < n; i++) {
        FovGpuPiece *piece;
        if (!operands[i] || operands[i]->place == FOV_PLACE_CONSTANT)
            continue;
        piece = &g_array_index (pieces, FovGpuPiece, at++);
        if (!arena && !piece->data)
            piece->data = g_malloc0 (piece->bytes + 1);
        views[i].data = arena ? arena + piece->offset : piece->data;
    }
}

static gboolean
move_operands (HostStep *hs, GArray *pieces, gboolean to_device, GError **error)
{
    return fov_gpu_program_arena (hs->gpu->program) || !pieces->len ||
           fov_gpu_program_transfer (hs->gpu->program, (const FovGpuPiece *) (void *) pieces->data,
                                     pieces->len, to_device, error);
}

static gboolean
run_host_step (gpointer data, GError **error)
{
    HostStep *hs = data;
    const FovNode *node = hs->step->node;
    guint8 *arena = fov_gpu_program_arena (hs->gpu->program);

    find_operands (hs->in, node->n_inputs, hs->step->in, hs->pieces_in, arena);
    find_operands (hs->out, node->n_outputs, hs->step->out, hs->pieces_out, arena);
    return move_operands (hs, hs->pieces_in, FALSE, error) &&
           node->op->reference (node, hs->in, hs->out, error) &&
           move_operands (hs, hs->pieces_out, TRUE, error);
}

static void
record_host_step (Gpu *gpu, const FovStep *step)
{
    g_info ("node '%s' (%s) has no kernel on vulkan; the host computes it", step->node->name,
            step->node->op->name);
    g_ptr_array_add (gpu->host_steps, host_step_new (gpu, step));
    fov_gpu_program_add_host (gpu->program, run_host_step,
                              gpu->host_steps->pdata[gpu->host_steps->len - 1]);
}

static gboolean
has_kernel (const Gpu *gpu, const FovNode *node)
{
    const FovGpuOp *op = node->op->gpu;

    return op && op->formats (node, 4) &&
           (!op->doubles || fov_gpu_limits (fov_gpu_program_gpu (gpu->program))->doubles);
}

/* labels: of each static step, to be filled. */
static gboolean
record (Gpu *gpu, guint *labels, GError **error)
{
    const FovPlan *plan = gpu->plan;

    g_ptr_array_set_size (gpu->host_steps, 0);
    for (guint i = 0; i < plan->n_static; i++) {
        const FovStep *step = &plan->steps[i];
        labels[i] =
            fov_gpu_program_set_label (gpu->program, step->node->op->name, step->node->name);
        if (step->in[0] && step->in[0]->place == FOV_PLACE_INPUT &&
            !(step->node->op->flags & FOV_OP_READS_INPUT)) {
            /* The planner's copy (fov.Reorder) is the only other reader of an input. */
            fov_gpu_program_copy_input (gpu->program, step->in[0]->input, step->out[0]->offset,
                                        step->out[0]->bytes);
            continue;
        }
        if (!has_kernel (gpu, step->node))
            record_host_step (gpu, step);
        else if (!step->node->op->gpu->record (gpu->program, step, error))
            return FALSE;
    }
    for (guint i = 0; i < gpu->readback->len; i++) {
        const FovTensor *t = gpu->readback->pdata[i];
        const FovOperand *o = &plan->operands[t->id];
        fov_gpu_program_copy_output (gpu->program, i, o->offset, o->bytes);
    }
    return fov_gpu_program_finish (gpu->program, error);
}

/* Made anew as long as a kernel turns out wrong that has another form. */
static gboolean
make_checked_program (Gpu *gpu, FovDevice *device, const FovSessionParams *params, GError **error)
{
    g_autofree guint *labels = g_new0 (guint, gpu->plan->n_static + 1);
    gboolean again = TRUE;

    while (again) {
        g_clear_pointer (&gpu->program, fov_gpu_program_free);
        if (!make_program (gpu, device, params, error) || !record (gpu, labels, error) ||
            !fov_self_check (gpu->program, gpu->plan, labels, &again, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- states ------------------------------------------------------------ */

static gpointer
gpu_state (gpointer executor, const FovTensor *state)
{
    return g_hash_table_lookup (((Gpu *) executor)->state_at, state);
}

static gboolean
gpu_move_states (gpointer executor, gboolean to_device, GError **error)
{
    Gpu *gpu = executor;

    return !gpu->states->len ||
           fov_gpu_program_transfer (gpu->program, (const FovGpuPiece *) (void *) gpu->states->data,
                                     gpu->states->len, to_device, error);
}

/* The copy, with first values. Kernels warmed up in the arena: so those go there only now. */
static gboolean
start_states (Gpu *gpu, GError **error)
{
    const GPtrArray *tensors = gpu->plan->graph->tensors;
    guint8 *to = gpu->state_copy = g_malloc0 (gpu->plan->state_bytes + 1);

    for (guint i = 0; i < tensors->len; i++) {
        const FovTensor *t = tensors->pdata[i];
        gsize bytes;
        gconstpointer data;
        FovGpuPiece piece;
        if (!t || !t->initial)
            continue;
        data = g_bytes_get_data (t->initial, &bytes);
        memcpy (to, data, bytes);
        piece = (FovGpuPiece){ gpu->plan->operands[t->id].offset, bytes, to };
        g_array_append_val (gpu->states, piece);
        g_hash_table_insert (gpu->state_at, (gpointer) t, to);
        to += bytes;
    }
    return gpu_move_states (gpu, TRUE, error);
}

static gpointer
gpu_create (FovDevice *device, const FovPlan *plan, guint n_slots, const FovSessionParams *params,
            GError **error)
{
    Gpu *gpu = g_new0 (Gpu, 1);
    guint n_out = plan->graph->outputs->len;

    gpu->plan = plan;
    gpu->n_slots = n_slots;
    gpu->slots = g_new0 (GpuSlot, n_slots);
    gpu->host_steps = g_ptr_array_new_with_free_func (host_step_free);
    gpu->states = g_array_new (FALSE, FALSE, sizeof (FovGpuPiece));
    gpu->state_at = g_hash_table_new (NULL, NULL);
    g_mutex_init (&gpu->tail_lock);
    find_readback (gpu);
    for (guint i = 0; i < n_slots; i++) {
        gpu->slots[i].tail.outputs = g_new0 (FovView, n_out + 1);
        gpu->slots[i].tail.n_outputs = n_out;
        gpu->slots[i].views = g_new0 (FovView, n_out + 1);
        for (guint k = 0; k < n_out; k++) {
            const FovTensor *t = plan->graph->outputs->pdata[k];
            gpu->slots[i].views[k] = (FovView){ t->dtype, t->shape, NULL };
        }
    }
    if (!make_checked_program (gpu, device, params, error) || !start_states (gpu, error)) {
        gpu_destroy (gpu);
        return NULL;
    }
    return gpu;
}

static gpointer
gpu_input (gpointer executor, guint slot, guint input)
{
    return fov_gpu_program_input (((Gpu *) executor)->program, slot, input);
}

static gboolean
gpu_reserve_input (gpointer executor, guint input, gsize bytes, GError **error)
{
    return fov_gpu_program_reserve_input (((Gpu *) executor)->program, input, bytes, error);
}

static gboolean
gpu_submit (gpointer executor, guint slot, GError **error)
{
    return fov_gpu_program_submit (((Gpu *) executor)->program, slot, error);
}

typedef struct {
    Gpu *gpu;
    guint slot;
} Readback;

static gconstpointer
read_back (const FovTensor *tensor, gpointer user_data)
{
    const Readback *r = user_data;
    guint index;

    if (tensor->is_input)
        return fov_gpu_program_input (r->gpu->program, r->slot,
                                      r->gpu->plan->operands[tensor->id].input);
    if (!g_ptr_array_find (r->gpu->readback, tensor, &index))
        return NULL;
    return fov_gpu_program_output (r->gpu->program, r->slot, index);
}

static gboolean
gpu_wait (gpointer executor, guint slot, GError **error)
{
    Gpu *gpu = executor;
    Readback r = { gpu, slot };
    gboolean ok = TRUE;

    if (!fov_gpu_program_wait (gpu->program, slot, error))
        return FALSE;
    if (gpu->plan->n_steps == gpu->plan->n_static)
        return TRUE;
    g_mutex_lock (&gpu->tail_lock);
    ok = fov_tail_run (gpu->plan, read_back, &r, &gpu->slots[slot].tail, error);
    g_mutex_unlock (&gpu->tail_lock);
    for (guint i = 0; ok && i < gpu->slots[slot].tail.n_outputs; i++)
        if (gpu->slots[slot].tail.outputs[i].data)
            gpu->slots[slot].views[i] = gpu->slots[slot].tail.outputs[i];
    return ok;
}

static gboolean
gpu_done (gpointer executor, guint slot)
{
    return fov_gpu_program_done (((Gpu *) executor)->program, slot);
}

static const FovView *
gpu_output (gpointer executor, guint slot, guint output)
{
    Gpu *gpu = executor;
    FovView *view = &gpu->slots[slot].views[output];

    if (gpu->output_index[output] >= 0)
        view->data = (gpointer) fov_gpu_program_output (gpu->program, slot,
                                                        (guint) gpu->output_index[output]);
    return view;
}

static guint
gpu_n_dispatches (gpointer executor)
{
    return fov_gpu_program_n_dispatches (((Gpu *) executor)->program);
}

static guint
gpu_n_host_steps (gpointer executor)
{
    return ((Gpu *) executor)->host_steps->len;
}

static guint64
gpu_n_prepared (gpointer executor)
{
    return fov_gpu_program_n_prepared (((Gpu *) executor)->program);
}

static gsize
gpu_weight_bytes (gpointer executor)
{
    return fov_gpu_program_constant_bytes (((Gpu *) executor)->program);
}

static void
add_time (const char *op, const char *name, const char *shader, double seconds, gpointer user_data)
{
    FovStepTime time = { .op = op, .name = name, .seconds = seconds };
    g_array_append_val ((GArray *) user_data, time);
}

static void
gpu_profile (gpointer executor, guint slot, GArray *times)
{
    fov_gpu_program_times (((Gpu *) executor)->program, slot, add_time, times);
}

const FovExecutor fov_executor_gpu = {
    .create = gpu_create,
    .destroy = gpu_destroy,
    .input = gpu_input,
    .reserve_input = gpu_reserve_input,
    .submit = gpu_submit,
    .wait = gpu_wait,
    .done = gpu_done,
    .output = gpu_output,
    .n_dispatches = gpu_n_dispatches,
    .n_host_steps = gpu_n_host_steps,
    .n_prepared = gpu_n_prepared,
    .weight_bytes = gpu_weight_bytes,
    .profile = gpu_profile,
    .state = gpu_state,
    .move_states = gpu_move_states,
};
