/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/frame.h"

#include "ops/record.h"

enum { LAYOUT_PLANAR, LAYOUT_PLANAR_4, LAYOUT_BLOCKED };

static guint
formats (const FovNode *node, int block)
{
    return FOV_CAN_PLANAR | FOV_CAN_BLOCKED;
}

/* A dispatch for each picture: so the frame's words are at constant addresses. */
static gboolean
record (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovPreprocessParams *p = step->node->params;
    const FovOperand *out = step->out[0];
    gboolean blocked = out->format.layout == FOV_BLOCKED;
    guint32 layout = blocked ? LAYOUT_BLOCKED : p->width % 4 ? LAYOUT_PLANAR : LAYOUT_PLANAR_4;
    gint64 floats = (blocked ? 4 : 3) * p->width * p->height;
    guint lanes = (guint) ((p->width + 3) / 4 * p->height);
    struct fov_push_preprocess push = {
        .pictures = (int) (fov_gpu_program_input_offset (program, step->in[0]->input) / 4),
        .width = (int) p->width,
        .height = (int) p->height,
        .pad = p->pad,
        .normalise = fov_gpu_push_normalise (p->bgr, &p->mean, &p->scale),
    };

    for (gint64 n = 0; n < out->shape.dim[0]; n++) {
        if (layout == LAYOUT_PLANAR_4 && (out->offset / 4 + n * floats) % 4)
            layout = LAYOUT_PLANAR;
        push.frame = (int) (fov_gpu_program_input_offset (program, step->in[1]->input) / 4 +
                            n * FOV_FRAME_WORDS);
        push.dst = (int) (out->offset / 4 + n * floats);
        if (n > 0)
            fov_gpu_program_overlap (program);
        if (!fov_gpu_program_dispatch (program, "preprocess", &layout, 1, &push, sizeof push,
                                       (lanes + 127) / 128, 1, 1, error))
            return FALSE;
    }
    return TRUE;
}

const FovGpuOp fov_preprocess_gpu = { .formats = formats, .record = record };
