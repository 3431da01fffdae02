/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/error.h>

/* The formatter would take the dashes of the name for minus signs. */
/* clang-format off */
G_DEFINE_QUARK (fov-error-quark, fov_error)
