/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_ASSIGN_GLSL
#define FOV_ASSIGN_GLSL

/*
 * What the kernels of fov.Assign share (runtime/ops/assign.h; assign*.c says what is computed). In
 * double, as the reference: which of two anchors is better must not depend on the device. All of it
 * is `precise`, so that nothing is contracted.
 *
 * Scratch memory of a picture, in words: the told rows (objects, ~row for regions) and their number,
 * the places that may be taken and their number, what a kernel notes of each place, and the places
 * that each row picks, behind their number. Needs push, METHOD, LANES.
 */
#include "lib/double.glsl"
#include "lib/fetch.glsl"

const int SIMOTA = 0, ALIGNED = 1, OVERLAP = 2;
layout (constant_id = 2) const int CONSTANT = 0; /* of boxes, scores, places, targets, object */
layout (constant_id = 3) const bool BACKGROUND = false;
layout (constant_id = 4) const bool OBJECTNESS = false;

int picture, base; /* of the scratch memory */

void start_picture (int p)
{
    picture = p;
    base = push.scratch + p * push.step;
}

#define N_TOLD base
#define N_PLACES (base + 1)
#define TOLD (base + 4)
#define PLACES (TOLD + push.rows)
#define NOTES (PLACES + push.anchors)
#define PICKS (NOTES + 2 * push.anchors)
#define PICK_WORDS (push.top + 1)
#define VALUES (PICKS + push.rows * PICK_WORDS) /* of each slot */
#define VALUE_WORDS (4 * push.anchors)

float target_at (int row, int k)
{
    return fetch_masked (CONSTANT, 3, push.targets + (picture * push.rows + row) * 6 + k);
}

/* The row's own four, whatever it is. */
vec4 target_box (int row)
{
    return vec4 (target_at (row, 0), target_at (row, 1), target_at (row, 2), target_at (row, 3));
}

vec4 place_at (int anchor)
{
    int at = push.places + anchor * 4;
    return vec4 (fetch_masked (CONSTANT, 2, at), fetch_masked (CONSTANT, 2, at + 1),
                 fetch_masked (CONSTANT, 2, at + 2), fetch_masked (CONSTANT, 2, at + 3));
}

vec4 box_at (int anchor)
{
    int at = push.boxes + (picture * push.anchors + anchor) * 4;
    return vec4 (fetch_masked (CONSTANT, 0, at), fetch_masked (CONSTANT, 0, at + 1),
                 fetch_masked (CONSTANT, 0, at + 2), fetch_masked (CONSTANT, 0, at + 3));
}

double logit_at (int anchor, int column)
{
    int at = push.scores + (picture * push.anchors + anchor) * push.columns + column;
    return double (fetch_masked (CONSTANT, 1, at));
}

int label_of (int row)
{
    return int (target_at (row, 4)) + (BACKGROUND ? 1 : 0);
}

bool is_region (int row)
{
    return target_at (row, 5) < 0.0;
}

bool is_object (int row)
{
    if (!(target_at (row, 5) > 0.0))
        return false;
    vec4 b = target_box (row);
    float label = target_at (row, 4);
    return b.z > b.x && b.w > b.y && label >= 0.0 &&
           label < float (push.columns - (BACKGROUND ? 1 : 0));
}

bool is_inside (vec4 place, vec4 box)
{
    return place.x > box.x && place.x < box.z && place.y > box.y && place.y < box.w;
}

bool in_center (vec4 place, vec4 box)
{
    precise dvec2 middle = (dvec2 (box.xy) + dvec2 (box.zw)) / 2.0lf;
    precise dvec2 reach = double (push.radius) * dvec2 (place.zw);
    dvec2 off = abs (dvec2 (place.xy) - middle);
    return off.x < reach.x && off.y < reach.y;
}

double iou_of (dvec4 a, dvec4 b)
{
    precise double w = min (a.z, b.z) - max (a.x, b.x), h = min (a.w, b.w) - max (a.y, b.y);
    precise double inter = max (w, 0.0lf) * max (h, 0.0lf);
    precise double of_a = max (a.z - a.x, 0.0lf) * max (a.w - a.y, 0.0lf);
    precise double of_b = max (b.z - b.x, 0.0lf) * max (b.w - b.y, 0.0lf);
    precise double both = of_a + of_b - inter;
    precise double iou = both > 0.0lf ? inter / both : 0.0lf;
    return iou;
}

double sigmoid_of (double x)
{
    return 1.0lf / (1.0lf + exp_of (-x));
}

/* ---- simota: what a place costs an object ------------------------------- */

double log_at_least (double p)
{
    return p > 0.0lf ? max (log_of (p), -100.0lf) : -100.0lf;
}

double probability (int anchor, int column)
{
    double object = 1.0lf;
    if (OBJECTNESS)
        object = sigmoid_of (double (fetch_masked (CONSTANT, 4, push.object +
                                                       picture * push.anchors + anchor)));
    precise double p = sqrt (object / (1.0lf + exp_of (-logit_at (anchor, column))));
    return p;
}

/* none: what "no class at all" costs. */
double cost_of (int row, int anchor, double iou, double none)
{
    double p = probability (anchor, label_of (row));
    precise double change = log_at_least (1.0lf - p) - log_at_least (p);
    vec4 place = place_at (anchor), box = target_box (row);
    bool good = is_inside (place, box) && in_center (place, box);
    precise double cost =
        none + change - 3.0lf * log_of (iou + 1e-8lf) + (good ? 0.0lf : 1e5lf);
    return cost;
}

/* ---- aligned: how well an anchor finds an object ------------------------- */

double metric_of (int row, int anchor, double iou)
{
    double score = sigmoid_of (logit_at (anchor, label_of (row)));
    precise double metric =
        power_of (score, double (push.alpha)) * power_of (iou, double (push.beta));
    return metric;
}

#endif
