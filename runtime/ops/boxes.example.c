/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the start-up self-check gives fov.Decode and fov.Nms. Of scores and boxes at random, order
 * and overlap would hang on the last bits; so there are objects here whose scores are well apart,
 * and boxes whose overlaps are.
 */
#include "ops/boxes.h"

#include "ops/frame.h"
#include "vision/random.h"

#include <math.h>
#include <string.h>

static void
put_frames (FovView *frames, float threshold)
{
    for (gint64 n = 0; n < frames->shape.dim[0]; n++) {
        const FovFrameInfo frame = { .threshold = threshold,
                                     .iou_threshold = 0.5f,
                                     .class_agnostic = n % 2 };
        memcpy ((guint8 *) frames->data + n * (gint64) sizeof frame, &frame, sizeof frame);
    }
}

/* ---- fov.Decode ---------------------------------------------------------- */

/* An anchor of a picture, as far as it lies in one of the inputs. */
typedef struct {
    const FovHeads *heads;
    const FovLevel *level;
    gint64 picture, prior, cell;
    gint32 input;
    FovView *view;
} Place;

/* How many, in how many anchors; each `step`th of those has one. */
typedef struct {
    gint64 n, anchors, step;
} Objects;

/* Half more than there is room for, where there are so many anchors. */
static Objects
count_objects (const FovDecodeParams *params, const FovHeads *heads)
{
    const gint64 anchors = fov_heads_anchors (heads);
    const gint64 n = CLAMP (params->max_candidates * 3 / 2, 1, MAX (anchors, 1));

    return (Objects){ n, anchors, MAX (anchors / n, 1) };
}

/* Of the k-th best, k < n; the threshold is behind nine tenths of them. */
static double
object_score (const Objects *objects, double k)
{
    return 0.95 - 0.6 * k / (double) objects->n;
}

static void
put (const Place *at, const FovField *field, gint64 component, double value)
{
    if (field->input == at->input)
        fov_view_set (at->view,
                      field->first + component * field->component + at->prior * field->prior +
                          at->cell * field->cell + at->picture * field->picture,
                      value);
}

static double
coded (gint32 coding, double score)
{
    return coding == FOV_SCORE_DONE ? score : log (score / (1 - score));
}

/* label has the score, the others next to none; -1: all have. What is an object and of which class
 * have equal shares in it, but with softmax, where less for a class were more for the others. */
static void
put_scores (const Place *at, int label, double score)
{
    const FovHeads *h = at->heads;
    const int n = h->background + h->n_classes;
    const double a = h->score_power > 0 ? h->score_power : 1;
    const double b = h->object_power > 0 ? h->object_power : 1;
    const gboolean softmax = h->score_coding == FOV_SCORE_SOFTMAX;
    const gboolean objectness = at->level->object.input != 0;
    const double share = pow (score, 1 / (!objectness ? a : softmax ? b : a + b));
    const double class_share = softmax && objectness ? 0.999999 : share;

    for (int c = 0; c < n; c++)
        put (at, &at->level->score, c, h->score_coding == FOV_SCORE_SIGMOID ? -8 : 0);
    if (label < 0 && h->background)
        put (at, &at->level->score, 0, 12);
    if (label >= 0)
        put (at, &at->level->score, h->background + label,
             coded (h->score_coding, class_share) + (softmax ? log (MAX (n - 1, 1)) : 0));
    put (at, &at->level->object, 0, coded (h->object_coding, label < 0 ? 1e-4 : share));
}

static void
put_level (Place *at, gint64 anchor, const Objects *objects, FovRandom *random)
{
    const gint64 cells = (gint64) at->level->grid_w * at->level->grid_h;
    const int numbers = fov_box_components (at->heads);

    for (at->prior = 0; at->prior < at->level->n_priors; at->prior++)
        for (at->cell = 0; at->cell < cells; at->cell++, anchor++) {
            const gint64 number = anchor / objects->step;
            const gboolean object = anchor % objects->step == 0 && number < objects->n;
            /* A large prime: each number once, in no order. */
            const gint64 k = (number * 1000003 + at->picture) % objects->n;
            const int label = (int) fov_random_below (random, (guint) at->heads->n_classes);
            put_scores (at, object ? label : -1, object_score (objects, (double) k));
            put (at, &at->level->label, 0, (double) (anchor % 7));
            for (int i = 0; i < numbers; i++)
                put (at, &at->level->box, i, fov_random_range (random, -1, 1));
        }
}

void
fov_decode_example (const FovNode *node, guint index, FovView *input)
{
    const FovDecodeParams *params = node->params;
    FovHeads heads = params->heads;
    FovRandom random = fov_random (1, 0, 0);

    fov_heads_resolve (&heads, node);
    const Objects objects = count_objects (params, &heads);
    if (index == 0) {
        const double last = floor (0.9 * (double) objects.n);
        put_frames (input, (float) object_score (&objects, last + 0.5));
        return;
    }
    for (gint64 n = 0; n < node->inputs[0]->shape.dim[0]; n++) {
        gint64 anchor = 0;
        for (int l = 0; l < heads.n_levels; l++) {
            Place at = { &heads, &heads.level[l], n, 0, 0, (gint32) index, input };
            put_level (&at, anchor, &objects, &random);
            anchor += fov_level_anchors (at.level);
        }
    }
}

/* ---- fov.Nms ------------------------------------------------------------- */

/* Two boxes a group, of which the second overlaps the first by 2/3 or, each third, by 3/7; some
 * have two classes. */
static void
put_rows (FovView *rows)
{
    const gint64 n = rows->shape.dim[0] * rows->shape.dim[1];
    float *row = rows->data;

    for (gint64 i = 0; i < n; i++, row += 6) {
        const gint64 place = i % rows->shape.dim[1], group = place / 2, second = place % 2;
        const float x = (float) (group % 32 * 4) + (float) second * (group % 3 ? 0.6f : 1.2f);
        const float y = (float) (group / 32 * 4);
        row[0] = x;
        row[1] = y;
        row[2] = x + 3;
        row[3] = y + 2;
        row[4] = 1 - (float) place / (float) rows->shape.dim[1];
        row[5] = (float) (group % 5 + (group % 4 ? 0 : second));
    }
}

void
fov_nms_example (const FovNode *node, guint index, FovView *input)
{
    const gint64 k = node->inputs[1]->shape.dim[1];

    if (index == 0)
        put_frames (input, 0);
    else if (index == 1)
        put_rows (input);
    else
        for (gint64 n = 0; n < node->inputs[0]->shape.dim[0]; n++)
            fov_view_set_int (input, n, MAX (k - n, 1));
}
