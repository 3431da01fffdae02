/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/refine.h"

#include <math.h>
#include <string.h>

/* A change larger than this is another thing's extent: in log size, and of the centre in sizes. */
#define FURTHEST 0.7
#define FURTHEST_SHIFT 0.35
/* Extents that the usual difference remembers, and is believed from. */
#define MEMORY 200
#define BELIEVED 20
/* A camera that zooms or turns by more pixels at the picture's corners, a 480th of its width each,
 * does not only sway; how much of it the next picture remembers. */
#define MOST_BEND 1.0
#define BEND_MEMORY 0.9

/* How an extent differs from a box: the centre's shift in sizes, then the log of the sizes. */
typedef struct {
    double v[4];
} Change;

struct _FovRefine {
    FovBackdrop *backdrop;
    Change usual;
    guint seen;
    GArray *detections; /* FovDetection: better ones */
    GArray *boxes;      /* FovBox: scratch */
    double bend[2];     /* how the camera zooms and turns, summed and fading */
    FovScene scene;
};

FovRefine *
fov_refine_new (void)
{
    FovRefine *r = g_new0 (FovRefine, 1);

    r->backdrop = fov_backdrop_new ();
    r->detections = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    r->boxes = g_array_new (FALSE, FALSE, sizeof (FovBox));
    return r;
}

void
fov_refine_free (FovRefine *r)
{
    fov_backdrop_free (r->backdrop);
    g_array_unref (r->detections);
    g_array_unref (r->boxes);
    g_free (r);
}

void
fov_refine_reset (FovRefine *r)
{
    fov_backdrop_reset (r->backdrop);
    r->usual = (Change){ { 0 } };
    r->seen = 0;
    r->bend[0] = r->bend[1] = 0;
}

static Change
change_of (FovBox box, FovBox extent)
{
    double w = box.x2 - box.x1, h = box.y2 - box.y1;

    return (Change){ { (extent.x1 + extent.x2 - box.x1 - box.x2) / 2 / w,
                       (extent.y1 + extent.y2 - box.y1 - box.y2) / 2 / h,
                       log ((extent.x2 - extent.x1) / w), log ((extent.y2 - extent.y1) / h) } };
}

static FovBox
changed (FovBox box, Change c, double share)
{
    double w = box.x2 - box.x1, h = box.y2 - box.y1;
    double x = (box.x1 + box.x2) / 2 + share * c.v[0] * w;
    double y = (box.y1 + box.y2) / 2 + share * c.v[1] * h;

    w *= exp (share * c.v[2]) / 2;
    h *= exp (share * c.v[3]) / 2;
    return (FovBox){ (float) (x - w), (float) (y - h), (float) (x + w), (float) (y + h) };
}

/* The boxes that each other's surroundings belong to. */
static void
cover (FovRefine *r, const FovScene *scene, double least)
{
    g_array_set_size (r->boxes, 0);
    for (guint i = 0; i < scene->n; i++)
        if (scene->detections[i].score >= (float) least)
            g_array_append_val (r->boxes, scene->detections[i].box);
    fov_backdrop_cover (r->backdrop, (const FovBox *) (gpointer) r->boxes->data, r->boxes->len,
                        G_MAXUINT);
}

/* How a detection's box is to be changed; FALSE: nothing is known. */
static gboolean
measure (FovRefine *r, FovBox box, Change *change)
{
    FovExtent extent;

    if (fov_backdrop_extent (r->backdrop, box, TRUE, &extent)) {
        *change = change_of (box, extent.box);
        const double *v = change->v;
        if (fabs (v[0]) < FURTHEST_SHIFT && fabs (v[1]) < FURTHEST_SHIFT &&
            fabs (v[2]) < FURTHEST && fabs (v[3]) < FURTHEST) {
            r->seen = MIN (r->seen + 1, MEMORY);
            for (guint i = 0; i < 4; i++)
                r->usual.v[i] += (v[i] - r->usual.v[i]) / r->seen;
            return TRUE;
        }
    }
    *change = r->usual;
    return r->seen >= BELIEVED;
}

/* How the scene moved in the middle of the picture; FALSE: not only by a shift. */
static gboolean
shift_of (FovRefine *r, const double *m, const FovReduced *picture, float move[2])
{
    double x = picture->width / 2.0, y = picture->height / 2.0;
    const double at_rest[6] = { 1, 0, 0, 0, 1, 0 };

    m = m ? m : at_rest;
    move[0] = (float) (((m[0] - 1) * x + m[1] * y) * (double) picture->step + m[2]);
    move[1] = (float) ((m[3] * x + (m[4] - 1) * y) * (double) picture->step + m[5]);
    r->bend[0] = BEND_MEMORY * r->bend[0] + (m[0] + m[4]) / 2 - 1;
    r->bend[1] = BEND_MEMORY * r->bend[1] + (m[3] - m[1]) / 2;
    return hypot (r->bend[0], r->bend[1]) * hypot (x, y) < MOST_BEND;
}

const FovScene *
fov_refine_scene (FovRefine *r, const FovScene *scene, const FovBox *expected, guint n,
                  double least, const FovJitter *jitter)
{
    const FovReduced *picture = scene->view ? fov_view_reduced (scene->view) : NULL;
    double share = 1 - fov_jitter_trust (jitter);
    gboolean better = FALSE;
    float move[2];

    if (!picture)
        return scene;
    if (!shift_of (r, scene->camera, picture, move))
        fov_backdrop_reset (r->backdrop);
    g_array_set_size (r->boxes, 0);
    g_array_append_vals (r->boxes, expected, n);
    for (guint i = 0; i < scene->n; i++)
        g_array_append_val (r->boxes, scene->detections[i].box);
    fov_backdrop_next (r->backdrop, picture, move, (const FovBox *) (gpointer) r->boxes->data,
                       r->boxes->len);
    cover (r, scene, least);
    g_array_set_size (r->detections, 0);
    g_array_append_vals (r->detections, scene->detections, scene->n);
    for (guint i = 0; i < scene->n; i++) {
        FovDetection *d = &g_array_index (r->detections, FovDetection, i);
        Change change;
        if (d->score < (float) least || !measure (r, d->box, &change))
            continue;
        d->box = changed (d->box, change, share);
        better = TRUE;
    }
    if (!better)
        return scene;
    r->scene = *scene;
    r->scene.detections = (const FovDetection *) (gpointer) r->detections->data;
    return &r->scene;
}

FovBackdrop *
fov_refine_backdrop (const FovRefine *r)
{
    return r->backdrop;
}
