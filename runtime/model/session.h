/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_MODEL_SESSION_H
#define FOV_MODEL_SESSION_H

/*
 * The session behind its public face: frames in slots.
 *
 *   slot = begin -> write or bind inputs -> submit -> wait -> read outputs -> end
 *
 * Slots are numbered from 1. begin blocks while all slots are taken. A slot is
 * used by one thread at a time; different slots by any threads. end may be
 * called at any time: of a frame under way it waits for the end.
 *
 * fov_session_run keeps a slot from its first call on, for the results it gave
 * out: a session with one slot alone is used either way, not both.
 */
#include <fovea/session.h>

#include "graph/op.h"
#include "model/device.h"

/** A session of a graph (taken, also on failure; not yet specialised). For tests and the detector.
 */
FovSession *fov_session_new_from_graph (FovDevice *device, FovGraph *graph,
                                        const FovSessionParams *params, GError **error);

/** 0 on error: the only slot is fov_session_run's. */
guint fov_session_begin (FovSession *session, GError **error);
void fov_session_end (FovSession *session, guint slot);

/** TRUE on host and reference: inputs may be bound where they lie (fov_session_slot_bind). */
gboolean fov_session_reads_in_place (FovSession *session);
/** The slot's own memory for an input, to be written before submit; ask for it in every frame. */
gpointer fov_session_slot_input (FovSession *session, guint slot, guint input);
/** Reads the input at data instead, which stays valid until wait returned. Host and reference. */
void fov_session_slot_bind (FovSession *session, guint slot, guint input, gconstpointer data);
/** Makes room for bytes in every slot's memory of that input; never shrinks. Blocks until no slot
 * is taken, so the caller must hold none. Counts as preparation. */
gboolean fov_session_reserve_input (FovSession *session, guint input, gsize bytes, GError **error);

/** Starts the slot; does not block. FOV_ERROR_ARGUMENT if an input was neither written nor bound
 * (host), or the slot is under way already. */
gboolean fov_session_submit (FovSession *session, guint slot, GError **error);
/** The frame's error, if it had one; FOV_ERROR_ARGUMENT for a slot that was not submitted. */
gboolean fov_session_wait (FovSession *session, guint slot, GError **error);
gboolean fov_session_done (FovSession *session, guint slot);
/** Valid until end. */
gconstpointer fov_session_slot_output (FovSession *session, guint slot, guint output);
/** Concrete shape of the slot's output (differs from the session's where that has -1). */
const FovShape *fov_session_slot_output_shape (FovSession *session, guint slot, guint output);

/**
 * The memory of a state of the plan, to be read or written while no slot is under way. On vulkan it
 * is a copy, with the first value at first. A session with states has one slot.
 */
gpointer fov_session_state (FovSession *session, const FovTensor *state);
/** Brings that memory up to date, or makes what was written there the states' values. Blocks; no
 * slot may be under way. Nothing to do on host and reference. */
gboolean fov_session_fetch_states (FovSession *session, GError **error);
gboolean fov_session_store_states (FovSession *session, GError **error);

/** Bytes beside the plan's: packed weights, scratch, the slots' inputs and outputs; 0: not known.
 */
gsize fov_session_kernel_bytes (FovSession *session);

/** The plan, for `fovea info` and tests. */
const FovPlan *fov_session_plan (FovSession *session);

/* ---- what an executor implements -------------------------------------- */

/** Dynamic results of one frame, made by the tail. */
typedef struct {
    FovView *outputs; /* one per graph output; data NULL where the plan's memory holds it */
    guint n_outputs;
} FovTailResult;

typedef struct {
    gpointer (*create) (FovDevice *device, const FovPlan *plan, guint n_slots,
                        const FovSessionParams *params, GError **error);
    void (*destroy) (gpointer executor);
    gpointer (*input) (gpointer executor, guint slot, guint input);
    void (*bind) (gpointer executor, guint slot, guint input, gconstpointer data); /* may be NULL */
    gboolean (*reserve_input) (gpointer executor, guint input, gsize bytes, GError **error);
    gboolean (*submit) (gpointer executor, guint slot, GError **error);
    gboolean (*wait) (gpointer executor, guint slot, GError **error);
    gboolean (*done) (gpointer executor, guint slot);
    const FovView *(*output) (gpointer executor, guint slot, guint output); /* after wait */
    guint (*n_dispatches) (gpointer executor);
    guint (*n_host_steps) (gpointer executor); /* in a GPU's program; may be NULL */
    guint64 (*n_prepared) (gpointer executor);
    gsize (*weight_bytes) (gpointer executor);
    void (*profile) (gpointer executor, guint slot, GArray *times); /* FovStepTime */
    gpointer (*state) (gpointer executor, const FovTensor *state);
    /* Copies all states from or to the device; NULL: they lie where state says. */
    gboolean (*move_states) (gpointer executor, gboolean to_device, GError **error);
    gsize (*kernel_bytes) (gpointer executor); /* beside the plan; may be NULL */
} FovExecutor;                                 /* slots count from 0 here */

extern const FovExecutor fov_executor_host; /* host and reference */
extern const FovExecutor fov_executor_gpu;

/** What the planner asks of the device's executor. */
FovPlanTarget fov_session_target (FovDevice *device);

/* ---- the tail --------------------------------------------------------- */

/**
 * Interprets the plan's steps behind n_static with the reference functions.
 * value (tensor, user_data) gives the address of a static tensor's dense
 * values. Fills result->outputs for outputs of the tail (data g_malloc'ed;
 * fov_tail_clear). One thread at a time per plan: it infers shapes in place.
 */
gboolean fov_tail_run (const FovPlan *plan,
                       gconstpointer (*value) (const FovTensor *tensor, gpointer user_data),
                       gpointer user_data, FovTailResult *result, GError **error);
void fov_tail_clear (FovTailResult *result);
/** Static tensors that the tail reads (FovTensor*), without constants. */
GPtrArray *fov_tail_inputs (const FovPlan *plan);

#endif
