/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The detector as one graph: fov.Preprocess -> the network -> fov.Decode -> fov.Nms. */
#include "detect/net.h"

#include <string.h>

static FovNode *
add_decode (FovDetectNet *net, FovTensor *frames, GError **error)
{
    FovGraph *graph = net->net.graph;
    FovMatch *match = &net->match;
    FovTensor *in[FOV_MATCH_INPUTS + 2] = { frames };
    guint n = match->n_inputs + 1;
    FovNode *node;

    for (guint i = 0; i < match->n_inputs; i++) {
        in[i + 1] = fov_graph_cast (graph, match->inputs[i], FOV_F32, error);
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
    FovTensor *frames =
        fov_picture_input_attach (&net->input, graph, &net->match.intake, capacity, error);
    FovAttr attrs[] = {
        { .name = "max_detections", .type = FOV_ATTR_INT, .i = max_detections },
        { .name = "suppress", .type = FOV_ATTR_INT, .i = !net->match.heads.final },
    };
    FovNode *decode, *nms = NULL;

    if (!frames)
        return NULL;
    fov_graph_clear_outputs (graph);
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
