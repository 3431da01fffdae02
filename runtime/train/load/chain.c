/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/load/chain.h"

#include "model/session.h"

#include <string.h>

struct _FovChain {
    FovDevice *device;
    FovSession *session;
    guint batch;
    gsize bytes;  /* of the output */
    guint8 *base; /* what offsets count from */
    FovAugmentLayer *layers;
    FovAugmentLook *looks;
};

/* The pictures' bytes are read where they lie: their tensor is an address alone. */
static FovGraph *
make_graph (const FovLoaderParams *p, GError **error)
{
    const FovShape pictures = { 2, { p->batch, 64 } };
    const FovShape layers = { 3, { p->batch, FOV_AUGMENT_LAYERS, FOV_AUGMENT_LAYER_WORDS } };
    const FovShape looks = { 2, { p->batch, FOV_AUGMENT_LOOK_WORDS } };
    const FovAttr shape_attrs[] = { { "width", FOV_ATTR_INT, .i = p->width },
                                    { "height", FOV_ATTR_INT, .i = p->height },
                                    { "pad", FOV_ATTR_FLOAT, .f = (double) p->pad } };
    const FovAttr color_attrs[] = { { "bgr", FOV_ATTR_INT, .i = p->bgr },
                                    { "mean", FOV_ATTR_FLOATS, .floats = p->mean, .n = 3 },
                                    { "scale", FOV_ATTR_FLOATS, .floats = p->scale, .n = 3 } };
    g_autoptr (FovGraph) graph = fov_graph_new ();
    FovTensor *in[] = { fov_graph_add_input (graph, "pictures", FOV_U8, &pictures),
                        fov_graph_add_input (graph, "layers", FOV_I32, &layers) };
    FovTensor *look = fov_graph_add_input (graph, "looks", FOV_I32, &looks);
    FovNode *node = fov_graph_add_node (graph, "fov.AugmentShape", "shape", in, 2, 1, shape_attrs,
                                        G_N_ELEMENTS (shape_attrs), error);

    if (node)
        node = fov_graph_add_node (graph, "fov.AugmentColor", "color",
                                   (FovTensor *[]){ node->outputs[0], look }, 2, 1, color_attrs,
                                   G_N_ELEMENTS (color_attrs), error);
    if (!node)
        return NULL;
    fov_graph_add_output (graph, node->outputs[0]);
    return g_steal_pointer (&graph);
}

FovChain *
fov_chain_new (const FovLoaderParams *p, GError **error)
{
    g_autofree char *spec = g_strdup_printf ("cpu:%u", p->threads);
    FovChain *chain = g_new0 (FovChain, 1);
    FovGraph *graph;

    chain->batch = p->batch;
    chain->bytes = (gsize) p->batch * 3 * p->width * p->height * sizeof (float);
    chain->base = g_malloc0 (64 * p->batch);
    chain->layers = g_new0 (FovAugmentLayer, (gsize) p->batch * FOV_AUGMENT_LAYERS);
    chain->looks = g_new0 (FovAugmentLook, p->batch);
    chain->device = fov_device_open (spec, error);
    graph = chain->device ? make_graph (p, error) : NULL;
    if (graph)
        chain->session =
            fov_session_new_from_graph (chain->device, graph,
                                        &(FovSessionParams){ .max_in_flight = 1 }, error);
    if (chain->session)
        return chain;
    fov_chain_free (chain);
    return NULL;
}

void
fov_chain_free (FovChain *chain)
{
    if (!chain)
        return;
    g_clear_pointer (&chain->session, fov_session_unref);
    g_clear_pointer (&chain->device, fov_device_unref);
    g_free (chain->base);
    g_free (chain->layers);
    g_free (chain->looks);
    g_free (chain);
}

static int
pixel_bytes (FovPixelFormat format)
{
    return format == FOV_PIXEL_GRAY ? 1 : format == FOV_PIXEL_RGB ? 3 : 4;
}

void
fov_chain_set (FovChain *chain, guint n, const FovSceneResult *scene,
               const FovScenePicture *pictures)
{
    FovAugmentLayer *layers = chain->layers + (gsize) n * FOV_AUGMENT_LAYERS;

    chain->looks[n] = scene->look;
    for (int k = 0; k < FOV_AUGMENT_LAYERS; k++) {
        layers[k] = scene->layers[k];
        if (scene->picture[k] < 0)
            continue;
        const FovImage *image = pictures[scene->picture[k]].image;
        layers[k].offset = (gint64) ((guintptr) image->plane[0] - (guintptr) chain->base);
        layers[k].stride = image->stride[0];
        layers[k].bytes = pixel_bytes (image->format);
    }
}

gboolean
fov_chain_run (FovChain *chain, float *out, GError **error)
{
    const guint slot = fov_session_begin (chain->session, error);
    gboolean ok;

    if (!slot)
        return FALSE;
    fov_session_slot_bind (chain->session, slot, 0, chain->base);
    fov_session_slot_bind (chain->session, slot, 1, chain->layers);
    fov_session_slot_bind (chain->session, slot, 2, chain->looks);
    ok = fov_session_submit (chain->session, slot, error) &&
         fov_session_wait (chain->session, slot, error);
    if (ok)
        memcpy (out, fov_session_slot_output (chain->session, slot, 0), chain->bytes);
    fov_session_end (chain->session, slot);
    return ok;
}
