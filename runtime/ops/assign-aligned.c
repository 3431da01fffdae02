/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Task-aligned: each object takes the anchors that find it best, by score and box together. */
#include "ops/assign.h"

#include <math.h>

#define MAX_TOP 64

/* An anchor that may have an object. */
typedef struct {
    gint32 anchor;
    double metric, iou;
} Pair;

static double
score (const FovAssign *a, gint64 anchor, gint32 label)
{
    return 1 / (1 + exp (-fov_assign_logit (a, anchor, label)));
}

/* The best anchors inside an object's box; of equal ones the first. */
static guint
find_best (const FovAssign *a, gint64 object, Pair *best)
{
    const FovAssignParams *p = a->params;
    const double *box = a->objects[object];
    guint m = 0, at;

    for (gint32 i = 0; i < a->n_anchors; i++) {
        Pair pair = { .anchor = i };
        if (!fov_assign_inside (a, i, box))
            continue;
        pair.iou = fov_assign_iou (a->boxes + (gint64) i * 4, box);
        pair.metric = pow (score (a, i, a->labels[object]), p->alpha) * pow (pair.iou, p->beta);
        if (!(pair.metric > 0) || (m == p->top && pair.metric <= best[m - 1].metric))
            continue;
        m = (guint) MIN (m + 1, p->top);
        for (at = m - 1; at > 0 && best[at - 1].metric < pair.metric; at--)
            best[at] = best[at - 1];
        best[at] = pair;
    }
    return m;
}

/* An anchor that is good for several objects has the one it overlaps most. */
static void
take (FovAssign *a, Pair *held, gint32 object, const Pair *best, guint n)
{
    for (guint k = 0; k < n; k++) {
        const gint32 i = best[k].anchor;
        if (a->object[i] >= 0 && held[i].iou >= best[k].iou)
            continue;
        a->object[i] = object;
        held[i] = best[k];
    }
}

/* Metrics scaled so that an object's best is as large as its best IoU (eq. 5). */
static void
set_weights (FovAssign *a, const Pair *held)
{
    g_autofree double *top_metric = g_new0 (double, a->n_objects);
    g_autofree double *top_iou = g_new0 (double, a->n_objects);

    for (gint64 i = 0; i < a->n_anchors; i++) {
        const gint32 o = a->object[i];
        if (o < 0)
            continue;
        top_metric[o] = fmax (top_metric[o], held[i].metric);
        top_iou[o] = fmax (top_iou[o], held[i].iou);
    }
    for (gint64 i = 0; i < a->n_anchors; i++)
        if (a->object[i] >= 0)
            a->weight[i] = held[i].metric / top_metric[a->object[i]] * top_iou[a->object[i]];
}

void
fov_assign_aligned (FovAssign *a)
{
    g_autofree Pair *held = g_new0 (Pair, a->n_anchors);
    Pair best[MAX_TOP];

    for (gint32 o = 0; o < a->n_objects; o++)
        take (a, held, o, best, find_best (a, o, best));
    set_weights (a, held);
}
