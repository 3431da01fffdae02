#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loss of boxes [n][4] against targets, each by its weight, planar; GRAD: dy[n] times its gradient
 * by the box, [n][4]. KIND: FovIouKind; formulas and names are those of runtime/ops/iou-loss.c: a
 * number goes along with its derivatives by the box's four. Workgroups of 64 cover n boxes.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int KIND = 0;
layout (constant_id = 1) const bool GRAD = false;
layout (constant_id = 2) const int CONSTANT = 0; /* of dy, boxes, targets, weights */
layout (push_constant) uniform Push { fov_push_iou_loss push; FOV_FAR_ADDRESS };

const float LEAST = 1e-7;

struct Dual {
    float v;
    vec4 d;
};

Dual constant (float v)
{
    return Dual (v, vec4 (0));
}

Dual add (Dual a, Dual b)
{
    return Dual (a.v + b.v, a.d + b.d);
}

Dual sub (Dual a, Dual b)
{
    return Dual (a.v - b.v, a.d - b.d);
}

Dual mul (Dual a, Dual b)
{
    return Dual (a.v * b.v, a.d * b.v + b.d * a.v);
}

Dual quotient (Dual a, Dual b)
{
    return Dual (a.v / b.v, a.d / b.v - b.d * (a.v / (b.v * b.v)));
}

Dual least (Dual a, Dual b)
{
    if (a.v < b.v)
        return a;
    return b;
}

Dual most (Dual a, Dual b)
{
    if (a.v > b.v)
        return a;
    return b;
}

Dual shape_angle (Dual w, Dual h)
{
    float square = w.v * w.v + h.v * h.v + LEAST;
    float angle = w.v == 0.0 && h.v == 0.0 ? 0.0 : atan (w.v, h.v);
    return Dual (angle, (w.d * h.v - h.d * w.v) / square);
}

Dual loss_of (Dual b[4], Dual t[4])
{
    Dual zero = constant (0.0), one = constant (1.0);
    Dual w = most (sub (b[2], b[0]), zero), h = most (sub (b[3], b[1]), zero);
    Dual tw = most (sub (t[2], t[0]), zero), th = most (sub (t[3], t[1]), zero);
    Dual iw = most (sub (least (b[2], t[2]), most (b[0], t[0])), zero);
    Dual ih = most (sub (least (b[3], t[3]), most (b[1], t[1])), zero);
    Dual cw = most (sub (most (b[2], t[2]), least (b[0], t[0])), zero);
    Dual ch = most (sub (most (b[3], t[3]), least (b[1], t[1])), zero);
    Dual inter = mul (iw, ih);
    Dual both = sub (add (add (mul (w, h), mul (tw, th)), constant (LEAST)), inter);
    Dual iou = quotient (inter, both), loss = sub (one, iou);
    if (KIND == 1)
        return sub (one, mul (iou, iou));
    if (KIND == 2) {
        Dual all = add (mul (cw, ch), constant (LEAST));
        return add (loss, quotient (sub (all, both), all));
    }
    if (KIND == 3) {
        Dual dx = sub (add (b[0], b[2]), add (t[0], t[2]));
        Dual dy = sub (add (b[1], b[3]), add (t[1], t[3]));
        Dual diagonal = add (add (mul (cw, cw), mul (ch, ch)), constant (LEAST));
        Dual far = quotient (add (mul (dx, dx), mul (dy, dy)), mul (constant (4.0), diagonal));
        Dual angle = sub (shape_angle (tw, th), shape_angle (w, h));
        Dual v = mul (constant (0.40528473), mul (angle, angle)); /* 4 / pi^2 */
        Dual bottom = add (sub (constant (1.0 + LEAST), iou), v);
        return add (loss, add (far, quotient (mul (v, v), bottom)));
    }
    return loss;
}

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (i, push.n - 1);
    float weight = fetch_masked (CONSTANT, 3, push.weights + q);
    Dual b[4], t[4];
    for (int k = 0; k < 4; k++) {
        vec4 d = vec4 (0);
        d[k] = 1.0;
        b[k] = Dual (fetch_masked (CONSTANT, 1, push.boxes + 4 * q + k), d);
        t[k] = constant (fetch_masked (CONSTANT, 2, push.targets + 4 * q + k));
    }
    Dual loss = loss_of (b, t);
    if (i >= push.n)
        return;
    if (!GRAD) {
        arena[push.dst + i] = weight != 0.0 ? weight * loss.v : 0.0;
        return;
    }
    float by = weight * fetch_masked (CONSTANT, 0, push.dy + i);
    for (int k = 0; k < 4; k++)
        arena[push.dst + 4 * i + k] = weight != 0.0 ? by * loss.d[k] : 0.0;
}
