/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_FRAME_H
#define FOV_OPS_FRAME_H

/*
 * What a detector's graph gets with each picture, and fov.Preprocess.
 *
 * fov.Preprocess: inputs pictures U8 [N, capacity] and frames I32
 * [N, FOV_FRAME_WORDS] (each row a FovFrameInfo); output F32 [N, 3, H, W]:
 *   inside the inner rectangle  ((rgb[c] - mean[c]) * scale[c])
 *   outside                     ((pad - mean[c]) * scale[c])
 * with rgb the bilinear sample (half-pixel centres, clamped at the region's
 * edge; chroma sampled in its own plane) turned into 0..255 RGB by the frame's
 * matrix and clamped there. Channel c of the output is blue first where bgr.
 *
 * The pictures' bytes need not lie inside the first input's tensor: on the host
 * the planes of picture n are at signed offsets from the input's address.
 */
#include "graph/op.h"

#include <fovea/box.h>
#include <fovea/image.h>

typedef enum {
    FOV_FRAME_LUMA = 0,       /* plane 0 */
    FOV_FRAME_SEMIPLANAR = 1, /* plane 0, interleaved chroma in plane 1 */
    FOV_FRAME_PLANAR = 2,     /* three planes */
    FOV_FRAME_PACKED = 3,     /* pixel_bytes bytes a pixel in plane 0 */
} FovFrameKind;

/** One picture, as 32-bit words that a shader reads too (lib/frame.glsl). */
typedef struct {
    gint32 kind, pixel_bytes;
    gint64 offset[3]; /* of the planes, bytes from the picture input's address */
    gint32 stride[3];
    gint32 x_min, x_max, y_min, y_max;         /* pixels that may be sampled, inclusive */
    gint32 inner_x, inner_y, inner_w, inner_h; /* the picture's part of the output */
    float start_x, step_x, start_y, step_y;    /* source of inner pixel i: start + i * step */
    float matrix[3][4];                        /* r, g, b from three samples and 1 */
    float threshold, iou_threshold;            /* of fov.Decode and fov.Nms, 0..1 */
    gint32 class_agnostic;                     /* fov.Nms: boxes of all classes compete */
    gint32 reserved[2];
} FovFrameInfo;

#define FOV_FRAME_WORDS 40
G_STATIC_ASSERT (sizeof (FovFrameInfo) == FOV_FRAME_WORDS * 4);

typedef struct {
    gint64 width, height; /* of the output */
    gint64 bgr;           /* 1: blue is channel 0 */
    FovFloats mean, scale;
    float pad; /* 0..255 */
} FovPreprocessParams;

/**
 * Fills everything but offsets and thresholds: how to sample region of image
 * (inside it) into map's inner rectangle, with the image's own strides.
 */
void fov_frame_set_picture (FovFrameInfo *frame, const FovImage *image, FovBox region,
                            const FovLetterbox *map);

/** Row n of the frames input. */
FovFrameInfo fov_frame_get (const void *frames, gint64 n);

extern const FovHostOp fov_preprocess_host;
extern const FovGpuOp fov_preprocess_gpu;

#endif
