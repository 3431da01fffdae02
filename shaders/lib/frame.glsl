/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_FRAME_GLSL
#define FOV_FRAME_GLSL

/* Words of a FovFrameInfo (runtime/ops/frame.h). */
#define FRAME_KIND 0
#define FRAME_PIXEL_BYTES 1
#define FRAME_OFFSET 2 /* two words each, the low one first */
#define FRAME_STRIDE 8
#define FRAME_LIMITS 11
#define FRAME_INNER 15
#define FRAME_START_X 19
#define FRAME_STEP_X 20
#define FRAME_START_Y 21
#define FRAME_STEP_Y 22
#define FRAME_MATRIX 23
#define FRAME_THRESHOLD 35
#define FRAME_IOU 36
#define FRAME_AGNOSTIC 37

#define FRAME_KIND_SEMIPLANAR 1
#define FRAME_KIND_PACKED 3

int frame_int (int word)
{
    return int (inputs[word]);
}

float frame_float (int word)
{
    return uintBitsToFloat (inputs[word]);
}

#endif
