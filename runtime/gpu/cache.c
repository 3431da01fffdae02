/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "gpu/gpu-private.h"

/*
 * Pipelines, and the driver's cache of them on disk. The file starts with a
 * SHA-256 of the rest, since drivers are not all careful with damaged data.
 */
enum { DIGEST_BYTES = 32 };

/* ---- pipelines -------------------------------------------------------- */

static int
compare_name (const void *key, const void *element)
{
    return strcmp (key, ((const FovShader *) element)->name);
}

static const FovShader *
find_shader (const char *name)
{
    return bsearch (name, fov_shader_table, fov_n_shaders, sizeof (FovShader), compare_name);
}

static const FovShader *
find_form (FovGpu *gpu, const char *name, const char *suffix)
{
    g_autofree char *full = g_strconcat (name, suffix, NULL);

    if (gpu->replaced && !strcmp (gpu->replaced->name, full))
        return gpu->replaced;
    return find_shader (full);
}

/* The best form that the device can run and that was not found wrong, else the last that there is.
 */
const FovShader *
fov_gpu_find_shader (FovGpu *gpu, const char *name, gboolean far)
{
    static const char *const near_suffixes[] = { ".wide", "", ".plain" };
    static const char *const far_suffixes[] = { ".wide.far", ".far", ".plain.far" };
    const char *const *suffixes = far ? far_suffixes : near_suffixes;
    const FovShader *found = NULL, *form;

    for (guint i = 0; i < G_N_ELEMENTS (near_suffixes); i++) {
        gboolean fits = i == 0   ? gpu->has_wide && gpu->has_shuffle
                        : i == 1 ? gpu->has_shuffle || !find_form (gpu, name, ".plain")
                                 : TRUE;
        form = fits ? find_form (gpu, name, suffixes[i]) : NULL;
        found = form ? form : found;
        if (form && !fov_verdicts_wrong (gpu, form->name))
            break;
    }
    return found;
}

void
fov_gpu_replace_shader (FovGpu *gpu, const FovShader *shader)
{
    gpu->replaced = shader;
}

char *
fov_kernel_name (const FovShader *shader, const guint32 *spec, guint n_spec)
{
    GString *name = g_string_new (shader->name);

    for (guint i = 0; i < n_spec; i++)
        g_string_append_printf (name, ",%u", spec[i]);
    return g_string_free (name, FALSE);
}

static VkResult
create_pipeline (FovGpu *gpu, const FovShader *shader, const guint32 *spec, guint n_spec,
                 VkPipeline *pipeline)
{
    VkShaderModuleCreateInfo module_info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = shader->n_words * sizeof (guint32),
        .pCode = shader->words,
    };
    VkShaderModule module;
    VkResult result = vkCreateShaderModule (gpu->device, &module_info, NULL, &module);
    if (result != VK_SUCCESS)
        return result;

    VkSpecializationMapEntry entries[FOV_MAX_SPEC];
    for (guint i = 0; i < n_spec; i++)
        entries[i] = (VkSpecializationMapEntry){ i, i * 4, 4 };
    VkSpecializationInfo constants = { n_spec, entries, n_spec * 4, spec };
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {
            .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .stage = VK_SHADER_STAGE_COMPUTE_BIT,
            .module = module,
            .pName = "main",
            .pSpecializationInfo = &constants,
        },
        .layout = gpu->layout,
    };
    result = vkCreateComputePipelines (gpu->device, gpu->cache, 1, &info, NULL, pipeline);
    vkDestroyShaderModule (gpu->device, module, NULL);
    return result;
}

gboolean
fov_gpu_pipeline (FovGpu *gpu, const FovShader *shader, const guint32 *spec, guint n_spec,
                  VkPipeline *pipeline, GError **error)
{
    g_autofree char *key = fov_kernel_name (shader, spec, n_spec);

    G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&gpu->lock);
    *pipeline = g_hash_table_lookup (gpu->pipelines, key);
    if (*pipeline)
        return TRUE;
    g_autofree char *doing = g_strdup_printf ("compiling kernel %s", key);
    VkResult result = create_pipeline (gpu, shader, spec, n_spec, pipeline);
    if (!fov_gpu_check (gpu, result, doing, error))
        return FALSE;
    fov_gpu_count_prepared (gpu);
    gpu->cache_dirty = TRUE;
    g_hash_table_insert (gpu->pipelines, g_strdup (key), *pipeline);
    return TRUE;
}

/* ---- the file --------------------------------------------------------- */

static char *
cache_path (FovGpu *gpu)
{
    VkPhysicalDeviceIDProperties id = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
    };
    VkPhysicalDeviceProperties2 props = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
        .pNext = &id,
    };
    vkGetPhysicalDeviceProperties2 (gpu->physical, &props);

    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
    g_checksum_update (sum, id.deviceUUID, VK_UUID_SIZE);
    g_checksum_update (sum, id.driverUUID, VK_UUID_SIZE);
    g_checksum_update (sum, props.properties.pipelineCacheUUID, VK_UUID_SIZE);
    g_checksum_update (sum, (const guchar *) &props.properties.driverVersion, 4);
    g_checksum_update (sum, (const guchar *) fov_shader_digest, -1);
    g_autofree char *name = g_strdup_printf ("pipelines-%.32s", g_checksum_get_string (sum));
    return g_build_filename (g_get_user_cache_dir (), "fovea", name, NULL);
}

static void
digest (const void *data, gsize bytes, guint8 out[DIGEST_BYTES])
{
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
    gsize n = DIGEST_BYTES;
    g_checksum_update (sum, data, (gssize) bytes);
    g_checksum_get_digest (sum, out, &n);
}

gboolean
fov_cache_open (FovGpu *gpu, GError **error)
{
    gpu->pipelines = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    gpu->cache_path = cache_path (gpu);
    fov_verdicts_open (gpu);

    g_autofree char *data = NULL;
    gsize bytes = 0;
    guint8 expected[DIGEST_BYTES];
    gboolean good = FALSE;
    if (g_file_get_contents (gpu->cache_path, &data, &bytes, NULL) && bytes > DIGEST_BYTES) {
        digest (data + DIGEST_BYTES, bytes - DIGEST_BYTES, expected);
        good = !memcmp (expected, data, DIGEST_BYTES);
    }
    if (data && !good)
        g_debug ("%s is damaged and will be made anew", gpu->cache_path);
    VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = good ? bytes - DIGEST_BYTES : 0,
        .pInitialData = good ? data + DIGEST_BYTES : NULL,
    };
    return fov_gpu_check (gpu, vkCreatePipelineCache (gpu->device, &info, NULL, &gpu->cache),
                          "making the pipeline cache", error);
}

/* Losing the cache costs time and nothing else, so failures are only logged. */
void
fov_cache_save (FovGpu *gpu)
{
    G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&gpu->lock);
    gsize bytes = 0;
    if (!gpu->cache_dirty ||
        vkGetPipelineCacheData (gpu->device, gpu->cache, &bytes, NULL) != VK_SUCCESS)
        return;
    g_autofree guint8 *data = g_try_malloc (bytes + DIGEST_BYTES);
    if (!data ||
        vkGetPipelineCacheData (gpu->device, gpu->cache, &bytes, data + DIGEST_BYTES) != VK_SUCCESS)
        return;
    digest (data + DIGEST_BYTES, bytes, data);
    gpu->cache_dirty = FALSE;

    g_autofree char *dir = g_path_get_dirname (gpu->cache_path);
    g_autoptr (GError) error = NULL;
    if (g_mkdir_with_parents (dir, 0755) ||
        !g_file_set_contents (gpu->cache_path, (const char *) data, (gssize) (bytes + DIGEST_BYTES),
                              &error))
        g_debug ("the pipeline cache was not kept: %s", error ? error->message : dir);
}

void
fov_cache_close (FovGpu *gpu)
{
    GHashTableIter iter;
    gpointer pipeline;
    if (!gpu->pipelines)
        return;
    g_hash_table_iter_init (&iter, gpu->pipelines);
    while (g_hash_table_iter_next (&iter, NULL, &pipeline))
        vkDestroyPipeline (gpu->device, pipeline, NULL);
    g_hash_table_unref (gpu->pipelines);
    vkDestroyPipelineCache (gpu->device, gpu->cache, NULL);
    fov_verdicts_close (gpu);
    g_free (gpu->cache_path);
}
