/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/fourier.h"

#include "vision/clones.h"

#include <libavutil/mem.h>
#include <libavutil/tx.h>

struct _FovFourier {
    int n;
    AVTXContext *forward, *inverse;
    av_tx_fn run_forward, run_inverse;
    AVComplexFloat *a, *b; /* n x n each */
    float *spare;          /* the partner of an odd last plane */
};

FovFourier *
fov_fourier_new (int n, GError **error)
{
    FovFourier *fourier = g_new0 (FovFourier, 1);
    float scale = 1.0f;
    gsize bytes = (gsize) n * (gsize) n * sizeof (AVComplexFloat);
    fourier->n = n;
    fourier->a = av_malloc (bytes);
    fourier->b = av_malloc (bytes);
    fourier->spare = g_new0 (float, (gsize) (2 * fov_fourier_size (fourier)));
    if (!fourier->a || !fourier->b ||
        av_tx_init (&fourier->forward, &fourier->run_forward, AV_TX_FLOAT_FFT, 0, n, &scale, 0) <
            0 ||
        av_tx_init (&fourier->inverse, &fourier->run_inverse, AV_TX_FLOAT_FFT, 1, n, &scale, 0) <
            0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY,
                     "Fourier transform: libavutil has none of %d x %d", n, n);
        fov_fourier_free (fourier);
        return NULL;
    }
    return fourier;
}

void
fov_fourier_free (FovFourier *fourier)
{
    if (!fourier)
        return;
    av_tx_uninit (&fourier->forward);
    av_tx_uninit (&fourier->inverse);
    av_free (fourier->a);
    av_free (fourier->b);
    g_free (fourier->spare);
    g_free (fourier);
}

int
fov_fourier_size (const FovFourier *fourier)
{
    return fourier->n * (fourier->n / 2 + 1);
}

FOV_CLONES static void
transpose (const AVComplexFloat *restrict in, AVComplexFloat *restrict out, int n)
{
    const guint64 *from = (const guint64 *) (const void *) in;
    guint64 *to = (guint64 *) (void *) out;
    for (int y = 0; y < n; y += 8)
        for (int x = 0; x < n; x += 8)
            for (int i = 0; i < 8; i++)
                for (int j = 0; j < 8; j++)
                    to[(x + i) * n + y + j] = from[(y + j) * n + x + i];
}

static void
transform (FovFourier *fourier, AVTXContext *context, av_tx_fn run)
{
    int n = fourier->n;
    for (int y = 0; y < n; y++)
        run (context, fourier->b + y * n, fourier->a + y * n, sizeof (AVComplexFloat));
    transpose (fourier->b, fourier->a, n);
    for (int x = 0; x < n; x++)
        run (context, fourier->b + x * n, fourier->a + x * n, sizeof (AVComplexFloat));
}

FOV_CLONES static void
join_planes (const float *restrict first, const float *restrict second,
             AVComplexFloat *restrict out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (AVComplexFloat){ first[i], second[i] };
}

FOV_CLONES static void
part_planes (const AVComplexFloat *restrict in, float *restrict first, float *restrict second,
             float scale, int n)
{
    for (int i = 0; i < n; i++) {
        first[i] = in[i].re * scale;
        second[i] = in[i].im * scale;
    }
}

/* Two real planes ride in one complex transform: Z = A + iB, A(k) = (Z(k) + Z*(-k)) / 2. */
FOV_CLONES static void
part_column (const AVComplexFloat *restrict z, const AVComplexFloat *restrict mirror, int n,
             float *restrict a_re, float *restrict a_im, float *restrict b_re, float *restrict b_im)
{
    a_re[0] = 0.5f * (z[0].re + mirror[0].re);
    a_im[0] = 0.5f * (z[0].im - mirror[0].im);
    b_re[0] = 0.5f * (z[0].im + mirror[0].im);
    b_im[0] = 0.5f * (mirror[0].re - z[0].re);
    for (int k = 1; k < n; k++) {
        AVComplexFloat m = mirror[n - k];
        a_re[k] = 0.5f * (z[k].re + m.re);
        a_im[k] = 0.5f * (z[k].im - m.im);
        b_re[k] = 0.5f * (z[k].im + m.im);
        b_im[k] = 0.5f * (m.re - z[k].re);
    }
}

void
fov_fourier_forward (FovFourier *fourier, const float *planes, int count, float *spectra)
{
    int n = fourier->n, size = fov_fourier_size (fourier);
    for (int i = 0; i < count; i += 2) {
        const float *first = planes + (gsize) i * (gsize) (n * n);
        float *a = spectra + (gsize) i * 2 * (gsize) size;
        gboolean pair = i + 1 < count;
        float *b = pair ? a + 2 * size : fourier->spare;
        join_planes (first, pair ? first + n * n : first, fourier->a, n * n);
        transform (fourier, fourier->forward, fourier->run_forward);
        for (int kx = 0; kx <= n / 2; kx++)
            part_column (fourier->b + kx * n, fourier->b + (n - kx) % n * n, n, a + kx * n,
                         a + size + kx * n, b + kx * n, b + size + kx * n);
    }
}

FOV_CLONES static void
join_column (const float *restrict a_re, const float *restrict a_im, const float *restrict b_re,
             const float *restrict b_im, int n, AVComplexFloat *restrict z,
             AVComplexFloat *restrict mirror)
{
    for (int k = 0; k < n; k++)
        z[k] = (AVComplexFloat){ a_re[k] - b_im[k], a_im[k] + b_re[k] };
    if (!mirror)
        return;
    mirror[0] = (AVComplexFloat){ a_re[0] + b_im[0], b_re[0] - a_im[0] };
    for (int k = 1; k < n; k++)
        mirror[n - k] = (AVComplexFloat){ a_re[k] + b_im[k], b_re[k] - a_im[k] };
}

void
fov_fourier_inverse (FovFourier *fourier, const float *spectra, int count, float *planes)
{
    int n = fourier->n, size = fov_fourier_size (fourier);
    for (int i = 0; i < count; i += 2) {
        float *first = planes + (gsize) i * (gsize) (n * n);
        const float *a = spectra + (gsize) i * 2 * (gsize) size;
        gboolean pair = i + 1 < count;
        const float *b = pair ? a + 2 * size : fourier->spare;
        for (int kx = 0; kx <= n / 2; kx++)
            join_column (a + kx * n, a + size + kx * n, b + kx * n, b + size + kx * n, n,
                         fourier->a + kx * n,
                         kx > 0 && kx < n / 2 ? fourier->a + (n - kx) * n : NULL);
        transform (fourier, fourier->inverse, fourier->run_inverse);
        part_planes (fourier->b, first, pair ? first + n * n : fourier->spare,
                     1.0f / (float) (n * n), n * n);
    }
}
