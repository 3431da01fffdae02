/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "gpu/gpu-private.h"

/* ---- one slot's buffers and descriptors ------------------------------- */

static gboolean
init_buffers (FovGpuProgram *program, FovSlot *slot, GError **error)
{
    FovGpu *gpu = program->gpu;
    if (!slot->in.vk && !fov_buffer_init (gpu, &slot->in, "a frame's inputs", program->input_total,
                                          FOV_MEMORY_HOST, FALSE, error))
        return FALSE;
    if (!slot->out.vk && !fov_buffer_init (gpu, &slot->out, "a frame's outputs",
                                           program->output_total, FOV_MEMORY_HOST, FALSE, error))
        return FALSE;
    memset (slot->in.mapped, 0, slot->in.bytes);
    return TRUE;
}

gboolean
fov_slot_init (FovGpuProgram *program, FovSlot *slot, GError **error)
{
    FovGpu *gpu = program->gpu;
    VkDescriptorSetAllocateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = program->descriptors,
        .descriptorSetCount = 1,
        .pSetLayouts = &gpu->set_layout,
    };
    VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = program->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = program->n_hosts + 1,
    };
    VkQueryPoolCreateInfo queries = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = program->n_dispatches + 1,
    };
    if (!init_buffers (program, slot, error))
        return FALSE;
    slot->parts = g_new0 (VkCommandBuffer, program->n_hosts + 1);
    VkResult result = vkAllocateDescriptorSets (gpu->device, &set, &slot->set);
    if (result == VK_SUCCESS)
        result = vkAllocateCommandBuffers (gpu->device, &commands, slot->parts);
    if (result == VK_SUCCESS && program->profile)
        result = vkCreateQueryPool (gpu->device, &queries, NULL, &slot->queries);
    fov_gpu_count_prepared (gpu);
    return fov_gpu_check (gpu, result, "preparing a frame's slot", error);
}

void
fov_slot_clear (FovGpuProgram *program, FovSlot *slot)
{
    FovGpu *gpu = program->gpu;
    fov_buffer_clear (gpu, &slot->in);
    fov_buffer_clear (gpu, &slot->out);
    vkDestroyQueryPool (gpu->device, slot->queries, NULL);
    g_free (slot->parts);
}

static void
write_descriptors (FovGpuProgram *program, FovSlot *slot)
{
    FovBuffer *buffers[FOV_N_BINDINGS] = { &program->arena,     &program->arena,
                                           &program->constants, &program->constants,
                                           &slot->in,           &slot->out };
    VkDescriptorBufferInfo infos[FOV_N_BINDINGS];
    VkWriteDescriptorSet writes[FOV_N_BINDINGS];
    for (guint i = 0; i < FOV_N_BINDINGS; i++) {
        gboolean texels = i == 1 || i == 3;
        /* What of a large arena is behind that, kernels reach by its address. */
        gsize most = program->gpu->limits.max_storage_range;
        infos[i] = (VkDescriptorBufferInfo){ buffers[i]->vk, 0, MIN (buffers[i]->bytes, most) };
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = slot->set,
            .dstBinding = i,
            .descriptorCount = 1,
            .descriptorType = texels ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                     : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = texels ? NULL : &infos[i],
            .pTexelBufferView = texels ? &buffers[i]->texels : NULL,
        };
    }
    vkUpdateDescriptorSets (program->gpu->device, FOV_N_BINDINGS, writes, 0, NULL);
    fov_gpu_count_prepared (program->gpu);
}

/* ---- commands --------------------------------------------------------- */

static void
barrier (VkCommandBuffer commands, gboolean to_host)
{
    const VkAccessFlags all = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                              VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    const VkPipelineStageFlags work =
        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    VkMemoryBarrier memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = to_host ? VK_ACCESS_HOST_READ_BIT : all,
    };
    vkCmdPipelineBarrier (commands, work, to_host ? VK_PIPELINE_STAGE_HOST_BIT : work, 0, 1,
                          &memory, 0, NULL, 0, NULL);
}

static void
record_copy (FovGpuProgram *program, FovSlot *slot, VkCommandBuffer commands,
             const FovCommand *command)
{
    gboolean in = command->kind == FOV_CMD_COPY_INPUT;
    gsize frame =
        in ? program->input_offset[command->index] : program->output_offset[command->index];
    VkBufferCopy region = {
        .srcOffset = in ? frame : command->offset,
        .dstOffset = in ? command->offset : frame,
        .size = command->bytes,
    };
    vkCmdCopyBuffer (commands, in ? slot->in.vk : program->arena.vk,
                     in ? program->arena.vk : slot->out.vk, 1, &region);
}

static void
record_dispatch (FovGpuProgram *program, VkCommandBuffer commands, const FovCommand *command,
                 const guint groups[3])
{
    vkCmdBindPipeline (commands, VK_PIPELINE_BIND_POINT_COMPUTE, command->pipeline);
    if (program->far)
        vkCmdPushConstants (commands, program->gpu->layout, VK_SHADER_STAGE_COMPUTE_BIT,
                            FOV_ADDRESS_AT, sizeof program->arena.address, &program->arena.address);
    if (command->push_bytes)
        vkCmdPushConstants (commands, program->gpu->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                            command->push_bytes, command->push);
    vkCmdDispatch (commands, groups[0], groups[1], groups[2]);
}

/* From command `at` up to work of the host or the end, which is returned; n: timestamps so far. */
static guint
record_part (FovGpuProgram *program, FovSlot *slot, VkCommandBuffer commands, guint at, guint *n)
{
    const guint first = at;

    if (program->profile && first == 0) {
        vkCmdResetQueryPool (commands, slot->queries, 0, program->n_dispatches + 1);
        vkCmdWriteTimestamp (commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, slot->queries, (*n)++);
    }
    vkCmdBindDescriptorSets (commands, VK_PIPELINE_BIND_POINT_COMPUTE, program->gpu->layout, 0, 1,
                             &slot->set, 0, NULL);
    for (; at < program->commands->len; at++) {
        const FovCommand *command = &g_array_index (program->commands, FovCommand, at);
        if (command->kind == FOV_CMD_HOST)
            break;
        /* The first one waits for the frame before, which used the same arena. Validation sees
         * whole buffers, so to it kernels that overlap would always be in conflict. */
        if (at == first || !command->overlap || program->gpu->instance.validation)
            barrier (commands, FALSE);
        if (command->kind != FOV_CMD_DISPATCH) {
            record_copy (program, slot, commands, command);
            continue;
        }
        record_dispatch (program, commands, command,
                         (guint[]){ command->x, command->y, command->z });
        if (program->profile)
            vkCmdWriteTimestamp (commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, slot->queries,
                                 (*n)++);
    }
    barrier (commands, TRUE);
    return at;
}

gboolean
fov_slot_record (FovGpuProgram *program, FovSlot *slot, GError **error)
{
    VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
    VkResult result = VK_SUCCESS;
    guint at = 0, n = 0;

    write_descriptors (program, slot);
    for (guint i = 0; i <= program->n_hosts && result == VK_SUCCESS; i++, at++) {
        result = vkBeginCommandBuffer (slot->parts[i], &begin);
        if (result != VK_SUCCESS)
            break;
        at = record_part (program, slot, slot->parts[i], at, &n);
        result = vkEndCommandBuffer (slot->parts[i]);
    }
    fov_gpu_count_prepared (program->gpu);
    return fov_gpu_check (program->gpu, result, "recording a frame's commands", error);
}

/* ---- one-time work ---------------------------------------------------- */

typedef void (*OnceFunc) (FovGpuProgram *program, VkCommandBuffer commands, gconstpointer data);

/* Records with func, runs and waits. */
static gboolean
run_once (FovGpuProgram *program, OnceFunc func, gconstpointer data, GError **error)
{
    VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = program->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    guint64 value;
    VkResult result =
        program->once ? VK_SUCCESS
                      : vkAllocateCommandBuffers (program->gpu->device, &commands, &program->once);
    if (result == VK_SUCCESS)
        result = vkBeginCommandBuffer (program->once, &begin);
    if (result == VK_SUCCESS) {
        barrier (program->once, FALSE);
        func (program, program->once, data);
        barrier (program->once, FALSE);
        barrier (program->once, TRUE);
        result = vkEndCommandBuffer (program->once);
    }
    return fov_gpu_check (program->gpu, result, "recording work between frames", error) &&
           fov_program_start (program, program->once, &value, error) &&
           fov_program_wait_value (program, value, error);
}

static void
record_upload (FovGpuProgram *program, VkCommandBuffer commands, gconstpointer data)
{
    const FovBuffer *staging = data;
    VkBufferCopy region = { 0, 0, staging->bytes };
    vkCmdFillBuffer (commands, program->arena.vk, 0, VK_WHOLE_SIZE, 0);
    if (staging->vk)
        vkCmdCopyBuffer (commands, staging->vk, program->constants.vk, 1, &region);
}

static gboolean
upload (FovGpuProgram *program, GError **error)
{
    FovGpu *gpu = program->gpu;
    FovBuffer staging = { 0 };
    if (!program->constants.mapped &&
        !fov_buffer_init (gpu, &staging, "uploading constants", program->constant_bytes,
                          FOV_MEMORY_HOST, FALSE, error))
        return FALSE;
    guint8 *to = program->constants.mapped ? program->constants.mapped : staging.mapped;
    memset (to, 0, program->constants.bytes);
    for (guint i = 0; i < program->constant_list->len; i++) {
        const FovConstant *constant = &g_array_index (program->constant_list, FovConstant, i);
        memcpy (to + constant->offset, constant->data, constant->bytes);
    }
    gboolean ok = run_once (program, record_upload, &staging, error);
    fov_buffer_clear (gpu, &staging);
    g_array_set_size (program->constant_list, 0);
    return ok;
}

/* ---- the arena from outside -------------------------------------------- */

typedef struct {
    const FovBuffer *staging;
    const FovGpuPiece *pieces;
    guint n;
    gboolean to_arena;
} Transfer;

static void
record_transfer (FovGpuProgram *program, VkCommandBuffer commands, gconstpointer data)
{
    const Transfer *t = data;
    VkBuffer arena = program->arena.vk, staging = t->staging->vk;
    gsize at = 0;

    for (guint i = 0; i < t->n; i++) {
        VkBufferCopy region = {
            .srcOffset = t->to_arena ? at : t->pieces[i].offset,
            .dstOffset = t->to_arena ? t->pieces[i].offset : at,
            .size = t->pieces[i].bytes,
        };
        if (region.size)
            vkCmdCopyBuffer (commands, t->to_arena ? staging : arena, t->to_arena ? arena : staging,
                             1, &region);
        at += t->pieces[i].bytes;
    }
}

static void
copy_pieces (guint8 *staging, const FovGpuPiece *pieces, guint n, gboolean to_staging)
{
    for (guint i = 0; i < n; i++) {
        if (to_staging)
            memcpy (staging, pieces[i].data, pieces[i].bytes);
        else
            memcpy (pieces[i].data, staging, pieces[i].bytes);
        staging += pieces[i].bytes;
    }
}

gboolean
fov_gpu_program_transfer (FovGpuProgram *program, const FovGpuPiece *pieces, guint n,
                          gboolean to_arena, GError **error)
{
    FovBuffer staging = { 0 };
    Transfer t = { &staging, pieces, n, to_arena };
    gsize total = 0;
    gboolean ok;

    for (guint i = 0; i < n; i++)
        total += pieces[i].bytes;
    if (!fov_buffer_init (program->gpu, &staging, "copying values", total, FOV_MEMORY_HOST, FALSE,
                          error))
        return FALSE;
    if (to_arena)
        copy_pieces (staging.mapped, pieces, n, TRUE);
    ok = run_once (program, record_transfer, &t, error);
    if (ok && !to_arena)
        copy_pieces (staging.mapped, pieces, n, FALSE);
    fov_buffer_clear (program->gpu, &staging);
    return ok;
}

/* ---- first frames ------------------------------------------------------- */

/* On zeros: what the kernel before left there would be read as counts and positions. */
static void
record_warm_up (FovGpuProgram *program, VkCommandBuffer commands, gconstpointer data)
{
    vkCmdFillBuffer (commands, program->arena.vk, 0, VK_WHOLE_SIZE, 0);
    barrier (commands, FALSE);
    vkCmdBindDescriptorSets (commands, VK_PIPELINE_BIND_POINT_COMPUTE, program->gpu->layout, 0, 1,
                             &program->slots[0].set, 0, NULL);
    record_dispatch (program, commands, data, (guint[]){ 1, 1, 1 });
}

static guint
count_kernels (FovGpuProgram *program)
{
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
    for (guint i = 0; i < program->commands->len; i++)
        if (g_array_index (program->commands, FovCommand, i).pipeline)
            g_hash_table_add (seen,
                              (gpointer) g_array_index (program->commands, FovCommand, i).pipeline);
    return g_hash_table_size (seen);
}

/* Makes every pipeline and runs a workgroup of each: some drivers compile only then. */
static gboolean
make_pipelines (FovGpuProgram *program, GError **error)
{
    g_autoptr (GHashTable) warm = g_hash_table_new (NULL, NULL);
    guint n = program->commands->len;
    for (guint i = 0; i < n; i++) {
        FovCommand *command = &g_array_index (program->commands, FovCommand, i);
        if (command->kind != FOV_CMD_DISPATCH)
            continue;
        if (!fov_gpu_pipeline (program->gpu, command->shader, command->spec, command->n_spec,
                               &command->pipeline, error))
            return FALSE;
        if (!g_hash_table_add (warm, (gpointer) command->pipeline))
            continue;
        if (!run_once (program, record_warm_up, command, error))
            return FALSE;
        if (program->progress) {
            g_autofree char *what =
                g_strdup_printf ("preparing kernels: %u, %s", g_hash_table_size (warm),
                                 command->shader->name);
            program->progress (what, (double) (i + 1) / (n + 1), program->progress_data);
        }
    }
    return TRUE;
}

static gboolean
run_first_frame (FovGpuProgram *program, GError **error)
{
    /* The host's work would be asked to make sense of zeros. */
    if (!program->n_hosts &&
        (!fov_gpu_program_submit (program, 0, error) || !fov_gpu_program_wait (program, 0, error)))
        return FALSE;
    if (program->progress)
        program->progress ("preparing kernels: done", 1, program->progress_data);
    g_debug ("%s: %u dispatches of %u kernels", program->gpu->name, program->n_dispatches,
             count_kernels (program));
    return TRUE;
}

gboolean
fov_gpu_program_finish (FovGpuProgram *program, GError **error)
{
    FovGpu *gpu = program->gpu;
    if (program->constants_failed) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY,
                     "no memory for the model's constants, or more than 4 GiB of them");
        return FALSE;
    }
    if (!fov_buffer_init (gpu, &program->arena, "the activations",
                          program->arena_bytes + program->scratch_bytes,
                          program->far ? FOV_MEMORY_FAR : FOV_MEMORY_DEVICE, TRUE, error) ||
        !fov_buffer_init (gpu, &program->constants, "the model's constants",
                          program->constant_bytes, FOV_MEMORY_DEVICE, TRUE, error))
        return FALSE;
    for (guint i = 0; i < program->n_slots; i++)
        if (!fov_slot_init (program, &program->slots[i], error))
            return FALSE;
    write_descriptors (program, &program->slots[0]);
    if (!upload (program, error) || !make_pipelines (program, error))
        return FALSE;
    for (guint i = 0; i < program->n_slots; i++)
        if (!fov_slot_record (program, &program->slots[i], error))
            return FALSE;
    program->finished = TRUE;
    fov_cache_save (gpu);
    return run_first_frame (program, error);
}

gboolean
fov_gpu_program_reserve_input (FovGpuProgram *program, guint index, gsize bytes, GError **error)
{
    if (index >= program->n_inputs || (index && bytes > program->input_bytes[index])) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "input %u can not grow to %" G_GSIZE_FORMAT " bytes: only input 0 may", index,
                     bytes);
        return FALSE;
    }
    if (bytes <= program->input_bytes[index])
        return TRUE;
    if (!fov_program_wait_value (program, program->last_value, error))
        return FALSE;
    program->input_bytes[index] = bytes;
    if (!fov_program_lay_out (program, error))
        return FALSE;
    for (guint i = 0; i < program->n_slots; i++) {
        FovSlot *slot = &program->slots[i];
        fov_buffer_clear (program->gpu, &slot->in);
        if (!init_buffers (program, slot, error) || !fov_slot_record (program, slot, error))
            return FALSE;
    }
    return TRUE;
}
