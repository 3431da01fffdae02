/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_VISION_LINES_H
#define FOVEA_VISION_LINES_H

/*
 * Text files of numbers, a row a line: commas between the columns where the
 * line has one, else white space. Read as a stream; errors name file and line.
 */
#include <fovea/error.h>

#define FOV_LINES_MAX_FIELDS 32

typedef struct _FovLines FovLines;

FovLines *fov_lines_open (const char *path, GError **error);
void fov_lines_close (FovLines *lines);

/* Goes to the next line that is not blank; FALSE at the end, or with error. */
gboolean fov_lines_next (FovLines *lines, GError **error);

/* The line's columns; what is beyond the most that are kept is not looked at. */
guint fov_lines_count (const FovLines *lines);
const char *fov_lines_text (const FovLines *lines, guint column);

/* A column from 0 as a finite number within -1e9..1e9; an error where it is missing or none. */
gboolean fov_lines_number (const FovLines *lines, guint column, double *value, GError **error);
/* A whole number, which may be written 3.0. */
gboolean fov_lines_whole (const FovLines *lines, guint column, gint64 min, gint64 max,
                          gint64 *value, GError **error);

/* "FILE:LINE: " before a message of FOV_ERROR_FORMAT; returns FALSE. */
gboolean fov_lines_fail (const FovLines *lines, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovLines, fov_lines_close)

#endif
