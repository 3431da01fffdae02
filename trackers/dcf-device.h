/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_DCF_DEVICE_H
#define FOV_TRACKERS_DCF_DEVICE_H

#include <fovea/device.h>

/*
 * The responses of many filters to many patches in one run of the runtime: the
 * Fourier transforms are products with the matrices of the discrete transform,
 *   Z = F z F,  R = sum over channels of G* Z,  r = F^-1 R F^-1,
 * so that the runtime's own matrix product does all of it. One session for each
 * power of two of patches, made when it is first needed.
 */
typedef struct _FovDcfDevice FovDcfDevice;

/* n: side of the patches in cells; device is referenced. */
FovDcfDevice *fov_dcf_device_new (FovDevice *device, int n, int channels);
void fov_dcf_device_free (FovDcfDevice *on);

/*
 * planes: count patches of channels planes of n x n; filters[i]: patch i's filter, spectra as
 * fov_fourier_forward stores them. responses: count planes of n x n.
 */
gboolean fov_dcf_device_respond (FovDcfDevice *on, const float *planes, const float *const *filters,
                                 guint count, float *responses, GError **error);

#endif
