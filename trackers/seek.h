/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_SEEK_H
#define FOV_TRACKERS_SEEK_H

#include "trackers/palette.h"
#include "trackers/particle.h"

/*
 * Where something unseen may be: particles drift as it moved and are weighed by how alike the
 * colours under its box there are to its own (Perez et al. 2002). size: the root of its area.
 */

/* About centre, whose velocity is its own. */
void fov_seek_start (FovParticles *p, FovParticle centre, float size);
/* dt pictures on; shift: the camera's. */
void fov_seek_move (FovParticles *p, float dt, float shift_x, float shift_y, float size);
/* usual: its colours. Returns the mean likelihood; where it is 0, nothing changes. */
float fov_seek_weigh (FovParticles *p, FovPatcher *patcher, const FovImage *image,
                      const FovPalette *usual, double width, double height);

#endif
