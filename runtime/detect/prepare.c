/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A detector's preprocessing without the detector: fov.Preprocess alone. */
#include "detect/net.h"
#include "detect/picture.h"
#include "model/session.h"

#include <string.h>

struct _FovPreparer {
    FovDevice *device;
    FovSession *session;
    FovIntake intake;
    FovTensorInfo info;
    char *name;
    int width, height;
};

/* Cuts net's graph behind the tensor that stands in its picture input's place. */
static FovGraph *
cut_graph (FovDetectNet *net, GError **error)
{
    const FovNode *reader = net->input.tensor->consumers->pdata[0];
    guint at = 0;

    while (reader->inputs[at] != net->input.tensor)
        at++;
    if (!fov_picture_input_attach (&net->input, net->net.graph, &net->match.intake,
                                   FOV_PICTURE_SLACK, error))
        return NULL;
    fov_graph_clear_outputs (net->net.graph);
    fov_graph_add_output (net->net.graph, reader->inputs[at]);
    fov_graph_remove_unused (net->net.graph);
    return g_steal_pointer (&net->net.graph);
}

FovPreparer *
fov_preparer_new (FovModel *model, const FovDetectorParams *params, GError **error)
{
    static const FovDetectorParams defaults;
    g_autoptr (FovPreparer) p = g_new0 (FovPreparer, 1);
    g_autoptr (FovDetectNet) net =
        fov_detect_net_new (model, params ? params : &defaults, NULL, error);
    FovGraph *graph;

    if (net) {
        p->intake = net->match.intake;
        p->name = g_strdup (net->input.tensor->name);
        p->info = (FovTensorInfo){ p->name, net->input.tensor->dtype, net->input.tensor->shape };
        p->width = net->net.width;
        p->height = net->net.height;
        p->device = fov_device_open ("cpu:1", error);
    }
    graph = p->device ? cut_graph (net, error) : NULL;
    if (graph)
        p->session = fov_session_new_from_graph (p->device, graph,
                                                 &(FovSessionParams){ .max_in_flight = 1 }, error);
    if (p->session)
        return g_steal_pointer (&p);
    g_prefix_error (error, "%s: ", fov_model_path (model));
    return NULL;
}

void
fov_preparer_free (FovPreparer *p)
{
    if (!p)
        return;
    g_clear_pointer (&p->session, fov_session_unref);
    g_clear_pointer (&p->device, fov_device_unref);
    g_free (p->name);
    g_free (p);
}

void
fov_preparer_info (FovPreparer *p, FovTensorInfo *info)
{
    *info = p->info;
}

gboolean
fov_preparer_run (FovPreparer *p, const FovImage *image, void *tensor, GError **error)
{
    const FovBox whole = { 0, 0, (float) image->width, (float) image->height };
    const FovLetterbox map = fov_letterbox (whole, p->width, p->height, p->intake.fit);
    const gsize size = (gsize) fov_shape_elements (&p->info.shape) * fov_dtype_size (p->info.dtype);
    FovFrameInfo frame = { 0 };
    gboolean ok;
    guint slot;

    if (!fov_image_check (image, error))
        return FALSE;
    fov_frame_set_picture (&frame, image, whole, &map);
    fov_picture_point (image, &frame, image->plane[0]);
    slot = fov_session_begin (p->session, error);
    if (!slot)
        return FALSE;
    fov_session_slot_bind (p->session, slot, 0, image->plane[0]);
    memcpy (fov_session_slot_input (p->session, slot, 1), &frame, sizeof frame);
    ok = fov_session_submit (p->session, slot, error) && fov_session_wait (p->session, slot, error);
    if (ok)
        memcpy (tensor, fov_session_slot_output (p->session, slot, 0), size);
    fov_session_end (p->session, slot);
    return ok;
}
