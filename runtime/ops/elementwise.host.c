/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Functions of one and two variables and batch normalisation on the host, row by row. */
#include "ops/host-op.h"

#include <math.h>
#include <stdlib.h>

/* ---- one variable ------------------------------------------------------ */

typedef struct {
    FovAct act;
    FovRows x, y;
    FovRows dy; /* of a gradient */
    gsize units;
} Unary;

static void
unary_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Unary *s = step->state;
    const float *x = fov_host_in (frame, step->step.in[0]);
    float *y = fov_host_out (frame, step->step.out[0]);
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1);

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++)
        fov_host_kernels ()->act (&s->act, x + fov_rows_offset (&s->x, u),
                                  y + fov_rows_offset (&s->y, u), fov_rows_length (&s->y, u));
}

static gboolean
unary_prepare (FovHostStep *step, GError **error)
{
    const FovUnaryParams *p = step->step.node->params;
    Unary *s = g_new0 (Unary, 1);

    s->act = p->act;
    s->x = fov_host_rows (step->step.in[0]);
    s->y = fov_host_rows (step->step.out[0]);
    s->units = s->y.planes * s->y.rows;
    step->state = s;
    step->free_state = g_free;
    step->run = unary_run;
    step->n_tasks =
        fov_host_tasks (1e-9 * fov_shape_elements (&step->step.out[0]->shape), s->units);
    return TRUE;
}

static guint
planar_or_blocked (const FovNode *node)
{
    return FOV_CAN_PLANAR | (fov_host_can_block (node->inputs[0]) ? FOV_CAN_BLOCKED : 0);
}

static guint
unary_formats (const FovNode *node, int block)
{
    if (node->inputs[0]->dtype != FOV_F32 || node->n_inputs != 1)
        return 0;
    return planar_or_blocked (node);
}

const FovHostOp fov_host_unary = { unary_formats, NULL, unary_prepare };

/* dy, x -> dy act' (x) */
static void
act_grad_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Unary *s = step->state;
    const float *dy = fov_host_in (frame, step->step.in[0]);
    const float *x = fov_host_in (frame, step->step.in[1]);
    float *y = fov_host_out (frame, step->step.out[0]);
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1);

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++)
        fov_host_kernels ()->act_grad (&s->act, x + fov_rows_offset (&s->x, u),
                                       dy + fov_rows_offset (&s->dy, u),
                                       y + fov_rows_offset (&s->y, u), fov_rows_length (&s->y, u));
}

static gboolean
act_grad_prepare (FovHostStep *step, GError **error)
{
    Unary *s;

    unary_prepare (step, error);
    s = step->state;
    s->dy = s->x;
    s->x = fov_host_rows (step->step.in[1]);
    step->run = act_grad_run;
    return TRUE;
}

static guint
act_grad_formats (const FovNode *node, int block)
{
    const FovUnaryParams *p = node->params;
    const gboolean blocks =
        fov_host_can_block (node->inputs[0]) && fov_host_can_block (node->inputs[1]);

    if (node->inputs[0]->dtype != FOV_F32 ||
        !fov_host_kernels ()->act_grad (&p->act, NULL, NULL, NULL, 0))
        return 0;
    return FOV_CAN_PLANAR | (blocks ? FOV_CAN_BLOCKED : 0);
}

const FovHostOp fov_host_act_grad = { act_grad_formats, NULL, act_grad_prepare };

/* ---- batch normalisation: y = x s + t per channel ---------------------- */

typedef struct {
    float *scale, *shift; /* padded to whole blocks */
    FovRows x, y;
    gsize units;
    int block;
    gsize channels, blocks;
    gsize pixels; /* planar */
} BatchNorm;

static void
batch_norm_free (gpointer data)
{
    BatchNorm *s = data;

    free (s->scale);
    free (s->shift);
    g_free (s);
}

static void
batch_norm_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const BatchNorm *s = step->state;
    const float *x = fov_host_in (frame, step->step.in[0]);
    float *y = fov_host_out (frame, step->step.out[0]);
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1);

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++) {
        if (s->block == 1) {
            const gsize c = u % s->channels;
            fov_host_kernels ()->affine (x + u * s->pixels, s->scale + c, s->shift + c,
                                         FOV_STEP_SCALAR, y + u * s->pixels, s->pixels);
        } else {
            const gsize c = u / s->y.rows % s->blocks * s->block;
            fov_host_kernels ()->affine (x + fov_rows_offset (&s->x, u), s->scale + c, s->shift + c,
                                         FOV_STEP_VECTOR, y + fov_rows_offset (&s->y, u),
                                         s->y.length);
        }
    }
}

static void
batch_norm_factors (const FovNode *node, BatchNorm *s)
{
    const FovBatchNormParams *p = node->params;
    const float *v[5];

    for (guint i = 1; i < 5; i++)
        v[i] = fov_host_constant (node->inputs[i]);
    for (gsize c = 0; c < s->channels; c++) {
        const double scale = v[1][c] / sqrt ((double) v[4][c] + p->epsilon);
        s->scale[c] = (float) scale;
        s->shift[c] = (float) (v[2][c] - v[3][c] * scale);
    }
}

static gboolean
batch_norm_prepare (FovHostStep *step, GError **error)
{
    const FovBatchNormParams *p = step->step.node->params;
    const FovOperand *y = step->step.out[0];
    BatchNorm *s;

    if (p->training_mode) {
        fov_host_live_norm_prepare (step);
        return TRUE;
    }
    s = g_new0 (BatchNorm, 1);

    step->state = s;
    step->free_state = batch_norm_free;
    step->run = batch_norm_run;
    s->block = y->format.layout == FOV_BLOCKED ? y->format.block : 1;
    s->channels = y->shape.dim[1];
    s->blocks = (s->channels + s->block - 1) / s->block;
    s->scale = fov_host_alloc (s->blocks * s->block * sizeof (float));
    s->shift = fov_host_alloc (s->blocks * s->block * sizeof (float));
    s->x = fov_host_rows (step->step.in[0]);
    s->y = fov_host_rows (y);
    s->pixels = fov_shape_span (&y->shape, 2, y->shape.rank);
    s->units = s->block == 1 ? (gsize) y->shape.dim[0] * s->channels : s->y.planes * s->y.rows;
    batch_norm_factors (step->step.node, s);
    step->n_tasks = fov_host_tasks (5e-10 * fov_shape_elements (&y->shape), s->units);
    return TRUE;
}

static guint
batch_norm_formats (const FovNode *node, int block)
{
    if (((const FovBatchNormParams *) node->params)->training_mode)
        return fov_host_live_norm_fits (node) ? FOV_CAN_BLOCKED : 0;
    if (node->inputs[0]->dtype != FOV_F32 || node->inputs[0]->shape.rank < 2)
        return 0;
    for (guint i = 1; i < 5; i++)
        if (!node->inputs[i]->data || node->inputs[i]->dtype != FOV_F32)
            return 0;
    for (guint i = 1; i < node->n_outputs; i++)
        if (node->outputs[i])
            return 0;
    return planar_or_blocked (node);
}

const FovHostOp fov_host_batch_norm = { batch_norm_formats, NULL, batch_norm_prepare };

/* ---- two variables ----------------------------------------------------- */

/* One operand of a blocked function: a tensor like the output, a vector per channel, a constant. */
typedef struct {
    FovHostStepKind step;
    const FovOperand *operand; /* NULL: values */
    float *values;             /* per channel, padded, or one */
    FovRows rows;
    gsize base, image, block; /* STEP_VECTOR from an operand [N, C, 1, 1] */
} Side;

typedef struct {
    FovHostBinary op;
    Side side[2];
    FovRows y;
    gsize units, blocks;
    float after; /* Mean: the sum is multiplied by it */
    /* planar broadcast: the output as dims with strides per side, innermost last */
    int rank;
    gsize dim[FOV_MAX_RANK], stride[2][FOV_MAX_RANK];
    gboolean general;
} Binary;

static void
binary_free (gpointer data)
{
    Binary *s = data;

    free (s->side[0].values);
    free (s->side[1].values);
    g_free (s);
}

static const float *
side_row (const Binary *s, const Side *side, const FovHostFrame *frame, gsize u)
{
    const gsize plane = u / s->y.rows;

    if (!side->operand)
        return side->values +
               (side->step == FOV_STEP_VECTOR ? plane % s->blocks * (gsize) fov_host_block () : 0);
    const float *p = fov_host_in (frame, side->operand);
    if (side->step == FOV_STEP_VECTOR)
        return p + side->base + plane / s->blocks * side->image + plane % s->blocks * side->block;
    return p + (side->step == FOV_STEP_EACH ? fov_rows_offset (&side->rows, u) : 0);
}

static void
binary_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Binary *s = step->state;
    float *y = fov_host_out (frame, step->step.out[0]);
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1);

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++)
        fov_host_kernels ()->binary (s->op, side_row (s, &s->side[0], frame, u), s->side[0].step,
                                     side_row (s, &s->side[1], frame, u), s->side[1].step,
                                     y + fov_rows_offset (&s->y, u), fov_rows_length (&s->y, u));
}

/* Any broadcast: a row is the innermost (merged) dimension. */
static void
binary_run_general (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Binary *s = step->state;
    const float *a = fov_host_in (frame, step->step.in[0]);
    const float *b = fov_host_in (frame, step->step.in[1]);
    float *y = fov_host_out (frame, step->step.out[0]);
    const int last = s->rank - 1;
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1), n = s->dim[last];

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++) {
        gsize rest = u, ia = 0, ib = 0;
        for (int d = last - 1; d >= 0; d--) {
            ia += rest % s->dim[d] * s->stride[0][d];
            ib += rest % s->dim[d] * s->stride[1][d];
            rest /= s->dim[d];
        }
        fov_host_kernels ()->binary (s->op, a + ia,
                                     s->stride[0][last] ? FOV_STEP_EACH : FOV_STEP_SCALAR, b + ib,
                                     s->stride[1][last] ? FOV_STEP_EACH : FOV_STEP_SCALAR,
                                     y + u * n, n);
    }
}

/* Drops dimensions of 1 and merges those that both sides step through alike. */
static void
merge_dims (Binary *s, const FovShape *out, gint64 stride[2][FOV_MAX_RANK])
{
    for (int d = 0; d < out->rank; d++) {
        const int k = s->rank - 1;
        if (out->dim[d] == 1)
            continue;
        if (k >= 0 && s->stride[0][k] == (gsize) (stride[0][d] * out->dim[d]) &&
            s->stride[1][k] == (gsize) (stride[1][d] * out->dim[d])) {
            s->dim[k] *= out->dim[d];
            s->stride[0][k] = stride[0][d];
            s->stride[1][k] = stride[1][d];
            continue;
        }
        s->dim[s->rank] = out->dim[d];
        s->stride[0][s->rank] = stride[0][d];
        s->stride[1][s->rank++] = stride[1][d];
    }
    if (s->rank == 0) {
        s->dim[0] = 1;
        s->stride[0][0] = s->stride[1][0] = 1;
        s->rank = 1;
    }
}

static FovHostBinary
binary_kernel (const FovNode *node)
{
    static const int kernel[] = {
        [FOV_BINARY_ADD] = FOV_HOST_ADD,     [FOV_BINARY_SUB] = FOV_HOST_SUB,
        [FOV_BINARY_MUL] = FOV_HOST_MUL,     [FOV_BINARY_DIV] = FOV_HOST_DIV,
        [FOV_BINARY_POW] = FOV_HOST_POW,     [FOV_BINARY_MIN] = FOV_HOST_MIN,
        [FOV_BINARY_MAX] = FOV_HOST_MAX,     [FOV_BINARY_MOD] = FOV_HOST_N_BINARY,
        [FOV_BINARY_PRELU] = FOV_HOST_PRELU,
    };
    const int kind = ((const FovBinaryParams *) node->params)->kind;

    if (kind == FOV_BINARY_SUM)
        return FOV_HOST_ADD;
    return kind >= 0 && kind < (int) G_N_ELEMENTS (kernel) ? (FovHostBinary) kernel[kind]
                                                           : FOV_HOST_N_BINARY;
}

/* Whether a constant broadcasts as one value, or one per channel, over a 4-D output. */
static gboolean
is_per_channel (const FovTensor *t, const FovShape *out)
{
    const int c = t->shape.rank - 3; /* where the channel dimension is */

    for (int d = 0; d < t->shape.rank; d++)
        if (t->shape.dim[d] != 1 && !(d == c && t->shape.dim[d] == out->dim[1]))
            return FALSE;
    return TRUE;
}

static gboolean
side_can_block (const FovTensor *t, const FovShape *out)
{
    if (t->data)
        return is_per_channel (t, out);
    if (t->shape.rank != 4)
        return FALSE;
    if (fov_shape_equal (&t->shape, out))
        return TRUE;
    return t->shape.dim[0] == out->dim[0] && t->shape.dim[1] == out->dim[1] &&
           t->shape.dim[2] == 1 && t->shape.dim[3] == 1;
}

static guint
binary_formats (const FovNode *node, int block)
{
    const FovTensor *out = node->outputs[0];

    if (node->n_inputs != 2 || binary_kernel (node) == FOV_HOST_N_BINARY || out->dtype != FOV_F32)
        return 0;
    if (out->shape.rank == 4 && side_can_block (node->inputs[0], &out->shape) &&
        side_can_block (node->inputs[1], &out->shape))
        return FOV_CAN_PLANAR | FOV_CAN_BLOCKED;
    return FOV_CAN_PLANAR;
}

static void
prepare_side (Side *side, const FovOperand *o, const FovOperand *y)
{
    const gsize b = y->format.block;

    side->operand = o;
    if (o->place == FOV_PLACE_CONSTANT && fov_shape_elements (&o->shape) > 1) {
        side->step = FOV_STEP_VECTOR;
        side->operand = NULL;
        side->values = fov_host_alloc ((y->shape.dim[1] + b) * sizeof (float));
        memcpy (side->values, fov_host_constant (o->tensor), y->shape.dim[1] * sizeof (float));
    } else if (o->place == FOV_PLACE_CONSTANT) {
        side->step = FOV_STEP_SCALAR;
    } else if (fov_shape_equal (&o->shape, &y->shape)) {
        side->step = FOV_STEP_EACH;
        side->rows = fov_host_rows (o);
    } else {
        const FovBlockedStrides strides = fov_host_strides (o);
        side->step = FOV_STEP_VECTOR;
        side->base = strides.base;
        side->image = strides.image;
        side->block = strides.block;
    }
}

static gboolean
binary_prepare (FovHostStep *step, GError **error)
{
    const FovOperand *y = step->step.out[0];
    Binary *s = g_new0 (Binary, 1);

    step->state = s;
    step->free_state = binary_free;
    s->op = binary_kernel (step->step.node);
    s->y = fov_host_rows (y);
    if (y->format.layout == FOV_BLOCKED) {
        step->run = binary_run;
        s->blocks = (y->shape.dim[1] + y->format.block - 1) / y->format.block;
        s->units = s->y.planes * s->y.rows;
        for (int i = 0; i < 2; i++)
            prepare_side (&s->side[i], step->step.in[i], y);
    } else {
        gint64 stride[2][FOV_MAX_RANK];
        for (int i = 0; i < 2; i++)
            fov_broadcast_strides (&step->step.in[i]->shape, &y->shape, stride[i]);
        merge_dims (s, &y->shape, stride);
        if (s->rank == 1 && s->dim[0] > 8192) { /* rows of a good size to share out */
            gsize n = s->dim[0], rows = 1;
            while (n / rows > 8192 || n % rows)
                rows++;
            if (rows <= 4096) {
                s->rank = 2;
                s->dim[0] = rows;
                s->dim[1] = n / rows;
                for (int i = 0; i < 2; i++) {
                    s->stride[i][1] = s->stride[i][0];
                    s->stride[i][0] *= s->dim[1];
                }
            }
        }
        s->units = fov_shape_elements (&y->shape) / MAX (s->dim[s->rank - 1], 1);
        step->run = binary_run_general;
    }
    step->n_tasks = fov_host_tasks (5e-10 * fov_shape_elements (&y->shape), s->units);
    return TRUE;
}

const FovHostOp fov_host_binary = { binary_formats, NULL, binary_prepare };
