/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Augmentation on the host: a task for a few rows of one picture where pixels stand
 * alone, for one picture where they do not. What a task does depends on its own
 * pixels alone, so the number of threads changes nothing.
 */
#include "ops/augment.h"

#include "ops/host-op.h"

#include <math.h>

#define ROWS_PER_TASK 8

static guint
formats (const FovNode *node, int block)
{
    return FOV_CAN_PLANAR;
}

/* ---- fov.AugmentShape ------------------------------------------------------------ */

/* A row of one picture's output. */
typedef struct {
    const FovAugmentShapeParams *p;
    const guint8 *base;
    float *out; /* of channel 0 */
    gsize plane;
    int y;
} Row;

static inline void
cover (const Row *row, int x, float alpha, const float v[3])
{
    for (int c = 0; c < row->p->channels; c++) {
        float *at = row->out + c * row->plane + x;
        *at += alpha * (v[c] - *at);
    }
}

static inline void
take_nearest (const FovAugmentLayer *l, const guint8 *picture, float u, float v, float out[3])
{
    const int x = CLAMP ((int) floorf (u), l->x_min, l->x_max);
    const int y = CLAMP ((int) floorf (v), l->y_min, l->y_max);
    const guint8 *at = picture + (gint64) y * l->stride + x * l->bytes;

    for (int c = 0; c < 3; c++)
        out[c] = (float) at[l->bytes > 1 ? c : 0];
}

static inline void
take_bilinear (const FovAugmentLayer *l, const guint8 *picture, float u, float v, float out[3])
{
    const float x = CLAMP (u - 0.5f, (float) l->x_min, (float) l->x_max);
    const float y = CLAMP (v - 0.5f, (float) l->y_min, (float) l->y_max);
    const int x0 = (int) x, y0 = (int) y;
    const int right = x0 < l->x_max ? l->bytes : 0;
    const guint8 *top = picture + (gint64) y0 * l->stride + x0 * l->bytes;
    const guint8 *bottom = y0 < l->y_max ? top + l->stride : top;
    const float fx = x - (float) x0, fy = y - (float) y0;

    for (int c = 0; c < 3; c++) {
        const int k = l->bytes > 1 ? c : 0;
        const float a = top[k] + fx * (float) (top[right + k] - top[k]);
        const float b = bottom[k] + fx * (float) (bottom[right + k] - bottom[k]);
        out[c] = a + fy * (b - a);
    }
}

/* Narrows first..last to pixels i with from <= step (i + 0.5) + start < to, and one more on each
 * side, for rounding. */
static void
narrow (float step, float start, float from, float to, int *first, int *last)
{
    const float a = (from - start) / step, b = (to - start) / step;
    const float low = floorf (MIN (a, b) - 0.5f) - 1, high = ceilf (MAX (a, b) - 0.5f) + 1;

    if (step == 0) {
        if (!(start >= from && start < to))
            *last = *first - 1;
        return;
    }
    *first = low > (float) *first ? (int) MIN (low, (float) *last + 1) : *first;
    *last = high < (float) *last ? (int) MAX (high, (float) *first - 1) : *last;
}

static void
draw_layer (const Row *row, const FovAugmentLayer *l)
{
    const float y = (float) row->y + 0.5f;
    const float u0 = l->h[1] * y + l->h[2], v0 = l->h[4] * y + l->h[5], w0 = l->h[7] * y + l->h[8];
    const gboolean flat = l->h[6] == 0 && w0 == 1;
    const guint8 *picture = row->base + l->offset;
    float value[3] = { l->fill[0], l->fill[1], l->fill[2] };
    int first = 0, last = (int) row->p->width - 1;

    if (flat) {
        narrow (l->h[0], u0, l->region[0], l->region[2], &first, &last);
        narrow (l->h[3], v0, l->region[1], l->region[3], &first, &last);
    }
    for (int i = first; i <= last; i++) {
        const float x = (float) i + 0.5f;
        float u = l->h[0] * x + u0, v = l->h[3] * x + v0;
        if (!flat) {
            const float w = l->h[6] * x + w0;
            if (!(w > 0))
                continue;
            u /= w;
            v /= w;
        }
        if (!(u >= l->region[0] && u < l->region[2] && v >= l->region[1] && v < l->region[3]))
            continue;
        if (l->bytes && row->p->nearest)
            take_nearest (l, picture, u, v, value);
        else if (l->bytes)
            take_bilinear (l, picture, u, v, value);
        cover (row, i, l->alpha, value);
    }
}

static void
shape_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const FovAugmentShapeParams *p = step->step.node->params;
    const guint per_picture = ((guint) p->height + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
    const guint n = task / per_picture;
    const int y0 = (int) (task % per_picture) * ROWS_PER_TASK;
    const gsize plane = (gsize) p->width * p->height;
    const void *layers = fov_host_ptr (frame, step->step.in[1]);
    float *out = fov_host_out (frame, step->step.out[0]) + n * p->channels * plane;
    FovAugmentLayer list[FOV_AUGMENT_LAYERS];

    for (int k = 0; k < FOV_AUGMENT_LAYERS; k++)
        list[k] = fov_augment_layer_get (layers, (gint64) n * FOV_AUGMENT_LAYERS + k);
    for (int y = y0; y < MIN (y0 + ROWS_PER_TASK, p->height); y++) {
        const Row row = { p, fov_host_ptr (frame, step->step.in[0]), out + (gsize) y * p->width,
                          plane, y };
        for (int c = 0; c < p->channels; c++)
            for (int x = 0; x < p->width; x++)
                row.out[c * plane + x] = p->pad;
        for (int k = 0; k < FOV_AUGMENT_LAYERS; k++)
            if (list[k].alpha > 0)
                draw_layer (&row, &list[k]);
    }
}

static gboolean
shape_prepare (FovHostStep *step, GError **error)
{
    const FovShape *shape = &step->step.out[0]->shape;

    step->n_tasks = (guint) (shape->dim[0] * ((shape->dim[2] + ROWS_PER_TASK - 1) / ROWS_PER_TASK));
    step->run = shape_run;
    return TRUE;
}

const FovHostOp fov_host_augment_shape = { .formats = formats, .prepare = shape_prepare };

/* ---- fov.AugmentColor ------------------------------------------------------------ */

#define MAX_RADIUS (3 * FOV_AUGMENT_MAX_BLUR)

typedef struct {
    const FovAugmentLook *look;
    int width, height;
    gsize plane;
    float *v;      /* [3, H, W]: the output's own memory */
    float *plane1; /* scratch of one plane */
    float (*curves)[256];
} Canvas;

/* Gaussian weights from the middle on, of sum 1. Returns the radius. */
static int
gauss (float sigma, float weights[MAX_RADIUS + 1])
{
    const int radius = (int) ceilf (3 * sigma);
    float sum = 0;

    for (int d = 0; d <= radius; d++) {
        weights[d] = expf (-0.5f * (float) (d * d) / (sigma * sigma));
        sum += d ? 2 * weights[d] : 1;
    }
    for (int d = 0; d <= radius; d++)
        weights[d] /= sum;
    return radius;
}

static void
blur_row (const float *from, float *to, int width, int radius, const float *weights)
{
    for (int x = 0; x < width; x++) {
        float sum = weights[0] * from[x];
        for (int d = 1; d <= radius; d++)
            sum += weights[d] * (from[MAX (x - d, 0)] + from[MIN (x + d, width - 1)]);
        to[x] = sum;
    }
}

static void
blur_column (const Canvas *c, float *to, int y, int radius, const float *weights)
{
    const float *middle = c->plane1 + (gsize) y * c->width;

    for (int x = 0; x < c->width; x++)
        to[x] = weights[0] * middle[x];
    for (int d = 1; d <= radius; d++) {
        const float *above = c->plane1 + (gsize) MAX (y - d, 0) * c->width;
        const float *below = c->plane1 + (gsize) MIN (y + d, c->height - 1) * c->width;
        for (int x = 0; x < c->width; x++)
            to[x] += weights[d] * (above[x] + below[x]);
    }
}

static void
blur (const Canvas *c)
{
    float weights[MAX_RADIUS + 1];
    const int radius = gauss (c->look->blur, weights);

    for (int k = 0; k < 3; k++) {
        float *v = c->v + k * c->plane;
        for (int y = 0; y < c->height; y++)
            blur_row (v + (gsize) y * c->width, c->plane1 + (gsize) y * c->width, c->width, radius,
                      weights);
        for (int y = 0; y < c->height; y++)
            blur_column (c, v + (gsize) y * c->width, y, radius, weights);
    }
}

/* Luma of the whole picture, into the scratch plane. */
static void
take_luma (const Canvas *c)
{
    for (gsize i = 0; i < c->plane; i++) {
        const float v =
            0.299f * c->v[i] + 0.587f * c->v[c->plane + i] + 0.114f * c->v[2 * c->plane + i];
        c->plane1[i] = CLAMP (v, 0, 255);
    }
}

static void
tile_curve (const Canvas *c, int i, int j, float curve[256])
{
    const int n = c->look->tiles;
    const int x0 = i * c->width / n, x1 = MIN (MAX ((i + 1) * c->width / n, x0 + 1), c->width);
    const int y0 = j * c->height / n, y1 = MIN (MAX ((j + 1) * c->height / n, y0 + 1), c->height);
    const double area = (double) (x1 - x0) * (y1 - y0), limit = c->look->clip / 256;
    double bins[257] = { 0 }, over = 0, sum = 0;

    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            const float v = c->plane1[(gsize) y * c->width + x];
            const int b = (int) v;
            bins[b] += 1 - (double) (v - (float) b);
            bins[b + 1] += (double) (v - (float) b);
        }
    for (int b = 0; b < 256; b++) {
        bins[b] /= area;
        if (limit > 0) {
            over += MAX (bins[b] - limit, 0);
            bins[b] = MIN (bins[b], limit);
        }
    }
    for (int b = 0; b < 256; b++) {
        const double share = bins[b] + over / 256;
        curve[b] = (float) (255 * (sum + share / 2));
        sum += share;
    }
}

static inline float
follow (const float curve[256], int b, float f)
{
    return curve[b] + f * (curve[b + 1] - curve[b]);
}

static inline float
between (float a, float b, float t)
{
    return a + t * (b - a);
}

static void
equalise_row (const Canvas *c, int y)
{
    const int n = c->look->tiles;
    const float last = (float) (n - 1);
    const float ry = ((float) y + 0.5f) * (float) n / (float) c->height - 0.5f;
    const float ty = CLAMP (ry, 0, last);
    const int j = (int) ty, j1 = MIN (j + 1, n - 1);

    for (int x = 0; x < c->width; x++) {
        const gsize at = (gsize) y * c->width + x;
        const float rx = ((float) x + 0.5f) * (float) n / (float) c->width - 0.5f;
        const float tx = CLAMP (rx, 0, last);
        const int i = (int) tx, i1 = MIN (i + 1, n - 1);
        const float v = c->plane1[at];
        const int b = MIN ((int) v, 254);
        const float f = v - (float) b, fx = tx - (float) i;
        const float top =
            between (follow (c->curves[j * n + i], b, f), follow (c->curves[j * n + i1], b, f), fx);
        const float bottom = between (follow (c->curves[j1 * n + i], b, f),
                                      follow (c->curves[j1 * n + i1], b, f), fx);
        const float add = between (top, bottom, ty - (float) j) - v;
        for (int k = 0; k < 3; k++)
            c->v[k * c->plane + at] += add;
    }
}

static void
equalise (const Canvas *c)
{
    const int n = c->look->tiles;

    take_luma (c);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            tile_curve (c, i, j, c->curves[j * n + i]);
    for (int y = 0; y < c->height; y++)
        equalise_row (c, y);
}

static void
add_noise (const FovAugmentLook *l, int x, int y, float v[3])
{
    guint32 words[4];

    for (int k = 0; k < 3 && l->noise > 0; k++) {
        fov_augment_words (l, x, y, k, words);
        v[k] += l->noise * (float) fov_augment_normal (words);
    }
    if (l->salt <= 0)
        return;
    fov_augment_words (l, x, y, 3, words);
    if (words[0] * 0x1p-32 < l->salt)
        v[0] = v[1] = v[2] = words[1] & 1 ? 255 : 0;
}

static void
change_row (const FovAugmentColorParams *p, const Canvas *c, int y)
{
    const FovAugmentLook *l = c->look;
    const gboolean noisy = l->noise > 0 || l->salt > 0;
    const float light_y =
        l->light[0] + l->light[2] * (((float) y + 0.5f) / (float) c->height - 0.5f);
    float *at[3];

    for (int k = 0; k < 3; k++)
        at[k] = c->v + k * c->plane + (gsize) y * c->width;
    for (int x = 0; x < c->width; x++) {
        const float light = light_y + l->light[1] * (((float) x + 0.5f) / (float) c->width - 0.5f);
        float v[3];
        for (int k = 0; k < 3; k++) {
            v[k] = l->matrix[k][0] * at[0][x] + l->matrix[k][1] * at[1][x] +
                   l->matrix[k][2] * at[2][x] + l->matrix[k][3];
            v[k] = CLAMP (v[k], 0, 255);
            if (l->gamma != 1)
                v[k] = 255 * powf (v[k] / 255, l->gamma);
            v[k] *= light;
        }
        if (noisy)
            add_noise (l, x, y, v);
        for (int k = 0; k < 3; k++)
            at[k][x] = (CLAMP (v[p->bgr ? 2 - k : k], 0, 255) - p->mean.v[k]) * p->scale.v[k];
    }
}

static gsize
curves_bytes (void)
{
    return sizeof (float[FOV_AUGMENT_TILES * FOV_AUGMENT_TILES][256]);
}

static void
color_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const FovShape *shape = &step->step.out[0]->shape;
    const gsize plane = (gsize) (shape->dim[2] * shape->dim[3]), floats = 3 * plane;
    const FovAugmentLook look = fov_augment_look_get (fov_host_ptr (frame, step->step.in[1]), task);
    guint8 *scratch = (guint8 *) frame->scratch + task * (curves_bytes () + plane * sizeof (float));
    const Canvas c = { &look,
                       (int) shape->dim[3],
                       (int) shape->dim[2],
                       plane,
                       fov_host_out (frame, step->step.out[0]) + task * floats,
                       (float *) (void *) (scratch + curves_bytes ()),
                       (float (*)[256]) (void *) scratch };

    memcpy (c.v, fov_host_in (frame, step->step.in[0]) + task * floats, floats * sizeof (float));
    if (look.blur > 0)
        blur (&c);
    if (look.tiles > 0)
        equalise (&c);
    for (int y = 0; y < c.height; y++)
        change_row (step->step.node->params, &c, y);
}

static gboolean
color_prepare (FovHostStep *step, GError **error)
{
    const FovShape *shape = &step->step.out[0]->shape;
    const gsize plane = (gsize) (shape->dim[2] * shape->dim[3]);

    step->n_tasks = (guint) shape->dim[0];
    step->run = color_run;
    step->scratch_bytes = (gsize) shape->dim[0] * (curves_bytes () + plane * sizeof (float));
    return TRUE;
}

const FovHostOp fov_host_augment_color = { .formats = formats, .prepare = color_prepare };
