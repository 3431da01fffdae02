/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/fovea-private.h"

/* A track and a detection that overlap at least so much might be one. */
#define MIGHT_BE 0.1f
/* A track's embedding is refreshed this often, seconds. */
#define REFRESH 1.0

/* Whether the detection and a track's next one can be told apart by their places alone, and the
 * track needs no look at it. */
static gboolean
is_clear (const Fovea *f, const FovScene *scene, guint detection)
{
    FovBox box = scene->detections[detection].box;
    const FovItem *only = NULL;

    for (guint i = 0; i < f->items->len; i++) {
        const FovItem *item = &g_array_index (f->items, FovItem, i);
        if (fov_box_iou (item->target.track.box, box) < MIGHT_BE)
            continue;
        if (only)
            return FALSE;
        only = item;
    }
    if (!only || only->target.track.state == FOV_TRACK_LOST)
        return FALSE;
    for (guint i = 0; i < scene->n; i++)
        if (i != detection && scene->detections[i].score >= (float) scene->set[FOVEA_HIGH] &&
            fov_box_iou (only->target.track.box, scene->detections[i].box) >= MIGHT_BE)
            return FALSE;
    return (double) (scene->pts - only->embedded_pts) / 1e9 < REFRESH &&
           only->look.embeddings.seen > 0;
}

gboolean
fovea_ask_for_looks (Fovea *f, const FovScene *scene, GError **error)
{
    if (!fov_looks_embeds (f->looks))
        return TRUE;
    for (guint i = 0; i < scene->n; i++)
        if (scene->detections[i].score >= (float) scene->set[FOVEA_HIGH] && !is_clear (f, scene, i))
            fov_looks_want (f->looks, i);
    return fov_looks_embed (f->looks, scene, error);
}

void
fovea_learn_look (Fovea *f, FovItem *item, const FovScene *scene, guint detection)
{
    guint before = item->look.embeddings.seen;

    fov_looks_learn (f->looks, &item->look, detection);
    if (item->look.embeddings.seen > before)
        item->embedded_pts = scene->pts;
}
