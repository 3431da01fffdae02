/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What differs from batch to batch: the input "fov.step", and dropout, which draws by it. */
#include "train/build.h"

#include "graph/params.h"
#include "ops/live.h"

void
fov_train_add_step (FovTrainGraph *t)
{
    t->step = fov_graph_add_input (t->graph, "fov.step", FOV_F32, &(FovShape){ 1, { FOV_STEP_N } });
}

FovTensor *
fov_train_step_element (FovGrad *g, const FovTrainGraph *t, gint64 i)
{
    gint64 end = i + 1;
    FovTensor *inputs[] = { t->step, fov_grad_ints (g, &i, 1), fov_grad_ints (g, &end, 1) };
    FovNode *node = fov_grad_node (g, "Slice", inputs, 3, 1, NULL, 0);

    return node ? node->outputs[0] : NULL;
}

static void
enliven (FovGrad *g, FovNode *node, FovTensor *draw, gint64 seed)
{
    const FovTensor *ratio = node->n_inputs > 1 ? node->inputs[1] : NULL;
    double value = 0.5;
    FovNode *live;

    if (ratio && !fov_tensor_scalar (ratio, &value)) {
        g_set_error (&g->error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "node '%s' (Dropout): the ratio is computed, expected a constant", node->name);
        return;
    }
    live =
        fov_grad_node (g, "fov.Dropout", (FovTensor *[]){ node->inputs[0], draw }, 2, 1, NULL, 0);
    if (!live)
        return;
    *(FovLiveDropoutParams *) live->params =
        (FovLiveDropoutParams){ .seed = seed, .ratio = (float) value };
    if (live->op->infer (live, &g->error))
        fov_graph_replace_uses (g->graph, node->outputs[0], live->outputs[0]);
}

gboolean
fov_train_add_dropout (FovTrainGraph *t, const FovTrainerParams *params, GError **error)
{
    const guint n = t->graph->nodes->len;
    FovGrad g = { .graph = t->graph };
    FovTensor *draw = NULL;
    gint64 found = 0;

    for (guint i = 0; i < n && !g.error; i++) {
        FovNode *node = t->graph->nodes->pdata[i];
        if (!fov_node_is (node, "Dropout") || !((FovDropoutParams *) node->params)->live)
            continue;
        draw = draw ? draw : fov_train_step_element (&g, t, FOV_STEP_DRAW);
        if (draw)
            enliven (&g, node, draw, ((gint64) params->seed << 32) + found++);
    }
    if (!g.error)
        return TRUE;
    g_propagate_error (error, g.error);
    return FALSE;
}
