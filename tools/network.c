/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network.h"

#include "cli.h"

#include <string.h>

/* ---- shapes -------------------------------------------------------------- */

/* Index of the height; the width comes after it. A picture's last dimension is
 * its channels where it is 1, 3 or 4. */
static int
height_index (const FovShape *shape)
{
    gint64 last = shape->dim[3];

    return last == 1 || last == 3 || last == 4 ? 1 : 2;
}

static gboolean
fill_free (FovTensorInfo *info, int width, int height, int batch, GError **error)
{
    FovShape *shape = &info->shape;
    int h = height_index (shape);

    for (int i = 0; i < shape->rank; i++) {
        gboolean spatial = shape->rank == 4 && (i == h || i == h + 1);
        if (shape->dim[i] >= 0)
            continue;
        if (i == 0)
            shape->dim[i] = batch ? batch : 1;
        else if (spatial && width)
            shape->dim[i] = i == h ? height : width;
        else if (spatial) {
            g_autofree char *text = fov_shape_to_string (shape);
            cli_usage_error (error,
                             "the model leaves the size of its input '%s' (%s) free: expected "
                             "--size WxH",
                             info->name, text);
            return FALSE;
        } else {
            shape->dim[i] = 1;
        }
    }
    return TRUE;
}

static FovShape *
input_shapes (FovModel *model, const char *size, int batch, GError **error)
{
    guint n = fov_model_n_inputs (model);
    g_autofree FovShape *shapes = g_new0 (FovShape, MAX (n, 1));
    int width = 0, height = 0;

    if (size && !cli_parse_size (size, &width, &height, error))
        return NULL;
    for (guint i = 0; i < n; i++) {
        FovTensorInfo info;
        fov_model_input (model, i, &info);
        if (!fill_free (&info, width, height, batch, error))
            return NULL;
        shapes[i] = info.shape;
    }
    return g_steal_pointer (&shapes);
}

/* ---- inputs -------------------------------------------------------------- */

/* Noise in 0..1, so that no step meets only zeros; whole numbers stay 0. */
static gboolean
make_input (FovSession *session, guint index, FovView *view, GError **error)
{
    FovTensorInfo info;
    gint64 n;
    g_autoptr (GRand) random = g_rand_new_with_seed (1);

    fov_session_input (session, index, &info);
    n = fov_shape_elements (&info.shape);
    view->dtype = info.dtype;
    view->shape = info.shape;
    view->data = n < 0 ? NULL : g_try_malloc0 ((gsize) MAX (n, 1) * fov_dtype_size (info.dtype));
    if (!view->data) {
        g_autofree char *text = fov_shape_to_string (&info.shape);
        g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY, "input '%s': no memory for %s", info.name,
                     text);
        return FALSE;
    }
    for (gint64 i = 0; info.dtype == FOV_F32 && i < n; i++)
        ((float *) view->data)[i] = (float) g_rand_double (random);
    return TRUE;
}

Network *
network_new (FovDevice *device, FovModel *model, const char *size, int batch, gboolean profile,
             GError **error)
{
    g_autoptr (Network) network = g_new0 (Network, 1);
    g_autofree FovShape *shapes = input_shapes (model, size, batch, error);
    FovSessionParams params = { .input_shapes = shapes, .max_in_flight = 1, .profile = profile };

    if (!shapes)
        return NULL;
    network->session = fov_session_new (device, model, &params, error);
    if (!network->session)
        return NULL;
    network->n_inputs = fov_session_n_inputs (network->session);
    network->inputs = g_new0 (FovView, MAX (network->n_inputs, 1));
    network->outputs = g_new0 (FovView, MAX (fov_session_n_outputs (network->session), 1));
    for (guint i = 0; i < network->n_inputs; i++)
        if (!make_input (network->session, i, &network->inputs[i], error))
            return NULL;
    return g_steal_pointer (&network);
}

void
network_free (Network *network)
{
    if (!network)
        return;
    g_clear_pointer (&network->session, fov_session_unref);
    for (guint i = 0; network->inputs && i < network->n_inputs; i++)
        g_free (network->inputs[i].data);
    g_free (network->inputs);
    g_free (network->outputs);
    g_free (network);
}

gboolean
network_run (Network *network, double *seconds, GError **error)
{
    gint64 start = g_get_monotonic_time ();

    if (!fov_session_run (network->session, network->inputs, network->outputs, error))
        return FALSE;
    if (seconds)
        *seconds = (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
    return TRUE;
}
