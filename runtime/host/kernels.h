/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_HOST_KERNELS_H
#define FOV_HOST_KERNELS_H

/*
 * The table of kernels, one instance per instruction set. All lengths and
 * strides are in floats, all pointers may be unaligned, "v" is the block (the
 * number of floats in a vector). Kernels allocate nothing and may run on any
 * number of threads at once on disjoint outputs.
 */
#include "host/act.h"
#include "host/host.h"

#include <math.h>

/** Output blocks that are computed together: one or two, from a range of input channels. */
typedef struct {
    const float *w;    /* [ic / v][tap][ic % v][blocks * v], real channels only */
    const float *bias; /* blocks * v */
    int out_block, blocks;
    int in_block, channels; /* the first input block, channels from there on */
} FovConvPart;

typedef struct {
    const float *x; /* tap (0, 0) of output pixel (0, 0) in channel block 0 */
    float *y;
    const float *r;                /* residual, or NULL */
    gsize x_block, x_row, x_pixel; /* x_row, x_pixel: from one output row / pixel to the next */
    gsize y_block, y_row, r_block, r_row;
    gsize tap_row, tap_pixel; /* from one tap to the next */
    int kh, kw, width;
    FovAct act;
    gboolean residual_last;
    gboolean simple;      /* set by fov_conv_simplify */
    int tail_block, tail; /* this output block has only tail channels; 0: none is so */
    const FovConvPart *parts;
    const float *w, *bias; /* depthwise: [block][tap][v], [block][v] */
} FovConvArgs;

/** Relu becomes Clip; simple: the epilogue is inlined and unused channels stay 0 by themselves. */
static inline void
fov_conv_simplify (FovConvArgs *a)
{
    if (a->act.kind == FOV_ACT_RELU)
        a->act = (FovAct){ FOV_ACT_CLIP, 0.0f, INFINITY };
    a->simple = a->act.kind == FOV_ACT_NONE || a->act.kind == FOV_ACT_LEAKY_RELU ||
                (a->act.kind == FOV_ACT_CLIP && a->act.a <= 0.0f && a->act.b >= 0.0f);
}

/** The gradient of weights between a block of input channels and one or two of the output's. */
typedef struct {
    const float *x;       /* what tap (0, 0) sees at dy's pixel (0, 0), in the input block */
    const float *dy;      /* pixel (0, 0) of the first output block */
    gsize x_row, x_pixel; /* from one row / pixel of dy to the next */
    gsize dy_block, dy_row, tap_row, tap_pixel;
    int kh, kw, rows, width;
    int blocks, lanes; /* of the output; input channels of the block that are there */
    float *acc;        /* [tap][v][acc_step], blocks * v of them used: added to */
    gsize acc_step;
} FovConvGradArgs;

typedef enum {
    FOV_HOST_ADD,
    FOV_HOST_SUB,
    FOV_HOST_MUL,
    FOV_HOST_DIV,
    FOV_HOST_MIN,
    FOV_HOST_MAX,
    FOV_HOST_POW,
    FOV_HOST_PRELU, /* a < 0 ? a b : a */
    FOV_HOST_N_BINARY
} FovHostBinary;

/** How an operand of a binary function is stepped through. */
typedef enum { FOV_STEP_SCALAR, FOV_STEP_EACH, FOV_STEP_VECTOR } FovHostStepKind;

/** A pooling row of one channel block. */
typedef struct {
    const float *x; /* pixel (0, 0) of the block */
    gsize x_row;
    int h, w, out_w;
    int kh, kw, sy, sx, dy, dx, top, left, bottom, right;
    gboolean max, include_pad;
} FovPoolArgs;

/** Where one block's lanes come from: y = (perm lane of x) where lane is -1: untouched. */
typedef struct {
    int input, block;
    int lane[16];
} FovLaneSource;

typedef struct _FovHostKernels {
    FovIsa isa;
    int block;
    int gemm_columns; /* strip of columns that gemm's packed B comes in */
    /** Convolution of parts [part0, part1) and output rows [row0, row1). */
    void (*conv) (const FovConvArgs *args, int part0, int part1, int row0, int row1);
    /** Depthwise: block by block. */
    void (*depthwise) (const FovConvArgs *args, int block0, int block1, int row0, int row1);
    void (*conv_grad) (const FovConvGradArgs *args);
    /** Depthwise: acc is [tap][v]. */
    void (*depthwise_grad) (const FovConvGradArgs *args);
    /*
     * Winograd's transforms, of v channels: what lies there of a tile (rows x columns of it, the
     * rest counts as 0) to 36 vectors, step floats apart, or back.
     */
    void (*winograd_input) (const float *x, gsize x_row, int rows, int columns, float *v,
                            gsize step); /* 6x6 pixels */
    /** 4x4 pixels of a block from (row, px) on, as to says, which is simplified. */
    void (*winograd_output) (const float *m, gsize step, const float *bias, const FovConvArgs *to,
                             int block, int row, int px, int rows, int columns);
    void (*winograd_output_grad) (const float *dy, gsize dy_row, int rows, int columns, float *m,
                                  gsize step); /* of 4x4 pixels */
    /** Of 3x3 kernels, their vectors w_step floats apart. */
    void (*winograd_weights) (const float *w, gssize w_step, float *u, gsize step);
    /** Adds to w. */
    void (*winograd_weights_grad) (const float *u, gsize step, float *w, gsize w_step);
    /** y[i] = dy[i] act'(x[i]), in place where y is dy or x; FALSE: not of this function. */
    gboolean (*act_grad) (const FovAct *act, const float *x, const float *dy, float *y, gsize n);
    /** Of v channels over rows x width pixels: mean and the sum of squares around it. */
    void (*moments) (const float *x, gsize x_row, int rows, int width, float *mean, float *squares);
    /** Of v channels: the sums of dy and of dy (x - mean). */
    void (*norm_sums) (const float *x, gsize x_row, const float *dy, gsize dy_row, int rows,
                       int width, const float *mean, float *sum, float *dot);
    /** dx = a dy + b x + c over width pixels of v channels. */
    void (*norm_grad) (const float *x, const float *dy, const float *a, const float *b,
                       const float *c, float *dx, int width);
    /** y[i] = act(x[i]); in place where y is x. */
    void (*act) (const FovAct *act, const float *x, float *y, gsize n);
    void (*binary) (FovHostBinary op, const float *a, FovHostStepKind a_step, const float *b,
                    FovHostStepKind b_step, float *y, gsize n);
    /** y = x s + t over n floats; s and t are scalars or vectors as step says. */
    void (*affine) (const float *x, const float *s, const float *t, FovHostStepKind step, float *y,
                    gsize n);
    /** One output row, out_w vectors. */
    void (*pool) (const FovPoolArgs *args, int row, float *y);
    /** Adds dy of an output row of max pooling to where it came from, dx laid out as x with rows
     * dx_row apart. */
    void (*max_pool_grad) (const FovPoolArgs *args, int row, const float *dy, float *dx,
                           gsize dx_row);
    /** A row of vectors out of two source rows, by the indices and weights of linear resizing. */
    void (*resize_row) (const float *row0, const float *row1, float ty, const int *x0,
                        const int *x1, const float *tx, float *y, int n);
    /** The same for nearest: y[i] = x[index[i]], vectors. */
    void (*pick_row) (const float *x, const int *index, float *y, int n);
    /** n pixels of up to v planes (plane floats apart) into vectors; missing channels become 0. */
    void (*interleave) (const float *x, gsize plane, int channels, float *y, gsize n);
    void (*deinterleave) (const float *x, float *y, gsize plane, int channels, gsize n);
    /** n pixels of up to 4 planes, to pixel floats apart; what lies between becomes anything. */
    void (*quads) (const float *x, gsize plane, int channels, float *y, gsize pixel, gsize n);
    /** n vectors out of lanes of n_sources rows; lanes nobody names are 0. */
    void (*lanes) (const FovLaneSource *sources, const float *const *rows, int n_sources, float *y,
                   gsize n);
    /**
     * C[rows, n] = A[rows, k] B[k, n] + bias (NULL: none), then act. B is row-major with ldb, or,
     * where ldb is 0, packed as [ceil(n / gemm_columns)][k][gemm_columns]. Columns [col0, col1),
     * col0 a multiple of gemm_columns.
     */
    void (*gemm) (const float *a, gsize lda_row, gsize lda_k, const float *b, gsize ldb,
                  const float *bias, const FovAct *act, float *c, gsize ldc, int rows, int k,
                  int col0, int col1);
    /** Softmax of m values step floats apart, for n neighbouring columns; log: LogSoftmax. */
    void (*softmax) (const float *x, float *y, gsize m, gsize step, gsize n, gboolean log);
    /** Reduces m values step floats apart for n neighbouring columns: kind 0 sum, 1 max, 2 min. */
    void (*reduce) (const float *x, float *y, gsize m, gsize step, gsize n, int kind, float scale);
} FovHostKernels;

extern const FovHostKernels fov_host_kernels_baseline;
extern const FovHostKernels fov_host_kernels_avx2;
extern const FovHostKernels fov_host_kernels_avx512;

/** The table of fov_host_isa (). */
const FovHostKernels *fov_host_kernels (void);

#endif
