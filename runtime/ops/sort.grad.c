/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gradients of what orders and adds up along an axis. */
#include "ops/gradients.h"
#include "ops/infer.h"

/* Values go back to where they came from. */
void
fov_gradient_topk (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovAttr axis = { .name = "axis",
                           .type = FOV_ATTR_INT,
                           .i = ((const FovAxisParams *) node->params)->axis };
    FovTensor *places;
    FovNode *made;

    if (!dy[0])
        return;
    places = node->n_outputs > 1 ? node->outputs[1] : NULL;
    if (!places) {
        places = fov_graph_extend_output (g->graph, (FovNode *) node, 1);
        if (!node->op->infer ((FovNode *) node, &g->error))
            return;
        places->shape_known = TRUE;
    }
    made = fov_grad_node (g, "ScatterElements",
                          (FovTensor *[]){ fov_grad_zeros (g, node->inputs[0]), places, dy[0] }, 3,
                          1, &axis, 1);
    dx[0] = made ? made->outputs[0] : NULL;
}

/* An element counts in all sums from it on: those are summed from the other end. */
void
fov_gradient_cumsum (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovCumSumParams *p = node->params;
    const FovAttr attrs[] = {
        { .name = "exclusive", .type = FOV_ATTR_INT, .i = p->exclusive },
        { .name = "reverse", .type = FOV_ATTR_INT, .i = !p->reverse },
    };
    FovTensor *inputs[] = { dy[0], node->inputs[1] };
    FovNode *made = fov_grad_node (g, "CumSum", inputs, 2, 1, attrs, G_N_ELEMENTS (attrs));

    dx[0] = made ? made->outputs[0] : NULL;
}
