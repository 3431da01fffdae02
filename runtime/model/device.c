/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/device.h"

#include "host/host.h"

#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 256

static FovDevice *
device_take_gpu (FovGpu *gpu)
{
    FovDevice *device = g_new0 (FovDevice, 1);

    g_atomic_ref_count_init (&device->refs);
    device->kind = FOV_DEVICE_VULKAN;
    device->gpu = gpu;
    device->name = g_strdup_printf ("%s (vulkan)", fov_gpu_name (gpu));
    return device;
}

static FovDevice *
device_new_host (guint n_threads)
{
    FovDevice *device = g_new0 (FovDevice, 1);

    g_atomic_ref_count_init (&device->refs);
    device->kind = FOV_DEVICE_HOST;
    device->n_threads = n_threads ? n_threads : MIN (g_get_num_processors (), MAX_THREADS);
    device->name = g_strdup_printf ("host %s, %u thread%s", fov_host_isa_name (), device->n_threads,
                                    device->n_threads == 1 ? "" : "s");
    return device;
}

static FovDevice *
device_new_reference (void)
{
    FovDevice *device = g_new0 (FovDevice, 1);

    g_atomic_ref_count_init (&device->refs);
    device->kind = FOV_DEVICE_REFERENCE;
    device->n_threads = 1;
    device->name = g_strdup ("reference");
    return device;
}

/* "N" after the colon; FALSE if it is no number in 0..max. */
static gboolean
parse_index (const char *text, guint64 max, guint64 *value)
{
    return g_ascii_string_to_unsigned (text, 10, 0, max, value, NULL);
}

static gboolean
wrong_spec (const char *spec, GError **error)
{
    g_set_error (
        error, FOV_ERROR, FOV_ERROR_ARGUMENT,
        "device '%s' is not known; expected auto, gpu[:N], vulkan[:N or NAME], cpu[:THREADS] "
        "or reference",
        spec);
    return FALSE;
}

static FovDevice *
open_vulkan (FovGpuSelect select, const char *spec, const char *arg, GError **error)
{
    guint64 index = 0;
    const char *match = NULL;
    FovGpu *gpu;

    if (arg && !parse_index (arg, 1000, &index)) {
        if (select == FOV_GPU_REAL || !*arg) {
            wrong_spec (spec, error);
            return NULL;
        }
        match = arg;
    }
    gpu = fov_gpu_open (select, match ? -1 : (int) index, match, error);
    return gpu ? device_take_gpu (gpu) : NULL;
}

FovDevice *
fov_device_open (const char *spec, GError **error)
{
    g_auto (GStrv) parts = NULL;
    const char *kind, *arg;
    guint64 n = 0;

    if (!spec || !*spec)
        spec = "auto";
    parts = g_strsplit (spec, ":", 2);
    kind = parts[0];
    arg = parts[1];
    if (g_str_equal (spec, "auto")) {
        g_autoptr (GError) none = NULL;
        FovGpu *gpu = fov_gpu_open (FOV_GPU_REAL, 0, NULL, &none);
        if (gpu)
            return device_take_gpu (gpu);
        g_debug ("auto device: %s; using the host", none ? none->message : "no GPU");
        return device_new_host (0);
    }
    if (g_str_equal (kind, "gpu"))
        return open_vulkan (FOV_GPU_REAL, spec, arg, error);
    if (g_str_equal (kind, "vulkan"))
        return open_vulkan (FOV_GPU_ANY, spec, arg, error);
    if (g_str_equal (spec, "reference"))
        return device_new_reference ();
    if (g_str_equal (kind, "cpu") && (!arg || (parse_index (arg, MAX_THREADS, &n) && n)))
        return device_new_host ((guint) n);
    wrong_spec (spec, error);
    return NULL;
}

FovDevice *
fov_device_ref (FovDevice *device)
{
    g_atomic_ref_count_inc (&device->refs);
    return device;
}

void
fov_device_unref (FovDevice *device)
{
    if (!device || !g_atomic_ref_count_dec (&device->refs))
        return;
    g_clear_pointer (&device->gpu, fov_gpu_unref);
    g_free (device->name);
    g_free (device);
}

FovDeviceKind
fov_device_kind (FovDevice *device)
{
    return device->kind;
}

const char *
fov_device_name (FovDevice *device)
{
    return device->name;
}

static void
info_clear (gpointer data)
{
    FovDeviceInfo *info = data;

    g_free (info->spec);
    g_free (info->name);
    g_free (info->detail);
}

GArray *
fov_device_list (void)
{
    GArray *infos = g_array_new (FALSE, TRUE, sizeof (FovDeviceInfo));
    FovDeviceInfo host = { 0 };

    g_array_set_clear_func (infos, info_clear);
    fov_gpu_list (infos);
    host.spec = g_strdup ("cpu");
    host.name = g_strdup ("host executor");
    host.detail = g_strdup_printf ("%s, %u threads, %d channels a block", fov_host_isa_name (),
                                   g_get_num_processors (), fov_host_block ());
    g_array_append_val (infos, host);
    return infos;
}
