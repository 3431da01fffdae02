/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/kalman.h"

#include <math.h>
#include <string.h>

#define N FOV_KALMAN_N
#define STATE FOV_KALMAN_STATE

void
fov_kalman_init (FovKalman *k, const double z[N], const double variance[STATE])
{
    memset (k, 0, sizeof *k);
    memcpy (k->x, z, N * sizeof *z);
    for (guint i = 0; i < STATE; i++)
        k->p[i][i] = variance[i];
}

/* P <- F P F' + Q by blocks: F adds dt of each velocity to its coordinate. */
void
fov_kalman_predict (FovKalman *k, double dt, const double noise[STATE])
{
    for (guint i = 0; i < N; i++)
        k->x[i] += dt * k->x[i + N];
    for (guint i = 0; i < N; i++)
        for (guint j = 0; j < N; j++)
            k->p[i][j] += dt * (k->p[i + N][j] + k->p[i][j + N] + dt * k->p[i + N][j + N]);
    for (guint i = 0; i < N; i++)
        for (guint j = 0; j < N; j++) {
            k->p[i][j + N] += dt * k->p[i + N][j + N];
            k->p[j + N][i] = k->p[i][j + N];
        }
    for (guint i = 0; i < STATE; i++)
        k->p[i][i] += noise[i];
}

/* The lower Cholesky factor of the n x n innovation covariance in place; the rest is left. */
static void
factor (double s[N][N], guint n)
{
    for (guint j = 0; j < n; j++) {
        double d = s[j][j];
        for (guint k = 0; k < j; k++)
            d -= s[j][k] * s[j][k];
        s[j][j] = sqrt (fmax (d, 1e-300));
        for (guint i = j + 1; i < n; i++) {
            double v = s[i][j];
            for (guint k = 0; k < j; k++)
                v -= s[i][k] * s[j][k];
            s[i][j] = v / s[j][j];
        }
    }
}

static void
solve_lower (double l[N][N], guint n, double b[N])
{
    for (guint i = 0; i < n; i++) {
        for (guint k = 0; k < i; k++)
            b[i] -= l[i][k] * b[k];
        b[i] /= l[i][i];
    }
}

static void
solve_upper (double l[N][N], guint n, double b[N])
{
    for (guint i = n; i-- > 0;) {
        for (guint k = i + 1; k < n; k++)
            b[i] -= l[k][i] * b[k];
        b[i] /= l[i][i];
    }
}

/* P <- (I - K H) P (I - K H)' + K R K', where H picks the coordinates in measured. */
static void
joseph (FovKalman *k, double gain[STATE][N], const guint *measured, guint n, const double *noise)
{
    double a[STATE][STATE];

    for (guint i = 0; i < STATE; i++)
        for (guint j = 0; j < STATE; j++) {
            a[i][j] = k->p[i][j];
            for (guint m = 0; m < n; m++)
                a[i][j] -= gain[i][m] * k->p[measured[m]][j];
        }
    for (guint i = 0; i < STATE; i++)
        for (guint j = 0; j <= i; j++) {
            double v = a[i][j];
            for (guint m = 0; m < n; m++)
                v += (gain[i][m] * noise[measured[m]] - a[i][measured[m]]) * gain[j][m];
            k->p[i][j] = k->p[j][i] = v;
        }
}

void
fov_kalman_correct (FovKalman *k, const double z[N], const double noise[N])
{
    guint measured[N], n = 0;
    double s[N][N], gain[STATE][N], innovation[N];

    for (guint i = 0; i < N; i++)
        if (isfinite (noise[i]))
            measured[n++] = i;
    for (guint i = 0; i < n; i++) {
        for (guint j = 0; j < n; j++)
            s[i][j] = k->p[measured[i]][measured[j]];
        s[i][i] += noise[measured[i]];
        innovation[i] = z[measured[i]] - k->x[measured[i]];
    }
    factor (s, n);
    for (guint i = 0; i < STATE; i++) {
        for (guint m = 0; m < n; m++)
            gain[i][m] = k->p[i][measured[m]];
        solve_lower (s, n, gain[i]);
        solve_upper (s, n, gain[i]);
    }
    joseph (k, gain, measured, n, noise);
    for (guint i = 0; i < STATE; i++)
        for (guint m = 0; m < n; m++)
            k->x[i] += gain[i][m] * innovation[m];
}

double
fov_kalman_distance (const FovKalman *k, const double z[N], const double noise[N], guint n,
                     double *log_det)
{
    double s[N][N], d[N], sum = 0, log_sum = 0;

    for (guint i = 0; i < n; i++) {
        for (guint j = 0; j < n; j++)
            s[i][j] = k->p[i][j];
        s[i][i] += noise[i];
        d[i] = z[i] - k->x[i];
    }
    factor (s, n);
    solve_lower (s, n, d);
    for (guint i = 0; i < n; i++) {
        sum += d[i] * d[i];
        log_sum += 2 * log (s[i][i]);
    }
    if (log_det)
        *log_det = log_sum;
    return sum;
}

/* Turns the pair of states at i by the linear part of m; the row or column of p at stride. */
static void
turn (double *first, gsize stride, const double m[6])
{
    double a = first[0], b = first[stride];

    first[0] = m[0] * a + m[1] * b;
    first[stride] = m[3] * a + m[4] * b;
}

void
fov_kalman_warp (FovKalman *k, const double m[6], gboolean coupled)
{
    guint step = coupled ? 2 : N;

    for (guint i = 0; i < STATE; i += step) {
        turn (&k->x[i], 1, m);
        for (guint j = 0; j < STATE; j++)
            turn (&k->p[i][j], STATE, m);
    }
    for (guint i = 0; i < STATE; i += step)
        for (guint j = 0; j < STATE; j++)
            turn (&k->p[j][i], 1, m);
    for (guint i = 0; i < STATE; i++) /* rounding apart, they are equal */
        for (guint j = 0; j < i; j++)
            k->p[i][j] = k->p[j][i];
    k->x[0] += m[2];
    k->x[1] += m[5];
}
