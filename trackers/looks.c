/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/looks.h"

#include "trackers/stripes.h"

/* Distances at which the same and another person are as probable: between detections of
 * PETS09-S2L1 a second or more apart. */
#define STRIPES_EVEN 0.14
#define EMBEDDING_EVEN 0.38

struct _FovLooks {
    FovPatcher *patcher;
    FovEmbedFunc embed;
    gpointer embed_data;
    guint dim;
    gboolean any;
    GArray *has_stripes; /* gboolean [detections] */
    GArray *stripes;     /* float [detections][FOV_STRIPES_N] */
    GArray *row;         /* int [detections]: of embeddings; -1: none */
    GArray *boxes;       /* FovBox: asked for */
    GArray *embeddings;  /* float [boxes][dim] */
    gboolean embedded;
    GPtrArray *spare_stripes, *spare_embeddings; /* blocks that no track uses */
};

FovLooks *
fov_looks_new (const FovTrackerParams *params)
{
    FovLooks *looks = g_new0 (FovLooks, 1);

    looks->patcher = fov_patcher_new ();
    looks->embed = params->embed;
    looks->embed_data = params->embed_data;
    looks->dim = params->embed_dim;
    looks->has_stripes = g_array_new (FALSE, TRUE, sizeof (gboolean));
    looks->stripes = g_array_new (FALSE, FALSE, sizeof (float));
    looks->row = g_array_new (FALSE, FALSE, sizeof (int));
    looks->boxes = g_array_new (FALSE, FALSE, sizeof (FovBox));
    looks->embeddings = g_array_new (FALSE, FALSE, sizeof (float));
    looks->spare_stripes = g_ptr_array_new_with_free_func (g_free);
    looks->spare_embeddings = g_ptr_array_new_with_free_func (g_free);
    return looks;
}

void
fov_looks_free (FovLooks *looks)
{
    fov_patcher_free (looks->patcher);
    g_array_unref (looks->has_stripes);
    g_array_unref (looks->stripes);
    g_array_unref (looks->row);
    g_array_unref (looks->boxes);
    g_array_unref (looks->embeddings);
    g_ptr_array_unref (looks->spare_stripes);
    g_ptr_array_unref (looks->spare_embeddings);
    g_free (looks);
}

static float *
stripes_of (const FovLooks *looks, guint detection)
{
    return &g_array_index (looks->stripes, float, detection *FOV_STRIPES_N);
}

void
fov_looks_begin (FovLooks *looks, const FovScene *scene, double score, const FovBackdrop *backdrop)
{
    looks->any = scene->image && scene->n > 0;
    looks->embedded = FALSE;
    g_array_set_size (looks->boxes, 0);
    g_array_set_size (looks->has_stripes, 0);
    if (!looks->any)
        return;
    g_array_set_size (looks->has_stripes, scene->n);
    g_array_set_size (looks->stripes, scene->n * FOV_STRIPES_N);
    g_array_set_size (looks->row, scene->n);
    for (guint i = 0; i < scene->n; i++) {
        g_array_index (looks->row, int, i) = -1;
        if (scene->detections[i].score < (float) score)
            continue;
        g_array_index (looks->has_stripes, gboolean, i) = TRUE;
        fov_stripes_describe (looks->patcher, scene->image, scene->detections[i].box, backdrop,
                              stripes_of (looks, i));
    }
}

gboolean
fov_looks_any (const FovLooks *looks)
{
    return looks->any;
}

gboolean
fov_looks_embeds (const FovLooks *looks)
{
    return looks->any && looks->embed != NULL;
}

void
fov_looks_want (FovLooks *looks, guint detection)
{
    g_array_index (looks->row, int, detection) = 0;
}

gboolean
fov_looks_embed (FovLooks *looks, const FovScene *scene, GError **error)
{
    for (guint i = 0; i < scene->n; i++)
        if (g_array_index (looks->row, int, i) >= 0) {
            g_array_index (looks->row, int, i) = (int) looks->boxes->len;
            g_array_append_val (looks->boxes, scene->detections[i].box);
        }
    if (looks->boxes->len == 0)
        return TRUE;
    g_array_set_size (looks->embeddings, looks->boxes->len * looks->dim);
    looks->embedded =
        looks->embed (looks->embed_data, scene->image,
                      (const FovBox *) (gpointer) looks->boxes->data, looks->boxes->len,
                      (float *) (gpointer) looks->embeddings->data, error);
    return looks->embedded;
}

/* The detection's embedding, or NULL. */
static const float *
embedding_of (const FovLooks *looks, guint detection)
{
    int row = looks->embedded ? g_array_index (looks->row, int, detection) : -1;

    return row >= 0 ? &g_array_index (looks->embeddings, float, (guint) row * looks->dim) : NULL;
}

double
fov_looks_distance (const FovLooks *looks, const FovLook *look, guint detection)
{
    double sum = 0;
    guint n = 0;

    if (!looks->any)
        return -1;
    const float *embedding = embedding_of (looks, detection);
    if (g_array_index (looks->has_stripes, gboolean, detection) && look->stripes.seen > 0) {
        sum += fov_gallery_distance (&look->stripes, stripes_of (looks, detection), FOV_STRIPES_N) /
               STRIPES_EVEN;
        n++;
    }
    if (embedding && look->embeddings.seen > 0) {
        sum += fov_gallery_distance (&look->embeddings, embedding, looks->dim) / EMBEDDING_EVEN;
        n++;
    }
    return n ? sum / n : -1;
}

static void
learn (GPtrArray *spare, FovGallery *gallery, const float *look, guint dim)
{
    if (!gallery->block)
        gallery->block = spare->len ? g_ptr_array_steal_index_fast (spare, spare->len - 1)
                                    : g_new (float, FOV_GALLERY_SIZE (dim));
    fov_gallery_learn (gallery, look, dim);
}

void
fov_looks_learn (FovLooks *looks, FovLook *look, guint detection)
{
    if (!looks->any)
        return;
    const float *embedding = embedding_of (looks, detection);
    if (g_array_index (looks->has_stripes, gboolean, detection))
        learn (looks->spare_stripes, &look->stripes, stripes_of (looks, detection), FOV_STRIPES_N);
    if (embedding)
        learn (looks->spare_embeddings, &look->embeddings, embedding, looks->dim);
}

void
fov_looks_forget (FovLooks *looks, FovLook *look)
{
    if (look->stripes.block)
        g_ptr_array_add (looks->spare_stripes, look->stripes.block);
    if (look->embeddings.block)
        g_ptr_array_add (looks->spare_embeddings, look->embeddings.block);
    *look = (FovLook){ 0 };
}
