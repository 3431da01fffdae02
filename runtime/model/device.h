/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_MODEL_DEVICE_H
#define FOV_MODEL_DEVICE_H

#include <fovea/device.h>

#include "gpu/gpu.h"

struct _FovDevice {
    gatomicrefcount refs;
    FovDeviceKind kind;
    char *name;
    FovGpu *gpu;     /* VULKAN */
    guint n_threads; /* HOST */
};

#endif
