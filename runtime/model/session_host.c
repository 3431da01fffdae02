/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The host executor: one worker thread takes frames in submit order and runs
 * the plan's steps with a team of helpers (host/team.h). Frames share one
 * arena; a frame's outputs are copied to its slot. The reference device is the
 * same with every step on its op's reference function.
 */
#include "host/host.h"
#include "host/team.h"
#include "model/session.h"

#include <stdlib.h>
#include <string.h>

#define MOST_MEMORY ((gsize) 1 << 40) /* what is larger is a mistake, no need to ask */
#define ARENA_SLACK 4096              /* kernels may read (never write) a little beyond a row */

typedef struct {
    const void **inputs; /* what the frame reads */
    gpointer *owned;     /* slot memory per input */
    gpointer *outputs;   /* slot memory per output */
    FovTailResult tail;
    FovView *views; /* of outputs, of the last frame */
    gboolean busy;  /* submitted, not done; guarded by Host.lock */
    GError *error;
} HostSlot;

/** What the team sees as a step: a step's first, run or last, where that has tasks. */
typedef enum { STAGE_FIRST, STAGE_RUN, STAGE_LAST, N_STAGES } StageKind;
typedef struct {
    guint step;
    StageKind kind;
} Stage;

typedef struct {
    const FovPlan *plan;
    gboolean reference;
    guint n_threads;
    gboolean profile;
    guint8 *arena;
    gpointer arena_memory; /* not aligned */
    guint8 *scratch;       /* of the step that runs */
    gpointer scratch_memory;
    FovHostStep *steps; /* plan->n_static */
    Stage *stages;
    guint n_stages;
    GError *failure;      /* of a step on its reference function, this frame */
    double *seconds;      /* per stage, this frame */
    double *last_seconds; /* per stage, of the last frame; guarded by lock */
    HostSlot *slots;
    guint n_slots;
    gsize *input_bytes;
    gsize kernel_bytes; /* beside the arena */
    GThread *worker;
    FovTeam *team;      /* helps the worker */
    FovHostFrame frame; /* the one that runs */
    GAsyncQueue *queue; /* HostSlot*; the Host itself says stop */
    GMutex lock;
    GCond done;
    gint n_prepared; /* atomic */
} Host;

/* ---- a step on its reference function --------------------------------- */

typedef struct {
    FovView *in, *out;
    GError **failure; /* steps run one after the other, so one at a time writes there */
} RefState;

static void
ref_state_free (gpointer data)
{
    RefState *state = data;

    g_free (state->in);
    g_free (state->out);
    g_free (state);
}

static FovView
view_of (const FovOperand *operand)
{
    FovView view = { .data = NULL };

    if (operand) {
        view.dtype = operand->dtype;
        view.shape = operand->shape;
    }
    return view;
}

static void
run_reference (const FovHostStep *hs, const FovHostFrame *frame, guint task)
{
    const FovStep *step = &hs->step;
    RefState *state = hs->state;

    for (guint i = 0; i < step->node->n_inputs; i++)
        if (step->in[i])
            state->in[i].data = fov_host_ptr (frame, step->in[i]);
    for (guint i = 0; i < step->node->n_outputs; i++)
        if (step->out[i])
            state->out[i].data = fov_host_ptr (frame, step->out[i]);
    if (!*state->failure) /* what follows a failure computes nothing of use */
        step->node->op->reference (step->node, state->in, state->out, state->failure);
}

static void
prepare_reference (FovHostStep *hs, GError **failure)
{
    const FovNode *node = hs->step.node;
    RefState *state = g_new0 (RefState, 1);

    state->failure = failure;
    state->in = g_new0 (FovView, node->n_inputs + 1);
    state->out = g_new0 (FovView, node->n_outputs + 1);
    for (guint i = 0; i < node->n_inputs; i++)
        state->in[i] = view_of (hs->step.in[i]);
    for (guint i = 0; i < node->n_outputs; i++)
        state->out[i] = view_of (hs->step.out[i]);
    hs->state = state;
    hs->free_state = ref_state_free;
    hs->n_tasks = 1;
    hs->run = run_reference;
}

/* ---- running ---------------------------------------------------------- */

static void
clear_halo (const FovOperand *o, guint8 *arena)
{
    const FovFormat *f = &o->format;
    gsize pixel = f->block * sizeof (float);
    gsize w = o->shape.dim[3] + 2 * f->halo, h = o->shape.dim[2] + 2 * f->halo;
    gsize planes = o->shape.dim[0] * ((o->shape.dim[1] + f->block - 1) / f->block);
    gsize side = f->halo * pixel, row = w * pixel;

    for (gsize p = 0; p < planes; p++) {
        guint8 *plane = arena + o->offset + p * h * row;
        memset (plane, 0, f->halo * row + side);
        for (gsize y = f->halo; y + f->halo < h; y++)
            memset (plane + y * row + row - side, 0, 2 * side);
        memset (plane + (h - f->halo) * row, 0, f->halo * row);
    }
}

static gboolean
needs_halo_clear (const FovOperand *o)
{
    return o && o->place == FOV_PLACE_ARENA && o->format.layout == FOV_BLOCKED &&
           o->format.halo > 0;
}

/* One step's tasks, and the clearing of its outputs' halos behind them. */
static inline void
run_task (const FovHostStep *hs, const FovHostFrame *frame, guint task)
{
    if (task < hs->n_tasks) {
        hs->run (hs, frame, task);
    } else {
        const FovOperand *o = hs->step.out[task - hs->n_tasks];
        if (needs_halo_clear (o))
            clear_halo (o, frame->arena);
    }
}

static guint
total_tasks (const FovHostStep *hs)
{
    guint n = hs->n_tasks;

    for (guint k = 0; k < hs->step.node->n_outputs; k++)
        if (needs_halo_clear (hs->step.out[k]))
            n = hs->n_tasks + k + 1;
    return n;
}

/* Bytes of a step's scratch with what so many threads have for themselves behind it. */
static gsize
scratch_size (const FovHostStep *hs, guint n_threads)
{
    const gsize line = 64;

    return (hs->scratch_bytes + line - 1) / line * line +
           n_threads * ((hs->own_bytes + line - 1) / line * line);
}

static void
run_stage_task (gpointer data, guint stage, guint task, guint thread)
{
    const Host *host = data;
    const FovHostStep *hs = &host->steps[host->stages[stage].step];
    FovHostFrame frame = host->frame;

    frame.own = host->scratch + scratch_size (hs, thread);

    if (host->stages[stage].kind == STAGE_RUN)
        run_task (hs, &frame, task);
    else if (host->stages[stage].kind == STAGE_FIRST)
        hs->first (hs, &frame, task);
    else
        hs->last (hs, &frame, task);
}

static gconstpointer
static_value (const FovTensor *tensor, gpointer user_data)
{
    gpointer *pair = user_data;
    const FovPlan *plan = pair[0];
    return fov_host_ptr (pair[1], &plan->operands[tensor->id]);
}

static void
run_frame (Host *host, HostSlot *slot)
{
    const FovPlan *plan = host->plan;

    host->frame = (FovHostFrame){ host->arena, slot->inputs, host->scratch };
    fov_team_run (host->team, host->profile ? host->seconds : NULL);
    slot->error = g_steal_pointer (&host->failure);
    if (!slot->error && plan->n_steps > plan->n_static) {
        gpointer pair[2] = { (gpointer) plan, &host->frame };
        fov_tail_run (plan, static_value, pair, &slot->tail, &slot->error);
    }
    for (guint i = 0; i < plan->graph->outputs->len; i++) {
        const FovTensor *t = plan->graph->outputs->pdata[i];
        const FovOperand *o = &plan->operands[t->id];
        if (slot->error)
            slot->views[i].data = slot->outputs[i];
        else if (slot->tail.outputs[i].data)
            slot->views[i] = slot->tail.outputs[i];
        else if (slot->outputs[i] && o->bytes)
            memcpy (slot->outputs[i], fov_host_ptr (&host->frame, o), o->bytes);
    }
}

static gpointer
worker_main (gpointer data)
{
    Host *host = data;

    for (;;) {
        gpointer item = g_async_queue_pop (host->queue);
        HostSlot *slot = item;
        if (item == host)
            return NULL;
        run_frame (host, slot);
        g_mutex_lock (&host->lock);
        memcpy (host->last_seconds, host->seconds, host->n_stages * sizeof (double));
        slot->busy = FALSE;
        g_cond_broadcast (&host->done);
        g_mutex_unlock (&host->lock);
    }
}

/* ---- setting up ------------------------------------------------------- */

static gboolean
no_memory (gsize bytes, const char *what, GError **error)
{
    g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY,
                 "no memory for %" G_GSIZE_FORMAT " bytes of %s", bytes, what);
    return FALSE;
}

/* Zeros that cost nothing until they are touched, as inputs are not where they are bound. */
static gboolean
take_zeros (gpointer *memory, gsize bytes, const char *what, GError **error)
{
    *memory = bytes <= MOST_MEMORY ? g_try_malloc0 (MAX (bytes, 1)) : NULL;
    return *memory ? TRUE : no_memory (bytes, what, error);
}

static gboolean
slot_init (Host *host, HostSlot *slot, GError **error)
{
    const FovGraph *graph = host->plan->graph;
    guint n_in = graph->inputs->len, n_out = graph->outputs->len;

    slot->inputs = g_new0 (const void *, n_in + 1);
    slot->owned = g_new0 (gpointer, n_in + 1);
    slot->outputs = g_new0 (gpointer, n_out + 1);
    slot->views = g_new0 (FovView, n_out + 1);
    slot->tail.outputs = g_new0 (FovView, n_out + 1);
    slot->tail.n_outputs = n_out;
    for (guint i = 0; i < n_in; i++)
        if (!take_zeros (&slot->owned[i], host->input_bytes[i], "an input", error))
            return FALSE;
        else
            host->kernel_bytes += host->input_bytes[i];
    for (guint i = 0; i < n_out; i++) {
        const FovTensor *t = graph->outputs->pdata[i];
        if (fov_tensor_elements (t) >= 0 &&
            !take_zeros (&slot->outputs[i], host->plan->operands[t->id].bytes, "an output", error))
            return FALSE;
        slot->views[i] = (FovView){ t->dtype, t->shape, slot->outputs[i] };
    }
    return TRUE;
}

static void
slot_clear (Host *host, HostSlot *slot)
{
    for (guint i = 0; slot->owned && i < host->plan->graph->inputs->len; i++)
        g_free (slot->owned[i]);
    for (guint i = 0; slot->outputs && i < host->plan->graph->outputs->len; i++)
        g_free (slot->outputs[i]);
    fov_tail_clear (&slot->tail);
    g_free (slot->tail.outputs);
    g_free (slot->inputs);
    g_free (slot->owned);
    g_free (slot->outputs);
    g_free (slot->views);
    g_clear_error (&slot->error);
}

static gboolean
prepare_steps (Host *host, GError **error)
{
    const FovPlan *plan = host->plan;
    const gsize before = fov_host_allocated ();

    host->steps = g_new0 (FovHostStep, plan->n_static + 1);
    for (guint i = 0; i < plan->n_static; i++) {
        FovHostStep *hs = &host->steps[i];
        const FovHostOp *op = plan->steps[i].node->op->host;
        hs->step = plan->steps[i];
        if (host->reference || !op || !op->formats (hs->step.node, fov_host_block ())) {
            if (!host->reference)
                g_debug ("node '%s' (%s) has no host kernel and runs its reference",
                         hs->step.node->name, hs->step.node->op->name);
            prepare_reference (hs, &host->failure);
        } else if (!op->prepare (hs, error)) {
            return FALSE;
        }
    }
    host->kernel_bytes += fov_host_allocated () - before;
    return TRUE;
}

static guint
stage_tasks (const FovHostStep *hs, StageKind kind)
{
    if (kind == STAGE_RUN)
        return total_tasks (hs);
    return kind == STAGE_FIRST ? hs->n_first : hs->n_last;
}

static void
make_team (Host *host)
{
    const guint most = host->plan->n_static * N_STAGES;
    g_autofree guint *n_tasks = g_new0 (guint, most + 1);

    host->stages = g_new0 (Stage, most + 1);
    for (guint i = 0; i < most; i++) {
        const Stage stage = { i / N_STAGES, i % N_STAGES };
        n_tasks[host->n_stages] = stage_tasks (&host->steps[stage.step], stage.kind);
        if (n_tasks[host->n_stages])
            host->stages[host->n_stages++] = stage;
    }
    host->seconds = g_new0 (double, host->n_stages + 1);
    host->last_seconds = g_new0 (double, host->n_stages + 1);
    host->team = fov_team_new (host->n_threads, host->n_stages, n_tasks, run_stage_task, host);
}

static void
host_destroy (gpointer executor)
{
    Host *host = executor;

    if (host->worker) {
        g_async_queue_push (host->queue, host);
        g_thread_join (host->worker);
    }
    fov_team_free (host->team);
    for (guint i = 0; i < host->n_slots; i++)
        slot_clear (host, &host->slots[i]);
    for (guint i = 0; host->steps && i < host->plan->n_static; i++)
        if (host->steps[i].free_state && host->steps[i].state)
            host->steps[i].free_state (host->steps[i].state);
    g_async_queue_unref (host->queue);
    g_mutex_clear (&host->lock);
    g_cond_clear (&host->done);
    g_free (host->slots);
    g_free (host->steps);
    g_free (host->stages);
    g_free (host->seconds);
    g_free (host->last_seconds);
    g_free (host->input_bytes);
    free (host->arena_memory);
    free (host->scratch_memory);
    g_free (host);
}

static guint8 *
take_aligned (gpointer *memory, gsize bytes, const char *what, GError **error)
{
    *memory = bytes <= MOST_MEMORY ? calloc (1, bytes + ARENA_SLACK + 64) : NULL;
    if (!*memory) {
        no_memory (bytes, what, error);
        return NULL;
    }
    return (guint8 *) (((guintptr) *memory + 63) & ~(guintptr) 63);
}

static gboolean
take_scratch (Host *host, GError **error)
{
    gsize most = 0;

    for (guint i = 0; i < host->plan->n_static; i++)
        most = MAX (most, scratch_size (&host->steps[i], MAX (host->n_threads, 1)));
    if (!most)
        return TRUE;
    host->kernel_bytes += most;
    host->scratch = take_aligned (&host->scratch_memory, most, "scratch", error);
    return host->scratch != NULL;
}

static gpointer
host_state (gpointer executor, const FovTensor *state)
{
    Host *host = executor;

    return host->arena + host->plan->operands[state->id].offset;
}

static void
set_states (Host *host)
{
    const GPtrArray *tensors = host->plan->graph->tensors;

    for (guint i = 0; i < tensors->len; i++) {
        const FovTensor *t = tensors->pdata[i];
        if (t && t->initial && g_bytes_get_size (t->initial))
            memcpy (host_state (host, t), g_bytes_get_data (t->initial, NULL),
                    g_bytes_get_size (t->initial));
    }
}

static gboolean
set_up (Host *host, guint n_slots, GError **error)
{
    const FovPlan *plan = host->plan;

    for (guint i = 0; i < plan->graph->inputs->len; i++) {
        const FovTensor *t = plan->graph->inputs->pdata[i];
        host->input_bytes[i] = plan->operands[t->id].bytes;
    }
    host->arena = take_aligned (&host->arena_memory, plan->arena_bytes, "activations", error);
    if (!host->arena)
        return FALSE;
    set_states (host);
    host->slots = g_new0 (HostSlot, n_slots);
    host->n_slots = n_slots;
    for (guint i = 0; i < n_slots; i++)
        if (!slot_init (host, &host->slots[i], error))
            return FALSE;
    if (!prepare_steps (host, error) || !take_scratch (host, error))
        return FALSE;
    make_team (host);
    host->worker = g_thread_try_new ("fovea-host", worker_main, host, error);
    return host->worker != NULL;
}

static gpointer
host_create (FovDevice *device, const FovPlan *plan, guint n_slots, const FovSessionParams *params,
             GError **error)
{
    Host *host = g_new0 (Host, 1);

    host->plan = plan;
    host->reference = device->kind == FOV_DEVICE_REFERENCE;
    host->n_threads = device->n_threads;
    host->profile = params->profile;
    host->queue = g_async_queue_new ();
    g_mutex_init (&host->lock);
    g_cond_init (&host->done);
    host->input_bytes = g_new0 (gsize, plan->graph->inputs->len + 1);
    if (!set_up (host, n_slots, error)) {
        host_destroy (host);
        return NULL;
    }
    return host;
}

/* ---- frames ----------------------------------------------------------- */

static gpointer
host_input (gpointer executor, guint slot, guint input)
{
    Host *host = executor;
    HostSlot *s = &host->slots[slot];

    s->inputs[input] = s->owned[input];
    return s->owned[input];
}

static void
host_bind (gpointer executor, guint slot, guint input, gconstpointer data)
{
    ((Host *) executor)->slots[slot].inputs[input] = data;
}

static gboolean
host_reserve_input (gpointer executor, guint input, gsize bytes, GError **error)
{
    Host *host = executor;

    if (bytes <= host->input_bytes[input])
        return TRUE;
    for (guint i = 0; i < host->n_slots; i++) {
        HostSlot *slot = &host->slots[i];
        gpointer memory;
        if (!take_zeros (&memory, bytes, "an input", error))
            return FALSE; /* the slots before have more than they know of */
        if (slot->inputs[input] == slot->owned[input])
            slot->inputs[input] = NULL;
        g_free (slot->owned[input]);
        slot->owned[input] = memory;
        g_atomic_int_inc (&host->n_prepared);
    }
    host->input_bytes[input] = bytes;
    return TRUE;
}

static gboolean
host_submit (gpointer executor, guint slot, GError **error)
{
    Host *host = executor;
    HostSlot *s = &host->slots[slot];

    for (guint i = 0; i < host->plan->graph->inputs->len; i++) {
        if (s->inputs[i])
            continue;
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "input '%s' was not given",
                     ((FovTensor *) host->plan->graph->inputs->pdata[i])->name);
        return FALSE;
    }
    g_clear_error (&s->error);
    g_mutex_lock (&host->lock);
    s->busy = TRUE;
    g_mutex_unlock (&host->lock);
    g_async_queue_push (host->queue, s);
    return TRUE;
}

static gboolean
host_wait (gpointer executor, guint slot, GError **error)
{
    Host *host = executor;
    HostSlot *s = &host->slots[slot];

    g_mutex_lock (&host->lock);
    while (s->busy)
        g_cond_wait (&host->done, &host->lock);
    g_mutex_unlock (&host->lock);
    memset (s->inputs, 0, host->plan->graph->inputs->len * sizeof *s->inputs);
    if (!s->error)
        return TRUE;
    g_propagate_error (error, g_steal_pointer (&s->error));
    return FALSE;
}

static gboolean
host_done (gpointer executor, guint slot)
{
    Host *host = executor;
    gboolean done;

    g_mutex_lock (&host->lock);
    done = !host->slots[slot].busy;
    g_mutex_unlock (&host->lock);
    return done;
}

static const FovView *
host_output (gpointer executor, guint slot, guint output)
{
    return &((Host *) executor)->slots[slot].views[output];
}

static guint
host_n_dispatches (gpointer executor)
{
    return 0;
}

static guint64
host_n_prepared (gpointer executor)
{
    return (guint64) g_atomic_int_get (&((Host *) executor)->n_prepared);
}

static gsize
host_kernel_bytes (gpointer executor)
{
    return ((Host *) executor)->kernel_bytes;
}

static gsize
host_weight_bytes (gpointer executor)
{
    return ((Host *) executor)->plan->constant_bytes;
}

static void
host_profile (gpointer executor, guint slot, GArray *times)
{
    Host *host = executor;

    g_mutex_lock (&host->lock);
    for (guint i = 0, k = 0; host->profile && i < host->plan->n_static; i++) {
        const FovNode *node = host->steps[i].step.node;
        FovStepTime time = { .op = node->op->name, .name = node->name };
        for (; k < host->n_stages && host->stages[k].step == i; k++)
            time.seconds += host->last_seconds[k];
        g_array_append_val (times, time);
    }
    g_mutex_unlock (&host->lock);
}

const FovExecutor fov_executor_host = {
    .create = host_create,
    .destroy = host_destroy,
    .input = host_input,
    .bind = host_bind,
    .reserve_input = host_reserve_input,
    .submit = host_submit,
    .wait = host_wait,
    .done = host_done,
    .output = host_output,
    .n_dispatches = host_n_dispatches,
    .n_prepared = host_n_prepared,
    .weight_bytes = host_weight_bytes,
    .kernel_bytes = host_kernel_bytes,
    .profile = host_profile,
    .state = host_state,
};
