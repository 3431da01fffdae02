/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_GRAPH_PARAMS_H
#define FOV_GRAPH_PARAMS_H

/* Parameters of the ops that more than one file looks into. */
#include "graph/op.h"
#include "host/act.h"

/** The reference value, in double. */
double fov_act_value (const FovAct *act, double x);
/** Its derivative. */
double fov_act_slope (const FovAct *act, double x);

/** Params of every unary op of that table. */
typedef struct {
    FovAct act;
} FovUnaryParams;

typedef enum { FOV_PAD_NOTSET, FOV_PAD_SAME_UPPER, FOV_PAD_SAME_LOWER, FOV_PAD_VALID } FovAutoPad;

/**
 * Conv: inputs X [N,C,H,W], W [M,C/group,kh,kw], B [M] (optional), R (optional:
 * residual of the output's shape, put there by the fuse pass). 2-D only.
 * y = act(conv + B + R), or act(conv + B) + R where residual_last.
 * ConvTranspose: W [C,M/group,kh,kw]; no residual.
 * Inference completes every list (n = 2, pads n = 4: top, left, bottom, right)
 * and resolves auto_pad and output_shape into pads (auto_pad is NOTSET then).
 */
typedef struct {
    FovInts kernel_shape, strides, pads, dilations;
    FovInts output_padding, output_shape; /* ConvTranspose */
    gint64 group;
    int auto_pad; /* FovAutoPad */
    FovAct act;
    gboolean residual_last;
} FovConvParams;

/** fov.ConvGradWeight: X and dy of a Conv -> the gradient of W, kernel_shape as given. */
typedef struct {
    FovInts kernel_shape, strides, pads, dilations;
    gint64 group;
} FovConvGradParams;

/** Dropout: X, ratio (optional). live: the trainer puts fov.Dropout in its place. */
typedef struct {
    gint64 seed;
    gboolean live;
} FovDropoutParams;

/** MaxPool, AveragePool; Global* have none. Lists completed as for Conv. */
typedef struct {
    FovInts kernel_shape, strides, pads, dilations;
    gint64 ceil_mode, count_include_pad, storage_order;
    int auto_pad;
} FovPoolParams;

/** Elementwise functions of two variables with broadcasting; Min, Max, Sum and Mean take any
 * number. */
typedef enum {
    FOV_BINARY_ADD = 0,
    FOV_BINARY_SUB = 1,
    FOV_BINARY_MUL = 2,
    FOV_BINARY_DIV = 3, /* integers: towards 0 */
    FOV_BINARY_POW = 4,
    FOV_BINARY_MIN = 5,
    FOV_BINARY_MAX = 6,
    FOV_BINARY_MOD = 7,   /* fmod: sign of a, as C; else sign of b, integers only */
    FOV_BINARY_PRELU = 8, /* a < 0 ? a b : a; b broadcasts to a */
    FOV_BINARY_EQUAL = 9, /* these give bool */
    FOV_BINARY_GREATER = 10,
    FOV_BINARY_GREATER_EQUAL = 11,
    FOV_BINARY_LESS = 12,
    FOV_BINARY_LESS_EQUAL = 13,
    FOV_BINARY_AND = 14, /* of bool */
    FOV_BINARY_OR = 15,
    FOV_BINARY_XOR = 16,
    FOV_BINARY_SUM = 17, /* of one or more */
    FOV_BINARY_MEAN = 18,
} FovBinaryKind;

typedef struct {
    int kind; /* FovBinaryKind */
    gint64 fmod;
} FovBinaryParams;

/** Concat, Split, Gather, GatherElements, ScatterElements, Softmax ...: the axis, 0..rank-1 after
 * inference, is first in their params. */
typedef struct {
    gint64 axis;
    gint64 num_outputs; /* Split */
    int kind;           /* Softmax family: 0 Softmax, 1 LogSoftmax, 2 Hardmax */
} FovAxisParams;

/** Transpose: output dimension d is input dimension perm[d]; complete after inference. */
typedef struct {
    FovInts perm;
} FovTransposeParams;

/** Slice, after inference: output[i] = input[start + i step], per dimension of the input. */
typedef struct {
    FovInts start, step;
} FovSliceParams;

typedef enum { FOV_PAD_CONSTANT, FOV_PAD_REFLECT, FOV_PAD_EDGE, FOV_PAD_WRAP } FovPadMode;

/** Pad, after inference: elements before and after, per dimension; negative ones crop. */
typedef struct {
    int mode; /* FovPadMode */
    FovInts begin, end;
} FovPadParams;

typedef enum {
    FOV_REDUCE_SUM = 0,
    FOV_REDUCE_MEAN = 1,
    FOV_REDUCE_MAX = 2,
    FOV_REDUCE_MIN = 3,
    FOV_REDUCE_PROD = 4,
    FOV_REDUCE_L1 = 5,
    FOV_REDUCE_L2 = 6,
    FOV_REDUCE_SUM_SQUARE = 7,
    FOV_REDUCE_LOG_SUM = 8,
    FOV_REDUCE_LOG_SUM_EXP = 9,
} FovReduceKind;

/** Reduce*; bit d of mask: dimension d is reduced (after inference). */
typedef struct {
    int kind; /* FovReduceKind */
    gint64 keepdims, noop_with_empty_axes;
    guint mask;
} FovReduceParams;

/** ArgMax, ArgMin; axis is 0..rank-1 after inference. */
typedef struct {
    gint64 axis, keepdims, select_last_index;
    int min; /* ArgMin */
} FovArgParams;

/** Gemm: alpha A' B' + beta C, ' where trans. */
typedef struct {
    float alpha, beta;
    gint64 trans_a, trans_b;
} FovGemmParams;

/** DepthToSpace: mode 0 DCR, 1 CRD; SpaceToDepth has blocksize alone. */
typedef struct {
    gint64 blocksize;
    int mode;
} FovDepthParams;

/** BatchNormalization: X, scale, bias, mean, var. */
typedef struct {
    float epsilon, momentum;
    gint64 training_mode;
} FovBatchNormParams;

/**
 * InstanceNormalization (X, scale [C], B [C]), LayerNormalization (X, scale, B: shape of X from
 * axis on), GroupNormalization (X, scale, bias: [C], or [num_groups] as in opset 18).
 */
typedef struct {
    float epsilon;
    gint64 axis;       /* LayerNormalization; 0..rank-1 after inference */
    gint64 num_groups; /* GroupNormalization */
    gint64 stash_type; /* only 1, float32, is known */
} FovNormParams;

/** LRN: y = x / (bias + alpha / size sum of x^2 over size channels)^beta. */
typedef struct {
    float alpha, beta, bias;
    gint64 size;
} FovLrnParams;

/** LpNormalization: p is 1 or 2; axis is 0..rank-1 after inference. */
typedef struct {
    gint64 axis, p;
} FovLpParams;

/** CumSum. */
typedef struct {
    gint64 exclusive, reverse;
} FovCumSumParams;

/** fov.Reorder: between layouts; the operands' formats say which. fov.ChannelMap: see channel.c. */
typedef struct {
    int to; /* FovLayout */
} FovReorderParams;

typedef enum { FOV_RESIZE_NEAREST, FOV_RESIZE_LINEAR, FOV_RESIZE_CUBIC } FovResizeMode;

/** Resize, after inference: sizes from output / input; scale is the model's where given. */
typedef struct {
    int mode;            /* FovResizeMode */
    int coordinate_mode; /* 0 half_pixel, 1 asymmetric, 2 align_corners, 3 pytorch_half_pixel, 4
                            tf_half_pixel_for_nn */
    int nearest_mode;    /* 0 round_prefer_floor, 1 round_prefer_ceil, 2 floor, 3 ceil */
    float cubic_coeff_a;
    gint64 exclude_outside, antialias;
    float extrapolation_value;
    FovInts axes;
    int aspect;      /* keep_aspect_ratio_policy */
    FovFloats scale; /* filled by inference, one per dimension, output / input coordinate scale */
} FovResizeParams;

/** A sample of the input, 0..size-1, and its share in an output. */
typedef struct {
    gint64 at;
    double weight;
} FovTap;

/** Samples that each output of dimension d is made of (in, out: its sizes), repeated ones counted.
 */
int fov_resize_n_taps (const FovResizeParams *p, int d, gint64 in, gint64 out);
/** The samples of coordinate o, in order; as many as there are taps. */
void fov_resize_taps (const FovResizeParams *p, int d, gint64 o, gint64 in, gint64 out,
                      FovTap *taps);

#endif
