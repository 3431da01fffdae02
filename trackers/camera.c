/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/camera.h"

#include <math.h>

#include "trackers/flow.h"

/* One corner at most in each cell of this side, reduced pixels. */
#define CELL 16
/* Agreement of flows, reduced pixels. */
#define TOLERANCE 1.0
/* Less than this at the picture's corners, reduced pixels, is rest. */
#define REST 0.15

struct _FovCamera {
    int width, height; /* of the reduced pictures; 0: none yet */
    float step;        /* pixels for one reduced pixel */
    FovPyramid last, now;
    GArray *flows; /* FovFlow */
};

FovCamera *
fov_camera_new (void)
{
    FovCamera *camera = g_new0 (FovCamera, 1);

    camera->flows = g_array_new (FALSE, FALSE, sizeof (FovFlow));
    return camera;
}

void
fov_camera_free (FovCamera *camera)
{
    if (!camera)
        return;
    fov_pyramid_clear (&camera->last);
    fov_pyramid_clear (&camera->now);
    g_array_unref (camera->flows);
    g_free (camera);
}

void
fov_camera_reset (FovCamera *camera)
{
    camera->width = camera->height = 0;
}

static void
read_picture (FovCamera *camera, const FovReduced *picture)
{
    gsize n = (gsize) picture->width * (gsize) picture->height;
    const float *rgb = picture->rgb;

    fov_pyramid_size (&camera->now, picture->width, picture->height);
    for (gsize i = 0; i < n; i++)
        camera->now.level[0][i] =
            255 * (0.299f * rgb[i] + 0.587f * rgb[n + i] + 0.114f * rgb[2 * n + i]);
    fov_pyramid_build (&camera->now);
    camera->width = picture->width;
    camera->height = picture->height;
    camera->step = picture->step;
}

static gboolean
inside_any (float x, float y, const FovDetection *objects, guint n)
{
    for (guint i = 0; i < n; i++) {
        FovBox b = objects[i].box;
        if (x >= b.x1 && x < b.x2 && y >= b.y1 && y < b.y2)
            return TRUE;
    }
    return FALSE;
}

static void
follow_corners (FovCamera *camera, const FovDetection *objects, guint n)
{
    const FovPyramid *last = &camera->last;
    float step = camera->step;

    g_array_set_size (camera->flows, 0);
    for (int y = CELL; y + 2 * CELL <= last->height; y += CELL)
        for (int x = CELL; x + 2 * CELL <= last->width; x += CELL) {
            FovFlow flow;
            if (inside_any ((float) (x + CELL / 2) * step, (float) (y + CELL / 2) * step, objects,
                            n) ||
                !fov_flow_corner (last, x, y, CELL, &flow.x, &flow.y))
                continue;
            flow.weight = 1;
            flow.to_x = flow.x;
            flow.to_y = flow.y;
            if (fov_flow_follow (last, &camera->now, flow.x, flow.y, &flow.to_x, &flow.to_y))
                g_array_append_val (camera->flows, flow);
        }
}

/* Whether the map moves no corner of the picture by more than rest. */
static gboolean
at_rest (const double m[6], double width, double height, double rest)
{
    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? width : 0, y = i & 2 ? height : 0;
        double dx = m[0] * x + m[1] * y + m[2] - x, dy = m[3] * x + m[4] * y + m[5] - y;
        if (dx * dx + dy * dy > rest * rest)
            return FALSE;
    }
    return TRUE;
}

gboolean
fov_camera_next (FovCamera *camera, const FovReduced *picture, const FovDetection *objects, guint n,
                 double m[6])
{
    gboolean moved = FALSE, first = picture->width != camera->width ||
                                    picture->height != camera->height ||
                                    picture->step != camera->step;

    read_picture (camera, picture);
    if (!first) {
        follow_corners (camera, objects, n);
        moved = fov_similarity_fit ((FovFlow *) (gpointer) camera->flows->data, camera->flows->len,
                                    TOLERANCE, m) &&
                !at_rest (m, camera->now.width, camera->now.height, REST);
    }
    if (moved) {
        m[2] *= camera->step;
        m[5] *= camera->step;
    }
    FovPyramid keep = camera->last;
    camera->last = camera->now;
    camera->now = keep;
    return moved;
}
