/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Losses of detectors: which anchor learns which object, then what each part is off by. All of it
 * is in the step's graph; nothing is looked at on the way. */
#include "train/build.h"
#include "train/heads.h"

/* How class scores learn. */
typedef enum {
    CLASSES_OF_FOUND, /* cross entropy, where there is an object (another number says whether) */
    CLASSES_OF_ALL,   /* everywhere that counts */
} Where;

/* A family's way to learn; gains as its authors chose them. */
typedef struct {
    const char *method;
    Where where;
    double focal; /* exponent of |target - score|: quality focal loss (Li et al. 2020, eq. 2) */
    const char *iou;
    double box, classes, object, bins, encoding;
    gboolean by_weight; /* sums are divided by the weights' sum, and boxes weighted; else by the
                           number of anchors with an object */
} Recipe;

static const Recipe simota = { .method = "simota",
                               .where = CLASSES_OF_FOUND,
                               .iou = "square",
                               .box = 5,
                               .classes = 1,
                               .object = 1 };
static const Recipe aligned = { .method = "aligned",
                                .where = CLASSES_OF_ALL,
                                .iou = "ciou",
                                .box = 7.5,
                                .classes = 0.5,
                                .bins = 1.5,
                                .by_weight = TRUE };
static const Recipe quality = { .method = "aligned",
                                .where = CLASSES_OF_ALL,
                                .focal = 2,
                                .iou = "giou",
                                .box = 2,
                                .classes = 1,
                                .bins = 0.25,
                                .by_weight = TRUE };
static const Recipe multibox = {
    .method = "overlap", .where = CLASSES_OF_ALL, .classes = 1, .encoding = 1
};

static const Recipe *
recipe_of (const FovDetectNet *net)
{
    const FovHeads *h = &net->match.heads;

    if (h->box_coding == FOV_BOX_PRIOR)
        return &multibox;
    if (h->level[0].object.input)
        return &simota;
    return g_str_equal (net->family->name, "nanodet") ? &quality : &aligned;
}

/* What the losses are put together from. */
typedef struct {
    FovGrad g;
    FovTrainHeads h;
    const Recipe *recipe;
    FovTensor *classes, *boxes, *found, *counted; /* fov.AssignTargets */
    FovTensor *weight;                            /* of boxes: [n, anchors] */
    FovTensor *divisor;
} Work;

/* ---- pieces ------------------------------------------------------------------- */

static FovTensor *
mul (Work *w, FovTensor *a, FovTensor *b)
{
    return fov_grad_binary (&w->g, "Mul", a, b);
}

static FovTensor *
sub (Work *w, FovTensor *a, FovTensor *b)
{
    return fov_grad_binary (&w->g, "Sub", a, b);
}

/* All elements added up, by the divisor. */
static FovTensor *
per_object (Work *w, FovTensor *x, double gain)
{
    FovAttr drop = { .name = "keepdims", .type = FOV_ATTR_INT };
    FovNode *node = fov_grad_node (&w->g, "ReduceSum", &x, 1, 1, &drop, 1);

    if (!node)
        return NULL;
    return fov_grad_scale (&w->g, fov_grad_binary (&w->g, "Div", node->outputs[0], w->divisor),
                           gain);
}

/* [n, anchors] beside columns. */
static FovTensor *
column (Work *w, FovTensor *x)
{
    return fov_grad_reshape (&w->g, x, &(FovShape){ 3, { w->h.n, w->h.anchors, 1 } });
}

/* log (1 + e^x) - t x, times |t - s (x)|^focal. */
static FovTensor *
cross_entropy (Work *w, FovTensor *x, FovTensor *t, double focal)
{
    FovGrad *g = &w->g;
    FovTensor *loss = sub (w, fov_grad_unary (g, "Softplus", x), mul (w, x, t)), *off;

    if (focal <= 0 || g->error)
        return loss;
    off = sub (w, t, fov_grad_unary (g, "Sigmoid", x));
    if (focal == 2)
        return mul (w, loss, fov_grad_unary (g, "fov.Square", off));
    off = fov_grad_unary (g, "Abs", off);
    return mul (w, loss, fov_grad_binary (g, "Pow", off, fov_grad_scalar (g, x, focal)));
}

/* With c = min (|d|, 1): c (|d| - c / 2). */
static FovTensor *
smooth_l1 (Work *w, FovTensor *d)
{
    FovGrad *g = &w->g;
    FovAttr bounds[] = { { .name = "min", .type = FOV_ATTR_FLOAT, .f = 0 },
                         { .name = "max", .type = FOV_ATTR_FLOAT, .f = 1 } };
    FovTensor *size = fov_grad_unary (g, "Abs", d);
    FovNode *node = fov_grad_node (g, "Clip", &size, 1, 1, bounds, 2);
    FovTensor *c = node ? node->outputs[0] : NULL;

    return mul (w, c, sub (w, size, fov_grad_scale (g, c, 0.5)));
}

/* ---- parts -------------------------------------------------------------------- */

static FovTensor *
box_loss (Work *w)
{
    FovTensor *inputs[] = { w->h.boxes, w->boxes, w->weight };
    FovAttr kind = { .name = "kind", .type = FOV_ATTR_STRING, .s = w->recipe->iou };
    FovNode *node = fov_grad_node (&w->g, "fov.IouLoss", inputs, 3, 1, &kind, 1);

    return node ? per_object (w, node->outputs[0], w->recipe->box) : NULL;
}

/* Softmax cross entropy; label 0 is the background. */
static FovTensor *
softmax_loss (Work *w)
{
    FovGrad *g = &w->g;
    FovAttr axis = { .name = "axis", .type = FOV_ATTR_INT, .i = 2 };
    FovNode *node = fov_grad_node (g, "LogSoftmax", &w->h.score, 1, 1, &axis, 1);
    FovTensor *target = w->classes, *none;

    if (!node)
        return NULL;
    if (w->h.heads->background) {
        none = sub (w, fov_grad_scalar (g, w->found, 1), w->found);
        target = fov_train_beside (g, column (w, none), target);
    }
    target = mul (w, target, column (w, w->counted));
    return per_object (w, mul (w, node->outputs[0], target), -w->recipe->classes);
}

static FovTensor *
class_loss (Work *w)
{
    const Recipe *r = w->recipe;
    FovTensor *x = w->h.score, *mask = r->where == CLASSES_OF_FOUND ? w->found : w->counted;

    if (w->h.heads->score_coding == FOV_SCORE_SOFTMAX)
        return softmax_loss (w);
    if (w->h.heads->background)
        x = fov_train_columns (&w->g, x, 1, w->h.columns);
    x = cross_entropy (w, x, w->classes, r->focal);
    return per_object (w, mul (w, x, column (w, mask)), r->classes);
}

static FovTensor *
object_loss (Work *w)
{
    FovTensor *x = cross_entropy (w, w->h.object, column (w, w->found), 0);

    return per_object (w, mul (w, x, column (w, w->counted)), w->recipe->object);
}

/* Sides of the targets' boxes from the places, in cells. */
static FovTensor *
side_targets (Work *w, double most)
{
    FovGrad *g = &w->g;
    FovAttr bounds[] = { { .name = "min", .type = FOV_ATTR_FLOAT, .f = 0 },
                         { .name = "max", .type = FOV_ATTR_FLOAT, .f = most } };
    FovTensor *places, *center, *size, *sides;
    FovNode *node;

    if (g->error)
        return NULL;
    places = fov_grad_reshape (g, w->h.places, &(FovShape){ 3, { 1, w->h.anchors, 4 } });
    size = fov_train_columns (g, places, 2, 4);
    center = fov_train_columns (g, places, 0, 2);
    if (g->error)
        return NULL;
    if (w->h.heads->origin == 0) /* counted from the cells' corners */
        center = sub (w, center, fov_grad_scale (g, size, 0.5));
    sides = fov_train_beside (g, sub (w, center, fov_train_columns (g, w->boxes, 0, 2)),
                              sub (w, fov_train_columns (g, w->boxes, 2, 4), center));
    sides = fov_grad_binary (g, "Div", sides, fov_train_beside (g, size, size));
    node = fov_grad_node (g, "Clip", &sides, 1, 1, bounds, 2);
    return node ? node->outputs[0] : NULL;
}

/* Distribution focal loss (Li et al. 2020, eq. 6): the two bins beside the target share it by
 * nearness, which is max (0, 1 - |d - k|). */
static FovTensor *
bins_loss (Work *w)
{
    const int bins = w->h.heads->n_bins;
    const FovShape shape = { 4, { w->h.n, w->h.anchors, 4, bins } };
    g_autofree float *numbers = g_new (float, bins);
    FovAttr axis = { .name = "axis", .type = FOV_ATTR_INT, .i = 3 };
    FovGrad *g = &w->g;
    FovTensor *x = fov_grad_reshape (g, w->h.raw, &shape), *d = side_targets (w, bins - 1.01), *t;
    FovNode *node = fov_grad_node (g, "LogSoftmax", &x, 1, 1, &axis, 1);

    for (int k = 0; k < bins; k++)
        numbers[k] = (float) k;
    d = fov_grad_reshape (g, d, &(FovShape){ 4, { w->h.n, w->h.anchors, 4, 1 } });
    t = sub (w, d, fov_train_constant (g, "bins", &(FovShape){ 1, { bins } }, numbers));
    t = fov_grad_unary (g, "Abs", t);
    if (g->error)
        return NULL;
    t = fov_grad_unary (g, "Relu", sub (w, fov_grad_scalar (g, x, 1), t));
    t = mul (w, t,
             fov_grad_reshape (g, w->weight, &(FovShape){ 4, { w->h.n, w->h.anchors, 1, 1 } }));
    return per_object (w, mul (w, node->outputs[0], t), -w->recipe->bins / 4);
}

/* Targets as the network codes boxes against priors (Liu et al. 2016, eq. 2); no gradient. */
static FovTensor *
encoded_targets (Work *w)
{
    FovGrad *g = &w->g;
    const FovHeads *h = w->h.heads;
    FovTensor *places = fov_grad_reshape (g, w->h.places, &(FovShape){ 3, { 1, w->h.anchors, 4 } });
    FovTensor *low = fov_train_columns (g, w->boxes, 0, 2),
              *high = fov_train_columns (g, w->boxes, 2, 4);
    FovTensor *center, *size, *prior = fov_train_columns (g, places, 2, 4);

    center = fov_grad_scale (g, fov_grad_binary (g, "Add", low, high), 0.5);
    center = sub (w, center, fov_train_columns (g, places, 0, 2));
    center =
        fov_grad_scale (g, fov_grad_binary (g, "Div", center, prior), 1 / (double) h->variance[0]);
    size = fov_grad_unary (g, "Log", fov_grad_binary (g, "Div", sub (w, high, low), prior));
    size = fov_grad_scale (g, size, 1 / (double) h->variance[1]);
    return fov_train_beside (g, center, size);
}

static FovTensor *
encoding_loss (Work *w)
{
    FovTensor *x = w->h.heads->swap_xy ? fov_train_turn (&w->g, w->h.raw) : w->h.raw;
    FovTensor *loss = smooth_l1 (w, sub (w, x, encoded_targets (w)));

    return per_object (w, mul (w, loss, column (w, w->found)), w->recipe->encoding);
}

/* ---- together ------------------------------------------------------------------- */

static void
assign (Work *w, FovTensor *target)
{
    FovGrad *g = &w->g;
    FovAttr attrs[] = {
        { .name = "method", .type = FOV_ATTR_STRING, .s = w->recipe->method },
        { .name = "background",
          .type = FOV_ATTR_INT,
          .i = w->h.heads->score_coding == FOV_SCORE_SOFTMAX ? w->h.heads->background : 0 },
    };
    FovAttr classes = { .name = "classes", .type = FOV_ATTR_INT, .i = w->h.heads->n_classes };
    FovTensor *score = w->h.score;
    FovNode *node;

    if (w->h.heads->background && !attrs[1].i && !g->error)
        score = fov_train_columns (g, score, 1, w->h.columns);
    node = fov_grad_node (g, "fov.Assign",
                          (FovTensor *[]){ w->h.boxes, score, w->h.places, target, w->h.object }, 5,
                          2, attrs, 2);
    if (!node)
        return;
    w->weight = node->outputs[1];
    node = fov_grad_node (g, "fov.AssignTargets",
                          (FovTensor *[]){ node->outputs[0], node->outputs[1], target }, 3, 4,
                          &classes, 1);
    if (!node)
        return;
    w->classes = node->outputs[0];
    w->boxes = node->outputs[1];
    w->found = node->outputs[2];
    w->counted = node->outputs[3];
    w->weight = w->recipe->by_weight ? mul (w, w->weight, w->found) : w->found;
}

/* How many objects the losses are shared by, one at least. */
static void
set_divisor (Work *w)
{
    FovAttr drop = { .name = "keepdims", .type = FOV_ATTR_INT };
    FovNode *node = fov_grad_node (&w->g, "ReduceSum", &w->weight, 1, 1, &drop, 1);

    if (node)
        w->divisor = fov_grad_binary (&w->g, "Max", node->outputs[0],
                                      fov_grad_scalar (&w->g, node->outputs[0], 1));
}

static void
add_part (FovTrainGraph *t, Work *w, const char *name, double gain, FovTensor *(*make) (Work *w))
{
    FovTensor *part = gain > 0 && !w->g.error ? make (w) : NULL;

    if (!part)
        return;
    t->parts[t->n_parts].name = name;
    t->parts[t->n_parts++].tensor = part;
    t->loss = t->loss ? fov_grad_binary (&w->g, "Add", t->loss, part) : part;
}

gboolean
fov_train_add_detection (FovTrainGraph *t, FovModel *model, const FovTrainerParams *params,
                         GError **error)
{
    g_autoptr (FovDetectNet) net = fov_detect_net_look (model, t->graph, params->decoder, error);
    Work w = { .g = { .graph = t->graph } };
    const Recipe *r;

    if (!net || !fov_detect_net_cut (net, error))
        return FALSE;
    r = w.recipe = recipe_of (net);
    t->intake = net->match.intake;
    t->n_classes = (guint) net->match.heads.n_classes;
    t->target = fov_graph_add_input (t->graph, "fov.target", FOV_F32,
                                     &(FovShape){ 3, { net->net.n, params->max_objects, 6 } });
    fov_train_heads (&w.h, &w.g, &net->match, net->net.n);
    if (!w.g.error)
        assign (&w, t->target);
    if (!w.g.error)
        set_divisor (&w);
    add_part (t, &w, "box", r->box, box_loss);
    add_part (t, &w, "box", r->encoding, encoding_loss);
    add_part (t, &w, "object", r->object, object_loss);
    add_part (t, &w, "class", r->classes, class_loss);
    add_part (t, &w, "bins", w.h.distances ? r->bins : 0, bins_loss);
    if (!w.g.error)
        return TRUE;
    g_propagate_error (error, w.g.error);
    return FALSE;
}
