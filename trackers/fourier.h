/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_FOURIER_H
#define FOV_TRACKERS_FOURIER_H

#include <fovea/error.h>

/*
 * Two-dimensional Fourier transforms of batches of real n x n planes, n a power
 * of two. A plane's half spectrum is stored transposed and with its parts
 * apart: fov_fourier_size () real parts, then as many imaginary ones; entry
 * kx * n + ky, kx in 0..n/2, ky in 0..n-1. Not scaled forward, 1 / n^2 back.
 */
typedef struct _FovFourier FovFourier;

FovFourier *fov_fourier_new (int n, GError **error);
void fov_fourier_free (FovFourier *fourier);
/* n * (n / 2 + 1): the half spectrum's entries. */
int fov_fourier_size (const FovFourier *fourier);

/* planes: count of n x n floats; spectra: count of 2 * fov_fourier_size (). */
void fov_fourier_forward (FovFourier *fourier, const float *planes, int count, float *spectra);
void fov_fourier_inverse (FovFourier *fourier, const float *spectra, int count, float *planes);

#endif
