/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/view.h"

#include <math.h>

#include "trackers/patch.h"

#define WIDTH 480

struct _FovView {
    FovPatcher *patcher;
    const FovImage *image;
    GArray *rgb; /* float: three planes */
    FovReduced reduced;
    gboolean read;
};

FovView *
fov_view_new (void)
{
    FovView *view = g_new0 (FovView, 1);

    view->patcher = fov_patcher_new ();
    view->rgb = g_array_new (FALSE, FALSE, sizeof (float));
    return view;
}

void
fov_view_free (FovView *view)
{
    if (!view)
        return;
    fov_patcher_free (view->patcher);
    g_array_unref (view->rgb);
    g_free (view);
}

void
fov_view_show (FovView *view, const FovImage *image)
{
    view->image = image;
    view->read = FALSE;
}

const FovReduced *
fov_view_reduced (FovView *view)
{
    const FovImage *image = view->image;
    FovReduced *r = &view->reduced;

    if (!image)
        return NULL;
    if (view->read)
        return r;
    r->step = fmaxf (1, (float) image->width / WIDTH);
    r->width = MAX ((int) ((float) image->width / r->step), 1);
    r->height = MAX ((int) ((float) image->height / r->step), 1);
    g_array_set_size (view->rgb, 3 * (guint) r->width * (guint) r->height);
    float *rgb = (float *) (gpointer) view->rgb->data;
    fov_patch_sample (view->patcher, image, (float) r->width * r->step / 2,
                      (float) r->height * r->step / 2, r->step, r->step, r->width, r->height, rgb);
    r->rgb = rgb;
    view->read = TRUE;
    return r;
}
