/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unary and binary ops, and batch norms that no convolution took over, on vulkan. */
#include "ops/infer.h"
#include "ops/record.h"

#include <math.h>

/* ---- unary ------------------------------------------------------------ */

/* What cast.comp has of integers. */
static gboolean
integer_func (const FovNode *node, FovCastFunc *func)
{
    switch (((const FovUnaryParams *) node->params)->act.kind) {
    case FOV_ACT_NEG:
        *func = FOV_CAST_NEG;
        return TRUE;
    case FOV_ACT_ABS:
        *func = FOV_CAST_ABS;
        return TRUE;
    case FOV_ACT_SIGN:
        *func = FOV_CAST_SIGN;
        return TRUE;
    case FOV_ACT_RELU:
        *func = FOV_CAST_RELU;
        return TRUE;
    default:
        return FALSE;
    }
}

static guint
unary_formats (const FovNode *node, int block)
{
    FovCastFunc func;

    if (!fov_dtype_is_float (node->inputs[0]->dtype))
        return fov_gpu_can_typed (node->inputs[0]) && integer_func (node, &func) ? FOV_CAN_PLANAR
                                                                                 : 0;
    if (node->n_inputs != 1 || !fov_gpu_can_floats (node, 1))
        return 0;
    return FOV_CAN_PLANAR | (fov_gpu_can_block (node->inputs[0]) ? FOV_CAN_BLOCKED : 0);
}

static gboolean
record_unary (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovAct *act = &((const FovUnaryParams *) step->node->params)->act;
    const FovOperand *in = step->in[0], *out = step->out[0];
    gboolean blocked = out->format.layout == FOV_BLOCKED;
    int n = fov_gpu_n_floats (out);
    gboolean vector = blocked || (in->offset % 16 == 0 && out->offset % 16 == 0 && n % 4 == 0);
    struct fov_push_unary push = {
        .src = vector ? fov_gpu_texel (in) : fov_gpu_float (in),
        .dst = vector ? fov_gpu_texel (out) : fov_gpu_float (out),
        .n = vector ? n / 4 : n,
        .c4 = 1,
        .plane = 1,
        .a = act->a,
        .b = act->b,
    };
    guint32 spec[] = { act->kind, (guint32) vector, 0 };
    FovCastFunc func;

    if (!fov_dtype_is_float (in->dtype))
        return integer_func (step->node, &func) && fov_gpu_record_cast (program, step, func, error);
    if (blocked) {
        FovPicture picture = fov_picture (&out->shape);
        push.c4 = picture.blocks;
        push.plane = picture.h * picture.w;
        push.keep = (picture.c - 1) % 4 + 1;
        spec[2] = picture.c % 4 && fov_gpu_act_moves_zero (act);
    }
    return fov_gpu_dispatch_flat (program, "unary", spec, 3, &push, sizeof push, (guint64) push.n,
                                  256, error);
}

const FovGpuOp fov_gpu_unary = { unary_formats, record_unary };

/* ---- binary, blocked -------------------------------------------------- */

/* How the shader looks an operand up; see binary_blocked.comp. */
typedef enum { MODE_SAME, MODE_CHANNEL, MODE_PIXEL, MODE_SCALAR, MODE_NONE } Mode;

/* The shape as four dimensions, ones in front; FALSE if it has more. */
static gboolean
four_dims (const FovShape *shape, gint64 d[4])
{
    for (int i = 0; i < 4; i++)
        d[i] = i < 4 - shape->rank ? 1 : shape->dim[i - (4 - shape->rank)];
    return shape->rank <= 4;
}

static Mode
blocked_mode (const FovTensor *in, const FovShape *out)
{
    const gint64 *o = out->dim;
    gint64 d[4];

    if (!four_dims (&in->shape, d) || (!in->data && in->shape.rank != 4))
        return MODE_NONE;
    if (in->data && fov_tensor_elements (in) == 1)
        return MODE_SCALAR;
    if (d[0] != 1 && d[0] != o[0])
        return MODE_NONE;
    if (d[1] == o[1] && d[2] == o[2] && d[3] == o[3])
        return MODE_SAME;
    if (d[1] == o[1] && d[2] == 1 && d[3] == 1)
        return MODE_CHANNEL;
    if (d[1] == 1 && d[2] == o[2] && d[3] == o[3])
        return MODE_PIXEL;
    return MODE_NONE;
}

static gboolean
binary_can_block (const FovNode *node)
{
    const FovTensor *out = node->outputs[0];

    if (!fov_gpu_can_block (out))
        return FALSE;
    for (guint i = 0; i < 2; i++)
        if (blocked_mode (node->inputs[i], &out->shape) == MODE_NONE)
            return FALSE;
    return TRUE;
}

static guint
binary_formats (const FovNode *node, int block)
{
    const FovBinaryParams *p = node->params;

    if (!fov_gpu_can_floats (node, ~0u) || node->n_inputs > 32 || node->outputs[0]->shape.rank > 6)
        return fov_gpu_binary_typed_formats (node);
    if (p->kind > FOV_BINARY_PRELU && p->kind != FOV_BINARY_SUM && p->kind != FOV_BINARY_MEAN)
        return 0;
    if (p->kind == FOV_BINARY_MOD && !p->fmod)
        return 0;
    if (node->n_inputs != 2)
        return FOV_CAN_PLANAR;
    return FOV_CAN_PLANAR | (binary_can_block (node) ? FOV_CAN_BLOCKED : 0);
}

/* A constant in blocked layout; its place in vec4. */
static int
add_blocked (FovGpuProgram *program, const float *v, const gint64 d[4], gboolean splat)
{
    gint64 blocks = (d[1] + 3) / 4, pixels = d[2] * d[3];
    gsize bytes = (gsize) (d[0] * blocks * pixels) * 16;
    guint32 offset = 0;
    float *to = fov_gpu_program_reserve_constant (program, bytes, &offset);

    for (gint64 n = 0; to && n < d[0]; n++)
        for (gint64 c = 0; c < d[1]; c++)
            for (gint64 p = 0; p < pixels; p++)
                to[(((n * blocks + c / 4) * pixels) + p) * 4 + c % 4] =
                    v[(n * d[1] + c) * pixels + p];
    for (int k = 1; to && splat && k < 4; k++)
        to[k] = to[0];
    return (int) (offset / 16);
}

static int
blocked_source (FovGpuProgram *program, const FovOperand *operand, Mode mode, int *batch)
{
    gint64 d[4];

    four_dims (&operand->shape, d);
    *batch = d[0] > 1 ? (int) (((d[1] + 3) / 4) * d[2] * d[3]) : 0;
    if (operand->place != FOV_PLACE_CONSTANT)
        return fov_gpu_texel (operand);
    return add_blocked (program, g_bytes_get_data (operand->tensor->data, NULL), d,
                        mode == MODE_SCALAR);
}

static gboolean
record_binary_blocked (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovBinaryParams *p = step->node->params;
    const FovOperand *out = step->out[0];
    FovPicture picture = fov_picture (&out->shape);
    Mode a = blocked_mode (step->in[0]->tensor, &out->shape);
    Mode b = blocked_mode (step->in[1]->tensor, &out->shape);
    struct fov_push_binary_blocked push = {
        .dst = fov_gpu_texel (out),
        .c4 = picture.blocks,
        .pixels = picture.h * picture.w,
        .keep = (picture.c - 1) % 4 + 1,
    };
    guint32 spec[] = {
        (guint32) p->kind,
        a,
        step->in[0]->place == FOV_PLACE_CONSTANT,
        b,
        step->in[1]->place == FOV_PLACE_CONSTANT,
        picture.c % 4 != 0,
    };

    push.a = blocked_source (program, step->in[0], a, &push.a_batch);
    push.b = blocked_source (program, step->in[1], b, &push.b_batch);
    return fov_gpu_program_dispatch (program, "binary_blocked", spec, G_N_ELEMENTS (spec), &push,
                                     sizeof push, (guint) (push.pixels + 255) / 256,
                                     (guint) (picture.n * picture.blocks), 1, error);
}

/* ---- binary, planar --------------------------------------------------- */

static gboolean
dispatch_planar (FovGpuProgram *program, int kind, const FovOperand *a, const FovOperand *b,
                 const FovOperand *out, GError **error)
{
    const FovShape *shape = &out->shape;
    struct fov_push_binary push = {
        .dst = fov_gpu_float (out),
        .n = fov_gpu_n_floats (out),
    };
    guint32 spec[4] = { (guint32) kind };
    gint64 stride[2][FOV_MAX_RANK];

    push.a = fov_gpu_source (program, a, &spec[1]);
    push.b = fov_gpu_source (program, b, &spec[2]);
    fov_broadcast_strides (&a->shape, shape, stride[0]);
    fov_broadcast_strides (&b->shape, shape, stride[1]);
    for (int d = 0; d < shape->rank; d++) {
        push.size[d] = (int) shape->dim[d];
        push.a_stride[d] = (int) stride[0][d];
        push.b_stride[d] = (int) stride[1][d];
    }
    spec[3] = (guint32) shape->rank;
    if (fov_shape_equal (&a->shape, shape) && fov_shape_equal (&b->shape, shape)) {
        spec[3] = 1;
        push.a_stride[0] = push.b_stride[0] = 1;
    }
    return fov_gpu_dispatch_flat (program, "binary", spec, 4, &push, sizeof push, (guint64) push.n,
                                  256, error);
}

/* Min, Max, Sum and Mean of any number, one after the other into the result. */
static gboolean
record_chain (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovOperand *out = step->out[0], *so_far = step->in[0];
    const guint n = step->node->n_inputs;
    const float share = 1 / (float) n, one = 1;
    int kind = ((const FovBinaryParams *) step->node->params)->kind;
    gboolean mean = kind == FOV_BINARY_MEAN && n > 1;
    FovOperand number = { .dtype = FOV_F32, .format = out->format, .place = FOV_PLACE_CONSTANT };
    g_autoptr (GBytes) bytes = g_bytes_new (mean ? &share : &one, sizeof share);
    FovTensor scalar = { .dtype = FOV_F32, .data = bytes };

    number.tensor = &scalar;
    kind = kind == FOV_BINARY_MEAN ? FOV_BINARY_ADD : kind;
    for (guint i = 1; i < n; i++, so_far = out)
        if (!dispatch_planar (program, kind, so_far, step->in[i], out, error))
            return FALSE;
    return (n > 1 && !mean) ||
           dispatch_planar (program, FOV_BINARY_MUL, so_far, &number, out, error);
}

static gboolean
record_binary (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovBinaryParams *p = step->node->params;

    if (step->in[0]->dtype != FOV_F32 || step->out[0]->dtype != FOV_F32)
        return fov_gpu_record_binary_typed (program, step, error);
    if (step->node->n_inputs != 2)
        return record_chain (program, step, error);
    return step->out[0]->format.layout == FOV_BLOCKED
               ? record_binary_blocked (program, step, error)
               : dispatch_planar (program, p->kind, step->in[0], step->in[1], step->out[0], error);
}

const FovGpuOp fov_gpu_binary = { binary_formats, record_binary };

/* ---- batch normalization ---------------------------------------------- */

/* Then two passes do, of factors computed here. */
static gboolean
norm_is_constant (const FovNode *node)
{
    for (guint i = 1; i < 5; i++)
        if (!node->inputs[i]->data)
            return FALSE;
    return !((const FovBatchNormParams *) node->params)->training_mode;
}

static guint
norm_formats (const FovNode *node, int block)
{
    if (!norm_is_constant (node))
        return fov_gpu_batch_norm_formats (node);
    if (!fov_gpu_can_floats (node, ~0u))
        return 0;
    return fov_gpu_can_block (node->inputs[0]) ? FOV_CAN_BLOCKED : FOV_CAN_PLANAR;
}

/* Multiplies a blocked picture by a value per channel, or adds it. */
static gboolean
norm_blocked (FovGpuProgram *program, const FovOperand *in, const FovOperand *out,
              FovBinaryKind kind, const float *v, GError **error)
{
    FovPicture picture = fov_picture (&out->shape);
    const gint64 d[4] = { 1, picture.c, 1, 1 };
    guint32 spec[] = { kind, MODE_SAME, FALSE, MODE_CHANNEL, TRUE, picture.c % 4 != 0 };
    struct fov_push_binary_blocked push = {
        .a = fov_gpu_texel (in),
        .b = add_blocked (program, v, d, FALSE),
        .dst = fov_gpu_texel (out),
        .a_batch = picture.blocks * picture.h * picture.w,
        .c4 = picture.blocks,
        .pixels = picture.h * picture.w,
        .keep = (picture.c - 1) % 4 + 1,
    };

    return fov_gpu_program_dispatch (program, "binary_blocked", spec, G_N_ELEMENTS (spec), &push,
                                     sizeof push, (guint) (push.pixels + 255) / 256,
                                     (guint) (picture.n * picture.blocks), 1, error);
}

static gboolean
norm_planar (FovGpuProgram *program, const FovOperand *in, const FovOperand *out,
             FovBinaryKind kind, const float *v, GError **error)
{
    const FovShape *x = &out->shape;
    const int channels = (int) x->dim[1], inner = (int) fov_shape_span (x, 2, x->rank);
    guint32 spec[4] = { kind, FALSE, TRUE, 3 };
    struct fov_push_binary push = {
        .a = fov_gpu_float (in),
        .b = (int) fov_gpu_program_add_constant (program, v, (gsize) channels * 4) / 4,
        .dst = fov_gpu_float (out),
        .n = fov_gpu_n_floats (out),
        .size = { (int) x->dim[0], channels, inner },
        .a_stride = { channels * inner, inner, 1 },
        .b_stride = { 0, 1, 0 },
    };

    return fov_gpu_dispatch_flat (program, "binary", spec, 4, &push, sizeof push, (guint64) push.n,
                                  256, error);
}

/* x * factor + offset, one after the other: the second in place. */
static gboolean
record_norm (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovBatchNormParams *p = step->node->params;
    const FovOperand *in = step->in[0], *out = step->out[0];
    const gint64 channels = out->shape.dim[1];
    g_autofree float *factor = g_new (float, channels), *offset = g_new (float, channels);
    const float *v[5];

    if (!norm_is_constant (step->node))
        return fov_gpu_record_batch_norm (program, step, error);
    for (guint i = 1; i < 5; i++)
        v[i] = g_bytes_get_data (step->in[i]->tensor->data, NULL);
    for (gint64 c = 0; c < channels; c++) {
        factor[c] = (float) (v[1][c] / sqrt ((double) v[4][c] + (double) p->epsilon));
        offset[c] = v[2][c] - v[3][c] * factor[c];
    }
    if (out->format.layout == FOV_BLOCKED)
        return norm_blocked (program, in, out, FOV_BINARY_MUL, factor, error) &&
               norm_blocked (program, out, out, FOV_BINARY_ADD, offset, error);
    return norm_planar (program, in, out, FOV_BINARY_MUL, factor, error) &&
           norm_planar (program, out, out, FOV_BINARY_ADD, offset, error);
}

const FovGpuOp fov_gpu_batch_norm = { norm_formats, record_norm };
