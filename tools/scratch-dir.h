/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_SCRATCH_DIR_H
#define FOVEA_TOOLS_SCRATCH_DIR_H

#include <glib.h>

/** Makes a new folder for temporary files; NULL with error. g_free the name. */
char *scratch_dir_new (GError **error);
/** Removes what is in it. Links are removed, never followed. */
void scratch_dir_empty (const char *path);
/** The same, and the folder. */
void scratch_dir_remove (const char *path);

#endif
