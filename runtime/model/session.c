/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/session.h"

#include "host/host.h"
#include "model/model.h"

#include <string.h>

#define DEFAULT_SLOTS 2
#define MAX_SLOTS 16

typedef enum { SLOT_FREE, SLOT_TAKEN, SLOT_UNDER_WAY } SlotState;

struct _FovSession {
    gatomicrefcount refs;
    FovDevice *device;
    FovPlan *plan;
    const FovExecutor *executor;
    gpointer impl;
    guint n_slots;
    guint64 prepared_at_start;
    FovTensorInfo *inputs, *outputs; /* as specialised: the tail infers in the plan's tensors */
    guint n_inputs, n_outputs;

    GMutex lock; /* guards what follows */
    GCond freed;
    SlotState *states;
    guint n_taken;
    gboolean run_rests; /* fov_session_run holds its slot, but nothing runs there */
    guint64 n_frames;
    guint last_slot; /* for the profile */

    GMutex run_lock; /* fov_session_run keeps its slot until the next one */
    guint run_slot;
};

/* ---- making one ------------------------------------------------------- */

static guint
gpu_formats (const FovNode *node, int block)
{
    return node->op->gpu ? node->op->gpu->formats (node, block) : 0;
}

/* On devices without double precision. */
static guint
float_formats (const FovNode *node, int block)
{
    return node->op->gpu && node->op->gpu->doubles ? 0 : gpu_formats (node, block);
}

/* In graphs with states, one run follows the other, and the host may do a step in between. */
static guint
gpu_or_host_formats (const FovNode *node, int block)
{
    guint can = gpu_formats (node, block);

    return can ? can : FOV_CAN_PLANAR;
}

static gboolean
has_states (const FovGraph *graph)
{
    for (guint i = 0; i < graph->tensors->len; i++) {
        const FovTensor *t = graph->tensors->pdata[i];
        if (t && t->initial)
            return TRUE;
    }
    return FALSE;
}

static guint
host_formats (const FovNode *node, int block)
{
    guint can = node->op->host ? node->op->host->formats (node, block) : 0;

    return can ? can : FOV_CAN_PLANAR; /* what has no kernel runs its reference */
}

static int
host_halo (const FovNode *node, guint index)
{
    return node->op->host && node->op->host->halo ? node->op->host->halo (node, index) : 0;
}

static guint
reference_formats (const FovNode *node, int block)
{
    return FOV_CAN_PLANAR;
}

FovPlanTarget
fov_session_target (FovDevice *device)
{
    switch (device->kind) {
    case FOV_DEVICE_VULKAN:
        return (FovPlanTarget){ .block = 4,
                                .copy_inputs = TRUE,
                                .formats = fov_gpu_limits (device->gpu)->doubles ? gpu_formats
                                                                                 : float_formats };
    case FOV_DEVICE_HOST:
        return (FovPlanTarget){
            .block = fov_host_block (), .use_halo = TRUE, .formats = host_formats, .halo = host_halo
        };
    default:
        return (FovPlanTarget){ .block = 1, .formats = reference_formats };
    }
}

/* The names are the model's: passes put other tensors in the outputs' places. */
static FovTensorInfo *
copy_infos (const GPtrArray *tensors)
{
    FovTensorInfo *infos = g_new0 (FovTensorInfo, tensors->len + 1);

    for (guint i = 0; i < tensors->len; i++) {
        const FovTensor *t = tensors->pdata[i];
        infos[i] = (FovTensorInfo){ g_strdup (t->name), t->dtype, t->shape };
    }
    return infos;
}

static void
free_infos (FovTensorInfo *infos, guint n)
{
    for (guint i = 0; i < n; i++)
        g_free ((char *) infos[i].name);
    g_free (infos);
}

static gboolean
check_states (const FovSession *session, GError **error)
{
    if (!session->plan->state_bytes)
        return TRUE;
    if (session->n_slots > 1) {
        g_set_error (
            error, FOV_ERROR, FOV_ERROR_ARGUMENT,
            "max_in_flight is %u, expected 1 for a graph that keeps values from run to run",
            session->n_slots);
        return FALSE;
    }
    return TRUE;
}

FovSession *
fov_session_new_from_graph (FovDevice *device, FovGraph *graph, const FovSessionParams *params,
                            GError **error)
{
    static const FovSessionParams defaults;
    g_autoptr (FovSession) session = g_new0 (FovSession, 1);
    FovPlanTarget target = fov_session_target (device);

    if (!params)
        params = &defaults;
    g_atomic_ref_count_init (&session->refs);
    g_mutex_init (&session->lock);
    g_mutex_init (&session->run_lock);
    g_cond_init (&session->freed);
    session->device = fov_device_ref (device);
    session->n_slots = params->max_in_flight ? params->max_in_flight : DEFAULT_SLOTS;
    if (session->n_slots > MAX_SLOTS) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "max_in_flight is %u, expected 1 to %d",
                     session->n_slots, MAX_SLOTS);
        fov_graph_free (graph);
        return NULL;
    }
    session->states = g_new0 (SlotState, session->n_slots);
    if (!fov_graph_specialize (graph, params->input_shapes, error)) {
        fov_graph_free (graph);
        return NULL;
    }
    session->n_inputs = graph->inputs->len;
    session->n_outputs = graph->outputs->len;
    session->inputs = copy_infos (graph->inputs);
    session->outputs = copy_infos (graph->outputs);
    if (device->kind == FOV_DEVICE_VULKAN && has_states (graph))
        target.formats = gpu_or_host_formats;
    session->plan = fov_plan_new (graph, &target, error);
    if (!session->plan || !check_states (session, error))
        return NULL;
    session->executor = device->kind == FOV_DEVICE_VULKAN ? &fov_executor_gpu : &fov_executor_host;
    session->impl =
        session->executor->create (device, session->plan, session->n_slots, params, error);
    if (!session->impl)
        return NULL;
    session->prepared_at_start = session->executor->n_prepared (session->impl);
    return g_steal_pointer (&session);
}

FovSession *
fov_session_new (FovDevice *device, FovModel *model, const FovSessionParams *params, GError **error)
{
    FovSession *session =
        fov_session_new_from_graph (device, fov_graph_copy (fov_model_graph (model)), params,
                                    error);

    if (!session)
        g_prefix_error (error, "%s: ", fov_model_path (model));
    return session;
}

FovSession *
fov_session_ref (FovSession *session)
{
    g_atomic_ref_count_inc (&session->refs);
    return session;
}

void
fov_session_unref (FovSession *session)
{
    if (!session || !g_atomic_ref_count_dec (&session->refs))
        return;
    if (session->impl)
        session->executor->destroy (session->impl);
    g_clear_pointer (&session->plan, fov_plan_free);
    g_clear_pointer (&session->device, fov_device_unref);
    free_infos (session->inputs, session->n_inputs);
    free_infos (session->outputs, session->n_outputs);
    g_free (session->states);
    g_mutex_clear (&session->lock);
    g_mutex_clear (&session->run_lock);
    g_cond_clear (&session->freed);
    g_free (session);
}

/* ---- slots ------------------------------------------------------------ */

guint
fov_session_begin (FovSession *session, GError **error)
{
    guint slot = 0;

    g_mutex_lock (&session->lock);
    if (session->n_slots == 1 && session->run_rests) {
        g_mutex_unlock (&session->lock);
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "max_in_flight is 1, and fov_session_run keeps that one for its results");
        return 0;
    }
    while (session->n_taken == session->n_slots)
        g_cond_wait (&session->freed, &session->lock);
    while (session->states[slot] != SLOT_FREE)
        slot++;
    session->states[slot] = SLOT_TAKEN;
    session->n_taken++;
    g_mutex_unlock (&session->lock);
    return slot + 1;
}

static SlotState
slot_state (FovSession *session, guint slot)
{
    SlotState state;

    g_mutex_lock (&session->lock);
    state = session->states[slot - 1];
    g_mutex_unlock (&session->lock);
    return state;
}

static void
set_state (FovSession *session, guint slot, SlotState state)
{
    g_mutex_lock (&session->lock);
    session->states[slot - 1] = state;
    g_mutex_unlock (&session->lock);
}

void
fov_session_end (FovSession *session, guint slot)
{
    if (slot_state (session, slot) == SLOT_UNDER_WAY)
        session->executor->wait (session->impl, slot - 1, NULL);
    g_mutex_lock (&session->lock);
    session->states[slot - 1] = SLOT_FREE;
    session->n_taken--;
    /* begin waits for one slot, reserve_input for all: a signal could wake the wrong one. */
    g_cond_broadcast (&session->freed);
    g_mutex_unlock (&session->lock);
}

gboolean
fov_session_reads_in_place (FovSession *session)
{
    return session->executor->bind != NULL;
}

gpointer
fov_session_slot_input (FovSession *session, guint slot, guint input)
{
    return session->executor->input (session->impl, slot - 1, input);
}

void
fov_session_slot_bind (FovSession *session, guint slot, guint input, gconstpointer data)
{
    session->executor->bind (session->impl, slot - 1, input, data);
}

gboolean
fov_session_reserve_input (FovSession *session, guint input, gsize bytes, GError **error)
{
    gboolean ok;

    /* Slots that others hold but have not submitted yet are theirs to write; so none may be
     * taken while memory moves. */
    g_mutex_lock (&session->lock);
    while (session->n_taken > (session->run_rests ? 1 : 0))
        g_cond_wait (&session->freed, &session->lock);
    ok = session->executor->reserve_input (session->impl, input, bytes, error);
    g_cond_broadcast (&session->freed);
    g_mutex_unlock (&session->lock);
    return ok;
}

gboolean
fov_session_submit (FovSession *session, guint slot, GError **error)
{
    SlotState state = slot_state (session, slot);

    if (state != SLOT_TAKEN) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "slot %u is %s", slot,
                     state == SLOT_FREE ? "not taken" : "under way already");
        return FALSE;
    }
    if (!session->executor->submit (session->impl, slot - 1, error))
        return FALSE;
    set_state (session, slot, SLOT_UNDER_WAY);
    return TRUE;
}

gboolean
fov_session_wait (FovSession *session, guint slot, GError **error)
{
    gboolean ok;

    if (slot_state (session, slot) != SLOT_UNDER_WAY) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "slot %u was not submitted", slot);
        return FALSE;
    }
    ok = session->executor->wait (session->impl, slot - 1, error);
    g_mutex_lock (&session->lock);
    session->states[slot - 1] = SLOT_TAKEN;
    session->n_frames += ok;
    session->last_slot = slot - 1;
    g_mutex_unlock (&session->lock);
    return ok;
}

gboolean
fov_session_done (FovSession *session, guint slot)
{
    return session->executor->done (session->impl, slot - 1);
}

gconstpointer
fov_session_slot_output (FovSession *session, guint slot, guint output)
{
    return session->executor->output (session->impl, slot - 1, output)->data;
}

const FovShape *
fov_session_slot_output_shape (FovSession *session, guint slot, guint output)
{
    return &session->executor->output (session->impl, slot - 1, output)->shape;
}

gpointer
fov_session_state (FovSession *session, const FovTensor *state)
{
    g_return_val_if_fail (state->initial != NULL, NULL);
    return session->executor->state (session->impl, state);
}

gboolean
fov_session_fetch_states (FovSession *session, GError **error)
{
    return !session->executor->move_states ||
           session->executor->move_states (session->impl, FALSE, error);
}

gboolean
fov_session_store_states (FovSession *session, GError **error)
{
    return !session->executor->move_states ||
           session->executor->move_states (session->impl, TRUE, error);
}

gsize
fov_session_kernel_bytes (FovSession *session)
{
    return session->executor->kernel_bytes ? session->executor->kernel_bytes (session->impl) : 0;
}

const FovPlan *
fov_session_plan (FovSession *session)
{
    return session->plan;
}

/* ---- the public face -------------------------------------------------- */

guint
fov_session_n_inputs (FovSession *session)
{
    return session->n_inputs;
}

guint
fov_session_n_outputs (FovSession *session)
{
    return session->n_outputs;
}

void
fov_session_input (FovSession *session, guint index, FovTensorInfo *info)
{
    memset (info, 0, sizeof *info);
    g_return_if_fail (index < session->n_inputs);
    *info = session->inputs[index];
}

void
fov_session_output (FovSession *session, guint index, FovTensorInfo *info)
{
    memset (info, 0, sizeof *info);
    g_return_if_fail (index < session->n_outputs);
    *info = session->outputs[index];
}

static gboolean
check_input (FovSession *session, guint i, const FovView *view, GError **error)
{
    const FovTensorInfo *t = &session->inputs[i];
    g_autofree char *is = NULL, *want = NULL;

    if (view->dtype == t->dtype && fov_shape_equal (&view->shape, &t->shape) && view->data)
        return TRUE;
    is = fov_shape_to_string (&view->shape);
    want = fov_shape_to_string (&t->shape);
    g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE, "input '%s': got %s %s%s, expected %s %s",
                 t->name, fov_dtype_name (view->dtype), is, view->data ? "" : " without data",
                 fov_dtype_name (t->dtype), want);
    return FALSE;
}

static void
set_run_rests (FovSession *session, gboolean rests)
{
    g_mutex_lock (&session->lock);
    session->run_rests = rests;
    g_cond_broadcast (&session->freed);
    g_mutex_unlock (&session->lock);
}

/* In the slot that run keeps. */
static gboolean
run_in (FovSession *session, guint slot, const FovView *inputs, FovView *outputs, GError **error)
{
    for (guint i = 0; i < session->n_inputs; i++) {
        const FovTensorInfo *t = &session->inputs[i];
        gsize bytes = (gsize) fov_shape_elements (&t->shape) * fov_dtype_size (t->dtype);
        if (fov_session_reads_in_place (session))
            fov_session_slot_bind (session, slot, i, inputs[i].data);
        else
            memcpy (fov_session_slot_input (session, slot, i), inputs[i].data, bytes);
    }
    if (!fov_session_submit (session, slot, error) || !fov_session_wait (session, slot, error))
        return FALSE;
    for (guint i = 0; i < session->n_outputs; i++)
        outputs[i] = *session->executor->output (session->impl, slot - 1, i);
    return TRUE;
}

gboolean
fov_session_run (FovSession *session, const FovView *inputs, FovView *outputs, GError **error)
{
    gboolean ok = FALSE;

    for (guint i = 0; i < session->n_inputs; i++)
        if (!check_input (session, i, &inputs[i], error))
            return FALSE;
    g_mutex_lock (&session->run_lock);
    if (session->run_slot)
        set_run_rests (session, FALSE);
    else
        session->run_slot = fov_session_begin (session, error);
    if (session->run_slot) {
        ok = run_in (session, session->run_slot, inputs, outputs, error);
        set_run_rests (session, TRUE);
    }
    g_mutex_unlock (&session->run_lock);
    return ok;
}

/* What a step's first output, its main result, is. */
static const FovOperand *
main_output (const FovStep *step)
{
    return step->node->n_outputs ? step->out[0] : NULL;
}

static const char *
plan_precision (const FovPlan *plan)
{
    for (guint i = 0; i < plan->n_steps; i++) {
        const FovOperand *out = main_output (&plan->steps[i]);
        if (out && out->dtype == FOV_F16)
            return "fp16";
    }
    return "fp32";
}

void
fov_session_info (FovSession *session, FovSessionInfo *info)
{
    const FovPlan *plan = session->plan;

    memset (info, 0, sizeof *info);
    info->planned_bytes = plan->arena_bytes;
    info->naive_bytes = plan->naive_bytes;
    info->weight_bytes = session->executor->weight_bytes (session->impl);
    info->flops = plan->flops;
    info->n_nodes = plan->n_steps;
    info->precision = plan_precision (plan);
    info->n_dispatches = session->executor->n_dispatches (session->impl);
    info->n_host_steps =
        session->executor->n_host_steps ? session->executor->n_host_steps (session->impl) : 0;
    info->n_prepared = session->executor->n_prepared (session->impl) - session->prepared_at_start;
    g_mutex_lock (&session->lock);
    info->n_frames = session->n_frames;
    g_mutex_unlock (&session->lock);
}

static const char *
layout_name (const FovOperand *out)
{
    if (!out || out->format.layout == FOV_PLANAR)
        return "planar";
    switch (out->format.block) {
    case 4:
        return "blocked 4";
    case 8:
        return "blocked 8";
    case 16:
        return "blocked 16";
    default:
        return "blocked";
    }
}

static gboolean
is_of_step (const FovStepTime *time, const FovStep *step)
{
    return g_str_equal (time->op, step->node->op->name) &&
           !g_strcmp0 (time->name, step->node->name);
}

/* Executors know the times; what a step is, the plan knows. Both go in the plan's order. */
static void
describe_times (const FovPlan *plan, GArray *times)
{
    guint next = 0;

    for (guint i = 0; i < times->len; i++) {
        FovStepTime *time = &g_array_index (times, FovStepTime, i);
        guint at = next;
        while (at < plan->n_steps && !is_of_step (time, &plan->steps[at]))
            at++;
        time->layout = "";
        if (at < plan->n_steps) {
            const FovNode *node = plan->steps[at].node;
            time->layout = layout_name (main_output (&plan->steps[at]));
            time->flops = node->op->flops ? node->op->flops (node) : 0;
            next = at + 1;
        } else if (i > 0 && !g_strcmp0 (time->name, time[-1].name)) {
            time->layout = time[-1].layout;
        }
    }
}

GArray *
fov_session_profile (FovSession *session)
{
    GArray *times = g_array_new (FALSE, TRUE, sizeof (FovStepTime));
    guint slot;

    g_mutex_lock (&session->lock);
    slot = session->last_slot;
    g_mutex_unlock (&session->lock);
    session->executor->profile (session->impl, slot, times);
    describe_times (session->plan, times);
    return times;
}
