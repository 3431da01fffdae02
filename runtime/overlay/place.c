/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "overlay/overlay-private.h"

/* Beyond this many labels nothing can be read anyway; it bounds the time of a picture. */
#define MAX_AVOIDED 512
#define N_STEPS 6

static gint64
overlap (FovRect a, FovRect b)
{
    gint64 w = MIN (a.x2, b.x2) - MAX (a.x1, b.x1);
    gint64 h = MIN (a.y2, b.y2) - MAX (a.y1, b.y1);
    return w > 0 && h > 0 ? w * h : 0;
}

/* Within the frame, the top left corner first where it does not fit. */
static FovRect
put (int x, int y, int w, int h, int frame_w, int frame_h)
{
    x = MAX (MIN (x, frame_w - w), 0);
    y = MAX (MIN (y, frame_h - h), 0);
    return (FovRect){ x, y, x + w, y + h };
}

/* Covering a good part of the object itself counts as covering a label does. Stops at enough. */
static gint64
cost (FovRect place, FovRect box, const FovRect *taken, guint n_taken, gint64 enough)
{
    gint64 own = overlap (place, box);
    gint64 sum = own * 3 > overlap (box, box) ? own : 0;
    for (guint i = 0; i < MIN (n_taken, MAX_AVOIDED) && sum < enough; i++)
        sum += overlap (place, taken[i]);
    return sum;
}

FovRect
fov_place_chip (FovRect box, int line, int w, int h, int frame_w, int frame_h, const FovRect *taken,
                guint n_taken, gboolean *attached)
{
    const int above = box.y1 + line - h, below = box.y2 - line;
    const int left = box.x1, right = box.x2 - w;
    const struct {
        int x, y, step; /* step: the way to go on if that place is taken */
    } ways[] = {
        { left, above, -h },     { right, above, -h },     { left, box.y1, h },
        { left, below, h },      { right, box.y1, h },     { right, below, h },
        { left, box.y2 - h, 0 }, { right, box.y2 - h, 0 },
    };
    FovRect best = { 0 };
    gint64 least = G_MAXINT64;

    /* The nearest free place wins, so all corners come before a step away from any. */
    for (int k = 0; k <= N_STEPS && least > 0; k++)
        for (gsize i = 0; i < G_N_ELEMENTS (ways) && least > 0; i++) {
            if (k > 0 && ways[i].step == 0)
                continue;
            FovRect place = put (ways[i].x, ways[i].y + k * ways[i].step, w, h, frame_w, frame_h);
            gint64 c = cost (place, box, taken, n_taken, least);
            if (c < least) {
                least = c;
                best = place;
            }
        }
    *attached = best.x1 == left && best.y1 == above;
    return best;
}
