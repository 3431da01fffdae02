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
    FovScaleFilter scale;
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
    return TRUE;
}

static void
dcf_remove (gpointer self, gpointer data)
{
    Target *target = data;
    fov_dcf_filter_clear (&target->filter);
    fov_scale_filter_clear (&target->scale);
    g_free (target);
}

static gpointer
dcf_add (gpointer self, const FovImage *image, FovBox box, GError **error)
{
    Dcf *dcf = self;
    Target *target = g_new0 (Target, 1);
    fov_dcf_filter_init (&target->filter, &dcf->plan);
    fov_scale_filter_init (&target->scale, box.x2 - box.x1, box.y2 - box.y1);
    shape_target (dcf, target, box);
    if (dcf_learn (self, image, target, box, error))
        return target;
    dcf_remove (self, target);
    return NULL;
}

static void
locate_one (Dcf *dcf, const FovImage *image, Target *target, const FovVisualQuery *query,
            FovVisualFound *found)
{
    FovBox box = query->expected;
    int n = dcf->plan.n;
    float step = patch_step (dcf, target, box), cell = step * FOV_CELL;
    float cx = 0.5f * (box.x1 + box.x2), cy = 0.5f * (box.y1 + box.y2);
    float w = box.x2 - box.x1, h = box.y2 - box.y1, *plane = dcf->response + 2 * dcf->plan.size;
    FovPeak peak;

    transform_patch (dcf, image, cx, cy, step);
    fov_dcf_filter_respond (&target->filter, &dcf->plan, dcf->spectra, dcf->response);
    fov_fourier_inverse (dcf->plan.fourier, dcf->response, 1, plane);
    fov_peak_find (plane, n, 0.5f * w / cell, 0.5f * h / cell, &peak);
    fov_peak_refine (dcf->response, n, &peak);
    cx += peak.x * cell;
    cy += peak.y * cell;
    float factor = fov_scale_filter_find (&target->scale, &dcf->scale_plan, image, cx, cy, w, h);
    w *= factor;
    h *= factor;
    *found = (FovVisualFound){
        .box = { cx - 0.5f * w, cy - 0.5f * h, cx + 0.5f * w, cy + 0.5f * h },
        .score = CLAMP (peak.height, 0.0f, 1.0f),
        .psr = peak.psr,
        .apce = peak.apce,
        .second = CLAMP (peak.second / fmaxf (peak.height, 1e-6f), 0.0f, 1.0f),
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
