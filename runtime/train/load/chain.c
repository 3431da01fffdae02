/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/load/chain.h"

#include "gpu/gpu.h"
#include "model/session.h"

#include <string.h>

#define MOST_BYTES ((gsize) 1 << 30) /* of a batch's pictures that are copied to a device */

/* A session, and where it runs. */
typedef struct {
    FovDevice *device;
    FovSession *session;
} Place;

struct _FovChain {
    const FovLoaderParams *p;
    gsize bytes;  /* of the output */
    Place device; /* empty: all runs on the host */
    Place host;   /* made once it is needed */
    gsize capacity, most;
    gboolean said_too_large;
    guint8 *base; /* what offsets count from on the host */
    FovAugmentLayer *layers;
    const FovImage **images; /* of each layer, or NULL */
    FovAugmentLook *looks;
};

/* The pictures' tensor is an address alone: the host reads them where they lie, elsewhere it grows.
 */
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

static void
place_clear (Place *place)
{
    g_clear_pointer (&place->session, fov_session_unref);
    g_clear_pointer (&place->device, fov_device_unref);
}

static gboolean
place_init (Place *place, FovDevice *device, const FovLoaderParams *p, GError **error)
{
    FovGraph *graph = make_graph (p, error);
    const FovPlan *plan;

    place->device = fov_device_ref (device);
    if (graph)
        place->session =
            fov_session_new_from_graph (device, graph, &(FovSessionParams){ .max_in_flight = 1 },
                                        error);
    if (!place->session)
        return FALSE;
    plan = fov_session_plan (place->session);
    if (plan->n_static == plan->n_steps)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "%s has no kernel for %d x %d pixels",
                 plan->steps[plan->n_static].node->op->name, p->width, p->height);
    return FALSE;
}

static gboolean
need_host (FovChain *chain, GError **error)
{
    g_autofree char *spec = g_strdup_printf ("cpu:%u", chain->p->threads);
    g_autoptr (FovDevice) device = NULL;

    if (chain->host.session)
        return TRUE;
    device = fov_device_open (spec, error);
    return device && place_init (&chain->host, device, chain->p, error);
}

/* What is refused there is done on the host. */
static void
try_device (FovChain *chain, FovDevice *device)
{
    /* Records lie beside the pictures; each input starts at a multiple of 256. */
    const gsize records = chain->p->batch * (FOV_AUGMENT_LAYERS * sizeof (FovAugmentLayer) +
                                             sizeof (FovAugmentLook)) +
                          1024;
    g_autoptr (GError) error = NULL;

    if (!device || fov_device_kind (device) != FOV_DEVICE_VULKAN)
        return;
    chain->most =
        (gsize) MIN (fov_gpu_limits (device->gpu)->max_storage_range, MOST_BYTES) - records;
    if (place_init (&chain->device, device, chain->p, &error)) {
        g_info ("pictures are augmented on %s", fov_device_name (device));
        return;
    }
    g_info ("%s does not augment pictures, the host does: %s", fov_device_name (device),
            error->message);
    place_clear (&chain->device);
}

FovChain *
fov_chain_new (const FovLoaderParams *p, GError **error)
{
    FovChain *chain = g_new0 (FovChain, 1);
    const gsize n_layers = (gsize) p->batch * FOV_AUGMENT_LAYERS;

    chain->p = p;
    chain->bytes = (gsize) p->batch * 3 * p->width * p->height * sizeof (float);
    chain->base = g_malloc0 (64 * p->batch);
    chain->layers = g_new0 (FovAugmentLayer, n_layers);
    chain->images = g_new0 (const FovImage *, n_layers);
    chain->looks = g_new0 (FovAugmentLook, p->batch);
    try_device (chain, p->device);
    if (chain->device.session || need_host (chain, error))
        return chain;
    fov_chain_free (chain);
    return NULL;
}

void
fov_chain_free (FovChain *chain)
{
    if (!chain)
        return;
    place_clear (&chain->device);
    place_clear (&chain->host);
    g_free (chain->base);
    g_free (chain->layers);
    g_free (chain->images);
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
    const gsize first = (gsize) n * FOV_AUGMENT_LAYERS;

    chain->looks[n] = scene->look;
    for (int k = 0; k < FOV_AUGMENT_LAYERS; k++) {
        const int picture = scene->picture[k];
        const FovImage *image = picture < 0 ? NULL : pictures[picture].image;
        chain->layers[first + k] = scene->layers[k];
        chain->layers[first + k].bytes = image ? pixel_bytes (image->format) : 0;
        chain->images[first + k] = image;
    }
}

/* ---- where pictures lie ------------------------------------------------------------- */

static void
point_at_pictures (FovChain *chain)
{
    for (gsize i = 0; i < (gsize) chain->p->batch * FOV_AUGMENT_LAYERS; i++) {
        const FovImage *image = chain->images[i];
        if (!image)
            continue;
        chain->layers[i].offset = (gint64) ((guintptr) image->plane[0] - (guintptr) chain->base);
        chain->layers[i].stride = image->stride[0];
    }
}

/* Rows of what a layer may look at. */
static gsize
copy_stride (const FovAugmentLayer *l)
{
    return ((gsize) (l->x_max - l->x_min + 1) * (gsize) l->bytes + 3) / 4 * 4;
}

static gsize
copy_bytes (const FovAugmentLayer *l)
{
    return copy_stride (l) * (gsize) (l->y_max - l->y_min + 1);
}

static gsize
all_copies (const FovChain *chain)
{
    gsize bytes = FOV_AUGMENT_SLACK;

    for (gsize i = 0; i < (gsize) chain->p->batch * FOV_AUGMENT_LAYERS; i++)
        if (chain->images[i])
            bytes += copy_bytes (&chain->layers[i]);
    return bytes;
}

/* Offsets are of pixel (0, 0), which need not be there. */
static void
copy_pictures (FovChain *chain, guint8 *to)
{
    gsize at = 0;

    for (gsize i = 0; i < (gsize) chain->p->batch * FOV_AUGMENT_LAYERS; i++) {
        const FovImage *image = chain->images[i];
        FovAugmentLayer *l = &chain->layers[i];
        const gsize stride = copy_stride (l);
        if (!image)
            continue;
        for (int y = l->y_min; y <= l->y_max; y++)
            memcpy (to + at + (gsize) (y - l->y_min) * stride,
                    image->plane[0] + (gsize) y * image->stride[0] +
                        (gsize) l->x_min * (gsize) l->bytes,
                    (gsize) (l->x_max - l->x_min + 1) * (gsize) l->bytes);
        l->stride = (gint32) stride;
        l->offset = (gint64) at - (gint64) l->y_min * l->stride - (gint64) l->x_min * l->bytes;
        at += copy_bytes (l);
    }
}

/* ---- running ------------------------------------------------------------------------- */

static gboolean
finish (FovChain *chain, FovSession *session, guint slot, float *out, GError **error)
{
    const gboolean ok =
        fov_session_submit (session, slot, error) && fov_session_wait (session, slot, error);

    if (ok)
        memcpy (out, fov_session_slot_output (session, slot, 0), chain->bytes);
    fov_session_end (session, slot);
    return ok;
}

static gboolean
run_on_host (FovChain *chain, float *out, GError **error)
{
    FovSession *session;
    guint slot;

    if (!need_host (chain, error))
        return FALSE;
    session = chain->host.session;
    slot = fov_session_begin (session, error);
    if (!slot)
        return FALSE;
    point_at_pictures (chain);
    fov_session_slot_bind (session, slot, 0, chain->base);
    fov_session_slot_bind (session, slot, 1, chain->layers);
    fov_session_slot_bind (session, slot, 2, chain->looks);
    return finish (chain, session, slot, out, error);
}

static gboolean
run_on_device (FovChain *chain, gsize bytes, float *out, GError **error)
{
    FovSession *session = chain->device.session;
    const gsize batch = chain->p->batch;
    guint slot;

    if (bytes > chain->capacity) {
        chain->capacity = MAX (bytes, MIN (bytes + bytes / 2, chain->most));
        if (!fov_session_reserve_input (session, 0, chain->capacity, error))
            return FALSE;
    }
    slot = fov_session_begin (session, error);
    if (!slot)
        return FALSE;
    copy_pictures (chain, fov_session_slot_input (session, slot, 0));
    memcpy (fov_session_slot_input (session, slot, 1), chain->layers,
            batch * FOV_AUGMENT_LAYERS * sizeof *chain->layers);
    memcpy (fov_session_slot_input (session, slot, 2), chain->looks, batch * sizeof *chain->looks);
    return finish (chain, session, slot, out, error);
}

gboolean
fov_chain_run (FovChain *chain, float *out, GError **error)
{
    const gsize bytes = all_copies (chain);

    if (!chain->device.session)
        return run_on_host (chain, out, error);
    if (bytes <= chain->most)
        return run_on_device (chain, bytes, out, error);
    if (!chain->said_too_large)
        g_info ("batches with more than %" G_GSIZE_FORMAT " MiB of pictures are augmented on the "
                "host, not on %s",
                chain->most >> 20, fov_device_name (chain->device.device));
    chain->said_too_large = TRUE;
    return run_on_host (chain, out, error);
}
