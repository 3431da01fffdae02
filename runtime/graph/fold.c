/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Folds an affine map per output channel, y = s x + t, into the convolution
 * that makes x: W' = s W, B' = s B + t. Batch norm is s = scale / sqrt (var +
 * eps), t = bias - s mean (Ioffe and Szegedy 2015, eq. 3 and 4); Mul, Div, Add
 * and Sub by a constant per channel are others.
 */
#include "graph/passes.h"

#include "graph/op.h"
#include "graph/params.h"

#include <float.h>
#include <math.h>

/* Reads a constant of n values (or one that stands for all), whatever its dtype. */
static double *
read_channels (const FovTensor *t, gint64 n)
{
    gint64 count;
    FovView view;
    double *v;

    if (!t || !t->data)
        return NULL;
    count = fov_tensor_elements (t);
    if (count != n && count != 1)
        return NULL;
    view = (FovView){ t->dtype, t->shape, (gpointer) g_bytes_get_data (t->data, NULL) };
    v = g_new (double, n);
    for (gint64 i = 0; i < n; i++)
        v[i] = fov_view_get (&view, count == 1 ? 0 : i);
    return v;
}

/* Whether a constant varies along dimension 1 of a 4-D tensor at most. */
static gboolean
is_per_channel (const FovTensor *t)
{
    const FovShape *s = &t->shape;

    if (fov_tensor_elements (t) == 1)
        return s->rank <= 4;
    if (s->rank == 3)
        return s->dim[1] == 1 && s->dim[2] == 1;
    return s->rank == 4 && s->dim[0] == 1 && s->dim[2] == 1 && s->dim[3] == 1;
}

/* s and t of the node as seen from its input x (index x_index); FALSE if it is no such map. */
static gboolean
affine_of_norm (const FovNode *node, gint64 channels, double **s, double **t)
{
    g_autofree double *scale = read_channels (node->inputs[1], channels);
    g_autofree double *bias = read_channels (node->inputs[2], channels);
    g_autofree double *mean = read_channels (node->inputs[3], channels);
    g_autofree double *var = read_channels (node->inputs[4], channels);
    double eps = ((const FovBatchNormParams *) node->params)->epsilon;

    if (!scale || !bias || !mean || !var)
        return FALSE;
    *s = g_new (double, channels);
    *t = g_new (double, channels);
    for (gint64 c = 0; c < channels; c++) {
        (*s)[c] = scale[c] / sqrt (var[c] + eps);
        /* What a float of scale can not say is no factor: norms that undo themselves vanish. */
        if (fabs ((*s)[c] - 1) < FLT_EPSILON)
            (*s)[c] = 1;
        (*t)[c] = bias[c] - (*s)[c] * mean[c];
    }
    return TRUE;
}

static gboolean
affine_of_binary (const FovNode *node, guint x_index, gint64 channels, double **s, double **t)
{
    const FovTensor *constant = node->inputs[1 - x_index];
    g_autofree double *v = NULL;

    if (!constant->data || !is_per_channel (constant) ||
        !fov_shape_equal (&node->inputs[x_index]->shape, &node->outputs[0]->shape))
        return FALSE;
    if (x_index == 1 && fov_node_is (node, "Div"))
        return FALSE;
    v = read_channels (constant, channels);
    if (!v)
        return FALSE;
    *s = g_new (double, channels);
    *t = g_new (double, channels);
    for (gint64 c = 0; c < channels; c++) {
        (*s)[c] = 1;
        (*t)[c] = 0;
        if (fov_node_is (node, "Mul"))
            (*s)[c] = v[c];
        else if (fov_node_is (node, "Div"))
            (*s)[c] = 1 / v[c];
        else if (fov_node_is (node, "Add"))
            (*t)[c] = v[c];
        else if (x_index == 0) /* x - v */
            (*t)[c] = -v[c];
        else { /* v - x */
            (*s)[c] = -1;
            (*t)[c] = v[c];
        }
    }
    return TRUE;
}

static gboolean
find_affine (const FovNode *node, const FovTensor *x, gint64 channels, double **s, double **t)
{
    if (fov_node_is (node, "BatchNormalization"))
        return node->inputs[0] == x && affine_of_norm (node, channels, s, t);
    if (fov_node_is (node, "Mul") || fov_node_is (node, "Add") || fov_node_is (node, "Sub") ||
        fov_node_is (node, "Div"))
        return node->inputs[0] != node->inputs[1] &&
               affine_of_binary (node, node->inputs[0] == x ? 0 : 1, channels, s, t);
    return FALSE;
}

/* A scale that is no number would turn sums of products into something else. */
static gboolean
all_finite (const double *s, const double *t, gint64 n)
{
    for (gint64 c = 0; c < n; c++)
        if (!isfinite (s[c]) || !isfinite (t[c]))
            return FALSE;
    return TRUE;
}

static FovTensor *
float_constant (FovGraph *graph, const char *name, const FovShape *shape, const double *v)
{
    gint64 n = fov_shape_elements (shape);
    float *data = g_new (float, n);
    g_autoptr (GBytes) bytes = NULL;

    for (gint64 i = 0; i < n; i++)
        data[i] = (float) v[i];
    bytes = g_bytes_new_take (data, (gsize) n * sizeof *data);
    return fov_graph_add_constant (graph, name, FOV_F32, shape, bytes, NULL);
}

/* Which output channel weight element i belongs to. */
static gint64
weight_channel (const FovNode *conv, gint64 i)
{
    const FovShape *w = &conv->inputs[1]->shape;
    gint64 taps = w->dim[2] * w->dim[3];

    if (fov_node_is (conv, "Conv")) /* [M, C/group, kh, kw] */
        return i / (w->dim[1] * taps);
    /* ConvTranspose: [C, M/group, kh, kw] */
    gint64 group = ((const FovConvParams *) conv->params)->group;
    gint64 per_group = w->dim[0] / group;
    return i / (w->dim[1] * taps) / per_group * w->dim[1] + i / taps % w->dim[1];
}

static void
scale_conv (FovGraph *graph, FovNode *conv, gint64 channels, const double *s, const double *t)
{
    FovTensor *w = conv->inputs[1];
    FovTensor *b = conv->n_inputs > 2 ? conv->inputs[2] : NULL;
    FovView view = { w->dtype, w->shape, (gpointer) g_bytes_get_data (w->data, NULL) };
    g_autofree double *weights = fov_view_to_double (&view);
    g_autofree double *bias = b ? read_channels (b, channels) : g_new0 (double, channels);
    g_autofree char *b_name = g_strdup_printf ("%s.bias", conv->name);
    FovShape b_shape = { 1, { channels } };

    for (gint64 i = 0; i < fov_tensor_elements (w); i++)
        weights[i] *= s[weight_channel (conv, i)];
    for (gint64 c = 0; c < channels; c++)
        bias[c] = bias[c] * s[c] + t[c];
    fov_graph_set_input (graph, conv, 1, float_constant (graph, w->name, &w->shape, weights));
    fov_graph_extend_input (graph, conv, 2,
                            float_constant (graph, b ? b->name : b_name, &b_shape, bias));
}

static gboolean
can_scale (const FovNode *conv)
{
    const FovConvParams *p;

    if (!fov_node_is (conv, "Conv") && !fov_node_is (conv, "ConvTranspose"))
        return FALSE;
    p = conv->params;
    return p->act.kind == FOV_ACT_NONE && conv->inputs[1]->data && conv->n_inputs < 4 &&
           (conv->n_inputs < 3 || !conv->inputs[2] || conv->inputs[2]->data) &&
           conv->outputs[0]->dtype == FOV_F32 && fov_tensor_elements (conv->outputs[0]) >= 0;
}

/* y = s x + t: who read y reads the convolution, which makes it now. */
static void
take_in (FovGraph *graph, FovNode *conv, FovNode *node, gint64 channels, const double *s,
         const double *t)
{
    FovTensor *out = conv->outputs[0];

    scale_conv (graph, conv, channels, s, t);
    fov_graph_replace_uses (graph, node->outputs[0], out);
    /* node is now its own reader; cut it loose for the dead-code pass */
    for (guint k = 0; k < node->n_inputs; k++)
        if (node->inputs[k] == out)
            fov_graph_set_input (graph, node, k, NULL);
}

gboolean
fov_graph_fold_norm (FovGraph *graph, FovNode *conv, FovNode *norm)
{
    const gint64 channels = fov_tensor_elements (norm->inputs[1]);
    g_autofree double *s = NULL, *t = NULL;

    if (!affine_of_norm (norm, channels, &s, &t) || !all_finite (s, t, channels))
        return FALSE;
    take_in (graph, conv, norm, channels, s, t);
    return TRUE;
}

gboolean
fov_pass_fold_norm (FovGraph *graph, GError **error)
{
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *conv = graph->nodes->pdata[i];
        FovNode *next;

        while (can_scale (conv) && (next = fov_tensor_only_consumer (conv->outputs[0]))) {
            gint64 channels = conv->outputs[0]->shape.dim[1];
            g_autofree double *s = NULL, *t = NULL;

            if (!find_affine (next, conv->outputs[0], channels, &s, &t) ||
                !all_finite (s, t, channels))
                break;
            take_in (graph, conv, next, channels, s, t);
        }
    }
    fov_graph_remove_unused (graph);
    return TRUE;
}
