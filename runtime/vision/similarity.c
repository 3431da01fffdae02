/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/similarity.h"

#include <math.h>

#define TRIES 100
#define LEAST 8
#define LEAST_SHARE 0.5
#define REFINEMENTS 3

/* x' = a x - b y + c, y' = b x + a y + d */
typedef struct {
    double a, b, c, d;
} Map;

static double
error_of (const Map *m, const FovFlow *f)
{
    double ex = m->a * f->x - m->b * f->y + m->c - f->to_x;
    double ey = m->b * f->x + m->a * f->y + m->d - f->to_y;

    return ex * ex + ey * ey;
}

static gboolean
from_pair (const FovFlow *p, const FovFlow *q, Map *m)
{
    double x = q->x - p->x, y = q->y - p->y, u = q->to_x - p->to_x, v = q->to_y - p->to_y;
    double square = x * x + y * y;

    if (square < 100) /* too near to tell a turn */
        return FALSE;
    m->a = (x * u + y * v) / square;
    m->b = (x * v - y * u) / square;
    m->c = p->to_x - m->a * p->x + m->b * p->y;
    m->d = p->to_y - m->b * p->x - m->a * p->y;
    return TRUE;
}

/* Moves the flows that agree with m to the front; how many they are. */
static guint
sort_out (const Map *m, FovFlow *flows, guint n, double tolerance)
{
    guint inner = 0;

    for (guint i = 0; i < n; i++)
        if (error_of (m, &flows[i]) <= tolerance * tolerance) {
            FovFlow keep = flows[inner];
            flows[inner++] = flows[i];
            flows[i] = keep;
        }
    return inner;
}

static guint
count (const Map *m, const FovFlow *flows, guint n, double tolerance)
{
    guint inner = 0;

    for (guint i = 0; i < n; i++)
        inner += error_of (m, &flows[i]) <= tolerance * tolerance;
    return inner;
}

static gboolean
least_squares (const FovFlow *flows, guint n, Map *m)
{
    double all = 0, x = 0, y = 0, u = 0, v = 0, square = 0, dot = 0, cross = 0;

    for (guint i = 0; i < n; i++)
        all += flows[i].weight;
    for (guint i = 0; i < n; i++) {
        double share = flows[i].weight / all;
        x += share * flows[i].x;
        y += share * flows[i].y;
        u += share * flows[i].to_x;
        v += share * flows[i].to_y;
    }
    for (guint i = 0; i < n; i++) {
        double px = flows[i].x - x, py = flows[i].y - y, w = flows[i].weight;
        double qx = flows[i].to_x - u, qy = flows[i].to_y - v;
        square += w * (px * px + py * py);
        dot += w * (px * qx + py * qy);
        cross += w * (px * qy - py * qx);
    }
    if (!(square > 0))
        return FALSE;
    m->a = dot / square;
    m->b = cross / square;
    m->c = u - m->a * x + m->b * y;
    m->d = v - m->b * x - m->a * y;
    return TRUE;
}

gboolean
fov_similarity_fit (FovFlow *flows, guint n, double tolerance, double m[6])
{
    Map best = { 1, 0, 0, 0 }, map;
    guint most = 0;
    guint32 random = 1;

    if (n < LEAST)
        return FALSE;
    for (guint i = 0; i < TRIES; i++) {
        random = random * 1664525u + 1013904223u; /* Numerical Recipes' */
        guint p = (random >> 8) % n;
        random = random * 1664525u + 1013904223u;
        guint q = (random >> 8) % n;
        if (p == q || !from_pair (&flows[p], &flows[q], &map))
            continue;
        guint inner = count (&map, flows, n, tolerance);
        if (inner > most) {
            most = inner;
            best = map;
        }
    }
    for (guint i = 0; i < REFINEMENTS; i++) {
        most = sort_out (&best, flows, n, tolerance);
        if (most < LEAST || most < LEAST_SHARE * n || !least_squares (flows, most, &best))
            return FALSE;
    }
    m[0] = m[4] = best.a;
    m[1] = -best.b;
    m[3] = best.b;
    m[2] = best.c;
    m[5] = best.d;
    return TRUE;
}
