/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_ERROR_H
#define FOVEA_ERROR_H

#include <glib.h>

G_BEGIN_DECLS

/** Marks a symbol that libfovea exports; everything else is hidden. */
#define FOV_API __attribute__ ((visibility ("default")))

/** The domain of every GError that libfovea makes itself. */
#define FOV_ERROR (fov_error_quark ())

/**
 * What kind of thing went wrong. The message says what failed, where (file,
 * node, tensor, frame), what was found and what was expected.
 */
typedef enum {
    FOV_ERROR_FAILED,      /**< none of the below */
    FOV_ERROR_IO,          /**< a file or stream could not be read or written */
    FOV_ERROR_FORMAT,      /**< a file's content is damaged or not of its format */
    FOV_ERROR_UNSUPPORTED, /**< well-formed, but beyond what Fovea can do */
    FOV_ERROR_SHAPE,       /**< tensor shapes or types do not fit together */
    FOV_ERROR_ARGUMENT,    /**< the caller's argument is out of its range */
    FOV_ERROR_DEVICE,      /**< no such device, or it lacks what is needed */
    FOV_ERROR_DEVICE_LOST, /**< the device went away; open a new session */
    FOV_ERROR_MEMORY,      /**< host or device memory ran out or over a limit */
    FOV_ERROR_CANCELLED,   /**< stopped because the caller asked for it */
} FovErrorCode;

FOV_API GQuark fov_error_quark (void);

G_END_DECLS

#endif
