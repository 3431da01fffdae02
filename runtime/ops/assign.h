/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_ASSIGN_H
#define FOV_OPS_ASSIGN_H

/*
 * Which anchor of a detector learns which object, and how far its box is off.
 *
 * Targets are F32 [B, M, 6] everywhere: x1, y1, x2, y2 in pixels of the network's
 * input, class, and a kind: 1 an object, 0 an empty row, -1 a region in which
 * anchors are neither right nor wrong. Anchors count as in ops/boxes.h; places F32
 * [A, 4] are their centres and sizes in pixels (a cell's size is its stride).
 *
 * fov.Assign: inputs boxes F32 [B, A, 4] (x1, y1, x2, y2 in pixels, as predicted),
 * class logits F32 [B, A, C], places, targets, objectness logits F32 [B, A, 1] (or left
 * out); outputs the row of each anchor's object or -1, I32 [B, A], and a weight
 * F32 [B, A]: of an object how sure its class should be, 0..1; without one 1 for
 * what should find nothing and 0 for what is left out. No gradient.
 *
 * fov.AssignTargets: inputs the row, the weight, targets; outputs, F32: classes
 * [B, A, C] (the weight at the object's class, else 0), boxes [B, A, 4] (the object's;
 * 0, 0, 1, 1 without), found [B, A] (1 with an object), counted [B, A] (0: left out).
 *
 * fov.IouLoss: inputs boxes and targets F32 [..., 4] (x1, y1, x2, y2), weights [...];
 * output weight times loss, [...]; what has weight 0 is not looked at.
 */
#include "graph/op.h"

typedef enum {
    /** SimOTA (Ge et al. 2021, YOLOX, section 2.1): places of least cost, as many as IoUs say. */
    FOV_ASSIGN_SIMOTA,
    /** Task-aligned (Feng et al. 2021, TOOD, eq. 4 and 5): best score^alpha IoU^beta. */
    FOV_ASSIGN_ALIGNED,
    /** Boxes that overlap (Liu et al. 2016, SSD, section 2.2), with the hardest negatives. */
    FOV_ASSIGN_OVERLAP,
} FovAssignMethod;

/** Inputs of fov.Assign. */
enum {
    FOV_ASSIGN_BOXES,
    FOV_ASSIGN_SCORES,
    FOV_ASSIGN_PLACES,
    FOV_ASSIGN_TARGETS,
    FOV_ASSIGN_OBJECTNESS,
    FOV_ASSIGN_N_INPUTS,
};

typedef struct {
    int method;        /* "method": simota, aligned, overlap */
    gint64 top;        /* simota: IoUs that say how many places; aligned: places of an object */
    float radius;      /* simota: of the centre, in strides */
    float alpha, beta; /* aligned */
    float overlap;     /* overlap: least IoU of an object's anchors */
    float negatives;   /* overlap: negatives for each positive */
    gint64 background; /* 1: column 0 of the logits is "nothing" and softmax makes scores of them */
} FovAssignParams;

/** One picture's assignment under way, in double; FovAssign.row and weight are the result. */
typedef struct {
    const FovAssignParams *params;
    gint64 n_anchors, n_columns, n_objects;
    const double *boxes, *places; /* [n_anchors][4] */
    const double (*objects)[4];
    const gint32 *labels, *rows; /* of objects: class, row of the targets */
    gpointer scores;             /* for fov_assign_score */
    gint32 *object;              /* of each anchor, or -1: to be filled */
    double *weight;              /* 1 at first, 0 for what is left out */
} FovAssign;

/** Logit of a column of an anchor; its objectness logit (INFINITY without one). */
double fov_assign_logit (const FovAssign *a, gint64 anchor, gint64 column);
double fov_assign_objectness (const FovAssign *a, gint64 anchor);

/** Intersection over union of two boxes. */
double fov_assign_iou (const double *a, const double *b);
/** Whether the anchor's centre lies inside the box. */
gboolean fov_assign_inside (const FovAssign *a, gint64 anchor, const double *box);

void fov_assign_simota (FovAssign *a);
void fov_assign_aligned (FovAssign *a);
void fov_assign_overlap (FovAssign *a);

/** Attribute "kind". */
typedef enum {
    FOV_IOU_PLAIN,  /* 1 - IoU */
    FOV_IOU_SQUARE, /* 1 - IoU^2 (YOLOX) */
    FOV_IOU_GIOU,   /* 1 - GIoU (Rezatofighi et al. 2019, eq. 3) */
    FOV_IOU_CIOU,   /* 1 - CIoU (Zheng et al. 2020, eq. 8 to 11), alpha differentiated too */
} FovIouKind;

/** Of fov.IouLoss and its gradient. */
typedef struct {
    int kind; /* FovIouKind */
} FovIouParams;

/** Loss of a box against a target, and (where not NULL) its gradient by the box. */
double fov_iou_loss (FovIouKind kind, const double box[4], const double target[4],
                     double gradient[4]);

extern const FovHostOp fov_host_assign;
extern const FovHostOp fov_host_iou_loss;

#endif
