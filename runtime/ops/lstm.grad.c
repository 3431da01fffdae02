/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The gradient of LSTM: fov.LstmGrad goes back through the steps; the rest are matrix products
 * over all of them at once. */
#include "ops/lstm.h"

#include "ops/gradients.h"
#include "ops/infer.h"

static FovTensor *
rows_of (FovGrad *g, FovTensor *a, const FovLstmSize *s, gint64 directions, gint64 columns)
{
    return fov_grad_reshape (g, a, &(FovShape){ 3, { directions, s->steps * s->batch, columns } });
}

static FovTensor *
turned (FovGrad *g, FovTensor *a)
{
    return fov_grad_transpose (g, a, (const gint64[]){ 0, 2, 1 });
}

static void
by_weights (FovGrad *g, const FovNode *node, const FovLstmSize *s, FovTensor *da, FovNode *made,
            FovTensor **dx)
{
    FovTensor *down = turned (g, da);

    if (fov_grad_wants (g, 1))
        dx[1] = fov_grad_binary (g, "MatMul", down, rows_of (g, node->inputs[0], s, 1, s->inputs));
    if (fov_grad_wants (g, 2))
        dx[2] = fov_grad_binary (g, "MatMul", down,
                                 rows_of (g, made->outputs[3], s, s->directions, s->hidden));
    if (node->n_inputs > 3 && node->inputs[3] && fov_grad_wants (g, 3)) {
        FovTensor *sum = fov_grad_reshape (g, fov_grad_sum (g, da, 1, 2),
                                           &(FovShape){ 2, { s->directions, 4 * s->hidden } });
        FovAttr axis = { .name = "axis", .type = FOV_ATTR_INT, .i = 1 };
        FovNode *both = fov_grad_node (g, "Concat", (FovTensor *[]){ sum, sum }, 2, 1, &axis, 1);
        dx[3] = both ? both->outputs[0] : NULL;
    }
}

void
fov_gradient_lstm (FovGrad *g, const FovNode *node, FovTensor *const *dy, FovTensor **dx)
{
    const FovLstmParams *p = node->params;
    const FovLstmSize s = fov_lstm_size (node);
    FovTensor *inputs[] = { node->inputs[0],
                            node->inputs[1],
                            node->inputs[2],
                            fov_in (node, 3),
                            fov_in (node, 5),
                            fov_in (node, 6),
                            dy[0],
                            node->n_outputs > 1 ? dy[1] : NULL,
                            node->n_outputs > 2 ? dy[2] : NULL };
    FovAttr direction = { .name = "direction",
                          .type = FOV_ATTR_STRING,
                          .s = fov_lstm_directions[p->direction] };
    FovNode *made = fov_grad_node (g, "fov.LstmGrad", inputs, 9, 4, &direction, 1);
    FovTensor *da, *each;

    if (!made)
        return;
    da = rows_of (g, made->outputs[0], &s, s.directions, 4 * s.hidden);
    if (fov_grad_wants (g, 0)) {
        each = fov_grad_binary (g, "MatMul", da, node->inputs[1]);
        dx[0] = fov_grad_reshape (g, fov_grad_sum (g, each, 0, 1), &node->inputs[0]->shape);
    }
    by_weights (g, node, &s, da, made, dx);
    for (guint i = 0; i < 2; i++)
        if (fov_in (node, 5 + i))
            dx[5 + i] = made->outputs[1 + i];
}
