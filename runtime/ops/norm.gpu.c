/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Instance, group and layer normalization on vulkan: planar, in runs of elements. */
#include "ops/infer.h"
#include "ops/record.h"

/** Runs are brought to mean 0, variance 1; scale and bias k belong to element i: k = i / inner %
 * count. */
typedef struct {
    gint64 run, inner, count;
} Runs;

static gboolean
formats (const FovNode *node, const Runs *runs)
{
    gint64 n = fov_tensor_elements (node->inputs[0]);

    if (!fov_gpu_can_floats (node, ~0u) || node->inputs[0]->data || runs->run < 1 ||
        n / runs->run > (1 << 29))
        return FALSE;
    for (guint i = 1; i < node->n_inputs; i++)
        if (node->inputs[i] && fov_tensor_elements (node->inputs[i]) != runs->count)
            return FALSE;
    for (guint i = 1; i < node->n_outputs; i++)
        if (node->outputs[i])
            return FALSE;
    return TRUE;
}

static gboolean
record (FovGpuProgram *program, const FovStep *step, const Runs *runs, GError **error)
{
    const FovNormParams *p = step->node->params;
    const FovOperand *bias = step->node->n_inputs > 2 ? step->in[2] : NULL;
    guint32 spec[3] = { 0, 0, bias != NULL };
    struct fov_push_norm push = {
        .src = fov_gpu_float (step->in[0]),
        .dst = fov_gpu_float (step->out[0]),
        .scale = fov_gpu_source (program, step->in[1], &spec[0]),
        .bias = bias ? fov_gpu_source (program, bias, &spec[1]) : 0,
        .n = (int) (fov_shape_elements (&step->in[0]->shape) / runs->run),
        .run = (int) runs->run,
        .inner = (int) runs->inner,
        .count = (int) runs->count,
        .epsilon = p->epsilon,
    };

    return fov_gpu_dispatch_flat (program, "norm", spec, 3, &push, sizeof push, (guint64) push.n, 1,
                                  error);
}

/* ---- InstanceNormalization, GroupNormalization ------------------------ */

static Runs
group_runs (const FovNode *node, gint64 groups)
{
    const FovShape *x = &node->inputs[0]->shape;
    gint64 pixels = fov_shape_span (x, 2, x->rank), run = x->dim[1] / groups * pixels;
    gint64 count = fov_tensor_elements (node->inputs[1]);

    return (Runs){ run, count == groups ? run : pixels, count };
}

static guint
instance_formats (const FovNode *node, int block)
{
    Runs runs = group_runs (node, MAX (node->inputs[0]->shape.dim[1], 1));

    return formats (node, &runs) ? FOV_CAN_PLANAR : 0;
}

static gboolean
record_instance (FovGpuProgram *program, const FovStep *step, GError **error)
{
    Runs runs = group_runs (step->node, step->in[0]->shape.dim[1]);

    return record (program, step, &runs, error);
}

static guint
group_formats (const FovNode *node, int block)
{
    Runs runs = group_runs (node, ((const FovNormParams *) node->params)->num_groups);

    return formats (node, &runs) ? FOV_CAN_PLANAR : 0;
}

static gboolean
record_group (FovGpuProgram *program, const FovStep *step, GError **error)
{
    Runs runs = group_runs (step->node, ((const FovNormParams *) step->node->params)->num_groups);

    return record (program, step, &runs, error);
}

const FovGpuOp fov_gpu_instance_norm = { instance_formats, record_instance };
const FovGpuOp fov_gpu_group_norm = { group_formats, record_group };

/* ---- LayerNormalization ----------------------------------------------- */

/* Whether the last dimensions, from axis on, are the input's, and those before are 1. */
static gboolean
is_suffix (const FovShape *shape, const FovShape *x, int axis)
{
    for (int k = 1; k <= MAX (shape->rank, x->rank - axis); k++) {
        gint64 have = k <= shape->rank ? shape->dim[shape->rank - k] : 1;
        gint64 want = x->rank - k >= axis ? x->dim[x->rank - k] : 1;
        if (have != want)
            return FALSE;
    }
    return TRUE;
}

static Runs
layer_runs (const FovNode *node)
{
    const FovShape *x = &node->inputs[0]->shape;

    gint64 run = fov_shape_span (x, (int) ((const FovNormParams *) node->params)->axis, x->rank);

    return (Runs){ run, 1, run };
}

static guint
layer_formats (const FovNode *node, int block)
{
    Runs runs = layer_runs (node);

    for (guint i = 1; i < node->n_inputs; i++)
        if (node->inputs[i] && !is_suffix (&node->inputs[i]->shape, &node->inputs[0]->shape,
                                           (int) ((const FovNormParams *) node->params)->axis))
            return 0;
    return formats (node, &runs) ? FOV_CAN_PLANAR : 0;
}

static gboolean
record_layer (FovGpuProgram *program, const FovStep *step, GError **error)
{
    Runs runs = layer_runs (step->node);

    return record (program, step, &runs, error);
}

const FovGpuOp fov_gpu_layer_norm = { layer_formats, record_layer };
