/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_NET_H
#define FOVEA_TESTS_NET_H

/* Little networks for tests: building them, and running them as they stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "graph/params.h"
#include "model/session.h"

/* ---- building ---------------------------------------------------------- */

typedef struct {
    FovGraph *graph;
    GRand *rand;
} Build;

G_GNUC_UNUSED static FovTensor *
node (Build *b, const char *op, FovTensor *const *inputs, guint n, const FovAttr *attrs,
      guint n_attrs)
{
    GError *error = NULL;
    FovNode *made = fov_graph_insert (b->graph, op, op, inputs, n, attrs, n_attrs, &error);

    if (!made)
        fail_msg ("%s", error->message);
    return made->outputs[0];
}

G_GNUC_UNUSED static FovTensor *
constant (Build *b, FovShape shape, double low, double high)
{
    gint64 n = fov_shape_elements (&shape);
    float *v = g_new (float, n);
    g_autoptr (GBytes) data = NULL;

    for (gint64 i = 0; i < n; i++)
        v[i] = (float) g_rand_double_range (b->rand, low, high);
    data = g_bytes_new_take (v, (gsize) n * sizeof *v);
    return fov_graph_add_constant (b->graph, NULL, FOV_F32, &shape, data, NULL);
}

G_GNUC_UNUSED static gint64
channels (const FovTensor *t)
{
    return t->shape.dim[1];
}

G_GNUC_UNUSED static FovTensor *
unary (Build *b, const char *op, FovTensor *x)
{
    return node (b, op, &x, 1, NULL, 0);
}

G_GNUC_UNUSED static FovTensor *
binary (Build *b, const char *op, FovTensor *x, FovTensor *y)
{
    return node (b, op, (FovTensor *[]){ x, y }, 2, NULL, 0);
}

G_GNUC_UNUSED static FovTensor *
conv_padded (Build *b, FovTensor *x, gint64 out, gint64 kernel, gint64 stride, gint64 group,
             const gint64 pads[4])
{
    gint64 strides[] = { stride, stride };
    FovAttr attrs[] = {
        { "pads", FOV_ATTR_INTS, .ints = pads, .n = 4 },
        { "strides", FOV_ATTR_INTS, .ints = strides, .n = 2 },
        { "group", FOV_ATTR_INT, .i = group },
    };
    double scale = 1.5 / sqrt ((double) (channels (x) / group * kernel * kernel));
    FovTensor *inputs[] = {
        x,
        constant (b, (FovShape){ 4, { out, channels (x) / group, kernel, kernel } }, -scale, scale),
        constant (b, (FovShape){ 1, { out } }, -.5, .5),
    };

    return node (b, "Conv", inputs, g_rand_boolean (b->rand) ? 3 : 2, attrs, 3);
}

G_GNUC_UNUSED static FovTensor *
conv (Build *b, FovTensor *x, gint64 out, gint64 kernel, gint64 stride, gint64 group)
{
    gint64 pad = kernel / 2;

    return conv_padded (b, x, out, kernel, stride, group, (gint64[]){ pad, pad, pad, pad });
}

G_GNUC_UNUSED static FovTensor *
batch_norm (Build *b, FovTensor *x)
{
    FovShape c = { 1, { channels (x) } };
    FovTensor *inputs[] = { x, constant (b, c, .5, 1.5), constant (b, c, -.5, .5),
                            constant (b, c, -.5, .5), constant (b, c, .5, 1.5) };

    return node (b, "BatchNormalization", inputs, 5, NULL, 0);
}

G_GNUC_UNUSED static FovTensor *
slice (Build *b, FovTensor *x, gint64 axis, gint64 start, gint64 end, gint64 step)
{
    FovTensor *inputs[] = { x, fov_graph_add_ints (b->graph, NULL, &start, 1),
                            fov_graph_add_ints (b->graph, NULL, &end, 1),
                            fov_graph_add_ints (b->graph, NULL, &axis, 1),
                            fov_graph_add_ints (b->graph, NULL, &step, 1) };

    return node (b, "Slice", inputs, 5, NULL, 0);
}

G_GNUC_UNUSED static FovTensor *
concat (Build *b, FovTensor *x, FovTensor *y)
{
    FovAttr axis = { "axis", FOV_ATTR_INT, .i = 1 };
    return node (b, "Concat", (FovTensor *[]){ x, y }, 2, &axis, 1);
}

G_GNUC_UNUSED static FovTensor *
reshape (Build *b, FovTensor *x, const gint64 *shape, guint n)
{
    return binary (b, "Reshape", x, fov_graph_add_ints (b->graph, NULL, shape, n));
}

G_GNUC_UNUSED static FovTensor *
transpose (Build *b, FovTensor *x, const gint64 *perm, guint n)
{
    FovAttr attr = { "perm", FOV_ATTR_INTS, .ints = perm, .n = n };
    return node (b, "Transpose", &x, 1, &attr, 1);
}

G_GNUC_UNUSED static FovTensor *
shuffle (Build *b, FovTensor *x, gint64 groups)
{
    const FovShape s = x->shape;
    FovTensor *y =
        reshape (b, x, (gint64[]){ s.dim[0], groups, s.dim[1] / groups, s.dim[2], s.dim[3] }, 5);

    y = transpose (b, y, (gint64[]){ 0, 2, 1, 3, 4 }, 5);
    return reshape (b, y, s.dim, 4);
}

/* YOLOX's: every second pixel, the four halves as channels. */
G_GNUC_UNUSED static FovTensor *
focus (Build *b, FovTensor *x)
{
    FovAttr axis = { "axis", FOV_ATTR_INT, .i = 1 };
    FovTensor *parts[4];

    for (gint64 i = 0; i < 4; i++)
        parts[i] =
            slice (b, slice (b, x, 2, i % 2, x->shape.dim[2], 2), 3, i / 2, x->shape.dim[3], 2);
    return node (b, "Concat", parts, 4, &axis, 1);
}

G_GNUC_UNUSED static FovTensor *
max_pool (Build *b, FovTensor *x)
{
    FovAttr attrs[] = {
        { "kernel_shape", FOV_ATTR_INTS, .ints = (gint64[]){ 3, 3 }, .n = 2 },
        { "pads", FOV_ATTR_INTS, .ints = (gint64[]){ 1, 1, 1, 1 }, .n = 4 },
    };
    return node (b, "MaxPool", &x, 1, attrs, 2);
}

G_GNUC_UNUSED static FovTensor *
upsample (Build *b, FovTensor *x)
{
    FovAttr attrs[] = {
        { "mode", FOV_ATTR_STRING, .s = "nearest" },
        { "coordinate_transformation_mode", FOV_ATTR_STRING, .s = "asymmetric" },
        { "nearest_mode", FOV_ATTR_STRING, .s = "floor" },
    };
    FovTensor *inputs[] = { x, NULL,
                            fov_graph_add_floats (b->graph, NULL, (float[]){ 1, 1, 2, 2 }, 4) };
    return node (b, "Resize", inputs, 3, attrs, 3);
}

/* ---- running it as it stands -------------------------------------------- */

/* Values of every tensor by id, each computed by its node's reference; free with the array. */
G_GNUC_UNUSED static GPtrArray *
run_naive (FovGraph *graph, const float *x)
{
    GPtrArray *values = g_ptr_array_new_with_free_func (g_free);
    GError *error = NULL;

    g_ptr_array_set_size (values, (int) graph->tensors->len);
    for (guint i = 0; i < graph->inputs->len; i++) {
        FovTensor *t = graph->inputs->pdata[i];
        values->pdata[t->id] = g_memdup2 (x, (gsize) fov_tensor_elements (t) * sizeof *x);
    }
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *n = graph->nodes->pdata[i];
        g_autofree FovView *in = g_new0 (FovView, n->n_inputs + 1);
        g_autofree FovView *out = g_new0 (FovView, n->n_outputs + 1);
        for (guint k = 0; k < n->n_inputs; k++) {
            if (!n->inputs[k])
                continue;
            in[k].dtype = n->inputs[k]->dtype;
            in[k].shape = n->inputs[k]->shape;
            in[k].data = n->inputs[k]->data ? (gpointer) g_bytes_get_data (n->inputs[k]->data, NULL)
                                            : values->pdata[n->inputs[k]->id];
        }
        for (guint k = 0; k < n->n_outputs; k++) {
            FovTensor *t = n->outputs[k];
            out[k].dtype = t->dtype;
            out[k].shape = t->shape;
            out[k].data = values->pdata[t->id] =
                g_malloc0 ((gsize) fov_tensor_elements (t) * fov_dtype_size (t->dtype) + 1);
        }
        if (!n->op->reference (n, in, out, &error))
            fail_msg ("%s", error->message);
    }
    return values;
}

G_GNUC_UNUSED static double
worst_error (const float *got, const float *want, gint64 n)
{
    double worst = 0, largest = 1e-3;

    for (gint64 i = 0; i < n; i++) {
        double d = fabs ((double) got[i] - want[i]);
        if (!(d <= worst))
            worst = d;
        largest = fmax (largest, fabs (want[i]));
    }
    return worst / largest;
}

#endif
