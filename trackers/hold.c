/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/hold.h"

#include "trackers/visual.h"

#include <math.h>

/* How fast what is usual follows what is found. */
#define RATE 0.1
/* No target is begun for a box that is smaller than this, in pixels. */
#define LEAST_SIDE 4.0f

struct _FovHolds {
    FovVisual *visual; /* borrowed */
    GArray *queries;   /* FovVisualQuery */
    GArray *found;     /* FovVisualFound */
    GArray *indices;   /* guint */
};

FovHolds *
fov_holds_new (const FovTrackerParams *params)
{
    FovHolds *holds = g_new0 (FovHolds, 1);

    holds->visual = params->visual;
    holds->queries = g_array_new (FALSE, FALSE, sizeof (FovVisualQuery));
    holds->found = g_array_new (FALSE, TRUE, sizeof (FovVisualFound));
    holds->indices = g_array_new (FALSE, FALSE, sizeof (guint));
    return holds;
}

void
fov_holds_free (FovHolds *holds)
{
    g_array_unref (holds->queries);
    g_array_unref (holds->found);
    g_array_unref (holds->indices);
    g_free (holds);
}

gboolean
fov_holds_any (const FovHolds *holds, const FovScene *scene)
{
    return holds->visual && scene->image;
}

gboolean
fov_holds_learn (FovHolds *holds, const FovScene *scene, FovHold *hold, FovBox box, GError **error)
{
    if (box.x2 - box.x1 < LEAST_SIDE || box.y2 - box.y1 < LEAST_SIDE)
        return TRUE;
    if (hold->target)
        return fov_visual_learn (holds->visual, scene->image, hold->target, box, error);
    *hold = (FovHold){ .target = fov_visual_add (holds->visual, scene->image, box, error) };
    return hold->target != 0;
}

void
fov_holds_forget (FovHolds *holds, FovHold *hold)
{
    if (hold->target)
        fov_visual_remove (holds->visual, hold->target);
    *hold = (FovHold){ 0 };
}

void
fov_holds_clear (FovHolds *holds)
{
    g_array_set_size (holds->queries, 0);
    g_array_set_size (holds->indices, 0);
}

void
fov_holds_ask (FovHolds *holds, const FovHold *hold, guint index, FovBox expected, float widen)
{
    FovVisualQuery query = { .target = hold->target, .expected = expected, .widen = widen };

    if (holds->queries->len >= fov_visual_most (holds->visual) ||
        !(expected.x2 - expected.x1 >= FOV_VISUAL_MIN_SIDE) ||
        !(expected.y2 - expected.y1 >= FOV_VISUAL_MIN_SIDE))
        return;
    g_array_append_val (holds->queries, query);
    g_array_append_val (holds->indices, index);
}

gboolean
fov_holds_locate (FovHolds *holds, const FovScene *scene, GError **error)
{
    guint n = holds->queries->len;

    g_array_set_size (holds->found, 0);
    g_array_set_size (holds->found, n);
    return n == 0 || fov_visual_locate (holds->visual, scene->image,
                                        (const FovVisualQuery *) (gpointer) holds->queries->data, n,
                                        (FovVisualFound *) (gpointer) holds->found->data, error);
}

guint
fov_holds_n (const FovHolds *holds)
{
    return holds->queries->len;
}

guint
fov_holds_index (const FovHolds *holds, guint i)
{
    return g_array_index (holds->indices, guint, i);
}

gboolean
fov_holds_found (FovHolds *holds, guint i, double least, FovHold *hold, FovBox *box)
{
    const FovVisualFound *f = &g_array_index (holds->found, FovVisualFound, i);

    if (hold->score > 0 && f->score * f->apce < least * hold->score * hold->apce)
        return FALSE;
    double rate = hold->score > 0 ? RATE : 1;
    hold->score += rate * (f->score - hold->score);
    hold->apce += rate * (f->apce - hold->apce);
    *box = f->box;
    return f->score > 0;
}
