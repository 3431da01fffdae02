/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu/gpu-private.h"

/* One frame: what is called while frames are in flight. Nothing here allocates. */

static gboolean
check_lost (FovGpu *gpu, GError **error)
{
    return !g_atomic_int_get (&gpu->lost) ||
           fov_gpu_check (gpu, VK_ERROR_DEVICE_LOST, "running a frame", error);
}

gboolean
fov_program_start (FovGpuProgram *program, VkCommandBuffer commands, guint64 *value, GError **error)
{
    FovGpu *gpu = program->gpu;
    VkTimelineSemaphoreSubmitInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .signalSemaphoreValueCount = 1,
        .pSignalSemaphoreValues = value,
    };
    VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = &timeline,
        .commandBufferCount = 1,
        .pCommandBuffers = &commands,
        .signalSemaphoreCount = 1,
        .pSignalSemaphores = &program->timeline,
    };
    if (!check_lost (gpu, error))
        return FALSE;
    g_mutex_lock (&gpu->lock);
    *value = program->last_value + 1;
    VkResult result = vkQueueSubmit (gpu->queue, 1, &info, VK_NULL_HANDLE);
    if (result == VK_SUCCESS)
        program->last_value = *value;
    g_mutex_unlock (&gpu->lock);
    return fov_gpu_check (gpu, result, "starting a frame", error);
}

gboolean
fov_program_wait_value (FovGpuProgram *program, guint64 value, GError **error)
{
    VkSemaphoreWaitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .semaphoreCount = 1,
        .pSemaphores = &program->timeline,
        .pValues = &value,
    };
    if (!check_lost (program->gpu, error))
        return FALSE;
    return fov_gpu_check (program->gpu, vkWaitSemaphores (program->gpu->device, &info, G_MAXUINT64),
                          "waiting for a frame", error);
}

gpointer
fov_gpu_program_input (FovGpuProgram *program, guint slot, guint index)
{
    return program->slots[slot].in.mapped + program->input_offset[index];
}

gconstpointer
fov_gpu_program_output (FovGpuProgram *program, guint slot, guint index)
{
    return program->slots[slot].out.mapped + program->output_offset[index];
}

gboolean
fov_gpu_program_submit (FovGpuProgram *program, guint slot, GError **error)
{
    if (!program->finished || !fov_gpu_program_done (program, slot)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "slot %u is %s", slot,
                     program->finished ? "still in flight" : "not recorded");
        return FALSE;
    }
    FovSlot *s = &program->slots[slot];
    return fov_program_start (program, s->parts[0], &s->value, error);
}

/* The host's work where it is due, and after each what of the program follows. */
gboolean
fov_gpu_program_wait (FovGpuProgram *program, guint slot, GError **error)
{
    FovSlot *s = &program->slots[slot];
    guint part = 0;

    if (!fov_program_wait_value (program, s->value, error))
        return FALSE;
    for (guint i = 0; program->n_hosts && i < program->commands->len; i++) {
        const FovCommand *command = &g_array_index (program->commands, FovCommand, i);
        if (command->kind != FOV_CMD_HOST)
            continue;
        if (!command->host (command->host_data, error) ||
            !fov_program_start (program, s->parts[++part], &s->value, error) ||
            !fov_program_wait_value (program, s->value, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
fov_gpu_program_done (FovGpuProgram *program, guint slot)
{
    guint64 now = 0;
    VkResult result = vkGetSemaphoreCounterValue (program->gpu->device, program->timeline, &now);
    return result != VK_SUCCESS || now >= program->slots[slot].value;
}

void
fov_gpu_program_times (FovGpuProgram *program, guint slot, FovGpuTimeFunc func, gpointer user_data)
{
    if (!program->profile || !program->slots[slot].value)
        return;
    guint n = program->n_dispatches + 1;
    g_autofree guint64 *ticks = g_new0 (guint64, n);
    if (vkGetQueryPoolResults (program->gpu->device, program->slots[slot].queries, 0, n,
                               n * sizeof (guint64), ticks, sizeof (guint64),
                               VK_QUERY_RESULT_64_BIT) != VK_SUCCESS)
        return;
    guint k = 0;
    for (guint i = 0; i < program->commands->len; i++) {
        const FovCommand *command = &g_array_index (program->commands, FovCommand, i);
        if (command->kind != FOV_CMD_DISPATCH)
            continue;
        const FovLabel *label = &g_array_index (program->labels, FovLabel, command->label);
        double ns = (double) (ticks[k + 1] - ticks[k]) * program->gpu->limits.timestamp_period;
        func (label->op, label->name, command->shader->name, ns * 1e-9, user_data);
        k++;
    }
}
