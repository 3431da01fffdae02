/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/diagnose.h"

#include <math.h>

static void
add_state (GString *text, const GArray *states)
{
    for (guint i = 0; i < states->len; i++) {
        const FovTrainerState *state = &g_array_index (states, FovTrainerState, i);
        const float *v = state->view.data;
        if (!v || state->view.dtype != FOV_F32)
            continue;
        for (gint64 k = 0; k < fov_shape_elements (&state->view.shape); k++) {
            if (isfinite (v[k]))
                continue;
            g_string_append_printf (text, "; '%s' has %g now", state->name, (double) v[k]);
            return;
        }
    }
}

/* A broken picture is the usual cause besides the rate, and is far from all others. */
static void
add_largest (GString *text, FovSession *session, const FovView *views, guint n)
{
    FovTensorInfo info;
    double most = 0;
    gint64 picture = 0;
    guint input = 0;

    for (guint i = 0; i < n; i++) {
        const FovShape *shape = &views[i].shape;
        const gint64 all = fov_shape_elements (shape), pictures = shape->rank ? shape->dim[0] : 1;
        const float *v = views[i].data;
        for (gint64 k = 0; v && views[i].dtype == FOV_F32 && k < all; k++)
            if (fabs ((double) v[k]) > most) {
                most = fabs ((double) v[k]);
                picture = k / MAX (all / MAX (pictures, 1), 1);
                input = i;
            }
    }
    if (most == 0)
        return;
    fov_session_input (session, input, &info);
    g_string_append_printf (text,
                            "; the largest input is %g, in picture %" G_GINT64_FORMAT " of '%s'",
                            most, picture, info.name);
}

char *
fov_train_diagnose (const GArray *states, FovSession *session, const FovView *views, guint n)
{
    GString *text = g_string_new (NULL);

    add_state (text, states);
    add_largest (text, session, views, n);
    return g_string_free (text, FALSE);
}
