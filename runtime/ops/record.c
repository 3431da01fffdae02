/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/record.h"

#include <string.h>

FovPicture
fov_picture (const FovShape *shape)
{
    return (FovPicture){
        .n = (int) shape->dim[0],
        .c = (int) shape->dim[1],
        .blocks = (int) ((shape->dim[1] + 3) / 4),
        .h = (int) shape->dim[2],
        .w = (int) shape->dim[3],
    };
}

struct fov_push_normalise
fov_gpu_push_normalise (gint64 bgr, const FovFloats *mean, const FovFloats *scale)
{
    return (struct fov_push_normalise){ bgr != 0,    mean->v[0],  mean->v[1], mean->v[2],
                                        scale->v[0], scale->v[1], scale->v[2] };
}

gboolean
fov_gpu_can_float (const FovTensor *tensor)
{
    gint64 n = fov_tensor_elements (tensor);

    return tensor->dtype == FOV_F32 && n > 0 && n < (1 << 29);
}

gboolean
fov_gpu_can_floats (const FovNode *node, guint inputs)
{
    for (guint i = 0; i < node->n_inputs && i < 32; i++)
        if (node->inputs[i] && ((inputs | 1) & (1u << i)) && !fov_gpu_can_float (node->inputs[i]))
            return FALSE;
    for (guint i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] && !fov_gpu_can_float (node->outputs[i]))
            return FALSE;
    return TRUE;
}

gboolean
fov_gpu_can_block (const FovTensor *tensor)
{
    return tensor->shape.rank == 4 && fov_gpu_can_float (tensor) && !tensor->data &&
           tensor->shape.dim[0] * ((tensor->shape.dim[1] + 3) / 4) <= 65535;
}

int
fov_gpu_texel (const FovOperand *operand)
{
    return (int) (operand->offset / 16);
}

int
fov_gpu_float (const FovOperand *operand)
{
    return (int) (operand->offset / 4);
}

int
fov_gpu_n_floats (const FovOperand *operand)
{
    return (int) (fov_format_bytes (&operand->format, operand->dtype, &operand->shape) / 4);
}

/* As 32-bit words: what kernels read constants as. */
static guint32
add_words (FovGpuProgram *program, const FovTensor *tensor)
{
    gsize bytes, n;
    const gint64 *from = g_bytes_get_data (tensor->data, &bytes);
    guint32 offset = 0;
    gint32 *to;

    if (tensor->dtype != FOV_I64)
        return fov_gpu_program_add_constant (program, from, bytes);
    n = bytes / 8;
    to = fov_gpu_program_reserve_constant (program, n * 4, &offset);
    for (gsize i = 0; to && i < n; i++)
        to[i] = (gint32) CLAMP (from[i], G_MININT32, G_MAXINT32);
    return offset;
}

int
fov_gpu_source (FovGpuProgram *program, const FovOperand *operand, guint32 *constant)
{
    *constant = operand->place == FOV_PLACE_CONSTANT;
    return *constant ? (int) (add_words (program, operand->tensor) / 4) : fov_gpu_float (operand);
}

int
fov_gpu_masked_source (FovGpuProgram *program, const FovOperand *operand, guint i, guint32 *mask)
{
    guint32 constant;
    int at = fov_gpu_source (program, operand, &constant);

    *mask |= constant << i;
    return at;
}

int
fov_gpu_index_source (FovGpuProgram *program, const FovOperand *indices, guint32 *kind)
{
    guint32 constant;
    int at = fov_gpu_source (program, indices, &constant);

    *kind = constant ? 0 : indices->dtype == FOV_I64 ? 2 : 1;
    return at;
}

guint
fov_gpu_lanes (FovGpuProgram *program)
{
    return fov_gpu_limits (fov_gpu_program_gpu (program))->subgroup_size <= 8 ? 8 : 32;
}

gboolean
fov_gpu_on_processor (FovGpuProgram *program)
{
    return fov_gpu_limits (fov_gpu_program_gpu (program))->on_processor;
}

/* Wide and long strips share more of what they fetch; real GPUs need more lanes than that leaves.
 */
FovStrips
fov_gpu_strips (FovGpuProgram *program, int h, int w, int stride_x)
{
    gboolean few = fov_gpu_on_processor (program);
    int columns = few && stride_x == 1 && w > 2 ? 4 : 2, longest = few ? 24 : 8;
    int parts = (h + longest - 1) / longest;

    return (FovStrips){ columns, (h + parts - 1) / parts, (w + columns - 1) / columns };
}

gboolean
fov_gpu_dispatch_flat (FovGpuProgram *program, const char *shader, const guint32 *spec,
                       guint n_spec, gconstpointer push, gsize push_bytes, guint64 n, guint each,
                       GError **error)
{
    guint64 groups = (n + each - 1) / each;
    guint64 y = (groups + 65534) / 65535;

    return fov_gpu_program_dispatch (program, shader, spec, n_spec, push, push_bytes,
                                     (guint) ((groups + y - 1) / y), (guint) y, 1, error);
}

gboolean
fov_gpu_act_moves_zero (const FovAct *act)
{
    switch (act->kind) {
    case FOV_ACT_CLIP:
        return act->a > 0 || act->b < 0;
    case FOV_ACT_SIGMOID:
    case FOV_ACT_HARD_SIGMOID:
    case FOV_ACT_SOFTPLUS:
    case FOV_ACT_EXP:
    case FOV_ACT_LOG:
    case FOV_ACT_RECIPROCAL:
    case FOV_ACT_COS:
        return TRUE;
    default:
        return FALSE;
    }
}
