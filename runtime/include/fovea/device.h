/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_DEVICE_H
#define FOVEA_DEVICE_H

#include <fovea/error.h>

G_BEGIN_DECLS

/** A place where networks run. Reference counted; thread safe. */
typedef struct _FovDevice FovDevice;

typedef enum {
    FOV_DEVICE_REFERENCE, /**< the readable C reference: slow, the oracle */
    FOV_DEVICE_HOST,      /**< vectorised C on all cores */
    FOV_DEVICE_VULKAN,    /**< compute shaders */
} FovDeviceKind;

/**
 * Opens a device by name:
 *   "auto" (or NULL)    a real GPU if there is one that can, else "cpu"
 *   "gpu", "gpu:N"      the N-th real (discrete, integrated or virtual) GPU
 *   "vulkan[:N]"        the N-th Vulkan device of any type, lavapipe included
 *   "vulkan:TEXT"       the first Vulkan device whose name contains TEXT
 *   "cpu", "cpu:N"      the host executor with N threads (default: all cores)
 *   "reference"         the reference functions
 * Fails with FOV_ERROR_DEVICE that lists what is there. Blocks (driver
 * start-up, up to a second).
 */
FOV_API FovDevice *fov_device_open (const char *spec, GError **error);
FOV_API FovDevice *fov_device_ref (FovDevice *device);
FOV_API void fov_device_unref (FovDevice *device);

FOV_API FovDeviceKind fov_device_kind (FovDevice *device);
/** For people: "NVIDIA H200 (vulkan)", "host AVX-512, 2 threads". */
FOV_API const char *fov_device_name (FovDevice *device);

/** One line of fov_device_list. */
typedef struct {
    char *spec; /**< what fov_device_open takes */
    char *name;
    char *detail; /**< driver, memory, tiers (fp16, int8, ...) */
    gboolean real_gpu;
} FovDeviceInfo;

/** All devices, element type FovDeviceInfo, cleared with the array; free with g_array_unref. */
FOV_API GArray *fov_device_list (void);

/** Called now and then during long work; fraction 0..1. From any thread. */
typedef void (*FovProgress) (const char *what, double fraction, gpointer user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovDevice, fov_device_unref)

G_END_DECLS

#endif
