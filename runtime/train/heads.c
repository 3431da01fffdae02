/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From head tensors to a row for each anchor, and boxes in pixels: FovHeads as ops with gradients
 * (what ops/boxes.c says of the codings holds here). */
#include "train/heads.h"

#include <math.h>
#include <string.h>

/* ---- small things ------------------------------------------------------------ */

FovTensor *
fov_train_constant (FovGrad *g, const char *name, const FovShape *shape, float *values)
{
    const gsize size = (gsize) fov_shape_elements (shape) * sizeof *values;
    g_autoptr (GBytes) data = g_bytes_new (values, size);

    return g->error ? NULL
                    : fov_graph_add_constant (g->graph, name, FOV_F32, shape, data, &g->error);
}

static FovTensor *
slice (FovGrad *g, FovTensor *x, gint64 axis, gint64 from, gint64 to)
{
    FovTensor *inputs[] = { x, fov_grad_ints (g, &from, 1), fov_grad_ints (g, &to, 1),
                            fov_grad_ints (g, &axis, 1) };
    FovNode *node;

    if (!g->error && from == 0 && to == x->shape.dim[axis])
        return x;
    node = fov_grad_node (g, "Slice", inputs, 4, 1, NULL, 0);
    return node ? node->outputs[0] : NULL;
}

FovTensor *
fov_train_columns (FovGrad *g, FovTensor *x, gint64 from, gint64 to)
{
    return slice (g, x, 2, from, to);
}

static FovTensor *
join (FovGrad *g, GPtrArray *parts, gint64 axis)
{
    FovAttr attr = { .name = "axis", .type = FOV_ATTR_INT, .i = axis };
    FovNode *node;

    if (parts->len == 1)
        return parts->pdata[0];
    node = fov_grad_node (g, "Concat", (FovTensor **) parts->pdata, parts->len, 1, &attr, 1);
    return node ? node->outputs[0] : NULL;
}

FovTensor *
fov_train_beside (FovGrad *g, FovTensor *a, FovTensor *b)
{
    FovAttr attr = { .name = "axis", .type = FOV_ATTR_INT, .i = 2 };
    FovNode *node = fov_grad_node (g, "Concat", (FovTensor *[]){ a, b }, 2, 1, &attr, 1);

    return node ? node->outputs[0] : NULL;
}

/* Added up over a dimension, which goes. */
static FovTensor *
add_up (FovGrad *g, FovTensor *x, gint64 axis)
{
    FovAttr drop = { .name = "keepdims", .type = FOV_ATTR_INT };
    FovTensor *inputs[] = { x, fov_grad_ints (g, &axis, 1) };
    FovNode *node = fov_grad_node (g, "ReduceSum", inputs, 2, 1, &drop, 1);

    return node ? node->outputs[0] : NULL;
}

FovTensor *
fov_train_turn (FovGrad *g, FovTensor *x)
{
    g_autoptr (GPtrArray) parts = g_ptr_array_new ();

    for (int i = 0; i < 4; i++)
        g_ptr_array_add (parts, fov_train_columns (g, x, i ^ 1, (i ^ 1) + 1));
    return join (g, parts, 2);
}

/* ---- a row for each anchor ---------------------------------------------------- */

/* A field of so many cells that follow each other. */
typedef struct {
    FovField field;
    gint64 cells;
} Run;

/* Rows [n, cells, k] of a run: its tensor seen as a matrix, or as one turned round. */
static FovTensor *
take_run (FovGrad *g, FovTensor *const *inputs, const Run *run, gint64 n, gint64 k)
{
    const FovField *f = &run->field;
    const gboolean rows = f->component == 1;
    const gint64 width = rows ? f->cell : f->component;
    FovTensor *x = inputs[f->input - 1];
    const gint64 all = fov_tensor_elements (x) / n, row = f->first / width,
                 column = f->first % width;

    x = fov_grad_reshape (g, x, &(FovShape){ 3, { n, all / width, width } });
    if (rows)
        return slice (g, slice (g, x, 1, row, row + run->cells), 2, column, column + k);
    x = slice (g, slice (g, x, 1, row, row + k), 2, column, column + run->cells);
    return fov_grad_transpose (g, x, (gint64[]){ 0, 2, 1 });
}

/* Cells of the next level that go on where the run ends belong to it. */
static void
add_cells (GArray *runs, FovField field, gint64 cells)
{
    Run *last = runs->len ? &g_array_index (runs, Run, runs->len - 1) : NULL;
    Run next = { field, cells };

    if (last && last->field.input == field.input && last->field.cell == field.cell &&
        last->field.component == field.component &&
        last->field.first + last->cells * field.cell == field.first)
        last->cells += cells;
    else
        g_array_append_val (runs, next);
}

/* The field (at offset in FovLevel) of all levels and priors as [n, anchors, k]; NULL: none. */
static FovTensor *
take_field (FovGrad *g, const FovMatch *match, gsize offset, gint64 n, gint64 k)
{
    g_autoptr (GArray) runs = g_array_new (FALSE, FALSE, sizeof (Run));
    g_autoptr (GPtrArray) parts = g_ptr_array_new ();

    for (int l = 0; l < match->heads.n_levels; l++) {
        const FovLevel *level = &match->heads.level[l];
        for (int p = 0; p < level->n_priors; p++) {
            FovField field = *(const FovField *) ((const char *) level + offset);
            if (!field.input)
                return NULL;
            field.first += p * field.prior;
            add_cells (runs, field, (gint64) level->grid_w * level->grid_h);
        }
    }
    for (guint i = 0; i < runs->len && !g->error; i++)
        g_ptr_array_add (parts, take_run (g, match->inputs, &g_array_index (runs, Run, i), n, k));
    return g->error ? NULL : join (g, parts, 1);
}

/* ---- places --------------------------------------------------------------------- */

/* What boxes are counted from: [anchors][2] each. */
typedef struct {
    float *corner, *step, *prior;
} Geometry;

/* Centre and size of each anchor for the assignment, and what its box is counted from. */
static void
measure (const FovMatch *match, float *places, Geometry *geometry)
{
    const FovHeads *h = &match->heads;
    const float *priors = match->priors ? g_bytes_get_data (match->priors, NULL) : NULL;
    gint64 a = 0;

    for (int l = 0; l < h->n_levels; l++) {
        const FovLevel *level = &h->level[l];
        const gint64 cells = (gint64) level->grid_w * level->grid_h;
        for (gint64 i = 0; i < level->n_priors * cells; i++, a++) {
            const gint64 prior = i / cells,
                         at[2] = { i % cells % level->grid_w, i % cells / level->grid_w };
            const float net[2] = { (float) h->net_w, (float) h->net_h };
            for (int d = 0; d < 2; d++) {
                const int grid = d ? level->grid_h : level->grid_w;
                const float step = d ? level->step_y : level->step_x;
                const float cell = exp2f (roundf (log2f (net[d] / (float) grid)));
                places[a * 4 + d] = ((float) at[d] + 0.5f) * cell;
                places[a * 4 + 2 + d] = cell;
                geometry->step[a * 2 + d] = step;
                geometry->corner[a * 2 + d] = ((float) at[d] + h->origin) * step;
                geometry->prior[a * 2 + d] = d ? level->prior_h[prior] : level->prior_w[prior];
                if (!priors)
                    continue;
                places[a * 4 + d] = geometry->corner[a * 2 + d] = priors[a * 4 + d] * step;
                places[a * 4 + 2 + d] = geometry->prior[a * 2 + d] = priors[a * 4 + 2 + d] * step;
            }
        }
    }
}

/* ---- boxes ------------------------------------------------------------------------ */

static FovTensor *
exp_of (FovGrad *g, FovTensor *x)
{
    FovAttr bounds[] = {
        { .name = "max", .type = FOV_ATTR_FLOAT, .f = (double) FOV_MAX_LOG_SIZE }
    };
    FovNode *node = fov_grad_node (g, "Clip", &x, 1, 1, bounds, 1);

    return node ? fov_grad_unary (g, "Exp", node->outputs[0]) : NULL;
}

static FovTensor *
mul (FovGrad *g, FovTensor *a, FovTensor *b)
{
    return fov_grad_binary (g, "Mul", a, b);
}

static FovTensor *
add (FovGrad *g, FovTensor *a, FovTensor *b)
{
    return fov_grad_binary (g, "Add", a, b);
}

static FovTensor *
offset (FovGrad *g, FovTensor *a, double by)
{
    return g->error ? NULL : add (g, a, fov_grad_scalar (g, a, by));
}

static FovTensor *
corners_of (FovGrad *g, FovTensor *center, FovTensor *size)
{
    FovTensor *half = fov_grad_scale (g, size, 0.5);

    return fov_train_beside (g, fov_grad_binary (g, "Sub", center, half), add (g, center, half));
}

/* The mean of the distribution over bins, for each side. */
static FovTensor *
mean_bins (FovGrad *g, FovTrainHeads *h)
{
    const int bins = h->heads->n_bins;
    g_autofree float *numbers = g_new (float, bins);
    FovAttr axis = { .name = "axis", .type = FOV_ATTR_INT, .i = 3 };
    FovTensor *x = h->raw;
    FovNode *node;

    if (bins == 1)
        return x;
    for (int k = 0; k < bins; k++)
        numbers[k] = (float) k;
    x = fov_grad_reshape (g, x, &(FovShape){ 4, { h->n, h->anchors, 4, bins } });
    node = fov_grad_node (g, "Softmax", &x, 1, 1, &axis, 1);
    if (!node)
        return NULL;
    x = mul (g, node->outputs[0],
             fov_train_constant (g, "bins", &(FovShape){ 1, { bins } }, numbers));
    h->distances = add_up (g, x, 3);
    return h->distances;
}

static FovTensor *
decode (FovGrad *g, FovTrainHeads *h, FovTensor *corner, FovTensor *step, FovTensor *prior)
{
    const int coding = h->heads->box_coding;
    FovTensor *x = coding == FOV_BOX_DISTANCE ? mean_bins (g, h) : h->raw, *t, *s, *q;

    if (h->heads->swap_xy)
        x = fov_train_turn (g, x);
    t = fov_train_columns (g, x, 0, 2);
    s = fov_train_columns (g, x, 2, 4);
    switch (coding) {
    case FOV_BOX_CORNERS:
        return fov_train_beside (g, mul (g, t, step), mul (g, s, step));
    case FOV_BOX_DISTANCE:
        return fov_train_beside (g, fov_grad_binary (g, "Sub", corner, mul (g, t, step)),
                                 add (g, corner, mul (g, s, step)));
    case FOV_BOX_CENTER:
        return corners_of (g, mul (g, t, step), mul (g, s, step));
    case FOV_BOX_GRID_EXP:
        return corners_of (g, add (g, mul (g, t, step), corner), mul (g, exp_of (g, s), step));
    case FOV_BOX_ANCHOR_EXP:
        t = fov_grad_unary (g, "Sigmoid", t);
        return corners_of (g, add (g, mul (g, t, step), corner), mul (g, exp_of (g, s), prior));
    case FOV_BOX_ANCHOR_SQUARE:
        t = offset (g, fov_grad_scale (g, fov_grad_unary (g, "Sigmoid", t), 2), -0.5);
        q = fov_grad_unary (g, "fov.Square", fov_grad_unary (g, "Sigmoid", s));
        return corners_of (g, add (g, mul (g, t, step), corner),
                           mul (g, fov_grad_scale (g, q, 4), prior));
    case FOV_BOX_PRIOR:
        t = fov_grad_scale (g, t, (double) h->heads->variance[0]);
        s = fov_grad_scale (g, s, (double) h->heads->variance[1]);
        return corners_of (g, add (g, mul (g, t, prior), corner), mul (g, exp_of (g, s), prior));
    default:
        g_set_error (&g->error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "boxes are coded in a way that no loss is known for");
        return NULL;
    }
}

void
fov_train_heads (FovTrainHeads *h, FovGrad *g, const FovMatch *match, gint64 n)
{
    const FovHeads *heads = &match->heads;
    const gint64 a = fov_heads_anchors (heads);
    g_autofree float *places = g_new0 (float, a * 4), *numbers = g_new0 (float, a * 6);
    Geometry at = { numbers, numbers + a * 2, numbers + a * 4 };
    const FovShape pair = { 2, { a, 2 } };

    *h = (FovTrainHeads){
        .heads = heads, .n = n, .anchors = a, .columns = heads->n_classes + heads->background
    };
    measure (match, places, &at);
    h->score = take_field (g, match, offsetof (FovLevel, score), n, h->columns);
    h->object = take_field (g, match, offsetof (FovLevel, object), n, 1);
    h->raw = take_field (g, match, offsetof (FovLevel, box), n,
                         heads->box_coding == FOV_BOX_DISTANCE ? 4 * heads->n_bins : 4);
    h->places = fov_train_constant (g, "places", &(FovShape){ 2, { a, 4 } }, places);
    if (!g->error)
        h->boxes = decode (g, h, fov_train_constant (g, "corners", &pair, at.corner),
                           fov_train_constant (g, "steps", &pair, at.step),
                           fov_train_constant (g, "priors", &pair, at.prior));
}
