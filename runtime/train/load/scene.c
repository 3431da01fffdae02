/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Drawing where pictures lie, and where their objects come to lie. */
#include "train/load/scene.h"

#include <math.h>

enum { STREAM_CHOICE = 0x5ce1, STREAM_PLACE = 0x5ce2 };

/* ---- which pictures ------------------------------------------------------------- */

static int
add_sample (FovScene *scene, FovRandom *random, const guint *order, guint n_order)
{
    scene->sample[scene->n] = order[fov_random_below (random, n_order)];
    return (int) scene->n++;
}

FovScene
fov_scene_choose (const FovAugment *a, guint64 seed, guint64 place, const guint *order,
                  guint n_order, guint at)
{
    FovRandom random = fov_random (seed, STREAM_CHOICE, place);
    FovScene scene = { .sample = { order[at] }, .n = 1, .mixed = -1, .pasted = -1, .place = place };
    const gboolean mixup = fov_random_chance (&random, (double) a->mixup);
    const gboolean paste = fov_random_chance (&random, (double) a->paste);

    scene.mosaic = fov_random_chance (&random, (double) a->mosaic);
    while (scene.mosaic && scene.n < 4)
        add_sample (&scene, &random, order, n_order);
    if (mixup)
        scene.mixed = add_sample (&scene, &random, order, n_order);
    if (paste)
        scene.pasted = add_sample (&scene, &random, order, n_order);
    return scene;
}

/* ---- where they lie -------------------------------------------------------------- */

typedef struct {
    const FovSceneFrame *f;
    const FovAugment *a;
    FovRandom random;
    FovSceneResult *r;
    guint n; /* layers so far */
    FovBox covers[FOV_AUGMENT_LAYERS];
    guint n_covers;
} Draw;

static double
draw (Draw *d, float by)
{
    return fov_random_range (&d->random, (double) -by, (double) by);
}

/* Turn, size, shear and depth about the output's middle, then a shift. */
static FovWarp
draw_warp (Draw *d)
{
    const double w = d->f->width, h = d->f->height;
    const double angle = draw (d, d->a->rotate) * G_PI / 180;
    const double size = exp (fov_random_range (&d->random, -1, 1) * log1p ((double) d->a->scale));
    const double shear_x = tan (draw (d, d->a->shear) * G_PI / 180);
    const double shear_y = tan (draw (d, d->a->shear) * G_PI / 180);
    const double c = size * cos (angle), s = size * sin (angle);
    const FovWarp turn = { { c, -s, 0, s, c, 0, 0, 0, 1 } };
    const FovWarp shear = { { 1, shear_x, 0, shear_y, 1, 0, 0, 0, 1 } };
    const FovWarp depth = { { 1, 0, 0, 0, 1, 0, draw (d, d->a->perspective) / w,
                              draw (d, d->a->perspective) / h, 1 } };
    const double dx = draw (d, d->a->translate) * w, dy = draw (d, d->a->translate) * h;
    const FovWarp to = fov_warp_scale_shift (1, 1, -w / 2, -h / 2);
    const FovWarp back = fov_warp_scale_shift (1, 1, w / 2 + dx, h / 2 + dy);

    return fov_warp_after (back,
                           fov_warp_after (depth,
                                           fov_warp_after (turn, fov_warp_after (shear, to))));
}

/* Left and right, top and bottom of a region in turn. */
static FovWarp
draw_flip (Draw *d, FovBox region)
{
    const gboolean x = fov_random_chance (&d->random, (double) d->a->flip);
    const gboolean y = fov_random_chance (&d->random, (double) d->a->flip_vertical);

    return fov_warp_scale_shift (x ? -1 : 1, y ? -1 : 1, x ? (double) (region.x1 + region.x2) : 0,
                                 y ? (double) (region.y1 + region.y2) : 0);
}

/* The whole picture, or the part that is cut out. */
static FovBox
draw_region (Draw *d, const FovImage *image)
{
    const double w = image->width, h = image->height;
    const gboolean crop = fov_random_chance (&d->random, (double) d->a->crop);
    const double side = sqrt (fov_random_range (&d->random, 0.3, 1));
    const double ratio = exp (fov_random_range (&d->random, -0.25, 0.25));
    const double rw = MIN (w, w * side * ratio), rh = MIN (h, h * side / ratio);
    const double x = fov_random_unit (&d->random) * (w - rw);
    const double y = fov_random_unit (&d->random) * (h - rh);

    if (!crop)
        return (FovBox){ 0, 0, (float) w, (float) h };
    return (FovBox){ (float) x, (float) y, (float) (x + rw), (float) (y + rh) };
}

/* Region into the output as the network's pictures are fitted later on. */
static FovWarp
fit (const Draw *d, FovBox region)
{
    const FovLetterbox map = fov_letterbox (region, d->f->width, d->f->height, d->f->fit);
    const double sx = (double) map.scale_x, sy = (double) map.scale_y;

    return fov_warp_scale_shift (sx, sy, (double) map.offset_x, (double) map.offset_y);
}

/* ---- layers and objects ----------------------------------------------------------- */

/* A point outside is none: there is no place for it. Names of sides are a mirror image's own. */
static void
add_points (Draw *d, const FovWarp *warp, FovBox region, const FovDataObject *o, float sx, float sy)
{
    const guint n = d->f->data ? fov_data_n_points (d->f->data) : 0;
    const guint first = n ? d->r->points->len : 0;
    const gboolean mirrored = fov_warp_mirrors (warp);

    if (n)
        g_array_set_size (d->r->points, first + n);
    for (guint i = 0; i < n; i++) {
        const guint to = first + (mirrored ? fov_data_point_mirror (d->f->data, i) : i);
        FovDataPoint p = o && o->points ? o->points[i] : (FovDataPoint){ 0 };
        const double x = (double) (p.x * sx), y = (double) (p.y * sy);
        double u = 0, v = 0;
        if (p.state != FOV_POINT_NONE &&
            (x < (double) region.x1 || x > (double) region.x2 || y < (double) region.y1 ||
             y > (double) region.y2 || !fov_warp_point (warp, x, y, &u, &v) || u < 0 || v < 0 ||
             u > d->f->width || v > d->f->height))
            p.state = FOV_POINT_NONE;
        if (p.state == FOV_POINT_NONE)
            u = v = 0;
        g_array_index (d->r->points, FovDataPoint, to) =
            (FovDataPoint){ (float) u, (float) v, p.state };
    }
}

static void
add_targets (Draw *d, const FovWarp *warp, FovBox region, const FovScenePicture *p)
{
    const FovSample *s = p->sample;
    const float sx = s->width ? 1 : (float) p->image->width;
    const float sy = s->width ? 1 : (float) p->image->height;
    const double least = d->a->visible > 0 ? (double) d->a->visible : 0.2;

    for (guint i = 0; i < s->n_objects; i++) {
        const FovDataObject *o = &s->objects[i];
        const FovBox box = { o->box.x1 * sx, o->box.y1 * sy, o->box.x2 * sx, o->box.y2 * sy };
        double visible;
        FovBox to;
        if (!fov_warp_box (warp, box, region, d->f->width, d->f->height, &to, &visible) ||
            to.x2 - to.x1 < 1 || to.y2 - to.y1 < 1)
            continue;
        const FovTarget target = { .x1 = to.x1,
                                   .y1 = to.y1,
                                   .x2 = to.x2,
                                   .y2 = to.y2,
                                   .label = (float) o->label,
                                   .weight = o->ignore || visible < least ? -1 : 1,
                                   .layer = (int) d->n - 1,
                                   .object = i,
                                   .points = d->r->targets->len };
        g_array_append_val (d->r->targets, target);
        add_points (d, warp, region, o, sx, sy);
    }
}

static FovAugmentLayer *
next_layer (Draw *d, int picture, float alpha)
{
    d->r->picture[d->n] = picture;
    d->r->layers[d->n].alpha = alpha;
    return &d->r->layers[d->n++];
}

static gboolean
set_warp (FovAugmentLayer *layer, const FovWarp *warp)
{
    FovWarp back;

    if (!fov_warp_inverse (warp, &back))
        return FALSE;
    for (int i = 0; i < 9; i++) /* a plain map has exactly 1 at its end */
        layer->h[i] = (float) (back.m[i] / back.m[8]);
    return TRUE;
}

static void
set_region (FovAugmentLayer *layer, FovBox region, const FovImage *image)
{
    layer->region[0] = region.x1;
    layer->region[1] = region.y1;
    layer->region[2] = region.x2;
    layer->region[3] = region.y2;
    layer->x_min = CLAMP ((int) floorf (region.x1), 0, image->width - 1);
    layer->y_min = CLAMP ((int) floorf (region.y1), 0, image->height - 1);
    layer->x_max = CLAMP ((int) ceilf (region.x2) - 1, layer->x_min, image->width - 1);
    layer->y_max = CLAMP ((int) ceilf (region.y2) - 1, layer->y_min, image->height - 1);
}

static void
add_picture (Draw *d, const FovScenePicture *pictures, int index, FovBox region, FovWarp warp,
             float alpha)
{
    FovAugmentLayer *layer = next_layer (d, index, alpha);

    if (!set_warp (layer, &warp)) {
        layer->alpha = 0;
        return;
    }
    set_region (layer, region, pictures[index].image);
    add_targets (d, &warp, region, &pictures[index]);
}

/* Fitted in, flipped, then turned and moved. */
static void
add_single (Draw *d, const FovScenePicture *pictures, int index, float alpha)
{
    const FovBox region = draw_region (d, pictures[index].image);
    const FovWarp flip = draw_flip (d, region);
    const FovWarp global = draw_warp (d);

    add_picture (d, pictures, index, region,
                 fov_warp_after (global, fov_warp_after (fit (d, region), flip)), alpha);
}

/*
 * Four pictures about a point (Bochkovskiy et al. 2020, section 3.3), each in its
 * quarter: whole where nothing scales, else larger and cut, twice as much as what
 * scales the whole may shrink it.
 */
static void
add_mosaic (Draw *d, const FovScenePicture *pictures)
{
    const double w = d->f->width, h = d->f->height;
    const double cx = w * fov_random_range (&d->random, 0.3, 0.7);
    const double cy = h * fov_random_range (&d->random, 0.3, 0.7);
    const FovWarp global = draw_warp (d);

    for (int i = 0; i < 4; i++) {
        const FovImage *image = pictures[i].image;
        const double tw = i & 1 ? w - cx : cx, th = i & 2 ? h - cy : cy;
        const double zoom = fov_random_range (&d->random, 1, 1 + 2 * (double) d->a->scale);
        const double s = MIN (tw / image->width, th / image->height) * zoom;
        const double rw = MIN (image->width, tw / s), rh = MIN (image->height, th / s);
        const double x = fov_random_unit (&d->random) * (image->width - rw);
        const double y = fov_random_unit (&d->random) * (image->height - rh);
        const FovBox region = { (float) x, (float) y, (float) (x + rw), (float) (y + rh) };
        const double left = i & 1 ? cx : cx - rw * s, top = i & 2 ? cy : cy - rh * s;
        const FovWarp place = fov_warp_scale_shift (s, s, left - x * s, top - y * s);
        const FovWarp flip = draw_flip (d, region);
        d->r->share[i] = (float) (tw * th / (w * h));
        add_picture (d, pictures, i, region, fov_warp_after (global, fov_warp_after (place, flip)),
                     1);
    }
}

/* Of half at most: what was there stays the likelier answer (Zhang et al. 2018). */
static void
add_mixed (Draw *d, const FovScenePicture *pictures, int index)
{
    const float alpha = (float) fov_random_range (&d->random, 0.3, 0.5);

    for (int k = 0; k < FOV_SCENE_PICTURES; k++)
        d->r->share[k] *= 1 - alpha;
    d->r->share[index] = alpha;
    d->r->mixed = (int) d->n;
    add_single (d, pictures, index, alpha);
}

/* ---- what covers ------------------------------------------------------------------- */

/* A rectangle inside the output with sides of share from to to. */
static FovBox
draw_patch (Draw *d, double from, double to)
{
    const double w = d->f->width * fov_random_range (&d->random, from, to);
    const double h = d->f->height * fov_random_range (&d->random, from, to);
    const double x = fov_random_unit (&d->random) * (d->f->width - w);
    const double y = fov_random_unit (&d->random) * (d->f->height - h);

    return (FovBox){ (float) x, (float) y, (float) (x + w), (float) (y + h) };
}

static void
add_cutout (Draw *d)
{
    const FovBox patch = draw_patch (d, 0.08, 0.3);
    FovAugmentLayer *layer = next_layer (d, -1, 1);
    const FovWarp same = fov_warp_scale_shift (1, 1, 0, 0);

    set_warp (layer, &same);
    layer->region[0] = patch.x1;
    layer->region[1] = patch.y1;
    layer->region[2] = patch.x2;
    layer->region[3] = patch.y2;
    for (int c = 0; c < 3; c++)
        layer->fill[c] = (float) fov_random_range (&d->random, 0, 255);
    d->covers[d->n_covers++] = patch;
}

/* An object of the picture, else any part of it. */
static FovBox
patch_of (Draw *d, const FovScenePicture *p)
{
    const FovSample *s = p->sample;
    const float w = (float) p->image->width, h = (float) p->image->height;
    const float sx = s->width ? 1 : w, sy = s->width ? 1 : h;
    const double x = fov_random_unit (&d->random), y = fov_random_unit (&d->random);

    if (s->n_objects) {
        const FovBox box = s->objects[fov_random_below (&d->random, s->n_objects)].box;
        return (FovBox){ box.x1 * sx, box.y1 * sy, box.x2 * sx, box.y2 * sy };
    }
    return (FovBox){ (float) x * 0.7f * w, (float) y * 0.7f * h, ((float) x * 0.7f + 0.3f) * w,
                     ((float) y * 0.7f + 0.3f) * h };
}

/* Something in front that hides others. It may be an object itself, squeezed: it says nothing. */
static void
add_paste (Draw *d, const FovScenePicture *pictures, int index)
{
    const FovBox from = patch_of (d, &pictures[index]), to = draw_patch (d, 0.08, 0.3);
    const double sx = (double) ((to.x2 - to.x1) / (from.x2 - from.x1));
    const double sy = (double) ((to.y2 - to.y1) / (from.y2 - from.y1));
    const FovWarp warp = fov_warp_scale_shift (sx, sy, (double) to.x1 - (double) from.x1 * sx,
                                               (double) to.y1 - (double) from.y1 * sy);
    FovAugmentLayer *layer = next_layer (d, index, 1);

    if (!set_warp (layer, &warp)) {
        layer->alpha = 0;
        return;
    }
    set_region (layer, from, pictures[index].image);
    d->covers[d->n_covers++] = to;
    const FovTarget patch = { .x1 = to.x1,
                              .y1 = to.y1,
                              .x2 = to.x2,
                              .y2 = to.y2,
                              .label = -1,
                              .weight = -1,
                              .layer = -1,
                              .points = d->r->targets->len };
    g_array_append_val (d->r->targets, patch);
    add_points (d, &warp, from, NULL, 1, 1);
}

/* Objects of which too little is left in front of the patches say nothing. */
static void
hide_targets (Draw *d)
{
    const double least = d->a->visible > 0 ? (double) d->a->visible : 0.2;
    GArray *targets = d->r->targets;

    for (guint i = 0; i < targets->len; i++) {
        FovTarget *t = &g_array_index (targets, FovTarget, i);
        const FovBox box = { t->x1, t->y1, t->x2, t->y2 };
        double shown = 1;
        for (guint k = 0; k < d->n_covers; k++) {
            const FovBox c = d->covers[k];
            const FovBox both = { MAX (box.x1, c.x1), MAX (box.y1, c.y1), MIN (box.x2, c.x2),
                                  MIN (box.y2, c.y2) };
            shown -= (double) (fov_box_area (both) / fov_box_area (box));
        }
        if (shown < least)
            t->weight = -1;
    }
}

static void
hide_points (Draw *d)
{
    for (guint i = 0; d->r->points && i < d->r->points->len; i++) {
        FovDataPoint *p = &g_array_index (d->r->points, FovDataPoint, i);
        for (guint k = 0; k < d->n_covers; k++) {
            const FovBox c = d->covers[k];
            if (p->x >= c.x1 && p->x < c.x2 && p->y >= c.y1 && p->y < c.y2)
                p->state = MIN (p->state, FOV_POINT_HIDDEN);
        }
    }
}

void
fov_scene_place (const FovScene *scene, const FovSceneFrame *frame, const FovScenePicture *pictures,
                 FovSceneResult *result)
{
    Draw d = { .f = frame,
               .a = frame->augment,
               .random = fov_random (frame->seed, STREAM_PLACE, scene->place),
               .r = result };

    for (int k = 0; k < FOV_AUGMENT_LAYERS; k++) {
        result->layers[k] = (FovAugmentLayer){ 0 };
        result->picture[k] = -1;
    }
    g_array_set_size (result->targets, 0);
    if (result->points)
        g_array_set_size (result->points, 0);
    for (int k = 0; k < FOV_SCENE_PICTURES; k++)
        result->share[k] = 0;
    result->mixed = -1;
    if (scene->mosaic) {
        add_mosaic (&d, pictures);
    } else {
        result->share[0] = 1;
        add_single (&d, pictures, 0, 1);
    }
    if (scene->mixed >= 0)
        add_mixed (&d, pictures, scene->mixed);
    if (scene->pasted >= 0)
        add_paste (&d, pictures, scene->pasted);
    if (fov_random_chance (&d.random, (double) d.a->cutout))
        add_cutout (&d);
    hide_targets (&d);
    hide_points (&d);
    result->look = fov_scene_look (frame->augment, frame->seed, scene->place);
}
