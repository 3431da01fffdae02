/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_GPU_H
#define FOV_GPU_H

/*
 * Vulkan, and nothing else of Fovea: devices, memory, kernels and recorded
 * programs. The only folder that includes a Vulkan header.
 *
 * A program is a list of compute dispatches over
 *   - one arena of activations (device memory, shared by all slots),
 *   - one block of constants (device memory, written once),
 *   - per slot (frame in flight): input memory and output memory, both mapped.
 * It is recorded once per slot into a command buffer and replayed; slots run
 * in submit order on one queue, each signalling the program's timeline.
 * Every kernel sees the same descriptor set; offsets go by push constants:
 *   0 arena   SSBO (vec4)        1 arena   texel buffer rgba32f
 *   2 const   SSBO (vec4)        3 const   texel buffer rgba32f
 *   4 inputs  SSBO (uint)        of the slot, for kernels that read a graph input in place
 *   5 outputs SSBO (uint)        of the slot
 * Behind what the planner laid out, the arena has scratch memory of the steps.
 * The arena's first 64 bytes are zero and stay so (texel 0: what reads outside a
 * picture are sent to); the planner starts at byte 64.
 */
#include <fovea/device.h>
#include <fovea/tensor.h>

typedef struct _FovGpu FovGpu;
typedef struct _FovGpuProgram FovGpuProgram;

typedef enum { FOV_GPU_REAL, FOV_GPU_ANY } FovGpuSelect;

/** What the device can do beyond Vulkan 1.2 compute in fp32 (queried, never by name). */
typedef struct {
    gboolean fp16_storage, fp16_math, int8_dot, cooperative_matrix;
    guint subgroup_size;
    gboolean on_processor; /* a processor plays the GPU: few lanes, each with a cache of its own */
    guint64 max_storage_range, memory_bytes;
    double timestamp_period; /* ns per tick; 0: none */
    guint max_texel_elements;
    gboolean doubles; /* kernels may compute in double precision */
    gboolean far; /* memory can be written by its address: an arena may exceed max_storage_range */
} FovGpuLimits;

/** The N-th device of that kind, or the first whose name contains match (index < 0). */
FovGpu *fov_gpu_open (FovGpuSelect select, int index, const char *match, GError **error);
FovGpu *fov_gpu_ref (FovGpu *gpu);
void fov_gpu_unref (FovGpu *gpu);
const char *fov_gpu_name (FovGpu *gpu);
const FovGpuLimits *fov_gpu_limits (FovGpu *gpu);
/** Messages of the validation layers so far in this process (FOVEA_VALIDATION=1 turns them on). */
guint fov_gpu_validation_errors (void);
/** Appends FovDeviceInfo entries for every Vulkan device; none and no error without a loader or
 * driver. */
void fov_gpu_list (GArray *infos);

/* ---- programs --------------------------------------------------------- */

typedef struct {
    gsize arena_bytes;
    guint n_slots;
    guint n_inputs, n_outputs;
    const gsize *input_bytes; /* capacity of each, per slot */
    const gsize *output_bytes;
    gboolean profile; /* a timestamp after every dispatch */
    FovProgress progress;
    gpointer progress_data;
} FovGpuProgramParams;

/** Blocks; so do all calls up to and including fov_gpu_program_finish. */
FovGpuProgram *fov_gpu_program_new (FovGpu *gpu, const FovGpuProgramParams *params, GError **error);
void fov_gpu_program_free (FovGpuProgram *program);
FovGpu *fov_gpu_program_gpu (FovGpuProgram *program);

/**
 * Copies data into the constant block (16-byte aligned); returns its byte
 * offset. Without memory it returns 0, and fov_gpu_program_finish says so.
 */
guint32 fov_gpu_program_add_constant (FovGpuProgram *program, gconstpointer data, gsize bytes);
/** Room for writing constants in place before finish; zeroed. *offset as above; NULL: no memory. */
gpointer fov_gpu_program_reserve_constant (FovGpuProgram *program, gsize bytes, guint32 *offset);

/**
 * Memory in the arena for what the dispatches under the current label (a step) keep among
 * themselves; all steps share it. Its byte offset, a multiple of 64; finish says where there is
 * not enough memory.
 */
gsize fov_gpu_program_scratch (FovGpuProgram *program, gsize bytes);

/** Names what the dispatches that follow belong to (profile, messages, self-check); its number. */
guint fov_gpu_program_set_label (FovGpuProgram *program, const char *op, const char *name);

/** Byte offset of input index within the slot's input SSBO (multiple of 256); never changes. */
gsize fov_gpu_program_input_offset (FovGpuProgram *program, guint index);

/**
 * Appends a dispatch of gx * gy * gz workgroups. shader: name of the file in
 * shaders/ without ".comp". spec: values of specialisation constants 0..n-1.
 * push: at most 120 bytes. A dispatch waits for all before it, but for those
 * since fov_gpu_program_overlap was set.
 */
gboolean fov_gpu_program_dispatch (FovGpuProgram *program, const char *shader, const guint32 *spec,
                                   guint n_spec, gconstpointer push, gsize push_bytes, guint gx,
                                   guint gy, guint gz, GError **error);
/** The next dispatch does not depend on the one before it: no barrier between them. */
void fov_gpu_program_overlap (FovGpuProgram *program);
/** Appends a copy of input index into the arena / of arena bytes into output index. */
void fov_gpu_program_copy_input (FovGpuProgram *program, guint index, gsize arena_offset,
                                 gsize bytes);
void fov_gpu_program_copy_output (FovGpuProgram *program, guint index, gsize arena_offset,
                                  gsize bytes);

/**
 * Appends work of the host: func is called by fov_gpu_program_wait once all before it has run, and
 * what comes after it starts when it returns; FALSE ends the frame with its error. In programs of
 * one slot. It may use fov_gpu_program_arena, or fov_gpu_program_transfer.
 */
typedef gboolean (*FovGpuHostFunc) (gpointer data, GError **error);
void fov_gpu_program_add_host (FovGpuProgram *program, FovGpuHostFunc func, gpointer data);
/** The arena where the host can reach it, after finish; else NULL. */
guint8 *fov_gpu_program_arena (FovGpuProgram *program);

/** Uploads constants, makes pipelines, records one command buffer per slot, warms up. */
gboolean fov_gpu_program_finish (FovGpuProgram *program, GError **error);

/**
 * Grows input 0's capacity (the others keep theirs: they lie before it, so that
 * no offset changes); records again. Its content, and that of the other inputs,
 * is lost in all slots. Not on a frame's way; waits for frames in flight.
 */
gboolean fov_gpu_program_reserve_input (FovGpuProgram *program, guint index, gsize bytes,
                                        GError **error);

/** Bytes of the arena and where they lie on the host. */
typedef struct {
    gsize offset, bytes;
    gpointer data;
} FovGpuPiece;
/** Copies pieces to the arena or from it, after finish; blocks. No frame may be in flight. */
gboolean fov_gpu_program_transfer (FovGpuProgram *program, const FovGpuPiece *pieces, guint n,
                                   gboolean to_arena, GError **error);

/* Per frame: none of these allocates. One thread at a time per slot. */
gpointer fov_gpu_program_input (FovGpuProgram *program, guint slot, guint index);
gconstpointer fov_gpu_program_output (FovGpuProgram *program, guint slot, guint index);
/**
 * Starts the slot's command buffer; does not block. Thread safe. An error where
 * the slot's last frame is still in flight.
 */
gboolean fov_gpu_program_submit (FovGpuProgram *program, guint slot, GError **error);
/** Waits for the slot's last submit. FOV_ERROR_DEVICE_LOST where that happened. */
gboolean fov_gpu_program_wait (FovGpuProgram *program, guint slot, GError **error);
gboolean fov_gpu_program_done (FovGpuProgram *program, guint slot);

guint fov_gpu_program_n_dispatches (FovGpuProgram *program);
/** Allocations + pipelines + recordings made by this program and its device so far. */
guint64 fov_gpu_program_n_prepared (FovGpuProgram *program);
gsize fov_gpu_program_constant_bytes (FovGpuProgram *program);
/** Per-dispatch seconds of the slot's last frame (profile); FovStepTime-like via callback. */
typedef void (*FovGpuTimeFunc) (const char *op, const char *name, const char *shader,
                                double seconds, gpointer user_data);
void fov_gpu_program_times (FovGpuProgram *program, guint slot, FovGpuTimeFunc func,
                            gpointer user_data);

/* ---- kernels that were checked ----------------------------------------- */

/*
 * A kernel is a shader with its constants, named "shader,constant,...". What the
 * self-check (model/check.c) found of it is kept on disk, for this device,
 * driver and version of all shaders. A shader that was wrong gives way to
 * another form of it, where there is one, in programs made later.
 */
typedef enum { FOV_VERDICT_UNKNOWN, FOV_VERDICT_RIGHT, FOV_VERDICT_WRONG } FovVerdict;

/** The kernels of the dispatches under a label (char *, each once). */
GPtrArray *fov_gpu_program_kernels (FovGpuProgram *program, guint label);
/** reason (may be NULL): set where it is wrong, to g_free. Thread safe, as the two that follow. */
FovVerdict fov_gpu_verdict (FovGpu *gpu, const char *kernel, char **reason);
/** reason: what was wrong, on one line; NULL: it is right. */
void fov_gpu_set_verdict (FovGpu *gpu, const char *kernel, const char *reason);
void fov_gpu_save_verdicts (FovGpu *gpu);
/** Whether the kernel's shader would still be taken: there is no other form of it. */
gboolean fov_gpu_is_last_form (FovGpu *gpu, const char *kernel);
/** For tests: the shader of that name (of a form: "NAME.plain") is this one. */
typedef struct _FovShader FovShader;
void fov_gpu_replace_shader (FovGpu *gpu, const FovShader *shader);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovGpu, fov_gpu_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovGpuProgram, fov_gpu_program_free)

#endif
