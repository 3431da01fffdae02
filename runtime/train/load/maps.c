/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/load/maps.h"

#include "model/session.h"
#include "train/load/paint.h"

struct _FovMaps {
    FovDevice *device;
    FovSession *session;
    guint batch, slot; /* slot: its outputs are read; 0: none */
    gsize pixels;
    guint8 *base;            /* what offsets count from */
    FovAugmentLayer *layers; /* [2, batch, FOV_AUGMENT_LAYERS]: of the maps, of numbers */
    const float *values, *numbers;
};

static FovTensor *
add_shape (FovGraph *graph, const FovLoaderParams *p, FovTensor *pictures, const char *name,
           int channels, double pad, GError **error)
{
    const FovShape shape = { 3, { p->batch, FOV_AUGMENT_LAYERS, FOV_AUGMENT_LAYER_WORDS } };
    const FovAttr attrs[] = { { "width", FOV_ATTR_INT, .i = p->width },
                              { "height", FOV_ATTR_INT, .i = p->height },
                              { "channels", FOV_ATTR_INT, .i = channels },
                              { "nearest", FOV_ATTR_INT, .i = 1 },
                              { "pad", FOV_ATTR_FLOAT, .f = pad } };
    FovTensor *in[] = { pictures, fov_graph_add_input (graph, name, FOV_I32, &shape) };
    FovNode *node = fov_graph_add_node (graph, "fov.AugmentShape", name, in, 2, 1, attrs,
                                        G_N_ELEMENTS (attrs), error);

    if (!node)
        return NULL;
    fov_graph_add_output (graph, node->outputs[0]);
    return node->outputs[0];
}

static FovGraph *
make_graph (const FovLoaderParams *p, GError **error)
{
    const FovShape pictures = { 2, { p->batch, 64 } };
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovTensor *in = fov_graph_add_input (graph, "maps", FOV_U8, &pictures);

    if (!add_shape (graph, p, in, "layers", 3, FOV_MAP_IGNORED, error) ||
        !add_shape (graph, p, in, "numbers", 1, 0, error))
        return NULL;
    return g_steal_pointer (&graph);
}

FovMaps *
fov_maps_new (const FovLoaderParams *p, GError **error)
{
    g_autofree char *spec = g_strdup_printf ("cpu:%u", p->threads);
    FovMaps *maps = g_new0 (FovMaps, 1);
    FovGraph *graph;

    maps->batch = p->batch;
    maps->pixels = (gsize) p->width * p->height;
    maps->base = g_malloc0 (64 * p->batch);
    maps->layers = g_new0 (FovAugmentLayer, 2 * (gsize) p->batch * FOV_AUGMENT_LAYERS);
    maps->device = fov_device_open (spec, error);
    graph = maps->device ? make_graph (p, error) : NULL;
    if (graph)
        maps->session =
            fov_session_new_from_graph (maps->device, graph,
                                        &(FovSessionParams){ .max_in_flight = 1 }, error);
    if (maps->session)
        return maps;
    fov_maps_free (maps);
    return NULL;
}

void
fov_maps_free (FovMaps *maps)
{
    if (!maps)
        return;
    if (maps->slot)
        fov_session_end (maps->session, maps->slot);
    g_clear_pointer (&maps->session, fov_session_unref);
    g_clear_pointer (&maps->device, fov_device_unref);
    g_free (maps->base);
    g_free (maps->layers);
    g_free (maps);
}

/* What shines through changes no label; a patch of another picture shows that one's; of a plain
 * patch nothing is known. */
static void
set_layer (FovMaps *maps, FovAugmentLayer *map, FovAugmentLayer *number,
           const FovSceneResult *scene, int k, const FovScenePicture *pictures)
{
    const FovImage *image = scene->picture[k] < 0 ? NULL : pictures[scene->picture[k]].map;

    *map = scene->layers[k];
    if (k == scene->mixed)
        map->alpha = 0;
    if (image) {
        map->offset = (gint64) ((guintptr) image->plane[0] - (guintptr) maps->base);
        map->stride = image->stride[0];
        map->bytes = 3;
    } else {
        map->bytes = 0;
        map->fill[0] = FOV_MAP_IGNORED;
        map->fill[1] = map->fill[2] = 0;
    }
    *number = *map;
    number->bytes = 0;
    number->fill[0] = image ? (float) (k + 1) : 0;
}

void
fov_maps_set (FovMaps *maps, guint n, const FovSceneResult *scene, const FovScenePicture *pictures)
{
    FovAugmentLayer *map = maps->layers + (gsize) n * FOV_AUGMENT_LAYERS;
    FovAugmentLayer *number = map + (gsize) maps->batch * FOV_AUGMENT_LAYERS;

    for (int k = 0; k < FOV_AUGMENT_LAYERS; k++)
        set_layer (maps, &map[k], &number[k], scene, k, pictures);
}

gboolean
fov_maps_run (FovMaps *maps, GError **error)
{
    if (maps->slot)
        fov_session_end (maps->session, maps->slot);
    maps->slot = fov_session_begin (maps->session, error);
    if (!maps->slot)
        return FALSE;
    fov_session_slot_bind (maps->session, maps->slot, 0, maps->base);
    fov_session_slot_bind (maps->session, maps->slot, 1, maps->layers);
    fov_session_slot_bind (maps->session, maps->slot, 2,
                           maps->layers + (gsize) maps->batch * FOV_AUGMENT_LAYERS);
    if (!fov_session_submit (maps->session, maps->slot, error) ||
        !fov_session_wait (maps->session, maps->slot, error))
        return FALSE;
    maps->values = fov_session_slot_output (maps->session, maps->slot, 0);
    maps->numbers = fov_session_slot_output (maps->session, maps->slot, 1);
    return TRUE;
}

FovMapPixel
fov_maps_at (const FovMaps *maps, guint n, gsize i)
{
    const float *v = maps->values + 3 * n * maps->pixels + i;
    const guint8 pixel[3] = { (guint8) v[0], (guint8) v[maps->pixels],
                              (guint8) v[2 * maps->pixels] };

    return (FovMapPixel){ pixel[0] == FOV_MAP_IGNORED ? -1 : pixel[0],
                          (int) maps->numbers[n * maps->pixels + i] - 1, fov_map_object (pixel) };
}
