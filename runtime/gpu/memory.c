/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu/gpu-private.h"

/* The allowed type with all of `needed` and most of `wanted`; -1: none. */
static int
memory_type (FovGpu *gpu, guint32 allowed, VkMemoryPropertyFlags needed,
             VkMemoryPropertyFlags wanted)
{
    int best = -1, best_score = -1;
    for (guint i = 0; i < gpu->memory.memoryTypeCount; i++) {
        VkMemoryPropertyFlags flags = gpu->memory.memoryTypes[i].propertyFlags;
        if (!(allowed & (1u << i)) || (flags & needed) != needed)
            continue;
        int score = __builtin_popcount (flags & wanted);
        if (score > best_score) {
            best = (int) i;
            best_score = score;
        }
    }
    return best;
}

static int
memory_type_of_kind (FovGpu *gpu, guint32 allowed, FovMemoryKind kind)
{
    const VkMemoryPropertyFlags mapped =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    if (kind == FOV_MEMORY_HOST)
        return memory_type (gpu, allowed, mapped, VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
    /* Where the device's own memory is the host's, constants are written in place. */
    gboolean unified = gpu->props.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU ||
                       gpu->props.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
    int type =
        memory_type (gpu, allowed, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, unified ? mapped : 0);
    return type >= 0 ? type : memory_type (gpu, allowed, 0, 0);
}

gboolean
fov_buffer_check (FovGpu *gpu, const char *what, gsize bytes, FovMemoryKind kind, gboolean texels,
                  GError **error)
{
    guint64 limit = kind == FOV_MEMORY_FAR ? G_MAXUINT32 : gpu->limits.max_storage_range;
    if (texels)
        limit = MIN (limit, (guint64) gpu->limits.max_texel_elements * 16);
    if (bytes <= limit)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY,
                 "%s need %" G_GSIZE_FORMAT " bytes, more than the %" G_GUINT64_FORMAT
                 " that a kernel on %s can reach; use a smaller input or model, or another device",
                 what, bytes, limit, gpu->name);
    return FALSE;
}

static VkResult
allocate (FovGpu *gpu, FovBuffer *buffer, FovMemoryKind kind)
{
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements (gpu->device, buffer->vk, &needs);
    int type = memory_type_of_kind (gpu, needs.memoryTypeBits, kind);
    if (type < 0)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    VkMemoryAllocateFlagsInfo flags = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
    };
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = kind == FOV_MEMORY_FAR ? &flags : NULL,
        .allocationSize = needs.size,
        .memoryTypeIndex = (guint32) type,
    };
    VkResult result = vkAllocateMemory (gpu->device, &info, NULL, &buffer->memory);
    if (result != VK_SUCCESS)
        return result;
    fov_gpu_count_prepared (gpu);
    result = vkBindBufferMemory (gpu->device, buffer->vk, buffer->memory, 0);
    const VkMemoryPropertyFlags mapped =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    if (result == VK_SUCCESS && (gpu->memory.memoryTypes[type].propertyFlags & mapped) == mapped)
        result = vkMapMemory (gpu->device, buffer->memory, 0, VK_WHOLE_SIZE, 0,
                              (void **) &buffer->mapped);
    return result;
}

static VkResult
create_texels (FovGpu *gpu, FovBuffer *buffer)
{
    VkBufferViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
        .buffer = buffer->vk,
        .format = VK_FORMAT_R32G32B32A32_SFLOAT,
        .range = buffer->bytes,
    };
    return vkCreateBufferView (gpu->device, &info, NULL, &buffer->texels);
}

gboolean
fov_buffer_init (FovGpu *gpu, FovBuffer *buffer, const char *what, gsize bytes, FovMemoryKind kind,
                 gboolean texels, GError **error)
{
    *buffer = (FovBuffer){ .bytes = (MAX (bytes, 256) + 15) & ~(gsize) 15 };
    if (bytes > G_MAXSIZE - 256 ||
        !fov_buffer_check (gpu, what, buffer->bytes, kind, texels, error))
        return FALSE;
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = buffer->bytes,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                 VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                 (kind == FOV_MEMORY_FAR ? VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT : 0) |
                 (texels ? VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT : 0),
    };
    VkResult result = vkCreateBuffer (gpu->device, &info, NULL, &buffer->vk);
    if (result == VK_SUCCESS)
        result = allocate (gpu, buffer, kind);
    if (result == VK_SUCCESS && texels)
        result = create_texels (gpu, buffer);
    if (result == VK_SUCCESS && kind == FOV_MEMORY_FAR) {
        VkBufferDeviceAddressInfo address = {
            .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
            .buffer = buffer->vk,
        };
        buffer->address = vkGetBufferDeviceAddress (gpu->device, &address);
    }
    if (result == VK_SUCCESS)
        return TRUE;
    g_autofree char *doing =
        g_strdup_printf ("allocating %" G_GSIZE_FORMAT " bytes for %s", buffer->bytes, what);
    fov_buffer_clear (gpu, buffer);
    return fov_gpu_check (gpu, result, doing, error);
}

void
fov_buffer_clear (FovGpu *gpu, FovBuffer *buffer)
{
    vkDestroyBufferView (gpu->device, buffer->texels, NULL);
    vkDestroyBuffer (gpu->device, buffer->vk, NULL);
    vkFreeMemory (gpu->device, buffer->memory, NULL);
    *buffer = (FovBuffer){ 0 };
}
