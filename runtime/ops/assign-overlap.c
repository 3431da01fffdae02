/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SSD: anchors that overlap an object have it; of the others the most mistaken ones learn. */
#include "ops/assign.h"

#include <math.h>
#include <stdlib.h>

static void
anchor_box (const FovAssign *a, gint64 anchor, double box[4])
{
    const double *p = a->places + anchor * 4;

    box[0] = p[0] - p[2] / 2;
    box[1] = p[1] - p[3] / 2;
    box[2] = p[0] + p[2] / 2;
    box[3] = p[1] + p[3] / 2;
}

/* Each object's best anchor first, the best of all pairs before the others, so that none is left
 * without. */
static void
give_each_one (FovAssign *a, const double *iou)
{
    g_autofree gboolean *served = g_new0 (gboolean, a->n_objects);

    for (gint64 round = 0; round < a->n_objects; round++) {
        gint64 object = -1, anchor = 0;
        double best = 0;
        for (gint64 o = 0; o < a->n_objects; o++)
            for (gint64 i = 0; !served[o] && i < a->n_anchors; i++)
                if (a->object[i] < 0 && iou[o * a->n_anchors + i] > best) {
                    best = iou[o * a->n_anchors + i];
                    object = o;
                    anchor = i;
                }
        if (object < 0)
            return;
        served[object] = TRUE;
        a->object[anchor] = (gint32) object;
    }
}

static void
give_what_overlaps (FovAssign *a, const double *iou)
{
    for (gint64 i = 0; i < a->n_anchors; i++) {
        gint32 best = -1;
        for (gint32 o = 0; a->object[i] < 0 && o < a->n_objects; o++)
            if (best < 0 || iou[o * a->n_anchors + i] > iou[best * a->n_anchors + i])
                best = o;
        if (best >= 0 && iou[best * a->n_anchors + i] > (double) a->params->overlap)
            a->object[i] = best;
    }
}

/* How wrong an anchor without an object is. */
static double
mistake (const FovAssign *a, gint64 anchor)
{
    double first = fov_assign_logit (a, anchor, 0), sum = 0;

    if (!a->params->background) {
        for (gint64 c = 0; c < a->n_columns; c++) {
            double x = fov_assign_logit (a, anchor, c);
            sum += fmax (x, 0) + log1p (exp (-fabs (x)));
        }
        return sum;
    }
    for (gint64 c = 0; c < a->n_columns; c++)
        sum += exp (fov_assign_logit (a, anchor, c) - first);
    return log (sum);
}

typedef struct {
    double mistake;
    gint64 anchor;
} Negative;

static int
worst_first (const void *a, const void *b)
{
    const Negative *x = a, *y = b;

    if (x->mistake != y->mistake)
        return x->mistake > y->mistake ? -1 : 1;
    return (x->anchor > y->anchor) - (x->anchor < y->anchor);
}

/* All but the worst negatives are left out; a picture without objects counts as having one. */
static void
mine (FovAssign *a)
{
    g_autofree Negative *negatives = g_new (Negative, a->n_anchors);
    gint64 n = 0, found = 0, most;

    for (gint64 i = 0; i < a->n_anchors; i++) {
        found += a->object[i] >= 0;
        if (a->object[i] < 0 && a->weight[i] > 0)
            negatives[n++] = (Negative){ mistake (a, i), i };
    }
    qsort (negatives, (size_t) n, sizeof *negatives, worst_first);
    most = (gint64) ((double) a->params->negatives * (double) MAX (found, 1));
    for (gint64 k = most; k < n; k++)
        a->weight[negatives[k].anchor] = 0;
}

void
fov_assign_overlap (FovAssign *a)
{
    g_autofree double *iou = g_new (double, MAX (a->n_objects * a->n_anchors, 1));

    for (gint64 i = 0; i < a->n_anchors; i++) {
        double box[4];
        anchor_box (a, i, box);
        for (gint64 o = 0; o < a->n_objects; o++)
            iou[o * a->n_anchors + i] = fov_assign_iou (box, a->objects[o]);
    }
    give_each_one (a, iou);
    give_what_overlaps (a, iou);
    for (gint64 i = 0; i < a->n_anchors; i++)
        if (a->object[i] >= 0)
            a->weight[i] = 1;
    mine (a);
}
