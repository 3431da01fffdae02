/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/families.h"

/* The strictest shapes first: what comes later takes more. */
const FovFamily *const fov_families[] = {
    &fov_family_nanodet,    &fov_family_yolov8,   &fov_family_yolox,
    &fov_family_yolov3,     &fov_family_yolov5,   &fov_family_ssd,
    &fov_family_fastestdet, &fov_family_endtoend, NULL,
};
