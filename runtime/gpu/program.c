/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "gpu/gpu-private.h"

/* Constants start behind 64 zero bytes, as the arena does. */
enum { FIRST_CONSTANT = 64, INPUT_ALIGN = 256 };

static void
clear_label (gpointer p)
{
    FovLabel *label = p;
    g_free (label->op);
    g_free (label->name);
}

static void
clear_constant (gpointer p)
{
    g_free (((FovConstant *) p)->data);
}

/* ---- making ----------------------------------------------------------- */

static gboolean
add_aligned (gsize *total, gsize bytes)
{
    gsize sum;
    if (__builtin_add_overflow (*total, bytes, &sum) || sum > G_MAXSIZE - INPUT_ALIGN)
        return FALSE;
    *total = (sum + INPUT_ALIGN - 1) & ~(gsize) (INPUT_ALIGN - 1);
    return TRUE;
}

gboolean
fov_program_lay_out (FovGpuProgram *program, GError **error)
{
    gboolean fits = TRUE;
    program->input_total = program->output_total = 0;
    /* Input 0 lies last: it may grow without moving what kernels were told. */
    for (guint i = 1; i <= program->n_inputs; i++) {
        guint k = i % program->n_inputs;
        program->input_offset[k] = program->input_total;
        fits = fits && add_aligned (&program->input_total, program->input_bytes[k]);
    }
    for (guint i = 0; i < program->n_outputs; i++) {
        program->output_offset[i] = program->output_total;
        fits = fits && add_aligned (&program->output_total, program->output_bytes[i]);
    }
    if (!fits)
        g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY,
                     "the inputs or outputs of one frame are too large to address");
    return fits;
}

static gboolean
create_objects (FovGpuProgram *program, GError **error)
{
    FovGpu *gpu = program->gpu;
    VkSemaphoreTypeCreateInfo type = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
    };
    VkSemaphoreCreateInfo semaphore = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
        .pNext = &type,
    };
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = gpu->family,
    };
    VkDescriptorPoolSize sizes[] = {
        { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 4 * program->n_slots },
        { VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, 2 * program->n_slots },
    };
    VkDescriptorPoolCreateInfo descriptors = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = program->n_slots,
        .poolSizeCount = G_N_ELEMENTS (sizes),
        .pPoolSizes = sizes,
    };
    VkResult result = vkCreateSemaphore (gpu->device, &semaphore, NULL, &program->timeline);
    if (result == VK_SUCCESS)
        result = vkCreateCommandPool (gpu->device, &pool, NULL, &program->pool);
    if (result == VK_SUCCESS)
        result = vkCreateDescriptorPool (gpu->device, &descriptors, NULL, &program->descriptors);
    return fov_gpu_check (gpu, result, "making a program", error);
}

FovGpuProgram *
fov_gpu_program_new (FovGpu *gpu, const FovGpuProgramParams *params, GError **error)
{
    FovGpuProgram *program = g_new0 (FovGpuProgram, 1);
    program->gpu = fov_gpu_ref (gpu);
    program->n_slots = MAX (params->n_slots, 1);
    program->n_inputs = params->n_inputs;
    program->n_outputs = params->n_outputs;
    program->input_bytes = g_new0 (gsize, params->n_inputs + 1);
    program->output_bytes = g_new0 (gsize, params->n_outputs + 1);
    program->input_offset = g_new0 (gsize, params->n_inputs + 1);
    program->output_offset = g_new0 (gsize, params->n_outputs + 1);
    if (params->n_inputs)
        memcpy (program->input_bytes, params->input_bytes, params->n_inputs * sizeof (gsize));
    if (params->n_outputs)
        memcpy (program->output_bytes, params->output_bytes, params->n_outputs * sizeof (gsize));
    program->profile = params->profile && gpu->limits.timestamp_period > 0;
    program->progress = params->progress;
    program->progress_data = params->progress_data;
    program->constant_bytes = FIRST_CONSTANT;
    program->constant_list = g_array_new (FALSE, FALSE, sizeof (FovConstant));
    g_array_set_clear_func (program->constant_list, clear_constant);
    program->commands = g_array_new (FALSE, TRUE, sizeof (FovCommand));
    program->labels = g_array_new (FALSE, FALSE, sizeof (FovLabel));
    g_array_set_clear_func (program->labels, clear_label);
    program->slots = g_new0 (FovSlot, program->n_slots);
    fov_gpu_program_set_label (program, "", "");

    program->arena_bytes = (params->arena_bytes + 63) & ~(gsize) 63;
    /* Half: there is scratch memory to come. */
    program->far = gpu->limits.far && (program->arena_bytes > gpu->limits.max_storage_range / 2 ||
                                       g_getenv ("FOVEA_FAR"));

    if (!fov_buffer_check (gpu, "the activations", program->arena_bytes,
                           program->far ? FOV_MEMORY_FAR : FOV_MEMORY_DEVICE, TRUE, error) ||
        !fov_program_lay_out (program, error) || !create_objects (program, error)) {
        fov_gpu_program_free (program);
        return NULL;
    }
    return program;
}

void
fov_gpu_program_free (FovGpuProgram *program)
{
    if (!program)
        return;
    FovGpu *gpu = program->gpu;
    /* Nothing is freed that a frame still uses; a lost device is done with all. */
    if (program->timeline && program->last_value)
        fov_program_wait_value (program, program->last_value, NULL);
    for (guint i = 0; i < program->n_slots; i++)
        fov_slot_clear (program, &program->slots[i]);
    fov_buffer_clear (gpu, &program->arena);
    fov_buffer_clear (gpu, &program->constants);
    vkDestroyDescriptorPool (gpu->device, program->descriptors, NULL);
    vkDestroyCommandPool (gpu->device, program->pool, NULL);
    vkDestroySemaphore (gpu->device, program->timeline, NULL);
    g_array_unref (program->constant_list);
    g_array_unref (program->commands);
    g_array_unref (program->labels);
    g_free (program->slots);
    g_free (program->input_bytes);
    g_free (program->output_bytes);
    g_free (program->input_offset);
    g_free (program->output_offset);
    g_free (program);
    fov_gpu_unref (gpu);
}

FovGpu *
fov_gpu_program_gpu (FovGpuProgram *program)
{
    return program->gpu;
}

/* ---- constants -------------------------------------------------------- */

gpointer
fov_gpu_program_reserve_constant (FovGpuProgram *program, gsize bytes, guint32 *offset)
{
    FovConstant constant = {
        .data = g_try_malloc0 (MAX (bytes, 16)),
        .bytes = bytes,
        .offset = (guint32) program->constant_bytes,
    };
    gsize total = program->constant_bytes + bytes;
    if (!constant.data || bytes > G_MAXUINT32 || total > G_MAXUINT32 - 16) {
        g_free (constant.data);
        program->constants_failed = TRUE; /* said by fov_gpu_program_finish */
        return NULL;
    }
    program->constant_bytes = (total + 15) & ~(gsize) 15;
    g_array_append_val (program->constant_list, constant);
    *offset = constant.offset;
    return constant.data;
}

guint32
fov_gpu_program_add_constant (FovGpuProgram *program, gconstpointer data, gsize bytes)
{
    guint32 offset = 0;
    gpointer room = fov_gpu_program_reserve_constant (program, bytes, &offset);
    if (room)
        memcpy (room, data, bytes);
    return room ? offset : 0;
}

gsize
fov_gpu_program_constant_bytes (FovGpuProgram *program)
{
    return program->constant_bytes;
}

gsize
fov_gpu_program_scratch (FovGpuProgram *program, gsize bytes)
{
    gsize offset = program->arena_bytes + program->scratch_used;

    program->scratch_used += (bytes + 63) & ~(gsize) 63;
    program->scratch_bytes = MAX (program->scratch_bytes, program->scratch_used);
    return offset;
}

/* ---- commands --------------------------------------------------------- */

guint
fov_gpu_program_set_label (FovGpuProgram *program, const char *op, const char *name)
{
    FovLabel label = { g_strdup (op), g_strdup (name) };
    g_array_append_val (program->labels, label);
    program->scratch_used = 0;
    return program->labels->len - 1;
}

GPtrArray *
fov_gpu_program_kernels (FovGpuProgram *program, guint label)
{
    GPtrArray *kernels = g_ptr_array_new_with_free_func (g_free);

    for (guint i = 0; i < program->commands->len; i++) {
        const FovCommand *c = &g_array_index (program->commands, FovCommand, i);
        if (c->label != label || c->kind != FOV_CMD_DISPATCH)
            continue;
        g_autofree char *name = fov_kernel_name (c->shader, c->spec, c->n_spec);
        if (!g_ptr_array_find_with_equal_func (kernels, name, g_str_equal, NULL))
            g_ptr_array_add (kernels, g_steal_pointer (&name));
    }
    return kernels;
}

gsize
fov_gpu_program_input_offset (FovGpuProgram *program, guint index)
{
    return program->input_offset[index];
}

void
fov_gpu_program_overlap (FovGpuProgram *program)
{
    program->overlap_next = TRUE;
}

static gboolean
check_groups (FovGpuProgram *program, const char *shader, const guint groups[3], GError **error)
{
    const guint32 *most = program->gpu->props.limits.maxComputeWorkGroupCount;
    for (guint i = 0; i < 3; i++) {
        if (groups[i] >= 1 && groups[i] <= most[i])
            continue;
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "kernel %s needs %u workgroups along %c, %s takes 1..%u", shader, groups[i],
                     "xyz"[i], program -> gpu -> name, most[i]);
        return FALSE;
    }
    return TRUE;
}

gboolean
fov_gpu_program_dispatch (FovGpuProgram *program, const char *shader, const guint32 *spec,
                          guint n_spec, gconstpointer push, gsize push_bytes, guint gx, guint gy,
                          guint gz, GError **error)
{
    FovCommand command = {
        .kind = FOV_CMD_DISPATCH,
        .overlap = program->overlap_next,
        .label = program->labels->len - 1,
        .x = gx,
        .y = gy,
        .z = gz,
        .shader = fov_gpu_find_shader (program->gpu, shader, program->far),
        .n_spec = n_spec,
        .push_bytes = (guint) push_bytes,
    };
    program->overlap_next = FALSE;
    if (!command.shader || n_spec > FOV_MAX_SPEC || push_bytes > FOV_ADDRESS_AT || push_bytes % 4) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "kernel '%s' with %u constants and %" G_GSIZE_FORMAT
                     " bytes of push constants: there is none, or more than %d and %d",
                     shader, n_spec, push_bytes, FOV_MAX_SPEC, FOV_ADDRESS_AT);
        return FALSE;
    }
    if (!check_groups (program, shader, (guint[]){ gx, gy, gz }, error))
        return FALSE;
    if (n_spec)
        memcpy (command.spec, spec, n_spec * sizeof (guint32));
    if (push_bytes)
        memcpy (command.push, push, push_bytes);
    g_array_append_val (program->commands, command);
    program->n_dispatches++;
    return TRUE;
}

static void
add_copy (FovGpuProgram *program, FovCommandKind kind, guint index, gsize offset, gsize bytes)
{
    FovCommand command = {
        .kind = kind,
        .label = program->labels->len - 1,
        .index = index,
        .offset = offset,
        .bytes = bytes,
    };
    if (bytes)
        g_array_append_val (program->commands, command);
}

void
fov_gpu_program_copy_input (FovGpuProgram *program, guint index, gsize arena_offset, gsize bytes)
{
    add_copy (program, FOV_CMD_COPY_INPUT, index, arena_offset, bytes);
}

void
fov_gpu_program_copy_output (FovGpuProgram *program, guint index, gsize arena_offset, gsize bytes)
{
    add_copy (program, FOV_CMD_COPY_OUTPUT, index, arena_offset, bytes);
}

void
fov_gpu_program_add_host (FovGpuProgram *program, FovGpuHostFunc func, gpointer data)
{
    FovCommand command = {
        .kind = FOV_CMD_HOST,
        .label = program->labels->len - 1,
        .host = func,
        .host_data = data,
    };

    g_return_if_fail (program->n_slots == 1);
    g_array_append_val (program->commands, command);
    program->n_hosts++;
}

guint8 *
fov_gpu_program_arena (FovGpuProgram *program)
{
    return program->arena.mapped;
}

guint
fov_gpu_program_n_dispatches (FovGpuProgram *program)
{
    return program->n_dispatches;
}

guint64
fov_gpu_program_n_prepared (FovGpuProgram *program)
{
    return __atomic_load_n (&program->gpu->n_prepared, __ATOMIC_RELAXED);
}
