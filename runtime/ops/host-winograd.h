/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_HOST_WINOGRAD_H
#define FOV_OPS_HOST_WINOGRAD_H

/*
 * 3x3 convolutions of stride 1, and their gradients, by Winograd's F(4x4, 3x3) (Lavin and Gray
 * 2016): 36 products for 16 outputs instead of 144. Tiles of the pictures are brought into 36
 * planes, [36][channel block][tile][b], where the convolution is 36 of 1x1, for the same kernels.
 * A task takes some tiles at a time, so that its planes stay in the cache.
 */
#include "ops/host-op.h"

#define FOV_WINOGRAD_PLANES 36

/** The tiles of a batch: 4x4 pixels of the convolution's output each. */
typedef struct {
    int images, down, across;
    int most; /* tiles that are transformed together, at most */
    int block;
} FovWinogradTiles;

/** A blocked picture as tiles see it: tile (y, x) begins 4 y rows and 4 x pixels behind base. */
typedef struct {
    gsize base, image, block, row; /* floats */
    int rows, columns;             /* pixels from base on that are there */
} FovWinogradPicture;

/** A kernel's winograd_input or winograd_output_grad. */
typedef void (*FovWinogradTransform) (const float *x, gsize x_row, int rows, int columns, float *v,
                                      gsize step);

/**
 * Whether a convolution of that many channels, and an output of those sizes, is worth it: constant
 * weights, which are transformed once, or others. The tiles are set in any case.
 */
gboolean fov_host_winograd_pays (int channels, const FovShape *output, int block, gboolean constant,
                                 FovWinogradTiles *tiles);
/** Tiles in all. */
gsize fov_host_winograd_count (const FovWinogradTiles *tiles);
/** Floats from one plane to the next, of so many channel blocks. */
gsize fov_host_winograd_step (const FovWinogradTiles *tiles, int blocks);
/** Brings tiles [first, first + n) of blocks [block0, block1) of a picture into v's planes, step
 * apart. */
void fov_host_winograd_take (const FovWinogradTiles *tiles, const FovWinogradPicture *picture,
                             const float *data, int block0, int block1, gsize first, int n,
                             FovWinogradTransform transform, float *v, gsize step);

/** A Conv or ConvTranspose: whether it goes that way, and then how. */
gboolean fov_host_winograd_fits (const FovHostStep *step);
void fov_host_winograd_prepare (FovHostStep *step);

#endif
