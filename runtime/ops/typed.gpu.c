/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cast, comparisons, logic, Where and the arithmetic of integers on vulkan: planar, any word type.
 */
#include "ops/infer.h"
#include "ops/record.h"

gboolean
fov_gpu_can_typed (const FovTensor *tensor)
{
    const guint known = FOV_DTYPE_BIT (FOV_F32) | FOV_DTYPE_BIT (FOV_I8) | FOV_DTYPE_BIT (FOV_U8) |
                        FOV_DTYPE_BIT (FOV_I32) | FOV_DTYPE_BIT (FOV_I64) |
                        FOV_DTYPE_BIT (FOV_BOOL);
    gint64 n = fov_tensor_elements (tensor);

    return FOV_DTYPE_BIT (tensor->dtype) & known && n > 0 && n < (1 << 28);
}

/* The same for a whole node, whose result has at most as many dimensions as the kernels know. */
static gboolean
can_broadcast (const FovNode *node)
{
    for (guint i = 0; i < node->n_inputs; i++)
        if (!fov_gpu_can_typed (node->inputs[i]))
            return FALSE;
    return fov_gpu_can_typed (node->outputs[0]) && node->outputs[0]->shape.rank <= 6;
}

/* Word that the operand starts at; a constant is added as it is. */
static int
source (FovGpuProgram *program, const FovOperand *operand, guint32 *constant)
{
    gsize bytes;
    gconstpointer data;

    *constant = operand->place == FOV_PLACE_CONSTANT;
    if (!*constant)
        return fov_gpu_float (operand);
    data = g_bytes_get_data (operand->tensor->data, &bytes);
    return (int) (fov_gpu_program_add_constant (program, data, bytes) / 4);
}

/* Strides of operand i as seen from the result. */
static void
fill_strides (const FovStep *step, guint i, int stride[6])
{
    gint64 s[FOV_MAX_RANK];

    fov_broadcast_strides (&step->in[i]->shape, &step->out[0]->shape, s);
    for (int d = 0; d < step->out[0]->shape.rank; d++)
        stride[d] = (int) s[d];
}

static void
fill_size (const FovStep *step, int size[6])
{
    for (int d = 0; d < step->out[0]->shape.rank; d++)
        size[d] = (int) step->out[0]->shape.dim[d];
}

/* write_elements of typed.glsl: a lane writes four bytes or one element. */
static gboolean
dispatch (FovGpuProgram *program, const char *shader, const guint32 *spec, guint n_spec,
          const FovOperand *out, gconstpointer push, gsize push_bytes, GError **error)
{
    guint64 n = (guint64) fov_shape_elements (&out->shape);
    guint64 lanes = fov_dtype_size (out->dtype) == 1 ? (n + 3) / 4 : n;

    return fov_gpu_dispatch_flat (program, shader, spec, n_spec, push, push_bytes, lanes, 64,
                                  error);
}

/* ---- one operand ------------------------------------------------------ */

gboolean
fov_gpu_record_cast (FovGpuProgram *program, const FovStep *step, FovCastFunc func, GError **error)
{
    const FovOperand *in = step->in[0], *out = step->out[0];
    guint32 spec[] = { in->dtype, out->dtype, func };
    struct fov_push_cast push = {
        .src = fov_gpu_float (in),
        .dst = fov_gpu_float (out),
        .n = (int) fov_shape_elements (&out->shape),
    };

    return dispatch (program, "cast", spec, G_N_ELEMENTS (spec), out, &push, sizeof push, error);
}

static guint
cast_formats (const FovNode *node, int block)
{
    return !node->inputs[0]->data && fov_gpu_can_typed (node->inputs[0]) &&
                   fov_gpu_can_typed (node->outputs[0])
               ? FOV_CAN_PLANAR
               : 0;
}

static gboolean
record_cast (FovGpuProgram *program, const FovStep *step, GError **error)
{
    return fov_gpu_record_cast (program, step, FOV_CAST, error);
}

static gboolean
record_not (FovGpuProgram *program, const FovStep *step, GError **error)
{
    return fov_gpu_record_cast (program, step, FOV_CAST_NOT, error);
}

static gboolean
record_is_nan (FovGpuProgram *program, const FovStep *step, GError **error)
{
    return fov_gpu_record_cast (program, step, FOV_CAST_IS_NAN, error);
}

const FovGpuOp fov_gpu_cast = { cast_formats, record_cast };
const FovGpuOp fov_gpu_not = { cast_formats, record_not };
const FovGpuOp fov_gpu_is_nan = { cast_formats, record_is_nan };

/* ---- two operands ----------------------------------------------------- */

/* A kernel can not say that something was divided by zero. */
static gboolean
never_zero (const FovTensor *tensor)
{
    FovView view = { tensor->dtype, tensor->shape, NULL };

    if (!tensor->data)
        return FALSE;
    view.data = (gpointer) g_bytes_get_data (tensor->data, NULL);
    for (gint64 i = 0; i < fov_shape_elements (&view.shape); i++)
        if (fov_view_get_int (&view, i) == 0)
            return FALSE;
    return TRUE;
}

guint
fov_gpu_binary_typed_formats (const FovNode *node)
{
    const FovBinaryParams *p = node->params;

    if (node->n_inputs != 2 || !can_broadcast (node) || p->kind == FOV_BINARY_POW)
        return 0;
    if (node->inputs[0]->dtype == FOV_F32 && node->outputs[0]->dtype != FOV_BOOL)
        return 0;
    if ((p->kind == FOV_BINARY_DIV || p->kind == FOV_BINARY_MOD) && !never_zero (node->inputs[1]))
        return 0;
    return FOV_CAN_PLANAR;
}

gboolean
fov_gpu_record_binary_typed (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovBinaryParams *p = step->node->params;
    const FovOperand *out = step->out[0];
    guint32 spec[7] = { (guint32) p->kind,         step->in[0]->dtype, out->dtype, 0, 0,
                        (guint32) out->shape.rank, p->fmod != 0 };
    struct fov_push_binary push = {
        .a = source (program, step->in[0], &spec[3]),
        .b = source (program, step->in[1], &spec[4]),
        .dst = fov_gpu_float (out),
        .n = (int) fov_shape_elements (&out->shape),
    };

    fill_size (step, push.size);
    fill_strides (step, 0, push.a_stride);
    fill_strides (step, 1, push.b_stride);
    return dispatch (program, "binary_typed", spec, G_N_ELEMENTS (spec), out, &push, sizeof push,
                     error);
}

/* ---- Where ------------------------------------------------------------ */

static guint
where_formats (const FovNode *node, int block)
{
    return can_broadcast (node) ? FOV_CAN_PLANAR : 0;
}

static gboolean
record_where (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovOperand *out = step->out[0];
    guint32 spec[5] = { out->dtype, 0, 0, 0, (guint32) out->shape.rank };
    struct fov_push_where push = {
        .c = source (program, step->in[0], &spec[1]),
        .a = source (program, step->in[1], &spec[2]),
        .b = source (program, step->in[2], &spec[3]),
        .dst = fov_gpu_float (out),
        .n = (int) fov_shape_elements (&out->shape),
    };

    fill_size (step, push.size);
    fill_strides (step, 0, push.c_stride);
    fill_strides (step, 1, push.a_stride);
    fill_strides (step, 2, push.b_stride);
    return dispatch (program, "where", spec, G_N_ELEMENTS (spec), out, &push, sizeof push, error);
}

const FovGpuOp fov_gpu_where = { where_formats, record_where };
