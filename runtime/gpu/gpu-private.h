/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_GPU_PRIVATE_H
#define FOV_GPU_PRIVATE_H

/* What the files of runtime/gpu share. Nothing outside this folder includes it. */
#include <vulkan/vulkan.h>

#include "gpu/gpu.h"
#include "gpu/shader-table.h"

enum { FOV_N_BINDINGS = 6, FOV_PUSH_BYTES = 128, FOV_MAX_SPEC = 16 };
enum { FOV_ADDRESS_AT = 120 }; /* of the arena, in the push constants: lib/bind.glsl */

/* ---- instance.c ------------------------------------------------------- */

typedef struct {
    VkInstance vk;
    VkDebugUtilsMessengerEXT messenger;
    gboolean validation;
} FovInstance;

/** FALSE with FOV_ERROR_DEVICE where there is no loader or no driver. */
gboolean fov_instance_open (FovInstance *instance, GError **error);
void fov_instance_close (FovInstance *instance);
/** Physical devices that Fovea can run on (Vulkan 1.2, timeline semaphores, a compute queue). */
GArray *fov_instance_devices (FovInstance *instance);
gboolean fov_physical_is_real (VkPhysicalDevice physical);

/* ---- device.c --------------------------------------------------------- */

struct _FovGpu {
    gatomicrefcount refs;
    FovInstance instance;
    VkPhysicalDevice physical;
    VkPhysicalDeviceProperties props;
    VkPhysicalDeviceMemoryProperties memory;
    char *name;
    gboolean has_shuffle;
    gboolean has_wide; /* 64-bit integers, where stores of them pay */
    FovGpuLimits limits;
    VkDevice device;
    VkQueue queue;
    guint32 family;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;

    GMutex lock; /* the queue, the pipelines and their cache */
    GHashTable *pipelines;
    VkPipelineCache cache;
    char *cache_path;
    gboolean cache_dirty;
    GHashTable *verdicts; /* kernel -> what was wrong, "" if nothing */
    char *verdict_path;
    const FovShader *replaced; /* by a test */

    guint64 n_prepared; /* atomic */
    int lost;           /* atomic */
};

/** Reads what the device can do into limits; FALSE where it lacks what the kernels need. */
gboolean fov_physical_limits (VkPhysicalDevice physical, FovGpuLimits *limits, gboolean *shuffle,
                              gboolean *wide);
/** Turns a result into a GError that says what was being done; TRUE on success. */
gboolean fov_gpu_check (FovGpu *gpu, VkResult result, const char *what, GError **error);
void fov_gpu_count_prepared (FovGpu *gpu);

/* ---- memory.c --------------------------------------------------------- */

typedef enum {
    FOV_MEMORY_DEVICE,
    FOV_MEMORY_FAR,
    FOV_MEMORY_HOST
} FovMemoryKind; /* far: with an address */

typedef struct {
    VkBuffer vk;
    VkDeviceMemory memory;
    VkBufferView texels; /* rgba32f over all of it, or none */
    gsize bytes;
    guint8 *mapped;  /* NULL where the host can not reach it */
    guint64 address; /* of kinds that have one */
} FovBuffer;

/** Whether kernels can reach a buffer of that size. */
gboolean fov_buffer_check (FovGpu *gpu, const char *what, gsize bytes, FovMemoryKind kind,
                           gboolean texels, GError **error);
/** what: names the buffer in messages. Nothing is left behind on failure. */
gboolean fov_buffer_init (FovGpu *gpu, FovBuffer *buffer, const char *what, gsize bytes,
                          FovMemoryKind kind, gboolean texels, GError **error);
void fov_buffer_clear (FovGpu *gpu, FovBuffer *buffer);

/* ---- cache.c ---------------------------------------------------------- */

/**
 * By name; where there is one, the variant "NAME.plain" on devices without subgroup shuffles or
 * "NAME.wide" on those with has_wide; far: "....far" of those, which reach all of a large arena.
 */
const FovShader *fov_gpu_find_shader (FovGpu *gpu, const char *name, gboolean far);
/** Made once per (shader, constants) and device; owned by the device. */
gboolean fov_gpu_pipeline (FovGpu *gpu, const FovShader *shader, const guint32 *spec, guint n_spec,
                           VkPipeline *pipeline, GError **error);
gboolean fov_cache_open (FovGpu *gpu, GError **error);
void fov_cache_save (FovGpu *gpu);
void fov_cache_close (FovGpu *gpu);

/** Names shader and constants; a kernel is that. g_free it. */
char *fov_kernel_name (const FovShader *shader, const guint32 *spec, guint n_spec);

/* ---- verdict.c -------------------------------------------------------- */

void fov_verdicts_open (FovGpu *gpu);
void fov_verdicts_close (FovGpu *gpu);
/** Whether a kernel of this shader gave wrong results. */
gboolean fov_verdicts_wrong (FovGpu *gpu, const char *shader);

/* ---- program.c, record.c, run.c --------------------------------------- */

typedef enum {
    FOV_CMD_DISPATCH,
    FOV_CMD_COPY_INPUT,
    FOV_CMD_COPY_OUTPUT,
    FOV_CMD_HOST,
} FovCommandKind;

typedef struct {
    FovCommandKind kind;
    gboolean overlap;
    guint label;
    guint x, y, z;
    const FovShader *shader;
    guint32 spec[FOV_MAX_SPEC];
    guint n_spec;
    guint8 push[FOV_PUSH_BYTES];
    guint push_bytes;
    VkPipeline pipeline;
    guint index; /* copies: of the input or output */
    gsize offset, bytes;
    FovGpuHostFunc host;
    gpointer host_data;
} FovCommand;

typedef struct {
    char *op, *name;
} FovLabel;

typedef struct {
    gpointer data;
    gsize bytes;
    guint32 offset;
} FovConstant;

typedef struct {
    FovBuffer in, out;
    VkDescriptorSet set;
    VkCommandBuffer *parts; /* between work of the host: n_hosts + 1 */
    VkQueryPool queries;
    guint64 value; /* of the timeline, when the last submit is done; 0: none yet */
} FovSlot;

struct _FovGpuProgram {
    FovGpu *gpu;
    guint n_slots, n_inputs, n_outputs;
    gsize *input_bytes, *output_bytes;   /* capacity */
    gsize *input_offset, *output_offset; /* within the slot's buffers */
    gsize input_total, output_total;
    gboolean profile, finished;
    gboolean far; /* the arena is written by its address */
    FovProgress progress;
    gpointer progress_data;

    FovBuffer arena, constants; /* made by finish */
    gsize arena_bytes, scratch_bytes, scratch_used;
    gsize constant_bytes;
    GArray *constant_list; /* FovConstant, until finish */
    GArray *commands;      /* FovCommand */
    GArray *labels;        /* FovLabel */
    gboolean overlap_next, constants_failed;
    guint n_dispatches, n_hosts;

    VkCommandPool pool;
    VkCommandBuffer once; /* for work between frames */
    VkDescriptorPool descriptors;
    VkSemaphore timeline;
    guint64 last_value; /* under gpu->lock */
    FovSlot *slots;
};

/** Lays inputs and outputs out within a slot's buffers; FALSE when a sum overflows. */
gboolean fov_program_lay_out (FovGpuProgram *program, GError **error);
gboolean fov_slot_init (FovGpuProgram *program, FovSlot *slot, GError **error);
void fov_slot_clear (FovGpuProgram *program, FovSlot *slot);
/** Points the slot's descriptors at its buffers and records its commands. */
gboolean fov_slot_record (FovGpuProgram *program, FovSlot *slot, GError **error);
/** Starts commands, signals the timeline; *value is when they are done. */
gboolean fov_program_start (FovGpuProgram *program, VkCommandBuffer commands, guint64 *value,
                            GError **error);
gboolean fov_program_wait_value (FovGpuProgram *program, guint64 value, GError **error);

#endif
