/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GatherElements, ScatterElements, GatherND, ScatterND and fov.GatherGrad on vulkan, of floats. */
#include "ops/gather.h"
#include "ops/infer.h"
#include "ops/record.h"

enum { MOST_STEPS = 65535 };

static gboolean
can_index (const FovTensor *indices)
{
    gint64 n = fov_tensor_elements (indices);

    return n > 0 && n < (1 << 28) && (indices->dtype == FOV_I64 || indices->dtype == FOV_I32);
}

static gboolean
can_scatter (const FovNode *node)
{
    const FovScatterParams *p = node->params;

    return p->reduction == FOV_SCATTER_NONE || p->reduction == FOV_SCATTER_ADD;
}

/* ---- fov.GatherGrad --------------------------------------------------- */

static guint
grad_formats (const FovNode *node, int block)
{
    return fov_gpu_can_floats (node, 1) && !node->inputs[0]->data && can_index (node->inputs[1]) &&
                   fov_tensor_elements (node->inputs[1]) <= MOST_STEPS
               ? FOV_CAN_PLANAR
               : 0;
}

static gboolean
record_grad (FovGpuProgram *program, const FovStep *step, GError **error)
{
    int axis = (int) ((const FovAxisParams *) step->node->params)->axis;
    const FovShape *x = &step->out[0]->shape;
    guint32 kind;
    struct fov_push_gather_grad push = {
        .src = fov_gpu_float (step->in[0]),
        .dst = fov_gpu_float (step->out[0]),
        .indices = fov_gpu_index_source (program, step->in[1], &kind),
        .n = (int) fov_shape_elements (x),
        .size = (int) x->dim[axis],
        .count = (int) fov_shape_elements (&step->in[1]->shape),
        .inner = (int) fov_shape_span (x, axis + 1, x->rank),
    };

    return fov_gpu_dispatch_flat (program, "gather_grad", &kind, 1, &push, sizeof push,
                                  (guint64) push.n, 64, error);
}

const FovGpuOp fov_gpu_gather_grad = { grad_formats, record_grad };

/* ---- GatherElements, ScatterElements ---------------------------------- */

static guint
elements_formats (const FovNode *node, int block)
{
    gboolean scatters = node->n_inputs > 2;
    const FovShape *indices = &node->inputs[1]->shape;

    if (!fov_gpu_can_floats (node, scatters ? 5 : 1) || !can_index (node->inputs[1]) ||
        indices->rank < 1 || indices->rank > 6 || (scatters && !can_scatter (node)) ||
        indices->dim[((const FovAxisParams *) node->params)->axis] > MOST_STEPS)
        return 0;
    return FOV_CAN_PLANAR;
}

static gboolean
record_elements (FovGpuProgram *program, const FovStep *step, GError **error)
{
    gboolean scatters = step->node->n_inputs > 2;
    const FovShape *indices = &step->in[1]->shape, *x = &step->in[0]->shape;
    guint32 spec[6] = { 0, (guint32) x->rank, (guint32) scatters, 0, 0, 0 };
    struct fov_push_gather_elements push = {
        .src = fov_gpu_source (program, step->in[0], &spec[4]),
        .dst = fov_gpu_float (step->out[0]),
        .indices = fov_gpu_index_source (program, step->in[1], &spec[0]),
        .n = (int) fov_shape_elements (&step->out[0]->shape),
        .axis = (int) ((const FovAxisParams *) step->node->params)->axis,
    };

    if (scatters) {
        const FovScatterParams *p = step->node->params;
        push.updates = fov_gpu_source (program, step->in[2], &spec[5]);
        spec[3] = p->reduction == FOV_SCATTER_ADD;
    }
    for (int d = 0; d < x->rank; d++) {
        push.size[d] = (int) indices->dim[d];
        push.x_size[d] = (int) x->dim[d];
    }
    return fov_gpu_dispatch_flat (program, "gather_elements", spec, 6, &push, sizeof push,
                                  (guint64) push.n, 64, error);
}

const FovGpuOp fov_gpu_gather_elements = { elements_formats, record_elements };

/* ---- GatherND, ScatterND ---------------------------------------------- */

static gint64
n_entries (const FovShape *indices)
{
    return indices->dim[indices->rank - 1];
}

static guint
nd_formats (const FovNode *node, int block)
{
    gboolean scatters = node->n_inputs > 2;
    const FovTensor *indices = node->inputs[1];

    if (!fov_gpu_can_floats (node, scatters ? 5 : 1) || !can_index (indices) ||
        n_entries (&indices->shape) > 6)
        return 0;
    if (scatters)
        return can_scatter (node) && fov_tensor_elements (indices) <= MOST_STEPS ? FOV_CAN_PLANAR
                                                                                 : 0;
    return ((const FovGatherNdParams *) node->params)->batch_dims ? 0 : FOV_CAN_PLANAR;
}

static gboolean
record_nd (FovGpuProgram *program, const FovStep *step, GError **error)
{
    gboolean scatters = step->node->n_inputs > 2;
    const FovShape *indices = &step->in[1]->shape, *x = &step->in[0]->shape;
    int entries = (int) n_entries (indices);
    guint32 spec[6] = { 0, (guint32) entries, (guint32) scatters, 0, 0, 0 };
    struct fov_push_gather_nd push = {
        .src = fov_gpu_source (program, step->in[0], &spec[4]),
        .dst = fov_gpu_float (step->out[0]),
        .indices = fov_gpu_index_source (program, step->in[1], &spec[0]),
        .n = (int) fov_shape_elements (&step->out[0]->shape),
        .rows = (int) fov_shape_span (indices, 0, indices->rank - 1),
        .inner = (int) fov_shape_span (x, entries, x->rank),
    };

    if (scatters) {
        const FovScatterParams *p = step->node->params;
        push.updates = fov_gpu_source (program, step->in[2], &spec[5]);
        spec[3] = p->reduction == FOV_SCATTER_ADD;
    }
    for (int d = 0; d < entries; d++)
        push.size[d] = (int) x->dim[d];
    return fov_gpu_dispatch_flat (program, "gather_nd", spec, 6, &push, sizeof push,
                                  (guint64) push.n, 64, error);
}

const FovGpuOp fov_gpu_gather_nd = { nd_formats, record_nd };
