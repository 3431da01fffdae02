/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * YOLOX's and YOLOv5's "focus": the picture's four (even, odd) x (even, odd)
 * halves as channels, and a k x k convolution over them. Slices and
 * concatenation go away when the convolution reads the picture itself:
 *
 *   W'[o][c][2 ky + sy][2 kx + sx] = W[o][i C + c][ky][kx],  2k x 2k, stride 2, pads doubled,
 *
 * where part i starts at row sy and column sx. The number of products is the same.
 */
#include "graph/passes.h"

#include "graph/op.h"
#include "graph/params.h"

/* One part: which elements of the picture it holds. */
typedef struct {
    FovTensor *x;
    gint64 start[2]; /* row, column */
} Part;

/* Follows slices up to the picture; FALSE unless rows and columns are taken with step 2 and
 * nothing else is cut. */
static gboolean
find_part (FovTensor *t, Part *part)
{
    gint64 step[2] = { 1, 1 };

    part->start[0] = part->start[1] = 0;
    while (fov_node_is (t->producer, "Slice") && t->shape.rank == 4) {
        const FovSliceParams *p = t->producer->params;
        const FovShape *from = &t->producer->inputs[0]->shape;
        if (p->step.v[0] != 1 || p->step.v[1] != 1 || t->shape.dim[0] != from->dim[0] ||
            t->shape.dim[1] != from->dim[1])
            return FALSE;
        for (int i = 0; i < 2; i++) {
            part->start[i] = p->start.v[2 + i] + p->step.v[2 + i] * part->start[i];
            step[i] *= p->step.v[2 + i];
        }
        t = t->producer->inputs[0];
    }
    part->x = t;
    return step[0] == 2 && step[1] == 2 && part->start[0] >= 0 && part->start[0] < 2 &&
           part->start[1] >= 0 && part->start[1] < 2;
}

static gboolean
is_plain_conv (const FovNode *conv)
{
    const FovConvParams *p = conv->params;

    return p->group == 1 && p->strides.v[0] == 1 && p->strides.v[1] == 1 &&
           p->dilations.v[0] == 1 && p->dilations.v[1] == 1 && p->auto_pad == FOV_PAD_NOTSET &&
           conv->inputs[1]->data && conv->inputs[1]->dtype == FOV_F32 &&
           conv->outputs[0]->dtype == FOV_F32;
}

/* All parts of the concatenation, if each is one and the picture is the same; else NULL. */
static Part *
find_parts (const FovNode *concat)
{
    g_autofree Part *parts = g_new (Part, concat->n_inputs);

    for (guint i = 0; i < concat->n_inputs; i++) {
        const FovShape *half = &concat->inputs[i]->shape;
        if (!find_part (concat->inputs[i], &parts[i]) || parts[i].x != parts[0].x)
            return NULL;
        if (parts[i].x->shape.dim[2] != 2 * half->dim[2] ||
            parts[i].x->shape.dim[3] != 2 * half->dim[3])
            return NULL;
    }
    return g_steal_pointer (&parts);
}

static FovTensor *
spread_weights (FovGraph *graph, const FovTensor *w, const Part *parts, guint n_parts)
{
    gint64 channels = parts[0].x->shape.dim[1], kh = w->shape.dim[2], kw = w->shape.dim[3];
    FovShape shape = { 4, { w->shape.dim[0], channels, 2 * kh, 2 * kw } };
    const float *from = g_bytes_get_data (w->data, NULL);
    float *to = g_new0 (float, fov_shape_elements (&shape));
    g_autoptr (GBytes) data = NULL;

    for (gint64 o = 0; o < shape.dim[0]; o++)
        for (gint64 ic = 0; ic < n_parts * channels; ic++)
            for (gint64 k = 0; k < kh * kw; k++) {
                const Part *part = &parts[ic / channels];
                gint64 y = 2 * (k / kw) + part->start[0], x = 2 * (k % kw) + part->start[1];
                to[((o * channels + ic % channels) * 2 * kh + y) * 2 * kw + x] +=
                    from[(o * n_parts * channels + ic) * kh * kw + k];
            }
    data = g_bytes_new_take (to, (gsize) fov_shape_elements (&shape) * sizeof *to);
    return fov_graph_add_constant (graph, w->name, FOV_F32, &shape, data, NULL);
}

static gboolean
read_picture (FovGraph *graph, FovNode *conv, const Part *parts, guint n_parts, GError **error)
{
    FovConvParams *p = conv->params;

    fov_graph_set_input (graph, conv, 1, spread_weights (graph, conv->inputs[1], parts, n_parts));
    fov_graph_set_input (graph, conv, 0, parts[0].x);
    for (int i = 0; i < 2; i++) {
        p->kernel_shape.v[i] *= 2;
        p->strides.v[i] = 2;
    }
    for (int i = 0; i < 4; i++)
        p->pads.v[i] *= 2;
    return conv->op->infer (conv, error);
}

gboolean
fov_pass_focus (FovGraph *graph, GError **error)
{
    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *conv = graph->nodes->pdata[i];
        FovNode *concat;
        g_autofree Part *parts = NULL;

        if (!fov_node_is (conv, "Conv") || !is_plain_conv (conv))
            continue;
        concat = conv->inputs[0]->producer;
        if (!fov_node_is (concat, "Concat") || concat->outputs[0]->shape.rank != 4 ||
            ((const FovAxisParams *) concat->params)->axis != 1)
            continue;
        parts = find_parts (concat);
        if (parts && !read_picture (graph, conv, parts, concat->n_inputs, error))
            return FALSE;
    }
    fov_graph_remove_unused (graph);
    return TRUE;
}
