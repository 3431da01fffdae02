/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Assign and fov.AssignTargets on vulkan. A picture's rows and places that matter are listed
 * first; then objects pick among them, some side by side, and what several picked is settled.
 */
#include "ops/assign.h"
#include "ops/infer.h"
#include "ops/record.h"

enum {
    MOST_ANCHORS = 1 << 20,
    MOST_COLUMNS = 65535,
    MOST_TOP = 64,
    MOST_WORDS = 1 << 29,
    LANES = 64,       /* of a workgroup, on a processor */
    MANY_LANES = 256, /* elsewhere */
};

/* Words of a picture's scratch memory; its layout stands in lib/assign.glsl. */
static gint64
scratch_words (const FovShape *boxes, const FovShape *targets, gint64 top, gint64 slots)
{
    const gint64 words = 4 + targets->dim[1] + 3 * boxes->dim[1] + targets->dim[1] * (top + 1) +
                         slots * 4 * boxes->dim[1];

    return (words + 3) / 4 * 4;
}

static gint64
pick_words (const FovAssignParams *p)
{
    return p->method == FOV_ASSIGN_OVERLAP ? 2 : p->top;
}

static guint
assign_formats (const FovNode *node, int block)
{
    const FovAssignParams *p = node->params;
    const FovShape *boxes = fov_in_shape (node, FOV_ASSIGN_BOXES);
    const FovShape *targets = fov_in_shape (node, FOV_ASSIGN_TARGETS);

    for (guint i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] && !fov_gpu_can_float (node->inputs[i]))
            return 0;
    if (boxes->dim[0] > 65535 || boxes->dim[1] > MOST_ANCHORS || p->top < 1 || p->top > MOST_TOP ||
        fov_in_shape (node, FOV_ASSIGN_SCORES)->dim[2] > MOST_COLUMNS ||
        boxes->dim[0] * scratch_words (boxes, targets, pick_words (p), 1) > MOST_WORDS)
        return 0;
    return FOV_CAN_PLANAR;
}

typedef struct {
    FovGpuProgram *program;
    struct fov_push_assign push;
    guint32 spec[5];
    guint pictures, slots;
} Assign;

static int
result (const FovStep *step, guint i)
{
    return i < step->node->n_outputs && step->out[i] ? fov_gpu_float (step->out[i]) : -1;
}

/* How many objects of a picture pick at the same time. */
static guint
choose_slots (const Assign *a, const FovShape *boxes, const FovShape *targets)
{
    const gint64 most = fov_gpu_on_processor (a->program) ? 2 : 16;
    gint64 slots = MIN (targets->dim[1], most);

    while (slots > 1 &&
           boxes->dim[0] * scratch_words (boxes, targets, a->push.top, slots) > MOST_WORDS)
        slots /= 2;
    return (guint) MAX (slots, 1);
}

static Assign
describe (FovGpuProgram *program, const FovStep *step)
{
    const FovAssignParams *p = step->node->params;
    const FovShape *boxes = &step->in[FOV_ASSIGN_BOXES]->shape;
    const FovShape *targets = &step->in[FOV_ASSIGN_TARGETS]->shape;
    const gboolean object = fov_in (step->node, FOV_ASSIGN_OBJECTNESS) != NULL;
    guint32 constant = 0;
    int at[FOV_ASSIGN_N_INPUTS] = { 0 };
    Assign a = { .program = program, .pictures = (guint) boxes->dim[0] };

    for (guint i = 0; i < FOV_ASSIGN_OBJECTNESS + (guint) object; i++)
        at[i] = fov_gpu_masked_source (program, step->in[i], i, &constant);
    a.push = (struct fov_push_assign){
        .boxes = at[FOV_ASSIGN_BOXES],
        .scores = at[FOV_ASSIGN_SCORES],
        .places = at[FOV_ASSIGN_PLACES],
        .targets = at[FOV_ASSIGN_TARGETS],
        .object = at[FOV_ASSIGN_OBJECTNESS],
        .row = result (step, 0),
        .weight = result (step, 1),
        .anchors = (int) boxes->dim[1],
        .columns = (int) step->in[FOV_ASSIGN_SCORES]->shape.dim[2],
        .rows = (int) targets->dim[1],
        .top = (int) pick_words (p),
        .radius = p->radius,
        .alpha = p->alpha,
        .beta = p->beta,
        .overlap = p->overlap,
        .negatives = p->negatives,
    };
    a.slots = choose_slots (&a, boxes, targets);
    a.push.step = (int) scratch_words (boxes, targets, a.push.top, a.slots);
    a.push.scratch =
        (int) (fov_gpu_program_scratch (program, (gsize) a.pictures * (gsize) a.push.step * 4) / 4);
    a.spec[0] = fov_gpu_on_processor (program) ? LANES : MANY_LANES;
    a.spec[1] = (guint32) p->method;
    a.spec[2] = constant;
    a.spec[3] = p->background != 0;
    a.spec[4] = object;
    return a;
}

static gboolean
dispatch (const Assign *a, const char *shader, guint gx, guint gy, GError **error)
{
    return fov_gpu_program_dispatch (a->program, shader, a->spec, 5, &a->push, sizeof a->push, gx,
                                     gy, 1, error);
}

static gboolean
record_assign (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const Assign a = describe (program, step);
    const guint groups = ((guint) a.push.anchors + 63) / 64;

    if (!dispatch (&a, "assign_places", a.pictures, 1, error))
        return FALSE;
    if (a.spec[1] == FOV_ASSIGN_OVERLAP)
        return dispatch (&a, "assign_overlap", a.pictures, 1, error);
    if (a.spec[1] == FOV_ASSIGN_SIMOTA && !dispatch (&a, "assign_none", groups, a.pictures, error))
        return FALSE;
    return dispatch (&a, "assign_pick", a.slots, a.pictures, error) &&
           dispatch (&a, "assign_settle", a.pictures, 1, error);
}

const FovGpuOp fov_gpu_assign = { assign_formats, record_assign, .doubles = TRUE };

/* ---- fov.AssignTargets -------------------------------------------------- */

static guint
targets_formats (const FovNode *node, int block)
{
    const FovTensor *row = node->inputs[0];

    for (guint i = 1; i < node->n_inputs; i++)
        if (!fov_gpu_can_float (node->inputs[i]))
            return 0;
    for (guint i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] && !fov_gpu_can_float (node->outputs[i]))
            return 0;
    return row->dtype == FOV_I32 && fov_tensor_elements (row) < MOST_WORDS / 4 ? FOV_CAN_PLANAR : 0;
}

static gboolean
record_targets (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovShape *row = &step->in[0]->shape;
    const int n_classes = step->out[0] ? (int) step->out[0]->shape.dim[2] : 1;
    guint32 constant = 0;
    struct fov_push_assign_targets push = {
        .row = fov_gpu_masked_source (program, step->in[0], 0, &constant),
        .weight = fov_gpu_masked_source (program, step->in[1], 1, &constant),
        .targets = fov_gpu_masked_source (program, step->in[2], 2, &constant),
        .classes = result (step, 0),
        .boxes = result (step, 1),
        .found = result (step, 2),
        .counted = result (step, 3),
        .n = (int) fov_shape_elements (row) * n_classes,
        .n_classes = n_classes,
        .anchors = (int) row->dim[1],
        .rows = (int) step->in[2]->shape.dim[1],
    };

    return fov_gpu_dispatch_flat (program, "assign_targets", &constant, 1, &push, sizeof push,
                                  (guint64) push.n, 64, error);
}

const FovGpuOp fov_gpu_assign_targets = { targets_formats, record_targets };
