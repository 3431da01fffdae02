/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Biases and scales that an export wrote as Add, Sub, Mul or Div: constants with a value for each
 * feature of what a learned layer gives. Features are followed from the layer on, through what
 * keeps them apart, so that neither a picture's mean nor anchors and strides are taken for some:
 * before the former there is no layer, and behind a Slice or an activation that ends a network
 * (Sigmoid, Exp) numbers are decoded.
 */
#include "train/build.h"

#include "graph/params.h"

/* Dimension of the features of a node's output, by the input's; -1: none are known. */
typedef struct {
    int *axis; /* by id of tensor */
} Features;

static int
axis_of (const Features *f, const FovTensor *t)
{
    return t ? f->axis[t->id] : -1;
}

static gboolean
is_one_of (const FovNode *node, const char *const *names)
{
    return g_strv_contains (names, node->op->name);
}

/* The layer's own features, where its weights are constants. */
static int
axis_of_layer (const FovNode *node)
{
    static const char *const planes[] = { "Conv",
                                          "ConvTranspose",
                                          "BatchNormalization",
                                          "InstanceNormalization",
                                          "GroupNormalization",
                                          NULL };
    const FovTensor *weight = node->n_inputs > 1 ? node->inputs[1] : NULL;
    const int last = node->outputs[0]->shape.rank - 1;

    if (fov_node_is (node, "MatMul") && node->inputs[0]->data)
        return last - 1;
    if (!weight || !weight->data)
        return -1;
    if (is_one_of (node, planes))
        return 1;
    if (fov_node_is (node, "Gemm") || fov_node_is (node, "MatMul"))
        return last;
    if (fov_node_is (node, "LayerNormalization"))
        return ((const FovNormParams *) node->params)->axis == last ? last : -1;
    return -1;
}

/* The dimension of the same size with as much before it. */
static int
axis_after_reshape (const FovShape *in, const FovShape *out, int axis)
{
    gint64 before = 1, n = 1;

    for (int d = 0; d < axis; d++)
        before *= in->dim[d];
    for (int d = 0; d < out->rank && n <= before; n *= out->dim[d++])
        if (n == before && out->dim[d] == in->dim[axis])
            return d;
    return -1;
}

static const char *const forms[] = { "Reshape", "Flatten", "Squeeze", "Unsqueeze", NULL };

/*
 * PyTorch writes group norm as InstanceNormalization of a form with a plane for each group: what
 * that form was made of, or NULL. Its scale and bias for each feature come behind.
 */
static const FovTensor *
whole_of_groups (const FovNode *node)
{
    const FovNode *form =
        fov_node_is (node, "InstanceNormalization") ? node->inputs[0]->producer : NULL;

    return form && is_one_of (form, forms) &&
                   form->inputs[0]->shape.dim[1] != node->inputs[0]->shape.dim[1]
               ? form->inputs[0]
               : NULL;
}

/* Also where groups become features again. */
static int
axis_after_form (const Features *f, const FovNode *node)
{
    const FovTensor *in = node->inputs[0], *out = node->outputs[0];
    const FovTensor *whole = in->producer ? whole_of_groups (in->producer) : NULL;

    return whole && fov_shape_equal (&whole->shape, &out->shape)
               ? axis_of (f, whole)
               : axis_after_reshape (&in->shape, &out->shape, axis_of (f, in));
}

static int
axis_after_transpose (const FovNode *node, int axis)
{
    const FovInts *perm = &((const FovTransposeParams *) node->params)->perm;

    for (int d = 0; d < perm->n; d++)
        if (perm->v[d] == axis)
            return d;
    return -1;
}

/* Of two operands one may be a gate or a sum of the other's features. */
static int
axis_of_operands (const Features *f, const FovNode *node)
{
    for (guint i = 0; i < node->n_inputs; i++)
        if (axis_of (f, node->inputs[i]) >= 0 &&
            node->inputs[i]->shape.rank == node->outputs[0]->shape.rank)
            return axis_of (f, node->inputs[i]);
    return -1;
}

static int
axis_of_parts (const Features *f, const FovNode *concat)
{
    for (guint i = 1; i < concat->n_inputs; i++)
        if (axis_of (f, concat->inputs[i]) != axis_of (f, concat->inputs[0]))
            return -1;
    return axis_of (f, concat->inputs[0]);
}

static int
axis_behind (const Features *f, const FovNode *node)
{
    static const char *const ends[] = { "Sigmoid",    "HardSigmoid", "Tanh", "Exp",
                                        "LogSoftmax", "Log",         NULL };
    static const char *const same[] = { "Dropout",         "Identity", "Cast",
                                        "LpNormalization", "LRN",      NULL };
    static const char *const pools[] = {
        "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Resize", "Pad", NULL
    };
    static const char *const binary[] = { "Add", "Sub", "Mul",   "Div", "Min",
                                          "Max", "Sum", "PRelu", NULL };
    const FovTensor *in = node->n_inputs ? node->inputs[0] : NULL;
    const int axis = axis_of_layer (node), before = axis_of (f, in);

    if (axis >= 0 || !in)
        return axis;
    if (is_one_of (node, binary))
        return axis_of_operands (f, node);
    if (fov_node_is (node, "Concat"))
        return axis_of_parts (f, node);
    if (before < 0 || is_one_of (node, ends))
        return -1;
    if ((node->op->flags & FOV_OP_UNARY) || is_one_of (node, same))
        return before;
    if (is_one_of (node, forms))
        return axis_after_form (f, node);
    if (fov_node_is (node, "Transpose"))
        return axis_after_transpose (node, before);
    return is_one_of (node, pools) && before == 1 ? 1 : -1;
}

/* ---- constants ------------------------------------------------------------- */

/* Whether c has a value for each feature of x, and nothing else. A single one counts as a bias
 * right behind its layer alone. */
static gboolean
fits (const Features *f, const FovNode *node, const FovTensor *c, const FovTensor *x)
{
    const int axis = axis_of (f, x), ahead = x->shape.rank - c->shape.rank;

    if (axis < 0 || ahead < 0 || c->shape.rank < 1 || fov_tensor_elements (c) != x->shape.dim[axis])
        return FALSE;
    for (int d = 0; d < c->shape.rank; d++)
        if (c->shape.dim[d] != 1 && d + ahead != axis)
            return FALSE;
    return fov_tensor_elements (c) > 1 ||
           (fov_node_is (node, "Add") && x->producer && axis_of_layer (x->producer) >= 0);
}

/* The input that is such a constant, or -1. */
static int
find_scale (const Features *f, const FovNode *node)
{
    static const char *const either[] = { "Add", "Mul", NULL };
    static const char *const second[] = { "Sub", "Div", NULL };
    const gboolean both = is_one_of (node, either);

    if (!both && !is_one_of (node, second))
        return -1;
    for (int i = both ? 0 : 1; i < 2; i++) {
        const FovTensor *c = node->inputs[i], *x = node->inputs[1 - i];
        if (c->data && c->dtype == FOV_F32 && !x->data && fits (f, node, c, x))
            return i;
    }
    return -1;
}

static gboolean
keeps_values (const FovNode *node)
{
    static const char *const moves[] = { "Cast",    "Identity",  "Reshape",   "Flatten",
                                         "Squeeze", "Unsqueeze", "Transpose", NULL };

    return is_one_of (node, moves) && node->outputs[0]->dtype == FOV_F32;
}

FovTensor *
fov_train_source (FovTensor *t)
{
    while (t && !t->data && t->producer && keeps_values (t->producer))
        t = t->producer->inputs[0];
    return t && t->data && t->dtype == FOV_F32 ? t : NULL;
}

/* Whether all that is made of a constant goes where it learns. */
static gboolean
only_learns (GHashTable *scales, const FovTensor *t, int depth)
{
    for (guint i = 0; i < t->consumers->len; i++) {
        const FovNode *node = t->consumers->pdata[i];
        const guint scale = GPOINTER_TO_UINT (g_hash_table_lookup (scales, node));
        guint at = 0;
        while (at < node->n_inputs && node->inputs[at] != t)
            at++;
        if (keeps_values (node) && at == 0) {
            if (depth > 16 || !only_learns (scales, node->outputs[0], depth + 1))
                return FALSE;
        } else if (scale != at + 1 && !(at < 32 && node->op->parameters & 1u << at)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* Those whose constant is something else too are no scales. */
static gboolean
is_shared (gpointer node, gpointer scale, gpointer scales)
{
    const guint i = GPOINTER_TO_UINT (scale);
    const FovTensor *source = i ? fov_train_source (((FovNode *) node)->inputs[i - 1]) : NULL;

    return i && (!source || !only_learns (scales, source, 0));
}

GHashTable *
fov_train_find_scales (const FovGraph *graph, const FovShape *shapes, GError **error)
{
    g_autoptr (FovGraph) trial = fov_graph_copy (graph); /* shapes are known there */
    GHashTable *scales = g_hash_table_new (NULL, NULL);
    Features f;

    if (!fov_graph_specialize (trial, shapes, error)) {
        g_hash_table_unref (scales);
        return NULL;
    }
    f.axis = g_new (int, trial->tensors->len + 1);
    for (guint i = 0; i < trial->tensors->len; i++)
        f.axis[i] = -1;
    for (guint i = 0; i < trial->nodes->len; i++) {
        const FovNode *node = trial->nodes->pdata[i];
        const FovTensor *here;
        int scale;
        if (!node->outputs[0]) /* nobody asked for the first */
            continue;
        here = fov_graph_find (graph, node->outputs[0]->name);
        scale = find_scale (&f, node);
        f.axis[node->outputs[0]->id] = axis_behind (&f, node);
        if ((scale >= 0 || whole_of_groups (node)) && here && here->producer &&
            here->producer->op == node->op)
            g_hash_table_insert (scales, here->producer, GUINT_TO_POINTER ((guint) (scale + 1)));
    }
    g_free (f.axis);
    while (g_hash_table_foreach_remove (scales, is_shared, scales))
        ;
    return scales;
}
