/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_TINYSIAMESE_H
#define FOVEA_TESTS_TINYSIAMESE_H

/*
 * A Siamese pair made by hand. Features are the mean colour of 4 x 4 pixels and
 * its brightness; the head's score is high where the features round a cell are
 * those of the template's middle, and its boxes are all as large as the target was. So it
 * finds things of the template's colour.
 */
#include "../unit/net.h"

#include "model/model.h"

#define TINY_CROP 64
#define TINY_CELLS 16
#define TINY_TEMPLATE_CELLS 8
#define TINY_CHANNELS 4

static inline FovTensor *
tiny_constant (Build *b, FovShape shape, const float *values)
{
    gsize n = (gsize) fov_shape_elements (&shape);
    g_autoptr (GBytes) data = g_bytes_new (values, n * sizeof *values);

    return fov_graph_add_constant (b->graph, NULL, FOV_F32, &shape, data, NULL);
}

static inline FovTensor *
tiny_input (Build *b, const char *name, FovShape shape)
{
    FovTensor *x = fov_graph_add_input (b->graph, name, FOV_F32, &shape);

    x->shape_known = TRUE;
    return x;
}

/* A 1 x 1 convolution. */
static inline FovTensor *
tiny_mix (Build *b, FovTensor *x, gint64 out, const float *weights, const float *bias)
{
    FovTensor *in[] = { x, tiny_constant (b, (FovShape){ 4, { out, channels (x), 1, 1 } }, weights),
                        tiny_constant (b, (FovShape){ 1, { out } }, bias) };

    return node (b, "Conv", in, 3, NULL, 0);
}

static inline FovModel *
tiny_model (Build *b, const char *path, FovTensor *first, FovTensor *second)
{
    fov_graph_add_output (b->graph, first);
    if (second)
        fov_graph_add_output (b->graph, second);
    return fov_model_new_from_graph (b->graph, path, "ONNX opset 17", NULL);
}

static inline FovModel *
tiny_backbone (void)
{
    Build b = { .graph = fov_graph_new () };
    FovAttr strides = { "strides", FOV_ATTR_INTS, .ints = (gint64[]){ 4, 4 }, .n = 2 };
    float weights[TINY_CHANNELS][3][16];

    for (int o = 0; o < TINY_CHANNELS; o++)
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < 16; i++)
                weights[o][c][i] = (o == c ? 3.0f : o == 3 ? 1.0f : 0.0f) / (16 * 255 * 3);
    FovTensor *x = tiny_input (&b, "crop", (FovShape){ 4, { 1, 3, TINY_CROP, TINY_CROP } });
    FovTensor *in[] = { x, tiny_constant (&b, (FovShape){ 4, { TINY_CHANNELS, 3, 4, 4 } },
                                          &weights[0][0][0]) };
    x = node (&b, "Conv", in, 2, &strides, 1);
    fov_graph_rename (b.graph, x, "features");
    return tiny_model (&b, "backbone.onnx", x, NULL);
}

/*
 * single: the head reshapes its template in a way that knows one target only.
 * reach: distance of its boxes' edges from a cell's centre, 8 for the target's size.
 */
static inline FovModel *
tiny_head (gboolean single, float reach)
{
    static const float score[2 * TINY_CHANNELS] = { 0, 0, 0, 0, -25, -25, -25, -25 };
    static const float score_bias[2] = { 0, 6 }, box[4 * TINY_CHANNELS];
    /* a cell's point is its corner */
    const float box_bias[] = { reach - 2, reach - 2, reach + 2, reach + 2 };
    Build b = { .graph = fov_graph_new () };
    FovTensor *t =
        tiny_input (&b, "template",
                    (FovShape){ 4,
                                { 1, TINY_CHANNELS, TINY_TEMPLATE_CELLS, TINY_TEMPLATE_CELLS } });
    FovTensor *x =
        tiny_input (&b, "search", (FovShape){ 4, { 1, TINY_CHANNELS, TINY_CELLS, TINY_CELLS } });
    const FovAttr pool[] = {
        { "kernel_shape", FOV_ATTR_INTS, .ints = (gint64[]){ 3, 3 }, .n = 2 },
        { "pads", FOV_ATTR_INTS, .ints = (gint64[]){ 1, 1, 1, 1 }, .n = 4 },
    };
    FovTensor *scores, *boxes;

    t = unary (&b, "GlobalAveragePool", slice (&b, slice (&b, t, 2, 3, 5, 1), 3, 3, 5, 1));
    if (single)
        t = reshape (&b, reshape (&b, t, (gint64[]){ TINY_CHANNELS, 1, 1, 1 }, 4),
                     (gint64[]){ 1, TINY_CHANNELS, 1, 1 }, 4);
    scores = unary (&b, "Abs", binary (&b, "Sub", x, t));
    scores = tiny_mix (&b, node (&b, "AveragePool", &scores, 1, pool, 2), 2, score, score_bias);
    boxes = tiny_mix (&b, x, 4, box, box_bias);
    fov_graph_rename (b.graph, scores, "scores");
    fov_graph_rename (b.graph, boxes, "boxes");
    return tiny_model (&b, "head.onnx", boxes, scores);
}

#endif
