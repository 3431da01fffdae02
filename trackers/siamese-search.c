/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A search: the head names places on the usual square (and, where asked for a
 * wider one, on some of its neighbours); each place is then cropped and looked at
 * by itself. Crops of all targets are made first and run together.
 */
#include "trackers/peak.h"
#include "trackers/siamese.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* NanoTrack's own for its second version. */
#define PENALTY 0.15f
#define WINDOW 0.455f
#define SIZE_RATE 0.37f
/* Of a head's scores: what is below is no place worth a look. */
#define FLOOR 0.25f
#define PLACES 3
#define WIDE_PLACES 6
/* Wide searches: neighbours are that share of the square apart, so many run per call. */
#define TILE_STEP 0.6f
#define TILES 6
#define TILE_MARGIN 0.2f
/* How looks count. What two unlike things have in common counts nothing. */
#define LOOK_WEIGHT 0.5f
#define COLOUR_SHARE 0.5f
#define UNLIKE 0.35f
/* A target that looks less like itself than it usually does is worth a little less still: what is
 * mistaken for it is seldom quite as alike, and the user's own idea of usual adapts fast. */
#define USUAL_POWER 0.2f

/* ---- maps ------------------------------------------------------------- */

/* A square to search, dx, dy from its search's usual one in picture pixels. */
typedef struct {
    FovSiameseSearch *search;
    float dx, dy;
} Square;

static gboolean
run_squares (FovSiamese *s, const FovImage *image, const Square *squares, guint n, GError **error)
{
    int size = s->shape.search_size, floats = s->shape.template_floats;

    for (guint i = 0; i < n; i++) {
        const FovSiameseSearch *q = squares[i].search;
        fov_siamese_crop (s, q->target, image, q->x + squares[i].dx, q->y + squares[i].dy, q->side,
                          size, s->crops + (gsize) i * 3 * (gsize) size * (gsize) size);
        memcpy (s->templates + (gsize) i * (gsize) floats, q->target->first.features,
                (gsize) floats * sizeof (float));
    }
    return fov_siamese_net_search (s->net, s->crops, n, s->features, error) &&
           fov_siamese_net_head (s->net, s->templates, s->features, n, s->scores, s->boxes, error);
}

static void
add_places (FovSiamese *s, const Square *square, guint map, const FovSiameseRanking *ranking,
            const float *window, guint most)
{
    FovSiameseSearch *q = square->search;
    gsize cells = (gsize) s->shape.map * (gsize) s->shape.map;

    q->n =
        fov_siamese_places (&s->shape, ranking, s->scores + map * cells, s->boxes + 4 * map * cells,
                            window, q->width, q->height, square->dx * q->scale,
                            square->dy * q->scale, FLOOR, q->places, q->n, most);
}

static gboolean
search_usual (FovSiamese *s, const FovImage *image, guint n, GError **error)
{
    FovSiameseRanking ranking = { PENALTY, WINDOW };
    gsize cells = (gsize) s->shape.map * (gsize) s->shape.map;
    Square squares[FOV_SIAMESE_MAX_BATCH] = { { NULL, 0, 0 } };

    for (guint i = 0; i < n; i++)
        squares[i] = (Square){ &s->searches[i], 0, 0 };
    if (!run_squares (s, image, squares, n, error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        FovPeak peak;
        add_places (s, &squares[i], i, &ranking, s->window, PLACES);
        fov_peak_find (s->scores + i * cells, s->shape.map, 2, 2, &peak);
        squares[i].search->psr = peak.psr;
        squares[i].search->apce = peak.apce;
    }
    return TRUE;
}

/* ---- wide searches ---------------------------------------------------- */

/* The next neighbours of the usual square that lie on the picture: a few a call, all in turn. */
static guint
next_tiles (FovSiameseSearch *q, const FovImage *image, float widen, Square tiles[TILES])
{
    int reach = (int) ceilf (0.5f * (widen - 1) / TILE_STEP - 0.01f), across = 2 * reach + 1;
    float margin = TILE_MARGIN * q->side;
    guint n = 0;

    for (int i = 0; i < across * across && n < TILES; i++) {
        int tile = (int) (q->target->tile++ % (guint) (across * across));
        float dx = (float) (tile % across - reach) * TILE_STEP * q->side;
        float dy = (float) (tile / across - reach) * TILE_STEP * q->side;
        float x = q->x + dx, y = q->y + dy;
        if ((dx != 0 || dy != 0) && x >= -margin && y >= -margin &&
            x <= (float) image->width + margin && y <= (float) image->height + margin)
            tiles[n++] = (Square){ q, dx, dy };
    }
    return n;
}

static int
by_score (const void *a, const void *b)
{
    const FovSiamesePlace *p = a, *q = b;
    float d = q->score * q->penalty - p->score * p->penalty;

    return d > 0 ? 1 : d < 0 ? -1 : 0;
}

static gboolean
search_wide (FovSiamese *s, FovSiameseSearch *q, const FovImage *image, float widen, GError **error)
{
    FovSiameseRanking ranking = { PENALTY, 0 };
    Square tiles[TILES];
    guint n = next_tiles (q, image, widen, tiles);

    for (guint at = 0, now; at < n; at += now) {
        now = MIN (s->batch, n - at);
        if (!run_squares (s, image, tiles + at, now, error))
            return FALSE;
        for (guint i = 0; i < now; i++)
            add_places (s, &tiles[at + i], i, &ranking, s->no_window,
                        MIN (q->n + 1, FOV_SIAMESE_MAX_PLACES));
    }
    if (q->n > 1)
        qsort (q->places + 1, q->n - 1, sizeof *q->places, by_score);
    q->n = MIN (q->n, WIDE_PLACES);
    return TRUE;
}

/* ---- looking ---------------------------------------------------------- */

static FovBox
picture_box (const FovSiameseSearch *q, FovBox box)
{
    return (FovBox){ q->x + box.x1 / q->scale, q->y + box.y1 / q->scale, q->x + box.x2 / q->scale,
                     q->y + box.y2 / q->scale };
}

/* The recent look follows a target that turns; the first keeps it from drifting away. */
float
fov_siamese_alike (const FovSiamese *s, const FovSiameseTarget *t, const FovSiameseLook *look)
{
    float features = fov_siamese_features_alike (&s->shape, t->first.features, look->features);
    float colours = fov_siamese_colours_alike (t->first.colours, look->colours);

    if (t->has_recent) {
        features = fmaxf (features, fov_siamese_features_alike (&s->shape, t->recent.features,
                                                                look->features));
        colours = fmaxf (colours, fov_siamese_colours_alike (t->recent.colours, look->colours));
    }
    float share = COLOUR_SHARE, both = (1 - share) * features + share * colours;
    return CLAMP ((both - UNLIKE) / (1 - UNLIKE), 0, 1);
}

/* Places to look at, as far as the batch reaches. */
typedef struct {
    FovSiameseSearch *search[FOV_SIAMESE_MAX_BATCH];
    guint place[FOV_SIAMESE_MAX_BATCH];
    float colours[FOV_SIAMESE_MAX_BATCH][FOV_SIAMESE_COLOURS];
    guint n;
} Looks;

static gboolean
run_looks (FovSiamese *s, Looks *looks, GError **error)
{
    if (!fov_siamese_net_template (s->net, s->crops, looks->n, s->features, error))
        return FALSE;
    for (guint i = 0; i < looks->n; i++) {
        FovSiameseLook look = { .features = s->features + i * (gsize) s->shape.template_floats };
        memcpy (look.colours, looks->colours[i], sizeof look.colours);
        looks->search[i]->alike[looks->place[i]] =
            fov_siamese_alike (s, looks->search[i]->target, &look);
    }
    looks->n = 0;
    return TRUE;
}

static gboolean
look_at_places (FovSiamese *s, const FovImage *image, guint n, GError **error)
{
    gsize crop = 3 * (gsize) s->shape.template_size * (gsize) s->shape.template_size;
    Looks looks = { .n = 0 };

    for (guint i = 0; i < n; i++)
        for (guint k = 0; k < s->searches[i].n; k++) {
            FovSiameseSearch *q = &s->searches[i];
            FovBox box = picture_box (q, q->places[k].box);
            box.x2 = fmaxf (box.x2, box.x1 + 1);
            box.y2 = fmaxf (box.y2, box.y1 + 1);
            fov_siamese_look_crop (s, q->target, image, box, s->crops + looks.n * crop,
                                   looks.colours[looks.n]);
            looks.search[looks.n] = q;
            looks.place[looks.n++] = k;
            if (looks.n == s->batch && !run_looks (s, &looks, error))
                return FALSE;
        }
    return looks.n == 0 || run_looks (s, &looks, error);
}

/* ---- the search ------------------------------------------------------- */

static void
set_square (const FovSiamese *s, FovSiameseSearch *q)
{
    float w = q->expected.x2 - q->expected.x1, h = q->expected.y2 - q->expected.y1;

    q->x = fov_siamese_centre_x (q->expected);
    q->y = fov_siamese_centre_y (q->expected);
    q->side =
        fov_siamese_context (w, h) * (float) s->shape.search_size / (float) s->shape.template_size;
    q->scale = (float) s->shape.search_size / q->side;
    q->width = w * q->scale;
    q->height = h * q->scale;
    q->n = 0;
}

gboolean
fov_siamese_search (FovSiamese *s, const FovImage *image, const FovVisualQuery *queries, guint n,
                    GError **error)
{
    for (guint i = 0; i < n; i++)
        set_square (s, &s->searches[i]);
    if (!search_usual (s, image, n, error))
        return FALSE;
    for (guint i = 0; i < n; i++)
        if (queries[i].widen > 1 &&
            !search_wide (s, &s->searches[i], image, queries[i].widen, error))
            return FALSE;
    return look_at_places (s, image, n, error);
}

/* Sizes change slowly, the more so the less sure the head is (as NanoTrack smooths them). */
static FovBox
smoothed (const FovSiameseSearch *q, const FovSiamesePlace *place)
{
    FovBox box = picture_box (q, place->box);
    float rate = place->penalty * place->score * SIZE_RATE;
    float w = q->width / q->scale, h = q->height / q->scale;
    float x = fov_siamese_centre_x (box), y = fov_siamese_centre_y (box);

    w = fmaxf (1, w + rate * (box.x2 - box.x1 - w));
    h = fmaxf (1, h + rate * (box.y2 - box.y1 - h));
    return (FovBox){ x - 0.5f * w, y - 0.5f * h, x + 0.5f * w, y + 0.5f * h };
}

/* How near the target's usual likeness to itself this one is, 0..1. */
static float
usualness (const FovSiameseTarget *t, float alike)
{
    return t->usual > 0 ? fminf (1, alike / t->usual) : 1;
}

void
fov_siamese_report (const FovSiameseSearch *q, FovVisualFound *found)
{
    float value = -1;
    guint best = 0, second;

    for (guint i = 0; i < q->n; i++) {
        float v = q->places[i].rank + LOOK_WEIGHT * q->alike[i];
        if (v > value)
            best = i;
        value = fmaxf (value, v);
    }
    second = best;
    for (guint i = 0; i < q->n; i++)
        if (i != best && (second == best || q->alike[i] > q->alike[second]))
            second = i;
    found->box = q->expected;
    if (q->n == 0) /* the head made no sense */
        return;
    found->box = smoothed (q, &q->places[best]);
    found->score = q->alike[best] * powf (usualness (q->target, q->alike[best]), USUAL_POWER);
    found->psr = q->psr;
    found->apce = q->apce;
    if (second == best)
        return;
    found->second_box = smoothed (q, &q->places[second]);
    found->second = fminf (1, q->alike[second] / fmaxf (q->alike[best], 1e-6f));
}
