/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/frame.h"

#include "ops/ops.h"
#include "vision/random.h"

#include <math.h>
#include <string.h>

/* ---- the frame record ------------------------------------------------- */

static void
set_layout (FovFrameInfo *frame, FovPixelFormat format)
{
    switch (format) {
    case FOV_PIXEL_NV12:
        frame->kind = FOV_FRAME_SEMIPLANAR;
        frame->pixel_bytes = 1;
        break;
    case FOV_PIXEL_I420:
        frame->kind = FOV_FRAME_PLANAR;
        frame->pixel_bytes = 1;
        break;
    case FOV_PIXEL_GRAY:
        frame->kind = FOV_FRAME_LUMA;
        frame->pixel_bytes = 1;
        break;
    case FOV_PIXEL_RGB:
    case FOV_PIXEL_BGR:
        frame->kind = FOV_FRAME_PACKED;
        frame->pixel_bytes = 3;
        break;
    default:
        frame->kind = FOV_FRAME_PACKED;
        frame->pixel_bytes = 4;
        break;
    }
}

/* ITU-R BT.601 / BT.709: R = Y + 2 (1 - kr) V and so on, on codes of either range. */
static void
set_yuv_matrix (FovFrameInfo *frame, const FovImage *image)
{
    gboolean hd = image->matrix == FOV_MATRIX_BT709, full = image->range == FOV_RANGE_FULL;
    double kr = hd ? 0.2126 : 0.299, kb = hd ? 0.0722 : 0.114, kg = 1 - kr - kb;
    double y_gain = full ? 1.0 : 255.0 / 219, c_gain = full ? 1.0 : 255.0 / 224;
    double y0 = full ? 0 : 16;
    double rv = 2 * (1 - kr) * c_gain, bu = 2 * (1 - kb) * c_gain;
    double rows[3][3] = { { y_gain, 0, rv },
                          { y_gain, -kb * bu / kg, -kr * rv / kg },
                          { y_gain, bu, 0 } };

    for (int c = 0; c < 3; c++) {
        if (frame->kind == FOV_FRAME_LUMA)
            rows[c][1] = rows[c][2] = 0;
        for (int k = 0; k < 3; k++)
            frame->matrix[c][k] = (float) rows[c][k];
        frame->matrix[c][3] = (float) (-y_gain * y0 - 128 * (rows[c][1] + rows[c][2]));
    }
}

static void
set_matrix (FovFrameInfo *frame, const FovImage *image)
{
    gboolean bgr = image->format == FOV_PIXEL_BGR || image->format == FOV_PIXEL_BGRX;

    memset (frame->matrix, 0, sizeof frame->matrix);
    if (frame->kind != FOV_FRAME_PACKED) {
        set_yuv_matrix (frame, image);
        return;
    }
    for (int c = 0; c < 3; c++)
        frame->matrix[c][bgr ? 2 - c : c] = 1;
}

/* Pixels that a span touches; at least one, inside 0..size - 1. */
static void
set_span (float from, float to, int size, gint32 *first, gint32 *last)
{
    double low = CLAMP (floor ((double) from), 0, size - 1);
    double high = CLAMP (ceil ((double) to) - 1, low, size - 1);

    *first = (gint32) low;
    *last = (gint32) high;
}

void
fov_frame_set_picture (FovFrameInfo *frame, const FovImage *image, FovBox region,
                       const FovLetterbox *map)
{
    set_layout (frame, image->format);
    set_matrix (frame, image);
    for (int p = 0; p < 3; p++)
        frame->stride[p] = image->stride[p];
    set_span (region.x1, region.x2, image->width, &frame->x_min, &frame->x_max);
    set_span (region.y1, region.y2, image->height, &frame->y_min, &frame->y_max);
    frame->inner_x = map->inner_x;
    frame->inner_y = map->inner_y;
    frame->inner_w = map->inner_w;
    frame->inner_h = map->inner_h;
    frame->step_x = (float) (1.0 / map->scale_x);
    frame->step_y = (float) (1.0 / map->scale_y);
    frame->start_x = (float) (region.x1 + 0.5 / map->scale_x - 0.5);
    frame->start_y = (float) (region.y1 + 0.5 / map->scale_y - 0.5);
}

FovFrameInfo
fov_frame_get (const void *frames, gint64 n)
{
    FovFrameInfo frame;

    memcpy (&frame, (const guint8 *) frames + n * (gint64) sizeof frame, sizeof frame);
    return frame;
}

/* ---- fov.Preprocess --------------------------------------------------- */

static const FovParam preprocess_params[] = {
    { "width", FOV_PARAM_INT, offsetof (FovPreprocessParams, width), 0, NULL },
    { "height", FOV_PARAM_INT, offsetof (FovPreprocessParams, height), 0, NULL },
    { "bgr", FOV_PARAM_INT, offsetof (FovPreprocessParams, bgr), 0, NULL },
    { "mean", FOV_PARAM_FLOATS, offsetof (FovPreprocessParams, mean), 0, NULL },
    { "scale", FOV_PARAM_FLOATS, offsetof (FovPreprocessParams, scale), 0, NULL },
    { "pad", FOV_PARAM_FLOAT, offsetof (FovPreprocessParams, pad), 0, NULL },
    { NULL, 0, 0, 0, NULL },
};

static void
fill_list (FovFloats *list, float value)
{
    for (; list->n < 3; list->n++)
        list->v[list->n] = value;
}

static gboolean
preprocess_infer (FovNode *node, GError **error)
{
    FovPreprocessParams *params = node->params;
    const FovTensor *pictures = node->inputs[0], *frames = node->inputs[1];

    if (pictures->dtype != FOV_U8 || pictures->shape.rank != 2)
        return fov_node_error (node, error, "input 0 must be uint8 of rank 2");
    if (frames->dtype != FOV_I32 || frames->shape.rank != 2 ||
        frames->shape.dim[0] != pictures->shape.dim[0] || frames->shape.dim[1] != FOV_FRAME_WORDS)
        return fov_node_error (node, error,
                               "input 1 must be int32 with %d words for each of %" G_GINT64_FORMAT
                               " pictures",
                               FOV_FRAME_WORDS, pictures->shape.dim[0]);
    if (params->width < 1 || params->width > 32768 || params->height < 1 || params->height > 32768)
        return fov_node_error (node, error,
                               "output size %" G_GINT64_FORMAT "x%" G_GINT64_FORMAT
                               ", expected 1..32768",
                               params->width, params->height);
    fill_list (&params->mean, 0);
    fill_list (&params->scale, 1);
    node->outputs[0]->dtype = FOV_F32;
    node->outputs[0]->shape =
        (FovShape){ 4, { pictures->shape.dim[0], 3, params->height, params->width } };
    return TRUE;
}

/* Bilinear sample of component c of a plane with step bytes from pixel to pixel. */
static double
sample (const guint8 *plane, int stride, int step, int c, double x, double y, const int limit[4])
{
    double cx = CLAMP (x, limit[0], limit[1]), cy = CLAMP (y, limit[2], limit[3]);
    int x0 = (int) floor (cx), y0 = (int) floor (cy);
    int x1 = MIN (x0 + 1, limit[1]), y1 = MIN (y0 + 1, limit[3]);
    double fx = cx - x0, fy = cy - y0;
    const guint8 *top = plane + (gint64) y0 * stride + c;
    const guint8 *bottom = plane + (gint64) y1 * stride + c;

    return (1 - fy) * ((1 - fx) * top[x0 * step] + fx * top[x1 * step]) +
           fy * ((1 - fx) * bottom[x0 * step] + fx * bottom[x1 * step]);
}

/* The three samples of inner pixel (i, j): Y, U, V or the bytes of a packed pixel. */
static void
samples_at (const FovFrameInfo *f, const guint8 *base, int i, int j, double s[3])
{
    const int limit[4] = { f->x_min, f->x_max, f->y_min, f->y_max };
    const int half[4] = { f->x_min / 2, f->x_max / 2, f->y_min / 2, f->y_max / 2 };
    double x = f->start_x + (double) f->step_x * i, y = f->start_y + (double) f->step_y * j;
    double cx = x / 2 - 0.25, cy = y / 2 - 0.25;

    s[1] = s[2] = 0;
    for (int c = 0; c < (f->kind == FOV_FRAME_PACKED ? 3 : 1); c++)
        s[c] = sample (base + f->offset[0], f->stride[0], f->pixel_bytes, c, x, y, limit);
    for (int c = 1; c < 3 && f->kind == FOV_FRAME_SEMIPLANAR; c++)
        s[c] = sample (base + f->offset[1], f->stride[1], 2, c - 1, cx, cy, half);
    for (int c = 1; c < 3 && f->kind == FOV_FRAME_PLANAR; c++)
        s[c] = sample (base + f->offset[c], f->stride[c], 1, 0, cx, cy, half);
}

static double
rgb_at (const FovFrameInfo *f, const guint8 *base, int i, int j, int c)
{
    double s[3], v;

    samples_at (f, base, i, j, s);
    v = f->matrix[c][0] * s[0] + f->matrix[c][1] * s[1] + f->matrix[c][2] * s[2] + f->matrix[c][3];
    return CLAMP (v, 0, 255);
}

static gboolean
preprocess_reference (const FovNode *node, const FovView *in, FovView *out, GError **error)
{
    const FovPreprocessParams *p = node->params;
    gint64 index = 0;

    for (gint64 n = 0; n < out->shape.dim[0]; n++) {
        FovFrameInfo f = fov_frame_get (in[1].data, n);
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < p->height; y++)
                for (int x = 0; x < p->width; x++, index++) {
                    int i = x - f.inner_x, j = y - f.inner_y;
                    gboolean inside = i >= 0 && i < f.inner_w && j >= 0 && j < f.inner_h;
                    double v = inside ? rgb_at (&f, in[0].data, i, j, p->bgr ? 2 - c : c) : p->pad;
                    fov_view_set (out, index, (v - p->mean.v[c]) * p->scale.v[c]);
                }
    }
    return TRUE;
}

static double
preprocess_flops (const FovNode *node)
{
    return 30.0 * fov_tensor_elements (node->outputs[0]) / 3;
}

/* For the self-check: NV12, which takes most arithmetic, and as a packed picture of every other
 * frame; what may be sampled ends before the picture does. */
static void
preprocess_example (const FovNode *node, guint index, FovView *input)
{
    const FovPreprocessParams *p = node->params;
    const gint64 bytes = fov_tensor_elements (node->inputs[0]);
    const int side = bytes >= 2048 ? 32 : 2, stride = MAX (side, 4);
    const FovBox region = { 0.1f * (float) side, 0.05f * (float) side, 0.9f * (float) side,
                            0.45f * (float) side };
    const FovLetterbox map =
        fov_letterbox (region, (int) p->width, (int) p->height, FOV_FIT_LETTERBOX_CENTER);
    FovRandom random = fov_random (1, 0, 0);

    for (gint64 i = 0; index == 0 && i < MIN (bytes, 2048); i++)
        ((guint8 *) input->data)[i] = (guint8) fov_random_below (&random, 256);
    for (gint64 n = 0; index == 1 && n < input->shape.dim[0]; n++) {
        const gboolean packed = n % 2;
        const FovImage image = { .format = packed ? FOV_PIXEL_BGRX : FOV_PIXEL_NV12,
                                 .width = side,
                                 .height = packed ? side / 2 : side,
                                 .stride = { packed ? 4 * side : stride, stride } };
        FovFrameInfo frame = { .offset = { 0, (gint64) stride * side } };
        fov_frame_set_picture (&frame, &image, region, &map);
        memcpy ((FovFrameInfo *) input->data + n, &frame, sizeof frame);
    }
}

static const FovOpDef preprocess = {
    .name = "fov.Preprocess",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .flags = FOV_OP_NO_FOLD | FOV_OP_READS_INPUT,
    .params = preprocess_params,
    .params_size = sizeof (FovPreprocessParams),
    .infer = preprocess_infer,
    .reference = preprocess_reference,
    .flops = preprocess_flops,
    .example = preprocess_example,
    .host = &fov_preprocess_host,
    .gpu = &fov_preprocess_gpu,
};

const FovOpDef *const fov_ops_frame[] = { &preprocess, NULL };
