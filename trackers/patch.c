/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/patch.h"

#include "vision/clones.h"

#include <math.h>
#include <string.h>

#define MAX_TAPS 4

/* Samples of one axis: taps places for each, each between two neighbours of the source. */
typedef struct {
    int *index;    /* lower neighbour, from the region's first one */
    float *weight; /* of the upper neighbour */
    int taps;
    int first, count; /* the region of the source that is read */
    guint capacity;
} Axis;

struct _FovPatcher {
    Axis x, y;
    float *row; /* the region's width, every component: rows blended */
    guint row_capacity;
};

/* Components that lie interleaved in one plane of the picture. */
typedef struct {
    const guint8 *data;
    int stride, bytes; /* from one pixel to the next */
    int width, height;
    int shift; /* of the plane's size against the picture's */
    int n;
    int offset[3]; /* of each component */
    int target[3]; /* which output plane each fills */
} Source;

FovPatcher *
fov_patcher_new (void)
{
    return g_new0 (FovPatcher, 1);
}

void
fov_patcher_free (FovPatcher *patcher)
{
    if (!patcher)
        return;
    g_free (patcher->x.index);
    g_free (patcher->x.weight);
    g_free (patcher->y.index);
    g_free (patcher->y.weight);
    g_free (patcher->row);
    g_free (patcher);
}

static void
axis_place (Axis *axis, float centre, float step, int n, int size)
{
    step = fmaxf (step, 1e-3f); /* places go forward, whatever the box */
    int taps = step <= 1.5f ? 1 : step <= 3.0f ? 2 : MAX_TAPS;
    guint need = (guint) (n * taps);
    if (need > axis->capacity) {
        axis->capacity = need;
        axis->index = g_renew (int, axis->index, need);
        axis->weight = g_renew (float, axis->weight, need);
    }
    float fine = step / (float) taps;
    float start = centre - 0.5f - 0.5f * fine * (float) (n * taps - 1);
    for (guint i = 0; i < need; i++) {
        float place = CLAMP (start + fine * (float) i, 0.0f, (float) (size - 1));
        int low = MIN ((int) place, MAX (size - 2, 0));
        axis->index[i] = low;
        axis->weight[i] = place - (float) low;
    }
    axis->taps = taps;
    axis->first = axis->index[0];
    axis->count = MIN (axis->index[need - 1] + 2, size) - axis->first;
    for (guint i = 0; i < need; i++)
        axis->index[i] -= axis->first;
}

FOV_CLONES static void
add_row (float *restrict out, const guint8 *restrict row, float weight, int n)
{
    for (int i = 0; i < n; i++)
        out[i] += weight * (float) row[i];
}

FOV_CLONES static void
set_row (float *restrict out, const guint8 *restrict low, const guint8 *restrict high, float a,
         float b, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = a * (float) low[i] + b * (float) high[i];
}

/* One output row's mean over its taps of the source's rows. */
static void
blend_rows (FovPatcher *patcher, const Source *source, int y)
{
    const Axis *axis = &patcher->y;
    int n = patcher->x.count * source->bytes;
    const guint8 *base = source->data + (gsize) axis->first * (gsize) source->stride +
                         (gsize) patcher->x.first * (gsize) source->bytes;
    float share = 1.0f / (float) (axis->taps * 255);
    for (int t = 0; t < axis->taps; t++) {
        int i = y * axis->taps + t;
        const guint8 *low = base + (gsize) axis->index[i] * (gsize) source->stride;
        const guint8 *high = source->height > 1 ? low + source->stride : low;
        float b = axis->weight[i] * share, a = share - b;
        if (t == 0) {
            set_row (patcher->row, low, high, a, b, n);
            continue;
        }
        add_row (patcher->row, low, a, n);
        add_row (patcher->row, high, b, n);
    }
}

static void
pick_columns (const FovPatcher *patcher, const float *row, int bytes, int next, float *out,
              int width)
{
    const Axis *axis = &patcher->x;
    const int *index = axis->index;
    const float *weight = axis->weight;
    if (axis->taps == 1) {
        for (int x = 0; x < width; x++) {
            const float *at = row + index[x] * bytes;
            out[x] = at[0] + weight[x] * (at[next] - at[0]);
        }
        return;
    }
    float share = 1.0f / (float) axis->taps;
    for (int x = 0; x < width; x++) {
        float sum = 0.0f;
        for (int t = 0; t < axis->taps; t++, index++, weight++) {
            const float *at = row + *index * bytes;
            sum += at[0] + *weight * (at[next] - at[0]);
        }
        out[x] = sum * share;
    }
}

static void
sample_source (FovPatcher *patcher, const Source *source, const float place[4], int width,
               int height, float *rgb)
{
    float shrink = 1.0f / (float) (1 << source->shift);
    axis_place (&patcher->x, place[0] * shrink, place[2] * shrink, width, source->width);
    axis_place (&patcher->y, place[1] * shrink, place[3] * shrink, height, source->height);
    guint need = (guint) (patcher->x.count * source->bytes);
    if (need > patcher->row_capacity) {
        patcher->row_capacity = need;
        patcher->row = g_renew (float, patcher->row, need);
    }
    int next = source->width > 1 ? source->bytes : 0;
    for (int y = 0; y < height; y++) {
        blend_rows (patcher, source, y);
        for (int c = 0; c < source->n; c++)
            pick_columns (patcher, patcher->row + source->offset[c], source->bytes, next,
                          rgb + (source->target[c] * height + y) * width, width);
    }
}

/* The codes in the planes Y, U, V become RGB in place (ITU-R BT.601 / BT.709). */
FOV_CLONES static void
yuv_to_rgb (float *restrict r, float *restrict g, float *restrict b, const float k[6], int n)
{
    for (int i = 0; i < n; i++) {
        float luma = (r[i] - k[0]) * k[1], u = g[i] - 128.0f / 255.0f, v = b[i] - 128.0f / 255.0f;
        float red = luma + k[2] * v, green = luma - k[3] * u - k[4] * v, blue = luma + k[5] * u;
        r[i] = MIN (MAX (red, 0.0f), 1.0f);
        g[i] = MIN (MAX (green, 0.0f), 1.0f);
        b[i] = MIN (MAX (blue, 0.0f), 1.0f);
    }
}

static void
convert_yuv (const FovImage *image, float *rgb, int n)
{
    float kr = image->matrix == FOV_MATRIX_BT709 ? 0.2126f : 0.299f;
    float kb = image->matrix == FOV_MATRIX_BT709 ? 0.0722f : 0.114f, kg = 1.0f - kr - kb;
    gboolean full = image->range == FOV_RANGE_FULL;
    float chroma = full ? 1.0f : 255.0f / 224.0f;
    float red = 2.0f * (1.0f - kr) * chroma, blue = 2.0f * (1.0f - kb) * chroma;
    const float k[6] = { full ? 0.0f : 16.0f / 255.0f,
                         full ? 1.0f : 255.0f / 219.0f,
                         red,
                         kb * blue / kg,
                         kr * red / kg,
                         blue };
    yuv_to_rgb (rgb, rgb + n, rgb + 2 * n, k, n);
}

static Source
plane_source (const FovImage *image, int plane, int shift)
{
    return (Source){ .data = image->plane[plane],
                     .stride = image->stride[plane],
                     .bytes = 1,
                     .width = (image->width + shift) >> shift,
                     .height = (image->height + shift) >> shift,
                     .shift = shift,
                     .n = 1,
                     .target = { plane } };
}

static int
list_sources (const FovImage *image, Source sources[3])
{
    gboolean blue_first = image->format == FOV_PIXEL_BGR || image->format == FOV_PIXEL_BGRX;
    sources[0] = plane_source (image, 0, 0);
    switch (image->format) {
    case FOV_PIXEL_NV12:
        sources[1] = plane_source (image, 1, 1);
        sources[1].bytes = sources[1].n = 2;
        sources[1].offset[1] = 1;
        sources[1].target[1] = 2;
        return 2;
    case FOV_PIXEL_I420:
        sources[1] = plane_source (image, 1, 1);
        sources[2] = plane_source (image, 2, 1);
        return 3;
    case FOV_PIXEL_GRAY:
        return 1;
    default:
        sources[0].bytes = image->format == FOV_PIXEL_RGB || image->format == FOV_PIXEL_BGR ? 3 : 4;
        sources[0].n = 3;
        for (int c = 0; c < 3; c++) {
            sources[0].offset[c] = blue_first ? 2 - c : c;
            sources[0].target[c] = c;
        }
        return 1;
    }
}

void
fov_patch_sample (FovPatcher *patcher, const FovImage *image, float centre_x, float centre_y,
                  float step_x, float step_y, int width, int height, float *rgb)
{
    const float place[4] = { centre_x, centre_y, step_x, step_y };
    Source sources[3];
    int n = list_sources (image, sources), plane = width * height;

    for (int i = 0; i < n; i++)
        sample_source (patcher, &sources[i], place, width, height, rgb);
    if (image->format == FOV_PIXEL_NV12 || image->format == FOV_PIXEL_I420)
        convert_yuv (image, rgb, plane);
    if (image->format == FOV_PIXEL_GRAY)
        for (int c = 1; c < 3; c++)
            memcpy (rgb + c * plane, rgb, (gsize) plane * sizeof *rgb);
}
