/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "gpu/gpu-private.h"

/* ---- what a device can ------------------------------------------------ */

static gboolean
compute_family (VkPhysicalDevice physical, guint32 *family, guint32 *timestamp_bits)
{
    VkQueueFamilyProperties all[32];
    guint32 n = G_N_ELEMENTS (all);
    vkGetPhysicalDeviceQueueFamilyProperties (physical, &n, all);
    for (guint i = 0; i < n; i++) {
        if (!(all[i].queueFlags & VK_QUEUE_COMPUTE_BIT))
            continue;
        *family = i;
        *timestamp_bits = all[i].timestampValidBits;
        return TRUE;
    }
    return FALSE;
}

static gboolean
has_extension (VkPhysicalDevice physical, const char *name)
{
    guint32 n = 0;
    if (vkEnumerateDeviceExtensionProperties (physical, NULL, &n, NULL) != VK_SUCCESS)
        return FALSE;
    g_autofree VkExtensionProperties *all = g_new0 (VkExtensionProperties, n + 1);
    if (vkEnumerateDeviceExtensionProperties (physical, NULL, &n, all) < 0)
        return FALSE;
    for (guint i = 0; i < n; i++)
        if (!strcmp (all[i].extensionName, name))
            return TRUE;
    return FALSE;
}

static guint64
device_memory (VkPhysicalDevice physical)
{
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties (physical, &memory);
    guint64 most = 0;
    for (guint i = 0; i < memory.memoryHeapCount; i++)
        if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
            most = MAX (most, memory.memoryHeaps[i].size);
    return most;
}

static gboolean
texels_supported (VkPhysicalDevice physical)
{
    VkFormatProperties format;
    vkGetPhysicalDeviceFormatProperties (physical, VK_FORMAT_R32G32B32A32_SFLOAT, &format);
    return format.bufferFeatures & VK_FORMAT_FEATURE_UNIFORM_TEXEL_BUFFER_BIT;
}

gboolean
fov_physical_limits (VkPhysicalDevice physical, FovGpuLimits *limits, gboolean *shuffle,
                     gboolean *wide)
{
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 props = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &subgroup,
    };
    VkPhysicalDeviceVulkan12Features v12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
    };
    VkPhysicalDeviceVulkan11Features v11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
        .pNext = &v12,
    };
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
        .pNext = &v11,
    };
    guint32 family, timestamp_bits;
    *limits = (FovGpuLimits){ 0 };
    vkGetPhysicalDeviceProperties (physical, &props.properties);
    if (props.properties.apiVersion < VK_API_VERSION_1_2 ||
        !compute_family (physical, &family, &timestamp_bits))
        return FALSE;
    vkGetPhysicalDeviceProperties2 (physical, &props);
    vkGetPhysicalDeviceFeatures2 (physical, &features);

    const VkPhysicalDeviceLimits *l = &props.properties.limits;
    *limits = (FovGpuLimits){
        .fp16_storage = v11.storageBuffer16BitAccess,
        .fp16_math = v12.shaderFloat16,
        .int8_dot = has_extension (physical, "VK_KHR_shader_integer_dot_product") &&
                    v12.shaderInt8 && v12.storageBuffer8BitAccess,
        .cooperative_matrix = has_extension (physical, "VK_KHR_cooperative_matrix") ||
                              has_extension (physical, "VK_NV_cooperative_matrix"),
        .subgroup_size = subgroup.subgroupSize,
        .on_processor = props.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU &&
                        subgroup.subgroupSize <= 8,
        .max_storage_range = l->maxStorageBufferRange,
        .memory_bytes = device_memory (physical),
        .timestamp_period = timestamp_bits ? (double) l->timestampPeriod : 0,
        .max_texel_elements = l->maxTexelBufferElements,
        .doubles = features.features.shaderFloat64,
        .far = v12.bufferDeviceAddress,
    };
    *shuffle = subgroup.subgroupSize >= 8 &&
               (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
               (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
    *wide = limits->on_processor && features.features.shaderInt64;
    return v12.timelineSemaphore && texels_supported (physical) &&
           l->maxPushConstantsSize >= FOV_PUSH_BYTES && l->maxComputeWorkGroupInvocations >= 128;
}

/* ---- opening ---------------------------------------------------------- */

static gboolean
choose (FovGpu *gpu, FovGpuSelect select, int index, const char *match, GError **error)
{
    g_autoptr (GArray) devices = fov_instance_devices (&gpu->instance);
    g_autoptr (GString) there = g_string_new (NULL);
    int k = 0;
    for (guint i = 0; i < devices->len; i++) {
        VkPhysicalDevice physical = g_array_index (devices, VkPhysicalDevice, i);
        VkPhysicalDeviceProperties props;
        vkGetPhysicalDeviceProperties (physical, &props);
        gboolean real = fov_physical_is_real (physical);
        g_string_append_printf (there, "%s'%s'%s", there->len ? ", " : "", props.deviceName,
                                real ? "" : " (not a real GPU)");
        if (select == FOV_GPU_REAL && !real)
            continue;
        if (index >= 0 ? k++ == index : !match || strstr (props.deviceName, match)) {
            gpu->physical = physical;
            return TRUE;
        }
    }
    const char *kind = select == FOV_GPU_REAL ? "real GPU" : "Vulkan device";
    g_autofree char *which = index >= 0 ? g_strdup_printf ("number %d", index)
                                        : g_strdup_printf ("with '%s' in its name", match);
    g_set_error (error, FOV_ERROR, FOV_ERROR_DEVICE, "no %s %s; there is %s", kind, which,
                 there->len ? there->str
                            : "no Vulkan device with what Fovea needs (Vulkan 1.2, "
                              "timeline semaphores)");
    return FALSE;
}

static VkResult
create_device (FovGpu *gpu)
{
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = gpu->family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    VkPhysicalDeviceVulkan12Features v12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .timelineSemaphore = VK_TRUE,
        .bufferDeviceAddress = gpu->limits.far,
    };
    VkPhysicalDeviceFeatures features = { .shaderInt64 = gpu->has_wide,
                                          .shaderFloat64 = gpu->limits.doubles };
    VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &v12,
        .pEnabledFeatures = &features,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };
    VkResult result = vkCreateDevice (gpu->physical, &info, NULL, &gpu->device);
    if (result == VK_SUCCESS)
        vkGetDeviceQueue (gpu->device, gpu->family, 0, &gpu->queue);
    return result;
}

static VkResult
create_layouts (FovGpu *gpu)
{
    VkDescriptorSetLayoutBinding bindings[FOV_N_BINDINGS];
    for (guint i = 0; i < FOV_N_BINDINGS; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = i == 1 || i == 3 ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                               : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    VkDescriptorSetLayoutCreateInfo set_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = FOV_N_BINDINGS,
        .pBindings = bindings,
    };
    VkResult result = vkCreateDescriptorSetLayout (gpu->device, &set_info, NULL, &gpu->set_layout);
    if (result != VK_SUCCESS)
        return result;

    VkPushConstantRange range = { VK_SHADER_STAGE_COMPUTE_BIT, 0, FOV_PUSH_BYTES };
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &gpu->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &range,
    };
    return vkCreatePipelineLayout (gpu->device, &info, NULL, &gpu->layout);
}

FovGpu *
fov_gpu_open (FovGpuSelect select, int index, const char *match, GError **error)
{
    FovGpu *gpu = g_new0 (FovGpu, 1);
    guint32 timestamp_bits;
    g_atomic_ref_count_init (&gpu->refs);
    g_mutex_init (&gpu->lock);
    if (!fov_instance_open (&gpu->instance, error) || !choose (gpu, select, index, match, error))
        goto fail;

    vkGetPhysicalDeviceProperties (gpu->physical, &gpu->props);
    vkGetPhysicalDeviceMemoryProperties (gpu->physical, &gpu->memory);
    fov_physical_limits (gpu->physical, &gpu->limits, &gpu->has_shuffle, &gpu->has_wide);
    compute_family (gpu->physical, &gpu->family, &timestamp_bits);
    gpu->name = g_strdup (gpu->props.deviceName);
    /* Ways to try, on any device, what those without shuffles or doubles run, and what real GPUs
     * do. */
    if (g_getenv ("FOVEA_NO_SHUFFLE"))
        gpu->has_shuffle = FALSE;
    if (g_getenv ("FOVEA_NO_DOUBLES"))
        gpu->limits.doubles = FALSE;
    if (g_getenv ("FOVEA_WIDE_SUBGROUPS")) {
        gpu->limits.subgroup_size = MAX (gpu->limits.subgroup_size, 32);
        gpu->limits.on_processor = FALSE;
        gpu->has_wide = FALSE;
    }
    if (!fov_gpu_check (gpu, create_device (gpu), "opening the device", error) ||
        !fov_gpu_check (gpu, create_layouts (gpu), "making the descriptor layout", error) ||
        !fov_cache_open (gpu, error))
        goto fail;
    return gpu;

fail:
    fov_gpu_unref (gpu);
    return NULL;
}

FovGpu *
fov_gpu_ref (FovGpu *gpu)
{
    g_atomic_ref_count_inc (&gpu->refs);
    return gpu;
}

void
fov_gpu_unref (FovGpu *gpu)
{
    if (!gpu || !g_atomic_ref_count_dec (&gpu->refs))
        return;
    if (gpu->device) {
        fov_cache_close (gpu);
        vkDestroyPipelineLayout (gpu->device, gpu->layout, NULL);
        vkDestroyDescriptorSetLayout (gpu->device, gpu->set_layout, NULL);
        vkDestroyDevice (gpu->device, NULL);
    }
    fov_instance_close (&gpu->instance);
    g_mutex_clear (&gpu->lock);
    g_free (gpu->name);
    g_free (gpu);
}

const char *
fov_gpu_name (FovGpu *gpu)
{
    return gpu->name;
}

const FovGpuLimits *
fov_gpu_limits (FovGpu *gpu)
{
    return &gpu->limits;
}

void
fov_gpu_count_prepared (FovGpu *gpu)
{
    __atomic_fetch_add (&gpu->n_prepared, 1, __ATOMIC_RELAXED);
}

static int
error_code (VkResult result)
{
    switch (result) {
    case VK_ERROR_DEVICE_LOST:
        return FOV_ERROR_DEVICE_LOST;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
        return FOV_ERROR_MEMORY;
    default:
        return FOV_ERROR_DEVICE;
    }
}

gboolean
fov_gpu_check (FovGpu *gpu, VkResult result, const char *what, GError **error)
{
    if (result >= 0)
        return TRUE;
    int code = error_code (result);
    if (code == FOV_ERROR_DEVICE_LOST)
        g_atomic_int_set (&gpu->lost, 1);
    g_set_error (error, FOV_ERROR, code, "%s: %s: %s (VkResult %d)", gpu->name, what,
                 code == FOV_ERROR_DEVICE_LOST ? "the device was lost"
                 : code == FOV_ERROR_MEMORY    ? "out of memory"
                                               : "the driver refused",
                 result);
    return FALSE;
}
