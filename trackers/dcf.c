/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/dcf-device.h"
#include "trackers/dcf-filter.h"
#include "trackers/dcf-scale.h"
#include "trackers/features-color.h"
#include "trackers/features.h"
#include "trackers/patch.h"
#include "trackers/peak.h"
#include "trackers/visual.h"

#include <math.h>
#include <string.h>

/* Cells of the searched square's side, and that side over the root of the target's area. */
#define CELLS 32
#define SEARCH 5.0f
/* Width of the wanted response over the root of the target's area. */
#define SIGMA 0.0625f
/* The aspect's filter looks at widths and heights that change by this power of the step. */
#define ASPECT_POWER 0.7f
#define ASPECT_TRUST 0.5f
/* Of the brightness over its standard deviation in the patch, and the least of that. */
#define BRIGHTNESS_GAIN 0.1f
#define CONTRAST_LEAST 0.02f

/* Where a target was found; pixels of the picture. */
typedef struct {
    FovPeak peak;
    float x, y;
    float second, second_x, second_y;
} Place;

/* A patch that is searched for a target. */
typedef struct {
    Place *place;         /* of its target */
    gboolean first;       /* of its target's patches */
    float x, y, step;     /* centre, and pixels of the picture per pixel of the patch */
    float near_x, near_y; /* half the target's size in pixels */
} Tile;

typedef struct {
    FovDcfPlan plan;
    FovScalePlan scale_plan;
    FovPatcher *patcher;
    FovFeatures *features;
    float *rgb;               /* a patch */
    float *window;            /* n x n: fades a patch's features to its edges */
    float *spectra;           /* of a patch's features */
    float *response;          /* a spectrum */
    FovDcfDevice *device;     /* NULL: all is done here */
    guint n_tiles, max_tiles; /* collected for one run; at most: 1 here */
    Tile *tiles;
    float *planes;         /* max_tiles patches' features */
    const float **filters; /* max_tiles */
    float *responses;      /* max_tiles planes */
    Place *places;         /* of every target of one call */
} Dcf;

typedef struct {
    FovDcfFilter filter;
    FovScaleFilter scale, aspect;
    float width, height; /* pixels, of the box that the mask was made for */
    float pad;           /* side of the searched square over the root of the box's area */
} Target;

static void
dcf_destroy (gpointer self)
{
    Dcf *dcf = self;
    fov_dcf_plan_clear (&dcf->plan);
    fov_scale_plan_clear (&dcf->scale_plan);
    fov_patcher_free (dcf->patcher);
    fov_features_free (dcf->features);
    g_free (dcf->rgb);
    g_free (dcf->window);
    g_free (dcf->spectra);
    g_free (dcf->response);
    fov_dcf_device_free (dcf->device);
    g_free (dcf->tiles);
    g_free (dcf->planes);
    g_free (dcf->filters);
    g_free (dcf->responses);
    g_free (dcf->places);
    g_free (dcf);
}

static void
make_tiles (Dcf *dcf, const FovVisualParams *params)
{
    int n = dcf->plan.n;
    gboolean on_device = params->device && fov_device_kind (params->device) == FOV_DEVICE_VULKAN;
    gsize area = (gsize) (n * n);
    dcf->max_tiles = on_device ? params->max_targets : 1;
    if (on_device)
        dcf->device = fov_dcf_device_new (params->device, n, FOV_FEATURE_CHANNELS);
    dcf->tiles = g_new0 (Tile, dcf->max_tiles);
    dcf->planes = g_new0 (float, dcf->max_tiles *area *FOV_FEATURE_CHANNELS);
    dcf->filters = g_new0 (const float *, dcf->max_tiles);
    dcf->responses = g_new0 (float, dcf->max_tiles *area);
    dcf->places = g_new0 (Place, params->max_targets);
}

static gpointer
dcf_create (const FovVisualParams *params, GError **error)
{
    Dcf *dcf = g_new0 (Dcf, 1);
    int n = CELLS;
    fov_color_names_init ();
    if (!fov_dcf_plan_init (&dcf->plan, n, FOV_FEATURE_CHANNELS, error)) {
        dcf_destroy (dcf);
        return NULL;
    }
    dcf->patcher = fov_patcher_new ();
    fov_scale_plan_init (&dcf->scale_plan, dcf->patcher);
    dcf->features = fov_features_new (n, n);
    dcf->rgb = g_new (float, (gsize) (3 * n * n * FOV_CELL * FOV_CELL));
    dcf->spectra = g_new (float, (gsize) FOV_FEATURE_CHANNELS * 2 * (gsize) dcf->plan.size);
    dcf->response = g_new (float, 2 * (gsize) dcf->plan.size);
    dcf->window = g_new (float, (gsize) (n * n));
    for (int i = 0; i < n * n; i++) {
        float x = 6.2831853f * ((float) (i % n) + 0.5f) / (float) n;
        float y = 6.2831853f * ((float) (i / n) + 0.5f) / (float) n;
        dcf->window[i] = (0.5f - 0.5f * cosf (x)) * (0.5f - 0.5f * cosf (y));
    }
    make_tiles (dcf, params);
    return dcf;
}

/* Brightness against the patch's own mean and contrast: a light that changes changes little. */
static void
level_brightness (float *plane, int area)
{
    float mean = 0.0f, square = 0.0f;
    for (int i = 0; i < area; i++)
        mean += plane[i];
    mean /= (float) area;
    for (int i = 0; i < area; i++)
        square += (plane[i] - mean) * (plane[i] - mean);
    float gain = BRIGHTNESS_GAIN / (sqrtf (square / (float) area) + CONTRAST_LEAST);
    for (int i = 0; i < area; i++)
        plane[i] = gain * (plane[i] - mean);
}

/* A square patch's windowed features: all channels' planes. */
static void
describe_patch (Dcf *dcf, const FovImage *image, float cx, float cy, float step, float *planes)
{
    int n = dcf->plan.n, area = n * n;
    fov_patch_sample (dcf->patcher, image, cx, cy, step, step, n * FOV_CELL, n * FOV_CELL,
                      dcf->rgb);
    fov_features_hog (dcf->features, dcf->rgb, planes);
    fov_features_color (dcf->features, dcf->rgb, planes + FOV_HOG_CHANNELS * area);
    level_brightness (planes + (FOV_FEATURE_CHANNELS - 1) * area, area);
    for (int d = 0; d < FOV_FEATURE_CHANNELS; d++)
        for (int i = 0; i < area; i++)
            planes[d * area + i] *= dcf->window[i];
}

static float
box_root (FovBox box)
{
    return sqrtf ((box.x2 - box.x1) * (box.y2 - box.y1));
}

/* Pixels of the picture per pixel of the patch. */
static float
patch_step (const Dcf *dcf, const Target *target, FovBox box)
{
    return box_root (box) * target->pad / (float) (dcf->plan.n * FOV_CELL);
}

static float
edge (float distance, float half)
{
    return CLAMP (half - distance + 0.5f, 0.0f, 1.0f);
}

/* Where the filter may differ from zero, and the response it aims at, for boxes of this shape. */
static void
shape_target (Dcf *dcf, Target *target, FovBox box)
{
    int n = dcf->plan.n;
    float w = box.x2 - box.x1, h = box.y2 - box.y1, root = sqrtf (w * h);
    target->width = w;
    target->height = h;
    target->pad = fmaxf (SEARCH, 1.5f * fmaxf (w, h) / root);
    float cells = (float) n / (target->pad * root); /* per pixel */
    float half_x = fmaxf (0.5f * w * cells, 1.0f), half_y = fmaxf (0.5f * h * cells, 1.0f);
    float sigma = SIGMA * root * cells;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            float dx = fabsf ((float) x - 0.5f * (float) (n - 1));
            float dy = fabsf ((float) y - 0.5f * (float) (n - 1));
            target->filter.mask[y * n + x] = edge (dx, half_x) * edge (dy, half_y);
            float gx = (float) MIN (x, n - x), gy = (float) MIN (y, n - y);
            dcf->plan.planes[y * n + x] = expf (-0.5f * (gx * gx + gy * gy) / (sigma * sigma));
        }
    fov_fourier_forward (dcf->plan.fourier, dcf->plan.planes, 1, target->filter.wanted);
}

static gboolean
dcf_learn (gpointer self, const FovImage *image, gpointer data, FovBox box, GError **error)
{
    Dcf *dcf = self;
    Target *target = data;
    float cx = 0.5f * (box.x1 + box.x2), cy = 0.5f * (box.y1 + box.y2);

    describe_patch (dcf, image, cx, cy, patch_step (dcf, target, box), dcf->plan.planes);
    fov_fourier_forward (dcf->plan.fourier, dcf->plan.planes, dcf->plan.channels, dcf->spectra);
    fov_dcf_filter_learn (&target->filter, &dcf->plan, dcf->spectra);
    fov_scale_filter_learn (&target->scale, &dcf->scale_plan, image, cx, cy, box.x2 - box.x1,
                            box.y2 - box.y1);
    fov_scale_filter_learn (&target->aspect, &dcf->scale_plan, image, cx, cy, box.x2 - box.x1,
                            box.y2 - box.y1);
    return TRUE;
}

static void
dcf_remove (gpointer self, gpointer data)
{
    Target *target = data;
    fov_dcf_filter_clear (&target->filter);
    fov_scale_filter_clear (&target->scale);
    fov_scale_filter_clear (&target->aspect);
    g_free (target);
}

static gpointer
dcf_add (gpointer self, const FovImage *image, FovBox box, GError **error)
{
    Dcf *dcf = self;
    Target *target = g_new0 (Target, 1);
    fov_dcf_filter_init (&target->filter, &dcf->plan);
    fov_scale_filter_init (&target->scale, box.x2 - box.x1, box.y2 - box.y1, 1.0f, 1.0f);
    fov_scale_filter_init (&target->aspect, box.x2 - box.x1, box.y2 - box.y1, ASPECT_POWER,
                           -ASPECT_POWER);
    shape_target (dcf, target, box);
    if (dcf_learn (self, image, target, box, error))
        return target;
    dcf_remove (self, target);
    return NULL;
}

/* Keeps the better of two tiles' peaks, and the best of the others that is elsewhere. */
static void
merge_places (Place *best, const Place *other, float near_x, float near_y)
{
    Place low = *other;
    if (other->peak.height > best->peak.height) {
        low = *best;
        *best = *other;
    }
    const float rivals[2][3] = { { low.peak.height, low.x, low.y },
                                 { low.second, low.second_x, low.second_y } };
    for (int i = 0; i < 2; i++) {
        gboolean elsewhere =
            fabsf (rivals[i][1] - best->x) > near_x || fabsf (rivals[i][2] - best->y) > near_y;
        if (elsewhere && rivals[i][0] > best->second) {
            best->second = rivals[i][0];
            best->second_x = rivals[i][1];
            best->second_y = rivals[i][2];
        }
    }
}

/* Reads a tile's response into what was found so far for its target. */
static void
read_tile (Dcf *dcf, const Tile *tile, const float *plane, const float *spectrum)
{
    float near_x = tile->near_x, near_y = tile->near_y;
    float cell = tile->step * FOV_CELL;
    FovPeak peak;
    fov_peak_find (plane, dcf->plan.n, near_x / cell, near_y / cell, &peak);
    fov_peak_refine (spectrum, dcf->plan.n, &peak);
    Place place = { .peak = peak,
                    .x = tile->x + peak.x * cell,
                    .y = tile->y + peak.y * cell,
                    .second = peak.second,
                    .second_x = tile->x + peak.second_x * cell,
                    .second_y = tile->y + peak.second_y * cell };
    if (tile->first)
        *tile->place = place;
    else
        merge_places (tile->place, &place, near_x, near_y);
}

/* All tiles collected so far: one run on the device, or one after the other here. */
static gboolean
flush_tiles (Dcf *dcf, GError **error)
{
    FovDcfPlan *plan = &dcf->plan;
    gsize area = (gsize) (plan->n * plan->n);
    guint n = dcf->n_tiles;

    dcf->n_tiles = 0;
    if (n > 0 && dcf->device &&
        !fov_dcf_device_respond (dcf->device, dcf->planes, dcf->filters, n, dcf->responses, error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        float *plane = dcf->responses + i * area;
        if (dcf->device) {
            fov_fourier_forward (plan->fourier, plane, 1, dcf->response);
        } else {
            fov_fourier_forward (plan->fourier, dcf->planes, plan->channels, dcf->spectra);
            fov_dcf_respond (dcf->filters[i], plan, dcf->spectra, dcf->response);
            fov_fourier_inverse (plan->fourier, dcf->response, 1, plane);
        }
        read_tile (dcf, &dcf->tiles[i], plane, dcf->response);
    }
    return TRUE;
}

static gboolean
add_tile (Dcf *dcf, const FovImage *image, const Target *target, Tile tile, GError **error)
{
    gsize features = (gsize) dcf->plan.channels * (gsize) (dcf->plan.n * dcf->plan.n);
    describe_patch (dcf, image, tile.x, tile.y, tile.step, dcf->planes + dcf->n_tiles * features);
    dcf->filters[dcf->n_tiles] = target->filter.filter;
    dcf->tiles[dcf->n_tiles++] = tile;
    return dcf->n_tiles < dcf->max_tiles || flush_tiles (dcf, error);
}

/* The patches to be searched for one target. */
static gboolean
add_tiles (Dcf *dcf, const FovImage *image, const Target *target, const FovVisualQuery *query,
           Place *place, GError **error)
{
    FovBox box = query->expected;
    float cx = 0.5f * (box.x1 + box.x2), cy = 0.5f * (box.y1 + box.y2);
    Tile tile = { .place = place,
                  .step = patch_step (dcf, target, box),
                  .near_x = 0.5f * (box.x2 - box.x1),
                  .near_y = 0.5f * (box.y2 - box.y1) };
    /* Half a patch from tile to tile: windows overlap so that no place is faded in all. */
    float hop = 0.5f * tile.step * (float) (dcf->plan.n * FOV_CELL);
    int reach = (int) ceilf (query->widen - 1.0f - 1e-3f);
    for (int y = -reach; y <= reach; y++)
        for (int x = -reach; x <= reach; x++) {
            tile.x = cx + (float) x * hop;
            tile.y = cy + (float) y * hop;
            tile.first = x == -reach && y == -reach;
            if (!add_tile (dcf, image, target, tile, error))
                return FALSE;
        }
    return TRUE;
}

/* The size at the place, and all of it in the caller's terms. */
static void
report (Dcf *dcf, const FovImage *image, const Target *target, FovBox expected, const Place *place,
        FovVisualFound *found)
{
    float w = expected.x2 - expected.x1, h = expected.y2 - expected.y1;
    FovScalePlan *plan = &dcf->scale_plan;
    float height = fmaxf (place->peak.height, 1e-6f), full = fmaxf (target->filter.full, 1e-6f);
    const float half_w = 0.5f * w, half_h = 0.5f * h;

    float factor = fov_scale_filter_find (&target->scale, plan, image, place->x, place->y, w, h);
    w *= factor;
    h *= factor;
    factor = fov_scale_filter_find (&target->aspect, plan, image, place->x, place->y, w, h);
    /* A shape is harder to see than a size: only part of its change is believed. */
    factor = powf (factor, ASPECT_POWER * ASPECT_TRUST);
    w *= factor;
    h /= factor;
    *found = (FovVisualFound){
        .box = { place->x - 0.5f * w, place->y - 0.5f * h, place->x + 0.5f * w,
                 place->y + 0.5f * h },
        .score = CLAMP (place->peak.height / full, 0.0f, 1.0f),
        .psr = place->peak.psr,
        .apce = place->peak.apce,
        .second = CLAMP (place->second / height, 0.0f, 1.0f),
        .second_box = { place->second_x - half_w, place->second_y - half_h,
                        place->second_x + half_w, place->second_y + half_h },
    };
}

static gboolean
dcf_locate (gpointer self, const FovImage *image, gpointer const *targets,
            const FovVisualQuery *queries, guint n, FovVisualFound *found, GError **error)
{
    Dcf *dcf = self;
    dcf->n_tiles = 0;
    for (guint i = 0; i < n; i++)
        if (!add_tiles (dcf, image, targets[i], &queries[i], &dcf->places[i], error))
            return FALSE;
    if (!flush_tiles (dcf, error))
        return FALSE;
    for (guint i = 0; i < n; i++)
        report (dcf, image, targets[i], queries[i].expected, &dcf->places[i], &found[i]);
    return TRUE;
}

const FovVisualClass fov_visual_dcf = {
    .name = "dcf",
    .blurb = "discriminative correlation filter on gradients and colours",
    .clear = 0.5f, /* more loses targets: docs/tracking-visual.md */
    .create = dcf_create,
    .destroy = dcf_destroy,
    .add = dcf_add,
    .remove = dcf_remove,
    .locate = dcf_locate,
    .learn = dcf_learn,
};
