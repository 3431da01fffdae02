/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SimOTA: each object takes the places that cost it least, as many as their IoUs add up to. */
#include "ops/assign.h"

#include <math.h>

#define IOU_SHARE 3.0  /* of the cost */
#define OUTSIDE 1e5    /* cost of a place outside the box or its centre */
#define LEAST_LOG -100 /* log of a probability: PyTorch's bound */
#define MAX_TOP 64

/* Places that may be taken, and what each costs each object. */
typedef struct {
    FovAssign *a;
    GArray *places;     /* gint32: anchors */
    double *iou, *cost; /* [objects][places] */
    guint16 *takers;    /* of each place: how many objects want it */
} Simota;

static gboolean
in_center (const FovAssign *a, gint64 anchor, const double *box)
{
    const double *p = a->places + anchor * 4, r = a->params->radius;

    return fabs (p[0] - (box[0] + box[2]) / 2) < r * p[2] &&
           fabs (p[1] - (box[1] + box[3]) / 2) < r * p[3];
}

static void
find_places (Simota *s)
{
    const FovAssign *a = s->a;

    for (gint32 i = 0; i < a->n_anchors; i++) {
        gboolean may = FALSE;
        for (gint64 o = 0; o < a->n_objects && !may; o++)
            may = fov_assign_inside (a, i, a->objects[o]) || in_center (a, i, a->objects[o]);
        if (may)
            g_array_append_val (s->places, i);
    }
}

static double
log_of (double p)
{
    return p > 0 ? fmax (log (p), LEAST_LOG) : LEAST_LOG;
}

/* Cross entropy of the square root of class times objectness: that of "no class at all" in *none,
 * and what each object's class changes in it. */
static void
class_costs (const FovAssign *a, gint64 anchor, double *none, double *change)
{
    double object = 1 / (1 + exp (-fov_assign_objectness (a, anchor)));

    *none = 0;
    for (gint64 c = 0; c < a->n_columns; c++) {
        double p = sqrt (object / (1 + exp (-fov_assign_logit (a, anchor, c))));
        *none -= log_of (1 - p);
        for (gint64 o = 0; o < a->n_objects; o++)
            if (a->labels[o] == c)
                change[o] = log_of (1 - p) - log_of (p);
    }
}

static void
fill_costs (Simota *s)
{
    const FovAssign *a = s->a;
    g_autofree double *change = g_new0 (double, a->n_objects);
    const guint n = s->places->len;

    for (guint k = 0; k < n; k++) {
        const gint32 anchor = g_array_index (s->places, gint32, k);
        double none;
        class_costs (a, anchor, &none, change);
        for (gint64 o = 0; o < a->n_objects; o++) {
            const double *box = a->objects[o], iou = fov_assign_iou (a->boxes + anchor * 4, box);
            const gboolean inside =
                fov_assign_inside (a, anchor, box) && in_center (a, anchor, box);
            s->iou[o * n + k] = iou;
            s->cost[o * n + k] =
                none + change[o] - IOU_SHARE * log (iou + 1e-8) + (inside ? 0 : OUTSIDE);
        }
    }
}

/* How many places an object gets: what its best IoUs add up to, but one at least. */
static guint
count_places (const Simota *s, gint64 object)
{
    const guint n = s->places->len, top = (guint) MIN (s->a->params->top, n);
    double best[MAX_TOP], sum = 0;
    guint m = 0;

    for (guint k = 0; k < n; k++) {
        double iou = s->iou[object * n + k];
        guint at = m;
        if (m == top && iou <= best[m - 1])
            continue;
        m = MIN (m + 1, top);
        for (at = m - 1; at > 0 && best[at - 1] < iou; at--)
            best[at] = best[at - 1];
        best[at] = iou;
    }
    for (guint k = 0; k < m; k++)
        sum += best[k];
    return (guint) fmax (floor (sum), 1);
}

/* The object takes its cheapest places; of equal ones the first. */
static void
take_places (Simota *s, gint64 object)
{
    const guint n = s->places->len, most = MIN (count_places (s, object), n);
    const double *cost = s->cost + object * n;
    guint taken[MAX_TOP], m = 0;

    for (guint k = 0; k < n; k++) {
        guint at;
        if (m == most && cost[k] >= cost[taken[m - 1]])
            continue;
        m = MIN (m + 1, most);
        for (at = m - 1; at > 0 && cost[taken[at - 1]] > cost[k]; at--)
            taken[at] = taken[at - 1];
        taken[at] = k;
    }
    for (guint i = 0; i < m; i++) {
        s->takers[taken[i]]++;
        s->a->object[g_array_index (s->places, gint32, taken[i])] = (gint32) object;
    }
}

/* A place that several want goes to whom it costs least. */
static void
settle (Simota *s)
{
    FovAssign *a = s->a;
    const guint n = s->places->len;

    for (guint k = 0; k < n; k++) {
        const gint32 anchor = g_array_index (s->places, gint32, k);
        gint32 best = 0;
        if (!s->takers[k])
            continue;
        if (s->takers[k] > 1) {
            for (gint32 o = 1; o < a->n_objects; o++)
                best = s->cost[o * n + k] < s->cost[best * n + k] ? o : best;
            a->object[anchor] = best;
        }
        a->weight[anchor] = s->iou[a->object[anchor] * n + k];
    }
}

void
fov_assign_simota (FovAssign *a)
{
    Simota s = { .a = a, .places = g_array_new (FALSE, FALSE, sizeof (gint32)) };

    find_places (&s);
    if (s.places->len) {
        s.iou = g_new (double, a->n_objects *s.places->len);
        s.cost = g_new (double, a->n_objects *s.places->len);
        s.takers = g_new0 (guint16, s.places->len);
        fill_costs (&s);
        for (gint64 o = 0; o < a->n_objects; o++)
            take_places (&s, o);
        settle (&s);
    }
    g_free (s.iou);
    g_free (s.cost);
    g_free (s.takers);
    g_array_unref (s.places);
}
