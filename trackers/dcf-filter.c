/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/dcf-filter.h"

#include "vision/clones.h"

#include <string.h>

/* Frequencies worked on at a time, so that all channels of them stay in the first cache. */
#define BLOCK 64
/* ADMM's penalty on a filter that leaves the target, per cell of the plane, and its growth. */
#define PENALTY 0.3f
#define PENALTY_GROWTH 10.0f
#define ROUNDS 2
/* Share of a new picture in the model. */
#define RATE 0.02f

gboolean
fov_dcf_plan_init (FovDcfPlan *plan, int n, int channels, GError **error)
{
    plan->n = n;
    plan->channels = channels;
    plan->fourier = fov_fourier_new (n, error);
    if (!plan->fourier)
        return FALSE;
    plan->size = fov_fourier_size (plan->fourier);
    gsize all = (gsize) channels * 2 * (gsize) plan->size;
    plan->planes = g_new (float, (gsize) channels *(gsize) (n * n));
    plan->work = g_new (float, 3 * all);
    plan->masked = plan->work + all;
    plan->dual = plan->masked + all;
    return TRUE;
}

void
fov_dcf_plan_clear (FovDcfPlan *plan)
{
    fov_fourier_free (plan->fourier);
    g_free (plan->planes);
    g_free (plan->work);
}

void
fov_dcf_filter_init (FovDcfFilter *filter, const FovDcfPlan *plan)
{
    gsize all = (gsize) plan->channels * 2 * (gsize) plan->size;
    filter->model = g_new0 (float, all);
    filter->filter = g_new0 (float, all);
    filter->wanted = g_new0 (float, 2 * (gsize) plan->size);
    filter->mask = g_new0 (float, (gsize) plan->n *(gsize) plan->n);
    filter->trained = FALSE;
}

void
fov_dcf_filter_clear (FovDcfFilter *filter)
{
    g_free (filter->model);
    g_free (filter->filter);
    g_free (filter->wanted);
    g_free (filter->mask);
}

FOV_CLONES static void
blend (float *restrict mean, const float *restrict value, float rate, gsize n)
{
    for (gsize i = 0; i < n; i++)
        mean[i] += rate * (value[i] - mean[i]);
}

/*
 * min |x^H g - y*|^2 + rho |g - t|^2 for every frequency of a block, in closed
 * form by Sherman and Morrison: g = (b - x (x^H b) / (rho + x^H x)) / rho with
 * b = x y* + rho t. size: entries of a spectrum's part.
 */
FOV_CLONES static void
solve_block (const float *restrict x, const float *restrict y, const float *restrict h,
             const float *restrict u, float *restrict g, int channels, int size, int n, float rho)
{
    float dot_re[BLOCK], dot_im[BLOCK], energy[BLOCK];
    for (int i = 0; i < n; i++)
        dot_re[i] = dot_im[i] = energy[i] = 0.0f;
    for (int d = 0; d < channels; d++) {
        const float *x_re = x + (gsize) d * 2 * size, *x_im = x_re + size;
        const float *h_re = h + (gsize) d * 2 * size, *h_im = h_re + size;
        const float *u_re = u + (gsize) d * 2 * size, *u_im = u_re + size;
        float *g_re = g + (gsize) d * 2 * size, *g_im = g_re + size;
        const float *y_re = y, *y_im = y + size;
        for (int i = 0; i < n; i++) {
            float b_re = x_re[i] * y_re[i] + x_im[i] * y_im[i] + rho * (h_re[i] - u_re[i]);
            float b_im = x_im[i] * y_re[i] - x_re[i] * y_im[i] + rho * (h_im[i] - u_im[i]);
            dot_re[i] += x_re[i] * b_re + x_im[i] * b_im;
            dot_im[i] += x_re[i] * b_im - x_im[i] * b_re;
            energy[i] += x_re[i] * x_re[i] + x_im[i] * x_im[i];
            g_re[i] = b_re;
            g_im[i] = b_im;
        }
    }
    for (int i = 0; i < n; i++) {
        dot_re[i] /= rho + energy[i];
        dot_im[i] /= rho + energy[i];
    }
    float share = 1.0f / rho;
    for (int d = 0; d < channels; d++) {
        const float *x_re = x + (gsize) d * 2 * size, *x_im = x_re + size;
        float *g_re = g + (gsize) d * 2 * size, *g_im = g_re + size;
        for (int i = 0; i < n; i++) {
            g_re[i] = share * (g_re[i] - x_re[i] * dot_re[i] + x_im[i] * dot_im[i]);
            g_im[i] = share * (g_im[i] - x_re[i] * dot_im[i] - x_im[i] * dot_re[i]);
        }
    }
}

FOV_CLONES static void
add (float *restrict out, const float *restrict a, const float *restrict b, gsize n)
{
    for (gsize i = 0; i < n; i++)
        out[i] = a[i] + b[i];
}

FOV_CLONES static void
weigh (float *restrict plane, const float *restrict mask, int n)
{
    for (int i = 0; i < n; i++)
        plane[i] *= mask[i];
}

FOV_CLONES static void
update_dual (float *restrict u, const float *restrict g, const float *restrict h, float scale,
             gsize n)
{
    for (gsize i = 0; i < n; i++)
        u[i] = scale * (u[i] + g[i] - h[i]);
}

FOV_CLONES static void
correlate (const float *restrict g, const float *restrict z, float *restrict out, int size)
{
    for (int i = 0; i < size; i++) {
        out[i] += g[i] * z[i] + g[size + i] * z[size + i];
        out[size + i] += g[i] * z[size + i] - g[size + i] * z[i];
    }
}

void
fov_dcf_respond (const float *filter, const FovDcfPlan *plan, const float *features,
                 float *response)
{
    gsize step = 2 * (gsize) plan->size;
    memset (response, 0, step * sizeof *response);
    for (int d = 0; d < plan->channels; d++)
        correlate (filter + (gsize) d * step, features + (gsize) d * step, response, plan->size);
}

/* The mean over all frequencies is the response without displacement. */
static float
full_response (const FovDcfFilter *filter, FovDcfPlan *plan)
{
    int n = plan->n, size = plan->size;
    float sum = 0.0f;
    fov_dcf_respond (filter->filter, plan, filter->model, plan->work);
    for (int i = 0; i < size; i++)
        sum += (i < n || i >= size - n ? 1.0f : 2.0f) * plan->work[i];
    return sum / (float) (n * n);
}

void
fov_dcf_filter_learn (FovDcfFilter *filter, FovDcfPlan *plan, const float *features)
{
    gsize all = (gsize) plan->channels * 2 * (gsize) plan->size;
    int area = plan->n * plan->n;
    float penalty = PENALTY * (float) area;

    blend (filter->model, features, filter->trained ? RATE : 1.0f, all);
    memset (plan->masked, 0, all * sizeof (float));
    memset (plan->dual, 0, all * sizeof (float));
    for (int k = 0; k < ROUNDS; k++) {
        for (int f = 0; f < plan->size; f += BLOCK)
            solve_block (filter->model + f, filter->wanted + f, plan->masked + f, plan->dual + f,
                         filter->filter + f, plan->channels, plan->size,
                         MIN (BLOCK, plan->size - f), penalty);
        add (plan->work, filter->filter, plan->dual, all);
        fov_fourier_inverse (plan->fourier, plan->work, plan->channels, plan->planes);
        for (int d = 0; d < plan->channels; d++)
            weigh (plan->planes + d * area, filter->mask, area);
        fov_fourier_forward (plan->fourier, plan->planes, plan->channels, plan->masked);
        update_dual (plan->dual, filter->filter, plan->masked, 1.0f / PENALTY_GROWTH, all);
        penalty *= PENALTY_GROWTH;
    }
    filter->full = full_response (filter, plan);
    filter->trained = TRUE;
}
