/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_DETECT_FAMILIES_H
#define FOV_DETECT_FAMILIES_H

#include "detect/family.h"

extern const FovFamily fov_family_yolox;
extern const FovFamily fov_family_yolov8;
extern const FovFamily fov_family_yolov5;
extern const FovFamily fov_family_yolov3;
extern const FovFamily fov_family_nanodet;
extern const FovFamily fov_family_fastestdet;
extern const FovFamily fov_family_ssd;
extern const FovFamily fov_family_endtoend;

#endif
