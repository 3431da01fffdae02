/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/imm.h"

#include <math.h>
#include <string.h>

#define N FOV_KALMAN_N
#define STATE FOV_KALMAN_STATE
#define MODES FOV_IMM_MODES

/* Probability of leaving the calm mode, and of coming back to it, per unit of time. */
#define LEAVE 0.02
#define COME_BACK 0.1
/* Variance that velocities gain while they may jump, over the calm one. */
#define JUMP 100.0
/* No mode becomes less probable. */
#define LEAST 1e-6

static void
begin (FovImm *imm, const FovKalman *k)
{
    if (memcmp (&imm->mixed, k, sizeof *k) == 0)
        return;
    for (guint i = 0; i < MODES; i++)
        imm->mode[i] = *k;
    if (imm->p[0] + imm->p[1] > 0)
        return;
    imm->p[0] = COME_BACK / (LEAVE + COME_BACK);
    imm->p[1] = 1 - imm->p[0];
}

/* The one Gaussian with the mean and covariance of the modes together, weighted. */
static void
merge (const FovKalman mode[MODES], const double weight[MODES], FovKalman *out)
{
    memset (out, 0, sizeof *out);
    for (guint m = 0; m < MODES; m++)
        for (guint i = 0; i < STATE; i++)
            out->x[i] += weight[m] * mode[m].x[i];
    for (guint m = 0; m < MODES; m++)
        for (guint i = 0; i < STATE; i++)
            for (guint j = 0; j < STATE; j++)
                out->p[i][j] += weight[m] * (mode[m].p[i][j] + (mode[m].x[i] - out->x[i]) *
                                                                   (mode[m].x[j] - out->x[j]));
}

/* Each mode starts from what the others say, as far as they may have turned into it. */
static void
interact (FovImm *imm, double dt)
{
    double leave = 1 - pow (1 - LEAVE, dt), back = 1 - pow (1 - COME_BACK, dt);
    double turn[MODES][MODES] = { { 1 - leave, leave }, { back, 1 - back } };
    FovKalman before[MODES];
    double now[MODES];

    memcpy (before, imm->mode, sizeof before);
    for (guint j = 0; j < MODES; j++) {
        double weight[MODES];
        now[j] = imm->p[0] * turn[0][j] + imm->p[1] * turn[1][j];
        for (guint i = 0; i < MODES; i++)
            weight[i] = imm->p[i] * turn[i][j] / now[j];
        merge (before, weight, &imm->mode[j]);
    }
    memcpy (imm->p, now, sizeof now);
}

static void
put_out (FovImm *imm, FovKalman *k)
{
    merge (imm->mode, imm->p, &imm->mixed);
    *k = imm->mixed;
}

void
fov_imm_predict (FovImm *imm, FovKalman *k, double dt, const double noise[STATE])
{
    double jump[STATE];

    for (guint i = 0; i < STATE; i++)
        jump[i] = noise[i] * (i == N || i == N + 1 ? JUMP : 1);
    begin (imm, k);
    interact (imm, dt);
    fov_kalman_predict (&imm->mode[0], dt, noise);
    fov_kalman_predict (&imm->mode[1], dt, jump);
    put_out (imm, k);
}

void
fov_imm_correct (FovImm *imm, FovKalman *k, const double z[N], const double noise[N])
{
    double log_p[MODES], most;
    guint n = isfinite (noise[2]) && isfinite (noise[3]) ? N : 2;

    begin (imm, k);
    for (guint m = 0; m < MODES; m++) {
        double log_det, d = fov_kalman_distance (&imm->mode[m], z, noise, n, &log_det);
        log_p[m] = log (imm->p[m]) - (d + log_det) / 2;
        fov_kalman_correct (&imm->mode[m], z, noise);
    }
    most = fmax (log_p[0], log_p[1]);
    for (guint m = 0; m < MODES; m++)
        imm->p[m] = exp (log_p[m] - most);
    imm->p[1] = CLAMP (imm->p[1] / (imm->p[0] + imm->p[1]), LEAST, 1 - LEAST);
    imm->p[0] = 1 - imm->p[1];
    put_out (imm, k);
}
