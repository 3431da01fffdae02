/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_HOST_CONV_H
#define FOV_OPS_HOST_CONV_H

/* What Conv and ConvTranspose share on the host. */
#include "ops/host-op.h"

/** Weights as the packer asks for them. */
typedef struct _FovConvWeights FovConvWeights;
struct _FovConvWeights {
    const float *w;
    int in_channels, out_channels, group, taps;
    /** Weight of output channel o for input channel c (of the same group) at a tap. */
    float (*at) (const FovConvWeights *cw, int o, int c, int tap);
    const int *tap_index; /* ConvTranspose: the kernel's tap */
    int kernel_taps;
};

typedef struct {
    FovConvArgs args; /* but for x, y and r */
    FovConvPart *parts;
    int n_parts; /* depthwise: blocks */
    gboolean depthwise, residual;
    float *weights, *bias;
    gsize weight_bytes;
    gsize x_base, x_image, y_base, y_image, r_base, r_image; /* floats */
    int rows;
    guint row_cuts, part_cuts;
} FovHostConv;

/** Fills parts, weights and bias (bias: out_channels, or NULL). */
void fov_host_conv_pack (FovHostConv *s, const FovConvWeights *cw, const float *bias, int block);
/** Chooses row_cuts and part_cuts; flops of one image, row_bytes of input per output row. */
void fov_host_conv_cut (FovHostConv *s, double flops, gsize row_bytes);
void fov_host_conv_free (gpointer data);
gboolean fov_host_conv_fits (const FovNode *node);

#endif
