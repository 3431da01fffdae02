/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* MaxPool and AveragePool over pictures; the Global ones over any number of spatial dimensions. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"
#include "ops/pool.h"

#include <math.h>

static const char *const auto_pad_names[] = { "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL };

/* ---- windows ---------------------------------------------------------- */

static gboolean
pool_infer (FovNode *node, GError **error)
{
    FovPoolParams *p = node->params;
    FovWindow window = { &p->kernel_shape, &p->strides, &p->pads, &p->dilations, &p->auto_pad };
    FovShape out = { 4, { 0 } };
    gboolean max = g_str_equal (node->op->name, "MaxPool");
    guint set = FOV_FLOATS | (max ? FOV_DTYPE_BIT (FOV_I8) | FOV_DTYPE_BIT (FOV_U8) : 0);

    if (!fov_infer_dtype (node, 0, set, error) || !fov_infer_rank (node, 0, 4, 4, error) ||
        !fov_infer_window (node, &window, error) ||
        !fov_infer_window_output (node, &window, fov_in_shape (node, 0), p->ceil_mode != 0,
                                  &out.dim[2], error))
        return FALSE;
    for (int i = 0; i < 4; i++) {
        gint64 extent = (p->kernel_shape.v[i % 2] - 1) * p->dilations.v[i % 2] + 1;
        if (p->pads.v[i] >= extent)
            return fov_node_error (node, error,
                                   "pads has an entry %" G_GINT64_FORMAT
                                   ", expected less than the kernel's %" G_GINT64_FORMAT,
                                   p->pads.v[i], extent);
    }
    out.dim[0] = fov_in_shape (node, 0)->dim[0];
    out.dim[1] = fov_in_shape (node, 0)->dim[1];
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error) &&
           fov_infer_output (node, 1, FOV_I64, &out, error);
}

gboolean
fov_pool_tap (const FovPoolParams *p, const gint64 *xd, gint64 i, gint64 j, gint64 k, gint64 *y,
              gint64 *x)
{
    gint64 kw = p->kernel_shape.v[1];

    *y = i * p->strides.v[0] - p->pads.v[0] + k / kw * p->dilations.v[0];
    *x = j * p->strides.v[1] - p->pads.v[1] + k % kw * p->dilations.v[1];
    return *y >= 0 && *y < xd[2] && *x >= 0 && *x < xd[3];
}

gint64
fov_pool_count (const FovPoolParams *p, const gint64 *xd, gint64 i, gint64 j)
{
    gint64 taps = p->kernel_shape.v[0] * p->kernel_shape.v[1], count = 0, y, x;

    for (gint64 k = 0; k < taps; k++)
        if (fov_pool_tap (p, xd, i, j, k, &y, &x) ||
            (p->count_include_pad && y < xd[2] + p->pads.v[2] && x < xd[3] + p->pads.v[3]))
            count++;
    return count;
}

static gboolean
max_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovPoolParams *p = node->params;
    const gint64 *xd = in->shape.dim, *yd = out->shape.dim;
    gint64 taps = p->kernel_shape.v[0] * p->kernel_shape.v[1], pixels = xd[2] * xd[3];
    gint64 n = fov_shape_elements (&out->shape);
    gboolean indices = node->n_outputs > 1 && out[1].data;

    for (gint64 o = 0; o < n; o++) {
        gint64 i = o / yd[3] % yd[2], j = o % yd[3], plane = o / (yd[2] * yd[3]);
        gint64 best = 0, y, x;
        double max = -INFINITY;
        for (gint64 k = 0; k < taps; k++) {
            double v;
            if (!fov_pool_tap (p, xd, i, j, k, &y, &x))
                continue;
            v = fov_view_get (in, plane * pixels + y * xd[3] + x);
            if (v > max || isnan (v)) {
                max = v;
                best = p->storage_order ? x * xd[2] + y : y * xd[3] + x;
            }
        }
        fov_view_set (out, o, max);
        if (indices)
            fov_view_set_int (&out[1], o, plane * pixels + best);
    }
    return TRUE;
}

static gboolean
average_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovPoolParams *p = node->params;
    const gint64 *xd = in->shape.dim, *yd = out->shape.dim;
    gint64 taps = p->kernel_shape.v[0] * p->kernel_shape.v[1], pixels = xd[2] * xd[3];
    gint64 n = fov_shape_elements (&out->shape);

    for (gint64 o = 0; o < n; o++) {
        gint64 i = o / yd[3] % yd[2], j = o % yd[3], plane = o / (yd[2] * yd[3]), y, x;
        gint64 count = fov_pool_count (p, xd, i, j);
        double sum = 0;
        for (gint64 k = 0; k < taps; k++)
            if (fov_pool_tap (p, xd, i, j, k, &y, &x))
                sum += fov_view_get (in, plane * pixels + y * xd[3] + x);
        fov_view_set (out, o, count ? sum / count : 0);
    }
    return TRUE;
}

static double
pool_flops (const FovNode *node)
{
    const FovPoolParams *p = node->params;

    return (double) fov_tensor_elements (node->outputs[0]) * p->kernel_shape.v[0] *
           p->kernel_shape.v[1];
}

/* ---- global ----------------------------------------------------------- */

static gboolean
global_infer (FovNode *node, GError **error)
{
    FovShape out;

    if (!fov_infer_dtype (node, 0, FOV_FLOATS, error) ||
        !fov_infer_rank (node, 0, 3, FOV_MAX_RANK, error))
        return FALSE;
    out = *fov_in_shape (node, 0);
    for (int d = 2; d < out.rank; d++) {
        if (out.dim[d] < 1)
            return fov_node_error (node, error, "the input picture is empty");
        out.dim[d] = 1;
    }
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
global_average_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 n = fov_shape_elements (&out->shape);
    gint64 pixels = fov_shape_span (&in->shape, 2, in->shape.rank);

    for (gint64 o = 0; o < n; o++) {
        double sum = 0;
        for (gint64 i = 0; i < pixels; i++)
            sum += fov_view_get (in, o * pixels + i);
        fov_view_set (out, o, sum / pixels);
    }
    return TRUE;
}

static gboolean
global_max_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    gint64 n = fov_shape_elements (&out->shape);
    gint64 pixels = fov_shape_span (&in->shape, 2, in->shape.rank);

    for (gint64 o = 0; o < n; o++) {
        double max = -INFINITY;
        for (gint64 i = 0; i < pixels; i++) {
            double v = fov_view_get (in, o * pixels + i);
            max = v > max || isnan (v) ? v : max;
        }
        fov_view_set (out, o, max);
    }
    return TRUE;
}

static double
global_flops (const FovNode *node)
{
    return (double) fov_tensor_elements (node->inputs[0]);
}

/* ---- the table -------------------------------------------------------- */

static const FovParam max_params[] = {
    FOV_P_INTS ("kernel_shape", FovPoolParams, kernel_shape),
    FOV_P_INTS ("strides", FovPoolParams, strides),
    FOV_P_INTS ("pads", FovPoolParams, pads),
    FOV_P_INTS ("dilations", FovPoolParams, dilations),
    FOV_P_INT ("ceil_mode", FovPoolParams, ceil_mode, 0),
    FOV_P_INT ("storage_order", FovPoolParams, storage_order, 0),
    FOV_P_ENUM ("auto_pad", FovPoolParams, auto_pad, FOV_PAD_NOTSET, auto_pad_names),
    FOV_P_END,
};

static const FovParam average_params[] = {
    FOV_P_INTS ("kernel_shape", FovPoolParams, kernel_shape),
    FOV_P_INTS ("strides", FovPoolParams, strides),
    FOV_P_INTS ("pads", FovPoolParams, pads),
    FOV_P_INTS ("dilations", FovPoolParams, dilations),
    FOV_P_INT ("ceil_mode", FovPoolParams, ceil_mode, 0),
    FOV_P_INT ("count_include_pad", FovPoolParams, count_include_pad, 0),
    FOV_P_ENUM ("auto_pad", FovPoolParams, auto_pad, FOV_PAD_NOTSET, auto_pad_names),
    FOV_P_END,
};

static const FovOpDef max_pool = {
    .name = "MaxPool",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 2,
    .params = max_params,
    .params_size = sizeof (FovPoolParams),
    .infer = pool_infer,
    .reference = max_reference,
    .gradient = fov_gradient_max_pool,
    .host = &fov_host_pool,
    .flops = pool_flops,
    .gpu = &fov_gpu_pool,
};

static const FovOpDef average_pool = {
    .name = "AveragePool",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = average_params,
    .params_size = sizeof (FovPoolParams),
    .infer = pool_infer,
    .reference = average_reference,
    .gradient = fov_gradient_average_pool,
    .host = &fov_host_pool,
    .flops = pool_flops,
    .gpu = &fov_gpu_pool,
};

static const FovOpDef global_average_pool = {
    .name = "GlobalAveragePool",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = global_infer,
    .reference = global_average_reference,
    .gradient = fov_gradient_global_average,
    .host = &fov_host_global_pool,
    .flops = global_flops,
    .gpu = &fov_gpu_global_pool,
};

static const FovOpDef global_max_pool = {
    .name = "GlobalMaxPool",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = global_infer,
    .reference = global_max_reference,
    .gradient = fov_gradient_global_max,
    .host = &fov_host_global_pool,
    .flops = global_flops,
    .gpu = &fov_gpu_global_pool,
};

const FovOpDef *const fov_ops_pool[] = {
    &max_pool, &average_pool, &global_average_pool, &global_max_pool, NULL,
};
