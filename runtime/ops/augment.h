/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_AUGMENT_H
#define FOV_OPS_AUGMENT_H

/*
 * Pictures as a network in training sees them, in two ops. All that is drawn by
 * chance is drawn before, on the CPU, into small tensors; the ops do the pixels.
 *
 * fov.AugmentShape: inputs pictures U8 [N, capacity] and layers I32
 * [N, FOV_AUGMENT_LAYERS, FOV_AUGMENT_LAYER_WORDS] (each row a FovAugmentLayer);
 * output F32 [N, channels, H, W] of values 0..255: pad, then the layers in turn.
 * Pixel (i, j) of the output looks at
 *     w = h[6] x + h[7] y + h[8],  u = (h[0] x + h[1] y + h[2]) / w,
 *     v = (h[3] x + h[4] y + h[5]) / w,  x = i + 0.5, y = j + 0.5
 * of its layer's picture; where w > 0 and (u, v) lies in the layer's region, the
 * bilinear sample there (half-pixel centres, clamped at the region's edge) covers
 * what was before by alpha. nearest: the nearest pixel, for maps of labels. A
 * layer with bytes 0 is one colour. The pictures' bytes need not lie inside the
 * first input's tensor: on the host they are at signed offsets from the input's
 * address; on vulkan inside it, with FOV_AUGMENT_SLACK bytes behind the last.
 *
 * fov.AugmentColor: inputs F32 [N, 3, H, W] (RGB, 0..255) and looks I32
 * [N, FOV_AUGMENT_LOOK_WORDS] (each row a FovAugmentLook); output of the same
 * shape: Gaussian blur (edges repeated); histogram equalisation of luma, of the
 * whole picture or of tiles with a clip limit (CLAHE, Zuiderveld 1994), spread
 * over neighbouring bins and between tiles; colours by a matrix, clamped to
 * 0..255; gamma; light; noise; salt and pepper; then (v - mean) * scale, channel
 * c blue first where bgr.
 */
#include "graph/op.h"

#define FOV_AUGMENT_LAYERS 8
#define FOV_AUGMENT_SLACK 16

typedef struct {
    gint64 offset;                     /* of the picture, bytes from the picture input's address */
    gint32 stride;                     /* bytes from row to row */
    gint32 bytes;                      /* of a pixel: 1 grey, 3 or 4 RGB(x), 0: fill alone */
    gint32 x_min, x_max, y_min, y_max; /* pixels that may be sampled, inclusive */
    float region[4];                   /* x1, y1, x2, y2: what of the picture shows */
    float h[9];                        /* homography from the output to the picture */
    float alpha;                       /* 0: no layer */
    float fill[3];
    gint32 reserved[3]; /* so that shaders read four words at once */
} FovAugmentLayer;

#define FOV_AUGMENT_LAYER_WORDS 28
G_STATIC_ASSERT (sizeof (FovAugmentLayer) == FOV_AUGMENT_LAYER_WORDS * 4);

typedef struct {
    float matrix[3][4]; /* r, g, b from r, g, b and 1 */
    float gamma;        /* 255 (v / 255)^gamma */
    float light[3];     /* factor light[0] + light[1] x + light[2] y, x and y -0.5..0.5 */
    float blur;         /* standard deviation, pixels; at most FOV_AUGMENT_MAX_BLUR */
    gint32 tiles;       /* a side: 0 no equalisation, 1 of the whole, at most FOV_AUGMENT_TILES */
    float clip;         /* most of a bin, in multiples of its mean share; 0: no limit */
    float noise;        /* standard deviation */
    float salt;         /* share of pixels that turn black or white */
    guint32 key[2];     /* of noise and salt */
    gint32 reserved;
} FovAugmentLook;

#define FOV_AUGMENT_LOOK_WORDS 24
#define FOV_AUGMENT_TILES 8
#define FOV_AUGMENT_MAX_BLUR 5
G_STATIC_ASSERT (sizeof (FovAugmentLook) == FOV_AUGMENT_LOOK_WORDS * 4);

typedef struct {
    gint64 width, height, channels; /* of the output */
    gint64 nearest;
    float pad;
} FovAugmentShapeParams;

typedef struct {
    gint64 bgr;
    FovFloats mean, scale;
} FovAugmentColorParams;

/** Changes nothing. */
FovAugmentLook fov_augment_look_plain (void);

/** Row of input 1. */
FovAugmentLayer fov_augment_layer_get (const void *layers, gint64 row);
FovAugmentLook fov_augment_look_get (const void *looks, gint64 row);

/** Noise of channel c (3: salt) of a pixel: four words. */
void fov_augment_words (const FovAugmentLook *look, int x, int y, int c, guint32 words[4]);
/** Sum of 16 random bytes as a value of mean 0 and deviation 1. */
double fov_augment_normal (const guint32 words[4]);

extern const FovHostOp fov_host_augment_shape, fov_host_augment_color;
extern const FovGpuOp fov_gpu_augment_shape, fov_gpu_augment_color;

#endif
