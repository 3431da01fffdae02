/* SPDX-License-Identifier: LGPL-2.1-or-later */
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

typedef struct {
    FovDcfPlan plan;
    FovScalePlan scale_plan;
    FovPatcher *patcher;
    FovFeatures *features;
    float *rgb;      /* a patch */
    float *window;   /* n x n: fades a patch's features to its edges */
    float *spectra;  /* of a patch's features */
    float *response; /* a spectrum, then a plane */
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
    g_free (dcf);
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
    dcf->response = g_new (float, 2 * (gsize) dcf->plan.size + (gsize) (n * n));
    dcf->window = g_new (float, (gsize) (n * n));
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++)
            dcf->window[y * n + x] =
                (0.5f - 0.5f * cosf (6.2831853f * ((float) x + 0.5f) / (float) n)) *
                (0.5f - 0.5f * cosf (6.2831853f * ((float) y + 0.5f) / (float) n));
    return dcf;
}

/* A square patch's windowed features, transformed. */
static void
transform_patch (Dcf *dcf, const FovImage *image, float cx, float cy, float step)
{
    int n = dcf->plan.n, area = n * n;
    float *planes = dcf->plan.planes;
    fov_patch_sample (dcf->patcher, image, cx, cy, step, step, n * FOV_CELL, n * FOV_CELL,
                      dcf->rgb);
    fov_features_hog (dcf->features, dcf->rgb, planes);
    fov_features_color (dcf->features, dcf->rgb, planes + FOV_HOG_CHANNELS * area);
    for (int d = 0; d < FOV_FEATURE_CHANNELS; d++) {
        for (int i = 0; i < area; i++)
            planes[d * area + i] *= dcf->window[i];
    }
    fov_fourier_forward (dcf->plan.fourier, planes, dcf->plan.channels, dcf->spectra);
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

    transform_patch (dcf, image, cx, cy, patch_step (dcf, target, box));
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

/* A peak's displacement is from the expected centre; tiles lie round it. */
typedef struct {
    FovPeak peak;
    float x, y; /* pixels of the picture */
    float second, second_x, second_y;
} Place;

static void
search_tile (Dcf *dcf, const FovImage *image, const Target *target, float cx, float cy, float step,
             float near_x, float near_y, Place *place)
{
    int n = dcf->plan.n;
    float *plane = dcf->response + 2 * dcf->plan.size, cell = step * FOV_CELL;
    transform_patch (dcf, image, cx, cy, step);
    fov_dcf_filter_respond (&target->filter, &dcf->plan, dcf->spectra, dcf->response);
    fov_fourier_inverse (dcf->plan.fourier, dcf->response, 1, plane);
    fov_peak_find (plane, n, near_x / cell, near_y / cell, &place->peak);
    fov_peak_refine (dcf->response, n, &place->peak);
    place->x = cx + place->peak.x * cell;
    place->y = cy + place->peak.y * cell;
    place->second = place->peak.second;
    place->second_x = cx + place->peak.second_x * cell;
    place->second_y = cy + place->peak.second_y * cell;
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

static void
locate_one (Dcf *dcf, const FovImage *image, Target *target, const FovVisualQuery *query,
            FovVisualFound *found)
{
    FovBox box = query->expected;
    float step = patch_step (dcf, target, box);
    float cx = 0.5f * (box.x1 + box.x2), cy = 0.5f * (box.y1 + box.y2);
    float w = box.x2 - box.x1, h = box.y2 - box.y1, near_x = 0.5f * w, near_y = 0.5f * h;
    /* Half a patch from tile to tile: windows overlap so that no place is faded in all. */
    float hop = 0.5f * step * (float) (dcf->plan.n * FOV_CELL);
    int reach = (int) ceilf (query->widen - 1.0f - 1e-3f);
    Place best, other;

    search_tile (dcf, image, target, cx, cy, step, near_x, near_y, &best);
    for (int y = -reach; y <= reach; y++)
        for (int x = -reach; x <= reach; x++) {
            if (x == 0 && y == 0)
                continue;
            search_tile (dcf, image, target, cx + (float) x * hop, cy + (float) y * hop, step,
                         near_x, near_y, &other);
            merge_places (&best, &other, near_x, near_y);
        }
    cx = best.x;
    cy = best.y;
    float factor = fov_scale_filter_find (&target->scale, &dcf->scale_plan, image, cx, cy, w, h);
    w *= factor;
    h *= factor;
    factor = fov_scale_filter_find (&target->aspect, &dcf->scale_plan, image, cx, cy, w, h);
    /* A shape is harder to see than a size: only part of its change is believed. */
    factor = powf (factor, ASPECT_POWER * ASPECT_TRUST);
    w *= factor;
    h /= factor;
    *found = (FovVisualFound){
        .box = { cx - 0.5f * w, cy - 0.5f * h, cx + 0.5f * w, cy + 0.5f * h },
        .score = CLAMP (best.peak.height, 0.0f, 1.0f),
        .psr = best.peak.psr,
        .apce = best.peak.apce,
        .second = CLAMP (best.second / fmaxf (best.peak.height, 1e-6f), 0.0f, 1.0f),
        .second_box = { best.second_x - 0.5f * w, best.second_y - 0.5f * h,
                        best.second_x + 0.5f * w, best.second_y + 0.5f * h },
    };
}

static gboolean
dcf_locate (gpointer self, const FovImage *image, gpointer const *targets,
            const FovVisualQuery *queries, guint n, FovVisualFound *found, GError **error)
{
    for (guint i = 0; i < n; i++)
        locate_one (self, image, targets[i], &queries[i], &found[i]);
    return TRUE;
}

const FovVisualClass fov_visual_dcf = {
    .name = "dcf",
    .blurb = "discriminative correlation filter on gradients and colours",
    .create = dcf_create,
    .destroy = dcf_destroy,
    .add = dcf_add,
    .remove = dcf_remove,
    .locate = dcf_locate,
    .learn = dcf_learn,
};
