/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/siamese-map.h"

#include <math.h>

/* Boxes that overlap more are one place. */
#define SAME_PLACE 0.3f

float
fov_siamese_context (float w, float h)
{
    float margin = 0.5f * (w + h);

    return sqrtf ((w + margin) * (h + margin));
}

void
fov_siamese_window (int cells, float *window)
{
    for (int y = 0; y < cells; y++)
        for (int x = 0; x < cells; x++)
            window[y * cells + x] =
                (0.5f - 0.5f * cosf (2 * (float) G_PI * (float) x / (float) (cells - 1))) *
                (0.5f - 0.5f * cosf (2 * (float) G_PI * (float) y / (float) (cells - 1)));
}

static float
change (float ratio)
{
    return fmaxf (ratio, 1 / ratio);
}

/* Place of a cell. Sizes below a pixel, which no head means, are one. */
static FovSiamesePlace
place_at (const FovSiameseShape *shape, const FovSiameseRanking *ranking, const float *scores,
          const float *boxes, const float *window, float width, float height, int cell)
{
    int map = shape->map, cells = map * map;
    float x = (float) ((cell % map - map / 2) * shape->stride);
    float y = (float) ((cell / map - map / 2) * shape->stride);
    FovSiamesePlace p = { .box = { x - boxes[cell], y - boxes[cells + cell],
                                   x + boxes[2 * cells + cell], y + boxes[3 * cells + cell] },
                          .score = scores[cell] };
    float w = fmaxf (p.box.x2 - p.box.x1, 1), h = fmaxf (p.box.y2 - p.box.y1, 1);
    float size = change (fov_siamese_context (w, h) / fov_siamese_context (width, height));
    float form = change ((width / height) / (w / h));

    p.penalty = expf (-(size * form - 1) * ranking->penalty);
    p.rank = p.penalty * p.score * (1 - ranking->window) + window[cell] * ranking->window;
    return p;
}

/* What no crop can hold means nothing; the negation catches what is not a number. */
static gboolean
is_sound (const FovSiameseShape *shape, const FovSiamesePlace *place)
{
    FovBox b = place->box;
    float most = 4 * (float) shape->search_size;

    return fabsf (b.x1) <= most && fabsf (b.y1) <= most && fabsf (b.x2) <= most &&
           fabsf (b.y2) <= most && place->score >= 0;
}

static gboolean
is_new (const FovSiamesePlace *place, const FovSiamesePlace *places, guint n)
{
    for (guint i = 0; i < n; i++)
        if (fov_box_iou (place->box, places[i].box) >= SAME_PLACE)
            return FALSE;
    return TRUE;
}

guint
fov_siamese_places (const FovSiameseShape *shape, const FovSiameseRanking *ranking,
                    const float *scores, const float *boxes, const float *window, float width,
                    float height, float x, float y, float floor, FovSiamesePlace *places, guint n,
                    guint most)
{
    while (n < most) {
        FovSiamesePlace best = { .rank = -1 };
        for (int cell = 0; cell < shape->map * shape->map; cell++) {
            if (n > 0 && !(scores[cell] >= floor))
                continue;
            FovSiamesePlace p =
                place_at (shape, ranking, scores, boxes, window, width, height, cell);
            if (!is_sound (shape, &p))
                continue;
            p.box = (FovBox){ p.box.x1 + x, p.box.y1 + y, p.box.x2 + x, p.box.y2 + y };
            if (p.rank > best.rank && is_new (&p, places, n))
                best = p;
        }
        if (best.rank < 0)
            break;
        places[n++] = best;
    }
    return n;
}
