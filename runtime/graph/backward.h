/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_GRAPH_BACKWARD_H
#define FOV_GRAPH_BACKWARD_H

/*
 * Reverse-mode differentiation: the gradients of a loss are more nodes of the
 * same graph, so that the planner and the executors know nothing of training.
 *
 * The engine walks the nodes from the loss backwards. An op's gradient
 * function is given dy, the gradients by the node's outputs, and appends the
 * nodes that compute dx, those by its inputs, preferably out of ops that are
 * there already. What several readers of a tensor contribute is added in the
 * order of the walk, so that a graph always adds up the same way.
 */
#include "graph/op.h"

/**
 * Appends the gradients of loss (its elements are added up if there are
 * several) by the wanted tensors, which may be inputs, states or results; the
 * graph is specialised. grads[i] has wanted[i]'s dtype and shape, and is a
 * constant zero where the loss does not depend on it. Only what leads from a
 * wanted tensor to the loss is differentiated; FOV_ERROR_UNSUPPORTED names a
 * node on that way whose op has no gradient.
 */
gboolean fov_graph_backward (FovGraph *graph, FovTensor *loss, FovTensor *const *wanted,
                             guint n_wanted, FovTensor **grads, GError **error);

/* ---- for gradient functions ------------------------------------------- */

struct _FovGrad {
    FovGraph *graph;
    const FovNode *node; /* the one that is differentiated, or expanded */
    GHashTable *needed;  /* FovTensor* whose gradient is asked for */
    GError *error;       /* the first one; with it set, what follows does nothing and gives NULL */
};

/** Whether dx[input] is asked for; what is given without being asked for is ignored. */
gboolean fov_grad_wants (const FovGrad *g, guint input);
/** "node 'x' (Op) has no gradient ..." with FOV_ERROR_UNSUPPORTED, unless there is an error. */
void fov_grad_unsupported (FovGrad *g, const char *why);

/** Appends a node named after that one, inferred. */
FovNode *fov_grad_node (FovGrad *g, const char *op, FovTensor *const *inputs, guint n_inputs,
                        guint n_outputs, const FovAttr *attrs, guint n_attrs);
/** The one result of an op of one or two inputs without attributes. */
FovTensor *fov_grad_unary (FovGrad *g, const char *op, FovTensor *a);
FovTensor *fov_grad_binary (FovGrad *g, const char *op, FovTensor *a, FovTensor *b);
/** a times a number. */
FovTensor *fov_grad_scale (FovGrad *g, FovTensor *a, double by);

/** Constants: a scalar of like's dtype; int64 values; zeros like another tensor. */
FovTensor *fov_grad_scalar (FovGrad *g, const FovTensor *like, double value);
FovTensor *fov_grad_ints (FovGrad *g, const gint64 *v, guint n);
FovTensor *fov_grad_zeros (FovGrad *g, const FovTensor *like);

/** The same elements under another shape; a itself where it has that. */
FovTensor *fov_grad_reshape (FovGrad *g, FovTensor *a, const FovShape *shape);
/** Sums over dimensions from..to-1, which stay as 1. */
FovTensor *fov_grad_sum (FovGrad *g, FovTensor *a, int from, int to);
/** Undoes broadcasting: sums what one element of shape was repeated to. */
FovTensor *fov_grad_sum_to (FovGrad *g, FovTensor *a, const FovShape *shape);
FovTensor *fov_grad_expand (FovGrad *g, FovTensor *a, const FovShape *shape);
FovTensor *fov_grad_transpose (FovGrad *g, FovTensor *a, const gint64 *perm);

#endif
