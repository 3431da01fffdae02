/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_DETECT_JSON_H
#define FOVEA_TOOLS_DETECT_JSON_H

#include "picture.h"
#include "scene.h"

#include <stdio.h>

/** Writes a line of JSON in gvametaconvert's schema, with "track" and "ended" of tracks. */
void write_scene_json (const Scene *scene, const Picture *picture, FovLabels *labels, FILE *out);

#endif
