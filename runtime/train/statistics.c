/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Means and variances of tensors over frames. */
#include "train/norms.h"

#include "model/session.h"

#include <math.h>

void
fov_moments_clear (FovMoments *moments)
{
    g_clear_pointer (&moments->mean, g_free);
    g_clear_pointer (&moments->m2, g_free);
}

gboolean
fov_norm_frames_check (const FovNormFrames *frames, GError **error)
{
    if (frames && frames->n > 0 && frames->read && frames->prior >= 0 && isfinite (frames->prior))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "frames: n is %u and prior %g, expected 1 or more frames, a way to read them, and "
                 "a prior of 0 or more",
                 frames ? frames->n : 0, frames ? (double) frames->prior : 0);
    return FALSE;
}

/* ---- one picture's values ------------------------------------------------- */

/* A part joins what was seen before (Chan et al. 1979, eq. 2.1). */
static void
join (FovMoments *m, guint channel, double n_before, double n, double mean, double m2)
{
    double all = n_before + n, d = mean - m->mean[channel];

    m->mean[channel] += d * n / all;
    m->m2[channel] += m2 + d * d * n_before * n / all;
}

static gboolean
take (FovMoments *m, const FovView *view)
{
    const gint64 batch = view->shape.dim[0], channels = view->shape.dim[1];
    const gint64 pixels = fov_shape_elements (&view->shape) / MAX (batch * channels, 1);
    const float *v = view->data;

    if (!m->mean) {
        m->channels = (guint) channels;
        m->pixels = pixels;
        m->mean = g_new0 (double, channels);
        m->m2 = g_new0 (double, channels);
    }
    for (gint64 b = 0; b < batch; b++, m->n += (double) pixels)
        for (gint64 c = 0; c < channels; c++, v += pixels) {
            double sum = 0, squares = 0, mean;
            for (gint64 i = 0; i < pixels; i++)
                sum += v[i];
            mean = sum / (double) pixels;
            for (gint64 i = 0; i < pixels; i++)
                squares += (v[i] - mean) * (v[i] - mean);
            if (!isfinite (squares))
                return FALSE;
            join (m, (guint) c, m->n, (double) pixels, mean, squares);
        }
    return TRUE;
}

/* ---- forward passes -------------------------------------------------------- */

/* A session that gives the tensors of those names; where[i]: its output that is names[i]. */
static FovSession *
open_session (const FovGraph *model, FovDevice *device, const FovNormFrames *frames,
              const GPtrArray *names, guint *where, GError **error)
{
    FovGraph *graph = fov_graph_copy (model);

    fov_graph_clear_outputs (graph);
    for (guint i = 0; i < names->len; i++) {
        FovTensor *t = fov_graph_find (graph, names->pdata[i]);
        if (!g_ptr_array_find (graph->outputs, t, &where[i])) {
            where[i] = graph->outputs->len;
            fov_graph_add_output (graph, t);
        }
    }
    fov_graph_remove_unused (graph);
    return fov_session_new_from_graph (device, graph,
                                       &(FovSessionParams){ .input_shapes = frames->input_shapes,
                                                            .max_in_flight = 1 },
                                       error);
}

static gboolean
take_all (const GPtrArray *names, const guint *where, const FovView *outputs, guint frame,
          FovMoments *moments, GError **error)
{
    for (guint i = 0; i < names->len; i++) {
        const FovView *view = &outputs[where[i]];
        if (view->dtype == FOV_F32 && view->shape.rank >= 2 && take (&moments[i], view))
            continue;
        g_set_error (error, FOV_ERROR, FOV_ERROR_FAILED,
                     "frame %u: '%s' has values that are no numbers, of which no statistics can be "
                     "taken",
                     frame, (const char *) names->pdata[i]);
        return FALSE;
    }
    return TRUE;
}

gboolean
fov_measure (const FovGraph *graph, FovDevice *device, const FovNormFrames *frames,
             const GPtrArray *names, FovMoments *moments, FovMeasureProgress *progress,
             GError **error)
{
    g_autofree guint *where = g_new0 (guint, names->len + 1);
    g_autoptr (FovSession) session = open_session (graph, device, frames, names, where, error);
    g_autofree FovView *inputs = g_new0 (FovView, graph->inputs->len + 1);
    g_autofree FovView *outputs = NULL;
    gboolean ok = session != NULL;

    if (session)
        outputs = g_new0 (FovView, fov_session_n_outputs (session) + 1);
    for (guint i = 0; ok && i < frames->n; i++) {
        ok = frames->read (i, inputs, frames->user_data, error) &&
             fov_session_run (session, inputs, outputs, error) &&
             take_all (names, where, outputs, i, moments, error);
        progress->done++;
        if (ok && frames->progress)
            frames->progress (progress->what, (double) progress->done / progress->total,
                              frames->progress_data);
    }
    for (guint i = 0; !ok && i < names->len; i++)
        fov_moments_clear (&moments[i]);
    return ok;
}
