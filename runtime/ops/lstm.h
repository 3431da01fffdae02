/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_LSTM_H
#define FOV_OPS_LSTM_H

/*
 * Long short-term memory (Hochreiter and Schmidhuber 1997, with forget gates: Gers et al. 2000), as
 * ONNX has it. Per direction, with gates in the order i, o, f, c:
 *
 *   a = W x + R h + Wb + Rb,  i, o, f = sigmoid (a_i, a_o, a_f),  g = tanh (a_c)
 *   c' = f c + i g,  h' = o tanh (c')
 *
 * LSTM: X [T,N,I], W [D,4H,I], R [D,4H,H], B [D,8H], -, initial h and c [D,N,H]
 *       -> Y [T,D,N,H], last h and c [D,N,H].
 * fov.LstmGrad: X, W, R, B, initial h and c, dY, dh, dc -> da [D,T,N,4H], the gradients of the
 *       initial h and c, and the h that each step started from [D,T,N,H]. What is left of the
 *       gradient are matrix products.
 */
#include "graph/op.h"

enum { FOV_LSTM_FORWARD, FOV_LSTM_REVERSE, FOV_LSTM_BOTH };
extern const char *const fov_lstm_directions[]; /* ONNX's names of them */

typedef struct {
    gint64 hidden_size, layout, input_forget;
    float clip;
    int direction;
} FovLstmParams;

/** Sizes of the sequence, and the inputs' places in a node of either op. */
typedef struct {
    gint64 steps, batch, inputs, hidden, directions;
    guint h, c; /* which inputs the initial states are */
} FovLstmSize;

FovLstmSize fov_lstm_size (const FovNode *node);

/** Whether direction d of the node runs from the last step to the first. */
static inline gboolean
fov_lstm_reverse (const FovNode *node, gint64 d)
{
    return d == 1 || ((const FovLstmParams *) node->params)->direction == FOV_LSTM_REVERSE;
}

#endif
