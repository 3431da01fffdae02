/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The detector as one graph: fov.Preprocess -> the network -> fov.Decode -> fov.Nms. */
#include "detect/net.h"

#include <string.h>

#define ONNX_FLOAT 1

static FovTensor *
add (FovGraph *graph, const char *op, FovTensor *in, const FovAttr *attr, GError **error)
{
    FovNode *node = fov_graph_add_node (graph, op, op, &in, 1, 1, attr, 1, error);

    return node ? node->outputs[0] : NULL;
}

static FovTensor *
cast (FovGraph *graph, FovTensor *tensor, FovDType to, GError **error)
{
    static const gint64 onnx[FOV_N_DTYPES] = {
        [FOV_F32] = ONNX_FLOAT, [FOV_U8] = 2,   [FOV_I8] = 3,   [FOV_I16] = 5,  [FOV_I32] = 6,
        [FOV_I64] = 7,          [FOV_BOOL] = 9, [FOV_F16] = 10, [FOV_F64] = 11,
    };
    FovAttr attr = { .name = "to", .type = FOV_ATTR_INT, .i = onnx[to] };

    return tensor->dtype == to ? tensor : add (graph, "Cast", tensor, &attr, error);
}

/* The picture as the network takes it. */
static FovTensor *
add_preprocess (FovDetectNet *net, FovTensor *pictures, FovTensor *frames, GError **error)
{
    static const gint64 to_nhwc[] = { 0, 2, 3, 1 };
    const FovIntake *intake = &net->match.intake;
    FovTensor *in[] = { pictures, frames }, *made;
    FovAttr attrs[] = {
        { .name = "width", .type = FOV_ATTR_INT, .i = net->net.width },
        { .name = "height", .type = FOV_ATTR_INT, .i = net->net.height },
        { .name = "bgr", .type = FOV_ATTR_INT, .i = intake->bgr },
        { .name = "mean", .type = FOV_ATTR_FLOATS, .floats = intake->mean, .n = 3 },
        { .name = "scale", .type = FOV_ATTR_FLOATS, .floats = intake->scale, .n = 3 },
        { .name = "pad", .type = FOV_ATTR_FLOAT, .f = intake->pad },
    };
    FovNode *node = fov_graph_add_node (net->net.graph, "fov.Preprocess", "preprocess", in, 2, 1,
                                        attrs, G_N_ELEMENTS (attrs), error);

    if (!node)
        return NULL;
    made = node->outputs[0];
    if (net->nhwc) {
        FovAttr perm = { .name = "perm", .type = FOV_ATTR_INTS, .ints = to_nhwc, .n = 4 };
        made = add (net->net.graph, "Transpose", made, &perm, error);
    }
    if (made && net->input->dtype != FOV_F32) {
        made->dtype = FOV_F32;
        made = cast (net->net.graph, made, net->input->dtype, error);
    }
    return made;
}

static void
drop_input (FovGraph *graph, FovTensor *input)
{
    g_ptr_array_remove (graph->inputs, input);
    input->is_input = FALSE;
}

static void
drop_outputs (FovGraph *graph)
{
    for (guint i = 0; i < graph->outputs->len; i++)
        ((FovTensor *) graph->outputs->pdata[i])->is_output = FALSE;
    g_ptr_array_set_size (graph->outputs, 0);
}

static FovNode *
add_decode (FovDetectNet *net, FovTensor *frames, GError **error)
{
    FovGraph *graph = net->net.graph;
    FovMatch *match = &net->match;
    FovTensor *in[FOV_MATCH_INPUTS + 2] = { frames };
    guint n = match->n_inputs + 1;
    FovNode *node;

    for (guint i = 0; i < match->n_inputs; i++) {
        in[i + 1] = cast (graph, match->inputs[i], FOV_F32, error);
        if (!in[i + 1])
            return NULL;
    }
    if (match->priors) {
        FovShape shape = {
            2, { (gint64) (g_bytes_get_size (match->priors) / (4 * sizeof (float))), 4 }
        };
        match->heads.priors = (gint32) n;
        in[n] = fov_graph_add_constant (graph, "priors", FOV_F32, &shape, match->priors, error);
        if (!in[n++])
            return NULL;
    }
    node = fov_graph_add_node (graph, "fov.Decode", "decode", in, n, 3, NULL, 0, error);
    if (node)
        ((FovDecodeParams *) node->params)->heads = match->heads;
    return node;
}

FovGraph *
fov_detect_net_graph (FovDetectNet *net, gsize capacity, guint max_detections, GError **error)
{
    FovGraph *graph = net->net.graph;
    FovShape bytes = { 2, { net->net.n, (gint64) capacity } };
    FovShape words = { 2, { net->net.n, FOV_FRAME_WORDS } };
    FovTensor *pictures = fov_graph_add_input (graph, "fov.pictures", FOV_U8, &bytes);
    FovTensor *frames = fov_graph_add_input (graph, "fov.frames", FOV_I32, &words);
    FovTensor *picture = add_preprocess (net, pictures, frames, error);
    FovAttr attrs[] = {
        { .name = "max_detections", .type = FOV_ATTR_INT, .i = max_detections },
        { .name = "suppress", .type = FOV_ATTR_INT, .i = !net->match.heads.final },
    };
    FovNode *decode, *nms = NULL;

    if (!picture)
        return NULL;
    fov_graph_replace_uses (graph, net->input, picture);
    drop_input (graph, net->input);
    drop_outputs (graph);
    decode = add_decode (net, frames, error);
    if (decode) {
        FovTensor *in[] = { frames, decode->outputs[0], decode->outputs[1] };
        nms = fov_graph_add_node (graph, "fov.Nms", "nms", in, 3, 2, attrs, 2, error);
    }
    if (!nms)
        return NULL;
    fov_graph_add_output (graph, nms->outputs[0]);
    fov_graph_add_output (graph, nms->outputs[1]);
    net->net.graph = NULL;
    return graph;
}
