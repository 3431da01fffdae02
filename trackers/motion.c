/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/motion.h"

#include <math.h>

#define N FOV_KALMAN_N
#define STATE FOV_KALMAN_STATE

/* Standard deviations over the size, of a position and of a velocity per picture (DeepSORT). */
#define POSITION (1.0 / 20)
#define VELOCITY (1.0 / 160)

/* A visual tracker centres less well than a detector and its size lags. */
static const double visual_factor[N] = { 2, 2, 8, 8 };

static double
square (double v)
{
    return v * v;
}

static FovBox
centred (double x, double y, double w, double h)
{
    return (FovBox){ (float) (x - w / 2), (float) (y - h / 2), (float) (x + w / 2),
                     (float) (y + h / 2) };
}

static void
measure_xywh (FovBox box, double z[N])
{
    z[2] = (double) box.x2 - box.x1;
    z[3] = (double) box.y2 - box.y1;
    z[0] = box.x1 + z[2] / 2;
    z[1] = box.y1 + z[3] / 2;
}

static FovBox
box_xywh (const double x[STATE])
{
    return centred (x[0], x[1], x[2], x[3]);
}

static void
measure_xyah (FovBox box, double z[N])
{
    measure_xywh (box, z);
    z[2] /= z[3];
}

static FovBox
box_xyah (const double x[STATE])
{
    return centred (x[0], x[1], x[2] * x[3], x[3]);
}

static void
measure_sort (FovBox box, double z[N])
{
    measure_xywh (box, z);
    double w = z[2], h = z[3];
    z[2] = w * h;
    z[3] = w / h;
}

static FovBox
box_sort (const double x[STATE])
{
    double w = sqrt (x[2] * x[3]);

    return centred (x[0], x[1], w, x[2] / w);
}

static void
birth_xywh (const double z[N], double variance[STATE])
{
    for (guint i = 0; i < N; i++) {
        variance[i] = square (2 * POSITION * z[2 + i % 2]);
        variance[i + N] = square (10 * VELOCITY * z[2 + i % 2]);
    }
}

static void
drift_xywh (const double x[STATE], double variance[STATE])
{
    for (guint i = 0; i < N; i++) {
        variance[i] = square (POSITION * x[2 + i % 2]);
        variance[i + N] = square (VELOCITY * x[2 + i % 2]);
    }
}

static void
noise_xywh (const double x[STATE], double variance[N])
{
    for (guint i = 0; i < N; i++)
        variance[i] = square (POSITION * x[2 + i % 2]);
}

static void
birth_xyah (const double z[N], double variance[STATE])
{
    for (guint i = 0; i < N; i++) {
        variance[i] = square (2 * POSITION * z[3]);
        variance[i + N] = square (10 * VELOCITY * z[3]);
    }
    variance[2] = square (1e-2);
    variance[6] = square (1e-5);
}

static void
drift_xyah (const double x[STATE], double variance[STATE])
{
    for (guint i = 0; i < N; i++) {
        variance[i] = square (POSITION * x[3]);
        variance[i + N] = square (VELOCITY * x[3]);
    }
    variance[2] = square (1e-2);
    variance[6] = square (1e-5);
}

static void
noise_xyah (const double x[STATE], double variance[N])
{
    for (guint i = 0; i < N; i++)
        variance[i] = square (POSITION * x[3]);
    variance[2] = square (1e-1);
}

static void
birth_sort (const double z[N], double variance[STATE])
{
    for (guint i = 0; i < STATE; i++)
        variance[i] = i < N ? 10 : 1e4;
    variance[7] = 0;
}

static void
drift_sort (const double x[STATE], double variance[STATE])
{
    for (guint i = 0; i < STATE; i++)
        variance[i] = i < N ? 1 : 0.01;
    variance[6] = 1e-4;
    variance[7] = 0;
}

static void
noise_sort (const double x[STATE], double variance[N])
{
    for (guint i = 0; i < N; i++)
        variance[i] = i < 2 ? 1 : 10;
}

const FovMotion fov_motion_sort = { measure_sort, box_sort,   birth_sort,
                                    drift_sort,   noise_sort, FALSE };
const FovMotion fov_motion_xyah = { measure_xyah, box_xyah,   birth_xyah,
                                    drift_xyah,   noise_xyah, FALSE };
const FovMotion fov_motion_xywh = {
    measure_xywh, box_xywh, birth_xywh, drift_xywh, noise_xywh, TRUE
};

void
fov_motion_start (const FovMotion *motion, FovKalman *k, FovBox box)
{
    double z[N], variance[STATE];

    motion->measure (box, z);
    motion->birth (z, variance);
    fov_kalman_init (k, z, variance);
}

void
fov_motion_predict (const FovMotion *motion, FovKalman *k, double dt)
{
    double variance[STATE];

    motion->drift (k->x, variance);
    for (guint i = 0; i < STATE; i++)
        variance[i] *= dt;
    fov_kalman_predict (k, dt, variance);
}

void
fov_motion_correct (const FovMotion *motion, FovKalman *k, FovBox box, FovMeasured from,
                    double scale, gboolean keep_size)
{
    double z[N], variance[N];

    motion->measure (box, z);
    motion->noise (k->x, variance);
    for (guint i = 0; i < N; i++) {
        variance[i] *= from == FOV_MEASURED_VISUAL ? scale * visual_factor[i] : scale;
        if (keep_size && i >= 2)
            variance[i] = INFINITY;
    }
    fov_kalman_correct (k, z, variance);
}

FovBox
fov_motion_box (const FovMotion *motion, const FovKalman *k)
{
    return motion->box (k->x);
}

void
fov_motion_warp (const FovMotion *motion, FovKalman *k, const double m[6])
{
    fov_kalman_warp (k, m, motion->coupled);
}
