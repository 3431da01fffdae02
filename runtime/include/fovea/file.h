/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_FILE_H
#define FOVEA_FILE_H

#include <fovea/error.h>

G_BEGIN_DECLS

/**
 * How files are replaced: whole or not at all. Stateless; thread safe; all block.
 */

/**
 * What writing to path replaces: path itself, or what a symbolic link leads to in the end, which
 * may not be there yet. g_free. NULL and FOV_ERROR_IO, which names path, where there is something
 * else than a regular file, which a rename would do away with: a folder, device, pipe or socket.
 */
FOV_API char *fov_file_target (const char *path, GError **error);
/**
 * Replaces fov_file_target by size bytes at data: they are written to a file beside it (its name
 * with .fovea-XXXXXX, six letters or digits, behind it), which is then renamed. After a crash or on
 * an error (FOV_ERROR_IO, names path) what was there before is there still. Synced to the disk
 * before if there was something.
 */
FOV_API gboolean fov_file_write (const char *path, const void *data, gsize size, GError **error);
/**
 * Removes the files beside path that writers of it left when they were killed. Not while one is at
 * it.
 */
FOV_API void fov_file_tidy (const char *path);

G_END_DECLS

#endif
