/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/augment.h"

#include "ops/ops.h"
#include "vision/random.h"

#include <math.h>
#include <string.h>

/* ---- the records --------------------------------------------------------------- */

FovAugmentLook
fov_augment_look_plain (void)
{
    return (FovAugmentLook){ .matrix = { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 } },
                             .gamma = 1,
                             .light = { 1, 0, 0 } };
}

FovAugmentLayer
fov_augment_layer_get (const void *layers, gint64 row)
{
    FovAugmentLayer layer;

    memcpy (&layer, (const guint8 *) layers + row * (gint64) sizeof layer, sizeof layer);
    return layer;
}

FovAugmentLook
fov_augment_look_get (const void *looks, gint64 row)
{
    FovAugmentLook look;

    memcpy (&look, (const guint8 *) looks + row * (gint64) sizeof look, sizeof look);
    look.tiles = CLAMP (look.tiles, 0, FOV_AUGMENT_TILES);
    look.blur = CLAMP (look.blur, 0, FOV_AUGMENT_MAX_BLUR);
    return look;
}

void
fov_augment_words (const FovAugmentLook *look, int x, int y, int c, guint32 words[4])
{
    const guint32 counter[4] = { (guint32) x, (guint32) y, (guint32) c, 0 };

    fov_philox (look->key, counter, words);
}

/* Whole numbers up to the end, so that every device gets the same. */
double
fov_augment_normal (const guint32 words[4])
{
    const double deviation = 295.6032701; /* sqrt (16 (256^2 - 1) / 12) */
    guint32 sum = 0;

    for (int i = 0; i < 4; i++)
        sum += (words[i] & 255) + (words[i] >> 8 & 255) + (words[i] >> 16 & 255) + (words[i] >> 24);
    return ((double) sum - 16 * 127.5) / deviation;
}

/* ---- fov.AugmentShape ------------------------------------------------------------ */

static const FovParam shape_params[] = {
    { "width", FOV_PARAM_INT, offsetof (FovAugmentShapeParams, width), 0, NULL },
    { "height", FOV_PARAM_INT, offsetof (FovAugmentShapeParams, height), 0, NULL },
    { "channels", FOV_PARAM_INT, offsetof (FovAugmentShapeParams, channels), 3, NULL },
    { "nearest", FOV_PARAM_INT, offsetof (FovAugmentShapeParams, nearest), 0, NULL },
    { "pad", FOV_PARAM_FLOAT, offsetof (FovAugmentShapeParams, pad), 0, NULL },
    { NULL, 0, 0, 0, NULL },
};

static gboolean
shape_infer (FovNode *node, GError **error)
{
    const FovAugmentShapeParams *p = node->params;
    const FovTensor *pictures = node->inputs[0], *layers = node->inputs[1];

    if (pictures->dtype != FOV_U8 || pictures->shape.rank != 2)
        return fov_node_error (node, error, "input 0 must be uint8 of rank 2");
    if (layers->dtype != FOV_I32 || layers->shape.rank != 3 ||
        layers->shape.dim[0] != pictures->shape.dim[0] ||
        layers->shape.dim[1] != FOV_AUGMENT_LAYERS ||
        layers->shape.dim[2] != FOV_AUGMENT_LAYER_WORDS)
        return fov_node_error (node, error,
                               "input 1 must be int32 with %d layers of %d words for each of "
                               "%" G_GINT64_FORMAT " pictures",
                               FOV_AUGMENT_LAYERS, FOV_AUGMENT_LAYER_WORDS, pictures->shape.dim[0]);
    if (p->width < 1 || p->width > 32768 || p->height < 1 || p->height > 32768 ||
        (p->channels != 1 && p->channels != 3))
        return fov_node_error (node, error,
                               "output %" G_GINT64_FORMAT "x%" G_GINT64_FORMAT
                               " with %" G_GINT64_FORMAT
                               " channels, expected sizes of 1..32768 and 1 or 3 channels",
                               p->width, p->height, p->channels);
    node->outputs[0]->dtype = FOV_F32;
    node->outputs[0]->shape =
        (FovShape){ 4, { pictures->shape.dim[0], p->channels, p->height, p->width } };
    return TRUE;
}

static double
pixel (const FovAugmentLayer *l, const guint8 *base, int x, int y, int c)
{
    const int x0 = CLAMP (x, l->x_min, l->x_max), y0 = CLAMP (y, l->y_min, l->y_max);

    return base[l->offset + (gint64) y0 * l->stride + x0 * l->bytes + (l->bytes > 1 ? c : 0)];
}

/* What the layer shows at (u, v) of its picture. */
static double
look_at (const FovAugmentLayer *l, const guint8 *base, gboolean nearest, double u, double v, int c)
{
    const double x = CLAMP (u - 0.5, l->x_min, l->x_max);
    const double y = CLAMP (v - 0.5, l->y_min, l->y_max);
    const int x0 = (int) floor (x), y0 = (int) floor (y);
    const double fx = x - x0, fy = y - y0;

    if (!l->bytes)
        return l->fill[c];
    if (nearest)
        return pixel (l, base, (int) floor (u), (int) floor (v), c);
    return (1 - fy) *
               ((1 - fx) * pixel (l, base, x0, y0, c) + fx * pixel (l, base, x0 + 1, y0, c)) +
           fy * ((1 - fx) * pixel (l, base, x0, y0 + 1, c) +
                 fx * pixel (l, base, x0 + 1, y0 + 1, c));
}

static double
layers_at (const FovAugmentShapeParams *p, const FovAugmentLayer *layers, const guint8 *base, int i,
           int j, int c)
{
    const double x = i + 0.5, y = j + 0.5;
    double value = p->pad;

    for (int k = 0; k < FOV_AUGMENT_LAYERS; k++) {
        const FovAugmentLayer *l = &layers[k];
        const double w = l->h[6] * x + l->h[7] * y + l->h[8];
        const double u = (l->h[0] * x + l->h[1] * y + l->h[2]) / w;
        const double v = (l->h[3] * x + l->h[4] * y + l->h[5]) / w;
        if (l->alpha > 0 && w > 0 && u >= l->region[0] && u < l->region[2] && v >= l->region[1] &&
            v < l->region[3])
            value += l->alpha * (look_at (l, base, p->nearest, u, v, c) - value);
    }
    return value;
}

static gboolean
shape_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovAugmentShapeParams *p = node->params;
    gint64 index = 0;

    for (gint64 n = 0; n < out->shape.dim[0]; n++) {
        FovAugmentLayer layers[FOV_AUGMENT_LAYERS];
        for (int k = 0; k < FOV_AUGMENT_LAYERS; k++)
            layers[k] = fov_augment_layer_get (in[1].data, n * FOV_AUGMENT_LAYERS + k);
        for (int c = 0; c < p->channels; c++)
            for (int y = 0; y < p->height; y++)
                for (int x = 0; x < p->width; x++)
                    fov_view_set (out, index++, layers_at (p, layers, in[0].data, x, y, c));
    }
    return TRUE;
}

static double
shape_flops (const FovNode *node)
{
    return 50.0 * fov_tensor_elements (node->outputs[0]) / 3;
}

/* For the self-check: a picture of 4 x 4 below and half a plain colour above. Turned, but not where
 * the nearest pixel of one that lies between two would hang on the last bits. */
static void
shape_example (const FovNode *node, guint index, FovView *input)
{
    const FovAugmentShapeParams *p = node->params;
    const float dx = 4 / (float) p->width, dy = 4 / (float) p->height, turn = p->nearest ? 0 : 0.1f;
    const FovAugmentLayer picture = { .stride = 12,
                                      .bytes = 3,
                                      .x_max = 3,
                                      .y_max = 3,
                                      .region = { -100, -100, 100, 100 },
                                      .h = { dx, turn * dy, 0.3f * dx, -turn * dx, dy, 0.3f * dy,
                                             turn * dx, 0, 1 },
                                      .alpha = 1 };
    const FovAugmentLayer plain = { .region = { 0, 0, (float) (p->width / 2) + 0.25f, 40000 },
                                    .h = { 1, 0, 0, 0, 1, 0, 0, 0, 1 },
                                    .alpha = 0.25f,
                                    .fill = { 250, 100, 20 } };
    FovRandom random = fov_random (1, 0, 0);

    for (gint64 i = 0; index == 0 && i < MIN (fov_shape_elements (&input->shape), 64); i++)
        ((guint8 *) input->data)[i] = (guint8) fov_random_below (&random, 256);
    for (gint64 n = 0; index == 1 && n < input->shape.dim[0]; n++) {
        FovAugmentLayer *layers = (FovAugmentLayer *) input->data + n * FOV_AUGMENT_LAYERS;
        layers[0] = picture;
        layers[2] = plain;
    }
}

static const FovOpDef augment_shape = {
    .name = "fov.AugmentShape",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_NO_FOLD | FOV_OP_READS_INPUT,
    .params = shape_params,
    .params_size = sizeof (FovAugmentShapeParams),
    .infer = shape_infer,
    .reference = shape_reference,
    .flops = shape_flops,
    .example = shape_example,
    .host = &fov_host_augment_shape,
    .gpu = &fov_gpu_augment_shape,
};

/* ---- fov.AugmentColor ------------------------------------------------------------ */

static const FovParam color_params[] = {
    { "bgr", FOV_PARAM_INT, offsetof (FovAugmentColorParams, bgr), 0, NULL },
    { "mean", FOV_PARAM_FLOATS, offsetof (FovAugmentColorParams, mean), 0, NULL },
    { "scale", FOV_PARAM_FLOATS, offsetof (FovAugmentColorParams, scale), 0, NULL },
    { NULL, 0, 0, 0, NULL },
};

static gboolean
color_infer (FovNode *node, GError **error)
{
    FovAugmentColorParams *p = node->params;
    const FovTensor *pictures = node->inputs[0], *looks = node->inputs[1];

    if (pictures->dtype != FOV_F32 || pictures->shape.rank != 4 || pictures->shape.dim[1] != 3)
        return fov_node_error (node, error, "input 0 must be float32 [N, 3, H, W]");
    if (looks->dtype != FOV_I32 || looks->shape.rank != 2 ||
        looks->shape.dim[0] != pictures->shape.dim[0] ||
        looks->shape.dim[1] != FOV_AUGMENT_LOOK_WORDS)
        return fov_node_error (node, error,
                               "input 1 must be int32 with %d words for each of %" G_GINT64_FORMAT
                               " pictures",
                               FOV_AUGMENT_LOOK_WORDS, pictures->shape.dim[0]);
    for (; p->mean.n < 3; p->mean.n++)
        p->mean.v[p->mean.n] = 0;
    for (; p->scale.n < 3; p->scale.n++)
        p->scale.v[p->scale.n] = 1;
    node->outputs[0]->dtype = FOV_F32;
    node->outputs[0]->shape = pictures->shape;
    return TRUE;
}

/* One picture under way. */
typedef struct {
    const FovAugmentLook *look;
    int width, height;
    double *v; /* [3, H, W] */
} Canvas;

static void
blur_lines (const Canvas *c, double sigma, int length, int step, int n_lines, int line_step)
{
    const int radius = (int) ceil (3 * sigma);
    g_autofree double *line = g_new (double, length);

    for (int k = 0; k < 3 * n_lines; k++) {
        double *at = c->v + (gsize) (k / n_lines) * c->width * c->height + k % n_lines * line_step;
        for (int i = 0; i < length; i++)
            line[i] = at[(gsize) i * step];
        for (int i = 0; i < length; i++) {
            double sum = 0, weights = 0;
            for (int d = -radius; d <= radius; d++) {
                const double weight = exp (-0.5 * d * d / (sigma * sigma));
                sum += weight * line[CLAMP (i + d, 0, length - 1)];
                weights += weight;
            }
            at[(gsize) i * step] = sum / weights;
        }
    }
}

static double
luma (const Canvas *c, int x, int y)
{
    const gsize plane = (gsize) c->width * c->height, at = (gsize) y * c->width + x;
    const double v = 0.299 * c->v[at] + 0.587 * c->v[plane + at] + 0.114 * c->v[2 * plane + at];

    return CLAMP (v, 0, 255);
}

/* The curve of tile (i, j): for each bin what its middle becomes, 0..255. */
static void
tile_curve (const Canvas *c, int i, int j, double curve[256])
{
    const int n = c->look->tiles;
    const int x0 = i * c->width / n, x1 = MAX ((i + 1) * c->width / n, x0 + 1);
    const int y0 = j * c->height / n, y1 = MAX ((j + 1) * c->height / n, y0 + 1);
    const double area = (double) (MIN (x1, c->width) - x0) * (MIN (y1, c->height) - y0);
    double bins[257] = { 0 }, over = 0, sum = 0;

    for (int y = y0; y < MIN (y1, c->height); y++)
        for (int x = x0; x < MIN (x1, c->width); x++) {
            const double v = luma (c, x, y);
            const int b = (int) v;
            bins[b] += (1 - (v - b)) / area;
            bins[b + 1] += (v - b) / area;
        }
    for (int b = 0; b < 256 && c->look->clip > 0; b++) {
        over += MAX (bins[b] - c->look->clip / 256, 0);
        bins[b] = MIN (bins[b], c->look->clip / 256);
    }
    for (int b = 0; b < 256; b++) {
        const double share = bins[b] + over / 256;
        curve[b] = 255 * (sum + share / 2);
        sum += share;
    }
}

static double
follow (const double curve[256], double v)
{
    const int b = MIN ((int) v, 254);

    return curve[b] + (v - b) * (curve[b + 1] - curve[b]);
}

/* Between the curves of the four tiles whose middles are nearest. */
static double
equalised (const Canvas *c, double (*curves)[256], int x, int y)
{
    const int n = c->look->tiles;
    const double v = luma (c, x, y);
    const double tx = CLAMP ((x + 0.5) * n / c->width - 0.5, 0, n - 1);
    const double ty = CLAMP ((y + 0.5) * n / c->height - 0.5, 0, n - 1);
    const int i = (int) tx, j = (int) ty, i1 = MIN (i + 1, n - 1), j1 = MIN (j + 1, n - 1);
    const double top =
        (1 - (tx - i)) * follow (curves[j * n + i], v) + (tx - i) * follow (curves[j * n + i1], v);
    const double bottom = (1 - (tx - i)) * follow (curves[j1 * n + i], v) +
                          (tx - i) * follow (curves[j1 * n + i1], v);

    return (1 - (ty - j)) * top + (ty - j) * bottom;
}

static void
equalise (const Canvas *c)
{
    const int n = c->look->tiles;
    const gsize plane = (gsize) c->width * c->height;
    double (*curves)[256] = g_malloc ((gsize) n * n * sizeof *curves);

    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            tile_curve (c, i, j, curves[j * n + i]);
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            const double add = equalised (c, curves, x, y) - luma (c, x, y);
            for (int k = 0; k < 3; k++)
                c->v[k * plane + (gsize) y * c->width + x] += add;
        }
    g_free (curves);
}

/* The pixel's own: colours, light, noise. */
static void
change_pixel (const Canvas *c, int x, int y, double out[3])
{
    const FovAugmentLook *l = c->look;
    const gsize plane = (gsize) c->width * c->height, at = (gsize) y * c->width + x;
    const double light = l->light[0] + l->light[1] * ((x + 0.5) / c->width - 0.5) +
                         l->light[2] * ((y + 0.5) / c->height - 0.5);
    guint32 words[4];

    for (int k = 0; k < 3; k++) {
        double v = l->matrix[k][3];
        for (int i = 0; i < 3; i++)
            v += l->matrix[k][i] * c->v[i * plane + at];
        v = CLAMP (v, 0, 255);
        if (l->gamma != 1)
            v = 255 * pow (v / 255, l->gamma);
        v *= light;
        if (l->noise > 0) {
            fov_augment_words (l, x, y, k, words);
            v += l->noise * fov_augment_normal (words);
        }
        out[k] = CLAMP (v, 0, 255);
    }
    if (l->salt > 0) {
        fov_augment_words (l, x, y, 3, words);
        if (words[0] * 0x1p-32 < l->salt)
            out[0] = out[1] = out[2] = words[1] & 1 ? 255 : 0;
    }
}

static void
color_picture (const FovAugmentColorParams *p, const Canvas *c, FovView *out, gint64 first)
{
    const gint64 plane = (gint64) c->width * c->height;
    double v[3];

    if (c->look->blur > 0) {
        blur_lines (c, c->look->blur, c->width, 1, c->height, c->width);
        blur_lines (c, c->look->blur, c->height, c->width, c->width, 1);
    }
    if (c->look->tiles > 0)
        equalise (c);
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            change_pixel (c, x, y, v);
            for (int k = 0; k < 3; k++)
                fov_view_set (out, first + k * plane + (gint64) y * c->width + x,
                              (v[p->bgr ? 2 - k : k] - p->mean.v[k]) * p->scale.v[k]);
        }
}

static gboolean
color_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const gint64 n = out->shape.dim[0], elements = fov_shape_elements (&out->shape) / MAX (n, 1);
    g_autofree double *values = fov_view_to_double (&in[0]);

    for (gint64 i = 0; i < n; i++) {
        const FovAugmentLook look = fov_augment_look_get (in[1].data, i);
        const Canvas canvas = { &look, (int) out->shape.dim[3], (int) out->shape.dim[2],
                                values + i * elements };
        color_picture (node->params, &canvas, out, i * elements);
    }
    return TRUE;
}

/* Looks that change all there is, half of them in tiles; two are blurred, which takes the reference
 * long. */
static void
color_example (const FovNode *node, guint index, FovView *input)
{
    FovRandom random = fov_random (1, 0, 0);

    for (gint64 i = 0; index == 0 && i < fov_shape_elements (&input->shape); i++)
        fov_view_set (input, i, fov_random_range (&random, 0, 255));
    for (gint64 n = 0; index == 1 && n < input->shape.dim[0]; n++) {
        FovAugmentLook *look = (FovAugmentLook *) input->data + n;
        *look = fov_augment_look_plain ();
        look->matrix[0][1] = 0.2f;
        look->gamma = 0.8f;
        look->light[1] = 0.2f;
        look->blur = n < 2 ? 0.7f : 0;
        look->tiles = n % 2 ? 1 : FOV_AUGMENT_TILES;
        look->clip = n % 2 ? 0 : 3;
        look->noise = 8;
        look->salt = 0.01f;
    }
}

static double
color_flops (const FovNode *node)
{
    return 20.0 * fov_tensor_elements (node->outputs[0]);
}

static const FovOpDef augment_color = {
    .name = "fov.AugmentColor",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_NO_FOLD,
    .params = color_params,
    .params_size = sizeof (FovAugmentColorParams),
    .infer = color_infer,
    .reference = color_reference,
    .flops = color_flops,
    .example = color_example,
    .host = &fov_host_augment_color,
    .gpu = &fov_gpu_augment_color,
};

const FovOpDef *const fov_ops_augment[] = { &augment_shape, &augment_color, NULL };
