/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fov.Assign and fov.AssignTargets: the ops; how they choose is in assign-*.c. */
#include "ops/assign.h"

#include "ops/host-op.h"
#include "ops/impl.h"

#include <math.h>

static const char *const methods[] = { "simota", "aligned", "overlap", NULL };
static void (*const assign_by[]) (FovAssign *a) = { fov_assign_simota, fov_assign_aligned,
                                                    fov_assign_overlap };

/* ---- for the methods ------------------------------------------------------ */

typedef struct {
    const FovView *scores, *object; /* object may have no data */
    gint64 picture;
} Scores;

double
fov_assign_logit (const FovAssign *a, gint64 anchor, gint64 column)
{
    const Scores *s = a->scores;

    return fov_view_get (s->scores, (s->picture * a->n_anchors + anchor) * a->n_columns + column);
}

double
fov_assign_objectness (const FovAssign *a, gint64 anchor)
{
    const Scores *s = a->scores;

    return s->object->data ? fov_view_get (s->object, s->picture * a->n_anchors + anchor)
                           : (double) INFINITY;
}

double
fov_assign_iou (const double *a, const double *b)
{
    double w = fmin (a[2], b[2]) - fmax (a[0], b[0]), h = fmin (a[3], b[3]) - fmax (a[1], b[1]);
    double inter = fmax (w, 0) * fmax (h, 0);
    double both = fmax (a[2] - a[0], 0) * fmax (a[3] - a[1], 0) +
                  fmax (b[2] - b[0], 0) * fmax (b[3] - b[1], 0) - inter;

    return both > 0 ? inter / both : 0;
}

gboolean
fov_assign_inside (const FovAssign *a, gint64 anchor, const double *box)
{
    const double *p = a->places + anchor * 4;

    return p[0] > box[0] && p[0] < box[2] && p[1] > box[1] && p[1] < box[3];
}

/* ---- inference ------------------------------------------------------------ */

/* Targets [B, M, 6] at an input, of so many pictures. */
static gboolean
check_targets (const FovNode *node, guint input, gint64 pictures, GError **error)
{
    const FovShape *t = fov_in_shape (node, input);

    if (t->rank == 3 && t->dim[0] == pictures && t->dim[2] == 6 && t->dim[1] >= 1 &&
        t->dim[1] < 32768)
        return TRUE;
    return fov_node_error (node, error, "input %u (targets) must be [%" G_GINT64_FORMAT ", M, 6]",
                           input, pictures);
}

static gboolean
assign_infer (FovNode *node, GError **error)
{
    const FovAssignParams *p = node->params;
    const FovShape *boxes = fov_in_shape (node, FOV_ASSIGN_BOXES),
                   *scores = fov_in_shape (node, FOV_ASSIGN_SCORES);
    const FovShape *places = fov_in_shape (node, FOV_ASSIGN_PLACES);
    FovShape out = { 2, { 0 } };

    if (!fov_infer_dtypes (node, node->n_inputs, FOV_FLOATS, error))
        return FALSE;
    if (boxes->rank != 3 || boxes->dim[2] != 4 || scores->rank != 3 ||
        scores->dim[0] != boxes->dim[0] || scores->dim[1] != boxes->dim[1] ||
        scores->dim[2] <= p->background || places->rank != 2 || places->dim[0] != boxes->dim[1] ||
        places->dim[1] != 4 || boxes->dim[1] > G_MAXINT32 ||
        (fov_in (node, FOV_ASSIGN_OBJECTNESS) &&
         fov_tensor_elements (node->inputs[FOV_ASSIGN_OBJECTNESS]) !=
             boxes->dim[0] * boxes->dim[1]))
        return fov_node_error (node, error,
                               "expected boxes [B, A, 4], scores [B, A, C], objectness [B, A, 1], "
                               "places [A, 4]");
    if (p->top < 1 || p->top > 64 || !(p->negatives >= 0))
        return fov_node_error (node, error, "top must be 1..64 and negatives at least 0");
    out.dim[0] = boxes->dim[0];
    out.dim[1] = boxes->dim[1];
    return check_targets (node, FOV_ASSIGN_TARGETS, out.dim[0], error) &&
           fov_infer_output (node, 0, FOV_I32, &out, error) &&
           fov_infer_output (node, 1, node->inputs[FOV_ASSIGN_BOXES]->dtype, &out, error);
}

/* ---- one picture ------------------------------------------------------------ */

static double *
to_doubles (const FovView *view, gint64 first, gint64 n)
{
    double *v = g_new (double, MAX (n, 1));

    for (gint64 i = 0; i < n; i++)
        v[i] = fov_view_get (view, first + i);
    return v;
}

/* Places inside a region that says nothing are left out. */
static void
leave_out (FovAssign *a, const double *region)
{
    for (gint64 i = 0; i < a->n_anchors; i++)
        if (fov_assign_inside (a, i, region))
            a->weight[i] = 0;
}

static void
write_out (const FovAssign *a, const Scores *s, FovView *out)
{
    for (gint64 i = 0; i < a->n_anchors; i++) {
        const gint64 at = s->picture * a->n_anchors + i;
        const gint32 o = a->object[i];
        if (out[0].data)
            fov_view_set_int (&out[0], at, o >= 0 ? a->rows[o] : -1);
        if (out[1].data)
            fov_view_set (&out[1], at, a->weight[i]);
    }
}

static void
assign_picture (const FovAssignParams *p, const FovView *in, FovView *out, gint64 picture)
{
    const gint64 n = in[FOV_ASSIGN_BOXES].shape.dim[1],
                 n_rows = in[FOV_ASSIGN_TARGETS].shape.dim[1];
    const gint64 n_classes = in[FOV_ASSIGN_SCORES].shape.dim[2] - p->background;
    g_autofree double *boxes = to_doubles (&in[FOV_ASSIGN_BOXES], picture * n * 4, n * 4);
    g_autofree double *places = to_doubles (&in[FOV_ASSIGN_PLACES], 0, n * 4);
    g_autofree double *rows =
        to_doubles (&in[FOV_ASSIGN_TARGETS], picture * n_rows * 6, n_rows * 6);
    g_autofree double *objects = g_new (double, n_rows * 4);
    g_autofree gint32 *labels = g_new (gint32, n_rows), *row = g_new (gint32, n_rows);
    g_autofree gint32 *object = g_new (gint32, MAX (n, 1));
    g_autofree double *weight = g_new (double, MAX (n, 1));
    Scores scores = { &in[FOV_ASSIGN_SCORES], &in[FOV_ASSIGN_OBJECTNESS], picture };
    FovAssign a = { .params = p,
                    .n_anchors = n,
                    .n_columns = in[FOV_ASSIGN_SCORES].shape.dim[2],
                    .boxes = boxes,
                    .places = places,
                    .objects = (const double (*)[4]) objects,
                    .labels = labels,
                    .rows = row,
                    .scores = &scores,
                    .object = object,
                    .weight = weight };

    for (gint64 i = 0; i < n; i++) {
        object[i] = -1;
        weight[i] = 1;
    }
    for (gint64 r = 0; r < n_rows; r++) {
        const double *t = rows + r * 6;
        if (t[5] < 0)
            leave_out (&a, t);
        if (!(t[5] > 0 && t[2] > t[0] && t[3] > t[1] && t[4] >= 0 && t[4] < (double) n_classes))
            continue;
        memcpy (objects + a.n_objects * 4, t, 4 * sizeof *t);
        labels[a.n_objects] = (gint32) (t[4] + (double) p->background);
        row[a.n_objects++] = (gint32) r;
    }
    if (n && (a.n_objects || p->method == FOV_ASSIGN_OVERLAP))
        assign_by[p->method](&a);
    write_out (&a, &scores, out);
}

static gboolean
assign_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    for (gint64 b = 0; b < in[FOV_ASSIGN_BOXES].shape.dim[0]; b++)
        assign_picture (node->params, in, out, b);
    return TRUE;
}

/* ---- fov.AssignTargets -------------------------------------------------------- */

typedef struct {
    gint64 classes;
} TargetParams;

static gboolean
targets_infer (FovNode *node, GError **error)
{
    const TargetParams *p = node->params;
    const FovShape *row = fov_in_shape (node, 0);
    FovShape wide = { 3, { row->dim[0], row->dim[1], p->classes } };
    const FovDType dtype = node->inputs[1]->dtype;

    if (!fov_infer_dtype (node, 0, FOV_DTYPE_BIT (FOV_I32), error) ||
        !fov_infer_dtype (node, 1, FOV_FLOATS, error))
        return FALSE;
    if (row->rank != 2 || !fov_shape_equal (row, fov_in_shape (node, 1)) || p->classes < 1)
        return fov_node_error (node, error, "expected rows and weights [B, A], classes above 0");
    if (!check_targets (node, 2, row->dim[0], error) ||
        !fov_infer_output (node, 0, dtype, &wide, error))
        return FALSE;
    wide.dim[2] = 4;
    return fov_infer_output (node, 1, dtype, &wide, error) &&
           fov_infer_output (node, 2, dtype, row, error) &&
           fov_infer_output (node, 3, dtype, row, error);
}

static void
targets_picture (const TargetParams *p, const FovView *in, FovView *out, gint64 picture)
{
    static const double nothing[6] = { 0, 0, 1, 1, -1, 0 };
    const gint64 n = in[0].shape.dim[1], n_rows = in[2].shape.dim[1];

    for (gint64 at = picture * n; at < (picture + 1) * n; at++) {
        const gint64 row = fov_view_get_int (&in[0], at);
        const double weight = fov_view_get (&in[1], at);
        double t[6];
        memcpy (t, nothing, sizeof t);
        for (int k = 0; k < 6 && row >= 0 && row < n_rows; k++)
            t[k] = fov_view_get (&in[2], (picture * n_rows + row) * 6 + k);
        for (gint64 c = 0; c < p->classes && out[0].data; c++)
            fov_view_set (&out[0], at * p->classes + c, (double) c == t[4] ? weight : 0);
        for (int k = 0; k < 4 && out[1].data; k++)
            fov_view_set (&out[1], at * 4 + k, t[k]);
        if (out[2].data)
            fov_view_set (&out[2], at, row >= 0);
        if (out[3].data)
            fov_view_set (&out[3], at, row >= 0 || weight > 0);
    }
}

static gboolean
targets_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    for (gint64 b = 0; b < in[0].shape.dim[0]; b++)
        targets_picture (node->params, in, out, b);
    return TRUE;
}

/* ---- host: a task per picture --------------------------------------------------- */

static FovView
view_of (const FovHostFrame *frame, const FovOperand *operand)
{
    FovView view = { FOV_F32, { 0, { 0 } }, NULL };

    if (operand)
        view = (FovView){ operand->dtype, operand->shape, fov_host_ptr (frame, operand) };
    return view;
}

static void
views_of (const FovHostStep *step, const FovHostFrame *frame, FovView *in, FovView *out)
{
    for (guint i = 0; i < step->step.node->n_inputs; i++)
        in[i] = view_of (frame, step->step.in[i]);
    for (guint i = 0; i < step->step.node->n_outputs; i++)
        out[i] = view_of (frame, step->step.out[i]);
}

static void
assign_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    FovView in[FOV_ASSIGN_N_INPUTS] = { 0 }, out[2] = { 0 };

    views_of (step, frame, in, out);
    assign_picture (step->step.node->params, in, out, task);
}

static void
targets_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    FovView in[3] = { 0 }, out[4] = { 0 };

    views_of (step, frame, in, out);
    targets_picture (step->step.node->params, in, out, task);
}

static gboolean
prepare (FovHostStep *step, GError **error)
{
    step->n_tasks = (guint) step->step.in[0]->shape.dim[0];
    step->run = fov_node_is (step->step.node, "fov.Assign") ? assign_run : targets_run;
    return TRUE;
}

static guint
formats (const FovNode *node, int block)
{
    return node->inputs[0]->shape.dim[0] > 0 ? FOV_CAN_PLANAR : 0;
}

const FovHostOp fov_host_assign = { formats, NULL, prepare };

/* ---- the table -------------------------------------------------------------------- */

static const FovParam assign_params[] = {
    FOV_P_ENUM ("method", FovAssignParams, method, FOV_ASSIGN_SIMOTA, methods),
    FOV_P_INT ("top", FovAssignParams, top, 10),
    FOV_P_FLOAT ("radius", FovAssignParams, radius, 1.5),
    FOV_P_FLOAT ("alpha", FovAssignParams, alpha, 0.5),
    FOV_P_FLOAT ("beta", FovAssignParams, beta, 6),
    FOV_P_FLOAT ("overlap", FovAssignParams, overlap, 0.5),
    FOV_P_FLOAT ("negatives", FovAssignParams, negatives, 3),
    FOV_P_INT ("background", FovAssignParams, background, 0),
    FOV_P_END,
};

static const FovOpDef assign = {
    .name = "fov.Assign",
    .min_inputs = FOV_ASSIGN_OBJECTNESS,
    .max_inputs = FOV_ASSIGN_N_INPUTS,
    .min_outputs = 2,
    .max_outputs = 2,
    .flags = FOV_OP_NO_FOLD | FOV_OP_NO_GRADIENT,
    .params = assign_params,
    .params_size = sizeof (FovAssignParams),
    .infer = assign_infer,
    .reference = assign_reference,
    .host = &fov_host_assign,
    .gpu = &fov_gpu_assign,
};

static const FovParam target_params[] = {
    FOV_P_INT ("classes", TargetParams, classes, 1),
    FOV_P_END,
};

static const FovOpDef assign_targets = {
    .name = "fov.AssignTargets",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 4,
    .max_outputs = 4,
    .flags = FOV_OP_NO_FOLD | FOV_OP_NO_GRADIENT,
    .params = target_params,
    .params_size = sizeof (TargetParams),
    .infer = targets_infer,
    .reference = targets_reference,
    .host = &fov_host_assign,
    .gpu = &fov_gpu_assign_targets,
};

const FovOpDef *const fov_ops_assign[] = { &assign, &assign_targets, NULL };
