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

#define ARENA_SLACK 4096 /* kernels may read (never write) a little beyond a row */

typedef struct {
    const void **inputs; /* what the frame reads */
    gpointer *owned;     /* slot memory per input, made when first asked for */
    gpointer *outputs;   /* slot memory per output */
    FovTailResult tail;
    FovShape *shapes; /* of outputs */
    gboolean busy;    /* submitted, not done; guarded by Host.lock */
    GError *error;
} HostSlot;

typedef struct {
    const FovPlan *plan;
    gboolean reference;
    guint n_threads;
    gboolean profile;
    guint8 *arena;
    FovHostStep *steps; /* plan->n_static */
    double *seconds;    /* per step, last frame */
    HostSlot *slots;
    guint n_slots;
    gsize *input_bytes;
    GThread *worker;
    FovTeam *team;      /* helps the worker */
    FovHostFrame frame; /* the one that runs */
    GAsyncQueue *queue; /* HostSlot*; the Host itself says stop */
    GMutex lock;
    GCond done;
    guint64 n_prepared;
} Host;

/* ---- a step on its reference function --------------------------------- */

typedef struct {
    FovView *in, *out;
    gint64 *halo;
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
    g_autoptr (GError) error = NULL;

    for (guint i = 0; i < step->node->n_inputs; i++)
        if (step->in[i])
            state->in[i].data = fov_host_ptr (frame, step->in[i]);
    for (guint i = 0; i < step->node->n_outputs; i++)
        if (step->out[i])
            state->out[i].data = fov_host_ptr (frame, step->out[i]);
    if (!step->node->op->reference (step->node, state->in, state->out, &error))
        g_warning ("%s", error->message);
}

static void
prepare_reference (FovHostStep *hs)
{
    const FovNode *node = hs->step.node;
    RefState *state = g_new0 (RefState, 1);

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

static void
run_step_task (gpointer data, guint step, guint task)
{
    const Host *host = data;

    run_task (&host->steps[step], &host->frame, task);
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
    FovHostFrame frame = { host->arena, slot->inputs };

    host->frame = frame;
    fov_team_run (host->team, host->profile ? host->seconds : NULL);
    if (plan->n_steps > plan->n_static) {
        gpointer pair[2] = { (gpointer) plan, &frame };
        fov_tail_run (plan, static_value, pair, &slot->tail, &slot->error);
    }
    for (guint i = 0; i < plan->graph->outputs->len; i++) {
        const FovTensor *t = plan->graph->outputs->pdata[i];
        if (slot->tail.outputs[i].data)
            slot->shapes[i] = slot->tail.outputs[i].shape;
        else if (slot->outputs[i])
            memcpy (slot->outputs[i], fov_host_ptr (&frame, &plan->operands[t->id]),
                    plan->operands[t->id].bytes);
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
        slot->busy = FALSE;
        g_cond_broadcast (&host->done);
        g_mutex_unlock (&host->lock);
    }
}

/* ---- setting up ------------------------------------------------------- */

static void
slot_init (Host *host, HostSlot *slot)
{
    const FovGraph *graph = host->plan->graph;
    guint n_in = graph->inputs->len, n_out = graph->outputs->len;

    slot->inputs = g_new0 (const void *, n_in + 1);
    slot->owned = g_new0 (gpointer, n_in + 1);
    slot->outputs = g_new0 (gpointer, n_out + 1);
    slot->shapes = g_new0 (FovShape, n_out + 1);
    slot->tail.outputs = g_new0 (FovView, n_out + 1);
    slot->tail.n_outputs = n_out;
    for (guint i = 0; i < n_out; i++) {
        const FovTensor *t = graph->outputs->pdata[i];
        slot->shapes[i] = t->shape;
        if (fov_tensor_elements (t) >= 0)
            slot->outputs[i] = g_malloc0 (MAX (host->plan->operands[t->id].bytes, 1));
    }
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
    g_free (slot->shapes);
    g_clear_error (&slot->error);
}

static gboolean
prepare_steps (Host *host, const FovSessionParams *params, GError **error)
{
    const FovPlan *plan = host->plan;

    host->steps = g_new0 (FovHostStep, plan->n_static + 1);
    host->seconds = g_new0 (double, plan->n_static + 1);
    for (guint i = 0; i < plan->n_static; i++) {
        FovHostStep *hs = &host->steps[i];
        const FovHostOp *op = plan->steps[i].node->op->host;
        hs->step = plan->steps[i];
        if (host->reference || !op || !op->formats (hs->step.node, fov_host_block ())) {
            if (!host->reference)
                g_debug ("node '%s' (%s) has no host kernel and runs its reference",
                         hs->step.node->name, hs->step.node->op->name);
            prepare_reference (hs);
        } else if (!op->prepare (hs, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static void
make_team (Host *host)
{
    guint n = host->plan->n_static;
    g_autofree guint *n_tasks = g_new0 (guint, n + 1);

    for (guint i = 0; i < n; i++)
        n_tasks[i] = total_tasks (&host->steps[i]);
    host->team = fov_team_new (host->n_threads, n, n_tasks, run_step_task, host);
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
    g_free (host->seconds);
    g_free (host->input_bytes);
    free (host->arena);
    g_free (host);
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
    for (guint i = 0; i < plan->graph->inputs->len; i++) {
        const FovTensor *t = plan->graph->inputs->pdata[i];
        host->input_bytes[i] = plan->operands[t->id].bytes;
    }
    if (posix_memalign ((void **) &host->arena, 64,
                        (plan->arena_bytes + ARENA_SLACK + 63) / 64 * 64)) {
        host->arena = NULL;
        g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY,
                     "no memory for %" G_GSIZE_FORMAT " bytes of activations", plan->arena_bytes);
        host_destroy (host);
        return NULL;
    }
    memset (host->arena, 0, plan->arena_bytes + ARENA_SLACK);
    host->slots = g_new0 (HostSlot, n_slots);
    host->n_slots = n_slots;
    for (guint i = 0; i < n_slots; i++)
        slot_init (host, &host->slots[i]);
    if (!prepare_steps (host, params, error)) {
        host_destroy (host);
        return NULL;
    }
    make_team (host);
    host->worker = g_thread_new ("fovea-host", worker_main, host);
    return host;
}

/* ---- frames ----------------------------------------------------------- */

static gpointer
host_input (gpointer executor, guint slot, guint input)
{
    Host *host = executor;
    HostSlot *s = &host->slots[slot];

    if (!s->owned[input]) {
        s->owned[input] = g_malloc0 (MAX (host->input_bytes[input], 1));
        host->n_prepared++;
    }
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
    host->input_bytes[input] = bytes;
    for (guint i = 0; i < host->n_slots; i++)
        g_clear_pointer (&host->slots[i].owned[input], g_free);
    return TRUE;
}

static gboolean
host_submit (gpointer executor, guint slot, GError **error)
{
    Host *host = executor;
    HostSlot *s = &host->slots[slot];

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

static gconstpointer
host_output (gpointer executor, guint slot, guint output)
{
    HostSlot *s = &((Host *) executor)->slots[slot];
    return s->tail.outputs[output].data ? s->tail.outputs[output].data : s->outputs[output];
}

static const FovShape *
host_output_shape (gpointer executor, guint slot, guint output)
{
    return &((Host *) executor)->slots[slot].shapes[output];
}

static guint
host_n_dispatches (gpointer executor)
{
    return 0;
}

static guint64
host_n_prepared (gpointer executor)
{
    return ((Host *) executor)->n_prepared;
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

    for (guint i = 0; host->profile && i < host->plan->n_static; i++) {
        const FovNode *node = host->steps[i].step.node;
        FovStepTime time = { .op = node->op->name,
                             .name = node->name,
                             .seconds = host->seconds[i] };
        g_array_append_val (times, time);
    }
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
    .output_shape = host_output_shape,
    .n_dispatches = host_n_dispatches,
    .n_prepared = host_n_prepared,
    .weight_bytes = host_weight_bytes,
    .profile = host_profile,
};
