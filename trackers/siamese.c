/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A Siamese tracker after NanoTrack (a MobileNetV3 backbone, SiamBAN's head). The
 * head names places; each is then looked at by itself, and what looks most like
 * the target wins. So a distractor that the head likes as much is told apart, and
 * the reported score falls when the target is hidden, which the head's own does
 * not.
 */
#include "trackers/siamese.h"

#include <math.h>

#include "trackers/visual.h"

/* Of the recent look, per learned picture. */
#define LEARN_RATE 0.2f
/* Of how much a target usually looks like itself, which is slow to fall. */
#define USUAL_RISE 0.2f
#define USUAL_FALL 0.08f

static void
destroy (gpointer self)
{
    FovSiamese *s = self;

    fov_siamese_net_free (s->net);
    fov_patcher_free (s->patcher);
    g_free (s->crops);
    g_free (s->features);
    g_free (s->templates);
    g_free (s->scores);
    g_free (s->boxes);
    g_free (s->window);
    g_free (s->no_window);
    g_free (s->searches);
    g_free (s);
}

FovSiamese *
fov_siamese_new (FovSiameseNet *net)
{
    FovSiamese *s = g_new0 (FovSiamese, 1);
    gsize size, cells;

    s->net = net;
    s->shape = *fov_siamese_net_shape (net);
    s->batch = fov_siamese_net_batch (net);
    s->patcher = fov_patcher_new ();
    size = (gsize) s->shape.search_size;
    cells = (gsize) s->shape.map * (gsize) s->shape.map;
    s->crops = g_new (float, s->batch * 3 * size * size);
    s->features = g_new (float, s->batch *(gsize) s->shape.search_floats);
    s->templates = g_new (float, s->batch *(gsize) s->shape.template_floats);
    s->scores = g_new (float, s->batch *cells);
    s->boxes = g_new (float, s->batch * 4 * cells);
    s->window = g_new (float, cells);
    s->no_window = g_new0 (float, cells);
    s->searches = g_new0 (FovSiameseSearch, s->batch);
    fov_siamese_window (s->shape.map, s->window);
    return s;
}

static gpointer
create (const FovVisualParams *params, GError **error)
{
    g_autoptr (FovModel) backbone = NULL;
    g_autoptr (FovModel) head = NULL;
    FovSiameseNet *net = NULL;

    if (!params->backbone || !params->head) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "visual tracker: siamese takes two models, but the %s is missing",
                     params->backbone ? "head" : "backbone");
        return NULL;
    }
    backbone = fov_model_load (params->backbone, error);
    if (backbone)
        head = fov_model_load (params->head, error);
    if (head)
        net = fov_siamese_net_new (params->device, backbone, head, error);
    return net ? fov_siamese_new (net) : NULL;
}

static void
forget (gpointer self, gpointer target)
{
    FovSiameseTarget *t = target;

    fov_siamese_look_clear (&t->first);
    fov_siamese_look_clear (&t->recent);
    g_free (t);
}

static gboolean
look_at (FovSiamese *s, const FovSiameseTarget *t, const FovImage *image, FovBox box,
         FovSiameseLook *look, GError **error)
{
    fov_siamese_look_crop (s, t, image, box, s->crops, look->colours);
    return fov_siamese_net_template (s->net, s->crops, 1, look->features, error);
}

static gpointer
add (gpointer self, const FovImage *image, FovBox box, GError **error)
{
    FovSiamese *s = self;
    FovSiameseTarget *t = g_new0 (FovSiameseTarget, 1);

    fov_siamese_look_init (&t->first, &s->shape);
    fov_siamese_look_init (&t->recent, &s->shape);
    fov_siamese_mean_colour (s, image, t->outside);
    if (look_at (s, t, image, box, &t->first, error))
        return t;
    forget (s, t);
    return NULL;
}

static gboolean
locate (gpointer self, const FovImage *image, gpointer const *targets,
        const FovVisualQuery *queries, guint n, FovVisualFound *found, GError **error)
{
    FovSiamese *s = self;

    for (guint at = 0, now; at < n; at += now) {
        now = MIN (s->batch, n - at);
        for (guint i = 0; i < now; i++) {
            s->searches[i].target = targets[at + i];
            s->searches[i].expected = queries[at + i].expected;
        }
        if (!fov_siamese_search (s, image, queries + at, now, error))
            return FALSE;
        for (guint i = 0; i < now; i++)
            fov_siamese_report (&s->searches[i], &found[at + i]);
    }
    return TRUE;
}

static void
learn_usual (FovSiameseTarget *t, float alike)
{
    float rate = !t->has_recent ? 1 : alike > t->usual ? USUAL_RISE : USUAL_FALL;

    t->usual += rate * (alike - t->usual);
}

static gboolean
learn (gpointer self, const FovImage *image, gpointer target, FovBox box, GError **error)
{
    FovSiamese *s = self;
    FovSiameseTarget *t = target;
    FovSiameseLook look = { .features = s->features };

    if (!look_at (s, t, image, box, &look, error))
        return FALSE;
    learn_usual (t, fov_siamese_alike (s, t, &look));
    fov_siamese_look_blend (&t->recent, &look, &s->shape, t->has_recent ? LEARN_RATE : 1);
    t->has_recent = TRUE;
    return TRUE;
}

const FovVisualClass fov_visual_siamese = {
    .name = "siamese",
    .blurb = "NanoTrack and networks of its form, each place looked at twice (after Zhu et al. "
             "2018, Chen et al. 2020)",
    .create = create,
    .destroy = destroy,
    .add = add,
    .remove = forget,
    .locate = locate,
    .learn = learn,
};
