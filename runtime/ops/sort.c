/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/gradients.h"
#include "ops/infer.h"

#include <fovea/box.h>
#include <math.h>

/* ---- TopK ------------------------------------------------------------- */

typedef struct {
    FovAxisParams axis;
    gint64 largest, sorted;
} TopKParams;

static gboolean
topk_infer (FovNode *node, GError **error)
{
    TopKParams *p = node->params;
    FovShape out = *fov_in_shape (node, 0);
    gint64 k;
    guint n;
    int axis;

    if (!fov_infer_dtype (node, 0, FOV_NUMBERS, error) ||
        !fov_infer_axis (node, p->axis.axis, out.rank, &axis, error))
        return FALSE;
    p->axis.axis = axis;
    switch (fov_infer_ints (node, 1, "K", &k, 1, &n, error)) {
    case FOV_INTS_READ:
        break;
    case FOV_INTS_UNKNOWN:
        fov_infer_unknown (node, 0, node->inputs[0]->dtype, out.rank);
        fov_infer_unknown (node, 1, FOV_I64, out.rank);
        return TRUE;
    default:
        return FALSE;
    }
    if (n != 1 || k < 0 || k > out.dim[axis])
        return fov_node_error (node, error,
                               "K is %" G_GINT64_FORMAT ", expected 0 to the %" G_GINT64_FORMAT
                               " elements of axis %d",
                               n == 1 ? k : -1, out.dim[axis], axis);
    out.dim[axis] = k;
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error) &&
           fov_infer_output (node, 1, FOV_I64, &out, error);
}

/* What compares two indices along one line. */
typedef struct {
    const FovView *x;
    gint64 base, step;
    gboolean largest;
} Line;

/* NaN counts as larger than anything, as in numpy; equal ones keep their order. */
static int
compare_indices (gconstpointer a, gconstpointer b, gpointer data)
{
    const Line *line = data;
    gint64 i = *(const gint64 *) a, j = *(const gint64 *) b;
    int order;

    if (fov_dtype_is_float (line->x->dtype)) {
        double u = fov_view_get (line->x, line->base + i * line->step);
        double v = fov_view_get (line->x, line->base + j * line->step);
        order = isnan (u) || isnan (v) ? !!isnan (u) - !!isnan (v) : (u > v) - (u < v);
    } else {
        gint64 u = fov_view_get_int (line->x, line->base + i * line->step);
        gint64 v = fov_view_get_int (line->x, line->base + j * line->step);
        order = (u > v) - (u < v);
    }
    if (order)
        return line->largest ? -order : order;
    return (i > j) - (i < j);
}

static gboolean
topk_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const TopKParams *p = node->params;
    int axis = (int) p->axis.axis;
    gint64 outer = fov_shape_span (&in->shape, 0, axis), size = in->shape.dim[axis];
    gint64 inner = fov_shape_span (&in->shape, axis + 1, in->shape.rank);
    const FovTensor *made = node->outputs[0] ? node->outputs[0] : node->outputs[1];
    gint64 k = made->shape.dim[axis];
    g_autofree gint64 *order = g_new (gint64, MAX (size, 1));

    for (gint64 l = 0; l < outer * inner; l++) {
        Line line = { in, l / inner * size * inner + l % inner, inner, p->largest != 0 };
        gint64 first = l / inner * k * inner + l % inner;
        for (gint64 i = 0; i < size; i++)
            order[i] = i;
        g_qsort_with_data (order, (gint) size, sizeof *order, compare_indices, &line);
        for (gint64 i = 0; i < k; i++) {
            if (out[0].data)
                fov_copy_elements (&out[0], first + i * inner, in, line.base + order[i] * inner, 1);
            if (node->n_outputs > 1 && out[1].data)
                fov_view_set_int (&out[1], first + i * inner, order[i]);
        }
    }
    return TRUE;
}

/* ---- NonMaxSuppression ------------------------------------------------ */

typedef struct {
    gint64 center_point_box;
} NmsParams;

static gboolean
nms_infer (FovNode *node, GError **error)
{
    FovTensor *out = fov_out (node, 0);
    const gint64 *boxes, *scores;

    if (!fov_infer_dtypes (node, 2, FOV_FLOATS, error) || !fov_infer_rank (node, 0, 3, 3, error) ||
        !fov_infer_rank (node, 1, 3, 3, error) || !fov_infer_dtype (node, 2, FOV_INTEGERS, error) ||
        !fov_infer_dtype (node, 3, FOV_FLOATS, error) ||
        !fov_infer_dtype (node, 4, FOV_FLOATS, error))
        return FALSE;
    boxes = fov_in_shape (node, 0)->dim;
    scores = fov_in_shape (node, 1)->dim;
    if (boxes[0] != scores[0] || boxes[1] != scores[2] || boxes[2] != 4) {
        g_autofree char *b = fov_shape_to_string (fov_in_shape (node, 0));
        g_autofree char *s = fov_shape_to_string (fov_in_shape (node, 1));
        return fov_node_error (node, error,
                               "boxes %s and scores %s do not fit, expected BxNx4 and BxCxN", b, s);
    }
    for (guint i = 2; i < node->n_inputs; i++)
        if (node->inputs[i] && fov_tensor_elements (node->inputs[i]) != 1)
            return fov_node_error (node, error,
                                   "input %u has %" G_GINT64_FORMAT " elements, expected 1", i,
                                   fov_tensor_elements (node->inputs[i]));
    fov_infer_unknown (node, 0, FOV_I64, 2);
    if (out)
        out->shape.dim[1] = 3;
    return TRUE;
}

static FovBox
nms_box (const NmsParams *p, const FovView *boxes, gint64 i)
{
    float v[4];

    for (int k = 0; k < 4; k++)
        v[k] = (float) fov_view_get (boxes, 4 * i + k);
    if (p->center_point_box) /* x, y, width, height */
        return (FovBox){ v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2, v[1] + v[3] / 2 };
    /* y, x of any two opposite corners */
    return (FovBox){ MIN (v[1], v[3]), MIN (v[0], v[2]), MAX (v[1], v[3]), MAX (v[0], v[2]) };
}

/* Appends [batch, class, box] of what is kept; the label carries the box's index through NMS. */
static void
nms_class (const FovNode *node, const FovView *in, gint64 batch, gint64 class_index,
           FovDetection *found, GArray *kept)
{
    gint64 n = in[0].shape.dim[1], classes = in[1].shape.dim[1];
    gint64 limit = node->n_inputs > 2 && in[2].data ? fov_view_get_int (&in[2], 0) : 0;
    double iou = node->n_inputs > 3 && in[3].data ? fov_view_get (&in[3], 0) : 0;
    double threshold = node->n_inputs > 4 && in[4].data ? fov_view_get (&in[4], 0) : -INFINITY;
    guint count = 0;

    for (gint64 i = 0; i < n; i++) {
        float score = (float) fov_view_get (&in[1], (batch * classes + class_index) * n + i);
        if (score > threshold)
            found[count++] =
                (FovDetection){ nms_box (node->params, &in[0], batch * n + i), score, (int) i };
    }
    if (limit < 1) /* ONNX: none */
        return;
    count = fov_nms (found, count, (float) CLAMP (iou, 0, 1), FALSE, (guint) MIN (limit, n));
    for (guint i = 0; i < count; i++) {
        gint64 row[3] = { batch, class_index, found[i].label };
        g_array_append_vals (kept, row, 3);
    }
}

static gboolean
nms_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    GArray *kept = g_array_sized_new (FALSE, FALSE, sizeof (gint64), 3);
    g_autofree FovDetection *found = g_new (FovDetection, MAX (in[0].shape.dim[1], 1));

    for (gint64 b = 0; b < in[1].shape.dim[0]; b++)
        for (gint64 c = 0; c < in[1].shape.dim[1]; c++)
            nms_class (node, in, b, c, found, kept);
    out->dtype = FOV_I64;
    out->shape = (FovShape){ 2, { kept->len / 3, 3 } };
    out->data = g_array_free (kept, FALSE);
    return TRUE;
}

/* ---- CumSum ----------------------------------------------------------- */

static gboolean
cumsum_infer (FovNode *node, GError **error)
{
    gint64 axis;
    guint n;
    int normal;
    FovIntsState state = fov_infer_ints (node, 1, "axis", &axis, 1, &n, error);

    if (state == FOV_INTS_BAD || !fov_infer_dtype (node, 0, FOV_NUMBERS, error))
        return FALSE;
    if (fov_tensor_elements (node->inputs[1]) != 1)
        return fov_node_error (node, error, "axis is empty, expected 1 element");
    if (state == FOV_INTS_READ &&
        !fov_infer_axis (node, axis, fov_in_shape (node, 0)->rank, &normal, error))
        return FALSE;
    return fov_infer_same (node, error);
}

static gboolean
cumsum_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovCumSumParams *p = node->params;
    gint64 inner, size, n = fov_shape_elements (&in->shape);
    gboolean ints = !fov_dtype_is_float (in->dtype);
    int axis;

    if (!fov_infer_axis (node, fov_view_get_int (&in[1], 0), in->shape.rank, &axis, error))
        return FALSE;
    inner = fov_shape_span (&in->shape, axis + 1, in->shape.rank);
    size = in->shape.dim[axis];
    for (gint64 l = 0; size > 0 && l < n / size; l++) {
        gint64 base = l / inner * size * inner + l % inner;
        double sum = 0;
        guint64 whole = 0;
        for (gint64 k = 0; k < size; k++) {
            gint64 i = base + (p->reverse ? size - 1 - k : k) * inner;
            double before = sum;
            guint64 whole_before = whole;
            if (ints) {
                whole += (guint64) fov_view_get_int (in, i);
                fov_view_set_int (out, i,
                                  fov_wrap_int (out->dtype,
                                                (gint64) (p->exclusive ? whole_before : whole)));
            } else {
                sum += fov_view_get (in, i);
                fov_view_set (out, i, p->exclusive ? before : sum);
            }
        }
    }
    return TRUE;
}

/* ---- the table -------------------------------------------------------- */

static const FovParam topk_params[] = {
    FOV_P_INT ("axis", TopKParams, axis.axis, -1),
    FOV_P_INT ("largest", TopKParams, largest, 1),
    FOV_P_INT ("sorted", TopKParams, sorted, 1),
    FOV_P_END,
};

static const FovOpDef topk = {
    .name = "TopK",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 2,
    .params = topk_params,
    .params_size = sizeof (TopKParams),
    .infer = topk_infer,
    .reference = topk_reference,
    .gradient = fov_gradient_topk,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovParam nms_params[] = {
    FOV_P_INT ("center_point_box", NmsParams, center_point_box, 0),
    FOV_P_END,
};

static const FovOpDef nms = {
    .name = "NonMaxSuppression",
    .min_inputs = 2,
    .max_inputs = 5,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_DYNAMIC,
    .params = nms_params,
    .params_size = sizeof (NmsParams),
    .infer = nms_infer,
    .reference = nms_reference,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

static const FovParam cumsum_params[] = {
    FOV_P_INT ("exclusive", FovCumSumParams, exclusive, 0),
    FOV_P_INT ("reverse", FovCumSumParams, reverse, 0),
    FOV_P_END,
};

static const FovOpDef cumsum = {
    .name = "CumSum",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = cumsum_params,
    .params_size = sizeof (FovCumSumParams),
    .infer = cumsum_infer,
    .reference = cumsum_reference,
    .gradient = fov_gradient_cumsum,
    .host = NULL,
    .flops = NULL,
    .gpu = NULL,
};

const FovOpDef *const fov_ops_sort[] = { &topk, &nms, &cumsum, NULL };
