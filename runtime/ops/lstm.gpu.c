/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LSTM and fov.LstmGrad on vulkan: W x of all steps is one product, then a workgroup goes through
 * the steps of some images of one direction. R is packed in each run, as it may be learned.
 */
#include "ops/infer.h"
#include "ops/lstm.h"
#include "ops/record.h"

enum {
    MOST_SHARED = 4096, /* floats: what each device has */
    MOST_HIDDEN = MOST_SHARED / 4,
    MOST_WORDS = 1 << 29,
    X = 0,
    W,
    R,
    BIAS,
};

/* ---- what fits ----------------------------------------------------------- */

static guint
formats (const FovNode *node, int block)
{
    const FovLstmSize s = fov_lstm_size (node);

    for (guint i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] && !fov_gpu_can_float (node->inputs[i]))
            return 0;
    for (guint i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] && !fov_gpu_can_float (node->outputs[i]))
            return 0;
    if (s.hidden > MOST_HIDDEN || s.steps > 65535 || s.batch > 65535 || s.inputs > 65535 ||
        s.steps * s.batch > 4 * 65535 ||
        s.directions * s.steps * s.batch * 4 * s.hidden > MOST_WORDS)
        return 0;
    return FOV_CAN_PLANAR;
}

/* ---- what both ops share --------------------------------------------------- */

typedef struct {
    FovGpuProgram *program;
    const FovStep *step;
    FovLstmSize s;
    int rows; /* images of a workgroup */
    guint lanes;
    guint32 reverse;
    int gates; /* W x, then gates: floats */
} Lstm;

static const FovOperand *
operand (const Lstm *l, guint i)
{
    return i < l->step->node->n_inputs ? l->step->in[i] : NULL;
}

static int
result (const Lstm *l, guint i)
{
    const FovOperand *out = i < l->step->node->n_outputs ? l->step->out[i] : NULL;

    return out ? fov_gpu_float (out) : -1;
}

static int
scratch_floats (const Lstm *l, gint64 n)
{
    return (int) (fov_gpu_program_scratch (l->program, (gsize) n * 4) / 4);
}

static Lstm
describe (FovGpuProgram *program, const FovStep *step)
{
    const gboolean few = fov_gpu_on_processor (program);
    Lstm l = {
        .program = program, .step = step, .s = fov_lstm_size (step->node), .rows = few ? 4 : 1
    };
    const guint wide = few ? 8 : 32, most = few ? 64 : 256;

    while (l.rows > 1 && (4 * l.rows * l.s.hidden > MOST_SHARED || l.rows / 2 >= l.s.batch))
        l.rows /= 2;
    l.lanes = MIN (((guint) l.s.hidden + wide - 1) / wide * wide, most);
    for (gint64 d = 0; d < l.s.directions; d++)
        l.reverse |= (guint32) fov_lstm_reverse (step->node, d) << d;
    l.gates = scratch_floats (&l, l.s.directions * l.s.steps * l.s.batch * 4 * l.s.hidden);
    return l;
}

/* A matrix of each direction, packed; *to in vec4. */
static gboolean
pack (const Lstm *l, guint input, gboolean turned, int *to, GError **error)
{
    const FovShape *shape = &l->step->in[input]->shape;
    guint32 spec[2] = { (guint32) turned, 0 };
    struct fov_push_lstm_pack push = {
        .src = fov_gpu_source (l->program, l->step->in[input], &spec[1]),
        .rows = (int) shape->dim[1],
        .columns = (int) shape->dim[2],
    };
    const gint64 along = shape->dim[turned ? 2 : 1], across = shape->dim[turned ? 1 : 2];

    push.n = (int) (shape->dim[0] * along * ((across + 3) / 4));
    *to = push.dst = scratch_floats (l, 4 * (gint64) push.n) / 4;
    return fov_gpu_dispatch_flat (l->program, "lstm_pack", spec, 2, &push, sizeof push,
                                  (guint64) push.n, 64, error);
}

/* W x of all steps. */
static gboolean
project (const Lstm *l, GError **error)
{
    const FovOperand *x = l->step->in[X];
    const int in = (int) l->s.inputs, n = (int) (4 * l->s.hidden);
    const gboolean packed = x->place == FOV_PLACE_ARENA && in % 4 == 0 && x->offset % 16 == 0;
    guint32 spec[6] = { (guint32) packed, 0, 0, 0, 4, (guint32) packed };
    struct fov_push_matmul push = {
        .dst = l->gates,
        .m = (int) (l->s.steps * l->s.batch),
        .n = n,
        .k = in,
        .a_i = in,
        .a_k = 1,
        .b_batch = packed ? n * in / 4 : n * in,
        .b_k = 1,
        .b_j = in,
        .alpha = 1,
    };

    if (packed && !pack (l, W, FALSE, &push.b, error))
        return FALSE;
    if (!packed)
        push.b = fov_gpu_source (l->program, l->step->in[W], &spec[2]);
    push.a = fov_gpu_source (l->program, x, &spec[1]);
    return fov_gpu_program_dispatch (l->program, "matmul", spec, 6, &push, sizeof push,
                                     (guint) ((n + 31) / 32), (guint) ((push.m + 3) / 4),
                                     (guint) l->s.directions, error);
}

/* Where inputs lie, some of which may be left out: bits of what there is and what is constant. */
static int
optional_source (const Lstm *l, guint input, guint bit, guint32 *given, guint32 *constant)
{
    const FovOperand *in = operand (l, input);

    if (!in)
        return 0;
    *given |= 1u << bit;
    return fov_gpu_masked_source (l->program, in, bit, constant);
}

static gboolean
dispatch (const Lstm *l, const char *shader, const guint32 *spec, guint n_spec, gconstpointer push,
          gsize push_bytes, GError **error)
{
    return fov_gpu_program_dispatch (l->program, shader, spec, n_spec, push, push_bytes,
                                     (guint) ((l->s.batch + l->rows - 1) / l->rows),
                                     (guint) l->s.directions, 1, error);
}

/* push: where results go is filled in. */
static gboolean
run_forward (const Lstm *l, gboolean keep, struct fov_push_lstm *push, GError **error)
{
    guint32 spec[7] = { l->lanes,   (guint32) l->rows, (guint32) (l->s.hidden + 3) / 4, 0, 0,
                        l->reverse, (guint32) keep };

    if (!project (l, error) || !pack (l, R, FALSE, &push->weights, error))
        return FALSE;
    push->bias = optional_source (l, BIAS, 0, &spec[4], &spec[3]);
    push->h = optional_source (l, l->s.h, 1, &spec[4], &spec[3]);
    push->c = optional_source (l, l->s.c, 2, &spec[4], &spec[3]);
    push->gates = l->gates;
    push->steps = (int) l->s.steps;
    push->batch = (int) l->s.batch;
    push->hidden = (int) l->s.hidden;
    push->directions = (int) l->s.directions;
    return dispatch (l, "lstm", spec, 7, push, sizeof *push, error);
}

/* ---- the ops ----------------------------------------------------------------- */

static gboolean
record_lstm (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const Lstm l = describe (program, step);
    struct fov_push_lstm push = { .y = result (&l, 0),
                                  .last_h = result (&l, 1),
                                  .last_c = result (&l, 2) };

    return run_forward (&l, FALSE, &push, error);
}

const FovGpuOp fov_gpu_lstm = { formats, record_lstm };

static gboolean
record_grad (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const Lstm l = describe (program, step);
    const gint64 state = l.s.directions * l.s.batch * l.s.hidden, all = state * l.s.steps;
    guint32 spec[6] = { l.lanes, (guint32) l.rows, (guint32) l.s.hidden, 0, 0, l.reverse };
    struct fov_push_lstm forward = { .y = -1, .last_h = -1, .last_c = -1 };
    struct fov_push_lstm_grad push = { .da = result (&l, 0),
                                       .last_h = result (&l, 1),
                                       .last_c = result (&l, 2) };

    forward.cells = scratch_floats (&l, all);
    forward.starts = result (&l, 3);
    if (forward.starts < 0)
        forward.starts = scratch_floats (&l, all);
    if (!run_forward (&l, TRUE, &forward, error) || !pack (&l, R, TRUE, &push.weights, error))
        return FALSE;
    if (push.da < 0)
        push.da = scratch_floats (&l, 4 * all);
    if (push.last_h < 0)
        push.last_h = scratch_floats (&l, state);
    if (push.last_c < 0)
        push.last_c = scratch_floats (&l, state);
    push.dy = optional_source (&l, 6, 0, &spec[4], &spec[3]);
    push.dh = optional_source (&l, 7, 1, &spec[4], &spec[3]);
    push.dc = optional_source (&l, 8, 2, &spec[4], &spec[3]);
    push.c = optional_source (&l, l.s.c, 3, &spec[4], &spec[3]);
    push.gates = forward.gates;
    push.cells = forward.cells;
    push.steps = forward.steps;
    push.batch = forward.batch;
    push.hidden = forward.hidden;
    push.directions = forward.directions;
    return dispatch (&l, "lstm_grad", spec, 6, &push, sizeof push, error);
}

const FovGpuOp fov_gpu_lstm_grad = { formats, record_grad };
