/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "gpu/gpu-private.h"

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

static int validation_errors; /* atomic */

guint
fov_gpu_validation_errors (void)
{
    return (guint) g_atomic_int_get (&validation_errors);
}

static VkBool32 VKAPI_CALL
on_message (VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
            const VkDebugUtilsMessengerCallbackDataEXT *data, void *user_data)
{
    /* The loader reports drivers that do not fit this machine under no name. */
    if (!(types & VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT)) {
        g_debug ("vulkan: %s", data->pMessage);
        return VK_FALSE;
    }
    g_atomic_int_inc (&validation_errors);
    g_warning ("vulkan validation: %s", data->pMessage);
    return VK_FALSE;
}

/* Asked for by FOVEA_VALIDATION=1, or by the loader's own VK_INSTANCE_LAYERS. */
static gboolean
wants_validation (void)
{
    const char *own = g_getenv ("FOVEA_VALIDATION");
    const char *layers = g_getenv ("VK_INSTANCE_LAYERS");
    return (own && *own && strcmp (own, "0") != 0) || (layers && strstr (layers, VALIDATION_LAYER));
}

static gboolean
has_layer (const char *name)
{
    guint32 n = 0;
    vkEnumerateInstanceLayerProperties (&n, NULL);
    g_autofree VkLayerProperties *layers = g_new0 (VkLayerProperties, n + 1);
    if (vkEnumerateInstanceLayerProperties (&n, layers) < 0)
        return FALSE;
    for (guint i = 0; i < n; i++)
        if (!strcmp (layers[i].layerName, name))
            return TRUE;
    return FALSE;
}

static VkResult
create_instance (FovInstance *instance)
{
    static const VkValidationFeatureEnableEXT enables[] = {
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT,
    };
    static const char *const layers[] = { VALIDATION_LAYER };
    static const char *const extensions[] = { VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
                                              VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME };
    VkApplicationInfo app = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "fovea",
        .apiVersion = VK_API_VERSION_1_2,
    };
    VkDebugUtilsMessengerCreateInfoEXT messages = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
    };
    VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
        .pNext = &messages,
        .enabledValidationFeatureCount = G_N_ELEMENTS (enables),
        .pEnabledValidationFeatures = enables,
    };
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &app,
    };
    if (instance->validation) {
        info.pNext = &features;
        info.enabledLayerCount = G_N_ELEMENTS (layers);
        info.ppEnabledLayerNames = layers;
        info.enabledExtensionCount = G_N_ELEMENTS (extensions);
        info.ppEnabledExtensionNames = extensions;
    }
    VkResult result = vkCreateInstance (&info, NULL, &instance->vk);
    if (result != VK_SUCCESS || !instance->validation)
        return result;

    PFN_vkCreateDebugUtilsMessengerEXT create = (PFN_vkCreateDebugUtilsMessengerEXT)
        vkGetInstanceProcAddr (instance->vk, "vkCreateDebugUtilsMessengerEXT");
    if (create)
        create (instance->vk, &messages, NULL, &instance->messenger);
    return VK_SUCCESS;
}

gboolean
fov_instance_open (FovInstance *instance, GError **error)
{
    *instance = (FovInstance){ .validation = wants_validation () };
    guint32 version = 0;
    if (vkEnumerateInstanceVersion (&version) != VK_SUCCESS || version < VK_API_VERSION_1_2) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_DEVICE,
                     "Vulkan's loader offers version %u.%u, needed is 1.2",
                     VK_VERSION_MAJOR (version), VK_VERSION_MINOR (version));
        return FALSE;
    }
    if (instance->validation && !has_layer (VALIDATION_LAYER)) {
        g_warning ("Vulkan validation was asked for, but the layer " VALIDATION_LAYER
                   " is not installed");
        instance->validation = FALSE;
    }
    VkResult result = create_instance (instance);
    if (result == VK_SUCCESS)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_DEVICE, "no Vulkan: %s (VkResult %d)",
                 result == VK_ERROR_INCOMPATIBLE_DRIVER ? "no driver is installed"
                                                        : "vkCreateInstance failed",
                 result);
    return FALSE;
}

void
fov_instance_close (FovInstance *instance)
{
    if (instance->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT destroy = (PFN_vkDestroyDebugUtilsMessengerEXT)
            vkGetInstanceProcAddr (instance->vk, "vkDestroyDebugUtilsMessengerEXT");
        destroy (instance->vk, instance->messenger, NULL);
    }
    if (instance->vk)
        vkDestroyInstance (instance->vk, NULL);
    *instance = (FovInstance){ 0 };
}

gboolean
fov_physical_is_real (VkPhysicalDevice physical)
{
    VkPhysicalDeviceProperties props;
    vkGetPhysicalDeviceProperties (physical, &props);
    return props.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU ||
           props.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ||
           props.deviceType == VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU;
}

GArray *
fov_instance_devices (FovInstance *instance)
{
    GArray *usable = g_array_new (FALSE, FALSE, sizeof (VkPhysicalDevice));
    guint32 n = 0;
    if (vkEnumeratePhysicalDevices (instance->vk, &n, NULL) < 0)
        return usable;
    g_autofree VkPhysicalDevice *all = g_new0 (VkPhysicalDevice, n + 1);
    if (vkEnumeratePhysicalDevices (instance->vk, &n, all) < 0)
        return usable;
    for (guint i = 0; i < n; i++) {
        FovGpuLimits limits;
        gboolean shuffle, wide;
        if (fov_physical_limits (all[i], &limits, &shuffle, &wide))
            g_array_append_val (usable, all[i]);
    }
    return usable;
}

static char *
describe (VkPhysicalDevice physical)
{
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 props = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &driver,
    };
    FovGpuLimits limits;
    gboolean shuffle, wide;
    vkGetPhysicalDeviceProperties2 (physical, &props);
    fov_physical_limits (physical, &limits, &shuffle, &wide);
    return g_strdup_printf ("%s %s, %.1f GiB%s%s%s%s", driver.driverName, driver.driverInfo,
                            (double) limits.memory_bytes / (1 << 30),
                            limits.fp16_storage ? ", fp16 storage" : "",
                            limits.fp16_math ? ", fp16" : "", limits.int8_dot ? ", int8" : "",
                            limits.cooperative_matrix ? ", cooperative matrix" : "");
}

void
fov_gpu_list (GArray *infos)
{
    FovInstance instance;
    if (!fov_instance_open (&instance, NULL))
        return;
    g_autoptr (GArray) devices = fov_instance_devices (&instance);
    guint n_real = 0;
    for (guint i = 0; i < devices->len; i++) {
        VkPhysicalDevice physical = g_array_index (devices, VkPhysicalDevice, i);
        VkPhysicalDeviceProperties props;
        vkGetPhysicalDeviceProperties (physical, &props);
        gboolean real = fov_physical_is_real (physical);
        FovDeviceInfo info = {
            .spec = real ? g_strdup_printf ("gpu:%u", n_real++) : g_strdup_printf ("vulkan:%u", i),
            .name = g_strdup (props.deviceName),
            .detail = describe (physical),
            .real_gpu = real,
        };
        g_array_append_val (infos, info);
    }
    fov_instance_close (&instance);
}
