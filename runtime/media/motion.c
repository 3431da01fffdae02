/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/media.h>

#include "vision/similarity.h"

/* Fewer blocks, or a smaller part of the picture, say nothing about the camera. */
#define LEAST_BLOCKS 16
#define LEAST_PART 0.15
/* Agreement, pixels: what encoders round vectors to, and as much as blocks of a thing that is not
 * flat differ. */
#define TOLERANCE 1.0

static gboolean
usable (const FovFrame *frame)
{
    double area = 0;

    for (guint i = 0; i < frame->n_motion; i++) {
        if (frame->motion[i].direction > 0)
            return FALSE; /* a B picture: its vectors span other pictures than the last */
        area += (double) frame->motion[i].width * frame->motion[i].height;
    }
    return frame->n_motion >= LEAST_BLOCKS &&
           area >= LEAST_PART * frame->image.width * frame->image.height;
}

gboolean
fov_frame_camera_motion (const FovFrame *frame, double m[6])
{
    const FovMotionVector *v = frame->motion;

    if (!usable (frame))
        return FALSE;
    g_autofree FovFlow *flows = g_new (FovFlow, frame->n_motion);
    for (guint i = 0; i < frame->n_motion; i++)
        flows[i] = (FovFlow){ .x = v[i].x + v[i].dx,
                              .y = v[i].y + v[i].dy,
                              .to_x = v[i].x,
                              .to_y = v[i].y,
                              .weight = (float) (v[i].width * v[i].height) };
    return fov_similarity_fit (flows, frame->n_motion, TOLERANCE, m);
}
