/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fov.ActGrad and fov.BinaryGrad on vulkan. */
#include "ops/infer.h"
#include "ops/record.h"

/* ---- fov.ActGrad ------------------------------------------------------ */

static guint
act_formats (const FovNode *node, int block)
{
    if (!fov_gpu_can_floats (node, 3) || node->inputs[1]->data)
        return 0;
    return FOV_CAN_PLANAR | (fov_gpu_can_block (node->inputs[0]) ? FOV_CAN_BLOCKED : 0);
}

/* Of the unused channels, which are 0. */
static gboolean
slope_at_zero_is_none (const FovAct *act)
{
    return act->kind == FOV_ACT_LOG || act->kind == FOV_ACT_SQRT || act->kind == FOV_ACT_RECIPROCAL;
}

static gboolean
record_act (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovAct *act = &((const FovUnaryParams *) step->node->params)->act;
    const FovOperand *dy = step->in[0], *x = step->in[1], *out = step->out[0];
    gboolean blocked = out->format.layout == FOV_BLOCKED;
    int n = fov_gpu_n_floats (out);
    gboolean vector = blocked || (x->offset % 16 == 0 && dy->offset % 16 == 0 &&
                                  out->offset % 16 == 0 && n % 4 == 0);
    guint32 spec[] = { act->kind, (guint32) vector, 0, 0 };
    int from = fov_gpu_source (program, dy, &spec[3]);
    struct fov_push_act_grad push = {
        .src = vector ? fov_gpu_texel (x) : fov_gpu_float (x),
        .dy = vector ? from / 4 : from,
        .dst = vector ? fov_gpu_texel (out) : fov_gpu_float (out),
        .n = vector ? n / 4 : n,
        .c4 = 1,
        .plane = 1,
        .a = act->a,
        .b = act->b,
    };

    if (blocked) {
        FovPicture picture = fov_picture (&out->shape);
        push.c4 = picture.blocks;
        push.plane = picture.h * picture.w;
        push.keep = (picture.c - 1) % 4 + 1;
        spec[2] = picture.c % 4 && slope_at_zero_is_none (act);
    }
    return fov_gpu_dispatch_flat (program, "act_grad", spec, 4, &push, sizeof push,
                                  (guint64) push.n, 256, error);
}

const FovGpuOp fov_gpu_act_grad = { act_formats, record_act };

/* ---- fov.BinaryGrad --------------------------------------------------- */

static guint
binary_formats (const FovNode *node, int block)
{
    const FovTensor *b = node->inputs[2];

    return fov_gpu_can_floats (node, 3) && (b->data || fov_gpu_can_float (b)) &&
                   node->outputs[0]->shape.rank <= 6
               ? FOV_CAN_PLANAR
               : 0;
}

/* Exponents may be constant integers. */
static int
second_source (FovGpuProgram *program, const FovOperand *b, guint32 *constant)
{
    const FovView view = { b->dtype, b->shape,
                           b->tensor->data ? (gpointer) g_bytes_get_data (b->tensor->data, NULL)
                                           : NULL };
    gint64 n = fov_shape_elements (&b->shape);
    guint32 offset = 0;
    float *to;

    if (b->place != FOV_PLACE_CONSTANT || b->dtype == FOV_F32)
        return fov_gpu_source (program, b, constant);
    *constant = TRUE;
    to = fov_gpu_program_reserve_constant (program, (gsize) n * sizeof *to, &offset);
    for (gint64 i = 0; to && i < n; i++)
        to[i] = (float) fov_view_get (&view, i);
    return (int) (offset / 4);
}

static gboolean
record_binary (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovBinaryParams *p = step->node->params;
    const FovOperand *db = step->node->n_outputs > 1 ? step->out[1] : NULL;
    const FovShape *shape = &step->out[0]->shape;
    struct fov_push_binary_grad push = {
        .da = fov_gpu_float (step->out[0]),
        .db = db ? fov_gpu_float (db) : -1,
        .n = fov_gpu_n_floats (step->out[0]),
    };
    guint32 spec[] = { (guint32) p->kind, 0, 0, 0, (guint32) shape->rank };
    gint64 stride[2][FOV_MAX_RANK];

    push.dy = fov_gpu_source (program, step->in[0], &spec[1]);
    push.a = fov_gpu_source (program, step->in[1], &spec[2]);
    push.b = second_source (program, step->in[2], &spec[3]);
    fov_broadcast_strides (&step->in[1]->shape, shape, stride[0]);
    fov_broadcast_strides (&step->in[2]->shape, shape, stride[1]);
    for (int d = 0; d < shape->rank; d++) {
        push.size[d] = (int) shape->dim[d];
        push.a_stride[d] = (int) stride[0][d];
        push.b_stride[d] = (int) stride[1][d];
    }
    return fov_gpu_dispatch_flat (program, "binary_grad", spec, G_N_ELEMENTS (spec), &push,
                                  sizeof push, (guint64) push.n, 64, error);
}

const FovGpuOp fov_gpu_binary_grad = { binary_formats, record_binary };
