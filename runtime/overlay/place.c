/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "overlay/overlay-private.h"

/* Beyond this many labels nothing can be read anyway; it bounds the time of a picture. */
#define MAX_AVOIDED 512
#define N_STEPS 3

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

/* Covering a good part of the object itself counts as covering a label does. */
static gint64
cost (FovRect place, FovRect box, const FovRect *taken, guint n_taken)
{
    gint64 own = overlap (place, box);
    gint64 sum = own * 3 > overlap (box, box) ? own : 0;
    for (guint i = 0; i < MIN (n_taken, MAX_AVOIDED); i++)
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
        { left, above, 0 },      { right, above, 0 },      { left, box.y1, 0 },
        { left, below, 0 },      { right, box.y1, 0 },     { right, below, 0 },
        { left, box.y2 - h, 0 }, { right, box.y2 - h, 0 }, { left, above, -h },
        { left, box.y1, h },     { right, above, -h },     { left, below, h },
    };
    FovRect best = put (left, above, w, h, frame_w, frame_h);
    gint64 least = cost (best, box, taken, n_taken);

    for (gsize i = 1; i < G_N_ELEMENTS (ways) && least > 0; i++)
        for (int k = 1; k <= (ways[i].step ? N_STEPS : 1) && least > 0; k++) {
            FovRect place = put (ways[i].x, ways[i].y + k * ways[i].step, w, h, frame_w, frame_h);
            gint64 c = cost (place, box, taken, n_taken);
            if (c < least) {
                least = c;
                best = place;
            }
        }
    *attached = best.x1 == left && best.y1 == above;
    return best;
}
