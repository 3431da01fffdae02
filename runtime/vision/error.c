/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/error.h>

G_DEFINE_QUARK (fov - error - quark, fov_error)
