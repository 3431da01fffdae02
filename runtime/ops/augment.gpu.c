/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Augmentation on vulkan. Dispatches are made for each picture, so that its record lies at constant
 * addresses, and by stages for several pictures, which need not wait for each other.
 */
#include "ops/augment.h"

#include "ops/record.h"

#define TOGETHER 4     /* pictures that have scratch memory at a time */
#define HISTOGRAMS 64  /* of a picture: FOV_AUGMENT_TILES a side */
#define MOST 100000000 /* pixels: a lane's rounds end early on some drivers */

G_STATIC_ASSERT (HISTOGRAMS == FOV_AUGMENT_TILES * FOV_AUGMENT_TILES);

/* ---- fov.AugmentShape ------------------------------------------------------------ */

static guint
shape_formats (const FovNode *node, int block)
{
    return fov_gpu_can_block (node->outputs[0]) ? FOV_CAN_BLOCKED : 0;
}

static gboolean
shape_record (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovAugmentShapeParams *p = step->node->params;
    const gint64 pixels = p->width * p->height;
    const gsize layers = fov_gpu_program_input_offset (program, step->in[1]->input);
    const guint32 nearest = p->nearest != 0;
    struct fov_push_augment_shape push = {
        .pictures = (int) (fov_gpu_program_input_offset (program, step->in[0]->input) / 4),
        .width = (int) p->width,
        .height = (int) p->height,
        .channels = (int) p->channels,
        .pad = p->pad,
    };

    for (gint64 n = 0; n < step->out[0]->shape.dim[0]; n++) {
        push.layers = (int) ((gint64) layers / 16 +
                             n * FOV_AUGMENT_LAYERS * (gint64) sizeof (FovAugmentLayer) / 16);
        push.dst = (int) (fov_gpu_texel (step->out[0]) + n * pixels);
        if (n > 0)
            fov_gpu_program_overlap (program);
        if (!fov_gpu_dispatch_flat (program, "augment_shape", &nearest, 1, &push, sizeof push,
                                    (guint64) ((p->width + 3) / 4 * p->height), 64, error))
            return FALSE;
    }
    return TRUE;
}

const FovGpuOp fov_gpu_augment_shape = { .formats = shape_formats, .record = shape_record };

/* ---- fov.AugmentColor ------------------------------------------------------------ */

typedef enum { ROWS, COLUMNS, BINS, CURVES, EQUALISE, NOISE, COLOR, N_STAGES } Stage;

static guint
color_formats (const FovNode *node, int block)
{
    const FovShape *shape = &node->outputs[0]->shape;

    if (!fov_gpu_can_block (node->outputs[0]) || shape->dim[2] * shape->dim[3] > MOST)
        return 0;
    return FOV_CAN_PLANAR | FOV_READS_BLOCKED;
}

/* One that a look may leave out; lanes with much to do cost less then. */
static gboolean
dispatch_rounds (FovGpuProgram *program, const char *shader, gboolean blocked, gboolean columns,
                 const struct fov_push_augment *push, GError **error)
{
    const guint rounds = fov_gpu_on_processor (program) ? 16 : 4;
    const guint32 spec[] = { (guint32) blocked, rounds, (guint32) columns };

    return fov_gpu_dispatch_flat (program, shader, spec, 3, push, sizeof *push,
                                  (guint64) push->width * (guint64) push->height, 64 * rounds,
                                  error);
}

static gboolean
dispatch (FovGpuProgram *program, Stage stage, gboolean blocked,
          const struct fov_push_augment *push, GError **error)
{
    const guint64 pixels = (guint64) push->width * (guint64) push->height;
    const guint32 bins[] = { fov_gpu_on_processor (program) ? 32 : 256, (guint32) blocked };
    const guint32 color[] = { (guint32) blocked, pixels % 4 == 0 && push->dst % 4 == 0 };

    switch (stage) {
    case ROWS:
    case COLUMNS:
        return dispatch_rounds (program, "augment_blur", blocked, stage == COLUMNS, push, error);
    case BINS:
        return fov_gpu_program_dispatch (program, "augment_bins", bins, 2, push, sizeof *push,
                                         HISTOGRAMS, 1, 1, error);
    case CURVES:
        return fov_gpu_program_dispatch (program, "augment_curves", NULL, 0, push, sizeof *push,
                                         HISTOGRAMS, 1, 1, error);
    case EQUALISE:
        return dispatch_rounds (program, "augment_equalise", blocked, FALSE, push, error);
    case NOISE:
        return dispatch_rounds (program, "augment_noise", blocked, FALSE, push, error);
    default:
        return fov_gpu_dispatch_flat (program, "augment_color", color, 2, push, sizeof *push,
                                      pixels, 256, error);
    }
}

/* Pictures first..end - 1; base: of picture 0, but for scratch memory. */
static gboolean
record_pictures (FovGpuProgram *program, const FovStep *step, const struct fov_push_augment *base,
                 gint64 first, gint64 end, GError **error)
{
    const gboolean blocked = step->in[0]->format.layout == FOV_BLOCKED;
    const gint64 pixels = (gint64) base->width * base->height;

    for (Stage stage = ROWS; stage < N_STAGES; stage++)
        for (gint64 n = first; n < end; n++) {
            struct fov_push_augment push = *base;
            push.src += (int) (n * pixels * (blocked ? 1 : 3));
            push.look += (int) (n * FOV_AUGMENT_LOOK_WORDS);
            push.dst += (int) (n * pixels * 3);
            push.aside += (int) ((n - first) * pixels);
            push.changed += (int) ((n - first) * pixels);
            push.bins += (int) ((n - first) * HISTOGRAMS * 257);
            push.curves += (int) ((n - first) * HISTOGRAMS * 256);
            if (n > first)
                fov_gpu_program_overlap (program);
            if (!dispatch (program, stage, blocked, &push, error))
                return FALSE;
        }
    return TRUE;
}

static gboolean
color_record (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovAugmentColorParams *p = step->node->params;
    const FovOperand *in = step->in[0];
    const gint64 n = in->shape.dim[0], pixels = in->shape.dim[2] * in->shape.dim[3];
    const gsize together = (gsize) MIN (n, TOGETHER);
    const struct fov_push_augment push = {
        .src = in->format.layout == FOV_BLOCKED ? fov_gpu_texel (in) : fov_gpu_float (in),
        .look = fov_gpu_float (step->in[1]),
        .dst = fov_gpu_float (step->out[0]),
        .aside = (int) (fov_gpu_program_scratch (program, together * (gsize) pixels * 16) / 16),
        .changed = (int) (fov_gpu_program_scratch (program, together * (gsize) pixels * 16) / 16),
        .bins = (int) (fov_gpu_program_scratch (program, together * HISTOGRAMS * 257 * 4) / 4),
        .curves = (int) (fov_gpu_program_scratch (program, together * HISTOGRAMS * 256 * 4) / 4),
        .width = (int) in->shape.dim[3],
        .height = (int) in->shape.dim[2],
        .normalise = fov_gpu_push_normalise (p->bgr, &p->mean, &p->scale),
    };

    for (gint64 first = 0; first < n; first += TOGETHER)
        if (!record_pictures (program, step, &push, first, MIN (first + TOGETHER, n), error))
            return FALSE;
    return TRUE;
}

const FovGpuOp fov_gpu_augment_color = { .formats = color_formats, .record = color_record };
