/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* MatMul as numpy's, with broadcast batches, and Gemm. */
#include "ops/gradients.h"
#include "ops/impl.h"
#include "ops/infer.h"

/* ---- MatMul ----------------------------------------------------------- */

/* A as [batch..., m, k] and B as [batch..., k, n]: a vector becomes a row or a column. */
static void
as_matrices (const FovShape *a, const FovShape *b, FovShape *ma, FovShape *mb)
{
    *ma = *a;
    *mb = *b;
    if (a->rank == 1)
        *ma = (FovShape){ 2, { 1, a->dim[0] } };
    if (b->rank == 1)
        *mb = (FovShape){ 2, { b->dim[0], 1 } };
}

static gboolean
matmul_infer (FovNode *node, GError **error)
{
    FovShape a, b, out;
    gint64 m, n;

    if (!fov_infer_dtypes (node, 2, FOV_FLOATS, error) ||
        !fov_infer_rank (node, 0, 1, FOV_MAX_RANK, error) ||
        !fov_infer_rank (node, 1, 1, FOV_MAX_RANK, error))
        return FALSE;
    as_matrices (fov_in_shape (node, 0), fov_in_shape (node, 1), &a, &b);
    if (a.dim[a.rank - 1] != b.dim[b.rank - 2]) {
        g_autofree char *ta = fov_shape_to_string (fov_in_shape (node, 0));
        g_autofree char *tb = fov_shape_to_string (fov_in_shape (node, 1));
        return fov_node_error (node, error, "shapes %s and %s do not multiply", ta, tb);
    }
    m = a.dim[a.rank - 2];
    n = b.dim[b.rank - 1];
    a.rank -= 2;
    b.rank -= 2;
    out = a;
    if (!fov_infer_broadcast (node, &out, &b, error))
        return FALSE;
    if (fov_in_shape (node, 0)->rank > 1)
        out.dim[out.rank++] = m;
    if (fov_in_shape (node, 1)->rank > 1)
        out.dim[out.rank++] = n;
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

/* y [m,n] += a [m,k] b [k,n] */
static void
multiply (const double *a, const double *b, double *y, gint64 m, gint64 k, gint64 n)
{
    for (gint64 i = 0; i < m; i++)
        for (gint64 l = 0; l < k; l++)
            for (gint64 j = 0; j < n; j++)
                y[i * n + j] += a[i * k + l] * b[l * n + j];
}

static gboolean
matmul_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    FovShape a, b, batch;
    gint64 sa[FOV_MAX_RANK], sb[FOV_MAX_RANK], at[FOV_MAX_RANK] = { 0 }, m, k, n, batches;
    g_autofree double *x = fov_view_to_double (&in[0]);
    g_autofree double *w = fov_view_to_double (&in[1]);
    g_autofree double *y = g_new0 (double, MAX (fov_shape_elements (&out->shape), 1));

    as_matrices (&in[0].shape, &in[1].shape, &a, &b);
    m = a.dim[a.rank - 2];
    k = a.dim[a.rank - 1];
    n = b.dim[b.rank - 1];
    a.rank -= 2;
    b.rank -= 2;
    batch = a;
    if (!fov_infer_broadcast (node, &batch, &b, error))
        return FALSE;
    fov_broadcast_strides (&a, &batch, sa);
    fov_broadcast_strides (&b, &batch, sb);
    batches = fov_shape_elements (&batch);
    for (gint64 i = 0; i < batches; i++, fov_next_coord (&batch, at))
        multiply (x + fov_index (batch.rank, at, sa) * m * k,
                  w + fov_index (batch.rank, at, sb) * k * n, y + i * m * n, m, k, n);
    fov_view_from_double (out, y);
    return TRUE;
}

static double
matmul_flops (const FovNode *node)
{
    const FovShape *a = fov_in_shape (node, 0);

    return 2.0 * fov_tensor_elements (node->outputs[0]) * a->dim[a->rank - 1];
}

/* ---- Gemm ------------------------------------------------------------- */

static gboolean
gemm_infer (FovNode *node, GError **error)
{
    const FovGemmParams *p = node->params;
    const gint64 *a, *b;
    FovShape out = { 2, { 0 } }, both;

    if (!fov_infer_dtypes (node, 3, FOV_FLOATS, error) || !fov_infer_rank (node, 0, 2, 2, error) ||
        !fov_infer_rank (node, 1, 2, 2, error))
        return FALSE;
    a = fov_in_shape (node, 0)->dim;
    b = fov_in_shape (node, 1)->dim;
    if (a[p->trans_a ? 0 : 1] != b[p->trans_b ? 1 : 0])
        return fov_node_error (node, error,
                               "A has %" G_GINT64_FORMAT " columns, B has %" G_GINT64_FORMAT
                               " rows",
                               a[p->trans_a ? 0 : 1], b[p->trans_b ? 1 : 0]);
    out.dim[0] = a[p->trans_a ? 1 : 0];
    out.dim[1] = b[p->trans_b ? 0 : 1];
    both = out;
    if (fov_in (node, 2)) {
        if (!fov_infer_broadcast (node, &both, fov_in_shape (node, 2), error))
            return FALSE;
        if (!fov_shape_equal (&both, &out)) {
            g_autofree char *c = fov_shape_to_string (fov_in_shape (node, 2));
            g_autofree char *y = fov_shape_to_string (&out);
            return fov_node_error (node, error, "C's shape %s does not broadcast to %s", c, y);
        }
    }
    return fov_infer_output (node, 0, node->inputs[0]->dtype, &out, error);
}

static gboolean
gemm_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovGemmParams *p = node->params;
    gint64 m = out->shape.dim[0], n = out->shape.dim[1];
    gint64 k = in[0].shape.dim[p->trans_a ? 0 : 1], stride[2] = { 0 };
    gboolean c = node->n_inputs > 2 && in[2].data;
    g_autofree double *a = fov_view_to_double (&in[0]);
    g_autofree double *b = fov_view_to_double (&in[1]);

    if (c)
        fov_broadcast_strides (&in[2].shape, &out->shape, stride);
    for (gint64 i = 0; i < m; i++) {
        for (gint64 j = 0; j < n; j++) {
            double sum = 0;
            for (gint64 l = 0; l < k; l++)
                sum +=
                    a[p->trans_a ? l * m + i : i * k + l] * b[p->trans_b ? j * k + l : l * n + j];
            sum *= p->alpha;
            if (c)
                sum += p->beta * fov_view_get (&in[2], i * stride[0] + j * stride[1]);
            fov_view_set (out, i * n + j, sum);
        }
    }
    return TRUE;
}

static double
gemm_flops (const FovNode *node)
{
    const FovGemmParams *p = node->params;

    return 2.0 * fov_tensor_elements (node->outputs[0]) *
           fov_in_shape (node, 0)->dim[p->trans_a ? 0 : 1];
}

/* ---- the table -------------------------------------------------------- */

static const FovOpDef matmul = {
    .name = "MatMul",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = matmul_infer,
    .reference = matmul_reference,
    .gradient = fov_gradient_matmul,
    .parameters = 1 << 0 | 1 << 1,
    .host = &fov_host_matmul,
    .flops = matmul_flops,
    .gpu = &fov_gpu_matmul,
};

static const FovParam gemm_params[] = {
    FOV_P_FLOAT ("alpha", FovGemmParams, alpha, 1),
    FOV_P_FLOAT ("beta", FovGemmParams, beta, 1),
    FOV_P_INT ("transA", FovGemmParams, trans_a, 0),
    FOV_P_INT ("transB", FovGemmParams, trans_b, 0),
    FOV_P_END,
};

static const FovOpDef gemm = {
    .name = "Gemm",
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .params = gemm_params,
    .params_size = sizeof (FovGemmParams),
    .infer = gemm_infer,
    .reference = gemm_reference,
    .gradient = fov_gradient_gemm,
    .parameters = 1 << 1 | 1 << 2,
    .host = &fov_host_gemm,
    .flops = gemm_flops,
    .gpu = &fov_gpu_gemm,
};

const FovOpDef *const fov_ops_matmul[] = { &matmul, &gemm, NULL };
