/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Normalisations: y = (x - mean) / sqrt (var + epsilon) scale + bias, and kin. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"
#include "ops/norm.h"

#include <math.h>

void
fov_moments (const FovView *x, gint64 start, gint64 n, double epsilon, double *mean,
             double *inverse)
{
    FovChannel all = { 1, start, n, n, 0 };
    double var;

    fov_channel_moments (x, &all, mean, &var);
    *inverse = 1 / sqrt (var + epsilon);
}

FovChannel
fov_channel (const FovShape *shape, gint64 c)
{
    gint64 pixels = fov_shape_span (shape, 2, shape->rank);

    return (FovChannel){ shape->dim[0], c * pixels, pixels, shape->dim[0] * pixels,
                         shape->dim[1] * pixels };
}

void
fov_channel_moments (const FovView *x, const FovChannel *c, double *mean, double *var)
{
    double sum = 0, squares = 0;

    for (gint64 i = 0; i < c->n; i++)
        sum += fov_view_get (x, fov_channel_index (c, i));
    *mean = sum / c->n;
    for (gint64 i = 0; i < c->n; i++) {
        double d = fov_view_get (x, fov_channel_index (c, i)) - *mean;
        squares += d * d;
    }
    *var = squares / c->n;
}

static gboolean
check_epsilon (const FovNode *node, float epsilon, GError **error)
{
    if (!(epsilon >= 0) || !isfinite (epsilon))
        return fov_node_error (node, error, "epsilon is %g, expected 0 or more", epsilon);
    return TRUE;
}

/* X [N,C,...] of rank min or more, floats; inputs 1..n-1 are vectors of C. */
static gboolean
channel_inputs (const FovNode *node, int min, guint n, GError **error)
{
    for (guint i = 0; i < n; i++)
        if (!fov_infer_dtype (node, i, FOV_FLOATS, error))
            return FALSE;
    if (!fov_infer_rank (node, 0, min, FOV_MAX_RANK, error))
        return FALSE;
    for (guint i = 1; i < n; i++)
        if (!fov_infer_vector (node, i, fov_in_shape (node, 0)->dim[1], error))
            return FALSE;
    return TRUE;
}

/* ---- BatchNormalization ----------------------------------------------- */

static gboolean
batch_infer (FovNode *node, GError **error)
{
    const FovBatchNormParams *p = node->params;

    for (guint i = 1; i < node->n_outputs && !p->training_mode; i++)
        if (node->outputs[i])
            return fov_node_error (node, error, "statistics come with training_mode only");
    return check_epsilon (node, p->epsilon, error) && channel_inputs (node, 2, 5, error) &&
           fov_infer_same (node, error) &&
           fov_infer_output (node, 1, node->inputs[3]->dtype, fov_in_shape (node, 3), error) &&
           fov_infer_output (node, 2, node->inputs[4]->dtype, fov_in_shape (node, 4), error) &&
           fov_infer_output (node, 3, node->inputs[3]->dtype, fov_in_shape (node, 3), error) &&
           fov_infer_output (node, 4, node->inputs[4]->dtype, fov_in_shape (node, 4), error);
}

static void
give (const FovNode *node, FovView *out, guint i, gint64 c, double value)
{
    if (node->n_outputs > i && out[i].data)
        fov_view_set (&out[i], c, value);
}

/* Outputs 1 and 2: how the running mean and variance go on; 3 and 4: those of this input. */
static void
batch_statistics (const FovNode *node, const FovView *in, FovView *out, gint64 c, double mean,
                  double var)
{
    double keep = ((const FovBatchNormParams *) node->params)->momentum;

    give (node, out, 1, c, keep * fov_view_get (&in[3], c) + (1 - keep) * mean);
    give (node, out, 2, c, keep * fov_view_get (&in[4], c) + (1 - keep) * var);
    give (node, out, 3, c, mean);
    give (node, out, 4, c, var);
}

/* In training mode with the statistics of this very input. */
static gboolean
batch_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovBatchNormParams *p = node->params;

    for (gint64 c = 0; c < in->shape.dim[1]; c++) {
        FovChannel ch = fov_channel (&in->shape, c);
        double scale = fov_view_get (&in[1], c), bias = fov_view_get (&in[2], c);
        double mean = fov_view_get (&in[3], c), var = fov_view_get (&in[4], c);
        if (p->training_mode) {
            fov_channel_moments (in, &ch, &mean, &var);
            batch_statistics (node, in, out, c, mean, var);
        }
        for (gint64 i = 0; i < ch.n; i++) {
            gint64 at = fov_channel_index (&ch, i);
            fov_view_set (out, at,
                          (fov_view_get (in, at) - mean) / sqrt (var + p->epsilon) * scale + bias);
        }
    }
    return TRUE;
}

/* ---- InstanceNormalization, GroupNormalization ------------------------ */

static gboolean
instance_infer (FovNode *node, GError **error)
{
    const FovNormParams *p = node->params;

    return check_epsilon (node, p->epsilon, error) && channel_inputs (node, 3, 3, error) &&
           fov_infer_same (node, error);
}

/* Groups of channels; scale and bias per channel, or per group where there are as many. */
static void
normalize_groups (const FovView *in, FovView *out, gint64 groups, double epsilon)
{
    gint64 n = fov_shape_elements (&in->shape), channels = in->shape.dim[1];
    gint64 pixels = fov_shape_span (&in->shape, 2, in->shape.rank);
    gint64 run = channels / groups * pixels;
    gboolean per_group = in[1].shape.dim[0] == groups;

    for (gint64 start = 0; start < n; start += run) {
        double mean, inverse;
        fov_moments (in, start, run, epsilon, &mean, &inverse);
        for (gint64 i = start; i < start + run; i++) {
            gint64 c = per_group ? i / run % groups : i / pixels % channels;
            fov_view_set (out, i,
                          (fov_view_get (in, i) - mean) * inverse * fov_view_get (&in[1], c) +
                              fov_view_get (&in[2], c));
        }
    }
}

static gboolean
instance_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovNormParams *p = node->params;

    if (fov_shape_elements (&in->shape) > 0)
        normalize_groups (in, out, in->shape.dim[1], p->epsilon);
    return TRUE;
}

static gboolean
group_infer (FovNode *node, GError **error)
{
    const FovNormParams *p = node->params;
    gint64 channels, n;

    if (!check_epsilon (node, p->epsilon, error) || !channel_inputs (node, 2, 1, error) ||
        !fov_infer_dtype (node, 1, FOV_FLOATS, error) ||
        !fov_infer_dtype (node, 2, FOV_FLOATS, error))
        return FALSE;
    channels = fov_in_shape (node, 0)->dim[1];
    if (p->num_groups < 1 || channels % p->num_groups)
        return fov_node_error (node, error,
                               "num_groups %" G_GINT64_FORMAT " does not divide %" G_GINT64_FORMAT
                               " channels",
                               p->num_groups, channels);
    n = fov_tensor_elements (node->inputs[1]) == p->num_groups ? p->num_groups : channels;
    return fov_infer_vector (node, 1, n, error) && fov_infer_vector (node, 2, n, error) &&
           fov_infer_same (node, error);
}

static gboolean
group_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovNormParams *p = node->params;

    if (fov_shape_elements (&in->shape) > 0)
        normalize_groups (in, out, p->num_groups, p->epsilon);
    return TRUE;
}

/* ---- LayerNormalization: over the axes from axis on ------------------- */

static gboolean
layer_infer (FovNode *node, GError **error)
{
    FovNormParams *p = node->params;
    FovShape stats, both;
    int axis;

    if (p->stash_type != 1)
        return fov_node_error (node, error, "stash_type is %" G_GINT64_FORMAT ", expected 1",
                               p->stash_type);
    if (!check_epsilon (node, p->epsilon, error) || !fov_infer_dtypes (node, 3, FOV_FLOATS, error))
        return FALSE;
    stats = *fov_in_shape (node, 0);
    if (!fov_infer_axis (node, p->axis, stats.rank, &axis, error))
        return FALSE;
    p->axis = axis;
    for (guint i = 1; i < node->n_inputs; i++) {
        both = stats;
        if (!node->inputs[i])
            continue;
        if (!fov_infer_broadcast (node, &both, fov_in_shape (node, i), error))
            return FALSE;
        if (!fov_shape_equal (&both, &stats))
            return fov_node_error (node, error, "input %u does not broadcast to input 0", i);
    }
    for (int d = axis; d < stats.rank; d++)
        stats.dim[d] = 1;
    return fov_infer_same (node, error) && fov_infer_output (node, 1, FOV_F32, &stats, error) &&
           fov_infer_output (node, 2, FOV_F32, &stats, error);
}

static gboolean
layer_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovNormParams *p = node->params;
    gint64 n = fov_shape_elements (&in->shape), at[FOV_MAX_RANK] = { 0 };
    gint64 run = fov_shape_span (&in->shape, (int) p->axis, in->shape.rank);
    gint64 scale_stride[FOV_MAX_RANK], bias_stride[FOV_MAX_RANK];
    gboolean bias = node->n_inputs > 2 && in[2].data;
    double mean = 0, inverse = 0;

    fov_broadcast_strides (&in[1].shape, &in->shape, scale_stride);
    if (bias)
        fov_broadcast_strides (&in[2].shape, &in->shape, bias_stride);
    for (gint64 i = 0; i < n; i++, fov_next_coord (&in->shape, at)) {
        double y;
        if (i % run == 0) {
            fov_moments (in, i, run, p->epsilon, &mean, &inverse);
            for (guint k = 1; k < node->n_outputs; k++)
                if (out[k].data)
                    fov_view_set (&out[k], i / run, k == 1 ? mean : inverse);
        }
        y = (fov_view_get (in, i) - mean) * inverse *
            fov_view_get (&in[1], fov_index (in->shape.rank, at, scale_stride));
        if (bias)
            y += fov_view_get (&in[2], fov_index (in->shape.rank, at, bias_stride));
        fov_view_set (out, i, y);
    }
    return TRUE;
}

/* ---- LRN: x / (bias + alpha / size sum of squares of near channels)^beta ---- */

static gboolean
lrn_infer (FovNode *node, GError **error)
{
    const FovLrnParams *p = node->params;

    if (p->size < 1 || p->size > 65536)
        return fov_node_error (node, error, "size is %" G_GINT64_FORMAT ", expected 1 to 65536",
                               p->size);
    return channel_inputs (node, 2, 1, error) && fov_infer_same (node, error);
}

static gboolean
lrn_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovLrnParams *p = node->params;
    gint64 n = fov_shape_elements (&in->shape), channels = in->shape.dim[1];
    gint64 pixels = fov_shape_span (&in->shape, 2, in->shape.rank);

    for (gint64 i = 0; i < n; i++) {
        gint64 c = i / pixels % channels;
        gint64 from = MAX (c - (p->size - 1) / 2, 0), to = MIN (c + p->size / 2, channels - 1);
        double sum = 0;
        for (gint64 k = from; k <= to; k++) {
            double v = fov_view_get (in, i + (k - c) * pixels);
            sum += v * v;
        }
        fov_view_set (out, i,
                      fov_view_get (in, i) /
                          pow (p->bias + (double) p->alpha / p->size * sum, p->beta));
    }
    return TRUE;
}

/* ---- LpNormalization: x / norm along an axis -------------------------- */

static gboolean
lp_infer (FovNode *node, GError **error)
{
    FovLpParams *p = node->params;
    int axis;

    if (p->p != 1 && p->p != 2)
        return fov_node_error (node, error, "p is %" G_GINT64_FORMAT ", expected 1 or 2", p->p);
    if (!fov_infer_dtype (node, 0, FOV_FLOATS, error) ||
        !fov_infer_axis (node, p->axis, fov_in_shape (node, 0)->rank, &axis, error))
        return FALSE;
    p->axis = axis;
    return fov_infer_same (node, error);
}

static gboolean
lp_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovLpParams *p = node->params;
    gint64 n = fov_shape_elements (&in->shape), size = in->shape.dim[p->axis];
    gint64 inner = fov_shape_span (&in->shape, (int) p->axis + 1, in->shape.rank);

    for (gint64 i = 0; i < n; i++) {
        gint64 first = i - i / inner % size * inner;
        double norm = 0;
        for (gint64 k = 0; k < size; k++) {
            double v = fov_view_get (in, first + k * inner);
            norm += p->p == 1 ? fabs (v) : v * v;
        }
        norm = p->p == 1 ? norm : sqrt (norm);
        fov_view_set (out, i, norm > 0 ? fov_view_get (in, i) / norm : 0);
    }
    return TRUE;
}

/* ---- the table -------------------------------------------------------- */

static const FovParam batch_params[] = {
    FOV_P_FLOAT ("epsilon", FovBatchNormParams, epsilon, 1e-5),
    FOV_P_FLOAT ("momentum", FovBatchNormParams, momentum, 0.9),
    FOV_P_INT ("training_mode", FovBatchNormParams, training_mode, 0),
    FOV_P_END,
};

static const FovOpDef batch = {
    .name = "BatchNormalization",
    .min_inputs = 5,
    .max_inputs = 5,
    .min_outputs = 1,
    .max_outputs = 5,
    .flags = FOV_OP_IN_PLACE, /* the running statistics */
    .params = batch_params,
    .params_size = sizeof (FovBatchNormParams),
    .infer = batch_infer,
    .reference = batch_reference,
    .gradient = fov_gradient_batch_norm,
    .parameters = 1 << 1 | 1 << 2,
    .host = &fov_host_batch_norm,
    .flops = NULL,
    .gpu = &fov_gpu_batch_norm,
};

static const FovParam instance_params[] = {
    FOV_P_FLOAT ("epsilon", FovNormParams, epsilon, 1e-5),
    FOV_P_END,
};

static const FovOpDef instance = {
    .name = "InstanceNormalization",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = instance_params,
    .params_size = sizeof (FovNormParams),
    .infer = instance_infer,
    .reference = instance_reference,
    .gradient = fov_gradient_instance_norm,
    .parameters = 1 << 1 | 1 << 2,
    .host = NULL,
    .flops = NULL,
    .gpu = &fov_gpu_instance_norm,
};

static const FovParam group_params[] = {
    FOV_P_FLOAT ("epsilon", FovNormParams, epsilon, 1e-5),
    FOV_P_INT ("num_groups", FovNormParams, num_groups, 0),
    FOV_P_INT ("stash_type", FovNormParams, stash_type, 1),
    FOV_P_END,
};

static const FovOpDef group = {
    .name = "GroupNormalization",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = group_params,
    .params_size = sizeof (FovNormParams),
    .infer = group_infer,
    .reference = group_reference,
    .gradient = fov_gradient_group_norm,
    .parameters = 1 << 1 | 1 << 2,
    .host = NULL,
    .flops = NULL,
    .gpu = &fov_gpu_group_norm,
};

static const FovParam layer_params[] = {
    FOV_P_FLOAT ("epsilon", FovNormParams, epsilon, 1e-5),
    FOV_P_INT ("axis", FovNormParams, axis, -1),
    FOV_P_INT ("stash_type", FovNormParams, stash_type, 1),
    FOV_P_END,
};

static const FovOpDef layer = {
    .name = "LayerNormalization",
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 3,
    .params = layer_params,
    .params_size = sizeof (FovNormParams),
    .infer = layer_infer,
    .reference = layer_reference,
    .gradient = fov_gradient_layer_norm,
    .parameters = 1 << 1 | 1 << 2,
    .host = NULL,
    .flops = NULL,
    .gpu = &fov_gpu_layer_norm,
};

static const FovParam lrn_params[] = {
    FOV_P_FLOAT ("alpha", FovLrnParams, alpha, 1e-4),
    FOV_P_FLOAT ("beta", FovLrnParams, beta, 0.75),
    FOV_P_FLOAT ("bias", FovLrnParams, bias, 1),
    FOV_P_INT ("size", FovLrnParams, size, 0),
    FOV_P_END,
};

static const FovOpDef lrn = {
    .name = "LRN",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = lrn_params,
    .params_size = sizeof (FovLrnParams),
    .infer = lrn_infer,
    .reference = lrn_reference,
    .gradient = fov_gradient_lrn,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovParam lp_params[] = {
    FOV_P_INT ("axis", FovLpParams, axis, -1),
    FOV_P_INT ("p", FovLpParams, p, 2),
    FOV_P_END,
};

static const FovOpDef lp = {
    .name = "LpNormalization",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = lp_params,
    .params_size = sizeof (FovLpParams),
    .infer = lp_infer,
    .reference = lp_reference,
    .gradient = fov_gradient_lp,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

const FovOpDef *const fov_ops_norm[] = { &batch, &instance, &group, &layer, &lrn, &lp, NULL };
