/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_HOST_CONV_H
#define FOV_OPS_HOST_CONV_H

/* What Conv and ConvTranspose share on the host. */
#include "ops/host-op.h"

/** Weights as the packer asks for them. */
typedef struct _FovConvWeights FovConvWeights;
struct _FovConvWeights {
    const float *w; /* set before packing where they change from run to run */
    int in_channels, out_channels, group, taps;
    /** Weight of output channel o for input channel c (of the same group) at a tap. */
    float (*at) (const FovConvWeights *cw, int o, int c, int tap);
    int out_step, in_step; /* with one group: from one output / input channel to the next */
    const int *tap_index;  /* ConvTranspose: the kernel's tap */
    int kernel_taps;
};

/** Reading a planar picture of few channels: rows are gathered, with their padding. */
typedef struct _FovHostGather FovHostGather;
FovHostGather *fov_host_gather_new (const FovNode *node, int block);
void fov_host_gather_free (FovHostGather *g);
/** Sets the strides that a kernel reads gathered rows with. */
void fov_host_gather_strides (const FovHostGather *g, const FovConvParams *p, FovConvArgs *args);
/** Output rows that one gathering serves, at most. */
int fov_host_gather_rows (const FovHostGather *g);
/**
 * Gathers what output rows [row0, row1) of an image (its first plane at x) see;
 * returns where tap (0, 0) of output (row0, 0) lies. Give it back afterwards.
 */
const float *fov_host_gather_take (FovHostGather *g, const float *x, int row0, int row1,
                                   guint *slot);
void fov_host_gather_give (FovHostGather *g, guint slot);
/** Channels that a gathering holds at most. */
#define FOV_GATHER_CHANNELS 4

typedef struct {
    FovConvArgs args; /* but for x, y and r */
    FovConvPart *parts;
    int n_parts; /* depthwise: blocks */
    gboolean depthwise, residual;
    float *weights, *bias;
    FovConvWeights cw;
    gsize weight_bytes;
    gsize x_base, x_image, y_base, y_image, r_base, r_image; /* floats */
    int rows;
    guint row_cuts, part_cuts;
    FovHostGather *gather; /* the input is planar; NULL: blocked */
} FovHostConv;

/** Makes room for weights (s->cw) and bias, cut into parts. */
void fov_host_conv_layout (FovHostConv *s, int block);
/** Fills one part's weights from w (as s->cw says) and bias (out_channels, or NULL). */
void fov_host_conv_pack_part (const FovHostConv *s, const float *w, const float *bias, int block,
                              int part);
/** All parts. */
void fov_host_conv_pack (const FovHostConv *s, const float *w, const float *bias, int block);
/** Chooses row_cuts and part_cuts; flops of one image, row_bytes of input per output row. */
void fov_host_conv_cut (FovHostConv *s, double flops, gsize row_bytes);
void fov_host_conv_free (gpointer data);
gboolean fov_host_conv_fits (const FovNode *node);
/** Whether weights and bias can be packed once and for all. */
gboolean fov_host_conv_is_constant (const FovNode *node);

#endif
