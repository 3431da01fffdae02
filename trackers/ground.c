/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/ground.h"

#include <math.h>

/* A box's feet in the picture: standard deviation over its size, and at least (UCMCTrack). */
#define FEET 0.05
#define LEAST_PIXELS 2.0
/* What walkers and cars do: m/s at first, m/s2 later on. */
#define FIRST_SPEED 1.0
#define ACCELERATION 1.5
/* A camera's volume of a metre each way over that of its vectors' lengths: less is a plane seen
 * from its edge. */
#define FLAT 1e-12

/* Feet on the ground with their covariance. */
typedef struct {
    double x, y;
    double xx, xy, yy;
} Place;

static double
length (double a, double b, double c)
{
    return sqrt (a * a + b * b + c * c);
}

/* FALSE where there is no inverse, or none that the numbers bear. */
static gboolean
invert (const double a[9], double out[9])
{
    double c[9] = {
        a[4] * a[8] - a[5] * a[7], a[2] * a[7] - a[1] * a[8], a[1] * a[5] - a[2] * a[4],
        a[5] * a[6] - a[3] * a[8], a[0] * a[8] - a[2] * a[6], a[2] * a[3] - a[0] * a[5],
        a[3] * a[7] - a[4] * a[6], a[1] * a[6] - a[0] * a[7], a[0] * a[4] - a[1] * a[3]
    };
    double det = a[0] * c[0] + a[1] * c[3] + a[2] * c[6];
    double most = length (a[0], a[3], a[6]) * length (a[1], a[4], a[7]) * length (a[2], a[5], a[8]);

    if (!isfinite (most) || !(fabs (det) > FLAT * most))
        return FALSE;
    for (int i = 0; i < 9; i++)
        out[i] = c[i] / det;
    return TRUE;
}

static gboolean
to_ground (const FovGroundCamera *camera, double out[9])
{
    const double *p = camera->projection;
    const double plane[9] = { p[0], p[1], p[3], p[4], p[5], p[7], p[8], p[9], p[11] };

    return invert (plane, out);
}

gboolean
fov_ground_sees (const FovGroundCamera *camera, GError **error)
{
    double unused[9];

    if (to_ground (camera, unused))
        return TRUE;
    g_set_error_literal (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "ground camera: the projection can not be undone on the ground, expected "
                         "finite numbers of a camera above or below z = 0");
    return FALSE;
}

void
fov_ground_init (FovGround *ground, const FovGroundCamera *camera)
{
    *ground = (FovGround){ 0 };
    if (camera)
        ground->known = to_ground (camera, ground->to_ground);
}

/* FALSE where the feet are at or above the horizon. */
static gboolean
stand (const FovGround *ground, FovBox box, Place *place)
{
    const double *g = ground->to_ground;
    double u = ((double) box.x1 + box.x2) / 2, v = box.y2;
    double b = g[6] * u + g[7] * v + g[8];
    double su = fmax (LEAST_PIXELS, FEET * (box.x2 - box.x1));
    double sv = fmax (LEAST_PIXELS, FEET * (box.y2 - box.y1));

    if (!ground->known || b < 1e-9)
        return FALSE;
    place->x = (g[0] * u + g[1] * v + g[2]) / b;
    place->y = (g[3] * u + g[4] * v + g[5]) / b;
    double xu = (g[0] - place->x * g[6]) / b * su, xv = (g[1] - place->x * g[7]) / b * sv;
    double yu = (g[3] - place->y * g[6]) / b * su, yv = (g[4] - place->y * g[7]) / b * sv;
    place->xx = xu * xu + xv * xv;
    place->xy = xu * yu + xv * yv;
    place->yy = yu * yu + yv * yv;
    return isfinite (place->xx) && isfinite (place->yy) && place->xx < 1e6 && place->yy < 1e6;
}

void
fov_ground_start (const FovGround *ground, FovGroundState *state, FovBox box)
{
    Place place;

    *state = (FovGroundState){ .known = stand (ground, box, &place) };
    if (!state->known)
        return;
    state->x[0] = place.x;
    state->x[1] = place.y;
    state->p[0][0] = place.xx;
    state->p[0][1] = state->p[1][0] = place.xy;
    state->p[1][1] = place.yy;
    state->p[2][2] = state->p[3][3] = FIRST_SPEED * FIRST_SPEED;
}

void
fov_ground_predict (FovGroundState *state, double seconds)
{
    double t = seconds, a = ACCELERATION * ACCELERATION;

    if (!state->known)
        return;
    for (int i = 0; i < 2; i++)
        state->x[i] += t * state->x[i + 2];
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            state->p[i][j] +=
                t * (state->p[i + 2][j] + state->p[i][j + 2] + t * state->p[i + 2][j + 2]);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            state->p[i][j + 2] += t * state->p[i + 2][j + 2];
            state->p[j + 2][i] = state->p[i][j + 2];
        }
    for (int i = 0; i < 2; i++) {
        state->p[i][i] += a * t * t * t / 3;
        state->p[i][i + 2] += a * t * t / 2;
        state->p[i + 2][i] = state->p[i][i + 2];
        state->p[i + 2][i + 2] += a * t;
    }
}

/* The inverse of the innovation's covariance, and the innovation. */
static gboolean
innovate (const FovGroundState *state, const Place *place, double inverse[3], double d[2])
{
    double xx = state->p[0][0] + place->xx, xy = state->p[0][1] + place->xy;
    double yy = state->p[1][1] + place->yy, det = xx * yy - xy * xy;

    d[0] = place->x - state->x[0];
    d[1] = place->y - state->x[1];
    inverse[0] = yy / det;
    inverse[1] = -xy / det;
    inverse[2] = xx / det;
    return det > 1e-18 * xx * yy;
}

void
fov_ground_correct (const FovGround *ground, FovGroundState *state, FovBox box)
{
    double s[3], d[2], gain[4][2], p[4][4];
    Place place;

    if (!state->known || !stand (ground, box, &place) || !innovate (state, &place, s, d)) {
        fov_ground_start (ground, state, box);
        return;
    }
    for (int i = 0; i < 4; i++) {
        gain[i][0] = state->p[i][0] * s[0] + state->p[i][1] * s[1];
        gain[i][1] = state->p[i][0] * s[1] + state->p[i][1] * s[2];
        state->x[i] += gain[i][0] * d[0] + gain[i][1] * d[1];
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            p[i][j] = state->p[i][j] - gain[i][0] * state->p[0][j] - gain[i][1] * state->p[1][j];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            state->p[i][j] = (p[i][j] + p[j][i]) / 2;
}

double
fov_ground_distance (const FovGround *ground, const FovGroundState *state, FovBox box)
{
    double s[3], d[2];
    Place place;

    if (!state->known || !stand (ground, box, &place) || !innovate (state, &place, s, d))
        return -1;
    return s[0] * d[0] * d[0] + 2 * s[1] * d[0] * d[1] + s[2] * d[1] * d[1];
}
