/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_SESSION_H
#define FOVEA_SESSION_H

#include <fovea/device.h>
#include <fovea/model.h>

G_BEGIN_DECLS

/**
 * A model planned for one device and one set of input shapes. Thread safe:
 * any thread may begin, submit and wait; frames run in submit order.
 */
typedef struct _FovSession FovSession;

/** Zero means the default. */
typedef struct {
    const FovShape *input_shapes; /**< one per model input, or NULL: as the model says (free: 1) */
    guint max_in_flight;          /**< frames at once, 1..16; default 2 */
    gboolean profile;             /**< measure each step (costs a little) */
    FovProgress progress;         /**< told of slow start-up work, may be NULL */
    gpointer progress_data;
} FovSessionParams;

/** Sizes and counters; all may be read at any time. */
typedef struct {
    guint64 planned_bytes; /**< activations, after planning by lifetime */
    guint64 naive_bytes;   /**< activations, each with its own memory */
    guint64 weight_bytes;
    double flops;          /**< floating-point operations of one run (multiply and add count 2) */
    guint n_nodes;         /**< after all passes */
    guint n_dispatches;    /**< GPU kernels recorded, 0 on the host */
    guint n_host_steps;    /**< on vulkan: what it has no kernel for, done by the host in between */
    const char *precision; /**< of the activations: "fp32" or "fp16"; static */
    guint64 n_frames;      /**< runs done */
    guint64
        n_prepared; /**< allocations, pipelines and recordings made since the first run: stays 0 */
} FovSessionInfo;

/** One step's time, from fov_session_profile. */
typedef struct {
    const char *op; /**< owned by the session */
    const char *name;
    double seconds;     /**< of the last run, 0 before it */
    double flops;       /**< of several entries of one name (GPU kernels of one step) the first's */
    const char *layout; /**< of the step's output: "planar", "blocked 8", ...; static */
} FovStepTime;

/** Blocks (reads caches, compiles pipelines, packs weights). */
FOV_API FovSession *fov_session_new (FovDevice *device, FovModel *model,
                                     const FovSessionParams *params, GError **error);
FOV_API FovSession *fov_session_ref (FovSession *session);
FOV_API void fov_session_unref (FovSession *session);

FOV_API guint fov_session_n_inputs (FovSession *session);
FOV_API guint fov_session_n_outputs (FovSession *session);
/** Concrete shapes; an output whose size depends on the data has -1 there. */
FOV_API void fov_session_input (FovSession *session, guint index, FovTensorInfo *info);
FOV_API void fov_session_output (FovSession *session, guint index, FovTensorInfo *info);

/**
 * Runs once: reads inputs (dense, of the session's dtypes and shapes), blocks,
 * and points outputs[i].data at the results, which stay valid until the next
 * fov_session_run on this session. For frames in flight use FovDetector.
 */
FOV_API gboolean fov_session_run (FovSession *session, const FovView *inputs, FovView *outputs,
                                  GError **error);

FOV_API void fov_session_info (FovSession *session, FovSessionInfo *info);

/** Per-step times of the last run, FovStepTime; g_array_unref. Empty unless params.profile. */
FOV_API GArray *fov_session_profile (FovSession *session);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovSession, fov_session_unref)

G_END_DECLS

#endif
