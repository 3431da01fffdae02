/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_BOXES_H
#define FOV_OPS_BOXES_H

/*
 * fov.Decode and fov.Nms: from a detector's head tensors to a short list.
 *
 * FovHeads says, as data alone, where scores and boxes lie and how they are
 * coded. An anchor is one place that may hold an object; anchors count through
 * the levels in order, and inside one through priors, then rows, then columns.
 *
 * fov.Decode: inputs frames (ops/frame.h), then the head tensors (F32), as
 * many as FovHeads' fields name; outputs candidates F32 [N, K, 6] (x1, y1, x2,
 * y2 in network pixels, score, class), their count I32 [N], and scratch. A
 * candidate is an (anchor, class) whose score is above 0 and at least the
 * frame's threshold; the K best stay, by falling score, then anchor, then class.
 *
 * fov.Nms: inputs frames, candidates, count; outputs detections F32 [N, M, 6]
 * and their count I32 [N]; rows behind the count are 0.
 */
#include "graph/op.h"

#define FOV_MAX_LEVELS 8
#define FOV_MAX_PRIORS 8

/** Where a quantity of anchor (prior p, cell c) of picture n lies: element
 * first + component * k + prior * p + cell * c + picture * n of the input. */
typedef struct {
    gint32 input; /* of the node; 0: there is none */
    gint32 first, component, prior, cell, picture;
} FovField;

/** How the four numbers t of a box become corners; (gx, gy) is the cell, step its pixels. */
typedef enum {
    FOV_BOX_CORNERS = 0,    /* x1 y1 x2 y2 = t step */
    FOV_BOX_CENTER = 1,     /* centre and size = t step */
    FOV_BOX_GRID_EXP = 2,   /* centre (t + g + origin) step, size exp(t) step (YOLOX) */
    FOV_BOX_DISTANCE = 3,   /* sides (g + origin) step -+ d step, d the mean of softmax over bins */
    FOV_BOX_TANH = 4,       /* centre (tanh(t) + g) step, size sigmoid(t) network (FastestDet) */
    FOV_BOX_ANCHOR_EXP = 5, /* centre (s(t) + g) step, size exp(t) prior (YOLOv3) */
    FOV_BOX_ANCHOR_SQUARE = 6, /* centre (2 s(t) - 1/2 + g) step, size (2 s(t))^2 prior (YOLOv5) */
    FOV_BOX_PRIOR = 7, /* centre t v pw + pc, size exp(t v) pw, times step; priors by input (SSD) */
} FovBoxCoding;

typedef enum { FOV_SCORE_DONE = 0, FOV_SCORE_SIGMOID = 1, FOV_SCORE_SOFTMAX = 2 } FovScoreCoding;

/** One feature map's anchors. */
typedef struct {
    FovField score;  /* of each class */
    FovField object; /* objectness, optional */
    FovField box;
    FovField label;        /* class number of the anchor where the graph has chosen it, optional */
    gint32 grid_w, grid_h; /* grid_h -1: as many rows as the score tensor holds (data-dependent) */
    gint32 n_priors;
    float step_x, step_y;
    float prior_w[FOV_MAX_PRIORS], prior_h[FOV_MAX_PRIORS]; /* network pixels */
} FovLevel;

/** 32-bit words alone: the shaders read it as such (lib/heads.glsl). */
typedef struct {
    gint32 n_levels, n_classes;
    gint32 background; /* 1: component 0 of the scores is "nothing" */
    gint32 score_coding, object_coding;
    float score_power, object_power; /* score = class ^ a * object ^ b; 0 means 1 */
    gint32 box_coding;
    gint32 swap_xy;    /* 1: boxes come as y, x */
    gint32 n_bins;     /* DISTANCE: bins per side */
    float origin;      /* of a cell: 0.5 its centre */
    float variance[2]; /* PRIOR: of centre, of size */
    gint32 priors;     /* PRIOR: input with [A, 4] centre x, y, width, height in 0..1 */
    gint32 net_w, net_h;
    gint32 final; /* 1: the graph has suppressed duplicates already */
    FovLevel level[FOV_MAX_LEVELS];
} FovHeads;

G_STATIC_ASSERT (sizeof (FovLevel) == 45 * 4 && offsetof (FovHeads, level) == 17 * 4);

/** Attributes "max_candidates" (1..1024) and heads, set in node->params by the maker. */
typedef struct {
    gint64 max_candidates;
    FovHeads heads;
} FovDecodeParams;

/** Attributes "max_detections" (1..1024), "suppress" (0: only cut to length). */
typedef struct {
    gint64 max_detections, suppress;
} FovNmsParams;

#define FOV_MAX_CANDIDATES 1024
/** exp() of a box's size is fed at most this: no infinite boxes. */
#define FOV_MAX_LOG_SIZE 10.0f
/** And no coordinate leaves this, in network pixels. */
#define FOV_MAX_COORDINATE 1e6f

/** Anchors of a level / of all (grid_h known). */
gint64 fov_level_anchors (const FovLevel *level);
gint64 fov_heads_anchors (const FovHeads *heads);

/** Numbers that code a box. */
int fov_box_components (const FovHeads *heads);

/** Sets open grid heights (-1) from the node's concrete inputs. */
void fov_heads_resolve (FovHeads *heads, const FovNode *node);

/** 32-bit words of scratch per picture; heads resolved. */
gint64 fov_decode_scratch_words (const FovDecodeParams *params);

/** boxes.example.c: inputs for the self-check. */
void fov_decode_example (const FovNode *node, guint index, FovView *input);
void fov_nms_example (const FovNode *node, guint index, FovView *input);

extern const FovHostOp fov_decode_host, fov_nms_host;
extern const FovGpuOp fov_decode_gpu, fov_nms_gpu;

#endif
