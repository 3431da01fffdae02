/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Resize in any number of dimensions, one after the other; DepthToSpace and SpaceToDepth. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

#include <math.h>

enum { HALF_PIXEL, ASYMMETRIC, ALIGN_CORNERS, PYTORCH_HALF_PIXEL, TF_HALF_PIXEL_FOR_NN };
enum { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, FLOOR, CEIL };
enum { STRETCH, NOT_LARGER, NOT_SMALLER };

static const char *const modes[] = { "nearest", "linear", "cubic", NULL };
static const char *const coordinate_modes[] = { "half_pixel",           "asymmetric",
                                                "align_corners",        "pytorch_half_pixel",
                                                "tf_half_pixel_for_nn", NULL };
static const char *const nearest_modes[] = { "round_prefer_floor", "round_prefer_ceil", "floor",
                                             "ceil", NULL };
static const char *const aspects[] = { "stretch", "not_larger", "not_smaller", NULL };

/* ---- inference -------------------------------------------------------- */

/* Output size and scale of the axes from the scales input. */
static gboolean
sizes_from_scales (FovNode *node, const int *axes, int n_axes, FovShape *out, GError **error)
{
    FovResizeParams *p = node->params;
    const FovTensor *scales = node->inputs[2];
    FovView view = { scales->dtype, scales->shape, NULL };

    view.data = (void *) g_bytes_get_data (scales->data, NULL);
    for (int i = 0; i < n_axes; i++) {
        double s = fov_view_get (&view, i);
        float size = floorf ((float) out->dim[axes[i]] * (float) s); /* exporters count in float */
        if (!(s > 0) || !(size >= 1) || size > (float) G_MAXINT32)
            return fov_node_error (node, error,
                                   "scale %g makes %g of dimension %d's %" G_GINT64_FORMAT
                                   " elements",
                                   s, size, axes[i], out->dim[axes[i]]);
        out->dim[axes[i]] = (gint64) size;
        p->scale.v[axes[i]] = (float) s;
    }
    return TRUE;
}

static gboolean
sizes_from_sizes (FovNode *node, const gint64 *sizes, const int *axes, int n_axes, FovShape *out,
                  GError **error)
{
    FovResizeParams *p = node->params;
    double common = p->aspect == NOT_LARGER ? INFINITY : 0;

    for (int i = 0; i < n_axes; i++) {
        double s = (double) sizes[i] / out->dim[axes[i]];
        if (sizes[i] < 1 || sizes[i] > G_MAXINT32)
            return fov_node_error (node, error, "sizes has an entry %" G_GINT64_FORMAT, sizes[i]);
        common = p->aspect == NOT_LARGER ? MIN (common, s) : MAX (common, s);
    }
    for (int i = 0; i < n_axes; i++) {
        gint64 from = out->dim[axes[i]];
        gint64 to = p->aspect == STRETCH ? sizes[i] : (gint64) floor (common * from + 0.5);
        to = CLAMP (to, 1, G_MAXINT32);
        p->scale.v[axes[i]] = (float) (p->aspect == STRETCH ? (double) to / from : common);
        out->dim[axes[i]] = to;
    }
    return TRUE;
}

/* Which axes the scales or sizes are for; returns how many, -1 with the error set. */
static int
resize_axes (const FovNode *node, int axes[FOV_MAX_RANK], GError **error)
{
    const FovResizeParams *p = node->params;
    int rank = fov_in_shape (node, 0)->rank;
    guint mask;

    if (p->axes.n == 0) {
        for (int d = 0; d < rank; d++)
            axes[d] = d;
        return rank;
    }
    if (!fov_infer_axes (node, p->axes.v, p->axes.n, rank, &mask, error))
        return -1;
    for (int i = 0; i < p->axes.n; i++)
        axes[i] = (int) (p->axes.v[i] < 0 ? p->axes.v[i] + rank : p->axes.v[i]);
    return p->axes.n;
}

static gboolean
resize_output (FovNode *node, const int *axes, int n_axes, GError **error)
{
    FovShape out = *fov_in_shape (node, 0);
    FovDType dtype = node->inputs[0]->dtype;
    gint64 sizes[FOV_MAX_RANK], n_given;
    const FovTensor *scales = fov_in (node, 2);
    guint n_sizes;
    FovIntsState state = fov_infer_ints (node, 3, "sizes", sizes, FOV_MAX_RANK, &n_sizes, error);

    if (scales && fov_tensor_elements (scales) == 0)
        scales = NULL; /* how older files leave it out */
    if (state == FOV_INTS_BAD)
        return FALSE;
    if ((scales != NULL) == (state != FOV_INTS_ABSENT))
        return fov_node_error (node, error, "expected either scales or sizes");
    n_given = fov_tensor_elements (scales ? scales : node->inputs[3]);
    if (n_given != n_axes)
        return fov_node_error (node, error, "%s has %" G_GINT64_FORMAT " entries, expected %d",
                               scales ? "scales" : "sizes", n_given, n_axes);
    if (scales ? !scales->data : state == FOV_INTS_UNKNOWN) {
        fov_infer_unknown (node, 0, dtype, out.rank);
        return TRUE;
    }
    if (scales ? !sizes_from_scales (node, axes, n_axes, &out, error)
               : !sizes_from_sizes (node, sizes, axes, n_axes, &out, error))
        return FALSE;
    return fov_infer_output (node, 0, dtype, &out, error);
}

static gboolean
resize_infer (FovNode *node, GError **error)
{
    FovResizeParams *p = node->params;
    const FovShape *x = fov_in_shape (node, 0);
    guint set = p->mode == FOV_RESIZE_NEAREST ? FOV_ANY_DTYPE : FOV_NUMBERS;
    int axes[FOV_MAX_RANK], n_axes;

    if (!fov_infer_dtype (node, 0, set, error) || !fov_infer_dtype (node, 2, FOV_FLOATS, error))
        return FALSE;
    for (int d = 0; d < x->rank; d++)
        if (x->dim[d] < 1)
            return fov_node_error (node, error, "the input is empty");
    p->scale.n = x->rank;
    for (int d = 0; d < x->rank; d++)
        p->scale.v[d] = 1;
    n_axes = resize_axes (node, axes, error);
    return n_axes >= 0 && resize_output (node, axes, n_axes, error);
}

/* ---- which samples an output is made of -------------------------------- */

/* The exact ratio where the stored float is just that, rounded. */
static double
exact_scale (const FovResizeParams *p, int d, gint64 in, gint64 out)
{
    double ratio = (double) out / in;

    return (float) ratio == p->scale.v[d] ? ratio : p->scale.v[d];
}

/* Where coordinate o of dimension d lies among the samples. */
static double
source (const FovResizeParams *p, double scale, gint64 o, gint64 in, gint64 out)
{
    switch (p->coordinate_mode) {
    case ASYMMETRIC:
        return o / scale;
    case ALIGN_CORNERS:
        return out > 1 ? (double) o * (in - 1) / (out - 1) : 0;
    case PYTORCH_HALF_PIXEL:
        return out > 1 ? (o + 0.5) / scale - 0.5 : 0;
    case TF_HALF_PIXEL_FOR_NN:
        return (o + 0.5) / scale;
    default:
        return (o + 0.5) / scale - 0.5;
    }
}

static gint64
nearest (const FovResizeParams *p, double x)
{
    switch (p->nearest_mode) {
    case ROUND_PREFER_CEIL:
        return (gint64) floor (x + 0.5);
    case FLOOR:
        return (gint64) floor (x);
    case CEIL:
        return (gint64) ceil (x);
    default:
        return (gint64) ceil (x - 0.5);
    }
}

/* Weight of a sample at distance t: the tent, or Keys' cubic (1981), eq. 4, with a free. */
static double
weight (const FovResizeParams *p, double t)
{
    double a = p->cubic_coeff_a;

    t = fabs (t);
    if (p->mode == FOV_RESIZE_LINEAR)
        return MAX (1 - t, 0);
    if (t <= 1)
        return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/* How far the samples lie apart in the filter: closer where shrinking is to blur. */
static double
stretch (const FovResizeParams *p, double scale)
{
    return p->antialias && scale < 1 ? scale : 1;
}

int
fov_resize_n_taps (const FovResizeParams *p, int d, gint64 in, gint64 out)
{
    double radius = p->mode == FOV_RESIZE_LINEAR ? 1 : 2;

    if (p->mode == FOV_RESIZE_NEAREST)
        return 1;
    return 2 * (int) ceil (radius / stretch (p, exact_scale (p, d, in, out)));
}

void
fov_resize_taps (const FovResizeParams *p, int d, gint64 o, gint64 in, gint64 out, FovTap *taps)
{
    double scale = exact_scale (p, d, in, out), x = source (p, scale, o, in, out), total = 0;
    int n = fov_resize_n_taps (p, d, in, out);
    gint64 base = (gint64) floor (x);

    if (p->mode == FOV_RESIZE_NEAREST) {
        taps[0] = (FovTap){ CLAMP (nearest (p, x), 0, in - 1), 1 };
        return;
    }
    for (int k = 0; k < n; k++) {
        gint64 i = base + 1 - n / 2 + k;
        gboolean outside = i < 0 || i >= in;
        double w = weight (p, (i - x) * stretch (p, scale));
        taps[k] = (FovTap){ CLAMP (i, 0, in - 1), p->exclude_outside && outside ? 0 : w };
        total += taps[k].weight;
    }
    for (int k = 0; k < n && (p->antialias || p->exclude_outside); k++)
        taps[k].weight /= total;
}

/* ---- reference -------------------------------------------------------- */

/* Resizes dimension d of x (of shape from) to size; returns a new array. */
static double *
resize_axis (const FovResizeParams *p, const double *x, const FovShape *from, int d, gint64 size)
{
    gint64 n = from->dim[d], inner = fov_shape_span (from, d + 1, from->rank);
    gint64 outer = fov_shape_span (from, 0, d);
    int n_taps = fov_resize_n_taps (p, d, n, size);
    g_autofree FovTap *taps = g_new (FovTap, n_taps);
    double *y = g_new0 (double, outer *size *inner);

    for (gint64 k = 0; k < size; k++) {
        fov_resize_taps (p, d, k, n, size, taps);
        for (gint64 o = 0; o < outer; o++)
            for (gint64 i = 0; i < inner; i++)
                for (int t = 0; t < n_taps; t++)
                    y[(o * size + k) * inner + i] +=
                        taps[t].weight * x[(o * n + taps[t].at) * inner + i];
    }
    return y;
}

/* Shrinks first, so that nothing in between is larger than input and output. */
static gboolean
resize_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovResizeParams *p = node->params;
    FovShape shape = in->shape;
    double *x = fov_view_to_double (in);

    for (int i = 0; i < 2 * shape.rank; i++) {
        int d = i % shape.rank;
        gint64 size = out->shape.dim[d];
        gboolean grows = size > in->shape.dim[d];
        double *y;
        if (grows != (i >= shape.rank) || (size == shape.dim[d] && p->scale.v[d] == 1))
            continue;
        y = resize_axis (p, x, &shape, d, size);
        shape.dim[d] = size;
        g_free (x);
        x = y;
    }
    fov_view_from_double (out, x);
    g_free (x);
    return TRUE;
}

/* ---- DepthToSpace, SpaceToDepth --------------------------------------- */

static const char *const depth_modes[] = { "DCR", "CRD", NULL };

static gboolean
depth_infer (FovNode *node, GError **error)
{
    const FovDepthParams *p = node->params;
    gboolean to_space = g_str_equal (node->op->name, "DepthToSpace");
    gint64 b = p->blocksize;
    FovShape out;

    if (!fov_infer_rank (node, 0, 4, 4, error))
        return FALSE;
    out = *fov_in_shape (node, 0);
    if (b < 1 || b > 65536)
        return fov_node_error (node, error, "blocksize is %" G_GINT64_FORMAT, b);
    if (to_space ? out.dim[1] % (b * b) != 0 : out.dim[2] % b != 0 || out.dim[3] % b != 0) {
        g_autofree char *text = fov_shape_to_string (&out);
        return fov_node_error (node, error,
                               "blocksize %" G_GINT64_FORMAT
                               " does not divide the input's shape %s",
                               b, text);
    }
    if (to_space)
        out = (FovShape){ 4, { out.dim[0], out.dim[1] / (b * b), out.dim[2] * b, out.dim[3] * b } };
    else
        out = (FovShape){ 4, { out.dim[0], out.dim[1] * b * b, out.dim[2] / b, out.dim[3] / b } };
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

/* Channel of the deep picture that holds pixel (y, x) within a block of channel c. */
static gint64
deep_channel (const FovDepthParams *p, gint64 c, gint64 y, gint64 x, gint64 channels)
{
    gint64 b = p->blocksize;

    return p->mode ? (c * b + y) * b + x : (y * b + x) * channels + c;
}

/* Walks the wide picture; to_space: it is written, else read. */
static void
move_depth (const FovDepthParams *p, const FovView *in, FovView *out, gboolean to_space)
{
    const FovShape *wide = to_space ? &out->shape : &in->shape;
    const gint64 *deep = to_space ? in->shape.dim : out->shape.dim;
    gint64 at[FOV_MAX_RANK] = { 0 }, n = fov_shape_elements (wide), b = p->blocksize;

    for (gint64 i = 0; i < n; i++, fov_next_coord (wide, at)) {
        gint64 channel = deep_channel (p, at[1], at[2] % b, at[3] % b, wide->dim[1]);
        gint64 j = ((at[0] * deep[1] + channel) * deep[2] + at[2] / b) * deep[3] + at[3] / b;
        if (to_space)
            fov_copy_elements (out, i, in, j, 1);
        else
            fov_copy_elements (out, j, in, i, 1);
    }
}

static gboolean
depth_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    move_depth (node->params, in, out, g_str_equal (node->op->name, "DepthToSpace"));
    return TRUE;
}

/* ---- the table -------------------------------------------------------- */

static const FovParam resize_params[] = {
    FOV_P_ENUM ("mode", FovResizeParams, mode, FOV_RESIZE_NEAREST, modes),
    FOV_P_ENUM ("coordinate_transformation_mode", FovResizeParams, coordinate_mode, HALF_PIXEL,
                coordinate_modes),
    FOV_P_ENUM ("nearest_mode", FovResizeParams, nearest_mode, ROUND_PREFER_FLOOR, nearest_modes),
    FOV_P_ENUM ("keep_aspect_ratio_policy", FovResizeParams, aspect, STRETCH, aspects),
    FOV_P_FLOAT ("cubic_coeff_a", FovResizeParams, cubic_coeff_a, -0.75),
    FOV_P_FLOAT ("extrapolation_value", FovResizeParams, extrapolation_value, 0),
    FOV_P_INT ("exclude_outside", FovResizeParams, exclude_outside, 0),
    FOV_P_INT ("antialias", FovResizeParams, antialias, 0),
    FOV_P_INTS ("axes", FovResizeParams, axes),
    FOV_P_END,
};

static const FovOpDef resize = {
    .name = "Resize",
    .min_inputs = 1,
    .max_inputs = 4,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = resize_params,
    .params_size = sizeof (FovResizeParams),
    .infer = resize_infer,
    .reference = resize_reference,
    .gradient = fov_gradient_resize,
    .host = &fov_host_resize,
    .flops = NULL,
    .gpu = &fov_gpu_resize,
};

static const FovParam depth_to_space_params[] = {
    FOV_P_INT ("blocksize", FovDepthParams, blocksize, 0),
    FOV_P_ENUM ("mode", FovDepthParams, mode, 0, depth_modes),
    FOV_P_END,
};

static const FovOpDef depth_to_space = {
    .name = "DepthToSpace",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = depth_to_space_params,
    .params_size = sizeof (FovDepthParams),
    .infer = depth_infer,
    .reference = depth_reference,
    .gradient = fov_gradient_depth_to_space,
    .host = &fov_host_depth,
    .flops = NULL,
    .gpu = &fov_gpu_depth,
};

static const FovParam space_to_depth_params[] = {
    FOV_P_INT ("blocksize", FovDepthParams, blocksize, 0),
    FOV_P_END,
};

static const FovOpDef space_to_depth = {
    .name = "SpaceToDepth",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = space_to_depth_params,
    .params_size = sizeof (FovDepthParams),
    .infer = depth_infer,
    .reference = depth_reference,
    .gradient = fov_gradient_space_to_depth,
    .host = &fov_host_depth,
    .flops = NULL,
    .gpu = &fov_gpu_depth,
};

const FovOpDef *const fov_ops_resize[] = { &resize, &depth_to_space, &space_to_depth, NULL };
